#define _POSIX_C_SOURCE 200809L
#include "screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int is_animated, is_coloured, is_in_line, is_spinning, frame;
static time_t since;
static char doing[48];

void screen_open(void) {
  const char *terminal = getenv("TERM");
  const char *no_color = getenv("NO_COLOR");
  is_animated = isatty(STDOUT_FILENO) && terminal && strcmp(terminal, "dumb") != 0;
  is_coloured = is_animated && !(no_color && *no_color);
}

void screen_erase_spinner(void) {
  if (is_spinning) fputs("\r\033[K", stdout);
  is_spinning = 0;
}

/* Commands, diffs and answers may hold sequences that fake what a terminal shows: control characters become '?'. */
static void put_harmless(const char *text, size_t length) {
  size_t i;
  for (i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)text[i];
    int is_c1 = byte == 0xC2 && i + 1 < length && (unsigned char)text[i + 1] < 0xA0;
    int is_control = (byte < ' ' && byte != '\n' && byte != '\t') || byte == 0x7F || is_c1;
    putchar(is_control ? '?' : byte);
    i += is_c1;
  }
}

void screen_put(const char *style, const char *text, size_t length) {
  int is_styled = is_coloured && *style;
  if (length == 0) return;
  screen_erase_spinner();
  if (is_styled) printf("\033[%sm", style);
  put_harmless(text, length);
  if (is_styled) fputs("\033[m", stdout);
  is_in_line = text[length - 1] != '\n';
}

void screen_end_line(void) {
  screen_erase_spinner();
  if (is_in_line) putchar('\n');
  is_in_line = 0;
}

void screen_line_was_ended(void) { is_in_line = 0; }

void screen_put_line(const char *style, const char *before, const char *text) {
  screen_end_line();
  screen_put(style, before, strlen(before));
  screen_put(style, text, strlen(text));
  screen_end_line();
}

void screen_set_doing(const char *words) {
  since = time(NULL);
  snprintf(doing, sizeof doing, "%s", words);
}

void screen_spin(void) {
  if (!is_animated || is_in_line) return;
  printf("\r\033[K%c %ld s  ", "|/-\\"[frame++ % 4], (long)(time(NULL) - since));
  put_harmless(doing, strcspn(doing, "\n"));
  is_spinning = 1;
}

int screen_pace(void) { return is_animated && !is_in_line ? 100 : -1; }
