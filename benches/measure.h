/* What every benchmark program needs: its settings, clocks, memory, percentiles, and the line of figures that it prints. */
#ifndef MEASURE_H
#define MEASURE_H
#include <stddef.h>
#include <stdint.h>

/* Settings are the arguments NAME=VALUE after the scenario. A name may come several times. */
void settings_load(int argc, char **argv);
const char *setting(const char *name, const char *fallback);
const char *setting_at(const char *name, size_t index); /* NULL when there are fewer */
long setting_number(const char *name, long fallback);

/* Writes a sentence to stderr and ends the program. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *must_allocate(size_t count, size_t size); /* zeroed */

uint64_t now_ns(void);

typedef struct {
  uint64_t wall_ns;
  double cpu_us; /* of all threads of this process, user and system */
  long waits;    /* how often a thread of this process gave up the processor by itself */
} moment;
moment moment_now(void);

/* "VmRSS" is the memory in use now, "VmHWM" the most there ever was. */
long memory_kb(const char *field);

/* Watches this process from another thread: for `seconds`, from one second after the start on, because whatever a library
 * still does after its last call is not idleness yet. Meanwhile the caller idles for watch_seconds(). */
void watch_start(long seconds);
long watch_seconds(void);
void watch_report(void); /* wakeups, cpu_us, rss_kb */

typedef struct {
  uint32_t *us;
  size_t count, capacity;
} latencies;
void latencies_add(latencies *all, uint64_t us);
void latencies_add_since(latencies *all, const char *sent_us); /* CLOCK_MONOTONIC as text, as the fake runtime sends it */
void latencies_move(latencies *from, latencies *to);
void latencies_report(latencies *all); /* p50_us, p99_us, max_us; frees them */

void figure(const char *name, double value);
void figures_of_span(moment begin, moment end, double events); /* per event and per second */
void figures_print(void);                                      /* one line of JSON on stdout */
#endif
