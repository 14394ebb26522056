//! The closed list of effects.
//!
//! Contract: a step is one write to Kubernetes or one call to AWS, never both, so that every
//! point at which a process can die lies between two steps.

use api::{Applying, Definition, GatewayId, Intent, Synchronizing, TargetId, TargetStatus};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::diff::hex;
use crate::world::Bound;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Kubernetes: take the resource into care.
    AddFinalizer,
    /// Kubernetes: record the Create that comes next.
    RecordIntent(Intent),
    /// AWS: make the target. The same intent always gives the same token and the same body.
    Create {
        /// The gateway.
        gateway: GatewayId,
        /// The nonce of the intent.
        nonce: String,
        /// The client token, which makes a repetition harmless.
        token: String,
        /// The configuration.
        definition: Box<Definition>,
        /// Whether other operations were seen under way on the gateway, which explains a full
        /// quota.
        busy: bool,
    },
    /// Kubernetes: record the target that a Create made, or that is taken over.
    Bind(Binding),
    /// Kubernetes: repeat the identity of the bound target in an annotation (`gateway/target`),
    /// because backups carry no status.
    Annotate(String),
    /// AWS: get the target with its configuration and its reasons.
    Read {
        /// The gateway.
        gateway: GatewayId,
        /// The target.
        target: TargetId,
    },
    /// Kubernetes: record the Update that comes next.
    RecordApplying(Applying),
    /// AWS: replace the target's configuration.
    Update {
        /// The gateway.
        gateway: GatewayId,
        /// The target.
        target: TargetId,
        /// The configuration.
        definition: Box<Definition>,
        /// Whether this very configuration was applied before: it heals or undoes a drift.
        again: bool,
        /// An `updatedAt` after this was moved by the Update, on AWS's clock; at the end of time where
        /// none proves that.
        before: Timestamp,
        /// Whether other operations were seen under way on the gateway.
        busy: bool,
    },
    /// Kubernetes: record the Update that AWS accepted.
    RecordApplied {
        /// Fingerprint of the configuration.
        fingerprint: String,
        /// The generation that it came from.
        generation: i64,
        /// The target's `updatedAt`, from the answer.
        updated_at: Timestamp,
        /// The target's status, from the answer.
        status: TargetStatus,
    },
    /// Kubernetes: record the Synchronize that comes next.
    RecordSync(Synchronizing),
    /// AWS: have the gateway fetch the tools of the target's server again.
    Synchronize {
        /// The gateway.
        gateway: GatewayId,
        /// The target.
        target: TargetId,
        /// Whether it heals a target whose tools could not be fetched.
        again: bool,
        /// Whether other operations were seen under way on the gateway.
        busy: bool,
    },
    /// AWS: delete the target.
    Delete {
        /// The gateway.
        gateway: GatewayId,
        /// The target.
        target: TargetId,
        /// Whether other operations were seen under way on the gateway.
        busy: bool,
    },
    /// Kubernetes: forget a retired target, which is gone.
    ForgetRetired(Bound),
    /// Kubernetes: let the resource go.
    ReleaseFinalizer,
}

/// What a Bind records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The gateway.
    pub gateway: GatewayId,
    /// The ARN of the gateway.
    pub gateway_arn: String,
    /// The target.
    pub target: TargetId,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: TargetStatus,
    /// Its `updatedAt`.
    pub updated_at: Timestamp,
    /// The fingerprint and the generation that it was made with; `None`: somebody else made it.
    pub made_with: Option<(String, i64)>,
    /// Hash of the workload's pod template that was rolled out completely before the target was
    /// made.
    pub template: Option<String>,
}

impl Step {
    /// Whether the step asks AWS to change something.
    #[must_use]
    pub fn changes_aws(&self) -> bool {
        match self {
            Self::Create { .. }
            | Self::Update { .. }
            | Self::Synchronize { .. }
            | Self::Delete { .. } => true,
            Self::AddFinalizer
            | Self::RecordIntent(_)
            | Self::Bind(_)
            | Self::Annotate(_)
            | Self::Read { .. }
            | Self::RecordApplying(_)
            | Self::RecordApplied { .. }
            | Self::RecordSync(_)
            | Self::ForgetRetired(_)
            | Self::ReleaseFinalizer => false,
        }
    }

    /// Whether the step writes down what came of a call, and begins nothing.
    #[must_use]
    pub fn settles(&self) -> bool {
        match self {
            Self::Bind(_) | Self::RecordApplied { .. } | Self::ForgetRetired(_) => true,
            Self::AddFinalizer
            | Self::RecordIntent(_)
            | Self::Create { .. }
            | Self::Annotate(_)
            | Self::Read { .. }
            | Self::RecordApplying(_)
            | Self::Update { .. }
            | Self::RecordSync(_)
            | Self::Synchronize { .. }
            | Self::Delete { .. }
            | Self::ReleaseFinalizer => false,
        }
    }

    /// The name under which the step is logged.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::AddFinalizer => "AddFinalizer",
            Self::RecordIntent(_) => "RecordIntent",
            Self::Create { .. } => "Create",
            Self::Bind(_) => "Bind",
            Self::Annotate(_) => "Annotate",
            Self::Read { .. } => "Read",
            Self::RecordApplying(_) => "RecordApplying",
            Self::Update { .. } => "Update",
            Self::RecordApplied { .. } => "RecordApplied",
            Self::RecordSync(_) => "RecordSync",
            Self::Synchronize { .. } => "Synchronize",
            Self::Delete { .. } => "Delete",
            Self::ForgetRetired(_) => "ForgetRetired",
            Self::ReleaseFinalizer => "ReleaseFinalizer",
        }
    }
}

/// The client token of an intent: the same for every repetition, and another for every other
/// intent of any resource. AWS takes 33 to 256 letters, digits and hyphens.
#[must_use]
pub fn client_token(uid: &str, nonce: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(uid);
    // No UID contains a newline, so no two pairs hash alike.
    hash.update("\n");
    hash.update(nonce);
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_asks_aws_to_change_something() {
        let (gateway, target) = (GatewayId::from("gw"), TargetId::from("T"));
        let delete = Step::Delete { gateway: gateway.clone(), target: target.clone(), busy: false };
        assert!(delete.changes_aws());
        let read = Step::Read { gateway, target };
        assert!(!read.changes_aws());
        assert!(!Step::ReleaseFinalizer.changes_aws());
    }

    #[test]
    fn what_writes_down_what_came_of_a_call() {
        let gone = Bound { gateway: "gw".into(), gateway_arn: None, target: "T".into() };
        assert!(Step::ForgetRetired(gone).settles());
        assert!(!Step::ReleaseFinalizer.settles());
        assert!(!Step::AddFinalizer.settles());
    }
}
