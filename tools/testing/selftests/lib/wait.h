/* SPDX-License-Identifier: GPL-2.0 */
/* Waiting: for time to pass, for a condition, for another process. */
#ifndef SELFTEST_WAIT_H
#define SELFTEST_WAIT_H

#include "sys.h"

/* Milliseconds of the monotonic clock. */
uint64_t now_ms(void);
void sleep_ms(unsigned int ms);

/* True as soon as @cond is true; false when @cond is still false after @ms milliseconds. */
#define wait_until(cond, ms) ({						\
	uint64_t __end = now_ms() + (ms);				\
	bool __ok;							\
	while (!(__ok = (cond)) && now_ms() < __end)			\
		sleep_ms(2);						\
	__ok;								\
})

/* An event between processes: the parent calls event_new() before fork(). */
int event_new(void);
void event_post(int event);
/* Returns 0, or -ETIMEDOUT after 20 s. */
int event_wait(int event);

#endif /* SELFTEST_WAIT_H */
