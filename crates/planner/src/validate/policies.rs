//! What is done where AWS, others or the end of a resource leave a choice.
//!
//! Contract: the first of each is what is done when nothing is written.

use api::MCPServer;

use super::{Violation, set, shortened};

/// What is done when AWS refuses to change a target in place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReplacementPolicy {
    /// It serves on as it is.
    #[default]
    Deny,
    /// It is deleted, and another is made.
    Allow,
}

/// What is done when somebody else changes the configuration of the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriftPolicy {
    /// It is put right.
    #[default]
    Enforce,
    /// It is told.
    Warn,
    /// It is let be.
    Ignore,
}

/// What becomes of the target when the resource is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeletionPolicy {
    /// It is deleted first.
    #[default]
    Delete,
    /// It stays, in nobody's care.
    Retain,
}

/// What the resource says about its end. It is asked for on its own, because of a resource that is
/// being deleted nothing else matters.
///
/// # Errors
///
/// A value that is not known.
pub(crate) fn deletion_policy(server: &MCPServer) -> Result<DeletionPolicy, Violation> {
    match set(server.spec.deletion_policy.as_ref()) {
        None | Some("Delete") => Ok(DeletionPolicy::Delete),
        Some("Retain") => Ok(DeletionPolicy::Retain),
        Some(unknown) => Err(Violation {
            field: "spec.deletionPolicy",
            message: format!("\"{}\" is not known; known are Delete, Retain", shortened(unknown)),
        }),
    }
}
