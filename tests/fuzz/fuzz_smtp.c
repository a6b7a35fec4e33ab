/*
 * Any octets as an SMTP or LMTP server, with a fixed flow behind the engine.
 * Claims: it never gets stuck with octets unread and ends after an end; an
 * acceptance comes only for a message whose end was sent; no body octet goes
 * out without a go-ahead; nothing but EHLO, STARTTLS and QUIT before required
 * TLS.
 */
#include "must.h"
#include "smtp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct flow {
	struct smtp *s;
	enum smtp_line line;
	bool secured, over;
	uint64_t tag, fed; /* fed: tag whose body went out whole */
	size_t accepted;   /* recipients of this transaction */
};

static void next_message(struct flow *f)
{
	struct smtp_mail m = { .from = VIEW_LIT("a@b"), .octets = 12 };

	f->tag++;
	if (!smtp_mail(f->s, &m, f->tag))
		return;
	(void)smtp_rcpt(f->s, VIEW_LIT("c@d"), VIEW_NONE, f->tag << 8);
	(void)smtp_rcpt(f->s, VIEW_LIT("e@f"), VIEW_NONE, f->tag << 8 | 1);
	if (smtp_bdat(f->s, 9, true, f->tag)) {
		MUST(smtp_body(f->s, VIEW_LIT("S: x\r\n\r\ny, too many")) == 9);
		f->fed = f->tag;
		(void)smtp_rset(f->s);
	} else {
		(void)smtp_data(f->s, f->tag);
	}
}

static void on_reply(struct flow *f, const struct smtp_event *ev)
{
	const struct smtp_client client = { .address = VIEW_LIT("192.0.2.1"),
					    .name = VIEW_LIT("a.example"),
					    .helo = VIEW_LIT("b=") };

	switch (ev->cmd) {
	case SMTP_CMD_EHLO:
		if (ev->ok && f->line == SMTP_LINE_STARTTLS && !f->secured)
			MUST(smtp_starttls(f->s));
		else if (ev->ok && smtp_xclient(f->s, &client))
			break;
		else if (smtp_auth_names(f->s).n)
			(void)smtp_auth(f->s, VIEW_LIT("LOGIN"),
					(struct view){ NULL, 0 });
		else
			next_message(f);
		break;
	case SMTP_CMD_XCLIENT:
		if (ev->ok)
			(void)smtp_ehlo(f->s, VIEW_LIT("me.example"));
		else
			next_message(f);
		break;
	case SMTP_CMD_BODY:
	case SMTP_CMD_BDAT:
		MUST(!ev->ok || ev->tag <= f->fed);
		if (ev->left == 0 && smtp_in_flight(f->s) < 20)
			next_message(f);
		if (f->tag > 5)
			(void)smtp_quit(f->s);
		break;
	case SMTP_CMD_DATA:
		MUST(!ev->ok);
		(void)smtp_rset(f->s);
		break;
	case SMTP_CMD_AUTH:
	case SMTP_CMD_RSET:
	case SMTP_CMD_STARTTLS:
		next_message(f);
		break;
	case SMTP_CMD_MAIL:
	case SMTP_CMD_RCPT:
	case SMTP_CMD_NOOP:
	case SMTP_CMD_QUIT:
		break;
	}
}

static void on_event(struct flow *f, const struct smtp_event *ev)
{
	switch (ev->type) {
	case SMTP_EV_GREETING:
		MUST(smtp_ehlo(f->s, VIEW_LIT("me")) == ev->ok);
		break;
	case SMTP_EV_REPLY:
		on_reply(f, ev);
		break;
	case SMTP_EV_CHALLENGE:
		if (ev->words.n % 3)
			MUST(smtp_answer(f->s, VIEW_LIT("eA==")));
		else
			MUST(smtp_cancel(f->s));
		break;
	case SMTP_EV_TLS_WANTED:
		MUST(smtp_room(f->s).n == 0 && smtp_caps(f->s) == 0);
		smtp_secured(f->s);
		f->secured = true;
		(void)smtp_ehlo(f->s, VIEW_LIT("me"));
		break;
	case SMTP_EV_GO_AHEAD:
		MUST(smtp_body(f->s, VIEW_LIT(".x\r\n")) == 4);
		MUST(smtp_body_end(f->s));
		f->fed = ev->tag;
		break;
	case SMTP_EV_BYE:
	case SMTP_EV_CLOSED:
	case SMTP_EV_FAILED:
		f->over = true;
		break;
	}
}

/* What goes out in clear where TLS is required. */
static void check_clear(const struct flow *f, struct view v)
{
	if (f->line != SMTP_LINE_STARTTLS || f->secured || v.n == 0)
		return;
	MUST(view_starts(v, VIEW_LIT("EHLO me\r\n")) ||
	     view_starts(v, VIEW_LIT("LHLO me\r\n")) ||
	     view_starts(v, VIEW_LIT("STARTTLS\r\n")));
}

static void take_events(struct flow *f)
{
	struct smtp_event ev;

	while (smtp_next(f->s, &ev)) {
		volatile char sum = 0;

		MUST(!f->over);
		for (size_t i = 0; i < ev.words.n; i++)
			sum ^= ev.words.p[i];
		for (size_t i = 0; ev.reply && i < ev.reply->n; i++)
			sum ^= ev.reply->words[i];
		(void)sum;
		on_event(f, &ev);
		check_clear(f, smtp_pending(f->s));
		smtp_sent(f->s, smtp_pending(f->s).n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* the first octet says how the rest is cut, and what it is for */
	uint8_t way = n ? data[0] : 0;
	size_t step = (size_t)(way % 31) * 13 + 1, at = n > 0;
	struct flow f = { .line = way & 64 ? SMTP_LINE_STARTTLS
					   : SMTP_LINE_CLEAR };

	f.s = smtp_new(way & 128 ? SMTP_KIND_LMTP : SMTP_KIND_SMTP, f.line);
	while (!f.over && at < n) {
		struct room room = smtp_room(f.s);
		size_t k = n - at < step ? n - at : step;

		MUST(room.n > 0);
		if (k > room.n)
			k = room.n;
		memcpy(room.p, data + at, k);
		smtp_received(f.s, k);
		at += k;
		take_events(&f);
		(void)smtp_patience(f.s);
	}
	if (!f.over) {
		smtp_eof(f.s);
		take_events(&f);
		MUST(f.over);
	}
	MUST(smtp_room(f.s).n == 0 && smtp_pending(f.s).n == 0);
	smtp_free(f.s);
	return 0;
}
