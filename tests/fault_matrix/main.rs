//! Everything that can go wrong with a runtime, at every moment of a turn.
//!
//! A cell is a fault at a moment. The request of the host that is at hand then is where the fault strikes: the runtime does
//! something before its answer, instead of it, or after it. [`faults`] says what, [`moments`] when, [`host`] what the host does
//! all the while, and [`expect`] what must hold then, by class of fault. The cells of one fault share a process, which must have
//! at the end what it had before.
#![cfg(target_os = "linux")]

#[path = "../support/mod.rs"]
mod support;

mod expect;
mod faults;
mod host;
mod moments;
mod possessions;
mod verdict;

use std::thread::Builder;

use faults::Fault;
use moments::Moment;
use possessions::Possessions;

use crate::support::alone::alone_with;
use crate::support::fake::play;

/// Makes a test of each row.
macro_rules! rows {
    ($($name:ident: $fault:expr),+ $(,)?) => {
        $(#[test]
        fn $name() {
            alone_with(&possessions::VARIABLES, || row($fault));
        })+
    };
}

rows! {
    no_fault: Fault::Nothing,
    junk_lines: Fault::Junk,
    truncated_lines: Fault::Truncated,
    an_oversized_line: Fault::OversizedLine,
    an_oversized_answer: Fault::OversizedAnswer,
    a_line_of_100_megabytes: Fault::HundredMegabytes,
    a_line_cut_inside_of_a_character: Fault::SplitUtf8,
    lines_of_invalid_utf8: Fault::InvalidUtf8,
    lines_with_nul: Fault::Nul,
    lines_that_are_no_objects: Fault::NoObject,
    an_answer_with_the_wrong_id: Fault::WrongId,
    a_second_answer: Fault::DuplicateId,
    answers_with_unknown_ids: Fault::UnknownIds,
    a_late_answer: Fault::LateAnswer,
    events_of_unknown_threads: Fault::UnknownThread,
    events_of_unknown_turns: Fault::UnknownTurn,
    a_completion_before_the_answer: Fault::EarlyCompletion,
    a_second_completion: Fault::SecondCompletion,
    no_completion: Fault::NoCompletion,
    a_runtime_that_is_killed: Fault::Killed,
    a_runtime_that_is_stopped: Fault::Stopped,
    a_runtime_that_exits_with_0: Fault::ExitsWith0,
    a_runtime_that_exits_with_1: Fault::ExitsWith1,
    a_runtime_that_closes_its_stdout: Fault::ClosesStdout,
    a_runtime_that_closes_its_stderr: Fault::ClosesStderr,
    a_runtime_that_fills_its_stderr: Fault::FillsStderr,
    a_runtime_that_reads_no_more: Fault::ReadsNoMore,
    a_runtime_that_never_answers: Fault::NeverAnswers,
}

/// Plays a fault at every moment.
fn row(fault: Fault) {
    let start = possessions::now();
    play_at(Fault::Nothing, &Moment::ALL);
    let before = start.with_memory_of(possessions::now());
    // The machine may have no room for nine very long lines at once.
    let at_once = if fault.line_bytes() > 0 { 2 } else { Moment::ALL.len() };
    let failed: Vec<String> = Moment::ALL.chunks(at_once).flat_map(|moments| play_at(fault, moments)).collect();
    assert!(failed.is_empty(), "{} of {} cells failed: {failed:#?}", failed.len(), Moment::ALL.len());
    if !before.were_given_back() {
        panic!("there was {before:?}, and there is {:?}; {:#?}", possessions::now(), one_by_one(fault));
    }
}

/// What there is after each moment, when something was not given back.
fn one_by_one(fault: Fault) -> Vec<(Moment, Possessions)> {
    let after = |moment| {
        play_at(fault, &[moment]);
        (moment, possessions::now())
    };
    Moment::ALL.map(after).into()
}

/// Plays a fault at some moments at once, and names the cells that failed.
fn play_at(fault: Fault, moments: &[Moment]) -> Vec<String> {
    let cells = moments.iter().filter(|moment| fault.can_be_at(**moment)).map(|&moment| {
        let name = format!("{fault:?} at {moment:?}");
        let cell = Builder::new().name(name.clone()).spawn(move || cell(fault, moment)).expect("a thread for a cell");
        (name, cell)
    });
    let cells: Vec<_> = cells.collect();
    cells.into_iter().filter_map(|(name, cell)| cell.join().err().map(|_| name)).collect()
}

fn cell(fault: Fault, moment: Moment) {
    play(moment.script(fault), move |fake| {
        let seen = host::live(fake, fault, moment);
        let complaints = verdict::complaints(fault, moment, &seen);
        assert!(complaints.is_empty(), "{complaints:#?}");
    });
}
