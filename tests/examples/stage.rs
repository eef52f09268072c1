//! Compiles an example and runs it: on a stage of the test, with our hands on its input and output.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::fake::Fake;

/// Where an example plays: which runtime it finds, and in which directory of its own.
pub trait Stage {
    /// A directory for the program.
    fn root(&self) -> &Path;
    /// Has the program find the runtime.
    fn set(&self, program: &mut Command);
}

impl Stage for Fake {
    fn root(&self) -> &Path {
        self.root()
    }

    fn set(&self, program: &mut Command) {
        program
            .env("CODEX_PATH", built().join("fake-runtime"))
            .env("FAKE_RUNTIME_SCRIPT", self.root().join("script"))
            .env("FAKE_RUNTIME_RECORD", self.root().join("record"));
    }
}

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

/// Starts an example; its input and output are ours.
pub fn start(example: &str, arguments: &[&str], stage: &impl Stage) -> Child {
    let mut program = Command::new(compile(example, stage.root()));
    stage.set(&mut program);
    program.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the example starts")
}

/// What an example that takes no input shows.
pub fn show(example: &str, arguments: &[&str], stage: &impl Stage) -> String {
    output(start(example, arguments, stage))
}

/// What an example shows until its end.
pub fn output(example: Child) -> String {
    let done = example.wait_with_output().expect("the example ends");
    assert!(done.status.success(), "{}", done.status);
    String::from_utf8(done.stdout).expect("UTF-8")
}
