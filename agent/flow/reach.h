/*
 * reach - from the words of the configuration to an endpoint and a secret.
 */
#ifndef FLOW_REACH_H
#define FLOW_REACH_H
#include "pass.h"
#include "source.h"
#include "stream.h"

/*
 * Fills e; e->trust holds a reference that the caller releases (reach_done).
 * Strings are borrowed from the configuration. false: ERR_CONFIG.
 */
bool reach_endpoint(const struct parts *p, const struct config_server *s,
		    const struct config_tls *tls, const struct config_route *r,
		    struct endpoint *e, struct err *err);
void reach_done(struct endpoint *e);

/*
 * Reads a secret, on the pool where a file or a password_command may take its
 * time. done comes from the loop, once; it owns nothing: take s->secret by
 * moving it out. A struct reach_secret lives until done.
 */
struct reach_secret {
	const struct config *config; /* in */
	const struct config_secret *from;
	enum mech auth; /* none is read where it needs none */
	void (*done)(void *who, struct reach_secret *s);
	void *who;
	struct secret secret; /* out */
	bool ok;
	struct err err;
	struct task turn;
};
void reach_secret(const struct parts *p, struct reach_secret *s);
#endif
