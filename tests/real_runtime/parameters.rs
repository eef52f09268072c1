//! What the host says about a thread or a turn reaches the runtime, and counts.

use std::sync::{Arc, Mutex};

use codex::engine::client::Client;
use codex::engine::thread::{Origin, Thread};
use codex::engine::transport::Direction;
use codex::engine::turn::Turn;
use scripted_model::{Request, Response};
use serde_json::{Map, Value, json};

use crate::compat::fields_of;
use crate::support::follow::{eventually, items, parsed, run, run_with};
use crate::support::real::{World, on_both_runtimes, thread_of};

on_both_runtimes! {
    every_parameter_that_the_runtime_knows_is_handed_to_it_as_it_is,
    what_is_said_of_a_thread_counts,
    what_is_said_of_a_turn_counts_for_it_and_some_of_it_for_those_after_it,
}

/// A client, and what it has sent.
fn watched(world: &World) -> (Client, impl Fn(&str) -> Option<Value>) {
    let lines: Arc<Mutex<Vec<Value>>> = Arc::default();
    let kept = Arc::clone(&lines);
    let client = world.client_with(|options| {
        options.trace = Some(Arc::new(move |direction, line: &str| {
            if direction == Direction::Sent {
                kept.lock().unwrap().push(parsed(line));
            }
        }));
    });
    let sent = move |method: &str| {
        let lines = lines.lock().unwrap();
        lines.iter().rev().find(|line| line["method"] == method).map(|line| line["params"].clone())
    };
    (client, sent)
}

fn every_parameter_that_the_runtime_knows_is_handed_to_it_as_it_is(world: &World) {
    world.says([Response::text(["fine"])]);
    let (client, sent) = watched(world);
    let thread = thread_of(&client, json!({}));
    run(&thread, "go").completed();
    let id = thread.id().as_str();
    type Use<'a> = &'a dyn Fn(&str) -> bool;
    let uses: [(&str, Use<'_>); 4] = [
        ("thread/start", &|params| Thread::start(&client, Some(params)).is_err()),
        ("thread/resume", &|params| Thread::resume(&client, id, Some(params)).is_err()),
        ("thread/fork", &|params| Thread::open(&client, Origin::Fork(id), Some(params)).is_err()),
        ("turn/start", &|params| Turn::start(&thread, Some("go"), Some(params)).is_err()),
    ];
    let known = fields_of(world.version(), world);
    for (method, is_refused) in uses {
        // What the library gives, or looks at itself.
        let own = ["threadId", "input", "sandbox"];
        let fields: Vec<&String> = known[method].iter().filter(|field| !own.contains(&&***field)).collect();
        assert!(fields.len() >= 16, "{method} {fields:?}");
        let given: Map<String, Value> =
            fields.iter().map(|field| ((*field).clone(), json!({ "n": 1.5, "field": field }))).collect();
        assert!(is_refused(&Value::from(given.clone()).to_string()), "{method} makes no sense like that");
        let arrived = |params: Value| given.iter().all(|(field, value)| params[field] == *value);
        eventually("the runtime was told all of it", || sent(method).is_some_and(arrived));
    }
}

/// What the model was asked at last.
fn asked(world: &World) -> Request {
    world.model.requests().pop().expect("the model was asked")
}

fn what_is_said_of_a_thread_counts(world: &World) {
    world.says([Response::text(["fine"])]);
    let elsewhere = world.codex_home();
    let thread = world.thread_with(json!({"model": "gpt-5.5", "modelProvider": "mock", "cwd": elsewhere,
        "baseInstructions": "You are a parrot.", "developerInstructions": "Speak softly.", "ephemeral": true,
        "config": {"model_reasoning_effort": "low"}, "serviceTier": "priority", "threadSource": "my_source"}));
    let info = parsed(thread.info().as_str());
    assert_eq!((&info["model"], &info["modelProvider"]), (&json!("gpt-5.5"), &json!("mock")));
    assert_eq!((&info["cwd"], &info["reasoningEffort"]), (&json!(elsewhere), &json!("low")));
    assert_eq!((&info["thread"]["ephemeral"], &info["serviceTier"]), (&json!(true), &json!("priority")));
    assert_eq!(info["thread"]["threadSource"], "my_source");
    run(&thread, "go").completed();
    let body = asked(world).body().clone();
    assert_eq!((&body["service_tier"], &body["reasoning"]["effort"]), (&json!("priority"), &json!("low")));
    let body = body.to_string();
    assert!(body.contains("You are a parrot.") && body.contains("Speak softly."), "{body}");
}

fn what_is_said_of_a_turn_counts_for_it_and_some_of_it_for_those_after_it(world: &World) {
    world.says([Response::text(["{}"]), Response::text(["fine"])]);
    let thread = world.thread();
    let context = json!({"weather": {"kind": "application", "value": "It rains."}});
    let params = json!({"effort": "max", "summary": "detailed", "outputSchema": {"type": "object"},
        "clientUserMessageId": "mine-1", "serviceTierForTurn": "priority", "turnTrigger": "automation",
        "additionalContext": context});
    let result = run_with(&thread, "go", &params.to_string()).completed();
    assert_eq!(items(&result, "userMessage")[0]["clientId"], "mine-1");
    let first = asked(world).body().clone();
    assert_eq!((&first["reasoning"]["effort"], &first["reasoning"]["summary"]), (&json!("max"), &json!("detailed")));
    assert_eq!((&first["service_tier"], &first["text"]["format"]["type"]), (&json!("priority"), &json!("json_schema")));
    assert!(first["input"].to_string().contains("It rains."));
    run(&thread, "and now?").completed();
    let second = asked(world).body().clone();
    assert_eq!(first["reasoning"], second["reasoning"]);
    assert_eq!((&second["service_tier"], &second["text"]["format"]), (&Value::Null, &Value::Null));
}
