//! What came for a turn before the answer that tells its id.
//!
//! A tenth to a third of all turns have events before the answer to their `turn/start`. While one is awaited on a thread, the
//! lines of that thread's turns are kept: those of an unknown turn until it is known whose they are, those of a known turn in
//! case the new one turns out to have joined it.

use std::sync::Arc;

use super::turns::Ended;
use crate::engine::json::{member, string};
use crate::engine::rpc::{Envelope, Notification};

#[derive(Debug, Default)]
pub(super) struct EarlyEvents {
    starts: usize,
    lines: Vec<EarlyLine>,
    ended: Vec<(String, Arc<Ended>)>,
}

#[derive(Debug)]
struct EarlyLine {
    turn_id: String,
    line: Box<str>,
    owner: Owner,
}

/// Whether the turn of a line was known when it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Unknown,
    Known,
}

impl EarlyEvents {
    /// A turn is being started; returns where its lines begin.
    pub(super) fn expect(&mut self) -> usize {
        self.starts += 1;
        self.lines.len()
    }

    /// A start was answered, or given up; returns the lines that nobody claimed, once nobody can any more.
    pub(super) fn release(&mut self) -> Option<Vec<Box<str>>> {
        self.starts -= 1;
        if self.starts > 0 {
            return None;
        }
        let lines = std::mem::take(&mut self.lines);
        Some(lines.into_iter().filter(|early| early.owner == Owner::Unknown).map(|early| early.line).collect())
    }

    pub(super) fn keep(&mut self, turn_id: &str, line: &str, owner: Owner) {
        self.lines.push(EarlyLine { turn_id: turn_id.into(), line: line.into(), owner });
    }

    /// The next line of a turn that has just become known, and where it stands: one that nobody had, or from the position
    /// `since` on one that handles had which are gone.
    pub(super) fn claim(&mut self, turn_id: &str, since: usize, from: usize) -> Option<(usize, Owner, Box<str>)> {
        let is_wanted =
            |at: usize, early: &EarlyLine| early.turn_id == turn_id && (early.owner == Owner::Unknown || at >= since);
        let mut lines = self.lines.iter_mut().enumerate().skip(from);
        let (at, early) = lines.find(|(at, early)| is_wanted(*at, early))?;
        Some((at, std::mem::replace(&mut early.owner, Owner::Known), early.line.clone()))
    }

    /// The lines of a turn from a position on that its handles got; what came after its end is none of them.
    pub(super) fn since(&self, position: usize, turn_id: &str) -> Vec<Box<str>> {
        let lines = self.lines.get(position..).unwrap_or_default();
        let shared = lines.iter().filter(|early| early.owner == Owner::Known && early.turn_id == turn_id);
        shared.map(|early| early.line.clone()).collect()
    }

    /// The first turn that nobody has claimed.
    pub(super) fn first_unclaimed(&self) -> Option<String> {
        self.lines.iter().find(|early| early.owner == Owner::Unknown).map(|early| early.turn_id.clone())
    }

    /// How many starts are awaited.
    pub(super) fn starts(&self) -> usize {
        self.starts
    }

    /// The first turn that has begun and that nobody has claimed; a review's second id is none.
    pub(super) fn first_begun(&self) -> Option<String> {
        let unclaimed = self.lines.iter().filter(|early| early.owner == Owner::Unknown);
        unclaimed.filter(|early| begins(&early.line)).map(|early| early.turn_id.clone()).next()
    }

    /// A turn of the thread ended while a start is awaited that may have joined it.
    pub(super) fn turn_ended(&mut self, turn_ids: &[String], ended: &Arc<Ended>) {
        self.ended.extend(turn_ids.iter().map(|id| (id.clone(), Arc::clone(ended))));
    }

    pub(super) fn ended(&self, turn_id: &str) -> Option<Arc<Ended>> {
        self.ended.iter().find(|(id, _)| id == turn_id).map(|(_, ended)| Arc::clone(ended))
    }

    /// What the lines that nobody has claimed occupy.
    pub(super) fn unclaimed_bytes(&self) -> usize {
        self.lines.iter().filter(|early| early.owner == Owner::Unknown).map(|early| early.line.len()).sum()
    }
}

fn begins(line: &str) -> bool {
    match Envelope::read(line) {
        Ok(Envelope::Notification(notification)) if notification.method == "turn/started" => {
            root_of(&notification).is_none_or(|root| root == notification.ids.turn)
        }
        _ => false,
    }
}

/// The turn that the one of `turn/started` is a part of, which may be itself.
pub(super) fn root_of(notification: &Notification<'_>) -> Option<String> {
    string(member(member(notification.params, "turn")?, "rootTurnId")?)
}
