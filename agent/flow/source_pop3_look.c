#include "source_pop3.h"

#include <stdlib.h>

#include "must.h"
#include "pop3_line.h"

#define SORT_INLINE 20000u /* larger listings are sorted on the pool */

/* --- the listing --- */

static void refuse_listing(struct pop3_source *s, const struct pop3_event *ev)
{
	struct err err;

	err_set(&err, pop3_line_class(ev->cmd, ev->code),
		"the server does not list the maildrop");
	err.origin = ERR_FROM_POP3;
	err_peer(&err, ev->text);
	pop3_source_end(s, &err);
}

/*
 * CASES E15: without UIDL each message costs a TOP at every poll, and two with
 * one header are one. Where mail goes once it is delivered that does no harm.
 */
static void refuse_nameless(struct pop3_source *s, const struct pop3_event *ev)
{
	struct err err;

	err_set(&err, ERR_CONFIG,
		"the server has no UIDL: mail that stays there cannot be told "
		"from new mail");
	err.origin = ERR_FROM_POP3;
	err_peer(&err, ev->text);
	err_remedy(&err, "write keep = no, or use IMAP for this mailbox");
	pop3_source_end(s, &err);
}

static void tell_oddities(struct pop3_source *s)
{
	if (s->left_out)
		pop3_source_warn(s, "left_without_identity", s->left_out);
	if (s->left_out)
		s->report->notice(s->who,
				  "messages without a unique-id whose header "
				  "cannot be had are left at the source");
	else if (s->no_uidl && listing_count(s->listing))
		s->report->notice(s->who, "the server has no UIDL: messages "
					  "are told apart by their headers");
	else if (s->long_uidl)
		s->report->notice(s->who,
				  "the server's unique-ids are longer than any "
				  "rule allows: they are told apart by a hash");
}

static void finish_look(struct pop3_source *s)
{
	const struct message_key *shared;
	struct spool_item *items;
	struct err err;
	size_t n;

	if (s->left_out && s->no_uidl &&
	    s->left_out == listing_unnamed_count(s->listing)) {
		err_set(&err, ERR_REFUSED,
			"the server has neither UIDL nor TOP: its messages "
			"cannot be told apart");
		err_remedy(&err, "use IMAP for this mailbox");
		pop3_source_end(s, &err);
		return;
	}
	tell_oddities(s);
	s->look = LOOK_NOT;
	shared = listing_shared(s->listing, &n);
	if (n)
		s->report->shared(s->who, shared, n);
	items = listing_take(s->listing, &n);
	s->report->items(s->who, items, n);
}

/*
 * UIDL alone does not tell all of them apart, or does not name them all: with
 * LIST it is known which there are, and what those without a name measure.
 */
static void look_again(struct pop3_source *s)
{
	s->wants_sizes = true;
	s->look = LOOK_ASKED;
}

static void name_or_finish(struct pop3_source *s)
{
	uint32_t number;

	s->look = LOOK_HEADERS;
	if (listing_unnamed_count(s->listing) == 0) {
		finish_look(s);
		return;
	}
	if (!s->with_list) {
		look_again(s);
		return;
	}
	if (s->no_uidl || !s->nnamesakes) /* else it was told before */
		pop3_source_warn(s, s->no_uidl ? "no_uidl" : "uidl_not_unique",
				 listing_unnamed_count(s->listing));
	for (; listing_unnamed(s->listing, &number); s->naming++)
		pop3_source_add_job(s, JOB_NAME, number, NULL);
}

static void sort_on_pool(void *who)
{
	struct sorting *sorting = who;

	listing_sort(sorting->listing);
}

static void on_sorted(void *who)
{
	struct sorting *sorting = who;
	struct pop3_source *s = sorting->source;

	if (!s) {
		listing_free(sorting->listing);
	} else {
		s->sorting = NULL;
		if (s->phase != PHASE_OVER) {
			name_or_finish(s);
			task_post(&s->turn);
		}
	}
	free(sorting);
}

static void sort_look(struct pop3_source *s)
{
	s->look = LOOK_SORT;
	if (listing_count(s->listing) <= SORT_INLINE) {
		listing_sort(s->listing);
		name_or_finish(s);
		return;
	}
	s->sorting = mem_new(sizeof(*s->sorting));
	*s->sorting = (struct sorting){ s->listing, s };
	loop_work(s->o.loop, sort_on_pool, on_sorted, s->sorting);
}

static void begin_sizes(struct pop3_source *s)
{
	MUST(pop3_list(s->pop3));
	s->nsizes = 0;
	s->look = LOOK_SIZES;
}

/*
 * UIDL says what is new, if anything is, and STAT whether it named them all:
 * LIST, of as many lines, is worth it for mail that is to be fetched.
 */
void pop3_source_begin_look(struct pop3_source *s)
{
	bool pipelining = pop3_caps(s->pop3)->pipelining;

	if (pop3_in_flight(s->pop3))
		return;
	if (s->look == LOOK_SIZES_ASKED)
		begin_sizes(s);
	if (s->look != LOOK_ASKED)
		return;
	s->with_list = s->wants_sizes || s->nnamesakes;
	listing_free(s->listing);
	s->listing = listing_new(s->o.key);
	listing_namesakes(s->listing, s->namesakes, s->nnamesakes);
	s->left_out = 0;
	s->no_uidl = s->long_uidl = false;
	if (s->with_list) {
		MUST(pop3_list(s->pop3));
		s->look = LOOK_LIST;
	} else {
		listing_by_uid(s->listing);
		MUST(pop3_stat(s->pop3));
		s->look = LOOK_STAT;
	}
	MUST(!pipelining || pop3_uidl(s->pop3));
}

static void ask_uidl(struct pop3_source *s)
{
	s->look = LOOK_UIDL;
	if (pop3_in_flight(s->pop3) == 0)
		MUST(pop3_uidl(s->pop3));
}

void pop3_source_on_stat(struct pop3_source *s, const struct pop3_event *ev)
{
	s->told = ev->ok ? ev->number : UINT32_MAX;
	ask_uidl(s);
}

/* --- sizes --- */

static int by_number(const void *a, const void *b)
{
	const struct source_size *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

static void add_size(struct pop3_source *s, uint32_t number, uint64_t octets)
{
	if (s->nsizes == s->sizes_cap) {
		s->sizes_cap = s->sizes_cap * 2 + 64;
		s->sizes = mem_grow(s->sizes, s->sizes_cap * sizeof(*s->sizes));
	}
	s->sizes[s->nsizes++] = (struct source_size){
		number, octets < UINT32_MAX ? (uint32_t)octets : UINT32_MAX
	};
}

static void on_size(struct pop3_source *s, const struct pop3_event *ev)
{
	struct err err;

	if (ev->type == POP3_EV_LISTING)
		add_size(s, ev->number, ev->octets);
	if (ev->type != POP3_EV_END)
		return;
	s->look = LOOK_NOT;
	if (s->nsizes)
		qsort(s->sizes, s->nsizes, sizeof(*s->sizes), by_number);
	if (s->nsizes == s->told) {
		s->report->sizes(s->who, s->sizes, s->nsizes);
		return;
	}
	err_set(&err, ERR_PROTOCOL,
		"LIST names %zu messages, STAT and UIDL say %u", s->nsizes,
		s->told);
	pop3_source_end(s, &err);
}

/* --- events --- */

void pop3_source_on_list(struct pop3_source *s, const struct pop3_event *ev)
{
	struct err err;

	if (ev->type == POP3_EV_REPLY && !ev->ok)
		refuse_listing(s, ev);
	if (s->look == LOOK_SIZES) {
		on_size(s, ev);
		return;
	}
	if (ev->type == POP3_EV_LISTING)
		listing_scan(s->listing, ev->number, ev->octets);
	if (ev->type != POP3_EV_END)
		return;
	if (!listing_scanned(s->listing, &err)) {
		pop3_source_end(s, &err);
		return;
	}
	ask_uidl(s);
}

static void on_uidl_end(struct pop3_source *s)
{
	struct err err;

	if (s->with_list)
		sort_look(s);
	else if (listing_count(s->listing) != s->told)
		look_again(s);
	else if (listing_scanned(s->listing, &err))
		sort_look(s);
	else
		pop3_source_end(s, &err);
}

void pop3_source_on_uidl(struct pop3_source *s, const struct pop3_event *ev)
{
	struct err err;

	if (ev->type == POP3_EV_LISTING) {
		s->long_uidl = s->long_uidl || ev->form == POP3_UID_LONG;
		if (!listing_uid(s->listing, ev->number, ev->text, &err))
			pop3_source_end(s, &err);
		return;
	}
	if (ev->type == POP3_EV_REPLY && ev->ok)
		return;
	s->no_uidl = ev->type == POP3_EV_REPLY;
	if (s->no_uidl && pop3_line_class(ev->cmd, ev->code) == ERR_RETRY) {
		refuse_listing(s, ev);
		return;
	}
	if (s->no_uidl && !s->o.by_headers)
		refuse_nameless(s, ev);
	else
		on_uidl_end(s);
}

void pop3_source_named(struct pop3_source *s, bool ok)
{
	uint8_t hash[HASH_BODY_OCTETS];

	if (ok) {
		hash_end(s->hash, hash);
		listing_header(s->listing, hash, !s->hashed);
	} else {
		listing_leave_out(s->listing);
		s->left_out++;
	}
	if (--s->naming == 0)
		finish_look(s);
}
