//! Whether what was seen is what must hold.

use std::time::Duration;

use codex::engine::error::{Error, Status};
use serde_json::{Value, json};

use crate::expect::{ABOVE_CEILING, Expected, Fate, Outcome, expected};
use crate::faults::Fault;
use crate::host::{CEILING, Figures, Seen, Step, Taken};
use crate::moments::Moment;
use crate::support::follow::{End, items, messages};

/// No step takes longer than its answer may by as much as this, but for one that hangs.
const MARGIN: Duration = Duration::from_secs(10);

/// Everything that is not as it must be.
pub fn complaints(fault: Fault, moment: Moment, seen: &Seen) -> Vec<String> {
    let expected = expected(fault, moment);
    let has_started = |steps: &[Step]| has_started(&expected, moment, steps);
    let subject = has_started(&[Step::Connect, Step::OpenThread, Step::StartTurn]).then_some(&expected.subject);
    let bystander = has_started(&[Step::Connect, Step::Bystander]).then_some(&expected.bystander);
    let bound = fault.patience() + MARGIN;
    let steps = seen.steps.iter().filter_map(|taken| of_step(taken, expected.of_step(taken.step, moment), bound));
    let subject = of_turn("subject", seen.subject.as_ref(), subject);
    let bystander = of_turn("bystander", seen.bystander.as_ref(), bystander);
    let figures = seen.figures.as_ref().and_then(|figures| of_figures(figures, fault, moment));
    steps.chain(subject).chain(bystander).chain(figures).collect()
}

/// A turn starts when all steps up to it work.
fn has_started(expected: &Expected, moment: Moment, steps: &[Step]) -> bool {
    steps.iter().all(|step| matches!(expected.of_step(*step, moment), Outcome::Works))
}

fn of_step(taken: &Taken, expected: &Outcome, bound: Duration) -> Option<String> {
    let Taken { step, outcome, time } = taken;
    if *time > bound {
        return Some(format!("{step:?} took {time:?}"));
    }
    let is_so = match (outcome, expected) {
        (Ok(()), Outcome::Works | Outcome::MayFail(..)) => true,
        (Err(error), Outcome::Fails(status, words) | Outcome::MayFail(status, words)) => {
            has_words(error, *status, words)
        }
        _ => false,
    };
    (!is_so).then(|| format!("{step:?} came to {outcome:?} and not to {expected:?}"))
}

fn has_words(error: &Error, status: Status, words: &[&str]) -> bool {
    error.status() == status && words.iter().all(|word| error.message().contains(word))
}

fn of_turn(who: &str, end: Option<&End>, expected: Option<&Fate>) -> Option<String> {
    let is_so = match (end, expected) {
        (None, None) => true,
        (Some(end), Some(Fate::Completes)) => is_whole(end),
        (Some(End { error: Some(error), result }), Some(Fate::Ends(ended_by, status, words))) => {
            result["endedBy"] == *ended_by && has_words(error, *status, words) && is_partial(result)
        }
        _ => false,
    };
    (!is_so).then(|| format!("the turn of the {who} came to {end:?} and not to {expected:?}"))
}

fn is_whole(end: &End) -> bool {
    let how = (&end.result["status"], &end.result["endedBy"]);
    end.error.is_none()
        && how == (&json!("completed"), &json!("completed"))
        && messages(&end.result) == ["half a sentence"]
}

/// What was said and done until then is there.
fn is_partial(result: &Value) -> bool {
    let said = ["partialResponse", "finalResponse"].iter().find_map(|said| result[said].as_str());
    said.is_some_and(|said| said.starts_with("half a ")) && !items(result, "userMessage").is_empty()
}

/// A client counts what it skipped. What comes while it is being closed, it need not see.
fn of_figures(figures: &Figures, fault: Fault, moment: Moment) -> Option<String> {
    let Figures { malformed, oversized, peak_queued } = *figures;
    if moment != Moment::Close && (malformed, oversized) != (fault.malformed(), fault.oversized()) {
        return Some(format!("{malformed} lines were malformed and {oversized} too long"));
    }
    let is_bounded = peak_queued <= (CEILING + ABOVE_CEILING + 2 * fault.line_bytes()) as u64;
    (!is_bounded).then(|| format!("{peak_queued} bytes were queued"))
}
