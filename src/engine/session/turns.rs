//! Turns: how they begin, become known, and end.

use std::sync::Arc;
use std::time::Instant;

use super::Session;
use super::adopted::Opening;
use super::goals::Goal;
use super::handles::{Delivery, Ended, HandleId, HandleState};
use super::limits::Interrupt;
use super::purpose::Purpose;
use super::slots::{SlotPhase, SlotRef, WaitingStart};
use super::threads::{ThreadKey, Waits};
use crate::engine::error::{Error, Result, Status};
use crate::engine::json::{member, quote, string};
use crate::engine::limits::Limits;
use crate::engine::policy::TurnSandbox;
use crate::engine::reason::turn_error;
use crate::engine::result::EndedBy;
use crate::engine::rpc::CallDeadline;

/// What a turn is begun with.
#[derive(Debug)]
pub struct TurnStart<'a> {
    /// The thread on which it runs.
    pub thread: ThreadKey,
    /// The parameters of the call that begins it, but for the thread; a JSON object.
    pub params: &'a str,
    /// Its sandbox.
    pub sandbox: TurnSandbox,
    /// Its limits.
    pub limits: Limits,
    /// What becomes of its events.
    pub delivery: Delivery,
    /// Until when the runtime must have answered.
    pub deadline: Option<CallDeadline>,
}

/// The id in the answer to `turn/start`.
pub(super) fn turn_id_of(result: &str) -> Option<String> {
    let turn = member(result, "turn")?;
    string(member(turn, "id")?).filter(|id| !id.is_empty())
}

impl Session {
    /// Begins a turn with an input.
    pub fn start_turn(&mut self, now: Instant, start: &TurnStart<'_>) -> Result<HandleId> {
        self.begin_turn(now, Opening::Input, start)
    }

    /// Begins a turn; its events and its end come to the handle. It waits for a thread that is not open yet.
    pub fn begin_turn(&mut self, now: Instant, opening: Opening, start: &TurnStart<'_>) -> Result<HandleId> {
        self.ensure_open()?;
        self.ensure_room_to_write(start.params.len())?;
        self.ensure_no_goal(&self.thread_id(start.thread), opening)?;
        self.stats.turns += 1;
        let (handle, slot) = self.open_slot(now, start);
        self.slots[slot.index].opening = opening;
        self.slots[slot.index].goal = (opening == Opening::Goal).then(|| Box::new(Goal::new()));
        let TurnStart { params, sandbox, deadline, .. } = *start;
        self.slots[slot.index].start = Some(WaitingStart { params: params.to_owned(), sandbox, deadline });
        match self.wait_for_thread(start.thread, slot) {
            Ok(Waits::Yes) => {}
            Ok(Waits::No) => self.start_waiting_turn(now, slot, &self.thread_id(start.thread)),
            Err(error) => self.fail_start(now, slot.index, error),
        }
        Ok(handle)
    }

    /// The thread of a turn is open.
    pub(super) fn start_waiting_turn(&mut self, now: Instant, slot: SlotRef, thread_id: &str) {
        let Some(index) = self.slot(slot) else { return };
        if self.settle_sandbox(index, thread_id) == Waits::Yes {
            return;
        }
        let Some(start) = self.slots[index].start.take() else { return };
        self.expect_events(index, thread_id);
        let params = with_thread_id(&start.params, thread_id);
        let opening = self.slots[index].opening;
        if let Err(error) = self.ensure_understood(opening.method(), &params) {
            return self.fail_start(now, index, error);
        }
        let purpose = self.purpose_of(opening, slot);
        self.peer.call(opening.method(), &params, start.deadline, purpose);
        self.wake_driver();
        if self.slots[index].interrupt.is_some() {
            self.interrupt_slot(index);
        }
        self.arm_turn(now, slot);
    }

    pub(super) fn turn_start_answered(&mut self, now: Instant, index: usize, answer: Result<&str>) {
        let result = match answer {
            Ok(result) => result,
            Err(error) => return self.fail_start(now, index, error),
        };
        match turn_id_of(result) {
            Some(id) => self.bind(now, index, &id, member(result, "turn")),
            None => {
                let method = self.slots[index].opening.method();
                let message = format!("the runtime answered {method} without the id of a turn: {result}");
                self.fail_start(now, index, Error::new(Status::Protocol, message));
            }
        }
    }

    /// The turn of a slot has its id.
    pub(super) fn bind(&mut self, now: Instant, index: usize, turn_id: &str, turn_json: Option<&str>) {
        let SlotPhase::Starting { early_from } = self.slots[index].phase else { return };
        let thread_id = Arc::clone(&self.slots[index].thread_id);
        self.tell_id(index, turn_id);
        let ended = self.early.get(&*thread_id).and_then(|early| early.ended(turn_id));
        match (self.by_turn.get(turn_id).copied().or_else(|| self.relisting(turn_id)), ended) {
            (Some(running), _) => self.join(now, index, running, early_from, turn_id),
            (None, Some(ended)) => self.join_ended(index, &ended, early_from, turn_id),
            (None, None) => self.run(now, index, early_from, turn_id, turn_json),
        }
        self.release_start(now, &thread_id);
    }

    fn run(&mut self, now: Instant, index: usize, early_from: usize, turn_id: &str, turn_json: Option<&str>) {
        if self.slots[index].handles.is_empty() {
            return self.leave_to_others(index, turn_id);
        }
        let slot = &mut self.slots[index];
        slot.phase = SlotPhase::Running;
        slot.turn_ids = vec![turn_id.to_owned()];
        slot.collector.set_turn_id(turn_id);
        if let Some(turn) = turn_json {
            slot.collector.turn(turn);
        }
        slot.clock.sign(now);
        self.by_turn.insert(turn_id.to_owned(), index);
        self.ask_again(index, turn_id);
        let slot = self.slot_ref(index);
        self.claim_early_events(now, slot, early_from, turn_id);
        self.arm_turn(now, slot);
    }

    /// Every handle of a turn was freed before its id was known. What was kept of it stays for another start that may have
    /// joined it, or for the client.
    fn leave_to_others(&mut self, index: usize, turn_id: &str) {
        let slot = self.slots.remove(index);
        self.keep_in_mind(&slot);
        if slot.interrupt.is_some() {
            self.send_interrupt(&slot.thread_id, turn_id, None, Purpose::Nobody);
        }
    }

    /// The new turn is one that runs already: its handles move over and its limits count too.
    fn join(&mut self, now: Instant, index: usize, running: usize, early_from: usize, turn_id: &str) {
        self.share_early_events(index, early_from, turn_id);
        let joined = self.slots.remove(index);
        for handle in &joined.handles {
            self.handles[*handle].state = HandleState::Live(running);
        }
        let slot = &mut self.slots[running];
        slot.handles.extend(joined.handles);
        slot.limits = slot.limits.tightened_by(joined.limits);
        let slot = self.slot_ref(running);
        self.arm_turn(now, slot);
        if let Some(interrupt) = joined.interrupt {
            self.request_interrupt(now, slot, interrupt.cause);
        }
    }

    fn join_ended(&mut self, index: usize, ended: &Arc<Ended>, early_from: usize, turn_id: &str) {
        self.share_early_events(index, early_from, turn_id);
        let joined = self.slots.remove(index);
        self.end_handles(&joined, ended);
    }

    pub(super) fn fail_start(&mut self, now: Instant, index: usize, error: Error) {
        // Its events have told that it runs, although the answer never came.
        if self.slots[index].phase == SlotPhase::Running {
            return;
        }
        let slot = self.slots.remove(index);
        self.end_handles(&slot, &Arc::new(Ended { result: None, error: Some(error) }));
        if slot.phase != SlotPhase::Waiting {
            self.release_start(now, &slot.thread_id);
        }
    }

    /// The turn of a slot is over, as the status that was collected says.
    pub(super) fn end_as_reported(&mut self, index: usize) {
        let slot = &self.slots[index];
        let (ended_by, error) = match (slot.collector.status(), &slot.interrupt) {
            ("failed", _) => (EndedBy::Failed, Some(self.cleaned(turn_error(slot.collector.error_json())))),
            ("interrupted", Some(interrupt)) => (interrupt.cause, Some(interrupt.error(&slot.limits))),
            ("interrupted", None) => (EndedBy::Interrupted, Some(Interrupt::by_somebody_else())),
            _ => (EndedBy::Completed, None),
        };
        self.end_turn(index, ended_by, error);
    }

    pub(super) fn end_turn(&mut self, index: usize, ended_by: EndedBy, error: Option<Error>) {
        self.cancel_questions_of(index);
        let slot = self.slots.remove(index);
        for id in &slot.turn_ids {
            self.by_turn.remove(id);
        }
        let result = Arc::new(slot.collector.finish(ended_by, error.as_ref()));
        let ended = Arc::new(Ended { result: Some(result), error });
        if let Some(early) = self.early.get_mut(&*slot.thread_id) {
            early.turn_ended(&slot.turn_ids, &ended);
        }
        self.end_handles(&slot, &ended);
    }

    /// What a turn waits for lies behind events that nobody reads.
    pub(super) fn end_blocked_turn(&mut self, now: Instant, slot: SlotRef, error: &Error) {
        let Some(index) = self.slot(slot) else { return };
        match (self.slots[index].phase, self.slots[index].interrupt) {
            (SlotPhase::Running, Some(interrupt)) => self.end_turn(index, interrupt.cause, Some(error.clone())),
            (SlotPhase::Running, None) => self.end_turn(index, EndedBy::TransportClosed, Some(error.clone())),
            (SlotPhase::Ending | SlotPhase::Relisting, _) => self.end_as_reported(index),
            _ => self.fail_start(now, index, error.clone()),
        }
    }

    /// The connection ended under a turn.
    pub(super) fn end_lost_turn(&mut self, now: Instant, index: usize, error: &Error) {
        match self.slots.get(index).map(|slot| slot.phase) {
            Some(SlotPhase::Waiting | SlotPhase::Starting { .. }) => self.fail_start(now, index, error.clone()),
            Some(SlotPhase::Running) => self.end_turn(index, EndedBy::TransportClosed, Some(error.clone())),
            Some(SlotPhase::Ending | SlotPhase::Relisting) => self.end_as_reported(index),
            None => {}
        }
    }
}

/// The parameters of a call with the thread that they are for.
fn with_thread_id(params: &str, thread_id: &str) -> String {
    let inside = params.strip_prefix('{').and_then(|params| params.strip_suffix('}')).unwrap_or_default();
    let separator = if inside.is_empty() { "" } else { "," };
    format!("{{\"threadId\":{}{separator}{inside}}}", quote(thread_id))
}
