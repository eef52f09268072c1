//! The numbers of the standard streams, which stay free for the host.
//!
//! A host may run without standard streams, as daemons do. A descriptor of ours in such a place would receive what the host
//! prints, and would be lost when the host opens its streams.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use super::check;

/// The first descriptor that no standard stream can have.
pub(super) const FIRST_FREE_FD: libc::c_int = 3;

/// The same descriptor with another number, if it has one of those.
pub(super) fn above_stdio(fd: OwnedFd) -> io::Result<OwnedFd> {
    if fd.as_raw_fd() >= FIRST_FREE_FD {
        return Ok(fd);
    }
    // SAFETY: the descriptor is open as long as `fd` lives.
    let raw = check(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, FIRST_FREE_FD) })?;
    // SAFETY: fcntl has just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Does `work`, which makes descriptors whose numbers it does not choose, while none of these numbers is free.
pub fn above_standard_streams<T>(work: impl FnOnce() -> T) -> io::Result<T> {
    let mut held = Vec::new();
    while (0..FIRST_FREE_FD).any(is_free) {
        let (reader, writer) = io::pipe()?;
        held.push((reader, writer));
    }
    Ok(work())
}

fn is_free(fd: libc::c_int) -> bool {
    // SAFETY: asks for the flags of a descriptor, whether or not there is one.
    unsafe { libc::fcntl(fd, libc::F_GETFD) == -1 }
}

#[cfg(test)]
mod tests {
    use super::super::pipe::{stderr_pipe, stdin_socket, stdout_pipe};
    use super::super::testing::in_own_process;
    use super::*;

    fn close(fd: libc::c_int) {
        // SAFETY: the tests that call this have a process of their own, and do not use its stdin.
        unsafe { libc::close(fd) };
    }

    fn is_closed_on_exec(fd: &OwnedFd) -> bool {
        // SAFETY: the descriptor is open as long as `fd` lives.
        unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFD) & libc::FD_CLOEXEC != 0 }
    }

    #[test]
    fn the_ends_of_pipes_never_have_the_number_of_a_standard_stream() {
        in_own_process(|| {
            close(0);
            for ends in [stdin_socket().unwrap(), stdout_pipe().unwrap(), stderr_pipe().unwrap()] {
                assert!(ends.ours.as_raw_fd() > libc::STDERR_FILENO);
                assert!(ends.theirs.as_raw_fd() > libc::STDERR_FILENO);
                assert!(is_closed_on_exec(&ends.ours));
            }
            assert!(is_free(0));
        });
    }

    #[test]
    fn what_is_made_by_others_never_has_the_number_of_a_standard_stream() {
        in_own_process(|| {
            close(0);
            let (reader, _writer) = above_standard_streams(io::pipe).unwrap().unwrap();
            assert!(reader.as_raw_fd() > libc::STDERR_FILENO);
            assert!(is_free(0));
        });
    }
}
