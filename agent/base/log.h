/*
 * log - one event a line on standard error (INTERFACE 6).
 *
 *   struct log_line l;
 *   if (log_begin(&l, LOG_INFO, "delivered")) {
 *           log_str(&l, "account", name);
 *           log_num(&l, "uid", uid);
 *           log_end(&l);
 *   }
 *
 * Text form: `event key=value ...`, values quoted where they hold anything but
 * plain characters; with <N> priorities when standard error is the journal.
 * JSON form: the same names plus "time" and "level". Values may be any octets:
 * they are made printable and cut at 512. An equal line (event and values) that
 * repeats is folded: counted, and told when another comes or after a minute.
 * Of notices and warnings 600 a minute are written: the others are counted, and
 * told when the minute is over.
 * Secrets have no way in: struct secret is not accepted by any call.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H
#include "err.h"
#include "text.h"

enum log_level {
	LOG_ERROR,
	LOG_WARNING,
	LOG_NOTICE,
	LOG_INFO,
	LOG_DEBUG
};
enum log_format {
	LOG_TEXT,
	LOG_JSON
};

struct log_line {
	enum log_level level;
	const char *event;
	struct text text;
};

/* fd: where lines go (borrowed). journal: put <N> in front. */
void log_setup(int fd, enum log_level most, enum log_format format,
	       bool journal);
bool log_wants(enum log_level level);
/* false: not wanted; then none of the others may be called. */
bool log_begin(struct log_line *l, enum log_level level, const char *event);
void log_view(struct log_line *l, const char *key, struct view v);
void log_str(struct log_line *l, const char *key, const char *s);
void log_num(struct log_line *l, const char *key, int64_t n);
/* class=, error=, server=, remedy= where not empty */
void log_err(struct log_line *l, const struct err *e);
void log_end(struct log_line *l);
#endif
