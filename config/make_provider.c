#include "make_provider.h"
#include "provider.h"
#include "value.h"

#include <stdarg.h>
#include <stdio.h>

const struct section *make_provider_builtin(const struct making *m,
					    const struct config_account *a)
{
	return a->builtin ? sections_find(&m->builtin, SECTION_PROVIDER,
					  a->builtin->name)
			  : NULL;
}

const struct section *make_provider_own(const struct making *m,
					const struct config_account *a)
{
	const struct section *s =
		sections_find(m->written, SECTION_PROVIDER, a->provider);

	if (!s && a->builtin)
		s = sections_find(m->written, SECTION_PROVIDER,
				  a->builtin->name);
	return s;
}

static void remark(struct config_account *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void remark(struct config_account *a, const char *fmt, ...)
{
	char line[600];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	config_list_add(&a->remarks, view_of(line));
}

static void put_span(uint64_t ms, char *out, size_t cap)
{
	bool minutes = ms % 60000 == 0;

	(void)snprintf(out, cap, "%u%c",
		       (unsigned)(ms / (minutes ? 60000 : 1000)),
		       minutes ? 'm' : 's');
}

static bool is_clamped(const struct resolved *r, const struct config_account *a)
{
	return a->poll_every_ms != resolved_number(r, SET_POLL_EVERY);
}

/* 0, only on request, is no interval: it stays. */
static void clamp_poll(const struct resolved *r, struct config_account *a)
{
	bool pop3 = config_is_pop3(&a->server);
	char least[20];

	a->poll_min_ms = (uint64_t)provider_poll_min_s(a->builtin, pop3) * 1000;
	if (a->poll_every_ms && a->poll_every_ms < a->poll_min_ms)
		a->poll_every_ms = a->poll_min_ms;
	if (!is_clamped(r, a) || !resolved_is_written(r, SET_POLL_EVERY))
		return;
	put_span(a->poll_min_ms, least, sizeof(least));
	remark(a,
	       "poll_every = %s: %s lets nobody ask by %s more often than "
	       "every %s, which counts instead",
	       resolved_value(r, SET_POLL_EVERY)->text, a->builtin->title,
	       pop3 ? "POP3" : "IMAP", least);
}

/* Who wrote `auth` knows what the secret is. */
static void remark_password(const struct resolved *r, struct config_account *a)
{
	if (a->builtin->secret == PROVIDER_SECRET_OAUTH &&
	    !resolved_is_written(r, SET_AUTH))
		remark(a, "%s wants %s", a->builtin->title,
		       a->builtin->password);
}

/* me@gmx.com at imap.gmx.net is refused for no reason that can be seen. */
static void remark_domain(struct config_account *a)
{
	const char *at = a->user ? strrchr(a->user, '@') : NULL;
	const struct provider *p =
		at ? provider_of_domain(view_of(at + 1)) : NULL;

	if (!p || p == a->builtin || !p->imap || !a->builtin->imap ||
	    strcmp(p->imap, a->builtin->imap) == 0)
		return;
	remark(a, "addresses at %.100s are with %s: provider = \"%s\"", at + 1,
	       p->title, p->name);
}

/* What a person should know; with the rest the program copes. */
#define TELLING                                                                \
	((unsigned)PROVIDER_AUTO_EXPUNGE | PROVIDER_TRASH | PROVIDER_LABELS |  \
	 PROVIDER_POP3_HIDES | PROVIDER_POP3_WEB_DECIDES |                     \
	 PROVIDER_POP3_RECENT)

static void remark_quirks(struct config_account *a)
{
	const char *protocol = config_is_pop3(&a->server) ? "POP3:" : "IMAP:";

	for (unsigned i = 0; i < PROVIDER_QUIRKS; i++) {
		enum provider_quirk q = (enum provider_quirk)(1u << i);

		if (TELLING & q && provider_has(a->builtin, q) &&
		    strncmp(provider_quirk_text(q), protocol, 5) == 0)
			remark(a, "%s", provider_quirk_text(q));
	}
}

void make_provider(const struct resolved *r, struct config_account *a)
{
	if (!a->builtin)
		return;
	clamp_poll(r, a);
	remark_password(r, a);
	remark_domain(a);
	remark_quirks(a);
}

void make_effective_poll(struct config_effectives *e, const struct making *m,
			 const struct resolved *r,
			 const struct config_account *a)
{
	const struct section *s = make_provider_builtin(m, a);
	char span[20];

	if (!is_clamped(r, a)) {
		effective_add(e, r, SET_POLL_EVERY, NULL, NULL);
		return;
	}
	put_span(a->poll_every_ms, span, sizeof(span));
	effective_add(e, r, SET_POLL_EVERY, span, s->set[SET_SERVER]);
}
