/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/publish_python.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "watch/python_stacks.h"
#include "watch/watching.h"

#define CAUSE_STAGE   "stage:"
#define WINDOW_MIN_NS 60000000000ULL

static bool is_hang(const struct alert_event *event)
{
	return !strcmp(event->budget->metric, "target.responsive");
}

/* A hang is as old as its limit when it is told: what was seen before was of other calls. */
static uint64_t since_ns(const struct alert_event *event, const struct stage_config *stage)
{
	uint64_t window_ns = event->budget->window_ns;

	if (is_hang(event))
		window_ns = stage->hang_ns;
	else if (window_ns < WINDOW_MIN_NS)
		window_ns = WINDOW_MIN_NS;
	return event->ts_ns > window_ns ? event->ts_ns - window_ns : 0;
}

static int stage_of(const struct watching *w, const char *cause)
{
	if (!cause || strncmp(cause, CAUSE_STAGE, strlen(CAUSE_STAGE)) != 0)
		return -1;
	for (size_t i = 0; i < w->config->stages_n; i++)
		if (!strcmp(w->config->stages[i].name, cause + strlen(CAUSE_STAGE)))
			return w->python.stages >> i & 1 ? (int)i : -1;
	return -1;
}

size_t publish_python(const struct watching *w, const struct alert_event *event,
		      struct sink_evidence out[PYTHON_NOTES_MAX], struct python_texts *texts)
{
	const struct seen_stacks *seen = python_stacks__seen(w->python_stacks);
	struct seen_stack_count top[PYTHON_NOTES_MAX];
	int stage = stage_of(w, event->cause);
	size_t looks, n;

	if (!seen || stage < 0 || event->state != ALERT_FIRING ||
	    (!is_hang(event) && !strstr(event->budget->metric, "latency")))
		return 0;
	n = seen_stacks_top(seen, (uint32_t)stage, since_ns(event, &w->config->stages[stage]), top,
			    PYTHON_NOTES_MAX, &looks);
	for (size_t i = 0; i < n; i++) {
		snprintf(texts->text[i], sizeof(texts->text[i]), "Python, %zu of %zu looks: %s",
			 top[i].n, looks, top[i].text);
		out[i] = (struct sink_evidence){.kind = SINK_EVIDENCE_NOTE,
						.wall_s = NAN,
						.first_s = NAN,
						.process_cpu_s = NAN,
						.text = texts->text[i]};
	}
	return n;
}
