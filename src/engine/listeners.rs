//! Those who wait for a change.

use std::task::Waker;
use std::vec::Drain;

/// Whom to wake at the next change, each once.
#[derive(Debug, Default)]
pub struct Listeners(Vec<Waker>);

impl Listeners {
    /// Has `waker` called at the next change. Whoever drives listens again after each step.
    pub fn add(&mut self, waker: &Waker) {
        if !self.0.iter().any(|known| known.will_wake(waker)) {
            self.0.reserve_exact(1);
            self.0.push(waker.clone());
        }
    }

    /// Forgets one that waits no more: the next change may never come.
    pub fn remove(&mut self, waker: &Waker) {
        self.0.retain(|known| !known.will_wake(waker));
    }

    /// All of them, to be woken once no lock is held.
    pub fn take(&mut self) -> Drain<'_, Waker> {
        self.0.drain(..)
    }

    /// How many wait.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}
