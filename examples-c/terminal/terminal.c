/* A chat in the terminal: streams the answers, asks before anything is run or changed, tells the tokens of each turn.
 *
 *   cc -std=c99 *.c -o terminal -lcodex
 *   ./terminal
 *   ./terminal --resume        goes on with the newest conversation of this directory
 *   ./terminal --resume ID     goes on with that one
 *
 * Ctrl-C interrupts the turn, and a second one quits; so does Ctrl-D.
 *
 * There is one thread, and it waits in poll() alone: for the library, for signals, and for the person.
 */
#define _POSIX_C_SOURCE 200809L
#include <codex.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyboard.h"
#include "questions.h"
#include "screen.h"

typedef enum { STARTING, PROMPTING, WORKING, ASKING, QUITTING } chat_state;

typedef struct {
  chat_state state;
  int status;     /* that of the program */
  int is_stored;  /* something was said: the runtime keeps the conversation */
  int ctrl_cs;    /* how often Ctrl-C was pressed since the last message */
  codex_client *client;
  codex_thread *thread;
  codex_turn *turn; /* NULL while none runs */
} chat;

/* What may be done without asking is what the person's own configuration says. */
static const char settings[] = "{\"approvalMode\": \"ask\"}";

static const char *string_at(const codex_value *value, const char *pointer) {
  const char *string = codex_value_string(codex_value_at(value, pointer), NULL);
  return string ? string : "";
}

static long number_at(const codex_value *value, const char *pointer) {
  return (long)codex_value_int(codex_value_at(value, pointer), 0);
}

/* ---- What the program does next ---- */

static void work(chat *talk, chat_state state, const char *doing) {
  talk->state = state;
  keyboard_ignore();
  screen_set_doing(doing);
}

static void put_prompt(void) {
  screen_end_line();
  if (keyboard_is_terminal()) screen_put(BOLD, "> ", 2);
}

static void prompt(chat *talk) {
  talk->state = PROMPTING;
  keyboard_listen();
  put_prompt();
}

static void ask_or_work(chat *talk) {
  if (!questions_are_open()) {
    work(talk, WORKING, "thinking");
    return;
  }
  talk->state = ASKING;
  keyboard_listen();
  questions_ask();
}

static void quit(chat *talk, int status) {
  talk->state = QUITTING;
  talk->status = status;
  screen_end_line();
}

static void tell(codex_error *error) {
  if (error) screen_put_line(RED, codex_error_message(error), "");
  codex_error_free(error);
}

/* ---- What the person does ---- */

static void begin_turn(chat *talk, const char *message) {
  codex_error *error = NULL;
  if (codex_turn_begin(talk->thread, message, NULL, &talk->turn, &error) == CODEX_OK) {
    talk->is_stored = 1;
    work(talk, WORKING, "thinking");
  } else {
    tell(error);
    prompt(talk);
  }
}

static void take_message(chat *talk, const char *message) {
  if (keyboard_is_terminal()) screen_line_was_ended();
  talk->ctrl_cs = 0;
  if (talk->state == ASKING) {
    questions_answer(message);
    ask_or_work(talk);
  } else if (*message) {
    begin_turn(talk, message);
  } else {
    prompt(talk);
  }
}

static void interrupt(chat *talk) {
  codex_turn_interrupt(talk->turn, NULL);
  questions_drop();
  screen_put_line(DIM, "Interrupting; Ctrl-C once more quits.", "");
  work(talk, WORKING, "interrupting");
}

static void take_ctrl_c(chat *talk) {
  if (++talk->ctrl_cs > 1 || talk->state == STARTING) {
    quit(talk, EXIT_SUCCESS);
  } else if (talk->turn) {
    interrupt(talk);
  } else {
    screen_put_line(DIM, "Ctrl-C once more quits, and so does Ctrl-D.", "");
    prompt(talk);
  }
}

/* The shell that the program was stopped for has written something, and has its own settings of the terminal. */
static void come_back(const chat *talk) {
  keyboard_come_back();
  if (talk->state == PROMPTING) put_prompt();
  if (talk->state == ASKING) questions_ask();
}

/* ---- What the agent does ---- */

static void item_began(const codex_event *event) {
  const char *command = string_at(codex_event_value(event), "/item/command");
  screen_set_doing(*command ? command : "thinking");
}

static void item_ended(const codex_event *event) {
  const codex_value *item = codex_value_at(codex_event_value(event), "/item");
  const codex_value *changes = codex_value_at(item, "/changes");
  const char *status = string_at(item, "/status");
  size_t i;
  screen_end_line();
  if (*string_at(item, "/command")) screen_put_line(DIM, "$ ", string_at(item, "/command"));
  for (i = 0; i < codex_value_count(changes); i++) {
    screen_put_line(DIM, "changed ", string_at(codex_value_item(changes, i), "/path"));
  }
  if (strcmp(status, "declined") == 0 || strcmp(status, "failed") == 0) screen_put_line(DIM, status, "");
  screen_set_doing("thinking");
}

static void put_usage(const codex_value *result) {
  char line[160];
  const codex_value *used = codex_value_at(result, "/usage/turn");
  snprintf(line, sizeof line, "%ld tokens in (%ld cached), %ld out, %.1f s; %ld in this conversation",
           number_at(used, "/inputTokens"), number_at(used, "/cachedInputTokens"), number_at(used, "/outputTokens"),
           (double)number_at(result, "/durationMs") / 1000, number_at(result, "/usage/total/totalTokens"));
  if (used) screen_put_line(DIM, line, "");
}

static void turn_ended(chat *talk, const codex_event *event) {
  codex_error *error = NULL;
  codex_event_status(event, &error);
  tell(error);
  put_usage(codex_event_value(event));
  questions_drop();
  codex_turn_free(talk->turn);
  talk->turn = NULL;
  prompt(talk);
}

/* The runtime tells of an error that it overcomes by itself; any other ends the turn, and is told there. */
static void put_retry(const codex_event *event) {
  int is_retry = codex_value_bool(codex_value_at(codex_event_value(event), "/willRetry"), false);
  if (is_retry) screen_put_line(DIM, codex_event_text(event, NULL), "");
}

static void greet(chat *talk, const codex_event *event) {
  codex_error *error = NULL;
  codex_value *info = NULL;
  if (codex_event_status(event, &error) != CODEX_OK) {
    tell(error);
    quit(talk, EXIT_FAILURE);
    return;
  }
  if (codex_value_parse(codex_thread_info_json(talk->thread), &info, NULL) == CODEX_OK) {
    screen_put_line(BOLD, string_at(info, "/model"), "");
    screen_put_line(DIM, "in ", string_at(info, "/cwd"));
  }
  codex_value_free(info);
  prompt(talk);
}

/* `id` is the conversation to go on with; without one a new one begins. */
static void open_thread(chat *talk, const char *id) {
  codex_error *error = NULL;
  codex_status status = id && *id ? codex_thread_resume_begin(talk->client, id, settings, &talk->thread, &error)
                                  : codex_thread_begin(talk->client, settings, &talk->thread, &error);
  if (status == CODEX_OK) return;
  tell(error);
  quit(talk, EXIT_FAILURE);
}

static void open_newest(chat *talk, const codex_event *event) {
  const char *id = string_at(codex_event_value(event), "/data/0/id");
  if (!*id) screen_put_line(DIM, "There is no conversation of this directory yet: this is the first.", "");
  open_thread(talk, id);
}

static void connection_ended(chat *talk, const codex_event *event) {
  codex_error *error = NULL;
  codex_event_status(event, &error);
  tell(error);
  quit(talk, EXIT_FAILURE);
}

static void take_event(chat *talk, codex_event *event) {
  size_t length;
  const char *text = codex_event_text(event, &length);
  switch (codex_event_get_kind(event)) {
    case CODEX_EVENT_RESPONSE:
      open_newest(talk, event);
      break;
    case CODEX_EVENT_THREAD_READY:
      greet(talk, event);
      break;
    case CODEX_EVENT_MESSAGE_DELTA:
      screen_put(PLAIN, text, length);
      break;
    case CODEX_EVENT_ITEM_STARTED:
      item_began(event);
      break;
    case CODEX_EVENT_ITEM_COMPLETED:
      item_ended(event);
      break;
    case CODEX_EVENT_REQUEST:
      if (questions_take(event)) ask_or_work(talk);
      break;
    case CODEX_EVENT_REQUEST_RESOLVED:
      if (questions_settle(codex_event_request_id(event))) ask_or_work(talk);
      break;
    case CODEX_EVENT_WARNING:
      screen_put_line(DIM, text, "");
      break;
    case CODEX_EVENT_ERROR:
      put_retry(event);
      break;
    case CODEX_EVENT_TURN_ENDED:
      turn_ended(talk, event);
      break;
    case CODEX_EVENT_CLOSED:
      connection_ended(talk, event);
      break;
    default:
      break;
  }
}

/* ---- Where everything arrives ---- */

static int signal_pipe[2];

/* A full pipe wakes the program too. */
static void on_signal(int number) {
  int error_before = errno;
  unsigned char byte = (unsigned char)number;
  ssize_t written = write(signal_pipe[1], &byte, 1);
  (void)written;
  errno = error_before;
}

static void open_signals(void) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCONT};
  struct sigaction action;
  size_t i;
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  if (pipe(signal_pipe) != 0) exit(EXIT_FAILURE);
  for (i = 0; i < 2; i++) fcntl(signal_pipe[i], F_SETFL, O_NONBLOCK);
  for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) sigaction(numbers[i], &action, NULL);
}

static void take_signals(chat *talk) {
  unsigned char number;
  while (read(signal_pipe[0], &number, 1) == 1) {
    if (number == SIGINT) take_ctrl_c(talk);
    else if (number == SIGCONT) come_back(talk);
    else quit(talk, 128 + number);
  }
}

static void take_events(chat *talk) {
  codex_event *event = NULL;
  while (talk->state != QUITTING && codex_client_next_event(talk->client, 0, &event, NULL) == CODEX_OK) {
    take_event(talk, event);
    codex_event_free(event);
  }
}

static void wait_and_take(chat *talk, int listens) {
  struct pollfd watched[3];
  watched[0].fd = codex_client_wakeup_fd(talk->client);
  watched[1].fd = signal_pipe[0];
  /* poll() skips a descriptor that is negative. */
  watched[2].fd = listens ? STDIN_FILENO : -1;
  watched[0].events = watched[1].events = watched[2].events = POLLIN;
  if (poll(watched, 3, listens ? -1 : screen_pace()) < 0) return;
  if (watched[1].revents) take_signals(talk);
  if (watched[0].revents) take_events(talk);
  if (watched[2].revents && listens) keyboard_read();
}

static void loop(chat *talk) {
  while (talk->state != QUITTING) {
    int listens = talk->state == PROMPTING || talk->state == ASKING;
    const char *message = listens ? keyboard_take() : NULL;
    if (message) take_message(talk, message);
    else if (listens && keyboard_has_ended()) quit(talk, EXIT_SUCCESS);
    else wait_and_take(talk, listens);
    if (talk->state == STARTING || talk->state == WORKING) screen_spin();
    fflush(stdout);
  }
}

/* ---- Beginning and end ---- */

static void ask_for_newest(chat *talk) {
  char directory[4096];
  codex_params *params = codex_params_new();
  codex_error *error = NULL;
  if (getcwd(directory, sizeof directory)) codex_params_set_string(params, "cwd", directory);
  codex_params_set_int(params, "limit", 1);
  codex_client_begin_call(talk->client, "thread/list", codex_params_json(params), CODEX_WAIT_DEFAULT, NULL, NULL,
                          &error);
  codex_params_free(params);
  if (!error) return;
  tell(error);
  quit(talk, EXIT_FAILURE);
}

static void start(chat *talk, int argc, char **argv) {
  codex_client_options *options = codex_client_options_new();
  codex_error *error = NULL;
  codex_client_options_set_single_queue(options, true);
  work(talk, STARTING, "starting");
  if (codex_client_begin(options, &talk->client, &error) != CODEX_OK) {
    tell(error);
    quit(talk, EXIT_FAILURE);
  } else if (argc == 2) {
    ask_for_newest(talk);
  } else {
    open_thread(talk, argc == 3 ? argv[2] : NULL);
  }
  codex_client_options_free(options);
}

static void put_farewell(const chat *talk) {
  if (talk->is_stored) screen_put_line(DIM, "Go on with: terminal --resume ", codex_thread_id(talk->thread));
  screen_erase_spinner();
  fflush(stdout);
}

int main(int argc, char **argv) {
  chat talk = {STARTING, EXIT_SUCCESS, 0, 0, NULL, NULL, NULL};
  if (argc > 3 || (argc > 1 && strcmp(argv[1], "--resume") != 0)) {
    fputs("usage: terminal [--resume [ID]]\n", stderr);
    return EXIT_FAILURE;
  }
  open_signals();
  screen_open();
  keyboard_open();
  start(&talk, argc, argv);
  loop(&talk);
  put_farewell(&talk);

  questions_drop();
  codex_turn_free(talk.turn);
  codex_thread_free(talk.thread);
  /* Waits until the runtime and the commands that it ran are gone. */
  if (talk.client) codex_client_close(talk.client, 2000, NULL);
  codex_client_free(talk.client);
  return talk.status;
}
