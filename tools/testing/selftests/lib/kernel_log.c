// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "kernel_log.h"

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

/* Texts that only appear when the kernel has found a fault in itself. */
static const char * const faults[] = {
	"WARNING", "BUG", "Oops", "general protection", "Call Trace",
	"KASAN", "UBSAN", "KCSAN", "refcount_t", "Objects remaining", "still has objects",
	"Busy inodes", "still in use", "possible circular", "possible recursive",
	"inconsistent lock", "suspicious RCU", "unreferenced object",
	"blocked for more than", "detected stall", "self-detected stall",
	"Voluntary context switch", "Bad page state", "list_add corruption", "list_del corruption",
	"unhandled panic", "rust_kernel: panicked",
};

static bool is_fault(const char *msg)
{
	unsigned int i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (strstr(msg, faults[i]))
			return true;
	}
	return false;
}

/* Messages that a call trace follows, which say that an allocation failed. */
static bool tells_failure(const char *msg)
{
	static const char * const failures[] = {
		"page allocation failure: ", "vmalloc error: ", "percpu: allocation failed",
		"__kmem_cache_create_args(",
	};
	unsigned int i;

	for (i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (strstr(msg, failures[i]))
			return true;
	}
	return false;
}

int kernel_log_faults(int log)
{
	bool failing = false, told = false;
	char record[8192];
	ssize_t len;
	int bad = 0;

	for (;;) {
		char *msg;

		len = read(log, record, sizeof(record) - 1);
		if (len < 0 && errno == EPIPE)	/* records were overwritten */
			continue;
		if (len <= 0)
			return bad;
		record[len] = '\0';
		msg = strchr(record, ';');
		if (msg && strstr(msg, LOG_FAILING)) {
			failing = !strstr(msg, LOG_FAILING_NO_MORE);
			told = false;
		}
		if (msg && failing && tells_failure(msg))
			told = true;
		if (!msg || !is_fault(msg))
			continue;
		if (told && strstr(msg, "Call Trace")) {
			told = false;
			continue;
		}
		msg[strcspn(msg, "\n")] = '\0';
		fprintf(stderr, "# guard: kernel log: %s\n", msg + 1);
		bad++;
	}
}
