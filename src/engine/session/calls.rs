//! Calls of the host: those that a caller waits for, and those whose answer becomes an event.

use std::time::{Duration, Instant};

use slab::Slab;

use super::Session;
use super::purpose::Purpose;
use crate::engine::error::{Error, Result, Status};
use crate::engine::event::{Event, EventKind, Parts};
use crate::engine::json::{Object, member};
use crate::engine::listeners::Listeners;
use crate::engine::method;
use crate::engine::rpc::CallDeadline;

/// A call that somebody waits for.
pub type HostCall = usize;

#[derive(Debug, Default)]
pub(super) struct HostCalls {
    calls: Slab<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    answer: Option<Result<String>>,
    listeners: Listeners,
}

impl HostCalls {
    pub(super) fn is_empty(&self) -> bool {
        self.calls.iter().all(|(_, call)| call.answer.is_some())
    }

    pub(super) fn unanswered(&self) -> Vec<HostCall> {
        self.calls.iter().filter(|(_, call)| call.answer.is_none()).map(|(index, _)| index).collect()
    }

    pub(super) fn listeners(&mut self, call: HostCall) -> &mut Listeners {
        &mut self.calls[call].listeners
    }
}

impl Session {
    /// Makes a call that somebody will wait for; [`Session::take_answer`] must follow.
    pub fn begin_call(&mut self, method: &str, params: &str, deadline: Option<CallDeadline>) -> Result<HostCall> {
        self.ensure_open()?;
        self.ensure_room_to_write(params.len())?;
        self.ensure_understood(method, params)?;
        let call = self.calls.calls.insert(Waiting::default());
        self.peer.call(method, params, deadline, Purpose::Host(call));
        self.wake_driver();
        Ok(call)
    }

    /// The answer of a call, once it is there.
    pub fn take_answer(&mut self, call: HostCall) -> Option<Result<String>> {
        let answer = self.calls.calls[call].answer.take()?;
        self.calls.calls.remove(call);
        Some(answer)
    }

    /// Nobody waits for a call any more.
    pub fn forget_call(&mut self, call: HostCall) {
        self.calls.calls.try_remove(call);
    }

    pub(super) fn host_call_answered(&mut self, call: HostCall, answer: Result<&str>) {
        let Some(waiting) = self.calls.calls.get_mut(call) else { return };
        if waiting.answer.is_none() {
            waiting.answer = Some(answer.map(str::to_owned));
            self.effects.wakers.extend(waiting.listeners.take());
        }
    }

    /// Makes a call whose answer becomes an event of the client queue.
    pub fn begin_event_call(
        &mut self,
        method: &str,
        params: &str,
        deadline: Option<CallDeadline>,
        user_data: usize,
    ) -> Result<u64> {
        self.ensure_open()?;
        self.ensure_room_to_write(params.len())?;
        self.ensure_understood(method, params)?;
        self.open_client_queue();
        let call_id = self.serial();
        self.peer.call(method, params, deadline, Purpose::Event { call_id, user_data });
        self.wake_driver();
        Ok(call_id)
    }

    pub(super) fn event_call_answered(&mut self, call_id: u64, user_data: usize, answer: Result<&str>) {
        let (json, error) = match answer {
            Ok(result) => (result.to_owned(), None),
            Err(error) => (error.to_json(), Some(error)),
        };
        let nested = |object: &str, key: &str| {
            member(&json, object).and_then(|inner| member(inner, key)).and_then(crate::engine::json::string)
        };
        let thread_id = nested("thread", "id").unwrap_or_default();
        let turn_id = nested("turn", "id").unwrap_or_default();
        let parts = Parts { json: &json, thread_id: &thread_id, turn_id: &turn_id, ..Parts::default() };
        let event =
            Event::new(EventKind::Response, parts).with_call_id(call_id).with_user_data(user_data).with_error(error);
        self.push_client_event(event);
    }

    /// Sends a notification.
    pub fn notify(&mut self, method: &str, params: Option<&str>) -> Result<()> {
        self.ensure_open()?;
        self.ensure_room_to_write(params.map_or(0, str::len))?;
        self.peer.notify(method, params);
        self.wake_driver();
        Ok(())
    }

    /// Fails while too much waits to be written, because the runtime does not read. Alone, a message may be as long as it likes.
    pub(super) fn ensure_room_to_write(&self, bytes: usize) -> Result<()> {
        let waiting = self.peer.unwritten_bytes() + self.unbegun_bytes();
        if waiting == 0 || waiting + bytes <= self.ceiling_beside_queues() {
            return Ok(());
        }
        let message = format!(
            "{waiting} bytes already wait to be written to the runtime; try again when it has read them, or raise \
             max_queued_bytes"
        );
        Err(Error::new(Status::Overloaded, message).with_reason("outboxFull").retryable())
    }

    /// What the calls occupy that are to begin turns, and wait for a thread or a sandbox.
    fn unbegun_bytes(&self) -> usize {
        self.slots.iter().filter_map(|(_, slot)| slot.start.as_ref()).map(|start| start.params.len()).sum()
    }

    /// The deadline of a call that is made now.
    pub fn default_deadline(&self, now: Instant) -> Option<CallDeadline> {
        self.config.request_timeout.and_then(|timeout| CallDeadline::of_options(now, timeout))
    }

    pub(super) fn send_interrupt(
        &mut self,
        thread_id: &str,
        turn_id: &str,
        deadline: Option<CallDeadline>,
        purpose: Purpose,
    ) {
        let params = Object::new().with_string("threadId", thread_id).with_string("turnId", turn_id);
        self.peer.call(method::TURN_INTERRUPT, &params.to_json(), deadline, purpose);
        self.wake_driver();
    }
}

/// How long the runtime may take over something that the library asks by itself.
pub(super) const OWN_CALL: Duration = Duration::from_secs(10);

/// The error of a turn whose runtime answers nothing.
pub(super) fn unanswered(what: &str, error: &Error) -> Error {
    match error.status() {
        Status::TimedOut => Error::new(Status::Transport, format!("the runtime answers nothing, not even {what}")),
        _ => error.clone(),
    }
}
