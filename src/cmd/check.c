/* SPDX-License-Identifier: GPL-2.0-only */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "cmd/cmd.h"
#include "cmd/options.h"
#include "config/config.h"
#include "kernel/calibrate.h"
#include "kernel/loader.h"
#include "log/log.h"
#include "target/maps.h"
#include "target/process.h"
#include "watch/bindings.h"
#include "watch/recognise.h"
#include "watch/rule_set.h"
#include "watch/session.h"

static const char doc[] =
	"Check a configuration, this kernel, and what would be probed in a process.\v"
	"Attaches nothing to the process; the cost of probes is measured in a child of its own.";

static int check_files(const struct options *o, struct config **out)
{
	const struct session_files files = {
		.config_path = o->config_path,
		.rules_paths = o->rules_paths,
		.rules_n = o->rules_n,
	};
	struct rule_set *rules;

	if (session_files_load(&files, out, &rules))
		return EXIT_USAGE;
	printf("configuration: %s, %zu stages, %zu budgets\n",
	       o->config_path ? o->config_path : "built in", (*out)->stages_n, (*out)->budgets_n);
	if (rules)
		printf("rules: %zu in %zu files\n", rules->rules_n, rules->n);
	rule_set_free(rules);
	return EXIT_FINE;
}

static int check_kernel(const struct options *o, struct calibration *cal)
{
	const struct loader_opts lo = {.tgid = 1, .stages_n = 1, .btf_path = o->btf_path};
	struct loader *loader;
	struct utsname host;
	char why[512];
	int err = loader__open(&lo, &loader, why, sizeof(why));

	printf("kernel: %s\n", uname(&host) ? "?" : host.release);
	if (err) {
		log_err("%s", why);
		return session_exit_code(err);
	}
	calibrate(loader, cal);
	printf("probes: %s\n", loader__multi(loader)
				       ? "uprobe_multi"
				       : "perf events (detaching takes about 0.1 s a probe)");
	printf("cost of a hit, emulated instruction: %u ns in a loop, %u ns when rare\n",
	       cal->trap[TRAP_EMULATED].hot_ns, cal->trap[TRAP_EMULATED].rare_ns);
	printf("cost of a hit, single-stepped instruction: %u ns in a loop, %u ns when rare\n",
	       cal->trap[TRAP_STEPPED].hot_ns, cal->trap[TRAP_STEPPED].rare_ns);
	loader__free(loader);
	return EXIT_FINE;
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

static void print_stages(const struct bindings *b, const struct object_table *objects,
			 const struct calibration *cal)
{
	for (size_t i = 0; i < b->stages_n; i++) {
		const struct bound_stage *stage = &b->stages[i];

		printf("stage %s: %s%s%s\n", stage->conf->name,
		       stage->complete ? "can be watched" : "cannot be watched",
		       stage->reason[0] ? ": " : "", stage->reason);
		for (size_t n = 0; n < b->functions_n; n++)
			if (b->functions[n].stage == i)
				print_function(&b->functions[n], objects, cal);
	}
	if (!b->stages_n)
		puts("no stage: no engine of the catalogue is mapped, and none is configured");
}

static int check_target(const struct options *o, struct config *config,
			const struct calibration *cal)
{
	char *engines = NULL, why[512];
	struct object_table objects = {};
	struct bindings bindings = {};
	struct process proc;
	int err = process_open(&proc, o->pid);

	if (err) {
		log_err("process %d cannot be opened: %s", o->pid, err_str(err));
		return session_exit_code(err);
	}
	snprintf(why, sizeof(why), "its maps cannot be read");
	err = object_table_read(&objects, &proc);
	err = err ?: recognise_engines(config, &objects, &engines, why, sizeof(why));
	if (!err) {
		if (engines && engines[0])
			printf("engines: %s\n", engines);
		snprintf(why, sizeof(why), "its code cannot be read");
		bindings_init(&bindings, config);
		err = bindings_resolve(&bindings, &proc, &objects);
	}
	if (!err)
		print_stages(&bindings, &objects, cal);
	bindings_free(&bindings);
	if (err)
		log_err("process %d: %s: %s", o->pid, why, err_str(err));
	free(engines);
	object_table_free(&objects);
	process_close(&proc);
	return err ? session_exit_code(err) : EXIT_FINE;
}

static int run(int argc, char **argv)
{
	struct calibration cal;
	struct config *config = NULL;
	struct options o;
	int code = options_parse(OPTIONS_PID | OPTIONS_CONFIG | OPTIONS_RULES | OPTIONS_BTF, doc,
				 argc, argv, &o);

	if (code >= 0)
		return code;
	code = check_files(&o, &config);
	if (!code)
		code = check_kernel(&o, &cal);
	if (!code && o.pid)
		code = check_target(&o, config, &cal);
	config_free(config);
	return code;
}

const struct cmd cmd_check = {"check", "check a configuration, the kernel and what would be probed",
			      run};
