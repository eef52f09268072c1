//! Functions of the program that the agent calls.

use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codex::engine::client::Client;
use codex::engine::client_options::RequestHandler;
use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::request::{Answer, Request, RequestKind, ToolOutcome};
use codex::engine::thread::{Origin, Thread};
use scripted_model::Response;
use serde_json::{Value, json};

use crate::support::follow::{PATIENCE, end, events, items, parsed, run, start, until};
use crate::support::real::{Version, World, call, on_both_runtimes, thread_of};

on_both_runtimes! {
    a_tool_that_the_params_declare_is_asked_for_as_a_request,
    a_tool_that_nobody_runs_says_so_to_the_model,
    a_function_of_the_program_is_called_with_its_arguments,
    the_model_is_told_what_the_tool_is_for_and_what_it_takes,
    a_tool_answers_with_texts_and_images,
    a_tool_answers_in_the_runtimes_own_words,
    a_tool_that_fails_says_why,
    a_tool_that_is_called_three_times_answers_each_call,
    a_tool_that_frees_its_request_tells_the_model_so,
    a_tool_that_misses_its_deadline_tells_the_model_so,
    a_tool_may_call_the_runtime,
    a_tool_without_a_function_arrives_as_a_request,
    a_thread_has_the_tools_that_it_names,
    a_thread_that_is_resumed_elsewhere_calls_the_tool_of_that_client,
    a_fork_keeps_the_tools,
    an_interrupt_cancels_the_call,
    no_tool_takes_the_name_of_one_that_the_runtime_offers,
}

/// The model calls the tool and then says "done".
fn calls_weather(world: &World) {
    world.says([Response::new().call("call_1", "weather", json!({"city": "Rome"})), Response::text(["done"])]);
}

fn schema() -> String {
    json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}).to_string()
}

fn add_weather(client: &Client, function: Option<Arc<RequestHandler>>) {
    client.add_tool("weather", "Tells the weather.", Some(&schema()), function).expect("the tool is added");
}

/// A client whose tool does this with each call.
fn client_with_weather(world: &World, function: impl Fn(Request) + Send + Sync + 'static) -> Client {
    let client = world.client();
    add_weather(&client, Some(Arc::new(function)));
    client
}

/// A thread of such a client.
fn thread_with_weather(world: &World, function: impl Fn(Request) + Send + Sync + 'static) -> Thread {
    thread_of(&client_with_weather(world, function), json!({}))
}

/// A client whose tool passes its calls on.
fn client_with_calls(world: &World) -> (Client, Receiver<Request>) {
    let (called, calls) = mpsc::channel();
    let called = Mutex::new(called);
    let client = client_with_weather(world, move |request| called.lock().unwrap().send(request).unwrap());
    (client, calls)
}

fn answer(request: &Request, text: &str) {
    request.answer(&Answer::Text(ToolOutcome::Success, text.into())).unwrap();
}

fn arguments(request: &Request) -> Value {
    parsed(request.params().as_str())["arguments"].take()
}

/// A thread with a tool that the params declare, which the model wants to call.
fn start_calling_a_tool(world: &World) -> Thread {
    calls_weather(world);
    let weather = json!({"type": "function", "name": "weather", "description": "Tells the weather.",
        "inputSchema": {"type": "object"}});
    world.thread_with(json!({"dynamicTools": [weather]}))
}

fn a_tool_that_the_params_declare_is_asked_for_as_a_request(world: &World) {
    let turn = start(&start_calling_a_tool(world), "go");
    let request = until(&turn, EventKind::Request).take_request().expect("the event carries a request");
    assert_eq!(request.kind(), RequestKind::ToolCall);
    assert_eq!(arguments(&request), json!({"city": "Rome"}));
    answer(&request, "22 degrees");
    let seen = events(&turn);
    assert!(seen.iter().any(|event| event.kind() == EventKind::RequestResolved && event.request_id() == request.id()));
    assert_eq!(items(&end(&turn).completed(), "dynamicToolCall")[0]["success"], true);
    assert_eq!(world.told("call_1"), "22 degrees");
}

fn a_tool_that_nobody_runs_says_so_to_the_model(world: &World) {
    let result = run(&start_calling_a_tool(world), "go").completed();
    assert_eq!(items(&result, "dynamicToolCall")[0]["success"], false);
    assert!(world.told("call_1").contains("declined"), "{}", world.told("call_1"));
}

fn a_function_of_the_program_is_called_with_its_arguments(world: &World) {
    calls_weather(world);
    let thread = thread_with_weather(world, |request| {
        assert_eq!(request.kind(), RequestKind::ToolCall);
        answer(&request, &format!("22 degrees in {}", arguments(&request)["city"].as_str().unwrap()));
    });
    let result = run(&thread, "go").completed();
    assert_eq!(result["finalResponse"], "done");
    let item = items(&result, "dynamicToolCall")[0];
    assert_eq!((&item["tool"], &item["success"]), (&json!("weather"), &json!(true)));
    assert_eq!(world.told("call_1"), "22 degrees in Rome");
}

fn the_model_is_told_what_the_tool_is_for_and_what_it_takes(world: &World) {
    world.says([Response::text(["done"])]);
    run(&thread_with_weather(world, drop), "go").completed();
    let body = world.model.requests().pop().expect("the model was asked").body().clone();
    let tools = body["tools"].as_array().expect("tools").clone();
    let weather = tools.into_iter().find(|tool| tool["name"] == "weather").expect("the tool");
    assert_eq!(weather["description"], "Tells the weather.");
    assert_eq!(weather["parameters"]["properties"]["city"]["type"], "string");
}

fn a_tool_answers_with_texts_and_images(world: &World) {
    calls_weather(world);
    let image = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let thread = thread_with_weather(world, move |request| {
        let answer = json!({"input": [{"type": "text", "text": "a map"}, {"type": "image", "url": image}]});
        request.answer(&Answer::Items(ToolOutcome::Success, answer.to_string())).unwrap();
    });
    run(&thread, "go").completed();
    let requests = world.model.requests();
    let output = &requests.last().unwrap().function_outputs()[0].output;
    assert_eq!((&output[0]["text"], &output[1]["type"]), (&json!("a map"), &json!("input_image")));
    assert!(output[1]["image_url"].as_str().is_some_and(|url| url.starts_with("data:image/png")), "{output}");
}

fn a_tool_answers_in_the_runtimes_own_words(world: &World) {
    calls_weather(world);
    let thread = thread_with_weather(world, |request| {
        let items = json!([{"type": "inputText", "text": "{\"degrees\":22}"}]);
        request.answer(&Answer::Result(json!({"contentItems": items, "success": true}).to_string())).unwrap();
    });
    run(&thread, "go").completed();
    assert_eq!(parsed(&world.told("call_1")), json!({"degrees": 22}));
}

fn a_tool_that_fails_says_why(world: &World) {
    calls_weather(world);
    let thread = thread_with_weather(world, |request| {
        request.answer(&Answer::Text(ToolOutcome::Failure, "no such city".into())).unwrap();
    });
    let result = run(&thread, "go").completed();
    let item = items(&result, "dynamicToolCall")[0];
    assert_eq!((&item["status"], &item["success"]), (&json!("failed"), &json!(false)));
    assert_eq!(world.told("call_1"), "no such city");
}

const CITIES: [&str; 3] = ["Rome", "Oslo", "Lima"];

/// The model calls the tool for three cities at once, and then says "done".
fn calls_weather_three_times(world: &World) {
    let call = |response: Response, city: &&str| response.call(*city, "weather", json!({ "city": city }));
    world.says([CITIES.iter().fold(Response::new(), call), Response::text(["done"])]);
}

fn answer_with_city(request: &Request) {
    answer(request, &format!("fine in {}", arguments(request)["city"].as_str().unwrap()));
}

fn all_were_answered(world: &World, result: &Value) {
    assert_eq!(items(result, "dynamicToolCall").len(), 3);
    CITIES.iter().for_each(|city| assert_eq!(world.told(city), format!("fine in {city}")));
}

fn a_tool_that_is_called_three_times_answers_each_call(world: &World) {
    calls_weather_three_times(world);
    let thread = thread_with_weather(world, |request| answer_with_city(&request));
    all_were_answered(world, &run(&thread, "go").completed());
}

/// The older runtime makes one call after the other.
#[test]
fn a_tool_called_three_times_at_once_may_answer_in_reverse_order() {
    let world = World::new(Version::Pinned);
    calls_weather_three_times(&world);
    let (client, calls) = client_with_calls(&world);
    let turn = start(&thread_of(&client, json!({})), "go");
    let next = |_| calls.recv_timeout(PATIENCE).expect("a call while others wait");
    let requests: Vec<Request> = CITIES.iter().map(next).collect();
    let answering = std::thread::spawn(move || requests.iter().rev().for_each(answer_with_city));
    let result = end(&turn).completed();
    answering.join().unwrap();
    all_were_answered(&world, &result);
}

fn a_tool_that_frees_its_request_tells_the_model_so(world: &World) {
    calls_weather(world);
    let result = run(&thread_with_weather(world, drop), "go").completed();
    assert_eq!(items(&result, "dynamicToolCall")[0]["success"], false);
    assert_eq!(world.told("call_1"), "The application gave no answer to this call.");
}

fn a_tool_that_misses_its_deadline_tells_the_model_so(world: &World) {
    calls_weather(world);
    let client = world.client_with(|options| options.answer_timeout = Some(Duration::from_millis(200)));
    let kept = Arc::new(Mutex::new(Vec::new()));
    let keeper = Arc::clone(&kept);
    add_weather(&client, Some(Arc::new(move |request| keeper.lock().unwrap().push(request))));
    run(&thread_of(&client, json!({})), "go").completed();
    assert_eq!(world.told("call_1"), "The application did not answer this call in time.");
    let request: Request = kept.lock().unwrap().pop().expect("the tool was called");
    assert!(request.is_cancelled());
    let late = request.answer(&Answer::Text(ToolOutcome::Success, "22".into())).unwrap_err();
    assert_eq!(late.status(), Status::AlreadyAnswered);
}

fn a_tool_may_call_the_runtime(world: &World) {
    calls_weather(world);
    let client = world.client();
    let own = Arc::new(Mutex::new(Some(client.clone())));
    let function = move |request: Request| {
        let client = own.lock().unwrap().take().expect("one call");
        let thread = request.thread_id().as_str();
        let read = call(&client, "thread/read", json!({"threadId": thread, "includeTurns": false}));
        answer(&request, read["thread"]["id"].as_str().unwrap());
    };
    add_weather(&client, Some(Arc::new(function)));
    let thread = thread_of(&client, json!({}));
    run(&thread, "go").completed();
    assert_eq!(world.told("call_1"), thread.id().as_str());
}

fn a_tool_without_a_function_arrives_as_a_request(world: &World) {
    calls_weather(world);
    let client = world.client();
    add_weather(&client, None);
    let turn = start(&thread_of(&client, json!({})), "go");
    answer(&until(&turn, EventKind::Request).take_request().expect("a request"), "22");
    end(&turn).completed();
    assert_eq!(world.told("call_1"), "22");
}

fn a_thread_has_the_tools_that_it_names(world: &World) {
    world.says([Response::text(["one"]), Response::text(["none"])]);
    let client = client_with_weather(world, drop);
    client.add_tool("time", "Tells the time.", None, None).unwrap();
    run(&thread_of(&client, json!({"tools": ["time"]})), "go").completed();
    run(&thread_of(&client, json!({"tools": []})), "go").completed();
    let offered = |request: usize, name: &str| {
        let requests = world.model.requests();
        let tools = requests[request].body()["tools"].as_array().expect("tools").clone();
        tools.iter().any(|tool| tool["name"] == name)
    };
    assert!(offered(0, "time") && !offered(0, "weather"));
    assert!(!offered(1, "time") && !offered(1, "weather"));
}

fn a_thread_that_is_resumed_elsewhere_calls_the_tool_of_that_client(world: &World) {
    world.says([Response::text(["hello"])]);
    let thread = thread_with_weather(world, drop);
    run(&thread, "first").completed();
    let id = thread.id().as_str().to_owned();
    drop(thread);
    calls_weather(world);
    let client = client_with_weather(world, |request| answer(&request, "resumed"));
    let limits = json!({"limits": {"timeoutMs": 30_000}}).to_string();
    let resumed = Thread::open(&client, Origin::Stored(&id), Some(&limits)).unwrap();
    run(&resumed, "second").completed();
    assert_eq!(world.told("call_1"), "resumed");
    assert!(Thread::resume(&client, &id, Some(r#"{"tools":["weather"]}"#)).is_err());
}

fn a_fork_keeps_the_tools(world: &World) {
    world.says([Response::text(["hello"])]);
    let client = client_with_weather(world, |request| answer(&request, "forked"));
    let thread = thread_of(&client, json!({}));
    run(&thread, "first").completed();
    calls_weather(world);
    let fork = Thread::open(&client, Origin::Fork(thread.id().as_str()), None).unwrap();
    run(&fork, "second").completed();
    assert_eq!(world.told("call_1"), "forked");
}

fn an_interrupt_cancels_the_call(world: &World) {
    calls_weather(world);
    let (client, calls) = client_with_calls(world);
    let turn = start(&thread_of(&client, json!({})), "go");
    let request = calls.recv_timeout(PATIENCE).expect("a call");
    turn.interrupt().unwrap();
    assert_eq!(end(&turn).not_completed().1.status(), Status::TurnInterrupted);
    assert!(request.is_cancelled());
    let late = request.answer(&Answer::Text(ToolOutcome::Success, "22".into())).unwrap_err();
    assert_eq!(late.status(), Status::AlreadyAnswered);
}

fn no_tool_takes_the_name_of_one_that_the_runtime_offers(world: &World) {
    world.says([Response::text(["done"])]);
    let client = world.client_with(|options| {
        options.add_config("features.request_permissions_tool=true").unwrap();
        options.add_config("tools.update_plan.enabled=true").unwrap();
    });
    run(&thread_of(&client, json!({})), "go").completed();
    let body = world.model.requests().pop().expect("the model was asked").body().clone();
    let offered: Vec<String> =
        body["tools"].as_array().unwrap().iter().filter_map(|tool| tool["name"].as_str().map(str::to_owned)).collect();
    assert!(offered.len() >= 9, "{offered:?}");
    for name in offered {
        let error = client.add_tool(&name, "mine", None, None).expect_err(&name);
        assert!(error.message().contains("tool of its own"), "{error}");
    }
}
