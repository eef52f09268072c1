/* floor SCENARIO [NAME=VALUE...]: the least that any client must do in a scenario, without a library: one buffer, one thread,
 * a scan for line ends and a walk over the members that routing needs. It knows nothing of errors, and answers nothing that it
 * does not expect. */
#define _GNU_SOURCE
#include "measure.h"
#include "wire.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ID_SIZE = 64 };

static long next_id = 1;

static void thread_start(wire *wire, char *id) {
  wire_send(wire, "{\"id\":%ld,\"method\":\"thread/start\",\"params\":{}}\n", next_id);
  wire_answer(wire, next_id++, "thread", id, ID_SIZE);
}

static void turn_request(wire *wire, const char *thread) {
  wire_send(wire,
            "{\"id\":%ld,\"method\":\"turn/start\",\"params\":{\"threadId\":\"%s\","
            "\"input\":[{\"type\":\"text\",\"text\":\"go\"}]}}\n",
            next_id++, thread);
}

static void turn_start(wire *wire, const char *thread, char *turn) {
  turn_request(wire, thread);
  wire_answer(wire, next_id - 1, "turn", turn, ID_SIZE);
}

static void go(wire *wire) {
  wire_send(wire, "{\"method\":\"bench/go\",\"params\":{}}\n");
}

static bool is_delta(const message *message) {
  return span_is(message->method, "item/agentMessage/delta");
}

static bool is_end(const message *message) {
  return span_is(message->method, "turn/completed");
}

static void read_until_end(wire *wire) {
  message message;
  do {
    wire_message(wire, &message);
  } while (!is_end(&message));
}

/* Reads the deltas of one turn. */
static void stream(wire *wire) {
  char thread[ID_SIZE];
  latencies all = {0};
  message message;
  moment begin;
  long paced = setting_number("paced", 0);
  double count = 0;
  thread_start(wire, thread);
  begin = moment_now();
  turn_request(wire, thread);
  for (wire_message(wire, &message); !is_end(&message); wire_message(wire, &message)) {
    if (!is_delta(&message)) continue;
    count++;
    if (paced) latencies_add_since(&all, message.delta.start);
  }
  figures_of_span(begin, moment_now(), count);
  latencies_report(&all);
  figure("rss_kb", (double)memory_kb("VmRSS"));
}

/* ---- many turns ---- */

typedef struct {
  char id[ID_SIZE];
  double count;
  latencies latencies;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  char sent[ID_SIZE]; /* what waits for the thread of this turn; empty: nothing */
  bool over;
} turn;

typedef struct {
  turn **slots;
  size_t mask;
} table;

static size_t hash(const char *text, size_t length) {
  size_t value = 14695981039346656037u, i;
  for (i = 0; i < length; i++) value = (value ^ (unsigned char)text[i]) * 1099511628211u;
  return value ^ value >> 32;
}

static turn **slot_of(table *table, span id) {
  size_t place = hash(id.start, id.length) & table->mask;
  while (table->slots[place] && !span_is(id, table->slots[place]->id)) place = (place + 1) & table->mask;
  return &table->slots[place];
}

static table table_of(size_t turns) {
  table table = {0};
  size_t size = 4;
  while (size < turns * 4) size *= 2;
  table.slots = must_allocate(size, sizeof *table.slots);
  table.mask = size - 1;
  return table;
}

static turn *open_turn(wire *wire) {
  turn *turn = must_allocate(1, sizeof *turn);
  char thread[ID_SIZE];
  pthread_mutex_init(&turn->lock, NULL);
  pthread_cond_init(&turn->changed, NULL);
  thread_start(wire, thread);
  turn_start(wire, thread, turn->id);
  return turn;
}

static table open_turns(wire *wire, size_t count) {
  table table = table_of(count);
  size_t i;
  for (i = 0; i < count; i++) {
    turn *turn = open_turn(wire);
    *slot_of(&table, (span){turn->id, strlen(turn->id)}) = turn;
  }
  return table;
}

static void *wait_for_deltas(void *argument) {
  turn *turn = argument;
  pthread_mutex_lock(&turn->lock);
  while (!turn->over || turn->sent[0]) {
    if (turn->sent[0]) {
      latencies_add_since(&turn->latencies, turn->sent);
      turn->sent[0] = '\0';
    } else {
      pthread_cond_wait(&turn->changed, &turn->lock);
    }
  }
  pthread_mutex_unlock(&turn->lock);
  return NULL;
}

static void hand_over(turn *turn, const message *message) {
  pthread_mutex_lock(&turn->lock);
  if (is_end(message)) {
    turn->over = true;
  } else {
    snprintf(turn->sent, sizeof turn->sent, "%.*s", (int)message->delta.length, message->delta.start);
  }
  pthread_cond_signal(&turn->changed);
  pthread_mutex_unlock(&turn->lock);
}

static void count_delta(turn *turn, const message *message) {
  (void)message;
  turn->count++;
}

static void time_delta(turn *turn, const message *message) {
  latencies_add_since(&turn->latencies, message->delta.start);
}

/* turn/completed names its turn inside an object; here it is enough to count them. */
static double read_all(wire *wire, table *turns, size_t open, void (*take)(turn *, const message *)) {
  message message;
  double count = 0;
  while (open > 0) {
    wire_message(wire, &message);
    if (is_end(&message)) open--;
    if (!is_delta(&message)) continue;
    take(*slot_of(turns, message.turn_id), &message);
    count++;
  }
  return count;
}

static void one_reader(wire *wire, table *turns, size_t count) {
  moment begin = moment_now();
  double events;
  go(wire);
  events = read_all(wire, turns, count, setting_number("paced", 0) ? time_delta : count_delta);
  figures_of_span(begin, moment_now(), events);
}

static void thread_each(wire *wire, table *turns, size_t count) {
  pthread_t *threads = must_allocate(count, sizeof *threads);
  static const message end = {.method = {"turn/completed", 14}};
  size_t i, started = 0;
  moment begin;
  double events;
  for (i = 0; i <= turns->mask; i++) {
    if (!turns->slots[i]) continue;
    if (pthread_create(&threads[started++], NULL, wait_for_deltas, turns->slots[i]) != 0) fail("No thread.");
  }
  begin = moment_now();
  go(wire);
  events = read_all(wire, turns, count, hand_over);
  figures_of_span(begin, moment_now(), events);
  for (i = 0; i <= turns->mask; i++) {
    if (turns->slots[i]) hand_over(turns->slots[i], &end);
  }
  for (i = 0; i < started; i++) pthread_join(threads[i], NULL);
  free(threads);
}

static void turns(wire *wire) {
  size_t count = (size_t)setting_number("turns", 100), i;
  table turns = open_turns(wire, count);
  latencies all = {0};
  if (strcmp(setting("consumers", "one"), "each") == 0) {
    thread_each(wire, &turns, count);
  } else {
    one_reader(wire, &turns, count);
  }
  for (i = 0; i <= turns.mask; i++) {
    if (turns.slots[i]) latencies_move(&turns.slots[i]->latencies, &all);
    free(turns.slots[i]);
  }
  latencies_report(&all);
  free(turns.slots);
}

/* ---- one after the other ---- */

static void small_turns(wire *wire) {
  long count = setting_number("count", 1000), i;
  char thread[ID_SIZE];
  long rss = 0;
  moment begin = {0};
  thread_start(wire, thread);
  for (i = -count / 10; i < count; i++) {
    if (i == 0) {
      rss = memory_kb("VmRSS");
      begin = moment_now();
    }
    turn_request(wire, thread);
    read_until_end(wire);
  }
  figures_of_span(begin, moment_now(), (double)count);
  figure("growth_kb", (double)(memory_kb("VmRSS") - rss));
}

static void calls(wire *wire) {
  long count = setting_number("count", 10000), i;
  moment begin = moment_now();
  for (i = 0; i < count; i++) {
    wire_send(wire, "{\"id\":%ld,\"method\":\"bench/echo\",\"params\":{}}\n", next_id);
    wire_answer(wire, next_id++, NULL, NULL, 0);
  }
  figures_of_span(begin, moment_now(), (double)count);
}

static void approvals(wire *wire) {
  char thread[ID_SIZE];
  message message;
  moment begin;
  double count = 0;
  thread_start(wire, thread);
  begin = moment_now();
  turn_request(wire, thread);
  for (wire_message(wire, &message); !is_end(&message); wire_message(wire, &message)) {
    if (!span_is(message.method, "item/commandExecution/requestApproval")) continue;
    wire_send(wire, "{\"id\":%.*s,\"result\":{\"decision\":\"accept\"}}\n", (int)message.id.length, message.id.start);
    count++;
  }
  figures_of_span(begin, moment_now(), count);
}

static void interrupts(wire *wire) {
  size_t quiet = (size_t)setting_number("turns", 256), i;
  long count = setting_number("count", 100);
  table table = open_turns(wire, quiet);
  char thread[ID_SIZE], turn[ID_SIZE];
  latencies all = {0};
  thread_start(wire, thread);
  while (count-- > 0) {
    uint64_t begin;
    turn_start(wire, thread, turn);
    begin = now_ns();
    wire_send(wire, "{\"id\":%ld,\"method\":\"turn/interrupt\",\"params\":{\"threadId\":\"%s\",\"turnId\":\"%s\"}}\n",
              next_id++, thread, turn);
    read_until_end(wire);
    latencies_add(&all, (now_ns() - begin) / 1000);
  }
  latencies_report(&all);
  for (i = 0; i <= table.mask; i++) free(table.slots[i]);
  free(table.slots);
}

static void startup(wire *wire) {
  const char *since = getenv("BENCH_SINCE_NS");
  char thread[ID_SIZE];
  if (!since) fail("BENCH_SINCE_NS is not set: start this with `launch`.");
  thread_start(wire, thread);
  turn_request(wire, thread);
  read_until_end(wire);
  figure("wall_ms", (double)(now_ns() - strtoull(since, NULL, 10)) / 1e6);
}

static void idle(wire *wire) {
  char thread[ID_SIZE], turn[ID_SIZE];
  thread_start(wire, thread);
  turn_start(wire, thread, turn);
  watch_start(setting_number("seconds", 10));
  sleep((unsigned)watch_seconds());
  watch_report();
}

static void open_memory(wire *wire) {
  size_t count = (size_t)setting_number("turns", 1000);
  table first = open_turns(wire, 1), rest;
  long rss = memory_kb("VmRSS");
  rest = open_turns(wire, count);
  figure("bytes_each", (double)(memory_kb("VmRSS") - rss) * 1024 / (double)count);
  free(first.slots);
  free(rest.slots);
}

static const struct {
  const char *name;
  void (*run)(wire *);
} scenarios[] = {
    {"stream", stream},         {"turns", turns},     {"small-turns", small_turns}, {"calls", calls}, {"approvals", approvals},
    {"interrupts", interrupts}, {"startup", startup}, {"idle", idle},               {"open-turns", open_memory},
};

int main(int argc, char **argv) {
  wire wire;
  size_t i;
  if (argc < 2) fail("usage: floor SCENARIO [NAME=VALUE...]");
  settings_load(argc - 2, argv + 2);
  for (i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
    if (strcmp(scenarios[i].name, argv[1]) != 0) continue;
    wire_open(&wire);
    scenarios[i].run(&wire);
    wire_close(&wire);
    figures_print();
    return EXIT_SUCCESS;
  }
  fail("There is no scenario \"%s\".", argv[1]);
}
