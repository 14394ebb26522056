//! HTTP around the core: which request is which call, and how answers and errors are written.

mod admin;
mod connection;
mod parse;
mod signature;
mod sts;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::response::Response;
use http::request::Parts;

pub(crate) use connection::{Connection, CuttableListener};

use crate::core::{Core, Served};

/// Larger than any request that the service model allows.
const MAX_BODY: usize = 8 * 1024 * 1024;

/// The service: the admin API under `/_emulator/`, AWS everywhere else.
pub(crate) fn router(core: Arc<Core>) -> Router {
    Router::new()
        .nest("/_emulator", admin::router())
        .fallback(aws)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(core)
}

async fn aws(
    State(core): State<Arc<Core>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    parts: Parts,
    body: Bytes,
) -> Response {
    let settings = core.settings();
    let (request, sts) = if sts::is_for_sts(&parts) {
        (sts::parse(&parts, &body), true)
    } else {
        match parse::parse(&parts, &body, settings) {
            Some(request) => (request, false),
            None => return write::unknown_operation(core.look(|inner| inner.clock.now())),
        }
    };
    let kind = request.kind;
    match core.serve(request) {
        Served::Answer(now, result) if sts => {
            write::stamped(sts::write(result.map(|_| ()), settings), now)
        }
        Served::Answer(now, result) => write::stamped(write::answer(kind, result), now),
        Served::Cut => {
            connection.cut();
            // Never written: the connection is gone by then.
            Response::default()
        }
    }
}
