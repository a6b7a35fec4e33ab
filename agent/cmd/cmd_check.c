#include "cmd_check.h"
#include "check_send.h"
#include "check_view.h"
#include "command.h"
#include "limits.h"
#include "must.h"
#include "parts.h"
#include "pattern.h"
#include "probe.h"
#include "report.h"
#include "term.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AT_ONCE	   8u /* probes; hosts have limits of their own */
#define OUT_OCTETS (16u << 20)

struct check {
	const struct options *options;
	const struct config *config;
	struct kit kit;
	struct probe **probes; /* owned; those begun, deliveries first */
	size_t begun, over, told, all;
	struct pass *pass; /* dry run; NULL: none */
	const struct pass_account *next;
	size_t nnext;
	struct notices notices;
	json_t *sent; /* of --send; NULL: nothing */
	int sent_code;
	int ledger; /* exit code of what kept us from looking ahead, or 0 */
	int signum;
};

/* ---- who is looked at ---- */

static bool is_meant(const struct options *o, const struct config_account *a)
{
	for (size_t i = 0; i < o->nwords; i++)
		if (strcmp(o->words[i], a->name) == 0)
			return true;
	return o->nwords == 0 && a->enabled;
}

static void add_recipient(char ***list, size_t *n, const char *address)
{
	for (size_t i = 0; i < *n; i++)
		if (strcmp((*list)[i], address) == 0)
			return;
	*list = mem_grow(*list, (*n + 1) * sizeof(**list));
	(*list)[(*n)++] = mem_str(address);
}

/* Names a pattern stands for cannot be known before the server lists them. */
static void add_of_pattern(const struct config_account *a,
			   const struct config_folder *f, const char *pattern,
			   char ***list, size_t *n)
{
	bool plain = pattern_is_plain(view_of(pattern));
	char address[LIMIT_ADDRESS + 1];

	for (size_t i = 0; i < f->to.n; i++)
		if ((plain || !strstr(f->to.item[i], "{folder}")) &&
		    config_recipient(a, f->to.item[i], view_of(pattern),
				     address, sizeof(address)))
			add_recipient(list, n, address);
}

static bool delivers_to(const struct config_account *a,
			const struct config_delivery *d)
{
	for (size_t i = 0; i < a->n_blocks; i++)
		if (a->blocks[i].delivery == d)
			return true;
	return a->own.delivery == d;
}

/* Whom the configuration names; who else is found is not known before. */
static void add_of_multidrop(const struct config_account *a, char ***list,
			     size_t *n)
{
	const struct config_multidrop *d = a->multidrop;
	char address[LIMIT_ADDRESS + 1];

	for (size_t i = 0; i < d->n_map; i++)
		if (!strstr(d->map[i].to, "{folder}") &&
		    config_recipient(a, d->map[i].to, VIEW_NONE, address,
				     sizeof(address)))
			add_recipient(list, n, address);
	if (d->fallback && !strstr(d->fallback, "{folder}") &&
	    config_recipient(a, d->fallback, VIEW_NONE, address,
			     sizeof(address)))
		add_recipient(list, n, address);
}

static void add_of_account(const struct config_account *a,
			   const struct config_delivery *d, char ***list,
			   size_t *n)
{
	if (a->multidrop && delivers_to(a, d))
		add_of_multidrop(a, list, n);
	if (a->own.delivery == d && !a->folders.n)
		add_of_pattern(a, &a->own, "INBOX", list, n);
	for (size_t i = 0; a->own.delivery == d && i < a->folders.n; i++)
		if (!pattern_excludes(view_of(a->folders.item[i])))
			add_of_pattern(a, &a->own, a->folders.item[i], list, n);
	for (size_t i = 0; i < a->n_blocks; i++)
		if (a->blocks[i].delivery == d)
			add_of_pattern(a, &a->blocks[i], a->blocks[i].pattern,
				       list, n);
}

static bool is_named(const char *const *names, size_t n,
		     const struct config_account *a)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], a->name) == 0)
			return true;
	return n == 0 && a->enabled;
}

size_t check_recipients(const struct config *c, const struct config_delivery *d,
			const char *const *names, size_t n, char ***out)
{
	size_t count = 0;

	*out = NULL;
	for (size_t i = 0; i < c->n_accounts; i++)
		if (is_named(names, n, &c->accounts[i]))
			add_of_account(&c->accounts[i], d, out, &count);
	return count;
}

/* Of no interest to the accounts named: not looked at. */
static bool delivery_is_meant(const struct check *k,
			      const struct config_delivery *d)
{
	for (size_t i = 0; i < k->config->n_accounts; i++)
		if (delivers_to(&k->config->accounts[i], d) &&
		    is_meant(k->options, &k->config->accounts[i]))
			return true;
	return k->options->nwords == 0;
}

/* ---- probing ---- */

static void begin_more(struct check *k);

static void tell(struct check *k, const struct probe *p)
{
	struct text out, faults;

	if (options_has(k->options, OPTION_JSON))
		return;
	text_init(&out, OUT_OCTETS);
	text_init(&faults, OUT_OCTETS);
	check_view_text(p, term_has_colour(STDOUT_FILENO), &out);
	check_view_faults(p, &faults);
	(void)fputs(text_str(&out), stdout);
	(void)fflush(stdout);
	(void)fputs(text_str(&faults), stderr);
	text_fini(&out);
	text_fini(&faults);
}

static void on_probed(void *who, struct probe *p)
{
	struct check *k = who;

	(void)p;
	k->over++;
	/* in the order of the configuration, each as soon as it may be */
	while (k->told < k->begun && k->probes[k->told]->is_over)
		tell(k, k->probes[k->told++]);
	if (k->over == k->all)
		loop_stop(k->kit.parts.loop);
	else
		begin_more(k);
}

static struct probe *begin_delivery(struct check *k,
				    const struct config_delivery *d)
{
	struct probe *p;
	char **rcpts;
	size_t n = check_recipients(k->config, d, k->options->words,
				    k->options->nwords, &rcpts);

	p = probe_delivery(&k->kit.parts, d, (const char *const *)rcpts, n,
			   on_probed, k);
	for (size_t i = 0; i < n; i++)
		free(rcpts[i]);
	free(rcpts);
	return p;
}

/* The i-th of what is meant: deliveries, then accounts. */
static struct probe *begin_nth(struct check *k, size_t nth)
{
	const struct config *c = k->config;

	for (size_t i = 0; i < c->n_deliveries; i++)
		if (delivery_is_meant(k, &c->deliveries[i]) && nth-- == 0)
			return begin_delivery(k, &c->deliveries[i]);
	for (size_t i = 0; i < c->n_accounts; i++)
		if (is_meant(k->options, &c->accounts[i]) && nth-- == 0)
			return probe_source(&k->kit.parts, &c->accounts[i],
					    on_probed, k);
	must_failed("as many as were counted", __FILE__, __LINE__);
}

static void begin_more(struct check *k)
{
	while (k->begun < k->all && k->begun - k->over < AT_ONCE) {
		k->probes[k->begun] = begin_nth(k, k->begun);
		k->begun++;
	}
}

static void probe_all(struct check *k)
{
	for (size_t i = 0; i < k->config->n_deliveries; i++)
		k->all += delivery_is_meant(k, &k->config->deliveries[i]);
	for (size_t i = 0; i < k->config->n_accounts; i++)
		k->all += is_meant(k->options, &k->config->accounts[i]);
	k->probes = mem_new((k->all + 1) * sizeof(*k->probes));
	begin_more(k);
	if (k->all)
		loop_run(k->kit.parts.loop);
}

/* ---- what the next pass would do ---- */

static void on_changed(void *who, const struct pass_account *a)
{
	(void)who;
	(void)a;
}

static void on_delivery(void *who, const struct config_delivery *d,
			const struct err *err, bool is_new)
{
	(void)who;
	(void)d;
	(void)err;
	(void)is_new;
}

static void on_ended(void *who)
{
	struct check *k = who;

	loop_stop(k->kit.parts.loop);
}

static const struct pass_reports reports = { .changed = on_changed,
					     .delivery = on_delivery,
					     .ended = on_ended };

static void on_store_failed(void *who)
{
	struct check *k = who;

	if (k->pass)
		pass_store_failed(k->pass);
	notices_store_failed(&k->notices);
}

/* The accounts whose probe went well; names: borrowed, to be freed. */
static const char **good_names(const struct check *k, size_t *n)
{
	const char **names = mem_new((k->all + 1) * sizeof(*names));

	*n = 0;
	for (size_t i = 0; i < k->begun; i++)
		if (k->probes[i]->account &&
		    k->probes[i]->err.class == ERR_NONE)
			names[(*n)++] = k->probes[i]->account->name;
	return names;
}

/* Its probe found a fault; the dry run came across it again. */
static bool was_told(const struct check *k, const struct config_account *a)
{
	for (size_t i = 0; i < k->begun; i++)
		if (k->probes[i]->account == a)
			return probe_worst(k->probes[i]) != ERR_NONE;
	return false;
}

static void tell_next(const struct check *k)
{
	struct text out;

	if (options_has(k->options, OPTION_JSON))
		return;
	text_init(&out, OUT_OCTETS);
	check_view_next(k->next, k->nnext, &out);
	(void)fputs(text_str(&out), stdout);
	(void)fflush(stdout);
	text_clear(&out);
	for (size_t i = 0; i < k->nnext; i++) {
		if (k->next[i].err.class == ERR_NONE ||
		    was_told(k, k->next[i].config))
			continue;
		report_error(k->next[i].config->name, &k->next[i].err, &out);
		(void)text_puts(&out, "\n");
	}
	(void)fputs(text_str(&out), stderr);
	text_fini(&out);
}

/* That another process is at work is no fault; who asks it is told. */
static void no_ledger(struct check *k, const struct err *err)
{
	bool busy = err->class == ERR_BUSY && err->origin != ERR_FROM_SQLITE;

	if (!busy)
		(void)fputs("what the next fetch has cannot be said:\n",
			    stderr);
	if (!busy)
		k->ledger = command_failed(err);
	else if (!options_has(k->options, OPTION_JSON))
		(void)printf("what the next pass has is not looked at: %s; "
			     "mailhaul fetch --dry-run asks a running "
			     "mailhaul\n",
			     err->what);
}

/* Needs the ledger; where somebody else holds it, that is left out. */
static void look_ahead(struct check *k)
{
	struct pass_options o = { .dry_run = true };
	struct spool_found found;
	struct err err;
	const char **names = good_names(k, &o.n_names);

	o.names = names;
	if (o.n_names == 0) {
		free(names);
		return;
	}
	if (!kit_open_spool(&k->kit, &found, &err)) {
		no_ledger(k, &err);
		free(names);
		return;
	}
	if (found.volatile_dir && !options_has(k->options, OPTION_JSON))
		(void)printf("warning: the state directory %s is on a tmpfs: "
			     "what is known of the mail is lost with the next "
			     "boot, and all is fetched again\n",
			     k->config->state_dir);
	k->pass = pass_start(&k->kit.parts, &o, &reports, k);
	k->next = pass_accounts(k->pass, &k->nnext);
	loop_run(k->kit.parts.loop);
	tell_next(k);
	free(names);
}

/* ---- --send ---- */

/* The first whom its mail goes to. */
static void add_test(const struct check *k, struct check_send *s,
		     const struct config_delivery *d)
{
	char **rcpts;
	size_t n = check_recipients(k->config, d, k->options->words,
				    k->options->nwords, &rcpts);

	check_send_add(s, d, n ? rcpts[0] : NULL);
	for (size_t i = 0; i < n; i++)
		free(rcpts[i]);
	free(rcpts);
}

static void send_tests(struct check *k)
{
	struct check_send s = { .notices = &k->notices,
				.told = json_array(),
				.json = options_has(k->options, OPTION_JSON) };
	struct spool_found found;
	struct err err;

	k->sent = s.told;
	if (k->ledger)
		return;
	if (!k->kit.parts.spool && !kit_open_spool(&k->kit, &found, &err)) {
		(void)fputs("no test message can be sent:\n", stderr);
		k->sent_code = command_failed(&err);
		return;
	}
	k->notices.reports = &reports;
	k->notices.who = k;
	for (size_t i = 0; i < k->config->n_deliveries; i++)
		if (delivery_is_meant(k, &k->config->deliveries[i]))
			add_test(k, &s, &k->config->deliveries[i]);
	if (!k->options->nwords)
		check_send_notify(&s);
	k->sent_code = check_send_run(&s);
	if (notices_is_clean(&k->notices))
		check_send_fini(&s);
}

/* ---- the end ---- */

static const struct pass_account *next_of(const struct check *k,
					  const struct probe *p)
{
	for (size_t i = 0; i < k->nnext; i++)
		if (k->next[i].config == p->account)
			return &k->next[i];
	return NULL;
}

static int verdict(const struct check *k)
{
	int code = err_worse(k->ledger, k->sent_code);

	for (size_t i = 0; i < k->begun; i++)
		code = err_worse(code, err_exit(probe_worst(k->probes[i])));
	for (size_t i = 0; i < k->nnext; i++)
		code = err_worse(code, err_exit(k->next[i].err.class));
	return k->signum ? 128 + k->signum : code;
}

static void print_json(const struct check *k, int code)
{
	json_t *accounts = json_array(), *deliveries = json_array();

	for (size_t i = 0; i < k->begun; i++) {
		const struct probe *p = k->probes[i];

		(void)json_array_append_new(p->account ? accounts : deliveries,
					    check_view_json(p, next_of(k, p)));
	}
	(void)command_print_json(json_pack("{s:s, s:o, s:o, s:O*, s:i}", "file",
					   k->config->file, "accounts",
					   accounts, "deliveries", deliveries,
					   "sent", k->sent, "exit", code));
}

/* Nothing is under way that a second run would miss. */
static void on_signal(void *who, int signum)
{
	struct check *k = who;

	if (!k->pass || k->signum)
		_exit(128 + signum);
	k->signum = signum;
	pass_stop(k->pass);
	notices_stop(&k->notices);
}

static int online(const struct options *o, const struct config *c)
{
	struct check k = { .options = o, .config = c };
	int code;

	kit_init(&k.kit, c, o->verbosity >= 2);
	k.notices.kit = &k.kit;
	k.kit.store_failed = on_store_failed;
	k.kit.who = &k;
	loop_signal(k.kit.parts.loop, SIGINT, on_signal, &k);
	loop_signal(k.kit.parts.loop, SIGTERM, on_signal, &k);
	probe_all(&k);
	look_ahead(&k);
	if (options_has(o, OPTION_SEND) && !k.signum)
		send_tests(&k);
	code = verdict(&k);
	if (options_has(o, OPTION_JSON))
		print_json(&k, code);
	for (size_t i = 0; i < k.begun; i++)
		probe_free(k.probes[i]);
	free(k.probes);
	json_decref(k.sent);
	if (!notices_is_clean(&k.notices))
		_exit(code);
	kit_close_spool(&k.kit);
	pass_free(k.pass);
	notices_fini(&k.notices);
	k.pass = NULL;
	kit_fini(&k.kit);
	return command_flush() ? code : err_worse(code, err_exit(ERR_DISK));
}

static int effective(const struct options *o, const struct config *c)
{
	struct text out;

	if (options_has(o, OPTION_JSON)) {
		(void)command_print_json(
			check_view_effective_json(c, o->words, o->nwords));
	} else {
		text_init(&out, OUT_OCTETS);
		check_view_effective(c, o->words, o->nwords, &out);
		(void)fputs(text_str(&out), stdout);
		text_fini(&out);
	}
	return command_flush() ? 0 : err_exit(ERR_DISK);
}

static int offline(const struct options *o, const struct config *c)
{
	if (options_has(o, OPTION_JSON))
		(void)command_print_json(
			json_pack("{s:s, s:i, s:i, s:i}", "file", c->file,
				  "accounts", (int)c->n_accounts, "deliveries",
				  (int)c->n_deliveries, "exit", 0));
	else
		(void)printf("%s: ok: %zu account%s, %zu deliver%s\n", c->file,
			     c->n_accounts, c->n_accounts == 1 ? "" : "s",
			     c->n_deliveries,
			     c->n_deliveries == 1 ? "y" : "ies");
	return command_flush() ? 0 : err_exit(ERR_DISK);
}

/* No account: a delivery alone can be looked at all the same. */
static int look_at_rest(const struct options *o, const struct config *c,
			const struct err *err)
{
	int code = command_failed(err);

	if (c->n_deliveries)
		return options_has(o, OPTION_OFFLINE) ? offline(o, c)
						      : online(o, c);
	if (options_has(o, OPTION_JSON))
		(void)command_print_json(json_pack("{s:s, s:[], s:[], s:i}",
						   "file", c->file, "accounts",
						   "deliveries", "exit", code));
	return code;
}

int cmd_check(const struct options *o)
{
	struct config *c;
	struct err err;
	int code;

	if (options_has(o, OPTION_SEND) && (options_has(o, OPTION_OFFLINE) ||
					    options_has(o, OPTION_EFFECTIVE))) {
		(void)fprintf(stderr, "mailhaul: --send needs the network: "
				      "leave out --offline and --effective\n");
		return 64;
	}
	c = command_config_as_owner(o, &code);
	if (!c)
		return code;
	if (!command_accounts(c, o->words, o->nwords))
		code = 64;
	else if (options_has(o, OPTION_EFFECTIVE))
		code = effective(o, c);
	else if (!command_has_work(c, NULL, &err))
		code = look_at_rest(o, c, &err);
	else if (options_has(o, OPTION_OFFLINE))
		code = offline(o, c);
	else
		code = online(o, c);
	config_unref(c);
	return code;
}
