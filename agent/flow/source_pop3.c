#include "source_pop3.h"

#include <stdio.h>
#include <stdlib.h>

#include "log.h"
#include "must.h"
#include "pop3_line.h"

/* Read in one go before others have their turn: 20 ms of unique-ids. */
#define GULP_OCTETS (256u << 10)

static struct pop3_source *of(struct source *s)
{
	return (struct pop3_source *)s;
}

/* --- the end --- */

void pop3_source_end(struct pop3_source *s, const struct err *why)
{
	if (s->phase == PHASE_OVER)
		return;
	s->phase = PHASE_OVER;
	pop3_signin_fini(&s->signin); /* the pool may answer before `closed` */
	if (why)
		s->why = *why;
	if (why)
		stream_close(s->stream);
	else
		stream_finish(s->stream);
}

static void source_free(struct pop3_source *s)
{
	task_cancel(&s->turn);
	if (s->sorting)
		s->sorting->source = NULL; /* it frees the listing */
	else
		listing_free(s->listing);
	pop3_signin_fini(&s->signin);
	hash_free(s->hash);
	pop3_free(s->pop3);
	free(s->jobs.job);
	free(s->sizes);
	free(s->deleted);
	free(s);
}

/* --- what is said, without secrets and bodies --- */

static void trace(const struct pop3_source *s, const struct pop3_event *ev)
{
	struct view verb = pop3_line_verb(ev->cmd);
	struct log_line l;
	char command[32];

	if (!s->o.trace || !log_begin(&l, LOG_DEBUG, "dialogue"))
		return;
	log_str(&l, "account", s->o.trace);
	snprintf(command, sizeof(command), ev->number ? "%.*s %u" : "%.*s",
		 VIEW_ARG(verb), ev->number);
	log_str(&l, "command", command);
	log_str(&l, "status", ev->ok ? "+OK" : "-ERR");
	log_view(&l, "reply", ev->text);
	log_end(&l);
}

void pop3_source_warn(const struct pop3_source *s, const char *event,
		      size_t count)
{
	struct log_line l;

	if (!log_begin(&l, LOG_WARNING, event))
		return;
	log_str(&l, "user", s->o.user);
	log_num(&l, "messages", (int64_t)count);
	log_end(&l);
}

/* --- events --- */

static void on_quit(struct pop3_source *s, const struct pop3_event *ev)
{
	struct err err;

	stream_expect_end(s->stream);
	if (ev->ok && s->asked_to_erase)
		s->report->erased(s->who, s->deleted, s->ndeleted, 0, NULL);
	if (ev->ok || s->ndeleted == 0) {
		pop3_source_end(s, NULL);
		return;
	}
	/* RFC 1939 6: some may be gone; the next listing says which */
	err_set(&err, pop3_line_class(ev->cmd, ev->code),
		"the server may not have deleted %zu messages", s->ndeleted);
	err.origin = ERR_FROM_POP3;
	err_peer(&err, ev->text);
	pop3_source_end(s, &err);
}

/* The connection ended where nothing but a farewell was missing. */
static bool nothing_is_lost(const struct pop3_source *s)
{
	return s->phase == PHASE_LEAVING && s->ndeleted == 0 &&
	       s->jobs.done == s->jobs.n && s->look == LOOK_NOT;
}

static void on_failed(struct pop3_source *s, const struct err *err)
{
	if (nothing_is_lost(s) && err->class == ERR_NETWORK)
		pop3_source_end(s, NULL);
	else
		pop3_source_end(s, err);
}

static void tell_folder(struct pop3_source *s)
{
	const struct source_folder folder = { 0 };

	if (s->phase != PHASE_OPEN || !s->wants_folder)
		return;
	s->wants_folder = false;
	s->report->folder(s->who, &folder, NULL);
}

static void be_open(struct pop3_source *s)
{
	struct source_ready ready = { .can_delete = true };

	pop3_signin_fini(&s->signin);
	s->o.secret = NULL;
	s->phase = PHASE_OPEN;
	memcpy(ready.capabilities, s->signin.capabilities,
	       sizeof(ready.capabilities));
	ready.scram_offered = exchange_offers_scram(&s->signin.exchange);
	ready.volatile_on_fetch = pop3_caps(s->pop3)->expires;
	ready.login_delay_s = pop3_caps(s->pop3)->login_delay_s;
	s->report->ready(s->who, &ready);
}

static void on_signin(struct pop3_source *s, const struct pop3_event *ev)
{
	struct err err;

	switch (pop3_signin_event(&s->signin, s->stream, ev, &err)) {
	case SIGNIN_ON:
		return;
	case SIGNIN_SECURE:
		stream_start_tls(s->stream);
		return;
	case SIGNIN_DONE:
		be_open(s);
		return;
	case SIGNIN_FAILED:
		pop3_source_end(s, &err);
		return;
	}
}

static void on_event(struct pop3_source *s, const struct pop3_event *ev)
{
	if (ev->type == POP3_EV_REPLY)
		trace(s, ev);
	if (ev->type == POP3_EV_FAILED) {
		on_failed(s, ev->err);
		return;
	}
	if (s->phase == PHASE_SIGNIN) {
		on_signin(s, ev);
		return;
	}
	switch (ev->cmd) {
	case POP3_CMD_STAT:
		pop3_source_on_stat(s, ev);
		return;
	case POP3_CMD_LIST:
		pop3_source_on_list(s, ev);
		return;
	case POP3_CMD_UIDL:
		pop3_source_on_uidl(s, ev);
		return;
	case POP3_CMD_RETR:
	case POP3_CMD_TOP:
	case POP3_CMD_DELE:
		pop3_source_on_job(s, ev);
		return;
	case POP3_CMD_QUIT:
		on_quit(s, ev);
		return;
	case POP3_CMD_CAPA:
	case POP3_CMD_STLS:
	case POP3_CMD_USER:
	case POP3_CMD_PASS:
	case POP3_CMD_APOP:
	case POP3_CMD_AUTH:
	case POP3_CMD_UTF8:
	case POP3_CMD_NOOP:
	case POP3_CMD_RSET:
		break; /* of the sign-in, or never given */
	}
}

static void leave_if_done(struct pop3_source *s)
{
	if (!s->wants_quit || s->jobs.given < s->jobs.n ||
	    s->look != LOOK_NOT || !pop3_source_has_room(s))
		return;
	MUST(pop3_quit(s->pop3));
	s->phase = PHASE_LEAVING;
}

static bool may_read(const struct pop3_source *s)
{
	return s->bodies == 0 || !s->report->may_read ||
	       s->report->may_read(s->who);
}

/* Takes what has come, gives what can be given. */
static void go_on(struct pop3_source *s)
{
	struct pop3_event ev;

	while (s->phase != PHASE_OVER && may_read(s) && pop3_next(s->pop3, &ev))
		on_event(s, &ev);
	tell_folder(s);
	if (s->phase != PHASE_OPEN)
		return;
	pop3_source_begin_look(s);
	pop3_source_give_jobs(s);
	leave_if_done(s);
}

static void on_turn(void *who)
{
	struct pop3_source *s = who;

	s->gulp = 0;
	go_on(s);
	if (s->phase != PHASE_OVER)
		stream_poke(s->stream);
}

/* --- ports of the stream --- */

static struct room port_room(void *who)
{
	struct pop3_source *s = who;

	if (s->phase == PHASE_OVER || !may_read(s))
		return (struct room){ NULL, 0 };
	if (s->gulp >= GULP_OCTETS) {
		task_post(&s->turn);
		return (struct room){ NULL, 0 };
	}
	return pop3_room(s->pop3);
}

static void port_received(void *who, size_t n)
{
	struct pop3_source *s = who;

	pop3_received(s->pop3, n);
	s->gulp += n;
	go_on(s);
}

static struct view port_pending(void *who)
{
	return pop3_pending(((struct pop3_source *)who)->pop3);
}

static void port_sent(void *who, size_t n)
{
	struct pop3_source *s = who;

	pop3_sent(s->pop3, n);
	if (s->phase == PHASE_OPEN)
		pop3_source_give_jobs(s);
}

static void port_opened(void *who)
{
	(void)who; /* the server speaks first */
}

static void port_secured(void *who)
{
	struct pop3_source *s = who;

	pop3_signin_secured(&s->signin);
}

static void port_eof(void *who)
{
	struct pop3_source *s = who;

	pop3_eof(s->pop3);
	go_on(s);
}

static struct patience port_patience(void *who)
{
	return pop3_patience(((struct pop3_source *)who)->pop3);
}

static void port_closed(void *who, const struct err *why)
{
	struct pop3_source *s = who;

	s->stream = NULL;
	if (s->phase != PHASE_OVER && why->class != ERR_NONE &&
	    !nothing_is_lost(s))
		s->why = *why;
	s->phase = PHASE_OVER;
	s->report->closed(s->who, s->why.class ? &s->why : NULL);
	source_free(s);
}

/* --- what is asked --- */

static void ask_folder(struct source *source, const char *name)
{
	struct pop3_source *s = of(source);

	(void)name; /* there is one */
	s->wants_folder = true;
	task_post(&s->turn);
}

static void ask_list(struct source *source, uint32_t from, unsigned facts)
{
	struct pop3_source *s = of(source);

	(void)from; /* POP3 cannot list a part */
	s->wants_sizes = facts & SOURCE_SIZES;
	if (s->look == LOOK_NOT)
		s->look = LOOK_ASKED;
	task_post(&s->turn);
}

static bool ask_sizes(struct source *source)
{
	struct pop3_source *s = of(source);

	if (s->look != LOOK_NOT || s->with_list)
		return false;
	s->look = LOOK_SIZES_ASKED;
	task_post(&s->turn);
	return true;
}

static void ask_namesakes(struct source *source, const struct message_key *keys,
			  size_t n)
{
	struct pop3_source *s = of(source);

	s->namesakes = keys;
	s->nnamesakes = n;
}

static void ask_bodies(struct pop3_source *s, enum job_kind kind,
		       const struct spool_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pop3_source_add_job(s, kind, items[i].number, &items[i].key);
	s->bodies += n;
	task_post(&s->turn);
}

static void ask_fetch(struct source *source, const struct spool_item *items,
		      size_t n)
{
	ask_bodies(of(source), JOB_RETR, items, n);
}

static void ask_headers(struct source *source, const struct spool_item *items,
			size_t n)
{
	ask_bodies(of(source), JOB_HEADER, items, n);
}

static void ask_erase(struct source *source, const struct spool_item *items,
		      size_t n, enum source_erase how)
{
	struct pop3_source *s = of(source);

	(void)how; /* a mailbox has one folder */

	s->asked_to_erase = true;
	for (size_t i = 0; i < n; i++)
		pop3_source_add_job(s, JOB_DELE, items[i].number,
				    &items[i].key);
	task_post(&s->turn);
}

static void ask_quit(struct source *source)
{
	struct pop3_source *s = of(source);

	s->wants_quit = true;
	task_post(&s->turn);
}

static void ask_cancel(struct source *source)
{
	struct err err;

	err_set(&err, ERR_CANCELLED, "cancelled");
	pop3_source_end(of(source), &err);
}

static void ask_poke(struct source *source)
{
	task_post(&of(source)->turn);
}

static struct view ask_uid_text(struct source *source, uint32_t number)
{
	struct pop3_source *s = of(source);

	return s->listing ? listing_text(s->listing, number) : VIEW_NONE;
}

static struct stream *ask_stream(struct source *source)
{
	return of(source)->stream;
}

struct source *source_pop3_open(const struct source_options *o,
				const struct source_reports *r, void *who)
{
	static const struct source_ops ops = {
		.folder = ask_folder,
		.list = ask_list,
		.sizes = ask_sizes,
		.namesakes = ask_namesakes,
		.fetch = ask_fetch,
		.erase = ask_erase,
		.headers = ask_headers,
		.quit = ask_quit,
		.cancel = ask_cancel,
		.poke = ask_poke,
		.uid_text = ask_uid_text,
		.stream = ask_stream,
	};
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
	struct pop3_source *s = mem_new(sizeof(*s));

	s->source.ops = &ops;
	s->o = *o;
	s->report = r;
	s->who = who;
	s->pop3 = pop3_new();
	s->hash = hash_new();
	pop3_signin_init(&s->signin, &s->o, s->pop3, &s->turn);
	task_init(&s->turn, o->loop, on_turn, s);
	s->stream = stream_open(o->loop, o->resolver, &o->endpoint, &ports, s);
	return &s->source;
}
