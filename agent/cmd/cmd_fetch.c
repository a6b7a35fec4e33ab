#include "cmd_fetch.h"
#include "command.h"
#include "conduct.h"

int cmd_fetch(const struct options *o)
{
	struct pass_options p = { .names = o->nwords ? o->words : NULL,
				  .n_names = o->nwords,
				  .dry_run = options_has(o, OPTION_DRY_RUN),
				  .yes = options_has(o, OPTION_YES) };
	struct config *c;
	int code;

	c = command_config_as_owner(o, &code);
	if (!c)
		return code;
	code = conduct(o, c, &p);
	config_unref(c);
	return code;
}
