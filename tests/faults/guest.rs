//! A good guest in the process of the host: no signal, no leak, nothing that a fork inherits.
#![cfg(target_os = "linux")]

pub mod sys;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use codex::engine::client::Client;
use codex::engine::connection::Deadline;
use codex::engine::error::{Result, Status};
use codex::engine::log::Level;
use codex::engine::session::Delivery;
use codex::engine::thread::{Origin, Thread};
use codex::engine::turn::{self, Turn as Handle};
use fake_runtime::{Action, Script, Turn};
use serde_json::json;

use crate::support::alone::alone;
use crate::support::fake::{Fake, THREAD, ask, limited, play, unannounced};
use crate::support::follow::{PATIENCE, end, eventually, run, start};

fn entries(directory: &str) -> usize {
    fs::read_dir(Path::new("/proc/self").join(directory)).expect("this process").count()
}

/// What this process has: open descriptors, threads.
fn possessions() -> [usize; 2] {
    ["fd", "task"].map(entries)
}

fn breaks() -> Script {
    Script::new().on("crash", [Action::abort()]).then_on("never", [])
}

/// A client that does something and ends, each time in another way.
fn life(fake: &Fake, number: usize) {
    let client = fake.client_with(|options| {
        if number.is_multiple_of(2) {
            options.request_handler = Some(Arc::new(drop));
            options.log = Some((Level::Trace, Arc::new(|_, _, _| ())));
        }
    });
    let thread = limited(&client, json!({}));
    run(&thread, "hello").completed();
    match number % 4 {
        0 => client.close(PATIENCE).unwrap(),
        1 => drop(ask(&client, "crash").unwrap_err()),
        2 => drop(start(&thread, "and gone")),
        _ => drop(fake.refusal(|options| options.command = Some(vec!["false".into()]))),
    }
}

#[test]
fn fifty_clients_leave_no_descriptor_no_thread_and_no_zombie() {
    alone(|| {
        play(breaks(), |fake| {
            let threads = entries("task");
            (0..4).for_each(|number| life(fake, number));
            eventually("the threads of the first clients are gone, with all that they held", || {
                entries("task") == threads
            });
            let before = possessions();
            (0..50).for_each(|number| life(fake, number));
            eventually("everything is given back", || possessions() == before);
        });
    });
}

#[test]
fn writing_to_a_dead_runtime_raises_no_signal() {
    alone(|| {
        sys::die_of_sigpipe();
        play(breaks(), |fake| {
            for _ in 0..20 {
                let client = fake.client();
                client.notify("crash", None).unwrap();
                for _ in 0..1000 {
                    let _ = client.notify("after", Some(r#"{"x":"yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"}"#));
                }
                assert_eq!(ask(&client, "end").unwrap_err().status(), Status::Transport);
            }
        });
    });
}

fn outcomes(client: &Client, thread: &Thread, turn: &Handle) -> [Result<()>; 12] {
    [
        client.call("m", None, codex::engine::client::Timeout::Never).map(drop),
        client.notify("m", None),
        client.begin_call("m", None, codex::engine::client::Timeout::Never, 0).map(drop),
        client.next_event(Deadline::Never).map(drop),
        client.stats_json().map(drop),
        client.wake(),
        client.close(PATIENCE),
        Thread::open(client, Origin::New, None).map(drop),
        turn::run(thread, Some("x"), None).map(drop),
        Handle::begin(thread, Some("x"), None, Delivery::Kept).map(drop),
        turn.next_event(Deadline::Never).map(drop),
        turn.interrupt(),
    ]
}

fn holds() -> Script {
    Script::new()
        .then_on("turn/start", [Action::turn(Turn::held())])
        .then_on("turn/start", [Action::turn(Turn::default())])
}

#[test]
fn the_child_of_a_fork_is_refused_and_the_parent_goes_on() {
    alone(|| {
        play(holds(), |fake| {
            let client = fake.client();
            let thread = limited(&client, json!({}));
            let turn = start(&thread, "hello");
            let child = sys::fork(|| {
                let refused = outcomes(&client, &thread, &turn)
                    .map(|outcome| outcome.is_err_and(|error| error.status() == Status::Forked));
                refused.iter().position(|refused| !refused).map_or(0, |at| at as u8 + 1)
            });
            assert_eq!(child.exit_code(), 0, "the number of the call that was not refused");
            turn.interrupt().unwrap();
            assert_eq!(end(&turn).not_completed().1.status(), Status::TurnInterrupted);
            run(&limited(&client, json!({})), "hello").completed();
        });
    });
}

#[test]
fn the_child_of_a_fork_may_free_what_it_inherited_and_connect_a_client_of_its_own() {
    alone(|| {
        play(Script::new(), |fake| {
            let client = fake.client();
            let thread = limited(&client, json!({}));
            let mut inherited = Some((client.clone(), unannounced(&client, THREAD)));
            let child = sys::fork(|| {
                drop(inherited.take());
                let own =
                    Client::connect(&fake.options()).map(|own| turn::run(&limited(&own, json!({})), Some("x"), None));
                u8::from(!matches!(own, Ok(Ok((Some(_), None)))))
            });
            assert_eq!(child.exit_code(), 0);
            run(&thread, "hello").completed();
            assert!(!fake.noted("#sigterm"));
        });
    });
}

#[test]
fn a_forked_sibling_does_not_keep_the_runtime_alive() {
    alone(|| {
        play(Script::new(), |fake| {
            let client = fake.client();
            let child = sys::fork(|| {
                std::thread::sleep(Duration::from_secs(50));
                0
            });
            client.close(Duration::from_secs(40)).unwrap();
            assert!(fake.noted("#eof") && !fake.noted("#sigterm"));
            child.kill();
        });
    });
}

#[test]
fn a_host_that_has_no_descriptors_left_is_told_so() {
    alone(|| {
        play(Script::new(), |fake| {
            let client = fake.client();
            let hoard: Vec<fs::File> = sys::with_descriptors(entries("fd") as u64 + 3, || {
                let hoard = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
                let refused = Client::connect(&fake.options()).unwrap_err();
                assert_eq!(refused.status(), Status::RuntimeStart, "{refused}");
                run(&limited(&client, json!({})), "hello").completed();
                hoard
            });
            drop(hoard);
            run(&limited(&fake.client(), json!({})), "hello").completed();
        });
    });
}

#[test]
fn a_host_that_reaps_every_child_itself_loses_only_the_exit_status() {
    alone(|| {
        play(Script::new().on("crash", [Action::exit(3)]), |fake| {
            let _ignored = sys::ignore_children();
            let client = fake.client();
            run(&limited(&client, json!({})), "hello").completed();
            assert_eq!(ask(&client, "crash").unwrap_err().status(), Status::Transport);
            let other = fake.client();
            other.close(PATIENCE).unwrap();
        });
    });
}
