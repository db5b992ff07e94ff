/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * state_text.h - the contents of a state file: the alerts of rules as JSON.
 *
 *	{"format":"cheshire-state-1","saved_ms":1700000000000,"target":"alice","alerts":[
 *	 {"group":"g","alert":"A","state":"pending","labels":{...},"source":{...},
 *	  "value":"51.5","active_at_ms":1699999990000,"fired_at_ms":null,
 *	  "keep_firing_since_ms":null}]}
 *
 * `labels` are the alert's own, `source` those of the element that it comes from.  A value is text,
 * since JSON has neither NaN nor infinity.
 */
#ifndef CHESHIRE_WATCH_STATE_TEXT_H
#define CHESHIRE_WATCH_STATE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "rulefile/rulegroups.h"

#define STATE_TEXT_BYTES_MAX  (4 << 20)
#define STATE_TEXT_ALERTS_MAX 10000
#define STATE_TEXT_WHY_MAX    160

struct json_object;

/* What was read; the texts are owned by `root`. */
struct state_text {
	int64_t saved_ms;
	const char *target;
	struct rule_alert_record *record;
	size_t n;
	struct json_object *root;
};

/*
 * All or nothing: every alert is complete and could have been written by us (times in order, labels
 * sorted and not empty), else -EINVAL and `why` says what is wrong.  -ENOMEM.
 */
int state_text_read(const char *text, size_t len, struct state_text *out,
		    char why[STATE_TEXT_WHY_MAX]);
void state_text_free(struct state_text *state);

/* The alerts of the groups that are pending or firing; *n: how many.  To be freed; NULL: ENOMEM. */
char *state_text_write(const struct rulegroups *groups, const char *target, int64_t saved_ms,
		       size_t *n);

#endif /* CHESHIRE_WATCH_STATE_TEXT_H */
