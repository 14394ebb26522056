//! Connections that a handler can cut, so that a client sees what a broken network shows it.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Accepts connections whose end is in the handler's hand.
#[derive(Debug)]
pub(crate) struct CuttableListener(pub(crate) TcpListener);

/// The handler's end of a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Connection(Arc<Mutex<Fate>>);

/// What is to become of a connection.
#[derive(Debug, Clone, Copy, Default)]
enum Fate {
    /// It lives.
    #[default]
    Open,
    /// It ends this many bytes before the end of the next answer.
    Withhold(usize),
    /// It ends after this many bytes.
    EndAfter(usize),
}

/// The server's end of a connection.
#[derive(Debug)]
pub(crate) struct CuttableStream {
    stream: TcpStream,
    connection: Connection,
}

impl Connection {
    /// Nothing more is written; the server drops the connection when it tries.
    pub(crate) fn cut(&self) {
        self.set(Fate::EndAfter(0));
    }

    /// The next answer, whose body has this length, goes out without the second half of it.
    pub(crate) fn cut_within(&self, body: u64) {
        self.set(Fate::Withhold(usize::try_from(body.div_ceil(2)).unwrap_or(usize::MAX)));
    }

    fn set(&self, fate: Fate) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = fate;
    }

    /// How many of the bytes offered may go out; None: all, for ever.
    fn allowance(&self, offered: usize) -> Result<Option<usize>> {
        let fate = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = match fate {
            Fate::Open => return Ok(None),
            // The server offers head and body of an answer at once.
            Fate::Withhold(bytes) => offered.saturating_sub(bytes),
            Fate::EndAfter(bytes) => bytes,
        };
        self.set(Fate::EndAfter(left));
        if left == 0 {
            return Err(Error::new(ErrorKind::ConnectionAborted, "cut by a fault rule"));
        }
        Ok(Some(left))
    }
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Answers are small and somebody waits for each.
        let _ = stream.set_nodelay(true);
        (CuttableStream { stream, connection: Connection::default() }, address)
    }

    fn local_addr(&self) -> Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().connection.clone()
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let offered = bytes.iter().map(|slice| slice.len()).sum();
        let Some(left) = self.connection.allowance(offered)? else {
            return Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        };
        let last: Vec<u8> =
            bytes.iter().flat_map(|slice| slice.iter().copied()).take(left).collect();
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, &last))?;
        self.connection.set(Fate::EndAfter(left - written));
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
