/* SPDX-License-Identifier: GPL-2.0-only */
/* Opening a pocketsphinx decoder on the assistant's model and dictionary. */
#ifndef ALICE_DECODER_H
#define ALICE_DECODER_H

#include <pocketsphinx.h>

#include "options.h"

/* A decoder without a search, or NULL with a message on stderr. The caller frees it. */
ps_decoder_t *decoder_open(const struct options *opt);

/* Silences the library's chatter on stderr. */
void decoder_quiet(void);

#endif
