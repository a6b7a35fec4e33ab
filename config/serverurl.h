/*
 * serverurl - `server = "imaps://host:port"` taken apart (INTERFACE 2).
 */
#ifndef CONFIG_SERVERURL_H
#define CONFIG_SERVERURL_H
#include "config.h"

enum server_use {
	SERVER_FETCHES,
	SERVER_DELIVERS
};

/*
 * The TLS mode is that of the scheme; CONFIG_TLS_LOCAL for smtp:// to a host
 * written as this machine; CONFIG_TLS_NONE for a socket. false: why says what
 * is wrong and what to write instead; s is empty. true: serverurl_fini()
 * releases.
 */
bool serverurl_read(struct view url, struct config_server *s, char *why,
		    size_t cap);
/*
 * HOST, HOST:PORT or [ADDRESS]:PORT into s->host, is_ip, is_loopback and port;
 * without :PORT s->port stays.
 */
bool serverurl_host(struct view v, struct config_server *s, char *why,
		    size_t cap);
void serverurl_fini(struct config_server *s);
void serverurl_copy(struct config_server *to, const struct config_server *from);
enum server_use serverurl_use(enum config_scheme scheme);
#endif
