/* Threads and runs with the real runtime and a scripted model. */
#include "support.h"

/* ---- connecting -------------------------------------------------------------------------------------------------- */

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

/* ---- threads ----------------------------------------------------------------------------------------------------- */

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

/* ---- runs -------------------------------------------------------------------------------------------------------- */

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

/* ---- streamed runs ----------------------------------------------------------------------------------------------- */

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
  };
  harness_start(argc, argv);
  run_tests_with_each_runtime(tests, COUNT(tests));
  return harness_end();
}
