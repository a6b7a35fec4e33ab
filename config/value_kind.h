/*
 * value_kind - what the words of a setting mean, by its kind.
 *
 * value.c sees to what holds for all of them, and shows what was read. Private
 * to the two.
 */
#ifndef CONFIG_VALUE_KIND_H
#define CONFIG_VALUE_KIND_H
#include "value.h"

struct reading {
	const struct value_rule *rule;
	const struct words *words;
	struct view first;
	struct value *out;
	char *why;
	size_t cap;
};

/* false: why is written. The words stand in out->list already. */
bool value_read_kind(struct reading *r);

/* value.c: both return false. */
bool value_wrong(struct reading *r, const char *why);
/* Quotes the word that is wrong. Not for secrets. */
bool value_wrong_word(struct reading *r, struct view word, const char *why);
#endif
