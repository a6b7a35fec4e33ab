#include "solo.h"
#include "must.h"

bool solo_may(const struct solo *s, bool suspect)
{
	return suspect ? s->out == 0 : !s->alone;
}

void solo_begin(struct solo *s, size_t n, bool suspect)
{
	MUST(solo_may(s, suspect) && (!suspect || n == 1));
	s->out += n;
	s->alone = suspect;
}

void solo_end(struct solo *s, size_t n)
{
	MUST(n <= s->out);
	s->out -= n;
	if (n == 0 || s->out)
		return;
	s->alone = false;
	if (s->changed)
		s->changed(s->who);
}
