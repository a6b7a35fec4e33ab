#include "parts.h"
#include "ask.h"
#include "command.h"
#include "log.h"
#include "must.h"
#include "process.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

/* All are started with the first work, for a tenth of a millisecond each. */
#define POOL_LEAST 3u /* for two hosts at most */
#define POOL_MOST  8u
/* A look at the ledger takes milliseconds. */
#define TRIES	     60
#define TRY_PAUSE_NS 50000000
#define SERVE_IN_MS  100u

void kit_init(struct kit *k, const struct config *config, bool trace)
{
	size_t hosts = config->n_accounts + config->n_deliveries;
	unsigned pool = hosts <= 2 ? POOL_LEAST : POOL_MOST;
	/* not for look-ups: secrets, long listings */
	unsigned rest = pool == POOL_LEAST ? 1 : 2;

	*k = (struct kit){ .parts.config = config, .parts.trace = trace };
	k->parts.loop = loop_new(pool);
	k->parts.resolver = resolver_new(k->parts.loop, pool - rest, NULL);
	k->parts.trusts = trusts_new();
	process_hostname(config->hostname, k->parts.hostname,
			 sizeof(k->parts.hostname));
}

static void on_wake(void *who)
{
	struct kit *k = who;

	if (!k->parts.spool)
		return;
	spool_results(k->parts.spool);
	if (spool_fatal(k->parts.spool) && k->store_failed)
		k->store_failed(k->who);
}

static void wake_loop(void *who)
{
	wake_send(((struct kit *)who)->wake);
}

static void send_asked(void *who)
{
	struct kit *k = who;

	if (k->parts.spool)
		spool_send(k->parts.spool);
}

static void on_asked(void *who)
{
	task_post(&((struct kit *)who)->send);
}

void kit_serve(struct kit *k)
{
	struct log_line l;
	struct err err;

	timer_stop(&k->serve);
	k->control = control_serve(k->parts.loop, k->parts.spool,
				   k->parts.config->state_dir, &err);
	if (k->control) {
		control_hook(k->control, &k->hooks);
	} else if (log_begin(&l, LOG_WARNING, "no_control_socket")) {
		log_err(&l, &err);
		log_end(&l);
	}
}

static void on_serve(void *who)
{
	kit_serve(who);
}

/*
 * The folders above a state directory that nobody chose: ~/.local/state is not
 * there on many systems (XDG Base Directory: "created with permission 0700").
 * Where that fails, opening the directory says so.
 */
static void make_parents(const struct config *c)
{
	char *path = mem_str(c->state_dir);

	if (!command_is_written(c, "state_dir"))
		for (char *p = path + 1; *p; p++)
			if (*p == '/') {
				*p = 0;
				(void)mkdir(path, 0700);
				*p = '/';
			}
	free(path);
}

bool kit_open_spool(struct kit *k, struct spool_found *found, struct err *err)
{
	struct spool_options o = { .dir = k->parts.config->state_dir,
				   .wake = wake_loop,
				   .asked = on_asked,
				   .who = k };
	struct timespec pause = { .tv_nsec = TRY_PAUSE_NS };

	*found = (struct spool_found){ 0 };
	make_parents(k->parts.config);
	k->wake = wake_new(k->parts.loop, on_wake, k);
	task_init(&k->send, k->parts.loop, send_asked, k);
	timer_init(&k->serve, k->parts.loop, on_serve, k);
	for (int i = 0;; i++) {
		o.now_ms = loop_unix_ms();
		k->parts.spool = spool_open(&o, found, err);
		if (k->parts.spool)
			break;
		/* sqlite has waited for whom has the ledger open (CASES I7) */
		if (err->class != ERR_BUSY || err->origin == ERR_FROM_SQLITE ||
		    i == TRIES || ask_is_held(o.dir))
			return false;
		(void)nanosleep(&pause, NULL);
	}
	timer_start(&k->serve, SERVE_IN_MS);
	return true;
}

void kit_close_spool(struct kit *k)
{
	if (k->serve.loop)
		timer_stop(&k->serve);
	control_close(k->control);
	k->control = NULL;
	if (k->parts.spool)
		spool_close(k->parts.spool);
	k->parts.spool = NULL;
	if (k->send.loop)
		task_cancel(&k->send);
}

void kit_fini(struct kit *k)
{
	kit_close_spool(k);
	wake_free(k->wake);
	trusts_free(k->parts.trusts);
	resolver_free(k->parts.resolver);
	loop_free(k->parts.loop);
	*k = (struct kit){ 0 };
}
