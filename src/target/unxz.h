/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef CHESHIRE_TARGET_UNXZ_H
#define CHESHIRE_TARGET_UNXZ_H

#include <stddef.h>
#include <stdint.h>

/*
 * Unpacks an xz stream into allocated memory, followed by a NUL. -EFBIG: larger than the ceiling
 * (a bomb), or asks for
 * too large a window, -EPROTO: damaged, -ENOMEM.
 */
int unxz(const uint8_t *packed, size_t size, size_t ceiling, uint8_t **plain, size_t *plain_size);

#endif
