//! A running program: whether it ended, how, and how to end it.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::check;
use super::signals::{self, Signal};

/// How a program ended. Displayed in words: "exit status 3", "killed by signal 9 (SIGKILL)".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// It ended by itself with this number.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It ended, and the host took the answer: SIGCHLD is ignored, or the host waits for every child.
    Unknown,
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal(number) => match signals::name(number) {
                Some(name) => write!(f, "killed by signal {number} ({name})"),
                None => write!(f, "killed by signal {number}"),
            },
            Self::Unknown => f.write_str("exited, status unknown"),
        }
    }
}

/// A program that was started as the leader of a process group of its own.
///
/// Every method may be called from any thread. Whoever owns it reaps it with [`try_reap`](Self::try_reap). A process that
/// is dropped before that is killed with its group and reaped on the spot: after SIGKILL the wait is over as soon as the
/// kernel has torn the program down.
#[derive(Debug)]
pub struct Process {
    child: Child,
    status: Mutex<Option<ExitStatus>>,
}

impl Process {
    pub(super) fn new(pid: libc::pid_t) -> Self {
        Self { child: Child { pid, exit_fd: pidfd::open(pid) }, status: Mutex::new(None) }
    }

    /// The process id, which is the group's too.
    pub fn pid(&self) -> u32 {
        self.child.pid.unsigned_abs()
    }

    /// A descriptor that becomes readable when the program has ended, and stays so. None where the system has no such
    /// thing (anything but Linux from 5.3 on): poll [`try_reap`](Self::try_reap) then.
    pub fn exit_fd(&self) -> Option<BorrowedFd<'_>> {
        self.child.exit_fd.as_ref().map(AsFd::as_fd)
    }

    /// How the program ended, or None while it runs. Never blocks; asked again it gives the same answer.
    pub fn try_reap(&self) -> io::Result<Option<ExitStatus>> {
        let mut status = self.status();
        if status.is_none() {
            *status = self.child.wait(libc::WEXITED | libc::WNOHANG)?;
        }
        Ok(*status)
    }

    /// Signals the program and whatever else is in its process group. Between the end of the program and its reaping
    /// that still reaches what it left in the group; once reaped it reaches nobody, since the number may be another's.
    pub fn signal_group(&self, signal: Signal) -> io::Result<()> {
        let mut status = self.status();
        if status.is_none() {
            *status = self.child.signal_group(signal)?;
        }
        Ok(())
    }

    fn status(&self) -> MutexGuard<'_, Option<ExitStatus>> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let status = self.status.get_mut().unwrap_or_else(PoisonError::into_inner);
        if status.is_some() {
            return;
        }
        // Neither failure leaves anything to be done: what cannot be killed must not be waited for.
        let _ = match self.child.signal_group(Signal::Kill) {
            Ok(Some(gone)) => Ok(Some(gone)),
            Ok(None) => self.child.wait(libc::WEXITED),
            Err(_) => self.child.wait(libc::WEXITED | libc::WNOHANG),
        };
    }
}

/// A child of this process that has not been reaped yet.
#[derive(Debug)]
struct Child {
    pid: libc::pid_t,
    exit_fd: Option<OwnedFd>,
}

impl Child {
    /// Waits by pidfd where there is one: a host that waits for every child may let the number become another's.
    fn wait(&self, options: libc::c_int) -> io::Result<Option<ExitStatus>> {
        let (kind, id) = match &self.exit_fd {
            Some(fd) => pidfd::wait_target(fd.as_raw_fd()),
            None => (libc::P_PID, self.pid.unsigned_abs()),
        };
        loop {
            match wait_id(kind, id, options) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.raw_os_error() == Some(libc::ECHILD) => return Ok(Some(ExitStatus::Unknown)),
                answer => return answer,
            }
        }
    }

    /// Signals the group, unless the child turns out to have been reaped by the host; the answer is its status then.
    fn signal_group(&self, signal: Signal) -> io::Result<Option<ExitStatus>> {
        let seen = self.wait(libc::WEXITED | libc::WNOHANG | libc::WNOWAIT)?;
        if seen == Some(ExitStatus::Unknown) {
            return Ok(seen);
        }
        // SAFETY: kill touches no memory; the group's number is ours as long as its leader is not reaped.
        check(unsafe { libc::kill(-self.pid, signal.number()) })?;
        Ok(None)
    }
}

fn wait_id(kind: libc::idtype_t, id: libc::id_t, options: libc::c_int) -> io::Result<Option<ExitStatus>> {
    // SAFETY: siginfo_t is plain data, for which all zeroes is a value ("nothing happened").
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` outlives the call.
    check(unsafe { libc::waitid(kind, id, &mut info, options) })?;
    if info.si_signo == 0 {
        return Ok(None);
    }
    // SAFETY: waitid fills in the fields of SIGCHLD, of which this is one.
    let value = unsafe { info.si_status() };
    Ok(Some(match info.si_code {
        libc::CLD_EXITED => ExitStatus::Code(value),
        _ => ExitStatus::Signal(value),
    }))
}

/// Descriptors of processes.
#[cfg(target_os = "linux")]
pub(super) mod pidfd {
    use std::os::fd::{FromRawFd, OwnedFd, RawFd};

    use super::super::stdio::above_stdio;

    /// A descriptor of the process, close-on-exec by nature; None where the kernel or a sandbox does not give one.
    pub(in super::super) fn open(pid: libc::pid_t) -> Option<OwnedFd> {
        // SAFETY: pidfd_open takes two integers and touches no memory.
        let raw = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let raw = RawFd::try_from(raw).ok().filter(|raw| *raw >= 0)?;
        // SAFETY: the system call has just made this descriptor for us.
        above_stdio(unsafe { OwnedFd::from_raw_fd(raw) }).ok()
    }

    pub(super) fn wait_target(fd: RawFd) -> (libc::idtype_t, libc::id_t) {
        (libc::P_PIDFD, fd.unsigned_abs())
    }
}

/// No descriptors of processes.
#[cfg(not(target_os = "linux"))]
mod pidfd {
    use std::os::fd::{OwnedFd, RawFd};

    pub(super) fn open(_pid: libc::pid_t) -> Option<OwnedFd> {
        None
    }

    pub(super) fn wait_target(_fd: RawFd) -> (libc::idtype_t, libc::id_t) {
        unreachable!("there is no descriptor of a process here")
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{ended, exists, first_number, ignore, in_own_process, shell, start, wait_until};
    use super::*;

    #[test]
    fn the_exit_status_is_the_programs_and_stays() {
        let process = shell("exit 3").process;
        assert_eq!(ended(&process), ExitStatus::Code(3));
        assert_eq!(process.try_reap().unwrap(), Some(ExitStatus::Code(3)));
    }

    #[test]
    fn a_running_program_has_no_status() {
        let process = start("sleep", &["1000"]).process;
        assert_eq!(process.try_reap().unwrap(), None);
    }

    #[test]
    fn the_signal_that_ended_a_program_is_told() {
        for (signal, number) in [(Signal::Term, libc::SIGTERM), (Signal::Kill, libc::SIGKILL)] {
            let process = start("sleep", &["1000"]).process;
            process.signal_group(signal).unwrap();
            assert_eq!(ended(&process), ExitStatus::Signal(number));
        }
    }

    #[test]
    fn a_status_reads_as_words() {
        assert_eq!(ExitStatus::Code(3).to_string(), "exit status 3");
        assert_eq!(ExitStatus::Signal(9).to_string(), "killed by signal 9 (SIGKILL)");
        assert_eq!(ExitStatus::Signal(250).to_string(), "killed by signal 250");
        assert_eq!(ExitStatus::Unknown.to_string(), "exited, status unknown");
    }

    #[test]
    fn the_signal_reaches_the_whole_group_even_after_its_leader_ended() {
        let spawned = shell("sleep 1000 & echo $!");
        let member = first_number(&spawned);
        wait_until("the leader has ended", || {
            spawned.process.child.wait(libc::WEXITED | libc::WNOHANG | libc::WNOWAIT).unwrap().is_some()
        });
        assert!(exists(member));
        spawned.process.signal_group(Signal::Kill).unwrap();
        wait_until("the member has ended", || !exists(member));
        assert_eq!(ended(&spawned.process), ExitStatus::Code(0));
    }

    #[test]
    fn a_reaped_program_is_not_signalled() {
        let mut process = shell("exit 0").process;
        ended(&process);
        let bystander = start("sleep", &["1000"]).process;
        process.child.pid = bystander.child.pid;
        process.signal_group(Signal::Kill).unwrap();
        drop(process);
        bystander.signal_group(Signal::Term).unwrap();
        assert_eq!(ended(&bystander), ExitStatus::Signal(libc::SIGTERM), "it had got no SIGKILL before");
    }

    #[test]
    fn a_host_that_ignores_sigchld_makes_the_status_unknown() {
        in_own_process(|| {
            ignore(libc::SIGCHLD);
            let process = start("sleep", &["1000"]).process;
            assert_eq!(process.try_reap().unwrap(), None);
            process.signal_group(Signal::Kill).unwrap();
            assert_eq!(ended(&process), ExitStatus::Unknown);
        });
    }

    #[test]
    fn a_host_that_waits_for_every_child_makes_the_status_unknown() {
        in_own_process(|| {
            let process = shell("exit 3").process;
            // SAFETY: this process runs nothing but this test; no status is written.
            let reaped = unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) };
            assert_eq!(reaped, process.child.pid);
            process.signal_group(Signal::Kill).unwrap();
            assert_eq!(process.try_reap().unwrap(), Some(ExitStatus::Unknown));
        });
    }

    #[test]
    fn a_dropped_program_is_killed_and_leaves_no_zombie() {
        let process = shell("trap '' TERM; sleep 1000").process;
        let pid = process.pid();
        drop(process);
        assert!(!exists(pid));
    }

    #[test]
    fn a_forked_child_that_drops_a_program_does_not_end_it() {
        in_own_process(|| {
            let process = start("sleep", &["1000"]).process;
            // SAFETY: the child makes system calls only, and leaves by _exit.
            let fork = unsafe { libc::fork() };
            if fork == 0 {
                drop(process);
                // SAFETY: _exit runs nothing of this process.
                unsafe { libc::_exit(0) };
            }
            // SAFETY: no status is written.
            assert_eq!(unsafe { libc::waitpid(fork, std::ptr::null_mut(), 0) }, fork);
            process.signal_group(Signal::Term).unwrap();
            assert_eq!(ended(&process), ExitStatus::Signal(libc::SIGTERM), "it had got no SIGKILL before");
        });
    }

    #[test]
    fn a_program_that_ended_unreaped_leaves_no_zombie_when_dropped() {
        let process = shell("exit 0").process;
        let pid = process.pid();
        wait_until("it has ended", || {
            process.child.wait(libc::WEXITED | libc::WNOHANG | libc::WNOWAIT).unwrap().is_some()
        });
        drop(process);
        assert!(!exists(pid));
    }

    #[test]
    fn without_a_pidfd_everything_but_the_descriptor_works() {
        let mut process = start("sleep", &["1000"]).process;
        process.child.exit_fd = None;
        assert!(process.exit_fd().is_none());
        assert_eq!(process.try_reap().unwrap(), None);
        process.signal_group(Signal::Term).unwrap();
        assert_eq!(ended(&process), ExitStatus::Signal(libc::SIGTERM));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_exit_fd_becomes_readable_when_the_program_ends() {
        use super::super::testing::is_readable;
        let process = start("sleep", &["1000"]).process;
        assert!(!is_readable(process.exit_fd().unwrap()));
        process.signal_group(Signal::Kill).unwrap();
        wait_until("the descriptor is readable", || is_readable(process.exit_fd().unwrap()));
        assert_eq!(process.try_reap().unwrap(), Some(ExitStatus::Signal(9)));
        assert!(is_readable(process.exit_fd().unwrap()));
    }
}
