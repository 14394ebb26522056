//! The decision: one step at most, and where the resource stands.
//!
//! Read top to bottom: [`plan`] tells the stories in order of precedence; each is a file of its
//! own. An unsettled Create comes before everything else, because until it is settled nobody
//! knows whether there is a target.

mod adopt;
mod create;
mod elsewhere;
mod keep;
mod remove;
mod request;
mod settle;
mod tools;

use api::{FailureClass, GatewayId, Listing, Sight, TargetStatus};
use jiff::Timestamp;

use crate::claim::{ClaimKind, Stake};
use crate::memory::{Reading, Setback};
use crate::report::{Holder, Report, Standing};
use crate::validate::deletion_policy;
use crate::world::{Bound, World, gateway_of, wished_targets};
use crate::{Attempt, Claim, DeletionPolicy, Step, Validated, Violation, validate};

pub use elsewhere::foreign_arn;
use remove::retire;
use request::{answers_request, unseen_since};
use settle::Settled;

/// What to do next, and where the resource stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Decision {
    /// The one thing to do now; `None`: wait.
    pub step: Option<Step>,
    /// Where the resource stands. A step that writes to Kubernetes writes this with it.
    pub report: Report,
}

impl Decision {
    fn step(step: Step, report: Report) -> Self {
        Self { step: Some(step), report }
    }

    fn wait(report: Report) -> Self {
        Self { step: None, report }
    }
}

/// Decides what to do next for the resource in `world`.
pub fn plan(world: &World<'_>) -> Decision {
    let Decision { step, mut report } = decide(world);
    if let Some((asked, at)) = world.request().zip(world.requested_at()) {
        let unseen = unseen_since(world, at);
        if answers_request(world, step.as_ref(), &report, &unseen) {
            report.handled = Some(asked);
        } else {
            report = unseen.iter().fold(report, Report::awaiting);
        }
    }
    Decision { step, report }
}

fn decide(world: &World<'_>) -> Decision {
    if world.has_finalizer() {
        return care(world);
    }
    if world.is_deleting() && is_recorded(world) {
        // Somebody took the finalizer away, and Kubernetes lets nobody put it back on what goes. For as
        // long as something else keeps the resource, its target can go with it all the same.
        let Decision { step, report } = care(world);
        return Decision { step: step.filter(|step| *step != Step::ReleaseFinalizer), report };
    }
    enter(world)
}

/// The decision for a resource in our care.
fn care(world: &World<'_>) -> Decision {
    if world.is_deleting() {
        match deletion_policy(world.server) {
            // Also the way out where AWS does not let the target go.
            Ok(DeletionPolicy::Retain) => {
                let bound = Bound::of(world.server).into_iter();
                let left = bound.chain(world.retired().iter().map(Bound::from)).collect();
                let report = Report::of(Standing::Retained(left));
                return Decision::step(Step::ReleaseFinalizer, report);
            }
            Ok(DeletionPolicy::Delete) => {}
            Err(violation) => {
                return Decision::wait(Report::of(Standing::Invalid(vec![violation])));
            }
        }
    }
    if let Some(decision) = elsewhere::plan(world) {
        return decision;
    }
    let wish = validate(world.server).map(|wish| wish.in_region(&world.policy.region));
    // Also of a spec that is not valid otherwise.
    let suspended = !world.is_deleting() && world.server.spec.suspend == Some(true);
    let decision = match world.status().and_then(|status| status.intent.as_ref()) {
        None => settled(world, wish),
        Some(intent) => match settle::plan(world, intent, wish.as_ref().ok()) {
            Settled::Open(decision) => decision,
            Settled::NothingWasMade => {
                // From here on it is as if there had never been one.
                let mut server = world.server.clone();
                server.status.get_or_insert_default().intent = None;
                let mut decision = settled(&World { server: &server, ..world.clone() }, wish);
                decision.report.intent_is_void = true;
                decision
            }
        },
    };
    if suspended { held_back(decision) } else { decision }
}

/// The decision when nothing is unsettled.
fn settled(world: &World<'_>, wish: Result<Validated, Vec<Violation>>) -> Decision {
    if world.is_deleting() { remove::plan(world) } else { serve(world, wish) }
}

/// The decision without what would lead to a change at AWS.
fn held_back(decision: Decision) -> Decision {
    let undone = match &decision.step {
        Some(Step::RecordIntent(_) | Step::Create { .. }) => "created",
        Some(Step::RecordApplying(_) | Step::Update { .. }) => "updated",
        Some(Step::RecordSync(_) | Step::Synchronize { .. }) => "synchronized",
        Some(Step::Delete { .. }) => "deleted",
        Some(
            Step::AddFinalizer
            | Step::Bind(_)
            | Step::Annotate(_)
            | Step::Read { .. }
            | Step::RecordApplied { .. }
            | Step::ForgetRetired(_)
            | Step::ReleaseFinalizer,
        )
        | None => return decision,
    };
    // Nothing is awaited but the person who goes on.
    let report = Report { awaits: Vec::new(), ..decision.report };
    Decision::wait(match report.standing {
        // What it has left behind elsewhere makes it no less ready.
        Standing::Ready { .. } => report,
        _ => Report { standing: Standing::Suspended(undone), ..report },
    })
}

/// A resource that stays, with nothing unsettled.
fn serve(world: &World<'_>, wish: Result<Validated, Vec<Violation>>) -> Decision {
    let wish = match wish {
        Ok(wish) => wish,
        Err(violations) => {
            // What a person wrote is wrong; what there is, is told all the same.
            let mut report = Report::of(Standing::Invalid(violations));
            let bound = Bound::recorded(world.server, world.policy);
            if bound.is_some() {
                report.tools = tools::of_an_invalid_wish(world);
            }
            let entry = bound.as_ref().and_then(|bound| {
                let listing = world.sight(&bound.gateway)?.listing.as_ref()?;
                listing.by_id(&bound.target)
            });
            return Decision::wait(match entry {
                Some(entry) => report.seeing(entry),
                None => report,
            });
        }
    };
    let Some(gateway) = gateway_of(world.server, &wish, world.policy) else {
        return Decision::wait(Report::of(Standing::NoGateway));
    };
    let bound = Bound::recorded(world.server, world.policy);
    if let Some(bound) = &bound
        && let Some(first) = first_holder(world, bound)
    {
        // A copy, made together with the status, has no right to the target.
        let first = Holder::First(first.owner.name.clone());
        return create::conflict(&bound.gateway, bound.target.as_str(), first);
    }
    if let Some(identity) = bound.as_ref().and_then(|bound| unannotated(world, bound)) {
        return Decision::step(Step::Annotate(identity), Report::of(Standing::Hold));
    }
    match bound {
        Some(bound) if bound.gateway == gateway => keep::plan(world, &bound, &wish),
        // A target on another gateway serves until its successor does.
        Some(_) => create::plan(world, &gateway, &wish),
        None => adopt::plan(world, Some(&gateway))
            .unwrap_or_else(|| create::plan(world, &gateway, &wish)),
    }
}

/// The claim of another resource that has the very target and goes before ours.
fn first_holder<'a>(world: &'a World<'_>, bound: &Bound) -> Option<&'a Claim> {
    world.better_claim(&bound.gateway, Stake::Target(&bound.target), ClaimKind::Holds)
}

/// In the right account and Region, a gateway that is gone took its targets with it.
fn gateway_is_gone(world: &World<'_>, gateway: &GatewayId) -> bool {
    let trouble = world.sight(gateway).and_then(|sight| sight.trouble.as_ref());
    trouble.is_some_and(|trouble| {
        trouble.failure.class == FailureClass::NotFound
            && world.absence_counts(trouble.as_of)
            && world.policy.account.is_some()
    })
}

/// A resource that nobody takes care of yet. It is taken into care only when there is something
/// to do for it, so that what was never accepted can be deleted without us.
fn enter(world: &World<'_>) -> Decision {
    if world.is_deleting() {
        return Decision::wait(Report::of(Standing::Gone));
    }
    if is_recorded(world) || !wished_targets(world.server, None).is_empty() {
        // A person took the finalizer away, and the target with it that would be leaked.
        return Decision::step(Step::AddFinalizer, Report::of(Standing::Hold));
    }
    match validate(world.server) {
        Err(violations) => Decision::wait(Report::of(Standing::Invalid(violations))),
        Ok(wish) => match gateway_of(world.server, &wish, world.policy) {
            None => Decision::wait(Report::of(Standing::NoGateway)),
            Some(_) => Decision::step(Step::AddFinalizer, Report::of(Standing::Hold)),
        },
    }
}

/// Whether the status records anything that the resource has at AWS, or may have.
fn is_recorded(world: &World<'_>) -> bool {
    Bound::recorded(world.server, world.policy).is_some()
        || world.status().is_some_and(|status| status.intent.is_some())
        || !world.retired().is_empty()
}

/// The identity of the target, if the annotation does not say it.
fn unannotated(world: &World<'_>, bound: &Bound) -> Option<String> {
    let identity = format!("{}/{}", bound.gateway.as_str(), bound.target.as_str());
    let annotations = world.server.metadata.annotations.as_ref();
    let said = annotations.and_then(|annotations| annotations.get(api::TARGET_ANNOTATION));
    (said != Some(&identity)).then_some(identity)
}

/// The call, unless an earlier failure of it holds it up.
fn attempt(
    world: &World<'_>,
    attempt: Attempt,
    gateway: &GatewayId,
    step: Step,
    report: Report,
) -> Decision {
    match world.memory.setback(attempt, world.generation()) {
        Some(setback) if world.now < setback.retry_at => {
            let report = held_up(setback, report);
            Decision::wait(report.waking(setback.retry_at).awaiting(gateway))
        }
        _ => Decision::step(step, report),
    }
}

/// The report of what an earlier failure holds up.
fn held_up(setback: &Setback, report: Report) -> Report {
    let Setback { attempt, failure, busy, .. } = setback;
    if setback.is_hiccup() {
        return report;
    }
    let standing = Standing::Held { attempt: *attempt, failure: failure.clone(), busy: *busy };
    Report { standing, ..report }
}

/// What the mirror shows of the gateway, or what is to be said until it shows something.
fn seen<'a>(world: &'a World<'_>, gateway: &GatewayId) -> Result<(&'a Sight, &'a Listing), Report> {
    let Some(sight) = world.sight(gateway) else {
        return Err(Report::of(Standing::Hold).awaiting(gateway));
    };
    match (&sight.listing, &sight.trouble) {
        (Some(listing), _) if !world.is_stale(sight) => Ok((sight, listing)),
        (Some(_), Some(trouble)) if trouble.failure.class == FailureClass::NotFound => {
            Err(Report::of(Standing::GatewayNotFound(gateway.clone())).awaiting(gateway))
        }
        (Some(_), _) => Err(Report::of(stale(world, gateway))),
        (None, None) => Err(Report::of(Standing::Hold).awaiting(gateway)),
        (None, Some(trouble)) => Err(Report::of(match trouble.failure.class {
            FailureClass::NotFound => Standing::GatewayNotFound(gateway.clone()),
            _ => Standing::Blind { gateway: gateway.clone(), failure: trouble.failure.clone() },
        })
        .awaiting(gateway)),
    }
}

/// The gateway has not been seen for long, and why if a person can mend that. Other failures pass, and
/// each would be another text in every status.
fn stale(world: &World<'_>, gateway: &GatewayId) -> Standing {
    let trouble = world.sight(gateway).and_then(|sight| sight.trouble.as_ref());
    let failure = trouble.map(|trouble| trouble.failure.clone()).filter(|failure| {
        matches!(failure.class, FailureClass::Credentials | FailureClass::Denied)
    });
    Standing::Stale { gateway: gateway.clone(), failure }
}

/// Whether something is under way on the gateway.
fn is_busy(world: &World<'_>, gateway: &GatewayId) -> bool {
    let listing = world.sight(gateway).and_then(|sight| sight.listing.as_ref());
    listing.is_some_and(|listing| listing.iter().any(|entry| stage(&entry.status) == Stage::Moving))
}

/// What a status means for what can be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// AWS is at work; it will move on by itself.
    Moving,
    /// AWS waits for a person.
    Consent,
    /// It serves.
    Ready,
    /// The last change did not work.
    Failed,
}

fn stage(status: &TargetStatus) -> Stage {
    match status {
        TargetStatus::Creating
        | TargetStatus::Updating
        | TargetStatus::Synchronizing
        | TargetStatus::Deleting
        // A status of the future: nothing is done until it passes.
        | TargetStatus::Unknown(_) => Stage::Moving,
        TargetStatus::CreatePendingAuth
        | TargetStatus::UpdatePendingAuth
        | TargetStatus::SynchronizePendingAuth => Stage::Consent,
        TargetStatus::Ready => Stage::Ready,
        TargetStatus::Failed
        | TargetStatus::UpdateUnsuccessful
        | TargetStatus::SynchronizeUnsuccessful => Stage::Failed,
    }
}

/// A Get, unless there is an answer already that began at `from` or later.
fn read_since<'a>(
    world: &'a World<'_>,
    bound: &Bound,
    from: Timestamp,
    report: Report,
) -> Result<&'a Reading, Decision> {
    let reading = world.memory.reading(&bound.gateway, &bound.target);
    if let Some(reading) = reading.filter(|reading| reading.as_of >= from) {
        return Ok(reading);
    }
    if world.now < from {
        return Err(wait_until(world, &bound.gateway, from, report));
    }
    let step = Step::Read { gateway: bound.gateway.clone(), target: bound.target.clone() };
    Err(attempt(world, Attempt::Read, &bound.gateway, step, report))
}

/// The same for a target that a List which began at `as_of` does not show. A Get that finds it all the
/// same is asked anew with every List, because either can be behind; but no ID comes back, so a Get
/// that does not find it from `from` on is the last.
fn read_unlisted<'a>(
    world: &'a World<'_>,
    bound: &Bound,
    from: Timestamp,
    as_of: Timestamp,
    report: Report,
) -> Result<&'a Reading, Decision> {
    let reading = world.memory.reading(&bound.gateway, &bound.target);
    match reading.filter(|reading| reading.found.is_none() && reading.as_of >= from) {
        Some(gone) => Ok(gone),
        None => read_since(world, bound, from.max(as_of), report),
    }
}

/// Waits for what the gateway shows from this time on: until then, and afterwards for the mirror
/// to look.
fn wait_until(world: &World<'_>, gateway: &GatewayId, from: Timestamp, report: Report) -> Decision {
    let report = report.awaiting(gateway);
    Decision::wait(if world.now < from { report.waking(from) } else { report })
}

#[cfg(test)]
mod tests;
