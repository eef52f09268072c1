//! A scripted stand-in for a language model: a small HTTP server that plays OpenAI's Responses API over server-sent
//! events for the real `codex app-server`, so that tests and demos need no network, no login and no luck.
//!
//! # In Rust
//!
//! [`ScriptedModel::start`] gives a server on a loopback port, on a thread of its own, which ends when the value is
//! dropped. Everything blocks, so it serves ordinary `#[test]` functions.
//!
//! ```
//! use std::time::Duration;
//!
//! use scripted_model::{Message, Response, ScriptedModel};
//! use serde_json::json;
//!
//! let model = ScriptedModel::start();
//! model.queue(
//!     Response::new()
//!         .message(Message::new("Working on it.").phase("commentary"))
//!         .call_exec("call_1", json!({"cmd": "echo hi"})),
//! );
//! model.queue(Response::new().message(Message::new("half").gate("rest").delta(" and half")));
//! model.queue_for("the other thread", Response::text(["he", "llo"]));
//! let gate = model.gate("rest");
//! // Give every `-c` override of `model.codex_config()` to the runtime and run a turn; then:
//! // gate.wait_until_reached(Duration::from_secs(20));
//! gate.release();
//! assert!(model.requests().is_empty());
//! ```
//!
//! Each request takes one queued response: the oldest that is kept for its last user message
//! ([`ScriptedModel::queue_for`]), else the oldest that is kept for none, else what [`ScriptedModel::answer_with`] says,
//! else the HTTP status 500. A response with a call takes a second one, for the request that brings the call's output.
//!
//! # As a program
//!
//! `scripted-model [--script FILE.json] [--demo]` prints `listening on http://127.0.0.1:PORT/v1` and serves until its
//! stdin ends. `--script` queues the responses of a file; `--demo` answers any request for which nothing is queued, with a
//! remark, a harmless command and a final answer that says that it comes from a stand-in. While it runs:
//!
//! | request | effect |
//! |---|---|
//! | `POST /control/queue` | queues the response, or the array of responses, in the body |
//! | `GET /control/requests` | gives all recorded requests: an array of `{"method", "path", "headers", "body"}` |
//! | `POST /control/gates/NAME` | releases the gate |
//! | `GET /control/gates/NAME?timeoutMs=N` | answers when a response reached the gate; 408 after the time (default 30000) |
//!
//! A refusal is `{"error": {"message": …}}` with a status of 400 or more.
//!
//! # Responses in JSON
//!
//! A response is an object. A field that is not listed here is refused, so that a misspelt one does not pass unseen.
//!
//! | field | meaning |
//! |---|---|
//! | `for` | take this response only for a request whose last user message contains this string |
//! | `headers` | HTTP headers of the answer: `{"retry-after": "1"}` |
//! | `text` | a text (see below) that comes as a message with the phase `final_answer`, after the `output` |
//! | `output` | an array of steps (see below) |
//! | `usage` | `{"input", "cached", "output", "reasoning", "total"}`, all optional; `total` is else input plus output |
//! | `end` | `"completed"` (the default), `{"failed": {"code", "message"}}`, `{"incomplete": REASON}`, `"cut"` (drop the connection after the output) or `{"cutAfter": N}` (drop it after N events) |
//! | `http` | instead of a stream: `{"status": 429, "body": …}`; a string is sent as plain text, anything else as JSON |
//! | `hang` | instead of a stream: `true`: no answer at all, not even headers |
//!
//! A step is an object with one field:
//!
//! | step | meaning |
//! |---|---|
//! | `{"message": {"text", "phase", "id", "paceMs"}}` | a message; all but `text` are optional; `paceMs` is the time between two deltas |
//! | `{"reasoning": {"summary": [TEXT…], "text"}}` | reasoning: the parts of its summary and its raw text, both optional |
//! | `{"call": {"name", "arguments", "callId", "namespace"}}` | a function call; arguments that are a string are sent as they are; `callId` and `namespace` are optional |
//! | `{"customCall": {"name", "input", "callId"}}` | a call of a custom tool such as `apply_patch`; `callId` is optional |
//! | `{"item": {…}}` | a finished output item of any type |
//! | `{"event": {…}}` | a stream event of any type |
//! | `{"garbage": TEXT}` | bytes that are no event |
//! | `{"pauseMs": N}` | wait |
//! | `{"gate": NAME}` | wait until the gate is released; a released gate stays open |
//! | `{"hang": true}` | send nothing more and keep the connection open |
//!
//! A text is a string, or an array whose elements are strings (one delta each), `{"pauseMs": N}`, `{"gate": NAME}` or
//! `{"hang": true}`.
//!
//! ```
//! let script = r#"[
//!     {"output": [{"reasoning": {"summary": ["**Look** around"], "text": "Let me look."}},
//!                 {"message": {"text": "I look.", "phase": "commentary"}},
//!                 {"call": {"name": "exec_command", "arguments": {"cmd": "ls"}}}]},
//!     {"text": ["It is ", {"gate": "pause"}, "empty."], "usage": {"input": 20, "output": 4}},
//!     {"output": [{"customCall": {"name": "apply_patch", "callId": "call_2",
//!                  "input": "*** Begin Patch\n*** Add File: a.txt\n+hello\n*** End Patch"}}]},
//!     {"for": "limit", "http": {"status": 429, "body": {"error": {"type": "usage_limit_reached"}}}},
//!     {"text": ["half of", {"hang": true}]},
//!     {"text": ["a", "b", "c"], "end": {"cutAfter": 3}},
//!     {"end": {"failed": {"code": "server_error", "message": "boom"}}},
//!     {"hang": true}
//! ]"#;
//! assert_eq!(scripted_model::parse_responses(script.as_bytes()).unwrap().len(), 8);
//! ```

mod answer;
mod control;
mod demo;
mod form;
mod gate;
mod play;
mod queue;
mod record;
mod response;
mod server;
mod sse;
mod step;
mod watched;

pub use demo::demo;
pub use form::parse as parse_responses;
pub use gate::Gate;
pub use record::{FunctionOutput, Request};
pub use response::{Response, Usage};
pub use server::ScriptedModel;
pub use step::Message;
