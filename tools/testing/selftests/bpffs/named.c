// SPDX-License-Identifier: GPL-2.0
/*
 * Instances by name (instance=NAME), and what a mount that joins one is told. C ignores the
 * option, so that each mount is an instance of its own there.
 *
 * Each test has names of its own: a mount namespace, and what is mounted in it, goes some time
 * after its last process.
 */
#include <string.h>
#include <sys/mman.h>

#include "bpffs_harness.h"

BPFFS_FIXTURE(named);

static bool ours;

static void __attribute__((constructor)) init(void)
{
	ours = impl_rust();
}

/* A context with that option, or -errno. */
static int fs_with(const char *key, const char *value)
{
	int fs = fs_open(), err;

	if (fs < 0)
		return fs;
	err = value ? fs_set(fs, key, value) : fs_flag(fs, key);
	if (!err)
		return fs;
	close(fs);
	return err;
}

/* Catches: a name that is found only in the mount namespace of its first mount. */
TEST_F(named, found_from_any_namespace)
{
	int map = map_new(), status;

	ASSERT_EQ(0, mount_bpf("a", "instance=everywhere"));
	ASSERT_EQ(0, obj_pin(map, "a/m"));
	in_child(&status) {
		ASSERT_EQ(0, mntns_unshare());
		EXPECT_EQ(0, mount_bpf("b", "instance=everywhere"));
		if (ours) {
			EXPECT_EQ(obj_id(map, OBJ_MAP), obj_id(obj_get("b/m"), OBJ_MAP));
		} else {
			EXPECT_EQ(-ENOENT, obj_get("b/m"));
		}
		EXPECT_EQ(0, mkdir("b/d", 0755));
		/* A namespace has its own all the same. */
		EXPECT_EQ(0, mount_bpf("c", NULL));
		EXPECT_FALSE(exists("c/d"));
	}
	EXPECT_EQ(0, status);
	EXPECT_EQ(ours, exists("a/d"));
}

/* Catches: names that are taken for each other, or for a mount namespace. */
TEST_F(named, apart)
{
	static const char *const names[] = {
		"apart", "Apart", "apart2", "apar", "-", "_", "1", "8bytes_8", "8bytes_81",
		/* 62 and 63 bytes */
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789",
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789-",
	};
	dev_t dev[ARRAY_SIZE(names) + 1];
	char dir[16], opts[128];
	unsigned int i, j;

	ASSERT_EQ(0, mount_bpf("own", NULL));
	dev[ARRAY_SIZE(names)] = dev_of("own");
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(dir, sizeof(dir), "m%u", i);
		snprintf(opts, sizeof(opts), "instance=%s", names[i]);
		ASSERT_EQ(0, mount_bpf(dir, opts));
		dev[i] = dev_of(dir);
		EXPECT_EQ(ours, !!strstr(shown(dir), opts));
	}
	for (i = 0; i <= ARRAY_SIZE(names); i++) {
		for (j = 0; j < i; j++)
			EXPECT_NE(dev[i], dev[j]);
	}
	for (i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(opts, sizeof(opts), "instance=%s", names[i]);
		ASSERT_EQ(0, mount_bpf("again", opts));
		EXPECT_EQ(ours, dev_of("again") == dev[i]);
		ASSERT_EQ(0, umount_bpf("again"));
	}
}

/* Catches: a name that is taken although it is none, or one that is cut off. */
TEST_F(named, bad_names)
{
	static const char *const names[] = {
		"", ".", "..", "a.b", "a b", " a", "a/b", "/", "a\n", "a=b", "a:b", "\xc3\xa4", "\x7f",
		/* 64 bytes */
		"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789-_",
	};
	char text[200];
	unsigned int i;
	int fs;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		fs = fs_open();
		ASSERT_LE(0, fs);
		EXPECT_EQ(ours ? -EINVAL : 0, fs_set(fs, "instance", names[i])) {
			TH_LOG("name '%s'", names[i]);
		}
		if (ours && *names[i])
			EXPECT_TRUE(fs_logged(fs, "instance: a name is 1 to 63 letters"));
		/* Of the refused option nothing is left. */
		EXPECT_EQ(0, fs_create(fs));
		close(fs);
	}
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	EXPECT_EQ(ours ? -EINVAL : -1, ours ? fs_with("instance", text) : -1);
	EXPECT_EQ(ours ? -EINVAL : -1, ours ? fs_with("instance", NULL) : -1);
}

/* Catches: two contradicting options of which one is silently dropped. */
TEST_F(named, not_with_newinstance)
{
	int fs = fs_with("instance", "both");

	ASSERT_LE(0, fs);
	EXPECT_EQ(0, fs_flag(fs, "newinstance"));
	EXPECT_EQ(ours ? -EINVAL : 0, fs_create(fs));
	EXPECT_EQ(ours, fs_logged(fs, "give one of them"));
	close(fs);
	EXPECT_EQ(ours ? -EINVAL : 0, mount_bpf("a", "newinstance,instance=both"));
	EXPECT_EQ(ours ? -EINVAL : 0, mount_bpf("b", "newinstance,instance=namespace"));
}

/* Catches: options of /proc/mounts that do not lead to the same instance again. */
TEST_F(named, shown_options_join)
{
	char opts[1024];

	ASSERT_EQ(0, mount_bpf("a", "instance=shown,mode=750,uid=3,gid=4,pinmode=0640,nr_inodes=2k,"
			       "rdonly_strict,dots,delegate_maps=any"));
	EXPECT_STREQ(ours ? "rw,instance=shown,uid=3,gid=4,mode=750,pinmode=640,nr_inodes=2048,"
			    "rdonly_strict,dots,delegate_maps=any" :
			    "rw,uid=3,gid=4,mode=750,delegate_maps=any", shown("a"));
	snprintf(opts, sizeof(opts), "%s,join_strict", shown("a") + strlen("rw,"));
	ASSERT_EQ(0, mount_bpf("b", opts));
	EXPECT_EQ(ours, dev_of("a") == dev_of("b"));
	EXPECT_STREQ(shown("a"), shown("b"));
}

/* Catches: an instance that goes while somebody holds it, or stays when nobody does. */
TEST_F(named, lives_while_held)
{
	int fd;

	ASSERT_EQ(0, mount_bpf("a", "instance=held"));
	ASSERT_EQ(0, mkdir("a/d", 0755));
	fd = open("a/d", O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, umount2("a", MNT_DETACH));
	ASSERT_EQ(0, mount_bpf("a", "instance=held"));
	EXPECT_EQ(ours, exists("a/d"));
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, umount_bpf("a"));
	ASSERT_EQ(0, mount_bpf("a", "instance=held"));
	EXPECT_FALSE(exists("a/d"));
}

/* Catches: a name that reaches from one user namespace into another's instance. */
TEST_F(named, user_namespaces_are_apart)
{
	const char *const opts[] = { "instance", "apart_by_user", NULL };
	int userns[2], mnt[2], status, i;

	ASSERT_EQ(0, mount_bpf("a", "instance=apart_by_user"));
	ASSERT_EQ(0, mkdir("a/host", 0755));
	for (i = 0; i < 2; i++) {
		mnt[i] = container_mount(&userns[i], opts);
		ASSERT_LE(0, mnt[i]);
	}
	EXPECT_EQ(-ENOENT, sys(faccessat(mnt[0], "host", F_OK, 0)));
	ASSERT_EQ(0, sys(mkdirat(mnt[0], "first", 0755)) == -EOVERFLOW ? 0 : -1);
	in_child(&status) {
		ASSERT_EQ(0, sys(setns(userns[0], 0)));
		ASSERT_EQ(0, become(0, 0));
		EXPECT_EQ(0, sys(mkdirat(mnt[0], "first", 0755)));
	}
	EXPECT_EQ(0, status);
	EXPECT_EQ(-ENOENT, sys(faccessat(mnt[1], "first", F_OK, 0)));
	EXPECT_FALSE(exists("a/first"));
}

/* Catches: a container that gets at a name without the right to mount. */
TEST_F(named, needs_the_right_to_mount)
{
	int status;

	ASSERT_EQ(0, mount_bpf("a", "instance=right"));
	in_child(&status) {
		int fs;

		ASSERT_EQ(0, userns_unshare(CONTAINER_ROOT, CLONE_NEWNS));
		fs = fs_with("instance", "right");
		ASSERT_LE(0, fs);
		EXPECT_EQ(-EPERM, fs_create(fs));
	}
	EXPECT_EQ(0, status);
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_EQ(-EPERM, fs_with("instance", "right"));
	}
	EXPECT_EQ(0, status);
}

/* Catches: FSCONFIG_CMD_CREATE_EXCL joining, or refusing a name that nobody has. */
TEST_F(named, exclusive)
{
	int fs = fs_with("instance", "exclusive"), again = fs_with("instance", "exclusive");

	ASSERT_LE(0, fs);
	ASSERT_LE(0, again);
	EXPECT_EQ(0, fs_create_excl(fs));
	EXPECT_EQ(ours ? -EBUSY : 0, fs_create_excl(again));
	close(again);
	close(fs);
}

/* Catches: the reserved name taken for a name. */
TEST_F(named, of_the_namespace)
{
	int status;

	ASSERT_EQ(0, mount_bpf("a", "instance=namespace"));
	EXPECT_STREQ(ours ? "rw,instance=namespace" : "rw", shown("a"));
	ASSERT_EQ(0, mount_bpf("b", "instance=namespace"));
	EXPECT_EQ(ours, dev_of("a") == dev_of("b"));
	in_child(&status) {
		ASSERT_EQ(0, mntns_unshare());
		ASSERT_EQ(0, mount_bpf("c", "instance=namespace"));
		EXPECT_NE(dev_of("a"), dev_of("c"));
	}
	EXPECT_EQ(0, status);
}

/* Catches: an index that loses or mixes up one of many. */
TEST_F_TIMEOUT(named, a_thousand, 600)
{
	/* For C, which has no index, some are enough to show the option ignored. */
	const int cnt = ours ? 1000 : 50;
	char dir[16], opts[32], inside[32];
	int i;

	for (i = 0; i < cnt; i++) {
		snprintf(dir, sizeof(dir), "m%d", i);
		snprintf(opts, sizeof(opts), "instance=thousand%d", i);
		snprintf(inside, sizeof(inside), "m%d/%d", i, i);
		ASSERT_EQ(0, mount_bpf(dir, opts));
		ASSERT_EQ(0, mkdir(inside, 0755));
	}
	for (i = cnt - 1; i >= 0; i--) {
		if (i % 10)
			continue;
		snprintf(opts, sizeof(opts), "instance=thousand%d", i);
		snprintf(inside, sizeof(inside), "again/%d", i);
		ASSERT_EQ(0, mount_bpf("again", opts));
		EXPECT_EQ(ours, exists(inside));
		ASSERT_EQ(0, umount_bpf("again"));
		snprintf(dir, sizeof(dir), "m%d", i);
		ASSERT_EQ(0, umount_bpf(dir));
	}
}

/* Catches: two instances of one name, if two tasks ask for it first at the same time. */
TEST_F_TIMEOUT(named, first_mounts_race, 600)
{
	enum { TASKS = 4 };
	volatile dev_t *dev = mmap(NULL, sizeof(*dev) * TASKS, PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char opts[32], dir[8];
	unsigned int round;
	pid_t pid[TASKS];
	int i;

	ASSERT_NE(MAP_FAILED, dev);
	for (round = 0; round < stress(20); round++) {
		snprintf(opts, sizeof(opts), "instance=race%d", round);
		for (i = 0; i < TASKS; i++) {
			pid[i] = fork();
			if (pid[i])
				continue;
			snprintf(dir, sizeof(dir), "r%d", i);
			dev[i] = mount_bpf(dir, opts) ? 0 : dev_of(dir);
			_exit(!dev[i]);
		}
		for (i = 0; i < TASKS; i++)
			EXPECT_EQ(0, wait_child(pid[i]));
		for (i = 0; i < TASKS; i++) {
			EXPECT_TRUE(!ours || dev[i] == dev[0]);
			snprintf(dir, sizeof(dir), "r%d", i);
			EXPECT_EQ(0, umount_bpf(dir));
		}
	}
}

/* Catches: a mount that silently differs from what was asked for. */
TEST_F(named, told_what_is_ignored)
{
	static const struct {
		const char *key, *value, *message;
	} cases[] = {
		{ "mode", "750", "mode ignored: joined the instance told, which has mode=700" },
		{ "uid", "8", "uid ignored: joined the instance told, which has uid=7" },
		{ "gid", "8", "gid ignored: joined the instance told, which has gid=0" },
		/* What the instance has is no news, with the sticky bit or without. */
		{ "mode", "700", NULL },
		{ "mode", "1700", NULL },
		{ "uid", "7", NULL },
		{ "gid", "0", NULL },
	};
	unsigned int i;
	int fs, strict;

	ASSERT_EQ(0, mount_bpf("a", "instance=told,mode=700,uid=7"));
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fs = fs_with("instance", "told");
		ASSERT_LE(0, fs);
		EXPECT_EQ(0, fs_set(fs, cases[i].key, cases[i].value));
		EXPECT_EQ(0, fs_create(fs));
		EXPECT_EQ(ours && cases[i].message,
			  fs_logged(fs, cases[i].message ?: "ignored"));
		close(fs);

		fs = fs_with("instance", "told");
		strict = ours && cases[i].message ? -EBUSY : 0;
		EXPECT_EQ(0, fs_flag(fs, "join_strict"));
		EXPECT_EQ(0, fs_set(fs, cases[i].key, cases[i].value));
		EXPECT_EQ(strict, fs_create(fs));
		EXPECT_EQ(!!strict, fs_logged(fs, "join_strict was given"));
		close(fs);
	}
	EXPECT_STREQ(ours ? "rw,instance=told,uid=7,mode=700" : "rw,uid=7,mode=700", shown("a"));

	/* chmod(2) makes another mode the instance's. */
	ASSERT_EQ(0, chmod("a", 0750));
	EXPECT_EQ(0, mount_bpf("b", "instance=told,mode=750,join_strict"));
}

/* Catches: a message that mount(2) drops, where the kernel's log is all that one can read. */
TEST_F(named, told_by_the_kernel_log)
{
	static const char wanted[] = "bpf: mode ignored: joined the instance klog";
	int log = kernel_log_open();
	bool found = false;
	char record[2048];
	ssize_t len;

	ASSERT_LE(0, log);
	ASSERT_EQ(0, mount_bpf("a", "instance=klog,mode=700"));
	ASSERT_EQ(0, mount_bpf("b", "instance=klog,mode=750"));
	while ((len = read(log, record, sizeof(record) - 1)) > 0) {
		record[len] = '\0';
		found |= !!strstr(record, wanted);
	}
	EXPECT_EQ(ours, found);
	close(log);
}

/* Catches: a mount without what it asked for, of which only ours knows. */
TEST_F(named, options_of_ours_must_match)
{
	static const char *const other[] = {
		"pinmode=600", "nr_inodes=11", "nr_inodes=0", "dots", "rdonly_strict",
		"delegate_maps=hash",
	};
	static const char *const same[] = { "pinmode=640", "nr_inodes=10", "mode=777" };
	char opts[64];
	unsigned int i;

	ASSERT_EQ(0, mount_bpf("a", "instance=match,pinmode=640,nr_inodes=10"));
	for (i = 0; i < ARRAY_SIZE(other); i++) {
		snprintf(opts, sizeof(opts), "instance=match,%s", other[i]);
		EXPECT_EQ(ours ? -EBUSY : 0, mount_bpf("b", opts)) {
			TH_LOG("%s", opts);
		}
		umount_bpf("b");
	}
	for (i = 0; i < ARRAY_SIZE(same); i++) {
		snprintf(opts, sizeof(opts), "instance=match,%s", same[i]);
		EXPECT_EQ(0, mount_bpf("b", opts));
		umount_bpf("b");
	}
}

GUARDED_TEST_MAIN
