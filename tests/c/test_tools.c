/* Functions of the program that the agent calls. */
#include "support.h"

#define SCHEMA "{\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}"
#define CALL(id, city)                                                                                                  \
  "{\"request\":[" id ",\"item/tool/call\",{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"callId\":\"c" id "\","  \
  "\"namespace\":null,\"tool\":\"weather\",\"arguments\":{\"city\":\"" city "\"}}]}"

/* A turn that calls the tool once. */
static const char script_one_call[] = "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}}," CALL("7001", "Rome")
    ",{\"waitAnswer\":7001},{\"finishTurn\":{}}]}}";
/* A turn that calls it twice at once. */
static const char script_two_calls[] = "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}}," CALL("7001", "Rome") ","
    CALL("7002", "Oslo") ",{\"waitAnswer\":7001},{\"waitAnswer\":7002},{\"finishTurn\":{}}]}}";

/* The line of the record that begins like this. */
static const codex_value *recorded(const session *s, const char *start) {
  if (!CHECK(wait_for_text(s->record, start))) return NULL;
  const char *line = strstr(read_file(s->record), start);
  return parsed(text("%.*s", (int)strcspn(line, "\n"), line));
}

static const codex_value *answer_to(const session *s, const char *id) { return recorded(s, text("{\"id\":%s,", id)); }

/* ---- tools, each static in its test: its destroy function may run after the test ---------------------------------- */

typedef struct tool {
  flag called;
  flag destroyed;
  flag may_go_on;
  codex_request *kept[2];
  codex_client *client;
  codex_thread *thread;
  codex_status of_run;
  codex_status of_close;
} tool;
#define TOOL_INITIALIZER {.called = FLAG_INITIALIZER, .destroyed = FLAG_INITIALIZER, .may_go_on = FLAG_INITIALIZER}

static void tool_destroyed(void *user_data) { flag_raise(&((tool *)user_data)->destroyed); }

static const char *city_of(const codex_request *request) { return string_at(codex_request_value(request), "/arguments/city"); }

static void answer(codex_request *request, const char *reply) {
  codex_error *err = NULL;
  CHECK_OK(codex_request_respond_text(request, true, reply, &err), err);
  codex_request_free(request);
}

static void tell_weather(void *user_data, codex_request *request) {
  tool *t = user_data;
  CHECK_INT(codex_request_get_kind(request), CODEX_REQUEST_TOOL_CALL);
  answer(request, text("fine in %s", city_of(request)));
  flag_raise(&t->called);
}

static void keep_call(void *user_data, codex_request *request) {
  tool *t = user_data;
  t->kept[flag_count(&t->called)] = request;
  flag_raise(&t->called);
}

static void let_call_go(void *user_data, codex_request *request) {
  codex_request_free(request);
  flag_raise(&((tool *)user_data)->called);
}

/* Answers only when another call of it runs at the same time. */
static void wait_for_the_other(void *user_data, codex_request *request) {
  tool *t = user_data;
  flag_raise(&t->called);
  CHECK(flag_wait(&t->called, 2));
  answer(request, "both run");
}

static void show_map(void *user_data, codex_request *request) {
  static const uint8_t png[] = {1, 2, 3};
  codex_params *items = codex_params_new();
  codex_error *err = NULL;
  CHECK_OK(codex_params_add_text(items, "a map"), NULL);
  CHECK_OK(codex_params_add_image_bytes(items, png, sizeof png, "image/png"), NULL);
  CHECK_OK(codex_request_respond_items(request, true, codex_params_json(items), &err), err);
  codex_params_free(items);
  codex_request_free(request);
  flag_raise(&((tool *)user_data)->called);
}

static void wait_in_tool(void *user_data, codex_request *request) {
  tool *t = user_data;
  codex_turn_result *result = NULL;
  CHECK(flag_wait(&t->may_go_on, 1));
  t->of_run = codex_thread_run(t->thread, "inside", NULL, &result, NULL);
  t->of_close = codex_client_close(t->client, 1000, NULL);
  codex_turn_result_free(result);
  answer(request, "done");
  flag_raise(&t->called);
}

static void add_weather(codex_client *client, codex_request_fn fn, tool *t) {
  codex_error *err = NULL;
  CHECK_OK(codex_client_add_tool(client, "weather", "Tells the weather.", SCHEMA, fn, t, tool_destroyed, &err), err);
}

static session *session_with_tool(const char *script, uint32_t threads, codex_request_fn fn, tool *t) {
  const char *record = text("%s/record", fresh_directory());
  codex_client_options *options = options_for_fake(script, record);
  CHECK_OK(codex_client_options_set_callback_threads(options, threads), NULL);
  session *s = session_with_options(options, NULL);
  s->record = record;
  t->client = s->client;
  t->thread = s->thread;
  add_weather(s->client, fn, t);
  return s;
}

/* ---- declaring --------------------------------------------------------------------------------------------------- */

TEST(a_tool_is_declared_on_threads_that_are_started_after_it) {
  static tool t = TOOL_INITIALIZER;
  session *s = session_with_tool(NULL, 1, tell_weather, &t);
  CHECK(strstr(read_file(s->record), "dynamicTools") == NULL);
  codex_thread *thread = start_thread_or_fail(s->client, "{\"model\":\"m\"}");
  CHECK_CONTAINS(read_file(s->record), "\"dynamicTools\":[{\"type\":\"function\",\"name\":\"weather\","
                                       "\"description\":\"Tells the weather.\",\"inputSchema\":" SCHEMA "}]");
  codex_thread_free(thread);
}

TEST(a_thread_may_leave_a_tool_out) {
  static tool t = TOOL_INITIALIZER;
  session *s = session_with_tool(NULL, 1, tell_weather, &t);
  codex_error *err = NULL;
  codex_thread *thread = start_thread_or_fail(s->client, "{\"tools\":[]}");
  CHECK(strstr(read_file(s->record), "dynamicTools") == NULL);
  codex_thread_free(thread);
  codex_status status = codex_thread_start(s->client, "{\"tools\":[\"whether\"]}", &thread, &err);
  CHECK_STATUS(status, CODEX_ERROR_INVALID_ARGUMENT, err);
  CHECK_CONTAINS(codex_error_message(err), "\"whether\"");
  forget(&err);
}

TEST(a_tool_without_arguments_needs_no_schema) {
  session *s = session_with_fake(NULL);
  codex_error *err = NULL;
  CHECK_OK(codex_client_add_tool(s->client, "now", "Tells the time.", NULL, NULL, NULL, NULL, &err), err);
  codex_thread_free(start_thread_or_fail(s->client, NULL));
  CHECK_CONTAINS(read_file(s->record), "\"inputSchema\":{\"type\":\"object\",\"properties\":{}}");
}

static void check_refused(codex_client *client, const char *name, const char *schema, codex_status expected,
                          const char *part) {
  static tool t = TOOL_INITIALIZER;
  int before = flag_count(&t.destroyed);
  codex_error *err = NULL;
  codex_status status = codex_client_add_tool(client, name, "d", schema, tell_weather, &t, tool_destroyed, &err);
  CHECK_STATUS(status, expected, err);
  CHECK_CONTAINS(codex_error_message(err), part);
  CHECK_INT(flag_count(&t.destroyed), before + 1);
  forget(&err);
}

TEST(a_tool_that_cannot_be_used_is_refused_and_its_user_data_destroyed) {
  static tool t = TOOL_INITIALIZER;
  session *s = session_with_tool(NULL, 1, tell_weather, &t);
  check_refused(s->client, "weather", NULL, CODEX_ERROR_INVALID_ARGUMENT, "has a tool \"weather\" already");
  check_refused(s->client, "exec_command", NULL, CODEX_ERROR_INVALID_ARGUMENT, "\"exec_command\"");
  check_refused(s->client, "two words", NULL, CODEX_ERROR_INVALID_ARGUMENT, "\"two words\"");
  check_refused(s->client, "a", "{", CODEX_ERROR_INVALID_JSON, "input_schema_json");
  check_refused(s->client, "a", "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"text\"}}}",
                CODEX_ERROR_INVALID_ARGUMENT, "/properties/n/type");
  check_refused(s->client, "a", "{\"type\":\"string\"}", CODEX_ERROR_INVALID_ARGUMENT, "must describe an object");
  CHECK_INT(flag_count(&t.destroyed), 0);
  codex_client_close(s->client, 10000, NULL);
  check_refused(s->client, "a", NULL, CODEX_ERROR_CLOSED, "closed");
}

/* ---- calling ----------------------------------------------------------------------------------------------------- */

TEST(a_call_is_answered_although_nobody_reads_events) {
  static tool t = TOOL_INITIALIZER;
  session *s = session_with_tool(script_one_call, 1, tell_weather, &t);
  CHECK_STR(codex_turn_result_status(run_or_fail(s->thread, "go")), "completed");
  const codex_value *line = answer_to(s, "7001");
  CHECK_STR(string_at(line, "/result/contentItems/0/text"), "fine in Rome");
  CHECK(codex_value_bool(codex_value_at(line, "/result/success"), false));
  CHECK(flag_wait(&t.called, 1));
  CHECK_INT(flag_count(&t.called), 1);
}

TEST(a_tool_answers_with_texts_and_images_from_memory) {
  static tool t = TOOL_INITIALIZER;
  session *s = session_with_tool(script_one_call, 1, show_map, &t);
  run_or_fail(s->thread, "go");
  const codex_value *items = codex_value_at(answer_to(s, "7001"), "/result/contentItems");
  CHECK_STR(string_at(items, "/0/text"), "a map");
  CHECK_STR(string_at(items, "/1/type"), "inputImage");
  CHECK_STR(string_at(items, "/1/imageUrl"), "data:image/png;base64,AQID");
}

TEST(a_tool_may_answer_later_from_any_thread) {
  static tool t = TOOL_INITIALIZER;
  session *s = session_with_tool(script_one_call, 1, keep_call, &t);
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  CHECK(flag_wait(&t.called, 1));
  answer(t.kept[0], "at last");
  CHECK_STR(string_at(answer_to(s, "7001"), "/result/contentItems/0/text"), "at last");
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

TEST(a_call_that_is_freed_tells_the_agent_so) {
  static tool t = TOOL_INITIALIZER;
  session *s = session_with_tool(script_one_call, 1, let_call_go, &t);
  run_or_fail(s->thread, "go");
  const codex_value *line = answer_to(s, "7001");
  CHECK(!codex_value_bool(codex_value_at(line, "/result/success"), true));
  CHECK_CONTAINS(string_at(line, "/result/contentItems/0/text"), "gave no answer");
}

TEST(calls_run_at_once_on_as_many_threads_as_the_options_say) {
  static tool t = TOOL_INITIALIZER;
  session *s = session_with_tool(script_two_calls, 2, wait_for_the_other, &t);
  run_or_fail(s->thread, "go");
  CHECK_STR(string_at(answer_to(s, "7001"), "/result/contentItems/0/text"), "both run");
  CHECK_STR(string_at(answer_to(s, "7002"), "/result/contentItems/0/text"), "both run");
}

TEST(one_thread_is_enough_for_calls_that_are_kept) {
  static tool t = TOOL_INITIALIZER;
  session *s = session_with_tool(script_two_calls, 1, keep_call, &t);
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  CHECK(flag_wait(&t.called, 2));
  answer(t.kept[1], "second");
  answer(t.kept[0], "first");
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

TEST(a_tool_cannot_wait_for_a_turn) {
  static tool t = TOOL_INITIALIZER;
  session *s = session_with_tool(script_one_call, 1, wait_in_tool, &t);
  flag_raise(&t.may_go_on);
  run_or_fail(s->thread, "go");
  CHECK(flag_wait(&t.called, 1));
  CHECK_INT(t.of_run, CODEX_ERROR_WOULD_DEADLOCK);
  CHECK_INT(t.of_close, CODEX_ERROR_WOULD_DEADLOCK);
}

TEST(a_tool_without_a_function_arrives_as_an_event) {
  static tool t = TOOL_INITIALIZER;
  session *s = session_with_tool(script_one_call, 1, NULL, &t);
  CHECK_INT(flag_count(&t.destroyed), 1);
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event *event = await_event(turn, CODEX_EVENT_REQUEST);
  answer(codex_event_take_request(event), "by hand");
  codex_event_free(event);
  CHECK_STR(string_at(answer_to(s, "7001"), "/result/contentItems/0/text"), "by hand");
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

TEST(the_user_data_of_a_tool_is_destroyed_once_when_its_client_is_gone) {
  static tool t = TOOL_INITIALIZER;
  codex_client_options *options = options_for_fake(NULL, NULL);
  codex_client *client = connect_or_fail(options);
  add_weather(client, tell_weather, &t);
  CHECK_INT(flag_count(&t.destroyed), 0);
  codex_client_free(client);
  CHECK(flag_wait(&t.destroyed, 1));
  sleep_ms(100);
  CHECK_INT(flag_count(&t.destroyed), 1);
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(a_tool_is_declared_on_threads_that_are_started_after_it),
      CASE(a_thread_may_leave_a_tool_out),
      CASE(a_tool_without_arguments_needs_no_schema),
      CASE(a_tool_that_cannot_be_used_is_refused_and_its_user_data_destroyed),
      CASE(a_call_is_answered_although_nobody_reads_events),
      CASE(a_tool_answers_with_texts_and_images_from_memory),
      CASE(a_tool_may_answer_later_from_any_thread),
      CASE(a_call_that_is_freed_tells_the_agent_so),
      CASE(calls_run_at_once_on_as_many_threads_as_the_options_say),
      CASE(one_thread_is_enough_for_calls_that_are_kept),
      CASE(a_tool_cannot_wait_for_a_turn),
      CASE(a_tool_without_a_function_arrives_as_an_event),
      CASE(the_user_data_of_a_tool_is_destroyed_once_when_its_client_is_gone),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
