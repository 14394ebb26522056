//! A target that is bound: keep it as written.

mod compare;
mod heal;
mod update;

use api::{Applied, Applying, Definition, Summary, Synchronizing};
use jiff::Timestamp;

use super::create::intend;
use super::{Decision, Stage, read_unlisted, retire, seen, stage, stale, tools, wait_until};
use crate::backoff::Schedule;
use crate::diff::{fingerprint, is_current_scheme};
use crate::memory::{later, passes};
use crate::report::{Report, Standing, Tools};
use crate::world::{Bound, World};
use crate::{DriftPolicy, Validated};

/// Keeps the target as written.
pub(super) fn plan(world: &World<'_>, bound: &Bound, wish: &Validated) -> Decision {
    let keeper = Keeper { world, bound, wish, wanted: &wish.definition };
    let mut decision = keep(&keeper);
    let report = &mut decision.report;
    let says_nothing_of_them = report.tools == Tools::Hold && report.standing != Standing::Hold;
    if decision.step.is_none() && says_nothing_of_them {
        report.tools = tools::otherwise(world, wish);
    }
    decision
}

fn keep(keeper: &Keeper<'_>) -> Decision {
    let Keeper { world, bound, .. } = *keeper;
    let (sight, listing) = match seen(world, &bound.gateway) {
        Ok(seen) => seen,
        Err(report) => return Decision::wait(keeper.unseen(report)),
    };
    let as_of = sight.as_of.unwrap_or(world.memory.since());

    // What AWS has answered is recorded before anything else is looked at.
    if let Some(decision) = keeper.record_answer() {
        return decision;
    }
    let Some(entry) = listing.by_id(&bound.target) else {
        return keeper.missing(as_of);
    };
    if !world.presence_counts(as_of) {
        return Decision::wait(keeper.busy());
    }
    if world.requested_at().is_some_and(|at| as_of < at) {
        return Decision::wait(keeper.hold_or_busy().awaiting(&bound.gateway));
    }
    match stage(&entry.status) {
        Stage::Moving => Decision::wait(keeper.moving(entry)),
        Stage::Consent => Decision::wait(keeper.consent(entry)),
        Stage::Ready | Stage::Failed => keeper.settled(entry, as_of),
    }
}

pub(super) struct Keeper<'a> {
    pub(super) world: &'a World<'a>,
    pub(super) bound: &'a Bound,
    pub(super) wish: &'a Validated,
    pub(super) wanted: &'a Definition,
}

impl Keeper<'_> {
    fn applied(&self) -> Option<&Applied> {
        self.world.status()?.applied.as_ref()
    }

    fn applying(&self) -> Option<&Applying> {
        self.world.status()?.applying.as_ref()
    }

    /// Nothing has been seen of the gateway since this process began. What was settled before holds
    /// for as long as if it had been seen then.
    fn unseen(&self, report: Report) -> Report {
        if let Standing::GatewayNotFound(gateway) = report.standing {
            return Report { standing: Standing::GatewayLost(gateway), ..report };
        }
        let Standing::Blind { gateway, .. } = &report.standing else { return report };
        let wanted = fingerprint(self.wanted);
        let applied = self.applied().filter(|applied| applied.settled);
        if self.applying().is_some() || applied.is_none_or(|now| now.fingerprint != wanted) {
            return report;
        }
        let until = later(self.world.memory.since(), self.world.policy.stale_after);
        if self.world.now < until {
            Report::of(Standing::Hold).awaiting(gateway).waking(until)
        } else {
            Report::of(stale(self.world, gateway)).awaiting(gateway)
        }
    }

    /// The target is on its way: whether it is being made or changed is told by what it was.
    fn busy(&self) -> Report {
        let created = self.applied().is_some_and(|applied| !applied.settled)
            && self.world.status().is_some_and(|status| {
                status.target_status.as_deref() == Some("CREATING") && status.applying.is_none()
            });
        let standing = if created {
            Standing::Creating(self.bound.gateway.clone())
        } else {
            Standing::Updating(self.bound.target.clone())
        };
        Report::of(standing).awaiting(&self.bound.gateway)
    }

    fn moving(&self, entry: &Summary) -> Report {
        let gateway = self.bound.gateway.clone();
        let standing = match entry.status {
            api::TargetStatus::Creating => Standing::Creating(gateway),
            api::TargetStatus::Deleting => Standing::Recreating(self.bound.target.clone()),
            api::TargetStatus::Synchronizing => return self.fetching().seeing(entry),
            _ => Standing::Updating(self.bound.target.clone()),
        };
        Report::of(standing).seeing(entry).awaiting(&self.bound.gateway)
    }

    /// AWS waits for a person, and refuses every change meanwhile.
    fn consent(&self, entry: &Summary) -> Report {
        let print = self.applying().map(|applying| &applying.fingerprint);
        let print = print.or_else(|| self.applied().map(|applied| &applied.fingerprint));
        let edited = print
            .is_some_and(|print| is_current_scheme(print) && *print != fingerprint(self.wanted));
        let standing = Standing::ConsentPending { target: self.bound.target.clone(), edited };
        Report::of(standing).seeing(entry).awaiting(&self.bound.gateway)
    }

    /// The gateway fetches the tools, or is about to.
    fn fetching(&self) -> Report {
        let report = Report::of(Standing::Synchronizing(self.bound.target.clone()));
        self.saying(Tools::Fetching, report).awaiting(&self.bound.gateway)
    }

    /// What is said of the tools, where anybody wants to know.
    fn saying(&self, tools: Tools, report: Report) -> Report {
        let asked = self.wish.tool_sync.is_some() || self.sync_under_way().is_some();
        if asked { Report { tools, ..report } } else { report }
    }

    /// When the tools were last fetched, as far as anything has shown it: a List can be behind a Get,
    /// and a Get behind a List.
    pub(super) fn fetched_at(&self) -> Option<Timestamp> {
        let Bound { gateway, target, .. } = self.bound;
        let reading = self.world.memory.reading(gateway, target);
        let read = reading.and_then(|reading| reading.found.as_deref()).map(|read| &read.summary);
        let sight = self.world.sight(gateway).and_then(|sight| sight.listing.as_ref());
        let listed = sight.and_then(|listing| listing.by_id(target));
        let seen = [read, listed].into_iter().flatten().map(|seen| seen.last_synchronized_at);
        let recorded = self.world.status().and_then(|status| status.last_synchronized);
        seen.fold(recorded, Option::max)
    }

    pub(super) fn sync_under_way(&self) -> Option<&Synchronizing> {
        self.world.status()?.tool_sync.as_ref()?.under_way.as_ref()
    }

    fn updating(&self) -> Report {
        Report::of(Standing::Updating(self.bound.target.clone())).awaiting(&self.bound.gateway)
    }

    /// READY or failed: is it with what is wanted?
    fn settled(&self, entry: &Summary, as_of: Timestamp) -> Decision {
        let wanted = fingerprint(self.wanted);
        if let Some(applying) = self.applying() {
            // Recorded, and not known to be sent: an Update replaces everything, so to send it
            // again does no harm.
            return if applying.fingerprint == wanted {
                if let Some(decision) = self.came_through(entry, &wanted) {
                    return decision;
                }
                self.update(entry)
            } else {
                self.still_holds(&wanted).unwrap_or_else(|| self.begin_update(entry, wanted))
            };
        }
        match self.applied() {
            Some(applied) if applied.fingerprint == wanted => {
                self.as_applied(entry, as_of, applied)
            }
            Some(applied) if is_current_scheme(&applied.fingerprint) => {
                self.begin_update(entry, wanted)
            }
            // Recorded by another version, or by the Go operator, which recorded nothing.
            Some(_) | None => self.compare(entry, wanted),
        }
    }

    /// What is wanted has been applied: does it show, did it work, has anybody changed it since?
    fn as_applied(&self, entry: &Summary, as_of: Timestamp, applied: &Applied) -> Decision {
        let moved = applied.settled || self.answer_moved();
        if !self.world.shows_change(entry, as_of, applied.updated_at, moved) {
            let from = self.world.absence_counts_from();
            return wait_until(self.world, &self.bound.gateway, from, self.hold_or_busy());
        }
        let ready = stage(&entry.status) == Stage::Ready;
        let ignored = self.wish.drift == DriftPolicy::Ignore;
        let asked = self.world.request().is_some() && !ignored;
        if ready && entry.updated_at == applied.updated_at && !asked {
            let Decision { step, report } = self.ready(entry, applied.fingerprint.clone());
            return Decision { step, report: Report { needs_no_reading: true, ..report } };
        }
        if ready && applied.settled && ignored {
            return self.serves(entry, applied.clone(), false);
        }
        self.compare(entry, applied.fingerprint.clone())
    }

    fn again_at(&self, schedule: Schedule) -> Timestamp {
        self.world.memory.again_at(schedule, self.world.generation(), self.world.seed)
    }

    /// When the entry was listed: a Get that is to explain it must not be older.
    pub(super) fn seen_at(&self) -> Timestamp {
        let sight = self.world.sight(&self.bound.gateway);
        sight.and_then(|sight| sight.as_of).unwrap_or(self.world.memory.since())
    }

    /// While we look closer, a target that was settled, or that was seen to have failed since, stays
    /// what it was.
    fn hold_or_busy(&self) -> Report {
        let settled = self.applied().is_none_or(|applied| applied.settled);
        let seen = self.world.status().and_then(|status| status.target_status.as_deref());
        let failed = seen.is_some_and(|seen| stage(&seen.into()) == Stage::Failed);
        if settled || failed { Report::of(Standing::Hold) } else { self.busy() }
    }

    fn ready(&self, entry: &Summary, fingerprint: String) -> Decision {
        let applied = Applied { fingerprint, updated_at: entry.updated_at, settled: true };
        self.serves(entry, applied, true)
    }

    fn serves(&self, entry: &Summary, applied: Applied, checked: bool) -> Decision {
        let report = Report::of(Standing::Ready {
            gateway: self.bound.gateway.clone(),
            target: self.bound.target.clone(),
            applied,
            checked,
        })
        .seeing(entry)
        .fetched(self.fetched_at());
        // The successor serves: what it replaces can go.
        let Some(left) = self.world.retired().first() else {
            return tools::plan(self, entry, report);
        };
        let decision = retire(self.world, left, report.clone());
        if needs_a_person(&decision.report.standing) {
            return decision;
        }
        // What only delays the end of the one makes the other no less ready.
        let report = Report { standing: report.standing, ..decision.report };
        match decision.step {
            Some(step) => Decision::step(step, report),
            None => tools::plan(self, entry, report),
        }
    }

    /// Not listed: gone, or not shown yet.
    fn missing(&self, as_of: Timestamp) -> Decision {
        let from = self.world.absence_counts_from();
        let report = self.hold_or_busy();
        if !self.world.absence_counts(as_of) {
            return wait_until(self.world, &self.bound.gateway, from, report);
        }
        match read_unlisted(self.world, self.bound, from, as_of, report.clone()) {
            Err(decision) => decision,
            Ok(reading) if reading.found.is_some() => {
                // Found and not listed: the next List will tell.
                Decision::wait(report.awaiting(&self.bound.gateway))
            }
            Ok(_) => {
                if let Some(decision) = self.name_is_claimed() {
                    return decision;
                }
                let report = Report::of(Standing::Recreating(self.bound.target.clone()));
                intend(self.world, &self.bound.gateway, self.wish, report)
            }
        }
    }
}

/// Whether what holds up the end of a target that was left goes on until a person helps.
fn needs_a_person(standing: &Standing) -> bool {
    match standing {
        Standing::Held { failure, .. } | Standing::Blind { failure, .. } => !passes(failure.class),
        _ => false,
    }
}
