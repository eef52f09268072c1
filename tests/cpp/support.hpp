// What every C++ test stands on: that of the C tests, with exceptions and views of strings.
#ifndef LIBCODEX_TESTS_SUPPORT_HPP
#define LIBCODEX_TESTS_SUPPORT_HPP

#include <algorithm>
#include <atomic>
#include <string>

#include "codex.hpp"

// The C harness is C99, and what -Wshadow says about its names is not said about codex.hpp.
#include "support.h"

using namespace std::chrono_literals;

#undef CASE
#define CASE(name) {#name, [] { run_checked(name); }}

#undef CHECK
#define CHECK(condition) check_true(__FILE__, __LINE__, #condition, static_cast<bool>(condition))

#undef CHECK_STR
#define CHECK_STR(actual, expected) check_view(__FILE__, __LINE__, #actual, (actual), (expected))

/// A test that an exception leaves has failed, and the next one runs.
inline void run_checked(void (*test)()) {
#if defined(__cpp_exceptions)
  try {
    test();
  } catch (const std::exception &thrown) {
    check_true(__FILE__, __LINE__, thrown.what(), false);
  }
#else
  test();
#endif
}

inline bool check_view(const char *file, int line, const char *what, std::string_view actual,
                       std::string_view expected) {
  return check_string(file, line, what, std::string(actual).c_str(), std::string(expected).c_str());
}

/// The options of a client of the fake runtime that plays this script.
inline codex::client_options fake_options(const char *script = nullptr, const char *record = nullptr) {
  codex::client_options options;
  options.set_codex_path(required_env("FAKE_RUNTIME"));
  if (script != nullptr) options.set_env("FAKE_RUNTIME_SCRIPT", script);
  if (record != nullptr) options.set_env("FAKE_RUNTIME_RECORD", record);
  return options;
}

#if CODEX_THROWS
/// A thread of a client of the fake runtime.
struct conversation {
  explicit conversation(const codex::client_options &options)
      : client(codex::client::connect(options)), thread(client.start_thread()) {}
  explicit conversation(const char *script = nullptr, const char *record = nullptr)
      : conversation(fake_options(script, record)) {}

  codex::client client;
  codex::thread thread;
};
#endif

/// A file of this test that the fake runtime writes down in what it receives.
inline const char *record_file() { return text("%s/record", fresh_directory()); }

/// A turn that says "half", and goes on for as long as it is let.
inline constexpr char held_turn[] = R"({"on":{"turn/start":[{"turn":{"deltas":["half"],"hold":true}}]}})";
/// A turn that fails when it has said "half".
inline constexpr char failing_turn[] =
    R"({"on":{"turn/start":[{"turn":{"deltas":["half"],"status":"failed","error":{"message":"no more ideas"}}}]}})";
/// A turn that asks whether it may run `make`, and says "done" when that is answered.
inline constexpr char asking_turn[] = R"({"on":{"turn/start":[
    {"turn":{"hold":true}},
    {"request":[7001,"item/commandExecution/requestApproval",
      {"threadId":"$threadId","turnId":"$turnId","itemId":"c","command":"make"}]},
    {"waitAnswer":7001},
    {"finishTurn":{"with":{"text":"done"}}}]}})";
/// A turn that calls the tool `weather`.
inline constexpr char calling_turn[] = R"({"on":{"turn/start":[
    {"turn":{"hold":true}},
    {"request":[7001,"item/tool/call",{"threadId":"$threadId","turnId":"$turnId","callId":"c","namespace":null,
      "tool":"weather","arguments":{"city":"Rome"}}]},
    {"waitAnswer":7001},
    {"finishTurn":{}}]}})";

/// What the fake runtime was answered.
inline const char *answer_of(const char *record) {
  constexpr char start[] = "{\"id\":7001,";
  if (!CHECK(wait_for_text(record, start))) return "";
  const char *line = strstr(read_file(record), start);
  return text("%.*s", static_cast<int>(strcspn(line, "\n")), line);
}

#endif
