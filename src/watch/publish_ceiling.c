/* SPDX-License-Identifier: GPL-2.0-only */
/* publish_ceiling.c - notes of what the overhead ceiling takes off and lets back in. */
#include "watch/breaker.h"
#include "watch/publish.h"

void publish_trial(struct publisher *p, size_t stage)
{
	const struct attached_stage *s = &p->watching->attachment.stages[stage];
	const char *name = p->watching->config->stages[stage].name;

	switch (s->news) {
	case ATTACH_NEWS_NONE:
		break;
	case ATTACH_NEWS_ARMED:
		publish_note(p, "stage_armed", SINK_SEVERITY_NONE, name, "is watched now");
		break;
	case ATTACH_NEWS_REARMED:
		publish_note(p, "stage_rearmed", SINK_SEVERITY_NONE, name,
			     "is watched again: another trial has shown that it costs less now");
		break;
	case ATTACH_NEWS_REFUSED:
		publish_note(p, "stage_refused", SINK_SEVERITY_WARNING, name, s->reason);
		break;
	case ATTACH_NEWS_LEFT_OUT:
		publish_note(p, "functions_left_out", SINK_SEVERITY_WARNING, name, s->join_reason);
		break;
	}
}

void publish_shed(struct publisher *p, int shed)
{
	if (shed == BREAKER_CATCHES)
		publish_note(p, "exceptions_shed", SINK_SEVERITY_WARNING, NULL,
			     "so many C++ exceptions that looking at them is over the ceiling: "
			     "spans that end by one are dated when that is noticed");
	else if (shed == BREAKER_HOOKS)
		publish_note(p, "loads_shed", SINK_SEVERITY_WARNING, NULL,
			     "so many objects loaded that looking at each is over the ceiling: "
			     "what is loaded is found within a second or two");
	else if (shed == BREAKER_PYTHON)
		publish_note(p, "python_shed", SINK_SEVERITY_WARNING, NULL,
			     "looking at the frames of Python is over the ceiling: the stages that "
			     "are sampled are not watched until it is tried again");
	else if (shed == BREAKER_COPIES)
		publish_note(p, "watchpoints_shed", SINK_SEVERITY_WARNING, NULL,
			     "so much memory is copied that slowing that down is over the ceiling: "
			     "the stages of Python that were exact are sampled");
	else if (shed >= 0)
		publish_note(p, "stage_shed", SINK_SEVERITY_WARNING,
			     p->watching->config->stages[shed].name,
			     p->watching->attachment.stages[shed].reason);
}
