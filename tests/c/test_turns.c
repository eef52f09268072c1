/* Turns, calls and the end of a client with the real runtime and a scripted model. */
#include "support.h"

/* ---- turns ------------------------------------------------------------------------------------------------------- */

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
  codex_status status = codex_thread_run(s->thread, "go", "{\"limits\":{\"timeoutMs\":8000}}", &result, &err);
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

/* ---- calls and the client queue ---------------------------------------------------------------------------------- */

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

/* ---- the end ----------------------------------------------------------------------------------------------------- */

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
