/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * protocol.h - what the session may ask its keeper, and how it answers.
 *
 * One datagram asks, one answers, in turn.  A request names no process (there is one: the target),
 * no path and no file but those of enum process_file: an object is a number in the table that both
 * sides read from the same text of /proc/PID/maps.  Descriptors go from the keeper to the session
 * only.  Both sides take the other's words for hostile; the decoders are pure.
 */
#ifndef CHESHIRE_KEEPER_PROTOCOL_H
#define CHESHIRE_KEEPER_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>

#include "cheshire/wire_python.h"
#include "kernel/alloc_programs.h"
#include "kernel/calibrate.h"
#include "kernel/loader.h"
#include "kernel/watchpoint.h"
#include "target/insn.h"
#include "target/process_access.h"

enum keeper_op {
	KEEPER_LOAD = 1,	/* programs and maps: struct keeper_loaded and their descriptors */
	KEEPER_MAPS = 2,	/* a descriptor of the text */
	KEEPER_OBJECT = 3,	/* a descriptor of the file, for reading */
	KEEPER_ATTACH = 4,	/* struct keeper_attached, and the link's descriptors */
	KEEPER_MEMORY = 5,	/* the bytes */
	KEEPER_FILE = 6,	/* the text */
	KEEPER_DESCRIPTORS = 7, /* a descriptor of the list */
	KEEPER_FACTS = 8,	/* struct process_file_facts */
	KEEPER_COUNT = 9,	/* uint32_t */
	KEEPER_SCATTER = 10,	/* a byte for each piece (0: read), then all their bytes */
	KEEPER_ALLOC_LOAD = 11, /* the maps of struct alloc_programs: ring, control */
	KEEPER_TICKS = 12,	/* nothing; the clocks stay with the keeper */
	KEEPER_WATCH = 13,	/* struct keeper_watched; the descriptors stay with the keeper */
	KEEPER_WATCHED = 14,	/* the same */
	KEEPER_DETACH = 15,	/* nothing: the probes of the links are off */
	KEEPER_OPS = 16,
};

/* What can be attached: enum loader_prog, and behind them enum alloc_prog. */
#define KEEPER_PROGS (LOADER_PROGS + ALLOC_PROGS)

#define KEEPER_PROBES_MAX      1024
#define KEEPER_PERF_PROBES_MAX 64 /* without uprobe_multi: a descriptor each */
#define KEEPER_MEMORY_MAX      32768
/* Outside of the code of known objects: a slot of a GOT, an entry of a switch, a mutex. */
#define KEEPER_WORD_MAX	  24
#define KEEPER_PIECES_MAX 1024 /* of KEEPER_MEMORY_MAX bytes together */
#define KEEPER_DETACH_MAX 1024 /* links of one request */
#define KEEPER_TEXT_MAX	  8192
#define KEEPER_FDS_MAX	  (LOADER_MAPS_MAX + LOADER_LINKS)

/* Where the probe goes, and the instruction that is expected there (len 0: any, a uretprobe). */
struct keeper_probe {
	uint64_t offset; /* in the object's file */
	uint64_t cookie;
	uint8_t bytes[INSN_MAX_BYTES];
	uint8_t len;
	uint8_t unused[7];
};

/* A piece of memory of a SCATTER. */
struct keeper_piece {
	uint64_t address;
	uint32_t length;
	uint32_t unused;
};

/* Padding and what the op does not use are 0. */
struct keeper_request {
	uint32_t op;
	uint32_t object; /* OBJECT, ATTACH: index in the table */
	union {
		struct {
			uint32_t stages_n, cached_n;
			uint32_t datagrams;  /* 0 or 1 */
			uint32_t statements; /* 0 or 1 */
			uint32_t python;     /* 0 or 1 */
		} load;
		struct {
			uint32_t prog; /* below KEEPER_PROGS */
			uint32_t uretprobe;
			uint32_t n; /* probes that follow */
		} attach;
		struct {
			uint64_t address;
			uint32_t length;
		} memory;
		struct {
			uint32_t which; /* enum process_file */
			uint32_t tid;
		} file;
		struct {
			uint32_t n; /* pieces that follow */
		} scatter;
		struct {
			uint32_t n; /* numbers of links that follow, each a uint64_t */
		} detach;
		struct {
			uint64_t address;
			uint32_t length; /* 1, 2, 4, 8; 0: not any more, and all others are 0 */
			uint32_t slot;	 /* below WATCHPOINTS_MAX */
			uint32_t kind;	 /* enum watchpoint_kind */
			uint32_t python; /* 1: LOADER_PYTHON_WATCH runs at each hit; 0: counted */
		} watch;
		uint32_t slot;	   /* WATCHED */
		uint32_t ticks_hz; /* WIRE_PYTHON_HZ_MIN to _MAX; 0: none any more */
		struct process_file_ref facts;
		uint32_t maps;	/* enum process_maps */
		uint32_t count; /* enum process_count */
		uint64_t words[4];
	};
};

struct keeper_reply {
	uint32_t op;
	int32_t err;	     /* 0 or a negative errno; then the bytes are why, if there are any */
	uint32_t data_bytes; /* that follow */
};

/* A link that the keeper has until its number comes in a DETACH, or the session has ended. */
struct keeper_attached {
	uint64_t link; /* none is given twice */
};

/* Of a watchpoint. */
struct keeper_watched {
	uint64_t hits;	  /* so far */
	uint32_t threads; /* that are, or were, watched */
	uint32_t cost_ns; /* of a hit, without a program; 0: could not be measured */
	/* How long large copies take meanwhile, of how long else; 0: could not be measured. */
	uint32_t copy_percent;
	uint32_t pad0;
};

/* What was loaded, as places in the list of descriptors. */
struct keeper_loaded {
	struct calibration calibration;
	uint32_t multi;
	uint32_t maps_n;
	int32_t maps[LOADER_MAPS_MAX]; /* -1: none */
	int32_t links[LOADER_LINKS];   /* or a negative errno */
};

#define KEEPER_REQUEST_MAX                                                                         \
	(sizeof(struct keeper_request) + KEEPER_PROBES_MAX * sizeof(struct keeper_probe))
#define KEEPER_REPLY_MAX (sizeof(struct keeper_reply) + KEEPER_PIECES_MAX + KEEPER_MEMORY_MAX)

/*
 * 0, or -EPROTO: no such request.  *rest points into the data, which is aligned: the probes of an
 * ATTACH, the pieces of a SCATTER, the numbers of a DETACH.
 */
int keeper_request_decode(const void *data, size_t len, struct keeper_request *out,
			  const void **rest);

/* 0, or -EPROTO: no answer to this op.  *bytes points into the data. */
int keeper_reply_decode(const void *data, size_t len, size_t fds_n, enum keeper_op op,
			struct keeper_reply *out, const void **bytes);

/*
 * The descriptors find their places.  0, or -EPROTO; then they are still the caller's.  On success
 * all are in *handles.
 */
int keeper_loaded_decode(const void *data, size_t len, const int *fds, size_t fds_n,
			 struct loader_handles *handles, struct calibration *calibration);

/* The other way round.  Returns the number of descriptors. */
size_t keeper_loaded_encode(const struct loader_handles *handles,
			    const struct calibration *calibration, struct keeper_loaded *out,
			    int fds[KEEPER_FDS_MAX]);

#endif
