/* Runs a turn that may take a minute and call three tools; tells what went wrong, and what was done until then.
 *
 *   cc -std=c99 errors.c -o errors -lcodex
 *   ./errors "Count the words of every file here, one file after the other."
 */
#include <codex.h>

#include <stdio.h>
#include <stdlib.h>

static const char *string_at(const codex_value *value, const char *pointer) {
  const char *string = codex_value_string(codex_value_at(value, pointer), NULL);
  return string ? string : "";
}

/* The status tells programs what to do, the sentence tells it to people. */
static const char *advice(codex_status status) {
  switch (status) {
    case CODEX_ERROR_RUNTIME_NOT_FOUND:
      return "install the runtime";
    case CODEX_ERROR_AUTH:
      return "log in";
    case CODEX_ERROR_TURN_TIMED_OUT:
    case CODEX_ERROR_LIMIT:
      return "ask for less, or allow more";
    default:
      return "look at the reason";
  }
}

static void print_error(const codex_error *error) {
  codex_status status = codex_error_status(error);
  printf("%s: %s\n", codex_status_name(status), codex_error_message(error));
  if (*codex_error_reason(error)) printf("Reason: %s\n", codex_error_reason(error));
  printf("What to do: %s\n", codex_error_is_retryable(error) ? "try again later" : advice(status));
}

/* A turn that has begun has a result, however it ended. */
static void print_partial(const codex_turn_result *result) {
  const codex_value *all = codex_turn_result_value(result);
  size_t i;
  printf("It was ended by: %s. Until then:\n", string_at(all, "/endedBy"));
  for (i = 0; i < codex_turn_result_item_count(result); i++) {
    const codex_value *item = codex_turn_result_item(result, i);
    printf("  %s %s%s\n", string_at(item, "/type"), string_at(item, "/text"), string_at(item, "/command"));
  }
  if (*string_at(all, "/partialResponse")) printf("  unfinished: %s\n", string_at(all, "/partialResponse"));
}

int main(int argc, char **argv) {
  const char *prompt = argc > 1 ? argv[1] : "Count the words of every file here, one file after the other.";
  const char *limits = "{\"limits\": {\"timeoutMs\": 60000, \"maxToolCalls\": 3}}";
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_turn_result *result = NULL;
  codex_error *error = NULL;

  int ok = codex_client_connect(NULL, &client, &error) == CODEX_OK &&
           codex_thread_start(client, "{\"cwd\": \".\"}", &thread, &error) == CODEX_OK &&
           codex_thread_run(thread, prompt, limits, &result, &error) == CODEX_OK;

  if (ok && codex_turn_result_final_response(result, NULL)) puts(codex_turn_result_final_response(result, NULL));
  if (error) print_error(error);
  if (error && result) print_partial(result);

  codex_error_free(error);
  codex_turn_result_free(result);
  codex_thread_free(thread);
  codex_client_free(client);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
