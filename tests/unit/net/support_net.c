#include "support_net.h"
#include "must.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Certificates */

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *ext;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	MUST(ext && X509_add_ext(cert, ext, -1));
	X509_EXTENSION_free(ext);
}

static void add_general(GENERAL_NAMES *all, int type, const char *p, size_t n)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *s = type == GEN_DNS ? ASN1_IA5STRING_new()
					 : ASN1_OCTET_STRING_new();

	MUST(ASN1_STRING_set(s, p, (int)n));
	GENERAL_NAME_set0_value(name, type, s);
	MUST(sk_GENERAL_NAME_push(all, name));
}

static void add_san(X509 *cert, const struct cert_plan *plan)
{
	GENERAL_NAMES *all = sk_GENERAL_NAME_new_null();

	if (plan->dns)
		add_general(all, GEN_DNS, plan->dns,
			    plan->dns_n ? plan->dns_n : strlen(plan->dns));
	if (plan->ip)
		add_general(all, GEN_IPADD, "\x7f\0\0\1", 4);
	if (sk_GENERAL_NAME_num(all) > 0)
		MUST(X509_add1_ext_i2d(cert, NID_subject_alt_name, all, 0, 0));
	sk_GENERAL_NAME_pop_free(all, GENERAL_NAME_free);
}

struct identity cert_make(const struct cert_plan *plan,
			  const struct identity *issuer)
{
	static long serial = 1;
	struct identity id = { X509_new(), EVP_EC_gen("P-256") };
	X509_NAME *name = X509_get_subject_name(id.cert);
	long until = plan->until_s || plan->from_s ? plan->until_s : 86400;

	MUST(id.cert && id.key);
	X509_set_version(id.cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(id.cert), serial++);
	X509_gmtime_adj(X509_getm_notBefore(id.cert),
			plan->from_s ? plan->from_s : -3600);
	X509_gmtime_adj(X509_getm_notAfter(id.cert), until);
	if (plan->cn)
		MUST(X509_NAME_add_entry_by_NID(
			name, NID_commonName, V_ASN1_UTF8STRING,
			(const unsigned char *)plan->cn,
			(int)(plan->cn_n ? plan->cn_n : strlen(plan->cn)), -1,
			0));
	X509_set_issuer_name(
		id.cert, issuer ? X509_get_subject_name(issuer->cert) : name);
	X509_set_pubkey(id.cert, id.key);
	add_extension(id.cert, NID_basic_constraints,
		      plan->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
	add_san(id.cert, plan);
	MUST(X509_sign(id.cert, issuer ? issuer->key : id.key, EVP_sha256()));
	return id;
}

void identity_fini(struct identity *id)
{
	X509_free(id->cert);
	EVP_PKEY_free(id->key);
}

static FILE *create(const char *folder, const char *name, char **path)
{
	int fd;

	MUST(asprintf(path, "%s/%s", folder, name) > 0);
	fd = open(*path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	MUST(fd >= 0);
	return fdopen(fd, "w");
}

char *cert_write(const char *folder, const char *name, const X509 *cert)
{
	char *path;
	FILE *f = create(folder, name, &path);

	MUST(PEM_write_X509(f, cert) == 1);
	MUST(fclose(f) == 0);
	return path;
}

char *key_write(const char *folder, const char *name, EVP_PKEY *key)
{
	char *path;
	FILE *f = create(folder, name, &path);

	MUST(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1);
	MUST(fclose(f) == 0);
	return path;
}

/* Servers */

static void *run_server(void *arg)
{
	struct server *sv = arg;

	for (unsigned i = 0; i < sv->count; i++) {
		int fd = accept(sv->fd, NULL, NULL);

		if (fd < 0)
			break;
		sv->serve(sv, fd);
		(void)close(fd);
	}
	return NULL;
}

void server_start(struct server *sv)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	socklen_t n = sizeof(in);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sv->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(bind(sv->fd, (struct sockaddr *)&in, sizeof(in)) == 0);
	MUST(listen(sv->fd, 16) == 0);
	MUST(getsockname(sv->fd, (struct sockaddr *)&in, &n) == 0);
	sv->port = ntohs(in.sin_port);
	if (sv->count == 0)
		sv->count = 1;
	MUST(pthread_create(&sv->thread, NULL, run_server, sv) == 0);
	sv->is_open = true;
}

void server_join(struct server *sv)
{
	/* Those that nobody came to stop waiting. */
	(void)shutdown(sv->fd, SHUT_RDWR);
	if (sv->is_open)
		MUST(pthread_join(sv->thread, NULL) == 0);
	sv->is_open = false;
	(void)close(sv->fd);
	SSL_CTX_free(sv->ctx);
	sv->ctx = NULL;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *n,
		       const unsigned char *in, unsigned in_n, void *arg)
{
	struct server *sv = arg;

	(void)ssl;
	sv->extra = in_n == 5 && memcmp(in, "\x04imap", 5) == 0 ? sv : NULL;
	*out = in + 1;
	*n = in[0];
	return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *server_ctx(struct server *sv)
{
	static const unsigned char context[] = "test";
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	MUST(ctx && SSL_CTX_use_certificate(ctx, sv->id->cert) == 1);
	MUST(SSL_CTX_use_PrivateKey(ctx, sv->id->key) == 1);
	(void)SSL_CTX_set_session_id_context(ctx, context, sizeof(context));
	SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, sv);
	if (sv->max && sv->max < TLS1_2_VERSION)
		(void)SSL_CTX_set_cipher_list(ctx, "DEFAULT:@SECLEVEL=0");
	(void)SSL_CTX_set_min_proto_version(ctx, sv->min);
	(void)SSL_CTX_set_max_proto_version(ctx, sv->max);
	return ctx;
}

SSL *server_tls(struct server *sv, int fd)
{
	SSL *ssl;

	if (!sv->ctx)
		sv->ctx = server_ctx(sv);
	ssl = SSL_new(sv->ctx);
	SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

void write_fully(int fd, const void *p, size_t n)
{
	const char *at = p;

	while (n > 0) {
		ssize_t done = send(fd, at, n, MSG_NOSIGNAL);

		if (done <= 0)
			return;
		at += done;
		n -= (size_t)done;
	}
}

bool read_line(int fd, char *out, size_t cap)
{
	size_t n = 0;

	while (n + 1 < cap && recv(fd, out + n, 1, 0) == 1) {
		if (out[n++] != '\n')
			continue;
		while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == '\r'))
			n--;
		out[n] = 0;
		return true;
	}
	return false;
}

void serve_echo(struct server *sv, int fd)
{
	char buf[16384];
	ssize_t n;

	(void)sv;
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		write_fully(fd, buf, (size_t)n);
}

void serve_tls_echo(struct server *sv, int fd)
{
	SSL *ssl = server_tls(sv, fd);
	char buf[16384];
	int n;

	if (!ssl)
		return;
	while ((n = SSL_read(ssl, buf, sizeof(buf))) > 0)
		if (SSL_write(ssl, buf, n) <= 0)
			break;
	(void)SSL_shutdown(ssl);
	SSL_free(ssl);
}

void serve_silence(struct server *sv, int fd)
{
	char buf[4096];

	(void)sv;
	while (recv(fd, buf, sizeof(buf), 0) > 0)
		;
}

void serve_say(struct server *sv, int fd)
{
	write_fully(fd, sv->say, strlen(sv->say));
	serve_silence(sv, fd);
}

/* The fixture */

void fixture_up(struct fixture *f, resolve_call *call)
{
	f->loop = loop_new(4);
	f->resolver = resolver_new(f->loop, 3, call);
	f->trusts = trusts_new();
	strcpy(f->folder, "/tmp/mailhaul-net-XXXXXX");
	MUST(mkdtemp(f->folder) != NULL);
}

void fixture_down(struct fixture *f)
{
	DIR *d = opendir(f->folder);
	struct dirent *e;
	char path[512];

	resolver_free(f->resolver);
	trusts_free(f->trusts);
	loop_free(f->loop);
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", f->folder,
			       e->d_name);
		(void)unlink(path);
	}
	(void)closedir(d);
	(void)rmdir(f->folder);
}

char pattern(uint64_t at)
{
	return (char)(at * 31 + (at >> 8) * 7 + (at >> 16));
}

/* true: closed it; then the hooks are left out. */
static bool close_if(struct owner *o, enum port_name port)
{
	if (o->close_in != port)
		return false;
	o->closes++;
	stream_close(o->stream);
	return true;
}

static struct room owner_room(void *who)
{
	struct owner *o = who;

	(void)close_if(o, PORT_ROOM);
	return (struct room){ o->scratch, o->room };
}

static void on_later(void *who)
{
	struct owner *o = who;

	if (!o->stream)
		return;
	o->room = sizeof(o->scratch);
	stream_poke(o->stream);
}

static void owner_received(void *who, size_t n)
{
	struct owner *o = who;
	size_t keep = sizeof(o->in) - 1 - o->in_n;

	assert_true(n > 0 && n <= o->room);
	for (size_t i = 0; o->checks_pattern && i < n; i++)
		if (o->scratch[i] != pattern(o->in_total + i))
			fail_msg("wrong octet at %llu",
				 (unsigned long long)(o->in_total + i));
	keep = n < keep ? n : keep;
	memcpy(o->in + o->in_n, o->scratch, keep);
	o->in_n += keep;
	o->in_total += n;
	if (o->pauses) {
		o->room = 0;
		o->pauses_made++;
		task_post(&o->later);
	}
	if (!close_if(o, PORT_RECEIVED) && o->on_received)
		o->on_received(o);
}

static struct view owner_pending(void *who)
{
	struct owner *o = who;
	size_t n = o->piece && o->piece < sizeof(o->shown) ? o->piece
							   : sizeof(o->shown);

	(void)close_if(o, PORT_PENDING);
	if (o->text_n)
		return (struct view){ o->text, o->text_n };
	n = n < o->pattern_left ? n : (size_t)o->pattern_left;
	for (size_t i = 0; i < n; i++)
		o->shown[i] = pattern(o->pattern_at + i);
	return (struct view){ o->shown, n };
}

static void owner_sent(void *who, size_t n)
{
	struct owner *o = who;

	assert_true(n > 0);
	if (o->text_n) {
		assert_true(n <= o->text_n);
		o->text += n;
		o->text_n -= n;
	} else {
		assert_true(n <= o->pattern_left);
		o->pattern_at += n;
		o->pattern_left -= n;
		/* What was borrowed is not ours to read any more. */
		memset(o->shown, 'x', sizeof(o->shown));
	}
	(void)close_if(o, PORT_SENT);
}

static void note_tls(struct owner *o)
{
	o->has_info = stream_tls_info(o->stream, &o->info);
}

static void owner_opened(void *who)
{
	struct owner *o = who;

	assert_int_equal(o->opened++, 0);
	note_tls(o);
	if (!close_if(o, PORT_OPENED) && o->on_opened)
		o->on_opened(o);
}

static void owner_secured(void *who)
{
	struct owner *o = who;

	o->secured++;
	note_tls(o);
	if (!close_if(o, PORT_SECURED) && o->on_secured)
		o->on_secured(o);
}

static void owner_eof(void *who)
{
	struct owner *o = who;

	assert_int_equal(o->eofs++, 0);
	if (close_if(o, PORT_EOF))
		return;
	if (o->on_eof)
		o->on_eof(o);
	else
		stream_close(o->stream);
}

static struct patience owner_patience(void *who)
{
	struct owner *o = who;

	(void)close_if(o, PORT_PATIENCE);
	return o->patience;
}

static void owner_closed(void *who, const struct err *why)
{
	struct owner *o = who;

	assert_int_equal(o->closed++, 0);
	o->why = *why;
	o->stream = NULL;
	task_cancel(&o->later);
	loop_stop(o->loop);
}

static const struct stream_ports ports = {
	.room = owner_room,
	.received = owner_received,
	.pending = owner_pending,
	.sent = owner_sent,
	.opened = owner_opened,
	.secured = owner_secured,
	.eof = owner_eof,
	.patience = owner_patience,
	.closed = owner_closed,
};

void owner_open(struct fixture *f, struct owner *o, const struct endpoint *to)
{
	o->loop = f->loop;
	o->room = sizeof(o->scratch);
	task_init(&o->later, f->loop, on_later, o);
	o->stream = stream_open(f->loop, f->resolver, to, &ports, o);
}

void owner_await(struct fixture *f, struct owner *o)
{
	while (!o->closed)
		loop_run(f->loop);
}

void owner_text(struct owner *o, const char *text)
{
	o->text = text;
	o->text_n = strlen(text);
	stream_poke(o->stream);
}

void assert_class(const struct owner *o, enum err_class class)
{
	if (o->why.class == class)
		return;
	fail_msg("class %d, not %d: %s | %s | %s", (int)o->why.class,
		 (int)class, o->why.what, o->why.peer, o->why.remedy);
}
