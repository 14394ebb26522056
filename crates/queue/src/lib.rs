//! What is done next: [`Queue`] says which resource is looked at, [`Line`] which of those that want
//! to call AWS may do so.
//!
//! Contract: pure; the present is an argument. What is more urgent has the greater share, and what is
//! less urgent still has its own: nothing starves. Among equals namespaces, and where AWS's limits
//! are concerned gateways too, take turns, so that one team's thousand resources do not hold up
//! another's one.

mod line;
mod queue;
mod shares;
mod urgency;

pub use line::{Line, Place};
pub use queue::Queue;
pub use urgency::Urgency;
