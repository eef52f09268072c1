//! Compiles a program with an event loop and runs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::compiler::{built, compile};
use crate::support::fake::{self, Fake};
use crate::support::real::World;

/// A program, and the package of its loop.
pub struct Program {
    pub name: &'static str,
    package: &'static str,
}

pub const PROGRAMS: [Program; 2] =
    [Program { name: "glib", package: "glib-2.0" }, Program { name: "uv", package: "libuv" }];

/// For how long a loop was held up at most in one round.
#[derive(Debug)]
pub struct HeldUp {
    /// Since everything was begun.
    pub at_most_ms: f64,
    #[expect(dead_code, reason = "for whoever reads what the tests print")]
    pub on_the_processor_ms: f64,
    #[expect(dead_code, reason = "for whoever reads what the tests print")]
    pub by_the_start_ms: f64,
}

impl HeldUp {
    /// What a program tells in its last line.
    pub fn told_by(shown: &str) -> Self {
        let words = shown.lines().last().unwrap_or_default().split(' ');
        let figures: Vec<f64> = words.filter_map(|word| word.parse().ok()).collect();
        let [at_most_ms, on_the_processor_ms, by_the_start_ms] = figures[..] else {
            panic!("there are no three figures at the end: {shown}")
        };
        Self { at_most_ms, on_the_processor_ms, by_the_start_ms }
    }
}

/// A program that finds the scripted runtime.
pub fn on_the_fake(program: &Program, fake: &Fake) -> Command {
    let mut command = compiled(program, fake.root());
    command
        .env("CODEX_PATH", fake::executable())
        .env("FAKE_RUNTIME_SCRIPT", fake.root().join("script"))
        .env("FAKE_RUNTIME_RECORD", fake.root().join("record"));
    command
}

/// A program that finds the real runtime, whose configuration names the scripted model.
pub fn on_the_real_one(program: &Program, world: &World) -> Command {
    let mut command = compiled(program, &world.codex_home());
    world.serve(&mut command);
    command
}

/// The same below valgrind, which fails it for every error and for what is definitely lost.
pub fn under_valgrind(command: &Command) -> Command {
    let mut checked = without_cargos_libraries(Command::new("valgrind"));
    checked
        .args(["--quiet", "--error-exitcode=99", "--leak-check=full", "--show-leak-kinds=definite,indirect"])
        .args(["--errors-for-leak-kinds=definite,indirect", "--child-silent-after-fork=yes"])
        .arg(command.get_program())
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    checked
}

/// What a program that succeeds writes to its standard output.
pub fn said(command: &mut Command) -> String {
    let done = output(command);
    assert!(done.status.success(), "{command:?}: {}\n{}", done.status, String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("UTF-8")
}

pub fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?} cannot be run: {error}"))
}

fn compiled(program: &Program, out: &Path) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples-c/event-loops");
    let sources = [program.name, "held_up"].map(|name| folder.join(name).with_extension("c"));
    let flags = said(Command::new("pkg-config").args(["--cflags", "--libs", program.package]));
    let flags: Vec<String> = flags.split_whitespace().map(str::to_owned).collect();
    let executable = out.join(program.name);
    compile(&sources, &flags, &released(), &executable);
    without_cargos_libraries(Command::new(executable))
}

/// Cargo has the linker look into its own directories first, where the debug build lies.
fn without_cargos_libraries(mut command: Command) -> Command {
    command.env_remove("LD_LIBRARY_PATH");
    command
}

/// Where the library lies as it is shipped: a debug build takes several times as long for everything.
fn released() -> PathBuf {
    let directory = built().with_file_name("release");
    assert!(directory.join("libcodex.so").exists(), "{} has no library: run `make library`", directory.display());
    directory
}
