/*
 * Input as what a proxy says: the first octet chooses its kind, who signs in,
 * and the size of the pieces. Claims: what is taken is bounded; an error names
 * the proxy and has a remedy; nothing is wanted, and nothing to be sent, once
 * it is over; in what pieces the octets come changes neither the outcome nor
 * how many are taken.
 */
#include "limits.h"
#include "must.h"
#include "tunnel.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct outcome {
	enum tunnel_state state;
	size_t taken;
	struct err err;
};

static struct tunnel *begin(unsigned how)
{
	struct secret s = { NULL, 0 };
	struct proxy via = {
		.kind = how & 1 ? PROXY_HTTP : PROXY_SOCKS5,
		.host = "proxy.example",
		.port = 1080,
		.user = how & 2 ? "me" : NULL,
		.password = &s,
	};
	struct tunnel *t;

	secret_set(&s, VIEW_LIT("secret"));
	t = tunnel_new(&via, how & 4 ? "2001:db8::1" : "mail.example", 993);
	secret_fini(&s);
	return t;
}

static struct outcome play(unsigned how, struct view in, size_t piece)
{
	struct tunnel *t = begin(how);
	struct outcome o = { .taken = 0 };
	struct room r;

	while (o.taken < in.n && (r = tunnel_room(t)).n) {
		size_t k = r.n < piece ? r.n : piece;

		k = k < in.n - o.taken ? k : in.n - o.taken;
		if (tunnel_pending(t).n)
			tunnel_sent(t, tunnel_pending(t).n);
		memcpy(r.p, in.p + o.taken, k);
		o.taken += k;
		tunnel_received(t, k);
	}
	MUST(o.taken <= LIMIT_PROXY_HEAD + LIMIT_REPLY_LINE);
	o.state = tunnel_state(t, &o.err);
	if (o.state == TUNNEL_ASKING) {
		tunnel_cut(t, "hung up");
		MUST(tunnel_state(t, &o.err) == TUNNEL_FAILED);
	}
	MUST(tunnel_room(t).n == 0);
	MUST(o.state == TUNNEL_OPEN || tunnel_pending(t).n == 0);
	MUST(o.state == TUNNEL_OPEN ||
	     (strstr(o.err.what, "the proxy proxy.example") &&
	      o.err.remedy[0] && o.err.class != ERR_NONE));
	tunnel_free(t);
	return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct view in = { (const char *)data + 1, n - 1 };
	struct outcome whole, cut;

	if (n == 0)
		return 0;
	whole = play(data[0], in, in.n + 1);
	cut = play(data[0], in, 1 + (data[0] >> 4));
	MUST(whole.state == cut.state);
	MUST(whole.state != TUNNEL_OPEN || whole.taken == cut.taken);
	return 0;
}
