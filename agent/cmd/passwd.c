#include "passwd.h"
#include "credential.h"
#include "limits.h"
#include "must.h"
#include "provider.h"
#include "text.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#define QUESTION_OCTETS 1000u

static const struct config_secret *secret_of(const struct passwd_target *t)
{
	return t->account ? &t->account->secret : &t->delivery->secret;
}

static bool lies_elsewhere(const struct passwd_target *t, struct err *err)
{
	const struct config_secret *s = secret_of(t);
	const char *file = t->account ? t->account->file : t->delivery->file;
	unsigned line = t->account ? t->account->line : t->delivery->line;

	switch (s->kind) {
	case CONFIG_SECRET_NONE:
		return err_set(err, ERR_CONFIG,
			       "delivery \"%s\" has no user, and needs no "
			       "secret",
			       t->delivery->name);
	case CONFIG_SECRET_PASSWORD:
		(void)err_set(err, ERR_CONFIG,
			      "the password is written in %.120s, in the "
			      "section of line %u",
			      file, line);
		return err_remedy(err, "change it there, or take it out first");
	case CONFIG_SECRET_COMMAND:
		(void)err_set(err, ERR_CONFIG,
			      "the secret comes from a password_command, in "
			      "%.120s, section of line %u",
			      file, line);
		return err_remedy(err, "change it where that command finds it");
	case CONFIG_SECRET_CREDENTIAL:
		break;
	}
	if (s->credential[0] != '/')
		return false;
	(void)err_set(err, ERR_CONFIG, "the secret is the file %.150s",
		      s->credential);
	return err_remedy(err, "write it there");
}

static bool names(const struct config_secret *s, const char *name)
{
	return s->kind == CONFIG_SECRET_CREDENTIAL &&
	       strcmp(s->credential, name) == 0;
}

/* One that signs in with the credential of that name. */
static void find_user(const struct config *c, const char *name,
		      struct passwd_target *out)
{
	for (size_t i = 0; i < c->n_accounts && !out->account; i++)
		if (names(&c->accounts[i].secret, name))
			out->account = &c->accounts[i];
	for (size_t i = 0; i < c->n_deliveries && !out->account; i++)
		if (names(&c->deliveries[i].secret, name))
			out->delivery = &c->deliveries[i];
}

static enum mech auth_of(const struct passwd_target *t)
{
	return t->account ? t->account->auth : t->delivery->auth;
}

/* Two ways of signing in have no secret that could be asked for. */
static bool needs_none(const struct passwd_target *t, struct err *err)
{
	const char *name = t->account ? t->account->name : t->delivery->name;
	bool external = auth_of(t) == MECH_EXTERNAL;

	if (!external && auth_of(t) != MECH_GSSAPI)
		return false;
	(void)err_set(err, ERR_CONFIG,
		      "%.64s signs in with auth = \"%s\", which takes no "
		      "password",
		      name, external ? "external" : "gssapi");
	(void)err_remedy(err, external ? "it is known by client_cert and "
					 "client_key: mailhaul check tries them"
				       : "it is known by a Kerberos ticket: "
					 "kinit, then mailhaul check");
	return true;
}

bool passwd_find(const struct config *c, const char *name,
		 struct passwd_target *out, struct err *err)
{
	*out = (struct passwd_target){ 0 };
	out->account = config_account(c, view_of(name));
	if (!out->account)
		out->delivery = config_delivery(c, view_of(name));
	if (!out->account && !out->delivery)
		find_user(c, name, out);
	if (!out->account && !out->delivery) {
		(void)err_set(err, ERR_CONFIG,
			      "there is no account or delivery \"%.64s\"",
			      name);
		return err_remedy(err, "write its section into %.150s first",
				  c->file);
	}
	if (needs_none(out, err))
		return false;
	err->class = ERR_NONE;
	if (secret_of(out)->kind != CONFIG_SECRET_CREDENTIAL ||
	    secret_of(out)->credential[0] == '/')
		return lies_elsewhere(out, err);
	out->credential = secret_of(out)->credential;
	return true;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int signum)
{
	interrupted = signum;
}

static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define WATCHED (sizeof(watched) / sizeof(watched[0]))

/* What is to be put back when the question is over. */
struct before {
	struct sigaction action[WATCHED];
	sigset_t mask;
};

/*
 * Signals end the wait for input instead of leaving the terminal without echo.
 * They are blocked but for that wait, so that none comes just before it.
 */
static void watch_signals(struct before *before)
{
	struct sigaction act = { .sa_handler = on_signal };
	sigset_t block;

	interrupted = 0;
	(void)sigemptyset(&block);
	for (size_t i = 0; i < WATCHED; i++)
		(void)sigaddset(&block, watched[i]);
	(void)sigprocmask(SIG_BLOCK, &block, &before->mask);
	for (size_t i = 0; i < WATCHED; i++)
		(void)sigaction(watched[i], &act, &before->action[i]);
}

static void restore_signals(const struct before *before)
{
	for (size_t i = 0; i < WATCHED; i++)
		(void)sigaction(watched[i], &before->action[i], NULL);
	(void)sigprocmask(SIG_SETMASK, &before->mask, NULL);
}

/* mask: of signals, while there is nothing to read; NULL: as it is. */
static ssize_t read_octet(int fd, const sigset_t *mask, char *c)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t got = -1;

	do
		if (ppoll(&p, 1, NULL, mask) > 0)
			got = read(fd, c, 1);
	while (got < 0 && errno == EINTR && !interrupted);
	return got;
}

/* Up to a newline or the end; octet by octet, since a pipe may hold more. */
static bool read_line(int fd, const sigset_t *mask, char *line, size_t cap,
		      size_t *n, struct err *err)
{
	char c = 0;
	ssize_t got;

	for (*n = 0; c != '\n'; line[(*n)++] = c) {
		if (*n == cap)
			return err_set(err, ERR_CONFIG,
				       "the secret is too long");
		got = read_octet(fd, mask, &c);
		if (got < 0 && interrupted)
			return err_set(err, ERR_CANCELLED, "interrupted");
		if (got < 0)
			return err_errno(err, errno, "reading the secret");
		if (got == 0)
			break;
	}
	return true;
}

static bool read_secret(int fd, const sigset_t *mask, struct secret *out,
			struct err *err)
{
	size_t cap = LIMIT_SECRET_OCTETS + 2, n;
	char *line = mem_new(cap);
	bool ok = read_line(fd, mask, line, cap, &n, err) &&
		  credential_take((struct view){ line, n },
				  "nothing was stored", out, err);

	secret_wipe(line, cap);
	free(line);
	return ok;
}

static void say(int fd, const char *words)
{
	(void)!write(fd, words, strlen(words));
}

static bool ask_quietly(int fd, const struct termios *shown,
			const char *question, struct secret *out,
			struct err *err)
{
	struct before before;
	struct termios quiet = *shown;
	bool ok;

	quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	watch_signals(&before);
	if (tcsetattr(fd, TCSAFLUSH, &quiet) != 0) {
		restore_signals(&before);
		return err_errno(err, errno, "the terminal");
	}
	say(fd, question);
	ok = read_secret(fd, &before.mask, out, err);
	(void)tcsetattr(fd, TCSADRAIN, shown);
	restore_signals(&before);
	say(fd, "\n");
	return ok;
}

bool passwd_ask(int fd, const char *question, struct secret *out,
		struct err *err)
{
	struct termios shown;

	interrupted = 0;
	if (tcgetattr(fd, &shown) != 0)
		return read_secret(fd, NULL, out, err);
	return ask_quietly(fd, &shown, question, out, err);
}

/* "Secret of gmx (me@gmx.de at imap.gmx.net): ", after what kind it wants. */
static void put_question(const struct passwd_target *t, struct text *out)
{
	const struct config_server *server =
		t->account ? &t->account->server : &t->delivery->server;
	const char *user = t->account ? t->account->user : t->delivery->user;
	const struct provider *p = t->account ? t->account->builtin : NULL;

	bool token =
		auth_of(t) == MECH_XOAUTH2 || auth_of(t) == MECH_OAUTHBEARER;

	if (p && p->password)
		(void)text_fmt(out, "%s wants %s.\n", p->title, p->password);
	if (p && p->note)
		(void)text_fmt(out, "Remember: %s.\n", p->note);
	if (token)
		(void)text_puts(out, "It signs in with an OAuth 2 access "
				     "token, not with a password. One that is "
				     "stored here expires, mostly within the "
				     "hour; password_command can ask for a "
				     "new one each time.\n");
	(void)text_fmt(out, "%s of %s (", token ? "Access token" : "Secret",
		       t->account ? t->account->name : t->delivery->name);
	(void)text_printable(out, view_of(user), 100);
	(void)text_fmt(out, " at %.100s), not shown: ", server->host);
}

/* What to do about a certificate or a name that is wrong stays told. */
static void put_outcome(struct err *tried, bool stored)
{
	const struct err told = *tried;
	bool refused = told.class == ERR_AUTH;

	(void)err_remedy(tried, "%s%s%s",
			 refused ? "check user and secret" : told.remedy,
			 refused || told.remedy[0] ? "; " : "",
			 stored	   ? "it was stored all the same"
			 : refused ? "nothing was stored"
				   : "nothing was stored; --yes stores it "
				     "untried");
}

bool passwd_change(const struct config *c, const struct passwd_target *t,
		   int fd, bool untried_too, passwd_try *try, void *who,
		   struct err *tried, struct err *err)
{
	struct safefile_owner owner = credential_owner_of(c->state_dir);
	struct secret secret = { 0 };
	struct text question;
	bool ok;

	*tried = (struct err){ 0 };
	text_init(&question, QUESTION_OCTETS);
	put_question(t, &question);
	ok = passwd_ask(fd, text_str(&question), &secret, err);
	text_fini(&question);
	if (ok && !try(who, t, &secret, tried)) {
		ok = untried_too;
		put_outcome(tried, untried_too);
		if (!ok)
			*err = *tried;
	}
	ok = ok &&
	     credential_store(c->dir, t->credential, &owner, &secret, err);
	secret_fini(&secret);
	return ok;
}
