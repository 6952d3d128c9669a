// SPDX-License-Identifier: GPL-2.0
/* Pinning and fetching that works: paths, flags, what one gets. */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bpffs_harness.h"

/* Closes what a fetch returned and tells whether it was the object. */
static bool is_obj(int fd, int id, enum obj_kind kind)
{
	bool is = fd >= 0 && obj_id(fd, kind) == id;

	close(fd);
	return is;
}

FIXTURE(paths) {
	int obj;
	int id;
};

FIXTURE_SETUP(paths)
{
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, sys(mkdir("bpf/dir", 0755)));
	self->obj = map_new();
	self->id = obj_id(self->obj, OBJ_MAP);
	ASSERT_LT(0, self->id);
}

FIXTURE_TEARDOWN(paths)
{
}

#define EXPECT_OBJ(get) EXPECT_TRUE(is_obj(get, self->id, OBJ_MAP))

/* Absolute and relative paths that are not resolved as elsewhere. */
TEST_F(paths, plain)
{
	ASSERT_EQ(0, obj_pin(self->obj, "/tmp/bpf/absolute"));
	ASSERT_EQ(0, obj_pin(self->obj, "bpf/relative"));
	ASSERT_EQ(0, sys(chdir("bpf/dir")));
	ASSERT_EQ(0, obj_pin(self->obj, "here"));
	ASSERT_EQ(0, obj_pin(self->obj, "../up"));
	ASSERT_EQ(0, obj_pin(self->obj, ".//../dir//slashes"));
	EXPECT_OBJ(obj_get("../absolute"));
	EXPECT_OBJ(obj_get("/tmp/bpf/relative"));
	EXPECT_OBJ(obj_get("/tmp/bpf/dir/here"));
	EXPECT_OBJ(obj_get("here"));
	EXPECT_OBJ(obj_get("/tmp/bpf/up"));
	EXPECT_OBJ(obj_get("./slashes"));
}

/* BPF_F_PATH_FD taken for something else than openat()'s directory. */
TEST_F(paths, path_fd)
{
	int dir = sys(open("bpf/dir", O_RDONLY | O_DIRECTORY));
	int path = sys(open("bpf/dir", O_PATH));

	ASSERT_LE(0, path);
	ASSERT_EQ(0, obj_pin_at(self->obj, dir, "by_fd", BPF_F_PATH_FD));
	EXPECT_OBJ(obj_get("bpf/dir/by_fd"));
	ASSERT_EQ(0, obj_pin_at(self->obj, path, "by_path_fd", BPF_F_PATH_FD));
	EXPECT_OBJ(obj_get_at(path, "../dir/by_path_fd", BPF_F_PATH_FD));
	ASSERT_EQ(0, obj_pin_at(self->obj, AT_FDCWD, "bpf/by_cwd", BPF_F_PATH_FD));
	EXPECT_OBJ(obj_get_at(AT_FDCWD, "bpf/by_cwd", BPF_F_PATH_FD));
	/* An absolute path does without. */
	ASSERT_EQ(0, obj_pin_at(self->obj, -1, "/tmp/bpf/absolute", BPF_F_PATH_FD));
	EXPECT_OBJ(obj_get_at(12345, "/tmp/bpf/absolute", BPF_F_PATH_FD));
}

/* A path that leads through the magic links of /proc. */
TEST_F(paths, proc_fd)
{
	int dir = sys(open("bpf/dir", O_PATH)), file;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/x", dir);
	ASSERT_EQ(0, obj_pin(self->obj, path));
	EXPECT_OBJ(obj_get(path));
	file = sys(open("bpf/dir/x", O_PATH));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	EXPECT_OBJ(obj_get(path));
	/* Unlinked, the file is still there through its descriptor. */
	ASSERT_EQ(0, sys(unlink("bpf/dir/x")));
	EXPECT_OBJ(obj_get(path));
}

/* Symbolic links: followed on the way and by get, also into the file system. */
TEST_F(paths, symlinks)
{
	ASSERT_EQ(0, sys(symlink("dir", "bpf/to_dir")));
	ASSERT_EQ(0, sys(symlink("bpf/dir/x", "outside")));
	ASSERT_EQ(0, obj_pin(self->obj, "bpf/to_dir/x"));
	EXPECT_OBJ(obj_get("bpf/dir/x"));
	EXPECT_OBJ(obj_get("bpf/to_dir/x"));
	EXPECT_OBJ(obj_get("outside"));
}

/* A mount seen through another one: same pins, both ways. */
TEST_F(paths, bind_mount)
{
	ASSERT_EQ(0, sys(mkdir("bind", 0755)));
	ASSERT_EQ(0, sys(mount("bpf/dir", "bind", NULL, MS_BIND, NULL)));
	ASSERT_EQ(0, obj_pin(self->obj, "bind/x"));
	EXPECT_OBJ(obj_get("bpf/dir/x"));
	ASSERT_EQ(0, obj_pin(self->obj, "bpf/dir/y"));
	EXPECT_OBJ(obj_get("bind/y"));
	ASSERT_EQ(0, umount_bpf("bpf"));
	EXPECT_OBJ(obj_get("bind/x"));
	ASSERT_EQ(0, umount_bpf("bind"));
}

/* The new name has no dot, 255 bytes of anything else will do. */
TEST_F(paths, names)
{
	char name[5 + NAME_MAX] = "bpf/";
	int i;

	for (i = 0; i < NAME_MAX; i++)
		name[4 + i] = strchr("./", 1 + i % 255) ? '_' : 1 + i % 255;
	ASSERT_EQ(0, obj_pin(self->obj, name));
	EXPECT_OBJ(obj_get(name));
	ASSERT_EQ(0, obj_pin(self->obj, "bpf/ "));
	EXPECT_OBJ(obj_get("bpf/ "));
}

FIXTURE(kinds) {
	int obj;
	int id;
};

FIXTURE_VARIANT(kinds) {
	enum obj_kind kind;
};

FIXTURE_VARIANT_ADD(kinds, map) { .kind = OBJ_MAP };
FIXTURE_VARIANT_ADD(kinds, prog) { .kind = OBJ_PROG };
FIXTURE_VARIANT_ADD(kinds, link) { .kind = OBJ_LINK };

FIXTURE_SETUP(kinds)
{
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, sys(mkdir("bpf/dir", 0755)));
	self->obj = obj_new(variant->kind);
	self->id = obj_id(self->obj, variant->kind);
	ASSERT_LT(0, self->id);
}

FIXTURE_TEARDOWN(kinds)
{
}

#undef EXPECT_OBJ
#define EXPECT_OBJ(get) EXPECT_TRUE(is_obj(get, self->id, variant->kind))

/* An instance that is only reachable by an open directory. */
TEST_F(kinds, unmounted)
{
	int dir = sys(open("bpf/dir", O_PATH));

	ASSERT_EQ(0, obj_pin(self->obj, "bpf/dir/before"));
	ASSERT_EQ(0, sys(umount2("bpf", MNT_DETACH)));
	EXPECT_OBJ(obj_get_at(dir, "before", BPF_F_PATH_FD));
	ASSERT_EQ(0, obj_pin_at(self->obj, dir, "after", BPF_F_PATH_FD));
	EXPECT_OBJ(obj_get_at(dir, "after", BPF_F_PATH_FD));
	close(self->obj);
	EXPECT_TRUE(obj_alive(variant->kind, self->id));
	close(dir);
	EXPECT_TRUE(obj_gone(variant->kind, self->id));
}

/* A descriptor without close-on-exec, or a pin that looks like no file. */
TEST_F(kinds, looks)
{
	struct stat st;
	int fd;

	ASSERT_EQ(0, obj_pin(self->obj, "bpf/x"));
	ASSERT_EQ(0, sys(lstat("bpf/x", &st)));
	EXPECT_EQ(S_IFREG | 0600, st.st_mode);
	EXPECT_EQ(1, st.st_nlink);
	EXPECT_EQ(0, st.st_size);
	EXPECT_EQ(0, st.st_blocks);
	fd = obj_get("bpf/x");
	EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
	/* A link is not read or written, its descriptor says neither. */
	EXPECT_EQ(variant->kind == OBJ_LINK ? 0 : O_RDWR,
		  fcntl(fd, F_GETFL) & O_ACCMODE);
}

/* atime that get does not move, or moves when it fails, as relatime has it. */
TEST_F(kinds, atime)
{
	const struct timespec old[2] = { { 1000, 0 }, { 2000, 0 } };
	struct stat st;
	int status;

	ASSERT_EQ(0, obj_pin(self->obj, "bpf/x"));
	ASSERT_EQ(0, sys(utimensat(AT_FDCWD, "bpf/x", old, 0)));
	in_child(&status) {
		become(NOBODY, NOBODY);
		EXPECT_EQ(-EACCES, obj_get("bpf/x"));
	}
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, sys(stat("bpf/x", &st)));
	EXPECT_EQ(1000, st.st_atime);

	EXPECT_OBJ(obj_get("bpf/x"));
	ASSERT_EQ(0, sys(stat("bpf/x", &st)));
	EXPECT_LT(2000, st.st_atime);
	EXPECT_EQ(2000, st.st_mtime);

	ASSERT_EQ(0, sys(utimensat(AT_FDCWD, "bpf/x", old, 0)));
	ASSERT_EQ(0, sys(mount(NULL, "bpf", NULL, MS_REMOUNT | MS_BIND | MS_NOATIME, NULL)));
	EXPECT_OBJ(obj_get("bpf/x"));
	ASSERT_EQ(0, sys(stat("bpf/x", &st)));
	EXPECT_EQ(1000, st.st_atime);
}

FIXTURE(flags) { };

FIXTURE_SETUP(flags)
{
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
}

FIXTURE_TEARDOWN(flags)
{
}

/* A read-only fd one can write through, and the other way round. */
TEST_F(flags, map_access)
{
	int map = map_new(), value;

	ASSERT_EQ(0, obj_pin(map, "bpf/map"));
	map = obj_get_at(0, "bpf/map", BPF_F_RDONLY);
	EXPECT_EQ(O_RDONLY, fcntl(map, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(0, map_get(map, 0, &value));
	EXPECT_EQ(-EPERM, map_set(map, 0, 1));
	map = obj_get_at(0, "bpf/map", BPF_F_WRONLY);
	EXPECT_EQ(O_WRONLY, fcntl(map, F_GETFL) & O_ACCMODE);
	EXPECT_EQ(-EPERM, map_get(map, 0, &value));
	EXPECT_EQ(0, map_set(map, 0, 1));
	map = obj_get_at(AT_FDCWD, "bpf/map", BPF_F_RDONLY | BPF_F_PATH_FD);
	EXPECT_EQ(-EPERM, map_set(map, 0, 2));
	map = obj_get("bpf/map");
	EXPECT_EQ(0, map_set(map, 0, 3));
	EXPECT_EQ(0, map_get(map, 0, &value));
	EXPECT_EQ(3, value);
}

/* Access belongs to the fd: a pin must not inherit that of the fd pinned. */
TEST_F(flags, pin_from_restricted_fd)
{
	static const unsigned int flags[] = { BPF_F_RDONLY, BPF_F_WRONLY };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		union bpf_attr attr = {
			.map_type = BPF_MAP_TYPE_ARRAY,
			.key_size = 4,
			.value_size = 4,
			.max_entries = 1,
			.map_flags = flags[i],
		};
		int map = sys_bpf(BPF_MAP_CREATE, &attr), value;

		ASSERT_LE(0, map);
		EXPECT_EQ(-EPERM, i ? map_get(map, 0, &value) : map_set(map, 0, 1));
		ASSERT_EQ(0, obj_pin(map, "bpf/map"));
		map = obj_get("bpf/map");
		EXPECT_EQ(0, map_set(map, 0, 1));
		EXPECT_EQ(0, map_get(map, 0, &value));
		ASSERT_EQ(0, sys(unlink("bpf/map")));
	}
}

/* Pinning as a way to thaw a frozen map. */
TEST_F(flags, frozen_map)
{
	int map = map_new(), value;
	union bpf_attr attr = { .map_fd = map };

	ASSERT_EQ(0, map_set(map, 0, 5));
	ASSERT_EQ(0, sys_bpf(BPF_MAP_FREEZE, &attr));
	ASSERT_EQ(0, obj_pin(map, "bpf/map"));
	map = obj_get("bpf/map");
	ASSERT_LE(0, map);
	EXPECT_EQ(-EPERM, map_set(map, 0, 6));
	EXPECT_EQ(0, map_get(map, 0, &value));
	EXPECT_EQ(5, value);
	EXPECT_LE(0, obj_get_at(0, "bpf/map", BPF_F_RDONLY));
	EXPECT_LE(0, obj_get_at(0, "bpf/map", BPF_F_WRONLY));
}

/* A program's fd is as ever whatever access was asked for; links refuse. */
TEST_F(flags, prog_and_link)
{
	int prog = prog_new(CALLED), link = link_new(-1), fd;

	ASSERT_EQ(0, obj_pin(prog, "bpf/prog"));
	ASSERT_EQ(0, obj_pin(link, "bpf/link"));
	fd = obj_get_at(0, "bpf/prog", BPF_F_RDONLY);
	EXPECT_EQ(CALLED, prog_run(fd));
	EXPECT_EQ(O_RDWR, fcntl(fd, F_GETFL) & O_ACCMODE);
	fd = obj_get_at(0, "bpf/prog", BPF_F_WRONLY);
	EXPECT_EQ(CALLED, prog_run(fd));
	EXPECT_EQ(-EINVAL, obj_get_at(0, "bpf/link", BPF_F_RDONLY));
	EXPECT_EQ(-EINVAL, obj_get_at(0, "bpf/link", BPF_F_WRONLY));
}

/* Flags and fields of bpf(2) that must be refused, one by one. */
TEST_F(flags, refused)
{
	int map = map_new(), bit;
	union bpf_attr attr = { .pathname = (uintptr_t)"bpf/map" };

	ASSERT_EQ(0, obj_pin(map, "bpf/map"));
	for (bit = 0; bit < 32; bit++) {
		unsigned int flag = 1u << bit;

		if (flag == BPF_F_PATH_FD)
			continue;
		EXPECT_EQ(-EINVAL, obj_pin_at(map, 0, "bpf/x", flag));
		if (flag != BPF_F_RDONLY && flag != BPF_F_WRONLY)
			EXPECT_EQ(-EINVAL, obj_get_at(0, "bpf/map", flag));
	}
	EXPECT_EQ(-EINVAL, obj_get_at(0, "bpf/map", BPF_F_RDONLY | BPF_F_WRONLY));
	EXPECT_EQ(-EINVAL, obj_get_at(AT_FDCWD, "bpf/map", BPF_F_RDONLY | BPF_F_WRONLY |
				      BPF_F_PATH_FD));
	/* path_fd without its flag */
	EXPECT_EQ(-EINVAL, obj_pin_at(map, AT_FDCWD, "bpf/x", 0));
	EXPECT_EQ(-EINVAL, obj_get_at(AT_FDCWD, "bpf/map", 0));
	/* an fd given to get, bytes behind the last field */
	attr.bpf_fd = map;
	EXPECT_EQ(-EINVAL, sys_bpf(BPF_OBJ_GET, &attr));
	attr.bpf_fd = 0;
	((char *)&attr)[sizeof(attr) - 1] = 1;
	EXPECT_EQ(-EINVAL, sys_bpf(BPF_OBJ_GET, &attr));
	EXPECT_FALSE(exists("bpf/x"));
}

/* An iterator's link that can be neither read nor made into an iterator. */
TEST_F(flags, iterator)
{
	union bpf_attr iter = {};
	char buf[16];
	int fd = iter_link_new();

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, obj_pin(fd, "bpf/iter"));

	fd = sys(open("bpf/iter", O_RDONLY));
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, sys(read(fd, buf, sizeof(buf))));
	iter.iter_create.link_fd = obj_get("bpf/iter");
	ASSERT_LE(0, (int)iter.iter_create.link_fd);
	fd = sys_bpf(BPF_ITER_CREATE, &iter);
	ASSERT_LE(0, fd);
	EXPECT_EQ(0, sys(read(fd, buf, sizeof(buf))));
	/* While it is open, it keeps going without its pin. */
	ASSERT_EQ(0, sys(unlink("bpf/iter")));
	fd = sys_bpf(BPF_ITER_CREATE, &iter);
	EXPECT_EQ(0, sys(read(fd, buf, sizeof(buf))));
}

int main(int argc, char **argv)
{
	links_prepare();
	return run_all_guarded(argc, argv);
}
