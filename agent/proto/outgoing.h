/*
 * outgoing - what a message looks like when it leaves (INTERFACE 3).
 *
 * In front the lines of ours, then the message as it came, without the fields
 * that are left out, with stray CR and LF repaired, and with a line end at its
 * end. The octets that come out do not depend on how the input was cut, contain
 * no CR without LF and no LF without CR, and are exactly plan.octets many.
 *
 *   outgoing_prefix(&prefix, ...);
 *   outgoing_plan(&plan, ...);
 *   outgoing_init(&o, &plan, text_view(&prefix));
 *   for (;;)
 *           switch (outgoing_next(&o, in, &out)) {
 *           case OUTGOING_SEND: outgoing_took(&o, write(out)); ...
 *           case OUTGOING_NEED: in = read at offset outgoing_at(&o); ...
 *           case OUTGOING_DONE: ...
 *           }
 */
#ifndef PROTO_OUTGOING_H
#define PROTO_OUTGOING_H
#include "err.h"
#include "limits.h"
#include "text.h"

/* Octets that outgoing_prefix() may need at most. */
#define OUTGOING_PREFIX_OCTETS 2048u

struct outgoing_origin {
	struct view
		from;	/* source host; empty: left out (received_from = no) */
	struct view by; /* this host */
	struct view with;      /* POP3S, IMAPS, ...; empty: left out */
	struct view id;	       /* queue id */
	struct view recipient; /* empty: not exactly one */
	int64_t unix_s;
	struct view trace; /* INSTANCE.ID.MAC; empty: no trace line */
};
/*
 * Appends "Received: ..." (RFC 5321 4.4) and "X-Mailhaul-Trace: ...", each
 * ending in CRLF. Octets that do not belong into such a line become '?', what
 * is too long is cut (CASES F6). out->max must leave OUTGOING_PREFIX_OCTETS.
 */
void outgoing_prefix(struct text *out, const struct outgoing_origin *origin);

/* RFC 5322 3.3, with CRLF. */
void outgoing_date(struct text *out, int64_t unix_s);

struct outgoing_range {
	uint32_t from, to; /* raw octets [from, to) are left out */
};
struct outgoing_plan {
	uint64_t octets;     /* that will come out, prefix included */
	uint64_t raw_octets; /* of the message as stored */
	bool clean;	     /* nothing to repair: octets pass unlooked at */
	bool end_line;	     /* a CRLF is added at the end */
	unsigned ranges;
	struct outgoing_range range[LIMIT_DROP_RANGES]; /* in order, apart */
};

/* From struct head_facts, or from where they were written down. */
struct outgoing_facts {
	uint64_t octets, repairs, repaired_octets;
	bool ends_line; /* HEAD_ENDS_LINE */
};
/*
 * header: the raw header, all of it or its first LIMIT_HEADER_SCAN octets.
 * drop[drops]: names of fields to leave out, in either case of letters; one
 * that the h= of any DKIM-Signature in header names is kept (RFC 6376 3.5).
 * prefix_octets: of what outgoing_init() will be given.
 * false, err ERR_LIMIT: more than LIMIT_DROP_RANGES separate places; the
 * message is to be held. *plan is undefined then.
 */
bool outgoing_plan(struct outgoing_plan *plan, const struct outgoing_facts *f,
		   struct view header, const struct view *drop, size_t drops,
		   size_t prefix_octets, struct err *err);

enum outgoing_step {
	OUTGOING_SEND, /* *out has octets */
	OUTGOING_NEED, /* octets from outgoing_at() on are needed */
	OUTGOING_DONE, /* all plan.octets came out */
};

struct outgoing {			  /* all private */
	const struct outgoing_plan *plan; /* borrowed until done */
	struct view prefix;		  /* borrowed until done */
	enum outgoing_state {
		OUTGOING_IN_PREFIX,
		OUTGOING_IN_MESSAGE,
		OUTGOING_IN_SPACES,   /* in the place of bare CRs */
		OUTGOING_IN_LINE_END, /* a repaired one */
		OUTGOING_IN_LAST_LINE_END,
		OUTGOING_AT_END,
	} state;
	uint64_t at;	 /* raw offset of the next octet */
	unsigned range;	 /* next range of the plan */
	size_t fixed_at; /* octets taken of prefix or line end */
	uint64_t crs;	 /* CRs read, whose fate is not known yet */
	uint64_t spaces; /* still to come out */
	const char *out; /* octets of the message handed out last */
	bool within_end; /* the CR of a line end was taken, its LF is due */
};

void outgoing_init(struct outgoing *o, const struct outgoing_plan *plan,
		   struct view prefix);
/* Raw offset of the octet that is wanted next. */
uint64_t outgoing_at(const struct outgoing *o);
/*
 * in: raw octets of the message from offset outgoing_at() on, any number.
 * SEND: *out is not empty, borrowed from in, the prefix or static; take some of
 * it with outgoing_took(), and call again with in from outgoing_at() on, which
 * may have moved. NEED: only where in was empty, or too short to decide; then
 * outgoing_at() has moved over it.
 */
enum outgoing_step outgoing_next(struct outgoing *o, struct view in,
				 struct view *out);
/*
 * n octets of the last *out were taken; the rest comes again. The octets must
 * still be there.
 */
void outgoing_took(struct outgoing *o, size_t n);
#endif
