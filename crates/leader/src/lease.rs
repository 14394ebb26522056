//! The record that the replicas share, and the port to where it is kept.

use jiff::Timestamp;

/// What a `Lease` of `coordination.k8s.io/v1` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Lease {
    /// `holderIdentity`: who leads. Empty: nobody.
    pub holder: String,
    /// `leaseDurationSeconds`: for how long others leave an unchanged record alone. Not positive: it
    /// says nothing.
    pub seconds: i32,
    /// `acquireTime`: when the holder became it, on its own clock. For people; nothing is decided by
    /// it.
    pub acquired: Option<Timestamp>,
    /// `renewTime`: likewise. All that counts is that it changes.
    pub renewed: Option<Timestamp>,
    /// `leaseTransitions`: how often the holder has changed.
    pub transitions: i32,
}

/// `resourceVersion`: which state of the record is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Version(pub String);

/// A record and its version.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Found {
    /// What it says.
    pub lease: Lease,
    /// Which state that is.
    pub version: Version,
}

/// Why there is no answer that says what is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Somebody else wrote first.
    #[error("somebody else wrote first")]
    Conflict,
    /// Anything else. A write may have been carried out all the same, or be yet.
    #[error("{0}")]
    Failed(String),
}

/// One record at the API server. Every call is made once, whatever comes of it.
pub trait Leases: Send {
    /// The record; `None` when there is none.
    fn get(&mut self) -> impl Future<Output = Result<Option<Found>, Error>> + Send;

    /// Makes it, unless there is one ([`Error::Conflict`]).
    fn create(&mut self, lease: &Lease) -> impl Future<Output = Result<Found, Error>> + Send;

    /// Replaces this very version, or none ([`Error::Conflict`]).
    fn replace(
        &mut self,
        lease: &Lease,
        version: &Version,
    ) -> impl Future<Output = Result<Found, Error>> + Send;
}
