#include "config.h"
#include "build.h"
#include "conffile.h"
#include "credential.h"
#include "must.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_OCTETS  4096u
#define ETC_CONFIG   "/etc/mailhaul/mailhaul.conf"
#define SYSTEM_STATE "/var/lib/mailhaul"

/* The value of an environment variable that holds an absolute path. */
static const char *env_path(const char *name)
{
	const char *v = getenv(name);

	return v && v[0] == '/' ? v : NULL;
}

static char *under(const char *dir, const char *rest)
{
	struct text t;

	text_init(&t, PATH_OCTETS);
	(void)text_fmt(&t, "%s/%s", dir, rest);
	return text_take(&t);
}

/* ~/.config/... or ~/.local/state/..., XDG_* going before. NULL: no home. */
static char *under_home(const char *variable, const char *usual,
			const char *rest)
{
	const char *xdg = env_path(variable), *home = env_path("HOME");
	char *dir, *out;

	if (xdg)
		return under(xdg, rest);
	if (!home)
		return NULL;
	dir = under(home, usual);
	out = under(dir, rest);
	free(dir);
	return out;
}

static bool is_there(const char *path)
{
	struct stat st;

	/* what is there but cannot be looked at is not skipped */
	return stat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

/* Owned; NULL: nowhere, which is said. */
static char *find_file(const struct config_where *where, struct faults *faults)
{
	const char *named = getenv("MAILHAUL_CONFIG");
	struct place whole = { .file = "mailhaul.conf" };
	char *home;

	if (where->config)
		return mem_str(where->config);
	if (named && named[0])
		return mem_str(named);
	home = under_home("XDG_CONFIG_HOME", ".config",
			  "mailhaul/mailhaul.conf");
	if (home && is_there(home))
		return home;
	if (is_there(ETC_CONFIG)) {
		free(home);
		return mem_str(ETC_CONFIG);
	}
	fault_add(faults, whole, "",
		  "no configuration: neither %s%s%s is there: write one (man "
		  "mailhaul.conf begins with an example), or name another "
		  "with --config FILE",
		  home ? home : "", home ? " nor " : "", ETC_CONFIG);
	free(home);
	return NULL;
}

/* $STATE_DIRECTORY may hold several, parted by colons (systemd.exec(5)). */
static char *from_systemd(void)
{
	const char *v = env_path("STATE_DIRECTORY");
	char *out = mem_str(v);

	if (out && strchr(out, ':'))
		*strchr(out, ':') = 0;
	return out;
}

/* Owned; NULL: nowhere, which is said. *origin: NULL for the file's own. */
static char *find_state(const struct config_where *where,
			const struct config *c, const char **origin,
			struct faults *faults)
{
	struct place whole = { .file = c->file };
	char *dir;

	*origin = where->state ? "--state" : NULL;
	if (where->state)
		return conffile_absolute(where->state);
	if (c->state_dir)
		return mem_str(c->state_dir);
	*origin = "$STATE_DIRECTORY";
	dir = from_systemd();
	if (dir)
		return dir;
	*origin = "built-in";
	if (view_starts(view_of(c->file), VIEW_LIT("/etc/")))
		return mem_str(SYSTEM_STATE);
	dir = under_home("XDG_STATE_HOME", ".local/state", "mailhaul");
	if (!dir)
		fault_add(faults, whole, "",
			  "there is no home folder for the state: write "
			  "state_dir, or --state DIR");
	return dir;
}

static void set_state(const struct config_where *where, struct config *c,
		      struct faults *faults)
{
	struct config_effective *first = &c->effective.item[0];
	const char *origin;
	char *dir = find_state(where, c, &origin, faults);
	struct text shown;

	free(c->state_dir);
	c->state_dir = dir;
	if (!dir || !origin)
		return;
	text_init(&shown, PATH_OCTETS + 2);
	(void)text_fmt(&shown, "\"%s\"", dir);
	free(first->value);
	free(first->origin);
	first->value = text_take(&shown);
	first->origin = mem_str(origin);
}

/* Passwords stand only in files that nobody else can read (C14). */
static void check_passwords(const struct config *c,
			    const struct conffiles *files,
			    struct faults *faults)
{
	struct safefile_owner owner = credential_owner_of(c->state_dir);
	const char *why;

	for (size_t i = 0; i < files->n; i++) {
		const struct conffile *f = files->item[i];
		struct place whole = { .file = f->path,
				       .number = (unsigned)i + 1 };

		if (f->has_password && !safefile_check(&f->stat, &owner, &why))
			fault_add(faults, whole, "",
				  "a file with a password in it %s (chmod 600)",
				  why);
	}
}

static struct config *read_config(const struct config_where *where,
				  const char *path, struct faults *faults)
{
	struct conffile_reading r = { .faults = faults };
	struct config *c = mem_new(sizeof(*c));

	c->refs = 1;
	c->file = conffile_absolute(path);
	c->dir = conffile_folder(c->file);
	conffile_read_all(&r, path);
	if (r.files.n) {
		build(c, &r.sections, &r.unread, faults);
		set_state(where, c, faults);
		check_passwords(c, &r.files, faults);
	}
	sections_fini(&r.sections);
	conffiles_fini(&r.files);
	config_list_fini(&r.unread.titles);
	return c;
}

struct config *config_load(const struct config_where *where,
			   struct config_errors *e)
{
	struct faults faults = { 0 };
	struct config *c = NULL;
	char *path = find_file(where, &faults);

	if (path)
		c = read_config(where, path, &faults);
	free(path);
	if (faults.n) {
		config_unref(c);
		c = NULL;
	}
	faults_end(&faults, e);
	return c;
}

struct config *config_ref(struct config *c)
{
	c->refs++;
	return c;
}

void config_unref(struct config *c)
{
	if (!c || --c->refs)
		return;
	build_undo(c);
	free(c->file);
	free(c->dir);
	free(c);
}

const struct config_account *config_account(const struct config *c,
					    struct view name)
{
	for (size_t i = 0; i < c->n_accounts; i++)
		if (view_eq(name, view_of(c->accounts[i].name)))
			return &c->accounts[i];
	return NULL;
}

const struct config_delivery *config_delivery(const struct config *c,
					      struct view name)
{
	for (size_t i = 0; i < c->n_deliveries; i++)
		if (view_eq(name, view_of(c->deliveries[i].name)))
			return &c->deliveries[i];
	return NULL;
}
