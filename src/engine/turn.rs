//! A turn: the agent works on one input. A handle follows it, from its beginning or from when it was attached to.

use std::sync::Arc;
use std::time::Duration;

use once_cell::sync::OnceCell;

use super::call::{Timeout, call};
use super::connection::{Anchor, Connection, Deadline};
use super::error::{Error, Result, Status};
use super::host_json::{parse_object, parse_params};
use super::json::{Object, quote};
use super::limits::Limits;
use super::method;
use super::policy::{self, TurnSandbox};
use super::read::{Read, read};
use super::result::TurnResult;
use super::session::{Delivery, Ended, HandleId, Interest, Opening, Queues, Session, TurnStart};
use super::spares::Spares;
use super::text::ZString;
use super::thread::Thread;

/// How long the runtime may take from one turn of a goal to the next.
const NEXT_OF_GOAL: Duration = Duration::from_secs(5);

/// How a turn ended for a caller that waited.
pub type Outcome = Arc<Ended>;

/// One handle of a turn.
#[derive(Debug)]
pub struct Turn {
    anchor: Arc<Anchor>,
    handle: HandleId,
    thread_id: Arc<OnceCell<ZString>>,
    id: Arc<OnceCell<ZString>>,
    unknown_id: ZString,
}

impl Turn {
    /// Starts a turn and waits until the runtime has accepted it.
    pub fn start(thread: &Thread, text: Option<&str>, params: Option<&str>) -> Result<Self> {
        let _coming = thread.connection().about_to_wait();
        let turn = Self::begin(thread, text, params, Delivery::Kept)?;
        turn.wait_started()?;
        Ok(turn)
    }

    /// Starts a turn without waiting. A turn that cannot start ends with that error.
    pub fn begin(thread: &Thread, text: Option<&str>, params: Option<&str>, delivery: Delivery) -> Result<Self> {
        let mut params = parse_params(params)?;
        let limits = policy::take_limits(&mut params, thread.limits())?;
        let sandbox = policy::translate_for_turn(&mut params)?;
        add_input(&mut params, text)?;
        Self::open(thread, |session, now| {
            let params = &params.to_json();
            let deadline = session.default_deadline(now);
            session.start_turn(now, &TurnStart { thread: thread.key(), params, sandbox, limits, delivery, deadline })
        })
    }

    /// Has the history of the thread compacted, in a turn of its own, and waits until that has begun.
    pub fn compact(thread: &Thread) -> Result<Self> {
        let _coming = thread.connection().about_to_wait();
        let turn = Self::open_with(thread, Opening::Compaction, &Object::new(), thread.limits(), Delivery::Kept)?;
        turn.wait_started()?;
        Ok(turn)
    }

    /// Starts a turn that reviews the changes that `target` names, and waits until the runtime has accepted it.
    pub fn review(thread: &Thread, target: &str, params: Option<&str>) -> Result<Self> {
        let mut params = parse_params(params)?;
        let limits = policy::take_limits(&mut params, thread.limits())?;
        policy::unwrap_raw(&mut params)?;
        params.set_raw("target", parse_object("the target", Some(target))?.to_json());
        let _coming = thread.connection().about_to_wait();
        let turn = Self::open_with(thread, Opening::Review, &params, limits, Delivery::Kept)?;
        turn.wait_started()?;
        Ok(turn)
    }

    /// Has a goal pursued, in as many turns of the runtime as that takes, and waits until the first has begun.
    pub fn pursue(thread: &Thread, objective: &str, params: Option<&str>) -> Result<Self> {
        let mut params = parse_params(params)?;
        let limits = policy::take_limits(&mut params, thread.limits())?;
        policy::unwrap_raw(&mut params)?;
        params.set_string("objective", objective);
        params.set_string("status", "active");
        thread.make_way_for_goal(objective)?;
        let turn = Self::open_with(thread, Opening::Goal, &params, limits, Delivery::Kept)?;
        turn.wait_started()?;
        Ok(turn)
    }

    fn open_with(
        thread: &Thread,
        opening: Opening,
        params: &Object,
        limits: Limits,
        delivery: Delivery,
    ) -> Result<Self> {
        Self::open(thread, |session, now| {
            let start = TurnStart {
                thread: thread.key(),
                params: &params.to_json(),
                sandbox: TurnSandbox::AsSaid,
                limits,
                delivery,
                deadline: session.default_deadline(now),
            };
            session.begin_turn(now, opening, &start)
        })
    }

    /// Follows a turn that runs already; without an id, the one that runs on the thread.
    pub fn attach(thread: &Thread, turn_id: Option<&str>) -> Result<Self> {
        if turn_id == Some("") {
            return Err(Error::invalid_argument("the turn id is empty; pass NULL for the turn that runs"));
        }
        thread.wait_open()?;
        let _coming = thread.connection().about_to_wait();
        let turn = Self::open(thread, |session, now| {
            let start = TurnStart {
                thread: thread.key(),
                params: "",
                sandbox: TurnSandbox::AsSaid,
                limits: thread.limits(),
                delivery: Delivery::Kept,
                deadline: session.default_deadline(now),
            };
            session.attach_turn(now, turn_id, &start)
        })?;
        turn.wait_started()?;
        Ok(turn)
    }

    fn open(thread: &Thread, begin: impl FnOnce(&mut Session, std::time::Instant) -> Result<HandleId>) -> Result<Self> {
        let connection = thread.connection();
        let mut session = connection.session()?;
        let handle = begin(&mut session, connection.now())?;
        let id = session.turn_id_cell(handle);
        drop(session);
        let thread_id = Arc::clone(&thread.facts().id);
        Ok(Self { anchor: Arc::clone(thread.anchor()), handle, thread_id, id, unknown_id: ZString::default() })
    }

    fn wait_started(&self) -> Result<()> {
        let started = self.connection().wait(Interest::Started(self.handle), Deadline::Never, |session| {
            let ended = session.turn_ended(self.handle);
            match ended.filter(|ended| ended.result.is_none()).and_then(|ended| ended.error.clone()) {
                Some(error) => Some(Err(error)),
                None => self.id.get().map(|_| Ok(())),
            }
        })?;
        started.unwrap_or(Ok(()))
    }

    /// The connection.
    pub fn connection(&self) -> &Arc<Connection> {
        self.anchor.connection()
    }

    /// Its id; "" until the runtime has told it.
    pub fn id(&self) -> &ZString {
        self.id.get().unwrap_or(&self.unknown_id)
    }

    /// The pointer that its events carry from now on.
    pub fn set_user_data(&self, user_data: usize) -> Result<()> {
        self.connection().session()?.set_turn_user_data(self.handle, user_data);
        Ok(())
    }

    /// Takes the next event of this handle; in single-queue mode the client queue has them.
    pub fn next_event(&self, deadline: Deadline) -> Result<Read> {
        if self.connection().queues() == Queues::Single {
            return Err(Error::invalid_argument(
                "the client has a single queue: take the events of all turns with codex_client_next_event",
            ));
        }
        self.next_own_event(deadline)
    }

    fn next_own_event(&self, deadline: Deadline) -> Result<Read> {
        let interest = Interest::Turn(self.handle);
        read(self.connection(), interest, deadline, |session| session.next_turn_event(self.handle))
    }

    /// Adds input to the running turn.
    pub fn steer(&self, text: Option<&str>, params: Option<&str>) -> Result<()> {
        let mut params = parse_params(params)?;
        policy::translate_for_steering(&mut params)?;
        add_input(&mut params, text)?;
        self.wait_started()?;
        params.set_string("threadId", self.thread_id.get().map_or("", ZString::as_str));
        let running = self.running_id()?;
        match self.steer_running(&running, &mut params) {
            Err(error) if is_stale(&error) && self.goes_on_as_another(&running)? => {
                self.steer_running(&self.running_id()?, &mut params)
            }
            outcome => outcome,
        }
    }

    fn steer_running(&self, running: &str, params: &mut Object) -> Result<()> {
        params.set_string("expectedTurnId", running);
        call(self.connection(), method::TURN_STEER, &params.to_json(), Timeout::Default).map(drop)
    }

    /// The id under which the runtime knows it now, which for a goal is that of the newest of its turns.
    fn running_id(&self) -> Result<String> {
        let session = self.connection().session()?;
        let running = session.running_turn_id(self.handle);
        Ok(if session.pursues_goal(self.handle) { running } else { self.id().as_str() }.to_owned())
    }

    /// Whether the next turn of a goal takes the place of one that is over.
    fn goes_on_as_another(&self, former: &str) -> Result<bool> {
        let connection = self.connection();
        let deadline = Deadline::At(connection.now() + NEXT_OF_GOAL);
        let next = connection.wait(Interest::Turn(self.handle), deadline, |session| {
            let is_over = !session.pursues_goal(self.handle);
            (is_over || session.running_turn_id(self.handle) != former).then_some(!is_over)
        })?;
        Ok(next.unwrap_or(false))
    }

    /// Interrupts it; only queues that, and is harmless when it is over.
    pub fn interrupt(&self) -> Result<()> {
        let now = self.connection().now();
        self.connection().session()?.interrupt_turn(now, self.handle);
        Ok(())
    }

    /// Makes a reader of this handle that waits, or else the next one, return.
    pub fn wake(&self) -> Result<()> {
        self.connection().session()?.wake_turn(self.handle);
        Ok(())
    }

    /// Waits for its end; `None` when the deadline passed first. Unless events were ever read, they are discarded.
    pub fn wait(&self, deadline: Deadline) -> Result<Option<Outcome>> {
        let now = self.connection().now();
        self.connection().session()?.discard_turn_events(now, self.handle);
        self.connection().wait(Interest::Turn(self.handle), deadline, |session| session.turn_ended(self.handle))
    }
}

impl Turn {
    /// The host lets go of the handle, which a call on another thread may still hold: no event comes out of it any more.
    pub fn release(&self) {
        let now = self.connection().now();
        if let Ok(mut session) = self.connection().session() {
            session.silence_turn(now, self.handle);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let now = self.connection().now();
        if let Ok(mut session) = self.connection().session() {
            session.free_turn(now, self.handle);
        }
    }
}

/// Whether the turn that an input was for is over, so that it has reached nobody.
fn is_stale(error: &Error) -> bool {
    ["noActiveTurn", "turnMismatch"].contains(&error.reason())
}

/// The text comes first, then the items of `input`; one of the two must be there, or the output of an external tool.
fn add_input(params: &mut Object, text: Option<&str>) -> Result<()> {
    let items = params.take("input").unwrap_or_else(|| "[]".into());
    let Some(items) = items.strip_prefix('[').and_then(|items| items.strip_suffix(']')) else {
        return Err(Error::invalid_argument(format!("input must be a JSON array of input items, not {items}")));
    };
    let text = text.map(|text| format!("{{\"type\":\"text\",\"text\":{}}}", quote(text)));
    if text.is_none() && items.is_empty() && !params.contains("toolOutput") {
        return Err(Error::invalid_argument(
            "a turn needs an input: pass a text, or items in the member input of params",
        ));
    }
    let separator = if text.is_some() && !items.is_empty() { "," } else { "" };
    params.set_raw("input", format!("[{}{separator}{items}]", text.unwrap_or_default()));
    Ok(())
}

/// What a call that ran a turn to its end returns: the result, and why it did not complete.
pub type Run = (Option<Arc<TurnResult>>, Option<Error>);

/// Runs a turn to its end and collects what it did.
pub fn run(thread: &Thread, text: Option<&str>, params: Option<&str>) -> Result<Run> {
    thread.connection().ensure_may_wait(Interest::State)?;
    let _coming = thread.connection().about_to_wait();
    let turn = Turn::begin(thread, text, params, Delivery::Discarded)?;
    let ended = turn.wait(Deadline::Never)?.ok_or_else(no_end)?;
    Ok((ended.result.clone(), ended.error.clone()))
}

/// What a callback says to an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The next event.
    Continue,
    /// No more events; the turn is interrupted.
    Interrupt,
}

/// Runs a turn to its end and hands each event to `on_event`, on the calling thread.
pub fn run_streamed(
    thread: &Thread,
    text: Option<&str>,
    params: Option<&str>,
    mut on_event: impl FnMut(&super::event::Event) -> Verdict,
) -> Result<Run> {
    thread.connection().ensure_may_wait(Interest::State)?;
    let coming = thread.connection().about_to_wait();
    let turn = Turn::begin(thread, text, params, Delivery::Streamed)?;
    let mut next = turn.next_own_event(Deadline::Never)?;
    drop(coming);
    let mut stopped = false;
    while let Read::Event(event) = next {
        if !stopped && on_event(&event) == Verdict::Interrupt {
            stopped = true;
            turn.interrupt()?;
        }
        Spares::put(event);
        next = turn.next_own_event(Deadline::Never)?;
    }
    let ended = turn.wait(Deadline::Never)?.ok_or_else(no_end)?;
    let error = ended.error.clone().or_else(|| stopped.then(stopped_too_late));
    Ok((ended.result.clone(), error))
}

/// The callback wanted an end, and the turn came to its own before the runtime could interrupt it.
fn stopped_too_late() -> Error {
    Error::new(Status::TurnInterrupted, "the callback interrupted the turn, which had come to its end already")
        .with_reason("interrupted")
}

fn no_end() -> Error {
    Error::new(Status::Internal, "a wait without a deadline ended before the turn")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(params: &str, text: Option<&str>) -> Result<String> {
        let mut params = Object::parse(params).unwrap();
        add_input(&mut params, text).map(|()| params.to_json())
    }

    #[test]
    fn the_text_comes_first_then_the_items() {
        let text = r#"{"type":"text","text":"a\"b"}"#;
        assert_eq!(input("{}", Some("a\"b")).unwrap(), format!("{{\"input\":[{text}]}}"));
        let both = input(r#"{"input":[{"type":"image","url":"u"}]}"#, Some("a\"b")).unwrap();
        assert_eq!(both, format!("{{\"input\":[{text},{{\"type\":\"image\",\"url\":\"u\"}}]}}"));
    }

    #[test]
    fn a_turn_without_an_input_is_refused() {
        assert!(input("{}", None).is_err());
        assert!(input(r#"{"input":[]}"#, None).is_err());
        assert!(input(r#"{"input":"text"}"#, None).is_err());
        assert_eq!(input(r#"{"toolOutput":{"name":"n"}}"#, None).unwrap(), r#"{"toolOutput":{"name":"n"},"input":[]}"#);
    }
}
