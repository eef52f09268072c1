//! Compiles an example and runs it with our hands on its input and output.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use scripted_model::Response;

use crate::support::compiler::{built, compile};
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

/// What an example is made of: one file, or those of its folder. An example in C++ has the name of its file.
fn sources(example: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if example.ends_with(".cpp") {
        return vec![root.join("examples-cpp").join(example)];
    }
    let path = root.join("examples-c").join(example);
    let Ok(folder) = path.read_dir() else {
        return vec![path.with_extension("c")];
    };
    let files = folder.map(|entry| entry.expect("a file").path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "c")).collect()
}

/// An example, ready to be started.
pub fn command(example: &str, arguments: &[&str], stage: &impl Stage) -> Command {
    let executable = stage.root().join(example);
    compile(&sources(example), &[], &built(), &executable);
    let mut program = Command::new(executable);
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
