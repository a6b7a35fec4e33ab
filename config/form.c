#include "form.h"
#include "ip.h"
#include "limits.h"
#include "text.h"

#include <stdio.h>

#define LOCAL_OCTETS  64u  /* RFC 5321 4.5.3.1.1 */
#define DOMAIN_OCTETS 255u /* RFC 5321 4.5.3.1.2 */
#define LABEL_OCTETS  63u  /* RFC 1035 2.3.4 */

static bool is_letter_or_digit(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

/* RFC 5322 3.2.3 atext, and RFC 6531 3.3 */
static bool is_atext(char c)
{
	return is_letter_or_digit(c) || (unsigned char)c >= 0x80 ||
	       (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_dot_string(struct view v)
{
	bool dot = true; /* a dot may not come first, last or twice */

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == '.' ? dot : !is_atext(v.p[i]))
			return false;
		dot = v.p[i] == '.';
	}
	return !dot;
}

/* RFC 5321 4.1.2 Quoted-string */
static bool is_quoted_string(struct view v)
{
	if (v.n < 3 || v.p[0] != '"' || v.p[v.n - 1] != '"')
		return false;
	for (size_t i = 1; i < v.n - 1; i++) {
		if ((unsigned char)v.p[i] < 0x20 || v.p[i] == 0x7f ||
		    v.p[i] == '"')
			return false;
		if (v.p[i] == '\\' && ++i == v.n - 1)
			return false;
	}
	return true;
}

bool form_is_text(struct view v)
{
	struct text t;
	bool same;

	for (size_t i = 0; i < v.n; i++)
		if ((unsigned char)v.p[i] < 0x20 || v.p[i] == 0x7f)
			return false;
	if (!v.n)
		return true;
	/* what print leaves alone is well formed; backslashes are doubled */
	text_init(&t, 8 * v.n + 8);
	text_printable(&t, v, 8 * v.n);
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] == '\\')
			t.n--;
	same = t.n == v.n;
	text_fini(&t);
	return same;
}

bool form_is_local(struct view v)
{
	if (!v.n || v.n > LOCAL_OCTETS || !form_is_text(v))
		return false;
	return is_dot_string(v) || is_quoted_string(v);
}

static bool is_label(struct view v)
{
	if (!v.n || v.n > LABEL_OCTETS || v.p[0] == '-' || v.p[v.n - 1] == '-')
		return false;
	for (size_t i = 0; i < v.n; i++)
		if (!is_letter_or_digit(v.p[i]) && v.p[i] != '-' &&
		    v.p[i] != '_')
			return false;
	return true;
}

bool form_is_host(struct view v)
{
	if (!v.n || v.n > DOMAIN_OCTETS)
		return false;
	while (v.n) {
		size_t n = view_find(v, '.');

		if (!is_label(view_head(v, n)) || n + 1 == v.n)
			return false;
		v = view_skip(v, n + 1);
	}
	return true;
}

/* A zone (RFC 4007 11) may follow. */
bool form_is_ipv6(struct view v)
{
	size_t zone = view_find(v, '%');

	if (zone < v.n &&
	    (zone + 1 == v.n || !is_label(view_skip(v, zone + 1))))
		return false;
	return ip_is_v6(view_head(v, zone));
}

static bool is_domain(struct view v)
{
	if (v.n > 2 && v.p[0] == '[' && v.p[v.n - 1] == ']') {
		v = view_head(view_skip(v, 1), v.n - 2);
		if (view_istarts(v, VIEW_LIT("IPv6:")))
			return form_is_ipv6(view_skip(v, 5));
		return ip_is_v4(v);
	}
	if (form_is_host(v))
		return true;
	/* RFC 6531 3.3: U-labels */
	return v.n && v.n <= DOMAIN_OCTETS && form_is_text(v) &&
	       is_dot_string(v);
}

/* Offset of the @ that divides: the last one. */
static size_t find_at(struct view v)
{
	size_t i = v.n;

	while (i > 0)
		if (v.p[--i] == '@')
			return i;
	return v.n;
}

bool form_is_mail(struct view v)
{
	size_t at = find_at(v);

	return v.n <= LIMIT_ADDRESS && at < v.n && form_is_text(v) &&
	       form_is_local(view_head(v, at)) &&
	       is_domain(view_skip(v, at + 1));
}

/* The placeholder at the beginning of v, and its length; 0: none known. */
static size_t placeholder(struct view v, char *stands_for)
{
	static const struct {
		struct view name;
		char what;
	} known[] = { { VIEW_LIT("{account}"), 'a' },
		      { VIEW_LIT("{user}"), 'u' },
		      { VIEW_LIT("{folder}"), 'f' } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (view_starts(v, known[i].name)) {
			*stands_for = known[i].what;
			return known[i].name.n;
		}
	return 0;
}

bool form_is_template(struct view v, const char **why)
{
	char probe[LIMIT_ADDRESS + 1], what;
	size_t n = 0, took;

	*why = "is no mail address, such as me@example.org";
	if (v.n > LIMIT_ADDRESS || !form_is_text(v))
		return false;
	for (; v.n; v = view_skip(v, took)) {
		took = placeholder(v, &what);
		if (!took && v.p[0] == '{') {
			*why = "holds a placeholder that does not exist: there "
			       "are {account}, {user} and {folder}";
			return false;
		}
		probe[n++] = took ? 'x' : v.p[0];
		if (!took)
			took = 1;
	}
	return form_is_mail((struct view){ probe, n }) ||
	       form_is_local((struct view){ probe, n });
}

/* A filled in value as part of a local part: see config_recipient(). */
static char fitting(char c, char before)
{
	if (c == '@')
		return '=';
	if (c == '.')
		return before == '.' || !before ? '-' : '.';
	if (is_letter_or_digit(c) || (c && strchr("+-=_", c)))
		return c;
	return '-';
}

static size_t fill(struct view value, bool as_is, char *out, size_t n,
		   size_t cap)
{
	for (size_t i = 0; i < value.n && n < cap; i++) {
		char c = value.p[i];

		if (!as_is && ((unsigned char)c & 0xc0) == 0x80)
			continue; /* one - for each character above 127 */
		out[n] = as_is ? c : fitting(c, n ? out[n - 1] : 0);
		n++;
	}
	return n;
}

bool config_recipient(const struct config_account *a, const char *template,
		      struct view folder, char *out, size_t cap)
{
	struct view v = view_of(template), result;
	bool as_is = view_find(v, '@') == v.n;
	size_t n = 0, took;
	char what = 0;

	for (; v.n && n < cap; v = view_skip(v, took)) {
		took = placeholder(v, &what);
		if (took) {
			n = fill(what == 'a'   ? view_of(a->name)
				 : what == 'u' ? view_of(a->user)
					       : folder,
				 as_is, out, n, cap);
			continue;
		}
		if (v.p[0] == '@' && n && out[n - 1] == '.')
			out[n - 1] = '-';
		out[n++] = v.p[0];
		took = 1;
	}
	result = (struct view){ out, n };
	if (n >= cap || !(form_is_mail(result) || form_is_local(result))) {
		out[0] = 0;
		return false;
	}
	out[n] = 0;
	return true;
}

bool form_is_field(struct view v)
{
	for (size_t i = 0; i < v.n; i++)
		if (v.p[i] <= 0x20 || v.p[i] == 0x7f || v.p[i] == ':')
			return false;
	return v.n > 0 && v.n <= 78;
}
