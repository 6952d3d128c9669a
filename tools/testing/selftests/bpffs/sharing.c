// SPDX-License-Identifier: GPL-2.0
/*
 * The module's parameter "sharing": at load and in sysfs, what it decides and when, who may write
 * it, and what it does not take.
 *
 * Each test brings about the state of the module that it needs. Loading takes a while, so the module
 * stays loaded from one test to the next.
 */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "bpffs_harness.h"

FIXTURE(sharing) { };

/* Loaded, and as if it had been loaded without a parameter. */
static int set_up(void)
{
	if (module_refcnt() < 0)
		return module_load(NULL);
	return write_file(MODULE_SHARING, "namespace");
}

FIXTURE_SETUP(sharing)
{
	ASSERT_EQ(0, set_up());
}

FIXTURE_TEARDOWN(sharing) { }

int main(int argc, char **argv)
{
	if (!begin_unloaded(argv[0]))
		return KSFT_FAIL;
	return run_all_guarded(argc, argv);
}

/* What the file says, with the line feed; "" if it cannot be read. */
static const char *said(void)
{
	static char buf[64];

	if (read_file(MODULE_SHARING, buf, sizeof(buf)) <= 0)
		buf[0] = '\0';
	return buf;
}

/* What one write of these bytes at that offset gives. */
static long say(const char *bytes, size_t len, off_t offset)
{
	int fd = sys(open(MODULE_SHARING, O_WRONLY | O_CLOEXEC));
	long ret;

	if (fd < 0)
		return fd;
	ret = sys(pwrite(fd, bytes, len, offset));
	close(fd);
	return ret;
}

static dev_t dev_of_mnt(int mnt)
{
	struct stat st;

	return fstat(mnt, &st) ? 0 : st.st_dev;
}

/* The device of what the context makes, or 0. */
static dev_t dev_of_made(int fs)
{
	int mnt = fs_create(fs) ? -1 : fs_mount(fs, 0);
	dev_t dev = mnt < 0 ? 0 : dev_of_mnt(mnt);

	close(mnt);
	close(fs);
	return dev;
}

/* Whether two mounts without any option show one instance; they do not stay. */
static bool two_join(void)
{
	bool join = !mount_bpf("one", NULL) && !mount_bpf("two", NULL) &&
		    dev_of("one") == dev_of("two");

	umount_bpf("two");
	umount_bpf("one");
	return join;
}

/*
 * Catches: a word that is not heeded at load, or forgotten at unload; a bad one with which the
 * module serves nevertheless.
 */
TEST_F_TIMEOUT(sharing, at_load, 300)
{
	static const char *const bad[] = {
		"sharing=bad", "sharing=", "sharing", "sharing=Mount", "sharing=mountx",
		"sharing=moun", "sharing=mount,namespace", "sharing=0", "sharing=mount sharing=bad",
	};
	unsigned int i;

	EXPECT_STREQ("namespace\n", said());
	ASSERT_EQ(0, module_unload());
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		ASSERT_EQ(-EINVAL, module_load(bad[i]))
			TH_LOG("%s", bad[i]);
		EXPECT_EQ(-ENOENT, module_refcnt());
		EXPECT_FALSE(exists(MODULE_LIVEPATCH));
	}
	EXPECT_FALSE(two_join());

	ASSERT_EQ(0, module_load("sharing=mount"));
	EXPECT_TRUE(impl_rust());
	EXPECT_FALSE(mounts_join());
	EXPECT_STREQ("mount\n", said());
	EXPECT_FALSE(two_join());
	ASSERT_EQ(0, module_unload());

	/* The last one counts, with others beside it. */
	ASSERT_EQ(0, module_load("sharing=mount sharing=namespace no_such_parameter=1"));
	EXPECT_STREQ("namespace\n", said());
	EXPECT_TRUE(two_join());
	ASSERT_EQ(0, module_unload());

	ASSERT_EQ(0, module_load(NULL));
	EXPECT_TRUE(mounts_join());
	EXPECT_TRUE(two_join());
}

/* Catches: a file that somebody without privileges can change, or cannot read. */
TEST_F(sharing, file)
{
	struct stat st;
	int status;

	ASSERT_EQ(0, stat(MODULE_SHARING, &st));
	EXPECT_EQ(S_IFREG | 0644, st.st_mode);
	EXPECT_EQ(0, st.st_uid);
	EXPECT_EQ(0, st.st_gid);
	in_child(&status) {
		ASSERT_EQ(0, become(NOBODY, NOBODY));
		EXPECT_STREQ("namespace\n", said());
		EXPECT_EQ(-EACCES, say("mount", 5, 0));
		EXPECT_EQ(-EPERM, sys(chmod(MODULE_SHARING, 0666)));
	}
	EXPECT_EQ(0, status);
	/* Neither can the root of a container. */
	in_child(&status) {
		ASSERT_EQ(0, userns_unshare(CONTAINER_ROOT, CLONE_NEWNS));
		EXPECT_STREQ("namespace\n", said());
		EXPECT_EQ(-EACCES, say("mount", 5, 0));
		EXPECT_EQ(-EPERM, sys(chmod(MODULE_SHARING, 0666)));
	}
	EXPECT_EQ(0, status);
	EXPECT_STREQ("namespace\n", said());
}

/* Catches: a value that is nearly a word and is taken, or that changes something and is refused. */
TEST_F(sharing, values)
{
	static char pages[3 * 4096];
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
#define BYTES(text) { text, sizeof(text) - 1 }
		BYTES("\n"), BYTES("\0"), BYTES("\0mount"), BYTES("m"), BYTES("moun"),
		BYTES("mou\0nt"), BYTES("mountx"), BYTES("mount "), BYTES(" mount"),
		BYTES("mount\t"), BYTES("mount\n\n"), BYTES("\nmount"), BYTES("mount\r\n"),
		BYTES("mount\nnamespace"), BYTES("mount,namespace"), BYTES("Mount"),
		BYTES("MOUNT"), BYTES("\"mount\""), BYTES("namespac"), BYTES("Namespace"),
		BYTES("0"), BYTES("1"), BYTES("Y"), BYTES("mount\xff"), BYTES("bad"),
	};
	static const struct {
		const char *bytes;
		size_t len;
		const char *said;
	} good[] = {
		{ "mount", 5, "mount\n" }, { "namespace\n", 10, "namespace\n" },
		{ "mount\n", 6, "mount\n" }, { "mount", 5, "mount\n" },
		{ "namespace", 9, "namespace\n" },
		/* For the kernel, a parameter's value ends with the first NUL. */
		{ "mount\0x", 7, "mount\n" },
	};
	unsigned int g, i;

	for (g = 0; g < ARRAY_SIZE(good); g++) {
		EXPECT_EQ(good[g].len, say(good[g].bytes, good[g].len, 0));
		ASSERT_STREQ(good[g].said, said());
		for (i = 0; i < ARRAY_SIZE(bad); i++) {
			EXPECT_EQ(-EINVAL, say(bad[i].bytes, bad[i].len, 0))
				TH_LOG("%u: %s", i, bad[i].bytes);
			ASSERT_STREQ(good[g].said, said());
		}
		/* In pieces, and nothing at all. */
		EXPECT_EQ(-EINVAL, say("mou", 3, 0));
		EXPECT_EQ(-EINVAL, say("nt", 2, 3));
		EXPECT_EQ(0, say("", 0, 0));
		EXPECT_EQ(0, sys(close(open(MODULE_SHARING, O_WRONLY | O_TRUNC))));
		EXPECT_EQ(-EFAULT, say(NULL, 5, 0));
		/* Of a page and more. */
		memset(pages, 'm', sizeof(pages));
		memcpy(pages, "mount", 5);
		EXPECT_EQ(-EINVAL, say(pages, 4095, 0));
		EXPECT_EQ(-EINVAL, say(pages, 4096, 0));
		EXPECT_EQ(-EINVAL, say(pages, sizeof(pages), 0));
		EXPECT_STREQ(good[g].said, said());
	}
}

/*
 * Catches: a mount that asks for the namespace's instance and gets another one, because of what the
 * parameter says or said; one that asks for nothing and is joined with sharing=mount.
 */
TEST_F(sharing, decides)
{
	dev_t dev;

	/* No plain mount is the namespace's, be it made before or after. */
	ASSERT_EQ(0, write_file(MODULE_SHARING, "mount"));
	ASSERT_EQ(0, mount_bpf("own", NULL));
	ASSERT_EQ(0, mount_bpf("ns", "instance=namespace"));
	dev = dev_of("ns");
	ASSERT_EQ(0, sys(mkdir("ns/d", 0755)));
	EXPECT_NE(dev, dev_of("own"));
	ASSERT_EQ(0, mount_bpf("own2", NULL));
	EXPECT_NE(dev, dev_of("own2"));
	EXPECT_NE(dev_of("own"), dev_of("own2"));
	EXPECT_FALSE(exists("own2/d"));
	ASSERT_EQ(0, mount_bpf("ns2", "instance=namespace"));
	EXPECT_EQ(dev, dev_of("ns2"));
	EXPECT_TRUE(exists("ns2/d"));

	ASSERT_EQ(0, write_file(MODULE_SHARING, "namespace\n"));
	ASSERT_EQ(0, mount_bpf("plain", NULL));
	EXPECT_EQ(dev, dev_of("plain"));
	ASSERT_EQ(0, mount_bpf("ns3", "instance=namespace"));
	EXPECT_EQ(dev, dev_of("ns3"));
	ASSERT_EQ(0, mount_bpf("new", "newinstance"));
	EXPECT_NE(dev, dev_of("new"));
	EXPECT_NE(dev, dev_of("own"));
	ASSERT_EQ(0, umount_bpf("ns"));
	ASSERT_EQ(0, umount_bpf("ns2"));
	ASSERT_EQ(0, umount_bpf("ns3"));

	/* What a plain mount made or keeps is there for those that ask. */
	ASSERT_EQ(0, write_file(MODULE_SHARING, "mount"));
	ASSERT_EQ(0, mount_bpf("ns", "instance=namespace"));
	EXPECT_EQ(dev, dev_of("ns"));
	/* A remount is no new mount. */
	EXPECT_EQ(0, mount_bpf_flags("plain", MS_REMOUNT, NULL));
	EXPECT_EQ(0, mount_bpf_flags("own", MS_REMOUNT, NULL));
	ASSERT_EQ(0, umount_bpf("ns"));
	ASSERT_EQ(0, umount_bpf("plain"));
	ASSERT_EQ(0, mount_bpf("ns", "instance=namespace"));
	EXPECT_FALSE(exists("ns/d"));
}

/* Catches: a context for which something counts that was written after it was opened. */
TEST_F(sharing, contexts)
{
	int joins = fs_open(), joins_excl = fs_open(), asks, own, own_excl;
	dev_t dev, made;

	ASSERT_EQ(0, mount_bpf("ns", NULL));
	dev = dev_of("ns");
	ASSERT_EQ(0, write_file(MODULE_SHARING, "mount"));
	ASSERT_EQ(0, mount_bpf("a", NULL));
	EXPECT_NE(dev, dev_of("a"));
	EXPECT_EQ(dev, dev_of_made(joins));
	EXPECT_EQ(-EBUSY, fs_create_excl(joins_excl));
	close(joins_excl);

	asks = fs_open();
	own = fs_open();
	own_excl = fs_open();
	ASSERT_EQ(0, fs_set(asks, "instance", "namespace"));
	ASSERT_EQ(0, write_file(MODULE_SHARING, "namespace"));
	ASSERT_EQ(0, mount_bpf("b", NULL));
	EXPECT_EQ(dev, dev_of("b"));
	made = dev_of_made(own);
	EXPECT_NE(0, made);
	EXPECT_NE(dev, made);
	EXPECT_EQ(0, fs_create_excl(own_excl));
	close(own_excl);
	EXPECT_EQ(dev, dev_of_made(asks));
	EXPECT_EQ(dev, dev_of_made(fs_open()));
}

#define MOUNTERS 4

struct mounters {
	int stop;
	/* Mounts that joined, and mounts of their own. */
	int joined, own;
};

/* Mounts by either interface at @dir; 0 or -errno. */
static int mount_somehow(const char *dir, bool by_context)
{
	int fs, mnt, err;

	if (!by_context)
		return mount_bpf(dir, NULL);
	fs = fs_open();
	err = fs_create(fs);
	mnt = err ?: fs_mount(fs, 0);
	close(fs);
	if (mnt < 0)
		return mnt;
	err = mnt_attach(mnt, dir);
	close(mnt);
	return err;
}

/* Mounts until it is over; the line of what is wrong, or 0. */
static int keep_mounting(struct mounters *all, unsigned int nr, dev_t ns)
{
	char dir[8], mine[16], marker[16];
	unsigned int i;
	bool joined;

	snprintf(dir, sizeof(dir), "m%u", nr);
	snprintf(marker, sizeof(marker), "m%u/marker", nr);
	for (i = 0; !__atomic_load_n(&all->stop, __ATOMIC_SEQ_CST); i++) {
		if (mount_somehow(dir, i & 1))
			return __LINE__;
		joined = dev_of(dir) == ns;
		if (exists(marker) != joined)
			return __LINE__;
		/* In the namespace's there are those of the others, in one's own nothing. */
		snprintf(mine, sizeof(mine), "m%u/%u", nr, joined ? nr : MOUNTERS);
		if (mkdir(mine, 0755) || rmdir(mine))
			return __LINE__;
		if (umount_bpf(dir))
			return __LINE__;
		__atomic_add_fetch(joined ? &all->joined : &all->own, 1, __ATOMIC_SEQ_CST);
	}
	return 0;
}

/*
 * Catches: a mount that is neither, or fails, because the parameter is written meanwhile; a write
 * that is lost; an instance that is left.
 */
TEST_F_TIMEOUT(sharing, written_meanwhile, 300)
{
	struct mounters *all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t end = now_ms() + stress(4000);
	pid_t pid[MOUNTERS];
	int before = module_refcnt();
	unsigned int i;
	dev_t ns;

	ASSERT_NE(MAP_FAILED, all);
	ASSERT_EQ(0, mount_bpf("ns", "instance=namespace"));
	ASSERT_EQ(0, sys(mkdir("ns/marker", 0755)));
	ns = dev_of("ns");
	for (i = 0; i < MOUNTERS; i++) {
		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i]) {
			int line = keep_mounting(all, i, ns);

			if (line)
				fprintf(stderr, "# line %d: %s\n", line, strerror(errno));
			_exit(!!line);
		}
	}
	for (i = 0; now_ms() < end || !all->joined || !all->own; i++) {
		ASSERT_GT(end + 60000, now_ms());
		EXPECT_EQ(0, write_file(MODULE_SHARING, i & 1 ? "namespace" : "mount"));
		ASSERT_STREQ(i & 1 ? "namespace\n" : "mount\n", said());
		EXPECT_EQ(-EINVAL, write_file(MODULE_SHARING, "other"));
		/* Long enough for some mounts at times. */
		if (i % 64 < 2)
			sleep_ms(20);
	}
	__atomic_store_n(&all->stop, 1, __ATOMIC_SEQ_CST);
	for (i = 0; i < MOUNTERS; i++)
		EXPECT_EQ(0, wait_child(pid[i]));
	printf("# report: sharing: %d mounts joined, %d did not\n", all->joined, all->own);
	EXPECT_TRUE(wait_until(module_refcnt() == before + 1, 5000));
	ASSERT_EQ(0, umount_bpf("ns"));
	EXPECT_TRUE(wait_until(module_refcnt() == before, 5000));
}
