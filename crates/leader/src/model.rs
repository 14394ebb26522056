//! Every order in which things can happen: model checking of the production decision.
//!
//! Contract: two or three replicas, and one record. They act, their calls are carried out and
//! answered in any order; time passes when all have done what was due. Clocks run at rates that
//! differ by as much as the fence allows for. A *mishap*: a call is lost, or is carried out and
//! answered late, or after it was given up; a process stands still for any time, or ends; a machine
//! is suspended, a calendar jumps; a replica withdraws; somebody takes the record away. In every
//! state nobody may begin anything while another may, or while what another has begun may be under
//! way; and from each of them, if nothing more goes wrong, a bounded number of events leads to a
//! leader. Time is counted from the present, so that there are finitely many states, and all of them
//! are visited: there is no bound but the number of mishaps.

mod form;
mod scene;

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use stateright::{Checker, Expectation, Model, Property};

use crate::Timing;
use scene::Scene;

/// Without mishaps, nothing takes more events than this until somebody leads.
const FAR: u32 = 60;

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// A replica decides, and its call is on its way.
    Act(usize),
    /// Its call is carried out.
    Serve(usize),
    /// It hears the answer.
    Hear(usize),
    /// It gives up a call that has taken too long, which may yet be carried out.
    GiveUp(usize),
    /// A call that was given up is carried out.
    ServeStray,
    /// A process or machine that stood still goes on.
    GoOn(usize),
    /// Time passes.
    Tick,
    Mishap(Mishap),
}

/// What goes wrong, or is done by people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mishap {
    /// The connection is cut: a call is not carried out, or later, or its answer is lost.
    Cut(usize),
    /// A call, or its answer, takes its time.
    Delay(usize),
    /// A process stands still (SIGSTOP).
    Stop(usize),
    /// It ends, and another process takes its place.
    Crash(usize),
    /// Its calendar jumps ahead.
    JumpAhead(usize),
    /// Its calendar jumps back.
    JumpBack(usize),
    /// Its machine is suspended, and the monotonic clock with it.
    Suspend(usize),
    /// It stops cleanly.
    Withdraw(usize),
    /// Somebody takes the record away.
    TakeAway,
}

/// What is played.
struct Play {
    name: &'static str,
    /// By how much the clock of each moves on in a tick.
    rates: &'static [u64],
    mishaps: u8,
    /// Which mishaps are played.
    kinds: fn(usize) -> Vec<Mishap>,
    timing: Timing,
    /// How far each state is from a leader.
    distances: Mutex<HashMap<u64, u32>>,
}

impl Model for Play {
    type State = Scene;
    type Action = Event;

    fn init_states(&self) -> Vec<Scene> {
        vec![Scene::new(self.timing, self.rates, self.mishaps)]
    }

    fn actions(&self, scene: &Scene, events: &mut Vec<Event>) {
        for index in 0..scene.replicas.len() {
            events.extend([Event::Act(index), Event::Serve(index), Event::Hear(index)]);
            events.extend([Event::GiveUp(index), Event::GoOn(index)]);
            if scene.mishaps > 0 {
                events.extend((self.kinds)(index).into_iter().map(Event::Mishap));
            }
        }
        events.extend([Event::ServeStray, Event::Tick]);
    }

    fn next_state(&self, scene: &Scene, event: Event) -> Option<Scene> {
        let mut next = scene.clone();
        if let Event::Mishap(_) = event {
            next.mishaps = next.mishaps.checked_sub(1)?;
        }
        next.happens(event).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one at a time", |_, scene: &Scene| scene.is_fenced()),
            Property::always("somebody will lead", |play: &Self, scene: &Scene| {
                play.distance(scene) <= FAR
            }),
            // Else nothing of the above would say much.
            Property::sometimes("one leads", |_, scene: &Scene| scene.permits(0)),
            Property::sometimes("another leads", |_, scene: &Scene| scene.permits(1)),
            Property::sometimes("what was begun outlives a term", |play: &Self, scene: &Scene| {
                play.mishaps < 2
                    || (0..scene.replicas.len())
                        .any(|index| !scene.permits(index) && scene.may_be_under_way(index))
            }),
        ]
    }
}

impl Play {
    /// How many events lead from here to a leader.
    fn distance(&self, scene: &Scene) -> u32 {
        let mut passed = Vec::new();
        let mut scene = scene.clone();
        let end = loop {
            if (0..scene.replicas.len()).any(|index| scene.permits(index)) {
                break 0;
            }
            let fingerprint = fingerprint(&scene);
            if let Some(known) = self.distances().get(&fingerprint) {
                break *known;
            }
            if passed.len() > FAR as usize {
                break u32::MAX;
            }
            passed.push(fingerprint);
            scene.goes_on();
        };
        let mut distances = self.distances();
        let mut distance = end;
        for fingerprint in passed.into_iter().rev() {
            distance = distance.saturating_add(1);
            distances.insert(fingerprint, distance);
        }
        distance
    }

    fn distances(&self) -> MutexGuard<'_, HashMap<u64, u32>> {
        self.distances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Visits every state; what is wrong there, if anything.
    fn check(self) -> Option<String> {
        let begun = Instant::now();
        let name = self.name;
        let checker = self.checker().threads(2).spawn_bfs().join();
        let mut found = checker.discoveries();
        let mut wrong = None;
        let mut missing = Vec::new();
        for property in checker.model().properties() {
            match (property.expectation, found.remove(property.name)) {
                (Expectation::Sometimes, None) => missing.push(property.name),
                (Expectation::Sometimes, Some(_)) | (_, None) => {}
                (Expectation::Always | Expectation::Eventually, Some(path)) => {
                    let last = path.last_state().clone();
                    let events = path.into_actions();
                    wrong = Some(format!("not always: {}\n{events:?}\n{last:#?}", property.name));
                }
            }
        }
        // A search that has found something wrong ends early.
        assert!(wrong.is_some() || missing.is_empty(), "{name}: never: {missing:?}");
        let farthest = checker.model().distances().values().copied().max();
        println!(
            "model {name}: {} states, {} deep, at most {} events to a leader, {:?}",
            checker.unique_state_count(),
            checker.max_depth(),
            farthest.unwrap_or_default(),
            begun.elapsed(),
        );
        wrong
    }
}

fn fingerprint(scene: &Scene) -> u64 {
    let mut hasher = DefaultHasher::new();
    scene.hash(&mut hasher);
    hasher.finish()
}

/// Times in which a tick is a sixth or a seventh of the lease: the model's clocks differ by a sixth,
/// and its fence is just as much shorter, as the real one is for a twentieth.
fn timing(fence: u64) -> Timing {
    let [lease_duration, renew_deadline, retry_period, fence] =
        [42, 30, 12, fence].map(Duration::from_secs);
    Timing { lease_duration, renew_deadline, retry_period, fence }
}

/// A play with as many mishaps as the first number says, or the second (`MODEL=full`).
fn play(
    name: &'static str,
    rates: &'static [u64],
    mishaps: [u8; 2],
    kinds: fn(usize) -> Vec<Mishap>,
) -> Play {
    let full = std::env::var("MODEL").is_ok_and(|bounds| bounds == "full");
    let mishaps = mishaps[usize::from(full)];
    Play { name, rates, mishaps, kinds, timing: timing(36), distances: Mutex::default() }
}

fn of_calls(index: usize) -> Vec<Mishap> {
    vec![Mishap::Cut(index), Mishap::Delay(index)]
}

fn of_processes(index: usize) -> Vec<Mishap> {
    vec![Mishap::Stop(index), Mishap::Crash(index), Mishap::Withdraw(index)]
}

fn of_machines(index: usize) -> Vec<Mishap> {
    vec![Mishap::JumpAhead(index), Mishap::Suspend(index)]
}

/// Without what suspends a machine: a calendar that is put back by as much hides that.
fn of_calendars(index: usize) -> Vec<Mishap> {
    vec![Mishap::JumpAhead(index), Mishap::JumpBack(index), Mishap::Cut(index)]
}

/// Without what makes new processes: see the crate's contract.
fn of_the_record(index: usize) -> Vec<Mishap> {
    vec![Mishap::TakeAway, Mishap::Cut(index), Mishap::Stop(index)]
}

fn of_all(index: usize) -> Vec<Mishap> {
    [of_calls(index), of_processes(index), of_machines(index)].concat()
}

#[test]
fn two_replicas_lose_calls() {
    assert_eq!(play("two, calls", &[6, 7], [2, 3], of_calls).check(), None);
}

#[test]
fn two_replicas_stand_still_end_and_withdraw() {
    assert_eq!(play("two, processes", &[6, 7], [2, 3], of_processes).check(), None);
}

#[test]
fn two_machines_are_suspended() {
    assert_eq!(play("two, machines", &[6, 7], [2, 3], of_machines).check(), None);
}

#[test]
fn two_calendars_jump() {
    assert_eq!(play("two, calendars", &[6, 7], [2, 3], of_calendars).check(), None);
}

#[test]
fn somebody_takes_the_record_away() {
    assert_eq!(play("two, record", &[6, 7], [2, 3], of_the_record).check(), None);
}

#[test]
fn anything_befalls_two_replicas() {
    assert_eq!(play("two, anything", &[6, 7], [2, 2], of_all).check(), None);
}

#[test]
fn anything_befalls_three_replicas() {
    assert_eq!(play("three, anything", &[6, 7, 7], [1, 1], of_all).check(), None);
}

#[test]
fn a_fence_as_long_as_the_lease_is_seen_to_fail() {
    let mut play = play("no fence", &[6, 7], [2, 2], of_processes);
    play.timing = timing(42);
    let wrong = play.check().unwrap_or_default();
    assert!(wrong.contains("not always: one at a time"), "{wrong}");
}
