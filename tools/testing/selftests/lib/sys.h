/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Results of system calls. A helper that stands for a system call returns what
 * the call returns, or -errno. So a test reads EXPECT_EQ(-EPERM, helper()).
 */
#ifndef SELFTEST_SYS_H
#define SELFTEST_SYS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

/* The result of a function of libc, with -errno in place of -1. */
#define sys(call) ({ long __ret = (call); __ret < 0 ? -errno : __ret; })

#endif /* SELFTEST_SYS_H */
