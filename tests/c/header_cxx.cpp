// The header is usable from C++, and what it declares has C linkage.
#include "codex.h"

#include <cstring>

int main() {
  codex_params *params = codex_params_new();
  codex_status status = codex_params_set_string(params, "model", "gpt-5.5");
  bool same = std::strcmp(codex_params_json(params), "{\"model\":\"gpt-5.5\"}") == 0;
  codex_params_free(params);
  return codex_check_abi() && status == CODEX_OK && same && CODEX_WAIT_FOREVER == -1 && CODEX_WAIT_DEFAULT == -2 ? 0 : 1;
}
