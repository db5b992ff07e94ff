/* SPDX-License-Identifier: GPL-2.0-only */
/* channel.h - datagrams with descriptors over a pair of sockets (SOCK_SEQPACKET). */
#ifndef CHESHIRE_KEEPER_CHANNEL_H
#define CHESHIRE_KEEPER_CHANNEL_H

#include <stddef.h>
#include <sys/uio.h>

#define CHANNEL_FDS_MAX 128

/* Sends the parts as one datagram.  0 or a negative errno; -EPIPE: the other end is gone. */
int channel_send(int fd, const struct iovec *parts, size_t parts_n, const int *fds, size_t fds_n);

/*
 * Waits for a datagram (timeout_ms -1: without end).  Descriptors, at most *fds_n of them, are the
 * caller's and close on exec; none are taken where fds is NULL.  0; -EPIPE: the other end is gone;
 * -ETIMEDOUT; -EMSGSIZE: something did not fit, nothing is taken.
 */
int channel_receive(int fd, int timeout_ms, void *buf, size_t size, size_t *len, int *fds,
		    size_t *fds_n);

#endif
