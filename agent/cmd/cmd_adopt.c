#include "cmd_adopt.h"
#include "command.h"
#include "conduct.h"
#include "loop.h"
#include "must.h"
#include "when.h"

#include <stdio.h>
#include <stdlib.h>

static int wrong(const char *what)
{
	(void)fprintf(stderr, "mailhaul: %s\n", what);
	return 64;
}

int cmd_adopt(const struct options *o)
{
	struct pass_options p = { .task = PASS_ADOPT,
				  .names = o->nwords ? o->words : NULL,
				  .n_names = o->nwords,
				  .dry_run = options_has(o, OPTION_DRY_RUN),
				  .yes = options_has(o, OPTION_YES) };
	struct config *c;
	int code;

	if ((o->nwords > 0) == options_has(o, OPTION_ALL))
		return wrong("adopt: which? an account, or --all");
	c = command_config_as_owner(o, &code);
	if (!c)
		return code;
	code = conduct(o, c, &p);
	config_unref(c);
	return code;
}

/* --folder and --since of refetch. */
static bool read_choice(const struct options *o, const struct config *c,
			struct pass_again *again)
{
	const struct config_account *a =
		config_account(c, view_of(o->words[0]));
	const char *since = o->value[OPTION_SINCE];

	again->folder = o->value[OPTION_FOLDER];
	if (since &&
	    !when_point(view_of(since), loop_unix_ms(), &again->since_ms)) {
		(void)wrong("--since needs a span such as 3d or a date such as "
			    "2026-11-22");
		return false;
	}
	if (a && again->folder && config_is_pop3(&a->server)) {
		(void)wrong("--folder: POP3 has no folders");
		return false;
	}
	return true;
}

int cmd_refetch(const struct options *o)
{
	struct pass_options p = { .task = PASS_REFETCH,
				  .names = o->words,
				  .n_names = 1,
				  .dry_run = options_has(o, OPTION_DRY_RUN),
				  .yes = options_has(o, OPTION_YES),
				  .again = { .uids = o->words + 1,
					     .n_uids = o->nwords - 1 } };
	bool has_folder = false;
	struct config *c;
	int code;

	c = command_config_as_owner(o, &code);
	if (!c)
		return code;
	p.again.has_folder = &has_folder;
	p.again.found = mem_new(o->nwords * sizeof(*p.again.found));
	code = read_choice(o, c, &p.again) ? conduct(o, c, &p) : 64;
	free(p.again.found);
	config_unref(c);
	return code;
}
