-- The ledger, version 1. Built into the program (CMakeLists.txt); what each
-- state means and what proves it: README.md.
--
-- Rows are written so that a message costs few octets on disk: `message` holds
-- what never changes and is only appended to, `queue` is small and hot, and
-- `settled` takes the last attempt along instead of a row of its own. There is
-- no index with random keys on any of them.

CREATE TABLE site (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	key BLOB NOT NULL,            -- of keyed hashes and the trace MAC
	instance TEXT NOT NULL,
	generation INTEGER NOT NULL,  -- also in the file beside the ledger
	doubts INTEGER NOT NULL DEFAULT 0, -- messages that came to be in doubt
	-- of a file beside the ledger, the times of birth that are right, ns; and
	-- when the later one was made, ms
	anchor INTEGER NOT NULL DEFAULT 0,
	anchor_next INTEGER NOT NULL DEFAULT 0,
	anchor_at INTEGER NOT NULL DEFAULT 0,
	-- clock.h
	clock_at INTEGER NOT NULL DEFAULT 0,
	clock_leapt INTEGER NOT NULL DEFAULT 0,
	clock_before INTEGER NOT NULL DEFAULT 0,
	-- found by recovery, and not told yet
	untold_doubts INTEGER NOT NULL DEFAULT 0,
	untold_crashed INTEGER NOT NULL DEFAULT 0,
	untold_suspects INTEGER NOT NULL DEFAULT 0,
	untold_poisoned INTEGER NOT NULL DEFAULT 0,
	untold_foreign INTEGER NOT NULL DEFAULT 0,
	-- with metrics_file, met by `fetch`
	trouble INTEGER NOT NULL DEFAULT 0,
	trouble_text TEXT NOT NULL DEFAULT '',
	trouble_remedy TEXT NOT NULL DEFAULT '',
	trouble_since INTEGER NOT NULL DEFAULT 0,
	trouble_told INTEGER NOT NULL DEFAULT 0,
	trouble_count INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE account (
	id INTEGER PRIMARY KEY,
	uuid TEXT NOT NULL,
	name TEXT NOT NULL,
	family INTEGER NOT NULL,
	user TEXT NOT NULL,
	place TEXT NOT NULL,
	health INTEGER NOT NULL DEFAULT 0,
	last_poll INTEGER NOT NULL DEFAULT 0,
	last_success INTEGER NOT NULL DEFAULT 0,
	next_poll INTEGER NOT NULL DEFAULT 0,
	failures INTEGER NOT NULL DEFAULT 0,
	settings INTEGER NOT NULL DEFAULT 0,
	trouble INTEGER NOT NULL DEFAULT 0,
	trouble_text TEXT NOT NULL DEFAULT '',
	trouble_remedy TEXT NOT NULL DEFAULT '',
	trouble_since INTEGER NOT NULL DEFAULT 0,
	trouble_told INTEGER NOT NULL DEFAULT 0,
	trouble_count INTEGER NOT NULL DEFAULT 0,
	fetched INTEGER NOT NULL DEFAULT 0,
	delivered INTEGER NOT NULL DEFAULT 0,
	held INTEGER NOT NULL DEFAULT 0,
	skipped INTEGER NOT NULL DEFAULT 0,
	deleted INTEGER NOT NULL DEFAULT 0,
	octets INTEGER NOT NULL DEFAULT 0,
	reconcile INTEGER NOT NULL DEFAULT 0, -- 1: switched, 2: restored
	scram INTEGER NOT NULL DEFAULT 0, -- offered at the last sign-in
	patterns TEXT NOT NULL DEFAULT '', -- of folders, at the last whole pass
	unfetched TEXT NOT NULL DEFAULT '', -- folders, as spool.h has them
	unfetched_at INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Each account looks for its row in each pass.
CREATE INDEX account_place ON account (user, place, family);
CREATE INDEX account_name ON account (name);

CREATE TABLE delivery (
	name TEXT PRIMARY KEY,
	health INTEGER NOT NULL,
	last_success INTEGER NOT NULL,
	failures INTEGER NOT NULL,
	paused INTEGER NOT NULL,      -- the spool is full for it
	next_try INTEGER NOT NULL,    -- it refused us: not before; or 0
	settings INTEGER NOT NULL,    -- ... those; the caller's hash
	trouble INTEGER NOT NULL,
	trouble_text TEXT NOT NULL,
	trouble_remedy TEXT NOT NULL,
	trouble_since INTEGER NOT NULL,
	trouble_told INTEGER NOT NULL,
	trouble_count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE folder (
	id INTEGER PRIMARY KEY,
	account INTEGER NOT NULL,
	name BLOB NOT NULL,           -- in UTF-8; what is none, as it came
	uidvalidity INTEGER NOT NULL,
	uidnext INTEGER NOT NULL DEFAULT 0,
	present INTEGER NOT NULL DEFAULT 0,
	high_uid INTEGER NOT NULL DEFAULT 0,
	whole INTEGER NOT NULL DEFAULT 0,
	adopted INTEGER NOT NULL DEFAULT 0,
	listings INTEGER NOT NULL DEFAULT 0,
	known INTEGER NOT NULL DEFAULT 0, -- in span and ident
	backlog INTEGER NOT NULL DEFAULT 0,
	first_done INTEGER NOT NULL DEFAULT 0,
	acts_at INTEGER NOT NULL DEFAULT 0, -- not before are acts tried again
	unplaced INTEGER NOT NULL DEFAULT 0, -- moved here, under UIDs not told
	keep INTEGER,                 -- ms, -1: for ever; at the last pass
	UNIQUE (account, name, uidvalidity)
) STRICT;

-- A message that was fetched. Ids are never used twice. Written once, but for
-- recipients that were refused and stand in the configuration no more.
CREATE TABLE message (
	id INTEGER PRIMARY KEY,
	account INTEGER NOT NULL,     -- 0, and folder: a notice of our own
	folder INTEGER NOT NULL,
	key BLOB NOT NULL,
	octets INTEGER NOT NULL,
	hash BLOB NOT NULL,
	repaired INTEGER NOT NULL,
	strays INTEGER NOT NULL,
	header INTEGER NOT NULL,
	facts INTEGER NOT NULL,
	fingerprint INTEGER NOT NULL,
	twin INTEGER NOT NULL,        -- the same under all Gmail labels; 0: none
	message_id TEXT,
	author TEXT,
	sender TEXT NOT NULL,
	rcpts TEXT NOT NULL,          -- addresses, one a line; '': none yet
	found INTEGER NOT NULL,       -- so many of them were found by multidrop
	fallback TEXT,                -- its recipient where one of those is refused
	client TEXT,                  -- who handed it to its provider: message.h
	uid TEXT,
	received INTEGER NOT NULL,
	fetched INTEGER NOT NULL
) STRICT;

-- One row for each message that is not settled: SPOOLED, SENDING, DOUBT, HELD.
CREATE TABLE queue (
	id INTEGER PRIMARY KEY,
	state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 4),
	segment INTEGER NOT NULL,     -- of its body; 0: given up
	offset INTEGER NOT NULL,
	delivery TEXT NOT NULL,
	hold_doubt INTEGER NOT NULL,
	next_at INTEGER NOT NULL,
	attempts INTEGER NOT NULL,
	doubts INTEGER NOT NULL,
	strikes INTEGER NOT NULL,     -- deaths of ours with it alone in hand
	suspect INTEGER NOT NULL DEFAULT 0, -- in hand at one: tried alone
	sent_at INTEGER NOT NULL,     -- of the last attempt
	connection INTEGER NOT NULL,
	waiting_since INTEGER NOT NULL,
	doubt_at INTEGER NOT NULL,
	held_at INTEGER NOT NULL,
	reason TEXT,
	reply TEXT
) STRICT;

-- One row for each message that is: DELIVERED, GONE, DROPPED, with its last
-- attempt. Kept as history.
CREATE TABLE settled (
	id INTEGER PRIMARY KEY,
	state INTEGER NOT NULL CHECK (state BETWEEN 5 AND 7),
	at INTEGER NOT NULL,
	gone_at INTEGER NOT NULL,     -- deleted or moved at the source
	done INTEGER NOT NULL DEFAULT 0, -- there, short of that: 1 seen, 2 moved
	delivery TEXT NOT NULL,
	attempts INTEGER NOT NULL,
	doubts INTEGER NOT NULL,
	strikes INTEGER NOT NULL,
	sent_at INTEGER NOT NULL,
	connection INTEGER NOT NULL,
	code INTEGER NOT NULL,
	reason TEXT,
	reply TEXT
) STRICT;

-- Attempts that did not settle the message.
CREATE TABLE attempt (
	message INTEGER NOT NULL,
	n INTEGER NOT NULL,
	sent_at INTEGER NOT NULL,
	ended_at INTEGER NOT NULL,
	connection INTEGER NOT NULL,
	outcome INTEGER NOT NULL,     -- the state it led to; 0: not sent
	reason TEXT,
	reply TEXT,
	PRIMARY KEY (message, n)
) STRICT, WITHOUT ROWID;

-- Handed over to a delivery that has a `rate`: each counts for its window.
CREATE TABLE handed (
	delivery TEXT NOT NULL,
	at INTEGER NOT NULL,
	n INTEGER NOT NULL,
	PRIMARY KEY (delivery, at)
) STRICT, WITHOUT ROWID;

-- Senders that a delivery refused since it last took mail of the account.
CREATE TABLE refused_sender (
	delivery TEXT NOT NULL,
	account INTEGER NOT NULL,
	sender TEXT NOT NULL,
	PRIMARY KEY (delivery, account, sender)
) STRICT, WITHOUT ROWID;

-- A delivery refused a setting of an account: its mail waits there until then,
-- or until the settings are others.
CREATE TABLE pause (
	delivery TEXT NOT NULL,
	account INTEGER NOT NULL,
	until INTEGER NOT NULL,
	settings INTEGER NOT NULL,    -- the caller's hash of them
	PRIMARY KEY (delivery, account)
) STRICT, WITHOUT ROWID;

-- What became of a recipient, where its message's row does not tell.
CREATE TABLE fate (
	message INTEGER NOT NULL,
	rcpt INTEGER NOT NULL,
	state INTEGER NOT NULL,
	code INTEGER NOT NULL,
	for_content INTEGER NOT NULL, -- refused, and not for who it is
	reply TEXT,
	PRIMARY KEY (message, rcpt)
) STRICT, WITHOUT ROWID;

-- Settled messages whose identity stands in their own row alone so far; they
-- are folded into span, ident and print in bulk.
CREATE TABLE unfolded (
	id INTEGER PRIMARY KEY
) STRICT;

-- IMAP identities: UIDs first to last. day: of delivery, for FATE_DELIVERED.
-- absence: 0, or the day since when it is not listed * 4 + listings (at most 3).
CREATE TABLE span (
	folder INTEGER NOT NULL,
	first INTEGER NOT NULL,
	last INTEGER NOT NULL,
	fate INTEGER NOT NULL,
	day INTEGER NOT NULL,
	absence INTEGER NOT NULL,
	PRIMARY KEY (folder, first)
) STRICT, WITHOUT ROWID;

-- POP3 identities.
CREATE TABLE ident (
	folder INTEGER NOT NULL,
	hash BLOB NOT NULL,
	fate INTEGER NOT NULL,
	day INTEGER NOT NULL,
	absence INTEGER NOT NULL,
	PRIMARY KEY (folder, hash)
) STRICT, WITHOUT ROWID;

-- POP3 unique-ids that several messages bore at once, for good: whoever bears
-- one is named by its header as well.
CREATE TABLE namesake (
	folder INTEGER NOT NULL,
	hash BLOB NOT NULL,
	PRIMARY KEY (folder, hash)
) STRICT, WITHOUT ROWID;

-- A move that is about to be asked for: written before, taken away by what is
-- found out of it (spool.h, spool_intend). since: UIDNEXT of the target then.
CREATE TABLE intent (
	folder INTEGER NOT NULL,
	key BLOB NOT NULL,
	target INTEGER NOT NULL,      -- folder
	since INTEGER NOT NULL,
	print INTEGER NOT NULL,       -- fingerprint; 0: none
	PRIMARY KEY (folder, key)
) STRICT, WITHOUT ROWID;

-- Left at the source.
CREATE TABLE skipped (
	folder INTEGER NOT NULL,
	key BLOB NOT NULL,
	octets INTEGER NOT NULL,
	date INTEGER NOT NULL,        -- of the message, unix s
	at INTEGER NOT NULL,
	reason TEXT NOT NULL,
	same INTEGER NOT NULL DEFAULT 0,   -- a message that is the same; or 0
	awaits INTEGER NOT NULL DEFAULT 0, -- what becomes of it decides; or 0
	tries INTEGER NOT NULL DEFAULT 1,  -- for that reason, one behind the other
	PRIMARY KEY (folder, key)
) STRICT, WITHOUT ROWID;

-- What a message is to each of its recipients (duplicates = once): keyed hash
-- of Message-ID, body and recipient. For a week behind its delivery.
CREATE TABLE once (
	message INTEGER NOT NULL,
	rcpt INTEGER NOT NULL,
	print BLOB NOT NULL,
	PRIMARY KEY (message, rcpt)
) STRICT, WITHOUT ROWID;

CREATE INDEX once_print ON once (print);

-- What people were told of, and when (notice.h).
CREATE TABLE notice (
	cause TEXT PRIMARY KEY,
	since INTEGER NOT NULL,
	mailed INTEGER NOT NULL,
	ran INTEGER NOT NULL,
	over INTEGER NOT NULL,        -- 0: it lasts
	mailed_n INTEGER NOT NULL,
	ran_n INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Was being fetched when a process of ours crashed: asked for alone.
CREATE TABLE suspect (
	folder INTEGER NOT NULL,
	key BLOB NOT NULL,
	strikes INTEGER NOT NULL,     -- such deaths with it alone in hand
	PRIMARY KEY (folder, key)
) STRICT, WITHOUT ROWID;

-- Fingerprints of folded messages, 8 octets each, little-endian: for telling a
-- mailbox known under other identities. kept: it stayed at the source.
CREATE TABLE print (
	id INTEGER PRIMARY KEY,
	account INTEGER NOT NULL,
	kept INTEGER NOT NULL,
	day INTEGER NOT NULL,
	prints BLOB NOT NULL
) STRICT;
