//! What each call was made for, and so what becomes of its answer.

use std::sync::Arc;
use std::time::Instant;

use super::Session;
use super::calls::HostCall;
use super::limits::ANY_TURN;
use super::reconcile::Step;
use super::slots::SlotRef;
use super::threads::ThreadKey;
use super::turns::turn_id_of;
use crate::engine::error::{Error, Result, Status};
use crate::engine::log::Level;
use crate::engine::reason::rpc_error;
use crate::engine::rpc::{Answered, Expired, Outcome, RpcId};

/// What a call was made for.
#[derive(Clone, Debug)]
pub(super) enum Purpose {
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
    Reconcile { slot: SlotRef, step: Step },
    /// Nobody waits for it.
    Nobody,
}

impl Session {
    pub(super) fn answered(&mut self, now: Instant, id: &RpcId, outcome: &Outcome<'_>) {
        match self.peer.answered(now, id, outcome) {
            Answered::Call(purpose, method) => {
                let answer = match outcome {
                    Outcome::Result(result) => Ok(*result),
                    Outcome::Error(error) => Err(self.cleaned(rpc_error(&method, error))),
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

    pub(super) fn complete(&mut self, now: Instant, purpose: Purpose, answer: Result<&str>) {
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
        let Some(turn_id) = answer.ok().and_then(turn_id_of) else { return };
        if self.slots.iter().any(|(_, slot)| *slot.thread_id == *thread_id) {
            return;
        }
        self.log.emit(Level::Warn, "codex::turn", || {
            format!("turn {turn_id} started after its caller had given up; it is interrupted")
        });
        self.send_interrupt(thread_id, ANY_TURN, None, Purpose::Nobody);
    }
}

/// Why a call ended at its deadline.
pub(super) fn expiry(expired: &Expired<Purpose>) -> Error {
    let Expired { method, deadline, .. } = expired;
    let in_time = deadline.map_or_else(String::new, |deadline| format!(" {deadline}"));
    if expired.overloaded {
        let message = format!("the runtime was too busy to answer {method}{in_time}");
        return Error::new(Status::Overloaded, message).with_reason("overloaded").retryable();
    }
    let message = format!("the runtime did not answer {method}{in_time}; it may still act on it");
    Error::new(Status::TimedOut, message)
}
