//! Where the demo speaks: lines that stay, and below them, in a terminal, some that are redrawn in
//! place.

use std::env;
use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::time::Instant;

use anyhow::{Context as _, Result};
use rustix::termios::tcgetwinsize;

use super::table::{Size, width};

/// What a terminal has that does not say its size.
const USUAL: Size = Size { columns: 80, lines: 24 };

/// Standard output.
pub(crate) struct Screen {
    begun: Instant,
    redraws: bool,
    drawn: Vec<String>,
}

impl Screen {
    /// Lines alone, whatever standard output is.
    pub(crate) fn of_lines() -> Self {
        Self { begun: Instant::now(), redraws: false, drawn: Vec::new() }
    }

    /// What standard output can do.
    pub(crate) fn of_stdout() -> Self {
        let dumb = env::var_os("TERM").is_none_or(|name| name == "dumb");
        Self { redraws: io::stdout().is_terminal() && !dumb, ..Self::of_lines() }
    }

    /// Whether it can redraw.
    pub(crate) fn redraws(&self) -> bool {
        self.redraws
    }

    /// Says what is being done or has come about, with the time since the beginning.
    pub(crate) fn step(&mut self, what: &str) -> Result<()> {
        let time = self.begun.elapsed().as_secs_f64();
        self.say(&format!("{time:7.1} s  {what}"))
    }

    /// Says it.
    pub(crate) fn say(&mut self, what: &str) -> Result<()> {
        let below = self.drawn.clone();
        self.put(Some(what), below)
    }

    /// Shows these lines in place of those before. They are made for the room that there is.
    pub(crate) fn redraw(&mut self, lines: impl FnOnce(Size) -> Vec<String>) -> Result<()> {
        self.put(None, lines(room()))
    }

    /// Lets what is drawn stand for good; what comes next comes below.
    pub(crate) fn let_stand(&mut self) {
        self.drawn.clear();
    }

    /// In one write, so that nothing flickers.
    fn put(&mut self, above: Option<&str>, below: Vec<String>) -> Result<()> {
        let drawn = if self.redraws { height(&self.drawn, room().columns) } else { 0 };
        let frame = frame(self.redraws, drawn, above, &below);
        self.drawn = below;
        let mut out = io::stdout().lock();
        out.write_all(frame.as_bytes())
            .and_then(|()| out.flush())
            .context("writing to standard output")
    }
}

/// The room for what is redrawn: a line less than there are, for the cursor.
fn room() -> Size {
    let known = tcgetwinsize(io::stdout()).ok().filter(|size| size.ws_col > 0);
    let size =
        known.map_or(USUAL, |size| Size { columns: size.ws_col.into(), lines: size.ws_row.into() });
    Size { lines: size.lines.saturating_sub(1), ..size }
}

/// How many lines of the terminal these take. It is more than there are when the terminal has
/// become narrower since, because it breaks them again.
fn height(lines: &[String], columns: usize) -> usize {
    lines.iter().map(|line| width(line).div_ceil(columns.max(1)).max(1)).sum()
}

/// What to print so that the lines drawn last give way to these.
fn frame(redraws: bool, drawn: usize, above: Option<&str>, below: &[String]) -> String {
    let mut frame = String::new();
    if redraws {
        // To the first column, since a `^C` may stand there.
        frame.push('\r');
        if drawn > 0 {
            // Writing to a String cannot fail.
            let _ = write!(frame, "\x1b[{drawn}A");
        }
        // Clears from the cursor on.
        frame.push_str("\x1b[J");
    }
    for line in above.into_iter().chain(below.iter().map(String::as_str)) {
        frame.push_str(line);
        frame.push('\n');
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|&line| line.to_owned()).collect()
    }

    #[test]
    fn what_was_drawn_gives_way() {
        let below = lines(&["a", "b"]);
        assert_eq!(frame(true, 0, None, &below), "\r\x1b[Ja\nb\n");
        assert_eq!(frame(true, 3, None, &below), "\r\x1b[3A\x1b[Ja\nb\n");
    }

    #[test]
    fn what_stays_goes_above_what_is_redrawn() {
        assert_eq!(frame(true, 1, Some("done"), &lines(&["a"])), "\r\x1b[1A\x1b[Jdone\na\n");
    }

    #[test]
    fn in_a_terminal_that_has_become_narrower_what_was_drawn_is_higher() {
        let drawn = lines(&["", "four", "and six"]);
        assert_eq!(height(&drawn, 80), 3);
        assert_eq!(height(&drawn, 4), 4);
        assert_eq!(height(&drawn, 3), 6);
    }

    #[test]
    fn lines_alone_have_no_control_characters() {
        assert_eq!(frame(false, 0, Some("done"), &[]), "done\n");
    }
}
