//! The port to Bedrock AgentCore: what the operator asks of AWS, in the terms of the domain.
//!
//! Contract: a call either gives an answer or a [`Failure`] of a known class, within a bounded
//! time, and nothing here repeats a call by itself. The mirror is the one exception: it observes,
//! again and again, and changes nothing.

pub mod aws;
mod clock;
mod limit;
mod meter;
mod mirror;
mod pace;
mod quota;
mod slots;

use std::future::Future;

use api::{Accepted, Definition, Failure, GatewayId, Listing, Target, TargetId};
use jiff::Timestamp;

pub use clock::Clock;
pub use limit::Limit;
pub use meter::Meter;
pub use mirror::{Mirrors, Observation, Outlook};
pub use pace::Pace;
pub use quota::{Lack, Limits, Permit, Quotas};

/// The calls that the operator makes.
pub trait AgentCore: Send + Sync + 'static {
    /// Every target of the gateway: all pages, or a failure.
    fn list_targets(
        &self,
        gateway: &GatewayId,
    ) -> impl Future<Output = Result<Listing, Failure>> + Send;

    /// A target with its configuration.
    fn get_target(
        &self,
        gateway: &GatewayId,
        target: &TargetId,
    ) -> impl Future<Output = Result<Target, Failure>> + Send;

    /// Begins to make a target. The same token makes a repetition harmless.
    fn create_target(
        &self,
        gateway: &GatewayId,
        token: &str,
        definition: &Definition,
    ) -> impl Future<Output = Result<Accepted, Failure>> + Send;

    /// Begins to replace a target's whole configuration.
    fn update_target(
        &self,
        gateway: &GatewayId,
        target: &TargetId,
        definition: &Definition,
    ) -> impl Future<Output = Result<Accepted, Failure>> + Send;

    /// Begins to delete a target.
    fn delete_target(
        &self,
        gateway: &GatewayId,
        target: &TargetId,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Has the gateway begin to fetch the tools of the target's server again.
    fn synchronize_target(
        &self,
        gateway: &GatewayId,
        target: &TargetId,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The account that the credentials belong to.
    fn account(&self) -> impl Future<Output = Result<String, Failure>> + Send;

    /// AWS's clock, as its last answer showed it; the given local time before any answer.
    fn aws_time(&self, local: Timestamp) -> Timestamp;
}
