//! The `TurnResult`: what a turn did, collected from its events, whether it completed or not.

use std::sync::Arc;

use once_cell::sync::OnceCell;
use serde::Deserialize;

use super::error::Error;
use super::json::{self, Object, Tree, push_quoted, without_secrets};
use super::text::ZString;

/// How much is kept of a message that is not complete, in bytes: about what a model can say at once.
const MOST_PARTIAL: usize = 512 << 10;

/// Why a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// It came to its end.
    Completed,
    /// The runtime reported that it failed.
    Failed,
    /// Somebody interrupted it.
    Interrupted,
    /// Its time was up.
    Timeout,
    /// It was without an event for too long.
    IdleTimeout,
    /// It used more tokens than it may.
    TokenLimit,
    /// It began more commands and tool calls than it may.
    ToolLimit,
    /// The connection ended, or the client was closed.
    TransportClosed,
}

impl EndedBy {
    /// The word in the JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Timeout => "timeout",
            Self::IdleTimeout => "idleTimeout",
            Self::TokenLimit => "tokenLimit",
            Self::ToolLimit => "toolLimit",
            Self::TransportClosed => "transportClosed",
        }
    }
}

/// What is known of a turn's `turn` object, the raw text of each member.
#[derive(Clone, Debug, Default)]
struct TurnObject {
    status: Option<Box<str>>,
    error: Option<Box<str>>,
    started_at: Option<Box<str>>,
    completed_at: Option<Box<str>>,
    duration_ms: Option<Box<str>>,
}

#[derive(Clone, Debug)]
struct OpenItem {
    id: String,
    progress: Progress,
    json: Box<str>,
    /// The deltas of an agent message, still escaped.
    partial: String,
    /// How much of them is still kept.
    room: usize,
}

impl OpenItem {
    fn new(id: String, progress: Progress, json: Box<str>) -> Self {
        Self { id, progress, json, partial: String::new(), room: MOST_PARTIAL }
    }

    /// Keeps the beginning of what a message says: without a bound a message that never ends would fill the memory.
    fn say(&mut self, inside: &str) {
        match self.room.checked_sub(inside.len()) {
            Some(room) => {
                self.partial.push_str(inside);
                self.room = room;
            }
            None => self.room = 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// A command or a tool call: the turn waits for something outside the model.
    Tool,
    /// A message of the agent.
    Message,
    /// Anything else.
    Other,
}

#[derive(Clone, Debug)]
struct Item {
    id: String,
    progress: Progress,
    json: Box<str>,
}

/// A command that is in progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningCommand {
    /// Its item.
    pub item_id: String,
    /// What the runtime calls its process.
    pub process_id: String,
}

/// Gathers what a turn does.
#[derive(Clone, Debug, Default)]
pub struct Collector {
    thread_id: Arc<str>,
    turn_id: String,
    turn: TurnObject,
    items: Vec<Item>,
    /// So many of them may come again, as the runtime remembered them before it reported them.
    remembered: usize,
    /// The place behind the item that the runtime listed last.
    listed: usize,
    open: Vec<OpenItem>,
    usage: Option<Box<str>>,
    /// The tokens of the whole thread, as last reported.
    thread_total: Option<i64>,
    /// The sums over this turn's model requests, by the keys as they are written.
    spent: Vec<(String, i64)>,
    tool_calls: u64,
}

/// The tokens of the whole thread in a `tokenUsage`.
pub fn thread_total(usage_json: &str) -> Option<i64> {
    json::member(json::member(usage_json, "total")?, "totalTokens")?.parse().ok()
}

/// What an item says of itself first.
#[derive(Default)]
struct ItemHead {
    id: Option<String>,
    progress: Option<Progress>,
}

impl ItemHead {
    /// Reads no further than it must: items may be long.
    fn of(item_json: &str) -> Self {
        let mut head = Self::default();
        for json::Member { key, value } in json::members(item_json).into_iter().flatten() {
            match key {
                "id" => head.id = json::string(value),
                "type" => head.progress = json::string(value).as_deref().map(progress_of),
                _ => {}
            }
            if head.id.is_some() && head.progress.is_some() {
                break;
            }
        }
        head
    }

    fn into_parts(self) -> (String, Progress) {
        (self.id.unwrap_or_default(), self.progress.unwrap_or(Progress::Other))
    }
}

impl Collector {
    /// Nothing collected yet.
    pub fn new(thread_id: Arc<str>) -> Self {
        Self { thread_id, ..Self::default() }
    }

    /// What the whole thread had used before the turn.
    pub fn set_thread_total(&mut self, total: Option<i64>) {
        self.thread_total = total;
    }

    /// The turn has its id.
    pub fn set_turn_id(&mut self, turn_id: &str) {
        self.turn_id = turn_id.into();
    }

    /// A `turn` object: of the answer, of `turn/started`, of `turn/completed`.
    pub fn turn(&mut self, turn_json: &str) {
        let turn = &mut self.turn;
        for json::Member { key, value } in json::members(turn_json).into_iter().flatten() {
            let place = match key {
                _ if value == "null" => continue,
                "status" => &mut turn.status,
                "error" => &mut turn.error,
                "startedAt" => &mut turn.started_at,
                "completedAt" => &mut turn.completed_at,
                "durationMs" => &mut turn.duration_ms,
                _ => continue,
            };
            *place = Some(value.into());
        }
    }

    /// A `turn` object of one of the turns that make up a goal: where it stands is where the whole stands, and the whole began
    /// with the first.
    pub fn step(&mut self, turn_json: &str) {
        let began = self.turn.started_at.clone();
        self.turn = TurnObject::default();
        self.turn(turn_json);
        self.turn.started_at = began.or(self.turn.started_at.take());
        self.turn.duration_ms = self.span_ms().map(|span| span.to_string().into());
    }

    /// The `turn` object of the last of the turns that make up a goal, as that of the whole.
    pub fn whole(&self, turn_json: &str) -> String {
        let mut turn = Object::parse(turn_json).unwrap_or_default();
        for (key, value) in [
            ("status", &self.turn.status),
            ("startedAt", &self.turn.started_at),
            ("durationMs", &self.turn.duration_ms),
        ] {
            turn.set_raw(key, value.as_deref().unwrap_or("null"));
        }
        turn.to_json()
    }

    /// The host interrupted a goal between two of its turns.
    pub fn set_interrupted(&mut self) {
        self.turn.status = Some("\"interrupted\"".into());
    }

    /// From the beginning to the end, which the runtime tells in seconds.
    fn span_ms(&self) -> Option<i64> {
        let seconds = |raw: &Option<Box<str>>| raw.as_deref().and_then(|raw| raw.parse::<i64>().ok());
        Some((seconds(&self.turn.completed_at)? - seconds(&self.turn.started_at)?) * 1000)
    }

    /// The `item` of `item/started`.
    pub fn item_started(&mut self, item_json: &str) {
        let (id, progress) = ItemHead::of(item_json).into_parts();
        match progress {
            Progress::Tool => self.tool_calls += 1,
            // The model says one thing at a time: a message that is still open was cut off by new input.
            Progress::Message => self.messages_cut(),
            Progress::Other => {}
        }
        self.open.retain(|open| open.id != id);
        self.open.reserve_exact(1);
        self.open.push(OpenItem::new(id, progress, item_json.into()));
    }

    /// The `delta` of an agent message: a JSON string, quotes included.
    pub fn message_delta(&mut self, item_id: &str, raw_delta: &str) {
        let Some(inside) = raw_delta.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else { return };
        if let Some(open) = self.open.iter_mut().find(|open| open.id == item_id) {
            return open.say(inside);
        }
        let mut open = OpenItem::new(item_id.into(), Progress::Message, "null".into());
        open.say(inside);
        self.open.push(open);
    }

    /// The `item` of `item/completed`.
    pub fn item_completed(&mut self, item_json: &str) {
        let (id, progress) = ItemHead::of(item_json).into_parts();
        self.open.retain(|open| open.id != id);
        if let Some(known) = self.items[..self.remembered].iter_mut().find(|item| item.id == id) {
            known.json = item_json.into();
            return;
        }
        if self.items.is_empty() {
            // Room for four would be a good part of what an open turn occupies, and most have few.
            self.items.reserve_exact(1);
        }
        self.items.push(Item { id, progress, json: item_json.into() });
    }

    /// A list of items that the runtime remembers begins.
    pub fn list_begins(&mut self) {
        self.listed = 0;
    }

    /// An item that the runtime remembers, as the next of its list; counts unless it was seen.
    pub fn item_remembered(&mut self, item_json: &str) {
        let (id, progress) = ItemHead::of(item_json).into_parts();
        if let Some(at) = self.items.iter().position(|item| item.id == id) {
            self.listed = at + 1;
            return;
        }
        self.open.retain(|open| open.id != id);
        self.items.insert(self.listed, Item { id, progress, json: item_json.into() });
        self.listed += 1;
        self.remembered = self.items.len();
    }

    /// What the model was saying was cut off and will never be completed.
    pub fn messages_cut(&mut self) {
        self.open.retain(|open| open.progress != Progress::Message);
    }

    /// The `tokenUsage` of `thread/tokenUsage/updated`. Says how many tokens the model request took that it tells of.
    pub fn used(&mut self, usage_json: &str) -> u64 {
        self.usage = Some(usage_json.into());
        let total = thread_total(usage_json);
        // Around a compaction the runtime reports again, when nothing was asked of the model.
        if total.is_some() && std::mem::replace(&mut self.thread_total, total) == total {
            return 0;
        }
        let before = self.total_tokens().unwrap_or_default();
        let last = json::member(usage_json, "last").and_then(json::members);
        for json::Member { key, value } in last.into_iter().flatten() {
            let Ok(count) = value.parse::<i64>() else { continue };
            match self.spent.iter_mut().find(|(known, _)| known == key) {
                Some((_, sum)) => *sum = sum.saturating_add(count),
                None => self.spent.push((key.to_owned(), count)),
            }
        }
        u64::try_from(self.total_tokens().unwrap_or_default() - before).unwrap_or_default()
    }

    /// The tokens of this turn's own model requests; `None` before the first is known.
    pub fn total_tokens(&self) -> Option<i64> {
        self.spent.iter().find(|(key, _)| key == "totalTokens").map(|(_, sum)| *sum)
    }

    /// How many commands and tool calls began.
    pub fn tool_calls(&self) -> u64 {
        self.tool_calls
    }

    /// Whether a command or tool call is in progress.
    pub fn is_busy(&self) -> bool {
        self.open.iter().any(|open| open.progress == Progress::Tool)
    }

    /// The commands that are in progress and have a process.
    pub fn running_commands(&self) -> Vec<RunningCommand> {
        let process_of = |open: &OpenItem| json::member(&open.json, "processId").and_then(json::string);
        let tools = self.open.iter().filter(|open| open.progress == Progress::Tool);
        let command = |open: &OpenItem| {
            process_of(open).map(|process_id| RunningCommand { item_id: open.id.clone(), process_id })
        };
        tools.filter_map(command).collect()
    }

    /// The item as it began, while it is open.
    pub fn open_item(&self, item_id: &str) -> Option<&str> {
        self.open.iter().find(|open| open.id == item_id).map(|open| &*open.json)
    }

    /// The status that the runtime gave the turn, "" before it gave one.
    pub fn status(&self) -> &str {
        // A word, in which nothing is escaped.
        self.turn.status.as_deref().unwrap_or_default().trim_matches('"')
    }

    /// The `error` object of the turn.
    pub fn error_json(&self) -> Option<&str> {
        self.turn.error.as_deref().filter(|raw| *raw != "null")
    }

    /// The result so far. `error` is what the library itself found, if the runtime gave no reason; like every error it holds
    /// no secrets, while the items are the runtime's own.
    pub fn finish(&self, ended_by: EndedBy, error: Option<&Error>) -> TurnResult {
        let final_response = self.final_response();
        let without_secrets = |said| error.and_then(Error::data).map_or_else(|| without_secrets(said), str::to_owned);
        let error_json = self.error_json().map(without_secrets).or_else(|| error.map(error_object));
        let mut json = String::with_capacity(256 + self.items.iter().map(|item| item.json.len() + 1).sum::<usize>());
        json.push_str("{\"id\":");
        push_quoted(&mut json, &self.turn_id);
        json.push_str(",\"threadId\":");
        push_quoted(&mut json, &self.thread_id);
        json.push_str(",\"status\":");
        push_quoted(&mut json, self.status());
        push_member(&mut json, "error", error_json.as_deref());
        push_member(&mut json, "startedAt", self.turn.started_at.as_deref());
        push_member(&mut json, "completedAt", self.turn.completed_at.as_deref());
        push_member(&mut json, "durationMs", self.turn.duration_ms.as_deref());
        push_string(&mut json, "finalResponse", final_response.as_deref());
        json.push_str(",\"items\":[");
        for (index, item) in self.items.iter().enumerate() {
            json.push_str(if index == 0 { "" } else { "," });
            json.push_str(&item.json);
        }
        json.push(']');
        push_member(&mut json, "usage", self.usage_with_turn().as_deref());
        push_string(&mut json, "endedBy", Some(ended_by.word()));
        let partial = if ended_by == EndedBy::Completed { None } else { self.partial_response() };
        push_string(&mut json, "partialResponse", partial.as_deref());
        json.push('}');
        TurnResult {
            json: json.into(),
            id: ZString::new(&self.turn_id),
            status: ZString::new(self.status()),
            error_message: error_json.as_deref().and_then(message_of).map(ZString::from),
            final_response: final_response.map(ZString::from),
            duration_ms: self.turn.duration_ms.as_deref().and_then(|raw| raw.parse().ok()),
            total_tokens: self.total_tokens(),
            item_count: self.items.len(),
            value: OnceCell::new(),
            output: OnceCell::new(),
        }
    }

    /// The newest agent message with phase `final_answer`, else the newest without a phase.
    fn final_response(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Message {
            #[serde(default)]
            phase: Option<String>,
            text: String,
        }
        let mut without_phase = None;
        for item in self.items.iter().rev().filter(|item| item.progress == Progress::Message) {
            let Ok(message) = serde_json::from_str::<Message>(&item.json) else { continue };
            match message.phase.as_deref() {
                Some("final_answer") => return Some(message.text),
                None if without_phase.is_none() => without_phase = Some(message.text),
                _ => {}
            }
        }
        without_phase
    }

    fn partial_response(&self) -> Option<String> {
        let message =
            self.open.iter().rev().find(|open| open.progress == Progress::Message && !open.partial.is_empty())?;
        json::string(&format!("\"{}\"", message.partial))
    }

    fn usage_with_turn(&self) -> Option<String> {
        let reported = json::members(self.usage.as_deref()?)?.filter(|member| member.key != "turn");
        let mut usage = String::from("{");
        for json::Member { key, value } in reported {
            usage.extend(["\"", key, "\":", value, ","]);
        }
        let spent: Vec<String> = self.spent.iter().map(|(key, sum)| format!("\"{key}\":{sum}")).collect();
        usage.extend(["\"turn\":{", &spent.join(","), "}}"]);
        Some(usage)
    }
}

fn progress_of(kind: &str) -> Progress {
    match kind {
        "agentMessage" => Progress::Message,
        "commandExecution" | "fileChange" | "mcpToolCall" | "dynamicToolCall" | "collabAgentToolCall" | "webSearch" => {
            Progress::Tool
        }
        _ => Progress::Other,
    }
}

fn push_member(json: &mut String, key: &str, raw: Option<&str>) {
    json.extend([",\"", key, "\":", raw.unwrap_or("null")]);
}

fn push_string(json: &mut String, key: &str, text: Option<&str>) {
    json.extend([",\"", key, "\":"]);
    match text {
        Some(text) => push_quoted(json, text),
        None => json.push_str("null"),
    }
}

fn error_object(error: &Error) -> String {
    format!("{{\"message\":{},\"codexErrorInfo\":null,\"additionalDetails\":null}}", json::quote(error.message()))
}

fn message_of(error_json: &str) -> Option<String> {
    json::member(error_json, "message").and_then(json::string)
}

/// What a turn did. Made once; every waiter shares it.
#[derive(Debug)]
pub struct TurnResult {
    json: ZString,
    id: ZString,
    status: ZString,
    error_message: Option<ZString>,
    final_response: Option<ZString>,
    duration_ms: Option<i64>,
    total_tokens: Option<i64>,
    item_count: usize,
    value: OnceCell<Option<Tree>>,
    output: OnceCell<Option<Tree>>,
}

impl TurnResult {
    /// The whole as JSON.
    pub fn json(&self) -> &ZString {
        &self.json
    }

    /// The id of the turn; "" when it never got one.
    pub fn id(&self) -> &ZString {
        &self.id
    }

    /// The status that the runtime gave the turn: "completed", "failed", "interrupted"; "inProgress" when it never said how it ended.
    pub fn status(&self) -> &ZString {
        &self.status
    }

    /// The last word of the agent.
    pub fn final_response(&self) -> Option<&ZString> {
        self.final_response.as_ref()
    }

    /// Why it did not complete.
    pub fn error_message(&self) -> Option<&ZString> {
        self.error_message.as_ref()
    }

    /// How long it took, in milliseconds.
    pub fn duration_ms(&self) -> Option<i64> {
        self.duration_ms
    }

    /// The tokens of this turn's own model requests.
    pub fn total_tokens(&self) -> Option<i64> {
        self.total_tokens
    }

    /// How many items were completed.
    pub fn item_count(&self) -> usize {
        self.item_count
    }

    /// The whole as a tree, built when first asked for.
    pub fn value(&self) -> Option<&Tree> {
        self.value.get_or_init(|| Tree::parse(self.json.as_str()).ok()).as_ref()
    }

    /// The last word of the agent parsed as JSON; `None` when it is none.
    pub fn output(&self) -> Option<&Tree> {
        let parse = || self.final_response.as_ref().and_then(|text| Tree::parse(text.as_str()).ok());
        self.output.get_or_init(parse).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, phase: &str, text: &str) -> String {
        format!(r#"{{"type":"agentMessage","id":"{id}","phase":{phase},"text":"{text}"}}"#)
    }

    fn final_of(messages: &[String]) -> Option<String> {
        let mut collector = Collector::new("t".into());
        messages.iter().for_each(|item| collector.item_completed(item));
        collector.finish(EndedBy::Completed, None).final_response().map(|text| text.as_str().to_owned())
    }

    #[test]
    fn the_newest_final_answer_wins_then_the_newest_without_a_phase() {
        let commentary = message("1", "\"commentary\"", "busy");
        let answer = message("2", "\"final_answer\"", "done");
        let plain = message("3", "null", "plain");
        assert_eq!(final_of(&[answer.clone(), commentary.clone()]).as_deref(), Some("done"));
        assert_eq!(final_of(&[answer, plain.clone()]).as_deref(), Some("done"));
        assert_eq!(final_of(&[message("0", "null", "old"), plain]).as_deref(), Some("plain"));
        assert_eq!(final_of(&[commentary]), None);
    }

    #[test]
    fn an_empty_final_answer_stays_an_empty_string() {
        assert_eq!(final_of(&[message("1", "null", "first"), message("2", "null", "")]).as_deref(), Some(""));
    }

    #[test]
    fn items_are_handed_out_verbatim() {
        let odd = r#"{"type":"future/item" , "id":"x","n":1.50,"deep":{"a":[1,{}]}}"#;
        let mut collector = Collector::new("t".into());
        collector.item_completed(odd);
        let result = collector.finish(EndedBy::Completed, None);
        assert!(result.json().as_str().contains(odd));
        assert_eq!(result.item_count(), 1);
    }

    #[test]
    fn usage_is_verbatim_and_sums_this_turns_requests() {
        let mut collector = Collector::new("t".into());
        collector.used(
            r#"{"total":{"totalTokens":10},"last":{"totalTokens":10,"inputTokens":7},"modelContextWindow":258400}"#,
        );
        collector.used(
            r#"{"total":{"totalTokens":15},"last":{"totalTokens":5,"inputTokens":4},"modelContextWindow":258400}"#,
        );
        let result = collector.finish(EndedBy::Completed, None);
        let json: serde_json::Value = serde_json::from_str(result.json().as_str()).unwrap();
        assert_eq!(json["usage"]["total"]["totalTokens"], 15);
        assert_eq!(json["usage"]["modelContextWindow"], 258400);
        assert_eq!(json["usage"]["turn"], serde_json::json!({"totalTokens": 15, "inputTokens": 11}));
        assert_eq!(result.total_tokens(), Some(15));
    }

    #[test]
    fn usage_that_is_reported_again_counts_once() {
        let mut collector = Collector::new("t".into());
        collector.set_thread_total(Some(10));
        for (total, last) in [(10, 10), (15, 5), (15, 7700)] {
            collector.used(&format!(r#"{{"total":{{"totalTokens":{total}}},"last":{{"totalTokens":{last}}}}}"#));
        }
        assert_eq!(collector.total_tokens(), Some(5));
    }

    #[test]
    fn what_was_still_streaming_is_the_partial_response() {
        let mut collector = Collector::new("t".into());
        collector.item_started(r#"{"type":"agentMessage","id":"m","text":""}"#);
        collector.message_delta("m", r#""a\n""#);
        collector.message_delta("m", r#""\u00e9""#);
        let result = collector.finish(EndedBy::Interrupted, None);
        let json: serde_json::Value = serde_json::from_str(result.json().as_str()).unwrap();
        assert_eq!(json["partialResponse"], "a\né");
        assert_eq!(json["endedBy"], "interrupted");
        assert!(json["finalResponse"].is_null());
        collector.messages_cut();
        assert!(collector.finish(EndedBy::Failed, None).json().as_str().contains("\"partialResponse\":null"));
    }

    /// The partial response of a message whose pieces are so long; each piece has a letter of its own.
    fn partial_of_pieces(lengths: &[usize]) -> Option<String> {
        let mut collector = Collector::new("t".into());
        for (letter, length) in ('a'..).zip(lengths) {
            collector.message_delta("m", &format!("\"{}\"", letter.to_string().repeat(*length)));
        }
        collector.partial_response()
    }

    #[test]
    fn a_partial_response_is_the_beginning_of_a_message_without_a_gap() {
        let partial = partial_of_pieces(&[MOST_PARTIAL - 1, 2, 1]).unwrap();
        assert_eq!((partial.len(), partial.contains('c')), (MOST_PARTIAL - 1, false));
    }

    #[test]
    fn a_first_piece_beyond_the_bound_is_not_kept_either() {
        assert_eq!(partial_of_pieces(&[MOST_PARTIAL + 1]), None);
    }

    #[test]
    fn a_message_that_new_input_cut_off_is_no_partial_response() {
        let mut collector = Collector::new("t".into());
        collector.item_started(r#"{"type":"agentMessage","id":"m","text":""}"#);
        collector.message_delta("m", r#""cut off""#);
        assert!(collector.finish(EndedBy::Completed, None).json().as_str().contains("\"partialResponse\":null"));
        collector.item_started(r#"{"type":"agentMessage","id":"n","text":""}"#);
        assert!(collector.finish(EndedBy::Failed, None).json().as_str().contains("\"partialResponse\":null"));
    }

    #[test]
    fn a_result_without_an_error_of_the_runtime_carries_the_librarys() {
        let result = Collector::new("t".into()).finish(EndedBy::TransportClosed, Some(&Error::closed()));
        assert_eq!(result.error_message().map(ZString::as_str), Some(Error::closed().message()));
    }

    #[test]
    fn structured_output_is_parsed() {
        let mut collector = Collector::new("t".into());
        collector.item_completed(&message("1", "null", r#"{\"ok\":true}"#));
        assert!(collector.finish(EndedBy::Completed, None).output().is_some());
    }

    #[test]
    fn commands_and_tools_are_counted_and_known_while_open() {
        let mut collector = Collector::new("t".into());
        collector.item_started(r#"{"type":"commandExecution","id":"c","command":"ls"}"#);
        assert!(collector.is_busy());
        assert_eq!(collector.open_item("c"), Some(r#"{"type":"commandExecution","id":"c","command":"ls"}"#));
        collector.item_completed(r#"{"type":"commandExecution","id":"c"}"#);
        assert!(!collector.is_busy());
        assert_eq!(collector.tool_calls(), 1);
    }
}
