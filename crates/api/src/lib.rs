//! The words of the project: the resource `MCPServer` that users write, the status that they
//! read, and the terms in which the rest of the code speaks of gateways and targets.
//!
//! Contract: types and their text forms only. No client, no runtime, no clock, nothing that
//! decides.

mod condition;
mod definition;
mod failure;
mod server;
mod sight;
mod spec;
mod status;
mod target;
pub mod text;
mod unknown;

pub use condition::{ConditionType, Reason};
pub use definition::{
    AddressType, Certificate, Credentials, DEFAULT_PRIORITY, Definition, Grant, KeyLocation,
    ListingMode, Metadata, PrivateEndpoint, S3Object, ToolSchema,
};
pub use failure::{Attempt, Failure, FailureClass};
pub use server::{MCPServer, MCPServerSpec};
pub use sight::{Listing, Sight, Trouble};
pub use spec::{
    ApiKeyAuth, CaCertificateSource, IamAuth, ManagedVpc, PrivateEndpointSource, S3Source,
    SecretSource, ToolSchemaSource, ToolSync, WorkloadRef,
};
pub use status::{
    Applied, Applying, Authorization, Intent, MCPServerStatus, Retired, Synchronizing,
    ToolSyncRecord,
};
pub use target::{Accepted, GatewayId, Summary, Target, TargetId, TargetStatus};
pub use unknown::Unknown;

/// The API group of the resource.
pub const GROUP: &str = "mcpgateway.bedrock.aws";

/// The finalizer that keeps a resource until its target is gone. The name is the Go operator's,
/// so that its resources can be taken over.
pub const FINALIZER: &str = "bedrock.aws/gateway-target-finalizer";

/// The annotation that repeats the identity of the bound target as `gateway/targetId`, because
/// backups carry no status. It is a hint to people and to adoption, never a proof.
pub const TARGET_ANNOTATION: &str = "mcpgateway.bedrock.aws/target";

/// The annotation that asks to take over an existing target of the resource's gateway by its ID.
pub const ADOPT_ANNOTATION: &str = "mcpgateway.bedrock.aws/adopt-target-id";

/// The annotation that asks to fetch the server's tools again whenever its value changes. The value
/// is of any form, by convention the time of the request.
pub const SYNC_REQUEST_ANNOTATION: &str = "mcpgateway.bedrock.aws/sync-requested-at";

/// The annotation that asks for an immediate check whenever its value changes. The value is of
/// any form, by convention the time of the request.
pub const REQUEST_ANNOTATION: &str = "mcpgateway.bedrock.aws/reconcile-requested-at";
