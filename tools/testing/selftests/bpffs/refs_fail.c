// SPDX-License-Identifier: GPL-2.0
/*
 * A pin or a fetch that fails leaves the object as it was: dropping a reference
 * too many empties or frees it under its user, keeping one holds it for ever.
 * One variant for each way to fail.
 */
#include <string.h>
#include <sys/resource.h>

#include "bpffs_harness.h"

/* One over-put may go unnoticed, several do not. */
#define TIMES 4

/* ---- pin ---- */

static int pin_existing(int obj)
{
	return obj_pin(obj, "bpf/taken");
}

static int pin_dotted(int obj)
{
	return obj_pin(obj, "bpf/a.b");
}

static int pin_elsewhere(int obj)
{
	return obj_pin(obj, "plain");
}

static int pin_denied(int obj)
{
	int status;

	in_child(&status) {
		become(NOBODY, NOBODY);
		_exit(-obj_pin(obj, "bpf/dir/x"));
	}
	return -status;
}

static int pin_below_file(int obj)
{
	return obj_pin(obj, "bpf/taken/x");
}

static int pin_no_parent(int obj)
{
	return obj_pin(obj, "bpf/none/x");
}

static int pin_no_name(int obj)
{
	return obj_pin(obj, "");
}

static int pin_readonly(int obj)
{
	int err = sys(mount(NULL, "bpf", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));

	if (!err)
		err = obj_pin(obj, "bpf/x");
	return sys(mount(NULL, "bpf", NULL, MS_REMOUNT | MS_BIND, NULL)) ?: err;
}

static int pin_removed_parent(int obj)
{
	int dir, err;

	mkdir("bpf/gone", 0755);
	dir = open("bpf/gone", O_PATH);
	rmdir("bpf/gone");
	err = obj_pin_at(obj, dir, "x", BPF_F_PATH_FD);
	close(dir);
	return err;
}

static int pin_bad_pointer(int obj)
{
	return obj_pin(obj, (char *)8);
}

static int pin_bad_fd(int obj)
{
	return obj_pin_at(obj, 12345, "x", BPF_F_PATH_FD);
}

static int pin_bad_flags(int obj)
{
	return obj_pin_at(obj, 0, "bpf/x", BPF_F_RDONLY);
}

static int pin_long_name(int obj)
{
	char path[300] = "bpf/";

	memset(path + 4, 'x', 256);
	return obj_pin(obj, path);
}

FIXTURE(pin_fails) { };

FIXTURE_VARIANT(pin_fails) {
	int (*fail)(int obj);
	int error;
};

#define PIN_FAILS(name, err)	\
	FIXTURE_VARIANT_ADD(pin_fails, name) { .fail = pin_##name, .error = -(err) }

PIN_FAILS(existing, EEXIST);
PIN_FAILS(dotted, EPERM);
PIN_FAILS(elsewhere, EPERM);
PIN_FAILS(denied, EACCES);
PIN_FAILS(below_file, ENOTDIR);
PIN_FAILS(no_parent, ENOENT);
PIN_FAILS(no_name, ENOENT);
PIN_FAILS(readonly, EROFS);
PIN_FAILS(removed_parent, ENOENT);
PIN_FAILS(bad_pointer, EFAULT);
PIN_FAILS(bad_fd, EBADF);
PIN_FAILS(bad_flags, EINVAL);
PIN_FAILS(long_name, ENAMETOOLONG);

FIXTURE_SETUP(pin_fails)
{
	int map = map_new();

	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, sys(mkdir("bpf/dir", 0755)));
	ASSERT_EQ(0, obj_pin(map, "bpf/taken"));
	close(map);
}

FIXTURE_TEARDOWN(pin_fails)
{
}

/* A user of a map, or another object's reference, taken along or lost. */
TEST_F(pin_fails, counts)
{
	enum obj_kind kind;
	struct calls calls;
	int i;

	ASSERT_EQ(0, calls_new(&calls));
	for (i = 0; i < TIMES; i++)
		ASSERT_EQ(variant->error, variant->fail(calls.array));
	EXPECT_TRUE(calls_kept(&calls, "bpf"));
	close(calls.array);
	EXPECT_TRUE(calls_flushed(&calls));

	for (kind = OBJ_PROG; kind <= OBJ_LINK; kind++) {
		int obj = obj_new(kind), id = obj_id(obj, kind);

		for (i = 0; i < TIMES; i++)
			ASSERT_EQ(variant->error, variant->fail(obj));
		EXPECT_EQ(0, obj_pin(obj, "bpf/good"));
		close(obj);
		EXPECT_TRUE(obj_alive(kind, id));
		EXPECT_EQ(0, sys(unlink("bpf/good")));
		EXPECT_TRUE(obj_gone(kind, id)) TH_LOG("%s", obj_kind_names[kind]);
	}
}

/* ---- get ---- */

static int get_no_fd_left(void)
{
	struct rlimit limit, none;
	int err, next = dup(0);

	close(next);
	if (next < 0 || getrlimit(RLIMIT_NOFILE, &limit))
		return -errno;
	none = limit;
	none.rlim_cur = next;
	if (setrlimit(RLIMIT_NOFILE, &none))
		return -errno;
	err = obj_get("bpf/obj");
	return sys(setrlimit(RLIMIT_NOFILE, &limit)) ?: err;
}

static int get_denied(void)
{
	int status;

	in_child(&status) {
		become(NOBODY, NOBODY);
		_exit(-obj_get("bpf/obj"));
	}
	return -status;
}

static int get_both_flags(void)
{
	return obj_get_at(0, "bpf/obj", BPF_F_RDONLY | BPF_F_WRONLY);
}

static int get_as_directory(void)
{
	return obj_get("bpf/obj/");
}

static int get_below(void)
{
	return obj_get("bpf/obj/x");
}

FIXTURE(get_fails) { };

FIXTURE_VARIANT(get_fails) {
	int (*fail)(void);
	int error;
};

#define GET_FAILS(name, err)	\
	FIXTURE_VARIANT_ADD(get_fails, name) { .fail = get_##name, .error = -(err) }

GET_FAILS(no_fd_left, EMFILE);
GET_FAILS(denied, EACCES);
GET_FAILS(both_flags, EINVAL);
GET_FAILS(as_directory, ENOTDIR);
GET_FAILS(below, ENOTDIR);

FIXTURE_SETUP(get_fails)
{
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
}

FIXTURE_TEARDOWN(get_fails)
{
}

/* The pin's own reference dropped by a failed fetch; or one left by it. */
TEST_F(get_fails, counts)
{
	enum obj_kind kind;
	struct calls calls;
	int i;

	ASSERT_EQ(0, calls_new(&calls));
	ASSERT_EQ(0, obj_pin(calls.array, "bpf/obj"));
	close(calls.array);
	for (i = 0; i < TIMES; i++)
		ASSERT_EQ(variant->error, variant->fail());
	EXPECT_TRUE(calls_kept(&calls, "bpf"));
	ASSERT_EQ(0, sys(unlink("bpf/obj")));
	EXPECT_TRUE(calls_flushed(&calls));

	for (kind = OBJ_PROG; kind <= OBJ_LINK; kind++) {
		int obj = obj_new(kind), id = obj_id(obj, kind);

		ASSERT_EQ(0, obj_pin(obj, "bpf/obj"));
		close(obj);
		for (i = 0; i < TIMES; i++)
			ASSERT_EQ(variant->error, variant->fail());
		obj = obj_get("bpf/obj");
		EXPECT_EQ(id, obj_id(obj, kind));
		close(obj);
		ASSERT_EQ(0, sys(unlink("bpf/obj")));
		EXPECT_TRUE(obj_gone(kind, id)) TH_LOG("%s", obj_kind_names[kind]);
	}
}

BPFFS_FIXTURE(refs_link);

/* A link refuses access flags only after it has been found. */
TEST_F(refs_link, refused_flags)
{
	int link = link_new(-1), id = obj_id(link, OBJ_LINK), i;

	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, obj_pin(link, "bpf/link"));
	close(link);
	for (i = 0; i < TIMES; i++)
		ASSERT_EQ(-EINVAL, obj_get_at(0, "bpf/link", BPF_F_RDONLY));
	EXPECT_TRUE(obj_alive(OBJ_LINK, id));
	link = obj_get("bpf/link");
	EXPECT_EQ(id, obj_id(link, OBJ_LINK));
	close(link);
	ASSERT_EQ(0, sys(unlink("bpf/link")));
	EXPECT_TRUE(obj_gone(OBJ_LINK, id));
}

int main(int argc, char **argv)
{
	links_prepare();
	return run_all_guarded(argc, argv);
}
