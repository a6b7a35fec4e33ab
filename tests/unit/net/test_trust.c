/* trust: who is believed, who is not, and what is said about it. */
#include "cert.h"
#include "must.h"
#include "support_net.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST "mail.test"

/* Every name is this machine: what matters is what certificates say. */
static int here(const char *host, struct address *list, size_t *n)
{
	(void)host;
	assert_true(address_numeric(&list[0], "127.0.0.1"));
	*n = 1;
	return 0;
}

static struct fixture f;
static struct identity ca, good;
static char *ca_file;

static int set_up(void **state)
{
	struct cert_plan ca_plan = { .cn = "Test CA", .is_ca = true };
	struct cert_plan plan = { .cn = HOST, .dns = HOST, .ip = true };

	(void)state;
	fixture_up(&f, here);
	ca = cert_make(&ca_plan, NULL);
	good = cert_make(&plan, &ca);
	ca_file = cert_write(f.folder, "ca.pem", ca.cert);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	identity_fini(&ca);
	identity_fini(&good);
	free(ca_file);
	fixture_down(&f);
	return 0;
}

static void say_hello(struct owner *o)
{
	owner_text(o, "hello");
}

static void end_when_echoed(struct owner *o)
{
	if (o->in_total >= 5)
		stream_close(o->stream);
}

/* One connection under that setting, from its beginning to its end. */
static void visit(struct owner *o, uint16_t port, const char *host,
		  const struct trust_setting *setting)
{
	struct err err;
	struct trust *t = trust_get(f.trusts, setting, &err);
	struct endpoint to = {
		.host = host,
		.port = port,
		.tls = TLS_IMPLICIT,
		.trust = t,
		.alpn = "imap",
		.refused = &o->info,
	};

	assert_non_null(t);
	o->on_opened = say_hello;
	o->on_received = end_when_echoed;
	owner_open(&f, o, &to);
	trust_release(t); /* the stream has its own */
	owner_await(&f, o);
}

/* true: trusted, and what was said came back. */
static bool meet(struct owner *o, uint16_t port, const char *host,
		 const struct trust_setting *setting)
{
	visit(o, port, host, setting);
	if (o->opened)
		assert_string_equal(o->in, "hello");
	return o->opened == 1;
}

static bool meet_one(struct owner *o, struct identity *id, const char *host,
		     const struct trust_setting *setting)
{
	struct server sv = { .serve = serve_tls_echo, .id = id };
	bool met;

	server_start(&sv);
	met = meet(o, sv.port, host, setting);
	server_join(&sv);
	return met;
}

static void assert_says(const struct owner *o, const char *words)
{
	char line[900];

	err_line(&o->why, line, sizeof(line));
	if (!strstr(line, words))
		fail_msg("\"%s\" is not in: %s", words, line);
}

/* The refusal says what is wrong, and how to trust this certificate alone. */
static void assert_refused(const struct owner *o, const struct identity *id,
			   const char *words)
{
	char pin[CERT_SHA256_TEXT], remedy[128];

	assert_int_equal(o->opened, 0);
	assert_class(o, ERR_TRUST);
	assert_says(o, words);
	cert_digest_text(id->cert, CERT_SHA256, pin, sizeof(pin));
	assert_string_equal(o->info.sha256, pin);
	assert_true(o->info.faults != 0);
	(void)snprintf(remedy, sizeof(remedy), "tls_fingerprint = \"%s\"", pin);
	assert_non_null(strstr(o->why.remedy, remedy));
	assert_int_equal(o->why.origin, ERR_FROM_TLS);
}

static void a_known_issuer_and_the_right_name_are_trusted(void **state)
{
	struct trust_setting setting = { .ca_file = ca_file };
	struct owner by_name = { 0 }, by_dot = { 0 }, by_ip = { 0 };

	(void)state;
	assert_true(meet_one(&by_name, &good, HOST, &setting));
	assert_class(&by_name, ERR_NONE);
	assert_true(by_name.has_info);
	assert_string_equal(by_name.info.subject, "CN=" HOST);
	assert_string_equal(by_name.info.issuer, "CN=Test CA");
	assert_string_equal(by_name.info.version, "TLSv1.3");
	assert_false(by_name.info.pinned);
	assert_true(by_name.info.not_after_unix > loop_unix_ms() / 1000);
	assert_true(meet_one(&by_dot, &good, HOST ".", &setting));
	assert_true(meet_one(&by_ip, &good, "127.0.0.1", &setting));
}

static void an_unknown_issuer_is_refused(void **state)
{
	struct cert_plan other = { .cn = "Other\x1b CA", .is_ca = true };
	struct cert_plan plan = { .cn = HOST, .dns = HOST };
	struct identity other_ca = cert_make(&other, NULL);
	struct identity id = cert_make(&plan, &other_ca);
	struct trust_setting setting = { .ca_file = ca_file };
	struct owner o = { 0 }, of_system = { 0 };

	(void)state;
	assert_false(meet_one(&o, &id, HOST, &setting));
	assert_refused(&o, &id, "unknown issuer");
	assert_says(&o, "CN=Other\\x1B CA");
	setting.ca_file = NULL;
	assert_false(meet_one(&of_system, &good, HOST, &setting));
	assert_refused(&of_system, &good, "unknown issuer");
	identity_fini(&id);
	identity_fini(&other_ca);
}

static void a_self_signed_certificate_is_refused(void **state)
{
	struct cert_plan plan = { .cn = HOST, .dns = HOST };
	struct identity id = cert_make(&plan, NULL);
	struct trust_setting setting = { .ca_file = ca_file };
	struct owner o = { 0 };

	(void)state;
	assert_false(meet_one(&o, &id, HOST, &setting));
	assert_refused(&o, &id, "self-signed");
	identity_fini(&id);
}

static void another_name_is_refused_and_the_names_are_told(void **state)
{
	struct trust_setting setting = { .ca_file = ca_file };
	struct owner o = { 0 };

	(void)state;
	assert_false(meet_one(&o, &good, "imap.test", &setting));
	assert_refused(&o, &good, "another name than imap.test");
	assert_says(&o, "it names " HOST ", 127.0.0.1");
}

static void expired_and_early_certificates_are_refused(void **state)
{
	struct cert_plan old = {
		.cn = HOST, .dns = HOST, .from_s = -9999, .until_s = -100
	};
	struct cert_plan early = {
		.cn = HOST, .dns = HOST, .from_s = 100, .until_s = 9999
	};
	struct identity old_id = cert_make(&old, &ca);
	struct identity early_id = cert_make(&early, &ca);
	struct trust_setting setting = { .ca_file = ca_file };
	struct owner a = { 0 }, b = { 0 };

	(void)state;
	assert_false(meet_one(&a, &old_id, HOST, &setting));
	assert_refused(&a, &old_id, "expired on 2");
	assert_false(meet_one(&b, &early_id, HOST, &setting));
	assert_refused(&b, &early_id, "not valid before 2");
	identity_fini(&old_id);
	identity_fini(&early_id);
}

static void all_that_is_wrong_is_told_at_once(void **state)
{
	struct cert_plan plan = {
		.cn = "x", .dns = "other.test", .from_s = -9999, .until_s = -100
	};
	struct identity by_itself = cert_make(&plan, NULL);
	struct identity by_ca = cert_make(&plan, &ca);
	struct trust_setting setting = { .ca_file = ca_file };
	struct owner a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	assert_false(meet_one(&a, &by_itself, HOST, &setting));
	assert_int_equal(a.info.faults, CERT_FAULT(CERT_SELF_SIGNED) |
						CERT_FAULT(CERT_NAME) |
						CERT_FAULT(CERT_TIME));
	assert_string_equal(a.info.names, "other.test");
	assert_string_equal(a.info.issuer, "CN=x");
	assert_true(a.info.not_before_unix < a.info.not_after_unix);
	assert_false(meet_one(&b, &by_ca, HOST, &setting));
	assert_int_equal(b.info.faults,
			 CERT_FAULT(CERT_NAME) | CERT_FAULT(CERT_TIME));
	/* a trusted one has none */
	assert_true(meet_one(&c, &good, "127.0.0.1", &setting));
	assert_int_equal(c.info.faults, 0);
	identity_fini(&by_itself);
	identity_fini(&by_ca);
}

/* The date that counts is then not that of the server's certificate. */
static void an_issuer_that_is_out_of_date_is_told_as_such(void **state)
{
	struct cert_plan old = {
		.cn = "Old CA", .is_ca = true, .from_s = -9999, .until_s = -100
	};
	struct cert_plan plan = { .cn = HOST, .dns = HOST };
	struct identity old_ca = cert_make(&old, NULL);
	struct identity id = cert_make(&plan, &old_ca);
	char *file = cert_write(f.folder, "old.pem", old_ca.cert);
	struct trust_setting setting = { .ca_file = file };
	struct owner o = { 0 };

	(void)state;
	assert_false(meet_one(&o, &id, HOST, &setting));
	assert_refused(&o, &id, "an issuer's certificate behind that of");
	assert_int_equal(o.info.faults, CERT_FAULT(CERT_TIME));
	free(file);
	identity_fini(&id);
	identity_fini(&old_ca);
}

struct name_row {
	struct cert_plan plan;
	bool ok;
};

static void names_match_whole_and_the_san_goes_before_the_cn(void **state)
{
	static const struct name_row rows[] = {
		{ { .cn = HOST }, true }, /* no SAN at all */
		{ { .cn = HOST, .dns = "other.test" }, false },
		{ { .cn = "other.test", .dns = HOST }, true },
		{ { .cn = "x", .dns = "MAIL.TEST" }, true },
		{ { .cn = "x", .dns = "*.test" }, false }, /* of a whole TLD */
		{ { .cn = "x", .dns = "m*l.test" }, false },
		{ { .cn = "x", .dns = HOST "\0.evil.test", .dns_n = 20 },
		  false },
		{ { .cn = HOST "\0.evil.test", .cn_n = 20 }, false },
		{ { .cn = "x", .dns = "evil.test\0" HOST, .dns_n = 19 },
		  false },
	};
	struct trust_setting setting = { .ca_file = ca_file };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct identity id = cert_make(&rows[i].plan, &ca);
		struct owner o = { 0 };

		if (meet_one(&o, &id, HOST, &setting) != rows[i].ok)
			fail_msg("row %zu: %s", i, o.why.what);
		if (!rows[i].ok)
			assert_refused(&o, &id, "another name");
		identity_fini(&id);
	}
}

static void wildcards_stand_for_one_whole_label(void **state)
{
	struct cert_plan plan = { .cn = "x", .dns = "*.mail.test" };
	struct identity id = cert_make(&plan, &ca);
	struct trust_setting setting = { .ca_file = ca_file };
	struct owner a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	assert_true(meet_one(&a, &id, "imap.mail.test", &setting));
	assert_false(meet_one(&b, &id, "a.b.mail.test", &setting));
	assert_false(meet_one(&c, &id, "mail.test", &setting));
	identity_fini(&id);
}

static void names_from_a_certificate_are_escaped_and_cut(void **state)
{
	char longish[3000];
	struct cert_plan plan = { .cn = "x", .dns = "\x1b]0;owned\x07\xff" };
	struct identity id = cert_make(&plan, &ca), id2;
	struct trust_setting setting = { .ca_file = ca_file };
	struct owner a = { 0 }, b = { 0 };

	(void)state;
	assert_false(meet_one(&a, &id, HOST, &setting));
	assert_refused(&a, &id, "\\x1B]0;owned\\x07\\xFF");
	memset(longish, 'a', sizeof(longish));
	plan.dns = longish;
	plan.dns_n = sizeof(longish);
	id2 = cert_make(&plan, &ca);
	assert_false(meet_one(&b, &id2, HOST, &setting));
	assert_refused(&b, &id2, "aaa...");
	identity_fini(&id);
	identity_fini(&id2);
}

static void pins_trust_exactly_what_they_name(void **state)
{
	struct cert_plan plan = { .cn = "whoever",
				  .from_s = -999,
				  .until_s = -99 };
	struct identity id = cert_make(&plan, NULL);
	char cert_pin[CERT_SHA256_TEXT], key_pin[CERT_SPKI_TEXT];
	const char *pins[2] = { cert_pin, key_pin };
	struct trust_setting setting = { .fingerprints = pins,
					 .fingerprint_count = 1 };
	struct owner a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };

	(void)state;
	cert_digest_text(id.cert, CERT_SHA256, cert_pin, sizeof(cert_pin));
	cert_digest_text(id.cert, CERT_SPKI, key_pin, sizeof(key_pin));
	assert_true(meet_one(&a, &id, HOST, &setting));
	assert_true(a.info.pinned);
	assert_string_equal(a.info.sha256, cert_pin);
	assert_string_equal(a.info.spki, key_pin);
	/* A good chain does not help where a pin is named. */
	assert_false(meet_one(&b, &good, HOST, &setting));
	assert_refused(&b, &good, "none of those in tls_fingerprint");
	setting.fingerprint_count = 2;
	pins[0] = "sha256:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"
		  "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff";
	assert_true(meet_one(&c, &id, HOST, &setting));
	setting.fingerprint_count = 1;
	assert_false(meet_one(&d, &id, HOST, &setting));
	identity_fini(&id);
}

static void a_malformed_pin_is_a_wrong_configuration(void **state)
{
	static const char *const bad[] = {
		"",
		"sha256:",
		"sha1:00",
		"sha256:zz",
		"deadbeef",
		"spki:00112233445566778899aabbccddeeff00112233445566778899aabb"
		"ccddeef", /* 63 digits */
		"spki:00112233445566778899aabbccddeeff00112233445566778899aabb"
		"ccddeeff00", /* 66 */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct trust_setting setting = { .fingerprints = &bad[i],
						 .fingerprint_count = 1 };
		struct err err = { 0 };

		assert_null(trust_get(f.trusts, &setting, &err));
		assert_int_equal(err.class, ERR_CONFIG);
		assert_true(err.remedy[0]);
	}
}

static void old_tls_is_refused_unless_allowed(void **state)
{
	struct trust_setting setting = { .ca_file = ca_file };
	struct server sv = { .serve = serve_tls_echo,
			     .id = &good,
			     .count = 2,
			     .min = TLS1_VERSION,
			     .max = TLS1_1_VERSION };
	struct server new = { .serve = serve_tls_echo,
			      .id = &good,
			      .max = TLS1_2_VERSION };
	struct owner a = { 0 }, b = { 0 }, c = { 0 };

	(void)state;
	server_start(&sv);
	assert_false(meet(&a, sv.port, HOST, &setting));
	assert_class(&a, ERR_TRUST);
	assert_says(&a, "no TLS version that tls_min allows");
	setting.min = TRUST_TLS_1_0;
	assert_true(meet(&b, sv.port, HOST, &setting));
	assert_string_equal(b.info.version, "TLSv1.1");
	server_join(&sv);
	server_start(&new);
	setting.min = TRUST_TLS_1_3;
	assert_false(meet(&c, new.port, HOST, &setting));
	assert_class(&c, ERR_TRUST);
	server_join(&new);
}

static void sessions_are_resumed_for_the_same_peer_and_trust(void **state)
{
	static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
	char pin[CERT_SHA256_TEXT];
	const char *pins[] = { pin };
	struct trust_setting by_pin = { .fingerprints = pins,
					.fingerprint_count = 1 };
	struct trust_setting setting = { .ca_file = ca_file };

	(void)state;
	cert_digest_text(good.cert, CERT_SHA256, pin, sizeof(pin));
	for (size_t i = 0; i < 2; i++) {
		struct server sv = { .serve = serve_tls_echo,
				     .id = &good,
				     .count = 4,
				     .max = versions[i] };
		struct owner o[4] = { 0 };

		server_start(&sv);
		assert_true(meet(&o[0], sv.port, HOST, &setting));
		assert_false(o[0].info.resumed);
		assert_true(meet(&o[1], sv.port, HOST, &setting));
		assert_true(o[1].info.resumed);
		assert_string_equal(o[1].info.subject, "CN=" HOST);
		/* Another name of the same machine; another trust. */
		assert_true(meet(&o[2], sv.port, "127.0.0.1", &setting));
		assert_false(o[2].info.resumed);
		assert_true(meet(&o[3], sv.port, HOST, &by_pin));
		assert_false(o[3].info.resumed);
		server_join(&sv);
	}
}

/* A renewed certificate of ours counts without a restart. */
static void a_changed_file_makes_a_fresh_trust(void **state)
{
	char *path = cert_write(f.folder, "changing.pem", ca.cert);
	struct trust_setting setting = { .ca_file = path };
	struct identity other = cert_make(
		&(struct cert_plan){ .cn = "Other CA, longer", .is_ca = true },
		NULL);
	struct owner a = { 0 }, b = { 0 };
	struct err err;
	struct trust *t, *u;

	(void)state;
	assert_true(meet_one(&a, &good, HOST, &setting));
	t = trust_get(f.trusts, &setting, &err);
	u = trust_get(f.trusts, &setting, &err);
	assert_ptr_equal(t, u);
	trust_release(u);
	free(cert_write(f.folder, "changing.pem", other.cert));
	u = trust_get(f.trusts, &setting, &err);
	assert_ptr_not_equal(t, u);
	trust_release(t);
	trust_release(u);
	assert_false(meet_one(&b, &good, HOST, &setting));
	assert_class(&b, ERR_TRUST);
	identity_fini(&other);
	free(path);
}

static void equal_settings_share_until_files_may_have_changed(void **state)
{
	struct trust_setting setting = { .ca_file = ca_file };
	struct trust_setting other = { .ca_file = ca_file,
				       .min = TRUST_TLS_1_3 };
	struct err err;
	struct trust *a = trust_get(f.trusts, &setting, &err);
	struct trust *b = trust_get(f.trusts, &setting, &err);
	struct trust *c = trust_get(f.trusts, &other, &err), *d;

	(void)state;
	assert_ptr_equal(a, b);
	assert_ptr_not_equal(a, c);
	trusts_renew(f.trusts);
	d = trust_get(f.trusts, &setting, &err);
	assert_ptr_not_equal(a, d);
	trust_release(a);
	trust_release(b);
	trust_release(c);
	trust_release(d);
	trust_release(NULL);
}

/* openssl's own forms of an encrypted key */
static char *encrypted_key(const char *name, EVP_PKEY *key, bool pkcs8)
{
	char *path = mem_new(200), pass[] = "geheim";
	BIO *out;

	(void)snprintf(path, 200, "%s/%s", f.folder, name);
	out = BIO_new_file(path, "w");
	assert_non_null(out);
	if (pkcs8)
		MUST(PEM_write_bio_PKCS8PrivateKey(out, key, EVP_aes_128_cbc(),
						   pass, 6, NULL, NULL) == 1);
	else
		MUST(PEM_write_bio_PrivateKey_traditional(
			     out, key, EVP_aes_128_cbc(), (unsigned char *)pass,
			     6, NULL, NULL) == 1);
	(void)BIO_free(out);
	MUST(chmod(path, 0600) == 0);
	return path;
}

static void refused_files(const struct trust_setting *setting,
			  const char *words, const char *remedy)
{
	struct err err = { 0 };
	struct trust *t = trust_get(f.trusts, setting, &err);

	assert_non_null(t);
	assert_false(trust_ready(t, &err));
	if (err.class != ERR_CONFIG || !strstr(err.what, words) ||
	    !strstr(err.remedy, remedy))
		fail_msg("%s: %s | %s", words, err.what, err.remedy);
	assert_int_equal(ERR_peek_error(), 0);
	trust_release(t);
}

static void unusable_files_are_a_wrong_configuration(void **state)
{
	char *key = key_write(f.folder, "other.key", good.key);
	char *cert = cert_write(f.folder, "other.pem", ca.cert);
	char *ours = cert_write(f.folder, "ours.pem", good.cert);
	char *pkcs8 = encrypted_key("pkcs8.key", good.key, true);
	char *old = encrypted_key("old.key", good.key, false);
	EVP_PKEY *rsa = EVP_RSA_gen(2048);
	char *of_rsa = key_write(f.folder, "rsa.key", rsa);
	const struct {
		const char *ca, *cert, *key, *words, *remedy;
	} rows[] = {
		{ "/nowhere/ca.pem", NULL, NULL, "tls_ca", "must be there" },
		{ f.folder, NULL, NULL, "not a file", "PEM" },
		{ key, NULL, NULL, "tls_ca", "PEM" },
		{ ca_file, "/nowhere/c.pem", NULL, "client_cert",
		  "must be there" },
		{ ca_file, f.folder, NULL, "not a file", "PEM" },
		{ ca_file, key, NULL, "client_cert", "PEM" },
		{ ca_file, ours, "/nowhere/k.key", "client_key",
		  "must be there" },
		{ ca_file, ours, ca_file, "client_key", "PEM" },
		{ ca_file, cert, key, "not that of the certificate",
		  "made with" },
		{ ca_file, ours, of_rsa, "not that of the certificate",
		  "made with" },
		{ ca_file, ours, pkcs8, "encrypted", "openssl pkey" },
		{ ca_file, ours, old, "encrypted", "openssl pkey" },
		{ ca_file, ours, NULL, "client_cert", "client_key" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused_files(
			&(struct trust_setting){ .ca_file = rows[i].ca,
						 .client_cert = rows[i].cert,
						 .client_key = rows[i].key },
			rows[i].words, rows[i].remedy);
	EVP_PKEY_free(rsa);
	free(key);
	free(cert);
	free(ours);
	free(pkcs8);
	free(old);
	free(of_rsa);
}

/* CASES C14: a private key is a secret like others. */
static void a_key_that_others_can_read_is_refused(void **state)
{
	char *key = key_write(f.folder, "open.key", good.key);
	char *cert = cert_write(f.folder, "open.pem", good.cert);
	struct trust_setting setting = { .ca_file = ca_file,
					 .client_cert = cert,
					 .client_key = key };
	struct err err;
	struct trust *t;

	(void)state;
	MUST(chmod(key, 0604) == 0);
	refused_files(&setting, "open to everybody", "chmod 600");
	MUST(chmod(key, 0602) == 0);
	refused_files(&setting, "open to everybody", "chmod 600");
	if (geteuid() == 0) {
		MUST(chmod(key, 0640) == 0 && chown(key, 0, 4242) == 0);
		refused_files(&setting, "open to another group", "chmod 600");
		MUST(chmod(key, 0600) == 0 && chown(key, 4242, 0) == 0);
		refused_files(&setting, "belong to another user", "chown");
		MUST(chown(key, 0, 0) == 0);
	}
	MUST(chmod(key, 0440) == 0);
	t = trust_get(f.trusts, &setting, &err);
	assert_true(trust_ready(t, &err));
	trust_release(t);
	free(key);
	free(cert);
}

static int want_client(int preverified, X509_STORE_CTX *ctx)
{
	(void)preverified, (void)ctx;
	return 1;
}

static void serve_client_cert(struct server *sv, int fd)
{
	SSL *ssl;
	X509 *cert;

	sv->ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(sv->ctx, sv->id->cert);
	SSL_CTX_use_PrivateKey(sv->ctx, sv->id->key);
	SSL_CTX_set_verify(sv->ctx,
			   SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
			   want_client);
	ssl = server_tls(sv, fd);
	if (!ssl)
		return;
	cert = SSL_get1_peer_certificate(ssl);
	sv->octets = cert != NULL;
	X509_free(cert);
	SSL_free(ssl);
	serve_silence(sv, fd);
}

static void a_client_certificate_is_shown_where_configured(void **state)
{
	char *key = key_write(f.folder, "client.key", good.key);
	char *cert = cert_write(f.folder, "client.pem", good.cert);
	struct trust_setting setting = { .ca_file = ca_file,
					 .client_cert = cert,
					 .client_key = key };
	struct server with = { .serve = serve_client_cert, .id = &good };
	struct server without = { .serve = serve_client_cert, .id = &good };
	struct owner a = { 0 }, b = { 0 };

	(void)state;
	server_start(&with);
	a.close_in = PORT_SENT;
	visit(&a, with.port, HOST, &setting);
	server_join(&with);
	assert_int_equal(with.octets, 1);
	setting.client_cert = setting.client_key = NULL;
	server_start(&without);
	visit(&b, without.port, HOST, &setting);
	server_join(&without);
	assert_class(&b, ERR_TRUST);
	assert_says(&b, "client_cert");
	free(key);
	free(cert);
}

static void the_protocol_is_named_to_the_server(void **state)
{
	struct trust_setting setting = { .ca_file = ca_file };
	struct server sv = { .serve = serve_tls_echo, .id = &good };
	struct owner o = { 0 };

	(void)state;
	server_start(&sv);
	assert_true(meet(&o, sv.port, HOST, &setting));
	server_join(&sv);
	assert_ptr_equal(sv.extra, &sv);
}

static void a_name_that_no_host_has_is_a_wrong_configuration(void **state)
{
	struct trust_setting setting = { .ca_file = ca_file };
	char host[400];
	struct owner o = { 0 };

	(void)state;
	memset(host, 'a', sizeof(host) - 1);
	host[sizeof(host) - 1] = 0;
	assert_false(meet_one(&o, &good, host, &setting));
	assert_class(&o, ERR_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_known_issuer_and_the_right_name_are_trusted),
		cmocka_unit_test(an_unknown_issuer_is_refused),
		cmocka_unit_test(a_self_signed_certificate_is_refused),
		cmocka_unit_test(
			another_name_is_refused_and_the_names_are_told),
		cmocka_unit_test(expired_and_early_certificates_are_refused),
		cmocka_unit_test(all_that_is_wrong_is_told_at_once),
		cmocka_unit_test(an_issuer_that_is_out_of_date_is_told_as_such),
		cmocka_unit_test(
			names_match_whole_and_the_san_goes_before_the_cn),
		cmocka_unit_test(wildcards_stand_for_one_whole_label),
		cmocka_unit_test(names_from_a_certificate_are_escaped_and_cut),
		cmocka_unit_test(pins_trust_exactly_what_they_name),
		cmocka_unit_test(a_malformed_pin_is_a_wrong_configuration),
		cmocka_unit_test(old_tls_is_refused_unless_allowed),
		cmocka_unit_test(
			sessions_are_resumed_for_the_same_peer_and_trust),
		cmocka_unit_test(a_changed_file_makes_a_fresh_trust),
		cmocka_unit_test(
			equal_settings_share_until_files_may_have_changed),
		cmocka_unit_test(unusable_files_are_a_wrong_configuration),
		cmocka_unit_test(a_key_that_others_can_read_is_refused),
		cmocka_unit_test(
			a_client_certificate_is_shown_where_configured),
		cmocka_unit_test(the_protocol_is_named_to_the_server),
		cmocka_unit_test(
			a_name_that_no_host_has_is_a_wrong_configuration),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
