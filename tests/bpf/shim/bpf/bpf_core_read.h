/* SPDX-License-Identifier: GPL-2.0-only */
/* bpf_core_read.h - relocated reads of kernel memory, which here is the test's own. */
#ifndef SHIM_BPF_CORE_READ_H
#define SHIM_BPF_CORE_READ_H

#include <bpf/bpf_helpers.h>

/* A null pointer is read as zeros, as the kernel does it, and is no error of the test. */
#define SHIM_READ(p, field)                                                                        \
	({                                                                                         \
		typeof(((void)0, (p)->field)) shim_value_; /* without const */                     \
		bpf_probe_read_kernel(&shim_value_, sizeof(shim_value_),                           \
				      (const char *)(p) +                                          \
					      __builtin_offsetof(typeof(*(p)), field));            \
		shim_value_;                                                                       \
	})
#define SHIM_READ1(p, a) SHIM_READ(p, a)
#define SHIM_READ2(p, a, b)                                                                        \
	({                                                                                         \
		typeof((p)->a) shim_at_ = SHIM_READ(p, a);                                         \
		SHIM_READ(shim_at_, b);                                                            \
	})
#define SHIM_READ3(p, a, b, c)                                                                     \
	({                                                                                         \
		typeof((p)->a) shim_on_ = SHIM_READ(p, a);                                         \
		SHIM_READ2(shim_on_, b, c);                                                        \
	})
#define SHIM_PICK(_1, _2, _3, name, ...) name
#define BPF_CORE_READ(p, ...)                                                                      \
	SHIM_PICK(__VA_ARGS__, SHIM_READ3, SHIM_READ2, SHIM_READ1)(p, __VA_ARGS__)
#define BPF_CORE_READ_INTO(dst, p, field)                                                          \
	bpf_probe_read_kernel((dst), sizeof(*(dst)),                                               \
			      (const char *)(p) + __builtin_offsetof(typeof(*(p)), field))

#define BPF_CORE_READ_BITFIELD(p, field) ((p)->field)

#define bpf_core_field_exists(...)	   1
#define bpf_core_field_offset(type, field) __builtin_offsetof(type, field)
#define bpf_core_type_size(type)	   sizeof(type)

/* The only value asked for is the helper bpf_find_vma: has this kernel got it? */
int shim_has_find_vma(void);
#define bpf_core_enum_value_exists(type, value) ((void)(value), shim_has_find_vma())

#endif
