//! Turns: a slot for each that runs, and the handles through which the host sees it.
//!
//! A slot exists before its turn has an id, may be known by several ids, and may be shared by several handles.

use std::sync::Arc;
use std::time::Instant;

use once_cell::sync::OnceCell;

use super::adopted::Opening;
use super::early::Owner;
use super::goals::Goal;
use super::limits::{Clock, Interrupt};
use super::reconcile::Reconciling;
use super::threads::{ThreadKey, Waits};
use super::{Purpose, Session, Timer};
use crate::engine::error::{Error, Result, Status};
use crate::engine::event::{Event, EventKind, Parts};
use crate::engine::json::{member, quote, string};
use crate::engine::limits::Limits;
use crate::engine::method::Method;
use crate::engine::policy::TurnSandbox;
use crate::engine::queue::{EventQueue, Next};
use crate::engine::reason::turn_error;
use crate::engine::result::{Collector, EndedBy, TurnResult};
use crate::engine::rpc::Envelope;
use crate::engine::text::ZString;

/// Identifies a turn handle for as long as the host holds it.
pub type HandleId = usize;

/// What becomes of a handle's events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// They are kept: the host may yet read them.
    Kept,
    /// The host reads them.
    Read,
    /// The call that began the turn reads them itself.
    Streamed,
    /// They are not wanted; only the result is.
    Discarded,
}

/// How a turn ended.
#[derive(Debug)]
pub struct Ended {
    /// What it did; `None` when it never started.
    pub result: Option<Arc<TurnResult>>,
    /// Why it did not complete; `None` when it did.
    pub error: Option<Error>,
}

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
    pub deadline: Option<Instant>,
}

/// A slot at a certain time: its place may be taken by another turn later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SlotRef {
    pub(super) index: usize,
    pub(super) serial: u64,
}

#[derive(Debug)]
pub(super) struct Handle {
    pub(super) state: HandleState,
    pub(super) queue: EventQueue,
    pub(super) delivery: Delivery,
    user_data: usize,
    id: Arc<OnceCell<ZString>>,
}

#[derive(Debug)]
pub(super) enum HandleState {
    Live(usize),
    Ended(Arc<Ended>),
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
    pub(super) attach_by: Option<Instant>,
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
    pub(super) deadline: Option<Instant>,
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

    fn is_starting(&self) -> bool {
        matches!(self.phase, SlotPhase::Starting { .. })
    }
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
            Err(error) => self.fail_waiting_turn(slot, &error),
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

    /// The thread of a turn could not be opened, so the turn cannot start.
    pub(super) fn fail_waiting_turn(&mut self, slot: SlotRef, error: &Error) {
        let Some(index) = self.slot(slot) else { return };
        let slot = self.slots.remove(index);
        self.end_handles(&slot, &Arc::new(Ended { result: None, error: Some(error.clone()) }));
    }

    /// Attaches to a turn that runs already; without an id, to the one that runs on the thread. `params` of the start are unused.
    pub fn attach_turn(&mut self, now: Instant, turn_id: Option<&str>, start: &TurnStart<'_>) -> Result<HandleId> {
        self.ensure_open()?;
        let thread_id = self.thread_id(start.thread);
        self.ensure_followed(start.thread)?;
        let (handle, slot) = self.open_slot(now, start);
        self.expect_events(slot.index, &thread_id);
        let known = turn_id.map(str::to_owned).or_else(|| self.running_on(&thread_id));
        if let Some(id) = &known
            && self.by_turn.contains_key(id)
        {
            self.bind(now, slot.index, id, None);
            return Ok(handle);
        }
        self.slots[slot.index].begun = Begun::Elsewhere;
        self.slots[slot.index].turn_ids.extend(known);
        self.slots[slot.index].attach_by = start.deadline;
        let params = format!("{{\"threadId\":{},\"limit\":100}}", quote(&thread_id));
        self.peer.call("thread/turns/list", &params, start.deadline, Purpose::Attach { slot });
        self.wake_driver();
        Ok(handle)
    }

    /// The turn that runs on a thread, as far as this client knows.
    fn running_on(&self, thread_id: &str) -> Option<String> {
        let of_thread = |slot: &&Slot| slot.phase == SlotPhase::Running && *slot.thread_id == *thread_id;
        let followed = self.slots.iter().map(|(_, slot)| slot).find(of_thread).map(|slot| slot.turn_id().to_owned());
        followed.or_else(|| self.running.get(thread_id).cloned())
    }

    fn open_slot(&mut self, now: Instant, start: &TurnStart<'_>) -> (HandleId, SlotRef) {
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
        let handle = self.handles.insert(Handle {
            state: HandleState::Live(index),
            queue: EventQueue::default(),
            delivery: self.delivery(start.delivery),
            user_data: self.thread_user_data(start.thread),
            id: Arc::default(),
        });
        self.slots[index].handles.push(handle);
        let slot = SlotRef { index, serial };
        self.arm_turn(now, slot);
        (handle, slot)
    }

    /// In single-queue mode every event that is kept has a reader.
    fn delivery(&self, wanted: Delivery) -> Delivery {
        if wanted == Delivery::Kept && self.is_single_queue() { Delivery::Read } else { wanted }
    }

    /// From now on events of the thread may be those of this turn.
    fn expect_events(&mut self, index: usize, thread_id: &str) {
        let early_from = self.early.entry(thread_id.to_owned()).or_default().expect();
        let thread_total = self.thread_total(thread_id);
        let slot = &mut self.slots[index];
        slot.thread_id = thread_id.into();
        slot.collector = Collector::new(Arc::clone(&slot.thread_id));
        slot.collector.set_thread_total(thread_total);
        slot.phase = SlotPhase::Starting { early_from };
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

    pub(super) fn attach_answered(&mut self, now: Instant, slot: SlotRef, answer: Result<&str>) {
        let Some(index) = self.slot(slot).filter(|index| self.slots[*index].is_starting()) else { return };
        let wanted = self.slots[index].turn_ids.pop();
        let found = match &answer {
            Ok(result) => find_turn(result, wanted.as_deref()),
            Err(error) => return self.fail_start(now, index, error.clone()),
        };
        let Some((id, turn)) = found else {
            let what = wanted.map_or_else(|| "no turn runs".to_owned(), |id| format!("there is no turn {id}"));
            let message = format!("{what} on thread {}", self.slots[index].thread_id);
            return self.fail_start(now, index, Error::new(Status::Rpc, message).with_reason("noActiveTurn"));
        };
        if status_of(&turn) == "inProgress" {
            return self.recall(slot, turn.into(), 1, None);
        }
        self.bind(now, index, &id, Some(&turn));
        if self.is_running(slot) {
            self.recover_items(now, slot);
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

    fn tell_id(&mut self, index: usize, turn_id: &str) {
        for handle in &self.slots[index].handles {
            let handle = &mut self.handles[*handle];
            handle.id.get_or_init(|| ZString::new(turn_id));
            self.effects.wakers.extend(handle.queue.take_listeners());
        }
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
        let thread_id = Arc::clone(&self.slots[index].thread_id);
        let mut from = 0;
        // What comes after the end of the turn is none of its events.
        while self.slot(slot).is_some_and(|index| self.slots[index].phase != SlotPhase::Relisting) {
            let early = self.early.get_mut(&*thread_id);
            let Some((at, owner, line)) = early.and_then(|early| early.claim(turn_id, early_from, from)) else { break };
            from = at + 1;
            match owner {
                Owner::Unknown => {
                    self.unqueued(line.len());
                    self.replay(now, &line);
                }
                Owner::Known => self.replay_event(now, &line),
            }
        }
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

    fn share_early_events(&mut self, index: usize, early_from: usize, turn_id: &str) {
        let thread_id = Arc::clone(&self.slots[index].thread_id);
        let lines = self.early.get(&*thread_id).map(|early| early.since(early_from, turn_id)).unwrap_or_default();
        for line in lines {
            if let Ok(Envelope::Notification(notification)) = Envelope::read(&line) {
                self.fan_out(index, Method::of(&notification.method), &notification);
            }
        }
    }

    /// The start of a turn is over; what nobody claimed belongs to the client.
    fn release_start(&mut self, now: Instant, thread_id: &str) {
        let Some(early) = self.early.get_mut(thread_id) else { return };
        let Some(lines) = early.release() else { return self.adopt(now, thread_id) };
        self.early.remove(thread_id);
        for line in lines {
            self.unqueued(line.len());
            self.replay(now, &line);
        }
    }

    pub(super) fn keep_early(&mut self, thread_id: &str, turn_id: &str, line: &str, owner: Owner) {
        let Some(early) = self.early.get_mut(thread_id) else { return };
        early.keep(turn_id, line, owner);
        if owner == Owner::Unknown {
            self.queued(line.len());
        }
    }

    pub(super) fn fail_start(&mut self, now: Instant, index: usize, error: Error) {
        // Its events have told that it runs, although the answer never came.
        if self.slots[index].phase == SlotPhase::Running {
            return;
        }
        let slot = self.slots.remove(index);
        if slot.phase == SlotPhase::Waiting {
            return self.end_handles(&slot, &Arc::new(Ended { result: None, error: Some(error) }));
        }
        self.end_handles(&slot, &Arc::new(Ended { result: None, error: Some(error) }));
        self.release_start(now, &slot.thread_id);
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

    /// The turn of a slot is over, as the status that was collected says.
    pub(super) fn end_as_reported(&mut self, index: usize) {
        let slot = &self.slots[index];
        let (ended_by, error) = match (slot.collector.status(), &slot.interrupt) {
            ("failed", _) => (EndedBy::Failed, Some(turn_error(slot.collector.error_json()))),
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

    fn end_handles(&mut self, slot: &Slot, ended: &Arc<Ended>) {
        let json = ended.result.as_ref().map_or("null", |result| result.json().as_str());
        for id in &slot.handles {
            let handle = &mut self.handles[*id];
            handle.state = HandleState::Ended(Arc::clone(ended));
            if handle.delivery != Delivery::Discarded {
                let turn_id = handle.id.get().map_or("", ZString::as_str);
                let parts = Parts { json, thread_id: &slot.thread_id, turn_id, ..Parts::default() };
                let event = Event::new(EventKind::TurnEnded, parts).with_error(ended.error.clone());
                self.push_turn_event(*id, event);
            }
            let handle = &mut self.handles[*id];
            handle.queue.end();
            self.effects.wakers.extend(handle.queue.take_listeners());
        }
    }

    /// Gives an event to a handle.
    pub(super) fn push_turn_event(&mut self, id: HandleId, mut event: Box<Event>) {
        let handle = &mut self.handles[id];
        event.set_user_data(handle.user_data);
        let weight = handle.queue.push(event);
        self.effects.wakers.extend(handle.queue.take_listeners());
        let delivery = handle.delivery;
        self.stats.events += 1;
        self.stats.peak_turn_queue_bytes = self.stats.peak_turn_queue_bytes.max(handle.queue.bytes());
        self.queued(weight);
        if delivery == Delivery::Read {
            self.index_turn_event(id);
        }
    }

    /// Takes the oldest event of a handle, for the client queue.
    pub(super) fn pop_turn_event(&mut self, handle: HandleId) -> Next {
        self.handles[handle].queue.pop()
    }

    /// Takes the oldest event of a handle.
    pub fn next_turn_event(&mut self, handle: HandleId) -> Next {
        let handle = &mut self.handles[handle];
        match handle.delivery {
            Delivery::Kept => handle.delivery = Delivery::Read,
            Delivery::Discarded if !handle.queue.has_ended() => handle.delivery = Delivery::Read,
            _ => {}
        }
        let next = handle.queue.pop();
        if let Next::Event(event) = &next {
            self.unqueued(event.weight());
            self.delivered(event);
        }
        next
    }

    /// Makes the reader of a handle return.
    pub fn wake_turn(&mut self, handle: HandleId) {
        let handle = &mut self.handles[handle];
        handle.queue.wake();
        self.effects.wakers.extend(handle.queue.take_listeners());
    }

    /// The host wants the result only: unless it ever read an event, what is queued is let go and requests are declined.
    pub fn discard_turn_events(&mut self, now: Instant, handle: HandleId) {
        let waiting = &mut self.handles[handle];
        if matches!(waiting.delivery, Delivery::Read | Delivery::Streamed) {
            return;
        }
        waiting.delivery = Delivery::Discarded;
        self.drop_queue(now, handle);
    }

    /// Again, until nothing comes: the end of a request that is declined here is an event too.
    fn drop_queue(&mut self, now: Instant, handle: HandleId) {
        while !self.handles[handle].queue.is_empty() {
            let bytes = self.handles[handle].queue.bytes();
            let events = self.handles[handle].queue.clear();
            self.unqueued(bytes);
            for event in events.iter().filter(|event| event.kind() == EventKind::Request) {
                self.decline_undelivered(now, event.request_id());
            }
        }
        self.unindex_turn(handle);
    }

    /// How the turn of a handle ended, once it has.
    pub fn turn_ended(&self, handle: HandleId) -> Option<Arc<Ended>> {
        match &self.handles[handle].state {
            HandleState::Ended(ended) => Some(Arc::clone(ended)),
            HandleState::Live(_) => None,
        }
    }

    /// Where the id of a handle's turn will be.
    pub fn turn_id_cell(&self, handle: HandleId) -> Arc<OnceCell<ZString>> {
        Arc::clone(&self.handles[handle].id)
    }

    /// The pointer that the handle's events carry from now on.
    pub fn set_turn_user_data(&mut self, handle: HandleId, user_data: usize) {
        self.handles[handle].user_data = user_data;
    }

    pub(super) fn user_data_of(&self, handle: HandleId) -> usize {
        self.handles[handle].user_data
    }

    /// Interrupts the turn of a handle; harmless when it is over.
    pub fn interrupt_turn(&mut self, now: Instant, handle: HandleId) {
        if let HandleState::Live(index) = self.handles[handle].state {
            let slot = self.slot_ref(index);
            self.request_interrupt(now, slot, EndedBy::Interrupted);
        }
    }

    /// No event of a handle is handed out any more; a caller that waits for one finds the end, one that waits for the result
    /// still gets it.
    pub fn silence_turn(&mut self, now: Instant, handle: HandleId) {
        self.drop_queue(now, handle);
        let silenced = &mut self.handles[handle];
        silenced.delivery = Delivery::Discarded;
        silenced.queue.end();
        self.effects.wakers.extend(silenced.queue.take_listeners());
    }

    /// The host lets go of a handle. The turn goes on.
    pub fn free_turn(&mut self, now: Instant, handle: HandleId) {
        self.drop_queue(now, handle);
        self.questions.reader_left(handle);
        let HandleState::Live(index) = self.handles.remove(handle).state else { return };
        self.slots[index].handles.retain(|known| *known != handle);
        let slot = self.slot_ref(index);
        self.let_go_without_handles(slot);
    }

    /// The events of a running turn that has no handle belong to the client.
    fn let_go_without_handles(&mut self, slot: SlotRef) {
        let Some(index) = self.slot(slot) else { return };
        let slot = &self.slots[index];
        if slot.handles.is_empty() && slot.phase == SlotPhase::Relisting {
            return self.end_as_reported(index);
        }
        let runs = matches!(slot.phase, SlotPhase::Running | SlotPhase::Ending);
        if !slot.handles.is_empty() || !runs || self.takes_commands_along(index) {
            return;
        }
        let slot = self.slots.remove(index);
        self.keep_in_mind(&slot);
        for id in &slot.turn_ids {
            self.by_turn.remove(id);
        }
    }

    /// What a turn asks is this client's to decline, also when it has no handle of it any more.
    fn keep_in_mind(&mut self, slot: &Slot) {
        if slot.begun == Begun::Here {
            self.let_go.insert(slot.thread_id.to_string());
        }
    }

    /// What most of the queued bytes are, and what the host can do about them.
    pub(super) fn fullest(&self) -> (String, &'static str) {
        const RAISE: &str = "raise max_queued_bytes, so that what comes before an answer finds room";
        const READ: &str = "read them, or raise max_queued_bytes";
        const READ_OR_FREE: &str = "read them, free that handle, or raise max_queued_bytes";
        let early = self.early.iter().map(|(thread, early)| (early.unclaimed_bytes(), thread)).max();
        let early = early.map(|(bytes, thread)| {
            (bytes, format!("events of thread {thread} that came before the answer to the start of their turn"), RAISE)
        });
        let unread = |what: &str| format!("events that nobody reads, most of them {what}");
        let handle = self.handles.iter().map(|(_, handle)| handle).max_by_key(|handle| handle.queue.bytes());
        let handle = handle.map(|handle| {
            let id = handle.id.get().map_or("", ZString::as_str);
            (handle.queue.bytes(), unread(&format!("of turn {id}")), READ_OR_FREE)
        });
        let client = (self.client.queue.bytes(), unread("in the client queue"), READ);
        let (_, what, advice) = [early, handle]
            .into_iter()
            .flatten()
            .fold(client, |fullest, other| if other.0 > fullest.0 { other } else { fullest });
        (what, advice)
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

/// The parameters of a call with the thread that they are for.
fn with_thread_id(params: &str, thread_id: &str) -> String {
    let inside = params.strip_prefix('{').and_then(|params| params.strip_suffix('}')).unwrap_or_default();
    let separator = if inside.is_empty() { "" } else { "," };
    format!("{{\"threadId\":{}{separator}{inside}}}", quote(thread_id))
}

/// The turn of this id, or else the one in progress, in the answer to `thread/turns/list`: its id and its JSON.
pub(super) fn find_turn(result: &str, wanted: Option<&str>) -> Option<(String, String)> {
    use serde::Deserialize;
    use serde_json::value::RawValue;
    #[derive(Deserialize)]
    struct Page<'a> {
        #[serde(borrow)]
        data: Vec<&'a RawValue>,
    }
    let page: Page<'_> = serde_json::from_str(result).ok()?;
    let turns = page.data.iter().map(|raw| raw.get());
    let text = |turn: &str, key: &str| member(turn, key).and_then(string).unwrap_or_default();
    let fits = |turn: &&str| match wanted {
        Some(id) => text(turn, "id") == id,
        None => text(turn, "status") == "inProgress",
    };
    turns.into_iter().find(fits).map(|turn| (text(turn, "id"), turn.to_owned()))
}

pub(super) fn status_of(turn: &str) -> String {
    member(turn, "status").and_then(string).unwrap_or_default()
}
