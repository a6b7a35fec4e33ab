/*
 * multidrop - for whom a message of a mailbox for many people is.
 *
 * The recipients come from the lines that proto/envelope believes, through
 * `strip`, `domains` and `map`; what names nobody goes to `fallback`. Nothing
 * is guessed.
 */
#ifndef FLOW_MULTIDROP_H
#define FLOW_MULTIDROP_H
#include "config.h"
#include "message.h"
#include "text.h"

/*
 * Adds the recipients of m: those that were found first, then the fallback
 * where it is wanted at once; else m->fallback is set. false: it is to be held;
 * *why is the sentence, and m has no recipient, so that a release decides anew.
 */
bool multidrop(const struct config_account *a, struct view folder,
	       struct view header, struct message *m, struct text *why);
#endif
