#include "pass_lines.h"
#include "must.h"
#include "shape.h"

#include <stdio.h>

static uint64_t count(const json_t *value)
{
	json_int_t n = json_integer_value(value);

	return n > 0 ? (uint64_t)n : 0;
}

uint64_t pass_number(const json_t *o, const char *name)
{
	return count(json_object_get(o, name));
}

bool pass_flag(const json_t *o, const char *name)
{
	return json_is_true(json_object_get(o, name));
}

const char *pass_string(const json_t *o, const char *name)
{
	return json_string_value(json_object_get(o, name));
}

static void put(json_t *o, const char *name, uint64_t n)
{
	if (n)
		(void)json_object_set_new(o, name, shape_number(n));
}

/* As it was written; what is no UTF-8 comes printable. */
static json_t *text(const char *s)
{
	json_t *as_it_is = s ? json_string(s) : NULL;

	return as_it_is ? as_it_is : shape_str(s);
}

static void copy(char *out, size_t cap, const char *s)
{
	(void)snprintf(out, cap, "%s", s ? s : "");
}

/* ---- failures ---- */

json_t *pass_err_line(const struct err *e)
{
	if (e->class == ERR_NONE)
		return json_null();
	return json_pack("{s:i, s:i, s:i, s:o, s:o, s:o, s:o}", "class",
			 (int)e->class, "origin", (int)e->origin, "code",
			 e->code, "what", text(e->what), "peer", text(e->peer),
			 "remedy", text(e->remedy), "wait",
			 shape_number(e->wait_ms));
}

void pass_read_err(const json_t *o, struct err *e)
{
	uint64_t class = pass_number(o, "class");
	uint64_t origin = pass_number(o, "origin");

	*e = (struct err){ 0 };
	if (!json_is_object(o))
		return;
	e->class = class && class <= ERR_BUG ? (enum err_class) class : ERR_BUG;
	if (origin <= ERR_FROM_POP3)
		e->origin = (enum err_origin)origin;
	e->code = (int)json_integer_value(json_object_get(o, "code"));
	copy(e->what, sizeof(e->what), pass_string(o, "what"));
	copy(e->peer, sizeof(e->peer), pass_string(o, "peer"));
	copy(e->remedy, sizeof(e->remedy), pass_string(o, "remedy"));
	e->wait_ms = pass_number(o, "wait");
}

/* ---- the request ---- */

static json_t *strings(const char *const *s, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(list, text(s[i]));
	return list;
}

json_t *pass_request_line(const struct pass_options *o, bool person,
			  bool judged)
{
	const struct pass_again *g = &o->again;

	return json_pack("{s:s, s:i, s:o, s:b, s:b, s:b, s:b, s:o, s:I, s:o}",
			 "ask", "pass", "task", (int)o->task, "names",
			 o->names ? strings(o->names, o->n_names) : json_null(),
			 "dry_run", o->dry_run, "yes", o->yes, "person", person,
			 "judged", judged, "folder", text(g->folder), "since",
			 (json_int_t)g->since_ms, "uids",
			 strings(g->uids, g->n_uids));
}

/* NULL: it is no list of strings. */
static const char **read_strings(const json_t *list, size_t *n)
{
	const char **out;
	const json_t *one;
	size_t i;

	*n = json_array_size(list);
	out = mem_new((*n + 1) * sizeof(*out));
	json_array_foreach(list, i, one) {
		out[i] = json_string_value(one);
		if (out[i])
			continue;
		free(out);
		return NULL;
	}
	return out;
}

bool pass_read_request(const json_t *request, struct pass_options *o)
{
	const json_t *names = json_object_get(request, "names");
	const json_t *uids = json_object_get(request, "uids");
	uint64_t task = pass_number(request, "task");

	*o = (struct pass_options){ .dry_run = pass_flag(request, "dry_run"),
				    .yes = pass_flag(request, "yes") };
	if (task > PASS_REFETCH || !json_is_array(uids) ||
	    !(json_is_null(names) || json_is_array(names)))
		return false;
	o->task = (enum pass_task)task;
	o->again.folder = pass_string(request, "folder");
	o->again.since_ms = (int64_t)pass_number(request, "since");
	o->again.uids = read_strings(uids, &o->again.n_uids);
	o->again.found =
		mem_new((o->again.n_uids + 1) * sizeof(*o->again.found));
	if (json_is_array(names))
		o->names = read_strings(names, &o->n_names);
	return o->again.uids && (json_is_null(names) || o->names);
}

/* ---- an account ---- */

#define MEMBERS(X)                                                             \
	X(found)                                                               \
	X(wanted)                                                              \
	X(wanted_octets)                                                       \
	X(fetched)                                                             \
	X(octets)                                                              \
	X(delivered)                                                           \
	X(queued)                                                              \
	X(held)                                                                \
	X(skipped)                                                             \
	X(deleted)                                                             \
	X(duplicates)                                                          \
	X(adopted)                                                             \
	X(started_ms)                                                          \
	X(ended_ms)

static json_t *reasons(const struct pass_account *a)
{
	json_t *list = json_array();

	for (int r = 0; r < (int)PASS_REASONS; r++)
		if (a->reasons[r])
			(void)json_array_append_new(
				list,
				json_pack("[i, o, o]", r,
					  shape_number(a->reasons[r]),
					  shape_number(a->reason_octets[r])));
	return list;
}

json_t *pass_account_line(size_t at, const struct pass_account *a)
{
	json_t *o = json_pack("{s:o, s:i, s:i}", "account", shape_number(at),
			      "phase", (int)a->phase, "result", (int)a->result);

#define PUT(member) put(o, #member, a->member);
	MEMBERS(PUT)
#undef PUT
	if (a->phase != PASS_DONE)
		return o;
	(void)json_object_set_new(o, "err", pass_err_line(&a->err));
	(void)json_object_set_new(o, "before", pass_err_line(&a->before));
	(void)json_object_set_new(o, "notice", text(a->notice));
	(void)json_object_set_new(o, "new", json_boolean(a->err_is_new));
	(void)json_object_set_new(o, "recovered", json_boolean(a->recovered));
	(void)json_object_set_new(o, "reasons", reasons(a));
	put(o, "later", a->later_ms > 0 ? (uint64_t)a->later_ms : 0);
	return o;
}

static void read_reasons(const json_t *list, struct pass_account *a)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		json_int_t r = json_integer_value(json_array_get(one, 0));

		if (r < 0 || r >= (json_int_t)PASS_REASONS)
			continue;
		a->reasons[r] = count(json_array_get(one, 1));
		a->reason_octets[r] = count(json_array_get(one, 2));
	}
}

void pass_read_account(const json_t *line, struct pass_account *a)
{
	uint64_t phase = pass_number(line, "phase");
	uint64_t result = pass_number(line, "result");

	*a = (struct pass_account){ .config = a->config };
	if (phase <= PASS_DONE)
		a->phase = (enum pass_phase)phase;
	if (result <= PASS_FAILED)
		a->result = (enum pass_result)result;
#define GET(member) a->member = pass_number(line, #member);
	MEMBERS(GET)
#undef GET
	pass_read_err(json_object_get(line, "err"), &a->err);
	pass_read_err(json_object_get(line, "before"), &a->before);
	copy(a->notice, sizeof(a->notice), pass_string(line, "notice"));
	a->err_is_new = pass_flag(line, "new");
	a->recovered = pass_flag(line, "recovered");
	read_reasons(json_object_get(line, "reasons"), a);
	a->later_ms = (int64_t)pass_number(line, "later");
}

/* ---- a message ---- */

json_t *pass_judged_line(size_t at, const struct pass_judged *j)
{
	char uid[PASS_UID_TEXT];

	(void)snprintf(uid, sizeof(uid), "%.*s", VIEW_ARG(j->uid));
	return json_pack("{s:o, s:o, s:o, s:o, s:i, s:I}", "judged",
			 shape_number(at), "folder", text(j->folder), "uid",
			 text(uid), "octets", shape_number(j->octets), "reason",
			 (int)j->reason, "due", (json_int_t)j->due_ms);
}

void pass_read_judged(const json_t *line, struct pass_judged *j)
{
	uint64_t reason = pass_number(line, "reason");
	const char *folder = pass_string(line, "folder");

	*j = (struct pass_judged){
		.folder = folder ? folder : "",
		.uid = view_of(pass_string(line, "uid")),
		.octets = pass_number(line, "octets"),
		.due_ms = (int64_t)pass_number(line, "due"),
	};
	if (reason < PASS_REASONS)
		j->reason = (enum pass_reason)reason;
}
