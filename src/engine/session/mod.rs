//! The state of one connection: its calls, turns, questions and queues.
//!
//! A session does no input or output, reads no clock and calls nobody. Lines and the time are passed in; lines to write, wakers
//! to wake and work to do come out as [`Effects`], for whoever holds the lock to carry out after letting it go.

mod adopted;
mod alarm;
mod calls;
mod client_queue;
mod commands;
mod connecting;
mod early;
mod fate;
mod goals;
mod limits;
mod logins;
mod questions;
mod reconcile;
mod routing;
mod sandbox;
mod threads;
mod turns;

#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use slab::Slab;

use super::error::{Error, Result, Status};
use super::event::{Event, EventKind, Parts};
use super::json::{quote, without_secrets};
use super::limits::Limits;
use super::log::{Level, Log};
use super::reason::rpc_error;
use super::rpc::{Answered, Envelope, Expired, Outcome, Peer, RpcId};
use super::spares::EventMaker;
use super::tools::Tools;

pub use super::policy::TurnSandbox;
pub use adopted::Opening;
pub use alarm::Wakeup;
pub use calls::HostCall;
pub use commands::Interrupts;
pub use connecting::{Introduced, Started};
pub use logins::LoginKey;
pub use questions::{Answer, CancelHook, Question, QuestionId, Recipient, RequestKind, Snapshot};
pub use threads::{Announce, ThreadFacts, ThreadKey};
pub use turns::{Delivery, Ended, HandleId, TurnStart};

use alarm::Alarm;
use calls::HostCalls;
use client_queue::ClientQueue;
use connecting::Runtime;
use early::EarlyEvents;
use logins::Logins;
use questions::Questions;
use threads::ThreadSlot;
use turns::{Handle, Slot, SlotRef};

/// How much is read past the ceiling while a call waits for its answer.
const RESERVE: usize = 8 << 20;

/// What the options decide.
#[derive(Clone, Debug)]
pub struct Config {
    /// How long a call may take.
    pub request_timeout: Option<Duration>,
    /// How long the host may take to answer a request.
    pub answer_timeout: Option<Duration>,
    /// The ceiling of all queues together, in bytes.
    pub max_queued_bytes: usize,
    /// Who is asked first when the runtime asks something.
    pub asks: Asks,
    /// From where the events of turns are read.
    pub queues: Queues,
    /// What an interrupt of the host ends.
    pub interrupts: Interrupts,
    /// The limits of turns that have none of their own.
    pub limits: Limits,
    /// Decides the jitter of repetitions.
    pub seed: u64,
}

/// Who is asked first when the runtime asks something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// The request handler of the options.
    Handler,
    /// The reader of the turn's events, or of the client's.
    Reader,
}

/// From where the events of turns are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queues {
    /// Each turn handle has a queue of its own.
    PerTurn,
    /// All of them from the client queue.
    Single,
}

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

/// What a call was made for.
#[derive(Clone, Debug)]
enum Purpose {
    /// It introduces the client.
    Initialize,
    /// A caller waits for it.
    Host(HostCall),
    /// Its answer becomes an event.
    Event { call_id: u64, user_data: usize },
    /// It opens this thread.
    OpenThread { thread: ThreadKey },
    /// It starts the turn of this slot.
    StartTurn { slot: SlotRef, thread_id: Arc<str> },
    /// It asks for the sandbox of the turn of this slot, which is to be begun then.
    Sandbox { slot: SlotRef, thread_id: Arc<str> },
    /// It has the runtime begin a turn by itself, which is the slot's.
    Adopt { slot: SlotRef },
    /// It finds the turn to attach to.
    Attach { slot: SlotRef },
    /// It tells what the turn to attach to has done.
    Recall { slot: SlotRef, turn: Arc<str>, page: u32 },
    /// It tells once more what the turn of this slot, which is over, has done.
    Relist { slot: SlotRef, page: u32 },
    /// It interrupts the turn of this slot.
    Interrupt { slot: SlotRef },
    /// It ends a command of the turn of this slot.
    EndCommand { slot: SlotRef, item_id: String },
    /// It asks what became of the turn of this slot.
    Reconcile { slot: SlotRef, step: reconcile::Step },
    /// Nobody waits for it.
    Nobody,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Turn(SlotRef),
    Adoption(SlotRef),
    Question(QuestionId),
}

/// What whoever drives the connection is doing.
#[derive(Debug)]
enum DriverState {
    /// At work: it will look around before it sleeps.
    Away,
    /// At work, and there is something new to do.
    Called,
    /// Asleep.
    Waits(Waker),
}

/// Why the runtime is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// The host closed the client: what is to be said is still said.
    Closed,
    /// It is not a runtime, or a defect has ended the connection.
    AtOnce,
}

/// What whoever drives the connection is to do next. Whatever changes later calls the driver again.
#[derive(Clone, Copy, Debug)]
pub struct Outlook {
    /// Whether there is something to write.
    pub lines: Lines,
    /// Whether more may be read.
    pub reading: Reading,
    /// Whether the runtime is to end, and in what manner.
    pub parting: Option<Parting>,
}

/// Whether there are lines to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// There are none.
    None,
    /// There are.
    Some,
}

/// Whether more may be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It may.
    Allowed,
    /// The queues are full.
    HeldBack,
}

/// What is to be done once the lock is let go.
#[derive(Default)]
pub struct Effects {
    /// Whether there is something for whoever drives.
    pub demanded: bool,
    /// Whom to wake.
    pub wakers: Vec<Waker>,
    /// Requests for functions of the host.
    pub asked: Vec<(Recipient, Snapshot)>,
    /// Requests of the runtime that ask what time it is.
    pub clocks: Vec<RpcId>,
    /// Hooks of requests that need no answer any more.
    pub cancelled: Vec<CancelHook>,
    /// Wake-ups of a host with an event loop.
    pub wakeups: Vec<Arc<Wakeup>>,
}

impl Effects {
    fn is_empty(&self) -> bool {
        let Self { demanded, wakers, asked, clocks, cancelled, wakeups } = self;
        let functions = asked.len() + clocks.len() + cancelled.len() + wakeups.len();
        !demanded && wakers.is_empty() && functions == 0
    }
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

/// Figures about the connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stats {
    /// Messages received.
    pub received: u64,
    /// Bytes of the messages received.
    pub received_bytes: u64,
    /// Lines that were no message of the protocol.
    pub malformed: u64,
    /// Messages beyond the size allowed.
    pub oversized: u64,
    /// Messages sent.
    pub sent: u64,
    /// Bytes of the messages sent.
    pub sent_bytes: u64,
    /// Turns begun by this client.
    pub turns: u64,
    /// Tokens that turns of this client used.
    pub tokens: u64,
    /// Events that were queued for the host.
    pub events: u64,
    /// Deltas that went into the event before them.
    pub merged: u64,
    /// Requests of the runtime.
    pub requests: u64,
    /// The most that all queues held together, in bytes.
    pub peak_queued_bytes: usize,
    /// The most that the queue of one turn handle held, in bytes.
    pub peak_turn_queue_bytes: usize,
    /// The most that the client queue held, in bytes.
    pub peak_client_queue_bytes: usize,
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
    state_listeners: Vec<Waker>,
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
            state_listeners: Vec::new(),
            driver: DriverState::Away,
            runtime: None,
            effects: Effects::default(),
            stats: Stats::default(),
            first_malformed: None,
            log,
            config,
        }
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
        self.push_client_event(
            Event::new(EventKind::Warning, Parts::default()).with_text(&message).with_error(Some(error)),
        );
    }

    /// What happens from now on is not recorded any more.
    pub fn recording_failed(&mut self, why: &str) {
        self.log.emit(Level::Error, "codex::record", || why.to_owned());
        let json = format!("{{\"message\":{}}}", quote(why));
        let event = Event::new(EventKind::Warning, Parts { json: &json, ..Parts::default() });
        self.push_client_event(event.with_text(why));
    }

    fn answered(&mut self, now: Instant, id: &RpcId, outcome: &Outcome<'_>) {
        match self.peer.answered(now, id, outcome) {
            Answered::Call(purpose, method) => {
                let answer = match outcome {
                    Outcome::Result(result) => Ok(*result),
                    Outcome::Error(error) => Err(rpc_error(&method, error)),
                };
                self.complete(now, purpose, answer);
            }
            Answered::Late(purpose) => self.answered_late(purpose, outcome),
            Answered::Again => {}
            Answered::Unknown => {
                self.log.emit(Level::Debug, "codex::rpc", || format!("an answer with the unknown id {id} was ignored"));
            }
        }
    }

    fn complete(&mut self, now: Instant, purpose: Purpose, answer: Result<&str>) {
        match purpose {
            Purpose::Initialize => self.initialize_answered(now, answer),
            Purpose::Host(call) => self.host_call_answered(call, answer),
            Purpose::Event { call_id, user_data } => self.event_call_answered(call_id, user_data, answer),
            Purpose::OpenThread { thread } => self.thread_opened(now, thread, answer),
            Purpose::StartTurn { slot, thread_id } => match self.slot(slot) {
                Some(index) => self.turn_start_answered(now, index, answer),
                None => self.interrupt_unwanted(&thread_id, answer),
            },
            Purpose::Sandbox { slot, thread_id } => self.sandbox_answered(now, slot, &thread_id, answer),
            Purpose::Adopt { slot } => self.adoption_answered(now, slot, answer),
            Purpose::Attach { slot } => self.attach_answered(now, slot, answer),
            Purpose::Recall { slot, turn, page } => self.recalled(now, slot, &turn, page, answer),
            Purpose::Relist { slot, page } => self.relisted(now, slot, page, answer),
            Purpose::Interrupt { slot } => self.interrupt_answered(slot, answer),
            Purpose::EndCommand { slot, item_id } => self.end_command_answered(now, slot, &item_id, answer),
            Purpose::Reconcile { slot, step } => self.reconcile_answered(now, slot, step, answer),
            Purpose::Nobody => {}
        }
    }

    fn answered_late(&mut self, purpose: Purpose, outcome: &Outcome<'_>) {
        if let (Purpose::StartTurn { thread_id, .. }, Outcome::Result(result)) = (purpose, outcome) {
            self.interrupt_unwanted(&thread_id, Ok(result));
        }
    }

    /// Nobody waits for this turn any more, so it must not run on unseen; unless another handle follows it, or is about to.
    fn interrupt_unwanted(&mut self, thread_id: &str, answer: Result<&str>) {
        let Some(turn_id) = answer.ok().and_then(turns::turn_id_of) else { return };
        if self.slots.iter().any(|(_, slot)| *slot.thread_id == *thread_id) {
            return;
        }
        self.log.emit(Level::Warn, "codex::turn", || {
            format!("turn {turn_id} started after its caller had given up; it is interrupted")
        });
        self.send_interrupt(thread_id, limits::ANY_TURN, None, Purpose::Nobody);
    }

    /// Does what is due at `now`, and says what is to be done outside.
    pub fn look_around(&mut self, now: Instant) -> Outlook {
        self.tick(now);
        Outlook {
            reading: if self.may_read(now) { Reading::Allowed } else { Reading::HeldBack },
            lines: if self.has_lines() { Lines::Some } else { Lines::None },
            parting: self.parting(),
        }
    }

    /// Does what is due at `now`.
    pub fn tick(&mut self, now: Instant) {
        for expired in self.peer.tick(now) {
            let error = self.blocked().unwrap_or_else(|| expiry(&expired));
            self.complete(now, expired.purpose, Err(error));
        }
        while let Some(Reverse((at, timer))) = self.timers.peek().copied() {
            if at > now {
                break;
            }
            self.timers.pop();
            match timer {
                Timer::Turn(slot) => self.check_turn(now, slot),
                Timer::Adoption(slot) => self.check_adoption(now, slot),
                Timer::Question(question) => self.check_question(now, question),
            }
        }
    }

    /// When [`Session::tick`] has something to do next.
    pub fn next_deadline(&self) -> Option<Instant> {
        let timer = self.timers.peek().map(|Reverse((at, _))| *at);
        [timer, self.peer.next_deadline()].into_iter().flatten().min()
    }

    /// Has `timer` looked at when the time has come; a driver that sleeps longer is woken.
    fn arm(&mut self, at: Instant, timer: Timer) {
        self.forget_stale_timers();
        let is_first = self.timers.peek().is_none_or(|Reverse((first, _))| at < *first);
        self.timers.push(Reverse((at, timer)));
        if is_first {
            self.wake_driver();
        }
    }

    /// A timer outlives what it was set for, by up to ten minutes. Many short turns must not leave a heap of them.
    fn forget_stale_timers(&mut self) {
        let live = self.slots.len() + self.questions.len();
        if self.timers.len() < 64 + 8 * live {
            return;
        }
        let Self { timers, slots, questions, .. } = self;
        timers.retain(|Reverse((_, timer))| match timer {
            Timer::Turn(slot) | Timer::Adoption(slot) => {
                slots.get(slot.index).is_some_and(|known| known.serial == slot.serial)
            }
            Timer::Question(id) => questions.is_open(*id),
        });
    }

    /// The next line to write.
    pub fn next_line(&mut self) -> Option<String> {
        let line = self.peer.next_line()?;
        self.stats.sent += 1;
        self.stats.sent_bytes += line.len() as u64;
        Some(line)
    }

    /// Whether there is a line to write.
    pub fn has_lines(&self) -> bool {
        self.peer.has_lines()
    }

    /// Whether more may be read: the queues have room, or somebody waits for an answer that lies behind what fills them.
    fn may_read(&mut self, now: Instant) -> bool {
        if self.queued_bytes < self.config.max_queued_bytes {
            self.read_again(now);
            return true;
        }
        self.reading = Reading::HeldBack;
        if !self.is_urgent() {
            return false;
        }
        let Some(error) = self.blocked() else { return true };
        self.fail_what_is_blocked(now, &error);
        false
    }

    /// While nothing was read no turn could give a sign of life, so their clocks go on from here.
    fn read_again(&mut self, now: Instant) {
        if self.reading == Reading::HeldBack {
            self.reading = Reading::Allowed;
            self.slots.iter_mut().for_each(|(_, slot)| slot.clock.progress(now));
        }
    }

    /// What waits for an answer behind a full queue would wait for ever.
    fn fail_what_is_blocked(&mut self, now: Instant, error: &Error) {
        for call in self.calls.unanswered() {
            self.host_call_answered(call, Err(error.clone()));
        }
        self.fail_blocked_threads(now, error);
        let urgent = self.slots.iter().filter(|(_, slot)| slot.is_urgent());
        let urgent: Vec<SlotRef> = urgent.map(|(index, _)| self.slot_ref(index)).collect();
        for slot in urgent {
            self.end_blocked_turn(now, slot, error);
        }
    }

    /// Whether an answer is waited for without which nothing goes on.
    fn is_urgent(&self) -> bool {
        !self.calls.is_empty()
            || self.opens_thread()
            || !matches!(self.state, State::Open)
            || self.slots.iter().any(|(_, slot)| slot.is_urgent())
    }

    /// Why no answer can come any more until the host reads, if that is so.
    fn blocked(&self) -> Option<Error> {
        if self.queued_bytes < self.config.max_queued_bytes.saturating_add(RESERVE) {
            return None;
        }
        let (what, advice) = self.fullest();
        let message = format!("the answer lies behind {} bytes of {what}; {advice}", self.queued_bytes);
        Some(Error::new(Status::WouldDeadlock, message).with_reason("queueFull"))
    }

    /// Whoever drives the connection has looked around and is about to sleep. Gives when it must look again, or nothing when
    /// there is something to do at once.
    pub fn driver_sleeps(&mut self, waker: &Waker) -> Option<Option<Instant>> {
        if matches!(self.driver, DriverState::Called) {
            self.driver = DriverState::Away;
            return None;
        }
        self.driver = DriverState::Waits(waker.clone());
        Some(self.next_deadline())
    }

    /// There is something to write, to read again or to wait for.
    fn wake_driver(&mut self) {
        self.effects.demanded = true;
        if let DriverState::Waits(waker) = std::mem::replace(&mut self.driver, DriverState::Called) {
            self.effects.wakers.push(waker);
        }
    }

    /// What is to be done once the lock is let go, if anything is.
    pub fn take_effects(&mut self) -> Option<Effects> {
        (!self.effects.is_empty()).then(|| std::mem::take(&mut self.effects))
    }

    /// Has `waker` called at the next change of what is waited for.
    pub fn listen(&mut self, interest: Interest, waker: &Waker) {
        match interest {
            Interest::Call(call) => self.calls.listen(call, waker),
            Interest::Turn(handle) | Interest::Started(handle) => self.handles[handle].queue.listen(waker),
            Interest::Thread(thread) => self.listen_thread(thread, waker),
            Interest::Login(login) => self.logins.listen(login, waker),
            Interest::Client => self.client.queue.listen(waker),
            Interest::State => add_listener(&mut self.state_listeners, waker),
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

    fn parting(&self) -> Option<Parting> {
        match self.state {
            State::Closing => Some(Parting::Closed),
            State::Refused(_) | State::Over(_) => Some(Parting::AtOnce),
            _ => None,
        }
    }

    /// Whether nothing more will come.
    pub fn is_over(&self) -> bool {
        matches!(self.state, State::Over(_))
    }

    /// Ends everything that is under way; what is to be written still is, and then the runtime is told to end.
    pub fn close(&mut self, now: Instant) {
        if !matches!(self.state, State::Connecting | State::Open) {
            return;
        }
        self.decline_all_questions(now);
        self.end_everything(now, &Error::closed());
        self.state = State::Closing;
        self.wake_driver();
    }

    /// The connection is over: `error` says why, unless the host closed it.
    pub fn lost(&mut self, now: Instant, error: Error) {
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
        self.effects.wakers.append(&mut self.state_listeners);
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

    /// Figures about the connection as JSON.
    pub fn stats_json(&self) -> String {
        let stats = &self.stats;
        let figures: [(&str, u64); 21] = [
            ("receivedMessages", stats.received),
            ("receivedBytes", stats.received_bytes),
            ("malformedLines", stats.malformed),
            ("oversizedMessages", stats.oversized),
            ("sentMessages", stats.sent),
            ("sentBytes", stats.sent_bytes),
            ("turnsBegun", stats.turns),
            ("turnsOpen", self.slots.len() as u64),
            ("tokensUsed", stats.tokens),
            ("requestsReceived", stats.requests),
            ("requestsOpen", self.questions.len() as u64),
            ("callsOutstanding", self.peer.outstanding() as u64),
            ("callsRetried", self.peer.retries()),
            ("eventsQueued", stats.events),
            ("eventsDropped", self.client.dropped),
            ("deltasMerged", stats.merged),
            ("queuedBytes", self.queued_bytes as u64),
            ("peakQueuedBytes", stats.peak_queued_bytes as u64),
            ("peakTurnQueueBytes", stats.peak_turn_queue_bytes as u64),
            ("peakClientQueueBytes", stats.peak_client_queue_bytes as u64),
            ("logMessagesDropped", self.log.dropped()),
        ];
        let members: Vec<String> = figures.iter().map(|(name, figure)| format!("\"{name}\":{figure}")).collect();
        format!("{{{}}}", members.join(","))
    }

    fn queued(&mut self, bytes: usize) {
        self.queued_bytes += bytes;
        self.stats.peak_queued_bytes = self.stats.peak_queued_bytes.max(self.queued_bytes);
    }

    /// Gives room back, and tells the driver when reading had stopped for want of it.
    fn unqueued(&mut self, bytes: usize) {
        let was_full = self.queued_bytes >= self.config.max_queued_bytes;
        self.queued_bytes = self.queued_bytes.saturating_sub(bytes);
        if was_full && self.queued_bytes < self.config.max_queued_bytes {
            self.wake_driver();
        }
    }

    fn serial(&mut self) -> u64 {
        self.next_serial += 1;
        self.next_serial
    }
}

/// Whoever drives listens again after each step.
fn add_listener(listeners: &mut Vec<Waker>, waker: &Waker) {
    if !listeners.iter().any(|known| known.will_wake(waker)) {
        listeners.push(waker.clone());
    }
}

/// Why a call ended at its deadline.
fn expiry(expired: &Expired<Purpose>) -> Error {
    if expired.overloaded {
        let message = format!("the runtime was too busy for {} until its deadline", expired.method);
        return Error::new(Status::Overloaded, message).with_reason("overloaded").retryable();
    }
    let message = format!("the runtime did not answer {} in time; it may still act on it", expired.method);
    Error::new(Status::TimedOut, message)
}
