/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * log.h - messages about cheshire itself, on stderr.  stdout belongs to the sinks.
 *
 * One call is one line: control characters in the result (a file name may hold a newline) are
 * escaped, and one newline at the end of the message is taken off.  A hint to the user is a
 * second call.  errno is preserved, so that `log_err(...); return -errno;` is right.
 */
#ifndef CHESHIRE_LOG_LOG_H
#define CHESHIRE_LOG_LOG_H

#include <stdarg.h>

enum log_level {
	LOG_LEVEL_ERR = 0,
	LOG_LEVEL_WARN = 1,
	LOG_LEVEL_INFO = 2,  /* -v */
	LOG_LEVEL_DEBUG = 3, /* -vv */
};

/* The longest message, in bytes before escaping; what is longer is cut and ends in "...". */
#define LOG_MESSAGE_MAX 2048

/* Messages above this level are not made.  Default: LOG_LEVEL_WARN. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/*
 * Where lines go: `line` is escaped, NUL-terminated, without a newline, valid during the call.
 * NULL restores stderr.  The level's name is not part of the line.
 */
typedef void (*log_sink_fn)(enum log_level level, const char *line, void *ctx);
void log_set_sink(log_sink_fn sink, void *ctx);

void log_err(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void log_va(enum log_level level, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

/* "-ENOENT" for 2 or -2; "-E9999" where the number has no name (in a buffer of the thread). */
const char *err_str(int err);

#endif /* CHESHIRE_LOG_LOG_H */
