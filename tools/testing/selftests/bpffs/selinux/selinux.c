// SPDX-License-Identifier: GPL-2.0
/*
 * What SELinux labels, and what it denies, with the policies that base.cil and the
 * files next to it make. A machine is booted with SELinux and no policy for this.
 */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "bpffs_harness.h"

#define SELINUX "security.selinux"
#define LABEL(type) "u:object_r:" type ":s0"
#define DOMAIN(type) "u:r:" type ":s0"

BPFFS_FIXTURE(selinux);

static char *programs;

/* Puts another policy in force; the mounts of before keep their ways. */
static int policy_load(const char *name)
{
	static char policy[1 << 16];
	char path[PATH_MAX];
	int in, out, err = -EIO;
	ssize_t len;

	snprintf(path, sizeof(path), "%s/%s.policy", programs, name);
	in = open(path, O_RDONLY | O_CLOEXEC);
	out = open("/sys/fs/selinux/load", O_WRONLY | O_CLOEXEC);
	len = sys(read(in, policy, sizeof(policy)));
	if (len > 0 && len < (ssize_t)sizeof(policy))
		err = sys(write(out, policy, len)) == len ? 0 : -errno;
	close(in);
	close(out);
	return err;
}

/* The label of what is there, links not followed, or what is wrong with it. */
static const char *label(const char *path)
{
	static char text[256];
	ssize_t len = sys(lgetxattr(path, SELINUX, text, sizeof(text) - 1));

	if (len <= 0)
		snprintf(text, sizeof(text), "%s", strerror(-len));
	else if (text[len - 1] || strlen(text) != len - 1)
		snprintf(text, sizeof(text), "not terminated");
	return text;
}

static int relabel(const char *path, const char *to)
{
	return sys(lsetxattr(path, SELINUX, to, strlen(to) + 1, 0));
}

/* Of this process, from now on. */
static int domain(const char *context)
{
	return write_file("/proc/self/attr/current", context);
}

/* Pairs of key and value, which is empty for a flag, then NULL. */
static int mount_options(const char *dir, const char *const *opts)
{
	int fs = fs_open_tested(), mnt = -1, err = fs < 0 ? fs : 0;

	for (; !err && *opts; opts += 2)
		err = *opts[1] ? fs_set(fs, opts[0], opts[1]) : fs_flag(fs, opts[0]);
	if (!err)
		err = fs_create(fs);
	if (!err)
		mnt = fs_mount(fs, 0);
	if (mnt >= 0)
		err = mnt_attach(mnt, dir);
	close(mnt);
	close(fs);
	return err;
}

#define MOUNT(dir, ...) mount_options(dir, (const char *const[]) { __VA_ARGS__, NULL })

/* As "newinstance" is ours, C's ignores it, and every mount is one there. */
#define NEW "newinstance", ""

/* ---- labels ---- */

/* Catches: a label that is not that of the path, or of the kind of file, in the policy. */
TEST_F(selinux, by_path)
{
	int map = map_new(), prog = prog_new(0), lnk = link_new(-1);

	ASSERT_EQ(0, policy_load("genfs"));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	EXPECT_STREQ("rw", shown("bpf"));
	EXPECT_STREQ(LABEL("bpf_t"), label("bpf"));
	ASSERT_EQ(0, obj_pin(map, "bpf/map"));
	EXPECT_STREQ(LABEL("bpf_t"), label("bpf/map"));

	ASSERT_EQ(0, mkdir("bpf/path", 0755));
	ASSERT_EQ(0, mkdir("bpf/path/dir", 0755));
	ASSERT_EQ(0, symlink("x", "bpf/path/symlink"));
	ASSERT_EQ(0, obj_pin(map, "bpf/path/map"));
	ASSERT_EQ(0, obj_pin(prog, "bpf/path/dir/prog"));
	ASSERT_EQ(0, obj_pin(lnk, "bpf/path/link"));
	EXPECT_STREQ(LABEL("path_t"), label("bpf/path"));
	EXPECT_STREQ(LABEL("path_t"), label("bpf/path/dir"));
	EXPECT_STREQ(LABEL("path_t"), label("bpf/path/symlink"));
	EXPECT_STREQ(LABEL("path_file_t"), label("bpf/path/map"));
	EXPECT_STREQ(LABEL("path_file_t"), label("bpf/path/dir/prog"));
	EXPECT_STREQ(LABEL("path_file_t"), label("bpf/path/link"));

	/* What was labelled stays so, wherever it goes. */
	ASSERT_EQ(0, link("bpf/map", "bpf/path/other"));
	EXPECT_STREQ(LABEL("bpf_t"), label("bpf/path/other"));
	ASSERT_EQ(0, rename("bpf/path/map", "bpf/moved"));
	EXPECT_STREQ(LABEL("path_file_t"), label("bpf/moved"));
	ASSERT_EQ(0, rename("bpf/path", "bpf/elsewhere"));
	EXPECT_STREQ(LABEL("path_t"), label("bpf/elsewhere/dir"));
	ASSERT_EQ(0, obj_pin(map, "bpf/elsewhere/map"));
	EXPECT_STREQ(LABEL("bpf_t"), label("bpf/elsewhere/map"));
}

/* Catches: labels by path that can be changed, removed, or are not listed. */
TEST_F(selinux, by_path_only)
{
	char buf[64];

	ASSERT_EQ(0, policy_load("genfs"));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, obj_pin(map_new(), "bpf/map"));
	EXPECT_EQ(-EOPNOTSUPP, relabel("bpf/map", LABEL("other_t")));
	EXPECT_EQ(-EOPNOTSUPP, relabel("bpf", LABEL("other_t")));
	EXPECT_EQ(-EACCES, sys(removexattr("bpf/map", SELINUX)));
	EXPECT_STREQ(LABEL("bpf_t"), label("bpf/map"));
	ASSERT_EQ(sizeof(SELINUX), sys(listxattr("bpf/map", buf, sizeof(buf))));
	EXPECT_STREQ(SELINUX, buf);
	EXPECT_EQ(sizeof(SELINUX), sys(listxattr("bpf", NULL, 0)));
	EXPECT_EQ(-ERANGE, sys(listxattr("bpf/map", buf, sizeof(SELINUX) - 1)));
	/* The module's label does not count as one of those that are kept. */
	ASSERT_EQ(0, sys(setxattr("bpf/map", "security.x", "1", 1, 0)));
	EXPECT_EQ(sizeof(SELINUX) + sizeof("security.x"),
		  sys(listxattr("bpf/map", buf, sizeof(buf))));
}

/* Catches: labels where the policy has no rule for the file system. */
TEST_F(selinux, no_rule)
{
	ASSERT_EQ(0, policy_load("none"));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, mkdir("bpf/path", 0755));
	ASSERT_EQ(0, obj_pin(map_new(), "bpf/path/map"));
	EXPECT_STREQ("rw", shown("bpf"));
	EXPECT_STREQ(LABEL("unlabeled_t"), label("bpf"));
	EXPECT_STREQ(LABEL("unlabeled_t"), label("bpf/path/map"));
	EXPECT_EQ(-EOPNOTSUPP, relabel("bpf/path/map", LABEL("other_t")));
}

/* Catches: a new file without the label that the policy gives it, or that is not kept. */
TEST_F(selinux, new_files)
{
	int map = map_new(), i;
	char name[64];

	ASSERT_EQ(0, policy_load("xattr"));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	EXPECT_STREQ("rw,seclabel", shown("bpf"));
	/* The root has none of its own. */
	EXPECT_STREQ(LABEL("file_t"), label("bpf"));
	ASSERT_EQ(0, mkdir("bpf/path", 0755));
	ASSERT_EQ(0, obj_pin(map, "bpf/path/map"));
	EXPECT_STREQ(LABEL("file_t"), label("bpf/path"));
	EXPECT_STREQ(LABEL("file_t"), label("bpf/path/map"));

	/* By the kind of file, and by name. */
	ASSERT_EQ(0, relabel("bpf/path", LABEL("path_t")));
	ASSERT_EQ(0, obj_pin(map, "bpf/path/new"));
	ASSERT_EQ(0, obj_pin(prog_new(0), "bpf/path/special"));
	ASSERT_EQ(0, obj_pin(link_new(-1), "bpf/path/link"));
	ASSERT_EQ(0, mkdir("bpf/path/dir", 0755));
	ASSERT_EQ(0, symlink("x", "bpf/path/symlink"));
	EXPECT_STREQ(LABEL("file_t"), label("bpf/path/map"));
	EXPECT_STREQ(LABEL("made_t"), label("bpf/path/new"));
	EXPECT_STREQ(LABEL("named_t"), label("bpf/path/special"));
	EXPECT_STREQ(LABEL("made_t"), label("bpf/path/link"));
	EXPECT_STREQ(LABEL("made_dir_t"), label("bpf/path/dir"));
	EXPECT_STREQ(LABEL("made_link_t"), label("bpf/path/symlink"));
	ASSERT_EQ(0, obj_pin(map, "bpf/path/dir/map"));
	EXPECT_STREQ(LABEL("made_dir_t"), label("bpf/path/dir/map"));

	/* By the task. */
	ASSERT_EQ(0, write_file("/proc/self/attr/fscreate", LABEL("other_t")));
	ASSERT_EQ(0, obj_pin(map, "bpf/path/by_task"));
	ASSERT_EQ(0, mkdir("bpf/by_task", 0755));
	EXPECT_STREQ(LABEL("other_t"), label("bpf/path/by_task"));
	EXPECT_STREQ(LABEL("other_t"), label("bpf/by_task"));

	/* It is one of the 128 attributes of the inode. */
	for (i = 0; i < 127; i++) {
		snprintf(name, sizeof(name), "security.%d", i);
		ASSERT_EQ(0, sys(setxattr("bpf/path/new", name, "1", 1, 0)));
	}
	EXPECT_EQ(-ENOSPC, sys(setxattr("bpf/path/new", "security.x", "1", 1, 0)));
	EXPECT_STREQ(LABEL("made_t"), label("bpf/path/new"));
}

/* Catches: a label that cannot be changed, is changed to nonsense, or listed twice. */
TEST_F(selinux, relabelling)
{
	const char *const paths[] = { "bpf", "bpf/map", "bpf/dir", "bpf/symlink" };
	char buf[64];
	int i;

	ASSERT_EQ(0, policy_load("xattr"));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, obj_pin(map_new(), "bpf/map"));
	ASSERT_EQ(0, mkdir("bpf/dir", 0755));
	ASSERT_EQ(0, symlink("x", "bpf/symlink"));
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		EXPECT_EQ(0, relabel(paths[i], LABEL("other_t")));
		EXPECT_STREQ(LABEL("other_t"), label(paths[i]));
		EXPECT_EQ(0, relabel(paths[i], LABEL("bpf_t") ":c0,c2"));
		EXPECT_STREQ(LABEL("bpf_t") ":c0,c2", label(paths[i]));
		ASSERT_EQ(sizeof(SELINUX), sys(llistxattr(paths[i], buf, sizeof(buf))));
		EXPECT_STREQ(SELINUX, buf);
		EXPECT_EQ(-EACCES, sys(lremovexattr(paths[i], SELINUX)));
		EXPECT_EQ(-EACCES, relabel(paths[i], LABEL("alien_t")));
		EXPECT_EQ(-EEXIST, sys(lsetxattr(paths[i], SELINUX, LABEL("other_t"),
						 sizeof(LABEL("other_t")), XATTR_CREATE)))
			TH_LOG("%s", paths[i]);
		EXPECT_STREQ(LABEL("bpf_t") ":c0,c2", label(paths[i]));
	}
	/* Other attributes are left alone. */
	EXPECT_EQ(0, sys(setxattr("bpf/map", "trusted.selinux", "1", 1, 0)));
	EXPECT_STREQ(LABEL("bpf_t") ":c0,c2", label("bpf/map"));
}

/* Catches: labels by task or by transition that are taken for such by path. */
TEST_F(selinux, by_task)
{
	ASSERT_EQ(0, policy_load("task"));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	EXPECT_STREQ("rw,seclabel", shown("bpf"));
	EXPECT_STREQ(DOMAIN("kernel_t"), label("bpf"));
	ASSERT_EQ(0, obj_pin(map_new(), "bpf/map"));
	EXPECT_STREQ(LABEL("kernel_t"), label("bpf/map"));
	EXPECT_EQ(0, relabel("bpf/map", LABEL("other_t")));
	EXPECT_STREQ(LABEL("other_t"), label("bpf/map"));

	ASSERT_EQ(0, umount_bpf("bpf"));
	ASSERT_EQ(0, policy_load("trans"));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	EXPECT_STREQ("rw,seclabel", shown("bpf"));
	EXPECT_STREQ(LABEL("bpf_t"), label("bpf"));
	ASSERT_EQ(0, obj_pin(map_new(), "bpf/map"));
	EXPECT_STREQ(LABEL("bpf_t"), label("bpf/map"));
	ASSERT_EQ(0, relabel("bpf", LABEL("path_t")));
	ASSERT_EQ(0, obj_pin(map_new(), "bpf/special"));
	EXPECT_STREQ(LABEL("named_t"), label("bpf/special"));
}

/* ---- mounting ---- */

/* Catches: an option that labels other than it says, or is not shown as it is. */
TEST_F(selinux, options)
{
	int map = map_new();

	ASSERT_EQ(0, policy_load("genfs"));
	ASSERT_EQ(0, MOUNT("a", NEW, "context", LABEL("context_t"), "uid", "3"));
	EXPECT_STREQ("rw,context=" LABEL("context_t") ",uid=3", shown("a"));
	ASSERT_EQ(0, mkdir("a/path", 0755));
	ASSERT_EQ(0, obj_pin(map, "a/path/map"));
	ASSERT_EQ(0, symlink("x", "a/symlink"));
	EXPECT_STREQ(LABEL("context_t"), label("a"));
	EXPECT_STREQ(LABEL("context_t"), label("a/path"));
	EXPECT_STREQ(LABEL("context_t"), label("a/path/map"));
	EXPECT_STREQ(LABEL("context_t"), label("a/symlink"));
	EXPECT_EQ(-EOPNOTSUPP, relabel("a/path/map", LABEL("other_t")));

	ASSERT_EQ(0, MOUNT("b", NEW, "fscontext", LABEL("fs_t"), "rootcontext", LABEL("other_t")));
	EXPECT_STREQ("rw,fscontext=" LABEL("fs_t") ",rootcontext=" LABEL("other_t"), shown("b"));
	ASSERT_EQ(0, obj_pin(map, "b/map"));
	EXPECT_STREQ(LABEL("other_t"), label("b"));
	EXPECT_STREQ(LABEL("bpf_t"), label("b/map"));

	ASSERT_EQ(0, MOUNT("c", NEW, "fscontext", LABEL("fs_t"), "context", LABEL("context_t"),
			   "rootcontext", LABEL("other_t"), "delegate_maps", "any"));
	EXPECT_STREQ("rw,fscontext=" LABEL("fs_t") ",context=" LABEL("context_t")
		     ",rootcontext=" LABEL("other_t") ",delegate_maps=any", shown("c"));
	ASSERT_EQ(0, obj_pin(map, "c/map"));
	EXPECT_STREQ(LABEL("other_t"), label("c"));
	EXPECT_STREQ(LABEL("context_t"), label("c/map"));

	/* A comma is quoted, and is to be, with mount(2). */
	ASSERT_EQ(0, mkdir("d", 0755));
	if (getenv(CONTEXTS)) {
		ASSERT_EQ(0, MOUNT("d", "context", LABEL("context_t") ":c0,c2", "mode", "700"));
	} else {
		ASSERT_EQ(0, sys(mount("bpf", "d", "bpf", 0, "newinstance,context=\""
				       LABEL("context_t") ":c0,c2\",mode=700")));
	}
	EXPECT_STREQ("rw,context=\"" LABEL("context_t") ":c0,c2\",mode=700", shown("d"));
	ASSERT_EQ(0, obj_pin(map, "d/map"));
	EXPECT_STREQ(LABEL("context_t") ":c0,c2", label("d/map"));
	/* Taken and ignored, as it is shown. */
	EXPECT_EQ(0, mount_bpf_flags("e", MS_RDONLY, "newinstance,seclabel"));
	EXPECT_STREQ("ro", shown("e"));

	ASSERT_EQ(0, policy_load("xattr"));
	ASSERT_EQ(0, MOUNT("f", NEW, "defcontext", LABEL("other_t"), "mode", "711"));
	EXPECT_STREQ("rw,defcontext=" LABEL("other_t") ",seclabel,mode=711", shown("f"));
	EXPECT_STREQ(LABEL("other_t"), label("f"));
	ASSERT_EQ(0, MOUNT("g", NEW, "defcontext", LABEL("other_t"), "rootcontext",
			   LABEL("path_t")));
	EXPECT_STREQ("rw,defcontext=" LABEL("other_t") ",rootcontext=" LABEL("path_t") ",seclabel",
		     shown("g"));
	EXPECT_STREQ(LABEL("path_t"), label("g"));
	ASSERT_EQ(0, obj_pin(map, "g/map"));
	EXPECT_STREQ(LABEL("made_t"), label("g/map"));
}

/* Catches: a context that is made although its labels cannot be, or stays half-made. */
TEST_F(selinux, bad_options)
{
	int fs;

	ASSERT_EQ(0, policy_load("genfs"));
	ASSERT_EQ(0, mkdir("a", 0755));
	EXPECT_EQ(-EINVAL, MOUNT("a", "context", "nonsense"));
	EXPECT_EQ(-EINVAL, MOUNT("a", "rootcontext", LABEL("nobody_t")));
	EXPECT_EQ(-EINVAL, sys(mount("bpf", "a", "bpf", 0, "context=nonsense")));
	EXPECT_EQ(-EINVAL, sys(mount("bpf", "a", "bpf", 0, "context")));
	EXPECT_EQ(-EINVAL, MOUNT("a", "context", LABEL("context_t"), "context", LABEL("other_t")));
	EXPECT_EQ(-EINVAL, MOUNT("a", "context", LABEL("context_t"), "defcontext",
				 LABEL("other_t")));
	EXPECT_EQ(-EINVAL, MOUNT("a", "fscontext", LABEL("fs_t"), "fscontext", LABEL("fs_t")));
	/* Not without labels of the files' own. */
	EXPECT_EQ(-EINVAL, MOUNT("a", "defcontext", LABEL("other_t")));
	/* Files of that label cannot be there. */
	EXPECT_EQ(-EACCES, MOUNT("a", "rootcontext", LABEL("alien_t")));
	EXPECT_EQ(-EACCES, MOUNT("a", "context", LABEL("alien_t"), "fscontext", LABEL("fs_t")));
	EXPECT_STREQ("", shown("a"));

	/* A context that was refused something can go on without. */
	fs = fs_open_tested();
	EXPECT_EQ(-EINVAL, fs_set(fs, "context", "nonsense"));
	EXPECT_EQ(0, fs_set(fs, "rootcontext", LABEL("other_t")));
	EXPECT_EQ(0, fs_create(fs));
	close(fs);
	EXPECT_EQ(0, mount_bpf("a", NULL));
	EXPECT_STREQ("rw", shown("a"));
}

/* Catches: an instance whose labels a joining mount changes, or is lied to about. */
TEST_F(selinux, joining)
{
	/* Of C's, every mount has labels of its own. */
	bool joins = mounts_join() && !getenv(CONTEXTS);
	int refused = joins ? -EINVAL : 0;

	ASSERT_EQ(0, policy_load("genfs"));
	ASSERT_EQ(0, MOUNT("a", "context", LABEL("context_t"), "rootcontext", LABEL("other_t")));
	EXPECT_EQ(0, MOUNT("b", "context", LABEL("context_t"), "rootcontext", LABEL("other_t")));
	EXPECT_STREQ(shown("a"), "rw,context=" LABEL("context_t") ",rootcontext=" LABEL("other_t"));
	EXPECT_STREQ(shown("b"), "rw,context=" LABEL("context_t") ",rootcontext=" LABEL("other_t"));
	EXPECT_EQ(refused, MOUNT("c", "context", LABEL("other_t")));
	EXPECT_EQ(refused, MOUNT("d", "fscontext", LABEL("fs_t")));
	EXPECT_EQ(refused, MOUNT("e", "mode", "700"));
	EXPECT_EQ(joins, dev_of("a") == dev_of("b"));
	EXPECT_STREQ(LABEL("other_t"), label("a"));
	/* It says only what the instance does; what it does not say need not be. */
	EXPECT_EQ(0, MOUNT("f", "context", LABEL("context_t")));
	EXPECT_STREQ(joins ? LABEL("other_t") : LABEL("context_t"), label("f"));
	EXPECT_EQ(0, MOUNT("g", NEW, "context", LABEL("other_t")));
	EXPECT_STREQ("rw,context=" LABEL("other_t"), shown("g"));
	EXPECT_EQ(0, sys(umount2("a", 0)));
	EXPECT_EQ(0, sys(umount2("b", 0)));
	EXPECT_EQ(0, sys(umount2("f", 0)));
	umount2("c", 0);
	umount2("d", 0);
	umount2("e", 0);

	/* Those that were refused have not kept it. */
	EXPECT_EQ(0, MOUNT("a", "mode", "700"));
	EXPECT_STREQ("rw,mode=700", shown("a"));
	EXPECT_EQ(refused, MOUNT("b", "context", LABEL("context_t")));
	EXPECT_EQ(refused, MOUNT("c", "rootcontext", LABEL("bpf_t")));
	EXPECT_STREQ(LABEL("bpf_t"), label("a"));
	EXPECT_STREQ("rw,mode=700", shown("a"));
}

/* Catches: a remount that changes labels, or is refused although it does not. */
TEST_F(selinux, remount)
{
	const char *opts = "newinstance,context=" LABEL("context_t");
	int fs;

	ASSERT_EQ(0, policy_load("genfs"));
	ASSERT_EQ(0, mount_bpf("a", opts));
	EXPECT_EQ(0, sys(mount("bpf", "a", "bpf", MS_REMOUNT, NULL)));
	EXPECT_EQ(0, sys(mount("bpf", "a", "bpf", MS_REMOUNT, opts)));
	EXPECT_EQ(-EINVAL, sys(mount("bpf", "a", "bpf", MS_REMOUNT, "context=" LABEL("other_t"))));
	EXPECT_EQ(-EINVAL, sys(mount("bpf", "a", "bpf", MS_REMOUNT, "fscontext=" LABEL("fs_t"))));
	fs = sys(fspick(AT_FDCWD, "a", FSPICK_CLOEXEC));
	EXPECT_EQ(0, fs_set(fs, "context", LABEL("context_t")));
	EXPECT_EQ(0, sys(fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0)));
	close(fs);
	EXPECT_STREQ("rw,context=" LABEL("context_t"), shown("a"));
	EXPECT_STREQ(LABEL("context_t"), label("a"));
}

/* Catches: an instance of a container that has labels of its own. */
TEST_F(selinux, container)
{
	static const char *const none[] = { NULL };
	static const char *const context[] = { "context", LABEL("context_t"), NULL };
	int userns, mnt, status;

	ASSERT_EQ(0, policy_load("xattr"));
	EXPECT_EQ(-EACCES, container_mount(&userns, context));
	mnt = container_mount(&userns, none);
	ASSERT_LE(0, mnt);
	ASSERT_EQ(0, mnt_attach(mnt, "bpf"));
	EXPECT_STREQ("rw,uid=100000,gid=100000", shown("bpf"));
	EXPECT_STREQ(LABEL("kernel_t"), label("bpf"));
	in_child(&status) {
		ASSERT_EQ(0, sys(setns(userns, 0)));
		ASSERT_EQ(0, become(0, 0));
		EXPECT_EQ(0, sys(mkdir("bpf/dir", 0755)));
	}
	ASSERT_EQ(0, status);
	EXPECT_STREQ(LABEL("kernel_t"), label("bpf/dir"));
	EXPECT_EQ(-EOPNOTSUPP, relabel("bpf/dir", LABEL("other_t")));
}

/* ---- what is denied ---- */

/* Catches: what SELinux denies is done all the same, or only half undone. */
TEST_F(selinux, denied_names)
{
	int map = map_new(), id = obj_id(map, OBJ_MAP), status;
	struct stat st;

	ASSERT_EQ(0, policy_load("genfs"));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, mkdir("bpf/frozen", 0755));
	ASSERT_EQ(0, mkdir("bpf/open", 0755));
	ASSERT_EQ(0, obj_pin(map, "bpf/frozen/map"));
	ASSERT_EQ(0, obj_pin(map, "bpf/open/map"));
	in_child(&status) {
		ASSERT_EQ(0, domain(DOMAIN("restricted_t")));
		/* Nothing at all in this one. */
		EXPECT_EQ(-EACCES, obj_pin(map, "bpf/frozen/new"));
		EXPECT_EQ(-EACCES, sys(mkdir("bpf/frozen/new", 0755)));
		EXPECT_EQ(-EACCES, sys(symlink("x", "bpf/frozen/new")));
		EXPECT_EQ(-EACCES, sys(unlink("bpf/frozen/map")));
		EXPECT_EQ(-EACCES, sys(rename("bpf/frozen/map", "bpf/open/new")));
		EXPECT_EQ(-EACCES, sys(link("bpf/frozen/map", "bpf/open/new")));
		EXPECT_EQ(-EACCES, sys(rmdir("bpf/frozen")));
		EXPECT_EQ(-EACCES, sys(chmod("bpf/frozen/map", 0644)));
		EXPECT_EQ(-EACCES, sys(setxattr("bpf/frozen/map", "trusted.x", "1", 1, 0)));
		/* All but to make files in this one; */
		EXPECT_EQ(-EACCES, obj_pin(map, "bpf/open/new"));
		EXPECT_EQ(-EACCES, sys(unlink("bpf/open/map")));
		EXPECT_EQ(-EACCES, sys(chmod("bpf/open/map", 0644)));
		/* this may be made, but not be there. */
		EXPECT_EQ(-EACCES, obj_pin(map, "bpf/open/alien"));
		EXPECT_FALSE(exists("bpf/open/new"));
		EXPECT_FALSE(exists("bpf/open/alien"));
		EXPECT_EQ(0, sys(mkdir("bpf/open/dir", 0755)));
		EXPECT_EQ(0, sys(symlink("x", "bpf/open/symlink")));
		EXPECT_EQ(0, sys(rename("bpf/open/map", "bpf/open/dir/map")));
		EXPECT_EQ(0, sys(link("bpf/open/dir/map", "bpf/open/map")));
	}
	ASSERT_EQ(0, status);
	ASSERT_EQ(0, stat("bpf/frozen/map", &st));
	EXPECT_EQ(S_IFREG | 0600, st.st_mode);
	EXPECT_EQ(1, st.st_nlink);
	EXPECT_FALSE(exists("bpf/frozen/new"));

	/* The map is where it was, and nowhere else. */
	close(map);
	ASSERT_EQ(0, unlink("bpf/open/map"));
	ASSERT_EQ(0, unlink("bpf/open/dir/map"));
	EXPECT_TRUE(obj_alive(OBJ_MAP, id));
	ASSERT_EQ(0, unlink("bpf/frozen/map"));
	EXPECT_TRUE(obj_gone(OBJ_MAP, id));
}

/* Catches: what is fetched although the file's label, or the object's, does not allow it. */
TEST_F(selinux, denied_fetches)
{
	int map = map_new(), prog = prog_new(0), link = link_new(-1), own, status;

	ASSERT_EQ(0, policy_load("genfs"));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, mkdir("bpf/readable", 0755));
	ASSERT_EQ(0, mkdir("bpf/frozen", 0755));
	ASSERT_EQ(0, obj_pin(map, "bpf/map"));
	ASSERT_EQ(0, obj_pin(prog, "bpf/prog"));
	ASSERT_EQ(0, obj_pin(link, "bpf/link"));
	ASSERT_EQ(0, obj_pin(map, "bpf/readable/map"));
	ASSERT_EQ(0, obj_pin(link, "bpf/readable/link"));
	ASSERT_EQ(0, obj_pin(map, "bpf/frozen/map"));
	in_child(&status) {
		ASSERT_EQ(0, domain(DOMAIN("restricted_t")));
		/* The objects are kernel_t's, of which it may read maps. */
		EXPECT_EQ(-EACCES, obj_get("bpf/map"));
		EXPECT_EQ(-EACCES, obj_get_at(0, "bpf/map", BPF_F_WRONLY));
		EXPECT_LE(0, obj_get_at(0, "bpf/map", BPF_F_RDONLY));
		EXPECT_EQ(-EACCES, obj_get("bpf/prog"));
		/* Nobody asks about links. */
		EXPECT_LE(0, obj_get("bpf/link"));

		/* The files are to be written, or read, too. */
		EXPECT_EQ(-EACCES, obj_get("bpf/readable/link"));
		EXPECT_LE(0, obj_get_at(0, "bpf/readable/map", BPF_F_RDONLY));
		EXPECT_EQ(-EACCES, obj_get_at(0, "bpf/frozen/map", BPF_F_RDONLY));
		own = map_new();
		EXPECT_LE(0, own);
	}
	ASSERT_EQ(0, status);
	/* Once more, with an object that it may write. */
	in_child(&status) {
		ASSERT_EQ(0, domain(DOMAIN("restricted_t")));
		own = map_new();
		ASSERT_EQ(0, domain(DOMAIN("kernel_t")));
		ASSERT_EQ(0, obj_pin(own, "bpf/own"));
		ASSERT_EQ(0, obj_pin(own, "bpf/readable/own"));
		ASSERT_EQ(0, domain(DOMAIN("restricted_t")));
		EXPECT_LE(0, obj_get("bpf/own"));
		EXPECT_EQ(-EACCES, obj_get("bpf/readable/own"));
		EXPECT_LE(0, obj_get_at(0, "bpf/readable/own", BPF_F_RDONLY));
	}
	ASSERT_EQ(0, status);
}

/* Catches: labels that can be changed by whom the policy does not let. */
TEST_F(selinux, denied_labels)
{
	int status;

	ASSERT_EQ(0, policy_load("xattr"));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, obj_pin(map_new(), "bpf/frozen"));
	ASSERT_EQ(0, obj_pin(map_new(), "bpf/open"));
	ASSERT_EQ(0, relabel("bpf/frozen", LABEL("frozen_t")));
	ASSERT_EQ(0, relabel("bpf/open", LABEL("open_t")));
	in_child(&status) {
		ASSERT_EQ(0, domain(DOMAIN("restricted_t")));
		EXPECT_EQ(-EACCES, relabel("bpf/frozen", LABEL("file_t")));
		EXPECT_EQ(-EACCES, relabel("bpf/open", LABEL("frozen_t")));
		EXPECT_EQ(-EACCES, relabel("bpf/open", LABEL("open_t")));
		EXPECT_EQ(0, relabel("bpf/open", LABEL("file_t")));
	}
	ASSERT_EQ(0, status);
	EXPECT_STREQ(LABEL("frozen_t"), label("bpf/frozen"));
	EXPECT_STREQ(LABEL("file_t"), label("bpf/open"));
	/* Who makes a file is asked about the label it is to have. */
	ASSERT_EQ(0, write_file("/proc/self/attr/fscreate", LABEL("alien_t")));
	EXPECT_EQ(-EACCES, obj_pin(map_new(), "bpf/alien"));
	EXPECT_EQ(-EACCES, sys(mkdir("bpf/alien", 0755)));
	EXPECT_FALSE(exists("bpf/alien"));
}

/* Catches: an instance with labels that who mounts it must not give. */
TEST_F(selinux, denied_mounts)
{
	int status;

	ASSERT_EQ(0, policy_load("genfs"));
	in_child(&status) {
		ASSERT_EQ(0, mkdir("a", 0755));
		ASSERT_EQ(0, domain(DOMAIN("restricted_t")));
		EXPECT_EQ(-EACCES, MOUNT("a", "context", LABEL("other_t")));
		EXPECT_EQ(-EACCES, MOUNT("a", "fscontext", LABEL("fs_t")));
		EXPECT_STREQ("", shown("a"));
		EXPECT_EQ(0, MOUNT("a", "context", LABEL("context_t")));
		EXPECT_STREQ(LABEL("context_t"), label("a"));
	}
	ASSERT_EQ(0, status);
}

/* A map by a token of a mount that @mounter made; *@err is how making the token failed. */
static int map_by_token(const char *mounter, const char *asker, const char *user, int *err)
{
	static const char *const opts[] = {
		"delegate_cmds", "map_create", "delegate_maps", "any", NULL
	};
	union bpf_attr token = {}, map = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1,
		.map_flags = BPF_F_TOKEN_FD,
	};
	int userns, mnt;

	*err = domain(mounter);
	if (*err)
		return *err;
	mnt = container_mount(&userns, opts);
	*err = mnt < 0 ? mnt : domain(asker) ?: sys(setns(userns, 0)) ?: become(0, 0);
	if (*err)
		return *err;
	token.token_create.bpffs_fd = sys(openat(mnt, ".", O_RDONLY | O_DIRECTORY));
	map.map_token_fd = sys_bpf(BPF_TOKEN_CREATE, &token);
	*err = (int)map.map_token_fd < 0 ? (int)map.map_token_fd : domain(user);
	return *err ?: sys_bpf(BPF_MAP_CREATE, &map);
}

/* Catches: tokens that do not know who made the instance, or whose giving is not asked about. */
TEST_F(selinux, tokens)
{
	static const struct {
		const char *mounter, *asker, *user;
		/* What making the token, and with it a map, returns. */
		int token, map;
	} cases[] = {
		{ DOMAIN("kernel_t"), DOMAIN("kernel_t"), DOMAIN("kernel_t"), 0, 0 },
		/* Who asks must be allowed to have it from the instance's mounter; */
		{ DOMAIN("kernel_t"), DOMAIN("restricted_t"), DOMAIN("kernel_t"), -EACCES },
		{ DOMAIN("creator_t"), DOMAIN("kernel_t"), DOMAIN("creator_t"), 0, 0 },
		/* whom that must be allowed to give maps. */
		{ DOMAIN("creator_t"), DOMAIN("kernel_t"), DOMAIN("kernel_t"), 0, -EACCES },
		{ DOMAIN("kernel_t"), DOMAIN("kernel_t"), DOMAIN("tokenless_t"), 0, -EACCES },
	};
	int i, status, err, map;

	ASSERT_EQ(0, policy_load("genfs"));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		in_child(&status) {
			map = map_by_token(cases[i].mounter, cases[i].asker, cases[i].user, &err);
			EXPECT_EQ(cases[i].token, err)
				TH_LOG("%d", i);
			if (!err)
				EXPECT_EQ(cases[i].map, map < 0 ? map : 0)
					TH_LOG("%d", i);
		}
		ASSERT_EQ(0, status);
	}
}

int main(int argc, char **argv)
{
	static char self[PATH_MAX];
	char context[64] = "";

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return KSFT_FAIL;
	programs = dirname(self);
	if (access("/sys/fs/selinux/load", F_OK) &&
	    mount("selinuxfs", "/sys/fs/selinux", "selinuxfs", 0, NULL)) {
		fprintf(stderr, "%s: needs a kernel that runs SELinux: %s\n", argv[0], strerror(errno));
		return KSFT_FAIL;
	}
	/* Not on a machine that relies on a policy. */
	read_file("/proc/self/attr/current", context, sizeof(context));
	if (strcmp(context, "kernel") && strcmp(context, DOMAIN("kernel_t"))) {
		fprintf(stderr, "%s: there is another policy: this is %s\n", argv[0], context);
		return KSFT_FAIL;
	}
	if (policy_load("genfs")) {
		fprintf(stderr, "%s: cannot load the policy\n", argv[0]);
		return KSFT_FAIL;
	}
	return run_all_guarded(argc, argv);
}
