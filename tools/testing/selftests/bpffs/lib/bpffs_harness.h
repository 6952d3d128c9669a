/* SPDX-License-Identifier: GPL-2.0 */
/* The harness (../../lib/harness.h) for tests of bpffs. */
#ifndef BPFFS_SELFTEST_BPFFS_HARNESS_H
#define BPFFS_SELFTEST_BPFFS_HARNESS_H

#include "harness.h"
#include "bpffs.h"

/* A fixture for tests that need nothing but the guard, and a main() that runs them. */
#define BPFFS_FIXTURE	GUARDED_FIXTURE
#define BPFFS_TEST_MAIN	GUARDED_TEST_MAIN

static pid_t begun_by;

static void end_unloaded(void)
{
	int err = getpid() != begun_by || module_refcnt() < 0 ? 0 : module_unload();

	if (err)
		fprintf(stderr, "# cannot unload the module: %s\n", strerror(-err));
}

/*
 * For a program that loads the module itself. False, with a message, if the module is
 * loaded already. When the program ends, the module is unloaded, whatever became of
 * the tests.
 */
static inline bool begin_unloaded(const char *program)
{
	if (module_refcnt() >= 0) {
		fprintf(stderr, "%s: the module " MODULE_NAME " is loaded: unload it first\n",
			program);
		return false;
	}
	begun_by = getpid();
	mounts_ask_for_nothing();
	atexit(end_unloaded);
	return true;
}

#endif /* BPFFS_SELFTEST_BPFFS_HARNESS_H */
