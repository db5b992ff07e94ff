/* SPDX-License-Identifier: GPL-2.0-only */
#include "control.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"

static void obey(char *line)
{
	const char *why = "neither begin nor end";
	int err = -1;

	line[strcspn(line, "\n")] = '\0';
	if (strncmp(line, "begin ", 6) == 0)
		err = faults_begin(line + 6, &why);
	else if (strncmp(line, "end ", 4) == 0)
		err = faults_finish(line + 4, &why);
	if (err)
		printf("refused: %s\n", why);
	else
		puts("done");
	fflush(stdout);
	/* The main thread starts and stops the faults of the process. */
	kill(getpid(), SIGUSR1);
}

static void *read_commands(void *arg)
{
	char line[256];

	(void)arg;
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return NULL;
}

int control_start(void)
{
	pthread_t thread;
	int err = -pthread_create(&thread, NULL, read_commands, NULL);

	if (!err) {
		pthread_setname_np(thread, "control");
		pthread_detach(thread);
	}
	return err;
}
