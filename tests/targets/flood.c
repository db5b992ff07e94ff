/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A process that is as much of a nuisance as it can be, one command a line on stdin, each answered
 * by one line on stdout with how often it was done. S is in seconds, in which it goes on as fast as
 * it can.
 *   spans N        stage_flood() N times on each of the --threads
 *   streams N      N streams that open and put nothing out, each with a key of its own
 *   forks S        children that end at once       threads S      threads that end at once
 *   maps S         executable mappings of its own file, and gone again
 *   hold N         N executable mappings of its own file that stay
 *   loads S PATH   dlopen and dlclose
 *   execs S        vfork and exec of /bin/true
 *   names N        N threads with names of control characters, cut UTF-8 and worse, each calling
 *                  stage_flood() once
 *   mutate S PATH  loads PATH; its code is writable from now on, and changes back and forth
 */
#include "truth.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define LINE_BYTES   1024
#define THREADS_MAX  64
#define MAPS_AT_ONCE 64

static struct truth_function *flood_fn, *open_fn;
static long spans_each;

STAGE uint64_t stage_flood(uint64_t value)
{
	TRUTH_BARRIER();
	return truth_mix(value);
}

STAGE uint64_t stage_open(uint64_t key)
{
	TRUTH_BARRIER();
	return key;
}

STAGE uint64_t stage_output(uint64_t key)
{
	TRUTH_BARRIER();
	return key + 1;
}

static bool within(uint64_t start_ns, double seconds)
{
	return (double)(truth_now_ns() - start_ns) < seconds * 1e9;
}

static void *call_spans(void *arg)
{
	bool good = true;
	long i;

	(void)arg;
	for (i = 0; i < spans_each; i++)
		good &= truth_unmix(stage_flood((uint64_t)i)) == (uint64_t)i;
	truth_check(good, "stage_flood");
	truth_count(flood_fn, (uint64_t)spans_each);
	return NULL;
}

static long spans(const struct truth_opts *opts, long n)
{
	pthread_t threads[THREADS_MAX];
	int i, count = opts->threads < THREADS_MAX ? opts->threads : THREADS_MAX;

	spans_each = n;
	for (i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, call_spans, NULL);
	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	return n * count;
}

static long streams(long n)
{
	long i;

	for (i = 0; i < n; i++)
		stage_open(0x1000000 + (uint64_t)i);
	truth_count(open_fn, (uint64_t)n);
	return n;
}

static long forks(double seconds)
{
	uint64_t start_ns = truth_now_ns();
	long n = 0;

	for (; within(start_ns, seconds); n++) {
		pid_t child = fork();

		if (!child)
			_exit(0);
		waitpid(child, NULL, 0);
	}
	return n;
}

static void *end_at_once(void *arg)
{
	return arg;
}

static long threads(double seconds)
{
	uint64_t start_ns = truth_now_ns();
	pthread_t thread;
	long n = 0;

	for (; within(start_ns, seconds); n++)
		if (!pthread_create(&thread, NULL, end_at_once, NULL))
			pthread_join(thread, NULL);
	return n;
}

static long maps(double seconds)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	size_t bytes = (size_t)getpagesize();
	uint64_t start_ns = truth_now_ns();
	void *at[MAPS_AT_ONCE];
	long n = 0;
	int i;

	for (; within(start_ns, seconds); n += MAPS_AT_ONCE) {
		for (i = 0; i < MAPS_AT_ONCE; i++)
			at[i] = mmap(NULL, bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
		for (i = 0; i < MAPS_AT_ONCE; i++)
			munmap(at[i], bytes);
	}
	close(fd);
	return n;
}

/* Not beside each other, so that each stays a mapping of its own. */
static long hold(long n)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	size_t bytes = (size_t)getpagesize();
	char *at = mmap(NULL, 2 * (size_t)n * bytes, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	long held = 0;

	for (; held < n; held++)
		if (mmap(at + 2 * (size_t)held * bytes, bytes, PROT_READ | PROT_EXEC,
			 MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED)
			break;
	close(fd);
	return held;
}

static long loads(double seconds, const char *path)
{
	uint64_t start_ns = truth_now_ns();
	long n = 0;

	for (; within(start_ns, seconds); n++) {
		void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

		truth_check(handle && !dlclose(handle), "dlopen");
	}
	return n;
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

static long execs(double seconds)
{
	uint64_t start_ns = truth_now_ns();
	long n = 0;

	for (; within(start_ns, seconds); n++)
		waitpid(vfork_true(), NULL, 0);
	return n;
}

/* Fifteen bytes each: that is all that a thread's name has room for. */
static const char *const bad_names[] = {
	"\x1b[2J\x1b[31mred\n",
	"\"},{\"type\":1}\r",
	"\xff\xfe\xfd\x80\x80",
	"\xe2\x80\xae\xe2\x80\x8bgpj.exe",
	"\xf0\x9f\x98\xba\xf0\x9f\x98\xba\xf0\x9f\x98\xba\xf0\x9f",
	"\a\b\t\v\f\n\r\x01\x7f",
	"%s%n%s%n%s%n",
	"\xc2\x9b"
	"2J\xc2\x85",
	"\\u0000\\\"\\",
};

static void *call_named(void *arg)
{
	long i = (long)arg;

	prctl(PR_SET_NAME, bad_names[(size_t)i % (sizeof(bad_names) / sizeof(bad_names[0]))]);
	truth_check(truth_unmix(stage_flood((uint64_t)i)) == (uint64_t)i, "stage_flood");
	/* Long enough to be the slowest, and so to be told of. */
	truth_count(flood_fn, 1);
	return NULL;
}

static long names(long n)
{
	pthread_t thread;
	long i;

	for (i = 0; i < n; i++)
		if (!pthread_create(&thread, NULL, call_named, (void *)i))
			pthread_join(thread, NULL);
	return n;
}

static int make_writable(struct dl_phdr_info *info, size_t size, void *arg)
{
	int i;

	(void)size;
	if (strcmp(info->dlpi_name, arg))
		return 0;
	for (i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		uintptr_t from = info->dlpi_addr + ph->p_vaddr;
		uintptr_t page = from & ~(uintptr_t)(getpagesize() - 1);

		if (ph->p_type == PT_LOAD && ph->p_flags & PF_X)
			truth_check(!mprotect((void *)page, from + ph->p_memsz - page,
					      PROT_READ | PROT_WRITE | PROT_EXEC),
				    "mprotect");
	}
	return 1;
}

static long mutate(double seconds, const char *path)
{
	uint64_t start_ns;
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	volatile unsigned char *code = handle ? dlsym(handle, "stage_plugin") : NULL;
	unsigned char was = code ? *code : 0;
	char real[LINE_BYTES];
	long n = 0;

	truth_check(code && realpath(path, real) && dl_iterate_phdr(make_writable, real),
		    "the library's code can be written");
	start_ns = truth_now_ns();
	for (; code && within(start_ns, seconds); n++) {
		*code = (unsigned char)n;
		*code = was;
	}
	return n;
}

static long obey(const struct truth_opts *opts, char *line)
{
	char verb[16] = "", text[LINE_BYTES] = "";
	double number = 0;

	sscanf(line, "%15s %lf %1023s", verb, &number, text);
	if (!strcmp(verb, "spans"))
		return spans(opts, (long)number);
	if (!strcmp(verb, "streams"))
		return streams((long)number);
	if (!strcmp(verb, "forks"))
		return forks(number);
	if (!strcmp(verb, "threads"))
		return threads(number);
	if (!strcmp(verb, "maps"))
		return maps(number);
	if (!strcmp(verb, "hold"))
		return hold((long)number);
	if (!strcmp(verb, "loads"))
		return loads(number, text);
	if (!strcmp(verb, "execs"))
		return execs(number);
	if (!strcmp(verb, "names"))
		return names((long)number);
	if (!strcmp(verb, "mutate"))
		return mutate(number, text);
	return -1;
}

int main(int argc, char **argv)
{
	struct truth_opts opts;
	char line[2 * LINE_BYTES];

	truth_init(&opts, argc, argv);
	flood_fn = truth_fn("stage_flood");
	open_fn = truth_fn("stage_open");
	truth_ready(&opts);
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n")) {
		printf("done %ld\n", obey(&opts, line));
		fflush(stdout);
	}
	stage_output(0);
	return truth_finish();
}
