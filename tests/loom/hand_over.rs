//! The hand-over loses no wake-up: loom runs `baton.rs` in every order that its threads can run in, with up to three
//! interruptions where a thread could go on. A wake-up that is lost leaves somebody asleep for ever, which loom reports as a
//! deadlock. What the session adds, whether whoever drives may sleep, is tested in `session/tests/waking.rs`.

#[path = "../../src/engine/connection/baton.rs"]
mod baton;
mod connection;
mod sync;

use std::sync::Arc;

use loom::model::Builder;
use loom::thread::JoinHandle;

use baton::Eagerness::{self, Eager, Patient};
use connection::Patience::{Brief, Endless};
use connection::{Connection, Waited};
use sync::Time::{self, Flies, Stands};

/// How often a thread may be interrupted where it could go on: more finds nothing new, and takes for ever.
const PREEMPTIONS: usize = 3;

/// Plays `story` on a connection, in every order; its background thread ends with the connection.
fn always(time: Time, eagerness: Eagerness, story: impl Fn(&Arc<Connection>) + Send + Sync + 'static) {
    explore(time, eagerness, move |connection, background| {
        story(connection);
        connection.close();
        background.join().unwrap();
    });
}

/// The same, with a background thread that the story has to end.
fn explore(time: Time, eagerness: Eagerness, story: impl Fn(&Arc<Connection>, JoinHandle<()>) + Send + Sync + 'static) {
    time.set();
    let mut builder = Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.max_branches = 10_000;
    builder.check(move || {
        let connection = Connection::open(eagerness);
        let background = connection.serve();
        story(&connection, background);
    });
}

#[test]
fn a_caller_reads_what_it_waits_for() {
    for eagerness in [Patient, Eager] {
        always(Stands, eagerness, |connection| {
            let caller = connection.spawn(|connection| assert_eq!(connection.wait(0, Endless), Waited::Event));
            connection.arrive(0);
            caller.join().unwrap();
        });
    }
}

#[test]
fn two_callers_read_what_they_wait_for_whoever_of_them_drives() {
    for eagerness in [Patient, Eager] {
        always(Stands, eagerness, |connection| {
            let caller = connection.spawn(|connection| {
                assert_eq!(connection.wait(1, Endless), Waited::Event);
                connection.arrive(0);
            });
            connection.arrive(1);
            assert_eq!(connection.wait(0, Endless), Waited::Event);
            caller.join().unwrap();
        });
    }
}

#[test]
fn a_caller_that_cannot_drive_gets_what_it_waits_for() {
    for (time, eagerness) in [(Flies, Patient), (Stands, Eager)] {
        always(time, eagerness, |connection| {
            let caller = connection.spawn(|connection| assert_eq!(connection.wait_beside(0, Endless), Waited::Event));
            assert_eq!(connection.wait(1, Brief), Waited::TimedOut);
            connection.arrive(0);
            caller.join().unwrap();
        });
    }
}

#[test]
fn a_caller_that_waits_relieves_the_background_thread_when_something_comes() {
    always(Stands, Eager, |connection| connection.take_turn());
    always(Stands, Patient, |connection| {
        connection.post();
        connection.take_turn();
        connection.until_sent(1);
    });
}

#[test]
fn a_caller_that_leaves_hands_over_to_the_next() {
    for eagerness in [Patient, Eager] {
        always(Stands, eagerness, |connection| {
            let caller = connection.spawn(Connection::take_turn);
            connection.take_turn();
            caller.join().unwrap();
        });
    }
}

#[test]
fn a_demand_is_met_while_nobody_drives() {
    always(Stands, Patient, |connection| {
        connection.post();
        connection.until_sent(1);
        connection.post();
        connection.until_sent(2);
    });
}

#[test]
fn a_demand_is_met_though_the_caller_that_drives_leaves() {
    always(Stands, Patient, |connection| {
        let caller = connection.spawn(|connection| _ = connection.wait(0, Brief));
        connection.post();
        connection.until_sent(1);
        caller.join().unwrap();
    });
}

#[test]
fn a_demand_is_met_though_the_caller_that_is_handed_the_baton_leaves() {
    always(Stands, Patient, |connection| {
        let caller = connection.spawn(|connection| _ = connection.wait(0, Brief));
        assert_eq!(connection.wait(1, Brief), Waited::TimedOut);
        connection.post();
        connection.until_sent(1);
        caller.join().unwrap();
    });
}

#[test]
fn what_a_caller_asks_for_before_it_waits_is_done_whether_it_waits_or_not() {
    for patience in [Endless, Brief] {
        always(Stands, Patient, move |connection| {
            let caller = connection.spawn(move |connection| {
                let _coming = connection.baton.coming();
                connection.post();
                _ = connection.wait(0, patience);
            });
            connection.arrive(0);
            connection.until_sent(1);
            caller.join().unwrap();
        });
    }
    always(Stands, Patient, |connection| {
        let coming = connection.baton.coming();
        connection.post();
        drop(coming);
        connection.until_sent(1);
    });
}

#[test]
fn the_background_thread_makes_way_for_a_caller_that_is_about_to_wait() {
    always(Stands, Eager, |connection| {
        let _coming = connection.baton.coming();
        connection.post();
        connection.take_turn();
        connection.take_turn();
    });
}

#[test]
fn the_background_thread_drives_after_the_last_caller_has_left() {
    for (time, eagerness) in [(Flies, Patient), (Stands, Eager)] {
        always(time, eagerness, |connection| {
            let caller = connection.spawn(|connection| _ = connection.wait(0, Brief));
            assert_eq!(connection.wait(1, Brief), Waited::TimedOut);
            caller.join().unwrap();
            connection.arrive(0);
            connection.until_delivered(0);
        });
    }
}

#[test]
fn a_background_thread_that_becomes_eager_leaves_nobody_the_time_to_come_back() {
    always(Stands, Patient, |connection| {
        let caller = connection.spawn(|connection| _ = connection.wait(0, Brief));
        connection.baton.set_eager();
        connection.arrive(1);
        connection.until_delivered(1);
        caller.join().unwrap();
    });
}

#[test]
fn a_caller_that_is_told_to_look_while_it_is_handed_the_baton_drives_all_the_same() {
    always(Stands, Patient, |connection| {
        let caller = connection.spawn(|connection| assert_eq!(connection.wait(0, Endless), Waited::Event));
        assert_eq!(connection.wait(1, Brief), Waited::TimedOut);
        connection.wake_callers();
        connection.arrive(0);
        caller.join().unwrap();
    });
}

#[test]
fn the_end_ends_the_background_thread_and_every_wait() {
    for (time, eagerness) in [(Stands, Patient), (Stands, Eager), (Flies, Patient), (Flies, Eager)] {
        explore(time, eagerness, |connection, background| {
            let caller = connection.spawn(|connection| assert_eq!(connection.wait(0, Endless), Waited::End));
            connection.close();
            caller.join().unwrap();
            background.join().unwrap();
        });
    }
}
