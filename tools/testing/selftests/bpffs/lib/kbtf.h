/* SPDX-License-Identifier: GPL-2.0 */
/* Type information (BTF): the kernel's, and such as maps are given. Programs link with libbpf. */
#ifndef BPFFS_SELFTEST_KBTF_H
#define BPFFS_SELFTEST_KBTF_H

#include <stdbool.h>
#include <bpf/btf.h>

/*
 * Reads the kernel's types, once for this process and its children, because that takes
 * long. Ends the program if there are no types.
 */
void kernel_btf_prepare(void);
/* The types that were read. */
const struct btf *kernel_btf(void);
/* The id of the kernel's type of this name and kind, or -errno. */
int kernel_btf_id(const char *name, unsigned int kind);
/* The value of a constant of an enumeration of the kernel's, or -errno. */
int kernel_btf_enum(const char *enumeration, const char *constant);
/* Where a member of a structure of the kernel's is, in bytes, or -errno. */
int kernel_btf_offset(const char *structure, const char *member);

/* Loads @btf and frees it; descriptor or -errno. */
int btf_load(struct btf *btf);

#endif /* BPFFS_SELFTEST_KBTF_H */
