/* SPDX-License-Identifier: GPL-2.0 */
/* Programs of tests that load the module under test, and unload it in the end. */
#ifndef SELFTEST_MODULE_MAIN_H
#define SELFTEST_MODULE_MAIN_H

#include "harness.h"
#include "module.h"
#include "subject.h"

static pid_t begun_by;

/* As the last of what the program does, since exit() calls it after the harness's own. */
static void unload(void)
{
	int err;

	if (getpid() != begun_by)
		return;
	end_children();
	err = module_remove();
	if (!err)
		return;
	fprintf(stderr, "# cannot unload the module %s: %s\n", subject.module, strerror(-err));
	fflush(NULL);
	_exit(KSFT_FAIL);
}

/*
 * The whole program: loads the module if @load, calls @run, and unloads the module in the
 * end. Where the tests load the module themselves it is not there at first.
 */
static int module_main(int argc, char **argv, int (*run)(int argc, char **argv), bool load)
{
	int err;

	if (geteuid()) {
		fprintf(stderr, "%s: needs root\n", argv[0]);
		return KSFT_FAIL;
	}
	if (module_refcnt() >= 0) {
		fprintf(stderr, "%s: the module %s is loaded: unload it first\n", argv[0],
			subject.module);
		return KSFT_FAIL;
	}
	begun_by = getpid();
	err = load ? module_insert(NULL) : 0;
	if (err) {
		fprintf(stderr, "%s: cannot load the module %s: %s (set %s to the path of its file)\n",
			argv[0], subject.module, strerror(-err), subject.module_path);
		return KSFT_FAIL;
	}
	if (load)
		atexit(unload);
	return run(argc, argv);
}

#endif /* SELFTEST_MODULE_MAIN_H */
