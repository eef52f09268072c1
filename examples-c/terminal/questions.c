#include "questions.h"

#include <string.h>

#include "screen.h"

enum { MOST = 64 };

static codex_request *questions[MOST];
static size_t count;

static const char *string_at(const codex_value *value, const char *pointer) {
  const char *string = codex_value_string(codex_value_at(value, pointer), NULL);
  return string ? string : "";
}

/* What the event still has when it is freed is declined. */
int questions_take(codex_event *event) {
  codex_request *request = count < MOST ? codex_event_take_request(event) : NULL;
  if (!request) return 0;
  questions[count++] = request;
  return count == 1;
}

int questions_are_open(void) { return count > 0; }

static void put_diff_line(const char *sign, const char *line, size_t length) {
  char first = *sign ? *sign : *line;
  const char *style = first == '+' ? GREEN : first == '-' ? RED : PLAIN;
  screen_put(style, sign, strlen(sign));
  screen_put(style, line, length);
  screen_put(PLAIN, "\n", 1);
}

/* Of a file that is added or deleted, the diff is the text of the file. */
static void put_change(const codex_value *change) {
  const char *kind = string_at(change, "/kind/type");
  const char *sign = strcmp(kind, "add") == 0 ? "+" : strcmp(kind, "delete") == 0 ? "-" : "";
  const char *line = string_at(change, "/diff");
  screen_put(BOLD, kind, strlen(kind));
  screen_put(BOLD, " ", 1);
  screen_put_line(BOLD, string_at(change, "/path"), "");
  while (*line) {
    size_t length = strcspn(line, "\n");
    put_diff_line(sign, line, length);
    line += length + (line[length] == '\n');
  }
}

static void put_question(const codex_request *request) {
  const codex_value *asked = codex_request_value(request);
  const codex_value *changes = codex_value_at(codex_request_item(request), "/changes");
  size_t i;
  screen_end_line();
  switch (codex_request_get_kind(request)) {
    case CODEX_REQUEST_COMMAND:
      screen_put_line(BOLD, "$ ", string_at(asked, "/command"));
      screen_put_line(DIM, "in ", string_at(asked, "/cwd"));
      break;
    case CODEX_REQUEST_FILE_CHANGE:
      for (i = 0; i < codex_value_count(changes); i++) put_change(codex_value_item(changes, i));
      break;
    default:
      screen_put_line(BOLD, codex_request_method(request), "");
      screen_put_line(PLAIN, codex_request_json(request, NULL), "");
      break;
  }
  if (*string_at(asked, "/reason")) screen_put_line(DIM, "because: ", string_at(asked, "/reason"));
}

void questions_ask(void) {
  static const char choice[] = "[y]es, [n]o, [a]lways in this conversation? ";
  put_question(questions[0]);
  screen_put(BOLD, choice, sizeof choice - 1);
}

/* One that has no answer is declined. */
static void drop(size_t at) {
  codex_request_free(questions[at]);
  count--;
  memmove(&questions[at], &questions[at + 1], (count - at) * sizeof questions[0]);
}

static int is(const char *word, const char *letter, const char *whole) {
  return strcmp(word, letter) == 0 || strcmp(word, whole) == 0;
}

int questions_answer(const char *word) {
  codex_error *error = NULL;
  if (is(word, "y", "yes")) codex_request_approve(questions[0], false, &error);
  else if (is(word, "a", "always")) codex_request_approve(questions[0], true, &error);
  else if (is(word, "n", "no")) codex_request_decline(questions[0], &error);
  else return 0;
  if (error) screen_put_line(RED, codex_error_message(error), "");
  codex_error_free(error);
  drop(0);
  return 1;
}

int questions_settle(uint64_t id) {
  size_t i;
  for (i = 0; i < count; i++) {
    if (codex_request_id(questions[i]) != id) continue;
    drop(i);
    return i == 0;
  }
  return 0;
}

void questions_drop(void) {
  while (count > 0) drop(0);
}
