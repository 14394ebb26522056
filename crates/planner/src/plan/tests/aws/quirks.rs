//! What the real service leaves open, and what is taken for granted unless a story says otherwise.

use std::time::Duration;

use api::FailureClass;

/// When `updatedAt` moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum Stamp {
    Acceptance,
    Completion,
    Both,
}

/// What a repeated token is answered after its target was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) enum DeadToken {
    /// The dead target, as if it lived.
    Answers,
    /// Tokens are forgotten with their targets.
    Creates,
    Refuses,
}

/// What the service leaves open.
// Each is a question of its own that AWS leaves open.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Quirks {
    /// How long a change takes.
    pub(in super::super) transition: Duration,
    /// How old a state Get and List may show.
    pub(in super::super) get_lag: Duration,
    pub(in super::super) list_lag: Duration,
    pub(in super::super) stamp: Stamp,
    pub(in super::super) dead_token: DeadToken,
    /// Whether a token is remembered at all.
    pub(in super::super) remembers_tokens: bool,
    /// What a full limit of operations under way is answered with, where one is met at first.
    pub(in super::super) limit: Option<FailureClass>,
    /// Whether a failed Update leaves the configuration before it.
    pub(in super::super) failure_keeps_old: bool,
    /// Whether it tells when tools were fetched.
    pub(in super::super) dates_fetches: bool,
    /// Whether it changes what it is given, in a way that nobody knows of.
    pub(in super::super) rewrites: bool,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            transition: Duration::from_secs(3),
            get_lag: Duration::ZERO,
            list_lag: Duration::ZERO,
            stamp: Stamp::Acceptance,
            dead_token: DeadToken::Answers,
            remembers_tokens: true,
            limit: None,
            failure_keeps_old: false,
            dates_fetches: true,
            rewrites: false,
        }
    }
}
