/*
 * list - doubly linked, embedded in what it links.
 *
 * A struct link outside any list points to itself after list_init(), so that
 * list_drop() may be called on it.
 */
#ifndef BASE_LIST_H
#define BASE_LIST_H
#include <stdbool.h>
#include <stddef.h>

struct link {
	struct link *next, *prev;
};

#define LIST_OF(at, type, member)                                              \
	((type *)(void *)((char *)(at)-offsetof(type, member)))
/* The body may drop `at` (kept is the next one). */
#define LIST_EACH(at, kept, head)                                              \
	for (struct link *at = (head)->next, *kept = at->next; at != (head);   \
	     at = kept, kept = at->next)

static inline void list_init(struct link *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct link *head)
{
	return head->next == head;
}
static inline void list_drop(struct link *l)
{
	l->next->prev = l->prev;
	l->prev->next = l->next;
	list_init(l);
}
static inline void list_push(struct link *head, struct link *l) /* at the end */
{
	l->prev = head->prev;
	l->next = head;
	head->prev->next = l;
	head->prev = l;
}
static inline void list_unshift(struct link *head, struct link *l)
{
	list_push(head->next, l);
}
static inline struct link *list_pop(struct link *head) /* first; NULL if none */
{
	struct link *l = head->next;

	if (l == head)
		return NULL;
	list_drop(l);
	return l;
}
#endif
