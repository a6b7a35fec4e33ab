/*
 * fault - mistakes found in the configuration, collected instead of reported
 * one at a time.
 *
 * Every line is made printable, since names and values are quoted in it. At
 * most FAULT_MAX are kept; fault_end() sorts them by file and line, drops
 * repeated ones and says when there were more.
 */
#ifndef CONFIG_FAULT_H
#define CONFIG_FAULT_H
#include "config.h"

#define FAULT_MAX 200u

struct fault {
	unsigned file, line; /* file: its number in the order of reading */
	size_t order;
	char *text; /* owned; "FILE:LINE: what" */
};
struct faults {
	struct fault *item; /* owned */
	size_t n, more;
};

/* A place in a file; line 0: the file as a whole. */
struct place {
	const char *file; /* borrowed; as it is shown */
	unsigned number;  /* of the file */
	unsigned line;
};

/* where: what stands before the message, such as `account "x"`; may be "". */
void fault_add(struct faults *all, struct place at, const char *where,
	       const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void faults_fini(struct faults *all);
/* Moves the lines to out, in the order of files and lines. */
void faults_end(struct faults *all, struct config_errors *out);

/*
 * How far a is from b: letters changed, put in, left out or swapped. More than
 * 60 octets are never near: 99.
 */
unsigned fault_distance(struct view a, struct view b);
/* near enough to have been meant */
bool fault_is_near(struct view written, struct view meant, unsigned *best);
#endif
