#define _POSIX_C_SOURCE 200809L
#include "keyboard.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { CAPACITY = 1 << 16 };

static int is_terminal, has_ended;
static struct termios settings_before;
static tcflag_t echo;
static char bytes[CAPACITY];
static size_t length;

static void apply(int when) {
  struct termios settings = settings_before;
  settings.c_lflag = (settings.c_lflag & ~(tcflag_t)ECHO) | echo;
  if (is_terminal) tcsetattr(STDIN_FILENO, when, &settings);
}

static void set_echo(tcflag_t wanted) {
  echo = wanted;
  apply(TCSAFLUSH);
}

static void restore(void) {
  if (is_terminal) tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings_before);
}

void keyboard_open(void) {
  is_terminal = isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &settings_before) == 0;
  atexit(restore);
}

int keyboard_is_terminal(void) { return is_terminal; }
void keyboard_listen(void) { set_echo(ECHO); }
void keyboard_ignore(void) { set_echo(0); }
void keyboard_come_back(void) { apply(TCSANOW); }
int keyboard_has_ended(void) { return has_ended && length == 0; }

static int more_is_pasted(void) {
  struct pollfd input = {STDIN_FILENO, POLLIN, 0};
  return is_terminal && length < CAPACITY && poll(&input, 1, 10) > 0;
}

void keyboard_read(void) {
  ssize_t got;
  do {
    got = read(STDIN_FILENO, bytes + length, CAPACITY - length);
    if (got > 0) length += (size_t)got;
  } while (got > 0 && more_is_pasted());
  has_ended = got == 0 || (got < 0 && errno != EINTR);
}

/* How long the oldest message is: to the last line of a terminal, to the first of a pipe; 0: it is not whole. */
static size_t message_length(void) {
  size_t at = 0, found = 0;
  while (at < length && (is_terminal || found == 0)) {
    if (bytes[at++] == '\n') found = at;
  }
  return found == 0 && (has_ended || length == CAPACITY) ? length : found;
}

char *keyboard_take(void) {
  static char message[CAPACITY + 1];
  size_t taken = message_length();
  if (taken == 0) return NULL;
  memcpy(message, bytes, taken);
  length -= taken;
  memmove(bytes, bytes + taken, length);
  if (message[taken - 1] == '\n') taken--;
  message[taken] = '\0';
  return message;
}
