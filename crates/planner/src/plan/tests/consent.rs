//! Targets that act for a person, who has to consent: nobody is asked for nothing.

use api::{FailureClass, Reason, SYNC_REQUEST_ANNOTATION, TargetStatus};

use super::aws::Fault;
use super::story::{Cut, Story};
use super::tools::{ONE, follows_workload};

/// A target that a person has consented to.
fn given_consented_server() -> Story {
    let mut story = Story::given_server();
    let spec = &mut story.server.as_mut().unwrap().spec;
    follows_workload(spec);
    spec.oauth_grant_type = Some("AuthorizationCode".to_owned());
    story.when_rolled_out("v1").when_time_passes(60);
    story.then_waits_with(Reason::AuthorizationPending);
    story.when_consent_is_given().when_time_passes(60).when_settled().then_ready();
    story.steps.clear();
    story.writes = 0;
    story
}

#[test]
fn nobody_is_asked_for_consent_because_of_a_rollout() {
    let mut story = given_consented_server();
    story.when_rolled_out("v2").when_time_passes(600).then_steps(&[]);
    story.then_ready().then_tools(Reason::OnRequestOnly);
    let said = story.condition("ToolsSynchronized").unwrap().message.clone();
    assert!(said.contains(SYNC_REQUEST_ANNOTATION), "{said}");

    story.when_annotated(SYNC_REQUEST_ANNOTATION, "now").when_time_passes(60);
    story.then_steps(ONE).then_waits_with(Reason::AuthorizationPending);
    let link = story.server().status.clone().unwrap().authorization.unwrap();
    assert!(link.expires_at > story.now, "it can still be opened");
    story.when_consent_is_given().when_time_passes(60).when_settled().then_ready().then_steps(&[]);
    let status = story.server().status.clone().unwrap();
    assert_eq!(status.last_handled_sync_at.as_deref(), Some("now"));
    assert_eq!(status.authorization, None);
}

#[test]
fn consent_to_fetch_the_tools_that_lapses_is_asked_for_again_on_request_only() {
    let mut story = given_consented_server();
    story.when_annotated(SYNC_REQUEST_ANNOTATION, "now").when_time_passes(60);
    story.when_target_is_changed(|target| {
        target.summary.status = TargetStatus::SynchronizeUnsuccessful;
        target.summary.authorization_url = None;
    });
    story.when_time_passes(7200).then_steps(&["RecordSync", "Synchronize", "Read"]);
    story.then_waits_with(Reason::AuthorizationPending);
    story.when_annotated(SYNC_REQUEST_ANNOTATION, "again").when_time_passes(60);
    story.then_steps(ONE).then_waits_with(Reason::AuthorizationPending);
    story.when_consent_is_given().when_time_passes(120).when_settled().then_ready();
}

#[test]
fn tools_that_could_not_be_fetched_on_request_are_said_to_be_missing() {
    let mut story = given_consented_server();
    story.when_edited(|spec| spec.tool_sync = None).when_settled();
    story.given_fault("Synchronize", Fault::FailsBehind);
    story.when_annotated(SYNC_REQUEST_ANNOTATION, "now").when_time_passes(7200);
    story.then_synchronized(1).then_tools(Reason::SynchronizationFailed);
    story.then_waits_with(Reason::TargetFailed).then_message_says("on request only");
}

#[test]
fn an_edit_while_consent_is_awaited_is_said_to_wait_and_is_made_afterwards() {
    let mut story = Story::given_server();
    let spec = &mut story.server.as_mut().unwrap().spec;
    spec.oauth_grant_type = Some("AuthorizationCode".to_owned());
    story.when_time_passes(60).then_waits_with(Reason::AuthorizationPending);
    let edited = |story: &Story| story.condition("Ready").unwrap().message.contains("edited since");
    assert!(!edited(&story));
    story.steps.clear();
    story.when_edited(|spec| spec.description = Some("edited".to_owned())).when_time_passes(60);
    story.then_steps(&[]).then_waits_with(Reason::AuthorizationPending);
    assert!(edited(&story));
    story.when_consent_is_given().when_time_passes(60);
    story.then_steps(&["RecordApplying", "Update", "RecordApplied"]);
    story.then_waits_with(Reason::AuthorizationPending);
    story.when_consent_is_given().when_time_passes(60).when_settled().then_ready();
}

/// What an MCPServer does not say makes no difference, so that nobody is asked again for nothing.
#[test]
fn a_target_that_needs_consent_is_not_updated_for_nothing() {
    let mut story = given_consented_server();
    story.when_edited(|spec| spec.oauth_scopes = Some(vec![" ".to_owned()])).when_settled();
    story.when_target_is_changed(|_| {}).when_time_passes(120);
    story.then_steps(&["Read"]).then_ready();
}

#[test]
fn one_edit_asks_for_consent_once_whatever_is_cut() {
    for cut in Cut::ALL {
        for point in 0.. {
            let mut story = given_consented_server();
            story.points.clear();
            story.cut = Some((point, cut));
            story.when_edited(|spec| spec.description = Some("edited".to_owned()));
            story.when_time_passes(120);
            let reached = story.points.len() > point;
            story.then_waits_with(Reason::AuthorizationPending);
            story.when_consent_is_given().when_time_passes(120);
            let ready = story.condition("Ready").unwrap().status == "True";
            story.assert(ready, &format!("asked again: {cut:?} {point}"));
            if !reached {
                break;
            }
        }
    }
}

#[test]
fn one_request_asks_for_consent_once_whatever_is_cut() {
    for cut in Cut::ALL {
        for point in 0.. {
            let mut story = given_consented_server();
            story.points.clear();
            story.cut = Some((point, cut));
            story.when_annotated(SYNC_REQUEST_ANNOTATION, "now").when_time_passes(120);
            let reached = story.points.len() > point;
            story.then_waits_with(Reason::AuthorizationPending);
            story.when_consent_is_given().when_time_passes(120);
            let ready = story.condition("Ready").unwrap().status == "True";
            story.assert(ready, &format!("asked again: {cut:?} {point}"));
            if !reached {
                break;
            }
        }
    }
}

/// AWS has refused what was written for a while, so there is nothing to be sent back.
#[test]
fn an_edit_that_aws_refuses_and_that_is_taken_back_asks_nobody() {
    for restarted in [false, true] {
        let mut story = given_consented_server();
        (0..20).for_each(|_| {
            story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
        });
        story.when_edited(|spec| spec.description = Some("edited".to_owned()));
        story.when_time_passes(60).then_waits_with(Reason::TargetFailed);
        story.aws.faults.clear();
        story.steps.clear();
        story.when_edited(|spec| spec.description = None);
        if restarted {
            story.when_restarted();
        }
        story.when_time_passes(60).when_settled().then_ready();
        assert!(!story.steps.contains(&"Update"), "{:?}", story.steps);
    }
}

/// Nobody knows whether it came through, and it did.
#[test]
fn an_edit_of_unknown_outcome_that_is_taken_back_is_sent_back() {
    let mut story = given_consented_server();
    story.given_fault("Update", Fault::LostAfter);
    story.when_edited(|spec| spec.description = Some("edited".to_owned())).when_taken("Update");
    story.when_edited(|spec| spec.description = None).when_time_passes(60);
    story.when_consent_is_given().when_time_passes(60);
    story.when_consent_is_given().when_time_passes(60).when_settled().then_ready();
}

/// The request that was refused has been answered by the Update since.
#[test]
fn a_fetch_that_fails_for_somebody_else_is_not_tried_for_a_request_of_before() {
    let mut story = Story::given_server();
    story.server.as_mut().unwrap().spec.oauth_grant_type = Some("AuthorizationCode".to_owned());
    story.when_time_passes(60).when_consent_is_given().when_time_passes(60).then_ready();
    story.given_fault("Synchronize", Fault::Refused(FailureClass::Denied));
    story.when_annotated(SYNC_REQUEST_ANNOTATION, "now").when_taken("Synchronize");
    story.when_edited(|spec| spec.description = Some("changed".to_owned())).when_taken("Update");
    story.when_time_passes(60).when_consent_is_given().when_time_passes(60).then_ready();
    story.steps.clear();
    story.when_target_is_changed(|target| {
        target.summary.status = TargetStatus::SynchronizeUnsuccessful;
        target.summary.authorization_url = None;
    });
    story.when_time_passes(60);
    story.assert(!story.steps.contains(&"Synchronize"), "a person is asked again");
}
