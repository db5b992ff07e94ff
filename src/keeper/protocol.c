/* SPDX-License-Identifier: GPL-2.0-only */
#include "keeper/protocol.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "cheshire/wire.h"

#define TID_MAX (1u << 22)
#define ERR_MAX 4095

_Static_assert(sizeof(struct keeper_probe) == 40, "a probe has no padding");
_Static_assert(sizeof(struct keeper_piece) == 16, "a piece has no padding");
_Static_assert(sizeof(struct keeper_request) == 40, "a request has no padding");

static bool load_is_sound(const struct keeper_request *r)
{
	return r->load.stages_n <= WIRE_STAGES_MAX && r->load.cached_n <= WIRE_STAGES_MAX &&
	       r->load.datagrams <= 1 && r->load.statements <= 1 && r->load.python <= 1;
}

static bool probes_are_sound(const struct keeper_request *r, const struct keeper_probe *probes)
{
	if (r->attach.prog >= KEEPER_PROGS || r->attach.prog == LOADER_PYTHON_TICK ||
	    r->attach.prog == LOADER_PYTHON_WATCH || r->attach.uretprobe > 1)
		return false;
	for (uint32_t i = 0; i < r->attach.n; i++)
		if (probes[i].len > INSN_MAX_BYTES || probes[i].offset > INT64_MAX ||
		    (!probes[i].len && !r->attach.uretprobe))
			return false;
	return true;
}

static bool memory_is_sound(const struct keeper_request *r)
{
	return r->memory.length && r->memory.length <= KEEPER_MEMORY_MAX &&
	       r->memory.address + r->memory.length > r->memory.address;
}

static bool pieces_are_sound(const struct keeper_request *r, const struct keeper_piece *pieces)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < r->scatter.n; i++) {
		const struct keeper_piece *p = &pieces[i];

		if (!p->length || p->unused || p->address + p->length < p->address)
			return false;
		bytes += p->length;
	}
	return bytes <= KEEPER_MEMORY_MAX;
}

static bool file_is_sound(const struct keeper_request *r)
{
	bool of_thread = r->file.which >= PROCESS_FILE_THREAD_STAT;

	return r->file.which < PROCESS_FILES && r->file.tid <= TID_MAX &&
	       of_thread == (r->file.tid != 0);
}

static bool facts_are_sound(const struct keeper_request *r)
{
	return r->facts.end ? r->facts.start < r->facts.end && !r->facts.fd
			    : !r->facts.start && r->facts.fd <= INT32_MAX;
}

static bool watch_is_sound(const struct keeper_request *r)
{
	uint32_t length = r->watch.length;

	if (r->watch.slot >= WATCHPOINTS_MAX)
		return false;
	if (!length)
		return !r->watch.address && !r->watch.kind && !r->watch.python;
	return length <= 8 && !(length & (length - 1)) && !(r->watch.address & (length - 1)) &&
	       r->watch.address + length > r->watch.address &&
	       r->watch.kind <= WATCHPOINT_TOUCHES && r->watch.python <= 1;
}

static bool is_sound(const struct keeper_request *r, const void *rest)
{
	if (r->object && r->op != KEEPER_OBJECT && r->op != KEEPER_ATTACH)
		return false;
	switch ((enum keeper_op)r->op) {
	case KEEPER_LOAD:
		return load_is_sound(r);
	case KEEPER_ATTACH:
		return probes_are_sound(r, rest);
	case KEEPER_SCATTER:
		return pieces_are_sound(r, rest);
	case KEEPER_MEMORY:
		return memory_is_sound(r);
	case KEEPER_FILE:
		return file_is_sound(r);
	case KEEPER_FACTS:
		return facts_are_sound(r);
	case KEEPER_MAPS:
		return r->maps < PROCESS_MAPS_WAYS;
	case KEEPER_COUNT:
		return r->count < PROCESS_COUNTS;
	case KEEPER_TICKS:
		return !r->ticks_hz ||
		       (r->ticks_hz >= WIRE_PYTHON_HZ_MIN && r->ticks_hz <= WIRE_PYTHON_HZ_MAX);
	case KEEPER_WATCH:
		return watch_is_sound(r);
	case KEEPER_WATCHED:
		return r->slot < WATCHPOINTS_MAX;
	case KEEPER_OBJECT:
	case KEEPER_DESCRIPTORS:
	case KEEPER_ALLOC_LOAD:
	case KEEPER_DETACH:
		return true;
	case KEEPER_OPS:
		break;
	}
	return false;
}

/* How many bytes follow the request; -EPROTO: as many as no request has. */
static int rest_bytes(const struct keeper_request *r, size_t *bytes)
{
	size_t n = 1, most = 1, size = 0;

	if (r->op == KEEPER_ATTACH) {
		n = r->attach.n;
		most = KEEPER_PROBES_MAX;
		size = sizeof(struct keeper_probe);
	} else if (r->op == KEEPER_SCATTER) {
		n = r->scatter.n;
		most = KEEPER_PIECES_MAX;
		size = sizeof(struct keeper_piece);
	} else if (r->op == KEEPER_DETACH) {
		n = r->detach.n;
		most = KEEPER_DETACH_MAX;
		size = sizeof(uint64_t);
	}
	*bytes = n * size;
	return n && n <= most ? 0 : -EPROTO;
}

int keeper_request_decode(const void *data, size_t len, struct keeper_request *out,
			  const void **rest)
{
	size_t bytes;

	*rest = NULL;
	if (len < sizeof(*out))
		return -EPROTO;
	memcpy(out, data, sizeof(*out));
	if (rest_bytes(out, &bytes) || len != sizeof(*out) + bytes)
		return -EPROTO;
	*rest = (const char *)data + sizeof(*out);
	return is_sound(out, *rest) ? 0 : -EPROTO;
}

/* How many descriptors and bytes belong to a good answer. */
static bool answer_fits(enum keeper_op op, size_t fds_n, size_t bytes)
{
	switch (op) {
	case KEEPER_LOAD:
		return bytes == sizeof(struct keeper_loaded);
	case KEEPER_MAPS:
	case KEEPER_OBJECT:
	case KEEPER_DESCRIPTORS:
		return fds_n == 1 && !bytes;
	case KEEPER_ATTACH:
		return fds_n && bytes == sizeof(struct keeper_attached);
	case KEEPER_DETACH:
		return !fds_n && !bytes;
	case KEEPER_ALLOC_LOAD:
		return fds_n == 2 && !bytes;
	case KEEPER_MEMORY:
		return !fds_n && bytes && bytes <= KEEPER_MEMORY_MAX;
	case KEEPER_SCATTER:
		return !fds_n && bytes && bytes <= KEEPER_PIECES_MAX + KEEPER_MEMORY_MAX;
	case KEEPER_FILE:
		return !fds_n && bytes <= KEEPER_TEXT_MAX;
	case KEEPER_FACTS:
		return !fds_n && bytes == sizeof(struct process_file_facts);
	case KEEPER_COUNT:
		return !fds_n && bytes == sizeof(uint32_t);
	case KEEPER_TICKS:
		return !fds_n && !bytes;
	case KEEPER_WATCH:
	case KEEPER_WATCHED:
		return !fds_n && bytes == sizeof(struct keeper_watched);
	case KEEPER_OPS:
		break;
	}
	return false;
}

int keeper_reply_decode(const void *data, size_t len, size_t fds_n, enum keeper_op op,
			struct keeper_reply *out, const void **bytes)
{
	*bytes = NULL;
	if (len < sizeof(*out))
		return -EPROTO;
	memcpy(out, data, sizeof(*out));
	if (out->op != op || out->data_bytes != len - sizeof(*out) || out->err > 0 ||
	    out->err < -ERR_MAX)
		return -EPROTO;
	*bytes = (const char *)data + sizeof(*out);
	if (out->err)
		return fds_n || out->data_bytes > KEEPER_TEXT_MAX ? -EPROTO : 0;
	return answer_fits(op, fds_n, out->data_bytes) ? 0 : -EPROTO;
}

/* Takes the place at most once; `none` to -1 are no places. */
static bool take_place(int32_t at, int32_t none, const int *fds, size_t fds_n, bool *taken,
		       int *out)
{
	if (at < 0) {
		*out = at;
		return at >= none;
	}
	if ((size_t)at >= fds_n || taken[at])
		return false;
	taken[at] = true;
	*out = fds[at];
	return true;
}

int keeper_loaded_decode(const void *data, size_t len, const int *fds, size_t fds_n,
			 struct loader_handles *handles, struct calibration *calibration)
{
	bool taken[KEEPER_FDS_MAX] = {};
	struct keeper_loaded loaded;
	bool ok = true;

	memset(handles, 0, sizeof(*handles));
	if (len != sizeof(loaded) || fds_n > KEEPER_FDS_MAX)
		return -EPROTO;
	memcpy(&loaded, data, sizeof(loaded));
	if (loaded.maps_n > LOADER_MAPS_MAX || loaded.multi > 1)
		return -EPROTO;
	for (uint32_t i = 0; i < loaded.maps_n && ok; i++)
		ok = take_place(loaded.maps[i], -1, fds, fds_n, taken, &handles->maps[i]);
	for (uint32_t i = 0; i < LOADER_LINKS && ok; i++)
		ok = take_place(loaded.links[i], -ERR_MAX, fds, fds_n, taken, &handles->links[i]);
	for (size_t i = 0; i < fds_n; i++)
		ok &= taken[i];
	if (!ok)
		return -EPROTO;
	handles->maps_n = loaded.maps_n;
	handles->multi = loaded.multi;
	*calibration = loaded.calibration;
	return 0;
}

size_t keeper_loaded_encode(const struct loader_handles *handles,
			    const struct calibration *calibration, struct keeper_loaded *out,
			    int fds[KEEPER_FDS_MAX])
{
	size_t n = 0;

	memset(out, 0, sizeof(*out));
	out->calibration = *calibration;
	out->multi = handles->multi;
	out->maps_n = (uint32_t)handles->maps_n;
	for (size_t i = 0; i < handles->maps_n; i++) {
		out->maps[i] = handles->maps[i] < 0 ? -1 : (int32_t)n;
		if (handles->maps[i] >= 0)
			fds[n++] = handles->maps[i];
	}
	for (size_t i = 0; i < LOADER_LINKS; i++) {
		out->links[i] = handles->links[i] < 0 ? handles->links[i] : (int32_t)n;
		if (handles->links[i] >= 0)
			fds[n++] = handles->links[i];
	}
	return n;
}
