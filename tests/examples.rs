//! The example programs do what their first lines say.

#[path = "support/mod.rs"]
mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fake_runtime::{Action, FinishTurn, Script, Turn};
use serde_json::json;
use support::fake;

/// Where the library and the stand-in of the runtime were built.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("this test is a program");
    test.ancestors().nth(2).expect("target/debug/deps").to_owned()
}

fn compile(example: &str, out: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = out.join(example);
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let done = Command::new(&cc)
        .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .arg(root.join("examples-c").join(example).with_extension("c"))
        .arg(format!("-I{}", root.join("include").display()))
        .arg(format!("-L{}", built().display()))
        .arg(format!("-Wl,-rpath,{}", built().display()))
        .arg("-lcodex")
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap_or_else(|error| panic!("{cc} cannot be run: {error}; install a C compiler"));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    program
}

/// Starts an example with the fake runtime; its input and output are ours.
fn start(example: &str, arguments: &[&str], fake: &fake::Fake) -> Child {
    Command::new(compile(example, fake.root()))
        .args(arguments)
        .env("CODEX_PATH", built().join("fake-runtime"))
        .env("FAKE_RUNTIME_SCRIPT", fake.root().join("script"))
        .env("FAKE_RUNTIME_RECORD", fake.root().join("record"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example starts")
}

/// What an example that takes no input shows.
fn show(example: &str, arguments: &[&str], fake: &fake::Fake) -> String {
    output(start(example, arguments, fake))
}

fn output(example: Child) -> String {
    let done = example.wait_with_output().expect("the example ends");
    assert!(done.status.success(), "{}", done.status);
    String::from_utf8(done.stdout).expect("UTF-8")
}

#[test]
fn poll_shows_two_turns_and_interrupts_the_one_whose_number_is_typed() {
    let held = Turn { deltas: Some(vec!["held".into()]), ..Turn::held() };
    let short = Turn { deltas: Some(vec!["short".into()]), ..Turn::default() };
    let script = Script::new().then_on("turn/start", [Action::turn(held)]).then_on("turn/start", [Action::turn(short)]);
    fake::play(script, |fake| {
        let mut poll = start("poll", &[], fake);
        let mut keyboard = poll.stdin.take().expect("a pipe");
        keyboard.write_all(b"1\n").expect("the example reads");
        let shown = output(poll);
        drop(keyboard);
        assert!(shown.contains("[1: the turn was interrupted]"), "{shown}");
        assert!(shown.contains("[2] short") && shown.contains("[2 is done]"), "{shown}");
    });
}

fn says(text: &str) -> Action {
    Action::turn(Turn { deltas: Some(vec![text.into()]), ..Turn::default() })
}

#[test]
fn sessions_lists_what_is_stored_page_by_page() {
    let page = |id: &str, name: Option<&str>, next: Option<&str>| {
        let thread = json!({"id": id, "name": name, "preview": "a colour?"});
        [Action::reply(json!({"data": [thread], "nextCursor": next}))]
    };
    let script = Script::new()
        .then_on("thread/list", page("thread-1", Some("colours"), Some("after-1")))
        .then_on("thread/list", page("thread-2", None, None));
    fake::play(script, |fake| {
        assert_eq!(show("sessions", &[], fake), "thread-1  colours\nthread-2  a colour?\n");
        assert_eq!(fake.calls("thread/list"), [json!({}), json!({"cursor": "after-1"})]);
    });
}

#[test]
fn sessions_goes_on_with_a_conversation_or_with_its_copy() {
    let copy = Action::reply(json!({"thread": {"id": "thread-2"}}));
    fake::play(Script::new().on("turn/start", [says("blue")]).on("thread/fork", [copy]), |fake| {
        assert_eq!(show("sessions", &["resume", "thread-1", "And now?"], fake), "[thread-1] blue\n");
        assert_eq!(show("sessions", &["fork", "thread-1", "And if not?"], fake), "[thread-2] blue\n");
        assert_eq!(fake.calls("thread/fork"), [json!({"threadId": "thread-1"})]);
    });
}

#[test]
fn sessions_puts_a_conversation_away() {
    fake::play(Script::new().on("thread/archive", [Action::reply(json!({}))]), |fake| {
        assert_eq!(show("sessions", &["archive", "thread-1"], fake), "");
        assert_eq!(fake.calls("thread/archive"), [json!({"threadId": "thread-1"})]);
    });
}

#[test]
fn login_shows_the_code_and_waits_for_the_person() {
    let begun = json!({"type": "chatgptDeviceCode", "loginId": "login-1", "userCode": "ABCD-1234",
                       "verificationUrl": "https://example.com/device"});
    let ended = json!({"loginId": "login-1", "success": true, "error": null});
    let script = Script::new()
        .on(
            "account/login/start",
            [Action::reply(begun), Action::sleep_ms(50), Action::notify("account/login/completed", ended)],
        )
        .on("account/read", [Action::reply(json!({"account": {"type": "chatgpt"}}))]);
    fake::play(script, |fake| {
        let expected = "Open https://example.com/device on any device and type ABCD-1234\n\
                        Logged in: {\"account\":{\"type\":\"chatgpt\"}}\n";
        assert_eq!(show("login", &[], fake), expected);
    });
}

#[test]
fn review_shows_what_the_reviewer_runs_and_what_it_found() {
    let command = json!({"type": "commandExecution", "id": "call", "command": "git diff main"});
    let turn = Turn { items: vec![command], deltas: Some(vec!["No findings.".into()]), ..Turn::default() };
    fake::play(Script::new().on("review/start", [Action::turn(turn)]), |fake| {
        assert_eq!(show("review", &["main"], fake), "$ git diff main\n\nNo findings.\n");
        assert_eq!(fake.calls("review/start")[0]["target"], json!({"type": "baseBranch", "branch": "main"}));
    });
}

#[test]
fn tools_lets_the_agent_look_things_up_in_a_table_of_the_program() {
    let call = json!({"threadId": "$threadId", "turnId": "$turnId", "callId": "call-1", "namespace": null,
        "tool": "find_orders", "arguments": {"customer": "Ada"}});
    let asks = Action::request(7, "item/tool/call", call);
    let says =
        FinishTurn { with: Turn { text: Some("Ada owes 92.15.".into()), ..Turn::default() }, ..FinishTurn::default() };
    let turn = [Action::turn(Turn::held()), asks, Action::wait_answer(7), Action::finish_turn(says)];
    fake::play(Script::new().on("turn/start", turn), |fake| {
        let shown = show("tools", &[], fake);
        assert_eq!(shown, "[looked up Ada: 3 orders]\nAda owes 92.15.\n");
        assert_eq!(fake.calls("thread/start")[0]["dynamicTools"][0]["name"], "find_orders");
        let answer = &fake.answers()[0];
        for row in ["loom cards: 12.50, paid", "brass wheels: 89.00, open", "ink: 3.15, open"] {
            assert!(answer.contains(row), "{answer}");
        }
        assert!(!answer.contains("tea"), "{answer}");
    });
}

#[test]
fn goals_shows_what_all_turns_of_a_goal_say_and_what_they_took() {
    let ids = |params: serde_json::Value| {
        let mut params = params;
        params["threadId"] = "$threadId".into();
        params
    };
    let turn = |id: &str, method: &str, status: &str, at: i64| {
        let turn = json!({"id": id, "status": status, "startedAt": at, "completedAt": at + 1, "error": null});
        Action::notify(method, ids(json!({ "turn": turn })))
    };
    let says = |id: &str, text: &str| {
        let item = json!({"type": "agentMessage", "id": text, "phase": "final_answer", "text": text});
        let usage = json!({"last": {"totalTokens": 15}});
        [
            Action::notify("item/agentMessage/delta", ids(json!({"turnId": id, "itemId": text, "delta": text}))),
            Action::notify("item/completed", ids(json!({"turnId": id, "item": item}))),
            Action::notify("thread/tokenUsage/updated", ids(json!({"turnId": id, "tokenUsage": usage}))),
        ]
    };
    let goal = |status: &str| Action::notify("thread/goal/updated", ids(json!({"goal": {"status": status}})));
    let first = [turn("one", "turn/started", "inProgress", 100)].into_iter().chain(says("one", "half of it"));
    let second = [turn("two", "turn/started", "inProgress", 102)].into_iter().chain(says("two", "all of it"));
    let pursued = [Action::reply(json!({"goal": {"status": "active"}})), goal("active")]
        .into_iter()
        .chain(first)
        .chain([turn("one", "turn/completed", "completed", 100)])
        .chain(second)
        .chain([goal("complete"), turn("two", "turn/completed", "completed", 102)]);
    let script = Script::new()
        .on("thread/goal/clear", [Action::reply(json!({"cleared": false}))])
        .on("thread/goal/set", pursued);
    fake::play(script, |fake| {
        let shown = show("goals", &["Do it all."], fake);
        assert_eq!(shown, "half of it\nall of it\n\nThe goal took 30 tokens in 3 seconds.\n");
        assert_eq!(fake.calls("thread/goal/set")[0]["objective"], "Do it all.");
    });
}
