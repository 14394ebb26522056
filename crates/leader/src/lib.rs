//! Who of several replicas works: an election on a `Lease`, as client-go has it, with a fence.
//!
//! Contract: of all replicas at most one holds a [`Term`] that permits anything. A term asks for
//! nothing and awaits nothing: [`Term::permits`] says now whether what takes up to so long may
//! begin now, so that it ends while nobody else can lead. What was begun before the term ended may
//! go on; nothing new is permitted.
//!
//! - [`Candidate`] decides, and is pure: time is an argument ([`Reading`]).
//! - [`Election`] is the loop around it, over the port [`Leases`].
//! - [`KubeLeases`] is that port to a real API server, by a client of its own.
//!
//! What holds for it: clocks of two machines may differ by any offset, and run at rates that differ
//! by up to 5 % ([`Timing`]); requests and answers may be lost or late; processes and machines may
//! stand still. Nothing is compared that two clocks have said: a replica takes over when it has
//! itself seen the record unchanged for the lease's duration, and a leader counts from when it
//! *sent* the renewal. A wall clock that runs ahead of the monotonic one counts as time that has
//! passed (a suspended machine).
//!
//! What remains: who writes the holder's name away, or deletes the Lease while a new replica starts
//! or while a request to make it is still on its way, makes two leaders for up to the lease's
//! duration; and a machine that is suspended, and finds its calendar put back by as long, does not
//! know it.

mod candidate;
mod clock;
mod election;
mod identity;
mod kubernetes;
mod lease;
mod term;
mod timing;

pub use candidate::{Answer, Candidate, Step};
pub use clock::{Clock, Reading};
pub use election::{Election, Standing};
pub use identity::{identity, namespace};
pub use kubernetes::KubeLeases;
pub use lease::{Error, Found, Lease, Leases, Version};
pub use term::Term;
pub use timing::{BadTiming, Timing};

#[cfg(test)]
mod model;
