//! Lines that are no messages, or odd ones.

use codex::engine::event::EventKind;
use fake_runtime::{Action, FinishTurn, Script, Turn};
use serde_json::{Value, json};

use crate::support::fake::{ask, limited, play, stat};
use crate::support::follow::{
    end, events, listen, messages, next, next_of_client, parsed, run, start, texts, until_client,
};

/// A turn that says "before", what the actions do, and "after".
fn around(actions: impl IntoIterator<Item = Action>) -> Script {
    let said = |text: &str| Turn { deltas: Some(vec![text.into()]), ..Turn::default() };
    let before = Action::turn(Turn { hold: true, ..said("before ") });
    let after = Action::finish_turn(FinishTurn { with: said("after"), ..FinishTurn::default() });
    Script::new().on("turn/start", [before].into_iter().chain(actions).chain([after]))
}

#[test]
fn lines_that_are_no_messages_are_counted_and_lose_nothing() {
    let junk = [
        "not json",
        "[]",
        "[{}]",
        "\"text\"",
        "{}",
        "{",
        "null",
        "{\"id\":1.5,\"result\":1}",
        "{\"id\":null,\"result\":1}",
    ];
    play(around(junk.map(Action::raw)), move |fake| {
        let thread = fake.thread();
        let result = run(&thread, "hello").completed();
        assert_eq!(messages(&result), ["before after"]);
        assert_eq!(stat(thread.connection(), "malformedLines"), junk.len() as u64);
    });
}

#[test]
fn lines_that_are_no_utf8_are_counted_and_lose_nothing() {
    let bytes: [&[u8]; 3] = [b"\xff\xfe\n", b"{\"method\":\"\xc3\x28\",\"params\":{}}\n", b"\0\0\0\n"];
    play(around(bytes.map(Action::raw_bytes)), |fake| {
        let thread = fake.thread();
        assert_eq!(messages(&run(&thread, "hello").completed()), ["before after"]);
        assert_eq!(stat(thread.connection(), "malformedLines"), 3);
    });
}

#[test]
fn a_ready_runtime_may_print_any_number_of_junk_lines() {
    play(around((0..1000).map(|_| Action::raw("junk"))), |fake| {
        let thread = fake.thread();
        run(&thread, "hello").completed();
        assert_eq!(stat(thread.connection(), "malformedLines"), 1000);
    });
}

#[test]
fn blank_lines_carriage_returns_and_pieces_of_lines_are_no_junk() {
    let delta = r#"{"method":"item/agentMessage/delta","params":{"threadId":"$threadId","turnId":"$turnId","itemId":"msg_1_0","delta":"x"}}"#;
    let odd =
        [Action::raw(""), Action::raw("  \t"), Action::raw(format!("{delta}\r")), Action::raw(format!("  {delta}  "))];
    let pieces =
        [Action::raw_bytes(*b"{\"method\":\"fut"), Action::sleep_ms(50), Action::raw_bytes(*b"ure\",\"params\":{}}\n")];
    play(around(odd.into_iter().chain(pieces)), |fake| {
        let thread = fake.thread();
        let turn = start(&thread, "hello");
        assert_eq!(texts(&events(&turn), EventKind::MessageDelta), ["before ", "x", "x", "after"]);
        assert_eq!(stat(thread.connection(), "malformedLines"), 0);
    });
}

#[test]
fn half_of_a_surrogate_pair_from_the_runtime_is_a_text_all_the_same() {
    let delta = r#"{"method":"item/agentMessage/delta","params":{"threadId":"$threadId","turnId":"$turnId","itemId":"msg_1_0","delta":"a\ud83db"}}"#;
    play(around([Action::raw(delta)]), |fake| {
        let turn = start(&fake.thread(), "hello");
        let events = events(&turn);
        assert_eq!(texts(&events, EventKind::MessageDelta), ["before ", "a\u{fffd}b", "after"]);
        assert!(
            events.iter().any(|event| event.json_str().contains(r"a\ud83db")),
            "the bytes are handed out as they came"
        );
        end(&turn).completed();
    });
}

#[test]
fn a_message_that_nests_very_deep_is_an_event_without_a_tree() {
    let depth = 100_000;
    let deep = format!(
        "{{\"method\":\"future/deep\",\"params\":{{\"turnId\":\"$turnId\",\"x\":{}{}}}}}",
        "[".repeat(depth),
        "]".repeat(depth)
    );
    play(around([Action::raw(deep)]), move |fake| {
        let turn = start(&fake.thread(), "hello");
        let deep = std::iter::from_fn(|| next(&turn)).find(|event| event.method() == b"future/deep\0");
        let deep = deep.expect("it is handed out");
        assert!(deep.json_str().len() > depth);
        assert!(deep.value().is_none());
        end(&turn).completed();
    });
}

#[test]
fn what_nobody_knows_yet_reaches_the_host_byte_for_byte() {
    let params = r#"{ "threadId":"$threadId","n":1.50,"big":123456789012345678901234567890,"s":"\u00e9\/" }"#;
    let line = format!("{{\"method\":\"future/thing\",\"params\":{params},\"other\":[1,{{}}],\"emittedAtMs\":7}}");
    play(around([Action::raw(line)]), |fake| {
        let client = fake.client();
        listen(&client);
        let thread = limited(&client, json!({}));
        run(&thread, "hello").completed();
        let event = until_client(&client, |event| event.method() == b"future/thing\0");
        assert_eq!(event.json_str(), params.replace("$threadId", thread.id().as_str()));
        assert_eq!((event.kind(), event.emitted_at_ms()), (EventKind::Other, 7));
    });
}

#[test]
fn params_of_an_unexpected_shape_are_events_of_the_client() {
    let shapes = [json!([1, 2]), json!("text"), json!(5), json!({}), json!({"turnId": 5, "threadId": {}})];
    let odd = shapes.clone().map(|params| Action::notify("future/odd", params));
    play(around(odd), move |fake| {
        let client = fake.client();
        listen(&client);
        run(&limited(&client, json!({})), "hello").completed();
        let mut seen: Vec<Value> = Vec::new();
        while seen.len() < shapes.len() {
            let event = next_of_client(&client).expect("the connection goes on");
            if event.method() == b"future/odd\0" {
                seen.push(parsed(event.json_str()));
            }
        }
        assert_eq!(seen, shapes);
    });
}

#[test]
fn answers_that_nobody_asked_for_are_ignored() {
    let strange = [
        r#"{"id":987654,"result":{}}"#,
        r#"{"id":"x","result":{}}"#,
        r#"{"id":-1,"error":{"code":1,"message":"m"}}"#,
        r#"{"id":1,"result":{"userAgent":"again/1"}}"#,
    ];
    let script =
        Script::new().on("a", strange.map(Action::raw).into_iter().chain([Action::reply(1), Action::reply(2)]));
    play(script.on("b", [Action::reply(3)]), |fake| {
        let client = fake.client();
        assert_eq!(ask(&client, "a").unwrap(), json!(1));
        assert_eq!(ask(&client, "b").unwrap(), json!(3));
        assert_eq!(stat(client.connection(), "malformedLines"), 0);
    });
}
