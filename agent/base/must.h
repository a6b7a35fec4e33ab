/*
 * must - assertions about our own code, on in every build.
 *
 * MUST(claim) ends the process (abort) when the claim is false. It is for bugs
 * of ours only: what a peer, a disk or a user can cause never reaches it.
 * Memory: mem_new() and mem_grow() never return NULL; out of memory aborts,
 * which the spool makes safe. Sizes a peer names are checked before.
 */
#ifndef BASE_MUST_H
#define BASE_MUST_H
#include <stddef.h>

#define MUST(claim)                                                            \
	((claim) ? (void)0 : must_failed(#claim, __FILE__, __LINE__))

/* For places our own code never gets to; words say which. */
#define MUST_NOT(words) must_failed(words, __FILE__, __LINE__)

_Noreturn void must_failed(const char *claim, const char *file, int line);

/* n zeroed octets on the heap; free() releases them. n may be 0. */
void *mem_new(size_t n);
/* As realloc; contents beyond the old size are undefined. With NULL: for large
 * buffers, whose pages are then not touched before their time. */
void *mem_grow(void *p, size_t n);
/* A copy of a string; free() releases it. NULL stays NULL. */
char *mem_str(const char *s);

/* A large local that is written before it is read: a Release build zeroes the
 * others. */
#define UNFILLED __attribute__((uninitialized))

#define CLEANUP(fn) __attribute__((cleanup(fn)))
#endif
