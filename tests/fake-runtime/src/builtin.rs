//! What the program does for a request without a script.

use std::collections::HashSet;
use std::env::consts;

use fake_runtime::{ErrorBody, Turn};
use serde_json::{Value, json};

use crate::context::Context;
use crate::stage::{Handshake, Stage};
use crate::thread::{History, Thread, codex_home};
use crate::turn;

const INVALID_REQUEST: i64 = -32600;
const DEFAULT_PAGE: usize = 25;
const METHODS: [&str; 11] = [
    "initialize",
    "thread/start",
    "thread/resume",
    "thread/fork",
    "thread/read",
    "thread/turns/list",
    "thread/items/list",
    "thread/name/set",
    "turn/start",
    "turn/steer",
    "turn/interrupt",
];

type Outcome = Result<(), String>;

/// Answers a request; notifications have no built-in behaviour.
pub(crate) fn answer(stage: &mut Stage, context: &Context, user_agent: Option<&str>) {
    if context.id.is_none() {
        return;
    }
    if let Err(message) = check_and_answer(stage, context, user_agent) {
        let error = ErrorBody { code: INVALID_REQUEST, data: None, message };
        stage.fail(context, &error);
    }
}

fn check_and_answer(stage: &mut Stage, context: &Context, user_agent: Option<&str>) -> Outcome {
    let method = context.method.as_str();
    if !METHODS.contains(&method) {
        return Err(unknown_method(method));
    }
    if !context.params().is_object() {
        return Err("Invalid request: missing field `params`".to_owned());
    }
    match (method, stage.handshake) {
        ("initialize", Handshake::Awaited) => initialize(stage, context, user_agent),
        ("initialize", Handshake::Done) => Err("Already initialized".to_owned()),
        (_, Handshake::Awaited) => Err("Not initialized".to_owned()),
        ("thread/start", _) => start(stage, context),
        ("thread/resume", _) => resume(stage, context),
        ("thread/fork", _) => fork(stage, context),
        ("thread/read", _) => read(stage, context),
        ("thread/turns/list", _) => list_turns(stage, context),
        ("thread/items/list", _) => list_items(stage, context),
        ("thread/name/set", _) => set_name(stage, context),
        ("turn/start", _) => start_turn(stage, context),
        ("turn/steer", _) => steer(stage, context),
        _ => interrupt(stage, context),
    }
}

fn unknown_method(method: &str) -> String {
    let known = METHODS.map(|known| format!("`{known}`")).join(", ");
    format!("Invalid request: unknown variant `{method}`, expected one of {known}")
}

fn field<'a>(context: &'a Context, name: &str) -> Result<&'a str, String> {
    match &context.params()[name] {
        Value::Null => Err(format!("Invalid request: missing field `{name}`")),
        Value::String(text) => Ok(text),
        other => Err(format!("Invalid request: invalid type: `{other}`, expected a string")),
    }
}

fn initialize(stage: &mut Stage, context: &Context, user_agent: Option<&str>) -> Outcome {
    let client = &context.params()["clientInfo"];
    let text = |name: &str| {
        let value = client[name].as_str();
        value.ok_or_else(|| format!("Invalid request: missing field `{name}`"))
    };
    let (name, version) = (text("name")?, text("version")?);
    stage.originator = name.to_owned();
    stage.out.opt_out(opted_out(context.params()));
    let built_in = || {
        let (runtime, arch) = (crate::VERSION, consts::ARCH);
        format!("{name}/{runtime} (Debian 12.0.0; {arch}) xterm ({name}; {version})")
    };
    let result = json!({
        "userAgent": user_agent.map_or_else(built_in, str::to_owned),
        "codexHome": codex_home(),
        "platformFamily": consts::FAMILY,
        "platformOs": consts::OS,
    });
    stage.reply(context, &result);
    Ok(())
}

fn opted_out(params: &Value) -> HashSet<String> {
    let methods = params["capabilities"]["optOutNotificationMethods"].as_array();
    let names = methods.into_iter().flatten().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

fn start(stage: &mut Stage, context: &Context) -> Outcome {
    let thread = Thread::new(&context.thread_id, context.params());
    announce(stage, context, thread, History::Without);
    Ok(())
}

fn fork(stage: &mut Stage, context: &Context) -> Outcome {
    let source = field(context, "threadId")?;
    let thread = stage.threads.get(source);
    let thread = thread.ok_or_else(|| format!("no rollout found for thread id {source}"))?;
    let fork = thread.fork(&context.thread_id);
    announce(stage, context, fork, history(context, "excludeTurns"));
    Ok(())
}

fn announce(stage: &mut Stage, context: &Context, thread: Thread, history: History) {
    let result = thread.opened(&stage.originator, history);
    let view = thread.view(&stage.originator, History::Without);
    stage.threads.insert(thread.id.clone(), thread);
    stage.reply(context, &result);
    stage.out.event("thread/started", json!({"thread": view}));
}

/// Resumes any thread, for a runtime that played earlier may have known it.
fn resume(stage: &mut Stage, context: &Context) -> Outcome {
    let id = context.thread_id.as_str();
    let fresh = || Thread::new(id, context.params());
    let thread = stage.threads.entry(id.to_owned()).or_insert_with(fresh);
    let mut result = thread.opened(&stage.originator, history(context, "excludeTurns"));
    let status = thread.status.to_json();
    for name in ["collaborationMode", "initialTurnsPage", "turnsBackwardsCursor", "itemsBackwardsCursor"] {
        result[name] = Value::Null;
    }
    stage.reply(context, &result);
    let changed = json!({"threadId": id, "status": status});
    stage.out.event("thread/status/changed", changed);
    Ok(())
}

fn history(context: &Context, exclude: &str) -> History {
    match context.params()[exclude] == true {
        true => History::Without,
        false => History::Full,
    }
}

fn loaded<'a>(stage: &'a mut Stage, context: &Context) -> Result<&'a mut Thread, String> {
    let id = field(context, "threadId")?;
    let thread = stage.threads.get_mut(id);
    thread.ok_or_else(|| format!("thread not loaded: {id}"))
}

fn read(stage: &mut Stage, context: &Context) -> Outcome {
    let originator = stage.originator.clone();
    let thread = loaded(stage, context)?;
    let history = match context.params()["includeTurns"] == true {
        true => History::Full,
        false => History::Without,
    };
    let result = json!({
        "thread": thread.view(&originator, history),
        "readState": {"firstUnread": null, "revision": context.thread_id},
    });
    stage.reply(context, &result);
    Ok(())
}

fn list_turns(stage: &mut Stage, context: &Context) -> Outcome {
    let thread = loaded(stage, context)?;
    let turns = thread.turns.iter().rev();
    let views = turns.map(|turn| json!(turn.view("summary"))).collect();
    let page = page(context, views, "desc")?;
    stage.reply(context, &page);
    Ok(())
}

fn list_items(stage: &mut Stage, context: &Context) -> Outcome {
    let thread = loaded(stage, context)?;
    let wanted = context.params()["turnId"].as_str();
    let turns = thread.turns.iter();
    let turns = turns.filter(|turn| wanted.is_none_or(|wanted| turn.id == wanted));
    let views = turns
        .flat_map(|turn| {
            turn.entries.iter().map(|entry| {
                json!({
                    "turnId": turn.id,
                    "item": entry.item,
                    "startedAtMs": entry.started_at_ms,
                    "completedAtMs": entry.completed_at_ms,
                })
            })
        })
        .collect();
    let page = page(context, views, "asc")?;
    stage.reply(context, &page);
    Ok(())
}

/// One page of `entries`, which are in the order `direction`. The cursor is a number of entries.
fn page(context: &Context, mut entries: Vec<Value>, direction: &str) -> Result<Value, String> {
    let params = context.params();
    let wanted = params["sortDirection"].as_str();
    if wanted.is_some_and(|wanted| wanted != direction) {
        entries.reverse();
    }
    let first = match params["cursor"].as_str() {
        None => 0,
        Some(cursor) => cursor.parse::<usize>().map_err(|_| format!("invalid cursor: {cursor}"))?,
    };
    let limit = params["limit"].as_u64().map_or(DEFAULT_PAGE, |limit| limit.max(1) as usize);
    let end = first.saturating_add(limit).min(entries.len());
    let next = (end < entries.len()).then(|| end.to_string());
    let data: Vec<Value> = entries.into_iter().take(end).skip(first).collect();
    Ok(json!({"data": data, "nextCursor": next, "backwardsCursor": null}))
}

fn set_name(stage: &mut Stage, context: &Context) -> Outcome {
    let name = field(context, "name")?;
    if name.is_empty() {
        return Err("thread name must not be empty".to_owned());
    }
    loaded(stage, context)?.name = Some(name.to_owned());
    stage.reply(context, &json!({}));
    let params = json!({"threadId": context.thread_id, "threadName": name});
    stage.out.event("thread/name/updated", params);
    Ok(())
}

fn known_thread<'a>(stage: &Stage, context: &'a Context) -> Result<&'a str, String> {
    let id = field(context, "threadId")?;
    match stage.threads.contains_key(id) {
        true => Ok(id),
        false => Err(format!("thread not found: {id}")),
    }
}

fn start_turn(stage: &mut Stage, context: &Context) -> Outcome {
    known_thread(stage, context)?;
    if !context.params()["input"].is_array() {
        return Err("Invalid request: missing field `input`".to_owned());
    }
    turn::play(stage, context, &Turn::default());
    Ok(())
}

fn steer(stage: &mut Stage, context: &Context) -> Outcome {
    let thread_id = known_thread(stage, context)?;
    let expected = field(context, "expectedTurnId")?;
    let active = stage.open_turn_of(thread_id);
    let active = active.ok_or("no active turn to steer")?.turn_id.clone();
    if active != expected {
        return Err(format!("expected active turn id `{expected}` but found `{active}`"));
    }
    if context.params()["input"].as_array().is_none_or(Vec::is_empty) {
        return Err("input must not be empty".to_owned());
    }
    stage.reply(context, &json!({"turnId": active}));
    turn::add_user_message(stage, context, &Turn::default());
    Ok(())
}

fn interrupt(stage: &mut Stage, context: &Context) -> Outcome {
    let thread_id = known_thread(stage, context)?;
    let wanted = field(context, "turnId")?;
    let active = stage.open_turn_of(thread_id);
    let Some(active) = active.map(|turn| turn.turn_id.clone()) else {
        return interrupt_idle(stage, context, wanted);
    };
    if !wanted.is_empty() && wanted != active {
        return Err(format!("expected active turn id {wanted} but found {active}"));
    }
    stage.reply(context, &json!({}));
    turn::interrupt(stage, &active);
    Ok(())
}

/// An empty turn id means whatever runs, so it is no mistake when nothing does.
fn interrupt_idle(stage: &mut Stage, context: &Context, wanted: &str) -> Outcome {
    if !wanted.is_empty() {
        return Err("no active turn to interrupt".to_owned());
    }
    stage.reply(context, &json!({}));
    Ok(())
}
