/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An assistant without engines: four stages as plain functions whose first argument is the session.
 * Each user has one session. By default the stages of a turn run on a pool of workers, so that no
 * turn keeps to one thread and only the session tells turns apart; --mode thread gives each user a
 * thread of its own, which runs all of its stages.
 *
 * Of every ten turns of a user the fourth is interrupted (the next begins before it was spoken) and
 * the eighth abandoned (nothing follows its intent, for ABANDON_US). One line a turn:
 *   {"type":"turn","user":0,"outcome":"complete","latency_ns":…,"latency_least_ns":…,
 *    "start_ns":…,"end_ns":…,
 *    "stages_ns":{"stt":…,"intent":…,"response":…,"tts":…},
 *    "gaps_ns":{"stt.intent":…,"intent.response":…,"response.tts":…}}
 */
#include "truth.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STAGES	     4
#define POOL_THREADS 4
#define USERS_MAX    64
#define ABANDON_US   1200000

struct session {
	int user;
	unsigned int random;
	uint64_t heard; /* passed from stage to stage, to check that nothing was mixed up */
};

struct job {
	int stage;
	long us;
	struct session *session;
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t delay_ns; /* see truth_delay_ns() */
	sem_t done;
	struct job *next;
};

static const char *const stage_names[STAGES] = {"stt", "intent", "response", "tts"};
static struct truth_function *stage_fns[STAGES];
static const struct truth_opts *options;

static struct {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct job *first;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER, .filled = PTHREAD_COND_INITIALIZER};

STAGE uint64_t turn_stt(struct session *session, long us)
{
	truth_sleep_us(us);
	session->heard = truth_mix((uint64_t)session->user);
	return session->heard;
}

STAGE uint64_t turn_intent(struct session *session, long us)
{
	truth_sleep_us(us);
	TRUTH_BARRIER();
	return session->heard;
}

STAGE uint64_t turn_response(struct session *session, long us)
{
	truth_burn_us(us / 4);
	truth_sleep_us(us - us / 4);
	TRUTH_BARRIER();
	return session->heard;
}

STAGE uint64_t turn_tts(struct session *session, long us)
{
	truth_sleep_us(us);
	TRUTH_BARRIER();
	return session->heard;
}

static uint64_t (*const stage_calls[STAGES])(struct session *, long) = {
	turn_stt,
	turn_intent,
	turn_response,
	turn_tts,
};

static void run_job(struct job *job)
{
	uint64_t got;

	job->start_ns = truth_now_ns();
	got = stage_calls[job->stage](job->session, job->us);
	job->end_ns = truth_now_ns();
	job->delay_ns = truth_delay_ns(job->start_ns);
	truth_check(got == truth_mix((uint64_t)job->session->user), "the session's own words");
	truth_record(stage_fns[job->stage], job->start_ns, job->end_ns, TRUTH_NORMAL);
	sem_post(&job->done);
}

static void *run_pool_thread(void *arg)
{
	(void)arg;
	for (;;) {
		struct job *job;

		pthread_mutex_lock(&queue.lock);
		while (!queue.first)
			pthread_cond_wait(&queue.filled, &queue.lock);
		job = queue.first;
		queue.first = job->next;
		pthread_mutex_unlock(&queue.lock);
		run_job(job);
	}
	return NULL;
}

static void enqueue(struct job *job)
{
	struct job **link;

	pthread_mutex_lock(&queue.lock);
	for (link = &queue.first; *link; link = &(*link)->next)
		;
	*link = job;
	pthread_cond_signal(&queue.filled);
	pthread_mutex_unlock(&queue.lock);
}

static void do_stage(struct job *job)
{
	sem_init(&job->done, 0, 0);
	if (!strcmp(options->mode, "thread"))
		run_job(job);
	else
		enqueue(job);
	while (sem_wait(&job->done))
		;
	sem_destroy(&job->done);
}

static void log_turn(const struct session *session, const char *outcome, const struct job *jobs,
		     int stages)
{
	uint64_t latency_ns = jobs[stages - 1].end_ns - jobs[0].start_ns;
	uint64_t delay_ns = jobs[0].delay_ns + jobs[stages - 1].delay_ns;
	char text[512];
	int used = 0;
	int i;

	used += snprintf(text + used, sizeof(text) - (size_t)used, "\"stages_ns\":{");
	for (i = 0; i < stages; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "%s\"%s\":%llu",
				 i ? "," : "", stage_names[i],
				 (unsigned long long)(jobs[i].end_ns - jobs[i].start_ns));
	used += snprintf(text + used, sizeof(text) - (size_t)used, "},\"gaps_ns\":{");
	for (i = 1; i < stages; i++)
		used += snprintf(text + used, sizeof(text) - (size_t)used, "%s\"%s.%s\":%llu",
				 i > 1 ? "," : "", stage_names[i - 1], stage_names[i],
				 (unsigned long long)(jobs[i].start_ns - jobs[i - 1].end_ns));
	truth_log("{\"type\":\"turn\",\"user\":%d,\"outcome\":\"%s\",\"latency_ns\":%llu,"
		  "\"latency_least_ns\":%llu,\"start_ns\":%llu,\"end_ns\":%llu,%s}}",
		  session->user, outcome, (unsigned long long)latency_ns,
		  (unsigned long long)(latency_ns > delay_ns ? latency_ns - delay_ns : 0),
		  (unsigned long long)jobs[0].start_ns, (unsigned long long)jobs[stages - 1].end_ns,
		  text);
}

static void run_turn(struct session *session, long number)
{
	bool interrupted = number % 10 == 4;
	bool abandoned = number % 10 == 8;
	int stages = interrupted ? 3 : abandoned ? 2 : STAGES;
	struct job jobs[STAGES];
	int i;

	memset(jobs, 0, sizeof(jobs));
	for (i = 0; i < stages; i++) {
		jobs[i].stage = i;
		jobs[i].session = session;
		jobs[i].us = truth_draw_us(options, &session->random);
		do_stage(&jobs[i]);
		if (i + 1 < stages)
			truth_sleep_us(truth_draw_us(options, &session->random) / 4);
	}
	log_turn(session,
		 interrupted ? "interrupted"
		 : abandoned ? "abandoned"
			     : "complete",
		 jobs, stages);
	if (abandoned)
		truth_sleep_us(ABANDON_US);
	else if (!interrupted)
		truth_sleep_us(truth_draw_us(options, &session->random));
}

static void *run_user(void *arg)
{
	struct session *session = arg;
	struct truth_pace pace;

	truth_pace_start(&pace);
	while (truth_pace_next(&pace, options))
		run_turn(session, pace.done);
	return NULL;
}

int main(int argc, char **argv)
{
	struct truth_opts opts;
	pthread_t users[USERS_MAX];
	pthread_t pool_thread;
	struct session *sessions;
	int i;

	truth_init(&opts, argc, argv);
	options = &opts;
	for (i = 0; i < STAGES; i++)
		stage_fns[i] = truth_fn(stage_names[i]);
	sessions = calloc((size_t)opts.users, sizeof(*sessions));
	if (!sessions || opts.users > USERS_MAX)
		return 2;
	for (i = 0; strcmp(opts.mode, "thread") && i < POOL_THREADS; i++)
		pthread_create(&pool_thread, NULL, run_pool_thread, NULL);
	truth_ready(&opts);
	for (i = 0; i < opts.users; i++) {
		sessions[i].user = i;
		sessions[i].random = opts.seed + (unsigned int)i * 7919;
		pthread_create(&users[i], NULL, run_user, &sessions[i]);
	}
	for (i = 0; i < opts.users; i++)
		pthread_join(users[i], NULL);
	return truth_finish();
}
