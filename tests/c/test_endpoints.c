/* Where the runtime is: started here, behind a socket, or in a recording. */
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static void free_options(void *options) { codex_client_options_free(options); }

static codex_client_options *options_for_endpoint(const char *url) {
  codex_client_options *options = codex_client_options_new();
  defer(free_options, options);
  CHECK_OK(codex_client_options_set_endpoint(options, url), NULL);
  return options;
}

/* Why no client can be connected, which has to be this status. */
static const char *refusal(const codex_client_options *options, codex_status status) {
  codex_client *client = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_client_connect(options, &client, &err), status, err);
  CHECK(client == NULL);
  const char *message = text("%s", codex_error_message(err));
  forget(&err);
  return message;
}

static void check_is_started(const codex_client_options *options) {
  codex_client *client = connect_or_fail(options);
  const codex_value *info = parsed(codex_client_info_json(client));
  CHECK_STR(string_at(info, "/endpoint"), "stdio:");
  CHECK(int_at(info, "/pid") > 0);
  codex_client_free(client);
}

TEST(the_default_endpoint_is_a_runtime_that_is_started) {
  codex_client_options *options = options_for_fake(NULL, NULL);
  check_is_started(options);
  CHECK_OK(codex_client_options_set_endpoint(options, "stdio:"), NULL);
  check_is_started(options);
}

TEST(an_endpoint_that_is_none_is_refused_at_once_and_by_connecting) {
  codex_client_options *options = codex_client_options_new();
  defer(free_options, options);
  CHECK_INVALID(codex_client_options_set_endpoint(options, "http://127.0.0.1"));
  CHECK_CONTAINS(refusal(options, CODEX_ERROR_INVALID_ARGUMENT), "ws://host:port");
}

TEST(a_password_in_an_endpoint_is_refused_and_not_told) {
  codex_client_options *options = codex_client_options_new();
  defer(free_options, options);
  CHECK_INVALID(codex_client_options_set_endpoint(options, "ws://me:hush@host:1"));
  const char *message = refusal(options, CODEX_ERROR_INVALID_ARGUMENT);
  CHECK_CONTAINS(message, "set_bearer_token");
  CHECK(strstr(message, "hush") == NULL);
}

TEST(a_token_that_does_not_fit_into_a_header_is_refused_and_not_told) {
  codex_client_options *options = options_for_endpoint("ws://127.0.0.1:1");
  CHECK_INVALID(codex_client_options_set_bearer_token(options, "hush\r\nX: y"));
  CHECK(strstr(refusal(options, CODEX_ERROR_INVALID_ARGUMENT), "hush") == NULL);
}

TEST(a_token_for_a_runtime_that_is_started_is_refused) {
  codex_client_options *options = options_for_fake(NULL, NULL);
  CHECK_OK(codex_client_options_set_bearer_token(options, "hush"), NULL);
  CHECK_CONTAINS(refusal(options, CODEX_ERROR_INVALID_ARGUMENT), "set_bearer_token has no effect on stdio:");
}

TEST(options_that_say_how_to_start_a_runtime_are_refused_for_one_behind_a_socket) {
  codex_client_options *options = options_for_endpoint("unix:/nowhere/codex.sock");
  CHECK_OK(codex_client_options_add_config(options, "sandbox_mode=\"read-only\""), NULL);
  CHECK_CONTAINS(refusal(options, CODEX_ERROR_INVALID_ARGUMENT), "add_config has no effect on unix:/nowhere/codex.sock");
}

/* ---- behind a socket --------------------------------------------------------------------------------------------- */

enum { PATIENCE = 20000 };

static const char *const crashes = "{\"on\":{\"test/crash\":[{\"exit\":3}]}}";

static void close_and_free(codex_client *client) {
  codex_error *err = NULL;
  CHECK_OK(codex_client_close(client, PATIENCE, &err), err);
  codex_client_free(client);
}

TEST(a_runtime_behind_a_socket_runs_and_streams_turns) {
  const char *url = listening_fake(NULL, NULL, NULL);
  session *s = session_with_options(options_for_endpoint(url), NULL);
  CHECK_STR(string_at(parsed(codex_client_info_json(s->client)), "/endpoint"), url);
  CHECK_STR(codex_turn_result_status(run_or_fail(s->thread, "go")), "completed");
  codex_turn *turn = start_turn_or_fail(s->thread, "go");
  codex_event_free(await_event(turn, CODEX_EVENT_MESSAGE_DELTA));
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

TEST(a_runtime_behind_a_socket_is_there_for_the_next_client) {
  const char *record = text("%s/record", fresh_directory());
  codex_client_options *options = options_for_endpoint(listening_fake(NULL, record, NULL));
  for (int i = 0; i < 3; i++) close_and_free(connect_or_fail(options));
  CHECK(wait_for_text(record, "#eof"));
}

TEST(a_client_that_comes_back_resumes_its_thread_and_attaches_to_the_turn_that_runs) {
  const model *m = model_start();
  codex_client_options *options = options_for_endpoint(listening_runtime(m));
  codex_thread *resumed = NULL;
  codex_turn *attached = NULL;
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  model_says_around_gate(m, "before", "middle", " after");
  codex_client *client = connect_or_fail(options);
  codex_thread *thread = start_thread_or_fail(client, NULL);
  codex_turn *turn = start_turn_or_fail(thread, "go");
  codex_event_free(await_event(turn, CODEX_EVENT_MESSAGE_DELTA));
  close_and_free(client);

  client = connect_or_fail(options);
  CHECK_OK(codex_thread_resume(client, codex_thread_id(thread), NULL, &resumed, &err), err);
  CHECK_OK(codex_turn_attach(resumed, NULL, &attached, &err), err);
  CHECK_STR(codex_turn_id(attached), codex_turn_id(turn));
  model_open_gate(m, "middle");
  CHECK_OK(codex_turn_wait(attached, PATIENCE, &result, &err), err);
  CHECK_STR(codex_turn_result_status(result), "completed");
  CHECK_STR(codex_turn_result_final_response(result, NULL), "before after");
  CHECK_INT(codex_turn_result_item_count(result), 2);
  codex_turn_result_free(result);
  codex_turn_free(attached);
  codex_turn_free(turn);
  codex_thread_free(resumed);
  codex_thread_free(thread);
  close_and_free(client);
}

TEST(the_token_of_the_options_opens_the_connection_and_another_does_not) {
  codex_client_options *options = options_for_endpoint(listening_fake(NULL, NULL, "open-sesame"));
  CHECK_CONTAINS(refusal(options, CODEX_ERROR_AUTH), "wants a bearer token");
  CHECK_OK(codex_client_options_set_bearer_token(options, "close-sesame"), NULL);
  const char *message = refusal(options, CODEX_ERROR_AUTH);
  CHECK_CONTAINS(message, "not the right one");
  CHECK(strstr(message, "close-sesame") == NULL);
  CHECK_OK(codex_client_options_set_bearer_token(options, "open-sesame"), NULL);
  close_and_free(connect_or_fail(options));
}

TEST(a_socket_that_is_not_there_is_told_with_what_to_do) {
  const char *message = refusal(options_for_endpoint("unix:/nowhere/codex.sock"), CODEX_ERROR_TRANSPORT);
  CHECK_CONTAINS(message, "unix:/nowhere/codex.sock cannot be reached");
  CHECK_CONTAINS(message, "codex app-server --listen unix:///nowhere/codex.sock");
}

TEST(encryption_is_there_or_its_absence_is_told) {
  codex_client_options *options = options_for_endpoint("wss://127.0.0.1:1");
  if (codex_has_feature("tls")) {
    CHECK_CONTAINS(refusal(options, CODEX_ERROR_TRANSPORT), "wss://127.0.0.1:1 cannot be reached");
  } else {
    CHECK_CONTAINS(refusal(options, CODEX_ERROR_INVALID_ARGUMENT), "FEATURES=tls");
  }
}

TEST(without_encryption_another_machine_is_not_reached_unless_that_is_allowed) {
  codex_client_options *options = options_for_endpoint("ws://192.0.2.1:1");
  CHECK_CONTAINS(refusal(options, CODEX_ERROR_INVALID_ARGUMENT), "set_allow_insecure");
  CHECK_OK(codex_client_options_set_allow_insecure(options, true), NULL);
  CHECK_OK(codex_client_options_set_connect_timeout_ms(options, 200), NULL);
  codex_client *client = NULL;
  codex_error *err = NULL;
  codex_status status = codex_client_connect(options, &client, &err);
  CHECK(status == CODEX_ERROR_TIMED_OUT || status == CODEX_ERROR_TRANSPORT);
  forget(&err);
}

/* SIGPIPE is at its default here: whoever raised it would end this program. */
TEST(writing_to_a_socket_that_is_gone_raises_no_signal) {
  codex_client_options *options = options_for_endpoint(listening_fake(crashes, NULL, NULL));
  for (int i = 0; i < 8; i++) {
    codex_client *client = connect_or_fail(options);
    codex_error *err = NULL;
    codex_client_notify(client, "test/crash", NULL, NULL);
    for (int line = 0; line < 300; line++) codex_client_notify(client, "test/after", "{\"text\":\"nobody reads this\"}", NULL);
    CHECK_STATUS(codex_client_call(client, "test/never", NULL, PATIENCE, NULL, &err), CODEX_ERROR_TRANSPORT, err);
    CHECK_STR(codex_error_reason(err), "connectionLost");
    forget(&err);
    close_and_free(client);
  }
}

TEST(an_event_loop_serves_a_runtime_behind_a_socket) {
  codex_client_options *options = options_for_endpoint(listening_fake(NULL, NULL, NULL));
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_turn *turn = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_options_set_single_queue(options, true), NULL);
  CHECK_OK(codex_client_begin(options, &client, &err), err);
  CHECK_OK(codex_thread_begin(client, NULL, &thread, &err), err);
  CHECK_OK(codex_turn_begin(thread, "go", NULL, &turn, &err), err);
  struct pollfd wait = {codex_client_wakeup_fd(client), POLLIN, 0};
  bool connected = false, ended = false;
  while (!ended && CHECK(poll(&wait, 1, PATIENCE) == 1)) {
    codex_event *event = NULL;
    while (codex_client_next_event(client, 0, &event, &err) == CODEX_OK) {
      connected = connected || codex_event_get_kind(event) == CODEX_EVENT_CONNECTED;
      ended = ended || codex_event_get_kind(event) == CODEX_EVENT_TURN_ENDED;
      codex_event_free(event);
    }
  }
  CHECK(connected && ended);
  codex_turn_free(turn);
  codex_thread_free(thread);
  close_and_free(client);
}

TEST(the_child_of_a_fork_is_refused_and_the_connection_of_the_parent_goes_on) {
  session *s = session_with_options(options_for_endpoint(listening_fake(NULL, NULL, NULL)), NULL);
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    alarm(PATIENCE / 1000);
    codex_turn_result *result = NULL;
    bool refused = codex_thread_run(s->thread, "go", NULL, &result, NULL) == CODEX_ERROR_FORKED;
    codex_thread_free(s->thread);
    codex_client_free(s->client);
    /* Not by exit: a leak checker would miss the threads that held what the parent's client has. */
    execlp(refused ? "true" : "false", "true or false", (char *)NULL);
    _exit(127);
  }
  CHECK_INT(waitpid(child, &status, 0), child);
  CHECK_INT(status, 0);
  CHECK_STR(codex_turn_result_status(run_or_fail(s->thread, "go")), "completed");
}

TEST(the_descriptors_of_a_connection_are_closed_on_exec) {
  const char *url = listening_fake(NULL, NULL, NULL);
  bool known[256] = {false};
  for (int fd = 0; fd < 256; fd++) known[fd] = fcntl(fd, F_GETFD) != -1;
  codex_client *client = connect_or_fail(options_for_endpoint(url));
  int added = 0;
  for (int fd = 0; fd < 256; fd++) {
    int flags = fcntl(fd, F_GETFD);
    if (known[fd] || flags == -1) continue;
    added++;
    CHECK((flags & FD_CLOEXEC) != 0 && fd > 2);
  }
  CHECK(added > 0);
  close_and_free(client);
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(the_default_endpoint_is_a_runtime_that_is_started),
      CASE(an_endpoint_that_is_none_is_refused_at_once_and_by_connecting),
      CASE(a_password_in_an_endpoint_is_refused_and_not_told),
      CASE(a_token_that_does_not_fit_into_a_header_is_refused_and_not_told),
      CASE(a_token_for_a_runtime_that_is_started_is_refused),
      CASE(options_that_say_how_to_start_a_runtime_are_refused_for_one_behind_a_socket),
      CASE(a_runtime_behind_a_socket_runs_and_streams_turns),
      CASE(a_runtime_behind_a_socket_is_there_for_the_next_client),
      CASE(a_client_that_comes_back_resumes_its_thread_and_attaches_to_the_turn_that_runs),
      CASE(the_token_of_the_options_opens_the_connection_and_another_does_not),
      CASE(a_socket_that_is_not_there_is_told_with_what_to_do),
      CASE(encryption_is_there_or_its_absence_is_told),
      CASE(without_encryption_another_machine_is_not_reached_unless_that_is_allowed),
      CASE(writing_to_a_socket_that_is_gone_raises_no_signal),
      CASE(an_event_loop_serves_a_runtime_behind_a_socket),
      CASE(the_child_of_a_fork_is_refused_and_the_connection_of_the_parent_goes_on),
      CASE(the_descriptors_of_a_connection_are_closed_on_exec),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
