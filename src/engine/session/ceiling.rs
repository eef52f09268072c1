//! The ceiling of all queues together: when reading stops, and what then cannot be answered any more.

use std::time::Instant;

use super::slots::SlotRef;
use super::{Reading, Session, State};
use crate::engine::error::{Error, Status};

/// How much is read past the ceiling while a call waits for its answer.
pub(super) const RESERVE: usize = 8 << 20;

impl Session {
    /// What may wait to be written, and what requests may occupy that wait to be answered.
    pub(super) fn ceiling_beside_queues(&self) -> usize {
        self.config.max_queued_bytes.max(RESERVE)
    }

    /// Whether the runtime asks on and on, but reads no answer.
    pub(super) fn answers_pile_up(&self) -> bool {
        self.peer.unwritten_reply_bytes() >= self.ceiling_beside_queues()
    }

    /// Whether more may be read: the queues have room, or somebody waits for an answer that lies behind what fills them.
    pub(super) fn may_read(&mut self, now: Instant) -> bool {
        if self.answers_pile_up() {
            self.reading = Reading::HeldBack;
            return false;
        }
        if self.queued_bytes < self.config.max_queued_bytes {
            self.read_again(now);
            return true;
        }
        self.reading = Reading::HeldBack;
        if !self.is_urgent() {
            return false;
        }
        let Some(error) = self.blocked() else { return true };
        self.fail_what_is_blocked(now, &error);
        false
    }

    /// While nothing was read no turn could give a sign of life, so their clocks go on from here.
    fn read_again(&mut self, now: Instant) {
        if self.reading == Reading::HeldBack {
            self.reading = Reading::Allowed;
            self.slots.iter_mut().for_each(|(_, slot)| slot.clock.progress(now));
        }
    }

    /// What waits for an answer behind a full queue would wait for ever.
    fn fail_what_is_blocked(&mut self, now: Instant, error: &Error) {
        for call in self.calls.unanswered() {
            self.host_call_answered(call, Err(error.clone()));
        }
        self.fail_blocked_threads(now, error);
        let urgent = self.slots.iter().filter(|(_, slot)| slot.is_urgent());
        let urgent: Vec<SlotRef> = urgent.map(|(index, _)| self.slot_ref(index)).collect();
        for slot in urgent {
            self.end_blocked_turn(now, slot, error);
        }
    }

    /// Whether an answer is waited for without which nothing goes on.
    fn is_urgent(&self) -> bool {
        !self.calls.is_empty()
            || self.opens_thread()
            || !matches!(self.state, State::Open)
            || self.slots.iter().any(|(_, slot)| slot.is_urgent())
    }

    /// Why no answer can come any more until the host reads, if that is so.
    pub(super) fn blocked(&self) -> Option<Error> {
        if self.queued_bytes < self.config.max_queued_bytes.saturating_add(RESERVE) {
            return None;
        }
        let (what, advice) = self.fullest();
        let message = format!("the answer lies behind {} bytes of {what}; {advice}", self.queued_bytes);
        Some(Error::new(Status::WouldDeadlock, message).with_reason("queueFull"))
    }

    /// What most of the queued bytes are, and what the host can do about them.
    fn fullest(&self) -> (String, &'static str) {
        const RAISE: &str = "raise max_queued_bytes, so that what comes before an answer finds room";
        const READ: &str = "read them, or raise max_queued_bytes";
        const READ_OR_FREE: &str = "read them, free that handle, or raise max_queued_bytes";
        let early = self.early.iter().map(|(thread, early)| (early.bytes(), thread)).max();
        let early = early.map(|(bytes, thread)| {
            (bytes, format!("events of thread {thread} that came before the answer to the start of their turn"), RAISE)
        });
        let unread = |what: &str| format!("events that nobody reads, most of them {what}");
        let handle = self.handles.iter().map(|(_, handle)| handle).max_by_key(|handle| handle.queue.bytes());
        let handle =
            handle.map(|handle| (handle.queue.bytes(), unread(&format!("of turn {}", handle.turn_id())), READ_OR_FREE));
        let client = (self.client.queue.bytes(), unread("in the client queue"), READ);
        let (_, what, advice) = [early, handle]
            .into_iter()
            .flatten()
            .fold(client, |fullest, other| if other.0 > fullest.0 { other } else { fullest });
        (what, advice)
    }

    pub(super) fn queued(&mut self, bytes: usize) {
        self.queued_bytes += bytes;
        self.stats.peak_queued_bytes = self.stats.peak_queued_bytes.max(self.queued_bytes);
    }

    /// Gives room back, and tells the driver when reading had stopped for want of it.
    pub(super) fn unqueued(&mut self, bytes: usize) {
        let was_full = self.queued_bytes >= self.config.max_queued_bytes;
        self.queued_bytes = self.queued_bytes.saturating_sub(bytes);
        if was_full && self.queued_bytes < self.config.max_queued_bytes {
            self.wake_driver();
        }
    }
}
