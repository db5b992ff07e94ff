/* SPDX-License-Identifier: GPL-2.0-only */
#include "assistant.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "clock.h"
#include "control.h"
#include "corpus.h"
#include "decoder.h"
#include "faults.h"
#include "log.h"
#include "lookup.h"
#include "session.h"
#include "stop.h"
#include "tts.h"
#include "user.h"

/* A user who is in the middle of something slow is not waited for longer than this. */
#define FAREWELL_NS (100 * NSEC_PER_MSEC)
#define FLUSH_NS    NSEC_PER_SEC

static struct {
	struct corpus corpus;
	struct session sessions[MAX_USERS];
	pthread_t threads[MAX_USERS];
	bool joined[MAX_USERS];
	unsigned int started;
	uint64_t ready_ns;
} assistant;

static int open_all(const struct options *opt)
{
	int err = corpus_load(&assistant.corpus, opt->audio_dir);

	decoder_quiet();
	if (!err)
		err = tts_open(opt->tts, opt->speech_cache_bytes);
	if (!err)
		err = lookup_prepare(opt);
	for (unsigned int i = 0; i < opt->users && !err; i++)
		err = session_open(&assistant.sessions[i], i, opt, &assistant.corpus);
	return err;
}

static int start_users(const struct options *opt)
{
	for (unsigned int i = 0; i < opt->users; i++) {
		char name[16];
		int err = -pthread_create(&assistant.threads[i], NULL, user_run,
					  &assistant.sessions[i]);

		if (err)
			return err;
		assistant.started++;
		snprintf(name, sizeof(name), "user-%u", i);
		pthread_setname_np(assistant.threads[i], name);
	}
	return 0;
}

/* Joins the users that have ended, waiting for the others until @deadline_ns. True if all have. */
static bool join_users(uint64_t deadline_ns)
{
	struct timespec deadline = to_timespec(deadline_ns);
	bool all = true;

	for (unsigned int i = 0; i < assistant.started; i++) {
		if (!assistant.joined[i])
			assistant.joined[i] = pthread_clockjoin_np(assistant.threads[i], NULL,
								   CLOCK_MONOTONIC, &deadline) == 0;
		all = all && assistant.joined[i];
	}
	return all;
}

static uint64_t min_ns(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The main thread: carries out the schedule until the users have left, a signal or the end. */
static void oversee(const struct options *opt)
{
	uint64_t end_ns = opt->duration_ns ? assistant.ready_ns + opt->duration_ns : UINT64_MAX;
	sigset_t signals;
	int sig = 0;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	while (sig != SIGTERM && sig != SIGINT) {
		uint64_t next_ns = min_ns(faults_tick(), end_ns);
		uint64_t now = now_ns();
		struct timespec wait;

		log_flush();
		if (now >= end_ns || (opt->turns > 0 && join_users(now)))
			break;
		wait = to_timespec(next_ns > now ? min_ns(next_ns - now, FLUSH_NS) : 0);
		sig = sigtimedwait(&signals, NULL, &wait);
	}
}

static void log_start(const struct options *opt)
{
	log_line("{\"type\":\"start\",\"pid\":%d,\"users\":%u,\"fast\":%s,\"tts\":\"%s\","
		 "\"at_ns\":%llu}",
		 (int)getpid(), opt->users, opt->fast ? "true" : "false",
		 opt->tts == TTS_FLITE ? "flite" : "espeak", (unsigned long long)now_ns());
}

/* Tells the log, and whoever started the assistant, that it listens. */
static void announce(void)
{
	log_line("{\"type\":\"ready\",\"at_ns\":%llu}", (unsigned long long)assistant.ready_ns);
	log_flush();
	printf("alice: ready, pid %d\n", (int)getpid());
	fflush(stdout);
}

static void log_end(bool clean)
{
	struct rusage usage;
	uint32_t turns = 0;

	for (unsigned int i = 0; i < assistant.started; i++)
		turns += assistant.sessions[i].turns;
	getrusage(RUSAGE_SELF, &usage);
	tts_log();
	log_line("{\"type\":\"end\",\"turns\":%u,\"clean\":%s,\"cpu_ns\":%llu,"
		 "\"maxrss_bytes\":%llu,\"at_ns\":%llu}",
		 turns, clean ? "true" : "false",
		 (unsigned long long)clock_ns(CLOCK_PROCESS_CPUTIME_ID),
		 (unsigned long long)usage.ru_maxrss * 1024, (unsigned long long)now_ns());
	log_close();
}

int assistant_run(struct options *opt)
{
	bool clean;
	int err = opt->log_path ? log_open(opt->log_path) : 0;

	if (err) {
		fprintf(stderr, "alice: %s: %s\n", opt->log_path, strerror(-err));
		return 1;
	}
	log_start(opt);
	err = open_all(opt);
	if (err)
		return 1;
	assistant.ready_ns = now_ns();
	faults_arm(opt->faults, opt->fault_cnt, MAX_FAULTS, assistant.ready_ns);
	announce();
	err = start_users(opt);
	if (!err && opt->control)
		err = control_start();
	if (!err)
		oversee(opt);
	stop_request();
	clean = join_users(now_ns() + FAREWELL_NS);
	faults_end();
	log_end(clean);
	/* Threads that still work on their session need it: only an orderly end frees anything. */
	if (!clean)
		_exit(err ? 1 : 0);
	for (unsigned int i = 0; i < opt->users; i++)
		session_close(&assistant.sessions[i]);
	tts_close();
	corpus_free(&assistant.corpus);
	return err ? 1 : 0;
}
