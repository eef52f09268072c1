//! The real runtime takes what the model says for what a model says.

mod support;

use std::collections::BTreeSet;
use std::fs;

use scripted_model::{Message, Response, ScriptedModel, Usage, demo};
use serde_json::{Value, json};
use support::{PATIENCE, Runtime, Turn};

fn runtime_with(responses: impl IntoIterator<Item = Response>) -> (ScriptedModel, Runtime) {
    let model = ScriptedModel::start();
    for response in responses {
        model.queue(response);
    }
    let runtime = Runtime::start(&model.codex_config());
    (model, runtime)
}

fn run_turn(responses: impl IntoIterator<Item = Response>) -> (ScriptedModel, Turn) {
    let (model, mut runtime) = runtime_with(responses);
    let thread = runtime.start_thread();
    let turn = runtime.run_turn(&thread, "go");
    (model, turn)
}

/// The `codexErrorInfo` of a turn that must fail.
fn error_info(response: Response) -> Value {
    let (_model, turn) = run_turn([response]);
    assert_eq!(turn.status(), "failed");
    turn.error()["codexErrorInfo"].clone()
}

#[test]
fn text_arrives_in_the_deltas_of_the_script() {
    let (model, turn) = run_turn([Response::text(["he", "l", "lo"])]);
    assert_eq!(turn.status(), "completed");
    assert_eq!(turn.deltas(), ["he", "l", "lo"]);
    assert_eq!(turn.messages(), ["hello"]);
    assert_eq!(turn.items("agentMessage")[0]["phase"], "final_answer");
    assert_eq!(model.requests().len(), 1);
}

#[test]
fn several_messages_keep_their_phases() {
    let (_model, turn) = run_turn([Response::new()
        .message(Message::new("Working").phase("commentary"))
        .message(Message::new("Aside"))
        .message(Message::new("Done").phase("final_answer"))]);
    assert_eq!(turn.messages(), ["Working", "Aside", "Done"]);
    let phases: Vec<_> = turn.items("agentMessage").iter().map(|item| item["phase"].as_str()).collect();
    assert_eq!(phases, [Some("commentary"), None, Some("final_answer")]);
}

#[test]
fn reasoning_arrives_as_a_summary_and_as_raw_text() {
    let (_model, turn) = run_turn([Response::new()
        .reasoning(["**First** look", "**Then** think"], "the raw thought")
        .message(Message::new("Done"))]);
    let item = turn.items("reasoning")[0];
    assert_eq!(item["summary"], json!(["**First** look", "**Then** think"]));
    assert_eq!(item["content"], json!(["the raw thought"]));
    let deltas = turn.strings("item/reasoning/summaryTextDelta", "delta");
    assert_eq!(deltas, ["**First** look", "**Then** think"]);
    let raw = turn.strings("item/reasoning/textDelta", "delta");
    assert_eq!(raw, ["the raw thought"]);
}

#[test]
fn a_command_runs_and_the_model_gets_its_output() {
    let (model, turn) = run_turn([
        Response::new().call_exec("call_1", json!({"cmd": "echo scripted && echo words"})),
        Response::text(["It ran."]),
    ]);
    assert_eq!(turn.messages(), ["It ran."]);
    let command = turn.items("commandExecution")[0];
    assert_eq!(command["id"], "call_1");
    assert_eq!(command["exitCode"], 0);
    assert_eq!(command["aggregatedOutput"], "scripted\nwords\n");
    let requests = model.requests();
    assert_eq!(requests.len(), 2);
    let outputs = requests[1].function_outputs();
    assert_eq!(outputs[0].call_id, "call_1");
    assert!(outputs[0].text().contains("scripted\nwords"), "{outputs:?}");
}

#[test]
fn a_patch_changes_the_file() {
    let (model, mut runtime) = runtime_with([
        Response::new()
            .apply_patch("call_1", "*** Begin Patch\n*** Add File: poem.txt\n+roses\n+violets\n*** End Patch\n"),
        Response::text(["Patched."]),
    ]);
    let thread = runtime.start_thread();
    let turn = runtime.run_turn(&thread, "go");
    assert_eq!(turn.items("fileChange")[0]["status"], "completed");
    let poem = fs::read_to_string(runtime.work().join("poem.txt")).unwrap();
    assert_eq!(poem, "roses\nviolets\n");
    assert_eq!(model.requests()[1].function_outputs()[0].call_id, "call_1");
}

#[test]
fn a_call_in_a_namespace_reaches_the_client_that_brought_the_tool() {
    let (model, mut runtime) = runtime_with([
        Response::new().call_in("app", "call_1", "weather", json!({"city": "Rome"})),
        Response::text(["Warm."]),
    ]);
    let weather = json!({
        "type": "function", "name": "weather", "description": "Tells the weather.", "inputSchema": {"type": "object"},
    });
    let tools = json!([{"type": "namespace", "name": "app", "description": "The app.", "tools": [weather]}]);
    let thread = runtime.start_thread_with(json!({"dynamicTools": tools}));
    runtime.start_turn(&thread, "go");
    let call = runtime.await_message("item/tool/call");
    assert_eq!(call["params"]["namespace"], "app");
    assert_eq!(call["params"]["arguments"], json!({"city": "Rome"}));
    let content = json!([{"type": "inputText", "text": "22 degrees"}]);
    runtime.send(&json!({"id": call["id"], "result": {"contentItems": content, "success": true}}));
    assert_eq!(runtime.finish_turn(&thread).messages(), ["Warm."]);
    let outputs = model.requests()[1].function_outputs();
    assert_eq!(outputs[0].text(), "22 degrees");
}

#[test]
fn usage_and_rate_limit_headers_are_told_to_the_client() {
    let usage = Usage { input: 11, cached: 3, output: 7, reasoning: 5, total: 18 };
    let response = Response::text(["hi"]).usage(usage);
    let (_model, mut runtime) = runtime_with([response.header("x-codex-primary-used-percent", "42")]);
    let thread = runtime.start_thread();
    let turn = runtime.run_turn(&thread, "go");
    let limits = runtime.await_message("account/rateLimits/updated");
    assert_eq!(limits["params"]["rateLimits"]["primary"]["usedPercent"], 42);
    let last = &turn.params("thread/tokenUsage/updated")[0]["tokenUsage"]["last"];
    assert_eq!(last["inputTokens"], 11);
    assert_eq!(last["cachedInputTokens"], 3);
    assert_eq!(last["outputTokens"], 7);
    assert_eq!(last["reasoningOutputTokens"], 5);
    assert_eq!(last["totalTokens"], 18);
}

#[test]
fn any_output_item_can_be_scripted() {
    let search = json!({
        "type": "web_search_call", "id": "ws_1", "status": "completed",
        "action": {"type": "search", "query": "scripted models"},
    });
    let (_model, turn) = run_turn([Response::new().item(search).message(Message::new("Found."))]);
    assert_eq!(turn.items("webSearch")[0]["query"], "scripted models");
}

#[test]
fn a_gate_holds_the_text_until_it_is_released() {
    let (model, mut runtime) =
        runtime_with([Response::new().message(Message::new("before").gate("middle").delta(" after"))]);
    let gate = model.gate("middle");
    let thread = runtime.start_thread();
    runtime.start_turn(&thread, "go");
    gate.wait_until_reached(PATIENCE);
    let delta = runtime.await_message("item/agentMessage/delta");
    assert_eq!(delta["params"]["delta"], "before");
    let status = runtime.call("thread/read", json!({"threadId": thread}));
    assert_eq!(status["thread"]["status"]["type"], "active");
    gate.release();
    let turn = runtime.finish_turn(&thread);
    assert_eq!(turn.deltas(), [" after"]);
    assert_eq!(turn.messages(), ["before after"]);
}

#[test]
fn concurrent_threads_each_get_the_response_for_their_text() {
    let (model, mut runtime) = runtime_with([]);
    model.queue_for("apples", Response::new().call_exec("call_1", json!({"cmd": "echo a"})));
    model.queue_for("pears", Response::text(["about pears"]));
    model.queue_for("apples", Response::text(["about apples"]));
    let pears = runtime.start_thread();
    let apples = runtime.start_thread();
    runtime.start_turn(&apples, "tell me about apples");
    runtime.start_turn(&pears, "tell me about pears");
    assert_eq!(runtime.finish_turn(&apples).messages(), ["about apples"]);
    assert_eq!(runtime.finish_turn(&pears).messages(), ["about pears"]);
}

#[test]
fn the_request_shows_what_the_user_sent() {
    const PIXEL: &str = "data:image/png;base64,\
        iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let (model, mut runtime) = runtime_with([Response::text(["I see."])]);
    let thread = runtime.start_thread();
    let input = json!([{"type": "text", "text": "look at this"}, {"type": "image", "url": PIXEL}]);
    runtime.start_turn_with(&thread, input);
    runtime.finish_turn(&thread);
    let request = &model.wait_for_requests(1, PATIENCE)[0];
    assert_eq!(request.method(), "POST");
    assert_eq!(request.path(), "/v1/responses");
    assert_eq!(request.header("Originator"), Some("scripted-model-tests"));
    assert_eq!(request.body()["model"], "gpt-5.5");
    assert_eq!(request.body()["stream"], true);
    assert!(request.user_texts().contains(&"look at this".to_owned()));
    assert!(request.last_user_text().contains("look at this"));
    assert_eq!(request.image_urls(), [PIXEL]);
}

#[test]
fn http_statuses_fail_the_turn_as_they_should() {
    let connection = |status| json!({"httpConnectionFailed": {"httpStatusCode": status}});
    assert_eq!(error_info(Response::http(401, json!({"error": {"message": "no"}}))), connection(401));
    assert_eq!(error_info(Response::usage_limit_reached()), "usageLimitExceeded");
    assert_eq!(
        error_info(Response::http(429, json!({"error": {"type": "slow_down"}}))),
        json!({"responseTooManyFailedAttempts": {"httpStatusCode": 429}})
    );
    assert_eq!(error_info(Response::http(500, json!("boom"))), "internalServerError");
    assert_eq!(error_info(Response::http(503, json!({"error": {"code": "server_is_overloaded"}}))), "serverOverloaded");
}

#[test]
fn a_request_for_which_nothing_is_queued_fails_the_turn() {
    let (model, turn) = run_turn([]);
    assert_eq!(turn.status(), "failed");
    assert_eq!(turn.error()["codexErrorInfo"], "internalServerError");
    assert_eq!(model.requests().len(), 1);
}

#[test]
fn a_failed_response_fails_the_turn_with_its_message() {
    let (_model, turn) =
        run_turn([Response::new().message(Message::new("so far")).failed("server_error", "boom from the script")]);
    assert_eq!(turn.status(), "failed");
    let message = turn.error()["message"].as_str().unwrap();
    assert!(message.contains("boom from the script"), "{message}");
    assert_eq!(error_info(Response::new().failed("context_length_exceeded", "too long")), "contextWindowExceeded");
}

#[test]
fn an_incomplete_response_fails_the_turn_with_its_reason() {
    let (_model, turn) = run_turn([Response::text(["half"]).incomplete("max_output_tokens")]);
    assert_eq!(turn.status(), "failed");
    let message = turn.error()["message"].as_str().unwrap();
    assert!(message.contains("max_output_tokens"), "{message}");
}

#[test]
fn a_cut_stream_fails_the_turn_after_what_was_sent() {
    for (response, deltas) in [
        (Response::text(["a", "b"]).cut(), &["a", "b"][..]),
        (Response::text(["a", "b"]).cut_after(3), &["a"]),
        (Response::text(["a", "b"]).cut_after(0), &[]),
    ] {
        let (_model, turn) = run_turn([response]);
        assert_eq!(turn.status(), "failed");
        assert_eq!(turn.deltas(), deltas);
        let message = turn.error()["message"].as_str().unwrap();
        assert!(message.starts_with("stream disconnected before completion"), "{message}");
    }
}

#[test]
fn a_line_of_garbage_is_passed_over() {
    let (_model, turn) = run_turn([Response::new()
        .garbage("data: {this is not json")
        .event(json!({"type": "response.unheard_of"}))
        .message(Message::new("still here"))]);
    assert_eq!(turn.status(), "completed");
    assert_eq!(turn.messages(), ["still here"]);
}

#[test]
fn a_hang_before_the_headers_can_be_interrupted() {
    let (model, mut runtime) = runtime_with([Response::hang(), Response::text(["next"])]);
    let thread = runtime.start_thread();
    let turn = runtime.start_turn(&thread, "go");
    model.wait_for_requests(1, PATIENCE);
    runtime.interrupt(&thread, &turn);
    assert_eq!(runtime.finish_turn(&thread).status(), "interrupted");
    assert_eq!(runtime.run_turn(&thread, "again").messages(), ["next"]);
}

#[test]
fn a_hang_in_the_middle_of_a_message_can_be_interrupted() {
    let (_model, mut runtime) =
        runtime_with([Response::new().message(Message::new("half").hang()), Response::text(["next"])]);
    let thread = runtime.start_thread();
    let turn = runtime.start_turn(&thread, "go");
    let delta = runtime.await_message("item/agentMessage/delta");
    assert_eq!(delta["params"]["delta"], "half");
    runtime.interrupt(&thread, &turn);
    assert_eq!(runtime.finish_turn(&thread).status(), "interrupted");
    assert_eq!(runtime.run_turn(&thread, "again").messages(), ["next"]);
}

#[test]
fn a_hang_ends_when_the_model_is_dropped() {
    let model = ScriptedModel::start();
    model.queue(Response::new().message(Message::new("half")).then_hang());
    let mut config = model.codex_config();
    config.push("features.unbounded_connection_retries=false".to_owned());
    let mut runtime = Runtime::start(&config);
    let thread = runtime.start_thread();
    runtime.start_turn(&thread, "go");
    runtime.await_message("item/agentMessage/delta");
    drop(model);
    assert_eq!(runtime.finish_turn(&thread).status(), "failed");
}

#[test]
fn the_demo_answers_turn_after_turn_with_a_remark_a_command_and_a_streamed_answer() {
    let (model, mut runtime) = runtime_with([]);
    model.answer_with(demo);
    let thread = runtime.start_thread();
    for _ in 0..3 {
        let turn = runtime.run_turn(&thread, "What can you do?");
        assert_eq!(turn.status(), "completed");
        assert_eq!(turn.items("commandExecution")[0]["exitCode"], 0);
        let messages = turn.items("agentMessage");
        assert_eq!(messages[0]["phase"], "commentary");
        assert_eq!(messages[1]["phase"], "final_answer");
        let answer = messages[1]["text"].as_str().unwrap();
        assert!(answer.contains("scripted stand-in"), "{answer}");
        assert!(answer.contains("What can you do?"), "{answer}");
        assert!(turn.deltas().len() >= 12);
        assert_eq!(turn.params("thread/tokenUsage/updated").len(), 2);
    }
    let requests = model.requests();
    let outputs = requests.last().unwrap().function_outputs();
    let calls: BTreeSet<_> = outputs.iter().map(|output| &output.call_id).collect();
    assert_eq!(calls.len(), 3, "{calls:?}");
}
