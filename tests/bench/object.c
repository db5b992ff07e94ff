/* SPDX-License-Identifier: GPL-2.0-only */
/* object.c - a library that is nearly all data, as an engine with its model built in. */

const char object_data[5 << 20] __attribute__((visibility("default"), section(".rodata"))) = {0};

__attribute__((noinline)) long object_work(long value);

long object_work(long value)
{
	volatile long kept[4];

	kept[value & 3] = value + object_data[value & 0xfffff];
	return kept[value & 3];
}
