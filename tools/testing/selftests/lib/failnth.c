// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "kselftest.h"
#include "failnth.h"
#include "file.h"
#include "kernel_log.h"
#include "parameters.h"
#include "slab.h"
#include "state.h"
#include "subject.h"
#include "wait.h"

/*
 * Which allocation is the nth is not quite the same each time: a slab may be full,
 * and then a page is allocated for the next. So objects and pages have a round each,
 * of which the first is nearly exact; and each goes on until so many attempts in a
 * row were without a failure.
 */
#define ROUNDS		2
#define QUIET		2

/* An allocation that no call gets to. */
#define NEVER		1000000000

/* ---- failing an allocation ---- */

static struct {
	int fd;
	int log;
	int min_order;
	int ignore_objects;
	pid_t owner;
	/* Which allocation fails; none if 0. */
	unsigned int round, nth;
	/* Whether one has failed; how many there were until then. */
	bool failed;
	unsigned int made;
} inject = { .fd = -1, .log = -1, .min_order = -1, .ignore_objects = -1 };

#define FAILSLAB "/sys/kernel/debug/failslab/"
#define FAIL_PAGE_ALLOC "/sys/kernel/debug/fail_page_alloc/"
#define NO_PAGES "32"

int armed_prepare(void)
{
	if (inject.owner == getpid())
		return 0;
	close(inject.fd);
	close(inject.log);
	close(inject.min_order);
	close(inject.ignore_objects);
	inject.fd = sys(open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC));
	inject.log = sys(open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
	inject.min_order = sys(open(FAIL_PAGE_ALLOC "min-order", O_WRONLY | O_CLOEXEC));
	/* Those that may sleep, which is nearly all. */
	inject.ignore_objects = sys(open(FAILSLAB "ignore-gfp-wait", O_WRONLY | O_CLOEXEC));
	inject.owner = getpid();
	return inject.fd < 0 ? inject.fd : inject.log < 0 ? inject.log :
	       inject.min_order < 0 ? inject.min_order :
	       inject.ignore_objects < 0 ? inject.ignore_objects : 0;
}

/* Nothing of libc is between the first and the last of these system calls. */
long armed(long nr, ...)
{
	char text[16] = "", left[16] = "";
	size_t len = snprintf(text, sizeof(text), "%u", inject.nth);
	long a[6], ret;
	va_list args;
	int i, err;

	va_start(args, nr);
	for (i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);

	if (pwrite(inject.fd, text, len, 0) != len)
		abort();
	ret = syscall(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	err = errno;
	if (pread(inject.fd, left, sizeof(left) - 1, 0) <= 0 || pwrite(inject.fd, "0", 1, 0) != 1)
		abort();
	/* It counts down. */
	inject.failed = inject.nth && !atoi(left);
	inject.made = inject.nth - atoi(left);
	return ret < 0 ? -err : ret;
}

/*
 * Objects are failed in all slab caches but those of the kernel's watchers: nobody
 * else minds when these have no memory, and it would make no point twice.
 */
static int choose_caches(void)
{
	static const char *const watchers[] = {
		"kmemleak_object", "kmemleak_scan_area", "debug_objects_cache",
	};
	DIR *dir = opendir("/sys/kernel/slab");
	struct dirent *entry;
	char path[PATH_MAX];
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		bool watcher = false;
		unsigned int i;

		for (i = 0; i < ARRAY_SIZE(watchers); i++)
			watcher |= !strcmp(entry->d_name, watchers[i]);
		if (entry->d_name[0] == '.' || watcher)
			continue;
		snprintf(path, sizeof(path), "/sys/kernel/slab/%s/failslab", entry->d_name);
		err = write_file(path, "1");
	}
	closedir(dir);
	return err;
}

static int set_up(void)
{
	const char *verbose = getenv("FAILNTH_VERBOSE") ?: "0";
	const struct {
		const char *path;
		const char *value;
	} settings[] = {
		{ FAILSLAB "cache-filter", "Y" },
		{ FAILSLAB "verbose", verbose },
		/* See spare(). */
		{ FAILSLAB "reject-end", "0" },
		{ FAIL_PAGE_ALLOC "ignore-gfp-wait", "N" },
		{ FAIL_PAGE_ALLOC "ignore-gfp-highmem", "N" },
		{ FAIL_PAGE_ALLOC "verbose", verbose },
		{ FAIL_PAGE_ALLOC "reject-end", "0" },
	};
	unsigned int i;
	int err = armed_prepare();

	if (err)
		fprintf(stderr, "# /proc/thread-self/fail-nth: %s: needs CONFIG_FAULT_INJECTION\n",
			strerror(-err));
	for (i = 0; !err && i < ARRAY_SIZE(settings); i++) {
		err = write_file(settings[i].path, settings[i].value);
		if (err)
			fprintf(stderr, "# %s: %s: needs CONFIG_FAILSLAB, CONFIG_FAIL_PAGE_ALLOC\n",
				settings[i].path, strerror(-err));
	}
	if (!err) {
		err = choose_caches();
		if (err)
			fprintf(stderr, "# cannot choose slab caches: %s\n", strerror(-err));
	}
	return err;
}

/* ---- the table ---- */

struct row {
	char name[32];
	/* The last one that failed, in each round; what the calls then gave. */
	unsigned int points[ROUNDS], nomem, other, harmless;
};

/* Shared with the tests, which are processes. */
static struct table {
	pid_t owner;
	int error;
	/* A function in which nothing fails; that is the kernel's setting. */
	const char *spared;
	unsigned int cnt;
	struct row rows[256];
} *table;

static unsigned int points(const struct row *row)
{
	unsigned int sum = 0, round;

	for (round = 0; round < ROUNDS; round++)
		sum += row->points[round];
	return sum;
}

static void print_table(void)
{
	struct row sum = {};
	unsigned int i;

	if (getpid() != table->owner)
		return;
	printf("# report: %s: allocations that were made to fail, and what came of it\n",
	       program_invocation_short_name);
	printf("# report: %-26s %6s %6s %6s %8s\n", "call", "points", "ENOMEM", "other", "success");
	for (i = 0; i <= table->cnt; i++) {
		struct row *row = i < table->cnt ? &table->rows[i] : &sum;

		printf("# report: %-26s %6u %6u %6u %8u\n", row == &sum ? "sum" : row->name,
		       points(row), row->nomem, row->other, row->harmless);
		sum.points[0] += points(row);
		sum.nomem += row->nomem;
		sum.other += row->other;
		sum.harmless += row->harmless;
	}
	if (getenv("FAILNTH_CALL") && !table->cnt) {
		fprintf(stderr, "# FAILNTH_CALL=%s: no such call was made\n",
			getenv("FAILNTH_CALL"));
		fflush(NULL);
		_exit(KSFT_FAIL);
	}
}

int failnth_main(int argc, char **argv, void (*prepare)(void), int (*run)(int argc, char **argv))
{
	table = mmap(NULL, sizeof(*table), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (table == MAP_FAILED) {
		perror("mmap");
		return KSFT_FAIL;
	}
	table->owner = getpid();
	table->error = set_up();
	if (prepare)
		prepare();
	atexit(print_table);
	return run(argc, argv);
}

int failnth_error(void)
{
	return table->error;
}

/* ---- one call ---- */

static bool result_good(const struct call *call, bool failed, long ret)
{
	if (ret == call->result || (!call->result && ret >= 0))
		return true;
	return failed && (ret == -ENOMEM || (call->also && ret == -call->also));
}

static void count(const struct call *call, struct row *row, long ret)
{
	if (!inject.failed)
		return;
	if (row->points[inject.round] < inject.nth)
		row->points[inject.round] = inject.nth;
	if (ret == -ENOMEM)
		row->nomem++;
	else if (ret < 0 && ret != call->result)
		row->other++;
	else
		row->harmless++;
}

static int not_as(const char *state, const char *dir, const struct call *call, const char *when)
{
	int bad = state_check(state, dir);

	if (bad)
		fprintf(stderr, "# %s: allocation %u: not as before %s\n", call->name, inject.nth,
			when);
	return bad;
}

/* Makes the call once, with allocation inject.nth failing. */
static int attempt(const struct call *call, const char *dir, const char *state, struct row *row)
{
	char *prepared = NULL;
	int err = 0, bad = 0;
	long ret;

	if (call->prepare) {
		err = call->prepare();
		if (err) {
			fprintf(stderr, "# %s: cannot prepare: %s\n", call->name, strerror(-err));
			return MAX_COMPLAINTS;
		}
		prepared = state_read(dir);
	}
	ret = call->call();
	count(call, row, ret);
	if (!result_good(call, inject.failed, ret)) {
		fprintf(stderr, "# %s: allocation %u%s: %ld (%s)\n", call->name, inject.nth,
			inject.failed ? "" : ", of which there are less", ret,
			ret < 0 ? strerror(-ret) : "success");
		bad++;
	}
	if (inject.failed && ret < 0)
		bad += not_as(prepared ?: state, dir, call, "although it failed");
	free(prepared);
	if (call->restore)
		err = call->restore(ret);
	if (err) {
		fprintf(stderr, "# %s: allocation %u: it gave %ld, but undoing that %s\n",
			call->name, inject.nth, ret, strerror(-err));
		bad++;
	}
	/* What an attempt without a failure leaves is found by the next check, or the last. */
	if (inject.failed && (call->prepare || ret >= 0))
		bad += not_as(state, dir, call, "after it was undone");
	return bad;
}

static int tell(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) > 0)
		return 0;
	perror("# cannot tell the kernel");
	return 1;
}

/* ---- what must not fail ---- */

/* The addresses of @function, which failslab and fail_page_alloc are to spare. */
static int find_function(const char *function, unsigned long long *start, unsigned long long *end)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long address;
	char line[512], name[256];

	*start = 0;
	*end = ~0ull;
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llx %*c %255s", &address, name) == 2 && !strcmp(name, function))
			*start = address;
	}
	if (!file || !*start)
		return -ENOENT;
	rewind(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%llx", &address) == 1 && address > *start && address < *end)
			*end = address;
	}
	fclose(file);
	return 0;
}

/*
 * Nothing is spared if @function is NULL, as it is at first. Calls in a container
 * must leave it at that, as only the machine's root can change it.
 */
static int spare(const char *function)
{
	static const char *const dirs[] = { FAILSLAB, FAIL_PAGE_ALLOC };
	unsigned long long start = 0, end = 0;
	char path[64], text[32];
	unsigned int i;
	int err = 0;

	if (function == table->spared)
		return 0;
	if (function)
		err = find_function(function, &start, &end);
	for (i = 0; !err && i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%sreject-start", dirs[i]);
		snprintf(text, sizeof(text), "%#llx", start);
		err = write_file(path, text);
		snprintf(path, sizeof(path), "%sreject-end", dirs[i]);
		snprintf(text, sizeof(text), "%#llx", end);
		err = err ?: write_file(path, text);
	}
	if (err)
		fprintf(stderr, "# cannot spare %s: %s: needs CONFIG_FAULT_INJECTION_STACKTRACE_FILTER\n",
			function ?: "nothing", strerror(-err));
	else
		table->spared = function;
	return !!err;
}

/* ---- which allocations ---- */

static int fail_which(bool objects, bool pages)
{
	return tell(inject.min_order, pages ? "0" : NO_PAGES) +
	       tell(inject.ignore_objects, objects ? "N" : "Y");
}

/* Each, in several rounds. */
static int fail_every(const struct call *call, const char *dir, const char *state, struct row *row)
{
	int bad = 0, quiet;

	for (inject.round = 0; inject.round < ROUNDS; inject.round++) {
		bad += fail_which(!inject.round, inject.round);
		inject.nth = 0;
		for (quiet = 0; quiet < QUIET && bad < MAX_COMPLAINTS; ) {
			inject.nth++;
			bad += attempt(call, dir, state, row);
			quiet = inject.failed ? 0 : quiet + 1;
		}
	}
	inject.round = 0;
	return bad + not_as(state, dir, call, "in the end");
}

static unsigned int gcd(unsigned int a, unsigned int b)
{
	return b ? gcd(b, a % b) : a;
}

/*
 * Those of @points that there is time for. Each comes once, and at any time those
 * so far are spread evenly, for which the step is the golden section of the whole.
 */
static int fail_some(const struct call *call, const char *dir, const char *state, struct row *row,
		     unsigned int points)
{
	uint64_t first = choose_seed(), end = now_ms() + call->seconds * 1000;
	unsigned int step = points * 0.618 + 1, i;
	bool all = getenv("FAILNTH_ALL") || getenv("BPFFS_ALL");
	int bad = 0;

	while (gcd(step, points) > 1)
		step++;
	for (i = 0; bad < MAX_COMPLAINTS && (now_ms() < end || all); i++) {
		/* When each has come, there may be more than there were at first. */
		inject.nth = 1 + (i < points ? (first % points + (uint64_t)i * step) % points : i);
		bad += attempt(call, dir, state, row);
		if (i >= points && !inject.failed)
			break;
	}
	printf("# report: %s: %u of about %u allocations, BPFFS_SEED=%llu\n", call->name, i, points,
	       (unsigned long long)first);
	/* All works as ever. */
	inject.nth = 0;
	bad += attempt(call, dir, state, row);
	return bad + not_as(state, dir, call, "in the end");
}

int fail_each(const struct call *call, const char *dir)
{
	struct row *row = &table->rows[table->cnt];
	const char *only = getenv("FAILNTH_CALL");
	char *state;
	int bad;

	bad = table->error ?: armed_prepare();
	if (bad)
		return abs(bad);
	if (only && strcmp(only, call->name))
		return 0;
	if (call->not_on_c && subject.other_serves && subject.other_serves()) {
		fprintf(stderr, "# %s: not made on C, which %s\n", call->name, call->not_on_c);
		return 0;
	}
	if (table->cnt == ARRAY_SIZE(table->rows) - 1)
		abort();
	table->cnt++;
	snprintf(row->name, sizeof(row->name), "%s", call->name);

	state = state_read(dir);
	bad += spare(call->spared);
	bad += fail_which(true, true);
	/* Once without, so that only what the call needs itself is allocated then. */
	inject.nth = NEVER;
	bad += attempt(call, dir, state, row);
	bad += tell(inject.log, log_failing);
	bad += call->seconds ? fail_some(call, dir, state, row, inject.made) :
			       fail_every(call, dir, state, row);
	bad += tell(inject.log, log_failing_no_more);
	free(state);
	if (!points(row) != call->no_points) {
		fprintf(stderr, "# %s: %u points\n", call->name, points(row));
		bad++;
	}
	return bad;
}

int fail_all_in(const struct fail_setup *setup, const struct call *calls, unsigned int cnt)
{
	long before[ARRAY_SIZE(setup->caches)];
	unsigned int i;
	int bad = 0;

	for (i = 0; i < ARRAY_SIZE(before) && setup->caches[i]; i++) {
		before[i] = slab_settled(setup->caches[i]);
		if (before[i] < 0 && !(subject.other_serves && subject.other_serves())) {
			fprintf(stderr, "# %s: not in /proc/slabinfo\n", setup->caches[i]);
			return 1;
		}
	}
	if (setup->make())
		return 1;
	for (i = 0; i < cnt && bad < MAX_COMPLAINTS; i++) {
		bad += fail_each(&calls[i], setup->dir);
		bad += setup->kept && setup->kept();
	}
	bad += !!setup->remove();
	for (i = 0; i < ARRAY_SIZE(before) && setup->caches[i]; i++)
		bad += slab_check(setup->caches[i], before[i]);
	return bad;
}

int undone(long ret, int err)
{
	if (ret >= 0)
		return err;
	return err == -ENOENT ? 0 : err ?: -EEXIST;
}

int restore_fd(long ret)
{
	return ret < 0 ? 0 : sys(close(ret));
}
