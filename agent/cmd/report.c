#include "report.h"
#include "shape.h"
#include "term.h"
#include "when.h"

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
		break;
	case PASS_DISABLED:
		(void)text_puts(out, "disabled (enabled = no)");
		break;
	case PASS_FAILED:
		put_work(a, out);
		(void)text_puts(out, ", then it failed");
		break;
	}
}

bool report_notable(const struct pass_account *a, struct text *out)
{
	const char *sep = "";

	if (a->held == 0 && a->skipped == 0)
		return false;
	(void)text_fmt(out, "%s: ", a->config->name);
	put_count(out, a->held, "held (mailhaul queue)", &sep);
	put_count(out, a->skipped, "left at the source (mailhaul status)",
		  &sep);
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
	case REASON_DELIVERED:
		return "stays at the source";
	case REASON_DUE:
		return "would be deleted at the source";
	case REASON_ADOPTED:
	case REASON_AGE:
	case REASON_SIZE:
	case REASON_MARKED:
	case REASON_GONE:
	case REASON_DROPPED:
	case REASON_KNOWN:
		return "would be left alone";
	case REASON_UNDECIDED:
		return "waits for your decision";
	}
	return "";
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
		(void)text_fmt(out, "  %10s  %8s  %s: %s\n", number, octets,
			       pass_reason_text(r), consequence(r));
	}
}

static json_t *reasons_json(const struct pass_account *a)
{
	json_t *o = json_object();

	for (unsigned r = 0; r < PASS_REASONS; r++)
		if (a->reasons[r])
			(void)json_object_set_new(
				o, pass_reason_text(r),
				json_pack("{s:o, s:o}", "messages",
					  shape_number(a->reasons[r]), "octets",
					  shape_number(a->reason_octets[r])));
	return o;
}

json_t *report_account_json(const struct pass_account *a, bool reasons)
{
	bool failed = a->result == PASS_FAILED;
	double seconds = (double)(a->ended_ms - a->started_ms) / 1000;
	json_t *o = json_pack(
		"{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:o}",
		"name", shape_str(a->config->name), "result",
		failed ? err_class_name(a->err.class) : "ok", "found",
		shape_number(a->found), "fetched", shape_number(a->fetched),
		"delivered", shape_number(a->delivered), "queued",
		shape_number(a->queued), "held", shape_number(a->held),
		"skipped", shape_number(a->skipped), "deleted",
		shape_number(a->deleted), "octets", shape_number(a->octets),
		"seconds", seconds, "error", shape_err(&a->err));

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
