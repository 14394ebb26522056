//! Gateways and targets, in the terms of the domain.
//!
//! These are what the planner compares and the AgentCore port carries; neither side's wire format
//! shows here.

use std::fmt;

use jiff::Timestamp;

use crate::Definition;
use crate::text::one_line;

/// How much of an identifier is shown, in characters: AWS gives none that is longer.
const SHOWN: usize = 128;

macro_rules! identifier {
    ($(#[doc = $doc:literal])+ $name:ident) => {
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub String);

        impl $name {
            /// The identifier as AWS writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        /// To be shown: on one line, and no longer than AWS's own. For all else there is `as_str`.
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&one_line(&self.0, SHOWN))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
    };
}

identifier! {
    /// ID of a gateway. Of any form: AWS judges it, not we.
    GatewayId
}

identifier! {
    /// ID of a target, unique within its gateway.
    TargetId
}

/// A target as a List shows it: without its configuration.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Summary {
    /// Its ID.
    pub id: TargetId,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: TargetStatus,
    /// Its description.
    pub description: Option<String>,
    /// When it was created, on AWS's clock.
    pub created_at: Timestamp,
    /// When it was last changed, on AWS's clock.
    pub updated_at: Timestamp,
    /// When its tools were last fetched, on AWS's clock.
    pub last_synchronized_at: Option<Timestamp>,
    /// Where a person gives the consent that AWS waits for.
    pub authorization_url: Option<String>,
}

/// A target as a Get shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// What a List would show.
    pub summary: Summary,
    /// ARN of its gateway.
    pub gateway_arn: String,
    /// Why it has its status, in AWS's words.
    pub status_reasons: Vec<String>,
    /// Its configuration; `None` when it has something that an `MCPServer` cannot say, so that it
    /// differs from every desired one.
    pub definition: Option<Definition>,
}

/// What AWS answers when it has accepted a Create or an Update: the work goes on behind it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Accepted {
    /// The target.
    pub target: TargetId,
    /// ARN of its gateway.
    pub gateway_arn: String,
    /// Its status now.
    pub status: TargetStatus,
    /// Its `updatedAt` now.
    pub updated_at: Timestamp,
}

macro_rules! statuses {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// Status of a target, after the AWS service model.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub enum TargetStatus {
            $($(#[doc = $doc])+ $name,)+
            /// A status that this version does not know: AWS adds values at any time.
            Unknown(String),
        }

        impl TargetStatus {
            /// The status in AWS's words.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)+
                    Self::Unknown(text) => text,
                }
            }
        }

        impl From<&str> for TargetStatus {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$name,)+
                    unknown => Self::Unknown(unknown.to_owned()),
                }
            }
        }
    };
}

statuses! {
    /// Being created.
    Creating = "CREATING",
    /// Waits for a person's consent to the creation.
    CreatePendingAuth = "CREATE_PENDING_AUTH",
    /// Being updated.
    Updating = "UPDATING",
    /// Waits for a person's consent to the update.
    UpdatePendingAuth = "UPDATE_PENDING_AUTH",
    /// The last update did not work; the configuration before may still serve.
    UpdateUnsuccessful = "UPDATE_UNSUCCESSFUL",
    /// Being deleted.
    Deleting = "DELETING",
    /// Serves.
    Ready = "READY",
    /// The creation did not work.
    Failed = "FAILED",
    /// Its tools are being fetched.
    Synchronizing = "SYNCHRONIZING",
    /// Waits for a person's consent to fetch its tools.
    SynchronizePendingAuth = "SYNCHRONIZE_PENDING_AUTH",
    /// Its tools could not be fetched; those before still serve.
    SynchronizeUnsuccessful = "SYNCHRONIZE_UNSUCCESSFUL",
}

impl fmt::Display for TargetStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
