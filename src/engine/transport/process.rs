//! A runtime that was started as a child process and speaks lines over its standard streams.

use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::framing::{Framer, Tail};
use super::{Ending, Filled, Incoming, Transport};
use crate::engine::json::without_secrets;
use crate::engine::log::{Level, Log};
use crate::sys::{self, ExitStatus, Process, Signal, Spawned};

/// How much of what the runtime writes to its standard error is kept for error messages.
const STDERR_TAIL: usize = 16 << 10;

/// How often the process is looked at where the system cannot tell when it ends.
const LOOK: Duration = Duration::from_millis(20);

/// How long the processes that a runtime left behind may take to die.
const SWEEP: Duration = Duration::from_secs(1);

/// A child process on three pipes.
#[derive(Debug)]
pub struct ProcessTransport {
    process: Process,
    marker: String,
    stdin: Option<AsyncFd<OwnedFd>>,
    written: usize,
    stdout: AsyncFd<OwnedFd>,
    framer: Framer,
    stderr: Option<AsyncFd<OwnedFd>>,
    tail: Tail,
    exit: Option<AsyncFd<OwnedFd>>,
    look_at: Option<Instant>,
    ladder: Option<Ladder>,
    log: Log,
}

/// From asking to forcing: end of input, SIGTERM, SIGKILL.
#[derive(Clone, Copy, Debug)]
struct Ladder {
    rung: Rung,
    term_at: Instant,
    kill_at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rung {
    EndOfInput,
    Term,
    Kill,
}

impl ProcessTransport {
    /// Takes over a started process. Must be called inside the runtime that will drive it.
    pub fn new(spawned: Spawned, marker: String, max_message_bytes: usize, log: Log) -> io::Result<Self> {
        let Spawned { process, stdin, stdout, stderr } = spawned;
        let exit = process.exit_fd().map(|fd| fd.try_clone_to_owned()).transpose()?;
        Ok(Self {
            stdin: Some(sys::watch(stdin, Interest::WRITABLE)?),
            written: 0,
            stdout: sys::watch(stdout, Interest::READABLE)?,
            framer: Framer::new(max_message_bytes),
            stderr: Some(sys::watch(stderr, Interest::READABLE)?),
            tail: Tail::new(STDERR_TAIL),
            exit: exit.map(|fd| sys::watch(fd, Interest::READABLE)).transpose()?,
            look_at: None,
            ladder: None,
            process,
            marker,
            log,
        })
    }

    /// The id of the process.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Reads what the runtime writes to its standard error, so that it never waits for us.
    fn poll_stderr(&mut self, cx: &mut Context<'_>) {
        while let Some(stderr) = &self.stderr {
            match poll_read(stderr, cx, self.tail.space()) {
                Poll::Ready(Ok(Read::Part | Read::All)) => self.log_stderr(),
                Poll::Ready(Ok(Read::End) | Err(_)) => self.stderr = None,
                Poll::Pending => return,
            }
        }
    }

    /// What is left in the pipe of a process that is gone, whether or not its readiness has been noticed.
    fn drain_stderr(&mut self) {
        while let Some(stderr) = &self.stderr {
            match sys::read(stderr.get_ref().as_fd(), self.tail.space()) {
                Ok(count) if count > 0 => self.log_stderr(),
                _ => self.stderr = None,
            }
        }
    }

    fn log_stderr(&mut self) {
        let log = &self.log;
        self.tail.take_lines(&mut |line| {
            log.emit(Level::Info, "codex::runtime", || plain(line));
        });
    }

    fn poll_exited(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<()> {
        match &self.exit {
            Some(exit) => exit.poll_read_ready(cx).map(|_| ()),
            None if self.look_at.is_some_and(|at| at > now) => Poll::Pending,
            None => {
                self.look_at = Some(now + LOOK);
                if matches!(self.process.try_reap(), Ok(None)) { Poll::Pending } else { Poll::Ready(()) }
            }
        }
    }

    fn climb(&mut self, now: Instant) {
        let Some(ladder) = &mut self.ladder else { return };
        if ladder.rung == Rung::EndOfInput && now >= ladder.term_at {
            ladder.rung = Rung::Term;
            let _ = self.process.signal_group(Signal::Term);
        }
        if ladder.rung == Rung::Term && now >= ladder.kill_at {
            ladder.rung = Rung::Kill;
            let _ = self.process.signal_group(Signal::Kill);
        }
    }

    /// Ends what is left of the process's group and of its commands, and says how it ended.
    fn bury(&mut self) -> Ending {
        let _ = self.process.signal_group(Signal::Kill);
        let status = self.process.try_reap().ok().flatten().unwrap_or(ExitStatus::Unknown);
        let swept = sys::sweep(&self.marker, Instant::now() + SWEEP);
        if swept > 0 {
            let message = || format!("ended {swept} processes that the runtime had left behind");
            self.log.emit(Level::Warn, "codex::process", message);
        }
        self.drain_stderr();
        let tail = plain(self.tail.as_bytes());
        let tail = tail.trim();
        let stderr_tail = (!tail.is_empty()).then(|| tail.to_owned());
        Ending { exit_status: Some(status.to_string()), stderr_tail, cause: None }
    }
}

impl Transport for ProcessTransport {
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<Filled> {
        match ready!(poll_read(&self.stdout, cx, self.framer.space())) {
            Ok(Read::Part) => Poll::Ready(Filled::Some),
            Ok(Read::All) => Poll::Ready(Filled::All),
            Ok(Read::End) | Err(_) => Poll::Ready(Filled::End),
        }
    }

    fn fill_rest(&mut self) -> Filled {
        match sys::read(self.stdout.get_ref().as_fd(), self.framer.space()) {
            Ok(count) if count > 0 => Filled::Some,
            _ => Filled::End,
        }
    }

    fn take_messages(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        self.framer.take_lines(deliver);
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, message: &str) -> Poll<io::Result<()>> {
        let Some(stdin) = &self.stdin else { return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())) };
        let bytes = message.as_bytes();
        while self.written <= bytes.len() {
            let mut guard = ready!(stdin.poll_write_ready(cx))?;
            // In one piece: a line that came in two would wake the runtime twice.
            let pieces = [IoSlice::new(&bytes[self.written..]), IoSlice::new(b"\n")];
            match guard.try_io(|fd| sys::send_nosignal(fd.as_fd(), &pieces)) {
                Ok(Ok(count)) => self.written += count,
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Err(_would_block) => {}
            }
        }
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    fn end(&mut self, now: Instant, patience: Duration) {
        let (term_at, kill_at) = (now + patience / 2, now + patience);
        let ladder = self.ladder.get_or_insert(Ladder { rung: Rung::EndOfInput, term_at, kill_at });
        ladder.term_at = ladder.term_at.min(term_at);
        ladder.kill_at = ladder.kill_at.min(kill_at);
    }

    fn finish_sending(&mut self) {
        if let Some(stdin) = self.stdin.take() {
            let _ = sys::shutdown_write(stdin.as_fd());
        }
    }

    fn poll_ended(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Ending> {
        self.climb(now);
        self.poll_stderr(cx);
        ready!(self.poll_exited(cx, now));
        Poll::Ready(self.bury())
    }

    fn next_deadline(&self) -> Option<Instant> {
        let rung = self.ladder.and_then(|ladder| match ladder.rung {
            Rung::EndOfInput => Some(ladder.term_at),
            Rung::Term => Some(ladder.kill_at),
            Rung::Kill => None,
        });
        [rung, self.look_at].into_iter().flatten().min()
    }
}

/// What one read brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Read {
    /// As much as there was room for.
    Part,
    /// Less than there was room for, so all that there was.
    All,
    /// Nothing, for ever.
    End,
}

fn poll_read(fd: &AsyncFd<OwnedFd>, cx: &mut Context<'_>, buffer: &mut Vec<u8>) -> Poll<io::Result<Read>> {
    let room = buffer.capacity() - buffer.len();
    loop {
        let mut guard = ready!(fd.poll_read_ready(cx))?;
        let Ok(count) = guard.try_io(|fd| sys::read(fd.as_fd(), buffer)) else { continue };
        return Poll::Ready(Ok(match count? {
            0 => Read::End,
            count if count == room => Read::Part,
            _ => {
                // Asking again would only be told that there is nothing.
                guard.clear_ready();
                Read::All
            }
        }));
    }
}

/// What a runtime writes to its standard error, as the host may see it.
fn plain(bytes: &[u8]) -> String {
    without_secrets(&strip_escapes(&String::from_utf8_lossy(bytes)))
}

/// The text without the escape sequences that colour it.
pub fn strip_escapes(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\u{1b}' {
            plain.push(character);
            continue;
        }
        if characters.next() == Some('[') {
            characters.find(|character| character.is_ascii_alphabetic());
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_removed() {
        assert_eq!(strip_escapes("\u{1b}[2m2026\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m codex: x"), "2026 ERROR codex: x");
    }
}
