/*
 * replay - run a libFuzzer target over stored inputs, without libFuzzer.
 *
 * Arguments: files or folders (read one level deep). A missing folder is an
 * error only if no argument gave an input.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int runs;

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long n;

	if (!f || fseek(f, 0, SEEK_END) != 0 || (n = ftell(f)) < 0) {
		perror(path);
		exit(1);
	}
	rewind(f);
	data = malloc((size_t)n + 1);
	if (!data || fread(data, 1, (size_t)n, f) != (size_t)n) {
		perror(path);
		exit(1);
	}
	fclose(f);
	/* an exact copy, so that a read past the end is seen */
	uint8_t *exact = malloc((size_t)n ? (size_t)n : 1);

	memcpy(exact, data, (size_t)n);
	free(data);
	LLVMFuzzerTestOneInput(exact, (size_t)n);
	free(exact);
	runs++;
}

static void run_dir(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char name[4096];
	struct stat st;

	if (!d)
		return;
	while ((e = readdir(d))) {
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (stat(name, &st) == 0 && S_ISREG(st.st_mode))
			run_file(name);
	}
	closedir(d);
}

int main(int argc, char **argv)
{
	struct stat st;

	for (int i = 1; i < argc; i++) {
		if (stat(argv[i], &st) != 0)
			continue;
		if (S_ISDIR(st.st_mode))
			run_dir(argv[i]);
		else
			run_file(argv[i]);
	}
	printf("%d inputs replayed\n", runs);
	return runs == 0;
}
