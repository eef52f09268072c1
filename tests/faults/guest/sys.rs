//! What tests do to their own process, for which the standard library has no safe form.
#![allow(unsafe_code)]

use std::ptr;

/// Gives SIGPIPE its default action, which ends the process. Rust programs ignore it otherwise.
pub fn die_of_sigpipe() {
    // SAFETY: the default action runs no code of ours.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
}

/// For as long as this lives, the system reaps the children of this process.
pub struct IgnoredChildren(());

/// Has the system reap the children of this process.
pub fn ignore_children() -> IgnoredChildren {
    // SAFETY: an ignored signal runs no code of ours.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    IgnoredChildren(())
}

impl Drop for IgnoredChildren {
    fn drop(&mut self) {
        // SAFETY: the default action runs no code of ours.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    }
}

/// A forked child of this process.
pub struct Child(libc::pid_t);

/// Forks; the child does `work` and ends with its result.
pub fn fork(work: impl FnOnce() -> u8) -> Child {
    // SAFETY: the child runs on the copy of this thread alone. It uses what the C library makes safe after a fork, allocation
    // among it, and leaves by _exit.
    let child = unsafe { libc::fork() };
    assert_ne!(child, -1, "the process can be forked");
    if child == 0 {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(u8::MAX);
        // SAFETY: _exit runs nothing of this process.
        unsafe { libc::_exit(result.into()) };
    }
    Child(child)
}

impl Child {
    /// Waits for its end.
    pub fn exit_code(self) -> i32 {
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(self.0, &mut status, 0) }, self.0);
        assert!(libc::WIFEXITED(status), "the child was killed: {status}");
        libc::WEXITSTATUS(status)
    }

    /// Ends it.
    pub fn kill(self) {
        // SAFETY: the child is ours and not reaped yet.
        unsafe { libc::kill(self.0, libc::SIGKILL) };
        // SAFETY: no status is asked for.
        unsafe { libc::waitpid(self.0, ptr::null_mut(), 0) };
    }
}

/// Does `work` with a limit of open descriptors.
pub fn with_descriptors<T>(limit: u64, work: impl FnOnce() -> T) -> T {
    let mut usual = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the limit outlives the call.
    assert_eq!(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut usual) }, 0);
    set_limit(libc::rlimit { rlim_cur: limit, ..usual });
    let result = work();
    set_limit(usual);
    result
}

fn set_limit(limit: libc::rlimit) {
    // SAFETY: the limit outlives the call.
    assert_eq!(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) }, 0);
}

/// Enters the library as a C program does.
pub fn enter_the_library() {
    // SAFETY: the name is a C string.
    assert!(unsafe { codex::ffi::version::codex_has_feature(c"stdio".as_ptr()) });
}
