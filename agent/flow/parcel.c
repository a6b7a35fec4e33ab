#include "parcel.h"
#include "hand.h"

#include <stdlib.h>

struct parcel *parcel_new(struct message *m)
{
	struct parcel *p = mem_new(sizeof(*p));

	list_init(&p->link);
	p->m = m;
	return p;
}

void parcel_free(struct parcel *p)
{
	if (!p)
		return;
	list_drop(&p->link);
	hand_drop(p);
	message_free(p->m);
	free(p);
}
