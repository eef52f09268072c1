//! Every kind of question, and every fate that it may have.

use std::env;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::thread::{self, sleep};
use std::time::Duration;

use codex::engine::client::Client;
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::request::{Answer, Request, RequestKind, Scope};
use codex::engine::session::CancelHook;
use codex::engine::thread::Thread;
use codex::engine::turn::Turn;
use scripted_model::{Message, Response};
use serde_json::{Value, json};

use crate::support::follow::{PATIENCE, count, end, events, next, start, texts, until};
use crate::support::real::{World, on_both_runtimes, pid, signal, thread_of};

on_both_runtimes! {
    what_is_approved_is_done,
    what_is_approved_for_the_session_is_not_asked_again,
    what_is_declined_is_not_done_and_the_turn_goes_on,
    a_cancelled_turn_ends_without_doing_what_was_asked,
    what_is_freed_is_not_done,
    what_is_never_answered_is_not_done,
    the_first_of_two_answers_counts,
    an_answer_after_the_turn_was_interrupted_does_nothing,
    an_answer_may_take_two_seconds_while_another_turn_streams,
    a_question_to_the_user_has_every_fate,
    a_secret_answer_is_recorded_nowhere,
    a_form_of_a_server_has_every_fate,
    a_runtime_that_is_killed_takes_its_questions_with_it,
    the_runtime_is_told_what_time_it_is,
}

/// What the runtime asks permission for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Command,
    FileChange,
    Permissions,
    McpTool,
}

const WISHES: [Wish; 4] = [Wish::Command, Wish::FileChange, Wish::Permissions, Wish::McpTool];

/// The call of the model by which it wishes for something.
const CALL: &str = "call_1";

impl Wish {
    fn kind(self) -> RequestKind {
        match self {
            Self::Command => RequestKind::Command,
            Self::FileChange => RequestKind::FileChange,
            Self::Permissions => RequestKind::Permissions,
            Self::McpTool => RequestKind::McpTool,
        }
    }

    /// The model wishes for it.
    fn call(self, world: &World) -> Response {
        let file = world.work().join(self.file());
        match self {
            Self::Command => {
                let command = json!({"cmd": format!("echo written > {}", file.display()),
                    "sandbox_permissions": "require_escalated", "justification": "to see"});
                Response::new().call_exec(CALL, command)
            }
            Self::FileChange => {
                let patch = format!("*** Begin Patch\n*** Add File: {}\n+written\n*** End Patch\n", self.file());
                Response::new().apply_patch(CALL, patch)
            }
            Self::Permissions => {
                let network = json!({"reason": "to see", "permissions": {"network": {"enabled": true}}});
                Response::new().call(CALL, "request_permissions", network)
            }
            Self::McpTool => Response::new().call_in("mcp__t", CALL, "greet", json!({})),
        }
    }

    fn file(self) -> &'static str {
        if self == Self::Command { "command.txt" } else { "patch.txt" }
    }

    /// Whether it was done, which can be asked once.
    fn is_fulfilled(self, world: &World) -> bool {
        match self {
            Self::Command | Self::FileChange => fs::remove_file(world.work().join(self.file())).is_ok(),
            Self::Permissions => told(world).contains("\"network\":{\"enabled\":true}"),
            Self::McpTool => told(world).contains("hello"),
        }
    }
}

/// What the model was told about its last call; "" when it was not asked again.
fn told(world: &World) -> String {
    let outputs = world.model.requests().last().map(|request| request.function_outputs()).unwrap_or_default();
    outputs.iter().rev().find(|output| output.call_id == CALL).map(|output| output.text()).unwrap_or_default()
}

/// A client whose runtime can ask for everything.
fn curious(world: &World) -> Client {
    curious_with(world, None)
}

fn curious_with(world: &World, answer_timeout: Option<Duration>) -> Client {
    let server =
        env::var("MCP_SERVER").expect("MCP_SERVER must name the MCP server: run `make test`, which builds it.");
    world.client_with(|options| {
        options.answer_timeout = answer_timeout;
        for entry in [
            "features.request_permissions_tool=true".to_owned(),
            "features.default_mode_request_user_input=true".to_owned(),
            format!("mcp_servers.t={{command=\"{server}\"}}"),
        ] {
            options.add_config(&entry).expect("a configuration override");
        }
    })
}

fn asking_thread(client: &Client) -> Thread {
    thread_of(client, json!({"approvalMode": "ask", "sandbox": "read-only"}))
}

fn start_wishing(world: &World, thread: &Thread, wish: Wish) -> Turn {
    start_calling(world, thread, wish.call(world))
}

/// A turn in which the model makes this call and then says "done".
fn start_calling(world: &World, thread: &Thread, call: Response) -> Turn {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let topic = format!("topic {}.", NUMBER.fetch_add(1, Ordering::Relaxed));
    world.model.queue_for(&topic, call);
    world.model.queue_for(&topic, Response::text(["done"]));
    start(thread, &topic)
}

fn request_of(turn: &Turn) -> Request {
    until(turn, EventKind::Request).take_request().expect("the event carries a request")
}

/// What an answer that comes too late is told.
fn too_late(request: &Request) -> String {
    let refusal = request.answer(&Answer::Approve(Scope::Once)).expect_err("the answer comes too late");
    assert_eq!(refusal.status(), Status::AlreadyAnswered);
    refusal.reason().to_owned()
}

/// Has each wish answered like this on a thread of its own; says how the turn ended, and whether the wish was fulfilled.
fn each_wish(world: &World, answer: impl Fn(Request), check: impl Fn(Wish, Value, Option<Status>, bool)) {
    let client = curious(world);
    for wish in WISHES {
        let turn = start_wishing(world, &asking_thread(&client), wish);
        let request = request_of(&turn);
        assert_eq!(request.kind(), wish.kind());
        answer(request);
        assert_eq!(count(&events(&turn), EventKind::RequestResolved), 1, "{wish:?}");
        let ended = end(&turn);
        check(wish, ended.result, ended.error.map(|error| error.status()), wish.is_fulfilled(world));
    }
}

fn what_is_approved_is_done(world: &World) {
    let approve = |request: Request| request.answer(&Answer::Approve(Scope::Once)).unwrap();
    each_wish(world, approve, |wish, result, error, fulfilled| {
        assert_eq!((error, fulfilled, &result["finalResponse"]), (None, true, &json!("done")), "{wish:?}");
    });
}

fn what_is_approved_for_the_session_is_not_asked_again(world: &World) {
    let client = curious(world);
    for wish in WISHES {
        let thread = asking_thread(&client);
        let turn = start_wishing(world, &thread, wish);
        request_of(&turn).answer(&Answer::Approve(Scope::Session)).unwrap();
        end(&turn).completed();
        assert!(wish.is_fulfilled(world), "{wish:?}");
        if wish == Wish::Permissions {
            // Its own tool always asks; what counts is that the grant outlives the turn.
            assert!(told(world).contains("\"scope\":\"session\""), "{}", told(world));
            continue;
        }
        end(&start_wishing(world, &thread, wish)).completed();
        assert!(wish.is_fulfilled(world), "{wish:?} again");
    }
}

fn is_refused(wish: Wish, result: Value, error: Option<Status>, fulfilled: bool) {
    assert_eq!((error, fulfilled, &result["finalResponse"]), (None, false, &json!("done")), "{wish:?}");
}

fn what_is_declined_is_not_done_and_the_turn_goes_on(world: &World) {
    each_wish(world, |request| request.answer(&Answer::Decline).unwrap(), is_refused);
}

fn what_is_freed_is_not_done(world: &World) {
    each_wish(world, drop, is_refused);
}

fn the_first_of_two_answers_counts(world: &World) {
    let twice = |request: Request| {
        request.answer(&Answer::Decline).unwrap();
        assert_eq!(too_late(&request), "alreadyAnswered");
    };
    each_wish(world, twice, is_refused);
}

fn a_cancelled_turn_ends_without_doing_what_was_asked(world: &World) {
    let cancel = |request: Request| request.answer(&Answer::CancelTurn).unwrap();
    each_wish(world, cancel, |wish, result, error, fulfilled| {
        assert_eq!((error, fulfilled), (Some(Status::TurnInterrupted), false), "{wish:?}");
        assert_eq!(result["endedBy"], "interrupted", "{wish:?}");
    });
}

fn what_is_never_answered_is_not_done(world: &World) {
    let client = curious_with(world, Some(Duration::from_millis(200)));
    for wish in WISHES {
        let turn = start_wishing(world, &asking_thread(&client), wish);
        let request = request_of(&turn);
        let (passed, told) = channel();
        request.set_cancel_hook(CancelHook::new(move || passed.send(()).unwrap())).unwrap();
        assert_eq!(until(&turn, EventKind::RequestResolved).request_id(), request.id());
        told.recv_timeout(PATIENCE).expect("the hook is called");
        assert_eq!(end(&turn).completed()["finalResponse"], "done");
        assert!(request.is_cancelled() && !wish.is_fulfilled(world), "{wish:?}");
        assert_eq!(too_late(&request), "answerTimeout");
    }
}

fn an_answer_after_the_turn_was_interrupted_does_nothing(world: &World) {
    let client = curious(world);
    for wish in WISHES {
        let turn = start_wishing(world, &asking_thread(&client), wish);
        let request = request_of(&turn);
        turn.interrupt().unwrap();
        assert_eq!(end(&turn).not_completed().1.status(), Status::TurnInterrupted, "{wish:?}");
        assert!(request.is_cancelled(), "{wish:?}");
        assert_eq!(too_late(&request), "turnEnded", "{wish:?}");
        assert!(!wish.is_fulfilled(world), "{wish:?}");
    }
}

fn an_answer_may_take_two_seconds_while_another_turn_streams(world: &World) {
    let client = curious(world);
    for wish in WISHES {
        let turn = start_wishing(world, &asking_thread(&client), wish);
        let request = request_of(&turn);
        let ticks = (0..20).map(|tick| format!("tick {tick} "));
        let ticking = Message::streamed(ticks).pace(Duration::from_millis(100)).phase("final_answer");
        world.model.queue_for("the other", Response::new().message(ticking));
        let other = start(&asking_thread(&client), "the other");
        let answering = thread::spawn(move || {
            sleep(Duration::from_secs(2));
            request.answer(&Answer::Approve(Scope::Once)).unwrap();
        });
        let mut seen_meanwhile = 0;
        while !answering.is_finished() {
            let Some(event) = next(&other) else { break };
            seen_meanwhile += usize::from(event.kind() == EventKind::MessageDelta);
        }
        assert!(seen_meanwhile >= 5, "{wish:?}: {seen_meanwhile} deltas while the answer was awaited");
        answering.join().unwrap();
        end(&turn).completed();
        assert!(wish.is_fulfilled(world), "{wish:?}");
        assert_eq!(end(&other).completed()["finalResponse"].as_str().unwrap().matches("tick").count(), 20);
    }
}

/// What is asked, each time by another turn, and what the model is told of each answer.
fn fates(world: &World, call: &Response, kind: RequestKind, fates: [(Answer, &str); 3]) {
    let client = curious_with(world, Some(Duration::from_secs(20)));
    for (answer, expected) in fates {
        let turn = start_calling(world, &asking_thread(&client), call.clone());
        let request = request_of(&turn);
        assert_eq!(request.kind(), kind);
        assert_eq!(request.answer(&Answer::Approve(Scope::Once)).unwrap_err().status(), Status::InvalidArgument);
        request.answer(&answer).unwrap();
        assert_eq!(too_late(&request), "alreadyAnswered");
        assert_eq!(count(&events(&turn), EventKind::RequestResolved), 1, "{answer:?}");
        end(&turn).completed();
        assert!(told(world).contains(expected), "{answer:?}: {}", told(world));
    }
    let turn = start_calling(world, &asking_thread(&client), call.clone());
    let request = request_of(&turn);
    turn.interrupt().unwrap();
    assert_eq!(count(&events(&turn), EventKind::RequestResolved), 1, "interrupted");
    assert_eq!(end(&turn).not_completed().1.status(), Status::TurnInterrupted);
    assert_eq!(too_late(&request), "turnEnded");
    let turn = start_calling(world, &asking_thread(&client), call.clone());
    request_of(&turn).answer(&Answer::CancelTurn).unwrap();
    assert_eq!(end(&turn).not_completed().1.status(), Status::TurnInterrupted);
    let turn = start_calling(world, &asking_thread(&client), call.clone());
    drop(request_of(&turn));
    assert_eq!(end(&turn).completed()["finalResponse"], "done");
}

fn a_question_to_the_user_has_every_fate(world: &World) {
    let question = json!({"id": "color", "header": "Color", "question": "Which?",
        "options": [{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}]});
    let call = Response::new().call(CALL, "request_user_input", json!({"questions": [question]}));
    let red = r#"{"answers":{"color":{"answers":["Red"]}}}"#;
    let none = "{\"answers\":{}}";
    let ways =
        [(Answer::Result(red.into()), "Red"), (Answer::Decline, none), (Answer::Error(-32000, "no".into()), none)];
    fates(world, &call, RequestKind::Question, ways);
}

fn a_secret_answer_is_recorded_nowhere(world: &World) {
    let recording = world.root().join("recording.jsonl");
    let question = json!({"id": "pin", "header": "PIN", "question": "Which?", "isSecret": true,
        "options": [{"label": "None", "description": "n"}, {"label": "Other", "description": "o"}]});
    let call = Response::new().call(CALL, "request_user_input", json!({"questions": [question]}));
    let client = world.client_with(|options| {
        options.add_config("features.default_mode_request_user_input=true").expect("a configuration override");
        options.record = Some(recording.clone());
    });
    let turn = start_calling(world, &asking_thread(&client), call);
    let secret = json!({"answers": {"pin": {"answers": ["open sesame"]}}});
    request_of(&turn).answer(&Answer::Result(secret.to_string())).expect("answered");
    end(&turn).completed();
    assert!(world.told(CALL).contains("open sesame"));
    let recorded = std::fs::read_to_string(recording).expect("a recording");
    assert!(recorded.contains("requestUserInput") && !recorded.contains("sesame"), "{recorded}");
}

fn a_form_of_a_server_has_every_fate(world: &World) {
    let call = Response::new().call_in("mcp__t", CALL, "ask", json!({}));
    let bob = r#"{"action":"accept","content":{"name":"Bob"}}"#;
    let ways = [
        (Answer::Result(bob.into()), "Bob"),
        (Answer::Decline, "decline"),
        (Answer::Result(r#"{"action":"cancel"}"#.into()), "cancel"),
    ];
    fates(world, &call, RequestKind::Elicitation, ways);
}

fn a_runtime_that_is_killed_takes_its_questions_with_it(world: &World) {
    for wish in WISHES {
        let client = curious(world);
        let turn = start_wishing(world, &asking_thread(&client), wish);
        let request = request_of(&turn);
        assert!(signal(pid(&client), "KILL"));
        let (result, error) = end(&turn).not_completed();
        assert_eq!((error.status(), &result["endedBy"]), (Status::Transport, &json!("transportClosed")), "{wish:?}");
        assert!(request.is_cancelled() && !wish.is_fulfilled(world), "{wish:?}");
        assert_eq!(too_late(&request), "turnEnded");
    }
}

fn today() -> String {
    let date = Command::new("date").args(["-u", "+%Y-%m-%d"]).output().expect("date runs");
    String::from_utf8(date.stdout).expect("ASCII").trim().to_owned()
}

fn the_runtime_is_told_what_time_it_is(world: &World) {
    world.says([Response::text(["done"])]);
    let client = world.client_with(|options| {
        options.add_config("features.current_time_reminder={enabled=true,clock_source=\"external\"}").unwrap();
    });
    let before = today();
    let seen = events(&start(&asking_thread(&client), "go"));
    assert_eq!((count(&seen, EventKind::Request), texts(&seen, EventKind::MessageDelta)), (0, vec!["done".to_owned()]));
    let asked = world.model.requests().pop().expect("the model was asked").body().to_string();
    let reminded = |day: String| asked.contains(&format!("<current_time_reminder>It is {day} "));
    assert!(reminded(before) || reminded(today()), "{asked}");
}
