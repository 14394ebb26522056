//! The configuration of a target, as far as an `MCPServer` can say it.
//!
//! Shapes follow the AWS service model, version 2023-06-05. What is absent here is what AWS takes
//! when nothing is said.

use std::collections::BTreeMap;

use serde::Serialize;

/// The configuration of a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Definition {
    /// Name of the target.
    pub name: String,
    /// Description; never empty.
    pub description: Option<String>,
    /// URL of the MCP server.
    pub endpoint: String,
    /// How the gateway authenticates itself; `None`: not at all.
    pub credentials: Option<Credentials>,
    /// Which headers and parameters are passed on.
    pub metadata: Metadata,
    /// When the gateway asks the server for its tools.
    pub listing: ListingMode,
    /// A fixed list of tools; `None`: the gateway asks the server.
    pub tools: Option<ToolSchema>,
    /// Which target wins where several have a resource URI: the lower.
    pub priority: u16,
    /// How a server is reached that the internet does not reach; `None`: over the internet.
    pub private_endpoint: Option<PrivateEndpoint>,
    /// The authority that the server's certificate is checked against; `None`: those that everybody
    /// trusts.
    pub certificate: Option<Certificate>,
}

/// The priority that AWS takes when none is given.
pub const DEFAULT_PRIORITY: u16 = 1000;

/// How the gateway authenticates itself at the MCP server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Credentials {
    /// OAuth2 with a credential provider.
    OAuth {
        /// ARN of the credential provider.
        provider_arn: String,
        /// Scopes; their order has no meaning.
        scopes: Vec<String>,
        /// How the token is got.
        grant: Grant,
        /// What is sent to the authorization server besides.
        custom_parameters: BTreeMap<String, String>,
        /// Where a person is sent who has given consent.
        return_url: Option<String>,
    },
    /// The gateway's role signs the requests (Signature Version 4).
    Iam {
        /// The service that they are signed for.
        service: String,
        /// The Region that they are signed for; `None`: that of the gateway.
        region: Option<String>,
    },
    /// A key from a credential provider.
    ApiKey {
        /// ARN of the credential provider.
        provider_arn: String,
        /// Name of the header or query parameter.
        parameter_name: Option<String>,
        /// What stands before the key.
        prefix: Option<String>,
        /// Where the key goes.
        location: KeyLocation,
    },
}

/// An OAuth2 grant type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Grant {
    /// The gateway acts for itself.
    ClientCredentials,
    /// The gateway acts for a person, who has to consent.
    AuthorizationCode,
    /// The gateway exchanges its caller's token.
    TokenExchange,
}

/// Where an API key goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum KeyLocation {
    /// Into a request header, which is also what AWS takes when nothing is said.
    Header,
    /// Into the query.
    QueryParameter,
}

/// What the gateway passes on between client and server; the order has no meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Metadata {
    /// Request headers.
    pub request_headers: Vec<String>,
    /// Query parameters.
    pub query_parameters: Vec<String>,
    /// Response headers.
    pub response_headers: Vec<String>,
}

impl Metadata {
    /// Whether nothing is passed on.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.request_headers.is_empty()
            && self.query_parameters.is_empty()
            && self.response_headers.is_empty()
    }
}

/// When the gateway asks the server for its tools.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub enum ListingMode {
    /// When the target is made, updated or synchronized.
    #[default]
    Default,
    /// Whenever an agent asks.
    Dynamic,
}

/// A fixed list of tools.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum ToolSchema {
    /// The list itself, as JSON.
    Inline(String),
    /// An object in a bucket.
    S3(S3Object),
}

/// An object in a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct S3Object {
    /// `s3://bucket/key`.
    pub uri: String,
    /// The account of the bucket; `None`: that of the gateway.
    pub owner: Option<String>,
}

/// How a server is reached that the internet does not reach.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum PrivateEndpoint {
    /// By a VPC Lattice resource configuration of the user's own: its ID or ARN.
    ResourceConfiguration(String),
    /// By one that AWS makes in a VPC of the user.
    ManagedVpc {
        /// ID of the VPC.
        vpc: String,
        /// IDs of subnets; their order has no meaning.
        subnets: Vec<String>,
        /// IDs of security groups; none: the VPC's default.
        security_groups: Vec<String>,
        /// The addresses that are used.
        addresses: AddressType,
        /// Tags of what AWS makes.
        tags: BTreeMap<String, String>,
        /// A domain through which the traffic goes, instead of the server's own.
        routing_domain: Option<String>,
    },
}

/// A kind of IP addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum AddressType {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

/// Where the certificate of an authority lies, as PEM.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Certificate {
    /// An object in a bucket.
    S3(S3Object),
    /// ARN of a secret in Secrets Manager.
    SecretsManager(String),
}

impl Definition {
    /// The least that makes a target: an MCP server that asks for no authentication.
    #[must_use]
    pub fn new(name: impl Into<String>, endpoint: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: None,
            endpoint: endpoint.into(),
            credentials: None,
            metadata: Metadata::default(),
            listing: ListingMode::Default,
            tools: None,
            priority: DEFAULT_PRIORITY,
            private_endpoint: None,
            certificate: None,
        }
    }

    /// Whether a person has to consent before the target can ask the server for its tools.
    #[must_use]
    pub fn needs_consent(&self) -> bool {
        matches!(&self.credentials, Some(Credentials::OAuth { grant, .. }) if *grant == Grant::AuthorizationCode)
    }
}
