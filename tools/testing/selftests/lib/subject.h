/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is under test. The library knows nothing about the file system that a suite
 * of tests is for; the suite defines this struct once, and the guard (guard.h),
 * state.h and failnth.h ask it. Every member may be NULL.
 */
#ifndef SELFTEST_SUBJECT_H
#define SELFTEST_SUBJECT_H

#include <stdio.h>

#include "sys.h"

struct subject {
	/* Name of the module that is under test; the guard counts references to it. */
	const char *module;
	/* The variable of the environment that holds the path of the module's file. */
	const char *module_path;
	/* Called before the first test: brings about what happens only once after boot. */
	void (*prepare)(void);
	/* Called before a test: notes what there is in @noted, which has so many bytes. */
	void (*note)(void *noted);
	size_t noted_size;
	/*
	 * Called after a test: compares with what was noted, waits for what is freed
	 * late, prints what is left as lines that begin with "# guard: ", and returns
	 * the number of complaints.
	 */
	int (*check)(const void *noted);
	/* Adds to the text of state_read() what only this suite knows of. */
	void (*add_state)(FILE *out);
	/*
	 * Whether another implementation than the one under test serves. Then calls
	 * that have a reason in not_on_c (failnth.h) are not made.
	 */
	bool (*other_serves)(void);
};

extern const struct subject subject;

/* Milliseconds within which what is freed late is gone: a chain of grace periods on a slow kernel. */
#define PATIENCE 30000

#endif /* SELFTEST_SUBJECT_H */
