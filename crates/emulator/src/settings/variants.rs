//! One switch for each behaviour of AWS that is unknown or contradictory, and for what AWS does
//! to the answers by itself.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::spread::span;

/// What AWS does with a client token it has seen before is documented in one sentence ("is
/// ignored, without an error"), so each open question has a switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct TokenPolicy {
    /// How long a token is remembered. Zero: tokens are ignored.
    #[serde(with = "span")]
    pub ttl: Duration,
    /// What a repeat with other parameters gives.
    pub mismatch: TokenMismatch,
    /// What a repeat gives when its target has been deleted.
    pub after_delete: TokenAfterDelete,
}

impl Default for TokenPolicy {
    fn default() -> Self {
        Self {
            ttl: Duration::from_hours(24),
            mismatch: TokenMismatch::Answer,
            after_delete: TokenAfterDelete::Create,
        }
    }
}

/// A client token comes again with other parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenMismatch {
    /// The answer is the target that the first call made.
    Answer,
    /// `ValidationException` with the reason `IdempotentParameterMismatchException`.
    Refuse,
}

/// A client token comes again after its target was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TokenAfterDelete {
    /// The token went with the target: a new target is created.
    Create,
    /// The answer is the dead target, as the first call showed it; nothing is created.
    AnswerDead,
}

/// Open questions about the service itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Variants {
    /// An Update of a FAILED target.
    pub update_of_failed: UpdateOfFailed,
    /// When `updatedAt` moves.
    pub updated_at: UpdatedAt,
    /// An MCP server target with the credential type `API_KEY`.
    pub api_key: Verdict,
    /// A credential provider of another account or Region than the gateway's.
    pub foreign_credential_provider: Verdict,
    /// Gateway identifiers that do not have AWS's form.
    pub gateway_ids: GatewayIds,
}

/// An Update of a FAILED target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UpdateOfFailed {
    /// It is carried out, and can lead to READY.
    #[default]
    Rescues,
    /// It is refused as in a wrong state.
    Refused,
}

/// When `updatedAt` moves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum UpdatedAt {
    /// When the Update is accepted.
    #[default]
    Acceptance,
    /// When the change is through; until then it shows the change before.
    Completion,
    /// Both times.
    Both,
}

/// Whether the service takes something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It does.
    #[default]
    Accepted,
    /// `ValidationException`.
    Refused,
}

/// Gateway identifiers that do not have AWS's form.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum GatewayIds {
    /// Any form will do, so that a gateway can be called `demo`.
    #[default]
    AnyForm,
    /// `ValidationException`, as the service model's pattern has it.
    ModelForm,
}

/// What AWS changes by itself in what it gives back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Echo {
    /// Scopes, headers, query parameters, subnets and security groups come back in another
    /// order.
    pub reorder: bool,
    /// `grantType` comes back even when it was left out.
    pub grant_type: bool,
    /// Lists and maps without entries are absent.
    pub drop_empty: bool,
    /// How "no credentials" comes back.
    pub no_credentials: EmptyCredentials,
    /// When the policy session header is added to `allowedRequestHeaders`.
    pub policy_header: PolicyHeader,
}

impl Default for Echo {
    fn default() -> Self {
        Self {
            reorder: true,
            grant_type: true,
            drop_empty: true,
            no_credentials: EmptyCredentials::Absent,
            policy_header: PolicyHeader::WithPolicyEngine,
        }
    }
}

/// How "no credentials" comes back. The service model has the member as required, field reports
/// have it absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EmptyCredentials {
    /// The member is not there.
    Absent,
    /// The member is an empty list.
    EmptyList,
}

/// When `x-amzn-bedrock-agentcore-policy-session-id` is added to `allowedRequestHeaders`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PolicyHeader {
    /// On gateways that were created with a policy engine.
    WithPolicyEngine,
    /// On every gateway.
    Always,
    /// Nowhere.
    Never,
}

/// How people consent to authorization-code targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Consent {
    /// How long an authorization URL works.
    #[serde(with = "span")]
    pub expiry: Duration,
    /// What happens when nobody opened it by then.
    pub lapse: ConsentLapse,
}

impl Default for Consent {
    fn default() -> Self {
        Self { expiry: Duration::from_mins(10), lapse: ConsentLapse::Fails }
    }
}

/// An authorization URL expires unused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ConsentLapse {
    /// The transition ends in failure.
    Fails,
    /// The target stays pending, with a new URL.
    Renews,
    /// The target stays pending, with the URL that no longer works.
    Lingers,
}
