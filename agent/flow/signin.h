/*
 * signin - what signing in says to each event, whatever the protocol.
 *
 * signin_imap.h, signin_pop3.h, signin_smtp.h: small machines of one shape over
 * their engines. Each is given every event from the greeting on, gives the
 * commands, and says how it stands. What their mechanisms have in common is
 * exchange.h.
 */
#ifndef FLOW_SIGNIN_H
#define FLOW_SIGNIN_H

enum signin_result {
	SIGNIN_ON,     /* more events are awaited */
	SIGNIN_SECURE, /* the handshake is next, then ..._signin_secured() */
	SIGNIN_DONE,
	SIGNIN_FAILED, /* err says why */
};
#endif
