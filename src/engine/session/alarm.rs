//! Tells a host with an event loop that the client queue has something for it: once each time it goes from empty to not empty.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::Session;
use crate::sys::WakeupFd;

/// A callback of the host's, until it is replaced.
pub struct Wakeup(Mutex<Option<Box<dyn Fn() + Send>>>);

impl Wakeup {
    /// A wake-up that calls `callback`.
    pub fn new(callback: impl Fn() + Send + 'static) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(Box::new(callback)))))
    }

    /// Calls it, unless it was silenced.
    pub fn ring(&self) {
        if let Some(callback) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            callback();
        }
    }

    /// When this returns, the callback runs no more.
    pub fn silence(&self) {
        let callback = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(callback);
    }
}

impl fmt::Debug for Wakeup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wakeup")
    }
}

#[derive(Debug, Default)]
pub(super) struct Alarm {
    fd: Option<Arc<WakeupFd>>,
    wakeup: Option<Arc<Wakeup>>,
    raised: Raised,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Raised {
    #[default]
    No,
    Yes,
}

impl Session {
    /// Has `wakeup` rung when the client queue gets something, and at once if it has something now. Gives the former one.
    pub fn set_wakeup(&mut self, wakeup: Option<Arc<Wakeup>>) -> Option<Arc<Wakeup>> {
        self.open_client_queue();
        let former = std::mem::replace(&mut self.alarm.wakeup, wakeup);
        if self.client_has_something() {
            self.effects.wakeups.extend(self.alarm.wakeup.clone());
        }
        former
    }

    /// The descriptor that is readable while the client queue has something; `make` is asked for it once.
    pub fn wakeup_fd(&mut self, make: impl FnOnce() -> Option<WakeupFd>) -> Option<Arc<WakeupFd>> {
        self.open_client_queue();
        if self.alarm.fd.is_none() {
            self.alarm.fd = make().map(Arc::new);
            if self.client_has_something() {
                self.alarm.fd.iter().for_each(|fd| fd.raise());
            }
        }
        self.alarm.fd.clone()
    }

    /// The reader was told that nothing is there, and will come back only when it is called.
    pub(super) fn rearm_alarm(&mut self) {
        self.alarm.raised = Raised::No;
    }

    /// The client queue has changed.
    pub(super) fn update_alarm(&mut self) {
        match (self.alarm.raised, self.client_has_something()) {
            (Raised::No, true) => {
                self.alarm.raised = Raised::Yes;
                self.alarm.fd.iter().for_each(|fd| fd.raise());
                self.effects.wakeups.extend(self.alarm.wakeup.clone());
            }
            (Raised::Yes, false) => {
                self.alarm.raised = Raised::No;
                self.alarm.fd.iter().for_each(|fd| fd.clear());
            }
            _ => {}
        }
    }
}
