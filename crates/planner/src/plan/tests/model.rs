//! Every order in which things can happen, up to a bound: model checking of the production plan.
//!
//! Contract: two resources and the one process that cares for them, AWS, people, strangers and
//! mishaps. Whatever of it comes next, in every state that can be reached no invariant is broken;
//! and from each of them, if nothing more goes wrong, a bounded number of events leads to a state in
//! which everything is as written and nothing is done any more. That is liveness, said as safety.

mod process;
mod scene;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::{GatewayId, MCPServer, MCPServerSpec, Reason, SYNC_REQUEST_ANNOTATION};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use stateright::{Checker, Expectation, Model, Property};

use super::aws::{Aws, DeadToken, Quirks, Stamp};
use super::story::{GATEWAY, OTHER_GATEWAY, Story};
use super::tools::follows_workload;
use crate::{Memory, Policy, Workload, validate};
use process::Fate;
use scene::{Budget, Kept, Mind, Scene};

/// Without mishaps, nothing takes more events than this until all is at rest.
const FAR: u32 = 150;

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Act(usize, Fate),
    Look(Fate),
    Tick,
    Crash,
    Stall,
    Person(usize, Deed),
    Consent,
    Lapse,
    Stranger(&'static str),
}

/// What a person does to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Describe,
    Rename,
    Move,
    RollOut,
    Fetch,
    Delete,
}

/// What is played.
struct Play {
    name: &'static str,
    /// The names that the resources ask for.
    names: &'static [&'static str],
    deeds: &'static [Deed],
    /// Where a stranger makes the very target that the first resource asks for.
    strangers: &'static [&'static str],
    budget: Budget,
    quirks: Quirks,
    policy: Policy,
    /// What the resources have beyond the least.
    given: fn(&mut MCPServerSpec),
    /// How far each state is from rest, by its fingerprint; or what is wrong there.
    distances: Mutex<HashMap<u64, Result<u32, &'static str>>>,
}

impl Model for Play {
    type State = Scene;
    type Action = Event;

    fn init_states(&self) -> Vec<Scene> {
        let template = Story::given_server();
        let now = template.now;
        let server = |(number, name): (i64, &&str)| {
            let mut server = template.server().clone();
            server.metadata.name = Some(format!("server-{number}"));
            server.metadata.uid = Some(format!("uid-{number}"));
            let age = now + jiff::SignedDuration::from_secs(number);
            server.metadata.creation_timestamp = Some(Time(age));
            server.spec.target_name = Some((*name).to_owned());
            (self.given)(&mut server.spec);
            Some(Kept::new(server))
        };
        let mind = |_| Mind {
            memory: Memory::new(now),
            due: true,
            wake_at: None,
            awaits: Vec::new(),
            intents: 0,
        };
        let mut aws = Aws::default();
        aws.quirks = self.quirks;
        aws.serving = Some("v1");
        vec![Scene {
            now,
            servers: (0..).zip(self.names).map(server).collect(),
            minds: self.names.iter().map(mind).collect(),
            seen: BTreeMap::new(),
            looked_at: now,
            aws,
            workload: Some(Workload::Complete { template: "v1".to_owned(), since: now }),
            makers: BTreeMap::new(),
            left: self.budget,
            broken: None,
        }]
    }

    fn actions(&self, scene: &Scene, events: &mut Vec<Event>) {
        if scene.broken.is_some() {
            return;
        }
        let mishaps = scene.left.mishaps > 0;
        let due = |index: &usize| scene.minds[*index].due;
        let fates = [Fate::Fine, Fate::LostBefore, Fate::LostAfter, Fate::Stale];
        let fates = if mishaps { &fates[..] } else { &fates[..1] };
        let anybody = (0..scene.minds.len()).any(|index| due(&index));
        for index in (0..scene.minds.len()).filter(due) {
            events.extend(fates.iter().map(|fate| Event::Act(index, *fate)));
        }
        let waits = scene.waits_for_people(&self.policy);
        if scene.looks_now(&self.policy) && !waits {
            let fates = fates.iter().filter(|fate| **fate != Fate::LostAfter);
            events.extend(fates.map(|fate| Event::Look(*fate)));
        } else if !anybody && !waits && !scene.is_at_rest(&self.policy) {
            events.push(Event::Tick);
        }
        if !scene.aws.pending(scene.now).is_empty() {
            events.push(Event::Consent);
            if mishaps {
                events.push(Event::Lapse);
            }
        }
        if mishaps {
            events.push(Event::Crash);
            if anybody {
                events.push(Event::Stall);
            }
        }
        if scene.left.deeds > 0 {
            for index in 0..scene.servers.len() {
                let standing =
                    scene.server(index).filter(|s| s.metadata.deletion_timestamp.is_none());
                let deeds = self.deeds.iter().filter(|_| standing.is_some());
                events.extend(deeds.map(|deed| Event::Person(index, *deed)));
            }
        }
        if scene.left.strangers > 0 && scene.server(0).is_some() {
            events.extend(self.strangers.iter().map(|gateway| Event::Stranger(gateway)));
        }
    }

    fn next_state(&self, scene: &Scene, event: Event) -> Option<Scene> {
        let mut next = scene.clone();
        match event {
            Event::Act(index, fate) => {
                next.left.mishaps -= u8::from(fate != Fate::Fine);
                next.act(&self.policy, index, fate)?;
            }
            Event::Look(fate) => {
                next.left.mishaps -= u8::from(fate != Fate::Fine);
                next.look(&self.policy, fate);
            }
            Event::Tick => next.tick(),
            Event::Crash => {
                next.left.mishaps -= 1;
                next.crash();
            }
            Event::Stall => {
                next.left.mishaps -= 1;
                next.stall();
            }
            Event::Consent => {
                for target in next.aws.pending(next.now) {
                    next.aws.consent(&target, next.now);
                }
            }
            Event::Lapse => {
                next.left.mishaps -= 1;
                for target in next.aws.pending(next.now) {
                    next.aws.lapse(&target, next.now);
                }
            }
            Event::Person(index, deed) => {
                next.left.deeds -= 1;
                self.person(&mut next, index, deed);
            }
            Event::Stranger(gateway) => {
                next.left.strangers -= 1;
                let wish = validate(scene.server(0)?).ok()?;
                // Where the name is taken the stranger is refused, as we are.
                let gateway = GatewayId::from(gateway);
                next.aws.put(&gateway, &wish.definition, next.now, true).ok()?;
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("no step breaks an invariant", |_, scene: &Scene| {
                scene.broken.is_none()
            }),
            Property::always("one live target for each identity", |_, scene: &Scene| {
                (0..scene.servers.len()).all(|index| is_single(scene, index))
            }),
            Property::always("the finalizer stays while a target lives", |_, scene: &Scene| {
                (0..scene.servers.len()).all(|index| is_kept(scene, index))
            }),
            Property::always("all gets as written, and rests", |play: &Self, scene: &Scene| {
                scene.broken.is_some() || play.distance(scene).is_ok_and(|far| far <= FAR)
            }),
            // Else nothing of the above would say much.
            Property::sometimes("one is Ready", |_, scene: &Scene| {
                (0..scene.servers.len()).any(|index| scene.says(index, Reason::GatewayTargetReady))
            }),
            Property::sometimes("one is gone", |_, scene: &Scene| {
                scene.servers.iter().any(Option::is_none)
            }),
            Property::sometimes("one waits for its name", |play: &Self, scene: &Scene| {
                let alone = play.names.len() == 1 && play.strangers.is_empty();
                let waits = |index| scene.says(index, Reason::NameConflict);
                alone || (0..scene.servers.len()).any(waits)
            }),
        ]
    }
}

fn is_single(scene: &Scene, index: usize) -> bool {
    let status = scene.server(index).and_then(|server| server.status.as_ref());
    let retired = |identity: &super::aws::Identity| {
        let mut left = status.iter().flat_map(|status| &status.retired);
        left.any(|left| left.gateway_id == identity.0.0 && left.target_id == identity.1.0)
    };
    let mut serving = scene.alive(index);
    serving.retain(|identity| !retired(identity));
    let count = serving.len();
    serving.dedup_by(|a, b| a.0 == b.0);
    count == serving.len()
}

fn is_kept(scene: &Scene, index: usize) -> bool {
    let kept = scene.server(index).is_some_and(|server| {
        server.metadata.finalizers.iter().flatten().any(|name| name == api::FINALIZER)
    });
    kept || scene.alive(index).is_empty()
}

impl Play {
    fn person(&self, scene: &mut Scene, index: usize, deed: Deed) {
        let mut server = scene.server(index).expect("there is one to be edited").clone();
        *server.metadata.generation.as_mut().expect("it has one") += 1;
        let toggle = |value: &mut Option<String>, text: &str| {
            *value = if value.as_deref() == Some(text) { None } else { Some(text.to_owned()) };
        };
        let spec = &mut server.spec;
        match deed {
            Deed::Describe => toggle(&mut spec.description, "edited"),
            Deed::Rename => spec.target_name = Some("renamed".to_owned()),
            Deed::RollOut => {
                let (template, since) = ("v2".to_owned(), scene.now);
                scene.workload = Some(Workload::Complete { template, since });
                scene.aws.serving = Some("v2");
                scene.minds[index].due = true;
                return;
            }
            Deed::Fetch => {
                let annotations = server.metadata.annotations.get_or_insert_default();
                annotations.insert(SYNC_REQUEST_ANNOTATION.to_owned(), "now".to_owned());
                *server.metadata.generation.as_mut().expect("it has one") -= 1;
            }
            Deed::Move => toggle(&mut spec.gateway_id, OTHER_GATEWAY),
            Deed::Delete => server.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH)),
        }
        let goes = deed == Deed::Delete && server.metadata.finalizers.is_none();
        scene.write(&self.policy, index, (!goes).then_some(server));
        scene.minds[index].due = true;
    }

    /// What happens next if nothing goes wrong.
    fn go_on(&self, scene: &Scene) -> Option<Scene> {
        let due = scene.minds.iter().position(|mind| mind.due);
        let event = if let Some(index) = due {
            Event::Act(index, Fate::Fine)
        } else if scene.is_at_rest(&self.policy) {
            return None;
        } else if scene.waits_for_people(&self.policy) {
            Event::Consent
        } else if scene.looks_now(&self.policy) {
            Event::Look(Fate::Fine)
        } else {
            Event::Tick
        };
        self.next_state(scene, event)
    }

    /// How many events lead from here to rest; or what is wrong there.
    fn distance(&self, scene: &Scene) -> Result<u32, &'static str> {
        let known = |fingerprint: &u64| self.distances().get(fingerprint).copied();
        let mut passed = vec![scene.fingerprint()];
        if let Some(distance) = known(&passed[0]) {
            return distance;
        }
        let mut scene = scene.clone();
        let end = loop {
            if let Some(broken) = scene.broken {
                break Err(broken);
            }
            if passed.len() > 10 * FAR as usize {
                break Err("it does not come to rest");
            }
            let Some(next) = self.go_on(&scene) else {
                let complaint = (0..scene.servers.len()).find_map(|index| scene.complaint(index));
                break complaint.map_or(Ok(0), Err);
            };
            scene = next;
            let fingerprint = scene.fingerprint();
            if let Some(distance) = known(&fingerprint) {
                break distance.map(|distance| distance + 1);
            }
            passed.push(fingerprint);
        };
        let mut distances = self.distances();
        for (further, fingerprint) in (0..).zip(passed.iter().rev()) {
            distances.insert(*fingerprint, end.map(|distance| distance + further));
        }
        distances[&passed[0]]
    }

    fn distances(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Result<u32, &'static str>>> {
        self.distances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Visits every state.
    fn check(self) {
        let begun = Instant::now();
        let name = self.name;
        let checker = self.checker().threads(2).spawn_bfs().join();
        let mut found = checker.discoveries();
        for property in checker.model().properties() {
            let path = found.remove(property.name);
            let path = match property.expectation {
                Expectation::Always | Expectation::Eventually => path,
                Expectation::Sometimes => {
                    assert!(path.is_some(), "{name}: never: {}", property.name);
                    None
                }
            };
            let Some(path) = path else { continue };
            let play = checker.model();
            let events = path.clone().into_actions();
            let last = path.last_state().clone();
            let wrong = last.broken.map_or_else(|| play.distance(&last), Err);
            let servers: Vec<Option<&MCPServer>> =
                (0..last.servers.len()).map(|index| last.server(index)).collect();
            panic!("{name}: not always: {}: {wrong:?}\n{events:#?}\n{servers:#?}", property.name);
        }
        let farthest = checker.model().distances().values().flatten().copied().max();
        println!(
            "model {name}: {} states, {} deep, at most {} events to rest, {:?}",
            checker.unique_state_count(),
            checker.max_depth(),
            farthest.unwrap_or_default(),
            begun.elapsed(),
        );
    }
}

/// A play with the first of these bounds, or with the second (`MODEL=full`).
fn play(
    name: &'static str,
    names: &'static [&'static str],
    deeds: &'static [Deed],
    strangers: &'static [&'static str],
    [budget, most]: [Budget; 2],
) -> Play {
    let full = std::env::var("MODEL").is_ok_and(|bounds| bounds == "full");
    Play {
        name,
        names,
        deeds,
        strangers,
        budget: if full { most } else { budget },
        quirks: Quirks { transition: Duration::from_secs(4), ..Quirks::default() },
        policy: Story::given_server().policy,
        given: |_| {},
        distances: Mutex::default(),
    }
}

const fn budget(mishaps: u8, deeds: u8, strangers: u8) -> Budget {
    Budget { mishaps, deeds, strangers }
}

#[test]
fn two_resources_claim_one_name() {
    let deeds = &[Deed::Describe, Deed::Delete];
    let bounds = [budget(1, 1, 0), budget(2, 1, 0)];
    play("one name", &["weather", "weather"], deeds, &[], bounds).check();
}

#[test]
fn one_resource_moves_between_two_gateways() {
    let deeds = &[Deed::Describe, Deed::Rename, Deed::Move, Deed::Delete];
    let bounds = [budget(1, 1, 0), budget(1, 2, 0)];
    play("two gateways", &["weather"], deeds, &[], bounds).check();
}

#[test]
fn a_stranger_makes_the_very_same_target() {
    let deeds = &[Deed::Move, Deed::Delete];
    let bounds = [budget(1, 1, 1), budget(2, 1, 1)];
    play("a stranger", &["weather"], deeds, &[GATEWAY, OTHER_GATEWAY], bounds).check();
}

#[test]
fn one_resource_is_renamed_to_what_another_is_called() {
    let deeds = &[Deed::Rename, Deed::Delete];
    let bounds = [budget(1, 1, 0), budget(1, 2, 0)];
    play("a rename", &["weather", "renamed"], deeds, &[], bounds).check();
}

#[test]
fn a_workload_is_rolled_out() {
    let deeds = &[Deed::RollOut, Deed::Describe, Deed::Move, Deed::Delete];
    let bounds = [budget(1, 1, 0), budget(1, 2, 0)];
    let play = play("rollouts", &["weather"], deeds, &[], bounds);
    Play { given: follows_workload, ..play }.check();
}

#[test]
fn people_give_consent_or_do_not() {
    let deeds = &[Deed::Describe, Deed::Fetch, Deed::Delete];
    let bounds = [budget(1, 1, 0), budget(2, 2, 0)];
    let play = play("consent", &["weather"], deeds, &[], bounds);
    let given = |spec: &mut MCPServerSpec| {
        spec.oauth_grant_type = Some("AuthorizationCode".to_owned());
    };
    Play { given, ..play }.check();
}

#[test]
fn what_is_not_known_of_aws_makes_no_difference() {
    for stamp in [Stamp::Acceptance, Stamp::Completion] {
        for (dead_token, remembers_tokens) in
            [(DeadToken::Answers, true), (DeadToken::Refuses, true), (DeadToken::Creates, false)]
        {
            let deeds = &[Deed::Describe, Deed::Move, Deed::Delete];
            let bounds = [budget(1, 1, 0), budget(2, 1, 0)];
            let mut play = play("variants", &["weather"], deeds, &[], bounds);
            play.quirks = Quirks { stamp, dead_token, remembers_tokens, ..play.quirks };
            play.check();
        }
    }
}
