/* SPDX-License-Identifier: GPL-2.0-only */
#include "keeper/channel.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
	struct cmsghdr align;
};

int channel_send(int fd, const struct iovec *parts, size_t parts_n, const int *fds, size_t fds_n)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)parts, .msg_iovlen = parts_n};
	union control control = {};
	struct cmsghdr *cmsg;
	ssize_t n;

	if (fds_n > CHANNEL_FDS_MAX)
		return -E2BIG;
	if (fds_n) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(fds_n * sizeof(int));
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(fds_n * sizeof(int));
		memcpy(CMSG_DATA(cmsg), fds, fds_n * sizeof(int));
	}
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 0;
	return errno == ECONNRESET ? -EPIPE : -errno;
}

/* Those that there is no room for are closed. */
static int take_fds(struct msghdr *msg, int *fds, size_t *fds_n)
{
	size_t room = fds && fds_n ? *fds_n : 0, n = 0;
	int err = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int got;

			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(got));
			if (n < room) {
				fds[n++] = got;
				continue;
			}
			close(got);
			err = -EMSGSIZE;
		}
	}
	if (msg->msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		err = -EMSGSIZE;
	for (size_t i = 0; err && i < n; i++)
		close(fds[i]);
	if (fds_n)
		*fds_n = err ? 0 : n;
	return err;
}

static int wait_readable(int fd, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n;

	do
		n = poll(&p, 1, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n ? 0 : -ETIMEDOUT;
}

int channel_receive(int fd, int timeout_ms, void *buf, size_t size, size_t *len, int *fds,
		    size_t *fds_n)
{
	struct iovec part = {buf, size};
	struct msghdr msg = {.msg_iov = &part, .msg_iovlen = 1};
	union control control = {};
	int err = wait_readable(fd, timeout_ms);
	ssize_t n;

	*len = 0;
	if (err)
		return err;
	if (fds) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
	}
	do
		n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	/* No datagram is empty. */
	if (n == 0)
		return -EPIPE;
	*len = (size_t)n;
	return take_fds(&msg, fds, fds_n);
}
