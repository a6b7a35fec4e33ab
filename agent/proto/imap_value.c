#include "imap_value.h"
#include "sasl.h"

struct word {
	const char *word;
	unsigned value;
};

static unsigned find(const struct word *table, size_t n, struct view word)
{
	for (size_t i = 0; i < n; i++)
		if (view_ieq(view_of(table[i].word), word))
			return table[i].value;
	return 0;
}
#define FIND(table, word) find(table, sizeof(table) / sizeof((table)[0]), word)

/* RFC 9051 appendix E: what IMAP4rev2 took in. */
#define REV2                                                                   \
	(IMAP_CAN_REV1 | IMAP_CAN_SASL_IR | IMAP_CAN_LITERAL_MINUS |           \
	 IMAP_CAN_UIDPLUS | IMAP_CAN_MOVE | IMAP_CAN_IDLE | IMAP_CAN_ENABLE |  \
	 IMAP_CAN_UNSELECT | IMAP_CAN_LIST_EXTENDED | IMAP_CAN_LIST_STATUS |   \
	 IMAP_CAN_ESEARCH)

static const struct word capabilities[] = {
	{ "IMAP4rev1", IMAP_CAN_REV1 | IMAP_CAN_MUTF7 },
	{ "IMAP4rev2", REV2 },
	{ "STARTTLS", IMAP_CAN_STARTTLS },
	{ "SASL-IR", IMAP_CAN_SASL_IR },
	{ "LITERAL+", IMAP_CAN_LITERAL_PLUS },
	{ "LITERAL-", IMAP_CAN_LITERAL_MINUS },
	{ "UIDPLUS", IMAP_CAN_UIDPLUS },
	{ "MOVE", IMAP_CAN_MOVE },
	{ "IDLE", IMAP_CAN_IDLE },
	{ "ID", IMAP_CAN_ID },
	{ "ENABLE", IMAP_CAN_ENABLE },
	{ "UNSELECT", IMAP_CAN_UNSELECT },
	{ "LIST-EXTENDED", IMAP_CAN_LIST_EXTENDED },
	{ "LIST-STATUS", IMAP_CAN_LIST_STATUS },
	{ "SPECIAL-USE", IMAP_CAN_SPECIAL_USE },
	{ "ESEARCH", IMAP_CAN_ESEARCH },
	{ "UTF8=ACCEPT", IMAP_CAN_UTF8_ACCEPT },
	{ "UTF8=ONLY", IMAP_CAN_UTF8_ACCEPT | IMAP_CAN_UTF8_ONLY },
	{ "X-GM-EXT-1", IMAP_CAN_GMAIL },
	{ "COMPRESS=DEFLATE", IMAP_CAN_DEFLATE },
	{ "NOTIFY", IMAP_CAN_NOTIFY },
};

static const struct word flags[] = {
	{ "\\Seen", IMAP_FLAG_SEEN },
	{ "\\Answered", IMAP_FLAG_ANSWERED },
	{ "\\Flagged", IMAP_FLAG_FLAGGED },
	{ "\\Deleted", IMAP_FLAG_DELETED },
	{ "\\Draft", IMAP_FLAG_DRAFT },
	{ "\\Recent", IMAP_FLAG_RECENT },
	{ "\\*", IMAP_FLAG_ANY },
};

static const struct word attributes[] = {
	{ "\\Noselect", IMAP_ATTR_NOSELECT },
	{ "\\NonExistent", IMAP_ATTR_NOSELECT },
	{ "\\Remote", IMAP_ATTR_NOSELECT }, /* on another server: RFC 5258 3 */
	{ "\\Noinferiors", IMAP_ATTR_NOINFERIORS },
	{ "\\All", IMAP_ATTR_ALL },
	{ "\\Archive", IMAP_ATTR_ARCHIVE },
	{ "\\Drafts", IMAP_ATTR_DRAFTS },
	{ "\\Flagged", IMAP_ATTR_FLAGGED },
	{ "\\Important", IMAP_ATTR_IMPORTANT },
	{ "\\Junk", IMAP_ATTR_JUNK },
	{ "\\Spam", IMAP_ATTR_JUNK }, /* XLIST days; still seen */
	{ "\\Sent", IMAP_ATTR_SENT },
	{ "\\Trash", IMAP_ATTR_TRASH },
};

#define CODE(name)                                                             \
	{                                                                      \
#name, IMAP_CODE_##name                                        \
	}
static const struct word codes[] = {
	CODE(ALERT),
	CODE(ALREADYEXISTS),
	CODE(APPENDUID),
	CODE(AUTHENTICATIONFAILED),
	CODE(AUTHORIZATIONFAILED),
	CODE(BADCHARSET),
	CODE(CANNOT),
	CODE(CAPABILITY),
	CODE(CLIENTBUG),
	CODE(CLOSED),
	CODE(CONTACTADMIN),
	CODE(COPYUID),
	CODE(CORRUPTION),
	CODE(EXPIRED),
	CODE(EXPUNGEISSUED),
	CODE(INUSE),
	CODE(LIMIT),
	CODE(NONEXISTENT),
	CODE(NOPERM),
	CODE(OVERQUOTA),
	CODE(PARSE),
	CODE(PERMANENTFLAGS),
	CODE(PRIVACYREQUIRED),
	{ "READ-ONLY", IMAP_CODE_READ_ONLY },
	{ "READ-WRITE", IMAP_CODE_READ_WRITE },
	CODE(REFERRAL),
	CODE(SERVERBUG),
	CODE(THROTTLED),
	CODE(TRYCREATE),
	CODE(UIDNEXT),
	CODE(UIDNOTSTICKY),
	CODE(UIDVALIDITY),
	CODE(UNAVAILABLE),
	CODE(UNSEEN),
};
#undef CODE

void imap_value_capabilities(struct view words, struct imap_capabilities *out)
{
	static const struct view auth = VIEW_LIT("AUTH=");
	struct view word;

	*out = (struct imap_capabilities){ .known = true,
					   .can = IMAP_CAN_LOGIN };
	words = view_trim(words);
	while (words.n) {
		word = view_word(&words);
		if (view_istarts(word, auth))
			out->sasl |= mech_offered(view_skip(word, auth.n));
		else if (view_ieq(word, VIEW_LIT("LOGINDISABLED")))
			out->can &= ~(uint32_t)IMAP_CAN_LOGIN;
		else
			out->can |= FIND(capabilities, word);
	}
}

unsigned imap_value_flag(struct view word)
{
	return FIND(flags, word);
}

unsigned imap_value_flags(struct view list)
{
	unsigned bits = 0;

	list = view_trim(list);
	if (list.n && list.p[0] == '(')
		list = view_skip(list, 1);
	if (list.n && list.p[list.n - 1] == ')')
		list.n--;
	list = view_trim(list);
	while (list.n)
		bits |= imap_value_flag(view_word(&list));
	return bits;
}

unsigned imap_value_attribute(struct view word)
{
	return FIND(attributes, word);
}

bool imap_value_status(struct view word, enum imap_status *status)
{
	static const struct view words[] = {
		[IMAP_OK] = VIEW_LIT("OK"),
		[IMAP_NO] = VIEW_LIT("NO"),
		[IMAP_BAD] = VIEW_LIT("BAD"),
		[IMAP_PREAUTH] = VIEW_LIT("PREAUTH"),
		[IMAP_BYE] = VIEW_LIT("BYE"),
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (view_ieq(words[i], word)) {
			*status = (enum imap_status)i;
			return true;
		}
	return false;
}

enum imap_code imap_value_code(struct view word)
{
	unsigned code = FIND(codes, word);

	return code ? (enum imap_code)code : IMAP_CODE_UNKNOWN;
}

const char *imap_code_name(enum imap_code code)
{
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].value == code)
			return codes[i].word;
	return code == IMAP_CODE_UNKNOWN ? "UNKNOWN" : "";
}

uint32_t imap_value_nz(struct view digits)
{
	uint64_t n = 0;

	return view_number(digits, UINT32_MAX, &n) ? (uint32_t)n : 0;
}

/* Two digits; a leading space stands for zero (date-day-fixed). */
static bool two(struct view v, size_t at, unsigned max, int *out)
{
	uint64_t n = 0;
	struct view d = { v.p + at, 2 };

	if (d.p[0] == ' ')
		d = view_skip(d, 1);
	if (!view_number(d, max, &n))
		return false;
	*out = (int)n;
	return true;
}

static bool month_of(struct view name, int *month)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (view_ieq(name, (struct view){ names + 3 * i, 3 })) {
			*month = i + 1;
			return true;
		}
	return false;
}

/* Days since 1970-01-01 of a Gregorian date; years from 0. */
static int64_t days(int64_t year, int month, int day)
{
	/* a year that begins in March has its leap day at the end */
	int64_t y = year - (month <= 2);
	int64_t of_year =
		(153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 + of_year - 719468;
}

bool imap_value_date(struct view v, int64_t *out)
{
	int day, month, hour, minute, second, east_h, east_m;
	int64_t east;
	uint64_t year;

	if (v.n == 25) { /* "7-Feb-...": the day without its space */
		char fixed[27] = " ";

		memcpy(fixed + 1, v.p, 25);
		return fixed[2] == '-' &&
		       imap_value_date((struct view){ fixed, 26 }, out);
	}
	if (v.n != 26 || v.p[2] != '-' || v.p[6] != '-' || v.p[11] != ' ' ||
	    v.p[14] != ':' || v.p[17] != ':' || v.p[20] != ' ' ||
	    (v.p[21] != '+' && v.p[21] != '-'))
		return false;
	if (!two(v, 0, 31, &day) ||
	    !month_of(view_head(view_skip(v, 3), 3), &month) ||
	    !view_number(view_head(view_skip(v, 7), 4), 9999, &year) ||
	    !two(v, 12, 23, &hour) || !two(v, 15, 59, &minute) ||
	    !two(v, 18, 60, &second) || !two(v, 22, 23, &east_h) ||
	    !two(v, 24, 59, &east_m) || day == 0)
		return false;
	east = (v.p[21] == '-' ? -1 : 1) * (east_h * 3600 + east_m * 60);
	*out = days((int64_t)year, month, day) * 86400 + hour * 3600 +
	       minute * 60 + second - east;
	return true;
}
