//! The real runtimes, driven by the scripted model.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use codex::engine::client::Client;
use codex::engine::client_options::ClientOptions;
use codex::engine::thread::Thread;
use scripted_model::{Response, ScriptedModel};
use serde_json::{Value, json};

use super::follow::{PATIENCE, comes_true, parsed};
use super::listening::{EndsWith, Listen, Listening};

/// A runtime that the library is tested with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// The one that the library is written for.
    Pinned,
    /// The oldest that it supports.
    Old,
}

impl Version {
    /// What it calls itself.
    pub fn number(self) -> &'static str {
        match self {
            Self::Pinned => "0.169.0",
            Self::Old => "0.163.0",
        }
    }

    /// Its executable.
    pub fn executable(self) -> PathBuf {
        let variable = match self {
            Self::Pinned => "CODEX_PATH",
            Self::Old => "CODEX_PATH_OLD",
        };
        let Some(path) = env::var_os(variable) else {
            panic!("{variable} must name the Codex runtime {}: run `make test`, which installs it.", self.number());
        };
        path.into()
    }
}

/// Makes a test of each function for each runtime.
#[allow(unused_macros)] // Each test program uses what it needs of this.
macro_rules! on_both_runtimes {
    ($($promise:ident),+ $(,)?) => {
        mod with_0_169_0 {
            $(#[test]
            fn $promise() {
                super::$promise(&$crate::support::real::World::new($crate::support::real::Version::Pinned));
            })+
        }

        mod with_0_163_0 {
            $(#[test]
            fn $promise() {
                super::$promise(&$crate::support::real::World::new($crate::support::real::Version::Old));
            })+
        }
    };
}
#[allow(unused_imports)] // Each test program uses what it needs of this.
pub(crate) use on_both_runtimes;

/// A model, a runtime and directories of their own. When it is dropped, every runtime that was started must be gone.
pub struct World {
    /// What the runtime talks to.
    pub model: ScriptedModel,
    version: Version,
    root: PathBuf,
    pids: Mutex<Vec<u32>>,
}

impl World {
    /// Directories that are empty, and a model that has nothing to say.
    pub fn new(version: Version) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("real-{}-{number}", process::id()));
        for name in ["codex", "home", "work"] {
            fs::create_dir_all(root.join(name)).expect("a directory of this test");
        }
        Self { model: ScriptedModel::start(), version, root, pids: Mutex::default() }
    }

    /// The model answers with these, in this order.
    pub fn says(&self, responses: impl IntoIterator<Item = Response>) -> &Self {
        responses.into_iter().for_each(|response| self.model.queue(response));
        self
    }

    /// What the model was told about its call.
    pub fn told(&self, call_id: &str) -> String {
        let requests = self.model.requests();
        let outputs = requests.last().expect("the model was asked").function_outputs();
        outputs.iter().find(|output| output.call_id == call_id).expect("the output of the call").text()
    }

    /// The runtime under test.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The directory of everything in this world.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The directory of the runtime's configuration and sessions.
    pub fn codex_home(&self) -> PathBuf {
        self.root.join("codex")
    }

    /// The directory that the runtime starts in.
    pub fn work(&self) -> PathBuf {
        self.root.join("work")
    }

    /// Options for a client of this world.
    pub fn options(&self) -> ClientOptions {
        let mut options = ClientOptions {
            codex_path: Some(self.version.executable()),
            codex_home: Some(self.codex_home().into()),
            cwd: Some(self.work()),
            ..ClientOptions::default()
        };
        let home = self.root.join("home");
        let variables =
            [("HOME", home.to_str()), ("OPENAI_API_KEY", None), ("CODEX_API_KEY", None), ("RUST_LOG", None)];
        for (name, value) in variables {
            options.set_env(name, value).expect("a variable");
        }
        for entry in self.model.codex_config() {
            options.add_config(&entry).expect("a configuration override");
        }
        options
    }

    /// Has a program that knows nothing of this world run in it.
    pub fn serve(&self, program: &mut Command) {
        fs::write(self.codex_home().join("config.toml"), self.model.codex_config().join("\n"))
            .expect("a configuration");
        program.current_dir(self.work()).env("CODEX_PATH", self.version.executable());
        program.env("CODEX_HOME", self.codex_home()).env("HOME", self.root.join("home"));
        program.env_remove("OPENAI_API_KEY").env_remove("CODEX_API_KEY").env_remove("RUST_LOG");
    }

    /// The runtime behind a socket.
    pub fn listen(&self, listen: Listen) -> Listening {
        self.listen_with(listen, &[])
    }

    /// The same with arguments.
    pub fn listen_with(&self, listen: Listen, arguments: &[&str]) -> Listening {
        let mut command = Command::new(self.version.executable());
        self.serve(&mut command);
        command.arg("app-server").args(arguments);
        Listening::start(&mut command, listen, &self.root, EndsWith::Term)
    }

    /// The processes that run in this world: runtimes, whoever started them, and what they started.
    pub fn processes(&self) -> Vec<u32> {
        let home = format!("CODEX_HOME={}\0", self.codex_home().display());
        let is_here = |pid: &u32| {
            let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            variables.windows(home.len()).any(|bytes| bytes == home.as_bytes())
        };
        let entries = fs::read_dir("/proc").expect("the list of processes");
        let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter(is_here).collect()
    }

    /// A client of the runtime.
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

    /// A new thread of a new client.
    pub fn thread(&self) -> Thread {
        thread_of(&self.client(), json!({}))
    }

    /// The same with parameters.
    pub fn thread_with(&self, params: Value) -> Thread {
        thread_of(&self.client(), params)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let pids = std::mem::take(&mut *self.pids.lock().expect("no test panics here"));
        let gone = comes_true(|| !pids.iter().any(|pid| is_running(*pid)));
        // The runtime of a program that has exited may still be ending, and write while it does.
        let removed = comes_true(|| fs::remove_dir_all(&self.root).is_ok());
        if !thread::panicking() {
            assert!(gone, "a runtime whose handles are gone still runs");
            assert!(removed, "somebody still uses {}", self.root.display());
        }
    }
}

/// A new thread. No turn of a test takes longer than a test waits.
pub fn thread_of(client: &Client, mut params: Value) -> Thread {
    if params["limits"]["timeoutMs"].is_null() {
        params["limits"]["timeoutMs"] = json!(PATIENCE.as_millis());
    }
    Thread::start(client, Some(&params.to_string())).expect("the thread starts")
}

/// What the client knows about the runtime.
pub fn info(client: &Client) -> Value {
    parsed(client.info().expect("the runtime is ready").as_str())
}

/// Figures about the connection.
pub fn stats(client: &Client) -> Value {
    parsed(&client.stats_json().expect("figures"))
}

/// The runtime's process.
pub fn pid(client: &Client) -> u32 {
    info(client)["pid"].as_u64().and_then(|pid| pid.try_into().ok()).expect("the pid of the runtime")
}

/// Whether there is such a process, dead or alive.
pub fn is_running(pid: u32) -> bool {
    signal(pid, "0")
}

/// Whether a process runs. What an orphan leaves may stay where nobody reaps it.
pub fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, fields)| !fields.starts_with('Z'))
}

/// Sends a signal and says whether there was a process for it.
pub fn signal(pid: u32, signal: &str) -> bool {
    let status =
        Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\" 2>/dev/null", signal, &pid.to_string()]).status();
    status.expect("sh runs").success()
}

/// Calls a method of the runtime.
pub fn call(client: &Client, method: &str, params: Value) -> Value {
    use codex::engine::client::Timeout;
    let answer = client.call(method, Some(&params.to_string()), Timeout::After(PATIENCE));
    parsed(&answer.unwrap_or_else(|error| panic!("{error}")))
}
