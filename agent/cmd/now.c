#include "now.h"
#include "shape.h"
#include "told.h"

#include <unistd.h>

#define SHOWN_FOLDERS 3u

static const char *doing_name(const struct daemon_now *now)
{
	switch (now->doing) {
	case DAEMON_DISABLED:
		return "disabled";
	case DAEMON_WAITS:
		return "waiting";
	case DAEMON_POLLS:
		return "polling";
	case DAEMON_RESTS:
		return "idle";
	}
	return "waiting";
}

static void on_account(void *who, const struct daemon_now *now)
{
	json_t *list = who, *folders = json_array();

	for (size_t i = 0; i < now->n_folders; i++)
		(void)json_array_append_new(folders,
					    shape_str(now->folders[i]));
	(void)json_array_append_new(
		list,
		json_pack("{s:o, s:{s:s, s:o, s:o, s:o}}", "name",
			  shape_str(now->config->name), "now", "doing",
			  doing_name(now), "next_poll", shape_time(now->due_ms),
			  "folders", folders, "polled_folders",
			  shape_number(now->polled_folders)));
}

static json_t *process(const char *command, int64_t since_ms, bool is_offline,
		       json_t *accounts)
{
	return json_pack("{s:s, s:i, s:o, s:b, s:o}", "command", command, "pid",
			 (int)getpid(), "since", shape_time(since_ms),
			 "offline", is_offline, "accounts", accounts);
}

json_t *now_object(const struct daemon *d, int64_t since_ms)
{
	json_t *list = json_array();

	daemon_tell_now(d, on_account, list);
	return process("run", since_ms, daemon_is_offline(d), list);
}

static const char *task_name(enum pass_task task)
{
	switch (task) {
	case PASS_FETCH:
		return "fetch";
	case PASS_ADOPT:
		return "adopt";
	case PASS_REFETCH:
		return "refetch";
	}
	return "fetch";
}

json_t *now_of_pass(enum pass_task task, const struct pass_account *a, size_t n,
		    int64_t since_ms)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n; i++)
		if (a[i].phase != PASS_DONE)
			on_account(list, &(struct daemon_now){
						 .config = a[i].config,
						 .doing = DAEMON_POLLS });
	return process(task_name(task), since_ms, false, list);
}

void now_words(const json_t *now, struct text *out)
{
	const json_t *folders = json_object_get(now, "folders");
	size_t n = json_array_size(folders);

	(void)text_puts(out, told_str(now, "doing"));
	for (size_t i = 0; i < n && i < SHOWN_FOLDERS; i++)
		(void)text_fmt(out, "%s%s", i ? ", " : " ",
			       json_string_value(json_array_get(folders, i)));
	if (n > SHOWN_FOLDERS)
		(void)text_fmt(out, ", +%zu", n - SHOWN_FOLDERS);
}

void now_line(const json_t *run, int64_t now_unix_ms, struct text *out)
{
	char since[WHEN_TEXT];
	int64_t at = told_time(run, "since");

	if (!run) {
		(void)text_puts(out, "run: none; mail is fetched by each "
				     "mailhaul fetch\n");
		return;
	}
	when_span_text(now_unix_ms > at ? (uint64_t)(now_unix_ms - at) : 0,
		       since);
	(void)text_fmt(out, "%s: for %s, pid %u\n", told_str(run, "command"),
		       since, (unsigned)told_number(run, "pid"));
	if (json_is_true(json_object_get(run, "offline")))
		(void)text_puts(out,
				"offline: hardly any server can be reached: "
				"look at this machine's network and name "
				"servers; one account at a time is tried "
				"until one answers\n");
}
