/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink_leaks.h - what is known of the places in the code that allocate what is never freed.
 *
 * Filled and owned by the caller as everything in sink.h, which includes this; NAN and NULL are
 * "not known".  Functions, files and types are names of the target's choice: escaped by the sinks.
 */
#ifndef CHESHIRE_SINKS_SINK_LEAKS_H
#define CHESHIRE_SINKS_SINK_LEAKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes per hour with the ends of the interval: 95 %, that of growth 99 %. */
struct sink_rate {
	double value, low, high;
};

/* One frame of a stack; functions that the compiler put into others have one of their own. */
struct sink_frame {
	const char *function; /* demangled; NULL or "": not known */
	const char *file;     /* of the source; NULL or "": no debug information */
	uint32_t line;	      /* 0: not known */
	const char *object;   /* base name of the mapped file; NULL or "": none */
	uint64_t offset;      /* in the object */
	bool inlined;	      /* into the next one */
};

/* Blocks of from_bytes <= size < below_bytes. */
struct sink_size_class {
	uint64_t from_bytes, below_bytes;
	uint64_t n;
};

/* Of a site's blocks: how many are objects of a C++ class. */
struct sink_leak_class {
	const char *name;
	uint64_t blocks;
};

/*
 * One place that allocates, with all the calls that lead to it: a line that is reached by several
 * ways has a site for each.
 */
struct sink_leak_site {
	/* Index of the first site of the same line, <= its own; and of the first: how many there
	 * are (0 is 1), and the sum of their rates. */
	size_t place, ways;
	struct sink_rate place_rate;
	const char *verdict; /* "confirmed", "probable", "suspect", "innocent", "undecided" */
	const char *reason;  /* of the verdict: a sentence */
	bool leaks;	     /* the verdict says so: it is shown in the colour of an alert */
	const char *by;	     /* what was called: "malloc", "realloc", "mmap", ... */
	struct sink_rate rate;
	bool counted; /* from every call of the site, not from samples */
	bool gated;   /* cut to what memory as a whole grows by */
	double blocks_per_h;
	double confidence;	     /* 0 .. 1 */
	const char *reference;	     /* "lost", "referenced", "unknown" */
	const char *referenced_from; /* "heap", "data, stack"; NULL */
	uint64_t sampled;	     /* blocks of the site that were looked at */
	uint64_t survivors, survivors_bytes;
	double oldest_s;		     /* of the survivors */
	uint64_t freed_early, freed_late;    /* before and after blocks usually are */
	uint64_t touched_late;		     /* survivors whose content changed */
	uint64_t watched, watched_used;	     /* by watchpoints, and those that were touched */
	double watched_s;		     /* the longest */
	uint64_t first_seen_ts_ns;	     /* CLOCK_REALTIME; 0: not known */
	const struct sink_size_class *sizes; /* of the survivors, ascending, none empty */
	size_t sizes_n;
	const struct sink_leak_class *classes; /* most blocks first */
	size_t classes_n;
	uint64_t classes_of;		 /* survivors that were looked at for it */
	const struct sink_frame *frames; /* innermost first, those of the allocator left out */
	size_t frames_n;
	size_t blamed; /* index of the frame that is named; >= frames_n: none */
};

/* Objects of one type of an interpreter: what there is more and more of, not who makes it. */
struct sink_leak_type {
	const char *name;
	uint64_t objects; /* now */
	double objects_per_h;
	struct sink_rate rate; /* their own bytes, without what they refer to */
};

#endif /* CHESHIRE_SINKS_SINK_LEAKS_H */
