//! What goes to stdout.

use std::collections::HashSet;
use std::fs::File;
use std::io::Write;
use std::mem;

use fake_runtime::ErrorBody;
use serde::Serialize;
use serde_json::Value;

use crate::clock::now_ms;

/// Whether somebody can still read what was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Sent,
    Gone,
}

/// Stdout, one line per message and one write per line.
pub(crate) struct Output {
    pipe: Option<File>,
    line: Vec<u8>,
    opted_out: HashSet<String>,
}

#[derive(Serialize)]
struct Reply<'a, R> {
    id: &'a Value,
    result: R,
}

#[derive(Serialize)]
struct Failure<'a> {
    error: &'a ErrorBody,
    id: &'a Value,
}

#[derive(Serialize)]
struct Request<'a> {
    method: &'a str,
    id: &'a Value,
    params: &'a Value,
}

#[derive(Serialize)]
struct Notification<'a, P> {
    method: &'a str,
    params: P,
    #[serde(rename = "emittedAtMs")]
    emitted_at_ms: u64,
}

impl Output {
    pub(crate) fn new(pipe: File) -> Self {
        Self { pipe: Some(pipe), line: Vec::new(), opted_out: HashSet::new() }
    }

    pub(crate) fn opt_out(&mut self, methods: HashSet<String>) {
        self.opted_out = methods;
    }

    pub(crate) fn reply(&mut self, id: &Value, result: impl Serialize) {
        self.send(&Reply { id, result });
    }

    pub(crate) fn fail(&mut self, id: &Value, error: &ErrorBody) {
        self.send(&Failure { error, id });
    }

    pub(crate) fn request(&mut self, id: &Value, method: &str, params: &Value) {
        self.send(&Request { method, id, params });
    }

    /// Sends a notification unless the client opted out of it.
    pub(crate) fn event(&mut self, method: &str, params: impl Serialize) {
        if !self.opted_out.contains(method) {
            self.notify(method, params);
        }
    }

    /// Sends a notification in any case.
    pub(crate) fn notify(&mut self, method: &str, params: impl Serialize) {
        self.send(&Notification { method, params, emitted_at_ms: now_ms() });
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Delivery {
        let Some(pipe) = &mut self.pipe else {
            return Delivery::Gone;
        };
        match pipe.write_all(bytes) {
            Ok(()) => Delivery::Sent,
            Err(_) => {
                self.close();
                Delivery::Gone
            }
        }
    }

    pub(crate) fn close(&mut self) {
        self.pipe = None;
    }

    fn send(&mut self, message: &impl Serialize) {
        let mut line = mem::take(&mut self.line);
        line.clear();
        serde_json::to_writer(&mut line, message).expect("messages are plain JSON data");
        line.push(b'\n');
        self.write(&line);
        self.line = line;
    }
}

/// The line of a notification.
pub(crate) fn notification_line(method: &str, params: impl Serialize) -> Vec<u8> {
    let message = Notification { method, params, emitted_at_ms: now_ms() };
    let mut line = serde_json::to_vec(&message).expect("messages are plain JSON data");
    line.push(b'\n');
    line
}
