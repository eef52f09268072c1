/* What the options of a client do, shown by the command line, the environment and the words that the runtime receives. */
#include "support.h"

/* A program in the place of the runtime: it notes how it was started, then becomes the fake runtime. */
static const char *write_noting_program(const char *directory) {
  const char *path = text("%s/codex", directory);
  write_program(path, text("#!/bin/sh\nprintf '%%s\\n' \"$@\" > '%s/arguments'\nenv > '%s/environment'\npwd > '%s/cwd'\n"
                           "FAKE_RUNTIME_RECORD='%s/record' exec '%s'\n",
                           directory, directory, directory, directory, required_env("FAKE_RUNTIME")));
  return path;
}

static void free_options(void *options) { codex_client_options_free(options); }

static codex_client_options *options_for_noting_program(const char *directory) {
  codex_client_options *options = codex_client_options_new();
  CHECK_OK(codex_client_options_set_codex_path(options, write_noting_program(directory)), NULL);
  defer(free_options, options);
  return options;
}

static const char *noted(const char *directory, const char *what) { return read_file(text("%s/%s", directory, what)); }

static const codex_value *received(const char *record, const char *method) {
  const char *found = strstr(read_file(record), text("\"method\":\"%s\"", method));
  if (!CHECK(found != NULL)) return NULL;
  const char *line = found;
  while (line[-1] != '\n') line--;
  return parsed(text("%.*s", (int)strcspn(line, "\n"), line));
}

static void connect_and_close(const codex_client_options *options) {
  codex_error *err = NULL;
  codex_client *client = connect_or_fail(options);
  CHECK_OK(codex_client_close(client, 10000, &err), err);
  codex_client_free(client);
}

TEST(overrides_of_the_configuration_come_in_order_before_the_command) {
  const char *directory = fresh_directory();
  codex_client_options *options = options_for_noting_program(directory);
  CHECK_OK(codex_client_options_add_config(options, "model=\"a b\""), NULL);
  CHECK_OK(codex_client_options_add_config(options, "features.plugins=false"), NULL);
  connect_and_close(options);
  const char *expected = "--config\nmodel=\"a b\"\n--config\nfeatures.plugins=false\napp-server\n";
  CHECK_STR(text("%.*s", (int)strlen(expected), noted(directory, "arguments")), expected);
}

TEST(a_command_replaces_the_whole_command_line) {
  const char *directory = fresh_directory();
  const char *const argv[] = {write_noting_program(directory), "one", "two words", ""};
  codex_client_options *options = options_for_noting_program(directory);
  CHECK_OK(codex_client_options_set_command(options, argv, COUNT(argv)), NULL);
  connect_and_close(options);
  CHECK_STR(noted(directory, "arguments"), "one\ntwo words\n\n");
}

TEST(a_command_is_looked_for_on_the_path) {
  static const char *const argv[] = {"sh", "-c", "exec \"$FAKE_RUNTIME\""};
  codex_client_options *options = options_for_fake(NULL, NULL);
  CHECK_OK(codex_client_options_set_command(options, argv, COUNT(argv)), NULL);
  connect_and_close(options);
}

TEST(variables_are_set_replaced_and_unset) {
  const char *directory = fresh_directory();
  codex_client_options *options = options_for_noting_program(directory);
  setenv("LIBCODEX_TEST_KEPT", "kept", 1);
  setenv("LIBCODEX_TEST_REPLACED", "old", 1);
  setenv("LIBCODEX_TEST_UNSET", "there", 1);
  CHECK_OK(codex_client_options_set_env(options, "LIBCODEX_TEST_REPLACED", "new value"), NULL);
  CHECK_OK(codex_client_options_set_env(options, "LIBCODEX_TEST_UNSET", NULL), NULL);
  CHECK_OK(codex_client_options_set_env(options, "LIBCODEX_TEST_EMPTY", ""), NULL);
  connect_and_close(options);
  const char *environment = noted(directory, "environment");
  CHECK_CONTAINS(environment, "LIBCODEX_TEST_KEPT=kept\n");
  CHECK_CONTAINS(environment, "LIBCODEX_TEST_REPLACED=new value\n");
  CHECK_CONTAINS(environment, "LIBCODEX_TEST_EMPTY=\n");
  CHECK(strstr(environment, "LIBCODEX_TEST_UNSET") == NULL);
}

TEST(the_environment_need_not_be_inherited) {
  const char *directory = fresh_directory();
  codex_client_options *options = options_for_noting_program(directory);
  setenv("LIBCODEX_TEST_KEPT", "kept", 1);
  CHECK_OK(codex_client_options_set_inherit_env(options, false), NULL);
  CHECK_OK(codex_client_options_set_env(options, "PATH", "/usr/bin:/bin"), NULL);
  connect_and_close(options);
  CHECK(strstr(noted(directory, "environment"), "LIBCODEX_TEST_KEPT") == NULL);
  CHECK_CONTAINS(noted(directory, "environment"), "PATH=/usr/bin:/bin\n");
}

TEST(the_home_and_the_directory_are_those_of_the_options) {
  const char *directory = fresh_directory();
  const char *work = make_directory(directory, "work");
  codex_client_options *options = options_for_noting_program(directory);
  CHECK_OK(codex_client_options_set_codex_home(options, directory), NULL);
  CHECK_OK(codex_client_options_set_cwd(options, work), NULL);
  connect_and_close(options);
  CHECK_CONTAINS(noted(directory, "environment"), text("CODEX_HOME=%s\n", directory));
  CHECK_STR(noted(directory, "cwd"), text("%s\n", work));
}

TEST(the_client_introduces_itself_as_the_options_say) {
  const char *record = text("%s/record", fresh_directory());
  codex_client_options *options = options_for_fake(NULL, record);
  CHECK_OK(codex_client_options_set_client_info(options, "editor", "The Editor", "7.1"), NULL);
  connect_and_close(options);
  const codex_value *line = received(record, "initialize");
  CHECK_STR(string_at(line, "/params/clientInfo/name"), "editor");
  CHECK_STR(string_at(line, "/params/clientInfo/title"), "The Editor");
  CHECK_STR(string_at(line, "/params/clientInfo/version"), "7.1");
  CHECK_CONTAINS(read_file(record), "\"method\":\"initialized\"");
}

TEST(the_experimental_api_can_be_switched) {
  for (int enabled = 0; enabled <= 1; enabled++) {
    const char *record = text("%s/record", fresh_directory());
    codex_client_options *options = options_for_fake(NULL, record);
    CHECK_OK(codex_client_options_set_experimental_api(options, enabled == 1), NULL);
    connect_and_close(options);
    const codex_value *told = codex_value_at(received(record, "initialize"), "/params/capabilities/experimentalApi");
    CHECK(codex_value_bool(told, false) == (enabled == 1));
  }
}

TEST(notifications_can_be_opted_out_of) {
  const char *record = text("%s/record", fresh_directory());
  codex_client_options *options = options_for_fake(NULL, record);
  CHECK_OK(codex_client_options_add_notification_opt_out(options, "item/agentMessage/delta"), NULL);
  CHECK_OK(codex_client_options_add_notification_opt_out(options, "thread/started"), NULL);
  session *s = session_with_options(options, NULL);
  const codex_value *list = codex_value_at(received(record, "initialize"), "/params/capabilities/optOutNotificationMethods");
  CHECK_STR(string_at(list, "/0"), "item/agentMessage/delta");
  CHECK_STR(string_at(list, "/1"), "thread/started");
  CHECK_STR(codex_turn_result_status(run_or_fail(s->thread, "go")), "completed");
}

TEST(options_may_be_freed_at_once_and_used_again) {
  codex_client_options *options = codex_client_options_new();
  CHECK_OK(codex_client_options_set_codex_path(options, required_env("FAKE_RUNTIME")), NULL);
  codex_client *first = connect_or_fail(options);
  codex_client *second = connect_or_fail(options);
  codex_client_options_free(options);
  codex_thread *thread = start_thread_or_fail(first, NULL);
  CHECK_STR(codex_turn_result_status(run_or_fail(thread, "go")), "completed");
  codex_thread_free(thread);
  codex_client_free(first);
  codex_client_free(second);
}

TEST(a_call_ends_when_the_request_timeout_has_passed) {
  codex_client_options *options = options_for_fake("{\"on\":{\"thread/name/set\":[]}}", NULL);
  CHECK_OK(codex_client_options_set_request_timeout_ms(options, 700), NULL);
  session *s = session_with_options(options, NULL);
  codex_error *err = NULL;
  CHECK_STATUS(codex_thread_set_name(s->thread, "name", &err), CODEX_ERROR_TIMED_OUT, err);
  CHECK_CONTAINS(codex_error_message(err), "did not answer thread/name/set within request_timeout_ms (700)");
  forget(&err);
  CHECK_STR(codex_turn_result_status(run_or_fail(s->thread, "go")), "completed");
}

TEST(connecting_ends_when_its_timeout_has_passed) {
  codex_client_options *options = options_for_fake("{\"on\":{\"initialize\":[]}}", NULL);
  codex_client *client = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_options_set_connect_timeout_ms(options, 700), NULL);
  CHECK_STATUS(codex_client_connect(options, &client, &err), CODEX_ERROR_TIMED_OUT, err);
  CHECK(client == NULL);
  forget(&err);
}

TEST(a_message_that_is_too_long_fails_the_call_that_it_answers_and_no_other) {
  codex_client_options *options = options_for_fake(
      text("{\"on\":{\"thread/name/set\":[{\"reply\":{\"fill\":\"%0*d\"}}]}}", 20000, 7), NULL);
  CHECK_OK(codex_client_options_set_max_message_bytes(options, 10000), NULL);
  session *s = session_with_options(options, NULL);
  codex_error *err = NULL;
  CHECK_STATUS(codex_thread_set_name(s->thread, "name", &err), CODEX_ERROR_PROTOCOL, err);
  CHECK_CONTAINS(codex_error_message(err), "max_message_bytes");
  forget(&err);
  CHECK_STR(codex_turn_result_status(run_or_fail(s->thread, "go")), "completed");
}

TEST(every_call_fails_whose_answer_is_too_long) {
  const char *reply = text("[{\"reply\":{\"fill\":\"%0*d\"}}]", 8000, 7);
  const char *script = text("{\"on\":{\"model/list\":%s,\"thread/list\":%s,\"account/read\":%s,\"account/logout\":%s,\"account/login/start\":%s,"
                            "\"thread/read\":%s,\"thread/archive\":%s,\"thread/unarchive\":%s,\"thread/resume\":%s}}",
                            reply, reply, reply, reply, reply, reply, reply, reply, reply);
  codex_client_options *options = options_for_fake(script, NULL);
  CHECK_OK(codex_client_options_set_max_message_bytes(options, 4000), NULL);
  session *s = session_with_options(options, NULL);
  char *json = NULL;
  codex_login *login = NULL;
  codex_thread *thread = NULL;
  CHECK_STATUS(codex_client_call(s->client, "model/list", NULL, 20000, &json, NULL), CODEX_ERROR_PROTOCOL, NULL);
  CHECK_STATUS(codex_client_models(s->client, NULL, &json, NULL), CODEX_ERROR_PROTOCOL, NULL);
  CHECK_STATUS(codex_client_account(s->client, false, &json, NULL), CODEX_ERROR_PROTOCOL, NULL);
  CHECK_STATUS(codex_client_logout(s->client, NULL), CODEX_ERROR_PROTOCOL, NULL);
  CHECK_STATUS(codex_client_login_api_key(s->client, "sk-none", NULL), CODEX_ERROR_PROTOCOL, NULL);
  CHECK_STATUS(codex_client_login_chatgpt(s->client, &login, NULL), CODEX_ERROR_PROTOCOL, NULL);
  CHECK_STATUS(codex_thread_list(s->client, NULL, &json, NULL), CODEX_ERROR_PROTOCOL, NULL);
  CHECK_STATUS(codex_thread_read(s->thread, false, &json, NULL), CODEX_ERROR_PROTOCOL, NULL);
  CHECK_STATUS(codex_thread_archive(s->thread, NULL), CODEX_ERROR_PROTOCOL, NULL);
  CHECK_STATUS(codex_thread_unarchive(s->client, "id", NULL), CODEX_ERROR_PROTOCOL, NULL);
  CHECK_STATUS(codex_thread_resume(s->client, "id", NULL, &thread, NULL), CODEX_ERROR_PROTOCOL, NULL);
  CHECK(json == NULL && login == NULL && thread == NULL);
}

/* ---- log and trace ----------------------------------------------------------------------------------------------- */

/* Static in every test: its destroy function may run after the test. */
typedef struct watcher {
  pthread_mutex_t mutex;
  char seen[16384];
  flag destroyed;
} watcher;
#define WATCHER_INITIALIZER {PTHREAD_MUTEX_INITIALIZER, "", FLAG_INITIALIZER}

static void note(watcher *w, const char *line) {
  pthread_mutex_lock(&w->mutex);
  size_t length = strlen(w->seen);
  snprintf(w->seen + length, sizeof w->seen - length, "%s\n", line);
  pthread_mutex_unlock(&w->mutex);
}

static bool wait_until_noted(watcher *w, const char *part) {
  bool seen = false;
  for (int64_t deadline = now_ms() + 20000; !seen && now_ms() < deadline; sleep_ms(10)) {
    pthread_mutex_lock(&w->mutex);
    seen = strstr(w->seen, part) != NULL;
    pthread_mutex_unlock(&w->mutex);
  }
  return seen;
}

static void note_log(void *user_data, int32_t level, const char *target, const char *message) {
  CHECK(level >= CODEX_LOG_ERROR && level <= CODEX_LOG_TRACE && target != NULL);
  note(user_data, message);
}

static void note_trace(void *user_data, int32_t direction, const char *line, size_t len) {
  CHECK_INT(strlen(line), len);
  note(user_data, text("%s %s", direction == CODEX_TRACE_SENT ? "sent" : "received", line));
}

static void watcher_destroyed(void *w) { flag_raise(&((watcher *)w)->destroyed); }

static void log_and_connect(watcher *w, const char *script) {
  codex_client_options *options = codex_client_options_new();
  CHECK_OK(codex_client_options_set_codex_path(options, required_env("FAKE_RUNTIME")), NULL);
  CHECK_OK(codex_client_options_set_env(options, "FAKE_RUNTIME_SCRIPT", script), NULL);
  CHECK_OK(codex_client_options_set_log(options, CODEX_LOG_TRACE, note_log, w, watcher_destroyed), NULL);
  connect_and_close(options);
  codex_client_options_free(options);
}

TEST(what_the_runtime_writes_to_stderr_goes_to_the_log) {
  static watcher w = WATCHER_INITIALIZER;
  log_and_connect(&w, "{\"start\":[{\"stderr\":\"a word of the runtime\"}]}");
  CHECK(wait_until_noted(&w, "a word of the runtime"));
  CHECK(flag_wait(&w.destroyed, 1));
}

TEST(bytes_on_stderr_that_are_no_text_do_no_harm) {
  static watcher w = WATCHER_INITIALIZER;
  log_and_connect(&w, "{\"start\":[{\"stderrBytes\":[255,254,0,10]},{\"stderr\":\"and then text\"}]}");
  CHECK(wait_until_noted(&w, "and then text"));
}

TEST(a_trace_shows_what_is_sent_and_received) {
  static watcher w = WATCHER_INITIALIZER;
  codex_client_options *options = codex_client_options_new();
  CHECK_OK(codex_client_options_set_codex_path(options, required_env("FAKE_RUNTIME")), NULL);
  CHECK_OK(codex_client_options_set_trace(options, note_trace, &w, watcher_destroyed), NULL);
  connect_and_close(options);
  CHECK(wait_until_noted(&w, "\"method\":\"initialize\""));
  CHECK(wait_until_noted(&w, "received {"));
  CHECK(wait_until_noted(&w, "sent {"));
  CHECK(wait_until_noted(&w, "userAgent"));
  codex_client_options_free(options);
  CHECK(flag_wait(&w.destroyed, 1));
}

TEST(a_registration_that_is_replaced_is_destroyed) {
  static watcher first = WATCHER_INITIALIZER, second = WATCHER_INITIALIZER;
  codex_client_options *options = codex_client_options_new();
  CHECK_OK(codex_client_options_set_log(options, CODEX_LOG_INFO, note_log, &first, watcher_destroyed), NULL);
  CHECK_OK(codex_client_options_set_log(options, CODEX_LOG_INFO, note_log, &second, watcher_destroyed), NULL);
  CHECK(flag_wait(&first.destroyed, 1));
  CHECK_INT(flag_count(&second.destroyed), 0);
  codex_client_options_free(options);
  CHECK(flag_wait(&second.destroyed, 1));
}

TEST(a_registration_without_a_destroy_function_is_fine) {
  static watcher w = WATCHER_INITIALIZER;
  codex_client_options *options = codex_client_options_new();
  CHECK_OK(codex_client_options_set_log(options, CODEX_LOG_INFO, note_log, &w, NULL), NULL);
  CHECK_OK(codex_client_options_set_trace(options, note_trace, &w, NULL), NULL);
  codex_client_options_free(options);
}

/* ---- params that the library translates -------------------------------------------------------------------------- */

static const codex_value *params_of_started_thread(const char *params_json) {
  session *s = session_with_fake(NULL);
  codex_thread_free(start_thread_or_fail(s->client, params_json));
  const char *record = read_file(s->record);
  const char *last = NULL;
  for (const char *at = record; (at = strstr(at, "\"thread/start\"")) != NULL; at++) last = at;
  while (last != NULL && last[-1] != '\n') last--;
  return codex_value_at(parsed(last == NULL ? "null" : text("%.*s", (int)strcspn(last, "\n"), last)), "/params");
}

TEST(the_modes_of_approval_become_policies_of_the_runtime) {
  const codex_value *ask = params_of_started_thread("{\"approvalMode\":\"ask\"}");
  CHECK_STR(string_at(ask, "/approvalPolicy"), "on-request");
  CHECK_STR(string_at(ask, "/approvalsReviewer"), "user");
  const codex_value *review = params_of_started_thread("{\"approvalMode\":\"autoReview\"}");
  CHECK_STR(string_at(review, "/approvalPolicy"), "on-request");
  CHECK_STR(string_at(review, "/approvalsReviewer"), "auto_review");
  const codex_value *deny = params_of_started_thread("{\"approvalMode\":\"denyAll\"}");
  CHECK_STR(string_at(deny, "/approvalPolicy"), "never");
  CHECK(!has(deny, "/approvalsReviewer"));
  CHECK(!has(deny, "/approvalMode"));
}

TEST(unknown_params_reach_the_runtime_as_they_are) {
  const codex_value *params = params_of_started_thread("{\"futureField\": {\"n\": 1.50}, \"model\": \"m\"}");
  char *json = codex_value_json(codex_value_at(params, "/futureField"));
  CHECK_STR(json, "{\"n\":1.50}");
  codex_string_free(json);
  CHECK_STR(string_at(params, "/model"), "m");
}

TEST(raw_params_reach_the_runtime_untouched) {
  const codex_value *params = params_of_started_thread("{\"raw\":{\"approvalMode\":\"theirs\",\"limits\":7}}");
  CHECK_STR(string_at(params, "/approvalMode"), "theirs");
  CHECK_INT(int_at(params, "/limits"), 7);
  CHECK(!has(params, "/raw"));
}

TEST(the_sandbox_of_a_turn_becomes_a_policy) {
  static const char *const modes[][2] = {
      {"read-only", "readOnly"}, {"workspace-write", "workspaceWrite"}, {"danger-full-access", "dangerFullAccess"}};
  for (size_t i = 0; i < COUNT(modes); i++) {
    session *s = session_with_fake(
        "{\"on\":{\"config/read\":[{\"reply\":{\"config\":{\"sandbox_workspace_write\":{\"network_access\":true}}}}]}}");
    codex_turn_result *result = NULL;
    codex_error *err = NULL;
    CHECK_OK(codex_thread_run(s->thread, "go", text("{\"sandbox\":\"%s\"}", modes[i][0]), &result, &err), err);
    const codex_value *line = received(s->record, "turn/start");
    CHECK_STR(string_at(line, "/params/sandboxPolicy/type"), modes[i][1]);
    const codex_value *network = codex_value_at(line, "/params/sandboxPolicy/networkAccess");
    CHECK(codex_value_bool(network, false) == (strcmp(modes[i][0], "workspace-write") == 0));
    CHECK(!has(line, "/params/sandbox"));
    codex_turn_result_free(result);
  }
}

TEST(limits_stay_in_the_library) {
  session *s = session_with_fake(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_thread_run(s->thread, "go", "{\"limits\":{\"timeoutMs\":60000},\"effort\":\"low\"}", &result, &err), err);
  const codex_value *line = received(s->record, "turn/start");
  CHECK(!has(line, "/params/limits"));
  CHECK_STR(string_at(line, "/params/effort"), "low");
  CHECK_STR(string_at(line, "/params/threadId"), codex_thread_id(s->thread));
  CHECK_STR(string_at(line, "/params/input/0/text"), "go");
  codex_turn_result_free(result);
}

TEST(limits_of_the_client_count_for_turns_that_have_none) {
  codex_client_options *options = options_for_fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}}]}}", NULL);
  CHECK_OK(codex_client_options_set_limits(options, "{\"timeoutMs\":3000}"), NULL);
  session *s = session_with_options(options, NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_thread_run(s->thread, "go", NULL, &result, &err), CODEX_ERROR_TURN_TIMED_OUT, err);
  CHECK_STR(string_at(codex_turn_result_value(result), "/endedBy"), "timeout");
  codex_turn_result_free(result);
  forget(&err);
}

/* A turn with a command that the fake runtime ends when it is told to. */
static const char script_of_a_command[] =
    "{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},"
    "{\"notify\":[\"item/started\",{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"item\":"
    "{\"type\":\"commandExecution\",\"id\":\"c\",\"processId\":\"77\",\"status\":\"inProgress\"}}]},"
    "{\"waitFor\":\"thread/backgroundTerminals/terminate\"},"
    "{\"notify\":[\"item/completed\",{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"item\":"
    "{\"type\":\"commandExecution\",\"id\":\"c\",\"processId\":\"77\",\"status\":\"failed\"}}]}],"
    "\"thread/backgroundTerminals/terminate\":[{\"reply\":{\"terminated\":true}}]}}";

TEST(an_interrupt_ends_commands_if_the_options_say_so) {
  for (int enabled = 0; enabled <= 1; enabled++) {
    const char *record = text("%s/record", fresh_directory());
    codex_client_options *options = options_for_fake(script_of_a_command, record);
    CHECK_OK(codex_client_options_set_interrupt_ends_commands(options, enabled == 1), NULL);
    session *s = session_with_options(options, NULL);
    codex_turn_result *result = NULL;
    codex_error *err = NULL;
    codex_turn *turn = start_turn_or_fail(s->thread, "go");
    codex_event_free(await_event(turn, CODEX_EVENT_ITEM_STARTED));
    codex_event_free(await_event(turn, CODEX_EVENT_ITEM_STARTED));
    CHECK_OK(codex_turn_interrupt(turn, &err), err);
    CHECK_STATUS(codex_turn_wait(turn, 20000, &result, &err), CODEX_ERROR_TURN_INTERRUPTED, err);
    CHECK_INT((int)strlen(string_at(codex_turn_result_value(result), "/items/1/status")) > 0, enabled);
    CHECK_INT(strstr(read_file(record), "terminate") != NULL, enabled);
    codex_turn_result_free(result);
    codex_turn_free(turn);
    forget(&err);
  }
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(overrides_of_the_configuration_come_in_order_before_the_command),
      CASE(a_command_replaces_the_whole_command_line),
      CASE(a_command_is_looked_for_on_the_path),
      CASE(variables_are_set_replaced_and_unset),
      CASE(the_environment_need_not_be_inherited),
      CASE(the_home_and_the_directory_are_those_of_the_options),
      CASE(the_client_introduces_itself_as_the_options_say),
      CASE(the_experimental_api_can_be_switched),
      CASE(notifications_can_be_opted_out_of),
      CASE(options_may_be_freed_at_once_and_used_again),
      CASE(a_call_ends_when_the_request_timeout_has_passed),
      CASE(connecting_ends_when_its_timeout_has_passed),
      CASE(a_message_that_is_too_long_fails_the_call_that_it_answers_and_no_other),
      CASE(every_call_fails_whose_answer_is_too_long),
      CASE(what_the_runtime_writes_to_stderr_goes_to_the_log),
      CASE(bytes_on_stderr_that_are_no_text_do_no_harm),
      CASE(a_trace_shows_what_is_sent_and_received),
      CASE(a_registration_that_is_replaced_is_destroyed),
      CASE(a_registration_without_a_destroy_function_is_fine),
      CASE(the_modes_of_approval_become_policies_of_the_runtime),
      CASE(unknown_params_reach_the_runtime_as_they_are),
      CASE(raw_params_reach_the_runtime_untouched),
      CASE(the_sandbox_of_a_turn_becomes_a_policy),
      CASE(limits_stay_in_the_library),
      CASE(limits_of_the_client_count_for_turns_that_have_none),
      CASE(an_interrupt_ends_commands_if_the_options_say_so),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
