//! The events of the Responses API as they go over the wire.

use hyper::body::Bytes;
use serde_json::{Value, json};

use crate::response::{End, Usage};
use crate::step::{CustomCall, FunctionCall, Reasoning};

pub(crate) fn encode(event: &Value) -> Bytes {
    let name = event["type"].as_str().unwrap_or("message");
    format!("event: {name}\ndata: {event}\n\n").into()
}

pub(crate) fn created(response_id: &str) -> Value {
    json!({"type": "response.created", "response": {"id": response_id}})
}

pub(crate) fn item_added(index: usize, item: &Value) -> Value {
    json!({"type": "response.output_item.added", "output_index": index, "item": item})
}

pub(crate) fn item_done(index: usize, item: &Value) -> Value {
    json!({"type": "response.output_item.done", "output_index": index, "item": item})
}

pub(crate) fn message(id: &str, phase: Option<&str>, content: Value) -> Value {
    let mut item = json!({"type": "message", "role": "assistant", "id": id, "content": content});
    if let Some(phase) = phase {
        item["phase"] = phase.into();
    }
    item
}

pub(crate) fn output_text(text: &str) -> Value {
    json!([{"type": "output_text", "text": text, "annotations": []}])
}

pub(crate) fn text_delta(index: usize, id: &str, delta: &str) -> Value {
    json!({
        "type": "response.output_text.delta",
        "item_id": id,
        "output_index": index,
        "content_index": 0,
        "delta": delta,
    })
}

pub(crate) fn open_reasoning(id: &str) -> Value {
    json!({"type": "reasoning", "id": id, "summary": []})
}

pub(crate) fn reasoning(id: &str, reasoning: &Reasoning) -> Value {
    let summary: Vec<Value> =
        reasoning.summary.iter().map(|text| json!({"type": "summary_text", "text": text})).collect();
    let mut item = json!({"type": "reasoning", "id": id, "summary": summary, "encrypted_content": null});
    if !reasoning.text.is_empty() {
        item["content"] = json!([{"type": "reasoning_text", "text": reasoning.text}]);
    }
    item
}

pub(crate) fn summary_part_added(index: usize, id: &str, part: usize) -> Value {
    json!({
        "type": "response.reasoning_summary_part.added",
        "item_id": id,
        "output_index": index,
        "summary_index": part,
        "part": {"type": "summary_text", "text": ""},
    })
}

pub(crate) fn summary_delta(index: usize, id: &str, part: usize, delta: &str) -> Value {
    json!({
        "type": "response.reasoning_summary_text.delta",
        "item_id": id,
        "output_index": index,
        "summary_index": part,
        "delta": delta,
    })
}

pub(crate) fn reasoning_delta(index: usize, id: &str, delta: &str) -> Value {
    json!({
        "type": "response.reasoning_text.delta",
        "item_id": id,
        "output_index": index,
        "content_index": 0,
        "delta": delta,
    })
}

pub(crate) fn function_call(id: &str, call_id: &str, call: &FunctionCall) -> Value {
    let arguments = match &call.arguments {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    };
    let mut item = json!({
        "type": "function_call",
        "id": id,
        "call_id": call_id,
        "name": call.name,
        "arguments": arguments,
    });
    if let Some(namespace) = &call.namespace {
        item["namespace"] = namespace.as_str().into();
    }
    item
}

pub(crate) fn custom_call(id: &str, call_id: &str, call: &CustomCall) -> Value {
    json!({
        "type": "custom_tool_call",
        "id": id,
        "call_id": call_id,
        "name": call.name,
        "input": call.input,
    })
}

/// The last event of a response; none when the connection ends instead.
pub(crate) fn last(response_id: &str, end: &End, usage: &Usage) -> Option<Value> {
    match end {
        End::Completed | End::CutAfter(_) => Some(json!({
            "type": "response.completed",
            "response": {"id": response_id, "usage": tokens(usage)},
        })),
        End::Failed(failure) => Some(json!({
            "type": "response.failed",
            "response": {"id": response_id, "error": {"code": failure.code, "message": failure.message}},
        })),
        End::Incomplete(reason) => Some(json!({
            "type": "response.incomplete",
            "response": {"id": response_id, "incomplete_details": {"reason": reason}, "usage": tokens(usage)},
        })),
        End::Cut => None,
    }
}

fn tokens(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input,
        "input_tokens_details": {"cached_tokens": usage.cached},
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.told_total(),
    })
}
