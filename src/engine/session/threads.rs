//! Threads that are being opened, and the turns that wait for them.

use std::sync::Arc;
use std::time::Instant;

use once_cell::sync::OnceCell;

use super::Session;
use super::purpose::Purpose;
use super::slots::SlotRef;
use crate::engine::error::{Error, Result, Status};
use crate::engine::event::{Event, EventKind, Parts};
use crate::engine::json::{member, string};
use crate::engine::listeners::Listeners;
use crate::engine::result::thread_total;
use crate::engine::rpc::{CallDeadline, CallId, Notification};
use crate::engine::text::ZString;

/// Identifies a thread for as long as the host holds it.
pub type ThreadKey = usize;

/// What is known of a thread; shared with the host's handle, and filled once.
#[derive(Clone, Debug, Default)]
pub struct ThreadFacts {
    /// Its id.
    pub id: Arc<OnceCell<ZString>>,
    /// What the runtime answered when it was opened.
    pub info: Arc<OnceCell<ZString>>,
}

/// Whether the client queue is told that a thread, or the client itself, is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Announce {
    /// It is: nobody waits for the call.
    Event,
    /// It is not: the caller waits.
    Nothing,
}

#[derive(Debug)]
pub(super) struct ThreadSlot {
    facts: ThreadFacts,
    state: State,
    announce: Announce,
    user_data: usize,
    /// The tokens that it has used, as last reported.
    total_tokens: Option<i64>,
    /// Whether a turn ran on it when it was opened, and still runs.
    found: Found,
    waiting: Vec<SlotRef>,
    listeners: Listeners,
}

/// What a thread was found doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    Idle,
    Active,
}

#[derive(Debug)]
enum State {
    Opening(CallId),
    Ready,
    /// The client no longer follows its turns.
    Left,
    Failed(Error),
    /// The host let go of it before it was open.
    Abandoned,
}

impl ThreadSlot {
    fn leave(&mut self) {
        if matches!(self.state, State::Ready) {
            self.state = State::Left;
        }
    }

    fn follow(&mut self) {
        if matches!(self.state, State::Left) {
            self.state = State::Ready;
        }
    }
}

impl Session {
    /// Opens a thread by `method`; turns may be begun on it at once.
    pub fn open_thread(
        &mut self,
        method: &str,
        params: &str,
        deadline: Option<CallDeadline>,
        announce: Announce,
    ) -> Result<(ThreadKey, ThreadFacts)> {
        self.ensure_open()?;
        self.ensure_room_to_write(params.len())?;
        self.ensure_understood(method, params)?;
        if announce == Announce::Event {
            self.open_client_queue();
        }
        let key = self.threads.vacant_key();
        let call = self.peer.call(method, params, deadline, Purpose::OpenThread { thread: key });
        let (key, facts) = self.add_thread(ThreadFacts::default(), State::Opening(call), announce);
        self.wake_driver();
        Ok((key, facts))
    }

    /// A thread that is open already.
    pub fn known_thread(&mut self, thread_id: &str) -> Result<(ThreadKey, ThreadFacts)> {
        self.ensure_open()?;
        let facts = ThreadFacts::default();
        facts.id.get_or_init(|| ZString::new(thread_id));
        facts.info.get_or_init(|| ZString::new("{}"));
        Ok(self.add_thread(facts, State::Ready, Announce::Nothing))
    }

    fn add_thread(&mut self, facts: ThreadFacts, state: State, announce: Announce) -> (ThreadKey, ThreadFacts) {
        let slot = ThreadSlot {
            facts: facts.clone(),
            state,
            announce,
            user_data: 0,
            total_tokens: None,
            found: Found::Idle,
            waiting: Vec::new(),
            listeners: Listeners::default(),
        };
        (self.threads.insert(slot), facts)
    }

    pub(super) fn thread_opened(&mut self, now: Instant, key: ThreadKey, answer: Result<&str>) {
        let outcome = answer.and_then(|info| id_of(info).map(|id| (id, info)));
        if let Ok((id, _)) = &outcome {
            self.threads_called(id).for_each(ThreadSlot::follow);
        }
        let thread = &mut self.threads[key];
        if let Ok((id, info)) = &outcome {
            thread.facts.id.get_or_init(|| ZString::new(id));
            thread.facts.info.get_or_init(|| ZString::new(info));
            thread.found = found(info);
        }
        let abandoned = matches!(thread.state, State::Abandoned);
        thread.state = match &outcome {
            Ok(_) => State::Ready,
            Err(error) => State::Failed(error.clone()),
        };
        let waiting = std::mem::take(&mut thread.waiting);
        self.effects.wakers.extend(thread.listeners.take());
        self.announce_thread(key, &outcome);
        for slot in waiting {
            let Some(index) = self.slot(slot) else { continue };
            match &outcome {
                Ok((id, _)) => self.start_waiting_turn(now, slot, id),
                Err(error) => self.fail_start(now, index, error.clone()),
            }
        }
        if abandoned {
            self.threads.remove(key);
        }
    }

    /// Whether a thread is being opened.
    pub(super) fn opens_thread(&self) -> bool {
        self.threads.iter().any(|(_, thread)| matches!(thread.state, State::Opening(_)))
    }

    /// The answers to threads that are being opened lie behind events that nobody reads.
    pub(super) fn fail_blocked_threads(&mut self, now: Instant, error: &Error) {
        let call_of = |thread: &ThreadSlot| match thread.state {
            State::Opening(call) => Some(call),
            _ => None,
        };
        let blocked: Vec<(ThreadKey, CallId)> =
            self.threads.iter().filter_map(|(key, thread)| call_of(thread).map(|call| (key, call))).collect();
        for (key, call) in blocked {
            self.peer.abandon(call);
            self.thread_opened(now, key, Err(error.clone()));
        }
    }

    /// Fails while a turn that has a handle runs on a thread: its events would come no more.
    pub fn ensure_quiet(&self, key: ThreadKey) -> Result<()> {
        let thread_id = self.thread_id(key);
        if !self.slots.iter().any(|(_, slot)| *slot.thread_id == *thread_id) {
            return Ok(());
        }
        let message =
            "a turn runs on the thread, whose end could not be told any more; wait for it, or free its handles first";
        Err(Error::invalid_argument(message).with_reason("turnRunning"))
    }

    /// The runtime tells this client no more about the turns of a thread, until it is resumed.
    pub fn leave_thread(&mut self, key: ThreadKey) {
        let id = self.thread_id(key);
        self.threads_called(&id).for_each(ThreadSlot::leave);
    }

    /// Keeps in mind what a thread has used, so that what is reported again is not counted again.
    pub(super) fn thread_used(&mut self, notification: &Notification<'_>) {
        let total = member(notification.params, "tokenUsage").and_then(thread_total);
        for thread in self.threads_called(&notification.ids.thread) {
            thread.total_tokens = total;
        }
    }

    pub(super) fn thread_total(&mut self, thread_id: &str) -> Option<i64> {
        self.threads_called(thread_id).find_map(|thread| thread.total_tokens)
    }

    /// What the runtime answered when a thread was opened.
    pub(super) fn info_of_thread(&mut self, thread_id: &str) -> Option<String> {
        self.threads_called(thread_id).find_map(|thread| thread.facts.info.get().map(|info| info.as_str().to_owned()))
    }

    /// Whether a turn runs on a thread that ran already when this client opened it.
    pub(super) fn was_resumed_while_active(&self, thread_id: &str) -> bool {
        let called = |thread: &ThreadSlot| thread.facts.id.get().is_some_and(|known| known.as_str() == thread_id);
        self.threads.iter().any(|(_, thread)| thread.found == Found::Active && called(thread))
    }

    /// No turn runs on a thread any more.
    pub(super) fn thread_rests(&mut self, thread_id: &str) {
        self.threads_called(thread_id).for_each(|thread| thread.found = Found::Idle);
    }

    /// All that stands for a thread.
    fn threads_called(&mut self, id: &str) -> impl Iterator<Item = &mut ThreadSlot> {
        let all = self.threads.iter_mut().map(|(_, thread)| thread);
        all.filter(move |thread| thread.facts.id.get().is_some_and(|known| known.as_str() == id))
    }

    fn announce_thread(&mut self, key: ThreadKey, outcome: &Result<(String, &str)>) {
        let thread = &self.threads[key];
        if thread.announce == Announce::Nothing {
            return;
        }
        let (id, json, error) = match outcome {
            Ok((id, info)) => (id.as_str(), (*info).to_owned(), None),
            Err(error) => ("", error.to_json(), Some(error.clone())),
        };
        let parts = Parts { json: &json, thread_id: id, ..Parts::default() };
        let event = Event::new(EventKind::ThreadReady, parts).with_user_data(thread.user_data).with_error(error);
        self.push_client_event(event);
    }

    /// Whether a thread is open; `None` until that is known.
    pub fn thread_ready(&self, key: ThreadKey) -> Option<Result<()>> {
        match &self.threads[key].state {
            State::Opening(_) | State::Abandoned => None,
            State::Ready | State::Left => Some(Ok(())),
            State::Failed(error) => Some(Err(error.clone())),
        }
    }

    /// Fails for a thread that could not be opened, and for one whose turns the client does not follow.
    pub(super) fn ensure_followed(&self, key: ThreadKey) -> Result<()> {
        match &self.threads[key].state {
            State::Opening(_) | State::Abandoned | State::Ready => Ok(()),
            State::Left => Err(not_subscribed()),
            State::Failed(error) => Err(error.clone()),
        }
    }

    pub(super) fn thread_listeners(&mut self, key: ThreadKey) -> &mut Listeners {
        &mut self.threads[key].listeners
    }

    /// Has a turn wait for its thread, if that is not open yet. Says whether it waits; a thread that could not be opened fails it.
    pub(super) fn wait_for_thread(&mut self, key: ThreadKey, slot: SlotRef) -> Result<Waits> {
        self.ensure_followed(key)?;
        let thread = &mut self.threads[key];
        match thread.state {
            State::Opening(_) | State::Abandoned => {
                thread.waiting.push(slot);
                Ok(Waits::Yes)
            }
            State::Ready | State::Left | State::Failed(_) => Ok(Waits::No),
        }
    }

    /// The pointer that its events, and turns begun from now on, carry.
    pub fn set_thread_user_data(&mut self, key: ThreadKey, user_data: usize) {
        self.threads[key].user_data = user_data;
    }

    pub(super) fn thread_user_data(&self, key: ThreadKey) -> usize {
        self.threads[key].user_data
    }

    /// Its id; "" until it is open.
    pub(super) fn thread_id(&self, key: ThreadKey) -> Arc<str> {
        self.threads[key].facts.id.get().map_or("", ZString::as_str).into()
    }

    /// The host lets go of a thread.
    pub fn free_thread(&mut self, key: ThreadKey) {
        let thread = &mut self.threads[key];
        if matches!(thread.state, State::Opening(_)) {
            thread.state = State::Abandoned;
        } else {
            self.threads.remove(key);
        }
    }
}

/// Whether a turn waits for its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waits {
    Yes,
    No,
}

fn not_subscribed() -> Error {
    Error::invalid_argument(
        "the thread was unsubscribed, so the end of a turn could not be told; resume the thread first",
    )
    .with_reason("threadNotSubscribed")
}

fn found(info: &str) -> Found {
    let status = member(info, "thread").and_then(|thread| member(thread, "status"));
    let kind = status.and_then(|status| member(status, "type")).and_then(string);
    if kind.as_deref() == Some("active") { Found::Active } else { Found::Idle }
}

fn id_of(info: &str) -> Result<String> {
    let id = member(info, "thread").and_then(|thread| member(thread, "id")).and_then(string).unwrap_or_default();
    if id.is_empty() {
        let message = format!("the runtime opened a thread and did not tell its id: {info}");
        return Err(Error::new(Status::Protocol, message));
    }
    Ok(id)
}
