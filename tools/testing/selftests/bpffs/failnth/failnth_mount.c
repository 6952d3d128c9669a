// SPDX-License-Identifier: GPL-2.0
/* Allocations that fail in mounting, by either interface, and in unmounting. */
#include <sys/syscall.h>

#include "bpffs_harness.h"
#include "world.h"

BPFFS_FIXTURE(failnth_mount);

/* Not some of delegate_cmds: showing these, C shifts by too much (UBSAN reports it). */
#define OPTIONS "uid=3,mode=700,delegate_cmds=any,delegate_maps=hash:array,nonsense=1"
/* Of these, C knows none. */
#define OPTIONS_OF_OURS "pinmode=640,nr_inodes=1k,rdonly_strict,dots"

/* ---- mount(2) ---- */

/* Handles the two ways in which the directory may be mounted or not. */
static int restore_mount(long ret)
{
	int err = umount_bpf("mnt");

	return ret >= 0 ? err : err == -EINVAL ? 0 : err ?: -EEXIST;
}

static long call_mount_new(void)
{
	return armed(SYS_mount, "bpf", "mnt", "bpf", 0, "newinstance," OPTIONS);
}

static long call_mount_joins(void)
{
	return armed(SYS_mount, "bpf", "mnt", "bpf", 0, "mode=700");
}

static long call_mount_named(void)
{
	return armed(SYS_mount, "bpf", "mnt", "bpf", 0, "instance=failnth," OPTIONS_OF_OURS);
}

static int prepare_mount(void)
{
	int map = map_new(), err = mount_bpf("mnt", "newinstance");

	err = err ?: sys(mkdir("mnt/dir", 0755)) ?: obj_pin(map, "mnt/dir/map") ?:
	      obj_pin(world.calls.array, "mnt/array") ?: sys(symlink("array", "mnt/symlink"));
	close(map);
	return err;
}

static int restore_umount(long ret)
{
	int err = umount_bpf("mnt");

	return ret < 0 ? err : err == -EINVAL ? 0 : err ?: -EEXIST;
}

static long call_umount(void)
{
	return armed(SYS_umount2, "mnt", 0);
}

static long call_umount_lazy(void)
{
	return armed(SYS_umount2, "mnt", MNT_DETACH);
}

static long call_remount(void)
{
	return armed(SYS_mount, NULL, "bpf", NULL, MS_REMOUNT,
		     "uid=3,gid=4,mode=711,pinmode=640,nr_inodes=1k,nonsense=1");
}

static long call_remount_refused(void)
{
	return armed(SYS_mount, NULL, "bpf", NULL, MS_REMOUNT, "mode=711,delegate_cmds=any");
}

/* What our remount has changed is as before, also when the remount failed half-way. */
static int restore_remount(long ret)
{
	return mount_bpf_flags("bpf", MS_REMOUNT, "uid=0,gid=0,mode=777,pinmode=600,nr_inodes=0");
}

static long call_bind(void)
{
	return armed(SYS_mount, "bpf/dir", "mnt", NULL, MS_BIND, NULL);
}

static const struct call mount_calls[] = {
	{ "mount_new", .call = call_mount_new, .restore = restore_mount, .also = NO_INODE },
	{ "mount_named", .call = call_mount_named, .restore = restore_mount, .also = NO_INODE },
	{ "mount_joins", .call = call_mount_joins, .restore = restore_mount,
	  .also = NO_INODE },
	{ "umount", .prepare = prepare_mount, .call = call_umount,
	  .restore = restore_umount },
	{ "umount_lazy", .prepare = prepare_mount, .call = call_umount_lazy,
	  .restore = restore_umount },
	{ "remount", .call = call_remount, .restore = restore_remount },
	{ "remount_refused", .call = call_remount_refused, .result = -EINVAL,
	  .not_on_c = "takes any option of a remount" },
	{ "bind", .call = call_bind, .restore = restore_mount },
};

/* Catches: an instance or a mount that is lost or left when memory runs out. */
TEST_F_TIMEOUT(failnth_mount, mount, 300)
{
	ASSERT_EQ(0, sys(mkdir("mnt", 0755)));
	EXPECT_EQ(0, FAIL_ALL(mount_calls));
}

/* ---- fsopen(2) and fsconfig(2) ---- */

static int fs, mnt;

static long call_fsopen(void)
{
	return armed(SYS_fsopen, "bpf", FSOPEN_CLOEXEC);
}

static int prepare_fs(void)
{
	fs = fs_open();
	return fs < 0 ? fs : 0;
}

static int restore_fs(long ret)
{
	return sys(close(fs));
}

#define SET_STRING(id, key, value)						\
	static long call_##id(void)						\
	{									\
		return armed(SYS_fsconfig, fs, FSCONFIG_SET_STRING, key, value, 0); \
	}

SET_STRING(set_source, "source", "bpf")
SET_STRING(set_uid, "uid", "3")
SET_STRING(set_gid, "gid", "4")
SET_STRING(set_mode, "mode", "700")
SET_STRING(set_mode_bad, "mode", "9")
SET_STRING(set_delegate_cmds, "delegate_cmds", "map_create:prog_load:obj_get")
SET_STRING(set_delegate_maps, "delegate_maps", "any")
SET_STRING(set_delegate_progs, "delegate_progs", "0x7:kprobe")
SET_STRING(set_delegate_attachs, "delegate_attachs", "tcx_ingress")
SET_STRING(set_delegate_bad, "delegate_cmds", "nonsense")
SET_STRING(set_unknown, "unknown", "value")

static long call_set_ro(void)
{
	return armed(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "ro", NULL, 0);
}

static long call_set_newinstance(void)
{
	return armed(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "newinstance", NULL, 0);
}

static long call_set_flag_uid(void)
{
	return armed(SYS_fsconfig, fs, FSCONFIG_SET_FLAG, "uid", NULL, 0);
}

static long call_set_blob(void)
{
	return armed(SYS_fsconfig, fs, FSCONFIG_SET_BINARY, "blob", "bytes", 5);
}

static long call_set_path(void)
{
	return armed(SYS_fsconfig, fs, FSCONFIG_SET_PATH, "path", "bpf/dir", AT_FDCWD);
}

static long call_set_fd(void)
{
	return armed(SYS_fsconfig, fs, FSCONFIG_SET_FD, "fd", NULL, 0);
}

static long call_close_fs(void)
{
	return armed(SYS_close, fs);
}

static const struct call config_calls[] = {
	{ "fsopen", .call = call_fsopen, .restore = restore_fd },
	{ "set_source", .prepare = prepare_fs, .call = call_set_source,
	  .restore = restore_fs },
	{ "set_uid", .prepare = prepare_fs, .call = call_set_uid, .restore = restore_fs },
	{ "set_gid", .prepare = prepare_fs, .call = call_set_gid, .restore = restore_fs },
	{ "set_mode", .prepare = prepare_fs, .call = call_set_mode, .restore = restore_fs },
	{ "set_mode_bad", .prepare = prepare_fs, .call = call_set_mode_bad,
	  .restore = restore_fs, .result = -EINVAL },
	{ "set_delegate_cmds", .prepare = prepare_fs, .call = call_set_delegate_cmds,
	  .restore = restore_fs },
	{ "set_delegate_maps", .prepare = prepare_fs, .call = call_set_delegate_maps,
	  .restore = restore_fs },
	{ "set_delegate_progs", .prepare = prepare_fs, .call = call_set_delegate_progs,
	  .restore = restore_fs },
	{ "set_delegate_attachs", .prepare = prepare_fs,
	  .call = call_set_delegate_attachs, .restore = restore_fs },
	{ "set_delegate_bad", .prepare = prepare_fs, .call = call_set_delegate_bad,
	  .restore = restore_fs, .result = -EINVAL },
	{ "set_unknown", .prepare = prepare_fs, .call = call_set_unknown,
	  .restore = restore_fs },
	{ "set_ro", .prepare = prepare_fs, .call = call_set_ro, .restore = restore_fs },
	{ "set_newinstance", .prepare = prepare_fs, .call = call_set_newinstance,
	  .restore = restore_fs },
	{ "set_flag_for_string", .prepare = prepare_fs, .call = call_set_flag_uid,
	  .restore = restore_fs, .result = -EINVAL },
	{ "set_blob", .prepare = prepare_fs, .call = call_set_blob, .restore = restore_fs },
	{ "set_path", .prepare = prepare_fs, .call = call_set_path, .restore = restore_fs },
	{ "set_fd", .prepare = prepare_fs, .call = call_set_fd, .restore = restore_fs },
	{ "close_context", .prepare = prepare_fs, .call = call_close_fs,
	  .no_points = true },
};

/* Catches: a context that is left, or an option that is taken halfway when memory runs out. */
TEST_F_TIMEOUT(failnth_mount, config, 300)
{
	ASSERT_EQ(0, sys(mkdir("mnt", 0755)));
	EXPECT_EQ(0, FAIL_ALL(config_calls));
}

/* ---- making the mount ---- */

static int prepare_new(void)
{
	return prepare_fs() ?: fs_flag(fs, "newinstance") ?: fs_set(fs, "delegate_maps", "hash");
}

static long call_create(void)
{
	return armed(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static int prepare_joining(void)
{
	return prepare_fs() ?: fs_set(fs, "mode", "700") ?: fs_set(fs, "uid", "3") ?:
	       fs_set(fs, "gid", "4");
}

static int prepare_differing(void)
{
	return prepare_fs() ?: fs_set(fs, "delegate_maps", "hash");
}

static int prepare_read_only(void)
{
	return prepare_fs() ?: sys(mount(NULL, "bpf", NULL, MS_REMOUNT | MS_RDONLY, NULL));
}

static int restore_read_only(long ret)
{
	return restore_fs(ret) ?: sys(mount(NULL, "bpf", NULL, MS_REMOUNT, NULL));
}

static long call_create_excl(void)
{
	return armed(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE_EXCL, NULL, NULL, 0);
}

static int prepare_created(void)
{
	return prepare_new() ?: fs_create(fs);
}

static long call_fsmount(void)
{
	return armed(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
}

static int restore_fsmount(long ret)
{
	return restore_fd(ret) ?: restore_fs(ret);
}

static int prepare_mnt(void)
{
	int err = prepare_created();

	mnt = err ?: fs_mount(fs, 0);
	close(fs);
	return mnt < 0 ? mnt : 0;
}

static long call_move_mount(void)
{
	return armed(SYS_move_mount, mnt, "", AT_FDCWD, "mnt", MOVE_MOUNT_F_EMPTY_PATH);
}

static int restore_move_mount(long ret)
{
	/* First, as it holds the mount. */
	return sys(close(mnt)) ?: restore_mount(ret);
}

static long call_close_mnt(void)
{
	return armed(SYS_close, mnt);
}

static long call_open_tree(void)
{
	return armed(SYS_open_tree, AT_FDCWD, "bpf", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
}

static const struct call make_calls[] = {
	{ "create_new", .prepare = prepare_new, .call = call_create,
	  .restore = restore_fs, .also = NO_INODE },
	{ "create_joins", .prepare = prepare_joining, .call = call_create,
	  .restore = restore_fs, .also = NO_INODE },
	{ "create_excl", .prepare = prepare_new, .call = call_create_excl,
	  .restore = restore_fs, .also = NO_INODE },
	{ "fsmount", .prepare = prepare_created, .call = call_fsmount,
	  .restore = restore_fsmount },
	{ "move_mount", .prepare = prepare_mnt, .call = call_move_mount,
	  .restore = restore_move_mount },
	{ "close_mount", .prepare = prepare_mnt, .call = call_close_mnt,
	  .no_points = true },
	{ "open_tree", .call = call_open_tree, .restore = restore_fd },
};

/* Where mounts join. */
static const struct call join_calls[] = {
	{ "join_differing", .prepare = prepare_differing, .call = call_create,
	  .restore = restore_fs, .also = NO_INODE, .result = -EBUSY },
	{ "join_read_only", .prepare = prepare_read_only, .call = call_create,
	  .restore = restore_read_only, .also = NO_INODE, .result = -EBUSY },
	{ "join_excl", .prepare = prepare_fs, .call = call_create_excl,
	  .restore = restore_fs, .also = NO_INODE, .result = -EBUSY },
};

/* Catches: an instance, a mount or a reference to the module that is left when memory runs out. */
TEST_F_TIMEOUT(failnth_mount, make, 300)
{
	ASSERT_EQ(0, sys(mkdir("mnt", 0755)));
	EXPECT_EQ(0, FAIL_ALL(make_calls));
	if (mounts_join())
		EXPECT_EQ(0, FAIL_ALL(join_calls));
}

/* ---- reconfiguring ---- */

static long call_fspick(void)
{
	return armed(SYS_fspick, AT_FDCWD, "bpf", FSPICK_CLOEXEC);
}

static int prepare_picked(void)
{
	fs = sys(fspick(AT_FDCWD, "bpf", FSPICK_CLOEXEC));
	return fs < 0 ? fs : fs_set(fs, "mode", "700");
}

static int restore_picked(long ret)
{
	return restore_fs(ret) ?: restore_remount(ret);
}

static long call_set_picked(void)
{
	return armed(SYS_fsconfig, fs, FSCONFIG_SET_STRING, "delegate_cmds", "any", 0);
}

static long call_reconfigure(void)
{
	return armed(SYS_fsconfig, fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

static const struct call reconfigure_calls[] = {
	{ "fspick", .call = call_fspick, .restore = restore_fd },
	{ "set_reconfigured", .prepare = prepare_picked, .call = call_set_picked,
	  .restore = restore_fs },
	{ "reconfigure", .prepare = prepare_picked, .call = call_reconfigure,
	  .restore = restore_picked, .no_points = true },
};

/* Catches: a reference to the superblock that is left when memory runs out. */
TEST_F_TIMEOUT(failnth_mount, reconfigure, 300)
{
	ASSERT_EQ(0, sys(mkdir("mnt", 0755)));
	EXPECT_EQ(0, FAIL_ALL(reconfigure_calls));
}

/* ---- showing ---- */

static char text[16384];

static int prepare_shown(void)
{
	int err = mount_bpf("mnt", "newinstance," OPTIONS);

	fs = sys(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
	return err ?: fs < 0 ? fs : 0;
}

static long call_show(void)
{
	return armed(SYS_read, fs, text, sizeof(text));
}

static int restore_shown(long ret)
{
	return restore_fs(ret) ?: umount_bpf("mnt");
}

static const struct call show_calls[] = {
	{ "show_options", .prepare = prepare_shown, .call = call_show,
	  .restore = restore_shown },
};

/* Catches: options that are shown halfway when memory runs out. */
TEST_F_TIMEOUT(failnth_mount, show, 300)
{
	ASSERT_EQ(0, sys(mkdir("mnt", 0755)));
	EXPECT_EQ(0, FAIL_ALL(show_calls));
}

FAILNTH_MAIN
