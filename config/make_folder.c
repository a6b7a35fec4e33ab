#include "make_folder.h"
#include "form.h"
#include "limits.h"
#include "must.h"
#include "pattern.h"

#include <stdio.h>
#include <stdlib.h>

/* A name that is used twice is a fault of its own. */
static bool all_are_one(const struct config *c)
{
	for (size_t i = 1; i < c->n_deliveries; i++)
		if (strcmp(c->deliveries[0].name, c->deliveries[i].name) != 0)
			return false;
	return true;
}

static struct config_delivery *the_only_one(struct making *m,
					    const struct resolved *r)
{
	struct config *c = m->c;

	if (c->n_deliveries && all_are_one(c))
		return &c->deliveries[0];
	if (m->unread->files || m->unread->titles.n)
		return NULL;
	if (c->n_deliveries == 0)
		make_fault(m, r, NULL,
			   "there is no delivery: delivery \"home\" { server = "
			   "\"smtp://localhost\" to = \"me@example.org\" }");
	else
		make_fault(m, r, NULL,
			   "delivery is missing: there are several, \"%s\" and "
			   "\"%s\" for example",
			   c->deliveries[0].name, c->deliveries[1].name);
	return NULL;
}

static const struct config_delivery *delivery(struct making *m,
					      const struct resolved *r)
{
	const struct section *s;

	if (!r->by[SET_DELIVERY])
		return the_only_one(m, r);
	if (!r->by[SET_DELIVERY]->ok)
		return NULL;
	s = make_find(m, r, SET_DELIVERY, SECTION_DELIVERY);
	return s ? config_delivery(m->c, view_of(s->title)) : NULL;
}

/* Filled in, it must be an address; without @ only on this machine. */
void make_folder_recipient(struct making *m, const struct resolved *r,
			   const struct config_account *a,
			   const struct config_delivery *d, enum setting_id id,
			   const struct written *w, const char *template)
{
	const char *name = setting_table[id].name;
	char out[LIMIT_ADDRESS + 1];

	if (!a->user || !d)
		return;
	if (!config_recipient(a, template, VIEW_LIT("INBOX"), out,
			      sizeof(out))) {
		make_fault(m, r, w,
			   "%s: \"%s\" is no mail address once it is filled in",
			   name, template);
	} else if (!d->server.is_loopback && !form_is_mail(view_of(out))) {
		make_fault(m, r, w,
			   "%s: \"%s\" has no @ and a domain, which only a "
			   "server on this machine can do without",
			   name, out);
	}
}

/* Where a maildir is one folder for all, nobody needs an address. */
static bool needs_no_recipient(const struct config_delivery *d)
{
	return d->server.scheme == CONFIG_MAILDIR &&
	       !strstr(d->server.path, "%u");
}

static const struct written *recipients(struct making *m,
					const struct resolved *r,
					const struct config_account *a,
					struct config_folder *f)
{
	const struct written *w = r->by[SET_TO];
	const struct section *s;

	if (a->multidrop && resolved_is_own(r, SET_TO))
		make_fault(m, r, w,
			   "multidrop excludes `to`: who a message is for "
			   "stands in its header");
	if (!f->delivery || a->multidrop)
		return w;
	s = sections_find(m->written, SECTION_DELIVERY, f->delivery->name);
	if (!w)
		w = s->set[SET_TO];
	if (w && w->ok)
		config_list_copy(&f->to, &w->value.list);
	else if (!w && needs_no_recipient(f->delivery))
		config_list_add(&f->to, VIEW_LIT("{account}"));
	else if (!w)
		make_fault(m, r, NULL,
			   "to is missing, here and in delivery \"%s\"",
			   f->delivery->name);
	for (size_t i = 0; i < f->to.n; i++)
		make_folder_recipient(m, r, a, f->delivery, SET_TO, w,
				      f->to.item[i]);
	return w;
}

const struct written *make_folder(struct making *m, const struct resolved *r,
				  const struct config_account *a,
				  struct config_folder *f)
{
	f->delivery = delivery(m, r);
	f->first_run = (enum config_first_run)resolved_choice(r, SET_FIRST_RUN);
	f->first_run_age_ms = resolved_number(r, SET_FIRST_RUN);
	f->keep = (enum config_keep)resolved_choice(r, SET_KEEP);
	f->keep_after_ms = resolved_number(r, SET_KEEP);
	f->mark_seen = resolved_choice(r, SET_MARK_SEEN);
	f->move_to = mem_str(resolved_string(r, SET_MOVE_TO));
	f->max_size_octets = resolved_number(r, SET_MAX_SIZE);
	return recipients(m, r, a, f);
}

void make_folder_to(struct config_effectives *e, const struct resolved *r,
		    const struct config_account *a,
		    const struct config_folder *f, const struct written *to)
{
	char name[100];

	(void)snprintf(name, sizeof(name), "\"%.64s\"",
		       f->delivery ? f->delivery->name : "");
	effective_add(e, r, SET_DELIVERY, name, NULL);
	if (a->multidrop)
		return;
	effective_add(e, r, SET_TO,
		      to && to->ok ? to->value.text : "\"{account}\"", to);
}

/* --- moving ---------------------------------------------------------------
 */

/* Also where the server's delimiter is another one than is thought. */
static bool is_fetched(const struct config_account *a, const char *name)
{
	struct config_mailbox m = { .name = view_of(name), .delimiter = '/' };

	if (!config_folder_for(a, &m))
		return false;
	m.delimiter = '.';
	return config_folder_for(a, &m) != NULL;
}

/* Mail that is moved must be there to be moved, and must not come back. */
static void check_move(struct making *m, const struct resolved *r,
		       const struct config_account *a,
		       const struct config_folder *f)
{
	bool own_keep = resolved_is_own(r, SET_KEEP);
	bool own_move = resolved_is_own(r, SET_MOVE_TO);
	const struct written *w = r->by[SET_MOVE_TO];

	/* what a block inherits was looked at before it */
	if (!f->move_to || (f->pattern && !own_keep && !own_move))
		return;
	if (f->keep == CONFIG_KEEP_NO)
		make_fault(m, r, own_move ? w : r->by[SET_KEEP],
			   "move_to excludes keep = no: write keep = yes, or "
			   "how long after delivery it is deleted there, such "
			   "as keep = 14d");
	if ((own_move || !f->pattern) && is_fetched(a, f->move_to))
		make_fault(m, r, w,
			   "move_to: \"%s\" is fetched itself: leave it out, "
			   "\"!%s\" in `folders`",
			   f->move_to, f->move_to);
}

/* --- blocks ------------------------------------------------------------- */

static void effective(const struct resolved *r, const struct config_account *a,
		      struct config_folder *f, const struct written *to)
{
	make_folder_to(&f->effective, r, a, f, to);
	for (unsigned id = 0; id < SETTINGS; id++) {
		const struct setting *s = &setting_table[id];

		if (id == SET_DELIVERY || id == SET_TO ||
		    !setting_fits((enum setting_id)id, SECTION_FOLDER) ||
		    (s->later && !s->later_word))
			continue;
		effective_add(&f->effective, r, (enum setting_id)id, NULL,
			      NULL);
	}
}

static void check_pattern(struct making *m, const struct section *s,
			  const struct config_account *a)
{
	struct view v = view_of(s->title);
	const char *why;

	if (pattern_excludes(v))
		fault_add(m->faults, s->at, s->label,
			  "a folder { } takes mail; write what is left out in "
			  "`folders`");
	else if (!pattern_is_valid(v, &why))
		fault_add(m->faults, s->at, s->label, "\"%.100s\" %s", s->title,
			  why);
	for (size_t i = 0; i < a->n_blocks; i++)
		if (strcmp(a->blocks[i].pattern, s->title) == 0) {
			fault_add(m->faults, s->at, s->label,
				  "the name is used already, in line %u",
				  a->blocks[i].line);
			return;
		}
}

static void resolve_block(struct resolved *r, const struct section *s,
			  const struct levels *account)
{
	struct levels levels = { 0 };

	levels_add(&levels, s);
	for (size_t i = 0; i < account->n; i++)
		levels_add(&levels, account->of[i]);
	inherit(r, &levels);
}

static void block(struct making *m, const struct section *s,
		  const struct levels *account, struct config_account *a)
{
	struct config_folder *f = &a->blocks[a->n_blocks];
	const struct written *to;
	struct resolved r;

	check_pattern(m, s, a);
	resolve_block(&r, s, account);
	a->n_blocks++;
	f->pattern = mem_str(s->title);
	f->line = s->at.line;
	to = make_folder(m, &r, a, f);
	effective(&r, a, f, to);
}

static bool is_block(const struct section *b, const struct section *of)
{
	return b->kind == SECTION_FOLDER && b->in == of;
}

void make_folder_blocks(struct making *m, const struct section *s,
			const struct levels *levels, struct config_account *a)
{
	size_t n = 0;

	for (size_t i = 0; i < m->written->n; i++)
		n += is_block(m->written->item[i], s);
	a->blocks = mem_new(n * sizeof(*a->blocks));
	for (size_t i = 0; i < m->written->n; i++)
		if (is_block(m->written->item[i], s))
			block(m, m->written->item[i], levels, a);
	n = 0;
	for (size_t i = 0; i < m->written->n; i++) {
		struct resolved r;

		if (!is_block(m->written->item[i], s))
			continue;
		resolve_block(&r, m->written->item[i], levels);
		check_move(m, &r, a, &a->blocks[n++]);
	}
}

void make_folder_misfit(struct making *m, const struct section *s)
{
	for (size_t i = 0; i < m->written->n; i++)
		if (is_block(m->written->item[i], s))
			fault_add(m->faults, m->written->item[i]->at,
				  m->written->item[i]->label,
				  "folder does not fit POP3");
}

/* --- what is left out ---------------------------------------------------- */

/* Whatever the delimiter is, no name that `plain` can mean passes. */
static const char *left_out_by(const struct config_account *a,
			       struct view plain)
{
	const struct config_mailbox m = { .name = plain };

	for (size_t i = 0; i < a->folders.n; i++) {
		struct view p = view_of(a->folders.item[i]);

		if (pattern_excludes(p) && view_find(p, '%') == p.n &&
		    pattern_matches(p, &m))
			return a->folders.item[i];
	}
	return NULL;
}

void make_folder_check(struct making *m, const struct resolved *r,
		       const struct config_account *a)
{
	const struct written *w = r->by[SET_FOLDERS];
	const char *pattern, *out;

	check_move(m, r, a, &a->own);
	if (!w || !w->ok)
		return;
	if (!config_folder_pattern(a, 0)) {
		make_fault(m, r, w,
			   "folders only leaves out: name what is to be "
			   "fetched, such as {\"*\", \"%s\"}",
			   a->folders.item[0]);
		return;
	}
	for (size_t i = 0; (pattern = config_folder_pattern(a, i)); i++) {
		out = pattern_is_plain(view_of(pattern))
			      ? left_out_by(a, view_of(pattern))
			      : NULL;
		if (out)
			make_fault(m, r, w,
				   "\"%s\" is never fetched: folders leaves "
				   "it out, \"%s\"",
				   pattern, out);
	}
}

void make_folder_fini(struct config_folder *f)
{
	free(f->pattern);
	config_list_fini(&f->to);
	free(f->move_to);
	effectives_fini(&f->effective);
}
