//! What goes wrong: what the runtime does at the moment when it has to answer the request at hand.

use std::time::Duration;

use fake_runtime::{Action, FinishTurn, Turn};
use serde_json::{Value, json};

use crate::moments::Moment;
use crate::support::follow::PATIENCE;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Nothing,
    Junk,
    Truncated,
    OversizedLine,
    OversizedAnswer,
    HundredMegabytes,
    SplitUtf8,
    InvalidUtf8,
    Nul,
    NoObject,
    WrongId,
    DuplicateId,
    UnknownIds,
    LateAnswer,
    UnknownThread,
    UnknownTurn,
    EarlyCompletion,
    SecondCompletion,
    NoCompletion,
    Killed,
    Stopped,
    ExitsWith0,
    ExitsWith1,
    ClosesStdout,
    ClosesStderr,
    FillsStderr,
    ReadsNoMore,
    NeverAnswers,
}

/// What a fault comes to for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Nothing is lost, and all goes on.
    Tolerated,
    /// The turn at hand is over before its time, and has completed.
    TurnOver,
    /// The turn at hand is over, which nobody tells; the client finds out.
    Untold,
    /// The request at hand has an answer that is not taken; everything else goes on.
    Refused,
    /// The request at hand has no answer; everything else goes on.
    Unanswered,
    /// The runtime is gone.
    Lost,
    /// The runtime is there, and does nothing any more.
    Stuck,
    /// The request at hand is answered, and nothing after it.
    Deaf,
}

impl Class {
    /// Whether the request at hand comes to something.
    pub fn has_answer(self) -> bool {
        matches!(self, Self::Tolerated | Self::TurnOver | Self::Untold | Self::Deaf)
    }
}

/// The longest message, where one is to be longer.
pub const LONGEST: usize = 1 << 20;

/// What a runtime says before it fails.
pub const LAST_WORDS: &str = "Error: the disk is full";

const DELTA: &str = "item/agentMessage/delta";
const COMPLETED: &str = "turn/completed";

impl Fault {
    /// What it comes to.
    pub fn class(self) -> Class {
        match self {
            Self::Nothing | Self::Junk | Self::Truncated | Self::OversizedLine | Self::HundredMegabytes => {
                Class::Tolerated
            }
            Self::SplitUtf8 | Self::InvalidUtf8 | Self::Nul | Self::NoObject => Class::Tolerated,
            Self::DuplicateId | Self::UnknownIds | Self::UnknownThread | Self::UnknownTurn => Class::Tolerated,
            Self::ClosesStderr | Self::FillsStderr => Class::Tolerated,
            Self::EarlyCompletion | Self::SecondCompletion => Class::TurnOver,
            Self::NoCompletion => Class::Untold,
            Self::OversizedAnswer => Class::Refused,
            Self::WrongId | Self::LateAnswer | Self::NeverAnswers => Class::Unanswered,
            Self::Killed | Self::ExitsWith0 | Self::ExitsWith1 | Self::ClosesStdout => Class::Lost,
            Self::Stopped => Class::Stuck,
            Self::ReadsNoMore => Class::Deaf,
        }
    }

    /// A turn that does not exist yet cannot lack its completion.
    pub fn can_be_at(self, moment: Moment) -> bool {
        self != Self::NoCompletion || moment.has_turn()
    }

    /// How many lines are no messages.
    pub fn malformed(self) -> u64 {
        match self {
            Self::Junk | Self::Truncated | Self::InvalidUtf8 | Self::NoObject => self.lines().len() as u64,
            Self::Nul => 2,
            _ => 0,
        }
    }

    /// How many messages are too long.
    pub fn oversized(self) -> u64 {
        u64::from(matches!(self, Self::OversizedLine | Self::OversizedAnswer))
    }

    /// How long a line that is taken may get.
    pub fn line_bytes(self) -> usize {
        if self == Self::HundredMegabytes { 100 << 20 } else { 0 }
    }

    /// How long an answer may take that comes: behind a very long line, longer.
    pub fn patience(self) -> Duration {
        if self.line_bytes() > 0 { 2 * PATIENCE } else { PATIENCE }
    }

    /// What the runtime does at a moment.
    pub fn strikes(self, moment: Moment) -> Vec<Action> {
        let before = |actions: Vec<Action>| [actions, moment.answer()].concat();
        match self {
            Self::Nothing => moment.answer(),
            Self::WrongId => vec![Action::raw(r#"{"id":77000$id,"result":{}}"#)],
            Self::DuplicateId => [moment.answer(), vec![Action::raw(r#"{"id":$id,"result":{"again":true}}"#)]].concat(),
            Self::LateAnswer => before(vec![Action::wait_for("late")]),
            Self::NeverAnswers => Vec::new(),
            Self::OversizedAnswer => vec![Action::reply("x".repeat(2 * LONGEST))],
            Self::EarlyCompletion => [ends_turn(moment, &["reply"]), vec![moment.bare_answer()]].concat(),
            Self::SecondCompletion => [ends_turn(moment, &[]), vec![failure("$turnId")], rest(moment)].concat(),
            Self::NoCompletion => [ends_turn(moment, &[COMPLETED]), rest(moment)].concat(),
            Self::Killed => vec![Action::abort()],
            Self::ExitsWith0 => vec![Action::exit(0)],
            Self::ExitsWith1 => vec![Action::stderr(LAST_WORDS), Action::exit(1)],
            Self::Stopped => before(vec![Action::stop()]),
            Self::ClosesStdout => vec![Action::close_stdout()],
            Self::ClosesStderr => before(vec![Action::close_stderr()]),
            Self::FillsStderr => before(vec![Action::stderr("noise ".repeat(1 << 17))]),
            Self::ReadsNoMore => before(vec![Action::stop_reading()]),
            _ => before(self.lines()),
        }
    }

    /// What the runtime writes before its answer.
    fn lines(self) -> Vec<Action> {
        let raw = |lines: &[&str]| lines.iter().map(|line| Action::raw(*line)).collect();
        let bytes = |lines: &[&[u8]]| lines.iter().map(|line| Action::raw_bytes(*line)).collect();
        match self {
            Self::Junk => raw(&["not json", "WARNING: something", "\u{1b}[31mred\u{1b}[0m", "{\"method\" 5}"]),
            Self::Truncated => {
                raw(&[r#"{"id":$id,"resu"#, r#"{"method":"turn/completed","params":{"threadId":"$threadId","#])
            }
            Self::NoObject => raw(&["[]", "[{}]", "null", "true", "5", "\"text\""]),
            Self::InvalidUtf8 => {
                bytes(&[b"\xff\xfe\n", b"{\"method\":\"\xc3\x28\",\"params\":{}}\n", b"{\"id\":\"\xed\xa0\x80\"}\n"])
            }
            Self::Nul => {
                [bytes(&[b"\0\0\n", b"{\"method\":\"a\0b\",\"params\":{}}\n"]), raw(&[&delta(r"a\u0000b")])].concat()
            }
            Self::SplitUtf8 => vec![Action::raw_split(delta("\u{e9}\u{20ac}"))],
            Self::OversizedLine => vec![long(2 * LONGEST)],
            Self::HundredMegabytes => vec![long(self.line_bytes())],
            Self::UnknownIds => raw(&[
                r#"{"id":987654,"result":{}}"#,
                r#"{"id":"x","result":{}}"#,
                r#"{"id":-1,"error":{"code":1,"message":"m"}}"#,
            ]),
            Self::UnknownThread => events_of("another-thread"),
            Self::UnknownTurn => events_of("$threadId"),
            _ => Vec::new(),
        }
    }
}

fn delta(text: &str) -> String {
    format!(
        "{{\"method\":\"{DELTA}\",\"params\":{{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"itemId\":\"msg_1_0\",\"delta\":\"{text}\"}}}}"
    )
}

/// One delta of the turn at hand with so many bytes of text.
fn long(bytes: usize) -> Action {
    Action::raw_padded(delta("$padding"), bytes)
}

/// What comes for a turn that nobody knows.
fn events_of(thread: &str) -> Vec<Action> {
    let ids = json!({"threadId": thread, "turnId": "another-turn", "itemId": "i", "delta": "not ours"});
    let turn = json!({"threadId": thread, "turn": {"id": "another-turn", "status": "inProgress"}});
    vec![
        Action::notify("turn/started", turn),
        Action::notify(DELTA, ids.clone()),
        Action::request(99, "item/commandExecution/requestApproval", ids),
        failure_on(thread, "another-turn"),
    ]
}

fn failure(turn: &str) -> Action {
    failure_on("$threadId", turn)
}

fn failure_on(thread: &str, turn: &str) -> Action {
    Action::notify(
        COMPLETED,
        json!({"threadId": thread, "turn": {"id": turn, "status": "failed", "error": {"message": "no"}}}),
    )
}

/// The turn at hand comes to its end, without what is left out.
fn ends_turn(moment: Moment, left_out: &[&str]) -> Vec<Action> {
    let omit = left_out.iter().map(|method| (*method).to_owned()).collect();
    if !moment.has_turn() {
        return vec![failure("another-turn")];
    }
    if moment == Moment::TurnStart {
        return vec![Action::turn(Turn { deltas: said(&["half a ", "sentence"]), omit, ..Turn::default() })];
    }
    let with = Turn { deltas: said(&["sentence"]), omit, ..Turn::default() };
    vec![Action::finish_turn(FinishTurn { with, ..FinishTurn::default() })]
}

/// The answer, unless the end of the turn at hand came with one.
fn rest(moment: Moment) -> Vec<Action> {
    if moment == Moment::TurnStart { Vec::new() } else { vec![moment.bare_answer()] }
}

/// The pieces of a text.
pub fn said(deltas: &[&str]) -> Option<Vec<String>> {
    Some(deltas.iter().map(|delta| (*delta).to_owned()).collect())
}

/// An object with the ids of the turn at hand.
pub fn ids(thread: &str, turn: &str) -> Value {
    json!({"threadId": thread, "turnId": turn})
}
