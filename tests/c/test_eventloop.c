/* Calls that do not wait: begun clients, threads, turns and calls, wake-ups, and one queue for everything. */
#include "support.h"

#include <poll.h>

enum { PATIENCE = 20000, PLENTY_OF_BYTES = 1 << 30 };

static const char silent[] = "{\"start\":[{\"silence\":true}]}";
/* Answers thread/start only after the test has made the call test/go. */
static const char slow_thread[] = "{\"on\":{\"thread/start\":[{\"waitFor\":\"test/go\"},{\"builtin\":true}],"
                                  "\"test/go\":[{\"reply\":{}}]}}";
/* The agent says one word; test/finish ends the turns that are held. */
static const char one_word[] = "{\"on\":{\"turn/start\":[{\"turn\":{\"deltas\":[\"word\"]}}],\"test/ping\":[{\"reply\":{\"pong\":1}}]}}";
static const char held[] = "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true,\"deltas\":[\"word\"]}}],"
                           "\"test/finish\":[{\"finishTurn\":{\"turns\":\"all\"}},{\"reply\":{}}]}}";

/* ---- what every test here does ----------------------------------------------------------------------------------- */

static void end_client(void *client) {
  codex_client_close(client, 10000, NULL);
  codex_client_free(client);
}

static void end_thread(void *thread) { codex_thread_free(thread); }
static void end_turn(void *turn) { codex_turn_free(turn); }

static codex_client *begin_client(const codex_client_options *options) {
  codex_client *client = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_begin(options, &client, &err), err);
  CHECK(client != NULL);
  forget(&err);
  defer(end_client, client);
  return client;
}

static codex_client *connect_client(const codex_client_options *options) {
  codex_client *client = connect_or_fail(options);
  defer(end_client, client);
  return client;
}

/* The options read all events from the client queue. */
static codex_client_options *single_queue(codex_client_options *options) {
  CHECK_OK(codex_client_options_set_single_queue(options, true), NULL);
  return options;
}

static codex_client_options *fake(const char *script) { return options_for_fake(script, NULL); }

static codex_thread *begin_thread(codex_client *client) {
  codex_thread *thread = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_thread_begin(client, NULL, &thread, &err), err);
  CHECK(thread != NULL);
  forget(&err);
  defer(end_thread, thread);
  return thread;
}

/* The caller frees it. */
static codex_turn *begin_owned_turn(codex_thread *thread) {
  codex_turn *turn = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_turn_begin(thread, "go", NULL, &turn, &err), err);
  CHECK(turn != NULL);
  forget(&err);
  return turn;
}

static codex_turn *begin_turn(codex_thread *thread) {
  codex_turn *turn = begin_owned_turn(thread);
  defer(end_turn, turn);
  return turn;
}

static uint64_t begin_call(codex_client *client, const char *method, void *user_data) {
  uint64_t id = 0;
  codex_error *err = NULL;
  CHECK_OK(codex_client_begin_call(client, method, NULL, CODEX_WAIT_DEFAULT, user_data, &id, &err), err);
  CHECK(id != 0);
  forget(&err);
  return id;
}

static void check_event_error(const codex_event *event, codex_status expected, const char *part) {
  codex_error *err = NULL;
  CHECK_STATUS(codex_event_status(event, &err), expected, err);
  if (part != NULL) CHECK_CONTAINS(codex_error_message(err), part);
  forget(&err);
}

/* Skips to the event of this kind and checks the error that it tells. */
static void expect_client_event(codex_client *client, codex_event_kind kind, codex_status status, const char *part) {
  codex_event *event = await_client_event(client, kind);
  check_event_error(event, status, part);
  codex_event_free(event);
}

static void expect_turn_end(codex_turn *turn, codex_status status, const char *part) {
  codex_event *event = await_event(turn, CODEX_EVENT_TURN_ENDED);
  check_event_error(event, status, part);
  codex_event_free(event);
}

static void check_read(codex_client *client, int64_t timeout_ms, codex_status expected) {
  codex_event *event = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_client_next_event(client, timeout_ms, &event, &err), expected, err);
  CHECK((event != NULL) == (expected == CODEX_OK));
  codex_event_free(event);
  forget(&err);
}

/* What the queue held, counted. */
typedef struct tally {
  int events;
  int deltas;
  int turns_ended;
  codex_event_kind first, second, last;
  codex_status end;
} tally;

static void count(tally *t, const codex_event *event) {
  codex_event_kind kind = codex_event_get_kind(event);
  if (t->events == 0) t->first = kind;
  if (t->events == 1) t->second = kind;
  t->events++;
  t->last = kind;
  t->turns_ended += kind == CODEX_EVENT_TURN_ENDED;
  if (kind == CODEX_EVENT_MESSAGE_DELTA) t->deltas += (int)codex_event_merged(event);
}

/* Reads until no event comes within the time. */
static tally read_all(codex_client *client, int64_t timeout_ms) {
  tally t = {0, 0, 0, CODEX_EVENT_OTHER, CODEX_EVENT_OTHER, CODEX_EVENT_OTHER, CODEX_OK};
  codex_event *event = NULL;
  while ((t.end = codex_client_next_event(client, timeout_ms, &event, NULL)) == CODEX_OK) {
    count(&t, event);
    codex_event_free(event);
  }
  return t;
}

/* Everything that the runtime has said before the answer, which comes behind it. */
static void read_all_until_now(codex_client *client) {
  codex_client_call(client, "test/behind", NULL, PATIENCE, NULL, NULL);
  read_all(client, 0);
}

static bool is_readable_within(int fd, int timeout_ms) {
  struct pollfd watched = {fd, POLLIN, 0};
  return poll(&watched, 1, timeout_ms) == 1 && (watched.revents & POLLIN) != 0;
}

static bool is_readable(int fd) { return is_readable_within(fd, 0); }

/* ---- nothing waits ----------------------------------------------------------------------------------------------- */

TEST(nothing_waits_while_the_runtime_says_nothing) {
  const char *record = text("%s/record", fresh_directory());
  codex_client_options *options = options_for_fake(silent, record);
  CHECK_OK(codex_client_options_set_connect_timeout_ms(options, CODEX_WAIT_FOREVER), NULL);
  codex_client *client = begin_client(options);
  codex_thread *thread = begin_thread(client);
  codex_turn *turn = begin_turn(thread);
  codex_event *event = NULL;
  codex_thread *resumed = NULL, *forked = NULL;
  begin_call(client, "test/ping", NULL);
  CHECK_OK(codex_client_notify(client, "test/hint", NULL, NULL), NULL);
  CHECK_OK(codex_thread_resume_begin(client, "thread-1", NULL, &resumed, NULL), NULL);
  CHECK_OK(codex_thread_fork_begin(client, "thread-1", NULL, &forked, NULL), NULL);
  CHECK_OK(codex_client_set_wakeup(client, NULL, NULL, NULL), NULL);
  CHECK(codex_client_wakeup_fd(client) >= 0);
  codex_client_wake(client);
  codex_turn_wake(turn);
  check_read(client, 0, CODEX_TIMEOUT);
  CHECK_STATUS(codex_turn_next_event(turn, 0, &event, NULL), CODEX_TIMEOUT, NULL);
  CHECK_STATUS(codex_thread_wait(thread, 0, NULL), CODEX_TIMEOUT, NULL);
  CHECK_STATUS(codex_turn_next_event(turn, 0, &event, NULL), CODEX_TIMEOUT, NULL);
  CHECK_OK(codex_turn_interrupt(turn, NULL), NULL);
  check_read(client, 0, CODEX_TIMEOUT);
  CHECK_STR(codex_client_info_json(client), "");
  CHECK_STR(codex_thread_id(thread), "");
  CHECK_STR(codex_thread_info_json(thread), "");
  CHECK_STR(codex_turn_id(turn), "");
  CHECK(wait_for_text(record, "\"initialize\""));
  CHECK(strstr(read_file(record), "thread/start") == NULL);
  codex_thread_free(resumed);
  codex_thread_free(forked);
}

TEST(what_is_begun_before_the_runtime_is_ready_is_sent_when_it_is) {
  const char *record = text("%s/record", fresh_directory());
  codex_client *client = begin_client(options_for_fake(
      "{\"on\":{\"initialize\":[{\"sleepMs\":300},{\"builtin\":true}],\"test/ping\":[{\"reply\":{\"pong\":1}}]}}", record));
  codex_turn *turn = begin_turn(begin_thread(client));
  char *answer = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_call(client, "test/ping", NULL, CODEX_WAIT_DEFAULT, &answer, &err), err);
  CHECK_STR(answer, "{\"pong\":1}");
  codex_string_free(answer);
  expect_turn_end(turn, CODEX_OK, NULL);
  const char *sent = read_file(record);
  const char *initialized = strstr(sent, "\"initialized\"");
  const char *opened = strstr(sent, "\"thread/start\"");
  const char *called = strstr(sent, "\"test/ping\"");
  CHECK(initialized != NULL && opened != NULL && called != NULL && initialized < opened && opened < called);
}

TEST(a_blocking_start_on_a_begun_client_waits_inside) {
  codex_client *client = begin_client(fake("{\"on\":{\"initialize\":[{\"sleepMs\":300},{\"builtin\":true}]}}"));
  codex_thread *thread = start_thread_or_fail(client, NULL);
  CHECK(*codex_thread_id(thread) != '\0');
  CHECK_STR(string_at(parsed(codex_client_info_json(client)), "/endpoint"), "stdio:");
  CHECK_STR(codex_turn_result_status(run_or_fail(thread, "go")), "completed");
  codex_thread_free(thread);
}

TEST(a_turn_begun_before_its_thread_is_ready_runs_when_it_is) {
  codex_client *client = begin_client(fake(slow_thread));
  codex_thread *thread = begin_thread(client);
  codex_turn *turn = begin_turn(thread);
  codex_event *event = NULL;
  codex_event_free(await_client_event(client, CODEX_EVENT_CONNECTED));
  CHECK_STATUS(codex_thread_wait(thread, 0, NULL), CODEX_TIMEOUT, NULL);
  CHECK_STATUS(codex_turn_next_event(turn, 0, &event, NULL), CODEX_TIMEOUT, NULL);
  begin_call(client, "test/go", NULL);
  CHECK_OK(codex_thread_wait(thread, PATIENCE, NULL), NULL);
  CHECK(*codex_thread_id(thread) != '\0');
  event = await_event(turn, CODEX_EVENT_TURN_STARTED);
  CHECK_STR(codex_event_thread_id(event), codex_thread_id(thread));
  CHECK_STR(codex_event_turn_id(event), codex_turn_id(turn));
  codex_event_free(event);
  expect_turn_end(turn, CODEX_OK, NULL);
}

TEST(a_turn_can_be_interrupted_before_its_thread_is_ready) {
  codex_client *client = begin_client(fake("{\"on\":{\"thread/start\":[{\"waitFor\":\"test/go\"},{\"builtin\":true}],"
                                           "\"test/go\":[{\"reply\":{}}],\"turn/start\":[{\"turn\":{\"hold\":true}}]}}"));
  codex_turn *turn = begin_turn(begin_thread(client));
  CHECK_OK(codex_turn_interrupt(turn, NULL), NULL);
  begin_call(client, "test/go", NULL);
  expect_turn_end(turn, CODEX_ERROR_TURN_INTERRUPTED, NULL);
}

TEST(freeing_a_thread_before_it_is_ready_leaves_its_turn_alone) {
  codex_client *client = begin_client(fake(slow_thread));
  codex_thread *thread = NULL;
  CHECK_OK(codex_thread_begin(client, NULL, &thread, NULL), NULL);
  codex_turn *turn = begin_turn(thread);
  codex_thread_free(thread);
  begin_call(client, "test/go", NULL);
  expect_turn_end(turn, CODEX_OK, NULL);
}

/* ---- ready, or not ----------------------------------------------------------------------------------------------- */

TEST(a_client_tells_who_the_runtime_is_when_it_is_connected) {
  codex_client *client = begin_client(fake(NULL));
  codex_event *event = await_client_event(client, CODEX_EVENT_CONNECTED);
  CHECK_STR(codex_event_json(event, NULL), codex_client_info_json(client));
  CHECK(int_at(codex_event_value(event), "/pid") > 1);
  CHECK_OK(codex_event_status(event, NULL), NULL);
  codex_event_free(event);
}

TEST(a_thread_that_is_ready_tells_what_the_runtime_answered) {
  codex_client *client = begin_client(fake(NULL));
  codex_thread *thread = begin_thread(client);
  codex_event *event = await_client_event(client, CODEX_EVENT_THREAD_READY);
  CHECK_STR(codex_event_json(event, NULL), codex_thread_info_json(thread));
  CHECK_STR(codex_event_thread_id(event), codex_thread_id(thread));
  CHECK_STR(string_at(codex_event_value(event), "/thread/id"), codex_thread_id(thread));
  CHECK_OK(codex_event_status(event, NULL), NULL);
  CHECK_OK(codex_thread_wait(thread, 0, NULL), NULL);
  codex_event_free(event);
}

TEST(a_thread_that_was_not_begun_is_always_ready) {
  session *s = session_with_fake(NULL);
  CHECK_OK(codex_thread_wait(s->thread, 0, NULL), NULL);
}

TEST(a_thread_that_cannot_be_opened_fails_its_turns) {
  codex_client *client = begin_client(fake("{\"on\":{\"thread/start\":[{\"error\":{\"code\":-32000,\"message\":\"no room\"}}]}}"));
  codex_thread *thread = begin_thread(client);
  codex_turn *before = begin_turn(thread);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  expect_client_event(client, CODEX_EVENT_THREAD_READY, CODEX_ERROR_RPC, "no room");
  expect_turn_end(before, CODEX_ERROR_RPC, "no room");
  CHECK_STATUS(codex_turn_wait(before, 0, &result, &err), CODEX_ERROR_RPC, err);
  CHECK(result == NULL);
  forget(&err);
  CHECK_STATUS(codex_thread_wait(thread, PATIENCE, &err), CODEX_ERROR_RPC, err);
  CHECK_CONTAINS(codex_error_message(err), "no room");
  forget(&err);
  CHECK_STR(codex_thread_id(thread), "");
  expect_turn_end(begin_turn(thread), CODEX_ERROR_RPC, "no room");
  CHECK_STATUS(codex_thread_run(thread, "go", NULL, &result, &err), CODEX_ERROR_RPC, err);
  CHECK(result == NULL);
  forget(&err);
}

TEST(in_a_single_queue_too_a_turn_without_a_thread_ends_once) {
  codex_client *client =
      begin_client(single_queue(fake("{\"on\":{\"thread/start\":[{\"error\":{\"code\":1,\"message\":\"no room\"}}]}}")));
  codex_turn *turn = begin_turn(begin_thread(client));
  int mark = 0;
  codex_turn_set_user_data(turn, &mark);
  codex_event *end = await_client_event(client, CODEX_EVENT_TURN_ENDED);
  CHECK(codex_event_user_data(end) == &mark);
  check_event_error(end, CODEX_ERROR_RPC, "no room");
  CHECK_STR(codex_event_json(end, NULL), "null");
  codex_event_free(end);
  CHECK_INT(read_all(client, 100).turns_ended, 0);
}

static void check_no_runtime(codex_client_options *options, codex_status status, const char *part) {
  codex_client *client = begin_client(options);
  codex_thread *thread = NULL;
  codex_turn *turn = NULL;
  codex_error *err = NULL;
  if (codex_thread_begin(client, NULL, &thread, NULL) == CODEX_OK && codex_turn_begin(thread, "go", NULL, &turn, NULL) == CODEX_OK)
    expect_turn_end(turn, status, NULL);
  expect_client_event(client, CODEX_EVENT_CLOSED, status, part);
  check_read(client, 0, CODEX_END);
  check_read(client, CODEX_WAIT_FOREVER, CODEX_END);
  CHECK_STATUS(codex_client_call(client, "test/ping", NULL, CODEX_WAIT_DEFAULT, NULL, &err), status, err);
  forget(&err);
  codex_turn_free(turn);
  codex_thread_free(thread);
}

static codex_client_options *shell(const char *command) {
  const char *argv[] = {"/bin/sh", "-c", command};
  codex_client_options *options = fake(NULL);
  CHECK_OK(codex_client_options_set_command(options, argv, 3), NULL);
  return options;
}

TEST(a_program_that_ends_at_once_closes_the_client) {
  check_no_runtime(shell("echo sorry >&2; exit 3"), CODEX_ERROR_RUNTIME_START, "sorry");
}

TEST(a_program_that_is_not_the_runtime_closes_the_client) {
  check_no_runtime(shell("while :; do echo hello || exit; done"), CODEX_ERROR_RUNTIME_START, "hello");
}

TEST(a_runtime_that_does_not_answer_in_time_closes_the_client) {
  codex_client_options *options = fake(silent);
  CHECK_OK(codex_client_options_set_connect_timeout_ms(options, 200), NULL);
  check_no_runtime(options, CODEX_ERROR_TIMED_OUT, "connect_timeout_ms (200)");
}

TEST(beginning_without_any_runtime_fails_at_once) {
  codex_client_options *options = fake(NULL);
  codex_client *client = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_options_set_codex_path(options, "/nowhere/codex"), NULL);
  CHECK_STATUS(codex_client_begin(options, &client, &err), CODEX_ERROR_RUNTIME_NOT_FOUND, err);
  CHECK(client == NULL);
  forget(&err);
}

TEST(closing_before_the_runtime_is_ready_ends_everything_in_order) {
  codex_client *client = begin_client(single_queue(fake(silent)));
  begin_turn(begin_thread(client));
  begin_call(client, "test/ping", NULL);
  CHECK_OK(codex_client_close(client, 0, NULL), NULL);
  tally t = read_all(client, 0);
  CHECK_INT(t.end, CODEX_END);
  CHECK_INT(t.events, 4);
  CHECK_INT(t.turns_ended, 1);
  CHECK_INT(t.last, CODEX_EVENT_CLOSED);
}

/* ---- stored threads ---------------------------------------------------------------------------------------------- */

TEST(a_stored_thread_can_be_resumed_without_waiting) {
  const char *record = text("%s/record", fresh_directory());
  codex_client *client = begin_client(
      options_for_fake("{\"on\":{\"thread/resume\":[{\"waitFor\":\"test/go\"},{\"builtin\":true}]}}", record));
  codex_thread *thread = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_thread_resume_begin(client, "stored", NULL, &thread, &err), err);
  CHECK_STR(codex_thread_id(thread), "");
  CHECK(wait_for_text(record, "thread/resume"));
  CHECK_OK(codex_client_notify(client, "test/go", NULL, &err), err);
  codex_event *ready = await_client_event(client, CODEX_EVENT_THREAD_READY);
  CHECK_STR(codex_event_thread_id(ready), "stored");
  CHECK_STR(codex_thread_id(thread), "stored");
  codex_event_free(ready);
  expect_turn_end(begin_turn(thread), CODEX_OK, NULL);
  codex_thread_free(thread);
}

TEST(a_fork_without_waiting_is_another_thread) {
  session *s = session_with_fake(NULL);
  codex_thread *fork = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_thread_fork_begin(s->client, codex_thread_id(s->thread), NULL, &fork, &err), err);
  CHECK_OK(codex_thread_wait(fork, PATIENCE, &err), err);
  CHECK(*codex_thread_id(fork) != '\0' && strcmp(codex_thread_id(fork), codex_thread_id(s->thread)) != 0);
  expect_client_event(s->client, CODEX_EVENT_THREAD_READY, CODEX_OK, NULL);
  expect_turn_end(begin_turn(fork), CODEX_OK, NULL);
  codex_thread_free(fork);
}

TEST(forking_a_thread_that_is_not_there_fails) {
  session *s = session_with_fake(NULL);
  codex_thread *fork = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_thread_fork(s->client, "no-such-thread", NULL, &fork, &err), CODEX_ERROR_RPC, err);
  CHECK(fork == NULL);
  CHECK_STR(codex_error_reason(err), "threadNotFound");
  forget(&err);
}

/* ---- calls whose answer is an event ------------------------------------------------------------------------------ */

TEST(the_answer_to_a_begun_call_is_an_event) {
  codex_client *client = connect_client(fake(one_word));
  int mark = 0;
  uint64_t id = begin_call(client, "test/ping", &mark);
  codex_event *event = await_client_event(client, CODEX_EVENT_RESPONSE);
  CHECK(codex_event_call_id(event) == id);
  CHECK(codex_event_user_data(event) == &mark);
  CHECK_STR(codex_event_json(event, NULL), "{\"pong\":1}");
  CHECK_OK(codex_event_status(event, NULL), NULL);
  codex_event_free(event);
  CHECK(begin_call(client, "test/ping", &mark) != id);
}

TEST(a_begun_call_that_fails_says_why) {
  codex_client *client = connect_client(fake("{\"on\":{\"test/ping\":[{\"error\":{\"code\":-7,\"message\":\"not now\"}}]}}"));
  codex_error *err = NULL;
  begin_call(client, "test/ping", NULL);
  codex_event *event = await_client_event(client, CODEX_EVENT_RESPONSE);
  CHECK_STATUS(codex_event_status(event, &err), CODEX_ERROR_RPC, err);
  CHECK_INT(codex_error_rpc_code(err), -7);
  CHECK_CONTAINS(codex_event_json(event, NULL), "not now");
  codex_event_free(event);
  forget(&err);
}

TEST(a_begun_call_that_is_not_answered_says_so) {
  codex_client *client = connect_client(fake("{\"on\":{\"test/ping\":[{\"silence\":true}]}}"));
  CHECK_OK(codex_client_begin_call(client, "test/ping", NULL, 200, NULL, NULL, NULL), NULL);
  expect_client_event(client, CODEX_EVENT_RESPONSE, CODEX_ERROR_TIMED_OUT, "test/ping");
}

TEST(begun_calls_are_answered_when_the_runtime_dies) {
  codex_client *client = connect_client(fake("{\"on\":{\"test/die\":[{\"abort\":true}]}}"));
  begin_call(client, "test/die", NULL);
  expect_client_event(client, CODEX_EVENT_RESPONSE, CODEX_ERROR_TRANSPORT, NULL);
  expect_client_event(client, CODEX_EVENT_CLOSED, CODEX_ERROR_TRANSPORT, NULL);
  check_read(client, 0, CODEX_END);
}

/* ---- wake-ups ---------------------------------------------------------------------------------------------------- */

static void set_wakeup(codex_client *client, flag *rung) {
  CHECK_OK(codex_client_set_wakeup(client, flag_raise_callback, rung, NULL), NULL);
}

static void clear_wakeup(void *client) { codex_client_set_wakeup(client, NULL, NULL, NULL); }

TEST(a_wake_up_comes_once_each_time_that_the_queue_gets_something) {
  enum { CALLS = 1000 };
  codex_client *client = connect_client(fake(one_word));
  flag rung = FLAG_INITIALIZER;
  set_wakeup(client, &rung);
  defer(clear_wakeup, client);
  for (int i = 1; i <= CALLS; i++) {
    begin_call(client, "test/ping", NULL);
    if (!CHECK(flag_wait(&rung, i)) || !CHECK_INT(flag_count(&rung), i)) return;
    CHECK_INT(read_all(client, 0).events, 1);
  }
  sleep_ms(50);
  CHECK_INT(flag_count(&rung), CALLS);
}

TEST(a_hundred_thousand_events_that_nobody_reads_wake_once) {
  codex_client_options *options =
      single_queue(fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true,\"deltas\":[]}},{\"flood\":{\"count\":100000}},"
                        "{\"finishTurn\":{}}],\"test/ping\":[{\"reply\":{}}]}}"));
  CHECK_OK(codex_client_options_set_max_queued_bytes(options, PLENTY_OF_BYTES), NULL);
  codex_client *client = connect_client(options);
  flag rung = FLAG_INITIALIZER;
  codex_turn_result *result = NULL;
  read_all(client, 0);
  set_wakeup(client, &rung);
  defer(clear_wakeup, client);
  CHECK_INT(flag_count(&rung), 0);
  codex_turn *turn = begin_turn(begin_thread(client));
  CHECK_OK(codex_turn_wait(turn, 60000, &result, NULL), NULL);
  codex_turn_result_free(result);
  CHECK_INT(flag_count(&rung), 1);
  tally t = read_all(client, 0);
  CHECK_INT(t.deltas, 100000);
  CHECK_INT(t.turns_ended, 1);
  CHECK_INT(t.last, CODEX_EVENT_TURN_ENDED);
  CHECK_INT(flag_count(&rung), 1);
  begin_call(client, "test/ping", NULL);
  CHECK(flag_wait(&rung, 2));
}

TEST(who_reads_only_when_woken_gets_every_event_of_a_flood) {
  codex_client *client = connect_client(
      single_queue(fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true,\"deltas\":[]}},"
                        "{\"flood\":{\"count\":100000,\"perWrite\":\"message\"}},{\"finishTurn\":{}}]}}")));
  flag rung = FLAG_INITIALIZER;
  int seen = 0, deltas = 0, ended = 0;
  set_wakeup(client, &rung);
  defer(clear_wakeup, client);
  begin_turn(begin_thread(client));
  while (ended == 0 && CHECK(flag_wait(&rung, seen + 1))) {
    seen = flag_count(&rung);
    tally t = read_all(client, 0);
    deltas += t.deltas;
    ended += t.turns_ended;
  }
  CHECK_INT(deltas, 100000);
}

/* Ten threads at work at once, a thousand turns together. */
enum { LANES = 10, TURNS = 1000 };

typedef struct lane {
  codex_thread *thread;
  codex_turn *turn;
} lane;

typedef struct crowd {
  codex_client *client;
  lane lanes[LANES];
  int begun;
  int ended;
} crowd;

static void begin_next_turn(crowd *c, lane *of) {
  codex_turn_free(of->turn);
  of->turn = NULL;
  if (c->begun == TURNS) return;
  c->begun++;
  of->turn = begin_owned_turn(of->thread);
}

static void begin_crowd(crowd *c) {
  memset(c, 0, sizeof *c);
  c->client = begin_client(single_queue(fake(one_word)));
  for (int i = 0; i < LANES; i++) {
    c->lanes[i].thread = begin_thread(c->client);
    codex_thread_set_user_data(c->lanes[i].thread, &c->lanes[i]);
    begin_next_turn(c, &c->lanes[i]);
  }
}

static void serve_crowd(crowd *c) {
  codex_event *event = NULL;
  while (codex_client_next_event(c->client, 0, &event, NULL) == CODEX_OK) {
    if (codex_event_get_kind(event) == CODEX_EVENT_TURN_ENDED) {
      CHECK_OK(codex_event_status(event, NULL), NULL);
      c->ended++;
      begin_next_turn(c, codex_event_user_data(event));
    }
    codex_event_free(event);
  }
}

static void check_crowd(crowd *c) {
  CHECK_INT(c->ended, TURNS);
  CHECK_INT(read_all(c->client, 100).turns_ended, 0);
  for (int i = 0; i < LANES; i++) codex_turn_free(c->lanes[i].turn);
}

TEST(a_poll_loop_over_a_thousand_turns_ends) {
  crowd c;
  begin_crowd(&c);
  int fd = codex_client_wakeup_fd(c.client);
  while (c.ended < TURNS && CHECK(is_readable_within(fd, PATIENCE))) serve_crowd(&c);
  check_crowd(&c);
}

TEST(a_loop_that_is_called_back_over_a_thousand_turns_ends) {
  crowd c;
  flag rung = FLAG_INITIALIZER;
  int seen = 0;
  begin_crowd(&c);
  set_wakeup(c.client, &rung);
  while (c.ended < TURNS && CHECK(flag_wait(&rung, seen + 1))) {
    seen = flag_count(&rung);
    serve_crowd(&c);
  }
  check_crowd(&c);
  clear_wakeup(c.client);
}

TEST(a_callback_set_on_a_queue_with_something_is_called_at_once) {
  codex_client *client = connect_client(fake(one_word));
  flag rung = FLAG_INITIALIZER;
  int fd = codex_client_wakeup_fd(client);
  begin_call(client, "test/ping", NULL);
  CHECK(is_readable_within(fd, PATIENCE));
  set_wakeup(client, &rung);
  CHECK_INT(flag_count(&rung), 1);
  set_wakeup(client, &rung);
  CHECK_INT(flag_count(&rung), 2);
  read_all(client, 0);
  set_wakeup(client, &rung);
  CHECK_INT(flag_count(&rung), 2);
  clear_wakeup(client);
}

TEST(a_callback_set_after_the_end_is_called_at_once) {
  codex_client *client = connect_client(fake(NULL));
  flag rung = FLAG_INITIALIZER;
  CHECK_OK(codex_client_close(client, 10000, NULL), NULL);
  CHECK_INT(read_all(client, 0).end, CODEX_END);
  set_wakeup(client, &rung);
  CHECK_INT(flag_count(&rung), 1);
  clear_wakeup(client);
}

/* A callback that may be called until `retired`. */
typedef struct caller {
  pthread_mutex_t mutex;
  int calls;
  int calls_when_retired;
} caller;

static void note_call(void *pointer) {
  caller *c = pointer;
  pthread_mutex_lock(&c->mutex);
  c->calls++;
  pthread_mutex_unlock(&c->mutex);
}

static void retire(caller *c) {
  pthread_mutex_lock(&c->mutex);
  c->calls_when_retired = c->calls;
  pthread_mutex_unlock(&c->mutex);
}

typedef struct traffic {
  codex_client *client;
  int calls;
} traffic;

static void *make_traffic(void *pointer) {
  traffic *t = pointer;
  for (int i = 0; i < t->calls; i++) {
    begin_call(t->client, "test/ping", NULL);
    check_read(t->client, PATIENCE, CODEX_OK);
  }
  return NULL;
}

TEST(a_former_callback_is_called_no_more) {
  enum { CALLERS = 500 };
  static caller callers[CALLERS];
  codex_client *client = connect_client(fake(one_word));
  traffic busy = {client, 2000};
  int called = 0;
  pthread_t thread = thread_start(make_traffic, &busy);
  for (int i = 0; i < CALLERS; i++) {
    pthread_mutex_init(&callers[i].mutex, NULL);
    CHECK_OK(codex_client_set_wakeup(client, note_call, &callers[i], NULL), NULL);
    if (i > 0) retire(&callers[i - 1]);
    if (i % 10 == 0) sleep_ms(1);
  }
  thread_join(thread);
  clear_wakeup(client);
  retire(&callers[CALLERS - 1]);
  begin_call(client, "test/ping", NULL);
  check_read(client, PATIENCE, CODEX_OK);
  for (int i = 0; i < CALLERS; i++) {
    CHECK_INT(callers[i].calls, callers[i].calls_when_retired);
    called += callers[i].calls;
    pthread_mutex_destroy(&callers[i].mutex);
  }
  CHECK(called > 0);
}

typedef struct slow_callback {
  flag entered;
  flag left;
} slow_callback;

static void take_time(void *pointer) {
  slow_callback *slow = pointer;
  flag_raise(&slow->entered);
  sleep_ms(200);
  flag_raise(&slow->left);
}

TEST(replacing_a_callback_waits_for_the_one_that_runs) {
  codex_client *client = connect_client(fake(one_word));
  slow_callback slow = {FLAG_INITIALIZER, FLAG_INITIALIZER};
  CHECK_OK(codex_client_set_wakeup(client, take_time, &slow, NULL), NULL);
  begin_call(client, "test/ping", NULL);
  CHECK(flag_wait(&slow.entered, 1));
  clear_wakeup(client);
  CHECK_INT(flag_count(&slow.left), 1);
}

TEST(the_pointer_of_a_callback_is_destroyed_once) {
  codex_client *client = connect_or_fail(fake(one_word));
  flag rung = FLAG_INITIALIZER, first = FLAG_INITIALIZER, second = FLAG_INITIALIZER, third = FLAG_INITIALIZER;
  CHECK_OK(codex_client_set_wakeup(client, flag_raise_callback, &first, flag_raise_callback), NULL);
  CHECK_INT(flag_count(&first), 0);
  CHECK_OK(codex_client_set_wakeup(client, flag_raise_callback, &rung, NULL), NULL);
  CHECK_INT(flag_count(&first), 1);
  CHECK_OK(codex_client_set_wakeup(client, NULL, &second, flag_raise_callback), NULL);
  CHECK_INT(flag_count(&second), 1);
  CHECK_OK(codex_client_set_wakeup(client, take_time, &third, flag_raise_callback), NULL);
  clear_wakeup(client);
  CHECK_INT(flag_count(&third), 1);
  CHECK_OK(codex_client_close(client, 10000, NULL), NULL);
  codex_client_free(client);
  CHECK_INT(flag_count(&first), 1);
  CHECK_INT(flag_count(&second), 1);
  CHECK_INT(flag_count(&third), 1);
}

static void ignore_wakeup(void *user_data) { (void)user_data; }

TEST(the_pointer_of_a_callback_is_destroyed_with_its_client) {
  static flag destroyed = FLAG_INITIALIZER;
  codex_client *client = connect_or_fail(fake(NULL));
  int before = flag_count(&destroyed);
  CHECK_OK(codex_client_set_wakeup(client, ignore_wakeup, &destroyed, flag_raise_callback), NULL);
  CHECK_OK(codex_client_close(client, 10000, NULL), NULL);
  codex_client_free(client);
  CHECK(flag_wait(&destroyed, before + 1));
  CHECK_INT(flag_count(&destroyed), before + 1);
}

TEST(a_reader_that_is_woken_among_events_is_called_again) {
  codex_client *client = connect_client(fake(one_word));
  flag rung = FLAG_INITIALIZER;
  int fd = codex_client_wakeup_fd(client);
  begin_call(client, "test/ping", NULL);
  CHECK(is_readable_within(fd, PATIENCE));
  set_wakeup(client, &rung);
  defer(clear_wakeup, client);
  codex_client_wake(client);
  check_read(client, 0, CODEX_TIMEOUT);
  /* The program has read until CODEX_TIMEOUT, as it should, and the answer still lies there. */
  CHECK_INT(flag_count(&rung), 2);
  check_read(client, 0, CODEX_OK);
}

/* ---- the descriptor ---------------------------------------------------------------------------------------------- */

TEST(the_descriptor_is_the_same_at_every_call) {
  codex_client *client = begin_client(fake(NULL));
  int fd = codex_client_wakeup_fd(client);
  CHECK(fd > 2);
  codex_event_free(await_client_event(client, CODEX_EVENT_CONNECTED));
  CHECK_INT(codex_client_wakeup_fd(client), fd);
  CHECK_OK(codex_client_close(client, 10000, NULL), NULL);
  CHECK_INT(codex_client_wakeup_fd(client), fd);
}

TEST(the_descriptor_is_readable_exactly_while_there_is_something) {
  codex_client *client = connect_client(fake(one_word));
  int fd = codex_client_wakeup_fd(client);
  CHECK(!is_readable(fd));
  check_read(client, 0, CODEX_TIMEOUT);
  begin_call(client, "test/ping", NULL);
  begin_call(client, "test/ping", NULL);
  CHECK(is_readable_within(fd, PATIENCE));
  check_read(client, 0, CODEX_OK);
  CHECK(is_readable_within(fd, PATIENCE));
  check_read(client, 0, CODEX_OK);
  CHECK(!is_readable(fd));
  check_read(client, 0, CODEX_TIMEOUT);
}

TEST(the_descriptor_of_a_queue_with_something_is_readable_from_the_start) {
  codex_client *client = connect_client(single_queue(fake(NULL)));
  int fd = codex_client_wakeup_fd(client);
  CHECK(is_readable(fd));
  check_read(client, 0, CODEX_OK);
  CHECK(!is_readable(fd));
}

TEST(the_descriptor_stays_readable_after_the_end) {
  codex_client *client = connect_client(fake(NULL));
  int fd = codex_client_wakeup_fd(client);
  CHECK_OK(codex_client_close(client, 10000, NULL), NULL);
  CHECK(is_readable(fd));
  tally t = read_all(client, 0);
  CHECK_INT(t.last, CODEX_EVENT_CLOSED);
  CHECK_INT(t.end, CODEX_END);
  CHECK(is_readable(fd));
}

TEST(a_descriptor_asked_for_after_the_end_is_readable) {
  codex_client *client = connect_client(fake(NULL));
  CHECK_OK(codex_client_close(client, 10000, NULL), NULL);
  CHECK_INT(read_all(client, 0).end, CODEX_END);
  CHECK(is_readable(codex_client_wakeup_fd(client)));
}

TEST(waking_does_not_make_the_descriptor_readable) {
  codex_client *client = connect_client(fake(NULL));
  flag rung = FLAG_INITIALIZER;
  int fd = codex_client_wakeup_fd(client);
  set_wakeup(client, &rung);
  codex_client_wake(client);
  CHECK(!is_readable(fd));
  CHECK_INT(flag_count(&rung), 0);
  check_read(client, CODEX_WAIT_FOREVER, CODEX_TIMEOUT);
  CHECK(!is_readable(fd));
  clear_wakeup(client);
}

TEST(freeing_a_turn_with_the_only_events_makes_the_descriptor_unreadable) {
  codex_client *client = connect_client(single_queue(fake(held)));
  codex_thread *thread = start_thread_or_fail(client, NULL);
  int fd = codex_client_wakeup_fd(client);
  read_all_until_now(client);
  codex_turn *turn = start_turn_or_fail(thread, "go");
  for (int events = 0; events < 2; events++) check_read(client, PATIENCE, CODEX_OK);
  CHECK(is_readable_within(fd, PATIENCE));
  codex_turn_free(turn);
  read_all_until_now(client);
  CHECK(!is_readable(fd));
  codex_thread_free(thread);
}

/* ---- one queue for everything ------------------------------------------------------------------------------------ */

static const char *word_for(codex_event_kind kind) {
  switch (kind) {
    case CODEX_EVENT_CONNECTED: return " connected";
    case CODEX_EVENT_THREAD_READY: return " ready";
    case CODEX_EVENT_TURN_STARTED: return " started";
    case CODEX_EVENT_ITEM_STARTED: return " item";
    case CODEX_EVENT_ITEM_COMPLETED: return " done";
    case CODEX_EVENT_MESSAGE_DELTA: return " delta";
    case CODEX_EVENT_USAGE: return " usage";
    case CODEX_EVENT_TURN_COMPLETED: return " completed";
    case CODEX_EVENT_TURN_ENDED: return " ended";
    case CODEX_EVENT_CLOSED: return " closed";
    default: return "";
  }
}

TEST(everything_comes_through_the_single_queue_in_order) {
  codex_client *client = begin_client(single_queue(fake(one_word)));
  codex_event *event = NULL;
  const char *story = "";
  begin_turn(begin_thread(client));
  while (strstr(story, " ended") == NULL && CHECK_INT(codex_client_next_event(client, PATIENCE, &event, NULL), CODEX_OK)) {
    story = text("%s%s", story, word_for(codex_event_get_kind(event)));
    codex_event_free(event);
  }
  CHECK_OK(codex_client_close(client, 10000, NULL), NULL);
  while (codex_client_next_event(client, 0, &event, NULL) == CODEX_OK) {
    story = text("%s%s", story, word_for(codex_event_get_kind(event)));
    codex_event_free(event);
  }
  CHECK_STR(story, " connected ready started item done item delta done usage completed ended closed");
}

static bool is_of_turn(codex_event_kind kind) {
  return kind == CODEX_EVENT_TURN_STARTED || kind == CODEX_EVENT_ITEM_STARTED || kind == CODEX_EVENT_ITEM_COMPLETED ||
         kind == CODEX_EVENT_MESSAGE_DELTA || kind == CODEX_EVENT_USAGE || kind == CODEX_EVENT_TURN_COMPLETED ||
         kind == CODEX_EVENT_TURN_ENDED;
}

TEST(events_carry_the_pointer_of_what_they_belong_to) {
  codex_client *client = begin_client(single_queue(fake(one_word)));
  int of_threads[2] = {0, 0}, of_turn = 0, of_call = 0, ended = 0;
  codex_event *event = NULL;
  codex_thread *plain = begin_thread(client), *marked = begin_thread(client);
  codex_thread_set_user_data(plain, &of_threads[0]);
  codex_thread_set_user_data(marked, &of_threads[1]);
  begin_turn(plain);
  codex_turn_set_user_data(begin_turn(marked), &of_turn);
  begin_call(client, "test/ping", &of_call);
  for (int wanted = 3; wanted > 0 && CHECK_INT(codex_client_next_event(client, PATIENCE, &event, NULL), CODEX_OK);) {
    codex_event_kind kind = codex_event_get_kind(event);
    bool is_plain = strcmp(codex_event_thread_id(event), codex_thread_id(plain)) == 0;
    if (is_of_turn(kind)) CHECK(codex_event_user_data(event) == (is_plain ? &of_threads[0] : &of_turn));
    else if (kind == CODEX_EVENT_THREAD_READY) CHECK(codex_event_user_data(event) == &of_threads[is_plain ? 0 : 1]);
    else if (kind == CODEX_EVENT_RESPONSE) CHECK(codex_event_user_data(event) == &of_call);
    else CHECK(codex_event_user_data(event) == NULL);
    ended += kind == CODEX_EVENT_TURN_ENDED;
    wanted -= kind == CODEX_EVENT_TURN_ENDED || kind == CODEX_EVENT_RESPONSE;
    codex_event_free(event);
  }
  CHECK_INT(ended, 2);
}

TEST(a_turn_has_no_queue_of_its_own_in_single_queue_mode) {
  codex_client *client = connect_client(single_queue(fake(held)));
  codex_thread *thread = start_thread_or_fail(client, NULL);
  codex_turn *turn = start_turn_or_fail(thread, "go");
  codex_event *event = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_turn_next_event(turn, 0, &event, &err), CODEX_ERROR_INVALID_ARGUMENT, err);
  CHECK_CONTAINS(codex_error_message(err), "single queue");
  CHECK(event == NULL);
  forget(&err);
  codex_turn_free(turn);
  codex_thread_free(thread);
}

TEST(waiting_for_a_turn_leaves_its_events_in_the_single_queue) {
  codex_client *client = connect_client(single_queue(fake(one_word)));
  codex_thread *thread = start_thread_or_fail(client, NULL);
  codex_turn *turn = start_turn_or_fail(thread, "go");
  codex_turn_result *result = NULL;
  CHECK_OK(codex_turn_wait(turn, PATIENCE, &result, NULL), NULL);
  CHECK_STR(codex_turn_result_final_response(result, NULL), "word");
  codex_turn_result_free(result);
  tally t = read_all(client, 0);
  CHECK_INT(t.deltas, 1);
  CHECK_INT(t.turns_ended, 1);
  CHECK_INT(t.last, CODEX_EVENT_TURN_ENDED);
  codex_turn_free(turn);
  codex_thread_free(thread);
}

TEST(a_turn_ends_once_and_nothing_of_it_follows) {
  enum { RUNNING = 20 };
  codex_client *client = begin_client(single_queue(fake("{\"on\":{\"test/ping\":[{\"reply\":{}}]}}")));
  int ends[RUNNING] = {0}, sum = 0;
  codex_event *event = NULL;
  for (int i = 0; i < RUNNING; i++) codex_turn_set_user_data(begin_turn(begin_thread(client)), &ends[i]);
  while (sum < RUNNING && CHECK_INT(codex_client_next_event(client, PATIENCE, &event, NULL), CODEX_OK)) {
    int *end = codex_event_user_data(event);
    if (end != NULL) CHECK_INT(*end, 0);
    if (codex_event_get_kind(event) == CODEX_EVENT_TURN_ENDED && CHECK(end != NULL)) sum += ++*end;
    codex_event_free(event);
  }
  CHECK_INT(read_all(client, 100).turns_ended, 0);
}

TEST(closing_ends_every_turn_before_the_client) {
  codex_client *client = begin_client(single_queue(fake(held)));
  codex_event *event = NULL;
  int ended = 0;
  codex_event_kind last = CODEX_EVENT_OTHER;
  for (int i = 0; i < 3; i++) begin_turn(begin_thread(client));
  for (int i = 0; i < 3; i++) codex_event_free(await_client_event(client, CODEX_EVENT_MESSAGE_DELTA));
  CHECK_OK(codex_client_close(client, 10000, NULL), NULL);
  while (codex_client_next_event(client, 0, &event, NULL) == CODEX_OK) {
    last = codex_event_get_kind(event);
    if (last == CODEX_EVENT_TURN_ENDED) check_event_error(event, CODEX_ERROR_CLOSED, NULL);
    ended += last == CODEX_EVENT_TURN_ENDED;
    codex_event_free(event);
  }
  CHECK_INT(ended, 3);
  CHECK_INT(last, CODEX_EVENT_CLOSED);
  check_read(client, 0, CODEX_END);
}

TEST(a_runtime_that_dies_ends_every_turn_before_the_client) {
  codex_client *client = begin_client(single_queue(fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}}],"
                                                        "\"test/die\":[{\"abort\":true}]}}")));
  for (int i = 0; i < 3; i++) begin_turn(begin_thread(client));
  for (int i = 0; i < 3; i++) codex_event_free(await_client_event(client, CODEX_EVENT_TURN_STARTED));
  CHECK_OK(codex_client_notify(client, "test/die", NULL, NULL), NULL);
  tally t = read_all(client, PATIENCE);
  CHECK_INT(t.end, CODEX_END);
  CHECK_INT(t.turns_ended, 3);
  CHECK_INT(t.last, CODEX_EVENT_CLOSED);
}

static int32_t count_event(void *pointer, codex_event *event) {
  count(pointer, event);
  return CODEX_CONTINUE;
}

TEST(runs_work_in_single_queue_mode_and_keep_their_events) {
  codex_client *client = connect_client(single_queue(fake(one_word)));
  codex_thread *thread = start_thread_or_fail(client, NULL);
  tally streamed = {0, 0, 0, CODEX_EVENT_OTHER, CODEX_EVENT_OTHER, CODEX_EVENT_OTHER, CODEX_OK};
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  CHECK_STR(codex_turn_result_final_response(run_or_fail(thread, "go"), NULL), "word");
  CHECK_OK(codex_thread_run_streamed(thread, "go", NULL, count_event, &streamed, &result, &err), err);
  CHECK_STR(codex_turn_result_final_response(result, NULL), "word");
  CHECK_INT(streamed.deltas, 1);
  CHECK_INT(streamed.turns_ended, 1);
  CHECK_INT(streamed.last, CODEX_EVENT_TURN_ENDED);
  tally rest = read_all(client, 100);
  CHECK_INT(rest.deltas, 0);
  CHECK_INT(rest.turns_ended, 0);
  codex_turn_result_free(result);
  codex_thread_free(thread);
}

TEST(no_event_of_a_freed_turn_comes) {
  codex_client *client = connect_client(single_queue(fake(held)));
  codex_thread *thread = start_thread_or_fail(client, NULL);
  codex_turn *turn = start_turn_or_fail(thread, "go");
  codex_event *event = NULL;
  codex_event_kind kind = CODEX_EVENT_OTHER;
  int mark = 0;
  codex_turn_set_user_data(turn, &mark);
  CHECK(is_readable_within(codex_client_wakeup_fd(client), PATIENCE));
  sleep_ms(100);
  codex_turn_free(turn);
  begin_call(client, "test/finish", NULL);
  while (kind != CODEX_EVENT_RESPONSE && CHECK_INT(codex_client_next_event(client, PATIENCE, &event, NULL), CODEX_OK)) {
    kind = codex_event_get_kind(event);
    CHECK(codex_event_user_data(event) != &mark);
    CHECK(kind != CODEX_EVENT_TURN_ENDED);
    codex_event_free(event);
  }
  CHECK_INT(read_all(client, 100).turns_ended, 0);
  codex_thread_free(thread);
}

TEST(a_request_comes_through_the_single_queue_and_is_answered_from_there) {
  codex_client *client = begin_client(
      single_queue(fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"request\":[7,\"item/tool/call\","
                        "{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"callId\":\"c\",\"tool\":\"t\","
                        "\"arguments\":{}}]},{\"waitAnswer\":7},{\"finishTurn\":{}}]}}")));
  int mark = 0;
  codex_turn_set_user_data(begin_turn(begin_thread(client)), &mark);
  codex_event *event = await_client_event(client, CODEX_EVENT_REQUEST);
  codex_request *request = codex_event_take_request(event);
  CHECK(request != NULL);
  CHECK(codex_request_user_data(request) == &mark);
  CHECK(codex_event_user_data(event) == &mark);
  CHECK_OK(codex_request_respond_text(request, true, "fine", NULL), NULL);
  codex_request_free(request);
  codex_event_free(event);
  expect_client_event(client, CODEX_EVENT_TURN_ENDED, CODEX_OK, NULL);
}

TEST(what_is_dropped_does_not_change_the_order_of_the_rest) {
  codex_client_options *options =
      single_queue(fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"flood\":{\"count\":2000,\"method\":\"test/noise\","
                        "\"params\":{\"threadId\":\"$threadId\",\"text\":\"hear hear hear hear\"}}},{\"finishTurn\":{}}]}}"));
  CHECK_OK(codex_client_options_set_max_queued_bytes(options, 400000), NULL);
  codex_client *client = begin_client(options);
  codex_turn *turn = begin_turn(begin_thread(client));
  codex_turn_result *result = NULL;
  CHECK_OK(codex_turn_wait(turn, PATIENCE, &result, NULL), NULL);
  codex_turn_result_free(result);
  char *stats = codex_client_stats_json(client);
  CHECK(int_at(parsed(stats), "/eventsDropped") > 0);
  codex_string_free(stats);
  tally t = read_all(client, 0);
  CHECK_INT(t.first, CODEX_EVENT_CONNECTED);
  CHECK_INT(t.second, CODEX_EVENT_THREAD_READY);
  CHECK_INT(t.turns_ended, 1);
  CHECK_INT(t.last, CODEX_EVENT_TURN_ENDED);
}

/* ---- with the real runtimes -------------------------------------------------------------------------------------- */

typedef struct real {
  const model *model;
  codex_client_options *options;
} real;

static real real_options(void) {
  const char *directory = fresh_directory();
  real r;
  r.model = model_start();
  r.options = options_for_model(r.model, make_directory(directory, "home"), make_directory(directory, "work"));
  return r;
}

/* One conversation of the loop below. */
typedef struct talk {
  codex_thread *thread;
  codex_turn *turn;
  const char *said;
  int events;
  bool ready, ended;
} talk;

static void follow(talk *t, const codex_event *event) {
  codex_event_kind kind = codex_event_get_kind(event);
  if (kind == CODEX_EVENT_THREAD_READY) {
    CHECK_INT(t->events, 0);
    CHECK_OK(codex_event_status(event, NULL), NULL);
    t->ready = true;
    return;
  }
  CHECK(t->ready && !t->ended);
  CHECK_STR(codex_event_thread_id(event), codex_thread_id(t->thread));
  t->events++;
  if (kind == CODEX_EVENT_MESSAGE_DELTA) t->said = text("%s%s", t->said, codex_event_text(event, NULL));
  if (kind != CODEX_EVENT_TURN_ENDED) return;
  t->ended = true;
  CHECK_OK(codex_event_status(event, NULL), NULL);
  CHECK_STR(string_at(codex_event_value(event), "/finalResponse"), t->said);
}

TEST(a_loop_begins_everything_at_once_and_follows_two_turns) {
  real r = real_options();
  talk talks[2] = {{NULL, NULL, "", 0, false, false}, {NULL, NULL, "", 0, false, false}};
  codex_event *event = NULL;
  codex_event_kind kind = CODEX_EVENT_OTHER;
  int seen = 0;
  model_says_to(r.model, "first question", "first answer");
  model_says_to(r.model, "second question", "second answer");
  codex_client *client = begin_client(single_queue(r.options));
  int fd = codex_client_wakeup_fd(client);
  for (int i = 0; i < 2; i++) {
    talks[i].thread = begin_thread(client);
    codex_thread_set_user_data(talks[i].thread, &talks[i]);
    CHECK_OK(codex_turn_begin(talks[i].thread, i == 0 ? "first question" : "second question", NULL, &talks[i].turn, NULL), NULL);
  }
  while (!(talks[0].ended && talks[1].ended) && CHECK(is_readable_within(fd, PATIENCE))) {
    while (codex_client_next_event(client, 0, &event, NULL) == CODEX_OK) {
      kind = codex_event_get_kind(event);
      CHECK((kind == CODEX_EVENT_CONNECTED) == (seen++ == 0));
      if (codex_event_user_data(event) != NULL) follow(codex_event_user_data(event), event);
      codex_event_free(event);
    }
  }
  CHECK_STR(talks[0].said, "first answer");
  CHECK_STR(talks[1].said, "second answer");
  for (int i = 0; i < 2; i++) {
    codex_turn_free(talks[i].turn);
  }
  CHECK_OK(codex_client_close(client, 10000, NULL), NULL);
  tally t = read_all(client, 0);
  CHECK_INT(t.last, CODEX_EVENT_CLOSED);
  CHECK_INT(t.end, CODEX_END);
  CHECK(is_readable(fd));
}

TEST(a_begun_turn_is_read_from_its_own_queue) {
  real r = real_options();
  model_says(r.model, "answer");
  codex_client *client = begin_client(r.options);
  codex_turn *turn = begin_turn(begin_thread(client));
  codex_event *delta = await_event(turn, CODEX_EVENT_MESSAGE_DELTA);
  CHECK_STR(codex_event_text(delta, NULL), "answer");
  CHECK_STR(codex_event_turn_id(delta), codex_turn_id(turn));
  codex_event_free(delta);
  expect_turn_end(turn, CODEX_OK, NULL);
  expect_client_event(client, CODEX_EVENT_CONNECTED, CODEX_OK, NULL);
  expect_client_event(client, CODEX_EVENT_THREAD_READY, CODEX_OK, NULL);
}

static void check_fork(codex_thread *fork, const codex_thread *source, const model *m) {
  CHECK(strlen(codex_thread_id(fork)) > 30);
  CHECK(strcmp(codex_thread_id(fork), codex_thread_id(source)) != 0);
  CHECK_STR(string_at(parsed(codex_thread_info_json(fork)), "/thread/id"), codex_thread_id(fork));
  CHECK_STR(codex_turn_result_final_response(run_or_fail(fork, "and now?"), NULL), "later answer");
  CHECK_CONTAINS(model_request(m, 1), "the old question");
}

TEST(a_fork_of_a_stored_thread_has_a_new_id_and_the_old_history) {
  session *s = session_with_model(NULL);
  codex_thread *fork = NULL;
  codex_error *err = NULL;
  model_says(s->model, "old answer");
  model_says(s->model, "later answer");
  run_or_fail(s->thread, "the old question");
  CHECK_OK(codex_thread_fork(s->client, codex_thread_id(s->thread), NULL, &fork, &err), err);
  check_fork(fork, s->thread, s->model);
  codex_thread_free(fork);
}

TEST(a_begun_fork_of_a_stored_thread_has_a_new_id_and_the_old_history) {
  session *s = session_with_model(NULL);
  codex_thread *fork = NULL;
  codex_error *err = NULL;
  model_says(s->model, "old answer");
  model_says(s->model, "later answer");
  run_or_fail(s->thread, "the old question");
  CHECK_OK(codex_thread_fork_begin(s->client, codex_thread_id(s->thread), NULL, &fork, &err), err);
  CHECK_OK(codex_thread_wait(fork, PATIENCE, &err), err);
  check_fork(fork, s->thread, s->model);
  codex_thread_free(fork);
}

TEST(resuming_a_thread_that_is_not_stored_fails_its_turns) {
  static const char *const nobody = "00000000-0000-7000-8000-000000000000";
  real r = real_options();
  codex_client *client = begin_client(r.options);
  codex_thread *thread = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_thread_resume_begin(client, nobody, NULL, &thread, &err), err);
  codex_turn *turn = begin_turn(thread);
  CHECK_STATUS(codex_thread_wait(thread, PATIENCE, &err), CODEX_ERROR_RPC, err);
  CHECK_STR(codex_error_reason(err), "threadNotFound");
  forget(&err);
  expect_turn_end(turn, CODEX_ERROR_RPC, nobody);
  expect_client_event(client, CODEX_EVENT_THREAD_READY, CODEX_ERROR_RPC, nobody);
  codex_thread_free(thread);
}

TEST(a_thread_of_an_earlier_client_is_resumed_without_waiting) {
  session *s = session_with_model(NULL);
  codex_client_options *options = single_queue(options_for_model(s->model, s->home, s->work));
  codex_thread *thread = NULL;
  codex_error *err = NULL;
  model_says(s->model, "old answer");
  model_says(s->model, "later answer");
  run_or_fail(s->thread, "the old question");
  CHECK_OK(codex_client_close(s->client, 10000, &err), err);
  codex_client *client = begin_client(options);
  CHECK_OK(codex_thread_resume_begin(client, codex_thread_id(s->thread), NULL, &thread, &err), err);
  begin_turn(thread);
  codex_event *end = await_client_event(client, CODEX_EVENT_TURN_ENDED);
  CHECK_STR(string_at(codex_event_value(end), "/finalResponse"), "later answer");
  CHECK_STR(codex_thread_id(thread), codex_thread_id(s->thread));
  CHECK_CONTAINS(model_request(s->model, 1), "the old question");
  codex_event_free(end);
  codex_thread_free(thread);
}

int main(int argc, char **argv) {
  static const test_case with_fake[] = {
      CASE(nothing_waits_while_the_runtime_says_nothing),
      CASE(what_is_begun_before_the_runtime_is_ready_is_sent_when_it_is),
      CASE(a_blocking_start_on_a_begun_client_waits_inside),
      CASE(a_turn_begun_before_its_thread_is_ready_runs_when_it_is),
      CASE(a_turn_can_be_interrupted_before_its_thread_is_ready),
      CASE(freeing_a_thread_before_it_is_ready_leaves_its_turn_alone),
      CASE(a_client_tells_who_the_runtime_is_when_it_is_connected),
      CASE(a_thread_that_is_ready_tells_what_the_runtime_answered),
      CASE(a_thread_that_was_not_begun_is_always_ready),
      CASE(a_thread_that_cannot_be_opened_fails_its_turns),
      CASE(in_a_single_queue_too_a_turn_without_a_thread_ends_once),
      CASE(a_program_that_ends_at_once_closes_the_client),
      CASE(a_program_that_is_not_the_runtime_closes_the_client),
      CASE(a_runtime_that_does_not_answer_in_time_closes_the_client),
      CASE(beginning_without_any_runtime_fails_at_once),
      CASE(closing_before_the_runtime_is_ready_ends_everything_in_order),
      CASE(a_stored_thread_can_be_resumed_without_waiting),
      CASE(a_fork_without_waiting_is_another_thread),
      CASE(forking_a_thread_that_is_not_there_fails),
      CASE(the_answer_to_a_begun_call_is_an_event),
      CASE(a_begun_call_that_fails_says_why),
      CASE(a_begun_call_that_is_not_answered_says_so),
      CASE(begun_calls_are_answered_when_the_runtime_dies),
      CASE(a_wake_up_comes_once_each_time_that_the_queue_gets_something),
      CASE(a_hundred_thousand_events_that_nobody_reads_wake_once),
      CASE(who_reads_only_when_woken_gets_every_event_of_a_flood),
      CASE(a_poll_loop_over_a_thousand_turns_ends),
      CASE(a_loop_that_is_called_back_over_a_thousand_turns_ends),
      CASE(a_callback_set_on_a_queue_with_something_is_called_at_once),
      CASE(a_callback_set_after_the_end_is_called_at_once),
      CASE(a_former_callback_is_called_no_more),
      CASE(replacing_a_callback_waits_for_the_one_that_runs),
      CASE(the_pointer_of_a_callback_is_destroyed_once),
      CASE(the_pointer_of_a_callback_is_destroyed_with_its_client),
      CASE(a_reader_that_is_woken_among_events_is_called_again),
      CASE(the_descriptor_is_the_same_at_every_call),
      CASE(the_descriptor_is_readable_exactly_while_there_is_something),
      CASE(the_descriptor_of_a_queue_with_something_is_readable_from_the_start),
      CASE(the_descriptor_stays_readable_after_the_end),
      CASE(a_descriptor_asked_for_after_the_end_is_readable),
      CASE(waking_does_not_make_the_descriptor_readable),
      CASE(freeing_a_turn_with_the_only_events_makes_the_descriptor_unreadable),
      CASE(everything_comes_through_the_single_queue_in_order),
      CASE(events_carry_the_pointer_of_what_they_belong_to),
      CASE(a_turn_has_no_queue_of_its_own_in_single_queue_mode),
      CASE(waiting_for_a_turn_leaves_its_events_in_the_single_queue),
      CASE(a_turn_ends_once_and_nothing_of_it_follows),
      CASE(closing_ends_every_turn_before_the_client),
      CASE(a_runtime_that_dies_ends_every_turn_before_the_client),
      CASE(runs_work_in_single_queue_mode_and_keep_their_events),
      CASE(no_event_of_a_freed_turn_comes),
      CASE(a_request_comes_through_the_single_queue_and_is_answered_from_there),
      CASE(what_is_dropped_does_not_change_the_order_of_the_rest),
  };
  static const test_case with_runtime[] = {
      CASE(a_loop_begins_everything_at_once_and_follows_two_turns),
      CASE(a_begun_turn_is_read_from_its_own_queue),
      CASE(a_fork_of_a_stored_thread_has_a_new_id_and_the_old_history),
      CASE(a_begun_fork_of_a_stored_thread_has_a_new_id_and_the_old_history),
      CASE(resuming_a_thread_that_is_not_stored_fails_its_turns),
      CASE(a_thread_of_an_earlier_client_is_resumed_without_waiting),
  };
  harness_start(argc, argv);
  run_tests(with_fake, COUNT(with_fake));
  run_tests_with_each_runtime(with_runtime, COUNT(with_runtime));
  return harness_end();
}
