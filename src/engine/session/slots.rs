//! Slots: one for each turn that runs, or that is to run.
//!
//! A slot exists before its turn has an id, may be known by several ids, and may be shared by several handles.

use std::sync::Arc;
use std::time::Instant;

use super::Session;
use super::adopted::Opening;
use super::goals::Goal;
use super::handles::{Handle, HandleId};
use super::limits::{Clock, Interrupt};
use super::reconcile::Reconciling;
use super::timers::Timer;
use super::turns::TurnStart;
use crate::engine::limits::Limits;
use crate::engine::policy::TurnSandbox;
use crate::engine::result::Collector;
use crate::engine::rpc::CallDeadline;

/// A slot at a certain time: its place may be taken by another turn later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SlotRef {
    pub(super) index: usize,
    pub(super) serial: u64,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) serial: u64,
    pub(super) thread_id: Arc<str>,
    pub(super) opening: Opening,
    pub(super) turn_ids: Vec<String>,
    pub(super) phase: SlotPhase,
    pub(super) seen: Seen,
    pub(super) handles: Vec<HandleId>,
    pub(super) collector: Collector,
    pub(super) limits: Limits,
    pub(super) clock: Clock,
    /// When its limits are looked at next, and then again as they say.
    pub(super) armed: Option<Instant>,
    pub(super) interrupt: Option<Interrupt>,
    pub(super) reconciling: Reconciling,
    /// The items of commands that are being ended.
    pub(super) commands: Vec<String>,
    /// What is known of its goal, if it pursues one.
    pub(super) goal: Option<Box<Goal>>,
    /// What the call that begins it is to say, while it waits for its thread or its sandbox.
    pub(super) start: Option<WaitingStart>,
    /// Until when it must be known what the turn is that it attaches to.
    pub(super) attach_by: Option<CallDeadline>,
    pub(super) begun: Begun,
}

/// By whom a turn was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    Here,
    /// By somebody whom this client has joined.
    Elsewhere,
}

#[derive(Debug)]
pub(super) struct WaitingStart {
    pub(super) params: String,
    pub(super) sandbox: TurnSandbox,
    pub(super) deadline: Option<CallDeadline>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SlotPhase {
    /// Its thread is not open yet, or its sandbox not known.
    Waiting,
    /// The runtime has not told the id; lines of the thread are kept from this position on.
    Starting {
        early_from: usize,
    },
    Running,
    /// The runtime has reported its end, and is ending the commands that it left running.
    Ending,
    /// The runtime has reported its end, and lists its items once more. What comes for it now is none of its events.
    Relisting,
}

/// Whether `turn/started` was seen: before it, the runtime interrupts a turn only when no id is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Nothing,
    Started,
}

impl Slot {
    /// The id under which the runtime knows it; "" while unknown.
    pub(super) fn turn_id(&self) -> &str {
        self.turn_ids.first().map_or("", String::as_str)
    }

    /// The id that an interrupt must name: the one of `turn/started`.
    pub(super) fn running_id(&self) -> &str {
        self.turn_ids.last().map_or("", String::as_str)
    }

    /// The id under which the runtime tells what became of it: of a goal, that of its newest turn.
    pub(super) fn newest_id(&self) -> &str {
        if self.goal.is_some() { self.running_id() } else { self.turn_id() }
    }

    pub(super) fn is_urgent(&self) -> bool {
        self.interrupt.is_some()
            || self.is_starting()
            || self.awaits_sandbox()
            || self.reconciling != Reconciling::No
            || self.phase == SlotPhase::Relisting
    }

    /// While a turn that was attached to ran, an item of which this client was not told may not have been listed yet. Whoever
    /// has heard it begin has heard of all.
    pub(super) fn may_lack_items(&self) -> bool {
        self.begun == Begun::Elsewhere && self.seen == Seen::Nothing
    }

    /// The runtime has told how it ended; at most its items are still to be listed.
    pub(super) fn is_over(&self) -> bool {
        let is_reported = self.goal.is_none() && !matches!(self.collector.status(), "" | "inProgress");
        is_reported || self.phase == SlotPhase::Relisting
    }

    pub(super) fn is_starting(&self) -> bool {
        matches!(self.phase, SlotPhase::Starting { .. })
    }
}

impl Session {
    pub(super) fn open_slot(&mut self, now: Instant, start: &TurnStart<'_>) -> (HandleId, SlotRef) {
        let serial = self.serial();
        let index = self.slots.insert(Slot {
            serial,
            thread_id: Arc::from(""),
            opening: Opening::Input,
            turn_ids: Vec::new(),
            phase: SlotPhase::Waiting,
            seen: Seen::Nothing,
            handles: Vec::with_capacity(1),
            collector: Collector::default(),
            limits: start.limits,
            clock: Clock::started_at(now),
            armed: None,
            interrupt: None,
            reconciling: Reconciling::No,
            commands: Vec::new(),
            goal: None,
            start: None,
            attach_by: None,
            begun: Begun::Here,
        });
        let (delivery, user_data) = (self.delivery(start.delivery), self.thread_user_data(start.thread));
        let handle = self.handles.insert(Handle::new(index, delivery, user_data));
        self.slots[index].handles.push(handle);
        let slot = SlotRef { index, serial };
        self.arm_turn(now, slot);
        (handle, slot)
    }

    pub(super) fn slot(&self, slot: SlotRef) -> Option<usize> {
        self.slots.get(slot.index).filter(|known| known.serial == slot.serial).map(|_| slot.index)
    }

    pub(super) fn slot_ref(&self, index: usize) -> SlotRef {
        SlotRef { index, serial: self.slots[index].serial }
    }

    pub(super) fn is_running(&self, slot: SlotRef) -> bool {
        self.slot(slot).is_some_and(|index| self.slots[index].phase == SlotPhase::Running)
    }

    pub(super) fn arm_turn(&mut self, now: Instant, slot: SlotRef) {
        let Some(index) = self.slot(slot) else { return };
        let Some(at) = self.next_check(now, index) else { return };
        if self.slots[index].armed.is_some_and(|armed| armed <= at) {
            return;
        }
        self.slots[index].armed = Some(at);
        self.arm(at, Timer::Turn(slot));
    }
}
