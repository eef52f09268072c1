/* What a host does inside its callbacks: calls of every kind, freeing what it stands on, and leaving. */
#include "support.h"

#include <setjmp.h>

enum { PATIENCE = 20000 };

/* The first turn says one word and goes on until test/finish; others run to their end. */
static const char one_held[] = "{\"on\":{\"turn/start\":[[{\"turn\":{\"hold\":true,\"deltas\":[\"word\"]}}],[{\"builtin\":true}]],"
                               "\"test/finish\":[{\"finishTurn\":{\"turns\":\"all\"}},{\"reply\":{}}]}}";
static const char one_asks[] =
    "{\"on\":{\"turn/start\":[[{\"turn\":{\"hold\":true,\"deltas\":[\"word\"]}},{\"request\":[0,\"item/commandExecution/requestApproval\","
    "{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"itemId\":\"i\",\"command\":\"ls\"}]},{\"waitAnswer\":0},{\"finishTurn\":{}}],"
    "[{\"builtin\":true}]],\"test/finish\":[{\"reply\":{}}]}}";
/* The tool call belongs to a turn that nobody follows. */
static const char foreign_tool_call[] =
    "{\"on\":{\"test/ask\":[{\"reply\":{}},{\"request\":[0,\"item/tool/call\",{\"threadId\":\"elsewhere\",\"turnId\":\"foreign\","
    "\"callId\":\"c\",\"tool\":\"t\",\"arguments\":{}}]}]}}";

/* ---- every call, from inside ------------------------------------------------------------------------------------- */

typedef enum call {
  CALL, NOTIFY, STATS, START_THREAD, SET_NAME, START_TURN, STEER, INTERRUPT, RUN, NEXT_OF_CLIENT, NEXT_OF_TURN, WAIT_FOR_TURN,
  CLOSE, CALLS
} call;

static const char *const call_names[CALLS] = {"call", "notify", "stats", "start of a thread", "set_name", "start of a turn", "steer",
                                              "interrupt", "run", "next event of the client", "next event of a turn",
                                              "wait for a turn", "close"};

typedef struct inside {
  codex_client *client;
  codex_thread *thread; /* where the callback makes its own turns */
  codex_status of[CALLS];
  flag done;
} inside;

#define INSIDE_INITIALIZER {.done = FLAG_INITIALIZER}

/* Once: a callback is called more often. */
static void make_every_call(inside *in) {
  codex_thread *thread = NULL;
  codex_turn *turn = NULL;
  codex_turn_result *result = NULL;
  codex_event *event = NULL;
  if (in->client == NULL || flag_count(&in->done) > 0) return;
  in->of[CALL] = codex_client_call(in->client, "test/finish", NULL, PATIENCE, NULL, NULL);
  in->of[NOTIFY] = codex_client_notify(in->client, "test/note", NULL, NULL);
  char *stats = codex_client_stats_json(in->client);
  in->of[STATS] = stats != NULL ? CODEX_OK : CODEX_ERROR_INTERNAL;
  codex_string_free(stats);
  in->of[START_THREAD] = codex_thread_start(in->client, NULL, &thread, NULL);
  codex_thread_free(thread);
  in->of[SET_NAME] = codex_thread_set_name(in->thread, "name", NULL);
  in->of[START_TURN] = codex_turn_start(in->thread, "go", NULL, &turn, NULL);
  in->of[STEER] = codex_turn_steer(turn, "more", NULL, NULL);
  in->of[INTERRUPT] = codex_turn_interrupt(turn, NULL);
  in->of[NEXT_OF_TURN] = codex_turn_next_event(turn, PATIENCE, &event, NULL);
  codex_event_free(event);
  in->of[WAIT_FOR_TURN] = codex_turn_wait(turn, PATIENCE, &result, NULL);
  codex_turn_result_free(result);
  codex_turn_free(turn);
  in->of[RUN] = codex_thread_run(in->thread, "go", NULL, &result, NULL);
  codex_turn_result_free(result);
  codex_client_begin_call(in->client, "thread/list", NULL, PATIENCE, NULL, NULL, NULL);
  in->of[NEXT_OF_CLIENT] = codex_client_next_event(in->client, PATIENCE, &event, NULL);
  codex_event_free(event);
  in->of[CLOSE] = codex_client_close(in->client, PATIENCE, NULL);
  flag_raise(&in->done);
}

/* A turn that is over already can be steered no more, which is no matter of the callback. */
static void check_every_call_worked(const inside *in) {
  for (int i = 0; i < CALLS; i++) {
    bool worked = in->of[i] == CODEX_OK || (i == STEER && in->of[i] == CODEX_ERROR_RPC);
    check_true(__FILE__, __LINE__, text("%s: %s", call_names[i], codex_status_name(in->of[i])), worked);
  }
}

static session *session_for(const char *script, inside *in, codex_client_options *(*change)(codex_client_options *, inside *)) {
  session *s = session_with_options(change(options_for_fake(script, NULL), in), NULL);
  in->thread = start_thread_or_fail(s->client, NULL);
  in->client = s->client;
  return s;
}

static codex_client_options *unchanged(codex_client_options *options, inside *in) {
  (void)in;
  return options;
}

static int32_t call_from_event(void *user_data, codex_event *event) {
  if (codex_event_get_kind(event) == CODEX_EVENT_MESSAGE_DELTA) make_every_call(user_data);
  return CODEX_CONTINUE;
}

TEST(every_call_works_in_an_event_callback) {
  inside in = INSIDE_INITIALIZER;
  session *s = session_for(one_held, &in, unchanged);
  codex_turn_result *result = NULL;
  codex_status status = codex_thread_run_streamed(s->thread, "go", NULL, call_from_event, &in, &result, NULL);
  CHECK(status == CODEX_OK || status == CODEX_ERROR_CLOSED);
  codex_turn_result_free(result);
  check_every_call_worked(&in);
  codex_thread_free(in.thread);
}

static void call_from_request(void *user_data, codex_request *request) {
  make_every_call(user_data);
  codex_request_free(request);
}

static codex_client_options *with_request_handler(codex_client_options *options, inside *in) {
  CHECK_OK(codex_client_options_set_request_handler(options, call_from_request, in, NULL), NULL);
  return options;
}

TEST(in_a_request_handler_calls_work_and_waits_that_would_never_end_are_refused) {
  inside in = INSIDE_INITIALIZER;
  session *s = session_for(one_asks, &in, with_request_handler);
  run_or_fail(s->thread, "go");
  CHECK(flag_wait(&in.done, 1));
  for (int i = 0; i < CALLS; i++) {
    bool waits = i == RUN || i == NEXT_OF_CLIENT || i == NEXT_OF_TURN || i == WAIT_FOR_TURN || i == CLOSE;
    bool is_there_already = i != RUN && i != CLOSE && in.of[i] == CODEX_OK;
    if (!waits || is_there_already) continue;
    check_true(__FILE__, __LINE__, text("%s: %s", call_names[i], codex_status_name(in.of[i])),
               in.of[i] == CODEX_ERROR_WOULD_DEADLOCK);
    in.of[i] = CODEX_OK;
  }
  check_every_call_worked(&in);
  codex_thread_free(in.thread);
}

static void call_from_log(void *user_data, int32_t level, const char *target, const char *message) {
  (void)level, (void)target;
  if (strcmp(message, "now") == 0) make_every_call(user_data);
}

static codex_client_options *with_log(codex_client_options *options, inside *in) {
  CHECK_OK(codex_client_options_set_log(options, CODEX_LOG_INFO, call_from_log, in, NULL), NULL);
  return options;
}

TEST(every_call_works_in_a_log_callback) {
  inside in = INSIDE_INITIALIZER;
  session *s = session_for("{\"on\":{\"test/now\":[{\"stderr\":\"now\"}],\"test/finish\":[{\"reply\":{}}]}}", &in, with_log);
  codex_client_notify(s->client, "test/now", NULL, NULL);
  CHECK(flag_wait(&in.done, 1));
  check_every_call_worked(&in);
  codex_thread_free(in.thread);
}

static void call_from_trace(void *user_data, int32_t direction, const char *line, size_t length) {
  (void)length;
  if (direction == CODEX_TRACE_RECEIVED && strstr(line, "test/now") != NULL) make_every_call(user_data);
}

static codex_client_options *with_trace(codex_client_options *options, inside *in) {
  CHECK_OK(codex_client_options_set_trace(options, call_from_trace, in, NULL), NULL);
  return options;
}

TEST(every_call_works_in_a_trace_callback) {
  inside in = INSIDE_INITIALIZER;
  session *s = session_for("{\"on\":{\"test/now\":[{\"notify\":[\"test/now\",{}]}],\"test/finish\":[{\"reply\":{}}]}}", &in, with_trace);
  codex_client_notify(s->client, "test/now", NULL, NULL);
  CHECK(flag_wait(&in.done, 1));
  check_every_call_worked(&in);
  codex_thread_free(in.thread);
}

/* ---- steering, interrupting, leaving ----------------------------------------------------------------------------- */

static int32_t steer_own_turn(void *user_data, codex_event *event) {
  codex_turn *turn = NULL;
  codex_error *err = NULL;
  if (codex_event_get_kind(event) != CODEX_EVENT_MESSAGE_DELTA) return CODEX_CONTINUE;
  CHECK_OK(codex_turn_attach(user_data, NULL, &turn, &err), err);
  CHECK_OK(codex_turn_steer(turn, "more", NULL, &err), err);
  CHECK_OK(codex_turn_interrupt(turn, &err), err);
  codex_turn_free(turn);
  return CODEX_CONTINUE;
}

TEST(an_event_callback_may_steer_and_interrupt_its_own_turn) {
  session *s = session_with_fake(one_held);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_thread_run_streamed(s->thread, "go", NULL, steer_own_turn, s->thread, &result, &err),
               CODEX_ERROR_TURN_INTERRUPTED, err);
  CHECK_CONTAINS(read_file(s->record), "turn/steer");
  forget(&err);
  codex_turn_result_free(result);
}

static jmp_buf out_of_here;

static int32_t note_and_leave(void *user_data, codex_event *event) {
  (void)event;
  *(bool *)user_data = true;
  return CODEX_INTERRUPT;
}

/* A jump over the library's frames is forbidden; the way out is to return, and to jump behind the call. */
TEST(a_callback_leaves_by_its_answer_and_the_host_jumps_behind_the_call) {
  static bool wants_to_leave;
  session *s = session_with_fake(one_held);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  wants_to_leave = false;
  if (setjmp(out_of_here) != 0) {
    CHECK_STR(codex_turn_result_status(run_or_fail(s->thread, "after the jump")), "completed");
    return;
  }
  CHECK_STATUS(codex_thread_run_streamed(s->thread, "go", NULL, note_and_leave, &wants_to_leave, &result, &err),
               CODEX_ERROR_TURN_INTERRUPTED, err);
  codex_error_free(err);
  codex_turn_result_free(result);
  if (wants_to_leave) longjmp(out_of_here, 1);
  CHECK(wants_to_leave);
}

/* ---- freeing what the callback stands on ------------------------------------------------------------------------- */

typedef struct ground {
  codex_client *client;
  codex_thread *thread;
  codex_turn *turn;
  codex_request *request;
  int64_t runtime;
  flag freed;
} ground;

#define GROUND_INITIALIZER {.freed = FLAG_INITIALIZER}

static void stand_on(ground *g, const codex_client_options *options) {
  g->client = connect_or_fail(options);
  g->thread = start_thread_or_fail(g->client, NULL);
  g->runtime = int_at(parsed(codex_client_info_json(g->client)), "/pid");
}

static void free_ground(void *user_data) {
  ground *g = user_data;
  if (flag_count(&g->freed) > 0) return;
  codex_turn_free(g->turn);
  codex_thread_free(g->thread);
  codex_client_free(g->client);
  codex_request_free(g->request);
  flag_raise(&g->freed);
}

static void check_all_is_gone(ground *g) {
  CHECK(flag_wait(&g->freed, 1));
  CHECK(wait_until_gone(g->runtime));
}

static int32_t free_ground_of_event(void *user_data, codex_event *event) {
  if (codex_event_get_kind(event) == CODEX_EVENT_MESSAGE_DELTA) free_ground(user_data);
  return CODEX_CONTINUE;
}

TEST(an_event_callback_may_free_its_thread_and_client) {
  ground g = GROUND_INITIALIZER;
  codex_turn_result *result = NULL;
  stand_on(&g, options_for_fake(NULL, NULL));
  CHECK_INT(codex_thread_run_streamed(g.thread, "go", NULL, free_ground_of_event, &g, &result, NULL), CODEX_OK);
  CHECK_STR(codex_turn_result_status(result), "completed");
  codex_turn_result_free(result);
  check_all_is_gone(&g);
}

static void free_ground_of_request(void *user_data, codex_request *request) {
  ground *g = user_data;
  g->request = request;
  free_ground(g);
}

/* The turn is begun last, so that nothing is written while the handler reads. */
TEST(a_request_handler_may_free_every_handle_and_its_request) {
  static ground g;
  g = (ground)GROUND_INITIALIZER;
  codex_client_options *options = options_for_fake(
      "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"waitFor\":\"test/ask\"},{\"request\":[0,\"item/commandExecution/requestApproval\","
      "{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"itemId\":\"i\",\"command\":\"ls\"}]}]}}", NULL);
  CHECK_OK(codex_client_options_set_request_handler(options, free_ground_of_request, &g, NULL), NULL);
  stand_on(&g, options);
  g.turn = start_turn_or_fail(g.thread, "go");
  CHECK_OK(codex_client_notify(g.client, "test/ask", NULL, NULL), NULL);
  check_all_is_gone(&g);
}

static void free_ground_of_log(void *user_data, int32_t level, const char *target, const char *message) {
  (void)level, (void)target;
  if (strcmp(message, "now") == 0) free_ground(user_data);
}

TEST(a_log_callback_may_free_every_handle) {
  static ground g;
  g = (ground)GROUND_INITIALIZER;
  codex_client_options *options =
      options_for_fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}}],\"test/now\":[{\"stderr\":\"now\"}]}}", NULL);
  CHECK_OK(codex_client_options_set_log(options, CODEX_LOG_INFO, free_ground_of_log, &g, NULL), NULL);
  stand_on(&g, options);
  g.turn = start_turn_or_fail(g.thread, "go");
  CHECK_OK(codex_client_notify(g.client, "test/now", NULL, NULL), NULL);
  check_all_is_gone(&g);
}

static void free_ground_of_trace(void *user_data, int32_t direction, const char *line, size_t length) {
  (void)length;
  if (direction == CODEX_TRACE_RECEIVED && strstr(line, "x/now") != NULL) free_ground(user_data);
}

TEST(a_trace_callback_may_free_every_handle) {
  static ground g;
  g = (ground)GROUND_INITIALIZER;
  codex_client_options *options = options_for_fake(
      "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}}],\"test/now\":[{\"notify\":[\"x/now\",{}]}]}}", NULL);
  CHECK_OK(codex_client_options_set_trace(options, free_ground_of_trace, &g, NULL), NULL);
  stand_on(&g, options);
  g.turn = start_turn_or_fail(g.thread, "go");
  CHECK_OK(codex_client_notify(g.client, "test/now", NULL, NULL), NULL);
  check_all_is_gone(&g);
}

TEST(a_tool_may_free_every_handle_and_its_call) {
  static ground g;
  g = (ground)GROUND_INITIALIZER;
  stand_on(&g, options_for_fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"waitFor\":\"test/ask\"},{\"request\":[0,"
                                "\"item/tool/call\",{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"callId\":\"c\",\"tool\":\"t\","
                                "\"arguments\":{}}]}]}}", NULL));
  CHECK_OK(codex_client_add_tool(g.client, "t", "a tool", "{\"type\":\"object\"}", free_ground_of_request, &g, NULL, NULL), NULL);
  g.turn = start_turn_or_fail(g.thread, "go");
  CHECK_OK(codex_client_notify(g.client, "test/ask", NULL, NULL), NULL);
  check_all_is_gone(&g);
}

TEST(a_wake_up_may_free_every_handle) {
  static ground g;
  g = (ground)GROUND_INITIALIZER;
  stand_on(&g, options_for_fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}}],\"test/now\":[{\"notify\":[\"x/y\",{}]}]}}", NULL));
  g.turn = start_turn_or_fail(g.thread, "go");
  CHECK_OK(codex_client_set_wakeup(g.client, free_ground, &g, NULL), NULL);
  codex_client_notify(g.client, "test/now", NULL, NULL);
  check_all_is_gone(&g);
}

typedef struct slow_wakeup {
  codex_request *request;
  flag called, drained, done;
} slow_wakeup;

/* While it runs another thread empties the queue, and then it frees a request, whose end is an event again. */
static void wait_and_free_request(void *user_data) {
  slow_wakeup *w = user_data;
  if (flag_count(&w->called) == 0) {
    flag_raise(&w->called);
    CHECK(flag_wait(&w->drained, 1));
    codex_request_free(w->request);
  }
  flag_raise(&w->done);
}

TEST(a_wake_up_may_free_a_request_whose_end_is_an_event) {
  static slow_wakeup w;
  w = (slow_wakeup){NULL, FLAG_INITIALIZER, FLAG_INITIALIZER, FLAG_INITIALIZER};
  codex_error *err = NULL;
  codex_event *event = NULL;
  codex_client *client = connect_or_fail(options_for_fake(foreign_tool_call, NULL));
  codex_client_next_event(client, 0, &event, NULL);
  CHECK_OK(codex_client_call(client, "test/ask", NULL, PATIENCE, NULL, &err), err);
  event = await_client_event(client, CODEX_EVENT_REQUEST);
  w.request = codex_event_take_request(event);
  codex_event_free(event);
  CHECK_OK(codex_client_set_wakeup(client, wait_and_free_request, &w, NULL), NULL);
  CHECK_OK(codex_client_begin_call(client, "thread/list", NULL, PATIENCE, NULL, NULL, &err), err);
  CHECK(flag_wait(&w.called, 1));
  while (codex_client_next_event(client, 0, &event, NULL) == CODEX_OK) codex_event_free(event);
  flag_raise(&w.drained);
  CHECK(flag_wait(&w.done, 2));
  CHECK_OK(codex_client_next_event(client, PATIENCE, &event, &err), err);
  CHECK_INT(codex_event_get_kind(event), CODEX_EVENT_REQUEST_RESOLVED);
  codex_event_free(event);
  CHECK_OK(codex_client_close(client, PATIENCE, &err), err);
  codex_client_free(client);
}

static void free_request_and_count(void *user_data) {
  ground *g = user_data;
  codex_request_free(g->request);
  flag_raise(&g->freed);
}

TEST(a_cancel_callback_may_free_its_request) {
  ground g = GROUND_INITIALIZER;
  session *s = session_with_fake(one_asks);
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event *event = await_event(turn, CODEX_EVENT_REQUEST);
  g.request = codex_event_take_request(event);
  codex_event_free(event);
  CHECK_OK(codex_request_set_cancelled(g.request, free_request_and_count, &g, NULL), NULL);
  CHECK_OK(codex_client_close(s->client, PATIENCE, NULL), NULL);
  CHECK(flag_wait(&g.freed, 1));
  codex_turn_free(turn);
}

/* ---- destroy functions ------------------------------------------------------------------------------------------- */

static void do_nothing(void *unused) { (void)unused; }

static void ignore_log(void *unused, int32_t level, const char *target, const char *message) {
  (void)unused, (void)level, (void)target, (void)message;
}

static void ignore_trace(void *unused, int32_t direction, const char *line, size_t length) {
  (void)unused, (void)direction, (void)line, (void)length;
}

static void ignore_request(void *unused, codex_request *request) {
  (void)unused;
  codex_request_free(request);
}

/* Bindings hand a client's own callbacks a pointer whose end frees handles of another client. */
static void check_destroying_frees_another(codex_status (*set)(codex_client_options *, ground *)) {
  static ground other;
  other = (ground)GROUND_INITIALIZER;
  stand_on(&other, options_for_fake(one_held, NULL));
  other.turn = start_turn_or_fail(other.thread, "go");
  codex_client_options *options = codex_client_options_new();
  CHECK_OK(codex_client_options_set_codex_path(options, required_env("FAKE_RUNTIME")), NULL);
  CHECK_OK(set(options, &other), NULL);
  codex_client *client = connect_or_fail(options);
  codex_client_options_free(options);
  CHECK_INT(flag_count(&other.freed), 0);
  codex_client_free(client);
  check_all_is_gone(&other);
}

static codex_status set_log(codex_client_options *options, ground *other) {
  return codex_client_options_set_log(options, CODEX_LOG_TRACE, ignore_log, other, free_ground);
}

static codex_status set_trace(codex_client_options *options, ground *other) {
  return codex_client_options_set_trace(options, ignore_trace, other, free_ground);
}

static codex_status set_request_handler(codex_client_options *options, ground *other) {
  return codex_client_options_set_request_handler(options, ignore_request, other, free_ground);
}

TEST(a_destroy_function_of_the_options_may_free_every_handle_of_another_client) {
  check_destroying_frees_another(set_log);
  check_destroying_frees_another(set_trace);
  check_destroying_frees_another(set_request_handler);
}

TEST(a_destroy_function_of_a_wake_up_may_free_every_handle_of_its_client) {
  static ground g;
  g = (ground)GROUND_INITIALIZER;
  stand_on(&g, options_for_fake(one_held, NULL));
  g.turn = start_turn_or_fail(g.thread, "go");
  CHECK_OK(codex_client_set_wakeup(g.client, do_nothing, &g, free_ground), NULL);
  CHECK_OK(codex_client_set_wakeup(g.client, NULL, NULL, NULL), NULL);
  check_all_is_gone(&g);
}

TEST(a_destroy_function_of_a_cancel_callback_may_free_every_handle_of_its_client) {
  static ground g;
  g = (ground)GROUND_INITIALIZER;
  stand_on(&g, options_for_fake(one_asks, NULL));
  g.turn = start_turn_or_fail(g.thread, "go");
  codex_event *event = await_event(g.turn, CODEX_EVENT_REQUEST);
  codex_request *request = codex_event_take_request(event);
  CHECK_OK(codex_request_set_cancelled(request, do_nothing, &g, free_ground), NULL);
  codex_event_free(event);
  codex_request_free(request);
  check_all_is_gone(&g);
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(every_call_works_in_an_event_callback),
      CASE(in_a_request_handler_calls_work_and_waits_that_would_never_end_are_refused),
      CASE(every_call_works_in_a_log_callback),
      CASE(every_call_works_in_a_trace_callback),
      CASE(an_event_callback_may_steer_and_interrupt_its_own_turn),
      CASE(a_callback_leaves_by_its_answer_and_the_host_jumps_behind_the_call),
      CASE(an_event_callback_may_free_its_thread_and_client),
      CASE(a_request_handler_may_free_every_handle_and_its_request),
      CASE(a_log_callback_may_free_every_handle),
      CASE(a_trace_callback_may_free_every_handle),
      CASE(a_tool_may_free_every_handle_and_its_call),
      CASE(a_wake_up_may_free_every_handle),
      CASE(a_wake_up_may_free_a_request_whose_end_is_an_event),
      CASE(a_cancel_callback_may_free_its_request),
      CASE(a_destroy_function_of_the_options_may_free_every_handle_of_another_client),
      CASE(a_destroy_function_of_a_wake_up_may_free_every_handle_of_its_client),
      CASE(a_destroy_function_of_a_cancel_callback_may_free_every_handle_of_its_client),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
