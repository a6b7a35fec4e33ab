#include "shape.h"
#include "text.h"
#include "when.h"

#define SHAPE_STRING 4096u

/*
 * Most strings of the ledger were made printable when they were written: a
 * backslash in them is an escape, not to be doubled again.
 */
static json_t *printable_json(struct view v)
{
	struct text t;
	json_t *out;

	text_init(&t, 8 * SHAPE_STRING);
	v = view_head(v, SHAPE_STRING);
	for (;;) {
		size_t n = view_find(v, '\\');

		(void)text_printable(&t, view_head(v, n), 4 * n + 8);
		if (n == v.n)
			break;
		(void)text_puts(&t, "\\");
		v = view_skip(v, n + 1);
	}
	out = json_string(text_str(&t));
	text_fini(&t);
	return out ? out : json_string("");
}

json_t *shape_str(const char *s)
{
	return s ? printable_json(view_of(s)) : json_null();
}

json_t *shape_time(int64_t unix_ms)
{
	char text[WHEN_TEXT];

	if (unix_ms == 0)
		return json_null();
	when_rfc3339(unix_ms, text);
	return json_string(text);
}

json_t *shape_number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *string_or_null(const char *s)
{
	return s && *s ? shape_str(s) : json_null();
}

json_t *shape_trouble(const struct spool_trouble *t)
{
	if (t->class == ERR_NONE)
		return json_null();
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "class",
			 err_class_name(t->class), "text", shape_str(t->text),
			 "remedy", string_or_null(t->remedy), "since",
			 shape_time(t->since_ms), "count",
			 shape_number(t->count));
}

json_t *shape_err(const struct err *e)
{
	char line[sizeof(e->what) + sizeof(e->peer) + 8];
	struct err words = *e;

	if (e->class == ERR_NONE)
		return json_null();
	words.remedy[0] = 0;
	err_line(&words, line, sizeof(line));
	return json_pack("{s:s, s:o, s:o}", "class", err_class_name(e->class),
			 "text", shape_str(line), "remedy",
			 string_or_null(e->remedy));
}

static json_t *recipients(const struct message *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->nrcpts; i++)
		(void)json_array_append_new(list,
					    shape_str(m->rcpts[i].address));
	return list;
}

static json_t *message_base(const struct query_row *row)
{
	const struct message *m = row->m;
	char id[MESSAGE_ID_TEXT];

	message_id_text(m->id, id);
	return json_pack("{s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o}", "id", id,
			 "account", shape_str(row->account), "folder",
			 string_or_null(row->folder), "uid",
			 shape_str(m->uid_text), "state",
			 message_state_name(m->state), "size",
			 shape_number(m->place.octets), "message_id",
			 shape_str(m->message_id), "from", shape_str(m->from));
}

json_t *shape_queue_row(const struct query_row *row)
{
	const struct message *m = row->m;
	json_t *o = message_base(row);

	(void)json_object_set_new(o, "to", recipients(m));
	(void)json_object_set_new(o, "attempts", shape_number(m->attempts));
	(void)json_object_set_new(o, "next_attempt",
				  m->state == MESSAGE_HELD
					  ? json_null()
					  : shape_time(m->next_at));
	(void)json_object_set_new(o, "last_reply", shape_str(m->reply));
	(void)json_object_set_new(o, "reason", shape_str(m->reason));
	return o;
}

static const char *rcpt_state_name(enum rcpt_state s)
{
	switch (s) {
	case RCPT_WAITING:
		return "waiting";
	case RCPT_ACCEPTED:
		return "accepted";
	case RCPT_REFUSED:
		return "refused";
	}
	return "waiting";
}

json_t *shape_trace_row(const struct query_row *row,
			const struct query_event *events, size_t n)
{
	const struct message *m = row->m;
	json_t *o = message_base(row), *to = json_array(), *list = json_array();

	for (size_t i = 0; i < m->nrcpts; i++)
		(void)json_array_append_new(
			to,
			json_pack("{s:o, s:s, s:o}", "address",
				  shape_str(m->rcpts[i].address), "state",
				  rcpt_state_name(m->rcpts[i].state), "reply",
				  string_or_null(m->rcpts[i].reply)));
	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(
			list,
			json_pack("{s:o, s:o, s:o, s:o}", "at",
				  shape_time(events[i].at_ms), "what",
				  shape_str(events[i].what), "words",
				  string_or_null(events[i].words), "attempt",
				  shape_number(events[i].attempt)));
	(void)json_object_set_new(o, "delivery", shape_str(m->delivery));
	(void)json_object_set_new(o, "sender", shape_str(m->sender));
	(void)json_object_set_new(o, "to", to);
	(void)json_object_set_new(o, "repairs", shape_number(m->strays));
	(void)json_object_set_new(o, "reason", shape_str(m->reason));
	(void)json_object_set_new(o, "events", list);
	return o;
}

json_t *shape_account(const struct spool_account *a,
		      const struct query_counts *c)
{
	return json_pack(
		"{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}",
		"name", shape_str(a->name), "state",
		spool_health_name(a->health), "last_poll",
		shape_time(a->last_poll_ms), "last_success",
		shape_time(a->last_success_ms), "last_error",
		shape_trouble(&a->trouble), "next_poll",
		shape_time(a->next_poll_ms), "fetched",
		shape_number(a->fetched), "delivered",
		shape_number(a->delivered), "queued", shape_number(c->queued),
		"held", shape_number(c->held), "skipped",
		shape_number(c->skipped));
}

json_t *shape_delivery(const struct spool_delivery *d,
		       const struct query_counts *c)
{
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o}", "name",
			 shape_str(d->name), "state",
			 spool_health_name(d->health), "queued",
			 shape_number(c->queued), "held", shape_number(c->held),
			 "last_success", shape_time(d->last_success_ms),
			 "last_error", shape_trouble(&d->trouble));
}

json_t *shape_queue_totals(const struct query_counts *c)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "queued",
			 shape_number(c->queued), "held", shape_number(c->held),
			 "in_doubt", shape_number(c->in_doubt), "octets",
			 shape_number(c->octets));
}
