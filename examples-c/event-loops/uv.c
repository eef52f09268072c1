/* Ten conversations in the loop of libuv, as a server has it: nothing in it ever waits for the agent.
 *
 *   cc -std=c99 uv.c held_up.c -o uv $(pkg-config --cflags --libs codex libuv)
 *   ./uv "Write a haiku to haiku.txt."
 *
 * An approval is a question to somebody far away, whom a timer plays here and who says yes. At the end the program tells
 * for how long the loop was held up at most before it looked for new work again.
 */
#define _POSIX_C_SOURCE 200809L
#include <codex.h>
#include <uv.h>

#include <stdio.h>
#include <stdlib.h>

#include "held_up.h"

/* What comes faster than a loop turns is taken in portions, so that the other handles get their turn. */
enum { TALKS = 10, EVENTS_AT_ONCE = 64, FRAME_MS = 16, ANSWER_MS = 200 };

typedef struct {
  uv_loop_t *loop;
  uv_poll_t events;
  uv_timer_t start;
  uv_timer_t frame;
  uv_check_t has_waited;
  uv_prepare_t will_wait;
  const char *prompt;
  codex_client *client;
  codex_thread *threads[TALKS];
  codex_turn *turns[TALKS];
  int running;
  int questions;
  int failures;
  size_t bytes;
} program;

typedef struct {
  uv_timer_t timer;
  program *program;
  codex_request *request;
} question;

static void has_waited(uv_check_t *handle) {
  (void)handle;
  held_up_begin();
}

static void will_wait(uv_prepare_t *handle) {
  (void)handle;
  held_up_end();
}

/* The loop ends when its last handle is closed; questions that are still open close theirs. Every turn has ended before
 * the queue has, so that the descriptor of a queue that has ended, which stays readable, is never watched. */
static void end_when_done(program *self) {
  if (self->running > 0) return;
  uv_close((uv_handle_t *)&self->frame, NULL);
  uv_close((uv_handle_t *)&self->has_waited, NULL);
  uv_close((uv_handle_t *)&self->will_wait, NULL);
  if (self->client) uv_close((uv_handle_t *)&self->events, NULL);
}

static void fail(program *self, codex_error *error) {
  fprintf(stderr, "\nuv: %s\n", codex_error_message(error));
  codex_error_free(error);
  self->failures++;
}

static void free_question(uv_handle_t *timer) {
  free(timer->data);
}

/* An answer never blocks. One that comes too late, because the turn has ended meanwhile, does nothing. */
static void on_answer(uv_timer_t *timer) {
  question *asked = timer->data;
  codex_request_approve(asked->request, false, NULL);
  codex_request_free(asked->request);
  asked->program->questions--;
  uv_close((uv_handle_t *)timer, free_question);
}

/* A request that is freed is declined. */
static void ask(program *self, codex_request *request) {
  question *asked = malloc(sizeof *asked);
  if (!asked) {
    codex_request_free(request);
    return;
  }
  asked->program = self;
  asked->request = request;
  self->questions++;
  uv_timer_init(self->loop, &asked->timer);
  asked->timer.data = asked;
  uv_timer_start(&asked->timer, on_answer, ANSWER_MS, 0);
}

static void end_turn(program *self, const codex_event *event) {
  codex_error *error = NULL;
  const char *answer = codex_value_string(codex_value_at(codex_event_value(event), "/finalResponse"), NULL);
  if (codex_event_status(event, &error) != CODEX_OK) fail(self, error);
  if (answer) printf("%s\n", answer);
  self->running--;
  end_when_done(self);
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
      if (request) ask(self, request);
      break;
    case CODEX_EVENT_TURN_ENDED:
      end_turn(self, event);
      break;
    default:
      break;
  }
}

/* In each round the descriptors come first, and has_waited() behind them. */
static void on_events(uv_poll_t *events, int error, int ready) {
  program *self = events->data;
  int i;
  (void)error;
  (void)ready;
  held_up_begin();
  for (i = 0; i < EVENTS_AT_ONCE && self->running > 0; i++) {
    codex_event *event = NULL;
    if (codex_client_next_event(self->client, 0, &event, NULL) != CODEX_OK) return;
    take(self, event);
    codex_event_free(event);
  }
}

static void on_frame(uv_timer_t *frame) {
  program *self = frame->data;
  fprintf(stderr, "\r%d turns run, %d questions are open, %lu bytes ", self->running, self->questions,
          (unsigned long)self->bytes);
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

static void on_start(uv_timer_t *start) {
  program *self = start->data;
  codex_error *error = NULL;
  int ok = begin_client(self, &error);
  while (ok && self->running < TALKS && (ok = begin_turn(self, self->running, &error))) self->running++;
  if (self->client) {
    uv_poll_init(self->loop, &self->events, codex_client_wakeup_fd(self->client));
    self->events.data = self;
    uv_poll_start(&self->events, UV_READABLE, on_events);
  }
  if (!ok) fail(self, error);
  held_up_started();
  uv_close((uv_handle_t *)start, NULL);
  end_when_done(self);
}

static void begin(program *self) {
  uv_check_init(self->loop, &self->has_waited);
  uv_prepare_init(self->loop, &self->will_wait);
  uv_timer_init(self->loop, &self->frame);
  uv_timer_init(self->loop, &self->start);
  self->frame.data = self->start.data = self;
  uv_check_start(&self->has_waited, has_waited);
  uv_prepare_start(&self->will_wait, will_wait);
  uv_timer_start(&self->frame, on_frame, FRAME_MS, FRAME_MS);
  uv_timer_start(&self->start, on_start, 0, 0);
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
  self.loop = uv_default_loop();
  self.prompt = argc > 1 ? argv[1] : "Write a haiku to haiku.txt.";

  begin(&self);
  held_up_begin();
  uv_run(self.loop, UV_RUN_DEFAULT);
  held_up_print();

  end(&self);
  if (uv_loop_close(self.loop) != 0) {
    fprintf(stderr, "uv: a handle is still open\n");
    return EXIT_FAILURE;
  }
  return self.failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
