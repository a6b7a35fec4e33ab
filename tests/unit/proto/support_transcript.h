/*
 * support_transcript - plays transcripts against a pure protocol engine.
 *
 * A transcript (tests/transcripts/PROTOCOL/BEHAVIOUR.txt) is a session, line by
 * line; the first letters say what a line is:
 *
 *   # words        a comment
 *   S octets       the server sends this and CRLF
 *   C octets       we must send this and CRLF
 *   > words        the flow gives this command, and the engine takes it
 *   >! words       the flow gives this command, and the engine refuses it
 *   = words        the engine tells this event
 *   B octets       the octets of the streamed event (a body, a literal) above
 *                  it, and CRLF
 *   T              the TLS handshake is done (calls `secured`)
 *   E              the server ends the connection
 *   %whole         (anywhere) the meaning depends on where the stream is cut:
 *                  no cuts in this one
 *
 * In octets, \r \n \t \0 \\ \xNN mean one octet, \*N{text} means N times text
 * (itself without braces), and a single backslash at the end of the line means
 * that no CRLF follows.
 *
 * S and = lines between two others are one block: the S octets go in, then
 * exactly the = events must have come. C lines that follow one another are
 * compared with everything that is pending. A client that sends more than
 * the C lines say before the next S, T or E fails.
 *
 * Each file is played whole; cut in two at every octet; one octet at a time;
 * and with a window of one octet for output. Events and octets sent must be the
 * same each time. tests/fake/fake.py plays the same files over TCP and TLS, and
 * they seed the fuzzer.
 */
#ifndef SUPPORT_TRANSCRIPT_H
#define SUPPORT_TRANSCRIPT_H
#include "text.h"

struct transcript_ops {
	void *(*new)(void);
	void (*free)(void *e);
	struct room (*room)(void *e);
	void (*received)(void *e, size_t n);
	void (*eof)(void *e);
	void (*secured)(void *e); /* NULL: the protocol has no T lines */
	struct view (*pending)(void *e);
	void (*sent)(void *e, size_t n);
	/*
	 * The next event as words (put into the empty text), or false. A part
	 * of a stream sets *stream to its octets (p not NULL), borrowed until
	 * the next call; parts that follow one another with equal words are
	 * joined.
	 */
	bool (*next)(void *e, struct text *words, struct view *stream);
	/* words: without "> ". false: the engine refused it. Words that make no
	 * sense: fail_msg(). */
	bool (*command)(void *e, struct view words);
};

/* Plays one file in every way; a difference fails the running cmocka test. */
void transcript_play(const struct transcript_ops *ops, const char *path);
/* All *.txt in a folder of tests/transcripts; none at all is a failure. */
void transcript_play_all(const struct transcript_ops *ops, const char *folder);

/* Octets written so that they can stand in a transcript. */
void transcript_escape(struct text *to, struct view octets);
/* The other way. false: a malformed escape. */
bool transcript_unescape(struct text *to, struct view written);
#endif
