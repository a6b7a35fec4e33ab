#include "told.h"
#include "term.h"

const char *told_str(const json_t *object, const char *key)
{
	const char *s = json_string_value(json_object_get(object, key));

	return s ? s : "";
}

uint64_t told_number(const json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

int64_t told_time(const json_t *object, const char *key)
{
	int64_t unix_ms;

	if (!when_point(view_of(told_str(object, key)), 0, &unix_ms))
		return 0;
	return unix_ms;
}

void told_relative(const json_t *object, const char *key, int64_t now_unix_ms,
		   char out[WHEN_TEXT])
{
	when_relative(told_time(object, key), now_unix_ms, out);
}

json_t *told_named(const json_t *list, const char *name)
{
	json_t *e;
	size_t i;

	json_array_foreach(list, i, e)
		if (strcmp(told_str(e, "name"), name) == 0)
			return e;
	return NULL;
}

const char *told_reason(const char *reason)
{
	static const char *const known[][2] = {
		{ "size", "too large" },
		{ "age", "older than first_run allows" },
		{ "seen", "marked as seen" },
		{ "empty", "without content, asked for again and then held" },
		{ "deleted", "marked as deleted by somebody else" },
		{ "duplicate", "the same as one that came another way" },
		{ "waits", "the same as one that is on its way for others" },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(reason, known[i][0]) == 0)
			return known[i][1];
	return *reason ? reason : "left at the source";
}

void told_skipped(const json_t *entry, struct text *out)
{
	json_t *examples = json_object_get(entry, "examples"), *e;
	uint64_t n = told_number(entry, "messages");
	char octets[TERM_OCTETS], number[TERM_NUMBER];
	size_t i;

	term_octets(told_number(entry, "octets"), octets);
	term_number(n, number);
	(void)text_fmt(out, "%s %s (%s)", number,
		       told_reason(told_str(entry, "reason")), octets);
	json_array_foreach(examples, i, e) {
		const char *folder = told_str(e, "folder");

		(void)text_fmt(out, "%s%s%s%.60s", i ? ", " : ": ", folder,
			       *folder ? " " : "", told_str(e, "uid"));
	}
	if (json_array_size(examples) < n)
		(void)text_puts(out, ", ...");
}
