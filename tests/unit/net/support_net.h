/*
 * What the tests of net share: certificates made on the spot, servers on
 * threads of their own (blocking, on loopback, any port), and an owner of a
 * stream that records what happens to it.
 */
#ifndef SUPPORT_NET_H
#define SUPPORT_NET_H
#include "libssl.h"

#include "loop.h"
#include "resolve.h"
#include "stream.h"
#include "trust.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Certificates */

struct identity {
	X509 *cert;
	EVP_PKEY *key;
};

struct cert_plan {
	const char *cn;	 /* NULL: none */
	size_t cn_n;	 /* 0: strlen(cn) */
	const char *dns; /* NULL: no such SAN */
	size_t dns_n;	 /* 0: strlen(dns) */
	bool ip;	 /* SAN 127.0.0.1 */
	bool is_ca;
	long from_s, until_s; /* from now; both 0: valid */
};

struct identity cert_make(const struct cert_plan *plan,
			  const struct identity *issuer); /* NULL: by itself */
void identity_fini(struct identity *id);
/* Files in a folder that fixture_down() removes; the string is the caller's. */
char *cert_write(const char *folder, const char *name, const X509 *cert);
char *key_write(const char *folder, const char *name, EVP_PKEY *key);

/* Servers: serve() runs on the thread, once for each of `count` connections. */

struct server {
	int fd;
	uint16_t port;
	unsigned count;
	bool is_open; /* wants pthread_join */
	pthread_t thread;
	void (*serve)(struct server *sv, int fd);
	/* For serve() */
	struct identity *id;
	int min, max; /* TLS versions, 0: any */
	const char *say;
	size_t octets;
	SSL_CTX *ctx; /* made when needed, kept from one to the next */
	void *extra;
};

void server_start(struct server *sv);
void server_join(struct server *sv);

SSL *server_tls(struct server *sv, int fd); /* after the handshake, or NULL */
void serve_echo(struct server *sv, int fd);
void serve_tls_echo(struct server *sv, int fd);
/* Says sv->say in clear, then waits for the end. */
void serve_say(struct server *sv, int fd);
/* Waits for the end, silently. */
void serve_silence(struct server *sv, int fd);
void write_fully(int fd, const void *p, size_t n);
/* One line in clear, without its end; false at the end. */
bool read_line(int fd, char *out, size_t cap);

/* The fixture */

enum port_name {
	PORT_NONE,
	PORT_ROOM,
	PORT_RECEIVED,
	PORT_PENDING,
	PORT_SENT,
	PORT_OPENED,
	PORT_SECURED,
	PORT_EOF,
	PORT_PATIENCE,
};

struct owner {
	struct loop *loop;
	struct stream *stream; /* NULL once closed */
	/* Input: kept in `in` up to its size, or checked and thrown away. */
	char in[4096];
	size_t in_n;
	bool checks_pattern;
	uint64_t in_total;
	char scratch[65536];
	size_t room; /* offered at a time; 0: paused */
	bool pauses; /* after each piece, until `later` */
	struct task later;
	unsigned pauses_made;
	/* Output: text, then pattern_left octets of the pattern */
	const char *text;
	size_t text_n;
	uint64_t pattern_left, pattern_at;
	size_t piece; /* octets shown at once */
	char shown[65536];
	/* What happened */
	int opened, secured, eofs, closed;
	struct err why;
	struct tls_info info;
	bool has_info;
	struct patience patience;
	enum port_name close_in; /* calls stream_close() from there */
	int closes;		 /* how often it did */
	void (*on_opened)(struct owner *o);
	void (*on_received)(struct owner *o);
	void (*on_secured)(struct owner *o);
	void (*on_eof)(struct owner *o);
};

struct fixture {
	struct loop *loop;
	struct resolver *resolver;
	struct trusts *trusts;
	char folder[64];
};

void fixture_up(struct fixture *f, resolve_call *call);
void fixture_down(struct fixture *f);
/* The octet at that place of an endless stream of octets. */
char pattern(uint64_t at);
/* Opens a stream; o keeps what its fields say, zero for the rest. */
void owner_open(struct fixture *f, struct owner *o, const struct endpoint *to);
/* Runs the loop until o is closed. */
void owner_await(struct fixture *f, struct owner *o);
void owner_text(struct owner *o, const char *text);
void assert_class(const struct owner *o, enum err_class class);
#endif
