/*
 * source_pop3 - the parts of a POP3 session (source.h), for its own files
 * alone.
 *
 * source_pop3.c: the stream, sign-in, what is asked, the end;
 * source_pop3_look.c: the listing; source_pop3_job.c: bodies and deletions, in
 * one queue. As many jobs as the server takes are in flight, and replies come
 * in their order.
 */
#ifndef FLOW_SOURCE_POP3_H
#define FLOW_SOURCE_POP3_H
#include "listing_pop3.h"
#include "signin_pop3.h"
#include "source.h"

enum phase {
	PHASE_SIGNIN,
	PHASE_OPEN,
	PHASE_LEAVING, /* QUIT is on its way */
	PHASE_OVER,    /* the stream is closing */
};

/* How far the listing is. */
enum look {
	LOOK_NOT, /* not asked for yet, or done */
	LOOK_ASKED,
	LOOK_STAT,
	LOOK_LIST,
	LOOK_UIDL,
	LOOK_SORT, /* on the pool */
	LOOK_HEADERS,
	LOOK_SIZES_ASKED, /* of what is listed */
	LOOK_SIZES,
};

enum job_kind {
	JOB_RETR,
	JOB_HEADER,
	JOB_NAME, /* TOP, for the identity of a message without unique-id */
	JOB_DELE,
};

struct job {
	enum job_kind kind;
	uint32_t number;
	struct message_key key;
};

/* Jobs in the order of the wire: done < given <= n. */
struct jobs {
	struct job *job; /* owned */
	size_t done, given, n, cap;
};

/* A listing on the pool; outlives the session if it must. */
struct sorting {
	struct listing *listing;
	struct pop3_source *source; /* NULL: closed meanwhile */
};

/* Where the header of JOB_HEADER ends. */
struct cutter {
	bool over, in_line;
	size_t octets;
};

struct pop3_source {
	struct source source; /* first */
	struct source_options o;
	const struct source_reports *report;
	void *who;
	enum phase phase;
	struct stream *stream; /* NULL once closed */
	struct pop3 *pop3;
	struct pop3_signin signin;
	struct task turn;
	size_t gulp;	/* octets read since the last turn */
	struct err why; /* of the end; ERR_NONE: as asked */

	bool wants_folder, wants_quit;
	size_t bodies; /* asked for by fetch and headers, not answered */
	enum look look;
	const struct message_key *namesakes; /* borrowed */
	size_t nnamesakes;
	struct listing *listing;
	bool wants_sizes, with_list; /* LIST goes along with UIDL */
	uint32_t told;		     /* without LIST: messages by STAT */
	struct source_size *sizes;   /* owned */
	size_t nsizes, sizes_cap;
	bool no_uidl, long_uidl;
	size_t naming;	 /* JOB_NAMEs not answered */
	size_t left_out; /* without an identity */
	struct sorting *sorting;
	struct hash *hash; /* of a header, for JOB_NAME */
	bool hashed;
	struct cutter cutter;

	struct jobs jobs;
	struct message_key *deleted; /* accepted DELEs, owned */
	size_t ndeleted, deleted_cap;
	bool asked_to_erase;
};

/* Ends the session; why NULL: well. Only the first call counts. */
void pop3_source_end(struct pop3_source *s, const struct err *why);
/* A warning in the log. */
void pop3_source_warn(const struct pop3_source *s, const char *event,
		      size_t count);

/* --- source_pop3_job.c --- */

/* key: NULL for JOB_NAME. */
void pop3_source_add_job(struct pop3_source *s, enum job_kind kind,
			 uint32_t number, const struct message_key *key);
/* One more command may go out behind those in flight. */
bool pop3_source_has_room(const struct pop3_source *s);
/* Gives the commands of as many jobs as there is room for. */
void pop3_source_give_jobs(struct pop3_source *s);
/* An event of RETR, TOP or DELE. */
void pop3_source_on_job(struct pop3_source *s, const struct pop3_event *ev);

/* --- source_pop3_look.c --- */

/* Lists, if it was asked for and nothing else is in flight. */
void pop3_source_begin_look(struct pop3_source *s);
void pop3_source_on_stat(struct pop3_source *s, const struct pop3_event *ev);
void pop3_source_on_list(struct pop3_source *s, const struct pop3_event *ev);
void pop3_source_on_uidl(struct pop3_source *s, const struct pop3_event *ev);
/* A JOB_NAME is answered: s->hash has seen the header, or there is none. */
void pop3_source_named(struct pop3_source *s, bool ok);
#endif
