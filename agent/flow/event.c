#include "event.h"
#include "log.h"

static const char *event_of(enum message_state s)
{
	switch (s) {
	case MESSAGE_SPOOLED:
	case MESSAGE_SENDING:
		return "deferred";
	case MESSAGE_DOUBT:
		return "in_doubt";
	case MESSAGE_HELD:
		return "held";
	case MESSAGE_DELIVERED:
	case MESSAGE_GONE:
		return "delivered";
	case MESSAGE_DROPPED:
		return "dropped";
	case MESSAGE_SKIPPED:
		return "skipped";
	}
	return "deferred";
}

void event_settled(const struct message *m, const char *account,
		   const char *folder)
{
	bool bad = m->state == MESSAGE_HELD || m->state == MESSAGE_DOUBT;
	char id[MESSAGE_ID_TEXT];
	struct log_line l;

	if (!log_begin(&l, bad ? LOG_WARNING : LOG_INFO, event_of(m->state)))
		return;
	message_id_text(m->id, id);
	if (account)
		log_str(&l, "account", account);
	if (folder[0])
		log_str(&l, "folder", folder);
	if (m->uid_text && m->uid_text[0])
		log_str(&l, "uid", m->uid_text);
	if (m->id)
		log_str(&l, "id", id);
	log_num(&l, "size", (int64_t)m->place.octets);
	log_str(&l, "delivery", m->delivery);
	for (size_t i = 0; i < m->nrcpts; i++)
		log_str(&l, "to", m->rcpts[i].address);
	if (m->reason && m->reason[0])
		log_str(&l, "reason", m->reason);
	if (m->reply && m->reply[0])
		log_str(&l, "reply", m->reply);
	log_end(&l);
}

void event_fetched(const struct message *m, const char *account,
		   const char *folder)
{
	char id[MESSAGE_ID_TEXT];
	struct log_line l;

	if (!log_begin(&l, LOG_INFO, "fetched"))
		return;
	message_id_text(m->id, id);
	log_str(&l, "account", account);
	if (folder[0])
		log_str(&l, "folder", folder);
	log_str(&l, "uid", m->uid_text);
	if (m->id)
		log_str(&l, "id", id);
	log_num(&l, "size", (int64_t)m->repaired_octets);
	if (m->message_id)
		log_str(&l, "message_id", m->message_id);
	log_end(&l);
}

/* One message, or so many of a folder (uid NULL). */
static void log_which(struct log_line *l, const char *account,
		      const char *folder, const char *uid, uint64_t n)
{
	log_str(l, "account", account);
	if (folder[0])
		log_str(l, "folder", folder);
	if (uid)
		log_str(l, "uid", uid);
	else
		log_num(l, "messages", (int64_t)n);
}

void event_skipped(const char *account, const char *folder, const char *uid,
		   uint64_t n, const char *reason)
{
	struct log_line l;

	if (!log_begin(&l, LOG_INFO, "skipped"))
		return;
	log_which(&l, account, folder, uid, n);
	log_str(&l, "reason", reason);
	log_end(&l);
}

void event_moved(const char *account, const char *folder, const char *to,
		 uint64_t n)
{
	struct log_line l;

	if (!log_begin(&l, LOG_INFO, "moved"))
		return;
	log_str(&l, "account", account);
	log_str(&l, "folder", folder);
	log_str(&l, "to_folder", to);
	log_num(&l, "messages", (int64_t)n);
	log_end(&l);
}

void event_deleted(const char *account, const char *folder, const char *uid,
		   uint64_t n)
{
	struct log_line l;

	if (!log_begin(&l, LOG_INFO, "deleted"))
		return;
	log_which(&l, account, folder, uid, n);
	log_end(&l);
}
