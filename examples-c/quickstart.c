/* The first program: connect, start a thread, run a turn, look at its result.
 *
 *   cc -std=c99 quickstart.c -o quickstart -lcodex
 *   ./quickstart "What is in this directory?"
 *
 * --codex PATH and --home DIR choose the runtime and its CODEX_HOME, --config key=value overrides its settings.
 */
#include <codex.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static codex_client_options *read_arguments(int argc, char **argv, const char **prompt) {
  codex_client_options *options = codex_client_options_new();
  int i;
  for (i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    /* The setters' answers need no check here: the first failure is reported by codex_client_connect. */
    if (value && strcmp(argv[i], "--codex") == 0) {
      codex_client_options_set_codex_path(options, value);
      i++;
    } else if (value && strcmp(argv[i], "--home") == 0) {
      codex_client_options_set_codex_home(options, value);
      i++;
    } else if (value && strcmp(argv[i], "--config") == 0) {
      codex_client_options_add_config(options, value);
      i++;
    } else {
      *prompt = argv[i];
    }
  }
  return options;
}

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

static const char *string_at(const codex_value *value, const char *pointer) {
  size_t length;
  const char *string = codex_value_string(codex_value_at(value, pointer), &length);
  return string ? string : "";
}

static const char *describe(const codex_value *item) {
  static const char *const pointers[] = {"/text", "/command", "/content/0/text", "/changes/0/path", "/tool"};
  size_t i;
  for (i = 0; i < sizeof pointers / sizeof pointers[0]; i++) {
    const char *text = string_at(item, pointers[i]);
    if (*text) return text;
  }
  return "";
}

static void print_result(const codex_turn_result *result) {
  const codex_value *usage = codex_value_at(codex_turn_result_value(result), "/usage/turn");
  size_t i, length;

  printf("\n\nThe turn is %s. Its items:\n", codex_turn_result_status(result));
  for (i = 0; i < codex_turn_result_item_count(result); i++) {
    const codex_value *item = codex_turn_result_item(result, i);
    const char *text = describe(item);
    int first_line = (int)strcspn(text, "\n");
    printf("  %-17s %.*s\n", string_at(item, "/type"), first_line, text);
  }
  printf("Tokens: %ld in, %ld out.\n", (long)codex_value_int(codex_value_at(usage, "/inputTokens"), 0),
         (long)codex_value_int(codex_value_at(usage, "/outputTokens"), 0));
  printf("All of it as JSON:\n%s\n", codex_turn_result_json(result, &length));
}

int main(int argc, char **argv) {
  const char *prompt = "Say hello, and name one file of this directory.";
  codex_client_options *options = read_arguments(argc, argv, &prompt);
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_turn_result *result = NULL;
  codex_error *error = NULL;

  int ok = codex_client_connect(options, &client, &error) == CODEX_OK &&
           codex_thread_start(client, "{\"cwd\": \".\"}", &thread, &error) == CODEX_OK &&
           codex_thread_run_streamed(thread, prompt, NULL, on_event, NULL, &result, &error) == CODEX_OK;

  /* A turn that failed has a result too: what it did until then. */
  if (result) print_result(result);
  if (error) fprintf(stderr, "quickstart: %s\n", codex_error_message(error));

  /* Optional: waits until the runtime has ended, which it otherwise does on its own. */
  if (client) codex_client_close(client, 5000, NULL);

  codex_error_free(error);
  codex_turn_result_free(result);
  codex_thread_free(thread);
  codex_client_free(client);
  codex_client_options_free(options);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
