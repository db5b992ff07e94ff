/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * db_handles.h - open handles of an embedded database: what its stages of opening and closing
 * counted, on top of what was open when they were armed.
 */
#ifndef CHESHIRE_WATCH_DB_HANDLES_H
#define CHESHIRE_WATCH_DB_HANDLES_H

#include <stdbool.h>
#include <stdint.h>

struct database_config;
struct watching;

/* All zero is a new one. */
struct db_handles {
	bool based;   /* the three below are valid */
	bool partial; /* some that were open before are missing, or may be */
	int64_t base; /* open when the counts were these */
	uint64_t opened0, closed0;
};

enum db_handles_state {
	DB_HANDLES_NONE = 0, /* nothing in the target opens any, or not armed yet */
	DB_HANDLES_KNOWN = 1,
	DB_HANDLES_UNKNOWN = 2, /* its stages are not watched */
};

/* How many are open now; *n where KNOWN. */
enum db_handles_state db_handles_look(struct db_handles *handles, const struct watching *w,
				      const struct database_config *db, uint32_t *n);

#endif /* CHESHIRE_WATCH_DB_HANDLES_H */
