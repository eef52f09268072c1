/* Two conversations and the keyboard in one thread that never waits anywhere but in poll().
 *
 *   cc -std=c99 poll.c -o poll -lcodex
 *   ./poll "What is in this directory?" "Tell a joke."
 *
 * While the answers come in, 1 and Enter or 2 and Enter interrupts that turn; the end of input (Ctrl-D) interrupts both.
 */
#define _POSIX_C_SOURCE 200809L
#include <codex.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { COUNT = 2 };

typedef struct {
  int number;
  codex_thread *thread;
  codex_turn *turn; /* NULL once it is over */
} conversation;

/* Everything is begun at once: the turn waits inside the library for its thread, and the thread for the runtime. */
static int begin(conversation *talk, codex_client *client, const char *prompt) {
  codex_error *error = NULL;
  int ok = codex_thread_begin(client, NULL, &talk->thread, &error) == CODEX_OK;
  if (ok) {
    codex_thread_set_user_data(talk->thread, talk);
    ok = codex_turn_begin(talk->thread, prompt, NULL, &talk->turn, &error) == CODEX_OK;
  }
  if (!ok) fprintf(stderr, "poll: %s\n", codex_error_message(error));
  codex_error_free(error);
  return ok;
}

static void end(conversation *talk, const codex_event *event) {
  codex_error *error = NULL;
  if (codex_event_status(event, &error) == CODEX_OK) {
    printf("\n[%d is done]\n", talk->number);
  } else {
    printf("\n[%d: %s]\n", talk->number, codex_error_message(error));
  }
  codex_error_free(error);
  codex_turn_free(talk->turn);
  talk->turn = NULL;
}

static void show(const codex_event *event) {
  conversation *talk = codex_event_user_data(event);
  switch (codex_event_get_kind(event)) {
    case CODEX_EVENT_MESSAGE_DELTA:
      printf("\n[%d] %s", talk->number, codex_event_text(event, NULL));
      break;
    case CODEX_EVENT_TURN_ENDED:
      end(talk, event);
      break;
    case CODEX_EVENT_CLOSED:
      fprintf(stderr, "poll: %s\n", codex_event_text(event, NULL));
      break;
    default:
      break;
  }
}

/* Takes what is there; says whether more may come. */
static int take_events(codex_client *client) {
  codex_event *event = NULL;
  codex_status status;
  while ((status = codex_client_next_event(client, 0, &event, NULL)) == CODEX_OK) {
    show(event);
    codex_event_free(event);
  }
  fflush(stdout);
  return status == CODEX_TIMEOUT;
}

static void interrupt(conversation *talk) {
  if (talk->turn) codex_turn_interrupt(talk->turn, NULL);
}

/* A digit interrupts its turn, the end of input all of them. Says whether there may be more. */
static int take_input(conversation *talks) {
  char input[64];
  ssize_t length = read(STDIN_FILENO, input, sizeof input);
  int i;
  if (length < 0) return errno == EINTR;
  for (i = 0; i < COUNT; i++) {
    if (length == 0 || memchr(input, '1' + i, (size_t)length)) interrupt(&talks[i]);
  }
  return length > 0;
}

static int is_running(const conversation *talks) {
  return talks[0].turn || talks[1].turn;
}

static void loop(codex_client *client, conversation *talks) {
  struct pollfd watched[2];
  int open = 1;
  watched[0].fd = codex_client_wakeup_fd(client);
  watched[1].fd = STDIN_FILENO;
  watched[0].events = watched[1].events = POLLIN;
  while (open && is_running(talks)) {
    if (poll(watched, 2, -1) < 0) {
      if (errno != EINTR) break;
      continue;
    }
    if (watched[0].revents) open = take_events(client);
    /* poll() skips a descriptor that is negative. */
    if (watched[1].revents && !take_input(talks)) watched[1].fd = -1;
  }
}

int main(int argc, char **argv) {
  static const char *const prompts[COUNT] = {"What is in this directory?", "Tell a joke."};
  conversation talks[COUNT] = {{1, NULL, NULL}, {2, NULL, NULL}};
  codex_client_options *options = codex_client_options_new();
  codex_client *client = NULL;
  codex_error *error = NULL;
  int ok, i;

  codex_client_options_set_single_queue(options, true);
  ok = codex_client_begin(options, &client, &error) == CODEX_OK;
  if (!ok) fprintf(stderr, "poll: %s\n", codex_error_message(error));
  for (i = 0; ok && i < COUNT; i++) ok = begin(&talks[i], client, i + 1 < argc ? argv[i + 1] : prompts[i]);
  if (ok) loop(client, talks);

  for (i = 0; i < COUNT; i++) {
    codex_turn_free(talks[i].turn);
    codex_thread_free(talks[i].thread);
  }
  codex_error_free(error);
  codex_client_free(client);
  codex_client_options_free(options);
  return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
