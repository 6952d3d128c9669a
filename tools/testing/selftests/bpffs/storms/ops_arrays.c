// SPDX-License-Identifier: GPL-2.0
/* Operations of a storm: program arrays, which their last user empties. */
#include <stdio.h>
#include <string.h>

#include "storm.h"

#define FLUSH_MS 60000

static const struct calls *some_calls(struct storm_worker *w)
{
	return &w->set->calls[pick(w, STORM_CALLS)];
}

/* Something to be called, a caller of this or of another array among it. */
static int some_callee(struct storm_worker *w)
{
	return pick(w, 2) ? w->set->callee : some_calls(w)->caller;
}

static void check_run(struct storm_worker *w, int ret)
{
	/* Whoever calls himself falls through in the end. */
	if (ret != CALLED && ret != FELL_THROUGH)
		storm_wrong(w, "program returns %d", ret);
}

static long op_fill(struct storm_worker *w)
{
	int array = some_calls(w)->array;

	return prog_array_set(array, some_callee(w));
}

static long op_empty(struct storm_worker *w)
{
	int key = 0;
	union bpf_attr attr = {
		.map_fd = some_calls(w)->array,
		.key = (uintptr_t)&key,
	};

	return sys_bpf(BPF_MAP_DELETE_ELEM, &attr);
}

static long op_run(struct storm_worker *w)
{
	check_run(w, prog_run(some_calls(w)->caller));
	return 0;
}

/* An array of the set, by whatever name it has now; else anything. */
static long op_fill_got(struct storm_worker *w)
{
	int callee = some_callee(w), fd;
	const struct storm_obj *obj;
	char path[STORM_PATH];
	long err = 0;

	some_path(w, path);
	fd = obj_get(path);
	if (fd < 0)
		return fd;
	obj = storm_check(w, fd, true);
	if (obj && obj->kind == OBJ_MAP && obj->calls >= 0)
		err = prog_array_set(fd, callee);
	/* One that was made on the way stays full as long as it has this user. */
	storm_check(w, fd, true);
	close(fd);
	return err;
}

/* An array that calls something or itself, and its caller. */
static void calls_born(struct storm_worker *w, struct calls *calls)
{
	unsigned int what = pick(w, 3);
	int err;

	calls->array = prog_array_new();
	calls->caller = prog_caller(calls->array);
	if (calls->array < 0 || calls->caller < 0)
		storm_wrong(w, "new array %d, caller %d", calls->array, calls->caller);
	err = prog_array_set(calls->array, what == 0 ? calls->caller : what == 1 ?
			     some_callee(w) : w->set->callee);
	if (err)
		storm_wrong(w, "new array: %s", strerror(-err));
}

/* A pin is the last user, or there is none but the caller is pinned. */
static long op_born(struct storm_worker *w)
{
	bool array = pick(w, 3);
	char path[STORM_PATH];
	struct calls calls;
	long err;

	some_path(w, path);
	calls_born(w, &calls);
	err = obj_pin(array ? calls.array : calls.caller, path);
	close(calls.array);
	close(calls.caller);
	return err;
}

/*
 * On a name that only this worker uses: as long as there is a user it is full,
 * and when there is none it is empty.
 */
static long op_flush(struct storm_worker *w)
{
	bool unlink_first = pick(w, 2);
	char path[STORM_PATH];
	struct calls calls;
	int fd, err, ret;

	snprintf(path, sizeof(path), "m0/p%u", w->nr);
	/* A worker that was killed may have left it. */
	unlink(path);
	err = calls_new(&calls);
	if (err)
		storm_wrong(w, "new array: %s", strerror(-err));
	err = obj_pin(calls.array, path);
	close(calls.array);
	if (err) {
		close(calls.caller);
		return err;
	}
	fd = obj_get(path);
	ret = prog_run(calls.caller);
	if (ret != CALLED)
		storm_wrong(w, "pinned array: its caller returns %d", ret);
	if (unlink_first) {
		while (unlink(path) && errno == EROFS)
			sched_yield();
		ret = prog_run(calls.caller);
		if (fd >= 0 && ret != CALLED)
			storm_wrong(w, "array with an fd: its caller returns %d", ret);
		close(fd);
	} else {
		close(fd);
		ret = prog_run(calls.caller);
		if (ret != CALLED)
			storm_wrong(w, "array that was fetched: its caller returns %d", ret);
		while (unlink(path) && errno == EROFS)
			sched_yield();
	}
	if (!wait_until(prog_run(calls.caller) == FELL_THROUGH, FLUSH_MS))
		storm_wrong(w, "array without users is not emptied");
	close(calls.caller);
	return fd < 0 ? fd : 0;
}

#define GROUP STORM_ARRAYS

const struct storm_op storm_array_ops[] = {
	{ "fill", GROUP, 10, op_fill, { 0 } },
	{ "empty", GROUP, 4, op_empty, { ENOENT } },
	{ "run", GROUP, 10, op_run, { 0 } },
	{ "fill_got", GROUP, 8, op_fill_got, { PATH_ERRNOS, EACCES, EROFS } },
	{ "born", GROUP, 6, op_born, { PATH_ERRNOS, EEXIST, EROFS }, .may_switching = { EPERM } },
	{ "flush", GROUP, 3, op_flush, { EROFS }, .may_switching = { EPERM, EACCES } },
	{ }
};
