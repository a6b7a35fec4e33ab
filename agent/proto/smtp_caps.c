#include "smtp_state.h"

#include <inttypes.h>

static const struct {
	struct view keyword;
	enum smtp_cap cap;
} capabilities[] = {
	{ VIEW_LIT("PIPELINING"), SMTP_CAP_PIPELINING },
	{ VIEW_LIT("CHUNKING"), SMTP_CAP_CHUNKING },
	{ VIEW_LIT("SIZE"), SMTP_CAP_SIZE },
	{ VIEW_LIT("8BITMIME"), SMTP_CAP_8BITMIME },
	{ VIEW_LIT("SMTPUTF8"), SMTP_CAP_SMTPUTF8 },
	{ VIEW_LIT("STARTTLS"), SMTP_CAP_STARTTLS },
	{ VIEW_LIT("AUTH"), SMTP_CAP_AUTH },
	{ VIEW_LIT("ENHANCEDSTATUSCODES"), SMTP_CAP_ENHANCED },
	{ VIEW_LIT("DSN"), SMTP_CAP_DSN },
	{ VIEW_LIT("XCLIENT"), SMTP_CAP_XCLIENT },
};

/* What goes beyond the buffer is left out: no mechanism we use is so late. */
static void learn_auth(struct smtp *s, struct view names)
{
	size_t space = s->auth_n > 0;

	names = view_trim(names);
	if (names.n == 0 || s->auth_n + space >= sizeof(s->auth))
		return;
	if (space)
		s->auth[s->auth_n++] = ' ';
	names = view_head(names, sizeof(s->auth) - s->auth_n);
	memcpy(s->auth + s->auth_n, names.p, names.n);
	s->auth_n += names.n;
}

/* XCLIENT_README: the keyword is followed by the names of its attributes. */
static void learn_xclient(struct smtp *s, struct view names)
{
	while (names.n) {
		struct view name = view_word(&names);

		if (view_ieq(name, VIEW_LIT("NAME")))
			s->xclient |= SMTP_ATTR_NAME;
		else if (view_ieq(name, VIEW_LIT("ADDR")))
			s->xclient |= SMTP_ATTR_ADDR;
		else if (view_ieq(name, VIEW_LIT("HELO")))
			s->xclient |= SMTP_ATTR_HELO;
	}
}

void smtp_learn(struct smtp *s, struct view line)
{
	struct view word = view_word(&line);

	/* servers older than RFC 2554 say "AUTH=PLAIN LOGIN" */
	if (view_istarts(word, VIEW_LIT("AUTH="))) {
		s->learnt |= SMTP_CAP_AUTH;
		learn_auth(s, view_skip(word, 5));
		learn_auth(s, line);
		return;
	}
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities);
	     i++) {
		if (!view_ieq(word, capabilities[i].keyword))
			continue;
		s->learnt |= capabilities[i].cap;
		if (capabilities[i].cap == SMTP_CAP_AUTH)
			learn_auth(s, line);
		if (capabilities[i].cap == SMTP_CAP_XCLIENT)
			learn_xclient(s, line);
		if (capabilities[i].cap == SMTP_CAP_SIZE &&
		    !view_number(line, UINT64_MAX, &s->size_limit))
			s->size_limit = 0; /* RFC 1870 4: no fixed limit */
	}
}

uint64_t smtp_size_limit(const struct smtp *s)
{
	return smtp_caps(s) & SMTP_CAP_SIZE ? s->size_limit : 0;
}

struct view smtp_auth_names(const struct smtp *s)
{
	if (!(smtp_caps(s) & SMTP_CAP_AUTH))
		return VIEW_NONE;
	return (struct view){ s->auth, s->auth_n };
}

void smtp_describe(const struct smtp *s, struct text *out)
{
	for (size_t i = 0; i < sizeof(capabilities) / sizeof(*capabilities);
	     i++) {
		enum smtp_cap cap = capabilities[i].cap;

		if (!(smtp_caps(s) & cap))
			continue;
		(void)text_fmt(out, "%s%.*s", out->n ? " " : "",
			       VIEW_ARG(capabilities[i].keyword));
		if (cap == SMTP_CAP_SIZE && s->size_limit)
			(void)text_fmt(out, "=%" PRIu64, s->size_limit);
		if (cap == SMTP_CAP_AUTH) {
			(void)text_puts(out, "=");
			(void)text_printable(out, smtp_auth_names(s), 200);
		}
	}
}
