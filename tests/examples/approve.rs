use std::path::PathBuf;

use scripted_model::Response;
use serde_json::json;

use crate::stage::{End, end, live, output, read_until, start, type_in};
use crate::support::real::World;

const ASKS: &str = "[y] yes, [a] always in this session, [n] no, [c] no, and stop: ";

/// Asks to leave a mark where the sandbox does not allow it.
fn marks(call_id: &str) -> Response {
    let command =
        json!({"cmd": "echo mark >> marks", "sandbox_permissions": "require_escalated", "justification": "why not"});
    Response::new().call_exec(call_id, command)
}

fn marks_in(world: &World) -> usize {
    std::fs::read_to_string(world.work().join("marks")).unwrap_or_default().lines().count()
}

fn poem(world: &World) -> PathBuf {
    world.work().join("poem.txt")
}

#[test]
fn approve_shows_the_command_and_runs_it_when_told_so() {
    live([marks("1"), Response::text(["Done."])], |world| {
        let mut approve = start("approve", &["go"], world);
        let asked = read_until(&mut approve, ASKS);
        assert!(asked.contains("\nRun this command?\n") && asked.contains("echo mark >> marks"), "{asked}");
        assert_eq!(marks_in(world), 0);
        type_in(&mut approve, "yes\n");
        assert_eq!(output(approve), "Done.\n\nThe turn is completed.\n");
        assert_eq!(marks_in(world), 1);
    });
}

#[test]
fn approve_does_not_ask_again_for_what_is_always_allowed() {
    live([marks("1"), marks("2"), Response::text(["Done."])], |world| {
        let mut approve = start("approve", &["go"], world);
        read_until(&mut approve, ASKS);
        type_in(&mut approve, "always\n");
        assert_eq!(output(approve), "Done.\n\nThe turn is completed.\n");
        assert_eq!(marks_in(world), 2);
    });
}

#[test]
fn approve_shows_the_diff_and_changes_nothing_when_told_no() {
    let patch = "*** Begin Patch\n*** Add File: poem.txt\n+roses\n*** End Patch\n";
    live([Response::new().apply_patch("1", patch), Response::text(["A pity."])], |world| {
        let mut approve = start("approve", &["go"], world);
        let asked = read_until(&mut approve, ASKS);
        assert!(asked.contains("\nMake these changes?\n  add ") && asked.contains("poem.txt\nroses\n"), "{asked}");
        type_in(&mut approve, "no\n");
        assert_eq!(output(approve), "A pity.\n\nThe turn is completed.\n");
        assert!(!poem(world).exists());
    });
}

fn stops_when_told_so(approve: &'static str) {
    live([marks("1")], move |world| {
        let mut approve = start(approve, &["go"], world);
        read_until(&mut approve, ASKS);
        type_in(&mut approve, "c\n");
        let End { code, shown, complaint } = end(approve);
        assert_eq!((code, shown.as_str()), (Some(1), "\n\nThe turn is interrupted.\n"));
        assert_eq!(complaint, "approve: the turn was interrupted\n");
        assert_eq!(marks_in(world), 0);
    });
}

#[test]
fn approve_stops_the_turn_when_told_so() {
    stops_when_told_so("approve");
}

#[test]
fn approve_in_cpp_stops_the_turn_when_told_so() {
    stops_when_told_so("approve.cpp");
}
