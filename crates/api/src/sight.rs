//! What can be seen of a gateway: its targets from one complete List, how old that is, and why
//! there is nothing newer.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::{Failure, Summary, TargetId};

/// Every target of a gateway, from one complete List.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    targets: HashMap<TargetId, Summary>,
    names: HashMap<String, TargetId>,
}

impl Listing {
    /// The target with this ID.
    #[must_use]
    pub fn by_id(&self, id: &TargetId) -> Option<&Summary> {
        self.targets.get(id)
    }

    /// The target with this name. AWS holds names unique within a gateway.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Summary> {
        self.names.get(name).and_then(|id| self.targets.get(id))
    }

    /// All targets, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Summary> {
        self.targets.values()
    }
}

impl FromIterator<Summary> for Listing {
    fn from_iter<I: IntoIterator<Item = Summary>>(summaries: I) -> Self {
        let mut listing = Self::default();
        for summary in summaries {
            listing.names.insert(summary.name.clone(), summary.id.clone());
            listing.targets.insert(summary.id.clone(), summary);
        }
        listing
    }
}

/// What the mirror shows of one gateway.
#[derive(Clone, Debug, Default)]
pub struct Sight {
    /// The last complete List, if there was one.
    pub listing: Option<Arc<Listing>>,
    /// When that List began.
    pub as_of: Option<Timestamp>,
    /// When the complete List before it began.
    pub before: Option<Timestamp>,
    /// Why the mirror sees nothing at present.
    pub trouble: Option<Trouble>,
}

/// Why a mirror sees nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trouble {
    /// The last failure.
    pub failure: Failure,
    /// When the call that failed began.
    pub as_of: Timestamp,
    /// When the first of the failures in a row came.
    pub since: Timestamp,
}
