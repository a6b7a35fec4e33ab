#include "cmd_run.h"
#include "bell.h"
#include "command.h"
#include "daemon.h"
#include "log.h"
#include "metrics_file.h"
#include "must.h"
#include "notify_socket.h"
#include "now.h"
#include "parts.h"
#include "passes.h"
#include "process.h"
#include "report.h"
#include "term.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BEAT_MS 10000u /* where no watchdog wants it sooner */

struct run {
	const struct options *options;
	struct config *config; /* the present one */
	struct kit kit;
	struct daemon *daemon;
	struct passes *passes; /* that others asked for */
	struct notify_socket notify;
	struct timer beat;
	uint64_t beat_every_ms, beat_ms; /* the last */
	struct bell bell;
	struct metrics_file metrics;
	struct spool_call trip; /* to the store and back */
	bool trip_is_out, trip_came;
	bool reload_ok; /* the last reload took */
	bool reloading, was_ready;
	int signum; /* that asked us to stop; 0 */
	int64_t since_ms;
};

/* --- what is told --------------------------------------------------------- */

static const char *trouble_event(const struct err *err)
{
	return err->class == ERR_AUTH	 ? "signin_failed"
	       : err->class == ERR_TRUST ? "tls_failed"
					 : "failing";
}

static void on_account(void *who, const struct pass_account *a)
{
	struct run *r = who;
	struct log_line l;

	metrics_file_changed(&r->metrics);
	bell_visited(&r->bell, a);
	if (a->recovered && log_begin(&l, LOG_NOTICE, "works_again")) {
		log_str(&l, "account", a->config->name);
		log_end(&l);
	}
	if (a->err.class == ERR_NONE || !a->err_is_new ||
	    !log_begin(&l, LOG_ERROR, trouble_event(&a->err)))
		return;
	log_str(&l, "account", a->config->name);
	log_err(&l, &a->err);
	log_end(&l);
}

static void on_delivery(void *who, const struct config_delivery *d,
			const struct err *err, bool is_new)
{
	struct run *r = who;
	struct log_line l;

	metrics_file_changed(&r->metrics);
	bell_delivery(&r->bell, is_new);
	if (!log_begin(&l, err && is_new ? LOG_ERROR : LOG_NOTICE,
		       err ? "paused" : "resumed"))
		return;
	log_str(&l, "delivery", d->name);
	if (err)
		log_err(&l, err);
	log_end(&l);
}

static void on_metrics(void *who, const struct err *err, bool is_new)
{
	struct log_line l;

	(void)who;
	(void)is_new; /* always */
	if (!log_begin(&l, err ? LOG_ERROR : LOG_NOTICE,
		       err ? "metrics_failed" : "metrics_written"))
		return;
	if (err)
		log_err(&l, err);
	log_end(&l);
}

static void on_offline(void *who, bool is_offline)
{
	struct run *r = who;
	struct log_line l;

	if (is_offline)
		resolver_expire(r->kit.parts.resolver);
	if (!log_begin(&l, is_offline ? LOG_ERROR : LOG_NOTICE,
		       is_offline ? "offline" : "online"))
		return;
	if (is_offline) {
		log_str(&l, "error", "hardly any server can be reached");
		log_str(&l, "remedy",
			"look at this machine's network and name servers; one "
			"account at a time is tried until one answers");
	}
	log_end(&l);
}

static void say_status(const struct run *r)
{
	size_t n = r->config->n_accounts;

	notify_status(&r->notify, "%zu account%s, %zu session%s%s", n,
		      n == 1 ? "" : "s", daemon_sessions(r->daemon),
		      daemon_sessions(r->daemon) == 1 ? "" : "s",
		      r->reload_ok ? "" : "; the last reload failed");
}

static void say_found(void *who, struct text *line)
{
	struct log_line l;

	(void)who;
	if (log_begin(&l, LOG_WARNING, "recovered")) {
		log_str(&l, "text", text_str(line));
		log_end(&l);
	}
	text_fini(line);
}

static void warn_in_clear(const char *kind, const char *name,
			  const struct config_server *s)
{
	struct log_line l;

	if (s->tls != CONFIG_TLS_NONE || s->is_loopback ||
	    !log_begin(&l, LOG_WARNING, "in_clear"))
		return;
	log_str(&l, kind, name);
	log_str(&l, "server", s->url);
	log_str(&l, "text",
		"tls = \"none\": passwords and mail can be read on "
		"the way");
	log_end(&l);
}

static void warn_of_config(const struct config *c)
{
	for (size_t i = 0; i < c->n_accounts; i++)
		warn_in_clear("account", c->accounts[i].name,
			      &c->accounts[i].server);
	for (size_t i = 0; i < c->n_deliveries; i++)
		warn_in_clear("delivery", c->deliveries[i].name,
			      &c->deliveries[i].server);
}

/* --- the watchdog --------------------------------------------------------- */

static bool nothing(struct ledger *l, void *arg, struct err *err)
{
	(void)l, (void)arg, (void)err;
	return true;
}

static void on_trip(struct spool_req *req)
{
	struct run *r = req->who;

	r->trip_is_out = false;
	r->trip_came = true;
}

static void send_trip(struct run *r)
{
	if (r->trip_is_out)
		return;
	r->trip_is_out = true;
	r->trip_came = false;
	r->trip = (struct spool_call){
		.req = { .done = on_trip, .who = r, .urgent = true },
		.fn = nothing,
	};
	spool_call(r->kit.parts.spool, &r->trip);
}

static void tell_stuck(const char *what, const char *account)
{
	struct log_line l;

	if (!log_begin(&l, LOG_ERROR, "stuck"))
		return;
	log_str(&l, "what", what);
	if (account)
		log_str(&l, "account", account);
	log_end(&l);
}

/* SIGSTOP, a machine that was frozen: it was nobody's fault here. */
static bool stood_still(struct run *r)
{
	uint64_t before = r->beat_ms;

	r->beat_ms = loop_now_ms(r->kit.parts.loop);
	return r->beat_ms - before > 2 * r->beat_every_ms + BEAT_MS;
}

/* A request takes no longer than a beat, nor does a barrier. */
static bool store_moves(const struct run *r)
{
	return r->trip_came &&
	       spool_syncing_ms(r->kit.parts.spool) <= r->beat_every_ms;
}

/* The loop moves, or this would not run; the store, and every session. */
static void on_beat(void *who)
{
	struct run *r = who;
	const char *account = daemon_stuck(r->daemon);

	if (stood_still(r))
		notify_alive(&r->notify);
	else if (account)
		tell_stuck("session", account);
	else if (!store_moves(r))
		tell_stuck("store", NULL);
	else
		notify_alive(&r->notify);
	send_trip(r);
	say_status(r);
}

static void begin_beat(struct run *r)
{
	uint64_t every = r->notify.watchdog_ms;

	timer_init(&r->beat, r->kit.parts.loop, on_beat, r);
	r->beat_every_ms = every && every < BEAT_MS ? every : BEAT_MS;
	r->beat_ms = loop_now_ms(r->kit.parts.loop);
	timer_every(&r->beat, r->beat_every_ms);
	notify_alive(&r->notify);
	send_trip(r);
}

/* --- reload --------------------------------------------------------------- */

static void on_working(void *who)
{
	struct run *r = who;
	struct log_line l;

	if (r->reloading && log_begin(&l, LOG_NOTICE, "reloaded")) {
		log_num(&l, "accounts", (int64_t)r->config->n_accounts);
		log_end(&l);
	}
	r->reloading = false;
	notify_ready(&r->notify);
	say_status(r);
	passes_working(r->passes);
}

static void reload_failed(struct run *r, const char *fault)
{
	struct log_line l;

	r->reload_ok = r->metrics.reload_ok = false;
	metrics_file_changed(&r->metrics);
	if (!log_begin(&l, LOG_ERROR, "reload_failed"))
		return;
	log_str(&l, "error", fault);
	log_str(&l, "remedy",
		"the configuration of before stays in force; "
		"correct it and reload");
	log_end(&l);
}

/* NULL: every fault was told. */
static struct config *load_again(struct run *r)
{
	struct config_where where = {
		.config = r->options->value[OPTION_CONFIG],
		.state = r->options->value[OPTION_STATE],
	};
	struct config_errors errors = { 0 };
	struct config *c = config_load(&where, &errors);
	struct err err;
	char line[sizeof(err)];

	for (size_t i = 0; i < errors.n; i++)
		reload_failed(r, errors.line[i]);
	config_errors_fini(&errors);
	if (c && !command_has_work(c, NULL, &err)) {
		err_line(&err, line, sizeof(line));
		reload_failed(r, line);
		config_unref(c);
		return NULL;
	}
	if (c && strcmp(c->state_dir, r->config->state_dir) != 0) {
		reload_failed(r, "state_dir has changed: that needs a restart");
		config_unref(c);
		c = NULL;
	}
	return c;
}

static void reload(struct run *r)
{
	struct config *c;

	notify_reloading(&r->notify);
	c = load_again(r);
	if (!c) {
		notify_ready(&r->notify);
		say_status(r);
		return;
	}
	r->reload_ok = r->metrics.reload_ok = r->reloading = true;
	metrics_file_reload(&r->metrics, c);
	config_unref(r->config);
	r->config = c;
	command_log(r->options, c);
	warn_of_config(c);
	/* a network that changed is often why somebody reloads */
	resolver_expire(r->kit.parts.resolver);
	r->kit.parts.config = c;
	process_hostname(c->hostname, r->kit.parts.hostname,
			 sizeof(r->kit.parts.hostname));
	daemon_reload(r->daemon, &r->kit.parts);
}

/* --- beginning and end ---------------------------------------------------- */

static void on_ended(void *who)
{
	struct run *r = who;

	loop_stop(r->kit.parts.loop);
}

static void on_store_failed(void *who)
{
	struct run *r = who;

	if (!r->daemon)
		return;
	daemon_store_failed(r->daemon);
	passes_store_failed(r->passes, daemon_failure(r->daemon));
}

/* The first asks, the second insists: the ledger bears being left so. */
static void on_stop_signal(void *who, int signum)
{
	struct run *r = who;
	struct log_line l;

	if (r->signum)
		_exit(128 + signum);
	r->signum = signum;
	notify_stopping(&r->notify);
	if (log_begin(&l, LOG_NOTICE, "stopping"))
		log_end(&l);
	passes_stop(r->passes);
	daemon_stop(r->daemon);
}

static void on_signal(void *who, int signum)
{
	struct run *r = who;

	if (r->signum)
		return;
	if (signum == SIGHUP)
		reload(r);
	else
		daemon_poll_all(r->daemon);
}

/* `queue retry` and `queue drop` beside us. */
static void on_queue_changed(void *who)
{
	daemon_retry(((struct run *)who)->daemon);
}

/* `passwd` beside us: of an account, else of a delivery. */
static bool on_poll(void *who, const char *name)
{
	struct run *r = who;

	if (!daemon_poll(r->daemon, name))
		daemon_retry(r->daemon);
	return true;
}

/* `fetch`, `adopt` or `refetch` beside us. */
static void on_pass(void *who, json_t *request, int fd)
{
	passes_take(((struct run *)who)->passes, request, fd);
}

/* `status` beside us. */
static json_t *on_now(void *who)
{
	struct run *r = who;

	return now_object(r->daemon, r->since_ms);
}

static const struct daemon_reports reports = {
	.working = on_working,
	.account = on_account,
	.delivery = on_delivery,
	.offline = on_offline,
	.ended = on_ended,
};

static void begin(struct run *r)
{
	struct loop *l = r->kit.parts.loop;

	loop_signal(l, SIGINT, on_stop_signal, r);
	loop_signal(l, SIGTERM, on_stop_signal, r);
	loop_signal(l, SIGHUP, on_signal, r);
	loop_signal(l, SIGUSR1, on_signal, r);
	warn_of_config(r->config);
	r->reload_ok = true;
	r->since_ms = loop_unix_ms();
	r->daemon = daemon_start(&r->kit.parts, &reports, r);
	r->passes = passes_new(l, r->daemon);
	r->kit.hooks = (struct control_hooks){ .changed = on_queue_changed,
					       .poll = on_poll,
					       .pass = on_pass,
					       .now = on_now,
					       .who = r };
	kit_serve(&r->kit);
	begin_beat(r);
	bell_begin(&r->bell, &r->kit.parts, r->daemon);
	r->metrics = (struct metrics_file){
		.loop = l,
		.spool = r->kit.parts.spool,
		.config = r->config,
		.reload_ok = true,
		.told = on_metrics,
		.who = r,
	};
	metrics_file_begin(&r->metrics);
}

static int finish(struct run *r)
{
	const struct err *failure = daemon_failure(r->daemon);
	int code = r->signum == SIGINT ? 128 + SIGINT : 0;

	timer_stop(&r->beat);
	bell_stop(&r->bell);
	metrics_file_stop(&r->metrics);
	if (failure->class != ERR_NONE)
		code = command_failed(failure);
	if (!daemon_is_clean(r->daemon) || !bell_end(&r->bell))
		_exit(code);
	kit_close_spool(&r->kit);
	passes_free(r->passes);
	daemon_free(r->daemon);
	kit_fini(&r->kit);
	return code;
}

/* Where nobody looks, who is second stays silent (INTERFACE 1). */
static int refuse_start(const struct run *r, const struct err *err)
{
	if (err->class != ERR_BUSY || err->origin == ERR_FROM_SQLITE ||
	    term_is(STDERR_FILENO) || r->options->verbosity > 0)
		return command_failed(err);
	return err_exit(err->class);
}

static int run(struct run *r)
{
	struct spool_found found;
	struct err err;
	int code;

	kit_init(&r->kit, r->config, r->options->verbosity >= 2);
	r->kit.store_failed = on_store_failed;
	r->kit.who = r;
	if (!kit_open_spool(&r->kit, &found, &err)) {
		kit_fini(&r->kit);
		return refuse_start(r, &err);
	}
	report_found(&found, say_found, r);
	if (!command_has_work(r->config, r->kit.parts.spool, &err)) {
		kit_fini(&r->kit);
		return command_failed(&err);
	}
	begin(r);
	loop_run(r->kit.parts.loop);
	code = finish(r);
	return code;
}

int cmd_run(const struct options *o)
{
	struct run r = { .options = o };
	int code;

	notify_socket_open(&r.notify);
	r.config = command_config_as_owner(o, &code);
	if (!r.config)
		return code;
	command_log(o, r.config);
	code = run(&r);
	config_unref(r.config);
	notify_socket_close(&r.notify);
	return code;
}
