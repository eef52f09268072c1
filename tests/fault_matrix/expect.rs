//! What must hold, by class of fault.

use codex::engine::error::Status;

use crate::faults::{Class, Fault, LAST_WORDS};
use crate::host::Step;
use crate::moments::Moment;

/// How far above the ceiling the queues may get: what is read on for an answer, and what one read of the pipe brings.
pub const ABOVE_CEILING: usize = (8 << 20) + (1 << 20);

/// What a sentence must have.
pub type Words = Vec<&'static str>;

/// What becomes of a call.
#[derive(Clone, Debug)]
pub enum Outcome {
    Works,
    /// It fails with a sentence that has these words.
    Fails(Status, Words),
    /// One or the other: what it waits for may just have come.
    MayFail(Status, Words),
}

/// What becomes of a turn.
#[derive(Clone, Debug)]
pub enum Fate {
    Completes,
    /// It ends early by this, with what it has said and done, and for a reason that has these words.
    Ends(&'static str, Status, Words),
}

/// What must hold in one cell.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The step that is at hand when the fault strikes.
    at_hand: Outcome,
    /// The steps after it.
    later: Outcome,
    /// The answer to the question that is pending.
    answer: Outcome,
    pub subject: Fate,
    pub bystander: Fate,
}

/// All goes on, but for what is at hand.
fn goes_on(at_hand: Outcome) -> Expected {
    let works = Outcome::Works;
    Expected { at_hand, later: works.clone(), answer: works, subject: Fate::Completes, bystander: Fate::Completes }
}

/// Nothing goes on; the turns end by the loss of the connection, or what comes to the same.
fn ends(at_hand: Outcome, later: Outcome, status: Status, words: Words) -> Expected {
    let turn = Fate::Ends("transportClosed", status, words);
    Expected { at_hand, later, answer: Outcome::Works, subject: turn.clone(), bystander: turn }
}

/// What must hold when a fault strikes at a moment.
pub fn expected(fault: Fault, moment: Moment) -> Expected {
    if moment == Moment::Close {
        let closed = || Outcome::Fails(Status::Closed, vec!["closed"]);
        return ends(closed(), closed(), Status::Closed, vec!["closed"]);
    }
    let lost = || [how_it_ended(fault), vec!["connect a new client"]].concat();
    let unanswered = || Outcome::Fails(Status::TimedOut, vec!["did not answer", "within "]);
    let silent = |at_hand| ends(at_hand, unanswered(), Status::Transport, vec!["answers nothing"]);
    let fails = |status, words| Outcome::Fails(status, words);
    let expected = match fault.class() {
        Class::Tolerated | Class::TurnOver | Class::Untold => goes_on(Outcome::Works),
        Class::Refused => goes_on(fails(Status::Protocol, vec!["max_message_bytes"])),
        Class::Unanswered => goes_on(unanswered()),
        Class::Lost => {
            ends(fails(Status::Transport, lost()), fails(Status::Transport, lost()), Status::Transport, lost())
        }
        Class::Stuck => silent(unanswered()),
        Class::Deaf => silent(Outcome::Works),
    };
    match moment {
        Moment::Connect => Expected { at_hand: connecting(expected.at_hand, fault), ..expected },
        Moment::PendingQuestion if matches!(fault.class(), Class::TurnOver | Class::Lost) => {
            Expected { answer: fails(Status::AlreadyAnswered, vec!["its turn has ended"]), ..expected }
        }
        Moment::Interrupt => interrupting(expected, fault.class()),
        Moment::FullQueue if fault.line_bytes() > ABOVE_CEILING => {
            Expected { at_hand: Outcome::MayFail(Status::WouldDeadlock, vec!["max_queued_bytes"]), ..expected }
        }
        _ => expected,
    }
}

fn how_it_ended(fault: Fault) -> Words {
    match fault {
        Fault::Killed => vec!["killed by signal 9 (SIGKILL)"],
        Fault::ExitsWith1 => vec!["exit status 1", LAST_WORDS],
        _ => vec!["exit status 0"],
    }
}

/// A host that wanted to connect is told why it cannot in its own terms.
fn connecting(at_hand: Outcome, fault: Fault) -> Outcome {
    match at_hand {
        Outcome::Fails(Status::Transport, _) => {
            Outcome::Fails(Status::RuntimeStart, [how_it_ended(fault), vec!["before it was ready"]].concat())
        }
        Outcome::Fails(Status::TimedOut, _) => Outcome::Fails(Status::TimedOut, vec!["connect_timeout_ms"]),
        other => other,
    }
}

/// An interrupt is only queued; a turn that is still there ends by it, whatever the runtime does.
fn interrupting(expected: Expected, class: Class) -> Expected {
    let subject = match class {
        Class::TurnOver | Class::Lost => expected.subject,
        _ => Fate::Ends("interrupted", Status::TurnInterrupted, vec!["interrupted"]),
    };
    Expected { at_hand: Outcome::Works, subject, ..expected }
}

impl Expected {
    /// What becomes of a step. Closing always works.
    pub fn of_step(&self, step: Step, moment: Moment) -> &Outcome {
        match step {
            Step::Close => &Outcome::Works,
            Step::Answer => &self.answer,
            _ if step < moment.step() => &Outcome::Works,
            _ if step == moment.step() => &self.at_hand,
            _ => &self.later,
        }
    }
}
