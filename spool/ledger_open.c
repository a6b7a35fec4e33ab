/*
 * Opening a ledger: guards, schema, recovery (spool/README.md, "Recovery").
 */
#include "ledger.h"
#include "limits.h"
#include "must.h"
#include "schema.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Step n brings version n to n + 1. */
static const char *const steps[LEDGER_VERSION] = { spool_schema };

#define CEPH_MAGIC 0x00c36400
#define CIFS_MAGIC 0xff534d42

/* WAL needs one machine and locks that hold (CASES I27). */
static bool file_system_fits(const struct ledger *l, struct spool_found *found,
			     struct err *err)
{
	struct statfs f;

	if (l->files->statfs(l->dir, &f) != 0)
		return true;
	switch ((uint32_t)f.f_type) {
	case NFS_SUPER_MAGIC:
	case SMB_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case CIFS_MAGIC:
	case NCP_SUPER_MAGIC:
	case AFS_SUPER_MAGIC:
	case AFS_FS_MAGIC:
	case CODA_SUPER_MAGIC:
	case CEPH_MAGIC:
		err_set(err, ERR_STATE,
			"the state directory is on a network file system");
		return err_remedy(err, "choose a local one with --state or "
				       "state_dir");
	case TMPFS_MAGIC:
	case RAMFS_MAGIC:
		found->volatile_dir = true;
		return true;
	default:
		return true;
	}
}

static bool text_is(struct ledger *l, const char *sql, const char *want)
{
	sqlite3_stmt *s = NULL;
	bool same = false;

	if (sqlite3_prepare_v2(l->db, sql, -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		same = view_eq(view_of((const void *)sqlite3_column_text(s, 0)),
			       view_of(want));
	else
		ledger_break(l, "opening the ledger");
	/* the row comes first: a change of journal is written behind it */
	if (same && sqlite3_step(s) != SQLITE_DONE)
		same = ledger_break(l, "opening the ledger");
	(void)sqlite3_finalize(s);
	return same;
}

static bool number(struct ledger *l, const char *sql, int64_t *out)
{
	sqlite3_stmt *s = NULL;
	bool ok = sqlite3_prepare_v2(l->db, sql, -1, &s, NULL) == SQLITE_OK &&
		  sqlite3_step(s) == SQLITE_ROW;

	if (ok)
		*out = sqlite3_column_int64(s, 0);
	else
		ledger_break(l, "opening the ledger");
	(void)sqlite3_finalize(s);
	return ok;
}

/*
 * EXCLUSIVE before WAL: then there is no shared memory and no second connection
 * (CASES I11). The cache is small: what is hot is small as well. So are pages:
 * each commit writes the last ones of some tables once more, for a row or two.
 */
static bool set_up(struct ledger *l, bool anew)
{
	(void)sqlite3_extended_result_codes(l->db, 1);
	(void)sqlite3_busy_timeout(l->db, 2000);
	(void)sqlite3_db_config(l->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(l->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	/* Emptied at the end, but there: its name need not be synced again. */
	(void)sqlite3_file_control(l->db, "main", SQLITE_FCNTL_PERSIST_WAL,
				   &(int){ 1 });
	return (!anew || ledger_exec(l, "PRAGMA page_size = 2048")) &&
	       text_is(l, "PRAGMA locking_mode = EXCLUSIVE", "exclusive") &&
	       (l->dir < 0 || text_is(l, "PRAGMA journal_mode = WAL", "wal")) &&
	       ledger_exec(l, "PRAGMA synchronous = FULL;"
			      "PRAGMA secure_delete = FAST;"
			      "PRAGMA temp_store = MEMORY;"
			      "PRAGMA cache_size = -3072;"
			      "PRAGMA wal_autocheckpoint = 2000;"
			      "PRAGMA journal_size_limit = 8388608;"
			      "PRAGMA cell_size_check = ON");
}

static bool open_db(struct ledger *l, const char *dir, struct err *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
		    SQLITE_OPEN_NOMUTEX;
	bool anew = true;
	char *path = NULL;
	struct stat st;
	int rc, fd;

	if (l->dir < 0) { /* nothing is there: an empty one to look at */
		rc = sqlite3_open_v2(":memory:", &l->db, flags, NULL);
	} else {
		/* So that it and its WAL are for this user alone. */
		fd = openat(l->dir, "ledger.db", O_RDWR | O_CREAT | O_CLOEXEC,
			    0600);
		if (fd < 0)
			return files_failed(err, "cannot open the ledger");
		anew = fstat(fd, &st) != 0 || st.st_size == 0;
		(void)close(fd);
		MUST(asprintf(&path, "%s/ledger.db", dir) >= 0);
		rc = sqlite3_open_v2(path, &l->db, flags, NULL);
		free(path);
	}
	if (rc != SQLITE_OK)
		return ledger_sqlite_err(err, rc, "opening the ledger");
	return set_up(l, anew) ||
	       ledger_failed(l, err, "the ledger cannot be used");
}

static bool step_up(struct ledger *l, int64_t from)
{
	char sql[64];

	if (!ledger_exec(l, "BEGIN IMMEDIATE"))
		return false;
	for (int64_t n = from; n < LEDGER_VERSION; n++)
		if (!ledger_exec(l, steps[n]))
			return false;
	(void)snprintf(sql, sizeof(sql),
		       "PRAGMA application_id = %d; PRAGMA user_version = %d",
		       LEDGER_APPLICATION, LEDGER_VERSION);
	return ledger_exec(l, sql) && ledger_exec(l, "COMMIT");
}

static bool check_version(struct ledger *l, struct err *err)
{
	int64_t application, version, tables;

	if (!number(l, "PRAGMA application_id", &application) ||
	    !number(l, "PRAGMA user_version", &version))
		return ledger_failed(l, err, "");
	if (application == LEDGER_APPLICATION && version == LEDGER_VERSION)
		return true;
	if (!number(l, "SELECT count(*) FROM sqlite_schema", &tables))
		return ledger_failed(l, err, "");
	if (tables > 0 && application != LEDGER_APPLICATION) {
		err_set(err, ERR_STATE, "ledger.db is no ledger of mailhaul");
		return err_remedy(err, "choose another state directory");
	}
	if (version > LEDGER_VERSION) {
		err_set(err, ERR_STATE,
			"the ledger was written by a newer mailhaul "
			"(schema %d, this one knows %d)",
			(int)version, LEDGER_VERSION);
		return err_remedy(err, "install that version again");
	}
	if (version == LEDGER_VERSION)
		return true;
	return step_up(l, version) || ledger_failed(l, err, "");
}

/* --- the site row --------------------------------------------------------- */

static bool make_site(struct ledger *l)
{
	static const char consonants[] = "bcdfghjklmnpqrstvwxz";
	sqlite3_stmt *s = NULL;
	struct bind b;
	uint8_t dice[12];
	bool ok;

	hash_random(l->key, sizeof(l->key));
	hash_random(dice, sizeof(dice));
	for (size_t i = 0; i < sizeof(dice); i++)
		l->instance[i] = consonants[dice[i] % 20];
	if (sqlite3_prepare_v2(
		    l->db,
		    "INSERT INTO site (id, key, instance, generation)"
		    " VALUES (1, ?, ?, 0)",
		    -1, &s, NULL) != SQLITE_OK)
		return ledger_break(l, "opening the ledger");
	b = (struct bind){ s, 0 };
	bind_blob(&b, l->key, sizeof(l->key));
	bind_text(&b, l->instance);
	ok = ledger_do(l, s);
	(void)sqlite3_finalize(s);
	return ok;
}

/* true and *there false: there is no row yet. */
static bool load_site(struct ledger *l, bool *there)
{
	sqlite3_stmt *s = NULL;
	const void *key;

	if (sqlite3_prepare_v2(l->db,
			       "SELECT key, instance, generation FROM site", -1,
			       &s, NULL) != SQLITE_OK)
		return ledger_break(l, "opening the ledger");
	*there = ledger_row(l, s);
	if (*there) {
		key = sqlite3_column_blob(s, 0);
		if (key && sqlite3_column_bytes(s, 0) == sizeof(l->key))
			memcpy(l->key, key, sizeof(l->key));
		column_chars(s, 1, l->instance, sizeof(l->instance));
		l->generation = (uint64_t)column_int(s, 2);
	}
	(void)sqlite3_finalize(s);
	return !l->broken;
}

/*
 * The number beside the ledger. A ledger that knows less is an older copy, and
 * so is one with a past but without the file: it came alone.
 */
static bool is_foreign(struct ledger *l)
{
	char text[24] = "";
	uint64_t n = 0;
	struct view v = { text, 0 };
	int fd = l->files->open_at(l->dir, "generation", O_RDONLY | O_CLOEXEC,
				   0);
	ssize_t got =
		fd < 0 ? -1 : l->files->pread(fd, text, sizeof(text) - 1, 0);

	if (fd >= 0)
		(void)l->files->close(fd);
	if (got == 0) /* made when there was no room to write it */
		return false;
	v.n = got > 0 ? (size_t)got : 0;
	v = view_head(v, view_find(v, '\n'));
	if (!view_number(v, INT64_MAX, &n))
		return l->generation > 1;
	return l->generation < n;
}

/* --- recovery ---------------------------------------------------------------
 */

static bool exec_at(struct ledger *l, const char *sql, int64_t a, int64_t b,
		    uint64_t *changed)
{
	sqlite3_stmt *s = NULL;
	struct bind bind;
	bool ok;

	if (sqlite3_prepare_v2(l->db, sql, -1, &s, NULL) != SQLITE_OK)
		return ledger_break(l, "recovering the ledger");
	bind = (struct bind){ s, 0 };
	bind_int(&bind, a);
	if (sqlite3_bind_parameter_count(s) > 1)
		bind_int(&bind, b);
	ok = ledger_do(l, s);
	if (ok && changed)
		*changed = (uint64_t)sqlite3_changes64(l->db);
	(void)sqlite3_finalize(s);
	return ok;
}

static bool sending_to_doubt(struct ledger *l, int64_t now_ms,
			     struct spool_found *f)
{
	return exec_at(l,
		       "INSERT INTO handed (delivery, at, n)"
		       " SELECT delivery, ?, count(*) FROM queue"
		       " WHERE state = 2 GROUP BY delivery"
		       " ON CONFLICT DO UPDATE SET n = n + excluded.n",
		       now_ms, 0, NULL) &&
	       ledger_exec(l, "UPDATE site SET doubts = doubts +"
			      " (SELECT count(*) FROM queue WHERE state = 2)"
			      " WHERE EXISTS"
			      " (SELECT 1 FROM queue WHERE state = 2)") &&
	       exec_at(l,
		       "INSERT OR REPLACE INTO attempt (message, n, sent_at,"
		       " ended_at, connection, outcome, reason, reply)"
		       " SELECT id, attempts, sent_at, ?1, connection, 3,"
		       " 'the process ended before the reply', NULL"
		       " FROM queue WHERE state = 2",
		       now_ms, 0, NULL) &&
	       exec_at(l,
		       "UPDATE queue SET state = 3, doubts = doubts + 1,"
		       " doubt_at = ?1,"
		       " next_at = iif(hold_doubt, 0, ?1 + ?2),"
		       " reason = 'the process ended before the reply'"
		       " WHERE state = 2",
		       now_ms, LIMIT_DOUBT_RESEND_MS, &f->new_doubts);
}

static bool stop_all(struct ledger *l, int64_t now_ms)
{
	return exec_at(l,
		       "UPDATE queue SET state = 3, next_at = 0, doubt_at = ?,"
		       " reason = 'the state was put back from a copy: it may"
		       " have been delivered since'"
		       " WHERE state IN (1, 2, 3)",
		       now_ms, 0, NULL) &&
	       ledger_exec(l, "UPDATE account SET reconcile = 2");
}

/* A body that is gone cannot be sent; retrying has it fetched again. */
static bool lose_bodies(struct ledger *l, uint32_t segment, int64_t now_ms)
{
	return exec_at(l,
		       "UPDATE queue SET state = 4, segment = 0, next_at = 0,"
		       " held_at = ?2, reason = 'its body is missing'"
		       " WHERE segment = ?1",
		       segment, now_ms, NULL);
}

static bool find_segments(struct ledger *l, int64_t now_ms, struct err *err)
{
	sqlite3_stmt *s = NULL;
	struct err why = { 0 };
	bool ok = true;

	if (sqlite3_prepare_v2(l->db,
			       "SELECT q.segment, sum(m.octets),"
			       " max(q.offset + m.octets)"
			       " FROM queue q JOIN message m USING (id)"
			       " WHERE q.segment > 0 AND m.octets > 0"
			       " GROUP BY q.segment",
			       -1, &s, NULL) != SQLITE_OK)
		return ledger_failed(l, err, "");
	while (ok && ledger_row(l, s)) {
		uint32_t n = (uint32_t)column_int(s, 0);

		if (segments_found(&l->segments, n, (uint64_t)column_int(s, 1),
				   (uint64_t)column_int(s, 2), &why))
			continue;
		ok = why.class == ERR_NONE && lose_bodies(l, n, now_ms);
	}
	(void)sqlite3_finalize(s);
	if (why.class != ERR_NONE) {
		*err = why;
		return false;
	}
	return (ok && !l->broken) || ledger_failed(l, err, "");
}

static bool count_found(struct ledger *l, struct spool_found *f)
{
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(l->db,
			       "SELECT count(*) FILTER (WHERE state IN (1, 2)),"
			       " count(*) FILTER (WHERE state = 3),"
			       " count(*) FILTER (WHERE state = 4) FROM queue",
			       -1, &s, NULL) != SQLITE_OK)
		return ledger_break(l, "opening the ledger");
	if (ledger_row(l, s)) {
		f->queued = (uint64_t)column_int(s, 0);
		f->doubts = (uint64_t)column_int(s, 1);
		f->held = (uint64_t)column_int(s, 2);
	}
	(void)sqlite3_finalize(s);
	return !l->broken;
}

static uint8_t fate_of(int64_t state, int64_t done)
{
	switch (state) {
	case MESSAGE_DELIVERED:
		return done == LEDGER_DONE_MOVED  ? FATE_MOVED
		       : done == LEDGER_DONE_SEEN ? FATE_MARKED
						  : FATE_DELIVERED;
	case MESSAGE_GONE:
		return FATE_GONE;
	case MESSAGE_DROPPED:
		return FATE_DROPPED;
	default:
		return FATE_QUEUED;
	}
}

static bool load_known(struct ledger *l)
{
	sqlite3_stmt *s = NULL;

	/* In order, so that of two with one key the later counts. */
	if (sqlite3_prepare_v2(
		    l->db,
		    "SELECT m.folder, m.key, u.id, u.state, u.at, u.done FROM"
		    " (SELECT id, 0 AS state, 0 AS at, 0 AS done FROM queue"
		    "  UNION ALL"
		    "  SELECT id, state, at, done FROM unfolded JOIN settled"
		    "  USING (id)) u JOIN message m USING (id) ORDER BY u.id",
		    -1, &s, NULL) != SQLITE_OK)
		return ledger_break(l, "opening the ledger");
	while (ledger_row(l, s)) {
		struct known_entry e = {
			.folder = column_int(s, 0),
			.key = column_key(s, 1),
			.id = column_int(s, 2),
			.day = ledger_day(column_int(s, 4)),
			.fate = fate_of(column_int(s, 3), column_int(s, 5)),
		};

		known_put(&l->known, &e);
	}
	(void)sqlite3_finalize(s);
	return !l->broken;
}

/*
 * What the last process had in hand when it crashed. Its file is emptied before
 * the commit: a strike may get lost, none counts twice.
 */
static bool strike(struct ledger *l, int64_t now_ms, struct spool_found *f)
{
	struct crash_entry *e;
	struct stat st;
	size_t n;
	bool ok = true;

	if (l->crash < 0 || fstat(l->crash, &st) != 0 || st.st_size == 0)
		return true;
	e = mem_new(CRASH_ENTRIES * sizeof(*e));
	n = crash_read(l->crash, &f->crashed, e, CRASH_ENTRIES);
	f->crashed = f->crashed && !f->foreign;
	if (ftruncate(l->crash, 0) == 0 && f->crashed)
		ok = ledger_strike(l, e, n, now_ms, f);
	free(e);
	return ok;
}

static bool recover(struct ledger *l, const struct spool_options *o,
		    struct spool_found *f)
{
	bool copied;

	if (!ledger_find_anchor(l, o->now_ms, &copied) ||
	    !ledger_load_clock(l) || !ledger_look_at_clock(l, o->now_ms))
		return false;
	f->foreign = is_foreign(l) || copied;
	if (f->foreign &&
	    (!stop_all(l, o->now_ms) || !ledger_raise_generation(l, o->now_ms)))
		return false;
	return (l->none_queued || sending_to_doubt(l, o->now_ms, f)) &&
	       strike(l, o->now_ms, f) && ledger_tell_found(l, o->untold, f);
}

/*
 * Left by a commit under load: ledger.h, `postpone`; by way of the queue, which
 * is short, not of all that is settled.
 */
static bool drop_settled(struct ledger *l)
{
	return ledger_exec(l, "DELETE FROM queue WHERE EXISTS"
			      " (SELECT 1 FROM settled s"
			      " WHERE s.id = queue.id)");
}

/*
 * The whole of opening, in one transaction. Most find that nothing is queued,
 * and preparing what would be done about it takes a third of their time.
 */
static bool begin_work(struct ledger *l, const struct spool_options *o,
		       struct spool_found *f, struct err *err)
{
	bool there = false;
	int64_t unfolded;

	if (!ledger_begin(l) || !load_site(l, &there) ||
	    (!there && !make_site(l)) ||
	    (!ledger_none_queued(l) && !drop_settled(l)))
		return ledger_failed(l, err, "");
	if (!o->look_only) {
		if (!recover(l, o, f))
			return ledger_failed(l, err, "");
		if ((!l->none_queued && !find_segments(l, o->now_ms, err)) ||
		    !segments_begin(&l->segments, f->foreign, err))
			return false;
	}
	if (!number(l, "SELECT EXISTS (SELECT 1 FROM unfolded)", &unfolded) ||
	    ((!l->none_queued || unfolded) && !load_known(l)) ||
	    (!l->none_queued && !count_found(l, f)) ||
	    !number(l, "SELECT count(*) FROM suspect",
		    (int64_t *)&l->nsuspects) ||
	    !number(l, "SELECT coalesce(max(id), 0) + 1 FROM message",
		    &l->next_id))
		return ledger_failed(l, err, "");
	/* Ids of four letters at least, and none that looks like a UID. */
	if (l->next_id < 29791)
		l->next_id = 29791;
	if (!ledger_commit(l, err))
		return false;
	ledger_drop_anchor(l);
	return true;
}

struct ledger *ledger_open(const struct spool_options *o, int dir,
			   struct spool_found *found, struct err *err)
{
	struct ledger *l = mem_new(sizeof(*l));

	l->files = o->files;
	l->dir = dir;
	l->looks = o->look_only;
	l->opened_ms = o->now_ms;
	if (o->look_only && dir >= 0 && faccessat(dir, "ledger.db", F_OK, 0))
		l->dir = -1; /* nothing is made by looking */
	l->hash = hash_new();
	l->segments.dir = -1;
	l->crash = -1;
	if (!o->look_only)
		l->crash =
			openat(dir, "crash",
			       O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	list_init(&l->segments.all);
	list_init(&l->jobs);
	list_init(&l->apart);
	if ((l->dir < 0 || (file_system_fits(l, found, err) &&
			    segments_init(&l->segments, o->files, dir, err))) &&
	    open_db(l, o->dir, err) && check_version(l, err) &&
	    begin_work(l, o, found, err)) {
		if (l->crash >= 0)
			crash_watch(l->crash);
		return l;
	}
	if (err->origin == ERR_FROM_SQLITE) {
		char path[180];

		(void)snprintf(path, sizeof(path), "%.160s/ledger.db", o->dir);
		err_within(err, path);
	}
	ledger_close(l, false);
	return NULL;
}
