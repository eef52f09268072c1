//! A connection as far as the hand-over sees it: what `Connection`, the session and tokio do around the baton.

use std::future::{Future, poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use loom::thread::{self, JoinHandle};

use crate::baton::{Baton, Eagerness, Followed, Shift, Waiting};
use crate::sync::{Condvar, Mutex};

/// How long a caller waits for its event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As long as it takes.
    Endless,
    /// It looks, and leaves.
    Brief,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    Event,
    End,
    TimedOut,
}

/// One connection with some callers, each of which waits for an event of its own.
pub struct Connection {
    pub baton: Baton,
    runtime: Arc<Runtime>,
    session: Mutex<Session>,
    /// Held by whoever drives.
    driver: loom::sync::Mutex<()>,
    /// For those who look at what becomes of the session, and do not drive.
    changed: Condvar,
}

#[derive(Default)]
struct Session {
    unsent: usize,
    sent: usize,
    /// By caller, what lies in the pipe and what has been read from it.
    arrived: [usize; 2],
    delivered: [usize; 2],
    listeners: Vec<Waker>,
    closing: bool,
    over: bool,
}

impl Connection {
    pub fn open(eagerness: Eagerness) -> Arc<Self> {
        Arc::new(Self {
            baton: Baton::new(eagerness),
            runtime: Arc::new(Runtime { woken: Mutex::new(false), unparked: Condvar::new() }),
            session: Mutex::new(Session::default()),
            driver: loom::sync::Mutex::new(()),
            changed: Condvar::new(),
        })
    }

    /// Starts the background thread.
    pub fn serve(self: &Arc<Self>) -> JoinHandle<()> {
        self.spawn(|connection| {
            while connection.baton.next_shift() == Shift::Drive {
                connection
                    .drive(poll_fn(|_| if connection.baton.is_relieved() { Poll::Ready(()) } else { Poll::Pending }));
                connection.baton.let_go();
            }
        })
    }

    pub fn spawn(self: &Arc<Self>, body: impl FnOnce(&Self) + Send + 'static) -> JoinHandle<()> {
        let connection = Arc::clone(self);
        thread::spawn(move || body(&connection))
    }

    /// Waits for an event of `caller`.
    pub fn wait(&self, caller: usize, patience: Patience) -> Waited {
        self.wait_in(&self.baton.wait(), caller, patience)
    }

    /// The same on a thread that cannot drive.
    pub fn wait_beside(&self, caller: usize, patience: Patience) -> Waited {
        self.wait_in(&self.baton.wait_beside(), caller, patience)
    }

    fn wait_in(&self, waiting: &Waiting<'_>, caller: usize, patience: Patience) -> Waited {
        let mut look = |waker: &Waker| self.look(caller, waker);
        let left = || (patience == Patience::Brief).then_some(Duration::ZERO);
        let followed = waiting.follow(&mut look, left);
        if !matches!(followed, Followed::Found(_)) {
            self.leave_seat(waiting);
        }
        match followed {
            Followed::Found(found) => found,
            Followed::TimedOut => Waited::TimedOut,
            Followed::MyTurn => self.drive(poll_fn(|cx| match (look(cx.waker()), patience) {
                (Some(found), _) => Poll::Ready(found),
                (None, Patience::Brief) => Poll::Ready(Waited::TimedOut),
                (None, Patience::Endless) => Poll::Pending,
            })),
        }
    }

    fn leave_seat(&self, waiting: &Waiting<'_>) {
        if let Some(waker) = waiting.waker() {
            self.session.lock().unwrap().listeners.retain(|known| !known.will_wake(&waker));
        }
    }

    /// Waits, while something comes that is for nobody, until it is the calling thread that drives, and drives once.
    pub fn take_turn(&self) {
        let waiting = self.baton.wait();
        self.runtime.wake_by_ref();
        assert_eq!(waiting.follow(|_| None::<()>, || None), Followed::MyTurn);
        self.drive(ready(()));
    }

    fn look(&self, caller: usize, waker: &Waker) -> Option<Waited> {
        let mut session = self.session.lock().unwrap();
        if session.delivered[caller] > 0 {
            session.delivered[caller] -= 1;
            return Some(Waited::Event);
        }
        if session.over {
            return Some(Waited::End);
        }
        session.listeners.push(waker.clone());
        None
    }

    /// Drives on this thread until `done`.
    fn drive<T>(&self, done: impl Future<Output = T>) -> T {
        let _alone = self.driver.try_lock().expect("one thread drives at a time");
        let mut done = pin!(done);
        self.runtime.block_on(poll_fn(|cx| {
            self.baton.attend();
            self.move_messages();
            done.as_mut().poll(cx)
        }))
    }

    fn move_messages(&self) {
        let mut session = self.session.lock().unwrap();
        session.sent += std::mem::take(&mut session.unsent);
        let arrived = std::mem::take(&mut session.arrived);
        for (delivered, arrived) in session.delivered.iter_mut().zip(arrived) {
            *delivered += arrived;
        }
        let ends = session.closing && !session.over;
        session.over |= ends;
        let listeners = if arrived != [0; 2] || ends { std::mem::take(&mut session.listeners) } else { Vec::new() };
        drop(session);
        listeners.into_iter().for_each(Waker::wake);
        if ends {
            self.baton.finish();
        }
        self.changed.notify_one();
    }

    /// The runtime sends an event. It wakes whoever sleeps on the pipe, if anybody does.
    pub fn arrive(&self, caller: usize) {
        self.session.lock().unwrap().arrived[caller] += 1;
        self.runtime.wake_by_ref();
    }

    /// Has every caller look again, for nothing.
    pub fn wake_callers(&self) {
        let listeners = std::mem::take(&mut self.session.lock().unwrap().listeners);
        listeners.into_iter().for_each(Waker::wake);
    }

    /// A call that does not wait: there is a line to write.
    pub fn post(&self) {
        self.session.lock().unwrap().unsent += 1;
        self.runtime.wake_by_ref();
        self.baton.demand();
    }

    /// The host closes the client.
    pub fn close(&self) {
        self.session.lock().unwrap().closing = true;
        self.runtime.wake_by_ref();
        self.baton.demand();
    }

    /// Waits, without driving, until that many lines were written.
    pub fn until_sent(&self, lines: usize) {
        let mut session = self.session.lock().unwrap();
        while session.sent < lines {
            session = self.changed.wait(session).unwrap();
        }
    }

    /// Waits, without driving, until an event of `caller` was read.
    pub fn until_delivered(&self, caller: usize) {
        let mut session = self.session.lock().unwrap();
        while session.delivered[caller] == 0 {
            session = self.changed.wait(session).unwrap();
        }
    }
}

/// A tokio runtime with one thread: a wake-up sticks until somebody drives.
struct Runtime {
    woken: Mutex<bool>,
    unparked: Condvar,
}

impl Runtime {
    fn block_on<T>(self: &Arc<Self>, future: impl Future<Output = T>) -> T {
        let waker = Waker::from(Arc::clone(self));
        let mut cx = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
                return value;
            }
            let mut woken = self.woken.lock().unwrap();
            while !*woken {
                woken = self.unparked.wait(woken).unwrap();
            }
            *woken = false;
        }
    }
}

impl Wake for Runtime {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.woken.lock().unwrap() = true;
        self.unparked.notify_one();
    }
}
