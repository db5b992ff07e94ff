/* SPDX-License-Identifier: GPL-2.0-only */
/* loader_state.h - the inside of struct loader, for the files of src/kernel that share it. */
#ifndef CHESHIRE_KERNEL_LOADER_STATE_H
#define CHESHIRE_KERNEL_LOADER_STATE_H

#include "cheshire/wire_db.h"
#include "cheshire/wire_net.h"
#include "cheshire/wire_python.h"
#include "cheshire/wire_statement.h"

/* Uses types of the headers above. */
#include "cheshire.skel.h"
#include "kernel/loader.h"
#include "kernel/shared_clock.h"

/* An array map that is mapped into our memory. */
struct shared_map {
	void *base;
	size_t size_bytes;
};

struct loader {
	struct cheshire_bpf *skel;
	struct ring_buffer *ring;
	struct shared_map stages, stats, hists, cached, slices;
	struct shared_map classes;	  /* of statements; none where no stage has any */
	struct shared_map python_shared;  /* struct wire_python; none where no stage is of Python */
	struct shared_map watches_shared; /* struct wire_watch; likewise */
	struct shared_clock *clocks;	  /* in the .bss of the programs */
	int prog_fds[LOADER_PROGS];	  /* -1: not loaded here */
	int link_fds[LOADER_LINKS];	  /* or a negative errno */
	int cpus_n;
	uint32_t tgid;
	size_t stages_n;
	bool multi;
	bool datagrams_wanted;
	bool statements;
	bool python;
	loader_record_fn record;
	void *record_ctx;
};

/* A loader without anything; errno. */
struct loader *loader_new(const struct loader_opts *opts);
/* What both ways to get a loader have in common, once its maps are there. */
int loader_share_maps(struct loader *loader);

#endif
