//! The language of the stories: given, when, then.
//!
//! Contract: a story holds one resource, one process that cares for it, and a tiny AgentCore. Time
//! is virtual and moves only as far as something happens. The process is woken exactly as the
//! operator's is: by a person's change, by its own wake-up, by what it awaits, and by a change of
//! its own entries in the mirror; so a story also fails when nobody wakes the planner. Whatever
//! the story, at every step the invariants are checked, and at every rest that planning again
//! changes nothing.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use api::{GatewayId, MCPServer, MCPServerSpec, Reason, Sight, Target, TargetId, TargetStatus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::aws::{self, Aws, Fault, Identity, Quirks};
use crate::memory::later;
use crate::world::Bound;
use crate::{Memory, Note, Policy, Workload, fingerprint, validate};

pub(super) const GATEWAY: &str = "gateway-1";
pub(super) const OTHER_GATEWAY: &str = "gateway-2";
/// What the resource is called, and its target unless it is said otherwise.
pub(super) const NAME: &str = "weather";
pub(super) const WINDOW: Duration = Duration::from_secs(10);

/// A Create under way, of which nothing more is known.
pub(super) fn intent() -> api::Intent {
    api::Intent {
        nonce: "some nonce".to_owned(),
        gateway: GATEWAY.to_owned(),
        name: NAME.to_owned(),
        fingerprint: String::new(),
        generation: 1,
        aws_time: None,
        attempts_until: None,
        template: None,
        account: None,
        region: None,
    }
}

/// More events than any story has.
const MOST_EVENTS: usize = 5_000;

/// What befalls a call to AWS or a write to Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// It is not served, and the process hears of a broken connection.
    Before,
    /// It is carried out, and the process hears of a broken connection.
    After,
    /// The process dies before it is served.
    DiesBefore,
    /// The process dies after it is carried out and before the answer comes.
    DiesAfter,
    /// The process dies with the answer in hand.
    DiesAnswered,
}

impl Cut {
    pub(super) const ALL: [Self; 5] =
        [Self::Before, Self::After, Self::DiesBefore, Self::DiesAfter, Self::DiesAnswered];

    /// Whether it is carried out.
    pub(super) fn commits(self) -> bool {
        !matches!(self, Self::Before | Self::DiesBefore)
    }

    pub(super) fn kills(self) -> bool {
        !matches!(self, Self::Before | Self::After)
    }
}

/// One resource, one process, one AgentCore.
pub(super) struct Story {
    pub(super) now: Timestamp,
    pub(super) policy: Policy,
    pub(super) aws: Aws,
    /// The resource as Kubernetes has it; `None` when it is gone.
    pub(super) server: Option<MCPServer>,
    /// Other resources, whose claims count.
    pub(super) others: Vec<MCPServer>,
    /// The workload that it names, as the process sees it.
    pub(super) workload: Option<Workload>,
    pub(super) memory: Memory,
    pub(super) sights: HashMap<GatewayId, Sight>,
    pub(super) looked_at: Timestamp,
    pub(super) wake_at: Option<Timestamp>,
    pub(super) awaits: Vec<GatewayId>,
    /// Something happened that wakes the resource.
    pub(super) due: bool,
    /// Every call to AWS and every write to Kubernetes so far.
    pub(super) points: Vec<String>,
    /// What befalls one of them, by its number.
    pub(super) cut: Option<(usize, Cut)>,
    /// The process dies as soon as what it does is done.
    pub(super) is_dying: bool,
    /// The process dies after this many more steps.
    pub(super) dies_after: Option<usize>,
    pub(super) nonces: u64,
    /// Targets that belong to the resource without its having made them.
    pub(super) adopted: Vec<Identity>,
    /// When somebody else last touched a target: what was seen of it before may be wrong.
    pub(super) meddled_at: Option<Timestamp>,
    /// The steps since they were last looked at.
    pub(super) steps: Vec<&'static str>,
    /// Writes to Kubernetes since they were last counted.
    pub(super) writes: usize,
    /// What people were told by events since they were last looked at.
    pub(super) events: Vec<Note>,
    /// What happened, for whoever has to find out why it failed.
    pub(super) told: Vec<String>,
    /// Nobody will read it.
    pub(super) silent: bool,
}

impl Story {
    /// Given: a resource as a person wrote it, which nobody has seen yet.
    pub(super) fn given_server() -> Self {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut server = MCPServer::new(
            NAME,
            MCPServerSpec {
                endpoint: "https://weather.example.com/mcp".to_owned(),
                capabilities: vec!["tools".to_owned()],
                oauth_provider_arn: Some("arn:aws:bedrock-agentcore:::provider".to_owned()),
                ..MCPServerSpec::default()
            },
        );
        server.metadata.namespace = Some("default".to_owned());
        server.metadata.uid = Some("uid-1".to_owned());
        server.metadata.generation = Some(1);
        server.metadata.creation_timestamp = Some(Time(now));
        Self {
            now,
            policy: Policy {
                default_gateway: Some(GATEWAY.into()),
                consistency_window: WINDOW,
                stale_after: Duration::from_mins(5),
                account: Some(aws::ACCOUNT.to_owned()),
                region: aws::REGION.to_owned(),
                allow_adoption: false,
                tool_sync_settle: Duration::from_secs(10),
            },
            aws: Aws::default(),
            server: Some(server),
            others: Vec::new(),
            workload: None,
            memory: Memory::new(now),
            sights: HashMap::new(),
            looked_at: now,
            wake_at: None,
            awaits: Vec::new(),
            due: true,
            points: Vec::new(),
            cut: None,
            is_dying: false,
            dies_after: None,
            nonces: 0,
            adopted: Vec::new(),
            meddled_at: None,
            steps: Vec::new(),
            writes: 0,
            events: Vec::new(),
            told: Vec::new(),
            silent: false,
        }
    }

    /// Given: a resource that is Ready, and of which nothing is counted yet.
    pub(super) fn given_ready_server() -> Self {
        let mut story = Self::given_server();
        story.when_settled().then_ready();
        story.steps.clear();
        story.writes = 0;
        story.events.clear();
        story
    }

    /// Given: the service behaves otherwise.
    pub(super) fn given_quirks(&mut self, change: impl FnOnce(&mut Quirks)) -> &mut Self {
        change(&mut self.aws.quirks);
        self
    }

    /// Given: this befalls the next call of that step.
    pub(super) fn given_fault(&mut self, step: &'static str, fault: Fault) -> &mut Self {
        self.aws.faults.push((step, fault));
        self
    }

    /// Given: a target of somebody else.
    pub(super) fn given_stranger(&mut self, name: &str) -> Identity {
        let mut definition = self.desired();
        definition.name = name.to_owned();
        definition.endpoint = "https://stranger.example.com".to_owned();
        self.aws.put(&GATEWAY.into(), &definition, self.now, true).unwrap()
    }

    /// When: the process dies after this many more steps, and another begins, which remembers
    /// nothing.
    pub(super) fn when_process_dies_after(&mut self, steps: usize) -> &mut Self {
        self.dies_after = Some(steps);
        self
    }

    /// When: the process dies now, and another begins.
    pub(super) fn when_restarted(&mut self) -> &mut Self {
        self.when_restarted_after(Duration::ZERO)
    }

    /// When: the process dies now, and another begins so much later.
    pub(super) fn when_restarted_after(&mut self, away: Duration) -> &mut Self {
        self.now = later(self.now, away);
        self.restart();
        self
    }

    /// When: a person edits the resource.
    pub(super) fn when_edited(&mut self, edit: impl FnOnce(&mut MCPServerSpec)) -> &mut Self {
        let server = self.server.as_mut().expect("what is gone cannot be edited");
        edit(&mut server.spec);
        *server.metadata.generation.as_mut().unwrap() += 1;
        self.due = true;
        self.tell("a person edits the resource");
        self
    }

    /// When: a person deletes the resource.
    pub(super) fn when_deleted(&mut self) -> &mut Self {
        self.tell("a person deletes the resource");
        let server = self.server.as_mut().expect("what is gone cannot be deleted");
        if server.metadata.finalizers.as_ref().is_none_or(Vec::is_empty) {
            self.server = None;
        } else if server.metadata.deletion_timestamp.is_none() {
            server.metadata.deletion_timestamp = Some(Time(self.now));
            // So does the API server.
            *server.metadata.generation.as_mut().unwrap() += 1;
            self.due = true;
        }
        self
    }

    /// When: a person takes the finalizer away.
    pub(super) fn when_finalizer_is_taken_away(&mut self) -> &mut Self {
        let server = self.server.as_mut().expect("the resource is there");
        server.metadata.finalizers = None;
        self.due = true;
        self.tell("a person takes the finalizer away");
        self
    }

    /// When: a person sets an annotation.
    pub(super) fn when_annotated(&mut self, name: &str, value: &str) -> &mut Self {
        let server = self.server.as_mut().expect("the resource is there");
        let annotations = server.metadata.annotations.get_or_insert_default();
        annotations.insert(name.to_owned(), value.to_owned());
        self.due = true;
        self.tell(format_args!("a person sets {name} to {value}"));
        self
    }

    /// When: the resource comes back from a backup: without its status, and with another UID.
    pub(super) fn when_restored(&mut self) -> &mut Self {
        let server = self.server.as_mut().expect("the resource is there");
        server.status = None;
        server.metadata.uid.as_mut().unwrap().push_str("-restored");
        server.metadata.generation = Some(1);
        server.metadata.deletion_timestamp = None;
        self.tell("the resource is restored from a backup");
        self.restart();
        self
    }

    /// When: somebody else changes the resource's target.
    pub(super) fn when_target_is_changed(&mut self, change: impl FnOnce(&mut Target)) -> &mut Self {
        self.tell("somebody changes the target");
        self.meddled_at = Some(self.now);
        let target = self.bound();
        self.aws.meddle(&target, self.now, change);
        self
    }

    /// When: somebody else deletes the resource's target.
    pub(super) fn when_target_vanishes(&mut self) -> &mut Self {
        self.tell("somebody deletes the target");
        self.meddled_at = Some(self.now);
        let target = self.bound();
        self.aws.vanish(&target, self.now);
        self
    }

    /// When: a rollout of the workload begins.
    pub(super) fn when_rollout_begins(&mut self) -> &mut Self {
        self.tell("a rollout begins");
        self.workload = Some(Workload::RollingOut);
        self.aws.serving = None;
        self.due = true;
        self
    }

    /// When: a rollout of the workload with this pod template is complete.
    pub(super) fn when_rolled_out(&mut self, template: &'static str) -> &mut Self {
        self.tell(format_args!("{template} is rolled out"));
        self.aws.serving = Some(template);
        let (template, since) = (template.to_owned(), self.now);
        self.workload = Some(Workload::Complete { template, since });
        self.due = true;
        self
    }

    /// When: the workload with this pod template is scaled to no replicas at all.
    pub(super) fn when_scaled_to_zero(&mut self, template: &str) -> &mut Self {
        self.tell(format_args!("{template} has no replicas"));
        self.aws.serving = None;
        self.workload = Some(Workload::Idle { template: template.to_owned() });
        self.due = true;
        self
    }

    /// When: a person gives consent to the target.
    pub(super) fn when_consent_is_given(&mut self) -> &mut Self {
        self.tell("a person gives consent");
        let target = self.bound();
        self.aws.consent(&target, self.now);
        self
    }

    /// When: so much time passes.
    pub(super) fn when_time_passes(&mut self, seconds: u64) -> &mut Self {
        let until = later(self.now, Duration::from_secs(seconds));
        self.run(|story| story.next_event() > until);
        self.now = self.now.max(until);
        self
    }

    /// When: nothing is awaited any more.
    pub(super) fn when_settled(&mut self) -> &mut Self {
        self.run(Self::is_at_rest);
        self
    }

    /// When: things go on until this step has been taken.
    pub(super) fn when_taken(&mut self, step: &'static str) -> &mut Self {
        let before = self.steps.len();
        let taken = |story: &Self| story.steps[before.min(story.steps.len())..].contains(&step);
        self.run(|story| taken(story));
        self
    }

    /// When: nothing happens but what is due now.
    pub(super) fn when_due_is_done(&mut self) -> &mut Self {
        self.run(|story| !story.due);
        self
    }

    fn run(&mut self, enough: impl Fn(&Self) -> bool) {
        for _ in 0..MOST_EVENTS {
            if enough(self) {
                return;
            }
            self.happen();
        }
        self.fail("it does not come to rest");
    }

    /// What the resource asks for.
    pub(super) fn desired(&self) -> api::Definition {
        let wish = validate(self.server()).expect("the resource is valid");
        wish.in_region(&self.policy.region).definition
    }

    pub(super) fn server(&self) -> &MCPServer {
        self.server.as_ref().expect("the resource is there")
    }

    /// The target that the resource has.
    pub(super) fn bound(&self) -> Identity {
        let bound = Bound::of(self.server()).expect("it has a target");
        (bound.gateway, bound.target)
    }

    pub(super) fn condition(&self, kind: &str) -> Option<&Condition> {
        let status = self.server.as_ref()?.status.as_ref()?;
        status.conditions.iter().find(|condition| condition.type_ == kind)
    }

    /// Then: these steps were taken since the last look, and no others.
    pub(super) fn then_steps(&mut self, steps: &[&str]) -> &mut Self {
        self.assert(self.steps == steps, &format!("the steps are not {steps:?}"));
        self.steps.clear();
        self
    }

    /// Then: Kubernetes was written to so many times at most.
    pub(super) fn then_writes_at_most(&mut self, most: usize) -> &mut Self {
        self.assert(self.writes <= most, &format!("{} writes to Kubernetes", self.writes));
        self.writes = 0;
        self
    }

    /// Then: the resource is Ready, the target serves what is written, and there is no other.
    pub(super) fn then_ready(&mut self) -> &mut Self {
        self.then_waits_with(Reason::GatewayTargetReady);
        let server = self.server();
        let status = server.status.clone().unwrap_or_default();
        self.assert(status.observed_generation == server.metadata.generation, "an old Ready");
        self.assert(status.applied_generation == server.metadata.generation, "an old target");
        self.assert(status.intent.is_none() && status.applying.is_none(), "an open record");
        self.assert(status.retired.is_empty(), "something left behind");
        let bound = self.bound();
        let said = server.metadata.annotations.as_ref().and_then(|a| a.get(api::TARGET_ANNOTATION));
        self.assert(said == Some(&format!("{}/{}", bound.0, bound.1)), "the annotation");
        self.assert(status.target_id.as_deref() == Some(bound.1.as_str()), "the target's ID");
        self.assert(status.gateway_arn == Some(aws::arn(&bound.0)), "the gateway's ARN");
        let wanted = self.desired();
        let target = self.aws.now(&bound, self.now);
        let holds = target.is_some_and(|target| {
            target.summary.status == TargetStatus::Ready
                && target.definition.as_ref().map(fingerprint) == Some(fingerprint(&wanted))
        });
        self.assert(holds, "the target does not serve what is written");
        self.assert(status.target_name == Some(wanted.name), "the target's name");
        self.assert(self.ours_alive() == [bound], "there is another target of ours");
        self
    }

    /// Then: the resource is gone, and everything of it at AWS.
    pub(super) fn then_gone(&mut self) -> &mut Self {
        self.assert(self.server.is_none(), "the resource is still there");
        self.assert(self.ours_alive().is_empty(), "a target of ours is still there");
        self
    }

    /// Then: as soon as it is at rest it is Ready as written, or gone, and nothing is done any more.
    pub(super) fn then_ends_as_written(&mut self) -> &mut Self {
        // Long enough for the mirror to see what somebody has touched.
        self.when_time_passes(120).when_settled();
        match &self.server {
            Some(server) if server.metadata.deletion_timestamp.is_none() => self.then_ready(),
            Some(_) | None => self.then_gone(),
        };
        self.then_tools_are_those_of_the_last_rollout();
        self.steps.clear();
        self.writes = 0;
        self.when_time_passes(600).then_steps(&[]).then_writes_at_most(0)
    }

    /// Then: `Ready` has this reason, and is True only when that means so.
    pub(super) fn then_waits_with(&mut self, reason: Reason) -> &mut Self {
        let ready = self.condition("Ready").cloned();
        let says = |condition: &Condition| condition.reason == reason.as_str();
        self.assert(ready.as_ref().is_some_and(says), &format!("Ready is not {reason:?}"));
        let is_true = ready.is_some_and(|condition| condition.status == "True");
        let may_be = reason == Reason::GatewayTargetReady;
        self.assert(is_true == may_be, "the status of Ready");
        self
    }

    /// Then: the message of `Ready` says this.
    pub(super) fn then_message_says(&mut self, part: &str) -> &mut Self {
        let message = self.condition("Ready").map(|ready| ready.message.clone());
        self.assert(message.is_some_and(|m| m.contains(part)), &format!("it does not say {part}"));
        self
    }

    /// Then: this condition is there with this status, or (`None`) it is not there.
    pub(super) fn then_condition(&mut self, kind: &str, status: Option<&str>) -> &mut Self {
        let found = self.condition(kind).map(|condition| condition.status.clone());
        self.assert(found.as_deref() == status, &format!("{kind} is not {status:?}"));
        self
    }

    /// Then: the target is still the one that it was.
    pub(super) fn then_target_is(&mut self, target: &Identity) -> &mut Self {
        self.assert(self.bound() == *target, "it is another target");
        self
    }

    /// The targets that this resource has at AWS, in truth.
    pub(super) fn ours_alive(&self) -> Vec<Identity> {
        let all = self.aws.all(self.now).map(|(gateway, target)| (gateway, &target.summary.id));
        let all = all.map(|(gateway, id): (&GatewayId, &TargetId)| (gateway.clone(), id.clone()));
        all.filter(|identity| self.is_ours(identity)).collect()
    }

    pub(super) fn is_ours(&self, identity: &Identity) -> bool {
        self.adopted.contains(identity) || self.aws.made_by_token().any(|made| made == identity)
    }

    pub(super) fn assert(&self, holds: bool, complaint: &str) {
        if !holds {
            self.fail(complaint);
        }
    }

    pub(super) fn fail(&self, complaint: &str) -> ! {
        let status = self.server.as_ref().and_then(|server| server.status.as_ref());
        panic!("{complaint}\n{}\n{status:#?}", self.told.join("\n"))
    }

    pub(super) fn tell(&mut self, what: impl Display) {
        if !self.silent {
            self.told.push(format!("{} {what}", self.now));
        }
    }
}
