/* Asks for an answer in a given form, and reads it field by field.
 *
 *   cc -std=c99 structured.c -o structured -lcodex
 *   ./structured "Which files of this directory are the longest?"
 */
#include <codex.h>

#include <stdio.h>
#include <stdlib.h>

/* A JSON Schema. The models want every property required, and no others. */
static const char schema[] =
    "{\"type\": \"object\", \"properties\": {\"files\": {\"type\": \"array\", \"items\": {\"type\": \"object\","
    " \"properties\": {\"path\": {\"type\": \"string\"}, \"lines\": {\"type\": \"integer\"},"
    " \"generated\": {\"type\": \"boolean\"}},"
    " \"required\": [\"path\", \"lines\", \"generated\"], \"additionalProperties\": false}}},"
    " \"required\": [\"files\"], \"additionalProperties\": false}";

/* The schema belongs to this turn alone: the next one on the thread may ask for another form, or for plain words. */
static codex_status ask(codex_thread *thread, const char *question, codex_turn_result **result, codex_error **error) {
  codex_params *params = codex_params_new();
  codex_status status;
  codex_params_set_json(params, "outputSchema", schema);
  status = codex_thread_run(thread, question, codex_params_json(params), result, error);
  codex_params_free(params);
  return status;
}

static void print_file(const codex_value *file) {
  const char *path = codex_value_string(codex_value_at(file, "/path"), NULL);
  long lines = (long)codex_value_int(codex_value_at(file, "/lines"), 0);
  int generated = codex_value_bool(codex_value_at(file, "/generated"), false);
  printf("%8ld  %s%s\n", lines, path ? path : "?", generated ? " (generated)" : "");
}

static int print_answer(const codex_turn_result *result) {
  const codex_value *files = codex_value_at(codex_turn_result_output(result), "/files");
  size_t i;
  if (!files) fprintf(stderr, "structured: the answer has another form: %s\n", codex_turn_result_json(result, NULL));
  for (i = 0; i < codex_value_count(files); i++) print_file(codex_value_item(files, i));
  return files != NULL;
}

int main(int argc, char **argv) {
  const char *question = argc > 1 ? argv[1] : "Which files of this directory are the longest?";
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_turn_result *result = NULL;
  codex_error *error = NULL;

  int ok = codex_client_connect(NULL, &client, &error) == CODEX_OK &&
           codex_thread_start(client, "{\"cwd\": \".\"}", &thread, &error) == CODEX_OK &&
           ask(thread, question, &result, &error) == CODEX_OK && print_answer(result);
  if (error) fprintf(stderr, "structured: %s\n", codex_error_message(error));

  codex_error_free(error);
  codex_turn_result_free(result);
  codex_thread_free(thread);
  codex_client_free(client);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
