/* SPDX-License-Identifier: GPL-2.0-only */
/* errors.h - what the readers of configuration need of struct config_errors beyond config.h. */
#ifndef CHESHIRE_CONFIG_ERRORS_H
#define CHESHIRE_CONFIG_ERRORS_H

#include <stdarg.h>
#include <stddef.h>

struct config_errors;
struct config_pos;

#define CONFIG_ERRORS_MAX 200 /* further messages are only counted */

/* Keeps a copy of a file's text, so that messages can show the offending line. */
void config_errors__add_source(struct config_errors *errors, const char *file, const char *text,
			       size_t len);
void config_errors__vadd(struct config_errors *errors, const struct config_pos *pos,
			 const char *fmt, va_list args) __attribute__((format(printf, 3, 0)));

#endif /* CHESHIRE_CONFIG_ERRORS_H */
