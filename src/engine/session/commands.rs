//! The commands that a turn leaves running when it is interrupted: the runtime keeps them, unless it is told otherwise.

use std::time::{Duration, Instant};

use super::Session;
use super::purpose::Purpose;
use super::slots::{SlotPhase, SlotRef};
use super::timers::Timer;
use crate::engine::error::Result;
use crate::engine::json::{Object, member};
use crate::engine::log::Level;
use crate::engine::method;
use crate::engine::result::EndedBy;
use crate::engine::rpc::CallDeadline;

/// How long the runtime may take to end the commands of a turn that is over.
const COMMANDS: Duration = Duration::from_secs(2);

/// What an interrupt of the host ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// The turn; commands that it began run on.
    Turn,
    /// The turn and the commands that it began.
    TurnAndCommands,
}

impl Session {
    /// Whether the commands of a turn end with it: always when a limit was crossed, else as the options say.
    pub(super) fn takes_commands_along(&self, index: usize) -> bool {
        self.slots[index].interrupt.is_some_and(|interrupt| match interrupt.cause {
            EndedBy::Interrupted => self.config.interrupts == Interrupts::TurnAndCommands,
            _ => true,
        })
    }

    /// The runtime has said how a turn ended.
    pub(super) fn turn_reported(&mut self, now: Instant, index: usize) {
        if self.takes_commands_along(index) {
            self.end_commands(now, index);
        }
        if self.slots[index].commands.is_empty() {
            self.end_reported(now, index);
        }
    }

    /// Tells the runtime to end the commands of a turn, and waits for their items, for a while.
    fn end_commands(&mut self, now: Instant, index: usize) {
        let slot = self.slot_ref(index);
        let give_up_at = now + COMMANDS;
        let turn = &mut self.slots[index];
        let running = turn.collector.running_commands();
        turn.commands = running.iter().map(|command| command.item_id.clone()).collect();
        turn.phase = SlotPhase::Ending;
        if let Some(interrupt) = &mut turn.interrupt {
            interrupt.give_up_at = give_up_at;
        }
        for command in running {
            let purpose = Purpose::EndCommand { slot, item_id: command.item_id };
            self.terminate(index, &command.process_id, Some(give_up_at.into()), purpose);
        }
        self.arm(give_up_at, Timer::Turn(slot));
    }

    /// The runtime does not say how the turn ended: its commands are ended without waiting.
    pub(super) fn abandon_commands(&mut self, index: usize, deadline: Instant) {
        if self.takes_commands_along(index) {
            for command in self.slots[index].collector.running_commands() {
                self.terminate(index, &command.process_id, Some(deadline.into()), Purpose::Nobody);
            }
        }
    }

    fn terminate(&mut self, index: usize, process_id: &str, deadline: Option<CallDeadline>, purpose: Purpose) {
        let thread_id = &self.slots[index].thread_id;
        let params = Object::new().with_string("threadId", thread_id).with_string("processId", process_id);
        self.peer.call(method::THREAD_BACKGROUND_TERMINALS_TERMINATE, &params.to_json(), deadline, purpose);
        self.wake_driver();
    }

    /// The item of a command that the runtime ends is still to come; one that it does not know has come, or never will.
    pub(super) fn end_command_answered(&mut self, now: Instant, slot: SlotRef, item_id: &str, answer: Result<&str>) {
        let Some(index) = self.slot(slot) else { return };
        match answer {
            Ok(result) if member(result, "terminated") == Some("true") => return,
            Ok(_) => {}
            Err(error) => {
                self.log.emit(Level::Warn, "codex::turn", || format!("a command was not ended: {error}"));
            }
        }
        self.command_ended(now, index, item_id);
    }

    pub(super) fn command_ended(&mut self, now: Instant, index: usize, item_id: &str) {
        let turn = &mut self.slots[index];
        turn.commands.retain(|known| known != item_id);
        if turn.phase == SlotPhase::Ending && turn.commands.is_empty() {
            self.end_reported(now, index);
        }
    }
}
