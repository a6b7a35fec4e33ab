#include "verdict.h"
#include "backoff.h"
#include "limits.h"
#include "text.h"

static void reason(struct message *m, const char *what, struct view words)
{
	struct text t;

	text_init(&t, 600);
	(void)text_puts(&t, what);
	if (words.n)
		(void)text_fmt(&t, ": %.*s",
			       (int)(words.n > 400 ? 400 : words.n), words.p);
	message_set(&m->reason, text_view(&t));
	text_fini(&t);
}

static enum verdict held(struct message *m, const char *what, struct view words)
{
	m->state = MESSAGE_HELD;
	m->next_at = 0;
	reason(m, what, words);
	return VERDICT_HELD;
}

static enum verdict later(struct message *m, const struct config_delivery *d,
			  struct view words, int64_t now_ms, uint32_t random)
{
	if (!m->waiting_since)
		m->waiting_since = now_ms;
	if ((uint64_t)(now_ms - m->waiting_since) > d->give_up_ms)
		return held(m, "not accepted in the time of give_up", words);
	m->state = MESSAGE_SPOOLED;
	m->next_at = now_ms + (int64_t)backoff_ms(m->attempts, d->retry_min_ms,
						  d->retry_max_ms, random);
	reason(m, "the destination says: later", words);
	return VERDICT_LATER;
}

static enum verdict setting(struct message *m, const char *what,
			    struct view words, int64_t now_ms, uint32_t random)
{
	m->state = MESSAGE_SPOOLED;
	m->next_at = now_ms + (int64_t)backoff_setting_ms(m->attempts, random);
	reason(m, what, words);
	return VERDICT_SETTING;
}

static const struct message_rcpt *first(const struct message *m,
					enum rcpt_state state)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].state == state)
			return &m->rcpts[i];
	return NULL;
}

/* What was said to it counts, not what was said last. */
static struct view words_to(struct message *m, const struct message_rcpt *r,
			    struct view words)
{
	if (!r->reply)
		return words;
	message_set(&m->reply, view_of(r->reply));
	return view_of(m->reply);
}

static enum verdict refused_rcpts(struct message *m)
{
	const struct message_rcpt *r = first(m, RCPT_REFUSED);
	struct text t;

	text_init(&t, 600);
	(void)text_fmt(&t, "recipient %.300s refused", r->address);
	held(m, text_str(&t), words_to(m, r, VIEW_NONE));
	text_fini(&t);
	return VERDICT_HELD;
}

static enum verdict accepted(struct message *m, const struct dest_result *r,
			     const struct config_delivery *d, int64_t now_ms,
			     uint32_t random)
{
	const struct message_rcpt *waiting = first(m, RCPT_WAITING);

	if (waiting)
		return later(m, d, words_to(m, waiting, r->words), now_ms,
			     random);
	if (first(m, RCPT_REFUSED))
		return refused_rcpts(m);
	m->state = MESSAGE_DELIVERED;
	m->settled_at = now_ms;
	m->next_at = 0;
	message_set(&m->reason, VIEW_NONE);
	return VERDICT_DELIVERED;
}

/*
 * Every recipient stands in the configuration (multidrop is not there yet), so
 * a refusal of all of them is a wrong setting, and so is one of a sender that
 * was written there. The recipients are asked again after the pause.
 */
static enum verdict refused(struct message *m, const struct dest_result *r,
			    const struct config_delivery *d, int64_t now_ms,
			    uint32_t random)
{
	switch (r->stage) {
	case DEST_AT_MAIL:
		if (d->sender == CONFIG_SENDER_FIXED)
			return setting(m, "the sender was refused", r->words,
				       now_ms, random);
		return held(m, "the sender was refused", r->words);
	case DEST_AT_RCPT:
		if (first(m, RCPT_ACCEPTED))
			return refused_rcpts(m);
		for (size_t i = 0; i < m->nrcpts; i++)
			m->rcpts[i].state = RCPT_WAITING;
		return setting(m, "the recipient was refused", r->words, now_ms,
			       random);
	case DEST_AT_DATA:
	case DEST_AT_END:
		break;
	}
	return held(m, "the message was refused", r->words);
}

enum verdict verdict_apply(struct message *m, const struct dest_result *r,
			   const struct config_delivery *d, int64_t now_ms,
			   uint32_t random)
{
	if (r->words.n)
		message_set(&m->reply, r->words);
	switch (r->outcome) {
	case DEST_ACCEPTED:
		return accepted(m, r, d, now_ms, random);
	case DEST_DEFERRED:
		return later(m, d, r->words, now_ms, random);
	case DEST_REFUSED:
		return refused(m, r, d, now_ms, random);
	case DEST_UNSENT:
		m->state = MESSAGE_SPOOLED;
		m->next_at = now_ms;
		return VERDICT_UNSENT;
	case DEST_LOST:
		m->state = MESSAGE_DOUBT;
		m->doubt_at = now_ms;
		m->next_at = m->hold_doubt ? 0 : now_ms + LIMIT_DOUBT_RESEND_MS;
		reason(m, "no reply after the end of the data", r->words);
		return VERDICT_DOUBT;
	case DEST_DAMAGED:
		return held(m, "the copy in the spool is damaged", r->words);
	}
	return VERDICT_UNSENT;
}
