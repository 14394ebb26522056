//! The shell around the planner, in memory: wakes, looks, carries out, and dies when told to.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use api::{
    FINALIZER, Failure, FailureClass, GatewayId, MCPServer, MCPServerStatus, Reason, Sight,
    TARGET_ANNOTATION, Trouble,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::aws::failure;
use super::story::{Cut, Story, WINDOW};
use crate::memory::later;
use crate::plan::{Decision, plan};
use crate::world::{Bound, World};
use crate::{
    Binding, Call, Claim, DriftPolicy, Memory, Report, Standing, Step, Workload, fingerprint, note,
    project, validate,
};

/// How often the mirror looks while something is awaited, and otherwise.
const EAGER: Duration = Duration::from_secs(1);
const QUIET: Duration = Duration::from_mins(1);
/// How long a call takes, there and back.
const HALFWAY: Duration = Duration::from_millis(25);
/// More steps than any story has in a row.
const MOST_STEPS: usize = 16;

impl Story {
    pub(super) fn is_at_rest(&self) -> bool {
        !self.due && self.wake_at.is_none() && self.awaits.is_empty() && self.unseen().is_none()
    }

    /// When the next thing happens.
    pub(super) fn next_event(&self) -> Timestamp {
        if self.due || self.unseen().is_some() {
            return self.now;
        }
        let look = self.next_look();
        self.wake_at.map_or(look, |wake| wake.min(look)).max(self.now)
    }

    fn next_look(&self) -> Timestamp {
        later(self.looked_at, if self.awaits.is_empty() { QUIET } else { EAGER })
    }

    /// A gateway that is claimed and that no mirror has looked at yet.
    fn unseen(&self) -> Option<GatewayId> {
        self.claims().into_iter().map(|c| c.gateway).find(|g| !self.sights.contains_key(g))
    }

    fn claims(&self) -> Vec<Claim> {
        self.server.as_ref().map(|server| Claim::of(server, &self.policy)).unwrap_or_default()
    }

    /// Lets the next thing happen.
    pub(super) fn happen(&mut self) {
        self.now = self.next_event();
        if self.unseen().is_some() || self.now >= self.next_look() {
            let changed = self.look();
            self.due |= changed || !self.awaits.is_empty();
            if self.is_dying {
                return self.restart();
            }
        }
        self.due |= self.wake_at.is_some_and(|at| at <= self.now);
        if self.due {
            self.pass();
        }
    }

    /// The mirror looks at every gateway that is claimed; returns whether anything of ours is new.
    fn look(&mut self) -> bool {
        let as_of = self.now;
        let claims = self.claims();
        let mut new = false;
        self.sights.retain(|gateway, _| claims.iter().any(|claim| claim.gateway == *gateway));
        for claim in &claims {
            let before = self.sights.get(&claim.gateway).cloned().unwrap_or_default();
            if before.as_of == Some(as_of) {
                continue;
            }
            let listed = match self.point("List") {
                None => self.aws.list(&claim.gateway, as_of),
                Some(_) => Err(unanswered()),
            };
            let after = match listed {
                Ok(listing) => Sight {
                    listing: Some(Arc::new(listing)),
                    as_of: Some(as_of),
                    before: before.as_of,
                    trouble: None,
                },
                Err(failure) => {
                    let since = before.trouble.as_ref().map_or(as_of, |trouble| trouble.since);
                    let trouble = Some(Trouble { failure, as_of, since });
                    Sight { trouble, ..before.clone() }
                }
            };
            let of_ours = claims.iter().filter(|other| other.gateway == claim.gateway);
            new |= before.trouble.is_some() != after.trouble.is_some()
                || before.listing.is_none()
                || of_ours.clone().any(|claim| entry(&before, claim) != entry(&after, claim))
                // It tells once that it has been blind for long.
                || self.is_blind(&after, as_of) && !self.is_blind(&before, self.looked_at);
            self.sights.insert(claim.gateway.clone(), after);
        }
        self.looked_at = as_of;
        self.now = later(self.now, HALFWAY);
        new
    }

    fn is_blind(&self, sight: &Sight, now: Timestamp) -> bool {
        later(sight.as_of.unwrap_or(self.memory.since()), self.policy.stale_after) < now
    }

    /// One pass: plan and act, until there is no step.
    fn pass(&mut self) {
        self.due = false;
        self.wake_at = None;
        self.awaits.clear();
        let mut has_changed_aws = false;
        for _ in 0..MOST_STEPS {
            let Some(server) = self.server.clone() else { return };
            self.memory.notice(&server, self.now);
            let Decision { step, report } = self.decide(&server, self.now);
            let Some(step) = step else { return self.rest(&server, &report) };
            if step.changes_aws() && std::mem::replace(&mut has_changed_aws, true) {
                self.due = true;
                return;
            }
            let done = self.carry_out(server, &step, &report);
            self.check();
            if self.is_dying || self.dies_now() {
                return self.restart();
            }
            if !done {
                return self.try_again_soon();
            }
        }
        self.fail("the plan does not come to rest");
    }

    fn decide(&mut self, server: &MCPServer, now: Timestamp) -> Decision {
        self.nonces += 1;
        let rivals: Vec<Claim> =
            self.others.iter().flat_map(|other| Claim::of(other, &self.policy)).collect();
        plan(&World {
            now,
            aws_now: now,
            policy: &self.policy,
            server,
            memory: &self.memory,
            sights: &self.sights,
            rivals: &rivals,
            workload: self.workload.as_ref(),
            nonce: &format!("nonce-{}", self.nonces),
            seed: 7,
        })
    }

    /// Kubernetes did not answer: the operator asks again after a pause.
    fn try_again_soon(&mut self) {
        self.wake_at = Some(later(self.now, Duration::from_secs(2)));
    }

    /// What befalls the call or the write that comes now.
    fn point(&mut self, what: &str) -> Option<Cut> {
        let number = self.points.len();
        self.points.push(what.to_owned());
        let (_, cut) = self.cut.filter(|(at, _)| *at == number)?;
        self.is_dying |= cut.kills();
        self.tell(format_args!("{what} is cut: {cut:?}"));
        Some(cut)
    }

    /// Whether Kubernetes did what was asked of it, as far as the process knows.
    fn carry_out(&mut self, mut server: MCPServer, step: &Step, report: &Report) -> bool {
        self.tell(format_args!("{step:?}"));
        self.steps.push(step.name());
        match step {
            Step::AddFinalizer => {
                server.metadata.finalizers.get_or_insert_default().push(FINALIZER.to_owned());
                self.write(step.name(), Some(server))
            }
            Step::ReleaseFinalizer => {
                let retained = matches!(report.standing, Standing::Retained(_));
                let gone = self.ours_alive().is_empty();
                self.assert(retained || gone, "released, and a target of ours is left");
                self.events.extend(note(&server, &server, Some(step), report));
                self.write(step.name(), None)
            }
            Step::Annotate(identity) => {
                let annotations = server.metadata.annotations.get_or_insert_default();
                annotations.insert(TARGET_ANNOTATION.to_owned(), identity.clone());
                self.write(step.name(), Some(server))
            }
            Step::RecordIntent(_)
            | Step::Bind(_)
            | Step::RecordApplying(_)
            | Step::RecordApplied { .. }
            | Step::RecordSync(_)
            | Step::ForgetRetired(_) => {
                let status = project(&server, Some(step), report, self.now);
                self.memory.recording(&server, step);
                if let Step::Bind(binding) = step {
                    self.check_binding(&server, binding);
                }
                let recorded = self.write_status(step.name(), server.clone(), status);
                if recorded == Some(true) {
                    self.events.extend(note(&server, self.server(), Some(step), report));
                }
                self.assert(recorded.is_some(), "the step records nothing");
                recorded.unwrap_or_default()
            }
            Step::Create { .. }
            | Step::Read { .. }
            | Step::Update { .. }
            | Step::Synchronize { .. }
            | Step::Delete { .. } => {
                self.call(&server, step);
                true
            }
        }
    }

    /// What is bound was made by one of our tokens, or a person has asked for it and may.
    fn check_binding(&mut self, server: &MCPServer, binding: &Binding) {
        let identity = (binding.gateway.clone(), binding.target.clone());
        if binding.made_with.is_some() {
            self.assert(self.is_ours(&identity), "bound what nobody has made for it");
            return;
        }
        let asked = server.metadata.annotations.iter().flatten().any(|(_, value)| {
            *value == binding.target.0 || *value == format!("{}/{}", identity.0, identity.1)
        });
        self.assert(asked && self.policy.allow_adoption, "took over what it must not");
        self.adopted.push(identity);
    }

    /// Whoever waits with kstatus, as Flux and Argo CD do, is not told that all is done before it
    /// is, and is told either that it goes on or that it does not.
    fn check_kstatus(&self, server: &MCPServer) {
        let status = server.status.as_ref();
        let conditions = status.iter().flat_map(|status| &status.conditions);
        let has = |kind| conditions.clone().any(|c| c.type_ == kind && c.status == "True");
        self.assert(!(has("Reconciling") && has("Stalled")), "it goes on, and it does not");
        let observed = status.and_then(|status| status.observed_generation);
        let is_current = observed == server.metadata.generation
            && server.metadata.deletion_timestamp.is_none()
            && !has("Reconciling")
            && !has("Stalled");
        self.assert(!is_current || has("Ready"), "current, and not ready");
    }

    /// A condition has no reason but those that are documented as its own.
    fn check_reasons(&self, server: &MCPServer) {
        let conditions = server.status.iter().flat_map(|status| &status.conditions);
        for Condition { type_, reason, .. } in conditions {
            let known = Reason::ALL.iter().find(|known| known.as_str() == reason);
            let kinds = known.map(|known| known.conditions()).unwrap_or_default();
            let allowed = kinds.iter().any(|kind| kind.as_str() == type_);
            self.assert(allowed, &format!("{type_} with reason {reason}"));
        }
    }

    fn call(&mut self, server: &MCPServer, step: &Step) {
        if let Step::Update { gateway, target, .. }
        | Step::Synchronize { gateway, target, .. }
        | Step::Delete { gateway, target, .. } = step
        {
            let ours = self.is_ours(&(gateway.clone(), target.clone()));
            self.assert(ours, "a write to a target that is not ours");
        }
        let began = self.now;
        let cut = self.point(step.name());
        let result = match cut {
            Some(cut) if !cut.commits() => Err(unanswered()),
            Some(cut) => {
                let answer = self.aws.answer(step, later(began, HALFWAY));
                if cut == Cut::DiesAnswered { answer } else { Err(unanswered()) }
            }
            None => self.aws.answer(step, later(began, HALFWAY)),
        };
        if let Err(failure) = &result {
            self.tell(failure);
        }
        let ended = later(began, HALFWAY * 2);
        self.now = ended;
        self.memory.learn(server, step, Call { began, ended, result }, 7);
    }

    /// Whether it was answered.
    fn write(&mut self, what: &str, server: Option<MCPServer>) -> bool {
        let cut = self.point(what);
        if cut.is_none_or(Cut::commits) {
            self.writes += 1;
            self.server = server;
        }
        self.now = later(self.now, Duration::from_millis(5));
        cut.is_none()
    }

    /// Writes the status if it is new, and tells whether that was answered.
    fn write_status(
        &mut self,
        what: &str,
        mut server: MCPServer,
        status: MCPServerStatus,
    ) -> Option<bool> {
        if server.status.clone().unwrap_or_default() == status {
            return None;
        }
        server.status = Some(status);
        self.check_kstatus(&server);
        self.check_reasons(&server);
        Some(self.write(what, Some(server)))
    }

    /// There is no step: the report is written, and then nothing more is to be said or done.
    fn rest(&mut self, server: &MCPServer, report: &Report) {
        let planned_at = self.now;
        let status = project(server, None, report, planned_at);
        let was_ready = self.is_ready();
        let written = self.write_status("report", server.clone(), status);
        if self.is_dying {
            return self.restart();
        }
        if written == Some(false) {
            return self.try_again_soon();
        }
        if written.is_some() {
            let ready = self.condition("Ready").map(|ready| ready.message.clone());
            self.tell(format_args!("status: {}", ready.unwrap_or_default()));
            self.events.extend(note(server, self.server(), None, report));
        }
        self.check();
        if !was_ready && self.is_ready() {
            self.check_that_ready_is_true();
        }
        self.memory.rest(report);
        self.wake_at = report.wake_at;
        self.awaits.clone_from(&report.awaits);
        self.assert(report.wake_at.is_none_or(|at| at > planned_at), "it waits for the past");

        let server = self.server().clone();
        let again = self.decide(&server, planned_at);
        self.assert(again.step.is_none(), &format!("planning again: {:?}", again.step));
        let status = project(&server, None, &again.report, planned_at);
        let before = server.status.unwrap_or_default();
        self.assert(
            before == status,
            &format!("planning again says other things:\n{status:#?}\nthan before:"),
        );
    }

    pub(super) fn restart(&mut self) {
        self.is_dying = false;
        self.tell("the process dies, and another begins");
        self.now = later(self.now, Duration::from_secs(1));
        self.memory = Memory::new(self.now);
        if let Some(Workload::Complete { since, .. }) = &mut self.workload {
            // Since when it has been so, nobody knows any more.
            *since = self.now;
        }
        self.sights.clear();
        self.awaits.clear();
        self.wake_at = None;
        self.due = true;
    }

    fn dies_now(&mut self) -> bool {
        let Some(left) = self.dies_after else { return false };
        self.dies_after = left.checked_sub(1);
        left == 0
    }

    fn is_ready(&self) -> bool {
        let generation = self.server.as_ref().and_then(|server| server.metadata.generation);
        self.condition("Ready")
            .is_some_and(|ready| ready.status == "True" && ready.observed_generation == generation)
    }

    /// Ready never says True for what AWS does not hold: unless somebody else has
    /// changed it so lately that no List need have shown it.
    fn check_that_ready_is_true(&self) {
        if self.meddled_at.is_some_and(|at| later(at, QUIET + WINDOW * 2) > self.now) {
            return;
        }
        let wish = validate(self.server()).expect("what is Ready is valid");
        if wish.drift == DriftPolicy::Ignore {
            return;
        }
        let wanted = Some(fingerprint(&wish.definition));
        let target = self.aws.now(&self.bound(), self.now);
        let held = target.and_then(|target| target.definition.as_ref()).map(fingerprint);
        self.assert(held == wanted, "Ready is True for what AWS does not hold");
    }

    /// What must hold whatever happens.
    fn check(&self) {
        let Some(server) = &self.server else { return };
        let retired = server.status.iter().flat_map(|status| &status.retired);
        let left: Vec<_> = retired.map(|left| (&*left.gateway_id, &*left.target_id)).collect();
        self.assert(left.len() <= 8, "more than the schema of the status takes");
        let alive = self.ours_alive();
        let serving = alive.iter().filter(|(at, id)| !left.contains(&(at.as_str(), id.as_str())));
        let names = serving.map(|identity| {
            let target = self.aws.now(identity, self.now).expect("it is alive");
            (identity.0.clone(), target.summary.name.clone())
        });
        let names: Vec<_> = names.collect();
        let unique = names.iter().collect::<BTreeSet<_>>().len() == names.len();
        self.assert(unique, "two live targets for one identity");
        let kept = server.metadata.finalizers.iter().flatten().any(|f| f == FINALIZER);
        // One that is to be adopted is not ours before that.
        let bound = Bound::of(server).map(|bound| (bound.gateway, bound.target));
        let ours = alive.iter().any(|id| !self.adopted.contains(id) || Some(id) == bound.as_ref());
        // To what goes nobody can give it back.
        let goes = server.metadata.deletion_timestamp.is_some();
        self.assert(kept || !ours || self.due || goes, "a target of ours without the finalizer");
    }
}

fn unanswered() -> Failure {
    failure(FailureClass::Unanswered)
}

fn entry<'a>(sight: &'a Sight, claim: &Claim) -> [Option<&'a api::Summary>; 2] {
    let Some(listing) = &sight.listing else { return [None, None] };
    [
        claim.target.as_ref().and_then(|id| listing.by_id(id)),
        claim.name.as_ref().and_then(|name| listing.by_name(name)),
    ]
}
