//! The client queue: what belongs to no turn handle.

use super::Session;
use crate::engine::error::Error;
use crate::engine::event::{Event, EventKind, Parts};
use crate::engine::queue::{EventQueue, Next};

/// What share of the ceiling the notifications that belong to no turn may take before the oldest are dropped.
const SHARE: usize = 4;

#[derive(Debug, Default)]
pub(super) struct ClientQueue {
    pub(super) queue: EventQueue,
    pub(super) dropped: u64,
    reader: Reader,
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
        if let super::Phase::Over(error) = &self.phase {
            let told = (error.status() != crate::engine::error::Status::Closed).then(|| error.clone());
            self.end_client_queue(told);
        }
    }

    pub(super) fn client_queue_is_read(&self) -> bool {
        self.client.reader == Reader::Reads
    }

    /// Takes the oldest event of the client.
    pub fn next_client_event(&mut self) -> Next {
        self.open_client_queue();
        let next = self.client.queue.pop();
        if let Next::Event(event) = &next {
            self.unqueued(event.weight());
            self.delivered(event);
        }
        next
    }

    /// Makes the reader of the client queue return.
    pub fn wake_client(&mut self) {
        self.client.queue.wake();
        self.effects.wakers.extend(self.client.queue.take_listeners());
    }

    pub(super) fn push_client_event(&mut self, event: Event) {
        if self.client.reader == Reader::None {
            self.client.dropped += 1;
            return;
        }
        let weight = self.client.queue.push(event);
        self.queued(weight);
        self.drop_what_nobody_reads();
        self.effects.wakers.extend(self.client.queue.take_listeners());
    }

    /// The oldest notifications go first, warnings and errors after them, and what somebody waits for never.
    fn drop_what_nobody_reads(&mut self) {
        let ceiling = self.config.max_queued_bytes / SHARE;
        while self.client.queue.bytes() > ceiling {
            let plain = self.client.queue.drop_oldest(|event| is_expendable(event.kind()));
            let lost = plain.or_else(|| {
                self.client.queue.drop_oldest(|event| matches!(event.kind(), EventKind::Warning | EventKind::Error))
            });
            let Some(lost) = lost else { return };
            self.client.dropped += 1;
            self.unqueued(lost.weight());
        }
    }

    pub(super) fn end_client_queue(&mut self, error: Option<Error>) {
        let json = error.as_ref().map_or_else(|| "{}".to_owned(), Error::to_json);
        let event = Event::new(EventKind::Closed, Parts { json: &json, ..Parts::default() });
        let event = match &error {
            Some(error) => event.with_text(error.message()),
            None => event,
        };
        self.push_client_event(event.with_error(error));
        if self.client.reader == Reader::Reads {
            self.client.queue.end();
        }
        self.effects.wakers.extend(self.client.queue.take_listeners());
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
