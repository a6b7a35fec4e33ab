/* throttle: the sentences of providers, as they were logged (CASES C9). */
#include "throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t wait_of(const char *words)
{
	uint64_t ms = 0;

	assert_true(throttle_said(view_of(words), &ms));
	return ms;
}

static void the_time_that_is_suggested(void **state)
{
	(void)state;
	assert_int_equal(wait_of("Request is throttled. Suggested Backoff "
				 "Time: 92415 milliseconds"),
			 92415);
	assert_int_equal(wait_of("request is throttled. suggested backoff "
				 "time:  5 minutes."),
			 300000);
	assert_int_equal(wait_of("Request is throttled. Suggested Backoff "
				 "Time: 30 seconds"),
			 30000);
}

static void a_time_beyond_reason(void **state)
{
	static const char *const words[] = {
		"Request is throttled.",
		"Request is throttled. Suggested Backoff Time:",
		"Request is throttled. Suggested Backoff Time: 0 milliseconds",
		"Request is throttled. Suggested Backoff Time: -1 seconds",
		("Request is throttled. Suggested Backoff Time: "
		 "99999999999999999999 milliseconds"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_int_equal(wait_of(words[i]), THROTTLE_WAIT_MS);
	assert_int_equal(wait_of("Request is throttled. Suggested Backoff "
				 "Time: 86400000 minutes"),
			 THROTTLE_MOST_MS);
}

static void without_a_time(void **state)
{
	static const char *const words[] = {
		"Too many simultaneous connections. (Failure)",
		"Account exceeded command or bandwidth limits. d9443c01a7336",
		"CAPABILITY Rate limit hit.",
		"Maximum number of connections from user+IP exceeded "
		"(mail_max_userip_connections=10)",
		"Exceeded the login limit for a 15 minute period. Reduce the "
		"frequency of requests to the POP3 server.",
		"Login frequency limited",
		"\xb5\xc7\xc2\xbc\xcc\xab\xc6\xb5\xb7\xb1",
		"登录太频繁，请稍后再试",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_int_equal(wait_of(words[i]), THROTTLE_WAIT_MS);
}

static void other_refusals(void **state)
{
	static const char *const words[] = {
		"",
		"LOGIN Login error or password error",
		"Login fail. Account is abnormal, service is not open, "
		"password is incorrect, login frequency limited, or system is "
		"busy.",
		"SELECT Unsafe Login. Please contact kefu@188.com for help",
		("[AUTHENTICATIONFAILED] LOGIN invalid credentials or IMAP is "
		 "disabled sc=x"),
		"User is authenticated but not connected.",
		"Rate limit hi",
	};
	uint64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_false(throttle_said(view_of(words[i]), &ms));
	assert_int_equal(ms, 7);
}

static void the_error_says_how_long(void **state)
{
	struct err e;

	(void)state;
	err_set(&e, ERR_AUTH, "sign-in refused");
	throttle_err(&e, 299961);
	assert_int_equal(e.class, ERR_RETRY);
	assert_int_equal(e.wait_ms, 299961);
	assert_non_null(strstr(e.remedy, "after 5 min"));
	throttle_err(&e, 0);
	assert_int_equal(e.wait_ms, THROTTLE_WAIT_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_time_that_is_suggested),
		cmocka_unit_test(a_time_beyond_reason),
		cmocka_unit_test(without_a_time),
		cmocka_unit_test(other_refusals),
		cmocka_unit_test(the_error_says_how_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
