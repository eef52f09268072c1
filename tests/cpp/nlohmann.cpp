// nlohmann::json goes in as params and schemas, and comes out of whatever has JSON.
#include <nlohmann/json.hpp>

// A name of the program that codex.hpp must not trip over.
using nlohmann::json;

#include "support.hpp"

TEST(values_become_json) {
  const auto document = codex::document::parse(R"({"a":{"b":[1,"two",null,true,1.5]}})");
  const json converted = document["a"];
  CHECK(converted == json({{"b", {1, "two", nullptr, true, 1.5}}}));
  CHECK(json(document.at("/a/b/1")) == "two");
  CHECK(json(document["absent"]).is_null());
  json assigned;
  assigned = document.at("/a/b");
  CHECK_INT(assigned.size(), 5);
  const json inside = {{"first", document["a"]["b"][0]}};
  CHECK_STR(inside.dump(), R"({"first":1})");
}

TEST(json_becomes_a_document) {
  const json made = {{"key", {1, 2}}};
  CHECK_STR(codex::document::parse(made).json(), R"({"key":[1,2]})");
}

TEST(params_and_schemas_may_be_json) {
  const char *record = record_file();
  const conversation c(calling_turn, record);
  const json schema = {{"type", "object"}, {"properties", {{"city", {{"type", "string"}}}}}};
  c.client.add_tool("weather", "Tells the weather.", schema,
                    [](codex::value arguments) { return json(arguments).at("city").get<std::string>() + " is fine"; });
  c.client.start_thread(json{{"model", "m"}});
  CHECK_CONTAINS(read_file(record), R"("inputSchema":{"properties":{"city":{"type":"string"}},"type":"object"})");
  const codex::turn_result result = c.thread.run("go", json{{"limits", {{"timeoutMs", 60000}}}});
  CHECK_CONTAINS(answer_of(record), "Rome is fine");
  CHECK_STR(json(result).at("status").get<std::string>(), "completed");
  CHECK_STR(codex::params().set("nested", json{{"a", 1}}).json(), R"({"nested":{"a":1}})");
}

TEST(whatever_has_json_becomes_json) {
  const conversation c(failing_turn);
  const json stats = c.client.stats();
  CHECK(stats.at("sentMessages").is_number());
  try {
    c.thread.run_streamed("go", [](codex::event_view event) { CHECK(json(event).is_object()); });
    CHECK(!"the turn completed");
  } catch (const codex::error &thrown) {
    CHECK(json(thrown).at("message").is_string());
    const json partial = *thrown.result();
    CHECK_STR(partial.at("endedBy").get<std::string>(), "failed");
  }
  CHECK(json(codex::turn_result()).is_null());
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(values_become_json),
      CASE(json_becomes_a_document),
      CASE(params_and_schemas_may_be_json),
      CASE(whatever_has_json_becomes_json),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
