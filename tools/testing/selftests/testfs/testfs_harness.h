/* SPDX-License-Identifier: GPL-2.0 */
/* Programs of tests: the subject, fixtures, loading of the module. */
#ifndef TESTFS_SELFTEST_HARNESS_H
#define TESTFS_SELFTEST_HARNESS_H

#include "harness.h"
#include "module_main.h"
#include "slab.h"
#include "testfs.h"

/* What must be of as many as before. */
struct noted {
	long inodes;
	struct tally tally;
};

static inline void note_counts(void *noted)
{
	struct noted *all = noted;

	all->inodes = slab_settled(TESTFS_CACHE);
	all->tally = tally();
}

/* Whether as much of each kind is there. */
static inline bool same_live(struct tally a, struct tally b)
{
	return !memcmp(a.live, b.live, (WAITING + 1) * sizeof(a.live[0]));
}

static inline int check_counts(const void *noted)
{
	const struct noted *all = noted;
	int bad = slab_check(TESTFS_CACHE, all->inodes), i;
	struct tally now;

	if (wait_until(same_live(now = tally(), all->tally), PATIENCE))
		return bad;
	for (i = 0; i <= WAITING; i++)
		fprintf(stderr, "# guard: kind %d: %ld -> %ld\n", i, all->tally.live[i],
			now.live[i]);
	return bad + 1;
}

#define TESTFS_SUBJECT							\
	const struct subject subject = {				\
		.module = TESTFS,					\
		.module_path = "TESTFS_MODULE",				\
		.note = note_counts,					\
		.noted_size = sizeof(struct noted),			\
		.check = check_counts,					\
	};

/* A fixture with a mount at M. */
#define TESTFS_FIXTURE(name)						\
	FIXTURE(name) { };						\
	FIXTURE_SETUP(name)						\
	{								\
		ASSERT_EQ(0, mount_at(M, TESTFS, NULL));		\
	}								\
	FIXTURE_TEARDOWN(name) { }

#define TESTFS_TEST_MAIN						\
	TESTFS_SUBJECT							\
	int main(int argc, char **argv)					\
	{								\
		return module_main(argc, argv, run_all_guarded, true);	\
	}

#endif /* TESTFS_SELFTEST_HARNESS_H */
