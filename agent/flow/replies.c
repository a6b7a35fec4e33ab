#include "replies.h"

#include "limits.h"
#include "must.h"

#include <stdio.h>
#include <stdlib.h>

void replies_init(struct replies *r, struct message *m)
{
	*r = (struct replies){ .m = m };
	r->rcpt = mem_new(LIMIT_RECIPIENTS * sizeof(*r->rcpt));
	for (size_t i = 0; i < m->nrcpts && r->offered < LIMIT_RECIPIENTS; i++)
		if (m->rcpts[i].state == RCPT_WAITING)
			r->rcpt[r->offered++].at = i;
}

void replies_fini(struct replies *r)
{
	for (size_t i = 0; i < r->offered; i++)
		free(r->rcpt[i].words);
	free(r->rcpt);
}

const char *replies_address(const struct replies *r, size_t i)
{
	return r->m->rcpts[r->rcpt[i].at].address;
}

static bool is_temporary(int code)
{
	return code / 100 == 4;
}

/* --- what was said ------------------------------------------------------- */

void replies_to_mail(struct replies *r, int code, const char *words)
{
	r->mail_code = code;
	(void)snprintf(r->mail_words, sizeof(r->mail_words), "%s", words);
}

static void note(struct replies_rcpt *a, int code, const char *words)
{
	a->code = code;
	free(a->words);
	a->words = mem_str(words);
}

void replies_to_rcpt(struct replies *r, size_t i, int code, const char *words)
{
	if (r->rcpt[i].code == 0)
		r->answered++;
	if (code / 100 == 2)
		r->accepted++;
	note(&r->rcpt[i], code, words);
}

void replies_judge(struct replies *r, size_t i, bool ok, int code,
		   const char *words)
{
	note(&r->rcpt[i], code, words);
	r->rcpt[i].judged = true;
	r->judged++;
	r->judged_ok += ok;
	r->failed_late |= is_temporary(code);
}

/* --- what it makes of the message ---------------------------------------- */

enum dest_outcome replies_outcome_of(int code)
{
	return is_temporary(code) ? DEST_DEFERRED : DEST_REFUSED;
}

enum dest_outcome replies_outcome(const struct replies *r)
{
	if (r->judged_ok)
		return DEST_ACCEPTED;
	return r->failed_late ? DEST_DEFERRED : DEST_REFUSED;
}

bool replies_refuse(const struct replies *r)
{
	if (r->mail_code >= 400)
		return true;
	return r->mail_code > 0 && r->answered == r->offered && !r->accepted;
}

/* Of recipients none of whom was accepted: one that may be later wins. */
static const struct replies_rcpt *decisive(const struct replies *r)
{
	for (size_t i = 0; i < r->offered; i++)
		if (is_temporary(r->rcpt[i].code))
			return &r->rcpt[i];
	return &r->rcpt[0];
}

struct dest_result replies_refusal(const struct replies *r)
{
	bool at_mail = r->mail_code >= 400;
	const struct replies_rcpt *a = decisive(r);
	int code = at_mail ? r->mail_code : a->code;

	return (struct dest_result){
		.outcome = replies_outcome_of(code),
		.stage = at_mail ? DEST_AT_MAIL : DEST_AT_RCPT,
		.code = code,
		.words = view_of(at_mail ? r->mail_words : a->words),
	};
}

static void settle_rcpt(const struct replies_rcpt *a, struct message_rcpt *r)
{
	if (a->code / 100 == 5)
		r->state = RCPT_REFUSED;
	else if (a->code / 100 == 2)
		r->state = RCPT_ACCEPTED;
	r->code = a->code;
	r->for_content = a->judged;
	r->for_sender = false;
	message_set(&r->reply, view_of(a->words));
}

void replies_settle(struct replies *r, bool accepted)
{
	for (size_t i = 0; i < r->offered; i++) {
		const struct replies_rcpt *a = &r->rcpt[i];

		/* accepted by RCPT alone says nothing of what came after */
		if (a->code == 0 ||
		    (a->code / 100 == 2 && !a->judged && !accepted))
			continue;
		settle_rcpt(a, &r->m->rcpts[a->at]);
	}
}
