use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use fake_runtime::Script;
use serde_json::{Value, json};

/// Far beyond what anything here takes, even on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// How long nothing may come before a test believes that nothing comes.
const QUIET: Duration = Duration::from_millis(300);

static RECORDS: AtomicU32 = AtomicU32::new(0);

/// A running program.
pub(crate) struct Client {
    pub(crate) child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<Vec<u8>>,
    record: PathBuf,
}

impl Client {
    /// Starts the program with a script.
    pub(crate) fn start(script: &Script) -> Self {
        Self::start_with_setting(&script.to_json())
    }

    /// Starts the program with this value of `FAKE_RUNTIME_SCRIPT`.
    pub(crate) fn start_with_setting(setting: &str) -> Self {
        let mut client = Self::start_unread(setting);
        let stdout = BufReader::new(client.child.stdout.take().expect("stdout is a pipe"));
        let (sender, lines) = mpsc::channel();
        client.lines = lines;
        thread::spawn(move || {
            for line in stdout.split(b'\n') {
                let Ok(line) = line else { return };
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        client
    }

    /// Starts the program with this value of `FAKE_RUNTIME_SCRIPT`, and never reads its stdout.
    pub(crate) fn start_unread(setting: &str) -> Self {
        let record = fresh_record();
        let mut child = Command::new(env!("CARGO_BIN_EXE_fake-runtime"))
            .args(["-c", "model=\"gpt-5.5\"", "app-server"])
            .env("FAKE_RUNTIME_SCRIPT", setting)
            .env("FAKE_RUNTIME_RECORD", &record)
            .env("CODEX_HOME", "/home/user/.codex")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        Self { stdin: child.stdin.take(), child, lines: mpsc::channel().1, record }
    }

    /// Starts the program and makes the handshake.
    pub(crate) fn greet(script: &Script) -> Self {
        let mut client = Self::start(script);
        client.request(0, "initialize", json!({"clientInfo": {"name": "probe", "version": "0.1"}}));
        assert_eq!(client.next()["id"], 0);
        client
    }

    /// Makes the handshake and starts a thread, whose id it returns.
    pub(crate) fn with_thread(script: &Script) -> (Self, String) {
        let mut client = Self::greet(script);
        let thread = client.start_thread(1);
        (client, thread)
    }

    pub(crate) fn start_thread(&mut self, id: i64) -> String {
        self.request(id, "thread/start", json!({}));
        let answer = self.next();
        assert_eq!(answer["id"], id);
        assert_eq!(self.next()["method"], "thread/started");
        let thread = answer["result"]["thread"]["id"].as_str();
        thread.expect("a thread has an id").to_owned()
    }

    pub(crate) fn start_turn(&mut self, id: i64, thread: &str, text: &str) {
        let input = json!([{"type": "text", "text": text}]);
        self.request(id, "turn/start", json!({"threadId": thread, "input": input}));
    }

    pub(crate) fn request(&mut self, id: impl Into<Value>, method: &str, params: Value) {
        let id: Value = id.into();
        self.send(&json!({"id": id, "method": method, "params": params}));
    }

    pub(crate) fn send(&mut self, message: &Value) {
        self.send_bytes(format!("{message}\n").as_bytes());
    }

    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin is still open");
        stdin.write_all(bytes).expect("the program reads");
    }

    pub(crate) fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// The next line as it is, without its line feed.
    pub(crate) fn next_line(&self) -> Vec<u8> {
        self.lines.recv_timeout(PATIENCE).expect("a line comes")
    }

    /// The next message.
    pub(crate) fn next(&self) -> Value {
        let line = self.next_line();
        serde_json::from_slice(&line).expect("the line is JSON")
    }

    /// The messages up to and with the next one of `method`.
    pub(crate) fn until(&self, method: &str) -> Vec<Value> {
        let mut messages = vec![self.next()];
        while messages.last().is_some_and(|last| last["method"] != method) {
            messages.push(self.next());
        }
        messages
    }

    pub(crate) fn assert_quiet(&self) {
        let result = self.lines.recv_timeout(QUIET);
        let text = |line: Vec<u8>| String::from_utf8_lossy(&line).into_owned();
        assert_eq!(result.map(text), Err(RecvTimeoutError::Timeout), "nothing more should come");
    }

    pub(crate) fn assert_stdout_ends(&self) {
        let result = self.lines.recv_timeout(PATIENCE);
        assert_eq!(result, Err(RecvTimeoutError::Disconnected));
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                return status;
            }
            assert!(Instant::now() < deadline, "the program does not end");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What one read of stdout gives, where nobody else reads it.
    pub(crate) fn read_some(&mut self) -> Vec<u8> {
        let mut bytes = vec![0; 1024];
        let count = self.child.stdout.as_mut().expect("stdout is a pipe").read(&mut bytes).expect("it can be read");
        bytes.truncate(count);
        bytes
    }

    pub(crate) fn stderr(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let stderr = self.child.stderr.as_mut().expect("stderr is a pipe");
        stderr.read_to_end(&mut bytes).expect("stderr can be read");
        bytes
    }

    pub(crate) fn record(&self) -> Vec<String> {
        let text = fs::read_to_string(&self.record).expect("there is a record");
        text.lines().map(str::to_owned).collect()
    }

    /// Waits until the record has a line that starts like this, and returns the rest of it.
    pub(crate) fn recorded(&self, start: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let lines = self.record();
            if let Some(rest) = lines.iter().find_map(|line| line.strip_prefix(start)) {
                return rest.to_owned();
            }
            assert!(Instant::now() < deadline, "no {start} in {lines:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended by itself, which is what most tests want.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.record);
    }
}

/// The methods of messages; an answer counts as `answer`.
pub(crate) fn methods<'a>(messages: &'a [Value]) -> Vec<&'a str> {
    let method = |message: &'a Value| message["method"].as_str().unwrap_or("answer");
    messages.iter().map(method).collect()
}

fn fresh_record() -> PathBuf {
    let count = RECORDS.fetch_add(1, Ordering::Relaxed);
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let path = folder.join(format!("record-{}-{count}", std::process::id()));
    fs::write(&path, "").expect("the record can be created");
    path
}
