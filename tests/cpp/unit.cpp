// One unit of a program: linked three times with every test, compiled with exceptions, without them, and with
// CODEX_NO_EXCEPTIONS.
#include "codex.hpp"

#include "unit.hpp"

static codex::client_options options_of(const char *runtime, const char *script) {
  codex::client_options options;
  options.set_codex_path(runtime).set_env("FAKE_RUNTIME_SCRIPT", script);
  return options;
}

#if CODEX_THROWS
std::string fail_with_exceptions(const char *runtime, const char *script) {
  const codex::client client = codex::client::connect(options_of(runtime, script));
  try {
    return std::string(client.start_thread().run("go").status());
  } catch (const codex::error &thrown) {
    return std::string("threw: ") + thrown.what();
  }
}
#else
#if defined(__cpp_exceptions)
std::string fail_with_expected(const char *runtime, const char *script) {
#else
std::string fail_without_exceptions(const char *runtime, const char *script) {
#endif
  const auto client = codex::client::connect(options_of(runtime, script));
  const auto thread = client->start_thread();
  const auto result = thread->run("go");
  return result ? std::string(result->status()) : std::string("returned: ") + result.error().what();
}
#endif
