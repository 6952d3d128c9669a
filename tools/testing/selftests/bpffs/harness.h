/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kselftest harness with a guard around every test: whatever a test file
 * defines runs in a mount namespace of its own and is checked for leaks, see
 * guard_enter() and guard_leave(). Use TEST_F(): only its metadata is shared
 * with child processes of the test.
 */
#ifndef BPFFS_SELFTEST_HARNESS_H
#define BPFFS_SELFTEST_HARNESS_H

#include <sys/prctl.h>

#include "kselftest_harness.h"
#include "util.h"

/* A fixture for tests that need nothing but the guard. */
#define BPFFS_FIXTURE(name)			\
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

/* For tests whose length is a parameter. */
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

static pid_t begun_by;

static void end_unloaded(void)
{
	int err = getpid() != begun_by || module_refcnt() < 0 ? 0 : module_unload();

	if (err)
		fprintf(stderr, "# cannot unload the module: %s\n", strerror(-err));
}

/*
 * For programs that load the module themselves: they begin without it and end so,
 * whatever becomes of their tests. False if it is loaded.
 */
static inline bool begin_unloaded(const char *program)
{
	if (module_refcnt() >= 0) {
		fprintf(stderr, "%s: the module " MODULE_NAME " is loaded: unload it first\n",
			program);
		return false;
	}
	begun_by = getpid();
	atexit(end_unloaded);
	return true;
}

#define BPFFS_TEST_MAIN						\
	int main(int argc, char **argv)				\
	{							\
		return run_all_guarded(argc, argv);		\
	}

#endif /* BPFFS_SELFTEST_HARNESS_H */
