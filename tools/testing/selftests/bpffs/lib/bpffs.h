/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that the tests of bpffs share, for whoever does not want to name what of it:
 * ../../lib knows nothing of BPF, this directory does.
 */
#ifndef BPFFS_SELFTEST_BPFFS_H
#define BPFFS_SELFTEST_BPFFS_H

#include "bpf_mount.h"
#include "bpf_objects.h"
#include "file.h"
#include "fsmount.h"
#include "guard.h"
#include "implementation.h"
#include "kernel_log.h"
#include "namespace.h"
#include "parameters.h"
#include "process.h"
#include "progs.h"
#include "sys.h"
#include "wait.h"

#endif /* BPFFS_SELFTEST_BPFFS_H */
