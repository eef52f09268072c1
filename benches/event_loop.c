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

/* Says whether there was a wake-up. */
static bool sleep_in_poll(int fd, int milliseconds) {
  struct pollfd waiting = {.fd = fd, .events = POLLIN};
  int ready = poll(&waiting, 1, milliseconds);
  if (ready < 0) fail("poll: %s.", strerror(errno));
  return ready > 0;
}

typedef enum { WAKE_BY_FD, WAKE_BY_CALLBACK } wake;

/* A host that does nothing but sleep in poll() and take what there is. */
typedef struct {
  codex_client *client;
  codex_thread *thread;
  wake wake;
  int fd;
  view view;
} loop;

static void loop_open(loop *loop, wake wake) {
  loop->client = connect_single_queue();
  loop->thread = host_thread(loop->client);
  loop->wake = wake;
  loop->fd = wake == WAKE_BY_FD ? codex_client_wakeup_fd(loop->client) : eventfd(0, EFD_CLOEXEC);
  loop->view = view_new();
  if (loop->fd < 0) fail("There is no descriptor to wait on.");
  if (wake == WAKE_BY_CALLBACK && codex_client_set_wakeup(loop->client, on_wakeup, &loop->fd, NULL) != CODEX_OK) {
    fail("The wake-up was refused.");
  }
}

static void loop_close(loop *loop) {
  codex_thread_free(loop->thread);
  codex_client_set_wakeup(loop->client, NULL, NULL, NULL);
  codex_client_free(loop->client);
}

static void loop_turn(loop *loop) {
  codex_turn *turn = begin_turn(loop->thread);
  while (!take_ready(loop->client, &loop->view)) {
    sleep_in_poll(loop->fd, -1);
    if (loop->wake == WAKE_BY_CALLBACK) clear(loop->fd);
  }
  codex_turn_free(turn);
}

static void loop_turns(wake wake) {
  long count = setting_number("count", 1000), warm = setting_number("warm", count / 10), i;
  loop loop;
  moment begin;
  loop_open(&loop, wake);
  for (i = 0; i < warm; i++) loop_turn(&loop);
  begin = moment_now();
  for (i = 0; i < count; i++) loop_turn(&loop);
  figures_of_span(begin, moment_now(), (double)count);
  loop_close(&loop);
}

static void loop_fd(void) {
  loop_turns(WAKE_BY_FD);
}

static void loop_callback(void) {
  loop_turns(WAKE_BY_CALLBACK);
}

static void loop_stream(void) {
  loop loop;
  moment begin;
  loop_open(&loop, WAKE_BY_FD);
  begin = moment_now();
  loop_turn(&loop);
  view_report(&loop.view, begin);
  loop_close(&loop);
}

static void loop_idle(void) {
  loop loop;
  codex_turn *turn;
  loop_open(&loop, WAKE_BY_FD);
  turn = begin_turn(loop.thread);
  take_opening(loop.client, 1);
  take_ready(loop.client, &loop.view);
  watch_start(setting_number("seconds", 10));
  if (sleep_in_poll(loop.fd, (int)watch_seconds() * 1000)) fail("A wake-up came, though the runtime is idle.");
  watch_report();
  codex_turn_free(turn);
  loop_close(&loop);
}

const scenario event_loop_scenarios[] = {
    {"queue-turns", queue_turns}, {"loop-fd", loop_fd},     {"loop-callback", loop_callback},
    {"loop-stream", loop_stream}, {"loop-idle", loop_idle}, {NULL, NULL},
};
