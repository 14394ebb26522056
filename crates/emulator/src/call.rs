//! The calls, as the state machine takes them: parsed, valid in form, free of HTTP.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::target::TargetSpec;

/// The operations that the emulator knows, by AWS's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are AWS's and say it")]
pub enum CallKind {
    CreateGateway,
    GetGateway,
    DeleteGateway,
    ListGateways,
    CreateGatewayTarget,
    GetGatewayTarget,
    UpdateGatewayTarget,
    DeleteGatewayTarget,
    ListGatewayTargets,
    SynchronizeGatewayTargets,
    GetCallerIdentity,
    AssumeRoleWithWebIdentity,
    /// Not AWS's name: a request to the container credentials endpoint has none.
    GetContainerCredentials,
}

/// Who signed a request, by the signature alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Signer {
    pub(crate) access_key: String,
    /// The Region that the request is signed for.
    pub(crate) region: String,
    /// The session token that came along.
    pub(crate) token: Option<String>,
}

/// Who calls, once it is known whose key the signer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The account that the access key belongs to.
    pub(crate) account: String,
    /// The Region that the request is signed for.
    pub(crate) region: String,
}

/// One call, ready to be carried out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Call {
    CreateGateway { token: Option<String>, name: String, members: Map<String, Value> },
    GetGateway { gateway: String },
    DeleteGateway { gateway: String },
    ListGateways(Page),
    CreateTarget { gateway: String, token: Option<String>, spec: TargetSpec },
    GetTarget { gateway: String, target: String },
    UpdateTarget { gateway: String, target: String, spec: TargetSpec },
    DeleteTarget { gateway: String, target: String },
    ListTargets { gateway: String, page: Page },
    Synchronize { gateway: String, targets: Vec<String> },
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) max_results: Option<usize>,
    pub(crate) next_token: Option<String>,
}

impl CallKind {
    /// Whether a call of this kind says which gateway it is about.
    pub(crate) fn has_gateway(self) -> bool {
        match self {
            Self::GetGateway
            | Self::DeleteGateway
            | Self::CreateGatewayTarget
            | Self::GetGatewayTarget
            | Self::UpdateGatewayTarget
            | Self::DeleteGatewayTarget
            | Self::ListGatewayTargets
            | Self::SynchronizeGatewayTargets => true,
            Self::CreateGateway
            | Self::ListGateways
            | Self::GetCallerIdentity
            | Self::AssumeRoleWithWebIdentity
            | Self::GetContainerCredentials => false,
        }
    }

    /// Whether a call of this kind is about something with a name, even if it says only the ID.
    pub(crate) fn has_name(self) -> bool {
        match self {
            Self::CreateGateway
            | Self::CreateGatewayTarget
            | Self::GetGatewayTarget
            | Self::UpdateGatewayTarget
            | Self::DeleteGatewayTarget
            | Self::SynchronizeGatewayTargets => true,
            Self::GetGateway
            | Self::DeleteGateway
            | Self::ListGateways
            | Self::ListGatewayTargets
            | Self::GetCallerIdentity
            | Self::AssumeRoleWithWebIdentity
            | Self::GetContainerCredentials => false,
        }
    }

    /// AWS's name of the operation.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateGateway => "CreateGateway",
            Self::GetGateway => "GetGateway",
            Self::DeleteGateway => "DeleteGateway",
            Self::ListGateways => "ListGateways",
            Self::CreateGatewayTarget => "CreateGatewayTarget",
            Self::GetGatewayTarget => "GetGatewayTarget",
            Self::UpdateGatewayTarget => "UpdateGatewayTarget",
            Self::DeleteGatewayTarget => "DeleteGatewayTarget",
            Self::ListGatewayTargets => "ListGatewayTargets",
            Self::SynchronizeGatewayTargets => "SynchronizeGatewayTargets",
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::AssumeRoleWithWebIdentity => "AssumeRoleWithWebIdentity",
            Self::GetContainerCredentials => "GetContainerCredentials",
        }
    }
}
