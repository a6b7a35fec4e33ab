/* `check`: whom it asks the destination for, and what it says of faults. */
#include "check_view.h"
#include "cmd_check.h"
#include "told.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* after the headers that it needs */
#include <cmocka.h>

static char *both[] = { (char *)"me+{account}@x.example",
			(char *)"all@x.example" };
static char *one[] = { (char *)"all@x.example" };
static char *by_folder[] = { (char *)"me+{folder}@x.example" };
static char *folders[] = { (char *)"INBOX", (char *)"Forms" };

static struct config_delivery home = { .name = (char *)"home" };
static struct config_delivery other = { .name = (char *)"other" };

static struct config a_config(struct config_account *a, size_t n)
{
	return (struct config){ .accounts = a, .n_accounts = n };
}

static size_t recipients(const struct config *c, const char *name,
			 const char *want)
{
	char **list, line[500] = "";
	size_t n = check_recipients(c, &home, &name, name != NULL, &list);

	for (size_t i = 0; i < n; i++) {
		strcat(line, list[i]);
		strcat(line, " ");
		free(list[i]);
	}
	free(list);
	assert_string_equal(line, want);
	return n;
}

static void each_recipient_is_asked_for_once(void **state)
{
	struct config_account a[] = {
		{ .name = (char *)"a",
		  .enabled = true,
		  .own.delivery = &home,
		  .own.to = { both, 2 } },
		{ .name = (char *)"b",
		  .enabled = true,
		  .own.delivery = &home,
		  .own.to = { one, 1 } },
		{ .name = (char *)"c",
		  .enabled = true,
		  .own.delivery = &other,
		  .own.to = { by_folder, 1 } },
		{ .name = (char *)"d",
		  .enabled = false,
		  .own.delivery = &home,
		  .own.to = { both, 2 } },
	};
	struct config c = a_config(a, 4);

	(void)state;
	recipients(&c, NULL, "me+a@x.example all@x.example ");
	recipients(&c, "b", "all@x.example ");
	/* named: also where it is not enabled */
	recipients(&c, "d", "me+d@x.example all@x.example ");
}

static void folders_make_recipients(void **state)
{
	struct config_account a = { .name = (char *)"a",
				    .enabled = true,
				    .own.delivery = &home,
				    .own.to = { by_folder, 1 },
				    .folders = { folders, 2 } };
	struct config c = a_config(&a, 1);

	(void)state;
	recipients(&c, NULL, "me+INBOX@x.example me+Forms@x.example ");
}

/* ---- what is said ---- */

static struct probe_rcpt refused[] = {
	{ .address = (char *)"",
	  .is_sender = true,
	  .code = 250,
	  .words = (char *)"250 2.1.0 Ok" },
	{ .address = (char *)"all@x.example",
	  .code = 550,
	  .words = (char *)"550 5.7.1 no" },
	{ .address = (char *)"b@x.example",
	  .code = 451,
	  .words = (char *)"451 later" },
};

static void each_fault_is_a_line_with_its_remedy(void **state)
{
	struct probe p = { .delivery = &home, .rcpts = refused, .nrcpts = 3 };
	struct text out;

	(void)state;
	text_init(&out, 4096);
	check_view_faults(&p, &out);
	assert_string_equal(
		text_str(&out),
		"delivery home: recipient all@x.example refused: 550 5.7.1 "
		"no: correct `to`, or have the destination accept it\n"
		"delivery home: recipient b@x.example refused: 451 later: it "
		"may pass: try again later\n");
	assert_int_equal(probe_worst(&p), ERR_REFUSED);
	text_fini(&out);
}

static void what_was_not_asked_is_no_fault_of_its_own(void **state)
{
	struct probe_rcpt unasked[] = { { .address = (char *)"",
					  .is_sender = true },
					{ .address = (char *)"a@b" } };
	struct probe p = { .delivery = &home, .rcpts = unasked, .nrcpts = 2 };
	struct text out;

	(void)state;
	err_set(&p.err, ERR_NETWORK, "cannot connect");
	text_init(&out, 4096);
	check_view_faults(&p, &out);
	assert_string_equal(text_str(&out), "delivery home: cannot connect\n");
	assert_int_equal(probe_worst(&p), ERR_NETWORK);
	text_fini(&out);
}

static void the_worst_of_folders_counts(void **state)
{
	struct config_account a = { .name = (char *)"a" };
	struct probe_folder f[2] = { { .name = "INBOX" }, { .name = "Nix" } };
	struct probe p = { .account = &a, .folders = f, .nfolders = 2 };

	(void)state;
	assert_int_equal(probe_worst(&p), ERR_NONE);
	err_set(&f[1].err, ERR_REFUSED, "the folder cannot be opened");
	assert_int_equal(probe_worst(&p), ERR_REFUSED);
	err_set(&p.err, ERR_AUTH, "sign-in refused");
	assert_int_equal(probe_worst(&p), ERR_AUTH);
}

static void json_names_fingerprints_and_the_next_pass(void **state)
{
	struct config_account a = { .name = (char *)"a",
				    .server = { .url = (char *)"imaps://x" } };
	struct probe_folder f = { .name = "INBOX", .there = { .exists = 7 } };
	struct probe p = { .account = &a,
			   .peer = "192.0.2.1",
			   .has_tls = true,
			   .folders = &f,
			   .nfolders = 1 };
	struct pass_account next = { .config = &a };
	json_t *o;

	(void)state;
	strcpy(p.tls.sha256, "sha256:00");
	strcpy(p.tls.spki, "spki:11");
	next.reasons[REASON_NEW] = 3;
	next.reasons[REASON_DUE] = 2;
	o = check_view_json(&p, &next);
	assert_string_equal(told_str(json_object_get(o, "tls"), "sha256"),
			    "sha256:00");
	assert_int_equal(told_number(json_object_get(o, "next"), "fetch"), 3);
	assert_int_equal(told_number(json_object_get(o, "next"), "delete"), 2);
	assert_int_equal(
		told_number(json_array_get(json_object_get(o, "folders"), 0),
			    "messages"),
		7);
	json_decref(o);
	err_set(&next.err, ERR_NETWORK, "cut");
	o = check_view_json(&p, &next);
	assert_true(json_is_null(json_object_get(o, "next")));
	json_decref(o);
}

static void a_refused_certificate_says_what_it_is(void **state)
{
	struct config_account a = { .name = (char *)"a",
				    .user = (char *)"u",
				    .server = { .url = (char *)"imaps://x" } };
	struct probe p = { .account = &a };
	struct text out;
	json_t *o, *tls;

	(void)state;
	p.tls = (struct tls_info){
		.names = "b.example, c.example",
		.subject = "CN=b",
		.issuer = "CN=someone",
		.not_before_unix = 1577836800,
		.not_after_unix = 1609459199,
		.sha256 = "sha256:00",
		.spki = "spki:11",
		.faults = CERT_FAULT(CERT_ISSUER) | CERT_FAULT(CERT_TIME),
	};
	text_init(&out, 4096);
	check_view_text(&p, false, &out);
	assert_non_null(strstr(
		text_str(&out),
		"  certificate not trusted: its issuer is not known; its dates "
		"do not hold\n"
		"    names   b.example, c.example\n"
		"    subject CN=b\n"
		"    issuer  CN=someone\n"
		"    valid   2020-01-01 to 2020-12-31\n"));
	assert_non_null(strstr(text_str(&out),
			       "\n    tls_fingerprint = \"sha256:00\"  "));
	assert_non_null(strstr(text_str(&out),
			       "\n    tls_fingerprint = \"spki:11\"  "));
	text_fini(&out);
	o = check_view_json(&p, NULL);
	tls = json_object_get(o, "tls");
	assert_false(json_is_true(json_object_get(tls, "trusted")));
	assert_int_equal(json_array_size(json_object_get(tls, "faults")), 2);
	assert_string_equal(told_str(tls, "spki"), "spki:11");
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_recipient_is_asked_for_once),
		cmocka_unit_test(folders_make_recipients),
		cmocka_unit_test(each_fault_is_a_line_with_its_remedy),
		cmocka_unit_test(what_was_not_asked_is_no_fault_of_its_own),
		cmocka_unit_test(the_worst_of_folders_counts),
		cmocka_unit_test(json_names_fingerprints_and_the_next_pass),
		cmocka_unit_test(a_refused_certificate_says_what_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
