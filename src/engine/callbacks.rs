//! Threads on which the host's callbacks run, and nothing else.

use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::sys;

type Job = Box<dyn FnOnce() + Send>;

/// How many jobs may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// Any number: each of them must be done.
    Unbounded,
    /// At most this many; the rest are dropped and counted.
    Bounded(usize),
}

/// A queue of jobs with threads of its own. The threads end when the queue is closed and empty.
pub struct Callbacks {
    state: Mutex<State>,
    changed: Condvar,
    capacity: Capacity,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    running: usize,
    closed: bool,
}

thread_local! {
    static SERVED: Cell<usize> = const { Cell::new(0) };
}

impl Callbacks {
    /// Starts `threads` threads that do the jobs in order.
    pub fn start(name: &str, threads: usize, capacity: Capacity) -> std::io::Result<Arc<Self>> {
        let state = Mutex::default();
        let callbacks = Arc::new(Self { state, changed: Condvar::new(), capacity, dropped: AtomicU64::new(0) });
        for _ in 0..threads {
            let served = Arc::clone(&callbacks);
            sys::spawn_thread(name, move || served.serve()).inspect_err(|_| callbacks.close())?;
        }
        Ok(callbacks)
    }

    /// Appends a job.
    pub fn push(&self, job: impl FnOnce() + Send + 'static) {
        let mut state = self.lock();
        let full = matches!(self.capacity, Capacity::Bounded(limit) if state.jobs.len() >= limit);
        if full || state.closed {
            drop(state);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.jobs.push_back(Box::new(job));
        drop(state);
        self.changed.notify_all();
    }

    /// No more jobs: the threads do what is there and end.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Waits until no job is running or waiting, or until the deadline.
    pub fn wait_idle(&self, deadline: Instant) {
        let mut state = self.lock();
        while state.running > 0 || !state.jobs.is_empty() {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return };
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many jobs found no room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Whether the calling thread is one of these.
    pub fn is_current(&self) -> bool {
        SERVED.get() == self.identity()
    }

    fn identity(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    fn serve(&self) {
        SERVED.set(self.identity());
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                state.running += 1;
                drop(state);
                let _ = catch_unwind(AssertUnwindSafe(job));
                state = self.lock();
                state.running -= 1;
                self.changed.notify_all();
                continue;
            }
            if state.closed {
                return;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Callbacks").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn jobs_are_done_in_order_on_a_thread_that_knows_its_queue() {
        let callbacks = Callbacks::start("codex-test", 1, Capacity::Unbounded).unwrap();
        let (sender, receiver) = mpsc::channel();
        for number in 0..10 {
            let (sender, own) = (sender.clone(), Arc::clone(&callbacks));
            callbacks.push(move || sender.send((number, own.is_current())).unwrap());
        }
        callbacks.wait_idle(Instant::now() + Duration::from_secs(10));
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), (0..10).map(|number| (number, true)).collect::<Vec<_>>());
        assert!(!callbacks.is_current());
        callbacks.close();
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let callbacks = Callbacks::start("codex-test", 1, Capacity::Bounded(1)).unwrap();
        let (release, gate) = mpsc::channel::<()>();
        let (started, running) = mpsc::channel();
        callbacks.push(move || {
            started.send(()).unwrap();
            let _ = gate.recv();
        });
        running.recv().unwrap();
        callbacks.push(|| ());
        callbacks.push(|| ());
        assert_eq!(callbacks.dropped(), 1);
        drop(release);
        callbacks.close();
    }

    #[test]
    fn a_job_that_panics_does_not_end_the_thread() {
        let callbacks = Callbacks::start("codex-test", 1, Capacity::Unbounded).unwrap();
        let (sender, receiver) = mpsc::channel();
        callbacks.push(|| std::panic::resume_unwind(Box::new(())));
        callbacks.push(move || sender.send(()).unwrap());
        assert!(receiver.recv_timeout(Duration::from_secs(10)).is_ok());
        callbacks.close();
    }
}
