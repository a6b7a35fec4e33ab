/*
 * support_dir - a temporary folder that holds a copy of the cases, private to
 * its owner as files with passwords must be; the process works in it.
 */
#ifndef TEST_SUPPORT_DIR_H
#define TEST_SUPPORT_DIR_H

/* cmocka group setup and teardown. The environment is emptied of our names. */
int dir_enter(void **state);
int dir_leave(void **state);
/* Setup of one test: back to the folder. */
int dir_home(void **state);
/* Writes a file (mode 0600) below the folder. */
void dir_write(const char *path, const char *text);
/* The whole file; free() releases it. */
char *dir_read(const char *path);
#endif
