/* A connection is recorded in a file, and played back where there is no runtime. */
#include "support.h"

#include <poll.h>
#include <sys/stat.h>

enum { PATIENCE_MS = 20000 };

static const char says_hello[] = "{\"on\":{\"turn/start\":[{\"turn\":{\"deltas\":[\"hel\",\"lo\"]}}]}}";
static const char crashes[] = "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"stderr\":\"Error: boom\"},{\"exit\":3}]}}";

static void free_options(void *options) { codex_client_options_free(options); }

static const char *fresh_file(void) { return text("%s/recording.jsonl", fresh_directory()); }

/* Options that record what the fake runtime does. */
static codex_client_options *recording(const char *script, const char *file) {
  codex_client_options *options = options_for_fake(script, NULL);
  CHECK_OK(codex_client_options_set_record(options, file), NULL);
  return options;
}

/* Options that play it back where nothing else could answer. */
static codex_client_options *replaying(const char *file) {
  codex_client_options *options = codex_client_options_new();
  defer(free_options, options);
  CHECK_OK(codex_client_options_set_codex_path(options, "/nowhere/codex"), NULL);
  CHECK_OK(codex_client_options_set_endpoint(options, text("replay:%s", file)), NULL);
  return options;
}

static void close_client(codex_client *client) {
  codex_error *err = NULL;
  CHECK_OK(codex_client_close(client, 20000, &err), err);
  codex_client_free(client);
}

/* One turn of one thread, and what came of it; closed at the end, as far as the connection still stands. */
static codex_status run_once(const codex_client_options *options, const char **answer, codex_error **err) {
  codex_client *client = connect_or_fail(options);
  codex_thread *thread = NULL;
  codex_turn_result *result = NULL;
  codex_status status = codex_thread_start(client, NULL, &thread, err);
  if (status == CODEX_OK) status = codex_thread_run(thread, "go", NULL, &result, err);
  if (answer != NULL) *answer = text("%s", result == NULL ? "" : codex_turn_result_json(result, NULL));
  codex_turn_result_free(result);
  codex_thread_free(thread);
  close_client(client);
  return status;
}

static const char *record_once(const char *script) {
  const char *file = fresh_file();
  codex_error *err = NULL;
  run_once(recording(script, file), NULL, &err);
  forget(&err);
  return file;
}

static void check_refused(const codex_client_options *options, const char *const *parts, size_t count) {
  codex_client *client = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_client_connect(options, &client, &err), CODEX_ERROR_INVALID_ARGUMENT, err);
  for (size_t i = 0; i < count; i++) CHECK_CONTAINS(codex_error_message(err), parts[i]);
  CHECK(client == NULL);
  forget(&err);
}
#define CHECK_REFUSED(options, ...)                                   \
  do {                                                                \
    const char *const parts_of_check[] = {__VA_ARGS__};               \
    check_refused(options, parts_of_check, COUNT(parts_of_check));    \
  } while (0)

/* ---- played back ------------------------------------------------------------------------------------------------- */

TEST(a_turn_is_played_back_without_a_runtime_as_it_was_recorded) {
  const char *file = fresh_file(), *live = NULL, *played = NULL;
  codex_error *err = NULL;
  CHECK_OK(run_once(recording(says_hello, file), &live, &err), err);
  CHECK_CONTAINS(live, "\"finalResponse\":\"hello\"");
  for (int times = 0; times < 2; times++) {
    CHECK_OK(run_once(replaying(file), &played, &err), err);
    CHECK_STR(played, live);
  }
}

/* What the turn of somebody else asks is left to its owner: the client says nothing, then and now. */
TEST(what_was_recorded_behind_a_socket_is_played_back_as_it_was) {
  const char *url = listening_fake(
      "{\"on\":{\"turn/start\":[{\"request\":[7,\"item/commandExecution/requestApproval\",{\"threadId\":\"theirs\","
      "\"turnId\":\"theirs\",\"itemId\":\"c\",\"command\":\"ls\"}]},{\"turn\":{\"deltas\":[\"hel\",\"lo\"]}}]}}",
      NULL, NULL);
  const char *file = fresh_file(), *live = NULL, *played = NULL;
  codex_client_options *options = codex_client_options_new();
  codex_error *err = NULL;
  defer(free_options, options);
  CHECK_OK(codex_client_options_set_endpoint(options, url), NULL);
  CHECK_OK(codex_client_options_set_record(options, file), NULL);
  CHECK_OK(run_once(options, &live, &err), err);
  CHECK_CONTAINS(live, "\"finalResponse\":\"hello\"");
  CHECK_OK(run_once(replaying(file), &played, &err), err);
  CHECK_STR(played, live);
}

TEST(a_client_says_that_it_plays_back) {
  const char *file = record_once(says_hello);
  codex_client *client = connect_or_fail(replaying(file));
  const codex_value *info = parsed(codex_client_info_json(client));
  CHECK_STR(string_at(info, "/endpoint"), text("replay:%s", file));
  CHECK(codex_value_get_type(codex_value_at(info, "/pid")) == CODEX_VALUE_NULL);
  close_client(client);
}

TEST(a_runtime_that_ended_ends_again_in_the_same_words) {
  const char *file = fresh_file(), *live = NULL, *played = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(run_once(recording(crashes, file), &live, &err), CODEX_ERROR_TRANSPORT, err);
  const char *told = text("%s", codex_error_message(err));
  CHECK_CONTAINS(told, "boom");
  forget(&err);
  CHECK_STATUS(run_once(replaying(file), &played, &err), CODEX_ERROR_TRANSPORT, err);
  CHECK_STR(codex_error_message(err), told);
  CHECK_STR(played, live);
  forget(&err);
}

static void approve(void *user_data, codex_request *request) {
  CHECK_OK(codex_request_approve(request, false, NULL), NULL);
  codex_request_free(request);
  (void)user_data;
}

static void decline(void *user_data, codex_request *request) {
  CHECK_OK(codex_request_decline(request, NULL), NULL);
  codex_request_free(request);
  (void)user_data;
}

static const char asks[] =
    "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"request\":[7,\"item/commandExecution/requestApproval\","
    "{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"itemId\":\"c\",\"command\":\"ls\"}]},{\"waitAnswer\":7},"
    "{\"finishTurn\":{}}]}}";

TEST(another_answer_than_the_recorded_one_ends_the_replay_and_says_which_was_expected) {
  const char *file = fresh_file();
  codex_error *err = NULL;
  codex_client_options *live = recording(asks, file), *same = replaying(file), *other = replaying(file);
  codex_client_options_set_request_handler(live, approve, NULL, NULL);
  codex_client_options_set_request_handler(same, approve, NULL, NULL);
  codex_client_options_set_request_handler(other, decline, NULL, NULL);
  CHECK_OK(run_once(live, NULL, &err), err);
  CHECK_OK(run_once(same, NULL, &err), err);
  CHECK_STATUS(run_once(other, NULL, &err), CODEX_ERROR_PROTOCOL, err);
  CHECK_STR(codex_error_reason(err), "replayMismatch");
  CHECK_CONTAINS(codex_error_message(err), "requestApproval");
  CHECK_CONTAINS(codex_error_message(err), "{\"decision\":\"decline\"}");
  CHECK_CONTAINS(codex_error_message(err), "{\"decision\":\"accept\"} in line ");
  forget(&err);
}

TEST(a_call_that_was_not_recorded_ends_the_replay_and_says_what_was) {
  const char *file = record_once(says_hello);
  codex_client *client = connect_or_fail(replaying(file));
  char *answer = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_client_call(client, "model/list", NULL, CODEX_WAIT_DEFAULT, &answer, &err), CODEX_ERROR_PROTOCOL, err);
  CHECK_STR(codex_error_reason(err), "replayMismatch");
  CHECK_CONTAINS(codex_error_message(err), file);
  CHECK_CONTAINS(codex_error_message(err), "model/list");
  CHECK_CONTAINS(codex_error_message(err), "thread/start in line 5");
  forget(&err);
  CHECK_STATUS(codex_client_call(client, "model/list", NULL, CODEX_WAIT_DEFAULT, &answer, &err), CODEX_ERROR_PROTOCOL, err);
  forget(&err);
  close_client(client);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

enum { WORKERS = 16, TURNS = 3 };

typedef struct worker {
  int number;
  codex_client *client;
  char *results[TURNS];
} worker;

/* Runs turns on a thread of its own, whose directory and prompts are known from all others. */
static void *work(void *argument) {
  worker *w = argument;
  char params[64], prompt[64];
  codex_thread *thread = NULL;
  codex_error *err = NULL;
  snprintf(params, sizeof params, "{\"cwd\":\"/%d\"}", w->number);
  CHECK_OK(codex_thread_start(w->client, params, &thread, &err), err);
  for (int turn = 0; turn < TURNS && err == NULL; turn++) {
    codex_turn_result *result = NULL;
    snprintf(prompt, sizeof prompt, "turn %d of worker %d", turn, w->number);
    CHECK_OK(codex_thread_run(thread, prompt, NULL, &result, &err), err);
    w->results[turn] = strdup(result == NULL ? "" : codex_turn_result_json(result, NULL));
    CHECK_CONTAINS(w->results[turn], prompt);
    codex_turn_result_free(result);
  }
  codex_thread_free(thread);
  forget(&err);
  return NULL;
}

static void work_all(const codex_client_options *options, worker *workers) {
  pthread_t threads[WORKERS];
  codex_client *client = connect_or_fail(options);
  for (int i = 0; i < WORKERS; i++) {
    workers[i] = (worker){i, client, {NULL}};
    threads[i] = thread_start(work, &workers[i]);
  }
  for (int i = 0; i < WORKERS; i++) thread_join(threads[i]);
  close_client(client);
}

TEST(a_program_of_many_threads_is_played_back_in_whatever_order_they_run) {
  const char *file = fresh_file();
  worker live[WORKERS], played[WORKERS];
  work_all(recording(says_hello, file), live);
  work_all(replaying(file), played);
  for (int i = 0; i < WORKERS; i++) {
    for (int turn = 0; turn < TURNS; turn++) {
      CHECK_STR(played[i].results[turn], live[i].results[turn]);
      free(played[i].results[turn]);
      free(live[i].results[turn]);
    }
  }
}

/* ---- files that cannot be played --------------------------------------------------------------------------------- */

TEST(a_recording_that_is_not_there_is_told) {
  CHECK_REFUSED(replaying("/nowhere/recording.jsonl"), "/nowhere/recording.jsonl", "No such file");
}

TEST(a_recording_that_has_no_end_is_refused_and_not_waited_for) {
  const char *pipe = fresh_file();
  CHECK_INT(mkfifo(pipe, 0600), 0);
  CHECK_REFUSED(replaying(pipe), pipe, "a pipe");
  CHECK_REFUSED(replaying("/dev/zero"), "/dev/zero", "a device");
}

/* Beginning never waits, so it only finds the file. */
TEST(what_is_wrong_with_a_recording_is_told_by_the_end_of_a_client_that_was_begun) {
  const char *file = fresh_file();
  write_file(file, "no recording\n");
  codex_client *client = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_begin(replaying(file), &client, &err), err);
  codex_event *event = await_client_event(client, CODEX_EVENT_CLOSED);
  CHECK_STATUS(codex_event_status(event, &err), CODEX_ERROR_INVALID_ARGUMENT, err);
  CHECK_CONTAINS(codex_error_message(err), "no recording of libcodex");
  forget(&err);
  codex_event_free(event);
  codex_client_free(client);
}

TEST(a_file_that_is_no_recording_is_told) {
  const char *file = fresh_file();
  write_file(file, "{\"id\":1,\"method\":\"initialize\"}\n");
  CHECK_REFUSED(replaying(file), file, "no recording of libcodex", "\"method\":\"initialize\"");
  write_file(file, "");
  CHECK_REFUSED(replaying(file), file, "is empty");
}

TEST(a_recording_in_another_version_of_the_format_is_told) {
  const char *file = fresh_file();
  write_file(file, "{\"format\":\"libcodex recording\",\"version\":99,\"library\":\"7.1.0\",\"runtime\":null}\n");
  CHECK_REFUSED(replaying(file), file, "version 99", "libcodex 7.1.0", codex_version());
}

TEST(a_recording_that_was_cut_off_in_a_line_is_told) {
  const char *whole = read_file(record_once(says_hello)), *file = fresh_file();
  write_file(file, text("%.*s", (int)strlen(whole) - 10, whole));
  CHECK_REFUSED(replaying(file), file, "cut off", "line ");
}

TEST(a_recording_that_stops_in_the_middle_of_a_turn_ends_it_there) {
  const char *whole = read_file(record_once(says_hello)), *file = fresh_file();
  const char *end = strstr(whole, "\"turn/completed\"");
  if (!CHECK(end != NULL)) return;
  while (end[-1] != '\n') end--;
  write_file(file, text("%.*s", (int)(end - whole), whole));
  codex_error *err = NULL;
  const char *played = NULL;
  CHECK_STATUS(run_once(replaying(file), &played, &err), CODEX_ERROR_PROTOCOL, err);
  CHECK_CONTAINS(codex_error_message(err), "in the middle of turn");
  CHECK_CONTAINS(played, "hello");
  forget(&err);
}

/* ---- what is recorded -------------------------------------------------------------------------------------------- */

TEST(a_recording_says_what_it_is_and_holds_both_directions) {
  const char *recorded = read_file(record_once(says_hello));
  CHECK(strncmp(recorded, "{\"format\":\"libcodex recording\",\"version\":1,", 43) == 0);
  CHECK_CONTAINS(recorded, text("\"library\":\"%s\"", codex_version()));
  CHECK_CONTAINS(recorded, "\"sent\":{\"id\":1,\"method\":\"initialize\"");
  CHECK_CONTAINS(recorded, "\"received\":{\"id\":1,\"result\"");
  CHECK_CONTAINS(recorded, "\"closed\":true}\n");
  CHECK_CONTAINS(recorded, "\"ended\":{\"exitStatus\":");
}

TEST(only_its_owner_may_read_a_recording) {
  const char *file = fresh_file();
  struct stat status;
  write_file(file, "old");
  chmod(file, 0644);
  codex_error *err = NULL;
  CHECK_OK(run_once(recording(says_hello, file), NULL, &err), err);
  CHECK(stat(file, &status) == 0);
  CHECK_INT(status.st_mode & 0777, 0600);
}

static void forget_line(void *user_data, int32_t direction, const char *line, size_t len) {
  (void)user_data, (void)direction;
  CHECK(strstr(line, "opensesame") == NULL && strstr(line, "sk-hidden") == NULL);
  CHECK_INT(strlen(line), len);
}

static void answer_secretly(void *user_data, codex_request *request) {
  (void)user_data;
  CHECK_OK(codex_request_respond_json(request, "{\"answers\":{\"pin\":{\"answers\":[\"opensesame\"]}}}", NULL), NULL);
  codex_request_free(request);
}

TEST(secrets_are_neither_recorded_nor_traced_but_arrive) {
  static const char script[] =
      "{\"on\":{\"account/login/start\":[{\"reply\":{\"type\":\"apiKey\"}}],"
      "\"turn/start\":[{\"turn\":{\"hold\":true}},{\"request\":[7,\"item/tool/requestUserInput\","
      "{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"itemId\":\"i\",\"questions\":"
      "[{\"id\":\"pin\",\"header\":\"PIN\",\"question\":\"Which?\",\"isSecret\":true}]}]},{\"waitAnswer\":7},"
      "{\"notify\":[\"warning\",{\"message\":\"it is opensesame\"}]},{\"finishTurn\":{}}]}}";
  const char *file = fresh_file(), *arrived = text("%s/arrived", fresh_directory());
  codex_client_options *options = options_for_fake(script, arrived);
  codex_error *err = NULL;
  char *answer = NULL;
  codex_client_options_set_record(options, file);
  codex_client_options_set_request_handler(options, answer_secretly, NULL, NULL);
  codex_client_options_set_trace(options, forget_line, NULL, NULL);
  codex_client *client = connect_or_fail(options);
  CHECK_OK(codex_client_call(client, "account/login/start", "{\"type\":\"apiKey\",\"apiKey\":\"sk-hidden\"}",
                             CODEX_WAIT_DEFAULT, &answer, &err), err);
  codex_thread *thread = start_thread_or_fail(client, NULL);
  run_or_fail(thread, "go");
  codex_string_free(answer);
  codex_thread_free(thread);
  close_client(client);
  CHECK_CONTAINS(read_file(arrived), "opensesame");
  CHECK_CONTAINS(read_file(arrived), "sk-hidden");
  const char *recorded = read_file(file);
  CHECK(strstr(recorded, "opensesame") == NULL);
  CHECK(strstr(recorded, "sk-hidden") == NULL);
  CHECK_CONTAINS(recorded, "{\"pin\":{\"answers\":[\"[removed]\"]}}");
  CHECK_CONTAINS(recorded, "it is [removed]");
  codex_client_options *replayed = replaying(file);
  codex_client_options_set_request_handler(replayed, answer_secretly, NULL, NULL);
  client = connect_or_fail(replayed);
  CHECK_OK(codex_client_call(client, "account/login/start", "{\"type\":\"apiKey\",\"apiKey\":\"sk-hidden\"}",
                             CODEX_WAIT_DEFAULT, &answer, &err), err);
  codex_string_free(answer);
  thread = start_thread_or_fail(client, NULL);
  run_or_fail(thread, "go");
  codex_thread_free(thread);
  close_client(client);
}

/* ---- recordings that cannot be written --------------------------------------------------------------------------- */

TEST(a_recording_that_cannot_be_made_fails_the_connecting) {
  CHECK_REFUSED(recording(says_hello, "/nowhere/recording.jsonl"), "/nowhere/recording.jsonl", "No such file");
  CHECK_REFUSED(recording(says_hello, fresh_directory()), "directory");
  codex_client_options *options = codex_client_options_new();
  CHECK_INVALID(codex_client_options_set_record(options, ""));
  CHECK_INVALID(codex_client_options_set_record(NULL, "recording.jsonl"));
  CHECK_OK(codex_client_options_set_record(options, NULL), NULL);
  codex_client_options_free(options);
}

TEST(two_clients_do_not_write_one_recording) {
  const char *file = fresh_file();
  codex_client *client = connect_or_fail(recording(says_hello, file));
  CHECK_REFUSED(recording(says_hello, file), file, "somebody else is writing it");
  close_client(client);
  codex_error *err = NULL;
  CHECK_OK(run_once(recording(says_hello, file), NULL, &err), err);
}

TEST(a_file_can_be_recorded_anew_as_soon_as_the_end_of_its_client_is_heard) {
  static const char script[] = "{\"on\":{\"die\":[{\"exit\":0}]}}";
  const char *file = fresh_file();
  for (int times = 0; times < 20; times++) {
    codex_client *client = NULL;
    codex_error *err = NULL;
    CHECK_OK(codex_client_begin(recording(script, file), &client, &err), err);
    forget(&err);
    if (client == NULL) return;
    codex_event_free(await_client_event(client, CODEX_EVENT_CONNECTED));
    CHECK_OK(codex_client_begin_call(client, "die", NULL, CODEX_WAIT_DEFAULT, NULL, NULL, &err), err);
    struct pollfd ready = {codex_client_wakeup_fd(client), POLLIN, 0};
    codex_event *event = NULL;
    while (codex_client_next_event(client, 0, &event, NULL) != CODEX_END) {
      codex_event_free(event);
      event = NULL;
      poll(&ready, 1, PATIENCE_MS);
    }
    codex_client_free(client);
  }
}

TEST(a_recording_that_fails_later_is_told_and_the_connection_goes_on) {
  codex_client_options *options = recording(says_hello, "/dev/full");
  codex_client *client = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_begin(options, &client, &err), err);
  codex_event *event = await_client_event(client, CODEX_EVENT_WARNING);
  CHECK_CONTAINS(codex_event_text(event, NULL), "/dev/full");
  CHECK_CONTAINS(codex_event_text(event, NULL), "No space left");
  codex_event_free(event);
  codex_thread *thread = start_thread_or_fail(client, NULL);
  CHECK_STR(codex_turn_result_final_response(run_or_fail(thread, "go"), NULL), "hello");
  codex_thread_free(thread);
  close_client(client);
}

TEST(a_replay_is_not_recorded) {
  const char *file = record_once(says_hello);
  codex_client_options *options = replaying(file);
  CHECK_OK(codex_client_options_set_record(options, file), NULL);
  CHECK_REFUSED(options, "set_record", "replay");
  codex_error *err = NULL;
  CHECK_OK(run_once(replaying(file), NULL, &err), err);
}

/* ---- programs that know nothing of it ---------------------------------------------------------------------------- */

static void unset(void *name) { unsetenv(name); }

static void set_variable(const char *name, const char *value) {
  setenv(name, value, 1);
  defer(unset, (void *)name);
}

TEST(a_program_that_knows_nothing_of_it_is_recorded_and_played_back_by_two_variables) {
  const char *directory = fresh_directory(), *live = NULL, *played = NULL;
  codex_error *err = NULL;
  set_variable("CODEX_RECORD", text("%s/%%n.jsonl", directory));
  CHECK_OK(run_once(options_for_fake(says_hello, NULL), &live, &err), err);
  CHECK_OK(run_once(options_for_fake(says_hello, NULL), NULL, &err), err);
  unsetenv("CODEX_RECORD");
  int first = 1;
  while (first < 1000 && !file_exists(text("%s/%d.jsonl", directory, first))) first++;
  CHECK(file_exists(text("%s/%d.jsonl", directory, first + 1)));
  set_variable("CODEX_REPLAY", text("%s/%d.jsonl", directory, first));
  codex_client_options *options = codex_client_options_new();
  codex_client_options_set_codex_path(options, "/nowhere/codex");
  CHECK_OK(run_once(options, &played, &err), err);
  CHECK_STR(played, live);
  codex_client_options_free(options);
}

TEST(a_recording_that_the_options_name_is_not_moved_by_the_variable) {
  const char *file = fresh_file(), *other = fresh_file();
  codex_error *err = NULL;
  set_variable("CODEX_RECORD", other);
  CHECK_OK(run_once(recording(says_hello, file), NULL, &err), err);
  CHECK(file_exists(file) && !file_exists(other));
}

TEST(what_the_runtime_starts_is_neither_recorded_nor_played_back) {
  const char *directory = fresh_directory(), *program = text("%s/codex", directory);
  write_program(program, text("#!/bin/sh\nenv >%s/environment\nexec \"$FAKE_RUNTIME\" \"$@\"\n", directory));
  set_variable("CODEX_RECORD", text("%s/recording.jsonl", directory));
  codex_client_options *options = options_for_fake(says_hello, NULL);
  CHECK_OK(codex_client_options_set_codex_path(options, program), NULL);
  codex_error *err = NULL;
  CHECK_OK(run_once(options, NULL, &err), err);
  CHECK_CONTAINS(read_file(text("%s/environment", directory)), "PATH=");
  CHECK(strstr(read_file(text("%s/environment", directory)), "CODEX_RECORD") == NULL);
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(a_turn_is_played_back_without_a_runtime_as_it_was_recorded),
      CASE(what_was_recorded_behind_a_socket_is_played_back_as_it_was),
      CASE(a_client_says_that_it_plays_back),
      CASE(a_runtime_that_ended_ends_again_in_the_same_words),
      CASE(another_answer_than_the_recorded_one_ends_the_replay_and_says_which_was_expected),
      CASE(a_call_that_was_not_recorded_ends_the_replay_and_says_what_was),
      CASE(a_program_of_many_threads_is_played_back_in_whatever_order_they_run),
      CASE(a_recording_that_is_not_there_is_told),
      CASE(a_recording_that_has_no_end_is_refused_and_not_waited_for),
      CASE(what_is_wrong_with_a_recording_is_told_by_the_end_of_a_client_that_was_begun),
      CASE(a_file_that_is_no_recording_is_told),
      CASE(a_recording_in_another_version_of_the_format_is_told),
      CASE(a_recording_that_was_cut_off_in_a_line_is_told),
      CASE(a_recording_that_stops_in_the_middle_of_a_turn_ends_it_there),
      CASE(a_recording_says_what_it_is_and_holds_both_directions),
      CASE(only_its_owner_may_read_a_recording),
      CASE(secrets_are_neither_recorded_nor_traced_but_arrive),
      CASE(a_recording_that_cannot_be_made_fails_the_connecting),
      CASE(two_clients_do_not_write_one_recording),
      CASE(a_file_can_be_recorded_anew_as_soon_as_the_end_of_its_client_is_heard),
      CASE(a_recording_that_fails_later_is_told_and_the_connection_goes_on),
      CASE(a_replay_is_not_recorded),
      CASE(a_program_that_knows_nothing_of_it_is_recorded_and_played_back_by_two_variables),
      CASE(a_recording_that_the_options_name_is_not_moved_by_the_variable),
      CASE(what_the_runtime_starts_is_neither_recorded_nor_played_back),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
