use std::io;
use std::task::Context;
use std::thread;

use super::*;
use crate::engine::client_options::ClientOptions;
use crate::engine::transport::{Ending, Filled, Incoming};

/// A runtime that says nothing until it is to end.
#[derive(Default)]
struct Silent {
    ended: bool,
}

impl Transport for Silent {
    fn poll_fill(&mut self, _: &mut Context<'_>) -> Poll<Filled> {
        Poll::Pending
    }

    fn fill_rest(&mut self) -> Filled {
        Filled::End
    }

    fn take_messages(&mut self, _: &mut dyn FnMut(Incoming<'_>)) {}

    fn poll_send(&mut self, _: &mut Context<'_>, _: &str) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn end(&mut self, _: Instant, _: Duration) {
        self.ended = true;
    }

    fn finish_sending(&mut self) {}

    fn poll_ended(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<Ending> {
        if self.ended { Poll::Ready(Ending::default()) } else { Poll::Pending }
    }

    fn next_deadline(&self) -> Option<Instant> {
        None
    }
}

fn connected() -> Arc<Connection> {
    let config = ClientOptions::default().session_config(1);
    let answering = Answering { handler: None, threads: 1 };
    let silent = || Ok(Box::new(Silent::default()) as Box<dyn Transport>);
    Connection::open(config, Log::default(), Tap::default(), answering, Vec::new(), silent).unwrap()
}

fn wait_until_over(connection: &Arc<Connection>) {
    connection.wait(Interest::State, Deadline::Never, |session| session.is_over().then_some(())).unwrap();
}

#[test]
fn waits_that_time_out_beside_another_driver_leave_nobody_behind() {
    let connection = connected();
    let driver = Arc::clone(&connection);
    let driver = thread::spawn(move || wait_until_over(&driver));
    for _ in 0..1000 {
        let waited = connection.wait(Interest::Client, Deadline::At(connection.now()), |_| None::<()>).unwrap();
        assert_eq!(waited, None);
    }
    let left = connection.own_session().listeners(Interest::Client).count();
    assert!(left <= 1, "{left} listen, but nobody waits");
    connection.close(Duration::ZERO);
    driver.join().unwrap();
}
