#include "source.h"

bool source_folder_differs(const struct source_folder *now,
			   const struct source_folder *before)
{
	if (now->uidvalidity != before->uidvalidity)
		return true;
	return now->uidnext ? now->uidnext != before->uidnext
			    : now->exists > before->exists;
}
