//! What the runtime asks, who is asked, and what each answer does.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codex::engine::client::Client;
use codex::engine::client_options::ClientOptions;
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::request::{Answer, Request, RequestKind, Scope};
use codex::engine::session::CancelHook;
use codex::engine::turn::{Turn, Verdict, run_streamed};
use scripted_model::Response;
use serde_json::{Value, json};

use crate::support::follow::{PATIENCE, end, events, items, listen, parsed, run, start, texts, until, until_client};
use crate::support::real::{World, call, on_both_runtimes, thread_of};

on_both_runtimes! {
    a_command_waits_for_its_approval_and_runs,
    the_request_names_the_command_and_its_item,
    a_declined_command_does_not_run_and_the_turn_goes_on,
    a_cancelled_command_ends_the_turn,
    an_approval_for_the_session_is_not_asked_for_again,
    an_answer_in_the_runtimes_own_words_counts,
    a_request_that_is_freed_is_declined,
    a_request_is_answered_once,
    a_request_that_nobody_answers_in_time_is_declined,
    a_run_that_nobody_can_be_asked_about_declines,
    waiting_for_the_result_declines_what_nobody_read,
    a_streamed_run_asks_its_callback,
    an_interrupt_cancels_the_request,
    a_request_survives_its_turn_handle,
    the_request_handler_answers_for_every_turn,
    the_request_handler_may_answer_later_from_anywhere,
    the_request_handler_may_call_the_runtime,
    a_file_change_is_asked_with_its_diff,
    a_declined_file_change_leaves_the_files_alone,
    a_question_to_the_user_is_answered,
    parallel_requests_may_be_answered_in_any_order,
}

/// Asks to write a file where the sandbox does not allow it.
fn write_command(world: &World, name: &str) -> Value {
    json!({"cmd": format!("echo written > {}", file(world, name).display()), "sandbox_permissions": "require_escalated",
        "justification": "to see whether it may"})
}

fn file(world: &World, name: &str) -> PathBuf {
    world.work().join(name)
}

fn is_written(world: &World, name: &str) -> bool {
    file(world, name).exists()
}

/// The model wants to run a command and then says "done".
fn wants_to_write(world: &World) {
    world.says([Response::new().call_exec("call_1", write_command(world, "a.txt")), Response::text(["done"])]);
}

fn start_writing(world: &World) -> (Turn, Request) {
    wants_to_write(world);
    let turn = start(&world.thread(), "go");
    let request = next_request(&turn);
    (turn, request)
}

fn next_request(turn: &Turn) -> Request {
    until(turn, EventKind::Request).take_request().expect("the event carries a request")
}

fn a_command_waits_for_its_approval_and_runs(world: &World) {
    let (turn, request) = start_writing(world);
    assert!(!is_written(world, "a.txt"));
    request.answer(&Answer::Approve(Scope::Once)).unwrap();
    let seen = events(&turn);
    assert!(seen.iter().any(|event| event.kind() == EventKind::RequestResolved && event.request_id() == request.id()));
    let result = end(&turn).completed();
    assert_eq!(result["finalResponse"], "done");
    assert_eq!(items(&result, "commandExecution")[0]["exitCode"], 0);
    assert!(is_written(world, "a.txt"));
}

fn the_request_names_the_command_and_its_item(world: &World) {
    let (turn, request) = start_writing(world);
    assert_eq!(request.kind(), RequestKind::Command);
    assert_eq!(request.method().as_str(), "item/commandExecution/requestApproval");
    assert_eq!(request.turn_id().as_str(), turn.id().as_str());
    let params = parsed(request.params().as_str());
    assert!(params["command"].as_str().is_some_and(|command| command.contains("echo written")), "{params}");
    assert_eq!(params["reason"], "to see whether it may");
    let item = parsed(request.item().expect("the item").source());
    assert_eq!((&item["id"], &item["type"]), (&params["itemId"], &json!("commandExecution")));
    request.answer(&Answer::Decline).unwrap();
    end(&turn).completed();
}

fn a_declined_command_does_not_run_and_the_turn_goes_on(world: &World) {
    let (turn, request) = start_writing(world);
    request.answer(&Answer::Decline).unwrap();
    let result = end(&turn).completed();
    assert_eq!(result["finalResponse"], "done");
    assert_eq!(items(&result, "commandExecution")[0]["status"], "declined");
    assert!(world.told("call_1").contains("rejected by user"), "{}", world.told("call_1"));
    assert!(!is_written(world, "a.txt"));
}

fn a_cancelled_command_ends_the_turn(world: &World) {
    let (turn, request) = start_writing(world);
    request.answer(&Answer::CancelTurn).unwrap();
    let (result, error) = end(&turn).not_completed();
    assert_eq!((error.status(), &result["endedBy"]), (Status::TurnInterrupted, &json!("interrupted")));
    assert!(!is_written(world, "a.txt"));
}

fn an_approval_for_the_session_is_not_asked_for_again(world: &World) {
    for call_id in ["call_1", "call_2"] {
        world.says([Response::new().call_exec(call_id, write_command(world, "a.txt")), Response::text(["done"])]);
    }
    let thread = world.thread();
    let turn = start(&thread, "go");
    next_request(&turn).answer(&Answer::Approve(Scope::Session)).unwrap();
    end(&turn).completed();
    std::fs::remove_file(file(world, "a.txt")).unwrap();
    run(&thread, "again").completed();
    assert!(is_written(world, "a.txt"));
}

fn an_answer_in_the_runtimes_own_words_counts(world: &World) {
    let (turn, request) = start_writing(world);
    request.answer(&Answer::Result(r#"{"decision":"accept"}"#.into())).unwrap();
    end(&turn).completed();
    assert!(is_written(world, "a.txt"));
}

fn a_request_that_is_freed_is_declined(world: &World) {
    let (turn, request) = start_writing(world);
    drop(request);
    assert_eq!(items(&end(&turn).completed(), "commandExecution")[0]["status"], "declined");
}

fn a_request_is_answered_once(world: &World) {
    let (turn, request) = start_writing(world);
    request.answer(&Answer::Decline).unwrap();
    let error = request.answer(&Answer::Approve(Scope::Once)).unwrap_err();
    assert_eq!(error.status(), Status::AlreadyAnswered);
    end(&turn).completed();
    assert_eq!(request.answer(&Answer::Decline).unwrap_err().status(), Status::AlreadyAnswered);
    assert!(!is_written(world, "a.txt"));
}

fn a_request_that_nobody_answers_in_time_is_declined(world: &World) {
    wants_to_write(world);
    let client = world.client_with(|options| options.answer_timeout = Some(Duration::from_millis(200)));
    let turn = start(&thread_of(&client, json!({})), "go");
    let request = next_request(&turn);
    assert_eq!(items(&end(&turn).completed(), "commandExecution")[0]["status"], "declined");
    assert!(request.is_cancelled());
    assert_eq!(request.answer(&Answer::Approve(Scope::Once)).unwrap_err().status(), Status::AlreadyAnswered);
}

fn a_run_that_nobody_can_be_asked_about_declines(world: &World) {
    wants_to_write(world);
    let result = run(&world.thread(), "go").completed();
    assert_eq!(items(&result, "commandExecution")[0]["status"], "declined");
    assert!(!is_written(world, "a.txt"));
}

fn waiting_for_the_result_declines_what_nobody_read(world: &World) {
    world.says([
        Response::new().gate("middle").call_exec("call_1", write_command(world, "a.txt")),
        Response::text(["done"]),
    ]);
    let turn = start(&world.thread(), "go");
    world.model.gate("middle").release();
    let result = end(&turn).completed();
    assert_eq!(items(&result, "commandExecution")[0]["status"], "declined");
}

fn a_streamed_run_asks_its_callback(world: &World) {
    wants_to_write(world);
    let (_, error) = run_streamed(&world.thread(), Some("go"), None, |event| {
        if let Some(request) = event.take_request() {
            request.answer(&Answer::Approve(Scope::Once)).unwrap();
        }
        Verdict::Continue
    })
    .unwrap();
    assert!(error.is_none());
    assert!(is_written(world, "a.txt"));
}

fn an_interrupt_cancels_the_request(world: &World) {
    let (turn, request) = start_writing(world);
    let (cancelled, hook) = mpsc::channel();
    request.set_cancel_hook(CancelHook::new(move || cancelled.send(()).unwrap())).unwrap();
    turn.interrupt().unwrap();
    let resolved = until(&turn, EventKind::RequestResolved);
    assert_eq!(resolved.request_id(), request.id());
    assert!(request.is_cancelled());
    hook.recv_timeout(PATIENCE).expect("the hook is called");
    assert_eq!(request.answer(&Answer::Approve(Scope::Once)).unwrap_err().status(), Status::AlreadyAnswered);
    assert_eq!(end(&turn).not_completed().1.status(), Status::TurnInterrupted);
    assert!(!is_written(world, "a.txt"));
}

fn a_request_survives_its_turn_handle(world: &World) {
    wants_to_write(world);
    let client = world.client();
    listen(&client);
    let turn = start(&thread_of(&client, json!({})), "go");
    let request = next_request(&turn);
    drop(turn);
    request.answer(&Answer::Approve(Scope::Once)).unwrap();
    until_client(&client, |event| event.kind() == EventKind::TurnCompleted);
    assert!(is_written(world, "a.txt"));
}

/// A client whose request handler passes the requests on.
fn client_with_handler(world: &World) -> (Client, Receiver<Request>) {
    let (asked, requests) = mpsc::channel();
    let asked = Mutex::new(asked);
    let client = world.client_with(|options| {
        options.request_handler = Some(Arc::new(move |request| asked.lock().unwrap().send(request).unwrap()));
    });
    (client, requests)
}

fn the_request_handler_answers_for_every_turn(world: &World) {
    for name in ["a.txt", "b.txt"] {
        world.says([Response::new().call_exec(name, write_command(world, name)), Response::text(["done"])]);
    }
    let approve = |options: &mut ClientOptions| {
        options.request_handler = Some(Arc::new(|request: Request| {
            request.answer(&Answer::Approve(Scope::Once)).unwrap();
        }));
    };
    let thread = thread_of(&world.client_with(approve), json!({}));
    run(&thread, "go").completed();
    let turn = start(&thread, "again");
    assert!(events(&turn).iter().all(|event| event.kind() != EventKind::Request));
    assert!(is_written(world, "a.txt") && is_written(world, "b.txt"));
}

fn the_request_handler_may_answer_later_from_anywhere(world: &World) {
    wants_to_write(world);
    let (client, requests) = client_with_handler(world);
    let turn = start(&thread_of(&client, json!({})), "go");
    let request = requests.recv_timeout(PATIENCE).expect("a request");
    assert_eq!(request.turn_id().as_str(), turn.id().as_str());
    request.answer(&Answer::Approve(Scope::Once)).unwrap();
    end(&turn).completed();
    assert!(is_written(world, "a.txt"));
}

fn the_request_handler_may_call_the_runtime(world: &World) {
    wants_to_write(world);
    let shared: Arc<Mutex<Option<Client>>> = Arc::default();
    let own = Arc::clone(&shared);
    let client = world.client_with(|options| {
        options.request_handler = Some(Arc::new(move |request: Request| {
            let client = own.lock().unwrap().take().expect("the client");
            assert!(call(&client, "model/list", json!({}))["data"].is_array());
            request.answer(&Answer::Approve(Scope::Once)).unwrap();
        }));
    });
    *shared.lock().unwrap() = Some(client.clone());
    run(&thread_of(&client, json!({})), "go").completed();
    assert!(is_written(world, "a.txt"));
}

/// The model wants to change a file in a directory that is read-only for it.
fn start_patching(world: &World) -> (Turn, Request) {
    let patch = "*** Begin Patch\n*** Add File: poem.txt\n+roses\n+violets\n*** End Patch\n";
    world.says([Response::new().apply_patch("call_1", patch), Response::text(["done"])]);
    let turn = start(&world.thread(), "go");
    let request = next_request(&turn);
    (turn, request)
}

fn a_file_change_is_asked_with_its_diff(world: &World) {
    let (turn, request) = start_patching(world);
    assert_eq!(request.kind(), RequestKind::FileChange);
    let change = &parsed(request.item().expect("the item").source())["changes"][0];
    assert_eq!((&change["diff"], &change["kind"]["type"]), (&json!("roses\nviolets\n"), &json!("add")));
    assert!(change["path"].as_str().is_some_and(|path| path.ends_with("poem.txt")), "{change}");
    request.answer(&Answer::Approve(Scope::Once)).unwrap();
    let seen = events(&turn);
    assert!(texts(&seen, EventKind::DiffUpdated).iter().any(|diff| diff.contains("+violets")));
    assert_eq!(items(&end(&turn).completed(), "fileChange")[0]["status"], "completed");
    assert_eq!(std::fs::read_to_string(file(world, "poem.txt")).unwrap(), "roses\nviolets\n");
}

fn a_declined_file_change_leaves_the_files_alone(world: &World) {
    let (turn, request) = start_patching(world);
    request.answer(&Answer::Decline).unwrap();
    assert_eq!(items(&end(&turn).completed(), "fileChange")[0]["status"], "declined");
    assert!(!is_written(world, "poem.txt"));
}

fn a_question_to_the_user_is_answered(world: &World) {
    let question = json!({"id": "color", "header": "Color", "question": "Which?",
        "options": [{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}]});
    let ask = Response::new().call("call_1", "request_user_input", json!({"questions": [question]}));
    world.says([ask, Response::text(["done"])]);
    let client = world.client_with(|options| {
        options.add_config("features.default_mode_request_user_input=true").unwrap();
    });
    let turn = start(&thread_of(&client, json!({})), "go");
    let request = next_request(&turn);
    assert_eq!(request.kind(), RequestKind::Question);
    assert_eq!(parsed(request.params().as_str())["questions"][0]["id"], "color");
    request.answer(&Answer::Result(r#"{"answers":{"color":{"answers":["Red"]}}}"#.into())).unwrap();
    end(&turn).completed();
    assert!(world.told("call_1").contains("Red"), "{}", world.told("call_1"));
}

fn parallel_requests_may_be_answered_in_any_order(world: &World) {
    let both = Response::new()
        .call_exec("call_1", write_command(world, "a.txt"))
        .call_exec("call_2", write_command(world, "b.txt"));
    world.says([both, Response::text(["done"])]);
    let turn = start(&world.thread(), "go");
    let (first, second) = (next_request(&turn), next_request(&turn));
    assert_ne!(first.id(), second.id());
    second.answer(&Answer::Approve(Scope::Once)).unwrap();
    first.answer(&Answer::Decline).unwrap();
    end(&turn).completed();
    for name in ["a.txt", "b.txt"] {
        assert_eq!(is_written(world, name), second.params().as_str().contains(name), "{name}");
    }
}
