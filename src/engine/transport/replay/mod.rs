//! Plays back a recording in the place of a runtime.

mod play;

use std::io;
use std::path::PathBuf;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::recording::{Parted, Recording};
use super::redactor::Redactor;
use super::{Direction, Ending, Filled, Incoming, Transport};
use crate::engine::error::{Error, Status};
use crate::engine::log::{Level, Log};
use play::{Cue, Mismatch, Play, Standstill};

/// How many messages are handed out at once: whoever waits gets its turn in between.
const BATCH: usize = 64;

/// A recording instead of a runtime. It plays as fast as the host reads, in the recorded order.
pub struct ReplayTransport {
    play: Play,
    path: PathBuf,
    redactor: Redactor,
    /// What was received and not handed out yet.
    received: Vec<Received>,
    phase: Phase,
    /// Until when it may be that nothing goes on although the host waits.
    standing_until: Option<Instant>,
    log: Log,
}

enum Received {
    Message(String),
    Skipped { bytes: u64, begins: String },
}

enum Phase {
    /// Whoever drives the connection reads it first.
    Unread(Recording),
    Playing,
    /// The host has ended the connection.
    Closed,
    Over(Ending),
}

impl ReplayTransport {
    /// Plays back a recording, which is read later. What the host sends is compared without what this redactor removes.
    pub fn new(recording: Recording, redactor: Redactor, log: Log) -> Self {
        Self {
            play: Play::new(Vec::new()),
            path: recording.path().to_owned(),
            redactor,
            received: Vec::new(),
            phase: Phase::Unread(recording),
            standing_until: None,
            log,
        }
    }

    /// Reads the recording, all of it.
    fn read(&mut self) -> Filled {
        let Phase::Unread(recording) = std::mem::replace(&mut self.phase, Phase::Playing) else { return Filled::End };
        match recording.read() {
            Ok(entries) => self.play = Play::new(entries),
            Err(error) => self.phase = Phase::Over(Ending { cause: Some(error), ..Ending::default() }),
        }
        // The driver comes again, and sends what could not be sent until now.
        Filled::Some
    }

    /// Takes what comes next until the host has to send something.
    fn fill(&mut self) -> Filled {
        while self.received.len() < BATCH && !self.is_over() {
            match self.play.cue() {
                Cue::Message(message) => {
                    self.redactor.hear(&message);
                    self.received.push(Received::Message(message));
                }
                Cue::Skipped { bytes, begins } => self.received.push(Received::Skipped { bytes, begins }),
                Cue::Ended(Parted { exit_status, stderr_tail }) => {
                    self.phase = Phase::Over(Ending { exit_status, stderr_tail, cause: None });
                }
                Cue::CutOff(why) => self.give_up(why),
                Cue::Wait => return Filled::All,
            }
        }
        if self.received.is_empty() { Filled::End } else { Filled::Some }
    }

    fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over(_))
    }

    /// The host hears why, in the place of whatever it waits for.
    fn give_up(&mut self, Mismatch(why): Mismatch) {
        if self.is_over() {
            return;
        }
        let message = format!(
            "the replay of {} ends: {why}; let the program do what it did when it was recorded, or record it anew",
            self.path.display()
        );
        self.log.emit(Level::Error, "codex::replay", || message.clone());
        let cause = Some(Error::new(Status::Protocol, message).with_reason("replayMismatch"));
        self.phase = Phase::Over(Ending { cause, ..Ending::default() });
    }

    fn tell_remarks(&mut self) {
        for remark in self.play.take_remarks() {
            self.log.emit(Level::Info, "codex::replay", || remark);
        }
    }

    fn check_standstill(&mut self, now: Instant) {
        let Some(Standstill { why, patience }) = self.play.standstill() else {
            self.standing_until = None;
            return;
        };
        self.standing_until = self.standing_until.or_else(|| now.checked_add(patience));
        if self.standing_until.is_some_and(|until| until <= now) {
            self.give_up(why);
        }
    }
}

impl Transport for ReplayTransport {
    fn poll_fill(&mut self, _cx: &mut Context<'_>) -> Poll<Filled> {
        if matches!(self.phase, Phase::Unread(_)) {
            return Poll::Ready(self.read());
        }
        match self.fill() {
            // What comes next depends on the host, and then the driver looks here again.
            Filled::All if self.received.is_empty() => Poll::Pending,
            filled => Poll::Ready(filled),
        }
    }

    fn fill_rest(&mut self) -> Filled {
        match self.fill() {
            Filled::All if self.received.is_empty() => Filled::End,
            filled => filled,
        }
    }

    fn take_messages(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        for received in self.received.drain(..) {
            match received {
                Received::Message(message) => deliver(Incoming::Message(message.as_bytes())),
                Received::Skipped { bytes, begins } => {
                    deliver(Incoming::Oversized { head: begins.as_bytes(), tail: b"", len: bytes });
                }
            }
        }
    }

    fn poll_send(&mut self, _cx: &mut Context<'_>, message: &str) -> Poll<io::Result<()>> {
        if matches!(self.phase, Phase::Unread(_)) {
            return Poll::Pending;
        }
        if !self.is_over() {
            self.standing_until = None;
            let message = self.redactor.clean(Direction::Sent, message);
            if let Err(mismatch) = self.play.sent(&message) {
                self.give_up(mismatch);
            }
            self.tell_remarks();
        }
        Poll::Ready(Ok(()))
    }

    fn end(&mut self, _now: Instant, _patience: Duration) {}

    fn finish_sending(&mut self) {
        if !self.is_over() {
            self.play.close();
            self.tell_remarks();
            self.phase = Phase::Closed;
        }
    }

    fn poll_ended(&mut self, _cx: &mut Context<'_>, now: Instant) -> Poll<Ending> {
        self.check_standstill(now);
        match &self.phase {
            Phase::Unread(_) | Phase::Playing => Poll::Pending,
            Phase::Closed => Poll::Ready(Ending::default()),
            Phase::Over(ending) => Poll::Ready(ending.clone()),
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.standing_until
    }
}

#[cfg(test)]
mod tests;
