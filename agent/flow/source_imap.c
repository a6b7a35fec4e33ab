/*
 * A session: sign-in; CAPABILITY, ID and SELECT in one go (with COMPRESS, which
 * has nothing behind it, in two or three); the listing; then
 * bodies and deletions beside each other in one stream of commands; LOGOUT when
 * everything is answered.
 */
#include <stdio.h>
#include <stdlib.h>

#include "habit.h"
#include "inflate.h"
#include "limits.h"
#include "log.h"
#include "must.h"
#include "source_imap.h"

#define ALERTS 10u /* told in one session (CASES H6) */

/* --- the end --- */

void imap_source_end(struct imap_source *s, const struct err *why)
{
	if (s->phase == PHASE_OVER)
		return;
	s->phase = PHASE_OVER;
	imap_signin_fini(&s->signin); /* the pool may answer before `closed` */
	if (why) {
		s->why = *why;
		stream_close(s->stream);
	} else {
		stream_finish(s->stream);
	}
}

static void source_free(struct imap_source *s)
{
	task_cancel(&s->turn);
	imap_signin_fini(&s->signin);
	imap_listing_fini(&s->listing);
	imap_bodies_fini(&s->bodies);
	imap_listing_fini(&s->unseen_found);
	imap_acts_fini(&s->acts);
	imap_rest_fini(&s->rest);
	imap_free(s->imap);
	imap_folders_fini(&s->folders);
	free(s->wanted);
	free(s->name);
	free(s->user);
	free(s->host);
	free(s->account);
	free(s);
}

/* --- what is said, without secrets and bodies --- */

static void trace(const struct imap_source *s, const struct imap_event *ev)
{
	static const char *const status[] = { "OK", "NO", "BAD", "PREAUTH",
					      "BYE" };
	struct log_line l;

	if (!s->o.trace ||
	    (ev->type != IMAP_EV_TAGGED && ev->type != IMAP_EV_GREETING &&
	     ev->type != IMAP_EV_BYE && ev->type != IMAP_EV_NOTE) ||
	    !log_begin(&l, LOG_DEBUG, "dialogue"))
		return;
	log_str(&l, "account", s->o.trace);
	log_str(&l, "command", imap_command_name(ev->command));
	log_str(&l, "status", status[ev->status]);
	if (ev->code)
		log_str(&l, "code", imap_code_name(ev->code));
	log_view(&l, "reply", ev->text);
	log_end(&l);
}

static void note(struct imap_source *s, const struct imap_event *ev)
{
	struct log_line l;

	if (ev->code != IMAP_CODE_ALERT || s->alerts++ >= ALERTS ||
	    !log_begin(&l, LOG_NOTICE, "alert"))
		return;
	log_str(&l, "user", s->o.user);
	log_str(&l, "host", s->o.endpoint.host);
	log_view(&l, "server", ev->text);
	log_end(&l);
}

/* --- signed in --- */

static void keep_capabilities(struct imap_source *s, struct view words)
{
	printable(s->ready.capabilities, sizeof(s->ready.capabilities), words);
}

void imap_source_be_ready(struct imap_source *s)
{
	uint32_t can = imap_capabilities(s->imap)->can;

	if (s->phase == PHASE_OPEN || s->phase == PHASE_OVER)
		return;
	s->phase = PHASE_OPEN;
	s->ready.scram_offered = exchange_offers_scram(&s->signin.exchange);
	s->ready.can_delete = can & IMAP_CAN_UIDPLUS;
	s->ready.can_rest = can & IMAP_CAN_IDLE;
	s->ready.can_look_again = can & IMAP_CAN_UNSELECT;
	s->report->ready(s->who, &s->ready);
}

void imap_source_identify(struct imap_source *s)
{
	s->identified = imap_id(s->imap, VIEW_LIT("mailhaul"),
				VIEW_LIT(MAILHAUL_VERSION));
}

void imap_source_enable(struct imap_source *s)
{
	s->in_utf8 = s->enabling =
		imap_enable(s->imap, VIEW_LIT("UTF8=ACCEPT"));
}

/*
 * A server that offers UTF8=ACCEPT hides a message with UTF-8 in its header, or
 * hands out a rewritten one, while it is not enabled (RFC 6857, RFC 6858): it
 * is enabled for the sake of the original, not of the names.
 */
static void enable_if_offered(struct imap_source *s)
{
	const uint32_t both = IMAP_CAN_ENABLE | IMAP_CAN_UTF8_ACCEPT;

	if ((imap_capabilities(s->imap)->can & both) == both &&
	    s->folder != LOOK_ASKED)
		imap_source_enable(s);
}

static struct habit *habit(const struct imap_source *s)
{
	return habit_of(&s->o.endpoint);
}

/* What was sent behind the sign-in went too far: RFC 6855 3 */
static void too_late_for_utf8(struct imap_source *s)
{
	struct err err;

	err_set(&err, ERR_RETRY,
		"the server can do more (UTF8=ACCEPT) than it could before");
	err_remedy(&err, "it is made use of at the next pass");
	imap_source_end(s, &err);
}

/* The capabilities are known, or the server would not tell. */
static void go_on_signed_in(struct imap_source *s)
{
	uint32_t can = imap_capabilities(s->imap)->can;

	habit_imap(habit(s), can);
	if (s->signin.followed && can & IMAP_CAN_UTF8_ACCEPT) {
		too_late_for_utf8(s);
		return;
	}
	if (s->o.compress && s->phase != PHASE_COMPRESSING &&
	    imap_compress(s->imap)) {
		s->phase = PHASE_COMPRESSING;
		return;
	}
	enable_if_offered(s);
	imap_source_select(s);
	imap_source_be_ready(s);
}

/* Every octet from now on, both ways. */
static void deflated(struct imap_source *s, const struct imap_event *ev)
{
	struct err err;

	if (ev->text.n > INFLATE_IN_OCTETS) {
		err_set(&err, ERR_PROTOCOL,
			"too much behind the answer to COMPRESS");
		imap_source_end(s, &err);
		return;
	}
	stream_inflate(s->stream, ev->text);
	imap_deflated(s->imap);
	go_on_signed_in(s);
}

/*
 * ID before SELECT: NetEase refuses a mailbox to clients that did not say who
 * they are. A server may name ID before sign-in only, or behind it only.
 */
static void signed_in(struct imap_source *s, bool id_before)
{
	const struct imap_capabilities *c = imap_capabilities(s->imap);

	if (!s->identified && (id_before || c->can & IMAP_CAN_ID))
		imap_source_identify(s);
	if (!c->known) {
		s->phase = PHASE_ASKING;
		MUST(imap_capability(s->imap));
		if (!s->o.compress)
			imap_source_select(s);
		return;
	}
	go_on_signed_in(s);
}

/*
 * A round trip less, where the server is known: not where something has to come
 * before a folder is selected. If the sign-in is refused, so is this.
 */
static void go_behind(struct imap_source *s)
{
	uint32_t can = habit_imap_can(habit(s));

	if (!can || can & IMAP_CAN_UTF8_ACCEPT || s->o.compress ||
	    !imap_signin_may_follow(&s->signin))
		return;
	imap_signin_follow(&s->signin);
	if ((can | imap_capabilities(s->imap)->can) & IMAP_CAN_ID)
		imap_source_identify(s);
	if (imap_folders_wait(&s->folders))
		imap_folders_go(&s->folders, can);
	else
		imap_source_select(s);
}

static void on_signin(struct imap_source *s, const struct imap_event *ev,
		      bool could_id)
{
	struct err err;

	switch (imap_signin_event(&s->signin, s->stream, ev, &err)) {
	case SIGNIN_ON:
		go_behind(s);
		return;
	case SIGNIN_SECURE:
		stream_start_tls(s->stream);
		return;
	case SIGNIN_DONE:
		signed_in(s, could_id);
		return;
	case SIGNIN_FAILED:
		imap_source_end(s, &err);
		return;
	}
}

/* --- work --- */

static bool is_busy(const struct imap_source *s)
{
	return s->list != LOOK_NOT || s->ahead == LOOK_ASKED ||
	       s->owes_fetched || s->unseen != LOOK_NOT ||
	       !imap_bodies_idle(&s->bodies) || !imap_acts_idle(&s->acts);
}

static void fetch(struct imap_source *s)
{
	imap_bodies_fill(&s->bodies);
	if (s->owes_fetched && imap_bodies_idle(&s->bodies)) {
		s->owes_fetched = false;
		s->report->fetched(s->who);
	}
}

static bool has_done_all(const struct imap_source *s)
{
	return !is_busy(s) && s->folder == LOOK_NOT &&
	       imap_folders_idle(&s->folders) && imap_in_flight(s->imap) == 0;
}

/*
 * All is answered, so nothing hangs on the answer to LOGOUT: it is not awaited,
 * which saves a round trip.
 */
static void leave(struct imap_source *s)
{
	if (has_done_all(s) && imap_logout(s->imap))
		imap_source_end(s, NULL);
}

/* Whatever can be done now. Reports may ask for more, or end it. */
static void work(struct imap_source *s)
{
	if (s->phase == PHASE_OPEN && !imap_rest_is_over(&s->rest)) {
		if (has_done_all(s))
			imap_rest_go(&s->rest);
		return;
	}
	if (s->phase == PHASE_OPEN)
		imap_source_look(s, is_busy(s));
	if (s->phase == PHASE_OPEN)
		imap_acts_go(&s->acts, view_of(s->name),
			     s->mailbox.has & IMAP_HAS_READ_ONLY);
	if (s->phase == PHASE_OPEN)
		fetch(s);
	if (s->phase == PHASE_OPEN && s->wants_quit)
		leave(s);
}

/* --- events --- */

/* They are looked at while nothing is selected, and acted upon while it is. */
static void on_folders(struct imap_source *s, const struct imap_event *ev)
{
	if (imap_folders_idle(&s->folders))
		imap_acts_event(&s->acts, ev);
	else
		imap_folders_event(&s->folders, ev);
}

static void on_rest(struct imap_source *s, const struct imap_event *ev)
{
	struct err err;

	if (!imap_rest_event(&s->rest, ev, &err))
		imap_source_end(s, &err);
}

/* STATUS comes by NOTIFY as well, at any time. */
static void on_status(struct imap_source *s, const struct imap_event *ev)
{
	if (imap_folders_idle(&s->folders) && imap_acts_idle(&s->acts))
		on_rest(s, ev);
	else
		on_folders(s, ev);
}

static void on_tagged(struct imap_source *s, const struct imap_event *ev)
{
	switch (ev->command) {
	case IMAP_CAPABILITY:
	case IMAP_COMPRESS: /* refused: then without */
		if (s->phase == PHASE_ASKING || s->phase == PHASE_COMPRESSING)
			go_on_signed_in(s);
		return;
	case IMAP_SELECT:
		imap_source_selected(s, ev);
		return;
	case IMAP_FETCH:
		imap_source_listed(s, ev);
		return;
	case IMAP_ENABLE:
		s->enabling = false;
		return;
	case IMAP_LIST:
	case IMAP_STATUS:
		on_folders(s, ev);
		return;
	case IMAP_FETCH_BODY:
		imap_bodies_event(&s->bodies, ev);
		return;
	case IMAP_SEARCH:
		if (s->unseen == LOOK_ASKED)
			imap_source_unseen(s, ev);
		else
			imap_acts_event(&s->acts, ev);
		return;
	case IMAP_STORE:
	case IMAP_UID_EXPUNGE:
	case IMAP_EXPUNGE:
	case IMAP_MOVE:
	case IMAP_COPY:
	case IMAP_CREATE:
		imap_acts_event(&s->acts, ev);
		return;
	case IMAP_NOTIFY:
	case IMAP_IDLE:
		on_rest(s, ev);
		return;
	case IMAP_NO_COMMAND:
	case IMAP_STARTTLS:
	case IMAP_LOGIN:
	case IMAP_AUTHENTICATE:
	case IMAP_ID:
	case IMAP_EXAMINE:
	case IMAP_NOOP:
	case IMAP_UNSELECT:
	case IMAP_LOGOUT:
		break;
	}
}

static void on_open_event(struct imap_source *s, const struct imap_event *ev)
{
	struct err err;

	switch (ev->type) {
	case IMAP_EV_TAGGED:
		if (imap_not_now(ev, &err)) /* more would make it worse */
			imap_source_end(s, &err);
		else
			on_tagged(s, ev);
		return;
	case IMAP_EV_FETCH:
		if (s->list == LOOK_ASKED || s->ahead == LOOK_ASKED)
			imap_listing_add(&s->listing, &ev->fetch);
		else
			imap_bodies_event(&s->bodies, ev);
		return;
	case IMAP_EV_BODY_BEGIN:
	case IMAP_EV_BODY:
	case IMAP_EV_BODY_END:
		imap_bodies_event(&s->bodies, ev);
		return;
	case IMAP_EV_SEARCH:
		if (s->unseen == LOOK_ASKED)
			imap_source_add_unseen(s, ev);
		else
			imap_acts_event(&s->acts, ev);
		return;
	case IMAP_EV_DEFLATE:
		deflated(s, ev);
		return;
	case IMAP_EV_LIST:
		on_folders(s, ev);
		return;
	case IMAP_EV_STATUS:
		on_status(s, ev);
		return;
	case IMAP_EV_IDLING:
	case IMAP_EV_EXISTS:
	case IMAP_EV_EXPUNGE:
		on_rest(s, ev);
		return;
	case IMAP_EV_NOTE:
		if (ev->code == IMAP_CODE_UIDVALIDITY)
			imap_source_new_uids(s, ev);
		else
			imap_acts_event(&s->acts, ev);
		return;
	case IMAP_EV_GREETING:
	case IMAP_EV_CAPABILITIES:
	case IMAP_EV_TLS_WANTED:
	case IMAP_EV_CONTINUE:
	case IMAP_EV_BYE:
	case IMAP_EV_CLOSED:
	case IMAP_EV_FAILED:
		break;
	}
}

static void on_event(struct imap_source *s, const struct imap_event *ev,
		     bool could_id)
{
	trace(s, ev);
	if (ev->type == IMAP_EV_FAILED) {
		imap_source_end(s, ev->err);
		return;
	}
	if (ev->type == IMAP_EV_NOTE)
		note(s, ev);
	if (ev->type == IMAP_EV_CAPABILITIES)
		keep_capabilities(s, ev->text);
	else if (ev->code == IMAP_CODE_CAPABILITY)
		keep_capabilities(s, ev->code_args);
	if (s->phase == PHASE_SIGNIN)
		on_signin(s, ev, could_id);
	else
		on_open_event(s, ev);
}

static bool may_read(const struct imap_source *s)
{
	return !s->report->may_read || s->report->may_read(s->who);
}

static void pump(struct imap_source *s)
{
	struct imap_event ev;

	while (s->phase != PHASE_OVER && may_read(s)) {
		/* a sign-in makes the engine forget what was offered before */
		bool could_id = imap_capabilities(s->imap)->can & IMAP_CAN_ID;

		if (!imap_next(s->imap, &ev))
			break;
		on_event(s, &ev, could_id);
	}
	work(s);
}

/* --- ports --- */

static struct room port_room(void *who)
{
	struct imap_source *s = who;

	if (s->phase == PHASE_OVER || !may_read(s))
		return (struct room){ NULL, 0 };
	return imap_room(s->imap);
}

static void port_received(void *who, size_t n)
{
	struct imap_source *s = who;

	imap_received(s->imap, n);
	pump(s);
}

static struct view port_pending(void *who)
{
	struct imap_source *s = who;

	return imap_pending(s->imap);
}

static void port_sent(void *who, size_t n)
{
	struct imap_source *s = who;

	imap_sent(s->imap, n);
}

static void port_opened(void *who)
{
	(void)who; /* the server greets first */
}

static void port_secured(void *who)
{
	struct imap_source *s = who;

	imap_signin_secured(&s->signin);
}

static void port_eof(void *who)
{
	struct imap_source *s = who;

	imap_eof(s->imap);
	pump(s);
}

static struct patience port_patience(void *who)
{
	struct imap_source *s = who;

	return imap_patience(s->imap);
}

static void port_closed(void *who, const struct err *why)
{
	struct imap_source *s = who;
	const struct err *told = why;

	s->stream = NULL;
	/* behind LOGOUT nothing is at stake any more */
	if (s->phase == PHASE_OVER)
		told = s->why.class != ERR_NONE ? &s->why : NULL;
	s->phase = PHASE_OVER;
	s->report->closed(s->who, told);
	source_free(s);
}

static const struct stream_ports ports = {
	.room = port_room,
	.received = port_received,
	.pending = port_pending,
	.sent = port_sent,
	.opened = port_opened,
	.secured = port_secured,
	.eof = port_eof,
	.patience = port_patience,
	.closed = port_closed,
};

/* --- the beginning --- */

static void turn(void *who)
{
	struct imap_source *s = who;

	if (s->phase == PHASE_OVER)
		return;
	pump(s);
	if (s->phase != PHASE_OVER)
		stream_poke(s->stream);
}

struct source *source_imap_open(const struct source_options *o,
				const struct source_reports *r, void *who)
{
	struct imap_source *s = mem_new(sizeof(*s));

	s->source.ops = &imap_source_ops;
	s->o = *o;
	/* it may outlive the configuration it was opened by */
	s->user = mem_str(o->user);
	s->host = mem_str(o->endpoint.host);
	s->account = o->trace ? mem_str(o->trace) : NULL;
	s->o.endpoint.host = s->host;
	s->o.user = s->user;
	s->o.trace = s->account;
	s->report = r;
	s->who = who;
	s->imap = imap_new(o->endpoint.tls == TLS_IMPLICIT);
	imap_signin_init(&s->signin, &s->o, s->imap, &s->turn);
	imap_bodies_init(&s->bodies, s->imap, r, who);
	imap_folders_init(&s->folders, s->imap, r, who);
	imap_acts_init(&s->acts, s->imap, o->delete_to_trash, r, who);
	imap_rest_init(&s->rest, s->imap, r, who);
	task_init(&s->turn, o->loop, turn, s);
	s->stream = stream_open(o->loop, o->resolver, &o->endpoint, &ports, s);
	return &s->source;
}
