#include "libssl.h"

#include "cert.h"
#include "neterr.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>

static const char *connect_remedy(int errnum, bool path)
{
	switch (errnum) {
	case ECONNREFUSED:
		if (path)
			return "nothing listens at that socket: check that "
			       "its server runs";
		return "nothing listens there: check host, port and firewall";
	case ETIMEDOUT:
		return "no answer: check host, port and firewall";
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
		return "check this machine's network connection";
	case EADDRNOTAVAIL:
		return "check source_address: this machine must have it";
	case ENOENT:
		return "check the path of the socket";
	case EACCES:
	case EPERM:
		return "check permissions of the socket, or the local firewall";
	}
	return "";
}

bool neterr_connect(struct err *err, int errnum, bool path, const char *what)
{
	(void)err_errno(err, errnum, "%s", what);
	/* No disk is touched here, whatever the number says. */
	if (err->class == ERR_DISK)
		err->class = ERR_NETWORK;
	return err_remedy(err, "%s", connect_remedy(errnum, path));
}

bool neterr_cut(struct err *err, int errnum)
{
	(void)err_errno(err, errnum, "the connection broke");
	if (err->class == ERR_DISK)
		err->class = ERR_NETWORK;
	return false;
}

bool neterr_lookup(struct err *err, int eai, const char *host)
{
	if (eai == 0)
		(void)err_set(err, ERR_NETWORK,
			      "looking up \"%s\" takes too long", host);
	else if (eai == EAI_NONAME || eai == EAI_NODATA)
		(void)err_set(err, ERR_NETWORK, "no such host: \"%s\"", host);
	else
		(void)err_set(err, ERR_NETWORK, "cannot look up \"%s\": %s",
			      host, gai_strerror(eai));
	err->origin = ERR_FROM_UV;
	err->code = eai;
	if (eai == EAI_NONAME || eai == EAI_NODATA)
		return err_remedy(err, "check how the server is written, and "
				       "/etc/resolv.conf");
	return err_remedy(err, "the name server does not answer: check the "
			       "network connection and /etc/resolv.conf");
}

bool neterr_truncated(struct err *err, bool in_handshake)
{
	if (in_handshake) {
		(void)err_set(err, ERR_NETWORK,
			      "the server hung up during the TLS handshake");
		return err_remedy(err, "if it lasts, check port and TLS form "
				       "of the server");
	}
	return err_set(err, ERR_NETWORK,
		       "the connection was cut off: TLS ended without "
		       "close_notify");
}

bool neterr_file(struct err *err, int errnum, const char *what,
		 const char *path)
{
	unsigned long last = ERR_peek_last_error();
	/* "PEM lib" says where it went wrong, not what did */
	unsigned long code =
		ERR_GET_REASON(last) == ERR_R_PEM_LIB ? ERR_peek_error() : last;
	const char *reason = errnum ? strerrordesc_np(errnum)
			     : code ? ERR_reason_error_string(code)
				    : NULL;

	(void)err_set(err, ERR_CONFIG, "%s \"%.120s\": %s", what, path,
		      reason ? reason : "cannot be used");
	ERR_clear_error();
	return err_remedy(err, "it must be there, in PEM form, and readable "
			       "for this user");
}

/* Certificates: four errors that call for different things, and the rest. */

/* It may be that of an issuer which is out of date. */
static void say_time(struct err *err, const struct neterr_tls *tls,
		     const char *host)
{
	const char *whose = tls->faulty == tls->seen
				    ? "the certificate"
				    : "an issuer's certificate behind that";
	bool is_over = tls->verify == X509_V_ERR_CERT_HAS_EXPIRED;
	char when[40];

	cert_time(is_over ? X509_get0_notAfter(tls->faulty)
			  : X509_get0_notBefore(tls->faulty),
		  when, sizeof(when));
	(void)err_set(err, ERR_TRUST, "%s of %s %s %s", whose, host,
		      is_over ? "expired on" : "is not valid before", when);
}

static void say_name(struct err *err, const X509 *cert, const char *host)
{
	char names[sizeof(err->peer)];

	cert_names(cert, names, sizeof(names));
	(void)err_set(err, ERR_TRUST,
		      "the certificate is for another name "
		      "than %s",
		      host);
	(void)snprintf(err->peer, sizeof(err->peer), "it names %.300s",
		       names[0] ? names : "nobody");
}

static void say_issuer(struct err *err, const X509 *cert, const char *host)
{
	char issuer[161];

	cert_dn(X509_get_issuer_name(cert), issuer, sizeof(issuer));
	(void)err_set(err, ERR_TRUST,
		      "the certificate of %s comes from an unknown issuer",
		      host);
	(void)snprintf(err->peer, sizeof(err->peer), "issued by %s", issuer);
}

static void say_remedy(struct err *err, const X509 *cert, const char *what)
{
	char pin[CERT_SHA256_TEXT];

	cert_digest_text(cert, CERT_SHA256, pin, sizeof(pin));
	(void)err_remedy(err, "%s tls_fingerprint = \"%s\"", what, pin);
}

static void say_fault(struct err *err, const struct neterr_tls *tls,
		      const char *host)
{
	const X509 *cert = tls->seen;
	long verify = tls->verify;

	switch (cert_fault_of(verify)) {
	case CERT_SELF_SIGNED:
		(void)err_set(err, ERR_TRUST,
			      "the certificate of %s is self-signed", host);
		say_remedy(err, cert, "if this is your server's own:");
		break;
	case CERT_ISSUER:
		say_issuer(err, cert, host);
		say_remedy(err, cert,
			   "name the issuer's file in tls_ca, or "
			   "trust only this one:");
		break;
	case CERT_NAME:
		say_name(err, cert, host);
		say_remedy(err, cert,
			   "write one of these names in server, or "
			   "trust only this one:");
		break;
	case CERT_TIME:
		say_time(err, tls, host);
		say_remedy(err, cert,
			   "its operator must renew it (or the "
			   "clock here is wrong); until then:");
		break;
	case CERT_PIN:
		(void)err_set(err, ERR_TRUST,
			      "the certificate of %s is none "
			      "of those in tls_fingerprint",
			      host);
		say_remedy(err, cert, "ask its operator; if it was renewed:");
		break;
	case CERT_OTHER:
		(void)err_set(err, ERR_TRUST,
			      "the certificate of %s is not acceptable: %s",
			      host, X509_verify_cert_error_string(verify));
		say_remedy(err, cert,
			   "its operator must replace it; until "
			   "then:");
		break;
	}
}

static void say_old(struct err *err)
{
	(void)err_set(err, ERR_TRUST,
		      "the server offers no TLS version that "
		      "tls_min allows");
	(void)err_remedy(err, "have it updated; or, if you must, tls_min = "
			      "\"1.0\"");
}

static void say_no_tls(struct err *err, struct view first)
{
	(void)err_set(err, ERR_PROTOCOL, "what the server sends is not TLS");
	(void)err_peer(err, view_head(first, view_find(first, '\r')));
	(void)err_remedy(err, "check port and TLS form: imap, pop3, smtp "
			      "begin in clear, imaps, pop3s, smtps do not");
}

static bool is_about_our_certificate(int reason)
{
	switch (reason) {
	case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
	case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
	case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
	case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
		return true;
	}
	return false;
}

static void say_failure(struct err *err, int reason, const char *words,
			bool in_handshake)
{
	bool is_ours = is_about_our_certificate(reason);
	bool may_pass =
		!is_ours &&
		(!in_handshake || reason == SSL_R_TLSV1_ALERT_INTERNAL_ERROR);

	(void)err_set(err, may_pass ? ERR_NETWORK : ERR_TRUST,
		      "TLS with the server failed: %s",
		      words ? words : "unknown reason");
	if (is_ours)
		(void)err_remedy(err, "it does not take our certificate: check "
				      "client_cert and client_key");
	else if (!may_pass)
		(void)err_remedy(err, "ask its operator which TLS versions and "
				      "ciphers it has");
}

static void say_reason(struct err *err, const struct neterr_tls *tls)
{
	unsigned long code = ERR_peek_error();
	int reason = code ? ERR_GET_REASON(code) : 0;
	const char *words = code ? ERR_reason_error_string(code) : NULL;

	switch (tls->in_handshake ? reason : 0) {
	case SSL_R_WRONG_VERSION_NUMBER:
	case SSL_R_HTTP_REQUEST:
	case SSL_R_HTTPS_PROXY_REQUEST:
	case SSL_R_PACKET_LENGTH_TOO_LONG:
		say_no_tls(err, tls->first);
		break;
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_WRONG_SSL_VERSION:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
		say_old(err);
		break;
	default:
		say_failure(err, reason, words, tls->in_handshake);
		break;
	}
}

bool neterr_tls(struct err *err, const struct neterr_tls *tls)
{
	char name[80];

	printable(name, sizeof(name), view_of(tls->host));
	if (tls->seen)
		say_fault(err, tls, name);
	else
		say_reason(err, tls);
	err->origin = ERR_FROM_TLS;
	err->code = tls->seen ? (int)tls->verify : 0;
	ERR_clear_error();
	return false;
}
