#include "received.h"

#include "field.h"
#include "ip.h"

#define COMMENTS 6u /* of the from clause that are looked at */

struct clause {
	struct view word;	       /* behind `from` */
	struct view comment[COMMENTS]; /* without parentheses */
	size_t n;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool ends_word(char c)
{
	return is_space(c) || c == '(' || c == ')' || c == ';';
}

/* The next word, or comment (*comment), off *v; empty: no more. */
static struct view next(struct view *v, bool *comment)
{
	struct view at = *v, out;
	size_t i = 0, depth = 0;

	while (at.n && (is_space(at.p[0]) || at.p[0] == ';' || at.p[0] == ')'))
		at = view_skip(at, 1);
	*comment = at.n && at.p[0] == '(';
	if (!*comment) {
		while (i < at.n && !ends_word(at.p[i]))
			i++;
		*v = view_skip(at, i);
		return view_head(at, i);
	}
	for (; i < at.n; i++) {
		if (at.p[i] == '\\')
			i++;
		else if (at.p[i] == '(')
			depth++;
		else if (at.p[i] == ')' && --depth == 0)
			break;
	}
	if (i > at.n)
		i = at.n;
	out = view_head(at, i);
	*v = view_skip(at, i + 1);
	return view_skip(out, 1);
}

/* The next token of a comment; brackets stay together. */
static struct view token(struct view *v)
{
	struct view out;
	size_t i = 0;

	while (v->n && (is_space(v->p[0]) || v->p[0] == '(' || v->p[0] == ')' ||
			v->p[0] == ','))
		*v = view_skip(*v, 1);
	while (i < v->n && !ends_word(v->p[i]) && v->p[i] != ',')
		i++;
	out = view_head(*v, i);
	*v = view_skip(*v, i);
	return out;
}

/* "[192.0.2.1]:25", "[IPv6:2001:db8::1]", "ident@192.0.2.1" */
static struct view address_in(struct view t)
{
	size_t at = view_find(t, '@');
	struct view v = at < t.n ? view_skip(t, at + 1) : t;

	if (v.n && v.p[0] == '[') {
		v = view_skip(v, 1);
		v = view_head(v, view_find(v, ']'));
	}
	if (view_istarts(v, VIEW_LIT("IPv6:")))
		v = view_skip(v, 5);
	v = view_head(v, view_find(v, '%')); /* a zone is the writer's own */
	return ip_is_v4(v) || ip_is_v6(v) ? v : VIEW_NONE;
}

static bool is_unknown(struct view v)
{
	return v.n == 0 || view_ieq(v, VIEW_LIT("unknown")) ||
	       view_ieq(v, VIEW_LIT("HELO")) || view_ieq(v, VIEW_LIT("EHLO")) ||
	       address_in(v).n;
}

/* "user@host.example." to "host.example" */
static struct view plain_name(struct view v)
{
	size_t at = view_find(v, '@');

	if (at < v.n)
		v = view_skip(v, at + 1);
	if (v.n && v.p[v.n - 1] == '.')
		v = view_head(v, v.n - 1);
	return is_unknown(v) || view_find(v, '=') < v.n ? VIEW_NONE : v;
}

struct told {
	struct view before; /* the token directly before the address */
	struct view address, helo;
	bool forged, first; /* first: it opens its comment */
	bool signed_in;
	bool as_qmail; /* (HELO name): the PTR is not looked up forwards */
};

/*
 * Postfix and Sendmail, behind the address; before it may stand what the client
 * said in HELO.
 */
static bool tells_of_sign_in(struct view c)
{
	return view_istarts(c, VIEW_LIT("authenticated ")) ||
	       view_istarts(c, VIEW_LIT("authenticated\r\n"));
}

static void read_comment(struct view c, struct told *t)
{
	bool named = view_ifind(c, VIEW_LIT("may be forged")) < c.n;
	struct view v, last = VIEW_NONE;

	t->signed_in |= t->address.n && tells_of_sign_in(c);
	while ((v = token(&c)).n) {
		struct view a = address_in(v);

		if (view_istarts(v, VIEW_LIT("helo="))) {
			t->helo = view_skip(v, 5);
		} else if (view_ieq(last, VIEW_LIT("HELO")) ||
			   view_ieq(last, VIEW_LIT("EHLO"))) {
			t->helo = v;
			t->as_qmail = true;
		} else if (a.n && !t->address.n) {
			t->address = a;
			t->before = last;
			t->first = !last.n;
		}
		last = v;
	}
	t->forged |= named;
}

/* What the two words of a from clause mean depends on who wrote it. */
static void read_from(const struct clause *c, struct received *r)
{
	struct told t = { .before = VIEW_NONE,
			  .address = VIEW_NONE,
			  .helo = VIEW_NONE };
	struct view literal = address_in(c->word);

	for (size_t i = 0; i < c->n; i++)
		read_comment(c->comment[i], &t);
	r->address = t.address.n ? t.address : literal;
	if (t.helo.n) { /* Exim, qmail: the word is what was looked up */
		r->helo = t.helo;
		r->name = plain_name(c->word);
	} else { /* Postfix, Sendmail, Gmail: that stands before the address */
		r->helo =
			is_unknown(c->word) && !literal.n ? VIEW_NONE : c->word;
		r->name = t.first ? VIEW_NONE : plain_name(t.before);
	}
	if (t.forged)
		r->name = VIEW_NONE;
	r->name_checked &= r->name.n && !t.as_qmail;
	r->submitted |= t.signed_in;
}

enum part {
	PART_NONE,
	PART_FROM,
	PART_BY,
	PART_WITH,
	PART_OTHER
};

static enum part part_of(struct view word)
{
	if (view_ieq(word, VIEW_LIT("from")))
		return PART_FROM;
	if (view_ieq(word, VIEW_LIT("by")))
		return PART_BY;
	if (view_ieq(word, VIEW_LIT("with")))
		return PART_WITH;
	if (view_ieq(word, VIEW_LIT("id")) || view_ieq(word, VIEW_LIT("for")))
		return PART_OTHER;
	return PART_NONE;
}

/* RFC 3848, RFC 6531 4.3: an A at the end is AUTH. The web is signed in to. */
static bool is_submission(struct view with)
{
	if (view_istarts(with, VIEW_LIT("HTTP")))
		return true;
	return with.n && (with.p[with.n - 1] | 0x20) == 'a' &&
	       view_ifind(with, VIEW_LIT("SMTP")) < with.n;
}

/*
 * Of those that write "unknown", "may be forged" or the address where the name
 * does not lead back to it. Haraka, OpenSMTPD and others write the PTR record,
 * which its owner fills in as he likes; one that does not say what it is may do
 * so too.
 */
static bool checks_names(struct view software)
{
	return view_starts(software, VIEW_LIT("Postfix")) ||
	       view_starts(software, VIEW_LIT("Exim ")) ||
	       (view_starts(software, VIEW_LIT("8.")) && /* Sendmail */
		view_find(software, '/') < software.n);
}

static void take(struct received *r, struct clause *from, enum part in,
		 struct view word)
{
	switch (in) {
	case PART_FROM:
		from->word = word;
		return;
	case PART_BY:
		r->by = plain_name(word);
		return;
	case PART_WITH:
		r->by_lmtp = view_istarts(word, VIEW_LIT("LMTP"));
		r->submitted |= is_submission(word);
		return;
	case PART_NONE:
	case PART_OTHER:
		return;
	}
}

void received_read(struct view body, struct received *r)
{
	struct clause from = { .word = VIEW_NONE };
	enum part in = PART_NONE, last = PART_NONE;
	bool comment, wanted = false;
	struct view v;

	*r = (struct received){ .by = VIEW_NONE,
				.helo = VIEW_NONE,
				.name = VIEW_NONE,
				.address = VIEW_NONE };
	while ((v = next(&body, &comment)).n || comment) {
		enum part p = comment || wanted ? PART_NONE : part_of(v);

		if (comment) {
			if (in == PART_FROM && from.n < COMMENTS)
				from.comment[from.n++] = v;
			else if (in == PART_BY || in == PART_WITH)
				r->name_checked |= checks_names(v);
			wanted = false;
		} else if (wanted) {
			take(r, &from, in, v);
			wanted = false;
		} else if (p != PART_NONE && p > last) {
			/* each once, and in the order of RFC 5321 4.4 */
			in = last = p;
			wanted = true;
		}
	}
	r->has_from = from.word.n || from.n;
	read_from(&from, r);
}

bool received_is_of(struct view host, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct view name = view_of(names[i]);

		if (view_ieq(host, name))
			return true;
		if (host.n > name.n && name.n &&
		    host.p[host.n - name.n - 1] == '.' &&
		    view_ieq(view_skip(host, host.n - name.n), name))
			return true;
	}
	return false;
}

/* The line names a sender that is of the provider's own. */
static bool goes_on(const struct received *r, const char *const *names,
		    size_t n)
{
	if (r->address.n)
		return ip_is_inside(r->address) ||
		       (r->name_checked && received_is_of(r->name, names, n));
	return r->by_lmtp || !r->helo.n || received_is_of(r->helo, names, n);
}

bool received_client(struct view header, const char *const *names, size_t n,
		     struct received *r)
{
	struct received line;
	struct field f;
	bool found = false;

	while (field_next(&header, &f)) {
		if (!field_is(&f, VIEW_LIT("Received")))
			continue;
		received_read(f.body, &line);
		if (!line.has_from)
			continue;
		if (!received_is_of(line.by, names, n) || line.submitted)
			break;
		*r = line;
		found = true;
		if (!goes_on(&line, names, n))
			break;
	}
	return found && r->address.n && !ip_is_inside(r->address);
}
