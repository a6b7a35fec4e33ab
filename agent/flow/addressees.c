#include "addressees.h"
#include "limits.h"
#include "pattern.h"
#include "value.h"

/* What a folder is for was known when it was listed. */
static bool is_unknown(const struct config_account *a, struct view folder)
{
	for (size_t i = 0; i < a->n_blocks; i++)
		if (pattern_use(view_of(a->blocks[i].pattern)))
			return !view_ieq(folder, VIEW_LIT("INBOX"));
	return false;
}

static void add(const struct config_account *a, const char *template,
		struct view folder, struct config_list *out)
{
	char address[LIMIT_ADDRESS + 1];

	if (config_recipient(a, template, folder, address, sizeof(address)))
		config_list_add(out, view_of(address));
}

void addressees(const struct config_account *a, const struct message *m,
		struct config_list *out)
{
	struct config_mailbox mailbox = { .name = view_of(m->folder_name) };
	const struct config_folder *f;

	if (!a || !m->folder_name)
		return;
	if (a->multidrop) {
		if (a->multidrop->fallback)
			add(a, a->multidrop->fallback, mailbox.name, out);
		return;
	}
	if (is_unknown(a, mailbox.name))
		return;
	f = config_folder_for(a, &mailbox);
	if (!f)
		f = &a->own;
	for (size_t i = 0; i < f->to.n; i++)
		add(a, f->to.item[i], mailbox.name, out);
}
