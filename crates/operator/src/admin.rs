//! What the process tells of itself over HTTP: probes to everybody, metrics to those who may.
//!
//! Contract: the two have an address each. Whatever they are asked, they answer within a limited time
//! and with limited means, and nothing that they do holds up the work.

mod access;
mod certificate;
mod connections;
mod metrics;
mod probes;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

pub(crate) use metrics::MetricsServer;
pub(crate) use probes::serve as serve_probes;

/// Binds the address. On a machine without IPv6, "every interface" means those of IPv4.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    match TcpListener::bind(address).await {
        Err(_) if address.ip().is_unspecified() => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    }
}
