//! Whose a notification is.

use std::time::Instant;

use super::Session;
use super::early::Owner;
use super::handles::{Delivery, HandleId};
use super::slots::{Seen, SlotPhase};
use crate::engine::event::EventKind;
use crate::engine::json::member;
use crate::engine::method::Method;
use crate::engine::rpc::{Notification, RpcId};

impl Session {
    pub(super) fn notified(&mut self, now: Instant, line: &str, notification: &Notification<'_>) {
        let ids = &notification.ids;
        let method = Method::of(&notification.method);
        match method.kind {
            EventKind::RequestResolved => return self.resolved_by_runtime(notification),
            EventKind::TurnStarted if !self.by_turn.contains_key(&*ids.turn) => {
                self.goal_goes_on(&ids.thread, &ids.turn);
                self.running.insert(ids.thread.to_string(), ids.turn.to_string());
            }
            EventKind::TurnCompleted => {
                self.running.remove(&*ids.thread);
                self.let_go.remove(&*ids.thread);
                self.thread_rests(&ids.thread);
            }
            EventKind::Usage => self.thread_used(notification),
            EventKind::Other if self.watch_goals(now, notification) => return,
            EventKind::Other => self.watch_logins(notification),
            _ => {}
        }
        match self.keep_if_early(&ids.thread, &ids.turn, line) {
            Owner::Known => self.route(now, method, notification),
            Owner::Unknown if method.kind == EventKind::TurnStarted => self.adopt(now, &ids.thread),
            Owner::Unknown => {}
        }
    }

    /// Keeps a line whose turn may become known, or may turn out to have been joined. Says whether it can be routed now.
    pub(super) fn keep_if_early(&mut self, thread_id: &str, turn_id: &str, line: &str) -> Owner {
        if turn_id.is_empty() || self.early.is_empty() || !self.early.contains_key(thread_id) {
            return Owner::Known;
        }
        let owner = if self.by_turn.contains_key(turn_id) { Owner::Known } else { Owner::Unknown };
        self.keep_early(thread_id, turn_id, line, owner);
        owner
    }

    /// Only a turn id routes to a turn; what belongs to no handle is the client's.
    pub(super) fn route(&mut self, now: Instant, method: Method, notification: &Notification<'_>) {
        let turn_id = &*notification.ids.turn;
        if let Some(index) = self.by_turn.get(turn_id).copied() {
            return match self.slots[index].goal {
                Some(_) => self.deliver_of_goal(now, index, method, notification),
                None => self.deliver(now, index, method, notification),
            };
        }
        if let Some((index, renamed)) = self.under_first_id(method, notification) {
            return self.deliver(now, index, method, &renamed);
        }
        if method.kind == EventKind::TurnCompleted {
            self.cancel_questions_of_turn(turn_id);
        }
        if self.client_queue_is_read() {
            let event = self.events.make(method, notification);
            self.push_client_event(event);
        } else {
            self.client.dropped += 1;
        }
    }

    pub(super) fn deliver(&mut self, now: Instant, index: usize, method: Method, notification: &Notification<'_>) {
        self.observe(now, index, method.kind, notification);
        self.fan_out(index, method, notification);
        match method.kind {
            EventKind::TurnCompleted => self.turn_reported(now, index),
            EventKind::ItemCompleted if self.slots[index].phase == SlotPhase::Ending => {
                self.command_ended(now, index, &notification.ids.item);
            }
            EventKind::TurnStarted => {
                self.slots[index].seen = Seen::Started;
                self.interrupt_slot(index);
            }
            EventKind::Usage | EventKind::ItemStarted => self.check_budget(now, index),
            _ => {}
        }
    }

    /// What the result and the limits need to know of an event.
    fn observe(&mut self, now: Instant, index: usize, kind: EventKind, notification: &Notification<'_>) {
        let slot = &mut self.slots[index];
        let params = notification.params;
        let will_retry = kind == EventKind::Error && member(params, "willRetry") == Some("true");
        if will_retry {
            slot.clock.sign(now);
            slot.collector.messages_cut();
            return;
        }
        slot.clock.progress(now);
        match kind {
            EventKind::TurnStarted | EventKind::TurnCompleted => {
                if let Some(turn) = member(params, "turn") {
                    slot.collector.turn(turn);
                }
            }
            EventKind::ItemStarted => {
                if let Some(item) = member(params, "item") {
                    slot.collector.item_started(item);
                }
            }
            EventKind::ItemCompleted => {
                if let Some(item) = member(params, "item") {
                    slot.collector.item_completed(item);
                }
            }
            EventKind::MessageDelta => {
                if let Some(delta) = notification.delta {
                    slot.collector.message_delta(&notification.ids.item, delta);
                }
            }
            EventKind::Usage => {
                if let Some(usage) = member(params, "tokenUsage") {
                    self.stats.tokens += slot.collector.used(usage);
                }
            }
            _ => {}
        }
    }

    /// Gives each handle of a turn, whose events are wanted, an event of its own.
    pub(super) fn fan_out(&mut self, index: usize, method: Method, notification: &Notification<'_>) {
        for position in 0..self.slots[index].handles.len() {
            let handle = self.slots[index].handles[position];
            if self.handles[handle].delivery == Delivery::Discarded || self.merge(handle, method, notification) {
                continue;
            }
            let event = self.events.make(method, notification);
            self.push_turn_event(handle, event);
        }
    }

    /// Near the ceiling, text goes into the event before it where it can: one event is lighter than many. Says whether it did.
    fn merge(&mut self, handle: HandleId, method: Method, notification: &Notification<'_>) -> bool {
        if notification.delta.is_none() || self.queued_bytes < self.config.max_queued_bytes / 4 * 3 {
            return false;
        }
        let mut merged = false;
        let more = self.handles[handle].queue.change_newest(|newest| merged = newest.absorb(method, notification));
        self.queued(more);
        self.stats.merged += u64::from(merged);
        merged
    }
}

/// The id of an answer of which only the beginning and the end are known.
pub(super) fn id_of_oversized(head: &[u8], tail: &[u8]) -> Option<RpcId> {
    let head = String::from_utf8_lossy(head);
    let tail = String::from_utf8_lossy(tail);
    let first = head.trim_start().strip_prefix("{\"id\":").map(|rest| rest.split(',').next().unwrap_or_default());
    let last = || tail.trim_end().strip_suffix('}').and_then(|rest| rest.rsplit_once(",\"id\":")).map(|(_, id)| id);
    let is_answer = !head.trim_start().starts_with("{\"method\"");
    let text = first.or_else(|| last().filter(|_| is_answer))?;
    text.trim().parse().ok().map(RpcId::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_long_answer_is_found_at_either_end() {
        assert_eq!(id_of_oversized(b"{\"id\":7,\"result\":{\"x", b"\"}}"), Some(RpcId::Number(7)));
        assert_eq!(id_of_oversized(b"{\"error\":{\"m", b"\"},\"id\":8}"), Some(RpcId::Number(8)));
        assert_eq!(id_of_oversized(b"{\"method\":\"item/completed\",\"p", b",\"id\":8}"), None);
    }
}
