/*
 * source_pop3: sessions against tests/fake/fake.py, over TCP on loopback. The =
 * lines of tests/transcripts/source_pop3 are the reports that must come; a flow
 * behind them lists, fetches all, deletes what came whole, and quits. Lines
 * that begin with > set it up.
 */
#include "listing_pop3.h"
#include "must.h"
#include "source.h"
#include "support_script.h"
#include "text.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t key[HASH_KEY_OCTETS] = "a key of thirty-two octets, fix";

struct box {
	struct loop *loop;
	struct trusts *trusts;
	struct source *source;
	struct source_options o;
	bool headers, cancels, closed, unsized;
	size_t drip; /* octets the server sends at once; 0: all */
	struct spool_item *items, *came; /* came: whole bodies */
	size_t n, ncame;
	struct text trace, body, want;
	struct secret secret;
};

static void tell(struct box *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void tell(struct box *b, const char *fmt, ...)
{
	char line[2000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text_fmt(&b->trace, "= %s\n", line);
}

static struct spool_item *item_of(struct box *b, const struct message_key *k)
{
	for (size_t i = 0; i < b->n; i++)
		if (message_key_order(&b->items[i].key, k) == 0)
			return &b->items[i];
	fail_msg("a key that was not listed");
	return NULL;
}

static void on_ready(void *who, const struct source_ready *r)
{
	struct box *b = who;

	assert_true(r->can_delete);
	tell(b, "ready%s%s%s", r->capabilities[0] ? " " : "", r->capabilities,
	     r->volatile_on_fetch ? " volatile" : "");
	if (r->login_delay_s)
		tell(b, "login-delay %u", r->login_delay_s);
}

static void on_folder(void *who, const struct source_folder *f,
		      const struct err *err)
{
	struct box *b = who;

	assert_null(err);
	assert_int_equal(f->uidvalidity, 0);
	tell(b, "folder");
	b->source->ops->list(b->source, 1, b->unsized ? 0 : SOURCE_SIZES);
}

static int by_number(const void *x, const void *y)
{
	return (int)((const struct spool_item *)x)->number -
	       (int)((const struct spool_item *)y)->number;
}

static void take(struct box *b)
{
	if (b->headers)
		b->source->ops->headers(b->source, b->items, b->n);
	else
		b->source->ops->fetch(b->source, b->items, b->n);
}

static void on_items(void *who, struct spool_item *items, size_t n)
{
	struct box *b = who;

	for (size_t i = 1; i < n; i++)
		assert_true(message_key_order(&items[i - 1].key,
					      &items[i].key) < 0);
	if (n)
		qsort(items, n, sizeof(*items), by_number);
	tell(b, "items %zu", n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(items[i].flags, 0);
		tell(b, "item %" PRIu32 " %" PRIu32, items[i].number,
		     items[i].octets);
	}
	b->items = items;
	b->n = n;
	b->came = mem_new((n + 1) * sizeof(*b->came));
	if (n == 0)
		b->source->ops->quit(b->source);
	else if (!b->unsized || !b->source->ops->sizes(b->source))
		take(b);
}

static void on_sizes(void *who, const struct source_size *sizes, size_t n)
{
	struct box *b = who;

	for (size_t i = 0; i < n; i++)
		tell(b, "size %" PRIu32 " %" PRIu32, sizes[i].number,
		     sizes[i].octets);
	take(b);
}

static void on_begin(void *who, const struct message_key *k, struct view uid)
{
	struct box *b = who;

	text_clear(&b->body);
	tell(b, "begin %" PRIu32 "%s%.*s", item_of(b, k)->number,
	     uid.n ? " " : "", VIEW_ARG(uid));
}

static void on_body(void *who, struct view octets)
{
	struct box *b = who;

	assert_true(octets.n > 0);
	text_put(&b->body, octets);
	if (b->cancels)
		b->source->ops->cancel(b->source);
}

static void on_end(void *who, const struct message_key *k)
{
	struct box *b = who;
	char shown[400];

	printable(shown, sizeof(shown), text_view(&b->body));
	tell(b, "body %s", shown);
	tell(b, "end %" PRIu32, item_of(b, k)->number);
	b->came[b->ncame++] = *item_of(b, k);
}

static void on_refused(void *who, const struct message_key *k,
		       const struct err *err)
{
	char line[600];

	err_line(err, line, sizeof(line));
	tell(who, "refused %" PRIu32 " %s: %s", item_of(who, k)->number,
	     err_class_name(err->class), line);
}

static void on_fetched(void *who)
{
	struct box *b = who;

	tell(b, "fetched");
	if (!b->headers && b->ncame)
		b->source->ops->erase(b->source, b->came, b->ncame,
				      SOURCE_ERASE);
	b->source->ops->quit(b->source);
}

static void on_erased(void *who, const struct message_key *keys, size_t n,
		      size_t left, const struct err *err)
{
	struct box *b = who;
	struct text line;

	assert_int_equal(left, 0);
	text_init(&line, 1000);
	for (size_t i = 0; i < n; i++)
		text_fmt(&line, " %" PRIu32, item_of(b, &keys[i])->number);
	assert_null(err);
	tell(b, "erased%s", text_str(&line));
	text_fini(&line);
}

static bool may_read(void *who)
{
	(void)who;
	return true;
}

static void on_closed(void *who, const struct err *err)
{
	struct box *b = who;
	char line[800];

	if (err) {
		err_line(err, line, sizeof(line));
		tell(b, "closed %s: %s", err_class_name(err->class), line);
	} else {
		tell(b, "closed");
	}
	b->source = NULL;
	loop_stop(b->loop);
}

static void on_notice(void *who, const char *text)
{
	tell(who, "notice %s", text);
}

static const struct source_reports reports = {
	.notice = on_notice,
	.ready = on_ready,
	.folder = on_folder,
	.items = on_items,
	.sizes = on_sizes,
	.body_begin = on_begin,
	.body = on_body,
	.body_end = on_end,
	.refused = on_refused,
	.fetched = on_fetched,
	.erased = on_erased,
	.may_read = may_read,
	.closed = on_closed,
};

/* --- a script --- */

/* The client's nonce in the transcripts: AAAAAAAAAAAAAAAAAAAAAAAA. */
static void not_random(void *out, size_t n)
{
	memset(out, 0, n);
}

static void set_up(void *who, struct view words)
{
	struct box *b = who;

	if (view_eq(words, VIEW_LIT("starttls")))
		b->o.endpoint.tls = TLS_STARTTLS;
	else if (view_eq(words, VIEW_LIT("clear-not-allowed")))
		b->o.password_in_clear = false;
	else if (view_starts(words, VIEW_LIT("auth ")))
		b->o.auth = mech_of(view_skip(words, 5));
	else if (view_eq(words, VIEW_LIT("headers")))
		b->headers = true;
	else if (view_eq(words, VIEW_LIT("keep")))
		b->o.by_headers = false;
	else if (view_eq(words, VIEW_LIT("unsized")))
		b->unsized = true;
	else if (view_eq(words, VIEW_LIT("cancel")))
		b->cancels = true;
	else
		fail_msg("no such setting: %.*s", VIEW_ARG(words));
}

static void play(const char *path, size_t drip)
{
	struct box b = { .loop = loop_new(2), .trusts = trusts_new() };
	struct trust_setting system_trust = { 0 };
	struct err err;
	pid_t pid;

	text_init(&b.trace, 1 << 20);
	text_init(&b.body, 1 << 20);
	text_init(&b.want, 1 << 20);
	secret_set(&b.secret, VIEW_LIT("tanstaaf"));
	b.o = (struct source_options){
		.loop = b.loop,
		.resolver = resolver_new(b.loop, 1, NULL),
		.endpoint = { .host = "127.0.0.1" },
		.user = "tim",
		.random = not_random,
		.secret = &b.secret,
		.password_in_clear = true,
		.by_headers = true,
		.key = key,
	};
	script_read(path, &b.want, set_up, &b);
	if (b.o.endpoint.tls == TLS_STARTTLS)
		b.o.endpoint.trust = trust_get(b.trusts, &system_trust, &err);
	b.o.endpoint.port = script_serve(path, drip, &pid);
	b.source = source_pop3_open(&b.o, &reports, &b);
	b.source->ops->folder(b.source, "");
	loop_run(b.loop);
	script_judge(path, pid, &b.want, &b.trace);
	trust_release(b.o.endpoint.trust);
	resolver_free(b.o.resolver);
	trusts_free(b.trusts);
	loop_free(b.loop);
	secret_fini(&b.secret);
	text_fini(&b.trace);
	text_fini(&b.body);
	text_fini(&b.want);
	free(b.items);
	free(b.came);
}

static void sessions(void **state)
{
	(void)state;
	script_play_all("source_pop3", play);
}

/* --- listings --- */

static struct message_key name_of(const struct spool_item *items, size_t n,
				  uint32_t number)
{
	for (size_t i = 0; i < n; i++)
		if (items[i].number == number)
			return items[i].key;
	fail_msg("message %" PRIu32 " is not among the items", number);
	return items[0].key;
}

/* What the last list() found to be shared, and knows of it the next time. */
struct memory {
	struct message_key key[4];
	size_t n, found;
};

/* uids: one per message, "" for none; headers: where one is needed. */
static struct spool_item *list_again(const char *const *uids,
				     const char *const *headers, size_t *n,
				     struct memory *m)
{
	struct listing *l = listing_new(key);
	const struct message_key *shared;
	uint8_t hash[HASH_BODY_OCTETS] = { 0 };
	struct spool_item *items;
	struct err err;
	uint32_t number;

	listing_namesakes(l, m->key, m->n);
	for (uint32_t i = 0; uids[i]; i++)
		listing_scan(l, i + 1, 100);
	assert_true(listing_scanned(l, &err));
	for (uint32_t i = 0; uids[i]; i++)
		assert_true(listing_uid(l, i + 1, view_of(uids[i]), &err));
	listing_sort(l);
	while (listing_unnamed(l, &number)) {
		assert_non_null(headers[number - 1]);
		hash[0] = (uint8_t)headers[number - 1][0];
		if (headers[number - 1][0] == '-')
			listing_leave_out(l);
		else
			listing_header(l, hash, !hash[0]);
	}
	shared = listing_shared(l, &m->found);
	assert_true(m->n + m->found <= sizeof(m->key) / sizeof(m->key[0]));
	for (size_t i = 0; i < m->found; i++)
		m->key[m->n++] = shared[i];
	items = listing_take(l, n);
	listing_free(l);
	return items;
}

static struct spool_item *list(const char *const *uids,
			       const char *const *headers, size_t *n)
{
	struct memory none = { .n = 0 };

	return list_again(uids, headers, n, &none);
}

static bool same(struct message_key a, struct message_key b)
{
	return message_key_order(&a, &b) == 0;
}

static void shared_unique_ids(void **state)
{
	static const char *const two[] = { "x", "x", "y", NULL };
	static const char *const headers[] = { "a", "b", NULL, NULL };
	static const char *const one[] = { "x", "y", NULL };
	struct spool_item *both, *rest;
	size_t n, m;

	(void)state;
	both = list(two, headers, &n);
	assert_int_equal(n, 3);
	assert_false(same(name_of(both, n, 1), name_of(both, n, 2)));
	/* one of them was deleted: the other must not get its name */
	rest = list(one, headers, &m);
	assert_false(same(name_of(both, n, 1), name_of(rest, m, 1)));
	assert_true(same(name_of(both, n, 3), name_of(rest, m, 2)));
	free(both);
	free(rest);
}

/* CASES E6: it keeps its name, whoever comes and goes. */
static void a_shared_unique_id_is_never_believed_again(void **state)
{
	static const char *const two[] = { "x", "x", "y", NULL };
	static const char *const headers[] = { "a", "b", NULL };
	static const char *const one[] = { "x", "y", NULL };
	static const char *const second[] = { "b", NULL };
	struct memory m = { .n = 0 };
	struct spool_item *both, *rest;
	size_t n;

	(void)state;
	both = list_again(two, headers, &n, &m);
	assert_int_equal(m.found, 1);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(both[i].flags,
				 both[i].number < 3 ? SPOOL_ITEM_SHARED : 0);
	rest = list_again(one, second, &n, &m);
	assert_int_equal(m.found, 0);
	assert_true(same(name_of(both, 3, 2), name_of(rest, n, 1)));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(rest[i].flags, 0);
	free(both);
	free(rest);
}

static void messages_without_unique_id(void **state)
{
	static const char *const uids[] = { "", "x", "", "", "", NULL };
	static const char *const headers[] = { "a", NULL, "b", "a", "-" };
	struct spool_item *items;
	size_t n;

	(void)state;
	items = list(uids, headers, &n);
	/* 4 is 1 once more, 5 cannot be named */
	assert_int_equal(n, 3);
	assert_false(same(name_of(items, n, 1), name_of(items, n, 3)));
	free(items);
}

static void many_unique_ids(void **state)
{
	struct listing *l = listing_new(key);
	const uint32_t many = 200000;
	struct spool_item *items;
	struct err err;
	char uid[32];
	size_t n;

	(void)state;
	for (uint32_t i = 1; i <= many; i++)
		listing_scan(l, i, i);
	assert_true(listing_scanned(l, &err));
	for (uint32_t i = 1; i <= many; i++) {
		snprintf(uid, sizeof(uid), "%" PRIu32 "-unique", i);
		assert_true(listing_uid(l, i, view_of(uid), &err));
	}
	listing_sort(l);
	assert_int_equal(listing_unnamed_count(l), 0);
	assert_true(view_eq(listing_text(l, 77777), VIEW_LIT("77777-unique")));
	items = listing_take(l, &n);
	assert_int_equal(n, many);
	for (size_t i = 1; i < n; i++)
		assert_true(message_key_order(&items[i - 1].key,
					      &items[i].key) < 0);
	free(items);
	listing_free(l);
}

static void listings_that_contradict(void **state)
{
	struct listing *l = listing_new(key);
	struct err err;

	(void)state;
	listing_scan(l, 2, 1);
	listing_scan(l, 1, 1);
	assert_true(listing_scanned(l, &err));
	assert_true(listing_uid(l, 2, VIEW_LIT("b"), &err));
	assert_false(listing_uid(l, 2, VIEW_LIT("b"), &err));
	assert_false(listing_uid(l, 3, VIEW_LIT("c"), &err));
	assert_int_equal(err.class, ERR_PROTOCOL);
	assert_true(listing_uid(l, 1, VIEW_LIT("a"), &err));
	listing_scan(l, 1, 1);
	assert_false(listing_scanned(l, &err));
	listing_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions),
		cmocka_unit_test(shared_unique_ids),
		cmocka_unit_test(a_shared_unique_id_is_never_believed_again),
		cmocka_unit_test(messages_without_unique_id),
		cmocka_unit_test(many_unique_ids),
		cmocka_unit_test(listings_that_contradict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
