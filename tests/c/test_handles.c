/* The life of handles, wake-ups, and events that only the fake runtime sends on demand. */
#include "support.h"

static const char script_held_turn[] = "{\"on\":{\"turn/start\":[{\"turn\":{\"deltas\":[\"half\"],\"hold\":true}}]}}";

/* ---- waking ------------------------------------------------------------------------------------------------------ */

static void skip_what_is_there(codex_turn *turn) {
  codex_event *event = NULL;
  while (codex_turn_next_event(turn, 500, &event, NULL) == CODEX_OK) codex_event_free(event);
}

static void *wake_turn_in_thread(void *turn) {
  sleep_ms(300);
  codex_turn_wake(turn);
  return NULL;
}

TEST(waking_releases_a_blocked_reader_of_a_turn) {
  session *s = session_with_fake(script_held_turn);
  codex_event *event = NULL;
  codex_error *err = NULL;
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  skip_what_is_there(turn);
  pthread_t waking = thread_start(wake_turn_in_thread, turn);
  CHECK_STATUS(codex_turn_next_event(turn, CODEX_WAIT_FOREVER, &event, &err), CODEX_TIMEOUT, err);
  CHECK(event == NULL);
  thread_join(waking);
  codex_turn_free(turn);
}

TEST(a_wake_up_of_a_turn_is_kept_for_the_next_reader_and_used_up_by_it) {
  session *s = session_with_fake(NULL);
  codex_event *event = NULL;
  codex_error *err = NULL;
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_turn_wake(turn);
  CHECK_STATUS(codex_turn_next_event(turn, CODEX_WAIT_FOREVER, &event, &err), CODEX_TIMEOUT, err);
  CHECK_OK(codex_turn_next_event(turn, 20000, &event, &err), err);
  codex_event_free(event);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

static void *wake_client_in_thread(void *client) {
  sleep_ms(300);
  codex_client_wake(client);
  return NULL;
}

TEST(waking_releases_a_blocked_reader_of_the_client) {
  session *s = session_with_fake(NULL);
  codex_event *event = NULL;
  codex_error *err = NULL;
  while (codex_client_next_event(s->client, 500, &event, NULL) == CODEX_OK) codex_event_free(event);
  pthread_t waking = thread_start(wake_client_in_thread, s->client);
  CHECK_STATUS(codex_client_next_event(s->client, CODEX_WAIT_FOREVER, &event, &err), CODEX_TIMEOUT, err);
  CHECK(event == NULL);
  thread_join(waking);
}

TEST(a_wake_up_of_the_client_is_kept_for_the_next_reader) {
  session *s = session_with_fake(NULL);
  codex_event *event = NULL;
  codex_error *err = NULL;
  codex_client_wake(s->client);
  CHECK_STATUS(codex_client_next_event(s->client, CODEX_WAIT_FOREVER, &event, &err), CODEX_TIMEOUT, err);
}

/* ---- freeing ----------------------------------------------------------------------------------------------------- */

typedef struct handles {
  codex_client *client;
  codex_thread *thread;
  codex_turn *turn;
} handles;

static void free_handle(handles *all, char which) {
  if (which == 'c') codex_client_free(all->client);
  if (which == 't') codex_thread_free(all->thread);
  if (which == 'r') codex_turn_free(all->turn);
}

TEST(handles_are_freed_in_any_order_and_the_runtime_ends_with_the_last) {
  static const char *const orders[] = {"ctr", "crt", "tcr", "trc", "rct", "rtc"};
  for (size_t i = 0; i < COUNT(orders); i++) {
    handles all = {NULL, NULL, NULL};
    all.client = connect_or_fail(options_for_fake(script_held_turn, NULL));
    int64_t pid = int_at(parsed(codex_client_info_json(all.client)), "/pid");
    all.thread = start_thread_or_fail(all.client, NULL);
    all.turn = start_turn_or_fail(all.thread, "go");
    for (const char *which = orders[i]; *which != '\0'; which++) free_handle(&all, *which);
    CHECK(wait_until_gone(pid));
  }
}

TEST(a_thread_keeps_its_client_alive) {
  codex_client *client = connect_or_fail(options_for_fake(NULL, NULL));
  codex_thread *thread = start_thread_or_fail(client, NULL);
  codex_client_free(client);
  CHECK_STR(codex_turn_result_status(run_or_fail(thread, "go")), "completed");
  codex_thread_free(thread);
}

TEST(a_turn_keeps_its_thread_and_client_alive) {
  codex_client *client = connect_or_fail(options_for_fake(NULL, NULL));
  codex_thread *thread = start_thread_or_fail(client, NULL);
  codex_turn *turn = start_turn_or_fail(thread, "go");
  codex_thread_free(thread);
  codex_client_free(client);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

TEST(a_running_turn_alone_does_not_keep_the_runtime) {
  codex_client *client = connect_or_fail(options_for_fake(script_held_turn, NULL));
  int64_t pid = int_at(parsed(codex_client_info_json(client)), "/pid");
  codex_thread *thread = start_thread_or_fail(client, NULL);
  codex_turn_free(start_turn_or_fail(thread, "go"));
  codex_thread_free(thread);
  codex_client_free(client);
  CHECK(wait_until_gone(pid));
}

TEST(a_turn_goes_on_when_its_handle_is_freed) {
  session *s = session_with_fake("{\"on\":{\"turn/start\":[[{\"turn\":{\"hold\":true}},{\"waitFor\":\"thread/name/set\"},"
                                 "{\"finishTurn\":{}}],[{\"builtin\":true}]]}}");
  codex_error *err = NULL;
  codex_turn_free(start_turn_or_fail(s->thread, "go"));
  CHECK_OK(codex_thread_set_name(s->thread, "now", &err), err);
  CHECK(strstr(read_file(s->record), "turn/interrupt") == NULL);
}

TEST(a_runtime_that_ignores_the_end_of_its_input_is_ended_anyway) {
  session *s = session_with_fake("{\"ignoreEof\":true,\"ignoreTerm\":true}");
  int64_t pid = int_at(parsed(codex_client_info_json(s->client)), "/pid");
  codex_error *err = NULL;
  CHECK_OK(codex_client_close(s->client, 1000, &err), err);
  CHECK(wait_until_gone(pid));
}

TEST(closing_without_time_kills_the_runtime) {
  session *s = session_with_fake("{\"ignoreEof\":true,\"ignoreTerm\":true}");
  int64_t pid = int_at(parsed(codex_client_info_json(s->client)), "/pid");
  codex_error *err = NULL;
  CHECK_OK(codex_client_close(s->client, 0, &err), err);
  CHECK(wait_until_gone(pid));
}

TEST(closing_lets_the_runtime_end_by_itself) {
  session *s = session_with_fake(NULL);
  codex_error *err = NULL;
  CHECK_OK(codex_client_close(s->client, 10000, &err), err);
  CHECK_CONTAINS(read_file(s->record), "#eof");
  CHECK(strstr(read_file(s->record), "#sigterm") == NULL);
}

TEST(tools_of_a_killed_runtime_are_ended_too) {
  session *s = session_with_fake("{\"on\":{\"thread/name/set\":[{\"spawnChild\":{\"command\":[\"sleep\",\"1000\"],"
                                 "\"newSession\":true}},{\"reply\":{}}]},\"ignoreEof\":true,\"ignoreTerm\":true}");
  codex_error *err = NULL;
  CHECK_OK(codex_thread_set_name(s->thread, "now", &err), err);
  CHECK(wait_for_text(s->record, "#child "));
  const char *note = strstr(read_file(s->record), "#child ");
  CHECK_OK(codex_client_close(s->client, 0, &err), err);
  CHECK(note != NULL && wait_until_gone(atoll(note + strlen("#child "))));
}

/* ---- what arrives ------------------------------------------------------------------------------------------------ */

TEST(events_that_come_before_the_answer_are_not_lost) {
  session *s = session_with_fake("{\"on\":{\"turn/start\":[{\"turn\":{\"beforeReply\":true,\"deltas\":[\"ear\",\"ly\"]}}]}}");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event *event = await_event(turn, CODEX_EVENT_TURN_STARTED);
  CHECK_STR(codex_event_turn_id(event), codex_turn_id(turn));
  codex_event_free(event);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

TEST(a_turn_that_is_over_before_its_answer_has_its_result) {
  session *s = session_with_fake(
      "{\"on\":{\"turn/start\":[{\"notify\":[\"turn/started\",{\"threadId\":\"$threadId\",\"turn\":{\"id\":\"$turnId\"}}]},"
      "{\"notify\":[\"turn/completed\",{\"threadId\":\"$threadId\",\"turn\":{\"id\":\"$turnId\",\"status\":\"completed\","
      "\"items\":[],\"error\":null}}]},{\"sleepMs\":200},{\"reply\":{\"turn\":{\"id\":\"$turnId\",\"status\":\"inProgress\"}}}]}}");
  CHECK_STR(codex_turn_result_status(run_or_fail(s->thread, "go")), "completed");
}

TEST(an_unknown_event_passes_byte_for_byte) {
  session *s = session_with_fake(
      "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},"
      "{\"raw\":\"{\\\"method\\\":\\\"future/event\\\",\\\"params\\\":{"
      "\\\"turnId\\\":\\\"$turnId\\\",\\\"threadId\\\":\\\"$threadId\\\","
      "\\\"n\\\":1.50,\\\"odd\\\" : [ {} ],\\\"e\\\":\\\"\\\\u00e9\\\"}}\"},{\"finishTurn\":{}}]}}");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event *event = NULL;
  do {
    codex_event_free(event);
    event = await_event(turn, CODEX_EVENT_OTHER);
  } while (event != NULL && strcmp(codex_event_method(event), "future/event") != 0);
  const char *expected = text("{\"turnId\":\"%s\",\"threadId\":\"%s\",\"n\":1.50,\"odd\" : [ {} ],\"e\":\"\\u00e9\"}",
                              codex_turn_id(turn), codex_thread_id(s->thread));
  CHECK_STR(codex_event_json(event, NULL), expected);
  CHECK_STR(string_at(codex_event_value(event), "/e"), "\xc3\xa9");
  codex_event_free(event);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

TEST(an_unknown_item_is_kept_in_the_result) {
  session *s = session_with_fake("{\"on\":{\"turn/start\":[{\"turn\":{\"items\":["
                                 "{\"type\":\"futureItem\",\"id\":\"i1\",\"deep\":{\"a\":[1]}}]}}]}}");
  const codex_turn_result *result = run_or_fail(s->thread, "go");
  bool found = false;
  for (size_t i = 0; i < codex_turn_result_item_count(result); i++)
    found |= int_at(codex_turn_result_item(result, i), "/deep/a/0") == 1;
  CHECK(found);
}

TEST(an_unknown_status_of_a_turn_ends_it) {
  session *s = session_with_fake(
      "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"notify\":[\"turn/completed\",{\"threadId\":\"$threadId\","
      "\"turn\":{\"id\":\"$turnId\",\"status\":\"futureStatus\",\"items\":[],\"error\":null}}]}]}}");
  CHECK_STR(codex_turn_result_status(run_or_fail(s->thread, "go")), "futureStatus");
}

static void check_final_response(const char *messages, const char *expected) {
  session *s = session_with_fake(text("{\"on\":{\"turn/start\":[{\"turn\":{\"omit\":[\"item/agentMessage/delta\"],\"text\":\"plain\","
                                      "\"items\":[%s]}}]}}", messages));
  CHECK_STR(codex_turn_result_final_response(run_or_fail(s->thread, "go"), NULL), expected);
}

TEST(the_final_answer_wins_over_later_messages) {
  check_final_response("{\"type\":\"agentMessage\",\"id\":\"a\",\"text\":\"final\",\"phase\":\"final_answer\"}", "final");
  check_final_response("{\"type\":\"agentMessage\",\"id\":\"a\",\"text\":\"busy\",\"phase\":\"commentary\"}", "plain");
}

TEST(a_turn_with_commentary_only_has_no_final_response) {
  session *s = session_with_fake("{\"on\":{\"turn/start\":[{\"turn\":{\"phase\":\"commentary\"}}]}}");
  const codex_turn_result *result = run_or_fail(s->thread, "go");
  CHECK_STR(codex_turn_result_final_response(result, NULL), NULL);
  CHECK(codex_turn_result_output(result) == NULL);
  CHECK_INT(codex_turn_result_item_count(result), 2);
}

TEST(an_empty_final_response_stays_an_empty_string) {
  session *s = session_with_fake("{\"on\":{\"turn/start\":[{\"turn\":{\"deltas\":[],\"text\":\"\"}}]}}");
  size_t length = 9;
  CHECK_STR(codex_turn_result_final_response(run_or_fail(s->thread, "go"), &length), "");
  CHECK_INT(length, 0);
}

TEST(a_result_outlives_its_client) {
  session *s = session_with_fake(NULL);
  codex_error *err = NULL;
  const codex_turn_result *result = run_or_fail(s->thread, "go");
  const char *json = text("%s", codex_turn_result_json(result, NULL));
  CHECK_OK(codex_client_close(s->client, 10000, &err), err);
  CHECK_STR(codex_turn_result_json(result, NULL), json);
  CHECK(codex_value_count(codex_turn_result_value(result)) > 0);
}

TEST(many_deltas_arrive_completely_and_in_order_at_a_slow_reader) {
  enum { DELTAS = 20000 };
  session *s = session_with_fake(text("{\"on\":{\"turn/start\":[{\"turn\":{\"deltas\":[],\"hold\":true}},"
                                      "{\"flood\":{\"count\":%d,\"text\":\"word \"}},{\"finishTurn\":{}}]}}", DELTAS));
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event *event = NULL;
  size_t bytes = 0, length = 0, merged = 0;
  sleep_ms(500);
  while (codex_turn_next_event(turn, 20000, &event, NULL) == CODEX_OK) {
    if (codex_event_get_kind(event) == CODEX_EVENT_MESSAGE_DELTA) {
      codex_event_text(event, &length);
      bytes += length;
      merged += codex_event_merged(event);
    }
    codex_event_free(event);
  }
  CHECK(bytes >= (size_t)DELTAS * strlen("word "));
  CHECK(merged >= DELTAS);
  codex_turn_free(turn);
}

/* Every queue is nearly full when the call is made. */
TEST(a_call_is_answered_although_the_queues_are_full) {
  const char *record = text("%s/record", fresh_directory());
  codex_client_options *options = options_for_fake(
      "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"flood\":{\"count\":30000,\"method\":\"future/event\","
      "\"params\":{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"fill\":\"0123456789012345678901234567890123456789\"}}},"
      "{\"finishTurn\":{}}]}}", record);
  CHECK_OK(codex_client_options_set_max_queued_bytes(options, 1 << 20), NULL);
  session *s = session_with_options(options, NULL);
  codex_error *err = NULL;
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  CHECK_OK(codex_thread_set_name(s->thread, "now", &err), err);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(waking_releases_a_blocked_reader_of_a_turn),
      CASE(a_wake_up_of_a_turn_is_kept_for_the_next_reader_and_used_up_by_it),
      CASE(waking_releases_a_blocked_reader_of_the_client),
      CASE(a_wake_up_of_the_client_is_kept_for_the_next_reader),
      CASE(handles_are_freed_in_any_order_and_the_runtime_ends_with_the_last),
      CASE(a_thread_keeps_its_client_alive),
      CASE(a_turn_keeps_its_thread_and_client_alive),
      CASE(a_running_turn_alone_does_not_keep_the_runtime),
      CASE(a_turn_goes_on_when_its_handle_is_freed),
      CASE(a_runtime_that_ignores_the_end_of_its_input_is_ended_anyway),
      CASE(closing_without_time_kills_the_runtime),
      CASE(closing_lets_the_runtime_end_by_itself),
      CASE(tools_of_a_killed_runtime_are_ended_too),
      CASE(events_that_come_before_the_answer_are_not_lost),
      CASE(a_turn_that_is_over_before_its_answer_has_its_result),
      CASE(an_unknown_event_passes_byte_for_byte),
      CASE(an_unknown_item_is_kept_in_the_result),
      CASE(an_unknown_status_of_a_turn_ends_it),
      CASE(the_final_answer_wins_over_later_messages),
      CASE(a_turn_with_commentary_only_has_no_final_response),
      CASE(an_empty_final_response_stays_an_empty_string),
      CASE(a_result_outlives_its_client),
      CASE(many_deltas_arrive_completely_and_in_order_at_a_slow_reader),
      CASE(a_call_is_answered_although_the_queues_are_full),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
