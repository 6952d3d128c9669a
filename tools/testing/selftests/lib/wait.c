// SPDX-License-Identifier: GPL-2.0
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>

#include "wait.h"

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ull + ts.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

int event_new(void)
{
	return sys(eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE));
}

void event_post(int event)
{
	if (eventfd_write(event, 1))
		abort();
}

int event_wait(int event)
{
	struct pollfd pfd = { .fd = event, .events = POLLIN };
	eventfd_t value;

	if (poll(&pfd, 1, 20000) != 1)
		return -ETIMEDOUT;
	return sys(eventfd_read(event, &value));
}
