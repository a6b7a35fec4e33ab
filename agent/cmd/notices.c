#include "notices.h"

static void on_told(void *who, const struct notify_outcome *o)
{
	struct notices *n = who;

	n->outcome = *o;
	n->over = true;
	loop_stop(n->kit->parts.loop);
}

int notices_send(struct notices *n)
{
	static const char *const nobody[] = { NULL };
	static const struct pass_options o = { .names = nobody };

	pass_free(n->pass);
	n->pass = pass_start(&n->kit->parts, &o, n->reports, n->who);
	loop_run(n->kit->parts.loop);
	return pass_exit(n->pass);
}

int notices_tell(struct notices *n, const struct pass_account *a, size_t count)
{
	struct notify *look = notify_new(&n->kit->parts, on_told, n);
	int code;

	for (size_t i = 0; i < count; i++)
		notify_visited(look, &a[i]);
	n->over = false;
	notify_look(look);
	while (!n->over && !n->cut)
		loop_run(n->kit->parts.loop);
	if (n->cut)
		return 0; /* the process leaves; its owner tells why */
	notify_free(look);
	code = err_worse(err_exit(n->outcome.command.class),
			 err_exit(n->outcome.err.class));
	return n->outcome.mailed ? err_worse(code, notices_send(n)) : code;
}

void notices_stop(struct notices *n)
{
	if (n->pass)
		pass_stop(n->pass);
}

void notices_store_failed(struct notices *n)
{
	n->cut = true;
	if (n->pass)
		pass_store_failed(n->pass);
	loop_stop(n->kit->parts.loop);
}

bool notices_is_clean(const struct notices *n)
{
	return !n->cut && (!n->pass || pass_is_clean(n->pass));
}

void notices_fini(struct notices *n)
{
	pass_free(n->pass);
	n->pass = NULL;
}
