#include <codex.hpp>

#include <iostream>

int main() {
  codex::client client = codex::client::connect();
  codex::thread thread = client.start_thread();
  std::cout << thread.run("Hello?").final_response().value_or("") << "\n";
}
