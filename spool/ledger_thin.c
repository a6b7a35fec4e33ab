/*
 * Copies on what is left in segments that are nearly empty.
 */
#include "ledger.h"
#include "must.h"

#include <stdlib.h>

#define DAY_MS	     86400000
#define PIECE_OCTETS (1u << 20)

static bool is_thin(const struct segment *g, int64_t now_ms)
{
	if (g->leased || (g->ours && !g->full) || g->live == 0)
		return false;
	return g->live < g->tail / 4 && g->made_ms < now_ms - DAY_MS;
}

static struct segment *find_thin(struct ledger *l, uint32_t after,
				 int64_t now_ms)
{
	struct segment *best = NULL;

	LIST_EACH(at, kept, &l->segments.all) {
		struct segment *g = LIST_OF(at, struct segment, link);

		if (g->number > after && is_thin(g, now_ms) &&
		    (!best || g->number < best->number))
			best = g;
	}
	return best;
}

struct resident {
	int64_t id;
	int64_t state;
	struct message_place place;
};

/* One message with its body there; false: none, or broken. */
static bool next_resident(struct ledger *l, uint32_t segment,
			  struct resident *out)
{
	struct bind b = {
		ledger_statement(
			l, STMT_SEGMENT_ROWS,
			"SELECT q.id, q.state, q.offset, m.octets, m.hash FROM queue q"
			" JOIN message m ON m.id = q.id WHERE q.segment = ?"
			" ORDER BY q.state = 2 DESC LIMIT 1"),
		0
	};
	const void *hash;

	bind_int(&b, segment);
	if (!ledger_row(l, b.s))
		return false;
	*out = (struct resident){ .id = column_int(b.s, 0),
				  .state = column_int(b.s, 1) };
	out->place.segment = segment;
	out->place.offset = (uint64_t)column_int(b.s, 2);
	out->place.octets = (uint64_t)column_int(b.s, 3);
	hash = sqlite3_column_blob(b.s, 4);
	if (hash && sqlite3_column_bytes(b.s, 4) == HASH_BODY_OCTETS)
		memcpy(out->place.hash, hash, HASH_BODY_OCTETS);
	(void)sqlite3_reset(b.s);
	return true;
}

/*
 * *damaged: it cannot be read, or is not what was stored. false: it cannot be
 * written, which says nothing about it.
 */
static bool copy(struct ledger *l, const struct message_place *from,
		 struct segment *to, bool *damaged)
{
	char *piece = mem_new(PIECE_OCTETS);
	uint8_t hash[HASH_BODY_OCTETS];
	uint64_t at = 0;
	struct err err;
	bool ok = true;

	while (ok && at < from->octets) {
		uint64_t left = from->octets - at;
		struct room r = { piece, left < PIECE_OCTETS ? (size_t)left
							     : PIECE_OCTETS };
		size_t got = 0;

		if (!segments_read(&l->segments, from->segment,
				   from->offset + at, r, &got, &err) ||
		    got == 0)
			break;
		hash_add(l->hash, (struct view){ piece, got });
		ok = segment_write(&l->segments, to, at,
				   (struct view){ piece, got }, &err);
		at += got;
	}
	hash_end(l->hash, hash);
	free(piece);
	*damaged = ok && (at < from->octets ||
			  memcmp(hash, from->hash, sizeof(hash)) != 0);
	return ok;
}

static bool set_place(struct ledger *l, const struct resident *r,
		      uint32_t segment, uint64_t offset)
{
	struct bind b = {
		ledger_statement(
			l, STMT_MOVE,
			"UPDATE queue SET segment = ?, offset = ?"
			" WHERE id = ? AND state = ? AND segment = ? AND offset = ?"),
		0
	};

	bind_int(&b, segment);
	bind_uint(&b, offset);
	bind_int(&b, r->id);
	bind_int(&b, r->state);
	bind_int(&b, r->place.segment);
	bind_uint(&b, r->place.offset);
	return ledger_do_one(l, b.s) || ledger_break(l, "moving a body");
}

/* Never sent; retrying has it fetched again (CASES I4). */
static bool set_damaged(struct ledger *l, const struct resident *r)
{
	struct bind b = {
		ledger_statement(
			l, STMT_DAMAGED,
			"UPDATE queue SET state = 4, segment = 0, next_at = 0,"
			" reason = 'its body is damaged' WHERE id = ? AND state = ?"),
		0
	};

	bind_int(&b, r->id);
	bind_int(&b, r->state);
	return ledger_do_one(l, b.s) || ledger_break(l, "holding a message");
}

static void tell_move(struct ledger *l, const struct message_place *from,
		      const struct segment *to)
{
	l->moves = mem_grow(l->moves, (l->nmoves + 1) * sizeof(*l->moves));
	l->moves[l->nmoves++] = (struct ledger_move){ .segment = from->segment,
						      .offset = from->offset,
						      .to_segment = to->number,
						      .to_offset = to->tail };
}

/* false: no room; nothing more is copied now. */
static bool move(struct ledger *l, const struct resident *r)
{
	struct err err;
	struct segment *to = segment_lease(&l->segments, &err);
	bool damaged = false;

	if (!to)
		return false;
	if (!copy(l, &r->place, to, &damaged)) {
		segment_abandon(&l->segments, to, r->place.octets);
		return false;
	}
	if (damaged) {
		segment_abandon(&l->segments, to, r->place.octets);
		if (!set_damaged(l, r))
			return false;
	} else {
		tell_move(l, &r->place, to);
		if (!set_place(l, r, to->number, to->tail))
			return false;
		segment_keep(&l->segments, to, r->place.octets);
		l->unsynced = true;
	}
	ledger_release_body(l, r->place.segment, r->place.octets);
	return true;
}

bool ledger_thin(struct ledger *l, int64_t now_ms, uint32_t *after)
{
	struct segment *g = find_thin(l, *after, now_ms);
	struct resident r;

	if (!g)
		return false;
	/* What is being sent is read at this moment: another time. */
	if (!next_resident(l, g->number, &r) || r.state == MESSAGE_SENDING) {
		*after = g->number;
		return !l->broken;
	}
	return move(l, &r);
}
