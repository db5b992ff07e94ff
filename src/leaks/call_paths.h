/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * call_paths.h - which paths to the allocator (wire_alloc_path) are of sites whose blocks do not
 * last: what is known of a call before its stack is.
 *
 * A path may lead to several sites, seldom; it is brief only if all of them are.  What is not
 * known here is looked at more, not less.
 */
#ifndef CHESHIRE_LEAKS_CALL_PATHS_H
#define CHESHIRE_LEAKS_CALL_PATHS_H

#include <stddef.h>
#include <stdint.h>

struct call_paths;
struct leak_ledger;

#define CALL_PATHS_MAX 4096

/* NULL and errno on failure. */
struct call_paths *call_paths__new(void);
void call_paths__free(struct call_paths *paths);

/* A call of that path was one of that site; 0 as either is ignored. */
void call_paths__saw(struct call_paths *paths, uint64_t path, uint64_t site);
/* Those whose blocks do not last, as the ledger knows it now (leak_ledger__brief); at most max. */
size_t call_paths__brief(const struct call_paths *paths, const struct leak_ledger *ledger,
			 uint64_t *out, size_t max);

#endif /* CHESHIRE_LEAKS_CALL_PATHS_H */
