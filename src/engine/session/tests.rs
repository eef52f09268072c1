//! The session without a runtime and without a clock: lines and times are written by hand, or come from recordings.

mod adopted;
mod attaching;
mod captures;
mod commands;
mod compat;
mod goals;
mod limits;
mod listeners;
mod logins;
mod model;
mod questions;
mod queues;
mod routing;
mod sandbox;
mod threads;
mod waking;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::*;
use crate::engine::client_options::ClientOptions;
use crate::engine::event::Event;
use crate::engine::limits::Limits;
use crate::engine::queue::Next;

pub(super) const THREAD: &str = "thread-1";
pub(super) const TURN: &str = "turn-1";

/// A session with its time and what it wrote.
pub(super) struct Talk {
    pub(super) session: Session,
    pub(super) now: Instant,
}

/// A turn without params, whose events are kept.
pub(super) fn plain_start(thread: ThreadKey) -> TurnStart<'static> {
    TurnStart {
        thread,
        params: "{}",
        sandbox: TurnSandbox::AsSaid,
        limits: Limits::default(),
        delivery: Delivery::Kept,
        deadline: None,
    }
}

impl Talk {
    pub(super) fn new() -> Self {
        Self::with(|_| ())
    }

    pub(super) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { max_queued_bytes: 1 << 20, ..ClientOptions::default().session_config(1) };
        change(&mut config);
        Self { session: Session::new(config, Log::default()), now: Instant::now() }
    }

    /// What the runtime says.
    pub(super) fn hear(&mut self, message: Value) {
        self.session.receive(self.now, message.to_string().as_bytes());
    }

    pub(super) fn notify(&mut self, method: &str, params: Value) {
        self.hear(json!({"method": method, "params": params, "emittedAtMs": 5}));
    }

    /// An event of the turn.
    pub(super) fn event(&mut self, method: &str, mut params: Value) {
        params["threadId"] = THREAD.into();
        if params.get("turn").is_none() && params.get("turnId").is_none() {
            params["turnId"] = TURN.into();
        }
        self.notify(method, params);
    }

    pub(super) fn turn_started(&mut self) {
        self.event("turn/started", json!({"turn": {"id": TURN, "status": "inProgress"}}));
    }

    pub(super) fn turn_completed(&mut self, status: &str) {
        self.event("turn/completed", json!({"turn": {"id": TURN, "status": status, "error": null}}));
    }

    pub(super) fn message(&mut self, text: &str) {
        let item = json!({"type": "agentMessage", "id": format!("m-{text}"), "phase": null, "text": text});
        self.event("item/completed", json!({ "item": item }));
    }

    /// Lets time pass, and does what is due at each moment on the way.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.session.next_deadline().filter(|at| *at <= end) {
            self.now = at;
            self.session.tick(at);
        }
        self.now = end;
    }

    /// What was written to the runtime since the last look.
    pub(super) fn written(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.session.next_line()).map(|line| serde_json::from_str(&line).unwrap()).collect()
    }

    pub(super) fn written_methods(&mut self) -> Vec<String> {
        self.written().iter().map(|line| line["method"].as_str().unwrap_or("answer").to_owned()).collect()
    }

    /// A thread that is open, whose turns carry a pointer.
    pub(super) fn thread(&mut self, id: &str) -> ThreadKey {
        let (key, _) = self.session.known_thread(id).unwrap();
        self.session.set_thread_user_data(key, 7);
        key
    }

    /// Begins a turn; the answer is still to come.
    pub(super) fn begin(&mut self, delivery: Delivery, limits: Limits) -> (HandleId, i64) {
        let start = TurnStart {
            limits,
            delivery,
            deadline: self.session.default_deadline(self.now),
            ..plain_start(self.thread(THREAD))
        };
        let handle = self.session.start_turn(self.now, &start).unwrap();
        let id = self.written().last().unwrap()["id"].as_i64().unwrap();
        (handle, id)
    }

    pub(super) fn answer_start(&mut self, id: i64, turn_id: &str) {
        self.hear(json!({"id": id, "result": {"turn": {"id": turn_id, "status": "inProgress"}}}));
    }

    /// Begins to attach to whatever runs on a thread.
    pub(super) fn begin_attach(&mut self, thread: ThreadKey) -> HandleId {
        let start = TurnStart { params: "", ..plain_start(thread) };
        self.session.attach_turn(self.now, None, &start).unwrap()
    }

    /// The runtime says which turn runs.
    pub(super) fn answer_turns(&mut self, turn_id: &str) {
        self.answer_turns_with(turn_id, "inProgress");
    }

    /// The runtime says that the only turn of a thread has this status.
    pub(super) fn answer_turns_with(&mut self, turn_id: &str, status: &str) {
        let list = self.written().pop().unwrap();
        assert_eq!(list["method"], "thread/turns/list");
        let turns = json!([{"id": turn_id, "status": status}]);
        self.hear(json!({"id": list["id"], "result": {"data": turns, "nextCursor": null}}));
    }

    /// The runtime does not say which items a turn has had.
    pub(super) fn refuse_items(&mut self, turn_id: &str) {
        let id = self.asked_for_items(turn_id);
        self.hear(json!({"id": id, "error": {"code": -32600, "message": "unknown variant"}}));
    }

    /// Attaches to the turn that runs on a thread and has had these items.
    pub(super) fn attach(&mut self, thread: ThreadKey, turn_id: &str, items: Value) -> HandleId {
        let handle = self.begin_attach(thread);
        self.answer_turns(turn_id);
        self.answer_items(turn_id, items);
        handle
    }

    /// The id of the call that asks which items a turn has had.
    pub(super) fn asked_for_items(&mut self, turn_id: &str) -> Value {
        let list = self.written().pop().unwrap();
        assert_eq!((&list["method"], &list["params"]["turnId"]), (&"thread/items/list".into(), &turn_id.into()));
        list["id"].clone()
    }

    /// The runtime says which items a turn has had.
    pub(super) fn answer_items(&mut self, turn_id: &str, items: Value) {
        let id = self.asked_for_items(turn_id);
        self.hear(json!({"id": id, "result": {"data": items, "nextCursor": null}}));
    }

    /// A thread on which a turn ran already when it was resumed.
    pub(super) fn resumed_while_active(&mut self) -> ThreadKey {
        let (key, _) = self.session.open_thread("thread/resume", "{}", None, Announce::Nothing).unwrap();
        let id = self.written().pop().unwrap()["id"].clone();
        self.hear(json!({"id": id, "result": {"thread": {"id": THREAD, "status": {"type": "active"}}}}));
        key
    }

    /// A running turn.
    pub(super) fn running(&mut self, delivery: Delivery, limits: Limits) -> HandleId {
        let (handle, id) = self.begin(delivery, limits);
        self.answer_start(id, TURN);
        self.turn_started();
        handle
    }

    /// All events that a handle has now.
    pub(super) fn events(&mut self, handle: HandleId) -> Vec<Event> {
        let next = || match self.session.next_turn_event(handle) {
            Next::Event(event) => Some(*event),
            _ => None,
        };
        std::iter::from_fn(next).collect()
    }

    pub(super) fn kinds(&mut self, handle: HandleId) -> Vec<EventKind> {
        self.events(handle).iter().map(Event::kind).collect()
    }

    pub(super) fn client_methods(&mut self) -> Vec<String> {
        let next = || match self.session.next_client_event() {
            Next::Event(event) => Some(method_of(&event)),
            _ => None,
        };
        std::iter::from_fn(next).collect()
    }

    /// The result and the status of a handle's end; panics while it runs.
    pub(super) fn end(&self, handle: HandleId) -> (Option<Value>, Option<Status>) {
        let ended = self.session.turn_ended(handle).expect("the turn is over");
        let result = ended.result.as_ref().map(|result| serde_json::from_str(result.json().as_str()).unwrap());
        (result, ended.error.as_ref().map(Error::status))
    }

    pub(super) fn runs(&self, handle: HandleId) -> bool {
        self.session.turn_ended(handle).is_none()
    }
}

pub(super) fn method_of(event: &Event) -> String {
    String::from_utf8_lossy(event.method()).trim_end_matches('\0').to_owned()
}

pub(super) fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}
