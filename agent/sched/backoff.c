#include "backoff.h"

#define MINUTE_MS 60000u
#define HOUR_MS	  3600000u
/* RFC 1939 3: a session that was left is ended after ten minutes at least */
#define LOCK_MS 600000u

uint64_t backoff_ms(uint32_t failures, uint64_t first, uint64_t most,
		    uint32_t random)
{
	uint64_t ms = first < most ? first : most;

	for (uint32_t i = 1; i < failures && ms < most; i++)
		ms = ms > most / 2 ? most : ms * 2;
	return ms - ms / 10 + ms / 5 * (random % 1001) / 1000;
}

static uint64_t unasked_ms(enum err_class class, uint32_t failures,
			   uint32_t random)
{
	switch (class) {
	case ERR_AUTH:
	case ERR_TRUST:
	case ERR_CONFIG:
		return backoff_ms(failures, HOUR_MS, 24 * HOUR_MS, random);
	case ERR_BUSY:
		return backoff_ms(failures, MINUTE_MS, LOCK_MS, random);
	case ERR_NONE:
	case ERR_NETWORK:
	case ERR_RETRY:
	case ERR_REFUSED:
	case ERR_PROTOCOL:
	case ERR_LIMIT:
	case ERR_STATE:
	case ERR_DISK:
	case ERR_CANCELLED:
	case ERR_BUG:
		break;
	}
	return backoff_ms(failures, MINUTE_MS, HOUR_MS, random);
}

uint64_t backoff_account_ms(enum err_class class, uint32_t failures,
			    uint64_t suggested_ms, uint32_t random)
{
	uint64_t ms = unasked_ms(class, failures, random), asked;

	if (!suggested_ms)
		return ms;
	asked = backoff_ms(failures, suggested_ms,
			   suggested_ms > HOUR_MS ? suggested_ms : HOUR_MS,
			   random);
	if (asked < suggested_ms) /* the spread goes up only */
		asked = suggested_ms + (suggested_ms - asked);
	return asked > ms ? asked : ms;
}

uint64_t backoff_setting_ms(uint32_t failures, uint32_t random)
{
	return backoff_ms(failures, 15 * MINUTE_MS, 6 * HOUR_MS, random);
}

uint64_t backoff_delivery_ms(enum err_class class, uint32_t failures,
			     uint32_t random)
{
	switch (class) {
	case ERR_AUTH:
	case ERR_TRUST:
	case ERR_CONFIG:
	case ERR_REFUSED:
		return backoff_setting_ms(failures, random);
	case ERR_NONE:
	case ERR_NETWORK:
	case ERR_RETRY:
	case ERR_BUSY:
	case ERR_PROTOCOL:
	case ERR_LIMIT:
	case ERR_STATE:
	case ERR_DISK:
	case ERR_CANCELLED:
	case ERR_BUG:
		break;
	}
	return backoff_ms(failures, MINUTE_MS, 5 * MINUTE_MS, random);
}
