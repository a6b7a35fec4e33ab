/* Records as JSON: the names of INTERFACE 4, and nothing raw from a peer. */
#include "cmd_status.h"
#include "must.h"
#include "report.h"
#include "shape.h"
#include "told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after the headers that it needs */
#include <cmocka.h>

static void expect_json(json_t *got, const char *want)
{
	json_error_t e;
	json_t *wanted = json_loads(want, JSON_DECODE_ANY, &e);
	char *text;

	assert_non_null(got);
	assert_non_null(wanted);
	if (!json_equal(got, wanted)) {
		text = json_dumps(got, JSON_ENCODE_ANY);
		print_error("got %s\nnot %s\n", text, want);
		free(text);
		fail();
	}
	json_decref(got);
	json_decref(wanted);
}

static struct message *a_message(void)
{
	struct message *m = message_new();

	m->id = 4711;
	m->state = MESSAGE_SPOOLED;
	m->place.octets = 20480;
	m->attempts = 2;
	m->next_at = 1795354205000;
	message_set(&m->uid_text, VIEW_LIT("17"));
	message_set(&m->message_id, VIEW_LIT("<a@b>"));
	message_set(&m->from, VIEW_LIT("Anna <anna@example.org>"));
	message_set(&m->reply, VIEW_LIT("451 4.7.1 later"));
	message_add_rcpt(m, VIEW_LIT("me@example.org"));
	message_add_rcpt(m, VIEW_LIT("you@example.org"));
	return m;
}

static void a_queue_row_has_the_names_of_the_interface(void **state)
{
	struct message *m = a_message();
	struct query_row row = { m, "gmx", "INBOX" };
	char id[MESSAGE_ID_TEXT], want[1000];

	(void)state;
	message_id_text(m->id, id);
	snprintf(want, sizeof(want),
		 "{\"id\": \"%s\", \"account\": \"gmx\", \"folder\": "
		 "\"INBOX\", \"uid\": \"17\", \"state\": \"queued\", "
		 "\"size\": 20480, \"message_id\": \"<a@b>\", \"from\": "
		 "\"Anna <anna@example.org>\", \"to\": "
		 "[\"me@example.org\", \"you@example.org\"], \"attempts\": "
		 "2, \"next_attempt\": \"2026-11-22T13:30:05Z\", "
		 "\"last_reply\": \"451 4.7.1 later\", \"reason\": null}",
		 id);
	expect_json(shape_queue_row(&row), want);
	message_free(m);
}

static void states_are_those_of_the_interface(void **state)
{
	static const struct {
		enum message_state state;
		const char *name;
	} row[] = { { MESSAGE_SPOOLED, "queued" },
		    { MESSAGE_SENDING, "sending" },
		    { MESSAGE_HELD, "held" },
		    { MESSAGE_DOUBT, "in_doubt" } };
	struct message *m = a_message();
	struct query_row q = { m, "gmx", "" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		json_t *o;

		m->state = row[i].state;
		o = shape_queue_row(&q);
		assert_string_equal(told_str(o, "state"), row[i].name);
		assert_true(json_is_null(json_object_get(o, "folder")));
		json_decref(o);
	}
	message_free(m);
}

static void a_held_message_has_no_next_attempt(void **state)
{
	struct message *m = a_message();
	struct query_row row = { m, "gmx", "INBOX" };
	json_t *o;

	(void)state;
	m->state = MESSAGE_HELD;
	message_set(&m->reason, VIEW_LIT("refused"));
	o = shape_queue_row(&row);
	assert_true(json_is_null(json_object_get(o, "next_attempt")));
	assert_string_equal(told_str(o, "reason"), "refused");
	json_decref(o);
	message_free(m);
}

/* CASES H1-H3 */
static void nothing_raw_of_a_peer_gets_through(void **state)
{
	json_t *s;

	(void)state;
	s = shape_str("a\033[2Jb\xFF\xE2\x80\xAE");
	assert_string_equal(json_string_value(s),
			    "a\\x1B[2Jb\\xFF\\xE2\\x80\\xAE");
	json_decref(s);
	/* what was made printable before stays as it is */
	s = shape_str("a\\x1Bb \xC3\xBC");
	assert_string_equal(json_string_value(s), "a\\x1Bb \xC3\xBC");
	json_decref(s);
	assert_true(json_is_null(shape_str(NULL)));
}

static void a_trace_row_tells_the_events_in_order(void **state)
{
	struct message *m = a_message();
	struct query_row row = { m, "gmx", "INBOX" };
	struct query_event events[] = { { 1795354205000, "fetched", "", 0 },
					{ 1795354206000, "attempt", "451 later",
					  1 } };
	json_t *o;

	(void)state;
	message_set(&m->rcpts[0].reply, VIEW_LIT("250 ok"));
	m->rcpts[0].state = RCPT_ACCEPTED;
	m->rcpts[1].state = RCPT_WAITING;
	o = shape_trace_row(&row, events, 2);
	expect_json(json_incref(json_object_get(o, "events")),
		    "[{\"at\": \"2026-11-22T13:30:05Z\", \"what\": "
		    "\"fetched\", \"words\": null, \"attempt\": 0}, {\"at\": "
		    "\"2026-11-22T13:30:06Z\", \"what\": \"attempt\", "
		    "\"words\": \"451 later\", \"attempt\": 1}]");
	expect_json(json_incref(json_object_get(o, "to")),
		    "[{\"address\": \"me@example.org\", \"state\": "
		    "\"accepted\", \"reply\": \"250 ok\"}, {\"address\": "
		    "\"you@example.org\", \"state\": \"waiting\", \"reply\": "
		    "null}]");
	json_decref(o);
	message_free(m);
}

static void an_account_that_never_ran_has_nulls(void **state)
{
	struct spool_account a = { .name = "gmx", .health = HEALTH_NEVER };
	struct query_counts c = { .queued = 1, .held = 2, .skipped = 3 };

	(void)state;
	expect_json(shape_account(&a, &c),
		    "{\"name\": \"gmx\", \"state\": \"never\", \"last_poll\": "
		    "null, \"last_success\": null, \"last_error\": null, "
		    "\"next_poll\": null, \"fetched\": 0, \"delivered\": 0, "
		    "\"queued\": 1, \"held\": 2, \"skipped\": 3}");
}

static void an_error_has_class_text_remedy_since_count(void **state)
{
	struct spool_account a = { .name = "gmx", .health = HEALTH_AUTH };
	struct query_counts none = { 0 };
	json_t *o;

	(void)state;
	a.trouble = (struct spool_trouble){ .class = ERR_AUTH,
					    .text = "sign-in refused: no",
					    .since_ms = 1795354205000,
					    .count = 3 };
	o = shape_account(&a, &none);
	assert_string_equal(told_str(o, "state"), "auth");
	expect_json(json_incref(json_object_get(o, "last_error")),
		    "{\"class\": \"auth\", \"text\": \"sign-in refused: no\", "
		    "\"remedy\": null, \"since\": \"2026-11-22T13:30:05Z\", "
		    "\"count\": 3}");
	json_decref(o);
}

/* ---- the whole of `status --json` ---- */

static struct config a_config(struct config_account *accounts, size_t n,
			      struct config_delivery *deliveries, size_t m)
{
	return (struct config){ .file = (char *)"/etc/mailhaul.conf",
				.accounts = accounts,
				.n_accounts = n,
				.deliveries = deliveries,
				.n_deliveries = m };
}

static json_t *an_answer(const char *accounts)
{
	char text[4000];

	snprintf(text, sizeof(text),
		 "{\"accounts\": [%s], \"deliveries\": [], \"skipped\": [], "
		 "\"queue\": {\"queued\": 1, \"held\": 0, \"in_doubt\": 0, "
		 "\"octets\": 5}}",
		 accounts);
	return json_loads(text, 0, NULL);
}

static void status_follows_the_configuration(void **state)
{
	struct config_account accounts[] = {
		{ .name = (char *)"new", .enabled = true },
		{ .name = (char *)"old", .enabled = true },
		{ .name = (char *)"off", .enabled = false },
	};
	struct config_delivery home = { .name = (char *)"home" };
	struct config c = a_config(accounts, 3, &home, 1);
	json_t *answer = an_answer(
		"{\"name\": \"old\", \"state\": \"ok\", \"queued\": 0, "
		"\"held\": 0}, {\"name\": \"off\", \"state\": \"ok\", "
		"\"queued\": 0, \"held\": 0}, {\"name\": \"gone\", \"state\": "
		"\"ok\", \"queued\": 0, \"held\": 0}, {\"name\": \"gone2\", "
		"\"state\": \"ok\", \"queued\": 0, \"held\": 4}");
	json_t *o = status_object(&c, answer), *list, *e;
	static const char *const want[][2] = { { "new", "never" },
					       { "old", "ok" },
					       { "off", "disabled" },
					       { "gone2", "disabled" } };
	size_t i;

	(void)state;
	assert_string_equal(told_str(o, "version"), MAILHAUL_VERSION);
	list = json_object_get(o, "accounts");
	assert_int_equal(json_array_size(list), 4);
	json_array_foreach(list, i, e) {
		assert_string_equal(told_str(e, "name"), want[i][0]);
		assert_string_equal(told_str(e, "state"), want[i][1]);
	}
	list = json_object_get(o, "deliveries");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(told_str(json_array_get(list, 0), "state"),
			    "never");
	assert_int_equal(told_number(json_object_get(o, "queue"), "octets"), 5);
	json_decref(o);
	json_decref(answer);
}

static void status_for_people_names_trouble_and_what_was_skipped(void **state)
{
	struct config_account gmx = { .name = (char *)"gmx", .enabled = true };
	struct config c = a_config(&gmx, 1, NULL, 0);
	json_t *answer = an_answer(
		"{\"name\": \"gmx\", \"state\": \"auth\", \"last_poll\": "
		"\"2026-11-22T13:30:05Z\", \"last_error\": {\"class\": "
		"\"auth\", \"text\": \"sign-in refused\", \"remedy\": "
		"\"mailhaul passwd gmx\", \"since\": "
		"\"2026-11-22T13:00:05Z\", \"count\": 3}, \"queued\": 0, "
		"\"held\": 0}");
	json_t *o = status_object(&c, answer);
	json_t *skipped = json_loads(
		"[{\"account\": \"gmx\", \"reason\": \"size\", \"messages\": "
		"2, \"octets\": 63000000, \"examples\": [{\"folder\": "
		"\"INBOX\", \"uid\": \"17\", \"size\": 31000000}]}]",
		0, NULL);
	struct text out;

	(void)state;
	text_init(&out, 1u << 20);
	status_write(o, skipped, 1795354265000, 0, false, &out);
	assert_non_null(strstr(text_str(&out), "gmx      auth   1 min ago"));
	assert_non_null(strstr(text_str(&out),
			       "gmx: sign-in refused (for 31 min, 3 "
			       "times): mailhaul passwd gmx\n"));
	assert_non_null(strstr(text_str(&out),
			       "gmx: left at the source: 2 too large (63.0 "
			       "MB): INBOX 17, ...\n"));
	assert_null(strchr(text_str(&out), '\033'));
	text_fini(&out);
	json_decref(skipped);
	json_decref(o);
	json_decref(answer);
}

/* ---- `fetch --json` ---- */

static void a_pass_is_one_object(void **state)
{
	struct config_account gmx = { .name = (char *)"gmx" };
	struct config_account qq = { .name = (char *)"qq" };
	struct pass_account a[2] = {
		{ .config = &gmx,
		  .phase = PASS_DONE,
		  .found = 9,
		  .fetched = 3,
		  .delivered = 2,
		  .held = 1,
		  .octets = 4096,
		  .started_ms = 1000,
		  .ended_ms = 3500 },
		{ .config = &qq, .phase = PASS_DONE, .result = PASS_FAILED },
	};

	(void)state;
	err_set(&a[1].err, ERR_AUTH, "sign-in refused");
	err_peer(&a[1].err, VIEW_LIT("535 no"));
	err_remedy(&a[1].err, "mailhaul passwd qq");
	expect_json(
		report_json(a, 2, 77, false),
		"{\"accounts\": [{\"name\": \"gmx\", \"result\": \"ok\", "
		"\"found\": 9, \"fetched\": 3, \"delivered\": 2, \"queued\": "
		"0, \"held\": 1, \"skipped\": 0, \"deleted\": 0, \"octets\": "
		"4096, \"seconds\": 2.5, \"error\": null}, {\"name\": \"qq\", "
		"\"result\": \"auth\", \"found\": 0, \"fetched\": 0, "
		"\"delivered\": 0, \"queued\": 0, \"held\": 0, \"skipped\": "
		"0, \"deleted\": 0, \"octets\": 0, \"seconds\": 0.0, "
		"\"error\": {\"class\": \"auth\", \"text\": \"sign-in "
		"refused: 535 no\", \"remedy\": \"mailhaul passwd qq\"}}], "
		"\"exit\": 77}");
}

static void a_dry_run_is_grouped_by_reason(void **state)
{
	struct config_account gmx = { .name = (char *)"gmx" };
	struct pass_account a = { .config = &gmx, .found = 12 };
	struct text out;
	json_t *o;

	(void)state;
	a.reasons[REASON_NEW] = 3;
	a.reason_octets[REASON_NEW] = 4200000;
	a.reasons[REASON_SIZE] = 9;
	text_init(&out, 4096);
	report_dry_run(&a, &out);
	assert_non_null(strstr(text_str(&out), "gmx: 12 listed\n"));
	assert_non_null(
		strstr(text_str(&out), "3    4.2 MB  new: would be fetched\n"));
	assert_non_null(strstr(text_str(&out), "too large"));
	assert_null(strstr(text_str(&out), "in the queue"));
	text_fini(&out);
	o = report_account_json(&a, true);
	assert_int_equal(
		told_number(
			json_object_get(json_object_get(o, "reasons"), "new"),
			"messages"),
		3);
	json_decref(o);
}

static void a_summary_names_only_what_happened(void **state)
{
	struct config_account gmx = { .name = (char *)"gmx" };
	struct pass_account a = { .config = &gmx,
				  .found = 12,
				  .started_ms = 1000,
				  .ended_ms = 5000 };
	struct text out;

	(void)state;
	text_init(&out, 4096);
	report_summary(&a, &out);
	assert_string_equal(text_str(&out), "gmx: 12 there, nothing new, 4 s");
	text_clear(&out);
	a.fetched = 1200;
	a.octets = 3400000;
	a.delivered = 1199;
	a.held = 1;
	report_summary(&a, &out);
	assert_string_equal(text_str(&out),
			    "gmx: 1,200 fetched (3.4 MB), 1,199 delivered, 1 "
			    "held, 4 s");
	text_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_row_has_the_names_of_the_interface),
		cmocka_unit_test(states_are_those_of_the_interface),
		cmocka_unit_test(a_held_message_has_no_next_attempt),
		cmocka_unit_test(nothing_raw_of_a_peer_gets_through),
		cmocka_unit_test(a_trace_row_tells_the_events_in_order),
		cmocka_unit_test(an_account_that_never_ran_has_nulls),
		cmocka_unit_test(an_error_has_class_text_remedy_since_count),
		cmocka_unit_test(status_follows_the_configuration),
		cmocka_unit_test(
			status_for_people_names_trouble_and_what_was_skipped),
		cmocka_unit_test(a_pass_is_one_object),
		cmocka_unit_test(a_dry_run_is_grouped_by_reason),
		cmocka_unit_test(a_summary_names_only_what_happened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
