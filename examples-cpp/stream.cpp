// Loops over the events of a turn. Ctrl-C asks what to do instead: a text steers the running turn, an empty line
// interrupts it.
//
//   c++ -std=c++17 stream.cpp -o stream -lcodex
//   ./stream "Count the lines of every file here."
#include <codex.hpp>

#include <csignal>
#include <iostream>
#include <string>

using namespace std::chrono_literals;

static volatile std::sig_atomic_t ctrl_c;

static void on_ctrl_c(int) { ctrl_c = 1; }

static void steer_or_interrupt(const codex::turn &turn) {
  std::string line;
  std::cout << "\nWhat instead? (Enter alone: stop) " << std::flush;
  std::getline(std::cin, line);

  // Where signal() resets its handler, it is set again only now: a second Ctrl-C at the question ends the program.
  ctrl_c = 0;
  std::signal(SIGINT, on_ctrl_c);
  if (line.empty()) turn.interrupt();
  else turn.steer(line);
}

static void print_event(const codex::event &event) {
  switch (event.kind()) {
    case codex::event_kind::message_delta:
    case codex::event_kind::output_delta:
      std::cout << event.text();
      break;
    case codex::event_kind::warning:
    case codex::event_kind::error:
      std::cout << "\n[" << event.text() << "]\n";
      break;
    case codex::event_kind::item_started:
      std::cout << "\n[" << event.value().at("/item/type").as_string("item") << "] ";
      break;
    default:
      break;
  }
  std::cout << std::flush;
}

// Reads until the turn's last event; the short time is what lets Ctrl-C through.
static void read_events(const codex::turn &turn) {
  for (bool ended = false; !ended;) {
    codex::event_range events = turn.events(100ms);
    // A question of the runtime that is destroyed unanswered is declined.
    for (const codex::event &event : events) print_event(event);
    if (ctrl_c) steer_or_interrupt(turn);
    ended = events.ended();
  }
}

int main(int argc, char **argv) {
  std::signal(SIGINT, on_ctrl_c);
  try {
    const codex::client client = codex::client::connect();
    const codex::thread thread = client.start_thread(codex::params().cwd("."));
    const codex::turn turn = thread.start_turn(argc > 1 ? argv[1] : "Count the lines of every file here.");
    read_events(turn);
    std::cout << "\n\nThe turn is " << turn.wait().status() << ".\n";
    return 0;
  } catch (const codex::error &error) {
    if (error.result()) std::cout << "\n\nThe turn is " << error.result()->status() << ".\n";
    std::cerr << "stream: " << error.what() << "\n";
    return 1;
  }
}
