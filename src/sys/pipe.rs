//! The three pipes between a program and its client, and the calls that move bytes through them.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use tokio::io::ReadBuf;

use super::check;
use super::stdio::above_stdio;

/// The largest pipe that Linux grants without privileges.
#[cfg(target_os = "linux")]
const STDOUT_CAPACITY: libc::c_int = 1 << 20;

/// The two ends of one connection. Ours does not block; the program's does, as programs expect.
pub(super) struct Ends {
    pub(super) ours: OwnedFd,
    pub(super) theirs: OwnedFd,
}

impl Ends {
    fn new(ours: OwnedFd, theirs: OwnedFd) -> io::Result<Self> {
        let ours = above_stdio(ours)?;
        set_nonblocking(&ours)?;
        Ok(Self { ours, theirs: above_stdio(theirs)? })
    }
}

/// The connection behind a program's stdin: a socketpair, because `MSG_NOSIGNAL` exists for sockets only.
pub(super) fn stdin_socket() -> io::Result<Ends> {
    let (ours, theirs) = UnixStream::pair()?;
    refuse_sigpipe(ours.as_fd())?;
    Ends::new(ours.into(), theirs.into())
}

/// The pipe behind a program's stdout: as large as the system grants, so that a burst does not stop the program.
pub(super) fn stdout_pipe() -> io::Result<Ends> {
    let ends = stderr_pipe()?;
    #[cfg(target_os = "linux")]
    grow(&ends.ours);
    Ok(ends)
}

/// The pipe behind a program's stderr.
pub(super) fn stderr_pipe() -> io::Result<Ends> {
    let (ours, theirs) = io::pipe()?;
    Ends::new(ours.into(), theirs.into())
}

pub(super) fn set_nonblocking(fd: &OwnedFd) -> io::Result<()> {
    // SAFETY: the descriptor is open as long as `fd` lives.
    let flags = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    // SAFETY: as above.
    check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) })?;
    Ok(())
}

/// Best effort: a user whose pipes already fill the system's budget keeps the size that the pipe came with.
#[cfg(target_os = "linux")]
fn grow(pipe: &OwnedFd) {
    // SAFETY: the descriptor is open as long as `pipe` lives.
    unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, STDOUT_CAPACITY) };
}

/// Not every version of the system honours `MSG_NOSIGNAL`; all honour this option.
#[cfg(target_vendor = "apple")]
pub fn refuse_sigpipe(socket: BorrowedFd<'_>) -> io::Result<()> {
    let on: libc::c_int = 1;
    let size = size_of_val(&on) as libc::socklen_t;
    let level = libc::SOL_SOCKET;
    // SAFETY: `on` outlives the call, and `size` is its size.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, libc::SO_NOSIGPIPE, (&raw const on).cast(), size) })?;
    Ok(())
}

/// `MSG_NOSIGNAL` is enough here.
#[cfg(not(target_vendor = "apple"))]
pub fn refuse_sigpipe(_: BorrowedFd<'_>) -> io::Result<()> {
    Ok(())
}

/// Sends what the socket takes now of these pieces, one behind the other, and says how much that was. Never raises SIGPIPE.
///
/// `WouldBlock` means that the socket is full; `BrokenPipe` that the program has closed its stdin or ended, whether or not
/// it left bytes unread.
pub fn send_nosignal(socket: BorrowedFd<'_>, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: all zeros is a message without an address, without pieces and without control data.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    // An IoSlice has the layout of an iovec, which sendmsg only reads.
    message.msg_iov = pieces.as_ptr().cast_mut().cast();
    message.msg_iovlen = pieces.len() as _;
    // SAFETY: the message points to slices that outlive the call.
    retry_interrupted(|| unsafe { libc::sendmsg(socket.as_raw_fd(), &raw const message, flags) })
}

/// Ends the stream: the program reads EOF after what was sent, even if a forked sibling of this process holds the socket.
pub fn shutdown_write(socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: shutdown touches no memory.
    check(unsafe { libc::shutdown(socket.as_raw_fd(), libc::SHUT_WR) })?;
    Ok(())
}

/// Reads once, into the spare capacity of `buffer`, and appends what came. 0 means EOF; `WouldBlock` that there is
/// nothing now. A buffer without spare capacity is refused as `InvalidInput`, since its 0 would look like EOF.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut Vec<u8>) -> io::Result<usize> {
    let spare = buffer.spare_capacity_mut();
    if spare.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "A read needs a buffer with spare capacity."));
    }
    // SAFETY: the pointer and the length are those of the spare capacity, which read only writes to.
    let count = retry_interrupted(|| unsafe { libc::read(fd.as_raw_fd(), spare.as_mut_ptr().cast(), spare.len()) })?;
    let filled = buffer.len() + count;
    // SAFETY: read has initialised `count` bytes behind the old length, within the capacity.
    unsafe { buffer.set_len(filled) };
    Ok(count)
}

/// The same into a buffer of tokio's.
pub fn read_into(fd: BorrowedFd<'_>, buffer: &mut ReadBuf<'_>) -> io::Result<usize> {
    // SAFETY: read only writes to it, so that nothing that was initialised becomes uninitialised.
    let spare = unsafe { buffer.unfilled_mut() };
    // SAFETY: the pointer and the length are those of the spare capacity.
    let count = retry_interrupted(|| unsafe { libc::read(fd.as_raw_fd(), spare.as_mut_ptr().cast(), spare.len()) })?;
    // SAFETY: read has initialised `count` bytes of it.
    unsafe { buffer.assume_init(count) };
    buffer.advance(count);
    Ok(count)
}

/// A host's thread may drive the connection, and its signals are not blocked.
pub(super) fn retry_interrupted(mut call: impl FnMut() -> isize) -> io::Result<usize> {
    loop {
        match usize::try_from(call()) {
            Ok(count) => return Ok(count),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::Interrupted => continue,
                error => return Err(error),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::super::testing::{in_own_process, restore_default};
    use super::*;

    fn fd_flags(fd: &OwnedFd) -> (libc::c_int, libc::c_int) {
        // SAFETY: both calls only read the flags of an open descriptor.
        unsafe { (libc::fcntl(fd.as_raw_fd(), libc::F_GETFL), libc::fcntl(fd.as_raw_fd(), libc::F_GETFD)) }
    }

    #[test]
    fn only_our_ends_are_nonblocking_and_all_close_on_exec() {
        for ends in [stdin_socket().unwrap(), stdout_pipe().unwrap(), stderr_pipe().unwrap()] {
            let (ours, theirs) = (fd_flags(&ends.ours), fd_flags(&ends.theirs));
            assert_ne!(ours.0 & libc::O_NONBLOCK, 0);
            assert_eq!(theirs.0 & libc::O_NONBLOCK, 0);
            assert_ne!(ours.1 & libc::FD_CLOEXEC, 0);
            assert_ne!(theirs.1 & libc::FD_CLOEXEC, 0);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn stdout_holds_a_mebibyte() {
        let ends = stdout_pipe().unwrap();
        // SAFETY: reads the size of an open pipe.
        let size = unsafe { libc::fcntl(ends.ours.as_raw_fd(), libc::F_GETPIPE_SZ) };
        assert_eq!(size, STDOUT_CAPACITY);
    }

    #[test]
    fn writing_to_a_closed_program_is_an_error_and_no_signal() {
        in_own_process(|| {
            restore_default(libc::SIGPIPE);
            let ends = stdin_socket().unwrap();
            drop(ends.theirs);
            let error = send_nosignal(ends.ours.as_fd(), &[IoSlice::new(b"late")]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::BrokenPipe);
        });
    }

    #[test]
    fn a_program_that_left_bytes_unread_is_a_broken_pipe_too() {
        let ends = stdin_socket().unwrap();
        send_nosignal(ends.ours.as_fd(), &[IoSlice::new(b"never read")]).unwrap();
        drop(ends.theirs);
        let error = send_nosignal(ends.ours.as_fd(), &[IoSlice::new(b"late")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_full_socket_would_block_and_nothing_is_lost() {
        let ends = stdin_socket().unwrap();
        let chunk = [b'x'; 10_000];
        let mut sent = 0;
        let refused = loop {
            match send_nosignal(ends.ours.as_fd(), &[IoSlice::new(&chunk)]) {
                Ok(count) => sent += count,
                Err(error) => break error,
            }
        };
        assert_eq!(refused.kind(), ErrorKind::WouldBlock);
        shutdown_write(ends.ours.as_fd()).unwrap();
        let mut received = Vec::with_capacity(sent + 1);
        while read(ends.theirs.as_fd(), &mut received).unwrap() > 0 {}
        assert_eq!(received.len(), sent);
    }

    #[test]
    fn a_shutdown_ends_the_stream_even_if_another_holder_of_the_socket_remains() {
        let ends = stdin_socket().unwrap();
        let _sibling = ends.ours.try_clone().unwrap();
        shutdown_write(ends.ours.as_fd()).unwrap();
        assert_eq!(read(ends.theirs.as_fd(), &mut Vec::with_capacity(1)).unwrap(), 0);
    }

    #[test]
    fn a_read_appends_within_the_capacity() {
        let ends = stdin_socket().unwrap();
        send_nosignal(ends.theirs.as_fd(), &[IoSlice::new(b"abcdef")]).unwrap();
        let mut buffer = Vec::with_capacity(8);
        buffer.extend_from_slice(b"12345");
        let spare = buffer.capacity() - buffer.len();
        let count = read(ends.ours.as_fd(), &mut buffer).unwrap();
        assert_eq!(count, spare.min(6));
        assert_eq!(buffer, [b"12345", &b"abcdef"[..count]].concat());
    }

    #[test]
    fn a_read_without_room_is_refused_instead_of_looking_like_eof() {
        let ends = stdin_socket().unwrap();
        assert_eq!(read(ends.ours.as_fd(), &mut Vec::new()).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn an_empty_pipe_would_block() {
        let ends = stderr_pipe().unwrap();
        let error = read(ends.ours.as_fd(), &mut Vec::with_capacity(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
}
