/*
 * screen - a terminal that is drawn again and again, until somebody has seen
 * enough. Its contents and settings of before come back when it ends.
 */
#ifndef CMD_SCREEN_H
#define CMD_SCREEN_H
#include "view.h"

#include <stdbool.h>
#include <stdint.h>

enum screen_end {
	SCREEN_GO_ON,	/* the time is over, or the size is another */
	SCREEN_QUIT,	/* q, or the terminal is gone */
	SCREEN_STOPPED, /* Ctrl-C, SIGTERM */
};

/* Standard input and output are a terminal. One at a time. */
void screen_begin(void);
/* As many of its lines as there is room for. */
void screen_draw(struct view text);
enum screen_end screen_wait(uint32_t ms);
/* Behind screen_begin(), once. */
void screen_end(void);
/* The signal of SCREEN_STOPPED. */
int screen_signal(void);
#endif
