/* SPDX-License-Identifier: GPL-2.0-only */
/* features.h - what this kernel can do, found by trying. */
#ifndef CHESHIRE_KERNEL_FEATURES_H
#define CHESHIRE_KERNEL_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

struct loader;

#define FEATURES_MAX 24

struct feature {
	const char *name;
	bool there;
	bool needed;	   /* nothing works without it */
	const char *lacks; /* what there is not, or is worse, without it */
};

/*
 * Tries them all.  `l` has its hooks attached; NULL, where its programs cannot be loaded: then the
 * hooks are left out.  Returns how many.
 */
size_t features_find(const struct loader *l, const char *btf_path,
		     struct feature out[FEATURES_MAX]);

#endif
