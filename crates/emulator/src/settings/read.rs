//! From a text to settings or a rule, and in one line what is wrong with it and where.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_saphyr::{Error, MessageFormatter as _, UserMessageFormatter};

use super::places::{Places, Position};
use super::{Clash, Entry, Settings, SettingsChange};
use crate::fault::FaultRule;
use crate::outcome::OutcomeRule;

/// A text that cannot be read; says where and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSettings(String);

/// What can be read.
pub(crate) trait Document: DeserializeOwned {
    /// What no single member shows.
    fn check(&self) -> Result<(), Clash>;
}

impl Document for SettingsChange {
    fn check(&self) -> Result<(), Clash> {
        let mut settings = Settings::default();
        self.clone().apply(&mut settings);
        settings.check()
    }
}

impl Document for FaultRule {
    fn check(&self) -> Result<(), Clash> {
        self.can_act(&Entry::default())
    }
}

impl Document for OutcomeRule {
    fn check(&self) -> Result<(), Clash> {
        self.can_act(&Entry::default())
    }
}

/// Reads YAML, of which JSON is a part; None where it says nothing.
pub(crate) fn read<T: Document>(text: &str) -> Result<Option<T>, BadSettings> {
    let document = serde_saphyr::from_str::<Option<T>>(text);
    let document = document.map_err(|error| BadSettings(told(&error, text)))?;
    document.iter().try_for_each(T::check).map_err(|clash| {
        let places = Places::of(text);
        BadSettings(clash.told(|entry| places.place(entry)))
    })?;
    Ok(document)
}

fn told(error: &Error, text: &str) -> String {
    // With the text around it an error would take several lines, and show secrets.
    let error = error.without_snippet();
    let what = mistake(error);
    let Some(mut position) = error.location().map(Position::from) else { return what.into_owned() };
    if let Error::SerdeMissingField { .. } = error {
        // The parser stands on the last key of what lacks one.
        position = Places::of(text).map_with_key(position).unwrap_or(position);
    }
    format!("{position}: {what}")
}

/// What is wrong, for people who write settings and not parsers.
fn mistake(error: &Error) -> Cow<'_, str> {
    let words = match error {
        Error::InvalidScalar { ty: "boolean", .. } => "expected true or false",
        Error::InvalidScalar { ty: "floating point", .. } => "expected a number",
        // No setting is a whole number below zero.
        Error::InvalidScalar { .. } => "expected a whole number from 0 on",
        Error::Unexpected { expected: "mapping start", .. } => "expected members with their values",
        Error::Unexpected { expected: "sequence start", .. } => "expected a list",
        Error::Unexpected { expected: "string scalar", .. } => "expected a text",
        Error::ExpectedMappingEndAfterEnumVariantValue { .. } => "expected one of them, not two",
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            return Cow::Owned(format!("`{key}` is given twice"));
        }
        other => return UserMessageFormatter.format_message(other),
    };
    Cow::Borrowed(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_are_told_in_words_for_people() {
        for (text, told) in [
            ("seed: soon", "line 1 column 7: expected a whole number from 0 on"),
            ("faults: [{times: -1}]", "line 1 column 18: expected a whole number from 0 on"),
            ("outcomes: [{probability: high}]", "line 1 column 26: expected a number"),
            ("quotas: {enforced: maybe}", "line 1 column 20: expected true or false"),
            ("durations: 5s", "line 1 column 12: expected members with their values"),
            ("faults: {}", "line 1 column 9: expected a list"),
            ("account: [1]", "line 1 column 10: expected a text"),
            ("seed: 1\nseed: 2", "line 2 column 1: `seed` is given twice"),
            (
                "faults: [{fault: {slow: 1s, showStatus: READY}}]",
                "line 1 column 29: expected one of them, not two",
            ),
            ("gateways: [demo, ~]", "line 1 column 18: null is not allowed here"),
        ] {
            assert_eq!(read::<SettingsChange>(text).unwrap_err().to_string(), told, "{text}");
        }
    }

    #[test]
    fn secrets_are_not_told() {
        let text = "accounts:\n- id: x\n  accessKeys:\n  - {id: AKID, secret: s3cret}\n";
        let error = read::<SettingsChange>(text).unwrap_err().to_string();
        assert!(error.starts_with("line 2 column 7: ") && !error.contains("s3cret"), "{error}");
    }
}
