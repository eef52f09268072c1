//! When a turn has taken too long, been quiet too long, or used too much; and how it is interrupted.

use std::time::{Duration, Instant};

use super::handles::HandleId;
use super::purpose::Purpose;
use super::reconcile::Reconciling;
use super::slots::{Seen, SlotPhase, SlotRef};
use super::timers::Timer;
use super::{Reading, Session};
use crate::engine::error::{Error, Result, Status};
use crate::engine::limits::Limits;
use crate::engine::result::EndedBy;

/// In an interrupt: whatever runs or is starting on the thread. The id of a turn works only after its `turn/started`.
pub(super) const ANY_TURN: &str = "";

/// How long the runtime may take to end a turn that was interrupted.
pub(super) const INTERRUPT: Duration = Duration::from_secs(5);

/// When a turn began and last gave a sign of life.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    begun: Instant,
    /// The last event other than a notice that a request is made again.
    progress: Instant,
    /// The last event of any kind.
    sign: Instant,
}

impl Clock {
    pub(super) fn started_at(now: Instant) -> Self {
        Self { begun: now, progress: now, sign: now }
    }

    pub(super) fn sign(&mut self, now: Instant) {
        self.sign = now;
    }

    pub(super) fn progress(&mut self, now: Instant) {
        self.progress = now;
        self.sign = now;
    }
}

/// That a turn is to end, and why.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interrupt {
    pub(super) cause: EndedBy,
    pub(super) give_up_at: Instant,
}

impl Interrupt {
    pub(super) fn error(&self, limits: &Limits) -> Error {
        let ms = |limit: Option<Duration>| limit.map_or(0, |limit| limit.as_millis());
        let (status, message) = match self.cause {
            EndedBy::Timeout => (
                Status::TurnTimedOut,
                format!("the turn took longer than limits.timeoutMs ({}) and was interrupted", ms(limits.timeout)),
            ),
            EndedBy::IdleTimeout => {
                let message = "the turn was without an event for longer than limits.idleTimeoutMs";
                (Status::TurnTimedOut, format!("{message} ({}) and was interrupted", ms(limits.idle)))
            }
            EndedBy::TokenLimit => {
                let max = limits.max_tokens.unwrap_or_default();
                (Status::Limit, format!("the turn used more than limits.maxTokens ({max}) and was interrupted"))
            }
            EndedBy::ToolLimit => {
                let max = limits.max_tool_calls.unwrap_or_default();
                (Status::Limit, format!("the turn began more than limits.maxToolCalls ({max}) and was interrupted"))
            }
            _ => (Status::TurnInterrupted, "the turn was interrupted".to_owned()),
        };
        Error::new(status, message).with_reason(self.cause.word())
    }

    pub(super) fn by_somebody_else() -> Error {
        Error::new(Status::TurnInterrupted, "the turn was interrupted, but not by this client")
            .with_reason("interrupted")
    }
}

impl Session {
    /// When the limits of a turn must be looked at next.
    pub(super) fn next_check(&self, now: Instant, index: usize) -> Option<Instant> {
        let slot = &self.slots[index];
        if let Some(interrupt) = &slot.interrupt {
            return Some(interrupt.give_up_at);
        }
        let timeout = slot.limits.timeout.map(|limit| slot.clock.begun + limit);
        let idle = slot
            .limits
            .idle
            .map(|limit| if self.stands_still(index) { now + limit } else { slot.clock.progress + limit });
        let silence = slot.limits.silence.filter(|_| self.may_reconcile(index)).map(|limit| slot.clock.sign + limit);
        [timeout, idle, silence].into_iter().flatten().min()
    }

    /// The idle clock stands still while the turn waits for the host or for a command.
    fn stands_still(&self, index: usize) -> bool {
        let slot = &self.slots[index];
        slot.collector.is_busy() || self.questions.any_of(self.slot_ref(index))
    }

    /// The host has not read what there is of the turn, and so nothing more is read: the silence is not the runtime's.
    pub(super) fn is_held_back(&self, index: usize) -> bool {
        let unread = |handle: &HandleId| !self.handles[*handle].queue.is_empty();
        self.reading == Reading::HeldBack && self.slots[index].handles.iter().any(unread)
    }

    fn may_reconcile(&self, index: usize) -> bool {
        let slot = &self.slots[index];
        slot.phase == SlotPhase::Running && slot.reconciling == Reconciling::No
    }

    pub(super) fn check_turn(&mut self, now: Instant, slot: SlotRef) {
        let Some(index) = self.slot(slot) else { return };
        self.slots[index].armed = None;
        if let Some(interrupt) = self.slots[index].interrupt {
            return self.check_interrupt(now, slot, interrupt);
        }
        if self.is_held_back(index) {
            self.slots[index].clock.progress(now);
        }
        if let Some(cause) = self.exceeded(now, index) {
            return self.request_interrupt(now, slot, cause);
        }
        let silent = self.slots[index].limits.silence.is_some_and(|limit| self.slots[index].clock.sign + limit <= now);
        if silent && self.may_reconcile(index) {
            self.reconcile(now, slot);
        }
        self.arm_turn(now, slot);
    }

    fn exceeded(&self, now: Instant, index: usize) -> Option<EndedBy> {
        let slot = &self.slots[index];
        if slot.limits.timeout.is_some_and(|limit| slot.clock.begun + limit <= now) {
            return Some(EndedBy::Timeout);
        }
        let idle = slot.limits.idle.is_some_and(|limit| slot.clock.progress + limit <= now);
        (idle && !self.stands_still(index)).then_some(EndedBy::IdleTimeout)
    }

    fn check_interrupt(&mut self, now: Instant, slot: SlotRef, interrupt: Interrupt) {
        if now < interrupt.give_up_at {
            return self.arm(interrupt.give_up_at, Timer::Turn(slot));
        }
        let error = interrupt.error(&self.slots[slot.index].limits);
        match self.slots[slot.index].phase {
            SlotPhase::Waiting | SlotPhase::Starting { .. } => self.fail_start(now, slot.index, error),
            SlotPhase::Running => {
                self.abandon_commands(slot.index, now + INTERRUPT);
                self.end_turn(slot.index, interrupt.cause, Some(error));
            }
            SlotPhase::Ending => self.end_reported(now, slot.index),
            SlotPhase::Relisting => self.end_as_reported(slot.index),
        }
    }

    /// Interrupts a turn. The first cause counts; if the runtime does not obey in time, the turn ends anyway. One that is over
    /// is left alone: the interrupt could end the next turn on its thread.
    pub(super) fn request_interrupt(&mut self, now: Instant, slot: SlotRef, cause: EndedBy) {
        let Some(index) = self.slot(slot) else { return };
        if self.slots[index].interrupt.is_some() || self.slots[index].is_over() {
            return;
        }
        let give_up_at = now + INTERRUPT;
        self.slots[index].interrupt = Some(Interrupt { cause, give_up_at });
        self.arm(give_up_at, Timer::Turn(slot));
        self.interrupt_slot(index);
    }

    /// Before `turn/started` only an empty id works: "whatever runs or is starting on this thread".
    pub(super) fn interrupt_slot(&mut self, index: usize) {
        let slot = &self.slots[index];
        let Some(interrupt) = slot.interrupt.filter(|_| slot.phase != SlotPhase::Waiting) else { return };
        let is_named = slot.seen == Seen::Started && slot.goal.is_none();
        let turn_id = if is_named { slot.running_id() } else { ANY_TURN }.to_owned();
        let thread_id = std::sync::Arc::clone(&slot.thread_id);
        if slot.goal.is_some() {
            self.pause_goal(index, Some(interrupt.give_up_at.into()));
        }
        let slot = self.slot_ref(index);
        self.send_interrupt(&thread_id, &turn_id, Some(interrupt.give_up_at.into()), Purpose::Interrupt { slot });
    }

    pub(super) fn interrupt_answered(&mut self, slot: SlotRef, answer: Result<&str>) {
        let (Some(_), Err(error)) = (self.slot(slot), answer) else { return };
        self.log.emit(crate::engine::log::Level::Debug, "codex::turn", || format!("an interrupt was refused: {error}"));
    }

    /// Interrupts a turn whose budget has run out.
    pub(super) fn check_budget(&mut self, now: Instant, index: usize) {
        let slot = &self.slots[index];
        let tokens = slot.collector.total_tokens().and_then(|tokens| u64::try_from(tokens).ok()).unwrap_or_default();
        let cause = if slot.limits.max_tokens.is_some_and(|max| tokens > max) {
            EndedBy::TokenLimit
        } else if slot.limits.max_tool_calls.is_some_and(|max| slot.collector.tool_calls() > max) {
            EndedBy::ToolLimit
        } else {
            return;
        };
        let slot = self.slot_ref(index);
        self.request_interrupt(now, slot, cause);
    }
}
