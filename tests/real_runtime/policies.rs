//! What the agent may do: the sandbox of a turn, and the mode of approval, which stays with the thread.

use std::path::{Path, PathBuf};

use codex::engine::client::Client;
use codex::engine::thread::{Origin, Thread};
use scripted_model::Response;
use serde_json::{Value, json};

use crate::support::follow::{parsed, run_with};
use crate::support::real::{World, on_both_runtimes, thread_of};

on_both_runtimes! {
    a_workspace_of_a_turn_is_as_the_runtime_is_configured,
    a_workspace_of_a_turn_is_as_its_thread_was_started,
    the_policy_of_a_turn_in_the_runtimes_own_words_is_left_alone,
    what_the_sandbox_of_a_turn_forbids_is_not_done,
    a_fork_has_the_policy_of_its_origin_unless_it_is_given_another,
    the_policy_of_a_turn_stays_until_another_is_said,
}

/// Where only the configuration allows to write.
fn extra(world: &World) -> PathBuf {
    let extra = world.codex_home().with_file_name("extra");
    std::fs::create_dir_all(&extra).expect("a directory of this test");
    extra
}

/// A client whose runtime is configured with a directory more, with network and without /tmp.
fn configured(world: &World) -> Client {
    let workspace = format!(
        "sandbox_workspace_write={{writable_roots=[\"{}\"],network_access=true,exclude_slash_tmp=true}}",
        extra(world).display()
    );
    world.client_with(|options| options.add_config(&workspace).expect("a configuration override"))
}

/// What is resolved for a thread now.
fn now(client: &Client, thread: &Thread, field: &str) -> Value {
    let resumed = Thread::resume(client, thread.id().as_str(), None).expect("a thread that is loaded");
    parsed(resumed.info().as_str())[field].take()
}

/// A turn with these params, in which the model writes a file; says whether it could.
fn writes(world: &World, thread: &Thread, file: &Path, params: &Value) -> bool {
    let command = format!("echo written > {}", file.display());
    world.says([Response::new().call_exec("call_1", json!({ "cmd": command })), Response::text(["done"])]);
    run_with(thread, "go", &params.to_string()).completed();
    std::fs::remove_file(file).is_ok()
}

fn workspace() -> Value {
    json!({"sandbox": "workspace-write"})
}

fn a_workspace_of_a_turn_is_as_the_runtime_is_configured(world: &World) {
    let client = configured(world);
    let file = extra(world).join("a.txt");
    let thread = thread_of(&client, json!({"sandbox": "read-only"}));
    assert!(!writes(world, &thread, &file, &json!({})));
    let by_id = Thread::from_id(&client, thread.id().as_str()).unwrap();
    for thread in [&thread, &by_id] {
        assert!(writes(world, thread, &file, &workspace()));
        let sandbox = now(&client, thread, "sandbox");
        assert_eq!((&sandbox["networkAccess"], &sandbox["excludeSlashTmp"]), (&json!(true), &json!(true)), "{sandbox}");
        run_read_only(world, thread);
    }
}

/// So that the next turn has something to change.
fn run_read_only(world: &World, thread: &Thread) {
    world.says([Response::text(["fine"])]);
    run_with(thread, "go", r#"{"sandbox":"read-only"}"#).completed();
}

fn a_workspace_of_a_turn_is_as_its_thread_was_started(world: &World) {
    let own = json!({"network_access": true, "writable_roots": [extra(world)]});
    let client = world.client();
    let thread = thread_of(&client, json!({"sandbox": "workspace-write", "config": {"sandbox_workspace_write": own}}));
    run_read_only(world, &thread);
    assert_eq!(now(&client, &thread, "sandbox")["type"], "readOnly");
    assert!(writes(world, &thread, &extra(world).join("a.txt"), &workspace()));
    assert_eq!(now(&client, &thread, "sandbox")["networkAccess"], true);
}

fn the_policy_of_a_turn_in_the_runtimes_own_words_is_left_alone(world: &World) {
    let client = configured(world);
    let thread = thread_of(&client, json!({}));
    let policy = json!({"sandboxPolicy": {"type": "workspaceWrite"}});
    writes(world, &thread, &extra(world).join("a.txt"), &policy);
    let sandbox = now(&client, &thread, "sandbox");
    assert_eq!((&sandbox["networkAccess"], &sandbox["excludeSlashTmp"]), (&json!(false), &json!(false)), "{sandbox}");
}

fn what_the_sandbox_of_a_turn_forbids_is_not_done(world: &World) {
    let (inside, outside) = (world.work().join("a.txt"), extra(world).join("a.txt"));
    let client = world.client_with(|options| {
        // Wherever the tests are run, also below /tmp, the directory outside is one that is not written to.
        let no_tmp = "sandbox_workspace_write={exclude_slash_tmp=true,exclude_tmpdir_env_var=true}";
        options.add_config(no_tmp).expect("a configuration override");
    });
    let thread = thread_of(&client, json!({"approvalMode": "denyAll"}));
    for (sandbox, can_write_inside, can_write_outside) in
        [("read-only", false, false), ("workspace-write", true, false), ("danger-full-access", true, true)]
    {
        let params = json!({ "sandbox": sandbox });
        assert_eq!(writes(world, &thread, &inside, &params), can_write_inside, "{sandbox}");
        assert_eq!(writes(world, &thread, &outside, &params), can_write_outside, "{sandbox}");
    }
}

/// A thread that denies everything, with a turn behind it.
fn denying(world: &World, client: &Client) -> Thread {
    let thread = thread_of(client, json!({"approvalMode": "denyAll"}));
    says_fine(world, &thread, "{}");
    thread
}

fn says_fine(world: &World, thread: &Thread, params: &str) {
    world.says([Response::text(["fine"])]);
    run_with(thread, "go", params).completed();
}

fn a_fork_has_the_policy_of_its_origin_unless_it_is_given_another(world: &World) {
    let client = world.client();
    let thread = denying(world, &client);
    let policy = |params: Option<&str>| {
        let fork = Thread::open(&client, Origin::Fork(thread.id().as_str()), params).unwrap();
        let mut info = parsed(fork.info().as_str());
        (info["approvalPolicy"].take(), info["approvalsReviewer"].take())
    };
    assert_eq!(policy(None).0, "never");
    assert_eq!(policy(Some(r#"{"approvalMode":"autoReview"}"#)), (json!("on-request"), json!("auto_review")));
    assert_eq!(policy(Some(r#"{"approvalMode":"ask"}"#)), (json!("on-request"), json!("user")));
}

fn the_policy_of_a_turn_stays_until_another_is_said(world: &World) {
    let client = world.client();
    let thread = denying(world, &client);
    says_fine(world, &thread, "{}");
    assert_eq!(now(&client, &thread, "approvalPolicy"), "never");
    says_fine(world, &thread, r#"{"approvalMode":"autoReview"}"#);
    says_fine(world, &thread, "{}");
    assert_eq!(now(&client, &thread, "approvalPolicy"), "on-request");
    assert_eq!(now(&client, &thread, "approvalsReviewer"), "auto_review");
}
