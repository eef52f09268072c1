/* For how long a loop is held up by its own program: from where it stops waiting until it waits again, on the processor or
 * asleep in some call. What other programs take of the processors does not count. */
#ifndef HELD_UP_H
#define HELD_UP_H

/* The loop has something to do. Only the first call of a round counts. */
void held_up_begin(void);
/* The loop has done it, and waits for more. */
void held_up_end(void);
/* The present round is the last of the start, which has a figure of its own. */
void held_up_started(void);
/* Prints how long the longest round took, and the longest of the start. */
void held_up_print(void);

#endif
