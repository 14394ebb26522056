//! A target is kept as written: edits, and what comes between.

use std::time::Duration;

use api::{
    FailureClass, MCPServerSpec, REQUEST_ANNOTATION, Reason, SYNC_REQUEST_ANNOTATION, TargetStatus,
};

use super::aws::{Fault, Stamp};
use super::story::Story;
use crate::memory::later;

fn other_endpoint(spec: &mut MCPServerSpec) {
    spec.endpoint = "https://weather.example.com/v2".to_owned();
}

#[test]
fn an_edit_reaches_aws_in_one_pass() {
    Story::given_ready_server()
        .when_edited(other_endpoint)
        .when_due_is_done()
        .then_steps(&["RecordApplying", "Update", "RecordApplied"])
        .then_waits_with(Reason::Updating)
        .when_settled()
        .then_ready()
        .then_writes_at_most(3)
        .when_time_passes(600)
        .then_steps(&[])
        .then_writes_at_most(0);
}

#[test]
fn an_edit_that_means_the_same_is_no_update() {
    Story::given_ready_server()
        .when_edited(|spec| spec.endpoint.push(' '))
        .when_settled()
        .then_steps(&[])
        .then_ready()
        .then_writes_at_most(1);
}

#[test]
fn an_edit_is_applied_whenever_aws_moves_updated_at_and_however_it_lags() {
    for stamp in [Stamp::Acceptance, Stamp::Completion, Stamp::Both] {
        for (get_lag, list_lag) in [(0, 0), (9, 0), (0, 9), (9, 9), (4, 2)] {
            let mut story = Story::given_server();
            story.given_quirks(|quirks| {
                quirks.stamp = stamp;
                quirks.get_lag = Duration::from_secs(get_lag);
                quirks.list_lag = Duration::from_secs(list_lag);
            });
            story.when_settled().then_ready().when_time_passes(60);
            story.steps.clear();
            story.writes = 0;
            story.when_edited(other_endpoint).when_settled().then_ready().then_writes_at_most(3);
            let updates = story.steps.iter().filter(|step| **step == "Update").count();
            assert_eq!(updates, 1, "{stamp:?} {get_lag} {list_lag}");
        }
    }
}

#[test]
fn a_crash_at_any_point_of_an_edit_loses_nothing() {
    for stamp in [Stamp::Acceptance, Stamp::Completion, Stamp::Both] {
        for list_lag in [0, 9] {
            for steps in 0..4 {
                let mut story = Story::given_ready_server();
                story.given_quirks(|quirks| {
                    quirks.stamp = stamp;
                    quirks.list_lag = Duration::from_secs(list_lag);
                });
                let target = story.bound();
                story.when_time_passes(60).when_process_dies_after(steps);
                story.when_edited(other_endpoint).when_settled();
                story.then_target_is(&target).then_ready();
            }
        }
    }
}

#[test]
fn an_edit_in_transition_waits_for_its_end() {
    Story::given_ready_server()
        .when_edited(other_endpoint)
        .when_due_is_done()
        .then_steps(&["RecordApplying", "Update", "RecordApplied"])
        .when_edited(|spec| spec.description = Some("changed".to_owned()))
        .when_due_is_done()
        .then_steps(&[])
        .then_waits_with(Reason::Updating)
        .when_settled()
        .then_steps(&["RecordApplying", "Update", "RecordApplied"])
        .then_ready();
}

#[test]
fn an_edit_that_is_taken_back_before_it_is_known_to_be_sent_is_sent_back() {
    Story::given_ready_server()
        .when_process_dies_after(0)
        .when_edited(other_endpoint)
        .when_taken("RecordApplying")
        .when_edited(|spec| spec.endpoint = "https://weather.example.com/mcp".to_owned())
        .when_settled()
        .then_ready();
}

/// Where AWS moves `updatedAt` when a change completes, the end of one before the Update can look like
/// its own, while the List still shows what was there before both.
#[test]
fn what_an_earlier_change_has_moved_is_not_taken_for_the_update() {
    let changes: [fn(&mut Story) -> &mut Story; 3] = [
        |story| story.when_annotated(SYNC_REQUEST_ANNOTATION, "now").when_taken("Synchronize"),
        |story| story.when_edited(other_endpoint).when_taken("Update"),
        |story| {
            story.given_fault("Update", Fault::LostAfter);
            story.when_edited(other_endpoint).when_taken("Update")
        },
    ];
    for change in changes {
        // It ends before the Update begins, and no List shows that it has begun.
        for (list_lag, transition) in
            (2..8).flat_map(|lag| (5..10 * lag).map(move |tenths| (lag, 100 * tenths)))
        {
            let mut story = Story::given_ready_server();
            story.given_quirks(|quirks| {
                quirks.stamp = Stamp::Completion;
                quirks.transition = Duration::from_millis(transition);
                quirks.list_lag = Duration::from_secs(list_lag);
            });
            change(story.when_time_passes(60)).when_time_passes(list_lag);
            story.now = later(story.now, Duration::from_millis(900));
            story.when_edited(|spec| spec.description = Some("changed".to_owned()));
            story.when_settled().then_ready();
        }
    }
}

/// A Get can be ahead of the List, and what it shows is recorded.
#[test]
fn what_a_get_has_shown_before_the_list_is_not_taken_for_the_update() {
    for (transition, list_lag, pause) in [100, 300, 500].into_iter().flat_map(|transition| {
        (2..6).flat_map(move |lag| (10..30).map(move |tenths| (transition, lag, tenths * 100)))
    }) {
        let mut story = Story::given_ready_server();
        story.given_quirks(|quirks| {
            quirks.stamp = Stamp::Completion;
            quirks.transition = Duration::from_millis(transition);
            quirks.list_lag = Duration::from_secs(list_lag);
        });
        story.when_time_passes(60);
        story.when_annotated(SYNC_REQUEST_ANNOTATION, "now").when_taken("Synchronize");
        story.now = later(story.now, Duration::from_millis(600));
        story.when_annotated(REQUEST_ANNOTATION, "now").when_taken("Read").when_due_is_done();
        story.now = later(story.now, Duration::from_millis(pause));
        story.when_edited(|spec| spec.description = Some("changed".to_owned()));
        story.when_settled().then_ready();
    }
}

/// Writing the same configuration again must send it again: the answer to the first Update is
/// none to the second.
#[test]
fn an_edit_back_and_forth_is_sent_each_time() {
    let mut story = Story::given_ready_server();
    for _ in 0..2 {
        story.when_edited(other_endpoint).when_settled().then_ready();
        story.when_edited(|spec| spec.endpoint = "https://weather.example.com/mcp".to_owned());
        story.when_settled().then_ready();
    }
    assert_eq!(story.steps.iter().filter(|step| **step == "Update").count(), 4);
}

#[test]
fn an_update_whose_answer_is_lost_is_sent_until_it_is_answered() {
    for lost in [Fault::LostBefore, Fault::LostAfter] {
        Story::given_ready_server()
            .given_fault("Update", lost)
            .when_edited(other_endpoint)
            .when_settled()
            .then_ready();
    }
}

#[test]
fn a_refused_update_waits_and_says_why_at_once() {
    for (class, reason) in [
        (FailureClass::Throttled, Reason::Queued),
        (FailureClass::WrongState, Reason::Queued),
        (FailureClass::Conflict, Reason::Queued),
        (FailureClass::Quota, Reason::QuotaExceeded),
        (FailureClass::Denied, Reason::AccessDenied),
        (FailureClass::Invalid, Reason::TargetFailed),
    ] {
        Story::given_ready_server()
            .given_fault("Update", Fault::Refused(class))
            .when_edited(other_endpoint)
            .when_due_is_done()
            .then_waits_with(reason)
            .when_settled()
            .then_ready()
            // The record before, the refusal, the record after, and Ready.
            .then_writes_at_most(4);
    }
}

#[test]
fn a_new_name_is_an_update_in_place() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story
        .when_edited(|spec| spec.target_name = Some("climate".to_owned()))
        .when_settled()
        .then_steps(&["RecordApplying", "Update", "RecordApplied"])
        .then_target_is(&target)
        .then_ready();
}

#[test]
fn a_new_name_that_is_taken_is_a_conflict_until_it_is_free() {
    let mut story = Story::given_ready_server();
    let stranger = story.given_stranger("climate");
    story.when_time_passes(90);
    story
        .when_edited(|spec| spec.target_name = Some("climate".to_owned()))
        .when_time_passes(120)
        .then_waits_with(Reason::NameConflict)
        .then_message_says(stranger.1.as_str())
        .then_message_says("serves on as weather")
        // To ask again and again would only be refused.
        .then_steps(&[]);
    story.aws.vanish(&stranger, story.now);
    story.when_time_passes(60).when_settled().then_ready();
}

#[test]
fn an_update_that_fails_is_tried_again_with_pauses() {
    for keeps_old in [false, true] {
        for stamp in [Stamp::Acceptance, Stamp::Completion, Stamp::Both] {
            let mut story = Story::given_ready_server();
            story.given_quirks(|quirks| {
                quirks.failure_keeps_old = keeps_old;
                quirks.stamp = stamp;
            });
            for _ in 0..3 {
                story.given_fault("Update", Fault::FailsBehind);
            }
            let target = story.bound();
            story
                .when_edited(other_endpoint)
                .when_time_passes(25)
                .then_waits_with(Reason::TargetFailed)
                .then_message_says("UPDATE_UNSUCCESSFUL")
                .then_message_says("Failed to connect.");
            let began = story.now;
            story.when_settled().then_target_is(&target).then_ready();
            let updates = story.steps.iter().filter(|step| **step == "Update").count();
            assert_eq!(updates, 4, "{keeps_old} {stamp:?}");
            assert!(story.now.duration_since(began).as_secs() > 120, "it did not pause");
        }
    }
}

#[test]
fn an_edit_of_a_failed_target_does_not_wait() {
    Story::given_ready_server()
        .given_fault("Update", Fault::FailsBehind)
        .when_edited(other_endpoint)
        .when_time_passes(20)
        .then_waits_with(Reason::TargetFailed)
        .when_edited(|spec| spec.description = Some("changed".to_owned()))
        .when_time_passes(5)
        .when_settled()
        .then_ready();
}

#[test]
fn a_target_that_waits_for_consent_is_left_alone() {
    for status in [TargetStatus::UpdatePendingAuth, TargetStatus::SynchronizePendingAuth] {
        Story::given_ready_server()
            .when_target_is_changed(|target| target.summary.status = status)
            .when_time_passes(90)
            .then_steps(&[])
            .then_waits_with(Reason::AuthorizationPending)
            .then_condition("Stalled", Some("True"));
    }
}

#[test]
fn a_status_of_the_future_is_waited_for() {
    Story::given_ready_server()
        .when_target_is_changed(|target| target.summary.status = "REPLICATING".into())
        .when_time_passes(90)
        .when_edited(other_endpoint)
        .when_time_passes(90)
        .then_steps(&[])
        .then_waits_with(Reason::Updating)
        .when_target_is_changed(|target| target.summary.status = TargetStatus::Ready)
        .when_settled()
        .then_ready();
}

#[test]
fn tools_that_could_not_be_fetched_are_fetched_again() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story
        .when_target_is_changed(|target| {
            target.summary.status = TargetStatus::SynchronizeUnsuccessful;
        })
        .when_taken("Synchronize")
        .then_waits_with(Reason::Updating)
        .when_settled()
        .then_target_is(&target)
        .then_ready()
        .then_steps(&["Read", "RecordSync", "Synchronize", "Read"])
        .then_condition("ToolsSynchronized", None);
}

#[test]
fn an_invalid_edit_leaves_the_target_as_it_is() {
    let mut story = Story::given_ready_server();
    story
        .when_edited(|spec| spec.capabilities.clear())
        .when_settled()
        .then_steps(&[])
        .then_waits_with(Reason::ValidationError)
        .then_condition("Programmed", Some("True"))
        .when_target_vanishes()
        .when_time_passes(90)
        .then_steps(&[]);
}

#[test]
fn of_an_invalid_edit_the_status_still_tells_what_the_target_does() {
    let mut story = Story::given_ready_server();
    story.when_edited(|spec| spec.capabilities.clear()).when_settled();
    story.when_target_is_changed(|target| target.summary.status = TargetStatus::Failed);
    story.when_time_passes(90).then_waits_with(Reason::ValidationError);
    let status = story.server().status.as_ref().unwrap();
    assert_eq!(status.target_status.as_deref(), Some("FAILED"));
}

#[test]
fn a_gateway_that_cannot_be_seen_for_long_makes_ready_unknown() {
    let mut story = Story::given_ready_server();
    story.aws.blind = Some(FailureClass::Denied);
    story
        .when_time_passes(200)
        .then_waits_with(Reason::GatewayTargetReady)
        .when_time_passes(600)
        .then_steps(&[])
        .then_waits_with(Reason::ObservationStale)
        .then_message_says("check its IAM policy")
        .then_condition("Ready", Some("Unknown"));
    story.aws.blind = None;
    story.when_time_passes(60).when_settled().then_ready();
}

#[test]
fn a_gateway_that_is_gone_is_named() {
    let mut story = Story::given_ready_server();
    story.aws.missing.push(super::story::GATEWAY.into());
    story.when_time_passes(900).then_steps(&[]).then_waits_with(Reason::GatewayNotFound);
    // That it is as written nobody knows any more.
    story.then_condition("Programmed", Some("Unknown"));
    story.when_restarted().when_time_passes(90).then_condition("Programmed", Some("Unknown"));
}

#[test]
fn a_get_that_does_not_pass_just_now_makes_a_target_no_less_ready() {
    for class in [FailureClass::Throttled, FailureClass::Server] {
        let mut story = Story::given_ready_server();
        story.given_fault("Read", Fault::Refused(class));
        story.given_fault("Read", Fault::Refused(class));
        story.when_target_is_changed(|_| {}).when_taken("Read").when_due_is_done();
        story.then_waits_with(Reason::GatewayTargetReady).then_writes_at_most(0);
        story.when_settled().then_ready();
    }
}

#[test]
fn a_get_that_fails_for_long_is_told_of() {
    for (class, reason) in
        [(FailureClass::Server, Reason::Queued), (FailureClass::Denied, Reason::AccessDenied)]
    {
        let mut story = Story::given_ready_server();
        for _ in 0..50 {
            story.given_fault("Read", Fault::Refused(class));
        }
        story.when_target_is_changed(|_| {}).when_time_passes(300).then_waits_with(reason);
        story.aws.faults.clear();
        story.when_settled().then_ready();
    }
}

/// A hiccup of AWS while the operator starts says nothing about the target.
#[test]
fn a_list_that_fails_after_a_restart_makes_a_target_no_less_ready() {
    for class in [FailureClass::Throttled, FailureClass::Unanswered, FailureClass::Denied] {
        let mut story = Story::given_ready_server();
        story.aws.blind = Some(class);
        story.when_restarted().when_time_passes(200);
        story.then_waits_with(Reason::GatewayTargetReady).then_writes_at_most(0);
        story.when_time_passes(300).then_condition("Ready", Some("Unknown"));
        story.aws.blind = None;
        story.when_time_passes(60).when_settled().then_ready();
    }
}

#[test]
fn an_edit_that_cannot_be_made_for_want_of_a_list_says_so() {
    let mut story = Story::given_ready_server();
    story.aws.blind = Some(FailureClass::Denied);
    story.when_restarted().when_edited(other_endpoint).when_time_passes(30);
    story.then_waits_with(Reason::AccessDenied);
    story.aws.blind = None;
    story.when_settled().then_ready();
}

/// What is newer than the answer came after it: there is nothing to wait for.
#[test]
fn a_state_that_is_newer_than_the_answer_is_taken_at_once() {
    let mut story = Story::given_ready_server();
    story.given_quirks(|quirks| quirks.stamp = Stamp::Both);
    story.when_edited(other_endpoint).when_time_passes(5).then_ready();
}
