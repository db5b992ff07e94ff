/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/publish_leaks.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "leaks/allocator.h"
#include "sinks/format.h"
#include "watch/leak_report.h"
#include "watch/publish_head.h"

#define S_PER_H	   3600.0
#define LIMITS_MAX 3

/* What the pointers of one object point to. */
struct leaks_parts {
	struct sink_leak_site sites[LEAK_REPORT_SITES];
	struct sink_frame frames[LEAK_REPORT_SITES][LEAK_REPORT_FRAMES];
	struct sink_size_class sizes[LEAK_REPORT_SITES][LEAK_SIZE_CLASSES];
	struct sink_leak_class classes[LEAK_REPORT_SITES][LEAK_CLASSES_MAX];
	char from[LEAK_REPORT_SITES][128];
	struct sink_leak_type types[LEAK_REPORT_TYPES];
	const char *limits[LIMITS_MAX];
	char lost[96];
};

/* From bytes per second. */
static struct sink_rate rate_of(double rate, double low, double high)
{
	return (struct sink_rate){rate * S_PER_H, low * S_PER_H, high * S_PER_H};
}

static size_t fill_frames(const struct leak_report_site *in, struct sink_frame *out)
{
	for (size_t i = 0; i < in->frames_n; i++)
		out[i] = (struct sink_frame){.function = in->frames[i].function,
					     .file = in->frames[i].file,
					     .line = in->frames[i].line,
					     .object = in->frames[i].object,
					     .offset = in->frames[i].offset,
					     .inlined = in->frames[i].inlined};
	return in->frames_n;
}

static size_t fill_sizes(const struct leak_site *in, struct sink_size_class *out)
{
	size_t n = 0;

	for (unsigned int i = 0; i < LEAK_SIZE_CLASSES; i++) {
		if (!in->sizes[i])
			continue;
		out[n] = (struct sink_size_class){.from_bytes = i ? 1ULL << i : 0,
						  .below_bytes = 2ULL << i,
						  .n = in->sizes[i]};
		n++;
	}
	return n;
}

static size_t fill_classes(const struct leak_classes *in, struct sink_leak_class *out)
{
	for (size_t i = 0; i < in->n; i++)
		out[i] = (struct sink_leak_class){.name = in->classes[i].name,
						  .blocks = in->classes[i].blocks_n};
	return in->n;
}

/* "heap, data"; NULL: no pointer was found, or none was looked for. */
static const char *referenced_from(const struct leak_site *in, char *text, size_t size)
{
	size_t len = 0;

	for (int kind = 0; kind < MAPPING_KINDS && len < size; kind++)
		if (in->referenced_from[kind])
			len += (size_t)snprintf(text + len, size - len, "%s%s", len ? ", " : "",
						mapping_kind_name((enum mapping_kind)kind));
	return len ? text : NULL;
}

static void fill_site(const struct leak_report *report, struct leaks_parts *parts, size_t at)
{
	const struct leak_report_site *in = &report->sites[at];
	const struct leak_site *s = &in->site;
	struct leak_place place;

	leak_report_place(report, at, &place);
	parts->sites[at] = (struct sink_leak_site){
		.place = leak_report_first(report, at),
		.ways = place.ways,
		.place_rate = rate_of(place.rate, place.low, place.high),
		.verdict = leak_verdict_name(s->verdict),
		.reason = s->reason,
		.leaks = s->verdict >= LEAK_PROBABLE,
		.by = in->function,
		.rate = rate_of(s->rate, s->rate_low, s->rate_high),
		.counted = s->counted,
		.gated = s->gated,
		.blocks_per_h = s->blocks_per_s * S_PER_H,
		.confidence = s->confidence,
		.reference = leak_label_name(s->label),
		.referenced_from = referenced_from(s, parts->from[at], sizeof(parts->from[at])),
		.sampled = s->sampled_n,
		.survivors = s->survivors_n,
		.survivors_bytes = s->survivors_bytes,
		.oldest_s = s->oldest_s,
		.freed_early = s->early_deaths,
		.freed_late = s->late_deaths,
		.touched_late = s->late_touches,
		.watched = s->watched_n,
		.watched_used = s->watched_used_n,
		.watched_s = (double)s->watched_ns / 1e9,
		.first_seen_ts_ns = publish_realtime_ns(s->first_seen_ns),
		.sizes = parts->sizes[at],
		.sizes_n = fill_sizes(s, parts->sizes[at]),
		.classes = parts->classes[at],
		.classes_n = fill_classes(&in->classes, parts->classes[at]),
		.classes_of = in->classes.blocks_n,
		.frames = parts->frames[at],
		.frames_n = fill_frames(in, parts->frames[at]),
		.blamed = in->own,
	};
}

/* Those of which there are more than there were. */
static size_t fill_types(const struct leak_report *report, struct sink_leak_type *out)
{
	double per_h = S_PER_H / report->types_elapsed_s;
	size_t n = 0;

	for (size_t i = 0; i < report->types_n; i++) {
		const struct census_type *t = &report->types[i];
		double rate = NAN;

		if (t->now <= t->before || !isfinite(per_h))
			continue;
		if (t->bytes_known)
			rate = ((double)t->now_bytes - (double)t->before_bytes) * per_h;
		out[n++] = (struct sink_leak_type){
			.name = t->name,
			.objects = t->now,
			.objects_per_h = (double)(t->now - t->before) * per_h,
			.rate = {rate, NAN, NAN},
		};
	}
	return n;
}

static size_t fill_limits(const struct leak_report *report, struct leaks_parts *parts)
{
	const char *limits = allocator_limits(report->allocator);
	size_t n = 0;

	if (report->why[0])
		parts->limits[n++] = report->why;
	if (report->allocator != ALLOCATOR_UNKNOWN && limits && limits[0])
		parts->limits[n++] = limits;
	if (report->lost) {
		snprintf(parts->lost, sizeof(parts->lost),
			 "%" PRIu64 " sampled allocations, for which there was no room",
			 report->lost);
		parts->limits[n++] = parts->lost;
	}
	return n;
}

static void fill_report(const struct leak_report *report, struct leaks_parts *parts,
			struct sink_leaks *out)
{
	const struct leak_ledger_counts *c = &report->counts;

	for (size_t i = 0; i < report->sites_n; i++)
		fill_site(report, parts, i);
	if (report->growth.known)
		out->growth = rate_of(report->growth.rate, report->growth.low, report->growth.high);
	if (report->allocator != ALLOCATOR_UNKNOWN)
		out->allocator = allocator_kind_name(report->allocator);
	out->tells = allocator_tells(report->allocator);
	out->windows = c->windows_n;
	out->calls = c->hits;
	out->sampled = c->samples;
	for (int i = 0; i < BLOCK_EVIDENCES; i++)
		out->freed += c->freed[i];
	out->probe_ns = report->cost_ns;
	out->sites = parts->sites;
	out->sites_n = report->sites_n;
	out->sites_quiet = c->sites_n > report->sites_n ? c->sites_n - report->sites_n : 0;
	out->types = parts->types;
	out->types_n = fill_types(report, parts->types);
	out->limits = parts->limits;
	out->limits_n = fill_limits(report, parts);
}

void publish_leaks(struct sink_set *sinks, const struct sink_head *head,
		   const struct leak_report *report, const struct publish_leaks_facts *facts)
{
	struct leaks_parts parts = {};
	struct sink_leaks leaks = {
		.head = *head,
		.reason = facts->reason,
		.duration_s = NAN,
		.step = facts->step,
		.growth = {NAN, NAN, NAN},
	};

	if (report && facts->since_ns && report->at_ns > facts->since_ns)
		leaks.duration_s = (double)(report->at_ns - facts->since_ns) / 1e9;
	if (report)
		fill_report(report, &parts, &leaks);
	sink_set__leaks(sinks, &leaks);
}

/* "keep_audio at voice.c:41", "keep_audio in libvoice.so+0x1139", "libvoice.so+0x1139". */
static void place_text(const struct leak_report_site *site, char *text, size_t size)
{
	const struct frame_name *f = &site->frames[site->own];
	int len;

	if (site->own >= site->frames_n) {
		snprintf(text, size, "a place whose stack could not be read");
		return;
	}
	len = snprintf(text, size, "%s", f->function);
	if (f->file[0] && f->line)
		snprintf(text + len, size - (size_t)len, "%s%s:%" PRIu32, len ? " at " : "",
			 f->file, f->line);
	else
		snprintf(text + len, size - (size_t)len, "%s%s+0x%" PRIx64, len ? " in " : "",
			 f->object[0] ? f->object : "?", f->offset);
}

/* Of the first site of a place, for all of them. */
static void place_note(const struct leak_report *report, size_t first, char *text, size_t size)
{
	static const char *const labels[] = {"", ", lost", ", still referenced"};
	const struct leak_site *s = &report->sites[first].site;
	char name[FRAME_FUNCTION_MAX + FRAME_FILE_MAX + 32], ways[32] = "";
	char rate[FORMAT_MAX], low[FORMAT_MAX], high[FORMAT_MAX];
	struct leak_place place;

	place_text(&report->sites[first], name, sizeof(name));
	leak_report_place(report, first, &place);
	if (place.ways > 1)
		snprintf(ways, sizeof(ways), ", %zu ways", place.ways);
	snprintf(text, size, "%s leak: %s%s, %s (%s to %s)%s", leak_verdict_name(s->verdict), name,
		 ways, unit_format(rate, sizeof(rate), place.rate * S_PER_H, UNIT_BYTES_PER_H),
		 unit_format(low, sizeof(low), place.low * S_PER_H, UNIT_BYTES_PER_H),
		 unit_format(high, sizeof(high), place.high * S_PER_H, UNIT_BYTES_PER_H),
		 labels[s->label <= LEAK_LABEL_REFERENCED ? s->label : 0]);
}

static struct sink_evidence note_of(enum sink_evidence_kind kind, const char *text)
{
	return (struct sink_evidence){
		.kind = kind, .wall_s = NAN, .first_s = NAN, .process_cpu_s = NAN, .text = text};
}

size_t publish_leak_evidence(const struct leak_report *report, const char *metric,
			     struct sink_evidence out[EVIDENCE_KEPT], struct leak_texts *texts)
{
	size_t n = 0;

	if (!report || strncmp(metric, "memory.", strlen("memory.")))
		return 0;
	for (size_t i = 0; i < report->sites_n && n < EVIDENCE_KEPT; i++) {
		if (report->sites[i].site.verdict < LEAK_SUSPECT ||
		    leak_report_first(report, i) != i)
			continue;
		place_note(report, i, texts->text[n], LEAK_TEXT_MAX);
		out[n] = note_of(SINK_EVIDENCE_NOTE, texts->text[n]);
		n++;
	}
	return n;
}

static void growth_text(double value, double low, double high, char *text, size_t size)
{
	char rate[FORMAT_MAX], from[FORMAT_MAX], to[FORMAT_MAX];

	unit_format(rate, sizeof(rate), value, UNIT_BYTES_PER_H);
	if (isfinite(low) && isfinite(high))
		snprintf(text, size, "%s (%s to %s)", rate,
			 unit_format(from, sizeof(from), low, UNIT_BYTES_PER_H),
			 unit_format(to, sizeof(to), high, UNIT_BYTES_PER_H));
	else
		snprintf(text, size, "%s", rate);
}

size_t publish_growth_compared(const struct alert_event *event,
			       struct sink_evidence out[EVIDENCE_KEPT], struct leak_texts *texts)
{
	char before[4 * FORMAT_MAX], after[4 * FORMAT_MAX];

	if (event->state != ALERT_RESOLVED || strcmp(event->budget->metric, "memory.growth") ||
	    !isfinite(event->worst) || !isfinite(event->sample.value))
		return 0;
	growth_text(event->worst, event->worst_low, event->worst_high, before, sizeof(before));
	growth_text(event->sample.value, event->sample.low, event->sample.high, after,
		    sizeof(after));
	snprintf(texts->text[0], LEAK_TEXT_MAX, "before %s, after %s", before, after);
	out[0] = note_of(SINK_EVIDENCE_COMPARISON, texts->text[0]);
	return 1;
}
