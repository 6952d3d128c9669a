// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <sys/random.h>

#include "parameters.h"

unsigned long stress(unsigned long n)
{
	const char *factor = getenv("BPFFS_STRESS");
	double f = factor ? strtod(factor, NULL) : 1;

	return f > 0 && n * f >= 1 ? n * f : 1;
}

uint64_t choose_seed(void)
{
	const char *given = getenv("BPFFS_SEED");
	uint32_t seed = 0;

	if (given)
		return strtoull(given, NULL, 0);
	/* Short enough to be typed. */
	if (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		abort();
	return seed;
}
