/* Has the agent review what changed in the current directory since a branch, or what is not committed yet.
 *
 *   cc -std=c99 review.c -o review -lcodex
 *   ./review
 *   ./review main
 */
#include <codex.h>

#include <stdio.h>
#include <stdlib.h>

static codex_status start(codex_thread *thread, const char *branch, codex_turn **turn, codex_error **error) {
  codex_params *target = codex_params_new();
  codex_status status;
  codex_params_set_string(target, "type", branch ? "baseBranch" : "uncommittedChanges");
  if (branch) codex_params_set_string(target, "branch", branch);
  status = codex_thread_review(thread, codex_params_json(target), NULL, turn, error);
  codex_params_free(target);
  return status;
}

/* The commands that the reviewer runs are all that is heard of it before it has finished. */
static void print_event(const codex_event *event) {
  const codex_value *command = codex_value_at(codex_event_value(event), "/item/command");
  const char *words = codex_value_string(command, NULL);
  if (codex_event_get_kind(event) == CODEX_EVENT_ITEM_STARTED && words) printf("$ %s\n", words);
  fflush(stdout);
}

static codex_status read_events(codex_turn *turn, codex_error **error) {
  codex_event *event = NULL;
  codex_status status;
  while ((status = codex_turn_next_event(turn, CODEX_WAIT_FOREVER, &event, error)) == CODEX_OK) {
    print_event(event);
    codex_event_free(event);
  }
  return status == CODEX_END ? CODEX_OK : status;
}

int main(int argc, char **argv) {
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_turn *turn = NULL;
  codex_turn_result *result = NULL;
  codex_error *error = NULL;

  int ok = codex_client_connect(NULL, &client, &error) == CODEX_OK &&
           codex_thread_start(client, "{\"cwd\": \".\"}", &thread, &error) == CODEX_OK &&
           start(thread, argc > 1 ? argv[1] : NULL, &turn, &error) == CODEX_OK &&
           read_events(turn, &error) == CODEX_OK &&
           codex_turn_wait(turn, CODEX_WAIT_FOREVER, &result, &error) == CODEX_OK;

  if (ok) printf("\n%s\n", codex_turn_result_final_response(result, NULL));
  else fprintf(stderr, "review: %s\n", codex_error_message(error));

  codex_error_free(error);
  codex_turn_result_free(result);
  codex_turn_free(turn);
  codex_thread_free(thread);
  codex_client_free(client);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
