/* Threads and turns with the real runtime and a scripted model. */
#include "support.h"

/* ---- connecting ---------------------------------------------------------------------------------------------------------- */

TEST(connecting_tells_which_runtime_answered) {
  session *s = session_with_model(NULL);
  const codex_value *info = parsed(codex_client_info_json(s->client));
  CHECK_STR(string_at(info, "/codexHome"), s->home);
  CHECK_CONTAINS(string_at(info, "/userAgent"), "libcodex");
  CHECK(int_at(info, "/pid") > 1);
  CHECK_CONTAINS(codex_client_info_json(s->client), runtime_path());
}

TEST(stats_are_an_object) {
  session *s = session_with_model(NULL);
  char *stats = codex_client_stats_json(s->client);
  CHECK_INT(codex_value_get_type(parsed(stats)), CODEX_VALUE_OBJECT);
  codex_string_free(stats);
}

/* ---- threads --------------------------------------------------------------------------------------------------------------- */

TEST(a_started_thread_has_an_id_and_what_the_runtime_answered) {
  session *s = session_with_model(NULL);
  const codex_value *info = parsed(codex_thread_info_json(s->thread));
  CHECK(strlen(codex_thread_id(s->thread)) > 30);
  CHECK(codex_thread_id(s->thread) == codex_thread_id(s->thread));
  CHECK_STR(string_at(info, "/thread/id"), codex_thread_id(s->thread));
  CHECK_STR(string_at(info, "/model"), "gpt-5.5");
  CHECK_STR(string_at(info, "/cwd"), s->work);
}

TEST(params_of_a_thread_reach_the_runtime) {
  session *s = session_with_model("{\"approvalMode\":\"denyAll\",\"sandbox\":\"workspace-write\",\"ephemeral\":true}");
  const codex_value *info = parsed(codex_thread_info_json(s->thread));
  CHECK_STR(string_at(info, "/approvalPolicy"), "never");
  CHECK_STR(string_at(info, "/sandbox/type"), "workspaceWrite");
  CHECK(codex_value_bool(codex_value_at(info, "/thread/ephemeral"), false));
}

TEST(the_mode_ask_lets_the_host_decide) {
  session *s = session_with_model("{\"approvalMode\":\"ask\"}");
  const codex_value *info = parsed(codex_thread_info_json(s->thread));
  CHECK_STR(string_at(info, "/approvalPolicy"), "on-request");
  CHECK_STR(string_at(info, "/approvalsReviewer"), "user");
}

TEST(a_name_can_be_given_and_read) {
  session *s = session_with_model(NULL);
  char *json = NULL;
  codex_error *err = NULL;
  model_says(s->model, "hello");
  run_or_fail(s->thread, "hi");
  CHECK_OK(codex_thread_set_name(s->thread, "A good n\xc3\xa4me", &err), err);
  CHECK_OK(codex_thread_read(s->thread, false, &json, &err), err);
  CHECK_STR(string_at(parsed(json), "/thread/name"), "A good n\xc3\xa4me");
  codex_string_free(json);
  forget(&err);
}

TEST(reading_a_thread_with_turns_shows_them_in_order) {
  session *s = session_with_model(NULL);
  char *json = NULL;
  codex_error *err = NULL;
  model_says(s->model, "first answer");
  model_says(s->model, "second answer");
  const char *first = codex_turn_result_id(run_or_fail(s->thread, "one"));
  const char *second = codex_turn_result_id(run_or_fail(s->thread, "two"));
  CHECK_OK(codex_thread_read(s->thread, true, &json, &err), err);
  const codex_value *thread = parsed(json);
  CHECK_INT(codex_value_count(codex_value_at(thread, "/thread/turns")), 2);
  CHECK_STR(string_at(thread, "/thread/turns/0/id"), first);
  CHECK_STR(string_at(thread, "/thread/turns/1/id"), second);
  CHECK_STR(string_at(thread, "/thread/turns/1/items/0/content/0/text"), "two");
  codex_string_free(json);
  forget(&err);
}

TEST(a_thread_goes_on_in_a_new_client) {
  const char *directory = fresh_directory();
  const char *home = make_directory(directory, "home");
  const model *m = model_start();
  codex_error *err = NULL;
  codex_thread *resumed = NULL;
  const codex_client_options *options = options_for_model(m, home, directory);
  session *before = session_with_options(options, NULL);
  const char *id = text("%s", codex_thread_id(before->thread));
  model_says(m, "I shall remember");
  run_or_fail(before->thread, "the word is heron");
  CHECK_OK(codex_client_close(before->client, 10000, &err), err);

  session *after = session_with_options(options, NULL);
  CHECK_OK(codex_thread_resume(after->client, id, NULL, &resumed, &err), err);
  CHECK_STR(codex_thread_id(resumed), id);
  CHECK_STR(string_at(parsed(codex_thread_info_json(resumed)), "/thread/id"), id);
  model_says(m, "heron");
  CHECK_STR(codex_turn_result_final_response(run_or_fail(resumed, "which word?"), NULL), "heron");
  CHECK_CONTAINS(model_request(m, 1), "the word is heron");
  CHECK_CONTAINS(model_request(m, 1), "I shall remember");
  codex_thread_free(resumed);
  forget(&err);
}

TEST(a_thread_that_does_not_exist_cannot_be_resumed) {
  session *s = session_with_model(NULL);
  codex_thread *thread = NULL;
  codex_error *err = NULL;
  codex_status status = codex_thread_resume(s->client, "00000000-0000-7000-8000-000000000000", NULL, &thread, &err);
  CHECK_STATUS(status, CODEX_ERROR_RPC, err);
  CHECK_STR(codex_error_reason(err), "threadNotFound");
  CHECK_INT(codex_error_rpc_code(err), -32600);
  CHECK(thread == NULL);
  forget(&err);
}

TEST(a_handle_from_an_id_runs_turns_of_a_loaded_thread) {
  session *s = session_with_model(NULL);
  codex_thread *same = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_thread_from_id(s->client, codex_thread_id(s->thread), &same, &err), err);
  CHECK_STR(codex_thread_id(same), codex_thread_id(s->thread));
  model_says(s->model, "here");
  CHECK_STR(codex_turn_result_final_response(run_or_fail(same, "where?"), NULL), "here");
  codex_thread_free(same);
  forget(&err);
}

TEST(a_handle_from_an_unknown_id_fails_when_it_is_used) {
  session *s = session_with_model(NULL);
  codex_thread *unknown = NULL;
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_thread_from_id(s->client, "00000000-0000-7000-8000-000000000000", &unknown, &err), err);
  CHECK_STATUS(codex_thread_run(unknown, "text", NULL, &result, &err), CODEX_ERROR_RPC, err);
  CHECK_STR(codex_error_reason(err), "threadNotFound");
  CHECK(result == NULL);
  codex_thread_free(unknown);
  forget(&err);
}

/* ---- runs -------------------------------------------------------------------------------------------------------------------- */

TEST(a_run_returns_everything_about_its_turn) {
  session *s = session_with_model(NULL);
  size_t length = 0;
  model_says(s->model, "Hello from the model.");
  const codex_turn_result *result = run_or_fail(s->thread, "hello");
  CHECK_STR(codex_turn_result_final_response(result, &length), "Hello from the model.");
  CHECK_INT(length, strlen("Hello from the model."));
  CHECK_STR(codex_turn_result_status(result), "completed");
  CHECK(strlen(codex_turn_result_id(result)) > 30);
  CHECK_STR(codex_turn_result_error_message(result), NULL);
  CHECK(codex_turn_result_output(result) == NULL);
  CHECK(codex_turn_result_duration_ms(result) >= 0);
  CHECK(codex_turn_result_total_tokens(result) > 0);
}

TEST(the_items_of_a_result_are_those_of_its_turn_in_order) {
  session *s = session_with_model(NULL);
  model_says(s->model, "the answer");
  const codex_turn_result *result = run_or_fail(s->thread, "the question");
  CHECK_INT(codex_turn_result_item_count(result), 2);
  CHECK_STR(string_at(codex_turn_result_item(result, 0), "/type"), "userMessage");
  CHECK_STR(string_at(codex_turn_result_item(result, 0), "/content/0/text"), "the question");
  CHECK_STR(string_at(codex_turn_result_item(result, 1), "/type"), "agentMessage");
  CHECK_STR(string_at(codex_turn_result_item(result, 1), "/text"), "the answer");
  CHECK(codex_turn_result_item(result, 2) == NULL);
}

TEST(the_json_of_a_result_says_the_same_as_its_accessors) {
  static const char *const members[] = {"/id", "/threadId", "/status", "/error", "/startedAt", "/completedAt", "/durationMs",
                                        "/finalResponse", "/items", "/usage", "/usage/turn", "/endedBy", "/partialResponse"};
  session *s = session_with_model(NULL);
  size_t length = 0;
  model_says(s->model, "answer");
  const codex_turn_result *result = run_or_fail(s->thread, "question");
  const char *json = codex_turn_result_json(result, &length);
  const codex_value *value = codex_turn_result_value(result);
  CHECK_INT(length, strlen(json));
  for (size_t i = 0; i < COUNT(members); i++) CHECK(has(value, members[i]));
  CHECK_STR(string_at(value, "/id"), codex_turn_result_id(result));
  CHECK_STR(string_at(value, "/threadId"), codex_thread_id(s->thread));
  CHECK_STR(string_at(value, "/endedBy"), "completed");
  CHECK_INT(int_at(value, "/durationMs"), codex_turn_result_duration_ms(result));
  CHECK_INT(int_at(value, "/usage/turn/totalTokens"), codex_turn_result_total_tokens(result));
  CHECK_INT(codex_value_count(codex_value_at(value, "/items")), codex_turn_result_item_count(result));
  CHECK_STR(string_at(parsed(json), "/finalResponse"), "answer");
}

TEST(structured_output_is_parsed) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  codex_params *params = codex_params_new();
  CHECK_OK(codex_params_set_json(params, "outputSchema", "{\"type\":\"object\"}"), NULL);
  model_says(s->model, "{\"city\":\"Rome\",\"degrees\":22}");
  CHECK_OK(codex_thread_run(s->thread, "weather?", codex_params_json(params), &result, &err), err);
  CHECK_STR(string_at(codex_turn_result_output(result), "/city"), "Rome");
  CHECK_INT(int_at(codex_turn_result_output(result), "/degrees"), 22);
  CHECK_CONTAINS(model_request(s->model, 0), "json_schema");
  codex_turn_result_free(result);
  codex_params_free(params);
  forget(&err);
}

TEST(text_and_input_items_reach_the_model_in_order) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  codex_params *params = codex_params_new();
  CHECK_OK(codex_params_add_text(params, "second text"), NULL);
  model_says(s->model, "seen");
  CHECK_OK(codex_thread_run(s->thread, "first text", codex_params_json(params), &result, &err), err);
  const char *request = model_request(s->model, 0);
  const char *first = strstr(request, "first text");
  CHECK(first != NULL && strstr(first, "second text") != NULL);
  codex_turn_result_free(result);
  codex_params_free(params);
  forget(&err);
}

TEST(a_turn_may_have_input_items_only) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  codex_params *params = codex_params_new();
  CHECK_OK(codex_params_add_text(params, "only an item"), NULL);
  model_says(s->model, "seen");
  CHECK_OK(codex_thread_run(s->thread, NULL, codex_params_json(params), &result, &err), err);
  CHECK_CONTAINS(model_request(s->model, 0), "only an item");
  codex_turn_result_free(result);
  codex_params_free(params);
  forget(&err);
}

TEST(text_of_every_kind_arrives_as_it_was_sent) {
  session *s = session_with_model(NULL);
  const char *odd = "tab\t quote\" backslash\\ euro \xe2\x82\xac face \xf0\x9f\x98\x80 line\nend";
  model_says(s->model, odd);
  const codex_turn_result *result = run_or_fail(s->thread, odd);
  CHECK_STR(codex_turn_result_final_response(result, NULL), odd);
  CHECK_STR(string_at(codex_turn_result_item(result, 0), "/content/0/text"), odd);
}

TEST(a_second_run_sends_what_was_said_before) {
  session *s = session_with_model(NULL);
  model_says(s->model, "the sky is blue");
  model_says(s->model, "as I said, blue");
  run_or_fail(s->thread, "which colour has the sky?");
  run_or_fail(s->thread, "once more?");
  const char *second = model_request(s->model, 1);
  CHECK_CONTAINS(second, "which colour has the sky?");
  CHECK_CONTAINS(second, "the sky is blue");
  CHECK_CONTAINS(second, "once more?");
}

TEST(a_failed_turn_still_has_its_result) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_fails(s->model, 401, "{\"error\":{\"message\":\"no such key\"}}");
  CHECK_STATUS(codex_thread_run(s->thread, "hello", NULL, &result, &err), CODEX_ERROR_TURN_FAILED, err);
  CHECK_CONTAINS(codex_error_message(err), "401");
  CHECK_STR(codex_error_reason(err), "unauthorized");
  CHECK(has(parsed(codex_error_json(err)), "/codexErrorInfo/httpConnectionFailed"));
  CHECK_STR(codex_turn_result_status(result), "failed");
  CHECK_CONTAINS(codex_turn_result_error_message(result), "401");
  CHECK(codex_turn_result_final_response(result, NULL) == NULL);
  CHECK_STR(string_at(codex_turn_result_item(result, 0), "/type"), "userMessage");
  CHECK_STR(string_at(codex_turn_result_value(result), "/endedBy"), "failed");
  codex_turn_result_free(result);
  forget(&err);
}

TEST(the_reason_of_a_failure_is_a_stable_word) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_fails(s->model, 429, "{\"error\":{\"type\":\"usage_limit_reached\",\"message\":\"limit\"}}");
  CHECK_STATUS(codex_thread_run(s->thread, "hello", NULL, &result, &err), CODEX_ERROR_TURN_FAILED, err);
  CHECK_STR(codex_error_reason(err), "usageLimitExceeded");
  CHECK(!codex_error_is_retryable(err));
  codex_turn_result_free(result);
  forget(&err);
}

TEST(a_thread_works_after_a_failed_turn) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_fails(s->model, 500, "{}");
  model_says(s->model, "better now");
  CHECK_STATUS(codex_thread_run(s->thread, "hello", NULL, &result, &err), CODEX_ERROR_TURN_FAILED, err);
  CHECK_STR(codex_turn_result_final_response(run_or_fail(s->thread, "again"), NULL), "better now");
  codex_turn_result_free(result);
  forget(&err);
}

typedef struct parallel_run {
  codex_client *client;
  const char *question;
  char answer[64];
} parallel_run;

static void *run_in_thread(void *pointer) {
  parallel_run *run = pointer;
  codex_thread *thread = start_thread_or_fail(run->client, NULL);
  const codex_turn_result *result = run_or_fail(thread, run->question);
  const char *answer = codex_turn_result_final_response(result, NULL);
  snprintf(run->answer, sizeof run->answer, "%s", answer == NULL ? "" : answer);
  codex_thread_free(thread);
  return NULL;
}

TEST(runs_on_several_threads_keep_their_answers_apart) {
  enum { RUNS = 6 };
  session *s = session_with_model(NULL);
  parallel_run runs[RUNS];
  pthread_t threads[RUNS];
  for (int i = 0; i < RUNS; i++) {
    runs[i] = (parallel_run){s->client, text("question-%d", i), ""};
    model_says_to(s->model, runs[i].question, text("answer-%d", i));
  }
  for (int i = 0; i < RUNS; i++) threads[i] = thread_start(run_in_thread, &runs[i]);
  for (int i = 0; i < RUNS; i++) thread_join(threads[i]);
  for (int i = 0; i < RUNS; i++) CHECK_STR(runs[i].answer, text("answer-%d", i));
}

/* ---- streamed runs ------------------------------------------------------------------------------------------------------------- */

typedef struct seen_events {
  char text[256];
  int kinds[32];
  int events;
  int events_after_end;
  pthread_t thread;
  int32_t answer_to_delta;
  char thread_id[64];
  char turn_id[64];
} seen_events;

static void see_delta(seen_events *seen, codex_event *event) {
  size_t length = 0;
  const char *delta = codex_event_text(event, &length);
  CHECK_INT(length, strlen(delta));
  strncat(seen->text, delta, sizeof seen->text - strlen(seen->text) - 1);
  snprintf(seen->thread_id, sizeof seen->thread_id, "%s", codex_event_thread_id(event));
  snprintf(seen->turn_id, sizeof seen->turn_id, "%s", codex_event_turn_id(event));
}

static int32_t see(void *user_data, codex_event *event) {
  seen_events *seen = user_data;
  codex_event_kind kind = codex_event_get_kind(event);
  seen->events++;
  seen->thread = pthread_self();
  if (seen->kinds[CODEX_EVENT_TURN_ENDED] > 0) seen->events_after_end++;
  if (kind >= 0 && (size_t)kind < COUNT(seen->kinds)) seen->kinds[kind]++;
  if (kind != CODEX_EVENT_MESSAGE_DELTA) return CODEX_CONTINUE;
  see_delta(seen, event);
  return seen->answer_to_delta;
}

TEST(deltas_are_streamed_in_order) {
  static const char *const deltas[] = {"one ", "two ", "three ", "four"};
  session *s = session_with_model(NULL);
  seen_events seen = {0};
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_streams(s->model, deltas, COUNT(deltas));
  CHECK_OK(codex_thread_run_streamed(s->thread, "count", NULL, see, &seen, &result, &err), err);
  CHECK_STR(seen.text, "one two three four");
  CHECK_STR(codex_turn_result_final_response(result, NULL), "one two three four");
  CHECK_STR(seen.thread_id, codex_thread_id(s->thread));
  CHECK_STR(seen.turn_id, codex_turn_result_id(result));
  codex_turn_result_free(result);
  forget(&err);
}

TEST(a_streamed_run_shows_every_stage_of_its_turn_and_ends_once) {
  session *s = session_with_model(NULL);
  seen_events seen = {0};
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_says(s->model, "answer");
  CHECK_OK(codex_thread_run_streamed(s->thread, "question", NULL, see, &seen, &result, &err), err);
  CHECK_INT(seen.kinds[CODEX_EVENT_TURN_STARTED], 1);
  CHECK_INT(seen.kinds[CODEX_EVENT_ITEM_STARTED], 2);
  CHECK_INT(seen.kinds[CODEX_EVENT_ITEM_COMPLETED], 2);
  CHECK(seen.kinds[CODEX_EVENT_USAGE] >= 1);
  CHECK_INT(seen.kinds[CODEX_EVENT_TURN_COMPLETED], 1);
  CHECK_INT(seen.kinds[CODEX_EVENT_TURN_ENDED], 1);
  CHECK_INT(seen.events_after_end, 0);
  codex_turn_result_free(result);
  forget(&err);
}

TEST(the_callback_of_a_streamed_run_is_called_on_the_calling_thread) {
  session *s = session_with_model(NULL);
  seen_events seen = {0};
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_says(s->model, "answer");
  CHECK_OK(codex_thread_run_streamed(s->thread, "question", NULL, see, &seen, &result, &err), err);
  CHECK(seen.events > 0 && pthread_equal(seen.thread, pthread_self()));
  codex_turn_result_free(result);
  forget(&err);
}

static void interrupt_from_callback(int32_t answer) {
  session *s = session_with_model(NULL);
  seen_events seen = {0};
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  seen.answer_to_delta = answer;
  model_hangs(s->model, "a beginning");
  codex_status status = codex_thread_run_streamed(s->thread, "go", NULL, see, &seen, &result, &err);
  CHECK_STATUS(status, CODEX_ERROR_TURN_INTERRUPTED, err);
  CHECK_INT(seen.kinds[CODEX_EVENT_MESSAGE_DELTA], 1);
  CHECK_INT(seen.kinds[CODEX_EVENT_TURN_COMPLETED] + seen.kinds[CODEX_EVENT_TURN_ENDED], 0);
  CHECK_STR(codex_turn_result_status(result), "interrupted");
  CHECK_STR(string_at(codex_turn_result_value(result), "/partialResponse"), "a beginning");
  CHECK_STR(string_at(codex_turn_result_value(result), "/endedBy"), "interrupted");
  codex_turn_result_free(result);
  forget(&err);
}

TEST(a_callback_can_interrupt_its_turn) { interrupt_from_callback(CODEX_INTERRUPT); }

TEST(an_unknown_answer_of_a_callback_interrupts) { interrupt_from_callback(42); }

typedef struct nested_call {
  codex_client *client;
  codex_status status;
  bool called;
} nested_call;

static int32_t call_inside(void *user_data, codex_event *event) {
  nested_call *nested = user_data;
  char *answer = NULL;
  if (nested->called || codex_event_get_kind(event) != CODEX_EVENT_TURN_STARTED) return CODEX_CONTINUE;
  nested->called = true;
  nested->status = codex_client_call(nested->client, "thread/loaded/list", "{}", 10000, &answer, NULL);
  codex_string_free(answer);
  return CODEX_CONTINUE;
}

TEST(a_callback_of_a_streamed_run_can_make_calls) {
  session *s = session_with_model(NULL);
  nested_call nested = {s->client, CODEX_ERROR_INTERNAL, false};
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_says(s->model, "answer");
  CHECK_OK(codex_thread_run_streamed(s->thread, "go", NULL, call_inside, &nested, &result, &err), err);
  CHECK(nested.called);
  CHECK_INT(nested.status, CODEX_OK);
  codex_turn_result_free(result);
  forget(&err);
}

/* ---- turns ------------------------------------------------------------------------------------------------------------------------ */

TEST(a_turn_is_read_event_by_event_until_it_has_ended) {
  session *s = session_with_model(NULL);
  codex_event *event = NULL;
  codex_error *err = NULL;
  codex_status status;
  codex_event_kind last = CODEX_EVENT_OTHER;
  int ends = 0;
  model_says(s->model, "answer");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  while ((status = codex_turn_next_event(turn, 20000, &event, &err)) == CODEX_OK) {
    last = codex_event_get_kind(event);
    ends += last == CODEX_EVENT_TURN_ENDED;
    codex_event_free(event);
  }
  CHECK_STATUS(status, CODEX_END, err);
  CHECK_INT(last, CODEX_EVENT_TURN_ENDED);
  CHECK_INT(ends, 1);
  CHECK_STATUS(codex_turn_next_event(turn, CODEX_WAIT_FOREVER, &event, &err), CODEX_END, err);
  CHECK(event == NULL);
  codex_turn_free(turn);
}

TEST(a_started_turn_has_an_id_that_stays) {
  session *s = session_with_model(NULL);
  model_says(s->model, "answer");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  const char *id = codex_turn_id(turn);
  CHECK(strlen(id) > 30);
  CHECK_INT(drain(turn), CODEX_OK);
  CHECK(codex_turn_id(turn) == id);
  codex_turn_free(turn);
}

TEST(an_event_tells_what_it_is_about) {
  session *s = session_with_model(NULL);
  size_t text_length = 0, json_length = 0;
  model_says(s->model, "word");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event *event = await_event(turn, CODEX_EVENT_MESSAGE_DELTA);
  CHECK_STR(codex_event_method(event), "item/agentMessage/delta");
  CHECK_STR(codex_event_text(event, &text_length), "word");
  CHECK_INT(text_length, 4);
  const char *json = codex_event_json(event, &json_length);
  CHECK_INT(json_length, strlen(json));
  CHECK_STR(string_at(parsed(json), "/delta"), "word");
  CHECK_STR(string_at(codex_event_value(event), "/delta"), "word");
  CHECK_STR(codex_event_thread_id(event), codex_thread_id(s->thread));
  CHECK_STR(codex_event_turn_id(event), codex_turn_id(turn));
  CHECK_STR(codex_event_item_id(event), string_at(codex_event_value(event), "/itemId"));
  CHECK(*codex_event_item_id(event) != '\0');
  CHECK(codex_event_emitted_at_ms(event) > INT64_C(1600000000000));
  CHECK(codex_event_merged(event) >= 1);
  CHECK_INT(codex_event_call_id(event), 0);
  CHECK_INT(codex_event_request_id(event), 0);
  CHECK(codex_event_take_request(event) == NULL);
  CHECK_OK(codex_event_status(event, NULL), NULL);
  codex_event_free(event);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

TEST(the_last_event_of_a_turn_carries_its_result) {
  session *s = session_with_model(NULL);
  codex_error *err = NULL;
  model_says(s->model, "answer");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event *end = await_event(turn, CODEX_EVENT_TURN_ENDED);
  CHECK_OK(codex_event_status(end, &err), err);
  CHECK_STR(string_at(codex_event_value(end), "/id"), codex_turn_id(turn));
  CHECK_STR(string_at(codex_event_value(end), "/finalResponse"), "answer");
  codex_event_free(end);
  codex_turn_free(turn);
}

TEST(the_last_event_of_a_failed_turn_says_why) {
  session *s = session_with_model(NULL);
  codex_error *err = NULL;
  model_fails(s->model, 401, "{}");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event *end = await_event(turn, CODEX_EVENT_TURN_ENDED);
  CHECK_STATUS(codex_event_status(end, &err), CODEX_ERROR_TURN_FAILED, err);
  CHECK_CONTAINS(codex_error_message(err), "401");
  CHECK_STR(string_at(codex_event_value(end), "/status"), "failed");
  codex_event_free(end);
  codex_turn_free(turn);
  forget(&err);
}

TEST(an_event_outlives_its_turn_thread_and_client) {
  session *s = session_with_model(NULL);
  codex_error *err = NULL;
  model_says(s->model, "answer");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event *event = await_event(turn, CODEX_EVENT_MESSAGE_DELTA);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
  CHECK_OK(codex_client_close(s->client, 10000, &err), err);
  CHECK_STR(codex_event_text(event, NULL), "answer");
  CHECK_STR(string_at(codex_event_value(event), "/delta"), "answer");
  codex_event_free(event);
}

TEST(waiting_without_time_tells_only_whether_something_is_there) {
  session *s = session_with_model(NULL);
  codex_event *event = NULL;
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_hangs(s->model, "busy");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event_free(await_event(turn, CODEX_EVENT_MESSAGE_DELTA));
  CHECK_STATUS(codex_turn_next_event(turn, 0, &event, &err), CODEX_TIMEOUT, err);
  CHECK(event == NULL);
  CHECK_STATUS(codex_turn_wait(turn, 0, &result, &err), CODEX_TIMEOUT, err);
  CHECK(result == NULL);
  codex_turn_free(turn);
}

TEST(waiting_for_a_turn_gives_every_caller_a_result_of_its_own) {
  session *s = session_with_model(NULL);
  codex_turn_result *first = NULL, *second = NULL;
  codex_error *err = NULL;
  model_says(s->model, "answer");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  CHECK_OK(codex_turn_wait(turn, 20000, &first, &err), err);
  CHECK_OK(codex_turn_wait(turn, 0, &second, &err), err);
  CHECK(first != second);
  CHECK_STR(codex_turn_result_json(first, NULL), codex_turn_result_json(second, NULL));
  codex_turn_result_free(first);
  codex_turn_free(turn);
  CHECK_STR(codex_turn_result_final_response(second, NULL), "answer");
  codex_turn_result_free(second);
}

static void *wait_in_thread(void *turn) {
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_turn_wait(turn, 20000, &result, &err), err);
  CHECK_STR(codex_turn_result_final_response(result, NULL), "before and after");
  codex_turn_result_free(result);
  forget(&err);
  return NULL;
}

TEST(several_threads_can_wait_for_one_turn) {
  session *s = session_with_model(NULL);
  pthread_t waiting[4];
  model_says_around_gate(s->model, "before ", "middle", "and after");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  for (size_t i = 0; i < COUNT(waiting); i++) waiting[i] = thread_start(wait_in_thread, turn);
  model_await_gate(s->model, "middle");
  model_open_gate(s->model, "middle");
  for (size_t i = 0; i < COUNT(waiting); i++) thread_join(waiting[i]);
  codex_turn_free(turn);
}

TEST(waiting_after_reading_keeps_the_events) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_says(s->model, "answer");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event_free(await_event(turn, CODEX_EVENT_TURN_STARTED));
  CHECK_OK(codex_turn_wait(turn, 20000, &result, &err), err);
  codex_event *delta = await_event(turn, CODEX_EVENT_MESSAGE_DELTA);
  CHECK_STR(codex_event_text(delta, NULL), "answer");
  codex_event_free(delta);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_result_free(result);
  codex_turn_free(turn);
}

TEST(steering_brings_a_second_message_into_the_running_turn) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_says_around_gate(s->model, "before ", "steered", "never mind");
  model_says(s->model, "after");
  codex_turn *turn = start_turn_or_fail(s->thread, "the first task");
  model_await_gate(s->model, "steered");
  CHECK_OK(codex_turn_steer(turn, "another direction", NULL, &err), err);
  model_open_gate(s->model, "steered");
  CHECK_OK(codex_turn_wait(turn, 20000, &result, &err), err);
  CHECK_STR(codex_turn_result_final_response(result, NULL), "after");
  CHECK_STR(codex_turn_result_id(result), codex_turn_id(turn));
  CHECK_CONTAINS(model_request(s->model, 1), "another direction");
  codex_turn_result_free(result);
  codex_turn_free(turn);
}

TEST(steering_a_turn_that_is_over_fails_with_a_reason) {
  session *s = session_with_model(NULL);
  codex_error *err = NULL;
  model_says(s->model, "done");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  CHECK_INT(drain(turn), CODEX_OK);
  CHECK_STATUS(codex_turn_steer(turn, "too late", NULL, &err), CODEX_ERROR_RPC, err);
  CHECK_STR(codex_error_reason(err), "noActiveTurn");
  forget(&err);
  codex_turn_free(turn);
}

TEST(an_interrupted_turn_has_its_result_and_the_next_run_works) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_hangs(s->model, "half a sen");
  model_says(s->model, "a whole sentence");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event_free(await_event(turn, CODEX_EVENT_MESSAGE_DELTA));
  CHECK_OK(codex_turn_interrupt(turn, &err), err);
  CHECK_STATUS(codex_turn_wait(turn, 20000, &result, &err), CODEX_ERROR_TURN_INTERRUPTED, err);
  CHECK_STR(codex_turn_result_status(result), "interrupted");
  CHECK_STR(string_at(codex_turn_result_value(result), "/partialResponse"), "half a sen");
  codex_turn_result_free(result);
  codex_turn_free(turn);
  forget(&err);
  CHECK_STR(codex_turn_result_final_response(run_or_fail(s->thread, "again"), NULL), "a whole sentence");
}

TEST(a_turn_can_be_interrupted_before_it_says_that_it_started) {
  session *s = session_with_model(NULL);
  codex_error *err = NULL;
  model_hangs(s->model, "busy");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  CHECK_OK(codex_turn_interrupt(turn, &err), err);
  CHECK_INT(drain(turn), CODEX_ERROR_TURN_INTERRUPTED);
  codex_turn_free(turn);
}

TEST(interrupting_a_turn_that_is_over_is_harmless) {
  session *s = session_with_model(NULL);
  codex_error *err = NULL;
  model_says(s->model, "done");
  model_says(s->model, "and again");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  CHECK_INT(drain(turn), CODEX_OK);
  CHECK_OK(codex_turn_interrupt(turn, &err), err);
  CHECK_OK(codex_turn_interrupt(turn, &err), err);
  CHECK_STR(codex_turn_result_final_response(run_or_fail(s->thread, "again"), NULL), "and again");
  codex_turn_free(turn);
}

TEST(a_deadline_ends_a_turn_with_its_result) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_hangs(s->model, "busy");
  codex_status status = codex_thread_run(s->thread, "go", "{\"limits\":{\"timeoutMs\":1500}}", &result, &err);
  CHECK_STATUS(status, CODEX_ERROR_TURN_TIMED_OUT, err);
  CHECK_STR(string_at(codex_turn_result_value(result), "/endedBy"), "timeout");
  CHECK_STR(string_at(codex_turn_result_value(result), "/partialResponse"), "busy");
  codex_turn_result_free(result);
  forget(&err);
}

TEST(a_second_turn_on_a_busy_thread_joins_the_running_one) {
  session *s = session_with_model(NULL);
  model_says_around_gate(s->model, "before ", "joined", "never mind");
  model_says(s->model, "for both");
  codex_turn *first = start_turn_or_fail(s->thread, "one");
  model_await_gate(s->model, "joined");
  codex_turn *second = start_turn_or_fail(s->thread, "two");
  model_open_gate(s->model, "joined");
  CHECK_STR(codex_turn_id(second), codex_turn_id(first));
  CHECK_INT(drain(first), CODEX_OK);
  CHECK_INT(drain(second), CODEX_OK);
  codex_turn_free(first);
  codex_turn_free(second);
}

TEST(attaching_finds_the_running_turn) {
  session *s = session_with_model(NULL);
  codex_turn *attached = NULL;
  codex_error *err = NULL;
  model_says_around_gate(s->model, "before ", "attached", "after");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  model_await_gate(s->model, "attached");
  CHECK_OK(codex_turn_attach(s->thread, NULL, &attached, &err), err);
  CHECK_STR(codex_turn_id(attached), codex_turn_id(turn));
  model_open_gate(s->model, "attached");
  CHECK_INT(drain(attached), CODEX_OK);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(attached);
  codex_turn_free(turn);
}

TEST(attaching_to_a_turn_that_is_over_shows_its_end_at_once) {
  session *s = session_with_model(NULL);
  codex_turn *attached = NULL;
  codex_event *event = NULL;
  codex_error *err = NULL;
  model_says(s->model, "answer");
  const codex_turn_result *result = run_or_fail(s->thread, "go");
  CHECK_OK(codex_turn_attach(s->thread, codex_turn_result_id(result), &attached, &err), err);
  CHECK_OK(codex_turn_next_event(attached, 20000, &event, &err), err);
  CHECK_INT(codex_event_get_kind(event), CODEX_EVENT_TURN_ENDED);
  codex_event_free(event);
  CHECK_STATUS(codex_turn_next_event(attached, 0, &event, &err), CODEX_END, err);
  codex_turn_free(attached);
  forget(&err);
}

TEST(user_data_of_a_thread_is_inherited_and_that_of_a_turn_wins) {
  session *s = session_with_model(NULL);
  int of_thread = 0, of_turn = 0;
  model_says(s->model, "one");
  model_says_around_gate(s->model, "two", "marked", " three");
  codex_thread_set_user_data(s->thread, &of_thread);
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event *event = await_event(turn, CODEX_EVENT_MESSAGE_DELTA);
  CHECK(codex_event_user_data(event) == &of_thread);
  codex_event_free(event);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);

  turn = start_turn_or_fail(s->thread, "go");
  codex_turn_set_user_data(turn, &of_turn);
  model_await_gate(s->model, "marked");
  model_open_gate(s->model, "marked");
  event = await_event(turn, CODEX_EVENT_TURN_ENDED);
  CHECK(codex_event_user_data(event) == &of_turn);
  codex_event_free(event);
  codex_turn_free(turn);
}

/* ---- calls and the client queue --------------------------------------------------------------------------------------------------- */

TEST(any_method_can_be_called) {
  session *s = session_with_model(NULL);
  char *answer = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_call(s->client, "thread/loaded/list", "{}", CODEX_WAIT_DEFAULT, &answer, &err), err);
  CHECK_STR(string_at(parsed(answer), "/data/0"), codex_thread_id(s->thread));
  codex_string_free(answer);
}

TEST(a_refused_call_tells_why) {
  session *s = session_with_model(NULL);
  char *answer = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_client_call(s->client, "no/such/method", "{}", 10000, &answer, &err), CODEX_ERROR_RPC, err);
  CHECK_STR(codex_error_reason(err), "unknownMethod");
  CHECK_INT(codex_error_rpc_code(err), -32600);
  CHECK(answer == NULL);
  forget(&err);
  CHECK_STATUS(codex_client_call(s->client, "thread/read", "{\"threadId\":5}", 10000, &answer, &err), CODEX_ERROR_RPC, err);
  CHECK_STR(codex_error_reason(err), "invalidParams");
  forget(&err);
}

TEST(the_answer_to_a_begun_call_is_an_event) {
  session *s = session_with_model(NULL);
  int mark = 0;
  uint64_t call_id = 0;
  codex_error *err = NULL;
  CHECK_OK(codex_client_begin_call(s->client, "thread/loaded/list", "{}", 10000, &mark, &call_id, &err), err);
  CHECK(call_id != 0);
  codex_event *event = await_client_event(s->client, CODEX_EVENT_RESPONSE);
  CHECK_INT(codex_event_call_id(event), call_id);
  CHECK(codex_event_user_data(event) == &mark);
  CHECK_OK(codex_event_status(event, &err), err);
  CHECK_STR(string_at(codex_event_value(event), "/data/0"), codex_thread_id(s->thread));
  codex_event_free(event);
}

TEST(a_begun_call_that_is_refused_is_an_event_with_its_error) {
  session *s = session_with_model(NULL);
  uint64_t call_id = 0;
  codex_error *err = NULL;
  CHECK_OK(codex_client_begin_call(s->client, "no/such/method", "{}", 10000, NULL, &call_id, &err), err);
  codex_event *event = await_client_event(s->client, CODEX_EVENT_RESPONSE);
  CHECK_INT(codex_event_call_id(event), call_id);
  CHECK_STATUS(codex_event_status(event, &err), CODEX_ERROR_RPC, err);
  CHECK_STR(codex_error_reason(err), "unknownMethod");
  forget(&err);
  codex_event_free(event);
}

TEST(a_notification_is_sent_without_an_answer) {
  session *s = session_with_model(NULL);
  codex_error *err = NULL;
  CHECK_OK(codex_client_notify(s->client, "initialized", NULL, &err), err);
  model_says(s->model, "still here");
  CHECK_STR(codex_turn_result_final_response(run_or_fail(s->thread, "go"), NULL), "still here");
}

TEST(what_belongs_to_no_turn_arrives_in_the_client_queue) {
  session *s = session_with_model(NULL);
  codex_event *event = NULL;
  codex_error *err = NULL;
  codex_status status = codex_client_next_event(s->client, 0, &event, &err);
  CHECK(status == CODEX_TIMEOUT || status == CODEX_OK);
  codex_event_free(event);
  codex_thread *thread = start_thread_or_fail(s->client, NULL);
  bool seen = false;
  while (!seen && (status = codex_client_next_event(s->client, 20000, &event, &err)) == CODEX_OK) {
    bool started = strcmp(codex_event_method(event), "thread/started") == 0;
    seen = started && strcmp(codex_event_thread_id(event), codex_thread_id(thread)) == 0;
    codex_event_free(event);
  }
  CHECK(seen);
  codex_thread_free(thread);
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------------ */

TEST(a_closed_client_refuses_calls_and_may_be_closed_again) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_turn *turn = NULL;
  char *answer = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_close(s->client, 10000, &err), err);
  CHECK_OK(codex_client_close(s->client, 10000, &err), err);
  CHECK_STATUS(codex_client_call(s->client, "thread/loaded/list", "{}", 1000, &answer, &err), CODEX_ERROR_CLOSED, err);
  forget(&err);
  CHECK_STATUS(codex_thread_run(s->thread, "go", NULL, &result, &err), CODEX_ERROR_CLOSED, err);
  CHECK(result == NULL);
  forget(&err);
  CHECK_STATUS(codex_turn_start(s->thread, "go", NULL, &turn, &err), CODEX_ERROR_CLOSED, err);
  forget(&err);
}

TEST(closing_ends_a_running_turn_with_its_result) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_hangs(s->model, "half");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event_free(await_event(turn, CODEX_EVENT_MESSAGE_DELTA));
  CHECK_OK(codex_client_close(s->client, 10000, &err), err);
  CHECK_STATUS(codex_turn_wait(turn, 0, &result, &err), CODEX_ERROR_CLOSED, err);
  CHECK_STR(string_at(codex_turn_result_value(result), "/partialResponse"), "half");
  CHECK_STR(string_at(codex_turn_result_value(result), "/endedBy"), "transportClosed");
  forget(&err);
  CHECK_INT(drain(turn), CODEX_ERROR_CLOSED);
  codex_turn_result_free(result);
  codex_turn_free(turn);
}

static void *close_in_thread(void *client) {
  codex_error *err = NULL;
  sleep_ms(300);
  CHECK_OK(codex_client_close(client, 10000, &err), err);
  forget(&err);
  return NULL;
}

TEST(closing_releases_a_blocked_run) {
  session *s = session_with_model(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_hangs(s->model, "half");
  pthread_t closing = thread_start(close_in_thread, s->client);
  CHECK_STATUS(codex_thread_run(s->thread, "go", NULL, &result, &err), CODEX_ERROR_CLOSED, err);
  thread_join(closing);
  codex_turn_result_free(result);
  forget(&err);
}

TEST(the_queue_of_a_closed_client_ends_with_closed) {
  session *s = session_with_model(NULL);
  codex_event *event = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_close(s->client, 10000, &err), err);
  codex_event *closed = await_client_event(s->client, CODEX_EVENT_CLOSED);
  codex_event_free(closed);
  CHECK_STATUS(codex_client_next_event(s->client, CODEX_WAIT_FOREVER, &event, &err), CODEX_END, err);
  CHECK_STATUS(codex_client_next_event(s->client, 0, &event, &err), CODEX_END, err);
  CHECK(event == NULL);
}

TEST(the_runtime_has_ended_when_close_returns) {
  session *s = session_with_model(NULL);
  int64_t pid = int_at(parsed(codex_client_info_json(s->client)), "/pid");
  codex_error *err = NULL;
  CHECK_OK(codex_client_close(s->client, 10000, &err), err);
  CHECK(wait_until_gone(pid));
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(connecting_tells_which_runtime_answered),
      CASE(stats_are_an_object),
      CASE(a_started_thread_has_an_id_and_what_the_runtime_answered),
      CASE(params_of_a_thread_reach_the_runtime),
      CASE(the_mode_ask_lets_the_host_decide),
      CASE(a_name_can_be_given_and_read),
      CASE(reading_a_thread_with_turns_shows_them_in_order),
      CASE(a_thread_goes_on_in_a_new_client),
      CASE(a_thread_that_does_not_exist_cannot_be_resumed),
      CASE(a_handle_from_an_id_runs_turns_of_a_loaded_thread),
      CASE(a_handle_from_an_unknown_id_fails_when_it_is_used),
      CASE(a_run_returns_everything_about_its_turn),
      CASE(the_items_of_a_result_are_those_of_its_turn_in_order),
      CASE(the_json_of_a_result_says_the_same_as_its_accessors),
      CASE(structured_output_is_parsed),
      CASE(text_and_input_items_reach_the_model_in_order),
      CASE(a_turn_may_have_input_items_only),
      CASE(text_of_every_kind_arrives_as_it_was_sent),
      CASE(a_second_run_sends_what_was_said_before),
      CASE(a_failed_turn_still_has_its_result),
      CASE(the_reason_of_a_failure_is_a_stable_word),
      CASE(a_thread_works_after_a_failed_turn),
      CASE(runs_on_several_threads_keep_their_answers_apart),
      CASE(deltas_are_streamed_in_order),
      CASE(a_streamed_run_shows_every_stage_of_its_turn_and_ends_once),
      CASE(the_callback_of_a_streamed_run_is_called_on_the_calling_thread),
      CASE(a_callback_can_interrupt_its_turn),
      CASE(an_unknown_answer_of_a_callback_interrupts),
      CASE(a_callback_of_a_streamed_run_can_make_calls),
      CASE(a_turn_is_read_event_by_event_until_it_has_ended),
      CASE(a_started_turn_has_an_id_that_stays),
      CASE(an_event_tells_what_it_is_about),
      CASE(the_last_event_of_a_turn_carries_its_result),
      CASE(the_last_event_of_a_failed_turn_says_why),
      CASE(an_event_outlives_its_turn_thread_and_client),
      CASE(waiting_without_time_tells_only_whether_something_is_there),
      CASE(waiting_for_a_turn_gives_every_caller_a_result_of_its_own),
      CASE(several_threads_can_wait_for_one_turn),
      CASE(waiting_after_reading_keeps_the_events),
      CASE(steering_brings_a_second_message_into_the_running_turn),
      CASE(steering_a_turn_that_is_over_fails_with_a_reason),
      CASE(an_interrupted_turn_has_its_result_and_the_next_run_works),
      CASE(a_turn_can_be_interrupted_before_it_says_that_it_started),
      CASE(interrupting_a_turn_that_is_over_is_harmless),
      CASE(a_deadline_ends_a_turn_with_its_result),
      CASE(a_second_turn_on_a_busy_thread_joins_the_running_one),
      CASE(attaching_finds_the_running_turn),
      CASE(attaching_to_a_turn_that_is_over_shows_its_end_at_once),
      CASE(user_data_of_a_thread_is_inherited_and_that_of_a_turn_wins),
      CASE(any_method_can_be_called),
      CASE(a_refused_call_tells_why),
      CASE(the_answer_to_a_begun_call_is_an_event),
      CASE(a_begun_call_that_is_refused_is_an_event_with_its_error),
      CASE(a_notification_is_sent_without_an_answer),
      CASE(what_belongs_to_no_turn_arrives_in_the_client_queue),
      CASE(a_closed_client_refuses_calls_and_may_be_closed_again),
      CASE(closing_ends_a_running_turn_with_its_result),
      CASE(closing_releases_a_blocked_run),
      CASE(the_queue_of_a_closed_client_ends_with_closed),
      CASE(the_runtime_has_ended_when_close_returns),
  };
  harness_start(argc, argv);
  run_tests_with_each_runtime(tests, COUNT(tests));
  return harness_end();
}
