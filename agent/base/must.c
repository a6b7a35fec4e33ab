#include "must.h"
#include "crash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void must_failed(const char *claim, const char *file, int line)
{
	fprintf(stderr, "mailhaul: bug: %s:%d: %s\n", file, line, claim);
	abort();
}

static _Noreturn void out_of_memory(int line)
{
	crash_excuse(); /* no message is to blame */
	must_failed("out of memory", __FILE__, line);
}

void *mem_new(size_t n)
{
	void *p = calloc(1, n ? n : 1);

	if (!p)
		out_of_memory(__LINE__);
	return p;
}

void *mem_grow(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);

	if (!q)
		out_of_memory(__LINE__);
	return q;
}

char *mem_str(const char *s)
{
	char *p;

	if (!s)
		return NULL;
	p = strdup(s);
	if (!p)
		out_of_memory(__LINE__);
	return p;
}
