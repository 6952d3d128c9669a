/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The extended attributes bpf.*, which instances of ours have and those of C's do not:
 *
 *	EXPECT_STREQ(on_ours("map:hash"), attribute("bpf/map", "bpf.type"));
 */
#ifndef BPFFS_SELFTEST_WHATIS_H
#define BPFFS_SELFTEST_WHATIS_H

#include "sys.h"

/* Whether the instances that mount_bpf() makes are ours. */
bool mounts_are_ours(void);
/*
 * What attribute() is to return: on ours @value, which is a value or the name of an
 * errno; on C's "EOPNOTSUPP".
 */
const char *on_ours(const char *value);
/* The same for the result of a call. */
long on_ours_ret(long ret);

/*
 * The value of the attribute of what is at the path, be it a symlink; or the name of
 * the errno. Good until the fourth call after this one.
 */
const char *attribute(const char *path, const char *name);

/*
 * "KIND:TYPE" as bpf.type says: @constant of an enumeration of the kernel's without
 * @prefix, in lower case. Good until the fourth call after this one.
 */
const char *type_text(const char *kind, const char *prefix, const char *constant);
/* @number in decimal. Good as above. */
const char *number_text(long number);

#endif /* BPFFS_SELFTEST_WHATIS_H */
