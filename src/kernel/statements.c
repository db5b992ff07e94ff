/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/statements.h"

#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "kernel/loader_state.h"

int statements_choose(struct loader *l, bool wanted)
{
	struct bpf_map *const maps[] = {l->skel->maps.text_classes,   l->skel->maps.text_stats,
					l->skel->maps.no_stats,	      l->skel->maps.class_stats,
					l->skel->maps.prepared,	      l->skel->maps.statement_runs,
					l->skel->maps.statements_sent};
	int err;

	l->statements = wanted;
	if (wanted)
		return 0;
	err = bpf_program__set_autoload(l->skel->progs.statement_enter, false);
	err = err ?: bpf_program__set_autoload(l->skel->progs.statement_exit, false);
	for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]) && !err; i++)
		err = bpf_map__set_autocreate(maps[i], false);
	return err;
}

struct wire_class_stats *statements_class(struct loader *l, enum wire_class cls)
{
	return l->classes.base ? &((struct wire_class_stats *)l->classes.base)[cls] : NULL;
}

int statements_set_class(struct loader *l, uint64_t hash, enum wire_class cls)
{
	const uint64_t value = cls;

	if (!l->statements)
		return -ENOENT;
	return bpf_map__update_elem(l->skel->maps.text_classes, &hash, sizeof(hash), &value,
				    sizeof(value), BPF_ANY);
}

void statements_each_text(struct loader *l, statements_text_fn fn, void *ctx)
{
	struct wire_statement_stats stats;
	uint64_t key, first = 0, *after = NULL;

	if (!l->statements)
		return;
	/* Entries come and go meanwhile: behind one that is gone it begins anew, and that is the
	 * end. */
	for (uint32_t i = 0; i < bpf_map__max_entries(l->skel->maps.text_stats); i++) {
		if (bpf_map__get_next_key(l->skel->maps.text_stats, after, &key, sizeof(key)))
			return;
		if (after && key == first)
			return;
		if (!after)
			first = key;
		after = &key;
		if (!bpf_map__lookup_elem(l->skel->maps.text_stats, &key, sizeof(key), &stats,
					  sizeof(stats), 0))
			fn(ctx, key, &stats);
	}
}
