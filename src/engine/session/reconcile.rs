//! What became of a turn that fell silent: the runtime is asked before the turn is given up.

use std::sync::Arc;
use std::time::Instant;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Session;
use super::attaching::{find_turn, status_of, turns_params};
use super::calls::{OWN_CALL, unanswered};
use super::purpose::Purpose;
use super::slots::{SlotPhase, SlotRef};
use crate::engine::error::{Error, Result, Status};
use crate::engine::json::{Object, member, string};
use crate::engine::method;
use crate::engine::result::{Collector, EndedBy};

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
        let thread_id = &self.slots[index].thread_id;
        let params = Object::new().with_string("threadId", thread_id).with_raw("includeTurns", "false").to_json();
        self.ask_about(now, slot, Step::Thread, method::THREAD_READ, &params);
    }

    fn ask_about(&mut self, now: Instant, slot: SlotRef, step: Step, method: &str, params: &str) {
        self.peer.call(method, params, Some((now + OWN_CALL).into()), Purpose::Reconcile { slot, step });
        self.wake_driver();
    }

    pub(super) fn reconcile_answered(&mut self, now: Instant, slot: SlotRef, step: Step, answer: Result<&str>) {
        let Some(index) = self.slot(slot).filter(|_| self.is_running(slot)) else { return };
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
        let params = turns_params(&self.slots[slot.index].thread_id);
        self.ask_about(now, slot, Step::Turns, method::THREAD_TURNS_LIST, &params);
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
        self.slots[slot.index].collector.list_begins();
        self.ask_for_items(now, slot, 1, None);
    }

    fn ask_for_items(&mut self, now: Instant, slot: SlotRef, page: u32, cursor: Option<&str>) {
        let turn = &mut self.slots[slot.index];
        turn.reconciling = Reconciling::Underway;
        let params = items_params(&turn.thread_id, turn.newest_id(), cursor);
        self.ask_about(now, slot, Step::Items { page }, method::THREAD_ITEMS_LIST, &params);
    }

    fn items_listed(&mut self, now: Instant, slot: SlotRef, number: u32, result: &str) {
        let turn = &mut self.slots[slot.index];
        let turn_id = turn.newest_id().to_owned();
        let Some(next) = take_items(result, &turn_id, &mut turn.collector) else {
            let error = Error::new(Status::Protocol, format!("the runtime answered thread/items/list with {result}"));
            return self.end_turn(slot.index, EndedBy::TransportClosed, Some(error));
        };
        match next {
            NextPage::At(cursor) if number < PAGES => self.ask_for_items(now, slot, number + 1, Some(cursor)),
            NextPage::At(_) => {
                let message = format!("the runtime lists the items of turn {turn_id} without an end");
                let error = Error::new(Status::Protocol, message).with_reason("itemsUnlisted");
                self.end_turn(slot.index, EndedBy::TransportClosed, Some(error));
            }
            NextPage::None => self.end_as_reported(slot.index),
        }
    }

    /// Asks which items a turn has had that still runs and was found by `turn`; then its handle follows it.
    pub(super) fn recall(&mut self, slot: SlotRef, turn: Arc<str>, page: u32, cursor: Option<&str>) {
        let params = items_params(&self.slots[slot.index].thread_id, &id_of(&turn), cursor);
        let deadline = self.slots[slot.index].attach_by;
        self.peer.call(method::THREAD_ITEMS_LIST, &params, deadline, Purpose::Recall { slot, turn, page });
        self.wake_driver();
    }

    /// Without its items the turn is followed all the same.
    pub(super) fn recalled(&mut self, now: Instant, slot: SlotRef, turn: &Arc<str>, page: u32, answer: Result<&str>) {
        let Some(index) = self.slot(slot) else { return };
        let turn_id = id_of(turn);
        let next = answer.ok().and_then(|result| take_items(result, &turn_id, &mut self.slots[index].collector));
        match next {
            Some(NextPage::At(cursor)) if page < PAGES => {
                self.recall(slot, Arc::clone(turn), page + 1, Some(cursor));
            }
            _ => self.bind(now, index, &turn_id, Some(turn)),
        }
    }

    /// The runtime has reported the end of a turn. If an item of it may be unknown, its items are asked for once more: all of
    /// them are listed by now.
    pub(super) fn end_reported(&mut self, now: Instant, index: usize) {
        if !self.slots[index].may_lack_items() {
            return self.end_as_reported(index);
        }
        self.cancel_questions_of(index);
        let turn = &mut self.slots[index];
        turn.phase = SlotPhase::Relisting;
        turn.collector.list_begins();
        if let Some(interrupt) = &mut turn.interrupt {
            interrupt.give_up_at = now + OWN_CALL;
        }
        for id in &turn.turn_ids {
            self.by_turn.remove(id);
        }
        self.relist(now, self.slot_ref(index), 1, None);
    }

    /// The slot of a turn that is over but for its list of items.
    pub(super) fn relisting(&self, turn_id: &str) -> Option<usize> {
        let mut slots = self.slots.iter().filter(|(_, slot)| slot.phase == SlotPhase::Relisting);
        slots.find(|(_, slot)| slot.turn_ids.iter().any(|id| id == turn_id)).map(|(index, _)| index)
    }

    fn relist(&mut self, now: Instant, slot: SlotRef, page: u32, cursor: Option<&str>) {
        let turn = &self.slots[slot.index];
        let params = items_params(&turn.thread_id, turn.turn_id(), cursor);
        self.peer.call(
            method::THREAD_ITEMS_LIST,
            &params,
            Some((now + OWN_CALL).into()),
            Purpose::Relist { slot, page },
        );
        self.wake_driver();
    }

    /// How the turn ended is known: without the list it ends with the items that are.
    pub(super) fn relisted(&mut self, now: Instant, slot: SlotRef, page: u32, answer: Result<&str>) {
        let Some(index) = self.slot(slot) else { return };
        let turn_id = self.slots[index].turn_id().to_owned();
        let next = answer.ok().and_then(|result| take_items(result, &turn_id, &mut self.slots[index].collector));
        match next {
            Some(NextPage::At(cursor)) if page < PAGES => self.relist(now, slot, page + 1, Some(cursor)),
            _ => self.end_as_reported(index),
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

fn id_of(turn: &str) -> String {
    member(turn, "id").and_then(string).unwrap_or_default()
}

fn items_params(thread_id: &str, turn_id: &str, cursor: Option<&str>) -> String {
    let mut params = Object::new().with_string("threadId", thread_id).with_string("turnId", turn_id);
    if let Some(cursor) = cursor {
        params.set_raw("cursor", cursor);
    }
    params.to_json()
}

/// Whether a list goes on.
enum NextPage<'a> {
    At(&'a str),
    None,
}

/// Adds the items of a turn on a page of `thread/items/list`; `None` when it is no such page.
fn take_items<'a>(result: &'a str, turn_id: &str, collector: &mut Collector) -> Option<NextPage<'a>> {
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
    let page: Page<'a> = serde_json::from_str(result).ok()?;
    for entry in page.data.iter().filter(|entry| entry.turn_id == turn_id) {
        collector.item_remembered(entry.item.get());
    }
    let cursor = page.next_cursor.map(RawValue::get).filter(|cursor| *cursor != "null" && !page.data.is_empty());
    Some(cursor.map_or(NextPage::None, NextPage::At))
}
