#include "advice.h"

#include "envelope.h"
#include "multidrop.h"

#include <stdlib.h>

/*
 * Postfix, qmail and RFC 9228; Postfix; Exim (envelope_to_add); filters and
 * recipes of providers, as fetchmail's page on multidrop has it; some ISPs;
 * Fastmail and mailing lists; an example in MercuryD's manual. The last is the
 * `for` clause.
 */
static const char *const in_use[ADVICE_HEADERS] = {
	"Delivered-To", "X-Original-To",  "Envelope-To",  "X-Envelope-To",
	"X-RCPT-TO",	"X-Delivered-To", "X-Deliver-To", "Received",
};

void advice_init(struct advice *a)
{
	*a = (struct advice){ .looked = 0 };
	for (size_t i = 0; i < ADVICE_HEADERS; i++)
		a->would[i].name = in_use[i];
}

/* FNV-1a, without case: alike is the same person. */
static uint64_t hash_of(const char *address)
{
	uint64_t h = 14695981039346656037ull;

	for (; *address; address++) {
		char c = *address;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		h = (h ^ (unsigned char)c) * 1099511628211ull;
	}
	return h;
}

static void add_person(struct advice_header *h, const char *address)
{
	uint64_t who = hash_of(address);

	for (size_t i = 0; i < h->people; i++)
		if (h->who[i] == who)
			return;
	if (h->people < ADVICE_PEOPLE)
		h->who[h->people++] = who;
}

static void count(struct advice_header *h, const struct config_account *a,
		  const struct message *m, bool delivered)
{
	size_t found = 0;

	for (size_t i = 0; i < m->nrcpts; i++) {
		if (!m->rcpts[i].found)
			continue;
		found++;
		add_person(h, m->rcpts[i].address);
		h->itself |= view_ieq(view_of(m->rcpts[i].address),
				      view_of(a->user));
	}
	if (!delivered)
		h->held++;
	else if (found && found == m->nrcpts)
		h->found++;
	else
		h->fallback++;
}

/* The account as it would be with these headers. */
static void try(struct advice_header *h, const struct config_account *account,
		const struct config_list *envelope, struct view folder,
		struct view header)
{
	struct config_multidrop drop = *account->multidrop;
	struct config_account a = *account;
	struct message *m = message_new();
	struct view body;
	const char *name;
	struct text why;

	drop.envelope = *envelope;
	a.multidrop = &drop;
	text_init(&why, 600);
	h->there += envelope_find(header, (const char *const *)envelope->item,
				  envelope->n, &body, &name);
	count(h, &a, m, multidrop(&a, folder, header, m, &why));
	text_fini(&why);
	message_free(m);
}

void advice_look(struct advice *a, const struct config_account *account,
		 struct view folder, struct view header)
{
	a->looked++;
	try(&a->written, account, &account->multidrop->envelope, folder,
	    header);
	for (size_t i = 0; i < ADVICE_HEADERS; i++) {
		char *name = (char *)(uintptr_t)a->would[i].name;
		struct config_list one = { .item = &name, .n = 1 };

		try(&a->would[i], account, &one, folder, header);
	}
}

static bool is_worth_it(const struct advice_header *h)
{
	return h->found > 0 && !(h->people == 1 && h->itself);
}

const struct advice_header *advice_better(const struct advice *a)
{
	const struct advice_header *best = &a->written;

	for (size_t i = 0; i < ADVICE_HEADERS; i++) {
		const struct advice_header *h = &a->would[i];

		if (is_worth_it(h) && h->people >= best->people &&
		    (h->found > best->found ||
		     (best->name && h->found == best->found &&
		      h->people > best->people)))
			best = h;
	}
	return best->name ? best : NULL;
}

void advice_written(const struct config_account *account, struct text *out)
{
	const struct config_list *l = &account->multidrop->envelope;

	for (size_t i = 0; i < l->n; i++)
		(void)text_fmt(out, "%s%s", i ? ", " : "", l->item[i]);
}

void advice_err(const struct advice *a, const struct config_account *account,
		struct err *err)
{
	const struct advice_header *better = advice_better(a);
	struct text names;

	*err = (struct err){ .class = ERR_NONE };
	if (!a->looked || a->written.there)
		return;
	text_init(&names, 400);
	advice_written(account, &names);
	(void)err_set(err, ERR_CONFIG,
		      "multidrop: none of the last %u message%s has %.120s "
		      "above its first Received",
		      a->looked, a->looked == 1 ? "" : "s", text_str(&names));
	text_fini(&names);
	if (better)
		(void)err_remedy(err,
				 "write envelope = \"%s\": it finds the "
				 "recipients of %u of them",
				 better->name, better->found);
	else
		(void)err_remedy(err,
				 "ask the provider to write each recipient "
				 "into a header of its own copy, and which");
}
