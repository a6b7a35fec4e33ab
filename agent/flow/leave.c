#include "leave.h"

#include "head.h"
#include "must.h"

#include <stdlib.h>

#define READ_OCTETS (64u << 10) /* of a body at a time */
#define DROPS_MAX   64u

struct leave {
	struct leave_options o;
	struct view drop[DROPS_MAX];
	size_t drops;
	struct text stamp;  /* as last made */
	struct text prefix; /* of the one that is open */
	struct outgoing_plan plan;
	struct outgoing out;
	struct message_place place;
	uint64_t at; /* raw offset of buf */
	size_t n;    /* octets in buf */
	char buf[READ_OCTETS];
};

struct leave *leave_new(const struct leave_options *o)
{
	struct leave *l = mem_grow(NULL, sizeof(*l));

	memset(l, 0, offsetof(struct leave, buf));
	l->o = *o;
	text_init(&l->stamp, 2 * OUTGOING_PREFIX_OCTETS);
	text_init(&l->prefix, 2 * OUTGOING_PREFIX_OCTETS);
	for (; o->drop_headers && o->drop_headers[l->drops]; l->drops++) {
		MUST(l->drops < DROPS_MAX);
		l->drop[l->drops] = view_of(o->drop_headers[l->drops]);
	}
	return l;
}

void leave_free(struct leave *l)
{
	if (!l)
		return;
	text_fini(&l->stamp);
	text_fini(&l->prefix);
	free(l);
}

/* All of room from offset on, or as far as the body goes if that is less. */
static bool read_at(struct leave *l, uint64_t offset, struct room room,
		    size_t *n, struct err *err)
{
	uint64_t left = l->place.octets - offset;
	size_t got;

	if (room.n > left)
		room.n = (size_t)left;
	for (*n = 0; *n < room.n; *n += got) {
		struct room rest = { room.p + *n, room.n - *n };

		if (!l->o.read(l->o.who, &l->place, offset + *n, rest, &got,
			       err))
			return false;
		if (got == 0)
			return err_set(err, ERR_DISK,
				       "the body in the spool is too short");
	}
	return true;
}

static bool load(struct leave *l, uint64_t offset, struct err *err)
{
	struct room room = { l->buf, sizeof(l->buf) };

	l->at = offset;
	l->n = 0;
	if (offset >= l->place.octets)
		return err_set(err, ERR_BUG, "a body ends before its plan");
	return read_at(l, offset, room, &l->n, err);
}

/* The header in one piece: in buf, or in *big, which the caller frees. */
static bool read_header(struct leave *l, size_t octets, char **big,
			struct view *header, struct err *err)
{
	size_t n;

	*header = VIEW_NONE;
	if (l->place.octets == 0)
		return true;
	if (!load(l, 0, err))
		return false;
	*header = (struct view){ l->buf, octets };
	if (octets <= l->n)
		return true;
	if (octets > LIMIT_HEADER_SCAN || octets > l->place.octets)
		return err_set(err, ERR_BUG, "a header larger than its body");
	*big = mem_new(octets);
	*header = (struct view){ *big, octets };
	return read_at(l, 0, (struct room){ *big, octets }, &n, err);
}

size_t leave_stamp(struct leave *l, const struct message *m)
{
	text_clear(&l->stamp);
	l->o.stamp(l->o.who, m, &l->stamp);
	return l->stamp.n;
}

enum leave_begun leave_begin(struct leave *l, const struct message *m,
			     bool stamped, struct err *err)
{
	struct outgoing_facts f = {
		.octets = m->place.octets,
		.repairs = m->strays,
		.repaired_octets = m->repaired_octets,
		.ends_line = m->facts & HEAD_ENDS_LINE,
	};
	enum leave_begun done = LEAVE_UNREADABLE;
	struct view header;
	char *big = NULL;

	l->place = m->place;
	l->n = 0;
	if (!stamped)
		(void)leave_stamp(l, m);
	text_clear(&l->prefix);
	MUST(text_put(&l->prefix, text_view(&l->stamp)));
	if (read_header(l, m->header_octets, &big, &header, err))
		done = outgoing_plan(&l->plan, &f, header, l->drop, l->drops,
				     l->prefix.n, err)
			       ? LEAVE_BEGUN
			       : LEAVE_IMPOSSIBLE;
	free(big);
	outgoing_init(&l->out, &l->plan, text_view(&l->prefix));
	return done;
}

uint64_t leave_octets(const struct leave *l)
{
	return l->plan.octets;
}

/* What buf has from offset on. */
static struct view loaded(const struct leave *l, uint64_t offset)
{
	if (offset < l->at || offset - l->at >= l->n)
		return VIEW_NONE;
	return view_skip((struct view){ l->buf, l->n },
			 (size_t)(offset - l->at));
}

enum leave_step leave_next(struct leave *l, struct view *out, struct err *err)
{
	for (;;) {
		struct view in = loaded(l, outgoing_at(&l->out));

		switch (outgoing_next(&l->out, in, out)) {
		case OUTGOING_SEND:
			return LEAVE_OCTETS;
		case OUTGOING_DONE:
			return LEAVE_END;
		case OUTGOING_NEED:
			if (!load(l, outgoing_at(&l->out), err))
				return LEAVE_SPOILT;
		}
	}
}

void leave_took(struct leave *l, size_t n)
{
	outgoing_took(&l->out, n);
}
