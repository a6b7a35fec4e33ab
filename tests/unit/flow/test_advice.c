/* advice: which header of a mailbox for many people would work. */
#include "advice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char *written[] = { (char *)"X-Original-To", (char *)"X-Old" };
static char *domains[] = { (char *)"shop.test" };
static struct config_multidrop drop = {
	.envelope = { .item = written, .n = 2 },
	.domains = { .item = domains, .n = 1 },
};
static const struct config_account account = {
	.name = (char *)"all",
	.user = (char *)"all@shop.test",
	.multidrop = &drop,
};

static void look(struct advice *a, const char *header)
{
	advice_look(a, &account, VIEW_LIT("INBOX"), view_of(header));
}

static const struct advice_header *of(const struct advice *a, const char *name)
{
	for (size_t i = 0; i < ADVICE_HEADERS; i++)
		if (view_ieq(view_of(a->would[i].name), view_of(name)))
			return &a->would[i];
	fail();
	return NULL;
}

#define END "Received: from a by b for <R@shop.test>; Mon\r\n\r\n"

static void each_message_counts_once(void **state)
{
	const struct advice_header *o;
	struct advice a;

	(void)state;
	advice_init(&a);
	look(&a, "X-Original-To: a@shop.test, b@Shop.TEST\r\n" END);
	look(&a, "X-Original-To: A@shop.test\r\n" END);
	look(&a, "X-Old: c@shop.test\r\n" END);
	look(&a, "X-Original-To: a@shop.test, x@far.test\r\n" END);
	look(&a, "Received: from a by b\r\nX-Original-To: a@shop.test\r\n\r\n");
	assert_int_equal(a.looked, 5);
	assert_int_equal(a.written.there, 4);
	assert_int_equal(a.written.found, 3);
	assert_int_equal(a.written.held, 2);
	assert_int_equal(a.written.people, 3);
	o = of(&a, "x-original-to");
	assert_int_equal(o->there, 3);
	assert_int_equal(o->found, 2);
	assert_int_equal(o->held, 3);
	/* what names one person for everything is no better for finding more */
	o = of(&a, "Received");
	assert_int_equal(o->found, 4);
	assert_int_equal(o->people, 1);
	assert_null(advice_better(&a));
	/* with a fallback nothing is held */
	drop.fallback = (char *)"info@shop.test";
	advice_init(&a);
	look(&a, "X-Original-To: a@shop.test, x@far.test\r\n" END);
	look(&a, END);
	assert_int_equal(a.written.fallback, 2);
	assert_int_equal(a.written.held, 0);
	drop.fallback = NULL;
}

/* The last server's own note of where it put the message. */
static void the_mailbox_itself_is_no_advice(void **state)
{
	struct advice a;
	struct err err;

	(void)state;
	advice_init(&a);
	look(&a, "Delivered-To: All@shop.test\r\nReceived: by b\r\n\r\n");
	look(&a, "Delivered-To: all@shop.test\r\nReceived: by b\r\n\r\n");
	assert_int_equal(of(&a, "Delivered-To")->found, 2);
	assert_true(of(&a, "Delivered-To")->itself);
	assert_null(advice_better(&a));
	advice_err(&a, &account, &err);
	assert_int_equal(err.class, ERR_CONFIG);
	assert_non_null(strstr(err.what, "X-Original-To, X-Old"));
	assert_non_null(strstr(err.remedy, "provider"));
	look(&a, "Delivered-To: b@shop.test\r\nReceived: by b\r\n\r\n");
	assert_string_equal(advice_better(&a)->name, "Delivered-To");
	advice_err(&a, &account, &err);
	assert_non_null(strstr(err.remedy, "Delivered-To"));
	assert_non_null(strstr(err.remedy, "3 of them"));
	/* nothing to look at is no fault; nor one that is there */
	advice_init(&a);
	advice_err(&a, &account, &err);
	assert_int_equal(err.class, ERR_NONE);
	look(&a, "X-Old: nobody\r\n" END);
	advice_err(&a, &account, &err);
	assert_int_equal(err.class, ERR_NONE);
}

/* As many found, but for each his own: that is what one is after. */
static void more_people_are_better(void **state)
{
	struct advice a;

	(void)state;
	advice_init(&a);
	look(&a, "Delivered-To: box@shop.test\r\nEnvelope-To: a@shop.test\r\n"
		 "Received: by b\r\n\r\n");
	look(&a, "Delivered-To: box@shop.test\r\nEnvelope-To: b@shop.test\r\n"
		 "Received: by b\r\n\r\n");
	assert_string_equal(advice_better(&a)->name, "Envelope-To");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_message_counts_once),
		cmocka_unit_test(the_mailbox_itself_is_no_advice),
		cmocka_unit_test(more_people_are_better),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
