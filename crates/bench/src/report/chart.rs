//! A picture: lines over two axes, as SVG.

use std::fmt::Write as _;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 400.0;
/// Room for the title and the axes.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 52.0;
/// About how many numbers an axis has.
const MARKS: f64 = 6.0;

/// What is drawn.
pub(crate) struct Chart {
    pub(crate) title: String,
    /// What the axes count.
    pub(crate) x: &'static str,
    pub(crate) y: &'static str,
    pub(crate) lines: Vec<Line>,
}

/// A line.
pub(crate) struct Line {
    name: &'static str,
    points: Vec<(f64, f64)>,
    style: &'static str,
}

impl Line {
    /// What was measured.
    pub(crate) fn measured(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self { name, points, style: "stroke:#0b6bcb;stroke-width:2" }
    }

    /// What was measured besides.
    pub(crate) fn second(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self { name, points, style: "stroke:#0b6bcb;stroke-width:1;stroke-opacity:0.6" }
    }

    /// What it is held against.
    pub(crate) fn reference(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self { name, points, style: "stroke:#777;stroke-width:1.5;stroke-dasharray:6 4" }
    }
}

impl Chart {
    /// The picture.
    pub(crate) fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let across = Axis::over(points().map(|point| point.0), LEFT, WIDTH - RIGHT);
        let up = Axis::over(points().map(|point| point.1), HEIGHT - BOTTOM, TOP);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
             font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n\
             <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
             <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{}</text>\n",
            escaped(&self.title)
        );
        let (floor, edge) = (HEIGHT - BOTTOM, WIDTH - RIGHT);
        // Writing into a string cannot fail.
        for (value, y) in up.marks() {
            let _ = writeln!(
                svg,
                "<path d=\"M{LEFT} {y:.1}H{edge}\" stroke=\"#ddd\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
                LEFT - 6.0,
                y + 4.0
            );
        }
        for (value, x) in across.marks() {
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {floor}v4\" stroke=\"#222\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value}</text>",
                floor + 18.0
            );
        }
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {TOP}V{floor}H{edge}\" fill=\"none\" stroke=\"#222\"/>\n\
             <text x=\"{edge}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n\
             <text x=\"8\" y=\"{:.1}\">{}</text>",
            HEIGHT - 14.0,
            escaped(self.x),
            TOP - 6.0,
            escaped(self.y)
        );
        for (line, number) in self.lines.iter().zip(0_u8..) {
            let path: Vec<String> = line
                .points
                .iter()
                .map(|(x, y)| format!("{:.1} {:.1}", across.place(*x), up.place(*y)))
                .collect();
            let y = HEIGHT - 14.0;
            let x = LEFT + 180.0 * f64::from(number);
            let _ = writeln!(
                svg,
                "<path d=\"M{}\" fill=\"none\" style=\"{style}\"/>\n\
                 <path d=\"M{x} {:.1}h24\" fill=\"none\" style=\"{style}\"/>\
                 <text x=\"{:.1}\" y=\"{y}\">{}</text>",
                path.join("L"),
                y - 4.0,
                x + 30.0,
                escaped(line.name),
                style = line.style
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// From zero to the first round number beyond all values.
struct Axis {
    step: f64,
    steps: u32,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let most = values.fold(0.0, f64::max);
        let most = if most > 0.0 { most } else { 1.0 };
        let rough = most / MARKS;
        let ten = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0].map(|digit| digit * ten).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(10.0 * ten);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "some marks: a small number"
        )]
        let steps = (most / step - 1e-9).ceil() as u32;
        Self { step, steps, from, to }
    }

    fn place(&self, value: f64) -> f64 {
        self.from + (self.to - self.from) * value / (self.step * f64::from(self.steps))
    }

    fn marks(&self) -> Vec<(String, f64)> {
        let decimals = if self.step < 0.1 { 2 } else { usize::from(self.step < 1.0) };
        let mark = |number| {
            let value = self.step * f64::from(number);
            (format!("{value:.decimals$}"), self.place(value))
        };
        (0..=self.steps).map(mark).collect()
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_beyond_all_values() {
        for (most, end, step) in
            [(60.3, 80.0, "20"), (1.9, 2.0, "0.5"), (10_000.0, 10_000.0, "2000")]
        {
            let axis = Axis::over([1.0, most].into_iter(), 0.0, 100.0);
            let marks = axis.marks();
            assert_eq!(marks[1].0, step, "{most}");
            assert!((axis.place(end) - 100.0).abs() < 1e-9, "{most}");
            assert!((axis.place(0.0)).abs() < 1e-9, "{most}");
        }
    }

    #[test]
    fn a_picture_shows_each_line_and_its_name() {
        let chart = Chart {
            title: "a < b".to_owned(),
            x: "seconds",
            y: "MB",
            lines: vec![
                Line::reference("floor", vec![(0.0, 0.0), (10.0, 100.0)]),
                Line::measured("measured", vec![(0.0, 0.0), (10.0, 50.0)]),
            ],
        };
        let svg = chart.svg();
        for text in ["a &lt; b", ">floor<", ">measured<", ">MB<", "M64.0 348.0L704.0 40.0"] {
            assert!(svg.contains(text), "{text} in {svg}");
        }
    }
}
