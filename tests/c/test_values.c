/* Reading and writing JSON: codex_value and codex_params. */
#include "support.h"

#include <math.h>

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static codex_error *parse_error(const char *json, codex_status expected) {
  codex_value *value = (codex_value *)(uintptr_t)1;
  codex_error *err = NULL;
  CHECK_STATUS(codex_value_parse(json, &value, &err), expected, err);
  CHECK(value == NULL);
  CHECK(err != NULL);
  return err;
}

static void check_not_json(const char *json) {
  codex_error *err = parse_error(json, CODEX_ERROR_INVALID_JSON);
  CHECK_INT(codex_error_status(err), CODEX_ERROR_INVALID_JSON);
  forget(&err);
}

TEST(every_type_of_value_is_told_apart) {
  const codex_value *value = parsed("[null, true, 42, 4.5, \"text\", [1], {\"a\": 1}]");
  for (int type = CODEX_VALUE_NULL; type <= CODEX_VALUE_OBJECT; type++)
    CHECK_INT(codex_value_get_type(codex_value_item(value, (size_t)type)), type);
  CHECK_INT(codex_value_get_type(value), CODEX_VALUE_ARRAY);
}

TEST(a_scalar_alone_is_a_document) {
  CHECK_INT(codex_value_int(parsed(" 7 "), 0), 7);
  CHECK_STR(codex_value_string(parsed("\"x\""), NULL), "x");
  CHECK_INT(codex_value_get_type(parsed("null")), CODEX_VALUE_NULL);
  CHECK(codex_value_bool(parsed("true"), false));
}

TEST(integers_keep_all_64_bits) {
  const codex_value *value = parsed("[9223372036854775807, -9223372036854775808, 0, -0]");
  CHECK_INT(codex_value_int(codex_value_item(value, 0), 0), INT64_MAX);
  CHECK_INT(codex_value_int(codex_value_item(value, 1), 0), INT64_MIN);
  CHECK_INT(codex_value_int(codex_value_item(value, 2), 5), 0);
  CHECK_INT(codex_value_int(codex_value_item(value, 3), 5), 0);
}

TEST(an_integer_outside_64_bits_is_a_double) {
  const codex_value *value = parsed("9223372036854775808");
  CHECK_INT(codex_value_get_type(value), CODEX_VALUE_DOUBLE);
  CHECK(codex_value_double(value, 0) == 9223372036854775808.0);
  CHECK_INT(codex_value_int(value, -7), -7);
}

TEST(numbers_are_read_as_the_other_kind_where_that_is_exact) {
  CHECK(codex_value_double(parsed("3"), 0) == 3.0);
  CHECK_INT(codex_value_int(parsed("3.0"), 0), 3);
  CHECK_INT(codex_value_int(parsed("3.5"), -1), -1);
}

TEST(a_value_of_another_type_gives_the_fallback) {
  const codex_value *value = parsed("{\"s\": \"1\", \"n\": null, \"i\": 1}");
  CHECK_INT(codex_value_int(codex_value_at(value, "/s"), 11), 11);
  CHECK(codex_value_double(codex_value_at(value, "/n"), 1.5) == 1.5);
  CHECK(codex_value_bool(codex_value_at(value, "/i"), true));
  CHECK(!codex_value_bool(codex_value_at(value, "/i"), false));
  CHECK_STR(codex_value_string(codex_value_at(value, "/i"), NULL), NULL);
}

TEST(an_absent_value_gives_the_fallback) {
  const codex_value *absent = codex_value_at(parsed("{}"), "/none");
  CHECK(absent == NULL);
  CHECK_INT(codex_value_int(absent, -3), -3);
  CHECK(codex_value_double(absent, 0.5) == 0.5);
  CHECK(codex_value_bool(absent, true));
  CHECK_STR(codex_value_string(absent, NULL), NULL);
  CHECK_INT(codex_value_count(absent), 0);
  CHECK(codex_value_item(absent, 0) == NULL);
  CHECK(codex_value_at(absent, "") == NULL);
}

TEST(a_pointer_finds_what_rfc_6901_says) {
  const codex_value *value = parsed("{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, \"g|h\": 4,"
                                    " \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8}");
  static const char *const pointers[] = {"/", "/a~1b", "/c%d", "/e^f", "/g|h", "/i\\j", "/k\"l", "/ ", "/m~0n"};
  for (size_t i = 0; i < COUNT(pointers); i++) CHECK_INT(int_at(value, pointers[i]), i);
  CHECK(codex_value_at(value, "") == value);
  CHECK_STR(string_at(value, "/foo/0"), "bar");
  CHECK_STR(string_at(value, "/foo/1"), "baz");
}

TEST(a_pointer_that_leads_nowhere_gives_null) {
  const codex_value *value = parsed("{\"foo\": [\"bar\"], \"s\": \"text\"}");
  static const char *const pointers[] = {"foo", "/foo/1", "/foo/-", "/foo/00", "/foo/+0", "/foo/0/x", "/s/0",
                                         "/fo", "/foo/", "//foo", "/foo/18446744073709551616", "/~", "/~2"};
  for (size_t i = 0; i < COUNT(pointers); i++) CHECK(codex_value_at(value, pointers[i]) == NULL);
}

TEST(a_pointer_starts_at_the_value_that_it_is_asked_of) {
  const codex_value *inner = codex_value_at(parsed("{\"a\": {\"b\": {\"c\": 9}}}"), "/a/b");
  CHECK_INT(int_at(inner, "/c"), 9);
  CHECK(codex_value_at(inner, "/a") == NULL);
}

TEST(members_keep_their_order) {
  const codex_value *value = parsed("{\"z\": 1, \"a\": 2, \"m\": 3}");
  CHECK_INT(codex_value_count(value), 3);
  CHECK_STR(codex_value_key(value, 0), "z");
  CHECK_STR(codex_value_key(value, 1), "a");
  CHECK_STR(codex_value_key(value, 2), "m");
  for (size_t i = 0; i < 3; i++) CHECK_INT(codex_value_int(codex_value_item(value, i), 0), i + 1);
}

TEST(outside_of_a_container_there_is_nothing) {
  const codex_value *object = parsed("{\"a\": 1}");
  const codex_value *array = parsed("[1]");
  CHECK(codex_value_item(object, 1) == NULL);
  CHECK(codex_value_item(array, (size_t)-1) == NULL);
  CHECK(codex_value_key(object, 1) == NULL);
  CHECK(codex_value_key(array, 0) == NULL);
  CHECK_INT(codex_value_count(parsed("\"text\"")), 0);
  CHECK(codex_value_item(parsed("1"), 0) == NULL);
}

TEST(of_a_repeated_key_the_last_counts_and_all_are_visible) {
  const codex_value *value = parsed("{\"a\": 1, \"a\": 2}");
  CHECK_INT(int_at(value, "/a"), 2);
  CHECK_INT(codex_value_count(value), 2);
  CHECK_INT(codex_value_int(codex_value_item(value, 0), 0), 1);
}

TEST(an_embedded_nul_is_counted_by_the_length) {
  size_t length = 0;
  const char *string = codex_value_string(parsed("\"a\\u0000b\""), &length);
  CHECK_INT(length, 3);
  CHECK(string != NULL && memcmp(string, "a\0b", 4) == 0);
}

TEST(escapes_become_utf_8) {
  const char *json = "\"\\\"\\\\\\/\\b\\f\\n\\r\\t \\u00e9 \\u20ac \\ud83d\\ude00 \xc3\xa9\"";
  const char *expected = "\"\\/\b\f\n\r\t \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80 \xc3\xa9";
  size_t length = 0;
  CHECK_STR(codex_value_string(parsed(json), &length), expected);
  CHECK_INT(length, strlen(expected));
}

TEST(an_empty_string_has_length_zero) {
  size_t length = 99;
  CHECK_STR(codex_value_string(parsed("\"\""), &length), "");
  CHECK_INT(length, 0);
}

TEST(what_is_no_string_has_length_zero) {
  size_t length = 99;
  CHECK(codex_value_string(parsed("1"), &length) == NULL);
  CHECK_INT(length, 0);
}

TEST(a_key_with_escapes_is_found_by_its_text) {
  const codex_value *value = parsed("{\"\\u00e9\\n\": 1}");
  CHECK_STR(codex_value_key(value, 0), "\xc3\xa9\n");
  CHECK_INT(int_at(value, "/\xc3\xa9\n"), 1);
}

TEST(a_sub_tree_is_handed_out_verbatim) {
  char *json = codex_value_json(codex_value_at(parsed("{\"a\": {\"b\":[1.50,\"\\u00e9\"]}}"), "/a"));
  CHECK_STR(json, "{\"b\":[1.50,\"\\u00e9\"]}");
  codex_string_free(json);
}

TEST(borrowed_strings_stay_where_they_are) {
  const codex_value *value = parsed("{\"a\": \"x\\ty\", \"b\": \"z\"}");
  const char *first = string_at(value, "/a");
  CHECK(codex_value_at(value, "/a") == codex_value_item(value, 0));
  CHECK_STR(string_at(value, "/b"), "z");
  CHECK(first == string_at(value, "/a"));
  CHECK_STR(first, "x\ty");
}

TEST(a_large_array_is_read_by_index) {
  enum { ELEMENTS = 20000 };
  char *json = malloc(ELEMENTS * 8);
  size_t length = 0;
  if (!CHECK(json != NULL)) return;
  for (int i = 0; i < ELEMENTS; i++) length += (size_t)sprintf(json + length, "%c%d", i == 0 ? '[' : ',', i);
  strcpy(json + length, "]");
  const codex_value *value = parsed(json);
  int64_t sum = 0;
  for (size_t i = 0; i < codex_value_count(value); i++) sum += codex_value_int(codex_value_item(value, i), 0);
  CHECK_INT(sum, (int64_t)ELEMENTS * (ELEMENTS - 1) / 2);
  free(json);
}

TEST(what_is_not_json_is_refused) {
  static const char *const texts[] = {"", " ", "{", "[1,]", "{\"a\":}", "{'a':1}", "nul", "1 2", "[1] x", "01", "+1", ".5",
                                      "\"a", "\"\t\"", "\"\\x\"", "NaN", "{\"a\" 1}", "// no\n1"};
  for (size_t i = 0; i < COUNT(texts); i++) check_not_json(texts[i]);
}

TEST(an_error_of_json_names_its_line_and_column) {
  codex_error *err = parse_error("{\n  \"a\": 1,\n  \"b\": ?\n}", CODEX_ERROR_INVALID_JSON);
  CHECK_CONTAINS(codex_error_message(err), "line 3");
  CHECK_CONTAINS(codex_error_message(err), "column 8");
  forget(&err);
}

TEST(a_lone_surrogate_is_refused) {
  check_not_json("\"\\ud800\"");
  check_not_json("[\"\\udc00\"]");
  check_not_json("{\"\\ud800x\": 1}");
}

TEST(nesting_without_end_is_refused_without_harm) {
  enum { DEPTH = 100000 };
  char *json = malloc(DEPTH + 1);
  if (!CHECK(json != NULL)) return;
  memset(json, '[', DEPTH);
  json[DEPTH] = '\0';
  check_not_json(json);
  free(json);
}

TEST(text_that_is_not_utf_8_is_refused) {
  codex_error *err = parse_error("\"\xff\"", CODEX_ERROR_INVALID_ARGUMENT);
  CHECK_CONTAINS(codex_error_message(err), "UTF-8");
  forget(&err);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static void free_params(void *params) { codex_params_free(params); }

static codex_params *new_params(void) {
  codex_params *params = codex_params_new();
  CHECK(params != NULL);
  defer(free_params, params);
  return params;
}

#define SET(call) CHECK_OK(call, NULL)

TEST(params_without_fields_are_an_empty_object) { CHECK_STR(codex_params_json(new_params()), "{}"); }

TEST(every_setter_writes_its_type) {
  codex_params *params = new_params();
  SET(codex_params_set_string(params, "s", "say \"hi\"\n\t\\ \x01 \xc3\xa9 \xf0\x9f\x98\x80"));
  SET(codex_params_set_int(params, "i", INT64_MIN));
  SET(codex_params_set_double(params, "d", 0.1));
  SET(codex_params_set_bool(params, "t", true));
  SET(codex_params_set_bool(params, "f", false));
  SET(codex_params_set_json(params, "j", "{\"a\": [1, null]}"));
  const codex_value *value = parsed(codex_params_json(params));
  CHECK_STR(string_at(value, "/s"), "say \"hi\"\n\t\\ \x01 \xc3\xa9 \xf0\x9f\x98\x80");
  CHECK_INT(int_at(value, "/i"), INT64_MIN);
  CHECK(codex_value_double(codex_value_at(value, "/d"), 0) == 0.1);
  CHECK(codex_value_bool(codex_value_at(value, "/t"), false));
  CHECK(!codex_value_bool(codex_value_at(value, "/f"), true));
  CHECK_INT(codex_value_count(codex_value_at(value, "/j/a")), 2);
}

TEST(fields_keep_the_order_in_which_they_were_set) {
  codex_params *params = new_params();
  SET(codex_params_set_int(params, "z", 1));
  SET(codex_params_set_int(params, "a", 2));
  CHECK_STR(codex_params_json(params), "{\"z\":1,\"a\":2}");
}

TEST(a_field_set_twice_has_the_second_value) {
  codex_params *params = new_params();
  SET(codex_params_set_int(params, "model", 1));
  SET(codex_params_set_string(params, "model", "gpt-5.5"));
  CHECK_STR(codex_params_json(params), "{\"model\":\"gpt-5.5\"}");
}

TEST(json_is_minified_outside_strings_and_numbers_stay_as_written) {
  codex_params *params = new_params();
  SET(codex_params_set_json(params, "j", " { \"a b\" : [ 1.50 ,\n 1e3 ] } "));
  CHECK_STR(codex_params_json(params), "{\"j\":{\"a b\":[1.50,1e3]}}");
}

TEST(a_pointer_as_key_creates_the_objects_on_its_way) {
  codex_params *params = new_params();
  SET(codex_params_set_bool(params, "/config/tools/update_plan/enabled", true));
  SET(codex_params_set_int(params, "/config/a~1b~0c", 7));
  CHECK_STR(codex_params_json(params), "{\"config\":{\"tools\":{\"update_plan\":{\"enabled\":true}},\"a/b~c\":7}}");
}

TEST(a_pointer_as_key_opens_an_object_that_was_set_as_json) {
  codex_params *params = new_params();
  SET(codex_params_set_json(params, "config", "{\"a\":{\"b\":1}}"));
  SET(codex_params_set_int(params, "/config/a/c", 2));
  CHECK_STR(codex_params_json(params), "{\"config\":{\"a\":{\"b\":1,\"c\":2}}}");
}

/* What stands for the JSON of params that a setter failed on is no JSON, so that no call can send it, and says why. */
static void check_failed(codex_params *params, const char *why) {
  const char *json = codex_params_json(params);
  CHECK(strstr(json, why) != NULL);
  CHECK_STATUS(codex_value_parse(json, &(codex_value *){NULL}, NULL), CODEX_ERROR_INVALID_JSON, NULL);
}

TEST(a_pointer_through_a_scalar_or_an_array_is_refused) {
  codex_params *params = new_params();
  SET(codex_params_set_int(params, "n", 1));
  SET(codex_params_set_json(params, "a", "[1]"));
  CHECK_INVALID(codex_params_set_int(params, "/n/x", 1));
  CHECK_INVALID(codex_params_set_int(params, "/a/0", 1));
  check_failed(params, "/n/x");
}

TEST(a_number_that_json_cannot_express_is_refused) {
  codex_params *params = new_params();
  CHECK_INVALID(codex_params_set_double(params, "d", NAN));
  CHECK_INVALID(codex_params_set_double(params, "d", INFINITY));
  CHECK_INVALID(codex_params_set_double(params, "d", -INFINITY));
  check_failed(params, "NaN");
}

TEST(a_failed_setter_is_told_by_what_stands_for_the_json) {
  codex_params *params = new_params();
  SET(codex_params_set_string(params, "kept", "yes"));
  CHECK_STATUS(codex_params_set_json(params, "kept", "{"), CODEX_ERROR_INVALID_JSON, NULL);
  CHECK_STATUS(codex_params_set_json(params, "new", "\"\\ud800\""), CODEX_ERROR_INVALID_JSON, NULL);
  CHECK_INVALID(codex_params_set_string(params, "kept", "\xff"));
  CHECK_INVALID(codex_params_set_string(params, "\xff", "x"));
  CHECK_INVALID(codex_params_set_string(params, "", "x"));
  CHECK_INVALID(codex_params_set_string(params, "/a~", "x"));
  CHECK_INVALID(codex_params_add_text(params, "\xff"));
  check_failed(params, "kept");
}

TEST(the_first_failure_stays_whatever_is_set_after_it) {
  codex_params *params = new_params();
  CHECK_INVALID(codex_params_set_double(params, "bad", NAN));
  SET(codex_params_set_int(params, "good", 1));
  CHECK_INVALID(codex_params_set_double(params, "worse", NAN));
  check_failed(params, "\"bad\"");
}

TEST(input_items_keep_their_order_and_have_the_form_of_the_protocol) {
  static const uint8_t bytes[] = {0x89, 'P', 'N', 'G', 0, 0xff, 0x10};
  codex_params *params = new_params();
  SET(codex_params_add_text(params, "look"));
  SET(codex_params_add_image_url(params, "data:image/png;base64,AAAA"));
  SET(codex_params_add_image_file(params, "/tmp/a picture.png"));
  SET(codex_params_add_image_bytes(params, bytes, sizeof bytes, "image/png"));
  SET(codex_params_add_skill(params, "demo", "/skills/demo/SKILL.md"));
  SET(codex_params_add_mention(params, "drive", "app://drive"));
  SET(codex_params_add_text(params, ""));
  CHECK_STR(codex_params_json(params), "{\"input\":["
            "{\"type\":\"text\",\"text\":\"look\"},"
            "{\"type\":\"image\",\"url\":\"data:image/png;base64,AAAA\"},"
            "{\"type\":\"localImage\",\"path\":\"/tmp/a picture.png\"},"
            "{\"type\":\"image\",\"url\":\"data:image/png;base64,iVBORwD/EA==\"},"
            "{\"type\":\"skill\",\"name\":\"demo\",\"path\":\"/skills/demo/SKILL.md\"},"
            "{\"type\":\"mention\",\"name\":\"drive\",\"path\":\"app://drive\"},"
            "{\"type\":\"text\",\"text\":\"\"}]}");
}

TEST(an_image_needs_bytes_and_the_type_of_an_image) {
  static const uint8_t byte = 'x';
  codex_params *params = new_params();
  CHECK_INVALID(codex_params_add_image_bytes(params, &byte, 0, "image/png"));
  CHECK_INVALID(codex_params_add_image_bytes(params, &byte, 1, ""));
  CHECK_INVALID(codex_params_add_image_bytes(params, &byte, 1, "text/plain"));
  check_failed(params, "no bytes");
}

TEST(an_external_message_is_a_tool_output_with_an_empty_input) {
  codex_params *params = new_params();
  SET(codex_params_set_external_message(params, "notifications", "slack", "New \"mail\""));
  const codex_value *value = parsed(codex_params_json(params));
  CHECK_INT(codex_value_get_type(codex_value_at(value, "/input")), CODEX_VALUE_ARRAY);
  CHECK_INT(codex_value_count(codex_value_at(value, "/input")), 0);
  CHECK_STR(string_at(value, "/toolOutput/name"), "notifications");
  CHECK_STR(string_at(value, "/toolOutput/namespace"), "slack");
  CHECK_STR(string_at(value, "/toolOutput/output"), "New \"mail\"");
}

TEST(an_external_message_needs_no_namespace) {
  codex_params *params = new_params();
  SET(codex_params_set_external_message(params, "mail", NULL, "text"));
  CHECK(!has(parsed(codex_params_json(params)), "/toolOutput/namespace"));
}

TEST(an_external_message_without_a_tool_name_is_refused) {
  codex_params *params = new_params();
  CHECK_INVALID(codex_params_set_external_message(params, "", NULL, "text"));
  CHECK_INVALID(codex_params_set_external_message(params, " \t", NULL, "text"));
  check_failed(params, "tool name");
}

TEST(an_external_message_is_sent_alone) {
  codex_params *params = new_params();
  codex_params *others = new_params();
  SET(codex_params_set_external_message(params, "mail", NULL, "text"));
  CHECK_INVALID(codex_params_add_text(params, "more"));
  SET(codex_params_add_text(others, "more"));
  CHECK_INVALID(codex_params_set_external_message(others, "mail", NULL, "text"));
}

TEST(what_was_given_is_copied) {
  char key[] = "key", string[] = "value", json[] = "[1]", item[] = "text";
  codex_params *params = new_params();
  SET(codex_params_set_string(params, key, string));
  SET(codex_params_set_json(params, "json", json));
  SET(codex_params_add_text(params, item));
  memset(key, 'x', sizeof key - 1);
  memset(string, 'x', sizeof string - 1);
  memset(json, 'x', sizeof json - 1);
  memset(item, 'x', sizeof item - 1);
  CHECK_STR(codex_params_json(params), "{\"key\":\"value\",\"json\":[1],\"input\":[{\"type\":\"text\",\"text\":\"text\"}]}");
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(every_type_of_value_is_told_apart),
      CASE(a_scalar_alone_is_a_document),
      CASE(integers_keep_all_64_bits),
      CASE(an_integer_outside_64_bits_is_a_double),
      CASE(numbers_are_read_as_the_other_kind_where_that_is_exact),
      CASE(a_value_of_another_type_gives_the_fallback),
      CASE(an_absent_value_gives_the_fallback),
      CASE(a_pointer_finds_what_rfc_6901_says),
      CASE(a_pointer_that_leads_nowhere_gives_null),
      CASE(a_pointer_starts_at_the_value_that_it_is_asked_of),
      CASE(members_keep_their_order),
      CASE(outside_of_a_container_there_is_nothing),
      CASE(of_a_repeated_key_the_last_counts_and_all_are_visible),
      CASE(an_embedded_nul_is_counted_by_the_length),
      CASE(escapes_become_utf_8),
      CASE(an_empty_string_has_length_zero),
      CASE(what_is_no_string_has_length_zero),
      CASE(a_key_with_escapes_is_found_by_its_text),
      CASE(a_sub_tree_is_handed_out_verbatim),
      CASE(borrowed_strings_stay_where_they_are),
      CASE(a_large_array_is_read_by_index),
      CASE(what_is_not_json_is_refused),
      CASE(an_error_of_json_names_its_line_and_column),
      CASE(a_lone_surrogate_is_refused),
      CASE(nesting_without_end_is_refused_without_harm),
      CASE(text_that_is_not_utf_8_is_refused),
      CASE(params_without_fields_are_an_empty_object),
      CASE(every_setter_writes_its_type),
      CASE(fields_keep_the_order_in_which_they_were_set),
      CASE(a_field_set_twice_has_the_second_value),
      CASE(json_is_minified_outside_strings_and_numbers_stay_as_written),
      CASE(a_pointer_as_key_creates_the_objects_on_its_way),
      CASE(a_pointer_as_key_opens_an_object_that_was_set_as_json),
      CASE(a_pointer_through_a_scalar_or_an_array_is_refused),
      CASE(a_number_that_json_cannot_express_is_refused),
      CASE(a_failed_setter_is_told_by_what_stands_for_the_json),
      CASE(the_first_failure_stays_whatever_is_set_after_it),
      CASE(input_items_keep_their_order_and_have_the_form_of_the_protocol),
      CASE(an_image_needs_bytes_and_the_type_of_an_image),
      CASE(an_external_message_is_a_tool_output_with_an_empty_input),
      CASE(an_external_message_needs_no_namespace),
      CASE(an_external_message_without_a_tool_name_is_refused),
      CASE(an_external_message_is_sent_alone),
      CASE(what_was_given_is_copied),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
