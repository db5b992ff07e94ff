/* SPDX-License-Identifier: GPL-2.0-only */
/* state.h - the inside of struct metrics, for the files that share it. */
#ifndef CHESHIRE_METRICS_STATE_H
#define CHESHIRE_METRICS_STATE_H

#include "metrics/metrics.h"
#include "metrics/reorder.h"
#include "metrics/series.h"
#include "metrics/statements.h"
#include "metrics/streams.h"
#include "metrics/turns.h"

#define METRICS_GAPS_MAX 128
#define METRICS_STUCK	 320 /* bytes of a sentence */

/* Series of a stage; which of them a stage has depends on its kind. */
enum stage_series {
	STAGE_LATENCY,
	STAGE_FRAME_ALL, /* every frame */
	STAGE_FIRST,	 /* streams: to first output */
	STAGE_TOTAL,	 /* streams: to last output; calls: as the latency */
	STAGE_CACHED,	 /* calls answered out of a cache */
	STAGE_UNCACHED,	 /* the others */
	STAGE_CACHED_RATIO,
	STAGE_COUNT,
	STAGE_FRAMES,
	STAGE_RATE,
	STAGE_ABNORMAL,
	STAGE_ERROR_RATE,
	STAGE_TIMEOUT_RATE,
	STAGE_RTF,
	STAGE_MODEL_SIZE, /* these two where the configuration knows model files */
	STAGE_MODEL_MAX,
	STAGE_SAMPLE_RATE,
	STAGE_ACTIVE_CPU,
	STAGE_MEMORY, /* per open span */
	STAGE_CPU,
	STAGE_CPU_SUM,
	STAGE_PROCESS_CPU,
	STAGE_PROCESS_CPU_SUM,
	STAGE_WAIT, /* WIRE_WAITS of them */
	STAGE_WAIT_SUM = STAGE_WAIT + WIRE_WAITS,
	/* Caches have these and no others. */
	CACHE_HIT_RATIO = STAGE_WAIT_SUM + WIRE_WAITS,
	CACHE_LOOKUPS,
	CACHE_HITS,
	CACHE_ERRORS,
	CACHE_RATE,
	CACHE_INSERTS,
	CACHE_EVICTIONS,
	CACHE_EVICTION_RATE,
	CACHE_SIZE,
	STAGE_SERIES,
};

/* Series of one kind of socket. */
enum net_series {
	NET_BOTH, /* directions, together */
	NET_SENT,
	NET_RECEIVED,
	NET_SENT_BYTES,
	NET_RECEIVED_BYTES,
	NET_SERIES,
};

/* Series of one class of database statements. */
enum db_series {
	DB_LATENCY,
	DB_COUNT,
	DB_RATE,
	DB_ERRORS,
	DB_SERIES,
};

/* Series of the whole target. */
enum target_series {
	TARGET_CPU_USAGE,
	TARGET_CPU_VOICE,
	TARGET_CPU_BACKGROUND,
	TARGET_CPU_TIME_TOTAL,
	TARGET_CPU_TIME_VOICE,
	TARGET_CPU_TIME_BACKGROUND,
	TARGET_MEMORY_RSS,
	TARGET_MEMORY_ANON,
	TARGET_MEMORY_FILE,
	TARGET_MEMORY_SHARED,
	TARGET_MEMORY_SWAP,
	TARGET_MEMORY_BASELINE,
	TARGET_MEMORY_PEAK,
	TARGET_MEMORY_GROWTH,
	TARGET_MEMORY_LEAKS,
	TARGET_THREADS,
	TARGET_FDS,
	TARGET_DISK, /* read and written */
	TARGET_DISK_READ,
	TARGET_DISK_WRITE,
	TARGET_NET, /* NET_SERIES for each enum process_net */
	TARGET_HOST_CPU = TARGET_NET + PROCESS_NETS * NET_SERIES,
	TARGET_HOST_STEAL,
	TARGET_DB_CONNECTIONS, /* these of feed_connections.c together */
	TARGET_DB_IDLE,
	TARGET_DB_STALE,
	TARGET_DB_AGE,
	TARGET_DB_POOL,
	TARGET_DB_CONNECT_LONGEST,
	TARGET_DB_CONNECT_LATENCY,
	TARGET_DB_CONNECT_FAILED,
	TARGET_DB, /* DB_SERIES for each enum wire_class from WIRE_CLASS_SIMPLE on */
	TARGET_DB_TIMEOUTS = TARGET_DB + (WIRE_CLASSES - 1) * DB_SERIES,
	TARGET_UP,
	TARGET_RESPONSIVE,
	TARGET_TURNS_OPEN,
	TARGET_TURN_COUNT,
	TARGET_TURN_OUTCOME, /* TURN_OUTCOMES of them */
	TARGET_TURN_LATENCY = TARGET_TURN_OUTCOME + TURN_OUTCOMES,
	TARGET_TURN_SPEECH,
	TARGET_USERS_ACTIVE,
	TARGET_USERS_CONNECTIONS,
	TARGET_SERIES,
};

/* What was read from the kernel last. */
struct stage_last {
	bool valid;
	uint64_t ts_ns;
	struct wire_stage_stats stats;
	struct wire_histogram latency;
	struct wire_histogram frame;
	struct wire_histogram *cached; /* NULL: the stage does not tell */
};

/* What active_cpu has counted up to. */
struct active_last {
	bool valid;
	uint64_t wall_ns, cpu_ns;
};

/* The kernel's totals when the cache began to be watched, and what it lost since. */
struct cache_state {
	bool based; /* the others are valid */
	uint64_t inserted0_bytes, evicted0_bytes;
	uint64_t sizes0;
	int64_t lowest_bytes; /* put in less thrown out */
};

struct stage_state {
	const struct stage_config *config;
	enum metrics_stage_state state;
	struct series series[STAGE_SERIES];
	struct stage_last *last;
	struct active_last active;
	struct cache_state cache;
	bool sampled;		   /* its spans are put together from looks at points of time */
	bool wants_active;	   /* somebody asked for active_cpu */
	bool wants_memory;	   /* ... for the memory per open span */
	uint64_t closed_cnt;	   /* streams closed since the kernel was read last */
	uint64_t flowing_since_ns; /* frames have come without a break since; 0: none yet */
	uint64_t frames_ns;	   /* the newest came about then */
	uint64_t hit_ns;	   /* the newest that hit came about then */
	uint64_t ended_ns;	   /* not frames: the newest span ended about then */
	bool models_seen;	   /* any model file, ever */
	bool gave_up;		   /* streams: the newest hung, and is not waited for any more */
};

struct gap_series {
	uint16_t a, b;
	struct series series;
	char id[160]; /* "turn.gap.a.b" */
};

/* Connections to one kind of database. */
struct kind_series {
	struct series series;
	bool seen;    /* there has been one */
	bool unknown; /* ... of those that are embedded, just now */
	char id[96];  /* "db.redis.connections" */
};

struct handle {
	struct series *series;
	struct view *view;
	enum statistic stat;
	int stage; /* -1: of the target */
};

/* What cpu.time.* has counted up to. */
struct cpu_totals {
	uint64_t cpu_ns;
	uint64_t voice_cpu_ns;
	bool valid;
};

/* A running total and when it was read. */
struct total_at {
	uint64_t ts_ns;
	uint64_t total;
	bool valid;
};

/* Up to where the statements of each class have been fed, and what was counted here since. */
struct class_totals {
	bool valid;
	uint64_t ts_ns;
	struct wire_class_stats kernel[WIRE_CLASSES];
	uint64_t count[WIRE_CLASSES];
};

/* Up to where the counters of feed_io.c have been fed. */
struct io_totals {
	struct total_at disk_read, disk_write;
	struct traffic_totals {
		struct total_at sent, received;		  /* bytes: at every reading */
		struct total_at sent_rate, received_rate; /* rates: not of short intervals */
	} net[PROCESS_NETS];
	struct total_at host_busy, host_stolen, host_total;
};

struct metrics {
	const struct config *config;
	uint64_t start_ns;
	uint64_t tick_ns; /* last tick; 0: none yet */
	size_t stages_n;
	struct stage_state *stage;
	struct series target[TARGET_SERIES];
	struct gap_series *gaps[METRICS_GAPS_MAX];
	size_t gaps_n;
	struct kind_series *kinds; /* of config.databases */
	size_t kinds_n;
	bool connections_unknown; /* the sockets cannot be looked at */
	bool leaks_known;
	const char *leaks_unknown; /* why they are not; static */
	struct handle *handles;
	size_t handles_n;
	struct reorder *reorder;
	struct streams *streams;
	struct turns *turns;
	struct statements *statements; /* NULL: no stage is of statements */
	struct class_totals *classes;  /* likewise */
	uint64_t now_ns;	       /* of the call that is being worked on */
	struct process_sample process; /* last */
	struct cpu_totals cpu_totals;
	struct io_totals io_totals;
	bool process_valid;
	uint64_t memory_ns;	  /* the newest reading for stages that want it */
	uint64_t memory_until_ns; /* one of them is, or just was, in flight */
	bool gone;		  /* the target */
	uint64_t counters[WIRE_CTR_CNT];
	bool counters_valid;
	const char *unresponsive; /* why; NULL: responsive */
	size_t unresponsive_stage;
	uint64_t due_ns;	   /* as metrics__due_ns() */
	char stuck[METRICS_STUCK]; /* threads in the way of each other; "": none */
	char why[METRICS_STUCK + 128];
	struct metrics_losses losses;
};

extern const struct series_def stage_defs[STAGE_SERIES];
extern const struct series_def target_defs[TARGET_SERIES];
extern const struct series_def gap_def;
extern const struct series_def kind_def;

/* NULL where stages of this kind, or so configured, do not have the series. */
const struct series_def *defs_stage(const struct stage_config *stage, enum stage_series which);
/* Other names: "cpu.usage.peak".  NULL-terminated by id. */
struct defs_alias {
	const char *id;
	enum target_series series;
	enum statistic stat;
};
extern const struct defs_alias defs_aliases[];

/* Three parts with dots between them (`c` may be NULL), cut to fit. */
void ids_join(char *out, size_t size, const char *a, const char *b, const char *c);

/* feed_active.c: CPU while the stage was in flight since the last reading. */
void active_feed(struct metrics *m, struct stage_state *stage, const struct stage_reading *reading,
		 uint64_t now_ns);

/* feed_cache.c: what a cache did between two readings. */
void cache_feed(struct stage_state *stage, const struct wire_stage_stats *now,
		const struct wire_stage_stats *before, double elapsed_s, uint64_t now_ns);
/* Some function of the cache tells its size; or the size follows from all that are told. */
bool cache_tells_size(const struct stage_config *cache);
bool cache_has_size(const struct stage_config *cache);

/* join.c: the callbacks of streams and turns, and what follows from a span in order. */
void join_stream(void *ctx, enum stream_step step, const struct wire_span *span);
void join_turn(void *ctx, const struct turn_event *event);
/* Joins what is not after time_ns. */
void join_until(struct metrics *m, uint64_t time_ns);
/* Spans of turns or streams were lost just now. */
void join_lost(struct metrics *m, uint64_t now_ns);
/* The series of a pair of stages, made if need be; NULL: no room. */
struct gap_series *join_gap(struct metrics *m, uint16_t a, uint16_t b);

/* read.c: why turns cannot be known just now; NULL: they can. */
const char *turns_unknown(const struct metrics *m);

/* users.c: how many are served at the same time. */
bool users_known(const struct metrics *m, enum target_series which);
/* Why users.active cannot be known just now, apart from its window; NULL: it can. */
const char *users_unknown(const struct metrics *m);
void users_feed_connections(struct metrics *m, const struct process_sample *now);
void users_tick(struct metrics *m, uint64_t until_ns, uint64_t now_ns);

/* responsive.c: frames and spans in flight, and target.responsive. */
void responsive_frames(struct stage_state *stage, uint64_t frames, uint64_t hits, uint64_t now_ns);
void responsive_check(struct metrics *m, uint64_t now_ns);
/* Start of the oldest span in flight of a stage that takes part in turns; 0: none. */
uint64_t responsive_turn_in_flight(const struct metrics *m);

/* feed_statements.c: database statements, by class. */
int statements_init(struct metrics *m);
bool statements_are(const struct metrics *m, const struct series *series);
/* Why a series of them cannot be known; NULL: it can, or it is none of those. */
const char *statements_unknown(const struct metrics *m, const struct series *series);
/* Some were not followed; of some the class is not known. */
void statements_lost(struct metrics *m, uint64_t now_ns);
void statements_unread(struct metrics *m, uint64_t now_ns);

/* feed_io.c: storage, sockets and the host's CPUs. */
void io_feed(struct metrics *m, const struct process_sample *now);
/* A socket could not be followed just now. */
void io_lost(struct metrics *m, uint64_t now_ns);
/* Why a series of it cannot be known; NULL: it can, or it is none of those. */
const char *io_unknown(const struct metrics *m, const struct series *series);
/* What has to be said of a value of the last `window_ns`; NULL: nothing. */
const char *io_remark(const struct metrics *m, const struct series *series,
		      const struct sample *sample, uint64_t window_ns, uint64_t now_ns);

/* feed_connections.c: connections to databases.  0 or -ENOMEM. */
int connections_init(struct metrics *m);
void connections_release(struct metrics *m);
/* db.<kind>.connections, or NULL. */
struct series *connections_find(struct metrics *m, const char *id);
/* The id of such a series, or NULL. */
const char *connections_id(const struct metrics *m, const struct series *series);
bool connections_own(const struct metrics *m, const struct series *series);
const char *connections_unknown(const struct metrics *m, const struct series *series);
const char *leaks_unknown(const struct metrics *m);

#endif /* CHESHIRE_METRICS_STATE_H */
