//! An unsettled Create: has it made a target, and is it ours?
//!
//! Targets cannot be tagged, so ownership is proven, never assumed: by the answer to our client
//! token, or, after an attempt whose outcome is unknown, by a target of the intended name and
//! configuration that came to be during the attempt and that nobody else claims. Where somebody may
//! have changed it since, AWS is asked once more under the token: it names our target, or refuses.

mod proof;

pub(super) use proof::holder_of;

use api::{Accepted, Definition, FailureClass, GatewayId, Intent, Sight, Summary};
use jiff::{SignedDuration, Timestamp};

use self::proof::{Proof, candidate, look_at, prove};
use super::create::occupied;
use super::{Decision, attempt, gateway_is_gone, held_up, is_busy, read_since, seen, wait_until};
use crate::claim::Owner;
use crate::diff::{fingerprint, is_current_scheme};
use crate::known::shifted;
use crate::memory::later;
use crate::report::{Holder, Report, Standing};
use crate::world::{Bound, World};
use crate::{Attempt, Binding, Step, Validated, client_token, validate};

/// How long after its record an attempt may begin: Kubernetes can take its time to answer.
const BEGIN_WITHIN: SignedDuration = SignedDuration::from_secs(30);
/// The same for later attempts, of which there may be several: each record is a write.
const BEGIN_WITHIN_LATER: SignedDuration = SignedDuration::from_mins(5);
/// How long after its beginning AWS may carry an attempt out, seen by us or not.
const CALL: SignedDuration = SignedDuration::from_secs(30);

/// How long an operation takes at most (field reports: minutes, with a private endpoint).
const OPERATION: std::time::Duration = std::time::Duration::from_mins(5);

/// What came of an intent.
pub(super) enum Settled {
    /// Not settled yet: do this.
    Open(Decision),
    /// Nothing was made under it, and nothing will be.
    NothingWasMade,
}

/// Settles the intent.
pub(super) fn plan(world: &World<'_>, intent: &Intent, wish: Option<&Validated>) -> Settled {
    let gateway = GatewayId(intent.gateway.clone());
    let known = world.memory.intended(&intent.nonce);
    // Without a memory, a process before this one may have sent it, any number of times.
    let (sent, ambiguous) =
        known.map_or((true, true), |intended| (intended.sent, intended.ambiguous));
    let wanted = wish.filter(|wish| is_wanted(world, intent, wish));

    if let Some(answer) = known.and_then(|intended| intended.answer.as_ref()) {
        return answered(world, intent, &gateway, answer, ambiguous);
    }
    if !ambiguous {
        // None was sent, or AWS refused each: nothing was made.
        return match wanted.filter(|_| !sent || !is_taken(world, intent, &gateway)) {
            None => Settled::NothingWasMade,
            Some(wish) => create(world, intent, &gateway, wish),
        };
    }
    look_up(world, intent, &gateway, wish, wanted)
}

/// Makes what is wanted. To be done where nothing is seen to have been made so far: what is recorded
/// for it anew says nothing of earlier attempts.
fn create(world: &World<'_>, intent: &Intent, gateway: &GatewayId, wish: &Validated) -> Settled {
    let setback = world.memory.setback(Attempt::Create, world.generation());
    let is_held = setback.is_some_and(|setback| world.now < setback.retry_at);
    if !is_held && world.aws_now > may_begin_until(intent) {
        // Long after the intent, which has to say so, for whoever must prove what comes of it now.
        let until = shifted(world.aws_now, BEGIN_WITHIN_LATER);
        let intent =
            Intent { aws_time: Some(world.aws_now), attempts_until: Some(until), ..intent.clone() };
        let report = waiting(world, gateway);
        let report = match setback {
            Some(setback) => held_up(setback, report),
            None => report,
        };
        return Settled::Open(Decision::step(Step::RecordIntent(intent), report));
    }
    if world.is_outdated(intent.template.as_ref()) {
        let template = world.complete_template().map(str::to_owned);
        let step = Step::RecordIntent(Intent { template, ..intent.clone() });
        return Settled::Open(Decision::step(step, waiting(world, gateway)));
    }
    send(world, intent, gateway, wish.definition.clone())
}

/// Sends the token: AWS makes the target, or names the one that it has made under it.
fn send(
    world: &World<'_>,
    intent: &Intent,
    gateway: &GatewayId,
    definition: Definition,
) -> Settled {
    let step = Step::Create {
        gateway: gateway.clone(),
        nonce: intent.nonce.clone(),
        token: client_token(&Owner::of(world.server).uid, &intent.nonce),
        definition: Box::new(definition),
        busy: is_busy(world, gateway),
    };
    Settled::Open(attempt(world, Attempt::Create, gateway, step, waiting(world, gateway)))
}

/// Whether the intent is still what the resource wants, to the letter.
fn is_wanted(world: &World<'_>, intent: &Intent, wish: &Validated) -> bool {
    let gateway = wish.gateway.as_ref().map_or(intent.gateway.as_str(), GatewayId::as_str);
    // What is bound there under this name makes it a second one, whoever wrote such records.
    let bound_as = world.status().and_then(|status| status.target_name.as_ref());
    let superseded = Bound::of(world.server).is_some_and(|bound| {
        bound.gateway.0 == intent.gateway && bound_as.is_none_or(|name| *name == intent.name)
    });
    !world.is_deleting()
        && !superseded
        && gateway == intent.gateway
        && wish.definition.name == intent.name
        && is_intended(world, intent, wish, &wish.definition)
}

/// Whether this configuration is the intent's. An intent that another version has recorded, with
/// another scheme of fingerprints, stands for what is written if that has not been edited since.
fn is_intended(
    world: &World<'_>,
    intent: &Intent,
    wish: &Validated,
    definition: &Definition,
) -> bool {
    if is_current_scheme(&intent.fingerprint) {
        return fingerprint(definition) == intent.fingerprint;
    }
    // Kubernetes counts the deletion as a generation.
    let edited = world.generation() - i64::from(world.is_deleting());
    intent.generation == edited && fingerprint(definition) == fingerprint(&wish.definition)
}

fn waiting(world: &World<'_>, gateway: &GatewayId) -> Report {
    // What is wrong with it is said as soon as this is settled.
    let is_wanted = !world.is_deleting() && validate(world.server).is_ok();
    let standing = if is_wanted { Standing::Creating(gateway.clone()) } else { Standing::Hold };
    Report::of(standing).awaiting(gateway)
}

/// The token was answered, which is proof enough if it cannot have made a target before. Otherwise
/// that one may have been deleted since (it is not known how AWS treats such a token), so the
/// answer must be seen alive.
fn answered(
    world: &World<'_>,
    intent: &Intent,
    gateway: &GatewayId,
    answer: &Accepted,
    ambiguous: bool,
) -> Settled {
    let bind = |made_with: &str, updated_at| {
        let binding = Binding {
            gateway: gateway.clone(),
            gateway_arn: answer.gateway_arn.clone(),
            target: answer.target.clone(),
            name: intent.name.clone(),
            status: answer.status.clone(),
            updated_at,
            made_with: Some((made_with.to_owned(), intent.generation)),
            template: intent.template.clone(),
        };
        let report = waiting(world, gateway);
        Settled::Open(Decision::step(Step::Bind(binding), report))
    };
    if !ambiguous {
        return bind(&intent.fingerprint, answer.updated_at);
    }
    let candidate = candidate(gateway, &answer.target);
    let reading = match read_since(
        world,
        &candidate,
        world.memory.changed_or_since(),
        waiting(world, gateway),
    ) {
        Ok(reading) => reading,
        Err(decision) => return Settled::Open(decision),
    };
    if let Some(found) = &reading.found {
        // What was sent, or what somebody has made of it since: whatever else is wished for is applied.
        let shown = found.definition.as_ref().map(fingerprint).unwrap_or_default();
        return bind(&shown, found.summary.created_at);
    }
    // Not there: dead, or not yet shown.
    let from = world.absence_counts_from();
    match read_since(world, &candidate, from, waiting(world, gateway)) {
        Err(decision) => Settled::Open(decision),
        // The token is used up: a new intent brings a new one.
        Ok(_) => Settled::NothingWasMade,
    }
}

/// Why the last attempt was refused, or failed otherwise.
fn refusal(world: &World<'_>) -> Option<FailureClass> {
    let setback = world.memory.setback(Attempt::Create, world.generation());
    setback.map(|setback| setback.failure.class)
}

/// Whether AWS has refused, and is not to be asked again yet.
fn is_held(world: &World<'_>) -> bool {
    let setback = world.memory.setback(Attempt::Create, world.generation());
    setback
        .is_some_and(|setback| setback.failure.class.is_definite() && world.now < setback.retry_at)
}

/// Whether a Create was refused, and somebody else is seen to have the name. Then the intent is over:
/// a process that begins later could not tell that target from its own.
fn is_taken(world: &World<'_>, intent: &Intent, gateway: &GatewayId) -> bool {
    refusal(world) == Some(FailureClass::Conflict)
        && seen(world, gateway).is_ok_and(|(_, listing)| listing.by_name(&intent.name).is_some())
}

/// Nobody knows what became of the attempt: look for its target.
fn look_up(
    world: &World<'_>,
    intent: &Intent,
    gateway: &GatewayId,
    wish: Option<&Validated>,
    wanted: Option<&Validated>,
) -> Settled {
    let (sight, listing) = match seen(world, gateway) {
        Ok(seen) => seen,
        // A gateway that does not exist has no target of ours, if we ask in the right place. Where an
        // intent does not say its place, this one proves nothing.
        Err(_) if intent.account == world.policy.account && gateway_is_gone(world, gateway) => {
            return Settled::NothingWasMade;
        }
        Err(report) => return Settled::Open(Decision::wait(report)),
    };
    let as_of = sight.as_of.unwrap_or(world.memory.since());
    if let Some(entry) = listing.by_name(&intent.name) {
        if !world.presence_counts(as_of) {
            return Settled::Open(Decision::wait(waiting(world, gateway)));
        }
        return match prove(world, intent, gateway, wish, entry, as_of) {
            Proof::Ours(binding) => {
                Settled::Open(Decision::step(Step::Bind(binding), waiting(world, gateway)))
            }
            Proof::Open(decision) => Settled::Open(decision),
            // Of nobody here, and not as intended: ours all the same, perhaps, and changed since. Without
            // a time no process has sent anything.
            Proof::NotOurs(Holder::Target(_)) if intent.aws_time.is_some() => {
                ask(world, intent, gateway, wish, entry, as_of)
            }
            // The name was taken all the while, so ours was refused: unless the List lags.
            Proof::NotOurs(holder) => match wanted {
                Some(_) => Settled::Open(occupied(gateway, entry, holder)),
                None => given_up(world, sight, gateway),
            },
        };
    }
    match wanted {
        // AWS does not take the token any more, and nothing was made with it, or it is gone: a new
        // intent brings a new one.
        Some(_) if refusal(world) == Some(FailureClass::Invalid) => given_up(world, sight, gateway),
        Some(wish) if world.absence_counts(as_of) => create(world, intent, gateway, wish),
        Some(_) => Settled::Open(not_yet(world, gateway)),
        None => given_up(world, sight, gateway),
    }
}

/// Asks AWS whether it has made the target of this entry under the token. That announces no attempt, so
/// the time of the attempts stays the one in which ours came to be.
fn ask(
    world: &World<'_>,
    intent: &Intent,
    gateway: &GatewayId,
    wish: Option<&Validated>,
    entry: &Summary,
    as_of: Timestamp,
) -> Settled {
    if is_refused(world) {
        return Settled::NothingWasMade;
    }
    if world.is_outdated(intent.template.as_ref()) {
        // Whether it was made before that or is made now, nobody will know.
        let step = Step::RecordIntent(Intent { template: None, ..intent.clone() });
        return Settled::Open(Decision::step(step, waiting(world, gateway)));
    }
    let definition = match wish {
        Some(wish) => wish.definition.clone(),
        // What is wished for is not valid: what is there is.
        None => match look_at(world, gateway, entry, as_of) {
            Err(decision) => return Settled::Open(decision),
            Ok(reading) => match reading.found.as_deref().map(|found| &found.definition) {
                Some(Some(definition)) => definition.clone(),
                // No MCPServer can say what it is, so AWS cannot be asked: to wait would be for ever.
                Some(None) => return Settled::NothingWasMade,
                // Gone meanwhile, or not yet shown.
                None => return Settled::Open(Decision::wait(waiting(world, gateway))),
            },
        },
    };
    send(world, intent, gateway, Definition { name: intent.name.clone(), ..definition })
}

/// Whether AWS does not name a target for the token, although one has the name: it is none of ours.
fn is_refused(world: &World<'_>) -> bool {
    let setback = world.memory.setback(Attempt::Create, world.generation());
    setback.is_some_and(|setback| match setback.failure.class {
        FailureClass::Invalid | FailureClass::NotFound => true,
        // It can also mean that too much is under way on the gateway.
        FailureClass::Conflict => {
            let longest = if setback.busy { OPERATION } else { world.policy.consistency_window };
            setback.at >= later(setback.since, longest)
        }
        FailureClass::WrongState
        | FailureClass::Throttled
        | FailureClass::Quota
        | FailureClass::Denied
        | FailureClass::Credentials
        | FailureClass::Server
        | FailureClass::Unanswered => false,
    })
}

/// What is not wanted any more is dropped only when two Lists that count do not show it.
fn given_up(world: &World<'_>, sight: &Sight, gateway: &GatewayId) -> Settled {
    if world.absent_in_two_lists(sight) {
        Settled::NothingWasMade
    } else {
        Settled::Open(not_yet(world, gateway))
    }
}

/// It cannot be told yet whether there is anything.
fn not_yet(world: &World<'_>, gateway: &GatewayId) -> Decision {
    wait_until(world, gateway, world.absence_counts_from(), waiting(world, gateway))
}

/// Until when, on AWS's clock, an attempt on the intent may begin as it is recorded. Every minute
/// more is one in which somebody else's target could pass for ours.
fn may_begin_until(intent: &Intent) -> Timestamp {
    let at_first = intent.aws_time.map(|began| shifted(began, BEGIN_WITHIN));
    intent.attempts_until.or(at_first).unwrap_or(Timestamp::MIN)
}
