#include "backoff.h"
#include "hash.h"
#include "log.h"
#include "trouble.h"
#include "visit.h"

#define DAY_MS INT64_C(86400000)

static enum spool_health health_of(const struct visit *v)
{
	switch (v->err.class) {
	case ERR_NONE:
		return HEALTH_OK;
	case ERR_AUTH:
		return HEALTH_AUTH;
	case ERR_TRUST:
		return HEALTH_TLS;
	case ERR_REFUSED:
		return v->refused ? HEALTH_REFUSED : HEALTH_FAILING;
	case ERR_CONFIG:
		return v->undecided ? HEALTH_UNDECIDED : HEALTH_FAILING;
	case ERR_NETWORK:
	case ERR_RETRY:
	case ERR_BUSY:
		return HEALTH_BACKOFF;
	case ERR_PROTOCOL:
	case ERR_LIMIT:
	case ERR_STATE:
	case ERR_DISK:
	case ERR_CANCELLED:
	case ERR_BUG:
		break;
	}
	return HEALTH_FAILING;
}

/*
 * A decision that is missing is told like an error, and so is a message that
 * cannot be had; mail deferred is not.
 */
static void note_success(struct visit *v, int64_t now)
{
	struct spool_account *a = &v->row;

	a->last_success_ms = now;
	a->failures = 0;
	a->reconcile = false; /* every folder was looked at */
	if (v->lasting.class != ERR_NONE) {
		v->told->err_is_new =
			trouble_note(&a->trouble, &v->lasting, now);
		return;
	}
	if (v->acts_wait && a->trouble.class != ERR_NONE)
		return; /* it was not tried again */
	if (v->warning.class != ERR_NONE && v->warning.class != ERR_RETRY) {
		v->told->err_is_new =
			trouble_note(&a->trouble, &v->warning, now);
		return;
	}
	v->told->recovered = a->trouble.told_ms != 0;
	a->trouble = (struct spool_trouble){ 0 };
}

/*
 * When server and provider let the account in again, counted from the last
 * sign-in; 0: at any time. RFC 2449 6.5, CASES E14
 */
static int64_t welcome_again(const struct visit *v)
{
	int64_t theirs = (int64_t)v->ready.login_delay_s * 1000;
	int64_t least = (int64_t)v->config->poll_min_ms;

	if (theirs > DAY_MS)
		theirs = DAY_MS;
	if (theirs > least)
		least = theirs;
	return least && v->signed_in_ms ? v->signed_in_ms + least : 0;
}

/* Of no network at all one is told, not each account. */
static bool note_trouble(struct visit *v, int64_t now)
{
	struct spool_trouble *t = &v->row.trouble;
	int64_t told = t->told_ms;
	bool is_new = trouble_note(t, &v->err, now);

	if (!v->is_probe || v->err.class != ERR_NETWORK)
		return is_new;
	t->told_ms = told;
	return false;
}

void visit_note_outcome(struct visit *v, int64_t now)
{
	struct spool_account *a = &v->row;
	uint32_t random;
	int64_t then;

	if (v->session_ms)
		a->last_poll_ms = now;
	a->next_poll_ms = welcome_again(v);
	/* the rest of the mailbox is as undecided as before */
	if (v->err.class == ERR_NONE &&
	    (v->declined || v->options->task == PASS_REFETCH))
		return;
	a->health = health_of(v);
	hash_random(&random, sizeof(random));
	if (v->err.class == ERR_NONE) {
		note_success(v, now);
		return;
	}
	v->told->err_is_new = note_trouble(v, now);
	if (v->full) /* no fault of the account: polled as ever */
		return;
	a->failures += !v->is_probe || !a->failures;
	then = v->refused ? v->refused_until_ms
			  : now + (int64_t)backoff_account_ms(
					  v->err.class, a->failures,
					  v->err.wait_ms, random);
	if (then > a->next_poll_ms)
		a->next_poll_ms = then;
}

void visit_sum_up(struct visit *v)
{
	struct pass_account *t = v->told;
	struct log_line l;

	t->err = v->err.class ? v->err : v->warning;
	if (t->result == PASS_OK && t->err.class != ERR_NONE)
		t->result = PASS_FAILED;
	if (t->result == PASS_BACKOFF ||
	    !log_begin(&l, v->err.class ? LOG_NOTICE : LOG_INFO, "polled"))
		return;
	log_str(&l, "account", v->config->name);
	log_num(&l, "found", (int64_t)t->found);
	log_num(&l, "fetched", (int64_t)t->fetched);
	log_num(&l, "delivered", (int64_t)t->delivered);
	log_num(&l, "deleted", (int64_t)t->deleted);
	if (v->err.class)
		log_err(&l, &v->err);
	log_end(&l);
}
