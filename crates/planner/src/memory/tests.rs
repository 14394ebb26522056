use api::{MCPServer, MCPServerSpec, MCPServerStatus, Summary, TargetStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::*;
use crate::Step;
use crate::diff::fingerprint;
use crate::report::{Report, Standing};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn failure(class: FailureClass) -> Failure {
    Failure { class, message: String::new() }
}

/// A resource of the first generation with this target.
fn server(target: &str) -> MCPServer {
    let mut server = MCPServer::new("weather", MCPServerSpec::default());
    server.metadata.generation = Some(1);
    server.status = Some(MCPServerStatus {
        gateway_id: Some("gw".to_owned()),
        target_id: Some(target.to_owned()),
        ..MCPServerStatus::default()
    });
    server
}

fn asking(value: &str) -> MCPServer {
    let mut server = server("T");
    let annotations = server.metadata.annotations.get_or_insert_default();
    annotations.insert(api::REQUEST_ANNOTATION.to_owned(), value.to_owned());
    server
}

fn definition() -> api::Definition {
    api::Definition::new("weather", "https://weather.example.com")
}

fn update(again: bool, before: Timestamp) -> Step {
    let definition = Box::new(definition());
    Step::Update {
        gateway: "gw".into(),
        target: "T".into(),
        definition,
        again,
        before,
        busy: false,
    }
}

fn delete(target: &str) -> Step {
    Step::Delete { gateway: "gw".into(), target: target.into(), busy: false }
}

fn synchronize(again: bool) -> Step {
    Step::Synchronize { gateway: "gw".into(), target: "T".into(), again, busy: false }
}

fn read(gateway: &str, target: &str) -> Step {
    Step::Read { gateway: gateway.into(), target: target.into() }
}

fn accepted(updated_at: Timestamp) -> Answer {
    Answer::Accepted(Accepted {
        target: "T".into(),
        gateway_arn: String::new(),
        status: TargetStatus::Updating,
        updated_at,
    })
}

fn found() -> Answer {
    Answer::Found(Box::new(Target {
        summary: Summary {
            id: "T".into(),
            name: "weather".to_owned(),
            status: TargetStatus::Ready,
            description: None,
            created_at: at(0),
            updated_at: at(0),
            last_synchronized_at: None,
            authorization_url: None,
        },
        gateway_arn: String::new(),
        status_reasons: Vec::new(),
        definition: None,
    }))
}

impl Memory {
    /// The call was made for a resource with the target `T`, and took the second before `ended`.
    fn hears(&mut self, step: &Step, ended: i64, result: Result<Answer, FailureClass>) {
        let call = Call { began: at(ended - 1), ended: at(ended), result: result.map_err(failure) };
        self.learn(&server("T"), step, call, 7);
    }
}

#[test]
fn a_request_ends_every_pause_once() {
    let mut memory = Memory::new(at(0));
    assert_eq!(memory.requested_at("a"), at(0), "noticed by nobody, it is as old as the process");
    memory.hears(&read("gw", "T"), 1, Err(FailureClass::Denied));
    memory.notice(&asking("a"), at(10));
    assert!(memory.setback(Attempt::Read, 1).is_none());

    memory.hears(&read("gw", "T"), 11, Err(FailureClass::Denied));
    memory.notice(&asking("a"), at(20));
    assert_eq!(memory.requested_at("a"), at(10));
    assert!(memory.setback(Attempt::Read, 1).is_some(), "it was noticed already");
    memory.notice(&server("T"), at(20));
    assert!(memory.setback(Attempt::Read, 1).is_some(), "nobody asks");

    let mut handled = asking("b");
    handled.status.as_mut().unwrap().last_handled_reconcile_at = Some("b".to_owned());
    memory.notice(&handled, at(30));
    assert!(memory.setback(Attempt::Read, 1).is_some(), "it is over");
    memory.notice(&asking("b"), at(40));
    assert!(memory.setback(Attempt::Read, 1).is_none());
    assert_eq!(memory.requested_at("b"), at(40));
    assert_eq!(memory.requested_at("a"), at(0));
}

#[test]
fn a_request_for_the_tools_ends_their_pause_once() {
    let fetch =
        Step::Synchronize { gateway: "gw".into(), target: "T".into(), again: false, busy: false };
    let asking = |value: &str| {
        let mut server = server("T");
        let annotations = server.metadata.annotations.get_or_insert_default();
        annotations.insert(api::SYNC_REQUEST_ANNOTATION.to_owned(), value.to_owned());
        server
    };
    let mut memory = Memory::new(at(0));
    let is_held = |memory: &Memory| memory.setback(Attempt::Synchronize, 1).is_some();
    memory.hears(&fetch, 1, Err(FailureClass::Denied));
    memory.notice(&server("T"), at(2));
    assert!(is_held(&memory), "nobody asks");
    memory.notice(&asking("a"), at(3));
    assert!(!is_held(&memory));
    memory.hears(&fetch, 4, Err(FailureClass::Denied));
    memory.notice(&asking("a"), at(5));
    assert!(is_held(&memory), "it was noticed already");
    memory.notice(&asking("b"), at(6));
    assert!(!is_held(&memory));
}

/// Of such an Update something may still come without being shown.
#[test]
fn an_update_is_in_doubt_if_nobody_knows_whether_aws_took_it() {
    let applying =
        api::Applying { fingerprint: fingerprint(&definition()), generation: 1, template: None };
    let mut recorded = server("T");
    recorded.status.as_mut().unwrap().applying = Some(applying.clone());

    let mut memory = Memory::new(at(5));
    memory.notice(&server("T"), at(6));
    assert_eq!(memory.in_doubt(), None);
    memory.notice(&recorded, at(7));
    assert_eq!(memory.in_doubt(), Some(at(5)), "a process before this one may have sent it");

    let mut memory = Memory::new(at(0));
    memory.recording(&server("T"), &Step::RecordApplying(applying));
    memory.notice(&recorded, at(1));
    assert_eq!(memory.in_doubt(), None, "it was not sent");
    memory.hears(&update(false, at(0)), 2, Err(FailureClass::Throttled));
    assert_eq!(memory.in_doubt(), None, "it was refused");
    memory.hears(&update(false, at(0)), 3, Err(FailureClass::Unanswered));
    assert_eq!(memory.in_doubt(), Some(at(3)));
    let mut memory = Memory::new(at(0));
    memory.hears(&update(false, at(0)), 1, Ok(accepted(at(1))));
    assert_eq!(memory.in_doubt(), None, "its answer is known");
}

/// An Update that may have been sent is not said to be unsent because a later one was refused.
#[test]
fn an_update_is_unsent_while_aws_has_certainly_not_taken_it() {
    let applying =
        api::Applying { fingerprint: fingerprint(&definition()), generation: 1, template: None };
    let mut memory = Memory::new(at(0));
    assert!(!memory.update_is_unsent(), "a process before this one may have sent it");
    memory.recording(&server("T"), &Step::RecordApplying(applying.clone()));
    assert!(memory.update_is_unsent());
    memory.hears(&update(false, at(0)), 1, Err(FailureClass::Throttled));
    assert!(memory.update_is_unsent());
    memory.hears(&update(false, at(0)), 2, Err(FailureClass::Unanswered));
    assert!(!memory.update_is_unsent());
    memory.hears(&update(false, at(0)), 3, Err(FailureClass::Throttled));
    assert!(!memory.update_is_unsent());
    memory.recording(&server("T"), &Step::RecordApplying(applying));
    assert!(memory.update_is_unsent(), "another one");
}

#[test]
fn a_target_that_is_deleted_again_and_again_is_given_more_time_than_another() {
    let pause = |memory: &Memory, target: &str, now: i64| {
        let again = memory.delete_again_at(&target.into(), 7).unwrap();
        again.duration_since(at(now))
    };
    let mut memory = Memory::new(at(0));
    for second in [1, 2, 3, 4] {
        memory.hears(&delete("T"), second, Ok(Answer::Deleting));
    }
    let grown = pause(&memory, "T", 4);
    memory.hears(&delete("U"), 5, Ok(Answer::Deleting));
    assert!(pause(&memory, "U", 5) < grown);
}

#[test]
fn readings_are_kept_while_somebody_may_ask_for_them() {
    let waits = |gateway: &str| Report::of(Standing::Hold).awaiting(&gateway.into());
    let mut memory = Memory::new(at(0));
    memory.hears(&read("gw", "T"), 1, Ok(found()));
    for asked_for in
        [Report::of(Standing::Hold), Report { needs_no_reading: true, ..waits("gw") }, waits("gw")]
    {
        memory.rest(&asked_for);
        assert!(memory.reading(&"gw".into(), &"T".into()).is_some());
    }
    memory.rest(&Report { needs_no_reading: true, ..Report::of(Standing::Hold) });
    assert!(memory.reading(&"gw".into(), &"T".into()).is_none());
}

#[test]
fn a_request_lets_a_delete_be_repeated_at_once() {
    let mut memory = Memory::new(at(0));
    assert_eq!(memory.delete_again_at(&"T".into(), 7), None);
    memory.hears(&delete("T"), 1, Ok(Answer::Deleting));
    assert!(memory.delete_again_at(&"T".into(), 7).is_some_and(|again| again > at(1)));
    assert_eq!(memory.delete_again_at(&"U".into(), 7), None);
    memory.notice(&asking("a"), at(2));
    assert_eq!(memory.delete_again_at(&"T".into(), 7), None);
    assert_eq!(memory.deleted(&"T".into()), Some(at(1)), "what was asked for stays known");
}

fn intent(nonce: &str) -> api::Intent {
    api::Intent {
        nonce: nonce.to_owned(),
        gateway: "gw".to_owned(),
        name: "weather".to_owned(),
        fingerprint: String::new(),
        generation: 1,
        aws_time: None,
        attempts_until: None,
        template: None,
        account: None,
        region: None,
    }
}

fn create(nonce: &str) -> Step {
    Step::Create {
        gateway: "gw".into(),
        nonce: nonce.to_owned(),
        token: String::new(),
        definition: Box::new(definition()),
        busy: false,
    }
}

#[test]
fn a_setback_lasts_since_the_first_that_was_like_it() {
    let mut memory = Memory::new(at(0));
    let since = |memory: &Memory| memory.setback(Attempt::Create, 1).unwrap().since;
    for (ended, class, begun) in [
        (1, FailureClass::Conflict, 1),
        (2, FailureClass::Conflict, 1),
        (3, FailureClass::Throttled, 3),
        (4, FailureClass::Conflict, 4),
        (5, FailureClass::Conflict, 4),
    ] {
        memory.hears(&create("a"), ended, Err(class));
        assert_eq!(since(&memory), at(begun), "{ended}");
    }
}

#[test]
fn what_aws_refused_to_an_intent_holds_up_none_of_another_name_or_gateway() {
    let mut recorded = server("T");
    recorded.status.as_mut().unwrap().intent = Some(intent("a"));
    for (next, held) in [
        (api::Intent { name: "climate".to_owned(), ..intent("b") }, false),
        (api::Intent { gateway: "gw-2".to_owned(), ..intent("b") }, false),
        (intent("b"), true),
    ] {
        let mut memory = Memory::new(at(0));
        memory.hears(&create("a"), 1, Err(FailureClass::Conflict));
        memory.recording(&recorded, &Step::RecordIntent(next));
        assert_eq!(memory.setback(Attempt::Create, 1).is_some(), held);
    }
}

#[test]
fn an_intent_that_is_recorded_again_keeps_what_is_known_of_it() {
    let create = create("a");
    let mut memory = Memory::new(at(0));
    memory.recording(&server("T"), &Step::RecordIntent(intent("a")));
    assert!(!memory.intended("a").unwrap().sent);
    memory.hears(&create, 1, Err(FailureClass::Throttled));
    memory.recording(&server("T"), &Step::RecordIntent(intent("a")));
    let intended = memory.intended("a").unwrap();
    assert!(intended.sent && !intended.ambiguous, "it was refused, and that is known");
    memory.hears(&create, 2, Err(FailureClass::Unanswered));
    memory.hears(&create, 3, Err(FailureClass::Throttled));
    assert!(memory.intended("a").unwrap().ambiguous, "of one attempt nobody knows the end");
    memory.recording(&server("T"), &Step::RecordIntent(intent("b")));
    assert!(memory.intended("a").is_none() && !memory.intended("b").unwrap().sent);
    assert!(!memory.intended("b").unwrap().ambiguous);

    let mut recorded = server("T");
    recorded.status.as_mut().unwrap().intent = Some(intent("a"));
    let mut memory = Memory::new(at(0));
    memory.recording(&recorded, &Step::RecordIntent(intent("a")));
    let intended = memory.intended("a").unwrap();
    assert!(!intended.sent && intended.ambiguous, "a process before this one may have sent it");
    memory.recording(&recorded, &Step::RecordIntent(intent("b")));
    assert!(!memory.intended("b").unwrap().ambiguous, "another one");
}

#[test]
fn an_answer_that_is_newer_than_the_state_before_has_moved() {
    let print = fingerprint(&definition());
    for (updated_at, moved) in [(4, false), (5, false), (6, true)] {
        let mut memory = Memory::new(at(0));
        memory.hears(&update(false, at(5)), 9, Ok(accepted(at(updated_at))));
        assert_eq!(memory.update_answer(&print).unwrap().moved, moved, "{updated_at}");
        assert_eq!(memory.changed(), Some(at(9)));
    }
}

#[test]
fn only_what_was_applied_before_is_counted_as_applied_again() {
    let mut memory = Memory::new(at(0));
    memory.hears(&update(false, at(0)), 1, Ok(accepted(at(1))));
    memory.hears(&update(true, at(0)), 2, Err(FailureClass::Denied));
    assert_eq!(memory.times_again(1), 0);
    memory.hears(&update(true, at(0)), 3, Ok(accepted(at(3))));
    assert_eq!((memory.times_again(1), memory.times_again(2)), (1, 0));
    memory.hears(&synchronize(false), 4, Ok(Answer::Synchronizing));
    memory.hears(&synchronize(true), 4, Err(FailureClass::Denied));
    assert_eq!(memory.times_again(1), 1);
    // A replacement is another try as well.
    memory.hears(&delete("U"), 4, Ok(Answer::Deleting));
    memory.hears(&delete("T"), 5, Err(FailureClass::Denied));
    assert_eq!(memory.times_again(1), 1);
    memory.hears(&delete("T"), 6, Ok(Answer::Deleting));
    assert_eq!(memory.times_again(1), 2);
    let mut going = server("T");
    going.metadata.deletion_timestamp = Some(Time(at(0)));
    let call = Call { began: at(6), ended: at(7), result: Ok(Answer::Deleting) };
    memory.learn(&going, &delete("T"), call, 7);
    assert_eq!(memory.times_again(1), 2, "the end of a resource is no try");
}

#[test]
fn what_a_failed_delete_means() {
    for (class, counts, holds_up) in [
        (FailureClass::Denied, false, true),
        (FailureClass::NotFound, true, false),
        (FailureClass::Unanswered, true, true),
    ] {
        let mut memory = Memory::new(at(0));
        memory.hears(&delete("T"), 1, Err(class));
        assert_eq!(memory.deleted(&"T".into()).is_some(), counts, "{class:?}");
        assert_eq!(memory.setback(Attempt::Delete, 1).is_some(), holds_up, "{class:?}");
        assert_eq!(memory.changed(), None, "what a Delete does is no change of anything else");
    }
}

#[test]
fn a_setback_belongs_to_a_kind_of_call_and_a_generation_and_ends_with_a_success() {
    let mut memory = Memory::new(at(0));
    memory.hears(&read("gw", "T"), 1, Err(FailureClass::Server));
    assert!(memory.setback(Attempt::Read, 1).is_some());
    assert!(memory.setback(Attempt::Read, 2).is_none());
    assert!(memory.setback(Attempt::Update, 1).is_none());
    memory.hears(&read("gw", "T"), 2, Err(FailureClass::NotFound));
    assert!(memory.setback(Attempt::Read, 1).is_none(), "a 404 is an answer");
    assert!(memory.reading(&"gw".into(), &"T".into()).unwrap().found.is_none());
    memory.hears(&read("gw", "T"), 3, Err(FailureClass::Server));
    let kept = memory.reading(&"gw".into(), &"T".into()).unwrap();
    assert_eq!(kept.as_of, at(1), "no answer is none");
}

#[test]
fn the_last_readings_are_kept_one_for_each_target() {
    let mut memory = Memory::new(at(0));
    for (second, (gateway, target)) in
        (1..).zip([("gw", "A"), ("gw", "B"), ("other", "A"), ("gw", "C"), ("gw", "A")])
    {
        memory.hears(&read(gateway, target), second, Ok(found()));
    }
    let as_of = |memory: &Memory, gateway: &str, target: &str| {
        memory.reading(&gateway.into(), &target.into()).map(|reading| reading.as_of)
    };
    assert_eq!(as_of(&memory, "gw", "A"), Some(at(4)));
    assert_eq!(as_of(&memory, "gw", "B"), Some(at(1)));
    assert_eq!(as_of(&memory, "other", "A"), Some(at(2)));
    memory.hears(&read("gw", "D"), 6, Ok(found()));
    assert_eq!(as_of(&memory, "gw", "B"), None, "the oldest makes room");
    assert_eq!(as_of(&memory, "other", "A"), Some(at(2)));
}
