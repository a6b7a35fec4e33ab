/*
 * metrics_file - keeps metrics_file up to date: written beside and renamed, so
 * that who reads it never sees a part; readable by all, as a collector is
 * somebody else.
 *
 * Figures are read on the store thread; who has a great many of them pays at
 * most half a per cent of its time for it.
 */
#ifndef CMD_METRICS_FILE_H
#define CMD_METRICS_FILE_H
#include "loop.h"
#include "metrics.h"

struct metrics_file {
	/* the owner's, before metrics_file_begin() */
	struct loop *loop;
	struct spool *spool;
	const struct config *config; /* in force; NULL metrics_file: nothing */
	bool reload_ok;
	/* Written after a failure that was told (NULL), or a failure. is_new:
	 * to be told also where only changes are (trouble.h); all are, but for
	 * metrics_file_once(), which goes by what earlier processes told. */
	void (*told)(void *who, const struct err *err, bool is_new);
	/* Nothing is under way any more, and nothing follows by itself; for
	 * metrics_file_once(). May be NULL. */
	void (*done)(void *who);
	void *who;
	/* private */
	struct metrics figures;
	struct spool_call call;
	struct timer timer;
	struct err err;		      /* told last */
	struct spool_trouble trouble; /* once: what is on record of it */
	uint64_t began_ms;
	uint32_t pause_ms; /* at least, to the next */
	bool is_out, changed, once;
};

/* From now on every 15 s. */
void metrics_file_begin(struct metrics_file *f);
/* Something changed: soon, but not at once. */
void metrics_file_changed(struct metrics_file *f);
/* Another configuration is in force; what the old one had written goes where
 * the new one writes elsewhere. */
void metrics_file_reload(struct metrics_file *f, const struct config *c);
/* A single time, now; then `done`. */
void metrics_file_once(struct metrics_file *f);
/* Nothing follows; what is out may come or not. */
void metrics_file_stop(struct metrics_file *f);
/* The file itself. false: err, with what to do. */
bool metrics_file_replace(const char *path, struct view octets,
			  struct err *err);
#endif
