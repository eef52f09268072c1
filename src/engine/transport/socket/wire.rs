//! A connected socket as tokio reads and writes it, but for one thing: it never raises SIGPIPE.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

use crate::sys;

#[derive(Debug)]
pub(super) struct Wire(AsyncFd<OwnedFd>);

impl Wire {
    /// Takes over a connected socket that does not block. Must be called inside a tokio runtime.
    pub(super) fn new(socket: OwnedFd) -> io::Result<Self> {
        sys::refuse_sigpipe(socket.as_fd())?;
        Ok(Self(sys::watch(socket, Interest::READABLE | Interest::WRITABLE)?))
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let room = buffer.remaining();
        loop {
            let mut guard = ready!(self.0.poll_read_ready(cx))?;
            let Ok(count) = guard.try_io(|fd| sys::read_into(fd.as_fd(), buffer)) else { continue };
            if count? < room {
                // Asking again would only be told that there is nothing.
                guard.clear_ready();
            }
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            let mut guard = ready!(self.0.poll_write_ready(cx))?;
            if let Ok(count) = guard.try_io(|fd| sys::send_nosignal(fd.as_fd(), &[IoSlice::new(bytes)])) {
                return Poll::Ready(count);
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(sys::shutdown_write(self.0.as_fd()))
    }
}
