/*
 * mech - ways to sign in, by their names: what `auth` may say, what a server
 * may offer, what an engine may be told to use.
 *
 * NTLM, DIGEST-MD5 and the like are not here: they are never used (CASES C4).
 */
#ifndef BASE_MECH_H
#define BASE_MECH_H
#include "view.h"

/* Down to MECH_USER: in the order of preference (INTERFACE, `auth`). */
enum mech {
	MECH_NONE, /* as a wish: the best that is offered; else: nothing fits */
	MECH_SCRAM_SHA_256_PLUS,
	MECH_SCRAM_SHA_1_PLUS,
	MECH_SCRAM_SHA_256,
	MECH_SCRAM_SHA_1,
	MECH_PLAIN,
	MECH_LOGIN,
	MECH_USER, /* POP3 USER and PASS: has no name in any list */
	/* By name only. */
	MECH_CRAM_MD5,
	MECH_APOP, /* POP3, no SASL */
	MECH_EXTERNAL,
	MECH_GSSAPI,
	MECH_XOAUTH2,
	MECH_OAUTHBEARER,
};
#define MECH_LAST      MECH_OAUTHBEARER
#define MECH_BIT(mech) (1u << (mech))
#define MECH_BITS_SCRAM_PLUS                                                   \
	(MECH_BIT(MECH_SCRAM_SHA_256_PLUS) | MECH_BIT(MECH_SCRAM_SHA_1_PLUS))
#define MECH_BITS_SCRAM                                                        \
	(MECH_BITS_SCRAM_PLUS | MECH_BIT(MECH_SCRAM_SHA_256) |                 \
	 MECH_BIT(MECH_SCRAM_SHA_1))
/* What MECH_NONE as a wish chooses from. */
#define MECH_BITS_AUTO                                                         \
	(MECH_BITS_SCRAM | MECH_BIT(MECH_PLAIN) | MECH_BIT(MECH_LOGIN) |       \
	 MECH_BIT(MECH_USER))

/* "SCRAM-SHA-256" and so on, as on the wire; "" for MECH_NONE. */
struct view mech_name(enum mech mech);
/* In either case of letters; MECH_NONE: not known, or never used here. */
enum mech mech_of(struct view name);
/* MECH_BIT()s of the known SASL mechanisms in a list separated by spaces. */
unsigned mech_offered(struct view names);
/* It is given the secret of the account; the others never see one. */
bool mech_needs_secret(enum mech mech);
/*
 * The mechanism to use: `wanted` if it is offered, or with MECH_NONE the best
 * of what is offered. MECH_NONE: nothing fits.
 */
enum mech mech_pick(unsigned offered, enum mech wanted);
#endif
