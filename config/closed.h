/*
 * closed - why this process may not read a file, and what to do about it.
 */
#ifndef CONFIG_CLOSED_H
#define CONFIG_CLOSED_H

/*
 * For a path that was refused with EACCES: whose it is, its mode, and who we
 * are. The caller's to free.
 */
char *closed_why(const char *path);
#endif
