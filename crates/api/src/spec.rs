//! The parts of an `MCPServer`'s spec that have members of their own.
//!
//! None of them was known to the Go operator, so the schema may refuse here what means nothing.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the gateway signs its requests for (Signature Version 4), with its own role.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IamAuth {
    /// Signing name of the AWS service that serves the endpoint, such as `bedrock-agentcore`,
    /// `execute-api` or `lambda`.
    #[schemars(length(min = 1, max = 64))]
    pub service: String,

    /// Region that the requests are signed for. Default: that of the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub region: Option<String>,
}

/// An API key that the gateway shows to the server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyAuth {
    /// ARN of the API key credential provider, in the account and Region of the gateway.
    #[schemars(length(min = 1, max = 2048))]
    pub provider_arn: String,

    /// Name of the header or query parameter that carries the key. Default: AWS's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub parameter_name: Option<String>,

    /// What stands before the key, such as `Bearer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub prefix: Option<String>,

    /// Where the key goes: `Header` (default) or `QueryParameter`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["Header", "QueryParameter"]))]
    pub location: Option<String>,
}

/// A fixed list of tools: exactly one of its members.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct ToolSchemaSource {
    /// The list itself: a JSON text with the tools as the server would list them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub inline: Option<String>,

    /// An object in Amazon S3 that holds the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Source>,
}

/// An object in Amazon S3.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct S3Source {
    /// `s3://bucket/key`.
    #[schemars(length(max = 2048), regex(pattern = "^s3://.+"))]
    pub uri: String,

    /// ID of the account that owns the bucket, if it is not the gateway's: twelve digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    pub bucket_owner_account_id: Option<String>,
}

/// How the gateway reaches a server that the internet does not reach: exactly one of its members.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct PrivateEndpointSource {
    /// ID or ARN of a VPC Lattice resource configuration of your own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub resource_configuration: Option<String>,

    /// A VPC in which AWS makes and keeps what is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub managed_vpc: Option<ManagedVpc>,
}

/// A VPC in which AWS makes what leads to the server.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ManagedVpc {
    /// ID of the VPC, `vpc-…`.
    #[schemars(length(min = 1, max = 64))]
    pub vpc_id: String,

    /// IDs of the subnets, `subnet-…`. Their order has no meaning.
    #[schemars(length(min = 1))]
    pub subnet_ids: Vec<String>,

    /// IDs of security groups, `sg-…`: at most 5. Default: the VPC's default group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_group_ids: Option<Vec<String>>,

    /// The addresses that are used: `IPv4` (default) or `IPv6`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = ["IPv4", "IPv6"]))]
    pub ip_address_type: Option<String>,

    /// Tags of what AWS makes there: at most 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,

    /// Domain name through which the traffic goes instead of the server's own, such as that of a
    /// VPC endpoint or an internal load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub routing_domain: Option<String>,
}

/// Where the certificate of a private authority lies, as PEM: exactly one of its members.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct CaCertificateSource {
    /// An object in Amazon S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub s3: Option<S3Source>,

    /// A secret in AWS Secrets Manager.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets_manager: Option<SecretSource>,
}

/// A secret in AWS Secrets Manager.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretSource {
    /// ARN of the secret.
    #[schemars(length(min = 1, max = 2048))]
    pub secret_arn: String,
}

/// When the gateway is asked to fetch the server's tools again.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToolSync {
    /// The workload that serves the endpoint, in the namespace of this resource: after each of its
    /// rollouts the tools are fetched again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload_ref: Option<WorkloadRef>,

    /// How often the tools are fetched again at least, such as `1h` or `30m`: no less than `5m`.
    /// Default: not by time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32), regex(pattern = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"))]
    pub interval: Option<String>,
}

/// A workload in the namespace of the resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkloadRef {
    /// `Deployment` or `StatefulSet`.
    #[schemars(extend("enum" = ["Deployment", "StatefulSet"]))]
    pub kind: String,

    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}
