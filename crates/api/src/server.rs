//! `MCPServer`: what a user wishes to be registered at a gateway.
//!
//! The schema refuses only what the Go operator's schema refused, so that every stored object can
//! still be written, if only to lose its finalizer. Everything else is judged by the operator,
//! which says what it found in a condition. Hence the loose types: a value that means nothing
//! must be readable before it can be explained. What few resources have is boxed, so that the others
//! do not carry its size.

// Each print column repeats the keys of the others.
#![allow(clippy::duplicated_attributes)]

use std::collections::BTreeMap;

use kube_derive::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::MCPServerStatus;
use crate::spec::{
    ApiKeyAuth, CaCertificateSource, IamAuth, PrivateEndpointSource, ToolSchemaSource, ToolSync,
};
use crate::unknown::{Unknown, noting};

/// An MCP server that AI agents reach through a Bedrock AgentCore gateway.
///
/// White space around a value is cut, and an empty string means unset.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[kube(
    group = "mcpgateway.bedrock.aws",
    version = "v1alpha1",
    kind = "MCPServer",
    plural = "mcpservers",
    singular = "mcpserver",
    shortname = "mcps",
    namespaced,
    status = "MCPServerStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "An MCP server that AI agents reach through a Bedrock AgentCore gateway. The operator \
           registers it as a target of the gateway, keeps the target as written here, and removes \
           it together with this resource.",
    crates(kube_core = "::kube_core"),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".spec.endpoint"),
    printcolumn(name = "Status", type_ = "string", json_path = ".status.targetStatus"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Gateway", type_ = "string", json_path = ".status.gatewayId", priority = 1),
    printcolumn(
        name = "Target ID",
        type_ = "string",
        json_path = ".status.targetId",
        priority = 1
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason",
        priority = 1
    ),
    printcolumn(
        name = "Authorization",
        type_ = "string",
        json_path = ".status.authorization.url",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase", remote = "Self")]
#[schemars(extend("x-kubernetes-validations" = rules()))]
pub struct MCPServerSpec {
    /// URL of the MCP server, as the gateway reaches it. It starts with `https://` and has a
    /// host; user info and white space are refused.
    #[schemars(regex(pattern = "^https://.*"))]
    pub endpoint: String,

    /// What the server offers. Must include `tools`; duplicates are ignored.
    #[schemars(length(min = 1))]
    pub capabilities: Vec<String>,

    /// ID of the gateway at which the server is registered. Default: the operator's
    /// `GATEWAY_ID`, as it is when the target is first made; a later change of that default moves
    /// nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_id: Option<String>,

    /// Name of the target, which prefixes the name of every tool that agents see
    /// (`<target>___<tool>`): letters, digits and single hyphens, at most 100 characters.
    /// Default: the name of this resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_name: Option<String>,

    /// What the server is for, in 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,

    /// How the gateway authenticates itself at the server: `OAuth2` (default; `oauthProviderArn`
    /// says with what), `NoAuth` (not at all), `IAM` (signed with the gateway's role; see `iam`) or
    /// `APIKey` (see `apiKey`).
    #[serde(default = "default_auth_type", skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<String>,

    /// ARN of the OAuth2 credential provider, in the account and Region of the gateway. Required
    /// with `authType: OAuth2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth_provider_arn: Option<String>,

    /// OAuth2 scopes that the gateway asks for: at most 100, each of 1 to 64 characters. Their
    /// order has no meaning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth_scopes: Option<Vec<String>>,

    /// How the gateway gets its OAuth2 token. `ClientCredentials` (default): for itself.
    /// `AuthorizationCode`: for a person, who has to give consent at `status.authorization.url`.
    /// `TokenExchange`: for its caller, whose token is exchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["ClientCredentials", "AuthorizationCode", "TokenExchange"]))]
    pub oauth_grant_type: Option<String>,

    /// URL to which a person is sent who has given consent. Only with `oauthGrantType:
    /// AuthorizationCode`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub oauth_default_return_url: Option<String>,

    /// Further parameters for the authorization server: at most 10, names of up to 256 and values
    /// of up to 2048 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 10))]
    pub oauth_custom_parameters: Option<BTreeMap<String, String>>,

    /// What the gateway's role signs its requests for. Required with `authType: IAM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iam: Option<Box<IamAuth>>,

    /// The API key that the gateway shows. Required with `authType: APIKey`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<Box<ApiKeyAuth>>,

    /// Names of request headers that the gateway passes on to the server: at most 10. Names that
    /// AWS reserves, such as `Authorization`, are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_request_headers: Option<Vec<String>>,

    /// Names of query parameters that the gateway passes on to the server: at most 10, each of 1
    /// to 40 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_query_parameters: Option<Vec<String>>,

    /// Names of response headers that the gateway passes back to the client: at most 10. Names
    /// that AWS reserves are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_response_headers: Option<Vec<String>>,

    /// When the gateway asks the server for its tools. `Default`: when the target is made, updated or
    /// synchronized. `Dynamic`: whenever an agent asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Default", "Dynamic"]))]
    pub listing_mode: Option<String>,

    /// A fixed list of tools. Without it the gateway asks the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_schema: Option<Box<ToolSchemaSource>>,

    /// Which target wins where several of a gateway have a resource of the same URI: the lower.
    /// 0 to 1000; default: 1000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub resource_priority: Option<i64>,

    /// How the gateway reaches a server that the internet does not reach.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub private_endpoint: Option<Box<PrivateEndpointSource>>,

    /// Certificate of the private authority that the server's own certificate is checked against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_certificate: Option<Box<CaCertificateSource>>,

    /// When the gateway is asked to fetch the server's tools again, besides when the target is made
    /// or updated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_sync: Option<Box<ToolSync>>,

    /// `true`: nothing is changed at AWS for this resource until it is unset; it is still
    /// observed, and it can still be deleted. Default: `false`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend: Option<bool>,

    /// What becomes of the target when this resource is deleted. `Delete` (default): it is deleted
    /// first. `Retain`: it stays as it is, and nobody takes care of it any more; that can also be
    /// chosen for a resource that is being deleted already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Delete", "Retain"]))]
    pub deletion_policy: Option<String>,

    /// What is done when AWS refuses to change the target in place. `Deny` (default): nothing; the
    /// condition says what a replacement would do, and the target serves on. `Allow`: the target is
    /// deleted and another is made, during which agents do not find its tools. A target that has
    /// never been READY is replaced in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Allow", "Deny"]))]
    pub replacement_policy: Option<String>,

    /// What is done when somebody else changes the configuration of the target. `Enforce`
    /// (default): it is put right. `Warn`: the condition `Drifted` says what differs, and nothing
    /// is changed. `Ignore`: it is let be, unseen. A target that is gone is made again in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Enforce", "Warn", "Ignore"]))]
    pub drift_policy: Option<String>,

    /// What else was read.
    #[serde(skip)]
    pub unknown: Unknown,
}

// `remote` makes of what is derived functions of the type itself, so that what they leave out can be
// noted.
impl<'de> Deserialize<'de> for MCPServerSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (spec, unknown) = noting(deserializer, |deserializer| Self::deserialize(deserializer))?;
        Ok(Self { unknown, ..spec })
    }
}

impl Serialize for MCPServerSpec {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

// The signature is the one that serde's `default` asks for.
#[allow(clippy::unnecessary_wraps)]
fn default_auth_type() -> Option<String> {
    Some("OAuth2".to_owned())
}

/// What the schema refuses across fields: only where a field is involved that the Go operator did
/// not have.
fn rules() -> Vec<BTreeMap<&'static str, &'static str>> {
    const RULES: [(&str, &str); 5] = [
        (
            "!has(self.iam) || has(self.authType) && self.authType.trim() == 'IAM'",
            "iam belongs to authType IAM",
        ),
        (
            "!has(self.apiKey) || has(self.authType) && self.authType.trim() == 'APIKey'",
            "apiKey belongs to authType APIKey",
        ),
        (
            "!has(self.oauthGrantType) || !has(self.authType) || self.authType.trim() in ['', 'OAuth2']",
            "oauthGrantType belongs to authType OAuth2",
        ),
        (
            "!has(self.oauthGrantType) || self.oauthGrantType != 'AuthorizationCode' \
             || !has(self.listingMode) || self.listingMode != 'Dynamic'",
            "oauthGrantType AuthorizationCode cannot be had with listingMode Dynamic",
        ),
        (
            "!has(self.oauthDefaultReturnUrl) || self.oauthDefaultReturnUrl.trim() == '' \
             || has(self.oauthGrantType) && self.oauthGrantType == 'AuthorizationCode'",
            "oauthDefaultReturnUrl belongs to oauthGrantType AuthorizationCode",
        ),
    ];
    let rule = |(rule, message)| BTreeMap::from([("rule", rule), ("message", message)]);
    RULES.map(rule).to_vec()
}
