//! Requests of the runtime that nobody answers, or whose answers come too late.

use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codex::engine::client_options::ClientOptions;
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::request::{Answer, Request, Scope};
use codex::engine::session::CancelHook;
use codex::engine::turn::Turn as Handle;
use fake_runtime::{Action, FinishTurn, Script, Turn};
use serde_json::{Value, json};

use crate::support::fake::{Fake, THREAD, ask, limited, play, stat, unannounced};
use crate::support::follow::{
    PATIENCE, begin, end, events, eventually, listen, parsed, run, start, until, until_client,
};

const COMMAND: &str = "item/commandExecution/requestApproval";

/// A request about the turn at hand.
fn request(id: impl Into<Value>, method: &str, mut params: Value) -> Action {
    params["threadId"] = "$threadId".into();
    params["turnId"] = "$turnId".into();
    Action::request(id, method, params)
}

/// A turn that asks, and ends when it has been answered.
fn asks(id: impl Into<Value>, method: &str, params: Value) -> Script {
    let id = id.into();
    let ask = request(id.clone(), method, params);
    Script::new().on(
        "turn/start",
        [Action::turn(Turn::held()), ask, Action::wait_answer(id), Action::finish_turn(FinishTurn::default())],
    )
}

/// What an unanswered request is answered with, in the exact words of each kind.
fn refusals() -> Vec<(&'static str, Value, &'static str)> {
    let approval = json!({"_meta": {"codex_approval_kind": "mcp_tool_call"}});
    let decline = r#""result":{"decision":"decline"}"#;
    let denied = r#""result":{"decision":{"denied":{"rejection":"rejected by user"}}}"#;
    let action = r#""result":{"action":"decline"}"#;
    let tool = r#""result":{"contentItems":[{"type":"inputText","text":"The application declined to run this tool."}],"success":false}"#;
    vec![
        (COMMAND, json!({}), decline),
        ("item/fileChange/requestApproval", json!({}), decline),
        (
            "item/permissions/requestApproval",
            json!({"permissions": {"network": {"enabled": true}}}),
            r#""result":{"permissions":{},"scope":"turn"}"#,
        ),
        ("item/tool/requestUserInput", json!({"questions": [{"id": "q"}]}), r#""result":{"answers":{}}"#),
        ("mcpServer/elicitation/request", json!({"mode": "form"}), action),
        ("mcpServer/elicitation/request", approval, action),
        ("item/tool/call", json!({"tool": "t", "arguments": {}}), tool),
        (
            "account/chatgptAuthTokens/refresh",
            json!({}),
            r#""error":{"code":-32601,"message":"the application does not answer account/chatgptAuthTokens/refresh"}"#,
        ),
        (
            "attestation/generate",
            json!({}),
            r#""error":{"code":-32601,"message":"the application does not answer attestation/generate"}"#,
        ),
        ("execCommandApproval", json!({}), denied),
        ("applyPatchApproval", json!({}), denied),
        (
            "future/\"ask\"",
            json!({}),
            r#""error":{"code":-32601,"message":"the application does not answer future/\"ask\""}"#,
        ),
    ]
}

/// The lines with which the requests of [`refusals`] are to be answered.
fn refusal_lines() -> Vec<String> {
    refusals().iter().enumerate().map(|(id, (_, _, words))| format!("{{\"id\":{id},{words}}}")).collect()
}

#[test]
fn what_nobody_listens_to_is_refused_in_the_exact_words_of_its_kind() {
    let asked = refusals()
        .into_iter()
        .enumerate()
        .flat_map(|(id, (method, params, _))| [request(id, method, params), Action::wait_answer(id)]);
    let script =
        [Action::turn(Turn::held())].into_iter().chain(asked).chain([Action::finish_turn(FinishTurn::default())]);
    play(Script::new().on("turn/start", script), |fake| {
        run(&fake.thread(), "hello").completed();
        assert_eq!(fake.answers(), refusal_lines());
    });
}

#[test]
fn what_belongs_to_no_turn_is_refused_in_the_same_words() {
    let asked = refusals().into_iter().enumerate().map(|(id, (method, params, _))| Action::request(id, method, params));
    play(Script::new().on("ask", asked.chain([Action::reply(json!({}))])), |fake| {
        ask(&fake.client(), "ask").unwrap();
        assert_eq!(fake.answered(refusals().len()), refusal_lines());
    });
}

#[test]
fn ids_are_given_back_as_they_came() {
    for (id, text) in [(json!(0), "0"), (json!(-7), "-7"), (json!("a\"b"), r#""a\"b""#), (json!(""), r#""""#)] {
        play(asks(id, COMMAND, json!({})), move |fake| {
            run(&fake.thread(), "hello").completed();
            assert_eq!(fake.answers(), [format!("{{\"id\":{text},\"result\":{{\"decision\":\"decline\"}}}}")]);
        });
    }
}

/// The request that the next event with one carries.
fn asked(turn: &Handle) -> Request {
    until(turn, EventKind::Request).take_request().expect("the event carries its request")
}

#[test]
fn a_request_is_answered_once() {
    play(asks(3, COMMAND, json!({})), |fake| {
        let turn = start(&fake.thread(), "hello");
        let request = asked(&turn);
        request.answer(&Answer::Approve(Scope::Once)).unwrap();
        assert_eq!(request.answer(&Answer::Decline).unwrap_err().status(), Status::AlreadyAnswered);
        drop(request);
        end(&turn).completed();
        assert_eq!(fake.answers(), [r#"{"id":3,"result":{"decision":"accept"}}"#]);
    });
}

#[test]
fn a_request_that_comes_before_its_turn_is_known_is_not_lost() {
    let early =
        [request(3, COMMAND, json!({})), Action::sleep_ms(50), Action::turn(Turn::held()), Action::wait_answer(3)];
    let script = early.into_iter().chain([Action::finish_turn(FinishTurn::default())]);
    play(Script::new().on("turn/start", script), |fake| {
        let turn = begin(&fake.thread(), "hello");
        asked(&turn).answer(&Answer::Approve(Scope::Session)).unwrap();
        end(&turn).completed();
        assert_eq!(fake.answers(), [r#"{"id":3,"result":{"decision":"acceptForSession"}}"#]);
    });
}

#[test]
fn a_reader_that_lets_a_request_go_declines() {
    play(asks(3, COMMAND, json!({})), |fake| {
        let turn = start(&fake.thread(), "hello");
        drop(until(&turn, EventKind::Request));
        end(&turn).completed();
        assert_eq!(fake.answers(), [r#"{"id":3,"result":{"decision":"decline"}}"#]);
    });
}

#[test]
fn a_handle_that_is_freed_declines_what_it_did_not_read() {
    play(asks(3, COMMAND, json!({})), |fake| {
        let client = fake.client();
        let turn = start(&limited(&client, json!({})), "hello");
        eventually("the request", || stat(client.connection(), "requestsOpen") == 1);
        drop(turn);
        assert_eq!(fake.answered(1), [r#"{"id":3,"result":{"decision":"decline"}}"#]);
    });
}

/// Options with a handler.
fn handled(handler: impl Fn(Request) + Send + Sync + 'static) -> impl FnOnce(&mut ClientOptions) {
    move |options| options.request_handler = Some(Arc::new(handler))
}

#[test]
fn a_handler_that_does_nothing_declines() {
    play(asks(0, COMMAND, json!({})), |fake| {
        let client = fake.client_with(handled(drop));
        run(&limited(&client, json!({})), "hello").completed();
        assert_eq!(fake.answers(), [r#"{"id":0,"result":{"decision":"decline"}}"#]);
    });
}

#[test]
fn a_handler_that_panics_declines_and_the_next_request_is_handled() {
    play(asks(0, COMMAND, json!({})), |fake| {
        let client = fake.client_with(handled(|_request| std::panic::resume_unwind(Box::new(()))));
        let thread = limited(&client, json!({}));
        run(&thread, "hello").completed();
        run(&thread, "again").completed();
        assert_eq!(fake.answers(), [r#"{"id":0,"result":{"decision":"decline"}}"#; 2]);
    });
}

#[test]
fn a_handler_that_keeps_a_request_too_long_is_answered_for() {
    play(asks(0, COMMAND, json!({})), |fake| {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeper = Arc::clone(&kept);
        let client = fake.client_with(|options| {
            handled(move |request| keeper.lock().unwrap().push(request))(options);
            options.answer_timeout = Some(Duration::from_millis(200));
        });
        run(&limited(&client, json!({})), "hello").completed();
        let request = kept.lock().unwrap().pop().expect("the request was handled");
        assert!(request.is_cancelled());
        assert_eq!(request.answer(&Answer::Approve(Scope::Once)).unwrap_err().status(), Status::AlreadyAnswered);
        assert_eq!(fake.answers(), [r#"{"id":0,"result":{"decision":"decline"}}"#]);
    });
}

#[test]
fn a_request_may_be_kept_and_answered_from_another_thread() {
    play(asks(0, COMMAND, json!({})), |fake| {
        let (give, take) = channel();
        let client = fake.client_with(handled(move |request| give.send(request).unwrap()));
        let thread = limited(&client, json!({}));
        let answering = std::thread::spawn(move || take.recv().unwrap().answer(&Answer::Approve(Scope::Once)).unwrap());
        run(&thread, "hello").completed();
        answering.join().unwrap();
        assert_eq!(fake.answers(), [r#"{"id":0,"result":{"decision":"accept"}}"#]);
    });
}

#[test]
fn a_request_whose_turn_ends_is_cancelled_and_a_late_answer_is_not_sent() {
    let script = Script::new().on(
        "turn/start",
        [
            Action::turn(Turn::held()),
            request(3, COMMAND, json!({})),
            Action::wait_for("go"),
            Action::finish_turn(FinishTurn::default()),
        ],
    );
    play(script, |fake| {
        let client = fake.client();
        let turn = start(&limited(&client, json!({})), "hello");
        let request = asked(&turn);
        let (cancelled, told) = channel();
        request.set_cancel_hook(CancelHook::new(move || cancelled.send(()).unwrap())).unwrap();
        client.notify("go", None).unwrap();
        let kinds: Vec<EventKind> = events(&turn).iter().map(|event| event.kind()).collect();
        assert!(
            kinds.ends_with(&[EventKind::TurnCompleted, EventKind::RequestResolved, EventKind::TurnEnded]),
            "{kinds:?}"
        );
        assert!(request.is_cancelled() && told.recv_timeout(PATIENCE).is_ok());
        assert_eq!(request.answer(&Answer::Approve(Scope::Once)).unwrap_err().status(), Status::AlreadyAnswered);
        drop(request);
        ask(&client, "last").unwrap_err();
        assert!(fake.answers().is_empty());
    });
}

#[test]
fn a_request_that_somebody_else_answered_is_cancelled() {
    let resolved = json!({"threadId": "$threadId", "requestId": 3});
    let script = Script::new().on(
        "turn/start",
        [
            Action::turn(Turn::held()),
            request(3, COMMAND, json!({})),
            Action::wait_for("go"),
            Action::notify("serverRequest/resolved", resolved),
        ],
    );
    play(script, |fake| {
        let client = fake.client();
        let turn = start(&limited(&client, json!({})), "hello");
        let request = asked(&turn);
        client.notify("go", None).unwrap();
        assert_eq!(until(&turn, EventKind::RequestResolved).request_id(), request.id());
        assert_eq!(request.answer(&Answer::Decline).unwrap_err().status(), Status::AlreadyAnswered);
        drop(request);
        ask(&client, "last").unwrap_err();
        assert!(fake.answers().is_empty());
    });
}

#[test]
fn an_id_that_the_runtime_uses_again_is_another_request() {
    let resolved = || Action::notify("serverRequest/resolved", json!({"threadId": "$threadId", "requestId": 0}));
    let script = Script::new().on(
        "turn/start",
        [
            Action::turn(Turn::held()),
            request(0, COMMAND, json!({"reason": "first"})),
            Action::wait_answer(0),
            resolved(),
            request(0, COMMAND, json!({"reason": "second"})),
            Action::wait_answer(0),
            resolved(),
            Action::finish_turn(FinishTurn::default()),
        ],
    );
    play(script, |fake| {
        let turn = start(&fake.thread(), "hello");
        for reason in ["first", "second"] {
            let request = asked(&turn);
            assert_eq!(parsed(request.params().as_str())["reason"], reason);
            request.answer(&Answer::Approve(Scope::Once)).unwrap();
        }
        end(&turn).completed();
        assert_eq!(fake.answers(), [r#"{"id":0,"result":{"decision":"accept"}}"#; 2]);
    });
}

#[test]
fn a_thousand_requests_at_once_are_all_answered() {
    let asked = (0..1000).map(|id| request(id, COMMAND, json!({})));
    let script = [Action::turn(Turn::held())].into_iter().chain(asked).chain((0..1000).map(Action::wait_answer));
    play(Script::new().on("turn/start", script.chain([Action::finish_turn(FinishTurn::default())])), |fake| {
        let client = fake.client_with(handled(|request| request.answer(&Answer::Approve(Scope::Once)).unwrap()));
        run(&limited(&client, json!({})), "hello").completed();
        assert_eq!(fake.answers().len(), 1000);
    });
}

fn cancels(fake: &Fake) {
    let turn = start(&fake.thread(), "hello");
    asked(&turn).answer(&Answer::CancelTurn).unwrap();
    assert_eq!(end(&turn).not_completed().1.status(), Status::TurnInterrupted);
}

#[test]
fn cancelling_a_request_interrupts_its_turn() {
    let never = |method| Script::new().on("turn/start", [Action::turn(Turn::held()), request(1, method, json!({}))]);
    play(never(COMMAND), |fake| {
        cancels(fake);
        assert_eq!(fake.answers(), [r#"{"id":1,"result":{"decision":"cancel"}}"#]);
    });
    play(never("mcpServer/elicitation/request"), |fake| {
        cancels(fake);
        assert_eq!(fake.answers(), [r#"{"id":1,"result":{"action":"cancel"}}"#]);
    });
}

#[test]
fn a_request_of_a_turn_without_a_handle_goes_to_a_client_that_reads() {
    play(
        Script::new().on("ask", [Action::request(5, COMMAND, json!({"turnId": "foreign"})), Action::reply(json!({}))]),
        |fake| {
            let client = fake.client();
            listen(&client);
            ask(&client, "ask").unwrap();
            let event = until_client(&client, |event| event.kind() == EventKind::Request);
            event.take_request().expect("the request").answer(&Answer::Approve(Scope::Once)).unwrap();
            assert_eq!(fake.answered(1), [r#"{"id":5,"result":{"decision":"accept"}}"#]);
        },
    );
}

#[test]
fn a_runtime_that_died_takes_its_requests_with_it() {
    let script = Script::new().on(
        "turn/start",
        [Action::turn(Turn::held()), request(1, COMMAND, json!({})), Action::wait_for("go"), Action::abort()],
    );
    play(script, |fake| {
        let client = fake.client();
        let turn = start(&unannounced(&client, THREAD), "hello");
        let request = asked(&turn);
        client.notify("go", None).unwrap();
        assert_eq!(end(&turn).not_completed().1.status(), Status::Transport);
        assert!(request.is_cancelled());
        assert_eq!(request.answer(&Answer::Decline).unwrap_err().status(), Status::AlreadyAnswered);
    });
}

#[test]
fn a_slow_handler_holds_up_neither_events_nor_calls_nor_other_turns() {
    let script = asks(0, COMMAND, json!({})).on("hello", [Action::reply("there")]).on(
        "turn/start",
        [
            Action::turn(Turn { deltas: Some(vec!["word".into()]), ..Turn::held() }),
            request("$turnId", COMMAND, json!({})),
            Action::wait_answer("$turnId"),
            Action::finish_turn(FinishTurn::default()),
        ],
    );
    play(script, |fake| {
        let (release, gate) = channel::<()>();
        let (entered, inside) = channel();
        let gate = Mutex::new(gate);
        let client = fake.client_with(|options| {
            options.request_handler = Some(Arc::new(move |_| {
                entered.send(()).unwrap();
                let _ = gate.lock().unwrap().recv();
            }));
        });
        let asked = start(&limited(&client, json!({})), "hello");
        inside.recv().unwrap();
        let other = start(&limited(&client, json!({})), "hello");
        until(&other, EventKind::MessageDelta);
        assert_eq!(ask(&client, "hello").unwrap(), "there");
        other.interrupt().unwrap();
        assert_eq!(end(&other).not_completed().1.status(), Status::TurnInterrupted);
        drop(release);
        end(&asked).completed();
    });
}
