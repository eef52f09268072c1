use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One step of a script. In JSON it is an object with one key, for example `{"sleepMs": 20}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Answers the request at hand with this result.
    Reply(Value),
    /// Answers the request at hand with this error.
    Error(ErrorBody),
    /// Sends a notification: method and params.
    Notify(String, Value),
    /// Sends a request: id, method and params.
    Request(Value, String, Value),
    /// Pauses until the client has answered the request with this id.
    WaitAnswer(Value),
    /// Writes this text and a line feed to stdout.
    Raw(String),
    /// Writes exactly these bytes to stdout.
    RawBytes(Vec<u8>),
    /// Writes this text and a line feed to stdout in two pieces, cut inside of its first character beyond ASCII, with a
    /// pause between them.
    RawSplit(String),
    /// Writes this text and a line feed to stdout; `$padding` in it stands for so many `x`.
    RawPadded(String, usize),
    /// Pauses for so many milliseconds.
    SleepMs(u64),
    /// Ends the process with this exit code.
    Exit(i32),
    /// Ends the process as `kill -9` does.
    Abort(Yes),
    /// Writes this text and a line feed to stderr.
    Stderr(String),
    /// Writes exactly these bytes to stderr.
    StderrBytes(Vec<u8>),
    /// From now on requests are read and recorded, but neither answered nor given to a script.
    Silence(Yes),
    /// Stops reading stdin for good. A read that already waits takes one more chunk and drops it.
    StopReading(Yes),
    /// Closes stdout; whatever is written later is dropped.
    CloseStdout(Yes),
    /// Closes stderr; whatever is written later is dropped.
    CloseStderr(Yes),
    /// Stops the process as `kill -STOP` does.
    Stop(Yes),
    /// Plays the built-in turn with these differences.
    Turn(Turn),
    /// Plays the rest of turns that were left open with [`Turn::hold`].
    FinishTurn(FinishTurn),
    /// Writes one notification many times, as fast as the pipe takes it.
    Flood(Flood),
    /// Sends deltas at a steady rate over open turns.
    Pace(Pace),
    /// Does what the program does for this method without a script.
    Builtin(Yes),
    /// Starts a child process that outlives this one. Its pid is recorded as `#child N`.
    SpawnChild(SpawnChild),
    /// Pauses until a message with this method came in after the request at hand.
    /// The n-th such action of one script waits for the n-th such message.
    WaitFor(String),
    /// Pauses until stdin has ended, which ends the process unless the script says otherwise.
    WaitEof(Yes),
    /// Plays these actions beside the ones that follow.
    InBackground(Vec<Action>),
}

impl Action {
    /// See [`Action::Reply`].
    pub fn reply(result: impl Into<Value>) -> Self {
        Self::Reply(result.into())
    }

    /// See [`Action::Error`].
    pub fn error(code: i64, message: impl Into<String>) -> Self {
        Self::Error(ErrorBody { code, message: message.into(), data: None })
    }

    /// See [`Action::Notify`].
    pub fn notify(method: impl Into<String>, params: impl Into<Value>) -> Self {
        Self::Notify(method.into(), params.into())
    }

    /// See [`Action::Request`].
    pub fn request(id: impl Into<Value>, method: impl Into<String>, params: impl Into<Value>) -> Self {
        Self::Request(id.into(), method.into(), params.into())
    }

    /// See [`Action::WaitAnswer`].
    pub fn wait_answer(id: impl Into<Value>) -> Self {
        Self::WaitAnswer(id.into())
    }

    /// See [`Action::Raw`].
    pub fn raw(line: impl Into<String>) -> Self {
        Self::Raw(line.into())
    }

    /// See [`Action::RawBytes`].
    pub fn raw_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::RawBytes(bytes.into())
    }

    /// See [`Action::RawSplit`].
    pub fn raw_split(line: impl Into<String>) -> Self {
        Self::RawSplit(line.into())
    }

    /// See [`Action::RawPadded`].
    pub fn raw_padded(line: impl Into<String>, bytes: usize) -> Self {
        Self::RawPadded(line.into(), bytes)
    }

    /// See [`Action::SleepMs`].
    pub fn sleep_ms(milliseconds: u64) -> Self {
        Self::SleepMs(milliseconds)
    }

    /// See [`Action::Exit`].
    pub fn exit(code: i32) -> Self {
        Self::Exit(code)
    }

    /// See [`Action::Abort`].
    pub fn abort() -> Self {
        Self::Abort(Yes)
    }

    /// See [`Action::Stderr`].
    pub fn stderr(text: impl Into<String>) -> Self {
        Self::Stderr(text.into())
    }

    /// See [`Action::StderrBytes`].
    pub fn stderr_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::StderrBytes(bytes.into())
    }

    /// See [`Action::Silence`].
    pub fn silence() -> Self {
        Self::Silence(Yes)
    }

    /// See [`Action::StopReading`].
    pub fn stop_reading() -> Self {
        Self::StopReading(Yes)
    }

    /// See [`Action::CloseStdout`].
    pub fn close_stdout() -> Self {
        Self::CloseStdout(Yes)
    }

    /// See [`Action::CloseStderr`].
    pub fn close_stderr() -> Self {
        Self::CloseStderr(Yes)
    }

    /// See [`Action::Stop`].
    pub fn stop() -> Self {
        Self::Stop(Yes)
    }

    /// See [`Action::Turn`].
    pub fn turn(turn: Turn) -> Self {
        Self::Turn(turn)
    }

    /// See [`Action::FinishTurn`].
    pub fn finish_turn(finish: FinishTurn) -> Self {
        Self::FinishTurn(finish)
    }

    /// See [`Action::Flood`].
    pub fn flood(flood: Flood) -> Self {
        Self::Flood(flood)
    }

    /// See [`Action::Pace`].
    pub fn pace(pace: Pace) -> Self {
        Self::Pace(pace)
    }

    /// See [`Action::Builtin`].
    pub fn builtin() -> Self {
        Self::Builtin(Yes)
    }

    /// See [`Action::SpawnChild`].
    pub fn spawn_child(child: SpawnChild) -> Self {
        Self::SpawnChild(child)
    }

    /// See [`Action::WaitFor`].
    pub fn wait_for(method: impl Into<String>) -> Self {
        Self::WaitFor(method.into())
    }

    /// See [`Action::WaitEof`].
    pub fn wait_eof() -> Self {
        Self::WaitEof(Yes)
    }

    /// See [`Action::InBackground`].
    pub fn in_background(actions: impl IntoIterator<Item = Action>) -> Self {
        Self::InBackground(actions.into_iter().collect())
    }
}

/// The value `true`, the only one that a switch such as `{"abort": true}` takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "bool", into = "bool")]
pub struct Yes;

impl TryFrom<bool> for Yes {
    type Error = &'static str;

    fn try_from(value: bool) -> Result<Self, Self::Error> {
        value.then_some(Self).ok_or("the value of a switch must be true; leave the action out instead")
    }
}

impl From<Yes> for bool {
    fn from(_: Yes) -> Self {
        true
    }
}

/// A JSON-RPC error.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorBody {
    /// The error code.
    pub code: i64,
    /// Extra data, left out when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// The message.
    pub message: String,
}

/// How a turn differs from the built-in one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Turn {
    /// The deltas of the agent message; without them the text is cut into words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deltas: Option<Vec<String>>,
    /// The text of the completed agent message; without it all deltas together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Sends the opening events (status, `turn/started`, the user message) before the answer.
    pub before_reply: bool,
    /// Methods of notifications to leave out; `reply` leaves out the answer.
    pub omit: Vec<String>,
    /// The status of the ended turn; `completed` when absent, `failed` when there is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// The error of a failed turn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// The phase of the agent message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Items to start and complete between the user message and the agent message.
    pub items: Vec<Value>,
    /// Leaves the turn open after the deltas, until it is interrupted or finished by a later step.
    pub hold: bool,
}

impl Turn {
    /// A turn that stays open.
    pub fn held() -> Self {
        Self { hold: true, ..Self::default() }
    }
}

/// Which open turns an action means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Turns {
    /// The turn of the request at hand.
    #[default]
    This,
    /// Every open turn of the process.
    All,
}

/// The rest of held turns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FinishTurn {
    /// Which turns.
    pub turns: Turns,
    /// How to end them; further deltas are sent first. Its `hold` must not be set.
    pub with: Turn,
}

/// How the messages of a flood are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PerWrite {
    /// One message per write.
    Message,
    /// Many messages per write.
    #[default]
    Buffered,
}

/// One notification, many times. It ends early when its turn is no longer open or stdout is gone.
/// Its text does not count for the text of the completed agent message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Flood {
    /// How many messages.
    pub count: u64,
    /// The method; `item/agentMessage/delta` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The params; those of a delta of the turn at hand when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub params: Option<Value>,
    /// The text of the delta, `tok ` when both this and `textBytes` are absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Pads the text with `x` up to so many bytes, counted before placeholders are replaced.
    pub text_bytes: usize,
    /// How the messages are written.
    pub per_write: PerWrite,
    /// A pause after every write, in microseconds.
    pub pause_us: u64,
}

/// Deltas at a steady rate, round robin over open turns. The text of each is the time of sending,
/// `CLOCK_MONOTONIC` in microseconds, followed by one space. It does not count for the text of the
/// completed agent message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pace {
    /// Events per second over all turns together.
    pub events_per_second: u32,
    /// How long.
    pub seconds: f64,
    /// Over which turns.
    #[serde(default)]
    pub turns: Turns,
}

/// What a child process has for its stdout and stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChildOutput {
    /// The null device.
    #[default]
    Null,
    /// The pipes of this process, which then stay open as long as the child lives.
    Inherit,
}

/// A child process that outlives this one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SpawnChild {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Makes the child the leader of its own session.
    #[serde(default)]
    pub new_session: bool,
    /// Where its output goes.
    #[serde(default)]
    pub output: ChildOutput,
}
