//! Tools that stay fresh: after rollouts, by time, on request, and not where that is pointless.

use std::time::Duration;

use api::{FailureClass, MCPServerSpec, Reason, SYNC_REQUEST_ANNOTATION, ToolSync, WorkloadRef};

use super::aws::Fault;
use super::story::{Cut, OTHER_GATEWAY, Story};
use crate::Workload;

/// The resource names the workload that serves it.
pub(super) fn follows_workload(spec: &mut MCPServerSpec) {
    let workload = WorkloadRef { kind: "Deployment".to_owned(), name: "weather".to_owned() };
    spec.tool_sync = Some(Box::new(ToolSync { workload_ref: Some(workload), interval: None }));
}

pub(super) fn by_time(spec: &mut MCPServerSpec) {
    spec.tool_sync =
        Some(Box::new(ToolSync { workload_ref: None, interval: Some("1h".to_owned()) }));
}

/// A resource whose target was made when the workload was rolled out with template `v1`.
pub(super) fn given_following_server() -> Story {
    let mut story = Story::given_server();
    follows_workload(&mut story.server.as_mut().unwrap().spec);
    story.when_rolled_out("v1").when_settled().then_ready();
    story.steps.clear();
    story.writes = 0;
    story
}

impl Story {
    /// Then: what the gateway has was fetched after the last rollout was complete.
    pub(super) fn then_tools_are_those_of_the_last_rollout(&mut self) -> &mut Self {
        let Some(server) = self.server.as_ref() else { return self };
        let follows =
            server.spec.tool_sync.as_ref().is_some_and(|sync| sync.workload_ref.is_some());
        if follows && matches!(self.workload, Some(Workload::Complete { .. })) {
            let fresh = self.aws.is_fresh(&self.bound());
            self.assert(fresh, "the tools are from before the last rollout");
            self.then_tools(Reason::Synchronized);
        }
        self
    }

    /// Then: `ToolsSynchronized` has this reason, and is True only when that means so.
    pub(super) fn then_tools(&mut self, reason: Reason) -> &mut Self {
        let tools = self.condition("ToolsSynchronized").cloned();
        let said = tools.as_ref().map(|condition| condition.reason.as_str());
        self.assert(
            said == Some(reason.as_str()),
            &format!("the tools are not {reason:?}: {said:?}"),
        );
        let fresh = matches!(reason, Reason::Synchronized | Reason::NothingToSynchronize);
        self.assert((tools.unwrap().status == "True") == fresh, "the status of ToolsSynchronized");
        self
    }

    /// Then: so many Synchronize since the last look.
    pub(super) fn then_synchronized(&mut self, times: usize) -> &mut Self {
        let count = self.steps.iter().filter(|step| **step == "Synchronize").count();
        self.assert(count == times, &format!("{count} Synchronize, not {times}"));
        self.steps.clear();
        self
    }
}

pub(super) const ONE: &[&str] = &["RecordSync", "Synchronize"];

#[test]
fn a_rollout_is_followed_by_one_synchronize_and_few_writes() {
    given_following_server()
        .when_rollout_begins()
        .when_settled()
        .then_steps(&[])
        .then_tools(Reason::RollingOut)
        .then_ready()
        .when_rolled_out("v2")
        .when_time_passes(9)
        .then_steps(&[])
        .then_tools(Reason::Synchronizing)
        .when_time_passes(2)
        .then_steps(ONE)
        .when_settled()
        .then_ready()
        .then_tools(Reason::Synchronized)
        .then_writes_at_most(5)
        .when_time_passes(7200)
        .then_steps(&[])
        .then_writes_at_most(0);
}

#[test]
fn while_the_tools_are_fetched_the_resource_says_so() {
    given_following_server()
        .when_rolled_out("v2")
        .when_taken("Synchronize")
        .then_waits_with(Reason::GatewayTargetReady)
        .when_time_passes(1)
        .then_waits_with(Reason::Updating)
        .then_message_says("fetches the tools")
        .then_tools(Reason::Synchronizing);
}

#[test]
fn of_several_rollouts_in_a_row_the_last_counts() {
    given_following_server()
        .when_rolled_out("v2")
        .when_time_passes(5)
        .when_rolled_out("v3")
        .when_time_passes(5)
        .when_rolled_out("v4")
        .when_settled()
        .then_steps(ONE)
        .then_ends_as_written();
}

#[test]
fn what_changes_no_template_is_followed_by_nothing() {
    given_following_server()
        .when_rollout_begins()
        .when_time_passes(30)
        .when_rolled_out("v1")
        .when_time_passes(600)
        .then_steps(&[])
        .then_tools(Reason::Synchronized);
}

#[test]
fn a_rollout_that_nobody_watched_is_caught_up() {
    given_following_server()
        .when_rolled_out("v2")
        .when_restarted()
        .when_settled()
        .then_steps(ONE)
        .then_ends_as_written();
}

#[test]
fn a_create_or_an_update_that_begins_later_is_enough() {
    // The story's own Create was, of v1.
    given_following_server()
        .when_rolled_out("v2")
        .when_edited(|spec| spec.description = Some("edited".to_owned()))
        .when_settled()
        .then_synchronized(0)
        .then_ready()
        .when_rolled_out("v3")
        .when_edited(|spec| spec.gateway_id = Some(OTHER_GATEWAY.to_owned()))
        .when_settled()
        .then_synchronized(0)
        .then_ends_as_written();
}

#[test]
fn an_update_that_began_before_the_rollout_was_complete_is_not_enough() {
    given_following_server()
        .when_rollout_begins()
        .when_edited(|spec| spec.description = Some("edited".to_owned()))
        .when_taken("Update")
        .when_rolled_out("v2")
        .when_settled()
        .then_synchronized(1)
        .then_ends_as_written();
}

/// Nobody knows whose tools an Update has fetched while a rollout was under way.
#[test]
fn a_rollout_that_is_taken_back_after_an_update_is_followed_as_well() {
    given_following_server()
        .when_rollout_begins()
        .when_edited(|spec| spec.description = Some("edited".to_owned()))
        .when_settled()
        .when_rolled_out("v1")
        .when_settled()
        .then_synchronized(1)
        .then_ends_as_written();
}

#[test]
fn whoever_begins_to_follow_a_workload_gets_its_tools_once() {
    Story::given_ready_server()
        .when_rolled_out("v1")
        .when_edited(follows_workload)
        .when_settled()
        .then_synchronized(1)
        .then_ends_as_written()
        .when_edited(|spec| spec.tool_sync = None)
        .when_settled()
        .then_condition("ToolsSynchronized", None);
}

#[test]
fn a_crash_at_any_point_costs_one_more_at_most() {
    for cut in Cut::ALL {
        for point in 0.. {
            let mut story = given_following_server();
            story.points.clear();
            story.cut = Some((point, cut));
            story.when_rolled_out("v2").when_settled();
            let reached = story.points.len() > point;
            let count = story.steps.iter().filter(|step| **step == "Synchronize").count();
            story
                .assert((1..=2).contains(&count), &format!("{count} Synchronize: {cut:?} {point}"));
            story.then_ends_as_written();
            if !reached {
                break;
            }
        }
    }
}

/// What a List shows may be from before the rollout: a date that it does not know yet would be taken
/// for the answer.
#[test]
fn a_request_while_a_rollout_settles_does_not_stand_for_it() {
    given_following_server()
        .when_rolled_out("v2")
        .when_annotated(SYNC_REQUEST_ANNOTATION, "now")
        .when_settled()
        .then_synchronized(2)
        .then_ends_as_written();
}

#[test]
fn a_call_whose_outcome_nobody_knows_is_not_repeated_before_it_would_be_seen() {
    let mut story = given_following_server();
    story.given_quirks(|quirks| quirks.list_lag = Duration::from_secs(9));
    story.when_rolled_out("v2").when_taken("Synchronize").when_restarted();
    story.when_settled().then_synchronized(1).then_ends_as_written();
}

#[test]
fn where_aws_does_not_say_when_tools_were_fetched_an_answer_will_do() {
    let mut story = Story::given_server();
    story.given_quirks(|quirks| quirks.dates_fetches = false);
    follows_workload(&mut story.server.as_mut().unwrap().spec);
    story.when_rolled_out("v1").when_settled().then_ready();
    story.steps.clear();
    story.when_rolled_out("v2").when_settled().then_synchronized(1).then_ends_as_written();
}

#[test]
fn what_the_workload_lacks_is_said() {
    let workload = || "Deployment weather";
    let mut story = given_following_server();
    story.workload = Some(Workload::Missing);
    story.due = true;
    story.when_settled().then_tools(Reason::WorkloadNotFound).then_ready();
    let said = story.condition("ToolsSynchronized").unwrap().message.clone();
    assert!(said.contains(workload()), "{said}");

    story.workload = Some(Workload::Hidden("forbidden".to_owned()));
    story.due = true;
    story.when_settled().then_tools(Reason::WorkloadUnreadable).then_ready();
    let said = story.condition("ToolsSynchronized").unwrap().message.clone();
    assert!(said.contains(workload()) && said.contains("forbidden"), "{said}");

    // Nothing is known of it yet: what was said before is not taken back.
    story.workload = None;
    story.due = true;
    story.when_settled().then_tools(Reason::WorkloadUnreadable).then_steps(&[]);
    story.when_rolled_out("v2").when_settled().then_synchronized(1).then_ends_as_written();
}

#[test]
fn tools_are_fetched_by_time_when_they_are_old() {
    let mut story = Story::given_ready_server();
    story.when_edited(by_time).when_time_passes(10);
    story.then_steps(&[]).then_tools(Reason::Synchronized);
    // An hour, give or take a twentieth.
    story.when_time_passes(3_420).then_steps(&[]).when_time_passes(400).then_steps(ONE);
    story.when_time_passes(10 * 3_600).then_synchronized(10);
    // Whatever fetches them starts the hour anew.
    story.when_edited(|spec| spec.description = Some("edited".to_owned())).when_time_passes(3_400);
    story.then_synchronized(0).then_ready().when_time_passes(400).then_synchronized(1);
}

#[test]
fn tools_are_fetched_on_request_once() {
    let mut story = Story::given_ready_server();
    story.when_annotated(SYNC_REQUEST_ANNOTATION, "now").when_settled();
    story.then_steps(ONE).then_ready().then_condition("ToolsSynchronized", None);
    let handled = |story: &Story| story.server().status.clone().unwrap().last_handled_sync_at;
    assert_eq!(handled(&story).as_deref(), Some("now"));
    story.when_restarted().when_settled().then_steps(&[]);
    story.when_annotated(SYNC_REQUEST_ANNOTATION, "again").when_settled().then_steps(ONE);
    assert_eq!(handled(&story).as_deref(), Some("again"));
}

#[test]
fn what_aws_would_refuse_is_not_asked_for() {
    type Edit = fn(&mut MCPServerSpec);
    let edits: [(Edit, &str); 2] = [
        (|spec| spec.listing_mode = Some("Dynamic".to_owned()), "each time"),
        (
            |spec| {
                spec.tool_schema = Some(Box::new(api::ToolSchemaSource {
                    inline: Some("[]".to_owned()),
                    s3: None,
                }));
            },
            "fixed",
        ),
    ];
    for (edit, says) in edits {
        let mut story = given_following_server();
        story.when_edited(edit).when_settled().then_synchronized(0);
        story.when_rolled_out("v2").when_annotated(SYNC_REQUEST_ANNOTATION, "now").when_settled();
        story.then_steps(&[]).then_tools(Reason::NothingToSynchronize).then_ready();
        let status = story.server().status.clone().unwrap();
        assert_eq!(status.last_handled_sync_at.as_deref(), Some("now"));
        let said = story.condition("ToolsSynchronized").unwrap().message.clone();
        assert!(said.contains(says), "{said}");
    }
}

#[test]
fn what_aws_refuses_is_not_tried_until_there_is_a_reason() {
    let mut story = given_following_server();
    story.given_fault("Synchronize", Fault::Refused(FailureClass::Invalid));
    story.when_rolled_out("v2").when_settled();
    story.then_synchronized(1).then_ready().then_tools(Reason::SynchronizationFailed);
    story.when_restarted().when_time_passes(7200).then_steps(&[]).then_writes_at_most(5);
    story.then_tools(Reason::SynchronizationFailed);
    story.when_rolled_out("v3").when_settled().then_synchronized(1).then_ends_as_written();
}

#[test]
fn what_aws_does_not_take_now_is_tried_again_and_the_target_stays_ready() {
    for (class, says) in [
        (
            FailureClass::Throttled,
            "could not synchronize the target yet; it is tried again: AWS says",
        ),
        (FailureClass::Denied, "check its IAM policy; it is tried again: AWS says"),
        (FailureClass::Credentials, "check its IAM policy"),
    ] {
        let mut story = given_following_server();
        (0..3).for_each(|_| {
            story.given_fault("Synchronize", Fault::Refused(class));
        });
        story.when_rolled_out("v2").when_taken("Synchronize").when_due_is_done();
        story.then_tools(Reason::Queued).then_ready();
        let said = story.condition("ToolsSynchronized").unwrap().message.clone();
        assert!(said.contains(says), "{said}");
        story.when_settled().then_synchronized(4).then_ends_as_written();
    }
}

#[test]
fn tools_that_the_server_does_not_give_are_asked_for_again_with_pauses() {
    let mut story = given_following_server();
    let target = story.bound();
    (0..2).for_each(|_| {
        story.given_fault("Synchronize", Fault::FailsBehind);
    });
    story.when_rolled_out("v2").when_time_passes(20);
    story.then_waits_with(Reason::TargetFailed).then_tools(Reason::SynchronizationFailed);
    story.then_synchronized(1).when_time_passes(15).then_synchronized(0);
    story.when_settled().then_synchronized(2).then_target_is(&target).then_ends_as_written();
}

#[test]
fn a_server_that_is_mended_by_a_rollout_does_not_wait_for_the_end_of_a_pause() {
    let mut story = given_following_server();
    (0..9).for_each(|_| {
        story.given_fault("Synchronize", Fault::FailsBehind);
    });
    story.when_rolled_out("v2").when_time_passes(3_600);
    story.then_waits_with(Reason::TargetFailed);
    story.aws.faults.clear();
    story.steps.clear();
    story.writes = 0;
    // The record says that they are asked for, and so does the first look; then it is Ready.
    story.when_rolled_out("v3").when_time_passes(30).then_ready().then_writes_at_most(3);
    story.then_synchronized(1);
    story.then_ends_as_written();
}

#[test]
fn where_aws_does_not_synchronize_what_has_failed_an_update_heals_it() {
    let mut story = given_following_server();
    story.given_fault("Synchronize", Fault::FailsBehind).when_rolled_out("v2");
    story.when_time_passes(20).then_waits_with(Reason::TargetFailed).then_synchronized(1);
    (0..20).for_each(|_| {
        story.given_fault("Synchronize", Fault::Refused(FailureClass::WrongState));
    });
    story.when_taken("Update").when_settled().then_ready();
    story.aws.faults.clear();
    story.then_ends_as_written();
}

#[test]
fn a_suspended_resource_asks_for_nothing() {
    let mut story = given_following_server();
    story.when_edited(|spec| spec.suspend = Some(true)).when_rolled_out("v2").when_settled();
    story.then_steps(&[]).then_ready().then_tools(Reason::Suspended);
    story.when_edited(|spec| spec.suspend = None).when_settled();
    story.then_synchronized(1).then_ends_as_written();
}

/// A Synchronize would only fail, and take Ready away.
#[test]
fn by_time_nobody_is_asked_who_is_not_there() {
    let mut story = given_following_server();
    story.when_edited(|spec| {
        spec.tool_sync.as_mut().unwrap().interval = Some("1h".to_owned());
    });
    story.when_time_passes(60).when_scaled_to_zero("v1").when_time_passes(600);
    story.then_tools(Reason::Synchronized).when_time_passes(4 * 3_600).then_steps(&[]);
    story.then_tools(Reason::WorkloadIdle).then_ready();
    story.when_rolled_out("v1").when_time_passes(60).then_synchronized(1).then_ready();
    story.then_tools(Reason::Synchronized);
}
