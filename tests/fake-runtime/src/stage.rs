//! The state of the runtime that is played, together with its stdout, so that the order of events on
//! the wire is the order in which the state changed.

use std::collections::HashMap;
use std::sync::Arc;

use fake_runtime::ErrorBody;
use serde_json::Value;

use crate::context::Context;
use crate::output::Output;
use crate::thread::Thread;

/// Whether the client has introduced itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handshake {
    Awaited,
    Done,
}

/// Whether requests are answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    Answering,
    Silent,
}

/// How far a turn is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Course {
    Unknown,
    Open,
    Ended,
}

/// A turn that goes on.
#[derive(Clone)]
pub(crate) struct OpenTurn {
    pub(crate) thread_id: String,
    pub(crate) turn_id: String,
    pub(crate) item_id: String,
    /// The text of the agent message so far.
    pub(crate) text: String,
    pub(crate) phase: Option<String>,
    pub(crate) message: MessageState,
    /// The arrival of the request that opened it.
    pub(crate) opened_by: u64,
}

/// How far the agent message of a turn is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum MessageState {
    NotStarted,
    StartedAt(u64),
}

/// A request that a script sent.
pub(crate) struct Asked {
    pub(crate) id: Value,
    pub(crate) method: String,
    pub(crate) context: Arc<Context>,
}

/// The state of the runtime that is played.
pub(crate) struct Stage {
    pub(crate) out: Output,
    pub(crate) handshake: Handshake,
    pub(crate) manners: Manners,
    pub(crate) originator: String,
    pub(crate) threads: HashMap<String, Thread>,
    pub(crate) open: Vec<OpenTurn>,
    asked: Vec<Asked>,
}

impl Stage {
    pub(crate) fn new(out: Output) -> Self {
        Self {
            out,
            handshake: Handshake::Awaited,
            manners: Manners::Answering,
            originator: String::new(),
            threads: HashMap::new(),
            open: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// Answers the request of `context`; a notification has no answer.
    pub(crate) fn reply(&mut self, context: &Context, result: &Value) {
        self.learn_from_reply(context, result);
        if let Some(id) = &context.id {
            self.out.reply(id, result);
        }
    }

    pub(crate) fn fail(&mut self, context: &Context, error: &ErrorBody) {
        if let Some(id) = &context.id {
            self.out.fail(id, error);
        }
    }

    /// The thread `id`, which is made up when it is not known.
    pub(crate) fn thread_or_new(&mut self, id: &str) -> &mut Thread {
        self.threads.entry(id.to_owned()).or_insert_with(|| Thread::new(id, &Value::Null))
    }

    pub(crate) fn open_turn_of(&self, thread_id: &str) -> Option<&OpenTurn> {
        self.open.iter().find(|turn| turn.thread_id == thread_id)
    }

    pub(crate) fn open_turn(&self, turn_id: &str) -> Option<&OpenTurn> {
        self.open.iter().find(|turn| turn.turn_id == turn_id)
    }

    pub(crate) fn course_of(&self, thread_id: &str, turn_id: &str) -> Course {
        if self.open_turn(turn_id).is_some() {
            return Course::Open;
        }
        let thread = self.threads.get(thread_id);
        match thread.is_some_and(|thread| thread.turns.iter().any(|turn| turn.id == turn_id)) {
            true => Course::Ended,
            false => Course::Unknown,
        }
    }

    /// Remembers a request of a script until it is answered.
    pub(crate) fn remember(&mut self, asked: Asked) {
        self.asked.retain(|other| other.id != asked.id);
        self.asked.push(asked);
    }

    /// Takes the request that the client answered.
    pub(crate) fn take_asked(&mut self, id: &Value) -> Option<Asked> {
        let place = self.asked.iter().position(|asked| asked.id == *id)?;
        Some(self.asked.swap_remove(place))
    }

    fn learn_from_reply(&mut self, context: &Context, result: &Value) {
        match context.method.as_str() {
            "initialize" => self.handshake = Handshake::Done,
            "thread/start" | "thread/resume" | "thread/fork" => {
                if let Some(id) = result["thread"]["id"].as_str() {
                    self.thread_or_new(id);
                }
            }
            _ => {}
        }
    }
}
