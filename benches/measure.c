#define _GNU_SOURCE
#include "measure.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { DEADLINE_SECONDS = 300 };

static int setting_count;
static char **settings;

void settings_load(int argc, char **argv) {
  int i;
  setting_count = argc;
  settings = argv;
  for (i = 0; i < argc; i++) {
    if (!strchr(argv[i], '=')) fail("The setting \"%s\" has no value: write NAME=VALUE.", argv[i]);
  }
  /* A runtime that never says what a scenario waits for must not hold up the others. */
  alarm((unsigned)setting_number("deadline", DEADLINE_SECONDS));
}

const char *setting_at(const char *name, size_t index) {
  size_t length = strlen(name);
  int i;
  for (i = 0; i < setting_count; i++) {
    if (strncmp(settings[i], name, length) != 0 || settings[i][length] != '=') continue;
    if (index-- == 0) return settings[i] + length + 1;
  }
  return NULL;
}

const char *setting(const char *name, const char *fallback) {
  const char *value = setting_at(name, 0);
  return value ? value : fallback;
}

long setting_number(const char *name, long fallback) {
  const char *value = setting_at(name, 0);
  char *end;
  long number;
  if (!value) return fallback;
  number = strtol(value, &end, 10);
  if (*value == '\0' || *end != '\0' || number < 0) fail("The setting %s=%s is no count.", name, value);
  return number;
}

void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  exit(EXIT_FAILURE);
}

void *must_allocate(size_t count, size_t size) {
  void *memory = calloc(count ? count : 1, size);
  if (!memory) fail("There is no memory for %zu times %zu bytes.", count, size);
  return memory;
}

uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static double micros(struct timeval time) {
  return (double)time.tv_sec * 1e6 + (double)time.tv_usec;
}

moment moment_now(void) {
  struct rusage usage;
  moment now;
  getrusage(RUSAGE_SELF, &usage);
  now.wall_ns = now_ns();
  now.cpu_us = micros(usage.ru_utime) + micros(usage.ru_stime);
  now.waits = usage.ru_nvcsw;
  return now;
}

long memory_kb(const char *field) {
  FILE *status = fopen("/proc/self/status", "r");
  size_t length = strlen(field);
  char line[256];
  long kilobytes = -1;
  if (!status) fail("/proc/self/status cannot be read: this scenario needs Linux.");
  while (kilobytes < 0 && fgets(line, sizeof line, status)) {
    if (strncmp(line, field, length) == 0 && line[length] == ':') kilobytes = strtol(line + length + 1, NULL, 10);
  }
  fclose(status);
  if (kilobytes < 0) fail("/proc/self/status has no line %s.", field);
  return kilobytes;
}

static struct {
  pthread_t thread;
  long seconds;
  moment begin, end;
} watch;

enum { SETTLING_SECONDS = 1 };

static void *watch_this_process(void *argument) {
  (void)argument;
  sleep(SETTLING_SECONDS);
  watch.begin = moment_now();
  sleep((unsigned)watch.seconds);
  watch.end = moment_now();
  return NULL;
}

void watch_start(long seconds) {
  watch.seconds = seconds;
  if (pthread_create(&watch.thread, NULL, watch_this_process, NULL) != 0) fail("There is no thread to watch from.");
}

long watch_seconds(void) {
  return SETTLING_SECONDS + watch.seconds + 1;
}

void watch_report(void) {
  pthread_join(watch.thread, NULL);
  /* The watcher's own sleep is one wait. */
  figure("wakeups", (double)(watch.end.waits - watch.begin.waits - 1));
  figure("cpu_us", watch.end.cpu_us - watch.begin.cpu_us);
  figure("rss_kb", (double)memory_kb("VmRSS"));
}

void latencies_add(latencies *all, uint64_t us) {
  if (all->count == all->capacity) {
    all->capacity = all->capacity ? all->capacity * 2 : 1024;
    all->us = realloc(all->us, all->capacity * sizeof *all->us);
    if (!all->us) fail("There is no memory for %zu latencies.", all->capacity);
  }
  all->us[all->count++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

void latencies_add_since(latencies *all, const char *sent_us) {
  uint64_t now = now_ns() / 1000;
  uint64_t sent = strtoull(sent_us, NULL, 10);
  latencies_add(all, now > sent ? now - sent : 0);
}

void latencies_move(latencies *from, latencies *to) {
  size_t i;
  for (i = 0; i < from->count; i++) latencies_add(to, from->us[i]);
  free(from->us);
  *from = (latencies){0};
}

static int by_size(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return (a > b) - (a < b);
}

void latencies_report(latencies *all) {
  if (all->count == 0) return;
  qsort(all->us, all->count, sizeof *all->us, by_size);
  figure("p50_us", all->us[all->count / 2]);
  figure("p99_us", all->us[all->count * 99 / 100]);
  figure("max_us", all->us[all->count - 1]);
  free(all->us);
  *all = (latencies){0};
}

static char figures[4096];
static size_t figures_length;

void figure(const char *name, double value) {
  size_t space = sizeof figures - figures_length;
  int length = snprintf(figures + figures_length, space, ", \"%s\": %.6g", name, value);
  if (length < 0 || (size_t)length >= space) fail("There are too many figures to report.");
  figures_length += (size_t)length;
}

void figures_of_span(moment begin, moment end, double events) {
  double wall_us = (double)(end.wall_ns - begin.wall_ns) / 1000;
  double cpu_us = end.cpu_us - begin.cpu_us;
  if (events <= 0) fail("Nothing came, so that there is nothing to measure.");
  figure("events", events);
  figure("wall_us_each", wall_us / events);
  figure("cpu_us_each", cpu_us / events);
  figure("per_second", events / wall_us * 1e6);
  figure("waits_each", (double)(end.waits - begin.waits) / events);
}

void figures_print(void) {
  if (figures_length == 0) fail("The scenario reported nothing.");
  printf("{%s}\n", figures + 2);
}
