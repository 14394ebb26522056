//! HTTP around the core: which request is which call, and how answers and errors are written.

mod admin;
mod body;
mod connection;
mod consent;
mod container;
mod levers;
mod parse;
mod signature;
mod sigv4;
mod sts;
mod write;

use std::sync::Arc;

use axum::Router;
use axum::body::{Bytes, HttpBody as _};
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::middleware::{from_fn_with_state, map_response_with_state};
use axum::response::Response;
use axum::routing::{any, get};
use http::request::Parts;

pub(crate) use connection::{Connection, CuttableListener};

use crate::call::CallKind;
use crate::core::Core;
use crate::error::ApiError;
use crate::serve::{Reply, Served};

/// The service: the admin API under `/_emulator/`, AWS everywhere else.
pub(crate) fn router(core: Arc<Core>) -> Router {
    let dated = map_response_with_state(Arc::clone(&core), dated);
    let own = admin::router()
        .merge(levers::router())
        .route("/consent/{token}", get(consent::open))
        .fallback(admin::no_such_path)
        .method_not_allowed_fallback(admin::no_such_method)
        .layer(dated);
    Router::new()
        .nest(admin::ROOT, own)
        // Which the nest leaves out.
        .route(&format!("{}/", admin::ROOT), any(admin::no_such_path))
        .fallback(aws)
        .layer(from_fn_with_state(Arc::clone(&core), body::whole))
        .layer(DefaultBodyLimit::max(body::MOST))
        .with_state(core)
}

async fn dated(State(core): State<Arc<Core>>, response: Response) -> Response {
    write::dated(response, core.date())
}

/// Which of AWS's ways to write an answer.
#[derive(Clone, Copy)]
enum Dialect {
    AgentCore,
    Sts,
    Container,
}

async fn aws(
    State(core): State<Arc<Core>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    parts: Parts,
    body: Bytes,
) -> Response {
    let (settings, now) =
        core.look(|inner| (Arc::clone(inner.state.settings()), inner.clock.now()));
    let dialect = dialect(&parts);
    let request = match dialect {
        Dialect::Sts => Some(sts::parse(&parts, &body, &settings, now)),
        Dialect::Container => Some(container::parse(&parts)),
        Dialect::AgentCore => parse::parse(&parts, &body, &settings, now),
    };
    let Some(request) = request else { return write::unknown_operation(core.date()) };
    let kind = request.kind;
    match core.serve(request) {
        Served::Answer { date, result, delay, half } => {
            if !delay.is_zero() {
                // Whoever stops the emulator does not wait for what a rule made slow.
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    () = core.closed() => {}
                }
            }
            let response = write::stamped(written(dialect, kind, result), date);
            if half {
                connection.cut_within(response.body().size_hint().lower());
            }
            response
        }
        Served::Cut => nothing(&connection),
        Served::Hang => {
            core.closed().await;
            nothing(&connection)
        }
    }
}

fn dialect(parts: &Parts) -> Dialect {
    if sts::is_for_sts(parts) {
        Dialect::Sts
    } else if container::is_for_container(parts) {
        Dialect::Container
    } else {
        Dialect::AgentCore
    }
}

fn written(dialect: Dialect, kind: CallKind, result: Result<Reply, ApiError>) -> Response {
    match dialect {
        Dialect::AgentCore => write::answer(kind, result),
        Dialect::Sts => sts::write(kind, result),
        Dialect::Container => container::write(result),
    }
}

/// Never written: the connection is gone by then.
fn nothing(connection: &Connection) -> Response {
    connection.cut();
    Response::default()
}
