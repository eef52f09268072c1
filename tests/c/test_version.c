/* Version, ABI, names of statuses, and what an error tells. */
#include "support.h"

typedef struct named_status {
  codex_status status;
  const char *name;
} named_status;

#define NAMED(status) {status, #status}

static const named_status statuses[] = {
    NAMED(CODEX_OK),
    NAMED(CODEX_TIMEOUT),
    NAMED(CODEX_END),
    NAMED(CODEX_ERROR_INVALID_ARGUMENT),
    NAMED(CODEX_ERROR_INVALID_JSON),
    NAMED(CODEX_ERROR_RUNTIME_NOT_FOUND),
    NAMED(CODEX_ERROR_RUNTIME_START),
    NAMED(CODEX_ERROR_RUNTIME_UNSUPPORTED),
    NAMED(CODEX_ERROR_TRANSPORT),
    NAMED(CODEX_ERROR_PROTOCOL),
    NAMED(CODEX_ERROR_AUTH),
    NAMED(CODEX_ERROR_TIMED_OUT),
    NAMED(CODEX_ERROR_RPC),
    NAMED(CODEX_ERROR_OVERLOADED),
    NAMED(CODEX_ERROR_TURN_FAILED),
    NAMED(CODEX_ERROR_TURN_INTERRUPTED),
    NAMED(CODEX_ERROR_TURN_TIMED_OUT),
    NAMED(CODEX_ERROR_LIMIT),
    NAMED(CODEX_ERROR_CLOSED),
    NAMED(CODEX_ERROR_WOULD_DEADLOCK),
    NAMED(CODEX_ERROR_FORKED),
    NAMED(CODEX_ERROR_ALREADY_ANSWERED),
    NAMED(CODEX_ERROR_INTERNAL),
};

TEST(the_macros_equal_what_the_library_answers) {
  const char *version = text("%d.%d.%d", CODEX_VERSION_MAJOR, CODEX_VERSION_MINOR, CODEX_VERSION_PATCH);
  CHECK_STR(codex_version(), version);
  CHECK_INT(codex_version_number(), CODEX_VERSION_NUMBER);
  CHECK_INT(codex_abi_version(), CODEX_ABI_VERSION);
  CHECK(codex_check_abi());
}

TEST(the_version_number_orders_versions) {
  CHECK_INT(codex_version_number() >> 16, CODEX_VERSION_MAJOR);
  CHECK_INT(codex_version_number() >> 8 & 0xff, CODEX_VERSION_MINOR);
  CHECK_INT(codex_version_number() & 0xff, CODEX_VERSION_PATCH);
}

TEST(static_strings_do_not_move) {
  CHECK(codex_version() == codex_version());
  CHECK(codex_status_name(CODEX_ERROR_RPC) == codex_status_name(CODEX_ERROR_RPC));
}

TEST(an_unknown_feature_is_absent) {
  CHECK(!codex_has_feature("no-such-feature"));
  CHECK(!codex_has_feature(""));
}

TEST(every_status_has_the_name_of_its_constant) {
  for (size_t i = 0; i < COUNT(statuses); i++) CHECK_STR(codex_status_name(statuses[i].status), statuses[i].name);
}

TEST(an_unknown_status_has_a_name_of_no_constant) {
  static const codex_status unknown[] = {3, -3, -98, 12345, INT32_MIN, INT32_MAX};
  for (size_t i = 0; i < COUNT(unknown); i++)
    for (size_t j = 0; j < COUNT(statuses); j++) CHECK(strcmp(codex_status_name(unknown[i]), statuses[j].name) != 0);
}

TEST(an_error_tells_its_status_and_a_message) {
  codex_value *value = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_value_parse("{", &value, &err), CODEX_ERROR_INVALID_JSON, err);
  CHECK_INT(codex_error_status(err), CODEX_ERROR_INVALID_JSON);
  CHECK(strlen(codex_error_message(err)) > 0);
  CHECK_STR(codex_error_reason(err), "");
  CHECK_INT(codex_error_rpc_code(err), 0);
  CHECK(!codex_error_is_retryable(err));
  forget(&err);
}

TEST(the_json_of_an_error_holds_everything) {
  static const char *const members[] = {"/status", "/message", "/reason", "/rpcCode", "/data", "/codexErrorInfo",
                                        "/exitStatus", "/stderrTail"};
  codex_value *value = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_value_parse("[", &value, &err), CODEX_ERROR_INVALID_JSON, err);
  const codex_value *json = parsed(codex_error_json(err));
  for (size_t i = 0; i < COUNT(members); i++) CHECK(has(json, members[i]));
  CHECK_STR(string_at(json, "/message"), codex_error_message(err));
  forget(&err);
}

TEST(an_error_of_the_runtime_tells_its_code_its_reason_and_its_data) {
  session *s = session_with_fake("{\"on\":{\"thread/name/set\":[{\"error\":{\"code\":-32600,"
                                 "\"message\":\"thread not found: abc\",\"data\":{\"hint\":[1]}}}]}}");
  codex_error *err = NULL;
  CHECK_STATUS(codex_thread_set_name(s->thread, "name", &err), CODEX_ERROR_RPC, err);
  CHECK_STR(codex_error_reason(err), "threadNotFound");
  CHECK_INT(codex_error_rpc_code(err), -32600);
  CHECK_CONTAINS(codex_error_message(err), "thread not found: abc");
  CHECK_INT(int_at(parsed(codex_error_json(err)), "/data/hint/0"), 1);
  CHECK_INT(int_at(parsed(codex_error_json(err)), "/rpcCode"), -32600);
  CHECK(!codex_error_is_retryable(err));
  forget(&err);
}

TEST(overload_is_tried_again_and_then_succeeds) {
  session *s = session_with_fake("{\"on\":{\"thread/name/set\":["
                                 "[{\"error\":{\"code\":-32001,\"message\":\"Server overloaded; retry later.\"}}],"
                                 "[{\"reply\":{}}]]}}");
  codex_error *err = NULL;
  CHECK_OK(codex_thread_set_name(s->thread, "name", &err), err);
  forget(&err);
}

TEST(lasting_overload_ends_with_an_error_that_may_be_tried_again) {
  const char *script = "{\"on\":{\"later\":[{\"error\":{\"code\":-32001,\"message\":\"Server overloaded; retry later.\"}}]}}";
  session *s = session_with_fake(script);
  codex_error *err = NULL;
  char *answer = NULL;
  CHECK_STATUS(codex_client_call(s->client, "later", "{}", 1500, &answer, &err), CODEX_ERROR_OVERLOADED, err);
  CHECK_STR(codex_error_reason(err), "overloaded");
  CHECK(codex_error_is_retryable(err));
  CHECK(answer == NULL);
  forget(&err);
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(the_macros_equal_what_the_library_answers),
      CASE(the_version_number_orders_versions),
      CASE(static_strings_do_not_move),
      CASE(an_unknown_feature_is_absent),
      CASE(every_status_has_the_name_of_its_constant),
      CASE(an_unknown_status_has_a_name_of_no_constant),
      CASE(an_error_tells_its_status_and_a_message),
      CASE(the_json_of_an_error_holds_everything),
      CASE(an_error_of_the_runtime_tells_its_code_its_reason_and_its_data),
      CASE(overload_is_tried_again_and_then_succeeds),
      CASE(lasting_overload_ends_with_an_error_that_may_be_tried_again),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
