//! How the emulator behaves where AWS leaves it open, and where a test wants it otherwise.
//!
//! The defaults play AWS in good health, only faster.

use std::time::Duration;

/// Everything that can be set before the emulator starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The account that every caller belongs to.
    pub account: String,
    /// Region of the gateways in `gateways`. Without it they answer in any Region.
    pub region: Option<String>,
    /// IDs of gateways that exist from the start, of any form.
    pub gateways: Vec<String>,
    /// How long each transition takes.
    pub durations: Durations,
    /// What a repeated client token does.
    pub tokens: TokenPolicy,
    /// Entries of a List answer when the request names no `maxResults`.
    pub default_page_size: usize,
    /// How many calls the log holds; the oldest go first.
    pub call_log_capacity: usize,
    /// Seed of every ID, so that a run can be repeated.
    pub seed: u64,
}

/// How long a target stays in each transitional status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Durations {
    /// CREATING
    pub creating: Duration,
    /// UPDATING
    pub updating: Duration,
    /// DELETING
    pub deleting: Duration,
    /// SYNCHRONIZING
    pub synchronizing: Duration,
}

/// What AWS does with a client token it has seen before is documented in one sentence ("is
/// ignored, without an error"), so each open question has a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenPolicy {
    /// How long a token is remembered. Zero: tokens are ignored.
    pub ttl: Duration,
    /// What a repeat with other parameters gives.
    pub mismatch: TokenMismatch,
    /// What a repeat gives when its target has been deleted.
    pub after_delete: TokenAfterDelete,
}

/// A client token comes again with other parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenMismatch {
    /// The answer is the target that the first call made.
    Answer,
    /// `ValidationException` with the reason `IdempotentParameterMismatchException`.
    Refuse,
}

/// A client token comes again after its target was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAfterDelete {
    /// The token went with the target: a new target is created.
    Create,
    /// The answer is the dead target, as the first call showed it; nothing is created.
    AnswerDead,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account: "123456789012".to_owned(),
            region: None,
            gateways: Vec::new(),
            durations: Durations::default(),
            tokens: TokenPolicy::default(),
            default_page_size: 100,
            call_log_capacity: 100_000,
            seed: 0,
        }
    }
}

impl Settings {
    /// The defaults, with these gateways.
    #[must_use]
    pub fn with_gateways<I>(ids: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self { gateways: ids.into_iter().map(Into::into).collect(), ..Self::default() }
    }
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            creating: Duration::from_secs(2),
            updating: Duration::from_secs(1),
            deleting: Duration::from_millis(1500),
            synchronizing: Duration::from_secs(1),
        }
    }
}

impl Durations {
    /// The same duration for every transition.
    #[must_use]
    pub fn all(duration: Duration) -> Self {
        Self { creating: duration, updating: duration, deleting: duration, synchronizing: duration }
    }
}

impl Default for TokenPolicy {
    fn default() -> Self {
        Self {
            ttl: Duration::from_hours(24),
            mismatch: TokenMismatch::Answer,
            after_delete: TokenAfterDelete::Create,
        }
    }
}
