#include "host.h"

#include <string.h>

void check(const char *call, codex_status status, codex_error *error) {
  if (status >= 0) return;
  fail("%s: %s: %s", call, codex_status_name(status), codex_error_message(error));
}

static void must_set(const char *name, codex_status status) {
  if (status != CODEX_OK) fail("The option %s was refused: %s.", name, codex_status_name(status));
}

codex_client_options *host_options(void) {
  codex_client_options *options = codex_client_options_new();
  const char *runtime = setting("runtime", NULL);
  long max_queued = setting_number("max_queued", 0);
  const char *config;
  size_t i;
  if (!runtime) fail("The setting runtime=PATH is missing.");
  must_set("codex_path", codex_client_options_set_codex_path(options, runtime));
  for (i = 0; (config = setting_at("config", i)); i++) {
    must_set("config", codex_client_options_add_config(options, config));
  }
  if (max_queued > 0) must_set("max_queued_bytes", codex_client_options_set_max_queued_bytes(options, (size_t)max_queued));
  return options;
}

codex_client *host_connect(const codex_client_options *options) {
  codex_client *client = NULL;
  MUST(codex_client_connect, options, &client);
  return client;
}

codex_thread *host_thread(codex_client *client) {
  codex_thread *thread = NULL;
  MUST(codex_thread_start, client, NULL, &thread);
  return thread;
}

codex_turn *host_turn(codex_thread *thread) {
  codex_turn *turn = NULL;
  MUST(codex_turn_start, thread, "go", NULL, &turn);
  return turn;
}

codex_event *host_next(codex_turn *turn) {
  codex_event *event = NULL;
  MUST(codex_turn_next_event, turn, CODEX_WAIT_FOREVER, &event);
  return event;
}

view view_new(void) {
  return (view){.meaning = setting_number("paced", 0) ? TEXT_IS_TIME : TEXT_IS_TEXT};
}

bool view_event(view *view, const codex_event *event) {
  codex_event_kind kind = codex_event_get_kind(event);
  size_t length = 0;
  const char *text = codex_event_text(event, &length);
  view->touched += (unsigned char)codex_event_thread_id(event)[0] + (unsigned char)codex_event_turn_id(event)[0] +
                   (unsigned char)codex_event_item_id(event)[0] + length;
  if (kind == CODEX_EVENT_MESSAGE_DELTA) {
    uint32_t count = codex_event_merged(event);
    view->deltas += count;
    view->merged += count - 1;
    if (view->meaning == TEXT_IS_TIME) latencies_add_since(&view->latencies, text);
  }
  return kind == CODEX_EVENT_TURN_ENDED;
}

void view_drain(view *view, codex_turn *turn) {
  bool ended = false;
  while (!ended) {
    codex_event *event = host_next(turn);
    ended = !event || view_event(view, event);
    codex_event_free(event);
  }
}

void view_add(view *from, view *to) {
  to->deltas += from->deltas;
  to->merged += from->merged;
  to->touched += from->touched;
  latencies_move(&from->latencies, &to->latencies);
}

void view_report(view *view, moment begin) {
  moment end = moment_now();
  if (view->touched == 0) fail("No event had an id.");
  figures_of_span(begin, end, (double)view->deltas);
  figure("merged", (double)view->merged);
  latencies_report(&view->latencies);
  figure("rss_kb", (double)memory_kb("VmRSS"));
}
