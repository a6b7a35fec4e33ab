#include "line.h"

#include "must.h"

#define SMALL 4096u /* worth a copy to go out with others */

void line_init(struct line *l, struct sock *sock, bool quickack,
	       struct tls_info *refused)
{
	wire_init(&l->wire, sock, quickack);
	l->turn_left = WIRE_TURN_OCTETS;
	l->refused = refused;
}

void line_fini(struct line *l)
{
	tls_free(l->tls);
	l->tls = NULL;
	inflate_free(l->inflate);
	l->inflate = NULL;
	wire_fini(&l->wire);
}

void line_goodbye(struct line *l)
{
	if (!l->tls)
		return;
	tls_goodbye(l->tls);
	wire_flush(&l->wire);
}

void line_turn(struct line *l, bool in, bool out)
{
	wire_turn(&l->wire, in, out);
	l->turn_left = WIRE_TURN_OCTETS;
}

/* --- layers --- */

static enum line_step fail_tls(struct line *l, struct err *err)
{
	*err = (struct err){ 0 };
	if (l->refused)
		(void)tls_refused(l->tls, l->refused);
	(void)tls_error(l->tls, err);
	/* An alert may be waiting that tells the peer why. */
	wire_flush(&l->wire);
	return LINE_FAILED;
}

bool line_secure(struct line *l, struct trust *t, const struct trust_peer *peer,
		 struct err *err)
{
	l->tls = tls_new(t, peer, &l->wire, err);
	return l->tls;
}

enum line_step line_handshake(struct line *l, struct err *err)
{
	switch (tls_handshake(l->tls)) {
	case TLS_STEP_DONE:
		return LINE_DONE;
	case TLS_STEP_WAIT:
		wire_flush(&l->wire);
		return LINE_WAIT;
	case TLS_STEP_END:
	case TLS_STEP_CUT:
		return LINE_CUT;
	case TLS_STEP_FAILED:
		break;
	}
	return fail_tls(l, err);
}

void line_inflate(struct line *l, struct view first)
{
	struct room r;

	l->inflate = inflate_new(NULL);
	r = inflate_room(l->inflate);
	MUST(first.n <= r.n);
	if (first.n) {
		memcpy(r.p, first.p, first.n);
		inflate_received(l->inflate, first.n);
	}
	/* This turn goes on with what is left of it. */
	l->turn_left = WIRE_TURN_OCTETS;
}

/* --- input --- */

static enum line_step take_clear(struct line *l, struct room r, size_t *n)
{
	ssize_t got = wire_read(&l->wire, r);

	if (got > 0) {
		*n = (size_t)got;
		return LINE_DONE;
	}
	if (got < 0)
		return LINE_WAIT;
	return l->wire.end == WIRE_ENDED ? LINE_ENDED : LINE_CUT;
}

static enum line_step take_tls(struct line *l, struct room r, size_t *n,
			       struct err *err)
{
	switch (tls_read(l->tls, r, n)) {
	case TLS_STEP_DONE:
		return LINE_DONE;
	case TLS_STEP_WAIT:
		return LINE_WAIT;
	case TLS_STEP_END:
		return LINE_ENDED;
	case TLS_STEP_CUT:
		return LINE_CUT;
	case TLS_STEP_FAILED:
		break;
	}
	return fail_tls(l, err);
}

static enum line_step take_plain(struct line *l, struct room r, size_t *n,
				 struct err *err)
{
	return l->tls ? take_tls(l, r, n, err) : take_clear(l, r, n);
}

/* A little on the wire may be much for the owner: the turn counts that too. */
static enum line_step take_inflated(struct line *l, struct room r, size_t *n,
				    struct err *err)
{
	enum line_step step;
	size_t got = 0;

	if (l->turn_left == 0)
		return LINE_LATER;
	r.n = r.n < l->turn_left ? r.n : l->turn_left;
	for (;;) {
		switch (inflate_take(l->inflate, r, n, err)) {
		case INFLATE_SOME:
			l->turn_left -= *n;
			return LINE_DONE;
		case INFLATE_FAILED:
			return LINE_FAILED;
		case INFLATE_MORE:
			break;
		}
		step = take_plain(l, inflate_room(l->inflate), &got, err);
		if (step != LINE_DONE)
			return step;
		inflate_received(l->inflate, got);
	}
}

enum line_step line_take(struct line *l, struct room r, size_t *n,
			 struct err *err)
{
	return l->inflate ? take_inflated(l, r, n, err)
			  : take_plain(l, r, n, err);
}

/* --- output --- */

/* Who feeds a line, for as long as line_give() lasts. */
struct feeder {
	const struct line_feed *feed;
	void *who;
};

static struct view pending(const struct feeder *f)
{
	return f->feed->pending(f->who);
}

static void sent(const struct feeder *f, size_t n)
{
	if (n)
		f->feed->sent(f->who, n);
}

static enum line_step give_clear(struct line *l, const struct feeder *f,
				 struct view v)
{
	size_t n;

	if (v.n < SMALL && wire_free(&l->wire) >= v.n)
		n = wire_hold(&l->wire, v);
	else
		n = wire_write(&l->wire, v);
	sent(f, n);
	return n > 0 ? LINE_DONE : LINE_WAIT;
}

/* One record of small pieces; the owner gives all of them up. 0: or the line
 * has ended meanwhile. */
static size_t gather(struct line *l, const struct feeder *f, char *record,
		     size_t most)
{
	size_t n = 0;

	while (n < most) {
		struct view v = view_head(pending(f), most - n);

		if (v.n == 0)
			break;
		memcpy(record + n, v.p, v.n);
		n += v.n;
		sent(f, v.n);
	}
	return l->wire.sock ? n : 0;
}

static bool has_room_for_record(struct line *l)
{
	if (wire_free(&l->wire) < TLS_RECORD_MAX)
		wire_flush(&l->wire);
	return wire_free(&l->wire) >= TLS_RECORD_MAX;
}

static enum line_step give_tls(struct line *l, const struct feeder *f,
			       struct view v, struct err *err)
{
	UNFILLED char record[TLS_CLEAR_MAX];
	bool is_small = v.n < SMALL;

	if (!has_room_for_record(l))
		return LINE_WAIT;
	v = view_head(v, TLS_CLEAR_MAX);
	if (is_small)
		v = (struct view){ record,
				   gather(l, f, record, sizeof(record)) };
	if (v.n == 0)
		return LINE_WAIT;
	if (tls_write(l->tls, v) != TLS_STEP_DONE)
		return fail_tls(l, err);
	if (!is_small)
		sent(f, v.n);
	return LINE_DONE;
}

/* One stored block of what is pending. */
static enum line_step give_stored(struct line *l, const struct feeder *f,
				  struct err *err)
{
	UNFILLED char block[TLS_CLEAR_MAX];
	struct view v;
	size_t n;

	if (!has_room_for_record(l))
		return LINE_WAIT;
	n = gather(l, f, block + STORED_HEAD_OCTETS,
		   sizeof(block) - STORED_HEAD_OCTETS);
	if (n == 0)
		return LINE_WAIT;
	stored_head(block, n);
	v = (struct view){ block, STORED_HEAD_OCTETS + n };
	if (!l->tls)
		return wire_hold(&l->wire, v) == v.n ? LINE_DONE : LINE_WAIT;
	return tls_write(l->tls, v) == TLS_STEP_DONE ? LINE_DONE
						     : fail_tls(l, err);
}

static enum line_step give(struct line *l, const struct feeder *f,
			   struct view v, struct err *err)
{
	if (l->inflate)
		return give_stored(l, f, err);
	return l->tls ? give_tls(l, f, v, err) : give_clear(l, f, v);
}

enum line_step line_give(struct line *l, const struct line_feed *feed,
			 void *who, struct err *err)
{
	const struct feeder f = { feed, who };

	while (!l->wire.is_mute) {
		struct view v = pending(&f);
		enum line_step step;

		if (v.n == 0)
			return LINE_DONE;
		step = give(l, &f, v, err);
		if (step != LINE_DONE)
			return step;
	}
	return LINE_WAIT;
}
