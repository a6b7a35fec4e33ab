#include "cmd_version.h"
#include "command.h"

#include <stdio.h>
#include <uv.h>

/*
 * The headers of these belong to other layers (tests/layers); what they say of
 * themselves is stable for decades and needs no type of theirs.
 */
extern const char *sqlite3_libversion(void);
extern const char *OpenSSL_version(int what);
extern const char *zlibVersion(void);
extern const char confuse_version[];
extern const char *gsasl_check_version(const char *least);

int cmd_version(const struct options *o)
{
	if (options_has(o, OPTION_JSON)) {
		json_t *v = json_pack(
			"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "mailhaul",
			MAILHAUL_VERSION, "openssl", OpenSSL_version(0),
			"libuv", uv_version_string(), "zlib", zlibVersion(),
			"sqlite", sqlite3_libversion(), "libgsasl",
			gsasl_check_version(NULL), "libconfuse",
			confuse_version, "jansson", jansson_version_str());

		return command_print_json(v) ? 0 : err_exit(ERR_DISK);
	}
	(void)printf("mailhaul %s\n", MAILHAUL_VERSION);
	(void)printf("%s\nlibuv %s\nzlib %s\nsqlite %s\nlibgsasl %s\n"
		     "libconfuse %s\njansson %s\n",
		     OpenSSL_version(0), uv_version_string(), zlibVersion(),
		     sqlite3_libversion(), gsasl_check_version(NULL),
		     confuse_version, jansson_version_str());
	return command_flush() ? 0 : err_exit(ERR_DISK);
}
