// SPDX-License-Identifier: GPL-2.0
/* Runs storms, see storm.h. */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "outside.h"
#include "storm.h"

#define CACHE "/sys/kernel/slab/bpffs_inode_cache/"
/* A slow kernel frees much later than it is told to. */
#define SETTLE_MS 60000
/* After the end, for all operations to have succeeded, and for a worker to end. */
#define LONGER_MS 180000
#define STUCK_MS 90000
/* Streams of random numbers that are no worker's. */
#define KILLER 1000

static const struct storm_op *ops[STORM_MAX_OPS];
static unsigned int op_cnt, weights;

static unsigned int storm_seconds(bool ours)
{
	const char *text = getenv("BPFFS_STORM");
	unsigned int seconds = text ? strtoul(text, NULL, 0) : 30;

	/* C's is there to see that the storm itself is fair. */
	return ours || seconds < 8 ? seconds : seconds / 4;
}

int storm_timeout(void)
{
	return 3 * storm_seconds(true) + 3 * (LONGER_MS + STUCK_MS + SETTLE_MS) / 1000;
}

/* splitmix64: every state is a good one, also one that was just made up. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static uint64_t stream(uint64_t seed, unsigned int worker, uint64_t nr)
{
	uint64_t state = seed;

	state = next_random(&state) + worker;
	state = next_random(&state) + nr;
	return next_random(&state);
}

unsigned int pick(struct storm_worker *w, unsigned int n)
{
	return (next_random(&w->random) >> 32) * n >> 32;
}

/* ---- complaints ---- */

static void complain(struct storm *storm, const char *who, const char *fmt, va_list args)
{
	char text[512];

	vsnprintf(text, sizeof(text), fmt, args);
	/* In one piece, as others print too. */
	dprintf(STDERR_FILENO, "# %s, seed %llu%s: %s\n", storm->name,
		(unsigned long long)storm->seed, who, text);
	inc(&storm->wrong);
}

void storm_complain(struct storm *storm, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	complain(storm, "", fmt, args);
	va_end(args);
}

void storm_wrong(struct storm_worker *w, const char *fmt, ...)
{
	struct storm *storm = w->storm;
	char who[128];
	va_list args;

	snprintf(who, sizeof(who), ", worker %u, operation %llu, %s", w->nr,
		 (unsigned long long)storm->workers[w->nr].nr,
		 ops[storm->workers[w->nr].op]->name);
	va_start(args, fmt);
	complain(storm, who, fmt, args);
	va_end(args);
	_exit(1);
}

/* ---- workers ---- */

static void choose_ops(unsigned int groups)
{
	static const struct storm_op *const lists[] = {
		storm_file_ops, storm_outside_ops, storm_mount_ops, storm_array_ops,
	};
	const struct storm_op *op;
	unsigned int i;

	op_cnt = weights = 0;
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (op = lists[i]; op->name; op++) {
			if (!(op->group & groups))
				continue;
			if (op_cnt == STORM_MAX_OPS)
				abort();
			ops[op_cnt++] = op;
			weights += op->weight;
		}
	}
}

static unsigned int some_op(struct storm_worker *w)
{
	unsigned int at = pick(w, weights), i = 0;

	while (at >= ops[i]->weight)
		at -= ops[i++]->weight;
	return i;
}

/* In the calm, half of the time one that has not succeeded yet; the rest leads there. */
static unsigned int next_op(struct storm_worker *w)
{
	unsigned int left[STORM_MAX_OPS], cnt = 0, i;

	for (i = 0; w->storm->calm && i < op_cnt; i++) {
		if (!load(&w->storm->ops[i].succeeded))
			left[cnt++] = i;
	}
	return cnt && pick(w, 2) ? left[pick(w, cnt)] : some_op(w);
}

static bool is_one_of(const int *errnos, unsigned int max, long err)
{
	unsigned int i;

	for (i = 0; i < max && errnos[i]; i++) {
		if (err == -errnos[i])
			return true;
	}
	return false;
}

static bool may_return(const struct storm *storm, const struct storm_op *op, long ret)
{
	return ret >= 0 || is_one_of(op->may, ARRAY_SIZE(op->may), ret) ||
	       (storm->ours && is_one_of(op->may_ours, ARRAY_SIZE(op->may_ours), ret)) ||
	       (storm->joins &&
		is_one_of(op->may_joining, ARRAY_SIZE(op->may_joining), ret)) ||
	       (storm->switching &&
		is_one_of(op->may_switching, ARRAY_SIZE(op->may_switching), ret));
}

static void let_go(struct storm_worker *w)
{
	unsigned int i;

	for (i = 0; i < STORM_HELD; i++) {
		if (w->held[i] >= 0)
			close(w->held[i]);
		w->held[i] = -1;
	}
	if (w->away && (setns(w->home, CLONE_NEWNS) || chdir(STORM_DIR)))
		storm_wrong(w, "cannot go home: %s", strerror(errno));
	w->away = false;
}

static void work(struct storm *storm, const struct storm_set *set, unsigned int nr)
{
	struct storm_worker w = {
		.storm = storm,
		.set = set,
		.nr = nr,
		.home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC),
		.held = { [0 ... STORM_HELD - 1] = -1 },
	};
	unsigned int gap = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!load(&storm->stop)) {
		const struct storm_op *op;
		unsigned int i;
		long ret;

		if (gap != load(&storm->gap)) {
			gap = load(&storm->gap);
			let_go(&w);
			inc(&storm->let_go);
		}
		w.random = stream(storm->seed, nr, ++storm->workers[nr].nr);
		i = next_op(&w);
		store(&storm->workers[nr].op, i);
		op = ops[i];
		ret = op->run(&w);
		if (ret == NOT_TRIED)
			continue;
		inc(&storm->ops[i].tried);
		if (ret >= 0)
			inc(&storm->ops[i].succeeded);
		else if (!may_return(storm, op, ret))
			storm_wrong(&w, "%s", strerror(-ret));
		if (load(&storm->gently))
			sleep_ms(2);
	}
	_exit(0);
}

static int start_worker(struct storm *storm, const struct storm_set *set, unsigned int nr)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		work(storm, set, nr);
	if (pid < 0) {
		storm_complain(storm, "fork: %s", strerror(errno));
		return -1;
	}
	storm->workers[nr].pid = pid;
	return 0;
}

/* What a worker had started and left when it was killed. */
static void end_strays(struct storm *storm, pid_t boss)
{
	char path[64], pids[4096], *at = pids;
	int i, len;
	pid_t pid;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	if (read_file(path, pids, sizeof(pids)) <= 0)
		return;
	for (; sscanf(at, "%d %n", &pid, &len) == 1; at += len) {
		for (i = 0; i < STORM_WORKERS && storm->workers[i].pid != pid; i++)
			;
		if (i == STORM_WORKERS && pid != boss) {
			kill(pid, SIGKILL);
			wait_child(pid);
		}
	}
}

static void kill_one(struct storm *storm, const struct storm_set *set, pid_t boss, uint64_t nr)
{
	struct storm_worker killer = { .random = stream(storm->seed, KILLER, nr) };
	unsigned int victim = pick(&killer, STORM_WORKERS);
	int status;

	sleep_ms(pick(&killer, 40));
	kill(storm->workers[victim].pid, SIGKILL);
	status = wait_child(storm->workers[victim].pid);
	storm->workers[victim].pid = 0;
	if (status != -SIGKILL && !load(&storm->wrong))
		storm_complain(storm, "worker %u ended by itself: %d", victim, status);
	end_strays(storm, boss);
	/* It may have been about to make it writable again. */
	mount(NULL, "m0", NULL, MS_REMOUNT, NULL);
	start_worker(storm, set, victim);
}

static void show_stuck(struct storm *storm, unsigned int nr)
{
	char path[64], stack[4096] = "";

	snprintf(path, sizeof(path), "/proc/%d/stack", storm->workers[nr].pid);
	read_file(path, stack, sizeof(stack));
	storm_complain(storm, "worker %u does not end: operation %llu, %s, at\n%s", nr,
		       (unsigned long long)storm->workers[nr].nr,
		       ops[storm->workers[nr].op]->name, stack);
}

/* A process that ends by itself; returns whether it did so in time. */
static bool wait_end(pid_t pid, uint64_t end, int *status)
{
	while (!waitpid(pid, status, WNOHANG)) {
		if (now_ms() > end)
			return false;
		sleep_ms(2);
	}
	return true;
}

static void stop_workers(struct storm *storm, pid_t boss)
{
	uint64_t end = now_ms() + STUCK_MS;
	unsigned int i;
	int status;

	store(&storm->stop, 1);
	if (boss > 0 && !wait_end(boss, end, &status)) {
		storm_complain(storm, "the loader does not end");
		kill(boss, SIGKILL);
		wait_child(boss);
	}
	for (i = 0; i < STORM_WORKERS; i++) {
		if (storm->workers[i].pid <= 0)
			continue;
		if (wait_end(storm->workers[i].pid, end, &status)) {
			if (status && !storm->wrong)
				storm_complain(storm, "worker %u ended: %#x", i, status);
			continue;
		}
		show_stuck(storm, i);
		kill(storm->workers[i].pid, SIGKILL);
		wait_child(storm->workers[i].pid);
	}
	end_children();
}

/* ---- a storm ---- */

/* The number of operations that have succeeded. */
static unsigned int some_succeeded(struct storm *storm)
{
	unsigned int i, n = 0;

	for (i = 0; i < op_cnt; i++)
		n += !!load(&storm->ops[i].succeeded);
	return n;
}

/* Whether it may end: most operations have had their way, or all of them in the calm. */
static bool was_storm(struct storm *storm)
{
	return some_succeeded(storm) * 4 >= op_cnt * (storm->calm ? 4 : 3);
}

static bool worker_ended(struct storm *storm, unsigned int workers)
{
	siginfo_t info = {};
	unsigned int i;

	for (i = 0; i < workers; i++) {
		if (waitid(P_PID, storm->workers[i].pid, &info, WEXITED | WNOHANG | WNOWAIT) ||
		    info.si_pid)
			return true;
	}
	return false;
}

static void blow(struct storm *storm, const struct storm_set *set, const struct storm_plan *plan)
{
	uint64_t least = storm->calm ? 0 : storm_seconds(storm->ours) * 1000ull;
	uint64_t start = now_ms(), most = 2 * least + LONGER_MS, kills = 0, time, tried = 0;
	unsigned int workers = storm->calm ? 1 : STORM_WORKERS, i;
	pid_t boss = 0;

	for (i = 0; i < workers; i++) {
		if (start_worker(storm, set, i))
			break;
	}
	if (plan->boss) {
		fflush(NULL);
		boss = fork();
		if (!boss) {
			plan->boss(storm);
			_exit(0);
		}
	}
	do {
		if (plan->kill)
			kill_one(storm, set, boss, ++kills);
		sleep_ms(5);
		time = now_ms() - start;
		if (worker_ended(storm, workers))
			break;
	} while (!load(&storm->wrong) && time < most &&
		 (time < least || !was_storm(storm) ||
		  (plan->enough && !plan->enough(storm))));
	stop_workers(storm, boss);

	for (i = 0; i < op_cnt; i++)
		tried += storm->ops[i].tried;
	printf("# report: storm %s: %llu operations in %.1f s, %.0f/s", storm->name,
	       (unsigned long long)tried, time / 1000.0, tried * 1000.0 / time);
	if (plan->kill)
		printf(", %llu kills", (unsigned long long)kills);
	if (plan->boss)
		printf(", %u loads, %u unloads, %u refused", storm->loads, storm->unloads,
		       storm->refused);
	printf("; succeeded/tried:");
	for (i = 0; i < op_cnt; i++)
		printf("%s%s %llu/%llu", i % 8 ? ", " : "\n# report:   ", ops[i]->name,
		       (unsigned long long)storm->ops[i].succeeded,
		       (unsigned long long)storm->ops[i].tried);
	printf("\n");
	if (storm->calm && !storm->wrong) {
		for (i = 0; i < op_cnt; i++) {
			if (!storm->ops[i].succeeded)
				storm_complain(storm, "%s never succeeded", ops[i]->name);
		}
	}
	if (!storm->wrong && !was_storm(storm))
		storm_complain(storm, "only %u of %u operations ever succeeded",
			       some_succeeded(storm), op_cnt);
	if (!storm->wrong && plan->enough && !plan->enough(storm))
		storm_complain(storm, "not enough loads, unloads, refusals");
}

/* Inodes of ours that are not free, or -errno where the kernel does not count. */
static int count_inodes(void)
{
	char buf[64];
	int err;

	/* What is free but cached counts as used. */
	err = write_file(CACHE "shrink", "1");
	if (!err)
		err = read_file(CACHE "objects", buf, sizeof(buf));
	return err < 0 ? err : atoi(buf);
}

void storm_unmount(unsigned int from)
{
	char path[8];

	for (; from < STORM_MOUNTS; from++) {
		snprintf(path, sizeof(path), "m%u", from);
		while (!umount2(path, MNT_DETACH))
			;
	}
}

/* The number of users of the set's arrays, by what happens when the last goes. */
static void check_users(struct storm *storm, struct storm_set *set)
{
	struct calls *fd = &set->calls[0], *pin = &set->calls[1];
	int i, ret;

	if (mount_bpf("m1", NULL)) {
		storm_complain(storm, "cannot mount after the storm");
		return;
	}
	for (i = 0; i < STORM_CALLS; i++) {
		if (storm->groups & STORM_ARRAYS)
			prog_array_set(set->calls[i].array, set->callee);
		ret = prog_run(set->calls[i].caller);
		if (ret != CALLED)
			storm_complain(storm, "array %d: the caller returns %d", i, ret);
	}
	ret = obj_pin(pin->array, "m1/pin");
	if (ret)
		storm_complain(storm, "pin after the storm: %s", strerror(-ret));
	close(pin->array);
	if (!calls_kept(fd, "m1"))
		storm_complain(storm, "array with an fd is empty");
	if (!calls_kept(pin, "m1"))
		storm_complain(storm, "pinned array is empty");
	close(fd->array);
	unlink("m1/pin");
	if (!calls_flushed(fd))
		storm_complain(storm, "array without users not emptied: users left");
	if (!calls_flushed(pin))
		storm_complain(storm, "unpinned array not emptied: users left");
	storm_unmount(1);
}

/* STORM_DIR with places for mounts, which cannot be written to without them. */
static int set_up(void)
{
	int err;

	if (mkdir(STORM_DIR, 0755) || mount("tmpfs", STORM_DIR, "tmpfs", 0, NULL) ||
	    chdir(STORM_DIR) || mkdir("m0", 0755) || mkdir("m1", 0755) || mkdir("m2", 0755))
		return -errno;
	err = cgroups_enter();
	if (err)
		return err;
	if (mkdir(CGROUP, 0755) ||
	    mount(NULL, STORM_DIR, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL))
		return -errno;
	/* One that nobody joins, so that m1 and m2 are not of m0's instance. */
	return mount_bpf("m0", "newinstance");
}

int storm_run(const struct storm_plan *plan)
{
	struct storm *storm = mmap(NULL, sizeof(*storm), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct guard *guard = guard_new();
	struct storm_set set = {};
	int inodes, err;

	if (storm == MAP_FAILED || !guard)
		return 1;
	storm->name = plan->name;
	storm->seed = choose_seed();
	storm->groups = plan->groups;
	storm->switching = plan->boss;
	storm->calm = plan->calm;
	storm->ours = impl_rust() || storm->switching;
	storm->joins = mounts_join() || storm->switching;
	choose_ops(plan->groups);
	printf("# report: storm %s: ", plan->name);
	if (storm->calm)
		printf("1 worker, until all has succeeded");
	else
		printf("%d workers, %u s", STORM_WORKERS, storm_seconds(storm->ours));
	printf(", BPFFS_SEED=%llu\n", (unsigned long long)storm->seed);
	guard_note(guard);
	/* Those of an earlier test may go late; with a mount elsewhere there are some. */
	wait_until((inodes = count_inodes()) <= 0, 3000);
	if (inodes < 0 && storm->ours && !storm->switching)
		storm_complain(storm, "cannot count inodes: %s", strerror(-inodes));
	err = set_up();
	if (!err)
		err = storm_set_new(&set);
	if (err) {
		storm_complain(storm, "cannot set up: %s", strerror(-err));
		return 1;
	}
	blow(storm, &set, plan);

	/* All names go, and the objects with them that were only pinned. */
	storm_unmount(0);
	if (inodes >= 0 && !wait_until(count_inodes() == inodes, SETTLE_MS))
		storm_complain(storm, "inodes: %d before, %d after", inodes, count_inodes());
	check_users(storm, &set);
	storm_set_close(&set);
	if (guard_leaks(guard))
		storm_complain(storm, "something is left behind");
	err = cgroups_leave();
	if (err)
		storm_complain(storm, "cannot remove the cgroup: %s", strerror(-err));
	if (guard_log(guard))
		storm_complain(storm, "the kernel complains");
	return storm->wrong;
}
