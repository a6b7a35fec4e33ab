/* Requests of one turn of the loop go to the store together. */
#include "support_spool.h"

static unsigned asked;

static void on_asked(void *who)
{
	(void)who;
	asked++;
}

static int setup(void **state)
{
	static struct bed b;

	bed_make(&b);
	b.asked = on_asked;
	bed_open(&b, NOW);
	asked = 0;
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	bed_remove(*state);
	return 0;
}

static bool add(struct ledger *l, void *arg, struct err *err)
{
	(void)l;
	(void)err;
	++*(unsigned *)arg;
	return true;
}

static void ask(struct bed *b, struct spool_call *c, unsigned *ran)
{
	*c = (struct spool_call){ .fn = add, .arg = ran };
	spool_call(b->spool, c);
}

static void a_turn_asks_once(void **state)
{
	struct bed *b = *state;
	struct spool_call c[4];
	unsigned ran = 0;

	for (int i = 0; i < 3; i++)
		ask(b, &c[i], &ran);
	assert_int_equal(asked, 1);
	assert_false(spool_idle(b->spool));
	spool_send(b->spool);
	bed_settle(b);
	assert_int_equal(ran, 3);
	ask(b, &c[3], &ran);
	assert_int_equal(asked, 2);
	spool_send(b->spool);
	spool_send(b->spool); /* nothing is there to send */
	bed_settle(b);
	assert_int_equal(ran, 4);
}

/* Who waits, or closes, does not leave behind what was asked before. */
static void nothing_is_left_behind(void **state)
{
	struct bed *b = *state;
	struct err err = { 0 };
	struct spool_call c[2];
	unsigned ran = 0, now = 0;

	ask(b, &c[0], &ran);
	assert_true(spool_call_now(b->spool, add, &now, &err));
	assert_int_equal(now, 1);
	assert_int_equal(ran, 1);
	bed_settle(b);
	ask(b, &c[1], &ran);
	bed_close(b);
	assert_int_equal(ran, 2);
	assert_true(c[1].req.ok);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_turn_asks_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(nothing_is_left_behind, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
