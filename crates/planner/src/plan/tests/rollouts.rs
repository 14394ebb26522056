//! Rollouts at awkward moments, and what is said of the tools where they are not followed.

use api::{FailureClass, Reason, SYNC_REQUEST_ANNOTATION};

use super::aws::Fault;
use super::story::Story;
use super::tools::{by_time, follows_workload, given_following_server};

#[test]
fn interval_and_a_refusal_for_good() {
    let mut story = Story::given_ready_server();
    story.when_edited(by_time).when_time_passes(10).then_steps(&[]);
    (0..50).for_each(|_| {
        story.given_fault("Synchronize", Fault::Refused(FailureClass::Invalid));
    });
    story.when_time_passes(2 * 3_600);
    let count = story.steps.len();
    story.assert(count <= 8, &format!("{count} steps in two hours"));
}

#[test]
fn interval_where_aws_does_not_tell_when_tools_were_fetched() {
    let mut story = Story::given_server();
    story.given_quirks(|quirks| quirks.dates_fetches = false);
    by_time(&mut story.server.as_mut().unwrap().spec);
    story.when_time_passes(60).then_ready();
    story.steps.clear();
    story.when_time_passes(2 * 3_600);
    let count = story.steps.iter().filter(|step| **step == "Synchronize").count();
    story.assert(count <= 3, &format!("{count} Synchronize in two hours, every 1h"));
}

#[test]
fn before_a_replacement_that_is_allowed_it_is_not_stalled() {
    let mut story = Story::given_ready_server();
    story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
    story.when_edited(|spec| {
        spec.replacement_policy = Some("Allow".to_owned());
        spec.description = Some("edited".to_owned());
    });
    story.when_taken("Update").when_due_is_done();
    let said = story.condition("Ready").unwrap().message.clone();
    let stalled = story.condition("Stalled").is_some();
    story.assert(!stalled, &format!("Stalled: {said}"));
    story.when_settled().then_ready();
}

#[test]
fn a_rollout_between_the_record_and_an_update_that_is_delayed() {
    let mut story = given_following_server();
    story.given_fault("Update", Fault::Refused(FailureClass::Throttled));
    story.when_edited(|spec| spec.description = Some("edited".to_owned())).when_taken("Update");
    story.when_rollout_begins().when_settled();
    story.when_rolled_out("v1").when_settled().then_ends_as_written();
}

#[test]
fn a_rollout_between_the_record_and_a_synchronize_that_is_delayed() {
    let mut story = given_following_server();
    story.given_fault("Synchronize", Fault::Refused(FailureClass::Throttled));
    story.when_rolled_out("v2").when_taken("Synchronize");
    story.when_rollout_begins().when_settled();
    story.when_rolled_out("v2").when_settled().then_ends_as_written();
}

#[test]
fn a_rollout_between_the_record_and_a_create_that_is_delayed() {
    let mut story = Story::given_server();
    follows_workload(&mut story.server.as_mut().unwrap().spec);
    story.given_fault("Create", Fault::Refused(FailureClass::Throttled));
    story.when_rolled_out("v1").when_taken("Create");
    story.when_rollout_begins().when_settled();
    story.when_rolled_out("v1").when_settled().then_ends_as_written();
}

#[test]
fn where_drift_is_only_told_a_rollout_is_followed_or_said_not_to_be() {
    let mut story = given_following_server();
    story.when_edited(|spec| spec.drift_policy = Some("Warn".to_owned())).when_settled();
    story.when_target_is_changed(|target| {
        target.definition.as_mut().unwrap().description = Some("theirs".to_owned());
    });
    story.when_time_passes(120);
    story.when_rolled_out("v2").when_time_passes(3_600);
    let fresh = story.aws.is_fresh(&story.bound());
    let tools = story.condition("ToolsSynchronized").unwrap().clone();
    story.assert(fresh || tools.status != "True", &format!("{}: {}", tools.status, tools.message));
}

#[test]
fn where_an_update_is_refused_a_rollout_is_followed_or_said_not_to_be() {
    let mut story = given_following_server();
    (0..100).for_each(|_| {
        story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
    });
    story.when_edited(|spec| spec.description = Some("edited".to_owned())).when_time_passes(60);
    story.when_rolled_out("v2").when_time_passes(3_600);
    let fresh = story.aws.is_fresh(&story.bound());
    let tools = story.condition("ToolsSynchronized").unwrap().clone();
    story.assert(fresh || tools.status != "True", &format!("{}: {}", tools.status, tools.message));
}

#[test]
fn where_the_name_is_taken_a_rollout_is_followed_or_said_not_to_be() {
    let mut story = given_following_server();
    story.given_stranger("taken");
    story.when_edited(|spec| spec.target_name = Some("taken".to_owned())).when_time_passes(60);
    story.when_rolled_out("v2").when_time_passes(3_600);
    let fresh = story.aws.is_fresh(&story.bound());
    let tools = story.condition("ToolsSynchronized").unwrap().clone();
    story.assert(fresh || tools.status != "True", &format!("{}: {}", tools.status, tools.message));
}

#[test]
fn interval_and_a_rollout_that_is_taken_back() {
    let mut story = given_following_server();
    story.when_edited(|spec| spec.tool_sync.as_mut().unwrap().interval = Some("1h".to_owned()));
    story.when_time_passes(60);
    story.when_rollout_begins().when_time_passes(3_800);
    story.when_rolled_out("v1").when_time_passes(120);
    story.then_ready().then_tools_are_those_of_the_last_rollout();
}

#[test]
fn request_and_a_rollout_that_is_taken_back() {
    let mut story = given_following_server();
    story.when_rollout_begins().when_annotated(SYNC_REQUEST_ANNOTATION, "now").when_settled();
    story.when_rolled_out("v1").when_settled().then_ends_as_written();
}

/// There is no server to be asked: the gateway would find nobody, and the target would fail.
#[test]
fn of_a_workload_without_replicas_the_tools_are_fetched_when_it_has_some() {
    let mut story = given_following_server();
    story.when_scaled_to_zero("v2").when_time_passes(600).then_steps(&[]).then_ready();
    story.then_tools(Reason::WorkloadIdle);
    let said = story.condition("ToolsSynchronized").unwrap().message.clone();
    assert!(said.contains("Deployment weather"), "{said}");
    story.when_restarted().when_time_passes(600).then_steps(&[]).then_tools(Reason::WorkloadIdle);
    story.when_rolled_out("v2").when_settled().then_synchronized(1).then_ends_as_written();
}

#[test]
fn a_workload_that_pauses_without_a_new_template_is_followed_by_nothing() {
    let mut story = given_following_server();
    story.when_scaled_to_zero("v1").when_time_passes(60).then_tools(Reason::Synchronized);
    story.when_restarted().when_time_passes(600).then_tools(Reason::Synchronized);
    story.when_rolled_out("v1").when_time_passes(600);
    story.then_steps(&[]).then_writes_at_most(0).then_tools(Reason::Synchronized);
}

/// What an Update fetches while nobody serves is nobody's.
#[test]
fn an_update_while_the_workload_has_no_replicas_is_not_enough() {
    let mut story = given_following_server();
    story.when_scaled_to_zero("v1");
    story.when_edited(|spec| spec.description = Some("edited".to_owned())).when_settled();
    story.then_synchronized(0).then_tools(Reason::WorkloadIdle);
    story.when_rolled_out("v1").when_settled().then_synchronized(1).then_ends_as_written();
}

#[test]
fn a_workload_that_loses_its_replicas_before_the_call_is_asked_again_when_it_has_some() {
    let mut story = given_following_server();
    story.given_fault("Synchronize", Fault::Refused(FailureClass::Throttled));
    story.when_rolled_out("v2").when_taken("Synchronize");
    story.when_scaled_to_zero("v2").when_settled();
    story.when_rolled_out("v2").when_settled().then_ends_as_written();
}

/// Whatever the workload does is not seen while the resource is not valid.
#[test]
fn of_a_resource_that_is_not_valid_the_tools_are_not_said_to_be_fresh() {
    let mut story = given_following_server();
    story.when_edited(|spec| spec.capabilities.clear()).when_time_passes(60);
    story.workload = None;
    story.then_steps(&[]).then_waits_with(Reason::ValidationError);
    story.then_tools(Reason::ValidationError).then_condition("ToolsSynchronized", Some("Unknown"));
    let said = story.condition("ToolsSynchronized").unwrap().message.clone();
    assert!(said.contains("condition Accepted"), "{said}");
    story.writes = 0;
    story.when_restarted().when_time_passes(600).then_writes_at_most(0);
    story.when_edited(|spec| spec.capabilities = vec!["tools".to_owned()]);
    story.when_rolled_out("v2").when_settled().then_synchronized(1).then_ends_as_written();
}

#[test]
fn of_a_resource_that_is_not_valid_and_asks_for_no_tools_nothing_is_said_of_them() {
    let mut story = given_following_server();
    let edit = |spec: &mut api::MCPServerSpec| {
        spec.capabilities.clear();
        spec.tool_sync = None;
    };
    story.when_edited(edit).when_time_passes(60).then_waits_with(Reason::ValidationError);
    story.then_condition("ToolsSynchronized", None);
    story.when_annotated(SYNC_REQUEST_ANNOTATION, "now").when_time_passes(60);
    story.then_steps(&[]).then_tools(Reason::ValidationError);
}

#[test]
fn where_drift_is_only_told_a_workload_without_replicas_is_said_to_have_none() {
    let mut story = given_following_server();
    story.when_edited(|spec| spec.drift_policy = Some("Warn".to_owned())).when_settled();
    story.when_target_is_changed(|target| {
        target.definition.as_mut().unwrap().description = Some("theirs".to_owned());
    });
    story.when_time_passes(120).when_scaled_to_zero("v2").when_time_passes(600);
    story.then_waits_with(Reason::Drifted).then_tools(Reason::WorkloadIdle);
}

#[test]
fn a_refusal_ends_with_the_wish() {
    let mut story = given_following_server();
    story.given_fault("Synchronize", Fault::Refused(FailureClass::Invalid));
    story.when_rolled_out("v2").when_settled().then_tools(Reason::SynchronizationFailed);
    story.when_edited(|spec| spec.tool_sync = None).when_settled();
    story.then_condition("ToolsSynchronized", None);
}
