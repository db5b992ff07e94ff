/* SPDX-License-Identifier: GPL-2.0-only */
/* Connections to databases: by server, in all, as metrics and as evidence; `databases:`. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_fixture.h"
#include "metrics/connections.h"
#include "metrics/metrics.h"

#define S_NS 1000000000ULL
#define NOW  (10000 * S_NS)

struct world {
	struct config *config;
	struct connections *c;
	struct metrics *m;
};

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	w->config = parsed("databases: { redis: { ports: 7000, paths: \"@queue*\" } }\n"
			   "budgets: { db.redis.connections: { warning: 3 } }\n");
	w->c = connections__new(w->config);
	w->m = metrics__new(w->config, NOW - 100 * S_NS);
	assert_non_null(w->c);
	assert_non_null(w->m);
	connections__begin(w->c, NOW);
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	metrics__free(w->m);
	connections__free(w->c);
	config_free(w->config);
	free(w);
	return 0;
}

static struct wire_db_socket tcp(uint16_t port, uint64_t age_ns)
{
	return (struct wire_db_socket){
		.since_ns = NOW - age_ns,
		.active_ns = NOW,
		.port = port,
		.state = WIRE_TCP_ESTABLISHED,
		.net = WIRE_NET_LOOPBACK,
		.flags = WIRE_DB_ACTIVE_KNOWN,
	};
}

static struct wire_db_socket local(const char *path, size_t bytes)
{
	struct wire_db_socket s = {
		.since_ns = NOW - S_NS,
		.state = WIRE_TCP_ESTABLISHED,
		.net = WIRE_NET_UNIX,
		.path_bytes = (uint8_t)bytes,
	};

	memcpy(s.path, path, bytes < WIRE_UNIX_PATH ? bytes : WIRE_UNIX_PATH);
	return s;
}

static void add(struct world *w, struct wire_db_socket s)
{
	connections__add(w->c, &s);
}

static size_t kind(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->config->databases_n; i++)
		if (!strcmp(w->config->databases[i].kind, name))
			return i;
	fail_msg("no kind %s", name);
	return 0;
}

static void kinds_by_port_and_path(void **state)
{
	static const char abstract[] = "\0queue7";
	struct world *w = *state;
	const struct connections_totals *t = connections__totals(w->c);

	add(w, tcp(5432, S_NS));
	add(w, tcp(7000, S_NS));
	add(w, tcp(6379, S_NS)); /* the built-in port of a kind that was replaced */
	add(w, tcp(0, S_NS));
	add(w, local("/run/postgresql/.s.PGSQL.5432", 30)); /* with its NUL */
	add(w, local("/run/dbus/system_bus_socket", 27));
	add(w, local(abstract, sizeof(abstract) - 1));
	add(w, local("", 0));
	assert_int_equal(t->open, 4);
	assert_int_equal(t->of_kind[kind(w, "postgresql")], 2);
	assert_int_equal(t->of_kind[kind(w, "redis")], 2);
	assert_int_equal(t->unix_open, 2);
}

static void a_name_of_any_length_is_read_within_bounds(void **state)
{
	struct world *w = *state;
	struct wire_db_socket s = local("", 0);

	memset(s.path, 'x', sizeof(s.path));
	s.path_bytes = 255;
	add(w, s);
	s.path[0] = '\0';
	add(w, s);
	assert_int_equal(connections__totals(w->c)->open, 0);
}

static void states_are_told_apart(void **state)
{
	struct world *w = *state;
	const struct connections_totals *t = connections__totals(w->c);
	struct wire_db_socket s = tcp(5432, 30 * S_NS);

	s.active_ns = NOW - CONNECTION_IDLE_NS;
	add(w, s);
	s = tcp(5432, 5 * S_NS);
	add(w, s);
	s.state = WIRE_TCP_CLOSE_WAIT;
	s.flags |= WIRE_DB_ENDED;
	s.ended_ns = NOW - CONNECTION_STALE_NS;
	add(w, s);
	s.ended_ns = NOW; /* it may be about to close it */
	add(w, s);
	s = tcp(5432, 0);
	s.state = WIRE_TCP_SYN_SENT;
	s.since_ns = 0;
	s.begun_ns = NOW - 40 * S_NS;
	add(w, s);
	s.state = WIRE_TCP_CLOSE; /* an attempt that failed */
	add(w, s);
	assert_int_equal(t->open, 2);
	assert_int_equal(t->idle, 1);
	assert_int_equal(t->stale, 1);
	assert_int_equal(t->pool, 1);
	assert_true(t->attempted);
	assert_int_equal(t->attempt_ns, 40 * S_NS);
	assert_int_equal(t->oldest_ns, 30 * S_NS);
	assert_false(t->oldest_at_least);
}

static void the_pool_is_that_of_one_server(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 6; i++)
		add(w, tcp(5432, 20 * S_NS));
	for (int i = 0; i < 4; i++)
		add(w, tcp(7000, 20 * S_NS));
	add(w, tcp(5432, S_NS));
	assert_int_equal(connections__totals(w->c)->pool, 6);
}

static void evidence_names_the_servers(void **state)
{
	struct world *w = *state;
	const struct connection_server *found[2];
	struct wire_db_connect connect = {
		.number = 1, .end_ns = NOW, .duration_ns = 250000000, .port = 7000, .failed = 1};
	struct wire_db_socket s = tcp(5432, 7210 * S_NS);
	char text[CONNECTION_TEXT_MAX];

	s.flags |= WIRE_DB_BEFORE;
	add(w, s);
	add(w, tcp(5432, S_NS));
	add(w, local("/run/postgresql/.s.PGSQL.5432", 29));
	connections__handles(w->c, kind(w, "sqlite"), 1, false);
	assert_true(connections__attempt(w->c, &connect));
	connect.port = 9;
	assert_false(connections__attempt(w->c, &connect));

	assert_int_equal(connections__servers(w->c, CONNECTION_BY_OPEN, found, 2), 2);
	connections__describe(w->c, found[0], text, sizeof(text));
	assert_string_equal(text, "postgresql, port 5432 on this host: 2 open (0 idle), "
				  "oldest at least 7210 s");
	assert_int_equal(connections__servers(w->c, CONNECTION_BY_AGE, found, 2), 2);
	connections__describe(w->c, found[1], text, sizeof(text));
	assert_string_equal(text, "postgresql, /run/postgresql/.s.PGSQL.5432: 1 open, oldest 1 s");
	assert_int_equal(connections__servers(w->c, CONNECTION_BY_ATTEMPT, found, 2), 1);
	connections__describe(w->c, found[0], text, sizeof(text));
	assert_string_equal(text, "redis, port 7000 on another host: 0 open, "
				  "slowest connect of late 250 ms (failed)");
	assert_int_equal(connections__servers(w->c, CONNECTION_BY_STALE, found, 2), 0);

	/* Forgotten after a while; a buffer that is too small is not overrun. */
	connections__describe(w->c, found[0], text, 10);
	assert_string_equal(text, "redis, po");
	connections__begin(w->c, NOW + CONNECTION_ATTEMPT_NS);
	assert_int_equal(connections__servers(w->c, CONNECTION_BY_ATTEMPT, found, 2), 1);
	connections__begin(w->c, NOW + CONNECTION_ATTEMPT_NS + 1);
	assert_int_equal(connections__servers(w->c, CONNECTION_BY_ATTEMPT, found, 2), 0);
}

static void more_servers_than_are_told_apart(void **state)
{
	struct world *w = *state;
	const struct connection_server *found[CONNECTION_SERVERS_MAX];
	char path[32];

	for (int i = 0; i < 3 * CONNECTION_SERVERS_MAX; i++) {
		snprintf(path, sizeof(path), "/x/.s.PGSQL.%d", i);
		add(w, local(path, strlen(path)));
	}
	assert_int_equal(connections__totals(w->c)->open, 3 * CONNECTION_SERVERS_MAX);
	assert_int_equal(
		connections__servers(w->c, CONNECTION_BY_OPEN, found, CONNECTION_SERVERS_MAX),
		CONNECTION_SERVERS_MAX);
}

static struct sample now_of(struct world *w, const char *id)
{
	int handle = metrics__demand(w->m, id, STAT_INVALID, 10 * S_NS);

	assert_true(handle >= 0);
	metrics__feed_connections(w->m, w->c, NOW);
	return metrics__read(w->m, handle, NOW);
}

static void feed_process(struct world *w)
{
	const struct process_sample sample = {.ts_ns = NOW};

	metrics__feed_process(w->m, &sample);
}

static void metrics_of_a_look(void **state)
{
	struct world *w = *state;

	feed_process(w);
	for (int i = 0; i < 3; i++)
		add(w, tcp(7000, 20 * S_NS));
	connections__handles(w->c, kind(w, "sqlite"), 2, false);
	assert_int_equal((int)now_of(w, "db.connections").value, 5);
	assert_int_equal((int)now_of(w, "db.redis.connections").value, 3);
	assert_int_equal((int)now_of(w, "db.sqlite.connections").value, 2);
	assert_int_equal((int)now_of(w, "db.postgresql.connections").value, 0);
	assert_int_equal((int)now_of(w, "db.pool.size").value, 3);
	assert_int_equal((int)now_of(w, "db.connections.age").value, 20);
	assert_int_equal(now_of(w, "db.connections").quality, QUALITY_SAMPLED);
	assert_true(now_of(w, "db.connect.longest").idle);
	assert_int_equal(metrics__demand(w->m, "db.mine.connections", STAT_NOW, S_NS), -2);
}

static void qualities_of_a_look(void **state)
{
	struct world *w = *state;
	struct wire_db_socket s = tcp(7000, 20 * S_NS);

	feed_process(w);
	s.flags |= WIRE_DB_BEFORE;
	add(w, s);
	connections__handles(w->c, kind(w, "sqlite"), 2, true);
	assert_int_equal(now_of(w, "db.connections.age").quality, QUALITY_PARTIAL);
	assert_non_null(now_of(w, "db.connections.age").reason);
	assert_int_equal(now_of(w, "db.redis.connections").quality, QUALITY_SAMPLED);
	assert_int_equal(now_of(w, "db.sqlite.connections").quality, QUALITY_PARTIAL);
	assert_int_equal(now_of(w, "db.connections").quality, QUALITY_PARTIAL);

	connections__handles_unknown(w->c, kind(w, "sqlite"));
	assert_int_equal(now_of(w, "db.sqlite.connections").quality, QUALITY_UNKNOWN);
	assert_int_equal(now_of(w, "db.redis.connections").quality, QUALITY_SAMPLED);
	metrics__connections_unknown(w->m);
	assert_int_equal(
		metrics__read(w->m, metrics__demand(w->m, "db.connections", STAT_NOW, S_NS), NOW)
			.quality,
		QUALITY_UNKNOWN);
}

static void attempts_to_connect(void **state)
{
	struct world *w = *state;
	int latency = metrics__demand(w->m, "db.connect.latency.max", STAT_INVALID, 60 * S_NS);
	int failed = metrics__demand(w->m, "db.connect.failed", STAT_INVALID, 60 * S_NS);

	feed_process(w);
	metrics__feed_connect(w->m, 2 * S_NS, false, NOW);
	metrics__feed_connect(w->m, 31 * S_NS, true, NOW);
	assert_true(metrics__read(w->m, latency, NOW).value < 2.02);
	assert_int_equal(metrics__read(w->m, latency, NOW).n, 1);
	assert_int_equal((int)metrics__read(w->m, failed, NOW).value, 1);
	metrics__lost_connects(w->m, NOW);
	assert_int_equal(metrics__read(w->m, failed, NOW).quality, QUALITY_PARTIAL);
}

static void a_file_replaces_kinds_one_by_one(void **state)
{
	struct config *config = parsed("databases:\n"
				       "  mine: { ports: [5432, 1234], paths: [\"/x\", \"/y\"] }\n"
				       "  mongodb: {}\n");
	const struct database_config *db = config->databases;

	(void)state;
	/* Its own come first: a port that they take is theirs. */
	assert_string_equal(db[0].kind, "mine");
	assert_int_equal(db[0].ports_n, 2);
	assert_int_equal(db[0].paths_n, 2);
	assert_string_equal(db[1].kind, "mongodb");
	assert_int_equal(db[1].ports_n, 0);
	for (size_t i = 2; i < config->databases_n; i++)
		assert_string_not_equal(db[i].kind, "mongodb");
	assert_true(config->databases_n > 8);
	config_free(config);
}

static void mistakes_have_their_places(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"databases: []\n", "t.yaml:1:12: expected a mapping of kinds"},
		{"databases: { a: { ports: [0] } }\n", "t.yaml:1:27: "},
		{"databases: { a: { ports: [7, 7] } }\n",
		 "t.yaml:1:30: port 7 is one of 'a' already"},
		{"databases: { a: { ports: 7 }, b: { ports: 7 } }\n",
		 "t.yaml:1:43: port 7 is one of 'a' already"},
		{"databases: { A: {} }\n", "t.yaml:1:14: 'A' is no name"},
		{"databases: { simple: {} }\n", "t.yaml:1:14: 'simple' is a class of statements"},
		{"databases: { a: { paths: [x] } }\n", "t.yaml:1:27: 'x' begins neither"},
		{"databases: { a: { open: x } }\n", "t.yaml:1:17: an embedded database needs both"},
		{"databases: { a: { file: x } }\n", "t.yaml:1:19: "},
		{"budgets: { db.nothing.connections: { warning: 1 } }\n",
		 "t.yaml:1:12: no such kind of database: 'nothing'"},
		{"budgets: { db..connections: { warning: 1 } }\n",
		 "t.yaml:1:12: unknown metric 'db..connections'"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused(cases[i].text, 1, cases[i].want);
}

int main(void)
{
#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		WITH_WORLD(kinds_by_port_and_path),
		WITH_WORLD(a_name_of_any_length_is_read_within_bounds),
		WITH_WORLD(states_are_told_apart),
		WITH_WORLD(the_pool_is_that_of_one_server),
		WITH_WORLD(evidence_names_the_servers),
		WITH_WORLD(more_servers_than_are_told_apart),
		WITH_WORLD(metrics_of_a_look),
		WITH_WORLD(qualities_of_a_look),
		WITH_WORLD(attempts_to_connect),
		cmocka_unit_test(a_file_replaces_kinds_one_by_one),
		cmocka_unit_test(mistakes_have_their_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
