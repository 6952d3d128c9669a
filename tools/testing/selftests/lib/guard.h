/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guard around a test. guard_enter() gives the calling process a mount
 * namespace of its own, with an empty tmpfs at /tmp as its working directory.
 * guard_leave() goes back, and says what the test has left behind: processes,
 * references to the module, what the suite's subject.check() finds, and warnings in
 * the kernel's log. The kernel frees some things late, so the guard waits.
 */
#ifndef SELFTEST_GUARD_H
#define SELFTEST_GUARD_H

#include "sys.h"

struct guard;

/* One guard serves all tests of a program; NULL if there cannot be one, which is printed. */
struct guard *guard_new(void);
/* 0 or -errno. */
int guard_enter(struct guard *guard);
/* The number of complaints, each of which is printed as a line of diagnostics. */
int guard_leave(struct guard *guard);

/*
 * Parts of the guard, for a span that is longer than a test. guard_note() notes
 * what there is. guard_leaks() returns the number of complaints about what is not
 * as it was noted last; guard_log() that of faults in the kernel's log since the
 * last look.
 */
void guard_note(struct guard *guard);
int guard_leaks(struct guard *guard);
int guard_log(struct guard *guard);

#endif /* SELFTEST_GUARD_H */
