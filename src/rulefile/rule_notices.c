/* SPDX-License-Identifier: GPL-2.0-only */
#include "rulefile/rule_notices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rulefile/alert_set.h"

#define SEVERITY_LABEL "severity"
#define PRIORITY_LABEL "priority"

struct slot {
	struct rule_notice notice;
	uint64_t hash;
	bool used;
	bool firing; /* exactly or shown as unknown */
};

struct rule_notices {
	struct notify *notify;
	uint64_t fired;
	uint64_t untold;
	enum severity worst;
	size_t used; /* slots from here on were never used */
	struct slot slot[RULE_NOTICES_MAX];
};

static void notice_release(struct rule_notice *notice)
{
	free(notice->file);
	free(notice->group);
	free(notice->alert);
	free(notice->expr);
	free(notice->reason);
	free(notice->labels);
	free(notice->annotations);
	memset(notice, 0, sizeof(*notice));
}

struct rule_notices *rule_notices__new(const struct alerts_config *config)
{
	struct rule_notices *notices = calloc(1, sizeof(*notices));

	if (!notices)
		return NULL;
	notices->notify = notify__new(RULE_NOTICES_MAX, config);
	if (!notices->notify) {
		free(notices);
		return NULL;
	}
	return notices;
}

void rule_notices__configure(struct rule_notices *notices, const struct alerts_config *config)
{
	notify__configure(notices->notify, config);
}

void rule_notices__free(struct rule_notices *notices)
{
	if (!notices)
		return;
	for (size_t i = 0; i < notices->used; i++)
		notice_release(&notices->slot[i].notice);
	notify__free(notices->notify);
	free(notices);
}

static const char *label_value(const struct rule_alert *alert, const char *name)
{
	for (size_t i = 0; i < alert->labels_n; i++)
		if (!strcmp(alert->labels[i].name, name))
			return alert->labels[i].value;
	return "";
}

static enum severity severity_by_label(const struct rule_alert *alert)
{
	return strcmp(label_value(alert, SEVERITY_LABEL), "critical") ? SEVERITY_WARNING
								      : SEVERITY_CRITICAL;
}

static int priority_by_label(const struct rule_alert *alert, enum severity severity)
{
	const char *text = label_value(alert, PRIORITY_LABEL);

	if (text[0] == 'P' && text[1] >= '0' && text[1] <= '3' && !text[2])
		return text[1] - '0';
	return severity == SEVERITY_CRITICAL ? 2 : 3;
}

static bool is_of(const struct slot *slot, const struct rule_alert *alert)
{
	const struct rule_notice *notice = &slot->notice;

	return !strcmp(notice->alert, alert->rule->name) &&
	       !strcmp(notice->group, alert->group->name) &&
	       !strcmp(notice->file, alert->group->file) &&
	       label_list_equal(notice->labels, notice->labels_n, alert->labels, alert->labels_n);
}

static struct slot *find(struct rule_notices *notices, const struct rule_alert *alert,
			 uint64_t hash)
{
	for (size_t i = 0; i < notices->used; i++) {
		struct slot *slot = &notices->slot[i];

		if (slot->used && slot->hash == hash && is_of(slot, alert))
			return slot;
	}
	return NULL;
}

/* A slot whose alert is over and told is taken for the next one. */
static struct slot *take(struct rule_notices *notices)
{
	for (size_t i = 0; i < notices->used; i++) {
		struct slot *slot = &notices->slot[i];

		if (!slot->used || (!slot->firing && notify__quiet(notices->notify, i)))
			return slot;
	}
	if (notices->used == RULE_NOTICES_MAX)
		return NULL;
	return &notices->slot[notices->used++];
}

/* The expanded annotations, with names of their own. */
static int copy_annotations(struct rule_notice *notice, const struct rulegroups *groups,
			    const struct rule_alert *alert)
{
	size_t n = alert->rule->annotations_n;
	struct rule_annotation *made = rulegroups__annotations(groups, alert);
	struct label *list = made ? calloc(n + 1, sizeof(*list)) : NULL;

	for (size_t i = 0; list && i < n; i++)
		list[i] = (struct label){made[i].name, made[i].text};
	if (list)
		notice->annotations = label_list_copy(list, n);
	notice->annotations_n = notice->annotations ? n : 0;
	free(list);
	rule_annotations_free(made, n);
	return notice->annotations ? 0 : -ENOMEM;
}

static int fill(struct rule_notice *notice, const struct rulegroups *groups,
		const struct rule_alert *alert)
{
	notice_release(notice);
	notice->file = strdup(alert->group->file);
	notice->group = strdup(alert->group->name);
	notice->alert = strdup(alert->rule->name);
	notice->expr = strdup(alert->rule->text);
	notice->labels = label_list_copy(alert->labels, alert->labels_n);
	notice->labels_n = notice->labels ? alert->labels_n : 0;
	if (alert->unknown)
		notice->reason = strdup(alert->unknown);
	notice->state = alert->shown;
	notice->severity = severity_by_label(alert);
	notice->priority = priority_by_label(alert, notice->severity);
	notice->value = alert->value;
	notice->for_ms = alert->rule->for_ms;
	notice->fired_at_ms = alert->fired_at_ms;
	if (!notice->file || !notice->group || !notice->alert || !notice->expr || !notice->labels ||
	    (alert->unknown && !notice->reason))
		return -ENOMEM;
	return copy_annotations(notice, groups, alert);
}

/* Also of an alert that cannot be told: it fired all the same. */
static void count_firing(struct rule_notices *notices, const struct rule_event *event)
{
	enum severity severity = severity_by_label(event->alert);

	if (event->alert->shown != ALERT_FIRING)
		return;
	if (event->previous != ALERT_UNKNOWN)
		notices->fired++;
	if (severity > notices->worst)
		notices->worst = severity;
}

static void note_state(struct rule_notices *notices, struct slot *slot)
{
	const struct rule_notice *notice = &slot->notice;
	bool firing = notice->state == ALERT_FIRING || notice->state == ALERT_UNKNOWN;

	slot->firing = firing;
	notify__change(notices->notify, (size_t)(slot - notices->slot), notice->state,
		       firing ? notice->severity : SEVERITY_NONE, notice->priority);
}

int rule_notices__change(struct rule_notices *notices, const struct rulegroups *groups,
			 const struct rule_event *event)
{
	const struct rule_alert *alert = event->alert;
	uint64_t hash = label_list_hash(alert->labels, alert->labels_n);
	struct slot *slot = find(notices, alert, hash);

	count_firing(notices, event);
	/* What was never told needs no end. */
	if (!slot && alert->shown != ALERT_FIRING && alert->shown != ALERT_UNKNOWN)
		return 0;
	if (!slot)
		slot = take(notices);
	if (!slot || fill(&slot->notice, groups, alert)) {
		notices->untold++;
		if (slot)
			slot->used = false;
		return -ENOMEM;
	}
	slot->used = true;
	slot->hash = hash;
	note_state(notices, slot);
	return 0;
}

const struct rule_notice *rule_notices__next(struct rule_notices *notices, uint64_t now_ns)
{
	struct notify_due due;
	struct slot *slot;

	if (!notify__next(notices->notify, now_ns, &due))
		return NULL;
	slot = &notices->slot[due.i];
	slot->notice.reminder = due.reminder;
	if (due.over)
		slot->notice.state = ALERT_RESOLVED;
	return &slot->notice;
}

bool rule_notices__settle(struct rule_notices *notices, uint64_t now_ns, struct notify_storm *storm)
{
	return notify__settle(notices->notify, now_ns, storm);
}

const struct rule_notice *rule_notices__firing(const struct rule_notices *notices, size_t *at)
{
	while (*at < notices->used) {
		const struct slot *slot = &notices->slot[(*at)++];

		if (slot->used && slot->firing)
			return &slot->notice;
	}
	return NULL;
}

uint64_t rule_notices__fired(const struct rule_notices *notices)
{
	return notices->fired;
}

enum severity rule_notices__worst(const struct rule_notices *notices)
{
	return notices->worst;
}

uint64_t rule_notices__held(const struct rule_notices *notices)
{
	return notify__held(notices->notify);
}

uint64_t rule_notices__untold(const struct rule_notices *notices)
{
	return notices->untold;
}
