//! What can happen next: one step of the operator, one look of the mirrors, or time that passes.
//!
//! Contract: everything takes whole seconds, and only what has to take time does: a call that
//! changes something takes one. So the same things done in another order often lead to one state.

use std::time::Duration;

use api::{FINALIZER, FailureClass, GatewayId, MCPServer, TARGET_ANNOTATION, Trouble};
use jiff::Timestamp;

use super::super::aws::{Identity, failure};
use super::super::story;
use super::scene::{Kept, Mind, Scene, Seen};
use crate::memory::later;
use crate::plan::{Decision, plan};
use crate::world::{Bound, World};
use crate::{Call, Claim, Memory, Policy, Report, Step, Workload, fingerprint, project, validate};

/// How often the mirrors look while something is awaited, and otherwise.
const EAGER: Duration = Duration::from_secs(5);
const QUIET: Duration = Duration::from_mins(1);
/// How far back AWS may show what was.
const LAG: Duration = Duration::from_secs(9);
/// How long after its intent an attempt may begin, and how long it may take, clocks included.
const BEGIN: Duration = Duration::from_secs(30);
const CALL: Duration = Duration::from_secs(35);

/// How it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Fate {
    Fine,
    /// It is not served, and the process hears of a broken connection.
    LostBefore,
    /// It is carried out, and the process hears of a broken connection.
    LostAfter,
    /// AWS shows what was.
    Stale,
}

impl Scene {
    /// Whether the mirrors would look now.
    pub(super) fn looks_now(&self, policy: &Policy) -> bool {
        self.is_blind(policy) || self.now >= self.next_look()
    }

    fn is_blind(&self, policy: &Policy) -> bool {
        self.gateways(policy).iter().any(|gateway| !self.seen.contains_key(gateway))
    }

    fn next_look(&self) -> Timestamp {
        let awaited = self.minds.iter().any(|mind| !mind.awaits.is_empty());
        later(self.looked_at, if awaited { EAGER } else { QUIET })
    }

    /// Nothing goes on any more, and all that is there has been seen.
    pub(super) fn is_at_rest(&self, policy: &Policy) -> bool {
        let rests = |mind: &Mind| !mind.due && mind.wake_at.is_none() && mind.awaits.is_empty();
        self.minds.iter().all(rests) && self.aws.is_settled(self.now) && self.sees_all(policy)
    }

    /// Whether a person is waited for, and nothing else: then time makes no difference.
    pub(super) fn waits_for_people(&self, policy: &Policy) -> bool {
        !self.aws.pending(self.now).is_empty()
            && self.minds.iter().all(|mind| !mind.due && mind.wake_at.is_none())
            && self.aws.is_settled(self.now)
            && self.sees_all(policy)
    }

    fn sees_all(&self, policy: &Policy) -> bool {
        let sees = |gateway: &GatewayId| {
            self.seen.get(gateway).is_some_and(|seen| {
                let truth = self.aws.list(gateway, self.now).ok();
                truth.as_ref() == seen.sight().listing.as_deref() && seen.trouble.is_none()
            })
        };
        self.gateways(policy).iter().all(sees)
    }

    /// Time passes until something happens.
    pub(super) fn tick(&mut self) {
        let wakes = self.minds.iter().filter_map(|mind| mind.wake_at);
        self.now = wakes.fold(self.next_look(), Timestamp::min).max(self.now);
        self.wake();
        self.aws.forget(self.now.checked_sub(LAG).expect("it is not the beginning of time"));
    }

    fn wake(&mut self) {
        for mind in &mut self.minds {
            mind.due |= mind.wake_at.is_some_and(|at| at <= self.now);
        }
    }

    /// The process does not get to work for a while.
    pub(super) fn stall(&mut self) {
        self.now = later(self.now, Duration::from_secs(40));
        self.wake();
    }

    /// The process dies, and another begins.
    pub(super) fn crash(&mut self) {
        self.now = later(self.now, Duration::from_secs(1));
        self.seen.clear();
        if let Some(Workload::Complete { since, .. }) = &mut self.workload {
            *since = self.now;
        }
        for mind in &mut self.minds {
            let memory = Memory::new(self.now);
            let intents = mind.intents;
            *mind = Mind { memory, due: true, wake_at: None, awaits: Vec::new(), intents };
        }
    }

    /// The mirrors look at every gateway that is claimed.
    pub(super) fn look(&mut self, policy: &Policy, fate: Fate) {
        let gateways = self.gateways(policy);
        let before = std::mem::take(&mut self.seen);
        for gateway in &gateways {
            let seen = before.get(gateway).cloned().unwrap_or_default();
            let seen = self.list(gateway, seen, fate);
            self.seen.insert(gateway.clone(), seen);
        }
        self.looked_at = self.now;
        for index in 0..self.minds.len() {
            let nothing = Seen::default();
            let news = self.claims(index, policy).iter().any(|claim| {
                let now = &self.seen[&claim.gateway];
                now.differs(before.get(&claim.gateway).unwrap_or(&nothing), claim)
            });
            let mind = &mut self.minds[index];
            mind.due |= news || !mind.awaits.is_empty();
        }
    }

    fn list(&mut self, gateway: &GatewayId, before: Seen, fate: Fate) -> Seen {
        self.aws.quirks.list_lag = if fate == Fate::Stale { LAG } else { Duration::ZERO };
        let listed = match fate {
            Fate::Fine | Fate::Stale => self.aws.list(gateway, self.now),
            Fate::LostBefore | Fate::LostAfter => Err(failure(FailureClass::Unanswered)),
        };
        self.aws.quirks.list_lag = Duration::ZERO;
        match listed {
            Ok(listing) => {
                let mut entries: Vec<_> = listing.iter().cloned().collect();
                entries.sort_unstable_by(|a, b| a.id.cmp(&b.id));
                Seen {
                    as_of: Some(self.now),
                    before: before.as_of,
                    entries: Some(entries),
                    trouble: None,
                }
            }
            Err(failure) => {
                let since = before.trouble.as_ref().map_or(self.now, |trouble| trouble.since);
                let trouble = Some(Trouble { failure, as_of: self.now, since });
                Seen { trouble, ..before }
            }
        }
    }

    /// Plans for a resource, and takes the step or writes the report. `None`: nothing of the kind
    /// can befall it.
    pub(super) fn act(&mut self, policy: &Policy, index: usize, fate: Fate) -> Option<()> {
        let Some(server) = self.server(index).cloned() else {
            let mind = &mut self.minds[index];
            (mind.due, mind.wake_at) = (false, None);
            mind.awaits.clear();
            return (fate == Fate::Fine).then_some(());
        };
        self.minds[index].memory.notice(&server, self.now);
        let Decision { step, report } = self.decide(policy, index, &server);
        match step {
            None if fate == Fate::Fine => {
                self.minds[index].memory.rest(&report);
                self.report(policy, index, server, &report);
            }
            None => return None,
            Some(step) => self.carry_out(policy, index, server, &step, &report, fate)?,
        }
        Some(())
    }

    fn decide(&self, policy: &Policy, index: usize, server: &MCPServer) -> Decision {
        let mind = &self.minds[index];
        let others = (0..self.servers.len()).filter(|other| *other != index);
        let rivals: Vec<Claim> = others.flat_map(|other| self.claims(other, policy)).collect();
        let sights = self.seen.iter().map(|(gateway, seen)| (gateway.clone(), seen.sight()));
        plan(&World {
            now: self.now,
            aws_now: self.now,
            policy,
            server,
            memory: &mind.memory,
            sights: &sights.collect(),
            rivals: &rivals,
            workload: self.workload.as_ref(),
            nonce: &format!("{index}-{}", mind.intents),
            seed: 7,
        })
    }

    fn carry_out(
        &mut self,
        policy: &Policy,
        index: usize,
        mut server: MCPServer,
        step: &Step,
        report: &Report,
        fate: Fate,
    ) -> Option<()> {
        match step {
            Step::Create { .. }
            | Step::Read { .. }
            | Step::Update { .. }
            | Step::Synchronize { .. }
            | Step::Delete { .. } => {
                return self.call(index, &server, step, fate);
            }
            Step::AddFinalizer => {
                server.metadata.finalizers.get_or_insert_default().push(FINALIZER.to_owned());
            }
            Step::Annotate(identity) => {
                let annotations = server.metadata.annotations.get_or_insert_default();
                annotations.insert(TARGET_ANNOTATION.to_owned(), identity.clone());
            }
            Step::ReleaseFinalizer => {
                if !self.alive(index).is_empty() {
                    self.broken = Some("released while a target of its own lives");
                }
            }
            Step::RecordIntent(_)
            | Step::Bind(_)
            | Step::RecordApplying(_)
            | Step::RecordApplied { .. }
            | Step::RecordSync(_)
            | Step::ForgetRetired(_) => {
                let status = project(&server, Some(step), report, self.now);
                self.minds[index].memory.recording(&server, step);
                if let Step::RecordIntent(_) = step {
                    self.minds[index].intents += 1;
                }
                if let Step::Bind(binding) = step {
                    let found = (binding.gateway.clone(), binding.target.clone());
                    self.judge_binding(index, &server, found);
                }
                server.status = Some(status);
            }
        }
        match fate {
            Fate::Fine => {
                let goes = matches!(step, Step::ReleaseFinalizer);
                self.write(policy, index, (!goes).then_some(server));
            }
            // To be told of a write that was made, and to be told of it late, is the same.
            Fate::LostBefore => {
                let mind = &mut self.minds[index];
                mind.due = false;
                mind.wake_at = Some(later(self.now, Duration::from_secs(2)));
            }
            Fate::LostAfter | Fate::Stale => return None,
        }
        Some(())
    }

    /// A target may be bound that was made for the resource, or that cannot be told from one: it
    /// came to be, with the very configuration, during an attempt of which nobody knows the end.
    fn judge_binding(&mut self, index: usize, server: &MCPServer, found: Identity) {
        match self.makers.get(&found) {
            Some(maker) if *maker == index => {}
            Some(_) => self.broken = Some("bound what was made for another"),
            None => {
                let intent = server.status.as_ref().and_then(|status| status.intent.as_ref());
                let made_at = self.aws.now(&found, self.now).map(|t| t.summary.created_at);
                let excused = intent.zip(made_at).is_some_and(|(intent, made_at)| {
                    let began = intent.aws_time.expect("it is always recorded");
                    let begins = intent.attempts_until.unwrap_or(later(began, BEGIN));
                    let tolerance = jiff::SignedDuration::from_secs(5);
                    made_at >= began - tolerance && made_at <= later(begins, CALL)
                });
                if excused {
                    self.makers.insert(found, index);
                } else {
                    self.broken = Some("took what is somebody else's");
                }
            }
        }
    }

    fn call(&mut self, index: usize, server: &MCPServer, step: &Step, fate: Fate) -> Option<()> {
        if let Step::Update { gateway, target, .. }
        | Step::Synchronize { gateway, target, .. }
        | Step::Delete { gateway, target, .. } = step
            && self.makers.get(&(gateway.clone(), target.clone())) != Some(&index)
        {
            self.broken = Some("a write to a target that is not its own");
        }
        let is_read = matches!(step, Step::Read { .. });
        let began = self.now;
        let (middle, ended) = if is_read {
            (began, began)
        } else {
            (later(began, Duration::from_millis(500)), later(began, Duration::from_secs(1)))
        };
        let result = match fate {
            Fate::Fine => self.answer(index, step, middle),
            Fate::LostBefore => Err(failure(FailureClass::Unanswered)),
            Fate::LostAfter if !is_read => {
                // Whatever it is, nobody hears it.
                let _ = self.answer(index, step, middle);
                Err(failure(FailureClass::Unanswered))
            }
            Fate::Stale if is_read => {
                self.aws.quirks.get_lag = LAG;
                let answer = self.answer(index, step, middle);
                self.aws.quirks.get_lag = Duration::ZERO;
                answer
            }
            Fate::LostAfter | Fate::Stale => return None,
        };
        self.now = ended;
        self.wake();
        self.minds[index].memory.learn(server, step, Call { began, ended, result }, 7);
        Some(())
    }

    fn answer(
        &mut self,
        index: usize,
        step: &Step,
        at: Timestamp,
    ) -> Result<crate::Answer, api::Failure> {
        let made = self.aws.made_by_token().count();
        let answer = self.aws.answer(step, at);
        let new: Vec<Identity> = self.aws.made_by_token().skip(made).cloned().collect();
        self.makers.extend(new.into_iter().map(|identity| (identity, index)));
        answer
    }

    /// There is no step: what is said is written, and then nothing more is to be said or done.
    fn report(&mut self, policy: &Policy, index: usize, server: MCPServer, report: &Report) {
        let status = project(&server, None, report, self.now);
        if server.status.clone().unwrap_or_default() != status {
            self.write(policy, index, Some(MCPServer { status: Some(status), ..server }));
        }
        let whole = |at: Timestamp| {
            let up = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
            Timestamp::from_second(up).expect("it is within the calendar")
        };
        let mind = &mut self.minds[index];
        mind.due = false;
        mind.wake_at = report.wake_at.map(whole);
        mind.awaits.clone_from(&report.awaits);
        let Some(server) = self.server(index) else { return };
        let again = self.decide(policy, index, server);
        let said = project(server, None, &again.report, self.now);
        if again.step.is_some() || server.status.clone().unwrap_or_default() != said {
            self.broken = Some("planning again changes something");
        }
    }

    /// Kubernetes has the resource so from now on, and whoever has to know of it is woken.
    pub(super) fn write(&mut self, policy: &Policy, index: usize, server: Option<MCPServer>) {
        let before = self.claims(index, policy);
        self.servers[index] = server.map(Kept::new);
        let after = self.claims(index, policy);
        if before == after {
            return;
        }
        let changed: Vec<Claim> = before.into_iter().chain(after).collect();
        for other in (0..self.servers.len()).filter(|other| *other != index) {
            let meets = |a: &Claim, b: &Claim| {
                a.gateway == b.gateway
                    && (a.name.is_some() && a.name == b.name
                        || a.target.is_some() && a.target == b.target)
            };
            let theirs = self.claims(other, policy);
            self.minds[other].due |= theirs.iter().any(|a| changed.iter().any(|b| meets(a, b)));
        }
    }

    /// What is wrong with a resource although all is at rest; `None`: nothing.
    pub(super) fn complaint(&self, index: usize) -> Option<&'static str> {
        let alive = self.alive(index);
        let Some(server) = self.server(index) else {
            return (!alive.is_empty()).then_some("it is gone, and a target of its own lives");
        };
        if server.metadata.deletion_timestamp.is_some() {
            return Some("it was deleted, and does not go");
        }
        let status = server.status.clone().unwrap_or_default();
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
        let Some(ready) = ready else { return Some("it says nothing") };
        if ready.observed_generation != server.metadata.generation {
            return Some("it speaks of an older generation");
        }
        let wish = validate(server).expect("nobody writes what is not valid");
        let bound = Bound::of(server).map(|bound| (bound.gateway, bound.target));
        if ready.status == "True" {
            let target = bound.as_ref().and_then(|bound| self.aws.now(bound, self.now));
            let held = target.and_then(|target| target.definition.as_ref()).map(fingerprint);
            let holds = held == Some(fingerprint(&wish.definition));
            let alone = alive.len() == 1 && alive.first() == bound.as_ref();
            let follows = server.spec.tool_sync.is_some();
            if follows && bound.is_some_and(|bound| !self.aws.is_fresh(&bound)) {
                return Some("the tools are from before the last rollout");
            }
            return (!holds || !alone).then_some("Ready is not true");
        }
        let on_request = ready.message.contains("on request only");
        if (ready.reason == "AuthorizationPending" || on_request)
            && self.aws.pending(self.now).is_empty()
        {
            // It lapsed, and a person has to say that it is to be asked for again.
            return None;
        }
        let gateway =
            GatewayId(wish.gateway.map_or_else(|| story::GATEWAY.to_owned(), |gateway| gateway.0));
        let mut here = self.aws.all(self.now).filter(|(at, _)| **at == gateway);
        let taken = here.any(|(_, target)| {
            target.summary.name == wish.definition.name
                && !alive.iter().any(|(_, id)| *id == target.summary.id)
        });
        if ready.reason == "NameConflict" && taken { None } else { Some("it never gets Ready") }
    }
}
