use std::sync::Arc;
use std::task::{Wake, Waker};

use super::*;

/// Somebody who waits; sleeps through every call.
struct Sleeper;

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {}
}

/// Whether the session still knows somebody who listened and gave up.
fn remembers(talk: &mut Talk, interest: Interest) -> bool {
    let sleeper = Arc::new(Sleeper);
    let waker = Waker::from(Arc::clone(&sleeper));
    talk.session.listen(interest, &waker);
    talk.session.listen_no_more(interest, &waker);
    drop(waker);
    Arc::strong_count(&sleeper) > 1
}

#[test]
fn whoever_gives_up_waiting_for_anything_is_forgotten() {
    let mut talk = Talk::new();
    let handle = talk.running(Delivery::Kept, Limits::default());
    let (thread, _) = talk.session.open_thread("thread/start", "{}", None, Announce::Nothing).unwrap();
    let call = talk.session.begin_call("m", "{}", None).unwrap();
    talk.session.expect_login();
    let login = talk.session.name_login("login");
    let interests = [
        Interest::Call(call),
        Interest::Turn(handle),
        Interest::Started(handle),
        Interest::Thread(thread),
        Interest::Login(login),
        Interest::Client,
        Interest::State,
    ];
    for interest in interests {
        assert!(!remembers(&mut talk, interest), "{interest:?}");
    }
}

#[test]
fn whoever_listens_twice_is_called_once() {
    let mut talk = Talk::new();
    talk.session.open_client_queue();
    let waker = Waker::from(Arc::new(Sleeper));
    talk.session.listen(Interest::Client, &waker);
    talk.session.listen(Interest::Client, &waker);
    talk.session.wake_client();
    assert_eq!(talk.session.take_effects().unwrap().wakers.len(), 1);
}
