#include "verdict.h"
#include "backoff.h"
#include "limits.h"
#include "refusal.h"
#include "text.h"

#define ONE_SENDER    "the sender was refused"
#define THREE_SENDERS "three senders in a row were refused"

bool verdict_is_of_sender(const char *reason)
{
	return view_starts(view_of(reason), VIEW_LIT(ONE_SENDER)) ||
	       view_starts(view_of(reason), VIEW_LIT(THREE_SENDERS));
}

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

/*
 * Refused for what it is: the other delivery takes it, for those who have it
 * not; else a person decides.
 */
static enum verdict refused_for_good(struct message *m, const char *what,
				     struct view words,
				     const struct verdict_given *g)
{
	const struct config_delivery *to = g->delivery->refused_to;
	struct text t;

	if (!to)
		return held(m, what, words);
	text_init(&t, 300);
	(void)text_fmt(&t, "%.120s by \"%.64s\", now for \"%.64s\"", what,
		       g->delivery->name, to->name);
	reason(m, text_str(&t), words);
	text_fini(&t);
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].state == RCPT_REFUSED) {
			m->rcpts[i].state = RCPT_WAITING;
			m->rcpts[i].code = 0;
		}
	message_set(&m->delivery, view_of(to->name));
	m->state = MESSAGE_SPOOLED;
	m->next_at = g->now_ms;
	m->waiting_since = 0;
	return VERDICT_ELSEWHERE;
}

/*
 * An attempt that came later than planned waited for us or for a destination
 * that was down: that time is not the message's (give_up).
 */
static void forgive_outage(struct message *m, int64_t now_ms)
{
	if (m->waiting_since && m->next_at && now_ms > m->next_at)
		m->waiting_since += now_ms - m->next_at;
}

static enum verdict later(struct message *m, const struct verdict_given *g,
			  struct view words)
{
	const struct config_delivery *d = g->delivery;
	int64_t now_ms = g->now_ms;

	forgive_outage(m, now_ms);
	/* in the future: by a clock that was ahead */
	if (!m->waiting_since || m->waiting_since > now_ms)
		m->waiting_since = now_ms;
	if ((uint64_t)(now_ms - m->waiting_since) > d->give_up_ms)
		return held(m, "not accepted in the time of give_up", words);
	m->state = MESSAGE_SPOOLED;
	m->next_at = now_ms + (int64_t)backoff_ms(m->attempts, d->retry_min_ms,
						  d->retry_max_ms, g->random);
	reason(m, "the destination says: later", words);
	return VERDICT_LATER;
}

static enum verdict setting(struct message *m, const char *what,
			    struct view words, const struct verdict_given *g)
{
	m->state = MESSAGE_SPOOLED;
	m->next_at =
		g->now_ms + (int64_t)backoff_setting_ms(m->attempts, g->random);
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

static enum verdict held_for(struct message *m, const struct message_rcpt *r,
			     const struct verdict_given *g)
{
	enum verdict v;
	struct text t;

	text_init(&t, 600);
	(void)text_fmt(&t, "recipient %.300s refused", r->address);
	if (r->for_content)
		v = refused_for_good(m, text_str(&t), words_to(m, r, VIEW_NONE),
				     g);
	else
		v = held(m, text_str(&t), words_to(m, r, VIEW_NONE));
	text_fini(&t);
	return v;
}

/* Refused for good, and nobody took its place. */
static const struct message_rcpt *unsettled(const struct message *m)
{
	for (size_t i = 0; i < m->nrcpts; i++) {
		const struct message_rcpt *r = &m->rcpts[i];

		if (r->state == RCPT_REFUSED &&
		    !(r->found && !r->for_content && message_has_configured(m)))
			return r;
	}
	return NULL;
}

/* RFC 3463 3.2: 5.1.x is about an address, whoever sends to it. */
static bool is_about_address(struct view words)
{
	(void)view_word(&words);
	return view_starts(words, VIEW_LIT("5.1."));
}

/*
 * A server that is told of the client refuses it, as Postfix does, in answer to
 * RCPT: that is about this message.
 */
static void blame_client(struct message *m, const struct verdict_given *g)
{
	for (size_t i = 0; i < m->nrcpts && g->handed_over; i++) {
		struct message_rcpt *r = &m->rcpts[i];

		if (r->state == RCPT_REFUSED &&
		    !is_about_address(view_of(r->reply)))
			r->for_content = true;
	}
}

/* A recipient that stands in the configuration was refused as such. */
static const struct message_rcpt *misconfigured(const struct message *m)
{
	for (size_t i = 0; i < m->nrcpts; i++) {
		const struct message_rcpt *r = &m->rcpts[i];

		if (r->state == RCPT_REFUSED && !r->found && !r->for_content)
			return r;
	}
	return NULL;
}

/* It is wrong, and the configuration has been corrected since. */
static bool is_corrected(const struct message_rcpt *wrong,
			 const struct config_list *today)
{
	for (size_t i = 0; today && i < today->n; i++)
		if (strcmp(today->item[i], wrong->address) == 0)
			return false;
	return today && today->n > 0;
}

/* The words go with their recipient. */
static void readdress(struct message *m, const struct message_rcpt *wrong,
		      const struct config_list *today)
{
	struct text t;

	text_init(&t, 600);
	(void)text_fmt(&t,
		       "the recipient %.300s, configured before, was refused",
		       wrong->address);
	reason(m, text_str(&t), words_to(m, wrong, VIEW_NONE));
	text_fini(&t);
	message_readdress(m, (const char *const *)today->item, today->n);
}

static enum verdict again(struct message *m, int64_t now_ms)
{
	m->state = MESSAGE_SPOOLED;
	m->next_at = now_ms;
	return VERDICT_AGAIN;
}

/* Those that were found and are unknown there go to the fallback. */
static bool fall_back(struct message *m)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].state == RCPT_REFUSED && m->rcpts[i].found &&
		    !m->rcpts[i].for_content)
			return message_fall_back(m);
	return false;
}

/* Asked again after the pause: the setting may be mended then. */
static enum verdict wrong_rcpt(struct message *m, const struct message_rcpt *r,
			       const struct verdict_given *g)
{
	struct text t;

	text_init(&t, 400);
	(void)text_fmt(&t, "the recipient %.300s was refused", r->address);
	(void)setting(m, text_str(&t), words_to(m, r, VIEW_NONE), g);
	text_fini(&t);
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].state == RCPT_REFUSED && !m->rcpts[i].found)
			m->rcpts[i].state = RCPT_WAITING;
	return VERDICT_SETTING;
}

static enum verdict refused_sender(struct message *m,
				   const struct dest_result *r,
				   const struct verdict_given *g)
{
	if (g->handed_over && !is_about_address(r->words))
		return refused_for_good(m, "its client was refused", r->words,
					g);
	if (g->delivery->sender == CONFIG_SENDER_FIXED)
		return setting(m, ONE_SENDER, r->words, g);
	if (r->code == 552) /* RFC 1870 6.1: for its size */
		return refused_for_good(m, "the message is too large", r->words,
					g);
	if (g->senders_before >= VERDICT_SENDERS - 1)
		return setting(m, THREE_SENDERS, r->words, g);
	return refused_for_good(m, ONE_SENDER, r->words, g);
}

/*
 * Refused in answer to RCPT, and yet not for being who it is (refusal.h). What
 * was said behind the data was said of the message, whomever it names.
 */
static bool is_for_sender(const struct message *m, const struct message_rcpt *r,
			  const struct welcome *took)
{
	struct view words = view_of(r->reply);

	if (r->state != RCPT_REFUSED || r->for_content)
		return false;
	if (refusal_is_of_sender(words, view_of(m->sender),
				 view_of(r->address)))
		return true;
	/* one that was found has a fallback: that is asked first */
	return !r->found && took && welcome_has_one(took, r->address) &&
	       refusal_is_of_rule(words);
}

/* Those recipients are no wrong setting, and the fallback would not help. */
static const struct message_rcpt *blame_sender(struct message *m,
					       const struct verdict_given *g)
{
	const struct message_rcpt *first = NULL;

	for (size_t i = 0; i < m->nrcpts; i++)
		if (is_for_sender(m, &m->rcpts[i], g->took)) {
			m->rcpts[i].for_content = true;
			m->rcpts[i].for_sender = true;
			if (!first)
				first = &m->rcpts[i];
		}
	return first;
}

static enum verdict refused_sender_at_rcpt(struct message *m,
					   const struct message_rcpt *to,
					   const struct verdict_given *g)
{
	struct dest_result r = { .outcome = DEST_REFUSED,
				 .stage = DEST_AT_RCPT,
				 .code = to->code,
				 .words = words_to(m, to, VIEW_NONE) };
	enum verdict v = refused_sender(m, &r, g);

	for (size_t i = 0; v == VERDICT_SETTING && i < m->nrcpts; i++)
		if (m->rcpts[i].state == RCPT_REFUSED)
			m->rcpts[i].state = RCPT_WAITING;
	return v;
}

bool verdict_blames_sender(const struct message *m, const struct dest_result *r,
			   const struct welcome *took)
{
	if (r->outcome == DEST_REFUSED && r->stage == DEST_AT_MAIL)
		return true;
	if (r->outcome != DEST_ACCEPTED && r->stage != DEST_AT_RCPT)
		return false;
	for (size_t i = 0; i < m->nrcpts; i++)
		if (is_for_sender(m, &m->rcpts[i], took))
			return true;
	return false;
}

/* Every recipient was answered, each in its own way (CASES G9). */
static enum verdict by_rcpts(struct message *m, const struct dest_result *r,
			     const struct verdict_given *g)
{
	const struct message_rcpt *wrong, *waiting;
	const struct message_rcpt *blamed = blame_sender(m, g);
	bool fell;

	blame_client(m, g);
	fell = fall_back(m);
	wrong = misconfigured(m);
	if (wrong && is_corrected(wrong, g->today))
		readdress(m, wrong, g->today);
	else if (wrong)
		return wrong_rcpt(m, wrong, g);
	waiting = first(m, RCPT_WAITING);
	if (waiting && waiting->code)
		return later(m, g, words_to(m, waiting, r->words));
	if (waiting && wrong)
		return again(m, g->now_ms);
	if (waiting && fell) {
		reason(m, "refused for its recipient, now for the fallback",
		       r->words);
		return again(m, g->now_ms);
	}
	if (waiting)
		return later(m, g, r->words);
	if (blamed)
		return refused_sender_at_rcpt(m, blamed, g);
	if (unsettled(m))
		return held_for(m, unsettled(m), g);
	m->state = MESSAGE_DELIVERED;
	m->settled_at = g->now_ms;
	m->next_at = 0;
	message_set(&m->reason, VIEW_NONE);
	return VERDICT_DELIVERED;
}

static enum verdict refused(struct message *m, const struct dest_result *r,
			    const struct verdict_given *g)
{
	switch (r->stage) {
	case DEST_AT_MAIL:
		return refused_sender(m, r, g);
	case DEST_AT_RCPT:
		return by_rcpts(m, r, g);
	case DEST_AT_DATA:
	case DEST_AT_END:
		break;
	}
	return refused_for_good(m, "the message was refused", r->words, g);
}

static enum verdict deferred(struct message *m, const struct dest_result *r,
			     const struct verdict_given *g)
{
	if (r->stage == DEST_AT_RCPT)
		return by_rcpts(m, r, g);
	(void)blame_sender(m, g);
	(void)fall_back(m);
	return later(m, g, r->words);
}

enum verdict verdict_apply(struct message *m, const struct dest_result *r,
			   const struct verdict_given *g)
{
	int64_t now_ms = g->now_ms;

	if (r->words.n)
		message_set(&m->reply, r->words);
	switch (r->outcome) {
	case DEST_ACCEPTED:
		return by_rcpts(m, r, g);
	case DEST_DEFERRED:
		return deferred(m, r, g);
	case DEST_REFUSED:
		return refused(m, r, g);
	case DEST_UNSENT:
		forgive_outage(m, now_ms); /* its mark is moved */
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
