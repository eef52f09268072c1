//! What the agent runs, and what is alive of it.

use std::fs;
use std::process::Command;

use codex::sys::MARKER;
use scripted_model::Response;
use serde_json::json;

/// How many of the processes that the agent starts sleep.
pub const SLEEPERS: usize = 5;

/// What becomes of the processes of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The library ends all of them.
    Everything,
    /// The library is gone with its host. The runtime ends the session of each of its commands; what a command has put into
    /// another session is beyond its reach.
    SessionsOfCommands,
}

/// For how many seconds the sleepers of a host sleep, so that they are known among all others.
struct Naps {
    in_session: String,
    in_another: String,
}

impl Naps {
    fn of(host: u32) -> Self {
        Self { in_session: format!("86400.{host}"), in_another: format!("86401.{host}") }
    }
}

/// Commands with every kind of child: an ordinary one, those in another session that are waited for, deaf to every signal that
/// can be ignored, or left to themselves; and a command on a terminal.
pub fn commands(host: u32) -> [Response; 2] {
    let Naps { in_session, in_another } = Naps::of(host);
    let pipes = format!(
        "sleep {in_session} & setsid sleep {in_another} & (trap '' HUP INT QUIT TERM; exec setsid sleep {in_another}) & \
         (setsid sh -c 'sleep {in_another} & wait' &) ; wait"
    );
    let terminal = format!("sleep {in_session}");
    [
        Response::new().call_exec("call_1", json!({"cmd": pipes, "yield_time_ms": 250})),
        Response::new().call_exec("call_2", json!({"cmd": terminal, "yield_time_ms": 30000, "tty": true})),
    ]
}

/// Everything that the client of a host started: the runtime, its commands, and theirs.
pub struct Tree {
    marker: String,
    naps: Naps,
}

/// A process that is alive: its id and its arguments.
type Alive = (u32, String);

impl Tree {
    /// The tree of a host, wherever its processes are.
    pub fn of(host: u32) -> Self {
        Self { marker: format!("{MARKER}={host}-"), naps: Naps::of(host) }
    }

    /// The beginning of the variable that all of its processes have.
    pub fn marker(&self) -> &str {
        &self.marker
    }

    /// What is alive of it within a reach.
    pub fn alive(&self, reach: Reach) -> Vec<Alive> {
        let is_beyond = |arguments: &str| arguments.contains(&self.naps.in_another);
        let all = self.processes().into_iter();
        all.filter(|(_, arguments)| reach == Reach::Everything || !is_beyond(arguments)).collect()
    }

    /// Whether the agent runs all of its commands.
    pub fn is_complete(&self) -> bool {
        let is_sleeper = |(_, arguments): &&Alive| arguments.starts_with("sleep ");
        self.processes().iter().filter(is_sleeper).count() == SLEEPERS
    }

    fn processes(&self) -> Vec<Alive> {
        let processes = fs::read_dir("/proc").expect("the processes of this machine").flatten();
        let pids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
        pids.map(|pid| (pid, facts(pid, "cmdline").replace('\0', " "))).filter(|alive| self.has(alive)).collect()
    }

    fn has(&self, (pid, arguments): &Alive) -> bool {
        [&self.naps.in_session, &self.naps.in_another].iter().any(|nap| arguments.contains(*nap))
            || facts(*pid, "environ").split('\0').any(|variable| variable.starts_with(&self.marker))
    }
}

impl Drop for Tree {
    /// What a command moved away, and what a test that fails found, must not stay either.
    fn drop(&mut self) {
        for (pid, _) in self.processes() {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        }
    }
}

/// What a file of `/proc` says about a process; nothing when the process is gone, or a zombie.
pub fn facts(pid: u32, file: &str) -> String {
    let bytes = fs::read(format!("/proc/{pid}/{file}")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}
