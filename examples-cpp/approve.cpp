// Asks on the terminal whenever the agent wants to run a command or change a file.
//
//   c++ -std=c++17 approve.cpp -o approve -lcodex
//   ./approve "Write a haiku to haiku.txt."
#include <codex.hpp>

#include <iostream>
#include <string>

static void print_request(const codex::request &request) {
  const codex::value value = request.value();
  switch (request.kind()) {
    case codex::request_kind::command:
      std::cout << "\nRun this command?\n  " << value["command"].as_string() << "\n  in " << value["cwd"].as_string()
                << "\n";
      break;
    case codex::request_kind::file_change:
      std::cout << "\nMake these changes?\n";
      for (codex::value change : request.item()["changes"])
        std::cout << "  " << change.at("/kind/type").as_string() << " " << change["path"].as_string() << "\n"
                  << change["diff"].as_string() << "\n";
      break;
    default:
      std::cout << "\nAllow " << request.method() << "?\n  " << request.json() << "\n";
      break;
  }
  std::cout << "[y] yes, [a] always in this session, [n] no, [c] no, and stop: " << std::flush;
}

// Runs on the thread that called run_streamed: it may wait for a person. An answer that does not fit throws, and a
// request that is left unanswered is declined.
static void ask(codex::request &request) {
  std::string line;
  print_request(request);
  std::getline(std::cin, line);
  switch (line.empty() ? 'n' : line[0]) {
    case 'y':
      return request.approve();
    case 'a':
      return request.approve_for_session();
    case 'c':
      return request.cancel_turn();
    default:
      return request.decline();
  }
}

static void print_text(codex::event_view event) {
  if (event.kind() == codex::event_kind::message_delta) std::cout << event.text() << std::flush;
}

int main(int argc, char **argv) {
  const char *prompt = argc > 1 ? argv[1] : "Write a haiku to haiku.txt.";
  codex::params settings;
  settings.cwd(".").approval_mode(codex::approval_mode::ask).sandbox(codex::sandbox::read_only);
  try {
    const codex::client client = codex::client::connect();
    const codex::thread thread = client.start_thread(settings);
    const codex::turn_result result = thread.run_streamed(prompt, nullptr, print_text, ask);
    std::cout << "\n\nThe turn is " << result.status() << ".\n";
    return 0;
  } catch (const codex::error &error) {
    if (error.result()) std::cout << "\n\nThe turn is " << error.result()->status() << ".\n";
    std::cerr << "approve: " << error.what() << "\n";
    return 1;
  }
}
