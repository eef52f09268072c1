//! The scripts that tests build are the scripts that the program reads.

use fake_runtime::{Action, ChildOutput, FinishTurn, Flood, Pace, PerWrite, Script, SpawnChild, Turn, Turns};
use serde_json::{Value, json};

fn every_action() -> Vec<Action> {
    vec![
        Action::reply(json!({"x": 1})),
        Action::error(-32600, "m"),
        Action::notify("n", json!({})),
        Action::request(1, "r", json!({})),
        Action::wait_answer(1),
        Action::raw("x"),
        Action::raw_bytes(*b"\xff"),
        Action::raw_split("\u{e9}"),
        Action::raw_padded("$padding", 2),
        Action::sleep_ms(1),
        Action::exit(3),
        Action::abort(),
        Action::stderr("e"),
        Action::stderr_bytes(*b"e"),
        Action::silence(),
        Action::stop_reading(),
        Action::close_stdout(),
        Action::close_stderr(),
        Action::stop(),
        Action::turn(Turn::held()),
        Action::finish_turn(FinishTurn { turns: Turns::All, ..FinishTurn::default() }),
        Action::flood(Flood { count: 2, per_write: PerWrite::Message, ..Flood::default() }),
        Action::pace(Pace { events_per_second: 10, seconds: 0.5, turns: Turns::This }),
        Action::builtin(),
        Action::spawn_child(SpawnChild {
            command: vec!["true".to_owned()],
            new_session: true,
            output: ChildOutput::Inherit,
        }),
        Action::wait_for("w"),
        Action::wait_eof(),
        Action::in_background([Action::abort()]),
    ]
}

#[test]
fn a_script_survives_the_way_through_json() {
    let script = Script::new()
        .start([Action::stderr("x")])
        .on("a", every_action())
        .then_on("a", [])
        .on_answer("b", [Action::exit(1)])
        .user_agent("u")
        .ignore_eof()
        .ignore_term();
    assert_eq!(Script::from_json(&script.to_json()), Ok(script));
}

#[test]
fn actions_have_the_documented_names() {
    let values: Value = serde_json::to_value(every_action()).expect("actions are JSON");
    let names = values.as_array().into_iter().flatten().map(|action| {
        let object = action.as_object().expect("an action is an object");
        object.keys().next().expect("with one key").as_str()
    });
    let expected = [
        "reply",
        "error",
        "notify",
        "request",
        "waitAnswer",
        "raw",
        "rawBytes",
        "rawSplit",
        "rawPadded",
        "sleepMs",
        "exit",
        "abort",
        "stderr",
        "stderrBytes",
        "silence",
        "stopReading",
        "closeStdout",
        "closeStderr",
        "stop",
        "turn",
        "finishTurn",
        "flood",
        "pace",
        "builtin",
        "spawnChild",
        "waitFor",
        "waitEof",
        "inBackground",
    ];
    assert_eq!(names.collect::<Vec<_>>(), expected);
}

#[test]
fn one_list_and_a_list_per_call_are_both_read() {
    let one = r#"{"on":{"m":[{"exit":1}]}}"#;
    let per_call = r#"{"on":{"m":[[{"exit":1}]]}}"#;
    assert_eq!(Script::from_json(one), Script::from_json(per_call));
}

#[test]
fn mistakes_are_named() {
    for (text, expected) in [
        (r#"{"onn":{}}"#, "unknown field `onn`"),
        (r#"{"on":{"m":[{"sleep":1}]}}"#, "unknown variant `sleep`"),
        (r#"{"on":{"m":[{"abort":false}]}}"#, "the value of a switch must be true"),
        (r#"{"on":{"m":[{"turn":{"delta":[]}}]}}"#, "unknown field `delta`"),
        (r#"{"on":{"m":[{"finishTurn":{"with":{"hold":true}}}]}}"#, "remove \"hold\""),
        (r#"{"start":[{"waitFor":"m"}]}"#, "put it into \"inBackground\""),
        (r#"{"start":[{"waitEof":true}]}"#, "put it into \"inBackground\""),
        (r#"{"start":[{"inBackground":[{"builtin":true}]}]}"#, "put it into \"on\""),
    ] {
        let error = Script::from_json(text).expect_err(text);
        assert!(error.contains(expected), "{error}");
    }
}
