//! What happened: one notification of the runtime, or one fact about the client itself.

use std::any::Any;
use std::sync::{Arc, Mutex, PoisonError};

use memchr::memchr;
use once_cell::sync::OnceCell;

use super::error::Error;
use super::json::{self, Tree};
use super::method::{Method, TextAt};
use super::request::Request;
use super::rpc::Notification;
use super::spares::Spares;
use super::text::{Packed, Span, ZString};

/// A text up to this length is laid out at once for the host to read, if nothing in it is escaped. A longer one is read from the
/// JSON when it is asked for, so that it does not lie in memory twice.
const SHORT: usize = 1 << 10;

/// Deltas are merged into one event up to this length.
const MOST_MERGED: usize = 256 << 10;

/// What an event is about. The numbers are those of the C header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum EventKind {
    /// Anything that has no kind of its own; its method and JSON say what it is.
    #[default]
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
#[derive(Debug, Default)]
pub struct Event {
    kind: EventKind,
    strings: Packed,
    method: Span,
    thread_id: Span,
    turn_id: Span,
    item_id: Span,
    /// The text, if it is short and as it stands in the JSON.
    short: Option<Span>,
    /// The last of the strings: a delta grows.
    json: Span,
    text_at: TextAt,
    /// Where the parameter `delta` lies in the JSON, quotes included.
    delta: Option<Span>,
    merged: u32,
    emitted_at_ms: i64,
    user_data: usize,
    call_id: u64,
    request_id: u64,
    error: Option<Box<Error>>,
    request: Mutex<Option<Box<Request>>>,
    text: OnceCell<ZString>,
    value: OnceCell<Option<Box<Tree>>>,
    attachment: OnceCell<Box<dyn Any + Send + Sync>>,
    home: Option<Arc<Spares>>,
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
    pub fn new(kind: EventKind, parts: Parts<'_>) -> Box<Self> {
        let mut event = Box::<Self>::default();
        event.write(kind, parts, None);
        event
    }

    /// The event of a notification, or of a request when `method.kind` says so.
    pub fn of(method: Method, notification: &Notification<'_>) -> Box<Self> {
        let mut event = Box::<Self>::default();
        event.fill(method, notification);
        event
    }

    /// Makes a blank event that of a notification.
    pub fn fill(&mut self, method: Method, notification: &Notification<'_>) {
        let parts = Parts {
            method: &notification.method,
            json: notification.params,
            thread_id: &notification.ids.thread,
            turn_id: &notification.ids.turn,
            item_id: &notification.ids.item,
        };
        let delta = notification.delta.filter(|_| method.text == TextAt::Member("delta"));
        self.write(method.kind, parts, delta.and_then(plain_text));
        self.delta = delta.and_then(|delta| self.strings.locate(self.json, notification.params, delta));
        self.text_at = method.text;
        self.emitted_at_ms = notification.emitted_at_ms;
    }

    fn write(&mut self, kind: EventKind, parts: Parts<'_>, text: Option<&str>) {
        let Parts { method, json, thread_id, turn_id, item_id } = parts;
        self.kind = kind;
        self.merged = 1;
        let short;
        [self.method, self.thread_id, self.turn_id, self.item_id, short, self.json] =
            self.strings.fill([method, thread_id, turn_id, item_id, text.unwrap_or_default(), json]);
        self.short = text.map(|_| short);
    }

    /// Lets go of the content; what the strings occupied stays, for the next.
    pub fn clear(&mut self) {
        self.strings.clear();
        self.short = None;
        self.text_at = TextAt::Nowhere;
        self.delta = None;
        self.emitted_at_ms = 0;
        self.user_data = 0;
        self.call_id = 0;
        self.request_id = 0;
        self.error = None;
        self.request.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        self.text.take();
        // What is attached may point to the value.
        self.attachment.take();
        self.value.take();
    }

    /// Where it is to be kept when nobody needs it any more.
    pub fn set_home(&mut self, home: Arc<Spares>) {
        self.home = Some(home);
    }

    /// The same, to be followed once.
    pub fn leave_home(&mut self) -> Option<Arc<Spares>> {
        self.home.take()
    }

    /// Takes the text of a later event of the same item into this one, if both are deltas; says whether it did.
    pub fn absorb(&mut self, method: Method, later: &Notification<'_>) -> bool {
        let (Some(delta), Some(more)) = (self.delta, later.delta.and_then(inside)) else { return false };
        let fits = delta.length() + more.len() <= MOST_MERGED;
        if !fits || method.kind != self.kind || self.strings.get(self.item_id) != later.ids.item {
            return false;
        }
        if self.strings.get(self.method) != later.method {
            return false;
        }
        self.strings.insert(delta.end() - 1, more);
        self.delta = Some(delta.longer_by(more.len()));
        self.json = self.json.longer_by(more.len());
        self.short = None;
        self.merged += 1;
        true
    }

    /// Adds the pointer that the host attached to what the event belongs to.
    pub fn with_user_data(mut self: Box<Self>, user_data: usize) -> Box<Self> {
        self.user_data = user_data;
        self
    }

    /// Adds the call that the event answers.
    pub fn with_call_id(mut self: Box<Self>, call_id: u64) -> Box<Self> {
        self.call_id = call_id;
        self
    }

    /// Adds the request that the event is about.
    pub fn with_request_id(mut self: Box<Self>, request_id: u64) -> Box<Self> {
        self.request_id = request_id;
        self
    }

    /// Adds what went wrong.
    pub fn with_error(mut self: Box<Self>, error: Option<Error>) -> Box<Self> {
        self.error = error.map(Box::new);
        self
    }

    /// Adds a text that is not in the JSON.
    pub fn with_text(mut self: Box<Self>, text: &str) -> Box<Self> {
        self.text = OnceCell::with_value(ZString::new(text));
        self
    }

    /// Changes the pointer that the host attached to what the event belongs to.
    pub fn set_user_data(&mut self, user_data: usize) {
        self.user_data = user_data;
    }

    /// Puts in the request that can be taken out once.
    pub fn attach_request(&self, request: Request) {
        *self.request.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(request));
    }

    /// Takes the request out.
    pub fn take_request(&self) -> Option<Request> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner).take().map(|request| *request)
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

    /// The text of a delta, message, warning or error, NUL-terminated; unescaped when first asked for.
    pub fn text(&self) -> &[u8] {
        match self.short {
            Some(short) => self.strings.with_nul(short),
            None => self.long_text().with_nul(),
        }
    }

    /// The same as text.
    pub fn text_str(&self) -> &str {
        match self.short {
            Some(short) => self.strings.get(short),
            None => self.long_text().as_str(),
        }
    }

    fn long_text(&self) -> &ZString {
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

    /// What the reader keeps with the event, made when first asked for. It goes before the value does.
    pub fn attachment(&self, make: impl FnOnce() -> Box<dyn Any + Send + Sync>) -> &(dyn Any + Send + Sync) {
        &**self.attachment.get_or_init(make)
    }

    /// How many deltas it stands for.
    pub fn merged(&self) -> u32 {
        self.merged
    }

    /// What it occupies, with what the allocator adds, and with its place in a queue, which doubles when it grows.
    pub fn weight(&self) -> usize {
        block(size_of::<Self>()) + block(self.strings.capacity()) + 2 * size_of::<Box<Self>>()
    }
}

/// What an allocator takes for so many bytes: it notes their number, and rounds up.
fn block(bytes: usize) -> usize {
    (bytes + size_of::<usize>()).next_multiple_of(2 * size_of::<usize>())
}

/// The inside of a JSON string.
fn inside(raw: &str) -> Option<&str> {
    raw.strip_prefix('"')?.strip_suffix('"')
}

/// The text that a JSON string says, if it is short and nothing in it is escaped.
fn plain_text(raw: &str) -> Option<&str> {
    inside(raw).filter(|inside| inside.len() <= SHORT && memchr(b'\\', inside.as_bytes()).is_none())
}
