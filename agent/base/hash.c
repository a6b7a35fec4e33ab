#include "hash.h"
#include "must.h"
#include "text.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <sys/random.h>

struct hash {
	EVP_MD_CTX *ctx;
};

void hash_set_up(void)
{
	MUST(OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL) == 1);
}

/* Fetched once: an implicit fetch a message costs more than a small body. */
static EVP_MD *sha256(void)
{
	static EVP_MD *md;

	if (!md)
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
	MUST(md);
	return md;
}

struct hash *hash_new(void)
{
	struct hash *h = mem_new(sizeof(*h));

	h->ctx = EVP_MD_CTX_new();
	MUST(h->ctx && EVP_DigestInit_ex2(h->ctx, sha256(), NULL) == 1);
	return h;
}

void hash_free(struct hash *h)
{
	if (h)
		EVP_MD_CTX_free(h->ctx);
	free(h);
}

void hash_add(struct hash *h, struct view v)
{
	MUST(EVP_DigestUpdate(h->ctx, v.p, v.n) == 1);
}

void hash_end(struct hash *h, uint8_t out[HASH_BODY_OCTETS])
{
	unsigned char full[EVP_MAX_MD_SIZE];

	MUST(EVP_DigestFinal_ex(h->ctx, full, NULL) == 1);
	memcpy(out, full, HASH_BODY_OCTETS);
	MUST(EVP_DigestInit_ex2(h->ctx, NULL, NULL) == 1);
}

/*
 * The key schedule is kept for as long as the key stays the same: a listing of
 * a million UIDLs hashes with one key, and setting it costs more than hashing
 * a name. One for each thread, since listings are named on the pool, too.
 */
static EVP_MAC_CTX *keyed_context(const uint8_t key[HASH_KEY_OCTETS])
{
	static _Thread_local EVP_MAC_CTX *ctx;
	static _Thread_local uint8_t held[HASH_KEY_OCTETS];
	char digest[] = "SHA256";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest,
						 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC *mac;

	if (ctx && memcmp(held, key, sizeof(held)) == 0) {
		MUST(EVP_MAC_init(ctx, NULL, 0, NULL) == 1);
		return ctx;
	}
	if (!ctx) {
		mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
		MUST(mac);
		ctx = EVP_MAC_CTX_new(mac);
		EVP_MAC_free(mac);
	}
	MUST(ctx && EVP_MAC_init(ctx, key, HASH_KEY_OCTETS, params) == 1);
	memcpy(held, key, sizeof(held));
	return ctx;
}

void hash_keyed(const uint8_t key[HASH_KEY_OCTETS], struct view v, uint8_t *out,
		size_t n)
{
	EVP_MAC_CTX *ctx = keyed_context(key);
	unsigned char full[EVP_MAX_MD_SIZE];
	size_t len = 0;

	MUST(EVP_MAC_update(ctx, (const unsigned char *)v.p, v.n) == 1 &&
	     EVP_MAC_final(ctx, full, &len, sizeof(full)) == 1);
	MUST(n <= len);
	memcpy(out, full, n);
}

static const EVP_MD *md_of(enum hash_kind kind)
{
	switch (kind) {
	case HASH_MD5:
		return EVP_md5();
	case HASH_SHA1:
		return EVP_sha1();
	case HASH_SHA256:
		return EVP_sha256();
	}
	return NULL;
}

size_t hash_mac(enum hash_kind kind, struct view key, struct view v,
		uint8_t out[HASH_MAC_MAX])
{
	unsigned char full[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (key.n > INT32_MAX ||
	    !HMAC(md_of(kind), key.p, (int)key.n, (const unsigned char *)v.p,
		  v.n, full, &n))
		return 0;
	MUST(n <= HASH_MAC_MAX);
	memcpy(out, full, n);
	OPENSSL_cleanse(full, sizeof(full));
	return n;
}

bool hash_md5_hex(struct view v, char out[33])
{
	unsigned char sum[EVP_MAX_MD_SIZE];

	if (EVP_Digest(v.p, v.n, sum, NULL, EVP_md5(), NULL) != 1)
		return false;
	text_hex(out, sum, 16);
	return true;
}

void hash_random(void *out, size_t n)
{
	uint8_t *p = out;

	while (n) {
		ssize_t got = getrandom(p, n, 0);

		MUST(got > 0);
		p += got;
		n -= (size_t)got;
	}
}

bool hash_same(const void *a, const void *b, size_t n)
{
	return CRYPTO_memcmp(a, b, n) == 0;
}
