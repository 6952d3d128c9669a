// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading the module: under load, while mounted, again and again.
 *
 * Each transition of the livepatch takes a second or two, so the tests hand the
 * module on to each other; each brings about the state it needs if it is not
 * there already, and so can be run alone.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "bpffs_harness.h"
#include "outside.h"
#include "unserved.h"

#define CACHE "bpffs_inode_cache"

/* Shared by the tests, which are processes. */
static bool *was_loaded;

static int load(const char *params)
{
	*was_loaded = true;
	return module_load(params);
}

int main(int argc, char **argv)
{
	if (!begin_unloaded(argv[0]))
		return KSFT_FAIL;
	was_loaded = mmap(NULL, sizeof(*was_loaded), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (was_loaded == MAP_FAILED) {
		perror("mmap");
		return KSFT_FAIL;
	}
	return run_all_guarded(argc, argv);
}

/* ---- what one sees of the module ---- */

static int delete_module(void)
{
	return sys(syscall(SYS_delete_module, MODULE_NAME, O_NONBLOCK));
}

/* Number of lines in @path that end in @text. */
static int lines_with_end(const char *path, const char *text, size_t *longest)
{
	FILE *file = fopen(path, "re");
	size_t size = 0, len, end = strlen(text);
	char *line = NULL;
	int cnt = 0;

	if (!file)
		return -errno;
	while (getline(&line, &size, file) >= 0) {
		len = strcspn(line, "\n");
		line[len] = '\0';
		if (len < end || strcmp(line + len - end, text))
			continue;
		cnt++;
		if (longest && *longest < len)
			*longest = len;
	}
	free(line);
	fclose(file);
	return cnt;
}

/* Number of entries of @path whose name contains @text. */
static int names_with(const char *path, const char *text)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int cnt = 0;

	if (!dir)
		return -errno;
	while ((entry = readdir(dir)))
		cnt += !!strstr(entry->d_name, text);
	closedir(dir);
	return cnt;
}

/* Second mount in a namespace: C's is a fresh instance, ours the same one. */
static bool serves(bool rust)
{
	bool same;

	if (mount_bpf("serves1", NULL) || mount_bpf("serves2", NULL))
		return false;
	same = dev_of("serves1") == dev_of("serves2");
	return !umount_bpf("serves1") && !umount_bpf("serves2") && same == rust;
}

/* ---- the kernel log ---- */

static int log_open(void)
{
	int fd = sys(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

/* Messages of the module since the last look; @text is to be in one of them. */
static int log_messages(int fd, const char *text, bool *found)
{
	char record[2048], *msg;
	int cnt = 0;
	ssize_t len;

	while ((len = read(fd, record, sizeof(record) - 1)) > 0) {
		record[len] = '\0';
		msg = strchr(record, ';');
		/* What the kernel says of every such module also begins so. */
		if (!msg || strncmp(msg + 1, "bpffs: ", 7) || strstr(msg, "taint"))
			continue;
		cnt++;
		if (text && strstr(msg, text))
			*found = true;
		else
			printf("# message: %.*s\n", (int)strcspn(msg + 1, "\n"), msg + 1);
	}
	return cnt;
}

/* ---- load on the file system ---- */

#define WORKERS 2

struct shared {
	int stop;
	int wrong;
	/* Mounts of ours may be without their functions for a moment. */
	int unloading;
	unsigned int rounds;
};

struct hammer {
	struct shared *shared;
	pid_t workers[WORKERS];
};

static void fails(struct shared *shared, const char *what, int ret)
{
	printf("# %s: %s\n", what, strerror(-ret));
	__atomic_store_n(&shared->wrong, 1, __ATOMIC_SEQ_CST);
	_exit(1);
}

/* A map that can be read. */
static int map_readable(void)
{
	int btf = btf_int_new(), map = map_typed(btf, BPF_MAP_TYPE_ARRAY, 3);

	close(btf);
	return map;
}

/* Exposes the map, and reads that. C refuses, as ours does if C has the pin. */
static void expose(struct shared *shared, int map, const char *path)
{
	int err = obj_pin(map, path);
	char text[64];

	if (err && err != -EPERM)
		fails(shared, "expose", err);
	if (!err)
		err = read_file(path, text, sizeof(text));
	if (err < 0 && err != -EPERM)
		fails(shared, "read what is exposed", err);
}

/* In a namespace of its own: mount, pin, get, rename, expose, read, unlink, unmount. */
static void work(struct shared *shared)
{
	int map = map_readable(), err, fd;
	char outside[64];

	snprintf(outside, sizeof(outside), CGROUP "/bpf.%d", getpid());
	if (mntns_unshare())
		fails(shared, "unshare", -errno);
	while (!__atomic_load_n(&shared->stop, __ATOMIC_SEQ_CST)) {
		err = mount_bpf("worker", NULL);
		if (err)
			fails(shared, "mount", err);
		err = obj_pin(map, "worker/map");
		if (!err) {
			fd = obj_get("worker/map");
			if (fd < 0 && !shared->unloading)
				fails(shared, "get", fd);
			close(fd);
			err = sys(rename("worker/map", "worker/moved"));
			if (err)
				fails(shared, "rename", err);
			fd = obj_get("worker/moved");
			if (fd < 0 && !shared->unloading)
				fails(shared, "get renamed", fd);
			close(fd);
			expose(shared, map, outside);
			err = sys(unlink("worker/moved"));
			if (err)
				fails(shared, "unlink", err);
			if (exists(outside))
				fails(shared, "exposed, but not pinned", -EEXIST);
		} else if (!shared->unloading) {
			fails(shared, "pin", err);
		}
		err = umount_bpf("worker");
		if (err)
			fails(shared, "umount", err);
		__atomic_add_fetch(&shared->rounds, 1, __ATOMIC_SEQ_CST);
		/*
		 * QEMU's translator sometimes runs an instruction that another
		 * CPU has just replaced, as is done while the kernel switches
		 * functions; so no more load than it takes.
		 */
		sleep_ms(3);
	}
	_exit(0);
}

static int hammer_start(struct hammer *hammer)
{
	int i;

	hammer->shared = mmap(NULL, sizeof(*hammer->shared), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (hammer->shared == MAP_FAILED)
		return -errno;
	i = cgroups_enter() ?: sys(mkdir(CGROUP, 0755));
	if (i)
		return i;
	for (i = 0; i < WORKERS; i++) {
		hammer->workers[i] = fork();
		if (hammer->workers[i] < 0)
			return -errno;
		if (!hammer->workers[i])
			work(hammer->shared);
	}
	return 0;
}

/* Whether there have been rounds since, all of them good. */
static bool hammer_works(struct hammer *hammer)
{
	unsigned int rounds = hammer->shared->rounds;

	return wait_until(hammer->shared->wrong ||
			  hammer->shared->rounds > rounds + 2 * WORKERS, 20000) &&
	       !hammer->shared->wrong;
}

static bool hammer_stop(struct hammer *hammer)
{
	int i, bad = 0;

	hammer->shared->stop = 1;
	for (i = 0; i < WORKERS; i++)
		bad += !!wait_child(hammer->workers[i]);
	return !bad && !cgroups_leave() && !rmdir(CGROUPS) && !hammer->shared->wrong;
}

/* ---- tracing ---- */

/*
 * Has the result of each call of @function, which takes @args arguments, put into element 0 of
 * @map; returns the link or -errno.
 */
static int trace_result(const char *function, int args, int map)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 2, .src_reg = 1, .off = 8 * args },
		{ .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = 1,
		  .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map },
		{ 0 },
		{ .code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = 1, .src_reg = 2 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_TRACE_FEXIT,
		.insns = (uintptr_t)insns,
		.insn_cnt = ARRAY_SIZE(insns),
		.license = (uintptr_t)"GPL",
	};
	int id = btf_func_id(function), prog, link;

	if (id < 0)
		return id;
	attr.attach_btf_id = id;
	prog = sys_bpf(BPF_PROG_LOAD, &attr);
	if (prog < 0)
		return prog;
	memset(&attr, 0, sizeof(attr));
	attr.raw_tracepoint.prog_fd = prog;
	link = sys_bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);
	close(prog);
	return link;
}

/* Whether a pin in @dir that is made, and one that is refused, are seen so. */
static bool pins_are_seen(const char *dir, int results)
{
	int made = -1, refused = -1;
	char path[64];

	snprintf(path, sizeof(path), "%s/pin", dir);
	if (map_set(results, 0, 1) || obj_pin(results, path) || map_get(results, 0, &made) ||
	    obj_pin(results, path) != -EEXIST || map_get(results, 0, &refused))
		return false;
	if (made != 0 || refused != -EEXIST)
		printf("# %s: the results that were seen: %d, %d\n", dir, made, refused);
	return !unlink(path) && made == 0 && refused == -EEXIST;
}

/* ---- the tests, in the order in which they pass the module on ---- */

FIXTURE(load) {
	int log;
};

FIXTURE_SETUP(load)
{
	self->log = log_open();
	ASSERT_LE(0, self->log);
}

FIXTURE_TEARDOWN(load)
{
}

/* What one wants to know about a module before one loads it. */
TEST_F(load, modinfo)
{
	static const char *const fields[] = {
		"license", "author", "description", "version", "livepatch",
		"livepatch_replaces", "vermagic", "parm", "parmtype",
	};
	const char *module = getenv("BPFFS_MODULE") ?: MODULE_NAME;
	char command[512], line[256];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		FILE *out;

		snprintf(command, sizeof(command), "PATH=$PATH:/sbin:/usr/sbin modinfo -F %s '%s'",
			 fields[i], module);
		out = popen(command, "r");
		ASSERT_NE(NULL, out);
		line[0] = '\0';
		EXPECT_NE(NULL, fgets(line, sizeof(line), out))
			TH_LOG("no %s", fields[i]);
		if (!i)
			EXPECT_STREQ("GPL\n", line);
		/* To the end, as modinfo must not be told that nobody listens. */
		while (fgets(line, sizeof(line), out))
			;
		EXPECT_EQ(0, pclose(out));
	}
}

/* A task that fails because the functions change under it. */
TEST_F(load, under_load)
{
	struct hammer hammer;
	bool found = false;

	if (impl_rust())
		ASSERT_EQ(0, module_unload());
	ASSERT_EQ(0, hammer_start(&hammer));
	EXPECT_TRUE(hammer_works(&hammer));
	ASSERT_EQ(0, load(NULL));
	EXPECT_TRUE(impl_rust());
	EXPECT_TRUE(hammer_works(&hammer));
	EXPECT_TRUE(hammer_stop(&hammer));
	EXPECT_TRUE(serves(true));
	/* One message says that it serves; using it says nothing more. */
	EXPECT_EQ(1, log_messages(self->log, "served by this module", &found));
	EXPECT_TRUE(found);
}

/* Two modules at work, or two types of the name. */
TEST_F(load, twice)
{
	if (!impl_rust())
		ASSERT_EQ(0, load(NULL));
	log_messages(self->log, NULL, NULL);
	EXPECT_EQ(-EEXIST, module_load(NULL));
	EXPECT_TRUE(impl_rust());
	EXPECT_EQ(1, lines_with_end("/proc/filesystems", "\tbpf", NULL));
	EXPECT_EQ(1, names_with("/sys/kernel/slab", CACHE));
	EXPECT_EQ(0, log_messages(self->log, NULL, NULL));
}

/*
 * A symbol so long that those who read /proc/kallsyms by 256 bytes, as the kernel's own
 * tests do, see none of what comes after the module's: that is those of BPF programs.
 */
TEST_F(load, symbols_can_be_read)
{
	size_t longest = 0;

	if (!impl_rust())
		ASSERT_EQ(0, load(NULL));
	EXPECT_LT(100, lines_with_end("/proc/kallsyms", "[" MODULE_NAME "]", &longest));
	EXPECT_GT(255, longest);
}

/* A module whose functions and types bpftool and BPF programs do not know. */
TEST_F(load, btf)
{
	static const char path[] = "/sys/kernel/btf/" MODULE_NAME;
	char config[128];
	struct utsname uts;
	int wanted;

	ASSERT_EQ(0, uname(&uts));
	snprintf(config, sizeof(config), "/boot/config-%s", uts.release);
	wanted = lines_with_end(config, "CONFIG_DEBUG_INFO_BTF_MODULES=y", NULL);
	ASSERT_LE(0, wanted);
	if (!impl_rust())
		ASSERT_EQ(0, load(NULL));
	EXPECT_EQ(wanted, exists(path));
	ASSERT_EQ(0, module_unload());
	EXPECT_FALSE(exists(path));
}

/*
 * Replacing functions that are traced, and tracing those that are replaced: either is refused,
 * or the tracer sees the calls of the function that does not serve.
 */
TEST_F(load, traced)
{
	int results = map_new(), link;

	if (impl_rust())
		ASSERT_EQ(0, module_unload());
	link = trace_result("bpf_obj_pin_user", 3, results);
	ASSERT_LE(0, link);
	ASSERT_EQ(0, mount_bpf("c", "newinstance"));
	EXPECT_TRUE(pins_are_seen("c", results));
	ASSERT_EQ(0, load(NULL));
	ASSERT_EQ(0, mount_bpf("rust", "newinstance"));
	EXPECT_TRUE(pins_are_seen("rust", results));
	EXPECT_TRUE(pins_are_seen("c", results));

	close(link);
	ASSERT_EQ(0, map_set(results, 0, 1));
	link = trace_result("bpf_obj_pin_user", 3, results);
	ASSERT_LE(0, link);
	EXPECT_TRUE(pins_are_seen("rust", results));
	ASSERT_EQ(0, umount_bpf("rust"));
	ASSERT_EQ(0, module_unload());
	EXPECT_TRUE(pins_are_seen("c", results));
	close(link);
	close(results);
	ASSERT_EQ(0, umount_bpf("c"));
}

/* A module that can be pulled from under a mount, a file or a context. */
TEST_F(load, in_use)
{
	int unused, fs, file;

	if (!impl_rust())
		ASSERT_EQ(0, load(NULL));
	log_messages(self->log, NULL, NULL);
	unused = module_refcnt();
	EXPECT_EQ(-EAGAIN, delete_module());

	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	EXPECT_EQ(unused + 1, module_refcnt());
	file = sys(open("bpf", O_RDONLY));
	ASSERT_EQ(0, sys(umount2("bpf", MNT_DETACH)));
	EXPECT_EQ(unused + 1, module_refcnt());
	close(file);
	EXPECT_TRUE(wait_until(module_refcnt() == unused, 5000));

	fs = fs_open();
	EXPECT_EQ(unused + 1, module_refcnt());
	ASSERT_EQ(0, fs_create(fs));
	close(fs);
	EXPECT_TRUE(wait_until(module_refcnt() == unused, 5000));
	EXPECT_EQ(0, log_messages(self->log, NULL, NULL));
}

/* Disabling the livepatch by hand: the tree must stay, and hold the module. */
TEST_F(load, disabled_while_mounted)
{
	int map = map_new(), id = obj_id(map, OBJ_MAP), err;
	bool found = false;

	if (!impl_rust())
		ASSERT_EQ(0, load(NULL));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, obj_pin(map, "bpf/map"));
	close(map);
	ASSERT_EQ(0, write_file(MODULE_LIVEPATCH "/enabled", "0"));
	ASSERT_TRUE(wait_until(!exists(MODULE_LIVEPATCH), 60000));
	log_messages(self->log, "disabled while mounted", &found);
	EXPECT_TRUE(found);
	EXPECT_TRUE(serves(false));

	EXPECT_EQ(-EAGAIN, delete_module());
	EXPECT_EQ(-EEXIST, module_load(NULL));
	/* All that goes without bpf(2) goes on. */
	EXPECT_EQ(S_IFREG | 0600, ({ struct stat st = {}; stat("bpf/map", &st); st.st_mode; }));
	EXPECT_EQ(0, sys(mkdir("bpf/dir", 0755)));
	EXPECT_EQ(0, sys(rename("bpf/map", "bpf/dir/map")));
	EXPECT_EQ(-ENOTEMPTY, sys(rmdir("bpf/dir")));
	/* To C's functions this is a file system as any other. */
	map = map_new();
	EXPECT_EQ(-EPERM, obj_pin(map, "bpf/new"));
	EXPECT_EQ(-EACCES, obj_get("bpf/dir/map"));
	EXPECT_TRUE(obj_alive(OBJ_MAP, id));

	ASSERT_EQ(0, umount_bpf("bpf"));
	EXPECT_TRUE(obj_gone(OBJ_MAP, id));
	EXPECT_TRUE(wait_until(!(err = delete_module()), 5000))
		TH_LOG("%s", strerror(-err));
	EXPECT_GT(0, module_refcnt());
}

/*
 * Inodes that still wait for a grace period when their slab cache goes, and the module;
 * links that the task that unmounts still has to detach.
 */
TEST_F(load, right_after_umount)
{
	char name[32];
	int i, err, link;
	pid_t pid;

	if (!impl_rust())
		ASSERT_EQ(0, load(NULL));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	for (i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "bpf/%d", i);
		ASSERT_EQ(0, sys(mkdir(name, 0755)));
	}
	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "bpf/link%d", i);
		link = link_new(-1);
		ASSERT_EQ(0, obj_pin(link, name));
		close(link);
	}
	ASSERT_EQ(0, write_file(MODULE_LIVEPATCH "/enabled", "0"));
	ASSERT_TRUE(wait_until(!exists(MODULE_LIVEPATCH), 60000));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-umount_bpf("bpf"));
	while ((err = delete_module()) == -EAGAIN)
		sched_yield();
	EXPECT_EQ(0, err);
	EXPECT_EQ(0, wait_child(pid));
	EXPECT_EQ(0, names_with("/sys/kernel/slab", MODULE_NAME));
}

/* A file outside that cannot be read when the livepatch is disabled, or that outlives its mount. */
TEST_F(load, disabled_while_exposed)
{
	int map = map_readable(), fd, err;
	char text[256];

	if (!impl_rust())
		ASSERT_EQ(0, load(NULL));
	ASSERT_EQ(0, cgroups_enter());
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, obj_pin(map, "bpf/map"));
	ASSERT_EQ(0, obj_pin(map, CGROUP "/bpf.map"));
	ASSERT_EQ(0, obj_pin(map, CGROUP "/bpf.other"));
	fd = open(CGROUP "/bpf.map", O_RDONLY | O_CLOEXEC);
	ASSERT_EQ(0, write_file(MODULE_LIVEPATCH "/enabled", "0"));
	ASSERT_TRUE(wait_until(!exists(MODULE_LIVEPATCH), 60000));
	EXPECT_EQ(-EAGAIN, delete_module());
	EXPECT_LT(0, sys(read(fd, text, sizeof(text))));
	EXPECT_LT(0, read_file(CGROUP "/bpf.other", text, sizeof(text)));
	/* To C's functions, this is no pin. */
	EXPECT_EQ(-EACCES, obj_get(CGROUP "/bpf.map"));
	EXPECT_EQ(-EPERM, obj_pin(map, CGROUP "/bpf.new"));
	EXPECT_EQ(0, write_file(CGROUP "/bpf.other", "remove"));
	EXPECT_FALSE(exists(CGROUP "/bpf.other"));
	ASSERT_EQ(0, umount_bpf("bpf"));
	EXPECT_FALSE(exists(CGROUP "/bpf.map"));
	EXPECT_TRUE(wait_until(!(err = delete_module()), 5000))
		TH_LOG("%s", strerror(-err));
	/* Nothing of the module is needed for a file that is open still. */
	EXPECT_EQ(-ENODEV, sys(pread(fd, text, sizeof(text), 0)));
	EXPECT_EQ(-ENODEV, sys(lseek(fd, 0, SEEK_SET)));
	EXPECT_EQ(0, close(fd));
	ASSERT_EQ(0, cgroups_leave());
}

/* Nodes, files and what belongs to them that are still taken apart when the module goes. */
TEST_F(load, right_after_exposed)
{
	enum { CNT = 200 };
	int map = map_readable(), fds[CNT], err, i;
	char path[64], text[16];
	pid_t pid;

	if (!impl_rust())
		ASSERT_EQ(0, load(NULL));
	ASSERT_EQ(0, cgroups_enter());
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	ASSERT_EQ(0, mount_bpf("bpf", NULL));
	ASSERT_EQ(0, obj_pin(map, "bpf/map"));
	for (i = 0; i < CNT; i++) {
		snprintf(path, sizeof(path), CGROUP "/bpf.%d", i);
		ASSERT_EQ(0, obj_pin(map, path));
		fds[i] = open(path, O_RDWR | O_CLOEXEC);
		ASSERT_EQ(sizeof(text), sys(read(fds[i], text, sizeof(text))));
	}
	ASSERT_EQ(0, write_file(MODULE_LIVEPATCH "/enabled", "0"));
	ASSERT_TRUE(wait_until(!exists(MODULE_LIVEPATCH), 60000));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(-umount_bpf("bpf"));
	while ((err = delete_module()) == -EAGAIN) {
		/* Until then they may be read, or not. */
		i = (i + 1) % CNT;
		EXPECT_NE(0, sys(pread(fds[i], text, sizeof(text), 0)));
	}
	EXPECT_EQ(0, err);
	EXPECT_EQ(0, wait_child(pid));
	for (i = 0; i < CNT; i++) {
		EXPECT_EQ(-ENODEV, sys(read(fds[i], text, sizeof(text))));
		EXPECT_EQ(-ENODEV, sys(write(fds[i], "remove", 6)));
		EXPECT_EQ(0, close(fds[i]));
	}
	ASSERT_EQ(0, cgroups_leave());
}

/* A module that goes while a task sleeps in it, which then returns into nothing. */
TEST_F(load, sleeper_keeps_module)
{
	int fuse[2], i;
	pid_t pid[2];

	if (!impl_rust())
		ASSERT_EQ(0, load(NULL));
	for (i = 0; i < 2; i++) {
		fuse[i] = mount_unserved(i ? "get" : "pin");
		ASSERT_LE(0, fuse[i]);
	}
	for (i = 0; i < 2; i++) {
		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i]) {
			close(fuse[0]);
			close(fuse[1]);
			_exit(-(i ? obj_get("get/dir/x") : obj_pin(map_new(), "pin/dir/x")));
		}
		ASSERT_TRUE(wait_until(asleep(pid[i]), 10000));
	}
	ASSERT_EQ(0, write_file(MODULE_LIVEPATCH "/enabled", "0"));
	for (i = 0; i < 2; i++) {
		/* Long enough for all the other tasks. */
		EXPECT_FALSE(wait_until(!exists(MODULE_LIVEPATCH), 4000))
			TH_LOG("%s", i ? "get" : "pin");
		EXPECT_TRUE(asleep(pid[i]));
		close(fuse[i]);
		EXPECT_EQ(ENOTCONN, wait_child(pid[i]));
	}
	EXPECT_TRUE(wait_until(!exists(MODULE_LIVEPATCH), 60000));
	EXPECT_TRUE(wait_until(!delete_module(), 5000));
}

/* Something of the module that is still there when it has gone. */
TEST_F(load, leaves_nothing)
{
	/* Having been loaded is the point, should this test be run alone. */
	if (module_refcnt() < 0 && !*was_loaded)
		ASSERT_EQ(0, load(NULL));
	if (module_refcnt() >= 0)
		ASSERT_EQ(0, module_unload());
	EXPECT_TRUE(serves(false));
	EXPECT_EQ(1, lines_with_end("/proc/filesystems", "\tbpf", NULL));
	EXPECT_EQ(0, names_with("/sys/kernel/slab", MODULE_NAME));
	EXPECT_EQ(0, lines_with_end("/proc/kallsyms", "[" MODULE_NAME "]", NULL));
	EXPECT_EQ(0, names_with("/sys/module", MODULE_NAME));
	EXPECT_EQ(0, names_with("/sys/kernel/livepatch", MODULE_NAME));
	EXPECT_EQ(1, names_with("/sys/fs", "bpf"));
	EXPECT_TRUE(exists("/sys/fs/bpf/."));
}

/*
 * Again and again, with a parameter that there is not, and in use all the
 * time: BPFFS_STRESS is the number of times.
 */
TEST_F_TIMEOUT(load, repeatedly, 3600)
{
	unsigned long i;

	for (i = 0; i < stress(1); i++) {
		struct hammer hammer;
		bool found = false;

		if (module_refcnt() >= 0)
			ASSERT_EQ(0, module_unload());
		log_messages(self->log, NULL, NULL);
		ASSERT_EQ(0, load("no_such_parameter=1"));
		ASSERT_EQ(0, hammer_start(&hammer));
		EXPECT_TRUE(hammer_works(&hammer));
		hammer.shared->unloading = 1;
		ASSERT_EQ(0, module_unload());
		hammer.shared->unloading = 0;
		EXPECT_TRUE(hammer_works(&hammer));
		EXPECT_TRUE(hammer_stop(&hammer));
		/* Serves, ignores the parameter, perhaps was mounted, has gone. */
		EXPECT_GE(4, log_messages(self->log, "served by the kernel", &found));
		EXPECT_TRUE(found);
	}
	EXPECT_TRUE(serves(false));
}

