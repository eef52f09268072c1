//! A descriptor that wakes an event loop.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

#[cfg(target_os = "linux")]
use eventfd::Channel;
#[cfg(not(target_os = "linux"))]
use self_pipe::Channel;

/// A descriptor that is readable from [`raise`](Self::raise) until [`clear`](Self::clear), for poll, epoll or kqueue.
///
/// Raising is sticky and any number of raises is one wake-up. Both calls are safe from any thread and never block.
#[derive(Debug)]
pub struct WakeupFd(Channel);

impl WakeupFd {
    /// A descriptor that is not raised.
    pub fn new() -> io::Result<Self> {
        Channel::new().map(Self)
    }

    /// Makes the descriptor readable.
    pub fn raise(&self) {
        self.0.raise();
    }

    /// Makes the descriptor unreadable. What is raised afterwards is not lost, so clear first and look for work then.
    pub fn clear(&self) {
        self.0.clear();
    }
}

impl AsRawFd for WakeupFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.reader().as_raw_fd()
    }
}

impl AsFd for WakeupFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.reader()
    }
}

#[cfg(target_os = "linux")]
mod eventfd {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

    use super::super::check;
    use super::super::pipe::retry_interrupted;
    use super::super::stdio::above_stdio;

    #[derive(Debug)]
    pub(super) struct Channel(OwnedFd);

    impl Channel {
        pub(super) fn new() -> io::Result<Self> {
            // SAFETY: eventfd takes two integers and touches no memory.
            let raw = check(unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) })?;
            // SAFETY: eventfd has just made this descriptor for us.
            above_stdio(unsafe { OwnedFd::from_raw_fd(raw) }).map(Self)
        }

        /// The one failure that can occur, a counter that is full, leaves the descriptor readable.
        pub(super) fn raise(&self) {
            let one = 1_u64.to_ne_bytes();
            // SAFETY: the pointer and the length are those of one array.
            let _ = retry_interrupted(|| unsafe { libc::write(self.0.as_raw_fd(), one.as_ptr().cast(), one.len()) });
        }

        /// The one failure that can occur, a counter that is zero, is what is wanted.
        pub(super) fn clear(&self) {
            let mut count = [0_u8; 8];
            // SAFETY: the pointer and the length are those of one array.
            let _ =
                retry_interrupted(|| unsafe { libc::read(self.0.as_raw_fd(), count.as_mut_ptr().cast(), count.len()) });
        }

        pub(super) fn reader(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }
    }
}

#[cfg(any(test, not(target_os = "linux")))]
mod self_pipe {
    use std::io;
    use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

    use super::super::pipe::{read, retry_interrupted, set_nonblocking};
    use super::super::stdio::above_stdio;

    #[derive(Debug)]
    pub(super) struct Channel {
        reader: OwnedFd,
        writer: OwnedFd,
    }

    impl Channel {
        pub(super) fn new() -> io::Result<Self> {
            let (reader, writer) = io::pipe()?;
            let (reader, writer) = (above_stdio(reader.into())?, above_stdio(writer.into())?);
            set_nonblocking(&reader)?;
            set_nonblocking(&writer)?;
            Ok(Self { reader, writer })
        }

        /// The one failure that can occur, a pipe that is full, leaves the descriptor readable. No SIGPIPE can: the reader
        /// is ours.
        pub(super) fn raise(&self) {
            let one = [1_u8];
            // SAFETY: the pointer and the length are those of one array.
            let _ =
                retry_interrupted(|| unsafe { libc::write(self.writer.as_raw_fd(), one.as_ptr().cast(), one.len()) });
        }

        pub(super) fn clear(&self) {
            let mut drained = Vec::with_capacity(512);
            while read(self.reader.as_fd(), &mut drained).is_ok() {
                drained.clear();
            }
        }

        pub(super) fn reader(&self) -> BorrowedFd<'_> {
            self.reader.as_fd()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::is_readable;
    use super::*;

    #[test]
    fn it_is_readable_from_the_raise_to_the_clear() {
        let wakeup = WakeupFd::new().unwrap();
        assert!(!is_readable(wakeup.as_fd()));
        wakeup.raise();
        wakeup.raise();
        assert!(is_readable(wakeup.as_fd()));
        assert!(is_readable(wakeup.as_fd()));
        wakeup.clear();
        assert!(!is_readable(wakeup.as_fd()));
        wakeup.raise();
        assert!(is_readable(wakeup.as_fd()));
    }

    #[test]
    fn clearing_what_is_not_raised_does_not_block() {
        let wakeup = WakeupFd::new().unwrap();
        wakeup.clear();
        assert!(!is_readable(wakeup.as_fd()));
    }

    #[test]
    fn a_pipe_does_the_same_where_there_is_no_eventfd() {
        let channel = self_pipe::Channel::new().unwrap();
        channel.clear();
        assert!(!is_readable(channel.reader()));
        for _ in 0..100_000 {
            channel.raise();
        }
        assert!(is_readable(channel.reader()));
        channel.clear();
        assert!(!is_readable(channel.reader()));
    }

    #[test]
    fn a_raise_wakes_a_waiter_on_another_thread() {
        let wakeup = std::sync::Arc::new(WakeupFd::new().unwrap());
        let raiser = std::sync::Arc::clone(&wakeup);
        let thread = std::thread::spawn(move || raiser.raise());
        super::super::testing::wait_until("the waiter is woken", || is_readable(wakeup.as_fd()));
        thread.join().unwrap();
    }
}
