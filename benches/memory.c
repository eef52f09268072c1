/* What it costs to do nothing, to hold turns open, and to be slow. */
#include "host.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
  codex_thread *thread;
  codex_turn *turn;
} pair;

/* The events of the start are read, so that only the turn itself is left. */
static void read_opening(codex_turn *turn) {
  int started = 0;
  while (started < 2) {
    codex_event *event = host_next(turn);
    if (!event) fail("The turn ended, but the script holds it open.");
    started += codex_event_get_kind(event) == CODEX_EVENT_ITEM_STARTED;
    codex_event_free(event);
  }
}

static void open_turn(pair *pair) {
  pair->turn = host_turn(pair->thread);
  read_opening(pair->turn);
}

static void wait_for_nothing(codex_turn *turn) {
  codex_event *event = NULL;
  MUST(codex_turn_next_event, turn, watch_seconds() * 1000, &event);
  if (event) fail("An event came, though the runtime is idle.");
}

static void idle(void) {
  codex_client_options *options = host_options();
  codex_client *client = host_connect(options);
  pair pair = {.thread = host_thread(client)};
  open_turn(&pair);
  watch_start(setting_number("seconds", 10));
  if (strcmp(setting("how", "sleeping"), "waiting") == 0) {
    wait_for_nothing(pair.turn);
  } else {
    sleep((unsigned)watch_seconds());
  }
  watch_report();
  codex_turn_free(pair.turn);
  codex_thread_free(pair.thread);
  codex_client_free(client);
  codex_client_options_free(options);
}

static void open_turns(void) {
  size_t count = (size_t)setting_number("turns", 1000), i;
  codex_client_options *options = host_options();
  codex_client *client = host_connect(options);
  pair *pairs = must_allocate(count + 1, sizeof *pairs);
  long threads_kb, turns_kb, none_kb;
  pairs[count].thread = host_thread(client);
  open_turn(&pairs[count]);
  none_kb = memory_kb("VmRSS");
  for (i = 0; i < count; i++) pairs[i].thread = host_thread(client);
  threads_kb = memory_kb("VmRSS");
  for (i = 0; i < count; i++) open_turn(&pairs[i]);
  turns_kb = memory_kb("VmRSS");
  figure("bytes_each", (double)(turns_kb - threads_kb) * 1024 / (double)count);
  figure("thread_bytes_each", (double)(threads_kb - none_kb) * 1024 / (double)count);
  for (i = 0; i <= count; i++) {
    codex_turn_free(pairs[i].turn);
    codex_thread_free(pairs[i].thread);
  }
  free(pairs);
  codex_client_free(client);
  codex_client_options_free(options);
}

/* Stops reading three times, each time long enough for the library to keep all that it may keep. */
static void slow_reader(void) {
  useconds_t pause = (useconds_t)setting_number("pause_ms", 700) * 1000;
  double ceiling_kb = (double)setting_number("max_queued", 64 << 20) / 1024;
  uint64_t third = (uint64_t)setting_number("count", 200000) / 3, next = 1;
  codex_client_options *options = host_options();
  codex_client *client = host_connect(options);
  codex_thread *thread = host_thread(client);
  view view = view_new();
  long rss = memory_kb("VmRSS");
  codex_turn *turn = host_turn(thread);
  moment begin = moment_now();
  bool ended = false;
  while (!ended) {
    codex_event *event = host_next(turn);
    ended = !event || view_event(&view, event);
    codex_event_free(event);
    if (view.deltas < next) continue;
    usleep(pause);
    next = view.deltas + third;
  }
  view_report(&view, begin);
  figure("growth_kb", (double)(memory_kb("VmHWM") - rss));
  figure("above_ceiling_kb", (double)(memory_kb("VmHWM") - rss) - ceiling_kb);
  codex_turn_free(turn);
  codex_thread_free(thread);
  codex_client_free(client);
  codex_client_options_free(options);
}

const scenario memory_scenarios[] = {
    {"idle", idle}, {"open-turns", open_turns}, {"slow-reader", slow_reader}, {NULL, NULL},
};
