//! Turns that something else than an input begins.
//!
//! The answers to `thread/compact/start` and `thread/goal/set` do not tell the id of a turn: the slot takes the first turn that
//! begins on its thread and is nobody's. A review has two ids: its events name the one in the answer, and an interrupt must name the one in its
//! `turn/started`.

use std::sync::Arc;
use std::time::Instant;

use super::Session;
use super::early::{EarlyEvents, root_of};
use super::limits::ANY_TURN;
use super::purpose::Purpose;
use super::slots::{SlotPhase, SlotRef};
use super::timers::Timer;
use crate::engine::error::{Error, Result, Status};
use crate::engine::event::EventKind;
use crate::engine::method::{self, Method};
use crate::engine::rpc::{Ids, Notification};

/// What begins a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// An input of the user.
    Input,
    /// That changes are to be reviewed.
    Review,
    /// That the history of the thread is to be compacted.
    Compaction,
    /// That a goal is to be pursued.
    Goal,
}

impl Opening {
    /// The method of the runtime.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Input => method::TURN_START,
            Self::Review => method::REVIEW_START,
            Self::Compaction => method::THREAD_COMPACT_START,
            Self::Goal => method::THREAD_GOAL_SET,
        }
    }

    /// Whether the answer does not tell the id of the turn.
    fn is_adopted(self) -> bool {
        matches!(self, Self::Compaction | Self::Goal)
    }
}

impl Session {
    /// What the call that begins the turn of a slot is made for.
    pub(super) fn purpose_of(&self, opening: Opening, slot: SlotRef) -> Purpose {
        match opening {
            Opening::Input | Opening::Review => {
                let thread_id = Arc::clone(&self.slots[slot.index].thread_id);
                Purpose::StartTurn { slot, thread_id }
            }
            Opening::Compaction | Opening::Goal => Purpose::Adopt { slot },
        }
    }

    /// The runtime has agreed to compact a thread or to pursue a goal, or has not. The turn may have begun before.
    pub(super) fn adoption_answered(&mut self, now: Instant, slot: SlotRef, answer: Result<&str>) {
        if let (Some(index), Ok(_)) = (self.slot(slot), &answer) {
            self.goal_set(index);
        }
        let Some(index) = self.unnamed(slot) else { return };
        match answer {
            Err(error) => self.fail_start(now, index, error),
            Ok(_) => {
                if let Some(deadline) = self.default_deadline(now) {
                    self.arm(deadline.at, Timer::Adoption(slot));
                }
            }
        }
    }

    /// The runtime has had as long as for a call to begin the turn that it agreed to.
    pub(super) fn check_adoption(&mut self, now: Instant, slot: SlotRef) {
        let Some(index) = self.unnamed(slot) else { return };
        if self.slots[index].goal.is_some() {
            self.pause_goal(index, self.default_deadline(now));
            let thread_id = Arc::clone(&self.slots[index].thread_id);
            self.send_interrupt(&thread_id, ANY_TURN, self.default_deadline(now), Purpose::Nobody);
        }
        let method = self.slots[index].opening.method();
        let message = format!("the runtime agreed to {method}, and began no turn for it in time");
        self.fail_start(now, index, Error::new(Status::Protocol, message).with_reason("turnNotStarted"));
    }

    fn unnamed(&self, slot: SlotRef) -> Option<usize> {
        self.slot(slot).filter(|index| matches!(self.slots[*index].phase, SlotPhase::Starting { .. }))
    }

    /// Gives the first turn that has begun on a thread and is nobody's to the slot that has waited longest for one; not while
    /// the turn may yet turn out to be that of a start that is awaited.
    pub(super) fn adopt(&mut self, now: Instant, thread_id: &str) {
        let waiting = self.slots.iter().filter(|(_, slot)| {
            slot.opening.is_adopted()
                && matches!(slot.phase, SlotPhase::Starting { .. })
                && *slot.thread_id == *thread_id
        });
        let waiting: Vec<usize> = waiting.map(|(index, _)| index).collect();
        let Some(oldest) = waiting.iter().copied().min_by_key(|index| self.slots[*index].serial) else { return };
        let settled = self.early.get(thread_id).filter(|early| early.starts() == waiting.len());
        if let Some(turn_id) = settled.and_then(EarlyEvents::first_begun) {
            self.bind(now, oldest, &turn_id, None);
        }
    }

    /// The `turn/started` of a review whose first id is known, as if it named that one.
    pub(super) fn under_first_id<'a>(
        &mut self,
        method: Method,
        notification: &Notification<'a>,
    ) -> Option<(usize, Notification<'a>)> {
        if method.kind != EventKind::TurnStarted {
            return None;
        }
        let first = root_of(notification)?;
        let index = self.by_turn.get(&first).copied()?;
        let slot = &mut self.slots[index];
        if slot.opening != Opening::Review || *slot.thread_id != *notification.ids.thread {
            return None;
        }
        let second = notification.ids.turn.to_string();
        slot.turn_ids.push(second.clone());
        self.by_turn.insert(second, index);
        let ids = Ids { turn: first.into(), ..notification.ids.clone() };
        Some((index, Notification { ids, ..notification.clone() }))
    }
}
