/*
 * prompt - a question to the person at the terminal while the loop runs.
 *
 * One question stands at a time; the others wait in order. An answer is one
 * line of standard input; its end answers everything with "".
 */
#ifndef CMD_PROMPT_H
#define CMD_PROMPT_H
#include "loop.h"
#include "text.h"

struct prompt_question {
	struct link link;
	/* The words to ask, into out, no newline; called when its turn comes.
	 */
	void (*words)(struct prompt_question *q, struct text *out);
	/* line: without its end; q is no longer the prompt's. */
	void (*answered)(struct prompt_question *q, struct view line);
};

struct prompt;
/* A person can be asked: standard input and error are a terminal. */
bool prompt_is_possible(void);
struct prompt *prompt_new(struct loop *l);
/* q lives until answered, or until prompt_free(). */
void prompt_ask(struct prompt *p, struct prompt_question *q);
/* A question is on the screen. */
bool prompt_is_asking(const struct prompt *p);
void prompt_free(struct prompt *p);
#endif
