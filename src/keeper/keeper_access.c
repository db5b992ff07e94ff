/* SPDX-License-Identifier: GPL-2.0-only */
/* keeper_access.c - the session's side: what it sees of the target, it asks the keeper for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper/asking.h"
#include "target/maps.h"

#define TEXT_MAX (64u << 20) /* bytes of maps or of a list of descriptors */

static int read_file(void *ctx, enum process_file file, uint32_t tid, char *buf, size_t size,
		     size_t *len)
{
	const struct keeper_request request = {.op = KEEPER_FILE,
					       .file = {.which = file, .tid = tid}};
	struct keeper *k = ctx;
	int err = keeper_ask(k, &request, NULL, 0);
	size_t n = 0;

	if (!err) {
		n = k->reply.data_bytes < size - 1 ? k->reply.data_bytes : size - 1;
		memcpy(buf, k->bytes, n);
	}
	buf[n] = '\0';
	if (len)
		*len = n;
	return err;
}

static int read_all(int fd, char *buf, size_t len)
{
	for (size_t used = 0; used < len;) {
		ssize_t n = pread(fd, buf + used, len - used, (off_t)used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EPROTO;
		used += (size_t)n;
	}
	buf[len] = '\0';
	return 0;
}

/* The text behind the one descriptor of the answer; terminated. */
static int take_text(struct keeper *k, char **text, size_t *len)
{
	struct stat st;
	int err = fstat(k->fds[0], &st) ? -errno : 0;

	*text = NULL;
	*len = 0;
	if (!err && (uint64_t)st.st_size > TEXT_MAX)
		err = -EFBIG;
	if (!err) {
		*text = malloc((size_t)st.st_size + 1);
		err = *text ? read_all(k->fds[0], *text, (size_t)st.st_size) : -ENOMEM;
	}
	if (!err) {
		*len = (size_t)st.st_size;
	} else {
		free(*text);
		*text = NULL;
	}
	keeper_close_answer(k);
	return err;
}

static int read_maps(void *ctx, enum process_maps how, char **text, size_t *len)
{
	const struct keeper_request request = {.op = KEEPER_MAPS, .maps = how};

	return keeper_ask(ctx, &request, NULL, 0) ?: take_text(ctx, text, len);
}

static int read_descriptors(void *ctx, char **text, size_t *len)
{
	const struct keeper_request request = {.op = KEEPER_DESCRIPTORS};

	return keeper_ask(ctx, &request, NULL, 0) ?: take_text(ctx, text, len);
}

static int read_memory(void *ctx, uint64_t addr, void *buf, size_t len)
{
	struct keeper *k = ctx;

	for (size_t at = 0; at < len; at += KEEPER_MEMORY_MAX) {
		size_t n = len - at < KEEPER_MEMORY_MAX ? len - at : KEEPER_MEMORY_MAX;
		const struct keeper_request request = {
			.op = KEEPER_MEMORY,
			.memory = {.address = addr + at, .length = (uint32_t)n}};
		int err = keeper_ask(k, &request, NULL, 0);

		if (err)
			return err;
		if (k->reply.data_bytes != n)
			return -EPROTO;
		memcpy((char *)buf + at, k->bytes, n);
	}
	return 0;
}

/* As many pieces as fit into one request; returns how many. */
static size_t fill_pieces(const struct process_memory_part *parts, size_t n,
			  struct keeper_piece *pieces, size_t *bytes)
{
	size_t i;

	*bytes = 0;
	for (i = 0; i < n && i < KEEPER_PIECES_MAX; i++) {
		if (*bytes + parts[i].length > KEEPER_MEMORY_MAX)
			break;
		*bytes += parts[i].length;
		pieces[i] = (struct keeper_piece){parts[i].address, parts[i].length, 0};
	}
	return i;
}

static void take_pieces(const char *answer, struct process_memory_part *parts, size_t n)
{
	const char *bytes = answer + n;

	for (size_t i = 0; i < n; i++) {
		parts[i].err = answer[i] ? -EFAULT : 0;
		memcpy(parts[i].buf, bytes, parts[i].length);
		bytes += parts[i].length;
	}
}

/* One request; *done is how many of the parts were in it. */
static int read_pieces(void *ctx, struct process_memory_part *parts, size_t n, size_t *done)
{
	struct keeper_request request = {.op = KEEPER_SCATTER};
	struct keeper_piece pieces[KEEPER_PIECES_MAX];
	struct keeper *k = ctx;
	size_t bytes;
	int err;

	*done = fill_pieces(parts, n, pieces, &bytes);
	request.scatter.n = (uint32_t)*done;
	err = keeper_ask(k, &request, pieces, *done * sizeof(*pieces));
	if (err)
		return err;
	if (k->reply.data_bytes != *done + bytes)
		return -EPROTO;
	take_pieces(k->bytes, parts, *done);
	return 0;
}

static int open_object(void *ctx, const struct object *obj, int *fd)
{
	const struct keeper_request request = {.op = KEEPER_OBJECT, .object = obj->index};
	struct keeper *k = ctx;
	int err = keeper_ask(k, &request, NULL, 0);

	if (!err)
		*fd = k->fds[0];
	return err;
}

static int count_what(void *ctx, enum process_count what, uint32_t *count)
{
	const struct keeper_request request = {.op = KEEPER_COUNT, .count = what};
	struct keeper *k = ctx;
	int err = keeper_ask(k, &request, NULL, 0);

	if (!err)
		memcpy(count, k->bytes, sizeof(*count));
	return err;
}

static int read_facts(void *ctx, const struct process_file_ref *ref,
		      struct process_file_facts *facts)
{
	const struct keeper_request request = {.op = KEEPER_FACTS, .facts = *ref};
	struct keeper *k = ctx;
	int err = keeper_ask(k, &request, NULL, 0);

	if (!err)
		memcpy(facts, k->bytes, sizeof(*facts));
	return err;
}

static int access_file(void *ctx, enum process_file file, uint32_t tid, char *buf, size_t size,
		       size_t *len)
{
	return KEEPER_LOCKED(ctx, read_file(ctx, file, tid, buf, size, len));
}

static int access_maps(void *ctx, enum process_maps how, char **text, size_t *len)
{
	return KEEPER_LOCKED(ctx, read_maps(ctx, how, text, len));
}

static int access_memory(void *ctx, uint64_t addr, void *buf, size_t len)
{
	return KEEPER_LOCKED(ctx, read_memory(ctx, addr, buf, len));
}

static int access_scatter(void *ctx, struct process_memory_part *parts, size_t n)
{
	size_t some = 0;
	int err = 0;

	/* The other thread's questions come in between. */
	for (size_t at = 0; at < n && !err; at += some)
		err = KEEPER_LOCKED(ctx, read_pieces(ctx, parts + at, n - at, &some));
	return err;
}

static int access_object(void *ctx, const struct object *obj, int *fd)
{
	return KEEPER_LOCKED(ctx, open_object(ctx, obj, fd));
}

static int access_count(void *ctx, enum process_count what, uint32_t *count)
{
	return KEEPER_LOCKED(ctx, count_what(ctx, what, count));
}

static int access_descriptors(void *ctx, char **text, size_t *len)
{
	return KEEPER_LOCKED(ctx, read_descriptors(ctx, text, len));
}

static int access_facts(void *ctx, const struct process_file_ref *ref,
			struct process_file_facts *facts)
{
	return KEEPER_LOCKED(ctx, read_facts(ctx, ref, facts));
}

const struct process_access *keeper_access(void)
{
	static const struct process_access access = {
		.read_file = access_file,
		.read_maps = access_maps,
		.read_memory = access_memory,
		.read_scatter = access_scatter,
		.open_object = access_object,
		.count = access_count,
		.read_descriptors = access_descriptors,
		.read_facts = access_facts,
	};

	return &access;
}
