//! Who drives the connection: the callers that wait, or the background thread while nobody does.
//!
//! A caller that waits reads the connection itself, which saves a thread hop per event. The background thread takes over when
//! nobody has waited for a short while, or at once when there is something to do and nobody does it; it lets go as soon as
//! somebody waits. Idle, it sleeps in the kernel and wakes for nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How long nobody must have waited before the background thread takes over: a reader that handles an event comes back.
const GRACE: Duration = Duration::from_millis(20);

/// Whether the background thread leaves a reader the time to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eagerness {
    /// It does: all that happens, happens for callers that wait.
    Patient,
    /// It does not: handlers and wake-ups must be served while nobody waits.
    Eager,
}

/// What the background thread is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shift {
    /// Drive until relieved.
    Drive,
    /// The connection is over.
    Over,
}

/// Passes the connection between the callers that wait and the background thread.
#[derive(Debug)]
pub struct Baton {
    /// How many callers wait.
    waiting: AtomicUsize,
    /// Grows each time a caller stops waiting.
    waits: AtomicU64,
    /// Set while the background thread drives.
    driving: AtomicBool,
    /// Set while the background thread sleeps until it is called.
    resting: AtomicBool,
    eager: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    demanded: bool,
    over: bool,
    relieve: Option<Waker>,
}

/// A caller that waits, for as long as this lives.
#[derive(Debug)]
pub struct Waiting<'a>(&'a Baton);

impl Baton {
    /// Nobody waits yet.
    pub fn new(eagerness: Eagerness) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            waits: AtomicU64::new(0),
            driving: AtomicBool::new(false),
            resting: AtomicBool::new(false),
            eager: AtomicBool::new(eagerness == Eagerness::Eager),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// The calling thread is about to wait, and to drive while it does.
    pub fn wait(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        if self.driving.load(Ordering::SeqCst)
            && let Some(relieve) = self.lock().relieve.take()
        {
            relieve.wake();
        }
        Waiting(self)
    }

    /// From now on the background thread takes over as soon as nobody waits.
    pub fn set_eager(&self) {
        let state = self.lock();
        self.eager.store(true, Ordering::SeqCst);
        drop(state);
        self.changed.notify_one();
    }

    /// There is something to do: if nobody drives, the background thread must.
    pub fn demand(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 || self.driving.load(Ordering::SeqCst) {
            return;
        }
        self.lock().demanded = true;
        self.changed.notify_one();
    }

    /// The connection is over; the background thread ends.
    pub fn finish(&self) {
        let mut state = self.lock();
        state.over = true;
        let relieve = state.relieve.take();
        drop(state);
        self.changed.notify_one();
        relieve.into_iter().for_each(Waker::wake);
    }

    /// For the background thread: waits for its turn.
    pub fn next_shift(&self) -> Shift {
        let mut state = self.lock();
        loop {
            if state.over {
                return Shift::Over;
            }
            if state.demanded {
                break;
            }
            let waits = self.waits.load(Ordering::SeqCst);
            let nobody = self.waiting.load(Ordering::SeqCst) == 0;
            if nobody && self.eager.load(Ordering::SeqCst) {
                break;
            }
            state = self.changed.wait_timeout(state, GRACE).unwrap_or_else(PoisonError::into_inner).0;
            if self.waits.load(Ordering::SeqCst) != waits || state.demanded || state.over {
                continue;
            }
            if self.waiting.load(Ordering::SeqCst) == 0 {
                break;
            }
            state = self.rest(state);
        }
        state.demanded = false;
        self.driving.store(true, Ordering::SeqCst);
        Shift::Drive
    }

    /// Somebody waits and nothing comes: sleep until the last of them leaves.
    fn rest<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.resting.store(true, Ordering::SeqCst);
        while self.waiting.load(Ordering::SeqCst) > 0 && !state.over && !state.demanded {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        self.resting.store(false, Ordering::SeqCst);
        state
    }

    /// For the background thread while it drives: ready when a caller waits or the connection is over.
    pub fn poll_relieved(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.over || self.waiting.load(Ordering::SeqCst) > 0 {
            return Poll::Ready(());
        }
        state.relieve = Some(cx.waker().clone());
        Poll::Pending
    }

    /// For the background thread: it drives no more.
    pub fn let_go(&self) {
        self.driving.store(false, Ordering::SeqCst);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let baton = self.0;
        baton.waits.fetch_add(1, Ordering::SeqCst);
        let last = baton.waiting.fetch_sub(1, Ordering::SeqCst) == 1;
        if last && (baton.eager.load(Ordering::SeqCst) || baton.resting.load(Ordering::SeqCst)) {
            let state = baton.lock();
            drop(state);
            baton.changed.notify_one();
        }
    }
}
