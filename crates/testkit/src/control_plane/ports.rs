//! Free loopback ports that stay free while the server that is to have them is away.

use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Result, bail};

use crate::random;

/// Below the ranges from which Linux and macOS take the local ports of outgoing connections: a
/// port out of those could be gone when a server that was stopped wants it back.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// How often to draw.
const DRAWS: u32 = 100;

/// How often to start a server again whose port somebody else took first.
pub(super) const RACES: u32 = 5;

/// A port on which nobody listens. Somebody may before its user does: who starts a server on it
/// looks for [`taken`] and tries another.
pub(super) fn free() -> Result<u16> {
    for _ in 0..DRAWS {
        let port = FIRST + u16::from_le_bytes(random::bytes()?) % COUNT;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port on 127.0.0.1 in {DRAWS} draws out of {FIRST} to {}", FIRST + COUNT)
}

/// Whether a server's log says that it ended because its port was somebody else's.
pub(super) fn taken(log: &str) -> bool {
    log.contains("address already in use")
}
