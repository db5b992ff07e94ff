/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sink.h - where results go: text, JSON, syslog, several at once.
 *
 * The caller fills one of the plain structs below and gives it to the set, which hands it to
 * every sink.  Nothing is kept after the call returns: all strings and arrays stay the caller's.
 * Strings may be NULL (absent) and are escaped here, so they can come from the target as they are.
 * Values are doubles in the base unit of their metric; NAN is "unknown" (JSON null).
 *
 * No call blocks.  What a reader does not take is queued, up to a bound; past it lines are dropped
 * and counted (sink_set__stats), summaries and notes first.
 */
#ifndef CHESHIRE_SINKS_SINK_H
#define CHESHIRE_SINKS_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "cheshire/wire.h"
#include "config/config.h"
#include "sinks/sink_leaks.h"
#include "sinks/sink_stats.h"

enum sink_quality {
	SINK_QUALITY_EXACT = 0,
	SINK_QUALITY_SAMPLED = 1,
	SINK_QUALITY_FEW = 2,
	SINK_QUALITY_PARTIAL = 3,
	SINK_QUALITY_UNKNOWN = 4,
};

enum sink_alert_state {
	SINK_ALERT_INACTIVE = 0,
	SINK_ALERT_PENDING = 1,
	SINK_ALERT_FIRING = 2,
	SINK_ALERT_RESOLVED = 3,
	SINK_ALERT_UNKNOWN = 4,
};

enum sink_severity {
	SINK_SEVERITY_NONE = 0,
	SINK_SEVERITY_WARNING = 1,
	SINK_SEVERITY_CRITICAL = 2,
};

enum sink_stage_state {
	SINK_STAGE_ARMED = 0,
	SINK_STAGE_REFUSED = 1,	   /* not safe or too costly: `reason` says which */
	SINK_STAGE_UNRESOLVED = 2, /* no function found */
	SINK_STAGE_SHED = 3,	   /* was armed, taken off again */
};

/* What every object carries. */
struct sink_head {
	uint64_t ts_ns;		 /* CLOCK_REALTIME */
	uint32_t target_id;	 /* from 1 */
	pid_t pid;		 /* tgid of the target; 0 where there is none yet */
	const char *process;	 /* its comm */
	const char *target_name; /* label of the configuration, e.g. "alice" */
};

/* One function of a stage. */
struct sink_function {
	const char *object;    /* base name of the mapped file */
	const char *symbol;    /* NULL: only the offset is known */
	uint64_t offset;       /* file offset, or offset in the symbol where there is one */
	const char *demangled; /* for people, NULL where equal to symbol */
	bool emulated;	       /* the entry is emulated by the kernel, not single-stepped */
	const char *exits;     /* "returns", "uretprobe", "learnt", NULL: entry only */
};

struct sink_stage {
	const char *name;
	enum stage_kind kind;
	const char *engine; /* catalogue entry, NULL: configured by the operator */
	enum sink_stage_state state;
	const char *way;       /* "probes", "watchpoint", "sampled"; NULL: not armed */
	const char *reason;    /* why not armed, or a caveat; NULL */
	uint32_t probes_entry; /* probed instructions */
	uint32_t probes_exit;
	double rate_per_s;	       /* seen in the trial; NAN: no trial */
	double projected_cost_percent; /* of one CPU; NAN: not known */
	const struct sink_function *functions;
	size_t functions_n;
};

/* Watching has begun. */
struct sink_hello {
	struct sink_head head;
	const char *version;	 /* of cheshire */
	const char *kernel;	 /* release of the running kernel */
	const char *exe;	 /* path of the target's program */
	const char *attach;	 /* "uprobe_multi", "perf_event", "none" */
	double cost_emulated_ns; /* calibrated on this host; NAN: not calibrated */
	double cost_stepped_ns;
	double projected_cost_percent; /* of one CPU, all stages */
	double ceiling_percent;
	double cpus; /* CPUs available to the target */
	const struct sink_stage *stages;
	size_t stages_n;
	const char *const *engines; /* engines recognised */
	size_t engines_n;
	const char *const *unrecognised; /* objects that look like engines but are unknown */
	size_t unrecognised_n;
	size_t budgets_n; /* budgets in force */
	size_t rules_n;	  /* rules in force, without the budgets */
};

enum sink_evidence_kind {
	SINK_EVIDENCE_SPAN = 1,
	SINK_EVIDENCE_TURN = 2,
	SINK_EVIDENCE_NOTE = 3,	      /* a sentence, in `text` */
	SINK_EVIDENCE_COMPARISON = 4, /* of before and after, likewise: said of what is over */
};

struct sink_gap {
	const char *from; /* stage */
	const char *to;
	double s;
};

/*
 * One thing that explains an alert.  The time of a span is cpu + the sum of wait (where
 * breakdown is true); that of a turn is its spans and the gaps between them.
 */
struct sink_evidence {
	enum sink_evidence_kind kind;
	const char *stage;    /* span */
	const char *outcome;  /* turn: complete, abandoned, interrupted; span: NULL, error,
				 exception, unwound, thread_end */
	uint64_t start_ts_ns; /* CLOCK_REALTIME; 0: not known */
	double wall_s;
	double first_s;	       /* streams: time to first output; else NAN */
	pid_t tid;	       /* thread of the span, 0: not known */
	const char *thread;    /* its comm */
	const char *statement; /* of a database, redacted; NULL: it is none, or not known */
	bool breakdown;	       /* cpu_s and wait_s are valid */
	double cpu_s;
	double process_cpu_s;		   /* all threads meanwhile; NAN: not known */
	double wait_s[WIRE_WAITS];	   /* by enum wire_wait */
	const struct sink_evidence *spans; /* turn: its spans, in order */
	size_t spans_n;
	const struct sink_gap *gaps; /* turn */
	size_t gaps_n;
	enum sink_quality quality;
	const char *text; /* note, comparison */
};

/* A label or an annotation of a rule. */
struct sink_pair {
	const char *name;
	const char *value;
};

/* One change of state of one budget or rule. */
struct sink_alert {
	struct sink_head head;
	enum sink_alert_state state;
	const char *alert;	     /* name: "STT latency" */
	enum sink_severity severity; /* resolved: the one that it had */
	int priority;		     /* 0 .. 3; -1: none */
	const char *metric;	     /* with the statistic: "stt.latency.p95" */
	const char *stat;	     /* "p95"; NULL */
	double value;
	enum unit unit;
	double limit;		    /* the limit crossed */
	double target;		    /* the budget's target; NAN: none */
	double over_percent;	    /* over the target; NAN: no target */
	double worst;		    /* value since the limit was crossed; NAN: none */
	double improvement_percent; /* resolved: better than the worst by so much; NAN */
	bool below;		    /* a value below the limit is the violation */
	double window_s;	    /* NAN: none */
	double for_s;
	double respond_within_s; /* NAN: none */
	enum sink_quality quality;
	uint64_t n;	    /* samples behind the value */
	const char *reason; /* unknown: why; or why there is no value; NULL */
	const char *action;
	const char *impact;
	const char *response; /* what its priority asks for; NULL */
	const char *tier;     /* of users, that the budget belongs to; NULL: always in force */
	const char *cause;    /* of its group: "stage:stt", "memory"; NULL */
	uint64_t group;	      /* alerts of one cause share it; 0: none */
	bool also;	      /* another alert of the group was told first */
	bool reminder;	      /* nothing changed: it fires on */
	uint64_t since_ts_ns; /* began to fire, CLOCK_REALTIME; 0: it does not fire, nor did it */
	const char *rule;     /* of a rule file: "FILE: GROUP"; NULL: of a budget */
	const struct sink_pair *labels; /* of the rule's alert */
	size_t labels_n;
	const struct sink_pair *annotations;
	size_t annotations_n;
	const struct sink_evidence *evidence;
	size_t evidence_n;
};

struct sink_metric {
	const char *id; /* "stt.latency.p95" */
	double value;	/* NAN: unknown, or no sample yet */
	enum unit unit;
	enum sink_quality quality;
	uint64_t n; /* samples behind the value */
};

struct sink_drop {
	const char *reason; /* identifier: "ring_full" */
	uint64_t count;	    /* since the start */
};

/* What watching costs; nanoseconds since the start. */
struct sink_overhead {
	uint64_t elapsed_ns;
	uint64_t probe_ns;	/* uprobes, in the target's context */
	uint64_t tracepoint_ns; /* scheduler and other tracepoint programs, host wide */
	uint64_t own_cpu_ns;	/* cheshire itself */
	uint64_t own_rss_bytes;
	double percent_of_one_cpu; /* probes + tracepoints, over the last interval */
	uint64_t loop_max_ns;	   /* the event loop's longest turn: nothing is read meanwhile */
};

/* One alert that fires. */
struct sink_firing {
	const char *alert;
	const char *metric;
	enum sink_severity severity;
	int priority;	      /* 0 .. 3; -1: none */
	uint64_t since_ts_ns; /* CLOCK_REALTIME */
};

/* All executions of one text of a database statement. */
struct sink_statement {
	const char *text; /* redacted */
	uint64_t count;
	uint64_t errors;
	double sum_s;
	double p95_s; /* within 12.5 % */
	double max_s;
};

enum sink_summary_reason {
	SINK_SUMMARY_INTERVAL = 0,
	SINK_SUMMARY_SIGNAL = 1, /* SIGUSR1 */
	SINK_SUMMARY_EXIT = 2,
};

struct sink_summary {
	struct sink_head head;
	enum sink_summary_reason reason;
	const struct sink_metric *metrics; /* ids unique; any order */
	size_t metrics_n;
	const struct sink_drop *drops; /* those that are not zero */
	size_t drops_n;
	struct sink_overhead overhead;
	const char *const *notices; /* sentences: over the target but below warning */
	size_t notices_n;
	uint32_t alerts_firing; /* now */
	uint64_t alerts_fired;	/* since the start */
	uint64_t alerts_held;	/* changes not told one by one, for there were too many */
	const struct sink_firing *firing;
	size_t firing_n;
	const char *tier; /* of users, in force; NULL: there are none */
	const struct sink_statement
		*statements; /* those that took most of the time, dearest first */
	size_t statements_n;
};

/* Something said once: a stage shed or refused, unknown, the target exec'd, a reload. */
struct sink_note {
	struct sink_head head;
	const char *event;	     /* identifier: "stage_shed", "target_exec", "reload" */
	enum sink_severity severity; /* NONE: for information */
	const char *stage;	     /* NULL: about the whole target */
	const char *text;	     /* a sentence for people */
};

enum sink_target_state {
	SINK_TARGET_RUNNING = 0, /* we detached from it */
	SINK_TARGET_EXITED = 1,
	SINK_TARGET_KILLED = 2,
	SINK_TARGET_UNKNOWN = 3, /* gone, nobody saw how */
};

struct sink_bye {
	struct sink_head head;
	const char *reason; /* identifier: "signal", "duration", "target_exited", "error" */
	int exit_code;	    /* of cheshire */
	enum sink_target_state target_state;
	int target_exit_code;	 /* EXITED */
	int target_signal;	 /* KILLED */
	bool target_core_dumped; /* KILLED */
	double detach_s;	 /* how long detaching took; NAN: not measured */
	uint64_t alerts_fired;
	uint64_t output_dropped; /* lines of all sinks that nobody got */
};

enum sink_leaks_reason {
	SINK_LEAKS_FOUND = 0,  /* a verdict became graver */
	SINK_LEAKS_SIGNAL = 1, /* SIGUSR1 */
	SINK_LEAKS_EXIT = 2,
};

/* What a hunt for leaks knows so far. */
struct sink_leaks {
	struct sink_head head;
	enum sink_leaks_reason reason;
	double duration_s;	 /* since the hunt began; NAN: it has not */
	const char *step;	 /* the farthest it came: "windows", "watchpoints", ... */
	struct sink_rate growth; /* of memory as a whole, bytes/h; value NAN: not known yet */
	const char *allocator;	 /* "glibc"; NULL: not known */
	bool tells;		 /* ... and it is seen from outside whether a block is free */
	uint64_t windows, calls; /* on the allocator, and calls of it in them */
	uint64_t sampled, freed; /* blocks that were followed, and those seen freed */
	uint64_t probe_ns;	 /* what the hunt's probes cost in the target's context */
	const struct sink_leak_site *sites; /* gravest first */
	size_t sites_n;
	uint64_t sites_quiet; /* innocent or undecided, and not among `sites` */
	const struct sink_leak_type *types;
	size_t types_n;
	const char *const *limits; /* what could not be told, and why: sentences */
	size_t limits_n;
};

/* One kind of sink.  Functions may be NULL: that sink has nothing to say there. */
struct sink;
struct sink_ops {
	const char *name; /* "text", "json", "syslog" */
	void (*hello)(struct sink *sink, const struct sink_hello *hello);
	void (*alert)(struct sink *sink, const struct sink_alert *alert);
	void (*summary)(struct sink *sink, const struct sink_summary *summary);
	void (*note)(struct sink *sink, const struct sink_note *note);
	void (*leaks)(struct sink *sink, const struct sink_leaks *leaks);
	void (*bye)(struct sink *sink, const struct sink_bye *bye);
	/* Writes what is queued, without blocking. */
	void (*flush)(struct sink *sink);
	/* Descriptor to wait on for writing while something is queued, else -1. */
	int (*wait_fd)(const struct sink *sink);
	void (*stats)(const struct sink *sink, struct sink_stats *stats);
	void (*free)(struct sink *sink);
};

/* Base of every sink: first member of its own struct. */
struct sink {
	const struct sink_ops *ops;
	int watched_fd; /* the set's: what it waits on for this sink, -1: nothing */
};

/*
 * Text for people on fd.  Colour: only when `color`, see sink_text__wants_color().
 * The descriptor stays the caller's and its flags are not changed.  NULL and errno on failure.
 */
struct sink *sink_text__new(int fd, bool color);
/* True when fd is a terminal, NO_COLOR is unset or empty, and TERM is not "dumb". */
bool sink_text__wants_color(int fd);

/* One JSON object a line on fd, as docs/output.md says.  As above. */
struct sink *sink_json__new(int fd);

/*
 * Alerts and notes to the syslog daemon's socket; `path` NULL is /dev/log.  `facility` is one of
 * LOG_DAEMON and the like.  The daemon need not be there yet.  NULL and errno on failure.
 */
struct sink *sink_syslog__new(const char *path, int facility);
/* "daemon", "local0", ... -> *facility.  NULL or "" is daemon.  -EINVAL: no such name. */
int sink_syslog__facility(const char *name, int *facility);

/* Several sinks at once. */
struct sink_set;

/* Ignores SIGPIPE from now on: a closed reader is counted, it does not kill.  NULL and errno. */
struct sink_set *sink_set__new(void);
/* Frees the sinks too, without waiting for readers: see sink_set__drain.  NULL is fine. */
void sink_set__free(struct sink_set *set);
/* Takes the sink over, also on failure (then it is freed).  `sink` NULL: -errno as it stands. */
int sink_set__add(struct sink_set *set, struct sink *sink);

void sink_set__hello(struct sink_set *set, const struct sink_hello *hello);
void sink_set__alert(struct sink_set *set, const struct sink_alert *alert);
void sink_set__summary(struct sink_set *set, const struct sink_summary *summary);
void sink_set__note(struct sink_set *set, const struct sink_note *note);
void sink_set__leaks(struct sink_set *set, const struct sink_leaks *leaks);
void sink_set__bye(struct sink_set *set, const struct sink_bye *bye);

/*
 * For the epoll loop: readable (EPOLLIN) when a sink that has something queued can be written.
 * Call sink_set__flush() then, and at every 1 s tick (syslog reconnects there).
 */
int sink_set__fd(const struct sink_set *set);
void sink_set__flush(struct sink_set *set);
/* Flushes until all is written or timeout_ms has passed; for the end.  0 or -ETIMEDOUT. */
int sink_set__drain(struct sink_set *set, int timeout_ms);
/* Sums over the sinks; `dead` when any of them is, last_errno of the newest failure seen. */
void sink_set__stats(const struct sink_set *set, struct sink_stats *stats);

/* Names in output, e.g. "partial", "firing", "critical", "refused", "stream". */
const char *sink_quality_name(enum sink_quality quality);
const char *sink_alert_state_name(enum sink_alert_state state);
const char *sink_severity_name(enum sink_severity severity);
const char *sink_stage_state_name(enum sink_stage_state state);
const char *sink_stage_kind_name(enum stage_kind kind);
const char *sink_wait_name(enum wire_wait wait);

#endif /* CHESHIRE_SINKS_SINK_H */
