// The first program: connect, start a thread, run a turn, look at its result.
//
//   c++ -std=c++17 quickstart.cpp -o quickstart -lcodex
//   ./quickstart "What is in this directory?"
#include <codex.hpp>

#include <iomanip>
#include <iostream>

static std::string_view describe(codex::value item) {
  for (const char *pointer : {"/text", "/command", "/content/0/text", "/changes/0/path", "/tool"})
    if (const std::string_view text = item.at(pointer).as_string(); !text.empty()) return text;
  return "";
}

static void print_result(const codex::turn_result &result) {
  const codex::value usage = result.value().at("/usage/turn");
  std::cout << "\n\nThe turn is " << result.status() << ". Its items:\n" << std::left;
  for (codex::value item : result.items()) {
    const std::string_view text = describe(item);
    std::cout << "  " << std::setw(18) << item["type"].as_string() << text.substr(0, text.find('\n')) << "\n";
  }
  std::cout << "Tokens: " << usage["inputTokens"].as_int() << " in, " << usage["outputTokens"].as_int() << " out.\n"
            << "All of it as JSON:\n" << result.json() << "\n";
}

static void run(const char *prompt) {
  const codex::client client = codex::client::connect();
  const codex::thread thread = client.start_thread(codex::params().cwd("."));

  // The lambda runs on this thread. What it returns or throws would interrupt the turn.
  print_result(thread.run_streamed(prompt, [](codex::event_view event) {
    if (event.kind() == codex::event_kind::message_delta) std::cout << event.text() << std::flush;
  }));

  // Optional: waits until the runtime has ended, which it otherwise does on its own.
  client.close();
}

int main(int argc, char **argv) {
  try {
    run(argc > 1 ? argv[1] : "Say hello, and name one file of this directory.");
    return 0;
  } catch (const codex::error &error) {
    // A turn that failed has a result too: what it did until then.
    if (error.result()) print_result(*error.result());
    std::cerr << "quickstart: " << error.what() << "\n";
    return 1;
  }
}
