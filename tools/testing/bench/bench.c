// SPDX-License-Identifier: GPL-2.0
/*
 * Counts what operations on the BPF file system cost, whoever's it is, and on tmpfs, and prints a
 * line for each, of fields with tabs between them:
 *
 *	instructions	bpf|tmpfs	OPERATION	CONDITION	NUMBER
 *	entry	bpf	OPERATION		NUMBER
 *	bytes	bpf	WHAT	CONDITION	NUMBER
 *	cache	bpf	NAME		OBJECTS
 *
 * An entry is instructions, too, of a call that does nothing but reach the function that ours
 * replaces. CONDITION is empty, or says how many pins or instances there were. Time is instructions: the
 * guest is to run under QEMU's -icount shift=0, where the time stamp counter counts those.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <glob.h>
#include <sched.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include "bench.h"

#define ROUNDS 21
#define INSTRUCTIONS "instructions"
/* More of a slab cache's name is not printed. */
#define CACHE_NAME 64
#define CACHES 1024

void die(int error, const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fprintf(stderr, "bench: ");
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fprintf(stderr, "%s%s\n", error ? ": " : "", error ? strerror(error) : "");
	exit(1);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		die(errno, "%s", path);
}

static uint64_t ticks(void)
{
	return __rdtsc();
}

/*
 * Makes sure that the counter counts instructions: then a loop of them is counted to the last, but
 * where an interrupt comes in between.
 */
static void check_counter(void)
{
	uint64_t least = UINT64_MAX, most = 0;
	int same = 0;

	for (int i = 0; i < 20; i++) {
		uint64_t begin = ticks();
		uint64_t count;

		for (int j = 0; j < 1000; j++)
			asm volatile("");
		count = ticks() - begin;
		if (count < least) {
			least = count;
			same = 0;
		}
		same += count == least;
		if (count > most)
			most = count;
	}
	if (same < 15)
		die(0, "a loop takes %lu to %lu ticks of the time stamp counter: "
		       "this is for a guest that counts instructions, make vm ICOUNT=1",
		    least, most);
}

/* Lets the kernel do all it has put off; a guest that sleeps takes no time. */
static void settle(void)
{
	struct timespec time = { .tv_nsec = 20 * 1000 * 1000 };

	nanosleep(&time, NULL);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void nothing(int i)
{
	asm volatile("");
}

/*
 * Instructions of all calls of a round: those of the middle one. A round is short enough that in
 * most of them no interrupt of the timer comes between; these come out the same.
 */
static uint64_t count(const struct op *op, void (*run)(int), int batch)
{
	int rounds = op->rounds ?: ROUNDS;
	uint64_t counts[ROUNDS];

	for (int round = 0; round < rounds; round++) {
		uint64_t begin;

		for (int i = 0; op->before && i < batch; i++)
			op->before(i);
		settle();
		begin = ticks();
		for (int i = 0; i < batch; i++)
			run(i % BATCH);
		counts[round] = ticks() - begin;
		for (int i = 0; op->after && i < batch; i++)
			op->after(i);
	}
	qsort(counts, rounds, sizeof(counts[0]), compare);
	if (getenv("BENCH_VERBOSE")) {
		fprintf(stderr, "# %s:", op->name);
		for (int round = 0; round < rounds; round++)
			fprintf(stderr, " %.1f", (double)counts[round] / batch);
		fprintf(stderr, "\n");
	}
	return counts[rounds / 2];
}

static void measure(const char *unit, const struct op *ops, enum fs fs, const char *condition,
		    int entries)
{
	static const struct op loop = { "nothing" };

	for (const struct op *op = ops; op->name; op++) {
		int batch = op->batch ?: BATCH;
		int divisor = op->divisor < 0 ? entries : op->divisor ?: 1;
		uint64_t all;

		if (!op->run[fs])
			continue;
		all = count(op, op->run[fs], batch) - count(&loop, nothing, batch);
		printf("%s\t%s\t%s\t%s\t%.2f\n", unit, fs_name[fs], op->name, condition,
		       (double)all / batch / divisor);
	}
}

/* The kernel's slab caches. */
struct slabs {
	struct {
		char name[CACHE_NAME];
		unsigned long objects, size;
	} caches[CACHES];
	int count;
	unsigned long bytes;
};

static void slabs_read(struct slabs *slabs)
{
	FILE *file = fopen("/proc/slabinfo", "r");
	char line[512];

	if (!file)
		die(errno, "/proc/slabinfo");
	slabs->count = 0;
	slabs->bytes = 0;
	while (fgets(line, sizeof(line), file)) {
		unsigned long objects, size, pages, count;
		char name[CACHE_NAME];

		/* Not the heading. */
		if (sscanf(line, "%63s %lu %*u %lu %*u %lu : tunables %*u %*u %*u : slabdata %*u %lu",
			   name, &objects, &size, &pages, &count) != 5)
			continue;
		if (slabs->count == CACHES)
			die(0, "more than %d slab caches", CACHES);
		strcpy(slabs->caches[slabs->count].name, name);
		slabs->caches[slabs->count].objects = objects;
		slabs->caches[slabs->count++].size = size;
		slabs->bytes += pages * count * sysconf(_SC_PAGESIZE);
	}
	fclose(file);
}

static unsigned long slabs_objects(const struct slabs *slabs, const char *name)
{
	for (int i = 0; i < slabs->count; i++)
		if (!strcmp(slabs->caches[i].name, name))
			return slabs->caches[i].objects;
	return 0;
}

/* Has the kernel give back the slabs that no object is in. */
static void shrink(void)
{
	glob_t found;

	settle();
	if (glob("/sys/kernel/slab/*/shrink", GLOB_NOSORT, NULL, &found))
		die(0, "/sys/kernel/slab: no caches");
	for (size_t i = 0; i < found.gl_pathc; i++)
		write_file(found.gl_pathv[i], "1");
	globfree(&found);
	settle();
}

/* Fills the directory with pins, and tells what memory they took. */
static void fill(int pins)
{
	static struct slabs before, after;
	int found = -1;

	shrink();
	slabs_read(&before);
	ops_fill(pins);
	shrink();
	slabs_read(&after);
	for (int i = 0; i < after.count; i++) {
		const char *name = after.caches[i].name;
		unsigned long old = slabs_objects(&before, name);

		if (strncmp(name, "bpf", 3) || !strstr(name, "inode_cache") ||
		    after.caches[i].objects < old + pins / 10 * 9)
			continue;
		if (found >= 0)
			die(0, "two slab caches of inodes grew by the pins: %s, %s", name,
			    after.caches[found].name);
		found = i;
	}
	if (found < 0)
		die(0, "no slab cache of BPF inodes grew by %d objects", pins);
	printf("cache\tbpf\t%s\t\t%lu\n", after.caches[found].name, after.caches[found].objects);
	printf("bytes\tbpf\tan inode\t\t%lu\n", after.caches[found].size);
	printf("bytes\tbpf\tslab, a pin\t\t%.2f\n",
	       (double)(after.bytes - before.bytes) / pins);
}

/* A number from the environment. */
static int number(const char *variable, int minimum, int standard)
{
	const char *text = getenv(variable);
	char *end;
	long number;

	if (!text || !*text)
		return standard;
	number = strtol(text, &end, 10);
	if (*end || number < minimum || number > 1000000)
		die(0, "%s=%s is no number from %d to 1000000", variable, text, minimum);
	return number;
}

/* A place that goes when the program ends. */
static void set_up(void)
{
	MUST(unshare(CLONE_NEWNS));
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	/*
	 * A new instance asks for a module that pins things in it. Where there is none, as with
	 * the stock kernels, that starts a program for nothing, which would hide what the file
	 * system does.
	 */
	write_file("/proc/sys/kernel/modprobe", "\n");
	/* Each instance that is mounted nowhere is a namespace of its own. */
	write_file("/proc/sys/user/max_mnt_namespaces", "1000000\n");
	MUST(mkdir("/tmp/bench", 0700));
	MUST(mount("tmpfs", "/tmp/bench", "tmpfs", 0, NULL));
	MUST(mkdir(MOUNTS_DIR, 0700));
	for (enum fs fs = 0; fs < FS_COUNT; fs++) {
		MUST(mkdir(fs_dir[fs], 0700));
		MUST(mount(fs_name[fs], fs_dir[fs], fs_name[fs], 0, NULL));
	}
	/* What is read of the program's file is read before. */
	MUST(mlockall(MCL_CURRENT | MCL_FUTURE));
}

int main(void)
{
	int pins = number("BPFFS_BENCH_PINS", 1000, 100000);
	int instances = number("BPFFS_BENCH_INSTANCES", 100, 10000);
	char condition[32];

	check_counter();
	set_up();

	ops_use(TMPFS);
	measure(INSTRUCTIONS, plain_ops, TMPFS, "", 0);
	measure(INSTRUCTIONS, mount_ops, TMPFS, "", 0);
	snprintf(condition, sizeof(condition), "%d pins", pins);
	ops_fill(pins);
	measure(INSTRUCTIONS, full_ops, TMPFS, condition, pins);

	ops_use(BPF);
	measure("entry", entry_ops, BPF, "", 0);
	measure(INSTRUCTIONS, plain_ops, BPF, "", 0);
	measure(INSTRUCTIONS, mount_ops, BPF, "", 0);
	fill(pins);
	measure(INSTRUCTIONS, full_ops, BPF, condition, pins);

	snprintf(condition, sizeof(condition), "%d instances", instances);
	ops_instances(instances);
	measure(INSTRUCTIONS, mount_ops, BPF, condition, 0);
	return 0;
}
