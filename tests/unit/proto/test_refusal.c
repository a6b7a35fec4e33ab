/* refusal: is a refused RCPT about the sender (as servers really say it)? */
#include "refusal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool of_sender(const char *words)
{
	return refusal_is_of_sender(view_of(words), VIEW_LIT("spam@far.test"),
				    VIEW_LIT("me@example.org"));
}

static void servers_say_that_it_is_the_sender(void **state)
{
	(void)state;
	/* Postfix: check_sender_access, reject_unlisted_sender, _non_fqdn_,
	 * reject_rhsbl_sender */
	assert_true(of_sender("554 5.7.1 <spam@far.test>: Sender address "
			      "rejected: Access denied"));
	assert_true(of_sender("550 5.1.0 <x@y>: Sender address rejected: User "
			      "unknown in virtual mailbox table"));
	assert_true(of_sender("504 5.5.2 <spam>: Sender address rejected: need "
			      "fully-qualified address"));
	assert_true(of_sender("554 5.7.1 Service unavailable; Sender address "
			      "[Spam@FAR.test] blocked using dbl.test"));
	/* Exim: verify = sender, the second time without the address */
	assert_true(of_sender("550 Verification failed for <spam@far.test> "
			      "Unrouteable address Sender verify failed"));
	assert_true(of_sender("550 Sender verify failed"));
	/* Sendmail: delay_checks */
	assert_true(of_sender("553 5.1.8 <me@example.org>... Domain of sender "
			      "address spam@far.test does not exist"));
	/* SPF (RFC 7372), a null MX (RFC 7505), both naming the recipient */
	assert_true(of_sender("550 5.7.23 <me@example.org>: Recipient address "
			      "rejected: SPF fail; id=spam@far.test"));
	assert_true(of_sender("550 5.7.27 sender domain takes no mail"));
	assert_true(of_sender("550 spam@far.test."));
}

static void a_rule_forbids_it(void **state)
{
	(void)state;
	assert_true(
		refusal_is_of_rule(VIEW_LIT("550 Administrative prohibition")));
	assert_true(refusal_is_of_rule(VIEW_LIT("554 5.7.1 go away")));
	assert_false(refusal_is_of_rule(VIEW_LIT("550 5.1.1 unknown")));
	assert_false(refusal_is_of_rule(VIEW_LIT("550 5.70.1 odd")));
	assert_false(refusal_is_of_rule(VIEW_LIT("550 no such user")));
	assert_false(refusal_is_of_rule(VIEW_LIT("")));
}

static void it_came_too_fast(void **state)
{
	(void)state;
	assert_true(refusal_is_of_haste(VIEW_LIT(
		"421 4.7.0 mx.test Error: too many connections from 192.0.2.1")));
	assert_true(refusal_is_of_haste(
		VIEW_LIT("450 4.7.1 Error: too much mail from 192.0.2.1")));
	assert_true(refusal_is_of_haste(
		VIEW_LIT("451 4.7.1 Ratelimit \"to\" exceeded")));
	assert_true(refusal_is_of_haste(VIEW_LIT(
		"450 4.2.1 is receiving mail at a rate that prevents more")));
	assert_false(refusal_is_of_haste(
		VIEW_LIT("450 4.7.1 Recipient address rejected: Greylisted")));
	assert_false(refusal_is_of_haste(
		VIEW_LIT("452 4.5.3 Error: too many recipients")));
	assert_false(
		refusal_is_of_haste(VIEW_LIT("550 5.7.1 rate limit exceeded")));
	assert_false(refusal_is_of_haste(VIEW_LIT("")));
}

static void others_are_about_somebody_else(void **state)
{
	(void)state;
	assert_false(of_sender("550 5.1.1 <me@example.org>: Recipient address "
			       "rejected: User unknown"));
	assert_false(of_sender("554 5.7.1 <me@example.org>: Relay access "
			       "denied"));
	assert_false(of_sender("550 Administrative prohibition"));
	assert_false(of_sender("550 5.7.1 spam@far.test may not write to "
			       "ME@example.org"));
	assert_false(of_sender("550 5.1.75 odd"));
	assert_false(of_sender("550 x.spam@far.test, nospam@far.test, "
			       "spam@far.test.org, spam@far.tests"));
	assert_false(of_sender("550"));
	assert_false(of_sender(""));
}

/* <> is named by nothing; who writes to himself is both. */
static void no_sender_and_the_same_one(void **state)
{
	struct view me = VIEW_LIT("me@example.org");

	(void)state;
	assert_false(
		refusal_is_of_sender(VIEW_LIT("550 <> no"), VIEW_NONE, me));
	assert_true(refusal_is_of_sender(
		VIEW_LIT("554 5.7.1 <>: Sender address rejected: no"),
		VIEW_NONE, me));
	assert_false(refusal_is_of_sender(VIEW_LIT("550 <me@example.org> no"),
					  me, me));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers_say_that_it_is_the_sender),
		cmocka_unit_test(a_rule_forbids_it),
		cmocka_unit_test(it_came_too_fast),
		cmocka_unit_test(others_are_about_somebody_else),
		cmocka_unit_test(no_sender_and_the_same_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
