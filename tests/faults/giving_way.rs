//! Who does not wait is not kept by what the runtime sends to others.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use codex::engine::connection::Deadline;
use codex::engine::session::Interest;
use codex::engine::transport::{Ending, Filled, Incoming, Transport};

use crate::panics::connection_over;
use crate::support::fake::in_time;
use crate::support::follow::{PATIENCE, eventually};

/// What a transport and a test tell each other.
#[derive(Default)]
struct Signs {
    flows: AtomicBool,
    was_answered: AtomicBool,
    gave_up: AtomicBool,
}

/// A transport that hands out messages until the host was answered, all of which came at once.
struct Endless(Arc<Signs>);

impl Transport for Endless {
    fn poll_fill(&mut self, _: &mut Context<'_>) -> Poll<Filled> {
        Poll::Ready(if self.0.was_answered.load(Ordering::SeqCst) { Filled::End } else { Filled::Some })
    }

    fn fill_rest(&mut self) -> Filled {
        Filled::End
    }

    fn take_messages(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        let until = Instant::now() + PATIENCE;
        while !self.0.was_answered.load(Ordering::SeqCst) && Instant::now() < until {
            deliver(Incoming::Message(br#"{"method":"account/updated","params":{}}"#));
            self.0.flows.store(true, Ordering::SeqCst);
        }
        self.0.gave_up.fetch_or(Instant::now() >= until, Ordering::SeqCst);
    }

    fn poll_send(&mut self, _: &mut Context<'_>, _: &str) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn end(&mut self, _: Instant, _: Duration) {}

    fn finish_sending(&mut self) {}

    fn poll_ended(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<Ending> {
        if self.0.was_answered.load(Ordering::SeqCst) { Poll::Ready(Ending::default()) } else { Poll::Pending }
    }

    fn next_deadline(&self) -> Option<Instant> {
        None
    }
}

#[test]
fn who_does_not_wait_is_answered_in_the_midst_of_a_flood() {
    in_time(|| {
        let signs = Arc::new(Signs::default());
        let connection = connection_over(Endless(Arc::clone(&signs)));
        connection.serve_at_once();
        eventually("the flood has begun", || signs.flows.load(Ordering::SeqCst));
        let nothing = connection.wait(Interest::State, Deadline::Now, |session| session.is_over().then_some(()));
        signs.was_answered.store(true, Ordering::SeqCst);
        assert_eq!(nothing.expect("it is open"), None);
        assert!(!signs.gave_up.load(Ordering::SeqCst), "it was answered behind the last message");
    });
}
