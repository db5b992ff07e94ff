/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rulefile.h - a standard Prometheus rule file, read and checked.
 *
 *	groups:
 *	  - name: alice
 *	    interval: 10s
 *	    rules:
 *	      - alert: CPUUsageHigh
 *	        expr: alice_cpu_usage_percent > 50
 *	        for: 5m
 *
 * The language is that of promql/ast.h and template/template.h.  Everything wrong is said at once,
 * at its place, also inside of an expression that is a block of text.  What is right but cannot be
 * what its author means is a warning.
 */
#ifndef CHESHIRE_RULEFILE_RULEFILE_H
#define CHESHIRE_RULEFILE_RULEFILE_H

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"

#define RULEFILE_BYTES_MAX   (8u << 20)
#define RULEFILE_RULES_MAX   50000
#define RULEFILE_GROUPS_MAX  5000
#define RULE_LABELS_MAX	     48 /* that one rule adds */
#define RULE_ALERTNAME_LABEL "alertname"

struct promql_expr;
struct template;

enum rule_kind {
	RULE_ALERT = 1,
	RULE_RECORD = 2,
};

/* One label or annotation. */
struct rule_text {
	const char *name;
	const char *value;		 /* as written */
	const struct template *template; /* of alerts; NULL in recording rules */
};

struct rule {
	enum rule_kind kind;
	const char *name; /* of the alert, or of the metric recorded */
	struct config_pos pos;
	const char *text; /* the expression as written */
	struct promql_expr *expr;
	int64_t for_ms;
	int64_t keep_firing_for_ms;
	struct rule_text *labels; /* sorted by name */
	size_t labels_n;
	struct rule_text *annotations; /* sorted by name */
	size_t annotations_n;
};

struct rule_group {
	const char *name;
	const char *file; /* as given to rulefile_parse() */
	struct config_pos pos;
	int64_t interval_ms; /* 0: as whoever evaluates it likes */
	int64_t limit;	     /* series or alerts of one rule; 0: any number */
	struct rule *rules;
	size_t rules_n;
};

/* Owns everything it points to. */
struct rulefile {
	struct rule_group *groups;
	size_t groups_n;
	size_t rules_n;
	void *memory;
};

enum metric_type {
	METRIC_TYPE_UNKNOWN = 0,
	METRIC_TYPE_GAUGE = 1,
	METRIC_TYPE_COUNTER = 2,
};

struct rulefile_opts {
	/* What kind of metric this is; NULL: nothing is known. */
	enum metric_type (*type_of)(void *ctx, const char *metric);
	void *ctx;
	int64_t interval_ms; /* of groups without one; 0: not known */
};

/*
 * 0 with *out, -EINVAL with the mistakes added to errors, or -ENOMEM.  Warnings go to `warnings`
 * in any case.  `opts` may be NULL.
 */
int rulefile_parse(const char *file, const char *text, size_t len, const struct rulefile_opts *opts,
		   struct config_errors *errors, struct config_errors *warnings,
		   struct rulefile **out);
void rulefile_free(struct rulefile *rulefile);

#endif /* CHESHIRE_RULEFILE_RULEFILE_H */
