//! Who drives the connection: one of the callers that wait, or the background thread while nobody waits.
//!
//! One thread at a time has the baton and drives. A caller that waits takes it, so that it reads what it waits for without a hop
//! from another thread. Callers that come while somebody drives sleep in seats; whoever drives wakes them when there is something
//! for them, and hands the baton to one of the others when it leaves. The background thread takes the baton when nobody has
//! waited for a short while, or at once when there is a demand. It lets go when somebody waits, but not before something wakes
//! it: a caller that waits in vain costs no wake-up. Idle, everybody sleeps in the kernel and wakes for nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::task::{Wake, Waker};
use std::time::Duration;

use super::sync::{Condvar, Mutex, MutexGuard};

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

/// How the time in a seat ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed<T> {
    /// What was waited for is there.
    Found(T),
    /// It is not, and nobody drives but the calling thread.
    MyTurn,
    /// It is not, and the time is up.
    TimedOut,
}

/// Passes the connection between the callers that wait and the background thread.
#[derive(Debug)]
pub struct Baton {
    state: Mutex<State>,
    called: Condvar,
}

#[derive(Debug)]
struct State {
    holder: Holder,
    /// The callers that wait while somebody else drives, in the order in which they came.
    seats: BTreeMap<u64, Arc<Seat>>,
    next_seat: u64,
    /// How many callers are about to wait.
    coming: usize,
    /// How often the last caller left.
    departures: u64,
    eagerness: Eagerness,
    /// Whether there is something to do that nobody has looked at yet.
    demanded: bool,
    /// Whether the background thread sleeps until it is called.
    resting: bool,
    over: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Nobody,
    Caller,
    Background,
    /// The background thread still, but somebody has come: it lets go when something wakes it.
    Relieved,
}

/// Where a caller sleeps while somebody else drives.
#[derive(Debug)]
struct Seat {
    call: Mutex<Call>,
    called: Condvar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Quiet,
    /// What is waited for may be there.
    Look,
    /// The baton is yours.
    Drive,
}

/// A caller that waits, for as long as this lives.
#[derive(Debug)]
pub struct Waiting<'a> {
    baton: &'a Baton,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// It found nobody driving.
    Driver,
    /// Its seat, and the number of that.
    Seat(u64, Arc<Seat>),
    /// It can look, but not drive.
    Beside(Arc<Seat>),
}

/// A caller that is about to wait, for as long as this lives: what it demands, it will do itself.
#[derive(Debug)]
pub struct Coming<'a>(&'a Baton);

impl Baton {
    /// Nobody waits yet.
    pub fn new(eagerness: Eagerness) -> Self {
        let state = State {
            holder: Holder::Nobody,
            seats: BTreeMap::new(),
            next_seat: 0,
            coming: 0,
            departures: 0,
            eagerness,
            demanded: false,
            resting: false,
            over: false,
        };
        Self { state: Mutex::new(state), called: Condvar::new() }
    }

    /// The calling thread is about to demand something and then to wait for it: the background thread need not step in between.
    pub fn coming(&self) -> Coming<'_> {
        let mut state = self.lock();
        state.coming += 1;
        state.relieve();
        Coming(self)
    }

    /// The calling thread waits from now on, and drives when it is its turn.
    pub fn wait(&self) -> Waiting<'_> {
        let mut state = self.lock();
        if state.holder == Holder::Nobody {
            state.holder = Holder::Caller;
            return Waiting { baton: self, place: Place::Driver };
        }
        state.relieve();
        Waiting { baton: self, place: state.take_seat() }
    }

    /// The calling thread waits from now on, and cannot drive. Others do, and the background thread while nobody else waits.
    pub fn wait_beside(&self) -> Waiting<'_> {
        Waiting { baton: self, place: Place::Beside(Arc::default()) }
    }

    /// From now on the background thread takes over as soon as nobody waits.
    pub fn set_eager(&self) {
        self.lock().eagerness = Eagerness::Eager;
        self.called.notify_one();
    }

    /// There is something to do: if nobody drives, the background thread must.
    pub fn demand(&self) {
        let mut state = self.lock();
        state.demanded = true;
        self.call_if_needed(state);
    }

    /// Whoever drives is about to look for work: what was demanded until now is met.
    pub fn attend(&self) {
        self.lock().demanded = false;
    }

    /// For whoever drives: the connection is over. The background thread ends.
    pub fn finish(&self) {
        self.lock().over = true;
        self.called.notify_one();
    }

    /// For the background thread: waits for its turn.
    pub fn next_shift(&self) -> Shift {
        let mut state = self.lock();
        loop {
            if !state.is_free() {
                state = self.rest(state);
            }
            state = self.watch(state);
            if state.over {
                return Shift::Over;
            }
            if state.is_free() {
                state.holder = Holder::Background;
                return Shift::Drive;
            }
        }
    }

    /// Sleeps until the last caller leaves, who calls.
    fn rest<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let departures = state.departures;
        state.resting = true;
        while state.departures == departures && !state.over {
            state = self.called.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.resting = false;
        state
    }

    /// Sleeps until nobody has left for a while. A reader that comes and goes calls nobody meanwhile.
    fn watch<'a>(&self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let mut departures = None;
        while departures != Some(state.departures) && !state.over && !state.needs_background() {
            departures = Some(state.departures);
            state = self.called.wait_timeout(state, GRACE).unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }

    /// For the background thread when something has woken it: whether it is to let go.
    pub fn is_relieved(&self) -> bool {
        let state = self.lock();
        state.over || state.holder == Holder::Relieved
    }

    /// For the background thread: it drives no more.
    pub fn let_go(&self) {
        self.hand_over(self.lock());
    }

    /// Whoever drove does no more: somebody in a seat does, or nobody.
    fn hand_over(&self, mut state: MutexGuard<'_, State>) {
        state.holder = Holder::Nobody;
        if let Some(seat) = state.take_idle_seat() {
            state.holder = Holder::Caller;
            drop(state);
            return seat.call(Call::Drive);
        }
        self.left(state);
    }

    /// A caller has left, or the background thread has let go.
    fn left(&self, mut state: MutexGuard<'_, State>) {
        if !state.is_free() {
            return;
        }
        state.departures += 1;
        if state.resting || state.needs_background() {
            drop(state);
            self.called.notify_one();
        }
    }

    fn call_if_needed(&self, state: MutexGuard<'_, State>) {
        if state.needs_background() {
            drop(state);
            self.called.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn take_seat(&mut self) -> Place {
        let seat = Arc::default();
        let number = self.next_seat;
        self.next_seat += 1;
        self.seats.insert(number, Arc::clone(&seat));
        Place::Seat(number, seat)
    }

    fn relieve(&mut self) {
        if self.holder == Holder::Background {
            self.holder = Holder::Relieved;
        }
    }

    /// Clears the first seat whose caller sleeps. One that is called looks first, and drives if it finds nothing.
    fn take_idle_seat(&mut self) -> Option<Arc<Seat>> {
        let number = *self.seats.iter().find(|(_, seat)| seat.is_idle())?.0;
        self.seats.remove(&number)
    }

    /// Whether nobody waits and nobody drives.
    fn is_free(&self) -> bool {
        self.holder == Holder::Nobody && self.seats.is_empty()
    }

    /// Whether nobody drives or is about to, and no reader is left the time to come back.
    fn needs_background(&self) -> bool {
        self.is_free() && self.coming == 0 && (self.demanded || self.eagerness == Eagerness::Eager)
    }
}

impl Waiting<'_> {
    /// Sleeps while somebody else drives. `look` finds what is waited for, or has the waker called when it is to look again;
    /// `left` tells how much time there is.
    pub fn follow<T>(
        &self,
        mut look: impl FnMut(&Waker) -> Option<T>,
        left: impl Fn() -> Option<Duration>,
    ) -> Followed<T> {
        let (Place::Seat(_, seat) | Place::Beside(seat)) = &self.place else { return Followed::MyTurn };
        let waker = seat.waker();
        loop {
            if let Some(found) = look(&waker) {
                return Followed::Found(found);
            }
            let left = left();
            if left.is_some_and(|left| left.is_zero()) {
                return Followed::TimedOut;
            }
            if self.takes_over() || seat.sleep(left) == Call::Drive {
                return Followed::MyTurn;
            }
        }
    }

    /// What [`Waiting::follow`] has called; `None` for a caller that drives from the beginning.
    pub fn waker(&self) -> Option<Waker> {
        match &self.place {
            Place::Seat(_, seat) | Place::Beside(seat) => Some(seat.waker()),
            Place::Driver => None,
        }
    }

    /// Takes the baton if nobody has it: whoever left saw that this caller was called, and would look.
    fn takes_over(&self) -> bool {
        let Place::Seat(number, _) = &self.place else { return false };
        let mut state = self.baton.lock();
        let is_next = state.holder == Holder::Nobody && state.seats.remove(number).is_some();
        if is_next {
            state.holder = Holder::Caller;
        }
        is_next
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.baton.lock();
        match &self.place {
            Place::Beside(_) => {}
            Place::Seat(number, _) if state.seats.remove(number).is_some() => self.baton.left(state),
            // It drove, or has just been told to.
            Place::Seat(..) | Place::Driver => self.baton.hand_over(state),
        }
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.coming -= 1;
        self.0.call_if_needed(state);
    }
}

impl Default for Seat {
    fn default() -> Self {
        Self { call: Mutex::new(Call::Quiet), called: Condvar::new() }
    }
}

impl Seat {
    /// Sleeps until called, or not much longer than `left`.
    fn sleep(&self, left: Option<Duration>) -> Call {
        let mut call = self.lock();
        if *call == Call::Quiet {
            call = match left {
                Some(left) => self.called.wait_timeout(call, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.called.wait(call).unwrap_or_else(PoisonError::into_inner),
            };
        }
        std::mem::replace(&mut call, Call::Quiet)
    }

    fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    fn is_idle(&self) -> bool {
        *self.lock() == Call::Quiet
    }

    fn call(&self, what: Call) {
        let mut call = self.lock();
        if *call != Call::Drive {
            *call = what;
        }
        drop(call);
        self.called.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Call> {
        self.call.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Seat {
    fn wake(self: Arc<Self>) {
        self.call(Call::Look);
    }
}
