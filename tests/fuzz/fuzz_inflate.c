/*
 * Any octets as what a peer says after COMPRESS. The first octet says how large
 * the pieces are that go in and come out. Claims: what is made never exceeds
 * what the limits allow for what was used, input never gets stuck, a failure is
 * for good, and no piece is larger than its room.
 */
#include "inflate.h"
#include "limits.h"
#include "must.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct session {
	struct inflate *f;
	size_t step; /* so many octets in at once */
	size_t room; /* ... and out */
	uint64_t in, out;
	bool failed;
};

static void take(struct session *s)
{
	struct err err = { .class = ERR_NONE };
	enum inflate_step step;
	char *room = mem_new(s->room); /* its end is watched */
	size_t n = 0;

	do {
		uint64_t moved = inflate_moved(s->f);

		step = inflate_take(s->f, (struct room){ room, s->room }, &n,
				    &err);
		MUST(inflate_moved(s->f) >= moved);
		MUST(!s->failed || step == INFLATE_FAILED);
		if (step != INFLATE_SOME)
			break;
		MUST(n > 0 && n <= s->room);
		s->out += n;
		MUST(s->out <= LIMIT_INFLATE_FREE +
				       (s->in + 1) * LIMIT_INFLATE_RATIO +
				       s->room);
	} while (step == INFLATE_SOME);
	s->failed = step == INFLATE_FAILED;
	MUST(s->failed == (err.class != ERR_NONE));
	free(room);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct view in = { (const char *)data, n };
	struct session s = { .f = inflate_new(NULL), .step = 1, .room = 1 };

	if (n) {
		s.step = data[0] % 16u * 97 + 1;
		s.room = data[0] / 16u * 1361 + 1;
		in = view_skip(in, 1);
	}
	while (in.n && !s.failed) {
		struct room r = inflate_room(s.f);
		size_t k = in.n < s.step ? in.n : s.step;

		MUST(r.n > 0);
		k = k < r.n ? k : r.n;
		memcpy(r.p, in.p, k);
		inflate_received(s.f, k);
		s.in += k;
		in = view_skip(in, k);
		take(&s);
	}
	take(&s);
	inflate_free(s.f);
	return 0;
}
