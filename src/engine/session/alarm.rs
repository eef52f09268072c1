//! Tells a host with an event loop that the client queue has something for it: once each time it goes from empty to not empty.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use super::Session;
use crate::sys::WakeupFd;

/// A callback of the host's, until it is replaced. It runs on one thread at a time and with no lock held: what the host does
/// inside may have it rung again.
pub struct Wakeup {
    state: Mutex<State>,
    idle: Condvar,
}

struct State {
    callback: Option<Arc<Callback>>,
    /// How often it is still to be called by the thread that calls it now.
    due: usize,
    caller: Option<ThreadId>,
}

type Callback = dyn Fn() + Send + Sync;

impl Wakeup {
    /// A wake-up that calls `callback`.
    pub fn new(callback: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        let state = State { callback: Some(Arc::new(callback)), due: 0, caller: None };
        Arc::new(Self { state: Mutex::new(state), idle: Condvar::new() })
    }

    /// Calls it, or has it called by the thread that calls it already; unless it was silenced.
    pub fn ring(&self) {
        let mut state = self.lock();
        state.due += 1;
        if state.caller.is_some() {
            return;
        }
        state.caller = Some(thread::current().id());
        drop(state);
        let _calling = Calling(self);
        while let Some(callback) = self.next_call() {
            callback();
        }
    }

    fn next_call(&self) -> Option<Arc<Callback>> {
        let mut state = self.lock();
        if state.due == 0 || state.callback.is_none() {
            self.stop(&mut state);
            return None;
        }
        state.due -= 1;
        state.callback.clone()
    }

    fn stop(&self, state: &mut State) {
        state.due = 0;
        state.caller = None;
        self.idle.notify_all();
    }

    /// When this returns, the callback runs no more; unless it is the callback that asks for it.
    pub fn silence(&self) {
        let mut state = self.lock();
        let callback = state.callback.take();
        while state.caller.is_some_and(|caller| caller != thread::current().id()) {
            state = self.idle.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        drop(callback);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A callback that panics is called no more by this thread, and holds up no other.
struct Calling<'a>(&'a Wakeup);

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        if state.caller == Some(thread::current().id()) {
            self.0.stop(&mut state);
        }
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{OnceLock, Weak, mpsc};
    use std::time::Duration;

    use super::*;

    /// A wake-up that counts its calls and does `work` in each; `work` gets the wake-up and the number of the call.
    fn counting(work: impl Fn(&Wakeup, usize) + Send + Sync + 'static) -> (Arc<Wakeup>, Arc<AtomicUsize>) {
        let calls = Arc::new(AtomicUsize::new(0));
        let own = Arc::new(OnceLock::<Weak<Wakeup>>::new());
        let (counter, known) = (Arc::clone(&calls), Arc::clone(&own));
        let wakeup = Wakeup::new(move || {
            let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
            work(&known.get().unwrap().upgrade().unwrap(), number);
        });
        own.set(Arc::downgrade(&wakeup)).unwrap();
        (wakeup, calls)
    }

    #[test]
    fn a_wake_up_that_is_rung_while_it_is_called_is_called_again_afterwards() {
        let (wakeup, calls) = counting(|own, number| {
            if number == 1 {
                own.ring();
                own.ring();
            }
        });
        wakeup.ring();
        assert_eq!(calls.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn a_wake_up_may_silence_itself() {
        let (wakeup, calls) = counting(|own, _| {
            own.ring();
            own.silence();
        });
        wakeup.ring();
        wakeup.ring();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn whoever_rings_does_not_wait_for_a_callback_that_runs_on_another_thread() {
        let (release, gate) = mpsc::channel::<()>();
        let (started, running) = mpsc::channel();
        let gate = Mutex::new(gate);
        let (wakeup, calls) = counting(move |_, _| {
            started.send(()).unwrap();
            let _ = gate.lock().unwrap().recv_timeout(Duration::from_secs(20));
        });
        let ringing = Arc::clone(&wakeup);
        let thread = thread::spawn(move || ringing.ring());
        running.recv().unwrap();
        wakeup.ring();
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        drop(release);
        thread.join().unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_wake_up_that_panicked_can_be_rung_again() {
        let (wakeup, calls) = counting(|_, number| {
            if number == 1 {
                std::panic::resume_unwind(Box::new(()));
            }
        });
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| wakeup.ring())).unwrap_err();
        wakeup.ring();
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }
}
