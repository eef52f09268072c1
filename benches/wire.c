#define _GNU_SOURCE
#include "wire.h"
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CAPACITY = 1024 * 1024, MOST_ARGUMENTS = 64 };

bool span_is(span span, const char *text) {
  return strlen(text) == span.length && memcmp(span.start, text, span.length) == 0;
}

static const char **command(void) {
  static const char *arguments[MOST_ARGUMENTS];
  size_t count = 0, i;
  const char *config;
  arguments[count++] = setting("runtime", NULL);
  if (!arguments[0]) fail("The setting runtime=PATH is missing.");
  for (i = 0; (config = setting_at("config", i)) && count + 4 < MOST_ARGUMENTS; i++) {
    arguments[count++] = "-c";
    arguments[count++] = config;
  }
  arguments[count++] = "app-server";
  arguments[count] = NULL;
  return arguments;
}

static void become_runtime(const char **arguments, const int to[2], const int from[2]) {
  dup2(to[0], STDIN_FILENO);
  dup2(from[1], STDOUT_FILENO);
  execv(arguments[0], (char *const *)arguments);
  _exit(127);
}

static void start(wire *wire) {
  const char **arguments = command();
  int to[2], from[2];
  if (pipe2(to, O_CLOEXEC) < 0 || pipe2(from, O_CLOEXEC) < 0) fail("No pipe: %s.", strerror(errno));
  fcntl(from[0], F_SETPIPE_SZ, (int)setting_number("pipe", CAPACITY));
  wire->pid = vfork();
  if (wire->pid < 0) fail("No process: %s.", strerror(errno));
  if (wire->pid == 0) become_runtime(arguments, to, from);
  close(to[0]);
  close(from[1]);
  wire->to = to[1];
  wire->from = from[0];
}

void wire_open(wire *wire) {
  start(wire);
  wire->capacity = CAPACITY;
  wire->buffer = malloc(wire->capacity);
  if (!wire->buffer) fail("There is no memory for a buffer.");
  wire->begin = wire->end = 0;
  wire_send(wire, "{\"id\":0,\"method\":\"initialize\",\"params\":{\"clientInfo\":{\"name\":\"floor\",\"version\":\"0\"},"
                  "\"capabilities\":{\"experimentalApi\":true}}}\n");
  wire_answer(wire, 0, NULL, NULL, 0);
  wire_send(wire, "{\"method\":\"initialized\"}\n");
}

void wire_close(wire *wire) {
  close(wire->to);
  close(wire->from);
  waitpid(wire->pid, NULL, 0);
  free(wire->buffer);
}

void wire_send(wire *wire, const char *format, ...) {
  char line[1024];
  va_list arguments;
  int length;
  va_start(arguments, format);
  length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  if (length < 0 || (size_t)length >= sizeof line) fail("A line is longer than %zu bytes.", sizeof line);
  if (write(wire->to, line, (size_t)length) != length) fail("The runtime takes no input: %s.", strerror(errno));
}

static bool fill(wire *wire) {
  ssize_t count;
  if (wire->begin == wire->end) wire->begin = wire->end = 0;
  if (wire->end == wire->capacity) {
    memmove(wire->buffer, wire->buffer + wire->begin, wire->end - wire->begin);
    wire->end -= wire->begin;
    wire->begin = 0;
  }
  if (wire->end == wire->capacity) fail("A line is longer than %zu bytes.", wire->capacity);
  count = read(wire->from, wire->buffer + wire->end, wire->capacity - wire->end);
  if (count < 0) fail("The runtime cannot be read: %s.", strerror(errno));
  wire->end += (size_t)count;
  return count > 0;
}

bool wire_line(wire *wire, span *line) {
  size_t scanned = 0;
  for (;;) {
    const char *begin = wire->buffer + wire->begin;
    size_t there = wire->end - wire->begin;
    const char *end = memchr(begin + scanned, '\n', there - scanned);
    if (end) {
      *line = (span){begin, (size_t)(end - begin)};
      wire->begin += line->length + 1;
      return true;
    }
    scanned = there;
    if (!fill(wire)) return false;
  }
}

/* Behind the quote that ends the string whose first character is at `at`. */
static const char *after_string(const char *at, const char *end) {
  for (;;) {
    const char *quote = memchr(at, '"', (size_t)(end - at));
    const char *back = quote;
    if (!quote) return end;
    while (back > at && back[-1] == '\\') back--;
    if ((quote - back) % 2 == 0) return quote + 1;
    at = quote + 1;
  }
}

static const char *after_value(const char *at, const char *end) {
  int depth = 0;
  for (; at < end; at++) {
    if (*at == '"') {
      at = after_string(at + 1, end) - 1;
    } else if (*at == '{' || *at == '[') {
      depth++;
    } else if (*at == '}' || *at == ']') {
      if (depth-- == 0) return at;
    } else if (*at == ',' && depth == 0) {
      return at;
    }
  }
  return end;
}

static span *member(message *message, span key) {
  if (span_is(key, "id")) return &message->id;
  if (span_is(key, "method")) return &message->method;
  if (span_is(key, "threadId")) return &message->thread_id;
  if (span_is(key, "turnId")) return &message->turn_id;
  if (span_is(key, "itemId")) return &message->item_id;
  if (span_is(key, "delta")) return &message->delta;
  return NULL;
}

/* Walks over the members of the object whose first key is at `at`, and into "params"; gives the place of its end. */
static const char *walk(const char *at, const char *end, message *message) {
  while (at < end && *at == '"') {
    const char *key = at + 1, *value = after_string(key, end) + 1, *next;
    span name = {key, (size_t)(value - 2 - key)};
    span *target = member(message, name);
    bool enter = value < end && *value == '{' && span_is(name, "params");
    next = enter ? walk(value + 1, end, message) + 1 : after_value(value, end);
    if (target && *value == '"') *target = (span){value + 1, (size_t)(next - value - 2)};
    if (target && *value != '"') *target = (span){value, (size_t)(next - value)};
    if (next >= end || *next == '}') return next;
    at = next + 1;
  }
  return at;
}

void wire_message(wire *wire, message *out) {
  span line;
  *out = (message){0};
  if (!wire_line(wire, &line)) fail("The runtime ended too early.");
  walk(line.start + 1, line.start + line.length, out);
}

static void object_id(span line, const char *object, char *out, size_t size) {
  char needle[32];
  const char *place, *id;
  snprintf(needle, sizeof needle, "\"%s\":{", object);
  place = memmem(line.start, line.length, needle, strlen(needle));
  id = place ? memmem(place, line.length - (size_t)(place - line.start), "\"id\":\"", 6) : NULL;
  if (!id) fail("An answer names no %s: %.*s", object, (int)line.length, line.start);
  snprintf(out, size, "%.*s", (int)strcspn(id + 6, "\""), id + 6);
}

void wire_answer(wire *wire, long id, const char *object, char *out, size_t size) {
  char needle[32];
  span line;
  snprintf(needle, sizeof needle, "{\"id\":%ld,", id);
  do {
    if (!wire_line(wire, &line)) fail("The runtime ended before it answered request %ld.", id);
  } while (line.length < strlen(needle) || memcmp(line.start, needle, strlen(needle)) != 0);
  if (object) object_id(line, object, out, size);
}
