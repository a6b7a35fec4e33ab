#include "message.h"
#include "must.h"

#include <stdlib.h>

struct message_key message_key_uid(uint32_t uid)
{
	struct message_key k = { { 0 } };

	for (int i = 0; i < 4; i++)
		k.octets[8 + i] = (uint8_t)(uid >> (24 - 8 * i));
	return k;
}

uint32_t message_key_to_uid(const struct message_key *key)
{
	static const uint8_t none[8];
	uint32_t uid = 0;

	if (memcmp(key->octets, none, sizeof(none)) != 0)
		return 0;
	for (int i = 8; i < 12; i++)
		uid = uid << 8 | key->octets[i];
	return uid;
}

int message_key_order(const struct message_key *a, const struct message_key *b)
{
	return memcmp(a->octets, b->octets, sizeof(a->octets));
}

/* Digits and consonants: no id spells a word. */
static const char letters[] = "0123456789BCDFGHJKLMNPQRSTVWXYZ";
#define BASE (sizeof(letters) - 1)

void message_id_text(int64_t id, char out[MESSAGE_ID_TEXT])
{
	char back[MESSAGE_ID_TEXT];
	uint64_t left = (uint64_t)id;
	size_t n = 0;

	while (left || n < 4) {
		back[n++] = letters[left % BASE];
		left /= BASE;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = back[n - 1 - i];
	out[n] = 0;
}

static int letter_value(char c)
{
	if (c >= 'a' && c <= 'z')
		c = (char)(c - 'a' + 'A');
	if (c == 'O') /* read off a screen */
		c = '0';
	if (c == 'I')
		c = '1';
	for (int i = 0; letters[i]; i++)
		if (letters[i] == c)
			return i;
	return -1;
}

bool message_id_parse(struct view text, int64_t *id)
{
	uint64_t n = 0;

	if (text.n < 4 || text.n >= MESSAGE_ID_TEXT)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		int v = letter_value(text.p[i]);

		if (v < 0 || n > (INT64_MAX - (uint64_t)v) / BASE)
			return false;
		n = n * BASE + (uint64_t)v;
	}
	if (n == 0)
		return false;
	*id = (int64_t)n;
	return true;
}

struct message *message_new(void)
{
	struct message *m = mem_new(sizeof(*m));

	list_init(&m->link);
	return m;
}

void message_no_rcpts(struct message *m)
{
	for (size_t i = 0; i < m->nrcpts; i++) {
		free(m->rcpts[i].address);
		free(m->rcpts[i].reply);
	}
	m->nrcpts = 0;
}

void message_free(struct message *m)
{
	if (!m)
		return;
	list_drop(&m->link);
	message_no_rcpts(m);
	free(m->rcpts);
	free(m->folder_name);
	free(m->client);
	free(m->fallback);
	free(m->message_id);
	free(m->prints);
	free(m->from);
	free(m->delivery);
	free(m->sender);
	free(m->uid_text);
	free(m->reason);
	free(m->reply);
	free(m);
}

void message_add_rcpt(struct message *m, struct view address)
{
	struct message_rcpt *r;

	m->rcpts = mem_grow(m->rcpts, (m->nrcpts + 1) * sizeof(*m->rcpts));
	r = &m->rcpts[m->nrcpts++];
	*r = (struct message_rcpt){ .state = RCPT_WAITING };
	message_set(&r->address, address);
}

bool message_has_configured(const struct message *m)
{
	/* those that were found come first */
	return m->nrcpts && !m->rcpts[m->nrcpts - 1].found;
}

bool message_fall_back(struct message *m)
{
	if (!m->fallback || message_has_configured(m))
		return false;
	message_add_rcpt(m, view_of(m->fallback));
	return true;
}

static bool has_rcpt(const struct message *m, const char *address)
{
	for (size_t i = 0; i < m->nrcpts; i++)
		if (strcmp(m->rcpts[i].address, address) == 0)
			return true;
	return false;
}

void message_readdress(struct message *m, const char *const *to, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->nrcpts; i++) {
		struct message_rcpt *r = &m->rcpts[i];

		if (r->found || r->state == RCPT_ACCEPTED) {
			m->rcpts[kept++] = *r;
			continue;
		}
		free(r->address);
		free(r->reply);
	}
	m->nrcpts = kept;
	for (size_t i = 0; i < n; i++)
		if (!has_rcpt(m, to[i]))
			message_add_rcpt(m, view_of(to[i]));
	m->readdressed = true;
}

bool message_may_be_there(const struct message *m)
{
	if (m->doubts > 0)
		return true;
	for (size_t i = 0; i < m->nrcpts; i++)
		if (m->rcpts[i].state == RCPT_ACCEPTED)
			return true;
	return false;
}

void message_set(char **member, struct view v)
{
	char *copy = mem_new(v.n + 1);

	if (v.n)
		memcpy(copy, v.p, v.n);
	copy[v.n] = 0;
	free(*member);
	*member = copy;
}

const char *message_state_name(enum message_state s)
{
	switch (s) {
	case MESSAGE_SPOOLED:
		return "queued";
	case MESSAGE_SENDING:
		return "sending";
	case MESSAGE_DOUBT:
		return "in_doubt";
	case MESSAGE_HELD:
		return "held";
	case MESSAGE_DELIVERED:
		return "delivered";
	case MESSAGE_GONE:
		return "gone";
	case MESSAGE_DROPPED:
		return "dropped";
	case MESSAGE_SKIPPED:
		return "skipped";
	}
	return "unknown";
}
