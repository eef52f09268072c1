//! Many threads and turns at once over one client.

use std::thread;

use codex::engine::client::Client;
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::thread::{Origin, Thread};
use codex::engine::turn::Turn;
use scripted_model::{Message, Response};
use serde_json::json;

use crate::support::follow::{begin, end, events, run, texts, until};
use crate::support::real::{Version, World, on_both_runtimes, stats, thread_of};

on_both_runtimes! {
    thirty_threads_run_their_turns_from_many_threads_of_the_host,
    thirty_turns_begun_by_one_thread_of_the_host_all_end,
    several_threads_of_the_host_may_wait_for_one_turn,
}

/// Once, with the newer runtime: to start so many threads takes a while.
#[test]
fn an_interrupt_is_heard_among_256_quiet_turns() {
    let world = World::new(Version::Pinned);
    world.model.answer_with(|_| Response::hang());
    let client = world.client_with(|options| options.add_config("features.shell_snapshot=false").unwrap());
    let thread = |_| Thread::begin(&client, Origin::New, Some(r#"{"ephemeral":true}"#)).expect("the thread begins");
    let turns: Vec<Turn> = (0..256).map(thread).map(|thread| begin(&thread, "go")).collect();
    turns.iter().for_each(|turn| assert_eq!(until(turn, EventKind::TurnStarted).kind(), EventKind::TurnStarted));
    assert_eq!(stats(&client)["turnsOpen"], 256);
    let (first, others) = turns.split_first().expect("turns");
    first.interrupt().unwrap();
    assert_eq!(end(first).not_completed().1.status(), Status::TurnInterrupted);
    assert_eq!(stats(&client)["turnsOpen"], 255);
    others.iter().for_each(|turn| turn.interrupt().unwrap());
    for turn in others {
        assert_eq!(end(turn).not_completed().1.status(), Status::TurnInterrupted);
    }
}

/// Thirty threads of one client; the model says "n a " and "n b" to what is about "#n#".
fn thirty_threads(world: &World, client: &Client) -> Vec<(usize, Thread)> {
    let threads = (0..30).map(|number| (number, thread_of(client, json!({"ephemeral": true}))));
    threads
        .inspect(|(number, _)| {
            let message = Message::streamed([format!("{number} a "), format!("{number} b")]).phase("final_answer");
            world.model.queue_for(&format!("#{number}#"), Response::new().message(message.clone()));
            world.model.queue_for(&format!("#{number}#"), Response::new().message(message));
        })
        .collect()
}

fn thirty_threads_run_their_turns_from_many_threads_of_the_host(world: &World) {
    let client = world.client();
    let threads = thirty_threads(world, &client);
    thread::scope(|scope| {
        for some in threads.chunks(5) {
            scope.spawn(move || {
                for (number, thread) in some.iter().chain(some) {
                    let result = run(thread, &format!("about #{number}#")).completed();
                    assert_eq!(result["finalResponse"], format!("{number} a {number} b"));
                }
            });
        }
    });
    let figures = stats(&client);
    assert_eq!(
        (&figures["turnsBegun"], &figures["turnsOpen"], &figures["queuedBytes"]),
        (&json!(60), &json!(0), &json!(0))
    );
}

fn thirty_turns_begun_by_one_thread_of_the_host_all_end(world: &World) {
    let client = world.client();
    let threads = thirty_threads(world, &client);
    let turns: Vec<_> = threads.iter().map(|(number, thread)| begin(thread, &format!("about #{number}#"))).collect();
    for ((number, _), turn) in threads.iter().zip(&turns).rev() {
        assert_eq!(texts(&events(turn), EventKind::MessageDelta), [format!("{number} a "), format!("{number} b")]);
        assert_eq!(end(turn).completed()["finalResponse"], format!("{number} a {number} b"));
    }
}

fn several_threads_of_the_host_may_wait_for_one_turn(world: &World) {
    world.says([Response::new().message(Message::new("done").gate("middle"))]);
    let turn = begin(&world.thread(), "go");
    thread::scope(|scope| {
        let waiters: Vec<_> = (0..6).map(|_| scope.spawn(|| end(&turn).completed())).collect();
        world.model.gate("middle").release();
        let results: Vec<_> = waiters.into_iter().map(|waiter| waiter.join().unwrap()).collect();
        assert!(results.iter().all(|result| *result == results[0] && result["finalResponse"] == "done"));
    });
}
