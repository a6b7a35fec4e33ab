#include "inherit.h"
#include "must.h"
#include "text.h"

#include <stdlib.h>

void levels_add(struct levels *l, const struct section *s)
{
	if (!s)
		return;
	MUST(l->n < LEVELS);
	l->of[l->n++] = s;
}

void inherit(struct resolved *r, const struct levels *l)
{
	*r = (struct resolved){ .own = l->of[0] };
	for (unsigned id = 0; id < SETTINGS; id++)
		for (size_t i = 0; i < l->n && !r->by[id]; i++)
			r->by[id] = l->of[i]->set[id];
}

bool resolved_is_own(const struct resolved *r, enum setting_id id)
{
	return r->by[id] && r->by[id]->section == r->own;
}

bool resolved_is_written(const struct resolved *r, enum setting_id id)
{
	return r->by[id] && !r->by[id]->section->builtin;
}

const struct value *resolved_value(const struct resolved *r, enum setting_id id)
{
	return r->by[id] && r->by[id]->ok ? &r->by[id]->value : NULL;
}

uint64_t resolved_number(const struct resolved *r, enum setting_id id)
{
	const struct value *v = resolved_value(r, id);

	return v ? v->number : 0;
}

unsigned resolved_choice(const struct resolved *r, enum setting_id id)
{
	const struct value *v = resolved_value(r, id);

	return v ? v->choice : 0;
}

const char *resolved_string(const struct resolved *r, enum setting_id id)
{
	const struct value *v = resolved_value(r, id);

	return v && v->list.n ? v->list.item[0] : NULL;
}

void resolved_list(const struct resolved *r, enum setting_id id,
		   struct config_list *out)
{
	const struct value *v = resolved_value(r, id);

	*out = (struct config_list){ 0 };
	if (v)
		config_list_copy(out, &v->list);
}

static char *origin_of(const struct written *w)
{
	struct text t;

	text_init(&t, 8192);
	if (!w)
		(void)text_puts(&t, "built-in");
	else if (w->section->builtin)
		(void)text_fmt(&t, "built-in%s%s",
			       w->section->label[0] ? " " : "",
			       w->section->label);
	else
		(void)text_fmt(&t, "%s:%u%s%s", w->at.file, w->at.line,
			       w->section->label[0] ? ", " : "",
			       w->section->label);
	return text_take(&t);
}

void effective_add(struct config_effectives *e, const struct resolved *r,
		   enum setting_id id, const char *value,
		   const struct written *from)
{
	const struct value *v = resolved_value(r, id);

	if (!value)
		value = v ? v->text : "none";
	e->item = mem_grow(e->item, (e->n + 1) * sizeof(*e->item));
	e->item[e->n++] = (struct config_effective){
		.name = setting_table[id].name,
		.value = mem_str(value),
		.shown = v && value == v->text ? mem_str(v->shown) : NULL,
		.origin = origin_of(from ? from : r->by[id])
	};
}

void effectives_fini(struct config_effectives *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->item[i].value);
		free(e->item[i].shown);
		free(e->item[i].origin);
	}
	free(e->item);
	*e = (struct config_effectives){ 0 };
}
