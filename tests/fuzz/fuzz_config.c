/*
 * fuzz_config - any octets as a configuration file: a tree or faults, never
 * both, and no fault line that holds a control character.
 *
 * include() is kept out of reach: the octets lie in a folder of their own, and
 * what they include outside of it is bounded as everything else.
 */
#include "config.h"
#include "must.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(struct config *c, struct config_errors *e)
{
	MUST((c == NULL) == (e->n > 0));
	for (size_t i = 0; i < e->n; i++)
		for (const char *p = e->line[i]; *p; p++)
			MUST((unsigned char)*p >= 0x20 && *p != 0x7f);
	for (size_t i = 0; c && i < c->n_accounts; i++) {
		const struct config_account *a = &c->accounts[i];

		MUST(a->user && a->server.host && a->own.delivery && a->own.to.n);
		MUST(!view_breaks_line(view_of(a->user)));
		MUST(config_account(c, view_of(a->name)) == a);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int fd = memfd_create("config", MFD_CLOEXEC);
	struct config_where where = { .state = "/state" };
	struct config_errors e;
	struct config *c;
	char path[64];

	MUST(fd >= 0);
	MUST(fchmod(fd, 0600) == 0);
	MUST(write(fd, data, n) == (ssize_t)n);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	where.config = path;
	c = config_load(&where, &e);
	check(c, &e);
	config_unref(c);
	config_errors_fini(&e);
	(void)close(fd);
	return 0;
}
