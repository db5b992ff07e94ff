/* SPDX-License-Identifier: GPL-2.0-only */
/* server.h - the keeper's side: answering. */
#ifndef CHESHIRE_KEEPER_SERVER_H
#define CHESHIRE_KEEPER_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "keeper/keeper.h"
#include "kernel/alloc_programs.h"
#include "kernel/calibrate.h"
#include "target/maps.h"
#include "target/process.h"

struct decoder;
struct python_ticks;
struct watchpoint;

/* More of them are given neither clocks nor watchpoints. */
#define KEEPER_THREADS_MAX 1024

/* A stage has a handful in each object. */
#define KEEPER_LINKS_MAX 4096

struct keeper_link {
	uint64_t number;
	struct uprobe_link *link; /* owned */
};

struct keeper_server {
	int channel;
	const struct keeper_opts *opts;
	struct process proc;
	struct object_table objects;
	struct loader *loader; /* the programs; NULL: nothing loaded */
	struct alloc_programs alloc;
	bool alloc_loaded;
	/* See server_links.c; owned. */
	struct keeper_link *links;
	size_t links_n, links_size;
	uint64_t link_number; /* of the last one */
	struct calibration calibration;
	bool calibrated;
	struct python_ticks *ticks;		     /* NULL: none run */
	struct watchpoint *watches[WATCHPOINTS_MAX]; /* NULL: none */
	bool watch_counts[WATCHPOINTS_MAX];	     /* ... that no program runs at */
	uint32_t watch_cost_ns, watch_copy_percent;  /* 0: not measured yet */
	struct decoder *decoder;
	uint64_t words_left; /* small reads of memory; see server_memory.c */
	uint64_t words_since_ns;
};

/* The life of the keeper, from the fork on; it ends with its channel or its parent. */
void keeper_serve(int channel, pid_t parent, const struct keeper_opts *opts)
	__attribute__((noreturn));

/* Answers one datagram, whatever it is.  0, or a negative errno: nobody listens any more. */
int keeper_answer(struct keeper_server *server, const void *data, size_t len);

/*
 * Loads the programs of bpf/alloc.bpf.c, once; into fds (borrowed) what the session needs of them.
 * -EPERM: it was not said at the start that leaks are hunted for.
 */
int keeper_server_load_alloc(struct keeper_server *server, int fds[2]);

/*
 * Keeps the link, which is the keeper's from now on, also where this fails: then it is freed.
 * -ENOSPC: more than KEEPER_LINKS_MAX; -ENOMEM.
 */
int keeper_server_keep_link(struct keeper_server *server, struct uprobe_link *link,
			    uint64_t *number);
/* Detaches these, side by side.  -ENOENT: some of them are none; the others are off. */
int keeper_server_detach(struct keeper_server *server, const uint64_t *numbers, size_t n);
/* All that are left. */
void keeper_server_detach_all(struct keeper_server *server);

/* A link for the probes of one object, each of which is looked at again before. */
int keeper_server_attach(struct keeper_server *server, const struct keeper_request *request,
			 const struct keeper_probe *probes, struct uprobe_link **out);

/*
 * Reads the pieces into buf: a byte for each, 0 where it was read, then all their bytes.  Returns
 * how many bytes that are, or -EPERM: the session did not say at the start that it looks at
 * objects.
 */
ssize_t keeper_server_scatter(struct keeper_server *server, const struct keeper_piece *pieces,
			      size_t n, char buf[KEEPER_PIECES_MAX + KEEPER_MEMORY_MAX]);

/* Code of the known objects, and few bytes of anything else. */
int keeper_server_memory(struct keeper_server *server, uint64_t addr, void *buf, size_t len);

/* Clocks on the target's threads: `hz` of them a second, instead of those that run; 0: none. */
int keeper_server_ticks(struct keeper_server *server, uint32_t hz);
void keeper_server_stop_ticks(struct keeper_server *server);

/* Threads of the target at this moment.  Their number, -E2BIG or another negative errno. */
ssize_t keeper_server_threads(const struct keeper_server *server, pid_t tids[KEEPER_THREADS_MAX]);

/*
 * A watchpoint on all threads of the target in this slot, or none there any more.  -EBUSY: there
 * is one, which whoever asked for it has to take off first; -EPERM: the session did not say at the
 * start that it looks at objects; -EFAULT: no writable private memory of the target's; else as
 * watchpoint__open.
 */
int keeper_server_watch(struct keeper_server *server, const struct keeper_request *request,
			struct keeper_watched *out);
int keeper_server_watched(struct keeper_server *server, uint32_t slot, struct keeper_watched *out);
void keeper_server_stop_watch(struct keeper_server *server, uint32_t slot);

#endif
