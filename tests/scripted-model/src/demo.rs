//! The model of the demo: it answers any turn, and says that it is a stand-in.

use std::time::Duration;

use serde_json::json;

use crate::record::Request;
use crate::response::{Response, Usage};
use crate::step::Message;

const PACE: Duration = Duration::from_millis(40);
const COMMAND: &str = "echo 'Hello from a command that a scripted stand-in asked for.'";

/// What the binary's `--demo` says to a request: at first a remark and a harmless command, after that the answer.
pub fn demo(request: &Request) -> Response {
    if request.continues_after_a_call() { final_answer(request) } else { remark_and_command(request) }
}

fn remark_and_command(request: &Request) -> Response {
    let remark = Message::streamed(["I am a scripted stand-in ", "for a model. ", "First I run a harmless command."]);
    Response::new()
        .message(remark.phase("commentary").pace(PACE))
        .call_exec(format!("call_demo_{}", request.input().len()), json!({"cmd": COMMAND}))
        .usage(Usage { input: 1200, cached: 1000, output: 40, reasoning: 10, total: 1240 })
}

fn final_answer(request: &Request) -> Response {
    let asked = format!("You asked: \u{201c}{}\u{201d} ", request.topic());
    let answer = Message::streamed([
        "Hello! ",
        "This is not a real model ",
        "but a scripted stand-in, ",
        "so nobody thought about ",
        "your request. ",
        &asked,
        "The runtime, ",
        "the command it just ran ",
        "and every event ",
        "on the way here ",
        "are real; ",
        "only these words were written before.",
    ]);
    Response::new().message(answer.phase("final_answer").pace(PACE)).usage(Usage {
        input: 1300,
        cached: 1200,
        output: 60,
        reasoning: 0,
        total: 1360,
    })
}
