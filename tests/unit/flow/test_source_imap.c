/*
 * source_imap: sessions against tests/fake/fake.py, over TCP on loopback. The =
 * lines of tests/transcripts/source_imap are the reports that must come; a flow
 * behind them lists, fetches all, deletes what came whole, and quits. Lines
 * that begin with > set it up. Each is played as it is, and with the server's
 * octets in small pieces.
 */
#include "habit.h"
#include "imap.h"
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

struct box {
	struct loop *loop;
	struct source *source;
	struct source_options o;
	const char *folder, *second; /* second: looked at behind the first */
	const char *move_to;
	bool headers, cancels, pauses, is_paused, looks, marks, unseen, here;
	bool rests, wakes; /* wakes: as soon as it was asked to rest */
	bool looks_round;  /* at the end, at all folders */
	bool relooks;	   /* woken, it looks at all folders */
	bool rests_on;	   /* woken the first time, it rests again */
	bool undated;	   /* dates are not asked for */
	uint32_t from;
	uint32_t foreseen;  /* 0: nothing */
	bool foresees_on;   /* in the second folder as well */
	uint32_t known;	    /* of the server, from before */
	uint32_t marked[2]; /* undeleted, or 0 */
	struct task resume;
	struct spool_item *items, *came; /* came: whole bodies */
	size_t n, ncame;
	struct text trace, body, want;
	struct secret secret;
	char patterns[8][100];
	size_t n_patterns;
	char words[200]; /* what folder and second borrow from */
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

static void on_ready(void *who, const struct source_ready *r)
{
	struct box *b = who;

	assert_false(r->volatile_on_fetch);
	tell(b, "ready%s%s%s", r->can_delete ? " can-delete" : "",
	     r->capabilities[0] ? " " : "", r->capabilities);
}

static void on_listed(void *who, const struct source_listed *l, size_t n,
		      const struct err *err)
{
	struct box *b = who;
	char line[800];

	for (size_t i = 0; i < n; i++) {
		tell(b, "listed %s %c%s%s%s", l[i].name,
		     l[i].delimiter ? l[i].delimiter : '-',
		     l[i].uses & CONFIG_USE_JUNK ? " junk" : "",
		     l[i].no_name ? " no-name" : "",
		     l[i].no_select ? " no-select" : "");
		if (l[i].counted)
			tell(b, "counted %" PRIu32 " %" PRIu32 " %" PRIu32,
			     l[i].there.uidvalidity, l[i].there.uidnext,
			     l[i].there.exists);
	}
	if (err) {
		err_line(err, line, sizeof(line));
		tell(b, "not listed %s: %s", err_class_name(err->class), line);
	}
	if (b->folder)
		b->source->ops->folder(b->source, b->folder);
	else
		b->source->ops->quit(b->source);
}

static bool on_counts(void *who, const struct source_listed *l)
{
	(void)who;
	return l->name[0] != 'Z';
}

static unsigned facts(const struct box *b)
{
	return SOURCE_SIZES | (b->undated ? 0 : SOURCE_DATES);
}

/* For the first folder; from then on others are told. */
static void rest(struct box *b);

static void next_folder_or_quit(struct box *b)
{
	if (b->rests) {
		rest(b);
		return;
	}
	if (!b->second && b->looks_round) {
		b->looks_round = false;
		b->folder = NULL;
		b->source->ops->look_round(b->source);
		return;
	}
	if (!b->second) {
		b->source->ops->quit(b->source);
		return;
	}
	free(b->items);
	free(b->came);
	b->items = b->came = NULL;
	b->n = b->ncame = 0;
	b->source->ops->folder(b->source, b->second);
	if (b->foresees_on)
		b->source->ops->foresee(b->source, b->foreseen, facts(b));
	b->second = NULL;
}

static void on_folder(void *who, const struct source_folder *f,
		      const struct err *err)
{
	struct box *b = who;
	char line[800];

	if (err) {
		err_line(err, line, sizeof(line));
		tell(b, "no folder %s: %s", err_class_name(err->class), line);
		next_folder_or_quit(b);
		return;
	}
	tell(b, "folder %" PRIu32 " %" PRIu32 " %" PRIu32 "%s", f->uidvalidity,
	     f->uidnext, f->exists, f->read_only ? " read-only" : "");
	if (b->unseen)
		b->source->ops->unseen(b->source);
	else if (b->marked[0])
		b->source->ops->undeleted(b->source, b->marked[0],
					  b->marked[1]);
	else
		b->source->ops->list(b->source, b->from, facts(b));
}

static void on_items(void *who, struct spool_item *items, size_t n)
{
	struct box *b = who;
	uint64_t twin;

	tell(b, "items %zu", n);
	for (size_t i = 0; i < n; i++) {
		assert_true(i == 0 || message_key_order(&items[i - 1].key,
							&items[i].key) < 0);
		tell(b, "item %" PRIu32 " %" PRIu32 " %" PRIu32 "%s%s",
		     message_key_to_uid(&items[i].key), items[i].octets,
		     items[i].date,
		     items[i].flags & SPOOL_ITEM_SEEN ? " seen" : "",
		     items[i].flags & SPOOL_ITEM_DELETED ? " deleted" : "");
		twin = b->source->ops->twin(b->source, &items[i].key);
		if (twin)
			tell(b, "twin %" PRIu64, twin);
	}
	b->items = items;
	b->n = n;
	b->came = mem_new((n + 1) * sizeof(*b->came));
	if (n == 0)
		next_folder_or_quit(b);
	else if (b->headers)
		b->source->ops->headers(b->source, items, n);
	else
		b->source->ops->fetch(b->source, items, n);
}

static void on_begin(void *who, const struct message_key *k, struct view uid)
{
	struct box *b = who;
	uint64_t n;

	assert_true(view_number(uid, UINT32_MAX, &n));
	assert_int_equal(n, message_key_to_uid(k));
	text_clear(&b->body);
	tell(b, "begin %.*s", VIEW_ARG(uid));
}

static void on_body(void *who, struct view octets)
{
	struct box *b = who;

	assert_true(octets.n > 0);
	assert_false(b->is_paused);
	text_put(&b->body, octets);
	if (b->cancels)
		b->source->ops->cancel(b->source);
	if (b->pauses) {
		b->is_paused = true;
		task_post(&b->resume);
	}
}

static void resume(void *who)
{
	struct box *b = who;

	b->is_paused = false;
	if (b->source)
		b->source->ops->poke(b->source);
}

static bool may_read(void *who)
{
	struct box *b = who;

	return !b->is_paused;
}

static void on_end(void *who, const struct message_key *k)
{
	struct box *b = who;
	char shown[400];

	printable(shown, sizeof(shown), text_view(&b->body));
	tell(b, "body %s", shown);
	tell(b, "end %" PRIu32, message_key_to_uid(k));
	for (size_t i = 0; i < b->n; i++)
		if (message_key_order(&b->items[i].key, k) == 0)
			b->came[b->ncame++] = b->items[i];
}

static void on_refused(void *who, const struct message_key *k,
		       const struct err *err)
{
	char line[600];

	err_line(err, line, sizeof(line));
	tell(who, "refused %" PRIu32 " %s: %s", message_key_to_uid(k),
	     err_class_name(err->class), line);
}

static void on_fetched(void *who)
{
	struct box *b = who;

	tell(b, "fetched");
	if (b->headers || !b->ncame)
		next_folder_or_quit(b);
	else if (b->marks)
		b->source->ops->mark(b->source, b->came, b->ncame);
	else if (b->move_to)
		b->source->ops->target(b->source, b->move_to);
	else
		b->source->ops->erase(b->source, b->came, b->ncame,
				      b->here ? SOURCE_ERASE_HERE
					      : SOURCE_ERASE);
}

static void tell_refusal(struct box *b, const struct err *err)
{
	char line[800];

	if (!err)
		return;
	err_line(err, line, sizeof(line));
	tell(b, "refused %s: %s", err_class_name(err->class), line);
}

static void tell_keys(struct box *b, const char *what,
		      const struct message_key *keys, size_t n)
{
	struct text line;

	text_init(&line, 1000);
	for (size_t i = 0; i < n; i++)
		text_fmt(&line, " %" PRIu32, message_key_to_uid(&keys[i]));
	tell(b, "%s%s", what, text_str(&line));
	text_fini(&line);
}

static void on_marked(void *who, const struct message_key *keys, size_t n,
		      const struct err *err)
{
	tell_refusal(who, err);
	tell_keys(who, "marked", keys, n);
	next_folder_or_quit(who);
}

static void on_target(void *who, const struct source_folder *f,
		      const struct err *err)
{
	struct box *b = who;

	tell_refusal(b, err);
	if (err) {
		next_folder_or_quit(b);
		return;
	}
	tell(b, "target %" PRIu32 " %" PRIu32 " %" PRIu32, f->uidvalidity,
	     f->uidnext, f->exists);
	b->source->ops->move(b->source, b->came, b->ncame);
}

static void on_moved(void *who, const struct source_moved *moved, size_t n,
		     size_t left, uint32_t uidvalidity, const struct err *err)
{
	struct box *b = who;
	struct text line;

	tell_refusal(b, err);
	text_init(&line, 1000);
	for (size_t i = 0; i < n; i++)
		text_fmt(&line, " %" PRIu32 ">%" PRIu32,
			 message_key_to_uid(&moved[i].key), moved[i].uid);
	tell(b, "moved%s left %zu under %" PRIu32, text_str(&line), left,
	     uidvalidity);
	text_fini(&line);
	next_folder_or_quit(b);
}

static void on_unseen(void *who, struct spool_item *items, size_t n,
		      const struct err *err)
{
	struct box *b = who;
	struct message_key *keys = mem_new((n + 1) * sizeof(*keys));

	for (size_t i = 0; i < n; i++)
		keys[i] = items[i].key;
	tell_refusal(b, err);
	tell_keys(b, "unseen", keys, n);
	free(keys);
	free(items);
	b->source->ops->list(b->source, b->from, facts(b));
}

static void on_erased(void *who, const struct message_key *keys, size_t n,
		      size_t left, const struct err *err)
{
	struct box *b = who;
	struct text line;

	tell_refusal(b, err);
	text_init(&line, 1000);
	for (size_t i = 0; i < n; i++)
		text_fmt(&line, " %" PRIu32, message_key_to_uid(&keys[i]));
	tell(b, "erased%s left %zu", text_str(&line), left);
	text_fini(&line);
	next_folder_or_quit(b);
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

static void on_resting(void *who, bool all)
{
	tell(who, "resting%s", all ? "" : ", but not on all");
}

/* What there is now is looked at, and that is the end. */
static void look_again(struct box *b)
{
	free(b->items);
	free(b->came);
	b->items = b->came = NULL;
	b->n = b->ncame = 0;
	b->source->ops->wake(b->source);
	b->folder = NULL;
	if (b->relooks)
		b->source->ops->look(b->source, NULL, 0);
	else
		b->source->ops->list(b->source, 9, facts(b));
}

static void on_stirred(void *who)
{
	struct box *b = who;

	tell(who, "stirred");
	if (!b->rests_on) {
		look_again(b);
		return;
	}
	b->rests_on = false;
	b->source->ops->wake(b->source);
	b->source->ops->rest(b->source, NULL, 0);
}

static const struct source_reports reports = {
	.ready = on_ready,
	.folder = on_folder,
	.items = on_items,
	.body_begin = on_begin,
	.body = on_body,
	.body_end = on_end,
	.refused = on_refused,
	.fetched = on_fetched,
	.erased = on_erased,
	.marked = on_marked,
	.target = on_target,
	.moved = on_moved,
	.unseen = on_unseen,
	.may_read = may_read,
	.closed = on_closed,
	.listed = on_listed,
	.counts = on_counts,
};

/* Who gave the session away is not told of rest: that would crash. */
static const struct source_reports new_owner = {
	.items = on_items,
	.body_begin = on_begin,
	.body = on_body,
	.body_end = on_end,
	.refused = on_refused,
	.fetched = on_fetched,
	.erased = on_erased,
	.may_read = may_read,
	.closed = on_closed,
	.listed = on_listed,
	.counts = on_counts,
	.resting = on_resting,
	.stirred = on_stirred,
};

static void rest(struct box *b)
{
	const char *also[8];

	for (size_t i = 0; i < b->n_patterns; i++)
		also[i] = b->patterns[i];
	b->rests = false;
	b->source->ops->give(b->source, &new_owner, b);
	b->source->ops->rest(b->source, also, b->n_patterns);
	if (b->wakes)
		look_again(b);
}

/* --- a script --- */

/* The client's nonce in the transcripts: AAAAAAAAAAAAAAAAAAAAAAAA. */
static void not_random(void *out, size_t n)
{
	memset(out, 0, n);
}

static uint32_t known(struct view words)
{
	static const struct {
		struct view word;
		uint32_t can;
	} words_of[] = {
		{ VIEW_LIT("IMAP4rev1"), IMAP_CAN_REV1 },
		{ VIEW_LIT("ID"), IMAP_CAN_ID },
		{ VIEW_LIT("LIST-EXTENDED"), IMAP_CAN_LIST_EXTENDED },
		{ VIEW_LIT("LIST-STATUS"), IMAP_CAN_LIST_STATUS },
		{ VIEW_LIT("UTF8=ACCEPT"), IMAP_CAN_UTF8_ACCEPT },
	};
	uint32_t can = 0;

	while (words.n) {
		struct view word = view_word(&words);

		for (size_t i = 0; i < sizeof(words_of) / sizeof(words_of[0]);
		     i++)
			if (view_eq(word, words_of[i].word))
				can |= words_of[i].can;
	}
	return can;
}

static void set_up(void *who, struct view words)
{
	struct box *b = who;
	struct view verb = view_word(&words);
	uint64_t n;

	if (view_eq(verb, VIEW_LIT("starttls")))
		b->o.endpoint.tls = TLS_STARTTLS;
	else if (view_eq(verb, VIEW_LIT("clear-not-allowed")))
		b->o.password_in_clear = false;
	else if (view_eq(verb, VIEW_LIT("auth")))
		b->o.auth = mech_of(words);
	else if (view_eq(verb, VIEW_LIT("compress")))
		b->o.compress = true;
	else if (view_eq(verb, VIEW_LIT("headers")))
		b->headers = true;
	else if (view_eq(verb, VIEW_LIT("undated")))
		b->undated = true;
	else if (view_eq(verb, VIEW_LIT("wake")))
		b->wakes = true;
	else if (view_eq(verb, VIEW_LIT("rest-on")))
		b->rests_on = true;
	else if (view_eq(verb, VIEW_LIT("look-round")))
		b->looks_round = true;
	else if (view_eq(verb, VIEW_LIT("look-then")))
		b->relooks = true;
	else if (view_eq(verb, VIEW_LIT("look")) ||
		 view_eq(verb, VIEW_LIT("rest"))) {
		b->looks = view_eq(verb, VIEW_LIT("look"));
		b->rests = !b->looks;
		while (words.n) {
			struct view word = view_word(&words);

			snprintf(b->patterns[b->n_patterns++], 100, "%.*s",
				 VIEW_ARG(word));
		}
	} else if (view_eq(verb, VIEW_LIT("cancel")))
		b->cancels = true;
	else if (view_eq(verb, VIEW_LIT("pause")))
		b->pauses = true;
	else if (view_eq(verb, VIEW_LIT("mark")))
		b->marks = true;
	else if (view_eq(verb, VIEW_LIT("unseen")))
		b->unseen = true;
	else if (view_eq(verb, VIEW_LIT("undeleted")))
		for (size_t i = 0; i < 2; i++) {
			(void)view_number(view_word(&words), UINT32_MAX, &n);
			b->marked[i] = (uint32_t)n;
		}
	else if (view_eq(verb, VIEW_LIT("here")))
		b->here = true;
	else if (view_eq(verb, VIEW_LIT("trash")))
		b->o.delete_to_trash = true;
	else if (view_eq(verb, VIEW_LIT("from")) &&
		 view_number(words, UINT32_MAX, &n))
		b->from = (uint32_t)n;
	else if (view_eq(verb, VIEW_LIT("foresee")) &&
		 view_number(words, UINT32_MAX, &n))
		b->foreseen = (uint32_t)n;
	else if (view_eq(verb, VIEW_LIT("foresee-on")))
		b->foresees_on = true;
	else if (view_eq(verb, VIEW_LIT("known")))
		b->known = known(words);
	else if (view_eq(verb, VIEW_LIT("folder"))) {
		snprintf(b->words, 100, "%.*s", VIEW_ARG(words));
		b->folder = b->words;
	} else if (view_eq(verb, VIEW_LIT("move"))) {
		snprintf(b->words + 100, 100, "%.*s", VIEW_ARG(words));
		b->move_to = b->words + 100;
	} else if (view_eq(verb, VIEW_LIT("then"))) {
		snprintf(b->words + 100, 100, "%.*s", VIEW_ARG(words));
		b->second = b->words + 100;
	} else {
		fail_msg("no such setting: %.*s", VIEW_ARG(verb));
	}
}

static void box_fini(struct box *b)
{
	task_cancel(&b->resume);
	resolver_free(b->o.resolver);
	loop_free(b->loop);
	secret_fini(&b->secret);
	text_fini(&b->trace);
	text_fini(&b->body);
	text_fini(&b->want);
	free(b->items);
	free(b->came);
}

static void look(struct box *b)
{
	const char *patterns[8];

	for (size_t i = 0; i < b->n_patterns; i++)
		patterns[i] = b->patterns[i];
	b->source->ops->look(b->source, patterns, b->n_patterns);
}

static void first_folder(struct box *b)
{
	b->source->ops->folder(b->source, b->folder);
	if (b->foreseen)
		b->source->ops->foresee(b->source, b->foreseen, facts(b));
}

static void play(const char *path, size_t drip)
{
	struct box b = { .loop = loop_new(2), .folder = "INBOX", .from = 1 };
	struct trusts *trusts = trusts_new();
	struct trust_setting system_trust = { 0 };
	struct err err;
	pid_t pid;

	text_init(&b.trace, 1 << 20);
	text_init(&b.body, 1 << 20);
	text_init(&b.want, 1 << 20);
	task_init(&b.resume, b.loop, resume, &b);
	secret_set(&b.secret, VIEW_LIT("tanstaaf"));
	b.o = (struct source_options){
		.loop = b.loop,
		.resolver = resolver_new(b.loop, 1, NULL),
		.endpoint = { .host = "127.0.0.1" },
		.user = "tim",
		.random = not_random,
		.secret = &b.secret,
		.password_in_clear = true,
	};
	script_read(path, &b.want, set_up, &b);
	if (b.o.endpoint.tls == TLS_STARTTLS)
		b.o.endpoint.trust = trust_get(trusts, &system_trust, &err);
	b.o.endpoint.port = script_serve(path, drip, &pid);
	habit_imap(habit_of(&b.o.endpoint), b.known);
	b.source = source_imap_open(&b.o, &reports, &b);
	if (b.looks)
		look(&b);
	else
		first_folder(&b);
	loop_run(b.loop);
	script_judge(path, pid, &b.want, &b.trace);
	trust_release(b.o.endpoint.trust);
	trusts_free(trusts);
	box_fini(&b);
}

static void sessions(void **state)
{
	(void)state;
	script_play_all("source_imap", play);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
