/* SPDX-License-Identifier: GPL-2.0-only */
/* publish.h - what is watched, in the words of the sinks. */
#ifndef CHESHIRE_WATCH_PUBLISH_H
#define CHESHIRE_WATCH_PUBLISH_H

#include <stdint.h>

#include "rules/alert.h"
#include "rules/notify.h"
#include "sinks/sink.h"
#include "watch/rule_watch.h"
#include "watch/watching.h"

struct publisher {
	struct sink_set *sinks;	   /* borrowed */
	struct watching *watching; /* borrowed */
	struct rule_watch *rules;  /* borrowed; NULL: no rule files */
	bool target_gone;	   /* what cannot be known any more is not said of each budget */
	uint64_t fired_before;	   /* alerts, under configurations that were replaced */
	uint64_t held_before;	   /* changes of theirs not told one by one */
	uint64_t groups_before;	   /* groups of theirs: numbers go on */
	uint64_t output_dropped;   /* of the sinks, as of the last look */
	uint64_t loop_max_ns;	   /* the event loop's longest turn so far */
};

void publish_hello(struct publisher *p);
/* A change of a budget's state; pending and inactive are left out. */
void publish_alert(struct publisher *p, const struct alert_event *event, int handle);
/* A storm of alerts has begun or is over. */
void publish_storm(struct publisher *p, const struct notify_storm *storm);
struct rule_notice;
/* A change of an alert of a rule file. */
void publish_rule(struct publisher *p, const struct rule_notice *notice);
/* A rule begins to fail (why) or works again (NULL). */
void publish_rule_failure(struct publisher *p, const char *group, const char *rule,
			  const char *why);
void publish_summary(struct publisher *p, enum sink_summary_reason reason, uint64_t now_ns);
/* `stage` may be NULL: about the whole target. */
void publish_note(struct publisher *p, const char *event, enum sink_severity severity,
		  const char *stage, const char *text);
/* The end of a stage's trial after hello, as far as it is news. */
void publish_trial(struct publisher *p, size_t stage);
/* What the overhead ceiling took off: a stage, or one of enum breaker_shed. */
void publish_shed(struct publisher *p, int shed);
void publish_bye(struct publisher *p, struct sink_bye *bye);

/* State of one stage as the sinks name it. */
enum sink_stage_state publish_stage_state(enum attach_state state);

#endif
