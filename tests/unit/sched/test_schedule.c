/* schedule: weeks of a thousand accounts, with a clock that is told. */
#include "backoff.h"
#include "err.h"
#include "schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define WEEK   (7 * DAY)
#define BEGIN  INT64_C(1795000000000) /* unix ms */
#define MOST   2000u

/* --- a world: hosts that answer or do not, sessions that last ------------- */

struct session {
	int64_t ends_ms; /* 0: none */
	size_t account;
};

struct world {
	struct schedule *s;
	struct schedule_options o;
	int64_t t;	/* ms since it began; both clocks pass alike but for: */
	int64_t skewed; /* ... what the wall clock is ahead */
	size_t starts[MOST], probes, all;
	int64_t last_start[MOST], least_gap[MOST], most_gap[MOST];
	struct session sessions[300];
	size_t nsessions, most_at_once, host_now[MOST], host_most;
	size_t second_starts, most_in_second;
	int64_t second;
	size_t offline; /* times it began */
	bool was_offline;
	/* what becomes of a session of account i begun now; length to return */
	int64_t (*session)(struct world *w, size_t i, struct schedule_end *e);
	size_t (*host)(const struct world *w, size_t i);
	struct schedule_end ends[MOST];
	uint32_t failures[MOST];
};

static uint32_t dice = 1;

static uint32_t random32(void)
{
	dice = dice * 1664525u + 1013904223u;
	return dice >> 3;
}

static struct schedule_now now_of(const struct world *w)
{
	return (struct schedule_now){ (uint64_t)(w->t + 5 * HOUR),
				      BEGIN + w->t + w->skewed };
}

static int64_t answers(struct world *w, size_t i, struct schedule_end *e)
{
	(void)w, (void)i;
	*e = (struct schedule_end){ .reach = SCHEDULE_REACHED };
	return 2 * SECOND;
}

static size_t by_tens(const struct world *w, size_t i)
{
	return i % w->o.hosts;
}

static struct world *world(size_t accounts, size_t hosts)
{
	struct world *w = calloc(1, sizeof(*w));

	w->o = (struct schedule_options){ .accounts = accounts,
					  .hosts = hosts,
					  .most = 256,
					  .most_per_host = 8,
					  .pace = 50,
					  .pace_per_host = 10,
					  .random = random32 };
	w->s = schedule_new(&w->o, now_of(w));
	w->session = answers;
	w->host = by_tens;
	return w;
}

/* last: of the poll before; 0: never. */
static void account(struct world *w, size_t i, int64_t every, int64_t last)
{
	schedule_account(
		w->s, i, now_of(w),
		&(struct schedule_account){ .host = w->host(w, i),
					    .poll_every_ms = (uint64_t)every,
					    .last_poll_ms = last });
}

static void end_world(struct world *w)
{
	schedule_free(w->s);
	free(w);
}

static void note_start(struct world *w, size_t i)
{
	int64_t gap = w->t - w->last_start[i];

	if (w->starts[i]++ && (gap < w->least_gap[i] || !w->least_gap[i]))
		w->least_gap[i] = gap;
	if (w->starts[i] > 1 && gap > w->most_gap[i])
		w->most_gap[i] = gap;
	w->last_start[i] = w->t;
	w->all++;
	if (w->t / SECOND != w->second) {
		w->second = w->t / SECOND;
		w->second_starts = 0;
	}
	if (++w->second_starts > w->most_in_second)
		w->most_in_second = w->second_starts;
}

static void begin(struct world *w, size_t i)
{
	size_t h = w->host(w, i);

	note_start(w, i);
	w->sessions[w->nsessions++] =
		(struct session){ w->t + w->session(w, i, &w->ends[i]), i };
	if (w->nsessions > w->most_at_once)
		w->most_at_once = w->nsessions;
	if (++w->host_now[h] > w->host_most)
		w->host_most = w->host_now[h];
}

static void end_those_over(struct world *w)
{
	for (size_t n = 0; n < w->nsessions;) {
		struct session x = w->sessions[n];

		if (x.ends_ms > w->t) {
			n++;
			continue;
		}
		w->sessions[n] = w->sessions[--w->nsessions];
		w->host_now[w->host(w, x.account)]--;
		schedule_ended(w->s, x.account, now_of(w), &w->ends[x.account]);
	}
}

static int64_t next_event(const struct world *w)
{
	int64_t at = w->t + (int64_t)schedule_wait_ms(w->s, now_of(w));

	for (size_t n = 0; n < w->nsessions; n++)
		if (w->sessions[n].ends_ms < at)
			at = w->sessions[n].ends_ms;
	return at > w->t ? at : w->t + 1;
}

static void live(struct world *w, int64_t until)
{
	while (w->t < until) {
		bool is_probe;
		size_t i;

		end_those_over(w);
		while (schedule_next(w->s, now_of(w), &i, &is_probe)) {
			w->probes += is_probe;
			begin(w, i);
		}
		if (schedule_is_offline(w->s) && !w->was_offline)
			w->offline++;
		w->was_offline = schedule_is_offline(w->s);
		w->t = next_event(w);
	}
}

/* --- a thousand that are well --------------------------------------------- */

static void a_week_of_a_thousand(void **state)
{
	struct world *w = world(1000, 30);

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		account(w, i, 5 * MINUTE, 0);
	live(w, WEEK);
	for (size_t i = 0; i < 1000; i++) {
		assert_in_range(w->starts[i], 1950, 2080);
		assert_in_range(w->least_gap[i], 4 * MINUTE, 5 * MINUTE);
		assert_in_range(w->most_gap[i], 5 * MINUTE, 6 * MINUTE);
	}
	assert_true(w->most_at_once <= 256);
	assert_true(w->host_most <= 8);
	assert_int_equal(w->offline, 0);
	end_world(w);
}

static void a_start_is_no_stampede(void **state)
{
	struct world *w = world(1000, 1000);

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		account(w, i, 5 * MINUTE, BEGIN - DAY);
	live(w, 10 * SECOND);
	assert_true(w->most_in_second <= 50 + SCHEDULE_BURST);
	assert_true(w->all <= 10 * 50 + SCHEDULE_BURST);
	live(w, 30 * SECOND);
	assert_int_equal(w->all, 1000); /* and yet all of them soon */
	end_world(w);
}

static void one_host_is_not_stormed(void **state)
{
	struct world *w = world(1000, 1);

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		account(w, i, 5 * MINUTE, 0);
	live(w, 10 * SECOND);
	assert_true(w->most_in_second <= 10 + SCHEDULE_BURST);
	assert_true(w->host_most <= 8);
	live(w, 4 * MINUTE);
	for (size_t i = 0; i < 1000; i++)
		assert_true(w->starts[i] <= 1);
	live(w, 5 * MINUTE);
	for (size_t i = 0; i < 1000; i++)
		assert_true(w->starts[i] >= 1);
	end_world(w);
}

static void who_waits_longest_is_first(void **state)
{
	struct world *w = world(3, 1);
	bool probe;
	size_t i;

	(void)state;
	account(w, 0, 5 * MINUTE, BEGIN - 10 * MINUTE);
	account(w, 1, 5 * MINUTE, BEGIN - 30 * MINUTE);
	account(w, 2, 5 * MINUTE, BEGIN - MINUTE); /* not yet */
	assert_true(schedule_next(w->s, now_of(w), &i, &probe));
	assert_int_equal(i, 1);
	assert_true(schedule_next(w->s, now_of(w), &i, &probe));
	assert_int_equal(i, 0);
	assert_false(schedule_next(w->s, now_of(w), &i, &probe));
	assert_in_range(schedule_due_ms(w->s, 2, now_of(w)), BEGIN + 3 * MINUTE,
			BEGIN + 5 * MINUTE);
	end_world(w);
}

/* --- those that are not --------------------------------------------------- */

static int64_t fails(struct world *w, size_t i, struct schedule_end *e,
		     enum err_class class, uint64_t suggested)
{
	*e = (struct schedule_end){
		.reach = class == ERR_NETWORK ? SCHEDULE_UNREACHED
					      : SCHEDULE_REACHED,
		.failed = true,
		.not_before_ms =
			now_of(w).unix_ms + 2 * SECOND +
			(int64_t)backoff_account_ms(class, ++w->failures[i],
						    suggested, random32()),
	};
	return 2 * SECOND;
}

/* Every tenth account: refused, asked to stay away for half a day, dead. */
static int64_t mixed(struct world *w, size_t i, struct schedule_end *e)
{
	switch (i % 10) {
	case 1:
		return fails(w, i, e, ERR_AUTH, 0);
	case 2:
		return fails(w, i, e, ERR_RETRY, 12 * HOUR);
	case 3: /* a server's least time between sign-ins */
		answers(w, i, e);
		e->not_before_ms = now_of(w).unix_ms + 15 * MINUTE;
		return 2 * SECOND;
	case 4:
		return fails(w, i, e, ERR_NETWORK, 0);
	case 5: /* it stalls */
		answers(w, i, e);
		return 30 * MINUTE;
	default:
		return answers(w, i, e);
	}
}

static void failures_are_contained_for_a_week(void **state)
{
	struct world *w = world(500, 100);

	(void)state;
	w->session = mixed;
	for (size_t i = 0; i < 500; i++)
		account(w, i, 5 * MINUTE, 0);
	live(w, WEEK);
	for (size_t i = 0; i < 500; i++)
		switch (i % 10) {
		case 1: /* 1 2 4 8 16 24 24 ... hours: no lock-out */
			assert_in_range(w->starts[i], 8, 13);
			break;
		case 2:
			assert_in_range(w->starts[i], 10, 15);
			assert_true(w->least_gap[i] >= 12 * HOUR);
			break;
		case 3:
			assert_true(w->least_gap[i] >= 15 * MINUTE);
			assert_true(w->starts[i] > 600);
			break;
		case 4:
			assert_in_range(w->starts[i], 150, 200);
			break;
		case 5:
			assert_true(w->least_gap[i] >= 30 * MINUTE);
			break;
		default:
			assert_in_range(w->starts[i], 1950, 2080);
			assert_true(w->most_gap[i] <= 6 * MINUTE);
		}
	assert_int_equal(w->offline, 0);
	end_world(w);
}

static size_t first_half(const struct world *w, size_t i)
{
	(void)w;
	return i < 500 ? 0 : i - 499;
}

static int64_t first_host_holds(struct world *w, size_t i,
				struct schedule_end *e)
{
	answers(w, i, e);
	return i < 500 ? WEEK : 2 * SECOND;
}

/* B15: it has what a host may have, and nobody else notices. */
static void a_host_that_holds_delays_nobody(void **state)
{
	struct world *w = world(520, 21);

	(void)state;
	w->host = first_half;
	w->session = first_host_holds;
	for (size_t i = 0; i < 520; i++)
		account(w, i, 5 * MINUTE, 0);
	live(w, DAY);
	assert_int_equal(w->host_now[0], 8);
	for (size_t i = 500; i < 520; i++)
		assert_true(w->most_gap[i] <= 6 * MINUTE);
	end_world(w);
}

/* Five hundred of one host do not stand before the one of another. */
static void hosts_take_turns(void **state)
{
	struct world *w = world(501, 2);
	bool probe;
	size_t i;

	(void)state;
	w->host = first_half;
	for (i = 0; i < 501; i++)
		account(w, i, 5 * MINUTE, i < 500 ? BEGIN - DAY : BEGIN - HOUR);
	assert_true(schedule_next(w->s, now_of(w), &i, &probe));
	assert_true(i < 500);
	assert_true(schedule_next(w->s, now_of(w), &i, &probe));
	assert_int_equal(i, 500);
	end_world(w);
}

/* --- on request ----------------------------------------------------------- */

static void on_request_means_on_request(void **state)
{
	struct world *w = world(2, 1);

	(void)state;
	account(w, 0, 0, 0);
	account(w, 1, 5 * MINUTE, 0);
	live(w, DAY);
	assert_int_equal(w->starts[0], 0);
	schedule_poll_all(w->s, now_of(w));
	live(w, w->t + MINUTE);
	assert_int_equal(w->starts[0], 0);
	schedule_request(w->s, 0);
	live(w, w->t + DAY);
	assert_int_equal(w->starts[0], 1);
	schedule_request(w->s, 0);
	schedule_withdraw(w->s, 0);
	live(w, w->t + DAY);
	assert_int_equal(w->starts[0], 1);
	end_world(w);
}

static void a_request_does_not_wait(void **state)
{
	struct world *w = world(100, 1);
	bool probe;
	size_t i;

	(void)state;
	w->session = mixed;
	for (i = 0; i < 100; i++)
		account(w, i, HOUR, 0);
	schedule_request(w->s, 77);
	assert_true(schedule_next(w->s, now_of(w), &i, &probe));
	assert_int_equal(i, 77);
	schedule_request(w->s, 77); /* while it runs: once more behind it */
	schedule_ended(w->s, 77, now_of(w),
		       &(struct schedule_end){
			       .reach = SCHEDULE_REACHED,
			       .failed = true,
			       .not_before_ms = now_of(w).unix_ms + DAY });
	assert_true(schedule_next(w->s, now_of(w), &i, &probe));
	assert_int_equal(i, 77);
	end_world(w);
}

/* SIGUSR1: all, but a refused login is not tried before its time. */
static void poll_all_spares_who_must_wait(void **state)
{
	struct world *w = world(20, 20);

	(void)state;
	w->session = mixed;
	for (size_t i = 0; i < 20; i++)
		account(w, i, 12 * HOUR, 0);
	live(w, 2 * MINUTE);
	memset(w->starts, 0, sizeof(w->starts));
	schedule_poll_all(w->s, now_of(w));
	live(w, w->t + SECOND);
	assert_int_equal(w->starts[1], 0);
	assert_int_equal(w->starts[2], 0);
	assert_int_equal(w->starts[4], 1); /* not reached: it may be mended */
	assert_int_equal(w->starts[0], 1);
	assert_int_equal(w->starts[9], 1);
	end_world(w);
}

/* --- clocks --------------------------------------------------------------- */

static void a_machine_that_slept_polls_soon(void **state)
{
	struct world *w = world(300, 300);
	size_t before;

	(void)state;
	for (size_t i = 0; i < 300; i++)
		account(w, i, 4 * HOUR, 0);
	live(w, HOUR);
	before = w->all;
	assert_int_equal(before, 300);
	w->skewed = 8 * HOUR; /* the monotonic clock stood still */
	live(w, w->t + 40 * SECOND);
	assert_int_equal(w->all, before + 300);
	assert_true(w->most_in_second <= 50 + SCHEDULE_BURST);
	end_world(w);
}

static void a_clock_set_back_changes_nothing(void **state)
{
	struct world *w = world(100, 10);

	(void)state;
	for (size_t i = 0; i < 100; i++)
		account(w, i, 5 * MINUTE, 0);
	live(w, HOUR);
	w->skewed = -30 * DAY;
	live(w, 3 * HOUR);
	for (size_t i = 0; i < 100; i++)
		assert_true(w->most_gap[i] <= 6 * MINUTE);
	end_world(w);
}

/* What was written while the clock stood in the next century. */
static void times_of_another_clock_are_not_believed(void **state)
{
	struct world *w = world(2, 1);

	(void)state;
	account(w, 0, 5 * MINUTE, BEGIN + 1000 * DAY);
	schedule_account(w->s, 1, now_of(w),
			 &(struct schedule_account){
				 .poll_every_ms = 5 * MINUTE,
				 .failed = true,
				 .not_before_ms = BEGIN + 1000 * DAY });
	live(w, MINUTE);
	assert_int_equal(w->starts[0], 1);
	live(w, 26 * HOUR);
	assert_true(w->starts[1] >= 1);
	end_world(w);
}

/* --- no network ----------------------------------------------------------- */

static int64_t down_from, down_to;

static int64_t no_network(struct world *w, size_t i, struct schedule_end *e)
{
	if (w->t >= down_from && w->t < down_to) {
		fails(w, i, e, ERR_NETWORK, 0);
		return 5 * SECOND;
	}
	w->failures[i] = 0;
	return answers(w, i, e);
}

static void no_network_is_one_event(void **state)
{
	struct world *w = world(1000, 200);
	size_t before;

	(void)state;
	w->session = no_network;
	down_from = DAY;
	down_to = DAY + 8 * HOUR;
	for (size_t i = 0; i < 1000; i++)
		account(w, i, 5 * MINUTE, 0);
	live(w, down_from + 10 * MINUTE);
	assert_int_equal(w->offline, 1);
	before = w->all;
	live(w, down_to);
	/* a probe each five minutes, where 1,000 accounts would have tried */
	assert_in_range(w->all - before, 60, 140);
	assert_int_equal(w->all - before,
			 w->probes > 140 ? 0 : w->all - before);
	before = w->all;
	live(w, down_to + 6 * MINUTE);
	assert_int_equal(w->offline, 1);
	assert_false(schedule_is_offline(w->s));
	for (size_t i = 0; i < 1000; i++)
		assert_true(w->last_start[i] >= down_to);
	assert_true(w->most_in_second <= 50 + SCHEDULE_BURST);
	live(w, down_to + DAY);
	assert_int_equal(w->offline, 1);
	end_world(w);
}

static int64_t all_but_one(struct world *w, size_t i, struct schedule_end *e)
{
	return i % 20 == 7 ? answers(w, i, e) : no_network(w, i, e);
}

/* A server in the house answers; the world does not. */
static void nearly_all_hosts_are_enough(void **state)
{
	struct world *w = world(400, 20);

	(void)state;
	w->session = all_but_one;
	down_from = 0;
	down_to = WEEK;
	for (size_t i = 0; i < 400; i++)
		account(w, i, 5 * MINUTE, 0);
	live(w, 30 * SECOND);
	assert_true(w->offline >= 1);
	end_world(w);
}

static void a_request_is_tried_without_a_network(void **state)
{
	struct world *w = world(30, 30);
	size_t before;

	(void)state;
	w->session = no_network;
	down_from = 0;
	down_to = WEEK;
	for (size_t i = 0; i < 30; i++)
		account(w, i, 5 * MINUTE, 0);
	live(w, HOUR);
	assert_true(schedule_is_offline(w->s));
	before = w->starts[29];
	schedule_request(w->s, 29);
	live(w, w->t + SECOND);
	assert_int_equal(w->starts[29], before + 1);
	end_world(w);
}

/* What is left of it is between us and the disk: its host is free. */
static void who_closed_its_connection_gives_up_its_place(void **state)
{
	const struct schedule_options o = { .accounts = 2,
					    .hosts = 1,
					    .most = 1,
					    .most_per_host = 1,
					    .random = random32 };
	struct schedule_now now = { .now_ms = 1000, .unix_ms = BEGIN };
	struct schedule *s = schedule_new(&o, now);
	const struct schedule_account a = { 0 };
	bool is_probe;
	size_t i, j;

	(void)state;
	for (i = 0; i < 2; i++) {
		schedule_account(s, i, now, &a);
		schedule_request(s, i);
	}
	assert_true(schedule_next(s, now, &i, &is_probe));
	assert_false(schedule_next(s, now, &j, &is_probe));
	schedule_disconnected(s, i);
	schedule_request(s, i); /* once more, but not beside itself */
	assert_true(schedule_next(s, now, &j, &is_probe));
	assert_int_equal(j, 1 - i);
	schedule_disconnected(s, j);
	assert_false(schedule_next(s, now, &j, &is_probe));
	schedule_ended(s, i, now,
		       &(struct schedule_end){ .reach = SCHEDULE_REACHED });
	assert_true(schedule_next(s, now, &j, &is_probe));
	assert_int_equal(j, i);
	assert_int_equal(schedule_running(s), 2);
	schedule_free(s);
}

static void guests_have_their_share_of_room_and_pace(void **state)
{
	struct schedule_options o = { .accounts = 3,
				      .hosts = 2,
				      .most = 3,
				      .most_per_host = 2,
				      .random = random32 };
	struct schedule_now now = { 1000, BEGIN };
	struct schedule *s = schedule_new(&o, now);
	bool is_probe;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		schedule_account(s, i, now,
				 &(struct schedule_account){ .host = i == 2 });
	assert_true(schedule_guest(s, 0, now));
	assert_true(schedule_guest(s, 1, now));
	assert_false(schedule_guest(s, 0, now)); /* the host is full */
	schedule_request(s, 0);
	assert_false(schedule_next(s, now, &i, &is_probe));
	assert_true(schedule_guest(s, 2, now));
	schedule_guest_left(s, 0);
	assert_true(schedule_next(s, now, &i, &is_probe));
	assert_int_equal(i, 0);
	schedule_guest_left(s, 1);
	assert_false(schedule_guest(s, 2, now) && schedule_guest(s, 2, now));
	schedule_free(s);

	o.pace_per_host = 1;
	o.most = o.most_per_host = 100;
	s = schedule_new(&o, now);
	for (i = 0; i < SCHEDULE_BURST; i++)
		assert_true(schedule_guest(s, 0, now));
	assert_false(schedule_guest(s, 0, now));
	now.now_ms += 1000;
	now.unix_ms += 1000;
	assert_true(schedule_guest(s, 0, now));
	schedule_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_week_of_a_thousand),
		cmocka_unit_test(a_start_is_no_stampede),
		cmocka_unit_test(one_host_is_not_stormed),
		cmocka_unit_test(who_waits_longest_is_first),
		cmocka_unit_test(failures_are_contained_for_a_week),
		cmocka_unit_test(a_host_that_holds_delays_nobody),
		cmocka_unit_test(hosts_take_turns),
		cmocka_unit_test(on_request_means_on_request),
		cmocka_unit_test(a_request_does_not_wait),
		cmocka_unit_test(poll_all_spares_who_must_wait),
		cmocka_unit_test(a_machine_that_slept_polls_soon),
		cmocka_unit_test(a_clock_set_back_changes_nothing),
		cmocka_unit_test(times_of_another_clock_are_not_believed),
		cmocka_unit_test(no_network_is_one_event),
		cmocka_unit_test(nearly_all_hosts_are_enough),
		cmocka_unit_test(a_request_is_tried_without_a_network),
		cmocka_unit_test(who_closed_its_connection_gives_up_its_place),
		cmocka_unit_test(guests_have_their_share_of_room_and_pace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
