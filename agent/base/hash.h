/*
 * hash - body hash, keyed identities, trace MAC, and what mechanisms of sign-in
 * are made of (libcrypto lives here alone).
 *
 * The body hash is SHA-256 cut to 16 octets; keyed hashes are HMAC-SHA-256 cut
 * to what is asked. Failure of libcrypto is a broken installation and aborts.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H
#include "view.h"

#define HASH_BODY_OCTETS 16u
#define HASH_KEY_OCTETS	 32u

/*
 * Before anything else of libcrypto is used, by a process that may live for
 * milliseconds: what libcrypto holds is not given back piece by piece at exit.
 */
void hash_set_up(void);

struct hash; /* a running body hash */
struct hash *hash_new(void);
void hash_free(struct hash *h);
void hash_add(struct hash *h, struct view v);
/* Ends the hash and begins anew. */
void hash_end(struct hash *h, uint8_t out[HASH_BODY_OCTETS]);

/* HMAC-SHA-256(key, v) cut to n <= 32 octets. */
void hash_keyed(const uint8_t key[HASH_KEY_OCTETS], struct view v, uint8_t *out,
		size_t n);

/*
 * HMAC (RFC 2104) of the whole of v with a key of any length. MD5 is there for
 * APOP and CRAM-MD5 alone. Octets written; 0: libcrypto refuses this hash (an
 * installation with FIPS knows no MD5).
 */
enum hash_kind {
	HASH_MD5,
	HASH_SHA1,
	HASH_SHA256
};
#define HASH_MAC_MAX 32u
size_t hash_mac(enum hash_kind kind, struct view key, struct view v,
		uint8_t out[HASH_MAC_MAX]);
/* MD5 of v in hexadecimal digits with NUL. false: as hash_mac() 0. */
bool hash_md5_hex(struct view v, char out[33]);

/* Unpredictable octets from the kernel. */
void hash_random(void *out, size_t n);
/* Compares in constant time. */
bool hash_same(const void *a, const void *b, size_t n);
#endif
