//! What the connected runtime does not know is refused before it is sent.

use std::collections::BTreeMap;
use std::process::Command;

use codex::engine::client::Client;
use codex::engine::compat::{RuntimeVersion, check};
use codex::engine::error::{Error, Status};
use codex::engine::thread::Thread;
use codex::engine::turn::run;
use scripted_model::Response;
use serde_json::{Value, json};

use crate::support::follow::parsed;
use crate::support::real::{Version, World, call, on_both_runtimes, thread_of};

on_both_runtimes! {
    a_value_that_was_retired_is_refused_with_what_replaced_it,
    a_runtime_that_refuses_its_configuration_says_what_to_write_instead,
    ordinary_params_are_not_in_the_way,
}

/// The fields of the parameters of each method, as the runtime itself describes them.
pub fn fields_of(version: Version, world: &World) -> BTreeMap<String, Vec<String>> {
    let out = world.codex_home().join("schema");
    let made = Command::new(version.executable())
        .args(["app-server", "generate-json-schema", "--experimental", "--out"])
        .arg(&out)
        .env("CODEX_HOME", world.codex_home())
        .output()
        .expect("the runtime runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let schema = parsed(&std::fs::read_to_string(out.join("ClientRequest.json")).expect("the schema"));
    let requests = schema["oneOf"].as_array().expect("requests").iter();
    let fields = |request: &Value| {
        let params = &request["properties"]["params"];
        let optional = params["anyOf"].as_array().and_then(|either| either.iter().find(|one| one["$ref"].is_string()));
        let name = optional.unwrap_or(params)["$ref"].as_str().unwrap_or_default().trim_start_matches("#/definitions/");
        let properties = schema["definitions"][name]["properties"].as_object();
        properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
    };
    let method = |request: &Value| request["properties"]["method"]["enum"][0].as_str().expect("a method").to_owned();
    requests.map(|request| (method(request), fields(request))).collect()
}

#[test]
fn the_table_of_fields_is_what_the_schemas_of_both_runtimes_say() {
    let (old_world, new_world) = (World::new(Version::Old), World::new(Version::Pinned));
    let (old, new) = (fields_of(Version::Old, &old_world), fields_of(Version::Pinned, &new_world));
    let refuses = |version: Version, method: &str, field: &str| {
        check(&RuntimeVersion::of(version.number()), method, &json!({ field: true }).to_string()).is_err()
    };
    let mut compared = 0;
    for (method, field) in new.iter().flat_map(|(method, fields)| fields.iter().map(move |field| (method, field))) {
        assert!(!refuses(Version::Pinned, method, field), "{method} {field} with the new runtime");
        // A method that the old runtime does not know is refused by the runtime itself.
        let Some(known) = old.get(method) else { continue };
        assert_eq!(
            refuses(Version::Old, method, field),
            !known.contains(field),
            "{method} {field} with the old runtime"
        );
        compared += 1;
    }
    assert!(compared > 200, "only {compared} fields were compared");
}

/// A field of turn/start that only the newer of the runtimes knows.
const NEW_FIELD: &str = r#"{"responsesapiClientMetadataPatch":{"a":"b"}}"#;

fn run_with_new_field(thread: &Thread) -> Result<Option<Error>, Error> {
    run(thread, Some("go"), Some(NEW_FIELD)).map(|(_, error)| error)
}

#[test]
fn the_old_runtime_is_not_sent_what_it_does_not_know() {
    let world = World::new(Version::Old);
    let thread = world.thread();
    let error = run_with_new_field(&thread).unwrap().expect("the turn cannot start");
    assert_eq!((error.status(), error.reason()), (Status::RuntimeUnsupported, "unsupportedParams"));
    let named = ["turn/start", "responsesapiClientMetadataPatch", "0.164.0", "0.163.0"];
    assert!(named.iter().all(|word| error.message().contains(word)), "{error}");
    assert!(world.model.requests().is_empty());
}

#[test]
fn the_new_runtime_gets_it() {
    let world = World::new(Version::Pinned);
    world.says([Response::text(["done"])]);
    assert!(run_with_new_field(&world.thread()).unwrap().is_none());
}

fn refused(client: &Client, params: Value) -> Error {
    Thread::start(client, Some(&params.to_string())).expect_err("the thread cannot start")
}

fn a_value_that_was_retired_is_refused_with_what_replaced_it(world: &World) {
    let client = world.client();
    for (params, instead) in [
        (json!({"approvalPolicy": "on-failure"}), "use \"on-request\""),
        (json!({"config": {"approval_policy": "untrusted"}}), "use approval_policy=\"on-request\""),
    ] {
        let error = refused(&client, params);
        assert_eq!((error.status(), error.reason()), (Status::RuntimeUnsupported, "retiredValue"));
        assert!(error.message().contains(instead) && error.message().contains(world.version().number()), "{error}");
    }
    let policy = |thread: Thread| parsed(thread.info().as_str())["approvalPolicy"].take();
    assert_eq!(policy(thread_of(&client, json!({"approvalPolicy": "untrusted"}))), "untrusted");
}

fn a_runtime_that_refuses_its_configuration_says_what_to_write_instead(world: &World) {
    let mut options = world.options();
    options.add_config("approval_policy=\"untrusted\"").unwrap();
    let error = Client::connect(&options).expect_err("the runtime does not start");
    assert_eq!(error.status(), Status::RuntimeStart);
    assert!(error.message().contains("use approval_policy=\"on-request\""), "{error}");
}

fn ordinary_params_are_not_in_the_way(world: &World) {
    let client = world.client();
    assert!(call(&client, "thread/list", json!({"limit": 1}))["data"].is_array());
    assert!(call(&client, "model/list", json!({}))["data"].is_array());
}
