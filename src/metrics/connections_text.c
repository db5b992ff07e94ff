/* SPDX-License-Identifier: GPL-2.0-only */
/* connections_text.c - a server and its connections, as evidence of an alert. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "metrics/connections.h"

struct text {
	char *out;
	size_t size, at;
};

static void __attribute__((format(printf, 2, 3))) add(struct text *text, const char *fmt, ...)
{
	va_list args;
	int n;

	if (text->at >= text->size)
		return;
	va_start(args, fmt);
	n = vsnprintf(text->out + text->at, text->size - text->at, fmt, args);
	va_end(args);
	if (n > 0)
		text->at += (size_t)n;
}

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static void add_time(struct text *text, uint64_t ns)
{
	if (ns < 1000000000ULL)
		add(text, "%.3g ms", seconds(ns) * 1e3);
	else
		add(text, "%.3g s", seconds(ns));
}

static void add_where(struct text *text, const struct connection_server *s)
{
	if (s->port)
		add(text, ", port %u on %s", (unsigned int)s->port,
		    s->net == WIRE_NET_LOOPBACK ? "this host" : "another host");
	else if (s->path[0])
		add(text, ", %s", s->path);
}

static void add_attempts(struct text *text, const struct connection_server *s)
{
	if (s->connecting) {
		add(text, ", %" PRIu32 " connecting for up to ", s->connecting);
		add_time(text, s->connecting_ns);
	}
	if (s->attempt_ns) {
		add(text, ", slowest connect of late ");
		add_time(text, s->attempt_ns);
		add(text, "%s", s->attempt_failed ? " (failed)" : "");
	}
}

void connections__describe(const struct connections *c, const struct connection_server *s,
			   char *out, size_t size)
{
	struct text text = {.out = out, .size = size};

	out[0] = '\0';
	add(&text, "%s", connections__kind(c, s->kind));
	add_where(&text, s);
	if (!s->port && !s->path[0]) {
		add(&text, ": %" PRIu32 " open handle%s", s->open, s->open == 1 ? "" : "s");
		return;
	}
	add(&text, ": %" PRIu32 " open", s->open);
	if (s->port && s->open)
		add(&text, " (%" PRIu32 " idle)", s->idle);
	if (s->stale)
		add(&text, ", %" PRIu32 " ended by the server but kept", s->stale);
	add_attempts(&text, s);
	if (s->open)
		add(&text, ", oldest %s%.0f s", s->oldest_at_least ? "at least " : "",
		    seconds(s->oldest_ns));
}
