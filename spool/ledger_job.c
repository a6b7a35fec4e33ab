/*
 * What runs beside the steps: jobs in slices, calls, the check of a body.
 */
#include "ledger.h"
#include "must.h"

#include <stdlib.h>

#define VERIFY_SLICE (1u << 20)

bool ledger_job_start(struct ledger *l, struct ledger_job *j,
		      struct spool_req *r,
		      bool (*step)(struct ledger *, struct ledger_job *))
{
	j->req = r;
	j->step = step;
	list_push(&l->jobs, &j->link);
	return false;
}

bool ledger_job_start_apart(struct ledger *l, struct ledger_job *j,
			    struct spool_req *r,
			    bool (*step)(struct ledger *, struct ledger_job *))
{
	j->req = r;
	j->step = step;
	list_push(&l->apart, &j->link);
	return false;
}

void ledger_job_free(struct ledger_job *j)
{
	if (j->fini)
		j->fini(j);
	free(j); /* the job is the first member of what was made */
}

bool ledger_run_call(struct ledger *l, struct spool_req *r)
{
	struct spool_call *c = LIST_OF(r, struct spool_call, req);

	/* It sees all there is. */
	r->ok = ledger_flush(l) && ledger_save(l);
	if (r->ok) {
		r->ok = c->fn(l, c->arg, &r->err);
		if (!l->broken)
			(void)ledger_keep(l, r->ok);
	}
	if (l->broken)
		r->ok = ledger_failed(l, &r->err, "");
	return true;
}

struct verify_job {
	struct ledger_job job;
	struct hash *hash; /* owned */
	uint64_t at;
	char *p; /* owned */
};

static void verify_fini(struct ledger_job *job)
{
	struct verify_job *j = LIST_OF(job, struct verify_job, job);

	hash_free(j->hash);
	free(j->p);
}

static bool verify_step(struct ledger *l, struct ledger_job *job)
{
	struct verify_job *j = LIST_OF(job, struct verify_job, job);
	struct spool_verify *v = LIST_OF(job->req, struct spool_verify, req);
	uint64_t left = v->place.octets - j->at;
	struct room room = { j->p, left < VERIFY_SLICE ? (size_t)left
						       : VERIFY_SLICE };
	uint8_t have[HASH_BODY_OCTETS];
	size_t got = 0;

	if (left) {
		v->req.ok = segments_read(&l->segments, v->place.segment,
					  v->place.offset + j->at, room, &got,
					  &v->req.err);
		if (!v->req.ok)
			return true;
		hash_add(j->hash, (struct view){ j->p, got });
		j->at += got;
		if (got == room.n)
			return false;
	}
	hash_end(j->hash, have);
	v->same = j->at == v->place.octets &&
		  memcmp(have, v->place.hash, sizeof(have)) == 0;
	v->req.ok = true;
	return true;
}

bool ledger_run_verify(struct ledger *l, struct spool_req *r)
{
	struct verify_job *j = mem_new(sizeof(*j));

	LIST_OF(r, struct spool_verify, req)->same = false;
	j->job.fini = verify_fini;
	j->hash = hash_new();
	j->p = mem_new(VERIFY_SLICE);
	return ledger_job_start(l, &j->job, r, verify_step);
}
