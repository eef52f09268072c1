/* The least that a program must do to talk to the runtime: start it, write lines, read lines, find four members. */
#ifndef WIRE_H
#define WIRE_H
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct {
  const char *start;
  size_t length;
} span;

typedef struct {
  span id, method, thread_id, turn_id, item_id, delta; /* without quotes, still escaped; empty when absent */
} message;

typedef struct {
  pid_t pid;
  int to, from;
  char *buffer;
  size_t begin, end, capacity;
} wire;

/* Starts the program of the setting "runtime", with a pipe of the setting "pipe" bytes, and shakes hands. */
void wire_open(wire *wire);
void wire_close(wire *wire);
void wire_send(wire *wire, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool wire_line(wire *wire, span *line); /* false at the end; valid until the next call */
void wire_message(wire *wire, message *message);
/* Reads up to the answer to the request with this id, and gives the id of the object that the answer names. */
void wire_answer(wire *wire, long id, const char *object, char *out, size_t size);

bool span_is(span span, const char *text);
#endif
