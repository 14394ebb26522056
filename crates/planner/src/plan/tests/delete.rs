//! A target goes with its resource.

use std::time::Duration;

use api::{FailureClass, REQUEST_ANNOTATION, Reason, Target, TargetStatus};

use super::aws::{DeadToken, Fault};
use super::story::{GATEWAY, Story, WINDOW, intent};

#[test]
fn a_target_goes_with_its_resource() {
    Story::given_ready_server()
        .when_deleted()
        .when_due_is_done()
        .then_steps(&["Delete"])
        .then_waits_with(Reason::Deleting)
        .when_settled()
        .then_steps(&["Read", "ReleaseFinalizer"])
        .then_gone();
}

#[test]
fn a_resource_that_nobody_took_into_care_just_goes() {
    let mut story = Story::given_server();
    story.when_deleted().when_settled().then_steps(&[]).then_gone();
}

/// At every stage of its making, whether or not the process dies there as well.
#[test]
fn it_can_be_deleted_at_any_stage() {
    let stages = ["AddFinalizer", "RecordIntent", "Create", "Bind", "Annotate"];
    for stage in stages {
        for dies_after in [None, Some(0), Some(1), Some(2), Some(3)] {
            let mut story = Story::given_server();
            story.dies_after = stages.iter().position(|name| *name == stage);
            story.when_taken(stage).when_deleted();
            story.dies_after = dies_after;
            story.when_settled().then_gone();
        }
    }
}

#[test]
fn it_can_be_deleted_while_it_is_updated() {
    for stage in ["RecordApplying", "Update", "RecordApplied"] {
        let mut story = Story::given_ready_server();
        story.when_edited(|spec| spec.description = Some("changed".to_owned()));
        story.when_process_dies_after(
            ["RecordApplying", "Update", "RecordApplied"].iter().position(|s| *s == stage).unwrap(),
        );
        story.when_taken(stage).when_deleted().when_settled().then_gone();
    }
}

#[test]
fn a_crash_at_any_point_of_a_deletion_leaves_nothing() {
    for steps in 0..3 {
        Story::given_ready_server()
            .when_process_dies_after(steps)
            .when_deleted()
            .when_settled()
            .then_gone();
    }
}

/// What a lost Create made is found before the resource is let go.
#[test]
fn a_target_that_was_never_bound_goes_too() {
    for lag in [0, 9] {
        for lost in [Fault::LostAfter, Fault::LostBefore] {
            let mut story = Story::given_server();
            story
                .given_quirks(|quirks| quirks.list_lag = WINDOW * lag / 10)
                .given_fault("Create", lost)
                .when_taken("Create")
                .when_deleted()
                .when_settled()
                .then_gone();
        }
    }
}

/// A List that lags shows who had the name before: that says nothing about a lost Create.
#[test]
fn a_stranger_in_a_lagging_list_does_not_hide_the_target() {
    let mut story = Story::given_server();
    let stranger = story.given_stranger(super::story::NAME);
    story.when_time_passes(30).then_waits_with(Reason::NameConflict);
    story.aws.vanish(&stranger, story.now);
    story
        .given_fault("Create", Fault::LostAfter)
        .when_taken("Create")
        .given_quirks(|quirks| quirks.list_lag = WINDOW * 9 / 10)
        .when_restarted()
        .when_deleted()
        .when_settled()
        .then_gone();
}

/// An intent that AWS refused needs no looking for.
#[test]
fn a_refused_create_leaves_nothing_to_wait_for() {
    let mut story = Story::given_server();
    for _ in 0..10 {
        story.given_fault("Create", Fault::Refused(FailureClass::Denied));
    }
    story.when_time_passes(3).then_waits_with(Reason::AccessDenied);
    let asked = story.now;
    story.when_deleted().when_settled().then_gone();
    assert_eq!(story.now.duration_since(asked).as_secs(), 0);
}

#[test]
fn a_target_that_somebody_else_deleted_first_is_no_hot_loop() {
    let mut story = Story::given_ready_server();
    story
        .given_quirks(|quirks| quirks.list_lag = WINDOW * 9 / 10)
        .when_time_passes(60)
        .when_target_vanishes()
        .when_deleted()
        .when_settled()
        .then_steps(&["Delete", "Read", "ReleaseFinalizer"])
        .then_gone();
}

/// Right after the 202 both Get and List may still show the target as it was.
#[test]
fn lagging_lists_and_gets_after_the_delete_do_no_harm() {
    let mut story = Story::given_ready_server();
    story
        .given_quirks(|quirks| {
            quirks.get_lag = WINDOW * 9 / 10;
            quirks.list_lag = WINDOW * 8 / 10;
        })
        .when_time_passes(60)
        .when_deleted()
        .when_settled()
        .then_gone();
    assert_eq!(story.steps.iter().filter(|step| **step == "Delete").count(), 1);
}

#[test]
fn a_delete_that_is_refused_or_lost_is_tried_again() {
    for fault in [
        Fault::Refused(FailureClass::Throttled),
        Fault::Refused(FailureClass::WrongState),
        Fault::Refused(FailureClass::Server),
        Fault::LostBefore,
        Fault::LostAfter,
        // It is DELETING for a while, and then READY again.
        Fault::FailsBehind,
    ] {
        let mut story = Story::given_ready_server();
        story.given_fault("Delete", fault).when_deleted().when_settled().then_gone();
    }
}

#[test]
fn a_denied_delete_keeps_the_resource_and_says_why() {
    let mut story = Story::given_ready_server();
    for _ in 0..50 {
        story.given_fault("Delete", Fault::Refused(FailureClass::Denied));
    }
    story
        .when_deleted()
        .when_time_passes(1200)
        .then_waits_with(Reason::AccessDenied)
        .then_message_says("delete")
        .then_condition("Stalled", Some("True"));
    let deletes = story.steps.iter().filter(|step| **step == "Delete").count();
    assert!((4..12).contains(&deletes), "{deletes} Deletes in twenty minutes");
    story.aws.faults.clear();
    story.when_settled().then_gone();
}

#[test]
fn a_busy_target_is_deleted_when_it_has_come_to_rest() {
    let mut story = Story::given_server();
    story
        .when_taken("Annotate")
        .when_deleted()
        .when_due_is_done()
        .then_waits_with(Reason::Deleting)
        .when_settled()
        .then_gone();
}

/// AWS refuses it until the consent is given or lapses.
#[test]
fn a_target_that_waits_for_consent_keeps_the_resource() {
    let mut story = Story::given_ready_server();
    story
        .when_target_is_changed(|target| target.summary.status = TargetStatus::UpdatePendingAuth)
        .when_time_passes(70)
        .when_deleted()
        .when_time_passes(600)
        .then_steps(&[])
        .then_waits_with(Reason::Deleting)
        .when_target_is_changed(|target| target.summary.status = TargetStatus::Ready)
        .when_settled()
        .then_gone();
}

#[test]
fn a_gateway_that_is_gone_took_its_targets_with_it() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story.aws.vanish(&target, story.now);
    story.aws.missing.push(GATEWAY.into());
    story.when_deleted().when_settled().then_gone();
}

#[test]
fn a_gateway_that_is_gone_took_what_was_never_bound_with_it() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostAfter).when_taken("Create");
    let target = story.ours_alive().remove(0);
    story.aws.vanish(&target, story.now);
    story.aws.missing.push(GATEWAY.into());
    story.when_deleted().when_settled().then_gone();
}

/// In another account a 404 says nothing.
#[test]
fn in_the_wrong_account_nothing_is_let_go() {
    for account in ["999999999999", super::aws::ACCOUNT] {
        let mut story = Story::given_ready_server();
        story.policy.account = Some(account.to_owned());
        if account == super::aws::ACCOUNT {
            story.policy.region = "eu-central-1".to_owned();
        }
        story.aws.missing.push(GATEWAY.into());
        story
            .when_restarted()
            .when_deleted()
            .when_time_passes(600)
            .then_steps(&[])
            .then_waits_with(Reason::WrongAccountOrRegion);
    }
}

#[test]
fn while_the_account_is_unknown_a_missing_gateway_lets_nothing_go() {
    let mut story = Story::given_ready_server();
    story.policy.account = None;
    story.aws.missing.push(GATEWAY.into());
    story.when_deleted().when_time_passes(600);
    assert!(!story.steps.contains(&"ReleaseFinalizer"));
}

/// A person takes the finalizer away; it comes back, because the target would be leaked.
#[test]
fn a_finalizer_that_was_taken_away_is_put_back() {
    let mut story = Story::given_ready_server();
    story
        .when_finalizer_is_taken_away()
        .when_settled()
        .then_steps(&["AddFinalizer"])
        .then_ready()
        .when_deleted()
        .when_settled()
        .then_gone();
}

#[test]
fn a_token_that_is_refused_after_its_target_died_ends_as_well() {
    let mut story = Story::given_server();
    story
        .given_quirks(|quirks| quirks.dead_token = DeadToken::Refuses)
        .given_fault("Create", Fault::LostAfter)
        .when_taken("Create");
    let made = story.ours_alive().remove(0);
    story.aws.vanish(&made, story.now);
    story
        .when_time_passes(60)
        .then_waits_with(Reason::TargetFailed)
        .when_deleted()
        .when_settled()
        .then_gone();
}

/// Whoever is not allowed to list does not see it end, and a person has to know.
#[test]
fn a_deletion_whose_end_cannot_be_seen_says_so() {
    let mut story = Story::given_ready_server();
    story.given_quirks(|quirks| quirks.transition = Duration::from_secs(100));
    story.when_deleted().when_taken("Delete").when_time_passes(5).then_waits_with(Reason::Deleting);
    story.aws.blind = Some(FailureClass::Denied);
    story.when_time_passes(1200).then_waits_with(Reason::ObservationStale);
    story.aws.blind = None;
    story.when_time_passes(60).when_settled().then_gone();
}

/// A resource with a target, and with a broken rule.
fn given_rejected_server() -> Story {
    let mut story = Story::given_ready_server();
    story.when_edited(|spec| spec.capabilities.clear()).when_settled();
    story.then_condition("Accepted", Some("False"));
    story
}

#[test]
fn the_end_of_a_resource_does_not_make_it_valid() {
    let mut story = given_rejected_server();
    story.when_deleted().when_due_is_done().then_waits_with(Reason::Deleting);
    story.then_condition("Accepted", Some("False"));

    let mut story = given_rejected_server();
    story.when_target_is_changed(|target| target.summary.status = TargetStatus::UpdatePendingAuth);
    story.when_time_passes(90).when_deleted().when_time_passes(60).then_message_says("consent");
    story.then_condition("Accepted", Some("False"));
}

/// AWS accepts the Delete, fails behind it, and shows the target as it was.
#[test]
fn a_delete_that_comes_back_is_tried_again_with_pauses() {
    let mut story = given_rejected_server();
    let target = story.bound();
    story.when_deleted();
    for _ in 0..1_200 {
        story.when_time_passes(2);
        let shown = story.aws.now(&target, story.now).map(|target| target.summary.status.clone());
        if shown == Some(TargetStatus::Deleting) {
            let back = |target: &mut Target| target.summary.status = TargetStatus::Ready;
            story.aws.meddle(&target, story.now, back);
        }
    }
    story.then_waits_with(Reason::Deleting).then_message_says("still there");
    story.then_condition("Accepted", Some("False"));
    let deletes = story.steps.iter().filter(|step| **step == "Delete").count();
    assert!((6..20).contains(&deletes), "{deletes} Deletes in forty minutes");
    // A person's request ends the pause.
    let asked = story.now;
    story.when_annotated(REQUEST_ANNOTATION, "noon").when_settled().then_gone();
    assert!(story.now.duration_since(asked) < jiff::SignedDuration::from_secs(20));
}

#[test]
fn a_target_in_a_status_of_the_future_is_deleted_as_soon_as_aws_lets_it() {
    for refusals in [0, 30] {
        let mut story = Story::given_ready_server();
        for _ in 0..refusals {
            story.given_fault("Delete", Fault::Refused(FailureClass::WrongState));
        }
        story
            .when_target_is_changed(|target| target.summary.status = "DEGRADED".into())
            .when_time_passes(90)
            .when_deleted();
        if refusals > 0 {
            story.when_time_passes(600).then_waits_with(Reason::Queued);
        }
        story.when_settled().then_gone();
    }
}

/// Any record will do: what it tells of would be leaked. Without one, what is not valid is left alone.
#[test]
fn whatever_has_records_is_taken_into_care_again() {
    type Record = fn(&mut api::MCPServer);
    let records: [(bool, Record); 5] = [
        (false, |_| {}),
        (true, |server| {
            let status = server.status.as_mut().unwrap();
            status.gateway_id = Some(GATEWAY.to_owned());
            status.target_id = Some("TARGET".to_owned());
        }),
        (true, |server| {
            server.status.as_mut().unwrap().retired.push(api::Retired {
                gateway_id: GATEWAY.to_owned(),
                gateway_arn: None,
                target_id: "TARGET".to_owned(),
            });
        }),
        (true, |server| {
            server.status.as_mut().unwrap().intent = Some(intent());
        }),
        (true, |server| {
            let annotations = server.metadata.annotations.get_or_insert_default();
            annotations.insert(api::TARGET_ANNOTATION.to_owned(), format!("{GATEWAY}/TARGET"));
        }),
    ];
    for (kept, record) in records {
        let mut story = Story::given_server();
        story.when_edited(|spec| spec.capabilities.clear());
        let server = story.server.as_mut().unwrap();
        server.status = Some(api::MCPServerStatus::default());
        record(server);
        story.when_due_is_done();
        assert_eq!(story.steps.contains(&"AddFinalizer"), kept, "{:?}", story.steps);
    }
}

#[test]
fn the_end_of_a_target_is_asked_for_as_soon_as_the_answer_counts() {
    let mut story = Story::given_ready_server();
    story.when_time_passes(60).when_deleted().when_taken("Delete");
    let counts = crate::memory::later(story.now, WINDOW);
    story.when_taken("Read");
    assert!(story.now < crate::memory::later(counts, Duration::from_millis(500)), "{}", story.now);
}

/// It is listed no more, and a Get finds it: either can be behind.
#[test]
fn a_target_that_only_a_get_shows_is_not_gone() {
    let mut story = Story::given_ready_server();
    story.given_quirks(|quirks| quirks.list_lag = Duration::from_hours(1)).when_time_passes(90);
    story.when_deleted().when_time_passes(120).then_waits_with(Reason::Deleting);
    assert!(!story.steps.contains(&"ReleaseFinalizer"));
    story.given_quirks(|quirks| quirks.list_lag = Duration::ZERO);
    story.when_settled().then_gone();
}

/// Deleted, and then somebody takes our finalizer away; another one keeps the resource.
fn given_finalizer_lost_at_the_end(story: &mut Story) {
    let server = story.server.as_mut().unwrap();
    server.metadata.finalizers.get_or_insert_default().push("example.com/other".to_owned());
    story.when_deleted();
    let server = story.server.as_mut().unwrap();
    server.metadata.finalizers.as_mut().unwrap().retain(|other| other != api::FINALIZER);
    story.due = true;
}

/// Kubernetes lets nobody put it back then, but there is no need to.
#[test]
fn a_finalizer_that_is_taken_away_from_what_goes_does_not_leak_its_target() {
    for restarted in [false, true] {
        let mut story = Story::given_ready_server();
        given_finalizer_lost_at_the_end(&mut story);
        if restarted {
            story.when_restarted();
        }
        story.when_settled().then_steps(&["Delete", "Read"]);
        assert_eq!(story.ours_alive(), []);
        story.writes = 0;
        story.when_time_passes(600).then_steps(&[]).then_writes_at_most(0);
    }
}

#[test]
fn a_finalizer_that_is_taken_away_from_what_goes_does_not_leak_what_was_never_bound() {
    for lost in [Fault::LostAfter, Fault::LostBefore] {
        let mut story = Story::given_server();
        story.given_fault("Create", lost).when_taken("Create");
        given_finalizer_lost_at_the_end(&mut story);
        story.when_settled();
        assert_eq!(story.ours_alive(), []);
    }
}

#[test]
fn a_finalizer_that_is_taken_away_from_what_goes_costs_no_target_that_is_to_stay() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story.when_edited(|spec| spec.deletion_policy = Some("Retain".to_owned())).when_settled();
    given_finalizer_lost_at_the_end(&mut story);
    story.when_settled().then_steps(&[]);
    assert_eq!(story.ours_alive(), [target]);

    // Only an annotation tells of it: who took the finalizer away may have let it go.
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story.policy.allow_adoption = true;
    story.server.as_mut().unwrap().status = None;
    given_finalizer_lost_at_the_end(&mut story);
    story.when_restarted().when_settled().then_steps(&[]);
    assert_eq!(story.ours_alive(), [target]);
}
