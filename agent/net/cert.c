#include "cert.h"
#include "text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

#define NAMES_MAX 24u /* of one certificate, told in an error */

static const char *const prefixes[] = {
	[CERT_SHA256] = "sha256:",
	[CERT_SPKI] = "spki:",
};

bool cert_digest(const X509 *cert, enum cert_digest kind,
		 uint8_t out[CERT_DIGEST_OCTETS])
{
	unsigned char *der = NULL;
	unsigned n = CERT_DIGEST_OCTETS;
	int len;
	bool ok = false;

	switch (kind) {
	case CERT_SHA256:
		return X509_digest(cert, EVP_sha256(), out, &n) == 1;
	case CERT_SPKI:
		len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
		ok = len > 0 && EVP_Digest(der, (size_t)len, out, &n,
					   EVP_sha256(), NULL) == 1;
		OPENSSL_free(der);
		return ok;
	}
	return false;
}

void cert_digest_text(const X509 *cert, enum cert_digest kind, char *out,
		      size_t cap)
{
	uint8_t digest[CERT_DIGEST_OCTETS];
	size_t n = strlen(prefixes[kind]);

	out[0] = 0;
	if (cap < n + 2 * CERT_DIGEST_OCTETS + 1 ||
	    !cert_digest(cert, kind, digest))
		return;
	memcpy(out, prefixes[kind], n);
	text_hex(out + n, digest, sizeof(digest));
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool hex_parse(const char *s, uint8_t out[CERT_DIGEST_OCTETS])
{
	for (size_t i = 0; i < CERT_DIGEST_OCTETS; i++) {
		int high, low;

		if (i > 0 && *s == ':')
			s++;
		high = hex_value(s[0]);
		low = high < 0 ? -1 : hex_value(s[1]);
		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
		s += 2;
	}
	return *s == 0;
}

bool cert_digest_parse(const char *text, enum cert_digest *kind,
		       uint8_t out[CERT_DIGEST_OCTETS])
{
	for (enum cert_digest k = CERT_SHA256; k <= CERT_SPKI; k++) {
		struct view prefix = view_of(prefixes[k]);

		if (!view_istarts(view_of(text), prefix))
			continue;
		*kind = k;
		return hex_parse(text + prefix.n, out);
	}
	return false;
}

enum cert_fault cert_fault_of(long verify)
{
	switch (verify) {
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		return CERT_SELF_SIGNED;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return CERT_ISSUER;
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return CERT_NAME;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return CERT_TIME;
	case X509_V_ERR_APPLICATION_VERIFICATION:
		return CERT_PIN;
	}
	return CERT_OTHER;
}

static bool is_for(const X509 *cert, const char *host)
{
	X509 *c = (X509 *)(uintptr_t)cert; /* asked only */

	return X509_check_ip_asc(c, host, 0) == 1 ||
	       X509_check_host(c, host, strlen(host),
			       X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

unsigned cert_faults(const X509 *cert, const char *host, long verify)
{
	unsigned faults = CERT_FAULT(cert_fault_of(verify));

	if (faults == CERT_FAULT(CERT_PIN))
		return faults;
	if (!is_for(cert, host))
		faults |= CERT_FAULT(CERT_NAME);
	if (X509_cmp_current_time(X509_get0_notBefore(cert)) > 0 ||
	    X509_cmp_current_time(X509_get0_notAfter(cert)) < 0)
		faults |= CERT_FAULT(CERT_TIME);
	return faults;
}

static struct view octets_of(const ASN1_STRING *s)
{
	return (struct view){ (const char *)ASN1_STRING_get0_data(s),
			      (size_t)ASN1_STRING_length(s) };
}

/* What will not go in is left out: the caller cuts anyway. */
static void add_name(struct text *t, struct view name)
{
	if (t->n)
		(void)text_puts(t, ", ");
	(void)text_printable(t, name, 80);
}

static void add_address(struct text *t, const ASN1_OCTET_STRING *ip)
{
	struct view v = octets_of(ip);
	char out[INET6_ADDRSTRLEN];
	int family = v.n == 4 ? AF_INET : AF_INET6;

	if ((v.n == 4 || v.n == 16) && inet_ntop(family, v.p, out, sizeof(out)))
		add_name(t, view_of(out));
}

static void add_san(struct text *t, const X509 *cert)
{
	GENERAL_NAMES *all =
		X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int n = sk_GENERAL_NAME_num(all); /* -1: there is none */

	for (int i = 0; i < n && i < (int)NAMES_MAX; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);

		if (name->type == GEN_DNS)
			add_name(t, octets_of(name->d.dNSName));
		else if (name->type == GEN_IPADD)
			add_address(t, name->d.iPAddress);
	}
	GENERAL_NAMES_free(all);
}

static void add_common_name(struct text *t, const X509 *cert)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);

	if (at >= 0)
		add_name(t, octets_of(X509_NAME_ENTRY_get_data(
				    X509_NAME_get_entry(subject, at))));
}

void cert_names(const X509 *cert, char *out, size_t cap)
{
	struct text t;

	text_init(&t, 4096);
	add_san(&t, cert);
	if (t.n == 0)
		add_common_name(&t, cert);
	/* Printable already: escaping again would double the backslashes. */
	(void)snprintf(out, cap, "%s", text_str(&t));
	if (t.n >= cap && cap > 4)
		memcpy(out + cap - 4, "...", 4);
	text_fini(&t);
}

void cert_dn(const X509_NAME *name, char *out, size_t cap)
{
	/* Escapes what RFC 2253 wants escaped, leaves the octets to us. */
	const unsigned long form = XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB &
				   ~(unsigned long)ASN1_STRFLGS_ESC_CTRL;
	BIO *b = BIO_new(BIO_s_mem());
	char *text;
	long n;

	out[0] = 0;
	if (!b)
		return;
	if (X509_NAME_print_ex(b, name, 0, form) >= 0) {
		n = BIO_get_mem_data(b, &text);
		printable(out, cap,
			  (struct view){ text, n > 0 ? (size_t)n : 0 });
	}
	(void)BIO_free(b);
}

int64_t cert_unix(const ASN1_TIME *t)
{
	struct tm tm;

	if (!t || ASN1_TIME_to_tm(t, &tm) != 1)
		return 0;
	return (int64_t)timegm(&tm);
}

void cert_time(const ASN1_TIME *t, char *out, size_t cap)
{
	struct tm tm;

	if (!t || ASN1_TIME_to_tm(t, &tm) != 1 ||
	    strftime(out, cap, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		(void)snprintf(out, cap, "an unreadable time");
}
