/* Shows the agent a picture that is in memory and nowhere else; here it comes through a pipe.
 *
 *   cc -std=c99 image.c -o image -lcodex
 *   import -window root png:- | ./image "What is open on my screen?"
 */
#include <codex.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t picture[16 * 1024 * 1024];

static const char *mime_type(void) {
  if (memcmp(picture, "\xff\xd8\xff", 3) == 0) return "image/jpeg";
  if (memcmp(picture, "GIF8", 4) == 0) return "image/gif";
  if (memcmp(picture, "RIFF", 4) == 0) return "image/webp";
  return "image/png";
}

/* The picture stands behind the question in the input of the turn. */
static codex_status show(codex_thread *thread, const char *question, size_t length, codex_turn_result **result,
                         codex_error **error) {
  codex_params *params = codex_params_new();
  codex_status status;
  codex_params_add_image_bytes(params, picture, length, mime_type());
  status = codex_thread_run(thread, question, codex_params_json(params), result, error);
  codex_params_free(params);
  return status;
}

int main(int argc, char **argv) {
  const char *question = argc > 1 ? argv[1] : "What is in this picture?";
  size_t length = fread(picture, 1, sizeof picture, stdin);
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_turn_result *result = NULL;
  codex_error *error = NULL;

  int ok = codex_client_connect(NULL, &client, &error) == CODEX_OK &&
           codex_thread_start(client, NULL, &thread, &error) == CODEX_OK &&
           show(thread, question, length, &result, &error) == CODEX_OK;

  if (ok && codex_turn_result_final_response(result, NULL)) puts(codex_turn_result_final_response(result, NULL));
  if (error) fprintf(stderr, "image: %s\n", codex_error_message(error));

  codex_error_free(error);
  codex_turn_result_free(result);
  codex_thread_free(thread);
  codex_client_free(client);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
