// Handles: what they own, what is left of one that was moved away, and the calls that make and use them.
#include "support.hpp"

#include <type_traits>
#include <vector>

template <class Handle>
constexpr bool is_a_handle =
    std::is_nothrow_move_constructible_v<Handle> && std::is_nothrow_move_assignable_v<Handle> &&
    !std::is_copy_constructible_v<Handle> && !std::is_copy_assignable_v<Handle> &&
    !std::has_virtual_destructor_v<Handle> && sizeof(Handle) == sizeof(void *);
static_assert(is_a_handle<codex::client> && is_a_handle<codex::client_options> && is_a_handle<codex::thread>);
static_assert(is_a_handle<codex::turn> && is_a_handle<codex::turn_result> && is_a_handle<codex::event>);
static_assert(is_a_handle<codex::request> && is_a_handle<codex::login> && is_a_handle<codex::params>);
static_assert(std::is_nothrow_copy_constructible_v<codex::error> &&
              std::is_base_of_v<std::runtime_error, codex::error>);
static_assert(std::is_trivially_copyable_v<codex::value> && sizeof(codex::value) == sizeof(void *));

/// The status that a call throws; ok when it throws none.
template <class Call>
static codex::status status_of(Call &&call) {
  try {
    call();
  } catch (const codex::error &thrown) {
    return thrown.status();
  }
  return codex::status::ok;
}

template <class Call>
static void check_refused(Call &&call) {
  CHECK(status_of(std::forward<Call>(call)) == codex::status::invalid_argument);
}

// ---- handles that hold nothing --------------------------------------------------------------------------------------

TEST(what_was_moved_away_is_empty_and_refuses_calls) {
  conversation c;
  const codex::thread thread = std::move(c.thread);
  const codex::client client = std::move(c.client);
  CHECK(!c.thread && c.thread.get() == nullptr && thread && client);
  CHECK_STR(c.thread.id(), "");
  check_refused([&] { c.thread.run("hello"); });
  check_refused([&] { c.thread.run_streamed("hello", [](codex::event_view) {}); });
  check_refused([&] { c.thread.start_turn("hello"); });
  check_refused([&] { c.thread.wait(); });
  check_refused([&] { c.client.start_thread(); });
  check_refused([&] { c.client.next_event(0ms); });
  check_refused([&] { c.client.add_tool("a", "b"); });
  CHECK_STR(thread.run("hello").status(), "completed");
}

TEST(empty_handles_answer_with_nothing) {
  const codex::turn_result result;
  CHECK_STR(result.json(), "");
  CHECK(!result.value() && !result.final_response() && !result.error_message() && !result.duration());
  CHECK(!result.total_tokens() && result.item_count() == 0 && !result.item(0) && result.items().empty());
  const codex::event event;
  CHECK(event.kind() == codex::event_kind::other && event.status() == codex::status::invalid_argument);
  CHECK(event.text().empty() && event.json().empty() && !event.value() && !event.emitted_at());
  const codex::request request;
  CHECK(request.kind() == codex::request_kind::other && request.id() == 0 && !request.is_cancelled());
  check_refused([&] { request.approve(); });
  check_refused([&] { request.set_cancelled([] {}); });
  const codex::turn turn;
  CHECK_STR(turn.id(), "");
  turn.wake();
  turn.set_user_data(nullptr);
  check_refused([&] { turn.wait(0ms); });
  check_refused([&] { turn.interrupt(); });
  const codex::login login;
  CHECK(login.id().empty() && login.url().empty() && login.user_code().empty());
  check_refused([&] { login.wait(0ms); });
  const codex::client client;
  CHECK(client.info_json().empty() && client.stats().json().empty() && client.wakeup_fd() == -1);
  check_refused([&] { client.close(); });
  check_refused([&] { client.set_wakeup([] {}); });
}

TEST(a_handle_may_be_given_to_the_c_interface_and_taken_back) {
  conversation c;
  codex_thread *raw = c.thread.release();
  CHECK(!c.thread && codex_thread_id(raw)[0] != '\0');
  c.thread = codex::thread(raw);
  CHECK_STR(c.thread.run("hello").status(), "completed");
  c.thread.reset();
  CHECK(!c.thread);
}

TEST(an_error_of_the_c_interface_becomes_one_of_cpp) {
  codex_error *err = nullptr;
  codex_value *value = nullptr;
  codex_value_parse("{", &value, &err);
  CHECK(codex::error(err).status() == codex::status::invalid_json);
}

TEST(handles_may_be_freed_in_any_order) {
  conversation c;
  codex::turn turn = c.thread.start_turn("hello");
  c.client.reset();
  c.thread.reset();
  const codex::turn_result result = turn.wait();
  turn.reset();
  CHECK_STR(result.status(), "completed");
}

TEST(handles_live_in_containers) {
  conversation c;
  std::vector<codex::turn> turns;
  std::vector<codex::thread> threads;
  for (int i = 0; i < 5; i++) threads.push_back(c.client.start_thread());
  for (const codex::thread &thread : threads) turns.push_back(thread.start_turn("hello"));
  for (const codex::turn &turn : turns) CHECK_STR(turn.wait().status(), "completed");
}

// ---- the calls that have no test of their own -----------------------------------------------------------------------

TEST(threads_are_read_named_listed_and_put_away) {
  const char *record = record_file();
  const conversation c(R"({"on":{"thread/list":[{"reply":{"data":[{"id":"t"}],"nextCursor":null}}],
      "thread/archive":[{"reply":{}}],"thread/unarchive":[{"reply":{"thread":{"id":"t"}}}],"thread/delete":[{"reply":{}}],
      "thread/unsubscribe":[{"reply":{"status":"unsubscribed"}}],"thread/resume":[{"reply":{"thread":{"id":"t"}}}],
      "thread/fork":[{"reply":{"thread":{"id":"u"}}}]}})",
                       record);
  c.thread.run("hello");
  c.thread.set_name("A name");
  CHECK_STR(c.thread.read().at("/thread/id").as_string(), c.thread.id());
  CHECK_INT(c.thread.read_with_turns().at("/thread/turns").size(), 1);
  CHECK_STR(codex::document::parse(c.thread.info_json()).at("/thread/id").as_string(), c.thread.id());
  CHECK_STR(c.client.list_threads(codex::params().set("limit", 1)).at("/data/0/id").as_string(), "t");
  CHECK_STR(c.client.resume_thread("t").id(), "t");
  CHECK_STR(c.client.fork_thread("t", codex::params().model("m")).id(), "u");
  const codex::thread resuming = c.client.begin_resume_thread("t");
  resuming.wait();
  const codex::thread forking = c.client.begin_fork_thread("t");
  CHECK(forking.wait(60s));
  CHECK_STR(c.client.thread_from_id("v").id(), "v");
  resuming.unsubscribe();
  c.client.unarchive_thread("t");
  forking.archive();
  c.thread.remove();
  CHECK_CONTAINS(read_file(record), R"("params":{"limit":1}})");
}

TEST(reviews_goals_and_compactions_are_turns) {
  const conversation c(R"({"on":{"review/start":[{"turn":{}}],
      "thread/goal/clear":[{"reply":{"cleared":false}}],"thread/goal/set":[{"error":{"code":-32600,"message":"no goals"}}],
      "thread/compact/start":[{"error":{"code":-32600,"message":"too short"}}]}})");
  CHECK_STR(c.thread.review(R"({"type":"uncommittedChanges"})", codex::params().max_tokens(9)).wait().status(),
            "completed");
  CHECK(status_of([&] { c.thread.goal("all of it", codex::params().timeout(1h)); }) == codex::status::rpc);
  CHECK(status_of([&] { c.thread.compact(); }) == codex::status::rpc);
  CHECK(status_of([&] { c.thread.compact_unfollowed(); }) == codex::status::rpc);
}

TEST(accounts_models_and_logins) {
  const char *record = record_file();
  const conversation c(
      R"({"on":{"account/read":[{"reply":{"account":{"type":"apiKey"}}}],"account/logout":[{"reply":{}}],
      "model/list":[{"reply":{"data":[{"id":"m"}],"nextCursor":null}}],"account/login/cancel":[{"reply":{}}],
      "account/login/start":[
        [{"reply":{"type":"apiKey"}}],
        [{"reply":{"type":"chatgptDeviceCode","loginId":"l","userCode":"ABCD","verificationUrl":"https://e.com/d"}}],
        [{"reply":{"type":"chatgpt","loginId":"k","authUrl":"https://e.com/a"}},{"sleepMs":50},
         {"notify":["account/login/completed",{"loginId":"k","success":true,"error":null}]}]]}})",
      record);
  c.client.login_api_key("sk-1");
  CHECK_STR(c.client.account().at("/account/type").as_string(), "apiKey");
  CHECK_STR(c.client.refreshed_account()["account"]["type"].as_string(), "apiKey");
  CHECK_CONTAINS(read_file(record), "\"refreshToken\":true");
  CHECK_STR(c.client.models()["data"][0]["id"].as_string(), "m");
  const codex::login device = c.client.login_device_code();
  CHECK_STR(device.user_code(), "ABCD");
  CHECK_STR(device.url(), "https://e.com/d");
  CHECK(!device.wait(1ms));
  device.cancel();
  const codex::login browser = c.client.login_chatgpt();
  CHECK_STR(browser.id(), "k");
  browser.wait();
  CHECK(browser.wait(1ms));
  c.client.logout();
}

TEST(a_client_tells_about_itself_and_calls_anything) {
  const char *record = record_file();
  const conversation c(R"({"on":{"test/echo":[{"reply":{"said":"hi"}}],"test/slow":[{"sleepMs":60000}]}})", record);
  CHECK(codex::document::parse(c.client.info_json())["pid"].as_int() > 1);
  CHECK(c.client.stats()["sentMessages"].as_int() >= 2);
  CHECK_STR(c.client.call("test/echo", codex::params().set("a", true))["said"].as_string(), "hi");
  CHECK_STR(c.client.call("test/echo").json(), R"({"said":"hi"})");
  CHECK(status_of([&] { c.client.call("test/slow", {}, 1ms); }) == codex::status::timed_out);
  c.client.notify("test/told", R"({"b":2})");
  c.client.wake();
  CHECK(wait_for_text(record, R"({"method":"test/told","params":{"b":2}})"));
  c.client.close(20s);
  CHECK(status_of([&] { c.client.call("test/echo"); }) == codex::status::closed);
}

TEST(every_option_reaches_the_client) {
  const std::vector<std::string> command = {required_env("FAKE_RUNTIME")};
  codex::client_options options;
  options.set_command(command)
      .set_codex_home(fresh_directory())
      .set_cwd(fresh_directory())
      .set_env("FAKE_RUNTIME_SCRIPT", "{}")
      .set_env("FAKE_RUNTIME_SCRIPT", nullptr)
      .set_inherit_env(true)
      .set_client_info("tests", nullptr, "1.0")
      .set_experimental_api(true)
      .add_notification_opt_out("item/agentMessage/delta")
      .set_connect_timeout(1min)
      .set_request_timeout(codex::forever)
      .set_answer_timeout(1500us)
      .set_max_message_bytes(1 << 20)
      .set_max_queued_bytes(1 << 20)
      .set_limits(R"({"maxToolCalls":7})")
      .set_interrupt_ends_commands(true)
      .set_callback_threads(2);
  const conversation c(options);
  CHECK_CONTAINS(std::string(c.client.info_json()).c_str(), required_env("FAKE_RUNTIME"));
  CHECK_STR(c.thread.run("hello").status(), "completed");
}

TEST(what_is_recorded_is_played_back_without_a_runtime) {
  const char *file = text("%s/turn.jsonl", fresh_directory());
  {
    const conversation c(fake_options().set_record(file));
    c.thread.run("hello");
    c.client.close(20s);
  }
  const conversation c(codex::client_options().set_endpoint(text("replay:%s", file)).set_record(nullptr));
  CHECK_STR(c.thread.run("hello").final_response().value_or("none"), "Hello from the fake runtime.");
}

TEST(a_client_comes_back_to_the_turn_that_another_one_started) {
  const model *m = model_start();
  model_says_around_gate(m, "before", "middle", " after");
  codex::client_options options;
  options.set_endpoint(listening_runtime(m));
  const conversation first(options);
  const codex::turn turn = first.thread.start_turn("go");
  codex_event_free(await_event(turn.get(), CODEX_EVENT_MESSAGE_DELTA));
  first.client.close(20s);
  const auto client = codex::client::connect(options);
  const auto attached = client.resume_thread(first.thread.id()).attach_turn();
  CHECK_STR(attached.id(), turn.id());
  model_open_gate(m, "middle");
  CHECK_STR(attached.wait().final_response().value_or("none"), "before after");
}

TEST(the_first_option_that_is_wrong_is_told_when_connecting) {
  const auto options = [] { return fake_options(); };
  check_refused([&] { codex::client::connect(options().set_callback_threads(0)); });
  check_refused([&] { codex::client::connect(options().set_connect_timeout(0ms)); });
  check_refused([&] { codex::client::connect(options().add_config("no equals sign")); });
  check_refused([&] { codex::client::connect(options().set_command({"", "app-server"})); });
  check_refused([&] { codex::client::connect(codex::client_options().set_endpoint("nonsense")); });
  check_refused([&] { codex::client::connect(options().set_bearer_token("two words").set_allow_insecure(true)); });
  check_refused([&] { codex::client::connect(options().set_env("A", std::string("b\0c", 3))); });
  try {
    codex::client::connect(options().set_limits("{").set_callback_threads(0));
    CHECK(!"it connected");
  } catch (const codex::error &thrown) {
    CHECK(thrown.status() == codex::status::invalid_json);
  }
}

int main(int argc, char **argv) {
  static const test_case tests[] = {
      CASE(what_was_moved_away_is_empty_and_refuses_calls),
      CASE(empty_handles_answer_with_nothing),
      CASE(a_handle_may_be_given_to_the_c_interface_and_taken_back),
      CASE(an_error_of_the_c_interface_becomes_one_of_cpp),
      CASE(handles_may_be_freed_in_any_order),
      CASE(handles_live_in_containers),
      CASE(threads_are_read_named_listed_and_put_away),
      CASE(reviews_goals_and_compactions_are_turns),
      CASE(accounts_models_and_logins),
      CASE(a_client_tells_about_itself_and_calls_anything),
      CASE(every_option_reaches_the_client),
      CASE(what_is_recorded_is_played_back_without_a_runtime),
      CASE(a_client_comes_back_to_the_turn_that_another_one_started),
      CASE(the_first_option_that_is_wrong_is_told_when_connecting),
  };
  harness_start(argc, argv);
  run_tests(tests, COUNT(tests));
  return harness_end();
}
