/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Servers that the answer needs, each user with connections of their own: PostgreSQL keeps what was
 * asked, Redis the answers of a slow remote service. They are in a library that is loaded only when
 * one of them is asked for (backends/backends.c), so that without them no client library is mapped.
 */
#ifndef ALICE_BACKENDS_H
#define ALICE_BACKENDS_H

#include <stddef.h>
#include <stdint.h>

#define BACKENDS_LIBRARY "libalice-backends.so" /* beside the program */
#define BACKENDS_SYMBOL	 "backends"

struct backend;

/* What one user has asked the servers. */
struct backend_counts {
	uint64_t simple, complex, failed; /* statements of PostgreSQL */
	uint64_t gets, hits, sets;	  /* commands of Redis; GETs that were answered */
};

struct backends {
	/* Ports on 127.0.0.1, 0: without that server. NULL, with a message on stderr. */
	struct backend *(*open)(unsigned int postgres_port, unsigned int redis_port);
	void (*close)(struct backend *backend);
	/* Notes that an intent was asked for, and tells how often it has been. Negative: failed. */
	long (*remember)(struct backend *backend, const char *intent);
	/* What the remote service says about it; out of the cache where that has it. */
	int (*ask)(struct backend *backend, const char *intent, char *out, size_t size);
	const struct backend_counts *(*counts)(const struct backend *backend);
};

/* Loads the library; NULL, with a message on stderr. */
const struct backends *backends_load(void);

#endif
