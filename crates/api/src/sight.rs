//! What can be seen of a gateway: its targets from one complete List, how old that is, and why
//! there is nothing newer.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{Failure, Summary, TargetId};

/// Every target of a gateway, from one complete List.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// By their IDs.
    targets: Box<[Summary]>,
    /// Their places there, by their names.
    names: Box<[usize]>,
}

impl Listing {
    /// The target with this ID.
    #[must_use]
    pub fn by_id(&self, id: &TargetId) -> Option<&Summary> {
        let place = self.targets.binary_search_by(|summary| summary.id.cmp(id)).ok()?;
        self.targets.get(place)
    }

    /// The target with this name. AWS holds names unique within a gateway.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Summary> {
        let named = |place: &usize| self.targets.get(*place);
        let place = self.names.binary_search_by(|place| {
            named(place).map_or("", |summary| summary.name.as_str()).cmp(name)
        });
        named(self.names.get(place.ok()?)?)
    }

    /// All targets, in the order of their IDs.
    pub fn iter(&self) -> impl Iterator<Item = &Summary> {
        self.targets.iter()
    }
}

impl FromIterator<Summary> for Listing {
    /// Of two with one ID, as two pages can show a target that has changed meanwhile, the later counts.
    fn from_iter<I: IntoIterator<Item = Summary>>(summaries: I) -> Self {
        let mut targets: Vec<Summary> = summaries.into_iter().collect();
        targets.reverse();
        targets.sort_by(|one, other| one.id.cmp(&other.id));
        targets.dedup_by(|later, first| later.id == first.id);
        let mut names: Vec<usize> = (0..targets.len()).collect();
        names.sort_by(|one, other| targets[*one].name.cmp(&targets[*other].name));
        Self { targets: targets.into(), names: names.into() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TargetStatus;

    fn summary(id: &str, name: &str, status: TargetStatus) -> Summary {
        Summary {
            id: id.into(),
            name: name.to_owned(),
            status,
            description: None,
            created_at: Timestamp::UNIX_EPOCH,
            updated_at: Timestamp::UNIX_EPOCH,
            last_synchronized_at: None,
            authorization_url: None,
        }
    }

    #[test]
    fn each_target_is_found_by_its_id_and_by_its_name() {
        let listing: Listing = [("B", "x"), ("C", "a"), ("A", "m")]
            .map(|(id, name)| summary(id, name, TargetStatus::Ready))
            .into_iter()
            .collect();
        for (id, name) in [("A", "m"), ("B", "x"), ("C", "a")] {
            assert_eq!(listing.by_id(&id.into()).unwrap().name, name);
            assert_eq!(listing.by_name(name).unwrap().id.as_str(), id);
        }
        assert_eq!(listing.by_id(&"D".into()), None);
        assert_eq!(listing.by_name("b"), None);
        assert_eq!(listing.iter().count(), 3);
    }

    #[test]
    fn of_a_target_that_is_shown_twice_the_later_counts() {
        let pages = [
            summary("A", "x", TargetStatus::Updating),
            summary("B", "y", TargetStatus::Ready),
            summary("A", "x", TargetStatus::Ready),
        ];
        let listing: Listing = pages.into_iter().collect();
        assert_eq!(listing.iter().count(), 2);
        assert_eq!(listing.by_id(&"A".into()).unwrap().status, TargetStatus::Ready);
    }
}
