/* SPDX-License-Identifier: GPL-2.0-only */
#include "cmd/kernel_report.h"

#include <cap-ng.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "kernel/loader.h"
#include "kernel/selftest_code.h"
#include "kernel/watchpoint.h"
#include "sinks/json_writer.h"

static const struct {
	unsigned int cap;
	const char *name, *use;
} capabilities[] = {
	{CAP_BPF, "CAP_BPF", "loading programs"},
	{CAP_PERFMON, "CAP_PERFMON", "attaching them"},
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "maps and memory of other users' processes"},
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH", "objects that only another user may reach"},
	{CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE", "files that were deleted or replaced"},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "uprobes as perf events"},
};

#define CAPABILITIES_N (sizeof(capabilities) / sizeof(capabilities[0]))

static bool have_capability(size_t i)
{
	return capng_have_capability(CAPNG_EFFECTIVE, capabilities[i].cap);
}

int kernel_report_make(struct kernel_report *r, const char *btf_path, bool everything, char *why,
		       size_t why_size)
{
	struct loader_opts lo = {.tgid = 1, .stages_n = 1, .btf_path = btf_path, .datagrams = true};
	struct loader *loader = NULL;
	int err;

	memset(r, 0, sizeof(*r));
	uname(&r->host);
	capng_get_caps_process();
	proof_run(&r->proof, false);
	if (everything && !r->proof.force_perf && !r->proof.error)
		(void)selftest_run(false, false, &r->perf);
	lo.force_perf = r->proof.force_perf;
	err = loader__open(&lo, &loader, why, why_size);
	if (!err) {
		r->multi = loader__multi(loader);
		calibrate(loader, &r->calibration);
		(void)loader__attach_tracing(loader); /* each hook is asked for */
	}
	r->watch_cost_ns = watchpoint_cost_ns();
	r->watch_copy_percent = watchpoint_copy_percent();
	r->features_n = features_find(loader, btf_path, r->features);
	loader__free(loader);
	return err;
}

static const char *yes_no(bool yes)
{
	return yes ? "yes" : "no";
}

static void print_verdict(const struct selftest_row *row, FILE *out)
{
	char cost[32] = "";

	if (row->cost_ns)
		snprintf(cost, sizeof(cost), "%u ns", row->cost_ns);
	fprintf(out, " %-9s %9s", selftest_verdict_name(row->verdict), cost);
}

static void print_kinds(const struct kernel_report *r, FILE *out)
{
	const struct selftest *t = &r->proof.test;

	fprintf(out, "  %-35s %-19s%s\n", "kinds of probes",
		r->multi ? " uprobe_multi" : " perf events", r->perf.rows_n ? "  perf events" : "");
	for (size_t i = 0; i < t->rows_n; i++) {
		const char *what = t->rows[i].what[0] ? t->rows[i].what : r->perf.rows[i].what;

		fprintf(out, "  %-35s", selftest_codes[i].name);
		print_verdict(&t->rows[i], out);
		if (r->perf.rows_n)
			print_verdict(&r->perf.rows[i], out);
		fprintf(out, "%s%s%s\n", what[0] ? "  " : "", what,
			selftest_codes[i].forbidden ? "  (never used)" : "");
	}
	fprintf(out, "  %-35s %s %s\n", "a second thread is seen, no other",
		selftest_verdict_name(t->threads.verdict), t->threads.what);
	fprintf(out, "  %-35s %s %s\n", "uretprobe under seccomp",
		selftest_verdict_name(t->seccomp.verdict), t->seccomp.what);
}

void kernel_report_text(const struct kernel_report *r, FILE *out)
{
	const struct trap_cost *trap = r->calibration.trap;

	fprintf(out, "kernel: %s, %s\n", r->host.release, r->host.machine);
	for (size_t i = 0; i < r->features_n; i++) {
		const struct feature *f = &r->features[i];

		fprintf(out, "  %-35s %s%s%s\n", f->name, yes_no(f->there), f->there ? "" : ": ",
			f->there ? "" : f->lacks);
	}
	fputs("privileges:\n", out);
	for (size_t i = 0; i < CAPABILITIES_N; i++)
		fprintf(out, "  %-35s %-3s  %s\n", capabilities[i].name, yes_no(have_capability(i)),
			capabilities[i].use);
	fprintf(out, "probes: %s\n",
		r->multi ? "uprobe_multi" : "perf events (detaching takes about 0.1 s a probe)");
	print_kinds(r, out);
	fprintf(out, "cost of a hit, emulated instruction: %u ns in a loop, %u ns when rare\n",
		trap[TRAP_EMULATED].hot_ns, trap[TRAP_EMULATED].rare_ns);
	fprintf(out,
		"cost of a hit, single-stepped instruction: %u ns in a loop, %u ns when rare\n",
		trap[TRAP_STEPPED].hot_ns, trap[TRAP_STEPPED].rare_ns);
	if (r->watch_cost_ns)
		fprintf(out,
			"cost of a hit, watchpoint on data: %u ns; large copies take %.1f times as "
			"long while one is set\n",
			r->watch_cost_ns, r->watch_copy_percent / 100.0);
	else
		fputs("watchpoints on data: none are to be had\n", out);
}

/* The keys of one row. */
static void row_json(const struct selftest_row *row, struct json_writer *w)
{
	json_name(w, "verdict", selftest_verdict_name(row->verdict));
	json_sentence(w, "reason", row->what[0] ? row->what : NULL);
	json_number(w, "cost_ns", row->cost_ns ? row->cost_ns : NAN);
}

static void kinds_json(const struct kernel_report *r, struct json_writer *w)
{
	const struct selftest *t = &r->proof.test;

	json_begin(w, "probe_kinds", '[');
	for (size_t i = 0; i < t->rows_n; i++) {
		json_begin(w, NULL, '{');
		json_name(w, "kind", selftest_codes[i].name);
		json_bool(w, "forbidden", selftest_codes[i].forbidden);
		row_json(&t->rows[i], w);
		if (r->perf.rows_n) {
			json_begin(w, "perf", '{');
			row_json(&r->perf.rows[i], w);
			json_end(w, '}');
		}
		json_end(w, '}');
	}
	json_end(w, ']');
	json_begin(w, "threads", '{');
	row_json(&t->threads, w);
	json_end(w, '}');
	json_begin(w, "uretprobe_under_seccomp", '{');
	row_json(&t->seccomp, w);
	json_end(w, '}');
}

static void costs_json(const struct trap_cost *trap, struct json_writer *w)
{
	json_begin(w, "cost", '{');
	json_uint(w, "emulated_ns", trap[TRAP_EMULATED].hot_ns);
	json_uint(w, "emulated_rare_ns", trap[TRAP_EMULATED].rare_ns);
	json_uint(w, "stepped_ns", trap[TRAP_STEPPED].hot_ns);
	json_uint(w, "stepped_rare_ns", trap[TRAP_STEPPED].rare_ns);
	json_end(w, '}');
}

void kernel_report_json(const struct kernel_report *r, struct json_writer *w)
{
	json_name(w, "kernel", r->host.release);
	json_name(w, "machine", r->host.machine);
	json_begin(w, "features", '[');
	for (size_t i = 0; i < r->features_n; i++) {
		json_begin(w, NULL, '{');
		json_name(w, "feature", r->features[i].name);
		json_bool(w, "there", r->features[i].there);
		json_bool(w, "needed", r->features[i].needed);
		json_sentence(w, "without_it", r->features[i].lacks);
		json_end(w, '}');
	}
	json_end(w, ']');
	json_begin(w, "privileges", '[');
	for (size_t i = 0; i < CAPABILITIES_N; i++) {
		json_begin(w, NULL, '{');
		json_name(w, "capability", capabilities[i].name);
		json_bool(w, "there", have_capability(i));
		json_sentence(w, "for", capabilities[i].use);
		json_end(w, '}');
	}
	json_end(w, ']');
	json_name(w, "attach", r->multi ? "uprobe_multi" : "perf_event");
	kinds_json(r, w);
	costs_json(r->calibration.trap, w);
	json_begin(w, "watchpoints", '{');
	json_bool(w, "there", r->watch_cost_ns);
	json_uint(w, "hit_ns", r->watch_cost_ns);
	json_number(w, "copies_times", r->watch_copy_percent ? r->watch_copy_percent / 100.0 : NAN);
	json_end(w, '}');
}
