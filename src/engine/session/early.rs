//! What came for a turn before the answer that tells its id.
//!
//! A tenth to a third of all turns have events before the answer to their `turn/start`. While one is awaited on a thread, the
//! lines of that thread's turns are kept: those of an unknown turn until it is known whose they are, those of a known turn in
//! case the new one turns out to have joined it.

use std::sync::Arc;
use std::time::Instant;

use super::Session;
use super::handles::Ended;
use super::slots::{SlotPhase, SlotRef};
use crate::engine::json::{member, string};
use crate::engine::method::Method;
use crate::engine::result::Collector;
use crate::engine::rpc::{Envelope, Notification};

#[derive(Debug, Default)]
pub(super) struct EarlyEvents {
    starts: usize,
    lines: Vec<EarlyLine>,
    /// What the lines occupy.
    bytes: usize,
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

impl EarlyLine {
    fn weight(&self) -> usize {
        size_of::<Self>() + self.turn_id.len() + self.line.len()
    }
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
        self.bytes = 0;
        let lines = std::mem::take(&mut self.lines);
        Some(lines.into_iter().filter(|early| early.owner == Owner::Unknown).map(|early| early.line).collect())
    }

    /// Keeps a line; returns what it occupies.
    pub(super) fn keep(&mut self, turn_id: &str, line: &str, owner: Owner) -> usize {
        let line = EarlyLine { turn_id: turn_id.into(), line: line.into(), owner };
        let weight = line.weight();
        self.bytes += weight;
        self.lines.push(line);
        weight
    }

    /// The next line of a turn that has just become known, and where it stands: one that nobody had, or from the position
    /// `since` on one that handles had which are gone.
    pub(super) fn claim(&mut self, turn_id: &str, since: usize, from: usize) -> Option<(usize, Owner, Box<str>)> {
        let is_wanted =
            |at: usize, early: &EarlyLine| early.turn_id == turn_id && (early.owner == Owner::Unknown || at >= since);
        let mut lines = self.lines.iter_mut().enumerate().skip(from);
        let (at, early) = lines.find(|(at, early)| is_wanted(*at, early))?;
        let owner = std::mem::replace(&mut early.owner, Owner::Known);
        if self.starts > 1 {
            return Some((at, owner, early.line.clone()));
        }
        // No other start can turn out to have joined the turn.
        let line = std::mem::take(&mut early.line);
        self.bytes -= line.len();
        Some((at, owner, line))
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

    /// What the lines occupy.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Session {
    /// From now on events of the thread may be those of this turn.
    pub(super) fn expect_events(&mut self, index: usize, thread_id: &str) {
        let early_from = self.early.entry(thread_id.to_owned()).or_default().expect();
        let thread_total = self.thread_total(thread_id);
        let slot = &mut self.slots[index];
        slot.thread_id = thread_id.into();
        slot.collector = Collector::new(Arc::clone(&slot.thread_id));
        slot.collector.set_thread_total(thread_total);
        slot.phase = SlotPhase::Starting { early_from };
    }

    pub(super) fn keep_early(&mut self, thread_id: &str, turn_id: &str, line: &str, owner: Owner) {
        let Some(early) = self.early.get_mut(thread_id) else { return };
        let weight = early.keep(turn_id, line, owner);
        self.queued(weight);
    }

    /// The turn of a slot has just become known: what was kept of it goes to its handles.
    pub(super) fn claim_early_events(&mut self, now: Instant, slot: SlotRef, early_from: usize, turn_id: &str) {
        let Some(index) = self.slot(slot) else { return };
        let thread_id = Arc::clone(&self.slots[index].thread_id);
        let mut from = 0;
        // What comes after the end of the turn is none of its events.
        while self.slot(slot).is_some_and(|index| self.slots[index].phase != SlotPhase::Relisting) {
            let Some(early) = self.early.get_mut(&*thread_id) else { break };
            let before = early.bytes();
            let Some((at, owner, line)) = early.claim(turn_id, early_from, from) else { break };
            let freed = before - early.bytes();
            self.unqueued(freed);
            from = at + 1;
            match owner {
                Owner::Unknown => self.replay(now, &line),
                Owner::Known => self.replay_event(now, &line),
            }
        }
    }

    /// A turn has joined another: its handles get what those of the other have had since.
    pub(super) fn share_early_events(&mut self, index: usize, early_from: usize, turn_id: &str) {
        let thread_id = Arc::clone(&self.slots[index].thread_id);
        let lines = self.early.get(&*thread_id).map(|early| early.since(early_from, turn_id)).unwrap_or_default();
        for line in lines {
            if let Ok(Envelope::Notification(notification)) = Envelope::read(&line) {
                self.fan_out(index, Method::of(&notification.method), &notification);
            }
        }
    }

    /// The start of a turn is over; what nobody claimed belongs to the client.
    pub(super) fn release_start(&mut self, now: Instant, thread_id: &str) {
        let Some(early) = self.early.get_mut(thread_id) else { return };
        let bytes = early.bytes();
        let Some(lines) = early.release() else { return self.adopt(now, thread_id) };
        self.early.remove(thread_id);
        self.unqueued(bytes);
        for line in lines {
            self.replay(now, &line);
        }
    }

    /// When the connection is lost, a completion that came before the answer still counts.
    pub(super) fn bind_early_completions(&mut self, now: Instant) {
        let starting: Vec<SlotRef> =
            self.slots.iter().filter(|(_, slot)| slot.is_starting()).map(|(index, _)| self.slot_ref(index)).collect();
        for slot in starting {
            let Some(index) = self.slot(slot) else { continue };
            let unclaimed = self.early.get(&*self.slots[index].thread_id).and_then(|early| early.first_unclaimed());
            if let Some(turn_id) = unclaimed {
                self.bind(now, index, &turn_id, None);
            }
        }
    }

    /// A line that was kept: its turn is known now, so it goes where it would have gone.
    fn replay(&mut self, now: Instant, line: &str) {
        match Envelope::read(line) {
            Ok(Envelope::Request(id, notification)) => self.ask(now, id, &notification),
            _ => self.replay_event(now, line),
        }
    }

    /// The same for a line that others have had, so that what it asks is asked already.
    fn replay_event(&mut self, now: Instant, line: &str) {
        if let Ok(Envelope::Notification(notification)) = Envelope::read(line) {
            self.route(now, Method::of(&notification.method), &notification);
        }
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
