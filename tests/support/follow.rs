//! Short words for following turns: what comes, how it ends, and what the result says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use codex::engine::client::{Client, Read};
use codex::engine::connection::Deadline;
use codex::engine::error::Error;
use codex::engine::event::{Event, EventKind};
use codex::engine::result::TurnResult;
use codex::engine::session::Delivery;
use codex::engine::thread::Thread;
use codex::engine::turn::{self, Outcome, Turn};
use serde_json::Value;

/// How long a test waits for what must come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The time by which what must come has come.
pub fn soon() -> Deadline {
    Deadline::At(Instant::now() + PATIENCE)
}

/// A text of the library as JSON.
pub fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// Waits until something holds.
pub fn eventually(what: &str, holds: impl FnMut() -> bool) {
    assert!(comes_true(holds), "{what}: not within {PATIENCE:?}");
}

/// Whether something holds before the patience of a test is over.
pub fn comes_true(mut holds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    true
}

/// How a turn ended.
#[derive(Debug)]
pub struct End {
    /// The result as JSON; null when there is none.
    pub result: Value,
    /// Why it did not complete.
    pub error: Option<Error>,
}

impl End {
    fn new(result: Option<&Arc<TurnResult>>, error: Option<&Error>) -> Self {
        let result = result.map_or(Value::Null, |result| parsed(result.json().as_str()));
        Self { result, error: error.cloned() }
    }

    /// The result of a turn that must have completed.
    pub fn completed(self) -> Value {
        assert!(self.error.is_none(), "{self:?}");
        assert_eq!((&self.result["status"], &self.result["endedBy"]), (&"completed".into(), &"completed".into()));
        self.result
    }

    /// The result and the error of a turn that must not have completed.
    pub fn not_completed(self) -> (Value, Error) {
        let Self { result, error } = self;
        (result, error.expect("the turn completed"))
    }
}

/// Runs a turn to its end with one call.
pub fn run(thread: &Thread, text: &str) -> End {
    run_with(thread, text, "{}")
}

/// The same with parameters.
pub fn run_with(thread: &Thread, text: &str, params: &str) -> End {
    let (result, error) = turn::run(thread, Some(text), Some(params)).expect("the call itself works");
    End::new(result.as_ref(), error.as_ref())
}

/// Starts a turn.
pub fn start(thread: &Thread, text: &str) -> Turn {
    Turn::start(thread, Some(text), None).expect("the turn starts")
}

/// Begins a turn without waiting for the runtime.
pub fn begin(thread: &Thread, text: &str) -> Turn {
    Turn::begin(thread, Some(text), None, Delivery::Kept).expect("the turn begins")
}

/// The next event of a turn; `None` at the end.
pub fn next(turn: &Turn) -> Option<Box<Event>> {
    event(turn.next_event(soon()).expect("the connection can be waited for"))
}

/// The next event of a client; `None` at the end.
pub fn next_of_client(client: &Client) -> Option<Box<Event>> {
    event(client.next_event(soon()).expect("the connection can be waited for"))
}

fn event(read: Read) -> Option<Box<Event>> {
    match read {
        Read::Event(event) => Some(event),
        Read::End => None,
        Read::TimedOut => panic!("no event within {PATIENCE:?}"),
    }
}

/// All events up to the end.
pub fn events(turn: &Turn) -> Vec<Event> {
    std::iter::from_fn(|| next(turn)).map(|event| *event).collect()
}

/// The first event of a turn that fits; those before it are gone.
pub fn until(turn: &Turn, kind: EventKind) -> Box<Event> {
    std::iter::from_fn(|| next(turn)).find(|event| event.kind() == kind).unwrap_or_else(|| panic!("no event {kind:?}"))
}

/// The first event of a client that fits; those before it are gone.
pub fn until_client(client: &Client, fits: impl Fn(&Event) -> bool) -> Box<Event> {
    std::iter::from_fn(|| next_of_client(client)).find(|event| fits(event)).expect("an event that fits")
}

/// Opens the queue of a client: from now on it keeps what comes.
pub fn listen(client: &Client) {
    client.next_event(Deadline::Now).expect("a look into the queue");
}

/// Waits for the end of a turn.
pub fn end(turn: &Turn) -> End {
    let ended = ended(turn);
    End::new(ended.result.as_ref(), ended.error.as_ref())
}

/// The same, as the library shares it.
pub fn ended(turn: &Turn) -> Outcome {
    turn.wait(soon()).expect("the connection can be waited for").expect("the turn ends in time")
}

/// The method of an event.
pub fn method(event: &Event) -> &str {
    text(event.method())
}

/// The turn of an event.
pub fn turn_id(event: &Event) -> &str {
    text(event.turn_id())
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(&bytes[..bytes.len() - 1]).expect("UTF-8")
}

/// The texts of the events of one kind.
pub fn texts(events: &[Event], kind: EventKind) -> Vec<String> {
    events.iter().filter(|event| event.kind() == kind).map(|event| event.text_str().to_owned()).collect()
}

/// How many events are of a kind.
pub fn count(events: &[Event], kind: EventKind) -> usize {
    events.iter().filter(|event| event.kind() == kind).count()
}

/// The items of a type, of a result or of a turn that was read.
pub fn items<'a>(turn: &'a Value, kind: &str) -> Vec<&'a Value> {
    let items = turn["items"].as_array().expect("items");
    items.iter().filter(|item| item["type"] == kind).collect()
}

/// The messages of the agent.
pub fn messages(turn: &Value) -> Vec<&str> {
    items(turn, "agentMessage").iter().filter_map(|item| item["text"].as_str()).collect()
}
