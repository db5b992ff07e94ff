/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockets.h - what goes through the target's sockets: bpf/sockets.bpf.c, bpf/datagrams.bpf.c.
 */
#ifndef CHESHIRE_KERNEL_SOCKETS_H
#define CHESHIRE_KERNEL_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>

#include "cheshire/wire_net.h"

struct loader;
struct sockets;

/*
 * Chooses the programs before they are loaded: TCP, and, where they are wanted and the kernel has
 * the hooks, UDP and unix sockets.  Those two hooks cost every send and receive of every process on
 * the host (docs/overhead.md), so nobody gets them unasked.
 */
int sockets_choose(struct loader *loader, bool datagrams);

/*
 * Attaches the hooks and looks at the sockets that are there already: bytes count from now on.
 * 0 or a negative errno; then nothing is attached.
 */
int sockets__open(struct loader *loader, struct sockets **out);
/* Before loader__free; NULL is fine. */
void sockets__free(struct sockets *sockets);

/* UDP and unix sockets are counted too; else why not, a static string. */
bool sockets__datagrams(const struct sockets *sockets, const char **why);

struct sockets_reading {
	struct wire_traffic traffic[WIRE_NETS]; /* running totals since sockets__open */
	uint32_t tcp;				/* TCP sockets that the target has open */
	uint32_t udp;
	uint32_t connections; /* those established on the local port that was asked for */
	bool uncounted;	      /* it has sockets of a protocol that is not counted (MPTCP, SCTP) */
};

/*
 * Looks at every socket of the target (port 0: none to be counted as connections).  With a target
 * that is gone, or on failure, the totals are those of the last look and of what ended since.
 */
int sockets__read(struct sockets *sockets, uint16_t port, struct sockets_reading *out);

#endif
