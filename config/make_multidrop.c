#include "make_multidrop.h"
#include "make_folder.h"
#include "must.h"

#include <stdlib.h>

/* The n-th one of an account; NULL: there are no more. */
static const struct section *nth(const struct making *m,
				 const struct section *of, size_t n)
{
	for (size_t i = 0; i < m->written->n; i++) {
		const struct section *s = m->written->item[i];

		if (s->kind == SECTION_MULTIDROP && s->in == of && n-- == 0)
			return s;
	}
	return NULL;
}

static struct resolved resolve(const struct section *s)
{
	struct levels levels = { 0 };
	struct resolved r;

	levels_add(&levels, s);
	inherit(&r, &levels);
	return r;
}

static void mappings(const struct resolved *r, struct config_multidrop *d)
{
	const struct value *v = resolved_value(r, SET_MAP);
	struct view name, to;

	if (!v)
		return;
	d->map = mem_new(v->list.n * sizeof(*d->map));
	for (size_t i = 0; i < v->list.n; i++) {
		value_mapping(view_of(v->list.item[i]), &name, &to);
		d->map[d->n_map++] =
			(struct config_mapping){ value_string(name),
						 value_string(to) };
	}
}

void make_multidrop(struct making *m, const struct section *s,
		    struct config_account *a)
{
	const struct section *own = nth(m, s, 0), *second = nth(m, s, 1);
	struct config_multidrop *d;
	struct resolved r;

	if (!own)
		return;
	if (second)
		fault_add(m->faults, second->at, second->label,
			  "there is a multidrop already, in line %u",
			  own->at.line);
	r = resolve(own);
	d = a->multidrop = mem_new(sizeof(*d));
	resolved_list(&r, SET_ENVELOPE, &d->envelope);
	resolved_list(&r, SET_DOMAINS, &d->domains);
	d->strip = mem_str(resolved_string(&r, SET_STRIP));
	d->fallback = mem_str(resolved_string(&r, SET_FALLBACK));
	mappings(&r, d);
	if (!r.by[SET_ENVELOPE])
		make_fault(m, &r, NULL,
			   "envelope is missing: the header field that your "
			   "provider writes the recipient into, such as "
			   "\"X-Original-To\"");
	if (!r.by[SET_DOMAINS])
		make_fault(m, &r, NULL,
			   "domains is missing: those whose mail comes here, "
			   "such as \"shop.example\"");
}

static void check_for(struct making *m, const struct resolved *r,
		      const struct config_account *a,
		      const struct config_delivery *to)
{
	const struct config_multidrop *d = a->multidrop;

	for (size_t i = 0; i < d->n_map; i++)
		make_folder_recipient(m, r, a, to, SET_MAP, r->by[SET_MAP],
				      d->map[i].to);
	if (d->fallback)
		make_folder_recipient(m, r, a, to, SET_FALLBACK,
				      r->by[SET_FALLBACK], d->fallback);
}

void make_multidrop_check(struct making *m, const struct section *s,
			  const struct config_account *a)
{
	struct resolved r;

	if (!a->multidrop)
		return;
	r = resolve(nth(m, s, 0));
	check_for(m, &r, a, a->own.delivery);
	for (size_t i = 0; i < a->n_blocks; i++)
		if (a->blocks[i].delivery != a->own.delivery)
			check_for(m, &r, a, a->blocks[i].delivery);
}

void make_multidrop_effective(const struct making *m, const struct section *s,
			      struct config_account *a)
{
	struct resolved r;

	if (!a->multidrop)
		return;
	r = resolve(nth(m, s, 0));
	for (unsigned id = SET_ENVELOPE; id <= SET_FALLBACK; id++)
		effective_add(&a->effective, &r, (enum setting_id)id,
			      r.by[id] ? NULL : "none", NULL);
}

void make_multidrop_free(struct config_multidrop *d)
{
	if (!d)
		return;
	config_list_fini(&d->envelope);
	config_list_fini(&d->domains);
	free(d->strip);
	for (size_t i = 0; i < d->n_map; i++) {
		free(d->map[i].name);
		free(d->map[i].to);
	}
	free(d->map);
	free(d->fallback);
	free(d);
}
