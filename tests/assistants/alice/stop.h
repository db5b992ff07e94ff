/* SPDX-License-Identifier: GPL-2.0-only */
/* One flag: the assistant is to end. */
#ifndef ALICE_STOP_H
#define ALICE_STOP_H

#include <stdbool.h>

void stop_request(void);
bool stop_requested(void);

#endif
