/* Has the agent pursue a goal, turn after turn, until it says that it is reached; Ctrl-C pauses it.
 *
 *   cc -std=c99 goals.c -o goals -lcodex
 *   ./goals "Make all tests of this project pass."
 */
#include <codex.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static volatile sig_atomic_t stopped;

static void on_signal(int signal_number) {
  (void)signal_number;
  stopped = 1;
}

static void print_event(const codex_event *event) {
  size_t length;
  const char *text = codex_event_text(event, &length);
  if (codex_event_get_kind(event) == CODEX_EVENT_MESSAGE_DELTA) fwrite(text, 1, length, stdout);
  if (codex_event_get_kind(event) == CODEX_EVENT_ITEM_COMPLETED) putchar('\n');
  fflush(stdout);
}

/* The turns of the goal are one here: its events end when the goal does. */
static codex_status follow(codex_turn *turn, codex_error **error) {
  codex_event *event = NULL;
  codex_status status;
  while ((status = codex_turn_next_event(turn, 200, &event, error)) == CODEX_OK || status == CODEX_TIMEOUT) {
    if (status == CODEX_OK) print_event(event);
    codex_event_free(event);
    if (stopped) codex_turn_interrupt(turn, NULL);
  }
  return status == CODEX_END ? CODEX_OK : status;
}

static void print_sum(const codex_turn_result *result) {
  printf("\nThe goal took %lld tokens in %.0f seconds.\n", (long long)codex_turn_result_total_tokens(result),
         (double)codex_turn_result_duration_ms(result) / 1000);
}

int main(int argc, char **argv) {
  const char *goal = argc > 1 ? argv[1] : "Make all tests of this project pass.";
  /* Whatever happens, it ends after an hour. */
  const char *limits = "{\"limits\": {\"timeoutMs\": 3600000}}";
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_turn *turn = NULL;
  codex_turn_result *result = NULL;
  codex_error *error = NULL;
  int ok;

  signal(SIGINT, on_signal);
  ok = codex_client_connect(NULL, &client, &error) == CODEX_OK &&
       codex_thread_start(client, "{\"cwd\": \".\"}", &thread, &error) == CODEX_OK &&
       codex_thread_goal(thread, goal, limits, &turn, &error) == CODEX_OK && follow(turn, &error) == CODEX_OK &&
       codex_turn_wait(turn, CODEX_WAIT_FOREVER, &result, &error) == CODEX_OK;

  if (result) print_sum(result);
  if (error) fprintf(stderr, "goals: %s\n", codex_error_message(error));

  codex_error_free(error);
  codex_turn_result_free(result);
  codex_turn_free(turn);
  codex_thread_free(thread);
  codex_client_free(client);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
