//! Reviews: the agent looks at changes and says what it found.

use std::process::Command;

use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::thread::Thread;
use codex::engine::turn::Turn;
use scripted_model::{Message, Response};
use serde_json::{Value, json};

use crate::support::follow::{end, events, items, messages, parsed, run, start, turn_id, until};
use crate::support::real::{World, on_both_runtimes};

on_both_runtimes! {
    a_review_can_be_of_four_things,
    a_review_says_what_it_found,
    a_review_has_one_id,
    a_review_is_interrupted_although_it_has_two_ids,
    a_review_can_be_interrupted_at_once,
    a_review_interrupts_the_turn_that_runs,
    a_review_that_the_model_fails_is_a_failed_turn,
    a_review_keeps_to_its_limits,
    input_during_a_review_is_refused,
    a_review_of_nothing_is_refused,
    after_a_review_the_thread_goes_on,
}

/// A thread in a repository with two commits on main and a change that is not committed.
fn thread(world: &World) -> Thread {
    git(world, &["init", "-q", "-b", "main"]);
    for number in ["one", "two"] {
        std::fs::write(world.work().join("number"), number).expect("a file");
        git(world, &["add", "."]);
        git(world, &["commit", "-q", "-m", number]);
    }
    std::fs::write(world.work().join("number"), "three").expect("a file");
    world.thread()
}

fn git(world: &World, arguments: &[&str]) -> String {
    let identity = ["-c", "user.name=Nobody", "-c", "user.email=nobody@example.com"];
    let mut git = Command::new("git");
    git.current_dir(world.work()).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let done = git.args(identity).args(arguments).output().expect("git can be run: install it");
    assert!(done.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8").trim().to_owned()
}

fn review(thread: &Thread, target: Value) -> Turn {
    Turn::review(thread, &target.to_string(), None).expect("the review starts")
}

fn uncommitted(thread: &Thread) -> Turn {
    review(thread, json!({"type": "uncommittedChanges"}))
}

/// What the model answers when it is asked for a review.
fn findings(world: &World, response: Response) {
    world.model.queue_for("Review the current code changes", response);
}

fn slow_findings(world: &World) {
    findings(world, Response::new().message(Message::new("No").gate("found").delta(" findings.")));
}

fn a_review_can_be_of_four_things(world: &World) {
    let thread = thread(world);
    let sha = git(world, &["rev-parse", "HEAD"]);
    for (target, asked, called) in [
        (json!({"type": "uncommittedChanges"}), "Review the current code changes", "current changes"),
        (json!({"type": "baseBranch", "branch": "main"}), "base branch 'main'", "changes against 'main'"),
        (json!({"type": "commit", "sha": sha, "title": "two"}), &*format!("commit {sha}"), "two"),
        (json!({"type": "custom", "instructions": "look at number"}), "look at number", "look at number"),
    ] {
        world.says([Response::text(["No findings."])]);
        let result = end(&review(&thread, target)).completed();
        let entered = items(&result, "enteredReviewMode")[0]["review"].as_str().expect("a name");
        assert!(entered.contains(called), "{entered}");
        let request = world.model.requests().pop().expect("a request");
        assert!(request.last_user_text().contains(asked), "{}", request.last_user_text());
    }
}

fn a_review_says_what_it_found(world: &World) {
    let thread = thread(world);
    findings(world, Response::text(["No findings."]));
    let result = end(&uncommitted(&thread)).completed();
    assert_eq!(result["finalResponse"], "No findings.");
    assert_eq!(items(&result, "exitedReviewMode")[0]["review"], "No findings.");
    assert_eq!(messages(&result), ["No findings."], "the reviewer's own message is never completed");
    assert_eq!(result["partialResponse"], Value::Null);
}

fn a_review_has_one_id(world: &World) {
    let thread = thread(world);
    findings(world, Response::text(["No findings."]));
    let turn = uncommitted(&thread);
    let events = events(&turn);
    assert!(events.iter().any(|event| event.kind() == EventKind::TurnStarted));
    let others: Vec<_> = events.iter().map(turn_id).filter(|id| *id != turn.id().as_str()).collect();
    assert_eq!(others, Vec::<&str>::new());
    assert_eq!(end(&turn).completed()["id"], turn.id().as_str());
}

fn a_review_is_interrupted_although_it_has_two_ids(world: &World) {
    let thread = thread(world);
    slow_findings(world);
    let turn = uncommitted(&thread);
    let started = until(&turn, EventKind::TurnStarted);
    assert_ne!(parsed(started.json_str())["turn"]["id"], turn.id().as_str());
    turn.interrupt().unwrap();
    let (result, error) = end(&turn).not_completed();
    assert_eq!((error.status(), &result["status"]), (Status::TurnInterrupted, &json!("interrupted")));
}

fn a_review_can_be_interrupted_at_once(world: &World) {
    let thread = thread(world);
    slow_findings(world);
    let turn = uncommitted(&thread);
    turn.interrupt().unwrap();
    let (result, error) = end(&turn).not_completed();
    assert_eq!((error.status(), &result["status"]), (Status::TurnInterrupted, &json!("interrupted")));
}

fn a_review_interrupts_the_turn_that_runs(world: &World) {
    let thread = thread(world);
    world.model.queue_for("first", Response::new().message(Message::new("half").hang()));
    let first = start(&thread, "first");
    until(&first, EventKind::MessageDelta);
    findings(world, Response::text(["No findings."]));
    let turn = uncommitted(&thread);
    assert_eq!(end(&first).not_completed().1.status(), Status::TurnInterrupted);
    end(&turn).completed();
}

fn a_review_that_the_model_fails_is_a_failed_turn(world: &World) {
    let thread = thread(world);
    findings(world, Response::http(500, json!({"error": {"message": "no"}})));
    let (result, error) = end(&uncommitted(&thread)).not_completed();
    assert_eq!((error.status(), error.reason()), (Status::TurnFailed, "internalServerError"));
    assert_eq!(result["endedBy"], "failed");
}

fn a_review_keeps_to_its_limits(world: &World) {
    let thread = thread(world);
    slow_findings(world);
    let target = json!({"type": "uncommittedChanges"}).to_string();
    let turn = Turn::review(&thread, &target, Some(r#"{"limits":{"timeoutMs":300}}"#)).unwrap();
    let (result, error) = end(&turn).not_completed();
    assert_eq!((error.status(), &result["endedBy"]), (Status::TurnTimedOut, &json!("timeout")));
}

fn input_during_a_review_is_refused(world: &World) {
    let thread = thread(world);
    slow_findings(world);
    let turn = uncommitted(&thread);
    until(&turn, EventKind::TurnStarted);
    let refused = Turn::start(&thread, Some("me too"), None).unwrap_err();
    assert_eq!(refused.reason(), "activeTurnNotSteerable");
    assert_eq!(turn.steer(Some("faster"), None).unwrap_err().reason(), "activeTurnNotSteerable");
    world.model.gate("found").release();
    end(&turn).completed();
}

fn a_review_of_nothing_is_refused(world: &World) {
    let thread = thread(world);
    let refusal = |target: &str| {
        let error = Turn::review(&thread, target, None).unwrap_err();
        (error.status(), error.reason().to_owned())
    };
    for target in [
        json!({"type": "baseBranch", "branch": " "}),
        json!({"type": "commit", "sha": ""}),
        json!({"type": "custom", "instructions": ""}),
        json!({"type": "everything"}),
        json!({}),
    ] {
        assert_eq!(refusal(&target.to_string()), (Status::Rpc, "invalidParams".into()), "{target}");
    }
    assert_eq!(refusal("\"changes\"").0, Status::InvalidArgument);
    assert_eq!(refusal("{").0, Status::InvalidJson);
}

fn after_a_review_the_thread_goes_on(world: &World) {
    let thread = thread(world);
    findings(world, Response::text(["No findings."]));
    end(&uncommitted(&thread)).completed();
    world.model.queue_for("and now?", Response::text(["fine"]));
    assert_eq!(run(&thread, "and now?").completed()["finalResponse"], "fine");
}
