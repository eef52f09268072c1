/* Where the runtime is: started here, behind a socket, or in a recording. */
#include "support.h"

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

TEST(the_default_endpoint_is_a_runtime_that_is_started) {
  codex_client_options *options = options_for_fake(NULL, NULL);
  CHECK_OK(codex_client_options_set_endpoint(options, "stdio:"), NULL);
  codex_client *client = connect_or_fail(options);
  const codex_value *info = parsed(codex_client_info_json(client));
  CHECK_STR(string_at(info, "/endpoint"), "stdio:");
  CHECK(int_at(info, "/pid") > 0);
  codex_client_free(client);
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

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(the_default_endpoint_is_a_runtime_that_is_started),
      CASE(an_endpoint_that_is_none_is_refused_at_once_and_by_connecting),
      CASE(a_password_in_an_endpoint_is_refused_and_not_told),
      CASE(a_token_that_does_not_fit_into_a_header_is_refused_and_not_told),
      CASE(a_token_for_a_runtime_that_is_started_is_refused),
      CASE(options_that_say_how_to_start_a_runtime_are_refused_for_one_behind_a_socket),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
