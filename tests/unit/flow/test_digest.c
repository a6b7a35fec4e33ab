/*
 * When what is told: with a clock that the test moves.
 */
#include "digest.h"
#include "must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW  1790000000000
#define HOUR ((int64_t)3600000)
#define DAY  (24 * HOUR)

/* The rows live on as in the ledger. */
static struct spool_notice *rows;
static size_t nrows;

static int setup(void **state)
{
	(void)state;
	free(rows);
	rows = NULL;
	nrows = 0;
	return 0;
}

static void begin(struct digest *d, int64_t now)
{
	digest_init(d, DAY, now);
	d->row = rows;
	d->nrows = nrows;
	rows = NULL;
}

static void end(struct digest *d)
{
	rows = d->row;
	nrows = d->nrows;
	d->row = NULL;
	digest_fini(d);
}

static bool known(void *who, const char *key)
{
	(void)who;
	(void)key;
	return false;
}

static void account(struct digest *d, const char *name, enum err_class class,
		    int64_t since)
{
	struct spool_account a = { .trouble = { .class = class,
						.text = "words",
						.since_ms = since } };

	(void)snprintf(a.name, sizeof(a.name), "%s", name);
	digest_account(d, &a);
}

/* One look at an account in that state; text: what is told by mail; owned. */
static size_t look(int64_t now, enum err_class class, char **text)
{
	struct digest d;
	struct text t;
	size_t n;

	begin(&d, now);
	account(&d, "gmx", class, NOW);
	digest_settle(&d, known, NULL);
	n = digest_due(&d, DIGEST_MAIL);
	text_init(&t, 1 << 16);
	digest_text(&d, DIGEST_MAIL, "host", &t);
	if (n)
		digest_told(&d, DIGEST_MAIL);
	end(&d);
	if (text)
		*text = text_take(&t);
	text_fini(&t);
	return n;
}

static void a_refused_login_at_once_and_once_a_day(void **state)
{
	(void)state;
	assert_int_equal(look(NOW, ERR_AUTH, NULL), 1);
	assert_int_equal(look(NOW + 1, ERR_AUTH, NULL), 0);
	assert_int_equal(look(NOW + DAY - 1, ERR_AUTH, NULL), 0);
	assert_int_equal(look(NOW + DAY, ERR_AUTH, NULL), 1);
	assert_int_equal(look(NOW + DAY + 1, ERR_AUTH, NULL), 0);
	/* the clock was set back by years: not silent for years */
	assert_int_equal(look(NOW - 900 * DAY, ERR_AUTH, NULL), 1);
}

static void what_may_pass_after_a_day_whatever_it_is_called(void **state)
{
	(void)state;
	assert_int_equal(look(NOW, ERR_NETWORK, NULL), 0);
	assert_int_equal(look(NOW + DAY - 1, ERR_PROTOCOL, NULL), 0);
	assert_int_equal(look(NOW + DAY, ERR_RETRY, NULL), 1);
	/* well in between: it begins anew */
	assert_int_equal(look(NOW + 2 * DAY, ERR_NONE, NULL), 0);
}

static void untold_and_over_it_leaves_no_trace(void **state)
{
	(void)state;
	assert_int_equal(look(NOW, ERR_NETWORK, NULL), 0);
	assert_int_equal(nrows, 1);
	assert_int_equal(look(NOW + HOUR, ERR_NONE, NULL), 0);
	assert_int_equal(nrows, 0);
}

static void back_within_the_day_it_is_not_told_again(void **state)
{
	(void)state;
	assert_int_equal(look(NOW, ERR_AUTH, NULL), 1);
	assert_int_equal(look(NOW + HOUR, ERR_NONE, NULL), 0);
	assert_int_equal(look(NOW + 2 * HOUR, ERR_AUTH, NULL), 0);
	assert_int_equal(look(NOW + DAY, ERR_AUTH, NULL), 1);
}

static void its_end_is_said_once_beside_others(void **state)
{
	struct digest d;
	struct text t;

	(void)state;
	assert_int_equal(look(NOW, ERR_AUTH, NULL), 1);
	assert_int_equal(look(NOW + HOUR, ERR_NONE, NULL), 0);
	for (int i = 0; i < 2; i++) {
		begin(&d, NOW + (2 + i) * DAY);
		account(&d, "other", ERR_AUTH, NOW);
		digest_settle(&d, known, NULL);
		assert_int_equal(digest_due(&d, DIGEST_MAIL), 1);
		text_init(&t, 1 << 16);
		digest_text(&d, DIGEST_MAIL, "host", &t);
		assert_int_equal(strstr(text_str(&t),
					"account gmx: works again, since") !=
					 NULL,
				 i == 0);
		digest_told(&d, DIGEST_MAIL);
		text_fini(&t);
		end(&d);
	}
	assert_int_equal(nrows, 1);
}

static void after_a_week_nobody_wants_to_know(void **state)
{
	(void)state;
	assert_int_equal(look(NOW, ERR_AUTH, NULL), 1);
	assert_int_equal(look(NOW + DAY, ERR_NONE, NULL), 0);
	assert_int_equal(nrows, 1);
	assert_int_equal(look(NOW + 8 * DAY, ERR_NONE, NULL), 0);
	assert_int_equal(nrows, 0);
}

static size_t held(int64_t now, uint64_t n, enum digest_way way)
{
	struct spool_waiting w = { .account = "gmx", .n = n, .words = "554" };
	struct digest d;
	size_t due;

	begin(&d, now);
	digest_waiting(&d, &w);
	digest_settle(&d, known, NULL);
	due = digest_due(&d, way);
	if (due)
		digest_told(&d, way);
	end(&d);
	return due;
}

static void held_mail_again_when_there_is_more(void **state)
{
	(void)state;
	assert_int_equal(held(NOW, 2, DIGEST_MAIL), 1);
	assert_int_equal(held(NOW + 2 * DAY, 2, DIGEST_MAIL), 0);
	assert_int_equal(held(NOW + 2 * DAY, 1, DIGEST_MAIL), 0);
	assert_int_equal(held(NOW + 3 * DAY, 3, DIGEST_MAIL), 1);
}

static void each_way_is_told_for_itself(void **state)
{
	(void)state;
	assert_int_equal(held(NOW, 1, DIGEST_MAIL), 1);
	assert_int_equal(held(NOW + HOUR, 1, DIGEST_COMMAND), 1);
	assert_int_equal(held(NOW + HOUR, 1, DIGEST_COMMAND), 0);
}

static void mail_is_not_told_by_mail_that_it_fails(void **state)
{
	struct digest d;

	(void)state;
	begin(&d, NOW);
	digest_mail_fails(&d, "550 who");
	digest_settle(&d, known, NULL);
	assert_int_equal(digest_due(&d, DIGEST_MAIL), 0);
	assert_int_equal(digest_due(&d, DIGEST_COMMAND), 1);
	end(&d);
}

static int teardown(void **state)
{
	return setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		CASE(a_refused_login_at_once_and_once_a_day),
		CASE(what_may_pass_after_a_day_whatever_it_is_called),
		CASE(untold_and_over_it_leaves_no_trace),
		CASE(back_within_the_day_it_is_not_told_again),
		CASE(its_end_is_said_once_beside_others),
		CASE(after_a_week_nobody_wants_to_know),
		CASE(held_mail_again_when_there_is_more),
		CASE(each_way_is_told_for_itself),
		CASE(mail_is_not_told_by_mail_that_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
