#include "options.h"
#include "fault.h"
#include "must.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *name; /* with its dashes */
	char letter;	  /* 0: none */
	bool has_value;
} known[OPTIONS] = {
	[OPTION_HELP] = { "--help", 'h', false },
	[OPTION_VERSION] = { "--version", 0, false },
	[OPTION_CONFIG] = { "--config", 0, true },
	[OPTION_STATE] = { "--state", 0, true },
	[OPTION_VERBOSE] = { "--verbose", 'v', false },
	[OPTION_QUIET] = { "--quiet", 'q', false },
	[OPTION_JSON] = { "--json", 0, false },
	[OPTION_DRY_RUN] = { "--dry-run", 'n', false },
	[OPTION_YES] = { "--yes", 'y', false },
	[OPTION_WATCH] = { "--watch", 0, false },
	[OPTION_MAX_AGE] = { "--max-age", 0, true },
	[OPTION_OFFLINE] = { "--offline", 0, false },
	[OPTION_EFFECTIVE] = { "--effective", 0, false },
	[OPTION_ALL] = { "--all", 0, false },
	[OPTION_ACCOUNT] = { "--account", 0, true },
	[OPTION_REASON] = { "--reason", 0, true },
	[OPTION_FROM] = { "--from", 0, true },
	[OPTION_TO] = { "--to", 0, true },
	[OPTION_SINCE] = { "--since", 0, true },
	[OPTION_FOLDER] = { "--folder", 0, true },
	[OPTION_SEND] = { "--send", 0, false },
};

const char *option_name(enum option which)
{
	return known[which].name;
}

bool options_has(const struct options *o, enum option which)
{
	return o->given & OPTION_BIT(which);
}

/* Room enough for our own words beside what the user wrote. */
static bool complain(char *wrong, const char *what, const char *word)
{
	char shown[160];

	printable(shown, sizeof(shown), view_of(word));
	(void)snprintf(wrong, OPTIONS_WRONG, "%s: %s", shown, what);
	return false;
}

/* word: as it was written; only what stands before a "=" counts. */
static bool no_such(char *wrong, const char *word)
{
	struct view written = { word, view_find(view_of(word), '=') };
	char what[120] = "no such option (see mailhaul --help)";
	unsigned best = 99;

	for (unsigned i = 0; i < OPTIONS; i++)
		if (fault_is_near(written, view_of(known[i].name), &best))
			(void)snprintf(what, sizeof(what),
				       "no such option: did you mean %s?",
				       known[i].name);
	return complain(wrong, what, word);
}

static void take(struct options *o, enum option which, const char *value)
{
	o->given |= OPTION_BIT(which);
	o->value[which] = value;
	if (which == OPTION_VERBOSE)
		o->verbosity = o->verbosity < 1 ? 1 : 2;
	if (which == OPTION_QUIET)
		o->verbosity = -1;
}

/* *next: the following word, for a value that stands apart; NULL: none. */
static bool take_long(struct options *o, const char *word, const char **next,
		      char *wrong)
{
	size_t n = view_find(view_of(word), '=');
	const char *value = word[n] ? word + n + 1 : NULL;

	for (unsigned i = 0; i < OPTIONS; i++) {
		if (!view_eq(view_of(known[i].name), (struct view){ word, n }))
			continue;
		if (!known[i].has_value) {
			if (value)
				return complain(wrong, "takes no value", word);
			take(o, i, NULL);
			return true;
		}
		if (!value) {
			value = *next;
			*next = NULL;
		}
		if (!value || !*value) /* "$UNSET": never taken for "any" */
			return complain(wrong, "needs a value", word);
		take(o, i, value);
		return true;
	}
	return no_such(wrong, word);
}

static bool take_letters(struct options *o, const char *word, char *wrong)
{
	for (const char *c = word + 1; *c; c++) {
		unsigned i = 0;

		while (i < OPTIONS && known[i].letter != *c)
			i++;
		if (i == OPTIONS)
			return complain(wrong,
					"no such option (see mailhaul --help)",
					word);
		take(o, i, NULL);
	}
	return true;
}

static void take_word(struct options *o, const char *word)
{
	if (!o->command)
		o->command = word;
	else
		o->words[o->nwords++] = word;
}

bool options_parse(struct options *o, int argc, char *const *argv,
		   char wrong[OPTIONS_WRONG])
{
	bool only_words = false;

	*o = (struct options){ 0 };
	o->words = mem_new((size_t)(argc + 1) * sizeof(*o->words));
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		bool has_next = next;

		if (only_words || word[0] != '-' || !word[1]) {
			take_word(o, word);
			continue;
		}
		if (strcmp(word, "--") == 0) {
			only_words = true;
			continue;
		}
		if (word[1] == '-') {
			if (!take_long(o, word, &next, wrong))
				return false;
			if (has_next && !next)
				i++;
		} else if (!take_letters(o, word, wrong)) {
			return false;
		}
	}
	return true;
}

void options_fini(struct options *o)
{
	free(o->words);
	*o = (struct options){ 0 };
}

bool options_fit(const struct options *o, unsigned takes, size_t least,
		 size_t most, char wrong[OPTIONS_WRONG])
{
	takes |= OPTIONS_COMMON;
	for (unsigned i = 0; i < OPTIONS; i++)
		if ((o->given & OPTION_BIT(i)) && !(takes & OPTION_BIT(i))) {
			(void)snprintf(wrong, OPTIONS_WRONG,
				       "%s: does not go with %s", known[i].name,
				       o->command);
			return false;
		}
	if (o->nwords > most)
		return complain(wrong, "one word too many", o->words[most]);
	if (o->nwords < least) {
		(void)snprintf(wrong, OPTIONS_WRONG, "%s: something is missing",
			       o->command);
		return false;
	}
	return true;
}
