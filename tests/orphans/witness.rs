//! Processes that have nothing to do with a client, and notice every signal that reaches them.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use codex::sys::MARKER;

use crate::agent::{Tree, facts};

/// A process that blocks all signals: one that reaches it stays with it, or ends it.
pub struct Witness {
    what: &'static str,
    child: Child,
}

impl Witness {
    /// Processes that are easily taken for those of a tree.
    pub fn around(tree: &Tree) -> Vec<Self> {
        let marker = tree.marker();
        let value = marker.strip_prefix(MARKER).and_then(|rest| rest.strip_prefix('=')).expect("a variable");
        let shorter = value.trim_end_matches('-');
        vec![
            Self::start("a process of somebody else", |_| ()),
            Self::start("a process whose marker begins alike", |command| {
                command.env(MARKER, shorter);
            }),
            Self::start("a process with the marker in another variable", |command| {
                command.env("OTHER", marker);
            }),
        ]
    }

    fn start(what: &'static str, change: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new("sleep");
        command.arg("86400").env_remove(MARKER).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        change(&mut command);
        block_all_signals(&mut command);
        Self { what, child: command.spawn().expect("sleep can be run") }
    }

    /// No signal has reached it.
    pub fn assert_untouched(&self) {
        let status = facts(self.child.id(), "status");
        let value = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        assert!(value("State:").is_some_and(|state| state.starts_with('S')), "{} lives on: {status}", self.what);
        for pending in ["SigPnd:", "ShdPnd:"] {
            assert_eq!(value(pending), Some("0000000000000000"), "{} got no signal", self.what);
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[allow(unsafe_code)] // The standard library has no safe form of it.
fn block_all_signals(command: &mut Command) {
    let block = || {
        // SAFETY: a signal set is plain data, for which all zeroes is a value.
        let mut all: libc::sigset_t = unsafe { std::mem::zeroed() };
        // SAFETY: the set outlives both calls, which may be made between fork and exec.
        unsafe {
            libc::sigfillset(&mut all);
            libc::sigprocmask(libc::SIG_SETMASK, &all, std::ptr::null_mut());
        }
        Ok(())
    };
    // SAFETY: the closure makes only calls that are allowed between fork and exec.
    unsafe { command.pre_exec(block) };
}
