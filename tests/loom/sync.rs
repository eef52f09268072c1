//! Loom's locks in the place of those of std, and a clock: loom has no time.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::sync::LockResult;
use std::time::Duration;

use loom::sync as model;

/// What becomes of a wait with a time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Time {
    /// It lasts until somebody notifies: nothing may depend on a limit that passes.
    Stands,
    /// It may end at any moment: nothing may depend on a limit that does not pass.
    Flies,
}

thread_local! {
    static TIME: Cell<Time> = const { Cell::new(Time::Stands) };
}

impl Time {
    /// From now on it does, for all threads of the model, which loom runs on this one.
    pub fn set(self) {
        TIME.set(self);
    }
}

#[derive(Debug)]
pub struct Mutex<T>(model::Mutex<T>);

#[derive(Debug)]
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    guard: model::MutexGuard<'a, T>,
}

#[derive(Debug)]
pub struct Condvar(model::Condvar);

impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Self(model::Mutex::new(value))
    }

    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        Ok(MutexGuard { mutex: self, guard: self.0.lock().expect("nothing is poisoned") })
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

impl Condvar {
    pub fn new() -> Self {
        Self(model::Condvar::new())
    }

    pub fn wait<'a, T>(&self, held: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let MutexGuard { mutex, guard } = held;
        Ok(MutexGuard { mutex, guard: self.0.wait(guard).expect("nothing is poisoned") })
    }

    /// Whether the limit passed is not told: nobody asks.
    pub fn wait_timeout<'a, T>(
        &self,
        held: MutexGuard<'a, T>,
        _limit: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        let held = match TIME.get() {
            Time::Stands => self.wait(held).expect("nothing is poisoned"),
            // Between the two, everybody else may run, and for as long as they like.
            Time::Flies => {
                let mutex = held.mutex;
                drop(held);
                mutex.lock().expect("nothing is poisoned")
            }
        };
        Ok((held, ()))
    }

    pub fn notify_one(&self) {
        self.0.notify_one();
    }
}
