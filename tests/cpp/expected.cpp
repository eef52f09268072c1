// The library without exceptions: what calls return instead. Compiled where the compiler has none, and where the
// program wants none.
#include "support.hpp"

#include <memory>

static_assert(!CODEX_THROWS);
static_assert(std::is_same_v<decltype(codex::client::connect()), codex::expected<codex::client>>);

/// What has to be there.
template <class T>
static T take(codex::expected<T> outcome) {
  if (!outcome) {
    printf("not ok - %s: %s\n", test_name(), outcome.error().what());
    exit(EXIT_FAILURE);
  }
  return *std::move(outcome);
}

struct talk {
  explicit talk(const codex::client_options &options)
      : client(take(codex::client::connect(options))), thread(take(client.start_thread())) {}
  explicit talk(const char *script = nullptr, const char *record = nullptr) : talk(fake_options(script, record)) {}

  codex::client client;
  codex::thread thread;
};

TEST(a_call_returns_what_was_asked_for) {
  const talk t;
  const auto result = t.thread.run("hello");
  CHECK(result && result.has_value());
  CHECK_STR(result->final_response().value_or("none"), "Hello from the fake runtime.");
  CHECK_STR((*result).status(), "completed");
  CHECK_STR(result.value().status(), "completed");
}

TEST(a_call_that_fails_returns_the_error) {
  const auto client = codex::client::connect(codex::client_options().set_codex_path("/nowhere/codex"));
  CHECK(!client && !client.has_value());
  CHECK(client.error().status() == codex::status::runtime_not_found);
  CHECK_CONTAINS(client.error().what(), "/nowhere/codex");
}

TEST(a_failed_turn_is_an_error_that_has_what_the_turn_did) {
  const talk t(failing_turn);
  const auto failed = t.thread.run("go");
  CHECK(!failed && failed.error().status() == codex::status::turn_failed);
  CHECK(failed.error().result() != nullptr && failed.error().result()->item_count() == 1);
  const codex::error copy = failed.error();
  CHECK_CONTAINS(copy.what(), "no more ideas");
}

TEST(calls_that_return_nothing_return_success_or_the_error) {
  const talk t;
  const codex::expected<void> named = t.thread.set_name("A name");
  CHECK(named && named.has_value());
  const auto archived = codex::thread().archive();
  CHECK(!archived && archived.error().status() == codex::status::invalid_argument);
}

TEST(a_fallback_takes_the_place_of_an_error) {
  const codex::document fallback = codex::document::parse("{").value_or(take(codex::document::parse("[1]")));
  CHECK_STR(fallback.json(), "[1]");
  CHECK_STR(codex::document::parse("[2]").value_or(codex::document()).json(), "[2]");
}

TEST(waits_tell_time_outs_from_errors) {
  const talk t(held_turn);
  const codex::turn turn = take(t.thread.start_turn("go"));
  const auto early = turn.wait(1ms);
  CHECK(early.has_value() && !early->has_value());
  CHECK(turn.interrupt().has_value());
  const auto ended = turn.wait();
  CHECK(!ended && ended.error().status() == codex::status::turn_interrupted);
  const auto nothing = t.client.next_event(1ms);
  CHECK(nothing.has_value() && !*nothing);
}

TEST(a_streamed_run_passes_events_and_requests) {
  const char *record = record_file();
  const talk t(asking_turn, record);
  int events = 0;
  const auto result = t.thread.run_streamed(
      "go", nullptr, [&](codex::event_view) { events++; },
      [](codex::request &request) { CHECK(request.approve().has_value()); });
  CHECK(result && events > 3);
  CHECK_CONTAINS(answer_of(record), "\"accept\"");
}

TEST(a_loop_tells_why_it_ended) {
  const talk t;
  const codex::turn turn = take(t.thread.start_turn("hello"));
  std::string streamed;
  codex::event_range events = turn.events();
  for (codex::event &event : events)
    if (event.kind() == codex::event_kind::message_delta) streamed += event.text();
  CHECK_STR(streamed, "Hello from the fake runtime.");
  CHECK(events.ended() && !events.error());
  const codex::turn nothing;
  codex::event_range none = nothing.events();
  for (const codex::event &event : none) CHECK(!event);
  CHECK(!none.ended() && none.error() && none.error()->status() == codex::status::invalid_argument);
}

TEST(a_tool_is_called) {
  const char *record = record_file();
  const talk t(calling_turn, record);
  const auto added = t.client.add_tool("weather", "Tells the weather.", nullptr, [](codex::value arguments) {
    return "fine in " + std::string(arguments["city"].as_string());
  });
  CHECK(added && t.thread.run("go"));
  CHECK_CONTAINS(answer_of(record), "fine in Rome");
}

TEST(a_tool_whose_text_cannot_be_sent_tells_the_agent_why) {
  const char *record = record_file();
  const talk t(calling_turn, record);
  CHECK(t.client.add_tool("weather", "Tells.", nullptr, [](codex::value) { return std::string("a\0b", 3); }));
  CHECK(t.thread.run("go"));
  CHECK_CONTAINS(answer_of(record), "not valid UTF-8");
}

TEST(what_was_moved_away_refuses_calls) {
  talk t;
  const codex::thread thread = std::move(t.thread);
  const auto refused = t.thread.run("hello");
  CHECK(!refused && refused.error().status() == codex::status::invalid_argument);
  CHECK(thread.run("hello"));
}

#if defined(__cpp_exceptions)
TEST(what_a_function_of_the_program_throws_still_reaches_the_caller) {
  const talk t;
  int caught = 0;
  try {
    static_cast<void>(t.thread.run_streamed("hello", [](codex::event_view) { throw 5; }));
  } catch (int thrown) {
    caught = thrown;
  }
  CHECK_INT(caught, 5);
}
#endif

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(a_call_returns_what_was_asked_for),
      CASE(a_call_that_fails_returns_the_error),
      CASE(a_failed_turn_is_an_error_that_has_what_the_turn_did),
      CASE(calls_that_return_nothing_return_success_or_the_error),
      CASE(a_fallback_takes_the_place_of_an_error),
      CASE(waits_tell_time_outs_from_errors),
      CASE(a_streamed_run_passes_events_and_requests),
      CASE(a_loop_tells_why_it_ended),
      CASE(a_tool_is_called),
      CASE(a_tool_whose_text_cannot_be_sent_tells_the_agent_why),
      CASE(what_was_moved_away_refuses_calls),
#if defined(__cpp_exceptions)
      CASE(what_a_function_of_the_program_throws_still_reaches_the_caller),
#endif
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
