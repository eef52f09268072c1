/* Streams: one turn, and many at once. */
#define _GNU_SOURCE
#include "host.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { STACK = 64 * 1024, AT_ONCE = 64 };

static void pull(codex_thread *thread, view *view) {
  codex_turn *turn = host_turn(thread);
  view_drain(view, turn);
  codex_turn_free(turn);
}

static int32_t on_event(void *user_data, codex_event *event) {
  view_event(user_data, event);
  return CODEX_CONTINUE;
}

static void run_streamed(codex_thread *thread, view *view) {
  codex_turn_result *result = NULL;
  MUST(codex_thread_run_streamed, thread, "go", NULL, on_event, view, &result);
  codex_turn_result_free(result);
}

/* Nobody looks at the events: the setting count says how many there are. */
static void run_blocking(codex_thread *thread, view *view) {
  codex_turn_result *result = NULL;
  MUST(codex_thread_run, thread, "go", NULL, &result);
  view->deltas = (uint64_t)setting_number("count", 0);
  view->touched = strlen(codex_turn_result_id(result));
  codex_turn_result_free(result);
}

static void stream_with(void (*consume)(codex_thread *, view *)) {
  codex_client_options *options = host_options();
  codex_client *client = host_connect(options);
  codex_thread *thread = host_thread(client);
  view view = view_new();
  moment begin = moment_now();
  consume(thread, &view);
  view_report(&view, begin);
  codex_thread_free(thread);
  codex_client_free(client);
  codex_client_options_free(options);
}

static void stream(void) {
  stream_with(pull);
}

static void stream_run_streamed(void) {
  stream_with(run_streamed);
}

static void stream_run(void) {
  stream_with(run_blocking);
}

/* ---- many turns ---- */

typedef struct {
  codex_thread *thread;
  codex_turn *turn;
  view view;
  pthread_t consumer;
} seat;

static seat *take_seats(codex_client *client, size_t count) {
  seat *seats = must_allocate(count, sizeof *seats);
  size_t i;
  for (i = 0; i < count; i++) {
    seats[i].thread = host_thread(client);
    seats[i].turn = host_turn(seats[i].thread);
    seats[i].view = view_new();
  }
  return seats;
}

static void leave_seats(seat *seats, size_t count, view *all) {
  size_t i;
  for (i = 0; i < count; i++) {
    view_add(&seats[i].view, all);
    codex_turn_free(seats[i].turn);
    codex_thread_free(seats[i].thread);
  }
  free(seats);
}

/* Waits for an event of this turn and takes what there is besides, up to a bound. */
static bool visit(seat *seat) {
  codex_event *event = NULL;
  int64_t timeout = CODEX_WAIT_FOREVER;
  bool ended = false;
  int taken;
  for (taken = 0; taken < AT_ONCE && !ended; taken++) {
    MUST(codex_turn_next_event, seat->turn, timeout, &event);
    if (!event) return false;
    ended = view_event(&seat->view, event);
    codex_event_free(event);
    timeout = 0;
  }
  return ended;
}

/* One thread goes around: it waits at one turn, while the library keeps what comes for the others. */
static void one_consumer(seat *seats, size_t count) {
  size_t *open = must_allocate(count, sizeof *open);
  size_t left = count, place = 0, i;
  for (i = 0; i < count; i++) open[i] = i;
  while (left > 0) {
    if (visit(&seats[open[place]])) {
      open[place] = open[--left];
    } else {
      place++;
    }
    if (place >= left) place = 0;
  }
  free(open);
}

static void *consume(void *argument) {
  seat *seat = argument;
  view_drain(&seat->view, seat->turn);
  return NULL;
}

static void consumer_each(seat *seats, size_t count) {
  pthread_attr_t attributes;
  size_t i;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK);
  for (i = 0; i < count; i++) {
    if (pthread_create(&seats[i].consumer, &attributes, consume, &seats[i]) != 0) fail("No thread %zu.", i);
  }
  for (i = 0; i < count; i++) pthread_join(seats[i].consumer, NULL);
  pthread_attr_destroy(&attributes);
}

static void turns(void) {
  size_t count = (size_t)setting_number("turns", 100);
  codex_client_options *options = host_options();
  codex_client *client = host_connect(options);
  seat *seats = take_seats(client, count);
  view all = view_new();
  moment begin = moment_now();
  MUST(codex_client_notify, client, "bench/go", NULL);
  if (strcmp(setting("consumers", "one"), "each") == 0) {
    consumer_each(seats, count);
  } else {
    one_consumer(seats, count);
  }
  leave_seats(seats, count, &all);
  view_report(&all, begin);
  codex_client_free(client);
  codex_client_options_free(options);
}

const scenario stream_scenarios[] = {
    {"stream", stream}, {"run-streamed", stream_run_streamed}, {"run", stream_run}, {"turns", turns}, {NULL, NULL},
};
