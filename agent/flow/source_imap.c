/*
 * A session: sign-in; CAPABILITY, ID and SELECT in one go (with COMPRESS, which
 * has nothing behind it, in two or three); the listing; then
 * bodies and deletions beside each other in one stream of commands; LOGOUT when
 * everything is answered.
 */
#include <stdio.h>
#include <stdlib.h>

#include "acts_imap.h"
#include "bodies_imap.h"
#include "imap_set.h"
#include "inflate.h"
#include "limits.h"
#include "listing_imap.h"
#include "log.h"
#include "must.h"
#include "mutf7.h"
#include "signin_imap.h"
#include "source.h"

#define ALERTS 10u /* told in one session (CASES H6) */

enum phase {
	PHASE_SIGNIN,
	PHASE_ASKING,	   /* CAPABILITY is on its way */
	PHASE_COMPRESSING, /* COMPRESS is on its way: RFC 4978 3, nothing else
			    */
	PHASE_OPEN,
	PHASE_OVER, /* the stream is closing */
};

/* How far the folder or its listing is. */
enum look {
	LOOK_NOT, /* not wanted, or done */
	LOOK_WANTED,
	LOOK_ASKED,
};

struct imap_source {
	struct source source; /* first */
	struct source_options o;
	const struct source_reports *report;
	void *who;
	enum phase phase;
	struct stream *stream; /* NULL once closed */
	struct imap *imap;
	struct imap_signin signin;
	struct task turn;
	struct err why; /* of the end; ERR_NONE: as asked */
	struct source_ready ready;
	unsigned alerts;
	bool identified; /* ID was sent */

	enum look folder, list, names;
	char *name; /* owned; of the folder, as on the wire; NULL: bad */
	struct imap_mailbox mailbox; /* selected; its name is not kept */
	struct imap_listing listing;
	uint32_t from;
	bool from_start; /* a set that begins with `from` was refused */
	struct imap_bodies bodies;
	bool owes_fetched;
	struct imap_acts acts;
	enum look unseen;
	struct imap_listing unseen_found;
	bool wants_quit;
};

static struct imap_source *of(struct source *s)
{
	return (struct imap_source *)s;
}

/* --- the end --- */

/* why NULL: the session ended as it should. */
static void end(struct imap_source *s, const struct err *why)
{
	if (s->phase == PHASE_OVER)
		return;
	s->phase = PHASE_OVER;
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
	imap_free(s->imap);
	free(s->name);
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

static void be_ready(struct imap_source *s)
{
	if (s->phase == PHASE_OPEN || s->phase == PHASE_OVER)
		return;
	s->phase = PHASE_OPEN;
	s->ready.scram_offered = exchange_offers_scram(&s->signin.exchange);
	s->ready.can_delete =
		imap_capabilities(s->imap)->can & IMAP_CAN_UIDPLUS;
	s->report->ready(s->who, &s->ready);
}

static void identify(struct imap_source *s)
{
	s->identified = imap_id(s->imap, VIEW_LIT("mailhaul"),
				VIEW_LIT(MAILHAUL_VERSION));
}

static void select_folder(struct imap_source *s)
{
	if (s->folder == LOOK_WANTED && s->name &&
	    imap_select(s->imap, view_of(s->name)))
		s->folder = LOOK_ASKED;
}

/* The capabilities are known, or the server would not tell. */
static void go_on_signed_in(struct imap_source *s)
{
	if (s->o.compress && s->phase != PHASE_COMPRESSING &&
	    imap_compress(s->imap)) {
		s->phase = PHASE_COMPRESSING;
		return;
	}
	select_folder(s);
	be_ready(s);
}

/* Every octet from now on, both ways. */
static void deflated(struct imap_source *s, const struct imap_event *ev)
{
	struct err err;

	if (ev->text.n > INFLATE_IN_OCTETS) {
		err_set(&err, ERR_PROTOCOL,
			"too much behind the answer to COMPRESS");
		end(s, &err);
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

	if (id_before || c->can & IMAP_CAN_ID)
		identify(s);
	if (!c->known) {
		s->phase = PHASE_ASKING;
		MUST(imap_capability(s->imap));
		if (!s->o.compress)
			select_folder(s);
		return;
	}
	go_on_signed_in(s);
}

static void on_signin(struct imap_source *s, const struct imap_event *ev,
		      bool could_id)
{
	struct err err;

	switch (imap_signin_event(&s->signin, s->stream, ev, &err)) {
	case IMAP_SIGNIN_ON:
		return;
	case IMAP_SIGNIN_SECURE:
		stream_start_tls(s->stream);
		return;
	case IMAP_SIGNIN_DONE:
		signed_in(s, could_id);
		return;
	case IMAP_SIGNIN_FAILED:
		end(s, &err);
		return;
	}
}

/* --- the folder --- */

/*
 * Coremail, as NetEase runs it, opens no mailbox to a program that has not said
 * who it is by ID; name and version will do: dytttf.com 2021-11-12,
 * "IMAP协议-从网易邮箱的骚操作到QQ邮箱的BUG".
 */
static bool is_unsafe(const struct imap_event *ev)
{
	return ev->status == IMAP_NO &&
	       view_ifind(ev->text, VIEW_LIT("unsafe login")) < ev->text.n;
}

static void unsafe_login(struct imap_source *s, const struct imap_event *ev)
{
	struct err err;

	err_set(&err, ERR_AUTH,
		"the provider does not trust this sign-in, and opens no "
		"mailbox");
	err.origin = ERR_FROM_IMAP;
	err_peer(&err, ev->text);
	err_remedy(&err, "see in its web mail, under POP3/SMTP/IMAP, that "
			 "IMAP is on, and make a new authorization code "
			 "(授权码) there; POP3 (protocol = \"pop3\") may work");
	s->report->folder(s->who, NULL, &err);
}

static void refused_folder(struct imap_source *s, const struct imap_event *ev)
{
	struct err err;

	if (is_unsafe(ev)) {
		unsafe_login(s, ev);
		return;
	}
	err_set(&err, imap_refusal(ev->command, ev->status, ev->code),
		"the folder cannot be opened");
	err.origin = ERR_FROM_IMAP;
	err_peer(&err, ev->text);
	if (err.class == ERR_REFUSED)
		err_remedy(&err, "write its name in `folders` as mailhaul "
				 "check lists it");
	s->report->folder(s->who, NULL, &err);
}

static void on_selected(struct imap_source *s, const struct imap_event *ev)
{
	const struct imap_mailbox *m = &ev->mailbox;
	struct source_folder f;

	s->folder = LOOK_NOT;
	be_ready(s); /* an answer out of its order */
	if (s->phase == PHASE_OVER)
		return;
	if (is_unsafe(ev) && !s->identified) {
		identify(s); /* though CAPABILITY did not name it */
		s->folder = LOOK_WANTED;
		return;
	}
	if (ev->status != IMAP_OK) {
		refused_folder(s, ev);
		return;
	}
	s->mailbox = *m;
	f = (struct source_folder){
		/* RFC 4315 3: UIDs that do not persist identify nothing */
		.uidvalidity =
			m->has & IMAP_HAS_UIDNOTSTICKY ? 0 : m->uidvalidity,
		.uidnext = m->uidnext,
		.exists = m->messages,
		.read_only = m->has & IMAP_HAS_READ_ONLY,
	};
	s->report->folder(s->who, &f, NULL);
}

static void bad_name(struct imap_source *s)
{
	struct err err;

	s->folder = LOOK_NOT;
	err_set(&err, ERR_CONFIG, "no folder can have this name");
	err_remedy(&err, "write `folders` in UTF-8, without control "
			 "characters");
	s->report->folder(s->who, NULL, &err);
}

/* --- the listing --- */

static void report_items(struct imap_source *s)
{
	size_t n;
	struct spool_item *items = imap_listing_take(&s->listing, &n);

	s->list = LOOK_NOT;
	s->report->items(s->who, items, n);
}

static void ask_listing(struct imap_source *s)
{
	char set[IMAP_SET_RANGE_OCTETS];

	imap_listing_begin(&s->listing, s->from);
	/* In an empty folder "1:*" names nothing, which some call BAD. */
	if (s->mailbox.has & IMAP_HAS_MESSAGES && s->mailbox.messages == 0)
		report_items(s);
	else if (imap_fetch(s->imap,
			    imap_set_from(s->from_start ? 1 : s->from, set)))
		s->list = LOOK_ASKED;
}

static void on_listed(struct imap_source *s, const struct imap_event *ev)
{
	struct err err;

	if (ev->status == IMAP_OK) {
		report_items(s);
		return;
	}
	/*
	 * QQ calls a descending set BAD ("Sequence set is inavlid!":
	 * pimalaya/himalaya issue 276, 2022-02-02), which "8:*" is where 7 is
	 * the last; what is below is left out here.
	 */
	if (ev->status == IMAP_BAD && s->from > 1 && !s->from_start) {
		s->from_start = true;
		s->list = LOOK_WANTED;
		return;
	}
	err_set(&err, imap_refusal(ev->command, ev->status, ev->code),
		"the folder cannot be listed");
	err.origin = ERR_FROM_IMAP;
	err_peer(&err, ev->text);
	end(s, &err);
}

/* --- those not seen --- */

static void ask_unseen(struct imap_source *s)
{
	imap_listing_begin(&s->unseen_found, 1);
	if (imap_search(s->imap, VIEW_LIT("UNSEEN")))
		s->unseen = LOOK_ASKED;
}

static void add_unseen(struct imap_source *s, const struct imap_event *ev)
{
	for (size_t i = 0; i < ev->n_uids; i++)
		imap_listing_add(&s->unseen_found,
				 &(struct imap_fetch){ .uid = ev->uids[i] });
}

static void on_unseen(struct imap_source *s, const struct imap_event *ev)
{
	struct spool_item *items;
	struct err err;
	size_t n;

	s->unseen = LOOK_NOT;
	items = imap_listing_take(&s->unseen_found, &n);
	err_set(&err, imap_refusal(ev->command, ev->status, ev->code),
		"the server does not tell what is unseen");
	err.origin = ERR_FROM_IMAP;
	err_peer(&err, ev->text);
	s->report->unseen(s->who, items, n,
			  ev->status == IMAP_OK ? NULL : &err);
}

/* --- all folders, for people --- */

static void on_name(struct imap_source *s, const struct imap_list *l)
{
	struct text name;

	if (s->names != LOOK_ASKED || l->attributes & IMAP_ATTR_NOSELECT ||
	    !l->name.n)
		return;
	text_init(&name, 4 * IMAP_NAME_OCTETS);
	/* what is no modified UTF-7 cannot be configured, but is seen */
	if (!mutf7_decode(l->name, &name))
		(void)text_printable(&name, l->name, IMAP_NAME_OCTETS);
	s->report->name(s->who, text_view(&name));
	text_fini(&name);
}

static void on_names(struct imap_source *s)
{
	s->names = LOOK_NOT;
	s->report->name(s->who, VIEW_NONE);
}

/* --- work --- */

static bool is_busy(const struct imap_source *s)
{
	return s->list != LOOK_NOT || s->names != LOOK_NOT || s->owes_fetched ||
	       s->unseen != LOOK_NOT || !imap_bodies_idle(&s->bodies) ||
	       !imap_acts_idle(&s->acts);
}

static void look(struct imap_source *s)
{
	if (s->names == LOOK_WANTED && imap_list(s->imap, VIEW_LIT("*"), 0))
		s->names = LOOK_ASKED;
	if (s->folder == LOOK_WANTED && !is_busy(s)) {
		if (s->name)
			select_folder(s);
		else
			bad_name(s);
	}
	if (s->folder == LOOK_NOT && s->unseen == LOOK_WANTED)
		ask_unseen(s);
	if (s->folder == LOOK_NOT && s->list == LOOK_WANTED)
		ask_listing(s);
}

static void fetch(struct imap_source *s)
{
	imap_bodies_fill(&s->bodies);
	if (s->owes_fetched && imap_bodies_idle(&s->bodies)) {
		s->owes_fetched = false;
		s->report->fetched(s->who);
	}
}

/*
 * All is answered, so nothing hangs on the answer to LOGOUT: it is not awaited,
 * which saves a round trip.
 */
static void leave(struct imap_source *s)
{
	if (is_busy(s) || s->folder != LOOK_NOT ||
	    imap_in_flight(s->imap) > 0 || !imap_logout(s->imap))
		return;
	end(s, NULL);
}

/* Whatever can be done now. Reports may ask for more, or end it. */
static void work(struct imap_source *s)
{
	if (s->phase == PHASE_OPEN)
		look(s);
	if (s->phase == PHASE_OPEN)
		imap_acts_go(&s->acts, view_of(s->name),
			     s->mailbox.has & IMAP_HAS_READ_ONLY);
	if (s->phase == PHASE_OPEN)
		fetch(s);
	if (s->phase == PHASE_OPEN && s->wants_quit)
		leave(s);
}

/* --- events --- */

static void on_tagged(struct imap_source *s, const struct imap_event *ev)
{
	switch (ev->command) {
	case IMAP_CAPABILITY:
	case IMAP_COMPRESS: /* refused: then without */
		if (s->phase == PHASE_ASKING || s->phase == PHASE_COMPRESSING)
			go_on_signed_in(s);
		return;
	case IMAP_SELECT:
		on_selected(s, ev);
		return;
	case IMAP_FETCH:
		on_listed(s, ev);
		return;
	case IMAP_LIST:
		if (s->names == LOOK_ASKED)
			on_names(s);
		else
			imap_acts_event(&s->acts, ev);
		return;
	case IMAP_FETCH_BODY:
		imap_bodies_event(&s->bodies, ev);
		return;
	case IMAP_SEARCH:
		if (s->unseen == LOOK_ASKED)
			on_unseen(s, ev);
		else
			imap_acts_event(&s->acts, ev);
		return;
	case IMAP_STORE:
	case IMAP_UID_EXPUNGE:
	case IMAP_EXPUNGE:
	case IMAP_MOVE:
	case IMAP_COPY:
	case IMAP_CREATE:
	case IMAP_STATUS:
		imap_acts_event(&s->acts, ev);
		return;
	case IMAP_NO_COMMAND:
	case IMAP_STARTTLS:
	case IMAP_LOGIN:
	case IMAP_AUTHENTICATE:
	case IMAP_ID:
	case IMAP_ENABLE:
	case IMAP_EXAMINE:
	case IMAP_NOOP:
	case IMAP_IDLE:
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
			end(s, &err);
		else
			on_tagged(s, ev);
		return;
	case IMAP_EV_FETCH:
		if (s->list == LOOK_ASKED)
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
			add_unseen(s, ev);
		else
			imap_acts_event(&s->acts, ev);
		return;
	case IMAP_EV_DEFLATE:
		deflated(s, ev);
		return;
	case IMAP_EV_LIST:
		if (s->names == LOOK_ASKED)
			on_name(s, &ev->list);
		else
			imap_acts_event(&s->acts, ev);
		return;
	case IMAP_EV_NOTE:
	case IMAP_EV_STATUS:
		imap_acts_event(&s->acts, ev);
		return;
	case IMAP_EV_GREETING:
	case IMAP_EV_CAPABILITIES:
	case IMAP_EV_TLS_WANTED:
	case IMAP_EV_CONTINUE:
	case IMAP_EV_IDLING:
	case IMAP_EV_EXISTS:
	case IMAP_EV_EXPUNGE:
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
		end(s, ev->err);
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

static void pump(struct imap_source *s)
{
	struct imap_event ev;

	while (s->phase != PHASE_OVER && s->report->may_read(s->who)) {
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

	if (s->phase == PHASE_OVER || !s->report->may_read(s->who))
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

/* --- what the owner asks --- */

static void turn(void *who)
{
	struct imap_source *s = who;

	if (s->phase == PHASE_OVER)
		return;
	pump(s);
	if (s->phase != PHASE_OVER)
		stream_poke(s->stream);
}

static void op_folder(struct source *source, const char *name)
{
	struct imap_source *s = of(source);
	struct text wire;

	text_init(&wire, IMAP_NAME_OCTETS);
	free(s->name);
	s->name = NULL;
	if (mutf7_encode(view_of(name), &wire) && wire.n)
		s->name = text_take(&wire);
	text_fini(&wire);
	s->folder = LOOK_WANTED;
	task_post(&s->turn);
}

static void op_list(struct source *source, uint32_t from)
{
	struct imap_source *s = of(source);

	s->from = from ? from : 1;
	s->from_start = false;
	s->list = LOOK_WANTED;
	task_post(&s->turn);
}

static void op_names(struct source *source)
{
	struct imap_source *s = of(source);

	s->names = LOOK_WANTED;
	task_post(&s->turn);
}

static void ask_bodies(struct imap_source *s, const struct spool_item *items,
		       size_t n, bool headers)
{
	imap_bodies_add(&s->bodies, items, n, headers);
	s->owes_fetched = true;
	task_post(&s->turn);
}

static void op_fetch(struct source *source, const struct spool_item *items,
		     size_t n)
{
	ask_bodies(of(source), items, n, false);
}

static void op_headers(struct source *source, const struct spool_item *items,
		       size_t n)
{
	ask_bodies(of(source), items, n, true);
}

static void op_erase(struct source *source, const struct spool_item *items,
		     size_t n, enum source_erase how)
{
	struct imap_source *s = of(source);

	imap_acts_erase(&s->acts, items, n, how);
	task_post(&s->turn);
}

static void op_mark(struct source *source, const struct spool_item *items,
		    size_t n)
{
	struct imap_source *s = of(source);

	imap_acts_mark(&s->acts, items, n);
	task_post(&s->turn);
}

static void op_target(struct source *source, const char *name)
{
	struct imap_source *s = of(source);

	imap_acts_target(&s->acts, name);
	task_post(&s->turn);
}

static void op_move(struct source *source, const struct spool_item *items,
		    size_t n)
{
	struct imap_source *s = of(source);

	imap_acts_move(&s->acts, items, n);
	task_post(&s->turn);
}

static void op_unseen(struct source *source)
{
	struct imap_source *s = of(source);

	s->unseen = LOOK_WANTED;
	task_post(&s->turn);
}

static uint64_t op_twin(struct source *source, const struct message_key *key)
{
	return imap_listing_msgid(&of(source)->listing,
				  message_key_to_uid(key));
}

static void op_quit(struct source *source)
{
	struct imap_source *s = of(source);

	s->wants_quit = true;
	task_post(&s->turn);
}

static void op_cancel(struct source *source)
{
	struct err err;

	err_set(&err, ERR_CANCELLED, "the session was cancelled");
	end(of(source), &err);
}

static void op_poke(struct source *source)
{
	task_post(&of(source)->turn);
}

static struct stream *op_stream(struct source *source)
{
	struct imap_source *s = of(source);

	if (!s->stream ||
	    (s->o.endpoint.tls != TLS_NONE && !stream_is_tls(s->stream)))
		return NULL;
	return s->stream;
}

static const struct source_ops ops = {
	.folder = op_folder,
	.list = op_list,
	.names = op_names,
	.fetch = op_fetch,
	.erase = op_erase,
	.mark = op_mark,
	.target = op_target,
	.move = op_move,
	.unseen = op_unseen,
	.twin = op_twin,
	.headers = op_headers,
	.quit = op_quit,
	.cancel = op_cancel,
	.poke = op_poke,
	.stream = op_stream,
};

struct source *source_imap_open(const struct source_options *o,
				const struct source_reports *r, void *who)
{
	struct imap_source *s = mem_new(sizeof(*s));

	s->source.ops = &ops;
	s->o = *o;
	s->report = r;
	s->who = who;
	s->imap = imap_new(o->endpoint.tls == TLS_IMPLICIT);
	imap_signin_init(&s->signin, &s->o, s->imap, &s->turn);
	imap_bodies_init(&s->bodies, s->imap, r, who);
	imap_acts_init(&s->acts, s->imap, o->delete_to_trash, r, who);
	task_init(&s->turn, o->loop, turn, s);
	s->stream = stream_open(o->loop, o->resolver, &o->endpoint, &ports, s);
	return &s->source;
}
