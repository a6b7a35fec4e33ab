#include "trust_files.h"
#include "neterr.h"
#include "safefile.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* All zero where there is no such file. */
static void take_stamp(struct trust_stamps *out, size_t at, const char *path)
{
	struct stat st;

	if (!path || stat(path, &st) != 0)
		return;
	out->of[at].dev = st.st_dev;
	out->of[at].ino = st.st_ino;
	out->of[at].size = st.st_size;
	out->of[at].changed = st.st_mtim;
}

static const char *path_or(const char *variable, const char *otherwise)
{
	const char *path = secure_getenv(variable);

	return path ? path : otherwise;
}

void trust_stamps(const struct trust_files *files, struct trust_stamps *out)
{
	*out = (struct trust_stamps){ 0 };
	if (files->ca) {
		take_stamp(out, 0, files->ca);
	} else if (!files->is_pinned) {
		take_stamp(out, 0,
			   path_or(X509_get_default_cert_file_env(),
				   X509_get_default_cert_file()));
		take_stamp(out, 1,
			   path_or(X509_get_default_cert_dir_env(),
				   X509_get_default_cert_dir()));
	}
	take_stamp(out, 2, files->cert);
	take_stamp(out, 3, files->key);
}

bool trust_stamps_are_equal(const struct trust_stamps *a,
			    const struct trust_stamps *b)
{
	for (size_t i = 0; i < TRUST_STAMPS; i++)
		if (a->of[i].dev != b->of[i].dev ||
		    a->of[i].ino != b->of[i].ino ||
		    a->of[i].size != b->of[i].size ||
		    a->of[i].changed.tv_sec != b->of[i].changed.tv_sec ||
		    a->of[i].changed.tv_nsec != b->of[i].changed.tv_nsec)
			return false;
	return true;
}

/* who: bool, set where the key turns out to be encrypted */
static int refuse_passphrase(char *buf, int size, int writing, void *who)
{
	bool *asked = who;

	(void)buf, (void)size, (void)writing;
	*asked = true;
	return -1; /* nobody is there to be asked */
}

/* A FIFO or a terminal would hold up the loop. */
static bool check_file(const char *what, const char *path, struct stat *st,
		       struct err *err)
{
	if (stat(path, st) != 0 || access(path, R_OK) != 0)
		return neterr_file(err, errno, what, path);
	if (S_ISREG(st->st_mode))
		return true;
	(void)err_set(err, ERR_CONFIG, "%s \"%.120s\": not a file", what, path);
	return err_remedy(err, "name a file in PEM form");
}

/* INTERFACE 2: as any file with a secret. */
static bool check_owner(const char *what, const char *path,
			const struct stat *st, struct err *err)
{
	struct safefile_owner owner = { geteuid(), getegid() };
	const char *why;

	if (safefile_check(st, &owner, &why))
		return true;
	(void)err_set(err, ERR_CONFIG, "%s \"%.120s\": it %s", what, path, why);
	if (st->st_uid == owner.uid)
		return err_remedy(err, "chmod 600 that file");
	return err_remedy(err, "chown it to the user that mailhaul runs as, "
			       "and chmod 600");
}

static bool load_authorities(SSL_CTX *ctx, const struct trust_files *t,
			     struct err *err)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);
	struct stat st;

	if (!t->ca) {
		if (SSL_CTX_set_default_verify_paths(ctx) == 1)
			return true;
		return neterr_file(err, 0, "certificates of the system",
				   X509_get_default_cert_dir());
	}
	/* A server's own certificate may stand there instead of its issuer. */
	(void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	if (!check_file("tls_ca", t->ca, &st, err))
		return false;
	if (SSL_CTX_load_verify_file(ctx, t->ca) == 1)
		return true;
	return neterr_file(err, 0, "tls_ca", t->ca);
}

static bool say_key(const struct trust_files *t, const char *what,
		    const char *path, bool is_read, bool is_encrypted,
		    struct err *err)
{
	if (is_encrypted) {
		ERR_clear_error();
		(void)err_set(err, ERR_CONFIG,
			      "%s \"%.120s\": the key is encrypted, and nobody "
			      "is there to type its passphrase",
			      what, path);
		return err_remedy(err, "openssl pkey -in FILE -out NEWFILE "
				       "takes it off; chmod 600 the new one");
	}
	if (ERR_GET_LIB(ERR_peek_last_error()) == ERR_LIB_X509 || is_read) {
		ERR_clear_error();
		(void)err_set(err, ERR_CONFIG,
			      "%s \"%.120s\": the key is not that of the "
			      "certificate in client_cert",
			      what, path);
		return err_remedy(err, "name the key that client_cert was made "
				       "with");
	}
	(void)neterr_file(err, 0, what, path);
	return t->key ? false
		      : err_remedy(err, "name the file of its key in "
					"client_key, or put the key "
					"into this one as well");
}

static bool load_key(SSL_CTX *ctx, const struct trust_files *t, struct err *err)
{
	const char *what = t->key ? "client_key" : "client_cert";
	const char *path = t->key ? t->key : t->cert;
	bool is_encrypted = false, is_read;
	struct stat st;

	if (!check_file(what, path, &st, err))
		return false;
	SSL_CTX_set_default_passwd_cb(ctx, refuse_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(ctx, &is_encrypted);
	is_read = SSL_CTX_use_PrivateKey_file(ctx, path, SSL_FILETYPE_PEM) == 1;
	SSL_CTX_set_default_passwd_cb_userdata(ctx, NULL);
	if (!is_read || SSL_CTX_check_private_key(ctx) != 1)
		return say_key(t, what, path, is_read, is_encrypted, err);
	return check_owner(what, path, &st, err);
}

static bool load_client(SSL_CTX *ctx, const struct trust_files *t,
			struct err *err)
{
	struct stat st;

	if (!t->cert)
		return true;
	if (!check_file("client_cert", t->cert, &st, err))
		return false;
	if (SSL_CTX_use_certificate_chain_file(ctx, t->cert) != 1)
		return neterr_file(err, 0, "client_cert", t->cert);
	return load_key(ctx, t, err);
}

bool trust_files_load(const struct trust_files *files, SSL_CTX *ctx,
		      struct err *err)
{
	return (files->is_pinned || load_authorities(ctx, files, err)) &&
	       load_client(ctx, files, err);
}
