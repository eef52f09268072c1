/* A runtime that dies, falls silent or talks nonsense: every call ends, says what happened, and keeps what was collected. */
#include "support.h"

enum { END_WITHIN_MS = 20000 };

static codex_error *run_error;
static codex_turn_result *run_result;

static void free_run(void *unused) {
  (void)unused;
  codex_turn_result_free(run_result);
  run_result = NULL;
  forget(&run_error);
}

/* Runs a turn that must end with this status in time, with its result and error in the two variables above. */
static void run_badly(codex_thread *thread, const char *params_json, codex_status expected) {
  int64_t begun = now_ms();
  defer(free_run, NULL);
  CHECK_STATUS(codex_thread_run(thread, "go", params_json, &run_result, &run_error), expected, run_error);
  CHECK(now_ms() - begun < END_WITHIN_MS);
}

/* Connects, which must fail with this status in time, with its error in the variable above. */
static void connect_badly(const codex_client_options *options, codex_status expected) {
  codex_client *client = NULL;
  int64_t begun = now_ms();
  defer(free_run, NULL);
  CHECK_STATUS(codex_client_connect(options, &client, &run_error), expected, run_error);
  CHECK(now_ms() - begun < END_WITHIN_MS);
  CHECK(client == NULL);
  CHECK(strlen(codex_error_message(run_error)) > 20);
  codex_client_free(client);
}

static const codex_value *error_json(void) { return parsed(codex_error_json(run_error)); }

/* A turn with one complete item and half a message, and then something. */
#define HALF_A_TURN "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true,\"deltas\":[\"half a \",\"sentence\"]," \
                    "\"items\":[{\"type\":\"plan\",\"id\":\"p\",\"text\":\"first this\"}]}},"

static void check_partial_result(const char *ended_by) {
  const codex_value *value = codex_turn_result_value(run_result);
  CHECK(run_result != NULL);
  CHECK_STR(string_at(value, "/endedBy"), ended_by);
  CHECK_STR(string_at(value, "/partialResponse"), "half a sentence");
  CHECK_INT(codex_turn_result_item_count(run_result), 2);
  CHECK_STR(string_at(codex_turn_result_item(run_result, 1), "/text"), "first this");
  CHECK(strlen(string_at(value, "/error/message")) > 0);
  CHECK(codex_turn_result_final_response(run_result, NULL) == NULL);
}

/* ---- in the middle of a turn ------------------------------------------------------------------------------------- */

TEST(a_runtime_that_is_killed_in_a_turn_ends_it_with_what_was_collected) {
  session *s = session_with_fake(HALF_A_TURN "{\"sleepMs\":100},{\"abort\":true}]}}");
  run_badly(s->thread, NULL, CODEX_ERROR_TRANSPORT);
  check_partial_result("transportClosed");
  CHECK_CONTAINS(string_at(error_json(), "/exitStatus"), "9");
}

TEST(a_runtime_that_exits_in_a_turn_tells_its_status_and_its_last_words) {
  session *s = session_with_fake(HALF_A_TURN "{\"stderr\":\"the disk is full\"},{\"sleepMs\":100},{\"exit\":3}]}}");
  run_badly(s->thread, NULL, CODEX_ERROR_TRANSPORT);
  check_partial_result("transportClosed");
  CHECK_CONTAINS(string_at(error_json(), "/exitStatus"), "3");
  CHECK_CONTAINS(string_at(error_json(), "/stderrTail"), "the disk is full");
}

TEST(a_runtime_that_closes_its_output_ends_the_turn) {
  session *s = session_with_fake(HALF_A_TURN "{\"sleepMs\":100},{\"closeStdout\":true}]}}");
  run_badly(s->thread, NULL, CODEX_ERROR_TRANSPORT);
  check_partial_result("transportClosed");
}

TEST(a_turn_that_falls_silent_ends_by_its_idle_limit) {
  session *s = session_with_fake(HALF_A_TURN "{\"silence\":true}]}}");
  run_badly(s->thread, "{\"limits\":{\"idleTimeoutMs\":4000}}", CODEX_ERROR_TURN_TIMED_OUT);
  check_partial_result("idleTimeout");
  CHECK_CONTAINS(codex_error_message(run_error), "idleTimeoutMs");
}

TEST(a_turn_that_falls_silent_ends_by_its_deadline) {
  session *s = session_with_fake(HALF_A_TURN "{\"silence\":true}]}}");
  run_badly(s->thread, "{\"limits\":{\"timeoutMs\":4000}}", CODEX_ERROR_TURN_TIMED_OUT);
  check_partial_result("timeout");
}

TEST(a_turn_that_never_obeys_an_interrupt_ends_anyway) {
  session *s = session_with_fake(HALF_A_TURN "{\"silence\":true}]}}");
  codex_error *err = NULL;
  int64_t begun = now_ms();
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event_free(await_event(turn, CODEX_EVENT_MESSAGE_DELTA));
  CHECK_OK(codex_turn_interrupt(turn, &err), err);
  CHECK_INT(drain(turn), CODEX_ERROR_TURN_INTERRUPTED);
  CHECK(now_ms() - begun < END_WITHIN_MS);
  codex_turn_free(turn);
}

TEST(a_turn_that_uses_too_many_tools_is_ended) {
  session *s = session_with_fake(
      "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true,\"items\":[{\"type\":\"commandExecution\",\"id\":\"a\"},"
      "{\"type\":\"commandExecution\",\"id\":\"b\"}]}}]}}");
  run_badly(s->thread, "{\"limits\":{\"maxToolCalls\":1}}", CODEX_ERROR_LIMIT);
  CHECK_STR(string_at(codex_turn_result_value(run_result), "/endedBy"), "toolLimit");
}

TEST(a_turn_whose_end_is_never_told_is_asked_for) {
  session *s = session_with_fake("{\"on\":{\"turn/start\":[{\"turn\":{\"omit\":[\"turn/completed\"]}}]}}");
  run_badly(s->thread, "{\"limits\":{\"silenceMs\":500}}", CODEX_OK);
  CHECK_STR(codex_turn_result_status(run_result), "completed");
  CHECK_INT(codex_turn_result_item_count(run_result), 2);
}

TEST(a_turn_that_the_runtime_forgot_breaks_the_protocol) {
  session *s = session_with_fake(HALF_A_TURN "{\"sleepMs\":1}],"
                                 "\"thread/read\":[{\"reply\":{\"thread\":{\"id\":\"$threadId\",\"status\":{\"type\":\"idle\"},"
                                 "\"turns\":[]}}}],\"thread/turns/list\":[{\"reply\":{\"data\":[],\"nextCursor\":null}}]}}");
  run_badly(s->thread, "{\"limits\":{\"silenceMs\":500}}", CODEX_ERROR_PROTOCOL);
  CHECK_STR(string_at(codex_turn_result_value(run_result), "/partialResponse"), "half a sentence");
}

TEST(a_runtime_that_does_not_answer_the_start_of_a_turn_is_given_up) {
  codex_client_options *options = options_for_fake("{\"on\":{\"turn/start\":[]}}", NULL);
  CHECK_OK(codex_client_options_set_request_timeout_ms(options, 1000), NULL);
  session *s = session_with_options(options, NULL);
  run_badly(s->thread, NULL, CODEX_ERROR_TIMED_OUT);
  CHECK_CONTAINS(codex_error_message(run_error), "turn/start");
  CHECK(run_result == NULL);
}

TEST(an_answer_to_the_start_of_a_turn_without_its_id_breaks_the_protocol) {
  session *s = session_with_fake("{\"on\":{\"turn/start\":[{\"reply\":{\"turn\":{}}}]}}");
  run_badly(s->thread, NULL, CODEX_ERROR_PROTOCOL);
}

TEST(every_turn_ends_when_the_runtime_dies) {
  enum { TURNS = 20 };
  session *s = session_with_fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}}],\"thread/name/set\":[{\"abort\":true}]}}");
  codex_thread *threads[TURNS];
  codex_turn *turns[TURNS];
  codex_error *err = NULL;
  for (int i = 0; i < TURNS; i++) {
    threads[i] = start_thread_or_fail(s->client, NULL);
    turns[i] = start_turn_or_fail(threads[i], "go");
  }
  CHECK_STATUS(codex_thread_set_name(s->thread, "last words", &err), CODEX_ERROR_TRANSPORT, err);
  forget(&err);
  for (int i = 0; i < TURNS; i++) {
    CHECK_INT(drain(turns[i]), CODEX_ERROR_TRANSPORT);
    codex_turn_free(turns[i]);
    codex_thread_free(threads[i]);
  }
}

/* ---- afterwards -------------------------------------------------------------------------------------------------- */

TEST(a_lost_connection_stays_lost_and_does_not_harm_the_host) {
  session *s = session_with_fake("{\"on\":{\"thread/name/set\":[{\"abort\":true}]}}");
  codex_error *err = NULL;
  CHECK_STATUS(codex_thread_set_name(s->thread, "last words", &err), CODEX_ERROR_TRANSPORT, err);
  forget(&err);
  for (int i = 0; i < 50; i++) {
    CHECK_STATUS(codex_thread_set_name(s->thread, "nobody hears", &err), CODEX_ERROR_TRANSPORT, err);
    forget(&err);
  }
  CHECK_OK(codex_client_close(s->client, 10000, &err), err);
}

TEST(a_lost_connection_is_told_in_the_client_queue) {
  session *s = session_with_fake("{\"on\":{\"thread/name/set\":[{\"exit\":5}]}}");
  codex_event *event = NULL;
  codex_error *err = NULL;
  codex_client_next_event(s->client, 0, &event, NULL);
  codex_event_free(event);
  CHECK_STATUS(codex_thread_set_name(s->thread, "last words", &err), CODEX_ERROR_TRANSPORT, err);
  forget(&err);
  event = await_client_event(s->client, CODEX_EVENT_CLOSED);
  CHECK_STATUS(codex_event_status(event, &err), CODEX_ERROR_TRANSPORT, err);
  forget(&err);
  codex_event_free(event);
  CHECK_STATUS(codex_client_next_event(s->client, CODEX_WAIT_FOREVER, &event, &err), CODEX_END, err);
}

TEST(a_dead_runtime_leaves_no_process_behind) {
  session *s = session_with_fake("{\"on\":{\"thread/name/set\":[{\"abort\":true}]}}");
  int64_t pid = int_at(parsed(codex_client_info_json(s->client)), "/pid");
  codex_thread_set_name(s->thread, "last words", NULL);
  CHECK(wait_until_gone(pid));
}

/* ---- nonsense ---------------------------------------------------------------------------------------------------- */

TEST(lines_that_are_no_messages_are_skipped) {
  session *s = session_with_fake(
      "{\"start\":[{\"raw\":\"Welcome to codex!\"},{\"raw\":\"\"},{\"raw\":\"{}\"}],\"on\":{\"turn/start\":["
      "{\"raw\":\"this is no JSON\"},{\"raw\":\"[]\"},{\"raw\":\"{\\\"id\\\":null}\"},{\"raw\":\"{\\\"method\\\":5}\"},"
      "{\"rawBytes\":[123,255,254,125,10]},{\"raw\":\"{\\\"id\\\":999999,\\\"result\\\":{}}\"},{\"raw\":\"{\\\"method\\\":\\\"x\"},"
      "{\"turn\":{\"deltas\":[\"still \",\"fine\"]}}]}}");
  CHECK_STR(codex_turn_result_final_response(run_or_fail(s->thread, "go"), NULL), "still fine");
}

TEST(a_message_in_pieces_is_put_together) {
  session *s = session_with_fake(
      "{\"on\":{\"thread/name/set\":[{\"reply\":{}},{\"rawBytes\":[123,34,109,101,116]},{\"sleepMs\":100},"
      "{\"rawBytes\":[104,111,100,34,58,34,120,47,121,34,125,10]}]}}");
  codex_event *event = NULL;
  codex_client_next_event(s->client, 0, &event, NULL);
  codex_event_free(event);
  CHECK_OK(codex_thread_set_name(s->thread, "now", NULL), NULL);
  codex_status status;
  bool seen = false;
  while (!seen && (status = codex_client_next_event(s->client, 20000, &event, NULL)) == CODEX_OK) {
    seen = strcmp(codex_event_method(event), "x/y") == 0;
    codex_event_free(event);
  }
  CHECK(seen);
}

/* ---- at the start ------------------------------------------------------------------------------------------------ */

static codex_client_options *options_for_shell(const char *command) {
  const char *const argv[] = {"sh", "-c", command};
  codex_client_options *options = options_for_fake(NULL, NULL);
  CHECK_OK(codex_client_options_set_command(options, argv, COUNT(argv)), NULL);
  return options;
}

TEST(a_runtime_that_exits_at_once_tells_why) {
  connect_badly(options_for_shell("echo 'cannot read the configuration' >&2; exit 7"), CODEX_ERROR_RUNTIME_START);
  CHECK_CONTAINS(codex_error_message(run_error), "cannot read the configuration");
  CHECK_CONTAINS(string_at(error_json(), "/exitStatus"), "7");
  CHECK_CONTAINS(string_at(error_json(), "/stderrTail"), "cannot read the configuration");
}

TEST(a_runtime_that_says_nothing_and_exits_is_told_by_its_status) {
  connect_badly(options_for_shell("exit 0"), CODEX_ERROR_RUNTIME_START);
  CHECK_CONTAINS(string_at(error_json(), "/exitStatus"), "0");
}

TEST(a_program_that_prints_garbage_and_exits_is_no_runtime) {
  connect_badly(options_for_shell("echo hello; echo '{\"a\":1}'; head -c 100000 /dev/urandom; exit 0"), CODEX_ERROR_RUNTIME_START);
}

TEST(a_program_that_prints_garbage_for_ever_is_no_runtime) {
  connect_badly(options_for_shell("exec yes 'this is not a message'"), CODEX_ERROR_RUNTIME_START);
  CHECK_STR(codex_error_reason(run_error), "notARuntime");
  CHECK_CONTAINS(codex_error_message(run_error), "this is not a message");
}

TEST(an_initialization_that_is_refused_tells_why) {
  const char *script = "{\"on\":{\"initialize\":[{\"error\":{\"code\":-32600,\"message\":\"Invalid clientInfo.name: 'x'.\"}}]}}";
  codex_client *client = NULL;
  codex_error *err = NULL;
  codex_status status = codex_client_connect(options_for_fake(script, NULL), &client, &err);
  CHECK(status < 0 && client == NULL);
  CHECK_CONTAINS(codex_error_message(err), "Invalid clientInfo.name");
  forget(&err);
}

TEST(a_file_that_is_not_executable_is_named) {
  const char *path = text("%s/codex", fresh_directory());
  codex_client_options *options = options_for_fake(NULL, NULL);
  write_file(path, "not a program\n");
  CHECK_OK(codex_client_options_set_codex_path(options, path), NULL);
  connect_badly(options, CODEX_ERROR_RUNTIME_NOT_FOUND);
  CHECK_CONTAINS(codex_error_message(run_error), path);
}

TEST(a_file_that_the_system_cannot_run_is_named) {
  const char *path = text("%s/codex", fresh_directory());
  codex_client_options *options = options_for_fake(NULL, NULL);
  write_program(path, "\x7f" "ELF is all that there is");
  CHECK_OK(codex_client_options_set_codex_path(options, path), NULL);
  connect_badly(options, CODEX_ERROR_RUNTIME_START);
  CHECK_CONTAINS(codex_error_message(run_error), path);
}

TEST(an_executable_that_is_missing_is_named) {
  codex_client_options *options = options_for_fake(NULL, NULL);
  CHECK_OK(codex_client_options_set_codex_path(options, "/no/such/place/codex"), NULL);
  connect_badly(options, CODEX_ERROR_RUNTIME_NOT_FOUND);
  CHECK_CONTAINS(codex_error_message(run_error), "/no/such/place/codex");
}

static void restore_path(void *saved) {
  setenv("PATH", saved, 1);
  free(saved);
}

static void restore_codex_path(void *saved) {
  setenv("CODEX_PATH", saved, 1);
  free(saved);
}

TEST(without_any_executable_every_place_that_was_searched_is_listed) {
  const char *first = fresh_directory(), *second = fresh_directory();
  defer(restore_path, strdup(required_env("PATH")));
  defer(restore_codex_path, strdup(required_env("CODEX_PATH")));
  setenv("PATH", text("%s:%s", first, second), 1);
  unsetenv("CODEX_PATH");
  connect_badly(NULL, CODEX_ERROR_RUNTIME_NOT_FOUND);
  CHECK_CONTAINS(codex_error_message(run_error), first);
  CHECK_CONTAINS(codex_error_message(run_error), second);
}

TEST(a_directory_that_does_not_exist_is_named) {
  codex_client_options *options = options_for_fake(NULL, NULL);
  CHECK_OK(codex_client_options_set_cwd(options, "/no/such/directory"), NULL);
  connect_badly(options, CODEX_ERROR_RUNTIME_START);
  CHECK_CONTAINS(codex_error_message(run_error), "/no/such/directory");
}

/* ---- the real runtime cannot start ------------------------------------------------------------------------------- */

static codex_client_options *options_with_home(const char *home) {
  codex_client_options *options = options_for_fake(NULL, NULL);
  CHECK_OK(codex_client_options_set_codex_path(options, runtime_path()), NULL);
  CHECK_OK(codex_client_options_set_codex_home(options, home), NULL);
  CHECK_OK(codex_client_options_set_env(options, "HOME", fresh_directory()), NULL);
  return options;
}

TEST(a_home_that_does_not_exist_is_told) {
  connect_badly(options_with_home("/no/such/home"), CODEX_ERROR_RUNTIME_START);
  CHECK_CONTAINS(codex_error_message(run_error), "does not exist");
  CHECK_CONTAINS(codex_error_message(run_error), "/no/such/home");
}

/* Below /proc not even the superuser can write. */
TEST(a_home_that_cannot_be_written_is_told) {
  connect_badly(options_with_home("/proc"), CODEX_ERROR_RUNTIME_START);
  CHECK_CONTAINS(codex_error_message(run_error), "/proc");
  CHECK_CONTAINS(string_at(error_json(), "/stderrTail"), "Error:");
}

int main(int argc, char **argv) {
  static const test_case with_fake[] = {
      CASE(a_runtime_that_is_killed_in_a_turn_ends_it_with_what_was_collected),
      CASE(a_runtime_that_exits_in_a_turn_tells_its_status_and_its_last_words),
      CASE(a_runtime_that_closes_its_output_ends_the_turn),
      CASE(a_turn_that_falls_silent_ends_by_its_idle_limit),
      CASE(a_turn_that_falls_silent_ends_by_its_deadline),
      CASE(a_turn_that_never_obeys_an_interrupt_ends_anyway),
      CASE(a_turn_that_uses_too_many_tools_is_ended),
      CASE(a_turn_whose_end_is_never_told_is_asked_for),
      CASE(a_turn_that_the_runtime_forgot_breaks_the_protocol),
      CASE(a_runtime_that_does_not_answer_the_start_of_a_turn_is_given_up),
      CASE(an_answer_to_the_start_of_a_turn_without_its_id_breaks_the_protocol),
      CASE(every_turn_ends_when_the_runtime_dies),
      CASE(a_lost_connection_stays_lost_and_does_not_harm_the_host),
      CASE(a_lost_connection_is_told_in_the_client_queue),
      CASE(a_dead_runtime_leaves_no_process_behind),
      CASE(lines_that_are_no_messages_are_skipped),
      CASE(a_message_in_pieces_is_put_together),
      CASE(a_runtime_that_exits_at_once_tells_why),
      CASE(a_runtime_that_says_nothing_and_exits_is_told_by_its_status),
      CASE(a_program_that_prints_garbage_and_exits_is_no_runtime),
      CASE(a_program_that_prints_garbage_for_ever_is_no_runtime),
      CASE(an_initialization_that_is_refused_tells_why),
      CASE(a_file_that_is_not_executable_is_named),
      CASE(a_file_that_the_system_cannot_run_is_named),
      CASE(an_executable_that_is_missing_is_named),
      CASE(without_any_executable_every_place_that_was_searched_is_listed),
      CASE(a_directory_that_does_not_exist_is_named),
  };
  static const test_case with_runtime[] = {
      CASE(a_home_that_does_not_exist_is_told),
      CASE(a_home_that_cannot_be_written_is_told),
  };
  harness_start(argc, argv);
  run_tests(with_fake, COUNT(with_fake));
  run_tests_with_each_runtime(with_runtime, COUNT(with_runtime));
  return harness_end();
}
