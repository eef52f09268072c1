//! What whoever holds the lock is to do once it is let go.

use std::sync::Arc;
use std::task::Waker;

use super::{CancelHook, Place, Recipient, Session, Snapshot, Wakeup};
use crate::engine::rpc::RpcId;

/// What is to be done once the lock is let go.
#[derive(Default)]
pub struct Effects {
    /// Whether there is something for whoever drives.
    pub demanded: bool,
    /// Whom to wake.
    pub wakers: Vec<Waker>,
    /// Requests for functions of the host.
    pub asked: Vec<(Recipient, Snapshot, Place)>,
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

impl Session {
    /// What is to be done once the lock is let go, if anything is.
    pub fn take_effects(&mut self) -> Option<Effects> {
        (!self.effects.is_empty()).then(|| std::mem::take(&mut self.effects))
    }
}
