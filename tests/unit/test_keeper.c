/* SPDX-License-Identifier: GPL-2.0-only */
/* The words between session and keeper, and what the keeper does not do
 * whatever it is asked. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cheshire/wire.h"
#include "keeper/channel.h"
#include "keeper/protocol.h"
#include "keeper/server.h"
#include "kernel/uprobe_link.h"

static int decode(const void *data, size_t len)
{
	struct keeper_request out;
	const void *rest;

	return keeper_request_decode(data, len, &out, &rest);
}

static int decode_one(const struct keeper_request *request)
{
	return decode(request, sizeof(*request));
}

static void test_requests(void **state)
{
	struct keeper_request r = {.op = KEEPER_COUNT};

	(void)state;
	assert_int_equal(decode_one(&r), 0);
	assert_int_equal(decode(&r, sizeof(r) - 1), -EPROTO);
	assert_int_equal(decode(&r, 0), -EPROTO);
	r.object = 1;
	assert_int_equal(decode_one(&r), -EPROTO);
	r = (struct keeper_request){.op = 0};
	assert_int_equal(decode_one(&r), -EPROTO);
	r.op = KEEPER_OPS;
	assert_int_equal(decode_one(&r), -EPROTO);
	r = (struct keeper_request){.op = KEEPER_LOAD, .load = {.stages_n = WIRE_STAGES_MAX}};
	assert_int_equal(decode_one(&r), 0);
	r.load.stages_n++;
	assert_int_equal(decode_one(&r), -EPROTO);
	r = (struct keeper_request){.op = KEEPER_LOAD, .load = {.datagrams = 2}};
	assert_int_equal(decode_one(&r), -EPROTO);
	r = (struct keeper_request){.op = KEEPER_LOAD, .load = {.python = 2}};
	assert_int_equal(decode_one(&r), -EPROTO);
	r = (struct keeper_request){.op = KEEPER_MAPS, .maps = PROCESS_MAPS_WAYS};
	assert_int_equal(decode_one(&r), -EPROTO);
	r = (struct keeper_request){.op = KEEPER_ALLOC_LOAD};
	assert_int_equal(decode_one(&r), 0);
	r.object = 1;
	assert_int_equal(decode_one(&r), -EPROTO);

	r = (struct keeper_request){.op = KEEPER_TICKS, .ticks_hz = 0};
	assert_int_equal(decode_one(&r), 0);
	r.ticks_hz = WIRE_PYTHON_HZ_MIN;
	assert_int_equal(decode_one(&r), 0);
	r.ticks_hz = WIRE_PYTHON_HZ_MIN - 1;
	assert_int_equal(decode_one(&r), -EPROTO);
	r.ticks_hz = WIRE_PYTHON_HZ_MAX + 1;
	assert_int_equal(decode_one(&r), -EPROTO);
}

static void test_watchpoints(void **state)
{
	struct keeper_request r = {.op = KEEPER_WATCH,
				   .watch = {4096, 8, 3, WATCHPOINT_TOUCHES, 1}};

	(void)state;
	assert_int_equal(decode_one(&r), 0);
	r.watch.slot = WATCHPOINTS_MAX;
	assert_int_equal(decode_one(&r), -EPROTO);
	r.watch.slot = 0;
	r.watch.kind++;
	assert_int_equal(decode_one(&r), -EPROTO);
	r.watch.kind = WATCHPOINT_WRITES;
	r.watch.python = 2;
	assert_int_equal(decode_one(&r), -EPROTO);
	r.watch.python = 0;
	r.watch.length = 3;
	assert_int_equal(decode_one(&r), -EPROTO);
	r.watch.length = 16;
	assert_int_equal(decode_one(&r), -EPROTO);
	r.watch.length = 8;
	r.watch.address = 4100;
	assert_int_equal(decode_one(&r), -EPROTO);
	r.watch.length = 4;
	assert_int_equal(decode_one(&r), 0);
	r.watch.address = UINT64_MAX - 3;
	assert_int_equal(decode_one(&r), -EPROTO);
	/* The end of one: nothing else is said. */
	r.watch = (typeof(r.watch)){.slot = 1};
	assert_int_equal(decode_one(&r), 0);
	r.watch.address = 4096;
	assert_int_equal(decode_one(&r), -EPROTO);
	r = (struct keeper_request){.op = KEEPER_WATCHED, .slot = WATCHPOINTS_MAX};
	assert_int_equal(decode_one(&r), -EPROTO);
	r.slot--;
	assert_int_equal(decode_one(&r), 0);
}

static void test_files_and_memory(void **state)
{
	struct keeper_request r = {.op = KEEPER_FILE, .file = {.which = PROCESS_FILE_IO}};

	(void)state;
	assert_int_equal(decode_one(&r), 0);
	/* Files of threads name one, the others none. */
	r.file.tid = 1;
	assert_int_equal(decode_one(&r), -EPROTO);
	r.file.which = PROCESS_FILE_THREAD_STAT;
	assert_int_equal(decode_one(&r), 0);
	r.file.tid = UINT32_MAX;
	assert_int_equal(decode_one(&r), -EPROTO);
	r.file.tid = 1;
	r.file.which = PROCESS_FILES;
	assert_int_equal(decode_one(&r), -EPROTO);
	r = (struct keeper_request){.op = KEEPER_MEMORY, .memory = {4096, KEEPER_MEMORY_MAX}};
	assert_int_equal(decode_one(&r), 0);
	r.memory.length++;
	assert_int_equal(decode_one(&r), -EPROTO);
	r.memory.length = 0;
	assert_int_equal(decode_one(&r), -EPROTO);
	r.memory.address = UINT64_MAX - 1;
	r.memory.length = 2;
	assert_int_equal(decode_one(&r), -EPROTO);
	r = (struct keeper_request){.op = KEEPER_FACTS, .facts = {8192, 4096, 0}};
	assert_int_equal(decode_one(&r), -EPROTO);
	r.facts = (struct process_file_ref){4096, 8192, 0};
	assert_int_equal(decode_one(&r), 0);
	r.facts.fd = 3;
	assert_int_equal(decode_one(&r), -EPROTO);
}

struct attach_request {
	struct keeper_request head;
	struct keeper_probe probes[KEEPER_PROBES_MAX + 1];
};

static void test_attach_requests(void **state)
{
	struct attach_request *a = calloc(1, sizeof(*a));
	const size_t one = sizeof(a->head) + sizeof(a->probes[0]);

	(void)state;
	assert_non_null(a);
	a->head = (struct keeper_request){.op = KEEPER_ATTACH, .attach = {LOADER_EXIT, 0, 1}};
	a->probes[0].len = 1;
	assert_int_equal(decode(a, one), 0);
	assert_int_equal(decode(a, one - 1), -EPROTO);
	assert_int_equal(decode(a, one + sizeof(a->probes[0])), -EPROTO);
	a->probes[0].len = INSN_MAX_BYTES + 1;
	assert_int_equal(decode(a, one), -EPROTO);
	/* Any place will do for a uretprobe only. */
	a->probes[0].len = 0;
	assert_int_equal(decode(a, one), -EPROTO);
	a->head.attach.uretprobe = 1;
	assert_int_equal(decode(a, one), 0);
	a->probes[0].offset = 1ULL << 63;
	assert_int_equal(decode(a, one), -EPROTO);
	a->probes[0].offset = 0;
	a->head.attach.prog = KEEPER_PROGS;
	assert_int_equal(decode(a, one), -EPROTO);
	a->head.attach.prog = 0;
	a->head.attach.n = 0;
	assert_int_equal(decode(a, sizeof(a->head)), -EPROTO);
	a->head.attach.n = KEEPER_PROBES_MAX + 1;
	assert_int_equal(decode(a, sizeof(*a)), -EPROTO);
	a->head.attach.n = UINT32_MAX;
	assert_int_equal(decode(a, sizeof(*a)), -EPROTO);
	free(a);
}

static void test_replies(void **state)
{
	struct {
		struct keeper_reply head;
		char bytes[64];
	} m = {.head = {.op = KEEPER_MEMORY, .data_bytes = 8}};
	const size_t len = sizeof(m.head) + 8;
	struct keeper_reply out;
	const void *bytes;

	(void)state;
	assert_int_equal(keeper_reply_decode(&m, len, 0, KEEPER_MEMORY, &out, &bytes), 0);
	assert_ptr_equal(bytes, m.bytes);
	assert_int_equal(keeper_reply_decode(&m, len, 0, KEEPER_FILE, &out, &bytes), -EPROTO);
	assert_int_equal(keeper_reply_decode(&m, len - 1, 0, KEEPER_MEMORY, &out, &bytes), -EPROTO);
	assert_int_equal(keeper_reply_decode(&m, len, 1, KEEPER_MEMORY, &out, &bytes), -EPROTO);
	m.head.err = 1;
	assert_int_equal(keeper_reply_decode(&m, len, 0, KEEPER_MEMORY, &out, &bytes), -EPROTO);
	m.head.err = -4096;
	assert_int_equal(keeper_reply_decode(&m, len, 0, KEEPER_MEMORY, &out, &bytes), -EPROTO);
	m.head.err = -EPERM;
	assert_int_equal(keeper_reply_decode(&m, len, 0, KEEPER_MEMORY, &out, &bytes), 0);
	assert_int_equal(out.err, -EPERM);
	assert_int_equal(keeper_reply_decode(&m, len, 1, KEEPER_MEMORY, &out, &bytes), -EPROTO);
	m.head = (struct keeper_reply){.op = KEEPER_OBJECT};
	assert_int_equal(keeper_reply_decode(&m, sizeof(m.head), 1, KEEPER_OBJECT, &out, &bytes),
			 0);
	assert_int_equal(keeper_reply_decode(&m, sizeof(m.head), 0, KEEPER_OBJECT, &out, &bytes),
			 -EPROTO);
	m.head.op = KEEPER_ALLOC_LOAD;
	assert_int_equal(
		keeper_reply_decode(&m, sizeof(m.head), 2, KEEPER_ALLOC_LOAD, &out, &bytes), 0);
	assert_int_equal(
		keeper_reply_decode(&m, sizeof(m.head), 1, KEEPER_ALLOC_LOAD, &out, &bytes),
		-EPROTO);
}

static void fill_handles(struct loader_handles *h)
{
	memset(h, 0, sizeof(*h));
	h->multi = true;
	h->maps_n = 5;
	for (int i = 0; i < 5; i++)
		h->maps[i] = i == 2 ? -1 : 100 + i;
	for (int i = 0; i < LOADER_LINKS; i++)
		h->links[i] = i == 1 ? -ENOENT : 200 + i;
}

static void test_loaded(void **state)
{
	struct calibration calibration = {.trap = {{1, 2}, {3, 4}}}, got_calibration;
	struct loader_handles handles, got;
	struct keeper_loaded loaded;
	int fds[KEEPER_FDS_MAX];
	size_t n;

	(void)state;
	fill_handles(&handles);
	n = keeper_loaded_encode(&handles, &calibration, &loaded, fds);
	assert_int_equal(n, 4 + LOADER_LINKS - 1);
	assert_int_equal(
		keeper_loaded_decode(&loaded, sizeof(loaded), fds, n, &got, &got_calibration), 0);
	assert_memory_equal(&got, &handles, sizeof(got));
	assert_memory_equal(&got_calibration, &calibration, sizeof(calibration));
	/* One that nobody wants, one that two want, one that did not come. */
	assert_int_equal(
		keeper_loaded_decode(&loaded, sizeof(loaded), fds, n + 1, &got, &got_calibration),
		-EPROTO);
	assert_int_equal(
		keeper_loaded_decode(&loaded, sizeof(loaded), fds, n - 1, &got, &got_calibration),
		-EPROTO);
	loaded.maps[0] = loaded.maps[1];
	assert_int_equal(
		keeper_loaded_decode(&loaded, sizeof(loaded), fds, n, &got, &got_calibration),
		-EPROTO);
	loaded.maps_n = LOADER_MAPS_MAX + 1;
	assert_int_equal(
		keeper_loaded_decode(&loaded, sizeof(loaded), fds, n, &got, &got_calibration),
		-EPROTO);
	assert_int_equal(
		keeper_loaded_decode(&loaded, sizeof(loaded) - 1, fds, n, &got, &got_calibration),
		-EPROTO);
}

static void test_channel(void **state)
{
	const struct iovec part = {(void *)"hello", 5};
	int ends[2], null = open("/dev/null", O_RDONLY), fds[2];
	size_t len, n = 2;
	char buf[16];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(channel_receive(ends[1], 1, buf, sizeof(buf), &len, fds, &n), -ETIMEDOUT);
	assert_int_equal(channel_send(ends[0], &part, 1, (int[]){null, null}, 2), 0);
	n = 2;
	assert_int_equal(channel_receive(ends[1], -1, buf, sizeof(buf), &len, fds, &n), 0);
	assert_int_equal(len, 5);
	assert_int_equal(n, 2);
	assert_int_equal(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	close(fds[0]);
	close(fds[1]);
	/* More than there is room for, and where none are taken. */
	assert_int_equal(channel_send(ends[0], &part, 1, (int[]){null, null}, 2), 0);
	n = 1;
	assert_int_equal(channel_receive(ends[1], -1, buf, sizeof(buf), &len, fds, &n), -EMSGSIZE);
	assert_int_equal(n, 0);
	assert_int_equal(channel_send(ends[0], &part, 1, &null, 1), 0);
	assert_int_equal(channel_receive(ends[1], -1, buf, sizeof(buf), &len, NULL, NULL),
			 -EMSGSIZE);
	assert_int_equal(channel_send(ends[0], &part, 1, NULL, 0), 0);
	assert_int_equal(channel_receive(ends[1], -1, buf, 3, &len, NULL, NULL), -EMSGSIZE);
	close(ends[0]);
	assert_int_equal(channel_receive(ends[1], -1, buf, sizeof(buf), &len, NULL, NULL), -EPIPE);
	assert_int_equal(channel_send(ends[1], &part, 1, NULL, 0), -EPIPE);
	close(ends[1]);
	close(null);
}

/* --- a keeper of a child that does nothing; answers are read from the other
 * end --- */

static char heap_secret[64] = "not for everybody";

struct keeping {
	struct keeper_opts opts;
	struct keeper_server server;
	int session;
	pid_t child;
	struct keeper_reply reply;
	const void *bytes;
	int fds[KEEPER_FDS_MAX];
	size_t fds_n;
	char buffer[KEEPER_REPLY_MAX];
};

static int set_up(void **state)
{
	struct keeping *k = calloc(1, sizeof(*k));
	int ends[2];

	assert_non_null(k);
	k->child = fork();
	if (!k->child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	k->session = ends[0];
	k->server.channel = ends[1];
	k->server.opts = &k->opts;
	assert_int_equal(process_open(&k->server.proc, k->child), 0);
	*state = k;
	return 0;
}

static int tear_down(void **state)
{
	struct keeping *k = *state;

	kill(k->child, SIGKILL);
	waitpid(k->child, NULL, 0);
	process_close(&k->server.proc);
	object_table_free(&k->server.objects);
	close(k->session);
	close(k->server.channel);
	free(k);
	return 0;
}

static int ask(struct keeping *k, const void *request, size_t len)
{
	size_t got;

	k->fds_n = KEEPER_FDS_MAX;
	assert_int_equal(keeper_answer(&k->server, request, len), 0);
	assert_int_equal(channel_receive(k->session, 1000, k->buffer, sizeof(k->buffer), &got,
					 k->fds, &k->fds_n),
			 0);
	assert_true(got >= sizeof(k->reply));
	memcpy(&k->reply, k->buffer, sizeof(k->reply));
	k->bytes = k->buffer + sizeof(k->reply);
	return k->reply.err;
}

static int ask_for(struct keeping *k, const struct keeper_request *request)
{
	return ask(k, request, sizeof(*request));
}

static void read_maps(struct keeping *k, enum process_maps how)
{
	const struct keeper_request r = {.op = KEEPER_MAPS, .maps = how};

	assert_int_equal(ask_for(k, &r), 0);
	assert_int_equal(k->fds_n, 1);
	close(k->fds[0]);
}

static void test_answers_everything(void **state)
{
	struct keeping *k = *state;
	const struct keeper_request unknown = {.op = 77};

	assert_int_equal(ask(k, "x", 1), -EPROTO);
	assert_int_equal(ask_for(k, &unknown), -EPROTO);
	assert_int_equal(k->reply.op, 77);
}

static void test_objects(void **state)
{
	struct keeping *k = *state;
	struct keeper_request r = {.op = KEEPER_OBJECT};
	struct stat exe, got;
	bool found = false;

	/* None before the maps were read, and only those in them. */
	assert_int_equal(ask_for(k, &r), -ENOENT);
	read_maps(k, PROCESS_MAPS_LOOK);
	assert_int_equal(k->server.objects.n_objects, 0);
	read_maps(k, PROCESS_MAPS_FRESH);
	assert_true(k->server.objects.n_objects > 1);
	assert_int_equal(stat("/proc/self/exe", &exe), 0);
	for (; r.object < k->server.objects.n_objects; r.object++) {
		assert_int_equal(ask_for(k, &r), 0);
		assert_int_equal(k->fds_n, 1);
		assert_int_equal(fcntl(k->fds[0], F_GETFL) & O_ACCMODE, O_RDONLY);
		assert_int_equal(fstat(k->fds[0], &got), 0);
		found |= got.st_ino == exe.st_ino && got.st_dev == exe.st_dev;
		close(k->fds[0]);
	}
	assert_true(found);
	assert_int_equal(ask_for(k, &r), -ENOENT);
	r.object = UINT32_MAX;
	assert_int_equal(ask_for(k, &r), -ENOENT);
}

static void test_memory(void **state)
{
	struct keeping *k = *state;
	struct keeper_request code = {.op = KEEPER_MEMORY, .memory = {(uintptr_t)test_memory, 64}};
	struct keeper_request data = {.op = KEEPER_MEMORY, .memory = {(uintptr_t)heap_secret, 64}};
	int words = 0;

	/* What the code is says the table. */
	assert_int_equal(ask_for(k, &code), -EPERM);
	read_maps(k, PROCESS_MAPS_FRESH);
	assert_int_equal(ask_for(k, &code), 0);
	assert_memory_equal(k->bytes, (const void *)test_memory, 64);
	assert_int_equal(ask_for(k, &data), -EPERM);
	assert_int_equal(k->reply.data_bytes, 0);
	data.memory.length = KEEPER_WORD_MAX;
	assert_int_equal(ask_for(k, &data), 0);
	/* Not word by word either. */
	while (words < 40000 && !ask_for(k, &data))
		words++;
	assert_int_equal(k->reply.err, -EBUSY);
	assert_true(words > 1000);
	/* Code is not words. */
	assert_int_equal(ask_for(k, &code), 0);
}

struct scatter_request {
	struct keeper_request head;
	struct keeper_piece pieces[3];
};

static void test_objects_in_the_heap(void **state)
{
	struct keeping *k = *state;
	struct scatter_request r = {
		.head = {.op = KEEPER_SCATTER, .scatter = {3}},
		.pieces = {{(uintptr_t)heap_secret, 5, 0},
			   {16, 8, 0},
			   {(uintptr_t)heap_secret + 5, sizeof(heap_secret) - 5, 0}}};
	const struct keeper_request ticks = {.op = KEEPER_TICKS, .ticks_hz = WIRE_PYTHON_HZ};
	const char *answer;

	/* Not without the configuration's asking for it at the start; nothing is loaded either. */
	assert_int_equal(ask(k, &ticks, sizeof(ticks)), -EPERM);
	assert_int_equal(ask(k, &r, sizeof(r)), -EPERM);
	k->opts.objects = true;
	assert_int_equal(ask(k, &ticks, sizeof(ticks)), -EINVAL);
	assert_int_equal(ask(k, &r, sizeof(r)), 0);
	assert_int_equal(k->reply.data_bytes, 3 + sizeof(heap_secret) + 8);
	answer = k->bytes;
	assert_memory_equal(answer, "\0\1\0", 3);
	assert_memory_equal(answer + 3, heap_secret, 5);
	assert_memory_equal(answer + 3 + 5, "\0\0\0\0\0\0\0\0", 8);
	assert_memory_equal(answer + 3 + 13, heap_secret + 5, sizeof(heap_secret) - 5);
	kill(k->child, SIGKILL);
	waitpid(k->child, NULL, 0);
	assert_int_equal(ask(k, &r, sizeof(r)), -ESRCH);
}

static volatile uint64_t watched_word;

/* Two that know nothing of each other ask for watchpoints: neither gets the other's. */
static void test_watch_of_a_slot_that_is_taken(void **state)
{
	struct keeping *k = *state;
	struct keeper_request r = {.op = KEEPER_WATCH,
				   .watch = {(uintptr_t)&watched_word, 8, 1, WATCHPOINT_WRITES, 0}};
	const struct keeper_request off = {.op = KEEPER_WATCH, .watch = {.slot = 1}};
	const struct keeper_request look = {.op = KEEPER_WATCHED, .slot = 1};
	int err;

	k->opts.leaks = true;
	err = ask_for(k, &r);
	if (err == -EOPNOTSUPP || err == -EPERM || err == -EACCES) {
		print_message("no watchpoint to be had: %s\n", strerror(-err));
		skip();
	}
	assert_int_equal(err, 0);
	assert_int_equal(ask_for(k, &r), -EBUSY);
	assert_int_equal(ask_for(k, &look), 0);
	assert_int_equal(ask_for(k, &off), 0);
	assert_int_equal(ask_for(k, &look), -ENOENT);
	assert_int_equal(ask_for(k, &r), 0);
	assert_int_equal(ask_for(k, &off), 0);
}

static void test_scatter_requests(void **state)
{
	struct scatter_request r = {.head = {.op = KEEPER_SCATTER, .scatter = {2}},
				    .pieces = {{4096, 1, 0}, {UINT64_MAX - 1, 1, 0}}};
	const size_t two = sizeof(r) - sizeof(r.pieces[0]);

	(void)state;
	assert_int_equal(decode(&r, two), 0);
	assert_int_equal(decode(&r, two - 1), -EPROTO);
	assert_int_equal(decode(&r, sizeof(r)), -EPROTO);
	r.pieces[1].length = 2;
	assert_int_equal(decode(&r, two), -EPROTO);
	r.pieces[1] = (struct keeper_piece){4096, KEEPER_MEMORY_MAX - 1, 0};
	assert_int_equal(decode(&r, two), 0);
	r.pieces[1].length++;
	assert_int_equal(decode(&r, two), -EPROTO);
	r.pieces[1].length = UINT32_MAX;
	assert_int_equal(decode(&r, two), -EPROTO);
	r.pieces[1] = (struct keeper_piece){4096, 1, 1};
	assert_int_equal(decode(&r, two), -EPROTO);
	r.pieces[1] = (struct keeper_piece){4096, 0, 0};
	assert_int_equal(decode(&r, two), -EPROTO);
	r.head.scatter.n = 0;
	assert_int_equal(decode(&r, sizeof(r.head)), -EPROTO);
	r.head.scatter.n = KEEPER_PIECES_MAX + 1;
	assert_int_equal(decode(&r, sizeof(r)), -EPROTO);
	r.head.scatter.n = UINT32_MAX;
	assert_int_equal(decode(&r, sizeof(r)), -EPROTO);
}

static void test_detach_requests(void **state)
{
	struct {
		struct keeper_request head;
		uint64_t numbers[2];
	} r = {.head = {.op = KEEPER_DETACH, .detach = {2}}, .numbers = {0, UINT64_MAX}};

	(void)state;
	assert_int_equal(decode(&r, sizeof(r)), 0);
	assert_int_equal(decode(&r, sizeof(r) - 1), -EPROTO);
	assert_int_equal(decode(&r, sizeof(r) - sizeof(uint64_t)), -EPROTO);
	r.head.object = 1;
	assert_int_equal(decode(&r, sizeof(r)), -EPROTO);
	r.head.object = 0;
	r.head.detach.n = 0;
	assert_int_equal(decode(&r, sizeof(r.head)), -EPROTO);
	r.head.detach.n = KEEPER_DETACH_MAX + 1;
	assert_int_equal(decode(&r, sizeof(r)), -EPROTO);
	r.head.detach.n = UINT32_MAX;
	assert_int_equal(decode(&r, sizeof(r)), -EPROTO);
}

/* A link of a pipe: its other end tells whether it was let go. */
static struct uprobe_link *link_of_pipe(int *end)
{
	const struct uprobe_holder none = {};
	struct uprobe_link *link;
	struct uprobe_parts parts = {.fds_n = 1, .probes_n = 1};
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	parts.fds = &ends[1];
	assert_int_equal(uprobe_link__adopt(&parts, &none, &link), 0);
	*end = ends[0];
	return link;
}

static bool is_held(int end)
{
	char byte;

	return read(end, &byte, 1) < 0 && errno == EAGAIN;
}

static void test_links_are_kept(void **state)
{
	struct keeping *k = *state;
	struct {
		struct keeper_request head;
		uint64_t numbers[3];
	} r = {.head = {.op = KEEPER_DETACH, .detach = {3}}};
	uint64_t numbers[4];
	int ends[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(
			keeper_server_keep_link(&k->server, link_of_pipe(&ends[i]), &numbers[i]),
			0);
	/* One twice, and one that was never there: the others are off all the same. */
	r.numbers[0] = r.numbers[1] = numbers[1];
	r.numbers[2] = numbers[3] + 1;
	assert_int_equal(ask(k, &r, sizeof(r)), -ENOENT);
	assert_true(is_held(ends[0]) && !is_held(ends[1]) && is_held(ends[2]) && is_held(ends[3]));
	/* A number is not given again. */
	close(ends[1]);
	assert_int_equal(keeper_server_keep_link(&k->server, link_of_pipe(&ends[1]), &r.numbers[2]),
			 0);
	assert_int_not_equal(r.numbers[2], numbers[1]);
	r.numbers[0] = numbers[0];
	r.numbers[1] = numbers[3];
	assert_int_equal(ask(k, &r, sizeof(r)), 0);
	assert_int_equal(k->fds_n, 0);
	assert_true(!is_held(ends[0]) && !is_held(ends[1]) && is_held(ends[2]) &&
		    !is_held(ends[3]));
	keeper_server_detach_all(&k->server);
	assert_false(is_held(ends[2]));
	for (int i = 0; i < 4; i++)
		close(ends[i]);
}

static void test_links_are_bounded(void **state)
{
	struct keeping *k = *state;
	uint64_t number;
	int end, more;

	for (size_t i = 0; i < KEEPER_LINKS_MAX; i++) {
		const struct uprobe_parts nothing = {.probes_n = 1};
		const struct uprobe_holder none = {};
		struct uprobe_link *link;

		assert_int_equal(uprobe_link__adopt(&nothing, &none, &link), 0);
		assert_int_equal(keeper_server_keep_link(&k->server, link, &number), 0);
	}
	assert_int_equal(keeper_server_keep_link(&k->server, link_of_pipe(&end), &number), -ENOSPC);
	assert_false(is_held(end));
	close(end);
	keeper_server_detach_all(&k->server);
	assert_int_equal(keeper_server_keep_link(&k->server, link_of_pipe(&more), &number), 0);
	assert_true(is_held(more));
	keeper_server_detach_all(&k->server);
	close(more);
}

static void test_files(void **state)
{
	struct keeping *k = *state;
	struct keeper_request r = {.op = KEEPER_FILE, .file = {.which = PROCESS_FILE_EXE}};
	char exe[256];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe));

	assert_int_equal(ask_for(k, &r), 0);
	assert_int_equal(k->reply.data_bytes, n);
	assert_memory_equal(k->bytes, exe, (size_t)n);
	r.file.which = PROCESS_FILE_IO;
	assert_int_equal(ask_for(k, &r), 0);
	assert_non_null(memmem(k->bytes, k->reply.data_bytes, "read_bytes: ", 12));
	/* A thread of ours is none of the target's. */
	r.file.which = PROCESS_FILE_THREAD_STAT;
	r.file.tid = (uint32_t)getpid();
	assert_int_equal(ask_for(k, &r), -ESRCH);
	r.file.tid = (uint32_t)k->child;
	assert_int_equal(ask_for(k, &r), 0);
}

static int attach_at(struct keeping *k, uint32_t object, uint64_t offset, const void *code,
		     size_t len, bool uretprobe)
{
	struct {
		struct keeper_request head;
		struct keeper_probe probe;
	} a = {.head = {.op = KEEPER_ATTACH,
			.object = object,
			.attach = {LOADER_ENTER, uretprobe, 1}},
	       .probe = {.offset = offset, .len = (uint8_t)len}};

	memcpy(a.probe.bytes, code, len);
	return ask(k, &a, sizeof(a));
}

static void test_nothing_loaded(void **state)
{
	const struct keeper_request alloc = {.op = KEEPER_ALLOC_LOAD};
	struct keeping *k = *state;

	read_maps(k, PROCESS_MAPS_FRESH);
	assert_int_equal(attach_at(k, 0, 0, "\x90", 1, false), -EINVAL);
	/* Stacks are copied only where leaks are hunted for, as was said at the start. */
	assert_int_equal(ask_for(k, &alloc), -EPERM);
	k->opts.leaks = true;
	assert_int_equal(ask_for(k, &alloc), -EINVAL);
}

static void test_target_gone(void **state)
{
	const struct keeper_request file = {.op = KEEPER_FILE, .file = {.which = PROCESS_FILE_IO}};
	const struct keeper_request maps = {.op = KEEPER_MAPS};
	struct keeping *k = *state;

	kill(k->child, SIGKILL);
	assert_int_equal(waitpid(k->child, NULL, 0), k->child);
	assert_int_equal(ask_for(k, &file), -ESRCH);
	assert_int_equal(ask_for(k, &maps), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_watchpoints),
		cmocka_unit_test(test_files_and_memory),
		cmocka_unit_test(test_scatter_requests),
		cmocka_unit_test(test_detach_requests),
		cmocka_unit_test(test_attach_requests),
		cmocka_unit_test(test_replies),
		cmocka_unit_test(test_loaded),
		cmocka_unit_test(test_channel),
		cmocka_unit_test_setup_teardown(test_answers_everything, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_objects, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_memory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_objects_in_the_heap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_watch_of_a_slot_that_is_taken, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_links_are_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_links_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_loaded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_target_gone, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
