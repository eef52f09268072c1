//! A person at a terminal, whose shell runs an example.

use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use pty_process::Size;
use pty_process::blocking::{Pty, open};
use rustix::termios::tcgetattr;
use vt100::{Color, Parser};

use crate::support::follow::PATIENCE;

const ROWS: NonZero<u16> = NonZero::new(40).unwrap();
const COLUMNS: NonZero<u16> = NonZero::new(120).unwrap();

/// The shell stays, so that the terminal keeps its settings; a signal of the keyboard ends the example only.
const SHELL: &str = r#"trap : INT QUIT; "$0" "$@"; echo "[ended with $?]"; read -r line"#;

/// A shell of which the example is a job: Ctrl-Z stops the job, and Enter goes on with it. Meanwhile the shell has its own
/// settings of the terminal.
const SHELL_WITH_JOBS: &str = r#"set -m; "$0" "$@"; code=$?
while [ $code -eq 148 ]; do stty -echo; echo "[stopped]"; read -r line; fg; code=$?; done
echo "[ended with $code]"; read -r line"#;

/// A terminal with a screen and a keyboard.
pub struct Terminal {
    pty: Arc<Pty>,
    before: String,
    shell: Child,
    output: Receiver<Vec<u8>>,
    screen: Parser,
}

impl Terminal {
    /// Has the shell of a new terminal run this.
    pub fn run(example: &Command) -> Self {
        Self::run_in(SHELL, example)
    }

    /// The same by a shell that can stop it and go on with it.
    pub fn run_as_job(example: &Command) -> Self {
        Self::run_in(SHELL_WITH_JOBS, example)
    }

    fn run_in(script: &str, example: &Command) -> Self {
        let (pty, pts) = open().expect("a pseudo-terminal");
        pty.resize(Size::new(ROWS.get(), COLUMNS.get())).expect("a size");
        let before = settings(&pty);
        let shell = pty_process::blocking::Command::from(in_shell(script, example)).spawn(pts).expect("sh runs");
        let pty = Arc::new(pty);
        let output = read(Arc::clone(&pty));
        Self { pty, before, shell, output, screen: Parser::new(ROWS, COLUMNS, 0) }
    }

    /// What can be seen.
    pub fn screen(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen is as it should be.
    pub fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        while !holds(&self.screen()) {
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.screen.process(&bytes),
                Err(error) => panic!("{what}: {error}; the screen:\n{}", self.screen()),
            }
        }
        self.screen()
    }

    /// Waits until this can be seen.
    pub fn shows(&mut self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    /// Waits until this is the last that can be seen.
    pub fn ends_with(&mut self, text: &str) -> String {
        self.until(text, |screen| screen.trim_end().ends_with(text.trim_end()))
    }

    /// Types.
    pub fn types(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("a terminal takes keys");
    }

    /// Whether the settings of the terminal are those that it had before anything ran in it.
    pub fn is_as_before(&self) -> bool {
        settings(&self.pty) == self.before
    }

    /// Whether the first place where this can be seen is set off: by a colour, bold or dim.
    pub fn is_styled(&self, text: &str) -> bool {
        let screen = self.screen.screen();
        let places = screen.rows(0, COLUMNS.get()).zip(0..).filter_map(|(line, row)| Some((row, line.find(text)?)));
        let (row, column) = places.min().expect("it can be seen");
        let cell = screen.cell(row, column.try_into().expect("a column")).expect("a cell");
        cell.bold() || cell.dim() || cell.fgcolor() != Color::Default
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

fn settings(pty: &Pty) -> String {
    format!("{:?}", tcgetattr(pty).expect("the settings of a terminal"))
}

/// The shell has the environment and the directory of the example.
fn in_shell(script: &str, example: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell
        .args(["-c", script])
        .arg(example.get_program())
        .args(example.get_args())
        .env("TERM", "xterm")
        .env_remove("NO_COLOR");
    for (name, value) in example.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    if let Some(directory) = example.get_current_dir() {
        shell.current_dir(directory);
    }
    shell
}

/// Hands out what is written to a terminal, until nobody has it open any more.
fn read(pty: Arc<Pty>) -> Receiver<Vec<u8>> {
    let (sender, output) = channel();
    thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length @ 1..) = (&*pty).read(&mut bytes) {
            if sender.send(bytes[..length].to_vec()).is_err() {
                break;
            }
        }
    });
    output
}
