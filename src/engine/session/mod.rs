//! The state of one connection: its calls, turns, questions and queues.
//!
//! A session does no input or output, reads no clock and calls nobody. Lines and the time are passed in; lines to write, wakers
//! to wake and work to do come out as [`Effects`], for whoever holds the lock to carry out after letting it go.

mod adopted;
mod alarm;
mod attaching;
mod calls;
mod ceiling;
mod client_queue;
mod commands;
mod config;
mod connecting;
mod driving;
mod early;
mod effects;
mod fate;
mod goals;
mod handles;
mod limits;
mod logins;
mod purpose;
mod questions;
mod reconcile;
mod room;
mod routing;
mod sandbox;
mod slots;
mod stats;
mod threads;
mod timers;
mod turns;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::task::Waker;
use std::time::Instant;

use slab::Slab;

use super::error::{Error, Result, Status};
use super::event::{Event, EventKind, Parts};
use super::json::{quote, without_secrets};
use super::listeners::Listeners;
use super::log::{Level, Log};
use super::rpc::{Answered, Envelope, Outcome, Peer};
use super::spares::EventMaker;
use super::tools::Tools;

pub use super::policy::TurnSandbox;
pub use adopted::Opening;
pub use alarm::Wakeup;
pub use calls::HostCall;
pub use commands::Interrupts;
pub use config::{Asks, Config, Queues};
pub use connecting::{Introduced, Started};
pub use driving::{Lines, Outlook, Parting, Reading};
pub use effects::Effects;
pub use handles::{Delivery, Ended, HandleId};
pub use logins::LoginKey;
pub use questions::{Answer, CancelHook, Question, QuestionId, Recipient, RequestKind, Snapshot};
pub use room::Place;
pub use stats::Stats;
pub use threads::{Announce, ThreadFacts, ThreadKey};
pub use turns::TurnStart;

use alarm::Alarm;
use calls::HostCalls;
use client_queue::ClientQueue;
use connecting::Runtime;
use driving::DriverState;
use early::EarlyEvents;
use handles::Handle;
use logins::Logins;
use purpose::Purpose;
use questions::Questions;
use slots::Slot;
use threads::ThreadSlot;
use timers::Timer;

/// How far the connection is.
#[derive(Debug)]
enum State {
    /// The runtime has not said yet who it is.
    Connecting,
    /// It is not what was expected, and is being ended.
    Refused(Error),
    Open,
    /// The host closed the client; the runtime has not ended yet.
    Closing,
    /// Nothing more will come; every call fails with this.
    Over(Error),
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// The answer to a call.
    Call(HostCall),
    /// The next event or the end of a turn handle.
    Turn(HandleId),
    /// The answer to the start of a turn.
    Started(HandleId),
    /// The outcome of opening a thread.
    Thread(ThreadKey),
    /// The end of a login.
    Login(LoginKey),
    /// The next event of the client.
    Client,
    /// How far the connection is.
    State,
}

/// The state of one connection.
pub struct Session {
    config: Config,
    state: State,
    peer: Peer<Purpose>,
    calls: HostCalls,
    threads: Slab<ThreadSlot>,
    slots: Slab<Slot>,
    handles: Slab<Handle>,
    by_turn: HashMap<String, usize, foldhash::fast::RandomState>,
    events: EventMaker,
    /// The turns that run without a slot, by thread.
    running: HashMap<String, String>,
    /// The threads on which a turn of this client runs that it has no handle of any more.
    let_go: HashSet<String>,
    early: HashMap<String, EarlyEvents>,
    questions: Questions,
    logins: Logins,
    tools: Tools,
    client: ClientQueue,
    alarm: Alarm,
    timers: BinaryHeap<Reverse<(Instant, Timer)>>,
    queued_bytes: usize,
    reading: Reading,
    next_serial: u64,
    state_listeners: Listeners,
    driver: DriverState,
    runtime: Option<Runtime>,
    effects: Effects,
    stats: Stats,
    first_malformed: Option<String>,
    log: Log,
}

impl Session {
    /// The session of a connection on which nothing was said yet.
    pub fn new(config: Config, log: Log) -> Self {
        Self {
            state: State::Open,
            peer: Peer::new(config.seed),
            calls: HostCalls::default(),
            threads: Slab::new(),
            slots: Slab::new(),
            handles: Slab::new(),
            by_turn: HashMap::default(),
            events: EventMaker::default(),
            running: HashMap::new(),
            let_go: HashSet::new(),
            early: HashMap::new(),
            questions: Questions::default(),
            logins: Logins::default(),
            tools: Tools::default(),
            client: ClientQueue::new(config.queues),
            alarm: Alarm::default(),
            timers: BinaryHeap::new(),
            queued_bytes: 0,
            reading: Reading::Allowed,
            next_serial: 1,
            state_listeners: Listeners::default(),
            driver: DriverState::Away,
            runtime: None,
            effects: Effects::default(),
            stats: Stats::default(),
            first_malformed: None,
            log,
            config,
        }
    }

    fn cleaned(&self, error: Error) -> Error {
        error.cleaned(|text| self.config.redactor.clean_text(text))
    }

    /// Takes one message of the runtime.
    pub fn receive(&mut self, now: Instant, line: &[u8]) {
        self.stats.received += 1;
        self.stats.received_bytes += line.len() as u64;
        let read = simdutf8::basic::from_utf8(line).map_err(|error| error.to_string());
        match read.and_then(|text| Envelope::read(text).map(|envelope| (text, envelope))) {
            Ok((_, Envelope::Answer(id, outcome))) => self.answered(now, &id, &outcome),
            Ok((text, Envelope::Request(id, notification))) => self.asked(now, text, id, &notification),
            Ok((text, Envelope::Notification(notification))) => self.notified(now, text, &notification),
            Err(why) => self.malformed(line, &why),
        }
    }

    fn malformed(&mut self, line: &[u8], why: &str) {
        let start = without_secrets(&String::from_utf8_lossy(&line[..line.len().min(120)]));
        self.stats.malformed += 1;
        self.log.emit(Level::Warn, "codex::rpc", || format!("skipped a line that is no message ({why}): {start}"));
        self.first_malformed.get_or_insert(start);
        self.check_is_runtime();
    }

    /// Takes the beginning and the end of a message that is longer than allowed.
    pub fn receive_oversized(&mut self, now: Instant, head: &[u8], tail: &[u8], len: u64) {
        self.stats.oversized += 1;
        let message = format!(
            "a message of {len} bytes was skipped, because it is longer than the client's max_message_bytes; raise that option"
        );
        self.log.emit(Level::Error, "codex::rpc", || message.clone());
        if let Some(id) = routing::id_of_oversized(head, tail) {
            let Answered::Call(purpose, _) = self.peer.answered(now, &id, &Outcome::Result("null")) else { return };
            self.complete(now, purpose, Err(Error::new(Status::Protocol, message).with_reason("messageTooLong")));
            return;
        }
        let error = Error::new(Status::Protocol, &*message).with_reason("messageTooLong");
        self.warn(&message, Some(error));
    }

    /// What happens from now on is not recorded any more.
    pub fn recording_failed(&mut self, why: &str) {
        self.log.emit(Level::Error, "codex::record", || why.to_owned());
        self.warn(why, None);
    }

    /// Tells the host something that concerns no call of its own; in the form of the runtime's warnings.
    fn warn(&mut self, message: &str, error: Option<Error>) {
        let json = format!("{{\"message\":{}}}", quote(message));
        let event = Event::new(EventKind::Warning, Parts { json: &json, ..Parts::default() });
        self.push_client_event(event.with_text(message).with_error(error));
    }

    /// Has `waker` called at the next change of what is waited for.
    pub fn listen(&mut self, interest: Interest, waker: &Waker) {
        self.listeners(interest).add(waker);
    }

    /// Whoever listened has given up.
    pub fn listen_no_more(&mut self, interest: Interest, waker: &Waker) {
        self.listeners(interest).remove(waker);
    }

    pub(super) fn listeners(&mut self, interest: Interest) -> &mut Listeners {
        match interest {
            Interest::Call(call) => self.calls.listeners(call),
            Interest::Turn(handle) | Interest::Started(handle) => self.handles[handle].queue.listeners(),
            Interest::Thread(thread) => self.thread_listeners(thread),
            Interest::Login(login) => self.logins.listeners(login),
            Interest::Client => self.client.queue.listeners(),
            Interest::State => &mut self.state_listeners,
        }
    }

    /// Fails unless the connection is open.
    pub fn ensure_open(&self) -> Result<()> {
        match &self.state {
            State::Connecting | State::Open => Ok(()),
            State::Closing => Err(Error::closed()),
            State::Refused(error) | State::Over(error) => Err(error.clone()),
        }
    }

    /// Whether nothing more will come.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// Ends everything that is under way; what is to be written still is, and then the runtime is told to end.
    pub fn close(&mut self, now: Instant) {
        if matches!(self.state, State::Connecting | State::Open) {
            self.decline_all_questions(now);
            self.end_everything(now, &Error::closed());
            self.state = State::Closing;
        }
        // Closed once more, the runtime may have less time to end.
        self.wake_driver();
    }

    /// The connection is over: `error` says why, unless the host closed it.
    pub fn lost(&mut self, now: Instant, error: Error) {
        let error = self.cleaned(error);
        let error = match &self.state {
            State::Open => error,
            State::Connecting => self.not_ready(error),
            State::Refused(reason) => reason.clone().with_ending_of(error),
            State::Closing => Error::closed(),
            State::Over(_) => return,
        };
        self.bind_early_completions(now);
        self.end_everything(now, &error);
        let told = (error.status() != Status::Closed).then(|| error.clone());
        self.end_client_queue(told);
        self.state = State::Over(error);
        self.effects.wakers.extend(self.state_listeners.take());
        self.wake_driver();
    }

    fn end_everything(&mut self, now: Instant, error: &Error) {
        for expired in self.peer.abandon_all() {
            self.complete(now, expired.purpose, Err(error.clone()));
        }
        let slots: Vec<usize> = self.slots.iter().map(|(index, _)| index).collect();
        for slot in slots {
            self.end_lost_turn(now, slot, error);
        }
        self.end_logins(error);
        self.cancel_all_questions();
    }

    fn serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }
}
