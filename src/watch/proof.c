/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/proof.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/selftest_code.h"
#include "kernel/uprobe_link.h"
#include "log/log.h"
#include "target/process_access.h"
#include "watch/bindings.h"

static bool row_failed(const struct selftest_row *row)
{
	return row->verdict != SELFTEST_GOOD && row->verdict != SELFTEST_UNTESTED;
}

static size_t add(char *text, size_t size, size_t used, const char *name,
		  const struct selftest_row *row)
{
	int n = snprintf(text + used, size - used, "%s%s (%s%s%s)", used ? ", " : "", name,
			 selftest_verdict_name(row->verdict), row->what[0] ? ": " : "", row->what);

	return n < 0 || used + (size_t)n >= size ? size - 1 : used + (size_t)n;
}

void proof_describe(const struct proof *p, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	if (row_failed(&p->test.threads))
		used = add(text, size, used, "a second thread", &p->test.threads);
	for (size_t i = 0; i < p->test.rows_n; i++)
		if (row_failed(&p->test.rows[i]) && !selftest_codes[i].forbidden)
			used = add(text, size, used, selftest_codes[i].name, &p->test.rows[i]);
}

/* Perf events are slow to detach, so that only the most used kinds are tested with them. */
static int run(struct proof *p)
{
	int err = selftest_run(!p->force_perf, p->force_perf, &p->test);

	if (err || p->force_perf || !row_failed(&p->test.threads))
		return err;
	log_warn("uprobe_multi is not used on this kernel: %s", p->test.threads.what);
	p->force_perf = true;
	return selftest_run(false, true, &p->test);
}

void proof_run(struct proof *p, bool force_perf)
{
	char text[512];
	int err;

	if (p->done)
		return;
	p->done = true;
	p->force_perf = force_perf || !uprobe_link_have_multi();
	p->error = err = run(p);
	/* Not being permitted ends the session a moment later, with its reason. */
	if (err && err != -EPERM && err != -EACCES)
		log_warn("what probes do to their target could not be tested on this kernel (%s)",
			 err_str(err));
	proof_describe(p, text, sizeof(text));
	if (text[0])
		log_warn("not used, as it failed the self-test on this kernel: %s", text);
	log_debug("self-test: %.1f ms", (double)p->test.took_ns / 1e6);
}

/* In doubt it is. */
static bool is_filtered(const struct process *proc)
{
	char text[4096];
	const char *line;

	if (process_read_file(proc, PROCESS_FILE_STATUS, 0, text, sizeof(text), NULL))
		return true;
	line = strstr(text, "\nSeccomp:");
	return line && strtol(line + strlen("\nSeccomp:"), NULL, 10) != 0;
}

void proof_apply(const struct proof *p, const struct process *proc, struct bindings *b)
{
	const char *why = selftest_no_uretprobe(&p->test, is_filtered(proc));

	b->avoid = selftest_failed_kinds(&p->test);
	snprintf(b->no_uretprobe, sizeof(b->no_uretprobe), "%s", why ? why : "");
}
