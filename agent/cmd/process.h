/*
 * process - what this process may do and show, set before anything else.
 */
#ifndef CMD_PROCESS_H
#define CMD_PROCESS_H
#include "err.h"

/*
 * umask 077; no core files and no debugger (secrets); SIGPIPE ignored; as many
 * descriptors as the hard limit gives; one memory arena, so that what threads
 * release is used again; descriptors 0 to 2 exist.
 */
void process_setup(void);
/*
 * Root, and dir belongs to somebody else: becomes that user, for good, HOME and
 * USER with it. A folder that is missing or our own changes nothing.
 */
bool process_become_owner(const char *dir, struct err *err);
/*
 * The name of this host for EHLO and trace lines: as configured, else the
 * system's, with its domain where /etc/hosts knows it; "[127.0.0.1]" where none
 * could stand in EHLO (RFC 5321 4.1.3). cap >= 16.
 */
void process_hostname(const char *configured, char *out, size_t cap);
#endif
