/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.c - one epoll loop: a timer that drains the ring buffer every 100 ms, in which the
 * check of the overhead ceiling and the 1 s tick also fall; signals; the target's end; slow
 * readers.
 */
#include "watch/session.h"

#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keeper/keeper.h"
#include "log/log.h"
#include "target/proc_file.h"
#include "watch/clock.h"
#include "watch/confine.h"
#include "watch/hints.h"
#include "watch/proof.h"
#include "watch/publish.h"
#include "watch/rule_watch.h"
#include "watch/session_rules.h"
#include "watch/sources.h"
#include "watch/watching.h"
#include "watch/worker.h"

#define TICK_NS	       1000000000ULL
#define DRAIN_SINKS_MS 1000
/* For a job that is under way at the end; the operator has been told everything by then. */
#define WORKER_WAIT_MS 1000
/* How long the last records of a target that has just ended are waited for. */
#define LAST_RECORDS_NS 200000000ULL

struct session {
	const struct session_opts *opts;
	struct process proc;
	struct keeper *keeper;
	struct watching watching;
	struct publisher publisher;
	struct session_rules rules;
	struct sources sources;
	struct proof proof;
	struct worker *worker;
	uint64_t started_ns;
	uint64_t next_tick_ns;
	uint64_t next_summary_ns;
	uint64_t summary_interval_ns;
	bool broken; /* a reload failed half-way: there is nothing to tell of */
	bool said_hello;
	bool said_unwritable; /* an output */
	bool said_lost;	      /* the keeper */
	char missing[64];     /* capabilities; see privileges_missing() */
	enum severity worst;  /* before the last reload */
	bool ended;	      /* the loop is over */
	const char *reason;   /* of the end */
	bool target_gone;
};

int session_exit_code(int err)
{
	if (err == -EPERM || err == -EACCES || err == -EOPNOTSUPP)
		return EXIT_NOT_PERMITTED;
	return EXIT_ERROR;
}

static void end(struct session *s, const char *reason)
{
	if (s->ended)
		return;
	s->ended = true;
	s->reason = reason;
}

static void on_event(void *ctx, const struct alert_event *event, int handle)
{
	struct session *s = ctx;

	publish_alert(&s->publisher, event, handle);
}

/* What trials brought; before hello it is part of that. */
static void note_trials(struct session *s, uint64_t told)
{
	const struct watching *w = &s->watching;

	for (size_t i = 0; s->said_hello && i < w->config->stages_n; i++)
		if (told >> i & 1)
			publish_trial(&s->publisher, i);
}

static void say_hello(struct session *s)
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

static void drain(struct session *s, uint64_t now_ns)
{
	struct watching *w = &s->watching;
	uint64_t told;
	int shed;

	watching_drain(w, now_ns, &told);
	note_trials(s, told);
	if (!s->said_hello && !attachment_in_trial(&w->attachment))
		say_hello(s);
	shed = watching_break(w, now_ns);
	if (shed != BREAKER_NOTHING)
		publish_shed(&s->publisher, shed);
	if (s->said_hello)
		watching_retry(w, now_ns);
}

static void rescan(struct session *s, uint64_t now_ns)
{
	bool exec = s->watching.exec_seen;

	watching_rescan(&s->watching, now_ns);
	/* Else the worker is busy, and it is told when it is its turn. */
	if (exec && !s->watching.exec_seen)
		publish_note(&s->publisher, "target_exec", SINK_SEVERITY_WARNING, NULL,
			     "the target runs another program now: its stages are looked up again");
}

/* Nobody reads the alerts: that is said where it may still be seen. */
static void check_output(struct session *s)
{
	struct sink_stats stats;

	if (s->said_unwritable)
		return;
	sink_set__stats(s->publisher.sinks, &stats);
	if (!stats.write_errors)
		return;
	s->said_unwritable = true;
	log_warn("output cannot be written (%s): alerts wait, or are lost",
		 err_str(-stats.last_errno));
}

static void tick(struct session *s, uint64_t now_ns)
{
	struct notify_storm storm;

	if (watching_tick(&s->watching, now_ns, on_event, s) == -ESRCH)
		s->target_gone = true;
	if (rules__storm(s->watching.rules, &storm))
		publish_storm(&s->publisher, &storm);
	session_rules_tick(&s->rules, s->watching.config->target_name, now_ns, s->next_tick_ns);
	sink_set__flush(s->publisher.sinks);
	check_output(s);
	/* After a stop of the machine the ticks that were missed are not made up for. */
	s->next_tick_ns += TICK_NS;
	if (s->next_tick_ns <= now_ns)
		s->next_tick_ns = now_ns + TICK_NS;
	if (s->next_summary_ns && now_ns >= s->next_summary_ns) {
		publish_summary(&s->publisher, SINK_SUMMARY_INTERVAL, now_ns);
		s->next_summary_ns += s->summary_interval_ns;
		if (s->next_summary_ns <= now_ns)
			s->next_summary_ns = now_ns + s->summary_interval_ns;
	}
	if (s->opts->duration_ns && now_ns - s->started_ns >= s->opts->duration_ns)
		end(s, "duration");
}

/* Also when that was noticed in asking. */
static void check_keeper(struct session *s)
{
	if (s->said_lost || !keeper__lost(s->keeper))
		return;
	s->said_lost = true;
	publish_note(&s->publisher, "keeper_lost", SINK_SEVERITY_WARNING, NULL,
		     "the process that keeps the privileges ended: what is attached goes on, but "
		     "nothing new can be attached, and what only a tracer can read is unknown");
}

static void on_timer(struct session *s)
{
	uint64_t expirations, now_ns;

	if (read(s->sources.timer_fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		log_warn("timer: %s", err_str(errno));
	now_ns = clock_ns(CLOCK_MONOTONIC);
	drain(s, now_ns);
	/* Objects and bindings are the loop's until then. */
	if (s->said_hello && watching_scan_due(&s->watching, now_ns))
		rescan(s, now_ns);
	scan_check(&s->watching, now_ns);
	if (now_ns >= s->next_tick_ns)
		tick(s, now_ns);
	else if (watching_look_due(&s->watching, now_ns))
		watching_look(&s->watching, now_ns, on_event, s);
	check_keeper(s);
}

static void start_summaries(struct session *s, uint64_t now_ns)
{
	s->summary_interval_ns = s->opts->summary_interval_ns
					 ?: s->watching.config->summary_interval_ns;
	s->next_summary_ns = s->summary_interval_ns ? now_ns + s->summary_interval_ns : 0;
}

/* Takes both over. */
static int start(struct session *s, struct config *config, struct rule_set *rules)
{
	char why[WATCHING_WHY_MAX];
	int err = watching_start(&s->watching, config, &s->proc, s->keeper, &s->proof, why,
				 sizeof(why));

	if (err == -ESRCH)
		log_err("process %d ended while it was looked at", s->opts->pid);
	else if (err)
		log_err("cannot watch process %d: %s", s->opts->pid, why);
	if ((err == -EPERM || err == -EACCES) && s->missing[0])
		log_err("missing here: %s", s->missing);
	if (err) {
		rule_set_free(rules);
		return err;
	}
	s->watching.worker = s->worker;
	err = sources_add(&s->sources, loader__ring_fd(s->watching.loader), SOURCE_RING);
	if (err)
		rule_set_free(rules);
	else
		err = session_rules_use(&s->rules, rules, s->watching.config, s->watching.metrics);
	/* Loading the programs took far more than what is kept, and much of it lies below that. */
	malloc_trim(0);
	s->next_tick_ns = clock_ns(CLOCK_MONOTONIC) + TICK_NS;
	start_summaries(s, clock_ns(CLOCK_MONOTONIC));
	return err;
}

/* For --fail-on, budgets of the old configuration count as well. */
static void remember_worst(struct session *s)
{
	enum severity worst = s->watching.rules ? rules__worst(s->watching.rules) : SEVERITY_NONE;

	if (worst > s->worst)
		s->worst = worst;
	worst = session_rules_worst(&s->rules);
	if (worst > s->worst)
		s->worst = worst;
}

/* A changed configuration: stages are attached anew, budgets and windows start anew. */
static int restart(struct session *s, struct config *config, struct rule_set *rules)
{
	remember_worst(s);
	s->publisher.fired_before += rules__fired(s->watching.rules);
	s->publisher.held_before += rules__held(s->watching.rules);
	s->publisher.groups_before += rules__groups(s->watching.rules);
	if (s->rules.watch)
		rule_watch__detach(s->rules.watch);
	watching_free(&s->watching);
	return start(s, config, rules);
}

/* SIGHUP: a bad file keeps the old configuration and the old rules, and says so. */
static void reload(struct session *s)
{
	struct config *config;
	struct rule_set *rules;
	int err;

	/* What it works on may be about to go. */
	if (worker__wait(s->worker, WORKER_WAIT_MS)) {
		publish_note(&s->publisher, "reload_failed", SINK_SEVERITY_WARNING, NULL,
			     "a disk or the target's files take too long to be read: try again");
		return;
	}
	if (session_files_load(&s->opts->files, &config, &rules)) {
		publish_note(&s->publisher, "reload_failed", SINK_SEVERITY_WARNING, NULL,
			     "the configuration or a rule file has errors: the old ones stay in "
			     "force");
		return;
	}
	if (config->digest != s->watching.config->digest && keeper__lost(s->keeper)) {
		config_free(config);
		rule_set_free(rules);
		publish_note(&s->publisher, "reload_failed", SINK_SEVERITY_WARNING, NULL,
			     "the configuration changed, and the process that could load it ended: "
			     "the old one stays in force until a restart");
		return;
	}
	if (config->digest != s->watching.config->digest) {
		err = restart(s, config, rules);
	} else {
		/* Nothing to attach: what is measured goes on. */
		config_free(config);
		err = session_rules_reload(&s->rules, rules, s->watching.config);
		if (err == -E2BIG)
			return;
	}
	if (!err) {
		publish_note(&s->publisher, "reload", SINK_SEVERITY_NONE, NULL,
			     "the configuration was read again");
		return;
	}
	s->broken = true;
	s->target_gone = err == -ESRCH;
	end(s, s->target_gone ? "target_exited" : "error");
}

static void on_signal(struct session *s)
{
	struct signalfd_siginfo info;
	uint64_t now_ns;

	while (!s->ended && read(s->sources.signal_fd, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGHUP:
			reload(s);
			break;
		case SIGUSR1:
			now_ns = clock_ns(CLOCK_MONOTONIC);
			watching_flush(&s->watching, now_ns);
			publish_summary(&s->publisher, SINK_SUMMARY_SIGNAL, now_ns);
			break;
		default:
			end(s, "signal");
		}
	}
}

static void dispatch(struct session *s, enum source source)
{
	switch (source) {
	case SOURCE_TIMER:
		on_timer(s);
		break;
	case SOURCE_SIGNAL:
		on_signal(s);
		break;
	case SOURCE_TARGET:
		s->target_gone = true;
		break;
	case SOURCE_RING:
		drain(s, clock_ns(CLOCK_MONOTONIC));
		break;
	case SOURCE_SINKS:
		sink_set__flush(s->publisher.sinks);
		break;
	case SOURCE_KEEPER:
		keeper__check(s->keeper);
		break;
	case SOURCE_WORKER:
		worker__reap(s->worker);
		break;
	}
}

static void loop(struct session *s)
{
	struct epoll_event events[8];
	uint64_t since_ns, turn_ns;

	while (!s->ended && !s->target_gone) {
		int n = epoll_wait(s->sources.epoll_fd, events, 8, -1);

		if (n < 0 && errno != EINTR) {
			log_err("epoll: %s", err_str(errno));
			end(s, "error");
		}
		since_ns = clock_ns(CLOCK_MONOTONIC);
		for (int i = 0; i < n && !s->ended; i++)
			dispatch(s, (enum source)events[i].data.u32);
		turn_ns = clock_ns(CLOCK_MONOTONIC) - since_ns;
		if (turn_ns > s->publisher.loop_max_ns)
			s->publisher.loop_max_ns = turn_ns;
	}
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
	watching_gone(&s->watching, now_ns, on_event, s);
	session_rules_save(&s->rules, s->watching.config->target_name);
	session_rules_tick(&s->rules, s->watching.config->target_name, now_ns, s->next_tick_ns);
}

static void last_numbers(struct session *s)
{
	uint64_t now_ns;

	if (s->target_gone) {
		wait_for_exit_record(s);
		end(s, "target_exited");
	}
	if (!s->said_hello)
		say_hello(s);
	now_ns = clock_ns(CLOCK_MONOTONIC);
	watching_flush(&s->watching, now_ns);
	s->publisher.target_gone = s->target_gone;
	if (s->target_gone)
		tell_end(s, now_ns);
	publish_summary(&s->publisher, SINK_SUMMARY_EXIT, now_ns);
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

/* Last numbers first, then off: the operator does not wait for the detaching. */
static int finish(struct session *s)
{
	struct sink_bye bye = {};
	uint64_t now_ns;

	if (!s->broken)
		last_numbers(s);
	remember_worst(s);
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

static int open_target(struct session *s)
{
	int err = process_open(&s->proc, s->opts->pid);

	if (err == -ESRCH)
		log_err("no process with PID %d", s->opts->pid);
	else if (err == -EINVAL)
		log_err("%d is a thread, not a process: give the PID of the process", s->opts->pid);
	else if (err)
		log_err("process %d cannot be opened: %s", s->opts->pid, err_str(err));
	return err;
}

static int set_up(struct session *s, struct rule_set *rules)
{
	int err = sources_open(&s->sources, s->proc.pidfd, sink_set__fd(s->publisher.sinks));

	s->worker = worker__new();
	if (!err)
		err = s->worker ? sources_add(&s->sources, worker__fd(s->worker), SOURCE_WORKER)
				: -errno;
	if (err)
		log_err("cannot set up the event loop: %s", err_str(err));
	else if (rules)
		err = session_rules_open(&s->rules, s->opts->state_path, &s->publisher, s->worker);
	s->started_ns = clock_ns(CLOCK_MONOTONIC);
	return err;
}

/* From here on nothing takes a privilege that this process has. */
static int part_with_privileges(struct session *s, const struct config *config)
{
	struct confinement c = {.config = config,
				.btf_path = s->opts->btf_path,
				.state_dir_fd = session_rules_dir_fd(&s->rules)};
	int err;

	proof_run(&s->proof, s->opts->force_perf);
	c.force_perf = s->proof.force_perf;
	err = confine(&c, &s->proc, &s->keeper, s->missing, sizeof(s->missing));
	return err ?: sources_add(&s->sources, keeper__fd(s->keeper), SOURCE_KEEPER);
}

static void tear_down(struct session *s)
{
	int stuck = worker__free(s->worker, WORKER_WAIT_MS);

	/* What a stuck thread uses stays where it is. */
	if (stuck) {
		watching_stop(&s->watching);
		return;
	}
	watching_free(&s->watching);
	keeper__stop(s->keeper);
	session_rules_close(&s->rules);
	process_close(&s->proc);
	sources_close(&s->sources);
}

int session_run(const struct session_opts *opts, struct config *config, struct rule_set *rules,
		struct sink_set *sinks)
{
	struct session s = {.opts = opts, .sources = SOURCES_NONE};
	int err, code;

	s.publisher.sinks = sinks;
	s.publisher.watching = &s.watching;
	err = open_target(&s);
	if (err) {
		config_free(config);
		rule_set_free(rules);
		return session_exit_code(err);
	}
	err = set_up(&s, rules);
	err = err ?: part_with_privileges(&s, config);
	if (err) {
		config_free(config);
		rule_set_free(rules);
	} else {
		err = start(&s, config, rules);
	}
	if (!err) {
		session_rules_restore(&s.rules, s.watching.config->target_name);
		loop(&s);
		code = finish(&s);
	} else {
		code = err == -ESRCH ? EXIT_TARGET : session_exit_code(err);
	}
	tear_down(&s);
	return code;
}
