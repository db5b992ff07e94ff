/* SPDX-License-Identifier: GPL-2.0-only */
/* json_leaks.c - places that leak, as docs/output.md says. */
#include "sinks/json_leaks.h"

#include <math.h>

#include "sinks/format.h"

/* A name that is empty is not known. */
static const char *known(const char *name)
{
	return name && name[0] ? name : NULL;
}

static void line_key(struct json_writer *w, uint32_t line)
{
	if (line)
		json_uint(w, "line", line);
	else
		json_name(w, "line", NULL);
}

static void rate_object(struct json_writer *w, const char *key, const struct sink_rate *rate)
{
	json_begin(w, key, '{');
	json_number(w, "value", rate->value);
	json_number(w, "low", rate->low);
	json_number(w, "high", rate->high);
	json_end(w, '}');
}

static void frame_object(struct json_writer *w, const struct sink_frame *frame)
{
	json_begin(w, NULL, '{');
	json_name(w, "function", known(frame->function));
	json_name(w, "file", known(frame->file));
	line_key(w, frame->line);
	json_name(w, "object", known(frame->object));
	json_uint(w, "offset", frame->offset);
	json_bool(w, "inlined", frame->inlined);
	json_end(w, '}');
}

static void blamed_keys(struct json_writer *w, const struct sink_leak_site *site)
{
	static const struct sink_frame nowhere;
	const struct sink_frame *frame = site->blamed < site->frames_n ? &site->frames[site->blamed]
								       : &nowhere;

	json_name(w, "function", known(frame->function));
	json_name(w, "file", known(frame->file));
	line_key(w, frame->line);
	json_name(w, "object", known(frame->object));
}

static void count_keys(struct json_writer *w, const struct sink_leak_site *site)
{
	char ts[FORMAT_MAX];

	json_uint(w, "sampled", site->sampled);
	json_uint(w, "survivors", site->survivors);
	json_uint(w, "survivors_bytes", site->survivors_bytes);
	json_number(w, "oldest_s", site->oldest_s);
	json_uint(w, "freed_early", site->freed_early);
	json_uint(w, "freed_late", site->freed_late);
	json_uint(w, "touched_late", site->touched_late);
	json_uint(w, "watched", site->watched);
	json_uint(w, "watched_used", site->watched_used);
	json_number(w, "watched_s", site->watched_s);
	json_name(w, "first_seen",
		  site->first_seen_ts_ns ? timestamp_format(ts, sizeof(ts), site->first_seen_ts_ns)
					 : NULL);
}

static void sizes_array(struct json_writer *w, const struct sink_leak_site *site)
{
	json_begin(w, "sizes", '[');
	for (size_t i = 0; i < site->sizes_n; i++) {
		json_begin(w, NULL, '{');
		json_uint(w, "from_bytes", site->sizes[i].from_bytes);
		json_uint(w, "below_bytes", site->sizes[i].below_bytes);
		json_uint(w, "n", site->sizes[i].n);
		json_end(w, '}');
	}
	json_end(w, ']');
}

static void classes_array(struct json_writer *w, const struct sink_leak_site *site)
{
	json_begin(w, "classes", '[');
	for (size_t i = 0; i < site->classes_n; i++) {
		json_begin(w, NULL, '{');
		json_name(w, "name", site->classes[i].name);
		json_uint(w, "blocks", site->classes[i].blocks);
		json_end(w, '}');
	}
	json_end(w, ']');
	json_uint(w, "classes_of", site->classes_of);
}

static void site_object(struct json_writer *w, const struct sink_leak_site *site, size_t rank)
{
	json_begin(w, NULL, '{');
	json_uint(w, "rank", rank);
	json_uint(w, "place", site->place + 1);
	json_name(w, "verdict", site->verdict);
	json_sentence(w, "reason", site->reason);
	blamed_keys(w, site);
	json_name(w, "by", site->by);
	rate_object(w, "bytes_per_hour", &site->rate);
	json_bool(w, "counted", site->counted);
	json_bool(w, "gated", site->gated);
	json_number(w, "blocks_per_hour", site->blocks_per_h);
	json_number(w, "confidence", site->confidence);
	json_name(w, "reference", site->reference);
	json_name(w, "referenced_from", site->referenced_from);
	count_keys(w, site);
	sizes_array(w, site);
	classes_array(w, site);
	json_begin(w, "frames", '[');
	for (size_t i = 0; i < site->frames_n; i++)
		frame_object(w, &site->frames[i]);
	json_end(w, ']');
	json_end(w, '}');
}

static void types_array(struct json_writer *w, const struct sink_leaks *leaks)
{
	json_begin(w, "types", '[');
	for (size_t i = 0; i < leaks->types_n; i++) {
		json_begin(w, NULL, '{');
		json_name(w, "name", leaks->types[i].name);
		json_uint(w, "objects", leaks->types[i].objects);
		json_number(w, "objects_per_hour", leaks->types[i].objects_per_h);
		rate_object(w, "bytes_per_hour", &leaks->types[i].rate);
		json_end(w, '}');
	}
	json_end(w, ']');
}

void json_leaks_keys(struct json_writer *w, const struct sink_leaks *leaks)
{
	static const char *const reasons[] = {"found", "signal", "exit"};

	json_name(w, "reason", reasons[leaks->reason <= SINK_LEAKS_EXIT ? leaks->reason : 0]);
	json_number(w, "duration_s", leaks->duration_s);
	json_name(w, "step", leaks->step);
	if (isfinite(leaks->growth.value))
		rate_object(w, "growth", &leaks->growth);
	else
		json_name(w, "growth", NULL);
	json_name(w, "allocator", leaks->allocator);
	json_bool(w, "tells", leaks->tells);
	json_uint(w, "windows", leaks->windows);
	json_uint(w, "calls", leaks->calls);
	json_uint(w, "sampled", leaks->sampled);
	json_uint(w, "freed", leaks->freed);
	json_begin(w, "sites", '[');
	for (size_t i = 0; i < leaks->sites_n; i++)
		site_object(w, &leaks->sites[i], i + 1);
	json_end(w, ']');
	json_uint(w, "sites_quiet", leaks->sites_quiet);
	types_array(w, leaks);
	json_begin(w, "limits", '[');
	for (size_t i = 0; i < leaks->limits_n; i++)
		json_sentence(w, NULL, leaks->limits[i]);
	json_end(w, ']');
	json_uint(w, "probe_ns", leaks->probe_ns);
}
