/* soak PART [NAME=VALUE...]: does one thing for long, prints what it occupied, and fails when that grew.
 *
 *   turns     count=N deltas=N   turns with that many deltas each, through one client
 *   connects  count=N            clients that run a turn and end
 *   unread    seconds=N          a turn that floods a host which stops reading three times, for so long each
 *   waits     count=N            waits that time out, beside a thread that waits for something else
 *
 * Every part needs runtime=PATH, the fake runtime. */
#include "host.h"

#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How much a part may grow: what the allocator does not give back at once. Above a ceiling of 8 MiB that was 0.4 to 2.0 MB. */
enum { ALLOWED_KB = 512, ALLOWED_ABOVE_CEILING_KB = 3072 };
enum { DEADLINE_SECONDS = 3600, SETTLE_TRIES = 500, SETTLE_US = 20000 };
enum { PAUSES = 3, READ_BETWEEN = 10000 };

/* ---- what this process occupies ---------------------------------------------------------------------------------- */

typedef struct footprint {
  long rss_kb, descriptors, threads, children;
} footprint;

static long entries(const char *path) {
  DIR *directory = opendir(path);
  long count = 0;
  if (!directory) fail("%s cannot be read: the soak needs Linux.", path);
  while (readdir(directory)) count++;
  closedir(directory);
  return count;
}

/* The parent of a process, by its name in /proc; 0 when it is none, or gone. */
static long parent_of(const char *name) {
  char path[300], line[512];
  const char *rest = NULL;
  long parent = 0;
  FILE *file;
  snprintf(path, sizeof path, "/proc/%s/stat", name);
  file = atol(name) > 0 ? fopen(path, "r") : NULL;
  if (!file) return 0;
  /* The command may hold blanks and brackets, but what comes after it does not. */
  if (fgets(line, sizeof line, file)) rest = strrchr(line, ')');
  if (rest) sscanf(rest, ") %*c %ld", &parent);
  fclose(file);
  return parent;
}

/* Zombies included. */
static long children(void) {
  DIR *directory = opendir("/proc");
  struct dirent *entry;
  long count = 0;
  if (!directory) fail("/proc cannot be read: the soak needs Linux.");
  while ((entry = readdir(directory))) count += parent_of(entry->d_name) == (long)getpid();
  closedir(directory);
  return count;
}

static footprint footprint_now(void) {
  return (footprint){memory_kb("VmRSS"), entries("/proc/self/fd"), entries("/proc/self/task"), children()};
}

/* Clients that were freed end behind the call. */
static footprint footprint_settled(long threads) {
  int i;
  for (i = 0; i < SETTLE_TRIES && entries("/proc/self/task") > threads; i++) usleep(SETTLE_US);
  return footprint_now();
}

static void must_be_flat(const char *what, long before, long after, long allowed) {
  printf("  %s: %ld -> %ld\n", what, before, after);
  if (after - before > allowed) fail("%s: it grew by %ld, and %ld is allowed.", what, after - before, allowed);
}

static void must_hold_no_more(footprint before, footprint after) {
  must_be_flat("descriptors", before.descriptors, after.descriptors, 0);
  must_be_flat("threads", before.threads, after.threads, 0);
  must_be_flat("children", before.children, after.children, 0);
}

static void must_not_have_grown(footprint before, footprint after) {
  must_be_flat("RSS in kB", before.rss_kb, after.rss_kb, ALLOWED_KB);
  must_hold_no_more(before, after);
}

/* ---- what is done ------------------------------------------------------------------------------------------------ */

static void play(const char *format, long deltas) {
  char script[512];
  snprintf(script, sizeof script, format, deltas);
  setenv("FAKE_RUNTIME_SCRIPT", script, 1);
}

static int64_t figure_of(codex_client *client, const char *pointer) {
  char *json = codex_client_stats_json(client);
  codex_value *stats = NULL;
  int64_t number;
  MUST(codex_value_parse, json, &stats);
  number = codex_value_int(codex_value_at(stats, pointer), -1);
  codex_value_free(stats);
  codex_string_free(json);
  return number;
}

static codex_client *new_client(void) {
  codex_client_options *options = host_options();
  codex_client *client = host_connect(options);
  codex_client_options_free(options);
  return client;
}

static void must_complete(codex_turn_result *result) {
  const char *status = codex_turn_result_status(result);
  if (strcmp(status, "completed") != 0) fail("A turn came to \"%s\".", status);
  codex_turn_result_free(result);
}

static int32_t look(void *touched, codex_event *event) {
  size_t length = 0;
  codex_event_text(event, &length);
  *(size_t *)touched += length;
  return CODEX_CONTINUE;
}

static void run_with_result(codex_thread *thread) {
  codex_turn_result *result = NULL;
  MUST(codex_thread_run, thread, "go", NULL, &result);
  must_complete(result);
}

static void run_with_callback(codex_thread *thread) {
  codex_turn_result *result = NULL;
  size_t touched = 0;
  MUST(codex_thread_run_streamed, thread, "go", NULL, look, &touched, &result);
  must_complete(result);
}

static void run_with_events(codex_thread *thread) {
  codex_turn *turn = host_turn(thread);
  codex_turn_result *result = NULL;
  view view = view_new();
  view_drain(&view, turn);
  MUST(codex_turn_wait, turn, CODEX_WAIT_FOREVER, &result);
  must_complete(result);
  codex_turn_free(turn);
}

/* ---- parts ------------------------------------------------------------------------------------------------------- */

/* Ten turns on each thread, in every way to run one. */
static void run_turns(codex_client *client, long count) {
  static void (*const ways[])(codex_thread *) = {run_with_result, run_with_callback, run_with_events};
  codex_thread *thread = NULL;
  long i;
  for (i = 0; i < count; i++) {
    if (i % 10 == 0) {
      codex_thread_free(thread);
      thread = host_thread(client);
    }
    ways[i % 3](thread);
  }
  codex_thread_free(thread);
}

static void turns(void) {
  long count = setting_number("count", 10000), deltas = setting_number("deltas", 500);
  codex_client *client;
  footprint before, after;
  play("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"flood\":{\"count\":%ld}},{\"finishTurn\":{}}]}}", deltas);
  client = new_client();
  run_turns(client, count / 10);
  before = footprint_now();
  run_turns(client, count - count / 10);
  after = footprint_now();
  printf("%ld turns with %" PRId64 " messages through one client\n", count, figure_of(client, "/receivedMessages"));
  must_not_have_grown(before, after);
  if (figure_of(client, "/receivedMessages") < count * deltas) fail("Not all deltas came.");
  if (figure_of(client, "/turnsOpen") != 0) fail("There are turns that never ended.");
  codex_client_free(client);
}

/* Closed in one case, let go in the other. */
static void live(long number) {
  codex_client *client = new_client();
  codex_thread *thread = host_thread(client);
  run_with_result(thread);
  if (number % 2 == 0) MUST(codex_client_close, client, CODEX_WAIT_DEFAULT);
  codex_thread_free(thread);
  codex_client_free(client);
}

static void connects(void) {
  long count = setting_number("count", 1000), warm = count / 10, threads = entries("/proc/self/task"), i;
  footprint before, after;
  play("{}", 0);
  for (i = 0; i < warm; i++) live(i);
  before = footprint_settled(threads);
  for (; i < count; i++) live(i);
  after = footprint_settled(threads);
  printf("%ld clients that ran a turn and ended\n", count);
  must_not_have_grown(before, after);
}

static void await_full_queue(codex_client *client, int64_t ceiling) {
  int i;
  for (i = 0; i < SETTLE_TRIES && figure_of(client, "/queuedBytes") < ceiling; i++) usleep(SETTLE_US);
  if (figure_of(client, "/queuedBytes") < ceiling) fail("The queue does not get full.");
}

static void read_some(codex_turn *turn, long count) {
  long i;
  for (i = 0; i < count; i++) codex_event_free(host_next(turn));
}

/* What was held back comes when the host reads on, and the turn can still be interrupted. */
static void read_on(codex_turn *turn) {
  codex_turn_result *result = NULL;
  codex_error *error = NULL;
  view view = view_new();
  codex_status status;
  read_some(turn, 1000);
  MUST(codex_turn_interrupt, turn);
  view_drain(&view, turn);
  status = codex_turn_wait(turn, CODEX_WAIT_FOREVER, &result, &error);
  if (status != CODEX_ERROR_TURN_INTERRUPTED || !result) fail("The turn came to %s.", codex_status_name(status));
  codex_error_free(error);
  codex_turn_result_free(result);
}

static void unread(void) {
  long seconds = setting_number("seconds", 60), ceiling = setting_number("max_queued", 64 << 20);
  codex_client *client;
  codex_thread *thread;
  codex_turn *turn;
  footprint before, after;
  int i;
  play("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}},{\"flood\":{\"count\":%ld,\"textBytes\":1024}}]}}", INT32_MAX);
  client = new_client();
  thread = host_thread(client);
  before = footprint_now();
  turn = host_turn(thread);
  for (i = 0; i < PAUSES; i++) {
    await_full_queue(client, ceiling);
    sleep((unsigned)seconds);
    read_some(turn, READ_BETWEEN);
  }
  after = footprint_now();
  printf("%d times %ld seconds without reading a flood of %" PRId64 " messages\n", PAUSES, seconds,
         figure_of(client, "/receivedMessages"));
  must_be_flat("RSS in kB, with the ceiling", before.rss_kb + ceiling / 1024, memory_kb("VmHWM"), ALLOWED_ABOVE_CEILING_KB);
  must_hold_no_more(before, after);
  read_on(turn);
  codex_turn_free(turn);
  codex_thread_free(thread);
  codex_client_free(client);
}

/* Drives the connection until the client is closed. */
static void *wait_for_client(void *client) {
  codex_event *event = NULL;
  MUST(codex_client_next_event, client, CODEX_WAIT_FOREVER, &event);
  codex_event_free(event);
  return NULL;
}

static void wait_in_vain(codex_turn *turn, long count) {
  long i;
  for (i = 0; i < count; i++) {
    codex_event *event = NULL;
    MUST(codex_turn_next_event, turn, 1, &event);
    if (event) fail("An event came, though the runtime is idle.");
  }
}

static void read_what_began(codex_turn *turn) {
  codex_event *event;
  do {
    event = NULL;
    MUST(codex_turn_next_event, turn, 1000, &event);
    codex_event_free(event);
  } while (event);
}

static void waits(void) {
  long count = setting_number("count", 20000);
  codex_client *client;
  codex_thread *thread;
  codex_turn *turn;
  pthread_t other;
  footprint before, after;
  play("{\"on\":{\"turn/start\":[{\"turn\":{\"hold\":true}}]}}", 0);
  client = new_client();
  thread = host_thread(client);
  turn = host_turn(thread);
  read_what_began(turn);
  if (pthread_create(&other, NULL, wait_for_client, client) != 0) fail("No thread could be started.");
  wait_in_vain(turn, count / 10);
  before = footprint_now();
  wait_in_vain(turn, count - count / 10);
  after = footprint_now();
  printf("%ld waits that timed out beside another thread\n", count);
  must_not_have_grown(before, after);
  MUST(codex_client_close, client, CODEX_WAIT_DEFAULT);
  pthread_join(other, NULL);
  codex_turn_free(turn);
  codex_thread_free(thread);
  codex_client_free(client);
}

static const scenario parts[] = {{"turns", turns}, {"connects", connects}, {"unread", unread}, {"waits", waits}};

int main(int argc, char **argv) {
  size_t i;
  if (argc < 2) fail("usage: soak PART [NAME=VALUE...]");
  settings_load(argc - 2, argv + 2);
  alarm(DEADLINE_SECONDS);
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (i = 0; i < sizeof parts / sizeof *parts; i++) {
    if (strcmp(parts[i].name, argv[1]) != 0) continue;
    parts[i].run();
    return EXIT_SUCCESS;
  }
  fail("There is no part \"%s\".", argv[1]);
}
