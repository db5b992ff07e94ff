/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config.h - what the operator asked for, checked and in base units.
 *
 * Durations are nanoseconds where the code measures in them (_ns); limits of budgets are doubles
 * in the base unit of their metric: s, bytes, bytes/h, percent, ratio, 1/s, count.
 * A struct config owns everything it points to; config_free() frees it.
 */
#ifndef CHESHIRE_CONFIG_CONFIG_H
#define CHESHIRE_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cheshire/wire.h"

/* A place in a configuration file, for messages.  line 0: no place (built in). */
struct config_pos {
	const char *file; /* owned by the config */
	int line;	  /* from 1 */
	int column;	  /* from 1 */
};

/* Collects every mistake, not the first only. */
struct config_errors;
struct config_errors *config_errors__new(void);
void config_errors__free(struct config_errors *errors);
/* Adds one message; `pos` may be NULL. */
void config_errors__add(struct config_errors *errors, const struct config_pos *pos, const char *fmt,
			...) __attribute__((format(printf, 3, 4)));
size_t config_errors__count(const struct config_errors *errors);
/* `file:line:column: message`, then the offending line with a caret, sorted by place. */
void config_errors__print(const struct config_errors *errors, FILE *out);

enum stage_kind {
	STAGE_INVALID = 0,
	STAGE_CALL = 1,
	STAGE_FRAME = 2,
	STAGE_STREAM = 3,
	STAGE_CACHE = 4, /* of `caches:`; its name is "cache.<name>" */
	STAGE_STATEMENT = 5,
};

/* What the statements of a stage are written in. */
enum language {
	LANGUAGE_SQL = 0, /* of any dialect: what may be a literal is taken for one */
	LANGUAGE_POSTGRESQL = 1,
	LANGUAGE_REDIS = 2, /* a command and its arguments */
};

/* The lists of a statement stage: their index and WIRE_ROLE_EXECUTE are the role. */
#define STATEMENT_LISTS (WIRE_ROLE_END - WIRE_ROLE_EXECUTE + 1)

/* One alternative function of a stage with what is read from it. */
struct probe_config {
	char *probe; /* OBJECT:SYMBOL[@entry|@return] or OBJECT+0xOFF, target's grammar */
	struct config_pos pos;
	/* Values; base WIRE_BASE_NONE where not given. */
	struct wire_value key;
	struct wire_value handle;
	struct wire_value where;
	struct wire_value when;
	struct wire_value error;
	struct wire_value work;
	struct wire_value per_second;
	struct wire_value cached; /* call: the answer came out of a cache */
	struct wire_value text;	  /* statement: its text, how many bytes, the name it is */
	struct wire_value length; /* prepared under */
	struct wire_value name;
	struct wire_value size; /* cache: bytes in it */
	uint8_t handle_class;	/* index + 1 into config.classes; 0 none */
	bool uretprobe;		/* the operator asked for one by name (exit: uretprobe) */
	bool inside;   /* not counted while its handle is in a call that encloses, on any thread */
	bool encloses; /* such a call */
};

struct probe_list {
	struct probe_config *item;
	size_t n;
};

struct stage_config {
	char *name; /* [a-z][a-z0-9_]* */
	struct config_pos pos;
	enum stage_kind kind;
	char *engine;		  /* catalogue entry that it comes from, or NULL */
	struct probe_list call;	  /* call: the functions; frame: the frame functions; cache: the
				     look-ups */
	struct probe_list hit;	  /* frame: functions whose return tells a hit (may be empty:
				     then `when` of the frame function itself) */
	struct probe_list from;	  /* stream */
	struct probe_list to;	  /* stream */
	struct probe_list insert; /* cache; may be empty, as may be the next */
	struct probe_list evict;  /* cache */
	struct probe_list statement[STATEMENT_LISTS];
	enum language language; /* statement */
	bool latency_is_first;	/* stream: .latency ends at the first output, not the last */
	uint64_t gap_ns;	/* stream: closed after so long without output, default 2 s */
	uint64_t timeout_ns;	/* 0: none; statements: default 60 s */
	uint64_t hang_ns;	/* in flight longer: target not responsive; default 4 s,
				   statements 60 s */
	bool python;		/* call: its functions are Python's, `python:FILE:QUALNAME` */
	bool voice;		/* counts as voice processing; default true, frames and
				   statements false */
	bool turn;		/* takes part in turns; default true, statements never */
	bool active_cpu;	/* measure .active_cpu even if no budget asks for it */
	bool memory;		/* ... and .memory */
	char **models;		/* globs on the paths of its model files */
	size_t models_n;
};

enum statistic {
	STAT_INVALID = 0,
	STAT_NOW = 1,  /* the newest sample */
	STAT_MEAN = 2, /* "mean" or "average" */
	STAT_MAX = 3,  /* "max" or "peak" */
	STAT_P50 = 4,
	STAT_P95 = 5,
	STAT_P99 = 6,
	STAT_RATE = 7, /* per second */
	STAT_COUNT = 8,
	STAT_MEDIAN = 9,
	STAT_MIN = 10,
};

enum unit {
	UNIT_NONE = 0,
	UNIT_S = 1,
	UNIT_BYTES = 2,
	UNIT_BYTES_PER_H = 3,
	UNIT_PERCENT = 4,
	UNIT_RATIO = 5,
	UNIT_PER_S = 6,
	UNIT_BIT_PER_S = 7,
	UNIT_COUNT = 8,
	UNIT_PER_H = 9,
};

/* "s", "bytes", "bytes/h", "percent", "ratio", "1/s", "bit/s", "count", "1/h" */
const char *unit_name(enum unit unit);
const char *stat_name(enum statistic stat);

struct budget_config {
	char *metric; /* id without the statistic: "stt.latency" */
	struct config_pos pos;
	enum statistic stat;
	uint64_t window_ns;
	enum unit unit;
	double target; /* NAN where not given */
	double warning;
	double critical;
	bool below; /* a value below the limit is the violation (hit ratios) */
	uint64_t for_ns;
	uint64_t min_count;	/* fewer samples: quality few, no alert; default 1 */
	char *alert;		/* name shown, default made of metric and stat: "STT latency" */
	char *action;		/* optimisation action of the document, may be NULL */
	char *impact;		/* user experience impact of the document, may be NULL */
	double p0_above;	/* priority P0 above this value, NAN: never */
	double priority1_over;	/* over the target by more than this ratio: P1; default 0.5 */
	double priority2_over;	/* default 0.2 */
	uint8_t priority_floor; /* never less urgent than this when it fires; 3 is default (P3) */
	uint8_t tier;		/* index + 1 into config.users.tiers; 0: always in force */
};

#define CONFIG_PRIORITIES 4

/* What a priority asks for: P0 .. P3. */
struct priority_config {
	uint64_t respond_within_s;
	char *response; /* what is done then; "": nothing is said */
};

/* How alerts are told. */
struct alerts_config {
	uint64_t remind_ns;    /* an alert that still fires is told again; 0: never */
	uint32_t rate_per_min; /* alerts told a minute, P0 always; the rest waits and is counted */
	uint64_t group_ns;     /* alerts of one cause within so long are one group */
};

/* Budgets that come on top while so many users are active. */
struct tier_config {
	char *name;	/* "5-15 users" */
	uint32_t up_to; /* users; UINT32_MAX: the last one, without an end */
	char *action;	/* may be NULL */
};

#define CONFIG_TIERS_MAX 16

struct users_config {
	uint16_t port;	  /* users are connections accepted on it; 0: simultaneously open turns */
	uint64_t hold_ns; /* a lower tier is entered after so long below */
	struct tier_config *tiers; /* by rising up_to */
	size_t tiers_n;		   /* <= CONFIG_TIERS_MAX */
};

#define CONFIG_DATABASES_MAX	  32
#define CONFIG_DATABASE_PORTS_MAX 16

/* A kind of database, and how a connection to one is known. */
struct database_config {
	char *kind; /* [a-z][a-z0-9_]* */
	struct config_pos pos;
	uint16_t ports[CONFIG_DATABASE_PORTS_MAX]; /* TCP, of the server */
	size_t ports_n;
	char **paths; /* globs on the paths of the server's unix sockets; "@name": abstract */
	size_t paths_n;
	char *open, *close; /* embedded: stages that open and close a handle; both or none NULL */
};

enum turn_key {
	TURN_KEY_THREAD = 0,
	TURN_KEY_VALUE = 1, /* the `key` values of the probes */
	TURN_KEY_NONE = 2,  /* in time order while only one turn is open */
};

struct turn_config {
	enum turn_key key;
	uint64_t idle_ns; /* a turn with nothing for so long is over; default 10 s */
	char *start;	  /* stage whose start opens a turn; NULL: stt, else any */
	char *end;	  /* stage whose end is first audio out; NULL: tts */
	char *wake;	  /* frame stage whose hit precedes; NULL: wake_word */
};

/* `leaks:`: how allocations that are never freed are looked for. */
enum leaks_hunt {
	LEAKS_HUNT_AUTO = 0, /* where a budget reads memory.growth or memory.leaks */
	LEAKS_HUNT_NO = 1,
	LEAKS_HUNT_YES = 2,
	LEAKS_HUNT_NOW = 3, /* without waiting for memory to grow: `cheshire leaks` */
};

struct leaks_config {
	enum leaks_hunt hunt;
	double above_bytes_per_h; /* growth that begins a hunt, by the lower end of its interval */
	uint64_t interval_ns;	  /* between two windows on the allocator, at least; default 4 s */
	uint64_t settle_ns;	  /* age from which a block is a survivor; default 10 s */
	uint64_t watch_ns;	  /* untouched for so long confirms; default 10 s */
	uint32_t calls;		  /* of the allocator that end a window; default 2000 */
	bool debuginfod;	  /* missing debug files are fetched at the start; default no */
};

struct arena;

struct config {
	struct arena *arena; /* owns everything below */
	char *target_name;   /* label; prefix of exported metrics; default "alice" */
	struct stage_config *stages;
	size_t stages_n; /* <= WIRE_STAGES_MAX */
	struct budget_config *budgets;
	size_t budgets_n;
	char **classes; /* names of handle classes */
	size_t classes_n;
	struct probe_list class_probes; /* functions that give a handle its class */
	struct turn_config turn;
	struct users_config users;
	struct database_config *databases; /* the first that fits counts */
	size_t databases_n;		   /* <= CONFIG_DATABASES_MAX */
	struct leaks_config leaks;
	struct alerts_config alerts;
	struct priority_config priorities[CONFIG_PRIORITIES];
	double overhead_percent;      /* ceiling, of one CPU; default 1 */
	uint64_t retry_ns;	      /* what was too dear is tried again after it; then rarer */
	uint32_t records_per_s;	      /* span records per stage; default 200 */
	uint64_t summary_interval_ns; /* 0: only at the end */
	uint64_t digest;	      /* of the file's text: equal texts, equal digests */
	bool stages_given;	      /* the file has `stages:` */
	bool engines;		      /* recognised engines add the stages that the file does
					 not give: `engines: yes`, or no `stages:` at all */
	bool datagrams;		      /* UDP and unix sockets are counted: a hook on every
					 send and receive of the host */
	bool budgets_given;	      /* the file has `budgets:`: the built-in ones are not used */
	bool tiers_given;	      /* the file has `users: { tiers: }`; likewise */
};

/*
 * Reads FILE (or the built-in configuration when path is NULL).  Everything wrong is added to
 * `errors`; returns 0, or -EINVAL when there is any error, or another negative errno when the
 * file cannot be read (said in `errors` too).  On failure *out is NULL.
 */
int config_load(const char *path, struct config_errors *errors, struct config **out);
/* The same from memory; `name` is the file name in messages. */
int config_parse(const char *name, const char *text, size_t len, struct config_errors *errors,
		 struct config **out);
void config_free(struct config *config);

/* Are leaks looked for? */
bool config_hunts_leaks(const struct config *config);

/* The text of the built-in configuration (the alice budgets), NUL-terminated. */
const char *config_builtin_text(void);

/*
 * The catalogue: engines embedded from src/engines/ *.yaml.  An engine has a name, globs of the
 * object names that betray it, whether it is tested, and stages in the form of `stages:`.
 */
struct engine {
	char *name;
	char **objects; /* globs on the base name of a mapped object */
	size_t objects_n;
	bool tested;	       /* a test runs the real library */
	char *note;	       /* for people, may be NULL */
	struct config *config; /* its stages, classes, class_probes */
};

struct catalogue {
	struct engine *engines;
	size_t n;
};

/* Loads all embedded engines.  An error in one is a bug: said in `errors`, -EINVAL. */
int catalogue_load(struct config_errors *errors, struct catalogue **out);
void catalogue_free(struct catalogue *catalogue);
/*
 * Adds to `config` the stages that it does not have yet of the engines whose objects
 * match one of `objects` (base names).  Engines that name the same stage become alternatives of
 * it where the kinds agree; else the first wins and the loser is named in *skipped.
 * Returns the number of engines recognised, or a negative errno.  The two texts ("flite, sqlite3")
 * are malloc'ed for the caller or NULL when empty.
 */
int catalogue_apply(const struct catalogue *catalogue, struct config *config,
		    const char *const *objects, size_t objects_n, char **recognised,
		    char **skipped);

#endif /* CHESHIRE_CONFIG_CONFIG_H */
