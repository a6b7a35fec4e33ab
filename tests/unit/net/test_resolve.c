/* resolve: shared look-ups, cache, failures, cancelling. */
#include "support_net.h"

#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static atomic_int calls, now_running, most_running;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;
static int gate_open = 1;

static void set_gate(int open)
{
	pthread_mutex_lock(&gate);
	gate_open = open;
	pthread_cond_broadcast(&gate_moved);
	pthread_mutex_unlock(&gate);
}

static void wait_at_gate(void)
{
	pthread_mutex_lock(&gate);
	while (!gate_open)
		pthread_cond_wait(&gate_moved, &gate);
	pthread_mutex_unlock(&gate);
}

/* "a3.test" has the address 192.0.2.3; "none..." none; "later..." fails. */
static int fake_call(const char *host, struct address *list, size_t *n)
{
	int running = ++now_running, most = most_running;

	while (running > most &&
	       !atomic_compare_exchange_weak(&most_running, &most, running))
		;
	calls++;
	wait_at_gate();
	now_running--;
	if (strncmp(host, "none", 4) == 0)
		return EAI_NONAME;
	if (strncmp(host, "later", 5) == 0)
		return EAI_AGAIN;
	assert_true(address_numeric(&list[0], "192.0.2.0"));
	list[0].to.in.sin_addr.s_addr |= htonl((uint32_t)atoi(host + 1));
	*n = 1;
	return 0;
}

static int flaky_fails;

static int flaky_call(const char *host, struct address *list, size_t *n)
{
	calls++;
	if (flaky_fails)
		return flaky_fails;
	return fake_call(host, list, n);
}

struct asking {
	struct loop *loop;
	struct lookup *lookup;
	int times, *left; /* of those still asking */
	size_t n;
	char first[64];
	struct err why;
	void (*then)(struct asking *a);
	struct resolver *resolver;
	struct asking *other;
};

static void on_done(void *who, const struct address *list, size_t n,
		    const struct err *why)
{
	struct asking *a = who;

	a->times++;
	a->n = n;
	a->lookup = NULL;
	if (n)
		address_text(&list[0], a->first, sizeof(a->first));
	else
		a->why = *why;
	if (a->then)
		a->then(a);
	if (--*a->left == 0)
		loop_stop(a->loop);
}

static void ask(struct fixture *f, struct asking *a, const char *host,
		int *left)
{
	a->loop = f->loop;
	a->resolver = f->resolver;
	a->left = left;
	++*left;
	a->lookup = resolve(f->resolver, host, on_done, a);
	assert_int_equal(a->times, 0); /* never from inside */
}

static void reset(void)
{
	calls = 0;
	most_running = 0;
	flaky_fails = 0;
	set_gate(1);
}

static void numeric_hosts_need_no_look_up(void **state)
{
	static const char *const hosts[] = { "192.0.2.7", "2001:db8::7",
					     "::1" };
	struct fixture f;
	struct asking a[3] = { 0 };
	int left = 0;

	(void)state;
	reset();
	fixture_up(&f, fake_call);
	for (size_t i = 0; i < 3; i++)
		ask(&f, &a[i], hosts[i], &left);
	loop_run(f.loop);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(a[i].times, 1);
		assert_string_equal(a[i].first, hosts[i]);
	}
	assert_int_equal(calls, 0);
	fixture_down(&f);
}

static void one_look_up_serves_all_who_ask_and_is_kept(void **state)
{
	struct fixture f;
	struct asking a[5] = { 0 }, again = { 0 };
	int left = 0;

	(void)state;
	reset();
	set_gate(0);
	fixture_up(&f, fake_call);
	for (size_t i = 0; i < 4; i++)
		ask(&f, &a[i], "a3.test", &left);
	ask(&f, &a[4], "A3.Test.", &left);
	set_gate(1);
	loop_run(f.loop);
	for (size_t i = 0; i < 5; i++)
		assert_string_equal(a[i].first, "192.0.2.3");
	ask(&f, &again, "a3.test", &left);
	loop_run(f.loop);
	assert_string_equal(again.first, "192.0.2.3");
	assert_int_equal(calls, 1);
	fixture_down(&f);
}

static void a_dead_resolver_never_takes_the_whole_pool(void **state)
{
	static const char *const hosts[] = { "a1", "a2", "a3", "a4",
					     "a5", "a6", "a7", "a8" };
	struct fixture f;
	struct asking a[8] = { 0 };
	int left = 0;

	(void)state;
	reset();
	set_gate(0);
	fixture_up(&f, fake_call); /* 3 of 4 threads */
	for (size_t i = 0; i < 8; i++)
		ask(&f, &a[i], hosts[i], &left);
	while (now_running < 3)
		(void)uv_run(loop_uv(f.loop), UV_RUN_NOWAIT);
	set_gate(1);
	loop_run(f.loop);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(a[i].n, 1);
	assert_int_equal(most_running, 3);
	fixture_down(&f);
}

static void every_failure_is_of_the_network_and_has_a_remedy(void **state)
{
	struct fixture f;
	struct asking none = { 0 }, later = { 0 };
	int left = 0;

	(void)state;
	reset();
	fixture_up(&f, fake_call);
	ask(&f, &none, "none.test", &left);
	ask(&f, &later, "later.test", &left);
	loop_run(f.loop);
	assert_int_equal(none.why.class, ERR_NETWORK);
	assert_non_null(strstr(none.why.what, "no such host: \"none.test\""));
	assert_int_equal(later.why.class, ERR_NETWORK);
	assert_non_null(strstr(later.why.what, "cannot look up"));
	assert_true(none.why.remedy[0] && later.why.remedy[0]);
	fixture_down(&f);
}

static void known_addresses_outlive_a_dead_resolver(void **state)
{
	struct fixture f;
	struct asking a[3] = { 0 };
	int left = 0;

	(void)state;
	reset();
	fixture_up(&f, flaky_call);
	ask(&f, &a[0], "a9", &left);
	loop_run(f.loop);
	flaky_fails = EAI_AGAIN;
	resolver_expire(f.resolver);
	ask(&f, &a[1], "a9", &left);
	loop_run(f.loop);
	assert_string_equal(a[1].first, "192.0.2.9");
	assert_true(calls >= 2);
	/* "There is no such host" is another matter. */
	flaky_fails = EAI_NONAME;
	ask(&f, &a[2], "a9", &left);
	loop_run(f.loop);
	assert_int_equal(a[2].n, 0);
	fixture_down(&f);
}

static void a_look_up_that_hangs_ends_and_is_not_repeated(void **state)
{
	struct fixture f;
	struct asking known = { 0 }, again = { 0 }, a = { 0 }, b = { 0 };
	int left = 0;

	(void)state;
	reset();
	fixture_up(&f, fake_call);
	ask(&f, &known, "a8", &left);
	loop_run(f.loop);
	set_gate(0);
	resolver_within(f.resolver, 20);
	resolver_expire(f.resolver);
	ask(&f, &again, "a8", &left);
	ask(&f, &a, "a1", &left);
	loop_run(f.loop);
	assert_string_equal(again.first, "192.0.2.8"); /* as known */
	assert_int_equal(a.n, 0);
	assert_int_equal(a.why.class, ERR_NETWORK);
	assert_non_null(strstr(a.why.what, "takes too long"));
	/* The next one waits for the same answer, which comes at last. */
	resolver_within(f.resolver, RESOLVE_MS);
	ask(&f, &b, "a1", &left);
	set_gate(1);
	loop_run(f.loop);
	assert_string_equal(b.first, "192.0.2.1");
	assert_int_equal(calls, 3);
	fixture_down(&f);
}

static void a_cancelled_look_up_stays_silent(void **state)
{
	struct fixture f;
	struct asking a = { 0 }, b = { 0 }, c = { 0 };
	int left = 0;

	(void)state;
	reset();
	set_gate(0);
	fixture_up(&f, fake_call);
	ask(&f, &a, "a1", &left);
	ask(&f, &b, "a1", &left);
	ask(&f, &c, "192.0.2.1", &left);
	resolve_cancel(a.lookup);
	resolve_cancel(c.lookup);
	left -= 2;
	set_gate(1);
	loop_run(f.loop);
	assert_int_equal(a.times, 0);
	assert_int_equal(b.times, 1);
	assert_int_equal(c.times, 0);
	fixture_down(&f);
}

static void cancel_other(struct asking *a)
{
	resolve_cancel(a->other->lookup);
	--*a->left;
}

static void one_who_is_told_may_cancel_another(void **state)
{
	struct fixture f;
	struct asking a = { .then = cancel_other }, b = { 0 };
	int left = 0;

	(void)state;
	reset();
	fixture_up(&f, fake_call);
	a.other = &b;
	ask(&f, &a, "a1", &left);
	ask(&f, &b, "a1", &left);
	loop_run(f.loop);
	assert_int_equal(a.times, 1);
	assert_int_equal(b.times, 0);
	fixture_down(&f);
}

static void ask_again(struct asking *a)
{
	a->then = NULL;
	++*a->left;
	a->lookup = resolve(a->resolver, "later.test", on_done, a);
}

static void who_asks_again_when_told_gets_an_answer_of_its_own(void **state)
{
	struct fixture f;
	struct asking a = { .then = ask_again };
	int left = 0;

	(void)state;
	reset();
	fixture_up(&f, fake_call);
	ask(&f, &a, "later.test", &left);
	loop_run(f.loop);
	assert_int_equal(a.times, 2);
	assert_int_equal(calls, 2);
	fixture_down(&f);
}

static void a_resolver_may_go_while_the_pool_still_works(void **state)
{
	struct fixture f;
	struct asking a = { 0 };
	int left = 0;

	(void)state;
	reset();
	set_gate(0);
	fixture_up(&f, fake_call);
	ask(&f, &a, "a1", &left);
	while (now_running < 1)
		(void)uv_run(loop_uv(f.loop), UV_RUN_NOWAIT);
	resolve_cancel(a.lookup);
	resolver_free(f.resolver);
	f.resolver = NULL;
	set_gate(1);
	fixture_down(&f); /* waits for the pool */
	assert_int_equal(a.times, 0);
}

static void many_hosts_are_forgotten_in_turn(void **state)
{
	struct fixture f;
	int left = 0;

	(void)state;
	reset();
	fixture_up(&f, fake_call);
	for (int i = 0; i < 1100; i++) {
		struct asking a = { 0 };
		char host[16];

		(void)snprintf(host, sizeof(host), "a%d", i % 256);
		if (i >= 256)
			(void)snprintf(host, sizeof(host), "a%d.x%d", i % 256,
				       i);
		ask(&f, &a, host, &left);
		loop_run(f.loop);
		assert_int_equal(a.n, 1);
	}
	assert_int_equal(calls, 1100);
	fixture_down(&f);
}

/* A form that getaddrinfo() alone knows, and needs no server for. */
static void the_system_is_asked(void **state)
{
	struct fixture f;
	struct asking a = { 0 };
	int left = 0;

	(void)state;
	fixture_up(&f, NULL);
	ask(&f, &a, "127.1", &left);
	loop_run(f.loop);
	assert_int_equal(a.n, 1);
	assert_string_equal(a.first, "127.0.0.1");
	fixture_down(&f);
}

static void localhost_is_here_whatever_a_resolver_says(void **state)
{
	static const char *const hosts[] = { "localhost", "LocalHost.",
					     "mail.localhost" };
	struct fixture f;
	struct asking a[4] = { 0 };
	int left = 0;

	(void)state;
	reset();
	fixture_up(&f, fake_call);
	for (size_t i = 0; i < 3; i++)
		ask(&f, &a[i], hosts[i], &left);
	loop_run(f.loop);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(a[i].n, 2);
		assert_string_equal(a[i].first, "127.0.0.1");
	}
	assert_int_equal(calls, 0);
	resolver_expire(f.resolver);
	a[0] = (struct asking){ 0 };
	ask(&f, &a[0], "localhost", &left);
	ask(&f, &a[3], "notlocalhost", &left);
	loop_run(f.loop);
	assert_int_equal(a[0].n, 2);
	assert_int_equal(calls, 1);
	fixture_down(&f);
}

static void addresses_know_what_is_loopback(void **state)
{
	static const struct {
		const char *text;
		bool is_loopback;
	} rows[] = {
		{ "127.0.0.1", true },
		{ "127.255.0.1", true },
		{ "::1", true },
		{ "::ffff:127.0.0.1", true },
		{ "128.0.0.1", false },
		{ "::2", false },
		{ "::ffff:10.0.0.1", false },
	};
	struct address a;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(address_numeric(&a, rows[i].text));
		assert_int_equal(address_is_loopback(&a), rows[i].is_loopback);
	}
	assert_false(address_numeric(&a, "localhost"));
	assert_false(address_numeric(&a, "1.2.3"));
	assert_false(address_numeric(&a, ""));
	assert_false(address_numeric(&a, "fe80::1%no-such-zone"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numeric_hosts_need_no_look_up),
		cmocka_unit_test(one_look_up_serves_all_who_ask_and_is_kept),
		cmocka_unit_test(a_dead_resolver_never_takes_the_whole_pool),
		cmocka_unit_test(
			every_failure_is_of_the_network_and_has_a_remedy),
		cmocka_unit_test(known_addresses_outlive_a_dead_resolver),
		cmocka_unit_test(a_look_up_that_hangs_ends_and_is_not_repeated),
		cmocka_unit_test(a_cancelled_look_up_stays_silent),
		cmocka_unit_test(one_who_is_told_may_cancel_another),
		cmocka_unit_test(
			who_asks_again_when_told_gets_an_answer_of_its_own),
		cmocka_unit_test(a_resolver_may_go_while_the_pool_still_works),
		cmocka_unit_test(many_hosts_are_forgotten_in_turn),
		cmocka_unit_test(the_system_is_asked),
		cmocka_unit_test(localhost_is_here_whatever_a_resolver_says),
		cmocka_unit_test(addresses_know_what_is_loopback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
