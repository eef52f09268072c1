#define _GNU_SOURCE
#include "held_up.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 16 };

typedef struct {
  double all, processor;
} duration;

static enum { BEFORE, STARTING, LAST_OF_THE_START, RUNNING } phase;
static int is_round, accounts[THREADS], accounts_count;
static duration since, of_the_start, longest;
static double queued_since;
static long naps_since;

static double milliseconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* What Linux tells about each of the threads that the program has now. */
static void open_accounts(void) {
  DIR *threads = opendir("/proc/self/task");
  struct dirent *thread;
  char path[300];
  while (accounts_count > 0) close(accounts[--accounts_count]);
  while (threads && accounts_count < THREADS && (thread = readdir(threads)) != NULL) {
    snprintf(path, sizeof path, "/proc/self/task/%s/schedstat", thread->d_name);
    accounts[accounts_count] = open(path, O_RDONLY | O_CLOEXEC);
    if (accounts[accounts_count] >= 0) accounts_count++;
  }
  if (threads) closedir(threads);
}

/* The second figure is for how long the thread could have run, but other programs had the processors. */
static double queued(int account) {
  char text[96], *second;
  ssize_t length = pread(account, text, sizeof text - 1, 0);
  if (length <= 0) return 0;
  text[length] = '\0';
  strtoull(text, &second, 10);
  return (double)strtoull(second, NULL, 10) / 1e6;
}

/* Of all threads: while one of them has what the loop waits for, and waits for a processor, the loop does so too. Where no
 * account is kept, other programs hold a loop up as well. */
static double all_queued(void) {
  double sum = 0;
  int i;
  for (i = 0; i < accounts_count; i++) sum += queued(accounts[i]);
  return sum;
}

/* How often this thread has slept. */
static long naps(void) {
#ifdef RUSAGE_THREAD
  struct rusage usage;
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
#else
  static long unknown;
  return unknown++;
#endif
}

/* What a round has taken. One that never slept was on the processor, but for what others took: other programs, and the host
 * of a virtual machine, who tells nobody. */
static double taken(double all, double processor) {
  all -= all_queued() - queued_since;
  return naps() == naps_since || all < processor ? processor : all;
}

void held_up_begin(void) {
  if (is_round) return;
  is_round = 1;
  if (phase == BEFORE) {
    phase = STARTING;
    open_accounts();
  }
  naps_since = naps();
  queued_since = all_queued();
  since.processor = milliseconds(CLOCK_THREAD_CPUTIME_ID);
  since.all = milliseconds(CLOCK_MONOTONIC);
}

void held_up_end(void) {
  duration *most = phase == RUNNING ? &longest : &of_the_start;
  double all = milliseconds(CLOCK_MONOTONIC) - since.all;
  double processor = milliseconds(CLOCK_THREAD_CPUTIME_ID) - since.processor;
  all = taken(all, processor);
  if (all > most->all) {
    most->all = all;
    most->processor = processor;
  }
  if (phase == LAST_OF_THE_START) {
    phase = RUNNING;
    open_accounts();
  }
  is_round = 0;
}

void held_up_started(void) {
  phase = LAST_OF_THE_START;
}

void held_up_print(void) {
  printf("The loop was held up for %.2f ms at most, %.2f ms of them on the processor; by the start for %.2f ms.\n",
         longest.all, longest.processor, of_the_start.all);
}
