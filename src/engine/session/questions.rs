//! What the runtime asks: undelivered, delivered, answered, resolved.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::early::Owner;
use super::fate::{Fate, FateCell};
use super::goals::Renamed;
use super::handles::{Delivery, HandleId};
use super::room::{Place, Room};
use super::slots::{Begun, SlotRef};
use super::{Asks, Session, Timer};
use crate::engine::error::{Error, Result};
use crate::engine::event::{Event, EventKind, Parts};
use crate::engine::json::{Shown, member, quote, string};
use crate::engine::log::Level;
use crate::engine::method::{Method, TextAt};
use crate::engine::request::{CURRENT_TIME, Reply, ToolOutcome, current_time, reply_to};
use crate::engine::rpc::{Notification, OVERLOADED, RpcId};
use crate::engine::tools::{Tool, Tools};

pub use crate::engine::request::{Answer, RequestKind};

/// How long a request may wait for a reader that does not come.
const UNDELIVERED: Duration = Duration::from_secs(60);

/// Identifies a request for as long as the connection lives; the ids of the runtime may come again.
pub type QuestionId = u64;

/// Which function of the host a request is handed to.
#[derive(Clone, Debug)]
pub enum Recipient {
    /// The request handler of the options.
    Handler,
    /// The function of this tool.
    Tool(Arc<Tool>),
}

/// Called once when a request needs no answer any more.
pub struct CancelHook(Box<dyn FnOnce() + Send>);

impl CancelHook {
    /// A hook that does `work`.
    pub fn new(work: impl FnOnce() + Send + 'static) -> Self {
        Self(Box::new(work))
    }

    /// Does its work.
    pub fn call(self) {
        (self.0)();
    }
}

impl fmt::Debug for CancelHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CancelHook")
    }
}

/// A request as the host sees it.
#[derive(Clone)]
pub struct Snapshot {
    /// Its id.
    pub id: QuestionId,
    /// What is asked.
    pub kind: RequestKind,
    /// The method of the runtime.
    pub method: String,
    /// The parameters, byte for byte.
    pub params: String,
    /// The thread that it is about; "" when there is none.
    pub thread_id: String,
    /// The turn that it is about; "" when there is none.
    pub turn_id: String,
    /// The item that it is about, as it began.
    pub item: Option<String>,
    /// The pointer of its turn.
    pub user_data: usize,
    /// What became of it.
    pub fate: FateCell,
}

impl Snapshot {
    fn weight(&self) -> usize {
        let Self { method, params, thread_id, turn_id, item, .. } = self;
        let texts = [method, params, thread_id, turn_id].map(String::len).iter().sum::<usize>();
        size_of::<Question>() + texts + item.as_ref().map_or(0, String::len)
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Snapshot");
        shown.field("id", &self.id).field("method", &self.method).field("params", &Shown(&self.params));
        shown.finish_non_exhaustive()
    }
}

/// A request of the runtime.
#[derive(Debug)]
pub struct Question {
    rpc_id: RpcId,
    snapshot: Snapshot,
    place: Place,
    slot: Option<SlotRef>,
    state: State,
    /// When the library answers in the place of the host.
    decline_at: Option<Instant>,
    destination: Destination,
    hook: Option<CancelHook>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In a queue, not read yet.
    Undelivered,
    /// In the hands of the host.
    Delivered,
    /// Answered; the runtime has not confirmed it.
    Answered,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destination {
    Turn(HandleId),
    Client,
    /// Whoever attaches to its turn, which runs on a thread that was resumed meanwhile.
    Attacher,
    /// A function of the host: of a tool, or the request handler.
    Function,
    /// Nobody could be asked.
    Nobody,
}

/// Why the library answers in the place of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unanswered {
    NobodyListens,
    NobodyReads,
    NotWanted,
    /// The host had this long.
    Late(Duration),
    Freed,
    Closed,
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyListens => f.write_str("nobody listens to the turn's events"),
            Self::NobodyReads => f.write_str("nobody read it for 60 seconds"),
            Self::NotWanted => f.write_str("its turn is waited for without reading events"),
            Self::Late(time) => write!(f, "it was not answered within answer_timeout_ms ({})", time.as_millis()),
            Self::Freed => f.write_str("the host freed it without an answer"),
            Self::Closed => f.write_str("the client was closed"),
        }
    }
}

impl Unanswered {
    /// Whether it says nothing about what the other clients of a shared runtime will do.
    fn is_about_this_client_alone(self) -> bool {
        matches!(self, Self::NobodyListens | Self::NobodyReads | Self::Closed)
    }

    /// No, in the form that the kind needs. A model that called a tool is told what went wrong.
    fn answer(self, kind: RequestKind) -> Answer {
        let told = match self {
            Self::Late(_) => "The application did not answer this call in time.",
            Self::Freed => "The application gave no answer to this call.",
            _ => return Answer::Decline,
        };
        match kind {
            RequestKind::ToolCall => Answer::Text(ToolOutcome::Failure, told.to_owned()),
            _ => Answer::Decline,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Questions {
    open: HashMap<QuestionId, Question>,
    room: Room,
}

impl Questions {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn is_open(&self, id: QuestionId) -> bool {
        self.open.contains_key(&id)
    }

    /// Whether the host owes an answer about this turn.
    pub(super) fn any_of(&self, slot: SlotRef) -> bool {
        self.open.values().any(|question| question.slot == Some(slot) && question.state != State::Answered)
    }

    /// What was delivered to a handle that is gone is resolved in the client queue.
    pub(super) fn reader_left(&mut self, handle: HandleId) {
        for question in self.open.values_mut().filter(|question| question.destination == Destination::Turn(handle)) {
            question.destination = Destination::Client;
        }
    }

    /// Forgets the older half of those that are answered.
    fn forget_answered(&mut self) {
        let answered = self.ids(|question| question.state == State::Answered);
        for id in &answered[..answered.len().div_ceil(2)] {
            self.open.remove(id);
        }
    }

    #[cfg(test)]
    pub(super) fn room(&self) -> &Room {
        &self.room
    }

    /// What the requests occupy that are not over.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.open.values().map(|question| question.snapshot.weight()).sum()
    }

    fn ids(&self, fits: impl Fn(&Question) -> bool) -> Vec<QuestionId> {
        let mut ids: Vec<QuestionId> =
            self.open.iter().filter(|(_, question)| fits(question)).map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }
}

impl Session {
    /// Adds a tool, which threads that are started from now on have.
    pub fn add_tool(&mut self, tool: Arc<Tool>) -> Result<()> {
        self.ensure_open()?;
        self.tools.add(tool)
    }

    /// The tools of the host.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    pub(super) fn asked(&mut self, now: Instant, line: &str, id: RpcId, notification: &Notification<'_>) {
        if self.keep_if_early(&notification.ids.thread, &notification.ids.turn, line) == Owner::Known {
            self.ask(now, id, notification);
        }
    }

    pub(super) fn ask(&mut self, now: Instant, rpc_id: RpcId, notification: &Notification<'_>) {
        self.stats.requests += 1;
        if notification.method == CURRENT_TIME {
            return self.effects.clocks.push(rpc_id);
        }
        let slot = self.by_turn.get(&*notification.ids.turn).copied();
        let Some(index) = slot else { return self.ask_about_slot(now, rpc_id, None, notification) };
        self.slots[index].clock.progress(now);
        let name = self.slots[index].goal.is_some().then(|| Renamed::of(&self.slots[index], notification));
        match &name {
            Some(name) => self.ask_about_slot(now, rpc_id, slot, &name.put_into(notification)),
            None => self.ask_about_slot(now, rpc_id, slot, notification),
        }
    }

    fn ask_about_slot(&mut self, now: Instant, rpc_id: RpcId, slot: Option<usize>, notification: &Notification<'_>) {
        let snapshot = self.snapshot_of(slot, notification);
        let Some(place) = self.place_for(&snapshot) else { return self.refuse_one_more(&rpc_id, &snapshot.method) };
        let recipient = self.recipient_of(&snapshot);
        let destination =
            if recipient.is_some() { Destination::Function } else { self.reader_for(slot, &snapshot.thread_id) };
        let id = snapshot.id;
        let question = Question {
            rpc_id,
            snapshot,
            place,
            slot: slot.map(|index| self.slot_ref(index)),
            state: State::Undelivered,
            decline_at: Some(now + UNDELIVERED),
            destination,
            hook: None,
        };
        self.questions.open.insert(id, question);
        let event =
            Event::of(Method { kind: EventKind::Request, text: TextAt::Nowhere }, notification).with_request_id(id);
        if let Some(recipient) = recipient {
            return self.hand_over(now, id, recipient);
        }
        match destination {
            Destination::Turn(handle) => self.push_turn_event(handle, event),
            Destination::Client => self.push_client_event(event),
            Destination::Attacher => {}
            Destination::Function | Destination::Nobody => return self.decline(now, id, Unanswered::NobodyListens),
        }
        self.arm(now + UNDELIVERED, Timer::Question(id));
    }

    /// Room for one more request. What is answered makes room, should the runtime never confirm it.
    fn place_for(&mut self, snapshot: &Snapshot) -> Option<Place> {
        let (bytes, ceiling) = (snapshot.weight(), self.ceiling_beside_queues());
        let place = self.questions.room.take(bytes, ceiling);
        place.or_else(|| {
            self.questions.forget_answered();
            self.questions.room.take(bytes, ceiling)
        })
    }

    /// No host could answer them all, and nothing is kept of this one.
    fn refuse_one_more(&mut self, rpc_id: &RpcId, method: &str) {
        let (open, bytes) = (self.questions.room.requests(), self.questions.room.bytes());
        let message = format!("{open} requests of {bytes} bytes wait for their answers already");
        self.log.emit(Level::Warn, "codex::request", || format!("{method} was refused, because {message}"));
        self.peer.refuse(rpc_id, OVERLOADED, &message);
        self.wake_driver();
    }

    /// The turn of a slot has its id: what it asked before anybody attached to it is asked now.
    pub(super) fn ask_again(&mut self, index: usize, turn_id: &str) {
        let waiting =
            |question: &Question| question.destination == Destination::Attacher && question.snapshot.turn_id == turn_id;
        for id in self.questions.ids(waiting) {
            let destination = self.reader_for(Some(index), "");
            let (slot, Destination::Turn(handle)) = (self.slot_ref(index), destination) else { return };
            let user_data = self.user_data_of(handle);
            let Some(question) = self.questions.open.get_mut(&id) else { continue };
            question.destination = destination;
            question.slot = Some(slot);
            question.snapshot.user_data = user_data;
            let event = request_event(&question.snapshot);
            self.push_turn_event(handle, event);
        }
    }

    /// The function of the tool that is called; the request handler.
    fn recipient_of(&self, snapshot: &Snapshot) -> Option<Recipient> {
        let tool = match snapshot.kind {
            RequestKind::ToolCall => self.tools.called_by(&snapshot.params).filter(|tool| tool.function().is_some()),
            _ => None,
        };
        let handler = || (self.config.asks == Asks::Handler).then_some(Recipient::Handler);
        tool.map(|tool| Recipient::Tool(Arc::clone(tool))).or_else(handler)
    }

    /// The reader of the turn, or who may yet become it; the reader of the client queue.
    fn reader_for(&self, slot: Option<usize>, thread_id: &str) -> Destination {
        let handles = slot.map(|index| &*self.slots[index].handles).unwrap_or_default();
        let with =
            |delivery: Delivery| handles.iter().copied().find(|handle| self.handles[*handle].delivery == delivery);
        match with(Delivery::Streamed).or_else(|| with(Delivery::Read)).or_else(|| with(Delivery::Kept)) {
            Some(handle) => Destination::Turn(handle),
            None if handles.is_empty() && self.client_queue_is_read() => Destination::Client,
            None if handles.is_empty() && self.was_resumed_while_active(thread_id) => Destination::Attacher,
            None => Destination::Nobody,
        }
    }

    fn snapshot_of(&mut self, slot: Option<usize>, notification: &Notification<'_>) -> Snapshot {
        let params = notification.params;
        let call_id = member(params, "callId").and_then(string);
        let item_id = call_id.as_deref().unwrap_or(&notification.ids.item);
        let slot = slot.map(|index| &self.slots[index]);
        let item = slot.and_then(|slot| slot.collector.open_item(item_id)).map(str::to_owned);
        let user_data = slot.and_then(|slot| slot.handles.first()).map_or(0, |handle| self.user_data_of(*handle));
        Snapshot {
            id: self.serial(),
            kind: RequestKind::of(&notification.method, params),
            method: notification.method.to_string(),
            params: params.to_owned(),
            thread_id: thread_of(notification),
            turn_id: notification.ids.turn.to_string(),
            item,
            user_data,
            fate: FateCell::default(),
        }
    }

    fn hand_over(&mut self, now: Instant, id: QuestionId, recipient: Recipient) {
        let Some(question) = self.questions.open.get_mut(&id) else { return };
        question.state = State::Delivered;
        let (snapshot, place) = (question.snapshot.clone(), question.place.clone());
        self.effects.asked.push((recipient, snapshot, place));
        self.arm_answer(now, id);
    }

    /// From now on the host has the time that the options give it.
    fn arm_answer(&mut self, now: Instant, id: QuestionId) {
        let decline_at = self.config.answer_timeout.map(|timeout| now + timeout);
        if let Some(question) = self.questions.open.get_mut(&id) {
            question.decline_at = decline_at;
        }
        if let Some(at) = decline_at {
            self.arm(at, Timer::Question(id));
        }
    }

    /// A reader took an event out of its queue.
    pub(super) fn delivered(&mut self, event: &Event) {
        if event.kind() != EventKind::Request {
            return;
        }
        if let Some(question) = self.questions.open.get_mut(&event.request_id()) {
            question.state = State::Delivered;
        }
    }

    /// The request of an event that was just taken; starts the time in which the host must answer.
    pub fn take_question(&mut self, now: Instant, id: QuestionId) -> Option<Snapshot> {
        let snapshot = self.questions.open.get(&id)?.snapshot.clone();
        self.arm_answer(now, id);
        Some(snapshot)
    }

    pub(super) fn check_question(&mut self, now: Instant, id: QuestionId) {
        let Some(question) = self.questions.open.get(&id) else { return };
        if question.decline_at.is_none_or(|at| at > now) {
            return;
        }
        match question.state {
            State::Undelivered => self.decline(now, id, Unanswered::NobodyReads),
            State::Delivered => {
                let time = self.config.answer_timeout.unwrap_or_default();
                self.decline(now, id, Unanswered::Late(time));
            }
            State::Answered => {}
        }
    }

    /// Declines a request that still lies in a queue.
    pub(super) fn decline_undelivered(&mut self, now: Instant, id: QuestionId) {
        if self.questions.open.get(&id).is_some_and(|question| question.state == State::Undelivered) {
            self.decline(now, id, Unanswered::NotWanted);
        }
    }

    /// Whether somebody else began the turn that asks, who is asked too and may be about to answer.
    fn is_for_others(&self, id: QuestionId) -> bool {
        let Some(question) = self.questions.open.get(&id).filter(|_| self.is_shared()) else { return false };
        let Snapshot { thread_id, turn_id, .. } = &question.snapshot;
        match question.slot.and_then(|slot| self.slot(slot)) {
            Some(index) => self.slots[index].begun == Begun::Elsewhere,
            None => !turn_id.is_empty() && !self.let_go.contains(thread_id),
        }
    }

    /// Whoever attaches to its turn may still answer.
    fn leave_to_others_to_answer(&mut self, id: QuestionId) {
        let Some(question) = self.questions.open.get_mut(&id) else { return };
        question.decline_at = None;
        if question.destination == Destination::Nobody {
            question.destination = Destination::Attacher;
        }
    }

    /// The library answers in the place of the host: no, in the form that the kind needs.
    fn decline(&mut self, now: Instant, id: QuestionId, why: Unanswered) {
        if why.is_about_this_client_alone() && self.is_for_others(id) {
            return self.leave_to_others_to_answer(id);
        }
        let Some(question) = self.questions.open.get_mut(&id) else { return };
        let (method, answer) = (question.snapshot.method.clone(), why.answer(question.snapshot.kind));
        self.log.emit(Level::Warn, "codex::request", || format!("{method} was declined, because {why}"));
        self.settle(id, Fate::Declined(why));
        let _ = self.answer(now, id, &answer);
    }

    /// Answers a request. An answer that does not fit its kind leaves it open.
    pub fn answer(&mut self, now: Instant, id: QuestionId, answer: &Answer) -> Result<()> {
        let Some(question) = self.questions.open.get_mut(&id).filter(|question| question.state != State::Answered)
        else {
            return Err(already_answered());
        };
        let snapshot = &question.snapshot;
        match reply_to(snapshot.kind, &snapshot.method, &snapshot.params, answer)? {
            Reply::Result(result) => self.peer.answer(&question.rpc_id, &result),
            Reply::Error(code, message) => self.peer.refuse(&question.rpc_id, code, &message),
        }
        let slot = question.slot;
        snapshot.fate.set(Fate::Answered);
        question.state = State::Answered;
        let confirmed = snapshot.kind.is_confirmed_by_runtime(&snapshot.method);
        self.wake_driver();
        if let Some(index) = slot.and_then(|slot| self.slot(slot)) {
            self.slots[index].clock.progress(now);
        }
        if *answer == Answer::CancelTurn
            && let Some(slot) = slot
        {
            self.request_interrupt(now, slot, crate::engine::result::EndedBy::Interrupted);
        }
        if !confirmed {
            self.resolve(id, Fate::Answered, None);
        }
        Ok(())
    }

    /// Answers a runtime that asked what time it is.
    pub fn tell_time(&mut self, rpc_id: &RpcId, unix_seconds: u64) {
        self.peer.answer(rpc_id, &current_time(unix_seconds));
        self.wake_driver();
    }

    /// The host let go of a request; unanswered, it is declined.
    pub fn release_question(&mut self, now: Instant, id: QuestionId) {
        if self.questions.open.get(&id).is_some_and(|question| question.state != State::Answered) {
            self.decline(now, id, Unanswered::Freed);
        }
    }

    /// Has `hook` called when the request needs no answer any more; at once if it needs none now, and never once the host has
    /// answered it.
    pub fn set_cancel_hook(&mut self, snapshot: &Snapshot, hook: CancelHook) {
        if snapshot.fate.is_cancelled() {
            self.effects.cancelled.push(hook);
        } else if let Some(question) = self.questions.open.get_mut(&snapshot.id) {
            question.hook = Some(hook);
        }
    }

    /// A request needs no answer of the host any more.
    fn settle(&mut self, id: QuestionId, fate: Fate) {
        let Some(question) = self.questions.open.get_mut(&id) else { return };
        question.snapshot.fate.set(fate);
        self.effects.cancelled.extend(question.hook.take());
    }

    pub(super) fn resolved_by_runtime(&mut self, notification: &Notification<'_>) {
        let raw = member(notification.params, "requestId").unwrap_or_default();
        let rpc_id = raw.parse().map(RpcId::Number).ok().or_else(|| string(raw).map(RpcId::Text));
        let known = self
            .questions
            .open
            .iter()
            .find(|(_, question)| Some(&question.rpc_id) == rpc_id.as_ref())
            .map(|(id, _)| *id);
        match known {
            Some(id) => self.resolve(id, self.fate_without_answer(id), Some(notification)),
            None => self.push_client_event(Event::of(Method::of(&notification.method), notification)),
        }
    }

    /// Why the runtime wants no answer of the host: an interrupt of the host is what ends the request, or somebody else has answered.
    fn fate_without_answer(&self, id: QuestionId) -> Fate {
        let slot = self.questions.open.get(&id).and_then(|question| question.slot).and_then(|slot| self.slot(slot));
        match slot.and_then(|index| self.slots[index].interrupt) {
            Some(_) => Fate::TurnEnded,
            None => Fate::Resolved,
        }
    }

    /// A request needs no answer any more. The event says so where the request was delivered.
    fn resolve(&mut self, id: QuestionId, fate: Fate, notification: Option<&Notification<'_>>) {
        if self.questions.open.get(&id).is_some_and(|question| question.state != State::Answered) {
            self.settle(id, fate);
        }
        let Some(question) = self.questions.open.remove(&id) else { return };
        let event = match notification {
            Some(notification) => told_by_runtime(&question, notification),
            None => resolved_event(&question),
        };
        let event = event.with_request_id(id);
        match self.reader_of(&question) {
            Some(handle) => self.push_turn_event(handle, event),
            None => self.push_client_event(event),
        }
    }

    fn reader_of(&self, question: &Question) -> Option<HandleId> {
        if let Destination::Turn(handle) = question.destination {
            return Some(handle);
        }
        let index = question.slot.and_then(|slot| self.slot(slot))?;
        let handles = self.slots[index].handles.iter().copied();
        handles.into_iter().find(|handle| self.handles[*handle].delivery != Delivery::Discarded)
    }

    pub(super) fn cancel_questions_of(&mut self, index: usize) {
        let slot = self.slot_ref(index);
        for id in self.questions.ids(|question| question.slot == Some(slot)) {
            self.resolve(id, Fate::TurnEnded, None);
        }
    }

    pub(super) fn cancel_questions_of_turn(&mut self, turn_id: &str) {
        for id in self.questions.ids(|question| question.snapshot.turn_id == turn_id) {
            self.resolve(id, Fate::TurnEnded, None);
        }
    }

    pub(super) fn cancel_all_questions(&mut self) {
        for id in self.questions.ids(|_| true) {
            self.resolve(id, Fate::TurnEnded, None);
        }
    }

    pub(super) fn decline_all_questions(&mut self, now: Instant) {
        for id in self.questions.ids(|question| question.state != State::Answered) {
            self.decline(now, id, Unanswered::Closed);
        }
    }
}

/// The first protocol calls a thread a conversation.
fn thread_of(notification: &Notification<'_>) -> String {
    let conversation = || member(notification.params, "conversationId").and_then(string);
    let thread = Some(&*notification.ids.thread).filter(|thread| !thread.is_empty()).map(str::to_owned);
    thread.or_else(conversation).unwrap_or_default()
}

fn already_answered() -> Error {
    Fate::Answered.refusal()
}

fn request_event(snapshot: &Snapshot) -> Box<Event> {
    let Snapshot { id, method, params, thread_id, turn_id, .. } = snapshot;
    let item_id = member(params, "itemId").and_then(string).unwrap_or_default();
    let parts = Parts { method, json: params, thread_id, turn_id, item_id: &item_id };
    Event::new(EventKind::Request, parts).with_request_id(*id)
}

/// The runtime does not say of which turn the request was.
fn told_by_runtime(question: &Question, notification: &Notification<'_>) -> Box<Event> {
    let mut told = notification.clone();
    told.ids.turn = question.snapshot.turn_id.as_str().into();
    Event::of(Method::of(&told.method), &told)
}

fn resolved_event(question: &Question) -> Box<Event> {
    let Snapshot { thread_id, turn_id, .. } = &question.snapshot;
    let json = format!("{{\"threadId\":{},\"requestId\":{}}}", quote(thread_id), question.rpc_id);
    let parts = Parts { method: "serverRequest/resolved", json: &json, thread_id, turn_id, ..Parts::default() };
    Event::new(EventKind::RequestResolved, parts)
}
