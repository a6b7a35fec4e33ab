#include "provider.h"
#include "must.h"

#include <string.h>
#include <strings.h>

static const struct provider_region *const regions[] = {
	&provider_china,
	&provider_europe,
	&provider_global,
	&provider_russia,
};
#define REGIONS (sizeof(regions) / sizeof(regions[0]))

/* NULL: behind the last of that region. */
static const struct provider *entry(size_t region, size_t i)
{
	const struct provider_region *r = regions[region];

	return i < r->n ? &r->entry[i] : NULL;
}

/* Each region is sorted: the next one of all is the first of one of them. */
static const struct provider *next(size_t taken[REGIONS])
{
	const struct provider *best = NULL;
	size_t from = 0;

	for (size_t r = 0; r < REGIONS; r++) {
		const struct provider *p = entry(r, taken[r]);

		if (p && (!best || strcmp(p->name, best->name) < 0)) {
			best = p;
			from = r;
		}
	}
	taken[from]++;
	return best;
}

const struct provider *provider_at(size_t i)
{
	size_t taken[REGIONS] = { 0 };
	const struct provider *p;

	do
		p = next(taken);
	while (p && i--);
	return p;
}

static bool is_in(const char *const *list, struct view word)
{
	for (; list && *list; list++)
		if (strlen(*list) == word.n &&
		    strncasecmp(*list, word.p, word.n) == 0)
			return true;
	return false;
}

const struct provider *provider_find(struct view name)
{
	for (size_t r = 0; r < REGIONS; r++)
		for (size_t i = 0; i < regions[r]->n; i++) {
			const struct provider *p = entry(r, i);

			if (view_eq(name, view_of(p->name)) ||
			    is_in(p->aliases, name))
				return p;
		}
	return NULL;
}

const struct provider *provider_of_domain(struct view domain)
{
	for (size_t r = 0; r < REGIONS; r++)
		for (size_t i = 0; i < regions[r]->n; i++)
			if (is_in(entry(r, i)->domains, domain))
				return entry(r, i);
	return NULL;
}

bool provider_has(const struct provider *p, enum provider_quirk q)
{
	return p && (p->quirks & q);
}

const char *provider_user_text(enum provider_user u)
{
	switch (u) {
	case PROVIDER_USER_UNKNOWN:
		return NULL;
	case PROVIDER_USER_ADDRESS:
		return "the whole address";
	case PROVIDER_USER_LOCAL:
		return "the part before the @";
	case PROVIDER_USER_EITHER:
		return "the whole address, or the part before the @";
	case PROVIDER_USER_OWN:
		return "a name of its own that the provider gave you";
	}
	MUST_NOT("a form of user names outside the enum");
}

const char *provider_secret_text(enum provider_secret s)
{
	switch (s) {
	case PROVIDER_SECRET_OWN:
		return NULL;
	case PROVIDER_SECRET_MAIL:
		return "a second password, for mail programs: set it there, "
		       "then type it at mailhaul passwd";
	case PROVIDER_SECRET_APP:
	case PROVIDER_SECRET_APP_2FA:
		return "an app password is made there for one program and "
		       "stands for your own: copy it, then paste it at "
		       "mailhaul passwd";
	case PROVIDER_SECRET_CODE:
		return "an authorization code is made there for mail programs "
		       "and stands for your password: copy it, then paste it "
		       "at mailhaul passwd";
	case PROVIDER_SECRET_OAUTH:
		return "a token is good for about an hour: let "
		       "password_command ask another program for one";
	}
	MUST_NOT("a kind of secret outside the enum");
}

const char *provider_quirk_text(enum provider_quirk q)
{
	switch (q) {
	case PROVIDER_ID_FIRST:
		return "IMAP: opens no folder before the client has named "
		       "itself (ID)";
	case PROVIDER_NO_DESCENDING:
		return "IMAP: refuses descending UID sets";
	case PROVIDER_PEEK_ONLY:
		return "IMAP: hands out bodies by BODY.PEEK[] only";
	case PROVIDER_AUTO_EXPUNGE:
		return "IMAP: removes what is marked as deleted at once";
	case PROVIDER_TRASH:
		return "IMAP: expunging a message takes it out of the folder "
		       "only; it is deleted by way of the Trash";
	case PROVIDER_LABELS:
		return "IMAP: folders are labels; one message can be in "
		       "several";
	case PROVIDER_POP3_HIDES:
		return "POP3: what any program has fetched is not listed "
		       "again";
	case PROVIDER_POP3_WEB_DECIDES:
		return "POP3: the web settings decide what becomes of fetched "
		       "mail, not keep";
	case PROVIDER_POP3_RECENT:
		return "POP3: lists mail of the last days only, as many as "
		       "the web settings say";
	}
	MUST_NOT("a quirk outside the enum");
}

unsigned provider_poll_min_s(const struct provider *p, bool pop3)
{
	if (!p)
		return 0;
	return pop3 ? p->pop3_poll_s : p->imap_poll_s;
}
