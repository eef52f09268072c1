//! Calls that are answered late, twice, with too much, or not at all.

use std::time::Duration;

use codex::engine::client::{Client, Timeout};
use codex::engine::error::{Error, Status};
use codex::engine::event::EventKind;
use codex::engine::session::Delivery;
use codex::engine::thread::{Origin, Thread};
use codex::engine::turn::Turn as Handle;
use fake_runtime::{Action, Script, Turn};
use serde_json::{Value, json};

use crate::support::fake::{Fake, THREAD, ask, play, stat, unannounced};
use crate::support::follow::{PATIENCE, begin, end, events, listen, run, until_client};

const SHORT: Timeout = Timeout::After(Duration::from_millis(200));

fn overloaded() -> Action {
    Action::error(-32001, "Server overloaded; retry later.")
}

#[test]
fn a_call_that_is_not_answered_times_out_and_the_connection_goes_on() {
    play(Script::new().on("never", []).on("soon", [Action::reply("here")]), |fake| {
        let client = fake.client();
        let error = client.call("never", None, SHORT).unwrap_err();
        assert_eq!(error.status(), Status::TimedOut);
        let told = error.message();
        assert!(told.starts_with("the runtime did not answer never within 200 ms; it may still"), "{told}");
        assert_eq!(ask(&client, "soon").unwrap(), "here");
        assert_eq!(stat(client.connection(), "callsOutstanding"), 0);
    });
}

#[test]
fn an_answer_that_comes_late_or_twice_is_not_taken_for_another() {
    let script = Script::new()
        .on("late", [Action::wait_for("go"), Action::reply("late"), Action::reply("late")])
        .on("soon", [Action::reply("first"), Action::reply("second")]);
    play(script, |fake| {
        let client = fake.client();
        assert_eq!(client.call("late", None, SHORT).unwrap_err().status(), Status::TimedOut);
        client.notify("go", None).unwrap();
        for _ in 0..20 {
            assert_eq!(ask(&client, "soon").unwrap(), "first");
        }
    });
}

#[test]
fn a_turn_whose_start_is_answered_late_is_interrupted() {
    let script = Script::new().on("turn/start", [Action::wait_for("go"), Action::turn(Turn::held())]);
    play(script, |fake| {
        let client = fake.client_with(|options| options.request_timeout = Some(Duration::from_secs(1)));
        let error = Handle::start(&unannounced(&client, THREAD), Some("hello"), None).unwrap_err();
        assert_eq!(error.status(), Status::TimedOut);
        client.notify("go", None).unwrap();
        let interrupt = fake.called("turn/interrupt", 1)[0].clone();
        assert_eq!(interrupt["threadId"], THREAD);
        assert_eq!(interrupt["turnId"], "", "an id works only once the turn has started");
    });
}

#[test]
fn a_turn_that_was_let_go_before_it_started_goes_on() {
    let script = Script::new().on("turn/start", [Action::wait_for("go"), Action::turn(Turn::default())]);
    play(script, |fake| {
        let client = fake.client();
        listen(&client);
        drop(begin(&unannounced(&client, THREAD), "hello"));
        client.notify("go", None).unwrap();
        until_client(&client, |event| event.kind() == EventKind::TurnCompleted);
        assert!(fake.calls("turn/interrupt").is_empty());
    });
}

#[test]
fn an_overloaded_runtime_is_asked_again_until_it_answers() {
    let script = Script::new()
        .then_on("busy", [overloaded()])
        .then_on("busy", [overloaded()])
        .then_on("busy", [Action::reply(5)]);
    play(script, |fake| {
        let client = fake.client();
        assert_eq!(ask(&client, "busy").unwrap(), 5);
        assert_eq!(stat(client.connection(), "callsRetried"), 2);
        let ids: Vec<Value> =
            fake.received().iter().filter(|call| call["method"] == "busy").map(|call| call["id"].clone()).collect();
        assert!(ids.len() == 3 && ids[0] != ids[1] && ids[1] != ids[2], "each attempt has an id of its own: {ids:?}");
    });
}

#[test]
fn a_turn_is_started_again_by_an_overloaded_runtime() {
    let script =
        Script::new().then_on("turn/start", [overloaded()]).then_on("turn/start", [Action::turn(Turn::default())]);
    play(script, |fake| {
        run(&fake.thread(), "hello").completed();
        assert_eq!(fake.calls("turn/start").len(), 2);
    });
}

#[test]
fn a_runtime_that_stays_overloaded_until_the_deadline_is_reported_as_such() {
    play(Script::new().on("busy", [overloaded()]), |fake| {
        let error = fake.client().call("busy", None, Timeout::After(Duration::from_secs(3))).unwrap_err();
        assert_eq!((error.status(), error.reason()), (Status::Overloaded, "overloaded"));
        assert!(error.is_retryable());
        assert!(fake.calls("busy").len() >= 2, "it was asked again");
    });
}

/// A client that takes no long messages.
fn narrow(fake: &Fake) -> Client {
    fake.client_with(|options| options.set_max_message_bytes(100_000).unwrap())
}

fn long() -> String {
    "x".repeat(300_000)
}

fn assert_too_long(error: &Error) {
    assert_eq!((error.status(), error.reason()), (Status::Protocol, "messageTooLong"));
    assert!(error.message().contains("max_message_bytes"), "{}", error.message());
}

#[test]
fn an_answer_that_is_too_long_fails_its_call_and_the_connection_goes_on() {
    let script = Script::new()
        .on("long", [Action::reply(json!({"text": long()}))])
        .on("refused at length", [Action::error(-32603, long())])
        .on("soon", [Action::reply("here")]);
    play(script, |fake| {
        let client = narrow(fake);
        assert_too_long(&ask(&client, "long").unwrap_err());
        assert_too_long(&ask(&client, "refused at length").unwrap_err());
        assert_eq!(ask(&client, "soon").unwrap(), "here");
        assert_eq!(stat(client.connection(), "oversizedMessages"), 2);
    });
}

#[test]
fn a_notification_that_is_too_long_is_told_and_its_turn_goes_on() {
    let items = vec![json!({"type": "future", "id": "long", "text": long()})];
    play(Script::new().on("turn/start", [Action::turn(Turn { items, ..Turn::default() })]), |fake| {
        let client = narrow(fake);
        listen(&client);
        run(&unannounced(&client, THREAD), "hello").completed();
        let warning = until_client(&client, |event| event.kind() == EventKind::Warning);
        assert_too_long(warning.error().expect("what happened"));
    });
}

#[test]
fn an_answer_of_many_megabytes_arrives_whole() {
    play(Script::new().on("huge", [Action::reply("é".repeat(10_000_000))]), |fake| {
        let answer = ask(&fake.client(), "huge").unwrap();
        assert_eq!(answer.as_str().map(str::len), Some(20_000_000));
    });
}

#[test]
fn a_call_of_many_megabytes_is_sent_whole() {
    play(Script::new().on("huge", [Action::reply("$text")]), |fake| {
        let text = "é".repeat(5_000_000);
        let params = json!({"input": [{"type": "text", "text": text}]}).to_string();
        let answer = fake.client().call("huge", Some(&params), Timeout::After(PATIENCE)).unwrap();
        assert_eq!(answer.len(), text.len() + 2);
    });
}

#[test]
fn half_of_a_surrogate_pair_is_refused_before_anything_is_written() {
    play(Script::new(), |fake| {
        let client = fake.client();
        let thread = unannounced(&client, THREAD);
        let half = r#"{"a":["\ud83d"]}"#;
        let refused = [
            client.call("m", Some(half), SHORT).map(drop),
            client.notify("m", Some(half)),
            client.begin_call("m", Some(half), SHORT, 0).map(drop),
            Thread::open(&client, Origin::New, Some(half)).map(drop),
            Thread::open(&client, Origin::Stored("t"), Some(half)).map(drop),
            Handle::begin(&thread, Some("x"), Some(half), Delivery::Kept).map(drop),
        ];
        for outcome in refused {
            assert_eq!(outcome.unwrap_err().status(), Status::InvalidJson);
        }
        ask(&client, "last").unwrap_err();
        let methods: Vec<Value> = fake.received().iter().map(|message| message["method"].clone()).collect();
        assert_eq!(methods, ["initialize", "initialized", "last"]);
    });
}

#[test]
fn every_call_is_one_line_whatever_its_parameters_look_like() {
    let pretty = "{\r\n  \"a\": [1,\n 2.50],\n\t\"b\": \"x\\ny\u{2028}\"\n}";
    play(Script::new().on("odd \"method\"\n", [Action::reply("fine")]), move |fake| {
        let client = fake.client();
        assert_eq!(client.call("odd \"method\"\n", Some(pretty), Timeout::After(PATIENCE)).unwrap(), "\"fine\"");
        let line = fake.record().pop().unwrap();
        assert!(line.ends_with("\"params\":{\"a\":[1,2.50],\"b\":\"x\\ny\u{2028}\"}}"), "{line}");
    });
}

#[test]
fn the_answer_to_a_call_that_was_begun_is_an_event_however_it_ends() {
    let script = Script::new()
        .on("good", [Action::reply(json!({"x": 1}))])
        .on("bad", [Action::error(-32600, "no")])
        .on("never", []);
    play(script, |fake| {
        let client = fake.client();
        let long = Timeout::After(PATIENCE);
        let calls = [("good", long, None), ("bad", long, Some(Status::Rpc)), ("never", SHORT, Some(Status::TimedOut))];
        for (method, timeout, status) in calls {
            let call = client.begin_call(method, None, timeout, 7).unwrap();
            let event = until_client(&client, |event| event.kind() == EventKind::Response);
            assert_eq!((event.call_id(), event.user_data()), (call, 7));
            assert_eq!(event.error().map(Error::status), status);
        }
    });
}

#[test]
fn more_calls_than_the_runtime_takes_at_once_are_all_answered() {
    play(Script::new().on("x", [Action::sleep_ms(1), Action::reply(json!({}))]), |fake| {
        let client = fake.client();
        let calls: Vec<u64> = (0..1000).map(|_| client.begin_call("x", None, Timeout::Never, 0).unwrap()).collect();
        let answers = calls.iter().map(|_| until_client(&client, |event| event.kind() == EventKind::Response));
        let mut answered: Vec<u64> = answers.map(|event| event.call_id()).collect();
        answered.sort_unstable();
        assert_eq!(answered, calls);
    });
}

#[test]
fn a_turn_that_was_begun_and_refused_ends_for_its_reader_with_one_event() {
    play(Script::new().on("turn/start", [Action::error(-32600, "no")]), |fake| {
        let client = fake.client();
        let turn = begin(&unannounced(&client, THREAD), "hello");
        let events = events(&turn);
        assert_eq!(events.iter().map(|event| event.kind()).collect::<Vec<_>>(), [EventKind::TurnEnded]);
        assert_eq!(end(&turn).not_completed().1.status(), Status::Rpc);
    });
}

#[test]
fn a_call_that_was_not_answered_is_never_made_again() {
    play(Script::new().on("never", []), |fake| {
        let client = fake.client();
        let error = client.call("never", None, Timeout::After(Duration::from_secs(1))).unwrap_err();
        assert_eq!((error.status(), error.is_retryable()), (Status::TimedOut, false));
        assert_eq!((fake.calls("never").len(), stat(client.connection(), "callsRetried")), (1, 0));
    });
}

#[test]
fn an_error_that_only_mentions_an_overload_is_none() {
    let mentions = json!({"error": {"code": -32600, "message": "server_overloaded: retry limit exceeded",
        "data": {"note": "serverOverloaded"}}});
    play(Script::new().on("m", [answer(mentions)]), |fake| {
        let error = ask(&fake.client(), "m").unwrap_err();
        assert_eq!((error.status(), error.is_retryable()), (Status::Rpc, false));
        assert_eq!(fake.calls("m").len(), 1);
    });
}

#[test]
fn a_refusal_that_says_it_is_final_is_not_repeated_although_it_has_the_code_of_an_overload() {
    let last = json!({"error": {"code": -32001, "message": "Server overloaded.", "data": {"retryable": false}}});
    play(Script::new().on("m", [answer(last)]), |fake| {
        let error = ask(&fake.client(), "m").unwrap_err();
        assert_eq!((error.status(), error.is_retryable()), (Status::Overloaded, false));
        assert_eq!(fake.calls("m").len(), 1);
    });
}

#[test]
fn a_full_queue_of_the_runtime_is_an_overload_that_passes() {
    let full =
        json!({"code": -32001, "message": "busy", "data": {"reason": "serializedRequestQueue", "retryable": true}});
    let script =
        Script::new().then_on("m", [answer(json!({"error": full}))]).then_on("m", [Action::reply("a place in it")]);
    play(script, |fake| {
        assert_eq!(ask(&fake.client(), "m").unwrap(), "a place in it");
        assert_eq!(fake.calls("m").len(), 2);
    });
}

#[test]
fn a_refusal_that_says_it_passes_is_handed_on_as_such_and_repeated_by_nobody() {
    let passes = json!({"code": -32000, "message": "busy", "data": {"reason": "x", "retryable": true}});
    play(Script::new().on("m", [answer(json!({"error": passes}))]), |fake| {
        let error = ask(&fake.client(), "m").unwrap_err();
        assert_eq!((error.status(), error.is_retryable()), (Status::Rpc, true));
        assert_eq!(fake.calls("m").len(), 1, "it may have been executed: the code does not say that it was not");
    });
}

/// An answer in exactly these words, to the call at hand.
fn answer(mut message: Value) -> Action {
    message["id"] = "$id".into();
    Action::raw(message.to_string().replace("\"$id\"", "$id"))
}

#[test]
fn an_answer_that_never_ends_times_out_and_occupies_nothing() {
    let endless = [Action::raw_bytes("{\"id\":2,\"result\":\""), Action::raw_bytes(vec![b'x'; 1 << 20])];
    play(Script::new().on("m", endless), |fake| {
        let client = fake.client_with(|options| options.set_max_message_bytes(1 << 16).unwrap());
        let error = client.call("m", None, Timeout::After(Duration::from_millis(500))).unwrap_err();
        assert_eq!(error.status(), Status::TimedOut);
        assert_eq!(stat(client.connection(), "queuedBytes"), 0);
        client.close(PATIENCE).unwrap();
    });
}
