#include "digest.h"
#include "must.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DAY_MS	    ((int64_t)86400000)
#define FORGET_MS   (7 * DAY_MS)
#define TIME_OCTETS 32

void digest_init(struct digest *d, int64_t after_ms, int64_t now_ms)
{
	*d = (struct digest){ .after_ms = after_ms, .now_ms = now_ms };
}

void digest_fini(struct digest *d)
{
	free(d->cause);
	free(d->row);
	*d = (struct digest){ 0 };
}

/* --- causes --------------------------------------------------------------- */

static struct digest_cause *add(struct digest *d, const char *kind,
				const char *name)
{
	struct digest_cause *c;

	d->cause = mem_grow(d->cause, (d->n + 1) * sizeof(*d->cause));
	c = &d->cause[d->n++];
	*c = (struct digest_cause){ .since_ms = d->now_ms };
	(void)snprintf(c->key, sizeof(c->key), "%s%s%s", kind, *name ? " " : "",
		       name);
	(void)snprintf(c->title, sizeof(c->title), "%s", c->key);
	return c;
}

/* What nothing but a person mends; the rest may pass. */
static bool is_urgent(enum err_class class)
{
	switch (class) {
	case ERR_AUTH:
	case ERR_TRUST:
	case ERR_REFUSED:
	case ERR_CONFIG:
	case ERR_DISK:
	case ERR_STATE:
	case ERR_BUG:
		return true;
	case ERR_NONE:
	case ERR_NETWORK:
	case ERR_RETRY:
	case ERR_BUSY:
	case ERR_PROTOCOL:
	case ERR_LIMIT:
	case ERR_CANCELLED:
		break;
	}
	return false;
}

static void from_trouble(struct digest_cause *c, const struct spool_trouble *t,
			 int64_t success_ms)
{
	(void)snprintf(c->what, sizeof(c->what), "%s", t->text);
	(void)snprintf(c->remedy, sizeof(c->remedy), "%s", t->remedy);
	c->since_ms = t->since_ms;
	c->success_ms = success_ms;
	c->count = t->count;
	c->urgent = is_urgent(t->class);
}

void digest_account(struct digest *d, const struct spool_account *a)
{
	if (a->trouble.class != ERR_NONE)
		from_trouble(add(d, "account", a->name), &a->trouble,
			     a->last_success_ms);
}

void digest_delivery(struct digest *d, const struct spool_delivery *v)
{
	if (v->trouble.class != ERR_NONE)
		from_trouble(add(d, "delivery", v->name), &v->trouble,
			     v->last_success_ms);
}

void digest_waiting(struct digest *d, const struct spool_waiting *w)
{
	struct digest_cause *c = add(d, w->doubt ? "doubt" : "held",
				     *w->account ? w->account : "(notice)");
	const char *many = w->n == 1 ? "" : "s";

	if (*w->account)
		(void)snprintf(c->title, sizeof(c->title), "mail of %s",
			       w->account);
	else
		(void)snprintf(c->title, sizeof(c->title), "notices like this");
	if (w->doubt)
		(void)snprintf(c->what, sizeof(c->what),
			       "%" PRIu64 " message%s held, since it is not "
			       "known whether %s arrived",
			       w->n, many, w->n == 1 ? "it has" : "they have");
	else
		(void)snprintf(c->what, sizeof(c->what),
			       "%" PRIu64 " message%s held; the newest: %.400s",
			       w->n, many, w->words);
	(void)snprintf(c->remedy, sizeof(c->remedy),
		       "mailhaul queue list; then queue retry, or queue drop");
	c->since_ms = w->since_ms;
	c->n = w->n;
	c->urgent = true;
}

static void from_err(struct digest_cause *c, const struct err *err)
{
	struct err words = *err;

	words.remedy[0] = 0;
	err_line(&words, c->what, sizeof(c->what));
	(void)snprintf(c->remedy, sizeof(c->remedy), "%s", err->remedy);
	c->urgent = true;
}

void digest_warning(struct digest *d, const char *account,
		    const struct err *err)
{
	struct digest_cause *c = add(d, "warning", account);

	(void)snprintf(c->title, sizeof(c->title), "account %s", account);
	from_err(c, err);
}

void digest_mail_fails(struct digest *d, const char *words)
{
	struct digest_cause *c = add(d, "notify", "");

	(void)snprintf(c->what, sizeof(c->what),
		       "a notice by mail was not taken: %.450s", words);
	(void)snprintf(c->remedy, sizeof(c->remedy),
		       "mailhaul queue list; is `notify` right?");
	c->urgent = c->no_mail = true;
}

void digest_command_fails(struct digest *d, const struct err *err)
{
	from_err(add(d, "notify_command", ""), err);
}

/* --- rows ----------------------------------------------------------------- */

static struct spool_notice *row_of(const struct digest *d, const char *key)
{
	for (size_t i = 0; i < d->nrows; i++)
		if (strcmp(d->row[i].cause, key) == 0)
			return &d->row[i];
	return NULL;
}

static const struct digest_cause *cause_of(const struct digest *d,
					   const char *key)
{
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->cause[i].key, key) == 0)
			return &d->cause[i];
	return NULL;
}

static void drop_row(struct digest *d, struct spool_notice *r)
{
	size_t at = (size_t)(r - d->row);

	memmove(r, r + 1, (d->nrows - at - 1) * sizeof(*r));
	d->nrows--;
	d->changed = true;
}

void digest_forget(struct digest *d, const char *key)
{
	struct spool_notice *r = row_of(d, key);

	if (r)
		drop_row(d, r);
}

static void begin_row(struct digest *d, const struct digest_cause *c)
{
	struct spool_notice *r = row_of(d, c->key);

	if (r && !r->over_ms)
		return;
	if (!r) {
		d->row = mem_grow(d->row, (d->nrows + 1) * sizeof(*d->row));
		r = &d->row[d->nrows++];
		*r = (struct spool_notice){ 0 };
		(void)snprintf(r->cause, sizeof(r->cause), "%s", c->key);
	}
	/* it began anew; that it was told within the day still counts */
	r->over_ms = 0;
	r->since_ms = c->since_ms;
	r->mailed_n = r->ran_n = 0;
	d->changed = true;
}

/* Its end was said, need not be, or nobody wants to know any more. */
static bool is_done(const struct digest *d, const struct spool_notice *r)
{
	return (!r->mailed_ms && !r->ran_ms) ||
	       llabs(d->now_ms - r->over_ms) >= FORGET_MS;
}

static void end_row(struct digest *d, struct spool_notice *r)
{
	if (!r->over_ms) {
		r->over_ms = d->now_ms;
		d->changed = true;
	}
	if (is_done(d, r))
		drop_row(d, r);
}

void digest_settle(struct digest *d,
		   bool (*unknown)(void *who, const char *key), void *who)
{
	for (size_t i = 0; i < d->n; i++)
		begin_row(d, &d->cause[i]);
	for (size_t i = d->nrows; i > 0; i--)
		if (!cause_of(d, d->row[i - 1].cause) &&
		    !unknown(who, d->row[i - 1].cause))
			end_row(d, &d->row[i - 1]);
}

/* --- telling -------------------------------------------------------------- */

static bool is_due(const struct digest *d, const struct digest_cause *c,
		   enum digest_way way)
{
	const struct spool_notice *r = row_of(d, c->key);
	int64_t told = way == DIGEST_MAIL ? r->mailed_ms : r->ran_ms;
	uint64_t n = way == DIGEST_MAIL ? r->mailed_n : r->ran_n;

	if (way == DIGEST_MAIL && c->no_mail)
		return false;
	if (told && llabs(d->now_ms - told) < DAY_MS)
		return false;
	if (c->n && c->n <= n)
		return false;
	return c->urgent || d->now_ms - r->since_ms >= d->after_ms;
}

size_t digest_due(const struct digest *d, enum digest_way way)
{
	size_t n = 0;

	for (size_t i = 0; i < d->n; i++)
		n += is_due(d, &d->cause[i], way);
	return n;
}

static bool end_is_due(const struct spool_notice *r, enum digest_way way)
{
	return r->over_ms && (way == DIGEST_MAIL ? r->mailed_ms : r->ran_ms);
}

void digest_subject(const struct digest *d, enum digest_way way,
		    const char *host, struct text *out)
{
	size_t n = digest_due(d, way);

	(void)text_fmt(out, "mailhaul on %.100s: ", host);
	for (size_t i = 0; n == 1 && i < d->n; i++)
		if (is_due(d, &d->cause[i], way)) {
			(void)text_fmt(out, "%s needs you", d->cause[i].title);
			return;
		}
	(void)text_fmt(out, "%zu things need you", n);
}

static void put_time(int64_t unix_ms, struct text *out)
{
	time_t s = (time_t)(unix_ms / 1000);
	char at[TIME_OCTETS];
	struct tm tm;

	if (gmtime_r(&s, &tm) &&
	    strftime(at, sizeof(at), "%Y-%m-%d %H:%M UTC", &tm))
		(void)text_puts(out, at);
}

static void put_cause(const struct digest_cause *c, struct text *out)
{
	(void)text_fmt(out, "%s\n    %s\n", c->title, c->what);
	if (*c->remedy)
		(void)text_fmt(out, "    what to do: %s\n", c->remedy);
	(void)text_puts(out, "    since ");
	put_time(c->since_ms, out);
	if (c->count)
		(void)text_fmt(out, ", %u time%s", c->count,
			       c->count == 1 ? "" : "s");
	if (c->success_ms) {
		(void)text_puts(out, "; last success ");
		put_time(c->success_ms, out);
	}
	(void)text_puts(out, "\n\n");
}

static void put_end(const struct spool_notice *r, struct text *out)
{
	struct view name = view_of(r->cause), kind = view_word(&name);
	bool mail = view_eq(kind, VIEW_LIT("held")) ||
		    view_eq(kind, VIEW_LIT("doubt"));

	name = view_trim(name);
	if (mail)
		(void)text_fmt(out, "mail of %.*s: nothing is held any more",
			       VIEW_ARG(name));
	else if (view_eq(kind, VIEW_LIT("warning")))
		(void)text_fmt(out, "account %.*s: that is settled",
			       VIEW_ARG(name));
	else
		(void)text_fmt(out, "%s: works again", r->cause);
	(void)text_puts(out, ", since ");
	put_time(r->over_ms, out);
	(void)text_puts(out, "\n");
}

void digest_text(const struct digest *d, enum digest_way way, const char *host,
		 struct text *out)
{
	size_t ends = 0;

	(void)text_fmt(out, "This is mailhaul on %.255s, ", host);
	put_time(d->now_ms, out);
	(void)text_puts(out, ".\n\n");
	for (size_t i = 0; i < d->n; i++)
		if (is_due(d, &d->cause[i], way))
			put_cause(&d->cause[i], out);
	for (size_t i = 0; i < d->nrows; i++)
		if (end_is_due(&d->row[i], way)) {
			put_end(&d->row[i], out);
			ends++;
		}
	(void)text_fmt(out,
		       "%sHow things stand: mailhaul status. Each of them is "
		       "told once a day at most.\n",
		       ends ? "\n" : "");
}

static void set_told(struct spool_notice *r, enum digest_way way,
		     int64_t now_ms, uint64_t n)
{
	if (way == DIGEST_MAIL) {
		r->mailed_ms = now_ms;
		r->mailed_n = n;
	} else {
		r->ran_ms = now_ms;
		r->ran_n = n;
	}
}

void digest_told(struct digest *d, enum digest_way way)
{
	for (size_t i = 0; i < d->n; i++)
		if (is_due(d, &d->cause[i], way))
			set_told(row_of(d, d->cause[i].key), way, d->now_ms,
				 d->cause[i].n);
	for (size_t i = d->nrows; i > 0; i--) {
		struct spool_notice *r = &d->row[i - 1];

		if (!end_is_due(r, way))
			continue;
		set_told(r, way, 0, 0);
		if (is_done(d, r))
			drop_row(d, r);
	}
	d->changed = true;
}
