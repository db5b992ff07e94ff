/* SPDX-License-Identifier: GPL-2.0-only */
/* session_rules.h - what a session does with its rule files: evaluate, tell, keep the state. */
#ifndef CHESHIRE_WATCH_SESSION_RULES_H
#define CHESHIRE_WATCH_SESSION_RULES_H

#include <stdint.h>

#include "rules/alert.h"

struct config;
struct metrics;
struct publisher;
struct rule_set;
struct rule_watch;
struct state_file;
struct worker;

/* All NULL: no rule files. */
struct session_rules {
	struct rule_watch *watch;
	struct state_file *state; /* NULL: nothing is kept over a restart */
	struct publisher *publisher;
};

/* `state_path` may be NULL.  0 or a negative errno, which is said on stderr. */
int session_rules_open(struct session_rules *sr, const char *state_path,
		       struct publisher *publisher, struct worker *worker);
void session_rules_close(struct session_rules *sr);

/* As rule_watch__use(); takes the rules over.  What is wrong is said on stderr. */
int session_rules_use(struct session_rules *sr, struct rule_set *rules, const struct config *config,
		      struct metrics *metrics);
/* Other rules over the same metrics.  -E2BIG: they read too much, the old ones stay, and that was
   said. */
int session_rules_reload(struct session_rules *sr, struct rule_set *rules,
			 const struct config *config);
/* Once, before the first tick: what the state file says. */
void session_rules_restore(struct session_rules *sr, const char *target);
/* Once a second; due_ns: when it should have been. */
void session_rules_tick(struct session_rules *sr, const char *target, uint64_t now_ns,
			uint64_t due_ns);
/* At the end. */
void session_rules_save(struct session_rules *sr, const char *target);

enum severity session_rules_worst(const struct session_rules *sr);
/* Of the state file's directory, or -1. */
int session_rules_dir_fd(const struct session_rules *sr);

#endif /* CHESHIRE_WATCH_SESSION_RULES_H */
