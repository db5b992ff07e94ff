/* SPDX-License-Identifier: GPL-2.0-only */
#include "python/sampled_spans.h"

#include <stdlib.h>
#include <string.h>

/* By then what was told of the end of a generator has come. */
#define LOST_NS 1000000000ULL

enum followed_state {
	FOLLOWED_FREE = 0,
	FOLLOWED_ON = 1,	/* on its thread */
	FOLLOWED_SUSPENDED = 2, /* a generator that is on none */
	FOLLOWED_OVER = 3,	/* ended, but nobody knows yet what it was */
};

/* A thread's times at one instant. */
struct times {
	uint64_t at_ns;
	uint64_t cpu_ns;
	uint64_t process_cpu_ns;
	uint64_t wait_ns[WIRE_WAITS];
};

struct followed {
	enum followed_state state;
	bool under_way; /* nobody saw it begin */
	bool over;	/* a generator: so it was told, as it was on its thread */
	uint32_t tid;
	uint32_t cls;
	uint32_t flags; /* of the frame */
	uint32_t slot;
	uint64_t frame;
	uint64_t code;
	uint64_t start_ns;
	struct times since;  /* it came to its thread */
	struct times used;   /* before; at_ns: when it left the thread last */
	uint64_t doubted_ns; /* since when it seems to be over */
};

struct sampled_spans {
	struct sampled_spans_ops ops;
	void *ctx;
	struct sampled_spans_stats stats;
	bool known; /* `before` are the frames that were there before */
	size_t before_n;
	struct sampled_suspended before[SAMPLED_UNDER_WAY_MAX];
	size_t used_n; /* none from here on is in use */
	struct followed followed[SAMPLED_SPANS_MAX];
};

struct sampled_spans *sampled_spans__new(const struct sampled_spans_ops *ops, void *ctx)
{
	struct sampled_spans *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->ops = *ops;
	s->ctx = ctx;
	return s;
}

void sampled_spans__free(struct sampled_spans *s)
{
	free(s);
}

void sampled_spans__stats(const struct sampled_spans *s, struct sampled_spans_stats *out)
{
	*out = s->stats;
}

static bool is_stage(uint32_t cls)
{
	return cls != WIRE_PYTHON_NOTHING && cls <= WIRE_STAGES_MAX;
}

/* The thread's times in the middle of the interval: it was on its CPU for all of it. */
static void middle(const struct wire_python_sample *sample, struct times *out)
{
	uint64_t before_ns = sample->before_ns < sample->hdr.ts_ns ? sample->before_ns
								   : sample->hdr.ts_ns;
	uint64_t half_ns = (sample->hdr.ts_ns - before_ns) / 2;

	out->at_ns = sample->hdr.ts_ns - half_ns;
	/* Only differences mean anything: they may wrap. */
	out->cpu_ns = sample->cpu_ns - half_ns;
	out->process_cpu_ns = sample->process_cpu_ns - half_ns;
	memcpy(out->wait_ns, sample->wait_ns, sizeof(out->wait_ns));
}

/* A difference of totals that may be hostile, or of clocks that do not quite agree. */
static uint64_t grown(uint64_t later, uint64_t earlier)
{
	uint64_t diff = later - earlier;

	return diff >> 63 ? 0 : diff;
}

static void add_used(struct followed *f, const struct times *left)
{
	f->used.at_ns = left->at_ns;
	f->used.cpu_ns += grown(left->cpu_ns, f->since.cpu_ns);
	f->used.process_cpu_ns += grown(left->process_cpu_ns, f->since.process_cpu_ns) &
				  WIRE_CLOCK_MASK;
	for (size_t i = 0; i < WIRE_WAITS; i++)
		f->used.wait_ns[i] += grown(left->wait_ns[i], f->since.wait_ns[i]);
}

static void open_slot(struct sampled_spans *s, struct followed *f)
{
	if (is_stage(f->cls) && !f->under_way)
		f->slot = s->ops.opened(s->ctx, f->cls - 1, f->start_ns, f->tid);
}

static void drop(struct sampled_spans *s, struct followed *f)
{
	if (is_stage(f->cls) && !f->under_way)
		s->ops.landed(s->ctx, f->cls - 1, f->slot);
	memset(f, 0, sizeof(*f));
	while (s->used_n && s->followed[s->used_n - 1].state == FOLLOWED_FREE)
		s->used_n--;
}

static void emit(struct sampled_spans *s, const struct followed *f)
{
	struct wire_span span = {
		.hdr = {.kind = WIRE_KIND_SPAN, .len_bytes = sizeof(span), .tid = f->tid},
		.stage = (uint16_t)(f->cls - 1),
		.flags = WIRE_SPAN_CPU,
		.start_ns = f->start_ns,
		.end_ns = f->used.at_ns > f->start_ns ? f->used.at_ns : f->start_ns,
		.key = f->tid,
		.cpu_ns = f->used.cpu_ns,
		.process_cpu_ns = f->used.process_cpu_ns};
	uint64_t told_ns = span.cpu_ns;

	for (size_t i = 0; i < WIRE_WAITS; i++) {
		span.wait_ns[i] = f->used.wait_ns[i];
		told_ns += span.wait_ns[i];
	}
	span.first_ns = span.hdr.ts_ns = span.end_ns;
	/* While it was on no thread it waited for something. */
	if (f->flags & WIRE_PYTHON_GENERATOR && span.end_ns - span.start_ns > told_ns)
		span.wait_ns[WIRE_WAIT_OTHER] += span.end_ns - span.start_ns - told_ns;
	s->stats.spans++;
	s->ops.span(s->ctx, &span);
}

/* It is over, and used.at_ns is when. */
static void close_span(struct sampled_spans *s, struct followed *f)
{
	if (f->cls == WIRE_PYTHON_ASKED) {
		f->state = FOLLOWED_OVER;
		return;
	}
	if (f->under_way)
		s->stats.under_way++;
	else if (is_stage(f->cls))
		emit(s, f);
	drop(s, f);
}

static struct followed *find(struct sampled_spans *s, uint64_t frame, uint64_t code,
			     enum followed_state state, uint32_t tid)
{
	for (size_t i = 0; i < s->used_n; i++) {
		struct followed *f = &s->followed[i];

		if (f->state == state && f->frame == frame && f->code == code &&
		    (state == FOLLOWED_SUSPENDED || f->tid == tid))
			return f;
	}
	return NULL;
}

static struct followed *take_free(struct sampled_spans *s)
{
	for (size_t i = 0; i < SAMPLED_SPANS_MAX; i++) {
		if (s->followed[i].state != FOLLOWED_FREE)
			continue;
		if (i >= s->used_n)
			s->used_n = i + 1;
		return &s->followed[i];
	}
	s->stats.lost++;
	return NULL;
}

static const struct wire_python_frame *frame_in(const struct wire_python_sample *sample,
						const struct followed *f)
{
	for (size_t i = 0; i < sample->frames_n && i < WIRE_PYTHON_SET; i++)
		if (sample->frames[i].frame == f->frame && sample->frames[i].code == f->code)
			return &sample->frames[i];
	return NULL;
}

/* What was told of it as it left, before another one can have taken its place. */
static bool is_over(const struct wire_python_sample *sample, const struct followed *f)
{
	for (size_t i = 0; i < WIRE_PYTHON_SET; i++)
		if (sample->over[i] == f->frame)
			return true;
	return false;
}

static void leave(struct sampled_spans *s, struct followed *f,
		  const struct wire_python_sample *sample, const struct times *when)
{
	/* Of what was before nothing is known: not even how often it ended. */
	if (sample->flags & WIRE_PYTHON_FIRST) {
		drop(s, f);
		return;
	}
	add_used(f, when);
	if (f->flags & WIRE_PYTHON_GENERATOR && !(sample->flags & WIRE_PYTHON_THREAD_END) &&
	    !f->over && !is_over(sample, f))
		f->state = FOLLOWED_SUSPENDED;
	else
		close_span(s, f);
}

static void set_class(struct sampled_spans *s, struct followed *f, uint32_t cls)
{
	if (f->cls != WIRE_PYTHON_ASKED || cls == WIRE_PYTHON_ASKED)
		return;
	f->cls = cls;
	if (!is_stage(cls)) {
		drop(s, f);
		return;
	}
	open_slot(s, f);
	if (f->state == FOLLOWED_OVER)
		close_span(s, f);
}

static void leave_all(struct sampled_spans *s, const struct wire_python_sample *sample,
		      const struct times *when)
{
	size_t n = s->used_n;

	for (size_t i = 0; i < n; i++) {
		struct followed *f = &s->followed[i];
		const struct wire_python_frame *now;

		if (f->state != FOLLOWED_ON || f->tid != sample->hdr.tid)
			continue;
		now = frame_in(sample, f);
		if (now)
			set_class(s, f, now->cls);
		else if (!(sample->flags & WIRE_PYTHON_CUT))
			leave(s, f, sample, when);
	}
}

static bool is_under_way(const struct sampled_spans *s, const struct wire_python_sample *sample,
			 const struct wire_python_frame *frame)
{
	if (!(sample->flags & WIRE_PYTHON_FIRST))
		return false;
	for (size_t i = 0; i < s->before_n; i++)
		if (s->before[i].frame == frame->frame && s->before[i].code == frame->code)
			return true;
	return !s->known;
}

static void enter(struct sampled_spans *s, const struct wire_python_sample *sample,
		  const struct wire_python_frame *frame, const struct times *when)
{
	struct followed *f = find(s, frame->frame, frame->code, FOLLOWED_SUSPENDED, 0);

	if (f) {
		f->state = FOLLOWED_ON;
		f->doubted_ns = 0;
		f->tid = sample->hdr.tid;
		f->since = *when;
		set_class(s, f, frame->cls);
		return;
	}
	f = take_free(s);
	if (!f)
		return;
	*f = (struct followed){.state = FOLLOWED_ON,
			       .under_way = frame->flags & WIRE_PYTHON_GENERATOR ||
					    is_under_way(s, sample, frame),
			       .tid = sample->hdr.tid,
			       .cls = frame->cls,
			       .flags = frame->flags,
			       .frame = frame->frame,
			       .code = frame->code,
			       .start_ns = when->at_ns,
			       .since = *when};
	open_slot(s, f);
}

void sampled_spans__feed(struct sampled_spans *s, const struct wire_python_sample *sample)
{
	struct times when;

	middle(sample, &when);
	leave_all(s, sample, &when);
	for (size_t i = 0; i < sample->frames_n && i < WIRE_PYTHON_SET; i++) {
		const struct wire_python_frame *frame = &sample->frames[i];

		if ((is_stage(frame->cls) || frame->cls == WIRE_PYTHON_ASKED) &&
		    !find(s, frame->frame, frame->code, FOLLOWED_ON, sample->hdr.tid))
			enter(s, sample, frame, &when);
	}
}

void sampled_spans__resolve(struct sampled_spans *s, uint64_t code, uint32_t cls)
{
	size_t n = s->used_n;

	for (size_t i = 0; i < n; i++)
		if (s->followed[i].state != FOLLOWED_FREE && s->followed[i].code == code)
			set_class(s, &s->followed[i], cls);
}

static void made(struct sampled_spans *s, const struct wire_python_generator *g, uint64_t at_ns)
{
	struct followed *f = take_free(s);

	if (!f)
		return;
	*f = (struct followed){.state = FOLLOWED_SUSPENDED,
			       .tid = g->hdr.tid,
			       .cls = g->cls,
			       .flags = WIRE_PYTHON_GENERATOR,
			       .frame = g->frame,
			       .code = g->code,
			       .start_ns = at_ns};
	f->used.at_ns = at_ns;
	open_slot(s, f);
}

static struct followed *find_generator(struct sampled_spans *s,
				       const struct wire_python_generator *g)
{
	for (size_t i = 0; i < s->used_n; i++) {
		struct followed *f = &s->followed[i];

		if ((f->state == FOLLOWED_SUSPENDED || f->state == FOLLOWED_ON) &&
		    f->frame == g->frame && f->code == g->code)
			return f;
	}
	return NULL;
}

void sampled_spans__generator(struct sampled_spans *s, const struct wire_python_generator *g)
{
	struct followed *f = find_generator(s, g);
	uint64_t before_ns = g->before_ns < g->hdr.ts_ns ? g->before_ns : g->hdr.ts_ns;
	uint64_t at_ns = g->hdr.ts_ns - (g->hdr.ts_ns - before_ns) / 2;

	/* It was seen on its thread first. */
	if (f && !g->over && f->state == FOLLOWED_ON && f->under_way) {
		f->under_way = false;
		f->start_ns = at_ns;
		f->cls = g->cls;
		open_slot(s, f);
		return;
	}
	/* Another one in the place of one whose end was not told. */
	if (f && !g->over && f->state == FOLLOWED_SUSPENDED) {
		s->stats.lost += !f->under_way;
		drop(s, f);
		f = NULL;
	}
	if (!f && !g->over)
		made(s, g, at_ns);
	if (!f || !g->over)
		return;
	/* What it used is known when the thread's sample tells that it left. */
	if (f->state == FOLLOWED_ON) {
		f->over = true;
		return;
	}
	f->used.at_ns = at_ns;
	close_span(s, f);
}

size_t sampled_spans__suspended(const struct sampled_spans *s, uint64_t now_ns,
				struct sampled_suspended *out, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < s->used_n && found < n; i++) {
		const struct followed *f = &s->followed[i];

		if (f->state == FOLLOWED_SUSPENDED && f->used.at_ns + LOST_NS < now_ns)
			out[found++] = (struct sampled_suspended){f->frame, f->code};
	}
	return found;
}

size_t sampled_spans__waiting(const struct sampled_spans *s, uint64_t before_ns,
			      struct sampled_waiting *out, size_t n)
{
	size_t found = 0;

	for (size_t i = 0; i < s->used_n && found < n; i++) {
		const struct followed *f = &s->followed[i];

		if (f->state == FOLLOWED_SUSPENDED && is_stage(f->cls) && !f->under_way &&
		    f->start_ns < before_ns)
			out[found++] = (struct sampled_waiting){f->frame, f->code, f->cls - 1};
	}
	return found;
}

bool sampled_spans__gone(struct sampled_spans *s, uint64_t frame, uint64_t code, uint64_t now_ns)
{
	struct followed *f = find(s, frame, code, FOLLOWED_SUSPENDED, 0);

	if (!f)
		return false;
	if (!f->doubted_ns)
		f->doubted_ns = now_ns;
	if (now_ns - f->doubted_ns < LOST_NS)
		return false;
	s->stats.lost++;
	drop(s, f);
	return true;
}

void sampled_spans__under_way(struct sampled_spans *s, const struct sampled_suspended *frames,
			      size_t n)
{
	if (n > SAMPLED_UNDER_WAY_MAX)
		return;
	memcpy(s->before, frames, n * sizeof(frames[0]));
	s->before_n = n;
	s->known = true;
}

void sampled_spans__stop(struct sampled_spans *s)
{
	s->known = false;
	s->before_n = 0;
	while (s->used_n) {
		struct followed *f = &s->followed[s->used_n - 1];

		if (f->state == FOLLOWED_FREE)
			s->used_n--;
		else
			drop(s, f);
	}
}
