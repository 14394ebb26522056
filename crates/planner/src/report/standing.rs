//! Where a resource can stand.
//!
//! Contract: every standing is something that a person can act on or wait for, with no more in it than
//! the words for it need.

use api::{Applied, Failure, GatewayId, TargetId, TargetStatus};

use crate::world::Bound;
use crate::{Attempt, Violation};

/// Where a resource stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is known that would change what the status says.
    Hold,
    /// The resource breaks rules.
    Invalid(Vec<Violation>),
    /// The resource names no gateway, and there is no default.
    NoGateway,
    /// AWS knows no such gateway.
    GatewayNotFound(GatewayId),
    /// AWS does not know the gateway of the target any more.
    GatewayLost(GatewayId),
    /// The target belongs to another account or Region than ours.
    WrongAccountOrRegion {
        /// ARN of the gateway that holds the target.
        arn: String,
        /// The account that the operator works in.
        account: String,
        /// The Region that the operator works in.
        region: String,
    },
    /// The name is held by somebody else.
    NameConflict {
        /// The gateway.
        gateway: GatewayId,
        /// The name.
        name: String,
        /// Who holds it.
        holder: Holder,
    },
    /// The target is being created.
    Creating(GatewayId),
    /// The target is being updated, or is busy otherwise.
    Updating(TargetId),
    /// The gateway fetches the tools of the target's server again.
    Synchronizing(TargetId),
    /// Somebody else has changed the target, and it is put right.
    Repairing {
        /// The target.
        target: TargetId,
        /// What differs.
        fields: Vec<&'static str>,
    },
    /// Somebody else has changed the target, and it is left so.
    Drifted {
        /// The target.
        target: TargetId,
        /// What differs.
        fields: Vec<&'static str>,
    },
    /// The target is gone, and is made again.
    Recreating(TargetId),
    /// AWS refuses to change the target, so another is made in its place.
    Replacing {
        /// The target.
        target: TargetId,
        /// What AWS said.
        refusal: Failure,
    },
    /// The target is being deleted.
    Deleting(TargetId),
    /// AWS has accepted to delete the target, and shows it as it was.
    DeletingAgain(TargetId),
    /// The target is deleted as soon as AWS does not wait for consent any more.
    DeletingAfterConsent(TargetId),
    /// The resource goes, and what it has at AWS stays.
    Retained(Vec<Bound>),
    /// This would be done to the target, and must not be: it would be "created", "updated",
    /// "synchronized" or "deleted".
    Suspended(&'static str),
    /// A target that nobody has allowed to take over.
    NotPermitted {
        /// The gateway.
        gateway: GatewayId,
        /// The target.
        target: TargetId,
    },
    /// A call failed and will be tried again.
    Held {
        /// Which call.
        attempt: Attempt,
        /// Why.
        failure: Failure,
        /// Whether other operations are under way on the gateway, which explains a full quota.
        busy: bool,
    },
    /// AWS's limits leave no room for a call at present.
    Queued {
        /// Which call.
        attempt: Attempt,
        /// What it waits for.
        wait: Wait,
    },
    /// The gateway cannot be observed, and has not been so far.
    Blind {
        /// The gateway.
        gateway: GatewayId,
        /// Why.
        failure: Failure,
    },
    /// The gateway has not been observed for long.
    Stale {
        /// The gateway.
        gateway: GatewayId,
        /// Why, where a person can do something about it.
        failure: Option<Failure>,
    },
    /// AWS could not create or update the target.
    Failed {
        /// Its status.
        status: TargetStatus,
        /// AWS's reasons.
        reasons: Vec<String>,
        /// What is expected to help.
        remedy: Remedy,
    },
    /// AWS refuses to change the target in place, and the resource does not allow to replace it.
    CannotChange {
        /// The target.
        target: TargetId,
        /// What AWS said.
        failure: Failure,
    },
    /// A person has to give consent.
    ConsentPending {
        /// The target.
        target: TargetId,
        /// Whether what is written has been edited since and waits for it.
        edited: bool,
    },
    /// A person has not given consent in time.
    ConsentLapsed(TargetId),
    /// The target serves what is written.
    Ready {
        /// The gateway.
        gateway: GatewayId,
        /// The target.
        target: TargetId,
        /// What is recorded of it from now on.
        applied: Applied,
        /// Whether its configuration is known to be as written; else nobody wants to know.
        checked: bool,
    },
    /// Nothing is left of the target.
    Gone,
    /// The operator itself has failed at this resource; where in its code, as far as it is known.
    Broken(Option<String>),
    /// The resource cannot be read, and why.
    Unreadable(String),
}

/// What a call waits for that AWS's limits leave no room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wait {
    /// For one of the operations under way on the gateway to end, of which AWS permits so many at
    /// once.
    Operations {
        /// The gateway.
        gateway: GatewayId,
        /// How many.
        most: u32,
    },
    /// For its turn among the calls of this kind, of which AWS permits so many a second.
    Calls {
        /// How many.
        most: u32,
    },
}

/// What is expected to help a target that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// It is tried again.
    Time,
    /// An edit of what is written.
    Edit,
    /// A person who asks for the tools, and may have to consent.
    SyncRequest,
}

/// Who holds a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// A target that is not known to be ours.
    Target(TargetId),
    /// A target that is not known to be ours, while ours serves on under this name.
    Meanwhile(TargetId, String),
    /// A target that the annotation names, which a backup may have brought along.
    Remembered(TargetId),
    /// Another `MCPServer`, as `namespace/name`.
    Resource(String),
    /// Another `MCPServer` that has the target itself, of which this one is a copy.
    First(String),
}
