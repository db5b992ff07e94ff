/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state_file.h - the alerts of rules, kept over a restart.
 *
 * The directory is opened once; the file in it is always whole: what is new is written beside it,
 * synced, and takes its place.  Time during which nobody watched does not count: a pending alert
 * has as much to wait as before.  A state older than an hour is not used, as in Prometheus.
 *
 * A worker does the writing, for a disk may be slow; at the end it is waited for, but not for ever.
 *
 * What cannot be read or written is said on stderr, what cannot be written once until it can be
 * again; watching goes on.
 */
#ifndef CHESHIRE_WATCH_STATE_FILE_H
#define CHESHIRE_WATCH_STATE_FILE_H

#include <stdint.h>

#include "watch/rule_watch.h"

#define STATE_FILE_AGE_MAX_MS 3600000

struct state_file;
struct worker;

/* Opens the file's directory.  NULL and errno.  The worker is borrowed; it must be done with the
   file before state_file__close(). */
struct state_file *state_file__open(const char *path, struct worker *worker);
void state_file__close(struct state_file *file);
int state_file__dir_fd(const struct state_file *file);

/* What the file says of alerts goes into the rules; how many alerts go on. */
size_t state_file__load(struct state_file *file, struct rule_watch *rules, const char *target,
			uint64_t now_ns);
/* Once a second: writes every minute, while there are alerts or where there were some. */
void state_file__tick(struct state_file *file, struct rule_watch *rules, const char *target,
		      uint64_t now_ns);
/* At the end. */
void state_file__save(struct state_file *file, struct rule_watch *rules, const char *target,
		      uint64_t now_ns);

#endif /* CHESHIRE_WATCH_STATE_FILE_H */
