/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Storms: many tasks that do everything at once, at random, on the same few
 * names, for some time; then everything must be as before.
 *
 * What task number N does as its operation number I is drawn from a stream of
 * random numbers that depends on the seed, N and I alone. So a seed gives each
 * task its sequence again, also when it was killed and replaced in between.
 *
 * BPFFS_STORM is the length of a storm in seconds, BPFFS_SEED the seed.
 */
#ifndef BPFFS_SELFTEST_STORM_H
#define BPFFS_SELFTEST_STORM_H

#include "kselftest.h"
#include "bpffs.h"

#define STORM_WORKERS	8
/* Mounts: m0 stays, m1 and m2 come and go. */
#define STORM_MOUNTS	3
/* All the names there are in a directory. */
#define STORM_NAMES	"abcd"
#define STORM_MAX_OPS	64
#define STORM_HELD	6
#define STORM_DIR	"/tmp/storm"

/* Which operations a storm consists of. */
#define STORM_FILES	1
#define STORM_MOUNTING	2
#define STORM_ARRAYS	4

/* An object that the test makes and all workers pin, and what the object is known by. */
struct storm_obj {
	enum obj_kind kind;
	int fd;
	int id;
	/* Of a map: the value of its entry. */
	int value;
	/* Of a program array or its caller: the index in storm_set.calls; otherwise -1. */
	int calls;
};

#define STORM_CALLS	2

struct storm_set {
	unsigned int cnt;
	struct storm_obj obj[12];
	struct calls calls[STORM_CALLS];
	/* Ids of the entries of the arrays as long as no operation changes an entry. */
	int entry[STORM_CALLS];
	int callee;
};

/* Shared with the workers. */
struct storm {
	const char *name;
	uint64_t seed;
	unsigned int groups;
	/*
	 * Whether mounts may be of ours, and may join an instance; whether the module comes
	 * and goes; whether it is storm.calm.
	 */
	bool ours;
	bool joins;
	bool switching;
	bool calm;

	int stop;
	int wrong;
	/* When this changes, workers unmount and close all that they have mounted and open. */
	unsigned int gap;
	unsigned int let_go;
	/* Workers are not to go on as fast as they can. */
	int gently;
	/* For storm_load. */
	unsigned int loads, refused, unloads;

	struct {
		uint64_t tried, succeeded;
	} ops[STORM_MAX_OPS];
	struct {
		pid_t pid;
		/* The number of the operation that the worker is at, and which one it is. */
		uint64_t nr;
		int op;
	} workers[STORM_WORKERS];
};

/* A task. */
struct storm_worker {
	struct storm *storm;
	const struct storm_set *set;
	unsigned int nr;
	uint64_t random;
	/* Its first mount namespace. */
	int home;
	bool away;
	int held[STORM_HELD];
};

/* The result of an operation that had nothing to work on. */
#define NOT_TRIED	(-4095L)

struct storm_op {
	const char *name;
	unsigned int group;
	unsigned int weight;
	/* Makes the operation; the result of its main system call, or -errno. */
	long (*run)(struct storm_worker *w);
	/* Errnos that run() may return: always, if mounts join, while the module comes or goes. */
	int may[12];
	int may_joining[2];
	/* What else only ours may return: instances by name are joined in any case. */
	int may_ours[1];
	int may_switching[2];
};

/* All operations; an empty one ends each list. */
extern const struct storm_op storm_file_ops[], storm_mount_ops[], storm_array_ops[],
	storm_outside_ops[];

/* What a look-up of a path may fail with while others change the path. */
#define PATH_ERRNOS	ENOENT, ENOTDIR, ELOOP

/* A random number below @n, the next of the worker's stream. */
unsigned int pick(struct storm_worker *w, unsigned int n);
/* Prints what is wrong, with the seed, and ends the worker and the storm. */
void __attribute__((format(printf, 2, 3), noreturn))
storm_wrong(struct storm_worker *w, const char *fmt, ...);

/* ---- names: paths from STORM_DIR, at least this long ---- */

#define STORM_PATH 32

unsigned int some_mount(struct storm_worker *w);
void some_path(struct storm_worker *w, char *path);
void some_path_on(struct storm_worker *w, char *path, unsigned int mount);

/* ---- objects ---- */

int storm_set_new(struct storm_set *set);
void storm_set_close(struct storm_set *set);
/* Any object of the set. */
const struct storm_obj *some_obj(struct storm_worker *w);
/*
 * Makes sure that @fd, which a fetch returned, is of an object that a storm can
 * have pinned, and that the object is as it was. @readable says that the object was
 * not fetched for writing only. Returns the object of the set, or NULL if the object
 * was made during the storm.
 */
const struct storm_obj *storm_check(struct storm_worker *w, int fd, bool readable);
/* What is in a map that was made during the storm. */
#define STORM_BORN	777

/* ---- running ---- */

struct storm_plan {
	const char *name;
	unsigned int groups;
	/* One worker, until each operation has succeeded. */
	bool calm;
	/* Kill a worker every now and then. */
	bool kill;
	/*
	 * Runs in a process of its own until storm->stop. The storm goes on until
	 * enough() says that the boss has done enough.
	 */
	void (*boss)(struct storm *storm);
	bool (*enough)(const struct storm *storm);
};

/* Runs a storm; the number of complaints, all of which were printed with the seed. */
int storm_run(const struct storm_plan *plan);
/* A complaint from elsewhere, with the seed. */
void __attribute__((format(printf, 2, 3)))
storm_complain(struct storm *storm, const char *fmt, ...);
/* Unmounts the mounts of the storm in this mount namespace, from number @from on. */
void storm_unmount(unsigned int from);
/* The seconds that a test takes at most. */
int storm_timeout(void);

#define load(p)		__atomic_load_n(p, __ATOMIC_SEQ_CST)
#define store(p, v)	__atomic_store_n(p, v, __ATOMIC_SEQ_CST)
#define inc(p)		__atomic_add_fetch(p, 1, __ATOMIC_SEQ_CST)

#endif /* BPFFS_SELFTEST_STORM_H */
