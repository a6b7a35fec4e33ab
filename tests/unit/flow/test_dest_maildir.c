/*
 * dest_maildir as its owner sees it: messages in a real spool, real folders.
 */
#include "support_dest.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Files in folder; the contents of the last one into *octets. */
static unsigned look(const char *folder, struct text *octets, char *name)
{
	DIR *d = opendir(folder);
	struct dirent *e;
	unsigned n = 0;

	while (d && (e = readdir(d))) {
		char path[1000], buf[4096];
		ssize_t got;
		int fd;

		if (e->d_name[0] == '.')
			continue;
		n++;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		if (name)
			strcpy(name, e->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		text_clear(octets);
		while ((got = read(fd, buf, sizeof(buf))) > 0)
			text_put(octets, (struct view){ buf, (size_t)got });
		close(fd);
	}
	if (d)
		closedir(d);
	return n;
}

static void messages_into_a_maildir(void **state)
{
	struct dest_owner *w = *state;
	char path[200], sub[300];
	struct text octets;

	text_init(&octets, 1 << 20);
	snprintf(path, sizeof(path), "%s/m", w->dir);
	w->o.path = path;
	w->offers = w->releases = true;
	for (int i = 0; i < DEST_MESSAGES; i++)
		dest_spooled(w, VIEW_LIT(DEST_BODY), i ? "me@y" : "me@y you@y");
	w->o.drop_headers = NULL;
	w->dest = NULL;
	{
		struct text want;

		text_init(&want, 1 << 16);
		text_puts(&want, "ready 64 [maildir]\naccepted 0 AA\n");
		for (int i = 1; i < DEST_MESSAGES; i++)
			text_puts(&want, "accepted 0 A\n");
		text_puts(&want, "closed well\n");
		dest_run(w, text_str(&want));
		text_fini(&want);
	}
	snprintf(sub, sizeof(sub), "%s/new", path);
	assert_int_equal(look(sub, &octets, NULL), DEST_MESSAGES + 1);
	assert_string_equal(text_str(&octets), "X-Stamp: 1\nS: t\n\n.dot\n");
	snprintf(sub, sizeof(sub), "%s/tmp", path);
	assert_int_equal(look(sub, &octets, NULL), 0);
	text_fini(&octets);
}

static void a_maildir_for_each_user(void **state)
{
	struct dest_owner *w = *state;
	char path[200], sub[300];
	struct text octets;

	text_init(&octets, 1 << 20);
	snprintf(path, sizeof(path), "%s/%%u", w->dir);
	w->o.path = path;
	w->offers = w->releases = w->probes = true;
	dest_spooled(w, VIEW_LIT(DEST_BODY), "me@y you@y");
	/* E5, F8: never a path */
	dest_spooled(w, VIEW_LIT(DEST_BODY), "../up@y");
	dest_spooled(w, VIEW_LIT(DEST_BODY), "a/b@y");
	dest_run(w, "ready 64 [maildir]\nprobed <sender> 250\nprobed me@y 250\n"
		    "probed nobody@y 250\nprobed no one 550\n"
		    "accepted 0 AA\nrefused 0 R\nrefused 0 R\nclosed well\n");
	snprintf(sub, sizeof(sub), "%s/me/new", w->dir);
	assert_int_equal(look(sub, &octets, NULL), 1);
	snprintf(sub, sizeof(sub), "%s/you/new", w->dir);
	assert_int_equal(look(sub, &octets, NULL), 1);
	text_fini(&octets);
}

/* DESIGN 5: what a crash left is found in tmp, in new or cur, or nowhere. */
static void a_maildir_leaves_no_doubt(void **state)
{
	struct dest_owner *w = *state;
	char path[200], new[300], cur[300], tmp[300], name[300], from[700],
		to[700];
	struct text octets;
	struct message *m;

	text_init(&octets, 1 << 20);
	snprintf(path, sizeof(path), "%s/m", w->dir);
	snprintf(new, sizeof(new), "%s/new", path);
	snprintf(cur, sizeof(cur), "%s/cur", path);
	snprintf(tmp, sizeof(tmp), "%s/tmp", path);
	w->o.path = path;
	w->offers = w->releases = true;
	m = dest_spooled(w, VIEW_LIT(DEST_BODY), "me@y");
	dest_run(w, "ready 64 [maildir]\naccepted 0 A\nclosed well\n");
	assert_int_equal(look(new, &octets, name), 1);
	m->attempts = 2;
	for (int where = 0; where < 4; where++) {
		switch (where) {
		case 0: /* in new */
			break;
		case 1: /* read and flagged since */
			snprintf(from, sizeof(from), "%s/%s", new, name);
			snprintf(to, sizeof(to), "%s/%s:2,FS", cur, name);
			assert_int_equal(rename(from, to), 0);
			break;
		case 2: /* half written */
			snprintf(from, sizeof(from), "%s/%s:2,FS", cur, name);
			snprintf(to, sizeof(to), "%s/%s", tmp, name);
			assert_int_equal(rename(from, to), 0);
			assert_int_equal(truncate(to, 3), 0);
			break;
		case 3: /* nowhere */
			snprintf(from, sizeof(from), "%s/%s", new, name);
			assert_int_equal(unlink(from), 0);
			break;
		}
		m->rcpts[0].state = RCPT_WAITING;
		dest_run(w, "ready 64 [maildir]\naccepted 0 A\nclosed well\n");
		assert_int_equal(look(tmp, &octets, NULL), 0);
		assert_int_equal(
			look(new, &octets, NULL) + look(cur, &octets, NULL), 1);
		assert_string_equal(text_str(&octets),
				    "X-Stamp: 1\nS: t\n\n.dot\n");
	}
	text_fini(&octets);
}

static void a_maildir_that_cannot_be_made(void **state)
{
	struct dest_owner *w = *state;
	char path[200];

	snprintf(path, sizeof(path), "%s/missing/m", w->dir);
	w->o.path = path;
	dest_run(w, "closed config\n");
	snprintf(path, sizeof(path), "%s/missing/%%u", w->dir);
	w->offers = w->releases = true;
	dest_spooled(w, VIEW_LIT(DEST_BODY), "me@y");
	dest_run(w, "ready 64 [maildir]\ndeferred 0 W\nclosed well\n");
}

static void an_unreleased_message_stays_out_of_the_maildir(void **state)
{
	struct dest_owner *w = *state;
	char path[200], new[300];
	struct text octets;

	text_init(&octets, 1 << 20);
	snprintf(path, sizeof(path), "%s/m", w->dir);
	snprintf(new, sizeof(new), "%s/new", path);
	w->o.path = path;
	w->offers = w->cancels = true;
	dest_spooled(w, VIEW_LIT(DEST_BODY), "me@y");
	dest_run(w, "ready 64 [maildir]\nunsent 0 W\nclosed network\n");
	assert_int_equal(look(new, &octets, NULL), 0);
	text_fini(&octets);
}

#define TEST(f)                                                                \
	cmocka_unit_test_setup_teardown(f, dest_owner_up, dest_owner_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_into_a_maildir),
		TEST(a_maildir_for_each_user),
		TEST(a_maildir_leaves_no_doubt),
		TEST(a_maildir_that_cannot_be_made),
		TEST(an_unreleased_message_stays_out_of_the_maildir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
