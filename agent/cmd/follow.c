#include "follow.h"
#include "ask.h"
#include "control.h"
#include "must.h"
#include "pass_lines.h"
#include "talk.h"

#include <stdlib.h>

struct follow {
	const struct config *config;
	const struct pass_options *options;
	const struct follow_reports *reports;
	void *who;
	struct talk *talk; /* NULL: over */
	struct timer patience;
	struct pass_account *accounts; /* owned */
	struct config_account *names;  /* owned, each with its name */
	struct config_delivery delivery;
	size_t n;
	struct err failure;
	int code;
	bool begun, turned_away;
};

static void end(struct follow *f)
{
	if (!f->talk)
		return;
	timer_stop(&f->patience);
	talk_close(f->talk);
	f->talk = NULL;
	f->reports->pass->ended(f->who);
}

static void fail(struct follow *f, const struct err *err)
{
	f->failure = *err;
	f->code = err_exit(err->class);
	end(f);
}

static void misunderstood(struct follow *f)
{
	struct err err;

	(void)err_set(&err, ERR_BUSY,
		      "the running mailhaul speaks another language");
	(void)err_remedy(&err, "is it another version? restart it");
	fail(f, &err);
}

/* ---- the answer ---- */

/* What the command's own file says of it, or a name alone. */
static void set_account(struct follow *f, size_t i, const char *name)
{
	const struct config_account *a =
		config_account(f->config, view_of(name));

	if (a)
		f->names[i] = *a;
	f->names[i].name = mem_str(name);
	f->accounts[i].config = &f->names[i];
}

static void take_answer(struct follow *f, const json_t *line)
{
	const json_t *answer = json_object_get(line, "answer"), *list;
	struct err err;

	if (!pass_flag(line, "ok")) {
		pass_read_err(line, &err);
		fail(f, &err);
		return;
	}
	if (!pass_flag(answer, "pass")) {
		f->turned_away = true;
		f->code = err_exit(ERR_BUSY);
		end(f);
		return;
	}
	list = json_object_get(answer, "accounts");
	f->n = json_array_size(list);
	f->accounts = mem_new((f->n + 1) * sizeof(*f->accounts));
	f->names = mem_new((f->n + 1) * sizeof(*f->names));
	for (size_t i = 0; i < f->n; i++) {
		const char *name = json_string_value(json_array_get(list, i));

		set_account(f, i, name ? name : "");
	}
	f->begun = true;
	timer_stop(&f->patience);
	f->reports->begun(f->who);
}

/* ---- what follows ---- */

static void take_judged(struct follow *f, const json_t *line, size_t at)
{
	struct pass_judged j;

	if (at >= f->n || !f->reports->pass->judged)
		return;
	pass_read_judged(line, &j);
	f->reports->pass->judged(f->who, &f->accounts[at], &j);
}

static void take_delivery(struct follow *f, const json_t *line)
{
	const json_t *of = json_object_get(line, "err");
	struct err err;

	f->delivery.name = mem_str(pass_string(line, "delivery"));
	pass_read_err(of, &err);
	if (f->delivery.name)
		f->reports->pass->delivery(f->who, &f->delivery,
					   json_is_object(of) ? &err : NULL,
					   pass_flag(line, "new"));
	free(f->delivery.name);
	f->delivery.name = NULL;
}

static void take_question(struct follow *f, const json_t *line, size_t at)
{
	const char *folder = pass_string(line, "folder");

	if (at >= f->n)
		return;
	if (f->reports->pass->ask)
		f->reports->pass->ask(f->who, &f->accounts[at],
				      folder ? folder : "",
				      pass_number(line, "messages"),
				      pass_number(line, "octets"));
	else
		follow_answer(f, &f->accounts[at], CHOICE_NOT_NOW);
}

static void take_end(struct follow *f, const json_t *line)
{
	const struct pass_again *g = &f->options->again;
	const json_t *found = json_object_get(line, "found");

	f->code = (int)pass_number(line, "ended");
	pass_read_err(json_object_get(line, "failure"), &f->failure);
	if (g->has_folder)
		*g->has_folder = pass_flag(line, "has_folder");
	for (size_t i = 0; i < g->n_uids; i++)
		g->found[i] = json_is_true(json_array_get(found, i));
	end(f);
}

static void on_line(void *who, const json_t *line)
{
	struct follow *f = who;

	if (!f->begun) {
		take_answer(f, line);
	} else if (json_object_get(line, "account")) {
		size_t at = (size_t)pass_number(line, "account");

		if (at >= f->n)
			return;
		pass_read_account(line, &f->accounts[at]);
		f->reports->pass->changed(f->who, &f->accounts[at]);
	} else if (json_object_get(line, "judged")) {
		take_judged(f, line, (size_t)pass_number(line, "judged"));
	} else if (json_object_get(line, "delivery")) {
		take_delivery(f, line);
	} else if (json_object_get(line, "question")) {
		take_question(f, line, (size_t)pass_number(line, "question"));
	} else if (json_object_get(line, "ended")) {
		take_end(f, line);
	} else {
		misunderstood(f);
	}
}

static void on_gone(void *who)
{
	struct follow *f = who;
	struct err err;

	(void)err_set(&err, ERR_BUSY,
		      "the running mailhaul has gone before this was over");
	(void)err_remedy(&err, "nothing is lost: what was begun is taken up by "
			       "the next fetch or run; look why it ended");
	fail(f, &err);
}

static void on_patience_over(void *who)
{
	struct follow *f = who;
	struct err err;

	(void)err_set(&err, ERR_BUSY,
		      "the process that holds the state directory does not "
		      "answer");
	fail(f, &err);
}

static const struct talk_reports talk_reports = {
	.line = on_line,
	.gone = on_gone,
};

struct follow *follow_start(struct loop *l, const struct config *c,
			    const struct pass_options *o, bool judged,
			    const struct follow_reports *r, void *who)
{
	int fd = ask_connect(c->state_dir);
	struct follow *f;

	if (fd < 0)
		return NULL;
	f = mem_new(sizeof(*f));
	f->config = c;
	f->options = o;
	f->reports = r;
	f->who = who;
	timer_init(&f->patience, l, on_patience_over, f);
	timer_start(&f->patience, FOLLOW_PATIENCE_MS);
	f->talk = talk_new(l, fd, CONTROL_STALL_MS, &talk_reports, f);
	talk_say(f->talk, pass_request_line(o, r->pass->ask != NULL, judged));
	return f;
}

bool follow_is_turned_away(const struct follow *f)
{
	return f->turned_away;
}

const struct pass_account *follow_accounts(const struct follow *f, size_t *n)
{
	*n = f->n;
	return f->accounts;
}

void follow_answer(struct follow *f, struct pass_account *a, enum pass_choice c)
{
	if (f->talk)
		talk_say(f->talk, json_pack("{s:I, s:i}", "answer",
					    (json_int_t)(a - f->accounts),
					    "choice", (int)c));
}

const struct err *follow_failure(const struct follow *f)
{
	return &f->failure;
}

int follow_exit(const struct follow *f)
{
	return f->code;
}

void follow_free(struct follow *f)
{
	if (!f)
		return;
	timer_stop(&f->patience);
	if (f->talk)
		talk_cut(f->talk);
	for (size_t i = 0; i < f->n; i++)
		free(f->names[i].name);
	free(f->names);
	free(f->accounts);
	free(f);
}
