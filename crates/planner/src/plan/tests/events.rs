//! What people are told by events: each turn of a story once, and nothing for as long as it lasts.

use api::{ADOPT_ANNOTATION, FailureClass, REQUEST_ANNOTATION, TargetStatus};

use super::aws::Fault;
use super::story::{NAME, OTHER_GATEWAY, Story};
use crate::Note;

const READY: &str = "Normal GatewayTargetReady Observe";

impl Story {
    /// Then: people were told this since the last look (kind, reason and action), and no more.
    fn then_events(&mut self, events: &[&str]) -> &mut Self {
        let told = self.events.iter().map(|note| {
            let kind = if note.warning { "Warning" } else { "Normal" };
            format!("{kind} {} {}", note.reason, note.action)
        });
        let told: Vec<String> = told.collect();
        self.assert(told == events, &format!("{told:?} instead of {events:?}"));
        self.events.clear();
        self
    }

    /// Then: for a while, and over a restart, there is nothing more to tell.
    fn then_nothing_more_is_told(&mut self) -> &mut Self {
        self.when_time_passes(600).then_events(&[]);
        self.when_restarted().when_time_passes(600).then_events(&[])
    }
}

#[test]
fn of_a_new_target_it_is_told_that_it_serves() {
    let mut story = Story::given_server();
    story.when_settled();
    let said = story.condition("Ready").unwrap().message.clone();
    assert_eq!(story.events[0].text, said, "an event says what `Ready` says");
    story.then_events(&[READY]).then_nothing_more_is_told();
}

#[test]
fn of_an_edit_it_is_told_that_it_serves() {
    let mut story = Story::given_ready_server();
    story.when_edited(|spec| spec.description = Some("changed".to_owned())).when_settled();
    story.then_events(&[READY]).then_nothing_more_is_told();
}

#[test]
fn drift_is_told_of_when_it_is_undone_and_when_it_is_left() {
    for (policy, events) in [
        ("Enforce", &["Warning DriftDetected Update", READY][..]),
        ("Warn", &["Warning DriftDetected Observe"]),
        ("Ignore", &[READY]),
    ] {
        let mut story = Story::given_ready_server();
        story.when_edited(|spec| spec.drift_policy = Some(policy.to_owned())).when_settled();
        story.when_target_is_changed(|target| {
            target.definition.as_mut().unwrap().endpoint.push_str("/drifted");
        });
        story.when_time_passes(300);
        let is_of_drift = story.events.iter().any(Note::is_of_drift);
        story.assert(is_of_drift == (policy != "Ignore"), "drift is counted by its event");
        story.then_events(events).then_nothing_more_is_told();
    }
}

#[test]
fn a_target_that_is_lost_is_told_of() {
    let mut story = Story::given_ready_server();
    story.when_target_vanishes().when_time_passes(90).when_settled();
    story.then_events(&["Warning TargetLost Create", READY]);
}

/// It is not lost: the resource has left it.
#[test]
fn a_move_loses_nothing() {
    let mut story = Story::given_ready_server();
    story.when_edited(|spec| spec.gateway_id = Some(OTHER_GATEWAY.to_owned())).when_settled();
    story.then_events(&[READY]);
}

#[test]
fn a_takeover_is_told_of() {
    let mut story = Story::given_server();
    story.policy.allow_adoption = true;
    let stranger = story.given_stranger(NAME);
    story.adopted.push(stranger.clone());
    story.when_annotated(ADOPT_ANNOTATION, stranger.1.as_str()).when_settled();
    assert!(story.events[0].text.contains(stranger.1.as_str()), "{:?}", story.events);
    story.then_events(&["Normal TargetAdopted Adopt", READY]);
}

#[test]
fn the_end_of_a_resource_is_told_of() {
    let mut story = Story::given_ready_server();
    story.when_deleted().when_settled().then_gone();
    story.then_events(&["Normal Deleting Observe"]);
}

#[test]
fn a_target_that_stays_behind_is_told_of() {
    let mut story = Story::given_ready_server();
    let target = story.bound();
    story.when_edited(|spec| spec.deletion_policy = Some("Retain".to_owned())).when_settled();
    story.when_deleted().when_settled();
    assert!(story.events[0].text.contains(target.1.as_str()), "{:?}", story.events);
    story.then_events(&["Normal TargetRetained Release"]);

    let mut story = Story::given_server();
    story.when_edited(|spec| spec.deletion_policy = Some("Retain".to_owned()));
    story.given_fault("Create", Fault::Refused(FailureClass::Throttled)).when_taken("Create");
    story.when_deleted().when_settled();
    story.then_events(&[]);
}

/// However often it is tried meanwhile.
#[test]
fn what_goes_by_is_not_told_of() {
    for class in [FailureClass::Throttled, FailureClass::WrongState, FailureClass::Server] {
        let mut story = Story::given_ready_server();
        for _ in 0..20 {
            story.given_fault("Update", Fault::Refused(class));
        }
        story.when_edited(|spec| spec.description = Some("changed".to_owned()));
        story.when_time_passes(300).then_events(&[]);
        story.when_settled().then_events(&[READY]);
    }
}

#[test]
fn what_a_person_has_to_know_is_told_of_once() {
    type Given = fn(&mut Story);
    let cases: [(&str, Given); 8] = [
        ("Warning ValidationError Observe", |story| {
            story.when_edited(|spec| spec.capabilities.clear());
        }),
        ("Warning GatewayNotFound Observe", |story| {
            story.aws.missing.push(OTHER_GATEWAY.into());
            story.when_edited(|spec| spec.gateway_id = Some(OTHER_GATEWAY.to_owned()));
        }),
        ("Warning NameConflict Observe", |story| {
            story.given_stranger("climate");
            story.when_edited(|spec| spec.target_name = Some("climate".to_owned()));
        }),
        ("Warning AccessDenied Observe", |story| {
            for _ in 0..500 {
                story.given_fault("Update", Fault::Refused(FailureClass::Denied));
            }
            story.when_edited(|spec| spec.description = Some("changed".to_owned()));
        }),
        ("Warning QuotaExceeded Observe", |story| {
            for _ in 0..500 {
                story.given_fault("Update", Fault::Refused(FailureClass::Quota));
            }
            story.when_edited(|spec| spec.description = Some("changed".to_owned()));
        }),
        ("Warning AuthorizationPending Observe", |story| {
            story.when_target_is_changed(|target| {
                target.summary.status = TargetStatus::UpdatePendingAuth;
            });
        }),
        ("Warning ObservationStale Observe", |story| {
            story.aws.blind = Some(FailureClass::Denied);
        }),
        ("Normal Suspended Observe", |story| {
            story.when_edited(|spec| {
                spec.suspend = Some(true);
                spec.description = Some("changed".to_owned());
            });
        }),
    ];
    for (event, given) in cases {
        let mut story = Story::given_ready_server();
        given(&mut story);
        story.when_time_passes(900).then_events(&[event]);
        story.then_nothing_more_is_told();
    }
}

#[test]
fn a_failure_is_told_of_and_so_is_its_end() {
    let mut story = Story::given_ready_server();
    story.given_fault("Update", Fault::FailsBehind);
    story.when_edited(|spec| spec.description = Some("changed".to_owned())).when_settled();
    story.then_events(&["Warning TargetFailed Observe", READY]);
}

/// Its answer is written, and says nothing that is not known.
#[test]
fn a_check_that_finds_nothing_is_not_told_of() {
    let mut story = Story::given_ready_server();
    story.when_annotated(REQUEST_ANNOTATION, "noon").when_settled().then_writes_at_most(1);
    story.then_events(&[]);

    let mut story = Story::given_ready_server();
    story.when_edited(|spec| spec.drift_policy = Some("Warn".to_owned())).when_settled();
    story.when_target_is_changed(|target| {
        target.definition.as_mut().unwrap().endpoint.push_str("/drifted");
    });
    story.when_time_passes(90).then_events(&["Warning DriftDetected Observe"]);
    story.writes = 0;
    story.when_annotated(REQUEST_ANNOTATION, "noon").when_settled();
    assert_eq!(story.writes, 1, "it is written that the check was made");
    story.then_events(&[]);
}
