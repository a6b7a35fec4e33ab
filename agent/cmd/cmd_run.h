/*
 * cmd_run - `mailhaul run`: the process that stays (flow/daemon.h), its signals
 * and what the service manager hears of it.
 *
 * Where others attach: the metrics file wants struct run's counters at each
 * beat (on_beat), `config_reload_success` is run.reload_ok; what `status
 * --watch` and `fetch` ask of the running process comes through
 * control_host_at() (control.h).
 */
#ifndef CMD_CMD_RUN_H
#define CMD_CMD_RUN_H
#include "options.h"

int cmd_run(const struct options *o);
#endif
