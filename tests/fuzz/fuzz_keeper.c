/* SPDX-License-Identifier: GPL-2.0-only */
/* What session and keeper say to each other, as hostile as it comes, at both
 * ends. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cheshire/wire.h"
#include "keeper/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A request that is accepted is safe to serve. */
static void check_request(const struct keeper_request *r, const void *rest)
{
	const struct keeper_piece *pieces = rest;
	const struct keeper_probe *probes = rest;
	const uint64_t *numbers = rest;
	uint64_t bytes = 0;
	uint8_t sum = 0;

	if (!r->op || r->op >= KEEPER_OPS)
		abort();
	if (r->op == KEEPER_ATTACH) {
		if (r->attach.n > KEEPER_PROBES_MAX || r->attach.prog >= KEEPER_PROGS)
			abort();
		for (uint32_t i = 0; i < r->attach.n; i++) {
			if (probes[i].len > INSN_MAX_BYTES || (int64_t)probes[i].offset < 0)
				abort();
			sum ^= probes[i].bytes[INSN_MAX_BYTES - 1];
		}
	}
	for (uint32_t i = 0; r->op == KEEPER_SCATTER && i < r->scatter.n; i++) {
		bytes += pieces[i].length;
		if (!pieces[i].length || pieces[i].address + pieces[i].length < pieces[i].address)
			abort();
	}
	if (r->op == KEEPER_SCATTER && (!bytes || bytes > KEEPER_MEMORY_MAX))
		abort();
	for (uint32_t i = 0; r->op == KEEPER_DETACH && i < r->detach.n; i++)
		sum ^= (uint8_t)numbers[i];
	if (r->op == KEEPER_DETACH && r->detach.n > KEEPER_DETACH_MAX)
		abort();
	if (r->op == KEEPER_TICKS && r->ticks_hz > WIRE_PYTHON_HZ_MAX)
		abort();
	if (r->op == KEEPER_WATCH &&
	    (r->watch.slot >= WATCHPOINTS_MAX || r->watch.length > 8 || r->watch.python > 1))
		abort();
	if (r->op == KEEPER_WATCHED && r->slot >= WATCHPOINTS_MAX)
		abort();
	if (r->op == KEEPER_LOAD && r->load.stages_n > WIRE_STAGES_MAX)
		abort();
	if (r->op == KEEPER_FILE && r->file.which >= PROCESS_FILES)
		abort();
	if (r->op == KEEPER_MEMORY && (!r->memory.length || r->memory.length > KEEPER_MEMORY_MAX ||
				       r->memory.address + r->memory.length < r->memory.address))
		abort();
	/* Keeps the reads above. */
	*(volatile uint8_t *)&sum = sum;
}

/* Each descriptor has one place, and each place one of those that came. */
static void check_loaded(const struct keeper_reply *reply, const void *bytes, size_t fds_n)
{
	struct loader_handles handles;
	struct calibration calibration;
	int fds[KEEPER_FDS_MAX], seen[KEEPER_FDS_MAX] = {};

	for (size_t i = 0; i < fds_n; i++)
		fds[i] = 1000 + (int)i;
	if (keeper_loaded_decode(bytes, reply->data_bytes, fds, fds_n, &handles, &calibration))
		return;
	if (handles.maps_n > LOADER_MAPS_MAX)
		abort();
	for (size_t i = 0; i < handles.maps_n; i++)
		if (handles.maps[i] >= 0)
			seen[handles.maps[i] - 1000]++;
	for (size_t i = 0; i < LOADER_LINKS; i++)
		if (handles.links[i] >= 0)
			seen[handles.links[i] - 1000]++;
	for (size_t i = 0; i < KEEPER_FDS_MAX; i++)
		if (seen[i] != (i < fds_n))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keeper_request request;
	struct keeper_reply reply;
	const void *bytes, *rest;
	void *copy;

	if (size < 2)
		return 0;
	/* Aligned and exactly as long, so that a read behind the end is seen. */
	copy = malloc(size - 2 ? size - 2 : 1);
	if (!copy)
		abort();
	memcpy(copy, data + 2, size - 2);
	if (!keeper_request_decode(copy, size - 2, &request, &rest))
		check_request(&request, rest);
	if (!keeper_reply_decode(copy, size - 2, data[1] % (KEEPER_FDS_MAX + 1),
				 data[0] % KEEPER_OPS, &reply, &bytes) &&
	    reply.op == KEEPER_LOAD && !reply.err)
		check_loaded(&reply, bytes, data[1] % (KEEPER_FDS_MAX + 1));
	free(copy);
	return 0;
}
