//! How a call to AWS can fail, by what has to be done about it.

use std::fmt;

/// The calls that AWS can refuse for a resource, each with a limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attempt {
    /// `CreateGatewayTarget`.
    Create,
    /// `UpdateGatewayTarget`.
    Update,
    /// `DeleteGatewayTarget`.
    Delete,
    /// `GetGatewayTarget`.
    Read,
    /// `SynchronizeGatewayTargets`.
    Synchronize,
}

impl Attempt {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Create, Self::Update, Self::Delete, Self::Read, Self::Synchronize];

    /// The name under which the kind is counted.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Read => "get",
            Self::Synchronize => "synchronize",
        }
    }

    /// Whether it begins one of the operations of which a gateway takes only a few at once: creation,
    /// update, deletion (AWS documentation).
    #[must_use]
    pub fn is_operation(self) -> bool {
        match self {
            Self::Create | Self::Update | Self::Delete => true,
            Self::Read | Self::Synchronize => false,
        }
    }
}

/// The class of a failed call: it decides what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureClass {
    /// AWS limits the rate of calls (429).
    Throttled,
    /// A quota is used up (402).
    Quota,
    /// The name is taken, or another operation is under way (409).
    Conflict,
    /// The target's status does not permit the operation now (400, told by its wording).
    WrongState,
    /// The gateway or the target does not exist (404).
    NotFound,
    /// The role lacks a right (403).
    Denied,
    /// There are no usable credentials: nothing was asked, so nothing was answered.
    Credentials,
    /// AWS refuses the request as it is (400).
    Invalid,
    /// AWS failed (5xx, or an answer that cannot be read): the request may have been carried out.
    Server,
    /// No answer (timeout, broken connection): the request may have been carried out.
    Unanswered,
}

impl FailureClass {
    /// Every class.
    pub const ALL: [Self; 10] = [
        Self::Throttled,
        Self::Quota,
        Self::Conflict,
        Self::WrongState,
        Self::NotFound,
        Self::Denied,
        Self::Credentials,
        Self::Invalid,
        Self::Server,
        Self::Unanswered,
    ];

    /// Whether AWS certainly did not carry out the request.
    #[must_use]
    pub fn is_definite(self) -> bool {
        match self {
            Self::Throttled
            | Self::Quota
            | Self::Conflict
            | Self::WrongState
            | Self::NotFound
            | Self::Denied
            | Self::Credentials
            | Self::Invalid => true,
            Self::Server | Self::Unanswered => false,
        }
    }

    /// The name under which the class is logged and counted.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Throttled => "throttled",
            Self::Quota => "quota",
            Self::Conflict => "conflict",
            Self::WrongState => "wrong_state",
            Self::NotFound => "not_found",
            Self::Denied => "denied",
            Self::Credentials => "credentials",
            Self::Invalid => "invalid",
            Self::Server => "server",
            Self::Unanswered => "unanswered",
        }
    }
}

/// A failed call: its class, and what AWS said.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// What kind of failure it is.
    pub class: FailureClass,
    /// AWS's message without anything that changes from call to call (no request ID).
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class.as_str(), self.message)
    }
}

impl std::error::Error for Failure {}
