//! The few calls of the operating system that the standard library has no safe form of.
#![allow(unsafe_code)]

use std::ffi::{c_int, c_long, c_void};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicI32, Ordering};

const SIGKILL: c_int = 9;
const SIGTERM: c_int = 15;
#[cfg(target_os = "macos")]
const SIGSTOP: c_int = 17;
#[cfg(not(target_os = "macos"))]
const SIGSTOP: c_int = 19;
const STDERR: c_int = 2;
const SIG_DFL: usize = 0;
const NO_RECORD: c_int = -1;
#[cfg(target_os = "macos")]
const CLOCK_MONOTONIC: c_int = 6;
#[cfg(not(target_os = "macos"))]
const CLOCK_MONOTONIC: c_int = 1;

#[repr(C)]
struct Timespec {
    seconds: c_long,
    nanoseconds: c_long,
}

unsafe extern "C" {
    fn signal(number: c_int, handler: usize) -> usize;
    fn raise(number: c_int) -> c_int;
    fn dup2(from: c_int, to: c_int) -> c_int;
    fn setsid() -> c_int;
    fn write(descriptor: c_int, bytes: *const c_void, count: usize) -> isize;
    fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int;
}

static RECORD: AtomicI32 = AtomicI32::new(NO_RECORD);

/// What a SIGTERM does after it has been recorded.
#[derive(Clone, Copy)]
pub(crate) enum OnTerm {
    Die,
    GoOn,
}

/// Records SIGTERM in `record`, which must stay open as long as the process lives.
pub(crate) fn watch_term(record: Option<&File>, on_term: OnTerm) {
    if let Some(file) = record {
        RECORD.store(file.as_raw_fd(), Ordering::SeqCst);
    }
    let handler: extern "C" fn(c_int) = match on_term {
        OnTerm::Die => record_and_die,
        OnTerm::GoOn => record_term,
    };
    // SAFETY: both handlers make only calls that are allowed in a signal handler.
    unsafe { signal(SIGTERM, handler as *const () as usize) };
}

extern "C" fn record_term(_: c_int) {
    const LINE: &[u8] = b"#sigterm\n";
    let descriptor = RECORD.load(Ordering::SeqCst);
    if descriptor == NO_RECORD {
        return;
    }
    // SAFETY: LINE is valid for its whole length, and write may be called in a signal handler.
    unsafe { write(descriptor, LINE.as_ptr().cast(), LINE.len()) };
}

extern "C" fn record_and_die(number: c_int) {
    record_term(number);
    // SAFETY: signal and raise may be called in a signal handler and take no pointers here.
    unsafe {
        signal(SIGTERM, SIG_DFL);
        raise(SIGTERM);
    }
}

/// Ends this process as `kill -9` does.
pub(crate) fn kill_self() -> ! {
    // SAFETY: raise takes no pointers.
    unsafe { raise(SIGKILL) };
    unreachable!("no process survives SIGKILL")
}

/// Stops the whole process as `kill -STOP` does. Raised by this thread, so that it does not go on for a moment.
pub(crate) fn stop_self() {
    // SAFETY: raise takes no pointers.
    unsafe { raise(SIGSTOP) };
}

/// Closes stderr. Its number leads nowhere from then on, so that no file which is opened later gets it.
pub(crate) fn close_stderr() {
    let nowhere = File::options().write(true).open("/dev/null").expect("the null device can be opened");
    // SAFETY: both descriptors are open, and the call touches no memory.
    let result = unsafe { dup2(nowhere.as_raw_fd(), STDERR) };
    assert_eq!(result, STDERR, "stderr can be replaced");
}

/// Takes stdout, so that dropping the result closes it. To be called once.
pub(crate) fn take_stdout() -> File {
    // SAFETY: nothing else in this program owns or uses descriptor 1.
    unsafe { File::from_raw_fd(1) }
}

/// Makes the child of `command` the leader of a new session.
pub(crate) fn in_new_session(command: &mut Command) {
    let become_leader = || {
        // SAFETY: setsid takes no pointers and may be called between fork and exec.
        match unsafe { setsid() } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    };
    // SAFETY: the closure only makes a call that is allowed between fork and exec.
    unsafe { command.pre_exec(become_leader) };
}

/// `CLOCK_MONOTONIC` in microseconds, comparable between processes.
pub(crate) fn monotonic_micros() -> u64 {
    let mut time = Timespec { seconds: 0, nanoseconds: 0 };
    // SAFETY: `time` is a valid timespec for the call to fill.
    let result = unsafe { clock_gettime(CLOCK_MONOTONIC, &raw mut time) };
    assert_eq!(result, 0, "the monotonic clock can be read");
    time.seconds.cast_unsigned() * 1_000_000 + time.nanoseconds.cast_unsigned() / 1_000
}
