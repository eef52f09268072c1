//! One connection to a runtime: its state, the tokio runtime that moves it, and the one way to wait for anything.

mod baton;
mod drive;
mod sync;
#[cfg(test)]
mod tests;

use std::future::{Future, poll_fn};
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

use super::callbacks::{Callbacks, Capacity};
use super::client_options::RequestHandler;
use super::error::{Error, Result, Status};
use super::limits::Limits;
use super::log::Log;
use super::request::Request;
use super::session::{Asks, CancelHook, Config, Effects, Interest, Place, Queues, Recipient, Session, Snapshot};
use super::tools::Tool;
use super::transport::{Tap, Transport};
use crate::sys::{self, ForkGuard};

use baton::{Baton, Coming, Eagerness, Followed, Shift, Waiting};
use drive::Driver;

/// How long a runtime may take to end by itself unless the host says otherwise.
pub(super) const USUAL_PATIENCE: Duration = Duration::from_secs(5);

/// How often a processor is given away for a caller who wants the state: longer than it takes to wake him.
const GIVES_WAY: usize = 50;

/// The functions of the host that answer requests of the runtime, and the threads that they run on.
pub struct Answering {
    /// The request handler of the options.
    pub handler: Option<Arc<RequestHandler>>,
    /// How many threads; they are started with the first function.
    pub threads: usize,
}

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A tokio runtime that ends without waiting: what it would wait with is kept for each thread, and a thread that is ending would
/// never give that back.
struct Reactor(Option<Runtime>);

impl Deref for Reactor {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("there until it is dropped")
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

/// One connection. Handles share it; the thread that drives it holds it too, until it is over.
pub struct Connection {
    session: Mutex<Session>,
    /// How many callers of the host ask for the state now: the driver lets them have it between two messages.
    callers: AtomicUsize,
    runtime: Reactor,
    baton: Baton,
    /// Moves the messages, until the connection is over. For whoever has the baton.
    driver: Mutex<Option<Task>>,
    queues: Queues,
    answering: Answering,
    callbacks: OnceCell<Arc<Callbacks>>,
    observers: Vec<Arc<Callbacks>>,
    request_timeout: Option<Duration>,
    limits: Limits,
    patience_ms: AtomicU64,
    fork: ForkGuard,
}

/// Until when to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadline {
    /// For as long as it takes.
    Never,
    /// Until then.
    At(Instant),
    /// Not at all: what is there is taken.
    Now,
}

impl Connection {
    /// The connection that `connect` makes a transport for, inside its tokio runtime.
    pub fn open(
        config: Config,
        log: Log,
        tap: Tap,
        answering: Answering,
        observers: Vec<Arc<Callbacks>>,
        connect: impl FnOnce() -> Result<Box<dyn Transport>>,
    ) -> Result<Arc<Self>> {
        let build = || Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = sys::above_standard_streams(build).flatten().map_err(no_resources)?;
        let eagerness = if config.asks == Asks::Handler { Eagerness::Eager } else { Eagerness::Patient };
        let connection = Arc::new(Self {
            request_timeout: config.request_timeout,
            limits: config.limits,
            queues: config.queues,
            session: Mutex::new(Session::new(config, log)),
            callers: AtomicUsize::new(0),
            runtime: Reactor(Some(runtime)),
            baton: Baton::new(eagerness),
            driver: Mutex::new(None),
            answering,
            callbacks: OnceCell::new(),
            observers,
            patience_ms: AtomicU64::new(u64::MAX),
            fork: ForkGuard::new(),
        });
        if connection.answering.handler.is_some() {
            connection.start_callbacks()?;
        }
        let guard = connection.runtime.enter();
        let driver = Driver::new(Arc::clone(&connection), connect()?, tap);
        drop(guard);
        *connection.driver() = Some(Box::pin(guarded(Arc::clone(&connection), driver)));
        let background = Arc::clone(&connection);
        sys::spawn_thread("codex", move || background.serve()).map_err(no_resources)?;
        Ok(connection)
    }

    /// The time, for the session and for deadlines: they read no clock of their own.
    pub fn now(&self) -> Instant {
        Instant::now()
    }

    /// The time of the calendar, in seconds.
    fn unix_time(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
    }

    /// Whether this is the process that made the connection.
    pub fn is_same_process(&self) -> bool {
        self.fork.is_same_process()
    }

    /// The state, for a caller of the host, who does not wait for all that has just come.
    pub fn session(self: &Arc<Self>) -> Result<SessionGuard<'_>> {
        self.callers.fetch_add(1, Ordering::Relaxed);
        let session = self.session_in_turn();
        self.callers.fetch_sub(1, Ordering::Relaxed);
        session
    }

    /// The state, for a caller of the host who is ready to wait.
    fn session_in_turn(self: &Arc<Self>) -> Result<SessionGuard<'_>> {
        if !self.is_same_process() {
            return Err(forked());
        }
        Ok(self.own_session())
    }

    /// The state, for the library itself. A panic under the lock has made it untrustworthy: everything ends with an error.
    pub fn own_session(self: &Arc<Self>) -> SessionGuard<'_> {
        let session = self.session.lock().unwrap_or_else(|poisoned| {
            self.session.clear_poison();
            let mut session = poisoned.into_inner();
            session.lost(self.now(), defect());
            session
        });
        SessionGuard { connection: self, session: Some(session), unwinding: std::thread::panicking() }
    }

    /// To be held while something is asked for that the calling thread then waits for: it moves that itself, at once.
    pub fn about_to_wait(&self) -> Option<Coming<'_>> {
        (self.is_same_process() && can_drive()).then(|| self.baton.coming())
    }

    /// Waits until `ready` finds what it looks for; `None` when the deadline passed first. The one way to block.
    ///
    /// `ready` is asked with the state locked, first at once, then after each change of what `interest` names.
    pub fn wait<T>(
        self: &Arc<Self>,
        interest: Interest,
        deadline: Deadline,
        mut ready: impl FnMut(&mut Session) -> Option<T>,
    ) -> Result<Option<T>> {
        if deadline == Deadline::Now {
            return Ok(ready(&mut *self.session()?));
        }
        if let Some(found) = ready(&mut *self.session_in_turn()?) {
            return Ok(Some(found));
        }
        self.ensure_may_wait(interest)?;
        let mut look = |waker: &Waker| {
            let mut session = self.own_session();
            let found = ready(&mut session);
            if found.is_none() {
                session.listen(interest, waker);
            }
            found
        };
        let waiting = if can_drive() { self.baton.wait() } else { self.baton.wait_beside() };
        let followed = waiting.follow(&mut look, || self.time_left(deadline));
        if !matches!(followed, Followed::Found(_)) {
            self.leave_seat(interest, &waiting);
        }
        Ok(match followed {
            Followed::Found(found) => Some(found),
            Followed::TimedOut => None,
            Followed::MyTurn => self.drive_until(deadline, look),
        })
    }

    /// What the caller listened with goes with its seat. Whoever drives always listens with the same.
    fn leave_seat(self: &Arc<Self>, interest: Interest, waiting: &Waiting<'_>) {
        if let Some(waker) = waiting.waker() {
            self.own_session().listen_no_more(interest, &waker);
        }
    }

    fn drive_until<T>(&self, deadline: Deadline, mut look: impl FnMut(&Waker) -> Option<T>) -> Option<T> {
        let found = poll_fn(|cx| look(cx.waker()).map_or(Poll::Pending, Poll::Ready));
        match deadline {
            Deadline::At(at) => {
                let timed = async { tokio::time::timeout_at(at.into(), found).await.ok() };
                self.drive(timed)
            }
            Deadline::Never | Deadline::Now => Some(self.drive(found)),
        }
    }

    /// Moves messages on this thread until `done`, which is asked after each step: what came does not pile up before it is seen.
    /// Only for whoever has the baton.
    fn drive<T>(&self, done: impl Future<Output = T>) -> T {
        let mut driver = self.driver();
        let mut done = pin!(done);
        self.runtime.block_on(poll_fn(|cx| {
            self.baton.attend();
            if driver.as_mut().is_some_and(|task| task.as_mut().poll(cx).is_ready()) {
                *driver = None;
            }
            done.as_mut().poll(cx)
        }))
    }

    fn driver(&self) -> MutexGuard<'_, Option<Task>> {
        self.driver.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` for as long as it takes.
    fn time_left(&self, deadline: Deadline) -> Option<Duration> {
        match deadline {
            Deadline::Never => None,
            Deadline::At(at) => Some(at.saturating_duration_since(self.now())),
            Deadline::Now => Some(Duration::ZERO),
        }
    }

    /// A wait that could never end says so instead.
    pub fn ensure_may_wait(&self, interest: Interest) -> Result<()> {
        if Handle::try_current().is_ok() {
            return Err(would_deadlock("this thread runs asynchronous tasks; call from another thread"));
        }
        let in_handler = self.callbacks.get().is_some_and(|callbacks| callbacks.is_current());
        if in_handler
            && !matches!(interest, Interest::Call(_) | Interest::Started(_) | Interest::Thread(_) | Interest::Login(_))
        {
            return Err(would_deadlock(
                "a function that was handed a request must return before a turn can go on; keep the request and answer it from another thread",
            ));
        }
        Ok(())
    }

    /// Ends everything; the runtime has `patience` to end by itself, or less if somebody else closes it too. Does not wait.
    pub fn close(self: &Arc<Self>, patience: Duration) {
        let ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        self.patience_ms.fetch_min(ms, Ordering::Relaxed);
        self.own_session().close(self.now());
    }

    /// Waits until the runtime is gone, then for handlers that run, until `deadline`.
    pub fn wait_closed(self: &Arc<Self>, deadline: Deadline) -> Result<()> {
        self.wait(Interest::State, Deadline::Never, |session| session.is_over().then_some(()))?;
        if let (Some(callbacks), Deadline::At(at)) = (self.callbacks.get(), deadline) {
            callbacks.wait_idle(at);
        }
        Ok(())
    }

    /// Serves the connection while nobody waits, without the grace that a reader is given to come back.
    pub fn serve_at_once(&self) {
        self.baton.set_eager();
    }

    /// From where the events of turns are read.
    pub fn queues(&self) -> Queues {
        self.queues
    }

    /// How long a call may take unless it says otherwise.
    pub fn request_timeout(&self) -> Option<Duration> {
        self.request_timeout
    }

    /// The limits of turns that have none of their own.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// How long the runtime may take to end by itself, once somebody has closed the connection.
    pub fn patience(&self) -> Duration {
        Duration::from_millis(self.patience_ms.load(Ordering::Relaxed))
    }

    /// The connection is over: the threads that served it end.
    pub fn finish(&self) {
        self.baton.finish();
        for callbacks in self.callbacks.get().into_iter().chain(&self.observers) {
            callbacks.close();
        }
    }

    fn serve(self: Arc<Self>) {
        while self.baton.next_shift() == Shift::Drive {
            self.drive(poll_fn(|_| if self.baton.is_relieved() { Poll::Ready(()) } else { Poll::Pending }));
            self.baton.let_go();
        }
    }

    fn carry_out(self: &Arc<Self>, effects: Effects) {
        for waker in effects.wakers {
            waker.wake();
        }
        if effects.demanded {
            self.baton.demand();
        }
        for wakeup in effects.wakeups {
            wakeup.ring();
        }
        for (recipient, snapshot, place) in effects.asked {
            self.ask(recipient, snapshot, place);
        }
        for rpc_id in effects.clocks {
            self.own_session().tell_time(&rpc_id, self.unix_time());
        }
        // Here, and not behind the functions that answer requests: one of those may wait for this.
        effects.cancelled.into_iter().for_each(CancelHook::call);
    }

    fn ask(self: &Arc<Self>, recipient: Recipient, snapshot: Snapshot, place: Place) {
        let function = match &recipient {
            Recipient::Handler => self.answering.handler.as_ref(),
            Recipient::Tool(tool) => tool.function(),
        };
        let (Some(function), Some(callbacks)) = (function, self.callbacks.get()) else { return };
        let (function, connection) = (Arc::clone(function), Arc::clone(self));
        callbacks.push(move || {
            drop(place);
            function(Request::new(connection, snapshot));
        });
    }

    /// Starts the threads on which functions of the host answer requests, unless they run.
    fn start_callbacks(&self) -> Result<()> {
        let start = || Callbacks::start("codex-callback", self.answering.threads, Capacity::Unbounded);
        self.callbacks.get_or_try_init(start).map(drop).map_err(no_resources)
    }

    /// Adds a tool of the host, which threads that are started from now on have.
    pub fn add_tool(self: &Arc<Self>, tool: Tool) -> Result<()> {
        // The host is told when a tool is let go, so it must outlive the lock.
        let tool = Arc::new(tool);
        let mut session = self.session()?;
        session.ensure_open()?;
        if tool.function().is_some() {
            // With the state locked: once the connection is over, nobody would end the threads.
            self.start_callbacks()?;
            self.baton.set_eager();
        }
        session.add_tool(Arc::clone(&tool))
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// A thread that is ending has lost what tokio keeps for it, as has the one that exits the process and runs its exit handlers
/// and static destructors.
fn can_drive() -> bool {
    !Handle::try_current().is_err_and(|error| error.is_thread_local_destroyed())
}

/// The state of a connection, locked. Letting it go carries out what it asked for.
pub struct SessionGuard<'a> {
    connection: &'a Arc<Connection>,
    /// `None` only while this gives way or is being dropped.
    session: Option<MutexGuard<'a, Session>>,
    /// Whether the thread was panicking already when it locked: then the panic has not touched the state.
    unwinding: bool,
}

impl SessionGuard<'_> {
    /// Whether a caller of the host wants the state.
    pub fn is_wanted(&self) -> bool {
        self.connection.callers.load(Ordering::Relaxed) > 0
    }

    /// Lets callers of the host have the state. One that does not come, because it waits for a processor, is not waited for.
    pub fn give_way(&mut self) {
        self.session = None;
        for _ in 0..GIVES_WAY {
            std::thread::yield_now();
            if !self.is_wanted() {
                break;
            }
        }
        self.session = self.connection.own_session().session.take();
    }
}

impl Deref for SessionGuard<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session.as_ref().expect("locked until dropped")
    }
}

impl DerefMut for SessionGuard<'_> {
    fn deref_mut(&mut self) -> &mut Session {
        self.session.as_mut().expect("locked until dropped")
    }
}

impl Drop for SessionGuard<'_> {
    fn drop(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        if std::thread::panicking() && !self.unwinding {
            return;
        }
        let effects = session.take_effects();
        drop(session);
        if let Some(effects) = effects {
            self.connection.carry_out(effects);
        }
    }
}

/// What the handles of a client, its threads and its turns share: with the last of them the connection ends.
#[derive(Debug)]
pub struct Anchor(Arc<Connection>);

impl Anchor {
    /// The anchor of a connection. There must be one only.
    pub fn new(connection: Arc<Connection>) -> Arc<Self> {
        Arc::new(Self(connection))
    }

    /// The connection.
    pub fn connection(&self) -> &Arc<Connection> {
        &self.0
    }
}

impl Drop for Anchor {
    fn drop(&mut self) {
        if self.0.is_same_process() && self.0.own_session().ensure_open().is_ok() {
            self.0.close(USUAL_PATIENCE);
        }
    }
}

/// A panic of the driver must not take the host down, nor leave callers waiting.
fn guarded(connection: Arc<Connection>, driver: Driver) -> impl Future<Output = ()> + Send {
    let mut driver = Box::pin(driver);
    poll_fn(move |cx| {
        catch_unwind(AssertUnwindSafe(|| driver.as_mut().poll(cx))).unwrap_or_else(|_| {
            connection.own_session().lost(connection.now(), defect());
            connection.finish();
            Poll::Ready(())
        })
    })
}

fn no_resources(error: std::io::Error) -> Error {
    Error::new(Status::RuntimeStart, format!("the system gave no thread or no descriptor for a client: {error}"))
}

fn would_deadlock(why: &str) -> Error {
    Error::new(Status::WouldDeadlock, format!("this call would wait for ever: {why}"))
}

fn forked() -> Error {
    Error::new(Status::Forked, "the handle belongs to the parent process; connect a client of your own after fork()")
}

fn defect() -> Error {
    Error::new(Status::Internal, "a defect in libcodex ended the client; please report it, and connect a new one")
}
