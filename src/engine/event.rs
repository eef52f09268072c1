//! What happened: one notification of the runtime, or one fact about the client itself.

use std::sync::Mutex;

use once_cell::sync::OnceCell;

use super::error::Error;
use super::json::{self, Tree};
use super::method::{Method, TextAt};
use super::request::Request;
use super::rpc::Notification;
use super::text::{Packed, Span, ZString};

/// What an event is about. The numbers are those of the C header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum EventKind {
    /// Anything that has no kind of its own; its method and JSON say what it is.
    Other = 0,
    /// A turn began.
    TurnStarted = 1,
    /// The runtime says that a turn is over.
    TurnCompleted = 2,
    /// An item of a turn began.
    ItemStarted = 3,
    /// An item of a turn is complete.
    ItemCompleted = 4,
    /// Text of a message of the agent.
    MessageDelta = 5,
    /// Text of its reasoning.
    ReasoningDelta = 6,
    /// Output of a command or a file change.
    OutputDelta = 7,
    /// The plan of the turn changed.
    PlanUpdated = 8,
    /// The diff of the turn changed.
    DiffUpdated = 9,
    /// Tokens were used.
    Usage = 10,
    /// The runtime asks something and waits for the answer.
    Request = 11,
    /// A request needs no answer any more.
    RequestResolved = 12,
    /// The answer to a call that was begun.
    Response = 13,
    /// An error of the runtime; it may try again by itself.
    Error = 14,
    /// A warning of the runtime.
    Warning = 15,
    /// The connection is over.
    Closed = 16,
    /// The connection is ready.
    Connected = 17,
    /// A turn has ended for this handle, however it ended.
    TurnEnded = 18,
    /// A thread that was begun is ready, or could not be made.
    ThreadReady = 19,
}

/// One event. It owns all that it hands out.
#[derive(Debug)]
pub struct Event {
    kind: EventKind,
    strings: Packed,
    method: Span,
    json: Span,
    thread_id: Span,
    turn_id: Span,
    item_id: Span,
    text_at: TextAt,
    /// Where the parameter `delta` lies in the JSON, if the message was read quickly.
    delta: Option<Span>,
    emitted_at_ms: i64,
    user_data: usize,
    call_id: u64,
    request_id: u64,
    error: Option<Box<Error>>,
    request: Mutex<Option<Box<Request>>>,
    text: OnceCell<ZString>,
    value: OnceCell<Option<Box<Tree>>>,
}

/// What an event is made of, apart from what can be left out.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts<'a> {
    /// The method; "" for an event that the library made.
    pub method: &'a str,
    /// The JSON to hand out.
    pub json: &'a str,
    /// The thread that it belongs to.
    pub thread_id: &'a str,
    /// The turn that it belongs to.
    pub turn_id: &'a str,
    /// The item that it belongs to.
    pub item_id: &'a str,
}

impl Event {
    /// An event made of `parts`.
    pub fn new(kind: EventKind, parts: Parts<'_>) -> Self {
        let Parts { method, json, thread_id, turn_id, item_id } = parts;
        let bytes = [method, json, thread_id, turn_id, item_id].iter().map(|part| part.len() + 1).sum();
        let mut strings = Packed::with_capacity(bytes);
        Self {
            kind,
            method: strings.push(method),
            json: strings.push(json),
            thread_id: strings.push(thread_id),
            turn_id: strings.push(turn_id),
            item_id: strings.push(item_id),
            strings,
            text_at: TextAt::Nowhere,
            delta: None,
            emitted_at_ms: 0,
            user_data: 0,
            call_id: 0,
            request_id: 0,
            error: None,
            request: Mutex::default(),
            text: OnceCell::new(),
            value: OnceCell::new(),
        }
    }

    /// The event of a notification, or of a request when `method.kind` says so.
    pub fn of(method: Method, notification: &Notification<'_>) -> Self {
        let parts = Parts {
            method: &notification.method,
            json: notification.params,
            thread_id: &notification.ids.thread,
            turn_id: &notification.ids.turn,
            item_id: &notification.ids.item,
        };
        let event = Self::new(method.kind, parts);
        let delta = notification.delta.and_then(|delta| event.strings.locate(event.json, notification.params, delta));
        Self { text_at: method.text, delta, emitted_at_ms: notification.emitted_at_ms, ..event }
    }

    /// Adds the pointer that the host attached to what the event belongs to.
    pub fn with_user_data(mut self, user_data: usize) -> Self {
        self.user_data = user_data;
        self
    }

    /// Adds the call that the event answers.
    pub fn with_call_id(mut self, call_id: u64) -> Self {
        self.call_id = call_id;
        self
    }

    /// Adds the request that the event is about.
    pub fn with_request_id(mut self, request_id: u64) -> Self {
        self.request_id = request_id;
        self
    }

    /// Adds what went wrong.
    pub fn with_error(mut self, error: Option<Error>) -> Self {
        self.error = error.map(Box::new);
        self
    }

    /// Adds a text that is not in the JSON.
    pub fn with_text(self, text: &str) -> Self {
        Self { text: OnceCell::with_value(ZString::new(text)), ..self }
    }

    /// Puts in the request that can be taken out once.
    pub fn attach_request(&self, request: Request) {
        *self.request.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(Box::new(request));
    }

    /// Takes the request out.
    pub fn take_request(&self) -> Option<Request> {
        self.request.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take().map(|request| *request)
    }

    /// What it is about.
    pub fn kind(&self) -> EventKind {
        self.kind
    }

    /// The method of the runtime, NUL-terminated; "" for an event that the library made.
    pub fn method(&self) -> &[u8] {
        self.strings.with_nul(self.method)
    }

    /// Its JSON, NUL-terminated.
    pub fn json(&self) -> &[u8] {
        self.strings.with_nul(self.json)
    }

    /// Its JSON as text.
    pub fn json_str(&self) -> &str {
        self.strings.get(self.json)
    }

    /// The thread that it belongs to, NUL-terminated; "" when there is none.
    pub fn thread_id(&self) -> &[u8] {
        self.strings.with_nul(self.thread_id)
    }

    /// The turn that it belongs to, NUL-terminated; "" when there is none.
    pub fn turn_id(&self) -> &[u8] {
        self.strings.with_nul(self.turn_id)
    }

    /// The item that it belongs to, NUL-terminated; "" when there is none.
    pub fn item_id(&self) -> &[u8] {
        self.strings.with_nul(self.item_id)
    }

    /// The text of a delta, message, warning or error; unescaped when first asked for.
    pub fn text(&self) -> &ZString {
        self.text.get_or_init(|| self.find_text().map(ZString::from).unwrap_or_default())
    }

    fn find_text(&self) -> Option<String> {
        let params = self.json_str();
        let raw = match self.text_at {
            TextAt::Nowhere => None,
            TextAt::Member("delta") if self.delta.is_some() => self.delta.map(|delta| self.strings.get(delta)),
            TextAt::Member(name) => json::member(params, name),
            TextAt::Item => json::member(params, "item").and_then(|item| json::member(item, "text")),
            TextAt::Error => json::member(params, "error").and_then(|error| json::member(error, "message")),
        };
        json::string(raw?)
    }

    /// Its JSON as a tree, built when first asked for; `None` when the runtime sent what is no JSON value.
    pub fn value(&self) -> Option<&Tree> {
        self.value.get_or_init(|| Tree::parse(self.json_str()).ok().map(Box::new)).as_deref()
    }

    /// The runtime's clock, in milliseconds since 1970; 0 when unknown.
    pub fn emitted_at_ms(&self) -> i64 {
        self.emitted_at_ms
    }

    /// The pointer that the host attached to what the event belongs to.
    pub fn user_data(&self) -> usize {
        self.user_data
    }

    /// The call that it answers; 0 when it answers none.
    pub fn call_id(&self) -> u64 {
        self.call_id
    }

    /// The request that it is about; 0 when there is none.
    pub fn request_id(&self) -> u64 {
        self.request_id
    }

    /// What went wrong, if anything did.
    pub fn error(&self) -> Option<&Error> {
        self.error.as_deref()
    }

    /// How many deltas it stands for.
    pub fn merged(&self) -> u32 {
        1
    }

    /// What it occupies.
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.strings.capacity()
    }
}
