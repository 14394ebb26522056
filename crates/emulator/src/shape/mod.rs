//! The form of requests, as data: what the AWS service model says about members, lengths,
//! patterns, enums and unions, and the one function that holds a document against it.
//!
//! Being data, the tables can also be compared with a newer service model.

mod check;
mod patterns;
pub(crate) mod requests;

pub(crate) use check::{check, check_text};

/// What a value may look like.
#[derive(Debug)]
pub(crate) enum Shape {
    Text(Text),
    Enum(&'static [&'static str]),
    Integer {
        min: i64,
        max: i64,
    },
    List {
        min: usize,
        max: usize,
        item: &'static Shape,
    },
    Map {
        min: usize,
        max: usize,
        key: Text,
        value: Text,
    },
    Structure(&'static [Member]),
    /// A structure with exactly one of its members.
    Union(&'static [Member]),
    /// Anything: a document, or a part of the model that no rule of the emulator reads.
    Any,
}

/// A member of a structure or union.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) name: &'static str,
    pub(crate) shape: &'static Shape,
    pub(crate) required: bool,
}

/// The rules of a string. Lengths count characters, as AWS does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) pattern: Option<Pattern>,
}

/// A pattern of the service model, and the same as code: the patterns are few and simple, and
/// some are of a kind on which a backtracking engine never ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pattern {
    pub(crate) text: &'static str,
    pub(crate) matches: fn(&str) -> bool,
}

impl Text {
    pub(crate) const ANY: Self = Self { min: 0, max: usize::MAX, pattern: None };

    pub(crate) const fn length(min: usize, max: usize) -> Self {
        Self { min, max, pattern: None }
    }

    pub(crate) const fn pattern(text: &'static str, matches: fn(&str) -> bool) -> Self {
        Self { min: 0, max: usize::MAX, pattern: Some(Pattern { text, matches }) }
    }

    pub(crate) const fn and_pattern(self, text: &'static str, matches: fn(&str) -> bool) -> Self {
        Self { pattern: Some(Pattern { text, matches }), ..self }
    }
}

impl Member {
    pub(crate) const fn required(name: &'static str, shape: &'static Shape) -> Self {
        Self { name, shape, required: true }
    }

    pub(crate) const fn optional(name: &'static str, shape: &'static Shape) -> Self {
        Self { name, shape, required: false }
    }
}
