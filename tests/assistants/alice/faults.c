/* SPDX-License-Identifier: GPL-2.0-only */
#include "faults.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "background.h"
#include "clock.h"
#include "log.h"
#include "units.h"

typedef int (*parse_fn)(const char *text, uint64_t *out);

/* Name, how its value is read, and the value when none is given. */
static const struct fault_type {
	const char *name;
	parse_fn parse;
	uint64_t value;
} types[FAULT_CNT] = {
	[FAULT_SLOW_WAKE] = {"slow-wake", parse_duration, 30 * NSEC_PER_MSEC},
	[FAULT_SLOW_STT] = {"slow-stt", parse_duration, 600 * NSEC_PER_MSEC},
	[FAULT_SLOW_INTENT] = {"slow-intent", parse_duration, 600 * NSEC_PER_MSEC},
	[FAULT_SLOW_RESPONSE] = {"slow-response", parse_duration, 600 * NSEC_PER_MSEC},
	[FAULT_SLOW_TTS] = {"slow-tts", parse_duration, 600 * NSEC_PER_MSEC},
	[FAULT_TTS_WHOLE] = {"tts-whole", NULL, 0},
	[FAULT_SLOW_CHUNK] = {"slow-chunk", parse_duration, 100 * NSEC_PER_MSEC},
	[FAULT_HANG_WAKE] = {"hang-wake", parse_duration, 10 * NSEC_PER_SEC},
	[FAULT_HANG_STT] = {"hang-stt", parse_duration, 10 * NSEC_PER_SEC},
	[FAULT_HANG_INTENT] = {"hang-intent", parse_duration, 10 * NSEC_PER_SEC},
	[FAULT_HANG_RESPONSE] = {"hang-response", parse_duration, 10 * NSEC_PER_SEC},
	[FAULT_HANG_TTS] = {"hang-tts", parse_duration, 10 * NSEC_PER_SEC},
	[FAULT_CPU_INTENT] = {"cpu-intent", parse_duration, 300 * NSEC_PER_MSEC},
	[FAULT_LOCK] = {"lock", parse_duration, 300 * NSEC_PER_MSEC},
	[FAULT_DISK] = {"disk", parse_bytes, 32ULL << 20},
	[FAULT_STT_ERROR] = {"stt-error", NULL, 0},
	[FAULT_INTENT_ERROR] = {"intent-error", NULL, 0},
	[FAULT_RESPONSE_ERROR] = {"response-error", NULL, 0},
	[FAULT_TTS_ERROR] = {"tts-error", NULL, 0},
	[FAULT_NO_TTS] = {"no-tts", NULL, 0},
	[FAULT_BARGE_IN] = {"barge-in", NULL, 0},
	[FAULT_OVERLAP] = {"overlap", NULL, 0},
	[FAULT_GAP] = {"gap", parse_duration, 300 * NSEC_PER_MSEC},
	[FAULT_MIC_STOP] = {"mic-stop", NULL, 0},
	[FAULT_KEEP_AUDIO] = {"keep-audio", parse_percent, 100},
	[FAULT_BURN_THREAD] = {"burn-thread", parse_percent, 80},
	[FAULT_LEAK] = {"leak", parse_bytes, 1ULL << 20},
	[FAULT_SPIKE] = {"spike", parse_bytes, 300ULL << 20},
	[FAULT_HOLD] = {"hold", parse_bytes, 300ULL << 20},
	[FAULT_DISK_WRITE] = {"disk-write", parse_bytes, 32ULL << 20},
	[FAULT_THREADS] = {"threads", parse_count, 50},
	[FAULT_FDS] = {"fds", parse_count, 500},
	[FAULT_CRASH] = {"crash", NULL, 0},
	[FAULT_EXIT] = {"exit", parse_count, 1},
};

static struct {
	struct fault *faults;
	atomic_uint cnt; /* a fault is whole before it is counted */
	unsigned int max;
	uint64_t ready_ns;
} plan;

const char *fault_name(enum fault_kind kind)
{
	return types[kind].name;
}

static int find_type(const char *name, enum fault_kind *kind)
{
	for (unsigned int i = 0; i < FAULT_CNT; i++) {
		if (strcmp(types[i].name, name) == 0) {
			*kind = (enum fault_kind)i;
			return 0;
		}
	}
	return -EINVAL;
}

/* FROM or FROM-TO or FROM- */
static int parse_schedule(char *text, struct fault *fault)
{
	char *to = strchr(text, '-');

	if (to)
		*to++ = '\0';
	if (parse_duration(text, &fault->from_ns) != 0)
		return -EINVAL;
	if (to && *to != '\0') {
		uint64_t to_ns;

		if (parse_duration(to, &to_ns) != 0)
			return -EINVAL;
		fault->to_ns = to_ns;
	}
	return fault->to_ns > fault->from_ns ? 0 : -EINVAL;
}

int fault_parse(const char *text, struct fault *fault, const char **why)
{
	char buf[128], *at, *value;

	*why = "too long";
	if (snprintf(buf, sizeof(buf), "%s", text) >= (int)sizeof(buf))
		return -EINVAL;
	memset(fault, 0, sizeof(*fault));
	fault->to_ns = UINT64_MAX;
	at = strchr(buf, '@');
	if (at)
		*at++ = '\0';
	value = strchr(buf, '=');
	if (value)
		*value++ = '\0';
	*why = "no such fault";
	if (find_type(buf, &fault->kind) != 0)
		return -EINVAL;
	fault->value = types[fault->kind].value;
	*why = "the value is not one that this fault takes";
	if (value &&
	    (!types[fault->kind].parse || types[fault->kind].parse(value, &fault->value) != 0))
		return -EINVAL;
	*why = "the schedule is not FROM-TO, as in 20s-40s";
	return at ? parse_schedule(at, fault) : 0;
}

void faults_arm(struct fault *faults, unsigned int cnt, unsigned int max, uint64_t ready_ns)
{
	plan.faults = faults;
	plan.max = max;
	plan.ready_ns = ready_ns;
	plan.cnt = cnt;
}

int faults_begin(const char *text, const char **why)
{
	struct fault *fault = &plan.faults[plan.cnt];

	*why = "too many faults";
	if (plan.cnt == plan.max)
		return -EINVAL;
	if (fault_parse(text, fault, why) != 0)
		return -EINVAL;
	*why = "a fault that begins now has no schedule";
	if (fault->from_ns != 0)
		return -EINVAL;
	fault->from_ns = now_ns() - plan.ready_ns;
	plan.cnt++;
	return 0;
}

int faults_finish(const char *name, const char **why)
{
	uint64_t since_ns = now_ns() - plan.ready_ns;
	enum fault_kind kind;

	*why = "no such fault";
	if (find_type(name, &kind) != 0)
		return -EINVAL;
	*why = "it is not there";
	for (unsigned int i = plan.cnt; i-- > 0;) {
		struct fault *f = &plan.faults[i];

		if (f->kind != kind || since_ns < f->from_ns || since_ns >= f->to_ns)
			continue;
		f->to_ns = since_ns;
		return 0;
	}
	return -EINVAL;
}

/* The newest of them. */
static struct fault *find_active(enum fault_kind kind)
{
	uint64_t since_ns;

	if (plan.cnt == 0)
		return NULL;
	since_ns = now_ns() - plan.ready_ns;
	for (unsigned int i = plan.cnt; i-- > 0;) {
		struct fault *f = &plan.faults[i];

		if (f->kind == kind && since_ns >= f->from_ns && since_ns < f->to_ns)
			return f;
	}
	return NULL;
}

bool fault_active(enum fault_kind kind, uint64_t *value)
{
	struct fault *f = find_active(kind);

	if (f && value)
		*value = f->value;
	return f != NULL;
}

bool fault_once(enum fault_kind kind, uint64_t *value)
{
	struct fault *f = find_active(kind);

	if (!f || atomic_exchange(&f->used, true))
		return false;
	if (value)
		*value = f->value;
	return true;
}

static void log_change(const struct fault *f, const char *state)
{
	log_line("{\"type\":\"fault\",\"fault\":\"%s\",\"state\":\"%s\",\"value\":%llu,\"at_ns\":%"
		 "llu}",
		 fault_name(f->kind), state, (unsigned long long)f->value,
		 (unsigned long long)now_ns());
}

static void fault_start(struct fault *f)
{
	f->started = true;
	log_change(f, "start");
	background_start(f->kind, f->value);
}

static void fault_stop(struct fault *f)
{
	f->ended = true;
	background_stop(f->kind);
	log_change(f, "end");
}

uint64_t faults_tick(void)
{
	uint64_t since_ns = now_ns() - plan.ready_ns;
	uint64_t next_ns = UINT64_MAX;

	for (unsigned int i = 0; i < plan.cnt; i++) {
		struct fault *f = &plan.faults[i];
		uint64_t due_ns;

		if (!f->started && since_ns >= f->from_ns)
			fault_start(f);
		if (f->started && !f->ended && since_ns >= f->to_ns)
			fault_stop(f);
		if (f->ended)
			continue;
		due_ns = f->started ? f->to_ns : f->from_ns;
		if (due_ns != UINT64_MAX && plan.ready_ns + due_ns < next_ns)
			next_ns = plan.ready_ns + due_ns;
	}
	return next_ns;
}

void faults_end(void)
{
	for (unsigned int i = 0; i < plan.cnt; i++) {
		if (plan.faults[i].started && !plan.faults[i].ended)
			fault_stop(&plan.faults[i]);
	}
}
