/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ways in which this assistant can be told to misbehave, each for a while.
 *
 * A fault is NAME[=VALUE][@FROM[-TO]], times counted from the moment the assistant is ready. Those
 * of a stage are asked for by the stage itself; those of the process (background.c) are started
 * and stopped by the main thread.
 */
#ifndef ALICE_FAULTS_H
#define ALICE_FAULTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum fault_kind {
	/* of a stage */
	FAULT_SLOW_WAKE = 0,
	FAULT_SLOW_STT,
	FAULT_SLOW_INTENT,
	FAULT_SLOW_RESPONSE,
	FAULT_SLOW_TTS,
	FAULT_SLOW_CHUNK,
	FAULT_TTS_WHOLE,
	FAULT_HANG_WAKE,
	FAULT_HANG_STT,
	FAULT_HANG_INTENT,
	FAULT_HANG_RESPONSE,
	FAULT_HANG_TTS,
	FAULT_CPU_INTENT,
	FAULT_LOCK,
	FAULT_DISK,
	FAULT_STT_ERROR,
	FAULT_INTENT_ERROR,
	FAULT_RESPONSE_ERROR,
	FAULT_TTS_ERROR,
	/* of a turn */
	FAULT_NO_TTS,
	FAULT_BARGE_IN,
	FAULT_OVERLAP,
	FAULT_GAP,
	FAULT_MIC_STOP,
	FAULT_KEEP_AUDIO,
	/* of the process */
	FAULT_BURN_THREAD,
	FAULT_LEAK,
	FAULT_SPIKE,
	FAULT_HOLD,
	FAULT_DISK_WRITE,
	FAULT_THREADS,
	FAULT_FDS,
	FAULT_CRASH,
	FAULT_EXIT,
	FAULT_CNT,
};

struct fault {
	enum fault_kind kind;
	uint64_t value;		    /* ns, bytes, bytes per second, percent or count, by kind */
	uint64_t from_ns;	    /* after ready */
	atomic_uint_fast64_t to_ns; /* after ready; UINT64_MAX: for ever */
	atomic_bool used;	    /* a fault that acts once has acted */
	bool started, ended;	    /* main thread only */
};

/* Reads one --fault argument. 0, or -EINVAL with a reason in @why. */
int fault_parse(const char *text, struct fault *fault, const char **why);

const char *fault_name(enum fault_kind kind);

/*
 * Starts the schedule: @faults belong to the caller and stay until the process ends. The first
 * @cnt of @max are filled.
 */
void faults_arm(struct fault *faults, unsigned int cnt, unsigned int max, uint64_t ready_ns);

/*
 * The schedule changes as it runs, one caller at a time: a fault NAME[=VALUE] that begins now, and
 * the end of the newest called NAME. 0, or -EINVAL with a reason in @why. What the main thread has
 * to do about it is done by the next faults_tick().
 */
int faults_begin(const char *text, const char **why);
int faults_finish(const char *name, const char **why);

/* True while a fault of this kind is scheduled; its value in @value, which may be NULL. */
bool fault_active(enum fault_kind kind, uint64_t *value);

/* The same, but true for one caller only in each scheduled interval. */
bool fault_once(enum fault_kind kind, uint64_t *value);

/*
 * Main thread: logs faults that begin or end, calls background_start() and background_stop() for
 * those of the process. Returns the time of the next change, UINT64_MAX if there is none.
 */
uint64_t faults_tick(void);

/* Logs the end of those still active, and stops them. */
void faults_end(void);

#endif
