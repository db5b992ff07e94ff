/* SPDX-License-Identifier: GPL-2.0-only */
#include "config/metric_names.h"

#include <errno.h>
#include <string.h>

#define BIT(stat) (1u << (stat))
/* Distributions of spans; values looked at once a second; one sum over another; plain sums. */
#define SPANS                                                                                      \
	(BIT(STAT_P50) | BIT(STAT_P95) | BIT(STAT_P99) | BIT(STAT_MAX) | BIT(STAT_MEAN) |          \
	 BIT(STAT_MEDIAN))
#define SAMPLES	  (BIT(STAT_NOW) | BIT(STAT_MEAN) | BIT(STAT_MAX) | BIT(STAT_MIN) | BIT(STAT_MEDIAN))
#define SHARES	  (BIT(STAT_NOW) | BIT(STAT_MEAN) | BIT(STAT_MAX) | BIT(STAT_MIN))
#define RATIOS	  BIT(STAT_MEAN)
#define SUMS	  BIT(STAT_COUNT)
#define ONE(stat) BIT(stat)

#define KIND(kind) BIT(kind)

/* A row for stages of every kind, or for no stage at all. */
#define ANY(...)                                                                                   \
	{                                                                                          \
		__VA_ARGS__, 0                                                                     \
	}

/* Payload of one kind of socket. */
#define NET(name, text)                                                                            \
	ANY(name, UNIT_BIT_PER_S, STAT_MEAN, SHARES, false,                                        \
	    "payload of " text ", both directions"),                                               \
		ANY(name ".sent", UNIT_BIT_PER_S, STAT_MEAN, SHARES, false,                        \
		    "payload sent by " text),                                                      \
		ANY(name ".received", UNIT_BIT_PER_S, STAT_MEAN, SHARES, false,                    \
		    "payload received by " text),                                                  \
		ANY(name ".sent_bytes", UNIT_BYTES, STAT_COUNT, SUMS, false,                       \
		    "bytes sent by " text),                                                        \
		ANY(name ".received_bytes", UNIT_BYTES, STAT_COUNT, SUMS, false,                   \
		    "bytes received by " text)

/* Database statements of one class. */
#define DB(name)                                                                                   \
	ANY("db." name ".latency", UNIT_S, STAT_P95, SPANS, false,                                 \
	    name " statements, from execution to the last row or result"),                         \
		ANY("db." name ".count", UNIT_COUNT, STAT_COUNT, SUMS, false,                      \
		    name " statements executed"),                                                  \
		ANY("db." name ".rate", UNIT_PER_S, STAT_MEAN, SHARES, false,                      \
		    name " statements per second"),                                                \
		ANY("db." name ".errors", UNIT_COUNT, STAT_COUNT, SUMS, false,                     \
		    name " statements that failed")

static const struct metric_def globals[] = {
	ANY("cpu.usage", UNIT_PERCENT, STAT_MEAN, SHARES, false,
	    "on-CPU time of all threads, of the CPUs available"),
	ANY("cpu.voice", UNIT_PERCENT, STAT_MEAN, RATIOS, false,
	    "the same while a voice stage is in flight"),
	ANY("cpu.background", UNIT_PERCENT, STAT_MEAN, RATIOS, false,
	    "the same while none is in flight"),
	ANY("memory.rss", UNIT_BYTES, STAT_NOW, SAMPLES, false, "resident memory"),
	ANY("memory.anon", UNIT_BYTES, STAT_NOW, SAMPLES, false, "its anonymous part"),
	ANY("memory.file", UNIT_BYTES, STAT_NOW, SAMPLES, false, "its part mapped from files"),
	ANY("memory.shared", UNIT_BYTES, STAT_NOW, SAMPLES, false, "its shared part"),
	ANY("memory.swap", UNIT_BYTES, STAT_NOW, SAMPLES, false, "memory swapped out"),
	ANY("memory.baseline", UNIT_BYTES, STAT_MEDIAN, ONE(STAT_MEDIAN), false,
	    "resident memory while no voice stage is in flight"),
	ANY("memory.peak", UNIT_BYTES, STAT_MAX, ONE(STAT_MAX), false,
	    "highest resident memory of the window"),
	ANY("memory.growth", UNIT_BYTES_PER_H, STAT_NOW, ONE(STAT_NOW), false,
	    "slope of anonymous memory and swap"),
	ANY("memory.leaks", UNIT_COUNT, STAT_MAX, SAMPLES, false,
	    "allocation sites that are known to leak"),
	ANY("fds.open", UNIT_COUNT, STAT_NOW, SAMPLES, false, "open file descriptors"),
	ANY("threads.count", UNIT_COUNT, STAT_NOW, SAMPLES, false, "threads"),
	ANY("io.disk", UNIT_BYTES, STAT_COUNT, SUMS, false,
	    "bytes read from and written to storage"),
	ANY("io.disk.read", UNIT_BYTES, STAT_COUNT, SUMS, false, "those read"),
	ANY("io.disk.write", UNIT_BYTES, STAT_COUNT, SUMS, false, "those written"),
	NET("io.network", "sockets to other hosts"),
	NET("io.network.loopback", "sockets to this host"),
	NET("io.network.unix", "unix sockets"),
	ANY("host.cpu.usage", UNIT_PERCENT, STAT_MEAN, SHARES, false,
	    "CPU time of everything on the host, of all its CPUs"),
	ANY("host.cpu.steal", UNIT_PERCENT, STAT_MEAN, SHARES, false,
	    "CPU time that the hypervisor gave to others, of all CPUs"),
	ANY("db.connections", UNIT_COUNT, STAT_NOW, SAMPLES, false,
	    "open connections to databases, and open handles of embedded ones"),
	ANY("db.connections.idle", UNIT_COUNT, STAT_NOW, SAMPLES, false,
	    "those that carried nothing for 10 s"),
	ANY("db.connections.stale", UNIT_COUNT, STAT_NOW, SAMPLES, false,
	    "connections that the server has ended, and the target still has"),
	ANY("db.connections.age", UNIT_S, STAT_NOW, SAMPLES, false,
	    "age of the oldest open connection"),
	ANY("db.pool.size", UNIT_COUNT, STAT_NOW, SAMPLES, false,
	    "connections that stay open, of the server with most of them"),
	ANY("db.connect.latency", UNIT_S, STAT_P95, SPANS, false,
	    "time to connect to a database over TCP"),
	ANY("db.connect.longest", UNIT_S, STAT_MAX, SAMPLES, false,
	    "the longest of these, attempts that still wait included"),
	ANY("db.connect.failed", UNIT_COUNT, STAT_COUNT, SUMS, false, "those that failed"),
	DB("simple"),
	DB("complex"),
	DB("fulltext"),
	DB("analytics"),
	DB("unclassified"),
	ANY("db.timeouts", UNIT_COUNT, STAT_COUNT, SUMS, false,
	    "statements that took longer than their stage's timeout"),
	ANY("target.up", UNIT_COUNT, STAT_NOW, ONE(STAT_NOW), true, "1 while the target runs"),
	ANY("target.responsive", UNIT_COUNT, STAT_NOW, ONE(STAT_NOW), true,
	    "1 while no stage hangs, audio frames arrive and no lock is stuck"),
	ANY("turn.latency", UNIT_S, STAT_P95, SPANS, false, "end of speech to first audio out"),
	ANY("turn.speech", UNIT_S, STAT_P95, SPANS, false, "wake word to end of speech"),
	ANY("turn.count", UNIT_COUNT, STAT_COUNT, SUMS, false, "turns that ended"),
	ANY("turn.outcome.complete", UNIT_COUNT, STAT_COUNT, SUMS, false, "turns answered"),
	ANY("turn.outcome.abandoned", UNIT_COUNT, STAT_COUNT, SUMS, false, "turns left unanswered"),
	ANY("turn.outcome.unknown", UNIT_COUNT, STAT_COUNT, SUMS, false,
	    "turns that cannot be told apart"),
	ANY("turn.outcome.interrupted", UNIT_COUNT, STAT_COUNT, SUMS, false,
	    "turns cut off by the next one"),
	ANY("users.active", UNIT_COUNT, STAT_MAX, SAMPLES, false,
	    "turns open at the same time, or connections"),
	ANY("users.connections", UNIT_COUNT, STAT_NOW, SAMPLES, false,
	    "accepted connections of the port of `users:`"),
};

static const struct metric_def gap =
	ANY("turn.gap", UNIT_S, STAT_P95, SPANS, false, "end of one stage to start of the next");

static const struct metric_def database = ANY("connections", UNIT_COUNT, STAT_NOW, SAMPLES, false,
					      "open connections to databases of one kind");

/* Means per span, and their sums over the window. */
#define WAIT(reason, text)                                                                         \
	ANY("wait." reason, UNIT_S, STAT_MEAN, RATIOS, false, text ", per span"),                  \
		ANY("wait." reason ".sum", UNIT_S, STAT_COUNT, SUMS, false, text ", in all")

#define AUDIO (KIND(STAGE_CALL) | KIND(STAGE_FRAME) | KIND(STAGE_STREAM))

static const struct metric_def measures[] = {
	ANY("latency", UNIT_S, STAT_P95, SPANS, false, "what the user waits for"),
	{"first", UNIT_S, STAT_P95, SPANS, false, "start to first output", KIND(STAGE_STREAM)},
	{"total", UNIT_S, STAT_P95, SPANS, false, "the whole span",
	 KIND(STAGE_CALL) | KIND(STAGE_STREAM)},
	{"cached.latency", UNIT_S, STAT_P95, SPANS, false, "the latency of answers out of a cache",
	 KIND(STAGE_CALL)},
	{"uncached.latency", UNIT_S, STAT_P95, SPANS, false, "the latency of all others",
	 KIND(STAGE_CALL)},
	{"cached_ratio", UNIT_RATIO, STAT_MEAN, RATIOS, true, "answers out of a cache / all",
	 KIND(STAGE_CALL)},
	{"frame", UNIT_S, STAT_P95, SPANS, false, "every audio frame", KIND(STAGE_FRAME)},
	{"frames", UNIT_COUNT, STAT_COUNT, SUMS, false, "audio frames", KIND(STAGE_FRAME)},
	{"rtf", UNIT_RATIO, STAT_MEAN, RATIOS, false, "latency / audio time processed", AUDIO},
	{"sample_rate", UNIT_PER_S, STAT_MIN, SAMPLES, true, "samples per second of its audio",
	 AUDIO},
	ANY("active_cpu", UNIT_PERCENT, STAT_MEAN, RATIOS, false,
	    "CPU of the process while the stage is in flight"),
	ANY("memory", UNIT_BYTES, STAT_NOW, ONE(STAT_NOW), false, "memory per open span"),
	ANY("cpu", UNIT_S, STAT_MEAN, RATIOS, false, "on-CPU time of the calling thread, per span"),
	ANY("cpu.sum", UNIT_S, STAT_COUNT, SUMS, false, "the same, in all"),
	ANY("process_cpu", UNIT_S, STAT_MEAN, RATIOS, false, "CPU time of the process, per span"),
	ANY("process_cpu.sum", UNIT_S, STAT_COUNT, SUMS, false, "the same, in all"),
	WAIT("runqueue", "waiting for a CPU"),
	WAIT("lock", "waiting for a lock"),
	WAIT("disk", "waiting for storage"),
	WAIT("network", "waiting for the network"),
	WAIT("pipe", "waiting for a pipe"),
	WAIT("poll", "waiting in poll"),
	WAIT("page_fault", "waiting for a page"),
	WAIT("sleep", "sleeping"),
	WAIT("other", "blocked otherwise"),
	WAIT("gil", "waiting for the lock that Python runs with"),
	ANY("error_rate", UNIT_RATIO, STAT_MEAN, RATIOS, false, "failed spans / all spans"),
	ANY("timeout_rate", UNIT_RATIO, STAT_MEAN, RATIOS, false, "spans over the timeout / all"),
	ANY("model_size", UNIT_BYTES, STAT_NOW, SAMPLES, false,
	    "bytes of its model files that are mapped or open"),
	ANY("model_max", UNIT_BYTES, STAT_NOW, SAMPLES, false,
	    "bytes of the largest of these files"),
	ANY("abnormal", UNIT_COUNT, STAT_COUNT, SUMS, false, "spans that did not return"),
	ANY("count", UNIT_COUNT, STAT_COUNT, SUMS, false, "spans"),
	ANY("rate", UNIT_PER_S, STAT_MEAN, SHARES, false, "spans per second"),
};

static const struct metric_def cache_measures[] = {
	{"hit_ratio", UNIT_RATIO, STAT_MEAN, RATIOS, true, "look-ups that found something / all",
	 KIND(STAGE_CACHE)},
	{"lookups", UNIT_COUNT, STAT_COUNT, SUMS, false, "look-ups", KIND(STAGE_CACHE)},
	{"hits", UNIT_COUNT, STAT_COUNT, SUMS, false, "look-ups that found something",
	 KIND(STAGE_CACHE)},
	{"errors", UNIT_COUNT, STAT_COUNT, SUMS, false, "look-ups that failed", KIND(STAGE_CACHE)},
	{"rate", UNIT_PER_S, STAT_MEAN, SHARES, false, "look-ups per second", KIND(STAGE_CACHE)},
	{"inserts", UNIT_COUNT, STAT_COUNT, SUMS, false, "entries put in", KIND(STAGE_CACHE)},
	{"evictions", UNIT_COUNT, STAT_COUNT, SUMS, false, "entries thrown out", KIND(STAGE_CACHE)},
	{"eviction_rate", UNIT_PER_S, STAT_MEAN, SHARES, false, "entries thrown out per second",
	 KIND(STAGE_CACHE)},
	{"size", UNIT_BYTES, STAT_NOW, SAMPLES, false, "bytes in it", KIND(STAGE_CACHE)},
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

static const struct {
	const char *name;
	enum statistic stat;
} stats[] = {
	/* First the names that stat_name() gives. */
	{"now", STAT_NOW},	 {"mean", STAT_MEAN}, {"max", STAT_MAX},      {"p50", STAT_P50},
	{"p95", STAT_P95},	 {"p99", STAT_P99},   {"rate", STAT_RATE},    {"count", STAT_COUNT},
	{"median", STAT_MEDIAN}, {"min", STAT_MIN},   {"average", STAT_MEAN}, {"peak", STAT_MAX},
};

static const char *const usual_stages[] = {"wake_word",	   "stt",	"intent",
					   "response",	   "tts",	"cache.tts",
					   "cache.intent", "cache.api", "cache.database"};

const struct metric_def *metric_globals(size_t *n)
{
	*n = N(globals);
	return globals;
}

const struct metric_def *metric_measures(size_t *n)
{
	*n = N(measures);
	return measures;
}

const struct metric_def *metric_cache_measures(size_t *n)
{
	*n = N(cache_measures);
	return cache_measures;
}

const char *metric_cache_name(const char *stage)
{
	size_t len = strlen(METRIC_CACHE_PREFIX);

	return strncmp(stage, METRIC_CACHE_PREFIX, len) ? NULL : stage + len;
}

const struct metric_def *metric_gap(void)
{
	return &gap;
}

const struct metric_def *metric_database(void)
{
	return &database;
}

const char *const *metric_stages_usual(size_t *n)
{
	*n = N(usual_stages);
	return usual_stages;
}

bool metric_stage_usual(const char *stage)
{
	for (size_t i = 0; i < N(usual_stages); i++)
		if (!strcmp(usual_stages[i], stage))
			return true;
	return false;
}

const char *stat_name(enum statistic stat)
{
	for (size_t i = 0; i < N(stats); i++)
		if (stats[i].stat == stat)
			return stats[i].name;
	return "";
}

enum statistic stat_parse(const char *name)
{
	for (size_t i = 0; i < N(stats); i++)
		if (!strcmp(stats[i].name, name))
			return stats[i].stat;
	return STAT_INVALID;
}

uint64_t metric_window_ns(const struct metric_def *def)
{
	/* Users come and go: those of the last minute are there now. */
	return strcmp(def->name, "users.active") == 0 ? 60000000000ull : 300000000000ull;
}

bool metric_name_reserved(const char *stage)
{
	static const char *const later[] = {"io", "db", "cache", "users", "turn"};
	size_t len = strlen(stage);

	for (size_t i = 0; i < N(later); i++)
		if (!strcmp(later[i], stage))
			return true;
	for (size_t i = 0; i < N(globals); i++)
		if (!strncmp(globals[i].name, stage, len) && globals[i].name[len] == '.')
			return true;
	return false;
}

/* Copies one word of an id; false when it is empty or too long. */
static bool copy_word(char *out, const char *word, size_t len)
{
	if (!len || len >= METRIC_STAGE_MAX)
		return false;
	memcpy(out, word, len);
	out[len] = '\0';
	return true;
}

static int find_gap(const char *rest, struct metric_ref *ref)
{
	const char *dot = strchr(rest, '.');

	if (!dot || strchr(dot + 1, '.') || !copy_word(ref->stage, rest, (size_t)(dot - rest)) ||
	    !copy_word(ref->stage2, dot + 1, strlen(dot + 1)))
		return -ENOENT;
	ref->def = &gap;
	return 0;
}

/* "cache.tts.hit_ratio" is the measure hit_ratio of "cache.tts". */
static int find_cache(const char *id, struct metric_ref *ref)
{
	const char *name = metric_cache_name(id);
	const char *dot = name ? strchr(name, '.') : NULL;

	if (!dot || dot == name || !copy_word(ref->stage, id, (size_t)(dot - id)))
		return -ENOENT;
	for (size_t i = 0; i < N(cache_measures); i++) {
		if (!strcmp(cache_measures[i].name, dot + 1)) {
			ref->def = &cache_measures[i];
			return 0;
		}
	}
	return -ENOENT;
}

/* db.<kind>.connections */
static int find_database(const char *rest, struct metric_ref *ref)
{
	const char *dot = strchr(rest, '.');

	if (!dot || strcmp(dot + 1, database.name) ||
	    !copy_word(ref->database, rest, (size_t)(dot - rest)))
		return -ENOENT;
	ref->def = &database;
	return 0;
}

int metric_find(const char *id, struct metric_ref *ref)
{
	const char *dot = strchr(id, '.');

	memset(ref, 0, sizeof(*ref));
	for (size_t i = 0; i < N(globals); i++) {
		if (!strcmp(globals[i].name, id)) {
			ref->def = &globals[i];
			return 0;
		}
	}
	if (!strncmp(id, "turn.gap.", 9))
		return find_gap(id + 9, ref);
	if (metric_cache_name(id))
		return find_cache(id, ref);
	if (!strncmp(id, "db.", 3))
		return find_database(id + 3, ref);
	if (!dot || !copy_word(ref->stage, id, (size_t)(dot - id)) ||
	    metric_name_reserved(ref->stage))
		return -ENOENT;
	for (size_t i = 0; i < N(measures); i++) {
		if (!strcmp(measures[i].name, dot + 1)) {
			ref->def = &measures[i];
			return 0;
		}
	}
	return -ENOENT;
}

int metric_find_stat(const char *id, struct metric_ref *ref, size_t *id_len, enum statistic *stat)
{
	const char *dot = strrchr(id, '.');
	char head[3 * METRIC_STAGE_MAX];
	int err;

	*id_len = strlen(id);
	*stat = STAT_INVALID;
	/* The whole id first: `memory.peak` and `stt.rate` end in the name of a statistic. */
	err = metric_find(id, ref);
	if (!err && ref->def != &gap)
		return 0;
	if (dot && (size_t)(dot - id) < sizeof(head)) {
		struct metric_ref shorter;

		memcpy(head, id, (size_t)(dot - id));
		head[dot - id] = '\0';
		if (stat_parse(dot + 1) && !metric_find(head, &shorter)) {
			*ref = shorter;
			*id_len = (size_t)(dot - id);
			*stat = stat_parse(dot + 1);
			return 0;
		}
	}
	return err;
}
