//! Handles: through them the host sees a turn, each with a queue of its own.

use std::sync::Arc;
use std::time::Instant;

use once_cell::sync::OnceCell;

use super::Session;
use super::slots::{Begun, Slot, SlotPhase, SlotRef};
use crate::engine::error::Error;
use crate::engine::event::{Event, EventKind, Parts};
use crate::engine::queue::{EventQueue, Next};
use crate::engine::result::{EndedBy, TurnResult};
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

impl Handle {
    pub(super) fn new(slot: usize, delivery: Delivery, user_data: usize) -> Self {
        let (state, queue) = (HandleState::Live(slot), EventQueue::default());
        Self { state, queue, delivery, user_data, id: Arc::default() }
    }

    /// The id of its turn; "" while unknown.
    pub(super) fn turn_id(&self) -> &str {
        self.id.get().map_or("", ZString::as_str)
    }
}

impl Session {
    /// In single-queue mode every event that is kept has a reader.
    pub(super) fn delivery(&self, wanted: Delivery) -> Delivery {
        if wanted == Delivery::Kept && self.is_single_queue() { Delivery::Read } else { wanted }
    }

    pub(super) fn tell_id(&mut self, index: usize, turn_id: &str) {
        for handle in &self.slots[index].handles {
            let handle = &mut self.handles[*handle];
            handle.id.get_or_init(|| ZString::new(turn_id));
            self.effects.wakers.extend(handle.queue.listeners().take());
        }
    }

    pub(super) fn end_handles(&mut self, slot: &Slot, ended: &Arc<Ended>) {
        let json = ended.result.as_ref().map_or("null", |result| result.json().as_str());
        for id in &slot.handles {
            let handle = &mut self.handles[*id];
            handle.state = HandleState::Ended(Arc::clone(ended));
            if handle.delivery != Delivery::Discarded {
                let parts = Parts { json, thread_id: &slot.thread_id, turn_id: handle.turn_id(), ..Parts::default() };
                let event = Event::new(EventKind::TurnEnded, parts).with_error(ended.error.clone());
                self.push_turn_event(*id, event);
            }
            let handle = &mut self.handles[*id];
            handle.queue.end();
            self.effects.wakers.extend(handle.queue.listeners().take());
        }
    }

    /// Gives an event to a handle.
    pub(super) fn push_turn_event(&mut self, id: HandleId, mut event: Box<Event>) {
        let handle = &mut self.handles[id];
        event.set_user_data(handle.user_data);
        let weight = handle.queue.push(event);
        self.effects.wakers.extend(handle.queue.listeners().take());
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
        self.effects.wakers.extend(handle.queue.listeners().take());
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
        self.effects.wakers.extend(silenced.queue.listeners().take());
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
    pub(super) fn keep_in_mind(&mut self, slot: &Slot) {
        if slot.begun == Begun::Here {
            self.let_go.insert(slot.thread_id.to_string());
        }
    }
}
