//! The admin API under `/_emulator/`: what the emulator holds, and how to change it, for whoever
//! drives it as a process of its own. JSON in and out, no signature, no headers required.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::response::Response;
use axum::routing::{delete, get};
use http::request::Parts;
use jiff::SignedDuration;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::write;
use crate::call::CallKind;
use crate::core::{Core, Inner};
use crate::state::{BackdoorError, NewGateway, TargetPatch};
use crate::target::{TargetSpec, TargetStatus};

type Shared = State<Arc<Core>>;

/// Where all of it is.
pub(super) const ROOT: &str = "/_emulator";

/// A part of the request line, whose refusal is the admin API's.
struct Asked<E>(E);

impl<E, S> FromRequestParts<S> for Asked<E>
where
    E: FromRequestParts<S, Rejection: Display>,
    S: Send + Sync,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let asked = E::from_request_parts(parts, state).await;
        asked.map(Self).map_err(|rejection| failure(400, &rejection.to_string()))
    }
}

pub(super) fn router() -> Router<Arc<Core>> {
    Router::new()
        .route("/health", get(health))
        .route("/gateways", get(gateways).post(add_gateway))
        .route("/gateways/{gateway}", delete(remove_gateway))
        .route("/targets", get(targets).post(plant_target))
        .route("/targets/{gateway}/{target}", delete(erase_target).patch(patch_target))
        .route("/calls", get(calls).delete(clear_calls))
        .route("/clock", get(clock).post(set_clock))
}

async fn health() -> Response {
    write::json(200, &json!({"status": "ok"}))
}

pub(super) async fn no_such_path() -> Response {
    failure(404, "the admin API has no such path; its README lists them")
}

pub(super) async fn no_such_method() -> Response {
    failure(405, "the admin API has no such method on this path; its README lists them")
}

async fn gateways(State(core): Shared) -> Response {
    items(&core.look(|inner| inner.state.gateway_ids()))
}

async fn add_gateway(State(core): Shared, body: Bytes) -> Response {
    with_body(&body, |gateway: NewGateway| {
        done(201, core.change(|inner, now| inner.state.add_gateway(now, gateway)))
    })
}

async fn remove_gateway(
    State(core): Shared,
    Asked(Path(gateway)): Asked<Path<String>>,
) -> Response {
    done(200, core.change(|inner, _| inner.state.remove_gateway(&gateway)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OnGateway {
    gateway: Option<String>,
}

async fn targets(State(core): Shared, Asked(Query(query)): Asked<Query<OnGateway>>) -> Response {
    let look = |inner: &Inner| {
        let gateways = query.gateway.map_or_else(|| inner.state.gateway_ids(), |one| vec![one]);
        let mut all = Vec::new();
        for gateway in gateways {
            all.extend(inner.state.look(&gateway)?);
        }
        Ok::<_, BackdoorError>(all)
    };
    match core.look(look) {
        Ok(targets) => items(&targets),
        Err(error) => refused(&error),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewTarget {
    gateway: String,
    spec: TargetSpec,
    status: Option<TargetStatus>,
}

async fn plant_target(State(core): Shared, body: Bytes) -> Response {
    with_body(&body, |target: NewTarget| {
        let status = target.status.unwrap_or(TargetStatus::Ready);
        let planted =
            core.change(|inner, now| inner.state.plant(now, &target.gateway, target.spec, status));
        match planted {
            Ok(id) => write::json(201, &json!({"targetId": id})),
            Err(error) => refused(&error),
        }
    })
}

async fn patch_target(
    State(core): Shared,
    Asked(Path((gateway, target))): Asked<Path<(String, String)>>,
    body: Bytes,
) -> Response {
    with_body(&body, |patch: TargetPatch| {
        match core.change(|inner, now| inner.state.patch(now, &gateway, &target, patch)) {
            Ok(view) => write::json(200, &view),
            Err(error) => refused(&error),
        }
    })
}

async fn erase_target(
    State(core): Shared,
    Asked(Path((gateway, target))): Asked<Path<(String, String)>>,
) -> Response {
    done(200, core.change(|inner, now| inner.state.erase(now, &gateway, &target)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WhichCalls {
    since: Option<u64>,
    kind: Option<CallKind>,
}

async fn calls(State(core): Shared, Asked(Query(query)): Asked<Query<WhichCalls>>) -> Response {
    let (mut records, last, counters) = core.look(|inner| {
        let log = &inner.log;
        (log.since(query.since.unwrap_or(0)), log.last_sequence(), log.counters())
    });
    records.retain(|record| query.kind.is_none_or(|kind| record.kind == kind));
    write::json(200, &json!({"items": records, "last": last, "counters": counters}))
}

async fn clear_calls(State(core): Shared) -> Response {
    core.change(|inner, _| inner.log.clear());
    write::json(200, &json!({}))
}

async fn clock(State(core): Shared) -> Response {
    clock_now(&core)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum SetClock {
    /// Time stands still.
    Freeze {},
    /// Time runs on, from where it stands.
    Resume {},
    /// Time jumps ahead: `{"step": "2s"}`.
    Step(SignedDuration),
}

async fn set_clock(State(core): Shared, body: Bytes) -> Response {
    with_body(&body, |set: SetClock| {
        match set {
            SetClock::Freeze {} => core.change(|inner, _| inner.clock.freeze()),
            SetClock::Resume {} => core.change(|inner, _| inner.clock.resume()),
            SetClock::Step(by) => match Duration::try_from(by) {
                Ok(by) => core.change(|inner, _| inner.clock.step(by)),
                Err(_) => return failure(400, "step: time does not run backwards here"),
            },
        }
        clock_now(&core)
    })
}

fn clock_now(core: &Core) -> Response {
    let (now, frozen) = core.look(|inner| (inner.clock.now(), inner.clock.is_frozen()));
    write::json(200, &json!({"now": now, "frozen": frozen}))
}

pub(super) fn items(items: &impl Serialize) -> Response {
    write::json(200, &json!({"items": items}))
}

fn done(status: u16, result: Result<(), BackdoorError>) -> Response {
    match result {
        Ok(()) => write::json(status, &json!({})),
        Err(error) => refused(&error),
    }
}

fn refused(error: &BackdoorError) -> Response {
    let status = match error {
        BackdoorError::NoGateway(_) | BackdoorError::NoTarget { .. } => 404,
        BackdoorError::NameTaken(_) | BackdoorError::GatewayExists(_) => 409,
        BackdoorError::NotATarget(_) => 400,
    };
    failure(status, &error.to_string())
}

pub(super) fn failure(status: u16, message: &str) -> Response {
    write::json(status, &json!({"error": message}))
}

/// Reads a body whatever its content type says. The parser's message names line and column.
fn with_body<T: DeserializeOwned>(body: &Bytes, then: impl FnOnce(T) -> Response) -> Response {
    match serde_json::from_slice(body) {
        Ok(document) => then(document),
        Err(error) => failure(400, &error.to_string()),
    }
}
