//! The operating system: child processes and their pipes, signals, threads, forks, wake-ups.
//!
//! Everything here lives inside somebody else's process. No signal disposition changes, no signal handler appears, the
//! process is never forked, every descriptor is close-on-exec and lies above the standard streams.

#![allow(unsafe_code)]

mod executable;
mod fork;
mod own_directory;
mod pipe;
mod private_file;
mod process;
mod regular_file;
mod signals;
mod spawn;
mod stdio;
mod sweep;
#[cfg(test)]
pub(crate) mod testing;
mod thread;
mod wakeup;
mod watch;

pub use executable::is_executable_file;
pub use fork::ForkGuard;
pub use own_directory::own_directory;
pub use pipe::{read, read_into, refuse_sigpipe, send_nosignal, shutdown_write};
pub use private_file::private_file;
pub use process::{ExitStatus, Process};
pub use regular_file::regular_file;
pub use signals::Signal;
pub use spawn::{MARKER, SpawnError, SpawnSpec, Spawned, spawn};
pub use stdio::above_standard_streams;
pub use sweep::sweep;
pub use thread::spawn_thread;
pub use wakeup::WakeupFd;
pub use watch::watch;

/// The error that `errno` holds when a system call says -1.
fn check(result: libc::c_int) -> std::io::Result<libc::c_int> {
    match result {
        -1 => Err(std::io::Error::last_os_error()),
        value => Ok(value),
    }
}
