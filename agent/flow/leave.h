/*
 * leave - the octets of a spooled message as they leave: read from the spool,
 * with our lines in front, without the fields left out, repaired (INTERFACE 3).
 *
 * One message at a time; holds one buffer, whatever the message's size.
 */
#ifndef FLOW_LEAVE_H
#define FLOW_LEAVE_H
#include "outgoing.h"
#include "spool.h"

struct leave_options {
	const char *const *drop_headers; /* NULL-terminated, 64 at most;
					    borrowed; NULL: none */
	/* Octets of a body as spool_body_read() gives them. */
	bool (*read)(void *who, const struct message_place *place,
		     uint64_t offset, struct room r, size_t *got,
		     struct err *err);
	/* The lines in front of m. */
	void (*stamp)(void *who, const struct message *m, struct text *out);
	void *who;
};

struct leave;
struct leave *leave_new(const struct leave_options *o);
void leave_free(struct leave *l); /* NULL: nothing */

enum leave_begun {
	LEAVE_BEGUN,
	LEAVE_UNREADABLE, /* err: the body is not there as it was spooled */
	LEAVE_IMPOSSIBLE, /* err: the message cannot be made to leave */
};
/* Makes the lines in front of m; their octets. What is open goes on as it is.
 */
size_t leave_stamp(struct leave *l, const struct message *m);
/*
 * m: spooled. Its facts and place are copied; whatever was open is left.
 * stamped: leave_stamp() was last called for m, which is as it was.
 */
enum leave_begun leave_begin(struct leave *l, const struct message *m,
			     bool stamped, struct err *err);
/* What will come out in all, exactly. */
uint64_t leave_octets(const struct leave *l);

enum leave_step {
	LEAVE_OCTETS, /* *out is not empty, valid until the next call */
	LEAVE_END,
	LEAVE_SPOILT, /* err: reading failed */
};
enum leave_step leave_next(struct leave *l, struct view *out, struct err *err);
/* n octets of the last *out are done with; the rest comes again. */
void leave_took(struct leave *l, size_t n);
#endif
