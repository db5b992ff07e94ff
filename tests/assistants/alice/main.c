/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * alice: a voice assistant for demonstrations and tests, on unmodified libraries: pocketsphinx
 * (wake word and speech-to-text), SQLite (intent and answers), espeak-ng or flite (speech). It
 * listens to recordings instead of a microphone, and keeps a log of its own timing.
 */
#include <signal.h>
#include <stddef.h>

#include "assistant.h"

int main(int argc, char **argv)
{
	static struct options opt;
	sigset_t signals;

	options_parse(&opt, argc, argv);
	/* The main thread takes these one by one; threads started later inherit the mask. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return assistant_run(&opt);
}
