/* What is written, in which colour, and the spinner. Without a terminal, and with NO_COLOR, it is plain text. */
#ifndef SCREEN_H
#define SCREEN_H

#include <stddef.h>

#define PLAIN ""
#define BOLD "1"
#define DIM "2"
#define RED "31"
#define GREEN "32"

void screen_open(void);
void screen_put(const char *style, const char *text, size_t length);
/* A line of its own: two texts, one behind the other. */
void screen_put_line(const char *style, const char *before, const char *text);
/* The next text begins a line. */
void screen_end_line(void);
/* The person has ended the line. */
void screen_line_was_ended(void);

/* What the spinner shows from now on, with the seconds since then. */
void screen_set_doing(const char *doing);
/* Turns the spinner on, unless something stands in the line; whatever is written next takes its place. */
void screen_spin(void);
void screen_erase_spinner(void);
/* After how many milliseconds to spin again; -1: never. */
int screen_pace(void);

#endif
