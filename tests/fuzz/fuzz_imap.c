/*
 * Any octets as an IMAP server. Two ways, told apart by the first octet: a
 * script in the manner of the transcripts ("S octets", "> command", "T"; other
 * lines mean nothing), or the server's octets alone, against a client that has
 * a command of each kind in flight. Claims: the engine never gets stuck with
 * octets unread, ends after an end, closes each body it begins before the next
 * one, never reports more octets than were announced, and every event's octets
 * are readable.
 */
#include "imap.h"
#include "imap_lex.h"
#include "must.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct session {
	struct imap *p;
	bool over, in_body;
	uint64_t left; /* octets announced and not come */
	size_t step;   /* so many octets at once */
};

static void readable(struct view v)
{
	volatile char sum = 0;

	for (size_t i = 0; i < v.n; i++)
		sum ^= v.p[i];
	(void)sum;
}

static void all_readable(const struct imap_event *ev)
{
	readable(ev->text);
	readable(ev->code_args);
	readable(ev->list.name);
	readable(ev->mailbox.name);
	for (size_t i = 0; i < ev->n_uids; i++)
		MUST(ev->uids[i] != 0);
}

static void check_body(struct session *s, const struct imap_event *ev)
{
	switch (ev->type) {
	case IMAP_EV_BODY_BEGIN:
		MUST(!s->in_body);
		s->in_body = true;
		s->left = ev->fetch.octets;
		break;
	case IMAP_EV_BODY:
		MUST(s->in_body && ev->text.n > 0 && ev->text.n <= s->left);
		s->left -= ev->text.n;
		break;
	case IMAP_EV_BODY_END:
		MUST(s->in_body && s->left == 0);
		s->in_body = false;
		break;
	case IMAP_EV_FETCH:
	case IMAP_EV_TAGGED:
		MUST(!s->in_body);
		break;
	default:
		break;
	}
}

/* One command of each kind, so that each kind of response means something. */
static void ask_everything(struct imap *p)
{
	static const struct view set = VIEW_LIT("1:5,7");
	struct view name = VIEW_LIT("\xff{3}\r\n");

	(void)imap_capability(p);
	(void)imap_login(p, VIEW_LIT("u\\\""), VIEW_LIT("p"));
	(void)imap_list(p, &name, 1, IMAP_LIST_STATUS);
	(void)imap_select(p, VIEW_LIT("INBOX"));
	(void)imap_fetch(p, set, true);
	(void)imap_fetch_body(p, set);
	(void)imap_search(p, VIEW_LIT("ALL"));
	(void)imap_copy(p, set, name);
	(void)imap_authenticate(p, VIEW_LIT("PLAIN"), NULL);
	(void)imap_idle(p);
}

static void answer(struct session *s, const struct imap_event *ev)
{
	switch (ev->type) {
	case IMAP_EV_TLS_WANTED:
		imap_secured(s->p);
		break;
	case IMAP_EV_DEFLATE:
		MUST(imap_room(s->p).n == 0 && imap_pending(s->p).n == 0);
		imap_deflated(s->p);
		break;
	case IMAP_EV_CONTINUE:
		if (!imap_answer(s->p, VIEW_LIT("AA==")))
			(void)imap_cancel(s->p);
		break;
	case IMAP_EV_IDLING:
		(void)imap_done(s->p);
		break;
	case IMAP_EV_FAILED:
	case IMAP_EV_CLOSED:
		s->over = true;
		break;
	default:
		break;
	}
}

static void take_events(struct session *s)
{
	struct imap_event ev;

	while (imap_next(s->p, &ev)) {
		MUST(!s->over);
		all_readable(&ev);
		check_body(s, &ev);
		answer(s, &ev);
		imap_sent(s->p, imap_pending(s->p).n);
	}
}

static void feed(struct session *s, struct view v)
{
	while (!s->over && v.n) {
		struct room room = imap_room(s->p);
		size_t k = v.n < s->step ? v.n : s->step;

		MUST(room.n > 0);
		if (k > room.n)
			k = room.n;
		memcpy(room.p, v.p, k);
		imap_received(s->p, k);
		v = view_skip(v, k);
		take_events(s);
	}
}

static void command(struct imap *p, struct view words)
{
	struct view verb = view_word(&words), first = view_word(&words);

	switch (verb.n ? verb.p[0] : '?') {
	case 'a':
		(void)imap_authenticate(p, first, words.n ? &words : NULL);
		break;
	case 'b':
		(void)imap_fetch_body(p, first);
		break;
	case 'c':
		(void)imap_compress(p);
		break;
	case 'f':
		(void)imap_fetch(p, first, true);
		break;
	case 'h':
		(void)imap_fetch_header(p, first, words);
		break;
	case 'i':
		(void)imap_idle(p);
		break;
	case 'l':
		if (words.n)
			(void)imap_login(p, first, words);
		else if (first.n)
			(void)imap_list(p, &first, 1, IMAP_LIST_STATUS);
		else
			(void)imap_logout(p);
		break;
	case 's':
		if (first.n)
			(void)imap_select(p, first);
		else
			(void)imap_starttls(p);
		break;
	default:
		(void)imap_search(p, verb);
		break;
	}
	imap_sent(p, imap_pending(p).n);
}

static void play_line(struct session *s, struct view line)
{
	if (view_starts(line, VIEW_LIT("S "))) {
		feed(s, view_skip(line, 2));
		feed(s, VIEW_LIT("\r\n"));
	} else if (view_starts(line, VIEW_LIT("> "))) {
		command(s->p, view_skip(line, 2));
	}
}

static void play(struct session *s, struct view script)
{
	while (script.n && !s->over) {
		size_t end = view_find(script, '\n');

		play_line(s, view_head(script, end));
		script = view_skip(script, end + 1);
	}
}

static void play_raw(struct session *s, struct view octets)
{
	feed(s, VIEW_LIT("* OK [CAPABILITY IMAP4rev1 LITERAL-] hi\r\n"));
	ask_everything(s->p);
	imap_sent(s->p, imap_pending(s->p).n);
	feed(s, octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct view in = { (const char *)data, n };
	struct session s = { .p = imap_new(false), .step = n % 61 * 13 + 1 };

	if (n && memchr("#%S>", data[0], 4))
		play(&s, in);
	else
		play_raw(&s, in);
	if (!s.over) {
		imap_eof(s.p);
		take_events(&s);
	}
	MUST(s.over);
	MUST(imap_room(s.p).n == 0);
	imap_free(s.p);
	return 0;
}
