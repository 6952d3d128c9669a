/* SPDX-License-Identifier: GPL-2.0 */
/* Calls of bpf(2) that pin and fetch in a world (world.h), whoever owns the world. */
#ifndef BPFFS_SELFTEST_PIN_AND_GET_H
#define BPFFS_SELFTEST_PIN_AND_GET_H

#include <sys/syscall.h>

#include "world.h"

static long armed_bpf(int cmd, union bpf_attr *attr)
{
	return armed(SYS_bpf, cmd, attr, sizeof(*attr));
}

/* ---- pin ---- */

static long pin(int obj, const char *path)
{
	union bpf_attr attr = { .pathname = (uintptr_t)path, .bpf_fd = obj };

	return armed_bpf(BPF_OBJ_PIN, &attr);
}

/* What was pinned can be fetched, and is no more afterwards. */
static int restore_pin(long ret)
{
	int fd = obj_get("bpf/new");

	close(fd);
	return undone(ret, fd < 0 ? fd : sys(unlink("bpf/new")));
}

static long call_pin_map(void)
{
	return pin(world.calls.array, "bpf/new");
}

static long call_pin_prog(void)
{
	return pin(world.prog, "bpf/new");
}

static long call_pin_link(void)
{
	return pin(world.link, "bpf/new");
}

static long call_pin_text(void)
{
	return pin(world.text, "bpf/new");
}

static long call_pin_iter(void)
{
	return pin(world.iter, "bpf/new");
}

static int dir_fd, fetched;

static int prepare_dir(void)
{
	dir_fd = sys(open("bpf", O_PATH | O_CLOEXEC));
	return dir_fd < 0 ? dir_fd : 0;
}

static long call_pin_at(void)
{
	union bpf_attr attr = {
		.pathname = (uintptr_t)"new",
		.bpf_fd = world.calls.array,
		.file_flags = BPF_F_PATH_FD,
		.path_fd = dir_fd,
	};

	return armed_bpf(BPF_OBJ_PIN, &attr);
}

static int restore_pin_at(long ret)
{
	return restore_pin(ret) ?: sys(close(dir_fd));
}

static long call_pin_existing(void)
{
	return pin(world.calls.array, "bpf/prog");
}

static long call_pin_dotted(void)
{
	return pin(world.calls.array, "bpf/a.b");
}

static long call_pin_elsewhere(void)
{
	return pin(world.calls.array, "elsewhere");
}

static const struct call pin_calls[] = {
	{ "pin_map", .call = call_pin_map, .restore = restore_pin, .also = NO_INODE },
	{ "pin_prog", .call = call_pin_prog, .restore = restore_pin, .also = NO_INODE },
	{ "pin_link", .call = call_pin_link, .restore = restore_pin, .also = NO_INODE },
	{ "pin_readable_map", .call = call_pin_text, .restore = restore_pin,
	  .also = NO_INODE },
	{ "pin_iter", .call = call_pin_iter, .restore = restore_pin, .also = NO_INODE },
	{ "pin_path_fd", .prepare = prepare_dir, .call = call_pin_at,
	  .restore = restore_pin_at, .also = NO_INODE },
	{ "pin_exists", .call = call_pin_existing, .result = -EEXIST },
	{ "pin_dotted", .call = call_pin_dotted, .result = -EPERM },
	{ "pin_elsewhere", .call = call_pin_elsewhere, .result = -EPERM },
};

/* ---- get ---- */

static long get(const char *path, unsigned int flags)
{
	union bpf_attr attr = { .pathname = (uintptr_t)path, .file_flags = flags };

	return armed_bpf(BPF_OBJ_GET, &attr);
}

/* What was fetched is the object that is meant. */
static int restore_get(long ret, enum obj_kind kind, int obj)
{
	int same = ret < 0 || obj_id(ret, kind) == obj_id(obj, kind);

	return restore_fd(ret) ?: same ? 0 : -ENOENT;
}

static int restore_array(long ret)
{
	return restore_get(ret, OBJ_MAP, world.calls.array);
}

static long call_get_map(void)
{
	return get("bpf/array", 0);
}

static long call_get_rdonly(void)
{
	return get("bpf/array", BPF_F_RDONLY);
}

static long call_get_symlink(void)
{
	return get("bpf/symlink", 0);
}

static long call_get_at(void)
{
	union bpf_attr attr = {
		.pathname = (uintptr_t)"array",
		.file_flags = BPF_F_PATH_FD,
		.path_fd = dir_fd,
	};

	return armed_bpf(BPF_OBJ_GET, &attr);
}

static int restore_get_at(long ret)
{
	return restore_array(ret) ?: sys(close(dir_fd));
}

static int restore_prog(long ret)
{
	return restore_get(ret, OBJ_PROG, world.prog);
}

static long call_get_prog(void)
{
	return get("bpf/prog", 0);
}

static int restore_link(long ret)
{
	return restore_get(ret, OBJ_LINK, world.link);
}

static long call_get_link(void)
{
	return get("bpf/link", 0);
}

static int restore_iter(long ret)
{
	return restore_get(ret, OBJ_LINK, world.iter);
}

static long call_get_iter(void)
{
	return get("bpf/iter", 0);
}

static int prepare_fetched(void)
{
	fetched = obj_get("bpf/iter");
	return fetched < 0 ? fetched : 0;
}

static long call_iter_create(void)
{
	union bpf_attr attr = { .iter_create.link_fd = fetched };

	return armed_bpf(BPF_ITER_CREATE, &attr);
}

static int restore_fetched(long ret)
{
	return restore_fd(ret) ?: sys(close(fetched));
}

static long call_get_link_rdonly(void)
{
	return get("bpf/link", BPF_F_RDONLY);
}

static long call_get_dir(void)
{
	return get("bpf/dir", 0);
}

static long call_get_none(void)
{
	return get("bpf/none", 0);
}

static const struct call get_calls[] = {
	{ "get_map", .call = call_get_map, .restore = restore_array },
	{ "get_map_rdonly", .call = call_get_rdonly, .restore = restore_array },
	{ "get_by_symlink", .call = call_get_symlink, .restore = restore_array },
	{ "get_path_fd", .prepare = prepare_dir, .call = call_get_at,
	  .restore = restore_get_at },
	{ "get_prog", .call = call_get_prog, .restore = restore_prog },
	{ "get_link", .call = call_get_link, .restore = restore_link },
	{ "get_iter", .call = call_get_iter, .restore = restore_iter },
	{ "iter_create_of_pinned", .prepare = prepare_fetched, .call = call_iter_create,
	  .restore = restore_fetched },
	{ "get_link_rdonly", .call = call_get_link_rdonly, .restore = restore_fd,
	  .result = -EINVAL },
	{ "get_directory", .call = call_get_dir, .restore = restore_fd, .result = -EACCES },
	{ "get_none", .call = call_get_none, .restore = restore_fd, .result = -ENOENT },
};

#endif /* BPFFS_SELFTEST_PIN_AND_GET_H */
