/*
 * outbox: from offer to result, against an engine whose server is the test.
 * What is sent is compared as text; results are told in words.
 */
#include "outbox.h"

#include "head.h"
#include "must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MESSAGES 8

struct rig {
	struct smtp *smtp;
	struct outbox *box;
	struct message *m[MESSAGES];
	const char *body[MESSAGES];
	size_t octets[MESSAGES]; /* of it, whatever the message says */
	struct text told;	 /* results, one line each */
	bool cut, over, orderly, unreadable;
};

static bool read_body(void *who, const struct message_place *place,
		      uint64_t offset, struct room r, size_t *got,
		      struct err *err)
{
	struct rig *g = who;
	struct view v = { g->body[place->segment], g->octets[place->segment] };

	v = view_skip(v, offset);
	if (g->unreadable)
		return err_set(err, ERR_DISK, "no");
	/* short bodies in small pieces */
	v = view_head(v, v.n < 100 ? 3 : r.n);
	memcpy(r.p, v.p, v.n);
	*got = v.n;
	return true;
}

static void stamp(void *who, const struct message *m, struct text *out)
{
	(void)who;
	text_fmt(out, "X: %d\r\n", (int)m->id);
}

static void on_result(void *who, struct message *m, const struct dest_result *r)
{
	static const char *const outcomes[] = { "accepted", "deferred",
						"refused",  "unsent",
						"lost",	    "damaged" };
	static const char *const stages[] = { "mail", "rcpt", "data", "end" };
	static const char states[] = "?WAR";
	struct rig *g = who;

	text_fmt(&g->told, "%d %s at %s %d ", (int)m->id, outcomes[r->outcome],
		 stages[r->stage], r->code);
	for (size_t i = 0; i < m->nrcpts; i++)
		text_fmt(&g->told, "%c", states[m->rcpts[i].state]);
	text_puts(&g->told, "\n");
}

/* --- the server ---------------------------------------------------------- */

static void take_events(struct rig *g)
{
	struct smtp_event ev;

	while (smtp_next(g->smtp, &ev)) {
		if (ev.type == SMTP_EV_REPLY || ev.type == SMTP_EV_GO_AHEAD) {
			if (g->box)
				outbox_event(g->box, &ev);
		} else if (ev.type != SMTP_EV_GREETING) {
			g->over = true;
			g->orderly = ev.type == SMTP_EV_BYE;
		}
	}
}

static void push(struct rig *g)
{
	if (!g->over)
		g->cut = outbox_push(g->box) == OUTBOX_CUT;
}

/* Everything pending is sent, and must be this. */
static void sends(struct rig *g, const char *want)
{
	struct text got;
	struct view v;

	push(g);
	text_init(&got, 1 << 20);
	while ((v = smtp_pending(g->smtp)).n) {
		text_put(&got, v);
		smtp_sent(g->smtp, v.n);
		push(g);
	}
	if (!view_eq(text_view(&got), view_of(want)))
		fail_msg("sent\n%s\nwanted\n%s", text_str(&got), want);
	text_fini(&got);
}

static void says(struct rig *g, const char *octets)
{
	struct view v = view_of(octets);
	struct room r = smtp_room(g->smtp);

	assert_true(r.n >= v.n);
	memcpy(r.p, v.p, v.n);
	smtp_received(g->smtp, v.n);
	take_events(g);
	push(g);
}

static void tells(struct rig *g, const char *want)
{
	if (!view_eq(text_view(&g->told), view_of(want)))
		fail_msg("told\n%s\nwanted\n%s", text_str(&g->told), want);
	text_clear(&g->told);
}

static void end(struct rig *g)
{
	outbox_end(g->box, g->orderly);
}

/* --- the rig ------------------------------------------------------------- */

static const char *const drops[] = { "Delivered-To", NULL };

static struct rig *rig_new(enum smtp_kind kind, const char *caps)
{
	struct rig *g = mem_new(sizeof(*g));
	struct outbox_options o = {
		.leave = { .drop_headers = drops,
			   .read = read_body,
			   .stamp = stamp,
			   .who = g },
		.result = on_result,
		.who = g,
	};
	struct view v;

	text_init(&g->told, 1 << 16);
	g->over = true; /* nothing to push yet */
	g->smtp = smtp_new(kind, SMTP_LINE_CLEAR);
	says(g, "220 x\r\n");
	assert_true(smtp_ehlo(g->smtp, VIEW_LIT("me")));
	while ((v = smtp_pending(g->smtp)).n)
		smtp_sent(g->smtp, v.n);
	says(g, caps);
	g->over = false;
	o.smtp = g->smtp;
	o.chunking = smtp_caps(g->smtp) & SMTP_CAP_CHUNKING;
	g->box = outbox_new(&o);
	return g;
}

static void rig_free(struct rig *g)
{
	assert_true(outbox_is_empty(g->box));
	tells(g, "");
	outbox_free(g->box);
	smtp_free(g->smtp);
	for (int i = 0; i < MESSAGES; i++)
		message_free(g->m[i]);
	text_fini(&g->told);
	free(g);
}

/* Message i, with so many recipients: "a@y", "b@y" ... */
static struct message *message(struct rig *g, int i, const char *body,
			       int rcpts)
{
	struct message *m = message_new();
	char address[] = "a@y";

	m->id = i;
	message_set(&m->sender, VIEW_LIT("s@x"));
	for (; rcpts--; address[0]++)
		message_add_rcpt(m, view_of(address));
	m->place.segment = (uint32_t)i;
	m->place.octets = m->repaired_octets = strlen(body);
	m->facts = HEAD_ENDS_LINE;
	if (strstr(body, "\r\n\r\n"))
		m->header_octets =
			(uint32_t)(strstr(body, "\r\n\r\n") + 4 - body);
	g->body[i] = body;
	g->octets[i] = strlen(body);
	g->m[i] = m;
	return m;
}

static void offer(struct rig *g, struct message *m)
{
	outbox_offer(g->box, m);
}

static void offer_and_release(struct rig *g, struct message *m)
{
	outbox_offer(g->box, m);
	outbox_release(g->box, m);
}

#define PLAIN	 "250 x\r\n"
#define PIPE	 "250-x\r\n250 PIPELINING\r\n"
#define CHUNKING "250-x\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
#define BODY	 "S: t\r\n\r\n.b\r\n"

/* --- what must never happen: P1 to P3 ------------------------------------ */

static void nothing_completes_before_the_release(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);
	struct message *m = message(g, 1, BODY, 1);

	(void)state;
	offer(g, m);
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n");
	says(g, "250 ok\r\n250 ok\r\n");
	sends(g, "");
	outbox_release(g->box, m);
	sends(g, "BDAT 18 LAST\r\nX: 1\r\n" BODY);
	tells(g, "");
	says(g, "250 2.0.0 queued\r\n");
	tells(g, "1 accepted at end 250 A\n");
	rig_free(g);
}

static void data_too_waits_for_the_release(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, PIPE);
	struct message *m = message(g, 1, BODY, 1);

	(void)state;
	offer(g, m);
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n");
	says(g, "250 ok\r\n250 ok\r\n");
	sends(g, "");
	outbox_release(g->box, m);
	sends(g, "DATA\r\n");
	says(g, "354 go\r\n");
	sends(g, "X: 1\r\nS: t\r\n\r\n..b\r\n.\r\n");
	says(g, "250 queued\r\n");
	tells(g, "1 accepted at end 250 A\n");
	/* what was accepted needs no RSET before the next */
	offer(g, message(g, 2, BODY, 1));
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n");
	end(g);
	tells(g, "2 unsent at end 0 W\n");
	rig_free(g);
}

static void a_window_of_messages_in_one_go(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);

	(void)state;
	offer_and_release(g, message(g, 1, BODY, 1));
	offer_and_release(g, message(g, 2, BODY, 1));
	offer(g, message(g, 3, BODY, 1));
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n"
		 "BDAT 18 LAST\r\nX: 1\r\n" BODY "RSET\r\n"
		 "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n"
		 "BDAT 18 LAST\r\nX: 2\r\n" BODY "RSET\r\n"
		 "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n");
	says(g, "250 ok\r\n250 ok\r\n250 one\r\n250 rset\r\n"
		"250 ok\r\n250 ok\r\n");
	tells(g, "1 accepted at end 250 A\n");
	/* G7: only what was sent whole is in doubt */
	end(g);
	tells(g, "2 lost at end 0 W\n3 unsent at end 0 W\n");
	rig_free(g);
}

/* G6: cut off before the last octet was handed out. */
static void a_half_sent_body_is_no_doubt(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);

	(void)state;
	offer_and_release(g, message(g, 1, BODY, 1));
	push(g);
	smtp_sent(g->smtp, smtp_pending(g->smtp).n - 1);
	end(g);
	tells(g, "1 unsent at end 0 W\n");
	rig_free(g);
}

/* G4, and a server that takes so many messages a connection. */
static void what_stands_behind_421_is_unsent(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);

	(void)state;
	offer_and_release(g, message(g, 1, "b\r\n", 1));
	offer_and_release(g, message(g, 2, "b\r\n", 1));
	offer_and_release(g, message(g, 3, "b\r\n", 1));
	push(g);
	smtp_sent(g->smtp, smtp_pending(g->smtp).n);
	says(g, "250 ok\r\n250 ok\r\n250 one\r\n250 rset\r\n"
		"421 too many\r\n");
	assert_true(g->orderly);
	end(g);
	tells(g, "1 accepted at end 250 A\n"
		 "2 unsent at end 0 W\n3 unsent at end 0 W\n");
	rig_free(g);
}

/* A broken order of replies: nothing may be believed. */
static void a_reply_too_many_puts_in_doubt(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);

	(void)state;
	offer_and_release(g, message(g, 1, "b\r\n", 1));
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n"
		 "BDAT 9 LAST\r\nX: 1\r\nb\r\n");
	says(g, "250 ok\r\n354 what\r\n");
	assert_true(g->over && !g->orderly);
	end(g);
	tells(g, "1 lost at end 0 W\n");
	rig_free(g);
}

/* P2, P3: where doubt is to be held, one message at a time. */
static void messages_whose_doubt_is_held_go_alone(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);

	(void)state;
	message(g, 1, "b\r\n", 1);
	message(g, 2, "b\r\n", 1)->hold_doubt = true;
	message(g, 3, "b\r\n", 1);
	for (int i = 1; i <= 3; i++)
		offer_and_release(g, g->m[i]);
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n"
		 "BDAT 9 LAST\r\nX: 1\r\nb\r\nRSET\r\n"
		 "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n");
	says(g, "250 ok\r\n250 ok\r\n250 one\r\n");
	sends(g, "BDAT 9 LAST\r\nX: 2\r\nb\r\nRSET\r\n"
		 "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n");
	says(g, "250 rset\r\n250 ok\r\n250 ok\r\n");
	sends(g, "");
	says(g, "250 two\r\n");
	sends(g, "BDAT 9 LAST\r\nX: 3\r\nb\r\n");
	says(g, "250 rset\r\n250 ok\r\n250 ok\r\n250 three\r\n");
	tells(g, "1 accepted at end 250 A\n2 accepted at end 250 A\n"
		 "3 accepted at end 250 A\n");
	rig_free(g);
}

/* --- refusals ------------------------------------------------------------ */

/* A 503 to RCPT behind a refused MAIL says nothing about the recipient. */
static void a_refused_sender_spoils_no_recipient(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);

	(void)state;
	offer(g, message(g, 1, BODY, 2));
	offer_and_release(g, message(g, 2, "b\r\n", 1));
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\nRCPT TO:<b@y>\r\n");
	says(g, "451 4.7.1 later\r\n");
	tells(g, "1 deferred at mail 451 WW\n");
	says(g, "503 no\r\n503 no\r\n");
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n"
		 "BDAT 9 LAST\r\nX: 2\r\nb\r\n");
	says(g, "550 no\r\n503 no\r\n503 no\r\n");
	tells(g, "2 refused at mail 550 W\n");
	rig_free(g);
}

static void every_recipient_refused_before_the_release(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, PIPE);

	(void)state;
	offer(g, message(g, 1, BODY, 2));
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\nRCPT TO:<b@y>\r\n");
	says(g, "250 ok\r\n550 no\r\n");
	tells(g, "");
	says(g, "551 no\r\n");
	tells(g, "1 refused at rcpt 550 RR\n");
	/* the transaction is open still */
	offer(g, message(g, 2, BODY, 1));
	sends(g, "RSET\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n");
	outbox_withdraw(g->box, g->m[2]);
	says(g, "250 rset\r\n250 ok\r\n250 ok\r\n");
	rig_free(g);
}

/* J6: with DATA already out, the server's 354 gets a lone dot. */
static void every_recipient_refused_behind_data(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, PIPE);

	(void)state;
	offer_and_release(g, message(g, 1, BODY, 2));
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\nRCPT TO:<b@y>\r\n"
		 "DATA\r\n");
	says(g, "250 ok\r\n550 no\r\n450 later\r\n354 go\r\n");
	sends(g, ".\r\n");
	says(g, "250 accepted nothing\r\n");
	tells(g, "1 deferred at rcpt 450 RW\n");
	rig_free(g);
}

/* G9 */
static void recipients_of_three_kinds(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);

	(void)state;
	offer_and_release(g, message(g, 1, "b\r\n", 3));
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\nRCPT TO:<b@y>\r\n"
		 "RCPT TO:<c@y>\r\nBDAT 9 LAST\r\nX: 1\r\nb\r\n");
	says(g, "250 ok\r\n250 ok\r\n451 later\r\n550 no\r\n250 queued\r\n");
	tells(g, "1 accepted at end 250 AWR\n");
	assert_int_equal(g->m[1]->rcpts[1].code, 451);
	assert_string_equal(g->m[1]->rcpts[2].reply, "550 no");
	/* only who waits is offered again */
	offer(g, g->m[1]);
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<b@y>\r\n");
	end(g);
	tells(g, "1 unsent at end 0 AWR\n");
	rig_free(g);
}

/* G5: nobody got it, whatever RCPT said. */
static void a_message_deferred_at_the_dot(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, PIPE);

	(void)state;
	offer_and_release(g, message(g, 1, "b\r\n", 2));
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\nRCPT TO:<b@y>\r\n"
		 "DATA\r\n");
	says(g, "250 ok\r\n250 ok\r\n550 no\r\n354 go\r\n");
	sends(g, "X: 1\r\nb\r\n.\r\n");
	says(g, "451 4.3.0 later\r\n");
	tells(g, "1 deferred at end 451 WR\n");
	/* J15: the rest goes on */
	offer_and_release(g, message(g, 2, "b\r\n", 1));
	sends(g, "RSET\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\nDATA\r\n");
	says(g, "250 ok\r\n250 ok\r\n250 ok\r\n554 5.6.0 no\r\n");
	tells(g, "2 refused at data 554 W\n");
	rig_free(g);
}

/* G12: offered, and then not known. */
static void bdat_that_nobody_knows(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);

	(void)state;
	offer_and_release(g, message(g, 1, "b\r\n", 1));
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n"
		 "BDAT 9 LAST\r\nX: 1\r\nb\r\n");
	says(g, "250 ok\r\n250 ok\r\n502 what?\r\n");
	assert_true(g->cut);
	assert_true(outbox_bdat_failed(g->box));
	tells(g, "1 unsent at data 502 W\n");
	rig_free(g);
}

/* --- bodies -------------------------------------------------------------- */

/* J1, J2: what leaves is told exactly to BDAT. */
static void bodies_are_repaired_and_cut_on_the_way(void **state)
{
	static const char body[] = "Delivered-To: me\r\nA: b\r\r\n\r\nc\nd";
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);
	struct message *m = message(g, 1, body, 1);

	(void)state;
	m->header_octets = 27;
	m->strays = 2;
	m->repaired_octets = sizeof(body) - 1; /* one less, one more */
	m->facts = 0;
	offer_and_release(g, m);
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n"
		 "BDAT 20 LAST\r\nX: 1\r\nA: b\r\n\r\nc\r\nd\r\n");
	says(g, "250 ok\r\n250 ok\r\n250 ok\r\n");
	tells(g, "1 accepted at end 250 A\n");
	rig_free(g);
}

/* I4: unreadable from the start; nothing of it is sent, others go on. */
static void an_unreadable_body_is_damaged(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);

	(void)state;
	offer_and_release(g, message(g, 1, BODY, 1));
	g->unreadable = true;
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n");
	tells(g, "1 damaged at data 0 W\n");
	assert_false(g->cut);
	g->unreadable = false;
	offer_and_release(g, message(g, 2, "b\r\n", 1));
	sends(g, "RSET\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n"
		 "BDAT 9 LAST\r\nX: 2\r\nb\r\n");
	end(g);
	tells(g, "2 lost at end 0 W\n");
	rig_free(g);
}

/* A body that ends before its facts say so, found out on the way. */
static struct message *short_message(struct rig *g, int i)
{
	static char body[300001];
	struct message *m;

	for (size_t k = 0; k < sizeof(body) - 1; k++)
		body[k] = k % 64 == 62 ? '\r' : k % 64 == 63 ? '\n' : 'x';
	m = message(g, i, body, 1);
	m->place.octets += 5;
	m->repaired_octets += 5;
	return m;
}

static void send_all(struct rig *g)
{
	struct view v;

	for (push(g); (v = smtp_pending(g->smtp)).n; push(g))
		smtp_sent(g->smtp, v.n);
}

/* I4: the line is cut, nothing completes. */
static void a_body_that_falls_short_is_never_completed(void **state)
{
	(void)state;
	for (int form = 0; form < 2; form++) {
		struct rig *g = rig_new(SMTP_KIND_SMTP, form ? CHUNKING : PIPE);

		offer_and_release(g, short_message(g, 1));
		send_all(g);
		says(g, form ? "250 ok\r\n250 ok\r\n"
			     : "250 ok\r\n250 ok\r\n354 go\r\n");
		send_all(g);
		assert_true(g->cut);
		assert_false(smtp_is_in_doubt(g->smtp, 1));
		end(g);
		tells(g, "1 damaged at end 0 W\n");
		rig_free(g);
	}
}

/* Earlier ones are still judged before the line is cut. */
static void a_damaged_body_waits_for_the_verdicts_before_it(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);

	(void)state;
	offer_and_release(g, message(g, 1, "b\r\n", 1));
	offer_and_release(g, short_message(g, 2));
	send_all(g);
	assert_false(g->cut);
	says(g, "250 ok\r\n250 ok\r\n250 one\r\n");
	assert_true(g->cut);
	end(g);
	tells(g, "1 accepted at end 250 A\n2 damaged at end 0 W\n");
	rig_free(g);
}

/* --- the rest ------------------------------------------------------------ */

/* F5, F7: what cannot be said to this server is refused, not mangled. */
static void addresses_the_server_cannot_take(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, PIPE);
	struct message *m = message(g, 1, "b\r\n", 1);

	(void)state;
	message_add_rcpt(m, VIEW_LIT("j\xC3\xBCrgen@y"));
	message_add_rcpt(m, VIEW_LIT("c@y>\r\nRSET"));
	offer_and_release(g, m);
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\nDATA\r\n");
	says(g, "250 ok\r\n250 ok\r\n354 go\r\n");
	sends(g, "X: 1\r\nb\r\n.\r\n");
	says(g, "250 ok\r\n");
	tells(g, "1 accepted at end 250 ARR\n");
	m = message(g, 2, "b\r\n", 1);
	message_set(&m->sender, VIEW_LIT("\xC3\xBC@x"));
	offer_and_release(g, m);
	sends(g, "");
	tells(g, "2 refused at data 553 W\n");
	rig_free(g);
}

static void smtputf8_where_it_is_offered(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP,
				"250-x\r\n250-SMTPUTF8\r\n250-SIZE 9999\r\n"
				"250-8BITMIME\r\n250 PIPELINING\r\n");
	struct message *m = message(g, 1, "b\xFF\r\n", 1);

	(void)state;
	m->facts |= HEAD_8BIT_BODY;
	message_add_rcpt(m, VIEW_LIT("j\xC3\xBCrgen@y"));
	offer(g, m);
	sends(g, "MAIL FROM:<s@x> SIZE=10 BODY=8BITMIME SMTPUTF8\r\n"
		 "RCPT TO:<a@y>\r\nRCPT TO:<j\xC3\xBCrgen@y>\r\n");
	end(g);
	tells(g, "1 unsent at end 0 WW\n");
	rig_free(g);
}

static void an_offer_taken_back(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);

	(void)state;
	offer(g, message(g, 1, "b\r\n", 1));
	offer(g, message(g, 2, "b\r\n", 1));
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n");
	outbox_withdraw(g->box, g->m[1]);
	outbox_release(g->box, g->m[2]);
	sends(g, "RSET\r\nMAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\n"
		 "BDAT 9 LAST\r\nX: 2\r\nb\r\n");
	says(g, "250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n"
		"250 two\r\n");
	tells(g, "2 accepted at end 250 A\n");
	rig_free(g);
}

static void without_pipelining_the_same_words(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, PLAIN);

	(void)state;
	offer_and_release(g, message(g, 1, "b\r\n", 1));
	sends(g, "MAIL FROM:<s@x>\r\n");
	says(g, "250 ok\r\n");
	sends(g, "RCPT TO:<a@y>\r\n");
	says(g, "250 ok\r\n");
	sends(g, "DATA\r\n");
	says(g, "354 go\r\n");
	sends(g, "X: 1\r\nb\r\n.\r\n");
	says(g, "250 ok\r\n");
	tells(g, "1 accepted at end 250 A\n");
	rig_free(g);
}

/* G10 */
static void lmtp_settles_one_by_one(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_LMTP, CHUNKING);

	(void)state;
	offer_and_release(g, message(g, 1, "b\r\n", 4));
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\nRCPT TO:<b@y>\r\n"
		 "RCPT TO:<c@y>\r\nRCPT TO:<d@y>\r\n"
		 "BDAT 9 LAST\r\nX: 1\r\nb\r\n");
	says(g, "250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n250 ok\r\n"
		"250 a\r\n452 full\r\n");
	tells(g, "");
	says(g, "550 no\r\n");
	tells(g, "1 accepted at end 550 ARWR\n");
	rig_free(g);
}

/* ... and what is cut off between verdicts is doubt for the rest alone. */
static void lmtp_cut_off_between_verdicts(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_LMTP, PIPE);

	(void)state;
	offer_and_release(g, message(g, 1, "b\r\n", 2));
	sends(g, "MAIL FROM:<s@x>\r\nRCPT TO:<a@y>\r\nRCPT TO:<b@y>\r\n"
		 "DATA\r\n");
	says(g, "250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
	sends(g, "X: 1\r\nb\r\n.\r\n");
	says(g, "250 a\r\n");
	end(g);
	tells(g, "1 lost at end 0 AW\n");
	rig_free(g);
}

/* A body much larger than the buffers streams. */
static void a_large_body_streams(void **state)
{
	struct rig *g = rig_new(SMTP_KIND_SMTP, CHUNKING);
	size_t n = 2u << 20, sent = 0;
	char *body = mem_new(n + 1);
	struct view v;

	(void)state;
	for (size_t i = 0; i < n; i++)
		body[i] = i % 64 == 62 ? '\r' : i % 64 == 63 ? '\n' : 'x';
	offer_and_release(g, message(g, 1, body, 1));
	g->m[1]->header_octets = 0;
	for (push(g); (v = smtp_pending(g->smtp)).n; push(g)) {
		assert_true(v.n <= SMTP_OUT_OCTETS);
		sent += v.n;
		smtp_sent(g->smtp, v.n);
	}
	assert_true(sent > n && sent < n + 200);
	says(g, "250 ok\r\n250 ok\r\n250 ok\r\n");
	tells(g, "1 accepted at end 250 A\n");
	rig_free(g);
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_completes_before_the_release),
		cmocka_unit_test(data_too_waits_for_the_release),
		cmocka_unit_test(a_window_of_messages_in_one_go),
		cmocka_unit_test(a_half_sent_body_is_no_doubt),
		cmocka_unit_test(what_stands_behind_421_is_unsent),
		cmocka_unit_test(a_reply_too_many_puts_in_doubt),
		cmocka_unit_test(messages_whose_doubt_is_held_go_alone),
		cmocka_unit_test(a_refused_sender_spoils_no_recipient),
		cmocka_unit_test(every_recipient_refused_before_the_release),
		cmocka_unit_test(every_recipient_refused_behind_data),
		cmocka_unit_test(recipients_of_three_kinds),
		cmocka_unit_test(a_message_deferred_at_the_dot),
		cmocka_unit_test(bdat_that_nobody_knows),
		cmocka_unit_test(bodies_are_repaired_and_cut_on_the_way),
		cmocka_unit_test(an_unreadable_body_is_damaged),
		cmocka_unit_test(a_body_that_falls_short_is_never_completed),
		cmocka_unit_test(
			a_damaged_body_waits_for_the_verdicts_before_it),
		cmocka_unit_test(addresses_the_server_cannot_take),
		cmocka_unit_test(smtputf8_where_it_is_offered),
		cmocka_unit_test(an_offer_taken_back),
		cmocka_unit_test(without_pipelining_the_same_words),
		cmocka_unit_test(lmtp_settles_one_by_one),
		cmocka_unit_test(lmtp_cut_off_between_verdicts),
		cmocka_unit_test(a_large_body_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
