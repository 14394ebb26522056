//! What one mirror knows of its gateway.
//!
//! Contract: pure; times are arguments. A failed List never touches what the last complete one
//! has shown. Every outcome is turned into what is worth telling of it.

use std::sync::Arc;
use std::time::Duration;

use api::{Failure, GatewayId, Listing, Sight, Summary, TargetId, Trouble};
use jiff::Timestamp;
use tracing::{info, warn};

use super::Observation;

/// What has been seen, and what has been told of it.
#[derive(Debug)]
pub(super) struct Picture {
    gateway: GatewayId,
    /// When the looking began.
    since: Timestamp,
    pub(super) sight: Sight,
    /// Lists that have failed in a row.
    pub(super) failures: u32,
    /// Whether the lasting loss of sight has been told.
    told_stale: bool,
}

impl Picture {
    /// Nothing seen yet.
    pub(super) fn new(gateway: GatewayId, since: Timestamp) -> Self {
        Self { gateway, since, sight: Sight::default(), failures: 0, told_stale: false }
    }

    /// A complete List that began at this time.
    pub(super) fn saw(&mut self, began: Timestamp, listing: Listing) -> Observation {
        let changed = changes(self.sight.listing.as_deref(), &listing);
        let recovered = self.sight.trouble.take().is_some() || self.told_stale;
        if recovered {
            info!(gateway = %self.gateway, "the gateway can be listed again");
        }
        let first = self.sight.listing.is_none();
        self.sight.before = self.sight.as_of;
        self.sight.as_of = Some(began);
        self.sight.listing = Some(Arc::new(listing));
        self.failures = 0;
        self.told_stale = false;
        self.observation(changed, first || recovered)
    }

    /// A List that began at this time and failed.
    pub(super) fn missed(&mut self, began: Timestamp, failure: Failure) -> Observation {
        let before = self.sight.trouble.take();
        let since = before.as_ref().map_or(began, |trouble| trouble.since);
        let news = before.is_none_or(|trouble| trouble.failure != failure);
        if news {
            let (class, error) = (failure.class.as_str(), &failure.message);
            warn!(gateway = %self.gateway, class, error, "the gateway cannot be listed");
        }
        self.failures = self.failures.saturating_add(1);
        self.sight.trouble = Some(Trouble { failure, as_of: began, since });
        self.observation(Vec::new(), news)
    }

    /// When what is seen was so; before anything was seen, when the looking began.
    pub(super) fn as_of(&self) -> Timestamp {
        self.sight.as_of.unwrap_or(self.since)
    }

    /// From when on nobody can vouch for what was seen. One millisecond on top, because those who
    /// are told then ask whether *more* than this time has passed.
    pub(super) fn stale_from(&self, stale_after: Duration) -> Timestamp {
        let after = stale_after.saturating_add(Duration::from_millis(1));
        self.as_of().checked_add(after).unwrap_or(Timestamp::MAX)
    }

    /// The loss of sight has lasted for so long that it is told of; once only.
    pub(super) fn lost(&mut self) -> Option<Observation> {
        let news = !std::mem::replace(&mut self.told_stale, true);
        news.then(|| {
            warn!(gateway = %self.gateway, "what was seen of the gateway is too old to rely on");
            self.observation(Vec::new(), true)
        })
    }

    fn observation(&self, changed: Vec<(TargetId, String)>, outlook_changed: bool) -> Observation {
        Observation { gateway: self.gateway.clone(), changed, outlook_changed }
    }
}

/// The targets that came, went or changed.
fn changes(before: Option<&Listing>, after: &Listing) -> Vec<(TargetId, String)> {
    let key = |summary: &Summary| (summary.id.clone(), summary.name.clone());
    let new =
        |summary: &&Summary| before.and_then(|before| before.by_id(&summary.id)) != Some(*summary);
    let mut changed: Vec<_> = after.iter().filter(new).map(key).collect();
    let old = |summary: &&Summary| {
        // Gone, or with another name: those who want the name must hear of it.
        after.by_id(&summary.id).is_none_or(|now| now.name != summary.name)
    };
    changed.extend(before.into_iter().flat_map(|before| before.iter().filter(old).map(key)));
    changed
}
