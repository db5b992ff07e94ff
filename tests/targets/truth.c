/* SPDX-License-Identifier: GPL-2.0-only */
#include "truth.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#define FUNCTIONS_MAX 64
#define READINGS      16 /* power of two */
#define NS_PER_S      1000000000ULL

/* Durations in order of their ends. */
struct series {
	uint64_t *item_ns;
	size_t cnt;
	size_t cap;
};

struct truth_function {
	const char *name;
	pthread_mutex_t lock;
	struct series normal;	/* outermost spans that returned */
	struct series least;	/* ... and how short they may have been */
	struct series abnormal; /* outermost spans that ended otherwise */
	uint64_t call_cnt;
	uint64_t outermost_cnt;
	uint64_t abnormal_cnt;
};

/* The calling thread's waiting for a CPU, as it was read the last few times. */
static __thread struct {
	uint64_t at_ns[READINGS];
	uint64_t delay_ns[READINGS];
	unsigned int cnt;
} waited;

static struct truth_function functions[FUNCTIONS_MAX];
static int function_cnt;
static FILE *log_file;
static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_ulong check_cnt;
static atomic_ulong failed_cnt;
static uint64_t started_ns;
static volatile sig_atomic_t told_to_end;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t truth_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t truth_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* The second number of schedstat; 0 where the kernel does not count it. No stdio: signal handlers.
 */
static uint64_t run_delay_ns(void)
{
	char text[96] = "";
	char *at = NULL;
	int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (read(fd, text, sizeof(text) - 1) > 0)
		at = strchr(text, ' ');
	close(fd);
	return at ? strtoull(at, NULL, 10) : 0;
}

uint64_t truth_delay_ns(uint64_t since_ns)
{
	uint64_t now_ns = run_delay_ns();
	uint64_t before_ns = 0;
	unsigned int i;

	for (i = waited.cnt; i && i + READINGS > waited.cnt; i--) {
		if (waited.at_ns[(i - 1) % READINGS] <= since_ns) {
			before_ns = waited.delay_ns[(i - 1) % READINGS];
			break;
		}
	}
	waited.delay_ns[waited.cnt % READINGS] = now_ns;
	waited.at_ns[waited.cnt++ % READINGS] = truth_now_ns();
	return now_ns - before_ns;
}

static void sleep_until_ns(uint64_t deadline_ns)
{
	struct timespec deadline = {
		.tv_sec = (time_t)(deadline_ns / NS_PER_S),
		.tv_nsec = (long)(deadline_ns % NS_PER_S),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) == EINTR)
		;
}

void truth_sleep_us(long us)
{
	if (us > 0)
		sleep_until_ns(truth_now_ns() + (uint64_t)us * 1000);
}

void truth_burn_us(long us)
{
	uint64_t end_ns = truth_cpu_ns() + (uint64_t)us * 1000;

	while (truth_cpu_ns() < end_ns)
		;
}

static unsigned int next_random(unsigned int *state)
{
	unsigned int x = *state ? *state : 1;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	*state = x;
	return x;
}

long truth_draw_us(const struct truth_opts *opts, unsigned int *state)
{
	double unit = (next_random(state) % 10000) / 10000.0;
	double skewed = unit * unit * unit;

	return opts->us_lo + (long)(skewed * (double)(opts->us_hi - opts->us_lo));
}

static void usage(const char *program)
{
	fprintf(stderr,
		"usage: %s [--mode M] [--log FILE] [--iterations N] [--rate R] [--duration S]\n"
		"       [--us LO[:HI]] [--threads N] [--users N] [--seed N] [--extra TEXT] "
		"[--wait]\n",
		program);
	exit(2);
}

static void parse_us(struct truth_opts *opts, const char *text)
{
	char *end;

	opts->us_lo = strtol(text, &end, 10);
	opts->us_hi = *end == ':' ? strtol(end + 1, &end, 10) : opts->us_lo;
	if (*end || opts->us_lo < 0 || opts->us_hi < opts->us_lo)
		usage("target");
}

static void on_term(int number)
{
	(void)number;
	told_to_end = 1;
}

static bool parse_one(struct truth_opts *opts, int option, const char *value)
{
	switch (option) {
	case 'm':
		opts->mode = value;
		return true;
	case 'l':
		opts->log_path = value;
		return true;
	case 'x':
		opts->extra = value;
		return true;
	case 'n':
		opts->iterations = atol(value);
		return true;
	case 'r':
		opts->rate_hz = atof(value);
		return true;
	case 'd':
		opts->duration_s = atof(value);
		return true;
	case 'u':
		parse_us(opts, value);
		return true;
	case 't':
		opts->threads = atoi(value);
		return true;
	case 'U':
		opts->users = atoi(value);
		return true;
	case 's':
		opts->seed = (unsigned int)atol(value);
		return true;
	case 'w':
		opts->wait = true;
		return true;
	default:
		return false;
	}
}

void truth_init(struct truth_opts *opts, int argc, char **argv)
{
	static const struct option longs[] = {
		{"mode", required_argument, NULL, 'm'},
		{"log", required_argument, NULL, 'l'},
		{"extra", required_argument, NULL, 'x'},
		{"iterations", required_argument, NULL, 'n'},
		{"rate", required_argument, NULL, 'r'},
		{"duration", required_argument, NULL, 'd'},
		{"us", required_argument, NULL, 'u'},
		{"threads", required_argument, NULL, 't'},
		{"users", required_argument, NULL, 'U'},
		{"seed", required_argument, NULL, 's'},
		{"wait", no_argument, NULL, 'w'},
		{NULL, 0, NULL, 0},
	};
	const struct sigaction end = {.sa_handler = on_term, .sa_flags = SA_RESTART};
	sigset_t gate;
	int option;

	*opts = (struct truth_opts){
		.mode = "",
		.iterations = 100,
		.us_lo = 1000,
		.us_hi = 1000,
		.seed = 42,
		.threads = 1,
		.users = 1,
	};
	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1)
		if (!parse_one(opts, option, optarg))
			usage(argv[0]);
	if (optind != argc || opts->threads < 1 || opts->users < 1)
		usage(argv[0]);
	if (opts->log_path) {
		log_file = fopen(opts->log_path, "we");
		if (!log_file) {
			perror(opts->log_path);
			exit(2);
		}
	}
	/* Blocked before any thread exists, so that the gate's signalfd is what receives it. */
	sigemptyset(&gate);
	sigaddset(&gate, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &gate, NULL);
	sigaction(SIGTERM, &end, NULL);
	started_ns = truth_now_ns();
}

static void wait_at_gate(void)
{
	struct pollfd ends[2] = {{.fd = -1, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	char line[64];
	sigset_t gate;

	sigemptyset(&gate);
	sigaddset(&gate, SIGUSR2);
	ends[0].fd = signalfd(-1, &gate, SFD_CLOEXEC);
	while (poll(ends, 2, -1) < 0 && errno == EINTR)
		;
	if (!(ends[0].revents & POLLIN) && !fgets(line, sizeof(line), stdin))
		exit(2); /* nobody is left to start us */
	close(ends[0].fd);
}

void truth_ready(const struct truth_opts *opts)
{
	puts("ready");
	fflush(stdout);
	if (opts->wait)
		wait_at_gate();
	started_ns = truth_now_ns();
}

struct truth_function *truth_fn(const char *name)
{
	int i;

	for (i = 0; i < function_cnt; i++)
		if (!strcmp(functions[i].name, name))
			return &functions[i];
	if (function_cnt == FUNCTIONS_MAX)
		abort();
	functions[i].name = name;
	pthread_mutex_init(&functions[i].lock, NULL);
	function_cnt++;
	return &functions[i];
}

static void append_duration(struct series *series, uint64_t duration_ns)
{
	if (series->cnt == series->cap) {
		size_t cap = series->cap ? 2 * series->cap : 1024;
		uint64_t *grown = realloc(series->item_ns, cap * sizeof(*grown));

		if (!grown)
			abort();
		series->item_ns = grown;
		series->cap = cap;
	}
	series->item_ns[series->cnt++] = duration_ns;
}

void truth_record(struct truth_function *fn, uint64_t start_ns, uint64_t end_ns, int flags)
{
	uint64_t wall_ns = end_ns - start_ns;
	uint64_t delay_ns = truth_delay_ns(start_ns);

	pthread_mutex_lock(&fn->lock);
	fn->call_cnt++;
	if (flags & TRUTH_ABNORMAL)
		fn->abnormal_cnt++;
	if (!(flags & TRUTH_INNER)) {
		fn->outermost_cnt++;
		append_duration(flags & TRUTH_ABNORMAL ? &fn->abnormal : &fn->normal, wall_ns);
		if (!(flags & TRUTH_ABNORMAL))
			append_duration(&fn->least, wall_ns > delay_ns ? wall_ns - delay_ns : 0);
	}
	pthread_mutex_unlock(&fn->lock);
}

void truth_count(struct truth_function *fn, uint64_t calls)
{
	pthread_mutex_lock(&fn->lock);
	fn->call_cnt += calls;
	fn->outermost_cnt += calls;
	pthread_mutex_unlock(&fn->lock);
}

void truth_check(bool good, const char *what)
{
	atomic_fetch_add(&check_cnt, 1);
	if (good)
		return;
	if (atomic_fetch_add(&failed_cnt, 1) < 10)
		fprintf(stderr, "self-check failed: %s\n", what);
}

void truth_pace_start(struct truth_pace *pace)
{
	pace->start_ns = truth_now_ns();
	pace->done = 0;
}

bool truth_pace_next(struct truth_pace *pace, const struct truth_opts *opts)
{
	uint64_t due_ns = pace->start_ns;

	if (told_to_end)
		return false;
	if (opts->iterations && pace->done >= opts->iterations)
		return false;
	if (opts->rate_hz > 0)
		due_ns += (uint64_t)((double)pace->done / opts->rate_hz * 1e9);
	if (due_ns > truth_now_ns())
		sleep_until_ns(due_ns);
	if (opts->duration_s > 0 &&
	    truth_now_ns() - pace->start_ns >= (uint64_t)(opts->duration_s * 1e9))
		return false;
	pace->done++;
	return true;
}

void truth_log(const char *format, ...)
{
	va_list args;

	if (!log_file)
		return;
	pthread_mutex_lock(&log_lock);
	va_start(args, format);
	vfprintf(log_file, format, args);
	va_end(args);
	fputc('\n', log_file);
	fflush(log_file);
	pthread_mutex_unlock(&log_lock);
}

static int compare_u64(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

static void write_series(const char *key, struct series *series)
{
	size_t i;

	if (series->cnt)
		qsort(series->item_ns, series->cnt, sizeof(*series->item_ns), compare_u64);
	fprintf(log_file, ",\"%s\":[", key);
	for (i = 0; i < series->cnt; i++)
		fprintf(log_file, "%s%llu", i ? "," : "", (unsigned long long)series->item_ns[i]);
	fputc(']', log_file);
}

static void write_function(struct truth_function *fn)
{
	pthread_mutex_lock(&fn->lock);
	fprintf(log_file,
		"{\"type\":\"function\",\"name\":\"%s\",\"count\":%llu,\"outermost\":%llu,"
		"\"normal\":%llu,\"abnormal\":%llu",
		fn->name, (unsigned long long)fn->call_cnt, (unsigned long long)fn->outermost_cnt,
		(unsigned long long)(fn->call_cnt - fn->abnormal_cnt),
		(unsigned long long)fn->abnormal_cnt);
	write_series("normal_ns", &fn->normal);
	write_series("normal_least_ns", &fn->least);
	write_series("abnormal_ns", &fn->abnormal);
	fputs("}\n", log_file);
	pthread_mutex_unlock(&fn->lock);
}

void truth_write_log(void)
{
	unsigned long failed = atomic_load(&failed_cnt);
	int i;

	if (!log_file)
		return;
	pthread_mutex_lock(&log_lock);
	for (i = 0; i < function_cnt; i++)
		write_function(&functions[i]);
	fprintf(log_file,
		"{\"type\":\"end\",\"ok\":%s,\"checks\":%lu,\"failed\":%lu,\"elapsed_ns\":%llu,"
		"\"pid\":%d}\n",
		failed ? "false" : "true", atomic_load(&check_cnt), failed,
		(unsigned long long)(truth_now_ns() - started_ns), (int)getpid());
	fclose(log_file);
	log_file = NULL;
	pthread_mutex_unlock(&log_lock);
}

int truth_finish(void)
{
	truth_write_log();
	return atomic_load(&failed_cnt) ? 1 : 0;
}
