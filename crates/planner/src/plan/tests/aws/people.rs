//! What people do at AWS without the operator: they consent, or do not, and touch its targets.

use api::{Target, TargetStatus};
use jiff::Timestamp;

use super::{Aws, Identity};
use crate::plan::{Stage, stage};

impl Aws {
    /// A person gives consent to the target, and AWS goes on.
    pub(in super::super) fn consent(&mut self, identity: &Identity, now: Timestamp) {
        let mut target = self.now(identity, now).expect("it waits for somebody").clone();
        target.summary.authorization_url = None;
        self.finish(identity, target, now);
    }

    /// Nobody gives consent to the target in time.
    pub(in super::super) fn lapse(&mut self, identity: &Identity, now: Timestamp) {
        self.meddle(identity, now, |target| {
            target.summary.status = match target.summary.status {
                TargetStatus::CreatePendingAuth => TargetStatus::Failed,
                TargetStatus::SynchronizePendingAuth => TargetStatus::SynchronizeUnsuccessful,
                _ => TargetStatus::UpdateUnsuccessful,
            };
            target.summary.authorization_url = None;
        });
    }

    /// The targets that wait for a person.
    pub(in super::super) fn pending(&self, now: Timestamp) -> Vec<Identity> {
        let all = self.targets.keys().filter(|identity| {
            let target = self.now(identity, now);
            target.is_some_and(|target| stage(&target.summary.status) == Stage::Consent)
        });
        all.cloned().collect()
    }

    /// Somebody else does something to the target, at once.
    pub(in super::super) fn meddle(
        &mut self,
        identity: &Identity,
        now: Timestamp,
        change: impl FnOnce(&mut Target),
    ) {
        let mut target = self.now(identity, now).expect("nobody changes what is not there").clone();
        change(&mut target);
        target.summary.updated_at = now;
        if let Some(definition) = &target.definition {
            target.summary.name.clone_from(&definition.name);
        }
        self.targets.get_mut(identity).expect("it is there").set(now, Some(target));
    }

    /// The target's last change is dated so, whenever it happened.
    pub(in super::super) fn meddle_dated(
        &mut self,
        identity: &Identity,
        now: Timestamp,
        at: Timestamp,
    ) {
        let history = self.targets.get_mut(identity).expect("it is there");
        let mut target = history.at(now).expect("it is there").clone();
        target.summary.updated_at = at;
        history.set(now, Some(target));
    }

    /// Somebody else deletes the target.
    pub(in super::super) fn vanish(&mut self, identity: &Identity, now: Timestamp) {
        self.targets.get_mut(identity).expect("it was there").set(now, None);
    }
}
