#include "pop3_line.h"

#include "limits.h"
#include "sasl.h"

struct view pop3_line_verb(enum pop3_cmd cmd)
{
	switch (cmd) {
	case POP3_CMD_CAPA:
		return VIEW_LIT("CAPA");
	case POP3_CMD_STLS:
		return VIEW_LIT("STLS");
	case POP3_CMD_USER:
		return VIEW_LIT("USER");
	case POP3_CMD_PASS:
		return VIEW_LIT("PASS");
	case POP3_CMD_APOP:
		return VIEW_LIT("APOP");
	case POP3_CMD_AUTH:
		return VIEW_LIT("AUTH");
	case POP3_CMD_UTF8:
		return VIEW_LIT("UTF8");
	case POP3_CMD_STAT:
		return VIEW_LIT("STAT");
	case POP3_CMD_LIST:
		return VIEW_LIT("LIST");
	case POP3_CMD_UIDL:
		return VIEW_LIT("UIDL");
	case POP3_CMD_TOP:
		return VIEW_LIT("TOP");
	case POP3_CMD_RETR:
		return VIEW_LIT("RETR");
	case POP3_CMD_DELE:
		return VIEW_LIT("DELE");
	case POP3_CMD_NOOP:
		return VIEW_LIT("NOOP");
	case POP3_CMD_RSET:
		return VIEW_LIT("RSET");
	case POP3_CMD_QUIT:
		return VIEW_LIT("QUIT");
	}
	return VIEW_NONE;
}

enum err_class pop3_line_class(enum pop3_cmd cmd, enum pop3_code code)
{
	switch (code) {
	case POP3_CODE_IN_USE:
		return ERR_BUSY;
	case POP3_CODE_LOGIN_DELAY:
	case POP3_CODE_SYS_TEMP:
		return ERR_RETRY;
	case POP3_CODE_SYS_PERM:
	case POP3_CODE_UTF8:
		return ERR_REFUSED;
	case POP3_CODE_NONE:
	case POP3_CODE_OTHER:
	case POP3_CODE_AUTH:
		break;
	}
	return cmd == POP3_CMD_USER || cmd == POP3_CMD_PASS ||
			       cmd == POP3_CMD_APOP || cmd == POP3_CMD_AUTH
		       ? ERR_AUTH
		       : ERR_REFUSED;
}

bool pop3_line_status(struct view line, bool *ok, struct view *text)
{
	struct view rest;

	if (view_starts(line, VIEW_LIT("+OK"))) {
		*ok = true;
		rest = view_skip(line, 3);
	} else if (view_starts(line, VIEW_LIT("-ERR"))) {
		*ok = false;
		rest = view_skip(line, 4);
	} else {
		return false;
	}
	if (rest.n && rest.p[0] != ' ')
		return false;
	*text = view_skip(rest, 1);
	return true;
}

enum pop3_code pop3_line_code(struct view text)
{
	static const struct {
		const char *name;
		enum pop3_code code;
	} codes[] = {
		{ "LOGIN-DELAY", POP3_CODE_LOGIN_DELAY },
		{ "IN-USE", POP3_CODE_IN_USE },
		{ "SYS/TEMP", POP3_CODE_SYS_TEMP },
		{ "SYS/PERM", POP3_CODE_SYS_PERM },
		{ "AUTH", POP3_CODE_AUTH },
		{ "UTF8", POP3_CODE_UTF8 },
	};
	struct view code;

	if (!view_starts(text, VIEW_LIT("[")))
		return POP3_CODE_NONE;
	code = view_head(view_skip(text, 1), view_find(text, ']') - 1);
	if (code.n + 1 == text.n)
		return POP3_CODE_NONE; /* no "]" */
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (view_ieq(code, view_of(codes[i].name)))
			return codes[i].code;
	return POP3_CODE_OTHER;
}

/* The number a listing line begins with; *rest: what follows one space. */
static bool numbered(struct view line, uint32_t *number, struct view *rest)
{
	size_t end = view_find(line, ' ');
	uint64_t n;

	if (!view_number(view_head(line, end), UINT32_MAX, &n) || n == 0)
		return false;
	*number = (uint32_t)n;
	*rest = view_skip(line, end + 1);
	return true;
}

static uint64_t announced(struct view word)
{
	uint64_t n;

	return view_number(word, INT64_MAX, &n) ? n : POP3_OCTETS_UNKNOWN;
}

bool pop3_line_scan(struct view line, uint32_t *number, uint64_t *octets)
{
	struct view rest;

	if (!numbered(line, number, &rest))
		return false;
	*octets = announced(view_word(&rest));
	return true;
}

static enum pop3_uid_form form_of(struct view id)
{
	if (id.n == 0)
		return POP3_UID_EMPTY;
	if (id.n > LIMIT_UIDL_OCTETS)
		return POP3_UID_LONG;
	for (size_t i = 0; i < id.n; i++)
		if (id.p[i] < 0x21 || id.p[i] > 0x7e)
			return POP3_UID_ODD;
	return POP3_UID_FINE;
}

bool pop3_line_uid(struct view line, uint32_t *number, struct view *id,
		   enum pop3_uid_form *form)
{
	if (!numbered(line, number, id))
		return false;
	*form = form_of(*id);
	return true;
}

void pop3_line_stat(struct view text, uint32_t *count, uint64_t *octets)
{
	uint64_t n = 0;

	*count =
		view_number(view_word(&text), UINT32_MAX, &n) ? (uint32_t)n : 0;
	*octets = announced(view_word(&text));
}

/* A number of seconds or days; "USER" behind it, or in its place. */
static uint32_t span(struct view rest, struct pop3_caps *caps)
{
	struct view word = view_word(&rest);
	uint64_t n;

	if (view_ieq(word, VIEW_LIT("USER")) ||
	    view_ieq(view_word(&rest), VIEW_LIT("USER")))
		caps->by_user = true;
	return view_number(word, UINT32_MAX, &n) ? (uint32_t)n : UINT32_MAX;
}

static void policy(struct view tag, struct view rest, struct pop3_caps *caps)
{
	uint32_t n;

	/* RFC 2449 6.7: 0 is a server that keeps nothing; NEVER is no number */
	if (view_ieq(tag, VIEW_LIT("EXPIRE"))) {
		caps->expires = span(rest, caps) == 0;
	} else if (view_ieq(tag, VIEW_LIT("LOGIN-DELAY"))) {
		n = span(rest, caps);
		caps->login_delay_s = n == UINT32_MAX ? 0 : n;
	}
}

void pop3_line_caps(struct view line, struct pop3_caps *caps)
{
	struct view rest = line, tag = view_word(&rest);

	if (view_ieq(tag, VIEW_LIT("TOP")))
		caps->top = true;
	else if (view_ieq(tag, VIEW_LIT("UIDL")))
		caps->uidl = true;
	else if (view_ieq(tag, VIEW_LIT("USER")))
		caps->user = true;
	else if (view_ieq(tag, VIEW_LIT("STLS")))
		caps->stls = true;
	else if (view_ieq(tag, VIEW_LIT("UTF8")))
		caps->utf8 = true;
	else if (view_ieq(tag, VIEW_LIT("PIPELINING")))
		caps->pipelining = true;
	else if (view_ieq(tag, VIEW_LIT("RESP-CODES")))
		caps->resp_codes = true;
	else if (view_ieq(tag, VIEW_LIT("SASL"))) {
		caps->sasl_told = true;
		caps->sasl |= mech_offered(rest);
	} else {
		policy(tag, rest, caps);
	}
}

/* RFC 5322 3.2.3: dot-atom-text */
static bool is_dot_atom(struct view v)
{
	static const char also[] = "!#$%&'*+-/=?^_`{|}~";
	char before = '.';

	for (size_t i = 0; i < v.n; before = v.p[i++]) {
		char c = v.p[i];
		bool atext = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
			     (c >= 'A' && c <= 'Z') || (c && strchr(also, c));

		if (!atext && (c != '.' || before == '.'))
			return false;
	}
	return v.n && before != '.';
}

/* RFC 5322 3.6.4: "[" *dtext "]" */
static bool is_literal(struct view v)
{
	if (v.n < 2 || v.p[0] != '[' || v.p[v.n - 1] != ']')
		return false;
	for (size_t i = 1; i + 1 < v.n; i++)
		if (v.p[i] < 0x21 || v.p[i] > 0x7e || strchr("[]\\", v.p[i]))
			return false;
	return true;
}

struct view pop3_stamp(struct view greeting)
{
	struct view at = view_skip(greeting, view_find(greeting, '<'));
	size_t end = view_find(at, '>');
	struct view inner = view_skip(view_head(at, end), 1);
	struct view left = view_head(inner, view_find(inner, '@'));
	struct view right = view_skip(inner, left.n + 1);

	if (end == at.n || !is_dot_atom(left) ||
	    !(is_dot_atom(right) || is_literal(right)))
		return VIEW_NONE;
	return view_head(at, end + 1);
}
