//! What comes next in a recording, and whether what the host sends fits: no input or output, no clock.
//!
//! The order of the runtime's messages is the recorded one. Each is handed out once the host has sent everything that it had
//! sent before it. What the host sends may come in another order, as threads do: it takes the place of what fits it best.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use crate::engine::json::{member, spliced, string};
use crate::engine::transport::recording::{Entry, Parted, Place};

/// How long another thread of the host may take to send what comes before an answer that is waited for.
pub(super) const STANDSTILL: Duration = Duration::from_secs(10);

/// How much of a message is quoted.
const QUOTED: usize = 200;

/// Members of an answer that decide something; what else it says may differ.
const DECISIONS: &[&str] = &["action", "decision", "permissions", "scope", "success"];

/// The status of a turn that is not over.
const IN_PROGRESS: &str = "inProgress";

/// What the host does not do as it was recorded: a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mismatch(pub(super) String);

/// Why nothing goes on, and for how long that may be so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Standstill {
    pub(super) why: Mismatch,
    pub(super) patience: Duration,
}

/// What the recording goes on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cue {
    /// A message of the runtime.
    Message(String),
    /// One that was too long.
    Skipped { bytes: u64, begins: String },
    /// The end of the runtime.
    Ended(Parted),
    /// The recording stops in the middle of something.
    CutOff(Mismatch),
    /// First the host has to send something.
    Wait,
}

/// A message of the host, as far as it is compared.
#[derive(Clone, Copy, Debug)]
enum Said<'a> {
    Request { id: &'a str, call: Call<'a> },
    Notification(Call<'a>),
    Answer { id: &'a str, message: &'a str },
}

#[derive(Clone, Copy, Debug)]
struct Call<'a> {
    method: &'a str,
    params: &'a str,
}

/// What messages of the host are alike in.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// Calls of this method.
    Request(String),
    /// Notifications of this method.
    Notification(String),
    /// Answers to the request of this id.
    Answer(String),
}

/// What the host has not sent yet.
#[derive(Debug)]
struct Expected {
    /// Where it is.
    index: usize,
    /// What can stand in its place.
    part: Part,
    /// Which thread it is about.
    thread: Option<String>,
}

/// A recording, and how far it is played.
#[derive(Debug)]
pub(super) struct Play {
    entries: Vec<(Place, Entry)>,
    /// Everything before this is over.
    next: usize,
    /// What the host has not sent yet, in the recorded order.
    expected: Vec<Expected>,
    /// Where the answers to recorded calls are, by recorded id.
    answers: HashMap<String, usize>,
    /// The ids that the host gave to calls, by recorded id.
    ids: HashMap<String, String>,
    /// Answers that the host waits for.
    awaited: BTreeSet<usize>,
    /// Calls that the recording does not answer: id and line.
    unanswered: Vec<(String, usize)>,
    /// The methods of the runtime's requests, by id.
    asked: HashMap<String, String>,
    /// Turns that began.
    running: BTreeSet<String>,
    /// Turns that are over, perhaps before the answer came that tells that they began.
    completed: HashSet<String>,
    remarks: Vec<String>,
}

impl Play {
    pub(super) fn new(entries: Vec<(Place, Entry)>) -> Self {
        let sent = |(index, (_, entry)): (usize, &(Place, Entry))| match entry {
            Entry::Sent(message) => Some(Expected::new(index, &Said::of(message))),
            _ => None,
        };
        let answer_at = |(index, (_, entry)): (usize, &(Place, Entry))| match entry {
            Entry::Received(message) | Entry::Skipped { begins: message, .. } => {
                answered_id(message).map(|id| (id.to_owned(), index))
            }
            _ => None,
        };
        Self {
            expected: entries.iter().enumerate().filter_map(sent).collect(),
            answers: entries.iter().enumerate().filter_map(answer_at).collect(),
            entries,
            next: 0,
            ids: HashMap::new(),
            awaited: BTreeSet::new(),
            unanswered: Vec::new(),
            asked: HashMap::new(),
            running: BTreeSet::new(),
            completed: HashSet::new(),
            remarks: Vec::new(),
        }
    }

    /// The host sends a message, which is given here without its secrets.
    pub(super) fn sent(&mut self, message: &str) -> Result<(), Mismatch> {
        let said = Said::of(message);
        let position = self.place_of(&said).ok_or_else(|| self.nothing_fits(&said))?;
        let index = self.expected[position].index;
        self.compare(index, &said)?;
        self.expected.remove(position);
        if let Said::Request { id, call } = said {
            self.await_answer(index, id, call.method);
        }
        Ok(())
    }

    /// The place in `expected` of what was recorded in the place of this.
    fn place_of(&self, said: &Said<'_>) -> Option<usize> {
        let part = said.part();
        let first = |test: &dyn Fn(&Expected) -> bool| {
            self.expected.iter().position(|expected| expected.part == part && test(expected))
        };
        let Some(call) = said.call() else { return first(&|_| true) };
        let thread = call.thread();
        let same_thread = || first(&|expected| expected.thread.as_deref() == thread);
        let same_params = || first(&|expected| self.params(expected.index) == Some(call.params));
        // What is said to one thread is said in order; calls that belong to none may be made by anybody at any time.
        let exact = if thread.is_none() { same_params() } else { None };
        exact.or_else(same_thread).or_else(|| first(&|_| true))
    }

    fn nothing_fits(&self, said: &Said<'_>) -> Mismatch {
        let came = said.describe();
        Mismatch(match self.expected.first() {
            Some(Expected { index, .. }) => {
                let (expected, line) = (Said::of(self.message(*index)).describe(), self.line(*index));
                format!(
                    "the program sent {came}, which the recording has nowhere from here on; it has {expected} in line {line}"
                )
            }
            None => {
                let last = self.last_line();
                format!("the program sent {came}, and the recording, which ends in line {last}, has nothing more of it")
            }
        })
    }

    /// What decides must be the same; what else differs is remarked.
    fn compare(&mut self, index: usize, said: &Said<'_>) -> Result<(), Mismatch> {
        let line = self.line(index);
        let recorded = Said::of(self.message(index));
        let remark = match (said, &recorded) {
            (Said::Answer { id, message }, Said::Answer { message: expected, .. }) => {
                let method = self.asked.get(*id).map_or("a request", String::as_str);
                if decision(message) != decision(expected) {
                    return Err(Mismatch(format!(
                        "the program answered {method} with {}, and the recording has {} in line {line}",
                        shortened(outcome(message)),
                        shortened(outcome(expected))
                    )));
                }
                (message != expected).then(|| format!("the answer to {method} differs from line {line}"))
            }
            _ => said.call().zip(recorded.call()).and_then(|(call, expected)| difference(line, call, expected)),
        };
        self.remarks.extend(remark);
        Ok(())
    }

    fn await_answer(&mut self, index: usize, id: &str, method: &str) {
        let recorded = member(self.message(index), "id").unwrap_or_default().to_owned();
        match self.answers.get(&recorded) {
            Some(answer) => drop(self.awaited.insert(*answer)),
            None => self.unanswered.push((string(method).unwrap_or_default(), self.line(index))),
        }
        self.ids.insert(recorded, id.to_owned());
    }

    /// The next thing that happens.
    pub(super) fn cue(&mut self) -> Cue {
        while let Some((_, entry)) = self.entries.get_mut(self.next) {
            let is_expected = self.expected.first().is_some_and(|expected| expected.index == self.next);
            let cue = match entry {
                Entry::Sent(_) if is_expected => return Cue::Wait,
                Entry::Closed => return Cue::Wait,
                Entry::Ended(parted) => return Cue::Ended(parted.clone()),
                Entry::Sent(_) => None,
                Entry::Received(message) => Some(Cue::Message(std::mem::take(message))),
                Entry::Skipped { bytes, begins } => {
                    Some(Cue::Skipped { bytes: *bytes, begins: std::mem::take(begins) })
                }
            };
            self.awaited.remove(&self.next);
            self.next += 1;
            if let Some(cue) = cue {
                return self.with_ids_of_host(cue);
            }
        }
        self.at_the_end()
    }

    /// A recording that stops without an end stops where its program did. What was under way then will never go on.
    fn at_the_end(&self) -> Cue {
        let last = self.last_line();
        let middle = match (self.unanswered.first(), self.running_turn()) {
            (Some((method, line)), _) => format!("before {method} of line {line} is answered"),
            (None, Some(turn)) => format!("in the middle of turn {turn}"),
            (None, None) => return Cue::Wait,
        };
        Cue::CutOff(Mismatch(format!("the recording stops in line {last}, {middle}: its program ended there")))
    }

    /// Answers are to calls of this host, whose ids may be others.
    fn with_ids_of_host(&mut self, cue: Cue) -> Cue {
        match cue {
            Cue::Message(message) => {
                self.note(&message);
                Cue::Message(self.with_id_of_host(message))
            }
            Cue::Skipped { bytes, begins } => Cue::Skipped { bytes, begins: self.with_id_of_host(begins) },
            _ => cue,
        }
    }

    fn with_id_of_host(&self, message: String) -> String {
        let spliced = answered_id(&message).and_then(|id| Some(spliced(&message, id, self.ids.get(id)?)));
        spliced.unwrap_or(message)
    }

    fn note(&mut self, message: &str) {
        let Some(method) = member(message, "method").and_then(string) else { return self.note_answer(message) };
        let turn = || member(message, "params").and_then(|params| member(params, "turn"));
        let turn_id = || turn().and_then(|turn| text(turn, "id"));
        // A part of a turn, as a review has one, is over with the whole.
        let whole = || turn().and_then(|turn| text(turn, "rootTurnId")).or_else(turn_id);
        match (&*method, member(message, "id")) {
            (_, Some(id)) => drop(self.asked.insert(id.to_owned(), method)),
            ("turn/started", _) => self.running.extend(whole()),
            ("turn/completed", _) => self.completed.extend(turn_id()),
            _ => {}
        }
    }

    /// A turn may be begun by its answer alone, where the recording stops behind that.
    fn note_answer(&mut self, answer: &str) {
        let turn = member(answer, "result").and_then(|result| member(result, "turn"));
        let running = turn.filter(|turn| text(turn, "status").as_deref() == Some(IN_PROGRESS));
        self.running.extend(running.and_then(|turn| text(turn, "id")));
    }

    /// Why nothing goes on although the host waits: it made a call before its time, or does not say what a turn goes on with.
    pub(super) fn standstill(&self) -> Option<Standstill> {
        let (place, entry) = self.entries.get(self.next)?;
        let expected = match entry {
            Entry::Sent(message) => Said::of(message).call().map(|_| Said::of(message).describe())?,
            Entry::Closed if self.awaited.is_empty() => "the end of the client".to_owned(),
            _ => return None,
        };
        let (awaited, patience) = match (self.awaited.first(), self.running_turn()) {
            (Some(answer), _) => (format!("the answer in line {}", self.line(*answer)), STANDSTILL),
            // A deadline, or a person, may take as long as it took then.
            (None, Some(turn)) => (format!("the end of turn {turn}"), STANDSTILL + Duration::from_millis(place.ms)),
            (None, None) => return None,
        };
        let why = format!(
            "the program waits for {awaited}, before which the recording has {expected} in line {}, which has not come",
            place.line
        );
        Some(Standstill { why: Mismatch(why), patience })
    }

    fn running_turn(&self) -> Option<&String> {
        self.running.iter().find(|turn| !self.completed.contains(*turn))
    }

    fn last_line(&self) -> usize {
        self.entries.last().map_or(1, |(place, _)| place.line)
    }

    /// What is left once the host has ended the connection.
    pub(super) fn close(&mut self) {
        let left = &self.entries[self.next..];
        let before_end = left.iter().take_while(|(_, entry)| *entry != Entry::Closed);
        let mut unplayed = before_end.filter(|(_, entry)| matches!(entry, Entry::Sent(_)));
        if let Some((Place { line, .. }, _)) = unplayed.next() {
            self.remarks.push(format!("the client was closed before line {line} of the recording was played"));
        }
        let past_end = left.iter().position(|(_, entry)| *entry == Entry::Closed).map(|position| position + 1);
        self.next += past_end.unwrap_or(left.len());
        self.expected.retain(|expected| expected.index >= self.next);
        self.running.clear();
        self.unanswered.clear();
    }

    /// Differences that change nothing.
    pub(super) fn take_remarks(&mut self) -> Vec<String> {
        std::mem::take(&mut self.remarks)
    }

    fn line(&self, index: usize) -> usize {
        self.entries[index].0.line
    }

    fn params(&self, index: usize) -> Option<&str> {
        Said::of(self.message(index)).call().map(|call| call.params)
    }

    fn message(&self, index: usize) -> &str {
        match &self.entries[index].1 {
            Entry::Sent(message) | Entry::Received(message) => message,
            Entry::Skipped { .. } | Entry::Closed | Entry::Ended(_) => "",
        }
    }
}

impl Expected {
    fn new(index: usize, said: &Said<'_>) -> Self {
        Self { index, part: said.part(), thread: said.call().and_then(|call| call.thread()).map(str::to_owned) }
    }
}

impl<'a> Said<'a> {
    fn of(message: &'a str) -> Self {
        let params = member(message, "params").unwrap_or("{}");
        match (member(message, "method"), member(message, "id")) {
            (Some(method), Some(id)) => Self::Request { id, call: Call { method, params } },
            (Some(method), None) => Self::Notification(Call { method, params }),
            (None, id) => Self::Answer { id: id.unwrap_or_default(), message },
        }
    }

    fn call(&self) -> Option<Call<'a>> {
        match self {
            Self::Request { call, .. } | Self::Notification(call) => Some(*call),
            Self::Answer { .. } => None,
        }
    }

    fn part(&self) -> Part {
        match self {
            Self::Request { call, .. } => Part::Request(call.method.to_owned()),
            Self::Notification(call) => Part::Notification(call.method.to_owned()),
            Self::Answer { id, .. } => Part::Answer((*id).to_owned()),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Request { call, .. } | Self::Notification(call) => {
                let method = string(call.method).unwrap_or_default();
                call.thread().map_or_else(|| method.clone(), |thread| format!("{method} for thread {thread}"))
            }
            Self::Answer { id, message } => format!("the answer {} to request {id}", shortened(outcome(message))),
        }
    }
}

impl<'a> Call<'a> {
    fn thread(&self) -> Option<&'a str> {
        member(self.params, "threadId")
    }
}

/// The text of a member.
fn text(object: &str, key: &str) -> Option<String> {
    member(object, key).and_then(string)
}

/// The recorded id of the call that a message answers.
fn answered_id(message: &str) -> Option<&str> {
    if member(message, "method").is_some() { None } else { member(message, "id") }
}

/// What an answer says: its result or its error.
fn outcome(answer: &str) -> &str {
    member(answer, "result").or_else(|| member(answer, "error")).unwrap_or("null")
}

/// What in an answer decides something.
fn decision(answer: &str) -> Vec<Option<&str>> {
    let Some(result) = member(answer, "result") else { return Vec::new() };
    DECISIONS.iter().map(|name| member(result, name)).collect()
}

fn difference(line: usize, call: Call<'_>, expected: Call<'_>) -> Option<String> {
    (call.params != expected.params).then(|| {
        format!(
            "the params of {} differ from line {line}: {} was recorded, and the program sent {}",
            string(call.method).unwrap_or_default(),
            shortened(expected.params),
            shortened(call.params)
        )
    })
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
