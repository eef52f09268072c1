/* Asks on the terminal whenever the agent wants to run a command or change a file.
 *
 *   cc -std=c99 approve.c -o approve -lcodex
 *   ./approve "Write a haiku to haiku.txt."
 */
#include <codex.h>

#include <stdio.h>
#include <stdlib.h>

static const char *string_at(const codex_value *value, const char *pointer) {
  size_t length;
  const char *string = codex_value_string(codex_value_at(value, pointer), &length);
  return string ? string : "";
}

static void print_changes(const codex_value *item) {
  const codex_value *changes = codex_value_at(item, "/changes");
  size_t i;
  for (i = 0; i < codex_value_count(changes); i++) {
    const codex_value *change = codex_value_item(changes, i);
    printf("  %s %s\n%s\n", string_at(change, "/kind/type"), string_at(change, "/path"), string_at(change, "/diff"));
  }
}

static void print_request(const codex_request *request) {
  const codex_value *value = codex_request_value(request);
  size_t length;
  switch (codex_request_get_kind(request)) {
    case CODEX_REQUEST_COMMAND:
      printf("\nRun this command?\n  %s\n  in %s\n", string_at(value, "/command"), string_at(value, "/cwd"));
      break;
    case CODEX_REQUEST_FILE_CHANGE:
      printf("\nMake these changes?\n");
      print_changes(codex_request_item(request));
      break;
    default:
      printf("\nAllow %s?\n  %s\n", codex_request_method(request), codex_request_json(request, &length));
      break;
  }
  printf("[y] yes, [a] always in this session, [n] no, [c] no, and stop: ");
  fflush(stdout);
}

static int read_letter(void) {
  int letter = getchar();
  int rest = letter;
  while (rest != '\n' && rest != EOF) rest = getchar();
  return letter;
}

static codex_status answer(codex_request *request, codex_error **error) {
  switch (read_letter()) {
    case 'y':
      return codex_request_approve(request, false, error);
    case 'a':
      return codex_request_approve(request, true, error);
    case 'c':
      return codex_request_cancel_turn(request, error);
    default:
      return codex_request_decline(request, error);
  }
}

static void ask(codex_request *request) {
  codex_error *error = NULL;
  print_request(request);
  if (answer(request, &error) != CODEX_OK) {
    fprintf(stderr, "approve: %s\n", codex_error_message(error));
    codex_error_free(error);
  }
  /* One that is still unanswered here, because the answer did not fit its kind, is declined. */
  codex_request_free(request);
}

/* Runs on the thread that called codex_thread_run_streamed: it may wait for a person. */
static int32_t on_event(void *user_data, codex_event *event) {
  codex_request *request = codex_event_take_request(event);
  size_t length;
  const char *text = codex_event_text(event, &length);
  (void)user_data;
  if (request) ask(request);
  if (codex_event_get_kind(event) == CODEX_EVENT_MESSAGE_DELTA) {
    fwrite(text, 1, length, stdout);
    fflush(stdout);
  }
  return CODEX_CONTINUE;
}

int main(int argc, char **argv) {
  const char *prompt = argc > 1 ? argv[1] : "Write a haiku to haiku.txt.";
  const char *settings = "{\"cwd\": \".\", \"approvalMode\": \"ask\", \"sandbox\": \"read-only\"}";
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_turn_result *result = NULL;
  codex_error *error = NULL;

  int ok = codex_client_connect(NULL, &client, &error) == CODEX_OK &&
           codex_thread_start(client, settings, &thread, &error) == CODEX_OK &&
           codex_thread_run_streamed(thread, prompt, NULL, on_event, NULL, &result, &error) == CODEX_OK;

  if (result) printf("\n\nThe turn is %s.\n", codex_turn_result_status(result));
  if (error) fprintf(stderr, "approve: %s\n", codex_error_message(error));

  codex_error_free(error);
  codex_turn_result_free(result);
  codex_thread_free(thread);
  codex_client_free(client);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
