#include "origin.h"

#include "received.h"
#include "text.h"

#define NAME_OCTETS 255u /* of a host name: RFC 1035 2.3.4 */

static bool is_wanted(const struct config_delivery *d)
{
	for (; d; d = d->refused_to)
		if (d->xclient)
			return true;
	return false;
}

static bool is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/*
 * A name of labels with a letter in its last one. The server refuses others:
 * nobody must come through as one of us by calling himself something odd.
 */
static bool is_host(struct view v)
{
	bool label = false;
	char before = '.';

	if (!v.n || v.n > NAME_OCTETS)
		return false;
	for (size_t i = 0; i < v.n; i++) {
		char c = v.p[i];

		if (c == '.' ? before == '.' || before == '-'
			     : !is_letter_or_digit(c) &&
				       (c != '-' || before == '.'))
			return false;
		label = c == '.' ? false : label || c < '0' || c > '9';
		before = c;
	}
	return before != '.' && before != '-' && label;
}

static bool is_sayable(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= ' ' || v.p[i] > '~')
			return false;
	return v.n && v.n <= NAME_OCTETS && !view_eq(v, VIEW_LIT("-"));
}

void origin_find(const struct config_account *a,
		 const struct config_delivery *d, struct view header,
		 struct message *m)
{
	const char *const *names = (const char *const *)a->received_by.item;
	struct view none = VIEW_LIT("-");
	struct received r;
	struct text t;

	if (!a->received_by.n || !is_wanted(d) ||
	    !received_client(header, names, a->received_by.n, &r))
		return;
	text_init(&t, 4 * NAME_OCTETS);
	(void)text_put(&t, r.address);
	(void)text_puts(&t, " ");
	(void)text_put(&t, is_host(r.name) ? r.name : none);
	(void)text_puts(&t, " ");
	(void)text_put(&t, is_sayable(r.helo) ? r.helo : none);
	message_set(&m->client, text_view(&t));
	text_fini(&t);
}

static struct view known(struct view v)
{
	return view_eq(v, VIEW_LIT("-")) ? VIEW_NONE : v;
}

struct smtp_client origin_client(const char *text)
{
	struct view v = view_of(text);
	struct smtp_client c;

	c.address = view_word(&v);
	c.name = known(view_word(&v));
	c.helo = known(view_word(&v));
	return c;
}
