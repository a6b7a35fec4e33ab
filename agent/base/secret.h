/*
 * secret - octets that must not be seen.
 *
 * A type of its own, so that no logger takes it by accident. Memory is wiped
 * when it is released. The view is for protocol engines and libcrypto only.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H
#include "view.h"

struct secret {
	char *p; /* owned; NULL: no secret */
	size_t n;
};

/* Copies v. An old secret is wiped first. */
void secret_set(struct secret *s, struct view v);
void secret_fini(struct secret *s); /* wipes; s is empty afterwards */
bool secret_is_set(const struct secret *s);
struct view secret_view(const struct secret *s);
/* Overwrites n octets in a way no compiler leaves out. */
void secret_wipe(void *p, size_t n);
#endif
