//! The form of requests, as data: what the AWS service model says about members, lengths,
//! patterns, enums and unions, and the one function that holds a document against it.
//!
//! Being data, the tables can also be compared with a newer service model; `describe` writes
//! them out for that.

mod check;
mod describe;
mod gateway;
mod http_targets;
mod network;
mod patterns;
pub(crate) mod requests;

pub(crate) use check::{check, check_text};
pub(crate) use describe::describe;

/// What a value may look like.
#[derive(Debug)]
pub(crate) enum Shape {
    Text(Text),
    Enum(&'static [&'static str]),
    Integer {
        min: i64,
        max: i64,
    },
    Boolean,
    List {
        min: usize,
        max: usize,
        item: &'static Shape,
    },
    Map {
        min: usize,
        max: usize,
        key: &'static Shape,
        value: &'static Shape,
    },
    Structure(&'static [Member]),
    /// A structure with exactly one of its members.
    Union(&'static [Member]),
    /// Any JSON: what the model calls a document.
    Document,
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
    pub(crate) pattern: Option<&'static str>,
}

/// For sizes without a limit.
const NO_LIMIT: usize = usize::MAX;

impl Text {
    const ANY: Self = Self { min: 0, max: NO_LIMIT, pattern: None };

    const fn length(min: usize, max: usize) -> Self {
        Self { min, max, pattern: None }
    }

    const fn pattern(pattern: &'static str) -> Self {
        Self { pattern: Some(pattern), ..Self::ANY }
    }

    const fn and_pattern(self, pattern: &'static str) -> Self {
        Self { pattern: Some(pattern), ..self }
    }
}

impl Shape {
    const fn list(min: usize, max: usize, item: &'static Self) -> Self {
        Self::List { min, max, item }
    }

    const fn list_of(item: &'static Self) -> Self {
        Self::List { min: 0, max: NO_LIMIT, item }
    }
}

const fn required(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, required: true }
}

const fn optional(name: &'static str, shape: &'static Shape) -> Member {
    Member { name, shape, required: false }
}

static ANY_TEXT: Shape = Shape::Text(Text::ANY);
static BOOLEAN: Shape = Shape::Boolean;
