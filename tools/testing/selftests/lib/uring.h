/* SPDX-License-Identifier: GPL-2.0 */
/* System calls by io_uring, which a worker makes in place of the caller. */
#ifndef SELFTEST_URING_H
#define SELFTEST_URING_H

/* unlink(2) by a worker; 0 or -errno, which is -ENOSYS if the kernel has no io_uring. */
int uring_unlink(const char *path);

#endif /* SELFTEST_URING_H */
