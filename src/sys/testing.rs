//! What the tests of this module share.

use std::any::type_name;
use std::env;
use std::ffi::{CString, OsString};
use std::fs::{self, Permissions};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::signals::no_signals;
use super::{ExitStatus, MARKER, Process, SpawnSpec, Spawned, read, spawn};

/// Wide enough that only a hang passes it.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

const ALONE: &str = "LIBCODEX_TEST_ALONE";

/// Runs the body of the calling test in a process of its own, where it may change what belongs to the whole process. That
/// process has a marker of its own, too. Nothing may be printed on its standard error.
pub(crate) fn in_own_process<F: FnOnce()>(body: F) {
    let path = type_name::<F>().trim_end_matches("::{{closure}}");
    let (_, test) = path.split_once("::").unwrap();
    if env::var_os(ALONE).is_some() {
        return body();
    }
    let arguments = [test, "--exact", "--nocapture", "--test-threads=1"];
    let mut command = Command::new(env::current_exe().unwrap());
    let output = command.args(arguments).env(ALONE, "1").env(MARKER, fresh_marker()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{}\n{said}\n{complaint}", output.status);
    assert_eq!(complaint, "");
}

/// Gives a signal its default action.
pub(super) fn restore_default(signal: libc::c_int) {
    // SAFETY: the default action runs no code of ours.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

/// Gives a signal to nobody.
pub(super) fn ignore(signal: libc::c_int) {
    // SAFETY: an ignored signal runs no code of ours.
    unsafe { libc::signal(signal, libc::SIG_IGN) };
}

/// The signals that the calling thread blocks.
pub(super) fn blocked_signals() -> Vec<libc::c_int> {
    let mut mask = no_signals();
    // SAFETY: without a new set the call only reports the old one.
    unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &mut mask) };
    // SAFETY: the set is initialised.
    (1..32).filter(|signal| unsafe { libc::sigismember(&mask, *signal) } == 1).collect()
}

/// A marker that no other test has.
pub(super) fn fresh_marker() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("test-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A program of the system with the variables of this process and this marker.
pub(super) fn start_marked(marker: &str, program: &str, args: &[&str]) -> Spawned {
    let args: Vec<OsString> = args.iter().map(OsString::from).collect();
    let program = Path::new("/usr/bin").join(program);
    let env = env::vars_os().collect();
    spawn(SpawnSpec { program: &program, args: &args, env, cwd: None, marker }).unwrap()
}

/// A program of the system.
pub(super) fn start(program: &str, args: &[&str]) -> Spawned {
    start_marked(&fresh_marker(), program, args)
}

/// A script for the shell.
pub(super) fn shell(script: &str) -> Spawned {
    start("sh", &["-c", script])
}

/// Waits for a condition, and panics when nothing but a hang can explain that it does not come.
pub(super) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for the end of a program and reaps it.
pub(super) fn ended(process: &Process) -> ExitStatus {
    let mut status = None;
    wait_until("the program ends", || {
        status = process.try_reap().unwrap();
        status.is_some()
    });
    status.unwrap()
}

/// Whether the process exists. A zombie counts only if it is ours to reap: an orphan's may stay where nobody reaps them.
pub(super) fn exists(pid: u32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let state = stat.rsplit_once(") ").unwrap().1;
    !state.starts_with('Z') || parent(state) == process::id()
}

fn parent(fields: &str) -> u32 {
    fields.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Everything that comes until EOF.
pub(super) fn read_all(fd: &OwnedFd) -> String {
    let mut text = Vec::with_capacity(1 << 16);
    wait_until("the stream ends", || {
        loop {
            match read(fd.as_fd(), &mut text) {
                Ok(0) => return true,
                Ok(_) => text.reserve(1 << 16),
                Err(_) => return false,
            }
        }
    });
    String::from_utf8(text).unwrap()
}

/// The number on the first line of a program's stdout.
pub(super) fn first_number(spawned: &Spawned) -> u32 {
    let mut line = Vec::with_capacity(64);
    wait_until("a line is there", || {
        let _ = read(spawned.stdout.as_fd(), &mut line);
        line.contains(&b'\n')
    });
    String::from_utf8(line).unwrap().lines().next().unwrap().parse().unwrap()
}

/// Whether poll says so.
pub(super) fn is_readable(fd: BorrowedFd<'_>) -> bool {
    let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, which outlives the call.
    unsafe { libc::poll(&mut poll, 1, 0) == 1 && poll.revents & libc::POLLIN != 0 }
}

/// A directory that is removed at the end.
pub(crate) struct ScratchDir(PathBuf);

impl ScratchDir {
    pub(crate) fn new() -> Self {
        let path = env::temp_dir().join(format!("libcodex-sys-{}", fresh_marker()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes a pipe that has a name, and no reader nor writer.
pub(super) fn fifo(path: &Path) {
    let name = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the name is a string that lives during the call.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
}

/// Writes a file that can be executed, and the directories above it.
pub(crate) fn executable_file(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}
