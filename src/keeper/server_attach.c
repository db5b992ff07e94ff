/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * server_attach.c - where the keeper lets a probe be.
 *
 * The session planned it: it has read the file and knows the function.  The keeper does not parse
 * files of the target's; it checks what can be seen on the spot: the object is mapped, the place is
 * in an executable mapping, the file and every mapping hold the instruction that is expected, and
 * it is one.  That an instruction begins there, and not in the middle of another, is the planner's
 * word alone.
 */
#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <unistd.h>

#include "keeper/server.h"
#include "kernel/uprobe_link.h"
#include "target/insn.h"
#include "target/plan.h"

static int check_instruction(struct keeper_server *s, const struct keeper_probe *probe,
			     uint32_t prog)
{
	struct insn insn;

	if (!s->decoder)
		return -ENOMEM;
	if (decoder__decode(s->decoder, probe->bytes, probe->len, 0, &insn) ||
	    insn.len != probe->len)
		return -EILSEQ;
	/* Linux 6.18 overwrites the red zone there; a function may begin with one. */
	if (prog != LOADER_EXIT && prog != LOADER_STATEMENT_EXIT && prog < LOADER_PROGS)
		return 0;
	return insn.is_nop5 ? -EILSEQ : 0;
}

static int check_place(struct keeper_server *s, struct object *obj, int fd,
		       const struct keeper_probe *probe, uint32_t prog)
{
	struct plan_site site = {.object = obj->index, .offset = probe->offset, .len = probe->len};
	uint8_t bytes[INSN_MAX_BYTES];
	uint64_t addr;
	int err;

	if (!probe->len)
		return object_offset_to_addr(obj, probe->offset, &addr);
	memcpy(site.bytes, probe->bytes, sizeof(site.bytes));
	err = plan_site_verify(&s->proc, &s->objects, &site);
	if (err)
		return err;
	if (pread(fd, bytes, probe->len, (off_t)probe->offset) != probe->len ||
	    memcmp(bytes, probe->bytes, probe->len))
		return -ESTALE;
	return check_instruction(s, probe, prog);
}

static int attach(struct keeper_server *s, const struct keeper_request *r, struct object *obj,
		  const struct keeper_probe *probes, struct uprobe_link **out)
{
	uint64_t offsets[KEEPER_PROBES_MAX], cookies[KEEPER_PROBES_MAX];
	struct uprobe_set set = {.pid = s->proc.pid,
				 .offsets = offsets,
				 .cookies = cookies,
				 .n = r->attach.n,
				 .uretprobe = r->attach.uretprobe};
	char path[64];
	int err = object_attach_path(obj, path, sizeof(path));

	set.path = path;
	for (size_t i = 0; i < set.n && !err; i++) {
		err = check_place(s, obj, obj->fd, &probes[i], r->attach.prog);
		offsets[i] = probes[i].offset;
		cookies[i] = probes[i].cookie;
	}
	err = err ?: process_check(&s->proc);
	if (err)
		return err;
	if (r->attach.prog >= LOADER_PROGS)
		return alloc_programs_attach(&s->alloc, r->attach.prog - LOADER_PROGS, &set, out);
	return loader__attach(s->loader, r->attach.prog, &set, out);
}

int keeper_server_attach(struct keeper_server *s, const struct keeper_request *r,
			 const struct keeper_probe *probes, struct uprobe_link **out)
{
	struct object *obj;
	int err;

	*out = NULL;
	if (!s->loader || r->object >= s->objects.n_objects)
		return -EINVAL;
	if (r->attach.uretprobe && (!s->opts->uretprobes || r->attach.prog >= LOADER_PROGS))
		return -EPERM;
	if (r->attach.prog >= LOADER_PROGS && !s->alloc_loaded)
		return -EINVAL;
	obj = s->objects.objects[r->object];
	obj->fd = object_open_file(obj, &s->proc);
	if (obj->fd < 0) {
		err = obj->fd;
		obj->fd = -1;
		return err;
	}
	err = attach(s, r, obj, probes, out);
	object_close(obj);
	return err;
}

int keeper_server_load_alloc(struct keeper_server *s, int fds[2])
{
	int err = 0;

	if (!s->opts->leaks)
		return -EPERM;
	/* Perf events or not: as the other probes. */
	if (!s->loader)
		return -EINVAL;
	if (!s->alloc_loaded)
		err = alloc_programs_load(&s->alloc, (uint32_t)s->proc.pid, s->opts->btf_path,
					  loader__multi(s->loader));
	if (err)
		return err;
	s->alloc_loaded = true;
	fds[0] = s->alloc.ring_fd;
	fds[1] = s->alloc.control_fd;
	malloc_trim(0);
	return 0;
}
