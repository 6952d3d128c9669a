/* SPDX-License-Identifier: GPL-2.0 */
/* Type information: the kernel's, and some to give to maps. Needs libbpf. */
#ifndef BPFFS_SELFTEST_KBTF_H
#define BPFFS_SELFTEST_KBTF_H

#include <stdbool.h>
#include <bpf/btf.h>

/*
 * Reads the kernel's types, for this process and its children: they are large.
 * Ends the program if there are none.
 */
void kernel_btf_prepare(void);
const struct btf *kernel_btf(void);
/* Id of what has this name and kind there, or -errno. */
int kernel_btf_id(const char *name, unsigned int kind);
/* Value of an enumeration's constant there, or -errno. */
int kernel_btf_enum(const char *enumeration, const char *constant);

/* Loads @btf, which it frees; fd or -errno. */
int btf_load(struct btf *btf);

#endif /* BPFFS_SELFTEST_KBTF_H */
