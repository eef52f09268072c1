//! A runtime that plays a script, for what the real one does not do on demand.

use std::env;
use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, Builder};
use std::time::Duration;

use codex::engine::client::{Client, Timeout};
use codex::engine::client_options::ClientOptions;
use codex::engine::connection::Connection;
use codex::engine::error::{Error, Result};
use codex::engine::thread::{Origin, Thread};
use fake_runtime::Script;
use serde_json::{Value, json};

use super::follow::{PATIENCE, eventually, parsed};
use super::listening::{EndsWith, Listen, Listening};
use super::real::{is_running, pid};

/// Nothing but a hang takes a test as long as this.
const WATCHDOG: Duration = Duration::from_secs(120);

/// A thread that the runtime never heard of: it makes it up when a script starts a turn there.
pub const THREAD: &str = "thread-1";

/// Plays `script` for a test, which fails instead of hanging. At its end, every runtime that it started must be gone.
pub fn play(script: Script, test: impl FnOnce(&Fake) + Send + 'static) {
    in_time(move || {
        let fake = Fake::new(&script);
        test(&fake);
    });
}

/// Runs a test, which fails instead of hanging.
pub fn in_time(test: impl FnOnce() + Send + 'static) {
    let (over, end) = channel::<()>();
    let name = thread::current().name().unwrap_or("test").to_owned();
    let body = move || {
        let _over = over;
        test();
    };
    let thread = Builder::new().name(name).spawn(body).expect("a thread for a test");
    assert_ne!(
        end.recv_timeout(WATCHDOG),
        Err(RecvTimeoutError::Timeout),
        "the test hangs: not over within {WATCHDOG:?}"
    );
    thread.join().unwrap_or_else(|panic| resume_unwind(panic));
}

/// A script, the runtimes that play it, and what they wrote down.
pub struct Fake {
    root: PathBuf,
    pids: Mutex<Vec<u32>>,
}

impl Fake {
    fn new(script: &Script) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fake-{}-{number}", process::id()));
        fs::create_dir_all(&root).expect("a directory of this test");
        fs::write(root.join("script"), script.to_json()).expect("the script is written");
        Self { root, pids: Mutex::default() }
    }

    /// An empty directory of this test, but for the script and the record.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Options for a client of this runtime.
    pub fn options(&self) -> ClientOptions {
        let mut options = ClientOptions { codex_path: Some(executable()), ..ClientOptions::default() };
        let paths =
            [("FAKE_RUNTIME_SCRIPT", "script"), ("FAKE_RUNTIME_RECORD", "record"), ("HOME", ""), ("CODEX_HOME", "")];
        for (name, file) in paths {
            options.set_env(name, self.root.join(file).to_str()).expect("a variable");
        }
        options
    }

    /// This runtime behind a socket.
    pub fn listen(&self, listen: Listen) -> Listening {
        self.listen_with(listen, &[])
    }

    /// The same with arguments.
    pub fn listen_with(&self, listen: Listen, arguments: &[&str]) -> Listening {
        let mut command = Command::new(executable());
        command.args(arguments).env("FAKE_RUNTIME_SCRIPT", self.root.join("script"));
        command.env("FAKE_RUNTIME_RECORD", self.root.join("record"));
        Listening::start(&mut command, listen, &self.root, EndsWith::Input)
    }

    /// A client of this runtime.
    pub fn client(&self) -> Client {
        self.client_with(|_| ())
    }

    /// A client whose options were changed.
    pub fn client_with(&self, change: impl FnOnce(&mut ClientOptions)) -> Client {
        let mut options = self.options();
        change(&mut options);
        let client = Client::connect(&options).expect("the runtime starts");
        self.pids.lock().expect("no test panics here").push(pid(&client));
        client
    }

    /// Why a client with changed options cannot connect.
    pub fn refusal(&self, change: impl FnOnce(&mut ClientOptions)) -> Error {
        let mut options = self.options();
        change(&mut options);
        Client::connect(&options).expect_err("no client can connect")
    }

    /// A thread of a client of its own.
    pub fn thread(&self) -> Thread {
        self.thread_with(json!({}))
    }

    /// The same with limits for its turns.
    pub fn thread_with(&self, limits: Value) -> Thread {
        limited(&self.client(), limits)
    }

    /// What the runtime wrote down, line by line: what it received, and notes that begin with `#`.
    pub fn record(&self) -> Vec<String> {
        let bytes = fs::read(self.root.join("record")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()
    }

    /// The messages that it received.
    pub fn received(&self) -> Vec<Value> {
        self.record().iter().filter(|line| !line.starts_with('#')).map(|line| parsed(line)).collect()
    }

    /// The parameters of each call of `method` that it received.
    pub fn calls(&self, method: &str) -> Vec<Value> {
        let calls = self.received().into_iter().filter(|message| message["method"] == method);
        calls.map(|mut message| message["params"].take()).collect()
    }

    /// Waits until it has received so many calls of `method`, and gives their parameters.
    pub fn called(&self, method: &str, count: usize) -> Vec<Value> {
        eventually(method, || self.calls(method).len() >= count);
        self.calls(method)
    }

    /// The lines by which its own requests were answered, byte for byte.
    pub fn answers(&self) -> Vec<String> {
        let is_answer = |line: &&String| !line.starts_with('#') && parsed(line)["method"].is_null();
        self.record().iter().filter(is_answer).cloned().collect()
    }

    /// Waits until so many of its requests were answered, and gives the lines.
    pub fn answered(&self, count: usize) -> Vec<String> {
        eventually("answers", || self.answers().len() >= count);
        self.answers()
    }

    /// Whether it wrote down that something happened.
    pub fn noted(&self, note: &str) -> bool {
        self.record().iter().any(|line| line == note)
    }

    /// The pids of the processes that it started.
    pub fn children(&self) -> Vec<u32> {
        let pids = self.record().into_iter().filter_map(|line| line.strip_prefix("#child ").map(str::to_owned));
        pids.map(|pid| pid.parse().expect("a pid")).collect()
    }

    /// The pids of its processes.
    pub fn processes(&self) -> Vec<u32> {
        let pids = self.record().into_iter().filter_map(|line| line.strip_prefix("#pid ").map(str::to_owned));
        pids.map(|pid| pid.parse().expect("a pid")).collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if !thread::panicking() {
            let connected = self.pids.lock().expect("no test panics here").clone();
            for pid in connected.into_iter().chain(self.processes()) {
                eventually("a runtime whose handles are gone ends and is reaped", || !is_running(pid));
            }
        }
        let _ = fs::remove_dir_all(&self.root);
    }
}

/// The program that plays scripts.
pub fn executable() -> PathBuf {
    let path = env::var_os("FAKE_RUNTIME");
    path.expect("FAKE_RUNTIME must name the scripted runtime: run `make test`, which builds it.").into()
}

/// A thread of a client, with limits for its turns.
pub fn limited(client: &Client, limits: Value) -> Thread {
    Thread::open(client, Origin::New, Some(&json!({"limits": limits}).to_string())).expect("the thread starts")
}

/// A thread of a client that is not told to the runtime.
pub fn unannounced(client: &Client, id: &str) -> Thread {
    Thread::from_id(client, id).expect("the client is open")
}

/// Calls a method without parameters.
pub fn ask(client: &Client, method: &str) -> Result<Value> {
    client.call(method, None, Timeout::After(PATIENCE)).map(|answer| parsed(&answer))
}

/// A figure about the connection.
pub fn stat(connection: &Arc<Connection>, name: &str) -> u64 {
    let stats = parsed(&connection.session().expect("the connection belongs to this process").stats_json());
    stats[name].as_u64().unwrap_or_else(|| panic!("no figure {name} in {stats}"))
}

/// All that is known about an error.
pub fn details(error: &Error) -> Value {
    parsed(&error.to_json())
}
