/* A host that is not linked with the library: it loads it, uses it and unloads it, again and again. test_host.c runs it.
 * usage: unlinked_host LIBRARY RUNTIME; prints what is wrong, and nothing when all is well. */
#define _POSIX_C_SOURCE 200809L

#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codex.h"

enum { ROUNDS = 20, TIMEOUT_S = 60 };

typedef struct library {
  void *handle;
  codex_client_options *(*options_new)(void);
  codex_status (*options_set_codex_path)(codex_client_options *, const char *);
  void (*options_free)(codex_client_options *);
  codex_status (*client_connect)(const codex_client_options *, codex_client **, codex_error **);
  codex_status (*client_close)(codex_client *, int64_t, codex_error **);
  void (*client_free)(codex_client *);
  codex_status (*thread_start)(codex_client *, const char *, codex_thread **, codex_error **);
  codex_status (*thread_run)(codex_thread *, const char *, const char *, codex_turn_result **, codex_error **);
  void (*thread_free)(codex_thread *);
  void (*turn_result_free)(codex_turn_result *);
} library;

static void check(int held, const char *what) {
  if (held) return;
  printf("not so: %s\n", what);
  exit(EXIT_FAILURE);
}

/* POSIX says that the pointer to a function fits into one to an object; ISO C has no word for it. */
static void find(const library *l, const char *name, void *place) {
  void *symbol = dlsym(l->handle, name);
  check(symbol != NULL, name);
  memcpy(place, &symbol, sizeof symbol);
}

static library load(const char *path) {
  library l;
  l.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  check(l.handle != NULL, "the library can be loaded");
  find(&l, "codex_client_options_new", &l.options_new);
  find(&l, "codex_client_options_set_codex_path", &l.options_set_codex_path);
  find(&l, "codex_client_options_free", &l.options_free);
  find(&l, "codex_client_connect", &l.client_connect);
  find(&l, "codex_client_close", &l.client_close);
  find(&l, "codex_client_free", &l.client_free);
  find(&l, "codex_thread_start", &l.thread_start);
  find(&l, "codex_thread_run", &l.thread_run);
  find(&l, "codex_thread_free", &l.thread_free);
  find(&l, "codex_turn_result_free", &l.turn_result_free);
  return l;
}

static int is_mapped(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[4096];
  int count = 0;
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) count += strstr(line, "libcodex") != NULL;
  if (maps != NULL) fclose(maps);
  return count;
}

static codex_client *run_a_turn(const library *l, const char *runtime) {
  codex_client_options *options = l->options_new();
  codex_client *client = NULL;
  codex_thread *thread = NULL;
  codex_turn_result *result = NULL;
  check(l->options_set_codex_path(options, runtime) == CODEX_OK, "the runtime can be named");
  check(l->client_connect(options, &client, NULL) == CODEX_OK, "the client connects");
  check(l->thread_start(client, NULL, &thread, NULL) == CODEX_OK, "the thread starts");
  check(l->thread_run(thread, "go", NULL, &result, NULL) == CODEX_OK, "the turn runs");
  l->turn_result_free(result);
  l->thread_free(thread);
  l->options_free(options);
  return client;
}

typedef struct visit {
  library library;
  const char *runtime;
} visit;

/* The thread ends after the library was unloaded: what the library keeps for a thread must still be there. */
static void *use_close_and_unload(void *pointer) {
  visit *v = pointer;
  codex_client *client = run_a_turn(&v->library, v->runtime);
  check(v->library.client_close(client, 20000, NULL) == CODEX_OK, "the client closes");
  v->library.client_free(client);
  check(dlclose(v->library.handle) == 0, "the library can be unloaded");
  return NULL;
}

/* The client still ends, behind the host's back, when the library is unloaded. */
static void *use(void *pointer) {
  visit *v = pointer;
  v->library.client_free(run_a_turn(&v->library, v->runtime));
  return NULL;
}

static void run_on_a_thread(void *(*body)(void *), visit *v) {
  pthread_t thread;
  check(pthread_create(&thread, NULL, body, v) == 0, "a thread starts");
  pthread_join(thread, NULL);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    printf("usage: unlinked_host LIBRARY RUNTIME\n");
    return 2;
  }
  alarm(TIMEOUT_S);
  check(is_mapped() == 0, "the library is not loaded yet");
  int mapped = 0;
  for (int round = 0; round < ROUNDS; round++) {
    visit v = {load(argv[1]), argv[2]};
    if (round % 2 == 1) {
      run_on_a_thread(use_close_and_unload, &v);
    } else {
      run_on_a_thread(use, &v);
      check(dlclose(v.library.handle) == 0, "the library can be unloaded");
    }
    if (round == 0) mapped = is_mapped();
    check(mapped > 0 && is_mapped() == mapped, "the library stays where it is, once");
  }
  return EXIT_SUCCESS;
}
