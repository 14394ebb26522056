//! HTTP connections, each with its limits.
//!
//! Contract: no more than so many at once, so that nobody can take the process's memory and files by
//! asking; who comes then takes the place of the oldest, so that nobody can keep a probe out by saying
//! nothing. None stays for ever, whatever the client does or leaves undone.

use std::collections::VecDeque;
use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

/// Connections at once.
const MOST: usize = 64;
/// Requests at once on one connection of HTTP/2.
const MOST_STREAMS: u32 = 8;
/// For a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For the head of a request, and between two requests.
const HEAD: Duration = Duration::from_mins(1);
/// After this long a connection ends with the answer under way.
const LIFETIME: Duration = Duration::from_mins(10);
/// For that answer.
const LAST_ANSWER: Duration = Duration::from_secs(30);
/// When the machine has nothing left for a connection, it is asked again after this.
const PAUSE: Duration = Duration::from_secs(1);
/// The head of a request, in bytes: a token has some thousands.
const HEAD_BYTES: usize = 64 * 1024;

/// What is spoken on a connection.
#[derive(Clone)]
pub(super) enum Protocol {
    /// HTTP/1.1.
    Plain,
    /// The same by TLS.
    Tls(TlsAcceptor),
    /// HTTP/2 by TLS, or HTTP/1.1, as the client wants it.
    TlsOfBoth(TlsAcceptor),
}

/// Answers by this router, for ever.
pub(super) async fn serve(listener: TcpListener, protocol: Protocol, router: Router) {
    let mut open = VecDeque::<JoinHandle<()>>::new();
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Who has hung up already is nobody's concern.
                debug!(%error, "a connection was not accepted");
                if !is_of_one_connection(&error) {
                    sleep(PAUSE).await;
                }
                continue;
            }
        };
        open.retain(|connection| !connection.is_finished());
        if open.len() >= MOST
            && let Some(oldest) = open.pop_front()
        {
            oldest.abort();
        }
        open.push_back(tokio::spawn(answer(stream, protocol.clone(), router.clone())));
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn answer(stream: TcpStream, protocol: Protocol, router: Router) {
    let (tls, http2) = match protocol {
        Protocol::Plain => return talk(stream, false, router).await,
        Protocol::Tls(tls) => (tls, false),
        Protocol::TlsOfBoth(tls) => (tls, true),
    };
    match timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => talk(stream, http2, router).await,
        Ok(Err(error)) => debug!(%error, "a TLS handshake failed"),
        Err(_) => debug!("a TLS handshake did not end in time"),
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    http2: bool,
    router: Router,
) {
    let builder = Builder::new(TokioExecutor::new());
    let mut builder = if http2 { builder } else { builder.http1_only() };
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MOST_STREAMS)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX))
        .keep_alive_interval(HEAD);
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        ended = &mut connection => return note(ended),
        () = sleep(LIFETIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    if let Ok(ended) = timeout(LAST_ANSWER, connection).await {
        note(ended);
    }
}

fn note(ended: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = ended {
        debug!(error, "a connection broke");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// A liveness probe is answered whoever else holds connections and says nothing.
    #[tokio::test]
    async fn those_who_say_nothing_keep_nobody_out() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().route("/livez", get(async || "ok"));
        tokio::spawn(serve(listener, Protocol::Plain, router));
        let mut silent = Vec::new();
        for _ in 0..MOST * 2 {
            silent.push(TcpStream::connect(address).await?);
        }
        let ask = async {
            let mut probe = TcpStream::connect(address).await?;
            probe.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
            let mut answer = String::new();
            probe.read_to_string(&mut answer).await?;
            io::Result::Ok(answer)
        };
        let answer = timeout(Duration::from_secs(10), ask).await.expect("it is answered")?;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");
        // The first of them are let go.
        let mut nothing = [0];
        let end = timeout(Duration::from_secs(10), silent[0].read(&mut nothing)).await;
        assert_eq!(end.expect("it is closed").unwrap_or_default(), 0);
        Ok(())
    }
}
