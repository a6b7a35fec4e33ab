/*
 * Random steps against a model of a few lines, reopened in between.
 *
 * SPOOL_MODEL_SEED picks another run, SPOOL_MODEL_STEPS its length.
 */
#include "support_spool.h"

#include <stdio.h>
#include <stdlib.h>

#define KEYS	    48u /* half of them IMAP, half POP3 */
#define BODY_OCTETS 4096u

struct one {
	struct message_key key;
	uint8_t fate;	   /* what a listing must say */
	struct message *m; /* while FATE_QUEUED */
	uint32_t mark;	   /* of its body */
	size_t octets;
};

struct model {
	struct bed *bed;
	unsigned seed;
	int64_t account[2], folder[2];
	struct one at[KEYS];
	int64_t now;
};

static uint32_t dice(struct model *k, uint32_t n)
{
	return (uint32_t)rand_r(&k->seed) % n;
}

static int kind_of(uint32_t i)
{
	return i % 2;
}

static void text_of(const struct one *o, char *out)
{
	for (size_t i = 0; i < o->octets; i++)
		out[i] = (char)(o->mark * 31 + i * 7);
}

static void forget_message(struct one *o)
{
	message_free(o->m);
	o->m = NULL;
}

/* --- steps
 * --------------------------------------------------------------------- */

static void do_put(struct model *k, uint32_t i)
{
	struct one *o = &k->at[i];
	int kind = kind_of(i);
	bool sending = dice(k, 2), queued = o->fate == FATE_QUEUED;
	struct message *m =
		bed_message(k->account[kind], k->folder[kind], o->key);
	struct one body = { .mark = dice(k, 1000),
			    .octets = dice(k, 8) ? dice(k, 3000) : 0 };
	char text[BODY_OCTETS];

	text_of(&body, text);
	assert_int_equal(bed_put(k->bed, m, text, body.octets, sending),
			 !queued);
	if (queued) {
		message_free(m);
		return;
	}
	assert_int_equal(m->state, sending ? MESSAGE_SENDING : MESSAGE_SPOOLED);
	o->m = m;
	o->mark = body.mark;
	o->octets = body.octets;
	o->fate = FATE_QUEUED;
}

static void do_sending(struct model *k, struct one *o)
{
	enum message_state before = o->m->state;
	bool fits = before == MESSAGE_SPOOLED || before == MESSAGE_DOUBT;

	assert_int_equal(bed_sending(k->bed, o->m, k->now), fits);
	assert_int_equal(o->m->state, fits ? MESSAGE_SENDING : before);
}

static void do_result(struct model *k, struct one *o)
{
	static const enum message_state results[] = {
		MESSAGE_SPOOLED, MESSAGE_DOUBT, MESSAGE_HELD, MESSAGE_DELIVERED,
		MESSAGE_DELIVERED
	};
	enum message_state before = o->m->state, r = results[dice(k, 5)];
	bool fits = before == MESSAGE_SENDING;

	assert_int_equal(bed_result(k->bed, o->m, r, k->now), fits);
	if (!fits) {
		o->m->state = before;
	} else if (r == MESSAGE_DELIVERED) {
		o->fate = FATE_DELIVERED;
		forget_message(o);
	}
}

static void do_hold(struct model *k, struct one *o)
{
	struct spool_hold h = { .m = o->m, .now_ms = k->now };
	bool fits =
		o->m->state == MESSAGE_SPOOLED || o->m->state == MESSAGE_DOUBT;

	bed_prepare(&h.req);
	spool_hold(k->bed->spool, &h);
	bed_wait(k->bed, &h.req);
	assert_int_equal(h.req.ok, fits);
}

static void do_gone(struct model *k, uint32_t i)
{
	struct one *o = &k->at[i];
	int kind = kind_of(i);

	assert_true(bed_gone(k->bed, k->account[kind], k->folder[kind], &o->key,
			     1, k->now));
	if (o->fate == FATE_DELIVERED)
		o->fate = FATE_GONE;
}

static void do_adopt(struct model *k, uint32_t i)
{
	struct one *o = &k->at[i];
	struct spool_item item = { .key = o->key, .fate = o->fate };
	struct spool_adopt q = { .folder = k->folder[kind_of(i)],
				 .items = &item,
				 .n = 1,
				 .now_ms = k->now };

	bed_prepare(&q.req);
	spool_adopt(k->bed->spool, &q);
	bed_wait(k->bed, &q.req);
	assert_true(q.req.ok);
	if (o->fate == FATE_NEW || o->fate == FATE_SKIPPED)
		o->fate = FATE_ADOPTED;
}

static void do_skip(struct model *k, uint32_t i)
{
	struct one *o = &k->at[i];
	struct spool_item item = { .key = o->key, .fate = o->fate };
	struct spool_skip q = { .account = k->account[kind_of(i)],
				.folder = k->folder[kind_of(i)],
				.items = &item,
				.n = 1,
				.reason = dice(k, 2) ? "size" : "age",
				.now_ms = k->now };

	bed_prepare(&q.req);
	spool_skip(k->bed->spool, &q);
	bed_wait(k->bed, &q.req);
	assert_true(q.req.ok);
	if (o->fate == FATE_NEW)
		o->fate = FATE_SKIPPED;
}

struct change {
	struct query_filter filter;
	int64_t now_ms;
	uint64_t changed;
};

static bool run_drop(struct ledger *l, void *arg, struct err *err)
{
	struct change *c = arg;

	return query_drop(l, &c->filter, c->now_ms, &c->changed, err);
}

static bool run_retry(struct ledger *l, void *arg, struct err *err)
{
	struct change *c = arg;

	return query_retry(l, &c->filter, c->now_ms, &c->changed, err);
}

static void do_drop(struct model *k, struct one *o)
{
	struct change c = { .filter = { .ids = &o->m->id, .nids = 1 },
			    .now_ms = k->now };
	struct err err;
	bool fits = o->m->state != MESSAGE_SENDING;

	assert_true(spool_call_now(k->bed->spool, run_drop, &c, &err));
	assert_int_equal(c.changed, fits);
	if (fits) {
		o->fate = FATE_DROPPED;
		forget_message(o);
	}
}

static void do_retry(struct model *k)
{
	struct change c = { .now_ms = k->now };
	struct err err;
	uint64_t want = 0;

	for (uint32_t i = 0; i < KEYS; i++) {
		struct message *m = k->at[i].m;

		if (!m || m->state == MESSAGE_SENDING)
			continue;
		want++;
		if (m->state == MESSAGE_HELD)
			m->state = MESSAGE_SPOOLED;
	}
	assert_true(spool_call_now(k->bed->spool, run_retry, &c, &err));
	assert_int_equal(c.changed, want);
}

static void do_reopen(struct model *k)
{
	uint64_t doubts = 0;

	bed_close(k->bed);
	bed_open(k->bed, k->now);
	for (uint32_t i = 0; i < KEYS; i++) {
		struct message *m = k->at[i].m;

		if (m && m->state == MESSAGE_SENDING) {
			m->state = MESSAGE_DOUBT;
			doubts++;
		}
	}
	assert_int_equal(k->bed->found.new_doubts, doubts);
}

/* --- comparing
 * ----------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	const struct spool_item *x = a, *y = b;

	return message_key_order(&x->key, &y->key);
}

static void compare_listing(struct model *k, int kind)
{
	struct spool_item items[KEYS / 2];
	size_t n = 0;

	for (uint32_t i = 0; i < KEYS; i++)
		if (kind_of(i) == kind)
			items[n++] = (struct spool_item){ .key = k->at[i].key,
							  .number = i };
	qsort(items, n, sizeof(*items), by_key);
	bed_list(k->bed, k->folder[kind], items, n, dice(k, 2), k->now);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(items[i].fate, k->at[items[i].number].fate);
}

static bool compare_row(void *who, const struct query_row *row)
{
	struct model *k = who;

	for (uint32_t i = 0; i < KEYS; i++) {
		struct message *m = k->at[i].m;

		if (!m || m->id != row->m->id)
			continue;
		assert_int_equal(row->m->state, m->state);
		assert_int_equal(row->m->attempts, m->attempts);
		assert_memory_equal(&row->m->key, &m->key, sizeof(m->key));
		return true;
	}
	fail_msg("a message nobody put");
	return false;
}

static bool run_queue(struct ledger *l, void *arg, struct err *err)
{
	struct query_filter all = { 0 };

	return query_queue(l, &all, compare_row, arg, err);
}

static void compare(struct model *k)
{
	uint64_t octets = 0;
	int64_t queued = 0;
	char text[BODY_OCTETS];
	struct err err;

	compare_listing(k, 0);
	compare_listing(k, 1);
	assert_true(spool_call_now(k->bed->spool, run_queue, k, &err));
	for (uint32_t i = 0; i < KEYS; i++) {
		struct one *o = &k->at[i];

		if (!o->m)
			continue;
		queued++;
		octets += o->octets;
		text_of(o, text);
		assert_true(bed_body_is(k->bed, o->m, text, o->octets));
	}
	assert_int_equal(bed_sql(k->bed, "SELECT count(*) FROM queue"), queued);
	assert_int_equal(spool_octets(k->bed->spool), octets);
	/* Every row is either queued or settled. */
	assert_int_equal(bed_sql(k->bed, "SELECT (SELECT count(*) FROM message)"
					 " - (SELECT count(*) FROM queue)"
					 " - (SELECT count(*) FROM settled)"),
			 0);
}

static void step(struct model *k)
{
	uint32_t i = dice(k, KEYS), what = dice(k, 40);
	struct one *o = &k->at[i];

	k->now += dice(k, 100);
	if (what == 0)
		bed_tidy(k->bed, k->now);
	else if (what == 1)
		do_reopen(k);
	else if (what == 2)
		do_retry(k);
	else if (what < 5)
		do_adopt(k, i);
	else if (what < 8)
		do_skip(k, i);
	else if (what < 14)
		do_gone(k, i);
	else if (what < 22 || !o->m)
		do_put(k, i);
	else if (what < 29)
		do_sending(k, o);
	else if (what < 38)
		do_result(k, o);
	else if (what == 38)
		do_hold(k, o);
	else
		do_drop(k, o);
}

static void random_steps_end_where_the_model_ends(void **state)
{
	const char *seed = getenv("SPOOL_MODEL_SEED");
	const char *steps = getenv("SPOOL_MODEL_STEPS");
	static struct bed b;
	struct model k = { .bed = &b, .now = NOW };
	int n = steps ? atoi(steps) : 2000;

	(void)state;
	k.seed = seed ? (unsigned)atoi(seed) : 4711;
	bed_make(&b);
	bed_open(&b, NOW);
	k.account[0] = bed_account(&b, "imap", SPOOL_IMAP);
	k.account[1] = bed_account(&b, "pop", SPOOL_POP3);
	k.folder[0] = bed_folder(&b, k.account[0], "INBOX", 17).id;
	k.folder[1] = bed_folder(&b, k.account[1], "", 0).id;
	for (uint32_t i = 0; i < KEYS; i++)
		k.at[i].key =
			kind_of(i) ? bed_key(i) : message_key_uid(100 + i / 2);
	for (int i = 0; i < n; i++) {
		step(&k);
		if (i % 20 == 0)
			compare(&k);
	}
	compare(&k);
	for (uint32_t i = 0; i < KEYS; i++)
		message_free(k.at[i].m);
	bed_remove(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_steps_end_where_the_model_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
