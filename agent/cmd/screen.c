#include "screen.h"
#include "term.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define HIDDEN "\033[?1049h\033[?25l" /* another page, without a cursor */
#define SHOWN  "\033[?25h\033[?1049l"

static const int stopping[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
#define STOPPING (sizeof(stopping) / sizeof(stopping[0]))

static struct termios before;
static bool has_before;
static struct sigaction acts[STOPPING], winch;
static sigset_t mask_before;
static volatile sig_atomic_t stopped, resized;

static void on_signal(int signum)
{
	if (signum == SIGWINCH)
		resized = 1;
	else
		stopped = signum;
}

/* They come while screen_wait() waits, and at no other time. */
static void take_signals(void)
{
	struct sigaction act = { .sa_handler = on_signal };
	sigset_t mask;

	(void)sigemptyset(&act.sa_mask);
	(void)sigemptyset(&mask);
	for (size_t i = 0; i < STOPPING; i++) {
		(void)sigaction(stopping[i], &act, &acts[i]);
		(void)sigaddset(&mask, stopping[i]);
	}
	(void)sigaction(SIGWINCH, &act, &winch);
	(void)sigaddset(&mask, SIGWINCH);
	(void)sigaddset(&mask, SIGTSTP); /* who would put the page back? */
	(void)sigprocmask(SIG_BLOCK, &mask, &mask_before);
}

void screen_begin(void)
{
	struct termios t;

	stopped = resized = 0;
	take_signals();
	has_before = tcgetattr(STDIN_FILENO, &before) == 0;
	if (has_before) {
		t = before;
		t.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &t);
	}
	(void)fputs(HIDDEN, stdout);
}

void screen_draw(struct view text)
{
	size_t columns, rows;

	term_size(STDOUT_FILENO, &columns, &rows);
	(void)fputs("\033[H", stdout);
	for (size_t i = 0; i + 1 < rows && text.n; i++) {
		size_t n = view_find(text, '\n');

		(void)fprintf(stdout, "%.*s\033[K\n",
			      VIEW_ARG(view_head(text, n)));
		text = view_skip(text, n < text.n ? n + 1 : n);
	}
	(void)fputs("\033[J", stdout);
	if (text.n)
		(void)fputs("... (q: quit)", stdout);
	(void)fflush(stdout);
}

static enum screen_end on_key(void)
{
	char key[64];
	ssize_t n = read(STDIN_FILENO, key, sizeof(key));

	if (n <= 0)
		return n < 0 && errno == EINTR ? SCREEN_GO_ON : SCREEN_QUIT;
	for (ssize_t i = 0; i < n; i++)
		if (key[i] == 'q' || key[i] == 'Q')
			return SCREEN_QUIT;
	return SCREEN_GO_ON;
}

enum screen_end screen_wait(uint32_t ms)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	struct timespec t = { (time_t)(ms / 1000),
			      (long)(ms % 1000) * 1000000 };
	sigset_t mask = mask_before;
	int n;

	for (size_t i = 0; i < STOPPING; i++)
		(void)sigdelset(&mask, stopping[i]);
	(void)sigdelset(&mask, SIGWINCH);
	resized = 0;
	n = ppoll(&p, 1, &t, &mask);
	if (stopped)
		return SCREEN_STOPPED;
	return n > 0 ? on_key() : SCREEN_GO_ON;
}

void screen_end(void)
{
	(void)fputs(SHOWN, stdout);
	(void)fflush(stdout);
	if (has_before)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &before);
	for (size_t i = 0; i < STOPPING; i++)
		(void)sigaction(stopping[i], &acts[i], NULL);
	(void)sigaction(SIGWINCH, &winch, NULL);
	(void)sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

int screen_signal(void)
{
	return stopped;
}
