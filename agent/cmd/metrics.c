#include "metrics.h"
#include "must.h"

#include <inttypes.h>
#include <stdlib.h>

#define P "mailhaul_"

/* --- reading -------------------------------------------------------------- */

/* Room for one more of n; doubles. */
static void *more(void *p, size_t n, size_t size)
{
	return n & (n - 1) ? p : mem_grow(p, (n ? 2 * n : 1) * size);
}

static bool on_account(void *who, const struct spool_account *a)
{
	struct metrics *m = who;

	m->accounts = more(m->accounts, m->n_accounts, sizeof(*a));
	m->accounts[m->n_accounts++] = *a;
	return true;
}

static bool on_delivery(void *who, const struct spool_delivery *d)
{
	struct metrics *m = who;

	m->deliveries = more(m->deliveries, m->n_deliveries, sizeof(*d));
	m->deliveries[m->n_deliveries++] = *d;
	return true;
}

static bool on_waiting(void *who, const struct query_waiting *w)
{
	struct metrics *m = who;

	m->waiting = more(m->waiting, m->n_waiting, sizeof(*w));
	m->waiting[m->n_waiting++] = *w;
	return true;
}

bool metrics_read(struct ledger *l, struct metrics *m, struct err *err)
{
	return query_accounts(l, on_account, m, err) &&
	       query_deliveries(l, on_delivery, m, err) &&
	       query_waiting(l, on_waiting, m, err) &&
	       query_doubts(l, &m->doubts, err);
}

void metrics_fini(struct metrics *m)
{
	free(m->accounts);
	free(m->deliveries);
	free(m->waiting);
	*m = (struct metrics){ 0 };
}

/* --- finding -------------------------------------------------------------- */

/* Of several rows of a name (its user changed) the one that is in use. */
static const struct spool_account *account_of(const struct metrics *m,
					      const char *name)
{
	static const struct spool_account none;
	const struct spool_account *found = NULL;
	size_t low = 0, high = m->n_accounts;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(m->accounts[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < m->n_accounts && strcmp(m->accounts[low].name, name) == 0;
	     low++)
		if (!found ||
		    m->accounts[low].last_poll_ms >= found->last_poll_ms)
			found = &m->accounts[low];
	return found ? found : &none;
}

static const struct spool_delivery *delivery_of(const struct metrics *m,
						const char *name)
{
	static const struct spool_delivery none;

	for (size_t i = 0; i < m->n_deliveries; i++)
		if (strcmp(m->deliveries[i].name, name) == 0)
			return &m->deliveries[i];
	return &none;
}

/* Messages of a delivery and state; *oldest_ms: where there are such. */
static uint64_t waiting_of(const struct metrics *m, const char *delivery,
			   enum message_state state, int64_t *oldest_ms)
{
	for (size_t i = 0; i < m->n_waiting; i++) {
		const struct query_waiting *w = &m->waiting[i];

		if (w->state != state || strcmp(w->delivery, delivery) != 0)
			continue;
		if (!*oldest_ms || w->oldest_ms < *oldest_ms)
			*oldest_ms = w->oldest_ms;
		return w->messages;
	}
	return 0;
}

/* Every delivery that has a series, once: fn(name). */
static void each_delivery(const struct metrics *m, const struct config *c,
			  void (*fn)(const struct metrics *m, const char *name,
				     struct text *out),
			  struct text *out)
{
	for (size_t i = 0; i < c->n_deliveries; i++)
		fn(m, c->deliveries[i].name, out);
	for (size_t i = 0; i < m->n_waiting; i++) {
		const char *name = m->waiting[i].delivery;

		if (!config_delivery(c, view_of(name)) &&
		    (i == 0 || strcmp(name, m->waiting[i - 1].delivery) != 0))
			fn(m, name, out);
	}
}

/* --- the text ------------------------------------------------------------- */

static void head(struct text *out, const char *name, const char *type,
		 const char *help)
{
	(void)text_fmt(out, "# HELP " P "%s %s\n# TYPE " P "%s %s\n", name,
		       help, name, type);
}

/* name{label="value"; a further label or value may follow */
static void begin(struct text *out, const char *name, const char *label,
		  const char *value)
{
	(void)text_fmt(out, P "%s{%s=\"", name, label);
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			(void)text_puts(out, "\\");
		if (*value == '\n')
			(void)text_puts(out, "\\n");
		else
			(void)text_put(out, (struct view){ value, 1 });
	}
	(void)text_puts(out, "\"");
}

static void number(struct text *out, uint64_t n)
{
	(void)text_fmt(out, " %" PRIu64 "\n", n);
}

static void seconds(struct text *out, int64_t unix_ms)
{
	(void)text_fmt(out, "} %" PRId64 ".%03d\n", unix_ms / 1000,
		       (int)(unix_ms % 1000));
}

static void account_last_success(const struct spool_account *a,
				 const char *name, struct text *out)
{
	begin(out, "account_last_success_timestamp_seconds", "account", name);
	seconds(out, a->last_success_ms);
}

static void account_state(const struct spool_account *a, const char *name,
			  struct text *out)
{
	for (unsigned h = HEALTH_NEVER; h < HEALTH_DISABLED; h++) {
		begin(out, "account_state", "account", name);
		(void)text_fmt(out, ",state=\"%s\"}",
			       spool_health_name((enum spool_health)h));
		number(out, a->health == (enum spool_health)h);
	}
}

static void account_messages(const struct spool_account *a, const char *name,
			     struct text *out)
{
	const struct {
		const char *result;
		uint64_t n;
	} of[] = { { "fetched", a->fetched },
		   { "delivered", a->delivered },
		   { "held", a->held },
		   { "skipped", a->skipped },
		   { "deleted", a->deleted } };

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++) {
		begin(out, "account_messages_total", "account", name);
		(void)text_fmt(out, ",result=\"%s\"}", of[i].result);
		number(out, of[i].n);
	}
}

static void account_octets(const struct spool_account *a, const char *name,
			   struct text *out)
{
	begin(out, "account_octets_total", "account", name);
	(void)text_puts(out, "}");
	number(out, a->octets);
}

static void each_account(const struct metrics *m, const struct config *c,
			 void (*fn)(const struct spool_account *a,
				    const char *name, struct text *out),
			 struct text *out)
{
	for (size_t i = 0; i < c->n_accounts; i++)
		if (c->accounts[i].enabled)
			fn(account_of(m, c->accounts[i].name),
			   c->accounts[i].name, out);
}

static const enum message_state states[] = { MESSAGE_SPOOLED, MESSAGE_SENDING,
					     MESSAGE_DOUBT, MESSAGE_HELD };
#define STATES (sizeof(states) / sizeof(*states))

static void queue_messages(const struct metrics *m, const char *name,
			   struct text *out)
{
	for (size_t i = 0; i < STATES; i++) {
		int64_t oldest = 0;

		begin(out, "queue_messages", "delivery", name);
		(void)text_fmt(out, ",state=\"%s\"}",
			       message_state_name(states[i]));
		number(out, waiting_of(m, name, states[i], &oldest));
	}
}

/* What is held waits for a person, and would hide what waits too long. */
static void queue_oldest(const struct metrics *m, const char *name,
			 struct text *out)
{
	int64_t oldest = 0;

	for (size_t i = 0; i < STATES; i++)
		if (states[i] != MESSAGE_HELD)
			(void)waiting_of(m, name, states[i], &oldest);
	if (!oldest)
		return;
	begin(out, "queue_oldest_timestamp_seconds", "delivery", name);
	seconds(out, oldest);
}

static void delivery_last_success(const struct metrics *m, const char *name,
				  struct text *out)
{
	begin(out, "delivery_last_success_timestamp_seconds", "delivery", name);
	seconds(out, delivery_of(m, name)->last_success_ms);
}

static void write_accounts(const struct metrics *m, const struct config *c,
			   struct text *out)
{
	head(out, "account_last_success_timestamp_seconds", "gauge",
	     "When a pass over the account last succeeded; 0: never.");
	each_account(m, c, account_last_success, out);
	head(out, "account_state", "gauge",
	     "1 for the state that the account is in.");
	each_account(m, c, account_state, out);
	head(out, "account_messages_total", "counter",
	     "Messages of the account, by what was done.");
	each_account(m, c, account_messages, out);
	head(out, "account_octets_total", "counter",
	     "Octets of messages fetched from the account.");
	each_account(m, c, account_octets, out);
}

static void write_queue(const struct metrics *m, const struct config *c,
			struct text *out)
{
	uint64_t octets = 0;

	head(out, "queue_messages", "gauge",
	     "Messages held locally, by delivery and state.");
	each_delivery(m, c, queue_messages, out);
	for (size_t i = 0; i < m->n_waiting; i++)
		octets += m->waiting[i].octets;
	head(out, "queue_octets", "gauge", "Octets of their bodies.");
	(void)text_puts(out, P "queue_octets");
	number(out, octets);
	head(out, "queue_oldest_timestamp_seconds", "gauge",
	     "When the oldest message that waits, and is not held, was "
	     "fetched.");
	each_delivery(m, c, queue_oldest, out);
	head(out, "delivery_last_success_timestamp_seconds", "gauge",
	     "When the delivery last took a message; 0: never.");
	each_delivery(m, c, delivery_last_success, out);
}

void metrics_write(const struct metrics *m, const struct config *c,
		   bool reload_ok, struct text *out)
{
	write_accounts(m, c, out);
	write_queue(m, c, out);
	head(out, "in_doubt_total", "counter",
	     "Messages of which it came to be unknown whether they arrived.");
	(void)text_puts(out, P "in_doubt_total");
	number(out, m->doubts);
	head(out, "config_reload_success", "gauge",
	     "1: the configuration was read without an error the last time.");
	(void)text_puts(out, P "config_reload_success");
	number(out, reload_ok);
	head(out, "build_info", "gauge", "1; the version is its label.");
	begin(out, "build_info", "version", MAILHAUL_VERSION);
	(void)text_puts(out, "}");
	number(out, 1);
}
