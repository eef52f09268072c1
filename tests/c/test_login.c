/* Logins: by a key with the real runtimes, with a code on another device with the fake one, which needs no server. */
#include "support.h"

/* ---- with the real runtimes -------------------------------------------------------------------------------------- */

static codex_client *client_that_needs_a_login(void) {
  const char *directory = fresh_directory();
  codex_client_options *options =
      options_for_model(model_start(), make_directory(directory, "home"), make_directory(directory, "work"));
  CHECK_OK(codex_client_options_add_config(options, "model_providers.mock.requires_openai_auth=true"), NULL);
  return connect_or_fail(options);
}

/* The type of the account that is logged in, or "". */
static const char *account_type(codex_client *client) {
  char *json = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_account(client, false, &json, &err), err);
  forget(&err);
  const char *type = json == NULL ? "" : string_at(parsed(json), "/account/type");
  codex_string_free(json);
  return type;
}

TEST(an_api_key_logs_in_until_the_logout) {
  codex_client *client = client_that_needs_a_login();
  codex_error *err = NULL;
  CHECK_STR(account_type(client), "");
  CHECK_OK(codex_client_login_api_key(client, "sk-test", &err), err);
  CHECK_STR(account_type(client), "apiKey");
  CHECK_OK(codex_client_logout(client, &err), err);
  CHECK_OK(codex_client_logout(client, &err), err);
  CHECK_STR(account_type(client), "");
  codex_client_free(client);
}

TEST(models_come_in_pages) {
  codex_client *client = client_that_needs_a_login();
  codex_error *err = NULL;
  char *json = NULL;
  CHECK_OK(codex_client_models(client, "{\"limit\":1}", &json, &err), err);
  const codex_value *page = parsed(json);
  codex_string_free(json);
  CHECK_INT(codex_value_count(codex_value_at(page, "/data")), 1);
  const char *cursor = string_at(page, "/nextCursor");
  CHECK(*cursor != '\0');
  CHECK_OK(codex_client_models(client, text("{\"limit\":1,\"cursor\":\"%s\"}", cursor), &json, &err), err);
  CHECK(strcmp(string_at(parsed(json), "/data/0/id"), string_at(page, "/data/0/id")) != 0);
  codex_string_free(json);
  codex_client_free(client);
}

/* ---- with the fake runtime --------------------------------------------------------------------------------------- */

#define BEGUN                                                                                                        \
  "{\"reply\":{\"type\":\"chatgptDeviceCode\",\"loginId\":\"login-1\",\"verificationUrl\":\"https://example.com/device\"," \
  "\"userCode\":\"ABCD-1234\"}}"
#define ENDS(success, error)                                                                                         \
  "{\"notify\":[\"account/login/completed\",{\"loginId\":\"login-1\",\"success\":" success ",\"error\":" error "}]}"

/* A client of a runtime that answers the start of a login with these actions. */
static codex_client *client_whose_login(const char *actions) {
  const char *cancel = "[{\"reply\":{\"status\":\"canceled\"}}]";
  const char *script = text("{\"on\":{\"account/login/start\":[%s],\"account/login/cancel\":%s}}", actions, cancel);
  return connect_or_fail(options_for_fake(script, NULL));
}

static codex_login *begin_login(codex_client *client) {
  codex_login *login = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_login_device_code(client, &login, &err), err);
  CHECK(login != NULL);
  forget(&err);
  return login;
}

TEST(a_login_with_a_code_says_where_to_type_what) {
  codex_client *client = client_whose_login(BEGUN);
  codex_login *login = begin_login(client);
  CHECK_STR(codex_login_id(login), "login-1");
  CHECK_STR(codex_login_url(login), "https://example.com/device");
  CHECK_STR(codex_login_user_code(login), "ABCD-1234");
  codex_login_free(login);
  codex_client_free(client);
}

TEST(a_login_in_a_browser_has_an_address_and_no_code) {
  codex_client *client =
      client_whose_login("{\"reply\":{\"type\":\"chatgpt\",\"loginId\":\"login-1\",\"authUrl\":\"https://example.com/auth\"}}");
  codex_login *login = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_login_chatgpt(client, &login, &err), err);
  CHECK_STR(codex_login_url(login), "https://example.com/auth");
  CHECK_STR(codex_login_user_code(login), "");
  codex_login_free(login);
  codex_client_free(client);
}

TEST(waiting_ends_when_the_person_has_logged_in) {
  codex_client *client = client_whose_login(BEGUN ",{\"sleepMs\":100}," ENDS("true", "null"));
  codex_login *login = begin_login(client);
  codex_error *err = NULL;
  CHECK_OK(codex_login_wait(login, 20000, &err), err);
  CHECK_OK(codex_login_wait(login, 0, &err), err);
  codex_login_free(login);
  codex_client_free(client);
}

TEST(a_login_that_ended_before_it_was_waited_for_is_not_missed) {
  codex_client *client = client_whose_login(ENDS("true", "null") "," BEGUN);
  codex_login *login = begin_login(client);
  codex_error *err = NULL;
  CHECK_OK(codex_login_wait(login, 20000, &err), err);
  codex_login_free(login);
  codex_client_free(client);
}

TEST(waiting_in_vain_leaves_the_login_under_way) {
  codex_client *client = client_whose_login(BEGUN);
  codex_login *login = begin_login(client);
  codex_error *err = NULL;
  CHECK_STATUS(codex_login_wait(login, 0, &err), CODEX_TIMEOUT, err);
  CHECK_STATUS(codex_login_wait(login, 50, &err), CODEX_TIMEOUT, err);
  CHECK(err == NULL);
  CHECK_STATUS(codex_login_wait(login, -3, &err), CODEX_ERROR_INVALID_ARGUMENT, err);
  forget(&err);
  codex_login_free(login);
  codex_client_free(client);
}

static void *wait_for_login(void *login) {
  codex_error *err = NULL;
  CHECK_STATUS(codex_login_wait(login, CODEX_WAIT_FOREVER, &err), CODEX_ERROR_AUTH, err);
  CHECK_STR(codex_error_reason(err), "loginCancelled");
  codex_error_free(err);
  return NULL;
}

TEST(cancelling_releases_all_who_wait) {
  codex_client *client = client_whose_login(BEGUN);
  codex_login *login = begin_login(client);
  codex_error *err = NULL;
  pthread_t first = thread_start(wait_for_login, login);
  pthread_t second = thread_start(wait_for_login, login);
  CHECK_OK(codex_login_cancel(login, &err), err);
  thread_join(first);
  thread_join(second);
  wait_for_login(login);
  codex_login_free(login);
  codex_client_free(client);
}

TEST(a_login_that_fails_says_why) {
  codex_client *client = client_whose_login(BEGUN "," ENDS("false", "\"Token exchange failed\""));
  codex_login *login = begin_login(client);
  codex_error *err = NULL;
  CHECK_STATUS(codex_login_wait(login, 20000, &err), CODEX_ERROR_AUTH, err);
  CHECK_STR(codex_error_reason(err), "loginFailed");
  CHECK_CONTAINS(codex_error_message(err), "Token exchange failed");
  forget(&err);
  codex_login_free(login);
  codex_client_free(client);
}

TEST(a_login_that_cannot_begin_says_why) {
  codex_client *client =
      client_whose_login("{\"error\":{\"code\":-32603,\"message\":\"failed to request device code: no route\"}}");
  codex_login *login = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_client_login_device_code(client, &login, &err), CODEX_ERROR_RPC, err);
  CHECK(login == NULL);
  CHECK_CONTAINS(codex_error_message(err), "failed to request device code");
  forget(&err);
  codex_client_free(client);
}

TEST(a_runtime_that_does_not_name_the_login_breaks_the_protocol) {
  codex_client *client = client_whose_login("{\"reply\":{\"type\":\"chatgptDeviceCode\"}}");
  codex_login *login = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_client_login_device_code(client, &login, &err), CODEX_ERROR_PROTOCOL, err);
  CHECK(login == NULL);
  forget(&err);
  codex_client_free(client);
}

TEST(a_runtime_that_dies_ends_its_logins) {
  codex_client *client = client_whose_login(BEGUN ",{\"sleepMs\":50},{\"exit\":3}");
  codex_login *login = begin_login(client);
  codex_error *err = NULL;
  CHECK_STATUS(codex_login_wait(login, 20000, &err), CODEX_ERROR_TRANSPORT, err);
  forget(&err);
  codex_login_free(login);
  codex_client_free(client);
}

TEST(the_end_of_a_login_is_an_event_for_programs_that_do_not_wait) {
  codex_client *client = client_whose_login(BEGUN "," ENDS("true", "null"));
  codex_error *err = NULL;
  uint64_t call = 0;
  const char *params = "{\"type\":\"chatgptDeviceCode\"}";
  CHECK_OK(codex_client_begin_call(client, "account/login/start", params, 20000, NULL, &call, &err), err);
  codex_event *begun = await_client_event(client, CODEX_EVENT_RESPONSE);
  CHECK_STR(string_at(codex_event_value(begun), "/userCode"), "ABCD-1234");
  codex_event_free(begun);
  codex_event *ended = await_client_event(client, CODEX_EVENT_OTHER);
  CHECK_STR(codex_event_method(ended), "account/login/completed");
  codex_event_free(ended);
  codex_client_free(client);
}

TEST(a_login_may_be_freed_after_its_client) {
  codex_client *client = client_whose_login(BEGUN);
  codex_login *login = begin_login(client);
  codex_error *err = NULL;
  codex_client_free(client);
  CHECK_STATUS(codex_login_wait(login, 0, &err), CODEX_TIMEOUT, err);
  codex_login_free(login);
}

int main(int argc, char **argv) {
  static const test_case with_runtimes[] = {
      CASE(an_api_key_logs_in_until_the_logout),
      CASE(models_come_in_pages),
  };
  static const test_case with_fake[] = {
      CASE(a_login_with_a_code_says_where_to_type_what),
      CASE(a_login_in_a_browser_has_an_address_and_no_code),
      CASE(waiting_ends_when_the_person_has_logged_in),
      CASE(a_login_that_ended_before_it_was_waited_for_is_not_missed),
      CASE(waiting_in_vain_leaves_the_login_under_way),
      CASE(cancelling_releases_all_who_wait),
      CASE(a_login_that_fails_says_why),
      CASE(a_login_that_cannot_begin_says_why),
      CASE(a_runtime_that_does_not_name_the_login_breaks_the_protocol),
      CASE(a_runtime_that_dies_ends_its_logins),
      CASE(the_end_of_a_login_is_an_event_for_programs_that_do_not_wait),
      CASE(a_login_may_be_freed_after_its_client),
  };
  harness_start(argc, argv);
  run_tests_with_each_runtime(with_runtimes, COUNT(with_runtimes));
  run_tests(with_fake, COUNT(with_fake));
  return harness_end();
}
