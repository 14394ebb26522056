//! Targets that failed, and those that wait for a person's consent.

use api::{FailureClass, REQUEST_ANNOTATION, Reason, TargetStatus};

use super::aws::Fault;
use super::story::{Story, WINDOW};

const URL: &str = "https://consent.example.com/1";

/// A target that failed when it was made.
fn given_failed_server() -> Story {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::FailsBehind).when_time_passes(10);
    story.then_waits_with(Reason::TargetFailed);
    story.steps.clear();
    story
}

#[test]
fn a_failed_target_is_healed_by_an_update() {
    let mut story = given_failed_server();
    let target = story.bound();
    story.when_settled().then_target_is(&target).then_ready();
    assert!(!story.steps.contains(&"Delete"));
}

#[test]
fn a_target_that_never_worked_and_cannot_be_updated_is_replaced() {
    for class in [FailureClass::Invalid, FailureClass::WrongState] {
        let mut story = given_failed_server();
        let target = story.bound();
        for _ in 0..20 {
            story.given_fault("Update", Fault::Refused(class));
        }
        story.when_taken("Delete").when_settled().then_ready();
        assert_ne!(story.bound(), target);
    }
}

/// The List may be behind, and the target about to work.
#[test]
fn a_target_that_moves_unseen_while_it_is_updated_is_not_replaced() {
    let mut story = given_failed_server();
    let target = story.bound();
    story.given_fault("Update", Fault::Refused(FailureClass::WrongState));
    story.when_settled().then_target_is(&target).then_ready();
}

#[test]
fn a_target_that_we_have_no_right_to_update_is_not_replaced() {
    let mut story = given_failed_server();
    let target = story.bound();
    for _ in 0..10 {
        story.given_fault("Update", Fault::Refused(FailureClass::Denied));
    }
    story.when_settled().then_target_is(&target).then_ready();
}

fn deletes(story: &Story) -> usize {
    story.steps.iter().filter(|step| **step == "Delete").count()
}

#[test]
fn a_target_that_is_replaced_is_deleted_once_however_lists_lag() {
    let mut story = given_failed_server();
    for _ in 0..20 {
        story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
    }
    story.given_quirks(|quirks| quirks.list_lag = WINDOW * 9 / 10);
    story.when_taken("Delete").when_settled().then_ready();
    assert_eq!(deletes(&story), 1);
}

/// AWS accepts the Delete, and fails behind it.
#[test]
fn a_target_that_is_to_be_replaced_and_comes_back_is_deleted_again() {
    let mut story = given_failed_server();
    let target = story.bound();
    for _ in 0..40 {
        story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
    }
    story.given_fault("Delete", Fault::FailsBehind);
    story.when_taken("RecordIntent").when_settled().then_ready();
    assert_ne!(story.bound(), target);
    assert_eq!(deletes(&story), 2);
}

/// Its target fails, and AWS refuses to update it, again and again.
fn then_never_replaced(story: &mut Story) {
    let target = story.bound();
    for _ in 0..200 {
        story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
    }
    story.when_target_is_changed(|target| target.summary.status = TargetStatus::Failed);
    story.when_time_passes(3_000).then_target_is(&target).then_waits_with(Reason::TargetFailed);
    assert!(!story.steps.contains(&"Delete"));
}

#[test]
fn a_target_that_has_worked_is_never_replaced() {
    let mut story = Story::given_ready_server();
    then_never_replaced(&mut story);
}

#[test]
fn a_crash_at_any_point_of_a_replacement_does_no_harm() {
    for steps in 0..12 {
        let mut story = given_failed_server();
        for _ in 0..4 {
            story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
        }
        story.when_taken("Update").when_process_dies_after(steps).when_settled().then_ready();
    }
}

#[test]
fn a_target_that_fails_again_and_again_is_replaced_ever_more_slowly() {
    let mut story = given_failed_server();
    for _ in 0..500 {
        story.given_fault("Update", Fault::Refused(FailureClass::Invalid));
        story.given_fault("Create", Fault::FailsBehind);
    }
    story.when_time_passes(36_000);
    let deletes = deletes(&story);
    assert!((3..20).contains(&deletes), "{deletes} replacements in ten hours");
}

#[test]
fn only_a_person_can_help_where_the_spec_is_at_fault() {
    let mut story = Story::given_ready_server();
    story.when_target_is_changed(|target| {
        target.summary.status = TargetStatus::UpdateUnsuccessful;
        target.status_reasons = vec!["Invalid tool schema".to_owned()];
    });
    story
        .when_time_passes(900)
        .then_steps(&["Read"])
        .then_waits_with(Reason::TargetFailed)
        .then_condition("Stalled", Some("True"))
        .when_edited(|spec| spec.description = Some("changed".to_owned()))
        .when_settled()
        .then_ready();
}

#[test]
fn what_goes_by_is_tried_again_soon() {
    let mut story = Story::given_ready_server();
    story
        .given_fault("Update", Fault::FailsBehind)
        .when_edited(|spec| spec.description = Some("changed".to_owned()))
        .when_time_passes(20)
        .then_waits_with(Reason::TargetFailed)
        .then_condition("Reconciling", Some("True"))
        .when_time_passes(30)
        .then_ready();
}

fn given_pending() -> Story {
    let mut story = Story::given_ready_server();
    story.when_target_is_changed(|target| {
        target.summary.status = TargetStatus::UpdatePendingAuth;
        target.summary.authorization_url = Some(URL.to_owned());
    });
    story.when_time_passes(90).then_waits_with(Reason::AuthorizationPending);
    story
}

fn url(story: &Story) -> Option<String> {
    let status = story.server().status.as_ref()?;
    status.authorization.as_ref().map(|authorization| authorization.url.clone())
}

#[test]
fn where_to_consent_is_in_the_status_until_it_is_given() {
    let mut story = given_pending();
    assert_eq!(url(&story).as_deref(), Some(URL));
    story.then_message_says("status.authorization.url");
    // Whether or not AWS still shows it.
    story.when_target_is_changed(|target| target.summary.status = TargetStatus::Ready);
    story.when_time_passes(600).then_ready();
    assert_eq!(url(&story), None);
    assert!(!story.server().status.as_ref().unwrap().consent_asked);
}

/// AWS need not show a link with every answer, nor at all.
#[test]
fn a_consent_is_known_to_have_lapsed_even_if_no_link_was_shown() {
    let mut story = Story::given_ready_server();
    story.when_target_is_changed(|target| target.summary.status = TargetStatus::UpdatePendingAuth);
    story.when_time_passes(90).then_waits_with(Reason::AuthorizationPending);
    story.when_target_is_changed(|target| target.summary.status = TargetStatus::UpdateUnsuccessful);
    story.when_time_passes(7_200).then_steps(&["Read"]);
    story.then_waits_with(Reason::AuthorizationPending).then_message_says("in time");
}

/// AWS may show another link with every answer: that is no reason to write.
#[test]
fn a_link_is_written_anew_only_when_the_old_one_has_expired() {
    let mut story = given_pending();
    story.writes = 0;
    for number in 0..6 {
        story.when_target_is_changed(|target| {
            target.summary.authorization_url = Some(format!("{URL}/{number}"));
        });
        story.when_time_passes(60);
    }
    story.then_writes_at_most(0);
    story.when_target_is_changed(|target| {
        target.summary.authorization_url = Some("https://consent.example.com/new".to_owned());
    });
    story.when_time_passes(600).then_writes_at_most(1);
    assert_eq!(url(&story).as_deref(), Some("https://consent.example.com/new"));
}

#[test]
fn a_consent_that_lapsed_is_asked_for_again_only_on_request() {
    let lapse = |story: &mut Story| {
        story.when_target_is_changed(|target| {
            target.summary.status = TargetStatus::UpdateUnsuccessful;
            target.summary.authorization_url = None;
        });
        story.steps.clear();
        story
            .when_time_passes(7_200)
            .then_steps(&["Read"])
            .then_waits_with(Reason::AuthorizationPending)
            .then_message_says(REQUEST_ANNOTATION);
        assert_eq!(url(story), None, "the link leads nowhere any more");
        // Whoever remembers nothing knows it from what is recorded.
        story.when_restarted().when_time_passes(7_200).then_steps(&["Read"]);
        story.then_waits_with(Reason::AuthorizationPending).then_message_says("edit");
        assert!(story.server().status.as_ref().unwrap().consent_asked);
    };
    let mut story = given_pending();
    lapse(&mut story);
    story.when_annotated(REQUEST_ANNOTATION, "noon").when_settled().then_ready();

    let mut story = given_pending();
    lapse(&mut story);
    story
        .when_edited(|spec| spec.description = Some("changed".to_owned()))
        .when_settled()
        .then_ready();
}

#[test]
fn a_delete_waits_for_the_end_of_a_consent_and_says_so() {
    let mut story = given_pending();
    story.steps.clear();
    story
        .when_deleted()
        .when_time_passes(60)
        .then_steps(&[])
        .then_waits_with(Reason::Deleting)
        .then_message_says("consent");
    story.when_target_is_changed(|target| target.summary.status = TargetStatus::UpdateUnsuccessful);
    story.when_settled().then_gone();
}

/// Lists go on to show the link that is in the status already: that is nothing new.
#[test]
fn a_link_that_stays_the_same_is_written_once() {
    let mut story = given_pending();
    story.writes = 0;
    story.when_time_passes(3_600).then_writes_at_most(0);
}

/// It was READY with what was asked for first, and somebody may have used it since.
#[test]
fn a_target_that_has_worked_before_an_edit_is_never_replaced() {
    let mut story = Story::given_server();
    story.when_taken("Create").when_edited(|spec| spec.description = Some("changed".to_owned()));
    story.when_taken("RecordApplied");
    then_never_replaced(&mut story);
}

#[test]
fn a_target_that_failed_has_still_failed_after_a_restart() {
    let mut story = given_failed_server();
    for _ in 0..50 {
        story.given_fault("Update", Fault::FailsBehind);
    }
    story.when_time_passes(400).then_waits_with(Reason::TargetFailed);
    story.writes = 0;
    story.when_restarted().when_time_passes(15).then_waits_with(Reason::TargetFailed);
    story.then_writes_at_most(0);
}

#[test]
fn a_long_link_is_written_whole() {
    let long = format!("{URL}?state={}", "x".repeat(3_000));
    let mut story = given_pending();
    let shown = long.clone();
    story.when_target_is_changed(|target| target.summary.authorization_url = Some(shown));
    story.when_time_passes(700);
    assert_eq!(url(&story), Some(long));
}

/// AWS goes on to show a link from before.
#[test]
fn a_link_of_a_target_that_waits_for_nobody_is_no_consent_that_lapsed() {
    let mut story = Story::given_ready_server();
    story.when_target_is_changed(|target| {
        target.summary.status = TargetStatus::UpdateUnsuccessful;
        target.summary.authorization_url = Some(URL.to_owned());
    });
    story.when_restarted().when_time_passes(300).then_ready();
}

#[test]
fn a_target_that_is_ready_with_something_else_lacks_no_consent() {
    let mut story = Story::given_ready_server();
    story.given_quirks(|quirks| quirks.rewrites = true);
    story.when_edited(|spec| spec.description = Some("changed".to_owned()));
    story.when_taken("RecordApplied");
    let pending = |target: &mut api::Target| {
        target.summary.status = TargetStatus::UpdatePendingAuth;
        target.summary.authorization_url = Some(URL.to_owned());
    };
    story.when_target_is_changed(pending).when_time_passes(5);
    story.then_waits_with(Reason::AuthorizationPending);
    story.when_target_is_changed(|target| {
        target.summary.status = TargetStatus::Ready;
        target.definition.as_mut().unwrap().endpoint.push('/');
    });
    story.when_time_passes(20).then_waits_with(Reason::TargetFailed);
    story.given_quirks(|quirks| quirks.rewrites = false).when_settled().then_ready();
}

/// Consent was given, and what failed then failed for another reason: that is healed.
#[test]
fn what_fails_after_a_consent_is_healed() {
    let mut story = given_pending();
    story.when_target_is_changed(|target| target.summary.status = TargetStatus::Updating);
    story.when_time_passes(90);
    story.when_target_is_changed(|target| target.summary.status = TargetStatus::UpdateUnsuccessful);
    story.when_time_passes(120).when_settled().then_ready();
}

#[test]
fn the_reasons_of_a_failure_are_told_for_as_long_as_it_lasts() {
    let mut story = given_failed_server();
    let reasons = |story: &Story| story.server().status.clone().unwrap().status_reasons;
    assert_eq!(reasons(&story), ["Failed to connect."]);
    story.when_edited(|spec| spec.capabilities.clear()).when_time_passes(120);
    story.then_waits_with(Reason::ValidationError);
    assert_eq!(reasons(&story), ["Failed to connect."], "it is as failed as before");
    story.when_target_is_changed(|target| target.summary.status = TargetStatus::Updating);
    story.when_time_passes(90);
    assert_eq!(reasons(&story), Vec::<String>::new(), "it moves");
}
