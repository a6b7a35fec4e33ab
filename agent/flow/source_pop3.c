/*
 * A session: SIGNIN, then one thing after the other for a maildrop. Bodies and
 * deletions are jobs in one queue; as many as the server takes are in flight,
 * and replies come in their order.
 */
#include <stdio.h>
#include <stdlib.h>

#include "limits.h"
#include "listing_pop3.h"
#include "log.h"
#include "must.h"
#include "pop3_line.h"
#include "signin_pop3.h"
#include "source.h"

#define WINDOW	    64u	   /* commands in flight, where the server pipelines */
#define SORT_INLINE 20000u /* larger listings are sorted on the pool */

enum phase {
	PHASE_SIGNIN,
	PHASE_OPEN,
	PHASE_LEAVING, /* QUIT is on its way */
	PHASE_OVER,    /* the stream is closing */
};

/* How far the listing is. */
enum look {
	LOOK_NOT, /* not asked for yet, or done */
	LOOK_ASKED,
	LOOK_LIST,
	LOOK_UIDL,
	LOOK_SORT, /* on the pool */
	LOOK_HEADERS,
};

enum job_kind {
	JOB_RETR,
	JOB_HEADER,
	JOB_NAME, /* TOP, for the identity of a message without unique-id */
	JOB_DELE,
};

struct job {
	enum job_kind kind;
	uint32_t number;
	struct message_key key;
};

/* Jobs in the order of the wire: done < given <= n. */
struct jobs {
	struct job *job; /* owned */
	size_t done, given, n, cap;
};

/* A listing on the pool; outlives the session if it must. */
struct sorting {
	struct listing *listing;
	struct pop3_source *source; /* NULL: closed meanwhile */
};

/* Where the header of JOB_HEADER ends. */
struct cutter {
	bool over, in_line;
	size_t octets;
};

struct pop3_source {
	struct source source; /* first */
	struct source_options o;
	const struct source_reports *report;
	void *who;
	enum phase phase;
	struct stream *stream; /* NULL once closed */
	struct pop3 *pop3;
	struct signin signin;
	struct task turn;
	struct err why; /* of the end; ERR_NONE: as asked */

	bool wants_folder, wants_quit;
	size_t bodies; /* asked for by fetch and headers, not answered */
	enum look look;
	struct listing *listing;
	bool no_uidl;
	size_t naming;	 /* JOB_NAMEs not answered */
	size_t left_out; /* without an identity */
	struct sorting *sorting;
	struct hash *hash; /* of a header, for JOB_NAME */
	bool hashed;
	struct cutter cutter;

	struct jobs jobs;
	struct message_key *deleted; /* accepted DELEs, owned */
	size_t ndeleted, deleted_cap;
	bool asked_to_erase;
};

static struct pop3_source *of(struct source *s)
{
	return (struct pop3_source *)s;
}

/* --- the end --- */

static void end(struct pop3_source *s, const struct err *why)
{
	if (s->phase == PHASE_OVER)
		return;
	s->phase = PHASE_OVER;
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
	signin_fini(&s->signin);
	hash_free(s->hash);
	pop3_free(s->pop3);
	free(s->jobs.job);
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

static void warn(const struct pop3_source *s, const char *event, size_t count)
{
	struct log_line l;

	if (!log_begin(&l, LOG_WARNING, event))
		return;
	log_str(&l, "user", s->o.user);
	log_num(&l, "messages", (int64_t)count);
	log_end(&l);
}

/* --- jobs --- */

static void add_job(struct pop3_source *s, enum job_kind kind, uint32_t number,
		    const struct message_key *key)
{
	struct jobs *j = &s->jobs;

	if (j->done == j->n) {
		j->done = j->given = j->n = 0;
	} else if (j->done > 4096 && j->done > j->n / 2) {
		j->n -= j->done;
		j->given -= j->done;
		memmove(j->job, j->job + j->done, j->n * sizeof(*j->job));
		j->done = 0;
	}
	if (j->n == j->cap) {
		j->cap = j->cap * 2 + 64;
		j->job = mem_grow(j->job, j->cap * sizeof(*j->job));
	}
	j->job[j->n] = (struct job){ .kind = kind, .number = number };
	if (key)
		j->job[j->n].key = *key;
	j->n++;
}

static bool give_job(struct pop3_source *s, const struct job *j)
{
	switch (j->kind) {
	case JOB_RETR:
		return pop3_retr(s->pop3, j->number);
	case JOB_HEADER:
	case JOB_NAME:
		return pop3_top(s->pop3, j->number, 0);
	case JOB_DELE:
		return pop3_dele(s->pop3, j->number);
	}
	return false;
}

/* One more command may go out behind those in flight. */
static bool has_room(const struct pop3_source *s)
{
	size_t most = pop3_caps(s->pop3)->pipelining ? WINDOW : 1;

	return pop3_in_flight(s->pop3) < most;
}

static void give_jobs(struct pop3_source *s)
{
	struct jobs *j = &s->jobs;

	while (j->given < j->n && has_room(s) && give_job(s, &j->job[j->given]))
		j->given++;
}

static void body_answered(struct pop3_source *s)
{
	s->bodies--;
	if (s->bodies == 0 && s->phase != PHASE_OVER)
		s->report->fetched(s->who);
}

static void job_refused(struct pop3_source *s, struct job j,
			const struct pop3_event *ev)
{
	struct err err;

	err_set(&err, pop3_line_class(ev->cmd, ev->code),
		j.kind == JOB_RETR ? "message %u is refused"
				   : "the header of message %u is refused",
		j.number);
	err.origin = ERR_FROM_POP3;
	err_peer(&err, ev->text);
	s->report->refused(s->who, &j.key, &err);
	body_answered(s);
}

static void dele_answered(struct pop3_source *s, const struct job *j, bool ok)
{
	if (!ok) {
		warn(s, "delete_refused", 1);
		return;
	}
	if (s->ndeleted == s->deleted_cap) {
		s->deleted_cap = s->deleted_cap * 2 + 64;
		s->deleted = mem_grow(s->deleted,
				      s->deleted_cap * sizeof(*s->deleted));
	}
	s->deleted[s->ndeleted++] = j->key;
}

/* --- the listing --- */

static void refuse_listing(struct pop3_source *s, const struct pop3_event *ev)
{
	struct err err;

	err_set(&err, pop3_line_class(ev->cmd, ev->code),
		"the server does not list the maildrop");
	err.origin = ERR_FROM_POP3;
	err_peer(&err, ev->text);
	end(s, &err);
}

static void finish_look(struct pop3_source *s)
{
	struct spool_item *items;
	struct err err;
	size_t n;

	if (s->left_out && s->no_uidl &&
	    s->left_out == listing_unnamed_count(s->listing)) {
		err_set(&err, ERR_REFUSED,
			"the server has neither UIDL nor TOP: its messages "
			"cannot be told apart");
		err_remedy(&err, "use IMAP for this mailbox");
		end(s, &err);
		return;
	}
	if (s->left_out)
		warn(s, "left_without_identity", s->left_out);
	s->look = LOOK_NOT;
	items = listing_take(s->listing, &n);
	s->report->items(s->who, items, n);
}

static void name_or_finish(struct pop3_source *s)
{
	uint32_t number;

	s->look = LOOK_HEADERS;
	if (listing_unnamed_count(s->listing) == 0) {
		finish_look(s);
		return;
	}
	warn(s, s->no_uidl ? "no_uidl" : "uidl_not_unique",
	     listing_unnamed_count(s->listing));
	for (; listing_unnamed(s->listing, &number); s->naming++)
		add_job(s, JOB_NAME, number, NULL);
}

static void sort_on_pool(void *who)
{
	struct sorting *sorting = who;

	listing_sort(sorting->listing);
}

static void on_sorted(void *who)
{
	struct sorting *sorting = who;
	struct pop3_source *s = sorting->source;

	if (!s) {
		listing_free(sorting->listing);
	} else {
		s->sorting = NULL;
		if (s->phase != PHASE_OVER) {
			name_or_finish(s);
			task_post(&s->turn);
		}
	}
	free(sorting);
}

static void sort_look(struct pop3_source *s)
{
	s->look = LOOK_SORT;
	if (listing_count(s->listing) <= SORT_INLINE) {
		listing_sort(s->listing);
		name_or_finish(s);
		return;
	}
	s->sorting = mem_new(sizeof(*s->sorting));
	*s->sorting = (struct sorting){ s->listing, s };
	loop_work(s->o.loop, sort_on_pool, on_sorted, s->sorting);
}

static void begin_look(struct pop3_source *s)
{
	bool pipelining = pop3_caps(s->pop3)->pipelining;

	if (s->look != LOOK_ASKED || pop3_in_flight(s->pop3))
		return;
	listing_free(s->listing);
	s->listing = listing_new(s->o.key);
	s->left_out = 0;
	s->no_uidl = false;
	MUST(pop3_list(s->pop3) && (!pipelining || pop3_uidl(s->pop3)));
	s->look = LOOK_LIST;
}

static void on_list(struct pop3_source *s, const struct pop3_event *ev)
{
	struct err err;

	if (ev->type == POP3_EV_REPLY && !ev->ok)
		refuse_listing(s, ev);
	if (ev->type == POP3_EV_LISTING)
		listing_scan(s->listing, ev->number, ev->octets);
	if (ev->type != POP3_EV_END)
		return;
	if (!listing_scanned(s->listing, &err)) {
		end(s, &err);
		return;
	}
	s->look = LOOK_UIDL;
	if (pop3_in_flight(s->pop3) == 0)
		MUST(pop3_uidl(s->pop3));
}

static void on_uidl(struct pop3_source *s, const struct pop3_event *ev)
{
	struct err err;

	if (ev->type == POP3_EV_LISTING) {
		if (!listing_uid(s->listing, ev->number, ev->text, &err))
			end(s, &err);
		return;
	}
	if (ev->type == POP3_EV_REPLY && ev->ok)
		return;
	s->no_uidl = ev->type == POP3_EV_REPLY;
	if (s->no_uidl && pop3_line_class(ev->cmd, ev->code) == ERR_RETRY) {
		refuse_listing(s, ev);
		return;
	}
	sort_look(s);
}

/* --- bodies and headers --- */

/* What of a piece of header is to be told; the empty line is the end. */
static struct view cut_header(struct cutter *c, struct view v)
{
	size_t n = 0;

	while (n < v.n && !c->over && c->octets < LIMIT_HEADER_SCAN) {
		char octet = v.p[n++];

		c->octets++;
		if (octet == '\n' && !c->in_line)
			c->over = true;
		if (octet != '\r')
			c->in_line = octet != '\n';
	}
	return view_head(v, n);
}

static void body_octets(struct pop3_source *s, const struct job *j,
			struct view v)
{
	switch (j->kind) {
	case JOB_RETR:
		s->report->body(s->who, v);
		break;
	case JOB_HEADER:
		v = cut_header(&s->cutter, v);
		if (v.n)
			s->report->body(s->who, v);
		break;
	case JOB_NAME:
		hash_add(s->hash, v);
		s->hashed = true;
		break;
	case JOB_DELE:
		break;
	}
}

static void body_begins(struct pop3_source *s, const struct job *j)
{
	s->cutter = (struct cutter){ .over = false };
	if (j->kind == JOB_NAME) {
		s->hashed = false;
		return;
	}
	s->report->body_begin(s->who, &j->key,
			      s->listing ? listing_text(s->listing, j->number)
					 : VIEW_NONE);
}

static void named(struct pop3_source *s, bool ok)
{
	uint8_t hash[HASH_BODY_OCTETS];

	if (ok) {
		hash_end(s->hash, hash);
		listing_header(s->listing, hash, !s->hashed);
	} else {
		listing_leave_out(s->listing);
		s->left_out++;
	}
	if (--s->naming == 0)
		finish_look(s);
}

/* The reply to a job is complete; it is taken off the queue. */
static void job_done(struct pop3_source *s, const struct pop3_event *ev)
{
	struct job j = s->jobs.job[s->jobs.done++];

	switch (j.kind) {
	case JOB_NAME:
		named(s, ev->ok);
		return;
	case JOB_DELE:
		dele_answered(s, &j, ev->ok);
		return;
	case JOB_RETR:
	case JOB_HEADER:
		break;
	}
	if (!ev->ok) {
		job_refused(s, j, ev);
		return;
	}
	s->report->body_end(s->who, &j.key);
	body_answered(s);
}

static void on_job(struct pop3_source *s, const struct pop3_event *ev)
{
	const struct job *j = &s->jobs.job[s->jobs.done];

	MUST(s->jobs.done < s->jobs.given);
	if (ev->type == POP3_EV_BODY)
		body_octets(s, j, ev->text);
	else if (ev->type == POP3_EV_REPLY && ev->ok && j->kind != JOB_DELE)
		body_begins(s, j);
	else
		job_done(s, ev);
}

/* --- events --- */

static void on_quit(struct pop3_source *s, const struct pop3_event *ev)
{
	struct err err;

	stream_expect_end(s->stream);
	if (ev->ok && s->asked_to_erase)
		s->report->erased(s->who, s->deleted, s->ndeleted, 0);
	if (ev->ok || s->ndeleted == 0) {
		end(s, NULL);
		return;
	}
	/* RFC 1939 6: some may be gone; the next listing says which */
	err_set(&err, pop3_line_class(ev->cmd, ev->code),
		"the server may not have deleted %zu messages", s->ndeleted);
	err.origin = ERR_FROM_POP3;
	err_peer(&err, ev->text);
	end(s, &err);
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
		end(s, NULL);
	else
		end(s, err);
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

	signin_fini(&s->signin);
	s->o.secret = NULL;
	s->phase = PHASE_OPEN;
	memcpy(ready.capabilities, s->signin.capabilities,
	       sizeof(ready.capabilities));
	ready.volatile_on_fetch = pop3_caps(s->pop3)->expires;
	s->report->ready(s->who, &ready);
}

static void on_signin(struct pop3_source *s, const struct pop3_event *ev)
{
	struct err err;

	switch (signin_event(&s->signin, s->pop3, ev, &err)) {
	case SIGNIN_ON:
		return;
	case SIGNIN_TLS:
		stream_start_tls(s->stream);
		return;
	case SIGNIN_DONE:
		be_open(s);
		return;
	case SIGNIN_FAILED:
		end(s, &err);
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
	case POP3_CMD_LIST:
		on_list(s, ev);
		return;
	case POP3_CMD_UIDL:
		on_uidl(s, ev);
		return;
	case POP3_CMD_RETR:
	case POP3_CMD_TOP:
	case POP3_CMD_DELE:
		on_job(s, ev);
		return;
	case POP3_CMD_QUIT:
		on_quit(s, ev);
		return;
	case POP3_CMD_CAPA:
	case POP3_CMD_STLS:
	case POP3_CMD_USER:
	case POP3_CMD_PASS:
	case POP3_CMD_AUTH:
	case POP3_CMD_STAT:
	case POP3_CMD_NOOP:
	case POP3_CMD_RSET:
		break; /* of the sign-in, or never given */
	}
}

static void leave_if_done(struct pop3_source *s)
{
	if (!s->wants_quit || s->jobs.given < s->jobs.n ||
	    s->look != LOOK_NOT || !has_room(s))
		return;
	MUST(pop3_quit(s->pop3));
	s->phase = PHASE_LEAVING;
}

static bool may_read(const struct pop3_source *s)
{
	return s->bodies == 0 || s->report->may_read(s->who);
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
	begin_look(s);
	give_jobs(s);
	leave_if_done(s);
}

static void on_turn(void *who)
{
	struct pop3_source *s = who;

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
	return pop3_room(s->pop3);
}

static void port_received(void *who, size_t n)
{
	struct pop3_source *s = who;

	pop3_received(s->pop3, n);
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
		give_jobs(s);
}

static void port_opened(void *who)
{
	(void)who; /* the server speaks first */
}

static void port_secured(void *who)
{
	struct pop3_source *s = who;

	signin_secured(&s->signin, s->pop3);
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

static void ask_list(struct source *source, uint32_t from)
{
	struct pop3_source *s = of(source);

	(void)from; /* POP3 cannot list a part */
	if (s->look == LOOK_NOT)
		s->look = LOOK_ASKED;
	task_post(&s->turn);
}

static void ask_bodies(struct pop3_source *s, enum job_kind kind,
		       const struct spool_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_job(s, kind, items[i].number, &items[i].key);
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
		      size_t n)
{
	struct pop3_source *s = of(source);

	s->asked_to_erase = true;
	for (size_t i = 0; i < n; i++)
		add_job(s, JOB_DELE, items[i].number, &items[i].key);
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
	end(of(source), &err);
}

static void ask_poke(struct source *source)
{
	task_post(&of(source)->turn);
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
		.fetch = ask_fetch,
		.erase = ask_erase,
		.headers = ask_headers,
		.quit = ask_quit,
		.cancel = ask_cancel,
		.poke = ask_poke,
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
	signin_init(&s->signin, &s->o);
	task_init(&s->turn, o->loop, on_turn, s);
	s->stream = stream_open(o->loop, o->resolver, &o->endpoint, &ports, s);
	return &s->source;
}
