//! What became of a turn that fell silent: the runtime is asked before the turn is given up.

use std::time::Instant;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::calls::{OWN_CALL, unanswered};
use super::turns::{SlotRef, find_turn, status_of};
use super::{Purpose, Session};
use crate::engine::error::{Error, Result, Status};
use crate::engine::json::{member, quote, string};
use crate::engine::result::EndedBy;

/// No turn has so many pages of items: a runtime that still names another one would go on for ever.
const PAGES: u32 = 1000;

/// Whether the runtime is being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reconciling {
    No,
    Underway,
}

/// Which question the runtime is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Whether the thread is active.
    Thread,
    /// How its turns ended.
    Turns,
    /// What the items of the turn are, on this page of the list.
    Items {
        /// The first is 1.
        page: u32,
    },
}

impl Session {
    pub(super) fn reconcile(&mut self, now: Instant, slot: SlotRef) {
        let Some(index) = self.slot(slot) else { return };
        self.slots[index].reconciling = Reconciling::Underway;
        let thread_id = quote(&self.slots[index].thread_id);
        self.ask_about(
            now,
            slot,
            Step::Thread,
            "thread/read",
            &format!("{{\"threadId\":{thread_id},\"includeTurns\":false}}"),
        );
    }

    fn ask_about(&mut self, now: Instant, slot: SlotRef, step: Step, method: &str, params: &str) {
        self.peer.call(method, params, Some(now + OWN_CALL), Purpose::Reconcile { slot, step });
        self.wake_driver();
    }

    pub(super) fn reconcile_answered(&mut self, now: Instant, slot: SlotRef, step: Step, answer: Result<&str>) {
        let Some(index) = self.slot(slot) else { return };
        let result = match answer {
            Ok(result) => result,
            Err(error) if self.is_held_back(index) && error.status() != Status::Rpc => {
                return self.still_runs(now, slot);
            }
            Err(error) => return self.give_up_silent_turn(index, step, &error),
        };
        match step {
            Step::Thread => self.thread_read(now, slot, result),
            Step::Turns => self.turns_listed(now, slot, result),
            Step::Items { page } => self.items_listed(now, slot, page, result),
        }
    }

    fn thread_read(&mut self, now: Instant, slot: SlotRef, result: &str) {
        let status = member(result, "thread")
            .and_then(|thread| member(thread, "status"))
            .and_then(|status| member(status, "type"));
        if status.and_then(string).as_deref() == Some("active") {
            return self.still_runs(now, slot);
        }
        let thread_id = quote(&self.slots[slot.index].thread_id);
        self.ask_about(
            now,
            slot,
            Step::Turns,
            "thread/turns/list",
            &format!("{{\"threadId\":{thread_id},\"limit\":100}}"),
        );
    }

    fn still_runs(&mut self, now: Instant, slot: SlotRef) {
        let turn = &mut self.slots[slot.index];
        turn.reconciling = Reconciling::No;
        turn.clock.sign(now);
        self.arm_turn(now, slot);
    }

    fn turns_listed(&mut self, now: Instant, slot: SlotRef, result: &str) {
        let turn_id = self.slots[slot.index].newest_id();
        match find_turn(result, Some(turn_id)).map(|(_, turn)| turn) {
            Some(turn) if status_of(&turn) != "inProgress" => {
                self.slots[slot.index].collector.turn(&turn);
                self.recover_items(now, slot);
            }
            _ => {
                let message =
                    format!("the runtime fell silent and does not say how turn {turn_id} ended; its thread is idle");
                let error = Error::new(Status::Protocol, message).with_reason("turnLost");
                self.end_turn(slot.index, EndedBy::TransportClosed, Some(error));
            }
        }
    }

    /// Asks for the items of a turn that is over; after the last page it ends.
    pub(super) fn recover_items(&mut self, now: Instant, slot: SlotRef) {
        self.ask_for_items(now, slot, 1, None);
    }

    fn ask_for_items(&mut self, now: Instant, slot: SlotRef, page: u32, cursor: Option<&str>) {
        let turn = &mut self.slots[slot.index];
        turn.reconciling = Reconciling::Underway;
        let (thread_id, turn_id) = (quote(&turn.thread_id), quote(turn.newest_id()));
        let from = cursor.map(|cursor| format!(",\"cursor\":{cursor}")).unwrap_or_default();
        let params = format!("{{\"threadId\":{thread_id},\"turnId\":{turn_id}{from}}}");
        self.ask_about(now, slot, Step::Items { page }, "thread/items/list", &params);
    }

    fn items_listed(&mut self, now: Instant, slot: SlotRef, number: u32, result: &str) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Page<'a> {
            #[serde(borrow)]
            data: Vec<Entry<'a>>,
            #[serde(borrow, default)]
            next_cursor: Option<&'a RawValue>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Entry<'a> {
            turn_id: String,
            #[serde(borrow)]
            item: &'a RawValue,
        }
        let Ok(page) = serde_json::from_str::<Page<'_>>(result) else {
            let error = Error::new(Status::Protocol, format!("the runtime answered thread/items/list with {result}"));
            return self.end_turn(slot.index, EndedBy::TransportClosed, Some(error));
        };
        let turn = &mut self.slots[slot.index];
        let turn_id = turn.newest_id().to_owned();
        for entry in page.data.iter().filter(|entry| entry.turn_id == turn_id) {
            turn.collector.item_remembered(entry.item.get());
        }
        match page.next_cursor.map(RawValue::get).filter(|cursor| *cursor != "null" && !page.data.is_empty()) {
            Some(cursor) if number < PAGES => self.ask_for_items(now, slot, number + 1, Some(cursor)),
            Some(_) => {
                let message = format!("the runtime lists the items of turn {turn_id} without an end");
                let error = Error::new(Status::Protocol, message).with_reason("itemsUnlisted");
                self.end_turn(slot.index, EndedBy::TransportClosed, Some(error));
            }
            None => self.end_as_reported(slot.index),
        }
    }

    /// Always with the partial result: a runtime that answers nothing is lost, one that refuses breaks the protocol.
    fn give_up_silent_turn(&mut self, index: usize, step: Step, error: &Error) {
        let error = match error.status() {
            Status::TimedOut => unanswered("whether the turn still runs", error),
            Status::Rpc => Error::new(
                Status::Protocol,
                format!("the turn fell silent, its end was never reported, and the runtime does not tell what became of it: {error}"),
            )
            .with_reason(match step {
                Step::Thread => "threadUnreadable",
                Step::Turns => "turnsUnlisted",
                Step::Items { .. } => "itemsUnlisted",
            }),
            _ => error.clone(),
        };
        self.end_turn(index, EndedBy::TransportClosed, Some(error));
    }
}
