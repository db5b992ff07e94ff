/* SPDX-License-Identifier: GPL-2.0-only */
#include "cmd/python_report.h"

#include <stdbool.h>
#include <stdio.h>

#include "log/escape.h"
#include "python/functions.h"
#include "python/runtime.h"
#include "sinks/json_writer.h"
#include "watch/python_target.h"
#include "watch/python_watchpoint.h"

void python_report_print(const struct python_target *p)
{
	if (!p->probes_n || !p->runtime)
		return;
	printf("python: CPython %s, known by %s; %zu functions%s%s\n",
	       python_runtime__version(p->runtime), python_runtime__source(p->runtime),
	       p->functions.n, p->functions.partial ? ", not all: " : "", p->functions.why);
}

void python_report_json(const struct python_target *p, struct json_writer *w)
{
	if (!p->probes_n || !p->runtime)
		return;
	json_begin(w, "python", '{');
	json_sentence(w, "version", python_runtime__version(p->runtime));
	json_sentence(w, "layout", python_runtime__source(p->runtime));
	json_uint(w, "functions", p->functions.n);
	json_sentence(w, "partial", p->functions.partial ? p->functions.why : NULL);
	json_end(w, '}');
}

/* As src/watch/python_exact.c chooses, but for what only a trial tells. */
static void say_way(size_t n, bool suits, const char *why, size_t *watched, char *reason,
		    size_t size)
{
	if (!suits) {
		snprintf(reason, size, "sampled; %s", why);
	} else if (*watched + n > WIRE_WATCHES) {
		snprintf(reason, size, "sampled; not exact: the CPU has %d debug registers",
			 WIRE_WATCHES);
	} else {
		snprintf(reason, size, "exact, unless it is too hot: each call, by a watchpoint");
		*watched += n;
	}
}

size_t python_report_stage(const struct python_target *p, size_t stage, size_t *watched,
			   char *reason, size_t size)
{
	char why[160] = "";
	bool suits = true;
	size_t n = 0;

	for (size_t i = 0; i < p->functions.n; i++) {
		const struct python_function *f = &p->functions.items[i];

		if (python_target_stage(p, f) != (int)stage)
			continue;
		n++;
		suits = suits && python_watchpoint_suits(f, why, sizeof(why));
	}
	if (n)
		say_way(n, suits, why, watched, reason, size);
	else
		python_target_explain(p, stage, reason, size);
	return n;
}

void python_report_functions(const struct python_target *p, size_t stage)
{
	char path[ESCAPE_NAME_MAX + 8], name[ESCAPE_NAME_MAX + 8];

	for (size_t i = 0; i < p->functions.n; i++) {
		const struct python_function *f = &p->functions.items[i];

		if (python_target_stage(p, f) != (int)stage)
			continue;
		escape_name(ESCAPE_TEXT, path, sizeof(path), f->file);
		escape_name(ESCAPE_TEXT, name, sizeof(name), f->qualname);
		printf("  %s  %s:%u%s\n", name, path, f->first_line,
		       f->function ? "" : "  (nested: made when the outer one runs)");
	}
}
