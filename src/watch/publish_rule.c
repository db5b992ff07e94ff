/* SPDX-License-Identifier: GPL-2.0-only */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "rulefile/rule_notices.h"
#include "watch/publish.h"
#include "watch/publish_head.h"

#define RULE_PLACE_MAX 512
#define PAIRS_MAX      128 /* labels or annotations of one alert */

static const char *annotation(const struct rule_notice *notice, const char *name)
{
	for (size_t i = 0; i < notice->annotations_n; i++)
		if (!strcmp(notice->annotations[i].name, name))
			return notice->annotations[i].value;
	return NULL;
}

/* Those that have a field of their own are not told twice. */
static size_t fill_pairs(const struct label *label, size_t n, bool annotations,
			 struct sink_pair pairs[PAIRS_MAX])
{
	size_t out = 0;

	for (size_t i = 0; i < n && out < PAIRS_MAX; i++) {
		if (annotations &&
		    (!strcmp(label[i].name, "action") || !strcmp(label[i].name, "impact")))
			continue;
		pairs[out++] = (struct sink_pair){label[i].name, label[i].value};
	}
	return out;
}

void publish_rule(struct publisher *p, const struct rule_notice *notice)
{
	const struct watching *w = p->watching;
	const struct priority_config *priority = &w->config->priorities[notice->priority];
	bool firing = notice->state == ALERT_FIRING;
	struct sink_pair labels[PAIRS_MAX], annotations[PAIRS_MAX];
	char place[RULE_PLACE_MAX];
	struct sink_alert alert;

	if (notice->state == ALERT_UNKNOWN && p->target_gone)
		return;
	snprintf(place, sizeof(place), "%s: %s", notice->file, notice->group);
	alert = (struct sink_alert){
		.head = publish_head(w),
		.state = (enum sink_alert_state)notice->state,
		.alert = notice->alert,
		.severity = (enum sink_severity)notice->severity,
		.priority = notice->state == ALERT_UNKNOWN ? -1 : notice->priority,
		.metric = notice->expr,
		.value = notice->value,
		.limit = NAN,
		.target = NAN,
		.over_percent = NAN,
		.worst = NAN,
		.improvement_percent = NAN,
		.window_s = NAN,
		.for_s = (double)notice->for_ms / 1e3,
		.respond_within_s = firing ? (double)priority->respond_within_s : NAN,
		.quality = notice->reason ? SINK_QUALITY_UNKNOWN : SINK_QUALITY_EXACT,
		.reason = notice->reason,
		.action = annotation(notice, "action"),
		.impact = annotation(notice, "impact"),
		.response = firing ? priority->response : NULL,
		.reminder = notice->reminder,
		.since_ts_ns = notice->fired_at_ms > 0 ? (uint64_t)notice->fired_at_ms * 1000000ULL
						       : 0,
		.rule = place,
		.labels = labels,
		.labels_n = fill_pairs(notice->labels, notice->labels_n, false, labels),
		.annotations = annotations,
		.annotations_n =
			fill_pairs(notice->annotations, notice->annotations_n, true, annotations),
	};
	sink_set__alert(p->sinks, &alert);
}

void publish_rule_failure(struct publisher *p, const char *group, const char *rule, const char *why)
{
	char text[512];

	snprintf(text, sizeof(text), "rule %s of group %s %s%s", rule, group,
		 why ? "cannot be evaluated: " : "can be evaluated again", why ? why : "");
	publish_note(p, why ? "rule_failed" : "rule_works",
		     why ? SINK_SEVERITY_WARNING : SINK_SEVERITY_NONE, NULL, text);
}
