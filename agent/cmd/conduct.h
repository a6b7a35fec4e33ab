/*
 * conduct - one pass before people's eyes: live progress, questions, errors and
 * what came of it, for fetch, adopt and refetch (INTERFACE 1).
 */
#ifndef CMD_CONDUCT_H
#define CMD_CONDUCT_H
#include "options.h"
#include "pass.h"

/*
 * Opens the state directory, runs the pass, tells. Returns the exit code; 64
 * where an account is not there, or nobody can be asked.
 */
int conduct(const struct options *o, const struct config *config,
	    const struct pass_options *what);
#endif
