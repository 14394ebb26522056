//! What goes wrong, one thing at a time; what lasts overlaps with what comes after it.

use std::time::Duration;

use anyhow::{Result, ensure};
use emulator::{CallKind, Fault, FaultRule, OutcomeRule, Spread, TargetPatch, Transition};
use http::StatusCode;
use http::request::Parts;
use serde_json::{Map, Value, json};
use testkit::Signal;
use testkit::proxy::{Connections, Interruption, Trouble, is_status_write};

use crate::stage::{GATEWAYS, Stage};

const SECOND: Duration = Duration::from_secs(1);

const CALLS: [CallKind; 5] = [
    CallKind::CreateGatewayTarget,
    CallKind::UpdateGatewayTarget,
    CallKind::DeleteGatewayTarget,
    CallKind::GetGatewayTarget,
    CallKind::ListGatewayTargets,
];

const TRANSITIONS: [Transition; 3] =
    [Transition::Creating, Transition::Updating, Transition::Deleting];

#[derive(Clone, Copy)]
enum Kind {
    /// AWS refuses, is slow, or loses answers.
    Call,
    /// What AWS has begun ends badly.
    Outcome,
    /// Somebody else changes a target.
    Drift,
    /// Somebody else deletes a target.
    Loss,
    /// A replica has no way to the API server for a while.
    CutOff,
    /// Some of its requests to the API server come to harm.
    Requests,
    /// Its watches do.
    Watches,
    /// It stands still.
    Freeze,
    /// It is killed.
    Kill,
    /// It is asked to end.
    Stop,
    /// The API server goes away and comes back.
    ApiServer,
    /// So does etcd.
    Etcd,
}

/// Each as often as it is here.
const KINDS: [Kind; 26] = [
    Kind::Call,
    Kind::Call,
    Kind::Call,
    Kind::Call,
    Kind::Call,
    Kind::Call,
    Kind::Outcome,
    Kind::Outcome,
    Kind::Drift,
    Kind::Drift,
    Kind::Loss,
    Kind::Loss,
    Kind::CutOff,
    Kind::CutOff,
    Kind::Requests,
    Kind::Requests,
    Kind::Requests,
    Kind::Watches,
    Kind::Watches,
    Kind::Freeze,
    Kind::Freeze,
    Kind::Kill,
    Kind::Kill,
    Kind::Stop,
    Kind::ApiServer,
    Kind::Etcd,
];

/// Something goes wrong; says what.
pub(crate) async fn strike(stage: &mut Stage, random: &mut fastrand::Rng) -> Result<String> {
    let kind = KINDS[random.usize(..KINDS.len())];
    // Drawn whatever comes, so that what follows does not depend on it.
    let replica = random.usize(..2);
    let time = Duration::from_millis(random.u64(200..6000));
    let mut draws = random.fork();
    Ok(match kind {
        Kind::Call => call(stage, &mut draws),
        Kind::Outcome => {
            let transition = TRANSITIONS[draws.usize(..TRANSITIONS.len())];
            stage.aws.outcome(OutcomeRule::failing(transition).times(draws.u64(1..=2)));
            format!("{transition:?} fails")
        }
        Kind::Drift => on_a_target(stage, &mut draws, |stage, gateway, id| {
            let spec = Map::from_iter([("description".to_owned(), Value::from("drifted"))]);
            let patch = TargetPatch { spec, ..TargetPatch::default() };
            Ok(stage.aws.change_target(gateway, id, patch).map(|_| "drifts")?)
        })?,
        Kind::Loss => on_a_target(stage, &mut draws, |stage, gateway, id| {
            Ok(stage.aws.delete_target(gateway, id).map(|()| "is deleted")?)
        })?,
        Kind::CutOff => {
            let fare = if draws.bool() { Connections::Cut } else { Connections::Silent };
            stage.weather(replica).connections(fare);
            tokio::time::sleep(time).await;
            stage.weather(replica).connections(Connections::Open);
            format!("replica {replica} was cut off for {time:?}: {fare:?}")
        }
        Kind::Requests => requests(stage, replica, &mut draws),
        Kind::Watches => {
            let gone = json!({ "type": "ERROR", "object": {
                "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 410,
                "reason": "Expired", "message": "too old resource version",
            }});
            let interruption = match draws.usize(..3) {
                0 => Interruption::Cut,
                1 => Interruption::Silence,
                _ => Interruption::Event(gone.to_string()),
            };
            let count = stage.weather(replica).interrupt(interruption.clone());
            format!("{count} watches of replica {replica}: {interruption:?}")
        }
        Kind::Freeze => {
            stage.signal(replica, Signal::STOP)?;
            tokio::time::sleep(time).await;
            stage.signal(replica, Signal::CONT)?;
            format!("replica {replica} stood still for {time:?}")
        }
        Kind::Kill => {
            stage.replace(true).await?;
            "the younger replica was killed".to_owned()
        }
        Kind::Stop => {
            stage.replace(false).await?;
            "the younger replica was stopped".to_owned()
        }
        Kind::ApiServer => {
            stage.cluster.stop_api_server().await?;
            tokio::time::sleep(time).await;
            stage.cluster.restart_api_server().await?;
            format!("the API server was away for {time:?}")
        }
        Kind::Etcd => {
            stage.cluster.stop_etcd().await?;
            tokio::time::sleep(time).await;
            stage.cluster.restart_etcd().await?;
            format!("etcd was away for {time:?}")
        }
    })
}

fn call(stage: &Stage, draws: &mut fastrand::Rng) -> String {
    let kind = CALLS[draws.usize(..CALLS.len())];
    let faults = [
        Fault::error("ThrottlingException"),
        Fault::error("InternalServerException"),
        Fault::error("ConflictException"),
        Fault::error("ServiceQuotaExceededException"),
        Fault::Error { code: "ServiceUnavailable".to_owned(), message: None, status: Some(503) },
        Fault::CredentialsRefused,
        Fault::CutBeforeCommit,
        Fault::CutAfterCommit,
        Fault::HalfAnswer,
        Fault::HangBeforeCommit,
        Fault::HangAfterCommit,
        Fault::Slow(Spread::Fixed(3 * SECOND)),
    ];
    let fault = faults[draws.usize(..faults.len())].clone();
    let times = draws.u64(1..=3);
    let told = format!("{times} x {kind:?}: {fault:?}");
    stage.aws.fault(FaultRule::on(kind, fault).times(times));
    told
}

fn requests(stage: &Stage, replica: usize, draws: &mut fastrand::Rng) -> String {
    let refused = |status, reason, retry_after| Trouble::Refused { status, reason, retry_after };
    let (trouble, meant): (_, fn(&Parts) -> bool) = match draws.usize(..4) {
        0 => (refused(StatusCode::CONFLICT, "Conflict", None), is_status_write),
        1 => (refused(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", Some(1)), |_| true),
        2 => (Trouble::Slow(2 * SECOND), |_| true),
        _ => (Trouble::Lost, is_status_write),
    };
    let times = draws.u32(1..=6);
    let told = format!("{times} requests of replica {replica}: {trouble:?}");
    let mut left = times;
    stage.weather(replica).trouble(trouble, move |parts| {
        let strikes = left > 0 && meant(parts);
        left -= u32::from(strikes);
        strikes
    });
    told
}

/// Somebody does something to one of our targets.
fn on_a_target(
    stage: &Stage,
    draws: &mut fastrand::Rng,
    deed: impl FnOnce(&Stage, &str, &str) -> Result<&'static str>,
) -> Result<String> {
    let gateway = GATEWAYS[draws.usize(..GATEWAYS.len())];
    let mut targets = stage.aws.targets(gateway);
    targets.retain(|target| !target.spec.name.starts_with("stranger"));
    if targets.is_empty() {
        return Ok(format!("nothing to spoil on {gateway}"));
    }
    let target = targets.swap_remove(draws.usize(..targets.len()));
    ensure!(target.spec.name.starts_with("server"), "whose is {target:?}?");
    let what = deed(stage, gateway, &target.target_id)?;
    Ok(format!("{} on {gateway} {what}", target.spec.name))
}
