//! Idle means idle: while nothing happens, nothing wakes.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use codex::engine::client::{Client, Read};
use codex::engine::client_options::ClientOptions;
use codex::engine::connection::Deadline;
use codex::engine::log::Level;
use codex::engine::turn::Turn as Handle;
use fake_runtime::{Action, Script, Turn};

use crate::support::alone::alone;
use crate::support::fake::{ask, play, unannounced};
use crate::support::follow::{eventually, start};

/// When nobody has woken for so long, nothing is under way any more.
const SETTLED: Duration = Duration::from_millis(500);

const WATCHED: Duration = Duration::from_secs(2);

/// Longer than callers are watched.
const WAIT: Duration = Duration::from_secs(60);

/// A thread that wakes once has done so for a reason of its own; one that wakes every second does so twice.
const TOLERANCE: u64 = 1;

/// How often the other threads of this process have gone to sleep.
fn sleeps() -> u64 {
    let own = fs::read_link("/proc/thread-self").expect("the name of this thread");
    let own = own.file_name().expect("its number");
    let tasks = fs::read_dir("/proc/self/task").expect("the threads of this process");
    let others = tasks.map(|task| task.expect("a thread").path()).filter(|task| task.file_name() != Some(own));
    others.map(|task| sleeps_of(&task)).sum()
}

fn sleeps_of(task: &Path) -> u64 {
    let status = fs::read_to_string(task.join("status")).expect("the status of a thread");
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).expect("a count");
    count.trim().parse().expect("a number")
}

/// How often the other threads wake within a time.
fn wakeups_within(time: Duration) -> u64 {
    let before = sleeps();
    thread::sleep(time);
    sleeps() - before
}

/// How often the other threads wake while nothing happens.
fn wakeups() -> u64 {
    eventually("nothing is under way", || wakeups_within(SETTLED) == 0);
    wakeups_within(WATCHED)
}

fn assert_idle(wakeups: u64) {
    assert!(wakeups <= TOLERANCE, "{wakeups} wake-ups within {WATCHED:?}");
}

/// Two turns that stay open, and of which everything has been read.
fn held(test: impl FnOnce(&Client, &[Handle; 2]) + Send + 'static) {
    held_with(|_| (), test);
}

/// The same for a client whose options were changed.
fn held_with(
    change: impl FnOnce(&mut ClientOptions) + Send + 'static,
    test: impl FnOnce(&Client, &[Handle; 2]) + Send + 'static,
) {
    play(Script::new().on("turn/start", [Action::turn(Turn::held())]), |fake| {
        let client = fake.client_with(change);
        let turns = ["thread-1", "thread-2"].map(|id| start(&unannounced(&client, id), "hello"));
        ask(&client, "what comes behind the turns").unwrap_err();
        turns.iter().for_each(read_all);
        test(&client, &turns);
    });
}

fn read_all(turn: &Handle) {
    while let Read::Event(_) = turn.next_event(Deadline::Now).expect("the turn goes on") {}
}

fn within(time: Duration) -> Deadline {
    Deadline::At(Instant::now() + time)
}

/// While a caller waits for each of the turns. Waking them afterwards finds all of them waiting.
fn assert_idle_in(turns: &[Handle], deadline: Deadline) {
    let wait = |turn: &Handle| matches!(turn.next_event(deadline), Ok(Read::TimedOut));
    let wakeups = thread::scope(|scope| {
        let callers = turns.iter().map(|turn| scope.spawn(move || wait(turn))).collect::<Vec<_>>();
        let wakeups = wakeups();
        assert!(callers.iter().all(|caller| !caller.is_finished()), "a caller did not wait");
        turns.iter().for_each(|turn| turn.wake().expect("the client is open"));
        callers.into_iter().for_each(|caller| assert!(caller.join().expect("a caller"), "a caller was not woken"));
        wakeups
    });
    assert_idle(wakeups);
}

#[test]
fn nothing_wakes_while_nobody_waits() {
    alone(|| held(|_, _| assert_idle(wakeups())));
}

#[test]
fn nothing_wakes_while_a_handler_a_log_and_a_trace_have_nothing_to_do() {
    let with_callbacks = |options: &mut ClientOptions| {
        options.request_handler = Some(Arc::new(drop));
        options.log = Some((Level::Trace, Arc::new(|_, _, _| ())));
        options.trace = Some(Arc::new(|_, _| ()));
    };
    alone(move || held_with(with_callbacks, |_, _| assert_idle(wakeups())));
}

#[test]
fn nothing_wakes_while_a_caller_waits() {
    alone(|| held(|_, turns| assert_idle_in(&turns[..1], Deadline::Never)));
}

#[test]
fn nothing_wakes_while_a_caller_waits_for_some_time() {
    alone(|| held(|_, turns| assert_idle_in(&turns[..1], within(WAIT))));
}

#[test]
fn nothing_wakes_while_several_callers_wait() {
    alone(|| held(|_, turns| assert_idle_in(turns, within(WAIT))));
}

#[test]
fn nothing_wakes_while_an_event_loop_waits() {
    alone(|| {
        held(|client, _| {
            client.wakeup_fd().expect("the client is open").expect("a descriptor");
            assert_idle(wakeups());
        });
    });
}
