//! The part of the admin API that sets how the emulator behaves: settings, faults, outcomes.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use serde_json::json;

use super::admin::{failure, items};
use super::write;
use crate::core::Core;
use crate::fault::FaultRule;
use crate::outcome::OutcomeRule;
use crate::settings::{Document, SettingsChange, read};
use crate::shape;

type Shared = State<Arc<Core>>;

pub(super) fn router() -> Router<Arc<Core>> {
    Router::new()
        .route("/settings", get(settings).patch(change_settings))
        .route("/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/outcomes", get(outcomes).post(add_outcome).delete(clear_outcomes))
        .route("/shapes", get(shapes))
}

async fn settings(State(core): Shared) -> Response {
    write::json(200, &core.settings_in_force())
}

async fn change_settings(State(core): Shared, body: Bytes) -> Response {
    with_document(&body, |change: SettingsChange| {
        if let Some(member) = change.start_only(&core.settings()) {
            return failure(400, &format!("{member}: can be set at the start only"));
        }
        core.apply(change);
        write::json(200, &core.settings_in_force())
    })
}

async fn faults(State(core): Shared) -> Response {
    items(&core.look(|inner| inner.faults.all()))
}

async fn add_fault(State(core): Shared, body: Bytes) -> Response {
    with_document(&body, |rule: FaultRule| {
        let id = core.change(|inner, _| inner.faults.add(rule));
        write::json(201, &json!({"id": id}))
    })
}

async fn clear_faults(State(core): Shared) -> Response {
    core.change(|inner, _| inner.faults.clear());
    write::json(200, &json!({}))
}

async fn outcomes(State(core): Shared) -> Response {
    items(&core.look(|inner| inner.state.outcomes.all()))
}

async fn add_outcome(State(core): Shared, body: Bytes) -> Response {
    with_document(&body, |rule: OutcomeRule| {
        let id = core.change(|inner, _| inner.state.outcomes.add(rule));
        write::json(201, &json!({"id": id}))
    })
}

async fn clear_outcomes(State(core): Shared) -> Response {
    core.change(|inner, _| inner.state.outcomes.clear());
    write::json(200, &json!({}))
}

async fn shapes() -> Response {
    write::json(200, &shape::describe())
}

/// Reads a body as a settings file is read, and refuses it in the same words.
fn with_document<T: Document>(body: &Bytes, then: impl FnOnce(T) -> Response) -> Response {
    let Ok(text) = std::str::from_utf8(body) else { return failure(400, "the body is no text") };
    match read(text) {
        Ok(Some(document)) => then(document),
        Ok(None) => failure(400, "the body says nothing"),
        Err(error) => failure(400, &error.to_string()),
    }
}
