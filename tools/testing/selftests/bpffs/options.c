// SPDX-License-Identifier: GPL-2.0
/*
 * Mount options that C ignores: pinmode=, nr_inodes=, rdonly_strict, dots. Each test says what
 * C shows, too, as whoever gives none of the options is to see nothing else with ours.
 */
#include <linux/fs.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statfs.h>

#include "bpffs_harness.h"

BPFFS_FIXTURE(options);

static bool ours;

static void __attribute__((constructor)) init(void)
{
	ours = impl_rust();
}

static int mode_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) ? -errno : st.st_mode & 07777;
}

/* Inodes in use and the limit, as statfs(2) tells them. */
static void inodes(const char *dir, unsigned long *used, unsigned long *limit)
{
	struct statfs st = {};

	statfs(dir, &st);
	*limit = st.f_files;
	*used = st.f_files - st.f_ffree;
}

/* How many a new instance has besides its root: what the kernel puts there, see preload.c. */
static unsigned int preloaded(void)
{
	unsigned int cnt = 0;

	if (mount_bpf("new", "newinstance"))
		return 0;
	cnt += exists("new/maps.debug");
	cnt += exists("new/progs.debug");
	umount_bpf("new");
	return cnt;
}

#define EXPECT_INODES(expected, dir) ({				\
	unsigned long __used, __limit;				\
	inodes(dir, &__used, &__limit);				\
	EXPECT_EQ(ours ? (expected) + of_kernel : 0, __used);	\
})

/* Mounts an instance with room for @cnt inodes besides those of the kernel; 0 or -errno. */
static int mount_limited(const char *dir, unsigned int cnt, unsigned int of_kernel)
{
	char opts[64];

	snprintf(opts, sizeof(opts), "newinstance,nr_inodes=%u", cnt + of_kernel);
	return mount_bpf(dir, opts);
}

/* Catches: pins of another mode than asked for, less the umask; another mode of what else is made. */
TEST_F(options, pinmode)
{
	static const struct {
		const char *opts;
		mode_t umask, mode;
	} cases[] = {
		{ NULL, 0, 0600 }, { NULL, 077, 0600 }, { NULL, 0200, 0400 },
		{ "pinmode=640", 022, 0640 }, { "pinmode=666", 022, 0644 }, { "pinmode=0660", 0, 0660 },
		{ "pinmode=0", 0, 0 }, { "pinmode=777", 0, 0777 }, { "pinmode=640,pinmode=600", 0, 0600 },
	};
	unsigned int i;
	char opts[64];

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(opts, sizeof(opts), "newinstance%s%s", cases[i].opts ? "," : "",
			 cases[i].opts ?: "");
		ASSERT_EQ(0, mount_bpf("a", opts));
		umask(cases[i].umask);
		ASSERT_EQ(0, obj_pin(map_new(), "a/m"));
		ASSERT_EQ(0, obj_pin(prog_new(0), "a/p"));
		ASSERT_EQ(0, mkdir("a/d", 0755));
		EXPECT_EQ(ours ? cases[i].mode : 0600 & ~cases[i].umask, mode_of("a/m"));
		EXPECT_EQ(mode_of("a/m"), mode_of("a/p"));
		EXPECT_EQ(0755 & ~cases[i].umask, mode_of("a/d"));
		umask(022);
		ASSERT_EQ(0, umount_bpf("a"));
	}
}

/* Catches: a group that cannot do what pinmode= is for. */
TEST_F(options, pinmode_lets_a_group_read)
{
	int map = map_new(), status;

	ASSERT_EQ(0, mount_bpf("a", "newinstance,gid=1234,mode=2750,pinmode=640"));
	ASSERT_EQ(0, obj_pin(map, "a/m"));
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, 1234));
		EXPECT_EQ(ours ? 0 : -EACCES, sys(access("a/m", R_OK)));
		EXPECT_EQ(-EACCES, sys(access("a/m", W_OK)));
	}
	EXPECT_EQ(0, status);
}

/* Catches: a bad value that is taken, or one that C ignores refused there. */
TEST_F(options, bad_values)
{
	static const struct {
		const char *key, *value;
	} cases[] = {
		{ "pinmode", "1000" }, { "pinmode", "4755" }, { "pinmode", "8" }, { "pinmode", "rw" },
		{ "pinmode", "-1" }, { "pinmode", "" }, { "pinmode", "77777777777" },
		{ "nr_inodes", "" }, { "nr_inodes", "x" }, { "nr_inodes", "-1" }, { "nr_inodes", "1kk" },
		{ "nr_inodes", "k" }, { "nr_inodes", "10%" }, { "nr_inodes", "99999999999999999999" },
		{ "nr_inodes", "1 " }, { "rdonly_strict", "1" }, { "dots", "0" }, { "join_strict", "no" },
	};
	unsigned int i;
	int fs, err;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		fs = fs_open();
		ASSERT_LE(0, fs);
		err = fs_set(fs, cases[i].key, cases[i].value);
		EXPECT_EQ(!ours, !err) {
			TH_LOG("%s=%s: %d", cases[i].key, cases[i].value, err);
		}
		/* Of a refused option nothing is left. */
		EXPECT_EQ(0, fs_create(fs));
		close(fs);
	}
}

/* Catches: a number of inodes that is not the one that was asked for. */
TEST_F(options, nr_inodes_values)
{
	static const struct {
		const char *value;
		unsigned long limit;
	} cases[] = {
		{ "1", 1 }, { "10", 10 }, { "2k", 2048 }, { "3M", 3 << 20 }, { "1g", 1 << 30 },
		{ "0x10", 16 }, { "0", 0 },
	};
	unsigned int i, of_kernel = preloaded();
	unsigned long used, limit;
	char opts[64];

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		snprintf(opts, sizeof(opts), "newinstance,nr_inodes=%s", cases[i].value);
		ASSERT_EQ(0, mount_bpf("a", opts));
		inodes("a", &used, &limit);
		EXPECT_EQ(ours ? cases[i].limit : 0, limit);
		/* The root is one of them. What the kernel puts there has to be content with the rest. */
		EXPECT_EQ(ours && cases[i].limit ? 1 + (cases[i].limit > 1 ? of_kernel : 0) : 0, used);
		ASSERT_EQ(0, umount_bpf("a"));
	}
}

/* Catches: an inode or a name that the limit does not know of, or that stays counted. */
TEST_F(options, nr_inodes_limits)
{
	int full = ours ? -ENOSPC : 0, map = map_new(), fd;
	unsigned int of_kernel = preloaded();

	ASSERT_EQ(0, mount_limited("a", 5, of_kernel));
	ASSERT_EQ(0, mkdir("a/d", 0755));
	ASSERT_EQ(0, symlink("x", "a/s"));
	ASSERT_EQ(0, obj_pin(map, "a/m"));
	ASSERT_EQ(0, link("a/m", "a/l"));
	EXPECT_INODES(5, "a");

	EXPECT_EQ(full, sys(mkdir("a/d/1", 0755)));
	EXPECT_EQ(full, sys(symlink("x", "a/d/2")));
	EXPECT_EQ(full, obj_pin(map, "a/d/3"));
	EXPECT_EQ(full, sys(link("a/m", "a/d/4")));
	if (!ours)
		return;
	/* Other errors are as ever. */
	EXPECT_EQ(-EEXIST, sys(mkdir("a/d", 0755)));
	EXPECT_EQ(-EEXIST, obj_pin(map, "a/m"));

	/* A name of two, whichever goes. */
	ASSERT_EQ(0, unlink("a/m"));
	EXPECT_INODES(4, "a");
	ASSERT_EQ(0, link("a/l", "a/m"));
	ASSERT_EQ(0, rename("a/s", "a/l"));
	EXPECT_INODES(4, "a");
	/* The last name. */
	ASSERT_EQ(0, unlink("a/m"));
	EXPECT_INODES(3, "a");
	/* Replaced, exchanged, not replaced. */
	ASSERT_EQ(0, symlink("y", "a/t"));
	ASSERT_EQ(0, sys(renameat2(AT_FDCWD, "a/l", AT_FDCWD, "a/t", RENAME_EXCHANGE)));
	EXPECT_EQ(-EEXIST, sys(renameat2(AT_FDCWD, "a/l", AT_FDCWD, "a/t", RENAME_NOREPLACE)));
	EXPECT_INODES(4, "a");
	ASSERT_EQ(0, rename("a/l", "a/t"));
	EXPECT_INODES(3, "a");
	/* Two names of one inode: rename(2) leaves them alone. */
	ASSERT_EQ(0, link("a/t", "a/u"));
	ASSERT_EQ(0, rename("a/t", "a/u"));
	EXPECT_INODES(4, "a");
	/* Exchanging takes nothing from what has several names. */
	ASSERT_EQ(0, sys(renameat2(AT_FDCWD, "a/u", AT_FDCWD, "a/d", RENAME_EXCHANGE)));
	EXPECT_INODES(4, "a");
	ASSERT_EQ(0, unlink("a/t"));
	ASSERT_EQ(0, unlink("a/d"));
	ASSERT_EQ(0, rmdir("a/u"));
	EXPECT_INODES(1, "a");

	/* What is open still takes memory. */
	ASSERT_EQ(0, obj_pin(map, "a/m"));
	fd = open("a/m", O_PATH | O_CLOEXEC);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, unlink("a/m"));
	EXPECT_INODES(2, "a");
	ASSERT_EQ(0, close(fd));
	EXPECT_INODES(1, "a");
}

/* Catches: limits of one instance that count for another, or for its mounts. */
TEST_F(options, nr_inodes_of_an_instance)
{
	unsigned int of_kernel = preloaded();

	ASSERT_EQ(0, mount_limited("a", 2, of_kernel));
	ASSERT_EQ(0, mount_limited("b", 2, of_kernel));
	ASSERT_EQ(0, mkdir("a/d", 0755));
	ASSERT_EQ(0, mkdir("b/d", 0755));
	ASSERT_EQ(0, mkdir("c", 0755));
	ASSERT_EQ(0, mount("a/d", "c", NULL, MS_BIND, NULL));
	EXPECT_EQ(ours ? -ENOSPC : 0, sys(mkdir("c/d", 0755)));
	EXPECT_INODES(2, "c");
}

/* Catches: one inode too many or too few, if many are made at once; a count that drifts. */
TEST_F(options, nr_inodes_with_many_writers)
{
	enum { TASKS = 4, LIMIT = 40 };
	unsigned int round, i, made, of_kernel = preloaded();
	volatile unsigned int *cnt = mmap(NULL, TASKS * sizeof(*cnt), PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid[TASKS];
	char path[64];
	int map = map_new(), err;

	ASSERT_NE(MAP_FAILED, cnt);
	ASSERT_EQ(0, mount_limited("a", LIMIT + 1, of_kernel));
	for (i = 0; i < TASKS; i++) {
		snprintf(path, sizeof(path), "a/%u", i);
		ASSERT_EQ(0, mkdir(path, 0755));
	}
	for (round = 0; round < stress(20); round++) {
		for (i = 0; i < TASKS; i++) {
			cnt[i] = 0;
			pid[i] = fork();
			if (pid[i])
				continue;
			for (err = 0; !err && cnt[i] <= LIMIT;) {
				snprintf(path, sizeof(path), "a/%u/%u", i, cnt[i]);
				err = cnt[i] % 2 ? sys(symlink("x", path)) : obj_pin(map, path);
				cnt[i] += !err;
			}
			_exit(err != (ours ? -ENOSPC : 0));
		}
		for (i = made = 0; i < TASKS; i++) {
			EXPECT_EQ(0, wait_child(pid[i]));
			made += cnt[i];
		}
		if (ours)
			EXPECT_EQ(LIMIT - TASKS, made);
		EXPECT_INODES(LIMIT + 1, "a");
		for (i = 0; i < TASKS; i++) {
			while (cnt[i]) {
				snprintf(path, sizeof(path), "a/%u/%u", i, --cnt[i]);
				ASSERT_EQ(0, unlink(path));
			}
		}
		EXPECT_INODES(1 + TASKS, "a");
	}
}

/* Fetches what is pinned there, to be used as the flags say; 0 or -errno. */
static int get(const char *path, unsigned int flags)
{
	int fd = obj_get_at(0, path, flags);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* Catches: an object that can be changed through a read-only mount, or cannot through another. */
TEST_F(options, rdonly_strict)
{
	static const char *const read_only[] = { "bind", "super" };
	char path[32];
	unsigned int i;

	ASSERT_EQ(0, mount_bpf("a", "newinstance,rdonly_strict"));
	ASSERT_EQ(0, obj_pin(map_new(), "a/m"));
	ASSERT_EQ(0, obj_pin(prog_new(0), "a/p"));
	ASSERT_EQ(0, obj_pin(link_new(-1), "a/l"));
	ASSERT_EQ(0, mkdir("bind", 0755));
	ASSERT_EQ(0, mkdir("super", 0755));
	ASSERT_EQ(0, mount("a", "bind", NULL, MS_BIND, NULL));
	ASSERT_EQ(0, mount("a", "super", NULL, MS_BIND, NULL));
	ASSERT_EQ(0, mount(NULL, "bind", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));

	for (i = 0; i < ARRAY_SIZE(read_only); i++) {
		int refused = i || ours ? -EROFS : 0;

		if (i)
			ASSERT_EQ(0, mount_bpf_flags("a", MS_REMOUNT | MS_RDONLY, NULL));
		snprintf(path, sizeof(path), "%s/m", read_only[i]);
		EXPECT_EQ(refused, get(path, 0));
		EXPECT_EQ(refused, get(path, BPF_F_WRONLY));
		EXPECT_EQ(0, get(path, BPF_F_RDONLY));
		snprintf(path, sizeof(path), "%s/l", read_only[i]);
		EXPECT_EQ(refused, get(path, 0));
		EXPECT_EQ(-EINVAL, get(path, BPF_F_RDONLY));
		snprintf(path, sizeof(path), "%s/p", read_only[i]);
		/* On a superblock that is read-only, C refuses what asks for writing, too. */
		EXPECT_EQ(i ? -EROFS : 0, get(path, 0));
		EXPECT_EQ(0, get(path, BPF_F_RDONLY));
	}
	ASSERT_EQ(0, mount_bpf_flags("a", MS_REMOUNT, NULL));
	EXPECT_EQ(0, get("a/m", 0));
	EXPECT_EQ(0, get("a/l", 0));
	EXPECT_EQ(0, get("super/m", 0));
	EXPECT_EQ(ours ? -EROFS : 0, get("bind/m", 0));
}

/* Catches: the rule where nobody asked for it. */
TEST_F(options, rdonly_is_lenient)
{
	ASSERT_EQ(0, mount_bpf("a", "newinstance"));
	ASSERT_EQ(0, obj_pin(map_new(), "a/m"));
	ASSERT_EQ(0, obj_pin(link_new(-1), "a/l"));
	ASSERT_EQ(0, mount("a", "a", NULL, MS_BIND, NULL));
	ASSERT_EQ(0, mount(NULL, "a", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	EXPECT_EQ(0, get("a/m", 0));
	EXPECT_EQ(0, get("a/l", 0));
	EXPECT_EQ(-EROFS, sys(unlink("a/m")));
	ASSERT_EQ(0, umount_bpf("a"));
}

/* Catches: names with dots refused, what is missing told as EPERM, the kernel's names given away. */
TEST_F(options, dots)
{
	int missing = ours ? -ENOENT : -EPERM, made = ours ? 0 : -EPERM, map = map_new();

	ASSERT_EQ(0, mount_bpf("a", "newinstance,dots"));
	EXPECT_EQ(missing, sys(access("a/x.y", F_OK)));
	EXPECT_EQ(missing, sys(unlink("a/x.y")));
	EXPECT_EQ(missing, sys(rmdir("a/x.y")));
	EXPECT_EQ(missing, obj_get("a/x.y"));
	EXPECT_EQ(made, sys(mkdir("a/d.d", 0755)));
	EXPECT_EQ(made, sys(symlink("x", "a/.s")));
	EXPECT_EQ(made, obj_pin(map, "a/m."));
	ASSERT_EQ(0, obj_pin(map, "a/m"));
	EXPECT_EQ(made, sys(link("a/m", "a/..l")));
	EXPECT_EQ(made, sys(rename("a/m", "a/n.n")));
	if (!ours)
		return;
	EXPECT_EQ(obj_id(map, OBJ_MAP), obj_id(obj_get("a/n.n"), OBJ_MAP));
	EXPECT_EQ(0, unlink("a/n.n"));
	EXPECT_EQ(-ENOENT, sys(access("a/n.n", F_OK)));

	/* Not even when the kernel has not put them there, or somebody has removed them. */
	unlink("a/maps.debug");
	unlink("a/progs.debug");
	EXPECT_EQ(-ENOENT, sys(access("a/maps.debug", F_OK)));
	EXPECT_EQ(-EPERM, sys(mkdir("a/maps.debug", 0755)));
	EXPECT_EQ(-EPERM, sys(symlink("x", "a/progs.debug")));
	EXPECT_EQ(-EPERM, obj_pin(map, "a/maps.debug"));
	EXPECT_EQ(-EPERM, sys(link("a/m.", "a/maps.debug")));
	EXPECT_EQ(-EPERM, sys(rename("a/m.", "a/progs.debug")));
	/* Elsewhere these are names like others. */
	EXPECT_EQ(0, obj_pin(map, "a/d.d/maps.debug"));
	EXPECT_EQ(0, mkdir("a/maps.debug2", 0755));
}

/* Catches: names with dots where nobody asked for them. */
TEST_F(options, no_dots)
{
	ASSERT_EQ(0, mount_bpf("a", "newinstance"));
	EXPECT_EQ(-EPERM, sys(access("a/x.y", F_OK)));
	EXPECT_EQ(-EPERM, sys(mkdir("a/x.y", 0755)));
	EXPECT_EQ(-EPERM, obj_pin(map_new(), "a/x.y"));
}

GUARDED_TEST_MAIN
