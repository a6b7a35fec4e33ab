#include "mech.h"

static const char *const names[MECH_LAST + 1] = {
	[MECH_NONE] = "",
	[MECH_SCRAM_SHA_256_PLUS] = "SCRAM-SHA-256-PLUS",
	[MECH_SCRAM_SHA_1_PLUS] = "SCRAM-SHA-1-PLUS",
	[MECH_SCRAM_SHA_256] = "SCRAM-SHA-256",
	[MECH_SCRAM_SHA_1] = "SCRAM-SHA-1",
	[MECH_PLAIN] = "PLAIN",
	[MECH_LOGIN] = "LOGIN",
	[MECH_USER] = "USER",
	[MECH_CRAM_MD5] = "CRAM-MD5",
	[MECH_APOP] = "APOP",
	[MECH_EXTERNAL] = "EXTERNAL",
	[MECH_GSSAPI] = "GSSAPI",
	[MECH_XOAUTH2] = "XOAUTH2",
	[MECH_OAUTHBEARER] = "OAUTHBEARER",
};

struct view mech_name(enum mech mech)
{
	return view_of(names[mech]);
}

enum mech mech_of(struct view name)
{
	for (unsigned m = MECH_NONE + 1; m <= MECH_LAST; m++)
		if (m != MECH_USER && view_ieq(name, view_of(names[m])))
			return (enum mech)m;
	return MECH_NONE;
}

unsigned mech_offered(struct view list)
{
	unsigned mask = 0;

	list = view_trim(list);
	while (list.n) {
		enum mech m = mech_of(view_word(&list));

		/* no list of SASL mechanisms has APOP */
		if (m != MECH_NONE && m != MECH_APOP)
			mask |= MECH_BIT(m);
	}
	return mask;
}

bool mech_needs_secret(enum mech mech)
{
	return mech != MECH_EXTERNAL && mech != MECH_GSSAPI;
}

enum mech mech_pick(unsigned offered, enum mech wanted)
{
	if (wanted != MECH_NONE)
		return offered & MECH_BIT(wanted) ? wanted : MECH_NONE;
	for (unsigned m = MECH_NONE + 1; m <= MECH_USER; m++)
		if (offered & MECH_BIT(m))
			return (enum mech)m;
	return MECH_NONE;
}
