/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * session.c - one epoll loop: a timer that drains the ring buffer every 100 ms, in which the
 * check of the overhead ceiling and the 1 s tick also fall; signals; the target's end; slow
 * readers.
 */
#include "watch/session_state.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "keeper/keeper.h"
#include "log/log.h"
#include "stacks/debug_files.h"
#include "watch/clock.h"
#include "watch/confine.h"
#include "watch/debug_fetch.h"
#include "watch/leak_hunt.h"
#include "watch/rule_watch.h"
#include "watch/target_open.h"
#include "watch/worker.h"

#define TICK_NS 1000000000ULL
/* For a job that is under way at the end; the operator has been told everything by then. */
#define WORKER_WAIT_MS 1000

int session_exit_code(int err)
{
	if (err == -EPERM || err == -EACCES || err == -EOPNOTSUPP)
		return EXIT_NOT_PERMITTED;
	return EXIT_ERROR;
}

/* What trials brought; before hello it is part of that. */
static void note_trials(struct session *s, uint64_t told)
{
	const struct watching *w = &s->watching;

	for (size_t i = 0; s->said_hello && i < w->config->stages_n; i++)
		if (told >> i & 1)
			publish_trial(&s->publisher, i);
}

static void drain(struct session *s, uint64_t now_ns)
{
	struct watching *w = &s->watching;
	uint64_t told;
	int shed;

	watching_drain(w, now_ns, &told);
	note_trials(s, told);
	if (!s->said_hello && !watching_in_trial(w))
		session_say_hello(s);
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

	if (watching_tick(&s->watching, now_ns, session_on_event, s) == -ESRCH)
		s->target_gone = true;
	if (rules__storm(s->watching.rules, &storm))
		publish_storm(&s->publisher, &storm);
	session_rules_tick(&s->rules, s->watching.config->target_name, now_ns, s->next_tick_ns);
	if (leak_hunt__news(s->watching.leaks))
		session_say_leaks(s, SINK_LEAKS_FOUND);
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
		session_end(s, "duration");
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
		watching_look(&s->watching, now_ns, session_on_event, s);
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
	s->watching.fetched = s->fetched;
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
/* A changed configuration: stages are attached anew, budgets and windows start anew. */
static int restart(struct session *s, struct config *config, struct rule_set *rules)
{
	if (config->leaks.debuginfod && !s->watching.config->leaks.debuginfod)
		log_warn("leaks: debuginfod: nothing can be fetched after the start");
	session_remember_worst(s);
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
	leak_hunt__stop(s->watching.leaks);
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
	session_end(s, s->target_gone ? "target_exited" : "error");
}

static void on_signal(struct session *s)
{
	struct signalfd_siginfo info;

	while (!s->ended && read(s->sources.signal_fd, &info, sizeof(info)) == sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGHUP:
			if (!s->opts->leaks)
				reload(s);
			break;
		case SIGUSR1:
			session_say_numbers(s, SINK_SUMMARY_SIGNAL);
			break;
		default:
			session_end(s, "signal");
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
			session_end(s, "error");
		}
		since_ns = clock_ns(CLOCK_MONOTONIC);
		for (int i = 0; i < n && !s->ended; i++)
			dispatch(s, (enum source)events[i].data.u32);
		turn_ns = clock_ns(CLOCK_MONOTONIC) - since_ns;
		if (turn_ns > s->publisher.loop_max_ns)
			s->publisher.loop_max_ns = turn_ns;
	}
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

	/* What a stuck thread uses stays where it is, the session itself too. */
	if (stuck) {
		watching_stop(&s->watching);
		return;
	}
	watching_free(&s->watching);
	keeper__stop(s->keeper);
	session_rules_close(&s->rules);
	process_close(&s->proc);
	debug_files__free(s->fetched);
	sources_close(&s->sources);
	free(s);
}

int session_run(const struct session_opts *opts, struct config *config, struct rule_set *rules,
		struct sink_set *sinks)
{
	struct session *s = calloc(1, sizeof(*s));
	int err, code;

	if (s) {
		s->opts = opts;
		s->sources = (struct sources)SOURCES_NONE;
		s->publisher.sinks = sinks;
		s->publisher.watching = &s->watching;
	}
	err = s ? target_open(&s->proc, s->opts->pid) : -ENOMEM;
	if (err) {
		config_free(config);
		rule_set_free(rules);
		free(s);
		return session_exit_code(err);
	}
	if (config->leaks.debuginfod && config_hunts_leaks(config))
		s->fetched = debug_fetch(&s->proc);
	err = set_up(s, rules);
	err = err ?: part_with_privileges(s, config);
	if (err) {
		config_free(config);
		rule_set_free(rules);
	} else {
		err = start(s, config, rules);
	}
	if (!err) {
		session_rules_restore(&s->rules, s->watching.config->target_name);
		loop(s);
		code = session_finish(s);
	} else {
		code = err == -ESRCH ? EXIT_TARGET : session_exit_code(err);
	}
	tear_down(s);
	return code;
}
