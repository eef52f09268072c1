//! Threads of the library.

use std::io;
use std::thread::{Builder, JoinHandle};

use super::signals::BlockedSignals;

/// Starts a thread on which no signal handler of the host ever runs.
///
/// Every signal that another thread or process can send is blocked before the thread exists, so that none lands in
/// between; only the faults that the thread itself would commit stay deliverable. The caller's mask is as before.
/// `name` must not contain a NUL; Linux shows its first 15 bytes.
pub fn spawn_thread<T, F>(name: &str, body: F) -> io::Result<JoinHandle<T>>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let _blocked = BlockedSignals::hold();
    Builder::new().name(name.to_owned()).spawn(body)
}

#[cfg(test)]
mod tests {
    use super::super::testing::blocked_signals;
    use super::*;

    #[test]
    fn a_library_thread_starts_with_signals_blocked_and_leaves_the_caller_alone() {
        let before = blocked_signals();
        let blocked = spawn_thread("codex-test", blocked_signals).unwrap().join().unwrap();
        for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGPIPE, libc::SIGCHLD, libc::SIGALRM, libc::SIGUSR1] {
            assert!(blocked.contains(&signal), "{signal} is not blocked");
        }
        assert_eq!(blocked_signals(), before);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_library_thread_is_named() {
        let name = || std::fs::read_to_string("/proc/thread-self/comm").unwrap();
        assert_eq!(spawn_thread("codex-test", name).unwrap().join().unwrap(), "codex-test\n");
    }
}
