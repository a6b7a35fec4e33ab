#include "report.h"
#include "shape.h"
#include "term.h"
#include "when.h"

#include <stdio.h>

/* ", 12 fetched"; nothing for 0. */
static void put_count(struct text *out, uint64_t n, const char *what,
		      const char **sep)
{
	char number[TERM_NUMBER];

	if (n == 0)
		return;
	term_number(n, number);
	(void)text_fmt(out, "%s%s %s", *sep, number, what);
	*sep = ", ";
}

static void put_work(const struct pass_account *a, struct text *out)
{
	char octets[TERM_OCTETS], span[WHEN_TEXT];
	const char *sep = "";

	put_count(out, a->adopted, "taken as handled", &sep);
	put_count(out, a->fetched, "fetched", &sep);
	if (a->fetched) {
		term_octets(a->octets, octets);
		(void)text_fmt(out, " (%s)", octets);
	}
	put_count(out, a->delivered, "delivered", &sep);
	put_count(out, a->queued, "queued", &sep);
	put_count(out, a->held, "held", &sep);
	put_count(out, a->skipped, "skipped", &sep);
	put_count(out, a->deleted, "deleted at the source", &sep);
	if (!*sep) {
		put_count(out, a->found, "there", &sep);
		(void)text_puts(out, *sep ? ", nothing new" : "nothing there");
	}
	when_span_text(a->ended_ms - a->started_ms, span);
	(void)text_fmt(out, ", %s", span);
}

static void put_before(const struct err *before, struct text *out)
{
	char line[sizeof(*before)];

	err_line(before, line, sizeof(line));
	(void)text_fmt(out, "; what failed: %s", line);
}

void report_summary(const struct pass_account *a, struct text *out)
{
	const char *name = a->config->name;

	(void)text_fmt(out, "%s: ", name);
	switch (a->result) {
	case PASS_OK:
		put_work(a, out);
		if (a->notice[0])
			(void)text_fmt(out, " (%s)", a->notice);
		break;
	case PASS_BACKOFF:
		(void)text_fmt(out,
			       "not tried, its time has not come: mailhaul "
			       "fetch %s tries at once",
			       name);
		if (a->before.class != ERR_NONE)
			put_before(&a->before, out);
		break;
	case PASS_DISABLED:
		(void)text_puts(out, "disabled (enabled = no)");
		break;
	case PASS_ON_REQUEST:
		(void)text_fmt(out,
			       "on request only (poll_every = 0): mailhaul "
			       "fetch %s",
			       name);
		break;
	case PASS_FAILED:
		put_work(a, out);
		(void)text_puts(out, ", then it failed");
		break;
	}
}

bool report_notable(const struct pass_account *a, struct text *out)
{
	/* duplicates are left out because somebody wants that */
	uint64_t skipped = a->skipped - a->duplicates;
	const char *sep = "";

	if (a->held == 0 && skipped == 0)
		return false;
	(void)text_fmt(out, "%s: ", a->config->name);
	put_count(out, a->held, "held (mailhaul queue)", &sep);
	put_count(out, skipped, "left at the source (mailhaul status)", &sep);
	return true;
}

void report_error(const char *name, const struct err *err, struct text *out)
{
	char line[sizeof(*err)];

	err_line(err, line, sizeof(line));
	(void)text_fmt(out, "%s: %s", name, line);
}

/* What a pass that is not a dry run would do with such a message. */
static const char *consequence(enum pass_reason r)
{
	switch (r) {
	case REASON_NEW:
		return "would be fetched";
	case REASON_QUEUED:
		return "is in the queue";
	case REASON_AGAIN:
		return "would be fetched again";
	case REASON_DELIVERED:
	case REASON_STUCK:
		return "stays at the source";
	case REASON_LATER:
		return "stays at the source until keep is over";
	case REASON_GUARDED:
		return "waits for --yes";
	case REASON_TO_MOVE:
		return "would be moved at the source";
	case REASON_DUE:
		return "would be deleted at the source";
	case REASON_ADOPTED:
	case REASON_AGE:
	case REASON_SIZE:
	case REASON_MARKED:
	case REASON_GONE:
	case REASON_MOVED:
	case REASON_SEEN:
	case REASON_DROPPED:
	case REASON_KNOWN:
	case REASON_TWIN:
	case REASON_DUPLICATE:
		return "would be left alone";
	case REASON_EMPTY:
		return "would be asked for again, and held at the third time";
	case REASON_UNDECIDED:
		return "waits for your decision";
	}
	return "";
}

/* A day of deletion is a day of UTC, as the ledger keeps it. */
static void put_day(int64_t unix_ms, struct text *out)
{
	char at[WHEN_TEXT];

	when_rfc3339(unix_ms, at);
	(void)text_fmt(out, "%.10s", at);
}

void report_judged(const struct pass_account *a, const struct pass_judged *j,
		   struct text *out)
{
	char size[TERM_OCTETS];

	term_octets(j->octets, size);
	(void)text_fmt(out, "%s ", a->config->name);
	if (*j->folder) {
		(void)text_printable(out, view_of(j->folder), 1024);
		(void)text_puts(out, " ");
	}
	(void)text_fmt(out, "%.*s  %s  %s", VIEW_ARG(j->uid), size,
		       pass_reason_text(j->reason));
	if (j->due_ms) {
		(void)text_puts(out, ", on ");
		put_day(j->due_ms, out);
	}
	(void)text_puts(out, "\n");
}

void report_judged_json(const struct pass_account *a,
			const struct pass_judged *j, json_t *by_account)
{
	json_t *list = json_object_get(by_account, a->config->name);
	char uid[PASS_UID_TEXT];

	if (!list) {
		list = json_array();
		(void)json_object_set_new(by_account, a->config->name, list);
	}
	(void)snprintf(uid, sizeof(uid), "%.*s", VIEW_ARG(j->uid));
	(void)json_array_append_new(
		list, json_pack("{s:o, s:o, s:o, s:s, s:o}", "folder",
				shape_str(j->folder), "uid", shape_str(uid),
				"size", shape_number(j->octets), "reason",
				pass_reason_text(j->reason), "delete_at",
				shape_time(j->due_ms)));
}

static const char *question(enum pass_task task)
{
	switch (task) {
	case PASS_FETCH:
		return "there and never seen here.\n  [a]ll are "
		       "fetched, only [n]ew mail from now on, or [l]ater? ";
	case PASS_ADOPT:
		return "there and never fetched. Take them as handled? They "
		       "stay at the source. [y/N]: ";
	case PASS_REFETCH:
		return "to be fetched and delivered again. Go on? [y/N]: ";
	}
	return "";
}

void report_question(const struct pass_account *a, const char *folder,
		     uint64_t messages, uint64_t octets, enum pass_task task,
		     struct text *out)
{
	char number[TERM_NUMBER], size[TERM_OCTETS];

	term_number(messages, number);
	term_octets(octets, size);
	(void)text_fmt(out, "%s%s%s: %s message%s (%s) %s %s", a->config->name,
		       *folder ? " " : "", folder, number,
		       messages == 1 ? "" : "s", size,
		       messages == 1 ? "is" : "are", question(task));
}

void report_dry_run(const struct pass_account *a, struct text *out)
{
	char number[TERM_NUMBER], octets[TERM_OCTETS];

	term_number(a->found, number);
	(void)text_fmt(out, "%s: %s listed\n", a->config->name, number);
	for (unsigned r = 0; r < PASS_REASONS; r++) {
		if (a->reasons[r] == 0)
			continue;
		term_number(a->reasons[r], number);
		term_octets(a->reason_octets[r], octets);
		(void)text_fmt(out, "  %10s  %8s  %s: %s", number, octets,
			       pass_reason_text(r), consequence(r));
		if (r == REASON_LATER) {
			(void)text_puts(out, ", the first on ");
			put_day(a->later_ms, out);
		}
		(void)text_puts(out, "\n");
	}
	if (a->config->once && a->reasons[REASON_NEW])
		(void)text_puts(out, "  which of the new ones are duplicates "
				     "is known once they were fetched\n");
}

static json_t *reasons_json(const struct pass_account *a)
{
	json_t *o = json_object(), *one;

	for (unsigned r = 0; r < PASS_REASONS; r++) {
		if (!a->reasons[r])
			continue;
		one = json_pack("{s:o, s:o}", "messages",
				shape_number(a->reasons[r]), "octets",
				shape_number(a->reason_octets[r]));
		if (r == REASON_LATER)
			(void)json_object_set_new(one, "delete_at",
						  shape_time(a->later_ms));
		(void)json_object_set_new(o, pass_reason_text(r), one);
	}
	return o;
}

json_t *report_account_json(const struct pass_account *a, bool reasons)
{
	const struct err *err =
		a->result == PASS_BACKOFF ? &a->before : &a->err;
	bool failed = a->result == PASS_FAILED || a->before.class != ERR_NONE;
	double seconds = (double)(a->ended_ms - a->started_ms) / 1000;
	json_t *o = json_pack(
		"{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o}",
		"name", shape_str(a->config->name), "result",
		failed ? err_class_name(err->class) : "ok", "found",
		shape_number(a->found), "fetched", shape_number(a->fetched),
		"delivered", shape_number(a->delivered), "queued",
		shape_number(a->queued), "held", shape_number(a->held),
		"skipped", shape_number(a->skipped), "deleted",
		shape_number(a->deleted), "octets", shape_number(a->octets),
		"seconds", seconds, "error", shape_err(err));

	if (reasons)
		(void)json_object_set_new(o, "reasons", reasons_json(a));
	return o;
}

json_t *report_json(const struct pass_account *a, size_t n, int code,
		    bool reasons)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		(void)json_array_append_new(
			list, report_account_json(&a[i], reasons));
	return json_pack("{s:o, s:i}", "accounts", list, "exit", code);
}

void report_found(const struct spool_found *found,
		  void (*say)(void *who, struct text *line), void *who)
{
	struct text line;

	text_init(&line, 1024);
	if (found->new_doubts) {
		(void)text_fmt(
			&line,
			"mailhaul: the last run was cut off while %u message%s "
			"%s being delivered: whether they arrived is unknown; "
			"they are sent again after 15 min, or held where "
			"on_doubt = hold: mailhaul queue",
			(unsigned)found->new_doubts,
			found->new_doubts == 1 ? "" : "s",
			found->new_doubts == 1 ? "was" : "were");
		say(who, &line);
	}
	if (found->crashed) {
		(void)text_fmt(&line,
			       "mailhaul: the last run crashed, which is a bug "
			       "of ours: please report it. %u message%s in "
			       "hand",
			       (unsigned)found->suspects,
			       found->suspects == 1 ? " was" : "s were");
		if (found->poisoned)
			(void)text_puts(&line,
					", alone and for the third time: it is "
					"held: mailhaul queue");
		else if (found->suspects)
			(void)text_puts(&line, ": tried one at a time now");
		say(who, &line);
	}
	if (found->foreign) {
		(void)text_puts(&line,
				"mailhaul: the state directory is a copy: "
				"restored, or moved here. What it has in the "
				"queue may have been delivered since it was "
				"made, and is held; what it does not know may "
				"have been, too, and is asked about: mailhaul "
				"queue list; queue retry ID or --all sends");
		say(who, &line);
	}
}
