// JSON that is read and written, times, strings and statuses: what needs no runtime.
#include "support.hpp"

#include <filesystem>
#include <vector>

TEST(values_are_looked_up_by_key_index_and_pointer) {
  const auto document = codex::document::parse(R"({"a":{"b":[1,"two",3.5,true,null]},"x/y~z":"odd"})");
  const codex::value list = document["a"]["b"];
  CHECK_INT(list[0].as_int(), 1);
  CHECK_STR(list[1].as_string(), "two");
  CHECK(list[2].as_double() > 3.4 && list[2].as_double() < 3.6);
  CHECK(list[3].as_bool());
  CHECK(list[4] && list[4].type() == codex::value_type::null);
  CHECK_STR(document.at("/a/b/1").as_string(), "two");
  CHECK_STR(document["x/y~z"].as_string(), "odd");
  CHECK_STR(document.at("/x~1y~0z").as_string(), "odd");
  CHECK_STR(document["a"].json(), R"({"b":[1,"two",3.5,true,null]})");
}

TEST(what_is_absent_gives_the_fallbacks_however_deep) {
  const codex::value absent = codex::document::parse("{}")["a"]["b"][7].at("/c");
  CHECK(!absent && absent.type() == codex::value_type::null && absent.empty());
  CHECK_INT(absent.as_int(-1), -1);
  CHECK_STR(absent.as_string("none"), "none");
  CHECK(absent.as_bool(true) && absent.as_double(2) > 1);
  CHECK_STR(absent.json(), "");
  CHECK_STR(absent.key(0), "");
  for (codex::value item : absent) CHECK(!item);
}

TEST(loops_walk_over_elements_and_members_in_order) {
  const auto document = codex::document::parse(R"({"one":1,"two":[2,3],"three":"4"})");
  std::string seen;
  for (auto [key, item] : document.value().members()) seen += std::string(key) + "=" + item.json() + ";";
  for (codex::value item : document["two"]) seen += item.json() + ",";
  CHECK_STR(seen, R"(one=1;two=[2,3];three="4";2,3,)");
  CHECK_INT(std::distance(document.value().begin(), document.value().end()), 3);
}

TEST(every_type_has_its_name) {
  const auto document = codex::document::parse(R"([null,true,1,1.5,"s",[],{}])");
  const codex::value_type types[] = {codex::value_type::null,  codex::value_type::boolean, codex::value_type::integer,
                                     codex::value_type::real,  codex::value_type::string,  codex::value_type::array,
                                     codex::value_type::object};
  for (std::size_t i = 0; i < COUNT(types); i++) CHECK(document.value()[i].type() == types[i]);
}

TEST(a_text_that_is_no_json_is_an_error_with_its_place) {
  try {
    codex::document::parse("{\"a\": }");
    CHECK(!"it was parsed");
  } catch (const codex::error &thrown) {
    CHECK(thrown.status() == codex::status::invalid_json);
    CHECK_CONTAINS(thrown.what(), "column");
  }
}

TEST(a_string_may_hold_a_nul) {
  const auto document = codex::document::parse(R"("a\u0000b")");
  CHECK(document.value().as_string() == std::string_view("a\0b", 3));
}

TEST(a_document_keeps_its_value_when_it_is_moved) {
  codex::document first = codex::document::parse(R"({"a":"b"})");
  const codex::value a = first["a"];
  const codex::document second = std::move(first);
  CHECK_STR(a.as_string(), "b");
  CHECK_STR(second.json(), R"({"a":"b"})");
  CHECK(!first.value() && first.json().empty());
}

// ---- params ---------------------------------------------------------------------------------------------------------

TEST(params_take_values_of_every_kind) {
  codex::params params;
  params.set("string", "s").set("view", std::string_view("v")).set("owned", std::string("o"));
  params.set("int", -1).set("unsigned", 7u).set("largest", UINT64_MAX).set("double", 1.5).set("bool", true);
  params.set("time", 2s)
      .set("nested", codex::params().set("a", 1))
      .set_json("json", "[1, 2]")
      .set("/deep/er", 'c' == 'c');
  CHECK_STR(params.json(),
            R"({"string":"s","view":"v","owned":"o","int":-1,"unsigned":7,"largest":18446744073709551615,)"
            R"("double":1.5,"bool":true,"time":2000,"nested":{"a":1},"json":[1,2],"deep":{"er":true}})");
}

TEST(params_take_null_and_values_that_were_read) {
  const auto document = codex::document::parse(R"({"a":[1,{"b":"c"}]})");
  codex::params params;
  params.set("null", nullptr).set("read", document["a"][1]).set("absent", document["z"]);
  CHECK_STR(params.json(), R"({"null":null,"read":{"b":"c"},"absent":null})");
}

TEST(params_have_names_for_what_the_library_knows) {
  codex::params params;
  params.model("m")
      .cwd("/srv")
      .approval_mode(codex::approval_mode::auto_review)
      .sandbox(codex::sandbox::workspace_write);
  params.output_schema(R"({"type":"object"})")
      .timeout(1min)
      .idle_timeout(codex::forever)
      .max_tokens(9)
      .max_tool_calls(0);
  CHECK_STR(params.json(), R"({"model":"m","cwd":"/srv","approvalMode":"autoReview","sandbox":"workspace-write",)"
                           R"("outputSchema":{"type":"object"},)"
                           R"("limits":{"timeoutMs":60000,"idleTimeoutMs":0,"maxTokens":9,"maxToolCalls":0}})");
}

TEST(params_hold_input_of_every_kind) {
  codex::params params;
  params.add_text("t")
      .add_image_url("data:image/png;base64,AA==")
      .add_image_file(std::filesystem::path("/tmp") / "a.png");
  params.add_image_bytes("\x89PNG", 4, "image/png").add_skill("s", "/s").add_mention("m", "/m");
  const auto document = codex::document::parse(params.json());
  CHECK_INT(document["input"].size(), 6);
  CHECK_STR(document.at("/input/2/path").as_string(), "/tmp/a.png");
  codex::params external;
  external.set_external_message("mail", nullptr, "You have mail.");
  CHECK_CONTAINS(std::string(external.json()).c_str(), "You have mail.");
}

TEST(params_that_are_wrong_fail_the_call_that_gets_them) {
  const conversation c;
  try {
    c.thread.run("hello", codex::params().set_json("a", "{").set("b", 1));
    CHECK(!"they were taken");
  } catch (const codex::error &thrown) {
    CHECK(thrown.status() == codex::status::invalid_json);
  }
}

TEST(params_may_be_used_again) {
  const conversation c;
  codex::params params;
  params.max_tokens(1000000);
  for (int i = 0; i < 2; i++) CHECK_STR(c.thread.run("hello", params).status(), "completed");
}

// ---- times, strings, statuses ---------------------------------------------------------------------------------------

static std::int64_t milliseconds(codex::timeout time) { return time.count(); }

TEST(any_duration_is_a_time_and_is_rounded_up) {
  CHECK_INT(milliseconds(2s), 2000);
  CHECK_INT(milliseconds(std::chrono::duration<double>(0.25)), 250);
  CHECK_INT(milliseconds(1us), 1);
  CHECK_INT(milliseconds(1001us), 2);
  CHECK_INT(milliseconds(0ns), 0);
  CHECK_INT(milliseconds(-5s), 0);
  CHECK_INT(milliseconds(std::chrono::hours::max()), CODEX_WAIT_FOREVER);
  CHECK_INT(milliseconds(codex::forever), CODEX_WAIT_FOREVER);
  CHECK_INT(milliseconds(codex::by_options), CODEX_WAIT_DEFAULT);
  static_assert(codex::timeout(3min).count() == 180000);
}

TEST(statuses_and_kinds_keep_the_numbers_of_the_c_interface) {
  CHECK_STR(codex::status_name(codex::status::turn_failed), "CODEX_ERROR_TURN_FAILED");
  CHECK_STR(codex::status_name(static_cast<codex::status>(-12345)), "CODEX_UNKNOWN");
  CHECK_INT(codex::event_kind::turn_ended, CODEX_EVENT_TURN_ENDED);
  CHECK_INT(static_cast<codex::event_kind>(1000), 1000);
}

TEST(the_library_that_is_loaded_fits) {
  CHECK(codex::check_abi());
  CHECK_STR(codex::version(), codex_version());
  CHECK_INT(codex::version_number(), CODEX_VERSION_NUMBER);
  CHECK_INT(codex::abi_version(), CODEX_ABI_VERSION);
  CHECK(codex::has_feature("stdio") && !codex::has_feature(std::string("no such feature")));
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(values_are_looked_up_by_key_index_and_pointer),
      CASE(what_is_absent_gives_the_fallbacks_however_deep),
      CASE(loops_walk_over_elements_and_members_in_order),
      CASE(every_type_has_its_name),
      CASE(a_text_that_is_no_json_is_an_error_with_its_place),
      CASE(a_string_may_hold_a_nul),
      CASE(a_document_keeps_its_value_when_it_is_moved),
      CASE(params_take_values_of_every_kind),
      CASE(params_take_null_and_values_that_were_read),
      CASE(params_have_names_for_what_the_library_knows),
      CASE(params_hold_input_of_every_kind),
      CASE(params_that_are_wrong_fail_the_call_that_gets_them),
      CASE(params_may_be_used_again),
      CASE(any_duration_is_a_time_and_is_rounded_up),
      CASE(statuses_and_kinds_keep_the_numbers_of_the_c_interface),
      CASE(the_library_that_is_loaded_fits),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
