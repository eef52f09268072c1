// Events: of a turn and of a client, one by one and in a loop.
#include "support.hpp"

#if __cplusplus >= 202002L
#include <ranges>
static_assert(std::ranges::input_range<codex::event_range>);
static_assert(std::ranges::input_range<codex::value> && std::ranges::input_range<codex::value_members>);
#endif

using kind = codex::event_kind;

TEST(a_loop_over_a_turn_sees_every_event_and_ends_with_the_turn) {
  const conversation c;
  const codex::turn turn = c.thread.start_turn("hello");
  std::string streamed;
  auto last = kind::other;
  codex::event_range events = turn.events();
  for (codex::event &event : events) {
    last = event.kind();
    if (event.kind() == kind::message_delta) streamed += event.text();
    CHECK_STR(event.turn_id(), turn.id());
    CHECK_STR(event.thread_id(), c.thread.id());
  }
  CHECK(last == kind::turn_ended && events.ended());
  CHECK_STR(streamed, "Hello from the fake runtime.");
  CHECK_STR(turn.wait().final_response().value_or("none"), streamed);
}

TEST(a_loop_with_a_deadline_ends_when_that_passes_and_another_one_goes_on) {
  const conversation c(held_turn);
  const codex::turn turn = c.thread.start_turn("go");
  for (codex::event &event : turn.events(60s))
    if (event.text() == "half") break;
  codex::event_range events = turn.events(20ms);
  for (const codex::event &event : events) CHECK(event.kind() != kind::turn_ended);
  CHECK(!events.ended());
  CHECK(!turn.wait(1ms));
  turn.interrupt();
  auto last = kind::other;
  for (const codex::event &event : turn.events(std::chrono::steady_clock::now() + 60s)) last = event.kind();
  CHECK(last == kind::turn_ended);
}

TEST(a_loop_ends_when_the_turn_is_woken) {
  const conversation c(held_turn);
  const codex::turn turn = c.thread.start_turn("go");
  codex::event_range events = turn.events();
  for (const codex::event &event : events)
    if (event.text() == "half") turn.wake();
  CHECK(!events.ended());
}

TEST(an_event_may_be_moved_out_of_the_loop) {
  const conversation c;
  codex::event kept;
  {
    const codex::turn turn = c.thread.start_turn("hello");
    for (codex::event &event : turn.events())
      if (event.kind() == kind::item_completed) kept = std::move(event);
  }
  CHECK_STR(kept.value().at("/item/type").as_string(), "agentMessage");
  CHECK(kept.emitted_at() > std::chrono::system_clock::time_point());
  CHECK(!kept.error() && kept.status() == codex::status::ok);
  CHECK_STR(kept.method(), "item/completed");
  CHECK(!kept.item_id().empty() && kept.merged() == 1);
}

TEST(what_leaves_a_loop_leaves_the_turn_running) {
  const conversation c(held_turn);
  const codex::turn turn = c.thread.start_turn("go");
  try {
    for (const codex::event &event : turn.events())
      if (event.text() == "half") throw 1;
  } catch (int) {
    turn.interrupt();
  }
  CHECK(drain(turn.get()) == CODEX_ERROR_TURN_INTERRUPTED);
}

TEST(a_single_wait_tells_an_event_from_none_and_from_the_end) {
  const conversation c;
  const codex::turn turn = c.thread.start_turn("hello");
  int count = 0;
  codex::received received = turn.next_event();
  for (; received; received = turn.next_event(60s)) count += received->kind() == kind::turn_ended ? 100 : 1;
  CHECK(count > 100 && received.ended());
  CHECK(received.status() == codex::status::end);
  const codex::received nothing = c.client.next_event(1ms);
  CHECK(!nothing && !nothing.ended());
  CHECK(nothing.status() == codex::status::timeout);
}

TEST(the_last_event_of_a_turn_has_its_error_and_its_result) {
  const conversation c(failing_turn);
  const codex::turn turn = c.thread.start_turn("go");
  codex::event last;
  for (codex::event &event : turn.events()) last = std::move(event);
  CHECK(last.status() == codex::status::turn_failed);
  CHECK_CONTAINS(last.error()->what(), "no more ideas");
  CHECK_STR(last.value()["endedBy"].as_string(), "failed");
}

TEST(a_request_is_taken_out_of_its_event_and_answered) {
  const char *record = record_file();
  const conversation c(asking_turn, record);
  const codex::turn turn = c.thread.start_turn("go");
  std::uint64_t asked = 0;
  for (codex::event &event : turn.events()) {
    if (codex::request request = event.take_request()) {
      asked = event.request_id();
      CHECK_INT(request.id(), asked);
      request.decline();
      CHECK(!event.take_request());
    }
    if (event.kind() == kind::request_resolved) CHECK_INT(event.request_id(), asked);
  }
  CHECK(asked != 0);
  CHECK_CONTAINS(answer_of(record), "\"decline\"");
}

TEST(pointers_that_are_attached_come_with_events) {
  const conversation c(held_turn);
  int of_thread = 0, of_turn = 0;
  c.thread.set_user_data(&of_thread);
  const codex::turn turn = c.thread.start_turn("go");
  CHECK(turn.next_event(60s)->user_data() == &of_thread);
  turn.set_user_data(&of_turn);
  turn.interrupt();
  for (codex::event &event : turn.events())
    if (event.kind() == kind::turn_ended) CHECK(event.user_data() == &of_turn);
}

TEST(a_call_that_is_begun_is_answered_by_an_event) {
  const conversation c;
  int mine = 0;
  const std::uint64_t id = c.client.begin_call("thread/read", R"({"threadId":"x"})", 60s, &mine);
  for (codex::event &event : c.client.events(60s)) {
    if (event.kind() != kind::response) continue;
    CHECK_INT(event.call_id(), id);
    CHECK(event.user_data() == &mine);
    break;
  }
}

TEST(a_client_that_is_begun_tells_when_it_and_its_thread_are_ready) {
  const codex::client client = codex::client::begin(fake_options());
  const codex::thread thread = client.begin_thread();
  const codex::turn turn = thread.begin_turn("hello");
  int seen = 0;
  for (codex::event &event : client.events(60s)) {
    if (event.kind() == kind::connected) seen++;
    if (event.kind() == kind::thread_ready) break;
  }
  CHECK_INT(seen, 1);
  CHECK(thread.wait(60s));
  CHECK_STR(turn.wait().status(), "completed");
}

TEST(a_loop_over_a_client_ends_when_that_is_closed) {
  const conversation c;
  CHECK(!c.client.next_event(0ms));
  c.client.close(20s);
  auto last = kind::other;
  codex::event_range events = c.client.events();
  for (const codex::event &event : events) last = event.kind();
  CHECK(last == kind::closed && events.ended());
}

TEST(a_loop_throws_when_events_cannot_be_read) {
  const conversation c(fake_options().set_single_queue(true));
  const codex::turn turn = c.thread.start_turn("hello");
  try {
    for (const codex::event &event : turn.events()) CHECK(!event);
    CHECK(!"the loop ended");
  } catch (const codex::error &thrown) {
    CHECK(thrown.status() == codex::status::invalid_argument);
  }
}

TEST(a_turn_is_steered_attached_to_and_interrupted) {
  const conversation c(held_turn);
  const codex::turn turn = c.thread.start_turn("go");
  const codex::turn same = c.thread.attach_turn();
  CHECK_STR(same.id(), turn.id());
  turn.steer("left");
  turn.steer(codex::params().add_text("right"));
  same.interrupt();
  try {
    turn.wait();
    CHECK(!"the turn completed");
  } catch (const codex::error &thrown) {
    CHECK(thrown.status() == codex::status::turn_interrupted);
    CHECK_STR(thrown.result()->id(), turn.id());
  }
}

TEST(a_wait_with_a_deadline_has_the_result_or_nothing) {
  const conversation c(held_turn);
  const codex::turn turn = c.thread.start_turn("go");
  CHECK(!turn.wait(1ms).has_value());
  CHECK(!turn.wait(0s).has_value());
  turn.interrupt();
  try {
    turn.wait(60s);
    CHECK(!"the turn completed");
  } catch (const codex::error &thrown) {
    CHECK(thrown.result() != nullptr);
  }
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(a_loop_over_a_turn_sees_every_event_and_ends_with_the_turn),
      CASE(a_loop_with_a_deadline_ends_when_that_passes_and_another_one_goes_on),
      CASE(a_loop_ends_when_the_turn_is_woken),
      CASE(an_event_may_be_moved_out_of_the_loop),
      CASE(what_leaves_a_loop_leaves_the_turn_running),
      CASE(a_single_wait_tells_an_event_from_none_and_from_the_end),
      CASE(the_last_event_of_a_turn_has_its_error_and_its_result),
      CASE(a_request_is_taken_out_of_its_event_and_answered),
      CASE(pointers_that_are_attached_come_with_events),
      CASE(a_call_that_is_begun_is_answered_by_an_event),
      CASE(a_client_that_is_begun_tells_when_it_and_its_thread_are_ready),
      CASE(a_loop_over_a_client_ends_when_that_is_closed),
      CASE(a_loop_throws_when_events_cannot_be_read),
      CASE(a_turn_is_steered_attached_to_and_interrupted),
      CASE(a_wait_with_a_deadline_has_the_result_or_nothing),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
