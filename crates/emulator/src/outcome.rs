//! Outcomes on order: which transitions end other than well, and how.
//!
//! As with fault rules the first that matches and is not exhausted decides, so "the first two
//! creations of `weather` fail" is one rule.

use serde::{Deserialize, Serialize};

use crate::settings::Transition;
use crate::spread::Chance;
use crate::tally::{Rule, Terms, is_wider};
use crate::target::TargetStatus;

/// One rule. Members that are absent match every transition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OutcomeRule {
    /// Transitions of this kind only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition: Option<Transition>,
    /// On this gateway only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Of the target of this name only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How many matching transitions end well before the rule acts.
    #[serde(default)]
    pub skip: u64,
    /// How many transitions it acts on; absent: all from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// How likely it acts on each; absent: surely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probability: Option<Chance>,
    /// Seed of the draws for `probability`.
    #[serde(default)]
    pub seed: u64,
    /// The status at the end; absent: the failure that belongs to the transition. May be one that
    /// no client knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<TargetStatus>,
    /// The reasons that come with it; absent: what AWS says of a server that it cannot reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Vec<String>>,
}

impl OutcomeRule {
    /// Every transition of one kind fails, for ever.
    #[must_use]
    pub fn failing(transition: Transition) -> Self {
        Self { transition: Some(transition), ..Self::default() }
    }

    /// The same on one gateway only.
    #[must_use]
    pub fn gateway(self, gateway: impl Into<String>) -> Self {
        Self { gateway: Some(gateway.into()), ..self }
    }

    /// The same for targets of one name only.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// The same for this many transitions.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The same with another status at the end.
    #[must_use]
    pub fn status(self, status: TargetStatus) -> Self {
        Self { status: Some(status), ..self }
    }

    /// The same for these reasons.
    #[must_use]
    pub fn reasons<I>(self, reasons: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self { reasons: Some(reasons.into_iter().map(Into::into).collect()), ..self }
    }

    pub(crate) fn matches(&self, transition: Transition, gateway: &str, name: &str) -> bool {
        self.transition.is_none_or(|only| only == transition)
            && self.gateway.as_deref().is_none_or(|only| only == gateway)
            && self.name.as_deref().is_none_or(|only| only == name)
    }

    /// What the target is to become.
    pub(crate) fn ending(&self, transition: Transition) -> (TargetStatus, Vec<String>) {
        let status = self.status.clone().unwrap_or_else(|| transition.failure());
        let reasons = self.reasons.clone().unwrap_or_else(|| match status {
            TargetStatus::Failed
            | TargetStatus::UpdateUnsuccessful
            | TargetStatus::SynchronizeUnsuccessful
            | TargetStatus::Other(_) => vec![UNREACHABLE.to_owned()],
            TargetStatus::Creating
            | TargetStatus::Updating
            | TargetStatus::Deleting
            | TargetStatus::Ready
            | TargetStatus::Synchronizing
            | TargetStatus::CreatePendingAuth
            | TargetStatus::UpdatePendingAuth
            | TargetStatus::SynchronizePendingAuth => Vec::new(),
        });
        (status, reasons)
    }
}

/// As field reports have it.
const UNREACHABLE: &str = "Failed to connect and fetch tools from the provided MCP target server. \
                           Error - Failed to resolve hostname";

impl Transition {
    /// The status of a target whose transition did not work.
    pub(crate) fn failure(self) -> TargetStatus {
        match self {
            // A deletion that fails leaves a target of which nobody knows what it is good for.
            Self::Creating | Self::Deleting => TargetStatus::Failed,
            Self::Updating => TargetStatus::UpdateUnsuccessful,
            Self::Synchronizing => TargetStatus::SynchronizeUnsuccessful,
        }
    }
}

impl Rule for OutcomeRule {
    fn terms(&self) -> Terms {
        Terms { skip: self.skip, times: self.times, probability: self.probability }
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn covers(&self, other: &Self) -> bool {
        is_wider(self.transition.as_ref(), other.transition.as_ref())
            && is_wider(self.gateway.as_ref(), other.gateway.as_ref())
            && is_wider(self.name.as_ref(), other.name.as_ref())
    }
}
