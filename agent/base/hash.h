/*
 * hash - body hash, keyed identities, trace MAC (libcrypto lives here alone).
 *
 * The body hash is SHA-256 cut to 16 octets; keyed hashes are HMAC-SHA-256 cut
 * to what is asked. Failure of libcrypto is a broken installation and aborts.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H
#include "view.h"

#define HASH_BODY_OCTETS 16u
#define HASH_KEY_OCTETS	 32u

struct hash; /* a running body hash */
struct hash *hash_new(void);
void hash_free(struct hash *h);
void hash_add(struct hash *h, struct view v);
/* Ends the hash and begins anew. */
void hash_end(struct hash *h, uint8_t out[HASH_BODY_OCTETS]);

/* HMAC-SHA-256(key, v) cut to n <= 32 octets. */
void hash_keyed(const uint8_t key[HASH_KEY_OCTETS], struct view v, uint8_t *out,
		size_t n);
/* Unpredictable octets from the kernel. */
void hash_random(void *out, size_t n);
/* Compares in constant time. */
bool hash_same(const void *a, const void *b, size_t n);
#endif
