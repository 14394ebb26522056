//! The probes.

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use super::connections;
use crate::fleet::Fleet;

/// Answers `/healthz` (the process turns) and `/readyz` (the resources have been read), for ever.
pub(crate) async fn serve(listener: TcpListener, fleet: Arc<Fleet>) {
    let ready = move || {
        let synced = fleet.is_synced();
        async move {
            if synced {
                (StatusCode::OK, "ok")
            } else {
                (StatusCode::SERVICE_UNAVAILABLE, "the MCPServers have not been read yet")
            }
        }
    };
    let router =
        Router::new().route("/healthz", get(|| async { "ok" })).route("/readyz", get(ready));
    connections::serve(listener, None, router).await;
}
