/* SPDX-License-Identifier: GPL-2.0-only */
#include "target/unxz.h"

#include <errno.h>
#include <lzma.h>
#include <stdlib.h>

#define WINDOW_MAX (96u << 20) /* memory the decoder itself may take: xz -9 needs 65 MiB */
#define FIRST_ROOM (64u << 10)

static int lzma_errno(lzma_ret ret)
{
	if (ret == LZMA_MEM_ERROR || ret == LZMA_MEMLIMIT_ERROR)
		return -EFBIG;
	return -EPROTO;
}

/* Runs the decoder until the end of the stream, doubling the output as it fills. */
static int unpack(lzma_stream *strm, size_t ceiling, uint8_t **plain, size_t *plain_size)
{
	size_t room = FIRST_ROOM;
	uint8_t *buf = NULL, *bigger;
	lzma_ret ret;

	for (;;) {
		bigger = realloc(buf, room + 1);
		if (!bigger) {
			free(buf);
			return -ENOMEM;
		}
		buf = bigger;
		strm->next_out = buf + strm->total_out;
		strm->avail_out = room - strm->total_out;
		ret = lzma_code(strm, LZMA_FINISH);
		if (ret == LZMA_STREAM_END)
			break;
		if (ret != LZMA_OK || strm->avail_out > 0 || room >= ceiling) {
			free(buf);
			return ret == LZMA_OK && room >= ceiling ? -EFBIG : lzma_errno(ret);
		}
		room = room * 2 > ceiling ? ceiling : room * 2;
	}
	buf[strm->total_out] = '\0';
	*plain = buf;
	*plain_size = strm->total_out;
	return 0;
}

int unxz(const uint8_t *packed, size_t size, size_t ceiling, uint8_t **plain, size_t *plain_size)
{
	lzma_stream strm = LZMA_STREAM_INIT;
	int err;

	*plain = NULL;
	*plain_size = 0;
	if (lzma_stream_decoder(&strm, WINDOW_MAX, 0) != LZMA_OK)
		return -ENOMEM;
	strm.next_in = packed;
	strm.avail_in = size;
	err = unpack(&strm, ceiling, plain, plain_size);
	lzma_end(&strm);
	return err;
}
