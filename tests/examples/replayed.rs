//! Every example is recorded once with the real runtime and played back without one. A new example needs nothing here as long
//! as it takes no arguments and asks for no input. The recording of one that there is in C++ too is played back by both.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;

use scripted_model::{Message, Response, demo};
use serde_json::json;

use crate::stage::{End, Stage, end, read_until, start, type_in};
use crate::support::fake::in_time;
use crate::support::follow::{eventually, run};
use crate::support::issuer::{Issuer, Person, USER_CODE};
use crate::support::real::{Version, World, signal, thread_of};

/// What a program is started with, and what a person does with it: the same when it is recorded and when it is played back.
struct Scene {
    arguments: Vec<String>,
    acts: Vec<Act>,
}

/// What a person does.
enum Act {
    /// Reads up to this text.
    Reads(&'static str),
    /// Types this.
    Types(&'static str),
    PressesCtrlC,
    /// Leaves the keyboard alone until the program ends.
    Watches,
}
use Act::{PressesCtrlC, Reads, Types, Watches};

/// The real runtime while it is recorded, or the recording in its place.
#[derive(Clone, Copy)]
enum Take<'a> {
    Live(&'a World, &'a Issuer),
    Replay(&'a World),
}

impl Take<'_> {
    fn recording(&self) -> PathBuf {
        self.root().join("recording.jsonl")
    }
}

impl Stage for Take<'_> {
    fn root(&self) -> &Path {
        let (Self::Live(world, _) | Self::Replay(world)) = self;
        world.root()
    }

    fn set(&self, program: &mut Command) {
        match self {
            Self::Live(world, issuer) => {
                world.serve(program);
                program.env("CODEX_RECORD", self.recording()).env("CODEX_APP_SERVER_LOGIN_ISSUER", issuer.url())
            }
            Self::Replay(world) => {
                let nowhere = world.root().join("nowhere");
                program.current_dir(world.root()).env("CODEX_REPLAY", self.recording()).env("CODEX_PATH", nowhere)
            }
        };
    }
}

/// The scene of an example, for which the world is prepared.
fn scene(example: &str, world: &World) -> Scene {
    let (says, acts) = match example {
        "approve" => (vec![marks(), text("Done.")], vec![Reads("stop: "), Types("yes\n")]),
        "chat" | "terminal" => {
            (vec![text("A clock."), text("In C.")], vec![Types("What is this?\nAnd in which language?\n")])
        }
        "goals" => (vec![text("half"), reaches_the_goal(), text("all")], vec![]),
        "image" => (vec![text("A dot.")], vec![Types("no real picture")]),
        "poll" => (vec![text("One."), text("Two.")], vec![Watches]),
        "stream" => (
            vec![half(), text("Otherwise.")],
            vec![Reads("Half"), PressesCtrlC, Reads("stop) "), Types("Count backwards.\n")],
        ),
        "structured" => (vec![text(r#"{"files":[{"path":"a.c","lines":7,"generated":false}]}"#)], vec![]),
        "tools" => (vec![looks_up_orders(), text("Ada owes 92.15.")], vec![]),
        _ => (vec![], vec![]),
    };
    world.says(says);
    Scene { arguments: arguments(example, world), acts }
}

fn arguments(example: &str, world: &World) -> Vec<String> {
    match example {
        "sessions" => vec!["resume".into(), a_conversation(world), "And now?".into()],
        _ => Vec::new(),
    }
}

fn text(text: &str) -> Response {
    Response::text([text])
}

fn half() -> Response {
    Response::new().message(Message::new("Half").hang())
}

fn marks() -> Response {
    let command = json!({"cmd": "true", "sandbox_permissions": "require_escalated", "justification": "why not"});
    Response::new().call_exec("call", command)
}

fn reaches_the_goal() -> Response {
    Response::new().call("call", "update_goal", json!({"status": "complete"}))
}

fn looks_up_orders() -> Response {
    Response::new().call("call", "find_orders", json!({"customer": "Ada"}))
}

/// A stored one to go on with.
fn a_conversation(world: &World) -> String {
    world.says([text("A colour.")]);
    let thread = thread_of(&world.client(), json!({}));
    run(&thread, "What is blue?").completed();
    thread.id().as_str().to_owned()
}

fn act(program: &mut Child, act: &Act) -> String {
    match act {
        Reads(text) => return read_until(program, text),
        Types(text) => type_in(program, text),
        PressesCtrlC => assert!(signal(program.id(), "INT")),
        Watches => return read_all(program),
    }
    String::new()
}

/// Reads what comes until the end; the keyboard is still there then.
fn read_all(program: &mut Child) -> String {
    let mut shown = String::new();
    program.stdout.as_mut().expect("its output is open").read_to_string(&mut shown).expect("UTF-8");
    shown
}

/// What an example shows until its end, which must be a good one.
fn perform(example: &str, scene: &Scene, take: Take<'_>) -> String {
    let arguments: Vec<&str> = scene.arguments.iter().map(String::as_str).collect();
    let mut program = start(example, &arguments, &take);
    let before: String = scene.acts.iter().map(|it| act(&mut program, it)).collect();
    let End { code, shown, complaint } = end(program);
    assert_eq!((code, complaint.as_str()), (Some(0), ""), "{example}: {before}{shown}");
    before + &shown
}

fn plays_back(example: &str, issuer: &Issuer) {
    let world = World::new(Version::Pinned);
    world.model.answer_with(demo);
    let scene = scene(example, &world);
    let live = perform(example, &scene, Take::Live(&world, issuer));
    eventually("the runtime ends with its program", || world.processes().is_empty());
    let played = perform(example, &scene, Take::Replay(&world));
    assert!(!live.is_empty(), "{example} shows nothing");
    // The code of a login is a secret.
    assert_eq!(played, live.replace(USER_CODE, "[removed]"), "{example}");
    if let Some(twin) = twins_in_cpp().iter().find(|twin| twin.strip_suffix(".cpp") == Some(example)) {
        assert_eq!(perform(twin, &scene, Take::Replay(&world)), played, "{twin}");
    }
}

/// The examples that there are in C++ too, by the names of their files.
fn twins_in_cpp() -> Vec<String> {
    let examples = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples-cpp")).expect("the examples");
    examples.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect()
}

/// The name of an example: that of its file, or of its folder, whose first file has the same name.
fn example(path: &Path) -> Option<String> {
    let name = path.file_stem()?.to_str()?;
    let is_one = path.extension().is_some_and(|it| it == "c") || path.join(name).with_extension("c").exists();
    is_one.then(|| name.to_owned())
}

#[test]
fn every_example_in_cpp_has_its_twin_in_c_whose_recording_it_plays_back() {
    let twins = twins_in_cpp();
    assert!(twins.len() >= 4, "only {twins:?} were found");
    for twin in twins {
        let in_c = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples-c").join(&twin).with_extension("c");
        assert!(in_c.exists(), "{twin} has no twin: {}", in_c.display());
    }
}

#[test]
fn every_example_shows_the_same_when_it_is_played_back_without_a_runtime() {
    let examples = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples-c")).expect("the examples");
    let sources = examples.map(|entry| entry.expect("an entry").path());
    let names: Vec<String> = sources.filter_map(|path| example(&path)).collect();
    assert!(names.len() >= 14, "only {names:?} were found");
    let issuer = Arc::new(Issuer::start(Person::Agrees));
    for name in names {
        let issuer = Arc::clone(&issuer);
        in_time(move || plays_back(&name, &issuer));
    }
}
