//! Attaching to a turn that runs already.

use std::time::Instant;

use super::Session;
use super::handles::HandleId;
use super::purpose::Purpose;
use super::slots::{Begun, Slot, SlotPhase, SlotRef};
use super::turns::TurnStart;
use crate::engine::error::{Error, Result, Status};
use crate::engine::json::{Object, member, string};
use crate::engine::method;

impl Session {
    /// Attaches to a turn that runs already; without an id, to the one that runs on the thread. `params` of the start are unused.
    pub fn attach_turn(&mut self, now: Instant, turn_id: Option<&str>, start: &TurnStart<'_>) -> Result<HandleId> {
        self.ensure_open()?;
        self.ensure_room_to_write(0)?;
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
        let params = turns_params(&thread_id);
        self.peer.call(method::THREAD_TURNS_LIST, &params, start.deadline, Purpose::Attach { slot });
        self.wake_driver();
        Ok(handle)
    }

    /// The turn that runs on a thread, as far as this client knows.
    fn running_on(&self, thread_id: &str) -> Option<String> {
        let of_thread = |slot: &&Slot| slot.phase == SlotPhase::Running && *slot.thread_id == *thread_id;
        let followed = self.slots.iter().map(|(_, slot)| slot).find(of_thread).map(|slot| slot.turn_id().to_owned());
        followed.or_else(|| self.running.get(thread_id).cloned())
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
}

/// The parameters of `thread/turns/list`.
pub(super) fn turns_params(thread_id: &str) -> String {
    Object::new().with_string("threadId", thread_id).with_raw("limit", "100").to_json()
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
