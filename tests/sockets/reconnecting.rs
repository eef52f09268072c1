//! Several clients of one runtime, and a client that comes back to a turn that runs.

use codex::engine::client::Client;
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::request::{Answer, Request, Scope};
use codex::engine::thread::{Origin, Thread};
use codex::engine::turn::{Turn, run};
use scripted_model::{Message, Response};
use serde_json::{Value, json};

use crate::support::fake::stat;
use crate::support::follow::{
    PATIENCE, end, events, eventually, items, listen, next_of_client, start, texts, until, until_client,
};
use crate::support::listening::{Listen, Listening};
use crate::support::peer::Proxy;
use crate::support::real::{World, on_both_runtimes, thread_of};

on_both_runtimes! {
    a_client_that_lost_its_connection_resumes_its_thread_and_attaches_to_the_turn,
    a_client_that_was_closed_leaves_its_turn_running_for_the_next,
    what_was_done_before_a_client_came_back_is_in_the_result,
    an_approval_that_was_open_when_the_connection_was_lost_is_asked_again,
    an_approval_that_was_open_is_asked_of_whoever_reads_the_client,
    a_run_on_a_busy_thread_joins_its_turn,
    two_clients_follow_one_turn,
    each_item_is_once_in_the_result_of_a_turn_that_was_attached_to,
    the_first_answer_of_two_clients_counts,
    a_client_that_closes_leaves_the_question_to_the_one_whose_turn_it_is,
    a_client_that_does_not_listen_leaves_the_question_to_the_one_whose_turn_it_is,
    clients_of_one_runtime_hear_nothing_of_each_others_turns,
}

/// Starts a turn that says "before", and "after" once the gate is open.
fn start_first_half(world: &World, client: &Client) -> (Thread, Turn) {
    world.says([Response::new().message(Message::new("before").gate("middle").delta(" after"))]);
    let thread = thread_of(client, json!({}));
    let turn = start(&thread, "go");
    until(&turn, EventKind::MessageDelta);
    (thread, turn)
}

fn resume(client: &Client, thread_id: &str) -> Thread {
    let limits = json!({"limits": {"timeoutMs": PATIENCE.as_millis()}}).to_string();
    Thread::open(client, Origin::Stored(thread_id), Some(&limits)).expect("the thread is resumed")
}

/// A client whose connection can be cut.
fn behind_proxy(server: &Listening) -> (Client, Proxy) {
    let proxy = Proxy::to(server.url());
    (Client::connect(&proxy.options()).expect("the runtime listens"), proxy)
}

fn connect(server: &Listening) -> Client {
    Client::connect(&server.options()).expect("the runtime listens")
}

fn a_client_that_lost_its_connection_resumes_its_thread_and_attaches_to_the_turn(world: &World) {
    let server = world.listen(Listen::Tcp);
    let (client, proxy) = behind_proxy(&server);
    let (thread, turn) = start_first_half(world, &client);
    proxy.cut();
    let (result, error) = end(&turn).not_completed();
    assert_eq!((error.reason(), &result["partialResponse"]), ("connectionLost", &json!("before")));

    let client = connect(&server);
    let thread = resume(&client, thread.id().as_str());
    let again = Turn::attach(&thread, None).unwrap();
    assert_eq!(again.id().as_str(), turn.id().as_str());
    world.model.gate("middle").release();
    assert_eq!(texts(&events(&again), EventKind::MessageDelta), [" after"]);
    let result = end(&again).completed();
    assert_eq!(result["finalResponse"], "before after");
    assert_eq!(items(&result, "userMessage").len(), 1, "{result}");
}

fn a_client_that_was_closed_leaves_its_turn_running_for_the_next(world: &World) {
    let server = world.listen(Listen::Unix);
    let first = connect(&server);
    let (thread, turn) = start_first_half(world, &first);
    first.close(PATIENCE).unwrap();
    assert_eq!(end(&turn).result["endedBy"], "transportClosed");

    let thread = resume(&connect(&server), thread.id().as_str());
    let again = Turn::attach(&thread, Some(turn.id().as_str())).unwrap();
    world.model.gate("middle").release();
    assert_eq!(end(&again).completed()["finalResponse"], "before after");
}

fn what_was_done_before_a_client_came_back_is_in_the_result(world: &World) {
    let server = world.listen(Listen::Unix);
    let first = connect(&server);
    world.says([
        Response::new().call_exec("call_1", json!({"cmd": "echo done"})),
        Response::new().message(Message::new("before").gate("middle").delta(" after")),
    ]);
    let thread = thread_of(&first, json!({}));
    let turn = start(&thread, "go");
    until(&turn, EventKind::MessageDelta);
    drop(first);

    let resumed = resume(&connect(&server), thread.id().as_str());
    let again = Turn::attach(&resumed, None).unwrap();
    world.model.gate("middle").release();
    let result = end(&again).completed();
    assert_eq!(items(&result, "commandExecution")[0]["exitCode"], 0, "{result}");
    assert_eq!((items(&result, "userMessage").len(), items(&result, "agentMessage").len()), (1, 1), "{result}");
    assert_eq!(result["finalResponse"], "before after");
}

/// The model wants to run a command that must be approved, and then says "done".
fn wants_to_write(world: &World) {
    let file = world.work().join("a.txt");
    let command = json!({"cmd": format!("echo written > {}", file.display()),
        "sandbox_permissions": "require_escalated", "justification": "to see whether it may"});
    world.says([Response::new().call_exec("call_1", command), Response::text(["done"])]);
}

fn is_written(world: &World) -> bool {
    world.work().join("a.txt").exists()
}

/// A turn that waits for an approval, and the request.
fn asked(world: &World, client: &Client) -> (Thread, Turn, Request) {
    wants_to_write(world);
    let thread = thread_of(client, json!({}));
    let turn = start(&thread, "go");
    let request = until(&turn, EventKind::Request).take_request().expect("a request");
    (thread, turn, request)
}

/// A thread whose turn waits for an approval, which a client has seen that is gone.
fn left_waiting_for_an_approval(world: &World, server: &Listening) -> String {
    let (client, proxy) = behind_proxy(server);
    let (thread, turn, request) = asked(world, &client);
    proxy.cut();
    end(&turn).not_completed();
    assert!(request.is_cancelled());
    thread.id().as_str().to_owned()
}

fn an_approval_that_was_open_when_the_connection_was_lost_is_asked_again(world: &World) {
    let server = world.listen(Listen::Tcp);
    let thread_id = left_waiting_for_an_approval(world, &server);
    let client = connect(&server);
    let thread = resume(&client, &thread_id);
    // The runtime asks as soon as the thread is resumed, before anybody can have attached to the turn.
    eventually("it asks", || stat(client.connection(), "requestsReceived") == 1);
    let turn = Turn::attach(&thread, None).unwrap();
    let request = until(&turn, EventKind::Request).take_request().expect("a request");
    assert!(request.params().as_str().contains("echo written"), "{}", request.params().as_str());
    request.answer(&Answer::Approve(Scope::Once)).unwrap();
    assert_eq!(end(&turn).completed()["finalResponse"], "done");
    assert!(is_written(world));
}

fn an_approval_that_was_open_is_asked_of_whoever_reads_the_client(world: &World) {
    let server = world.listen(Listen::Tcp);
    let thread_id = left_waiting_for_an_approval(world, &server);
    let client = connect(&server);
    listen(&client);
    let thread = resume(&client, &thread_id);
    let request = until_client(&client, |event| event.kind() == EventKind::Request).take_request().expect("a request");
    let turn = Turn::attach(&thread, None).unwrap();
    request.answer(&Answer::Approve(Scope::Once)).unwrap();
    assert_eq!(end(&turn).completed()["finalResponse"], "done");
    assert!(is_written(world));
}

fn a_run_on_a_busy_thread_joins_its_turn(world: &World) {
    let server = world.listen(Listen::Unix);
    let first = connect(&server);
    let (thread, turn) = start_first_half(world, &first);
    let thread = resume(&connect(&server), thread.id().as_str());
    world.says([Response::text(["joined"])]);
    let joined = run(&thread, Some("and this"), None).unwrap().0.expect("a result");
    assert_eq!(joined.id().as_str(), turn.id().as_str());
    assert_eq!(end(&turn).completed()["finalResponse"], "joined");
}

fn two_clients_follow_one_turn(world: &World) {
    let server = world.listen(Listen::Unix);
    let (first, second) = (connect(&server), connect(&server));
    let (thread, turn) = start_first_half(world, &first);
    let same = Turn::attach(&resume(&second, thread.id().as_str()), None).unwrap();
    world.model.gate("middle").release();
    for turn in [&turn, &same] {
        assert_eq!(texts(&events(turn), EventKind::MessageDelta), [" after"]);
        assert_eq!(end(turn).completed()["finalResponse"], "before after");
    }
}

/// The runtime tells some items to whoever has attached, and lists all of them.
fn each_item_is_once_in_the_result_of_a_turn_that_was_attached_to(world: &World) {
    let server = world.listen(Listen::Unix);
    let (first, second) = (connect(&server), connect(&server));
    let work = |name: &str| {
        Response::new()
            .reasoning([format!("about {name}")], "in detail")
            .message(Message::new(format!("I begin {name}.")).phase("commentary"))
            .call_exec(format!("call_{name}"), json!({"cmd": format!("echo {name}")}))
    };
    let held = Response::new()
        .message(Message::new("before").gate("middle").delta(" after"))
        .call_exec("call_2", json!({"cmd": "echo 2"}));
    world.says([work("1"), held, work("3"), Response::text(["done"])]);
    let thread = thread_of(&first, json!({}));
    let turn = start(&thread, "go");
    until(&turn, EventKind::MessageDelta);
    until(&turn, EventKind::MessageDelta);
    let same = Turn::attach(&resume(&second, thread.id().as_str()), None).unwrap();
    world.model.gate("middle").release();
    let [whole, attached] = [&turn, &same].map(|turn| end(turn).completed()["items"].clone());
    let heads = |items: &Value| -> Vec<(Value, Value)> {
        items.as_array().unwrap().iter().map(|item| (item["type"].clone(), item["id"].clone())).collect()
    };
    assert_eq!(heads(&attached), heads(&whole));
    let commands = heads(&attached).iter().filter(|(kind, _)| kind == "commandExecution").count();
    assert_eq!(commands, 3, "{attached}");
}

fn the_first_answer_of_two_clients_counts(world: &World) {
    let server = world.listen(Listen::Unix);
    let (first, second) = (connect(&server), connect(&server));
    let (thread, turn, request) = asked(world, &first);
    let same = Turn::attach(&resume(&second, thread.id().as_str()), None).unwrap();
    let same_request = until(&same, EventKind::Request).take_request().expect("the same request");
    same_request.answer(&Answer::Approve(Scope::Once)).unwrap();
    until(&turn, EventKind::RequestResolved);
    assert!(request.is_cancelled());
    assert_eq!(request.answer(&Answer::Decline).unwrap_err().status(), Status::AlreadyAnswered);
    for turn in [&turn, &same] {
        assert_eq!(end(turn).completed()["finalResponse"], "done");
    }
    assert!(is_written(world));
}

fn a_client_that_closes_leaves_the_question_to_the_one_whose_turn_it_is(world: &World) {
    let server = world.listen(Listen::Unix);
    let (first, second) = (connect(&server), connect(&server));
    let (thread, turn, request) = asked(world, &first);
    let same = Turn::attach(&resume(&second, thread.id().as_str()), None).unwrap();
    let _unanswered = until(&same, EventKind::Request).take_request().expect("the same request");
    second.close(PATIENCE).unwrap();
    request.answer(&Answer::Approve(Scope::Once)).unwrap();
    assert_eq!(end(&turn).completed()["finalResponse"], "done");
    assert!(is_written(world));
}

fn a_client_that_does_not_listen_leaves_the_question_to_the_one_whose_turn_it_is(world: &World) {
    let server = world.listen(Listen::Unix);
    let (first, second) = (connect(&server), connect(&server));
    let thread = thread_of(&first, json!({}));
    world.says([Response::text(["ready"])]);
    end(&start(&thread, "hello")).completed();
    let onlooker = resume(&second, thread.id().as_str());
    wants_to_write(world);
    let turn = start(&thread, "go");
    let request = until(&turn, EventKind::Request).take_request().expect("a request");
    eventually("it asks everybody", || stat(second.connection(), "requestsReceived") == 1);
    drop((onlooker, second));
    request.answer(&Answer::Approve(Scope::Once)).unwrap();
    assert_eq!(end(&turn).completed()["finalResponse"], "done");
    assert!(is_written(world));
}

fn clients_of_one_runtime_hear_nothing_of_each_others_turns(world: &World) {
    world.model.queue_for("apples", Response::text(["about apples"]));
    world.model.queue_for("pears", Response::text(["about pears"]));
    let server = world.listen(Listen::Unix);
    let topics = ["apples", "pears"];
    let clients = topics.map(|_| connect(&server));
    clients.iter().for_each(listen);
    let turns: Vec<Turn> =
        topics.iter().zip(&clients).map(|(topic, client)| start(&thread_of(client, json!({})), topic)).collect();
    for ((turn, topic), client) in turns.iter().zip(topics).zip(&clients) {
        assert_eq!(end(turn).completed()["finalResponse"], format!("about {topic}"));
        client.close(PATIENCE).unwrap();
        let left: Vec<_> = std::iter::from_fn(|| next_of_client(client)).collect();
        assert!(left.iter().all(|event| event.turn_id().len() <= 1), "{left:?}");
    }
}
