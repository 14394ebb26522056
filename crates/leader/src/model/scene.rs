//! One state of the model.

use std::time::Duration;

use jiff::Timestamp;

use super::{Event, Mishap};
use crate::{Answer, Candidate, Found, Reading, Step, Timing, Version};

/// A jump of a calendar: more than is left of a fence in which a call is under way.
const JUMP: Duration = Duration::from_secs(20);

#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) replicas: Vec<Replica>,
    pub(super) record: Option<Found>,
    writes: u64,
    /// A write that was given up, and may yet be carried out.
    pub(super) stray: Option<Step>,
    pub(super) mishaps: u8,
    /// What was wrong before this state.
    pub(super) is_broken: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Replica {
    pub(super) candidate: Candidate,
    pub(super) identity: String,
    pub(super) clock: Reading,
    rate: Duration,
    pub(super) call: Option<Call>,
    pub(super) stands: Option<Still>,
    /// Until when, on the monotonic clock, something may be under way that a process in this place
    /// has begun.
    pub(super) fence: Option<Duration>,
    /// Which process's that is.
    pub(super) fence_of: u32,
    pub(super) lives: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Still {
    Stopped,
    Suspended,
}

#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) sent: Reading,
    pub(super) step: Step,
    /// It was carried out, and this is on its way back.
    pub(super) answer: Option<Answer>,
    /// It, or its answer, may take its time.
    pub(super) is_slow: bool,
}

impl Scene {
    pub(super) fn new(timing: Timing, rates: &[u64], mishaps: u8) -> Self {
        let replica = |(index, rate): (usize, &u64)| {
            let identity = format!("{index}-0");
            Replica {
                candidate: Candidate::new(identity.clone(), timing),
                identity,
                // Clocks of two machines have nothing to do with one another.
                clock: Reading {
                    monotonic: Duration::from_secs(1000 * (index as u64 + 1)),
                    wall: Timestamp::UNIX_EPOCH
                        + Duration::from_secs(1_000_000 * (3 - index as u64)),
                },
                rate: Duration::from_secs(*rate),
                call: None,
                stands: None,
                fence: None,
                fence_of: 0,
                lives: 0,
            }
        };
        let replicas = rates.iter().enumerate().map(replica).collect();
        Self { replicas, record: None, writes: 0, stray: None, mishaps, is_broken: false }
    }

    /// Whether the replica may begin something now.
    pub(super) fn permits(&self, index: usize) -> bool {
        self.replicas[index].permits()
    }

    /// Whether what the replica has begun may be under way. Of what a suspended machine had begun
    /// before nobody can say when it ends; it is not counted.
    pub(super) fn may_be_under_way(&self, index: usize) -> bool {
        self.replicas[index].has_begun()
    }

    pub(super) fn is_fenced(&self) -> bool {
        let all = 0..self.replicas.len();
        let alone = |index: usize| {
            let mut others = all.clone().filter(|other| *other != index);
            others.all(|other| !self.permits(other) && !self.may_be_under_way(other))
        };
        !self.is_broken && all.clone().all(|index| !self.permits(index) || alone(index))
    }

    /// Lets it happen; false if it cannot, or changes nothing.
    pub(super) fn happens(&mut self, event: Event) -> bool {
        match event {
            Event::Act(index) => self.replicas[index].act(),
            Event::Serve(index) => {
                let call = self.replicas[index].call.as_ref();
                let Some(call) = call.filter(|call| call.answer.is_none()) else { return false };
                let step = call.step.clone();
                let answer = self.carry_out(step);
                if let Some(call) = &mut self.replicas[index].call {
                    call.answer = Some(answer);
                }
                true
            }
            Event::Hear(index) => self.hear(index),
            Event::ServeStray => {
                let Some(step) = self.stray.take() else { return false };
                self.carry_out(step);
                true
            }
            Event::GiveUp(index) => {
                let replica = &self.replicas[index];
                let is_late = replica.call.as_ref().is_some_and(|call| replica.is_late(call));
                is_late && self.give_up(index)
            }
            Event::GoOn(index) => {
                let replica = &mut self.replicas[index];
                let stood = replica.stands.take();
                if stood == Some(Still::Suspended) && replica.permits() {
                    replica.begins();
                }
                stood.is_some()
            }
            Event::Tick => self.replicas.iter_mut().all(Replica::tick),
            Event::Mishap(mishap) => self.mishap(mishap),
        }
    }

    /// What happens next if nothing goes wrong.
    pub(super) fn goes_on(&mut self) {
        if self.happens(Event::ServeStray) {
            return;
        }
        for index in 0..self.replicas.len() {
            let events = [Event::GoOn, Event::Hear, Event::Serve, Event::Act];
            for event in events.map(|event| event(index)) {
                if self.happens(event) {
                    return;
                }
            }
        }
        self.happens(Event::Tick);
    }

    fn hear(&mut self, index: usize) -> bool {
        let replica = &mut self.replicas[index];
        if replica.stands.is_some() {
            return false;
        }
        let Some(Call { sent, answer: Some(answer), .. }) = replica.call.clone() else {
            return false;
        };
        replica.call = None;
        replica.candidate.heard(sent, replica.clock, answer);
        if replica.permits() {
            self.is_broken |= replica.has_begun() && replica.fence_of != replica.lives;
            replica.begins();
        }
        true
    }

    fn carry_out(&mut self, step: Step) -> Answer {
        let lease = match (step, &self.record) {
            (Step::Read, record) => return Answer::Read(record.clone()),
            (Step::Create(lease), None) => lease,
            (Step::Replace(lease, version), Some(found)) if found.version == version => lease,
            _ => return Answer::Failed,
        };
        self.writes += 1;
        let found = Found { lease, version: Version(self.writes.to_string()) };
        self.record = Some(found.clone());
        Answer::Written(found)
    }

    fn mishap(&mut self, mishap: Mishap) -> bool {
        match mishap {
            Mishap::Cut(index) => return self.give_up(index),
            Mishap::Delay(index) => {
                let Some(call) = &mut self.replicas[index].call else { return false };
                return !std::mem::replace(&mut call.is_slow, true);
            }
            Mishap::Stop(index) => {
                return self.replicas[index].stands.replace(Still::Stopped).is_none();
            }
            Mishap::Crash(index) => {
                if let Some(call) = self.replicas[index].restart() {
                    self.go_astray(call);
                }
            }
            Mishap::JumpAhead(index) => self.replicas[index].clock.wall += JUMP,
            Mishap::JumpBack(index) => self.replicas[index].clock.wall -= JUMP,
            Mishap::Suspend(index) => {
                let replica = &mut self.replicas[index];
                // Of what is under way on a machine that stands still nobody can say when it ends.
                replica.fence = None;
                return replica.stands.replace(Still::Suspended).is_none();
            }
            Mishap::Withdraw(index) => {
                let replica = &mut self.replicas[index];
                if replica.stands.is_some() || replica.call.is_some() || replica.candidate.withdrawn
                {
                    return false;
                }
                // Whatever was under way has ended.
                replica.fence = replica.fence.filter(|_| replica.fence_of != replica.lives);
                replica.candidate.withdraw();
            }
            Mishap::TakeAway => {
                // Who has not seen it cannot know that there was one; see the crate's contract.
                let knows = |replica: &Replica| {
                    replica.candidate.seen.as_ref().is_some_and(|seen| seen.found.is_some())
                };
                // Nor may one that was asked for long ago come to be now.
                let is_asked_for = matches!(self.stray, Some(Step::Create(_)));
                return !is_asked_for
                    && self.replicas.iter().all(knows)
                    && self.record.take().is_some();
            }
        }
        true
    }

    fn give_up(&mut self, index: usize) -> bool {
        let replica = &mut self.replicas[index];
        let Some(call) = replica.call.take_if(|_| replica.stands.is_none()) else { return false };
        replica.candidate.heard(call.sent, replica.clock, Answer::Failed);
        self.go_astray(call);
        true
    }

    fn go_astray(&mut self, call: Call) {
        if call.answer.is_none() && !matches!(call.step, Step::Read) {
            self.stray = Some(call.step);
        }
    }
}

impl Replica {
    /// Decides; false when there is nothing to be done now.
    fn act(&mut self) -> bool {
        if self.call.is_some() || self.stands.is_some() {
            return false;
        }
        let before = self.candidate.clone();
        match self.candidate.decide(self.clock) {
            Step::Wait(until) => {
                assert!(until > self.clock.monotonic, "it waits for what is past");
                self.candidate != before
            }
            Step::Done => self.restart().is_none(),
            step => {
                self.call = Some(Call { sent: self.clock, step, answer: None, is_slow: false });
                true
            }
        }
    }

    /// Time passes; false while there is something to be done first.
    fn tick(&mut self) -> bool {
        self.act();
        let waits = |call: &Call| call.is_slow && !self.is_late(call);
        let is_due = self.stands.is_none() && self.call.as_ref().is_some_and(|call| !waits(call));
        self.clock.wall += self.rate;
        if self.stands != Some(Still::Suspended) {
            self.clock.monotonic += self.rate;
        }
        !is_due
    }

    fn is_late(&self, call: &Call) -> bool {
        self.clock.monotonic >= call.sent.monotonic + self.candidate.timing.call_timeout()
    }

    /// Another process takes this one's place.
    fn restart(&mut self) -> Option<Call> {
        self.lives += 1;
        let (number, _) = self.identity.split_once('-').expect("it was made like that");
        self.identity = format!("{number}-{}", self.lives);
        self.candidate = Candidate::new(self.identity.clone(), self.candidate.timing);
        self.stands = None;
        self.call.take()
    }

    fn permits(&self) -> bool {
        let timing = self.candidate.timing;
        let permits = |sent| timing.permits(self.clock.since(sent), Duration::ZERO);
        self.stands.is_none() && self.candidate.term().is_some_and(permits)
    }

    /// From now on what is permitted may be under way.
    fn begins(&mut self) {
        let age = self.candidate.term().map(|sent| self.clock.since(sent)).unwrap_or_default();
        let left = self.candidate.timing.fence.saturating_sub(age);
        self.fence = Some(self.clock.monotonic + left);
        self.fence_of = self.lives;
    }

    pub(super) fn has_begun(&self) -> bool {
        self.fence.is_some_and(|until| self.clock.monotonic < until)
    }
}
