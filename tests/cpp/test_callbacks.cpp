// Functions that the library keeps: tools, request handlers, logs, wake-ups; and what becomes of what they throw.
#include "support.hpp"

#include <atomic>
#include <memory>
#include <vector>

static constexpr char schema[] = R"({"type":"object","properties":{"city":{"type":"string"}}})";

/// Runs a turn that calls the tool `weather`, and returns what the runtime was answered.
template <class Tool>
static const char *answer_of_tool(Tool &&tool) {
  const char *record = record_file();
  const conversation c(calling_turn, record);
  c.client.add_tool("weather", "Tells the weather.", schema, std::forward<Tool>(tool));
  c.thread.run("How is the weather?");
  return answer_of(record);
}

/// Runs a turn that asks whether it may run a command, and returns what the runtime was answered.
template <class Handler>
static const char *answer_of_handler(Handler &&handler) {
  const char *record = record_file();
  const conversation c(fake_options(asking_turn, record).set_request_handler(std::forward<Handler>(handler)));
  c.thread.run("go");
  return answer_of(record);
}

// ---- tools ----------------------------------------------------------------------------------------------------------

TEST(a_tool_takes_arguments_and_returns_a_text) {
  const char *answer =
      answer_of_tool([](codex::value arguments) { return "fine in " + std::string(arguments["city"].as_string()); });
  CHECK_CONTAINS(answer, "fine in Rome");
  CHECK_CONTAINS(answer, "\"success\":true");
}

TEST(a_tool_may_return_any_kind_of_text) {
  CHECK_CONTAINS(answer_of_tool([](const codex::value &) { return "a literal"; }), "a literal");
  CHECK_CONTAINS(answer_of_tool([](codex::value arguments) { return arguments["city"].as_string(); }), "Rome");
}

TEST(a_tool_may_return_a_failure) {
  const char *answer = answer_of_tool([](codex::value) { return codex::tool_answer::failure("no such city"); });
  CHECK_CONTAINS(answer, "no such city");
  CHECK_CONTAINS(answer, "\"success\":false");
}

TEST(a_tool_may_return_several_texts_and_images) {
  const char *answer = answer_of_tool([](codex::value) -> codex::tool_answer {
    codex::params items;
    items.add_text("a map").add_image_bytes("png", 3, "image/png");
    return items;
  });
  CHECK_CONTAINS(answer, "a map");
  CHECK_CONTAINS(answer, "data:image/png;base64,");
}

TEST(a_tool_that_throws_tells_the_agent_what) {
  const char *answer =
      answer_of_tool([](codex::value) -> std::string { throw std::runtime_error("the disk is full"); });
  CHECK_CONTAINS(answer, "the disk is full");
  CHECK_CONTAINS(answer, "\"success\":false");
}

TEST(a_tool_that_throws_something_unknown_is_answered_all_the_same) {
  const char *answer = answer_of_tool([](codex::value) -> std::string { throw 42; });
  CHECK_CONTAINS(answer, "an exception of an unknown kind");
  CHECK_CONTAINS(answer, "\"success\":false");
}

TEST(a_tool_that_throws_what_is_no_text_is_declined) {
  const char *answer = answer_of_tool([](codex::value) -> std::string { throw std::runtime_error("\xff"); });
  CHECK_CONTAINS(answer, "\"success\":false");
}

TEST(a_tool_whose_text_cannot_be_sent_tells_the_agent_why) {
  const char *answer = answer_of_tool([](codex::value) { return std::string("a\0b", 3); });
  CHECK_CONTAINS(answer, "not valid UTF-8");
  CHECK_CONTAINS(answer, "\"success\":false");
}

TEST(a_tool_may_answer_its_call_itself) {
  const char *answer = answer_of_tool([](codex::request &call) { call.respond_text("by itself"); });
  CHECK_CONTAINS(answer, "by itself");
  answer = answer_of_tool([](codex::request call) { call.respond_text("too late", codex::tool_call::failed); });
  CHECK_CONTAINS(answer, "too late");
  CHECK_CONTAINS(answer, "\"success\":false");
}

TEST(a_tool_that_throws_with_its_call_tells_the_agent_what) {
  const char *answer = answer_of_tool([](codex::request &) { throw std::runtime_error("no network"); });
  CHECK_CONTAINS(answer, "no network");
  answer = answer_of_tool([](codex::request) { throw std::runtime_error("no network"); });
  CHECK_CONTAINS(answer, "\"success\":false");
}

TEST(a_call_of_a_tool_may_be_kept_and_answered_on_another_thread) {
  const char *record = record_file();
  const conversation c(calling_turn, record);
  codex::request kept;
  flag called = FLAG_INITIALIZER;
  c.client.add_tool("weather", "Tells the weather.", schema, [&](codex::request call) {
    kept = std::move(call);
    flag_raise(&called);
  });
  const codex::turn turn = c.thread.start_turn("How is the weather?");
  CHECK(flag_wait(&called, 1));
  kept.respond_items(codex::params().add_text("later"));
  turn.wait();
  CHECK_CONTAINS(answer_of(record), "later");
  c.client.close(20s);
}

// ---- request handlers -----------------------------------------------------------------------------------------------

TEST(a_handler_approves) {
  CHECK_CONTAINS(answer_of_handler([](codex::request &request) { request.approve(); }), "\"accept\"");
  CHECK_CONTAINS(answer_of_handler([](codex::request request) { request.approve_for_session(); }),
                 "\"acceptForSession\"");
}

TEST(a_handler_answers_in_the_form_of_the_runtime_or_with_an_error) {
  const char *answer =
      answer_of_handler([](codex::request &request) { request.respond_json(R"({"decision":"cancel"})"); });
  CHECK_CONTAINS(answer, "\"cancel\"");
  answer = answer_of_handler([](codex::request &request) { request.fail(-32603, "not today"); });
  CHECK_CONTAINS(answer, "not today");
}

TEST(a_handler_that_throws_declines) {
  CHECK_CONTAINS(answer_of_handler([](codex::request &) { throw std::runtime_error("nobody home"); }), "\"decline\"");
  CHECK_CONTAINS(answer_of_handler([](codex::request) { throw 1; }), "\"decline\"");
}

TEST(a_handler_that_throws_behind_its_answer_changes_nothing) {
  const char *answer = answer_of_handler([](codex::request &request) {
    request.approve();
    request.approve();
  });
  CHECK_CONTAINS(answer, "\"accept\"");
}

TEST(a_request_tells_when_it_needs_no_answer_any_more) {
  codex::request kept;
  flag asked = FLAG_INITIALIZER;
  flag cancelled = FLAG_INITIALIZER;
  auto options = fake_options(asking_turn);
  options.set_request_handler([&](codex::request request) {
    kept = std::move(request);
    flag_raise(&asked);
  });
  const conversation c(options);
  const codex::turn turn = c.thread.start_turn("go");
  CHECK(flag_wait(&asked, 1));
  kept.set_cancelled([&] {
    flag_raise(&cancelled);
    throw std::runtime_error("nobody hears this");
  });
  turn.interrupt();
  CHECK(flag_wait(&cancelled, 1));
  CHECK(kept.is_cancelled());
  try {
    kept.approve();
    CHECK(!"it was approved");
  } catch (const codex::error &thrown) {
    CHECK(thrown.status() == codex::status::already_answered);
  }
  c.client.close(20s);
}

// ---- logs, traces, wake-ups -----------------------------------------------------------------------------------------

TEST(logs_and_traces_are_handed_over_and_what_they_throw_does_no_harm) {
  std::atomic<int> logged{0}, sent{0}, received{0};
  auto options = fake_options(R"({"start":[{"stderr":"warming up"}]})");
  options.set_log(codex::log_level::info,
                  [&](codex::log_level level, std::string_view target, std::string_view message) {
                    if (message == "warming up" && level == codex::log_level::info && !target.empty()) logged++;
                    throw std::runtime_error("the log is full");
                  });
  options.set_trace([&](codex::direction way, std::string_view line) {
    CHECK(line.front() == '{');
    (way == codex::direction::sent ? sent : received)++;
    throw 1;
  });
  const conversation c(options);
  CHECK_STR(c.thread.run("hello").status(), "completed");
  c.client.close(20s);
  CHECK_INT(logged, 1);
  CHECK(sent > 2 && received > 5);
}

TEST(a_wakeup_is_called_until_another_one_takes_its_place) {
  const conversation c;
  flag first = FLAG_INITIALIZER;
  flag second = FLAG_INITIALIZER;
  c.client.set_wakeup([&] {
    flag_raise(&first);
    throw 1;
  });
  while (c.client.next_event(0ms)) continue;
  c.client.begin_call("thread/read", R"({"threadId":"x"})");
  CHECK(flag_wait(&first, 1));
  c.client.set_wakeup([&] { flag_raise(&second); });
  CHECK(flag_wait(&second, 1));
  const int before = flag_count(&first);
  c.client.set_wakeup(nullptr);
  while (c.client.next_event(0ms)) continue;
  c.client.begin_call("thread/read", R"({"threadId":"x"})");
  CHECK(c.client.next_event(60s));
  CHECK_INT(flag_count(&first), before);
  CHECK_INT(flag_count(&second), 1);
  CHECK(c.client.wakeup_fd() >= 0);
}

// ---- what functions hold --------------------------------------------------------------------------------------------

/// Told once that it is let go.
class held {
 public:
  explicit held(std::shared_ptr<int> token) : token_(std::move(token)) {}
  template <class... Arguments>
  void operator()(Arguments &&...) const {}

 private:
  std::shared_ptr<int> token_;
};

static bool let_go(const std::weak_ptr<int> &token) {
  for (const int64_t deadline = now_ms() + 20000; !token.expired() && now_ms() < deadline;) sleep_ms(5);
  return token.expired();
}

TEST(what_functions_hold_is_let_go_with_the_client) {
  std::vector<std::weak_ptr<int>> tokens;
  const auto holds = [&tokens] {
    auto token = std::make_shared<int>(1);
    tokens.push_back(token);
    return held(std::move(token));
  };
  {
    auto options = fake_options();
    options.set_log(codex::log_level::info, holds())
        .set_trace(holds())
        .set_request_handler([kept = holds()](codex::request &) {});
    const conversation c(options);
    c.client.add_tool("one", "First.", schema, [kept = holds()](codex::value) { return ""; });
    c.client.set_wakeup(holds());
    c.thread.run("hello");
    for (const auto &token : tokens) CHECK(!token.expired());
  }
  CHECK_INT(tokens.size(), 5);
  for (const auto &token : tokens) CHECK(let_go(token));
}

TEST(what_a_function_holds_is_let_go_when_it_cannot_be_registered) {
  const conversation c;
  auto token = std::make_shared<int>(1);
  const std::weak_ptr<int> seen = token;
  try {
    c.client.add_tool("not a name", "", schema, [kept = held(std::move(token))](codex::value) { return ""; });
    CHECK(!"it was added");
  } catch (const codex::error &thrown) {
    CHECK(thrown.status() == codex::status::invalid_argument);
  }
  CHECK(let_go(seen));
}

static void say_fine(codex::request &call) { call.respond_text("fine"); }

TEST(plain_functions_and_functions_that_cannot_be_copied_can_be_passed) {
  CHECK_CONTAINS(answer_of_tool(say_fine), "fine");
  CHECK_CONTAINS(answer_of_tool(&say_fine), "fine");
  const char *answer = answer_of_tool([text = std::make_unique<std::string>("moved")](codex::value) { return *text; });
  CHECK_CONTAINS(answer, "moved");
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(a_tool_takes_arguments_and_returns_a_text),
      CASE(a_tool_may_return_any_kind_of_text),
      CASE(a_tool_may_return_a_failure),
      CASE(a_tool_may_return_several_texts_and_images),
      CASE(a_tool_that_throws_tells_the_agent_what),
      CASE(a_tool_that_throws_something_unknown_is_answered_all_the_same),
      CASE(a_tool_that_throws_what_is_no_text_is_declined),
      CASE(a_tool_whose_text_cannot_be_sent_tells_the_agent_why),
      CASE(a_tool_may_answer_its_call_itself),
      CASE(a_tool_that_throws_with_its_call_tells_the_agent_what),
      CASE(a_call_of_a_tool_may_be_kept_and_answered_on_another_thread),
      CASE(a_handler_approves),
      CASE(a_handler_answers_in_the_form_of_the_runtime_or_with_an_error),
      CASE(a_handler_that_throws_declines),
      CASE(a_handler_that_throws_behind_its_answer_changes_nothing),
      CASE(a_request_tells_when_it_needs_no_answer_any_more),
      CASE(logs_and_traces_are_handed_over_and_what_they_throw_does_no_harm),
      CASE(a_wakeup_is_called_until_another_one_takes_its_place),
      CASE(what_functions_hold_is_let_go_with_the_client),
      CASE(what_a_function_holds_is_let_go_when_it_cannot_be_registered),
      CASE(plain_functions_and_functions_that_cannot_be_copied_can_be_passed),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
