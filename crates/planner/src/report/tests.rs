use std::collections::BTreeSet;

use api::{
    Applied, ConditionType, Failure, FailureClass, MCPServerSpec, Reason, TargetId, WorkloadRef,
};

use super::*;
use crate::Violation;

const FAILURES: [FailureClass; 10] = [
    FailureClass::Throttled,
    FailureClass::Quota,
    FailureClass::Conflict,
    FailureClass::WrongState,
    FailureClass::NotFound,
    FailureClass::Denied,
    FailureClass::Credentials,
    FailureClass::Invalid,
    FailureClass::Server,
    FailureClass::Unanswered,
];

fn failure(class: FailureClass) -> Failure {
    Failure { class, message: "AWS says no".to_owned() }
}

/// Everywhere that a resource can stand.
fn standings() -> Vec<Standing> {
    let gateway = || GatewayId::from("gw");
    let target = || TargetId::from("T");
    let refusal = || failure(FailureClass::Invalid);
    let violation = Violation { field: "spec.endpoint", message: "is empty".to_owned() };
    let text = || "weather".to_owned();
    let mut all = vec![
        Standing::Hold,
        Standing::Invalid(vec![violation]),
        Standing::NoGateway,
        Standing::GatewayNotFound(gateway()),
        Standing::GatewayLost(gateway()),
        Standing::WrongAccountOrRegion { arn: text(), account: text(), region: text() },
        Standing::Creating(gateway()),
        Standing::Updating(target()),
        Standing::Synchronizing(target()),
        Standing::Repairing { target: target(), fields: vec!["endpoint"] },
        Standing::Drifted { target: target(), fields: vec!["endpoint"] },
        Standing::Recreating(target()),
        Standing::Replacing { target: target(), refusal: refusal() },
        Standing::Deleting(target()),
        Standing::DeletingAgain(target()),
        Standing::DeletingAfterConsent(target()),
        Standing::Retained(Vec::new()),
        Standing::Suspended("updated"),
        Standing::NotPermitted { gateway: gateway(), target: target() },
        Standing::Queued { attempt: Attempt::Update, wait: Wait::Calls { most: 5 } },
        Standing::Stale { gateway: gateway(), failure: None },
        Standing::Stale { gateway: gateway(), failure: Some(failure(FailureClass::Credentials)) },
        Standing::CannotChange { target: target(), failure: refusal() },
        Standing::ConsentPending { target: target(), edited: true },
        Standing::ConsentLapsed(target()),
        Standing::Gone,
        Standing::Broken(Some(text())),
        Standing::Unreadable(text()),
    ];
    for holder in [
        Holder::Target(target()),
        Holder::Meanwhile(target(), text()),
        Holder::Remembered(target()),
        Holder::Resource(text()),
        Holder::First(text()),
    ] {
        all.push(Standing::NameConflict { gateway: gateway(), name: text(), holder });
    }
    for remedy in [Remedy::Time, Remedy::Edit, Remedy::SyncRequest] {
        all.push(Standing::Failed { status: TargetStatus::Failed, reasons: vec![], remedy });
    }
    for failure in FAILURES.map(failure) {
        all.push(Standing::Blind { gateway: gateway(), failure: failure.clone() });
        for busy in [false, true] {
            let failure = failure.clone();
            all.push(Standing::Held { attempt: Attempt::Update, failure, busy });
        }
    }
    for checked in [false, true] {
        let applied =
            Applied { fingerprint: text(), updated_at: Timestamp::UNIX_EPOCH, settled: true };
        all.push(Standing::Ready { gateway: gateway(), target: target(), applied, checked });
    }
    all
}

/// However the tools can be.
fn tools() -> Vec<Tools> {
    let workload = || WorkloadRef { kind: "Deployment".to_owned(), name: "weather".to_owned() };
    let mut all = vec![
        Tools::Hold,
        Tools::Unasked,
        Tools::Fresh,
        Tools::Fixed,
        Tools::Dynamic,
        Tools::Fetching,
        Tools::Suspended,
        Tools::OnRequestOnly,
        Tools::RollingOut(workload()),
        Tools::Idle(workload()),
        Tools::NoWorkload(workload()),
        Tools::Hidden(workload(), "forbidden".to_owned()),
        Tools::Refused("no".to_owned()),
        Tools::Failed,
        Tools::Behind,
        Tools::Invalid,
    ];
    all.extend(FAILURES.map(failure).map(Tools::Held));
    all
}

#[test]
fn conditions_have_the_reasons_that_are_documented_as_theirs_and_no_others() {
    let mut used = BTreeSet::new();
    // Before anybody has looked at a resource, the schema's default says so.
    used.insert((ConditionType::Ready.as_str().to_owned(), Reason::Pending.as_str().to_owned()));
    let server = MCPServer::new("weather", MCPServerSpec::default());
    let standing = standings().into_iter().map(Report::of);
    let of_tools = tools().into_iter().map(|tools| Report { tools, ..Report::of(Standing::Hold) });
    for report in standing.chain(of_tools) {
        let status = project(&server, None, &report, Timestamp::UNIX_EPOCH);
        used.extend(status.conditions.into_iter().map(|said| (said.type_, said.reason)));
    }
    let documented: BTreeSet<_> = Reason::ALL
        .iter()
        .flat_map(|reason| reason.conditions().iter().map(move |kind| (kind, reason)))
        .map(|(kind, reason)| (kind.as_str().to_owned(), reason.as_str().to_owned()))
        .collect();
    assert_eq!(used, documented);
}

#[test]
fn what_waits_in_line_is_told_where_it_changes_the_target() {
    let wait = || Wait::Calls { most: 5 };
    let waits = Report { handled: Some("a".to_owned()), ..Report::of(Standing::Hold) };
    let queued = waits.clone().queued(Attempt::Update, wait());
    let standing = Standing::Queued { attempt: Attempt::Update, wait: wait() };
    assert_eq!((queued.standing, queued.handled), (standing, None));
    assert_eq!(waits.clone().queued(Attempt::Read, wait()), waits, "to look changes nothing");
    let ready = Report::of(Standing::Ready {
        gateway: "gw".into(),
        target: "T".into(),
        applied: Applied {
            fingerprint: String::new(),
            updated_at: Timestamp::UNIX_EPOCH,
            settled: true,
        },
        checked: true,
    });
    assert_eq!(ready.clone().queued(Attempt::Delete, wait()), ready, "what is left goes later");
}

/// What goes is judged no more: whether it was valid stays as it was said last.
#[test]
fn the_end_of_a_resource_says_nothing_of_its_validity() {
    let target = || TargetId::from("T");
    for standing in [
        Standing::Deleting(target()),
        Standing::DeletingAgain(target()),
        Standing::DeletingAfterConsent(target()),
    ] {
        let server = MCPServer::new("weather", MCPServerSpec::default());
        let status = project(&server, None, &Report::of(standing), Timestamp::UNIX_EPOCH);
        let said = status.conditions.iter().map(|said| said.type_.as_str()).collect::<Vec<_>>();
        assert!(said.contains(&"Ready") && !said.contains(&"Accepted"), "{said:?}");
    }
}
