/* SPDX-License-Identifier: GPL-2.0-only */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_BYTES   2048
#define BUFFER_BYTES (1 << 20)

static struct {
	pthread_mutex_t lock;
	int fd;
	size_t used;
	char buffer[BUFFER_BYTES];
} journal = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

int log_open(const char *path)
{
	journal.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return journal.fd < 0 ? -errno : 0;
}

/* Lock held. A log that cannot be written ends, rather than the assistant. */
static void write_out(void)
{
	size_t done = 0;

	while (done < journal.used && journal.fd >= 0) {
		ssize_t n = write(journal.fd, journal.buffer + done, journal.used - done);

		if (n > 0) {
			done += (size_t)n;
		} else if (n < 0 && errno != EINTR) {
			perror("alice: log");
			close(journal.fd);
			journal.fd = -1;
		}
	}
	journal.used = 0;
}

void log_line(const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list ap;
	int len;

	if (journal.fd < 0)
		return;
	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (len < 0 || len >= (int)sizeof(line))
		return;
	line[len++] = '\n';
	pthread_mutex_lock(&journal.lock);
	if (journal.used + (size_t)len > sizeof(journal.buffer))
		write_out();
	memcpy(journal.buffer + journal.used, line, (size_t)len);
	journal.used += (size_t)len;
	pthread_mutex_unlock(&journal.lock);
}

void log_flush(void)
{
	pthread_mutex_lock(&journal.lock);
	write_out();
	pthread_mutex_unlock(&journal.lock);
}

void log_close(void)
{
	pthread_mutex_lock(&journal.lock);
	write_out();
	if (journal.fd >= 0)
		close(journal.fd);
	journal.fd = -1;
	pthread_mutex_unlock(&journal.lock);
}

const char *log_escape(char *out, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text && n + 7 < size; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\') {
			out[n++] = '\\';
			out[n++] = (char)c;
		} else if (c < 0x20) {
			n += (size_t)snprintf(out + n, size - n, "\\u%04x", c);
		} else {
			out[n++] = (char)c;
		}
	}
	out[n] = '\0';
	return out;
}
