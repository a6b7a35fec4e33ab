/*
 * make - the parts that accounts and deliveries have in common: what is being
 * built, server and TLS, sign-in.
 */
#ifndef CONFIG_MAKE_H
#define CONFIG_MAKE_H
#include "inherit.h"

struct making {
	struct config *c;
	const struct sections *written;
	struct sections builtin; /* owned; the sections below */
	const struct section *account_base, *delivery_base, *general_base;
	struct faults *faults;
	const struct unread *unread;
};

/* A fault at a setting, or at the section where it is NULL. */
void make_fault(struct making *m, const struct resolved *r,
		const struct written *at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Applies tls = "none" and what makes a local line need TLS. */
void make_tls_mode(struct making *m, const struct resolved *r,
		   struct config_server *server);
void make_tls(struct making *m, const struct resolved *r,
	      struct config_tls *tls);
/* After make_tls_mode(). */
void make_route(struct making *m, const struct resolved *r,
		const struct config_server *server, struct config_route *out);
/* Faults what does not fit `auth`. pop3: what APOP needs. */
enum mech make_auth(struct making *m, const struct resolved *r, bool pop3);
void make_secret(const struct resolved *r, struct config_secret *s);
/* Of the section that is being made, for struct config_effective. */
void make_effective_server(struct config_effectives *e,
			   const struct resolved *r,
			   const struct config_server *server);
void make_effective_secret(struct config_effectives *e,
			   const struct resolved *r,
			   const struct config_secret *s);
/*
 * Finds the section that a setting names. NULL: there is none, which is said
 * with what may have been meant, unless a section could not be read.
 */
const struct section *make_find(struct making *m, const struct resolved *r,
				enum setting_id id, enum section_kind kind);

void make_tls_fini(struct config_tls *t);
void make_route_fini(struct config_route *w);
void make_secret_fini(struct config_secret *s);
#endif
