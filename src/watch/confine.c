/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/confine.h"

#include <errno.h>
#include <string.h>

#include "config/config.h"
#include "config/python_probe.h"
#include "keeper/keeper.h"
#include "kernel/kernel_btf.h"
#include "keeper/privileges.h"
#include "log/log.h"
#include "target/process.h"

typedef bool (*probe_test)(const struct probe_config *probe);

static bool is_uretprobe(const struct probe_config *probe)
{
	return probe->uretprobe;
}

static bool is_python(const struct probe_config *probe)
{
	return probe->probe && python_probe_is(probe->probe);
}

static bool list_has(const struct probe_list *list, probe_test test)
{
	for (size_t i = 0; i < list->n; i++)
		if (test(&list->item[i]))
			return true;
	return false;
}

static bool any_probe(const struct config *config, probe_test test)
{
	for (size_t i = 0; i < config->stages_n; i++) {
		const struct stage_config *stage = &config->stages[i];

		const struct probe_list *const lists[] = {&stage->call,	  &stage->hit,
							  &stage->from,	  &stage->to,
							  &stage->insert, &stage->evict};

		for (size_t n = 0; n < sizeof(lists) / sizeof(lists[0]); n++)
			if (list_has(lists[n], test))
				return true;
		for (size_t n = 0; n < STATEMENT_LISTS; n++)
			if (list_has(&stage->statement[n], test))
				return true;
	}
	return false;
}

/* Whether the session has to look at objects in the target's heap: process_read_scatter. */
static bool looks_at_objects(const struct config *config)
{
	return any_probe(config, is_python) || config_hunts_leaks(config);
}

int confine(const struct confinement *c, struct process *proc, struct keeper **keeper,
	    char *missing, size_t size)
{
	const struct keeper_opts opts = {.proc = proc,
					 .btf_path = c->btf_path,
					 .force_perf = c->force_perf,
					 .uretprobes = any_probe(c->config, is_uretprobe),
					 .objects = looks_at_objects(c->config),
					 .leaks = config_hunts_leaks(c->config)};
	struct privileges p = {.role = PRIVILEGES_OF_SESSION, .state_dir_fd = c->state_dir_fd};
	int err;

	privileges_missing(missing, (unsigned int)size);
	/* Not even the name of its program: nothing else would be shown either. */
	if (missing[0] && !proc->exe[0]) {
		log_err("process %d: not permitted to look at it", (int)proc->pid);
		log_err("missing here: %s", missing);
		return -EPERM;
	}
	/* The kernel tells its types to none but root in full. */
	if (!c->btf_path)
		kernel_btf_ask();
	err = keeper__start(&opts, keeper);
	if (err) {
		log_err("the keeper of the privileges cannot be started: %s", err_str(err));
		return err;
	}
	p.channel_fd = keeper__fd(*keeper);
	/* Failures are logged there; the session goes on, as it would without them. */
	(void)privileges_drop(&p);
	proc->access = keeper_access();
	proc->access_ctx = *keeper;
	return 0;
}
