/* One thing after the other: small turns, calls, approvals, interrupts, and the first turn of a program. */
#include "host.h"

#include <pthread.h>
#include <stdlib.h>

typedef struct {
  codex_client_options *options;
  codex_client *client;
  codex_thread *thread;
} session;

static session open_session(void) {
  session session = {.options = host_options()};
  session.client = host_connect(session.options);
  session.thread = host_thread(session.client);
  return session;
}

static void close_session(session *session) {
  codex_thread_free(session->thread);
  codex_client_free(session->client);
  codex_client_options_free(session->options);
}

static void run_once(codex_thread *thread) {
  codex_turn_result *result = NULL;
  MUST(codex_thread_run, thread, "go", NULL, &result);
  codex_turn_result_free(result);
}

static void pull_once(codex_thread *thread) {
  view view = view_new();
  codex_turn *turn = host_turn(thread);
  view_drain(&view, turn);
  codex_turn_free(turn);
}

static void turns_with(void (*turn)(codex_thread *)) {
  long count = setting_number("count", 1000), warm = setting_number("warm", count / 10), i;
  session session = open_session();
  moment begin;
  long rss;
  for (i = 0; i < warm; i++) turn(session.thread);
  rss = memory_kb("VmRSS");
  begin = moment_now();
  for (i = 0; i < count; i++) turn(session.thread);
  figures_of_span(begin, moment_now(), (double)count);
  figure("growth_kb", (double)(memory_kb("VmRSS") - rss));
  close_session(&session);
}

static void small_turns(void) {
  turns_with(run_once);
}

static void small_turns_pulled(void) {
  turns_with(pull_once);
}

static void calls(void) {
  long count = setting_number("count", 10000), i;
  session session = open_session();
  moment begin = moment_now();
  for (i = 0; i < count; i++) {
    char *result = NULL;
    MUST(codex_client_call, session.client, "bench/echo", NULL, CODEX_WAIT_DEFAULT, &result);
    codex_string_free(result);
  }
  figures_of_span(begin, moment_now(), (double)count);
  close_session(&session);
}

/* ---- approvals ---- */

static void approve(codex_request *request) {
  MUST(codex_request_approve, request, false);
  codex_request_free(request);
}

static double approve_from_queue(codex_thread *thread) {
  codex_turn *turn = host_turn(thread);
  codex_event *event;
  double count = 0;
  while ((event = host_next(turn))) {
    codex_request *request = codex_event_take_request(event);
    if (request) {
      approve(request);
      count++;
    }
    codex_event_free(event);
  }
  codex_turn_free(turn);
  return count;
}

static void approvals(void) {
  session session = open_session();
  moment begin = moment_now();
  double count = approve_from_queue(session.thread);
  figures_of_span(begin, moment_now(), count);
  close_session(&session);
}

/* Runs on a callback thread, one request at a time. */
static void on_request(void *user_data, codex_request *request) {
  ++*(double *)user_data;
  approve(request);
}

static void approvals_by_handler(void) {
  static double count;
  session session = {.options = host_options()};
  moment begin;
  if (codex_client_options_set_request_handler(session.options, on_request, &count, NULL) != CODEX_OK) {
    fail("The request handler was refused.");
  }
  session.client = host_connect(session.options);
  session.thread = host_thread(session.client);
  begin = moment_now();
  run_once(session.thread);
  figures_of_span(begin, moment_now(), count);
  close_session(&session);
}

/* ---- interrupts ---- */

typedef struct {
  codex_thread *thread;
  codex_turn *turn;
  pthread_t follower;
} quiet;

static void *follow(void *turn) {
  view view = view_new();
  view_drain(&view, turn);
  return NULL;
}

static quiet *open_quiet(codex_client *client, size_t count, bool followed) {
  quiet *all = must_allocate(count, sizeof *all);
  size_t i;
  for (i = 0; i < count; i++) {
    all[i].thread = host_thread(client);
    all[i].turn = host_turn(all[i].thread);
    if (followed && pthread_create(&all[i].follower, NULL, follow, all[i].turn) != 0) fail("no thread can be started");
  }
  return all;
}

static void free_quiet(quiet *all, size_t count, bool followed) {
  size_t i;
  for (i = 0; i < count; i++) {
    if (followed) {
      MUST(codex_turn_interrupt, all[i].turn);
      pthread_join(all[i].follower, NULL);
    }
    codex_turn_free(all[i].turn);
    codex_thread_free(all[i].thread);
  }
  free(all);
}

static void interrupts(void) {
  size_t quiet_turns = (size_t)setting_number("turns", 256);
  bool followed = setting_number("followed", 0) != 0;
  long count = setting_number("count", 100);
  session session = open_session();
  quiet *all = open_quiet(session.client, quiet_turns, followed);
  latencies times = {0};
  while (count-- > 0) {
    codex_turn *turn = host_turn(session.thread);
    view view = view_new();
    uint64_t begin = now_ns();
    MUST(codex_turn_interrupt, turn);
    view_drain(&view, turn);
    latencies_add(&times, (now_ns() - begin) / 1000);
    codex_turn_free(turn);
  }
  latencies_report(&times);
  free_quiet(all, quiet_turns, followed);
  close_session(&session);
}

static void startup(void) {
  const char *since = getenv("BENCH_SINCE_NS");
  session session;
  if (!since) fail("BENCH_SINCE_NS is not set: start this with `launch`.");
  session = open_session();
  run_once(session.thread);
  figure("wall_ms", (double)(now_ns() - strtoull(since, NULL, 10)) / 1e6);
  close_session(&session);
}

const scenario call_scenarios[] = {
    {"small-turns", small_turns},
    {"small-turns-pulled", small_turns_pulled},
    {"calls", calls},
    {"approvals", approvals},
    {"approvals-handler", approvals_by_handler},
    {"interrupts", interrupts},
    {"startup", startup},
    {NULL, NULL},
};
