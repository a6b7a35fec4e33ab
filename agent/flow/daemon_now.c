/* daemon: what it does now, for people. */
#include "daemon_inside.h"

#include <stdlib.h>

static enum daemon_doing doing_of(const struct tenant *t)
{
	if (!t->seat->config->enabled)
		return DAEMON_DISABLED;
	if (t->seat->visit)
		return DAEMON_POLLS;
	if (t->watch && watch_rests(t->watch))
		return DAEMON_RESTS;
	return DAEMON_WAITS;
}

static bool is_heard(const struct tenant *t, size_t i, const char *folder)
{
	const char *ear;

	if (i == 0 || t->hears_all)
		return true;
	for (size_t k = 0; t->ears; k++) {
		ear = ears_folder(t->ears, k);
		if (!ear || strcmp(ear, folder) == 0)
			return ear != NULL;
	}
	return false;
}

static size_t hears(const struct tenant *t, const char **out, size_t *deaf_to)
{
	const char *folder;
	size_t n = 0;

	*deaf_to = 0;
	for (size_t i = 0; (folder = watch_folder(t->watch, i, NULL)); i++)
		if (is_heard(t, i, folder))
			out[n++] = folder;
		else
			++*deaf_to;
	return n;
}

static size_t folders_of(const struct tenant *t)
{
	size_t n = 0;

	while (t->watch && watch_folder(t->watch, n, NULL))
		n++;
	return n;
}

static void tell(struct tenant *t,
		 void (*each)(void *who, const struct daemon_now *now),
		 void *who)
{
	const char **folders = mem_new((folders_of(t) + 1) * sizeof(*folders));
	struct daemon_now now = {
		.config = t->seat->config,
		.doing = doing_of(t),
		.folders = folders,
		.due_ms = seat_due_ms(t->seat),
	};

	if (now.doing == DAEMON_RESTS)
		now.n_folders = hears(t, folders, &now.polled_folders);
	each(who, &now);
	free(folders);
}

void daemon_tell_now(const struct daemon *d,
		     void (*each)(void *who, const struct daemon_now *now),
		     void *who)
{
	struct tenancy *y = daemon_working(d);

	for (size_t i = 0; y && i < y->n; i++)
		tell(&y->tenants[i], each, who);
}

bool daemon_is_offline(const struct daemon *d)
{
	struct tenancy *y = daemon_working(d);

	return y && seats_is_offline(y->seats);
}
