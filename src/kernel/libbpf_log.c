/* SPDX-License-Identifier: GPL-2.0-only */
#include "kernel/libbpf_log.h"

#include <stdarg.h>

#include <bpf/libbpf.h>

#include "log/log.h"

static int __attribute__((format(printf, 2, 0)))
log_libbpf(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (level == LIBBPF_WARN)
		log_va(LOG_LEVEL_INFO, fmt, args);
	else if (level == LIBBPF_DEBUG && log_get_level() >= LOG_LEVEL_DEBUG)
		log_va(LOG_LEVEL_DEBUG, fmt, args);
	return 0;
}

void libbpf_log_set(void)
{
	libbpf_set_print(log_libbpf);
}
