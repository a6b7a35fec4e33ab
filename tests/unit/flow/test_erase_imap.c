/* erase_imap: more deletions than one command names. */
#include "erase_imap.h"
#include "must.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct erasing {
	size_t n, left, reports;
};

static void on_many_erased(void *who, const struct message_key *keys, size_t n,
			   size_t left, const struct err *err)
{
	struct erasing *e = who;

	for (size_t i = 1; i < n; i++)
		assert_true(message_key_order(&keys[i - 1], &keys[i]) < 0);
	e->n = n;
	e->left = left;
	assert_true(!left == !err);
	e->reports++;
}

static void feed(struct imap *p, const char *s)
{
	struct room r = imap_room(p);
	size_t n = strlen(s);

	assert_true(r.n >= n);
	memcpy(r.p, s, n);
	imap_received(p, n);
}

/* Answers whatever is in flight with OK, but for the tag `no`. */
static void answer(struct imap *p, struct imap_erase *e, uint32_t no)
{
	struct imap_event ev;
	static uint32_t next;
	char line[40];

	if (!no)
		next = 1;
	while (imap_in_flight(p)) {
		struct view v = imap_pending(p);

		assert_true(v.n == 0 || memcmp(v.p + v.n - 2, "\r\n", 2) == 0);
		imap_sent(p, v.n);
		snprintf(line, sizeof(line), "a%" PRIu32 " %s\r\n", next,
			 next == no ? "NO [INUSE] later" : "OK");
		next++;
		feed(p, line);
		while (imap_next(p, &ev))
			imap_erase_event(e, &ev);
		imap_erase_go(e);
	}
}

static void erase_many(uint32_t no, struct erasing *told)
{
	const size_t n = 5000;
	struct spool_item *items = mem_new(n * sizeof(*items));
	struct imap *p = imap_new(true);
	struct imap_erase e;
	struct imap_event ev;

	/* odd UIDs, last one first, one twice: no range helps */
	for (size_t i = 0; i < n; i++)
		items[i].key =
			message_key_uid((uint32_t)(1000000001 + 2 * (n - i)));
	items[1] = items[0];
	feed(p, "* OK [CAPABILITY IMAP4rev1 UIDPLUS] hi\r\n");
	assert_true(imap_next(p, &ev));
	imap_erase_init(&e, p, on_many_erased, told);
	imap_erase_begin(&e, IMAP_ERASE_DELETE, items, n, false);
	imap_erase_go(&e);
	answer(p, &e, 0);
	assert_true(imap_erase_idle(&e));
	assert_int_equal(told->reports, 1);
	assert_int_equal(told->n, n - 1);
	assert_int_equal(told->left, 0);
	/* once more, with one STORE refused */
	imap_erase_begin(&e, IMAP_ERASE_DELETE, items, n, false);
	imap_erase_go(&e);
	answer(p, &e, imap_tag(p) - 1 + no);
	assert_true(imap_erase_idle(&e));
	assert_int_equal(told->reports, 2);
	imap_erase_fini(&e);
	imap_free(p);
	free(items);
}

static void deletions_in_batches(void **state)
{
	struct erasing told = { 0 };

	(void)state;
	erase_many(0, &told);
	/* the batch of that STORE, and no other, is left */
	assert_in_range(told.left, 1, IMAP_SET_OCTETS / 11 + 1);
	assert_int_equal(told.n + told.left, 4999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deletions_in_batches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
