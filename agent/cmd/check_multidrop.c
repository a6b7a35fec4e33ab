#include "check_multidrop.h"

#include "shape.h"

#define NAMES_OCTETS 400u

static void put_header(const struct advice_header *h, const char *name,
		       bool falls, struct text *out)
{
	(void)text_fmt(out, "    %s: in %u", name, h->there);
	if (h->found && h->people == 1 && h->itself)
		(void)text_fmt(out, "; %u found, for this mailbox itself alone",
			       h->found);
	else
		(void)text_fmt(out, "; %u found, for %u recipient%s", h->found,
			       h->people, h->people == 1 ? "" : "s");
	if (falls)
		(void)text_fmt(out, ", %u to the fallback", h->fallback);
	if (h->held || !falls)
		(void)text_fmt(out, ", %u held", h->held);
	(void)text_puts(out, "\n");
}

/* It is what is written: no need to say it twice. */
static bool is_written(const struct config_account *a, const char *name)
{
	return a->multidrop->envelope.n == 1 &&
	       view_ieq(view_of(a->multidrop->envelope.item[0]), view_of(name));
}

void check_multidrop_text(const struct peek *p, struct text *out)
{
	const struct advice *a = &p->advice;
	const struct advice_header *better = advice_better(a);
	bool falls = p->account->multidrop->fallback;
	struct text names;

	if (p->err.class != ERR_NONE)
		(void)text_fmt(out,
			       "  multidrop: a header could not be looked at: "
			       "%s%s%s\n",
			       p->err.what, *p->err.peer ? ": " : "",
			       p->err.peer);
	if (!a->looked) {
		(void)text_puts(out, "  multidrop: no message there to tell "
				     "whether `envelope` fits\n");
		return;
	}
	(void)text_fmt(out, "  multidrop: of the last %u message%s\n",
		       a->looked, a->looked == 1 ? "" : "s");
	text_init(&names, NAMES_OCTETS);
	advice_written(p->account, &names);
	(void)text_puts(&names, " (as written)");
	put_header(&a->written, text_str(&names), falls, out);
	text_fini(&names);
	for (size_t i = 0; i < ADVICE_HEADERS; i++)
		if (a->would[i].there &&
		    !is_written(p->account, a->would[i].name))
			put_header(&a->would[i], a->would[i].name, falls, out);
	if (better)
		(void)text_fmt(out, "    envelope = \"%s\" would find more\n",
			       better->name);
}

static json_t *header_json(const struct advice_header *h)
{
	return json_pack("{s:s?, s:i, s:i, s:i, s:i, s:i}", "header", h->name,
			 "there", (int)h->there, "found", (int)h->found,
			 "fallback", (int)h->fallback, "held", (int)h->held,
			 "recipients", (int)h->people);
}

json_t *check_multidrop_json(const struct peek *p)
{
	const struct advice_header *better = advice_better(&p->advice);
	json_t *list = json_array();

	for (size_t i = 0; i < ADVICE_HEADERS; i++)
		(void)json_array_append_new(list,
					    header_json(&p->advice.would[i]));
	return json_pack("{s:i, s:o, s:o, s:s?, s:o}", "looked",
			 (int)p->advice.looked, "written",
			 header_json(&p->advice.written), "headers", list,
			 "better", better ? better->name : NULL, "error",
			 shape_err(&p->err));
}
