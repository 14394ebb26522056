//! How the emulator behaves where AWS leaves it open, and where a test wants it otherwise.
//!
//! The defaults play AWS in good health, only faster. `read` reads the same settings from a file
//! or from the admin API, `change` carries them out, and `clash` refuses what cannot stand
//! together.

mod change;
mod clash;
mod places;
mod quotas;
mod read;
mod signers;
mod time;
mod variants;
pub(crate) mod words;

use crate::fault::FaultRule;
use crate::outcome::OutcomeRule;
use crate::spread::Spread;

pub use change::SettingsChange;
pub use clash::Clash;
pub use places::{Entry, Place, Places, Position};
pub use quotas::{LimitError, QuotaOrder, Quotas};
pub use read::BadSettings;
pub(crate) use read::{Document, read};
pub use signers::{AccessKey, Account, Issuing, Signatures};
pub use time::{ClockSkew, Consistency, DurationRule, Durations, Transition};
pub use variants::{
    Consent, ConsentLapse, Echo, EmptyCredentials, GatewayIds, PolicyHeader, TokenAfterDelete,
    TokenMismatch, TokenPolicy, UpdateOfFailed, UpdatedAt, Variants, Verdict,
};

/// Everything that can be set before the emulator starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The account of every caller whose access key is not in `accounts`.
    pub account: String,
    /// Region of the gateways in `gateways`. Without it they answer in any Region.
    pub region: Option<String>,
    /// IDs of gateways that exist from the start, of any form.
    pub gateways: Vec<String>,
    /// Further accounts, and the access keys that are known by name.
    pub accounts: Vec<Account>,
    /// How the gateways in `gateways` admit callers.
    pub authorizer_type: String,
    /// How long each transition takes.
    pub durations: Durations,
    /// Exceptions from `durations`; the first that matches decides.
    pub duration_rules: Vec<DurationRule>,
    /// What a repeated client token does.
    pub tokens: TokenPolicy,
    /// Which of its possible behaviours AWS has, where nobody knows.
    pub variants: Variants,
    /// How far reads lag behind.
    pub consistency: Consistency,
    /// What AWS changes by itself in what it gives back.
    pub echo: Echo,
    /// How people consent to authorization-code targets.
    pub consent: Consent,
    /// The limits of the service.
    pub quotas: Quotas,
    /// How long every answer takes.
    pub latency: Spread,
    /// How transitions end other than well.
    pub outcomes: Vec<OutcomeRule>,
    /// Which calls go wrong.
    pub faults: Vec<FaultRule>,
    /// What is asked of a request's signature.
    pub signatures: Signatures,
    /// The credentials that the stand-ins for STS and EKS hand out.
    pub issuing: Issuing,
    /// How the emulator's time differs from the machine's.
    pub clock: ClockSkew,
    /// Entries of a List answer when the request names no `maxResults`.
    pub default_page_size: usize,
    /// How many calls the log holds; the oldest go first.
    pub call_log_capacity: usize,
    /// Seed of every ID and every draw, so that a run can be repeated.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            account: "123456789012".to_owned(),
            region: None,
            gateways: Vec::new(),
            accounts: Vec::new(),
            // The one that allows every kind of target.
            authorizer_type: "CUSTOM_JWT".to_owned(),
            durations: Durations::default(),
            duration_rules: Vec::new(),
            tokens: TokenPolicy::default(),
            variants: Variants::default(),
            consistency: Consistency::default(),
            echo: Echo::default(),
            consent: Consent::default(),
            quotas: Quotas::default(),
            latency: Spread::ZERO,
            outcomes: Vec::new(),
            faults: Vec::new(),
            signatures: Signatures::default(),
            issuing: Issuing::default(),
            clock: ClockSkew::default(),
            default_page_size: 100,
            call_log_capacity: 20_000,
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
