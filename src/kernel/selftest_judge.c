/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/selftest.h"

#include <stdio.h>
#include <string.h>

#include "kernel/selftest_code.h"
#include "target/site_kind.h"

const char *selftest_verdict_name(enum selftest_verdict verdict)
{
	switch (verdict) {
	case SELFTEST_UNTESTED:
		return "untested";
	case SELFTEST_GOOD:
		return "good";
	case SELFTEST_CORRUPTS:
		return "corrupts";
	case SELFTEST_KILLS:
		return "kills";
	case SELFTEST_MISSES:
		return "misses";
	case SELFTEST_REFUSED:
		return "refused";
	}
	return "?";
}

bool selftest_differs(const struct cpu_state *expected, const struct cpu_state *got,
		      bool free_red_zone, char what[SELFTEST_WHAT_MAX])
{
	for (size_t i = 0; i < sizeof(got->gpr) / sizeof(got->gpr[0]); i++) {
		if (got->gpr[i] == expected->gpr[i])
			continue;
		snprintf(what, SELFTEST_WHAT_MAX, "register %zu is changed", i);
		return true;
	}
	if (got->flags != expected->flags)
		snprintf(what, SELFTEST_WHAT_MAX, "flags are changed");
	else if (got->sp != expected->sp)
		snprintf(what, SELFTEST_WHAT_MAX, "the stack pointer is changed");
	else if (memcmp(got->fpu, expected->fpu, sizeof(got->fpu)))
		snprintf(what, SELFTEST_WHAT_MAX, "floating point or vector registers are changed");
	else if (!free_red_zone && memcmp(got->red_zone, expected->red_zone, sizeof(got->red_zone)))
		snprintf(what, SELFTEST_WHAT_MAX, "the red zone is overwritten");
	else
		return false;
	return true;
}

static bool failed(const struct selftest_row *row)
{
	return row->verdict != SELFTEST_GOOD && row->verdict != SELFTEST_UNTESTED;
}

uint32_t selftest_failed_kinds(const struct selftest *t)
{
	uint32_t kinds = 0;

	for (size_t i = 0; i < t->rows_n; i++)
		if (!selftest_codes[i].uretprobe && !selftest_codes[i].forbidden &&
		    failed(&t->rows[i]))
			kinds |= SITE_KIND_BIT(selftest_codes[i].kind);
	return kinds;
}

const char *selftest_no_uretprobe(const struct selftest *t, bool target_filtered)
{
	for (size_t i = 0; i < t->rows_n; i++)
		if (selftest_codes[i].uretprobe && failed(&t->rows[i]))
			return "uretprobes fail the self-test on this kernel";
	if (target_filtered && failed(&t->seccomp))
		return "on this kernel a uretprobe ends a process whose system calls are filtered "
		       "(seccomp), as this one's are";
	return NULL;
}
