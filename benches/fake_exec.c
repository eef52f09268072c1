/* A stand-in for `codex exec --experimental-json`, which the TypeScript SDK starts for every turn: it writes
 * FAKE_EXEC_COUNT updates with FAKE_EXEC_BYTES of text, as fast as the pipe takes them or FAKE_EXEC_RATE per second;
 * then the text is the time of sending, CLOCK_MONOTONIC in microseconds. */
#define _GNU_SOURCE
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 256 * 1024 };

static long variable(const char *name, long fallback) {
  const char *value = getenv(name);
  return value ? strtol(value, NULL, 10) : fallback;
}

static void read_the_prompt(void) {
  char buffer[4096];
  while (read(STDIN_FILENO, buffer, sizeof buffer) > 0) continue;
}

static void print_update(const char *text) {
  printf("{\"type\":\"item.updated\",\"item\":{\"id\":\"item_0\",\"type\":\"agent_message\",\"text\":\"%s\"}}\n", text);
}

static void flood(long count, long bytes) {
  char *text = must_allocate((size_t)bytes + 1, 1);
  long i;
  memset(text, 'x', (size_t)bytes);
  for (i = 0; i < count; i++) print_update(text);
  free(text);
}

static void sleep_until(uint64_t moment) {
  struct timespec at = {(time_t)(moment / 1000000000u), (long)(moment % 1000000000u)};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void pace(long count, long rate) {
  uint64_t begin = now_ns();
  char text[32];
  long i;
  for (i = 0; i < count; i++) {
    sleep_until(begin + (uint64_t)i * 1000000000u / (uint64_t)rate);
    snprintf(text, sizeof text, "%llu ", (unsigned long long)(now_ns() / 1000));
    print_update(text);
    fflush(stdout);
  }
}

int main(void) {
  static char buffer[BUFFER];
  long count = variable("FAKE_EXEC_COUNT", 0), rate = variable("FAKE_EXEC_RATE", 0);
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
  read_the_prompt();
  puts("{\"type\":\"thread.started\",\"thread_id\":\"thread_1\"}\n{\"type\":\"turn.started\"}\n"
       "{\"type\":\"item.started\",\"item\":{\"id\":\"item_0\",\"type\":\"agent_message\",\"text\":\"\"}}");
  fflush(stdout);
  if (rate > 0) {
    pace(count, rate);
  } else {
    flood(count, variable("FAKE_EXEC_BYTES", 16));
  }
  puts("{\"type\":\"item.completed\",\"item\":{\"id\":\"item_0\",\"type\":\"agent_message\",\"text\":\"done\"}}\n"
       "{\"type\":\"turn.completed\",\"usage\":{\"input_tokens\":10,\"cached_input_tokens\":4,\"output_tokens\":5}}");
  return EXIT_SUCCESS;
}
