/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libbpf looks for the kernel's types in files of fixed names, also where it was given another file
 * for the offsets of fields: the numbers of the functions that programs are attached to come from
 * there.  In a container or under a hardened /sys they may be out of sight.  It calls the function
 * below for them; the dynamic linker finds ours before its own.
 */
#include "kernel/kernel_btf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#define SHOWN "/sys/kernel/btf/vmlinux"

static const char *custom_path;
/* What the kernel answered. */
static void *types;
static __u32 types_bytes;

void kernel_btf_use(const char *path)
{
	custom_path = path;
}

/* The number of the types that are the kernel's own among all that it has; 0: none. */
static __u32 kernel_btf_id(void)
{
	__u32 id = 0;

	while (!bpf_btf_get_next_id(id, &id)) {
		char name[16] = "";
		struct bpf_btf_info info = {.name = (uintptr_t)name, .name_len = sizeof(name)};
		__u32 len = sizeof(info);
		int fd = bpf_btf_get_fd_by_id(id), err;

		if (fd < 0)
			continue;
		err = bpf_obj_get_info_by_fd(fd, &info, &len);
		close(fd);
		if (!err && info.kernel_btf && strcmp(name, "vmlinux") == 0)
			return id;
	}
	return 0;
}

bool kernel_btf_exists(void)
{
	return types || !access(SHOWN, R_OK) || kernel_btf_id() != 0;
}

void kernel_btf_ask(void)
{
	const void *data;
	struct btf *btf;
	__u32 id;

	if (types || !access(SHOWN, R_OK))
		return;
	id = kernel_btf_id();
	btf = id ? btf__load_from_kernel_by_id(id) : NULL;
	data = btf ? btf__raw_data(btf, &types_bytes) : NULL;
	types = data ? malloc(types_bytes) : NULL;
	if (types)
		memcpy(types, data, types_bytes);
	btf__free(btf);
}

/* Of libbpf. */
struct btf *btf__load_vmlinux_btf(void)
{
	struct btf *btf;

	if (custom_path)
		return btf__parse(custom_path, NULL);
	btf = btf__parse(SHOWN, NULL);
	if (btf)
		return btf;
	kernel_btf_ask();
	if (types)
		return btf__new(types, types_bytes);
	errno = ENOENT;
	return NULL;
}
