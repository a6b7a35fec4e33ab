/* loop: timers, tasks, wakes, signals, work on the pool. */
#include "support_net.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct fired {
	struct loop *loop;
	struct timer timer;
	struct task task;
	struct fired *other;
	char *log; /* of all, in order */
	char name;
	int times;
};

static void note(struct fired *f)
{
	size_t n = strlen(f->log);

	f->log[n] = f->name;
	f->log[n + 1] = 0;
	f->times++;
}

static void on_fired(void *who)
{
	note(who);
}

static void on_last(void *who)
{
	struct fired *f = who;

	note(f);
	loop_stop(f->loop);
}

static void timers_fire_in_the_order_of_their_times(void **state)
{
	struct loop *l = loop_new(2);
	char log[64] = "";
	struct fired f[20] = { 0 };

	(void)state;
	for (int i = 0; i < 20; i++) {
		f[i] = (struct fired){ .loop = l, .log = log };
		f[i].name = (char)('a' + i);
		timer_init(&f[i].timer, l, i == 19 ? on_last : on_fired, &f[i]);
	}
	/* 7 is prime to 19: started in a mixed order. */
	for (int i = 0; i < 19; i++)
		timer_start(&f[i * 7 % 19].timer, (uint64_t)(i * 7 % 19) / 3);
	timer_start(&f[19].timer, 8);
	timer_stop(&f[3].timer);
	timer_stop(&f[3].timer);
	timer_start(&f[5].timer, 7);
	loop_run(l);
	assert_false(timer_is_started(&f[0].timer));
	assert_int_equal(f[3].times, 0);
	assert_int_equal(strlen(log), 19);
	assert_int_equal(log[18], 't');
	assert_int_equal(log[17], 'f'); /* restarted later */
	for (int i = 1; i < 17; i++)
		assert_true((log[i - 1] - 'a') / 3 <= (log[i] - 'a') / 3);
	loop_free(l);
}

static void stand_still(void *who)
{
	struct timespec t = { .tv_sec = 1, .tv_nsec = 200000000 };

	wake_send(who);
	(void)nanosleep(&t, NULL);
}

/* As after SIGSTOP: a deadline must not come before the answer. */
static void what_came_while_it_stood_still_goes_before_timers(void **state)
{
	struct loop *l = loop_new(2);
	char log[64] = "";
	struct fired a = { .loop = l, .log = log, .name = 'a' };
	struct fired b = { .loop = l, .log = log, .name = 'b' };
	struct fired last = { .loop = l, .log = log, .name = 'z' };
	struct wake *answer = wake_new(l, on_fired, &a);
	struct task hold;

	(void)state;
	task_init(&hold, l, stand_still, answer);
	timer_init(&b.timer, l, on_fired, &b);
	timer_init(&last.timer, l, on_last, &last);
	timer_start(&b.timer, 20);
	timer_start(&last.timer, 30);
	task_post(&hold);
	loop_run(l);
	assert_string_equal(log, "abz");
	wake_free(answer);
	loop_free(l);
}

static void restart_with_nothing(void *who)
{
	struct fired *f = who;

	note(f);
	timer_start(&f->timer, 0);
}

static void a_timer_restarted_at_once_starves_nobody(void **state)
{
	struct loop *l = loop_new(2);
	char log[1 << 16] = "";
	struct fired greedy = { .loop = l, .log = log, .name = 'g' };
	struct fired last = { .loop = l, .log = log, .name = 'l' };

	(void)state;
	timer_init(&greedy.timer, l, restart_with_nothing, &greedy);
	timer_init(&last.timer, l, on_last, &last);
	timer_start(&greedy.timer, 0);
	timer_start(&last.timer, 1);
	loop_run(l);
	assert_int_equal(last.times, 1);
	timer_stop(&greedy.timer);
	loop_free(l);
}

static void free_oneself(void *who)
{
	struct fired *f = who;

	note(f);
	if (f->other)
		timer_stop(&f->other->timer);
	loop_stop(f->loop);
	free(f);
}

static void a_timer_may_stop_others_and_free_itself(void **state)
{
	struct loop *l = loop_new(2);
	char log[8] = "";
	struct fired *a = calloc(1, sizeof(*a));
	struct fired b = { .loop = l, .log = log, .name = 'b' };

	(void)state;
	*a = (struct fired){ .loop = l, .log = log, .name = 'a', .other = &b };
	timer_init(&a->timer, l, free_oneself, a);
	timer_init(&b.timer, l, on_fired, &b);
	timer_start(&a->timer, 1);
	timer_start(&b.timer, 1);
	loop_run(l);
	assert_string_equal(log, "a");
	loop_free(l);
}

static void stop_third(void *who)
{
	struct fired *f = who;

	note(f);
	if (f->times < 3)
		return;
	timer_stop(&f->timer);
	loop_stop(f->loop);
}

static void a_periodic_timer_goes_on_until_stopped(void **state)
{
	struct loop *l = loop_new(2);
	char log[8] = "";
	struct fired f = { .loop = l, .log = log, .name = 'p' };

	(void)state;
	timer_init(&f.timer, l, stop_third, &f);
	timer_every(&f.timer, 1);
	loop_run(l);
	assert_string_equal(log, "ppp");
	loop_free(l);
}

static void post_other(void *who)
{
	struct fired *f = who;

	note(f);
	task_post(&f->task); /* the next turn's */
	task_post(&f->other->task);
	if (f->times == 3) {
		task_cancel(&f->task);
		task_cancel(&f->other->task);
		loop_stop(f->loop);
	}
}

static void tasks_run_once_each_in_order_and_leave_turns(void **state)
{
	struct loop *l = loop_new(2);
	char log[16] = "";
	struct fired a = { .loop = l, .log = log, .name = 'a' };
	struct fired b = { .loop = l, .log = log, .name = 'b' };

	(void)state;
	a.other = &b;
	task_init(&a.task, l, post_other, &a);
	task_init(&b.task, l, on_fired, &b);
	task_post(&a.task);
	task_post(&a.task);
	loop_run(l);
	assert_string_equal(log, "aaba");
	loop_free(l);
}

struct waking {
	struct loop *loop;
	struct wake *wake;
	int times;
};

static void on_woken(void *who)
{
	struct waking *w = who;

	w->times++;
	loop_stop(w->loop);
}

static void *send_wake(void *arg)
{
	struct waking *w = arg;

	wake_send(w->wake);
	return NULL;
}

static void another_thread_wakes_a_loop_with_nothing_open(void **state)
{
	struct waking w = { .loop = loop_new(2) };
	pthread_t t;

	(void)state;
	w.wake = wake_new(w.loop, on_woken, &w);
	assert_int_equal(pthread_create(&t, NULL, send_wake, &w), 0);
	loop_run(w.loop);
	assert_int_equal(pthread_join(t, NULL), 0);
	assert_int_equal(w.times, 1);
	wake_free(w.wake);
	loop_free(w.loop);
}

struct caught {
	struct loop *loop;
	int signum;
};

static void on_caught(void *who, int signum)
{
	struct caught *c = who;

	c->signum = signum;
	loop_stop(c->loop);
}

static void signals_arrive_on_the_loop(void **state)
{
	struct caught c = { .loop = loop_new(2) };
	static const int all[] = { SIGHUP, SIGUSR1, SIGTERM, SIGINT };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		loop_signal(c.loop, all[i], on_caught, &c);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(raise(all[i]), 0);
		loop_run(c.loop);
		assert_int_equal(c.signum, all[i]);
	}
	loop_free(c.loop);
}

struct job {
	struct loop *loop;
	pthread_t ran_on;
	int ran, done;
};

static void run_job(void *who)
{
	struct job *j = who;

	j->ran_on = pthread_self();
	j->ran++;
}

static void job_done(void *who)
{
	struct job *j = who;

	j->done++;
	loop_stop(j->loop);
}

static void work_runs_on_the_pool_and_ends_on_the_loop(void **state)
{
	struct job j = { .loop = loop_new(2) };

	(void)state;
	loop_work(j.loop, run_job, job_done, &j);
	assert_int_equal(j.done, 0);
	loop_run(j.loop);
	assert_int_equal(j.ran, 1);
	assert_int_equal(j.done, 1);
	assert_false(pthread_equal(j.ran_on, pthread_self()));
	loop_free(j.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_the_order_of_their_times),
		cmocka_unit_test(a_timer_restarted_at_once_starves_nobody),
		cmocka_unit_test(a_timer_may_stop_others_and_free_itself),
		cmocka_unit_test(a_periodic_timer_goes_on_until_stopped),
		cmocka_unit_test(tasks_run_once_each_in_order_and_leave_turns),
		cmocka_unit_test(
			what_came_while_it_stood_still_goes_before_timers),
		cmocka_unit_test(another_thread_wakes_a_loop_with_nothing_open),
		cmocka_unit_test(signals_arrive_on_the_loop),
		cmocka_unit_test(work_runs_on_the_pool_and_ends_on_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
