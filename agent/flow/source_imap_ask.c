#include "must.h"
#include "source_imap.h"

#include <stdlib.h>

/* What the owner asks: it is noted, and done in a turn of its own. */

static struct imap_source *of(struct source *s)
{
	return (struct imap_source *)s;
}

static void op_folder(struct source *source, const char *name)
{
	struct imap_source *s = of(source);

	free(s->wanted);
	free(s->name);
	s->wanted = mem_str(name);
	s->name = NULL;
	s->folder = LOOK_WANTED;
	imap_source_forget_ahead(s);
	task_post(&s->turn);
}

static void op_list(struct source *source, uint32_t from, unsigned facts)
{
	struct imap_source *s = of(source);

	s->from = from ? from : 1;
	s->dates = facts & SOURCE_DATES;
	s->from_start = false;
	s->list = LOOK_WANTED;
	task_post(&s->turn);
}

static void op_foresee(struct source *source, uint32_t from, unsigned facts)
{
	struct imap_source *s = of(source);

	s->ahead_from = from ? from : 1;
	s->ahead_dates = facts & SOURCE_DATES;
	if (s->ahead == LOOK_ASKED) /* its answer comes first */
		s->ahead_again = true;
	else
		s->ahead = LOOK_WANTED;
	task_post(&s->turn);
}

static void op_look(struct source *source, const char *const *patterns,
		    size_t n)
{
	struct imap_source *s = of(source);

	imap_folders_look(&s->folders, patterns, n);
	imap_rest_looking(&s->rest);
	task_post(&s->turn);
}

static void op_look_round(struct source *source)
{
	struct imap_source *s = of(source);

	op_look(source, NULL, 0);
	s->folders.aside = true;
}

static void ask_bodies(struct imap_source *s, const struct spool_item *items,
		       size_t n, bool headers)
{
	imap_bodies_add(&s->bodies, items, n, headers);
	s->owes_fetched = true;
	task_post(&s->turn);
}

static void op_fetch(struct source *source, const struct spool_item *items,
		     size_t n)
{
	ask_bodies(of(source), items, n, false);
}

static void op_headers(struct source *source, const struct spool_item *items,
		       size_t n)
{
	ask_bodies(of(source), items, n, true);
}

static void op_erase(struct source *source, const struct spool_item *items,
		     size_t n, enum source_erase how)
{
	struct imap_source *s = of(source);

	imap_acts_erase(&s->acts, items, n, how);
	task_post(&s->turn);
}

static void op_mark(struct source *source, const struct spool_item *items,
		    size_t n)
{
	struct imap_source *s = of(source);

	imap_acts_mark(&s->acts, items, n);
	task_post(&s->turn);
}

static void op_target(struct source *source, const char *name)
{
	struct imap_source *s = of(source);

	imap_acts_target(&s->acts, name);
	task_post(&s->turn);
}

static void op_move(struct source *source, const struct spool_item *items,
		    size_t n)
{
	struct imap_source *s = of(source);

	imap_acts_move(&s->acts, items, n);
	task_post(&s->turn);
}

static void op_unseen(struct source *source)
{
	struct imap_source *s = of(source);

	s->marked_low = 0;
	s->unseen = LOOK_WANTED;
	task_post(&s->turn);
}

static void op_undeleted(struct source *source, uint32_t first, uint32_t last)
{
	struct imap_source *s = of(source);

	s->marked_low = first;
	s->marked_high = last;
	s->unseen = LOOK_WANTED;
	task_post(&s->turn);
}

static uint64_t op_twin(struct source *source, const struct message_key *key)
{
	return imap_listing_msgid(&of(source)->listing,
				  message_key_to_uid(key));
}

/* Names that are none on the wire are nobody's. */
static void op_rest(struct source *source, const char *const *also, size_t n)
{
	struct imap_source *s = of(source);
	char **wire = mem_new((n + 1) * sizeof(*wire));
	size_t known = 0;

	for (size_t i = 0; i < n; i++) {
		wire[known] = imap_folders_wire(&s->folders, also[i]);
		known += wire[known] != NULL;
	}
	imap_rest_begin(&s->rest, wire, known);
	task_post(&s->turn);
}

static void op_wake(struct source *source)
{
	struct imap_source *s = of(source);

	imap_rest_wake(&s->rest);
	task_post(&s->turn);
}

static void op_give(struct source *source, const struct source_reports *r,
		    void *who)
{
	struct imap_source *s = of(source);

	/* what the last owner asked for is no answer to the next */
	if (s->folder == LOOK_ASKED)
		s->orphan = true;
	s->folder = LOOK_NOT;
	s->report = s->bodies.report = s->folders.report = s->acts.report =
		s->rest.report = r;
	s->who = s->bodies.who = s->folders.who = s->acts.who = s->rest.who =
		who;
}

static void op_quit(struct source *source)
{
	struct imap_source *s = of(source);

	imap_rest_wake(&s->rest);
	s->wants_quit = true;
	task_post(&s->turn);
}

static void op_cancel(struct source *source)
{
	struct err err;

	err_set(&err, ERR_CANCELLED, "the session was cancelled");
	imap_source_end(of(source), &err);
}

static void op_poke(struct source *source)
{
	task_post(&of(source)->turn);
}

static struct stream *op_stream(struct source *source)
{
	struct imap_source *s = of(source);

	if (!s->stream ||
	    (s->o.endpoint.tls != TLS_NONE && !stream_is_tls(s->stream)))
		return NULL;
	return s->stream;
}

const struct source_ops imap_source_ops = {
	.folder = op_folder,
	.list = op_list,
	.foresee = op_foresee,
	.look = op_look,
	.look_round = op_look_round,
	.fetch = op_fetch,
	.erase = op_erase,
	.mark = op_mark,
	.target = op_target,
	.move = op_move,
	.unseen = op_unseen,
	.undeleted = op_undeleted,
	.twin = op_twin,
	.headers = op_headers,
	.rest = op_rest,
	.wake = op_wake,
	.give = op_give,
	.quit = op_quit,
	.cancel = op_cancel,
	.poke = op_poke,
	.stream = op_stream,
};
