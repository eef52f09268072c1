/* The calls that do not wait: all turns in one queue, and a host that sleeps in poll(). */
#include "host.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static codex_client *connect_single_queue(void) {
  codex_client_options *options = host_options();
  codex_client *client;
  if (codex_client_options_set_single_queue(options, true) != CODEX_OK) fail("The single queue was refused.");
  client = host_connect(options);
  codex_client_options_free(options);
  return client;
}

static codex_turn *begin_turn(codex_thread *thread) {
  codex_turn *turn = NULL;
  MUST(codex_turn_begin, thread, "go", NULL, &turn);
  return turn;
}

/* ---- many turns in one queue ---- */

static void take_all(codex_client *client, size_t open, view *view) {
  while (open > 0) {
    codex_event *event = NULL;
    MUST(codex_client_next_event, client, CODEX_WAIT_FOREVER, &event);
    if (!event) fail("The queue ended before its turns did.");
    open -= view_event(view, event);
    codex_event_free(event);
  }
}

/* Waits until a turn that was begun is there, so that the start is not measured. */
static void take_opening(codex_client *client, size_t turns) {
  size_t started = 0;
  while (started < turns * 2) {
    codex_event *event = NULL;
    MUST(codex_client_next_event, client, CODEX_WAIT_FOREVER, &event);
    if (!event) fail("The queue ended before its turns began.");
    started += codex_event_get_kind(event) == CODEX_EVENT_ITEM_STARTED;
    codex_event_free(event);
  }
}

static void queue_turns(void) {
  size_t count = (size_t)setting_number("turns", 100), i;
  codex_client *client = connect_single_queue();
  codex_thread **threads = must_allocate(count, sizeof *threads);
  codex_turn **turns = must_allocate(count, sizeof *turns);
  view view = view_new();
  moment begin;
  for (i = 0; i < count; i++) threads[i] = host_thread(client);
  for (i = 0; i < count; i++) turns[i] = begin_turn(threads[i]);
  take_opening(client, count);
  begin = moment_now();
  MUST(codex_client_notify, client, "bench/go", NULL);
  take_all(client, count, &view);
  view_report(&view, begin);
  for (i = 0; i < count; i++) {
    codex_turn_free(turns[i]);
    codex_thread_free(threads[i]);
  }
  free(turns);
  free(threads);
  codex_client_free(client);
}

/* ---- a host that polls ---- */

static void on_wakeup(void *user_data) {
  uint64_t one = 1;
  if (write(*(int *)user_data, &one, sizeof one) != sizeof one) abort();
}

static void clear(int fd) {
  uint64_t count;
  if (read(fd, &count, sizeof count) != sizeof count) fail("An eventfd cannot be read: %s.", strerror(errno));
}

/* Takes what there is; says whether the turn ended. */
static bool take_ready(codex_client *client, view *view) {
  bool ended = false;
  for (;;) {
    codex_event *event = NULL;
    MUST(codex_client_next_event, client, 0, &event);
    if (!event) return ended;
    ended |= view_event(view, event);
    codex_event_free(event);
  }
}

static void sleep_in_poll(int fd) {
  struct pollfd waiting = {.fd = fd, .events = POLLIN};
  if (poll(&waiting, 1, -1) < 0) fail("poll: %s.", strerror(errno));
}

typedef enum { WAKE_BY_FD, WAKE_BY_CALLBACK } wake;

static void loop_turn(codex_client *client, codex_thread *thread, view *view, int fd, wake wake) {
  codex_turn *turn = begin_turn(thread);
  while (!take_ready(client, view)) {
    sleep_in_poll(fd);
    if (wake == WAKE_BY_CALLBACK) clear(fd);
  }
  codex_turn_free(turn);
}

static void loop(wake wake) {
  long count = setting_number("count", 1000), warm = setting_number("warm", count / 10), i;
  codex_client *client = connect_single_queue();
  codex_thread *thread = host_thread(client);
  view view = view_new();
  int fd = wake == WAKE_BY_FD ? codex_client_wakeup_fd(client) : eventfd(0, EFD_CLOEXEC);
  moment begin;
  if (fd < 0) fail("There is no descriptor to wait on.");
  if (wake == WAKE_BY_CALLBACK && codex_client_set_wakeup(client, on_wakeup, &fd, NULL) != CODEX_OK) {
    fail("The wake-up was refused.");
  }
  for (i = 0; i < warm; i++) loop_turn(client, thread, &view, fd, wake);
  begin = moment_now();
  for (i = 0; i < count; i++) loop_turn(client, thread, &view, fd, wake);
  figures_of_span(begin, moment_now(), (double)count);
  codex_thread_free(thread);
  codex_client_set_wakeup(client, NULL, NULL, NULL);
  codex_client_free(client);
}

static void loop_fd(void) {
  loop(WAKE_BY_FD);
}

static void loop_callback(void) {
  loop(WAKE_BY_CALLBACK);
}

const scenario event_loop_scenarios[] = {
    {"queue-turns", queue_turns}, {"loop-fd", loop_fd}, {"loop-callback", loop_callback}, {NULL, NULL},
};
