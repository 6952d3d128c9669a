/* SPDX-License-Identifier: GPL-2.0 */
/* Parameters of a run of tests, from the environment. */
#ifndef SELFTEST_PARAMETERS_H
#define SELFTEST_PARAMETERS_H

#include "sys.h"

/* How often a loop of a stress test runs: @n times the factor in BPFFS_STRESS (default 1). */
unsigned long stress(unsigned long n);

/* The seed of a test's random numbers: BPFFS_SEED, or a random one. The test prints the seed. */
uint64_t choose_seed(void);

#endif /* SELFTEST_PARAMETERS_H */
