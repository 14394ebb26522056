//! What somebody else does to a target: it is seen, looked into, and put right.

use std::time::Duration;

use api::{Definition, MCPServerSpec, Reason, Target, TargetStatus};

use super::aws::{Fault, Stamp};
use super::story::{GATEWAY, Story, WINDOW};
use crate::memory::later;

fn other_endpoint(spec: &mut MCPServerSpec) {
    spec.endpoint = "https://weather.example.com/v2".to_owned();
}

fn definition(target: &mut Target) -> &mut Definition {
    target.definition.as_mut().unwrap()
}

fn drifts(target: &mut Target) {
    definition(target).endpoint.push_str("/drifted");
}

#[test]
fn drift_is_undone() {
    Story::given_ready_server()
        .when_target_is_changed(drifts)
        .when_time_passes(60)
        .when_settled()
        .then_steps(&["Read", "RecordApplying", "Update", "RecordApplied"])
        .then_ready();
}

/// The second time as well: an answer to the first repair is none to the second.
#[test]
fn drift_is_undone_each_time() {
    let mut story = Story::given_ready_server();
    for _ in 0..3 {
        story
            .when_target_is_changed(drifts)
            .when_time_passes(60)
            .when_settled()
            .then_steps(&["Read", "RecordApplying", "Update", "RecordApplied"])
            .then_ready();
    }
}

#[test]
fn a_change_that_means_nothing_is_read_once_and_left() {
    Story::given_ready_server()
        .when_target_is_changed(|target| {
            let header = "x-amzn-bedrock-agentcore-policy-session-id".to_owned();
            definition(target).metadata.request_headers.push(header);
        })
        .when_time_passes(60)
        .when_settled()
        .then_steps(&["Read"])
        .then_ready()
        .then_writes_at_most(1)
        .when_time_passes(600)
        .then_steps(&[]);
}

#[test]
fn drift_that_a_lagging_get_does_not_show_yet_is_not_forgotten() {
    let mut story = Story::given_ready_server();
    story
        .given_quirks(|quirks| quirks.get_lag = WINDOW * 9 / 10)
        .when_time_passes(59)
        .when_target_is_changed(drifts)
        .when_time_passes(60)
        .when_settled()
        .then_ready();
    assert!(story.steps.contains(&"Update"));
}

/// AWS may change what it is given in ways that nobody knows yet: that must not become a fight.
#[test]
fn a_difference_that_does_not_go_away_is_no_hot_loop() {
    let mut story = Story::given_server();
    story
        .given_quirks(|quirks| {
            quirks.stamp = Stamp::Completion;
            quirks.rewrites = true;
        })
        .when_time_passes(2400)
        .then_waits_with(Reason::TargetFailed)
        .then_message_says("it does not show what was asked for: endpoint");
    let updates = story.steps.iter().filter(|step| **step == "Update").count();
    assert!((3..12).contains(&updates), "{updates} Updates in forty minutes");
}

/// Whatever AWS does to `updatedAt`: what stands there when the window is over is what there is.
#[test]
fn a_date_that_goes_back_is_looked_into() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    let earlier = story.now - jiff::SignedDuration::from_hours(1);
    story.when_target_is_changed(drifts);
    story.aws.meddle_dated(&target, story.now, earlier);
    story.when_time_passes(90).when_settled().then_ready();

    // The same after an Update.
    story.when_edited(other_endpoint).when_taken("RecordApplied").when_time_passes(4);
    story.aws.meddle_dated(&target, story.now, earlier);
    story.when_settled().then_ready();
}

#[test]
fn a_target_that_was_deleted_behind_our_back_is_made_again() {
    let mut story = Story::given_ready_server();
    let before = story.bound();
    story
        .when_target_vanishes()
        .when_time_passes(60)
        .when_settled()
        .then_steps(&["Read", "RecordIntent", "Create", "Bind", "Annotate"])
        .then_ready();
    assert_ne!(story.bound(), before);
}

#[test]
fn a_crash_at_any_point_of_making_it_again_ends_with_one_target() {
    for steps in 0..5 {
        Story::given_ready_server()
            .when_target_vanishes()
            .when_process_dies_after(steps)
            .when_time_passes(60)
            .when_settled()
            .then_ready();
    }
}

#[test]
fn a_target_that_a_lagging_list_does_not_show_is_not_made_again() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    let shown = story.aws.now(&target, story.now).unwrap().clone();
    // The List is behind: it shows the gateway before the target was there.
    story.given_quirks(|quirks| quirks.list_lag = Duration::from_hours(1));
    story.when_time_passes(90).then_target_is(&target);
    story.given_quirks(|quirks| quirks.list_lag = Duration::ZERO);
    story.when_settled().then_target_is(&target).then_ready();
    assert_eq!(story.aws.now(&target, story.now), Some(&shown));
}

/// The pauses are for whoever contends for the target, and nobody has so far.
#[test]
fn drift_is_undone_for_the_first_time_as_soon_as_it_is_certain() {
    let mut story = Story::given_ready_server();
    story.when_target_is_changed(drifts).when_restarted();
    let certain = later(story.now, WINDOW);
    story.when_taken("Update");
    assert!(story.now < later(certain, Duration::from_secs(3)), "it took until {}", story.now);
}

/// AWS dates the configuration, and not whether it works: a reading of a failure says nothing of what
/// has the same date and works.
#[test]
fn a_failed_target_that_comes_round_by_itself_is_ready() {
    let mut story = Story::given_ready_server();
    story.given_quirks(|quirks| quirks.stamp = Stamp::Completion);
    story.given_fault("Update", Fault::FailsBehind);
    story.when_edited(other_endpoint).when_time_passes(15).then_waits_with(Reason::TargetFailed);
    let target = story.bound();
    let updated_at = story.aws.now(&target, story.now).unwrap().summary.updated_at;
    story.when_target_is_changed(|target| target.summary.status = TargetStatus::Ready);
    story.aws.meddle_dated(&target, story.now, updated_at);
    story.steps.clear();
    // Another resource on the gateway waits for something, so the mirror looks.
    story.awaits.push(GATEWAY.into());
    story.when_time_passes(2).then_ready().then_steps(&["Read"]);
}

#[test]
fn a_target_that_somebody_deletes_is_said_to_be_made_again() {
    let mut story = Story::given_ready_server();
    let before = story.bound();
    story
        .when_target_is_changed(|target| target.summary.status = TargetStatus::Deleting)
        .when_time_passes(90)
        .then_steps(&[])
        .then_waits_with(Reason::Creating)
        .then_message_says("is gone");
    story.when_target_vanishes().when_settled().then_ready();
    assert_ne!(story.bound(), before);
}
