#include "cmd_passwd.h"
#include "ask.h"
#include "command.h"
#include "must.h"
#include "parts.h"
#include "passwd.h"
#include "probe.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

struct trial {
	struct config *config;
	bool trace; /* -vv */
	struct loop *loop;
};

static void on_probed(void *who, struct probe *p)
{
	(void)p;
	loop_stop(((struct trial *)who)->loop);
}

/* The section as it is, but with the secret that is tried. */
static void put_secret(struct config *c, const struct passwd_target *t,
		       const struct secret *secret)
{
	struct config_secret *s = NULL;

	for (size_t i = 0; i < c->n_accounts; i++)
		if (&c->accounts[i] == t->account)
			s = &c->accounts[i].secret;
	for (size_t i = 0; i < c->n_deliveries; i++)
		if (&c->deliveries[i] == t->delivery)
			s = &c->deliveries[i].secret;
	MUST(s);
	s->kind = CONFIG_SECRET_PASSWORD;
	secret_set(&s->password, secret_view(secret));
}

/* Signed in is enough: folders and recipients are the business of `check`. */
static bool sign_in(struct trial *trial, const struct passwd_target *t,
		    struct err *err)
{
	struct kit kit;
	struct probe *p;
	bool ok;

	kit_init(&kit, trial->config, trial->trace);
	trial->loop = kit.parts.loop;
	if (t->account)
		p = probe_source(&kit.parts, t->account, on_probed, trial);
	else
		p = probe_delivery(&kit.parts, t->delivery, NULL, 0, on_probed,
				   trial);
	loop_run(kit.parts.loop);
	ok = p->signed_in;
	if (!ok)
		*err = p->err;
	probe_free(p);
	kit_fini(&kit);
	return ok;
}

/*
 * In a process of its own, which becomes the owner of the state directory as
 * `fetch` does, while this one keeps the right to write secrets.d; and whose
 * tree may be changed, being its own.
 */
_Noreturn static void child(struct trial *trial, const struct passwd_target *t,
			    const struct secret *secret, int out)
{
	struct err err = { 0 };
	bool ok = process_become_owner(trial->config->state_dir, &err);

	put_secret(trial->config, t, secret);
	ok = ok && sign_in(trial, t, &err);
	if (ok)
		err = (struct err){ 0 };
	_exit(write(out, &err, sizeof(err)) == sizeof(err) ? 0 : 1);
}

static bool read_verdict(int fd, struct err *err)
{
	struct err got = { 0 };
	size_t n = 0;
	ssize_t more = 1;

	while (more > 0 && n < sizeof(got)) {
		more = read(fd, (char *)&got + n, sizeof(got) - n);
		if (more < 0 && errno == EINTR)
			more = 1;
		else if (more > 0)
			n += (size_t)more;
	}
	if (n < sizeof(got))
		return err_set(err, ERR_BUG, "the trial ended without a word");
	if (got.class == ERR_NONE)
		return true;
	*err = got;
	return false;
}

static bool try_it(void *who, const struct passwd_target *t,
		   const struct secret *secret, struct err *err)
{
	int ends[2];
	pid_t pid;
	bool ok;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return err_errno(err, errno, "trying the secret");
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(who, t, secret, ends[1]);
	(void)close(ends[1]);
	if (pid < 0) {
		(void)close(ends[0]);
		return err_errno(err, errno, "trying the secret");
	}
	ok = read_verdict(ends[0], err);
	(void)close(ends[0]);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return ok;
}

/* A running `run` need not wait for the end of its backoff. */
static void tell_running(const struct config *c, const char *name)
{
	json_t *request, *answer;
	struct err err;

	if (!ask_is_held(c->state_dir))
		return;
	request = json_pack("{s:s, s:s}", "ask", "poll", "name", name);
	answer = ask(c->state_dir, request, &err);
	json_decref(answer);
	json_decref(request);
}

static int change(struct trial *trial, const struct options *o)
{
	struct passwd_target t;
	struct err err, tried;
	int code;

	if (!passwd_find(trial->config, o->words[0], &t, &err)) {
		code = command_failed(&err);
		return t.account || t.delivery ? code : 64;
	}
	if (!passwd_change(trial->config, &t, STDIN_FILENO,
			   options_has(o, OPTION_YES), try_it, trial, &tried,
			   &err)) {
		code = command_failed(&err);
		return err.class == ERR_CANCELLED ? 130 : code;
	}
	if (tried.class != ERR_NONE)
		(void)command_failed(&tried);
	tell_running(trial->config, o->words[0]);
	if (o->verbosity >= 0 && isatty(STDIN_FILENO))
		(void)fprintf(stderr, "stored in %s/secrets.d/%s\n",
			      trial->config->dir, t.credential);
	return 0;
}

int cmd_passwd(const struct options *o)
{
	struct trial trial = { .config = command_config(o),
			       .trace = o->verbosity >= 2 };
	int code;

	if (!trial.config)
		return err_exit(ERR_CONFIG);
	code = change(&trial, o);
	config_unref(trial.config);
	return code;
}
