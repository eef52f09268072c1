//! Many turns, many handles, many threads of the host.

use std::collections::HashSet;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use codex::engine::client::{Client, Read};
use codex::engine::connection::Deadline;
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::turn::Turn as Handle;
use fake_runtime::{Action, FinishTurn, Script, Turn, Turns};
use serde_json::json;

use crate::support::fake::{Fake, THREAD, ask, limited, play, stat, unannounced};
use crate::support::follow::{
    PATIENCE, begin, count, end, ended, events, eventually, listen, messages, run, soon, start, texts, turn_id, until,
    until_client,
};

const TURNS: usize = 1000;

fn said(text: &str) -> Turn {
    Turn { deltas: Some(vec![text.into()]), ..Turn::default() }
}

/// Turns that stay open until a call `finish`.
fn finishes() -> Script {
    let finish = FinishTurn { turns: Turns::All, with: said("$text") };
    let held = Turn { hold: true, ..said("I heard: $text") };
    Script::new()
        .on("turn/start", [Action::turn(held)])
        .on("finish", [Action::finish_turn(finish), Action::reply(json!({}))])
        .on("crash", [Action::abort()])
}

/// So many turns at once, each on a thread of its own.
fn crowd(client: &Client) -> Vec<Handle> {
    let turns: Vec<Handle> = (0..TURNS)
        .map(|number| begin(&unannounced(client, &format!("thread-{number}")), &format!("<{number}>")))
        .collect();
    eventually("all turns have started", || turns.iter().all(|turn| !turn.id().as_str().is_empty()));
    turns
}

#[test]
fn a_thousand_turns_at_once_end_each_with_its_own_result() {
    play(finishes(), |fake| {
        let client = fake.client();
        let turns = crowd(&client);
        assert_eq!(stat(client.connection(), "turnsOpen"), TURNS as u64);
        ask(&client, "finish").unwrap();
        for (number, turn) in turns.iter().enumerate() {
            let result = end(turn).completed();
            assert_eq!(messages(&result), [format!("I heard: <{number}>")]);
            assert_eq!(
                (&result["id"], &result["threadId"]),
                (&json!(turn.id().as_str()), &json!(format!("thread-{number}")))
            );
        }
        let ids: HashSet<&str> = turns.iter().map(|turn| turn.id().as_str()).collect();
        assert_eq!(ids.len(), TURNS);
    });
}

#[test]
fn a_thousand_turns_lose_their_runtime_at_once() {
    play(finishes(), |fake| {
        let client = fake.client();
        let turns = crowd(&client);
        ask(&client, "crash").unwrap_err();
        for (number, turn) in turns.iter().enumerate() {
            let (result, error) = end(turn).not_completed();
            assert_eq!(error.status(), Status::Transport);
            assert_eq!(result["threadId"], format!("thread-{number}"));
        }
    });
}

#[test]
fn a_thousand_turns_are_interrupted_at_once() {
    play(finishes(), |fake| {
        let client = fake.client();
        let turns = crowd(&client);
        turns.iter().for_each(|turn| turn.interrupt().unwrap());
        for turn in &turns {
            assert_eq!(end(turn).not_completed().1.status(), Status::TurnInterrupted);
        }
    });
}

#[test]
fn everybody_who_waits_for_a_turn_gets_the_one_result() {
    play(finishes(), |fake| {
        let client = fake.client();
        let turn = start(&limited(&client, json!({})), "hello");
        let results: Vec<_> = thread::scope(|scope| {
            let waiting: Vec<_> =
                (0..50).map(|_| scope.spawn(|| ended(&turn).result.clone().expect("a result"))).collect();
            ask(&client, "finish").unwrap();
            waiting.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(results.iter().all(|result| Arc::ptr_eq(result, &results[0])));
    });
}

#[test]
fn readers_of_one_handle_share_its_events_and_each_comes_once() {
    let deltas: Vec<String> = (0..500).map(|number| number.to_string()).collect();
    let expected = deltas.clone();
    play(
        Script::new().on("turn/start", [Action::turn(Turn { deltas: Some(deltas), ..Turn::default() })]),
        move |fake| {
            let turn = start(&fake.thread(), "hello");
            let mut seen: Vec<String> = thread::scope(|scope| {
                let readers: Vec<_> =
                    (0..16).map(|_| scope.spawn(|| texts(&events(&turn), EventKind::MessageDelta))).collect();
                readers.into_iter().flat_map(|reader| reader.join().unwrap()).collect()
            });
            seen.sort_by_key(|number| number.parse::<u32>().unwrap());
            assert_eq!(seen, expected);
        },
    );
}

#[test]
fn many_threads_run_turns_on_one_client() {
    play(Script::new().on("turn/start", [Action::turn(said("echo $text"))]), |fake| {
        let client = fake.client();
        let work = |number: usize| {
            let thread = unannounced(&client, &format!("thread-{number}"));
            for round in 0..20 {
                let result = run(&thread, &format!("{number}.{round}")).completed();
                assert_eq!(messages(&result), [format!("echo {number}.{round}")]);
            }
        };
        thread::scope(|scope| (0..16).for_each(|number| drop(scope.spawn(move || work(number)))));
        assert_eq!(stat(client.connection(), "turnsBegun"), 320);
    });
}

#[test]
fn many_clients_work_side_by_side() {
    play(Script::new().on("turn/start", [Action::turn(said("echo $text"))]), |fake| {
        let work = |number: usize| {
            let result = run(&fake.thread(), &number.to_string()).completed();
            assert_eq!(messages(&result), [format!("echo {number}")]);
        };
        thread::scope(|scope| (0..8).for_each(|number| drop(scope.spawn(move || work(number)))));
    });
}

fn timed_out(read: Read) -> bool {
    matches!(read, Read::TimedOut)
}

#[test]
fn a_wake_up_makes_the_next_reader_of_a_turn_return_once() {
    play(finishes(), |fake| {
        let client = fake.client();
        let turn = start(&limited(&client, json!({})), "hello");
        until(&turn, EventKind::MessageDelta);
        turn.wake().unwrap();
        turn.wake().unwrap();
        assert!(timed_out(turn.next_event(soon()).unwrap()));
        ask(&client, "finish").unwrap();
        assert_eq!(until(&turn, EventKind::TurnEnded).kind(), EventKind::TurnEnded);
    });
}

#[test]
fn a_wake_up_reaches_a_reader_that_waits() {
    play(finishes(), |fake| {
        let client = fake.client();
        let turn = start(&limited(&client, json!({})), "hello");
        until(&turn, EventKind::MessageDelta);
        thread::scope(|scope| {
            let reader = scope.spawn(|| turn.next_event(Deadline::Never).unwrap());
            thread::sleep(Duration::from_millis(100));
            turn.wake().unwrap();
            assert!(timed_out(reader.join().unwrap()));
            let reader = scope.spawn(|| client.next_event(Deadline::Never).unwrap());
            thread::sleep(Duration::from_millis(100));
            client.wake().unwrap();
            assert!(timed_out(reader.join().unwrap()));
        });
    });
}

#[test]
fn a_wake_up_loses_no_event_and_leaves_waiting_for_the_end_alone() {
    play(finishes(), |fake| {
        let client = fake.client();
        let turn = start(&limited(&client, json!({})), "hello");
        thread::scope(|scope| {
            let waiting = scope.spawn(|| end(&turn).completed());
            for _ in 0..20 {
                turn.wake().unwrap();
                thread::sleep(Duration::from_millis(5));
            }
            ask(&client, "finish").unwrap();
            waiting.join().unwrap();
        });
    });
}

#[test]
fn a_reader_with_a_deadline_returns_when_nothing_comes() {
    play(finishes(), |fake| {
        let turn = start(&fake.thread(), "hello");
        until(&turn, EventKind::MessageDelta);
        let soon = || Deadline::At(std::time::Instant::now() + Duration::from_millis(50));
        assert!(timed_out(turn.next_event(soon()).unwrap()));
        assert!(timed_out(turn.next_event(Deadline::Now).unwrap()));
        assert!(turn.wait(soon()).unwrap().is_none());
    });
}

#[test]
fn two_handles_of_one_turn_have_each_all_events_from_where_they_came() {
    play(finishes(), |fake| {
        let client = fake.client();
        let thread = limited(&client, json!({}));
        let first = start(&thread, "hello");
        let second = Handle::attach(&thread, None).unwrap();
        let third = Handle::attach(&thread, Some(first.id().as_str())).unwrap();
        assert_eq!((first.id().as_str(), first.id().as_str()), (second.id().as_str(), third.id().as_str()));
        ask(&client, "finish").unwrap();
        for handle in [&first, &second, &third] {
            let events = events(handle);
            assert_eq!(count(&events, EventKind::TurnCompleted), 1);
            assert_eq!(count(&events, EventKind::TurnEnded), 1);
            assert!(events.iter().all(|event| [first.id().as_str(), ""].contains(&turn_id(event))));
            end(handle).completed();
        }
    });
}

#[test]
fn a_turn_that_is_started_on_a_busy_thread_joins_the_one_that_runs() {
    play(finishes(), |fake| {
        let client = fake.client();
        let thread = limited(&client, json!({}));
        let (first, second) = (start(&thread, "one"), start(&thread, "two"));
        assert_eq!(first.id().as_str(), second.id().as_str());
        ask(&client, "finish").unwrap();
        let results = [&first, &second].map(|handle| ended(handle).result.clone().expect("a result"));
        assert!(Arc::ptr_eq(&results[0], &results[1]));
    });
}

#[test]
fn freeing_one_handle_leaves_the_other_whole() {
    play(finishes(), |fake| {
        let client = fake.client();
        let thread = limited(&client, json!({}));
        let first = start(&thread, "hello");
        let second = Handle::attach(&thread, None).unwrap();
        drop(first);
        ask(&client, "finish").unwrap();
        end(&second).completed();
    });
}

#[test]
fn a_turn_without_handles_is_the_clients() {
    play(finishes(), |fake| {
        let client = fake.client();
        listen(&client);
        drop(start(&unannounced(&client, THREAD), "hello"));
        ask(&client, "finish").unwrap();
        until_client(&client, |event| event.kind() == EventKind::TurnCompleted);
        assert_eq!(stat(client.connection(), "turnsOpen"), 0);
    });
}

fn events_in_order(fake: &Fake, threads: usize) {
    let client = fake.client();
    let turns: Vec<Handle> =
        (0..threads).map(|number| begin(&unannounced(&client, &format!("thread-{number}")), "x")).collect();
    thread::scope(|scope| {
        for turn in &turns {
            scope.spawn(|| {
                let numbers: Vec<u32> =
                    texts(&events(turn), EventKind::MessageDelta).iter().map(|text| text.parse().unwrap()).collect();
                assert_eq!(numbers, (0..2000).collect::<Vec<_>>());
            });
        }
    });
    client.close(PATIENCE).unwrap();
}

#[test]
fn each_reader_gets_the_events_of_its_turn_in_order() {
    let deltas = (0..2000).map(|number: u32| number.to_string()).collect();
    play(Script::new().on("turn/start", [Action::turn(Turn { deltas: Some(deltas), ..Turn::default() })]), |fake| {
        events_in_order(fake, 8)
    });
}

#[test]
fn calls_and_interrupts_work_while_hundreds_of_threads_wait_for_quiet_turns() {
    const WAITING: usize = 256;
    let script = Script::new().on("turn/start", [Action::turn(Turn::held())]).on("hello", [Action::reply("there")]);
    play(script, |fake| {
        let client = fake.client();
        let thread = |number: usize| unannounced(&client, &format!("thread-{number}"));
        let turns: Vec<Handle> = (0..WAITING).map(|number| begin(&thread(number), "hello")).collect();
        thread::scope(|scope| {
            let waiting: Vec<_> = turns.iter().map(|turn| scope.spawn(|| end(turn).not_completed().1)).collect();
            eventually("all turns run", || turns.iter().all(|turn| !turn.id().as_str().is_empty()));
            assert_eq!(ask(&client, "hello").unwrap(), "there");
            turns.iter().for_each(|turn| turn.interrupt().unwrap());
            for turn in waiting {
                assert_eq!(turn.join().unwrap().status(), Status::TurnInterrupted);
            }
        });
    });
}
