#include "peek.h"

#include "head.h"

#include <stdlib.h>

#define WIDER 16u /* times as many UIDs, where too few were messages */

void peek_init(struct peek *p, const struct config_account *a)
{
	*p = (struct peek){ .account = a };
	advice_init(&p->advice);
	if (!a->multidrop)
		return;
	p->head = head_new();
	p->left = PEEK_MESSAGES;
}

void peek_fini(struct peek *p)
{
	head_free(p->head);
	p->head = NULL;
}

/* UIDs have gaps: a range of so many is tried, then a wider one. */
static void list(struct peek *p, uint64_t span)
{
	p->from = p->behind > span ? (uint32_t)(p->behind - span) : 1;
	p->source->ops->list(p->source, p->from, 0);
}

bool peek_folder(struct peek *p, struct source *s, const char *folder,
		 const struct source_folder *there)
{
	bool is_pop3 = !*folder; /* counts when it lists */

	if (!p->left || (!is_pop3 && !there->exists))
		return false;
	p->source = s;
	p->folder = folder;
	p->behind = there->uidnext;
	list(p, p->left);
	return true;
}

static int by_number(const void *a, const void *b)
{
	const struct spool_item *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

bool peek_items(struct peek *p, struct spool_item *items, size_t n)
{
	size_t skip = n > p->left ? n - p->left : 0;
	bool more = n > 0;

	if (n < p->left && p->from > 1) {
		list(p, (uint64_t)(p->behind - p->from) * WIDER);
		free(items);
		return true;
	}
	/* of POP3 they come in the order of hashes */
	if (!*p->folder && n)
		qsort(items, n, sizeof(*items), by_number);
	if (more)
		p->source->ops->headers(p->source, items + skip, n - skip);
	p->left -= n - skip;
	free(items);
	return more;
}

void peek_header(struct peek *p, struct view octets)
{
	(void)head_add(p->head, octets);
}

void peek_header_end(struct peek *p)
{
	advice_look(&p->advice, p->account, view_of(p->folder),
		    head_raw(p->head));
	head_clear(p->head);
}

void peek_refused(struct peek *p, const struct err *err)
{
	head_clear(p->head);
	if (p->err.class == ERR_NONE && err->class != ERR_CANCELLED)
		p->err = *err;
}
