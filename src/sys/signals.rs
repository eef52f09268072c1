//! Signals: which ones the library sends, how they are called, and how its threads keep out of their way.

use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr;

/// The signals that end a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM: the program may clean up.
    Term,
    /// SIGKILL: the program ends at once.
    Kill,
}

impl Signal {
    pub(super) fn number(self) -> libc::c_int {
        match self {
            Self::Term => libc::SIGTERM,
            Self::Kill => libc::SIGKILL,
        }
    }
}

/// The name of a signal, as `kill -l` knows it.
pub(super) fn name(number: i32) -> Option<&'static str> {
    Some(match number {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGSYS => "SIGSYS",
        _ => return None,
    })
}

/// What the kernel raises for a mistake of the thread itself. Blocked, it would end the process without asking the
/// host's crash reporter, sanitizer or virtual machine.
const FAULTS: [libc::c_int; 6] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS];

/// A set that holds no signal.
pub(super) fn no_signals() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the whole set and cannot fail with a valid pointer.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

/// A set of these signals.
pub(super) fn signal_set(signals: &[libc::c_int]) -> libc::sigset_t {
    let mut set = no_signals();
    for signal in signals {
        // SAFETY: the set is initialised; the numbers are libc's own.
        unsafe { libc::sigaddset(&mut set, *signal) };
    }
    set
}

fn all_but_faults() -> libc::sigset_t {
    let mut set = no_signals();
    // SAFETY: the set is initialised; the numbers are libc's own.
    unsafe {
        libc::sigfillset(&mut set);
        for fault in FAULTS {
            libc::sigdelset(&mut set, fault);
        }
    }
    set
}

/// As long as it lives, no signal but a fault reaches the calling thread; then the old mask is back. A thread that is
/// made meanwhile keeps the blocked mask for good.
pub(super) struct BlockedSignals {
    before: libc::sigset_t,
    of_this_thread: PhantomData<*const ()>,
}

impl BlockedSignals {
    pub(super) fn hold() -> Self {
        let mut before = no_signals();
        // SAFETY: both sets are initialised and outlive the call, which changes the calling thread only.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &all_but_faults(), &mut before) };
        Self { before, of_this_thread: PhantomData }
    }
}

impl Drop for BlockedSignals {
    fn drop(&mut self) {
        // SAFETY: the set was filled by the kernel for this very thread.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, ptr::null_mut()) };
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::blocked_signals;
    use super::*;

    #[test]
    fn a_hold_blocks_what_others_send_and_gives_the_old_mask_back() {
        std::thread::spawn(|| {
            let before = blocked_signals();
            {
                let _held = BlockedSignals::hold();
                let held = blocked_signals();
                for signal in [libc::SIGPIPE, libc::SIGTERM, libc::SIGINT, libc::SIGCHLD, libc::SIGPROF] {
                    assert!(held.contains(&signal), "{signal} is not blocked");
                }
            }
            assert_eq!(blocked_signals(), before);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn faults_stay_deliverable() {
        std::thread::spawn(|| {
            let _held = BlockedSignals::hold();
            let held = blocked_signals();
            assert!(FAULTS.iter().all(|fault| !held.contains(fault)));
        })
        .join()
        .unwrap();
    }

    #[test]
    fn signals_are_called_as_the_shell_calls_them() {
        assert_eq!(name(9), Some("SIGKILL"));
        assert_eq!(name(libc::SIGSEGV), Some("SIGSEGV"));
        assert_eq!(name(0), None);
    }
}
