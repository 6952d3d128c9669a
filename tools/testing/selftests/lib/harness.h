/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kselftest harness with a guard around every test (guard.h). A test file
 * defines tests with TEST_F(), and ends with GUARDED_TEST_MAIN or with a main() that
 * calls run_all_guarded(). TEST() is no choice: only the results of TEST_F() count
 * in child processes of the test, too.
 */
#ifndef SELFTEST_HARNESS_H
#define SELFTEST_HARNESS_H

#include <sys/prctl.h>

#include "kselftest_harness.h"
#include "guard.h"
#include "process.h"

/* A fixture for tests that need nothing but the guard. */
#define GUARDED_FIXTURE(name)			\
	FIXTURE(name) { };			\
	FIXTURE_SETUP(name) { }			\
	FIXTURE_TEARDOWN(name) { }

typedef void (*test_fn)(struct __test_metadata *,
			struct __fixture_variant_metadata *);

static struct {
	struct __test_metadata *test;
	test_fn fn;
} guarded[256];
static unsigned int guarded_cnt;
static struct guard *guard;

static void run_guarded(struct __test_metadata *_metadata,
			struct __fixture_variant_metadata *variant)
{
	unsigned int i = 0;
	int err;

	while (guarded[i].test != _metadata)
		i++;
	err = guard_enter(guard);
	if (err) {
		TH_LOG("cannot set the test up: %s", strerror(-err));
		_metadata->exit_code = KSFT_FAIL;
		return;
	}
	guarded[i].fn(_metadata, variant);
	if (guard_leave(guard))
		_metadata->exit_code = KSFT_FAIL;
}

/* Gives all tests of the program so many seconds, where the length of tests is a parameter. */
static inline void set_timeouts(int seconds)
{
	struct __fixture_metadata *f;
	struct __test_metadata *t;

	for (f = __fixture_list; f; f = f->next) {
		for (t = f->tests; t; t = t->next)
			t->timeout = seconds;
	}
}

/* The program ends with exit(), its tests with _exit(). */
static void end_orphans(void)
{
	end_children();
}

/* Runs all tests; the exit status of the program. */
static int run_all_guarded(int argc, char **argv)
{
	struct __fixture_metadata *f;
	struct __test_metadata *t;
	int slower;

	if (geteuid()) {
		fprintf(stderr, "%s: needs root\n", argv[0]);
		return KSFT_FAIL;
	}
	/* Tests that were killed may leave processes, which are to end with us. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	atexit(end_orphans);
	/* There, each call takes several times as long. */
	slower = getenv("BPFFS_DEBUG") ? 4 : 1;
	guard = guard_new();
	for (f = __fixture_list; f && guard; f = f->next) {
		for (t = f->tests; t; t = t->next) {
			if (guarded_cnt == ARRAY_SIZE(guarded)) {
				fprintf(stderr, "%s: too many tests\n", argv[0]);
				return KSFT_FAIL;
			}
			guarded[guarded_cnt].test = t;
			guarded[guarded_cnt++].fn = t->fn;
			t->fn = run_guarded;
			t->timeout *= slower;
		}
	}
	if (!guard)
		return KSFT_FAIL;
	return test_harness_run(argc, argv);
}

#define GUARDED_TEST_MAIN						\
	int main(int argc, char **argv)				\
	{							\
		return run_all_guarded(argc, argv);		\
	}

#endif /* SELFTEST_HARNESS_H */
