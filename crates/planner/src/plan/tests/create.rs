//! A target comes to be.

use api::{FailureClass, Reason, TargetStatus};

use super::aws::{Fault, Stamp};
use super::story::{OTHER_GATEWAY, Story, WINDOW};

#[test]
fn a_resource_gets_its_target() {
    Story::given_server()
        .when_settled()
        .then_steps(&["AddFinalizer", "RecordIntent", "Create", "Bind", "Annotate"])
        .then_ready()
        .then_condition("Accepted", Some("True"))
        .then_condition("Programmed", Some("True"))
        .then_condition("Reconciling", None)
        .then_condition("Stalled", None)
        .then_writes_at_most(5)
        .when_time_passes(600)
        .then_steps(&[])
        .then_writes_at_most(0);
}

#[test]
fn while_it_is_being_created_the_resource_says_so() {
    let mut story = Story::given_server();
    story
        .when_taken("Annotate")
        .when_due_is_done()
        .then_waits_with(Reason::Creating)
        .then_condition("Reconciling", Some("True"))
        .then_condition("Stalled", None);
}

/// Where AWS dates a change by its completion, what is seen then has to be compared once.
#[test]
fn it_is_ready_whenever_aws_moves_updated_at() {
    for stamp in [Stamp::Acceptance, Stamp::Completion, Stamp::Both] {
        let mut story = Story::given_server();
        story.given_quirks(|quirks| quirks.stamp = stamp).when_settled().then_ready();
        story.then_writes_at_most(5).when_time_passes(600).then_writes_at_most(0);
    }
}

#[test]
fn lagging_lists_and_gets_delay_it_and_do_no_harm() {
    for stamp in [Stamp::Acceptance, Stamp::Completion, Stamp::Both] {
        let mut story = Story::given_server();
        story.given_quirks(|quirks| {
            quirks.stamp = stamp;
            quirks.list_lag = WINDOW * 8 / 10;
            quirks.get_lag = WINDOW * 9 / 10;
        });
        story.when_settled().then_ready();
    }
}

/// The process dies after each step in turn.
#[test]
fn a_crash_at_any_point_ends_with_one_target() {
    for stamp in [Stamp::Acceptance, Stamp::Completion] {
        for steps in 0..6 {
            let mut story = Story::given_server();
            story.given_quirks(|quirks| quirks.stamp = stamp);
            story.when_process_dies_after(steps).when_settled().then_ready();
        }
    }
}

#[test]
fn an_intent_that_nothing_came_of_is_tried_again_with_the_same_token() {
    Story::given_server()
        .given_fault("Create", Fault::LostBefore)
        .when_settled()
        .then_steps(&[
            "AddFinalizer",
            "RecordIntent",
            "Create",
            "Create",
            "Read",
            "Bind",
            "Annotate",
        ])
        .then_ready();
}

#[test]
fn a_target_whose_answer_was_lost_is_found_and_proven() {
    Story::given_server()
        .given_fault("Create", Fault::LostAfter)
        .when_settled()
        .then_steps(&["AddFinalizer", "RecordIntent", "Create", "Read", "Bind", "Annotate"])
        .then_ready();
}

#[test]
fn a_lost_answer_and_a_lagging_list_end_with_one_target() {
    let mut story = Story::given_server();
    story.given_quirks(|quirks| quirks.list_lag = WINDOW * 9 / 10);
    story.given_fault("Create", Fault::LostAfter).when_settled().then_ready();
}

#[test]
fn a_target_that_is_listed_before_a_get_shows_it_is_found_as_well() {
    let mut story = Story::given_server();
    story.given_quirks(|quirks| quirks.get_lag = WINDOW * 9 / 10);
    story.given_fault("Create", Fault::LostAfter).when_settled().then_ready();
}

/// Nobody knows whether the Create was sent; in this account nothing says that it was not.
#[test]
fn an_intent_of_another_account_or_region_is_left_alone() {
    type Move = fn(&mut crate::Policy);
    let moves: [Move; 2] = [
        |policy| policy.account = Some("999999999999".to_owned()),
        |policy| policy.region = "eu-central-1".to_owned(),
    ];
    for moved in moves {
        let mut story = Story::given_server();
        let home = story.policy.clone();
        story.given_fault("Create", Fault::LostAfter).when_taken("Create");
        moved(&mut story.policy);
        story.when_restarted().when_time_passes(600);
        story.then_waits_with(Reason::WrongAccountOrRegion).when_deleted().when_time_passes(600);
        story.then_waits_with(Reason::WrongAccountOrRegion);
        story.policy = home;
        story.when_restarted().when_settled().then_gone();
    }
}

/// Whose account it is has not been said yet.
#[test]
fn a_missing_gateway_settles_no_intent_before_the_account_is_known() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostAfter).when_taken("Create");
    story.policy.account = None;
    story.aws.missing.push(super::story::GATEWAY.into());
    story.when_restarted().when_deleted().when_time_passes(600);
    assert!(story.server.is_some(), "it is kept");
    story.policy.account = Some(super::aws::ACCOUNT.to_owned());
    story.aws.missing.clear();
    story.when_restarted().when_settled().then_gone();
}

/// Of an intent from before the account was known nobody can say whether this one is its.
#[test]
fn a_missing_gateway_settles_no_intent_that_does_not_say_its_account() {
    let mut story = Story::given_server();
    story.policy.account = None;
    story.given_fault("Create", Fault::LostAfter).when_taken("Create");
    story.policy.account = Some("999999999999".to_owned());
    story.aws.missing.push(super::story::GATEWAY.into());
    story.when_deleted().when_restarted().when_time_passes(600);
    assert!(story.server.is_some(), "it is kept");
    story.policy.account = Some(super::aws::ACCOUNT.to_owned());
    story.aws.missing.clear();
    story.when_restarted().when_settled().then_gone();
}

#[test]
fn a_refused_create_waits_and_says_why() {
    for (class, reason, stalled) in [
        (FailureClass::Throttled, Reason::Queued, false),
        (FailureClass::Quota, Reason::QuotaExceeded, true),
        (FailureClass::Denied, Reason::AccessDenied, true),
        (FailureClass::Credentials, Reason::AccessDenied, true),
        (FailureClass::Invalid, Reason::TargetFailed, true),
        (FailureClass::Server, Reason::Creating, false),
    ] {
        let mut story = Story::given_server();
        story
            .given_fault("Create", Fault::Refused(class))
            .when_due_is_done()
            .then_waits_with(reason)
            .then_condition("Stalled", stalled.then_some("True"))
            .when_settled()
            .then_ready();
    }
}

/// A refusal that lasts is met with growing pauses, not with a hot loop, and is written once.
#[test]
fn a_lasting_refusal_is_no_hot_loop() {
    let mut story = Story::given_server();
    for _ in 0..100 {
        story.given_fault("Create", Fault::Refused(FailureClass::Throttled));
    }
    story.when_time_passes(600);
    let creates = story.steps.iter().filter(|step| **step == "Create").count();
    assert!((10..25).contains(&creates), "{creates} Creates in ten minutes");
    story.then_waits_with(Reason::Queued).then_writes_at_most(5);
}

#[test]
fn an_edit_while_it_is_being_created_is_applied_afterwards() {
    let mut story = Story::given_server();
    story
        .when_taken("Create")
        .when_edited(|spec| spec.description = Some("changed".to_owned()))
        .when_due_is_done()
        .then_waits_with(Reason::Creating)
        .when_settled()
        .then_ready();
    assert!(story.steps.contains(&"Update"));
}

/// The token must not be used for another body: what was sent is looked for first.
#[test]
fn an_edit_after_a_lost_create_is_applied_to_the_target_that_is_found() {
    for lost in [Fault::LostAfter, Fault::LostBefore] {
        let mut story = Story::given_server();
        story
            .given_fault("Create", lost)
            .when_taken("Create")
            .when_edited(|spec| spec.description = Some("changed".to_owned()))
            .when_settled()
            .then_ready();
    }
}

#[test]
fn an_edit_after_a_crash_is_applied_to_the_target_that_is_found() {
    for steps in 1..5 {
        let mut story = Story::given_server();
        story
            .when_process_dies_after(steps)
            .when_taken("RecordIntent")
            .when_edited(|spec| spec.description = Some("changed".to_owned()))
            .when_settled()
            .then_ready();
    }
}

#[test]
fn an_invalid_spec_says_what_is_wrong_and_does_nothing() {
    Story::given_server()
        .when_edited(|spec| spec.endpoint = "http://weather.example.com".to_owned())
        .when_settled()
        .then_steps(&[])
        .then_waits_with(Reason::ValidationError)
        .then_message_says("spec.endpoint: must start with https://")
        .then_condition("Accepted", Some("False"))
        .then_condition("Stalled", Some("True"))
        .when_edited(|spec| spec.endpoint = "https://weather.example.com".to_owned())
        .when_settled()
        .then_ready();
}

#[test]
fn a_spec_made_invalid_while_an_intent_is_open_leaves_no_claim_behind() {
    let mut story = Story::given_server();
    story
        .given_fault("Create", Fault::LostBefore)
        .when_taken("Create")
        .when_edited(|spec| spec.capabilities.clear())
        .when_settled()
        .then_waits_with(Reason::ValidationError);
    assert_eq!(story.server().status.as_ref().unwrap().intent, None);
    story.when_edited(|spec| spec.capabilities.push("tools".to_owned())).when_settled();
    story.then_ready();
}

#[test]
fn a_spec_made_invalid_while_the_answer_is_lost_keeps_its_target() {
    let mut story = Story::given_server();
    story
        .given_fault("Create", Fault::LostAfter)
        .when_taken("Create")
        .when_edited(|spec| spec.capabilities.clear())
        .when_settled()
        .then_waits_with(Reason::ValidationError);
    let made = story.bound();
    story.when_edited(|spec| spec.capabilities.push("tools".to_owned())).when_settled();
    story.then_target_is(&made).then_ready();
}

#[test]
fn without_a_gateway_it_says_so() {
    let mut story = Story::given_server();
    story.policy.default_gateway = None;
    story
        .when_settled()
        .then_steps(&[])
        .then_waits_with(Reason::GatewayNotConfigured)
        .when_edited(|spec| spec.gateway_id = Some(OTHER_GATEWAY.to_owned()))
        .when_settled()
        .then_ready();
}

/// The default is resolved once.
#[test]
fn a_changed_default_moves_nothing() {
    let mut story = Story::given_ready_server();
    story.policy.default_gateway = Some(OTHER_GATEWAY.into());
    story.when_restarted().when_settled().then_steps(&[]).then_ready();
}

#[test]
fn a_gateway_that_does_not_exist_is_named() {
    let mut story = Story::given_server();
    story.aws.missing.push(super::story::GATEWAY.into());
    story
        .when_time_passes(30)
        .then_steps(&["AddFinalizer"])
        .then_waits_with(Reason::GatewayNotFound)
        .then_condition("Accepted", Some("False"));
    story.aws.missing.clear();
    story.when_settled().then_ready();
}

#[test]
fn a_target_that_fails_to_be_created_is_tried_again_with_pauses() {
    let mut story = Story::given_server();
    story
        .given_fault("Create", Fault::FailsBehind)
        .given_fault("Update", Fault::FailsBehind)
        .when_time_passes(20)
        .then_waits_with(Reason::TargetFailed)
        .then_message_says("Failed to connect.")
        .then_condition("Reconciling", Some("True"))
        .when_settled()
        .then_ready();
    assert_eq!(story.steps.iter().filter(|step| **step == "Update").count(), 2);
}

/// Whatever is written as one.
#[test]
fn the_name_of_a_gateway_makes_no_message_unreadable() {
    let gateway = format!("g\u{1b}[31m\n{}", "x".repeat(40_000));
    let mut story = Story::given_server();
    story.aws.missing.push(gateway.as_str().into());
    story.when_edited(|spec| spec.gateway_id = Some(gateway)).when_time_passes(30);
    story.then_waits_with(Reason::GatewayNotFound);
    let message = &story.condition("Ready").unwrap().message;
    assert!(message.chars().count() <= 4096 && !message.contains(char::is_control), "{message}");
}

/// Whatever is under way on the gateway afterwards: it says nothing of what was refused before.
#[test]
fn a_quota_is_not_told_anew_whenever_something_moves() {
    let mut story = Story::given_server();
    let stranger = story.given_stranger("another");
    for _ in 0..50 {
        story.given_fault("Create", Fault::Refused(FailureClass::Quota));
    }
    story.when_time_passes(200).then_waits_with(Reason::QuotaExceeded);
    story.writes = 0;
    let creates = |story: &Story| story.steps.iter().filter(|step| **step == "Create").count();
    let tried = creates(&story);
    for number in 0..60 {
        let moves = [TargetStatus::Updating, TargetStatus::Ready][number % 2].clone();
        story.aws.meddle(&stranger, story.now, |target| target.summary.status = moves);
        story.when_time_passes(10);
    }
    let tried = creates(&story) - tried;
    story.then_writes_at_most(2 * tried);
}

/// What AWS refused is told by what was under way when it was asked.
#[test]
fn a_quota_that_is_full_of_what_is_under_way_is_waited_for() {
    let mut story = Story::given_server();
    let stranger = story.given_stranger("another");
    let moves = |target: &mut api::Target| target.summary.status = TargetStatus::Updating;
    story.aws.meddle(&stranger, story.now, moves);
    story.given_fault("Create", Fault::Refused(FailureClass::Quota)).when_due_is_done();
    story.then_waits_with(Reason::Queued).then_message_says("other operations are under way");
    story.then_condition("Stalled", None).when_settled().then_ready();
}

/// It was resolved for an attempt that came to nothing, so nothing is tied to it.
#[test]
fn an_intent_that_came_to_nothing_leaves_the_choice_of_the_gateway() {
    let mut story = Story::given_server();
    story.given_fault("Create", Fault::LostBefore).when_taken("Create");
    story.policy.default_gateway = Some(OTHER_GATEWAY.into());
    story.when_restarted().when_edited(|spec| spec.description = Some("changed".to_owned()));
    story.when_settled().then_ready();
    assert_eq!(story.bound().0.as_str(), OTHER_GATEWAY);
}

/// Whoever must prove later what was made needs one intent for all of them.
#[test]
fn a_conflict_with_nobody_to_be_seen_is_tried_again_under_the_same_intent() {
    let mut story = Story::given_server();
    for _ in 0..4 {
        story.given_fault("Create", Fault::Refused(FailureClass::Conflict));
    }
    story.when_settled().then_ready();
    assert_eq!(story.steps.iter().filter(|step| **step == "RecordIntent").count(), 1);
}

#[test]
fn credentials_that_are_missing_are_told_from_rights_that_are() {
    for (class, says) in [
        (FailureClass::Credentials, "no usable AWS credentials to create"),
        (FailureClass::Denied, "does not let the operator create"),
    ] {
        let mut story = Story::given_server();
        story.given_fault("Create", Fault::Refused(class)).when_due_is_done();
        story.then_waits_with(Reason::AccessDenied).then_message_says(says);
    }
}

/// However long there were none: pauses that grew to minutes would go on when all is well again.
#[test]
fn credentials_that_come_back_are_used_within_half_a_minute() {
    let mut story = Story::given_server();
    for _ in 0..1000 {
        story.given_fault("Create", Fault::Refused(FailureClass::Credentials));
    }
    story.when_time_passes(3_600).then_waits_with(Reason::AccessDenied);
    let creates = story.steps.iter().filter(|step| **step == "Create").count();
    story.assert(creates < 200, &format!("{creates} Creates in an hour"));
    story.aws.faults.clear();
    let back = story.now;
    story.when_taken("Create");
    let took = story.now.duration_since(back);
    story.assert(took <= jiff::SignedDuration::from_secs(30), &format!("it took {took:#}"));
    story.when_settled().then_ready();
}

#[test]
fn a_create_that_is_refused_for_good_writes_nothing_between_attempts() {
    let mut story = Story::given_server();
    (0..1000).for_each(|_| {
        story.given_fault("Create", Fault::Refused(FailureClass::Invalid));
    });
    story.when_time_passes(3_600);
    let of = |what| story.steps.iter().filter(|step| **step == what).count();
    let (creates, records) = (of("Create"), of("RecordIntent"));
    story.assert(
        records <= creates + 1,
        &format!("{records} RecordIntent for {creates} Create in 1 h"),
    );
}
