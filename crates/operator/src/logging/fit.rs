//! Events as lines, fit to be shown: whatever comes from a resource, from AWS or from the environment is in
//! their fields.
//!
//! Contract: an event is one line. Each field is bounded, and has neither control characters nor such as
//! turn the order of the text around ([`one_line`]), also after the JSON has been read. What is too long is
//! not even put together. Spans are not shown: those of the libraries hold what we would not tell.

use std::fmt;

use api::text::one_line;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// The longest field, in characters: that of a condition's message.
const LONGEST: usize = 4096;
/// How much of a text is looked at, in bytes: what is not to be seen may stand before the rest.
const MOST_BYTES: usize = 4 * LONGEST + 4;

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// An object: `timestamp`, `level`, and the fields.
    Json,
    /// Time, level, message, and the fields as `name=value`.
    Text,
}

impl<S, N> FormatEvent<S, N> for Fit
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut line: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut fields = Fields::default();
        event.record(&mut fields);
        line.write_str(&self.line(&time, event.metadata().level().as_str(), &fields))
    }
}

impl Fit {
    fn line(self, time: &str, level: &str, fields: &Fields) -> String {
        match self {
            Self::Json => {
                // By hand, because the order is for people.
                let first = [("timestamp", Value::from(time)), ("level", Value::from(level))];
                let others = fields.0.iter().map(|(name, value)| (*name, value.json()));
                let members = first.into_iter().chain(others);
                let members: Vec<_> =
                    members.map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}\n", members.join(","))
            }
            Self::Text => {
                let (message, others): (Vec<_>, Vec<_>) =
                    fields.0.iter().partition(|(name, _)| *name == MESSAGE);
                let mut line = format!("{time} {level:>5}");
                for (_, value) in message {
                    line.extend([" ", &value.shown()]);
                }
                for (name, value) in others {
                    line.extend([" ", name, "=", &value.text()]);
                }
                line + "\n"
            }
        }
    }
}

/// The field that tracing gives the text of an event.
const MESSAGE: &str = "message";

/// The fields of an event, in their order, each fit to be shown.
#[derive(Debug, Default)]
struct Fields(Vec<(&'static str, Told)>);

/// The value of a field.
#[derive(Debug)]
enum Told {
    /// A text that is one: in quotes where there are no others around it.
    Quoted(String),
    /// What something is shown as.
    Plain(String),
    /// What is told without quotes in JSON, too.
    Value(Value),
}

impl Told {
    fn shown(&self) -> String {
        match self {
            Self::Quoted(text) | Self::Plain(text) => text.clone(),
            Self::Value(value) => value.to_string(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Quoted(text) => format!("{text:?}"),
            Self::Plain(_) | Self::Value(_) => self.shown(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Quoted(text) | Self::Plain(text) => Value::from(text.as_str()),
            Self::Value(value) => value.clone(),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), Told::Quoted(one_line(beginning(value), LONGEST))));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = Beginning(String::new());
        // An error says that the rest is not wanted.
        let _ = fmt::write(&mut text, format_args!("{value:?}"));
        self.0.push((field.name(), Told::Plain(one_line(&text.0, LONGEST))));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.push((field.name(), Told::Value(value.into())));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.push((field.name(), Told::Value(value.into())));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.push((field.name(), Told::Value(value.into())));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.push((field.name(), Told::Value(value.into())));
    }
}

/// As much of the text as is looked at.
fn beginning(text: &str) -> &str {
    let end = (0..=text.len().min(MOST_BYTES)).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or_default()]
}

/// What keeps the beginning of what is written to it, and then wants no more.
struct Beginning(String);

impl fmt::Write for Beginning {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MOST_BYTES.saturating_sub(self.0.len());
        let fits = text.len() <= room;
        let end = (0..=text.len().min(room)).rev().find(|end| text.is_char_boundary(*end));
        self.0.push_str(&text[..end.unwrap_or_default()]);
        if fits { Ok(()) } else { Err(fmt::Error) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::layer;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(fit: Fit, tell: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = {
            let kept = kept.clone();
            move || kept.clone()
        };
        let lines = layer().event_format(fit).with_ansi(false).with_writer(writer);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), tell);
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
    }

    fn tell() {
        let (name, none): (_, Option<&str>) = ("a \"b\"\nc\u{1b}[2J\u{202e}\u{2028}d", None);
        let error = std::io::Error::other("e\r\nf\u{9b}g");
        tracing::warn!(name, none, %error, list = ?["h\n"], number = 3, yes = true, "it {}\n", "is\tso");
    }

    #[test]
    fn a_line_is_one_and_its_fields_can_be_shown() {
        let text = logged(Fit::Text, tell);
        let (time, rest) = text.split_once(' ').unwrap();
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "{time}");
        let expected = " WARN it is so name=\"a \\\"b\\\" c [2J  d\" error=e  f g list=[\"h\\n\"] \
                        number=3 yes=true\n";
        assert_eq!(rest, expected);

        let json = logged(Fit::Json, tell);
        assert_eq!(json.matches('\n').count(), 1, "{json}");
        let mut read: Value = serde_json::from_str(&json).unwrap();
        assert!(read["timestamp"].take().as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
        let expected = serde_json::json!({
            "timestamp": null, "level": "WARN", "message": "it is so", "name": "a \"b\" c [2J  d",
            "error": "e  f g", "list": "[\"h\\n\"]", "number": 3, "yes": true,
        });
        assert_eq!(read, expected);
    }

    #[test]
    fn whatever_is_long_is_cut() {
        for letter in ["x", "ä", "€", "\u{1b}", "\u{1f600}"] {
            let (long, shown) = (letter.repeat(1 << 20), letter.repeat(1 << 20));
            for fit in [Fit::Json, Fit::Text] {
                let line =
                    logged(fit, || tracing::info!(long, %shown, list = ?[&shown], "{shown}"));
                assert!(line.chars().count() < 4 * LONGEST + 200, "{}", line.chars().count());
                assert_eq!(line.matches('\n').count(), 1);
            }
        }
    }
}
