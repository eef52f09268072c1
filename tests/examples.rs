//! The example programs do what their first lines say.

#[path = "support/mod.rs"]
mod support;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use fake_runtime::{Action, Script, Turn};
use support::fake;

/// Where the library and the stand-in of the runtime were built.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("this test is a program");
    test.ancestors().nth(2).expect("target/debug/deps").to_owned()
}

fn compile(example: &str, out: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = out.join(example);
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let done = Command::new(&cc)
        .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .arg(root.join("examples-c").join(example).with_extension("c"))
        .arg(format!("-I{}", root.join("include").display()))
        .arg(format!("-L{}", built().display()))
        .arg(format!("-Wl,-rpath,{}", built().display()))
        .arg("-lcodex")
        .arg("-o")
        .arg(&program)
        .output()
        .unwrap_or_else(|error| panic!("{cc} cannot be run: {error}; install a C compiler"));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    program
}

/// Starts an example with the fake runtime; its input and output are ours.
fn start(example: &str, fake: &fake::Fake) -> Child {
    Command::new(compile(example, fake.root()))
        .env("CODEX_PATH", built().join("fake-runtime"))
        .env("FAKE_RUNTIME_SCRIPT", fake.root().join("script"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example starts")
}

fn output(example: Child) -> String {
    let done = example.wait_with_output().expect("the example ends");
    assert!(done.status.success(), "{}", done.status);
    String::from_utf8(done.stdout).expect("UTF-8")
}

#[test]
fn poll_shows_two_turns_and_interrupts_the_one_whose_number_is_typed() {
    let held = Turn { deltas: Some(vec!["held".into()]), ..Turn::held() };
    let short = Turn { deltas: Some(vec!["short".into()]), ..Turn::default() };
    let script = Script::new().then_on("turn/start", [Action::turn(held)]).then_on("turn/start", [Action::turn(short)]);
    fake::play(script, |fake| {
        let mut poll = start("poll", fake);
        let mut keyboard = poll.stdin.take().expect("a pipe");
        keyboard.write_all(b"1\n").expect("the example reads");
        let shown = output(poll);
        drop(keyboard);
        assert!(shown.contains("[1: the turn was interrupted]"), "{shown}");
        assert!(shown.contains("[2] short") && shown.contains("[2 is done]"), "{shown}");
    });
}
