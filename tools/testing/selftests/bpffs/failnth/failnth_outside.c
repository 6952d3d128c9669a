// SPDX-License-Identifier: GPL-2.0
/*
 * Allocations that fail where objects are exposed outside, and where what is exposed is read,
 * fetched, removed or unpinned.
 */
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "bpffs_harness.h"
#include "iterators.h"
#include "kbtf.h"
#include "outside.h"
#include "whatis.h"
#include "world.h"

#define NEW	CGROUP "/bpf.new"

FIXTURE(failnth_outside) {
	long nodes;
};

/* What calls find besides the world, and what prepare() hands on. */
static struct {
	int view, dir, fd;
	char buf[65536];
} my;

FIXTURE_SETUP(failnth_outside)
{
	ASSERT_EQ(0, failnth_error());
	ASSERT_EQ(0, cgroups_enter());
	self->nodes = kernfs_nodes();
	ASSERT_LT(0, self->nodes);
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	my.view = view_link(&(struct view){});
	my.dir = sys(open(CGROUP, O_PATH | O_CLOEXEC));
	ASSERT_LE(0, my.view);
	ASSERT_LE(0, my.dir);
}

FIXTURE_TEARDOWN(failnth_outside)
{
	close(my.view);
	close(my.dir);
	EXPECT_EQ(0, cgroups_leave());
	EXPECT_EQ(0, kernfs_nodes_check(self->nodes));
}

static long pin_armed(int fd, const char *path)
{
	union bpf_attr attr = { .pathname = (uintptr_t)path, .bpf_fd = fd };

	return armed(SYS_bpf, BPF_OBJ_PIN, &attr, sizeof(attr));
}

/* What has gone is forgotten when somebody asks for what there is. */
static void forget(void)
{
	static const char *const pins[] = {
		"bpf/array", "bpf/prog", "bpf/link", "bpf/text", "bpf/hash", "bpf/iter", "bpf/view",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(pins); i++)
		getxattr(pins[i], "bpf.exposed", NULL, 0);
}

static int remove_file(const char *path)
{
	int err = write_file(path, "remove");

	forget();
	return err;
}

/* ---- exposing ---- */

static int restore_exposed(long ret)
{
	return undone(ret, remove_file(NEW));
}

/* The first time: its pins are looked for. */
static long call_expose_map(void)
{
	return pin_armed(world.text, NEW);
}

static long call_expose_array(void)
{
	return pin_armed(world.calls.array, NEW);
}

static long call_expose_prog(void)
{
	return pin_armed(world.prog, NEW);
}

static long call_expose_iter(void)
{
	return pin_armed(world.iter, NEW);
}

static long call_expose_link(void)
{
	return pin_armed(world.link, NEW);
}

static long call_expose_at(void)
{
	union bpf_attr attr = {
		.pathname = (uintptr_t)"bpf.new",
		.bpf_fd = world.text,
		.file_flags = BPF_F_PATH_FD,
		.path_fd = my.dir,
	};

	return armed(SYS_bpf, BPF_OBJ_PIN, &attr, sizeof(attr));
}

static int prepare_view(void)
{
	return obj_pin(my.view, "bpf/view");
}

static long call_expose_view(void)
{
	return pin_armed(my.view, NEW);
}

static int restore_view(long ret)
{
	return restore_exposed(ret) ?: sys(unlink("bpf/view"));
}

/* Once more; as many as there are, the table of files has to grow. */
static int prepare_others(void)
{
	char path[64];
	int i, err = 0;

	for (i = 0; !err && i < 4; i++) {
		snprintf(path, sizeof(path), CGROUP "/bpf.%d", i);
		err = obj_pin(world.text, path);
	}
	return err;
}

static int remove_others(void)
{
	char path[64];
	int i, err = 0;

	for (i = 0; !err && i < 4; i++) {
		snprintf(path, sizeof(path), CGROUP "/bpf.%d", i);
		err = remove_file(path);
	}
	return err;
}

static int restore_others(long ret)
{
	return restore_exposed(ret) ?: remove_others();
}

static int restore_refused(long ret)
{
	return remove_others();
}

/*
 * Two pins of a map that is exposed for the first time. Both must count, whatever failed before,
 * and whichever of the two was found first.
 */
static int map_of_two;

static int prepare_two_pins(void)
{
	map_of_two = map_new();
	return obj_pin(map_of_two, "bpf/one") ?: obj_pin(map_of_two, "bpf/two");
}

static long call_expose_two_pins(void)
{
	return pin_armed(map_of_two, NEW);
}

static int end_of_two_pins(long ret, const char *first, const char *last)
{
	int err = ret < 0 ? obj_pin(map_of_two, NEW) : 0, one, two;

	err = err ?: sys(unlink(first));
	one = exists(NEW);
	err = err ?: sys(unlink(last));
	two = exists(NEW);
	close(map_of_two);
	if (!one)
		fprintf(stderr, "# a pin does not count\n");
	if (two)
		fprintf(stderr, "# a pin counts that is gone\n");
	return err ?: one && !two ? 0 : -EBADMSG;
}

static int restore_two_pins(long ret)
{
	return end_of_two_pins(ret, "bpf/two", "bpf/one");
}

static int restore_two_pins_old_first(long ret)
{
	return end_of_two_pins(ret, "bpf/one", "bpf/two");
}

static long call_expose_existing(void)
{
	return pin_armed(world.text, CGROUP "/bpf.0");
}

static long call_expose_unpinned(void)
{
	return pin_armed(my.view, NEW);
}

static long call_expose_misnamed(void)
{
	return pin_armed(world.text, CGROUP "/new");
}

static long call_expose_sysfs(void)
{
	return pin_armed(world.text, "/sys/kernel/bpf.new");
}

static int restore_sysfs(long ret)
{
	if (ret >= 0 && chmod("/sys/kernel/bpf.new", 0600))
		return -errno;
	return undone(ret, remove_file("/sys/kernel/bpf.new"));
}

/* Catches: a node, a watch or a reference that is left, or a file that nothing ends. */
TEST_F_TIMEOUT(failnth_outside, expose, 300)
{
	const struct call calls[] = {
		{ "expose_map", .call = call_expose_map, .restore = restore_exposed },
		{ "expose_array", .call = call_expose_array, .restore = restore_exposed },
		{ "expose_prog", .call = call_expose_prog, .restore = restore_exposed },
		{ "expose_iter", .call = call_expose_iter, .restore = restore_exposed },
		{ "expose_link", .call = call_expose_link, .restore = restore_exposed },
		{ "expose_path_fd", .call = call_expose_at, .restore = restore_exposed },
		{ "expose_view", .prepare = prepare_view, .call = call_expose_view,
		  .restore = restore_view },
		{ "expose_again", .prepare = prepare_others, .call = call_expose_map,
		  .restore = restore_others },
		{ "expose_two_pins", .prepare = prepare_two_pins, .call = call_expose_two_pins,
		  .restore = restore_two_pins },
		{ "expose_two_pins_old_first", .prepare = prepare_two_pins,
		  .call = call_expose_two_pins, .restore = restore_two_pins_old_first },
		{ "expose_existing", .prepare = prepare_others, .call = call_expose_existing,
		  .restore = restore_refused, .result = -EEXIST },
		{ "expose_unpinned", .call = call_expose_unpinned, .result = -EPERM },
		{ "expose_misnamed", .call = call_expose_misnamed, .result = -EPERM },
		{ "expose_in_sysfs", .call = call_expose_sysfs, .restore = restore_sysfs },
	};
	const struct call refused[] = {
		{ "expose_refused", .call = call_expose_map, .result = -EPERM },
	};

	if (impl_rust()) {
		EXPECT_EQ(0, FAIL_ALL(calls));
	} else {
		EXPECT_EQ(0, FAIL_ALL(refused));
	}
}

/* ---- what is exposed ---- */

/* Each of them is pinned and exposed, the text and the view, as each call ends with all of it. */
static int prepare_text(void)
{
	return obj_pin(world.text, NEW);
}

static int restore_file(long ret)
{
	return remove_file(NEW);
}

static int prepare_exposed_view(void)
{
	return prepare_view() ?: obj_pin(my.view, NEW);
}

static int restore_exposed_view(long ret)
{
	return remove_file(NEW) ?: sys(unlink("bpf/view"));
}

static int opened(int err)
{
	if (err)
		return err;
	my.fd = sys(open(NEW, O_RDONLY | O_CLOEXEC));
	return my.fd < 0 ? my.fd : 0;
}

static int prepare_open_text(void)
{
	return opened(prepare_text());
}

static int prepare_open_view(void)
{
	return opened(prepare_exposed_view());
}

static int prepare_open_iter(void)
{
	return opened(obj_pin(world.iter, NEW));
}

static int prepare_open_hash(void)
{
	return opened(obj_pin(world.hash, NEW));
}

static long call_open(void)
{
	return armed(SYS_open, NEW, O_RDONLY | O_CLOEXEC);
}

static int restore_open(long ret)
{
	return restore_fd(ret) ?: remove_file(NEW);
}

static int prepare_iter(void)
{
	return obj_pin(world.iter, NEW);
}

static int restore_open_view(long ret)
{
	return restore_fd(ret) ?: restore_exposed_view(0);
}

static long call_read(void)
{
	return armed(SYS_read, my.fd, my.buf, sizeof(my.buf));
}

static int restore_read(long ret)
{
	close(my.fd);
	return remove_file(NEW);
}

static int restore_read_view(long ret)
{
	close(my.fd);
	/* All or nothing. */
	if (ret >= 0 && ret != sizeof(struct viewed))
		return -EBADMSG;
	return restore_exposed_view(0);
}

/* From the beginning once more. */
static int prepare_read_view(void)
{
	int err = prepare_open_view();

	return err ?: read(my.fd, my.buf, sizeof(my.buf)) == sizeof(struct viewed) ? 0 : -EBADMSG;
}

static long call_pread(void)
{
	return armed(SYS_pread64, my.fd, my.buf, sizeof(my.buf), 0);
}

static long call_get(void)
{
	union bpf_attr attr = { .pathname = (uintptr_t)NEW };

	return armed(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
}

static long call_count(void)
{
	return armed(SYS_getxattr, "bpf/text", "bpf.exposed", my.buf, sizeof(my.buf));
}

static long call_list(void)
{
	return armed(SYS_getxattr, "bpf/text", "bpf.exposed_at", my.buf, sizeof(my.buf));
}

/* Catches: a reader that is left, half a text, or another object when memory runs out. */
TEST_F_TIMEOUT(failnth_outside, read, 300)
{
	const struct call calls[] = {
		{ "open_exposed_map", .prepare = prepare_text, .call = call_open,
		  .restore = restore_open },
		{ "open_exposed_iter", .prepare = prepare_iter, .call = call_open,
		  .restore = restore_open },
		{ "open_exposed_view", .prepare = prepare_exposed_view, .call = call_open,
		  .restore = restore_open_view },
		{ "read_exposed_map", .prepare = prepare_open_text, .call = call_read,
		  .restore = restore_read },
		{ "read_exposed_hash", .prepare = prepare_open_hash, .call = call_read,
		  .restore = restore_read },
		{ "read_exposed_iter", .prepare = prepare_open_iter, .call = call_read,
		  .restore = restore_read },
		{ "pread_exposed_iter", .prepare = prepare_open_iter, .call = call_pread,
		  .restore = restore_read },
		{ "read_view", .prepare = prepare_open_view, .call = call_read,
		  .restore = restore_read_view },
		{ "read_view_again", .prepare = prepare_read_view, .call = call_pread,
		  .restore = restore_read_view },
		{ "get_exposed", .prepare = prepare_text, .call = call_get,
		  .restore = restore_open },
		{ "getxattr_exposed", .prepare = prepare_text, .call = call_count,
		  .restore = restore_file },
		{ "getxattr_exposed_at", .prepare = prepare_text, .call = call_list,
		  .restore = restore_file },
	};

	if (impl_rust())
		EXPECT_EQ(0, FAIL_ALL(calls));
}

/* ---- ends ---- */

static int prepare_open_to_remove(void)
{
	int err = prepare_text();

	my.fd = err ? err : sys(open(NEW, O_WRONLY | O_CLOEXEC));
	return my.fd < 0 ? my.fd : 0;
}

static long call_remove(void)
{
	return armed(SYS_write, my.fd, "remove", 6);
}

static int restore_removed(long ret)
{
	close(my.fd);
	return undone(ret < 0 ? 0 : -1, remove_file(NEW));
}

static long call_unpin(void)
{
	return armed(SYS_unlink, "bpf/view");
}

/* With the last pin, the files are gone; without that, they are there. */
static int restore_unpinned(long ret)
{
	int there = exists(NEW);

	if (ret >= 0)
		return there ? -EEXIST : 0;
	return there ? restore_exposed_view(0) : -ENOENT;
}

static int prepare_unpin_open(void)
{
	return prepare_open_view();
}

static int restore_unpinned_open(long ret)
{
	close(my.fd);
	return restore_unpinned(ret);
}

/* One more pin, which is to be watched, too. */
static long call_pin_again(void)
{
	return pin_armed(world.text, "bpf/again");
}

static int restore_pinned_again(long ret)
{
	return undone(ret, sys(unlink("bpf/again"))) ?: remove_file(NEW);
}

static long call_rename_over(void)
{
	return armed(SYS_rename, "bpf/view", "bpf/victim");
}

/* The one that is replaced is exposed. */
static int prepare_rename_over(void)
{
	return prepare_view() ?: obj_pin(world.text, "bpf/victim") ?: prepare_text();
}

static int restore_renamed_over(long ret)
{
	return remove_file(NEW) ?: sys(unlink("bpf/victim")) ?:
	       ret < 0 ? sys(unlink("bpf/view")) : 0;
}

static int prepare_cgroup(void)
{
	return sys(mkdir(CGROUP "/a", 0755)) ?: obj_pin(world.text, CGROUP "/a/bpf.new");
}

static long call_rmdir(void)
{
	return armed(SYS_rmdir, CGROUP "/a");
}

static int restore_cgroup(long ret)
{
	int err = undone(ret < 0 ? 0 : -1, sys(rmdir(CGROUP "/a")));

	forget();
	return err;
}

/* Catches: a file that is left, or that goes although the call failed. */
TEST_F_TIMEOUT(failnth_outside, ends, 300)
{
	const struct call calls[] = {
		{ "remove_exposed", .prepare = prepare_open_to_remove, .call = call_remove,
		  .restore = restore_removed },
		{ "unpin_exposed", .prepare = prepare_exposed_view, .call = call_unpin,
		  .restore = restore_unpinned },
		{ "unpin_read", .prepare = prepare_unpin_open, .call = call_unpin,
		  .restore = restore_unpinned_open },
		{ "pin_exposed_again", .prepare = prepare_text, .call = call_pin_again,
		  .restore = restore_pinned_again, .also = NO_INODE },
		{ "rename_over_exposed", .prepare = prepare_rename_over,
		  .call = call_rename_over, .restore = restore_renamed_over },
		{ "rmdir_of_cgroup", .prepare = prepare_cgroup, .call = call_rmdir,
		  .restore = restore_cgroup },
	};

	if (impl_rust())
		EXPECT_EQ(0, FAIL_ALL(calls));
}

int main(int argc, char **argv)
{
	kernel_btf_prepare();
	return failnth_main(argc, argv, world_prepare, run_all_guarded);
}
