/* SPDX-License-Identifier: GPL-2.0-only */
#include "log/log.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log/escape.h"

/* Control characters grow fourfold; a message of nothing else is cut once more, and says so. */
#define LINE_MAX_BYTES (LOG_MESSAGE_MAX + 512)

/* Read by the worker thread too. */
static _Atomic int max_level = LOG_LEVEL_WARN;
static log_sink_fn sink_fn;
static void *sink_ctx;

void log_set_level(enum log_level level)
{
	atomic_store(&max_level, (int)level);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load(&max_level);
}

void log_set_sink(log_sink_fn sink, void *ctx)
{
	sink_fn = sink;
	sink_ctx = ctx;
}

static _Atomic unsigned int lost;

/* Nobody reads, or a terminal is stopped: a write would wait. */
static bool would_block(void)
{
	struct pollfd pfd = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&pfd, 1, 0) == 0;
}

/* Shorter than PIPE_BUF: what poll() says there is room for does not wait. */
static void write_line(const char *prefix, const char *line)
{
	char out[LINE_MAX_BYTES + 32];
	int n = snprintf(out, sizeof(out), "cheshire: %s%s\n", prefix, line);

	if (n < 0)
		return;
	if ((size_t)n >= sizeof(out))
		n = sizeof(out) - 1;
	/* There is nowhere left to tell about a stderr that fails. */
	if (write(STDERR_FILENO, out, (size_t)n) < 0)
		return;
}

/* One write per line, so that lines of two threads do not mix.  Never waits: watching goes on. */
static void write_stderr(enum log_level level, const char *line)
{
	static const char *const prefix[] = {"error: ", "warning: ", "", "debug: "};
	unsigned int before;
	char text[64];

	if (would_block()) {
		atomic_fetch_add(&lost, 1);
		return;
	}
	before = atomic_exchange(&lost, 0);
	if (before) {
		snprintf(text, sizeof(text), "%u messages before this one were lost", before);
		write_line(prefix[LOG_LEVEL_WARN], text);
		/* The other line may not fit any more. */
		if (would_block()) {
			atomic_fetch_add(&lost, 1);
			return;
		}
	}
	write_line(prefix[level], line);
}

void log_va(enum log_level level, const char *fmt, va_list args)
{
	int saved_errno = errno, n;
	char message[LOG_MESSAGE_MAX + 1], line[LINE_MAX_BYTES];
	size_t len;

	if ((unsigned int)level > LOG_LEVEL_DEBUG || (int)level > atomic_load(&max_level))
		return;
	n = vsnprintf(message, sizeof(message), fmt, args);
	len = n < 0 ? 0 : (size_t)n;
	if (len >= sizeof(message)) {
		len = sizeof(message) - 1;
		memcpy(message + len - 3, "...", 3);
	}
	if (len && message[len - 1] == '\n')
		len--;
	escape_bytes(ESCAPE_LINE, line, sizeof(line), message, len, 0);
	if (sink_fn)
		sink_fn(level, line, sink_ctx);
	else
		write_stderr(level, line);
	errno = saved_errno;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_va(level, fmt, args);
	va_end(args);
}

void log_err(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_va(LOG_LEVEL_ERR, fmt, args);
	va_end(args);
}

void log_warn(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_va(LOG_LEVEL_WARN, fmt, args);
	va_end(args);
}

void log_info(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_va(LOG_LEVEL_INFO, fmt, args);
	va_end(args);
}

void log_debug(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_va(LOG_LEVEL_DEBUG, fmt, args);
	va_end(args);
}

const char *err_str(int err)
{
	static _Thread_local char text[32];
	const char *name;

	if (err == 0)
		return "0";
	name = strerrorname_np(abs(err));
	if (name)
		snprintf(text, sizeof(text), "-%s", name);
	else
		snprintf(text, sizeof(text), "-E%d", abs(err));
	return text;
}
