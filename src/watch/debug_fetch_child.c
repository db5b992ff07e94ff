/* SPDX-License-Identifier: GPL-2.0-only */
#include "watch/debug_fetch_child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "keeper/channel.h"
#include "keeper/privileges.h"
#include "log/log.h"
#include "stacks/debug_files.h"
#include "target/debug_file.h"
#include "target/elf_file.h"
#include "target/process.h"
#include "watch/clock.h"
#include "watch/debuginfod_client.h"

#define SECOND_NS 1000000000ULL
#define SAY_NS	  (5 * SECOND_NS)
#define MB	  1e6
/* Objects whose files are opened: more are not looked at. */
#define OPENED_MAX 512
/* Seconds without 100 kB, after which the library gives a server up. */
#define STALLED_S 20
/* In a row, after which no more is asked for. */
#define FAILED_MAX 3

struct wanted {
	const char *name; /* the target's choice */
	uint8_t build_id[OBJECT_BUILD_ID_MAX];
	size_t build_id_len;
};

struct fetching {
	struct object_table objects;
	int channel;
	struct debuginfod_client_library *library;
	struct wanted wanted[DEBUG_FILES_MAX];
	size_t wanted_n, left_out, without_id;
	size_t fetched_n, unknown_n, failed_n;
	size_t failed_in_a_row;
	uint64_t bytes;
	const struct wanted *current;
	uint64_t end_ns, file_end_ns, say_ns;
};

static void on_progress_say(struct fetching *f, uint64_t now_ns, uint64_t bytes, uint64_t total)
{
	if (now_ns < f->say_ns)
		return;
	f->say_ns = now_ns + SAY_NS;
	if (total)
		log_info("debuginfod: %s: %.1f of %.1f MB", f->current->name, (double)bytes / MB,
			 (double)total / MB);
	else
		log_info("debuginfod: %s: waiting, %.1f MB so far", f->current->name,
			 (double)bytes / MB);
}

static int on_progress(void *ctx, uint64_t bytes, uint64_t total)
{
	struct fetching *f = ctx;
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);

	on_progress_say(f, now_ns, bytes, total);
	return now_ns > f->file_end_ns || now_ns > f->end_ns;
}

/* While there are privileges: files are opened, and not looked into. */
static int open_objects(struct fetching *f, const struct process *proc)
{
	size_t opened = 0;
	int err = object_table_read(&f->objects, proc);

	for (size_t i = 0; !err && i < f->objects.n_objects && opened < OPENED_MAX; i++) {
		struct object *obj = f->objects.objects[i];

		obj->fd = object_open_file(obj, proc);
		opened += obj->fd >= 0;
	}
	return err;
}

/* What the session has open is none of the child's, nor is its stdout. */
static void close_others(const struct process *proc)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	close(proc->dirfd);
	if (proc->pidfd >= 0)
		close(proc->pidfd);
	if (null < 0)
		return;
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	close(null);
}

/* Whole seconds or bytes; what the operator has set stays if it is less. */
static void limit(const char *name, unsigned long long most)
{
	const char *given = getenv(name);
	unsigned long long value = given ? strtoull(given, NULL, 10) : 0;
	char text[32];

	snprintf(text, sizeof(text), "%llu", value && value < most ? value : most);
	setenv(name, text, 1);
}

static int confine(const char *dir)
{
	const struct rlimit size = {DEBUG_FILE_BYTES_MAX, DEBUG_FILE_BYTES_MAX};
	int err = privileges_give_up();

	if (err)
		return err;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &size) || setenv("DEBUGINFOD_CACHE_PATH", dir, 1))
		return -errno;
	limit("DEBUGINFOD_TIMEOUT", STALLED_S);
	limit("DEBUGINFOD_MAXTIME", DEBUG_FETCH_FILE_S);
	limit("DEBUGINFOD_MAXSIZE", DEBUG_FILE_BYTES_MAX);
	unsetenv("DEBUGINFOD_PROGRESS");
	unsetenv("DEBUGINFOD_VERBOSE");
	return 0;
}

/* Has the host itself all that there is? */
static bool has_debug_information(const struct elf_file *elf)
{
	const Elf64_Shdr *info = elf_file_section(elf, ".debug_info");
	int fd = info && info->sh_type != SHT_NOBITS ? -1 : debug_file_open(elf);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || (info && info->sh_type != SHT_NOBITS);
}

static void look_into(struct fetching *f, const struct object *obj)
{
	struct wanted *wanted = &f->wanted[f->wanted_n];
	struct elf_file elf;

	if (elf_file_open(&elf, obj->fd))
		return;
	if (has_debug_information(&elf)) {
		elf_file_close(&elf);
		return;
	}
	if (f->wanted_n < DEBUG_FILES_MAX) {
		wanted->name = obj->basename;
		wanted->build_id_len =
			elf_file_build_id(&elf, wanted->build_id, sizeof(wanted->build_id));
		if (wanted->build_id_len < 2)
			f->without_id++;
		else
			f->wanted_n++;
	} else {
		f->left_out++;
	}
	elf_file_close(&elf);
}

static void look_into_all(struct fetching *f)
{
	for (size_t i = 0; i < f->objects.n_objects; i++)
		if (f->objects.objects[i]->fd >= 0) {
			look_into(f, f->objects.objects[i]);
			object_close(f->objects.objects[i]);
		}
	if (f->without_id)
		log_debug("debuginfod: %zu modules have no build-id", f->without_id);
	if (f->left_out)
		log_warn("debuginfod: no debug files are asked for of %zu more modules",
			 f->left_out);
}

/* A file that was cut has no sections any more: they are listed at its end. */
static int check_sections(int fd)
{
	struct elf_file elf;
	int err = elf_file_open(&elf, fd);

	if (err)
		return err;
	if (!elf_file_section(&elf, ".debug_info") && !elf_file_section(&elf, ".symtab"))
		err = -ENODATA;
	elf_file_close(&elf);
	return err;
}

/* What came is the file that was asked for, and fits. */
static int check(struct fetching *f, int fd)
{
	struct stat st;
	int err;

	if (fstat(fd, &st))
		return -errno;
	if (f->bytes + (uint64_t)st.st_size > DEBUG_FILES_BYTES_TOTAL)
		return -E2BIG;
	f->bytes += (uint64_t)st.st_size;
	err = debug_file_check(fd, f->current->build_id, f->current->build_id_len);
	return err ?: check_sections(fd);
}

static int hand_over(struct fetching *f, int fd)
{
	struct debug_fetch_found found = {.build_id_len = (uint32_t)f->current->build_id_len};
	const struct iovec part = {&found, sizeof(found)};

	memcpy(found.build_id, f->current->build_id, f->current->build_id_len);
	return channel_send(f->channel, &part, 1, &fd, 1);
}

static void say_failed(struct fetching *f, const char *why)
{
	f->failed_n++;
	f->failed_in_a_row++;
	log_warn("debuginfod: %s: %s: goes without", f->current->name, why);
}

static void say_not_fetched(struct fetching *f, int err)
{
	char text[64];

	/* The library's word for most of what may go wrong with a transfer, too. */
	if (err == -ENOENT) {
		f->unknown_n++;
		f->failed_in_a_row = 0;
		log_info("debuginfod: %s: its debug file is not to be had", f->current->name);
		return;
	}
	if (err == -ETIME || err == -ETIMEDOUT || clock_ns(CLOCK_MONOTONIC) > f->file_end_ns) {
		say_failed(f, "the server is too slow");
		return;
	}
	snprintf(text, sizeof(text), "it cannot be fetched (%s)", err_str(err));
	say_failed(f, err == -EFBIG ? "its debug file is too large" : text);
}

/* -EPIPE: nobody wants it any more. */
static int use(struct fetching *f, int fd)
{
	int err = check(f, fd);

	if (err == -E2BIG)
		say_failed(f, "the debug files are too large together");
	else if (err == -ENOENT)
		say_failed(f, "the server sent a file of another build-id");
	else if (err == -ENODATA)
		say_failed(f, "the server sent a file without debug information");
	else if (err)
		say_failed(f, "the server sent what is no debug file");
	else
		return hand_over(f, fd);
	return err;
}

static int fetch_one(struct fetching *f, const struct wanted *wanted)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int fd, err;

	f->current = wanted;
	f->file_end_ns = now_ns + DEBUG_FETCH_FILE_S * SECOND_NS;
	f->say_ns = now_ns + SAY_NS;
	fd = debuginfod_client__find(f->library, wanted->build_id, wanted->build_id_len);
	if (fd < 0) {
		say_not_fetched(f, fd);
		return 0;
	}
	err = use(f, fd);
	close(fd);
	if (!err) {
		f->fetched_n++;
		f->failed_in_a_row = 0;
		log_info("debuginfod: %s: fetched in %.1f s", wanted->name,
			 (double)(clock_ns(CLOCK_MONOTONIC) - now_ns) / 1e9);
	}
	return err == -EPIPE ? err : 0;
}

static void fetch_all(struct fetching *f)
{
	size_t i;

	f->end_ns = clock_ns(CLOCK_MONOTONIC) + DEBUG_FETCH_S * SECOND_NS;
	log_info("debuginfod: asking for the debug files of %zu modules", f->wanted_n);
	for (i = 0; i < f->wanted_n; i++) {
		if (clock_ns(CLOCK_MONOTONIC) > f->end_ns || f->failed_in_a_row == FAILED_MAX) {
			log_warn("debuginfod: the servers fail or are too slow: %zu modules go "
				 "without, "
				 "%s the first of them",
				 f->wanted_n - i, f->wanted[i].name);
			break;
		}
		if (fetch_one(f, &f->wanted[i]))
			return;
	}
	log_info("debuginfod: %zu debug files fetched (%.1f MB), %zu not to be had, %zu failed",
		 f->fetched_n, (double)f->bytes / MB, f->unknown_n, f->failed_n);
}

int debug_fetch_child(const struct process *proc, int channel, const char *dir)
{
	struct fetching *f = calloc(1, sizeof(*f));
	const char *why;
	int err = f ? open_objects(f, proc) : -ENOMEM;

	close_others(proc);
	err = err ?: confine(dir);
	if (err) {
		log_warn("debuginfod: nothing can be fetched: %s", err_str(err));
		return 1;
	}
	f->channel = channel;
	/* How far it is, which is the operator's only sign of life. */
	if (log_get_level() < LOG_LEVEL_INFO)
		log_set_level(LOG_LEVEL_INFO);
	look_into_all(f);
	if (!f->wanted_n)
		return 0;
	f->library = debuginfod_client__open(on_progress, f, &why);
	if (!f->library) {
		log_warn("debuginfod: nothing can be fetched: %s (Debian: libdebuginfod1)", why);
		return 1;
	}
	fetch_all(f);
	debuginfod_client__close(f->library);
	return 0;
}
