/* Ten conversations in the main loop of GLib, as a program with a window has it: nothing in it ever waits for the agent.
 *
 *   cc -std=c99 glib.c held_up.c -o glib $(pkg-config --cflags --libs codex glib-2.0)
 *   ./glib "Write a haiku to haiku.txt."
 *
 * An approval opens a dialog, which a timer plays here and which says yes. At the end the program tells for how long the
 * loop was held up at most before it looked at its sources again: nobody sees a window that is late by less than 16 ms.
 */
#include <codex.h>
#include <glib-unix.h>

#include <stdio.h>
#include <stdlib.h>

#include "held_up.h"

/* What comes faster than a loop turns is taken in portions, so that the other sources get their turn. */
enum { TALKS = 10, EVENTS_AT_ONCE = 64, FRAME_MS = 16, DIALOG_MS = 200 };

typedef struct {
  GMainLoop *loop;
  const char *prompt;
  codex_client *client;
  codex_thread *threads[TALKS];
  codex_turn *turns[TALKS];
  int running;
  int dialogs;
  int failures;
  size_t bytes;
} program;

typedef struct {
  program *program;
  codex_request *request;
} dialog;

static gint measured_poll(GPollFD *watched, guint count, gint timeout) {
  gint ready;
  held_up_end();
  ready = g_poll(watched, count, timeout);
  held_up_begin();
  return ready;
}

static void quit_when_done(program *self) {
  if (self->running == 0 && self->dialogs == 0) g_main_loop_quit(self->loop);
}

static void fail(program *self, codex_error *error) {
  fprintf(stderr, "\nglib: %s\n", codex_error_message(error));
  codex_error_free(error);
  self->failures++;
}

/* An answer never blocks. One that comes too late, because the turn has ended meanwhile, does nothing. */
static gboolean on_answer(gpointer data) {
  dialog *open = data;
  codex_request_approve(open->request, false, NULL);
  codex_request_free(open->request);
  open->program->dialogs--;
  quit_when_done(open->program);
  g_free(open);
  return G_SOURCE_REMOVE;
}

static void open_dialog(program *self, codex_request *request) {
  dialog *opened = g_new(dialog, 1);
  opened->program = self;
  opened->request = request;
  self->dialogs++;
  g_timeout_add(DIALOG_MS, on_answer, opened);
}

static void end_turn(program *self, const codex_event *event) {
  codex_error *error = NULL;
  const char *answer = codex_value_string(codex_value_at(codex_event_value(event), "/finalResponse"), NULL);
  if (codex_event_status(event, &error) != CODEX_OK) fail(self, error);
  if (answer) printf("%s\n", answer);
  self->running--;
  quit_when_done(self);
}

static void take(program *self, codex_event *event) {
  codex_request *request;
  size_t length;
  switch (codex_event_get_kind(event)) {
    case CODEX_EVENT_MESSAGE_DELTA:
      codex_event_text(event, &length);
      self->bytes += length;
      break;
    case CODEX_EVENT_REQUEST:
      request = codex_event_take_request(event);
      if (request) open_dialog(self, request);
      break;
    case CODEX_EVENT_TURN_ENDED:
      end_turn(self, event);
      break;
    default:
      break;
  }
}

static gboolean on_events(gint descriptor, GIOCondition condition, gpointer data) {
  program *self = data;
  codex_status status = CODEX_OK;
  int i;
  (void)descriptor;
  (void)condition;
  for (i = 0; i < EVENTS_AT_ONCE && status == CODEX_OK; i++) {
    codex_event *event = NULL;
    status = codex_client_next_event(self->client, 0, &event, NULL);
    take(self, event);
    codex_event_free(event);
  }
  /* At the end of the queue the descriptor stays readable: then it is not to be watched any more. */
  return status == CODEX_OK || status == CODEX_TIMEOUT;
}

static gboolean on_frame(gpointer data) {
  program *self = data;
  fprintf(stderr, "\r%d turns run, %d dialogs are open, %lu bytes ", self->running, self->dialogs,
          (unsigned long)self->bytes);
  return G_SOURCE_CONTINUE;
}

static int begin_client(program *self, codex_error **error) {
  codex_client_options *options = codex_client_options_new();
  codex_client_options_set_single_queue(options, true);
  codex_client_begin(options, &self->client, error);
  codex_client_options_free(options);
  return self->client != NULL;
}

/* Everything is begun at once: the turns wait inside the library for their threads, and these for the runtime. */
static int begin_turn(program *self, int i, codex_error **error) {
  const char *settings = "{\"cwd\": \".\", \"approvalMode\": \"ask\", \"sandbox\": \"read-only\"}";
  return codex_thread_begin(self->client, settings, &self->threads[i], error) == CODEX_OK &&
         codex_turn_begin(self->threads[i], self->prompt, NULL, &self->turns[i], error) == CODEX_OK;
}

static gboolean on_start(gpointer data) {
  program *self = data;
  codex_error *error = NULL;
  int ok = begin_client(self, &error);
  while (ok && self->running < TALKS && (ok = begin_turn(self, self->running, &error))) self->running++;
  if (self->client) g_unix_fd_add(codex_client_wakeup_fd(self->client), G_IO_IN, on_events, self);
  if (!ok) fail(self, error);
  held_up_started();
  quit_when_done(self);
  return G_SOURCE_REMOVE;
}

static void end(program *self) {
  int i;
  for (i = 0; i < TALKS; i++) {
    codex_turn_free(self->turns[i]);
    codex_thread_free(self->threads[i]);
  }
  codex_client_free(self->client);
}

int main(int argc, char **argv) {
  program self = {0};
  self.loop = g_main_loop_new(NULL, FALSE);
  self.prompt = argc > 1 ? argv[1] : "Write a haiku to haiku.txt.";

  g_main_context_set_poll_func(NULL, measured_poll);
  g_timeout_add(FRAME_MS, on_frame, &self);
  g_idle_add(on_start, &self);
  held_up_begin();
  g_main_loop_run(self.loop);
  held_up_print();

  end(&self);
  g_main_loop_unref(self.loop);
  return self.failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
