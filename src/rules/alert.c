/* SPDX-License-Identifier: GPL-2.0-only */
#include "rules/alert.h"

#include <math.h>
#include <string.h>

#define CLEAR_RATIO    0.95
#define TICK_JITTER_NS 100000000ULL

/* What a sample means to the latches. */
enum verdict {
	VERDICT_KNOWN = 1, /* compare it */
	VERDICT_WEAK = 2,  /* compare it, but close no latch */
	VERDICT_IDLE = 3,
	VERDICT_UNKNOWN = 4,
};

const char *alert_state_name(enum alert_state state)
{
	static const char *const names[] = {"inactive", "pending", "firing", "resolved", "unknown"};

	return (unsigned int)state < sizeof(names) / sizeof(names[0]) ? names[state] : "invalid";
}

const char *severity_name(enum severity severity)
{
	static const char *const names[] = {"none", "warning", "critical"};

	return (unsigned int)severity < sizeof(names) / sizeof(names[0]) ? names[severity]
									 : "invalid";
}

static double limit_of(const struct budget_config *budget, size_t latch)
{
	return latch ? budget->critical : budget->warning;
}

static bool beyond(const struct budget_config *budget, double value, double limit)
{
	return budget->below ? value < limit : value > limit;
}

double alert_clear_limit(const struct budget_config *budget, double limit)
{
	return budget->below ? limit / CLEAR_RATIO : limit * CLEAR_RATIO;
}

/* Inside 95 % of the limit, or where it should be anyway (limits like 0 have no 95 %). */
static bool clear_of(const struct budget_config *budget, double value, double limit)
{
	if (!isnan(budget->target) && !beyond(budget, value, budget->target))
		return true;
	return beyond(budget, alert_clear_limit(budget, limit), value);
}

/* What the limits are measured against: the target, or the mildest limit there is. */
static double reference(const struct budget_config *budget)
{
	if (!isnan(budget->target))
		return budget->target;
	return isnan(budget->warning) ? budget->critical : budget->warning;
}

/* How far beyond the reference, as a ratio; infinite beyond a reference of 0. */
static double over_ratio(const struct budget_config *budget, double value)
{
	double ref = reference(budget);
	double over = budget->below ? ref - value : value - ref;

	if (isnan(ref) || isnan(value))
		return NAN;
	if (ref == 0.0)
		return over > 0.0 ? INFINITY : 0.0;
	return over / fabs(ref);
}

int alert_priority(const struct budget_config *budget, double value, enum severity severity)
{
	double over = over_ratio(budget, value);
	int priority = 3;

	if (!isnan(budget->p0_above) && value > budget->p0_above)
		return 0;
	if (over > budget->priority1_over)
		priority = 1;
	else if (over > budget->priority2_over)
		priority = 2;
	if (severity == SEVERITY_CRITICAL && priority > 2)
		priority = 2;
	return priority < budget->priority_floor ? priority : budget->priority_floor;
}

uint64_t alert_respond_within_s(const struct config *config, int priority)
{
	if (priority < 0 || priority >= CONFIG_PRIORITIES)
		return 0;
	return config->priorities[priority].respond_within_s;
}

double alert_over_percent(const struct budget_config *budget, double value)
{
	double over = over_ratio(budget, value);

	return isfinite(over) && !isnan(budget->target) ? over * 100.0 : NAN;
}

double alert_improvement_percent(const struct alert_event *event)
{
	double gain = event->worst - event->sample.value;

	if (event->state != ALERT_RESOLVED || event->sample.idle || isnan(gain) ||
	    event->worst == 0.0)
		return NAN;
	return (event->budget->below ? -gain : gain) / fabs(event->worst) * 100.0;
}

bool alert_notice(const struct budget_config *budget, const struct sample *sample)
{
	if (sample->idle || sample->quality == QUALITY_UNKNOWN || isnan(sample->value))
		return false;
	if (isnan(budget->target) || !beyond(budget, sample->value, budget->target))
		return false;
	return !beyond(budget, sample->value, budget->warning) &&
	       !beyond(budget, sample->value, budget->critical);
}

/* The end of the interval that is the kindest to the target. */
static double certain_value(const struct budget_config *budget, const struct sample *sample)
{
	double bound = budget->below ? sample->high : sample->low;

	return isnan(bound) ? sample->value : bound;
}

static bool any_closed(const struct alert *alert)
{
	return alert->latch[0].closed || alert->latch[1].closed;
}

/* Lost data must not resolve: is the value inside the limit of a latch that is closed? */
static bool would_open(const struct alert *alert, const struct budget_config *budget, double value)
{
	for (size_t i = 0; i < 2; i++)
		if (alert->latch[i].closed && !beyond(budget, value, limit_of(budget, i)))
			return true;
	return false;
}

static enum verdict judge(const struct alert *alert, const struct budget_config *budget,
			  const struct sample *sample)
{
	if (sample->quality == QUALITY_UNKNOWN)
		return VERDICT_UNKNOWN;
	if (sample->quality == QUALITY_PARTIAL && any_closed(alert) &&
	    (sample->idle || would_open(alert, budget, sample->value)))
		return VERDICT_UNKNOWN;
	if (sample->idle || isnan(sample->value))
		return VERDICT_IDLE;
	if (sample->quality == QUALITY_FEW)
		return VERDICT_WEAK;
	return VERDICT_KNOWN;
}

static uint64_t since(uint64_t already_ns, uint64_t now_ns)
{
	return already_ns ? already_ns : now_ns;
}

/*
 * Has it been so since then for all of the time asked for?  It is looked at once a second, a little
 * early or late: two looks that are meant to be a second apart are so, else the next would be late
 * by all of it.
 */
static bool held(uint64_t since_ns, uint64_t now_ns, uint64_t for_ns)
{
	return now_ns - since_ns + TICK_JITTER_NS >= for_ns;
}

static void latch_step(struct alert_latch *latch, const struct budget_config *budget, double limit,
		       const struct sample *sample, enum verdict verdict, uint64_t now_ns)
{
	bool over, clear;

	if (isnan(limit))
		return;
	over = verdict == VERDICT_KNOWN && beyond(budget, certain_value(budget, sample), limit);
	clear = !over && clear_of(budget, sample->value, limit);
	/* An interval that reaches inside the limit does not close a latch, nor keep it closed
	   once the estimate itself is inside. */
	latch->over_since_ns = over ? since(latch->over_since_ns, now_ns) : 0;
	latch->clear_since_ns = clear ? since(latch->clear_since_ns, now_ns) : 0;
	if (!latch->closed && over && held(latch->over_since_ns, now_ns, budget->for_ns))
		latch->closed = true;
	else if (latch->closed && clear && held(latch->clear_since_ns, now_ns, budget->for_ns))
		latch->closed = false;
}

static void latches_step(struct alert *alert, const struct budget_config *budget,
			 const struct sample *sample, enum verdict verdict, uint64_t now_ns)
{
	for (size_t i = 0; i < 2; i++) {
		struct alert_latch *latch = &alert->latch[i];

		if (verdict == VERDICT_KNOWN || verdict == VERDICT_WEAK) {
			latch_step(latch, budget, limit_of(budget, i), sample, verdict, now_ns);
			continue;
		}
		latch->over_since_ns = 0;
		latch->clear_since_ns = 0;
		if (verdict == VERDICT_IDLE)
			latch->closed = false;
	}
}

/* Also at the tick that resolves: the value there is no worse. */
static void worst_step(struct alert *alert, const struct budget_config *budget,
		       const struct sample *sample, enum verdict verdict)
{
	bool crossed = alert->severity != SEVERITY_NONE || any_closed(alert) ||
		       alert->latch[0].over_since_ns || alert->latch[1].over_since_ns;

	/* What is not known says nothing: neither that it is over nor how bad it is. */
	if (verdict == VERDICT_UNKNOWN)
		return;
	if (!crossed) {
		alert->has_worst = false;
	} else if (verdict == VERDICT_KNOWN &&
		   (!alert->has_worst || beyond(budget, sample->value, alert->worst))) {
		alert->worst = sample->value;
		alert->worst_low = sample->low;
		alert->worst_high = sample->high;
		alert->has_worst = true;
	}
}

static enum severity severity_of(const struct alert *alert)
{
	if (alert->latch[1].closed)
		return SEVERITY_CRITICAL;
	return alert->latch[0].closed ? SEVERITY_WARNING : SEVERITY_NONE;
}

static enum alert_state next_state(const struct alert *alert, enum verdict verdict,
				   enum severity before)
{
	if (verdict == VERDICT_UNKNOWN)
		return ALERT_UNKNOWN;
	if (any_closed(alert))
		return ALERT_FIRING;
	if (before != SEVERITY_NONE)
		return ALERT_RESOLVED;
	if (alert->latch[0].over_since_ns || alert->latch[1].over_since_ns)
		return ALERT_PENDING;
	return alert->state == ALERT_RESOLVED ? ALERT_RESOLVED : ALERT_INACTIVE;
}

static void fill_event(const struct alert *alert, const struct budget_config *budget,
		       const struct sample *sample, uint64_t now_ns, struct alert_event *event)
{
	enum severity shown = event->severity;
	size_t latch = shown == SEVERITY_CRITICAL;

	event->ts_ns = now_ns;
	event->budget = budget;
	event->sample = *sample;
	/* Pending: the highest limit that is crossed just now. */
	if (shown == SEVERITY_NONE)
		latch = alert->latch[1].over_since_ns != 0 || isnan(budget->warning);
	event->limit = limit_of(budget, latch);
	event->over_since_ns = alert->latch[latch].over_since_ns;
	event->worst = alert->has_worst ? alert->worst : NAN;
	event->worst_low = alert->has_worst ? alert->worst_low : NAN;
	event->worst_high = alert->has_worst ? alert->worst_high : NAN;
	event->over_percent = alert_over_percent(budget, sample->value);
	event->priority = -1;
	if (!isnan(sample->value) && sample->quality != QUALITY_UNKNOWN)
		event->priority = alert_priority(budget, sample->value, shown);
	if (event->state == ALERT_RESOLVED || alert->severity != SEVERITY_NONE)
		event->fired_ns = alert->fired_since_ns;
}

void alert_describe(const struct alert *alert, const struct budget_config *budget,
		    const struct sample *sample, enum alert_state state, enum severity severity,
		    uint64_t now_ns, struct alert_event *event)
{
	*event = (struct alert_event){
		.state = state,
		.previous = state,
		.severity = severity,
		.previous_severity = severity,
		.since_ns = alert->since_ns,
	};
	fill_event(alert, budget, sample, now_ns, event);
}

bool alert_step(struct alert *alert, const struct budget_config *budget,
		const struct sample *sample_in, uint64_t now_ns, struct alert_event *event)
{
	struct sample sample = *sample_in;
	enum severity before = alert->severity, after;
	enum alert_state state;
	enum verdict verdict;

	if (!sample.idle && sample.n < budget->min_count && sample.quality < QUALITY_FEW)
		sample.quality = QUALITY_FEW;
	verdict = judge(alert, budget, &sample);
	latches_step(alert, budget, &sample, verdict, now_ns);
	worst_step(alert, budget, &sample, verdict);
	after = severity_of(alert);
	state = next_state(alert, verdict, before);
	if (state == alert->state && after == before)
		return false;

	memset(event, 0, sizeof(*event));
	event->state = state;
	event->previous = alert->state;
	event->severity = state == ALERT_RESOLVED ? before : after;
	event->previous_severity = before;
	event->since_ns = alert->since_ns;
	if (after != SEVERITY_NONE && before == SEVERITY_NONE) {
		alert->fired_cnt++;
		alert->fired_since_ns = now_ns;
	}
	alert->state = state;
	alert->severity = after;
	alert->since_ns = now_ns;
	fill_event(alert, budget, &sample, now_ns, event);
	return true;
}
