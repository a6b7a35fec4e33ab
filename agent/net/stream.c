#include "stream.h"
#include "dial.h"
#include "inflate.h"
#include "limits.h"
#include "must.h"
#include "neterr.h"
#include "pace.h"
#include "wire.h"

#include <errno.h>
#include <stdlib.h>

#define SMALL	  4096u /* worth a copy to go out with others */
#define FINISH_MS 5000u

enum stage {
	STAGE_DIALLING,
	STAGE_HANDSHAKE,
	STAGE_OPEN,
	STAGE_FINISHING, /* only sends what is pending, then closes */
	STAGE_CLOSED,	 /* `closed` is on its way */
};

/* A poke from within a port is often met by what follows anyway. */
enum pumping {
	PUMP_REST,
	PUMP_IN, /* output follows */
	PUMP_OUT,
};

struct stream {
	struct loop *loop; /* borrowed */
	const struct stream_ports *ports;
	void *who;
	enum stage stage;

	char *host; /* owned, as alpn */
	char *alpn;
	uint16_t port;
	enum stream_tls mode;
	struct trust *trust; /* held */
	struct tls_info *refused; /* borrowed until closed; or NULL */
	bool quickack;
	uint32_t tls_ms;

	struct dial *dial;	 /* owned while DIALLING */
	char *via;		 /* owned; of a proxy: see proxy_key() */
	struct wire wire;	 /* from then on */
	struct tls *tls;	 /* owned; NULL in clear */
	struct inflate *inflate; /* owned; NULL: as it is */
	size_t turn_left;	 /* of WIRE_TURN_OCTETS, inflated */
	uint64_t received_plain; /* of received: before that */
	char peer[112];
	bool is_loopback;

	struct task turn; /* pump, or tell that it is over */
	struct timer alarm;
	uint64_t alarm_ms;
	struct pace pace;

	enum pumping pumping;
	bool is_paused; /* the owner had no room */
	bool is_over;	/* `eof` was told */
	bool expects_end;
	uint64_t received, sent; /* octets of the owner */
	uint64_t reached;	 /* of sent: are with the kernel at least */
	struct err why;
};

static void close_now(struct stream *s);

static bool fail(struct stream *s, const struct err *why)
{
	if (s->stage == STAGE_CLOSED)
		return false;
	if (s->stage != STAGE_FINISHING)
		s->why = *why;
	close_now(s);
	return false;
}

/* The end */

static void close_now(struct stream *s)
{
	enum stage was = s->stage;

	s->stage = STAGE_CLOSED;
	if (s->tls && was != STAGE_HANDSHAKE && s->why.class == ERR_NONE) {
		tls_goodbye(s->tls);
		wire_flush(&s->wire);
	}
	dial_cancel(s->dial);
	s->dial = NULL;
	tls_free(s->tls);
	s->tls = NULL;
	inflate_free(s->inflate);
	s->inflate = NULL;
	wire_fini(&s->wire);
	timer_stop(&s->alarm);
	task_post(&s->turn);
}

static void tell_closed(struct stream *s)
{
	s->ports->closed(s->who, &s->why);
	trust_release(s->trust);
	free(s->host);
	free(s->alpn);
	free(s->via);
	free(s);
}

/*
 * Nothing more will come; the wire says why. is_clean: the peer said so in the
 * form that its layer has for it.
 */
static void end_of_input(struct stream *s, bool is_clean)
{
	struct wire *w = &s->wire;
	struct err why = { 0 };

	if (is_clean && !w->is_mute) {
		s->is_over = true;
		s->ports->eof(s->who);
	} else if (s->expects_end) {
		/* What is left of the connection is not to be written to. */
		w->is_mute = true;
		s->is_over = true;
		s->ports->eof(s->who);
	} else {
		if (w->end == WIRE_BROKEN || w->is_mute)
			(void)neterr_cut(&why, w->errnum);
		else
			(void)neterr_truncated(&why,
					       s->stage == STAGE_HANDSHAKE);
		(void)fail(s, &why);
	}
}

/* Input */

enum taken {
	TAKEN_SOME,
	TAKEN_NONE, /* wait */
	TAKEN_END,
};

static enum taken take_clear(struct stream *s, struct room r, size_t *n)
{
	ssize_t got = wire_read(&s->wire, r);

	if (got > 0) {
		*n = (size_t)got;
		return TAKEN_SOME;
	}
	if (got < 0)
		return TAKEN_NONE;
	end_of_input(s, s->wire.end == WIRE_ENDED);
	return TAKEN_END;
}

static void fail_tls(struct stream *s)
{
	struct err why = { 0 };

	if (s->refused)
		(void)tls_refused(s->tls, s->refused);
	(void)tls_error(s->tls, &why);
	/* An alert may be waiting that tells the peer why. */
	wire_flush(&s->wire);
	(void)fail(s, &why);
}

static enum taken take_tls(struct stream *s, struct room r, size_t *n)
{
	switch (tls_read(s->tls, r, n)) {
	case TLS_STEP_DONE:
		return TAKEN_SOME;
	case TLS_STEP_WAIT:
		return TAKEN_NONE;
	case TLS_STEP_END:
		end_of_input(s, true);
		return TAKEN_END;
	case TLS_STEP_CUT:
		end_of_input(s, false);
		return TAKEN_END;
	case TLS_STEP_FAILED:
		fail_tls(s);
		return TAKEN_END;
	}
	return TAKEN_END;
}

static enum taken take_line(struct stream *s, struct room r, size_t *n)
{
	return s->tls ? take_tls(s, r, n) : take_clear(s, r, n);
}

/* A little on the line may be much for the owner: the turn counts that too. */
static enum taken take_inflated(struct stream *s, struct room r, size_t *n)
{
	struct err why = { 0 };
	enum taken taken;
	size_t got = 0;

	if (s->turn_left == 0) {
		task_post(&s->turn);
		return TAKEN_NONE;
	}
	r.n = r.n < s->turn_left ? r.n : s->turn_left;
	for (;;) {
		switch (inflate_take(s->inflate, r, n, &why)) {
		case INFLATE_SOME:
			s->turn_left -= *n;
			return TAKEN_SOME;
		case INFLATE_FAILED:
			(void)fail(s, &why);
			return TAKEN_END;
		case INFLATE_MORE:
			break;
		}
		taken = take_line(s, inflate_room(s->inflate), &got);
		if (taken != TAKEN_SOME)
			return taken;
		inflate_received(s->inflate, got);
	}
}

static void take_in(struct stream *s)
{
	s->is_paused = false;
	while (s->stage == STAGE_OPEN && !s->is_over) {
		struct room r = s->ports->room(s->who);
		enum taken taken;
		size_t n = 0;

		if (s->stage != STAGE_OPEN)
			return;
		if (r.n == 0) {
			s->is_paused = true;
			return;
		}
		taken = s->inflate ? take_inflated(s, r, &n)
				   : take_line(s, r, &n);
		if (taken != TAKEN_SOME)
			return;
		s->received += n;
		s->ports->received(s->who, n);
	}
}

/* Output */

static bool may_send(const struct stream *s)
{
	return s->stage == STAGE_OPEN || s->stage == STAGE_FINISHING;
}

static void sent(struct stream *s, size_t n)
{
	if (n == 0)
		return;
	s->sent += n;
	s->ports->sent(s->who, n);
}

/* false: blocked. */
static bool give_clear(struct stream *s, struct view v)
{
	size_t n;

	if (v.n < SMALL && wire_free(&s->wire) >= v.n)
		n = wire_hold(&s->wire, v);
	else
		n = wire_write(&s->wire, v);
	sent(s, n);
	return n > 0;
}

/* One record of small pieces; the owner gives all of them up. */
static size_t gather(struct stream *s, char *record, size_t most)
{
	size_t n = 0;

	while (n < most && may_send(s)) {
		struct view v = s->ports->pending(s->who);

		v = view_head(v, most - n);
		if (v.n == 0 || !may_send(s))
			break;
		memcpy(record + n, v.p, v.n);
		n += v.n;
		sent(s, v.n);
	}
	return may_send(s) ? n : 0;
}

/* false: blocked, or over. */
static bool give_tls(struct stream *s, struct view v)
{
	UNFILLED char record[TLS_CLEAR_MAX];
	bool is_small = v.n < SMALL;

	if (wire_free(&s->wire) < TLS_RECORD_MAX)
		wire_flush(&s->wire);
	if (wire_free(&s->wire) < TLS_RECORD_MAX)
		return false;
	v = view_head(v, TLS_CLEAR_MAX);
	if (is_small)
		v = (struct view){ record, gather(s, record, sizeof(record)) };
	if (v.n == 0)
		return false;
	if (tls_write(s->tls, v) != TLS_STEP_DONE) {
		fail_tls(s);
		return false;
	}
	if (!is_small)
		sent(s, v.n);
	return true;
}

/* One stored block of what is pending; false: blocked, or over. */
static bool give_stored(struct stream *s)
{
	UNFILLED char block[TLS_CLEAR_MAX];
	struct view v;
	size_t n;

	if (wire_free(&s->wire) < TLS_RECORD_MAX)
		wire_flush(&s->wire);
	if (wire_free(&s->wire) < TLS_RECORD_MAX)
		return false;
	n = gather(s, block + STORED_HEAD_OCTETS,
		   sizeof(block) - STORED_HEAD_OCTETS);
	if (n == 0)
		return false;
	stored_head(block, n);
	v = (struct view){ block, STORED_HEAD_OCTETS + n };
	if (!s->tls)
		return wire_hold(&s->wire, v) == v.n;
	if (tls_write(s->tls, v) == TLS_STEP_DONE)
		return true;
	fail_tls(s);
	return false;
}

static bool give(struct stream *s, struct view v)
{
	if (s->inflate)
		return give_stored(s);
	return s->tls ? give_tls(s, v) : give_clear(s, v);
}

static void give_out(struct stream *s)
{
	while (may_send(s) && !s->wire.is_mute) {
		struct view v = s->ports->pending(s->who);

		if (v.n == 0 || !may_send(s))
			break;
		if (!give(s, v))
			break;
	}
	if (may_send(s))
		wire_flush(&s->wire);
}

/* Handshake */

static void start_handshake(struct stream *s)
{
	struct trust_peer peer = { s->host, s->port, s->alpn, s->via };
	struct err why = { 0 };

	s->stage = STAGE_HANDSHAKE;
	timer_start(&s->alarm, s->tls_ms);
	s->tls = tls_new(s->trust, &peer, &s->wire, &why);
	if (!s->tls)
		(void)fail(s, &why);
}

static void be_open(struct stream *s, void (*port)(void *who))
{
	s->stage = STAGE_OPEN;
	s->pumping = PUMP_IN; /* a pump is under way or follows */
	timer_stop(&s->alarm);
	pace_init(&s->pace, loop_now_ms(s->loop), 0);
	port(s->who);
}

static void shake(struct stream *s)
{
	switch (tls_handshake(s->tls)) {
	case TLS_STEP_DONE:
		be_open(s, s->mode == TLS_IMPLICIT ? s->ports->opened
						   : s->ports->secured);
		return;
	case TLS_STEP_WAIT:
		wire_flush(&s->wire);
		return;
	case TLS_STEP_END:
	case TLS_STEP_CUT:
		s->expects_end = false;
		end_of_input(s, false);
		return;
	case TLS_STEP_FAILED:
		fail_tls(s);
		return;
	}
}

/* Patience */

/* Octets that came, see stream.h. */
static uint64_t came(const struct stream *s)
{
	return s->inflate ? s->received_plain + inflate_moved(s->inflate)
			  : s->received;
}

/* ... or of the owner went to the kernel; never goes down. */
static uint64_t moved(struct stream *s)
{
	uint64_t held = wire_held(&s->wire);

	if (s->sent > held && s->sent - held > s->reached)
		s->reached = s->sent - held;
	return came(s) + s->reached;
}

static uint64_t deadline(struct stream *s)
{
	struct patience p = s->ports->patience(s->who);

	if (p.ms == 0 && s->wire.is_stuck) {
		p.serial = ~p.serial; /* not one the owner had in mind */
		p.ms = LIMIT_BLOCK_MS;
		p.rate = LIMIT_RATE_OCTETS_S;
	}
	return pace_deadline(&s->pace, loop_now_ms(s->loop), p, moved(s),
			     s->is_paused && !s->wire.is_stuck);
}

/* An alarm that rings too early is cheaper than one set at each octet. */
static void set_alarm(struct stream *s)
{
	uint64_t due, now = loop_now_ms(s->loop);

	if (s->stage != STAGE_OPEN)
		return;
	due = deadline(s);
	if (due == PACE_NEVER || s->stage != STAGE_OPEN)
		return;
	if (timer_is_started(&s->alarm) && s->alarm_ms <= due)
		return;
	s->alarm_ms = due;
	timer_start(&s->alarm, due > now ? due - now : 0);
}

static void fail_late(struct stream *s)
{
	struct err why = { 0 };

	if (s->stage == STAGE_HANDSHAKE)
		(void)err_set(&why, ERR_NETWORK,
			      "the TLS handshake was not over within %u s",
			      (s->tls_ms + 999) / 1000);
	else if (s->wire.is_stuck)
		(void)err_set(&why, ERR_NETWORK,
			      "the server does not read what is sent to it");
	else if (moved(s) == s->pace.moved_then)
		(void)err_set(&why, ERR_NETWORK,
			      "the server did not answer within %u s",
			      (s->pace.held.ms + 999) / 1000);
	else
		(void)err_set(&why, ERR_NETWORK,
			      "the server went silent or sends too slowly");
	if (s->received == 0)
		(void)err_remedy(&why, "check port and TLS form: imaps, pop3s, "
				       "smtps begin with TLS, imap, pop3, smtp "
				       "in clear");
	(void)fail(s, &why);
}

static void on_alarm(void *who)
{
	struct stream *s = who;

	switch (s->stage) {
	case STAGE_DIALLING:
	case STAGE_CLOSED:
		return;
	case STAGE_HANDSHAKE:
		fail_late(s);
		return;
	case STAGE_FINISHING:
		close_now(s);
		return;
	case STAGE_OPEN:
		if (deadline(s) <= loop_now_ms(s->loop))
			fail_late(s);
		else
			set_alarm(s);
		return;
	}
}

/* The pump */

static void on_ready(void *who, bool in, bool out);

static void watch(struct stream *s)
{
	bool in = s->stage == STAGE_HANDSHAKE ||
		  (s->stage == STAGE_OPEN && !s->is_paused && !s->is_over);

	wire_watch(&s->wire, in, on_ready, s);
}

/* A write failed in a way that leaves nothing to be read either. */
static bool is_dead(const struct wire *w)
{
	return w->is_mute && w->end == WIRE_OPEN && w->errnum != EPIPE &&
	       w->errnum != ECONNRESET;
}

static void look_at_wire(struct stream *s)
{
	if (s->stage == STAGE_FINISHING) {
		if (s->wire.is_mute ||
		    (!s->wire.is_stuck && wire_held(&s->wire) == 0))
			close_now(s);
	} else if (s->stage != STAGE_CLOSED && !s->is_over &&
		   is_dead(&s->wire)) {
		end_of_input(s, false);
	}
}

static void pump(struct stream *s)
{
	s->pumping = PUMP_IN;
	if (s->stage == STAGE_HANDSHAKE)
		shake(s);
	if (s->stage == STAGE_OPEN)
		take_in(s);
	s->pumping = PUMP_OUT;
	if (may_send(s))
		give_out(s);
	look_at_wire(s);
	s->pumping = PUMP_REST;
	if (s->stage == STAGE_CLOSED)
		return;
	watch(s);
	set_alarm(s);
}

static void begin_turn(struct stream *s, bool in, bool out)
{
	wire_turn(&s->wire, in, out);
	s->turn_left = WIRE_TURN_OCTETS;
}

static void on_turn(void *who)
{
	struct stream *s = who;

	if (s->stage == STAGE_CLOSED)
		tell_closed(s);
	else if (s->stage != STAGE_DIALLING) {
		begin_turn(s, false, false);
		pump(s);
	}
}

static void on_ready(void *who, bool in, bool out)
{
	struct stream *s = who;

	begin_turn(s, in, out);
	pump(s);
}

/* Opening */

static void on_dialled(void *who, struct sock *won, const struct address *to,
		       const struct err *why)
{
	struct stream *s = who;

	s->dial = NULL;
	if (!won) {
		(void)fail(s, why);
		return;
	}
	wire_init(&s->wire, won, s->quickack);
	address_text(to, s->peer, sizeof(s->peer));
	s->is_loopback = !s->via && address_is_loopback(to);
	if (s->mode == TLS_IMPLICIT)
		start_handshake(s);
	else
		be_open(s, s->ports->opened);
	if (s->stage != STAGE_CLOSED)
		pump(s);
}

struct stream *stream_open(struct loop *l, struct resolver *r,
			   const struct endpoint *to,
			   const struct stream_ports *ports, void *who)
{
	struct stream *s = mem_new(sizeof(*s));
	struct dial_target target = {
		.host = to->host,
		.path = to->path,
		.port = to->port,
		.source_address = to->source_address,
		.within_ms = to->connect_ms ? to->connect_ms : LIMIT_CONNECT_MS,
		.proxy = to->proxy.kind == PROXY_NONE ? NULL : &to->proxy,
		.server_waits = to->tls == TLS_IMPLICIT,
		.proxy_ms = to->proxy_ms,
	};
	char key[600];

	MUST(to->host || to->path);
	MUST(to->tls == TLS_NONE || (to->trust && to->host));
	s->loop = l;
	s->ports = ports;
	s->who = who;
	s->host = mem_str(to->host);
	s->alpn = mem_str(to->alpn);
	if (target.proxy) {
		proxy_key(target.proxy, key, sizeof(key));
		s->via = mem_str(key);
	}
	s->port = to->port;
	s->mode = to->tls;
	s->trust = to->trust ? trust_hold(to->trust) : NULL;
	s->refused = to->refused;
	s->quickack = to->quickack;
	s->tls_ms = to->tls_ms ? to->tls_ms : LIMIT_TLS_MS;
	task_init(&s->turn, l, on_turn, s);
	timer_init(&s->alarm, l, on_alarm, s);
	s->dial = dial_start(l, r, &target, on_dialled, s);
	return s;
}

/* What the owner may ask at any time */

void stream_poke(struct stream *s)
{
	if (s->stage != STAGE_CLOSED && s->stage != STAGE_DIALLING &&
	    s->pumping != PUMP_IN)
		task_post(&s->turn);
}

void stream_start_tls(struct stream *s)
{
	if (s->stage == STAGE_CLOSED || s->stage == STAGE_FINISHING)
		return;
	MUST(s->stage == STAGE_OPEN && s->mode == TLS_STARTTLS && !s->tls);
	start_handshake(s);
	if (s->stage != STAGE_CLOSED)
		task_post(&s->turn);
}

void stream_inflate(struct stream *s, struct view first)
{
	struct room r;

	if (s->stage == STAGE_CLOSED || s->stage == STAGE_FINISHING)
		return;
	MUST(s->stage == STAGE_OPEN && !s->inflate);
	s->received_plain = s->received;
	s->inflate = inflate_new(NULL);
	r = inflate_room(s->inflate);
	MUST(first.n <= r.n);
	if (first.n) {
		memcpy(r.p, first.p, first.n);
		inflate_received(s->inflate, first.n);
	}
	/* This turn goes on with what is left of it. */
	s->turn_left = WIRE_TURN_OCTETS;
	stream_poke(s);
}

void stream_expect_end(struct stream *s)
{
	s->expects_end = true;
}

void stream_close(struct stream *s)
{
	if (s->stage != STAGE_CLOSED)
		close_now(s);
}

void stream_finish(struct stream *s)
{
	if (s->stage == STAGE_CLOSED || s->stage == STAGE_FINISHING)
		return;
	if (s->stage != STAGE_OPEN) {
		close_now(s);
		return;
	}
	s->stage = STAGE_FINISHING;
	timer_start(&s->alarm, FINISH_MS);
	task_post(&s->turn);
}

const char *stream_peer(const struct stream *s, bool *is_loopback)
{
	if (is_loopback)
		*is_loopback = s->is_loopback;
	return s->peer;
}

bool stream_is_tls(const struct stream *s)
{
	return s->tls && s->stage != STAGE_HANDSHAKE;
}

bool stream_tls_info(const struct stream *s, struct tls_info *info)
{
	return stream_is_tls(s) && tls_info(s->tls, info);
}

size_t stream_binding(const struct stream *s, enum tls_binding kind,
		      uint8_t out[TLS_BINDING_MAX])
{
	return stream_is_tls(s) ? tls_binding(s->tls, kind, out) : 0;
}

struct stream_counts stream_counts(const struct stream *s)
{
	return (struct stream_counts){
		.received = s->received,
		.sent = s->sent,
		.held = wire_held(&s->wire),
		.held_most = s->wire.held_most,
	};
}
