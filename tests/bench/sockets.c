/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sockets.c - two threads that send each other a byte, on one CPU, over sockets of one kind; and
 * one thread that sends to itself, where nothing but the two calls is left.
 *
 *   sockets CPU      commands on stdin: "udp MS", "unix MS", "tcp MS", "alone MS" (unix, one
 *                    thread), "connect MS" (connections over 127.0.0.1, opened and closed);
 *                    answers: {"trips":N,"ns":N,"cpu_ns":N}
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Two connected descriptors: [0] pings, [1] pongs. */
struct pair {
	int fd[2];
};

static int listener;
static struct sockaddr_in listener_address;

static uint64_t read_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static uint64_t now_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

static void require(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

static void *pong(void *arg)
{
	int fd = ((struct pair *)arg)->fd[1];
	char byte;

	while (recv(fd, &byte, 1, 0) == 1)
		if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1)
			break;
	return NULL;
}

static void trip(int out, int in)
{
	char byte = 0;

	require(send(out, &byte, 1, 0) == 1 && recv(in, &byte, 1, 0) == 1, "trip");
}

static void bound(int fd, struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);

	memset(address, 0, sizeof(*address));
	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	require(!bind(fd, (struct sockaddr *)address, size), "bind");
	require(!getsockname(fd, (struct sockaddr *)address, &size), "getsockname");
}

static void join_to(int fd, const struct sockaddr_in *address)
{
	require(!connect(fd, (const struct sockaddr *)address, sizeof(*address)), "connect");
}

static struct pair udp_pair(void)
{
	struct pair pair = {{socket(AF_INET, SOCK_DGRAM, 0), socket(AF_INET, SOCK_DGRAM, 0)}};
	struct sockaddr_in address[2];

	bound(pair.fd[0], &address[0]);
	bound(pair.fd[1], &address[1]);
	join_to(pair.fd[0], &address[1]);
	join_to(pair.fd[1], &address[0]);
	return pair;
}

static struct pair unix_pair(void)
{
	struct pair pair;

	require(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair.fd), "socketpair");
	return pair;
}

static struct pair tcp_pair(void)
{
	struct pair pair = {{socket(AF_INET, SOCK_STREAM, 0), -1}};
	int on = 1;

	join_to(pair.fd[0], &listener_address);
	pair.fd[1] = accept(listener, NULL, NULL);
	for (int i = 0; i < 2; i++)
		setsockopt(pair.fd[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return pair;
}

static uint64_t between_threads(struct pair *pair, uint64_t until_ns)
{
	pthread_t thread;
	uint64_t trips = 0;

	require(!pthread_create(&thread, NULL, pong, pair), "thread");
	for (; now_ns() < until_ns; trips++)
		trip(pair->fd[0], pair->fd[0]);
	shutdown(pair->fd[1], SHUT_RDWR);
	shutdown(pair->fd[0], SHUT_RDWR);
	pthread_join(thread, NULL);
	return trips;
}

static uint64_t alone(struct pair *pair, uint64_t until_ns)
{
	uint64_t trips = 0;

	for (; now_ns() < until_ns; trips++)
		trip(pair->fd[0], pair->fd[1]);
	return trips;
}

/* Resets: the bench shall not run out of ports that wait for their time to pass. */
static uint64_t connections(uint64_t until_ns)
{
	const struct linger now = {.l_onoff = 1};
	uint64_t trips = 0;

	for (; now_ns() < until_ns; trips++) {
		struct pair pair = tcp_pair();

		setsockopt(pair.fd[0], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(pair.fd[0]);
		close(pair.fd[1]);
	}
	return trips;
}

static uint64_t run(const char *verb, uint64_t until_ns)
{
	struct pair pair;
	uint64_t trips;

	if (!strcmp(verb, "connect"))
		return connections(until_ns);
	pair = !strcmp(verb, "udp") ? udp_pair() : !strcmp(verb, "tcp") ? tcp_pair() : unix_pair();
	trips = !strcmp(verb, "alone") ? alone(&pair, until_ns) : between_threads(&pair, until_ns);
	close(pair.fd[0]);
	close(pair.fd[1]);
	return trips;
}

int main(int argc, char **argv)
{
	char line[64], verb[16];
	unsigned long long ms;
	cpu_set_t cpus;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&cpus);
	CPU_SET(argc > 1 ? atoi(argv[1]) : 0, &cpus);
	require(!sched_setaffinity(0, sizeof(cpus), &cpus), "affinity");
	listener = socket(AF_INET, SOCK_STREAM, 0);
	bound(listener, &listener_address);
	require(!listen(listener, 64), "listen");
	puts("ready");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		uint64_t start_ns, cpu_ns, trips;

		if (sscanf(line, "%15s %llu", verb, &ms) != 2)
			continue;
		start_ns = now_ns();
		cpu_ns = read_ns(CLOCK_PROCESS_CPUTIME_ID);
		trips = run(verb, start_ns + ms * 1000000);
		cpu_ns = read_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
		printf("{\"trips\":%llu,\"ns\":%llu,\"cpu_ns\":%llu}\n", (unsigned long long)trips,
		       (unsigned long long)(now_ns() - start_ns), (unsigned long long)cpu_ns);
		fflush(stdout);
	}
	return 0;
}
