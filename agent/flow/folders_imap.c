#include "folders_imap.h"
#include "form.h"
#include "hash.h"
#include "must.h"
#include "mutf7.h"

#include <stdlib.h>

/* Patterns in one LIST; more are asked for as "*". */
#define PATTERNS 50u

/* --- names --------------------------------------------------------------- */

char *imap_name_wire(const struct imap *p, const char *name)
{
	struct view v = view_of(name);
	struct text wire;
	char *out = NULL;
	bool ok;

	text_init(&wire, IMAP_NAME_OCTETS);
	if (imap_names_are_utf8(p))
		ok = form_is_text(v) && text_put(&wire, v);
	else
		ok = mutf7_encode(v, &wire);
	if (ok && wire.n)
		out = text_take(&wire);
	text_fini(&wire);
	return out;
}

bool imap_name_is_plain(const char *name)
{
	for (; *name; name++)
		if (*name < ' ' || *name > '~' || *name == '&')
			return false;
	return true;
}

/*
 * Owned. *no_name: it cannot be written in a configuration. An old server may
 * let UTF-8 or a bare & through, which RFC 3501 5.1.3 forbids: such a name is
 * taken as it is.
 */
static char *readable(const struct imap *p, struct view wire, bool *no_name)
{
	struct text name;
	char *out;

	text_init(&name, 4 * IMAP_NAME_OCTETS + 8);
	*no_name = false;
	if (imap_names_are_utf8(p) || !mutf7_decode(wire, &name)) {
		*no_name = !wire.n || !form_is_text(wire);
		if (*no_name)
			(void)text_printable(&name, wire, IMAP_NAME_OCTETS);
		else
			(void)text_put(&name, wire);
	}
	out = name.n ? text_take(&name) : mem_str("");
	text_fini(&name);
	return out;
}

static bool same_wire(struct view a, struct view b)
{
	/* RFC 3501 5.1 */
	if (view_ieq(a, VIEW_LIT("INBOX")))
		return view_ieq(b, VIEW_LIT("INBOX"));
	return view_eq(a, b);
}

/*
 * Where a name is, or would be. The seed is a die: with names of its choice a
 * server could have all of them meet in one slot else.
 */
static size_t slot_of(const struct imap_folders *f, struct view wire)
{
	uint32_t hash = f->seed;
	size_t at;

	if (view_ieq(wire, VIEW_LIT("INBOX")))
		wire = VIEW_LIT("INBOX");
	for (size_t i = 0; i < wire.n; i++)
		hash = (hash ^ (unsigned char)wire.p[i]) * 16777619u;
	for (at = (hash ^ hash >> 15) & (f->slots - 1);
	     f->slot[at] && !same_wire(view_of(f->wire[f->slot[at] - 1]), wire);
	     at = (at + 1) & (f->slots - 1))
		;
	return at;
}

/* For one name more; at most half of the slots are taken. */
static void make_slots(struct imap_folders *f)
{
	if (f->slots && f->n < f->slots / 2)
		return;
	if (!f->slots)
		hash_random(&f->seed, sizeof(f->seed));
	f->slots = f->slots ? f->slots * 2 : 128;
	free(f->slot);
	f->slot = mem_new(f->slots * sizeof(*f->slot));
	for (size_t i = 0; i < f->n; i++)
		f->slot[slot_of(f, view_of(f->wire[i]))] = (uint32_t)i + 1;
}

/* Numbers mostly come in the order of the names. NULL: it was not listed. */
static struct source_listed *find(struct imap_folders *f, struct view wire)
{
	size_t at = f->near + 1 < f->n ? f->near + 1 : 0;

	if (f->n == 0)
		return NULL;
	if (!same_wire(view_of(f->wire[at]), wire)) {
		at = f->slot[slot_of(f, wire)];
		if (at == 0)
			return NULL;
		at--;
	}
	f->near = at;
	return &f->item[at];
}

char *imap_folders_wire(const struct imap_folders *f, const char *name)
{
	for (size_t i = 0; i < f->n; i++)
		if (!f->item[i].no_name && strcmp(f->item[i].name, name) == 0)
			return mem_str(f->wire[i]);
	return imap_name_wire(f->imap, name);
}

/* --- what is asked ------------------------------------------------------- */

static void forget_patterns(struct imap_folders *f)
{
	for (size_t i = 0; i < f->n_patterns; i++)
		free(f->patterns[i]);
	free(f->patterns);
	f->patterns = NULL;
	f->n_patterns = 0;
}

static void forget(struct imap_folders *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->item[i].name);
		free(f->wire[i]);
	}
	free(f->item);
	free(f->wire);
	free(f->slot);
	f->item = NULL;
	f->wire = NULL;
	f->slot = NULL;
	f->slots = 0;
	f->n = f->cap = f->octets = f->near = f->next = f->asked = 0;
	f->too_many = false;
}

void imap_folders_init(struct imap_folders *f, struct imap *imap,
		       const struct source_reports *report, void *who)
{
	*f = (struct imap_folders){ .imap = imap,
				    .report = report,
				    .who = who };
}

void imap_folders_fini(struct imap_folders *f)
{
	forget(f);
	forget_patterns(f);
}

void imap_folders_look(struct imap_folders *f, const char *const *patterns,
		       size_t n)
{
	forget_patterns(f);
	f->phase = IMAP_FOLDERS_WANTED;
	f->aside = false;
	if (n > PATTERNS)
		return;
	f->patterns = mem_new((n + 1) * sizeof(*f->patterns));
	for (size_t i = 0; i < n; i++)
		f->patterns[f->n_patterns++] = mem_str(patterns[i]);
}

bool imap_folders_are_plain(const struct imap_folders *f)
{
	for (size_t i = 0; i < f->n_patterns; i++)
		if (!imap_name_is_plain(f->patterns[i]))
			return false;
	return true;
}

bool imap_folders_wait(const struct imap_folders *f)
{
	return f->phase == IMAP_FOLDERS_WANTED;
}

bool imap_folders_idle(const struct imap_folders *f)
{
	return f->phase == IMAP_FOLDERS_IDLE;
}

/* The patterns, each owned; 0: there are none, or one cannot be said. */
static size_t on_the_wire(const struct imap_folders *f, struct view *out)
{
	char *wire;

	for (size_t n = 0; n < f->n_patterns; n++) {
		wire = imap_name_wire(f->imap, f->patterns[n]);
		if (wire) {
			out[n] = view_of(wire);
			continue;
		}
		while (n > 0)
			free((void *)(uintptr_t)out[--n].p);
		out[0] = VIEW_LIT("*");
		return 0;
	}
	return f->n_patterns;
}

static void ask_list(struct imap_folders *f, uint32_t can)
{
	struct view wire[PATTERNS] = { VIEW_LIT("*") };
	size_t n = 0, most = can & IMAP_CAN_LIST_EXTENDED ? PATTERNS : 1;
	bool asked;

	f->options = 0;
	if (can & IMAP_CAN_LIST_EXTENDED) {
		f->options |=
			can & IMAP_CAN_SPECIAL_USE ? IMAP_LIST_SPECIAL_USE : 0;
		f->options |= can & IMAP_CAN_LIST_STATUS ? IMAP_LIST_STATUS : 0;
	}
	/* what cannot be said is found by looking at everything */
	if (f->n_patterns <= most)
		n = on_the_wire(f, wire);
	asked = imap_list(f->imap, wire, n ? n : 1, f->options);
	for (size_t i = 0; i < n; i++)
		free((void *)(uintptr_t)wire[i].p);
	if (!asked)
		return;
	forget(f);
	f->phase = IMAP_FOLDERS_LIST;
}

static void over(struct imap_folders *f, const struct err *err)
{
	f->phase = IMAP_FOLDERS_IDLE;
	f->report->listed(f->who, f->item, f->n, err);
}

static bool wants_numbers(const struct imap_folders *f,
			  const struct source_listed *l)
{
	return !l->counted && !l->no_name && !l->no_select &&
	       f->report->counts(f->who, l);
}

static void ask_status(struct imap_folders *f)
{
	for (; f->next < f->n; f->next++) {
		if (!wants_numbers(f, &f->item[f->next]))
			continue;
		if (!imap_status(f->imap, view_of(f->wire[f->next])))
			break;
		f->asked++;
	}
	if (!f->asked)
		over(f, NULL);
}

void imap_folders_go(struct imap_folders *f, uint32_t can)
{
	switch (f->phase) {
	case IMAP_FOLDERS_WANTED:
		ask_list(f, f->plain ? 0 : can);
		return;
	case IMAP_FOLDERS_STATUS:
		ask_status(f);
		return;
	case IMAP_FOLDERS_IDLE:
	case IMAP_FOLDERS_LIST:
		break;
	}
}

/* --- what is told ---------------------------------------------------------
 */

static unsigned uses_of(unsigned attributes)
{
	static const struct {
		enum imap_attribute attribute;
		enum config_use use;
	} pairs[] = {
		{ IMAP_ATTR_ALL, CONFIG_USE_ALL },
		{ IMAP_ATTR_ARCHIVE, CONFIG_USE_ARCHIVE },
		{ IMAP_ATTR_DRAFTS, CONFIG_USE_DRAFTS },
		{ IMAP_ATTR_FLAGGED, CONFIG_USE_FLAGGED },
		{ IMAP_ATTR_IMPORTANT, CONFIG_USE_IMPORTANT },
		{ IMAP_ATTR_JUNK, CONFIG_USE_JUNK },
		{ IMAP_ATTR_SENT, CONFIG_USE_SENT },
		{ IMAP_ATTR_TRASH, CONFIG_USE_TRASH },
	};
	unsigned uses = 0;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (attributes & pairs[i].attribute)
			uses |= pairs[i].use;
	return uses;
}

/* Octets that C strings cannot hold, or no name at all: nothing to be kept. */
static bool can_be_kept(struct view wire)
{
	return wire.n && view_find(wire, '\0') == wire.n;
}

static void add(struct imap_folders *f, const struct imap_list *l)
{
	struct source_listed *item;

	if (!can_be_kept(l->name) || find(f, l->name))
		return;
	if (f->n == IMAP_FOLDERS ||
	    f->octets + l->name.n > IMAP_FOLDERS_OCTETS) {
		f->too_many = true;
		return;
	}
	if (f->n == f->cap) {
		f->cap = f->cap ? f->cap * 2 : 64;
		f->item = mem_grow(f->item, f->cap * sizeof(*f->item));
		f->wire = mem_grow(f->wire, f->cap * sizeof(*f->wire));
	}
	item = &f->item[f->n];
	*item = (struct source_listed){
		.delimiter = l->delimiter,
		.uses = uses_of(l->attributes),
		.no_select = l->attributes & IMAP_ATTR_NOSELECT,
	};
	item->name = readable(f->imap, l->name, &item->no_name);
	f->wire[f->n] = mem_new(l->name.n + 1);
	memcpy(f->wire[f->n], l->name.p, l->name.n);
	f->octets += l->name.n;
	make_slots(f);
	f->slot[slot_of(f, l->name)] = (uint32_t)f->n + 1;
	f->near = f->n++;
}

static void count(struct imap_folders *f, const struct imap_mailbox *m)
{
	struct source_listed *l = find(f, m->name);

	if (!l || !(m->has & IMAP_HAS_MESSAGES))
		return;
	l->counted = true;
	l->there = (struct source_folder){ .uidvalidity = m->uidvalidity,
					   .uidnext = m->uidnext,
					   .exists = m->messages };
}

static void on_list_over(struct imap_folders *f, const struct imap_event *ev)
{
	struct err err;

	if (ev->status == IMAP_OK && !f->too_many) {
		f->phase = IMAP_FOLDERS_STATUS;
		ask_status(f);
		return;
	}
	if (ev->status != IMAP_OK && (f->options || f->n_patterns > 1)) {
		f->plain = true; /* offered, but not understood */
		f->phase = IMAP_FOLDERS_WANTED;
		return;
	}
	if (f->too_many)
		err_set(&err, ERR_LIMIT, "the server lists too many folders");
	else
		err_set(&err, imap_refusal(ev->command, ev->status, ev->code),
			"the folders cannot be listed");
	err.origin = ERR_FROM_IMAP;
	err_peer(&err, ev->text);
	(void)err_remedy(&err, "write plain names in `folders`, one for each "
			       "account, until the server can list them");
	over(f, &err);
}

static void on_tagged(struct imap_folders *f, const struct imap_event *ev)
{
	if (f->phase == IMAP_FOLDERS_LIST && ev->command == IMAP_LIST) {
		on_list_over(f, ev);
	} else if (f->phase == IMAP_FOLDERS_STATUS &&
		   ev->command == IMAP_STATUS) {
		/* a refusal: SELECT will say why */
		f->asked--;
		ask_status(f);
	}
}

void imap_folders_event(struct imap_folders *f, const struct imap_event *ev)
{
	if (f->phase == IMAP_FOLDERS_IDLE)
		return;
	if (ev->type == IMAP_EV_LIST && f->phase == IMAP_FOLDERS_LIST)
		add(f, &ev->list);
	else if (ev->type == IMAP_EV_STATUS)
		count(f, &ev->mailbox);
	else if (ev->type == IMAP_EV_TAGGED)
		on_tagged(f, ev);
}
