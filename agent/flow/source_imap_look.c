#include "imap_set.h"
#include "must.h"
#include "source_imap.h"

#include <stdio.h>
#include <stdlib.h>

/* --- the folder --- */

static void bad_name(struct imap_source *s);
static void ask_ahead(struct imap_source *s);

void imap_source_select(struct imap_source *s)
{
	if (s->folder != LOOK_WANTED ||
	    (s->enabling && !imap_name_is_plain(s->wanted)))
		return;
	if (!s->name)
		s->name = imap_folders_wire(&s->folders, s->wanted);
	if (!s->name && s->phase == PHASE_OPEN)
		bad_name(s);
	else if (s->name && imap_select(s->imap, view_of(s->name))) {
		s->folder = LOOK_ASKED;
		s->selected = false; /* RFC 3501 6.3.1, also if refused */
		ask_ahead(s);
	}
}

/*
 * Coremail, as NetEase runs it, opens no mailbox to a program that has not said
 * who it is by ID; name and version will do: dytttf.com 2021-11-12,
 * "IMAP协议-从网易邮箱的骚操作到QQ邮箱的BUG".
 */
static bool is_unsafe(const struct imap_event *ev)
{
	return ev->status == IMAP_NO &&
	       view_ifind(ev->text, VIEW_LIT("unsafe login")) < ev->text.n;
}

static void unsafe_login(struct imap_source *s, const struct imap_event *ev)
{
	struct err err;

	err_set(&err, ERR_AUTH,
		"the provider does not trust this sign-in, and opens no "
		"mailbox");
	err.origin = ERR_FROM_IMAP;
	err_peer(&err, ev->text);
	err_remedy(&err, "see in its web mail, under POP3/SMTP/IMAP, that "
			 "IMAP is on, and make a new authorization code "
			 "(授权码) there; POP3 (protocol = \"pop3\") may work");
	s->report->folder(s->who, NULL, &err);
}

static void refused_folder(struct imap_source *s, const struct imap_event *ev)
{
	struct err err;

	if (is_unsafe(ev)) {
		unsafe_login(s, ev);
		return;
	}
	err_set(&err, imap_refusal(ev->command, ev->status, ev->code),
		"the folder cannot be opened");
	err.origin = ERR_FROM_IMAP;
	err_peer(&err, ev->text);
	if (err.class == ERR_REFUSED)
		err_remedy(&err, "write its name in `folders` as mailhaul "
				 "check lists it");
	s->report->folder(s->who, NULL, &err);
}

void imap_source_selected(struct imap_source *s, const struct imap_event *ev)
{
	const struct imap_mailbox *m = &ev->mailbox;
	struct source_folder f;

	if (s->orphan) {
		s->orphan = false;
		s->selected = ev->status == IMAP_OK;
		return;
	}
	s->folder = LOOK_NOT;
	imap_source_be_ready(s); /* an answer out of its order */
	if (s->phase == PHASE_OVER)
		return;
	if (is_unsafe(ev) && !s->identified) {
		imap_source_identify(s); /* though CAPABILITY did not name it */
		s->folder = LOOK_WANTED;
		return;
	}
	if (ev->status != IMAP_OK && !s->in_utf8 &&
	    imap_capabilities(s->imap)->can & IMAP_CAN_UTF8_ONLY) {
		imap_source_enable(s); /* what it can do was not known before */
		free(s->name);
		s->name = NULL;
		s->folder = LOOK_WANTED;
		return;
	}
	if (ev->status != IMAP_OK) {
		refused_folder(s, ev);
		return;
	}
	s->mailbox = *m;
	s->selected = true;
	imap_rest_selected(&s->rest, m->messages);
	f = (struct source_folder){
		/* RFC 4315 3: UIDs that do not persist identify nothing */
		.uidvalidity =
			m->has & IMAP_HAS_UIDNOTSTICKY ? 0 : m->uidvalidity,
		.uidnext = m->uidnext,
		.exists = m->messages,
		.read_only = m->has & IMAP_HAS_READ_ONLY,
	};
	s->report->folder(s->who, &f, NULL);
}

static void bad_name(struct imap_source *s)
{
	struct err err;

	s->folder = LOOK_NOT;
	err_set(&err, ERR_CONFIG, "no folder can have this name");
	err_remedy(&err, "write `folders` in UTF-8, without control "
			 "characters");
	s->report->folder(s->who, NULL, &err);
}

/* --- the listing --- */

static void report_items(struct imap_source *s)
{
	size_t n;
	struct spool_item *items = imap_listing_take(&s->listing, &n);

	s->list = LOOK_NOT;
	s->report->items(s->who, items, n);
}

/*
 * Behind SELECT, so that it costs no round trip. If that is refused, so is
 * this. Not before it is known which items the server has.
 */
static void ask_ahead(struct imap_source *s)
{
	char set[IMAP_SET_RANGE_OCTETS];

	if (s->ahead != LOOK_WANTED)
		return;
	if (!imap_capabilities(s->imap)->known ||
	    !imap_fetch(s->imap, imap_set_from(s->ahead_from, set),
			s->ahead_dates)) {
		imap_source_forget_ahead(s);
		return;
	}
	imap_listing_begin(&s->listing, s->ahead_from);
	s->ahead = LOOK_ASKED;
}

void imap_source_forget_ahead(struct imap_source *s)
{
	s->ahead_from = 0;
	s->ahead_again = false;
	if (s->ahead == LOOK_WANTED)
		s->ahead = LOOK_NOT;
}

static void ask_listing(struct imap_source *s)
{
	bool empty =
		s->mailbox.has & IMAP_HAS_MESSAGES && s->mailbox.messages == 0;
	char set[IMAP_SET_RANGE_OCTETS];

	if (s->ahead == LOOK_ASKED) /* what comes may be it */
		return;
	if (!empty && s->ahead_from == s->from &&
	    (s->ahead_dates || !s->dates)) {
		s->ahead_from = 0;
		report_items(s);
		return;
	}
	s->ahead_from = 0;
	imap_listing_begin(&s->listing, s->from);
	imap_rest_listing(&s->rest);
	/* In an empty folder "1:*" names nothing, which some call BAD. */
	if (empty)
		report_items(s);
	else if (imap_fetch(s->imap,
			    imap_set_from(s->from_start ? 1 : s->from, set),
			    s->dates))
		s->list = LOOK_ASKED;
}

static void came_ahead(struct imap_source *s, const struct imap_event *ev)
{
	s->ahead = s->ahead_again ? LOOK_WANTED : LOOK_NOT;
	if (s->ahead_again)
		s->ahead_again = false;
	else if (ev->status != IMAP_OK || !s->selected || s->folder != LOOK_NOT)
		s->ahead_from = 0;
}

void imap_source_listed(struct imap_source *s, const struct imap_event *ev)
{
	struct err err;

	if (s->ahead == LOOK_ASKED) {
		came_ahead(s, ev);
		return;
	}
	if (ev->status == IMAP_OK) {
		report_items(s);
		return;
	}
	/*
	 * QQ calls a descending set BAD ("Sequence set is inavlid!":
	 * pimalaya/himalaya issue 276, 2022-02-02), which "8:*" is where 7 is
	 * the last; what is below is left out here.
	 */
	if (ev->status == IMAP_BAD && s->from > 1 && !s->from_start) {
		s->from_start = true;
		s->list = LOOK_WANTED;
		return;
	}
	err_set(&err, imap_refusal(ev->command, ev->status, ev->code),
		"the folder cannot be listed");
	err.origin = ERR_FROM_IMAP;
	err_peer(&err, ev->text);
	imap_source_end(s, &err);
}

/* --- those not seen, or not deleted --- */

static void ask_unseen(struct imap_source *s)
{
	char text[64] = "UNSEEN";

	if (s->marked_low)
		(void)snprintf(text, sizeof(text), "UID %u:%u UNDELETED",
			       s->marked_low, s->marked_high);
	imap_listing_begin(&s->unseen_found, 1);
	if (imap_search(s->imap, view_of(text)))
		s->unseen = LOOK_ASKED;
}

void imap_source_add_unseen(struct imap_source *s, const struct imap_event *ev)
{
	for (size_t i = 0; i < ev->n_uids; i++)
		imap_listing_add(&s->unseen_found,
				 &(struct imap_fetch){ .uid = ev->uids[i] });
}

void imap_source_unseen(struct imap_source *s, const struct imap_event *ev)
{
	struct spool_item *items;
	struct err err;
	size_t n;

	s->unseen = LOOK_NOT;
	items = imap_listing_take(&s->unseen_found, &n);
	err_set(&err, imap_refusal(ev->command, ev->status, ev->code),
		"the server does not tell what is %s",
		s->marked_low ? "no longer marked as deleted" : "unseen");
	err.origin = ERR_FROM_IMAP;
	err_peer(&err, ev->text);
	s->report->unseen(s->who, items, n,
			  ev->status == IMAP_OK ? NULL : &err);
}

/* --- what can be done now --- */

/*
 * RFC 3501 6.3.10: no STATUS of what is selected, if its numbers matter. (Among
 * those of all others LIST may tell them: RFC 9051 6.3.11.) RFC 3691
 */
static void unselect(struct imap_source *s)
{
	if (s->selected && imap_folders_wait(&s->folders) &&
	    !s->folders.aside &&
	    imap_capabilities(s->imap)->can & IMAP_CAN_UNSELECT &&
	    imap_unselect(s->imap))
		s->selected = false;
}

void imap_source_look(struct imap_source *s, bool busy)
{
	if (!busy && s->folder != LOOK_ASKED &&
	    (!s->enabling || imap_folders_are_plain(&s->folders))) {
		unselect(s);
		imap_folders_go(&s->folders, imap_capabilities(s->imap)->can);
	}
	if (!busy && imap_folders_idle(&s->folders))
		imap_source_select(s);
	if (s->folder == LOOK_NOT && s->unseen == LOOK_WANTED)
		ask_unseen(s);
	if (s->folder == LOOK_NOT && s->list == LOOK_WANTED)
		ask_listing(s);
}

void imap_source_new_uids(struct imap_source *s, const struct imap_event *ev)
{
	struct err err;

	err_set(&err, ERR_RETRY,
		"the folder was renewed while it was looked at: its UIDs name "
		"other messages");
	err.origin = ERR_FROM_IMAP;
	err_peer(&err, ev->text);
	err_remedy(&err, "what it holds now is compared with what was "
			 "delivered, at the next pass");
	imap_source_end(s, &err);
}
