//! The authorization URLs of targets that wait for consent. Opening one is consent; opening it
//! with `?error=access_denied`, as an OAuth server would say it, is refusal.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::write;
use crate::core::Core;
use crate::state::Consented;

#[derive(Deserialize)]
pub(super) struct Said {
    error: Option<String>,
}

pub(super) async fn open(
    State(core): State<Arc<Core>>,
    Path(token): Path<String>,
    Query(said): Query<Said>,
) -> Response {
    let granted = said.error.is_none();
    let (status, message) =
        match core.change(|inner, now| inner.state.consent(now, &token, granted)) {
            Consented::Granted => (200, "Authorization is complete. You can close this window."),
            Consented::Denied => (200, "Authorization was denied. You can close this window."),
            Consented::Unknown => (410, "This authorization URL has expired or was used."),
        };
    let page = format!("<!doctype html><title>Authorization</title><p>{message}</p>\n");
    write::plain(status, "text/html; charset=utf-8", page)
}
