//! The sandbox of a turn that is to be as the runtime is configured.
//!
//! What the policy of a turn does not say is off, whatever the configuration says: network that is allowed would be forbidden,
//! and a directory that is excluded could be written. So the configuration is asked for, and said again.

use std::sync::Arc;
use std::time::Instant;

use super::Session;
use super::purpose::Purpose;
use super::slots::{Slot, SlotRef};
use super::threads::Waits;
use crate::engine::error::Result;
use crate::engine::json::{Object, member};
use crate::engine::method;
use crate::engine::policy::{TurnSandbox, workspace_of_config, workspace_of_thread};

impl Slot {
    /// Whether it cannot begin before its sandbox is known.
    pub(super) fn awaits_sandbox(&self) -> bool {
        self.start.as_ref().is_some_and(|start| start.sandbox == TurnSandbox::ConfiguredWorkspace)
    }
}

impl Session {
    /// Puts the sandbox into what begins a turn. Unless the thread tells, the runtime is asked, and the turn waits.
    pub(super) fn settle_sandbox(&mut self, index: usize, thread_id: &str) -> Waits {
        if !self.slots[index].awaits_sandbox() {
            return Waits::No;
        }
        let info = self.info_of_thread(thread_id).unwrap_or_default();
        if let Some(policy) = workspace_of_thread(&info) {
            self.set_sandbox(index, policy);
            return Waits::No;
        }
        let slot = self.slot_ref(index);
        let Some(start) = &self.slots[index].start else { return Waits::No };
        let cwd = member(&start.params, "cwd").or_else(|| member(&info, "cwd")).unwrap_or("null");
        let purpose = Purpose::Sandbox { slot, thread_id: Arc::from(thread_id) };
        let params = Object::new().with_raw("cwd", cwd).to_json();
        self.peer.call(method::CONFIG_READ, &params, start.deadline, purpose);
        self.wake_driver();
        Waits::Yes
    }

    /// The runtime has told how it is configured.
    pub(super) fn sandbox_answered(&mut self, now: Instant, slot: SlotRef, thread_id: &str, answer: Result<&str>) {
        let Some(index) = self.slot(slot) else { return };
        match answer {
            Ok(answer) => {
                self.set_sandbox(index, &workspace_of_config(answer));
                self.start_waiting_turn(now, slot, thread_id);
            }
            Err(error) => self.fail_start(now, index, error),
        }
    }

    fn set_sandbox(&mut self, index: usize, policy: &str) {
        let Some(start) = &mut self.slots[index].start else { return };
        start.sandbox = TurnSandbox::AsSaid;
        if let Ok(mut params) = Object::parse(&start.params) {
            params.set_raw("sandboxPolicy", policy);
            start.params = params.to_json();
        }
    }
}
