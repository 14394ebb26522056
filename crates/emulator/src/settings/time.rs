//! Settings about time: how long transitions take, how far reads lag, which way clocks differ.

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::spread::{Spread, signed, span};
use crate::tally::is_wider;

/// What goes on in the background after a 202.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Transition {
    /// From Create on.
    Creating,
    /// From Update on.
    Updating,
    /// From Delete on.
    Deleting,
    /// From Synchronize on.
    Synchronizing,
}

/// How long a target stays in each transitional status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Durations {
    /// CREATING
    #[serde(with = "span")]
    pub creating: Duration,
    /// UPDATING
    #[serde(with = "span")]
    pub updating: Duration,
    /// DELETING
    #[serde(with = "span")]
    pub deleting: Duration,
    /// SYNCHRONIZING
    #[serde(with = "span")]
    pub synchronizing: Duration,
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

    pub(crate) fn of(&self, transition: Transition) -> Duration {
        match transition {
            Transition::Creating => self.creating,
            Transition::Updating => self.updating,
            Transition::Deleting => self.deleting,
            Transition::Synchronizing => self.synchronizing,
        }
    }
}

/// Transitions that take another time than the rest. Members that are absent match all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DurationRule {
    /// This transition only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transition: Option<Transition>,
    /// On this gateway only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Of the target of this name only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How long they take.
    pub takes: Spread,
}

impl DurationRule {
    pub(crate) fn matches(&self, transition: Transition, gateway: &str, name: &str) -> bool {
        self.transition.is_none_or(|only| only == transition)
            && self.gateway.as_deref().is_none_or(|only| only == gateway)
            && self.name.as_deref().is_none_or(|only| only == name)
    }

    /// Whether it matches whatever the other one matches.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        is_wider(self.transition.as_ref(), other.transition.as_ref())
            && is_wider(self.gateway.as_ref(), other.gateway.as_ref())
            && is_wider(self.name.as_ref(), other.name.as_ref())
    }
}

/// How old what a read shows can be. A spread lets one read show more than the next, as answers
/// from different replicas do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Consistency {
    /// What `GetGatewayTarget` shows.
    pub get: Spread,
    /// What `ListGatewayTargets` shows.
    pub list: Spread,
}

impl Consistency {
    /// How far back somebody may look.
    pub(crate) fn longest(&self) -> Duration {
        self.get.longest().max(self.list.longest())
    }
}

/// How the emulator's time differs from the machine's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct ClockSkew {
    /// The whole clock, timestamps included; read at the start only.
    #[serde(deserialize_with = "signed")]
    pub offset: SignedDuration,
    /// The header `Date`, on top of that.
    #[serde(deserialize_with = "signed")]
    pub date_header: SignedDuration,
}
