//! Random worlds: whatever stands in the resource and at AWS, however it came about.
//!
//! Contract: a seed is a world, which no life need ever lead to: records that contradict one
//! another, of targets that are gone, in any status, on gateways that do not exist. The planner takes
//! it as it is: no step breaks an invariant (see `shell.rs`), nothing is written to what is not
//! recorded or proven as its own, and it comes to rest and says why. `WORLD=<seed>` tells one.

use api::{
    ADOPT_ANNOTATION, Applied, Applying, Authorization, FINALIZER, Intent, MCPServerStatus,
    REQUEST_ANNOTATION, Retired, TARGET_ANNOTATION, TargetStatus,
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::aws::{self, Identity};
use super::random::Dice;
use super::story::{GATEWAY, NAME, OTHER_GATEWAY, Story};
use crate::fingerprint;
use crate::world::Bound;

/// So many, unless `WORLDS` says otherwise.
const WORLDS: u64 = 2_000;
/// A gateway that does not exist.
const NOWHERE: &str = "gateway-0";

#[test]
fn every_world_comes_to_rest() {
    if let Ok(seed) = std::env::var("WORLD") {
        return live(seed.parse().unwrap(), false);
    }
    let worlds = std::env::var("WORLDS").map_or(WORLDS, |worlds| worlds.parse().unwrap());
    for seed in 0..worlds {
        let outcome = std::panic::catch_unwind(|| live(seed, true));
        assert!(outcome.is_ok(), "world {seed} went wrong: WORLD={seed} tells it");
    }
}

fn live(seed: u64, silent: bool) {
    let dice = &mut Dice(seed);
    let mut story = Story::given_server();
    story.silent = silent;
    story.policy.allow_adoption = dice.coin();
    story.aws.missing.push(NOWHERE.into());
    wish(&mut story, dice);
    let targets = targets(&mut story, dice);
    record(&mut story, dice, &targets);
    let status = story.server().status.clone().unwrap_or_default();
    let metadata = story.server().metadata.clone();
    story.tell(format_args!("{metadata:#?}\n{status:#?}\n{targets:?}"));
    // What is recorded is the resource's, whoever made it.
    let bound = Bound::recorded(story.server(), &story.policy);
    let recorded = bound.into_iter().chain(status.retired.iter().map(Bound::from));
    story.adopted.extend(recorded.map(|bound| (bound.gateway, bound.target)));

    // Long enough for failures to be healed, a few times.
    story.when_time_passes(1_500);
    story.steps.clear();
    story.writes = 0;
    story.when_time_passes(300).then_steps(&[]).then_writes_at_most(0);
    if let Some(server) = &story.server {
        let said = story.condition("Ready").is_some_and(|ready| !ready.message.is_empty());
        // One that nobody has to take care of any more waits for other people's finalizers.
        let released = server.metadata.deletion_timestamp.is_some();
        story.assert(said || released, "it does not say where it stands");
    }
}

fn wish(story: &mut Story, dice: &mut Dice) {
    let server = story.server.as_mut().unwrap();
    let text = |text: &str| Some(text.to_owned());
    server.spec.gateway_id =
        dice.one_of(&[None, None, text(GATEWAY), text(OTHER_GATEWAY), text(NOWHERE)]);
    server.spec.target_name = dice.one_of(&[None, None, text("climate")]);
    server.spec.suspend = dice.one_of(&[None, None, None, Some(true)]);
    server.spec.drift_policy = dice.one_of(&[None, None, text("Warn"), text("Ignore")]);
    server.spec.deletion_policy = dice.one_of(&[None, None, None, text("Retain")]);
    if dice.one_in(20) {
        server.spec.capabilities.clear();
    }
}

/// Targets of whomever, in any status.
fn targets(story: &mut Story, dice: &mut Dice) -> Vec<Identity> {
    let mut made = Vec::new();
    for _ in 0..dice.below(4) {
        let mut definition = crate::validate(Story::given_server().server()).unwrap().definition;
        definition.name = dice.one_of(&[NAME, "climate", "other"]).to_owned();
        if dice.coin() {
            definition.endpoint.push_str("/2");
        }
        let gateway = dice.one_of(&[GATEWAY, OTHER_GATEWAY]).into();
        let at = story.now - SignedDuration::from_hours(1);
        // Two of one name there cannot be.
        let Ok(identity) = story.aws.put(&gateway, &definition, at, true) else { continue };
        let status = dice.one_of(&[
            TargetStatus::Ready,
            TargetStatus::Ready,
            TargetStatus::Failed,
            TargetStatus::UpdateUnsuccessful,
            TargetStatus::SynchronizeUnsuccessful,
            TargetStatus::UpdatePendingAuth,
            TargetStatus::Deleting,
            TargetStatus::Unknown("SLEEPING".to_owned()),
        ]);
        let moved_at = dice.one_of(&[at, story.now]);
        let pending = status == TargetStatus::UpdatePendingAuth;
        story.aws.meddle(&identity, moved_at, |target| {
            target.summary.status = status;
            target.summary.authorization_url = pending.then(|| "https://consent".to_owned());
        });
        made.push(identity);
    }
    made
}

/// What stands in the resource besides the wish.
fn record(story: &mut Story, dice: &mut Dice, targets: &[Identity]) {
    let now = story.now;
    let wanted = fingerprint(&crate::validate(Story::given_server().server()).unwrap().definition);
    let any = |dice: &mut Dice| {
        let nowhere: Identity =
            (dice.one_of(&[GATEWAY, OTHER_GATEWAY, NOWHERE]).into(), "NOSUCHTARG".into());
        let known = targets.iter().cloned().chain([nowhere]).collect::<Vec<_>>();
        dice.one_of(&known)
    };
    let print = |dice: &mut Dice| {
        dice.one_of(&[wanted.clone(), wanted.clone(), "v2:other".to_owned(), "v1:old".to_owned()])
    };
    let hour = SignedDuration::from_hours(1);
    let mut status = MCPServerStatus::default();
    if dice.coin() {
        let (gateway, target) = any(dice);
        status.gateway_arn = dice.one_of(&[None, Some(aws::arn(&gateway))]);
        status.gateway_id = dice.one_of(&[None, Some(gateway.0)]);
        status.target_id = dice.one_of(&[None, Some(target.0.clone()), Some(target.0)]);
        status.target_name = dice.one_of(&[None, Some(NAME.to_owned())]);
        status.target_status = dice.one_of(&[None, Some("READY".to_owned()), Some("?".to_owned())]);
    }
    if dice.one_in(3) {
        status.intent = Some(Intent {
            nonce: "an earlier one".to_owned(),
            gateway: dice.one_of(&[GATEWAY, GATEWAY, OTHER_GATEWAY, NOWHERE]).to_owned(),
            name: dice.one_of(&[NAME, "climate"]).to_owned(),
            fingerprint: print(dice),
            generation: 1,
            aws_time: dice.one_of(&[None, Some(now - hour * 2), Some(now)]),
            attempts_until: None,
            template: None,
            account: dice.one_of(&[None, Some(aws::ACCOUNT.to_owned())]),
            region: dice.one_of(&[None, Some(aws::REGION.to_owned())]),
        });
    }
    if dice.one_in(4) {
        status.applying =
            Some(Applying { fingerprint: print(dice), generation: 1, template: None });
    }
    if dice.coin() {
        status.applied = Some(Applied {
            fingerprint: print(dice),
            updated_at: dice.one_of(&[now, now - hour, Timestamp::MIN, Timestamp::MAX]),
            settled: dice.coin(),
        });
    }
    if dice.one_in(4) {
        let link = Authorization { url: "https://consent".to_owned(), expires_at: now - hour };
        status.authorization = Some(link);
        status.consent_asked = status.applied.is_some();
    }
    for _ in 0..dice.one_of(&[0, 0, 0, 1, 2]) {
        let (gateway, target) = any(dice);
        status.retired.push(Retired {
            gateway_arn: dice.one_of(&[None, Some(aws::arn(&gateway))]),
            gateway_id: gateway.0,
            target_id: target.0,
        });
    }
    status.never_ready = dice.one_in(4);
    status.applied_generation = dice.one_of(&[None, Some(0), Some(1)]);
    // The current one comes with conditions, from whomever.
    status.observed_generation = dice.one_of(&[None, Some(0), Some(9)]);
    let server = story.server.as_mut().unwrap();
    server.status = Some(status);
    let (gateway, target) = any(dice);
    let annotations = server.metadata.annotations.get_or_insert_default();
    if dice.one_in(3) {
        let value = dice.one_of(&[format!("{gateway}/{target}"), "nonsense".to_owned()]);
        annotations.insert(TARGET_ANNOTATION.to_owned(), value);
    }
    if dice.one_in(6) {
        annotations.insert(ADOPT_ANNOTATION.to_owned(), target.0);
    }
    if dice.one_in(4) {
        annotations.insert(REQUEST_ANNOTATION.to_owned(), "now".to_owned());
    }
    if dice.below(4) > 0 {
        server.metadata.finalizers = Some(vec![FINALIZER.to_owned()]);
        if dice.one_in(4) {
            server.metadata.deletion_timestamp = Some(Time(now));
        }
    }
}
