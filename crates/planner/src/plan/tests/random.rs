//! Random lives: edits, crashes, faults, lags, meddling, deletion, in any order.
//!
//! Contract: a seed is a life. Whatever happens in it, every step keeps the invariants (see
//! `shell.rs`), and once it is quiet the resource is Ready as written, or gone, and nothing is
//! written any more. A failure names its seed; `LIFE=<seed>` lives that one alone.

use std::time::Duration;

use api::{
    Definition, FailureClass, REQUEST_ANNOTATION, SYNC_REQUEST_ANNOTATION, TARGET_ANNOTATION,
    TargetStatus,
};

use super::aws::{DeadToken, Fault, Stamp};
use super::story::{Cut, GATEWAY, NAME, OTHER_GATEWAY, Story, WINDOW};
use super::tools::follows_workload;
use crate::Workload;
use crate::world::Bound;

/// Each of the tests below lives so many, unless `LIVES` says otherwise.
const LIVES: u64 = 3_000;

/// A small generator (splitmix64): the same seed gives the same life on every machine.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    pub(super) fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }

    pub(super) fn coin(&mut self) -> bool {
        self.one_in(2)
    }

    pub(super) fn one_of<T: Clone>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()].clone()
    }
}

#[test]
fn every_life_ends_as_it_is_written() {
    if let Ok(seed) = std::env::var("LIFE") {
        return live(seed.parse().unwrap(), false);
    }
    live_all(0);
}

#[test]
fn and_so_do_others() {
    live_all(1);
}

#[test]
fn and_yet_others() {
    live_all(2);
}

#[test]
fn and_the_last() {
    live_all(3);
}

/// Several tests share the work, because each has a thread of its own.
fn live_all(share: u64) {
    let lives = std::env::var("LIVES").map_or(LIVES, |lives| lives.parse().unwrap());
    for seed in (0..lives).map(|life| life * 4 + share) {
        let outcome = std::panic::catch_unwind(|| live(seed, true));
        assert!(outcome.is_ok(), "life {seed} went wrong: LIFE={seed} tells it");
    }
}

fn live(seed: u64, silent: bool) {
    let dice = &mut Dice(seed);
    let mut story = Story::given_server();
    story.silent = silent;
    story.policy.allow_adoption = true;
    story.given_quirks(|quirks| {
        // All that lags ends within a window: that is what the window means.
        quirks.transition = Duration::from_millis(dice.below(8_000));
        quirks.get_lag = WINDOW.mul_f64(dice.one_of(&[0.0, 0.3, 0.9]));
        quirks.list_lag = WINDOW.mul_f64(dice.one_of(&[0.0, 0.3, 0.9]));
        quirks.stamp = dice.one_of(&[Stamp::Acceptance, Stamp::Completion, Stamp::Both]);
        quirks.dead_token =
            dice.one_of(&[DeadToken::Answers, DeadToken::Creates, DeadToken::Refuses]);
        quirks.failure_keeps_old = dice.coin();
    });
    // Of those that wait for people's consent no rollout is followed.
    let consents = dice.one_in(6);
    let spec = &mut story.server.as_mut().unwrap().spec;
    if consents {
        spec.oauth_grant_type = Some("AuthorizationCode".to_owned());
    } else if dice.coin() {
        follows_workload(spec);
        story.when_rolled_out("v1");
    }
    for _ in 0..dice.below(12) {
        if story.server.is_none() {
            break;
        }
        happens(&mut story, dice);
    }
    quiet(&mut story, dice);
}

/// Something happens, and some time passes.
fn happens(story: &mut Story, dice: &mut Dice) {
    match dice.below(30) {
        20 if dice.coin() => {
            let template = dice.one_of(&["v1", "v2", "v3"]);
            story.when_scaled_to_zero(template);
        }
        20 => {
            story.when_rollout_begins();
        }
        21 | 22 => {
            let template = dice.one_of(&["v1", "v2", "v3"]);
            story.when_rolled_out(template);
        }
        23 => {
            let value = format!("request {}", story.nonces);
            story.when_annotated(SYNC_REQUEST_ANNOTATION, &value);
        }
        24 => {
            let policy = dice.one_of(&["Allow", "Deny"]).to_owned();
            story.when_edited(|spec| spec.replacement_policy = Some(policy));
        }
        25 => {
            for target in story.aws.pending(story.now) {
                if dice.coin() {
                    story.aws.consent(&target, story.now);
                } else {
                    story.aws.lapse(&target, story.now);
                }
            }
        }
        26 | 27 => stranger_comes(story, dice),
        28 => strangers_leave(story),
        // One that is not in our care yet has nothing to lose.
        29 if story.server().metadata.finalizers.is_some() => {
            let point = story.points.len() + usize::try_from(dice.below(8)).unwrap();
            story.cut = Some((point, dice.one_of(&Cut::ALL)));
        }
        16 => {
            let suspended = dice.coin();
            story.when_edited(|spec| spec.suspend = Some(suspended));
        }
        17 => {
            let policy = dice.one_of(&["Enforce", "Warn", "Ignore"]).to_owned();
            story.when_edited(|spec| spec.drift_policy = Some(policy));
        }
        18 => {
            let value = format!("request {}", story.nonces);
            story.when_annotated(REQUEST_ANNOTATION, &value);
        }
        19 if story.server().metadata.deletion_timestamp.is_none() => {
            // Whatever was under way is over and shown by the time that somebody has restored it.
            story.when_time_passes(20);
            if may_be_restored(story) {
                story.when_restored();
            }
        }
        0 | 1 => {
            let path = dice.below(3);
            story.when_edited(|spec| spec.endpoint = format!("https://weather.example.com/{path}"));
        }
        2 => {
            let name = dice.one_of(&[None, Some("climate".to_owned())]);
            story.when_edited(|spec| spec.target_name = name);
        }
        3 | 4 => {
            let gateway = dice.one_of(&[GATEWAY, OTHER_GATEWAY, "gateway-3"]).to_owned();
            story.when_edited(|spec| spec.gateway_id = Some(gateway));
        }
        5 => {
            let valid = dice.coin();
            let capability = if valid { "tools" } else { "prompts" };
            story.when_edited(|spec| spec.capabilities = vec![capability.to_owned()]);
        }
        6 | 7 => {
            story.when_process_dies_after(usize::try_from(dice.below(6)).unwrap());
        }
        8 => {
            let away = if dice.coin() { dice.below(600) } else { 0 };
            story.when_restarted_after(Duration::from_secs(away));
        }
        9..=12 => {
            let steps = ["Create", "Create", "Update", "Delete", "Read", "Synchronize"];
            let step = dice.one_of(&steps);
            let fault = fault(dice, step);
            // What is refused for good is not tried again until there is a reason.
            if step != "Synchronize" || fault != Fault::Refused(FailureClass::Invalid) {
                story.given_fault(step, fault);
            }
        }
        13 => touch(story, dice),
        14 if dice.one_in(4) => {
            story.when_deleted();
        }
        // Whoever takes it away and deletes the resource at once leaks the target on purpose.
        14 if story.server().metadata.deletion_timestamp.is_none() => {
            // Until it is put back nothing can be said for the target.
            story.cut = None;
            story.when_finalizer_is_taken_away().when_due_is_done();
        }
        _ => {}
    }
    passes(story, dice);
}

/// Time passes, as long or as short as it likes.
fn passes(story: &mut Story, dice: &mut Dice) {
    match dice.below(4) {
        0 => {}
        1 => {
            let events = dice.below(6);
            (0..events).for_each(|_| story.happen());
        }
        2 => {
            story.when_time_passes(dice.below(20));
        }
        _ => {
            story.when_time_passes(dice.below(300));
        }
    }
}

fn fault(dice: &mut Dice, step: &str) -> Fault {
    match dice.below(4) {
        0 => Fault::Refused(dice.one_of(&[
            FailureClass::Throttled,
            FailureClass::Quota,
            FailureClass::Denied,
            FailureClass::Credentials,
            FailureClass::Server,
            FailureClass::Invalid,
            FailureClass::WrongState,
        ])),
        1 => Fault::LostBefore,
        2 => Fault::LostAfter,
        _ if matches!(step, "Create" | "Update" | "Synchronize") => Fault::FailsBehind,
        _ => Fault::Refused(FailureClass::Unanswered),
    }
}

/// A backup brings nothing back but what was bound and stood alone: what was under way or left
/// behind is nobody's then, and that is known.
fn may_be_restored(story: &Story) -> bool {
    let status = story.server().status.clone().unwrap_or_default();
    let bound = Bound::of(story.server()).map(|bound| (bound.gateway, bound.target));
    let annotation = story.server().metadata.annotations.as_ref();
    let said = annotation.and_then(|annotations| annotations.get(TARGET_ANNOTATION));
    let named = bound.as_ref().map(|(gateway, target)| format!("{gateway}/{target}"));
    status.intent.is_none()
        && story.ours_alive().iter().all(|alive| Some(alive) == bound.as_ref())
        && (said == named.as_ref() || story.ours_alive().is_empty())
}

/// Somebody else takes a name that the resource could want.
fn stranger_comes(story: &mut Story, dice: &mut Dice) {
    let mut definition = Definition::new(dice.one_of(&[NAME, "climate"]), "https://else.where/mcp");
    definition.priority = 1_000;
    let gateway = dice.one_of(&[GATEWAY, OTHER_GATEWAY]).into();
    if let Ok((_, target)) = story.aws.put(&gateway, &definition, story.now, true) {
        story.tell(format_args!("somebody makes {} on {gateway}: {target}", definition.name));
    }
}

/// All that is not ours is gone.
fn strangers_leave(story: &mut Story) {
    let all = story
        .aws
        .all(story.now)
        .map(|(gateway, target)| (gateway.clone(), target.summary.id.clone()));
    let strangers: Vec<_> = all.filter(|identity| !story.is_ours(identity)).collect();
    story.tell(format_args!("whoever is not ours leaves: {strangers:?}"));
    for stranger in &strangers {
        story.aws.vanish(stranger, story.now);
    }
}

/// Somebody else touches a target of ours, bound or not.
fn touch(story: &mut Story, dice: &mut Dice) {
    let Some(target) = story.ours_alive().pop() else { return };
    let is_ready = |story: &Story| {
        story.aws.now(&target, story.now).unwrap().summary.status == TargetStatus::Ready
    };
    if dice.coin() {
        story.tell("somebody deletes a target");
        story.meddled_at = Some(story.now);
        story.aws.vanish(&target, story.now);
    } else if is_ready(story) {
        story.tell("somebody changes a target");
        story.meddled_at = Some(story.now);
        story.aws.meddle(&target, story.now, |target| {
            target.definition.as_mut().unwrap().endpoint.push_str("/drifted");
        });
    }
}

/// Nothing happens any more, and what was wrong in the end is put right.
fn quiet(story: &mut Story, dice: &mut Dice) {
    story.aws.faults.clear();
    story.dies_after = None;
    story.cut = None;
    strangers_leave(story);
    if matches!(story.workload, Some(Workload::RollingOut | Workload::Idle { .. })) {
        let template = dice.one_of(&["v1", "v9"]);
        story.when_rolled_out(template);
    }
    if story.server.is_some() {
        story.when_edited(|spec| {
            spec.capabilities = vec!["tools".to_owned()];
            spec.suspend = None;
            spec.drift_policy = None;
        });
        if dice.one_in(4) {
            story.when_deleted();
        }
    }
    // Each change may have to be consented to.
    for _ in 0..6 {
        story.when_time_passes(120);
        let pending = story.aws.pending(story.now);
        for target in &pending {
            story.aws.consent(target, story.now);
        }
        let ready = story.condition("Ready").cloned();
        let waits = ready.is_some_and(|ready| {
            ready.reason == "AuthorizationPending" || ready.message.contains("on request only")
        });
        if story.server.is_some() && waits && pending.is_empty() {
            let value = format!("request {}", story.nonces);
            story.when_annotated(REQUEST_ANNOTATION, &value);
            story.when_annotated(SYNC_REQUEST_ANNOTATION, &value);
        }
    }
    story.then_ends_as_written();
}
