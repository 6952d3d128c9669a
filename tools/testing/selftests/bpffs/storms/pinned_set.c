// SPDX-License-Identifier: GPL-2.0
/* What a storm pins, and whether it is that what comes back. */
#include <stdio.h>
#include <string.h>

#include "storm.h"

static int add(struct storm_set *set, enum obj_kind kind, int fd, int value, int calls)
{
	if (fd < 0)
		return fd;
	set->obj[set->cnt++] = (struct storm_obj){
		.kind = kind, .fd = fd, .id = obj_id(fd, kind), .value = value, .calls = calls,
	};
	return kind == OBJ_MAP && calls < 0 ? map_set(fd, 0, value) : 0;
}

int storm_set_new(struct storm_set *set)
{
	int btf = btf_int_new(), err, i;

	/* Two kinds of maps: one can be read as a file, one not. Links likewise. */
	err = add(set, OBJ_MAP, map_typed(btf, BPF_MAP_TYPE_ARRAY, 1), 1001, -1);
	close(btf);
	if (!err)
		err = add(set, OBJ_MAP, map_new(), 1002, -1);
	if (!err)
		err = add(set, OBJ_LINK, link_new(-1), 0, -1);
	if (!err)
		err = add(set, OBJ_LINK, iter_link_new(), 0, -1);
	set->callee = prog_new(CALLED);
	if (!err)
		err = add(set, OBJ_PROG, set->callee, 0, -1);
	for (i = 0; !err && i < STORM_CALLS; i++) {
		struct calls *calls = &set->calls[i];

		err = calls_new(calls);
		if (!err)
			err = add(set, OBJ_MAP, calls->array, 0, i);
		if (!err)
			err = add(set, OBJ_PROG, calls->caller, 0, i);
		set->entry[i] = prog_array_entry(calls->array);
	}
	return err;
}

void storm_set_close(struct storm_set *set)
{
	unsigned int i;

	/* Some may be closed already. */
	for (i = 0; i < set->cnt; i++)
		close(set->obj[i].fd);
	set->cnt = 0;
}

const struct storm_obj *some_obj(struct storm_worker *w)
{
	/* The first can be read as a file, as few of the others can. */
	return &w->set->obj[pick(w, 4) ? pick(w, w->set->cnt) : 0];
}

static enum obj_kind kind_of(struct storm_worker *w, int fd)
{
	char path[32], target[64];
	enum obj_kind kind;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		storm_wrong(w, "readlink of an fd: %s", strerror(errno));
	target[len] = '\0';
	for (kind = 0; kind < OBJ_KINDS; kind++) {
		if (strstr(target, obj_kind_names[kind]))
			return kind;
	}
	storm_wrong(w, "fetched %s", target);
}

static void check_array(struct storm_worker *w, int fd, const struct storm_obj *obj)
{
	int entry = prog_array_entry(fd);

	/* Those of the set may have been emptied on purpose. */
	if (obj && w->storm->groups & STORM_ARRAYS) {
		if (entry < 0 && entry != -ENOENT)
			storm_wrong(w, "array %d: %s", obj->calls, strerror(-entry));
	} else if (entry < 0) {
		storm_wrong(w, "array that has a user: %s", strerror(-entry));
	} else if (obj && entry != w->set->entry[obj->calls]) {
		storm_wrong(w, "array %d has entry %d", obj->calls, entry);
	}
}

static void check_map(struct storm_worker *w, int fd, const struct storm_obj *obj, bool readable)
{
	struct bpf_map_info info = {};
	union bpf_attr attr = {
		.info = { .bpf_fd = fd, .info_len = sizeof(info), .info = (uintptr_t)&info },
	};
	int value = 0, err = sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);

	if (err)
		storm_wrong(w, "info of a map: %s", strerror(-err));
	if (!readable)
		return;
	if (info.type == BPF_MAP_TYPE_PROG_ARRAY) {
		check_array(w, fd, obj);
		return;
	}
	err = map_get(fd, 0, &value);
	if (err || value != (obj ? obj->value : STORM_BORN))
		storm_wrong(w, "map id %u, %s: %d in it, %s", info.id,
			    obj ? "of the set" : "new", value, strerror(-err));
}

static void check_prog(struct storm_worker *w, int fd, const struct storm_obj *obj)
{
	int ret = prog_run(fd);

	/* A caller, whose array may be empty by now. */
	if (ret == FELL_THROUGH && w->storm->groups & STORM_ARRAYS && (!obj || obj->calls >= 0))
		return;
	if (ret != CALLED)
		storm_wrong(w, "program returns %d", ret);
}

const struct storm_obj *storm_check(struct storm_worker *w, int fd, bool readable)
{
	enum obj_kind kind = kind_of(w, fd);
	const struct storm_obj *obj = NULL;
	int id = obj_id(fd, kind);
	unsigned int i;

	if (id <= 0)
		storm_wrong(w, "id of a %s: %s", obj_kind_names[kind], strerror(-id));
	for (i = 0; i < w->set->cnt && !obj; i++) {
		if (w->set->obj[i].kind == kind && w->set->obj[i].id == id)
			obj = &w->set->obj[i];
	}
	switch (kind) {
	case OBJ_MAP:
		check_map(w, fd, obj, readable);
		break;
	case OBJ_PROG:
		check_prog(w, fd, obj);
		break;
	default:
		/* Nobody makes links during a storm. */
		if (!obj)
			storm_wrong(w, "link id %d is none of ours", id);
	}
	return obj;
}
