/* Pulls the events of a turn one by one. Ctrl-C asks what to do instead: a text steers the running turn, an empty
 * line interrupts it.
 *
 *   cc -std=c99 stream.c -o stream -lcodex
 *   ./stream "Count the lines of every file here."
 */
#include <codex.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t ctrl_c;

static void on_ctrl_c(int signal_number) {
  (void)signal_number;
  ctrl_c = 1;
}

static codex_status steer_or_interrupt(codex_turn *turn, codex_error **error) {
  char line[1024] = "";
  fputs("\nWhat instead? (Enter alone: stop) ", stdout);
  fflush(stdout);
  if (!fgets(line, sizeof line, stdin)) line[0] = '\0';
  line[strcspn(line, "\n")] = '\0';

  /* Where signal() resets its handler, it is set again only now: a second Ctrl-C at the question ends the program. */
  ctrl_c = 0;
  signal(SIGINT, on_ctrl_c);
  return line[0] ? codex_turn_steer(turn, line, NULL, error) : codex_turn_interrupt(turn, error);
}

static void print_event(const codex_event *event) {
  size_t length;
  const char *text = codex_event_text(event, &length);
  switch (codex_event_get_kind(event)) {
    case CODEX_EVENT_MESSAGE_DELTA:
    case CODEX_EVENT_OUTPUT_DELTA:
      fwrite(text, 1, length, stdout);
      break;
    case CODEX_EVENT_WARNING:
    case CODEX_EVENT_ERROR:
      printf("\n[%s]\n", text);
      break;
    case CODEX_EVENT_ITEM_STARTED: {
      const codex_value *type = codex_value_at(codex_event_value(event), "/item/type");
      const char *name = codex_value_string(type, &length);
      printf("\n[%s] ", name ? name : "item");
      break;
    }
    default:
      break;
  }
  fflush(stdout);
}

/* Reads until the turn's last event; the short wait is what lets Ctrl-C through. */
static codex_status read_events(codex_turn *turn, codex_error **error) {
  codex_status status = CODEX_OK;
  while (status == CODEX_OK || status == CODEX_TIMEOUT) {
    codex_event *event = NULL;
    if (ctrl_c && (status = steer_or_interrupt(turn, error)) != CODEX_OK) break;
    status = codex_turn_next_event(turn, 100, &event, error);
    if (event) print_event(event);
    /* A question of the runtime that is freed unanswered is declined. */
    codex_event_free(event);
  }
  return status == CODEX_END ? CODEX_OK : status;
}

int main(int argc, char **argv) {
  const char *prompt = argc > 1 ? argv[1] : "Count the lines of every file here.";
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_turn *turn = NULL;
  codex_turn_result *result = NULL;
  codex_error *error = NULL;
  int ok;

  signal(SIGINT, on_ctrl_c);
  ok = codex_client_connect(NULL, &client, &error) == CODEX_OK &&
       codex_thread_start(client, "{\"cwd\": \".\"}", &thread, &error) == CODEX_OK &&
       codex_turn_start(thread, prompt, NULL, &turn, &error) == CODEX_OK && read_events(turn, &error) == CODEX_OK &&
       codex_turn_wait(turn, CODEX_WAIT_FOREVER, &result, &error) == CODEX_OK;

  if (result) printf("\n\nThe turn is %s.\n", codex_turn_result_status(result));
  if (error) fprintf(stderr, "stream: %s\n", codex_error_message(error));

  codex_error_free(error);
  codex_turn_result_free(result);
  codex_turn_free(turn);
  codex_thread_free(thread);
  codex_client_free(client);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
