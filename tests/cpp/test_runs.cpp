// Running turns: results, errors with what was done until then, and functions that are passed events.
#include "support.hpp"

#include <cstdlib>
#include <new>

// ---- every `new` of the program is counted --------------------------------------------------------------------------

static std::atomic<int> allocations{0};

void *operator new(std::size_t size) {
  allocations++;
  if (void *memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, std::size_t) noexcept { std::free(memory); }

/// The error that a run of this thread throws.
static codex::error error_of_run(const codex::thread &thread) {
  try {
    thread.run("go");
  } catch (const codex::error &thrown) {
    return thrown;
  }
  check_true(__FILE__, __LINE__, "the run throws", false);
  return codex::error(codex::status::ok, nullptr);
}

// ---- results --------------------------------------------------------------------------------------------------------

TEST(a_run_returns_what_the_turn_did) {
  const conversation c;
  const codex::turn_result result = c.thread.run("hello");
  CHECK_STR(result.status(), "completed");
  CHECK_STR(result.final_response().value_or("none"), "Hello from the fake runtime.");
  CHECK_STR(result.value().at("/threadId").as_string(), c.thread.id());
  CHECK_INT(result.item_count(), 2);
  CHECK_STR(result.item(0)["type"].as_string(), "userMessage");
  CHECK_INT(result.items().size(), 2);
  CHECK(!result.item(2) && !result.output() && !result.error_message());
  CHECK(result.duration() && result.total_tokens().value_or(0) > 0);
  CHECK(!result.id().empty() && result.json().find("\"endedBy\":\"completed\"") != std::string_view::npos);
}

TEST(the_answer_of_a_result_that_is_about_to_go_is_a_string_of_its_own) {
  const conversation c;
  const auto answer = c.thread.run("hello").final_response();
  CHECK_STR(answer.value_or("none"), "Hello from the fake runtime.");
}

TEST(input_may_be_params_alone) {
  const char *record = record_file();
  const conversation c(nullptr, record);
  c.thread.run(codex::params().add_text("one").add_text("two"));
  CHECK_CONTAINS(read_file(record), R"("input":[{"type":"text","text":"one"},{"type":"text","text":"two"}])");
}

TEST(params_may_be_a_builder_or_json_text) {
  const char *record = record_file();
  const conversation c(nullptr, record);
  c.thread.run("go", codex::params().model("built").timeout(20s));
  CHECK_CONTAINS(read_file(record), R"("model":"built")");
  c.thread.run("go", R"({"model":"written"})");
  CHECK_CONTAINS(read_file(record), R"("model":"written")");
}

TEST(every_kind_of_string_can_be_passed) {
  const char *record = record_file();
  const conversation c(nullptr, record);
  const std::string owned = "an owned string";
  c.thread.run(owned);
  c.thread.run(std::string_view("a view, cut").substr(0, 6));
  CHECK_CONTAINS(read_file(record), R"("text":"an owned string")");
  CHECK_CONTAINS(read_file(record), R"("text":"a view")");
}

TEST(a_text_with_a_nul_inside_is_refused_and_not_cut_short) {
  const conversation c;
  try {
    c.thread.run(std::string("before\0after", 12));
    CHECK(!"it was taken");
  } catch (const codex::error &thrown) {
    CHECK(thrown.status() == codex::status::invalid_argument);
    CHECK_CONTAINS(thrown.what(), "byte 6");
  }
}

// ---- errors ---------------------------------------------------------------------------------------------------------

TEST(a_failed_turn_is_an_error_that_has_what_the_turn_did) {
  const conversation c(failing_turn);
  const codex::error failed = error_of_run(c.thread);
  CHECK(failed.status() == codex::status::turn_failed);
  CHECK_CONTAINS(failed.what(), "no more ideas");
  if (!CHECK(failed.result() != nullptr)) return;
  CHECK_STR(failed.result()->status(), "failed");
  CHECK_INT(failed.result()->item_count(), 1);
  CHECK_CONTAINS(std::string(failed.result()->error_message().value_or("")).c_str(), "no more ideas");
}

TEST(an_error_tells_all_that_is_known) {
  const conversation c;
  try {
    c.client.call("no/such/method");
    CHECK(!"there is such a method");
  } catch (const std::runtime_error &thrown) {
    const auto &failed = static_cast<const codex::error &>(thrown);
    CHECK(failed.status() == codex::status::rpc);
    CHECK_STR(failed.reason(), "unknownMethod");
    CHECK_INT(failed.rpc_code(), -32600);
    CHECK(!failed.is_retryable() && failed.result() == nullptr);
    CHECK_STR(codex::document::parse(failed.json())["reason"].as_string(), "unknownMethod");
    CHECK_STR(codex::status_name(failed.status()), "CODEX_ERROR_RPC");
  }
}

TEST(an_error_may_be_copied_and_outlives_its_client) {
  std::optional<codex::error> kept;
  {
    const conversation c(failing_turn);
    kept = error_of_run(c.thread);
  }
  const codex::error copy = *kept;
  const codex::error moved = std::move(*kept);
  CHECK_STR(kept->json(), moved.json());
  kept.reset();
  CHECK_CONTAINS(copy.what(), "no more ideas");
  CHECK(copy.result() != nullptr && copy.result()->item_count() == 1);
}

TEST(connecting_in_vain_says_why) {
  try {
    codex::client::connect(codex::client_options().set_codex_path("/nowhere/codex"));
    CHECK(!"there is such a runtime");
  } catch (const codex::error &thrown) {
    CHECK(thrown.status() == codex::status::runtime_not_found);
    CHECK_CONTAINS(thrown.what(), "/nowhere/codex");
  }
}

// ---- functions that are passed events -------------------------------------------------------------------------------

TEST(a_streamed_run_passes_every_event_on_the_calling_thread) {
  const conversation c;
  const pthread_t here = pthread_self();
  std::string streamed;
  auto last = codex::event_kind::other;
  const codex::turn_result result = c.thread.run_streamed("hello", [&](codex::event_view event) {
    CHECK(pthread_equal(here, pthread_self()) != 0);
    last = event.kind();
    if (event.kind() == codex::event_kind::message_delta) streamed += event.text();
  });
  CHECK(last == codex::event_kind::turn_ended);
  CHECK_STR(streamed, result.final_response().value_or("none"));
}

TEST(a_function_may_interrupt_the_turn) {
  const conversation c(held_turn);
  try {
    c.thread.run_streamed("go", [](const codex::event_view &event) {
      return event.text() == "half" ? codex::flow::interrupt : codex::flow::proceed;
    });
    CHECK(!"the turn completed");
  } catch (const codex::error &thrown) {
    CHECK(thrown.status() == codex::status::turn_interrupted);
    CHECK(thrown.result() != nullptr);
  }
}

TEST(what_a_function_throws_interrupts_the_turn_and_reaches_the_caller) {
  struct not_a_standard_exception {
    int number;
  };
  const char *record = record_file();
  const conversation c(held_turn, record);
  int number = 0;
  try {
    c.thread.run_streamed("go", codex::params().model("m"), [](auto &event) {
      if (event.text() == "half") throw not_a_standard_exception{7};
    });
  } catch (const not_a_standard_exception &thrown) {
    number = thrown.number;
  }
  CHECK_INT(number, 7);
  CHECK(wait_for_text(record, "\"turn/interrupt\""));
}

TEST(what_a_function_throws_at_the_last_event_reaches_the_caller) {
  const conversation c;
  bool caught = false;
  try {
    c.thread.run_streamed("go", [](codex::event_view event) {
      if (event.kind() == codex::event_kind::turn_ended) throw std::runtime_error("at the end");
    });
  } catch (const std::runtime_error &thrown) {
    caught = std::string_view(thrown.what()) == "at the end";
  }
  CHECK(caught);
}

TEST(a_streamed_run_allocates_nothing_for_its_functions) {
  const conversation c;
  char captured[256] = "too large for any small buffer";
  c.thread.run("warm up");
  const int before = allocations;
  c.thread.run_streamed("hello", [captured](codex::event_view event) { CHECK(captured[0] == 't' && event); });
  CHECK_INT(allocations - before, 0);
}

// ---- requests on the calling thread ---------------------------------------------------------------------------------

TEST(requests_of_a_run_are_answered_on_the_calling_thread) {
  const char *record = record_file();
  const conversation c(asking_turn, record);
  const pthread_t here = pthread_self();
  const auto on_event = [](codex::event_view event) { CHECK(event.kind() != codex::event_kind::request); };
  const auto result = c.thread.run_streamed("go", nullptr, on_event, [&](codex::request &request) {
    CHECK(pthread_equal(here, pthread_self()) != 0);
    CHECK(request.kind() == codex::request_kind::command);
    CHECK_STR(request.value()["command"].as_string(), "make");
    CHECK_STR(request.thread_id(), c.thread.id());
    request.approve();
  });
  CHECK_STR(result.final_response().value_or("none"), "done");
  CHECK_CONTAINS(answer_of(record), "\"accept\"");
}

static void *approve_later(void *kept) {
  static_cast<codex::request *>(kept)->approve_for_session();
  return nullptr;
}

TEST(a_request_of_a_run_may_be_kept_and_answered_later) {
  const char *record = record_file();
  const conversation c(asking_turn, record);
  codex::request kept;
  pthread_t answering{};
  c.thread.run_streamed(
      "go", nullptr, [](codex::event_view) {},
      [&](codex::request request) {
        kept = std::move(request);
        answering = thread_start(approve_later, &kept);
      });
  thread_join(answering);
  CHECK_CONTAINS(answer_of(record), "\"acceptForSession\"");
}

TEST(what_a_function_throws_about_a_request_declines_it_and_reaches_the_caller) {
  const char *record = record_file();
  const conversation c(asking_turn, record);
  bool caught = false;
  try {
    c.thread.run_streamed("go", nullptr, [](codex::event_view) {}, [](codex::request &) { throw 3; });
  } catch (int) {
    caught = true;
  }
  CHECK(caught);
  CHECK_CONTAINS(answer_of(record), "\"decline\"");
}

TEST(a_request_of_a_run_that_is_left_alone_is_declined) {
  const char *record = record_file();
  const conversation c(asking_turn, record);
  c.thread.run_streamed("go", [](codex::event_view) {});
  CHECK_CONTAINS(answer_of(record), "\"decline\"");
}

TEST(a_tool_without_a_function_is_called_on_the_calling_thread) {
  const char *record = record_file();
  const conversation c(calling_turn, record);
  c.client.add_tool("weather", "Tells the weather.", R"({"type":"object"})");
  c.thread.run_streamed(
      "go", nullptr, [](codex::event_view) {},
      [](codex::request &call) { call.respond_text("fine in " + std::string(call.arguments()["city"].as_string())); });
  CHECK_CONTAINS(answer_of(record), "fine in Rome");
}

TEST(what_a_tool_on_the_calling_thread_throws_fails_its_call_and_reaches_the_caller) {
  const char *record = record_file();
  const conversation c(calling_turn, record);
  c.client.add_tool("weather", "Tells the weather.", R"({"type":"object"})");
  bool caught = false;
  try {
    c.thread.run_streamed(
        "go", nullptr, [](codex::event_view) {},
        [](codex::request &call) {
          CHECK(call.kind() == codex::request_kind::tool_call);
          throw std::runtime_error("no forecast");
        });
  } catch (const std::runtime_error &thrown) {
    caught = std::string_view(thrown.what()) == "no forecast";
  }
  CHECK(caught);
  CHECK_CONTAINS(answer_of(record), "\"success\":false");
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(a_run_returns_what_the_turn_did),
      CASE(the_answer_of_a_result_that_is_about_to_go_is_a_string_of_its_own),
      CASE(input_may_be_params_alone),
      CASE(params_may_be_a_builder_or_json_text),
      CASE(every_kind_of_string_can_be_passed),
      CASE(a_text_with_a_nul_inside_is_refused_and_not_cut_short),
      CASE(a_failed_turn_is_an_error_that_has_what_the_turn_did),
      CASE(an_error_tells_all_that_is_known),
      CASE(an_error_may_be_copied_and_outlives_its_client),
      CASE(connecting_in_vain_says_why),
      CASE(a_streamed_run_passes_every_event_on_the_calling_thread),
      CASE(a_function_may_interrupt_the_turn),
      CASE(what_a_function_throws_interrupts_the_turn_and_reaches_the_caller),
      CASE(what_a_function_throws_at_the_last_event_reaches_the_caller),
      CASE(a_streamed_run_allocates_nothing_for_its_functions),
      CASE(requests_of_a_run_are_answered_on_the_calling_thread),
      CASE(a_request_of_a_run_may_be_kept_and_answered_later),
      CASE(what_a_function_throws_about_a_request_declines_it_and_reaches_the_caller),
      CASE(a_request_of_a_run_that_is_left_alone_is_declined),
      CASE(a_tool_without_a_function_is_called_on_the_calling_thread),
      CASE(what_a_tool_on_the_calling_thread_throws_fails_its_call_and_reaches_the_caller),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
