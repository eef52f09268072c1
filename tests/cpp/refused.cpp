// What must not compile: one mistake for each value of MISTAKE, and none for 0.
#include <string>

#include "codex.hpp"

void mistake(const codex::client &client, const codex::thread &thread, codex::turn &turn);

void mistake(const codex::client &client, const codex::thread &thread, codex::turn &turn) {
#if MISTAKE == 1  // A handle is copied.
  const codex::turn copy = turn;
#elif MISTAKE == 2  // A loop over a turn that is gone before it begins.
  for (codex::event &event : thread.start_turn("go").events()) event.text();
#elif MISTAKE == 3  // A view of the JSON of a result that is gone.
  const std::string_view json = thread.run("go").json();
  client.notify("shown", json);
#elif MISTAKE == 4  // A loop over the items of a result that is gone.
  for (codex::value item : thread.run("go").items()) item.json();
#elif MISTAKE == 5  // A member of a document that is gone.
  const codex::value models = client.models()["data"];
  client.notify("shown", models);
#elif MISTAKE == 6  // A function that is passed events and returns neither nothing nor a codex::flow.
  thread.run_streamed("go", [](codex::event_view) { return true; });
#elif MISTAKE == 7  // A tool that returns what is no answer.
  client.add_tool("name", "description", nullptr, [](codex::value) { return 7; });
#elif MISTAKE == 8  // A number where a time belongs.
  turn.wait(1000);
#else
  client.notify("shown", thread.run("go").json());
  turn.wait(std::chrono::seconds(1));
#endif
  static_cast<void>(client);
  static_cast<void>(thread);
  static_cast<void>(turn);
}
