//! Running a turn to its end: what the result says.

use codex::engine::error::Status;
use codex::engine::event::EventKind;
use codex::engine::turn::{Verdict, run_streamed};
use scripted_model::{Message, Response, Usage};
use serde_json::{Value, json};

use crate::support::follow::{items, messages, parsed, run, run_with};
use crate::support::real::{World, on_both_runtimes};

on_both_runtimes! {
    a_run_hands_out_the_last_word_of_the_agent,
    a_model_named_for_a_turn_reaches_the_provider,
    usage_comes_in_the_numbers_of_the_model,
    usage_of_a_turn_sums_its_own_model_requests,
    of_messages_without_a_phase_the_last_is_the_final_response,
    an_empty_last_message_is_an_empty_final_response,
    commentary_alone_is_no_final_response,
    a_final_answer_wins_over_commentary_before_and_after,
    items_have_every_field_that_the_runtime_sent,
    commands_and_patches_are_items_of_the_result,
    structured_output_is_asked_for_and_parsed,
    a_schema_counts_for_one_turn,
    a_turn_remembers_the_turns_before_it,
    a_login_that_the_provider_refuses_fails_the_turn_as_unauthorized,
    a_usage_limit_fails_the_turn_and_is_not_worth_a_retry,
    an_error_of_the_provider_fails_the_turn_and_is_worth_a_retry,
    a_failed_response_fails_the_turn_with_the_words_of_the_model,
    a_cut_stream_fails_the_turn_and_keeps_what_was_said,
    items_before_a_failure_are_in_the_result,
    after_a_failed_turn_the_next_one_runs,
    a_streamed_run_hands_out_every_event_and_the_result,
    a_streamed_run_ends_when_its_callback_says_so,
}

fn a_run_hands_out_the_last_word_of_the_agent(world: &World) {
    world.says([Response::text(["Hello ", "from the model."])]);
    let thread = world.thread();
    let result = run(&thread, "hello").completed();
    assert_eq!(result["finalResponse"], "Hello from the model.");
    assert_eq!(messages(&result), ["Hello from the model."]);
    assert_eq!(result["threadId"], thread.id().as_str());
    assert!(result["durationMs"].is_u64() && result["usage"].is_object(), "{result}");
    let request = &world.model.requests()[0];
    assert_eq!((&request.body()["model"], &request.body()["stream"]), (&json!("gpt-5.5"), &json!(true)));
    assert_eq!(request.last_user_text(), "hello");
}

fn a_model_named_for_a_turn_reaches_the_provider(world: &World) {
    world.says([Response::text(["fine"])]);
    run_with(&world.thread(), "hello", r#"{"model":"gpt-5.4-mini","effort":"low"}"#).completed();
    let request = &world.model.requests()[0];
    assert_eq!(request.body()["model"], "gpt-5.4-mini");
    assert_eq!(request.body()["reasoning"]["effort"], "low");
}

fn usage_comes_in_the_numbers_of_the_model(world: &World) {
    let usage = Usage { input: 11, cached: 3, output: 7, reasoning: 5, total: 18 };
    world.says([Response::text(["fine"]).usage(usage)]);
    let result = run(&world.thread(), "hello").completed();
    let numbers = |part: &Value| {
        ["inputTokens", "cachedInputTokens", "outputTokens", "reasoningOutputTokens", "totalTokens"]
            .map(|key| part[key].as_i64().unwrap_or(-1))
    };
    for part in ["last", "total", "turn"] {
        assert_eq!(numbers(&result["usage"][part]), [11, 3, 7, 5, 18], "{part}");
    }
}

fn usage_of_a_turn_sums_its_own_model_requests(world: &World) {
    let spent = |total| Usage { input: total - 1, output: 1, total, ..Usage::default() };
    world.says([
        Response::text(["before"]).usage(spent(100)),
        Response::new().call_exec("call_1", json!({"cmd": "true"})).usage(spent(10)),
        Response::text(["done"]).usage(spent(5)),
    ]);
    let thread = world.thread();
    run(&thread, "first").completed();
    let usage = &run(&thread, "second").completed()["usage"];
    assert_eq!(usage["total"]["totalTokens"], 115);
    assert_eq!(usage["last"]["totalTokens"], 5);
    assert_eq!(usage["turn"]["totalTokens"], 15);
}

fn of_messages_without_a_phase_the_last_is_the_final_response(world: &World) {
    world.says([Response::new().message(Message::new("First")).message(Message::new("Second"))]);
    let result = run(&world.thread(), "go").completed();
    assert_eq!(result["finalResponse"], "Second");
    assert_eq!(messages(&result), ["First", "Second"]);
}

fn an_empty_last_message_is_an_empty_final_response(world: &World) {
    world.says([Response::new().message(Message::new("First")).message(Message::new(""))]);
    assert_eq!(run(&world.thread(), "go").completed()["finalResponse"], "");
}

fn commentary_alone_is_no_final_response(world: &World) {
    world.says([Response::new().message(Message::new("Working").phase("commentary"))]);
    let result = run(&world.thread(), "go").completed();
    assert_eq!(result["finalResponse"], Value::Null);
    assert_eq!(messages(&result), ["Working"]);
}

fn a_final_answer_wins_over_commentary_before_and_after(world: &World) {
    let commentary = |text| Message::new(text).phase("commentary");
    let answer = || Message::new("Done").phase("final_answer");
    world.says([
        Response::new().message(commentary("Working")).message(answer()),
        Response::new().message(answer()).message(commentary("By the way")),
    ]);
    let thread = world.thread();
    let before = run(&thread, "go").completed();
    assert_eq!(before["finalResponse"], "Done");
    let phases: Vec<_> = items(&before, "agentMessage").iter().map(|item| &item["phase"]).collect();
    assert_eq!(phases, ["commentary", "final_answer"]);
    assert_eq!(run(&thread, "again").completed()["finalResponse"], "Done");
}

fn items_have_every_field_that_the_runtime_sent(world: &World) {
    world.says([Response::new().reasoning(["**Think**"], "raw").message(Message::new("Done"))]);
    let thread = world.thread();
    let result = run(&thread, "go").completed();
    let reasoning = items(&result, "reasoning")[0];
    assert_eq!((&reasoning["summary"], &reasoning["content"]), (&json!(["**Think**"]), &json!(["raw"])));
    assert_eq!(items(&result, "userMessage")[0]["content"][0]["text"], "go");
    assert!(items(&result, "agentMessage")[0].as_object().is_some_and(|item| item.contains_key("memoryCitation")));
}

fn commands_and_patches_are_items_of_the_result(world: &World) {
    world.says([
        Response::new().call_exec("call_1", json!({"cmd": "echo words; exit 3"})),
        Response::new().apply_patch("call_2", "*** Begin Patch\n*** Add File: poem.txt\n+roses\n*** End Patch\n"),
        Response::text(["done"]),
    ]);
    let thread = world.thread_with(json!({"sandbox": "danger-full-access", "approvalMode": "denyAll"}));
    let result = run(&thread, "go").completed();
    let command = items(&result, "commandExecution")[0];
    assert_eq!((&command["exitCode"], &command["aggregatedOutput"]), (&json!(3), &json!("words\n")));
    assert_eq!(items(&result, "fileChange")[0]["changes"][0]["diff"], "roses\n");
    assert_eq!(std::fs::read_to_string(world.work().join("poem.txt")).unwrap(), "roses\n");
}

fn structured_output_is_asked_for_and_parsed(world: &World) {
    world.says([Response::text([r#"{"ok":"#, "true}"])]);
    let schema = json!({"type": "object", "properties": {"ok": {"type": "boolean"}}});
    let thread = world.thread();
    let params = json!({"outputSchema": schema}).to_string();
    let (result, error) = codex::engine::turn::run(&thread, Some("go"), Some(&params)).unwrap();
    assert!(error.is_none());
    let result = result.expect("a result");
    assert_eq!(parsed(result.output().expect("JSON").source()), json!({"ok": true}));
    assert_eq!(world.model.requests()[0].body()["text"]["format"]["schema"], schema);
}

fn a_schema_counts_for_one_turn(world: &World) {
    world.says([Response::text(["{}"]), Response::text(["free"])]);
    let thread = world.thread();
    run_with(&thread, "first", r#"{"outputSchema":{"type":"object"}}"#).completed();
    run(&thread, "second").completed();
    assert_eq!(world.model.requests()[1].body()["text"]["format"], Value::Null);
}

fn a_turn_remembers_the_turns_before_it(world: &World) {
    world.says([Response::text(["blue"]), Response::text(["as I said"])]);
    let thread = world.thread();
    run(&thread, "a colour?").completed();
    run(&thread, "which one?").completed();
    let input = json!(world.model.requests()[1].input()).to_string();
    assert!(input.contains("a colour?") && input.contains("blue") && input.contains("which one?"), "{input}");
}

fn a_login_that_the_provider_refuses_fails_the_turn_as_unauthorized(world: &World) {
    world.says([Response::http(401, json!({"error": {"message": "no such key"}}))]);
    let (result, error) = run(&world.thread(), "go").not_completed();
    assert_eq!((error.status(), error.reason(), error.is_retryable()), (Status::TurnFailed, "unauthorized", false));
    assert!(error.message().contains("no such key"), "{error}");
    assert_eq!((&result["status"], &result["endedBy"]), (&json!("failed"), &json!("failed")));
    assert_eq!(result["error"]["codexErrorInfo"], json!({"httpConnectionFailed": {"httpStatusCode": 401}}));
    assert_eq!(result["error"]["message"], error.message());
}

fn a_usage_limit_fails_the_turn_and_is_not_worth_a_retry(world: &World) {
    world.says([Response::usage_limit_reached()]);
    let (result, error) = run(&world.thread(), "go").not_completed();
    assert_eq!((error.reason(), error.is_retryable()), ("usageLimitExceeded", false));
    assert_eq!(result["error"]["codexErrorInfo"], "usageLimitExceeded");
    assert_eq!(parsed(&error.to_json())["codexErrorInfo"], "usageLimitExceeded");
}

fn an_error_of_the_provider_fails_the_turn_and_is_worth_a_retry(world: &World) {
    world.says([Response::http(500, json!("out of order"))]);
    let (result, error) = run(&world.thread(), "go").not_completed();
    assert_eq!((error.reason(), error.is_retryable()), ("internalServerError", true));
    assert_eq!(result["status"], "failed");
}

fn a_failed_response_fails_the_turn_with_the_words_of_the_model(world: &World) {
    world.says([Response::new().failed("server_error", "boom from the model")]);
    let (result, error) = run(&world.thread(), "go").not_completed();
    assert_eq!(error.status(), Status::TurnFailed);
    assert!(error.message().contains("boom from the model"), "{error}");
    assert!(result["error"]["message"].as_str().is_some_and(|text| text.contains("boom from the model")));
}

fn a_cut_stream_fails_the_turn_and_keeps_what_was_said(world: &World) {
    world.says([Response::text(["half ", "of it"]).cut_after(4)]);
    let (result, error) = run(&world.thread(), "go").not_completed();
    assert!(error.message().starts_with("stream disconnected before completion"), "{error}");
    assert_eq!((&result["finalResponse"], &result["partialResponse"]), (&Value::Null, &json!("half of it")));
    assert_eq!(items(&result, "userMessage").len(), 1);
}

fn items_before_a_failure_are_in_the_result(world: &World) {
    let failure = Response::usage_limit_reached();
    world.says([Response::new().call_exec("call_1", json!({"cmd": "echo done"})), failure]);
    let (result, _) = run(&world.thread(), "go").not_completed();
    assert_eq!(items(&result, "commandExecution")[0]["aggregatedOutput"], "done\n");
    assert!(result["usage"]["turn"]["totalTokens"].is_u64(), "{result}");
}

fn after_a_failed_turn_the_next_one_runs(world: &World) {
    world.says([Response::http(500, json!("no")), Response::text(["yes"])]);
    let thread = world.thread();
    run(&thread, "go").not_completed();
    assert_eq!(run(&thread, "again").completed()["finalResponse"], "yes");
}

fn a_streamed_run_hands_out_every_event_and_the_result(world: &World) {
    world.says([Response::text(["he", "llo"])]);
    let mut seen = Vec::new();
    let (result, error) = run_streamed(&world.thread(), Some("go"), None, |event| {
        seen.push((event.kind(), event.text_str().to_owned()));
        Verdict::Continue
    })
    .unwrap();
    assert!(error.is_none());
    assert_eq!(
        result.and_then(|result| result.final_response().map(|text| text.as_str().to_owned())),
        Some("hello".into())
    );
    let deltas: Vec<_> = seen.iter().filter(|(kind, _)| *kind == EventKind::MessageDelta).collect();
    assert_eq!(deltas.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["he", "llo"]);
    assert_eq!(seen.last().map(|(kind, _)| *kind), Some(EventKind::TurnEnded));
}

fn a_streamed_run_ends_when_its_callback_says_so(world: &World) {
    world.says([Response::new().message(Message::new("half").hang())]);
    let mut seen = Vec::new();
    let (result, error) = run_streamed(&world.thread(), Some("go"), None, |event| {
        seen.push(event.kind());
        if event.kind() == EventKind::MessageDelta { Verdict::Interrupt } else { Verdict::Continue }
    })
    .unwrap();
    assert_eq!(error.expect("an error").status(), Status::TurnInterrupted);
    let result = parsed(result.expect("a result").json().as_str());
    assert_eq!((&result["endedBy"], &result["partialResponse"]), (&json!("interrupted"), &json!("half")));
    assert_eq!(seen.last(), Some(&EventKind::MessageDelta));
}
