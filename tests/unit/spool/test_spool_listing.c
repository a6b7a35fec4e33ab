/*
 * Listings against the ledger: identities, absence, ranges; adopt, skip, gone;
 * accounts and folders that changed.
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

static int by_key(const void *a, const void *b)
{
	const struct spool_item *x = a, *y = b;

	return message_key_order(&x->key, &y->key);
}

/* n items of POP3, from the nth on, sorted. */
static struct spool_item *uidls(uint32_t from, uint32_t n)
{
	struct spool_item *items = calloc(n ? n : 1, sizeof(*items));

	for (uint32_t i = 0; i < n; i++)
		items[i].key = bed_key(from + i);
	qsort(items, n, sizeof(*items), by_key);
	return items;
}

static struct spool_item *uids(uint32_t from, uint32_t n)
{
	struct spool_item *items = calloc(n ? n : 1, sizeof(*items));

	for (uint32_t i = 0; i < n; i++)
		items[i].key = message_key_uid(from + i);
	return items;
}

static void adopt(struct bed *b, int64_t folder, const struct spool_item *items,
		  size_t n)
{
	struct spool_adopt q = {
		.folder = folder, .items = items, .n = n, .now_ms = NOW
	};

	bed_prepare(&q.req);
	spool_adopt(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
}

static void leave(struct bed *b, int64_t account, int64_t folder,
		  const struct spool_item *items, size_t n, const char *reason)
{
	struct spool_skip q = { .account = account,
				.folder = folder,
				.items = items,
				.n = n,
				.reason = reason,
				.now_ms = NOW };

	bed_prepare(&q.req);
	spool_skip(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
}

static size_t count(const struct spool_item *items, size_t n, int fate)
{
	size_t have = 0;

	for (size_t i = 0; i < n; i++)
		have += items[i].fate == fate;
	return have;
}

/* Deliveries of many messages at once: flight of their own. */
static void deliver(struct bed *b, int64_t account, int64_t folder,
		    const struct spool_item *items, size_t n, int64_t now_ms)
{
	struct spool_put *put = calloc(n, sizeof(*put));
	struct spool_result *res = calloc(n, sizeof(*res));

	for (size_t i = 0; i < n; i++) {
		put[i].m = bed_message(account, folder, items[i].key);
		put[i].sending = true;
		put[i].body = bed_body(b, "x", 1);
		bed_prepare(&put[i].req);
		spool_put(b->spool, &put[i]);
	}
	for (size_t i = 0; i < n; i++) {
		bed_wait(b, &put[i].req);
		assert_true(put[i].req.ok);
		put[i].m->state = MESSAGE_DELIVERED;
		put[i].m->rcpts[0].state = RCPT_ACCEPTED;
		put[i].m->settled_at = now_ms;
		res[i] = (struct spool_result){ .m = put[i].m,
						.now_ms = now_ms };
		bed_prepare(&res[i].req);
		spool_result(b->spool, &res[i]);
	}
	for (size_t i = 0; i < n; i++) {
		bed_wait(b, &res[i].req);
		assert_true(res[i].req.ok);
		message_free(put[i].m);
	}
	free(put);
	free(res);
}

/* --- POP3
 * ------------------------------------------------------------------------ */

static void pop3_identities_are_folded_and_found(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_POP3);
	struct spool_folder f = bed_folder(b, a, "", 0);
	struct spool_item *old = uidls(0, 1000), *all = uidls(0, 1200);

	adopt(b, f.id, old, 1000);
	deliver(b, a, f.id, old, 0, NOW);
	bed_list(b, f.id, all, 1200, true, NOW);
	assert_int_equal(count(all, 1200, FATE_ADOPTED), 1000);
	assert_int_equal(count(all, 1200, FATE_NEW), 200);
	for (size_t i = 0, n = 0; i < 1200; i++)
		if (all[i].fate == FATE_NEW)
			all[n++] = all[i];
	deliver(b, a, f.id, all, 200, NOW);
	bed_tidy(b, NOW);
	f = bed_folder(b, a, "", 0);
	assert_int_equal(f.known, 1200);
	free(all);
	all = uidls(0, 1200);
	bed_list(b, f.id, all, 1200, true, NOW);
	assert_int_equal(count(all, 1200, FATE_ADOPTED), 1000);
	assert_int_equal(count(all, 1200, FATE_DELIVERED), 200);
	for (size_t i = 0; i < 1200; i++)
		assert_int_equal(all[i].day,
				 all[i].fate == FATE_DELIVERED ? NOW / DAY : 0);
	bed_close(b);
	bed_open(b, NOW);
	bed_list(b, f.id, all, 1200, true, NOW);
	assert_int_equal(count(all, 1200, FATE_DELIVERED), 200);
	free(old);
	free(all);
}

static uint64_t known_after(struct bed *b, int64_t folder, bool whole,
			    int64_t now_ms)
{
	struct spool_listing q = { .folder = folder,
				   .whole = whole,
				   .now_ms = now_ms };

	bed_prepare(&q.req);
	spool_listing(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	return q.known;
}

/* Three complete listings and 30 days; either alone is not enough. */
static void check_retiring(struct bed *b, int64_t folder,
			   struct spool_item *items, size_t n)
{
	int64_t t = NOW;

	for (int i = 0; i < 10; i++)
		assert_int_equal(known_after(b, folder, true, t), n);
	assert_int_equal(known_after(b, folder, true, t + 29 * DAY), n);
	/* It comes back, and the count begins again. */
	bed_list(b, folder, items, n, false, t + 29 * DAY);
	assert_int_equal(count(items, n, FATE_ADOPTED), n);
	t += 31 * DAY;
	assert_int_equal(known_after(b, folder, true, t), n);
	assert_int_equal(known_after(b, folder, true, t + 40 * DAY), n);
	/* What is not complete says nothing. */
	for (int i = 0; i < 4; i++)
		assert_int_equal(known_after(b, folder, false, t + 40 * DAY),
				 n);
	assert_int_equal(known_after(b, folder, true, t + 40 * DAY), n);
	assert_int_equal(known_after(b, folder, true, t + 40 * DAY), 0);
	bed_list(b, folder, items, n, true, t + 41 * DAY);
	assert_int_equal(count(items, n, FATE_NEW), n);
}

static void absence_is_not_deletion_pop3(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_POP3);
	struct spool_folder f = bed_folder(b, a, "", 0);
	struct spool_item *items = uidls(0, 50);

	adopt(b, f.id, items, 50);
	check_retiring(b, f.id, items, 50);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM ident"), 0);
	assert_int_equal(bed_folder(b, a, "", 0).known, 0);
	free(items);
}

static void absence_is_not_deletion_imap(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	struct spool_folder f = bed_folder(b, a, "INBOX", 17);
	struct spool_item *items = uids(100, 50);

	adopt(b, f.id, items, 50);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM span"), 1);
	check_retiring(b, f.id, items, 50);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM span"), 0);
	assert_int_equal(bed_folder(b, a, "INBOX", 17).known, 0);
	free(items);
}

static void pop3_gone_after_folding(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_POP3);
	struct spool_folder f = bed_folder(b, a, "", 0);
	struct spool_item *items = uidls(0, 30);
	struct message_key keys[30];

	adopt(b, f.id, items, 10);
	deliver(b, a, f.id, items + 10, 20, NOW);
	bed_tidy(b, NOW);
	for (size_t i = 0; i < 30; i++)
		keys[i] = items[i].key;
	assert_true(bed_gone(b, a, f.id, keys, 30, NOW + 14 * DAY));
	bed_list(b, f.id, items, 30, true, NOW);
	/* Only what this ledger saw accepted (CASES J3). */
	assert_int_equal(count(items, 30, FATE_ADOPTED), 10);
	assert_int_equal(count(items, 30, FATE_GONE), 20);
	assert_int_equal(bed_sql(b, "SELECT deleted FROM account"), 20);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM settled"
				    " WHERE state = 6 AND gone_at > 0"),
			 20);
	free(items);
}

/* --- IMAP ranges
 * -------------------------------------------------------------------- */

/* Random changes of ranges against an array. */
static void ranges_hold_what_an_array_holds(void **state)
{
	enum {
		UIDS = 300
	};
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	struct spool_folder f = bed_folder(b, a, "INBOX", 17);
	uint8_t want[UIDS] = { 0 };
	struct spool_item *items = uids(1, UIDS);
	struct message_key key;
	unsigned seed = 4711;

	for (int round = 0; round < 60; round++) {
		uint32_t first = (uint32_t)rand_r(&seed) % UIDS;
		uint32_t n = 1 + (uint32_t)rand_r(&seed) % 12;
		size_t known = 0;

		if (first + n > UIDS)
			n = UIDS - first;
		bed_list(b, f.id, items, UIDS, false, NOW);
		if (round % 3 == 0) {
			adopt(b, f.id, items + first, n);
			for (uint32_t i = first; i < first + n; i++)
				want[i] = want[i] ? want[i] : FATE_ADOPTED;
		} else if (round % 3 == 1) {
			for (uint32_t i = first; i < first + n; i++)
				if (want[i] == FATE_NEW) {
					deliver(b, a, f.id, items + i, 1, NOW);
					want[i] = FATE_DELIVERED;
				}
			bed_tidy(b, NOW);
		} else {
			for (uint32_t i = first; i < first + n; i++) {
				key = items[i].key;
				assert_true(bed_gone(b, a, f.id, &key, 1, NOW));
				if (want[i] == FATE_DELIVERED)
					want[i] = FATE_GONE;
			}
		}
		bed_list(b, f.id, items, UIDS, false, NOW);
		for (uint32_t i = 0; i < UIDS; i++) {
			assert_int_equal(items[i].fate, want[i]);
			known += want[i] != FATE_NEW;
		}
		assert_int_equal(bed_folder(b, a, "INBOX", 17).known, known);
	}
	/* They are as few as they can be. */
	{
		int64_t spans = 0;

		for (uint32_t i = 0; i < UIDS; i++)
			spans += want[i] != FATE_NEW &&
				 (i == 0 || want[i] != want[i - 1]);
		assert_int_equal(bed_sql(b, "SELECT count(*) FROM span"),
				 spans);
	}
	free(items);
}

static void the_last_uid_is_no_trap(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	struct spool_folder f = bed_folder(b, a, "INBOX", 17);
	struct spool_item items[2] = { { .key = message_key_uid(1) },
				       { .key = message_key_uid(UINT32_MAX) } };

	adopt(b, f.id, items, 2);
	adopt(b, f.id, items, 2);
	bed_list(b, f.id, items, 2, true, NOW);
	assert_int_equal(items[0].fate, FATE_ADOPTED);
	assert_int_equal(items[1].fate, FATE_ADOPTED);
	assert_int_equal(bed_folder(b, a, "INBOX", 17).known, 2);
}

/* --- skip, adopt
 * ------------------------------------------------------------------------ */

static void skipped_is_decided_anew(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_IMAP);
	struct spool_folder f = bed_folder(b, a, "INBOX", 17);
	struct spool_item *items = uids(1, 10);
	struct message *m;

	leave(b, a, f.id, items, 4, "size");
	bed_list(b, f.id, items, 10, true, NOW);
	assert_int_equal(count(items, 10, FATE_SKIPPED), 4);
	leave(b, a, f.id, items, 4, "age");
	assert_int_equal(bed_sql(b, "SELECT skipped FROM account"), 4);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM skipped"
				    " WHERE reason = 'age'"),
			 4);
	m = bed_message(a, f.id, items[0].key); /* the limit rose */
	assert_true(bed_put(b, m, "x", 1, false));
	adopt(b, f.id, items + 1, 1);
	bed_list(b, f.id, items, 10, true, NOW);
	assert_int_equal(items[0].fate, FATE_QUEUED);
	assert_int_equal(items[1].fate, FATE_ADOPTED);
	assert_int_equal(count(items, 10, FATE_SKIPPED), 2);
	/* Those that left the mailbox leave the ledger. */
	bed_list(b, f.id, items, 3, true, NOW);
	assert_int_equal(bed_sql(b, "SELECT count(*) FROM skipped"), 1);
	/* A queued or delivered one is neither skipped nor adopted. */
	bed_list(b, f.id, items, 10, false, NOW);
	leave(b, a, f.id, items, 2, "size");
	adopt(b, f.id, items, 1);
	bed_list(b, f.id, items, 10, false, NOW);
	assert_int_equal(items[0].fate, FATE_QUEUED);
	assert_int_equal(items[1].fate, FATE_ADOPTED);
	message_free(m);
	free(items);
}

/* --- accounts
 * ----------------------------------------------------------------------------
 */

static struct spool_account bind_to(struct bed *b, const char *name,
				    enum spool_family family, const char *user,
				    const char *host)
{
	struct spool_bind q = { .now_ms = NOW, .a = { .family = family } };

	(void)snprintf(q.a.name, sizeof(q.a.name), "%s", name);
	(void)snprintf(q.a.user, sizeof(q.a.user), "%s", user);
	(void)snprintf(q.a.place, sizeof(q.a.place), "%s", host);
	bed_prepare(&q.req);
	spool_bind(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	return q.a;
}

static void reopen(struct bed *b)
{
	bed_close(b);
	bed_open(b, NOW);
}

static void an_account_is_found_however_it_moved(void **state)
{
	struct bed *b = *state;
	struct spool_account a, c;

	a = bind_to(b, "me", SPOOL_IMAP, "me@gmx.net", "imap.gmx.net");
	assert_true(a.is_new);
	assert_int_equal(strlen(a.uuid), 32);
	reopen(b);
	c = bind_to(b, "renamed", SPOOL_IMAP, "me@gmx.net", "imap.gmx.net");
	assert_int_equal(c.id, a.id);
	assert_false(c.is_new || c.reconcile);
	assert_string_equal(c.name, "renamed");
	reopen(b);
	c = bind_to(b, "renamed", SPOOL_IMAP, "me@gmx.net", "imap.gmx.com");
	assert_int_equal(c.id, a.id);
	assert_false(c.is_new || c.reconcile);
	assert_string_equal(c.place, "imap.gmx.com");
	reopen(b);
	c = bind_to(b, "renamed", SPOOL_POP3, "me@gmx.net", "pop.gmx.com");
	assert_int_equal(c.id, a.id);
	assert_true(c.reconcile);
	assert_string_equal(c.uuid, a.uuid);
	reopen(b);
	c = bind_to(b, "other", SPOOL_IMAP, "you@gmx.net", "imap.gmx.com");
	assert_true(c.is_new);
	assert_int_not_equal(c.id, a.id);
}

/* Two accounts of one user by two protocols: neither takes the other's row. */
static void a_bound_row_is_not_taken(void **state)
{
	struct bed *b = *state;
	struct spool_account a, c;

	a = bind_to(b, "a", SPOOL_POP3, "me", "host");
	c = bind_to(b, "b", SPOOL_IMAP, "me", "host");
	assert_int_not_equal(a.id, c.id);
	assert_true(c.is_new);
	reopen(b);
	assert_int_equal(bind_to(b, "b", SPOOL_IMAP, "me", "host").id, c.id);
	assert_int_equal(bind_to(b, "a", SPOOL_POP3, "me", "host").id, a.id);
}

static void states_are_kept(void **state)
{
	struct bed *b = *state;
	struct spool_account_save s = { .a = bind_to(b, "me", SPOOL_IMAP, "me",
						     "host") };
	struct spool_delivery_save d = {
		.d = { .name = "home", .health = HEALTH_REFUSED, .failures = 3 }
	};
	struct spool_delivery_load l = { .d = { .name = "home" } };
	struct spool_account a;

	s.a.health = HEALTH_AUTH;
	s.a.failures = 2;
	s.a.settings = 0xfedcba9876543210u;
	s.a.next_poll_ms = NOW + 5;
	s.a.trouble.class = ERR_AUTH;
	(void)snprintf(s.a.trouble.text, 9, "refused");
	s.a.trouble.count = 7;
	bed_prepare(&s.req);
	spool_account_save(b->spool, &s);
	bed_wait(b, &s.req);
	bed_prepare(&d.req);
	spool_delivery_save(b->spool, &d);
	bed_wait(b, &d.req);
	reopen(b);
	a = bind_to(b, "me", SPOOL_IMAP, "me", "host");
	assert_int_equal(a.health, HEALTH_AUTH);
	assert_int_equal(a.failures, 2);
	assert_true(a.settings == 0xfedcba9876543210u);
	assert_int_equal(a.next_poll_ms, NOW + 5);
	assert_int_equal(a.trouble.class, ERR_AUTH);
	assert_string_equal(a.trouble.text, "refused");
	assert_int_equal(a.trouble.count, 7);
	bed_prepare(&l.req);
	spool_delivery_load(b->spool, &l);
	bed_wait(b, &l.req);
	assert_int_equal(l.d.health, HEALTH_REFUSED);
	assert_int_equal(l.d.failures, 3);
}

static void fingerprints_outlive_folding(void **state)
{
	struct bed *b = *state;
	int64_t a = bed_account(b, "gmx", SPOOL_POP3);
	struct spool_folder f = bed_folder(b, a, "", 0);
	struct spool_item *items = uidls(0, 40);
	uint64_t fps[42];
	bool known[42];
	struct spool_reconcile q = {
		.account = a, .fps = fps, .known = known, .n = 42
	};

	deliver(b, a, f.id, items, 30, NOW);
	bed_tidy(b, NOW);
	deliver(b, a, f.id, items + 30, 10, NOW);
	for (size_t i = 0; i < 40; i++)
		memcpy(&fps[39 - i], items[i].key.octets + 4, 8);
	fps[40] = 12345;
	fps[41] = 0;
	bed_tidy(b, NOW + 400 * DAY); /* history is gone, they stayed there */
	bed_prepare(&q.req);
	spool_reconcile(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	assert_int_equal(q.matched, 40);
	assert_true(known[0] && known[39]);
	assert_false(known[40] || known[41]);
	q.account = a + 1;
	bed_prepare(&q.req);
	spool_reconcile(b->spool, &q);
	bed_wait(b, &q.req);
	assert_int_equal(q.matched, 0);
	free(items);
}

static uint64_t namesakes(struct bed *b, int64_t folder, uint32_t from,
			  size_t n, bool look)
{
	struct message_key keys[3];
	struct spool_namesakes q = {
		.folder = folder, .keys = keys, .n = n, .look = look
	};

	for (size_t i = 0; i < n; i++)
		keys[i] = bed_key(from + (uint32_t)i);
	bed_prepare(&q.req);
	spool_namesakes(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	return q.known;
}

static size_t recorded(struct bed *b, int64_t account,
		       struct message_key **keys)
{
	struct spool_folder_open q = { .account = account, .name = "" };

	bed_prepare(&q.req);
	spool_folder_open(b->spool, &q);
	bed_wait(b, &q.req);
	assert_true(q.req.ok);
	*keys = q.namesakes;
	return q.nnamesakes;
}

/* CASES E6 */
static void shared_unique_ids_are_remembered(void **state)
{
	struct bed *b = *state;
	int64_t account = bed_account(b, "pop", SPOOL_POP3);
	int64_t folder = bed_folder(b, account, "", 0).id;
	struct spool_item *known = uidls(2, 1);
	struct message_key *keys;

	adopt(b, folder, known, 1);
	assert_int_equal(namesakes(b, folder, 1, 3, true), 1);
	assert_int_equal(recorded(b, account, &keys), 0);
	assert_null(keys);
	assert_int_equal(namesakes(b, folder, 1, 3, false), 1);
	assert_int_equal(namesakes(b, folder, 1, 1, false), 0);
	bed_close(b);
	bed_open(b, NOW);
	assert_int_equal(recorded(b, account, &keys), 3);
	assert_true(message_key_order(&keys[0], &keys[1]) < 0 &&
		    message_key_order(&keys[1], &keys[2]) < 0);
	free(keys);
	free(known);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(shared_unique_ids_are_remembered),
		TEST(pop3_identities_are_folded_and_found),
		TEST(absence_is_not_deletion_pop3),
		TEST(absence_is_not_deletion_imap),
		TEST(pop3_gone_after_folding),
		TEST(ranges_hold_what_an_array_holds),
		TEST(the_last_uid_is_no_trap),
		TEST(skipped_is_decided_anew),
		TEST(an_account_is_found_however_it_moved),
		TEST(a_bound_row_is_not_taken),
		TEST(states_are_kept),
		TEST(fingerprints_outlive_folding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
