//! The client queue: what belongs to no turn handle.

use std::collections::VecDeque;

use super::handles::HandleId;
use super::{Queues, Session};
use crate::engine::error::Error;
use crate::engine::event::{Event, EventKind, Parts};
use crate::engine::queue::{EventQueue, Next};

/// What share of the ceiling the notifications that belong to no turn may take before the oldest are dropped.
const SHARE: usize = 4;

#[derive(Debug)]
pub(super) struct ClientQueue {
    pub(super) queue: EventQueue,
    pub(super) dropped: u64,
    reader: Reader,
    /// In single-queue mode: where the next events lie, in the order in which they came.
    index: Option<VecDeque<Place>>,
    /// How many events of turns the index leads to.
    of_turns: usize,
}

/// Where an event lies.
#[derive(Clone, Copy, Debug)]
enum Place {
    Client,
    Turn(HandleId),
}

impl ClientQueue {
    pub(super) fn new(queues: Queues) -> Self {
        let index = (queues == Queues::Single).then(VecDeque::new);
        let reader = if index.is_some() { Reader::Reads } else { Reader::None };
        Self { queue: EventQueue::default(), dropped: 0, reader, index, of_turns: 0 }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Reader {
    /// Nobody has ever asked for an event, so nothing is kept.
    #[default]
    None,
    Reads,
}

impl Session {
    /// From now on the client queue keeps what comes.
    pub fn open_client_queue(&mut self) {
        if self.client.reader == Reader::Reads {
            return;
        }
        self.client.reader = Reader::Reads;
        if let super::State::Over(error) = &self.state {
            let told = (error.status() != crate::engine::error::Status::Closed).then(|| error.clone());
            self.end_client_queue(told);
        }
    }

    pub(super) fn client_queue_is_read(&self) -> bool {
        self.client.reader == Reader::Reads
    }

    /// Takes the oldest event of the client; in single-queue mode, of its turns too.
    pub fn next_client_event(&mut self) -> Next {
        self.open_client_queue();
        let next = self.next_indexed_event().unwrap_or_else(|| self.client.queue.pop());
        match &next {
            Next::Event(event) => {
                self.unqueued(event.weight());
                self.delivered(event);
            }
            Next::Woken => self.rearm_alarm(),
            Next::End | Next::Empty => {}
        }
        self.update_alarm();
        next
    }

    fn next_indexed_event(&mut self) -> Option<Next> {
        if self.client.queue.is_woken() {
            return None;
        }
        while let Some(place) = self.client.index.as_mut()?.pop_front() {
            let next = match place {
                Place::Client => self.client.queue.pop(),
                Place::Turn(handle) => {
                    self.client.of_turns -= 1;
                    self.pop_turn_event(handle)
                }
            };
            if matches!(next, Next::Event(_)) {
                return Some(next);
            }
        }
        None
    }

    /// Whether the events of turns are read from here.
    pub(super) fn is_single_queue(&self) -> bool {
        self.client.index.is_some()
    }

    /// An event of a turn has come: in single-queue mode it is read from here.
    pub(super) fn index_turn_event(&mut self, handle: HandleId) {
        let Some(index) = &mut self.client.index else { return };
        index.push_back(Place::Turn(handle));
        self.client.of_turns += 1;
        self.effects.wakers.extend(self.client.queue.listeners().take());
        self.update_alarm();
    }

    /// All events of a handle are gone.
    pub(super) fn unindex_turn(&mut self, handle: HandleId) {
        let Some(index) = &mut self.client.index else { return };
        let before = index.len();
        index.retain(|place| !matches!(place, Place::Turn(known) if *known == handle));
        self.client.of_turns -= before - index.len();
        self.update_alarm();
    }

    /// Whether a reader would find an event, or the end.
    pub(super) fn client_has_something(&self) -> bool {
        self.client.of_turns > 0 || !self.client.queue.is_empty() || self.client.queue.has_ended()
    }

    /// Makes the reader of the client queue return.
    pub fn wake_client(&mut self) {
        self.client.queue.wake();
        self.effects.wakers.extend(self.client.queue.listeners().take());
    }

    pub(super) fn push_client_event(&mut self, event: Box<Event>) {
        if self.client.reader == Reader::None {
            self.client.dropped += 1;
            return;
        }
        let weight = self.client.queue.push(event);
        self.stats.events += 1;
        self.stats.peak_client_queue_bytes = self.stats.peak_client_queue_bytes.max(self.client.queue.bytes());
        if let Some(index) = &mut self.client.index {
            index.push_back(Place::Client);
        }
        self.queued(weight);
        self.drop_what_nobody_reads();
        self.update_alarm();
        self.effects.wakers.extend(self.client.queue.listeners().take());
    }

    /// The oldest notifications go first, warnings and errors after them, and what somebody waits for never.
    fn drop_what_nobody_reads(&mut self) {
        let ceiling = self.config.max_queued_bytes / SHARE;
        while self.client.queue.bytes() > ceiling {
            let plain = self.client.queue.drop_oldest(|event| is_expendable(event.kind()));
            let lost = plain.or_else(|| {
                self.client.queue.drop_oldest(|event| matches!(event.kind(), EventKind::Warning | EventKind::Error))
            });
            let Some((position, lost)) = lost else { return };
            self.client.dropped += 1;
            self.unqueued(lost.weight());
            self.forget_client_place(position);
        }
    }

    /// The event at this position of the client queue is gone, and so is its place among those of the turns.
    fn forget_client_place(&mut self, position: usize) {
        let Some(index) = &mut self.client.index else { return };
        let mut places = index.iter().enumerate().filter(|(_, place)| matches!(place, Place::Client));
        if let Some((place, _)) = places.nth(position) {
            index.remove(place);
        }
    }

    pub(super) fn end_client_queue(&mut self, error: Option<Error>) {
        if self.client.reader == Reader::None {
            return;
        }
        let json = error.as_ref().map_or_else(|| "{}".to_owned(), Error::to_json);
        let event = Event::new(EventKind::Closed, Parts { json: &json, ..Parts::default() });
        let event = match &error {
            Some(error) => event.with_text(error.message()),
            None => event,
        };
        self.push_client_event(event.with_error(error));
        self.client.queue.end();
        self.update_alarm();
        self.effects.wakers.extend(self.client.queue.listeners().take());
    }
}

fn is_expendable(kind: EventKind) -> bool {
    use EventKind as Kind;
    let kept = [
        Kind::Request,
        Kind::RequestResolved,
        Kind::Response,
        Kind::Closed,
        Kind::Connected,
        Kind::TurnEnded,
        Kind::ThreadReady,
        Kind::Warning,
        Kind::Error,
    ];
    !kept.contains(&kind)
}
