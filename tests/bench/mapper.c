/* SPDX-License-Identifier: GPL-2.0-only */
/* mapper.c - loads every library named on the command line and calls the last one's function. */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

int main(int argc, char **argv)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	long (*work)(long value) = NULL;
	long value = 0;
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 1; i < argc; i++) {
		void *object = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);

		if (!object) {
			fprintf(stderr, "%s\n", dlerror());
			return 1;
		}
		work = (long (*)(long))dlsym(object, "object_work");
	}
	if (!work)
		return 2;
	puts("ready");
	fflush(stdout);
	for (;;) {
		value += work(value) + 1;
		nanosleep(&pause, NULL);
	}
}
