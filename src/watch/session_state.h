/* SPDX-License-Identifier: GPL-2.0-only */
/* session_state.h - what a session is made of, for the files that it is written in. */
#ifndef CHESHIRE_WATCH_SESSION_STATE_H
#define CHESHIRE_WATCH_SESSION_STATE_H

#include "target/process.h"
#include "watch/proof.h"
#include "watch/publish.h"
#include "watch/session.h"
#include "watch/session_rules.h"
#include "watch/sources.h"
#include "watch/watching.h"

struct debug_files;
struct keeper;
struct worker;

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
	struct debug_files *fetched; /* NULL: none were asked for */
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

/* --- session_end.c --- */

/* The loop ends after this turn, for this reason; the first reason counts. */
void session_end(struct session *s, const char *reason);
/* An alert of the budgets changed: tells it; the context is the session. */
void session_on_event(void *ctx, const struct alert_event *event, int handle);
/* Numbers as of now: the summary, or what a search for leaks has found. */
void session_say_numbers(struct session *s, enum sink_summary_reason reason);
void session_say_leaks(struct session *s, enum sink_leaks_reason reason);
/* Tells what was attached, and what could not be. */
void session_say_hello(struct session *s);
/* The worst severity that the alerts had, for the exit code; before they are given up. */
void session_remember_worst(struct session *s);
/* Last numbers first, then off: the operator does not wait for the detaching.  The exit code. */
int session_finish(struct session *s);

#endif
