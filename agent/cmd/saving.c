#include "saving.h"

static void on_over(struct spool_req *req)
{
	struct saving *s = req->who;

	s->done(s->who, s);
}

static bool let_go(struct ledger *l, void *arg, struct err *err)
{
	(void)arg, (void)err;
	backup_over(l);
	return true;
}

static void fill(void *who)
{
	struct saving *s = who;

	s->ok = backup_fill(s->pages.made, &s->bodies, &s->err);
}

static void on_filled(void *who)
{
	struct saving *s = who;

	if (*s->closing) {
		s->done(s->who, s);
		return;
	}
	s->over = (struct spool_call){ .req = { .done = on_over, .who = s },
				       .fn = let_go };
	spool_call(s->spool, &s->over);
}

static void on_pages(struct spool_req *req)
{
	struct saving *s = req->who;

	if (req->ok) {
		loop_work(s->loop, fill, on_filled, s);
		return;
	}
	s->err = req->err;
	s->done(s->who, s);
}

void saving_begin(struct saving *s)
{
	s->ok = false;
	s->pages = (struct spool_backup){ .req = { .done = on_pages, .who = s },
					  .path = s->path };
	spool_backup(s->spool, &s->pages);
}
