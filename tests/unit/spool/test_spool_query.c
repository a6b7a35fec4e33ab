/*
 * What people ask of the ledger, and change in it.
 */
#include "support_spool.h"

#include <stdio.h>
#include <stdlib.h>

#define DAY ((int64_t)86400000)

static int setup(void **state)
{
	static struct bed b;

	bed_make(&b);
	bed_open(&b, NOW);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	bed_remove(*state);
	return 0;
}

/* Two accounts: gmx has UID 1 queued, 2 held, 3 in doubt, 4 sending, 5
 * delivered, 6 delivered and deleted; qq has one queued. */
struct scene {
	struct bed *bed;
	int64_t gmx, qq, inbox, pop;
	struct message *m[7];
	int64_t id[7];
};

static void make_scene(struct bed *b, struct scene *s)
{
	*s = (struct scene){ .bed = b };
	s->gmx = bed_account(b, "gmx", SPOOL_IMAP);
	s->qq = bed_account(b, "qq", SPOOL_POP3);
	s->inbox = bed_folder(b, s->gmx, "INBOX", 17).id;
	s->pop = bed_folder(b, s->qq, "", 0).id;
	for (uint32_t i = 0; i < 7; i++) {
		char id[40];

		s->m[i] = i < 6 ? bed_message(s->gmx, s->inbox,
					      message_key_uid(i + 1))
				: bed_message(s->qq, s->pop, bed_key(1));
		(void)snprintf(id, sizeof(id), "<mail-%u@example.org>", i + 1);
		message_set(&s->m[i]->message_id, view_of(id));
		(void)snprintf(id, sizeof(id), "%u", i + 1);
		message_set(&s->m[i]->uid_text, view_of(id));
		s->m[i]->fetched_at = NOW + i;
		assert_true(bed_put(b, s->m[i], "Subject: x\r\n\r\nhello\r\n",
				    21, i > 0 && i < 6));
		s->id[i] = s->m[i]->id;
	}
	message_set(&s->m[1]->reason, VIEW_LIT("refused"));
	message_set(&s->m[1]->reply, VIEW_LIT("550 5.1.1 no such user"));
	assert_true(bed_result(b, s->m[1], MESSAGE_HELD, NOW + 10));
	s->m[2]->next_at = NOW + 900000;
	assert_true(bed_result(b, s->m[2], MESSAGE_DOUBT, NOW + 10));
	assert_true(bed_result(b, s->m[4], MESSAGE_DELIVERED, NOW + 20));
	assert_true(bed_result(b, s->m[5], MESSAGE_DELIVERED, NOW + 20));
	assert_true(bed_gone(b, s->gmx, s->inbox, &s->m[5]->key, 1, NOW + 30));
}

static void fini_scene(struct scene *s)
{
	for (int i = 0; i < 7; i++)
		message_free(s->m[i]);
}

/* --- queue
 * -------------------------------------------------------------------------- */

struct got {
	struct query_filter filter;
	struct query_trace trace;
	int64_t now_ms;
	uint64_t changed;
	size_t n, stop_at;
	int64_t id[16];
	enum message_state state[16];
	char account[16][65];
	char folder[16][65];
	char reason[16][65];
	char events[512];
	char body[64];
	size_t octets;
	int64_t body_of;
};

static bool get_row(void *who, const struct query_row *row)
{
	struct got *g = who;

	assert_true(g->n < 16);
	g->id[g->n] = row->m->id;
	g->state[g->n] = row->m->state;
	(void)snprintf(g->account[g->n], 65, "%s", row->account);
	(void)snprintf(g->folder[g->n], 65, "%s", row->folder);
	(void)snprintf(g->reason[g->n], 65, "%s",
		       row->m->reason ? row->m->reason : "");
	g->n++;
	return g->n != g->stop_at;
}

static bool run_queue(struct ledger *l, void *arg, struct err *err)
{
	struct got *g = arg;

	return query_queue(l, &g->filter, get_row, g, err);
}

static void call(struct bed *b,
		 bool (*fn)(struct ledger *, void *, struct err *),
		 struct got *g)
{
	struct err err = { 0 };

	if (!spool_call_now(b->spool, fn, g, &err))
		fail_msg("%s", err.what);
}

static void queue_shows_what_waits(void **state)
{
	struct bed *b = *state;
	struct scene s;
	struct got g = { 0 };

	make_scene(b, &s);
	call(b, run_queue, &g);
	assert_int_equal(g.n, 5);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(g.id[i], s.id[i]);
		assert_string_equal(g.account[i], "gmx");
		assert_string_equal(g.folder[i], "INBOX");
	}
	assert_int_equal(g.id[4], s.id[6]);
	assert_string_equal(g.reason[1], "refused");
	g = (struct got){ .filter.account = "qq" };
	call(b, run_queue, &g);
	assert_int_equal(g.n, 1);
	assert_string_equal(g.folder[0], "");
	g = (struct got){ .filter.reason = "No Such" };
	call(b, run_queue, &g);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.id[0], s.id[1]);
	g = (struct got){ .filter.ids = s.id, .filter.nids = 2 };
	call(b, run_queue, &g);
	assert_int_equal(g.n, 2);
	g = (struct got){ .stop_at = 3 };
	call(b, run_queue, &g);
	assert_int_equal(g.n, 3);
	fini_scene(&s);
}

static bool run_totals(struct ledger *l, void *arg, struct err *err)
{
	return query_counts(l, 0, NULL, arg, err);
}

static void to_a_look_what_was_being_sent_is_in_doubt(void **state)
{
	struct bed *b = *state;
	struct query_counts n;
	struct scene s;
	struct err err = { 0 };
	struct got g = { 0 };

	make_scene(b, &s);
	assert_true(spool_call_now(b->spool, run_totals, &n, &err));
	assert_int_equal(n.queued, 3);
	assert_int_equal(n.in_doubt, 1);
	bed_close(b);
	assert_true(bed_try(b, NOW + 60000, true, &err));
	assert_true(spool_call_now(b->spool, run_totals, &n, &err));
	assert_int_equal(n.queued, 2);
	assert_int_equal(n.in_doubt, 2);
	call(b, run_queue, &g);
	assert_int_equal(g.state[0], MESSAGE_SPOOLED);
	assert_int_equal(g.state[3], MESSAGE_DOUBT);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM queue"
				    " WHERE state = 2"),
			 1);
	fini_scene(&s);
}

static bool run_retry(struct ledger *l, void *arg, struct err *err)
{
	struct got *g = arg;

	return query_retry(l, &g->filter, g->now_ms, &g->changed, err);
}

static bool run_drop(struct ledger *l, void *arg, struct err *err)
{
	struct got *g = arg;

	return query_drop(l, &g->filter, g->now_ms, &g->changed, err);
}

static size_t due(struct bed *b, int64_t until, struct message *first)
{
	struct message *out[16];
	struct spool_due d = { .until_ms = until, .max = 16, .out = out };

	bed_prepare(&d.req);
	spool_due(b->spool, &d);
	bed_wait(b, &d.req);
	for (size_t i = 0; i < d.n; i++) {
		if (first && out[i]->id == first->id)
			first->state = out[i]->state;
		message_free(out[i]);
	}
	return d.n;
}

static void retry_makes_due_what_is_not_being_sent(void **state)
{
	struct bed *b = *state;
	struct scene s;
	struct got g = { .now_ms = NOW + 100 };

	make_scene(b, &s);
	assert_int_equal(due(b, NOW + 100, NULL), 2);
	call(b, run_retry, &g);
	assert_int_equal(g.changed, 4);
	assert_int_equal(due(b, NOW + 99, NULL), 0);
	assert_int_equal(due(b, NOW + 100, s.m[1]), 4);
	assert_int_equal(s.m[1]->state, MESSAGE_SPOOLED);
	(void)due(b, NOW + 100, s.m[2]);
	assert_int_equal(s.m[2]->state, MESSAGE_DOUBT); /* a repeat it stays */
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM queue"
				    " WHERE state = 2"),
			 1);
	fini_scene(&s);
}

static void drop_gives_up_what_is_not_being_sent(void **state)
{
	struct bed *b = *state;
	struct scene s;
	struct got g = { .now_ms = NOW + 100 };
	struct spool_item item = { .key = message_key_uid(2) };

	make_scene(b, &s);
	call(b, run_drop, &g);
	assert_int_equal(g.changed, 4);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM queue"), 1);
	assert_int_equal(spool_octets(b->spool), 21);
	bed_list(b, s.inbox, &item, 1, false, NOW);
	assert_int_equal(item.fate, FATE_DROPPED);
	bed_tidy(b, NOW);
	bed_close(b);
	bed_open(b, NOW);
	bed_list(b, s.inbox, &item, 1, false, NOW);
	assert_int_equal(item.fate, FATE_DROPPED);
	/* Whoever still holds it learns that it is gone. */
	s.m[0]->state = MESSAGE_SPOOLED;
	assert_false(bed_sending(b, s.m[0], NOW));
	fini_scene(&s);
}

/* Held for more than a day, and the source still has it. */
static void a_held_body_is_given_up_and_asked_for_again(void **state)
{
	struct bed *b = *state;
	struct scene s;
	struct got g = { .now_ms = NOW + 2 * DAY, .filter.account = "gmx" };
	struct spool_item item = { .key = message_key_uid(2) };
	struct spool_folder_save save = { 0 };
	struct message *m;

	make_scene(b, &s);
	save.f = bed_folder(b, s.gmx, "INBOX", 17);
	save.f.uidnext = 8;
	save.f.whole_ms = NOW;
	bed_prepare(&save.req);
	spool_folder_save(b->spool, &save);
	bed_wait(b, &save.req);
	/* Nobody has seen it there since it was fetched. */
	bed_tidy(b, NOW + DAY + 1000);
	assert_int_equal(spool_octets(b->spool), 5 * 21);
	bed_list(b, s.inbox, &item, 1, false, NOW);
	bed_tidy(b, NOW + DAY - 1000);
	assert_int_equal(spool_octets(b->spool), 5 * 21);
	bed_tidy(b, NOW + DAY + 1000);
	assert_int_equal(spool_octets(b->spool), 4 * 21);
	bed_list(b, s.inbox, &item, 1, false, NOW);
	assert_int_equal(item.fate, FATE_QUEUED);
	g.filter.reason = "refused";
	call(b, run_retry, &g);
	assert_int_equal(g.changed, 1);
	bed_list(b, s.inbox, &item, 1, false, NOW);
	assert_int_equal(item.fate, FATE_NEW);
	assert_int_equal(bed_folder(b, s.gmx, "INBOX", 17).uidnext, 0);
	m = bed_message(s.gmx, s.inbox, item.key);
	assert_true(bed_put(b, m, "x", 1, false));
	bed_close(b);
	bed_open(b, NOW);
	bed_list(b, s.inbox, &item, 1, false, NOW);
	assert_int_equal(item.fate, FATE_QUEUED);
	message_free(m);
	fini_scene(&s);
}

/*
 * Delivered, folded, fetched once more on request and held: its name is still
 * on record as delivered, and must not hide it when the source is asked again.
 */
static void a_refetched_one_is_asked_for_again(struct bed *b, int64_t account,
					       int64_t folder,
					       struct message_key key)
{
	struct message *m = bed_message(account, folder, key);
	struct spool_item item = { .key = key };
	struct got g = { .now_ms = NOW + 3 * DAY };

	assert_true(bed_put(b, m, "x", 1, true));
	assert_true(bed_result(b, m, MESSAGE_DELIVERED, NOW));
	bed_tidy(b, NOW);
	message_free(m);
	m = bed_message(account, folder, key);
	assert_true(bed_put(b, m, "x", 1, true));
	bed_list(b, folder, &item, 1, false, NOW);
	assert_int_equal(item.fate, FATE_QUEUED);
	message_set(&m->reason, VIEW_LIT("refused"));
	assert_true(bed_result(b, m, MESSAGE_HELD, NOW));
	bed_tidy(b, NOW + 2 * DAY);
	g.filter.ids = &m->id;
	g.filter.nids = 1;
	call(b, run_retry, &g);
	assert_int_equal(g.changed, 1);
	bed_list(b, folder, &item, 1, false, NOW);
	assert_int_equal(item.fate, FATE_NEW);
	message_free(m);
}

static void refetched_held_ones_are_asked_for_again(void **state)
{
	struct bed *b = *state;
	int64_t gmx = bed_account(b, "gmx", SPOOL_IMAP);
	int64_t qq = bed_account(b, "qq", SPOOL_POP3);
	int64_t inbox = bed_folder(b, gmx, "INBOX", 17).id;
	int64_t pop = bed_folder(b, qq, "", 0).id;

	for (uint32_t uid = 4; uid < 7; uid++) {
		struct message *m =
			bed_message(gmx, inbox, message_key_uid(uid));

		assert_true(bed_put(b, m, "x", 1, true));
		assert_true(bed_result(b, m, MESSAGE_DELIVERED, NOW));
		message_free(m);
	}
	bed_tidy(b, NOW);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM span"), 1);
	/* within a run of them, and at each of its ends */
	a_refetched_one_is_asked_for_again(b, gmx, inbox, message_key_uid(5));
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM span"), 2);
	assert_int_equal(bed_sql(b, "SELECT known FROM folder"), 2);
	a_refetched_one_is_asked_for_again(b, gmx, inbox, message_key_uid(4));
	a_refetched_one_is_asked_for_again(b, gmx, inbox, message_key_uid(6));
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM span"), 0);
	a_refetched_one_is_asked_for_again(b, qq, pop, bed_key(3));
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM ident"), 0);
}

/* --- known
 * ---------------------------------------------------------------------------
 */

struct whereabouts {
	struct query_whereabouts q;
	struct query_known last;
	char reason[20];
	size_t n;
};

static struct message_key name_three(const uint8_t *key, struct view uid)
{
	(void)key;
	return bed_key(view_eq(uid, VIEW_LIT("id-three")) ? 3 : 99);
}

static bool get_known(void *who, const struct query_known *k)
{
	struct whereabouts *w = who;

	w->last = *k;
	(void)snprintf(w->reason, sizeof(w->reason), "%s", k->reason);
	w->n++;
	return true;
}

static bool run_known(struct ledger *l, void *arg, struct err *err)
{
	struct whereabouts *w = arg;

	return query_known(l, &w->q, get_known, w, err);
}

static struct whereabouts look_for(struct bed *b, const char *uid,
				   const char *account)
{
	struct whereabouts w = { .q = { .uid = view_of(uid),
					.account = account,
					.name = name_three } };
	struct spool_call c = { .fn = run_known, .arg = &w };

	bed_prepare(&c.req);
	spool_call(b->spool, &c);
	bed_wait(b, &c.req);
	assert_true(c.req.ok);
	return w;
}

/* A UID within a run of them, one too large, a unique-id; of one account. */
static void a_name_without_a_message_is_known(void **state)
{
	struct bed *b = *state;
	int64_t gmx = bed_account(b, "gmx", SPOOL_IMAP);
	int64_t qq = bed_account(b, "qq", SPOOL_POP3);
	int64_t inbox = bed_folder(b, gmx, "INBOX", 17).id;
	int64_t pop = bed_folder(b, qq, "", 0).id;
	struct spool_item old[3] = { { .key = message_key_uid(7) },
				     { .key = message_key_uid(8) },
				     { .key = message_key_uid(9) } };
	struct spool_item three = { .key = bed_key(3) };
	struct spool_item large = { .key = message_key_uid(12), .octets = 77 };
	struct spool_adopt a = { .folder = inbox, .items = old, .n = 3 };
	struct spool_adopt p = { .folder = pop, .items = &three, .n = 1 };
	struct spool_skip k = { .account = gmx,
				.folder = inbox,
				.items = &large,
				.n = 1,
				.reason = "size",
				.now_ms = NOW };

	bed_prepare(&a.req);
	spool_adopt(b->spool, &a);
	bed_wait(b, &a.req);
	bed_prepare(&p.req);
	spool_adopt(b->spool, &p);
	bed_wait(b, &p.req);
	bed_prepare(&k.req);
	spool_skip(b->spool, &k);
	bed_wait(b, &k.req);
	assert_int_equal(look_for(b, "8", NULL).n, 1);
	assert_int_equal(look_for(b, "8", NULL).last.fate, FATE_ADOPTED);
	assert_int_equal(look_for(b, "10", NULL).n, 0);
	assert_int_equal(look_for(b, "8", "qq").n, 0);
	assert_int_equal(look_for(b, "12", "gmx").last.fate, FATE_SKIPPED);
	assert_int_equal(look_for(b, "12", NULL).last.octets, 77);
	assert_string_equal(look_for(b, "12", NULL).reason, "size");
	assert_int_equal(look_for(b, "id-three", NULL).last.fate, FATE_ADOPTED);
	assert_int_equal(look_for(b, "id-four", NULL).n, 0);
}

/* --- counts
 * ---------------------------------------------------------------------------
 */

struct asked {
	int64_t account;
	const char *delivery;
	struct query_counts counts;
	struct spool_account accounts[4];
	struct spool_delivery deliveries[4];
	size_t n;
};

static bool run_counts(struct ledger *l, void *arg, struct err *err)
{
	struct asked *a = arg;

	return query_counts(l, a->account, a->delivery, &a->counts, err);
}

static bool get_account(void *who, const struct spool_account *a)
{
	struct asked *q = who;

	q->accounts[q->n++] = *a;
	return true;
}

static bool get_delivery(void *who, const struct spool_delivery *d)
{
	struct asked *q = who;

	q->deliveries[q->n++] = *d;
	return true;
}

static bool run_accounts(struct ledger *l, void *arg, struct err *err)
{
	return query_accounts(l, get_account, arg, err);
}

static bool run_deliveries(struct ledger *l, void *arg, struct err *err)
{
	return query_deliveries(l, get_delivery, arg, err);
}

static void counts_are_by_account_and_delivery(void **state)
{
	struct bed *b = *state;
	struct scene s;
	struct asked a = { 0 };
	struct err err = { 0 };
	struct spool_item items[2] = { { .key = message_key_uid(50) },
				       { .key = message_key_uid(51) } };
	struct spool_skip skip = {
		.items = items, .n = 2, .reason = "size", .now_ms = NOW
	};

	make_scene(b, &s);
	skip.account = s.gmx;
	skip.folder = s.inbox;
	bed_prepare(&skip.req);
	spool_skip(b->spool, &skip);
	bed_wait(b, &skip.req);
	assert_true(spool_call_now(b->spool, run_counts, &a, &err));
	assert_int_equal(a.counts.queued, 3);
	assert_int_equal(a.counts.held, 1);
	assert_int_equal(a.counts.in_doubt, 1);
	assert_int_equal(a.counts.octets, 5 * 21);
	assert_int_equal(a.counts.skipped, 2);
	a.account = s.qq;
	assert_true(spool_call_now(b->spool, run_counts, &a, &err));
	assert_int_equal(a.counts.queued, 1);
	assert_int_equal(a.counts.skipped, 0);
	a.account = 0;
	a.delivery = "elsewhere";
	assert_true(spool_call_now(b->spool, run_counts, &a, &err));
	assert_int_equal(a.counts.queued, 0);
	assert_true(spool_call_now(b->spool, run_accounts, &a, &err));
	assert_int_equal(a.n, 2);
	assert_string_equal(a.accounts[0].name, "gmx");
	assert_int_equal(a.accounts[0].fetched, 6);
	assert_int_equal(a.accounts[0].delivered, 2);
	assert_int_equal(a.accounts[0].held, 1);
	assert_int_equal(a.accounts[0].skipped, 2);
	assert_int_equal(a.accounts[0].deleted, 1);
	assert_int_equal(a.accounts[0].octets, 6 * 21);
	assert_int_equal(a.accounts[1].fetched, 1);
	a.n = 0;
	assert_true(spool_call_now(b->spool, run_deliveries, &a, &err));
	assert_int_equal(a.n, 0);
	fini_scene(&s);
}

static bool run_skipped(struct ledger *l, void *arg, struct err *err)
{
	return query_skipped(l, 0, get_row, arg, err);
}

static void skipped_are_told_with_their_reason(void **state)
{
	struct bed *b = *state;
	struct scene s;
	struct got g = { 0 };
	struct spool_item items[2] = { { .key = message_key_uid(50),
					 .octets = 77 },
				       { .key = message_key_uid(51) } };
	struct spool_skip skip = {
		.items = items, .n = 2, .reason = "size", .now_ms = NOW
	};

	make_scene(b, &s);
	skip.account = s.gmx;
	skip.folder = s.inbox;
	bed_prepare(&skip.req);
	spool_skip(b->spool, &skip);
	bed_wait(b, &skip.req);
	call(b, run_skipped, &g);
	assert_int_equal(g.n, 2);
	assert_string_equal(g.reason[0], "size");
	assert_string_equal(g.account[1], "gmx");
	assert_string_equal(g.folder[1], "INBOX");
	fini_scene(&s);
}

/* --- trace
 * -------------------------------------------------------------------------------
 */

static bool get_trace(void *who, const struct query_row *row,
		      const struct query_event *e, size_t n)
{
	struct got *g = who;
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || e[i].at_ms >= e[i - 1].at_ms);
		at += (size_t)snprintf(g->events + at, sizeof(g->events) - at,
				       "%s%s", i ? " " : "", e[i].what);
		if (*e[i].words)
			at += (size_t)snprintf(g->events + at,
					       sizeof(g->events) - at, "(%s)",
					       e[i].words);
	}
	return get_row(who, row);
}

static bool run_trace(struct ledger *l, void *arg, struct err *err)
{
	struct got *g = arg;

	return query_trace(l, &g->trace, get_trace, g, err);
}

static struct got trace(struct bed *b, struct query_trace t)
{
	struct got g = { .trace = t };

	call(b, run_trace, &g);
	return g;
}

static void a_message_is_found_by_what_is_known_of_it(void **state)
{
	struct bed *b = *state;
	struct scene s;
	char id[MESSAGE_ID_TEXT];
	struct got g;

	make_scene(b, &s);
	g = trace(b, (struct query_trace){ .pattern = VIEW_LIT("MAIL-3@") });
	assert_int_equal(g.n, 1);
	assert_int_equal(g.id[0], s.id[2]);
	message_id_text(s.id[3], id);
	g = trace(b, (struct query_trace){ .pattern = view_of(id) });
	assert_int_equal(g.n, 1);
	assert_int_equal(g.id[0], s.id[3]);
	g = trace(b, (struct query_trace){ .pattern = VIEW_LIT("5") });
	assert_int_equal(g.id[0], s.id[4]); /* UID, and part of a name */
	g = trace(b, (struct query_trace){ .pattern = VIEW_NONE });
	assert_int_equal(g.n, 7);
	g = trace(b, (struct query_trace){ .pattern = VIEW_NONE,
					   .account = "qq" });
	assert_int_equal(g.n, 1);
	g = trace(b, (struct query_trace){ .pattern = VIEW_NONE,
					   .from = "ANNA@",
					   .to = "me@example",
					   .since_ms = NOW + 3 });
	assert_int_equal(g.n, 4);
	g = trace(b,
		  (struct query_trace){ .pattern = VIEW_NONE, .to = "anna@" });
	assert_int_equal(g.n, 0);
	fini_scene(&s);
}

static void trace_tells_each_attempt_in_the_servers_words(void **state)
{
	struct bed *b = *state;
	struct scene s;
	struct got g;

	make_scene(b, &s);
	g = trace(b, (struct query_trace){ .pattern = VIEW_LIT("mail-2@") });
	assert_string_equal(g.events, "fetched attempt held(550 5.1.1 no such "
				      "user)");
	g = trace(b, (struct query_trace){ .pattern = VIEW_LIT("mail-3@") });
	assert_string_equal(g.events, "fetched attempt in_doubt");
	g = trace(b, (struct query_trace){ .pattern = VIEW_LIT("mail-4@") });
	assert_string_equal(g.events, "fetched attempt");
	g = trace(b, (struct query_trace){ .pattern = VIEW_LIT("mail-6@") });
	assert_string_equal(g.events,
			    "fetched attempt delivered(2.0.0 Ok: queued as "
			    "4XbQ7) deleted");
	/* Folding changes nothing of it. */
	bed_tidy(b, NOW + 100);
	s.m[0]->state = MESSAGE_SPOOLED;
	assert_true(bed_sending(b, s.m[0], NOW + 50));
	s.m[0]->next_at = NOW + 60;
	message_set(&s.m[0]->reply, VIEW_LIT("451 later"));
	assert_true(bed_result(b, s.m[0], MESSAGE_SPOOLED, NOW + 51));
	assert_true(bed_sending(b, s.m[0], NOW + 60));
	message_set(&s.m[0]->reply, VIEW_LIT("250 at last"));
	assert_true(bed_result(b, s.m[0], MESSAGE_DELIVERED, NOW + 61));
	g = trace(b, (struct query_trace){ .pattern = VIEW_LIT("mail-1@") });
	assert_string_equal(g.events, "fetched attempt deferred(451 later) "
				      "attempt delivered(250 at last)");
	fini_scene(&s);
}

/* --- a body
 * --------------------------------------------------------------------------------
 */

static bool get_octets(void *who, struct view v)
{
	struct got *g = who;

	assert_true(g->octets + v.n <= sizeof(g->body));
	memcpy(g->body + g->octets, v.p, v.n);
	g->octets += v.n;
	return true;
}

static bool run_body(struct ledger *l, void *arg, struct err *err)
{
	struct got *g = arg;

	return query_body(l, g->body_of, get_octets, g, err);
}

static void a_body_is_shown_by_whoever_holds_the_ledger(void **state)
{
	struct bed *b = *state;
	struct scene s;
	struct got g = { 0 };
	struct err err = { 0 };

	make_scene(b, &s);
	g.body_of = s.id[1];
	call(b, run_body, &g);
	assert_int_equal(g.octets, 21);
	assert_memory_equal(g.body, "Subject: x", 10);
	g.body_of = s.id[5]; /* delivered */
	assert_false(spool_call_now(b->spool, run_body, &g, &err));
	assert_int_equal(err.class, ERR_STATE);
	g.body_of = 1;
	assert_false(spool_call_now(b->spool, run_body, &g, &err));
	bed_close(b);
	assert_true(bed_try(b, NOW, true, &err));
	g = (struct got){ .body_of = s.id[1] };
	call(b, run_body, &g);
	assert_int_equal(g.octets, 21);
	g = (struct got){ .now_ms = NOW,
			  .filter = { s.id + 1, 1, NULL, NULL } };
	call(b, run_drop, &g);
	assert_int_equal(g.changed, 1);
	bed_close(b);
	bed_open(b, NOW);
	assert_int_equal(b->found.held, 0);
	assert_int_equal(spool_octets(b->spool), 4 * 21);
	fini_scene(&s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(queue_shows_what_waits),
		TEST(to_a_look_what_was_being_sent_is_in_doubt),
		TEST(retry_makes_due_what_is_not_being_sent),
		TEST(drop_gives_up_what_is_not_being_sent),
		TEST(a_held_body_is_given_up_and_asked_for_again),
		TEST(refetched_held_ones_are_asked_for_again),
		TEST(a_name_without_a_message_is_known),
		TEST(counts_are_by_account_and_delivery),
		TEST(skipped_are_told_with_their_reason),
		TEST(a_message_is_found_by_what_is_known_of_it),
		TEST(trace_tells_each_attempt_in_the_servers_words),
		TEST(a_body_is_shown_by_whoever_holds_the_ledger),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
