/* Every function with arguments that cannot be used: it says so, touches nothing and leaves no stale pointer behind. */
#include "support.h"

/* What every out parameter holds before a call: the call has to overwrite it. */
#define STALE(type) ((type *)(uintptr_t)1)

static void check_refusal(const char *file, int line, const char *what, codex_status status, codex_status expected,
                          codex_error *err) {
  if (!check_status(file, line, what, status, expected, err)) return;
  if (!check_true(file, line, what, err != NULL && err != STALE(codex_error))) return;
  check_int(file, line, what, codex_error_status(err), expected);
  check_true(file, line, what, *codex_error_message(err) != '\0');
  codex_error_free(err);
}

/* The call is made with a place for the error and without one. */
#define FAILS(expected, function, ...)                                                                               \
  do {                                                                                                               \
    codex_error *err = STALE(codex_error);                                                                           \
    codex_status status_with_error = function(__VA_ARGS__, &err);                                                    \
    check_refusal(__FILE__, __LINE__, #function "(" #__VA_ARGS__ ")", status_with_error, (expected), err);           \
    codex_status status_without = function(__VA_ARGS__, NULL);                                                       \
    check_status(__FILE__, __LINE__, #function "(" #__VA_ARGS__ ")", status_without, (expected), NULL);              \
  } while (0)

#define REFUSED(function, ...) FAILS(CODEX_ERROR_INVALID_ARGUMENT, function, __VA_ARGS__)

/* The same for a call whose last parameter but one is `out`, which has to be NULL afterwards. */
#define FAILS_WITH_OUT(expected, type, function, ...)                                  \
  do {                                                                                 \
    type *out = STALE(type);                                                           \
    FAILS(expected, function, __VA_ARGS__, &out);                                      \
    check_true(__FILE__, __LINE__, #function "(" #__VA_ARGS__ ") sets *out", out == NULL); \
  } while (0)

#define REFUSED_WITH_OUT(type, function, ...) FAILS_WITH_OUT(CODEX_ERROR_INVALID_ARGUMENT, type, function, __VA_ARGS__)

static const char bad_text[] = "bad \xff text";

/* ---- without any handle ------------------------------------------------------------------------------------------ */

TEST(freeing_null_does_nothing) {
  codex_error_free(NULL);
  codex_string_free(NULL);
  codex_value_free(NULL);
  codex_params_free(NULL);
  codex_client_options_free(NULL);
  codex_client_free(NULL);
  codex_login_free(NULL);
  codex_thread_free(NULL);
  codex_turn_free(NULL);
  codex_event_free(NULL);
  codex_turn_result_free(NULL);
  codex_request_free(NULL);
  CHECK(true);
}

TEST(waking_or_marking_null_does_nothing) {
  codex_client_wake(NULL);
  codex_turn_wake(NULL);
  codex_thread_set_user_data(NULL, NULL);
  codex_turn_set_user_data(NULL, NULL);
  CHECK(!codex_has_feature(NULL));
}

TEST(an_error_that_is_null_tells_nothing) {
  CHECK_INT(codex_error_status(NULL), CODEX_OK);
  CHECK_STR(codex_error_message(NULL), "");
  CHECK_STR(codex_error_reason(NULL), "");
  CHECK_STR(codex_error_json(NULL), "");
  CHECK_INT(codex_error_rpc_code(NULL), 0);
  CHECK(!codex_error_is_retryable(NULL));
}

TEST(a_value_that_is_null_gives_fallbacks) {
  size_t length = 9;
  CHECK_INT(codex_value_get_type(NULL), CODEX_VALUE_NULL);
  CHECK(codex_value_at(NULL, "") == NULL);
  CHECK(codex_value_at(NULL, NULL) == NULL);
  CHECK(codex_value_string(NULL, &length) == NULL);
  CHECK_INT(length, 0);
  CHECK(codex_value_string(NULL, NULL) == NULL);
  CHECK_INT(codex_value_int(NULL, 4), 4);
  CHECK(codex_value_double(NULL, 0.25) == 0.25);
  CHECK(codex_value_bool(NULL, true) && !codex_value_bool(NULL, false));
  CHECK_INT(codex_value_count(NULL), 0);
  CHECK(codex_value_item(NULL, 0) == NULL);
  CHECK(codex_value_json(NULL) == NULL);
  CHECK(codex_value_key(NULL, 0) == NULL);
}

TEST(a_pointer_that_is_null_or_no_utf_8_finds_nothing) {
  CHECK(codex_value_at(parsed("{}"), NULL) == NULL);
  CHECK(codex_value_at(parsed("{}"), bad_text) == NULL);
}

TEST(parsing_needs_a_text_and_a_place_for_the_value) {
  REFUSED_WITH_OUT(codex_value, codex_value_parse, NULL);
  REFUSED_WITH_OUT(codex_value, codex_value_parse, bad_text);
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, codex_value, codex_value_parse, "");
  REFUSED(codex_value_parse, "1", NULL);
}

TEST(a_call_that_succeeds_leaves_no_stale_error) {
  codex_error *err = STALE(codex_error);
  codex_value *value = STALE(codex_value);
  CHECK_OK(codex_value_parse("1", &value, &err), err);
  CHECK(err == NULL);
  codex_value_free(value);
}

TEST(params_that_are_null_are_refused) {
  static const uint8_t byte = 'x';
  CHECK_INVALID(codex_params_set_string(NULL, "k", "v"));
  CHECK_INVALID(codex_params_set_int(NULL, "k", 1));
  CHECK_INVALID(codex_params_set_double(NULL, "k", 1));
  CHECK_INVALID(codex_params_set_bool(NULL, "k", true));
  CHECK_INVALID(codex_params_set_json(NULL, "k", "1"));
  CHECK_INVALID(codex_params_add_text(NULL, "t"));
  CHECK_INVALID(codex_params_add_image_url(NULL, "data:,"));
  CHECK_INVALID(codex_params_add_image_file(NULL, "/p"));
  CHECK_INVALID(codex_params_add_image_bytes(NULL, &byte, 1, "image/png"));
  CHECK_INVALID(codex_params_add_skill(NULL, "n", "/p"));
  CHECK_INVALID(codex_params_add_mention(NULL, "n", "/p"));
  CHECK_INVALID(codex_params_set_external_message(NULL, "n", NULL, "c"));
  CHECK_STR(codex_params_json(NULL), "");
}

TEST(a_field_needs_a_key_and_a_value) {
  codex_params *params = codex_params_new();
  CHECK_INVALID(codex_params_set_string(params, NULL, "v"));
  CHECK_INVALID(codex_params_set_string(params, "k", NULL));
  CHECK_INVALID(codex_params_set_int(params, NULL, 1));
  CHECK_INVALID(codex_params_set_double(params, NULL, 1));
  CHECK_INVALID(codex_params_set_bool(params, NULL, true));
  CHECK_INVALID(codex_params_set_json(params, NULL, "1"));
  CHECK_INVALID(codex_params_set_json(params, "k", NULL));
  CHECK_INVALID(codex_params_set_int(params, "", 1));
  CHECK_INVALID(codex_params_set_int(params, bad_text, 1));
  CHECK(strstr(codex_params_json(params), "`key` is NULL") != NULL);
  codex_params_free(params);
}

TEST(an_input_item_needs_all_its_parts) {
  static const uint8_t byte = 'x';
  codex_params *params = codex_params_new();
  CHECK_INVALID(codex_params_add_text(params, NULL));
  CHECK_INVALID(codex_params_add_image_url(params, NULL));
  CHECK_INVALID(codex_params_add_image_file(params, NULL));
  CHECK_INVALID(codex_params_add_image_bytes(params, NULL, 1, "image/png"));
  CHECK_INVALID(codex_params_add_image_bytes(params, &byte, 1, NULL));
  CHECK_INVALID(codex_params_add_skill(params, NULL, "/p"));
  CHECK_INVALID(codex_params_add_skill(params, "n", NULL));
  CHECK_INVALID(codex_params_add_mention(params, NULL, "/p"));
  CHECK_INVALID(codex_params_add_mention(params, "n", NULL));
  CHECK_INVALID(codex_params_set_external_message(params, NULL, NULL, "c"));
  CHECK_INVALID(codex_params_set_external_message(params, "n", NULL, NULL));
  CHECK_INVALID(codex_params_add_text(params, bad_text));
  CHECK_INVALID(codex_params_add_image_url(params, bad_text));
  CHECK_INVALID(codex_params_add_image_file(params, bad_text));
  CHECK_INVALID(codex_params_add_skill(params, bad_text, "/p"));
  CHECK_INVALID(codex_params_add_mention(params, "n", bad_text));
  CHECK_INVALID(codex_params_set_external_message(params, "n", bad_text, "c"));
  CHECK(strstr(codex_params_json(params), "`text` is NULL") != NULL);
  codex_params_free(params);
}

/* ---- options ----------------------------------------------------------------------------------------------------- */

static void ignore_log(void *user_data, int32_t level, const char *target, const char *message) {
  (void)user_data, (void)level, (void)target, (void)message;
}

static void ignore_trace(void *user_data, int32_t direction, const char *line, size_t len) {
  (void)user_data, (void)direction, (void)line, (void)len;
}

static void ignore_request(void *user_data, codex_request *request) {
  (void)user_data;
  codex_request_free(request);
}

TEST(options_that_are_null_are_refused) {
  static const char *const argv[] = {"codex"};
  CHECK_INVALID(codex_client_options_set_codex_path(NULL, "/p"));
  CHECK_INVALID(codex_client_options_set_command(NULL, argv, 1));
  CHECK_INVALID(codex_client_options_set_codex_home(NULL, "/p"));
  CHECK_INVALID(codex_client_options_set_cwd(NULL, "/p"));
  CHECK_INVALID(codex_client_options_set_env(NULL, "N", "v"));
  CHECK_INVALID(codex_client_options_set_inherit_env(NULL, true));
  CHECK_INVALID(codex_client_options_add_config(NULL, "a=1"));
  CHECK_INVALID(codex_client_options_set_client_info(NULL, "n", "t", "v"));
  CHECK_INVALID(codex_client_options_set_experimental_api(NULL, true));
  CHECK_INVALID(codex_client_options_add_notification_opt_out(NULL, "m"));
  CHECK_INVALID(codex_client_options_set_connect_timeout_ms(NULL, 1));
  CHECK_INVALID(codex_client_options_set_request_timeout_ms(NULL, 1));
  CHECK_INVALID(codex_client_options_set_answer_timeout_ms(NULL, 1));
  CHECK_INVALID(codex_client_options_set_max_message_bytes(NULL, 1));
  CHECK_INVALID(codex_client_options_set_max_queued_bytes(NULL, 1));
  CHECK_INVALID(codex_client_options_set_single_queue(NULL, true));
  CHECK_INVALID(codex_client_options_set_limits(NULL, "{}"));
  CHECK_INVALID(codex_client_options_set_callback_threads(NULL, 1));
  CHECK_INVALID(codex_client_options_set_interrupt_ends_commands(NULL, true));
}

TEST(a_failed_registration_destroys_its_user_data_once) {
  flag destroyed = FLAG_INITIALIZER;
  CHECK_INVALID(codex_client_options_set_log(NULL, CODEX_LOG_INFO, ignore_log, &destroyed, flag_raise_callback));
  CHECK_INT(flag_count(&destroyed), 1);
  CHECK_INVALID(codex_client_options_set_trace(NULL, ignore_trace, &destroyed, flag_raise_callback));
  CHECK_INT(flag_count(&destroyed), 2);
  CHECK_INVALID(codex_client_options_set_request_handler(NULL, ignore_request, &destroyed, flag_raise_callback));
  CHECK_INT(flag_count(&destroyed), 3);
  CHECK_INVALID(codex_request_set_cancelled(NULL, flag_raise_callback, &destroyed, flag_raise_callback));
  CHECK_INT(flag_count(&destroyed), 4);
  CHECK_INVALID(codex_client_set_wakeup(NULL, flag_raise_callback, &destroyed, flag_raise_callback));
  CHECK_INT(flag_count(&destroyed), 5);
  codex_client_add_tool(NULL, "t", "d", NULL, ignore_request, &destroyed, flag_raise_callback, NULL);
  CHECK_INT(flag_count(&destroyed), 6);
  codex_client_add_tool(NULL, "t", "d", NULL, NULL, &destroyed, flag_raise_callback, NULL);
  CHECK_INT(flag_count(&destroyed), 7);
}

static codex_client_options *new_options(void) { return options_for_fake(NULL, NULL); }

TEST(a_callback_that_is_null_takes_the_former_one_away) {
  flag destroyed = FLAG_INITIALIZER;
  codex_client_options *options = new_options();
  CHECK_OK(codex_client_options_set_log(options, CODEX_LOG_INFO, ignore_log, &destroyed, flag_raise_callback), NULL);
  CHECK_OK(codex_client_options_set_trace(options, ignore_trace, &destroyed, flag_raise_callback), NULL);
  CHECK_OK(codex_client_options_set_request_handler(options, ignore_request, &destroyed, flag_raise_callback), NULL);
  CHECK_INT(flag_count(&destroyed), 0);
  CHECK_OK(codex_client_options_set_log(options, CODEX_LOG_INFO, NULL, NULL, NULL), NULL);
  CHECK_OK(codex_client_options_set_trace(options, NULL, NULL, NULL), NULL);
  CHECK_OK(codex_client_options_set_request_handler(options, NULL, NULL, NULL), NULL);
  CHECK_INT(flag_count(&destroyed), 3);
}

TEST(an_unknown_log_level_is_refused) {
  flag destroyed = FLAG_INITIALIZER;
  CHECK_INVALID(codex_client_options_set_log(new_options(), 99, ignore_log, &destroyed, flag_raise_callback));
  CHECK_INVALID(codex_client_options_set_log(new_options(), -1, ignore_log, &destroyed, flag_raise_callback));
  CHECK_INT(flag_count(&destroyed), 2);
}

TEST(an_option_needs_its_value) {
  static const char *const with_null[] = {"codex", NULL};
  static const char *const empty[] = {""};
  codex_client_options *options = new_options();
  CHECK_INVALID(codex_client_options_set_codex_path(options, NULL));
  CHECK_INVALID(codex_client_options_set_command(options, NULL, 1));
  CHECK_INVALID(codex_client_options_set_command(options, with_null, 0));
  CHECK_INVALID(codex_client_options_set_command(options, with_null, 2));
  CHECK_INVALID(codex_client_options_set_command(options, empty, 1));
  CHECK_INVALID(codex_client_options_set_codex_home(options, NULL));
  CHECK_INVALID(codex_client_options_set_cwd(options, NULL));
  CHECK_INVALID(codex_client_options_set_env(options, NULL, "v"));
  CHECK_INVALID(codex_client_options_add_config(options, NULL));
  CHECK_INVALID(codex_client_options_set_client_info(options, NULL, "t", "v"));
  CHECK_INVALID(codex_client_options_set_client_info(options, "n", "t", NULL));
  CHECK_INVALID(codex_client_options_add_notification_opt_out(options, NULL));
  CHECK_INVALID(codex_client_options_set_limits(options, NULL));
}

TEST(a_number_of_callback_threads_that_makes_no_sense_is_refused) {
  codex_client_options *options = new_options();
  CHECK_INVALID(codex_client_options_set_callback_threads(options, 0));
  CHECK_INVALID(codex_client_options_set_callback_threads(options, 257));
  CHECK_OK(codex_client_options_set_callback_threads(options, 256), NULL);
}

TEST(limits_of_a_client_must_be_limits) {
  codex_client_options *options = new_options();
  CHECK_INVALID(codex_client_options_set_limits(options, "{\"timeout\":5}"));
  CHECK_INVALID(codex_client_options_set_limits(options, "{\"maxTokens\":-1}"));
  CHECK_INVALID(codex_client_options_set_limits(options, "[]"));
  CHECK_STATUS(codex_client_options_set_limits(options, "{"), CODEX_ERROR_INVALID_JSON, NULL);
}

TEST(an_option_that_is_empty_or_no_utf_8_is_refused) {
  static const char *const bad_command[] = {bad_text};
  codex_client_options *options = new_options();
  CHECK_INVALID(codex_client_options_set_codex_path(options, ""));
  CHECK_INVALID(codex_client_options_set_codex_path(options, bad_text));
  CHECK_INVALID(codex_client_options_set_command(options, bad_command, 1));
  CHECK_INVALID(codex_client_options_set_codex_home(options, ""));
  CHECK_INVALID(codex_client_options_set_codex_home(options, bad_text));
  CHECK_INVALID(codex_client_options_set_cwd(options, ""));
  CHECK_INVALID(codex_client_options_set_cwd(options, bad_text));
  CHECK_INVALID(codex_client_options_set_env(options, "", "v"));
  CHECK_INVALID(codex_client_options_set_env(options, "A=B", "v"));
  CHECK_INVALID(codex_client_options_set_env(options, bad_text, "v"));
  CHECK_INVALID(codex_client_options_set_env(options, "N", bad_text));
  CHECK_INVALID(codex_client_options_add_config(options, ""));
  CHECK_INVALID(codex_client_options_add_config(options, "no value"));
  CHECK_INVALID(codex_client_options_add_config(options, bad_text));
  CHECK_INVALID(codex_client_options_set_client_info(options, "", "t", "v"));
  CHECK_INVALID(codex_client_options_set_client_info(options, bad_text, "t", "v"));
  CHECK_INVALID(codex_client_options_add_notification_opt_out(options, "account/login/completed"));
  CHECK_INVALID(codex_client_options_add_notification_opt_out(options, ""));
  CHECK_INVALID(codex_client_options_add_notification_opt_out(options, bad_text));
}

TEST(a_negative_timeout_without_a_meaning_is_refused) {
  codex_client_options *options = new_options();
  CHECK_INVALID(codex_client_options_set_connect_timeout_ms(options, -3));
  CHECK_INVALID(codex_client_options_set_request_timeout_ms(options, -3));
  CHECK_INVALID(codex_client_options_set_answer_timeout_ms(options, -3));
  CHECK_INVALID(codex_client_options_set_connect_timeout_ms(options, INT64_MIN));
}

TEST(a_timeout_may_be_forever_or_longer_than_a_life) {
  codex_client_options *options = new_options();
  CHECK_OK(codex_client_options_set_connect_timeout_ms(options, CODEX_WAIT_FOREVER), NULL);
  CHECK_OK(codex_client_options_set_request_timeout_ms(options, INT64_MAX), NULL);
  CHECK_OK(codex_client_options_set_answer_timeout_ms(options, CODEX_WAIT_FOREVER), NULL);
  session *s = session_with_options(options, NULL);
  CHECK_STR(codex_turn_result_status(run_or_fail(s->thread, "hello")), "completed");
}

TEST(connecting_needs_a_place_for_the_client) {
  REFUSED(codex_client_connect, new_options(), NULL);
  REFUSED(codex_client_begin, new_options(), NULL);
}

TEST(the_first_failed_option_is_what_connecting_tells) {
  codex_client_options *options = new_options();
  codex_client *client = STALE(codex_client);
  codex_error *err = NULL;
  CHECK_INVALID(codex_client_options_set_env(options, "THE_FIRST=", "v"));
  CHECK_INVALID(codex_client_options_add_config(options, "the second"));
  CHECK_STATUS(codex_client_connect(options, &client, &err), CODEX_ERROR_INVALID_ARGUMENT, err);
  CHECK(client == NULL);
  CHECK_CONTAINS(codex_error_message(err), "THE_FIRST");
  forget(&err);
  client = STALE(codex_client);
  CHECK_STATUS(codex_client_begin(options, &client, &err), CODEX_ERROR_INVALID_ARGUMENT, err);
  CHECK(client == NULL);
  CHECK_CONTAINS(codex_error_message(err), "THE_FIRST");
  forget(&err);
}

/* ---- handles that are null --------------------------------------------------------------------------------------- */

TEST(a_client_that_is_null_is_refused) {
  uint64_t call_id = 0;
  REFUSED(codex_client_close, NULL, 0);
  REFUSED_WITH_OUT(char, codex_client_call, NULL, "m", "{}", 1000);
  REFUSED(codex_client_begin_call, NULL, "m", "{}", 1000, NULL, &call_id);
  REFUSED(codex_client_notify, NULL, "m", "{}");
  REFUSED(codex_client_add_tool, NULL, "t", "d", NULL, ignore_request, NULL, NULL);
  REFUSED_WITH_OUT(codex_event, codex_client_next_event, NULL, 0);
  REFUSED_WITH_OUT(codex_thread, codex_thread_start, NULL, "{}");
  REFUSED_WITH_OUT(codex_thread, codex_thread_resume, NULL, "id", "{}");
  REFUSED_WITH_OUT(codex_thread, codex_thread_from_id, NULL, "id");
  REFUSED_WITH_OUT(codex_thread, codex_thread_fork, NULL, "id", "{}");
  REFUSED_WITH_OUT(codex_thread, codex_thread_begin, NULL, "{}");
  REFUSED_WITH_OUT(codex_thread, codex_thread_resume_begin, NULL, "id", "{}");
  REFUSED_WITH_OUT(codex_thread, codex_thread_fork_begin, NULL, "id", "{}");
  REFUSED(codex_thread_unarchive, NULL, "id");
  REFUSED_WITH_OUT(char, codex_thread_list, NULL, "{}");
  REFUSED(codex_client_login_api_key, NULL, "sk-test");
  REFUSED_WITH_OUT(codex_login, codex_client_login_chatgpt, NULL);
  REFUSED_WITH_OUT(codex_login, codex_client_login_device_code, NULL);
  REFUSED_WITH_OUT(char, codex_client_account, NULL, false);
  REFUSED(codex_client_logout, NULL);
  REFUSED_WITH_OUT(char, codex_client_models, NULL, "{}");
  CHECK_INVALID(codex_client_set_wakeup(NULL, NULL, NULL, NULL));
  CHECK_INT(codex_client_wakeup_fd(NULL), -1);
  CHECK_STR(codex_client_info_json(NULL), "");
  CHECK(codex_client_stats_json(NULL) == NULL);
}

static int32_t go_on(void *user_data, codex_event *event) {
  (void)user_data, (void)event;
  return CODEX_CONTINUE;
}

TEST(a_thread_that_is_null_is_refused) {
  REFUSED_WITH_OUT(char, codex_thread_read, NULL, false);
  REFUSED(codex_thread_set_name, NULL, "name");
  REFUSED(codex_thread_archive, NULL);
  REFUSED(codex_thread_delete, NULL);
  REFUSED(codex_thread_unsubscribe, NULL);
  REFUSED_WITH_OUT(codex_turn, codex_thread_compact, NULL);
  REFUSED(codex_thread_compact, NULL, NULL);
  REFUSED_WITH_OUT(codex_turn, codex_thread_review, NULL, "{}", NULL);
  REFUSED_WITH_OUT(codex_turn, codex_thread_goal, NULL, "goal", NULL);
  REFUSED_WITH_OUT(codex_turn_result, codex_thread_run, NULL, "text", NULL);
  REFUSED_WITH_OUT(codex_turn_result, codex_thread_run_streamed, NULL, "text", NULL, go_on, NULL);
  REFUSED_WITH_OUT(codex_turn, codex_turn_start, NULL, "text", NULL);
  REFUSED_WITH_OUT(codex_turn, codex_turn_begin, NULL, "text", NULL);
  REFUSED_WITH_OUT(codex_turn, codex_turn_attach, NULL, NULL);
  REFUSED(codex_thread_wait, NULL, 0);
  CHECK_STR(codex_thread_id(NULL), "");
  CHECK_STR(codex_thread_info_json(NULL), "");
}

TEST(a_login_that_is_null_is_refused) {
  REFUSED(codex_login_wait, NULL, 0);
  REFUSED(codex_login_cancel, NULL);
  CHECK_STR(codex_login_id(NULL), "");
  CHECK_STR(codex_login_url(NULL), "");
  CHECK_STR(codex_login_user_code(NULL), "");
}

TEST(a_turn_that_is_null_is_refused) {
  REFUSED_WITH_OUT(codex_event, codex_turn_next_event, NULL, 0);
  REFUSED(codex_turn_steer, NULL, "text", NULL);
  REFUSED(codex_turn_interrupt, NULL);
  REFUSED_WITH_OUT(codex_turn_result, codex_turn_wait, NULL, 0);
  CHECK_STR(codex_turn_id(NULL), "");
}

TEST(an_event_that_is_null_tells_nothing) {
  size_t length = 9;
  CHECK_INT(codex_event_get_kind(NULL), CODEX_EVENT_OTHER);
  CHECK_STR(codex_event_method(NULL), "");
  CHECK_STR(codex_event_text(NULL, &length), "");
  CHECK_INT(length, 0);
  length = 9;
  CHECK_STR(codex_event_json(NULL, &length), "");
  CHECK_INT(length, 0);
  CHECK_STR(codex_event_text(NULL, NULL), "");
  CHECK_STR(codex_event_json(NULL, NULL), "");
  CHECK(codex_event_value(NULL) == NULL);
  CHECK_INT(codex_event_emitted_at_ms(NULL), 0);
  CHECK_STR(codex_event_thread_id(NULL), "");
  CHECK_STR(codex_event_turn_id(NULL), "");
  CHECK_STR(codex_event_item_id(NULL), "");
  CHECK(codex_event_user_data(NULL) == NULL);
  CHECK_INT(codex_event_call_id(NULL), 0);
  CHECK_INT(codex_event_request_id(NULL), 0);
  CHECK_INT(codex_event_merged(NULL), 0);
  CHECK(codex_event_take_request(NULL) == NULL);
  codex_error *err = STALE(codex_error);
  codex_status status = codex_event_status(NULL, &err);
  check_refusal(__FILE__, __LINE__, "codex_event_status(NULL)", status, CODEX_ERROR_INVALID_ARGUMENT, err);
}

TEST(a_result_that_is_null_tells_nothing) {
  size_t length = 9;
  CHECK_STR(codex_turn_result_json(NULL, &length), "");
  CHECK_INT(length, 0);
  CHECK(codex_turn_result_value(NULL) == NULL);
  CHECK_STR(codex_turn_result_id(NULL), "");
  CHECK_STR(codex_turn_result_status(NULL), "");
  length = 9;
  CHECK(codex_turn_result_final_response(NULL, &length) == NULL);
  CHECK_INT(length, 0);
  CHECK(codex_turn_result_output(NULL) == NULL);
  CHECK(codex_turn_result_error_message(NULL) == NULL);
  CHECK_INT(codex_turn_result_duration_ms(NULL), -1);
  CHECK_INT(codex_turn_result_total_tokens(NULL), -1);
  CHECK_INT(codex_turn_result_item_count(NULL), 0);
  CHECK(codex_turn_result_item(NULL, 0) == NULL);
}

TEST(a_request_that_is_null_tells_nothing_and_takes_no_answer) {
  size_t length = 9;
  CHECK_INT(codex_request_get_kind(NULL), CODEX_REQUEST_OTHER);
  CHECK_INT(codex_request_id(NULL), 0);
  CHECK(codex_request_user_data(NULL) == NULL);
  CHECK(codex_request_item(NULL) == NULL);
  CHECK_STR(codex_request_method(NULL), "");
  CHECK_STR(codex_request_json(NULL, &length), "");
  CHECK_INT(length, 0);
  CHECK(codex_request_value(NULL) == NULL);
  CHECK_STR(codex_request_thread_id(NULL), "");
  CHECK_STR(codex_request_turn_id(NULL), "");
  CHECK(!codex_request_is_cancelled(NULL));
  REFUSED(codex_request_approve, NULL, false);
  REFUSED(codex_request_decline, NULL);
  REFUSED(codex_request_cancel_turn, NULL);
  REFUSED(codex_request_respond_text, NULL, true, "text");
  REFUSED(codex_request_respond_items, NULL, true, "{\"input\":[{\"type\":\"text\",\"text\":\"a\"}]}");
  REFUSED(codex_request_respond_json, NULL, "{}");
  REFUSED(codex_request_fail, NULL, 1, "message");
}

/* ---- handles that live ------------------------------------------------------------------------------------------- */

TEST(a_call_of_the_client_needs_its_arguments) {
  codex_client *client = session_with_fake(NULL)->client;
  REFUSED_WITH_OUT(char, codex_client_call, client, NULL, "{}", 1000);
  REFUSED_WITH_OUT(char, codex_client_call, client, "", "{}", 1000);
  REFUSED_WITH_OUT(char, codex_client_call, client, bad_text, "{}", 1000);
  REFUSED_WITH_OUT(char, codex_client_call, client, "thread/read", bad_text, 1000);
  REFUSED_WITH_OUT(char, codex_client_call, client, "thread/read", "{}", -3);
  REFUSED_WITH_OUT(char, codex_client_call, client, "thread/read", "{}", 0);
  REFUSED(codex_client_begin_call, client, NULL, "{}", 1000, NULL, NULL);
  REFUSED(codex_client_begin_call, client, "", "{}", 1000, NULL, NULL);
  REFUSED(codex_client_begin_call, client, bad_text, "{}", 1000, NULL, NULL);
  REFUSED(codex_client_begin_call, client, "thread/read", "{}", -3, NULL, NULL);
  REFUSED(codex_client_add_tool, client, NULL, "d", NULL, ignore_request, NULL, NULL);
  REFUSED(codex_client_add_tool, client, bad_text, "d", NULL, ignore_request, NULL, NULL);
  REFUSED(codex_client_add_tool, client, "t", NULL, NULL, ignore_request, NULL, NULL);
  REFUSED(codex_client_add_tool, client, "t", bad_text, NULL, ignore_request, NULL, NULL);
  REFUSED(codex_client_add_tool, client, "t", "d", bad_text, ignore_request, NULL, NULL);
  REFUSED(codex_client_notify, client, NULL, "{}");
  REFUSED(codex_client_notify, client, "", "{}");
  REFUSED(codex_client_notify, client, bad_text, "{}");
  REFUSED(codex_client_close, client, -3);
  REFUSED(codex_client_next_event, client, 0, NULL);
  REFUSED_WITH_OUT(codex_event, codex_client_next_event, client, -3);
}

TEST(params_of_a_call_must_be_json) {
  session *s = session_with_fake(NULL);
  static const char broken[] = "{\n  \"a\": ?}";
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, char, codex_client_call, s->client, "thread/read", broken, 1000);
  FAILS(CODEX_ERROR_INVALID_JSON, codex_client_begin_call, s->client, "thread/read", broken, 1000, NULL, NULL);
  FAILS(CODEX_ERROR_INVALID_JSON, codex_client_notify, s->client, "initialized", broken);
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, codex_thread, codex_thread_start, s->client, broken);
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, codex_thread, codex_thread_resume, s->client, "id", broken);
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, codex_thread, codex_thread_fork, s->client, "id", broken);
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, codex_thread, codex_thread_begin, s->client, broken);
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, codex_thread, codex_thread_resume_begin, s->client, "id", broken);
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, codex_thread, codex_thread_fork_begin, s->client, "id", broken);
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, codex_turn_result, codex_thread_run, s->thread, "text", broken);
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, codex_turn_result, codex_thread_run_streamed, s->thread, "text", broken, go_on, NULL);
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, codex_turn, codex_turn_start, s->thread, "text", broken);
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, codex_turn, codex_turn_begin, s->thread, "text", broken);
}

TEST(params_that_the_runtime_does_not_know_or_has_retired_are_refused_before_they_are_sent) {
  session *s = session_with_fake("{\"userAgent\":\"fake/0.163.0 (Linux)\",\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}}]}}");
  static const char retired[] = "{\"approvalPolicy\":\"on-failure\"}";
  FAILS_WITH_OUT(CODEX_ERROR_RUNTIME_UNSUPPORTED, char, codex_client_call, s->client, "thread/start", retired, 1000);
  FAILS(CODEX_ERROR_RUNTIME_UNSUPPORTED, codex_client_begin_call, s->client, "thread/start", retired, 1000, NULL, NULL);
  FAILS_WITH_OUT(CODEX_ERROR_RUNTIME_UNSUPPORTED, char, codex_client_models, s->client, "{\"modelProvider\":\"p\"}");
  FAILS_WITH_OUT(CODEX_ERROR_RUNTIME_UNSUPPORTED, char, codex_thread_list, s->client, "{\"currentAccountOnly\":true}");
  FAILS_WITH_OUT(CODEX_ERROR_RUNTIME_UNSUPPORTED, codex_thread, codex_thread_start, s->client, retired);
  FAILS_WITH_OUT(CODEX_ERROR_RUNTIME_UNSUPPORTED, codex_thread, codex_thread_resume, s->client, "id", retired);
  FAILS_WITH_OUT(CODEX_ERROR_RUNTIME_UNSUPPORTED, codex_thread, codex_thread_fork, s->client, "id", retired);
  FAILS_WITH_OUT(CODEX_ERROR_RUNTIME_UNSUPPORTED, codex_thread, codex_thread_begin, s->client, retired);
  FAILS_WITH_OUT(CODEX_ERROR_RUNTIME_UNSUPPORTED, codex_thread, codex_thread_resume_begin, s->client, "id", retired);
  FAILS_WITH_OUT(CODEX_ERROR_RUNTIME_UNSUPPORTED, codex_thread, codex_thread_fork_begin, s->client, "id", retired);
  FAILS_WITH_OUT(CODEX_ERROR_RUNTIME_UNSUPPORTED, codex_turn_result, codex_thread_run, s->thread, "text", retired);
  FAILS_WITH_OUT(CODEX_ERROR_RUNTIME_UNSUPPORTED, codex_turn, codex_turn_start, s->thread, "text", retired);
  codex_turn *turn = start_turn_or_fail(s->thread, "text");
  FAILS(CODEX_ERROR_RUNTIME_UNSUPPORTED, codex_turn_steer, turn, "more", "{\"responsesapiClientMetadataPatch\":{}}");
  codex_turn_free(turn);
}

TEST(an_error_of_params_names_its_line_and_column) {
  session *s = session_with_fake(NULL);
  codex_turn_result *result = NULL;
  codex_error *err = NULL;
  CHECK_STATUS(codex_thread_run(s->thread, "text", "{\n\n  \"a\": ?}", &result, &err), CODEX_ERROR_INVALID_JSON, err);
  CHECK_CONTAINS(codex_error_message(err), "line 3");
  CHECK_CONTAINS(codex_error_message(err), "column 8");
  forget(&err);
}

TEST(params_of_a_thread_or_a_turn_must_be_an_object) {
  session *s = session_with_fake(NULL);
  static const char *const others[] = {"[]", "\"text\"", "1", "true"};
  for (size_t i = 0; i < COUNT(others); i++) {
    REFUSED_WITH_OUT(codex_thread, codex_thread_start, s->client, others[i]);
    REFUSED_WITH_OUT(codex_thread, codex_thread_resume, s->client, "id", others[i]);
    REFUSED_WITH_OUT(codex_thread, codex_thread_fork, s->client, "id", others[i]);
    REFUSED_WITH_OUT(codex_thread, codex_thread_begin, s->client, others[i]);
    REFUSED_WITH_OUT(codex_thread, codex_thread_resume_begin, s->client, "id", others[i]);
    REFUSED_WITH_OUT(codex_thread, codex_thread_fork_begin, s->client, "id", others[i]);
    REFUSED_WITH_OUT(codex_turn_result, codex_thread_run, s->thread, "text", others[i]);
    REFUSED_WITH_OUT(codex_turn_result, codex_thread_run_streamed, s->thread, "text", others[i], go_on, NULL);
    REFUSED_WITH_OUT(codex_turn, codex_turn_start, s->thread, "text", others[i]);
    REFUSED_WITH_OUT(codex_turn, codex_turn_begin, s->thread, "text", others[i]);
  }
}

TEST(nothing_that_was_refused_is_sent) {
  session *s = session_with_fake(NULL);
  REFUSED_WITH_OUT(codex_turn, codex_turn_start, s->thread, NULL, NULL);
  REFUSED_WITH_OUT(codex_turn, codex_turn_start, s->thread, "text", "[]");
  REFUSED_WITH_OUT(codex_turn, codex_turn_begin, s->thread, NULL, NULL);
  run_or_fail(s->thread, "the only turn");
  const char *first = strstr(read_file(s->record), "\"turn/start\"");
  CHECK(first != NULL && strstr(first + 1, "\"turn/start\"") == NULL);
}

TEST(a_thread_needs_its_arguments) {
  codex_client *client = session_with_fake(NULL)->client;
  REFUSED(codex_thread_start, client, NULL, NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_start, client, bad_text);
  REFUSED_WITH_OUT(codex_thread, codex_thread_resume, client, NULL, NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_resume, client, "", NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_resume, client, bad_text, NULL);
  REFUSED(codex_thread_resume, client, "id", NULL, NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_from_id, client, NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_from_id, client, "");
  REFUSED_WITH_OUT(codex_thread, codex_thread_from_id, client, bad_text);
  REFUSED(codex_thread_from_id, client, "id", NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_fork, client, NULL, NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_fork, client, "", NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_fork, client, bad_text, NULL);
  REFUSED(codex_thread_fork, client, "id", NULL, NULL);
}

TEST(a_begun_thread_needs_its_arguments) {
  session *s = session_with_fake(NULL);
  REFUSED(codex_thread_begin, s->client, NULL, NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_begin, s->client, bad_text);
  REFUSED_WITH_OUT(codex_thread, codex_thread_resume_begin, s->client, NULL, NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_resume_begin, s->client, "", NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_resume_begin, s->client, bad_text, NULL);
  REFUSED(codex_thread_resume_begin, s->client, "id", NULL, NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_fork_begin, s->client, NULL, NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_fork_begin, s->client, "", NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_fork_begin, s->client, bad_text, NULL);
  REFUSED(codex_thread_fork_begin, s->client, "id", NULL, NULL);
  REFUSED(codex_thread_wait, s->thread, -3);
}

TEST(the_account_and_the_lists_need_their_arguments) {
  codex_client *client = session_with_fake(NULL)->client;
  REFUSED(codex_client_login_api_key, client, NULL);
  REFUSED(codex_client_login_api_key, client, "");
  REFUSED(codex_client_login_api_key, client, bad_text);
  REFUSED(codex_client_login_chatgpt, client, NULL);
  REFUSED(codex_client_login_device_code, client, NULL);
  REFUSED(codex_client_account, client, false, NULL);
  REFUSED(codex_client_models, client, NULL, NULL);
  REFUSED_WITH_OUT(char, codex_client_models, client, "[]");
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, char, codex_client_models, client, "{");
  REFUSED(codex_thread_list, client, NULL, NULL);
  REFUSED_WITH_OUT(char, codex_thread_list, client, bad_text);
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, char, codex_thread_list, client, "{");
  REFUSED(codex_thread_unarchive, client, NULL);
  REFUSED(codex_thread_unarchive, client, "");
}

TEST(a_review_needs_its_arguments) {
  codex_thread *thread = session_with_fake(NULL)->thread;
  REFUSED_WITH_OUT(codex_turn, codex_thread_review, thread, NULL, NULL);
  REFUSED_WITH_OUT(codex_turn, codex_thread_review, thread, "[]", NULL);
  REFUSED_WITH_OUT(codex_turn, codex_thread_review, thread, bad_text, NULL);
  REFUSED_WITH_OUT(codex_turn, codex_thread_review, thread, "{}", "[]");
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, codex_turn, codex_thread_review, thread, "{", NULL);
  REFUSED(codex_thread_review, thread, "{}", NULL, NULL);
  REFUSED_WITH_OUT(codex_turn, codex_thread_goal, thread, NULL, NULL);
  REFUSED_WITH_OUT(codex_turn, codex_thread_goal, thread, " ", NULL);
  REFUSED_WITH_OUT(codex_turn, codex_thread_goal, thread, bad_text, NULL);
  REFUSED_WITH_OUT(codex_turn, codex_thread_goal, thread, "goal", "[]");
  FAILS_WITH_OUT(CODEX_ERROR_INVALID_JSON, codex_turn, codex_thread_goal, thread, "goal", "{");
  REFUSED(codex_thread_goal, thread, "goal", NULL, NULL);
}

TEST(an_unknown_mode_of_approval_or_sandbox_is_refused) {
  session *s = session_with_fake(NULL);
  REFUSED_WITH_OUT(codex_thread, codex_thread_start, s->client, "{\"approvalMode\":\"banana\"}");
  REFUSED_WITH_OUT(codex_thread, codex_thread_start, s->client, "{\"approvalMode\":1}");
  REFUSED_WITH_OUT(codex_thread, codex_thread_start, s->client, "{\"sandbox\":\"banana\"}");
  REFUSED_WITH_OUT(codex_turn, codex_turn_start, s->thread, "text", "{\"limits\":{\"timeoutMs\":\"soon\"}}");
  REFUSED_WITH_OUT(codex_turn, codex_turn_start, s->thread, "text", "{\"limits\":{\"timeoutMs\":-1}}");
}

TEST(a_run_needs_its_arguments) {
  codex_thread *thread = session_with_fake(NULL)->thread;
  REFUSED_WITH_OUT(codex_turn_result, codex_thread_run, thread, NULL, NULL);
  REFUSED_WITH_OUT(codex_turn_result, codex_thread_run, thread, NULL, "{\"effort\":\"low\"}");
  REFUSED_WITH_OUT(codex_turn_result, codex_thread_run, thread, bad_text, NULL);
  REFUSED_WITH_OUT(codex_turn_result, codex_thread_run, thread, "text", bad_text);
  REFUSED(codex_thread_run, thread, "text", NULL, NULL);
  REFUSED_WITH_OUT(codex_turn_result, codex_thread_run_streamed, thread, NULL, NULL, go_on, NULL);
  REFUSED_WITH_OUT(codex_turn_result, codex_thread_run_streamed, thread, "text", NULL, NULL, NULL);
  REFUSED(codex_thread_run_streamed, thread, "text", NULL, go_on, NULL, NULL);
  REFUSED(codex_thread_read, thread, false, NULL);
  REFUSED(codex_thread_set_name, thread, NULL);
  REFUSED(codex_thread_set_name, thread, bad_text);
}

TEST(a_turn_needs_its_arguments) {
  session *s = session_with_fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}}]}}");
  REFUSED_WITH_OUT(codex_turn, codex_turn_start, s->thread, NULL, NULL);
  REFUSED_WITH_OUT(codex_turn, codex_turn_start, s->thread, bad_text, NULL);
  REFUSED(codex_turn_start, s->thread, "text", NULL, NULL);
  REFUSED_WITH_OUT(codex_turn, codex_turn_begin, s->thread, NULL, NULL);
  REFUSED_WITH_OUT(codex_turn, codex_turn_begin, s->thread, bad_text, NULL);
  REFUSED(codex_turn_begin, s->thread, "text", NULL, NULL);
  REFUSED_WITH_OUT(codex_turn, codex_turn_attach, s->thread, "");
  REFUSED_WITH_OUT(codex_turn, codex_turn_attach, s->thread, bad_text);
  REFUSED(codex_turn_attach, s->thread, NULL, NULL);
  codex_turn *turn = start_turn_or_fail(s->thread, "text");
  REFUSED(codex_turn_next_event, turn, 0, NULL);
  REFUSED_WITH_OUT(codex_event, codex_turn_next_event, turn, -3);
  REFUSED(codex_turn_wait, turn, 0, NULL);
  REFUSED_WITH_OUT(codex_turn_result, codex_turn_wait, turn, -3);
  REFUSED(codex_turn_steer, turn, NULL, NULL);
  REFUSED(codex_turn_steer, turn, bad_text, NULL);
  REFUSED(codex_turn_steer, turn, "text", "[]");
  FAILS(CODEX_ERROR_INVALID_JSON, codex_turn_steer, turn, "text", "{");
  codex_turn_free(turn);
}

TEST(an_answer_needs_its_arguments_and_leaves_the_request_open) {
  flag destroyed = FLAG_INITIALIZER;
  session *s = session_with_fake("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"request\":[7,\"item/tool/call\","
                                 "{\"threadId\":\"$threadId\",\"turnId\":\"$turnId\",\"callId\":\"c\",\"tool\":\"t\","
                                 "\"arguments\":{}}]},{\"waitAnswer\":7},{\"finishTurn\":{}}]}}");
  codex_turn *turn = start_turn_or_fail(s->thread, "text");
  codex_event *event = await_event(turn, CODEX_EVENT_REQUEST);
  codex_request *request = codex_event_take_request(event);
  REFUSED(codex_request_respond_text, request, true, NULL);
  REFUSED(codex_request_respond_text, request, true, bad_text);
  REFUSED(codex_request_respond_items, request, true, NULL);
  REFUSED(codex_request_respond_items, request, true, bad_text);
  REFUSED(codex_request_respond_items, request, true, "{}");
  FAILS(CODEX_ERROR_INVALID_JSON, codex_request_respond_items, request, true, "{");
  REFUSED(codex_request_respond_json, request, NULL);
  REFUSED(codex_request_respond_json, request, bad_text);
  FAILS(CODEX_ERROR_INVALID_JSON, codex_request_respond_json, request, "{");
  REFUSED(codex_request_fail, request, 1, NULL);
  REFUSED(codex_request_fail, request, 1, bad_text);
  codex_request_set_cancelled(request, NULL, &destroyed, flag_raise_callback);
  CHECK_INT(flag_count(&destroyed), 1);
  codex_error *err = STALE(codex_error);
  CHECK_OK(codex_request_respond_text(request, true, "fine", &err), err);
  codex_request_free(request);
  codex_event_free(event);
  CHECK_INT(drain(turn), CODEX_OK);
  codex_turn_free(turn);
}

TEST(the_first_failed_field_is_what_the_call_tells) {
  session *s = session_with_fake(NULL);
  codex_turn_result *result = STALE(codex_turn_result);
  codex_error *err = NULL;
  codex_params *params = codex_params_new();
  CHECK_STATUS(codex_params_set_json(params, "theFirst", "{"), CODEX_ERROR_INVALID_JSON, NULL);
  CHECK_INVALID(codex_params_set_string(params, "theSecond", bad_text));
  codex_status status = codex_thread_run(s->thread, "text", codex_params_json(params), &result, &err);
  CHECK_STATUS(status, CODEX_ERROR_INVALID_JSON, err);
  CHECK(result == NULL);
  CHECK_CONTAINS(codex_error_message(err), "theFirst");
  forget(&err);
  codex_params_free(params);
}

TEST(a_call_may_leave_out_its_params_and_its_answer) {
  session *s = session_with_fake("{\"on\":{\"account/read\":[{\"reply\":{\"account\":null}}]}}");
  char *answer = NULL;
  codex_error *err = NULL;
  CHECK_OK(codex_client_call(s->client, "account/read", NULL, CODEX_WAIT_DEFAULT, &answer, &err), err);
  CHECK_STR(answer, "{\"account\":null}");
  codex_string_free(answer);
  CHECK_OK(codex_client_call(s->client, "account/read", NULL, CODEX_WAIT_DEFAULT, NULL, &err), err);
  CHECK_OK(codex_client_notify(s->client, "initialized", NULL, &err), err);
  forget(&err);
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(freeing_null_does_nothing),
      CASE(waking_or_marking_null_does_nothing),
      CASE(an_error_that_is_null_tells_nothing),
      CASE(a_value_that_is_null_gives_fallbacks),
      CASE(a_pointer_that_is_null_or_no_utf_8_finds_nothing),
      CASE(parsing_needs_a_text_and_a_place_for_the_value),
      CASE(a_call_that_succeeds_leaves_no_stale_error),
      CASE(params_that_are_null_are_refused),
      CASE(a_field_needs_a_key_and_a_value),
      CASE(an_input_item_needs_all_its_parts),
      CASE(options_that_are_null_are_refused),
      CASE(a_failed_registration_destroys_its_user_data_once),
      CASE(a_callback_that_is_null_takes_the_former_one_away),
      CASE(an_unknown_log_level_is_refused),
      CASE(an_option_needs_its_value),
      CASE(a_number_of_callback_threads_that_makes_no_sense_is_refused),
      CASE(limits_of_a_client_must_be_limits),
      CASE(an_option_that_is_empty_or_no_utf_8_is_refused),
      CASE(a_negative_timeout_without_a_meaning_is_refused),
      CASE(a_timeout_may_be_forever_or_longer_than_a_life),
      CASE(connecting_needs_a_place_for_the_client),
      CASE(the_first_failed_option_is_what_connecting_tells),
      CASE(a_client_that_is_null_is_refused),
      CASE(a_thread_that_is_null_is_refused),
      CASE(a_login_that_is_null_is_refused),
      CASE(a_turn_that_is_null_is_refused),
      CASE(an_event_that_is_null_tells_nothing),
      CASE(a_result_that_is_null_tells_nothing),
      CASE(a_request_that_is_null_tells_nothing_and_takes_no_answer),
      CASE(a_call_of_the_client_needs_its_arguments),
      CASE(params_of_a_call_must_be_json),
      CASE(params_that_the_runtime_does_not_know_or_has_retired_are_refused_before_they_are_sent),
      CASE(an_error_of_params_names_its_line_and_column),
      CASE(params_of_a_thread_or_a_turn_must_be_an_object),
      CASE(nothing_that_was_refused_is_sent),
      CASE(a_thread_needs_its_arguments),
      CASE(a_begun_thread_needs_its_arguments),
      CASE(the_account_and_the_lists_need_their_arguments),
      CASE(a_review_needs_its_arguments),
      CASE(an_unknown_mode_of_approval_or_sandbox_is_refused),
      CASE(a_run_needs_its_arguments),
      CASE(a_turn_needs_its_arguments),
      CASE(an_answer_needs_its_arguments_and_leaves_the_request_open),
      CASE(the_first_failed_field_is_what_the_call_tells),
      CASE(a_call_may_leave_out_its_params_and_its_answer),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
