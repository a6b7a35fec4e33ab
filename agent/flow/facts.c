#include "facts.h"
#include "field.h"
#include "text.h"

static void set_from(struct message *m, struct view raw)
{
	char text[HEAD_TEXT_OCTETS], line[320];
	struct field f;

	while (field_next(&raw, &f))
		if (field_is(&f, VIEW_LIT("From"))) {
			printable(line, sizeof(line),
				  (struct view){ text,
						 field_text(f.body, text,
							    sizeof(text)) });
			message_set(&m->from, view_of(line));
			return;
		}
}

void facts_set(struct message *m, const struct head_facts *f, struct view raw,
	       const uint8_t key[HASH_KEY_OCTETS])
{
	char line[512];
	uint8_t fp[8];

	m->repaired_octets = f->repaired_octets;
	m->strays = f->repairs < UINT32_MAX ? (uint32_t)f->repairs : UINT32_MAX;
	m->header_octets = f->header_octets;
	m->facts = f->flags;
	if (f->fingerprint.n) {
		hash_keyed(key, f->fingerprint, fp, sizeof(fp));
		memcpy(&m->fingerprint, fp, sizeof(fp));
		m->fingerprint &= INT64_MAX;
	}
	if (f->message_id.n) {
		printable(line, sizeof(line), f->message_id);
		message_set(&m->message_id, view_of(line));
	}
	set_from(m, raw);
}
