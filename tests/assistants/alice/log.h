/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The assistant's log: JSON lines, collected in memory and written by the main thread once a
 * second, so that no disk is touched while a stage is being timed. Safe from any thread. Without
 * log_open() every call does nothing.
 */
#ifndef ALICE_LOG_H
#define ALICE_LOG_H

#include <stddef.h>

int log_open(const char *path); /* 0 or negative errno */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_flush(void);
void log_close(void); /* flushes; later lines are dropped */

/* @text as the inside of a JSON string, in @out, cut to fit. Returns @out. */
const char *log_escape(char *out, size_t size, const char *text);

#endif
