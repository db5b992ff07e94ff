/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sockets and storage on command, one a line on stdin, answered by "done".  Every byte that a call
 * took or gave is counted by KIND: 0 to another host, 1 to this one, 2 unix.
 *   listen FAMILY KIND           serves every connection in a thread; "done PORT"
 *   open I FAMILY HOST PORT KIND connects slot I
 *   talk I OUT IN                sends OUT bytes and gets IN, beside a header of 16 sent
 *   file I OUT                   the same with sendfile()
 *   close I, reset I, half I     close, close with a reset, shutdown of sending
 *   short N FAMILY HOST PORT KIND OUT IN RESET   N connections of one such exchange
 *   inherit I OUT IN             talks in a child that has the descriptor too
 *   udp N BYTES CONNECTED        datagrams over 127.0.0.1, both ends here; half is peeked at first
 *   unix TYPE N BYTES            the same through a socket pair; TYPE: stream, dgram
 *   keep                         opens a UDP socket and keeps it
 *   write PATH BYTES, read PATH  storage, past the page cache
 *   totals                       "done" and sent, received of each KIND
 */
#include "truth.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOTS	     4096
#define CHUNK_BYTES  65536
#define STORE_ALIGN  4096
#define SERVER_STACK (256 * 1024)

enum { KIND_UNIX = 2, KINDS = 3 };

struct header {
	uint64_t out_bytes;
	uint64_t in_bytes;
};

struct connection {
	int fd;
	int kind;
};

static uint64_t sent[KINDS], received[KINDS];
static struct connection slots[SLOTS];
static char zeros[CHUNK_BYTES] __attribute__((aligned(STORE_ALIGN)));

static ssize_t count(uint64_t *total, ssize_t n)
{
	if (n > 0)
		__atomic_fetch_add(total, (uint64_t)n, __ATOMIC_RELAXED);
	return n;
}

static bool send_all(const struct connection *c, const void *data, uint64_t bytes)
{
	uint64_t done = 0;

	while (done < bytes) {
		const char *from = data ? (const char *)data + done : zeros;
		uint64_t left = bytes - done;
		ssize_t n =
			send(c->fd, from, left < CHUNK_BYTES ? left : CHUNK_BYTES, MSG_NOSIGNAL);

		if (count(&sent[c->kind], n) <= 0)
			return false;
		done += (uint64_t)n;
	}
	return true;
}

static bool receive_all(const struct connection *c, void *data, uint64_t bytes)
{
	char sink[CHUNK_BYTES];
	uint64_t done = 0;

	while (done < bytes) {
		char *to = data ? (char *)data + done : sink;
		uint64_t left = bytes - done;
		ssize_t n = recv(c->fd, to, left < CHUNK_BYTES ? left : CHUNK_BYTES, 0);

		if (count(&received[c->kind], n) <= 0)
			return false;
		done += (uint64_t)n;
	}
	return true;
}

static bool talk(const struct connection *c, uint64_t out_bytes, uint64_t in_bytes)
{
	const struct header header = {out_bytes, in_bytes};

	return send_all(c, &header, sizeof(header)) && send_all(c, NULL, out_bytes) &&
	       receive_all(c, NULL, in_bytes);
}

/* Answers until the other end has had enough. */
static void *serve_one(void *arg)
{
	struct connection *c = arg;
	struct header header;

	while (receive_all(c, &header, sizeof(header)) && receive_all(c, NULL, header.out_bytes) &&
	       send_all(c, NULL, header.in_bytes))
		;
	close(c->fd);
	free(c);
	return NULL;
}

static void *serve(void *arg)
{
	struct connection *listener = arg;
	pthread_attr_t attr;
	pthread_t thread;
	int fd;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, SERVER_STACK);
	while ((fd = accept(listener->fd, NULL, NULL)) >= 0) {
		struct connection *c = malloc(sizeof(*c));

		c->fd = fd;
		c->kind = listener->kind;
		truth_check(!pthread_create(&thread, &attr, serve_one, c), "thread");
	}
	return NULL;
}

static socklen_t address_of(int family, const char *host, int port, struct sockaddr_storage *out)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
	struct sockaddr_in *four = (struct sockaddr_in *)out;

	memset(out, 0, sizeof(*out));
	if (family == 6) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)port);
		truth_check(inet_pton(AF_INET6, host, &six->sin6_addr) == 1, "address");
		return sizeof(*six);
	}
	four->sin_family = AF_INET;
	four->sin_port = htons((uint16_t)port);
	truth_check(inet_pton(AF_INET, host, &four->sin_addr) == 1, "address");
	return sizeof(*four);
}

static int listen_on(int family, int kind)
{
	static struct connection listeners[16];
	static int n;
	struct sockaddr_storage address;
	socklen_t size = address_of(family, family == 6 ? "::" : "0.0.0.0", 0, &address);
	int fd = socket(address.ss_family, SOCK_STREAM, 0);
	pthread_t thread;

	truth_check(!bind(fd, (struct sockaddr *)&address, size) && !listen(fd, 4096), "listen");
	getsockname(fd, (struct sockaddr *)&address, &size);
	listeners[n].fd = fd;
	listeners[n].kind = kind;
	truth_check(!pthread_create(&thread, NULL, serve, &listeners[n++]), "thread");
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static int open_to(int family, const char *host, int port)
{
	struct sockaddr_storage address;
	socklen_t size = address_of(family, host, port, &address);
	int fd = socket(address.ss_family, SOCK_STREAM, 0);

	truth_check(!connect(fd, (struct sockaddr *)&address, size), "connect");
	return fd;
}

static void reset(int fd)
{
	const struct linger now = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static void shorts(const char *line)
{
	unsigned long long out_bytes, in_bytes;
	int n, family, port, kind, with_reset;
	char host[64];

	if (sscanf(line, "%*s %d %d %63s %d %d %llu %llu %d", &n, &family, host, &port, &kind,
		   &out_bytes, &in_bytes, &with_reset) != 8)
		return;
	for (int i = 0; i < n; i++) {
		struct connection c = {open_to(family, host, port), kind};

		truth_check(talk(&c, out_bytes, in_bytes), "short exchange");
		if (with_reset)
			reset(c.fd);
		else
			close(c.fd);
	}
}

static void send_file(const struct connection *c, uint64_t bytes)
{
	const struct header header = {bytes, 0};
	FILE *file = tmpfile();
	off_t at = 0;

	truth_check(file && !ftruncate(fileno(file), (off_t)bytes), "file");
	truth_check(send_all(c, &header, sizeof(header)), "header");
	while ((uint64_t)at < bytes &&
	       count(&sent[c->kind], sendfile(c->fd, fileno(file), &at, bytes)) > 0)
		;
	truth_check((uint64_t)at == bytes, "sendfile");
	fclose(file);
}

/* Both ends are here: every datagram is there when it was sent. */
static void datagrams(int from, int to, int kind, int n, size_t bytes)
{
	char sink[CHUNK_BYTES];

	for (int i = 0; i < n; i++) {
		truth_check(count(&sent[kind], send(from, zeros, bytes, 0)) == (ssize_t)bytes,
			    "send");
		if (i % 2)
			truth_check(recv(to, sink, sizeof(sink), MSG_PEEK) > 0, "peek");
		truth_check(count(&received[kind], recv(to, sink, sizeof(sink), 0)) ==
				    (ssize_t)bytes,
			    "receive");
	}
}

static void udp(int n, size_t bytes, bool connected)
{
	int from = socket(AF_INET, SOCK_DGRAM, 0), to = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_storage address;
	socklen_t size = address_of(4, "127.0.0.1", 0, &address);

	truth_check(!bind(to, (struct sockaddr *)&address, size), "bind");
	getsockname(to, (struct sockaddr *)&address, &size);
	if (connected) {
		truth_check(!connect(from, (struct sockaddr *)&address, size), "connect");
		datagrams(from, to, 1, n, bytes);
	} else {
		/* Where an unconnected socket sends to, the kernel's hook does not say: another
		   host. */
		for (int i = 0; i < n; i++)
			count(&sent[0],
			      sendto(from, zeros, bytes, 0, (struct sockaddr *)&address, size));
	}
	/* Nobody listens any more: the error that comes back is no payload. */
	close(to);
	count(&sent[1], send(from, zeros, 1, MSG_DONTWAIT));
	truth_check(recv(from, zeros, 1, MSG_DONTWAIT) < 0, "refused");
	close(from);
}

static void unix_pair(const char *type, int n, size_t bytes)
{
	int pair[2];

	truth_check(!socketpair(AF_UNIX, strcmp(type, "dgram") ? SOCK_STREAM : SOCK_DGRAM, 0, pair),
		    "socketpair");
	datagrams(pair[0], pair[1], KIND_UNIX, n, bytes);
	close(pair[0]);
	close(pair[1]);
}

static void inherit(const struct connection *c, uint64_t out_bytes, uint64_t in_bytes)
{
	pid_t pid = fork();
	int status = 1;

	if (!pid)
		_exit(!talk(c, out_bytes, in_bytes));
	truth_check(waitpid(pid, &status, 0) == pid && !status, "child");
	sent[c->kind] += sizeof(struct header) + out_bytes;
	received[c->kind] += in_bytes;
}

static void store(const char *path, size_t bytes)
{
	int fd = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);

	for (size_t done = 0; done < bytes; done += CHUNK_BYTES)
		truth_check(write(fd, zeros, CHUNK_BYTES) == CHUNK_BYTES, "write");
	truth_check(!fsync(fd), "fsync");
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
}

static void fetch(const char *path)
{
	int fd = open(path, O_RDONLY);

	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	while (read(fd, zeros, sizeof(zeros)) > 0)
		;
	close(fd);
}

static void obey_slot(const char *verb, const char *line)
{
	unsigned long long out_bytes = 0, in_bytes = 0;
	int family, port, kind, i = -1;
	char host[64];

	if (sscanf(line, "%*s %d %llu %llu", &i, &out_bytes, &in_bytes) < 1 || i < 0 || i >= SLOTS)
		return;
	if (!strcmp(verb, "open") &&
	    sscanf(line, "%*s %*d %d %63s %d %d", &family, host, &port, &kind) == 4) {
		slots[i].fd = open_to(family, host, port);
		slots[i].kind = kind % KINDS;
	} else if (!strcmp(verb, "talk")) {
		truth_check(talk(&slots[i], out_bytes, in_bytes), "exchange");
	} else if (!strcmp(verb, "file")) {
		send_file(&slots[i], out_bytes);
	} else if (!strcmp(verb, "inherit")) {
		inherit(&slots[i], out_bytes, in_bytes);
	} else if (!strcmp(verb, "half")) {
		shutdown(slots[i].fd, SHUT_WR);
	} else if (!strcmp(verb, "reset")) {
		reset(slots[i].fd);
	} else if (!strcmp(verb, "close")) {
		close(slots[i].fd);
	}
}

static void obey_other(const char *verb, const char *line)
{
	char word[256] = "";
	unsigned long bytes = 0;
	int n = 0, flag = 0;

	if (!strcmp(verb, "short"))
		shorts(line);
	else if (!strcmp(verb, "udp") && sscanf(line, "%*s %d %lu %d", &n, &bytes, &flag) == 3)
		udp(n, bytes, flag);
	else if (!strcmp(verb, "unix") && sscanf(line, "%*s %255s %d %lu", word, &n, &bytes) == 3)
		unix_pair(word, n, bytes);
	else if (!strcmp(verb, "keep"))
		truth_check(socket(AF_INET, SOCK_DGRAM, 0) >= 0, "socket");
	else if (!strcmp(verb, "write") && sscanf(line, "%*s %255s %lu", word, &bytes) == 2)
		store(word, bytes);
	else if (!strcmp(verb, "read") && sscanf(line, "%*s %255s", word) == 1)
		fetch(word);
}

static void answer(const char *verb, const char *line)
{
	int family, kind;

	if (!strcmp(verb, "listen") && sscanf(line, "%*s %d %d", &family, &kind) == 2)
		printf("done %d\n", listen_on(family, kind % KINDS));
	else if (!strcmp(verb, "totals"))
		printf("done %llu %llu %llu %llu %llu %llu\n", (unsigned long long)sent[0],
		       (unsigned long long)received[0], (unsigned long long)sent[1],
		       (unsigned long long)received[1], (unsigned long long)sent[2],
		       (unsigned long long)received[2]);
	else
		puts("done");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct truth_opts opts;
	char line[512];

	truth_init(&opts, argc, argv);
	truth_ready(&opts);
	while (fgets(line, sizeof(line), stdin) && strcmp(line, "quit\n")) {
		char verb[16] = "";

		sscanf(line, "%15s", verb);
		obey_slot(verb, line);
		obey_other(verb, line);
		answer(verb, line);
	}
	return truth_finish();
}
