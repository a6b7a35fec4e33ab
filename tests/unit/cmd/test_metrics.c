/* The text of metrics_file: names, labels, and for whom there are series. */
#include "metrics.h"
#include "metrics_file.h"
#include "must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
/* after the headers that it needs */
#include <cmocka.h>

static struct config_account account[3];
static struct config_delivery delivery[1];
static struct spool_account row[3];
static struct spool_delivery delivery_row[1];
static struct query_waiting waiting[3];

static struct config config(void)
{
	account[0] = (struct config_account){ .name = "b", .enabled = true };
	account[1] = (struct config_account){ .name = "off" };
	account[2] =
		(struct config_account){ .name = "q\"\\", .enabled = true };
	delivery[0] = (struct config_delivery){ .name = "home" };
	return (struct config){ .accounts = account,
				.n_accounts = 3,
				.deliveries = delivery,
				.n_deliveries = 1 };
}

static struct metrics figures(void)
{
	row[0] = (struct spool_account){ .name = "b",
					 .last_poll_ms = 2,
					 .fetched = 7 };
	row[1] = (struct spool_account){ .name = "b",
					 .health = HEALTH_AUTH,
					 .last_poll_ms = 5,
					 .last_success_ms = 1795354205012,
					 .fetched = 8,
					 .octets = 900 };
	row[2] = (struct spool_account){ .name = "off", .fetched = 9 };
	delivery_row[0] = (struct spool_delivery){ .name = "home",
						   .last_success_ms = 1500 };
	waiting[0] =
		(struct query_waiting){ "gone", MESSAGE_SPOOLED, 2, 70, 3000 };
	waiting[1] =
		(struct query_waiting){ "gone", MESSAGE_DOUBT, 1, 20, 2000 };
	waiting[2] = (struct query_waiting){ "home", MESSAGE_HELD, 4, 5, 1000 };
	return (struct metrics){ .accounts = row,
				 .n_accounts = 3,
				 .deliveries = delivery_row,
				 .n_deliveries = 1,
				 .waiting = waiting,
				 .n_waiting = 3,
				 .doubts = 6 };
}

static struct text written(void)
{
	struct config c = config();
	struct metrics m = figures();
	struct text out;

	text_init(&out, 1 << 20);
	metrics_write(&m, &c, false, &out);
	return out;
}

static void expect(const struct text *t, const char *line)
{
	if (!strstr(text_str(t), line)) {
		print_error("no %s in\n%s", line, text_str(t));
		fail();
	}
}

static void names_and_values_are_those_of_the_interface(void **state)
{
	struct text t = written();

	(void)state;
	/* of two rows of a name the one in use */
	expect(&t, "\nmailhaul_account_last_success_timestamp_seconds{account="
		   "\"b\"} 1795354205.012\n");
	expect(&t, "\nmailhaul_account_state{account=\"b\",state=\"auth\"} "
		   "1\n");
	expect(&t, "\nmailhaul_account_state{account=\"b\",state=\"ok\"} 0\n");
	expect(&t, "\nmailhaul_account_messages_total{account=\"b\",result="
		   "\"fetched\"} 8\n");
	expect(&t, "\nmailhaul_account_octets_total{account=\"b\"} 900\n");
	expect(&t, "\nmailhaul_queue_messages{delivery=\"home\",state=\"held\"}"
		   " 4\n");
	expect(&t, "\nmailhaul_queue_messages{delivery=\"home\",state="
		   "\"queued\"} 0\n");
	expect(&t, "\nmailhaul_queue_octets 95\n");
	expect(&t, "\nmailhaul_delivery_last_success_timestamp_seconds{"
		   "delivery=\"home\"} 1.500\n");
	expect(&t, "\nmailhaul_in_doubt_total 6\n");
	expect(&t, "\nmailhaul_config_reload_success 0\n");
	expect(&t,
	       "\nmailhaul_build_info{version=\"" MAILHAUL_VERSION "\"} 1\n");
	text_fini(&t);
}

static void an_account_never_polled_has_its_series(void **state)
{
	struct text t = written();

	(void)state;
	expect(&t, "{account=\"q\\\"\\\\\"} 0.000\n");
	expect(&t, "{account=\"q\\\"\\\\\",state=\"never\"} 1\n");
	text_fini(&t);
}

static void disabled_accounts_have_no_series(void **state)
{
	struct text t = written();

	(void)state;
	assert_null(strstr(text_str(&t), "\"off\""));
	text_fini(&t);
}

static void a_delivery_that_is_gone_is_shown_while_mail_waits(void **state)
{
	struct text t = written();
	const char *first;

	(void)state;
	expect(&t, "\nmailhaul_queue_messages{delivery=\"gone\",state=\"queued"
		   "\"} 2\n");
	expect(&t, "\nmailhaul_queue_messages{delivery=\"gone\",state="
		   "\"in_doubt\"} 1\n");
	first = strstr(text_str(&t), "\"gone\",state=\"held\"");
	assert_non_null(first);
	assert_null(strstr(first + 1, "\"gone\",state=\"held\""));
	/* what is held does not count as waiting */
	expect(&t, "\nmailhaul_queue_oldest_timestamp_seconds{delivery="
		   "\"gone\"} 2.000\n");
	assert_null(strstr(text_str(&t),
			   "queue_oldest_timestamp_seconds{delivery=\"home"));
	text_fini(&t);
}

static void a_file_is_replaced_whole(void **state)
{
	char dir[] = "/tmp/test_metrics.XXXXXX", path[64], beside[64];
	struct stat before, after;
	struct err err = { 0 };

	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/m.prom", dir);
	(void)snprintf(beside, sizeof(beside), "%s/m.prom.new", dir);
	(void)umask(077);
	assert_true(metrics_file_replace(path, VIEW_LIT("one\n"), &err));
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(before.st_mode & 0777, 0644);
	assert_true(metrics_file_replace(path, VIEW_LIT("second\n"), &err));
	assert_int_equal(stat(path, &after), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_int_equal(after.st_size, 7);
	assert_int_not_equal(access(beside, F_OK), 0);
	/* what stands there and is no file of ours is not written through */
	assert_int_equal(symlink("/dev/null", beside), 0);
	assert_false(metrics_file_replace(path, VIEW_LIT("3\n"), &err));
	assert_int_equal(unlink(beside), 0);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_false(metrics_file_replace(path, VIEW_LIT("4\n"), &err));
	assert_int_equal(err.class, ERR_CONFIG);
	assert_non_null(strstr(err.what, path));
	assert_true(err.remedy[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_and_values_are_those_of_the_interface),
		cmocka_unit_test(an_account_never_polled_has_its_series),
		cmocka_unit_test(disabled_accounts_have_no_series),
		cmocka_unit_test(
			a_delivery_that_is_gone_is_shown_while_mail_waits),
		cmocka_unit_test(a_file_is_replaced_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
