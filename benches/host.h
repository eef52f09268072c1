/* What the scenarios of libcodex share: a client of the runtime that the settings name, and a look at each event. */
#ifndef HOST_H
#define HOST_H
#include "measure.h"

#include <codex.h>
#include <stdbool.h>

/* Ends the program when a call failed. Takes the error. */
void check(const char *call, codex_status status, codex_error *error);
#define MUST(function, ...)                                               \
  do {                                                                    \
    codex_error *error_ = NULL;                                           \
    check(#function, function(__VA_ARGS__, &error_), error_);             \
  } while (0)

codex_client_options *host_options(void); /* owned; from the settings runtime, config, max_queued */
codex_client *host_connect(const codex_client_options *options);
codex_thread *host_thread(codex_client *client);
codex_turn *host_turn(codex_thread *thread);
codex_event *host_next(codex_turn *turn); /* NULL at the end */

/* What has been seen of one turn or of several. */
typedef enum { TEXT_IS_TEXT, TEXT_IS_TIME } text_meaning;
typedef struct {
  text_meaning meaning;
  uint64_t deltas;
  uint64_t merged; /* deltas that came inside another one */
  size_t touched;
  latencies latencies;
} view;
view view_new(void); /* the setting paced=1 says that texts are times */

/* Does with an event what a program does that shows it: kind, ids and text. Says whether it was the turn's last one. */
bool view_event(view *view, const codex_event *event);
void view_drain(view *view, codex_turn *turn); /* up to its end */
void view_add(view *from, view *to);
void view_report(view *view, moment begin);

typedef struct {
  const char *name;
  void (*run)(void);
} scenario;
extern const scenario stream_scenarios[], call_scenarios[], memory_scenarios[], event_loop_scenarios[]; /* up to a NULL name */
#endif
