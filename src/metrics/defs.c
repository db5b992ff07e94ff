/* SPDX-License-Identifier: GPL-2.0-only */
/* defs.c - the tables of all metrics: identifier, what is kept, unit, usual statistic. */
#include "metrics/state.h"

#define HIST(name)                                                                                 \
	{                                                                                          \
		name, WINDOW_HIST, UNIT_S, STAT_P95, SERIES_EVIDENCE                               \
	}
#define COUNT(name)                                                                                \
	{                                                                                          \
		name, WINDOW_SUM, UNIT_COUNT, STAT_COUNT, 0                                        \
	}
#define MEAN_S(name)                                                                               \
	{                                                                                          \
		name, WINDOW_RATIO, UNIT_S, STAT_MEAN, 0                                           \
	}
#define SUM(name, unit)                                                                            \
	{                                                                                          \
		name, WINDOW_SUM, unit, STAT_COUNT, 0                                              \
	}
#define SUM_S(name) SUM(name, UNIT_S)
#define RATIO(name, unit, flags)                                                                   \
	{                                                                                          \
		name, WINDOW_RATIO, unit, STAT_MEAN, flags                                         \
	}
#define GAUGE(name, unit, flags)                                                                   \
	{                                                                                          \
		name, WINDOW_GAUGE, unit, STAT_NOW, flags                                          \
	}

/* Of one kind of socket. */
#define NET(net, name)                                                                             \
	[TARGET_NET + (net)*NET_SERIES + NET_BOTH] = RATIO(name, UNIT_BIT_PER_S, 0),               \
					 [TARGET_NET + (net)*NET_SERIES + NET_SENT] =              \
						 RATIO(name ".sent", UNIT_BIT_PER_S, 0),           \
					 [TARGET_NET + (net)*NET_SERIES + NET_RECEIVED] =          \
						 RATIO(name ".received", UNIT_BIT_PER_S, 0),       \
					 [TARGET_NET + (net)*NET_SERIES + NET_SENT_BYTES] =        \
						 SUM(name ".sent_bytes", UNIT_BYTES),              \
					 [TARGET_NET + (net)*NET_SERIES + NET_RECEIVED_BYTES] =    \
						 SUM(name ".received_bytes", UNIT_BYTES)

/* Of one class of database statements. */
#define DB(class, name)                                                                            \
	[TARGET_DB + ((class) - 1) * DB_SERIES +                                                   \
		DB_LATENCY] = HIST(name ".latency"),                                               \
		[TARGET_DB + ((class) - 1) * DB_SERIES + DB_COUNT] = COUNT(name ".count"),         \
		[TARGET_DB + ((class) - 1) * DB_SERIES + DB_RATE] =                                \
			RATIO(name ".rate", UNIT_PER_S, 0),                                        \
		[TARGET_DB + ((class) - 1) * DB_SERIES + DB_ERRORS] = COUNT(name ".errors")

const struct series_def stage_defs[STAGE_SERIES] = {
	[STAGE_LATENCY] = HIST("latency"),
	[STAGE_FRAME_ALL] = HIST("frame"),
	[STAGE_FIRST] = HIST("first"),
	[STAGE_TOTAL] = HIST("total"),
	[STAGE_CACHED] = HIST("cached.latency"),
	[STAGE_UNCACHED] = HIST("uncached.latency"),
	[STAGE_CACHED_RATIO] = RATIO("cached_ratio", UNIT_RATIO, 0),
	[STAGE_COUNT] = COUNT("count"),
	[STAGE_FRAMES] = COUNT("frames"),
	[STAGE_RATE] = RATIO("rate", UNIT_PER_S, 0),
	[STAGE_ABNORMAL] = COUNT("abnormal"),
	[STAGE_ERROR_RATE] = RATIO("error_rate", UNIT_RATIO, 0),
	[STAGE_TIMEOUT_RATE] = RATIO("timeout_rate", UNIT_RATIO, 0),
	[STAGE_RTF] = RATIO("rtf", UNIT_RATIO, 0),
	[STAGE_MODEL_SIZE] = GAUGE("model_size", UNIT_BYTES, 0),
	[STAGE_MODEL_MAX] = GAUGE("model_max", UNIT_BYTES, 0),
	[STAGE_SAMPLE_RATE] = {"sample_rate", WINDOW_GAUGE, UNIT_PER_S, STAT_MIN, SERIES_EXACT},
	[STAGE_ACTIVE_CPU] = RATIO("active_cpu", UNIT_PERCENT, 0),
	[STAGE_MEMORY] = GAUGE("memory", UNIT_BYTES, SERIES_STREAMS),
	[STAGE_CPU] = MEAN_S("cpu"),
	[STAGE_CPU_SUM] = SUM_S("cpu.sum"),
	[STAGE_PROCESS_CPU] = MEAN_S("process_cpu"),
	[STAGE_PROCESS_CPU_SUM] = SUM_S("process_cpu.sum"),
	[STAGE_WAIT + WIRE_WAIT_RUNQUEUE] = MEAN_S("wait.runqueue"),
	[STAGE_WAIT + WIRE_WAIT_LOCK] = MEAN_S("wait.lock"),
	[STAGE_WAIT + WIRE_WAIT_DISK] = MEAN_S("wait.disk"),
	[STAGE_WAIT + WIRE_WAIT_NETWORK] = MEAN_S("wait.network"),
	[STAGE_WAIT + WIRE_WAIT_PIPE] = MEAN_S("wait.pipe"),
	[STAGE_WAIT + WIRE_WAIT_POLL] = MEAN_S("wait.poll"),
	[STAGE_WAIT + WIRE_WAIT_PAGE_FAULT] = MEAN_S("wait.page_fault"),
	[STAGE_WAIT + WIRE_WAIT_SLEEP] = MEAN_S("wait.sleep"),
	[STAGE_WAIT + WIRE_WAIT_OTHER] = MEAN_S("wait.other"),
	[STAGE_WAIT + WIRE_WAIT_GIL] = MEAN_S("wait.gil"),
	[STAGE_WAIT_SUM + WIRE_WAIT_RUNQUEUE] = SUM_S("wait.runqueue.sum"),
	[STAGE_WAIT_SUM + WIRE_WAIT_LOCK] = SUM_S("wait.lock.sum"),
	[STAGE_WAIT_SUM + WIRE_WAIT_DISK] = SUM_S("wait.disk.sum"),
	[STAGE_WAIT_SUM + WIRE_WAIT_NETWORK] = SUM_S("wait.network.sum"),
	[STAGE_WAIT_SUM + WIRE_WAIT_PIPE] = SUM_S("wait.pipe.sum"),
	[STAGE_WAIT_SUM + WIRE_WAIT_POLL] = SUM_S("wait.poll.sum"),
	[STAGE_WAIT_SUM + WIRE_WAIT_PAGE_FAULT] = SUM_S("wait.page_fault.sum"),
	[STAGE_WAIT_SUM + WIRE_WAIT_SLEEP] = SUM_S("wait.sleep.sum"),
	[STAGE_WAIT_SUM + WIRE_WAIT_OTHER] = SUM_S("wait.other.sum"),
	[STAGE_WAIT_SUM + WIRE_WAIT_GIL] = SUM_S("wait.gil.sum"),
	[CACHE_HIT_RATIO] = RATIO("hit_ratio", UNIT_RATIO, 0),
	[CACHE_LOOKUPS] = COUNT("lookups"),
	[CACHE_HITS] = COUNT("hits"),
	[CACHE_ERRORS] = COUNT("errors"),
	[CACHE_RATE] = RATIO("rate", UNIT_PER_S, 0),
	[CACHE_INSERTS] = COUNT("inserts"),
	[CACHE_EVICTIONS] = COUNT("evictions"),
	[CACHE_EVICTION_RATE] = RATIO("eviction_rate", UNIT_PER_S, 0),
	[CACHE_SIZE] = GAUGE("size", UNIT_BYTES, 0),
};

const struct series_def target_defs[TARGET_SERIES] = {
	[TARGET_CPU_USAGE] = RATIO("cpu.usage", UNIT_PERCENT, 0),
	[TARGET_CPU_VOICE] = RATIO("cpu.voice", UNIT_PERCENT, 0),
	[TARGET_CPU_BACKGROUND] = RATIO("cpu.background", UNIT_PERCENT, 0),
	[TARGET_CPU_TIME_TOTAL] = SUM_S("cpu.time.total"),
	[TARGET_CPU_TIME_VOICE] = SUM_S("cpu.time.voice"),
	[TARGET_CPU_TIME_BACKGROUND] = SUM_S("cpu.time.background"),
	[TARGET_MEMORY_RSS] = GAUGE("memory.rss", UNIT_BYTES, 0),
	[TARGET_MEMORY_ANON] = GAUGE("memory.anon", UNIT_BYTES, 0),
	[TARGET_MEMORY_FILE] = GAUGE("memory.file", UNIT_BYTES, 0),
	[TARGET_MEMORY_SHARED] = GAUGE("memory.shared", UNIT_BYTES, 0),
	[TARGET_MEMORY_SWAP] = GAUGE("memory.swap", UNIT_BYTES, 0),
	[TARGET_MEMORY_BASELINE] = GAUGE("memory.baseline", UNIT_BYTES, SERIES_MEDIAN),
	[TARGET_MEMORY_PEAK] = GAUGE("memory.peak", UNIT_BYTES, SERIES_PEAK),
	[TARGET_MEMORY_GROWTH] = GAUGE("memory.growth", UNIT_BYTES_PER_H, SERIES_GROWTH),
	[TARGET_MEMORY_LEAKS] = GAUGE("memory.leaks", UNIT_COUNT, 0),
	[TARGET_THREADS] = GAUGE("threads.count", UNIT_COUNT, 0),
	[TARGET_FDS] = GAUGE("fds.open", UNIT_COUNT, 0),
	[TARGET_DISK] = SUM("io.disk", UNIT_BYTES),
	[TARGET_DISK_READ] = SUM("io.disk.read", UNIT_BYTES),
	[TARGET_DISK_WRITE] = SUM("io.disk.write", UNIT_BYTES),
	NET(PROCESS_NET_REMOTE, "io.network"),
	NET(PROCESS_NET_LOOPBACK, "io.network.loopback"),
	NET(PROCESS_NET_UNIX, "io.network.unix"),
	[TARGET_HOST_CPU] = RATIO("host.cpu.usage", UNIT_PERCENT, 0),
	[TARGET_HOST_STEAL] = RATIO("host.cpu.steal", UNIT_PERCENT, 0),
	[TARGET_DB_CONNECTIONS] = GAUGE("db.connections", UNIT_COUNT, 0),
	[TARGET_DB_IDLE] = GAUGE("db.connections.idle", UNIT_COUNT, 0),
	[TARGET_DB_STALE] = GAUGE("db.connections.stale", UNIT_COUNT, 0),
	[TARGET_DB_AGE] = GAUGE("db.connections.age", UNIT_S, 0),
	[TARGET_DB_POOL] = GAUGE("db.pool.size", UNIT_COUNT, 0),
	[TARGET_DB_CONNECT_LONGEST] = {"db.connect.longest", WINDOW_GAUGE, UNIT_S, STAT_MAX, 0},
	[TARGET_DB_CONNECT_LATENCY] = {"db.connect.latency", WINDOW_HIST, UNIT_S, STAT_P95, 0},
	[TARGET_DB_CONNECT_FAILED] = COUNT("db.connect.failed"),
	DB(WIRE_CLASS_SIMPLE, "db.simple"),
	DB(WIRE_CLASS_COMPLEX, "db.complex"),
	DB(WIRE_CLASS_FULLTEXT, "db.fulltext"),
	DB(WIRE_CLASS_ANALYTICS, "db.analytics"),
	DB(WIRE_CLASS_UNCLASSIFIED, "db.unclassified"),
	[TARGET_DB_TIMEOUTS] = COUNT("db.timeouts"),
	[TARGET_UP] = GAUGE("target.up", UNIT_COUNT, SERIES_EXACT),
	[TARGET_RESPONSIVE] = GAUGE("target.responsive", UNIT_COUNT, 0),
	[TARGET_TURNS_OPEN] = GAUGE("turns.open", UNIT_COUNT, 0),
	[TARGET_TURN_COUNT] = COUNT("turn.count"),
	[TARGET_TURN_OUTCOME + TURN_COMPLETE] = COUNT("turn.outcome.complete"),
	[TARGET_TURN_OUTCOME + TURN_ABANDONED] = COUNT("turn.outcome.abandoned"),
	[TARGET_TURN_OUTCOME + TURN_INTERRUPTED] = COUNT("turn.outcome.interrupted"),
	[TARGET_TURN_OUTCOME + TURN_UNKNOWN] = COUNT("turn.outcome.unknown"),
	[TARGET_TURN_LATENCY] = HIST("turn.latency"),
	[TARGET_TURN_SPEECH] = HIST("turn.speech"),
	[TARGET_USERS_ACTIVE] = {"users.active", WINDOW_GAUGE, UNIT_COUNT, STAT_MAX, 0},
	[TARGET_USERS_CONNECTIONS] = {"users.connections", WINDOW_GAUGE, UNIT_COUNT, STAT_NOW, 0},
};

const struct series_def kind_def = {"connections", WINDOW_GAUGE, UNIT_COUNT, STAT_NOW, 0};
const struct series_def gap_def = {"turn.gap", WINDOW_HIST, UNIT_S, STAT_P95, 0};

/* Those whose statistic is part of the name; the first with a series is its name in summaries. */
const struct defs_alias defs_aliases[] = {
	{"cpu.usage.average", TARGET_CPU_USAGE, STAT_MEAN},
	{"cpu.usage.peak", TARGET_CPU_USAGE, STAT_MAX},
	{"cpu.voice.average", TARGET_CPU_VOICE, STAT_MEAN},
	{"cpu.background.average", TARGET_CPU_BACKGROUND, STAT_MEAN},
	{"threads.count", TARGET_THREADS, STAT_NOW},
	{"threads.peak", TARGET_THREADS, STAT_MAX},
	{"fds.open", TARGET_FDS, STAT_NOW},
	{"fds.peak", TARGET_FDS, STAT_MAX},
	{NULL, TARGET_SERIES, STAT_INVALID},
};

enum probe_says {
	SAYS_WORK,
	SAYS_RATE,
	SAYS_CACHED,
};

static bool list_says(const struct probe_list *list, enum probe_says what)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct probe_config *p = &list->item[i];

		if (what == SAYS_WORK && p->work.base != WIRE_BASE_NONE)
			return true;
		/* A constant of the configuration is no measurement. */
		if (what == SAYS_RATE && p->per_second.base != WIRE_BASE_NONE &&
		    p->per_second.base != WIRE_BASE_CONST)
			return true;
		if (what == SAYS_CACHED && p->cached.base != WIRE_BASE_NONE)
			return true;
	}
	return false;
}

static bool says(const struct stage_config *stage, enum probe_says what)
{
	return list_says(&stage->call, what) || list_says(&stage->to, what);
}

static bool has_cache(const struct stage_config *cache, enum stage_series which)
{
	switch (which) {
	case CACHE_HIT_RATIO:
	case CACHE_LOOKUPS:
	case CACHE_HITS:
	case CACHE_ERRORS:
	case CACHE_RATE:
		return true;
	case CACHE_INSERTS:
		return cache->insert.n;
	case CACHE_EVICTIONS:
	case CACHE_EVICTION_RATE:
		return cache->evict.n;
	case CACHE_SIZE:
		return cache_has_size(cache);
	default:
		return false;
	}
}

static bool has_stage(const struct stage_config *stage, enum stage_series which)
{
	if (stage->kind == STAGE_CACHE || which >= CACHE_HIT_RATIO)
		return stage->kind == STAGE_CACHE && has_cache(stage, which);
	switch (which) {
	case STAGE_FRAME_ALL:
	case STAGE_FRAMES:
		return stage->kind == STAGE_FRAME;
	case STAGE_FIRST:
		return stage->kind == STAGE_STREAM;
	case STAGE_TOTAL:
		return stage->kind == STAGE_CALL || stage->kind == STAGE_STREAM;
	case STAGE_TIMEOUT_RATE:
		return stage->timeout_ns;
	case STAGE_RTF:
		return says(stage, SAYS_WORK);
	case STAGE_SAMPLE_RATE:
		return says(stage, SAYS_RATE);
	case STAGE_CACHED:
	case STAGE_UNCACHED:
	case STAGE_CACHED_RATIO:
		return stage->kind == STAGE_CALL && says(stage, SAYS_CACHED);
	case STAGE_MODEL_SIZE:
	case STAGE_MODEL_MAX:
		return stage->models_n;
	default:
		return true;
	}
}

const struct series_def *defs_stage(const struct stage_config *stage, enum stage_series which)
{
	return has_stage(stage, which) ? &stage_defs[which] : NULL;
}
