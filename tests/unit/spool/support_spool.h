/*
 * support_spool - what the tests of the spool share: a folder of their own, the
 * spool driven from the test's thread, messages made and asked for, faults.
 */
#ifndef SUPPORT_SPOOL_H
#define SUPPORT_SPOOL_H
#include "files.h"
#include "query.h"
#include "spool.h"

#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW 1790000000000 /* the tests' first moment, unix ms */

struct bed {
	char dir[64];
	struct spool *spool;
	struct spool_found found;
	struct spool_files files; /* the system's; faults are put in here */
	int wake;		  /* eventfd */
	void (*asked)(void *who); /* spool_options.asked; who: the bed */
	/* NULL, or what the store thread does once results wait */
	void (*told)(void *who);
	void *teller;
};

/* A folder; nothing is opened. */
void bed_make(struct bed *b);
void bed_remove(struct bed *b);
/* Opens it, or fails the test. */
void bed_open(struct bed *b, int64_t now_ms);
bool bed_try(struct bed *b, int64_t now_ms, bool look_only, struct err *err);
void bed_close(struct bed *b);
/* Runs results until this request is done, or the store stopped. */
void bed_wait(struct bed *b, struct spool_req *r);
/*
 * The store thread stays where it is until bed_let_go(), so that what is asked
 * meanwhile comes to it at once, however late this thread is.
 */
struct bed_hold {
	struct spool_call call;
	sem_t there, go;
};
void bed_hold(struct bed *b, struct bed_hold *h);
void bed_let_go(struct bed *b, struct bed_hold *h);
/* Runs results until nothing is out, or the store stopped. */
void bed_settle(struct bed *b);
/* Before asking: sets done so that bed_wait() sees it. */
void bed_prepare(struct spool_req *r);

/* An account and a folder of it. */
int64_t bed_account(struct bed *b, const char *name, enum spool_family family);
struct spool_folder bed_folder(struct bed *b, int64_t account, const char *name,
			       uint32_t uidvalidity);
struct message *bed_message(int64_t account, int64_t folder,
			    struct message_key key);
struct message_key bed_key(uint32_t n); /* of POP3; they differ */
struct spool_body *bed_body(struct bed *b, const char *p, size_t n);
/* TX1 .. TX4, each awaited; true: ok. */
bool bed_put(struct bed *b, struct message *m, const char *p, size_t n,
	     bool sending);
bool bed_sending(struct bed *b, struct message *m, int64_t now_ms);
bool bed_result(struct bed *b, struct message *m, enum message_state state,
		int64_t now_ms);
bool bed_gone(struct bed *b, int64_t account, int64_t folder,
	      const struct message_key *keys, size_t n, int64_t now_ms);
bool bed_marked(struct bed *b, int64_t account, int64_t folder,
		const struct message_key *keys, size_t n, int64_t now_ms);
void bed_tidy(struct bed *b, int64_t now_ms);
/* Lists these keys (sorted), whole; fates into out. */
void bed_list(struct bed *b, int64_t folder, struct spool_item *items, size_t n,
	      bool whole, int64_t now_ms);
/* The whole body, compared. */
bool bed_body_is(struct bed *b, const struct message *m, const char *p,
		 size_t n);
/* One number from SQL, on the store thread. */
int64_t bed_sql(struct bed *b, const char *sql);

/*
 * Barriers of the whole process, sqlite's too: the calls are taken over in
 * support_spool.c. barrier_limit: the one that many from now fails or kills.
 */
enum barrier_fault {
	BARRIER_OK,
	BARRIER_EIO,
	BARRIER_KILL
};
extern _Atomic long barrier_count, write_count;
void barrier_fault(enum barrier_fault f, long after);
/* Every pwrite, ftruncate, unlink and barrier counts one step; at this step the
 * process is killed. 0: never. */
void step_kill(long after);
extern _Atomic long step_count;
#endif
