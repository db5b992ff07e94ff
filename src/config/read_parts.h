/* SPDX-License-Identifier: GPL-2.0-only */
/* read_parts.h - one function for each part of a configuration file; `ctx` is not used. */
#ifndef CHESHIRE_CONFIG_READ_PARTS_H
#define CHESHIRE_CONFIG_READ_PARTS_H

#include <stdbool.h>

struct probe_config;
struct probe_list;
struct reader;
struct yaml_node;

/* `stages:`; handle classes must have been read before. */
void read_stages(struct reader *r, const struct yaml_node *node, void *ctx);
/* `caches:` */
void read_caches(struct reader *r, const struct yaml_node *node, void *ctx);
/* `classes:` */
void read_classes(struct reader *r, const struct yaml_node *node, void *ctx);
/* `budgets:`; stages must have been read before. */
void read_budgets(struct reader *r, const struct yaml_node *node, void *ctx);
/* Budgets of any place: top level, or a tier. */
void read_budget_map(struct reader *r, const struct yaml_node *node);
/* `users:` but for its tiers, and `tiers:` of it; stages must have been read before. */
void read_users(struct reader *r, const struct yaml_node *node, void *ctx);
void read_tiers(struct reader *r, const struct yaml_node *users, void *ctx);
/* `databases:` */
void read_databases(struct reader *r, const struct yaml_node *node, void *ctx);
/* `leaks:` */
void read_leaks(struct reader *r, const struct yaml_node *node, void *ctx);
/* `alerts:` */
void read_alerts(struct reader *r, const struct yaml_node *node, void *ctx);
/* `priorities:` */
void read_priorities(struct reader *r, const struct yaml_node *node, void *ctx);
/* `turn:`; stages must have been read before. */
void read_turn(struct reader *r, const struct yaml_node *node, void *ctx);

#define PROBE_TEXT_LIMIT 512 /* bytes of a probe's text, with its NUL */
/* `statement:` of a stage; what it must have is checked too. */
struct stage_config;
void read_statement(struct reader *r, const struct yaml_node *node, struct stage_config *stage);

/* What the probes of one place may say, and what they share. */
struct probe_place {
	const char *what;		   /* "call", for messages */
	unsigned int values;		   /* enum probe_values */
	bool entry;			   /* acts at the entry unless @return says otherwise */
	const struct probe_config *shared; /* key, handle, where used where not given */
	struct probe_list *hits;	   /* frame: where its `hit` goes, else NULL */
};

enum probe_values {
	PROBE_KEY = 1 << 0,
	PROBE_HANDLE = 1 << 1,
	PROBE_WHERE = 1 << 2,
	PROBE_WHEN = 1 << 3,
	PROBE_ERROR = 1 << 4,
	PROBE_WORK = 1 << 5,
	PROBE_EXIT = 1 << 6,
	PROBE_HIT = 1 << 7,
	PROBE_CACHED = 1 << 8,
	PROBE_FOUND = 1 << 9, /* `hit` is a condition of this very function */
	PROBE_BYTES = 1 << 10,
	PROBE_SIZE = 1 << 11,
	PROBE_TEXT = 1 << 12,	   /* `text` and `length` */
	PROBE_NAMED = 1 << 13,	   /* `name` */
	PROBE_OF_PYTHON = 1 << 14, /* a function of a Python program may stand there */
};

/* Reads one probe (text or mapping) or a list of alternatives, and adds them to list. */
void read_probes(struct reader *r, const struct yaml_node *node, const struct probe_place *place,
		 struct probe_list *list);
/* Values that a stream shares among its probes. */
void read_shared_key(struct reader *r, const struct yaml_node *node, void *probe_config);
void read_shared_handle(struct reader *r, const struct yaml_node *node, void *probe_config);
void read_shared_where(struct reader *r, const struct yaml_node *node, void *probe_config);

#endif /* CHESHIRE_CONFIG_READ_PARTS_H */
