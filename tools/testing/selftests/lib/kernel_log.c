// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel_log.h"

#define NOTHING(text)

/* Texts of kernel_log.def. */
#define FAULT(text)			text,
#define TRACE(text)			text,
#define FAILING				NOTHING
#define FAILING_NO_MORE			NOTHING
#define ALLOCATION_FAILED		NOTHING
static const char *const faults[] = {
#include "kernel_log.def"
	NULL
};

#undef FAULT
#undef TRACE
#undef ALLOCATION_FAILED
#define FAULT				NOTHING
#define TRACE				NOTHING
#define ALLOCATION_FAILED(text)		text,
static const char *const allocation_failed[] = {
#include "kernel_log.def"
	NULL
};

#undef TRACE
#undef FAILING
#undef FAILING_NO_MORE
#undef ALLOCATION_FAILED
#define TRACE(text)			static const char trace[] = text;
#define FAILING(text)			const char log_failing[] = text;
#define FAILING_NO_MORE(text)		const char log_failing_no_more[] = text;
#define ALLOCATION_FAILED		NOTHING
#include "kernel_log.def"

int kernel_log_open(void)
{
	int log = sys(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)), err;

	if (log < 0)
		return log;
	err = sys(lseek(log, 0, SEEK_END));
	if (err) {
		close(log);
		return err;
	}
	return log;
}

/* Whether @text is in @msg where a word begins. */
static bool has_word(const char *msg, const char *text)
{
	const char *at;

	for (at = strstr(msg, text); at; at = strstr(at + 1, text)) {
		if (at == msg || (!isalnum((unsigned char)at[-1]) && at[-1] != '_'))
			return true;
	}
	return false;
}

static bool has_any(const char *msg, const char *const *texts)
{
	for (; *texts; texts++) {
		if (has_word(msg, *texts))
			return true;
	}
	return false;
}

int kernel_log_faults(int log)
{
	bool failing = false, failed = false;
	char record[8192];
	ssize_t len;
	int bad = 0;

	for (;;) {
		bool from_kernel;
		char *msg;

		len = read(log, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)	/* records were overwritten */
			continue;
		if (len <= 0)
			return bad;
		record[len] = '\0';
		msg = strchr(record, ';');
		if (!msg)
			continue;
		msg++;
		msg[strcspn(msg, "\n")] = '\0';
		/* The facility is that of the kernel, and the rest the level. */
		from_kernel = strtoul(record, NULL, 10) >> 3 == 0;
		if (!from_kernel) {
			if (strstr(msg, log_failing)) {
				failing = !strstr(msg, log_failing_no_more);
				failed = false;
			}
			continue;
		}
		if (failing && has_any(msg, allocation_failed))
			failed = true;
		if (!has_any(msg, faults))
			continue;
		if (failed && strstr(msg, trace)) {
			failed = false;
			continue;
		}
		fprintf(stderr, "# guard: kernel log: %s\n", msg);
		bad++;
	}
}
