//! Who is woken: the one for whom something came, and whoever drives when there is something to do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;

/// Counts how often somebody who sleeps is woken.
#[derive(Default)]
struct Sleeper(AtomicUsize);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Sleeper {
    fn times_woken(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Talk {
    /// Somebody who sleeps until there is something of interest.
    fn sleeper(&mut self, interest: Interest) -> Arc<Sleeper> {
        let sleeper = Arc::<Sleeper>::default();
        self.session.listen(interest, &Arc::clone(&sleeper).into());
        sleeper
    }

    /// Does what the session asked for.
    fn wake_whoever_is_to_be_woken(&mut self) {
        let effects = self.session.take_effects();
        effects.into_iter().flat_map(|effects| effects.wakers).for_each(Waker::wake);
    }
}

#[test]
fn an_event_wakes_the_one_who_waits_for_its_turn_and_nobody_else() {
    let mut talk = Talk::new();
    let own = talk.running(Delivery::Kept, Limits::default());
    let thread = talk.thread("thread-2");
    let other = talk.session.start_turn(talk.now, &plain_start(thread)).unwrap();
    let call = talk.session.begin_call("m", "{}", None).unwrap();
    talk.wake_whoever_is_to_be_woken();
    while !talk.events(own).is_empty() {}
    let owner = talk.sleeper(Interest::Turn(own));
    let others = [Interest::Turn(other), Interest::Client, Interest::Call(call), Interest::State];
    let others = others.map(|interest| talk.sleeper(interest));
    talk.message("hello");
    talk.wake_whoever_is_to_be_woken();
    assert_eq!(owner.times_woken(), 1);
    assert_eq!(others.map(|sleeper| sleeper.times_woken()), [0; 4]);
    talk.message("once more");
    talk.wake_whoever_is_to_be_woken();
    assert_eq!(owner.times_woken(), 1, "nobody sleeps who was woken");
}

#[test]
fn whoever_drives_is_woken_once_for_what_is_to_be_written() {
    let mut talk = Talk::new();
    let driver = Arc::<Sleeper>::default();
    let waker = Arc::clone(&driver).into();
    assert!(talk.session.driver_sleeps(&waker).is_some());
    for _ in 0..2 {
        talk.session.begin_call("m", "{}", None).unwrap();
        talk.wake_whoever_is_to_be_woken();
    }
    assert_eq!(driver.times_woken(), 1);
}

#[test]
fn what_comes_up_while_whoever_drives_is_awake_keeps_it_awake() {
    let mut talk = Talk::new();
    let driver = Arc::<Sleeper>::default();
    let waker = Arc::clone(&driver).into();
    talk.session.begin_call("m", "{}", None).unwrap();
    assert!(talk.session.driver_sleeps(&waker).is_none(), "it has not looked since");
    assert!(talk.session.driver_sleeps(&waker).is_some(), "it has looked by now");
    talk.wake_whoever_is_to_be_woken();
    assert_eq!(driver.times_woken(), 0);
}
