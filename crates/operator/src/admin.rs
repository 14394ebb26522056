//! The probes, answered over HTTP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::fleet::Fleet;

/// Binds the address. On a machine without IPv6, "every interface" means those of IPv4.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(_) if address.ip().is_unspecified() => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    }
}

/// Answers `/healthz` (the process turns) and `/readyz` (the resources have been read).
pub(crate) async fn serve(listener: TcpListener, fleet: Arc<Fleet>) -> io::Result<()> {
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
    axum::serve(listener, router).await
}
