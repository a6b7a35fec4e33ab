/*
 * program - runs a program, waits for it with patience, and kills it then.
 *
 * No shell: argv is handed over as it is, the program looked for in PATH. It
 * inherits no descriptor of ours (CASES I25: all are O_CLOEXEC), no ignored
 * signals and no signal mask. Standard error is thrown away: programs that know
 * secrets tell them there. Blocks: not on the loop.
 */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H
#include "view.h"

struct program {
	char *const *argv; /* NULL behind the last */
	struct view in;	   /* its standard input; that it reads it is not
			    * required. Empty: /dev/null */
	struct room out;   /* for its standard output; n 0: /dev/null */
	uint32_t patience_ms;
	size_t n; /* out: octets of out */
	int code; /* out: exit code or errno */
};

enum program_end {
	PROGRAM_EXITED, /* code */
	PROGRAM_KILLED, /* by a signal, not ours */
	PROGRAM_SLOW,
	PROGRAM_WORDY,	/* it wrote more than out has room for */
	PROGRAM_BROKEN, /* code is the errno of what could not be done */
};
enum program_end program_run(struct program *p);
/* Why it is a failure; NULL: it ended well. For a sentence "NAME: ...". */
const char *program_why(const struct program *p, enum program_end end,
			char *room, size_t cap);
#endif
