//! What whoever drives the connection is to do, and whether it must be called to do it.

use std::task::Waker;
use std::time::Instant;

use super::{Session, State};

/// What whoever drives the connection is doing.
#[derive(Debug)]
pub(super) enum DriverState {
    /// At work: it will look around before it sleeps.
    Away,
    /// At work, and there is something new to do.
    Called,
    /// Asleep.
    Waits(Waker),
}

/// Why the runtime is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// The host closed the client: what is to be said is still said.
    Closed,
    /// It is not a runtime, or a defect has ended the connection.
    AtOnce,
}

/// What whoever drives the connection is to do next. Whatever changes later calls the driver again.
#[derive(Clone, Copy, Debug)]
pub struct Outlook {
    /// Whether there is something to write.
    pub lines: Lines,
    /// Whether more may be read.
    pub reading: Reading,
    /// Whether the runtime is to end, and in what manner.
    pub parting: Option<Parting>,
}

/// Whether there are lines to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// There are none.
    None,
    /// There are.
    Some,
}

/// Whether more may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It may.
    Allowed,
    /// The queues are full.
    HeldBack,
}

impl Session {
    /// Does what is due at `now`, and says what is to be done outside.
    pub fn look_around(&mut self, now: Instant) -> Outlook {
        self.tick(now);
        Outlook {
            reading: if self.may_read(now) { Reading::Allowed } else { Reading::HeldBack },
            lines: if self.has_lines() { Lines::Some } else { Lines::None },
            parting: self.parting(),
        }
    }

    /// The next line to write.
    pub fn next_line(&mut self) -> Option<String> {
        let was_full = self.answers_pile_up();
        let line = self.peer.next_line()?;
        if was_full && !self.answers_pile_up() {
            self.wake_driver();
        }
        self.stats.sent += 1;
        self.stats.sent_bytes += line.len() as u64;
        Some(line)
    }

    /// Whether there is a line to write.
    pub fn has_lines(&self) -> bool {
        self.peer.has_lines()
    }

    /// Whoever drives the connection has looked around and is about to sleep. Gives when it must look again, or nothing when
    /// there is something to do at once.
    pub fn driver_sleeps(&mut self, waker: &Waker) -> Option<Option<Instant>> {
        if matches!(self.driver, DriverState::Called) {
            self.driver = DriverState::Away;
            return None;
        }
        self.driver = DriverState::Waits(waker.clone());
        Some(self.next_deadline())
    }

    /// There is something to write, to read again or to wait for.
    pub(super) fn wake_driver(&mut self) {
        self.effects.demanded = true;
        if let DriverState::Waits(waker) = std::mem::replace(&mut self.driver, DriverState::Called) {
            self.effects.wakers.push(waker);
        }
    }

    fn parting(&self) -> Option<Parting> {
        match self.state {
            State::Closing => Some(Parting::Closed),
            State::Refused(_) | State::Over(_) => Some(Parting::AtOnce),
            _ => None,
        }
    }
}
