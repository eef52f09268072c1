//! Compiles an example and runs it with our hands on its input and output.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use scripted_model::Response;

use crate::support::fake::{Fake, in_time};
use crate::support::follow::eventually;
use crate::support::real::{Version, World};

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

impl Stage for World {
    fn root(&self) -> &Path {
        self.root()
    }

    fn set(&self, program: &mut Command) {
        self.serve(program);
    }
}

/// Plays with the real runtime, for which a scripted model says this. The test fails instead of hanging; at its end no
/// process may be left.
pub fn live(responses: impl IntoIterator<Item = Response>, test: impl FnOnce(&World) + Send + 'static) {
    let world = World::new(Version::Pinned);
    world.says(responses);
    in_time(move || {
        test(&world);
        eventually("what an example started ends with it", || world.processes().is_empty());
    });
}

/// Where the library and the stand-in of the runtime were built.
fn built() -> PathBuf {
    let test = std::env::current_exe().expect("this test is a program");
    test.ancestors().nth(2).expect("target/debug/deps").to_owned()
}

/// What an example is made of: one file, or those of its folder.
fn sources(example: &str) -> Vec<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples-c").join(example);
    let Ok(folder) = path.read_dir() else {
        return vec![path.with_extension("c")];
    };
    let files = folder.map(|entry| entry.expect("a file").path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "c")).collect()
}

fn compile(example: &str, out: &Path) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = out.join(example);
    let cc = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let done = Command::new(&cc)
        .args(["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror"])
        .args(sources(example))
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

/// An example, ready to be started.
pub fn command(example: &str, arguments: &[&str], stage: &impl Stage) -> Command {
    let mut program = Command::new(compile(example, stage.root()));
    stage.set(&mut program);
    program.args(arguments);
    program
}

/// Starts an example; its input and output are ours.
pub fn start(example: &str, arguments: &[&str], stage: &impl Stage) -> Child {
    command(example, arguments, stage)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the example starts")
}

/// What an example that takes no input shows.
pub fn show(example: &str, arguments: &[&str], stage: &impl Stage) -> String {
    output(start(example, arguments, stage))
}

/// How an example ended.
pub struct End {
    /// Its exit status.
    pub code: Option<i32>,
    /// What it showed.
    pub shown: String,
    /// What it complained about.
    pub complaint: String,
}

/// Waits for the end of an example.
pub fn end(example: Child) -> End {
    let done = example.wait_with_output().expect("the example ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    End { code: done.status.code(), shown: text(done.stdout), complaint: text(done.stderr) }
}

/// What an example that is to succeed shows until its end.
pub fn output(example: Child) -> String {
    let end = end(example);
    assert_eq!((end.code, end.complaint.as_str()), (Some(0), ""));
    end.shown
}

/// Has a person type this.
pub fn type_in(example: &mut Child, text: &str) {
    example.stdin.as_mut().expect("its input is open").write_all(text.as_bytes()).expect("the example reads");
}

/// Reads what an example shows, up to and with this text.
pub fn read_until(example: &mut Child, text: &str) -> String {
    let output = example.stdout.as_mut().expect("its output is open");
    let mut shown = Vec::new();
    while !shown.ends_with(text.as_bytes()) {
        let mut byte = [0];
        let length = output.read(&mut byte).expect("the example writes");
        assert!(length > 0, "{text:?} is missing: {}", String::from_utf8_lossy(&shown));
        shown.push(byte[0]);
    }
    String::from_utf8(shown).expect("UTF-8")
}
