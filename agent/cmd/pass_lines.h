/*
 * pass_lines - how a pass that another process runs is asked for and told of:
 * lines of JSON over the control socket (talk.h).
 *
 *   -> {"ask": "pass", "task": n, "names": [...] | null, "dry_run", "yes",
 *       "person": somebody can be asked, "judged": each message is wanted,
 *       "folder", "since": ms, "uids": [...] | null}
 *   <- {"ok": true, "answer": {"pass": false}}     nobody here takes passes
 *      {"ok": false, "class", "what", "peer", "remedy"}     refused
 *      {"ok": true, "answer": {"pass": true, "accounts": [name ...]}}, then
 *   <- {"account": place in that list, what struct pass_account has}
 *      {"judged": place, "folder", "uid", "octets", "reason", "due"}
 *      {"delivery": name, "err": {...} | null, "new": b}
 *      {"question": place, "folder", "messages", "octets"}
 *   -> {"answer": place, "choice": n}
 *   <- {"ended": exit code, "failure": {...} | null, "has_folder": b,
 *       "found": [b ...]}     the last line
 *
 * Numbers stand for the enums of pass.h and err.h: both ends are one program.
 * Times of the monotonic clock are those of the machine. What is read is
 * checked: a value that is none is 0, a string is cut.
 */
#ifndef CMD_PASS_LINES_H
#define CMD_PASS_LINES_H
#include "pass.h"

#include <jansson.h>

/* New references. */
json_t *pass_request_line(const struct pass_options *o, bool person,
			  bool judged);
json_t *pass_account_line(size_t at, const struct pass_account *a);
json_t *pass_judged_line(size_t at, const struct pass_judged *j);
json_t *pass_err_line(const struct err *e); /* null for ERR_NONE */

/*
 * *o is made from a request; names, uids and found are owned (free() each),
 * their strings borrowed from the request. false: it is none.
 */
bool pass_read_request(const json_t *request, struct pass_options *o);
/* All but config. */
void pass_read_account(const json_t *line, struct pass_account *a);
/* Borrows from the line. */
void pass_read_judged(const json_t *line, struct pass_judged *j);
void pass_read_err(const json_t *o, struct err *e); /* null: ERR_NONE */

/* Members of an object, checked. */
uint64_t pass_number(const json_t *o, const char *name);
bool pass_flag(const json_t *o, const char *name);
const char *pass_string(const json_t *o, const char *name); /* NULL: none */
#endif
