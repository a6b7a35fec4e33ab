/* verdict: what an answer means for a message (CASES G2, G3, G7, G9, J15). */
#include "backoff.h"
#include "verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW 1800000000000ll

static struct config_delivery delivery = {
	.sender = CONFIG_SENDER_ORIGINAL,
	.retry_min_ms = 300000,
	.retry_max_ms = 3600000,
	.give_up_ms = 432000000,
};

static struct message *message(void)
{
	struct message *m = message_new();

	m->state = MESSAGE_SENDING;
	m->attempts = 1;
	message_add_rcpt(m, VIEW_LIT("a@example.org"));
	message_add_rcpt(m, VIEW_LIT("b@example.org"));
	m->rcpts[0].state = m->rcpts[1].state = RCPT_WAITING;
	return m;
}

static enum verdict judge(struct message *m, enum dest_outcome o,
			  enum dest_stage stage, int code)
{
	struct dest_result r = { .outcome = o,
				 .stage = stage,
				 .code = code,
				 .words = VIEW_LIT("words") };

	return verdict_apply(m, &r,
			     &(struct verdict_given){ .delivery = &delivery,
						      .now_ms = NOW,
						      .random = 500 });
}

static void accepted_for_all_is_delivered(void **state)
{
	struct message *m = message();

	(void)state;
	m->rcpts[0].state = m->rcpts[1].state = RCPT_ACCEPTED;
	assert_int_equal(judge(m, DEST_ACCEPTED, DEST_AT_END, 250),
			 VERDICT_DELIVERED);
	assert_int_equal(m->state, MESSAGE_DELIVERED);
	assert_int_equal(m->settled_at, NOW);
	message_free(m);
}

static void one_deferred_recipient_keeps_the_message_waiting(void **state)
{
	struct message *m = message();

	(void)state;
	m->rcpts[0].state = RCPT_ACCEPTED;
	assert_int_equal(judge(m, DEST_ACCEPTED, DEST_AT_END, 250),
			 VERDICT_LATER);
	assert_int_equal(m->state, MESSAGE_SPOOLED);
	assert_true(m->next_at > NOW);
	assert_int_equal(m->rcpts[0].state, RCPT_ACCEPTED);
	message_free(m);
}

static void one_refused_of_several_is_a_wrong_setting(void **state)
{
	struct message *m = message();

	(void)state;
	m->rcpts[0].state = RCPT_ACCEPTED;
	m->rcpts[1].state = RCPT_REFUSED;
	assert_int_equal(judge(m, DEST_ACCEPTED, DEST_AT_END, 250),
			 VERDICT_SETTING);
	assert_int_equal(m->state, MESSAGE_SPOOLED);
	assert_non_null(strstr(m->reason, "b@example.org"));
	assert_int_equal(m->rcpts[0].state, RCPT_ACCEPTED);
	assert_int_equal(m->rcpts[1].state, RCPT_WAITING);
	message_free(m);
}

/* LMTP: what was refused behind the data was refused for what it is. */
static void one_refused_for_its_content_holds_the_message(void **state)
{
	struct message *m = message();

	(void)state;
	m->rcpts[0].state = RCPT_ACCEPTED;
	m->rcpts[1].state = RCPT_REFUSED;
	m->rcpts[1].for_content = true;
	assert_int_equal(judge(m, DEST_ACCEPTED, DEST_AT_END, 250),
			 VERDICT_HELD);
	assert_int_equal(m->state, MESSAGE_HELD);
	assert_non_null(strstr(m->reason, "b@example.org"));
	message_free(m);
}

static struct message *found(void)
{
	struct message *m = message();

	m->rcpts[0].found = m->rcpts[1].found = true;
	return m;
}

/* For those who have it not; a wrong setting is none of its business. */
static void what_is_refused_goes_to_the_other_delivery(void **state)
{
	struct config_delivery rest = { .name = (char *)"rest" };
	struct config_delivery first = delivery;
	struct verdict_given g = { .delivery = &first, .now_ms = NOW };
	struct dest_result r = { .outcome = DEST_REFUSED,
				 .stage = DEST_AT_END,
				 .code = 554 };
	struct message *m = message();

	(void)state;
	first.name = (char *)"home";
	first.refused_to = &rest;
	m->waiting_since = NOW - 1;
	m->rcpts[0].state = RCPT_ACCEPTED;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_ELSEWHERE);
	assert_int_equal(m->state, MESSAGE_SPOOLED);
	assert_string_equal(m->delivery, "rest");
	assert_int_equal(m->rcpts[0].state, RCPT_ACCEPTED);
	assert_int_equal(m->waiting_since, 0);
	r.stage = DEST_AT_MAIL;
	r.code = 552;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_ELSEWHERE);
	r.code = 550;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_ELSEWHERE);
	r.stage = DEST_AT_RCPT;
	m->rcpts[1].state = RCPT_REFUSED;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_SETTING);
	message_free(m);
}

static void a_refused_found_recipient_holds_this_message_alone(void **state)
{
	struct message *m = found();

	(void)state;
	m->rcpts[0].state = m->rcpts[1].state = RCPT_REFUSED;
	assert_int_equal(judge(m, DEST_REFUSED, DEST_AT_RCPT, 550),
			 VERDICT_HELD);
	assert_non_null(strstr(m->reason, "a@example.org"));
	message_free(m);
}

static void a_refused_found_recipient_falls_back(void **state)
{
	struct message *m = found();

	(void)state;
	message_set(&m->fallback, VIEW_LIT("info@example.org"));
	m->rcpts[0].state = RCPT_ACCEPTED;
	m->rcpts[1].state = RCPT_REFUSED;
	assert_int_equal(judge(m, DEST_ACCEPTED, DEST_AT_END, 250),
			 VERDICT_AGAIN);
	assert_int_equal(m->state, MESSAGE_SPOOLED);
	assert_int_equal(m->next_at, NOW);
	assert_int_equal(m->nrcpts, 3);
	assert_int_equal(m->rcpts[2].state, RCPT_WAITING);
	/* then the fallback decides: refused, it is a wrong setting */
	m->rcpts[2].state = RCPT_REFUSED;
	m->rcpts[2].code = 550;
	assert_int_equal(judge(m, DEST_REFUSED, DEST_AT_RCPT, 550),
			 VERDICT_SETTING);
	assert_int_equal(m->rcpts[1].state, RCPT_REFUSED);
	assert_int_equal(m->rcpts[2].state, RCPT_WAITING);
	m->rcpts[2].state = RCPT_ACCEPTED;
	assert_int_equal(judge(m, DEST_ACCEPTED, DEST_AT_END, 250),
			 VERDICT_DELIVERED);
	message_free(m);
}

static void later_means_later_and_not_for_ever(void **state)
{
	struct message *m = message();

	(void)state;
	assert_int_equal(judge(m, DEST_DEFERRED, DEST_AT_RCPT, 451),
			 VERDICT_LATER);
	assert_int_equal(m->waiting_since, NOW);
	assert_in_range(m->next_at - NOW, 270000, 330000);
	m->waiting_since = NOW - 432000001ll;
	assert_int_equal(judge(m, DEST_DEFERRED, DEST_AT_RCPT, 451),
			 VERDICT_HELD);
	message_free(m);
}

static void refused_data_holds_this_message_alone(void **state)
{
	struct message *m = message();

	(void)state;
	assert_int_equal(judge(m, DEST_REFUSED, DEST_AT_END, 554),
			 VERDICT_HELD);
	assert_int_equal(m->state, MESSAGE_HELD);
	message_free(m);
}

static void a_refused_configured_recipient_is_a_wrong_setting(void **state)
{
	struct message *m = message();

	(void)state;
	m->rcpts[0].state = m->rcpts[1].state = RCPT_REFUSED;
	assert_int_equal(judge(m, DEST_REFUSED, DEST_AT_RCPT, 550),
			 VERDICT_SETTING);
	assert_int_equal(m->state, MESSAGE_SPOOLED);
	assert_int_equal(m->rcpts[0].state, RCPT_WAITING);
	assert_true(m->next_at >= NOW + 13 * 60000);
	message_free(m);
}

static void a_refused_fixed_sender_is_a_wrong_setting(void **state)
{
	struct config_delivery fixed = delivery;
	struct dest_result r = { .outcome = DEST_REFUSED,
				 .stage = DEST_AT_MAIL,
				 .code = 553 };
	struct verdict_given g = { .now_ms = NOW };
	struct message *m = message();

	(void)state;
	fixed.sender = CONFIG_SENDER_FIXED;
	g.delivery = &fixed;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_SETTING);
	g.delivery = &delivery;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_HELD);
	/* of three different ones in a row it is not the senders' fault */
	g.senders_before = 1;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_HELD);
	g.senders_before = 2;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_SETTING);
	/* RFC 1870: for its size; the next may be smaller */
	r.code = 552;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_HELD);
	message_free(m);
}

/* A server that is told of the client refuses it in answer to RCPT. */
static void refused_for_its_client_is_no_wrong_setting(void **state)
{
	struct verdict_given g = { .delivery = &delivery,
				   .handed_over = true,
				   .now_ms = NOW };
	struct dest_result r = { .outcome = DEST_REFUSED,
				 .stage = DEST_AT_RCPT,
				 .code = 554 };
	struct message *m = message();

	(void)state;
	for (int i = 0; i < 2; i++) {
		m->rcpts[i].state = RCPT_REFUSED;
		message_set(&m->rcpts[i].reply, VIEW_LIT("554 5.7.1 listed"));
	}
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_HELD);
	g.handed_over = false;
	m->rcpts[0].for_content = m->rcpts[1].for_content = false;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_SETTING);
	/* an address is nobody's but ours, whoever sends to it */
	g.handed_over = true;
	m->rcpts[0].state = RCPT_REFUSED;
	message_set(&m->rcpts[0].reply, VIEW_LIT("550 5.1.1 unknown"));
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_SETTING);
	message_free(m);
}

static enum verdict answered(struct message *m, const char *reply,
			     const struct verdict_given *g)
{
	struct dest_result r = { .outcome = DEST_REFUSED,
				 .stage = DEST_AT_RCPT,
				 .code = 554,
				 .words = view_of(reply) };

	for (size_t i = 0; i < m->nrcpts; i++) {
		m->rcpts[i].state = RCPT_REFUSED;
		m->rcpts[i].code = 554;
		m->rcpts[i].for_content = false;
		message_set(&m->rcpts[i].reply, view_of(reply));
	}
	return verdict_apply(m, &r, g);
}

#define SENDER_REFUSED "554 5.7.1 <spam@far.test>: Sender address rejected: no"

/* Postfix and Exim tell of it in answer to RCPT: a message's own matter. */
static void a_sender_refused_at_rcpt_is_no_wrong_recipient(void **state)
{
	struct config_delivery fixed = delivery, other = delivery;
	struct config_delivery rest = { .name = (char *)"rest" };
	struct verdict_given g = { .delivery = &delivery, .now_ms = NOW };
	struct message *m = message();

	(void)state;
	message_set(&m->sender, VIEW_LIT("spam@far.test"));
	assert_int_equal(answered(m, SENDER_REFUSED, &g), VERDICT_HELD);
	assert_non_null(strstr(m->reason, "the sender was refused"));
	assert_int_equal(answered(m, "550 5.1.1 <a@example.org>: unknown", &g),
			 VERDICT_SETTING);
	other.name = (char *)"home";
	other.refused_to = &rest;
	g.delivery = &other;
	assert_int_equal(answered(m, SENDER_REFUSED, &g), VERDICT_ELSEWHERE);
	assert_int_equal(m->rcpts[0].state, RCPT_WAITING);
	/* of three different ones, and of our own: a setting */
	g.senders_before = 2;
	assert_int_equal(answered(m, SENDER_REFUSED, &g), VERDICT_SETTING);
	assert_int_equal(m->rcpts[1].state, RCPT_WAITING);
	fixed.sender = CONFIG_SENDER_FIXED;
	g.delivery = &fixed;
	g.senders_before = 0;
	assert_int_equal(answered(m, SENDER_REFUSED, &g), VERDICT_SETTING);
	message_free(m);
}

/* The other has it, or is asked later: the sender is judged at the end. */
static void a_sender_refused_for_one_of_two(void **state)
{
	struct verdict_given g = { .delivery = &delivery, .now_ms = NOW };
	struct message *m = message();
	struct dest_result r = { .outcome = DEST_ACCEPTED,
				 .stage = DEST_AT_END,
				 .code = 250 };

	(void)state;
	message_set(&m->sender, VIEW_LIT("spam@far.test"));
	m->rcpts[0].code = 450;
	m->rcpts[1].state = RCPT_REFUSED;
	message_set(&m->rcpts[1].reply, VIEW_LIT(SENDER_REFUSED));
	r.outcome = DEST_DEFERRED;
	r.stage = DEST_AT_RCPT;
	assert_true(verdict_blames_sender(m, &r, NULL));
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_LATER);
	assert_int_equal(m->rcpts[1].state, RCPT_REFUSED);
	m->rcpts[1].for_content = false; /* as the ledger has it */
	m->rcpts[0].state = RCPT_ACCEPTED;
	r.outcome = DEST_ACCEPTED;
	r.stage = DEST_AT_END;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_HELD);
	/* behind the data it is about the message, whomever it names */
	assert_true(m->rcpts[1].for_content);
	assert_false(verdict_blames_sender(m, &r, NULL));
	message_free(m);
}

/* Exim's words for a rule that has none of its own name nobody. */
static void what_a_rule_forbids_one_whose_mail_is_taken(void **state)
{
	static const char exim[] = "550 Administrative prohibition";
	struct welcome took = { 0 };
	struct verdict_given g = { .delivery = &delivery, .now_ms = NOW };
	struct message *m = message();

	(void)state;
	message_set(&m->sender, VIEW_LIT("spam@far.test"));
	assert_int_equal(answered(m, exim, &g), VERDICT_SETTING);
	g.took = &took;
	assert_int_equal(answered(m, exim, &g), VERDICT_SETTING);
	welcome_add(&took, m);
	assert_int_equal(answered(m, exim, &g), VERDICT_HELD);
	assert_non_null(strstr(m->reason, "Administrative prohibition"));
	assert_int_equal(answered(m, "550 5.7.1 not you", &g), VERDICT_HELD);
	assert_int_equal(answered(m, "550 5.1.1 unknown", &g), VERDICT_SETTING);
	assert_int_equal(answered(m, "550 no such user", &g), VERDICT_SETTING);
	g.senders_before = 2;
	assert_int_equal(answered(m, exim, &g), VERDICT_SETTING);
	message_free(m);
	welcome_fini(&took);
}

/* The fallback would be refused as well, and be the wrong recipient then. */
static void a_refused_sender_does_not_fall_back(void **state)
{
	struct verdict_given g = { .delivery = &delivery, .now_ms = NOW };
	struct message *m = found();

	(void)state;
	message_set(&m->sender, VIEW_LIT("spam@far.test"));
	message_set(&m->fallback, VIEW_LIT("info@example.org"));
	assert_int_equal(answered(m, SENDER_REFUSED, &g), VERDICT_HELD);
	assert_int_equal(m->nrcpts, 2);
	message_free(m);
}

static void a_lost_reply_is_a_doubt(void **state)
{
	struct message *m = message();

	(void)state;
	assert_int_equal(judge(m, DEST_LOST, DEST_AT_END, 0), VERDICT_DOUBT);
	assert_int_equal(m->state, MESSAGE_DOUBT);
	assert_int_equal(m->next_at, NOW + 900000);
	m->hold_doubt = true;
	judge(m, DEST_LOST, DEST_AT_END, 0);
	assert_int_equal(m->next_at, 0);
	message_free(m);
}

static void unsent_may_go_at_once(void **state)
{
	struct message *m = message();

	(void)state;
	assert_int_equal(judge(m, DEST_UNSENT, DEST_AT_MAIL, 0),
			 VERDICT_UNSENT);
	assert_int_equal(m->state, MESSAGE_SPOOLED);
	assert_int_equal(m->next_at, NOW);
	message_free(m);
}

/* INTERFACE, give_up: time in which the destination was down does not count,
 * nor that in which nobody ran us. */
static void an_outage_is_not_held_against_a_message(void **state)
{
	const int64_t hour = 3600000, day = 24 * hour;
	struct message *m = message();

	(void)state;
	m->waiting_since = NOW - 30 * day;
	m->next_at = NOW - 30 * day + hour; /* then it went down */
	assert_int_equal(judge(m, DEST_DEFERRED, DEST_AT_RCPT, 450),
			 VERDICT_LATER);
	assert_int_equal(m->waiting_since, NOW - hour);
	/* what it was given since counts as before */
	m->waiting_since = NOW - 5 * day - 2;
	m->next_at = NOW - 1;
	assert_int_equal(judge(m, DEST_DEFERRED, DEST_AT_RCPT, 450),
			 VERDICT_HELD);
	message_free(m);
}

#define MINUTE 60000ll
#define HOUR   (60 * MINUTE)

static enum verdict judge_at(struct message *m, enum dest_outcome o,
			     int64_t now_ms)
{
	struct dest_result r = { .outcome = o,
				 .stage = DEST_AT_END,
				 .code = o == DEST_DEFERRED ? 451 : 0 };

	m->attempts++;
	return verdict_apply(m, &r,
			     &(struct verdict_given){ .delivery = &delivery,
						      .now_ms = now_ms,
						      .random = 500 });
}

/* Deferred whenever it is due, until it is held or `until`. */
static int64_t defer_until(struct message *m, int64_t until)
{
	while (m->next_at < until)
		if (judge_at(m, DEST_DEFERRED, m->next_at) == VERDICT_HELD)
			return 0;
	return until;
}

/*
 * A destination that defers, is gone from Friday evening to Monday morning, is
 * probed all the while, and now and then takes a connection and cuts it: two
 * and a half days that are not the message's.
 */
static void a_weekend_does_not_count_for_give_up(void **state)
{
	struct message *m = message();
	int64_t friday = NOW + 4 * HOUR, monday = friday + 62 * HOUR;
	int64_t t = NOW, probes = 0;

	(void)state;
	assert_int_equal(judge_at(m, DEST_DEFERRED, t), VERDICT_LATER);
	assert_int_equal(defer_until(m, friday), friday);
	for (t = friday; t < monday; probes++) {
		uint64_t wait = backoff_delivery_ms(
			ERR_NETWORK, (uint32_t)probes + 1, (uint32_t)probes);

		assert_in_range(wait, 54 * 1000, 330 * 1000);
		t += (int64_t)wait;
		if (t > m->next_at && probes % 5 == 0)
			assert_int_equal(judge_at(m, DEST_UNSENT, t),
					 VERDICT_UNSENT);
	}
	assert_in_range(probes, 62 * 60 / 6, 62 * 60);
	assert_int_equal(judge_at(m, DEST_DEFERRED, t), VERDICT_LATER);
	/* five days of its own, four to five hours of which are over */
	assert_int_equal(defer_until(m, t + (5 * 24 - 6) * HOUR),
			 t + (5 * 24 - 6) * HOUR);
	assert_int_equal(defer_until(m, t + 5 * 24 * HOUR), 0);
	message_free(m);
}

static struct verdict_given given_today(struct config_list *today, char **to,
					size_t n)
{
	*today = (struct config_list){ .item = to, .n = n };
	return (struct verdict_given){ .delivery = &delivery,
				       .now_ms = NOW,
				       .random = 500,
				       .today = today };
}

/* The recipient that was refused stands in the configuration no more. */
static void a_corrected_recipient_takes_its_place(void **state)
{
	char *to[] = { (char *)"a@example.org", (char *)"c@example.org" };
	struct message *m = message();
	struct config_list today;
	struct verdict_given g = given_today(&today, to, 2);
	struct dest_result r = { .outcome = DEST_ACCEPTED,
				 .stage = DEST_AT_END,
				 .code = 250 };

	(void)state;
	m->rcpts[0].state = RCPT_ACCEPTED;
	m->rcpts[1].state = RCPT_REFUSED;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_AGAIN);
	assert_int_equal(m->state, MESSAGE_SPOOLED);
	assert_int_equal(m->next_at, NOW);
	assert_non_null(strstr(m->reason, "b@example.org"));
	assert_true(m->readdressed);
	assert_int_equal(m->nrcpts, 2);
	assert_int_equal(m->rcpts[0].state, RCPT_ACCEPTED);
	assert_string_equal(m->rcpts[1].address, "c@example.org");
	assert_int_equal(m->rcpts[1].state, RCPT_WAITING);
	/* that one is wrong as well, and stands there: a pause */
	m->rcpts[1].state = RCPT_REFUSED;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_SETTING);
	assert_int_equal(m->nrcpts, 2);
	/* taken out: who is left has it */
	m->rcpts[1].state = RCPT_REFUSED;
	g = given_today(&today, to, 1);
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_DELIVERED);
	assert_int_equal(m->nrcpts, 1);
	message_free(m);
}

/* What a header names is not of the configuration, nor is it taken out. */
static void a_correction_leaves_found_recipients_alone(void **state)
{
	char *to[] = { (char *)"info@example.org" };
	struct message *m = found();
	struct config_list today;
	struct verdict_given g = given_today(&today, to, 1);
	struct dest_result r = { .outcome = DEST_REFUSED,
				 .stage = DEST_AT_RCPT,
				 .code = 550 };

	(void)state;
	m->rcpts[1].found = false; /* its fallback of that time */
	m->rcpts[0].state = m->rcpts[1].state = RCPT_REFUSED;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_AGAIN);
	assert_int_equal(m->nrcpts, 2);
	assert_int_equal(m->rcpts[0].state, RCPT_REFUSED);
	assert_true(m->rcpts[0].found);
	assert_string_equal(m->rcpts[1].address, "info@example.org");
	message_free(m);
}

/* Nothing is known of it: a wrong setting, as before. */
static void without_todays_recipients_it_waits(void **state)
{
	struct message *m = message();
	struct config_list today;
	struct verdict_given g = given_today(&today, NULL, 0);
	struct dest_result r = { .outcome = DEST_REFUSED,
				 .stage = DEST_AT_RCPT,
				 .code = 550 };

	(void)state;
	m->rcpts[0].state = m->rcpts[1].state = RCPT_REFUSED;
	assert_int_equal(verdict_apply(m, &r, &g), VERDICT_SETTING);
	assert_false(m->readdressed);
	message_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted_for_all_is_delivered),
		cmocka_unit_test(
			one_deferred_recipient_keeps_the_message_waiting),
		cmocka_unit_test(one_refused_of_several_is_a_wrong_setting),
		cmocka_unit_test(one_refused_for_its_content_holds_the_message),
		cmocka_unit_test(what_is_refused_goes_to_the_other_delivery),
		cmocka_unit_test(
			a_refused_found_recipient_holds_this_message_alone),
		cmocka_unit_test(a_refused_found_recipient_falls_back),
		cmocka_unit_test(later_means_later_and_not_for_ever),
		cmocka_unit_test(an_outage_is_not_held_against_a_message),
		cmocka_unit_test(a_weekend_does_not_count_for_give_up),
		cmocka_unit_test(refused_data_holds_this_message_alone),
		cmocka_unit_test(
			a_refused_configured_recipient_is_a_wrong_setting),
		cmocka_unit_test(a_refused_fixed_sender_is_a_wrong_setting),
		cmocka_unit_test(refused_for_its_client_is_no_wrong_setting),
		cmocka_unit_test(
			a_sender_refused_at_rcpt_is_no_wrong_recipient),
		cmocka_unit_test(a_sender_refused_for_one_of_two),
		cmocka_unit_test(what_a_rule_forbids_one_whose_mail_is_taken),
		cmocka_unit_test(a_refused_sender_does_not_fall_back),
		cmocka_unit_test(a_lost_reply_is_a_doubt),
		cmocka_unit_test(unsent_may_go_at_once),
		cmocka_unit_test(a_corrected_recipient_takes_its_place),
		cmocka_unit_test(a_correction_leaves_found_recipients_alone),
		cmocka_unit_test(without_todays_recipients_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
