//! A resource moves to another gateway: the new target serves before the old one goes.

use api::{FailureClass, MCPServerSpec, Reason};

use super::aws::{Fault, Stamp};
use super::story::{GATEWAY, OTHER_GATEWAY, Story, WINDOW};

fn to_the_other(spec: &mut MCPServerSpec) {
    spec.gateway_id = Some(OTHER_GATEWAY.to_owned());
}

fn back(spec: &mut MCPServerSpec) {
    spec.gateway_id = Some(GATEWAY.to_owned());
}

#[test]
fn the_new_target_serves_before_the_old_one_goes() {
    let mut story = Story::given_ready_server();
    story
        .when_edited(to_the_other)
        .when_settled()
        .then_steps(&[
            "RecordIntent",
            "Create",
            "Bind",
            "Annotate",
            "Delete",
            "Read",
            "ForgetRetired",
        ])
        .then_ready();
    assert_eq!(story.bound().0.as_str(), OTHER_GATEWAY);
}

#[test]
fn it_moves_whenever_aws_moves_updated_at_and_however_it_lags() {
    for stamp in [Stamp::Acceptance, Stamp::Completion, Stamp::Both] {
        for lag in [0, 9] {
            let mut story = Story::given_ready_server();
            story.given_quirks(|quirks| {
                quirks.stamp = stamp;
                quirks.get_lag = WINDOW * lag / 10;
                quirks.list_lag = WINDOW * lag / 10;
            });
            story.when_time_passes(60).when_edited(to_the_other).when_settled().then_ready();
        }
    }
}

#[test]
fn a_crash_at_any_point_of_a_move_leaves_one_target() {
    for steps in 0..8 {
        Story::given_ready_server()
            .when_process_dies_after(steps)
            .when_edited(to_the_other)
            .when_settled()
            .then_ready();
    }
}

#[test]
fn it_can_be_deleted_at_any_point_of_a_move() {
    let stages = ["RecordIntent", "Create", "Bind", "Annotate", "Delete", "Read"];
    for stage in stages {
        for dies in [false, true] {
            let mut story = Story::given_ready_server();
            story.when_edited(to_the_other);
            story.when_taken(stage).when_deleted();
            if dies {
                story.when_restarted();
            }
            story.when_settled().then_gone();
        }
    }
}

#[test]
fn it_can_move_back_at_any_point_of_a_move() {
    let stages = ["RecordIntent", "Create", "Bind", "Annotate", "Delete", "Read", "ForgetRetired"];
    for (steps, stage) in stages.into_iter().enumerate() {
        for dies in [false, true] {
            let mut story = Story::given_ready_server();
            if dies {
                story.when_process_dies_after(steps);
            }
            story.when_edited(to_the_other);
            story.when_taken(stage).when_edited(back).when_settled().then_ready();
            assert_eq!(story.bound().0.as_str(), GATEWAY);
        }
    }
}

/// A lost Create on a gateway that the resource has left again: looked for, found, deleted.
#[test]
fn what_a_lost_create_made_on_the_way_goes_too() {
    for lost in [Fault::LostAfter, Fault::LostBefore] {
        let mut story = Story::given_ready_server();
        story
            .given_fault("Create", lost)
            .when_edited(to_the_other)
            .when_taken("Create")
            .when_edited(back)
            .when_settled()
            .then_ready();
        assert_eq!(story.bound().0.as_str(), GATEWAY);
    }
}

/// The List does not show yet who has the name there: the resource itself.
#[test]
fn it_does_not_stand_in_its_own_way_on_the_way_back() {
    let mut story = Story::given_ready_server();
    story.given_quirks(|quirks| quirks.list_lag = WINDOW * 9 / 10);
    story.when_time_passes(60).when_edited(to_the_other).when_taken("Create");
    story.when_edited(|spec| spec.gateway_id = Some("gateway-3".to_owned())).when_taken("Create");
    story.given_fault("Create", Fault::LostAfter).when_edited(to_the_other);
    story.when_settled().then_ready();
}

/// An intent that came to nothing must not keep the name from others.
#[test]
fn a_move_that_is_taken_back_leaves_no_claim_behind() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story
        .given_fault("Create", Fault::Refused(FailureClass::Denied))
        .when_edited(to_the_other)
        .when_due_is_done()
        .then_waits_with(Reason::AccessDenied);
    story.when_edited(back).when_settled().then_target_is(&target).then_ready();
}

#[test]
fn it_moves_many_times_and_leaves_one_target() {
    let mut story = Story::given_ready_server();
    for count in 0..12 {
        let gateway = format!("gateway-{}", 2 + count);
        story.when_edited(|spec| spec.gateway_id = Some(gateway));
        story.when_taken("Create");
    }
    story.when_settled().then_ready();
    assert_eq!(story.bound().0.as_str(), "gateway-13");
}

#[test]
fn the_old_target_serves_on_while_the_new_gateway_does_not_exist() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story.aws.missing.push(OTHER_GATEWAY.into());
    story
        .when_edited(to_the_other)
        .when_time_passes(300)
        .then_steps(&[])
        .then_waits_with(Reason::GatewayNotFound)
        .then_target_is(&target)
        .when_deleted()
        .when_settled()
        .then_gone();
}

#[test]
fn a_gateway_that_went_with_the_old_target_is_forgotten() {
    let mut story = Story::given_ready_server();
    let old = story.bound();
    story.when_edited(to_the_other).when_taken("Bind");
    story.aws.vanish(&old, story.now);
    story.aws.missing.push(GATEWAY.into());
    story.when_settled().then_ready();
}

#[test]
fn an_old_target_that_is_gone_already_is_forgotten() {
    for stamp in [Stamp::Acceptance, Stamp::Completion] {
        let mut story = Story::given_ready_server();
        story.given_quirks(|quirks| quirks.stamp = stamp);
        let old = story.bound();
        story.when_edited(to_the_other).when_taken("Bind");
        story.aws.vanish(&old, story.now);
        story.when_settled().then_ready();
    }
}

/// The target that serves is Ready while the one before it goes.
#[test]
fn while_the_old_target_goes_the_resource_is_ready() {
    let mut story = Story::given_ready_server();
    story.when_edited(to_the_other).when_taken("Delete");
    story.when_taken("ForgetRetired").then_waits_with(Reason::GatewayTargetReady);
    story.when_settled().then_ready();
}

#[test]
fn an_old_target_that_cannot_be_deleted_yet_does_not_make_the_new_one_less_ready() {
    let mut story = Story::given_ready_server();
    for _ in 0..5 {
        story.given_fault("Delete", Fault::Refused(FailureClass::Throttled));
    }
    story
        .when_edited(to_the_other)
        .when_taken("Delete")
        .when_due_is_done()
        .then_waits_with(Reason::GatewayTargetReady)
        .when_settled()
        .then_ready();
}

#[test]
fn an_old_target_that_a_person_has_to_help_with_is_told_of() {
    let mut story = Story::given_ready_server();
    for _ in 0..5 {
        story.given_fault("Delete", Fault::Refused(FailureClass::Denied));
    }
    story
        .when_edited(to_the_other)
        .when_taken("Delete")
        .when_due_is_done()
        .then_waits_with(Reason::AccessDenied)
        .when_settled()
        .then_ready();
}

/// An Update of which nobody knows whether it was carried out is not forgotten on the way.
#[test]
fn an_update_that_was_lost_before_a_move_is_taken_back_after_it() {
    for policy in ["Enforce", "Warn", "Ignore"] {
        let mut story = Story::given_ready_server();
        story.when_edited(|spec| spec.drift_policy = Some(policy.to_owned())).when_settled();
        let endpoint = story.server().spec.endpoint.clone();
        story
            .given_fault("Update", Fault::LostAfter)
            .when_edited(|spec| spec.endpoint.push_str("/v2"))
            .when_taken("Update")
            .given_fault("Create", Fault::Refused(FailureClass::Denied))
            .when_edited(to_the_other)
            .when_taken("Create")
            .when_edited(|spec| {
                back(spec);
                spec.endpoint = endpoint;
            })
            .when_settled()
            .then_ready();
    }
}

/// Whatever can be seen of the gateway that it came from.
#[test]
fn an_old_gateway_that_cannot_be_seen_does_not_make_the_new_target_less_ready() {
    let mut story = Story::given_ready_server();
    let old = story.bound();
    story.when_edited(to_the_other).when_taken("Delete").when_due_is_done();
    story.then_waits_with(Reason::GatewayTargetReady);
    story.aws.vanish(&old, story.now);
    story.aws.missing.push(GATEWAY.into());
    story.writes = 0;
    story.when_restarted().when_time_passes(5).then_waits_with(Reason::GatewayTargetReady);
    story.then_writes_at_most(0).when_settled().then_ready();
}

/// A resource that must not delete what it has left.
fn given_denied_deletes() -> Story {
    let mut story = Story::given_ready_server();
    for _ in 0..1_000 {
        story.given_fault("Delete", Fault::Refused(FailureClass::Denied));
    }
    story
}

#[test]
fn what_it_cannot_get_rid_of_does_not_keep_it_from_moving_on() {
    let mut story = given_denied_deletes();
    story.when_edited(to_the_other).when_taken("Delete");
    story.when_edited(|spec| spec.gateway_id = Some("gateway-3".to_owned())).when_time_passes(60);
    assert_eq!(story.bound().0.as_str(), "gateway-3");
    assert_eq!(story.ours_alive().len(), 3);
    story.aws.faults.clear();
    story.when_settled().then_ready();
}

/// The status holds so many and no more: a target that it forgot would be leaked.
#[test]
fn it_moves_on_only_while_what_it_has_left_can_be_remembered() {
    let mut story = given_denied_deletes();
    for number in 2..13 {
        story.when_edited(|spec| spec.gateway_id = Some(format!("gateway-{number}")));
        story.when_time_passes(30);
    }
    story.then_waits_with(Reason::AccessDenied);
    assert_eq!(story.ours_alive().len(), 9, "eight that it has left, and the one that serves");
    story.aws.faults.clear();
    story.when_settled().then_ready();
    assert_eq!(story.bound().0.as_str(), "gateway-12");
}

/// No life leads there, but a person with an editor does.
#[test]
fn two_that_were_left_with_one_id_are_told_apart_by_their_gateways() {
    let mut story = Story::given_ready_server();
    for _ in 0..50 {
        story.given_fault("Delete", Fault::Refused(FailureClass::Denied));
    }
    story.when_edited(|spec| spec.gateway_id = Some(OTHER_GATEWAY.to_owned()));
    story.when_taken("Delete");
    let retired = &mut story.server.as_mut().unwrap().status.as_mut().unwrap().retired;
    let odd = api::Retired {
        gateway_id: "gateway-3".to_owned(),
        gateway_arn: None,
        target_id: retired[0].target_id.clone(),
    };
    retired.insert(0, odd);
    story.aws.faults.clear();
    story.due = true;
    story.when_time_passes(4_000).then_ends_as_written();
}

/// Whoever lets them stay hears of each.
#[test]
fn what_was_left_behind_and_stays_is_named() {
    let mut story = Story::given_ready_server();
    let old = story.bound();
    for _ in 0..50 {
        story.given_fault("Delete", Fault::Refused(FailureClass::Denied));
    }
    story.when_edited(|spec| spec.gateway_id = Some(OTHER_GATEWAY.to_owned()));
    story.when_taken("Delete");
    story.when_edited(|spec| spec.deletion_policy = Some("Retain".to_owned())).when_deleted();
    story.when_settled();
    let told = &story.events.last().unwrap().text;
    assert!(told.contains(old.1.as_str()) && told.contains(old.0.as_str()), "{told}");
    assert!(told.contains(OTHER_GATEWAY), "{told}");
}
