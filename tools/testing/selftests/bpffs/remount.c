// SPDX-License-Identifier: GPL-2.0
/*
 * Remounting with options: ours does what can be done and refuses the rest, where C checks the
 * options and forgets them.
 */
#include <string.h>
#include <sys/inotify.h>

#include "bpffs_harness.h"

BPFFS_FIXTURE(remount);

static bool ours;

static void __attribute__((constructor)) init(void)
{
	ours = impl_rust();
}

/* Inodes are counted: takes away what the kernel may have put there, see preload.c. */
static void empty(int dir)
{
	unlinkat(dir, "maps.debug", 0);
	unlinkat(dir, "progs.debug", 0);
}

static void empty_at(const char *path)
{
	int dir = open(path, O_PATH | O_CLOEXEC);

	empty(dir);
	close(dir);
}

static int remount(const char *dir, const char *opts)
{
	return mount_bpf_flags(dir, MS_REMOUNT, opts);
}

/* Catches: an option that takes no effect, or not for all mounts of the instance. */
TEST_F(remount, takes_effect)
{
	int map = map_new();
	struct stat st;

	ASSERT_EQ(0, mount_bpf("a", "newinstance,uid=5,mode=700"));
	empty_at("a");
	ASSERT_EQ(0, mkdir("b", 0755));
	ASSERT_EQ(0, mount("a", "b", NULL, MS_BIND, NULL));
	EXPECT_EQ(0, remount("b", "uid=6,gid=7,mode=755,pinmode=644,nr_inodes=3,dots,rdonly_strict"));
	EXPECT_STREQ(ours ? "rw,uid=6,gid=7,mode=755,pinmode=644,nr_inodes=3,rdonly_strict,dots" :
		     "rw,uid=5,mode=700", shown("a"));
	EXPECT_STREQ(shown("a"), shown("b"));
	ASSERT_EQ(0, stat("a", &st));
	EXPECT_EQ(ours ? 6 : 5, st.st_uid);
	EXPECT_EQ(ours ? 7 : 0, st.st_gid);
	EXPECT_EQ(S_IFDIR | 01000 | (ours ? 0755 : 0700), st.st_mode);
	umask(0);
	ASSERT_EQ(0, obj_pin(map, "a/m"));
	umask(022);
	ASSERT_EQ(0, stat("a/m", &st));
	EXPECT_EQ(S_IFREG | (ours ? 0644 : 0600), st.st_mode);
	EXPECT_EQ(ours ? 0 : -EPERM, sys(mkdir("a/x.y", 0755)));
	EXPECT_EQ(ours ? -ENOSPC : 0, sys(mkdir("a/d", 0755)));

	/* No limit any more. */
	EXPECT_EQ(0, remount("a", "nr_inodes=0"));
	EXPECT_EQ(ours ? 0 : -EEXIST, sys(mkdir("a/d", 0755)));
}

/* Catches: a flag lost among options, or an option among flags. */
TEST_F(remount, with_flags)
{
	ASSERT_EQ(0, mount_bpf("a", "newinstance"));
	EXPECT_EQ(0, mount_bpf_flags("a", MS_REMOUNT | MS_RDONLY, "mode=750,unknown"));
	EXPECT_STREQ(ours ? "ro,mode=750" : "ro", shown("a"));
	EXPECT_EQ(-EROFS, sys(mkdir("a/d", 0755)));
	/* Options can be changed of what is read-only. */
	EXPECT_EQ(0, mount_bpf_flags("a", MS_REMOUNT | MS_RDONLY, "mode=700"));
	EXPECT_STREQ(ours ? "ro,mode=700" : "ro", shown("a"));
	EXPECT_EQ(0, remount("a", NULL));
	EXPECT_STREQ(ours ? "rw,mode=700" : "rw", shown("a"));
}

/* Catches: silent success of what cannot change, and a refusal that changes a part. */
TEST_F(remount, refused)
{
	static const struct {
		const char *opts, *message;
	} cases[] = {
		{ "mode=755,delegate_maps=array", "delegate_maps: a remount does not change" },
		{ "mode=755,delegate_progs=any", "delegate_progs: a remount does not change" },
		{ "mode=755,instance=another", "instance: a remount does not change" },
		{ "mode=755,instance=namespace", "instance: a remount does not change" },
		{ "mode=755,newinstance", "newinstance: a remount does not make" },
		{ "mode=755,nr_inodes=1", "nr_inodes=1 is too few: 2 are in use" },
	};
	char key[64], *value;
	unsigned int i;
	int fs;

	ASSERT_EQ(0, mount_bpf("a", "instance=refused,mode=700,delegate_maps=hash"));
	empty_at("a");
	ASSERT_EQ(0, mkdir("a/d", 0755));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		EXPECT_EQ(ours ? -EINVAL : 0, remount("a", cases[i].opts)) {
			TH_LOG("%s", cases[i].opts);
		}
		EXPECT_STREQ(ours ? "rw,instance=refused,mode=700,delegate_maps=hash" :
			     "rw,mode=700,delegate_maps=hash", shown("a"));

		fs = sys(fspick(AT_FDCWD, "a", FSPICK_CLOEXEC));
		ASSERT_LE(0, fs);
		snprintf(key, sizeof(key), "%s", strchr(cases[i].opts, ',') + 1);
		value = strchr(key, '=');
		if (value)
			*value++ = '\0';
		EXPECT_EQ(0, value ? fs_set(fs, key, value) : fs_flag(fs, key));
		EXPECT_EQ(ours ? -EINVAL : 0,
			  sys(fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0)));
		EXPECT_EQ(ours, fs_logged(fs, cases[i].message)) {
			TH_LOG("%s", cases[i].message);
		}
		close(fs);
	}
}

/* Catches: mount(8), which gives all options that are shown, refused or changing anything. */
TEST_F(remount, with_what_is_shown)
{
	char before[1024];

	ASSERT_EQ(0, mount_bpf("a", "instance=again,mode=750,uid=3,gid=4,pinmode=640,nr_inodes=2k,"
			       "rdonly_strict,dots,delegate_maps=any"));
	snprintf(before, sizeof(before), "%s", shown("a"));
	EXPECT_EQ(0, remount("a", before + strlen("rw,")));
	EXPECT_STREQ(before, shown("a"));

	ASSERT_EQ(0, mount_bpf("b", "newinstance,mode=750"));
	EXPECT_EQ(0, remount("b", "newinstance,mode=750"));
	ASSERT_EQ(0, mount_bpf("c", "instance=namespace"));
	EXPECT_EQ(0, remount("c", "instance=namespace"));
}

/*
 * Catches: a remount of a bind mount that gives the instance's root to whoever owns what is bound, as mount(8)
 * gives all that is shown for that.
 */
TEST_F(remount, of_what_is_below)
{
	struct stat st, before;
	char opts[1024];
	int i, map = map_new();

	ASSERT_EQ(0, mount_bpf("a", "newinstance,mode=755,uid=5"));
	ASSERT_EQ(0, stat("a", &before));
	ASSERT_EQ(0, mkdir("a/tenant", 0700));
	ASSERT_EQ(0, obj_pin(map, "a/pin"));
	ASSERT_EQ(0, chown("a/tenant", NOBODY, NOBODY));
	ASSERT_EQ(0, mkdir("b", 0755));
	ASSERT_EQ(0, close(creat("c", 0600)));
	ASSERT_EQ(0, mount("a/tenant", "b", NULL, MS_BIND, NULL));
	ASSERT_EQ(0, mount("a/pin", "c", NULL, MS_BIND, NULL));
	for (i = 0; i < 2; i++) {
		const char *place = i ? "c" : "b";

		snprintf(opts, sizeof(opts), "%s", shown(place) + strlen("rw,"));
		EXPECT_EQ(0, remount(place, opts));
		EXPECT_EQ(0, remount(place, "uid=3,gid=3,mode=777"));
		ASSERT_EQ(0, stat("a", &st));
		EXPECT_EQ(before.st_uid, st.st_uid);
		EXPECT_EQ(before.st_gid, st.st_gid);
		EXPECT_EQ(before.st_mode, st.st_mode);
	}
	/* What is the whole instance's is as ever. */
	EXPECT_EQ(0, remount("b", "pinmode=640"));
	EXPECT_EQ(!ours, !strstr(shown("a"), "pinmode=640"));
}

/* Catches: a change of the root that those who watch it do not hear of, or one that is none. */
TEST_F(remount, tells_who_watches)
{
	struct inotify_event event;
	int watch;

	ASSERT_EQ(0, mount_bpf("a", "newinstance,mode=700"));
	watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	ASSERT_LE(0, watch);
	ASSERT_LE(0, inotify_add_watch(watch, "a", IN_ATTRIB));
	EXPECT_EQ(0, remount("a", "mode=700"));
	EXPECT_EQ(-EAGAIN, sys(read(watch, &event, sizeof(event))));
	EXPECT_EQ(0, remount("a", "mode=755"));
	EXPECT_EQ(ours ? sizeof(event) : -EAGAIN, sys(read(watch, &event, sizeof(event))));
	close(watch);
}

/* Catches: root of a container lifting the limits that its instance was given. */
TEST_F(remount, container_keeps_its_limits)
{
	const char *const opts[] = { "nr_inodes", "3", "mode", "755", NULL };
	int userns, mnt, status, fs;

	mnt = container_mount(&userns, opts);
	ASSERT_LE(0, mnt);
	empty(mnt);
	ASSERT_EQ(0, mnt_attach(mnt, "a"));
	in_child(&status) {
		ASSERT_EQ(0, sys(setns(userns, 0)));
		ASSERT_EQ(0, become(0, 0));
		ASSERT_EQ(0, sys(unshare(CLONE_NEWNS)));
		/* What chmod(2) may. */
		fs = sys(fspick(AT_FDCWD, "a", FSPICK_CLOEXEC));
		ASSERT_LE(0, fs);
		EXPECT_EQ(0, fs_set(fs, "mode", "700"));
		EXPECT_EQ(0, sys(fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0)));
		close(fs);
		fs = sys(fspick(AT_FDCWD, "a", FSPICK_CLOEXEC));
		EXPECT_EQ(0, fs_set(fs, "nr_inodes", "0"));
		EXPECT_EQ(ours ? -EPERM : 0,
			  sys(fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0)));
		EXPECT_EQ(ours, fs_logged(fs, "are for root of the initial user namespace"));
		close(fs);
		fs = sys(fspick(AT_FDCWD, "a", FSPICK_CLOEXEC));
		EXPECT_EQ(0, fs_flag(fs, "rdonly_strict"));
		EXPECT_EQ(ours ? -EPERM : 0,
			  sys(fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0)));
		close(fs);
		EXPECT_EQ(0, mkdirat(mnt, "1", 0755));
		EXPECT_EQ(0, mkdirat(mnt, "2", 0755));
		EXPECT_EQ(ours ? -ENOSPC : 0, sys(mkdirat(mnt, "3", 0755)));
		/* An id that the user namespace has not. */
		fs = sys(fspick(AT_FDCWD, "a", FSPICK_CLOEXEC));
		EXPECT_EQ(-EINVAL, fs_set(fs, "uid", "70000"));
		close(fs);
	}
	EXPECT_EQ(0, status);
	EXPECT_EQ(ours, !!strstr(shown("a"), "mode=700"));
	/* Root outside may. */
	EXPECT_EQ(0, remount("a", "nr_inodes=4"));
	EXPECT_EQ(ours, !!strstr(shown("a"), "nr_inodes=4"));
}

/* Catches: a user without the right to remount who can. */
TEST_F(remount, needs_the_right)
{
	int status;

	ASSERT_EQ(0, mount_bpf("a", "newinstance,mode=777"));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(-EPERM, remount("a", "mode=755"));
	}
	EXPECT_EQ(0, status);
	EXPECT_STREQ("rw", shown("a"));
}

GUARDED_TEST_MAIN
