/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/python_target.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "kernel/loader.h"
#include "kernel/python.h"
#include "log/escape.h"
#include "log/log.h"
#include "python/runtime.h"

#define NEAR_MAX 3

static bool is_python(const struct probe_config *probe)
{
	return probe->probe &&
	       !strncmp(probe->probe, PYTHON_PROBE_PREFIX, strlen(PYTHON_PROBE_PREFIX));
}

bool python_target_wanted(const struct config *config)
{
	for (size_t i = 0; i < config->stages_n; i++)
		for (size_t n = 0; n < config->stages[i].call.n; n++)
			if (is_python(&config->stages[i].call.item[n]))
				return true;
	return false;
}

/* "python:FILE:QUALNAME"; the configuration was checked when it was read. */
static bool parse(const char *text, struct python_probe *out)
{
	const char *file = text + strlen(PYTHON_PROBE_PREFIX), *colon = strrchr(file, ':');

	if (!colon || (size_t)(colon - file) >= sizeof(out->file) ||
	    strlen(colon + 1) >= sizeof(out->qualname))
		return false;
	memcpy(out->file, file, (size_t)(colon - file));
	strcpy(out->qualname, colon + 1);
	return true;
}

static void add_stage(struct python_target *t, const struct stage_config *conf, uint16_t stage)
{
	for (size_t n = 0; n < conf->call.n && t->probes_n < PYTHON_PROBES_MAX; n++) {
		struct python_probe *probe = &t->probes[t->probes_n];

		if (!is_python(&conf->call.item[n]) || !parse(conf->call.item[n].probe, probe))
			continue;
		probe->stage = stage;
		t->probes_n++;
		t->stages |= 1ULL << stage;
	}
}

int python_target_init(struct python_target *t, const struct config *config,
		       const struct process *proc)
{
	memset(t, 0, sizeof(*t));
	t->reader = python_reader_of(proc);
	if (!python_target_wanted(config))
		return 0;
	t->probes = calloc(PYTHON_PROBES_MAX, sizeof(*t->probes));
	if (!t->probes)
		return -ENOMEM;
	for (size_t i = 0; i < config->stages_n; i++)
		add_stage(t, &config->stages[i], (uint16_t)i);
	return 0;
}

static void close_runtime(struct python_target *t)
{
	python_functions_free(&t->functions);
	memset(&t->functions, 0, sizeof(t->functions));
	python_runtime__free(t->runtime);
	t->runtime = NULL;
}

void python_target_free(struct python_target *t)
{
	if (!t->probes)
		return;
	close_runtime(t);
	free(t->probes);
	memset(t, 0, sizeof(*t));
}

void python_target_list(struct python_target *t)
{
	struct python_functions fresh = {};
	int err = t->runtime ? python_functions_list(t->runtime, NULL, &fresh) : -ENOENT;

	if (err) {
		log_info("Python functions cannot be listed: %s", err_str(err));
		return;
	}
	if (fresh.partial)
		log_info("not all Python functions were listed: %s", fresh.why);
	/* They stay where they are, but changed just now. */
	if (!fresh.gc_lists[0])
		memcpy(fresh.gc_lists, t->functions.gc_lists, sizeof(fresh.gc_lists));
	python_functions_free(&t->functions);
	t->functions = fresh;
	t->listed++;
	/* Much more was read than is kept. */
	malloc_trim(0);
}

void python_target_look(struct python_target *t, const struct process *proc,
			struct object_table *objects, bool again)
{
	if (!t->probes_n)
		return;
	if (again)
		close_runtime(t);
	if (t->runtime)
		return;
	t->why[0] = '\0';
	t->err = python_runtime__open(proc, objects, &t->reader, &t->runtime, t->why,
				      sizeof(t->why));
	if (t->err) {
		t->runtime = NULL;
		return;
	}
	t->opened++;
	python_target_list(t);
}

int python_target_stage(const struct python_target *t, const struct python_function *function)
{
	for (size_t i = 0; i < t->probes_n; i++)
		if (python_function_matches(function, t->probes[i].file, t->probes[i].qualname))
			return t->probes[i].stage;
	return -1;
}

void python_target_publish(const struct python_target *t, struct loader *loader)
{
	struct wire_python *conf = python_conf(loader);

	if (!conf)
		return;
	__atomic_store_n(&conf->known, 0, __ATOMIC_SEQ_CST);
	if (!t->runtime)
		return;
	conf->offsets = *python_runtime__offsets(t->runtime);
	_Static_assert(PYTHON_GC_LISTS == WIRE_PYTHON_GC_LISTS, "lists of the collector");
	memcpy(conf->gc_lists, t->functions.gc_lists, sizeof(conf->gc_lists));
	__atomic_store_n(&conf->known, 1, __ATOMIC_SEQ_CST);
}

/* Names of the target's, for people. */
static void say_near(const struct python_target *t, const struct python_probe *probe, char *out,
		     size_t size)
{
	const struct python_function *near[NEAR_MAX];
	size_t n = python_functions_near(&t->functions, probe->file, probe->qualname, near,
					 NEAR_MAX),
	       used = 0;

	out[0] = '\0';
	for (size_t i = 0; i < n && used < size; i++) {
		const char *base = strrchr(near[i]->file, '/');
		char file[PYTHON_PATTERN_MAX], qualname[PYTHON_PATTERN_MAX];

		escape_name(ESCAPE_TEXT, file, sizeof(file), base ? base + 1 : near[i]->file);
		escape_name(ESCAPE_TEXT, qualname, sizeof(qualname), near[i]->qualname);
		used += (size_t)snprintf(out + used, size - used, "%s%s:%s",
					 i ? ", " : "; near: ", file, qualname);
	}
}

void python_target_explain(const struct python_target *t, size_t stage, char *out, size_t size)
{
	char near[PYTHON_PATTERN_MAX];

	if (t->err && t->err != -ENOENT) {
		snprintf(out, size, "%s", t->why[0] ? t->why : err_str(t->err));
		return;
	}
	if (!t->runtime) {
		snprintf(out, size, "no Python interpreter was found in the process");
		return;
	}
	for (size_t i = 0; i < t->probes_n; i++) {
		if (t->probes[i].stage != stage)
			continue;
		say_near(t, &t->probes[i], near, sizeof(near));
		snprintf(out, size, PYTHON_PROBE_PREFIX "%s:%s: no such function yet%s",
			 t->probes[i].file, t->probes[i].qualname, near);
		return;
	}
}
