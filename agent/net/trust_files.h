/*
 * trust_files - what a trust is made of on disk: authorities, a client
 * certificate, its key; and whether that is still what it was.
 */
#ifndef NET_TRUST_FILES_H
#define NET_TRUST_FILES_H
#include "libssl.h"

#include "err.h"

#include <sys/stat.h>

struct trust_files {
	const char *ca;	  /* NULL: the system's authorities */
	const char *cert; /* PEM, with its chain; NULL: none */
	const char *key;  /* PEM; NULL: in cert */
	bool is_pinned;	  /* no authorities are wanted */
};

/* By which files that were replaced or written are known. */
#define TRUST_STAMPS 4u
struct trust_stamps {
	struct {
		dev_t dev;
		ino_t ino;
		off_t size;
		struct timespec changed;
	} of[TRUST_STAMPS];
};

/* As they are now. */
void trust_stamps(const struct trust_files *files, struct trust_stamps *out);
bool trust_stamps_are_equal(const struct trust_stamps *a,
			    const struct trust_stamps *b);
/* false: ERR_CONFIG, with the file and a remedy. */
bool trust_files_load(const struct trust_files *files, SSL_CTX *ctx,
		      struct err *err);
#endif
