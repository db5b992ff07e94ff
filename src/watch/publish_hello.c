/* SPDX-License-Identifier: GPL-2.0-only */
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "target/process_stats.h"
#include "watch/clock.h"
#include "watch/publish.h"
#include "watch/publish_head.h"

#define LISTED_MAX 16

uint64_t publish_realtime_ns(uint64_t monotonic_ns)
{
	return monotonic_ns ? clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_MONOTONIC) + monotonic_ns
			    : 0;
}

struct sink_head publish_head(const struct watching *w)
{
	return (struct sink_head){
		.ts_ns = clock_ns(CLOCK_REALTIME),
		.target_id = 1,
		.pid = w->proc->pid,
		.process = w->proc->comm,
		.target_name = w->config->target_name,
	};
}

enum sink_stage_state publish_stage_state(enum attach_state state)
{
	switch (state) {
	case ATTACH_TRIAL:
	case ATTACH_ARMED:
		return SINK_STAGE_ARMED;
	case ATTACH_REFUSED:
		return SINK_STAGE_REFUSED;
	case ATTACH_SHED:
		return SINK_STAGE_SHED;
	case ATTACH_NONE:
		break;
	}
	return SINK_STAGE_UNRESOLVED;
}

static const char *exits_of(const struct bound_function *f)
{
	if (!f->at_return)
		return NULL;
	if (f->uretprobe)
		return "uretprobe";
	return f->plan.learn_return ? "learnt" : "returns";
}

/* Functions of one stage, into the array; returns how many. */
static size_t fill_functions(const struct watching *w, size_t stage, struct sink_function *out)
{
	size_t n = 0;

	for (size_t i = 0; i < w->bindings.functions_n; i++) {
		const struct bound_function *f = &w->bindings.functions[i];

		if (f->stage != stage || f->gone)
			continue;
		out[n++] = (struct sink_function){
			.object = w->objects.objects[f->plan.object]->basename,
			.symbol = f->plan.name,
			.offset = f->plan.entry.offset - f->plan.offset,
			.emulated = insn_class_emulated(f->plan.entry.cls),
			.exits = exits_of(f),
		};
	}
	return n;
}

static const char *way_of(const struct attached_stage *a)
{
	static const char *const names[] = {"probes", "watchpoint", "sampled"};

	return a->state == ATTACH_ARMED ? names[a->way] : NULL;
}

static void fill_stage(const struct watching *w, size_t i, struct sink_stage *out,
		       struct sink_function *functions)
{
	const struct attached_stage *a = &w->attachment.stages[i];
	const char *reason = a->reason[0] ? a->reason : w->bindings.stages[i].reason;

	*out = (struct sink_stage){
		.name = w->config->stages[i].name,
		.kind = w->config->stages[i].kind,
		.engine = w->config->stages[i].engine,
		.state = publish_stage_state(a->state),
		.way = way_of(a),
		.reason = reason[0] ? reason : NULL,
		.probes_entry = (uint32_t)a->entries.probes_n,
		.probes_exit = (uint32_t)a->exits.probes_n,
		.rate_per_s = a->rate_per_s,
		.projected_cost_percent = a->projected_percent,
		.functions = functions,
		.functions_n = fill_functions(w, i, functions),
	};
}

/* Names that smell of speech or language engines which nothing in the catalogue knows. */
static bool smells(const char *name)
{
	static const char *const globs[] = {
		"*whisper*", "*llama*",	       "*ggml*",      "*onnxruntime*", "*vosk*",
		"*sherpa*",  "*piper*",	       "*porcupine*", "*ctranslate2*", "*tflite*",
		"*torch*",   "*kaldi*",	       "*speech*",    "*deepspeech*",  "*snowboy*",
		"*rhino*",   "*mimic*",	       "*festival*",  "*julius*",      "*svox*",
		"*picotts*", "*openwakeword*",
	};

	for (size_t i = 0; i < sizeof(globs) / sizeof(globs[0]); i++)
		if (!fnmatch(globs[i], name, FNM_CASEFOLD))
			return true;
	return false;
}

static size_t fill_unrecognised(const struct watching *w, const char **out)
{
	size_t n = 0;

	for (size_t i = 0; i < w->objects.n_objects && n < LISTED_MAX; i++)
		if (!w->objects.objects[i]->gone && smells(w->objects.objects[i]->basename))
			out[n++] = w->objects.objects[i]->basename;
	return n;
}

/* "a, b" -> pointers to its words; cuts the text up. */
static size_t split_engines(char *text, const char **out)
{
	size_t n = 0;
	char *save = NULL;

	for (char *word = text ? strtok_r(text, ", ", &save) : NULL; word && n < LISTED_MAX;
	     word = strtok_r(NULL, ", ", &save))
		out[n++] = word;
	return n;
}

static void fill_costs(const struct watching *w, struct sink_hello *hello)
{
	const struct trap_cost *trap = w->attachment.calibration.trap;
	struct process_cpus cpus;

	hello->cost_emulated_ns = trap[TRAP_EMULATED].hot_ns;
	hello->cost_stepped_ns = trap[TRAP_STEPPED].hot_ns;
	hello->ceiling_percent = w->config->overhead_percent;
	hello->cpus = process_read_cpus(w->proc, &cpus) ? NAN : cpus.available_milli / 1000.0;
	for (size_t i = 0; i < w->config->stages_n; i++)
		if (w->attachment.stages[i].state == ATTACH_ARMED)
			hello->projected_cost_percent += w->attachment.stages[i].projected_percent;
}

void publish_hello(struct publisher *p)
{
	const struct watching *w = p->watching;
	struct sink_stage stages[WIRE_STAGES_MAX];
	struct sink_function *functions = calloc(w->bindings.functions_n + 1, sizeof(*functions));
	const char *engines[LISTED_MAX], *unrecognised[LISTED_MAX];
	char *engine_text = w->engines ? strdup(w->engines) : NULL;
	struct sink_hello hello = {.head = publish_head(w), .version = CHESHIRE_VERSION};
	struct utsname host;
	size_t used = 0;

	if (!functions) {
		free(engine_text);
		return;
	}
	for (size_t i = 0; i < w->config->stages_n; i++) {
		fill_stage(w, i, &stages[i], functions + used);
		used += stages[i].functions_n;
	}
	hello.kernel = uname(&host) ? NULL : host.release;
	hello.exe = w->proc->exe;
	hello.attach = loader__multi(w->loader) ? "uprobe_multi" : "perf_event";
	fill_costs(w, &hello);
	hello.stages = stages;
	hello.stages_n = w->config->stages_n;
	hello.engines_n = split_engines(engine_text, engines);
	hello.engines = engines;
	hello.unrecognised_n = fill_unrecognised(w, unrecognised);
	hello.unrecognised = unrecognised;
	hello.budgets_n = w->config->budgets_n;
	hello.rules_n = p->rules ? rule_watch__rules(p->rules) : 0;
	sink_set__hello(p->sinks, &hello);
	free(engine_text);
	free(functions);
}
