/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process whose shape changes, one command a line on stdin, each answered by one line on stdout:
 *   call N US      stage_local() N times          plugin N US   stage_plugin() N times
 *   open PATH      dlopen, never at the address of the time before; answers with the address
 *   close          dlclose
 *   churn N US     N short threads, each calling stage_local() once
 *   fork N US      N children, each calling stage_local() three times; they are not the target
 *   storm N        N times vfork and exec of /bin/true
 *   unlink         deletes its own binary
 *   exec PATH LOG  becomes PATH in the same process, reading commands on, with a log of its own
 *   exit CODE, crash SIGNAL
 */
#include "truth.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHURN_AT_ONCE 4
#define LINE_BYTES    1024

typedef uint64_t (*plugin_fn)(long us, uint64_t value);

static struct truth_function *local_fn;
static struct truth_function *plugin_truth;
static void *plugin_handle;
static plugin_fn plugin;

STAGE uint64_t stage_local(long us, uint64_t value)
{
	truth_sleep_us(us);
	TRUTH_BARRIER();
	return truth_mix(value);
}

static void timed_local(long us, uint64_t value)
{
	uint64_t start_ns = truth_now_ns();
	uint64_t got = stage_local(us, value);

	truth_record(local_fn, start_ns, truth_now_ns(), TRUTH_NORMAL);
	truth_check(got == truth_mix(value), "stage_local");
}

static void call_plugin(long count, long us)
{
	long i;

	for (i = 0; plugin && i < count; i++) {
		uint64_t start_ns = truth_now_ns();
		uint64_t got = plugin(us, (uint64_t)i);

		truth_record(plugin_truth, start_ns, truth_now_ns(), TRUTH_NORMAL);
		truth_check(got == (uint64_t)i + 1, "stage_plugin");
	}
	printf("done %ld\n", plugin ? count : 0);
}

/* Keeps the former place occupied, so that the library has to be loaded elsewhere. */
static void block_former_place(void)
{
	static uintptr_t former;
	Dl_info info;

	if (plugin && dladdr((void *)plugin, &info))
		former = (uintptr_t)info.dli_fbase;
	else if (former)
		mmap((void *)former, (size_t)getpagesize(), PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
}

static void open_plugin(const char *path)
{
	block_former_place();
	plugin_handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	plugin = plugin_handle ? (plugin_fn)dlsym(plugin_handle, "stage_plugin") : NULL;
	block_former_place();
	printf("done %p\n", (void *)plugin);
}

static void close_plugin(void)
{
	plugin = NULL;
	truth_check(plugin_handle && !dlclose(plugin_handle), "dlclose");
	plugin_handle = NULL;
	puts("done");
}

static void *churn_once(void *arg)
{
	timed_local(*(long *)arg, 9);
	return NULL;
}

static void churn(long count, long us)
{
	pthread_t threads[CHURN_AT_ONCE];
	long started;
	int i;

	for (started = 0; started < count; started += CHURN_AT_ONCE) {
		int batch = count - started < CHURN_AT_ONCE ? (int)(count - started)
							    : CHURN_AT_ONCE;

		for (i = 0; i < batch; i++)
			pthread_create(&threads[i], NULL, churn_once, &us);
		for (i = 0; i < batch; i++)
			pthread_join(threads[i], NULL);
	}
	printf("done %ld\n", count);
}

static void fork_children(long count, long us)
{
	long i;

	for (i = 0; i < count; i++) {
		int status = -1;
		pid_t child = fork();

		if (!child) {
			bool good = true;
			int call;

			for (call = 0; call < 3; call++)
				good &= stage_local(us, 5) == truth_mix(5);
			_exit(good ? 0 : 1);
		}
		waitpid(child, &status, 0);
		truth_check(WIFEXITED(status) && !WEXITSTATUS(status), "forked child");
		timed_local(us, (uint64_t)i);
	}
	printf("done %ld\n", count);
}

/* By itself, so that vfork() has no variable of the loop to spoil. */
static pid_t vfork_true(void)
{
	static char name[] = "true";
	static char *const args[] = {name, NULL};
	static char *const environment[] = {NULL};
	pid_t child = vfork();

	if (!child) {
		execve("/bin/true", args, environment);
		_exit(127);
	}
	return child;
}

static void storm(long count)
{
	long i;

	for (i = 0; i < count; i++) {
		int status = -1;

		waitpid(vfork_true(), &status, 0);
		truth_check(WIFEXITED(status) && !WEXITSTATUS(status), "vforked child");
		timed_local(100, (uint64_t)i);
	}
	printf("done %ld\n", count);
}

static void unlink_self(void)
{
	char path[LINE_BYTES];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (len > 0) {
		path[len] = '\0';
		truth_check(!unlink(path), "unlink");
	}
	puts("done");
}

static void become(char *path, char *log_path)
{
	char *const args[] = {path, "--log", log_path, NULL};

	truth_write_log();
	execv(path, args);
	perror(path);
	exit(2);
}

static void leave(const char *verb, int code)
{
	truth_write_log();
	if (!strcmp(verb, "crash")) {
		signal(code, SIG_DFL);
		raise(code);
	}
	exit(code);
}

static void obey(char *line)
{
	char text[2][LINE_BYTES] = {"", ""};
	char verb[16] = "";
	long number[2] = {0, 0};

	sscanf(line, "%15s %1023s %1023s", verb, text[0], text[1]);
	number[0] = atol(text[0]);
	number[1] = atol(text[1]);
	if (!strcmp(verb, "call")) {
		long i;

		for (i = 0; i < number[0]; i++)
			timed_local(number[1], (uint64_t)i);
		printf("done %ld\n", number[0]);
	} else if (!strcmp(verb, "plugin")) {
		call_plugin(number[0], number[1]);
	} else if (!strcmp(verb, "open")) {
		open_plugin(text[0]);
	} else if (!strcmp(verb, "close")) {
		close_plugin();
	} else if (!strcmp(verb, "churn")) {
		churn(number[0], number[1]);
	} else if (!strcmp(verb, "fork")) {
		fork_children(number[0], number[1]);
	} else if (!strcmp(verb, "storm")) {
		storm(number[0]);
	} else if (!strcmp(verb, "unlink")) {
		unlink_self();
	} else if (!strcmp(verb, "exec")) {
		become(text[0], text[1]);
	} else if (!strcmp(verb, "exit") || !strcmp(verb, "crash")) {
		leave(verb, (int)number[0]);
	} else {
		printf("unknown command\n");
	}
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct truth_opts opts;
	char line[2 * LINE_BYTES];

	truth_init(&opts, argc, argv);
	/* What follows an exec must still be in the pipe. */
	setvbuf(stdin, NULL, _IONBF, 0);
	local_fn = truth_fn("stage_local");
	plugin_truth = truth_fn("stage_plugin");
	truth_ready(&opts);
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n"))
		obey(line);
	return truth_finish();
}
