#include "settings.h"
#include "text.h"

#define SETTINGS_OCTETS (1u << 20)

static void put(const struct config_effectives *e, struct text *t)
{
	for (size_t i = 0; i < e->n; i++)
		(void)text_fmt(t, "%s=%s\n", e->item[i].name, e->item[i].value);
}

static void put_account(const struct config_account *a, struct text *t)
{
	put(&a->effective, t);
	for (size_t i = 0; i < a->n_blocks; i++) {
		(void)text_fmt(t, "folder %s\n", a->blocks[i].pattern);
		put(&a->blocks[i].effective, t);
	}
}

/* Behind the effective settings, which do not show them. */
static void put_secrets(const struct config_proxy *proxy, struct view secret,
			struct text *t)
{
	(void)text_fmt(t, "%s\n", proxy->user ? proxy->user : "");
	(void)text_put(t, secret_view(&proxy->password));
	(void)text_put(t, secret);
}

static uint64_t sum_of(const struct parts *p, struct text *t)
{
	uint64_t sum;
	uint8_t out[8];

	hash_keyed(spool_key(p->spool), text_view(t), out, sizeof(out));
	if (t->p)
		secret_wipe(t->p, t->n);
	text_fini(t);
	memcpy(&sum, out, sizeof(sum));
	return sum & INT64_MAX;
}

uint64_t settings_of_account(const struct parts *p,
			     const struct config_account *a, struct view secret)
{
	const struct config_proxy *proxy = &a->route.proxy;
	struct text t;

	text_init(&t, SETTINGS_OCTETS);
	put_account(a, &t);
	put_secrets(proxy, secret, &t);
	return sum_of(p, &t);
}

uint64_t settings_of_delivery(const struct parts *p,
			      const struct config_delivery *d,
			      struct view secret)
{
	struct text t;

	text_init(&t, SETTINGS_OCTETS);
	put(&d->effective, &t);
	put_secrets(&d->route.proxy, secret, &t);
	return sum_of(p, &t);
}

uint64_t settings_refused(const struct parts *p,
			  const struct config_delivery *d,
			  const struct config_account *a)
{
	const struct config_list *notify = &p->config->notify;
	struct text t;

	text_init(&t, SETTINGS_OCTETS);
	put(&d->effective, &t);
	if (a)
		put_account(a, &t);
	for (size_t i = 0; !a && i < notify->n; i++)
		(void)text_fmt(&t, "notify=%s\n", notify->item[i]);
	return sum_of(p, &t);
}
