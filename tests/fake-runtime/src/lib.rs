//! A scripted stand-in for `codex app-server`.
//!
//! The program `fake-runtime` speaks the runtime's side of the protocol over stdin and stdout. Without
//! a script it plays a small, normal runtime; a script makes it do what the real one does not do on
//! demand: die, stall, lie, flood. This library has the types of a script, so that tests can build one:
//!
//! ```
//! use fake_runtime::{Action, Script, Turn};
//!
//! let script = Script::new()
//!     .on("turn/start", [Action::turn(Turn::held()), Action::sleep_ms(20), Action::abort()])
//!     .to_json();
//! assert!(Script::from_json(&script).is_ok());
//! ```
//!
//! Cargo gives `CARGO_BIN_EXE_fake-runtime` only to the tests of this package. Tests elsewhere run
//! `target/<profile>/fake-runtime`, which `make test` builds with the workspace first.
//!
//! # Environment
//!
//! - `FAKE_RUNTIME_SCRIPT`: a file with the script, or the script itself when the value starts with `{`.
//!   Linux takes no variable above 128 KiB, so a larger script needs a file.
//! - `FAKE_RUNTIME_RECORD`: a file to append to: `#pid N` at the start, then every line received as it
//!   came, `#child N` for a child that was started, `#eof`, `#sigterm`.
//!
//! Command line arguments are ignored, except `--version` and those that have it listen on a socket, as the real runtime does:
//! `--listen unix://PATH` or `--listen ws://IP:PORT`, whose port may be 0 and is then told on stderr, and `--token WORD` for the
//! bearer token that clients must bring. Every client has a process of its own that plays the script; when that ends, the
//! connection ends without a word. The end of stdin ends it all.
//!
//! # Script
//!
//! ```
//! # let script = r##"
//! {
//!   "start": [{"stderr": "warming up"}],
//!   "on": {
//!     "turn/start": [
//!       [{"turn": {"deltas": ["Hel", "lo"], "hold": true}},
//!        {"request": [7, "item/commandExecution/requestApproval",
//!                     {"threadId": "$threadId", "turnId": "$turnId", "itemId": "call_1"}]},
//!        {"waitAnswer": 7},
//!        {"finishTurn": {"with": {"deltas": [" world"]}}}],
//!       [{"error": {"code": -32001, "message": "Server overloaded; retry later."}}]
//!     ],
//!     "thread/read": [{"silence": true}]
//!   },
//!   "answers": {
//!     "item/commandExecution/requestApproval": [
//!       {"notify": ["serverRequest/resolved", {"threadId": "$threadId", "requestId": 7}]}]
//!   },
//!   "userAgent": "probe/0.163.0 (Debian 12.0.0; x86_64) xterm (probe; 0.1)",
//!   "ignoreEof": false,
//!   "ignoreTerm": false
//! }
//! # "##;
//! # assert!(fake_runtime::Script::from_json(script).is_ok());
//! ```
//!
//! The value of a method is a list of actions for every call, or a list of such lists, one per call, of
//! which the last repeats. [`Action`] describes the actions. An empty list leaves the request unanswered.
//!
//! Scripts of different requests run in the order in which the requests came, until one pauses
//! (`sleepMs`, `waitAnswer`, `waitFor`, `waitEof`, `flood`, `pace`); from there on it runs beside the others.
//!
//! These placeholders stand in any string of `reply`, `error`, `notify`, `request`, `raw`, `rawSplit`, `rawPadded`, `turn`,
//! `finishTurn` and `flood`:
//! `$threadId` and `$turnId` of the request at hand (fresh for what creates one), `$id`, its JSON-RPC id
//! (a string that is exactly `$id` becomes the id as it is), `$text`, the text of the user, and `$nowUs`,
//! `CLOCK_MONOTONIC` in microseconds. In `answers` they are those of the script that asked.
//!
//! # Built-in behaviour
//!
//! `initialize`, `thread/start`, `thread/resume`, `thread/fork`, `thread/read`, `thread/turns/list`,
//! `thread/items/list`, `thread/name/set`, `turn/start`, `turn/steer` and `turn/interrupt` behave as in
//! the real runtime, with one small turn for every `turn/start`. Everything else is an unknown variant.
//! A turn that is started while another one is open on its thread joins that one. Threads that a script
//! names in a `reply` to `thread/start`, `thread/resume` or `thread/fork` are known from then on.
//! `optOutNotificationMethods` holds for the built-in events, not for `notify`, `raw`, `flood` and `pace`.
//!
//! The program runs on Unix only.

mod action;
mod script;

pub use action::{Action, ChildOutput, ErrorBody, FinishTurn, Flood, Pace, PerWrite, SpawnChild, Turn, Turns, Yes};
pub use script::{Calls, Script};
