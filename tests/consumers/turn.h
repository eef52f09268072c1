/* One turn, as every consumer runs it. */

#include <codex.h>

#include <stdbool.h>
#include <stdio.h>

static bool run_a_turn(void) {
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_turn_result *result = NULL;
  codex_error *error = NULL;
  bool ok = codex_check_abi() && codex_client_connect(NULL, &client, &error) == CODEX_OK &&
            codex_thread_start(client, NULL, &thread, &error) == CODEX_OK &&
            codex_thread_run(thread, "Hello?", NULL, &result, &error) == CODEX_OK;
  if (ok) puts(codex_turn_result_final_response(result, NULL));
  else fprintf(stderr, "%s\n", codex_error_message(error));
  codex_error_free(error);
  codex_turn_result_free(result);
  codex_thread_free(thread);
  codex_client_free(client);
  return ok;
}
