/* What every C test of libcodex stands on: a tiny harness, checks that go on after a failure, a model and a fake runtime
 * to talk to, and deferred clean-up, so that a test is the few lines that show its promise.
 *
 * Environment: CODEX_PATH, CODEX_PATH_OLD (the two runtimes), FAKE_RUNTIME, SCRIPTED_MODEL (the two stand-ins) and, if
 * set, CODEX_TEST_TMP (where directories are made; never /tmp: the runtime refuses to make its helper programs there).
 */
#ifndef LIBCODEX_TESTS_SUPPORT_H
#define LIBCODEX_TESTS_SUPPORT_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codex.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- harness ----------------------------------------------------------------------------------------------------- */

typedef struct test_case {
  const char *name;
  void (*run)(void);
} test_case;

#define TEST(name) static void name(void)
#define CASE(name) {#name, name}
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The program's first argument, if any, runs only the tests whose names contain it. */
void harness_start(int argc, char **argv);
void run_tests(const test_case *tests, size_t count);
/* Once with CODEX_PATH and once with CODEX_PATH_OLD; runtime_path() says which. */
void run_tests_with_each_runtime(const test_case *tests, size_t count);
/* Prints "N passed, N failed"; the exit status of the program. */
int harness_end(void);
/* Runs one test with its clean-up, and prints nothing unless a check fails; false then. */
bool run_quietly(const test_case *test);
/* The name of the test that runs. */
const char *test_name(void);

const char *runtime_path(void);
/* The value of an environment variable that must be set; the program ends with an explanation without it. */
const char *required_env(const char *name);

/* Runs after the test, last registered first. */
void defer(void (*clean_up)(void *), void *argument);

/* ---- checks: callable on any thread and in callbacks; true when the check held ----------------------------------- */

#define CHECK(condition) check_true(__FILE__, __LINE__, #condition, (condition))
#define CHECK_STR(actual, expected) check_string(__FILE__, __LINE__, #actual, (actual), (expected))
#define CHECK_INT(actual, expected) check_int(__FILE__, __LINE__, #actual, (int64_t)(actual), (int64_t)(expected))
#define CHECK_CONTAINS(text, part) check_contains(__FILE__, __LINE__, #text, (text), (part))
/* Two statements, because the call inside `status` is what sets `err`. */
#define CHECK_STATUS(status, expected, err)                                           \
  do {                                                                                \
    codex_status status_of_check = (status);                                          \
    check_status(__FILE__, __LINE__, #status, status_of_check, (expected), (err));    \
  } while (0)
#define CHECK_OK(status, err) CHECK_STATUS(status, CODEX_OK, err)
/* For the calls that have no error parameter. */
#define CHECK_INVALID(status) CHECK_STATUS(status, CODEX_ERROR_INVALID_ARGUMENT, NULL)

bool check_true(const char *file, int line, const char *what, bool held);
bool check_string(const char *file, int line, const char *what, const char *actual, const char *expected);
bool check_int(const char *file, int line, const char *what, int64_t actual, int64_t expected);
bool check_contains(const char *file, int line, const char *what, const char *text, const char *part);
bool check_status(const char *file, int line, const char *what, codex_status actual, codex_status expected,
                  const codex_error *err);

/* Frees the error and sets it to NULL. */
void forget(codex_error **err);

/* ---- text, time, threads ----------------------------------------------------------------------------------------- */

/* A formatted string that lives until the end of the test. */
const char *text(const char *format, ...);
/* A parsed JSON value that lives until the end of the test; a failed check when it is not JSON. */
const codex_value *parsed(const char *json);
/* The string at the pointer; "" when there is none. */
const char *string_at(const codex_value *value, const char *pointer);
int64_t int_at(const codex_value *value, const char *pointer);
bool has(const codex_value *value, const char *pointer);

int64_t now_ms(void);
void sleep_ms(int64_t milliseconds);

pthread_t thread_start(void *(*run)(void *), void *argument);
void thread_join(pthread_t thread);

/* Counts how often it was raised; others can wait for that. */
typedef struct flag {
  pthread_mutex_t mutex;
  pthread_cond_t changed;
  int raised;
} flag;
#define FLAG_INITIALIZER {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0}
void flag_raise(flag *f);
/* false when it was not raised so often within 20 seconds. */
bool flag_wait(flag *f, int times);
int flag_count(flag *f);
/* flag_raise in the shape of the library's callbacks. */
void flag_raise_callback(void *f);

/* ---- files ------------------------------------------------------------------------------------------------------- */

/* A new directory with an absolute path; removed after the test. */
const char *fresh_directory(void);
const char *make_directory(const char *parent, const char *name);
void write_file(const char *path, const char *content);
void write_program(const char *path, const char *content);
/* "" when there is no such file. */
const char *read_file(const char *path);
bool file_exists(const char *path);
/* false when the text did not appear in the file within 20 seconds. */
bool wait_for_text(const char *path, const char *part);
/* false when the process still exists after 20 seconds. */
bool wait_until_gone(int64_t pid);

/* ---- the scripted model ------------------------------------------------------------------------------------------ */

typedef struct model {
  int port;
} model;

/* A server of its own on a loopback port; it ends with the test. */
const model *model_start(void);
/* Each of these queues the response to one request. */
void model_says(const model *m, const char *answer);
void model_streams(const model *m, const char *const *deltas, size_t count);
/* Says the first part, waits at the gate, then says the rest of the same message. */
void model_says_around_gate(const model *m, const char *first, const char *gate, const char *rest);
/* Answers only the request whose last user text contains the needle. */
void model_says_to(const model *m, const char *needle, const char *answer);
/* Begins a message and never ends it. */
void model_hangs(const model *m, const char *first);
/* Calls the tool that runs a shell command outside of the sandbox, which has to be approved. */
void model_runs_command(const model *m, const char *call_id, const char *command);
/* Calls a tool with these arguments. */
void model_calls(const model *m, const char *call_id, const char *name, const char *arguments_json);
/* Calls the tool that applies a patch. */
void model_patches(const model *m, const char *call_id, const char *patch);
void model_fails(const model *m, int http_status, const char *body_json);

/* Everything that was asked of the model so far: an array of {method, path, headers, body}. */
const codex_value *model_requests(const model *m);
/* The n-th request of a turn to the model as JSON text, counted from 0; waits up to 20 seconds for it. */
const char *model_request(const model *m, size_t n);
/* Waits until a response stands at the gate. */
void model_await_gate(const model *m, const char *gate);
void model_open_gate(const model *m, const char *gate);

/* ---- clients ----------------------------------------------------------------------------------------------------- */

/* A client with one thread, and all that is below them; closed and removed after the test. */
typedef struct session {
  const struct model *model;
  const char *home;   /* CODEX_HOME */
  const char *work;   /* the working directory of the runtime */
  const char *record; /* what the fake runtime received, line by line */
  codex_client *client;
  codex_thread *thread;
} session;

/* Options that start the runtime under test with the scripted model as its only model. Freed after the test. */
codex_client_options *options_for_model(const model *m, const char *home, const char *work);
/* Options that start the fake runtime with a script (NULL: its built-in behaviour only) and record what it receives. */
codex_client_options *options_for_fake(const char *script_json, const char *record);

/* The runtime under test, the scripted model, and a thread started with these params. */
session *session_with_model(const char *thread_params_json);
/* The fake runtime and a thread. */
session *session_with_fake(const char *script_json);
/* The same from options made by a test. */
session *session_with_options(const codex_client_options *options, const char *thread_params_json);

/* The fake runtime behind a socket, where clients must bring the token (NULL: none); ends with the test. Gives the endpoint. */
const char *listening_fake(const char *script_json, const char *record, const char *token);
/* The runtime under test behind a socket, with the scripted model as its only model; the same. */
const char *listening_runtime(const model *m);

codex_client *connect_or_fail(const codex_client_options *options);
codex_thread *start_thread_or_fail(codex_client *client, const char *params_json);
codex_turn *start_turn_or_fail(codex_thread *thread, const char *user_text);
/* Runs a turn that must complete; the result lives until the end of the test. */
const codex_turn_result *run_or_fail(codex_thread *thread, const char *user_text);
/* The next event of this kind, after skipping others; NULL (and a failed check) when the turn ended before. Owned. */
codex_event *await_event(codex_turn *turn, codex_event_kind kind);
codex_event *await_client_event(codex_client *client, codex_event_kind kind);
/* Reads a turn to its end; the status that its last event told. */
codex_status drain(codex_turn *turn);

#ifdef __cplusplus
}
#endif

#endif
