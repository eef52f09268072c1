//! Ending what a program left behind.

use std::time::Instant;

/// Ends every process of this user that was started with this marker, the program itself included, and says how many
/// there were. Returns when they are gone, or when the deadline has passed.
///
/// The runtime puts each of its commands in a session of its own, out of reach of its process group; what they have in
/// common is the [`MARKER`](super::MARKER) variable in the environment they started with. A process that overwrites
/// that memory is not found. The calling process is never ended. Linux only: elsewhere nothing is found.
pub fn sweep(marker: &str, deadline: Instant) -> usize {
    if marker.is_empty() {
        return 0;
    }
    sweeping::sweep(marker, deadline)
}

#[cfg(not(target_os = "linux"))]
mod sweeping {
    use std::time::Instant;

    pub(super) fn sweep(_marker: &str, _deadline: Instant) -> usize {
        0
    }
}

#[cfg(target_os = "linux")]
mod sweeping {
    use std::collections::HashSet;
    use std::fs;
    use std::io;
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;
    use std::ptr;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::super::process::pidfd;
    use super::super::{MARKER, check};

    /// How long a kernel without pidfds is given between two rounds.
    const PAUSE: Duration = Duration::from_millis(5);

    /// More than enough for the kernel to start a program.
    const STARTING: Duration = Duration::from_millis(50);

    /// A process may fork while we look, so the rounds go on until one finds nobody.
    pub(super) fn sweep(marker: &str, deadline: Instant) -> usize {
        let entry = format!("{MARKER}={marker}");
        let mut ended = HashSet::new();
        loop {
            let found = end_all(entry.as_bytes());
            ended.extend(found.iter().map(|target| target.pid));
            found.iter().for_each(|target| target.wait(deadline));
            if found.is_empty() || Instant::now() >= deadline {
                return ended.len();
            }
        }
    }

    fn end_all(entry: &[u8]) -> Vec<Target> {
        let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
        let pids = processes.flatten().filter_map(|process| process.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid| end(pid, entry)).collect()
    }

    /// The descriptor is opened before the look at the environment: what was looked at is what is ended.
    fn end(pid: libc::pid_t, entry: &[u8]) -> Option<Target> {
        let target = Target { pid, fd: pidfd::open(pid) };
        let matches = is_candidate(pid) && has_entry(pid, entry);
        (matches && target.kill().is_ok()).then_some(target)
    }

    fn is_candidate(pid: libc::pid_t) -> bool {
        // SAFETY: neither call has preconditions.
        let (this_process, this_user) = unsafe { (libc::getpid(), libc::geteuid()) };
        let owner = fs::metadata(Path::new("/proc").join(pid.to_string())).map(|metadata| metadata.uid());
        pid != this_process && owner.is_ok_and(|owner| owner == this_user)
    }

    fn has_entry(pid: libc::pid_t, entry: &[u8]) -> bool {
        environment(pid).split(|byte| *byte == 0).any(|variable| variable == entry)
    }

    /// A program that is just being started has new memory, which the kernel has not filled yet: look again.
    fn environment(pid: libc::pid_t) -> Vec<u8> {
        let until = Instant::now() + STARTING;
        loop {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            if !environment.is_empty() || !is_starting(pid) || Instant::now() >= until {
                return environment;
            }
            thread::yield_now();
        }
    }

    /// Whether a process has an executable and no arguments, not even its name. A zombie has neither, nor a thread of the
    /// kernel.
    fn is_starting(pid: libc::pid_t) -> bool {
        let arguments = fs::read(format!("/proc/{pid}/cmdline"));
        arguments.is_ok_and(|arguments| arguments.is_empty()) && fs::read_link(format!("/proc/{pid}/exe")).is_ok()
    }

    struct Target {
        pid: libc::pid_t,
        fd: Option<OwnedFd>,
    }

    impl Target {
        fn kill(&self) -> io::Result<()> {
            match &self.fd {
                Some(fd) => kill_by_fd(fd),
                // SAFETY: kill touches no memory.
                None => check(unsafe { libc::kill(self.pid, libc::SIGKILL) }).map(drop),
            }
        }

        /// A process that is still being torn down shows its environment, and would be found again.
        fn wait(&self, deadline: Instant) {
            let left = deadline.saturating_duration_since(Instant::now());
            match &self.fd {
                Some(fd) => wait_readable(fd, left),
                None => thread::sleep(left.min(PAUSE)),
            }
        }
    }

    fn kill_by_fd(fd: &OwnedFd) -> io::Result<()> {
        let no_info = ptr::null::<libc::siginfo_t>();
        // SAFETY: the descriptor is open, and a null siginfo means the same as kill.
        let result = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), libc::SIGKILL, no_info, 0) };
        check(result as libc::c_int).map(drop)
    }

    fn wait_readable(fd: &OwnedFd, timeout: Duration) {
        let mut poll = libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: one pollfd, which outlives the call.
        unsafe { libc::poll(&mut poll, 1, timeout) };
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::testing::{
        PATIENCE, ended, exists, first_number, fresh_marker, in_own_process, start_marked, wait_until,
    };
    use super::super::{ExitStatus, MARKER, Spawned};
    use super::*;

    fn patiently() -> Instant {
        Instant::now() + PATIENCE
    }

    fn marked_shell(marker: &str, script: &str) -> Spawned {
        start_marked(marker, "sh", &["-c", script])
    }

    fn has_started(pid: u32, program: &str) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == program)
    }

    #[test]
    fn a_grandchild_in_a_session_of_its_own_is_ended() {
        let marker = fresh_marker();
        let shell = marked_shell(&marker, "setsid sleep 1000 & echo $!");
        let grandchild = first_number(&shell);
        assert_eq!(ended(&shell.process), ExitStatus::Code(0));
        wait_until("sleep runs", || has_started(grandchild, "sleep"));
        assert_eq!(sweep(&marker, patiently()), 1);
        assert!(!exists(grandchild));
        assert_eq!(sweep(&marker, patiently()), 0);
    }

    #[test]
    fn the_program_itself_is_ended_too() {
        let marker = fresh_marker();
        let sleeper = start_marked(&marker, "sleep", &["1000"]);
        assert_eq!(sweep(&marker, patiently()), 1);
        assert_eq!(ended(&sleeper.process), ExitStatus::Signal(libc::SIGKILL));
    }

    #[test]
    fn a_marker_that_only_begins_or_ends_alike_is_spared() {
        let marker = fresh_marker();
        let longer = start_marked(&format!("{marker}x"), "sleep", &["1000"]);
        let hidden = start_marked(&format!("x LIBCODEX_RUN={marker}"), "sleep", &["1000"]);
        let shorter = start_marked(&marker[..marker.len() - 1], "sleep", &["1000"]);
        assert_eq!(sweep(&marker, patiently()), 0);
        for spared in [longer, hidden, shorter] {
            assert_eq!(spared.process.try_reap().unwrap(), None);
        }
    }

    #[test]
    fn the_marker_among_the_arguments_is_not_the_marker() {
        let marker = fresh_marker();
        let script = format!("exec sleep 1000 # LIBCODEX_RUN={marker}");
        let bystander = marked_shell(&fresh_marker(), &script);
        assert_eq!(sweep(&marker, patiently()), 0);
        assert_eq!(bystander.process.try_reap().unwrap(), None);
    }

    #[test]
    fn an_empty_marker_ends_nobody() {
        let sleeper = start_marked("", "sleep", &["1000"]);
        assert_eq!(sweep("", patiently()), 0);
        assert_eq!(sleeper.process.try_reap().unwrap(), None);
    }

    #[test]
    fn processes_that_keep_forking_are_all_ended() {
        let marker = fresh_marker();
        let script = "for i in 1 2 3 4; do (while :; do setsid sleep 1000 & sleep 0.01; done) & done; echo 1; wait";
        let shell = marked_shell(&marker, script);
        first_number(&shell);
        assert!(sweep(&marker, patiently()) >= 5);
        assert_eq!(sweep(&marker, patiently()), 0);
        ended(&shell.process);
    }

    #[test]
    fn a_deadline_that_has_passed_still_allows_one_round() {
        let marker = fresh_marker();
        let sleeper = start_marked(&marker, "sleep", &["1000"]);
        assert_eq!(sweep(&marker, Instant::now()), 1);
        assert_eq!(ended(&sleeper.process), ExitStatus::Signal(libc::SIGKILL));
    }

    #[test]
    fn the_calling_process_survives_its_own_marker() {
        in_own_process(|| {
            let own_marker = std::env::var(MARKER).unwrap();
            let sleeper = start_marked(&own_marker, "sleep", &["1000"]);
            assert_eq!(sweep(&own_marker, patiently()), 1);
            assert_eq!(ended(&sleeper.process), ExitStatus::Signal(libc::SIGKILL));
        });
    }
}
