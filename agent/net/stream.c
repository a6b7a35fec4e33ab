#include "stream.h"
#include "dial.h"
#include "limits.h"
#include "line.h"
#include "must.h"
#include "neterr.h"
#include "pace.h"

#include <errno.h>
#include <stdlib.h>

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
	struct trust *trust;	  /* held */
	struct tls_info *refused; /* borrowed until closed; or NULL */
	bool quickack;
	uint32_t tls_ms, first_ms;

	struct dial *dial;	 /* owned while DIALLING */
	char *via;		 /* owned; of a proxy: see proxy_key() */
	struct line line;	 /* from then on */
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

/* --- the end --- */

static void close_now(struct stream *s)
{
	enum stage was = s->stage;

	s->stage = STAGE_CLOSED;
	if (was != STAGE_HANDSHAKE && s->why.class == ERR_NONE)
		line_goodbye(&s->line);
	dial_cancel(s->dial);
	s->dial = NULL;
	line_fini(&s->line);
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
	struct wire *w = &s->line.wire;
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

/* --- input --- */

static void take_in(struct stream *s)
{
	UNFILLED struct err why;

	s->is_paused = false;
	while (s->stage == STAGE_OPEN && !s->is_over) {
		struct room r = s->ports->room(s->who);
		size_t n = 0;

		if (s->stage != STAGE_OPEN)
			return;
		if (r.n == 0) {
			s->is_paused = true;
			return;
		}
		switch (line_take(&s->line, r, &n, &why)) {
		case LINE_DONE:
			s->received += n;
			s->ports->received(s->who, n);
			break;
		case LINE_WAIT:
			return;
		case LINE_LATER:
			task_post(&s->turn);
			return;
		case LINE_ENDED:
			end_of_input(s, true);
			return;
		case LINE_CUT:
			end_of_input(s, false);
			return;
		case LINE_FAILED:
			(void)fail(s, &why);
			return;
		}
	}
}

/* --- output --- */

static bool may_send(const struct stream *s)
{
	return s->stage == STAGE_OPEN || s->stage == STAGE_FINISHING;
}

static struct view feed_pending(void *who)
{
	struct stream *s = who;
	struct view v;

	if (!may_send(s))
		return VIEW_NONE;
	v = s->ports->pending(s->who);
	return may_send(s) ? v : VIEW_NONE;
}

static void feed_sent(void *who, size_t n)
{
	struct stream *s = who;

	s->sent += n;
	s->ports->sent(s->who, n);
}

static void give_out(struct stream *s)
{
	static const struct line_feed feed = { feed_pending, feed_sent };
	UNFILLED struct err why;

	if (line_give(&s->line, &feed, s, &why) == LINE_FAILED)
		(void)fail(s, &why);
	if (may_send(s))
		wire_flush(&s->line.wire);
}

/* --- handshake --- */

static void start_handshake(struct stream *s)
{
	struct trust_peer peer = { s->host, s->port, s->alpn, s->via };
	struct err why = { 0 };

	s->stage = STAGE_HANDSHAKE;
	timer_start(&s->alarm, s->tls_ms);
	if (!line_secure(&s->line, s->trust, &peer, &why))
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
	struct err why;

	switch (line_handshake(&s->line, &why)) {
	case LINE_DONE:
		be_open(s, s->mode == TLS_IMPLICIT ? s->ports->opened
						   : s->ports->secured);
		return;
	case LINE_WAIT:
	case LINE_LATER:
		return;
	case LINE_ENDED:
	case LINE_CUT:
		s->expects_end = false;
		end_of_input(s, false);
		return;
	case LINE_FAILED:
		(void)fail(s, &why);
		return;
	}
}

/* --- patience --- */

/* Octets that came, see stream.h. */
static uint64_t came(const struct stream *s)
{
	return s->line.inflate
		       ? s->received_plain + inflate_moved(s->line.inflate)
		       : s->received;
}

/* ... or of the owner went to the kernel; never goes down. */
static uint64_t moved(struct stream *s)
{
	uint64_t held = wire_held(&s->line.wire);

	if (s->sent > held && s->sent - held > s->reached)
		s->reached = s->sent - held;
	return came(s) + s->reached;
}

static uint64_t deadline(struct stream *s)
{
	struct patience p = s->ports->patience(s->who);

	if (p.ms == 0 && s->line.wire.is_stuck) {
		p.serial = ~p.serial; /* not one the owner had in mind */
		p.ms = LIMIT_BLOCK_MS;
		p.rate = LIMIT_RATE_OCTETS_S;
	}
	if (s->first_ms && s->received == 0 && p.ms > s->first_ms)
		p.ms = s->first_ms;
	return pace_deadline(&s->pace, loop_now_ms(s->loop), p, moved(s),
			     s->is_paused && !s->line.wire.is_stuck);
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

/* Who waits for a ClientHello says nothing. */
static void remedy_silence(const struct stream *s, struct err *why)
{
	if (s->stage == STAGE_HANDSHAKE)
		(void)err_remedy(why, "check port and TLS form: imaps, pop3s, "
				      "smtps begin with TLS, imap, pop3, smtp "
				      "in clear");
	else
		(void)err_remedy(why, "check the port; where it begins with "
				      "TLS, write imaps://, pop3s:// or "
				      "smtps:// in `server`");
}

static void fail_late(struct stream *s)
{
	struct err why = { 0 };

	if (s->stage == STAGE_HANDSHAKE)
		(void)err_set(&why, ERR_NETWORK,
			      "the TLS handshake was not over within %u s",
			      (s->tls_ms + 999) / 1000);
	else if (s->line.wire.is_stuck)
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
		remedy_silence(s, &why);
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

/* --- the pump --- */

static void on_ready(void *who, bool in, bool out);

static void watch(struct stream *s)
{
	bool in = s->stage == STAGE_HANDSHAKE ||
		  (s->stage == STAGE_OPEN && !s->is_paused && !s->is_over);

	wire_watch(&s->line.wire, in, on_ready, s);
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
		if (s->line.wire.is_mute ||
		    (!s->line.wire.is_stuck && wire_held(&s->line.wire) == 0))
			close_now(s);
	} else if (s->stage != STAGE_CLOSED && !s->is_over &&
		   is_dead(&s->line.wire)) {
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

static void on_turn(void *who)
{
	struct stream *s = who;

	if (s->stage == STAGE_CLOSED)
		tell_closed(s);
	else if (s->stage != STAGE_DIALLING) {
		line_turn(&s->line, false, false);
		pump(s);
	}
}

static void on_ready(void *who, bool in, bool out)
{
	struct stream *s = who;

	line_turn(&s->line, in, out);
	pump(s);
}

/* --- opening --- */

static void on_dialled(void *who, struct sock *won, const struct address *to,
		       const struct err *why)
{
	struct stream *s = who;

	s->dial = NULL;
	if (!won) {
		(void)fail(s, why);
		return;
	}
	line_init(&s->line, won, s->quickack, s->refused);
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
	s->first_ms = to->first_ms;
	task_init(&s->turn, l, on_turn, s);
	timer_init(&s->alarm, l, on_alarm, s);
	s->dial = dial_start(l, r, &target, on_dialled, s);
	return s;
}

/* --- what the owner may ask at any time --- */

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
	MUST(s->stage == STAGE_OPEN && s->mode == TLS_STARTTLS && !s->line.tls);
	start_handshake(s);
	if (s->stage != STAGE_CLOSED)
		task_post(&s->turn);
}

void stream_inflate(struct stream *s, struct view first)
{
	if (s->stage == STAGE_CLOSED || s->stage == STAGE_FINISHING)
		return;
	MUST(s->stage == STAGE_OPEN && !s->line.inflate);
	s->received_plain = s->received;
	line_inflate(&s->line, first);
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
	return s->line.tls && s->stage != STAGE_HANDSHAKE;
}

bool stream_tls_info(const struct stream *s, struct tls_info *info)
{
	return stream_is_tls(s) && tls_info(s->line.tls, info);
}

size_t stream_binding(const struct stream *s, enum tls_binding kind,
		      uint8_t out[TLS_BINDING_MAX])
{
	return stream_is_tls(s) ? tls_binding(s->line.tls, kind, out) : 0;
}

struct stream_counts stream_counts(const struct stream *s)
{
	return (struct stream_counts){
		.received = s->received,
		.sent = s->sent,
		.held = wire_held(&s->line.wire),
		.held_most = s->line.wire.held_most,
	};
}
