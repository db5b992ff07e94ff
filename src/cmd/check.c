/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cmd.h"
#include "cmd/kernel_report.h"
#include "cmd/options.h"
#include "cmd/python_report.h"
#include "config/config.h"
#include "kernel/calibrate.h"
#include "log/log.h"
#include "sinks/json_writer.h"
#include "target/maps.h"
#include "target/process.h"
#include "watch/bindings.h"
#include "watch/proof.h"
#include "watch/python_target.h"
#include "watch/recognise.h"
#include "watch/rule_set.h"
#include "watch/session.h"
#include "watch/target_open.h"

static const char doc[] =
	"Check a configuration, this kernel, and what would be probed in a process.\v"
	"Attaches nothing to the process; the cost of probes is measured in a child of its own.";

/* What is said when everything is known. */
struct report {
	const struct options *options;
	struct config *config;
	struct kernel_report kernel;
	struct json_writer json; /* with --output json: an open object */
};

static bool as_json(const struct report *r)
{
	return r->options->output == OUTPUT_JSON;
}

static int check_files(struct report *r)
{
	const struct options *o = r->options;
	const struct session_files files = {
		.config_path = o->config_path,
		.rules_paths = o->rules_paths,
		.rules_n = o->rules_n,
	};
	const char *path = o->config_path ? o->config_path : "built in";
	struct rule_set *rules;

	if (session_files_load(&files, &r->config, &rules))
		return EXIT_USAGE;
	if (as_json(r)) {
		json_begin(&r->json, "configuration", '{');
		json_sentence(&r->json, "path", path);
		json_uint(&r->json, "stages", r->config->stages_n);
		json_uint(&r->json, "budgets", r->config->budgets_n);
		json_uint(&r->json, "rules", rules ? rules->rules_n : 0);
		json_end(&r->json, '}');
	} else {
		printf("configuration: %s, %zu stages, %zu budgets\n", path, r->config->stages_n,
		       r->config->budgets_n);
		if (rules)
			printf("rules: %zu in %zu files\n", rules->rules_n, rules->n);
	}
	rule_set_free(rules);
	return EXIT_FINE;
}

/* A look at the kernel alone is worth the seconds that perf events take to come off. */
static int check_kernel(struct report *r)
{
	char why[512];
	int err = kernel_report_make(&r->kernel, r->options->btf_path, !r->options->pid, why,
				     sizeof(why));

	if (as_json(r)) {
		kernel_report_json(&r->kernel, &r->json);
		json_sentence(&r->json, "refused", err ? why : NULL);
	} else {
		kernel_report_text(&r->kernel, stdout);
	}
	if (err)
		log_err("%s", why);
	return err ? session_exit_code(err) : EXIT_FINE;
}

static uint32_t site_cost_ns(const struct plan_site *site, const struct calibration *cal)
{
	return cal->trap[insn_class_emulated(site->cls) ? TRAP_EMULATED : TRAP_STEPPED].rare_ns;
}

static void print_function(const struct bound_function *f, const struct object_table *objects,
			   const struct calibration *cal)
{
	uint32_t exit_ns = 0;

	func_plan_describe(&f->plan, objects, stdout);
	for (size_t i = 0; i < f->plan.n_exits && f->at_return; i++)
		if (site_cost_ns(&f->plan.exits[i], cal) > exit_ns)
			exit_ns = site_cost_ns(&f->plan.exits[i], cal);
	printf("    cost: about %.1f us a call while rare\n",
	       (site_cost_ns(&f->plan.entry, cal) + exit_ns) / 1000.0);
}

/* Python functions are no code of an object: they are not among the bindings. */
static void judge_python(struct bindings *b, const struct python_target *python)
{
	size_t watched = 0;

	for (size_t i = 0; i < b->stages_n; i++) {
		struct bound_stage *stage = &b->stages[i];

		if (!stage->conf->python)
			continue;
		stage->functions_n = python_report_stage(python, i, &watched, stage->reason,
							 sizeof(stage->reason));
		stage->complete = stage->functions_n > 0;
	}
}

static void print_stages(const struct bindings *b, const struct object_table *objects,
			 const struct python_target *python, const struct calibration *cal)
{
	for (size_t i = 0; i < b->stages_n; i++) {
		const struct bound_stage *stage = &b->stages[i];

		printf("stage %s: %s%s%s\n", stage->conf->name,
		       stage->complete ? "can be watched" : "cannot be watched",
		       stage->reason[0] ? ": " : "", stage->reason);
		for (size_t n = 0; n < b->functions_n; n++)
			if (b->functions[n].stage == i)
				print_function(&b->functions[n], objects, cal);
		if (stage->conf->python)
			python_report_functions(python, i);
	}
	if (!b->stages_n)
		puts("no stage: no engine of the catalogue is mapped, and none is configured");
}

static void stages_json(const struct bindings *b, const char *engines, struct json_writer *w)
{
	json_sentence(w, "engines", engines);
	json_begin(w, "stages", '[');
	for (size_t i = 0; i < b->stages_n; i++) {
		json_begin(w, NULL, '{');
		json_name(w, "stage", b->stages[i].conf->name);
		json_bool(w, "can_be_watched", b->stages[i].complete);
		json_sentence(w, "reason", b->stages[i].reason[0] ? b->stages[i].reason : NULL);
		json_uint(w, "functions", b->stages[i].functions_n);
		json_end(w, '}');
	}
	json_end(w, ']');
}

static void say_target(struct report *r, const struct bindings *b,
		       const struct object_table *objects, const struct python_target *python,
		       const char *engines)
{
	if (as_json(r)) {
		python_report_json(python, &r->json);
		stages_json(b, engines, &r->json);
		return;
	}
	if (engines && engines[0])
		printf("engines: %s\n", engines);
	python_report_print(python);
	print_stages(b, objects, python, &r->kernel.calibration);
}

static int check_target(struct report *r)
{
	const struct options *o = r->options;
	struct config *config = r->config;
	char *engines = NULL, why[512] = "out of memory";
	struct object_table objects = {};
	struct bindings bindings = {};
	struct python_target python = {};
	struct process proc;
	int err = target_open(&proc, o->pid);

	if (err)
		return session_exit_code(err);
	err = target_objects(&objects, &proc, why, sizeof(why));
	err = err ?: recognise_engines(config, &objects, &engines, why, sizeof(why));
	if (!err) {
		bindings_init(&bindings, config);
		proof_apply(&r->kernel.proof, &proc, &bindings);
		err = bindings_resolve(&bindings, &proc, &objects);
		err = err ?: python_target_init(&python, config, &proc);
		snprintf(why, sizeof(why), "its code cannot be read: %s", err_str(err));
	}
	if (!err) {
		python_target_look(&python, &proc, &objects, false);
		judge_python(&bindings, &python);
		say_target(r, &bindings, &objects, &python, engines);
	}
	python_target_free(&python);
	bindings_free(&bindings);
	if (err)
		log_err("cannot look into process %d: %s", o->pid, why);
	free(engines);
	object_table_free(&objects);
	process_close(&proc);
	return err ? session_exit_code(err) : EXIT_FINE;
}

static int run(int argc, char **argv)
{
	struct strbuf text = {};
	struct options o;
	struct report r = {.options = &o, .json = {.out = &text}};
	int code = options_parse(OPTIONS_PID | OPTIONS_CONFIG | OPTIONS_RULES | OPTIONS_BTF |
					 OPTIONS_OUTPUT,
				 doc, argc, argv, &o);

	if (code >= 0)
		return code;
	json_begin(&r.json, NULL, '{');
	json_name(&r.json, "type", "check");
	code = check_files(&r);
	code = code ?: check_kernel(&r);
	if (!code && o.pid)
		code = check_target(&r);
	json_end(&r.json, '}');
	if (as_json(&r) && code != EXIT_USAGE)
		puts(text.data);
	strbuf_free(&text);
	config_free(r.config);
	return code;
}

const struct cmd cmd_check = {"check", "check a configuration, the kernel and what would be probed",
			      run};
