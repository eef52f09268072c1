//! The thread that takes the messages in the order in which they came.

use std::sync::Arc;
use std::sync::mpsc::Receiver;

use serde_json::Value;

use crate::builtin;
use crate::clock::fresh_id;
use crate::context::Context;
use crate::message::{Call, Message, user_text};
use crate::play::{Lane, Play};
use crate::stage::{Manners, Stage};
use crate::world::World;

/// Handles messages for good.
pub(crate) fn work(world: &Arc<World>, messages: &Receiver<Message>) {
    for message in messages {
        match message {
            Message::Call(call) => handle_call(world, call),
            Message::Answer(id) => handle_answer(world, &id),
        }
    }
}

fn handle_call(world: &Arc<World>, call: Call) {
    let mut stage = world.stage();
    if stage.manners == Manners::Silent {
        return;
    }
    let context = context_of(&stage, call);
    match world.on.next(&context.method) {
        None => builtin::answer(&mut stage, &context, world.user_agent.as_deref()),
        Some(actions) => {
            drop(stage);
            Play::new(actions, Arc::new(context)).run(world, Lane::Worker);
        }
    }
}

fn handle_answer(world: &Arc<World>, id: &Value) {
    let Some(asked) = world.stage().take_asked(id) else {
        return;
    };
    if let Some(actions) = world.answers.next(&asked.method) {
        Play::new(actions, asked.context).run(world, Lane::Worker);
    }
}

fn context_of(stage: &Stage, call: Call) -> Context {
    let null = Value::Null;
    let params = call.params.as_ref().unwrap_or(&null);
    let thread_id = thread_id(&call.method, params);
    Context {
        turn_id: turn_id(stage, &call.method, &thread_id, params),
        text: user_text(params),
        thread_id,
        id: call.id,
        method: call.method,
        params: call.params,
        arrival: call.arrival,
    }
}

fn thread_id(method: &str, params: &Value) -> String {
    match (method, params["threadId"].as_str()) {
        ("thread/start" | "thread/fork", _) | ("thread/resume", None) => fresh_id(),
        (_, given) => given.unwrap_or_default().to_owned(),
    }
}

fn turn_id(stage: &Stage, method: &str, thread_id: &str, params: &Value) -> String {
    let open = || {
        let turn = stage.open_turn_of(thread_id);
        turn.map(|turn| turn.turn_id.clone())
    };
    if matches!(method, "turn/start" | "review/start") {
        return open().unwrap_or_else(fresh_id);
    }
    let given = params["turnId"].as_str();
    let given = given.or(params["expectedTurnId"].as_str());
    let given = given.filter(|id| !id.is_empty());
    given.map(str::to_owned).or_else(open).unwrap_or_default()
}
