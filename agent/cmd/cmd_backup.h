/*
 * cmd_backup - `backup FILE` and `restore FILE` (spool/backup.h).
 */
#ifndef CMD_CMD_BACKUP_H
#define CMD_CMD_BACKUP_H
#include "options.h"

int cmd_backup(const struct options *o);
int cmd_restore(const struct options *o);
#endif
