//! The real runtime over stdio, as small as a test of the model needs it.

use std::collections::VecDeque;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A directory that is removed with the value. Never below /tmp: the runtime does not make its helper programs there.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("scripted-model-{}-{number}", process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `codex app-server` with a model of the test.
pub(crate) struct Runtime {
    child: Child,
    stdin: Option<ChildStdin>,
    messages: Receiver<Value>,
    backlog: VecDeque<Value>,
    next_id: i64,
    scratch: Scratch,
}

impl Runtime {
    pub(crate) fn start(config: &[String]) -> Self {
        let scratch = Scratch::new();
        let mut child = Command::new(codex_path())
            .args(config.iter().flat_map(|setting| ["-c", setting]))
            .arg("app-server")
            .env("CODEX_HOME", scratch.directory("codex-home"))
            .env("HOME", scratch.directory("home"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("The runtime that CODEX_PATH names could not be started");
        let messages = read_messages(child.stdout.take().unwrap());
        let mut runtime =
            Self { stdin: child.stdin.take(), child, messages, backlog: VecDeque::new(), next_id: 1, scratch };
        let client = json!({"name": "scripted-model-tests", "version": "0.1.0"});
        runtime.call("initialize", json!({"clientInfo": client, "capabilities": {"experimentalApi": true}}));
        runtime.send(&json!({"method": "initialized"}));
        runtime
    }

    /// The directory in which the threads work.
    pub(crate) fn work(&self) -> PathBuf {
        self.scratch.directory("work")
    }

    pub(crate) fn call(&mut self, method: &str, params: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({"id": id, "method": method, "params": params}));
        let answer = self.find(|message| message["id"] == id && message["method"].is_null());
        assert!(answer["error"].is_null(), "{method} failed: {answer}");
        answer["result"].clone()
    }

    pub(crate) fn send(&mut self, message: &Value) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(format!("{message}\n").as_bytes()).unwrap();
    }

    /// Starts a thread that may do anything without asking.
    pub(crate) fn start_thread(&mut self) -> String {
        self.start_thread_with(json!({}))
    }

    pub(crate) fn start_thread_with(&mut self, extra: Value) -> String {
        let mut params = json!({
            "cwd": self.work(),
            "approvalPolicy": "never",
            "sandbox": "danger-full-access",
        });
        let extra = extra.as_object().unwrap().clone();
        params.as_object_mut().unwrap().extend(extra);
        let answer = self.call("thread/start", params);
        answer["thread"]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn start_turn(&mut self, thread: &str, text: &str) -> String {
        self.start_turn_with(thread, json!([{"type": "text", "text": text}]))
    }

    pub(crate) fn start_turn_with(&mut self, thread: &str, input: Value) -> String {
        let answer = self.call("turn/start", json!({"threadId": thread, "input": input}));
        answer["turn"]["id"].as_str().unwrap().to_owned()
    }

    pub(crate) fn interrupt(&mut self, thread: &str, turn: &str) {
        self.call("turn/interrupt", json!({"threadId": thread, "turnId": turn}));
    }

    /// The next message of this kind; those before it stay for later.
    pub(crate) fn await_message(&mut self, method: &str) -> Value {
        self.find(|message| message["method"] == method)
    }

    /// Everything about the turn that runs on the thread, up to its end.
    pub(crate) fn finish_turn(&mut self, thread: &str) -> Turn {
        let mut messages = Vec::new();
        loop {
            let message = self.find(|message| message["params"]["threadId"] == thread);
            let last = message["method"] == "turn/completed";
            messages.push(message);
            if last {
                return Turn { messages };
            }
        }
    }

    pub(crate) fn run_turn(&mut self, thread: &str, text: &str) -> Turn {
        self.start_turn(thread, text);
        self.finish_turn(thread)
    }

    fn find(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(index) = self.backlog.iter().position(&fits) {
            return self.backlog.remove(index).unwrap();
        }
        loop {
            let message = self.messages.recv_timeout(PATIENCE).expect("The runtime says nothing more");
            if fits(&message) {
                return message;
            }
            self.backlog.push_back(message);
        }
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

fn codex_path() -> OsString {
    env::var_os("CODEX_PATH").expect(
        "These tests need a Codex runtime: run `make runtime`, which finds or downloads one and prints its path, and \
         set CODEX_PATH to that path",
    )
}

fn read_messages(stdout: ChildStdout) -> Receiver<Value> {
    let (sender, messages) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let message = serde_json::from_str(&line.unwrap()).unwrap();
            // The test may be over before the runtime is.
            let _ = sender.send(message);
        }
    });
    messages
}

/// What the runtime said about one turn.
pub(crate) struct Turn {
    messages: Vec<Value>,
}

impl Turn {
    pub(crate) fn status(&self) -> &str {
        self.end()["status"].as_str().unwrap()
    }

    /// The error of a turn that failed.
    pub(crate) fn error(&self) -> &Value {
        &self.end()["error"]
    }

    pub(crate) fn params(&self, method: &str) -> Vec<&Value> {
        self.messages.iter().filter(|message| message["method"] == method).map(|message| &message["params"]).collect()
    }

    pub(crate) fn strings(&self, method: &str, key: &str) -> Vec<&str> {
        let params = self.params(method).into_iter();
        params.map(|params| params[key].as_str().unwrap()).collect()
    }

    pub(crate) fn deltas(&self) -> Vec<&str> {
        self.strings("item/agentMessage/delta", "delta")
    }

    /// The finished items of a type.
    pub(crate) fn items(&self, item_type: &str) -> Vec<&Value> {
        let completed = self.params("item/completed").into_iter();
        completed.map(|params| &params["item"]).filter(|item| item["type"] == item_type).collect()
    }

    pub(crate) fn messages(&self) -> Vec<&str> {
        let items = self.items("agentMessage").into_iter();
        items.map(|item| item["text"].as_str().unwrap()).collect()
    }

    fn end(&self) -> &Value {
        &self.messages.last().unwrap()["params"]["turn"]
    }
}
