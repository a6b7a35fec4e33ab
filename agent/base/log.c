#include "log.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_OCTETS	 8192u
#define VALUE_MAX_OCTETS 512u
#define FOLD_S		 60
/* Notices and warnings: what servers can provoke (CASES H6). What happens to
 * messages is told whole, as is what somebody asked to see. */
#define MOST_A_MINUTE 600u

static struct {
	int fd;
	enum log_level most;
	enum log_format format;
	bool journal;
	struct text last; /* what was written last, for folding */
	unsigned repeats;
	time_t since;
	time_t minute; /* began then */
	unsigned in_minute, suppressed;
} out = { .fd = STDERR_FILENO, .most = LOG_WARNING };

static void tell_counts(void);

void log_setup(int fd, enum log_level most, enum log_format format,
	       bool journal)
{
	tell_counts();
	out.fd = fd;
	out.most = most;
	out.format = format;
	out.journal = journal;
	text_fini(&out.last);
	text_init(&out.last, LINE_MAX_OCTETS);
	out.repeats = 0;
}

bool log_wants(enum log_level level)
{
	return level <= out.most;
}

bool log_begin(struct log_line *l, enum log_level level, const char *event)
{
	if (!log_wants(level))
		return false;
	*l = (struct log_line){ .level = level, .event = event };
	text_init(&l->text, LINE_MAX_OCTETS);
	if (out.format == LOG_JSON)
		(void)text_fmt(&l->text, "\"event\":\"%s\"", event);
	else
		(void)text_puts(&l->text, event);
	return true;
}

static bool plain(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!((*s >= '0' && *s <= '9') || (*s >= 'a' && *s <= 'z') ||
		      (*s >= 'A' && *s <= 'Z') ||
		      strchr("@.,:;/_+-<>*%~!", *s)))
			return false;
	return true;
}

/*
 * s is printable by now; its escapes (\xNN, \\) stay as they are in text. JSON
 * doubles the backslash again, and both mask the quote.
 */
static void put_quoted(struct text *t, const char *s, bool json)
{
	(void)text_puts(t, "\"");
	for (; *s; s++) {
		if (*s == '"' || (json && *s == '\\'))
			(void)text_puts(t, "\\");
		(void)text_put(t, (struct view){ s, 1 });
	}
	(void)text_puts(t, "\"");
}

void log_view(struct log_line *l, const char *key, struct view v)
{
	char value[VALUE_MAX_OCTETS + 1];
	bool json = out.format == LOG_JSON;

	printable(value, sizeof(value), v);
	if (l->text.n + sizeof(value) * 2 > LINE_MAX_OCTETS - 64)
		return;
	(void)text_fmt(&l->text, json ? ",\"%s\":" : " %s=", key);
	if (!json && plain(value))
		(void)text_puts(&l->text, value);
	else
		put_quoted(&l->text, value, json);
}

void log_str(struct log_line *l, const char *key, const char *s)
{
	log_view(l, key, view_of(s));
}

void log_num(struct log_line *l, const char *key, int64_t n)
{
	(void)text_fmt(&l->text,
		       out.format == LOG_JSON ? ",\"%s\":%" PRId64
					      : " %s=%" PRId64,
		       key, n);
}

void log_err(struct log_line *l, const struct err *e)
{
	log_str(l, "class", err_class_name(e->class));
	log_str(l, "error", e->what);
	if (e->peer[0])
		log_str(l, "server", e->peer);
	if (e->remedy[0])
		log_str(l, "remedy", e->remedy);
}

static void write_line(enum log_level level, struct view body)
{
	static const char *const names[] = { "error", "warning", "notice",
					     "info", "debug" };
	static const int priority[] = { 3, 4, 5, 6, 7 };
	struct timespec now;
	struct text t;
	struct tm tm;

	text_init(&t, LINE_MAX_OCTETS + 256);
	if (out.journal)
		(void)text_fmt(&t, "<%d>", priority[level]);
	if (out.format == LOG_JSON) {
		clock_gettime(CLOCK_REALTIME, &now);
		gmtime_r(&now.tv_sec, &tm);
		(void)text_fmt(&t,
			       "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02dZ\","
			       "\"level\":\"%s\",",
			       tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			       tm.tm_hour, tm.tm_min, tm.tm_sec, names[level]);
	}
	(void)text_put(&t, body);
	(void)text_puts(&t, out.format == LOG_JSON ? "}\n" : "\n");
	/* a log that cannot be written must not stop the mail */
	(void)!write(out.fd, text_str(&t), t.n);
	text_fini(&t);
}

static void tell_count(const char *event, unsigned *count)
{
	char line[80];
	int n;

	if (!*count)
		return;
	n = snprintf(line, sizeof(line),
		     out.format == LOG_JSON ? "\"event\":\"%s\",\"times\":%u"
					    : "%s times=%u",
		     event, *count);
	*count = 0;
	write_line(LOG_NOTICE, (struct view){ line, (size_t)n });
}

static void tell_counts(void)
{
	tell_count("repeated", &out.repeats);
	tell_count("suppressed", &out.suppressed);
}

/* Too many of them in this minute. */
static bool is_flood(enum log_level level, time_t now)
{
	if (now < out.minute || now - out.minute >= 60) {
		tell_count("suppressed", &out.suppressed);
		out.minute = now;
		out.in_minute = 0;
	}
	if (level != LOG_WARNING && level != LOG_NOTICE)
		return false;
	if (out.in_minute < MOST_A_MINUTE) {
		out.in_minute++;
		return false;
	}
	out.suppressed++;
	return true;
}

void log_end(struct log_line *l)
{
	time_t now = time(NULL);

	if (view_eq(text_view(&l->text), text_view(&out.last)) &&
	    now - out.since < FOLD_S) {
		out.repeats++;
		text_fini(&l->text);
		return;
	}
	if (is_flood(l->level, now)) {
		text_fini(&l->text);
		return;
	}
	tell_count("repeated", &out.repeats);
	write_line(l->level, text_view(&l->text));
	text_fini(&out.last);
	out.last = l->text;
	out.last.max = LINE_MAX_OCTETS;
	out.since = now;
}
