#include "notify.h"
#include "digest.h"
#include "must.h"
#include "post.h"
#include "program.h"
#include "query.h"

#include <stdio.h>
#include <stdlib.h>

#define HOUR_MS	    ((int64_t)3600000)
#define TEXT_OCTETS (4u << 20)

/* Of an account that was visited. */
struct visited {
	char *account;	    /* owned: its name */
	struct err warning; /* ERR_NONE: all is well */
};

struct notify {
	const struct parts *parts;
	void (*done)(void *who, const struct notify_outcome *o);
	void *who;
	bool looking;
	struct config *config;	 /* held while it is looking */
	struct visited *visited; /* owned */
	size_t nvisited;
	struct digest digest;
	bool pending;	 /* a mail of ours is in the queue */
	char words[512]; /* ... and why it is not taken */
	struct spool_call call;
	struct text text, subject; /* by mail; then by command */
	struct post post;
	bool run_ok;
	struct notify_outcome outcome;
};

bool notify_wanted(const struct config *c)
{
	return c->notify.n || c->notify_command.n;
}

struct notify *
notify_new(const struct parts *parts,
	   void (*done)(void *who, const struct notify_outcome *o), void *who)
{
	struct notify *n = mem_new(sizeof(*n));

	n->parts = parts;
	n->done = done;
	n->who = who;
	text_init(&n->text, TEXT_OCTETS);
	text_init(&n->subject, 400);
	return n;
}

static void forget_visited(struct notify *n)
{
	for (size_t i = 0; i < n->nvisited; i++)
		free(n->visited[i].account);
	n->nvisited = 0;
}

void notify_free(struct notify *n)
{
	if (!n)
		return;
	MUST(!n->looking);
	text_fini(&n->text);
	text_fini(&n->subject);
	forget_visited(n);
	free(n->visited);
	free(n);
}

bool notify_is_looking(const struct notify *n)
{
	return n->looking;
}

void notify_visited(struct notify *n, const struct pass_account *a)
{
	struct visited *v;

	if (a->result != PASS_OK && a->result != PASS_FAILED)
		return;
	n->visited =
		mem_grow(n->visited, (n->nvisited + 1) * sizeof(*n->visited));
	v = &n->visited[n->nvisited++];
	*v = (struct visited){ .account = mem_str(a->config->name) };
	if (a->err.class == ERR_CONFIG)
		v->warning = a->err;
}

/* --- the end -------------------------------------------------------------- */

static void end(struct notify *n)
{
	digest_fini(&n->digest);
	text_clear(&n->text);
	text_clear(&n->subject);
	forget_visited(n);
	n->looking = false;
	config_unref(n->config);
	n->config = NULL;
	n->done(n->who, &n->outcome);
}

static bool save(struct ledger *l, void *arg, struct err *err)
{
	struct notify *n = arg;

	return notice_save(l, n->digest.row, n->digest.nrows, err);
}

static void on_saved(struct spool_req *req)
{
	struct notify *n = req->who;

	if (!req->ok)
		n->outcome.err = req->err;
	end(n);
}

static void write_down(struct notify *n)
{
	if (!n->digest.changed) {
		end(n);
		return;
	}
	n->call = (struct spool_call){
		.req = { .done = on_saved, .who = n, .urgent = true },
		.fn = save,
		.arg = n,
	};
	spool_call(n->parts->spool, &n->call);
}

/* --- by mail -------------------------------------------------------------- */

static void on_posted(void *who, int64_t id, const struct err *err)
{
	struct notify *n = who;

	n->outcome.mailed = id != 0;
	if (id)
		digest_told(&n->digest, DIGEST_MAIL);
	else
		n->outcome.err = *err;
	write_down(n);
}

static void write_text(struct notify *n, enum digest_way way)
{
	text_clear(&n->text);
	text_clear(&n->subject);
	digest_text(&n->digest, way, n->parts->hostname, &n->text);
	digest_subject(&n->digest, way, n->parts->hostname, &n->subject);
}

static void by_mail(struct notify *n)
{
	const struct config *c = n->config;

	if (!c->notify.n || n->pending || !c->n_deliveries ||
	    !digest_due(&n->digest, DIGEST_MAIL)) {
		write_down(n);
		return;
	}
	write_text(n, DIGEST_MAIL);
	n->post = (struct post){ .done = on_posted, .who = n };
	post_send(&n->post, n->parts, &c->deliveries[0], &c->notify,
		  text_str(&n->subject), text_view(&n->text));
}

/* --- by command ----------------------------------------------------------- */

bool notify_run(const struct config *c, struct view text, struct err *err)
{
	const struct config_list *l = &c->notify_command;
	char **argv = mem_new((l->n + 1) * sizeof(*argv)), room[64];
	struct program p = {
		.argv = argv,
		.in = text,
		.patience_ms = NOTIFY_COMMAND_MS,
	};
	enum program_end how;
	const char *why;

	memcpy(argv, l->item, l->n * sizeof(*argv));
	how = program_run(&p);
	why = program_why(&p, how, room, sizeof(room));
	if (why) {
		(void)err_set(err, ERR_CONFIG, "notify_command %.80s: %s",
			      argv[0], why);
		(void)err_remedy(err, "run it by hand, as this user, with some "
				      "text on its standard input");
	}
	free(argv);
	return !why;
}

static void run(void *who)
{
	struct notify *n = who;

	n->run_ok =
		notify_run(n->config, text_view(&n->text), &n->outcome.command);
}

/* Its row says when it failed last, in ran_ms; told of by mail alone. */
static struct spool_notice *failure_row(struct notify *n)
{
	for (size_t i = 0; i < n->digest.nrows; i++)
		if (strcmp(n->digest.row[i].cause, "notify_command") == 0)
			return &n->digest.row[i];
	return NULL;
}

static bool unknown_never(void *who, const char *key)
{
	(void)who;
	(void)key;
	return true;
}

static void on_ran(void *who)
{
	struct notify *n = who;
	struct spool_notice *r = failure_row(n);
	int64_t now = n->digest.now_ms;

	if (n->run_ok) {
		n->outcome.ran = true;
		digest_told(&n->digest, DIGEST_COMMAND);
		r = failure_row(n);
		if (r) /* that it worked again is seen */
			digest_forget(&n->digest, "notify_command");
		by_mail(n);
		return;
	}
	n->outcome.command_is_new = !r;
	digest_command_fails(&n->digest, &n->outcome.command);
	digest_settle(&n->digest, unknown_never, NULL);
	failure_row(n)->ran_ms = now;
	n->digest.changed = true;
	by_mail(n);
}

static void by_command(struct notify *n)
{
	const struct config *c = n->config;
	const struct spool_notice *r = failure_row(n);

	if (!c->notify_command.n || !digest_due(&n->digest, DIGEST_COMMAND) ||
	    (r && llabs(n->digest.now_ms - r->ran_ms) < HOUR_MS)) {
		by_mail(n);
		return;
	}
	write_text(n, DIGEST_COMMAND);
	loop_work(n->parts->loop, run, on_ran, n);
}

/* --- gathering ------------------------------------------------------------ */

static bool on_account(void *who, const struct spool_account *a)
{
	struct notify *n = who;
	const struct config_account *c =
		config_account(n->config, view_of(a->name));

	/* a row of that name may be left from before its user changed */
	if (c && c->enabled && strcmp(c->user, a->user) == 0)
		digest_account(&n->digest, a);
	return true;
}

static bool on_delivery(void *who, const struct spool_delivery *d)
{
	struct notify *n = who;

	if (config_delivery(n->config, view_of(d->name)))
		digest_delivery(&n->digest, d);
	return true;
}

/* On the store thread; the loop thread waits for it, nothing else changes n. */
static bool gather(struct ledger *l, void *arg, struct err *err)
{
	struct notify *n = arg;
	struct digest *d = &n->digest;
	struct spool_waiting *w = NULL;
	size_t nw = 0;
	uint64_t queued = 0;
	bool ok = notice_load(l, &d->row, &d->nrows, err) &&
		  query_accounts(l, on_account, n, err) &&
		  query_deliveries(l, on_delivery, n, err) &&
		  notice_waiting(l, &w, &nw, err) &&
		  notice_queued(l, &queued, n->words, sizeof(n->words), err);

	for (size_t i = 0; i < nw; i++)
		digest_waiting(d, &w[i]);
	free(w);
	n->pending = queued > 0;
	return ok;
}

static bool has_cause(const struct notify *n, const char *key)
{
	for (size_t i = 0; i < n->digest.n; i++)
		if (strcmp(n->digest.cause[i].key, key) == 0)
			return true;
	return false;
}

/* What an account failed with is in the ledger, and told as that. */
static void add_warnings(struct notify *n)
{
	char key[96];

	for (size_t i = 0; i < n->nvisited; i++) {
		const char *name = n->visited[i].account;

		(void)snprintf(key, sizeof(key), "account %s", name);
		if (n->visited[i].warning.class != ERR_NONE &&
		    !has_cause(n, key))
			digest_warning(&n->digest, name,
				       &n->visited[i].warning);
	}
}

/* "account gmx" of a configuration that has none, or has switched it off. */
static bool is_gone(const struct config *c, struct view key)
{
	struct view kind = view_word(&key), name = view_trim(key);
	const struct config_account *a;

	if (view_eq(kind, VIEW_LIT("delivery")))
		return !config_delivery(c, name);
	if (!view_eq(kind, VIEW_LIT("account")) &&
	    !view_eq(kind, VIEW_LIT("warning")))
		return false;
	a = config_account(c, name);
	return !a || !a->enabled;
}

static void forget_gone(struct notify *n)
{
	struct digest *d = &n->digest;
	char key[sizeof(d->row->cause)];

	for (size_t i = d->nrows; i > 0; i--) {
		memcpy(key, d->row[i - 1].cause, sizeof(key));
		if (is_gone(n->config, view_of(key)))
			digest_forget(d, key);
	}
}

/* A warning is known while its account is looked at; the failure of the command
 * until it works. */
static bool is_unknown(void *who, const char *key)
{
	const struct notify *n = who;
	struct view v = view_of(key), kind = view_word(&v);

	if (view_eq(kind, VIEW_LIT("notify_command")))
		return n->config->notify_command.n > 0;
	if (!view_eq(kind, VIEW_LIT("warning")))
		return false;
	for (size_t i = 0; i < n->nvisited; i++)
		if (view_eq(view_trim(v), view_of(n->visited[i].account)))
			return false;
	return true;
}

static void on_gathered(struct spool_req *req)
{
	struct notify *n = req->who;

	if (!req->ok) {
		n->outcome.err = req->err;
		n->digest.changed = false;
		end(n);
		return;
	}
	add_warnings(n);
	if (n->pending && n->words[0])
		digest_mail_fails(&n->digest, n->words);
	forget_gone(n);
	digest_settle(&n->digest, is_unknown, n);
	by_command(n);
}

void notify_look(struct notify *n)
{
	MUST(!n->looking);
	n->looking = true;
	/* a reload may come meanwhile */
	n->config = config_ref((struct config *)n->parts->config);
	n->outcome = (struct notify_outcome){ 0 };
	digest_init(&n->digest, (int64_t)n->config->notify_after_ms,
		    loop_unix_ms());
	n->call = (struct spool_call){
		.req = { .done = on_gathered, .who = n, .urgent = true },
		.fn = gather,
		.arg = n,
	};
	spool_call(n->parts->spool, &n->call);
}
