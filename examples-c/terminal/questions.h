/* What the runtime asks before it runs a command or changes a file: one question after the other. */
#ifndef QUESTIONS_H
#define QUESTIONS_H

#include <codex.h>

/* Takes the question of an event; says whether it is the only one. */
int questions_take(codex_event *event);
int questions_are_open(void);
/* Shows the oldest. */
void questions_ask(void);
/* Answers the oldest with yes, no or always; says whether it was one of these words. */
int questions_answer(const char *word);
/* Lets go of one that needs no answer any more; says whether it was the oldest. */
int questions_settle(uint64_t id);
/* Declines all. */
void questions_drop(void);

#endif
