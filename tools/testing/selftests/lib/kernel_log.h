/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's log, and the faults in the kernel that it tells of: kernel_log.def lists them. */
#ifndef SELFTEST_KERNEL_LOG_H
#define SELFTEST_KERNEL_LOG_H

#include "sys.h"

/* Opens the log at its end; a descriptor, or -errno. */
int kernel_log_open(void);
/*
 * Reads what came since the last call, prints each message that tells of a fault,
 * and returns their number.
 */
int kernel_log_faults(int log);

/*
 * Marks that a test writes into the kernel's log around calls whose allocations are
 * made to fail. Between the marks, a call trace that follows the kernel's message about a
 * failed allocation is no fault.
 */
extern const char log_failing[], log_failing_no_more[];

#endif /* SELFTEST_KERNEL_LOG_H */
