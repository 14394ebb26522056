//! A gateway target: what a client may set, what the service adds, and how it is shown.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What Create and Update set, and Update replaces as a whole.
///
/// The configuration members stay the JSON that the client sent: the emulator checks their
/// form and gives them back, and no rule of the service looks deeper than a few of their leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TargetSpec {
    /// Unique within the gateway.
    pub name: String,
    /// Free text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The union that says what kind of target this is.
    pub target_configuration: Value,
    /// Absent: the gateway calls the target without authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential_provider_configurations: Option<Value>,
    /// Headers and query parameters that are passed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata_configuration: Option<Value>,
    /// How a private endpoint is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_endpoint: Option<Value>,
    /// The certificate that the gateway trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_configurations: Option<Value>,
}

impl TargetSpec {
    /// An MCP server target without authentication.
    #[must_use]
    pub fn mcp_server(name: &str, endpoint: &str) -> Self {
        Self {
            name: name.to_owned(),
            description: None,
            target_configuration: serde_json::json!({"mcp": {"mcpServer": {"endpoint": endpoint}}}),
            credential_provider_configurations: None,
            metadata_configuration: None,
            private_endpoint: None,
            certificate_configurations: None,
        }
    }

    /// The name that List gives the kind of target, where it has one.
    #[must_use]
    pub fn target_type(&self) -> Option<&'static str> {
        const TYPES: [(&str, &str, &str); 10] = [
            ("mcp", "mcpServer", "MCP_SERVER"),
            ("mcp", "lambda", "LAMBDA"),
            ("mcp", "openApiSchema", "OPEN_API_SCHEMA"),
            ("mcp", "smithyModel", "SMITHY_MODEL"),
            ("mcp", "apiGateway", "API_GATEWAY"),
            ("mcp", "connector", "CONNECTOR"),
            ("http", "agentcoreRuntime", "AGENTCORE_RUNTIME"),
            ("http", "passthrough", "PASSTHROUGH"),
            ("http", "connector", "HTTP_CONNECTOR"),
            ("inference", "provider", "PROVIDER"),
        ];
        TYPES
            .iter()
            .find(|(family, kind, _)| self.target_configuration[family].get(kind).is_some())
            .map(|(_, _, name)| *name)
    }

    /// The protocol that the gateway speaks with the target.
    #[must_use]
    pub fn protocol_type(&self) -> Option<&'static str> {
        [("mcp", "MCP"), ("http", "HTTP")]
            .into_iter()
            .find_map(|(family, name)| self.target_configuration.get(family).map(|_| name))
    }

    /// A leaf of the MCP server configuration.
    fn mcp_server_member(&self, member: &str) -> Option<&Value> {
        self.target_configuration["mcp"]["mcpServer"].get(member)
    }

    /// Where this target stands among others of the same tool name; lower wins.
    #[must_use]
    pub fn resource_priority(&self) -> Option<i64> {
        self.mcp_server_member("resourcePriority").and_then(Value::as_i64)
    }

    /// `DEFAULT` or `DYNAMIC`, for an MCP server.
    #[must_use]
    pub fn listing_mode(&self) -> Option<&str> {
        self.mcp_server_member("listingMode").and_then(Value::as_str)
    }

    /// The OAuth provider, where the target has one.
    pub(crate) fn oauth(&self) -> Option<&Value> {
        self.credentials()?.get("credentialProvider")?.get("oauthCredentialProvider")
    }

    /// The one entry of the credential configuration.
    pub(crate) fn credentials(&self) -> Option<&Value> {
        self.credential_provider_configurations.as_ref()?.get(0)
    }

    /// Whether a person has to consent before the gateway can call the target.
    #[must_use]
    pub fn needs_consent(&self) -> bool {
        let grant = self.oauth().and_then(|oauth| oauth.get("grantType"));
        grant.and_then(Value::as_str) == Some("AUTHORIZATION_CODE")
    }

    /// Whether the tools are given rather than fetched, so that there is nothing to synchronize.
    #[must_use]
    pub fn has_static_tools(&self) -> bool {
        self.mcp_server_member("mcpToolSchema").is_some()
    }
}

/// The eleven statuses of the service model, and room for one that no client knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
#[expect(missing_docs, reason = "the names are AWS's and say it")]
pub enum TargetStatus {
    Creating,
    Updating,
    UpdateUnsuccessful,
    Deleting,
    Ready,
    Failed,
    Synchronizing,
    SynchronizeUnsuccessful,
    CreatePendingAuth,
    UpdatePendingAuth,
    SynchronizePendingAuth,
    /// A status outside the model, set behind the client's back.
    Other(String),
}

impl TargetStatus {
    /// Those of the service model.
    pub(crate) const KNOWN: [Self; 11] = [
        Self::Creating,
        Self::Updating,
        Self::UpdateUnsuccessful,
        Self::Deleting,
        Self::Ready,
        Self::Failed,
        Self::Synchronizing,
        Self::SynchronizeUnsuccessful,
        Self::CreatePendingAuth,
        Self::UpdatePendingAuth,
        Self::SynchronizePendingAuth,
    ];

    /// As the wire has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Creating => "CREATING",
            Self::Updating => "UPDATING",
            Self::UpdateUnsuccessful => "UPDATE_UNSUCCESSFUL",
            Self::Deleting => "DELETING",
            Self::Ready => "READY",
            Self::Failed => "FAILED",
            Self::Synchronizing => "SYNCHRONIZING",
            Self::SynchronizeUnsuccessful => "SYNCHRONIZE_UNSUCCESSFUL",
            Self::CreatePendingAuth => "CREATE_PENDING_AUTH",
            Self::UpdatePendingAuth => "UPDATE_PENDING_AUTH",
            Self::SynchronizePendingAuth => "SYNCHRONIZE_PENDING_AUTH",
            Self::Other(name) => name,
        }
    }

    /// As AWS's refusals spell it: `Deleting`, `CreatePendingAuth`.
    #[must_use]
    pub fn in_words(&self) -> String {
        self.as_str()
            .split('_')
            .flat_map(|word| {
                let mut letters = word.chars();
                let first = letters.next();
                first.into_iter().chain(letters.map(|letter| letter.to_ascii_lowercase()))
            })
            .collect()
    }
}

impl From<String> for TargetStatus {
    fn from(name: String) -> Self {
        match name.as_str() {
            "CREATING" => Self::Creating,
            "UPDATING" => Self::Updating,
            "UPDATE_UNSUCCESSFUL" => Self::UpdateUnsuccessful,
            "DELETING" => Self::Deleting,
            "READY" => Self::Ready,
            "FAILED" => Self::Failed,
            "SYNCHRONIZING" => Self::Synchronizing,
            "SYNCHRONIZE_UNSUCCESSFUL" => Self::SynchronizeUnsuccessful,
            "CREATE_PENDING_AUTH" => Self::CreatePendingAuth,
            "UPDATE_PENDING_AUTH" => Self::UpdatePendingAuth,
            "SYNCHRONIZE_PENDING_AUTH" => Self::SynchronizePendingAuth,
            _ => Self::Other(name),
        }
    }
}

impl From<TargetStatus> for String {
    fn from(status: TargetStatus) -> Self {
        status.as_str().to_owned()
    }
}

/// A target as Get shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetView {
    /// ARN of the gateway.
    pub gateway_arn: String,
    /// Ten letters and digits.
    pub target_id: String,
    /// When Create was accepted.
    pub created_at: Timestamp,
    /// When the target last changed.
    pub updated_at: Timestamp,
    /// Where it stands.
    pub status: TargetStatus,
    /// Why it failed; empty while all is well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub status_reasons: Vec<String>,
    /// What the client set.
    #[serde(flatten)]
    pub spec: TargetSpec,
    /// `MCP` or `HTTP`, for targets of these families.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_type: Option<&'static str>,
    /// When the tools were last fetched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_synchronized_at: Option<Timestamp>,
    /// Where a person consents, while that is awaited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorization_data: Option<AuthorizationData>,
}

/// Where a person consents to an authorization-code target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum AuthorizationData {
    /// By OAuth 2.
    Oauth2 {
        /// What to open in a browser.
        authorization_url: String,
    },
}

/// A consent that is awaited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authorization {
    /// Names it in the URL.
    pub(crate) token: String,
    pub(crate) url: String,
    /// The URL works until then.
    pub(crate) until: Timestamp,
}

impl Authorization {
    pub(crate) fn data(&self) -> AuthorizationData {
        AuthorizationData::Oauth2 { authorization_url: self.url.clone() }
    }
}

/// A target as List shows it: without configuration and without reasons.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TargetSummary {
    pub(crate) target_id: String,
    pub(crate) name: String,
    pub(crate) status: TargetStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_priority: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_synchronized_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) authorization_data: Option<AuthorizationData>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) target_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listing_mode: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_survive_the_wire_and_are_spelled_as_in_refusals() {
        for (wire, words) in [
            ("READY", "Ready"),
            ("DELETING", "Deleting"),
            ("UPDATE_UNSUCCESSFUL", "UpdateUnsuccessful"),
            ("SYNCHRONIZE_PENDING_AUTH", "SynchronizePendingAuth"),
            ("HIBERNATING", "Hibernating"),
        ] {
            let status = TargetStatus::from(wire.to_owned());
            assert_eq!(status.as_str(), wire);
            assert_eq!(status.in_words(), words);
        }
    }

    #[test]
    fn absent_members_are_not_written() {
        let spec = TargetSpec::mcp_server("a", "https://a.example/mcp");
        assert_eq!(spec.target_type(), Some("MCP_SERVER"));
        assert_eq!(
            serde_json::to_value(&spec).unwrap(),
            serde_json::json!({
                "name": "a",
                "targetConfiguration": {"mcp": {"mcpServer": {"endpoint": "https://a.example/mcp"}}},
            })
        );
    }
}
