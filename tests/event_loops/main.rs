//! The programs of `examples-c/event-loops` never hold up their loops. They need the libraries of their loops, which is why
//! `cargo test` leaves these tests out unless they are named: `make event-loops` runs them.

#[path = "../support/mod.rs"]
mod support;

mod program;

use std::fs;

use fake_runtime::{Action, FinishTurn, Flood, Script, Turn};
use program::{HeldUp, PROGRAMS, Program, on_the_fake, on_the_real_one, said};
use scripted_model::Response;
use serde_json::json;
use support::fake;
use support::real::{Version, World};

/// How many turns a program runs.
const TURNS: usize = 10;
/// How long a slow runtime takes for everything. A call that waited for it would hold a loop up for that long.
const SLOW_MS: u64 = 400;
/// For how long no round may hold a loop up, once everything is begun.
const AT_MOST_MS: f64 = 5.0;
/// What the library does to a loop it does in every run; what the machine takes from its processors, in one or another.
const RUNS: usize = 3;

/// A turn that streams, asks whether a command may run, and streams again when that was answered.
fn streams_and_asks(deltas: u64) -> [Action; 6] {
    let asked = json!({"threadId": "$threadId", "turnId": "$turnId", "itemId": "call", "command": "make"});
    let flood = || Action::flood(Flood { count: deltas, ..Flood::default() });
    let done = Turn { text: Some("Done.".into()), ..Turn::default() };
    [
        Action::turn(Turn::held()),
        flood(),
        Action::request("$turnId", "item/commandExecution/requestApproval", asked),
        Action::wait_answer("$turnId"),
        flood(),
        Action::finish_turn(FinishTurn { with: done, ..FinishTurn::default() }),
    ]
}

/// The same by a runtime that is slow: it lets wait for the turn, and for what comes of the answer.
fn streams_and_asks_slowly(deltas: u64) -> Vec<Action> {
    let mut actions = Vec::from(streams_and_asks(deltas));
    let answered = actions.iter().position(|it| matches!(it, Action::WaitAnswer(_))).expect("it asks");
    actions.insert(answered + 1, Action::sleep_ms(SLOW_MS));
    actions.insert(0, Action::sleep_ms(SLOW_MS));
    actions
}

fn slowly() -> [Action; 2] {
    [Action::sleep_ms(SLOW_MS), Action::builtin()]
}

fn all_are_done(shown: &str) -> bool {
    shown.matches("Done.\n").count() == TURNS
}

/// In one run of a few no round held the loop up, and in each all turns are done. Tells how many runs that took.
fn is_lively(program: &Program, mut run: impl FnMut() -> String) -> usize {
    let mut lively_in = |_: &usize| {
        let shown = run();
        assert!(all_are_done(&shown), "{shown}");
        let held_up = HeldUp::told_by(&shown);
        println!("{}: {held_up:?}", program.name);
        held_up.at_most_ms < AT_MOST_MS
    };
    (1..=RUNS).find(|number| lively_in(number)).unwrap_or_else(|| panic!("{} is held up in every run", program.name))
}

#[test]
fn no_loop_waits_for_the_runtime_however_slow_it_is() {
    let script = Script::new()
        .on("initialize", slowly())
        .on("thread/start", slowly())
        .on("turn/start", streams_and_asks_slowly(1_000));
    fake::play(script, |fake| {
        let runs =
            PROGRAMS.iter().map(|program| is_lively(program, || said(&mut on_the_fake(program, fake)))).sum::<usize>();
        let approved = fake.answers().iter().filter(|answer| answer.contains("accept")).count();
        assert_eq!(approved, TURNS * runs);
    });
}

/// Each of the turns wants to write a file where the sandbox does not allow it.
fn world_of_writers() -> World {
    let world = World::new(Version::Pinned);
    let write = |turn: usize| {
        let command = format!("echo written > {}", world.work().join(turn.to_string()).display());
        json!({"cmd": command, "sandbox_permissions": "require_escalated", "justification": "to see whether it may"})
    };
    world.says((0..TURNS).map(|turn| Response::new().call_exec(format!("call-{turn}"), write(turn))));
    world.says((0..TURNS).map(|_| Response::text(["Do", "ne."])));
    world
}

#[test]
fn every_loop_asks_about_the_commands_of_the_real_runtime() {
    for program in &PROGRAMS {
        is_lively(program, || {
            let world = world_of_writers();
            let shown = said(&mut on_the_real_one(program, &world));
            let written = fs::read_dir(world.work()).expect("the directory of this test").count();
            assert_eq!(written, TURNS, "{shown}");
            shown
        });
    }
}

#[test]
fn every_loop_shows_the_same_when_it_is_played_back_without_a_runtime() {
    let without_figures = |shown: &str| shown.lines().rev().skip(1).map(str::to_owned).collect::<Vec<String>>();
    for program in &PROGRAMS {
        let world = world_of_writers();
        let recording = world.codex_home().join("recording.jsonl");
        let live = said(on_the_real_one(program, &world).env("CODEX_RECORD", &recording));
        let replay = [("CODEX_REPLAY", recording), ("CODEX_PATH", world.work().join("nowhere"))];
        let played = said(on_the_real_one(program, &world).envs(replay));
        assert!(all_are_done(&played), "{played}");
        assert_eq!(without_figures(&played), without_figures(&live));
    }
}

#[test]
fn a_loop_ends_by_itself_when_the_runtime_dies() {
    let dies = [Action::turn(Turn::held()), Action::wait_for("turn/start"), Action::abort()];
    fake::play(Script::new().on("turn/start", dies), |fake| {
        for program in &PROGRAMS {
            let done = program::output(&mut on_the_fake(program, fake));
            let complaints = String::from_utf8_lossy(&done.stderr);
            assert_eq!(done.status.code(), Some(1), "{complaints}");
            assert_eq!(complaints.matches(&format!("\n{}: ", program.name)).count(), TURNS, "{complaints}");
        }
    });
}

#[test]
fn no_loop_leaves_memory_behind() {
    fake::play(Script::new().on("turn/start", streams_and_asks(50)), |fake| {
        for program in &PROGRAMS {
            let shown = said(&mut program::under_valgrind(&on_the_fake(program, fake)));
            assert!(all_are_done(&shown), "{shown}");
        }
    });
}
