/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/features.h"

#include <unistd.h>

#include <bpf/libbpf.h>

#include "kernel/loader.h"
#include "kernel/uprobe_link.h"

struct list {
	struct feature *out;
	size_t n;
};

static void add(struct list *list, const char *name, bool there, bool needed, const char *lacks)
{
	if (list->n < FEATURES_MAX)
		list->out[list->n++] = (struct feature){name, there, needed, lacks};
}

static bool have_map(enum bpf_map_type type)
{
	return libbpf_probe_bpf_map_type(type, NULL) > 0;
}

static bool have_helper(enum bpf_prog_type type, enum bpf_func_id helper)
{
	return libbpf_probe_bpf_helper(type, helper, NULL) > 0;
}

static void try_basics(struct list *list, const char *btf_path)
{
	add(list, "types of the kernel (BTF)",
	    !access(btf_path ? btf_path : "/sys/kernel/btf/vmlinux", R_OK), true,
	    "give one with --btf FILE");
	add(list, "uprobes as perf events",
	    !access("/sys/bus/event_source/devices/uprobe/type", R_OK), false,
	    "probes are by uprobe_multi links only");
}

/* What only who may use it can find out. */
static void try_bpf(struct list *list)
{
	/* Every kernel has those. */
	bool may_try = have_map(BPF_MAP_TYPE_ARRAY);
	const char *nothing = may_try ? "nothing works" : "not permitted to try it";

	add(list, "uprobe_multi links", uprobe_link_have_multi(), false,
	    may_try ? "detaching takes about 0.1 s a probe, and CAP_SYS_ADMIN is needed" : nothing);
	add(list, "ring buffer", have_map(BPF_MAP_TYPE_RINGBUF), true, nothing);
	add(list, "task storage", have_map(BPF_MAP_TYPE_TASK_STORAGE), true, nothing);
	add(list, "socket storage", have_map(BPF_MAP_TYPE_SK_STORAGE), false,
	    may_try ? "sockets are not watched" : nothing);
	add(list, "cookies of probes",
	    have_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie), true, nothing);
}

static void try_hooks(struct list *list, const struct loader *l)
{
	static const struct {
		enum loader_link link;
		const char *name, *lacks;
	} hooks[] = {
		{LOADER_LINK_SWITCH, "hook: scheduler", "nothing works"},
		{LOADER_LINK_EXIT, "hook: end of a process", "nothing works"},
		{LOADER_LINK_EXEC, "hook: exec", "nothing works"},
		{LOADER_LINK_FORK, "hook: fork", "nothing works"},
		{LOADER_LINK_SOCKETS_STATE, "hook: state of TCP sockets",
		 "network traffic is unknown"},
		{LOADER_LINK_SOCKETS_SENT, "hook: sends of datagrams",
		 "traffic by UDP and unix sockets cannot be asked for"},
		{LOADER_LINK_SOCKETS_RECEIVED, "hook: receives of datagrams",
		 "traffic by UDP and unix sockets cannot be asked for"},
		{LOADER_LINK_SOCKETS_WALK, "iterator: sockets", "sockets are not counted"},
		{LOADER_LINK_LOCK_WAITS, "iterator: threads that wait for locks",
		 "deadlocks are not looked for"},
	};

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		add(list, hooks[i].name, loader__link(l, hooks[i].link) >= 0,
		    (int)hooks[i].link < (int)LOADER_LINKS_NEEDED, hooks[i].lacks);
}

size_t features_find(const struct loader *l, const char *btf_path, struct feature out[FEATURES_MAX])
{
	struct list list = {.out = out};

	try_basics(&list, btf_path);
	try_bpf(&list);
	if (l)
		try_hooks(&list, l);
	return list.n;
}
