/*
 * Which folders are visited, and which of them need not be: what STATUS tells
 * is compared with the ledger before a folder is selected.
 */
#include "must.h"
#include "pattern.h"
#include "visit.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS	  86400000
#define SURVEY_MS 5000u /* nothing waits longer for what is nice to know */
/* Of folders that are not fetched, and of the name of one. */
#define UNFETCHED_OCTETS (16u << 10)
#define SHOWN_OCTETS	 200u
#define AHEAD		 64u /* folders asked about at once */

static struct plan_folder *in_hand(const struct visit *v)
{
	return &v->plan.item[v->folder_at];
}

static void look(struct visit *v, bool all)
{
	const char **patterns = NULL;
	size_t n = all ? 0 : plan_patterns(v->config, &patterns);

	if (v->phase != VISIT_SIGNIN)
		v->phase = VISIT_SELECTING;
	v->looked_at_all = n == 0;
	v->source->ops->look(v->source, patterns, n);
	free(patterns);
}

bool visit_counts(void *who, const struct source_listed *l)
{
	const struct visit *v = who;
	bool fetched = plan_settings(v->config, l) != NULL;

	/* RFC 3501 6.3.10: not of the folder that is selected */
	if (v->surveying)
		return !fetched && strcmp(l->name, v->folder) != 0;
	return fetched;
}

/* --- what the ledger knows -------------------------------------------------
 */

void visit_forget_ahead(struct visit *v)
{
	v->ahead.n = 0;
	spool_folders_fini(&v->ahead.folders);
}

/* Both the server and the ledger have told what folders there are. */
static void go_to_first(struct visit *v)
{
	if (!v->ahead.listed || v->ahead.out)
		return;
	if (!v->ahead.folders.req.ok)
		v->folder_at = v->plan.n;
	visit_select(v);
}

static void on_folders(struct spool_req *req)
{
	struct visit *v = req->who;

	free(v->patterns);
	v->patterns = v->ahead.folders.patterns; /* freed with v in any case */
	v->ahead.out--;
	if (!req->ok)
		visit_fail(v, &req->err);
	if (visit_goes_on(v))
		go_to_first(v);
}

void visit_ask_ledger(struct visit *v)
{
	if (v->single)
		return;
	visit_forget_ahead(v);
	v->ahead.listed = false;
	v->ahead.folders = (struct spool_folders){
		.req = { .done = on_folders, .who = v, .early = true },
		.account = v->row.id,
		.most = AHEAD,
	};
	v->ahead.out++;
	spool_folders(v->parts->spool, &v->ahead.folders);
}

static int by_name(const void *a, const void *b)
{
	const struct plan_folder *f = a;
	const struct spool_known_folder *k = b;
	int order = strcmp(f->name, k->name);

	if (order)
		return order;
	return (f->there.uidvalidity > k->f.uidvalidity) -
	       (f->there.uidvalidity < k->f.uidvalidity);
}

static const struct spool_folder *known(const struct visit *v)
{
	const struct spool_folders *s = &v->ahead.folders;
	const struct spool_known_folder *k =
		s->n ? bsearch(in_hand(v), s->known, s->n, sizeof(*s->known),
			       by_name)
		     : NULL;

	return k ? &k->f : NULL;
}

/* What STATUS told may spare the SELECT. */
static bool may_be_unchanged(const struct visit *v)
{
	const struct plan_folder *f = in_hand(v);

	return f->counted && f->there.uidvalidity && f->there.uidnext &&
	       !v->options->dry_run && !visit_is_task(v);
}

static void on_looked_up(struct spool_req *req)
{
	struct spool_folder_open *o =
		LIST_OF(req, struct spool_folder_open, req);
	struct visit *v = req->who;

	free(o->namesakes);
	o->namesakes = NULL;
	if (--v->ahead.out == 0 && visit_goes_on(v))
		visit_select(v);
}

/*
 * The ledger is asked about many folders in one go: fifty that have not changed
 * would else cost fifty trips to the store thread. So many, because what
 * follows from an answer at hand goes down the stack.
 */
static void look_up(struct visit *v)
{
	size_t n = v->plan.n - v->folder_at;
	struct ahead *a = &v->ahead;

	if (!a->open)
		a->open = mem_new(AHEAD * sizeof(*a->open));
	a->from = v->folder_at;
	a->n = a->out = n < AHEAD ? n : AHEAD;
	for (size_t i = 0; i < a->n; i++) {
		const struct plan_folder *f = &v->plan.item[a->from + i];

		a->open[i] = (struct spool_folder_open){
			.req = { .done = on_looked_up,
				 .who = v,
				 .early = true },
			.account = v->row.id,
			.name = f->name,
			.uidvalidity = f->there.uidvalidity,
			.look = true,
		};
		spool_folder_open(v->parts->spool, &a->open[i]);
	}
}

/* --- what is not fetched ---------------------------------------------------
 */

bool visit_survey(struct visit *v)
{
	int64_t ago = loop_unix_ms() - v->row.unfetched_ms;

	if (!v->source->ops->look_round || v->surveying ||
	    v->options->dry_run || visit_is_task(v) ||
	    v->err.class != ERR_NONE || !v->plan.n ||
	    (ago >= 0 && ago < DAY_MS))
		return false;
	v->surveying = true;
	v->row.unfetched_ms = loop_unix_ms(); /* also if it comes to nothing */
	v->source->ops->look_round(v->source);
	timer_start(&v->timer, SURVEY_MS);
	return true;
}

static void put_unfetched(struct text *to, const struct source_listed *l)
{
	struct text line;

	text_init(&line, UNFETCHED_OCTETS);
	if (l->counted)
		(void)text_fmt(&line, "%" PRIu32 " ", l->there.exists);
	else
		(void)text_puts(&line, "- ");
	/* what is no name was made printable already */
	if (l->no_name)
		(void)text_puts(&line, l->name);
	else
		(void)text_printable(&line, view_of(l->name), SHOWN_OCTETS);
	(void)text_puts(&line, "\n");
	(void)text_put(to, text_view(&line));
	text_fini(&line);
}

static void note_unfetched(struct visit *v, const struct source_listed *l,
			   size_t n)
{
	struct text lines;

	text_init(&lines, UNFETCHED_OCTETS);
	for (size_t i = 0; i < n; i++)
		if (!l[i].no_select && !plan_settings(v->config, &l[i]))
			put_unfetched(&lines, &l[i]);
	free(v->unfetched);
	v->unfetched = lines.n ? text_take(&lines) : mem_str("");
	text_fini(&lines);
}

void visit_on_listed(void *who, const struct source_listed *l, size_t n,
		     const struct err *err)
{
	struct visit *v = who;

	v->inherited = false;
	if (v->surveying) {
		note_unfetched(v, l, err ? 0 : n);
		visit_leave(v);
		return;
	}
	if (err) {
		visit_fail(v, err);
		visit_next_folder(v);
		return;
	}
	if (!v->looked_at_all && plan_lacks(v->config, l, n)) {
		look(v, true); /* for the names that may have been meant */
		return;
	}
	v->folder = NULL;
	plan_make(&v->plan, v->config, l, n);
	v->ahead.listed = true;
	go_to_first(v);
}

void visit_find_folders(struct visit *v)
{
	v->folder_at = 0;
	v->single = plan_single(v->config) != NULL;
	if (!v->single) {
		if (v->phase != VISIT_SIGNIN)
			visit_ask_ledger(v);
		look(v, false);
		return;
	}
	visit_forget_ahead(v);
	plan_make_single(&v->plan, v->config);
	visit_select(v);
}

bool visit_look_again(struct visit *v, const struct err *err)
{
	if (!v->single || v->sweeping || err->class != ERR_REFUSED ||
	    !v->source->ops->look)
		return false;
	v->single = false;
	visit_ask_ledger(v);
	look(v, true);
	return true;
}

/* It was not there at the last pass, though it would have been taken. */
bool visit_folder_appears(const struct visit *v)
{
	return v->patterns && !v->sweeping &&
	       pattern_lines_take(view_of(v->patterns), &in_hand(v)->mailbox);
}

void visit_saw_folder(struct visit *v)
{
	if (!v->sweeping)
		in_hand(v)->seen = true;
}

void visit_saw_numbers(struct visit *v, const struct source_folder *f)
{
	if (!v->sweeping)
		in_hand(v)->there = *f;
}

char *visit_patterns(const struct visit *v)
{
	struct text lines;
	char *out;

	for (size_t i = 0; i < v->plan.n; i++)
		if (!v->plan.item[i].seen)
			return NULL;
	if (!v->plan.n || config_is_pop3(&v->config->server))
		return NULL;
	text_init(&lines, LIMIT_CONFIG_OCTETS);
	pattern_lines(v->config, &lines);
	out = text_take(&lines);
	text_fini(&lines);
	return out;
}

/* --- one after the other -------------------------------------------------- */

/* v->here is known. */
static void judge(struct visit *v)
{
	if (v->here.id && visit_may_pass(v)) {
		visit_saw_folder(v);
		visit_note_obstacles(v);
		visit_unchanged(v);
		return;
	}
	visit_forget_ahead(v); /* a visit may change what is known of others */
	v->source->ops->folder(v->source, v->folder);
	visit_foresee(v, true);
}

static void take_looked_up(struct visit *v)
{
	struct spool_folder_open *o =
		&v->ahead.open[v->folder_at - v->ahead.from];

	v->here = o->f;
	if (o->req.ok) {
		judge(v);
		return;
	}
	visit_fail(v, &o->req.err);
	visit_next_folder(v);
}

static void compare(struct visit *v)
{
	const struct spool_folder *k = known(v);

	v->there = in_hand(v)->there;
	if (k) {
		v->here = *k;
		judge(v);
	} else if (v->folder_at - v->ahead.from < v->ahead.n) {
		take_looked_up(v);
	} else {
		look_up(v);
	}
}

void visit_select(struct visit *v)
{
	struct plan_folder *f;
	struct err missing;

	if (v->folder_at >= v->plan.n) {
		visit_next_folder(v);
		return;
	}
	f = in_hand(v);
	v->folder = f->name;
	v->settings = f->settings;
	v->delivery = deliveries_of(v->deliveries, f->settings->delivery);
	if (v->phase != VISIT_SIGNIN)
		v->phase = VISIT_SELECTING;
	if (f->err) {
		plan_missing(&v->plan, &missing);
		visit_fail(v, &missing);
		f->seen = true;
		visit_next_folder(v);
	} else if (!v->single && visit_skips_folder(v)) {
		visit_next_folder(v);
	} else if (may_be_unchanged(v)) {
		compare(v);
	} else {
		visit_forget_ahead(v);
		v->source->ops->folder(v->source, v->folder);
		visit_foresee(v, false);
	}
}
