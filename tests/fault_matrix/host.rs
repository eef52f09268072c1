//! The life of a host: what it does up to the moment, at it, and from then on.

use std::thread;
use std::time::{Duration, Instant};

use codex::engine::client::{Client, Timeout};
use codex::engine::error::Result;
use codex::engine::event::EventKind;
use codex::engine::request::{Answer, Scope};
use codex::engine::thread::{Origin, Thread};
use codex::engine::turn::{Turn as Handle, run};
use serde_json::json;

use crate::faults::{Class, Fault, LONGEST, ids};
use crate::moments::{Moment, PROBE};
use crate::support::fake::{Fake, stat, unannounced};
use crate::support::follow::{End, PATIENCE, end, events, eventually, next, until};

/// The ceiling of the queues.
pub const CEILING: usize = 1 << 20;

/// How long the runtime may take over an answer, where one is waited for in vain. What comes before must be answered in that time
/// too, while the runtimes of all cells compete for the machine.
const IN_VAIN: Duration = Duration::from_secs(6);

/// How long the runtime may take to end by itself.
const PARTING: Duration = Duration::from_secs(1);

/// What the host does, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Connect,
    /// Starts the turn of the bystander, with which nothing is wrong.
    Bystander,
    OpenThread,
    /// Starts the turn of the subject.
    StartTurn,
    /// Steers, interrupts or closes, or else makes a call of no consequence.
    Call,
    /// Answers the question of the subject.
    Answer,
    /// A call after which the runtime ends all turns.
    Finish,
    /// Runs another turn.
    Again,
    Close,
}

/// What came of a step, and how long it took.
pub struct Taken {
    pub step: Step,
    pub outcome: Result<()>,
    pub time: Duration,
}

/// What the host has seen.
#[derive(Default)]
pub struct Seen {
    pub steps: Vec<Taken>,
    /// How the turn of the subject ended, if it started.
    pub subject: Option<End>,
    /// How the turn of the bystander ended, if it started.
    pub bystander: Option<End>,
    /// What the client has counted, if it could connect.
    pub figures: Option<Figures>,
}

/// What a client has counted.
pub struct Figures {
    pub malformed: u64,
    pub oversized: u64,
    pub peak_queued: u64,
}

impl Figures {
    fn of(client: &Client) -> Self {
        let figure = |name| stat(client.connection(), name);
        Self {
            malformed: figure("malformedLines"),
            oversized: figure("oversizedMessages"),
            peak_queued: figure("peakQueuedBytes"),
        }
    }
}

impl Seen {
    fn step<T>(&mut self, step: Step, take: impl FnOnce() -> Result<T>) -> Option<T> {
        let begun = Instant::now();
        let (outcome, value) = match take() {
            Ok(value) => (Ok(()), Some(value)),
            Err(error) => (Err(error), None),
        };
        self.steps.push(Taken { step, outcome, time: begun.elapsed() });
        value
    }
}

/// Lives the life of a host in which a fault strikes at a moment.
pub fn live(fake: &Fake, fault: Fault, moment: Moment) -> Seen {
    let mut seen = Seen::default();
    let Some(client) = seen.step(Step::Connect, || connect(fake, fault, moment)) else { return seen };
    let host = Host { fake, fault, moment, client };
    let bystander = seen.step(Step::Bystander, || host.start(unannounced(&host.client, "bystander")));
    let thread = seen.step(Step::OpenThread, || Thread::open(&host.client, Origin::New, None));
    let subject = thread.and_then(|thread| seen.step(Step::StartTurn, || host.start(thread)));
    if let Some(subject) = &subject {
        host.do_what_is_at_hand(&mut seen, subject);
    }
    host.go_on(&mut seen, subject.as_ref(), bystander.as_ref());
    seen.figures = Some(Figures::of(&host.client));
    if moment != Moment::Close {
        seen.step(Step::Close, || host.client.close(PARTING));
    }
    seen
}

fn connect(fake: &Fake, fault: Fault, moment: Moment) -> Result<Client> {
    let mut options = fake.options();
    options.connect_timeout = Some(PATIENCE);
    options.set_max_queued_bytes(ceiling(fault, moment))?;
    if fault.oversized() > 0 {
        options.set_max_message_bytes(LONGEST)?;
    }
    options.request_timeout = Some(answer_time(fault));
    if moment == Moment::Connect {
        options.connect_timeout = options.request_timeout;
    }
    Client::connect(&options)
}

/// Where the queue is not meant to be full, there is room for all that comes, also in a result.
fn ceiling(fault: Fault, moment: Moment) -> usize {
    if moment == Moment::FullQueue { CEILING } else { CEILING + 2 * fault.line_bytes() }
}

fn answer_time(fault: Fault) -> Duration {
    match fault.class() {
        Class::Unanswered | Class::Stuck | Class::Deaf => IN_VAIN,
        _ => fault.patience(),
    }
}

/// Somebody whose turn runs.
struct Role {
    thread: Thread,
    turn: Handle,
}

struct Host<'a> {
    fake: &'a Fake,
    fault: Fault,
    moment: Moment,
    client: Client,
}

impl Host<'_> {
    /// Starts a turn and reads it up to its first words, unless it is to stay unread.
    fn start(&self, thread: Thread) -> Result<Role> {
        let turn = Handle::start(&thread, Some("hello"), Some(&self.params()))?;
        let is_unread = self.moment == Moment::FullQueue && thread.id().as_str() != "bystander";
        let has_words = |turn: &Handle| next(turn).is_none_or(|event| event.kind() == EventKind::MessageDelta);
        while !is_unread && !has_words(&turn) {}
        Ok(Role { thread, turn })
    }

    /// Only where a runtime falls silent is it asked soon why.
    fn params(&self) -> String {
        let falls_silent = matches!(self.fault.class(), Class::Untold | Class::Stuck | Class::Deaf);
        let silence = if falls_silent { 300 } else { 0 };
        json!({"limits": {"silenceMs": silence}}).to_string()
    }

    fn do_what_is_at_hand(&self, seen: &mut Seen, subject: &Role) {
        match self.moment {
            Moment::Connect | Moment::ThreadStart | Moment::TurnStart => {}
            Moment::MidDelta => self.probe(seen, subject),
            Moment::PendingQuestion => self.probe_under_a_question(seen, subject),
            Moment::Steer => drop(seen.step(Step::Call, || subject.turn.steer(Some("more"), None))),
            Moment::Interrupt => {
                seen.step(Step::Call, || subject.turn.interrupt());
                seen.subject = Some(end(&subject.turn));
            }
            Moment::FullQueue => {
                eventually("the queue is full", || self.queued() >= CEILING as u64);
                self.probe(seen, subject);
            }
            Moment::Close => self.close_under_a_call(seen, subject),
        }
    }

    fn queued(&self) -> u64 {
        stat(self.client.connection(), "queuedBytes")
    }

    fn call_about(&self, subject: &Role, timeout: Timeout) -> Result<()> {
        let params = ids(subject.thread.id().as_str(), subject.turn.id().as_str()).to_string();
        self.client.call(PROBE, Some(&params), timeout).map(drop)
    }

    fn probe(&self, seen: &mut Seen, subject: &Role) {
        seen.step(Step::Call, || self.call_about(subject, Timeout::Default));
    }

    fn probe_under_a_question(&self, seen: &mut Seen, subject: &Role) {
        let question = until(&subject.turn, EventKind::Request).take_request().expect("the event carries its request");
        self.probe(seen, subject);
        seen.step(Step::Answer, || question.answer(&Answer::Approve(Scope::Once)));
    }

    fn close_under_a_call(&self, seen: &mut Seen, subject: &Role) {
        thread::scope(|scope| {
            let call = scope.spawn(|| self.call_about(subject, Timeout::Never));
            self.fake.called(PROBE, 1);
            seen.step(Step::Close, || self.client.close(PARTING));
            seen.step(Step::Call, || call.join().expect("a call does not panic"));
        });
    }

    /// What comes after the moment.
    fn go_on(&self, seen: &mut Seen, subject: Option<&Role>, bystander: Option<&Role>) {
        if self.fault == Fault::LateAnswer {
            let _ = self.client.notify("late", None);
        }
        match (self.moment, subject) {
            (Moment::FullQueue, Some(subject)) => self.finish_and_read(seen, &subject.turn),
            _ => self.finish(seen),
        }
        if self.moment != Moment::Interrupt {
            seen.subject = subject.map(|subject| end(&subject.turn));
        }
        seen.bystander = bystander.map(|bystander| end(&bystander.turn));
        seen.step(Step::Again, || self.run_again());
    }

    fn finish(&self, seen: &mut Seen) {
        seen.step(Step::Finish, || self.client.call("finish", None, Timeout::Default));
    }

    /// A full queue is read to its end, which it has in any case.
    fn finish_and_read(&self, seen: &mut Seen, unread: &Handle) {
        thread::scope(|scope| {
            let reader = scope.spawn(|| events(unread).last().map(|event| event.kind()));
            eventually("the queue has room", || self.queued() < CEILING as u64);
            self.finish(seen);
            assert_eq!(reader.join().expect("a reader does not panic"), Some(EventKind::TurnEnded));
        });
    }

    fn run_again(&self) -> Result<()> {
        let thread = Thread::from_id(&self.client, "again")?;
        let (_, error) = run(&thread, Some("hello"), Some(&self.params()))?;
        error.map_or(Ok(()), Err)
    }
}
