//! The events of a turn.

use fake_runtime::{Turn, Turns};
use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::{fresh_id, now_ms};
use crate::context::Context;
use crate::stage::{MessageState, OpenTurn, Stage};
use crate::thread::{AgentMessage, Entry, Item, Status, TurnRecord, TurnView, UserMessage};

const BUILT_IN_TEXT: &str = "Hello from the fake runtime.";
pub(crate) const DELTA: &str = "item/agentMessage/delta";

/// The params of a delta of the agent message.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeltaParams<'a> {
    pub(crate) thread_id: &'a str,
    pub(crate) turn_id: &'a str,
    pub(crate) item_id: &'a str,
    pub(crate) delta: &'a str,
}

#[derive(Serialize)]
struct StartResult<'a> {
    turn: TurnView<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusParams<'a> {
    thread_id: &'a str,
    status: Value,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TurnParams<'a> {
    thread_id: &'a str,
    turn: TurnView<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemStarted<'a> {
    item: &'a Item,
    thread_id: &'a str,
    turn_id: &'a str,
    started_at_ms: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemCompleted<'a> {
    item: &'a Item,
    thread_id: &'a str,
    turn_id: &'a str,
    content_token_count: (),
    completed_at_ms: u64,
}

/// How a turn ends.
#[derive(Clone, Copy)]
enum Ending {
    Completed,
    Failed,
    Interrupted,
}

impl Ending {
    fn of(plan: &Turn) -> Self {
        match (plan.status.as_deref(), &plan.error) {
            (Some("failed"), _) | (None, Some(_)) => Self::Failed,
            (Some("interrupted"), _) => Self::Interrupted,
            _ => Self::Completed,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// Plays a turn: a fresh one, or a second user message for the one that is open, or the rest of the
/// one that this same request left open.
pub(crate) fn play(stage: &mut Stage, context: &Context, plan: &Turn) {
    match stage.open_turn(&context.turn_id).map(|turn| turn.opened_by) {
        None => play_fresh(stage, context, plan),
        Some(arrival) if arrival == context.arrival => finish(stage, &context.turn_id, plan),
        Some(_) => join(stage, context, plan),
    }
}

/// Plays the rest of the turns that `turns` means.
pub(crate) fn finish_turns(stage: &mut Stage, context: &Context, turns: Turns, plan: &Turn) {
    let ids: Vec<String> = match turns {
        Turns::This => vec![context.turn_id.clone()],
        Turns::All => stage.open.iter().map(|turn| turn.turn_id.clone()).collect(),
    };
    for id in ids {
        finish(stage, &id, plan);
    }
}

/// Ends a turn as an interrupt does.
pub(crate) fn interrupt(stage: &mut Stage, turn_id: &str) {
    let plan = Turn { status: Some("interrupted".to_owned()), ..Turn::default() };
    finish(stage, turn_id, &plan);
}

/// Adds a message of the user to the turn of `context`.
pub(crate) fn add_user_message(stage: &mut Stage, context: &Context, plan: &Turn) {
    let params = context.params();
    let message = Item::UserMessage(UserMessage {
        id: fresh_id(),
        client_id: params["clientUserMessageId"].clone(),
        content: content(&params["input"]),
        started_at_ms: now_ms(),
        completed_at_ms: None,
    });
    Events::of(stage, &context.thread_id, &context.turn_id, plan).whole_item(&message);
}

fn play_fresh(stage: &mut Stage, context: &Context, plan: &Turn) {
    open(stage, context, plan);
    if plan.before_reply {
        send_opening(stage, context, plan);
        send_reply(stage, context, plan);
    } else {
        send_reply(stage, context, plan);
        send_opening(stage, context, plan);
    }
    let mut events = Events::of(stage, &context.thread_id, &context.turn_id, plan);
    for item in &plan.items {
        events.whole_item(&Item::Other(item.clone()));
    }
    stream(stage, context, plan);
    if !plan.hold {
        end(stage, &context.turn_id, plan);
    }
}

fn join(stage: &mut Stage, context: &Context, plan: &Turn) {
    send_reply(stage, context, plan);
    add_user_message(stage, context, plan);
}

fn finish(stage: &mut Stage, turn_id: &str, plan: &Turn) {
    if stage.open_turn(turn_id).is_none() {
        return;
    }
    if let Some(deltas) = &plan.deltas {
        send_deltas(stage, turn_id, deltas, plan);
    }
    end(stage, turn_id, plan);
}

fn open(stage: &mut Stage, context: &Context, plan: &Turn) {
    let thread = stage.thread_or_new(&context.thread_id);
    thread.status = Status::Active;
    thread.turns.push(TurnRecord::open(&context.turn_id));
    let item_id = format!("msg_{}_0", thread.turns.len());
    stage.open.push(OpenTurn {
        thread_id: context.thread_id.clone(),
        turn_id: context.turn_id.clone(),
        item_id,
        text: String::new(),
        phase: plan.phase.clone(),
        message: MessageState::NotStarted,
        opened_by: context.arrival,
    });
}

fn send_reply(stage: &mut Stage, context: &Context, plan: &Turn) {
    let Some(id) = &context.id else { return };
    if plan.omit.iter().any(|omitted| omitted == "reply") {
        return;
    }
    let thread = stage.threads.get_mut(&context.thread_id);
    let turn = thread.expect("an open turn has a thread").turn_mut(&context.turn_id).clone();
    let turn = turn.promised_view();
    stage.out.reply(id, StartResult { turn });
}

fn send_opening(stage: &mut Stage, context: &Context, plan: &Turn) {
    let mut events = Events::of(stage, &context.thread_id, &context.turn_id, plan);
    events.status(Status::Active);
    events.turn("turn/started", TurnRecord::bare_view);
    add_user_message(stage, context, plan);
}

/// Streams the agent message. A turn that does not succeed has one only when the script says so.
fn stream(stage: &mut Stage, context: &Context, plan: &Turn) {
    let says_nothing = plan.deltas.is_none() && plan.text.is_none();
    let deltas = match (&plan.deltas, &plan.text) {
        (Some(deltas), _) => deltas.clone(),
        (None, Some(text)) => words(text),
        (None, None) if plan.hold => Vec::new(),
        (None, None) => words(BUILT_IN_TEXT),
    };
    if says_nothing && !matches!(Ending::of(plan), Ending::Completed) {
        return;
    }
    send_deltas(stage, &context.turn_id, &deltas, plan);
}

fn send_deltas(stage: &mut Stage, turn_id: &str, deltas: &[String], plan: &Turn) {
    let Some(place) = stage.open.iter().position(|turn| turn.turn_id == turn_id) else {
        return;
    };
    start_message(stage, place, plan);
    let Stage { out, open, .. } = stage;
    let turn = &mut open[place];
    for delta in deltas {
        turn.text.push_str(delta);
        if !is_omitted(plan, DELTA) {
            out.event(DELTA, turn.delta_params(delta));
        }
    }
}

fn start_message(stage: &mut Stage, place: usize, plan: &Turn) {
    let turn = &mut stage.open[place];
    if turn.message != MessageState::NotStarted {
        return;
    }
    let started = now_ms();
    turn.message = MessageState::StartedAt(started);
    let message = turn.agent_message(String::new(), started);
    let turn = turn.clone();
    Events::of(stage, &turn.thread_id, &turn.turn_id, plan).item_started(&message, started);
}

fn end(stage: &mut Stage, turn_id: &str, plan: &Turn) {
    let Some(place) = stage.open.iter().position(|turn| turn.turn_id == turn_id) else {
        return;
    };
    let turn = stage.open.remove(place);
    let ending = Ending::of(plan);
    let mut events = Events::of(stage, &turn.thread_id, turn_id, plan);
    if let (Ending::Completed, MessageState::StartedAt(started)) = (ending, turn.message) {
        let text = plan.text.clone().unwrap_or_else(|| turn.text.clone());
        events.item_completed(&turn.agent_message(text, started), started);
        events.token_usage();
    }
    events.close(ending);
}

/// Sends the events of one turn and keeps the record of it.
struct Events<'a> {
    stage: &'a mut Stage,
    thread_id: &'a str,
    turn_id: &'a str,
    plan: &'a Turn,
}

impl<'a> Events<'a> {
    fn of(stage: &'a mut Stage, thread_id: &'a str, turn_id: &'a str, plan: &'a Turn) -> Self {
        Self { stage, thread_id, turn_id, plan }
    }

    fn send(&mut self, method: &str, params: impl Serialize) {
        if !is_omitted(self.plan, method) {
            self.stage.out.event(method, params);
        }
    }

    fn record(&mut self) -> &mut TurnRecord {
        let thread = self.stage.threads.get_mut(self.thread_id);
        thread.expect("an open turn has a thread").turn_mut(self.turn_id)
    }

    fn status(&mut self, status: Status) {
        self.stage.thread_or_new(self.thread_id).status = status;
        let params = StatusParams { thread_id: self.thread_id, status: status.to_json() };
        self.send("thread/status/changed", params);
    }

    fn turn(&mut self, method: &str, view: fn(&TurnRecord) -> TurnView<'_>) {
        let turn = self.record().clone();
        let params = TurnParams { thread_id: self.thread_id, turn: view(&turn) };
        self.send(method, params);
    }

    fn whole_item(&mut self, item: &Item) {
        let started = now_ms();
        self.item_started(item, started);
        self.item_completed(item, started);
    }

    fn item_started(&mut self, item: &Item, started_at_ms: u64) {
        let params = ItemStarted { item, thread_id: self.thread_id, turn_id: self.turn_id, started_at_ms };
        self.send("item/started", params);
    }

    fn item_completed(&mut self, item: &Item, started_at_ms: u64) {
        let completed_at_ms = now_ms();
        let item = item.completed(completed_at_ms);
        let params = ItemCompleted {
            item: &item,
            thread_id: self.thread_id,
            turn_id: self.turn_id,
            content_token_count: (),
            completed_at_ms,
        };
        self.send("item/completed", params);
        self.record().entries.push(Entry { item, started_at_ms, completed_at_ms });
    }

    fn token_usage(&mut self) {
        let usage = json!({
            "totalTokens": 15, "inputTokens": 10, "cachedInputTokens": 4,
            "cacheWriteInputTokens": 0, "outputTokens": 5, "reasoningOutputTokens": 1,
        });
        let params = json!({
            "threadId": self.thread_id,
            "turnId": self.turn_id,
            "tokenUsage": {"total": usage, "last": usage, "modelContextWindow": 258_400},
        });
        self.send("thread/tokenUsage/updated", params);
    }

    fn close(&mut self, ending: Ending) {
        let error = match ending {
            Ending::Failed => self.plan.error.clone().unwrap_or_else(built_in_error),
            Ending::Completed | Ending::Interrupted => Value::Null,
        };
        let status = self.plan.status.clone();
        let record = self.record();
        record.status = status.unwrap_or_else(|| ending.name().to_owned());
        record.error.clone_from(&error);
        record.completed_at_ms = Some(now_ms());
        match ending {
            Ending::Completed | Ending::Interrupted => self.status(Status::Idle),
            Ending::Failed => self.failure(&error),
        }
        self.turn("turn/completed", TurnRecord::ended_view);
    }

    fn failure(&mut self, error: &Value) {
        self.status(Status::SystemError);
        let params = json!({
            "error": error, "willRetry": false, "threadId": self.thread_id, "turnId": self.turn_id,
        });
        self.send("error", params);
    }
}

impl OpenTurn {
    pub(crate) fn delta_params<'a>(&'a self, delta: &'a str) -> DeltaParams<'a> {
        DeltaParams { thread_id: &self.thread_id, turn_id: &self.turn_id, item_id: &self.item_id, delta }
    }

    fn agent_message(&self, text: String, started_at_ms: u64) -> Item {
        Item::AgentMessage(AgentMessage {
            id: self.item_id.clone(),
            text,
            phase: self.phase.clone(),
            started_at_ms,
            ..AgentMessage::default()
        })
    }
}

fn is_omitted(plan: &Turn, method: &str) -> bool {
    plan.omit.iter().any(|omitted| omitted == method)
}

fn words(text: &str) -> Vec<String> {
    text.split_inclusive(' ').map(str::to_owned).collect()
}

fn content(input: &Value) -> Value {
    let mut content = input.clone();
    for part in content.as_array_mut().into_iter().flatten() {
        if part["type"] == "text" && part["text_elements"].is_null() {
            part["text_elements"] = json!([]);
        }
    }
    content
}

fn built_in_error() -> Value {
    json!({
        "message": "The scripted turn failed.", "codexErrorInfo": "other",
        "additionalDetails": null, "misalignment": null,
    })
}
