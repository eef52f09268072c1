//! A runtime that runs already: a WebSocket, over TCP or over a socket of the file system, encrypted or not.

mod dial;
mod handshake;
mod inbox;
mod outbox;
mod resolve;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "without_tls.rs"]
mod tls;
mod wire;

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};

use super::{Ending, Filled, Incoming, Transport};
use crate::engine::error::{CONNECTION_LOST, Error, Result, Status};

pub use dial::Destination;
use inbox::Inbox;
use outbox::Outbox;

/// How long the other side may take to say goodbye: it is somebody else's process, which goes on in any case.
const GOODBYE: Duration = Duration::from_secs(1);

/// What carries the bytes, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A stream on which the WebSocket stands, and what has come on it already.
type Dialed = (Box<dyn Stream>, Vec<u8>);

/// A WebSocket to a runtime.
pub struct SocketTransport {
    endpoint: String,
    state: State,
    inbox: Inbox,
    outbox: Outbox,
    /// Until when the other side may say goodbye.
    ends_at: Option<Instant>,
    /// Why the WebSocket never stood, or stands no more.
    failure: Option<Error>,
}

enum State {
    Dialing(Pin<Box<dyn Future<Output = Result<Dialed>> + Send>>),
    Open(Box<dyn Stream>),
    Over,
}

impl SocketTransport {
    /// Begins to connect, which goes on while this is polled.
    pub fn new(destination: Destination, max_message_bytes: usize) -> Self {
        Self {
            endpoint: destination.endpoint().to_owned(),
            state: State::Dialing(Box::pin(destination.dial())),
            inbox: Inbox::new(max_message_bytes),
            outbox: Outbox::default(),
            ends_at: None,
            failure: None,
        }
    }

    fn dialed(&mut self, dialed: Result<Dialed>) -> Filled {
        match dialed {
            Ok((stream, came)) => {
                self.state = State::Open(stream);
                self.inbox.space().extend_from_slice(&came);
                // The driver comes again, and sends what could not be sent until now.
                Filled::Some
            }
            Err(error) => {
                self.state = State::Over;
                self.failure = Some(error);
                Filled::End
            }
        }
    }

    fn lose(&mut self, how: &str) {
        let endpoint = &self.endpoint;
        let message =
            format!("the connection to {endpoint} was lost ({how}); connect a new client, then resume the thread");
        self.state = State::Over;
        self.failure = Some(Error::new(Status::Transport, message).with_reason(CONNECTION_LOST));
    }
}

impl Transport for SocketTransport {
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Filled> {
        let stream = match &mut self.state {
            State::Dialing(dialing) => {
                let dialed = ready!(dialing.as_mut().poll(cx));
                return Poll::Ready(self.dialed(dialed));
            }
            State::Open(stream) if self.inbox.ended().is_none() => stream,
            _ => return Poll::Ready(Filled::End),
        };
        let buffer = self.inbox.space();
        let room = buffer.capacity() - buffer.len();
        match ready!(pin!(stream.read_buf(buffer)).poll(cx)) {
            Ok(0) => self.lose("it was closed without a word"),
            Ok(count) if count == room => return Poll::Ready(Filled::Some),
            Ok(_) => return Poll::Ready(Filled::All),
            Err(error) => self.lose(&error.to_string()),
        }
        Poll::Ready(Filled::End)
    }

    /// There is nothing left that anybody waited for: the other side has had its time.
    fn fill_rest(&mut self) -> Filled {
        Filled::End
    }

    fn take_messages(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        self.inbox.take_messages(&mut self.outbox, deliver);
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, message: &str) -> Poll<io::Result<()>> {
        match &mut self.state {
            State::Dialing(_) => Poll::Pending,
            State::Open(stream) => self.outbox.poll_send(stream, cx, message),
            State::Over => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn end(&mut self, now: Instant, patience: Duration) {
        if matches!(self.state, State::Dialing(_)) {
            self.state = State::Over;
        }
        let ends_at = now + patience.min(GOODBYE);
        self.ends_at = Some(self.ends_at.map_or(ends_at, |known| known.min(ends_at)));
    }

    fn finish_sending(&mut self) {
        self.outbox.say_goodbye(outbox::NORMAL);
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Ending> {
        if let State::Open(stream) = &mut self.state {
            let said = self.outbox.poll_flush(stream, cx).is_ready();
            match self.inbox.ended() {
                Some(how) if said => self.lose(&how),
                _ if self.ends_at.is_some_and(|at| at <= now) => self.state = State::Over,
                _ => {}
            }
        }
        match self.state {
            State::Over => Poll::Ready(Ending { cause: self.failure.take(), ..Ending::default() }),
            _ => Poll::Pending,
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.ends_at
    }
}
