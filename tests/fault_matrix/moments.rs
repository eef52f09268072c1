//! When it goes wrong, and what the runtime plays up to then.

use fake_runtime::{Action, FinishTurn, Flood, Script, Turn, Turns};
use serde_json::json;

use crate::faults::{Class, Fault, ids, said};
use crate::host::Step;

/// When it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Connect,
    ThreadStart,
    TurnStart,
    MidDelta,
    PendingQuestion,
    Steer,
    Interrupt,
    FullQueue,
    Close,
}

/// How many deltas of 1 KiB fill the queues, and the pipe behind them, but not all that is read on for an answer.
const FLOOD: u64 = 4096;

/// A call of no consequence.
pub const PROBE: &str = "probe";

const APPROVAL: &str = "item/commandExecution/requestApproval";

impl Moment {
    pub const ALL: [Self; 9] = [
        Self::Connect,
        Self::ThreadStart,
        Self::TurnStart,
        Self::MidDelta,
        Self::PendingQuestion,
        Self::Steer,
        Self::Interrupt,
        Self::FullQueue,
        Self::Close,
    ];

    /// The step that is at hand.
    pub fn step(self) -> Step {
        match self {
            Self::Connect => Step::Connect,
            Self::ThreadStart => Step::OpenThread,
            Self::TurnStart => Step::StartTurn,
            _ => Step::Call,
        }
    }

    /// The request that is at hand.
    pub fn method(self) -> &'static str {
        match self {
            Self::Connect => "initialize",
            Self::ThreadStart => "thread/start",
            Self::TurnStart => "turn/start",
            Self::Steer => "turn/steer",
            Self::Interrupt => "turn/interrupt",
            Self::MidDelta | Self::PendingQuestion | Self::FullQueue | Self::Close => PROBE,
        }
    }

    /// Whether there is a turn that the request at hand is about.
    pub fn has_turn(self) -> bool {
        !matches!(self, Self::Connect | Self::ThreadStart)
    }

    /// How a sound runtime answers the request at hand; one that ends does not.
    pub fn answer(self) -> Vec<Action> {
        match self {
            Self::Close => Vec::new(),
            Self::Connect | Self::ThreadStart | Self::Steer | Self::Interrupt => vec![Action::builtin()],
            Self::TurnStart => vec![half_a_turn()],
            _ => vec![self.bare_answer()],
        }
    }

    /// The answer, without what else the request would do.
    pub fn bare_answer(self) -> Action {
        match self {
            Self::Connect | Self::ThreadStart => Action::builtin(),
            Self::TurnStart => Action::reply(json!({"turn": {"id": "$turnId", "status": "inProgress"}})),
            Self::Steer => Action::reply(json!({"turnId": "$turnId"})),
            _ => Action::reply(json!({})),
        }
    }

    /// What the runtime plays when a fault strikes at this moment.
    pub fn script(self, fault: Fault) -> Script {
        let finish = FinishTurn { turns: Turns::All, with: Turn { deltas: said(&["sentence"]), ..Turn::default() } };
        let subject = match self {
            Self::TurnStart => Some(fault.strikes(self)),
            Self::ThreadStart if !fault.class().has_answer() => None,
            _ => Some([vec![half_a_turn()], self.after_start()].concat()),
        };
        let turns = [Some(vec![half_a_turn()]), subject, Some(vec![Action::turn(Turn::default())])];
        let script = Script::new().on("finish", [Action::finish_turn(finish), Action::reply(json!({}))]);
        let script = turns.into_iter().flatten().fold(script, |script, turn| script.then_on("turn/start", turn));
        match self {
            Self::TurnStart => script,
            Self::Close => script.on(PROBE, at_the_end(fault)).ignore_eof(),
            _ => script.then_on(self.method(), fault.strikes(self)).then_on(self.method(), self.answer()),
        }
    }

    /// What the turn of the subject does by itself.
    fn after_start(self) -> Vec<Action> {
        match self {
            Self::PendingQuestion => vec![Action::request(7, APPROVAL, ids("$threadId", "$turnId"))],
            Self::FullQueue => {
                let flood = Flood { count: FLOOD, text_bytes: 1024, ..Flood::default() };
                vec![Action::flood(flood)]
            }
            _ => Vec::new(),
        }
    }
}

/// A turn that has not said all.
fn half_a_turn() -> Action {
    Action::turn(Turn { deltas: said(&["half a "]), ..Turn::held() })
}

/// The fault strikes when the client says goodbye; a runtime that does not hear it must have been struck before.
fn at_the_end(fault: Fault) -> Vec<Action> {
    let strikes = fault.strikes(Moment::Close);
    match fault.class() {
        Class::Stuck | Class::Deaf => [strikes, vec![Action::wait_eof()]].concat(),
        _ => [vec![Action::wait_eof()], strikes, vec![Action::exit(0)]].concat(),
    }
}
