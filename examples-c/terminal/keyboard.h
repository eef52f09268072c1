/* What a person types, or a pipe brings: whole messages. The terminal itself edits the line, as it does for `cat`. */
#ifndef KEYBOARD_H
#define KEYBOARD_H

/* From here on the terminal gets its settings back however the program exits. */
void keyboard_open(void);
int keyboard_is_terminal(void);
/* Shows what is typed. What was typed before that is no answer to the question that comes now: it is thrown away. */
void keyboard_listen(void);
/* Shows nothing of what is typed, so that it does not stand in the midst of an answer. */
void keyboard_ignore(void);
/* The same as before the program was stopped, whatever the shell made of the terminal. What was typed since then counts. */
void keyboard_come_back(void);
/* Reads what is there. */
void keyboard_read(void);
/* The oldest message, until the next call; NULL when none is whole. Lines that were pasted at once are one message. */
char *keyboard_take(void);
int keyboard_has_ended(void);

#endif
