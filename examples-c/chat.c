/* A conversation: every line of the input is a turn of one thread, so the agent knows what was said before.
 *
 *   cc -std=c99 chat.c -o chat -lcodex
 *   ./chat
 *   printf 'What does this project do?\nAnd in which language?\n' | ./chat
 */
#include <codex.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int32_t on_event(void *user_data, codex_event *event) {
  size_t length;
  const char *text = codex_event_text(event, &length);
  (void)user_data;
  if (codex_event_get_kind(event) == CODEX_EVENT_MESSAGE_DELTA) {
    fwrite(text, 1, length, stdout);
    fflush(stdout);
  }
  return CODEX_CONTINUE;
}

/* A turn that fails is told, and the conversation goes on; it ends when the runtime is gone. */
static int say(codex_thread *thread, const char *line) {
  codex_turn_result *result = NULL;
  codex_error *error = NULL;
  codex_status status = codex_thread_run_streamed(thread, line, NULL, on_event, NULL, &result, &error);
  putchar('\n');
  if (error) fprintf(stderr, "chat: %s\n", codex_error_message(error));
  codex_error_free(error);
  codex_turn_result_free(result);
  return status != CODEX_ERROR_TRANSPORT;
}

static void converse(codex_thread *thread) {
  char line[4096];
  int goes_on = 1;
  while (goes_on) {
    fputs("> ", stdout);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin)) break;
    line[strcspn(line, "\n")] = '\0';
    if (*line) goes_on = say(thread, line);
  }
}

int main(void) {
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_error *error = NULL;

  int ok = codex_client_connect(NULL, &client, &error) == CODEX_OK &&
           codex_thread_start(client, "{\"cwd\": \".\"}", &thread, &error) == CODEX_OK;
  if (ok) converse(thread);
  else fprintf(stderr, "chat: %s\n", codex_error_message(error));

  codex_error_free(error);
  codex_thread_free(thread);
  codex_client_free(client);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
