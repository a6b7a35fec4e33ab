#include "answer.h"
#include "backup.h"
#include "listing_pop3.h"
#include "must.h"
#include "shape.h"

#include <stdlib.h>

bool answer_is(const json_t *request, const char *what)
{
	const char *ask = json_string_value(json_object_get(request, "ask"));

	return ask && strcmp(ask, what) == 0;
}

static const char *string_of(const json_t *request, const char *key)
{
	return json_string_value(json_object_get(request, key));
}

/* ---- queue, retry, drop ---- */

/* ids: owned, NULL where all are meant; free() it. */
static bool read_filter(const json_t *request, struct query_filter *f,
			int64_t **ids, struct err *err)
{
	const json_t *list = json_object_get(request, "ids");
	size_t n = json_array_size(list);

	*f = (struct query_filter){ .account = string_of(request, "account"),
				    .reason = string_of(request, "reason") };
	*ids = NULL;
	if (n == 0)
		return true;
	*ids = mem_new(n * sizeof(**ids));
	for (size_t i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(list, i));

		if (!message_id_parse(view_of(s), &(*ids)[i])) {
			free(*ids);
			*ids = NULL;
			return err_set(err, ERR_CONFIG,
				       "%s is not a queue id (mailhaul queue "
				       "shows them)",
				       s ? s : "null");
		}
	}
	f->ids = *ids;
	f->nids = n;
	return true;
}

struct gather {
	json_t *list;
	bool (*wanted)(const struct message *m);
	bool overflow;
};

static bool has_room(struct gather *g)
{
	g->overflow = json_array_size(g->list) >= ANSWER_MESSAGES;
	return !g->overflow;
}

static bool too_many(struct err *err)
{
	(void)err_set(err, ERR_CONFIG, "more than %u messages",
		      ANSWER_MESSAGES);
	return err_remedy(err, "narrow it down: --account, --reason, --since");
}

static bool on_queue_row(void *who, const struct query_row *row)
{
	struct gather *g = who;

	if (!has_room(g))
		return false;
	(void)json_array_append_new(g->list, shape_queue_row(row));
	return true;
}

static bool queue_list(struct ledger *l, const struct query_filter *f,
		       json_t **out, struct err *err)
{
	struct gather g = { .list = json_array() };

	if (!query_queue(l, f, on_queue_row, &g, err) ||
	    (g.overflow && !too_many(err))) {
		json_decref(g.list);
		return false;
	}
	*out = json_pack("{s:o}", "messages", g.list);
	return true;
}

static bool count_row(void *who, const struct query_row *row)
{
	(void)row;
	++*(uint64_t *)who;
	return true;
}

static bool queue_change(struct ledger *l, const json_t *request,
			 const struct query_filter *f, json_t **out,
			 struct err *err)
{
	int64_t now = json_integer_value(json_object_get(request, "now"));
	uint64_t changed = 0, matching = 0;
	bool ok;

	if (!query_queue(l, f, count_row, &matching, err))
		return false;
	ok = answer_is(request, "retry") ? query_retry(l, f, now, &changed, err)
					 : query_drop(l, f, now, &changed, err);
	if (!ok)
		return false;
	*out = json_pack(
		"{s:o, s:o}", "changed", shape_number(changed), "left",
		shape_number(matching > changed ? matching - changed : 0));
	return true;
}

static bool queue(struct ledger *l, const json_t *request, json_t **out,
		  struct err *err)
{
	struct query_filter f;
	int64_t *ids;
	bool ok;

	if (!read_filter(request, &f, &ids, err))
		return false;
	ok = answer_is(request, "queue")
		     ? queue_list(l, &f, out, err)
		     : queue_change(l, request, &f, out, err);
	free(ids);
	return ok;
}

/* ---- status ---- */

struct sums {
	struct ledger *l;
	json_t *list;
	struct err *err;
	bool failed;
};

static bool on_account(void *who, const struct spool_account *a)
{
	struct sums *s = who;
	struct query_counts c = { 0 };

	if (!query_counts(s->l, a->id, NULL, &c, s->err)) {
		s->failed = true;
		return false;
	}
	(void)json_array_append_new(s->list, shape_account(a, &c));
	return true;
}

static bool on_delivery(void *who, const struct spool_delivery *d)
{
	struct sums *s = who;
	struct query_counts c = { 0 };

	if (!query_counts(s->l, 0, d->name, &c, s->err)) {
		s->failed = true;
		return false;
	}
	(void)json_array_append_new(s->list, shape_delivery(d, &c));
	return true;
}

static json_t *skip_entry(json_t *list, const char *account, const char *reason)
{
	json_t *e;
	size_t i;

	json_array_foreach(list, i, e) {
		const char *a = string_of(e, "account");
		const char *r = string_of(e, "reason");

		if (a && r && strcmp(a, account) == 0 && strcmp(r, reason) == 0)
			return e;
	}
	e = json_pack("{s:s, s:s, s:i, s:i, s:[]}", "account", account,
		      "reason", reason, "messages", 0, "octets", 0, "examples");
	if (e)
		(void)json_array_append_new(list, e);
	return e;
}

static void add_to(json_t *object, const char *key, uint64_t more)
{
	json_t *n = json_object_get(object, key);

	(void)json_integer_set(n, json_integer_value(n) + (json_int_t)more);
}

static bool on_skipped(void *who, const struct query_row *row)
{
	json_t *list = who, *e, *examples;
	const struct message *m = row->m;

	e = skip_entry(list, row->account ? row->account : "",
		       m->reason ? m->reason : "");
	if (!e)
		return true; /* a name that is no UTF-8: none of ours */
	add_to(e, "messages", 1);
	add_to(e, "octets", m->place.octets);
	examples = json_object_get(e, "examples");
	if (json_array_size(examples) < ANSWER_EXAMPLES)
		(void)json_array_append_new(
			examples, json_pack("{s:o, s:o, s:o}", "folder",
					    shape_str(row->folder), "uid",
					    shape_str(m->uid_text), "size",
					    shape_number(m->place.octets)));
	return true;
}

/* "12 INBOX/Old": see spool_account_save. */
static void add_unfetched(json_t *list, const char *account, struct view line,
			  int64_t at_ms)
{
	struct view count = view_word(&line);
	uint64_t n;
	bool counted = view_number(count, UINT64_MAX, &n);
	char *folder = mem_new(line.n + 1);

	memcpy(folder, line.p, line.n);
	(void)json_array_append_new(
		list,
		json_pack("{s:o, s:o, s:o, s:o}", "account", shape_str(account),
			  "folder", shape_str(folder), "messages",
			  counted ? shape_number(n) : json_null(), "at",
			  shape_time(at_ms)));
	free(folder);
}

static bool on_unfetched(void *who, const char *account, const char *lines,
			 int64_t at_ms)
{
	struct view rest = view_of(lines);

	while (rest.n) {
		size_t n = view_find(rest, '\n');

		add_unfetched(who, account, view_head(rest, n), at_ms);
		rest = view_skip(rest, n + 1);
	}
	return true;
}

static bool accounts(struct ledger *l, json_t *out, struct err *err)
{
	struct sums s = { .l = l, .err = err, .list = json_array() };
	json_t *skipped = json_array(), *unfetched = json_array();

	(void)json_object_set_new(out, "accounts", s.list);
	(void)json_object_set_new(out, "skipped", skipped);
	(void)json_object_set_new(out, "unfetched", unfetched);
	return query_accounts(l, on_account, &s, err) && !s.failed &&
	       query_skipped(l, 0, on_skipped, skipped, err) &&
	       query_unfetched(l, on_unfetched, unfetched, err);
}

static bool status(struct ledger *l, const json_t *request, json_t **out,
		   struct err *err)
{
	struct sums s = { .l = l, .err = err, .list = json_array() };
	struct query_counts all = { 0 };

	*out = json_pack("{s:o}", "deliveries", s.list);
	if (!accounts(l, *out, err) ||
	    !query_deliveries(l, on_delivery, &s, err) || s.failed ||
	    !query_counts(l, 0, NULL, &all, err)) {
		json_decref(*out);
		*out = NULL;
		return false;
	}
	(void)json_object_set_new(*out, "queue", shape_queue_totals(&all));
	if (json_object_get(request, "run"))
		(void)json_object_set(*out, "run",
				      json_object_get(request, "run"));
	return true;
}

/* ---- trace ---- */

static bool on_trace_row(void *who, const struct query_row *row,
			 const struct query_event *events, size_t n)
{
	struct gather *g = who;

	if (!has_room(g))
		return false;
	(void)json_array_append_new(g->list, shape_trace_row(row, events, n));
	return true;
}

/* What a duplicate is the same as; null: it is none. */
static json_t *same_as(const struct query_known *k)
{
	char id[MESSAGE_ID_TEXT];

	if (!k->same)
		return json_null();
	message_id_text(k->same, id);
	return json_pack("{s:s, s:o, s:o}", "id", id, "account",
			 shape_str(k->same_account), "delivered",
			 shape_time(k->same_at_ms));
}

struct whereabouts {
	json_t *list;
	bool besides; /* the history holds something that matches */
};

static bool on_known(void *who, const struct query_known *k)
{
	static const char *const states[] = {
		[FATE_NEW] = "new",
		[FATE_QUEUED] = "queued",
		[FATE_DELIVERED] = "delivered",
		[FATE_GONE] = "deleted",
		[FATE_ADOPTED] = "adopted",
		[FATE_SKIPPED] = "skipped",
		[FATE_DROPPED] = "dropped",
		[FATE_MARKED] = "delivered",
		[FATE_MOVED] = "moved",
		[FATE_BROUGHT] = "delivered",
	};
	struct whereabouts *w = who;

	if (k->fate >= SPOOL_FATES)
		return true;
	/* the history tells of all others that bear this UID */
	if (w->besides && k->fate != FATE_SKIPPED && k->fate != FATE_ADOPTED)
		return true;
	(void)json_array_append_new(
		w->list,
		json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o}", "account",
			  shape_str(k->account), "folder", shape_str(k->folder),
			  "state", states[k->fate], "at", shape_time(k->at_ms),
			  "size", shape_number(k->octets), "reason",
			  shape_str(k->reason), "same", same_as(k)));
	return json_array_size(w->list) < ANSWER_EXAMPLES * 10;
}

/* What was never fetched is not in the history: its UID is known all the same.
 */
static bool known(struct ledger *l, const struct query_trace *q, json_t *out,
		  struct err *err)
{
	struct query_whereabouts w = { .uid = q->pattern,
				       .account = q->account,
				       .name = listing_key };
	struct whereabouts found = { .list = json_array() };

	(void)json_object_set_new(out, "known", found.list);
	found.besides = json_array_size(json_object_get(out, "messages")) > 0;
	return !q->pattern.n || query_known(l, &w, on_known, &found, err);
}

static bool trace(struct ledger *l, const json_t *request, json_t **out,
		  struct err *err)
{
	struct gather g = { .list = json_array() };
	struct query_trace q = {
		.pattern = view_of(string_of(request, "pattern")),
		.from = string_of(request, "from"),
		.to = string_of(request, "to"),
		.account = string_of(request, "account"),
		.since_ms =
			json_integer_value(json_object_get(request, "since")),
	};

	*out = json_pack("{s:o}", "messages", g.list);
	if (query_trace(l, &q, on_trace_row, &g, err) &&
	    !(g.overflow && !too_many(err)) && accounts(l, *out, err) &&
	    known(l, &q, *out, err))
		return true;
	json_decref(*out);
	*out = NULL;
	return false;
}

/* ---- body ---- */

struct found_place {
	struct message_place place;
	bool found, may_be_there;
};

static bool on_place(void *who, const struct query_row *row)
{
	struct found_place *f = who;

	f->place = row->m->place;
	f->may_be_there = message_may_be_there(row->m);
	f->found = true;
	return false;
}

static bool has_no_text(const char *id, const struct found_place *f,
			struct err *err)
{
	(void)err_set(err, ERR_CONFIG,
		      "the text of %s is not kept here: its source should "
		      "have it",
		      id);
	if (f->may_be_there)
		return err_remedy(err,
				  "some have it already; to take it again for "
				  "all: mailhaul queue drop %s, then mailhaul "
				  "refetch",
				  id);
	return err_remedy(err,
			  "to have it fetched again: mailhaul queue retry "
			  "%s",
			  id);
}

bool answer_place(struct ledger *l, const json_t *request,
		  struct message_place *out, struct err *err)
{
	struct found_place f = { .found = false };
	const char *text = string_of(request, "id");
	struct query_filter q = { .nids = 1 };
	int64_t id;

	if (!message_id_parse(view_of(text), &id))
		return err_set(err, ERR_CONFIG, "%s is not a queue id",
			       text ? text : "null");
	q.ids = &id;
	if (!query_queue(l, &q, on_place, &f, err))
		return false;
	if (!f.found)
		return err_set(err, ERR_CONFIG,
			       "no message with the id %s is in the queue",
			       text);
	if (f.place.segment == 0)
		return has_no_text(text, &f, err);
	*out = f.place;
	return true;
}

static bool body(struct ledger *l, const json_t *request, json_t **out,
		 struct err *err)
{
	struct message_place place;

	if (!answer_place(l, request, &place, err))
		return false;
	*out = json_pack("{s:o}", "octets", shape_number(place.octets));
	return true;
}

static bool backup(struct ledger *l, const json_t *request, json_t **out,
		   struct err *err)
{
	const char *file = json_string_value(json_object_get(request, "file"));
	uint64_t bodies;

	if (!file || *file != '/')
		return err_set(err, ERR_CONFIG, "no file to write to");
	if (!backup_write(l, file, &bodies, err))
		return false;
	*out = json_pack("{s:o}", "bodies", shape_number(bodies));
	return true;
}

bool answer(struct ledger *l, const json_t *request, json_t **out,
	    struct err *err)
{
	*out = NULL;
	if (answer_is(request, "status"))
		return status(l, request, out, err);
	if (answer_is(request, "queue") || answer_is(request, "retry") ||
	    answer_is(request, "drop"))
		return queue(l, request, out, err);
	if (answer_is(request, "trace"))
		return trace(l, request, out, err);
	if (answer_is(request, "body"))
		return body(l, request, out, err);
	if (answer_is(request, "backup"))
		return backup(l, request, out, err);
	return err_set(err, ERR_CONFIG, "a question that is not understood");
}
