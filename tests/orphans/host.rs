//! The host: a program with a client whose agent runs commands, and which comes to an end in a certain way.

use std::env;
use std::fs::{self, File};
use std::io::{Read, Write, stdin};
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use codex::engine::client::Client;
use codex::engine::event::{Event, EventKind};
use codex::engine::thread::Thread;
use codex::engine::turn::{Turn, Verdict, run_streamed};
use scripted_model::Response;
use serde_json::json;

use crate::agent::{self, Reach, Tree};
use crate::support::follow::{begin, eventually};
use crate::support::real::{Version, World, is_running, pid, signal, thread_of};

/// Set in a host, to the version of its runtime.
const HOST: &str = "LIBCODEX_TEST_HOST";

/// How long the runtime of a client that is closed may take to end by itself.
const PATIENCE: Duration = Duration::from_secs(1);

/// The same for a client that is freed.
const FREED_PATIENCE: Duration = Duration::from_secs(5);

/// What the host says when it has ended its client.
const ENDED: &str = "the client has ended";

/// How a client ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Closes,
    Frees,
    RuntimeIsKilled,
    RuntimeCrashes,
    ClosesDeafRuntime,
    FreesDeafRuntime,
    HostIsKilled,
    ExitsInEventCallback,
    ExitsInRequestHandler,
    FreesAndExits,
}

impl Ending {
    /// How long the runtime may take to end by itself after the host has gone on.
    pub fn patience(self) -> Duration {
        match self {
            Self::FreesDeafRuntime => FREED_PATIENCE,
            _ => Duration::ZERO,
        }
    }

    /// What ends with it.
    pub fn reach(self) -> Reach {
        if self.is_of_host() { Reach::SessionsOfCommands } else { Reach::Everything }
    }

    fn is_of_host(self) -> bool {
        use Ending::*;
        matches!(self, HostIsKilled | ExitsInEventCallback | ExitsInRequestHandler | FreesAndExits)
    }
}

/// What this process is.
pub enum Role {
    Host(Version),
    Test,
}

/// What this process is.
pub fn role() -> Role {
    let named = |version: &Version| env::var(HOST).is_ok_and(|number| number == version.number());
    [Version::Pinned, Version::Old].into_iter().find(named).map_or(Role::Test, Role::Host)
}

/// A host, as the test sees it. When it is dropped, it is gone with all that it started and wrote.
pub struct Host {
    child: Child,
    output: PathBuf,
    tree: Tree,
}

impl Host {
    /// Starts the host of a test, and waits until its agent runs all commands.
    pub fn start(test: &str, version: Version) -> Self {
        let output = scratch(&format!("{test}-{}", process::id()));
        let file = File::create(&output).expect("the output of the host can be written");
        let child = Command::new(env::current_exe().expect("the path of this program"))
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(HOST, version.number())
            .stdin(Stdio::piped())
            .stderr(file.try_clone().expect("one file for both"))
            .stdout(file)
            .spawn()
            .expect("this program runs");
        let tree = Tree::of(child.id());
        let mut host = Self { child, output, tree };
        eventually("the agent runs its commands", || {
            let status = host.child.try_wait().expect("the host can be asked");
            assert!(status.is_none(), "the host ended too early ({status:?}): {}", host.said());
            host.tree.is_complete()
        });
        host
    }

    /// What it started.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Has the client end; returns when the host has done its part. One that ends itself is gone then.
    pub fn end(&mut self, ending: Ending) {
        match ending {
            Ending::HostIsKilled => self.child.kill().expect("the host runs"),
            _ => self.child.stdin.as_mut().expect("a pipe").write_all(b"\n").expect("the host reads"),
        }
        match ending.is_of_host() {
            true => drop(self.child.wait().expect("the host ends")),
            false => eventually(ENDED, || self.said().contains(ENDED)),
        }
    }

    fn said(&self) -> String {
        fs::read_to_string(&self.output).expect("the output of the host")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.child.stdin = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.output);
        let _ = fs::remove_dir_all(scratch(&format!("real-{}-0", self.child.id())));
    }
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Lives as the host of a test, until that ends it.
pub fn live(version: Version, ending: Ending) {
    let world = World::new(version);
    world.says(agent::commands(process::id()));
    match ending {
        Ending::ExitsInEventCallback => run_until_exit(&world),
        Ending::ExitsInRequestHandler => ask_until_exit(&world),
        _ => end_under_a_turn(&world, ending),
    }
    println!("{ENDED}");
    let _ = stdin().read_to_end(&mut Vec::new());
}

/// Waits until the test says that it is time.
fn told() {
    stdin().read_exact(&mut [0]).expect("the test says when");
}

fn agent_thread(client: &Client) -> Thread {
    thread_of(client, json!({"sandbox": "danger-full-access", "approvalMode": "denyAll"}))
}

fn run_until_exit(world: &World) {
    let client = world.client();
    let mut begun = 0;
    let _ = run_streamed(&agent_thread(&client), Some("go"), None, |event| {
        begun += usize::from(begins_command(event));
        if begun == 2 {
            told();
            process::exit(0);
        }
        Verdict::Continue
    });
}

fn begins_command(event: &Event) -> bool {
    event.kind() == EventKind::ItemStarted && event.json_str().contains("\"commandExecution\"")
}

fn ask_until_exit(world: &World) {
    let escalated = json!({"cmd": "true", "sandbox_permissions": "require_escalated", "justification": "?"});
    world.model.queue_for("ask", Response::new().call_exec("call_3", escalated));
    let client = world.client_with(|options| {
        options.request_handler = Some(Arc::new(|_request| {
            told();
            process::exit(0);
        }));
    });
    let _commands = begin(&agent_thread(&client), "go");
    let _question = begin(&thread_of(&client, json!({"approvalMode": "ask"})), "ask");
    loop {
        thread::park();
    }
}

fn end_under_a_turn(world: &World, ending: Ending) {
    let client = world.client();
    let runtime = pid(&client);
    let turn = begin(&agent_thread(&client), "go");
    told();
    match ending {
        Ending::Closes => client.close(PATIENCE).expect("it can be closed"),
        Ending::ClosesDeafRuntime => {
            assert!(signal(runtime, "STOP"));
            client.close(PATIENCE).expect("it can be closed");
        }
        Ending::FreesDeafRuntime => {
            assert!(signal(runtime, "STOP"));
            free(client, turn);
        }
        Ending::RuntimeIsKilled => lose(runtime, "KILL"),
        Ending::RuntimeCrashes => lose(runtime, "ABRT"),
        Ending::FreesAndExits => {
            free(client, turn);
            process::exit(0);
        }
        _ => free(client, turn),
    }
}

fn free(client: Client, turn: Turn) {
    drop((client, turn));
}

fn lose(runtime: u32, signal_name: &str) {
    assert!(signal(runtime, signal_name));
    eventually("the runtime is gone", || !is_running(runtime));
}
