//! What is not known of AWS, and how the emulator plays it.

use std::sync::OnceLock;
use std::time::Duration;

use emulator::{
    Durations, Emulator, LimitError, Quotas, Settings, Spread, TokenAfterDelete, TokenMismatch,
    UpdateOfFailed, UpdatedAt,
};

/// How long a transition takes: several Lists.
const TRANSITION: Duration = Duration::from_millis(150);
/// How old what AWS shows can be: less than the operator allows for.
const LAG: Spread = Spread::Fixed(Duration::from_millis(350));

/// An AgentCore of a certain kind.
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    set: fn(&mut Settings),
    /// When the story begins, the gateway has as many operations of others under way as it takes,
    /// and says so with this error. They are over when the first of ours has been refused.
    busy: Option<LimitError>,
}

impl Variant {
    pub(crate) fn settings(&self) -> Settings {
        let mut settings =
            Settings { durations: Durations::all(TRANSITION), ..Settings::default() };
        (self.set)(&mut settings);
        settings
    }

    /// The story begins.
    pub(crate) fn begins(&self, aws: &Emulator) {
        if let Some(error) = self.busy {
            aws.change_settings(|settings| settings.quotas = quotas(error, 0));
        }
    }

    /// What happens of itself while the story goes on.
    pub(crate) async fn goes_on(&self, aws: &Emulator, begins_at: &OnceLock<u64>) {
        let Some(error) = self.busy else { return };
        let refused = aws.wait_for(|aws| {
            let calls = aws.calls_since(*begins_at.get()?);
            calls.into_iter().find(|call| call.is_write() && !call.was_accepted())
        });
        refused.await;
        aws.change_settings(|settings| settings.quotas = quotas(error, 5));
    }
}

/// All quotas as documented, but for how many operations can be under way.
fn quotas(error: LimitError, under_way: usize) -> Quotas {
    Quotas { under_way, under_way_error: error, ..Quotas::documented() }
}

/// As the emulator is by itself.
pub(crate) static USUAL: Variant = PLAIN;
const PLAIN: Variant = Variant { name: "", set: |_| {}, busy: None };

/// Updates of failed targets are refused. A story of its own needs it.
pub(crate) static FAILED_FOR_GOOD: Variant = Variant {
    set: |settings| settings.variants.update_of_failed = UpdateOfFailed::Refused,
    ..PLAIN
};

/// Every other answer to the questions that are open.
pub(crate) static UNKNOWNS: [Variant; 12] = [
    Variant {
        name: "tokens ignored",
        set: |settings| settings.tokens.ttl = Duration::ZERO,
        ..PLAIN
    },
    Variant {
        name: "tokens answer with the dead",
        set: |settings| settings.tokens.after_delete = TokenAfterDelete::AnswerDead,
        ..PLAIN
    },
    Variant {
        name: "tokens refuse a mismatch",
        set: |settings| settings.tokens.mismatch = TokenMismatch::Refuse,
        ..PLAIN
    },
    Variant {
        name: "updatedAt at completion",
        set: |settings| settings.variants.updated_at = UpdatedAt::Completion,
        ..PLAIN
    },
    Variant {
        name: "updatedAt at both",
        set: |settings| settings.variants.updated_at = UpdatedAt::Both,
        ..PLAIN
    },
    Variant { name: "Get lags", set: |settings| settings.consistency.get = LAG, ..PLAIN },
    Variant { name: "List lags", set: |settings| settings.consistency.list = LAG, ..PLAIN },
    Variant { name: "reads lag", set: all_reads_lag, ..PLAIN },
    Variant { name: "busy is a 402", busy: Some(LimitError::ServiceQuotaExceeded), ..PLAIN },
    Variant { name: "busy is a 409", busy: Some(LimitError::Conflict), ..PLAIN },
    Variant { name: "busy is a 429", busy: Some(LimitError::Throttling), ..PLAIN },
    Variant {
        name: "the worst of all",
        set: |settings| {
            settings.tokens.ttl = Duration::ZERO;
            settings.variants.updated_at = UpdatedAt::Both;
            all_reads_lag(settings);
        },
        busy: Some(LimitError::Conflict),
    },
];

fn all_reads_lag(settings: &mut Settings) {
    settings.consistency.get = LAG;
    settings.consistency.list = LAG;
}
