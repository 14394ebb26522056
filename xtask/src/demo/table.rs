//! A table that fits: columns as wide as what they hold, and in a narrow terminal the widest give
//! way first.

/// What a column is never narrower than, unless what it holds is.
const NARROWEST: usize = 4;
/// Two, with which a row of the demo fits into the usual 80 columns.
const GAP: &str = "  ";

/// Room in characters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) columns: usize,
    pub(crate) lines: usize,
}

/// The header and the rows, each a line. What does not fit below is counted.
pub(crate) fn render<const N: usize>(
    header: [&str; N],
    rows: &[[String; N]],
    size: Size,
) -> Vec<String> {
    let mut widths = header.map(width);
    for row in rows {
        for (column, cell) in widths.iter_mut().zip(row) {
            *column = width(cell).max(*column);
        }
    }
    let widths = fit(widths, size.columns.saturating_sub(GAP.len() * N.saturating_sub(1)));
    let line = |cells: [&str; N]| {
        let cells: Vec<String> =
            cells.iter().zip(widths).map(|(cell, width)| padded(cell, width)).collect();
        cut(cells.join(GAP).trim_end(), size.columns)
    };

    let mut lines = vec![line(header)];
    let room = size.lines.saturating_sub(lines.len());
    // The line that counts the rest takes the place of a row.
    let shown = if rows.len() <= room { rows.len() } else { room.saturating_sub(1) };
    lines.extend(rows[..shown].iter().map(|row| line(row.each_ref().map(String::as_str))));
    if shown < rows.len() {
        lines.push(cut(&format!("… and {} more", rows.len() - shown), size.columns));
    }
    lines
}

/// Narrows the widest columns until all have room, or none can give way any more.
fn fit<const N: usize>(mut widths: [usize; N], room: usize) -> [usize; N] {
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => break,
        }
    }
    widths
}

fn padded(cell: &str, width: usize) -> String {
    format!("{:width$}", cut(cell, width))
}

fn cut(text: &str, room: usize) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let kept = text.chars().take(room.saturating_sub(1));
    kept.chain((room > 0).then_some('…')).collect()
}

/// Everything shown here is a name or a word of a program, with a character a column.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: [&str; 3] = ["NAME", "REASON", "AGE"];

    fn rows() -> Vec<[String; 3]> {
        let row = |name: &str, reason: &str, age: &str| {
            [name.to_owned(), reason.to_owned(), age.to_owned()]
        };
        vec![row("orders", "GatewayTargetReady", "12s"), row("weather", "-", "2m10s")]
    }

    fn rendered(columns: usize, lines: usize) -> Vec<String> {
        render(HEADER, &rows(), Size { columns, lines })
    }

    #[test]
    fn columns_are_as_wide_as_what_they_hold() {
        assert_eq!(
            rendered(80, 24),
            [
                "NAME     REASON              AGE",
                "orders   GatewayTargetReady  12s",
                "weather  -                   2m10s",
            ]
        );
    }

    #[test]
    fn in_a_narrow_terminal_the_widest_column_gives_way() {
        assert_eq!(
            rendered(30, 24),
            [
                "NAME     REASON          AGE",
                "orders   GatewayTarget…  12s",
                "weather  -               2m10s",
            ]
        );
    }

    #[test]
    fn no_line_is_ever_too_long() {
        for columns in 0..80 {
            for line in rendered(columns, 24) {
                assert!(width(&line) <= columns, "{columns}: {line}");
            }
        }
        assert_eq!(rendered(10, 24)[1], "ord…  Gat…");
    }

    #[test]
    fn rows_without_room_are_counted() {
        assert_eq!(rendered(80, 3).len(), 3);
        assert_eq!(rendered(80, 2)[1], "… and 2 more");
    }

    #[test]
    fn without_rows_there_is_a_header() {
        let size = Size { columns: 80, lines: 24 };
        assert_eq!(render(HEADER, &[], size), ["NAME  REASON  AGE"]);
    }
}
