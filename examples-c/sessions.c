/* Lists the stored conversations, goes on with one, begins another as its copy, or puts it away.
 *
 *   cc -std=c99 sessions.c -o sessions -lcodex
 *   ./sessions
 *   ./sessions resume ID "And now?"
 *   ./sessions fork ID "And what if not?"
 *   ./sessions archive ID
 */
#include <codex.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *string_at(const codex_value *value, const char *pointer) {
  const char *string = codex_value_string(codex_value_at(value, pointer), NULL);
  return string ? string : "";
}

static void print_page(const codex_value *page) {
  const codex_value *threads = codex_value_at(page, "/data");
  size_t i;
  for (i = 0; i < codex_value_count(threads); i++) {
    const codex_value *thread = codex_value_item(threads, i);
    const char *name = string_at(thread, "/name");
    printf("%s  %s\n", string_at(thread, "/id"), *name ? name : string_at(thread, "/preview"));
  }
}

/* Page by page, until the runtime names no next one. */
static codex_status list(codex_client *client, codex_error **error) {
  codex_params *params = codex_params_new();
  codex_status status;
  int more;
  do {
    char *json = NULL;
    codex_value *page = NULL;
    status = codex_thread_list(client, codex_params_json(params), &json, error);
    if (status == CODEX_OK) status = codex_value_parse(json, &page, error);
    print_page(page);
    more = *string_at(page, "/nextCursor") != '\0';
    if (more) codex_params_set_string(params, "cursor", string_at(page, "/nextCursor"));
    codex_value_free(page);
    codex_string_free(json);
  } while (more);
  codex_params_free(params);
  return status;
}

static codex_status say(codex_thread *thread, const char *text, codex_error **error) {
  codex_turn_result *result = NULL;
  codex_status status = codex_thread_run(thread, text, NULL, &result, error);
  const char *answer = codex_turn_result_final_response(result, NULL);
  printf("[%s] %s\n", codex_thread_id(thread), answer ? answer : "");
  codex_turn_result_free(result);
  return status;
}

static int is(const char *word, const char *other) { return strcmp(word, other) == 0; }

/* A thread that is put away need not be opened for it. */
static codex_status act(codex_client *client, char **words, codex_error **error) {
  const char *what = words[0], *id = words[1], *text = words[2];
  codex_thread *thread = NULL;
  codex_status status = is(what, "archive") ? codex_thread_from_id(client, id, &thread, error)
                        : is(what, "fork")  ? codex_thread_fork(client, id, NULL, &thread, error)
                                            : codex_thread_resume(client, id, NULL, &thread, error);
  if (status == CODEX_OK) status = text ? say(thread, text, error) : codex_thread_archive(thread, error);
  codex_thread_free(thread);
  return status;
}

static int is_understood(int argc, char **argv) {
  if (argc == 3) return is(argv[1], "archive");
  return argc == 1 || (argc == 4 && (is(argv[1], "resume") || is(argv[1], "fork")));
}

int main(int argc, char **argv) {
  codex_client *client = NULL;
  codex_error *error = NULL;
  int ok;

  if (!is_understood(argc, argv)) {
    fprintf(stderr, "usage: sessions [resume ID TEXT | fork ID TEXT | archive ID]\n");
    return EXIT_FAILURE;
  }
  ok = codex_client_connect(NULL, &client, &error) == CODEX_OK &&
       (argc == 1 ? list(client, &error) : act(client, argv + 1, &error)) == CODEX_OK;
  if (!ok) fprintf(stderr, "sessions: %s\n", codex_error_message(error));

  codex_error_free(error);
  codex_client_free(client);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
