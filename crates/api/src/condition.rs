//! The closed vocabulary of conditions: their types and their reasons.

/// A condition type of an `MCPServer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionType {
    /// The summary: True only when the target serves this generation's configuration.
    Ready,
    /// Whether the operator can act on what is written in the resource.
    Accepted,
    /// Whether the target at the gateway is as written.
    Programmed,
    /// Present while the target differs from what is written and is left so on purpose.
    Drifted,
    /// Present where the tools are to be kept fresh: whether they are.
    ToolsSynchronized,
    /// Present while something is under way (kstatus).
    Reconciling,
    /// Present while only a person can help (kstatus).
    Stalled,
}

impl ConditionType {
    /// Every type, in the order of their declaration.
    pub const ALL: [Self; 7] = [
        Self::Ready,
        Self::Accepted,
        Self::Programmed,
        Self::Drifted,
        Self::ToolsSynchronized,
        Self::Reconciling,
        Self::Stalled,
    ];

    /// The `type` of the condition.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "Ready",
            Self::Accepted => "Accepted",
            Self::Programmed => "Programmed",
            Self::Drifted => "Drifted",
            Self::ToolsSynchronized => "ToolsSynchronized",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
        }
    }
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident: $($kind:ident)+,)+) => {
        /// Why a condition has the status that it has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason {
            $($(#[doc = $doc])+ $name,)+
        }

        impl Reason {
            /// Every reason, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// The `reason` of the condition.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// The types of condition that can have it.
            #[must_use]
            pub fn conditions(self) -> &'static [ConditionType] {
                match self {
                    $(Self::$name => &[$(ConditionType::$kind),+],)+
                }
            }

            /// What the reason means, in a sentence or two.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($($doc),+).trim_ascii(),)+
                }
            }
        }
    };
}

// Each reason, and the conditions that can have it.
reasons! {
    /// No operator has looked at the resource yet.
    Pending: Ready,
    /// The target is READY with this generation's configuration.
    GatewayTargetReady: Ready,
    /// The resource is valid and its identity is its own.
    Accepted: Accepted,
    /// A field of the resource breaks a rule; the message names each.
    ValidationError: Ready Accepted ToolsSynchronized Stalled,
    /// The resource, or its status, has a form that this version of the operator cannot read.
    Unreadable: Ready Accepted Stalled,
    /// The target's name is held by a target or a resource that is not this one.
    NameConflict: Ready Accepted Stalled,
    /// The resource asks for something that the operator's administrator has not allowed.
    NotPermitted: Ready Accepted Stalled,
    /// The resource names no gateway and the operator has no default.
    GatewayNotConfigured: Ready Accepted Stalled,
    /// AWS knows no gateway with this ID.
    GatewayNotFound: Ready Accepted Stalled,
    /// The target was made in another account or Region than the operator now works in.
    WrongAccountOrRegion: Ready Accepted Stalled,
    /// The target at the gateway is as written.
    Programmed: Programmed,
    /// The target is being created.
    Creating: Ready Programmed Reconciling,
    /// The target is being updated.
    Updating: Ready Programmed Reconciling,
    /// The target is being deleted.
    Deleting: Ready Programmed Reconciling,
    /// AWS asks to come back later: a limit is reached, or the target is busy.
    Queued: Ready Programmed ToolsSynchronized Reconciling,
    /// AWS could not create or update the target, or refused its configuration.
    TargetFailed: Ready Programmed Reconciling Stalled,
    /// AWS refuses the operator's credentials or rights.
    AccessDenied: Ready Programmed Stalled,
    /// A quota of the AWS account is used up.
    QuotaExceeded: Ready Programmed Stalled,
    /// A person has to give consent before the target can work, or has not done so in time.
    AuthorizationPending: Ready Programmed Stalled,
    /// The target differs from what is written, and the resource asks to leave it so.
    Drifted: Ready Programmed Drifted Stalled,
    /// Something is to be changed at AWS, and the resource asks not to.
    Suspended: Ready Programmed ToolsSynchronized Stalled,
    /// The gateway has not been observed for some time.
    ObservationStale: Ready Programmed Reconciling,
    /// The operator makes a mistake of its own with this resource, and goes on to try.
    InternalError: Ready Stalled,
    /// The gateway has fetched the tools since the last rollout.
    Synchronized: ToolsSynchronized,
    /// The gateway has nothing to fetch: it asks the server each time, or the list is fixed.
    NothingToSynchronize: ToolsSynchronized,
    /// The gateway is asked to fetch the tools.
    Synchronizing: ToolsSynchronized,
    /// The workload is being rolled out; the tools are fetched when it is done.
    RollingOut: ToolsSynchronized,
    /// The workload has no replicas that could be asked; the tools are fetched when it has.
    WorkloadIdle: ToolsSynchronized,
    /// There is no such workload.
    WorkloadNotFound: ToolsSynchronized,
    /// The operator cannot see the workload.
    WorkloadUnreadable: ToolsSynchronized,
    /// The tools are fetched on request only, because a person might have to consent.
    OnRequestOnly: ToolsSynchronized,
    /// The gateway could not fetch the tools, or AWS refused to let it.
    SynchronizationFailed: ToolsSynchronized,
}
