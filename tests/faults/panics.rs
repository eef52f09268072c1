//! A defect of the library, or of a Rust host's callback, is an error and not the end of the host; nobody hangs, nothing is printed.
//!
//! No hook in the library injects these panics: they come in through what a host gives to it (callbacks, wakers, conditions)
//! and through the transport below it. A callback of a C host cannot panic: Rust ends the process at the edge of an
//! `extern "C"` function, before the library would see it.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use codex::engine::client_options::ClientOptions;
use codex::engine::connection::{Answering, Connection, Deadline};
use codex::engine::error::{Result, Status};
use codex::engine::event::EventKind;
use codex::engine::log::Log;
use codex::engine::session::{CancelHook, Interest, Wakeup};
use codex::engine::transport::{Ending, Filled, Incoming, Tap, Transport};
use fake_runtime::{Action, Script, Turn};
use serde_json::json;

use crate::guest::sys;
use crate::support::alone::silently_alone;
use crate::support::fake::{ask, limited, play, unannounced};
use crate::support::follow::{PATIENCE, begin, end, eventually, next_of_client, run, soon, start, until};

/// Without the words that the standard library would print.
fn panic_quietly() -> ! {
    resume_unwind(Box::new(()))
}

// ---- in the driver -----------------------------------------------------------------------------------------------------

/// Where a transport panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Receiving,
    HandingOut,
    Sending,
    Ending,
}

/// A transport that receives something for ever, sends everything and never ends; but for one moment.
struct Breaking(Moment);

impl Breaking {
    fn reach(&self, moment: Moment) {
        if self.0 == moment {
            panic_quietly();
        }
    }
}

impl Transport for Breaking {
    fn poll_fill(&mut self, _: &mut Context<'_>) -> Poll<Filled> {
        self.reach(Moment::Receiving);
        Poll::Ready(Filled::Some)
    }

    fn fill_rest(&mut self) -> Filled {
        Filled::End
    }

    fn take_messages(&mut self, deliver: &mut dyn FnMut(Incoming<'_>)) {
        deliver(Incoming::Message(br#"{"method":"account/updated","params":{}}"#));
        self.reach(Moment::HandingOut);
    }

    fn poll_send(&mut self, _: &mut Context<'_>, _: &str) -> Poll<io::Result<()>> {
        self.reach(Moment::Sending);
        Poll::Ready(Ok(()))
    }

    fn end(&mut self, _: Instant, _: Duration) {}

    fn finish_sending(&mut self) {}

    fn poll_ended(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<Ending> {
        self.reach(Moment::Ending);
        Poll::Pending
    }

    fn next_deadline(&self) -> Option<Instant> {
        None
    }
}

/// A connection over a transport that is made for a test.
pub fn connection_over(transport: impl Transport + 'static) -> Arc<Connection> {
    let config = ClientOptions::default().session_config(1);
    let transport = || Ok(Box::new(transport) as Box<dyn Transport>);
    let nobody = Answering { handler: None, threads: 1 };
    Connection::open(config, Log::default(), Tap::default(), nobody, Vec::new(), transport).unwrap()
}

/// What a call gets that waits for its answer, and one that comes after it.
fn outcomes(connection: &Arc<Connection>) -> [Result<()>; 2] {
    [(); 2].map(|()| {
        let call = connection.session()?.begin_call("m", "{}", None)?;
        let answer = connection.wait(Interest::Call(call), soon(), |session| session.take_answer(call))?;
        answer.expect("an answer, or an error in its place").map(drop)
    })
}

#[test]
fn a_panic_of_the_driver_ends_every_call_as_a_defect_wherever_it_happens() {
    for moment in [Moment::Receiving, Moment::HandingOut, Moment::Sending, Moment::Ending] {
        for outcome in outcomes(&connection_over(Breaking(moment))) {
            assert_eq!(outcome.unwrap_err().status(), Status::Internal, "{moment:?}");
        }
    }
}

/// A waker that panics when it is called.
struct Grenade;

impl Wake for Grenade {
    fn wake(self: Arc<Self>) {
        panic_quietly();
    }
}

fn held() -> Script {
    Script::new()
        .then_on("turn/start", [Action::turn(Turn { deltas: Some(vec!["half".into()]), ..Turn::held() })])
        .on("tell", [Action::notify("account/updated", json!({}))])
}

#[test]
fn a_panic_while_others_are_woken_ends_the_turns_with_what_they_did_and_the_runtime_too() {
    play(held(), |fake| {
        let client = fake.client();
        let turn = start(&limited(&client, json!({})), "hello");
        until(&turn, EventKind::MessageDelta);
        client.next_event(Deadline::Now).unwrap();
        client.connection().session().unwrap().listen(Interest::Client, &Waker::from(Arc::new(Grenade)));
        client.notify("tell", None).unwrap();
        let (result, error) = end(&turn).not_completed();
        assert_eq!((error.status(), &result["partialResponse"]), (Status::Internal, &json!("half")));
        assert_eq!(ask(&client, "m").unwrap_err().status(), Status::Internal);
        client.close(PATIENCE).unwrap();
    });
}

// ---- under the lock ----------------------------------------------------------------------------------------------------

#[test]
fn a_panic_under_the_lock_ends_everything_as_a_defect_and_the_runtime_too() {
    play(held(), |fake| {
        let client = fake.client();
        let turn = start(&limited(&client, json!({})), "hello");
        let waits =
            || client.connection().wait(Interest::State, Deadline::Never, |_| -> Option<()> { panic_quietly() });
        assert!(catch_unwind(AssertUnwindSafe(waits)).is_err());
        assert_eq!(end(&turn).not_completed().1.status(), Status::Internal);
        assert_eq!(ask(&client, "m").unwrap_err().status(), Status::Internal);
    });
}

// ---- in callbacks ------------------------------------------------------------------------------------------------------

#[test]
fn a_wake_up_that_panics_ends_its_client_and_nobody_hangs() {
    play(held(), |fake| {
        let client = fake.client();
        let turn = begin(&unannounced(&client, "t"), "hello");
        client.set_wakeup(Some(Wakeup::new(|| panic_quietly()))).unwrap();
        client.notify("tell", None).unwrap();
        assert_eq!(end(&turn).not_completed().1.status(), Status::Internal);
        client.close(PATIENCE).unwrap();
    });
}

#[test]
fn a_cancel_hook_that_panics_ends_its_client_and_nobody_hangs() {
    let question =
        Action::request(0, "item/commandExecution/requestApproval", json!({"threadId": "t", "turnId": "foreign"}));
    let over =
        Action::notify("turn/completed", json!({"threadId": "t", "turn": {"id": "foreign", "status": "completed"}}));
    let script = held().on("ask", [question]).on("over", [over]);
    play(script, |fake| {
        let client = fake.client();
        client.next_event(Deadline::Now).unwrap();
        client.notify("ask", None).unwrap();
        let event = next_of_client(&client).unwrap();
        let request = event.take_request().expect("a request");
        request.set_cancel_hook(CancelHook::new(|| panic_quietly())).unwrap();
        client.notify("over", None).unwrap();
        eventually("the client is over", || client.notify("m", None).is_err());
        assert_eq!(ask(&client, "m").unwrap_err().status(), Status::Internal);
    });
}

// ---- what is printed ---------------------------------------------------------------------------------------------------

/// Panics with words, which the standard library prints unless it is told not to.
struct LoudGrenade;

impl Wake for LoudGrenade {
    fn wake(self: Arc<Self>) {
        panic!("nobody may read this on the terminal of the host");
    }
}

#[test]
fn a_defect_on_a_thread_of_the_library_prints_nothing() {
    silently_alone(|| {
        sys::enter_the_library();
        let script = Script::new().on("tell", [Action::notify("account/updated", json!({}))]);
        play(script, |fake| {
            let client = fake.client();
            client.next_event(Deadline::Now).unwrap();
            client.connection().session().unwrap().listen(Interest::Client, &Waker::from(Arc::new(LoudGrenade)));
            client.notify("tell", None).unwrap();
            eventually("the client is over", || client.notify("m", None).is_err());
            run(&limited(&fake.client(), json!({})), "hello").completed();
        });
    });
}
