// Gives the agent a table of the program's own to look things up in, and shows how it uses it.
//
//   c++ -std=c++17 tools.cpp -o tools -lcodex
//   ./tools "What does Ada still have to pay?"
#include <codex.hpp>

#include <iomanip>
#include <iostream>
#include <sstream>
#include <vector>

struct order {
  std::string_view customer;
  std::string_view article;
  int cents;
  bool paid;
};

static const std::vector<order> orders = {
    {"Ada", "loom cards", 1250, true},
    {"Ada", "brass wheels", 8900, false},
    {"Charles", "tea", 420, false},
    {"Ada", "ink", 315, false},
};

// A JSON Schema: what the agent may ask for.
static constexpr char schema[] = R"({
  "type": "object",
  "properties": {"customer": {"type": "string", "description": "A first name"}},
  "required": ["customer"],
  "additionalProperties": false
})";

static std::string row(const order &o) {
  std::ostringstream text;
  text << o.article << ": " << o.cents / 100 << "." << std::setw(2) << std::setfill('0') << o.cents % 100 << ", "
       << (o.paid ? "paid" : "open") << "\n";
  return text.str();
}

// Runs on a thread of the library, whenever the agent calls the tool. What it throws, the agent is told. A function that
// needs longer takes a codex::request instead, moves it away, returns, and answers from a thread of its own.
static codex::tool_answer find_orders(codex::value arguments) {
  const std::string_view customer = arguments["customer"].as_string("nobody");
  codex::params answer;
  int found = 0;
  for (const order &o : orders) {
    if (o.customer != customer) continue;
    answer.add_text(row(o));
    found++;
  }
  std::cout << "[looked up " << customer << ": " << found << " orders]\n";
  if (found == 0) return codex::tool_answer::failure("There is no customer of this name.");
  return answer;
}

int main(int argc, char **argv) {
  try {
    const codex::client client = codex::client::connect();
    client.add_tool("find_orders", "Finds what a customer ordered, and whether it is paid.", schema, find_orders);
    const codex::thread thread = client.start_thread();
    const codex::turn_result result = thread.run(argc > 1 ? argv[1] : "What does Ada still have to pay?");
    std::cout << result.final_response().value_or("") << "\n";
    return 0;
  } catch (const codex::error &error) {
    std::cerr << "tools: " << error.what() << "\n";
    return 1;
  }
}
