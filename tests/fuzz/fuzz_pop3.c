/*
 * Any octets as a POP3 server, with a fixed flow behind the engine. Claims: it
 * never gets stuck with octets unread, it ends after an end, a body or listing
 * ends once at most, and every event's octets are readable.
 */
#include "must.h"
#include "pop3.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What the flow does when it hears ev. */
static void answer(struct pop3 *p, const struct pop3_event *ev)
{
	struct secret s = { NULL, 0 };

	switch (ev->type) {
	case POP3_EV_GREETING:
		(void)pop3_capa(p);
		break;
	case POP3_EV_TLS_WANTED:
		pop3_secured(p);
		secret_set(&s, VIEW_LIT("secret"));
		(void)(pop3_user(p, VIEW_LIT("user")) && pop3_pass(p, &s));
		secret_fini(&s);
		break;
	case POP3_EV_CHALLENGE:
		MUST(pop3_auth_answer(p, ev->text.n % 2 ? VIEW_LIT("*")
							: VIEW_LIT("")));
		break;
	case POP3_EV_REPLY:
		if (ev->cmd == POP3_CMD_CAPA && !ev->ok)
			(void)pop3_stls(p);
		else if (ev->cmd == POP3_CMD_STLS)
			(void)pop3_auth(p, VIEW_LIT("PLAIN"),
					(struct view){ NULL, 0 });
		else if (ev->cmd == POP3_CMD_PASS || ev->cmd == POP3_CMD_AUTH)
			(void)(pop3_stat(p) && pop3_list(p) && pop3_uidl(p));
		else if (ev->cmd == POP3_CMD_DELE && ev->number % 7 == 0)
			(void)pop3_quit(p);
		break;
	case POP3_EV_LISTING:
		(void)(ev->number % 3 ? pop3_retr(p, ev->number)
				      : pop3_top(p, ev->number, 0));
		break;
	case POP3_EV_END:
		if (ev->cmd == POP3_CMD_CAPA)
			(void)pop3_stls(p);
		else if (ev->number)
			(void)pop3_dele(p, ev->number);
		break;
	case POP3_EV_CAPABILITY:
	case POP3_EV_BODY:
	case POP3_EV_FAILED:
		break;
	}
}

static bool take_events(struct pop3 *p)
{
	struct pop3_event ev;
	bool over = false;

	while (pop3_next(p, &ev)) {
		volatile char sum = 0;

		MUST(!over);
		for (size_t i = 0; i < ev.text.n; i++)
			sum ^= ev.text.p[i];
		(void)sum;
		over = ev.type == POP3_EV_FAILED ||
		       (ev.type == POP3_EV_REPLY && ev.cmd == POP3_CMD_QUIT);
		MUST(ev.type != POP3_EV_BODY || ev.text.n > 0);
		answer(p, &ev);
		pop3_sent(p, pop3_pending(p).n);
	}
	return over;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct pop3 *p = pop3_new();
	size_t at = 0;
	bool over = false;

	/* the first octet says how the rest is cut */
	size_t step = n ? (size_t)(data[0] % 61) * 13 + 1 : 1;

	while (!over && at < n) {
		struct room room = pop3_room(p);
		size_t k = n - at < step ? n - at : step;

		MUST(room.n > 0);
		if (k > room.n)
			k = room.n;
		memcpy(room.p, data + at, k);
		pop3_received(p, k);
		at += k;
		over = take_events(p);
	}
	if (!over) {
		pop3_eof(p);
		MUST(take_events(p));
	}
	MUST(pop3_room(p).n == 0);
	pop3_free(p);
	return 0;
}
