//! What the handles of a turn show: its events, whoever started it and whenever a handle came or went.

use std::time::Duration;

use codex::engine::event::{Event, EventKind};
use codex::engine::thread::Thread;
use codex::engine::turn::Turn;
use scripted_model::{Message, Response};
use serde_json::json;

use crate::support::follow::{
    PATIENCE, begin, count, end, ended, events, eventually, listen, messages, method, parsed, run, start, texts,
    turn_id, until, until_client,
};
use crate::support::real::{World, call, on_both_runtimes, stats, thread_of};

on_both_runtimes! {
    a_turn_shows_its_deltas_its_message_and_one_end,
    the_events_of_a_turn_come_in_their_order,
    the_result_of_a_handle_has_the_id_of_the_handle,
    the_result_waits_for_a_handle_that_was_read_to_its_end,
    every_event_names_its_thread_and_its_turn,
    events_have_the_runtimes_json_and_clock,
    reasoning_comes_as_deltas,
    usage_comes_as_an_event_with_its_numbers,
    a_method_that_the_library_does_not_know_is_an_event_of_no_kind,
    the_pointer_of_a_thread_is_inherited_by_its_turns,
    deltas_are_there_while_the_model_still_speaks,
    a_stream_is_not_in_the_way_of_a_call,
    turns_of_two_threads_never_mix,
    a_handle_made_late_sees_what_comes_and_has_the_whole_result,
    a_handle_for_whatever_runs_finds_the_turn,
    a_handle_can_be_made_again_after_the_first_was_freed,
    a_handle_for_a_finished_turn_has_its_result,
    a_handle_for_whatever_runs_is_refused_when_nothing_runs,
    a_second_start_on_a_busy_thread_joins_the_turn,
    a_start_while_a_turn_ends_completes_either_way,
    a_freed_handle_leaves_the_others_whole,
    a_slow_reader_loses_nothing,
    what_was_read_is_not_kept,
    a_freed_handle_leaves_nothing_behind,
    a_failure_is_seen_by_every_handle,
    a_turn_that_cannot_start_says_so_through_its_handle,
    a_turn_that_nobody_holds_comes_to_the_client,
    a_turn_of_the_runtime_comes_to_the_client,
    a_warning_belongs_to_no_turn,
}

/// A response that says "before", waits at the gate "middle" and says " after".
fn two_halves() -> Response {
    Response::new().message(Message::new("before").gate("middle").delta(" after").phase("final_answer"))
}

/// Starts a turn that waits at the gate "middle", and reads up to there.
fn start_first_half(world: &World, thread: &Thread) -> Turn {
    world.says([two_halves()]);
    let turn = start(thread, "go");
    assert_eq!(until(&turn, EventKind::MessageDelta).text_str(), "before");
    turn
}

fn a_turn_shows_its_deltas_its_message_and_one_end(world: &World) {
    world.says([Response::text(["he", "llo"])]);
    let thread = world.thread();
    let seen = events(&start(&thread, "a question"));
    assert_eq!(texts(&seen, EventKind::MessageDelta), ["he", "llo"]);
    assert_eq!(count(&seen, EventKind::TurnCompleted), 1);
    assert_eq!(count(&seen, EventKind::TurnEnded), 1);
    assert!(texts(&seen, EventKind::ItemCompleted).contains(&"hello".to_owned()));
    assert_eq!(world.model.requests()[0].last_user_text(), "a question");
}

fn the_events_of_a_turn_come_in_their_order(world: &World) {
    use EventKind as Kind;
    world.says([Response::text(["hello"])]);
    let seen = events(&start(&world.thread(), "go"));
    let expected = [
        Kind::TurnStarted,
        Kind::ItemStarted,
        Kind::ItemCompleted,
        Kind::ItemStarted,
        Kind::MessageDelta,
        Kind::ItemCompleted,
        Kind::Usage,
        Kind::TurnCompleted,
        Kind::TurnEnded,
    ];
    let kinds: Vec<_> = seen.iter().map(|event| event.kind()).filter(|kind| *kind != Kind::Other).collect();
    assert_eq!(kinds, expected);
}

fn the_result_of_a_handle_has_the_id_of_the_handle(world: &World) {
    world.says([Response::text(["hello"])]);
    let turn = start(&world.thread(), "go");
    let id = turn.id().as_str().to_owned();
    let result = end(&turn).completed();
    assert!(!id.is_empty());
    assert_eq!(result["id"], id);
    assert_eq!(result["finalResponse"], "hello");
}

fn the_result_waits_for_a_handle_that_was_read_to_its_end(world: &World) {
    world.says([Response::text(["hello"])]);
    let turn = start(&world.thread(), "go");
    let seen = events(&turn);
    let result = end(&turn).completed();
    assert_eq!(parsed(seen.last().expect("an event").json_str()), result);
    assert_eq!(end(&turn).completed(), result);
}

fn every_event_names_its_thread_and_its_turn(world: &World) {
    world.says([Response::text(["hello"])]);
    let thread = world.thread();
    let turn = start(&thread, "go");
    for event in events(&turn) {
        assert_eq!(turn_id(&event), turn.id().as_str(), "{event:?}");
        assert_eq!(event.thread_id(), thread.id().with_nul(), "{event:?}");
    }
}

fn events_have_the_runtimes_json_and_clock(world: &World) {
    world.says([Response::text(["hello"])]);
    let turn = start(&world.thread(), "go");
    let delta = until(&turn, EventKind::MessageDelta);
    assert_eq!(method(&delta), "item/agentMessage/delta");
    let params = parsed(delta.json_str());
    assert_eq!((&params["delta"], &params["turnId"]), (&json!("hello"), &json!(turn.id().as_str())));
    assert_eq!(delta.item_id().strip_suffix(b"\0").map(String::from_utf8_lossy).as_deref(), params["itemId"].as_str());
    let year_2020_ms = 1_577_836_800_000;
    assert!(delta.emitted_at_ms() > year_2020_ms, "{}", delta.emitted_at_ms());
    end(&turn).completed();
}

fn reasoning_comes_as_deltas(world: &World) {
    world.says([Response::new().reasoning(["**Look**"], "the raw thought").message(Message::new("Done"))]);
    let seen = events(&start(&world.thread(), "go"));
    assert_eq!(texts(&seen, EventKind::ReasoningDelta), ["**Look**", "the raw thought"]);
}

fn usage_comes_as_an_event_with_its_numbers(world: &World) {
    let usage = scripted_model::Usage { input: 11, cached: 0, output: 7, reasoning: 0, total: 18 };
    world.says([Response::text(["hello"]).usage(usage)]);
    let event = until(&start(&world.thread(), "go"), EventKind::Usage);
    let last = &parsed(event.json_str())["tokenUsage"]["last"];
    assert_eq!((&last["inputTokens"], &last["totalTokens"]), (&json!(11), &json!(18)));
    assert_eq!(last["cachedInputTokens"], 0);
}

fn a_method_that_the_library_does_not_know_is_an_event_of_no_kind(world: &World) {
    world.says([Response::text(["hello"])]);
    let thread = world.thread_with(json!({"experimentalRawEvents": true}));
    let seen = events(&start(&thread, "go"));
    let raw = seen.iter().find(|event| method(event) == "rawResponseItem/completed").expect("a raw event");
    assert_eq!(raw.kind(), EventKind::Other);
    assert!(parsed(raw.json_str())["item"].is_object(), "{}", raw.json_str());
}

fn the_pointer_of_a_thread_is_inherited_by_its_turns(world: &World) {
    world.says([Response::text(["hello"]), Response::text(["again"])]);
    let thread = world.thread();
    thread.set_user_data(7).unwrap();
    let first = events(&start(&thread, "go"));
    assert!(first.iter().all(|event| event.user_data() == 7));
    let turn = begin(&thread, "go");
    turn.set_user_data(8).unwrap();
    assert!(events(&turn).iter().all(|event| event.user_data() == 8));
}

fn deltas_are_there_while_the_model_still_speaks(world: &World) {
    let thread = world.thread();
    let turn = start_first_half(world, &thread);
    world.model.gate("middle").release();
    assert_eq!(texts(&events(&turn), EventKind::MessageDelta), [" after"]);
    assert_eq!(end(&turn).completed()["finalResponse"], "before after");
}

fn a_stream_is_not_in_the_way_of_a_call(world: &World) {
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    let turn = start_first_half(world, &thread);
    assert!(call(&client, "model/list", json!({}))["data"].is_array());
    world.model.gate("middle").release();
    assert_eq!(texts(&events(&turn), EventKind::MessageDelta), [" after"]);
}

fn turns_of_two_threads_never_mix(world: &World) {
    let client = world.client();
    let threads = [thread_of(&client, json!({})), thread_of(&client, json!({}))];
    for (name, other) in [("apples", "pears"), ("pears", "apples")] {
        let message = Message::new(format!("{name} one ")).gate(other).delta(format!("{name} two"));
        world.model.queue_for(name, Response::new().message(message));
    }
    let turns = [start(&threads[0], "apples"), start(&threads[1], "pears")];
    for name in ["pears", "apples"] {
        world.model.gate(name).wait_until_reached(PATIENCE);
        world.model.gate(name).release();
    }
    for (turn, name) in turns.iter().zip(["apples", "pears"]) {
        let seen = events(turn);
        assert_eq!(texts(&seen, EventKind::MessageDelta), [format!("{name} one "), format!("{name} two")]);
        assert_eq!(end(turn).completed()["finalResponse"], format!("{name} one {name} two"));
    }
}

fn a_handle_made_late_sees_what_comes_and_has_the_whole_result(world: &World) {
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    let first = start_first_half(world, &thread);
    let same_thread = Thread::from_id(&client, thread.id().as_str()).unwrap();
    let late = Turn::attach(&same_thread, Some(first.id().as_str())).unwrap();
    world.model.gate("middle").release();
    let seen = events(&late);
    assert_eq!(texts(&seen, EventKind::MessageDelta), [" after"]);
    assert_eq!(count(&seen, EventKind::TurnStarted), 0);
    let result = end(&late).completed();
    assert_eq!(result["finalResponse"], "before after");
    assert_eq!(result, end(&first).completed());
}

fn a_handle_for_whatever_runs_finds_the_turn(world: &World) {
    let thread = world.thread();
    let first = start_first_half(world, &thread);
    let late = Turn::attach(&thread, None).unwrap();
    assert_eq!(late.id().as_str(), first.id().as_str());
    world.model.gate("middle").release();
    assert_eq!(end(&late).completed()["finalResponse"], "before after");
}

fn a_handle_can_be_made_again_after_the_first_was_freed(world: &World) {
    let thread = world.thread();
    let first = start_first_half(world, &thread);
    let id = first.id().as_str().to_owned();
    drop(first);
    let by_id = Turn::attach(&thread, Some(&id)).unwrap();
    let whatever = Turn::attach(&thread, None).unwrap();
    assert_eq!((by_id.id().as_str(), whatever.id().as_str()), (&*id, &*id));
    world.model.gate("middle").release();
    assert_eq!(end(&by_id).completed()["finalResponse"], "before after");
    assert_eq!(end(&whatever).completed()["finalResponse"], "before after");
}

fn a_handle_for_a_finished_turn_has_its_result(world: &World) {
    world.says([Response::text(["hello"])]);
    let thread = world.thread();
    let first = run(&thread, "go").completed();
    let late = Turn::attach(&thread, first["id"].as_str()).unwrap();
    let kinds: Vec<_> = events(&late).iter().map(|event| event.kind()).collect();
    assert_eq!(kinds, [EventKind::TurnEnded]);
    let result = end(&late).completed();
    assert_eq!(result["finalResponse"], "hello");
    assert_eq!((&result["id"], messages(&result)), (&first["id"], messages(&first)));
}

fn a_handle_for_whatever_runs_is_refused_when_nothing_runs(world: &World) {
    world.says([Response::text(["hello"])]);
    let thread = world.thread();
    run(&thread, "go").completed();
    assert_eq!(Turn::attach(&thread, None).unwrap_err().reason(), "noActiveTurn");
    assert_eq!(Turn::attach(&thread, Some("no-such-turn")).unwrap_err().reason(), "noActiveTurn");
}

fn a_second_start_on_a_busy_thread_joins_the_turn(world: &World) {
    let thread = world.thread();
    let first = start_first_half(world, &thread);
    world.says([Response::text(["to both"])]);
    let second = start(&thread, "one more thing");
    assert_eq!(second.id().as_str(), first.id().as_str());
    world.model.gate("middle").release();
    let result = end(&second).completed();
    assert_eq!(result["finalResponse"], "to both");
    assert_eq!(result, end(&first).completed());
    assert_eq!(world.model.requests()[1].last_user_text(), "one more thing");
}

fn a_start_while_a_turn_ends_completes_either_way(world: &World) {
    let thread = world.thread();
    for round in 0..10 {
        world.model.queue_for(&format!("first {round}"), Response::text(["1"]));
        world.model.queue_for(&format!("second {round}"), Response::text(["2"]));
        let first = start(&thread, &format!("first {round}"));
        std::thread::sleep(Duration::from_millis(round * 5));
        let second = start(&thread, &format!("second {round}"));
        assert_eq!(end(&second).completed()["finalResponse"], "2");
        end(&first).completed();
    }
}

fn a_freed_handle_leaves_the_others_whole(world: &World) {
    let thread = world.thread();
    let first = start_first_half(world, &thread);
    let second = Turn::attach(&thread, Some(first.id().as_str())).unwrap();
    drop(first);
    world.model.gate("middle").release();
    assert_eq!(texts(&events(&second), EventKind::MessageDelta), [" after"]);
    assert_eq!(end(&second).completed()["finalResponse"], "before after");
}

fn a_slow_reader_loses_nothing(world: &World) {
    let thread = world.thread();
    let quick = start_first_half(world, &thread);
    let slow = Turn::attach(&thread, Some(quick.id().as_str())).unwrap();
    world.model.gate("middle").release();
    let brief = |event: Event| (method(&event).to_owned(), event.json_str().to_owned());
    let of_quick: Vec<_> = events(&quick).into_iter().map(brief).collect();
    let of_slow: Vec<_> = events(&slow).into_iter().map(brief).collect();
    assert!(of_slow.iter().any(|(_, json)| json.contains(" after")), "{of_slow:?}");
    assert_eq!(of_slow, of_quick);
}

fn what_was_read_is_not_kept(world: &World) {
    let deltas = (0..1000).map(|number| format!("{number} "));
    world.says([Response::new().message(Message::streamed(deltas).gate("middle"))]);
    let client = world.client();
    let turn = start(&thread_of(&client, json!({})), "go");
    for number in 0..1000 {
        assert_eq!(until(&turn, EventKind::MessageDelta).text_str(), format!("{number} "));
    }
    assert_eq!(stats(&client)["queuedBytes"], 0);
    world.model.gate("middle").release();
    end(&turn).completed();
}

fn a_freed_handle_leaves_nothing_behind(world: &World) {
    let client = world.client();
    let thread = thread_of(&client, json!({}));
    drop(start_first_half(world, &thread));
    let figures = stats(&client);
    assert_eq!((&figures["turnsOpen"], &figures["queuedBytes"]), (&json!(0), &json!(0)));
    world.model.gate("middle").release();
    eventually("the turn ends", || {
        call(&client, "thread/read", json!({"threadId": thread.id().as_str()}))["thread"]["status"]["type"] == "idle"
    });
    let figures = stats(&client);
    assert_eq!((&figures["turnsOpen"], &figures["queuedBytes"]), (&json!(0), &json!(0)));
}

fn a_failure_is_seen_by_every_handle(world: &World) {
    world.says([Response::new().message(Message::new("before").gate("middle")).failed("server_error", "boom")]);
    let thread = world.thread();
    let first = start(&thread, "go");
    let second = Turn::attach(&thread, Some(first.id().as_str())).unwrap();
    world.model.gate("middle").release();
    for turn in [&first, &second] {
        let (result, error) = end(turn).not_completed();
        assert!(error.message().contains("boom"), "{error}");
        assert_eq!(result["status"], "failed");
    }
}

fn a_turn_that_cannot_start_says_so_through_its_handle(world: &World) {
    let client = world.client();
    let thread = Thread::from_id(&client, "01a20343-d634-7000-8000-000000000000").unwrap();
    let turn = begin(&thread, "go");
    let seen = events(&turn);
    assert_eq!(seen.iter().map(|event| event.kind()).collect::<Vec<_>>(), [EventKind::TurnEnded]);
    assert_eq!(seen[0].error().map(|error| error.reason()), Some("threadNotFound"));
    assert!(ended(&turn).result.is_none());
    drop(turn);
    assert_eq!(stats(&client)["turnsOpen"], 0);
}

fn a_turn_that_nobody_holds_comes_to_the_client(world: &World) {
    let client = world.client();
    listen(&client);
    let thread = thread_of(&client, json!({}));
    drop(start_first_half(world, &thread));
    world.model.gate("middle").release();
    let completed = until_client(&client, |event| event.kind() == EventKind::TurnCompleted);
    assert_eq!(completed.thread_id(), thread.id().with_nul());
}

fn a_turn_of_the_runtime_comes_to_the_client(world: &World) {
    let client = world.client();
    listen(&client);
    let thread = thread_of(&client, json!({}));
    call(&client, "thread/shellCommand", json!({"threadId": thread.id().as_str(), "command": "echo words"}));
    let item = until_client(&client, |event| event.kind() == EventKind::ItemCompleted);
    assert_eq!(parsed(item.json_str())["item"]["aggregatedOutput"], "words\n");
    let completed = until_client(&client, |event| event.kind() == EventKind::TurnCompleted);
    assert_eq!(turn_id(&completed), turn_id(&item));
}

fn a_warning_belongs_to_no_turn(world: &World) {
    let client = world.client();
    listen(&client);
    let _thread = thread_of(&client, json!({"config": {"no_such_setting": 1}}));
    let warning = until_client(&client, |event| event.text_str().contains("no_such_setting"));
    assert_eq!((warning.kind(), turn_id(&warning)), (EventKind::Warning, ""));
}
