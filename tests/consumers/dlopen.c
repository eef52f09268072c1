/* Finds every function by name at run time. usage: dlopen LIBRARY */

#include <codex.h>

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *library;

/* ISO C has no conversion from a pointer to an object to one to a function. */
static void find(const char *name, void *function) {
  void *symbol = dlsym(library, name);
  if (symbol == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    exit(1);
  }
  memcpy(function, &symbol, sizeof symbol);
}

int main(int argc, char **argv) {
  codex_status (*connect)(const codex_client_options *, codex_client **, codex_error **);
  codex_status (*start)(codex_client *, const char *, codex_thread **, codex_error **);
  codex_status (*run)(codex_thread *, const char *, const char *, codex_turn_result **, codex_error **);
  const char *(*final_response)(const codex_turn_result *, size_t *);
  const char *(*message)(const codex_error *);
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_turn_result *result = NULL;
  codex_error *error = NULL;

  if (argc != 2 || (library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL)) == NULL) {
    fprintf(stderr, "%s\n", argc == 2 ? dlerror() : "usage: dlopen LIBRARY");
    return 1;
  }
  find("codex_client_connect", &connect);
  find("codex_thread_start", &start);
  find("codex_thread_run", &run);
  find("codex_turn_result_final_response", &final_response);
  find("codex_error_message", &message);

  if (connect(NULL, &client, &error) != CODEX_OK || start(client, NULL, &thread, &error) != CODEX_OK ||
      run(thread, "Hello?", NULL, &result, &error) != CODEX_OK) {
    fprintf(stderr, "%s\n", message(error));
    return 1;
  }
  puts(final_response(result, NULL));
  return 0;
}
