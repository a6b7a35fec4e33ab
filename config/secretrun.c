#include "secretrun.h"
#include "credential.h"
#include "limits.h"
#include "must.h"
#include "program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static bool failed(struct err *err, const char *name, enum program_end end,
		   const struct program *p, const char *why)
{
	(void)err_set(err, end == PROGRAM_SLOW ? ERR_RETRY : ERR_CONFIG,
		      "password_command %.80s: %s", name, why);
	if (end == PROGRAM_SLOW) {
		/* of this machine, not of a network: trouble.h */
		err->origin = ERR_FROM_ERRNO;
		err->code = ETIMEDOUT;
		return err_remedy(err,
				  "it must print the secret without "
				  "asking anybody: run it by hand, as this "
				  "user, without a terminal");
	}
	if (end == PROGRAM_EXITED && p->code)
		return err_remedy(err, "run it by hand, as this user, to see "
				       "what it says");
	return err_remedy(err, "it must be a program this user may run, and "
			       "print one line");
}

bool secretrun(const struct config_list *argv, uint32_t patience_ms,
	       struct secret *out, struct err *err)
{
	char **copy = mem_new((argv->n + 1) * sizeof(*copy)), room[64],
	     from[120];
	struct program p = { .argv = copy, .patience_ms = patience_ms };
	enum program_end end;
	const char *why;
	bool ok;

	memcpy(copy, argv->item, argv->n * sizeof(*copy));
	p.out = (struct room){ mem_new(LIMIT_SECRET_OCTETS + 3),
			       LIMIT_SECRET_OCTETS + 3 };
	end = program_run(&p);
	why = program_why(&p, end, room, sizeof(room));
	(void)snprintf(from, sizeof(from), "password_command %.80s", copy[0]);
	ok = why ? failed(err, copy[0], end, &p, why)
		 : credential_take((struct view){ p.out.p, p.n }, from, out,
				   err);
	if (!ok && !why)
		(void)err_remedy(err, "it must print the secret alone, on one "
				      "line");
	secret_wipe(p.out.p, p.out.n);
	free(p.out.p);
	free(copy);
	return ok;
}
