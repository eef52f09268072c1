//! A value that threads and tasks can both wait on.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

#[derive(Debug, Default)]
pub(crate) struct Watched<T> {
    value: Mutex<T>,
    changed: Condvar,
    notify: Notify,
}

impl<T> Watched<T> {
    pub(crate) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.lock())
    }

    pub(crate) fn update<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        let result = change(&mut self.lock());
        self.changed.notify_all();
        self.notify.notify_waiters();
        result
    }

    /// Blocks the thread until `ready` holds; false when it does not within the time.
    pub(crate) fn wait(&self, timeout: Duration, ready: impl Fn(&T) -> bool) -> bool {
        let (value, _) = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |value| !ready(value))
            .unwrap_or_else(PoisonError::into_inner);
        ready(&value)
    }

    /// Suspends the task until `ready` holds.
    pub(crate) async fn until(&self, ready: impl Fn(&T) -> bool) {
        loop {
            // Created before the look, so that a change between the two still wakes it.
            let notified = self.notify.notified();
            if self.read(&ready) {
                return;
            }
            notified.await;
        }
    }

    // A panic of a test's own closure leaves the value whole.
    fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
