#include "support_script.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

void script_read(const char *path, struct text *want,
		 void (*set_up)(void *who, struct view words), void *who)
{
	FILE *f = fopen(path, "r");
	char line[1000];

	if (!f)
		fail_msg("%s: cannot be opened", path);
	while (fgets(line, sizeof(line), f)) {
		struct view v = view_head(view_of(line),
					  view_find(view_of(line), '\n'));

		if (view_starts(v, VIEW_LIT("= ")))
			text_puts(want, line);
		if (view_starts(v, VIEW_LIT("> ")))
			set_up(who, view_skip(v, 2));
	}
	fclose(f);
}

static void be_fake(const char *path, size_t drip, int out)
{
	char step[20];

	snprintf(step, sizeof(step), "%zu", drip);
	dup2(out, STDOUT_FILENO);
	close(out);
	execlp("python3", "python3", TESTS_DIR "/fake/fake.py", "--drip", step,
	       path, (char *)NULL);
	_exit(127);
}

uint16_t script_serve(const char *path, size_t drip, pid_t *server)
{
	char port[16] = "";
	int pipe_fd[2];
	ssize_t n;

	assert_int_equal(pipe(pipe_fd), 0);
	*server = fork();
	assert_true(*server >= 0);
	if (*server == 0) {
		close(pipe_fd[0]);
		be_fake(path, drip, pipe_fd[1]);
	}
	close(pipe_fd[1]);
	n = read(pipe_fd[0], port, sizeof(port) - 1);
	close(pipe_fd[0]);
	assert_true(n > 0);
	return (uint16_t)atoi(port);
}

void script_judge(const char *path, pid_t server, const struct text *want,
		  const struct text *got)
{
	int status;

	assert_int_equal(waitpid(server, &status, 0), server);
	if (!view_eq(text_view(got), text_view(want)))
		fail_msg("%s\n--- wanted\n%s--- got\n%s", path, text_str(want),
			 text_str(got));
	if (status != 0)
		fail_msg("%s: the server saw something else (above)", path);
}

static int is_script(const struct dirent *e)
{
	size_t n = strlen(e->d_name);

	return n > 4 && strcmp(e->d_name + n - 4, ".txt") == 0;
}

static bool comes_at_once(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[4096];
	bool is = false;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		is = is || (line[0] == 'S' && strstr(line, "\\r\\n"));
	fclose(f);
	return is;
}

void script_play_all(const char *folder,
		     void (*play)(const char *path, size_t drip))
{
	struct dirent **names;
	char dir[2000], path[3000];
	int n;

	snprintf(dir, sizeof(dir), "%s/transcripts/%s", TESTS_DIR, folder);
	n = scandir(dir, &names, is_script, alphasort);
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		play(path, 0);
		if (!comes_at_once(path))
			play(path, 7);
		free(names[i]);
	}
	free(names);
}
