//! What to do next for one `MCPServer`: a pure function.
//!
//! Contract: [`plan()`] takes a [`World`], which holds both pictures (what a person wishes and
//! what AWS has), and answers with at most one [`Step`] and a [`Report`] that says where the
//! resource stands. No clock, no network, no random source: time and seeds are arguments. Every
//! rule about AWS that decides something is here, and nowhere else.

// A pass makes one decision; boxes would only hide it.
#![allow(clippy::large_enum_variant, clippy::result_large_err)]

mod backoff;
mod claim;
mod diff;
mod known;
mod memory;
mod plan;
mod reasons;
mod report;
mod reserved;
mod step;
mod validate;
mod world;

pub use api::Attempt;
pub use backoff::{Schedule, delay};
pub use claim::{Claim, ClaimKind, Owner};
pub use diff::{differences, fingerprint};
pub use memory::{Answer, Call, Memory};
pub use plan::{Decision, foreign_arn, plan};
pub use report::{Note, Remedy, Report, Standing, Tools, Wait, note, project};
pub use step::{Binding, Step, client_token};
pub use validate::{
    DeletionPolicy, DriftPolicy, ReplacementPolicy, ToolSync, Validated, Violation, validate,
};
pub use world::{Bound, Policy, Workload, World, is_asked};
