/* SPDX-License-Identifier: GPL-2.0-only */
/* session_end.c - what a session tells at its beginning and its end, and how it ends. */
#include "watch/session_state.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "log/log.h"
#include "target/proc_file.h"
#include "watch/clock.h"
#include "watch/hints.h"
#include "watch/leak_hunt.h"
#include "watch/publish_head.h"
#include "watch/publish_leaks.h"
#include "watch/worker.h"

#define DRAIN_SINKS_MS 1000
/* How long the last records of a target that has just ended are waited for. */
#define LAST_RECORDS_NS 200000000ULL
/* How long a round of a search for leaks may take to end. */
#define LAST_ROUND_MS 500

void session_end(struct session *s, const char *reason)
{
	if (s->ended)
		return;
	s->ended = true;
	s->reason = reason;
}

void session_on_event(void *ctx, const struct alert_event *event, int handle)
{
	struct session *s = ctx;

	publish_alert(&s->publisher, event, handle);
}

void session_say_hello(struct session *s)
{
	char failed[512];

	s->said_hello = true;
	publish_hello(&s->publisher);
	proof_describe(&s->proof, failed, sizeof(failed));
	if (failed[0])
		publish_note(&s->publisher, "probe_kinds_failed", SINK_SEVERITY_WARNING, NULL,
			     failed);
	hints_print(&s->watching, stderr);
}

void session_say_leaks(struct session *s, enum sink_leaks_reason reason)
{
	const struct sink_head head = publish_head(&s->watching);

	const struct publish_leaks_facts facts = {
		.reason = reason,
		.step = leak_hunt__step(s->watching.leaks),
		.since_ns = leak_hunt__since_ns(s->watching.leaks),
	};

	publish_leaks(s->publisher.sinks, &head, leak_hunt__report(s->watching.leaks), &facts);
}

void session_say_numbers(struct session *s, enum sink_summary_reason reason)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	bool end = reason == SINK_SUMMARY_EXIT;

	watching_flush(&s->watching, now_ns);
	if (s->opts->leaks || leak_hunt__report(s->watching.leaks))
		session_say_leaks(s, end ? SINK_LEAKS_EXIT : SINK_LEAKS_SIGNAL);
	if (!s->opts->leaks)
		publish_summary(&s->publisher, reason, now_ns);
}

void session_remember_worst(struct session *s)
{
	enum severity worst = s->watching.rules ? rules__worst(s->watching.rules) : SEVERITY_NONE;

	if (worst > s->worst)
		s->worst = worst;
	worst = session_rules_worst(&s->rules);
	if (worst > s->worst)
		s->worst = worst;
}

/* The exit record comes from the last thread; pidfd may have been quicker. */
static void wait_for_exit_record(struct session *s)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	uint64_t until_ns = clock_ns(CLOCK_MONOTONIC) + LAST_RECORDS_NS, told;

	do {
		watching_drain(&s->watching, clock_ns(CLOCK_MONOTONIC), &told);
		if (s->watching.exit_seen)
			return;
		nanosleep(&pause, NULL);
	} while (clock_ns(CLOCK_MONOTONIC) < until_ns);
}

static void fill_target(const struct session *s, struct sink_bye *bye)
{
	const struct watching *w = &s->watching;
	int status = (int)w->exit_status;

	if (!s->target_gone) {
		bye->target_state = SINK_TARGET_RUNNING;
	} else if (!w->exit_seen) {
		bye->target_state = SINK_TARGET_UNKNOWN;
	} else if (WIFSIGNALED(status)) {
		bye->target_state = SINK_TARGET_KILLED;
		bye->target_signal = WTERMSIG(status);
		bye->target_core_dumped = WCOREDUMP(status);
	} else {
		bye->target_state = SINK_TARGET_EXITED;
		bye->target_exit_code = WEXITSTATUS(status);
	}
}

static int exit_code(const struct session *s)
{
	if (s->target_gone)
		return EXIT_TARGET;
	if (!strcmp(s->reason, "error"))
		return EXIT_ERROR;
	if (s->opts->fail_on != SEVERITY_NONE && s->worst >= s->opts->fail_on)
		return EXIT_VIOLATED;
	return EXIT_FINE;
}

/* Rules see the end too; what is saved before is what another process may go on with. */
static void tell_end(struct session *s, uint64_t now_ns)
{
	watching_gone(&s->watching, now_ns, session_on_event, s);
	session_rules_save(&s->rules, s->watching.config->target_name);
	session_rules_tick(&s->rules, s->watching.config->target_name, now_ns, s->next_tick_ns);
}

/* Found in the scheduler's notes: no number is worse for it, but who looks for a cause may ask. */
static void tell_unseen(const struct session *s)
{
	struct loader_cpu cpu;

	loader__cpu(s->watching.loader, clock_ns(CLOCK_MONOTONIC), &cpu);
	if (cpu.unseen)
		log_info("%" PRIu64 " times the kernel did not tell that a thread came to its CPU",
			 cpu.unseen);
}

static void last_numbers(struct session *s)
{
	uint64_t now_ns;

	if (s->target_gone) {
		wait_for_exit_record(s);
		session_end(s, "target_exited");
	}
	if (!s->said_hello)
		session_say_hello(s);
	tell_unseen(s);
	now_ns = clock_ns(CLOCK_MONOTONIC);
	s->publisher.target_gone = s->target_gone;
	if (s->target_gone) {
		watching_flush(&s->watching, now_ns);
		tell_end(s, now_ns);
	}
	session_say_numbers(s, SINK_SUMMARY_EXIT);
	sink_set__flush(s->publisher.sinks);
}

/*
 * A debugger that set a breakpoint where a probe was has kept the probe's breakpoint as the code:
 * it puts that back when it leaves, after us, and the target dies of it.
 */
static void warn_of_debugger(const struct session *s)
{
	char text[4096];
	const char *line;
	long tracer;

	if (s->target_gone || proc_file_read(s->proc.dirfd, "status", text, sizeof(text), NULL))
		return;
	line = strstr(text, "\nTracerPid:");
	tracer = line ? strtol(line + strlen("\nTracerPid:"), NULL, 10) : 0;
	if (tracer > 0)
		log_warn("process %d is being debugged (by %ld): breakpoints set at probed places "
			 "while we were attached end it when the debugger leaves; delete and set "
			 "them again",
			 s->opts->pid, tracer);
}

int session_finish(struct session *s)
{
	struct sink_bye bye = {};
	uint64_t now_ns;

	/* A round that is under way makes the last report. */
	leak_hunt__stop(s->watching.leaks);
	if (leak_hunt__busy(s->watching.leaks))
		(void)worker__wait(s->worker, LAST_ROUND_MS);
	if (!s->broken)
		last_numbers(s);
	session_remember_worst(s);
	warn_of_debugger(s);
	now_ns = clock_ns(CLOCK_MONOTONIC);
	watching_stop(&s->watching);
	bye.detach_s = (double)(clock_ns(CLOCK_MONOTONIC) - now_ns) / 1e9;
	bye.reason = s->reason;
	bye.exit_code = exit_code(s);
	fill_target(s, &bye);
	publish_bye(&s->publisher, &bye);
	if (s->watching.config && !s->target_gone)
		session_rules_save(&s->rules, s->watching.config->target_name);
	sink_set__drain(s->publisher.sinks, DRAIN_SINKS_MS);
	return bye.exit_code;
}
