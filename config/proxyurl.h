/*
 * proxyurl - `proxy = "socks5://user:password@host:port"` taken apart.
 *
 * User and password are percent-encoded where they hold a character that would
 * end them (RFC 3986 3.2.1). They are secrets: no error quotes the URL.
 */
#ifndef CONFIG_PROXYURL_H
#define CONFIG_PROXYURL_H
#include "config.h"

/* "none" is CONFIG_PROXY_NONE. false: why, and p is empty. */
bool proxyurl_read(struct view url, struct config_proxy *p, char *why,
		   size_t cap);
void proxyurl_fini(struct config_proxy *p); /* wipes */
/* As it could be written, with (set) for user and password. Owned. */
char *proxyurl_show(const struct config_proxy *p);
#endif
